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
# # Only the tests
#
# *Answers* how to compare two models on a table of your own. *Needs* `pip install .`, no deep
# learning. *Takes* seconds: `rin run notebooks/use/tests_alone.py`.
#
# Two models, one table of scores, several images of a patient: `rin.stats` compares their AUCs
# without the rest of this study: `pip install .` in a checkout brings neither a deep-learning
# framework nor plotting. Any cell can be copied; all cases below are made up.
#
# ## A table of your own
#
# One row an image, labels 0 or 1, and a higher score speaks for 1. Only the order of scores
# matters, so probabilities, logits and ratings all do. With a file on disk, give its name to
# `read_csv`.

# %%
from io import StringIO

import pandas as pd

file = StringIO("""patient,fold,label,model_a,model_b
p01,1,0,0.12,0.30
p01,1,0,0.08,0.41
p02,1,1,0.81,0.66
p02,1,1,0.77,0.35
p02,1,1,0.90,0.58
p03,2,0,0.35,0.52
p03,2,0,0.44,0.61
p04,2,1,0.58,0.47
p04,2,1,0.49,0.62
p05,2,0,0.21,0.09
p05,2,0,0.26,0.18
p06,2,1,0.93,0.88
p06,2,1,0.88,0.79
p07,1,0,0.52,0.33
p07,1,0,0.61,0.27
p08,1,1,0.42,0.71
p08,1,1,0.37,0.55
p09,2,0,0.05,0.22
p10,2,1,0.72,0.91
p10,2,0,0.39,0.60
""")
images = pd.read_csv(file)
images.head(3)

# %% [markdown]
# ## One AUC
#
# The plain interval is cut at 0 and 1; the logit interval never reaches them, and is the better
# choice for AUCs near 1.

# %%
from rin.stats import auc_ci

plain = auc_ci(images["label"], images["model_a"])
logit = auc_ci(images["label"], images["model_a"], scale="logit")
pd.DataFrame({"plain": vars(plain), "logit": vars(logit)}).round(3)

# %% [markdown]
# ## Two models on the same images
#
# Images of a patient resemble each other, so they say less than as many independent cases would.
# DeLong's test {cite:p}`delong1988` counts images; Obuchowski's estimator
# {cite:p}`obuchowski1997` takes patients as the units. The AUCs stay the same, and what is known
# about them changes. `estimate`, `ci_low` and `ci_high` are of a − b.

# %%
from rin.stats import delong_test

naive = delong_test(images["label"], images["model_a"], images["model_b"])
clustered = delong_test(
    images["label"], images["model_a"], images["model_b"], images["patient"]
)
rows = ["estimate", "ci_low", "ci_high", "p_value"]
both = pd.DataFrame(
    {"images independent": vars(naive), "patients independent": vars(clustered)}
)
both.loc[rows].astype(float).round(3)

# %% [markdown]
# For two groups of different patients there is `delong_test_unpaired`; for contrasts of three or
# more models `auc_contrasts`.
#
# ## Folds and scenarios: the comparison of this book
#
# Where each fold has a network of its own, AUCs are computed within a fold and averaged.
# `init_differences` does so for every task of a long table, over all scenarios and by group, with
# patients as the units and Holm's adjustment over the tasks. Its columns are those of
# `runs.predictions(…)` in this book; a table of your own needs the names below. What a model was
# initialised from is `init`; with one way of training there is one scenario.

# %%
from rin.stats import init_differences

scores = (
    images.rename(columns={"patient": "patient_id"})
    .reset_index(names="case_id")
    .melt(
        id_vars=["case_id", "patient_id", "fold", "label"],
        value_vars=["model_a", "model_b"],
        var_name="init",
        value_name="score",
    )
    .assign(
        task="mine",
        scenario="only",
        unfreezing="unfreeze_all",
        seed=0,
        part="test",
    )
)
table = init_differences(scores, "model_a", "model_b")
shown = ["auc_a", "auc_b", "estimate", "ci_low", "ci_high", "p_holm"]
table.loc[table["group"] == "all", shown].round(3)

# %% [markdown]
# A P value from one task needs no adjustment. Of several tests made otherwise:

# %%
from rin.stats import holm

holm([0.030, 0.012, 0.028, 0.400]).round(3)

# %% [markdown]
# ## What errors look like
#
# Nothing is repaired or dropped in silence.

# %%
from rin.errors import InputError

attempts = {
    "one class": ([1, 1, 1], [0.2, 0.3, 0.4]),
    "other labels": (["benign", "malignant"], [0.2, 0.3]),
    "a missing score": ([0, 1, 1], [0.2, float("nan"), 0.4]),
}
for name, (bad_labels, bad_scores) in attempts.items():
    try:
        auc_ci(bad_labels, bad_scores)
    except InputError as error:
        print(f"{name:16} {error}")

# %% [markdown]
# ## What `rin.stats` offers
#
# Every docstring says what a function takes and what it returns; `tests/stats` names its oracle.
# Modules hold more: `clinical` (calibration), `planning`, `synthesis` (meta-analysis), `hypothesis`.

# %%
import inspect

import rin.stats

functions = [
    name for name, _ in inspect.getmembers(rin.stats, inspect.isfunction)
]
print(", ".join(functions))
