# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,jupyter,mystnb,-all
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A task of one's own
#
# *Answers* which initialisation ranks the new cases better, on one task. *Needs* its runs, which
# `rin study --profile NAME` makes. *Takes* seconds:
# `rin run notebooks/use/task_cover.py -p profile=NAME`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin.data.manifest import PARTS, find_task
from rin.errors import counted
from rin.report import words
from rin.report.banner import banner
from rin.report.format import book_table, inline_title
from rin.report.lines import slopes
from rin.report.page import picture
from rin.report.style import init_style, use_style
from rin.stats import (
    init_differences,
    pretraining_differences,
    scenario_aucs,
)
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
task, inits = runs.workspace.profile.live_task, runs.inits
banner(runs, [task])

# %%
scores = runs.predictions(task=task)
networks = init_differences(scores, *inits)
overall = networks.set_index("group").loc["all"]
pretrainings = pretraining_differences(scores, *inits)
facts = runs.facts(task)
unit = facts.dataset.independence  # such as patient
weights = [init_style(init).word for init in inits]
fewest = scores.groupby("label")["patient_id"].nunique().min()  # of a class
title = find_task(task)[1].title
finding = words.finding(
    words.deciding(pretrainings, networks),
    {task: inline_title(title)},
    inits,
    stand_ins=runs.stand_ins(task),
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
**{title}.** {finding} On {words.images_tested(overall, unit)}, the mean AUC
over {counted(int(overall["n_scenarios"]), "scenarios")} is
{overall["auc_a"]:.2f} with {weights[0]} and {overall["auc_b"]:.2f} with
{weights[1]} weights. {words.few_patients(int(fewest))}
""")

# %%
aucs = scenario_aucs(scores).groupby(["scenario", "init"])["auc"].mean()
kinds = scores[["scenario", "backbone", "unfreezing"]].drop_duplicates()
axes = slopes(aucs.reset_index().merge(kinds), inits, "backbone")
every_auc = "AUC of every scenario from either initialisation"
picture(axes, every_auc, width=f"{18 * min(axes.size, 3)}rem")

# %% [markdown]
# Each line is a scenario of fine-tuning, from one kind of weights to the other.
#
# ## The images

# %%
parts = pd.DataFrame(
    [(part, f"{facts.split[part]:,}") for part in PARTS],
    columns=["Part", "Images, all folds together"],
)
book_table(parts, f"{facts.dataset.used:,} images, divided by {unit}")

# %% [markdown]
# The pages that follow show how the networks were trained.
