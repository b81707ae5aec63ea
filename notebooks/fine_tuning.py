# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fine-tuning in every scenario
#
# **What this page answers.** How well does each way of fine-tuning separate the classes, from
# radiologic and from photographic weights? The counterpart of the paper's Figure 3.
#
# | | |
# |---|---|
# | command | `make book`, or `rin grid breast --profile demo` for this step alone |
# | time and memory | stated at the end of this page, as measured in this very run |
# | expected | areas above 0.5; which start is ahead depends on images, budget and scenario |

# %% tags=["parameters", "hide-input"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]

from rin.report.figures import auc_swarm, mean_roc, use_style
from rin.report.glued import glue_values
from rin.report.provenance import task_banner
from rin.report.style import init_style
from rin.report.tables import book_table
from rin.report.tables_study import block_table, published_sentence
from rin.report.tidy import init_summary, scenario_means
from rin.stats import roc, scenario_aucs
from rin.study import open_study, predictions, run_grid, run_records, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = task_inputs(study, task)
runs = run_grid(study, inputs)

# %% tags=["remove-input"]
task_banner(study, inputs)

# %% [markdown]
# One run is one scenario, one initialisation and one fold. The epoch with the lowest validation
# loss is kept, and only its predictions on the test cases are looked at from here on.

# %%
scored = predictions(study, inputs)
means = scenario_means(scenario_aucs(scored))
summary = init_summary(means)
inits = study.profile.inits[:2]

# %% [markdown]
# ## Every scenario, one dot

# %%
_ = auc_swarm(means, summary, inits)

# %% tags=["hide-input"]
for place, init in zip("ab", inits, strict=True):
    row = summary.set_index("init").loc[init]
    glue_values(
        **{
            f"name_{place}": init_style(init).short.lower(),
            f"mean_{place}": row["mean"],
            f"sd_{place}": row["sd"],
        }
    )
glue_values(n_runs=len(runs))

# %% [markdown]
# Mean area ± SD over the scenarios: {glue:text}`name_a` {glue:text}`mean_a:.3f` ±
# {glue:text}`sd_a:.3f`, {glue:text}`name_b` {glue:text}`mean_b:.3f` ± {glue:text}`sd_b:.3f`. The
# SD describes how much the choice of scenario matters; it says nothing about other patients.

# %% tags=["remove-input"]
published_sentence(inputs.task.paper_task)

# %% [markdown]
# ## Mean ROC curves

# %%
_ = mean_roc(roc.mean_roc(scored), summary, inits)

# %% [markdown]
# Curves are averaged over scenarios at equal false-positive rates; the band is one SD. The paper
# describes averaging false- and true-positive rates together, which the statistics page shows too.
#
# ## Time and memory of this run

# %% tags=["hide-input"]
records = run_records(study, inputs)
glue_values(
    grid_minutes=records["seconds"].sum() / 60,
    peak_memory=records["peak_memory_gb"].max(),
)
book_table(block_table(records), "Seconds a run, and peak memory of the worker that ran it")

# %% [markdown]
# The {glue:text}`n_runs` runs took {glue:text}`grid_minutes:.1f` minutes of one worker's time
# (compiling excluded), and no worker held more than {glue:text}`peak_memory:.1f` GB.
