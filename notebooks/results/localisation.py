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
# # Where the networks look
#
# **An ellipse drawn without looking at the image has a higher mean score than the maps on all three
# datasets, and on thyroid nodules the paper's order turns round by its own measure, though not by average
# precision.** Figure 5 of the paper compares activation maps (Grad-CAM) with the lesions that radiologists
# outlined. Here the maps are also compared with shapes that ignore the image.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import pandas as pd
from IPython.display import Markdown

from rin import stats
from rin.evidence import paper
from rin.report.banner import banner
from rin.report.figures import dice_bars
from rin.report.forest import forest
from rin.report.format import format_estimate
from rin.report.page import claim, picture
from rin.report.verdict import includes_zero
from rin.study import open_reference

runs = open_reference("open")
tasks = {
    "thyroid": "Thyroid nodules",
    "breast": "Breast, BUSI",
    "busbra": "Breast, BUS-BRA",
}
banner(runs, [*tasks])

# %% [markdown]
# ## The maps, and two shapes that ignore the image
#
# Networks of the paper's scenarios, one pretraining from each start, gave a map for every test image with a lesion.
# As in the paper, a map is scaled to a maximum of 255, and pixels above 180 count as the lesion; the
# Dice score is twice the pixels in common over the pixels of both. Scores of an image are averaged over
# networks, and intervals are over patients. The two shapes are the whole image, and an ellipse in its
# centre as large as other patients' lesions are on average.

# %%
a, b = runs.inits
maps = {task: runs.overlap(task) for task in tasks}
measures = ["dice", "dice_best", "average_precision"]
together = pd.concat(maps.values())
of_tasks = together.groupby("task", sort=False)
differences = of_tasks.apply(stats.image_differences, a, b, measures)
differences = differences.set_index("measure", append=True).droplevel(1)
blind = pd.concat(
    stats.baseline_differences(
        maps[task], runs.baselines(task), (a, b), measures[::2]
    ).assign(task=task)
    for task in tasks
).set_index(["measure", "task", "init"])
names = {"mean": "maps", "baseline_mean": "ellipse"}
compared = [*names, "estimate", "ci_low", "ci_high"]
blind.loc["dice", compared].rename(columns=names).round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
dice = blind.loc["dice"]
claim(
    "the ellipse beats the maps in all twelve comparisons",
    len(blind) == 12
    and {*blind["baseline"]} == {"centred ellipse"}
    and blind["ci_high"].max() < 0,
)
thyroid = dice.loc["thyroid"]
claim(
    "on thyroid nodules it has more than twice the score of either map",
    thyroid["baseline_mean"] > 2 * thyroid["mean"],
)
scenarios = together.groupby(["task", "init", "scenario"])["dice"].mean()
ellipse = dice["baseline_mean"].groupby("task").first()
above = scenarios[scenarios > ellipse.reindex(scenarios.index, level="task")]
claim(
    "eight of 144 networks exceed it, seven of them on BUS-BRA",
    [*above.groupby("task").size().items()] == [("breast", 1), ("busbra", 7)]
    and above.idxmax()[0] == "busbra",
)
Markdown(f"""
On the crops of thyroid nodules the ellipse reaches a Dice score of
{thyroid.loc[a, "baseline_mean"]:.2f}, radiologic maps
{thyroid.loc[a, "mean"]:.2f} and photographic ones {thyroid.loc[b, "mean"]:.2f}.
It wins all {len(blind)} comparisons: three datasets, two measures, two
initialisations. So by these measures networks did not on average recognise
lesions better than a shape does, and the paper's scores, compared with no such
shape, cannot show that its networks did. Single networks exceed the ellipse:
one of 48 on BUSI, seven of 48 on BUS-BRA, with up to {above.max():.2f} against
{ellipse["busbra"]:.2f}.
""")

# %% [markdown]
# ## Figure 5, beside the paper's

# %% jupyter={"source_hidden": true} tags=["hide-input"]
picture(
    dice_bars(maps, (a, b), tasks),
    "Figure 1. On thyroid nodules the order is the reverse of the paper's",
    "Mean Dice score of 24 networks from each start, with the SD over networks "
    "(not printed in the paper). The paper: RadImageNet and ImageNet. BUS-BRA "
    "is not among its data.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
theirs = paper.DICE["thyroid"]
shift = format_estimate(differences)
by_layers = maps["thyroid"].groupby(["unfreezing", "init"])["dice"].mean()
frozen = by_layers["freeze_all"]
rest = by_layers["unfreeze_all"]
top = by_layers["unfreeze_top10"]
on_thyroid = differences.loc["thyroid"]
on_breast = differences.loc["breast"]
claim(
    "the paper has RadImageNet ahead on thyroid nodules by more than half, we "
    "have photographs ahead",
    theirs.caption_radimagenet > 1.5 * theirs.caption_imagenet
    and on_thyroid.loc["dice", "ci_high"] < 0,
)
claim("nothing clear on breast lesions", includes_zero(on_breast.loc["dice"]))
claim(
    "frozen networks make most of it, and ten layers give the paper's order",
    frozen[b] - frozen[a] > 3 * (rest[b] - rest[a]) > 0 > top[b] - top[a],
)
unfrozen = maps["thyroid"].query("unfreezing == 'unfreeze_all'")
left = stats.image_differences(unfrozen, a, b, ["dice"]).iloc[0]
claim("a clear rest is left with all layers", left["ci_high"] < 0)
Markdown(f"""
**The paper's result on thyroid nodules is reversed.** It reports
{theirs.caption_radimagenet:.3f} with RadImageNet against
{theirs.caption_imagenet:.3f} with ImageNet; here radiologic maps overlap
nodules by {thyroid.loc[a, "mean"]:.2f} and photographic ones by
{thyroid.loc[b, "mean"]:.2f}, a difference of {shift["thyroid", "dice"]}. Frozen
networks make most of it ({frozen[a]:.2f} against {frozen[b]:.2f}); with all
layers trained a small, clear part is left ({rest[a]:.2f} against
{rest[b]:.2f}), and with the last ten the order is the paper's ({top[a]:.2f}
against {top[b]:.2f}). On breast lesions, where the paper has
{paper.DICE["breast"].caption_radimagenet:.3f} against
{paper.DICE["breast"].caption_imagenet:.3f}, no difference is clear
({shift["breast", "dice"]}). With other weights and crops around the nodule this
is no test of the paper's networks; it shows that the order can turn.
""")

# %% [markdown]
# ## Does the order depend on the measure?
#
# At the threshold of 180 a map that is high everywhere covers more than a map with one peak, wherever
# the peak is. *Dice, chosen threshold* uses for each image the threshold that was best on other patients;
# *average precision* ranks all pixels and needs none.

# %%
names = {
    "dice": "Dice at 180",
    "dice_best": "Dice, chosen threshold",
    "average_precision": "average precision",
}
n_images = ", ".join(
    map(str, differences.xs("dice", level="measure")["n_images"])
)
axes = forest(
    differences.reset_index(names=["group", "label"]),
    names=tasks | names,
    ends=("photographic higher", "radiologic higher"),
)
axes.set_xlabel("Difference in overlap (95% CI)")
picture(
    axes,
    "Figure 2. On thyroid nodules the measure decides which maps overlap more",
    "Radiologic − photographic, mean over 24 networks from each start; "
    f"{n_images} test images; intervals over patients, for these networks.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
precise = differences.xs("average_precision", level="measure")
claim(
    "average precision favours radiologic maps in all three",
    precise["ci_low"] > 0,
)
claim("by little", precise["estimate"] < 0.03)
claim(
    "the chosen threshold leaves a tenth",
    abs(on_thyroid.loc["dice_best", "estimate"]) < 0.006,
)
Markdown(f"""
With a chosen threshold the difference on thyroid nodules shrinks to
{shift["thyroid", "dice_best"]}, and by average precision it turns round:
{shift["thyroid", "average_precision"]}. Average precision favours the
radiologic maps on all three datasets, by at most
{precise["estimate"].max():.3f}. Report a measure without a threshold, beside a
shape that ignores the image.
""")

# %% [markdown]
# ## Does the brightest point hit the lesion?
#
# In the pointing game a map scores a hit if its brightest point is on the lesion or within 6% of the
# image's side {cite:p}`zhang2018`. Maps have 2 × 2 (both Inceptions), 3 × 3
# (DenseNet121) or 4 × 4 cells (ResNet50), so a hit is compared with that of a
# random cell of the same grid.

# %%
cells = together.groupby(["task", "cells"])
hits = together.pivot_table("pointing", ["task", "cells"], "init")
hits = hits.loc[[*tasks], [a, b]]
hits["random cell"] = cells["pointing_blind"].mean()
percent = 100 * hits
percent.round(0).astype(int)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
fine = percent.xs(4, level="cells")
claim(
    "fine radiologic maps beat chance, and photographic ones, in all three",
    [fine[a] > fine["random cell"] + 2, fine[a] > fine[b] + 2, fine[a] < 60],
)
coarse = percent.xs(2, level="cells")
claim(
    "coarse maps are within two points",
    coarse[[a, b]].sub(coarse["random cell"], axis=0).abs() < 2,
)
middle = percent.xs(3, level="cells")
middle = middle[[a, b]].sub(middle["random cell"], axis=0)
claim("3 × 3 is below on the thyroid", middle.loc["thyroid"] < -2)
claim("and above on the breast", middle.drop("thyroid") > 1)
Markdown(f"""
On the finest grid, that of ResNet50 alone, radiologic maps beat chance: they
hit {fine.loc["thyroid", a]:.0f}% of thyroid nodules against
{fine.loc["thyroid", "random cell"]:.0f}% for a random cell and
{fine.loc["thyroid", b]:.0f}% for photographic maps, and on breast lesions they
are ahead of both as well. On grids of 2 × 2 cells the brightest point is always
in a corner, and both kinds of map stay within two points of chance; on 3 × 3
cells both are below chance on thyroid nodules and above it on breast lesions.
These shares have no intervals.
""")

# %% [markdown]
# ## Try it
#
# `rin run notebooks/results/localisation.py` computes this page.
#
# 1. Keep large lesions, on which the threshold should matter least. Does the order turn?
#
#    ```python
#    large = maps["thyroid"].query("mask_share > mask_share.median()")
#    stats.image_differences(large, a, b, ["dice"])[["estimate", "ci_low", "ci_high"]]
#    ```
#
# 2. Keep the finest maps, and watch both means, not only their difference.
#
#    ```python
#    finest = maps["thyroid"].query("cells == cells.max()")
#    finest.groupby("init", observed=True)[["dice", "average_precision"]].mean().round(2)
#    ```
#
# 3. Count images in place of averaging them: how many go either way?
#
#    ```python
#    of_images = maps["thyroid"].groupby(["case_id", "init"], observed=True)["dice"].mean().unstack()
#    (of_images[a] - of_images[b]).describe().round(2)
#    ```
