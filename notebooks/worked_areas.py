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
# # A dozen cases by hand
#
# **What this page answers.** What do the statistics of this book do, step by step, on cases few
# enough to see all of them? Every step is computed here in plain pandas and must equal what
# `rin.stats` returns; the page stops where it does not.
#
# | | |
# |---|---|
# | command | `make book`, or `rin run notebooks/worked_areas.py` alone |
# | time and memory | seconds; 300 MB; no GPU |
# | expected | the same numbers on every computer; cases and scores are made up |

# %%
import math

import numpy as np
import pandas as pd
from IPython.display import display

from rin import stats
from rin.report.figures import use_style
from rin.report.figures_pairs import pair_grid
from rin.report.glued import glue_values
from rin.report.panels import picture

use_style()

cases = pd.DataFrame(
    {
        "patient": ["P1", "P1", "P2", "P2", "P3", "P3", "P4", "P4", "P5", "P5", "P6", "P6"],
        "label": [1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1],
        "A": [0.95, 0.8, 0.6, 0.6, 0.7, 0.5, 0.4, 0.3, 0.7, 0.2, 0.05, 0.3],
        "B": [0.7, 0.8, 0.4, 0.5, 0.5, 0.6, 0.5, 0.6, 0.2, 0.3, 0.4, 0.1],
    },
    index=pd.RangeIndex(1, 13, name="case"),
)
cases

# %% [markdown]
# Six patients with two images each, scored by models A and B. Patients P2 and P6 have an image of
# either class.
#
# ## The area counts pairs
#
# Take every pair of a positive and a negative case. The model wins where the positive case scores
# higher; a tie counts one half.

# %%
positive = cases[cases["label"] == 1]
negative = cases[cases["label"] == 0]


def won_pairs(model):
    above = positive[model].to_numpy()[:, None] > negative[model].to_numpy()
    equal = positive[model].to_numpy()[:, None] == negative[model].to_numpy()
    return pd.DataFrame(above + equal / 2, index=positive.index, columns=negative.index)


pairs = {model: won_pairs(model) for model in ("A", "B")}
area = {model: float(won.to_numpy().mean()) for model, won in pairs.items()}
for model in area:
    assert math.isclose(area[model], stats.auc_ci(cases["label"], cases[model]).auc)
area

# %% tags=["hide-input"]
for model, won in pairs.items():
    ax = pair_grid(won, title=f"Model {model}: {won.to_numpy().sum():g} of {won.size} pairs won")
    alt = f"{len(won)} by {len(won.columns)} squares, one a pair of cases, for model {model}."
    display(picture(ax.figure, alt, width="26rem"))
glue_values(won_a=float(pairs["A"].to_numpy().sum()), n_pairs=pairs["A"].size, area_a=area["A"],
            area_b=area["B"])  # fmt: skip

# %% [markdown]
# Model A wins {glue:text}`won_a:.1f` of {glue:text}`n_pairs` pairs, so its area is
# {glue:text}`area_a:.3f`; B's is {glue:text}`area_b:.3f`.
#
# ## Placements
#
# A case's placement is its row or column mean: the share of the other class that it stands on the
# right side of. Both classes' placements average to the area.

# %%
placements = pd.concat(
    [pd.DataFrame({m: pairs[m].mean(axis=1 - other) for m in pairs}) for other in (0, 1)],
    keys=["positive", "negative"],
    names=["class"],
)
assert np.allclose(placements.groupby("class").mean(), list(area.values()))
placements.round(3).T

# %% [markdown]
# ## DeLong's variance
#
# The area is a mean over positive and a mean over negative cases at once. Its variance adds the
# variance of each class's placements over the number of its cases {cite:p}`delong1988`. The
# covariance of the two models is the same with products in place of squares, because both scored
# the same cases.

# %%
m, n = len(positive), len(negative)
spread = {name: part.cov() for name, part in placements.groupby("class")}
covariance = spread["positive"] / m + spread["negative"] / n
assert np.allclose(covariance, stats.delong_covariance(cases["label"], cases[["A", "B"]].T)[1])
covariance.round(5)

# %% [markdown]
# ## The test of the difference
#
# Cases on which both models do equally well or badly tell nothing about the difference: twice the
# covariance is taken off.

# %%
difference = area["A"] - area["B"]
variance = covariance.loc["A", "A"] + covariance.loc["B", "B"] - 2 * covariance.loc["A", "B"]
z = difference / math.sqrt(variance)
p_value = math.erfc(abs(z) / math.sqrt(2))
half_width = 1.959963984540054 * math.sqrt(variance)
by_hand = [difference, variance, z, p_value, difference - half_width, difference + half_width]

names = ["difference", "variance", "z", "p_value", "ci_low", "ci_high"]
test = stats.delong_test(cases["label"], cases["A"], cases["B"])
assert np.allclose(by_hand, [getattr(test, name) for name in names])
pd.Series(by_hand, names, name="A − B, images independent").round(4).to_frame()

# %% [markdown]
# ## The logit interval
#
# The plain interval of A's area runs past 1 and is cut. On the scale of log odds there is no edge:
# the interval is built there and brought back {cite:p}`pepe2003`.

# %%
error = math.sqrt(covariance.loc["A", "A"])
log_odds = math.log(area["A"] / (1 - area["A"]))
log_odds_error = error / (area["A"] * (1 - area["A"]))
ends = [log_odds + side * 1.959963984540054 * log_odds_error for side in (-1, 1)]
low, high = (1 / (1 + math.exp(-end)) for end in ends)

plain = stats.auc_ci(cases["label"], cases["A"])
logit = stats.auc_ci(cases["label"], cases["A"], scale="logit")
assert np.allclose([low, high], [logit.ci_low, logit.ci_high]) and plain.ci_high == 1
pd.DataFrame({"plain": vars(plain), "logit": vars(logit)}).round(4)

# %% [markdown]
# ## Patients as the units
#
# Two images of one patient are not two independent cases. Obuchowski's variance
# {cite:p}`obuchowski1997` first adds up, for each patient, how far the placements of its images lie
# from their mean; here for the difference of the models. Patients with images of both classes
# bring a third term, the product of both sums.

# %%
apart = (placements["A"] - placements["B"] - difference).rename("apart").reset_index()
apart["patient"] = apart["case"].map(cases["patient"])
sums = apart.pivot_table("apart", "patient", "class", aggfunc="sum", fill_value=0)
sums = sums[["positive", "negative"]]
sums.round(3)

# %%
patients = cases["patient"].nunique()
with_positive, with_negative = positive["patient"].nunique(), negative["patient"].nunique()
s10 = with_positive / (with_positive - 1) / m * (sums["positive"] ** 2).sum()
s01 = with_negative / (with_negative - 1) / n * (sums["negative"] ** 2).sum()
s11 = patients / (patients - 1) * (sums["positive"] * sums["negative"]).sum()
clustered_variance = s10 / m + s01 / n + 2 * s11 / (m * n)

clustered = stats.clustered_test(cases["label"], cases["A"], cases["B"], cases["patient"])
assert np.allclose(clustered_variance, clustered.variance)
glue_values(naive_error=math.sqrt(variance), clustered_error=math.sqrt(clustered_variance),
            design_effect=clustered.design_effect)  # fmt: skip
both = pd.DataFrame({"images independent": vars(test), "patients independent": vars(clustered)})
both.loc[names].astype(float).round(4)

# %% [markdown]
# The standard error of the difference is {glue:text}`naive_error:.3f` with images as the units and
# {glue:text}`clustered_error:.3f` with patients: the variance changes by a factor of
# {glue:text}`design_effect:.2f`. On so few patients either is rough; the page on coverage shows
# when the difference matters.
#
# ## Are scores probabilities?
#
# Areas ask for order only. Calibration asks whether, of cases scored about 0.7, about 70 % are
# positive: sort the cases by A's score, cut them into bins of four, and compare.

# %%
ordered = cases.sort_values("A").assign(bin=np.repeat([1, 2, 3], 4))
bins = ordered.groupby("bin").agg(score=("A", "mean"), observed=("label", "mean"))
bins["distance"] = (bins["score"] - bins["observed"]).abs()
ece = bins["distance"].mean()
brier = ((cases["A"] - cases["label"]) ** 2).mean()
assert math.isclose(ece, stats.expected_calibration_error(cases["label"], cases["A"], bins=3))
assert math.isclose(brier, stats.brier_score(cases["label"], cases["A"]))
glue_values(ece=ece, brier=brier)
bins.round(3)

# %% [markdown]
# The mean distance, the expected calibration error, is {glue:text}`ece:.3f`. The Brier score, the
# mean squared distance of score and label over single cases, is {glue:text}`brier:.3f`.
#
# ## Sensitivity at a stated specificity
#
# Each threshold has a sensitivity and a specificity. At a specificity that some threshold reaches,
# the highest sensitivity counts.

# %%
thresholds = pd.DataFrame(
    {
        "sensitivity": [(positive["A"] >= cut).mean() for cut in sorted(set(cases["A"]))],
        "specificity": [(negative["A"] < cut).mean() for cut in sorted(set(cases["A"]))],
    },
    index=pd.Index(sorted(set(cases["A"])), name="positive from"),
)
asked = 5 / 6
reached = thresholds[np.isclose(thresholds["specificity"], asked)]
sensitivity = reached["sensitivity"].max()
assert math.isclose(
    sensitivity, stats.sensitivity_at_specificity(cases["label"], cases["A"], asked)
)
glue_values(asked=100 * asked, sensitivity=100 * sensitivity)
thresholds.round(3)

# %% [markdown]
# At a specificity of {glue:text}`asked:.0f` %, A finds {glue:text}`sensitivity:.0f` % of the
# positive cases.
#
# ## Folds that share their training cases
#
# Differences of five folds, made up. Any two folds were trained on largely the same patients, so
# their differences move together; Nadeau and Bengio {cite:p}`nadeau2003` add the ratio of tested
# to trained cases to the usual 1/5.

# %%
fold_differences = pd.Series([0.031, 0.012, 0.044, -0.006, 0.027])
ratio = 15 / 75  # tested over trained
plain_error = math.sqrt(fold_differences.var() / 5)
corrected_error = math.sqrt((1 / 5 + ratio) * fold_differences.var())

corrected = stats.nadeau_bengio(fold_differences, ratio)
assert math.isclose(corrected.t, fold_differences.mean() / corrected_error)
uncorrected = stats.nadeau_bengio(fold_differences, 0)
assert math.isclose(uncorrected.t, fold_differences.mean() / plain_error)
glue_values(plain_error=100 * plain_error, corrected_error=100 * corrected_error)
pd.DataFrame({"plain t": vars(uncorrected), "corrected t": vars(corrected)}).round(4)

# %% [markdown]
# The standard error grows from {glue:text}`plain_error:.2f` to {glue:text}`corrected_error:.2f`
# points. The mean is the same; the folds are no longer taken for five separate experiments.
