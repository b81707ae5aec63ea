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
# # All tasks side by side
#
# **What this page answers.** Does the radiologic start lead on every task, and does it lead more
# where the dataset is small? The counterparts of the paper's Figures 3 and 4.
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | under a minute and 1 GB on a laptop; no GPU is used |
# | expected | spreads over scenarios that are wider than most differences between the starts |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from IPython.display import display

from rin.report.across import by_folds, task_results
from rin.report.figures import use_style
from rin.report.figures_across import task_rows
from rin.report.glued import glue_values
from rin.report.provenance import study_banner
from rin.report.readings_across import gains_reading, origins_reading
from rin.report.reference_page import reference_block
from rin.report.style import init_style
from rin.study import open_study, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
found = task_results(study, inputs)
small, large = by_folds(found)

# %% tags=["remove-input"]
study_banner(study, inputs)

# %% tags=["hide-input"]
glue_values(
    n_tasks=len(found),
    n_small=len(small),
    n_large=len(large),
    n_scenarios=found[0].pooled.n_scenarios,
    name_a=init_style(study.profile.inits[0]).short.lower(),
    name_b=init_style(study.profile.inits[1]).short.lower(),
)

# %% [markdown]
# The profile runs {glue:text}`n_tasks` of the tasks from a {glue:text}`name_a` and a
# {glue:text}`name_b` start, in {glue:text}`n_scenarios` scenarios each. In every row, each mark of
# the first panel is the area of one scenario, averaged over its folds; the other panels show the
# ROC curve averaged over scenarios at equal false-positive rates, with a band of one SD. The SD
# tells how much the choice of scenario matters, and nothing about other patients.

# %% tags=["remove-input"]
origins_reading(found)

# %% [markdown]
# ## Small datasets
#
# The tasks that the paper cross-validates, its Figure 3. Run here: {glue:text}`n_small`.

# %% tags=["hide-input"]
display(*task_rows(small))

# %% tags=["remove-input"]
gains_reading(small)

# %% [markdown]
# ## Larger datasets
#
# The tasks with a single split, the paper's Figure 4. Run here: {glue:text}`n_large`.

# %% tags=["hide-input"]
display(*task_rows(large))

# %% tags=["remove-input"]
gains_reading(large)

# %% [markdown]
# ## On real images: the reference run
#
# [](reference_run) shows it whole.

# %% tags=["hide-input"]
display(*reference_block(profile=study.profile.name))
