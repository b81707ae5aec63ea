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
# *Answers* whether activation maps (Grad-CAM) overlap with the lesions that radiologists
# marked, and with which initialisation they overlap more. *Needs* nothing: it reads finished runs, or
# the reference run. *Takes* about 15 s: `rin run notebooks/results/localisation.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display

from rin.errors import counted, listed
from rin.evidence import paper
from rin.explain.overlap import SIDE
from rin.report import page
from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, inline_title
from rin.report.headline import short_names
from rin.report.maps import example_maps
from rin.report.style import init_style, use_style
from rin.stats import against_baselines, image_differences
from rin.study import open_reference, open_runs
from rin.study.fine_tuning import cam_arrays

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
if not any(len(runs.overlap(task)) for task in runs.tasks):
    runs = open_reference()  # no task of the profile has marked lesions
inits = runs.inits
a, b = (init_style(init).short for init in inits)
marked = [task for task in runs.tasks if len(runs.overlap(task))]
titles = short_names(runs)
inside = {task: inline_title(runs.titles[task]) for task in marked}
stand_ins = runs.stand_ins(*marked)
banner(runs, marked)

# %%
overlap = pd.concat([runs.overlap(task) for task in marked])
LABELS = {
    "dice": "Dice",  # at the threshold of the paper
    "dice_best": "Dice, threshold from other patients",
    "average_precision": "Average precision",
}
differences = pd.concat(
    image_differences(rows, *inits, list(LABELS)).assign(task=task)
    for task, rows in overlap.groupby("task", sort=False)
)

# %%
blind = pd.concat(
    against_baselines(
        overlap[overlap["task"] == task],
        runs.baselines(task),
        inits,
        ["dice", "average_precision"],
    ).assign(task=task)
    for task in marked
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
word = {init: init_style(init).word for init in inits}
clear = {
    measure: words.overlap_differences(rows, inits, inside)
    for measure, rows in differences.groupby("measure")
}
Markdown(
    """
Figure 5 of the paper reports larger overlap with the lesion for RadImageNet
networks. Such differences mean little where maps do not localise the lesion
better than a region that is drawn without looking at the image. Intervals are
over patients and describe the networks of the first pretraining.
"""
    + words.if_real(
        f"""
Here, the interval of the difference in Dice excludes zero on {clear["dice"]};
with a threshold chosen on other patients, on {clear["dice_best"]}. That of
average precision, which needs no threshold, excludes zero on
{clear["average_precision"]}. {words.beside_baselines(blind)}
""",
        stand_ins=stand_ins,
    )
)

# %%
axes = forest(
    differences, label="measure", group="task", names=titles | LABELS,
    xlabel=f"{a} − {b} (95% CI)", digits=3,
    ends=words.sides(inits, better="higher", stand_ins=stand_ins),
    tested=not stand_ins,
)  # fmt: skip
page.picture(axes, "Difference of the initialisations in overlap, task by task")

# %% [markdown]
# Each map is that of the predicted class. Negative values are set to zero, and the
# map is scaled to a maximum of 255 and enlarged to the image; pixels above 180
# count as lesion, as in the paper. The scores of an image are averaged over
# scenarios first, and patients are the independent units
# ([Methods](../../methods)).
#
# ## Figure 5: what the paper shows

# %% jupyter={"source_hidden": true} tags=["hide-input"]
stated = listed(
    f"{row.caption_radimagenet:.3f} and {row.caption_imagenet:.3f} ({task})"
    for task, row in paper.DICE.items()
)
Markdown(f"""
Averaged over 24 models, Dice with RadImageNet and with ImageNet weights was
{stated}.
""")

# %% [markdown]
# ## Do the maps beat an image-blind region?
#
# Two regions that ignore the image serve as baselines: the whole image, and a
# centred ellipse of the mean size of other patients' lesions. Crops of thyroid
# nodules show the nodule in the middle, so the ellipse is hard to beat there.

# %%
blind["label"] = blind["measure"].map(LABELS) + ", " + blind["init"].map(word)
blind["kind"], blind["note"] = blind["init"], [
    f"{row.mean:.2f} − {row.baseline_mean:.2f} ({row.baseline})"
    for row in blind.itertuples()
]  # fmt: skip
axes = forest(
    blind,
    group="task", names=titles, legend=False,
    xlabel="Mean of the maps − best image-blind region (95% CI)",
    note_title="Mean − baseline",
)  # fmt: skip
page.picture(axes, "Overlap of the maps beside the best image-blind region")

# %% [markdown]
# ## Does the brightest point hit the lesion?
#
# In the pointing game a map scores a hit if its brightest point is on the lesion
# or within 6% of the image's side from it {cite:p}`zhang2018`. Maps of small images
# are coarse: the brightest point is the centre of a cell or, for a corner cell, the
# whole corner beyond it. With 2 × 2 cells it is *always* in a corner, where lesions
# are rare. Hits are therefore compared with a random cell of the same grid, not
# with a random pixel.

# %%
hits = overlap.groupby(["task", "cells", "init"])["pointing"].mean().unstack()
hits = 100 * hits[list(inits)].set_axis([a, b], axis=1).loc[marked]
cell = overlap.groupby(["task", "cells"])["pointing_blind"].mean()
hits["Random cell"] = 100 * cell
whole = {
    task: runs.baselines(task).groupby("baseline")["pointing"].mean()
    for task in marked
}
hits["Random pixel"] = [100 * whole[t]["whole image"] for t, _ in hits.index]
hits.index = [f"{titles[task]}, {k} × {k} cells" for task, k in hits.index]
shown = hits.round(0).astype(int).rename_axis("Task and grid").reset_index()
book_table(shown, "Hits, % of the maps", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
better = hits[[a, b]].min(axis=1) > hits["Random cell"]
most = hits[[a, b]].max(axis=1)
worse = hits.index[most < hits["Random cell"]].map("“{}”".format)
Markdown(f"""
Both initialisations hit more often than a random cell of their own grid in
{better.sum() or "none"} of {counted(len(better), "rows")}, and both hit less
often in {listed(worse) if len(worse) else "no row"}. Both are below a
random *pixel* in {(most < hits["Random pixel"]).sum() or "none"} of the rows;
coarse maps alone can cause this, and only larger images would show whether the
networks contribute.
""")

# %% [markdown]
# ## Image by image
#
# Each dot is an image: the difference of the initialisations in its mean Dice over
# scenarios, by the lesion's share of the image.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
of_image = overlap.groupby(["task", "case_id", "init"])[["dice", "mask_share"]]
wide = of_image.mean().unstack("init")
difference = wide["dice", inits[0]] - wide["dice", inits[1]]
share = 100 * wide["mask_share", inits[0]]
paired = pd.DataFrame({"difference": difference, "share": share}).reset_index()
grid = sns.relplot(
    paired.assign(task=paired["task"].map(titles)), x="share", y="difference",
    col="task", col_order=[titles[task] for task in marked], color="0.25",
    alpha=0.35, s=16, height=2.6, aspect=0.97,
)  # fmt: skip
grid.set(xscale="log", xticks=[1, 3, 10, 30], xticklabels=[1, 3, 10, 30])
grid.refline(y=0, color="0.6", linestyle="-").set_titles("{col_name}")
grid.set_axis_labels("Lesion, % of the image", f"Dice, {a} − {b}")
page.picture(
    grid.figure, "Paired difference in Dice of each image by lesion size"
)

# %% [markdown]
# ## Around the lesion
#
# Maps are shifted and scaled so that the box around the lesion covers the central
# square, then averaged over images and scenarios; the figure shows the difference
# of the initialisations. It contains no pixel of an image.

# %%
maps = [
    table for task in marked if (table := runs.lesion_maps(task)) is not None
]
colors = [init_style(init).color for init in inits]
palette = sns.blend_palette([colors[1], "white", colors[0]], as_cmap=True)
size = {"figsize": (7.6, 2.6), "squeeze": False, "layout": "constrained"}
figure, axes = plt.subplots(1, max(1, len(maps)), **size)
for ax, table in zip(axes[0], maps, strict=False):
    reached = table[table["n_maps"] >= table["n_maps"].max() / 2]
    means = reached.groupby(["init", "row", "column"])["activation"].mean()
    heat = (means[inits[0]] - means[inits[1]]).unstack()
    heat = heat.reindex(index=range(SIDE), columns=range(SIDE))
    sns.heatmap(
        heat, ax=ax, cmap=palette, vmin=-40, vmax=40, square=True, cbar=False,
        xticklabels=False, yticklabels=False, rasterized=True,
    )  # fmt: skip
    box = plt.Rectangle((SIDE / 3, SIDE / 3), SIDE / 3, SIDE / 3, fill=False)
    ax.add_patch(box)
    ax.set(title=titles[table["task"].iloc[0]], xlabel="", ylabel="")
if maps:
    bar = figure.colorbar(axes[0, 0].collections[0], ax=axes, shrink=0.8)
    bar.set_label(f"{a} − {b},\ngrey levels")
page.picture(figure, "Mean activation around the lesion, difference of the two")

# %% [markdown]
# Images of patients are shown only for runs on this computer: one image of each
# class, with the maps of the best scenario.

# %%
for task in marked:
    if runs.origin(task) == "own":
        panel = example_maps(runs, task, [*cam_arrays(runs.study, task)])
        display(page.picture(panel, f"Maps on images of {inside[task]}"))

# %% [markdown]
# A higher Dice score shows that a network looks at the lesion more only if it is
# higher at every threshold and the maps beat image-blind regions.
