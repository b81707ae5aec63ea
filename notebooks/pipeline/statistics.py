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
# # Statistics by hand
#
# Two models score the same images, several of each patient. Which ranks better, and how sure is that? Worked
# out on a dozen invented cases, in pandas: the AUC, the variance of a difference, patients as the units,
# several networks, several tests; then a simulation of what goes wrong when images count as patients.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown
from scipy.stats import norm

from rin import stats
from rin.report.page import claim, picture
from rin.report.style import use_style
from rin.stats.simulation import simulate_test_sets

use_style()

# %% [markdown]
# ## 1. The AUC counts pairs
#
# Six patients with two images each, scored by models A and B. P2 and P6 have an image of each
# class.

# %%
patients = [f"P{number}" for number in (1, 2, 3, 4, 5, 6) for _ in (1, 2)]
cases = pd.DataFrame(
    {
        "patient": patients,
        "label": [1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1],
        "A": [0.95, 0.8, 0.6, 0.6, 0.7, 0.5, 0.4, 0.3, 0.7, 0.2, 0.05, 0.3],
        "B": [0.7, 0.8, 0.4, 0.5, 0.5, 0.6, 0.5, 0.6, 0.2, 0.3, 0.4, 0.1],
    },
    index=pd.RangeIndex(1, 13, name="case"),
)
cases.T

# %% [markdown]
# Take every pair of a positive and a negative case. The model wins where the positive case scores
# higher; a tie counts one half. The AUC is the share of pairs won.

# %%
positive = cases[cases["label"] == 1]
negative = cases[cases["label"] == 0]


def won_pairs(model):
    above = positive[model].to_numpy()[:, None] - negative[model].to_numpy()
    won = (np.sign(above) + 1) / 2
    return pd.DataFrame(won, index=positive.index, columns=negative.index)


pairs = pd.concat({"A": won_pairs("A"), "B": won_pairs("B")}, names=["model"])
auc = pairs.groupby("model").mean().mean(axis=1)
auc.round(3).to_frame("AUC")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
_, ax = plt.subplots(figsize=(3.6, 3))
of_a = pairs.loc["A"]
sns.heatmap(of_a, annot=True, cbar=False, cmap="Purples", vmax=1.5, ax=ax)
ax.set(
    xlabel="Negative case",
    ylabel="Positive case",
    title=f"A wins {of_a.sum(axis=None):.1f} of {of_a.size}",
)
picture(
    ax,
    "Figure 1. The AUC is the share of pairs won",
    "Pairs of a positive and a negative case: won (1), tied (0.5) or lost (0) "
    "by model A.",
)

# %% [markdown]
# ## 2. The variance of a difference
#
# The *placement* of a case is the share of the other class that it is ranked correctly against: its row or
# column mean. The variance of the AUC adds the variances of the placements of both classes, each over its
# number of cases {cite:p}`delong1988`. For a difference, twice the covariance of the models is subtracted.

# %%
of_rows = pairs.mean(axis=1).unstack("model")  # positive cases
of_columns = pairs.groupby("model").mean().T  # negative cases
size = cases["label"].value_counts()
covariance = of_rows.cov() / size[1] + of_columns.cov() / size[0]

signs = np.array([1, -1])
difference = auc["A"] - auc["B"]
variance = signs @ covariance.to_numpy() @ signs
half_width = norm.ppf(0.975) * math.sqrt(variance)
by_hand = {
    "estimate": difference,
    "ci_low": difference - half_width,
    "ci_high": difference + half_width,
    "p_value": 2 * norm.sf(abs(difference) / math.sqrt(variance)),
}
pd.Series(by_hand, name="A − B, images independent").round(4).to_frame()

# %% [markdown]
# ## 3. Patients as the units
#
# Two images of one patient are not two independent cases. Obuchowski's variance
# {cite:p}`obuchowski1997` first adds up, for each patient, how far the placements of its images
# are from their mean. Patients with images of both classes add a third term, the product of both
# sums.

# %%
placements = pd.concat({1: of_rows, 0: of_columns}, names=["label"])
apart = placements["A"] - placements["B"] - difference
owner = cases["patient"].rename_axis("case")
sums = apart.groupby([owner, "label"]).sum().unstack(fill_value=0)
number = cases.groupby("label")["patient"].nunique()
within = number / (number - 1) * (sums**2).sum() / size**2
both = len(sums) / (len(sums) - 1) * sums.prod(axis=1).sum() / size.prod()
clustered_variance = within.sum() + 2 * both

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
The standard error of the same difference is {math.sqrt(variance):.3f} with
images and {math.sqrt(clustered_variance):.3f} with patients as the units: a
*design effect* of {clustered_variance / variance:.2f}. On six patients either
interval is rough; the simulation below shows when the choice matters.
""")

# %% [markdown]
# ## 4. One network, one ranking
#
# Each fold of a cross-validation has a network with a scale of its own. Suppose the scores of P4 to P6 came
# from a second network, whose scores are half as large. Within each fold nothing changes; in one pooled
# ranking, pairs across folds are lost or won by scale alone. (Both rows differ even with one scale, as the
# folds differ in their patients; what the scale does is the change along the second row.)

# %%
fold = cases["patient"].isin(["P4", "P5", "P6"]).map({False: 1, True: 2})
scaled = pd.DataFrame(
    {"one scale": cases["A"], "two scales": cases["A"] / fold}
)


def aucs(scores):
    labels = cases["label"][scores.index]
    return scores.apply(lambda column: stats.auc_ci(labels, column).auc)


by_fold = scaled.groupby(fold).apply(aucs).mean()
pd.DataFrame(
    {"AUC, mean over folds": by_fold, "AUC, folds pooled": aucs(scaled)}
).T.round(3)

# %% [markdown]
# ## 5. Several tests: Holm's adjustment
#
# The smallest of four P values is multiplied by four, the next by three, and so on; none may
# become smaller than the one before it, or larger than one.

# %%
p_values = pd.Series([0.030, 0.012, 0.028, 0.400], ["1", "2", "3", "4"])
ordered = p_values.sort_values()
adjusted = (ordered * [4, 3, 2, 1]).cummax().clip(upper=1)
pd.DataFrame({"P": ordered, "P, Holm": adjusted}).round(3).T

# %% [markdown]
# The functions of `rin.stats`, which every page of results calls, return the same numbers, as the folded cell asserts.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
two = cases["label"], cases["A"], cases["B"]
test = stats.delong_test(*two)
clustered = stats.delong_test(*two, cases["patient"])
of_rin = stats.delong_covariance(cases["label"], cases[["A", "B"]].T)
of_test = [vars(test)[name] for name in by_hand]
assert np.allclose(auc, of_rin[0])
assert np.allclose(covariance, of_rin[1])
assert np.allclose([*by_hand.values()], of_test)
assert math.isclose(clustered_variance, clustered.variance)
assert math.isclose(*by_fold)
assert np.allclose(adjusted[p_values.index], stats.holm(p_values))

# %% [markdown]
# ## 6. What happens when images are counted as patients
#
# In a simulation the truth is known. Network $p$ scores image $j$ of patient $i$, positive
# ($c = 1$) or negative ($c = 0$), by
#
# $$s_{pij} = d_p\,c + \sqrt{\rho}\,u_{pi} + \sqrt{1 - \rho}\,e_{pij}$$
#
# with standard normal patient effects $u$ and image effects $e$. Two images of a patient correlate
# by $\rho$; the true AUC is $\Phi(d_p / \sqrt{2})$ whatever $\rho$ is: 0.85 and 0.80. How often
# do the intervals of the second AUC, and of the difference, contain the truth?

# %%
settings = {"replicates": 200, "patients": 100, "images": 5, "seed": 1}
simulated = []
for correlation in (0.0, 0.2, 0.4, 0.6, 0.8):
    truths, owners, scores = simulate_test_sets(correlation, **settings)
    for units, clusters in {"images": None, "patients": owners}.items():
        for a, b in scores:
            single = stats.auc_ci(truths, b, clusters)
            paired = stats.delong_test(truths, a, b, clusters)
            holds = single.ci_low <= 0.80 <= single.ci_high
            simulated.append((correlation, units, "AUC", float(holds)))
            holds = paired.ci_low <= 0.05 <= paired.ci_high
            simulated.append((correlation, units, "difference", float(holds)))
columns = ["correlation", "units", "measure", "coverage"]
coverage = pd.DataFrame(simulated, columns=columns)
coverage.pivot_table("coverage", ["measure", "units"], "correlation")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
_, ax = plt.subplots(figsize=(4.9, 3))
sns.lineplot(
    coverage, x="correlation", y="coverage", hue="units", style="measure",
    errorbar=None, markers=True, ax=ax,
)  # fmt: skip
ax.axhline(0.95, color="0.5", linestyle=":")
ax.set(xlabel="Correlation of a patient's images", ylabel="Share of intervals")
sns.move_legend(ax, "lower left")
picture(
    ax,
    "Figure 2. Counting images as patients makes intervals too narrow",
    f"Share of 95% intervals with the truth, of {settings['replicates']} "
    f"simulated test sets of {settings['patients']} patients with "
    f"{settings['images']} images each. Dotted: 95%.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
largest = coverage["correlation"].max()
strong = coverage[coverage["correlation"] == largest]
lowest = strong.pivot_table("coverage", "measure", "units").min()
claim(
    "far too narrow with images as units, not with patients",
    lowest["images"] < 0.8 and lowest["patients"] > 0.9,
)
Markdown(f"""
When images of a patient are alike (correlation {largest:.2g}), intervals with
images as the units contain the truth in as few as **{lowest["images"]:.0%}**
of {settings["replicates"]} simulated test sets; with patients as the units,
in {lowest["patients"]:.0%}.
""")

# %% [markdown]
# ## Summary
#
# - The AUC is the share of pairs ranked correctly; DeLong's variance follows from the row and column
#   means of the same table.
# - Count patients, not images. Where images of a patient are alike, intervals over images are far too
#   narrow.
# - Average AUCs over folds; a pooled ranking mixes the scales of networks.
# - Adjust P values by Holm's method when several tasks are tested.
#
# *Change a line* and run all cells; what was computed by hand still equals the package:
#
# - another score: `[0.95, 0.8, 0.6, 0.6,` becomes `[0.25, 0.8, 0.6, 0.6,`;
# - other P values: `[0.030, 0.012, 0.028, 0.400]` becomes `[0.030, 0.020, 0.028, 0.400]`;
# - images that are more alike: `0.4, 0.6, 0.8):` becomes `0.4, 0.6, 0.95):`.
#
# ## Exercises
#
# 1. The AUC is a rank test: get that of model B from SciPy's `mannwhitneyu`.
#
# <details><summary>Solution</summary>
#
# ```python
# from scipy.stats import mannwhitneyu
#
# won = mannwhitneyu(positive["B"], negative["B"]).statistic
# assert math.isclose(won / size.prod(), auc["B"])
# ```
#
# </details>
#
# 2. Is Holm's adjustment ever stricter than Bonferroni's, which multiplies every P value by four?
#
# <details><summary>Solution</summary>
#
# ```python
# bonferroni = (4 * p_values).clip(upper=1)
# assert (stats.holm(p_values) <= bonferroni).all()
# ```
#
# Never, so there is no reason to prefer Bonferroni's.
#
# </details>
#
# 3. Draw the six patients with replacement a thousand times: how wide is the difference's interval?
#
# <details><summary>Solution</summary>
#
# ```python
# draws, resampled = np.random.default_rng(0), []
# by_patient = dict([*cases.groupby("patient")])
# for _ in range(1000):
#     drawn = pd.concat(by_patient[p] for p in draws.choice([*by_patient], 6))
#     if drawn["label"].nunique() == 2:
#         both_aucs = [stats.auc_ci(drawn["label"], drawn[x]).auc for x in "AB"]
#         resampled.append(both_aucs[0] - both_aucs[1])
# low, high = np.quantile(resampled, [0.025, 0.975])
# assert low < difference < high
# ```
#
# </details>
#
# This page: `rin run notebooks/pipeline/statistics.py`.
