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
# # Pretraining from random initialisation
#
# **What this page answers.** Four networks start from random weights and learn to name the classes
# of a corpus, once of radiologic images and once of photographs, with the same number of images,
# steps and epochs. Did they learn, and how well?
#
# | | |
# |---|---|
# | command | `make book`, or `rin pretrain --profile demo` for this step alone |
# | time and memory | stated below, as measured in this very run |
# | expected | test accuracy far above chance for every network; the weights feed the next pages |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]

from rin.report.figures import pretraining_panels, use_style
from rin.report.provenance import pretraining_banner
from rin.report.tables import book_table
from rin.report.tables_study import (
    database_sentence,
    pretraining_reading,
    pretraining_table,
)
from rin.study import open_study, pretraining_histories, run_pretraining

use_style()
study = open_study(profile, data_root=data_root, results=results)
weights = run_pretraining(study)

# %% tags=["remove-input"]
pretraining_banner(study)

# %% [markdown]
# ## The budget
#
# Both corpora go through the same compiled step: same backbone, same random start, same order of
# training, same learning rate. Gray images are repeated to three channels, photographs keep their
# colours. Neither corpus publishes patient identifiers, so the split is by image.

# %% tags=["hide-input"]
book_table(pretraining_table(weights), "Test accuracy (0–1) and time of each pretraining run")

# %% tags=["remove-input"]
pretraining_reading(weights)

# %% [markdown]
# ## Learning curves

# %% tags=["hide-input"]
_ = pretraining_panels(pretraining_histories(study), study.profile.inits)

# %% [markdown]
# Validation accuracy (dashed) shows whether the budget was enough: a curve that still rises at the
# end asks for more epochs, which a larger profile gives.
#
# ## What the paper did

# %% tags=["remove-input"]
database_sentence()

# %% [markdown]
# Its images are available on request only, so this page repeats the procedure on what is open, or
# on stand-ins, and never claims to have produced the released weights. Those are entries of their
# own in `data_manifests/weights.yaml`.
