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
# # Does pretraining help at all?
#
# **What this page answers.** The paper compares two pretrainings with each other and never with a
# network that had none. How much does each gain over random weights, with the same backbone, the
# same head, the same order of the cases and the same steps?
#
# | | |
# |---|---|
# | command | `make book`, with a `from_random` section in the profile |
# | time and memory | one training for each init, scenario and fold; the grid's are not repeated |
# | expected | on real images, clearly better than random weights when all layers are unfrozen |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from rin.report.figures import use_style
from rin.report.from_random import (
    areas_over_folds,
    from_random_panels,
    gains_over_random,
    gains_reading,
    gains_table,
)
from rin.report.glued import glue_values
from rin.report.provenance import study_banner
from rin.report.tables import book_table
from rin.study import from_random_inputs, from_random_records, open_study, run_from_random

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = from_random_inputs(study)
scored = run_from_random(study, inputs)

# %% tags=["remove-input"]
study_banner(study, inputs, records=from_random_records(study, inputs))

# %% [markdown]
# ## Areas
#
# Folds have disjoint test sets, so each test image counts once.

# %%
areas = areas_over_folds(scored)
_ = from_random_panels(areas, inputs)

# %% tags=["hide-input"]
glue_values(
    n_runs=len(areas.explode("folds")),
    n_folds=scored["fold"].nunique(),
    random_auc=areas.loc[areas["init"] == "random", "auc"].mean(),
)

# %% [markdown]
# The black mark is the area over the test images of every fold, the bar its 95 % interval, a dot
# one fold. Random weights reach {glue:text}`random_auc:.2f` on average over the panels;
# {glue:text}`n_runs` runs stand behind the figure, folds: {glue:text}`n_folds`.
#
# ## Against random weights, image by image
#
# Both networks scored the same images, so DeLong's paired test applies {cite:p}`delong1988`. P
# values are adjusted over all rows by Holm's method.

# %% tags=["hide-input"]
gains = gains_over_random(scored)
book_table(gains_table(gains, areas, inputs), "Each pretraining against random weights")

# %% tags=["remove-input"]
gains_reading(gains, inputs)

# %% [markdown]
# Images of one patient are taken as independent here, which makes the intervals too narrow where
# patients have several. The number of patients stands in the table.
