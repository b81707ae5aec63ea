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
# **What this page answers.** How does one compare two models' areas under the ROC curve, with
# several images of a patient or one, in a notebook of one's own and without the rest of this study?
#
# | | |
# |---|---|
# | command | none: copy any cell; this page is computed by `make book` |
# | time and memory | seconds; 200 MB |
# | expected | the same numbers on every computer; all cases below are made up |
#
# `rin.stats` needs NumPy, SciPy, pandas, statsmodels and scikit-learn, and pingouin for
# `effect_sizes` alone. It loads no deep-learning framework and no plotting. In a checkout of the
# repository:
#
# ```console
# pip install numpy scipy pandas statsmodels scikit-learn
# pip install --no-deps .
# ```

# %% [markdown]
# ## Two models, three arrays
#
# Labels are 0 or 1, and a higher score speaks for 1. Only the order of scores matters, so
# probabilities, logits and ratings all do.

# %%
from rin.stats import delong

labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
scores_a = [0.1, 0.2, 0.2, 0.4, 0.5, 0.7, 0.3, 0.6, 0.7, 0.8, 0.9, 0.9]
scores_b = [0.3, 0.1, 0.6, 0.2, 0.8, 0.4, 0.2, 0.7, 0.4, 0.5, 0.9, 0.6]

test = delong.delong_test(labels, scores_a, scores_b)
test.difference, test.p_value

# %% [markdown]
# A result is a small record. `ci_low` and `ci_high` belong to the difference, a − b; give
# `level=0.9` for another confidence level.

# %%
test

# %% [markdown]
# ## From a file of one's own
#
# One row an image. With a file on disk, give its name to `read_csv` instead.

# %%
from io import StringIO

import pandas as pd

file = StringIO("""patient,label,model_a,model_b
p01,0,0.12,0.30
p01,0,0.08,0.41
p02,1,0.81,0.66
p02,1,0.77,0.35
p02,1,0.90,0.58
p03,0,0.35,0.52
p03,0,0.44,0.61
p04,1,0.58,0.47
p04,1,0.49,0.62
p05,0,0.21,0.09
p05,0,0.26,0.18
p06,1,0.93,0.88
p06,1,0.88,0.79
p07,0,0.52,0.33
p07,0,0.61,0.27
p08,1,0.42,0.71
p08,1,0.37,0.55
p09,0,0.05,0.22
p10,1,0.72,0.91
p10,0,0.39,0.60
""")
images = pd.read_csv(file)
images.head()

# %% [markdown]
# An area with its interval. The plain interval is cut at 0 and 1; the logit interval never reaches
# them, and is the better choice for areas near 1.

# %%
from rin.stats import auc_ci

plain = auc_ci(images["label"], images["model_a"])
logit = auc_ci(images["label"], images["model_a"], scale="logit")
pd.DataFrame({"plain": vars(plain), "logit": vars(logit)}).round(4)

# %% [markdown]
# The two models on the same images (paired):

# %%
naive = delong.delong_test(images["label"], images["model_a"], images["model_b"])
pd.Series(vars(naive), name="paired, images independent").round(4).to_frame()

# %% [markdown]
# The same model on two groups of different patients (unpaired). The statistic is then called D and
# has degrees of freedom:

# %%
early = images["patient"] <= "p05"
unpaired = delong.delong_test_unpaired(
    images.loc[early, "label"],
    images.loc[early, "model_b"],
    images.loc[~early, "label"],
    images.loc[~early, "model_b"],
)
pd.Series(vars(unpaired), name="unpaired").round(4).to_frame()

# %% [markdown]
# ## Several images of one patient
#
# Images of a patient resemble each other, so they say less than as many independent cases would.
# Obuchowski's estimator {cite:p}`obuchowski1997` takes patients as the units; areas stay the
# same, and what is known about them changes.

# %%
from rin.stats import clustered_auc_ci, clustered_test

clustered = clustered_test(images["label"], images["model_a"], images["model_b"], images["patient"])
rows = ["difference", "variance", "ci_low", "ci_high", "p_value"]
both = pd.DataFrame({"images independent": vars(naive), "patients independent": vars(clustered)})
both.loc[rows].astype(float).round(4)

# %%
clustered_auc_ci(images["label"], images["model_a"], images["patient"], scale="logit")

# %% [markdown]
# `design_effect` is the clustered variance over DeLong's: how many times too small the latter is
# (or too large, where it is below 1).
#
# ## More than two models
#
# One row a model. The covariance gives every contrast between them, such as one model against the
# mean of the others.

# %%
import numpy as np

from rin.stats import area_contrast, delong_covariance

models = {
    "a": images["model_a"],
    "b": images["model_b"],
    "mean of a and b": (images["model_a"] + images["model_b"]) / 2,
}
areas, covariance = delong_covariance(images["label"], np.array(list(models.values())))
pd.DataFrame(covariance, index=models, columns=models).assign(area=areas).round(5)

# %%
area_contrast(
    images["label"],
    np.array(list(models.values())),
    weights=[-0.5, -0.5, 1],
    clusters=images["patient"],
)

# %% [markdown]
# Several comparisons at once want an adjustment of their P values, here by Holm's method:

# %%
from rin.stats import holm

pairs = [("a", "b"), ("mean of a and b", "a"), ("mean of a and b", "b")]
p_values = [
    clustered_test(images["label"], models[x], models[y], images["patient"]).p_value
    for x, y in pairs
]
adjusted = holm(p_values)
pd.DataFrame({"P": p_values, "P, Holm": adjusted}, index=[f"{x} − {y}" for x, y in pairs]).round(3)

# %% [markdown]
# ## What errors look like
#
# Nothing is repaired or dropped in silence. What cannot be computed says where, what and what to
# do.

# %%
from rin.errors import InputError

attempts = {
    "one class": ([1, 1, 1], [0.2, 0.3, 0.4]),
    "other labels": (["benign", "malignant"], [0.2, 0.3]),
    "a missing score": ([0, 1, 1], [0.2, float("nan"), 0.4]),
    "unequal lengths": ([0, 1, 1], [0.2, 0.3]),
}
for name, (bad_labels, bad_scores) in attempts.items():
    try:
        auc_ci(bad_labels, bad_scores)
    except InputError as error:
        print(f"{name:16} {error}")

# %% [markdown]
# What can be computed but says little has a documented value: a perfect curve has variance 0, so
# its plain interval is a point and its logit interval is not a number; with a single case of one
# class there is an area and no inference.

# %%
auc_ci([0, 0, 1, 1], [1, 2, 3, 4]), auc_ci([0, 0, 0, 1], [1, 2, 3, 2.5])

# %% [markdown]
# ## All that `rin.stats` offers
#
# Every function's docstring says what it takes, what it returns, and against what it was checked.

# %%
import inspect

import rin.stats

functions = {
    name: inspect.getdoc(getattr(rin.stats, name)).splitlines()[0]
    for name in rin.stats.__all__
    if inspect.isfunction(getattr(rin.stats, name))
}
pd.set_option("display.max_colwidth", None, "display.max_rows", None)
pd.DataFrame({"what it does": functions})
