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
# # Statistics by hand

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.ticker import PercentFormatter

from rin import stats
from rin.explain.gradcam import to_uint8
from rin.explain.overlap import cam_dice, pixel_average_precision, pointing_game
from rin.report.format import book_table
from rin.report.maps import OUTLINE, show_image
from rin.report.page import glue_values, picture
from rin.report.style import FAINT, INK, use_style
from rin.stats.simulation import simulate_coverage
from rin.study.profile import load_profile

use_style()

# %% [markdown]
# Every statistic of this book can be followed on a dozen cases. Here each is computed in plain
# pandas, and the page stops if `rin.stats` or `rin.explain` returns anything else. Taking each
# patient's images for independent changes the standard error of one and the same difference from
# {glue:text}`clustered_error:.3f` to {glue:text}`naive_error:.3f`. In simulated test sets whose
# images resemble each other, intervals that make this mistake contain the true difference in as few
# as {glue:text}`naive_difference` instead of 95% of all sets. All cases on this page are made up.
#
# ## The AUC counts pairs
#
# Six patients with two images each, scored by models A and B. P2 and P6 have an image of either
# class.

# %%
cases = pd.DataFrame(
    {
        "patient": [
            "P1",
            "P1",
            "P2",
            "P2",
            "P3",
            "P3",
            "P4",
            "P4",
            "P5",
            "P5",
            "P6",
            "P6",
        ],
        "label": [1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1],
        "A": [0.95, 0.8, 0.6, 0.6, 0.7, 0.5, 0.4, 0.3, 0.7, 0.2, 0.05, 0.3],
        "B": [0.7, 0.8, 0.4, 0.5, 0.5, 0.6, 0.5, 0.6, 0.2, 0.3, 0.4, 0.1],
    },
    index=pd.RangeIndex(1, 13, name="case"),
)
cases

# %% [markdown]
# Take every pair of a positive and a negative case. The model wins where the positive case scores
# higher; a tie counts one half.

# %%
positive, negative = cases[cases["label"] == 1], cases[cases["label"] == 0]


def won_pairs(model):
    above = positive[model].to_numpy()[:, None] > negative[model].to_numpy()
    equal = positive[model].to_numpy()[:, None] == negative[model].to_numpy()
    return pd.DataFrame(
        above + equal / 2, index=positive.index, columns=negative.index
    )


pairs = {model: won_pairs(model) for model in ("A", "B")}
auc = pd.Series({model: won.to_numpy().mean() for model, won in pairs.items()})
for model in auc.index:
    assert math.isclose(
        auc[model], stats.auc_ci(cases["label"], cases[model]).auc
    )
auc.round(3)

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(4.4, 3.6))
won = pairs["A"]
lost_tied_won = ListedColormap(["#F2C9B6", "#EFEFEF", "#BBDCC4"])
ax.pcolormesh(
    won.to_numpy(), cmap=lost_tied_won, edgecolor="white", linewidth=2
)
for (row, column), value in np.ndenumerate(won.to_numpy()):
    mark = {0.0: "0", 0.5: "½", 1.0: "1"}[value]
    ax.text(column + 0.5, row + 0.5, mark, ha="center", va="center", color=INK)
ax.set_xticks(np.arange(won.shape[1]) + 0.5, won.columns)
ax.set_yticks(np.arange(len(won)) + 0.5, won.index)
ax.invert_yaxis()
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
ax.set(
    xlabel="Negative case",
    ylabel="Positive case",
    title="Pairs of model A: won, tied, lost",
)
glue_values(
    won_a=float(won.to_numpy().sum()),
    n_pairs=won.size,
    area_a=auc["A"],
    area_b=auc["B"],
)
picture(
    fig,
    "Six by six squares, one a pair of cases: won, tied or lost by model A",
    width="26rem",
)

# %% [markdown]
# Model A wins {glue:text}`won_a:.1f` of {glue:text}`n_pairs` pairs, an AUC of
# {glue:text}`area_a:.3f`; B reaches {glue:text}`area_b:.3f`.
#
# ## DeLong's variance
#
# A case's *placement* is the share of the other class that it stands on the right side of: its row
# or column mean. The AUC is a mean over positive and over negative cases at once, so its variance
# adds the variances of both classes' placements, each over its number of cases
# {cite:p}`delong1988`. The covariance of the models has products in place of squares. What both
# models do alike tells nothing about their difference: twice the covariance is taken off.

# %%
placements = pd.concat(
    [
        pd.DataFrame({m: pairs[m].mean(axis=1 - other) for m in pairs})
        for other in (0, 1)
    ],
    keys=["positive", "negative"],
    names=["class"],
)
m, n = len(positive), len(negative)
spread = {name: part.cov() for name, part in placements.groupby("class")}
covariance = spread["positive"] / m + spread["negative"] / n
assert np.allclose(
    covariance, stats.delong_covariance(cases["label"], cases[["A", "B"]].T)[1]
)

difference = auc["A"] - auc["B"]
variance = (
    covariance.loc["A", "A"]
    + covariance.loc["B", "B"]
    - 2 * covariance.loc["A", "B"]
)
half_width = 1.959963984540054 * math.sqrt(variance)
p_value = math.erfc(abs(difference) / math.sqrt(2 * variance))
by_hand = [
    difference,
    difference - half_width,
    difference + half_width,
    p_value,
]

names = ["estimate", "ci_low", "ci_high", "p_value"]
test = stats.delong_test(cases["label"], cases["A"], cases["B"])
assert np.allclose(by_hand, [getattr(test, name) for name in names])
pd.Series(by_hand, names, name="A − B, images independent").round(4).to_frame()

# %% [markdown]
# ## Patients as the units
#
# Two images of one patient are not two independent cases. Obuchowski's variance
# {cite:p}`obuchowski1997` first adds up, for each patient, how far the placements of its images lie
# from their mean; here for the difference of the models. Patients with images of both classes bring
# a third term, the product of both sums.

# %%
apart = (
    (placements["A"] - placements["B"] - difference)
    .rename("apart")
    .reset_index()
)
apart["patient"] = apart["case"].map(cases["patient"])
sums = apart.pivot_table(
    "apart", "patient", "class", aggfunc="sum", fill_value=0
)

patients = cases["patient"].nunique()
with_positive, with_negative = (
    positive["patient"].nunique(),
    negative["patient"].nunique(),
)
s10 = with_positive / (with_positive - 1) / m * (sums["positive"] ** 2).sum()
s01 = with_negative / (with_negative - 1) / n * (sums["negative"] ** 2).sum()
s11 = patients / (patients - 1) * (sums["positive"] * sums["negative"]).sum()
clustered_variance = s10 / m + s01 / n + 2 * s11 / (m * n)

clustered = stats.delong_test(
    cases["label"], cases["A"], cases["B"], cases["patient"]
)
assert np.isclose(clustered_variance, clustered.variance)
both = pd.DataFrame(
    {"images independent": vars(test), "patients independent": vars(clustered)}
)
both.loc[names].astype(float).round(4)

# %% tags=["hide-input"]
glue_values(
    naive_error=math.sqrt(variance),
    clustered_error=math.sqrt(clustered_variance),
    design_effect=clustered_variance / variance,
)

# %% [markdown]
# The variance changes by a factor of {glue:text}`design_effect:.2f`, the *design effect*. On six
# patients either interval is rough; the simulation below shows when the choice matters.
#
# ## One network, one ranking
#
# Each fold of a cross-validation has a network of its own, with a scale of its own. Say A's scores
# of P4 to P6 came from a second network, whose scores are half as large. Within each fold nothing
# changes; in one pooled ranking pairs across folds are lost or won by scale alone. This book
# computes AUCs within a fold and averages them.

# %%
fold = cases["patient"].isin(["P4", "P5", "P6"]).map({False: 1, True: 2})
one_scale, two_scales = cases["A"], cases["A"] / fold


def within_folds(scores):
    each = [
        stats.auc_ci(part["label"], scores[part.index]).auc
        for _, part in cases.groupby(fold)
    ]
    return np.mean(each)


assert math.isclose(within_folds(one_scale), within_folds(two_scales))
pd.DataFrame(
    {
        "one scale": [within_folds(one_scale), auc["A"]],
        "two scales": [
            within_folds(two_scales),
            stats.auc_ci(cases["label"], two_scales).auc,
        ],
    },
    index=["AUC, mean over folds", "AUC, folds pooled"],
).round(3)

# %% [markdown]
# ## Several comparisons: Holm's adjustment
#
# The smallest of four P values is multiplied by four, the next by three, and so on; none may become
# smaller than the one before it, or larger than one.

# %%
p_values = pd.Series(
    {"task 1": 0.030, "task 2": 0.012, "task 3": 0.028, "task 4": 0.400}
)
ordered = p_values.sort_values()
adjusted = (ordered * np.arange(len(ordered), 0, -1)).cummax().clip(upper=1)
assert np.allclose(adjusted[p_values.index], stats.holm(p_values))
pd.DataFrame({"P": ordered, "P, Holm": adjusted}).round(3)

# %% [markdown]
# ## From an activation map to a Dice score
#
# A tiny network: its last convolution has two channels of 4 × 4 cells, and the dense layer after
# global average pooling gives them the weights 2 and −1 for the positive class. The weighted sum is
# the class activation map. Its positive part, scaled to 255, is enlarged to the image's 8 × 8
# pixels: three quarters of a pixel's own cell and one quarter of the nearer one, down and across.
# Pixels above {glue:text}`threshold` count as lesion.

# %%
THRESHOLD, TOLERANCE = 180, 1


def grid(text):
    return np.array([[int(digit) for digit in row] for row in text.split()])


channels = np.stack(
    [grid("0000 0440 0430 0000"), grid("2111 1000 1001 1112")], axis=-1
)
kernel = np.array(
    [[-1, 2], [1, -1]]
)  # channels × classes; class 1 is the positive one
lesion = np.zeros((8, 8), dtype=bool)
lesion[2:6, 2:6] = True

cam = 2 * channels[..., 0] - channels[..., 1]
scaled = 255 * np.maximum(cam, 0) / cam.max()
own, nearer = np.arange(8) // 2, (np.arange(8) - 1) // 2 + (np.arange(8) % 2)
enlarge = 0.75 * np.eye(4)[own] + 0.25 * np.eye(4)[np.clip(nearer, 0, 3)]
image = np.rint(enlarge @ scaled @ enlarge.T).astype("uint8")
assert np.array_equal(image, to_uint8(channels[None] @ kernel[:, 1], 8)[0])

called = image > THRESHOLD
dice = 2 * (called & lesion).sum() / (called.sum() + lesion.sum())
assert dice == cam_dice(image[None], lesion[None], THRESHOLD)[0]

# %% [markdown]
# The threshold calls {glue:text}`n_called` pixels, {glue:text}`n_both` of them among the
# {glue:text}`n_lesion` of the lesion: Dice = 2 × {glue:text}`n_both` / ({glue:text}`n_called` +
# {glue:text}`n_lesion`) = {glue:text}`dice:.3f`.
#
# Two measures need no threshold. *Pointing* asks whether the brightest pixel lies on the lesion or
# within a margin, here {glue:text}`tolerance` pixel. *Average precision* goes down the grey levels:
# each step adds the rise of recall times the precision of all pixels so far.

# %%
levels = np.unique(image)[::-1]
recall = np.array(
    [lesion[image >= level].sum() / lesion.sum() for level in levels]
)
precision = np.array([lesion[image >= level].mean() for level in levels])
average_precision = (np.diff(recall, prepend=0) * precision).sum()
assert (
    average_precision == pixel_average_precision(image[None], lesion[None])[0]
)

rows, columns = np.nonzero(lesion)
peak = np.argwhere(image == image.max())[0]
pointing = np.hypot(rows - peak[0], columns - peak[1]).min() <= TOLERANCE
assert pointing == pointing_game(image[None], lesion[None], TOLERANCE)[0]

# %% tags=["hide-input"]
glue_values(
    threshold=THRESHOLD,
    tolerance=TOLERANCE,
    n_called=int(called.sum()),
    n_both=int((called & lesion).sum()),
    n_lesion=int(lesion.sum()),
    dice=float(dice),
    first_precision=f"{average_precision:g}",
)

# %% [markdown]
# The average precision is {glue:text}`first_precision`: every pixel of the lesion is brighter than
# every other, although the threshold finds only half of them. Six maps show how far the measures
# disagree.

# %% tags=["hide-input"]
NOTHING = "0000 0000 0000 0000"
SQUARE, LARGE = np.s_[2:6, 2:6], np.s_[1:7, 1:7]
drawn = [
    ("On the lesion", "0000 0440 0430 0000", "2111 1000 1001 1112", SQUARE),
    ("Too narrow", "0000 0440 0440 0000", NOTHING, LARGE),
    ("Too broad", "3444 4454 4443 3444", "1000 0000 0000 0001", SQUARE),
    ("A near miss", "0000 0220 0240 0000", NOTHING, np.s_[4:7, 1:4]),
    (
        "Everywhere alike",
        "2222 2222 2222 2222",
        "1111 1111 1111 1111",
        np.s_[1:4, 1:4],
    ),
    (
        "No positive value",
        "1000 0000 0010 0000",
        "3333 3333 3333 3333",
        np.s_[1:4, 1:4],
    ),
]
features = np.stack(
    [np.stack([grid(one), grid(two)], axis=-1) for _, one, two, _ in drawn]
)
maps = to_uint8(features @ kernel[:, 1], 8)
lesions = np.zeros((len(drawn), 8, 8), dtype=bool)
for mask, (*_, place) in zip(lesions, drawn, strict=True):
    mask[place] = True
measures = pd.DataFrame(
    {
        "Map": [name for name, *_ in drawn],
        "Dice": cam_dice(maps, lesions, THRESHOLD),
        "Pointing": pointing_game(maps, lesions, TOLERANCE),
        "Average precision": pixel_average_precision(maps, lesions),
    }
)
fig, axes = plt.subplots(2, 3, figsize=(6.6, 4.8))
for ax, one, mask, row in zip(
    axes.flat, maps, lesions, measures.itertuples(), strict=True
):
    show_image(one, ax)
    ax.images[-1].set_cmap("inferno")
    for region, color, style in (
        (one > THRESHOLD, "white", "--"),
        (mask, OUTLINE, "-"),
    ):
        fine = np.kron(
            region, np.ones((10, 10))
        )  # so that contours follow the pixels' edges
        if region.any() and not region.all():
            ax.contour(fine, [0.5], colors=color, linestyles=style, linewidths=2,
                       extent=(-0.5, 7.5, -0.5, 7.5))  # fmt: skip
    ax.set_title(
        f"{row.Map}\nDice {row.Dice:.2f}", fontsize=10.5, fontweight="normal"
    )
picture(
    fig,
    "Six small activation maps, each with the outline of its lesion and the region above the "
    "threshold: on the lesion, too narrow, too broad, a near miss, everywhere alike, and blank",
    width="36rem",
)

# %%
book_table(
    measures.map(
        lambda value: value if isinstance(value, str) else f"{value:.2f}"
    ),
    "Six maps, measured (lesion in cyan, region above the threshold in white)",
)

# %% [markdown]
# A region too narrow and one too broad score alike. The near miss has a Dice score of 0, and
# still its brightest pixel is within the margin. A map that is everywhere alike scores what chance
# does.
#
# ## What intervals contain when patients have several images
#
# Here the truth is known because it is set. Network $p$ scores image $j$ of patient $i$, positive
# ($c = 1$) or negative ($c = 0$), by
#
# $$s_{pij} = d_p\,c + \sqrt{\rho}\,u_{pi} + \sqrt{1 - \rho}\,e_{pij}$$
#
# with standard normal patient effects $u$ and image effects $e$. Two images of a patient correlate
# by $\rho$; the true AUC is $\Phi(d_p / \sqrt{2})$ whatever $\rho$ is. Half of the
# {glue:text}`n_patients` patients are positive, with all of their {glue:text}`n_images_each`
# images.

# %%
study = load_profile(profile)
design = study.simulation
settings = {"patients": design.patients, "images": design.images,
            "replicates": design.replicates, "seed": study.seed}  # fmt: skip
correlations = [0.0, 0.2, 0.4, 0.6, 0.8]
one_class = simulate_coverage(correlations, **settings)
both_classes = simulate_coverage(correlations, labels="lesion", **settings)

# %% tags=["hide-input"]
LOOK = {
    "naive": ("#A6266E", "s--", "images as units"),
    "clustered": ("#1B7A5A", "o-", "patients as units"),
}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.4), sharey=True)
for ax, measure, title in zip(
    axes,
    ("auc", "difference"),
    ("AUC of one network", "Difference of two"),
    strict=True,
):
    ax.axhline(0.95, color=FAINT, linewidth=1.2)
    for method, (color, line, label) in LOOK.items():
        chosen = (one_class["measure"] == measure) & (
            one_class["method"] == method
        )
        rows = one_class[chosen]
        ax.fill_between(rows["correlation"], rows["ci_low"], rows["ci_high"], color=color, alpha=0.15,
                        linewidth=0)  # fmt: skip
        ax.plot(
            rows["correlation"],
            rows["coverage"],
            line,
            color=color,
            label=label,
        )
    ax.set(
        title=title,
        xlabel="Correlation of a patient's images",
        xticks=correlations,
    )
    ax.grid(axis="y")
axes[0].set_ylabel("Intervals that contain the truth")
axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
axes[0].legend(loc="lower left")
picture(
    fig,
    "Share of 95% intervals that contain the truth, over the correlation of a patient's images: "
    "with images as units it falls, with patients as units it stays near 95%",
    width="40rem",
)


# %% tags=["hide-input"]
def found(table, method, measure, column, correlation=0.8):
    keys = table.set_index(["method", "measure", "correlation"])
    return float(keys.loc[(method, measure, correlation), column])


glue_values(
    n_patients=design.patients,
    n_images_each=design.images,
    n_sets=f"{design.replicates:,}",
    naive_first=f"{found(one_class, 'naive', 'auc', 'coverage', 0.0):.0%}",
    naive_last=f"{found(one_class, 'naive', 'auc', 'coverage'):.0%}",
    clustered_last=f"{found(one_class, 'clustered', 'auc', 'coverage'):.0%}",
    naive_difference=f"{found(one_class, 'naive', 'difference', 'coverage'):.0%}",
    clustered_difference=f"{found(one_class, 'clustered', 'difference', 'coverage'):.0%}",
    whole_effect=found(one_class, "clustered", "auc", "design_effect", 0.6),
    mixed_effect=found(both_classes, "clustered", "auc", "design_effect", 0.6),
    mixed_naive=f"{found(both_classes, 'naive', 'auc', 'coverage', 0.6):.0%}",
)

# %% [markdown]
# Bands are 95% Wilson intervals over {glue:text}`n_sets` test sets. Of the usual intervals of an
# AUC, {glue:text}`naive_first` contain the truth when images are independent, and
# {glue:text}`naive_last` at a correlation of 0.8; clustered by patient, {glue:text}`clustered_last`
# do. Pairing two networks does not help: {glue:text}`naive_difference` against
# {glue:text}`clustered_difference`.
#
# Where a patient has images of both classes, as in slices of a scan, a patient whose scores are all
# too high lifts both classes alike. At a correlation of 0.6 the design effect is then
# {glue:text}`mixed_effect:.2f` instead of {glue:text}`whole_effect:.2f`, and the usual intervals
# contain the truth in {glue:text}`mixed_naive` of the sets. The clustered interval need not be told
# which case it is. That is why the book takes patients as the units, wherever a dataset names them.
#
# ## Run this page
#
# `rin run notebooks/pipeline/statistics.py`, or `jupytext --to ipynb` and `papermill`: seconds, no
# GPU. `-p profile=…` chooses the size of the simulation.
