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
# # Where the networks look

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from itertools import product

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from scipy.special import expit
from scipy.stats import shapiro

from rin.data.manifest import find_task
from rin.evidence import paper
from rin.explain.gradcam import to_uint8
from rin.explain.overlap import SIDE
from rin.report import maps, page, style
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_p, listed
from rin.report.swarm import bars
from rin.stats import against_baselines, holm, image_differences, scenario_aucs
from rin.study import open_reference, open_runs
from rin.study.fine_tuning import cam_arrays

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
if not any(
    len(runs.overlap(task)) for task in runs.tasks
):  # no task has marked lesions
    runs = open_reference()
inits = runs.inits
a, b = (style.init_style(init).short for init in inits)
marked = [task for task in runs.tasks if len(runs.overlap(task))]
titles = {task: find_task(task)[1].title for task in (*paper.DICE, *marked)}
banner(runs, marked)

# %% [markdown]
# Figure 5 of the paper shows that class activation maps (Grad-CAM) of RadImageNet networks overlap
# more with the lesions that radiologists marked. Tasks in which the Dice scores of the two
# initialisations differ clearly here: {glue:text}`n_clear` of {glue:text}`n_tasks`. Of
# {glue:text}`n_beside` comparisons with the best region or point that is drawn without looking at
# the image, {glue:text}`n_below` fall short of it and {glue:text}`n_above` exceed it.

# %%
overlap = {task: runs.overlap(task) for task in marked}
measures = ["dice", "pointing", "average_precision"]
differences = pd.concat(
    [
        image_differences(overlap[task], *inits, measures).assign(task=task)
        for task in marked
    ]
)
dice = differences[
    (differences["measure"] == "dice") & (differences["group"] == "all")
]
baselines = pd.concat(
    [runs.baselines(task).assign(task=task) for task in marked]
)

# %%
here = [
    {"group": titles[one.task], "init": init, "value": mean, "sd": sd}
    for one in dice.itertuples()
    for init, mean, sd in zip(
        inits, (one.mean_a, one.mean_b), (one.sd_a, one.sd_b), strict=True
    )
]
published = [
    {"group": titles[task], "init": init, "value": value}
    for task, one in paper.DICE.items()
    for init, value in (
        ("radimagenet", one.caption_radimagenet),
        ("imagenet", one.caption_imagenet),
    )
]
levels = (
    baselines.groupby(["task", "baseline"], as_index=False)["dice"]
    .mean()
    .dropna()
)
levels = levels.assign(group=levels["task"].map(titles), value=levels["dice"])
axes = bars(pd.DataFrame(published + here), levels, ylabel="Dice score")
alt = "Mean Dice score of class activation maps by task and initialisation, with baselines"
page.picture(axes, alt, width="38rem")

# %% [markdown]
# Bars are means over scenarios with their SD; the paper states no SD in numbers. Dark bars are
# published, for the released weights and images of 256 pixels. Lines are regions that no network
# drew: the whole image, and an ellipse in its middle, as large as the lesions of other patients.
#
# A map belongs to the predicted class. It is kept where it is positive, scaled to a maximum of 255
# and enlarged to the image; what exceeds 180 counts as lesion, as in the paper. Dice is twice the
# common area over the sum of both areas, 1 for a perfect overlap.
#
# ## What the paper shows

# %% tags=["hide-input"]
figure_5 = {
    one.example.capitalize(): {
        "RadImageNet: confidence": f"{one.confidence_radimagenet:.1f} %",
        "mean Dice": f"{one.caption_radimagenet:.3f}",
        "ImageNet: confidence": f"{one.confidence_imagenet:.1f} %",
        "mean Dice ": f"{one.caption_imagenet:.3f}",
        "Gain": f"{one.gain_percent:.1f} %, {one.p_text}",
    }
    for one in paper.DICE.values()
}
display(
    book_table(
        pd.DataFrame(figure_5),
        "Figure 5: one example each, and the mean of 24 models",
    )
)
layers = pd.DataFrame(
    paper.SETTINGS["gradcam_layers"].value, columns=["Backbone", "Layer"]
)
book_table(
    layers,
    "Layers of the maps, by the names that Keras gives them; the same are used here",
)

# %% [markdown]
# ## Is the difference real?
#
# The scores of an image are averaged over scenarios first, so that an image counts once, and
# patients are the independent units. The paper pairs images.

# %%
tested = differences[differences["measure"] == "dice"]
rows = pd.DataFrame(
    {
        "group": tested["task"].map(titles),
        "label": [
            "all scenarios" if g == "all" else style.UNFREEZING_LABEL[g]
            for g in tested["group"]
        ],
        "estimate": tested["estimate"],
        "ci_low": tested["ci_low"],
        "ci_high": tested["ci_high"],
        "note": [
            f"{format_estimate(one)}, {format_p(one.p_value)}"
            for one in tested.itertuples()
        ],
    }
)
axes = forest(
    rows,
    xlabel=f"Dice, {a} − {b} (95% CI)",
    ends=(f"{b} ahead", f"{a} ahead"),
    width=8.4,
)
page.picture(
    axes,
    "Difference in Dice over all scenarios and by unfreezing regime, task by task",
)

# %%
normality = {}
for task, rows in overlap.items():
    of_image = rows.groupby(["case_id", "init"])["dice"].mean().unstack("init")
    normality[task] = shapiro(of_image[inits[0]] - of_image[inits[1]]).pvalue

# %% [markdown]
# The paper tests for normality first. Of these differences, image by image, the test of Shapiro and
# Wilk gives {glue:text}`normality`. The intervals above rest on the standard error of a mean over
# patients, and not on the shape of single differences.
#
# ## Does either beat looking at nothing?
#
# Dice depends on the threshold. The pointing game asks whether the brightest point lies on the
# lesion or within 6 % of the image's side of it, and pixel average precision whether bright pixels
# are lesion; neither needs a threshold. Each stands beside the best region or point that ignores
# the image.

# %%
beside = pd.concat(
    [
        against_baselines(
            overlap[task], runs.baselines(task), inits, measures
        ).assign(task=task)
        for task in marked
    ]
)

# %% tags=["hide-input"]
names = {
    "dice": "Dice",
    "pointing": "Pointing game",
    "average_precision": "Average precision",
}
for task in marked:
    rows = [
        (
            f"{names[one.measure]}, {style.init_style(one.init).short}",
            format_estimate(one),
            f"{one.mean:.3f}",
            f"{one.baseline_mean:.3f}, {one.baseline}",
        )
        for one in beside[beside["task"] == task].itertuples()
    ]
    columns = ["Measure", "Mean − baseline (95% CI)", "Mean", "Best baseline"]
    caption = f"{titles[task]}: against what looks at no image"
    display(
        book_table(pd.DataFrame(rows, columns=columns), caption, prose=True)
    )
page.glue_values(
    n_tasks=len(dice),
    n_clear=int((holm(dice["p_value"]) < 0.05).sum()),
    n_beside=len(beside),
    n_below=int((beside["ci_high"] < 0).sum()),
    n_above=int((beside["ci_low"] > 0).sum()),
    normality=listed(
        f"{format_p(p)} ({titles[task]})" for task, p in normality.items()
    ),
    sizes=listed(sorted({str(runs.facts(task).size) for task in marked})),
)

# %% [markdown]
# ## Image by image
#
# One mark an image and initialisation, averaged over scenarios; crosses are what the ellipse scores
# on the same images.

# %%
for task in marked:
    images = (
        overlap[task]
        .groupby(["case_id", "init"])[["dice", "pointing", "mask_share"]]
        .mean()
    )
    images = images.reset_index()
    ellipse = runs.baselines(task).query("baseline == 'centred ellipse'")
    ellipse = ellipse.merge(images[["case_id", "mask_share"]].drop_duplicates())
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharex=True)
    for ax, measure in zip(axes, ["dice", "pointing"], strict=True):
        ax.plot(
            100 * ellipse["mask_share"],
            ellipse[measure],
            "x",
            ms=4,
            c="0.6",
            label="Ellipse",
        )
        for init in inits:
            own, look = images[images["init"] == init], style.init_style(init)
            x = 100 * own["mask_share"]
            ax.plot(x, own[measure], "o", ms=4, c=look.color, label=look.short)
        ax.set(
            xlabel="Lesion, % of the image",
            ylabel=f"{names[measure]} (0–1)",
            ylim=(-0.03, 1.03),
        )
        ax.set_xscale("log")
        ax.set_xticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
        ax.minorticks_off()
    figure.suptitle(titles[task])
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
    )
    display(
        page.picture(
            figure,
            f"{titles[task]}: Dice and pointing game of each image by lesion size",
        )
    )

# %% [markdown]
# ## Around the lesion
#
# Pictures of patients are shown only where they lie on this computer, in runs made with
# `data_root`. What may be kept is the mean activation around the lesion: maps are shifted and
# scaled so that the box around the lesion covers the central square, and averaged over images
# and scenarios. Cells that fewer than half of the maps reach are left out. The figure is shown for
# runs that recorded it.

# %%
for task in marked:
    table = runs.lesion_maps(task)
    if table is not None:
        cells = table[
            table["n_maps"] >= table["n_maps"].max() / 2
        ]  # of half the maps or more
        every = pd.MultiIndex.from_product(
            [range(SIDE)] * 2, names=["row", "column"]
        )
        by_cell = cells.set_index(["row", "column"]).groupby(
            ["init", "unfreezing"]
        )["activation"]
        grids = {
            key: own.reindex(every).unstack().to_numpy() for key, own in by_cell
        }
        scale = {
            "vmin": cells["activation"].min(),
            "vmax": cells["activation"].max(),
        }
        regimes = style.UNFREEZING_LABEL
        figure, axes = plt.subplots(
            len(inits), len(regimes), figsize=(7.4, 4.7), squeeze=False
        )
        for ax, (init, regime) in zip(
            axes.flat, product(inits, regimes), strict=True
        ):
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if (init, regime) in grids:
                grid = grids[init, regime]
                shown = ax.imshow(grid, cmap="viridis", **scale)
                # The box around the lesion is the central third; two lines read on every colour.
                side = len(grid) / 3
                for width, color in ((3.2, "black"), (1.6, "white")):
                    look = {
                        "fill": False,
                        "linewidth": width,
                        "edgecolor": color,
                    }
                    ax.add_patch(
                        plt.Rectangle(
                            (side - 0.5, side - 0.5), side, side, **look
                        )
                    )
        for ax, regime in zip(axes[0], regimes, strict=True):
            ax.set_title(
                regimes[regime],
                loc="center",
                fontsize=10.5,
                fontweight="normal",
            )
        for ax, init in zip(axes[:, 0], inits, strict=True):
            look = style.init_style(init)
            ax.set_ylabel(look.short, color=look.color, fontsize=11)
        figure.suptitle(titles[task])
        figure.colorbar(
            shown,
            ax=axes,
            shrink=0.8,
            pad=0.02,
            label="Mean activation (0–255)",
        )
        display(
            page.picture(
                figure, f"{titles[task]}: mean activation around the lesion"
            )
        )

# %% tags=["hide-input"]
for task in marked:
    if (
        runs.origin(task) == "own"
    ):  # the reader's own images, and the maps of the best scenario
        inputs = runs.study.inputs(task)
        aucs = (
            scenario_aucs(runs.predictions(task=task))
            .groupby("scenario")["auc"]
            .mean()
        )
        found = {
            rows["init"].iloc[0]: (rows, cams)
            for rows, cams in cam_arrays(runs.study, task)
            if rows["scenario"].iloc[0] == aucs.idxmax()
            and rows["fold"].iloc[0] == 0
        }
        rows, other = (found[init][0] for init in inits)
        lesion = rows["case_id"].isin(overlap[task]["case_id"])
        right = (rows["score"] > 0) == (rows["label"] == 1)
        right &= (other["score"] > 0) == (rows["label"] == 1)
        order = rows.assign(right=right)[lesion].sort_values(
            "right", ascending=False
        )
        shown = order.groupby("label").head(1).index
        store = inputs.store
        place = pd.Index(store.cases["case_id"]).get_indexer(
            rows.loc[shown, "case_id"]
        )
        cases = store.cases.iloc[place][["case_id", "label"]]
        cams = {}
        for init in inits:
            scored, arrays = found[init]
            called = (scored.loc[shown, "score"] > 0).astype(int)
            cams[init] = to_uint8(arrays[shown, :, :, called], store.size)
            chance = expit(scored.loc[shown, "score"].to_numpy())
            cases = cases.assign(**{f"score_{init}": chance})
        axes = maps.cam_panel(
            store.images()[place],
            store.masks()[place],
            cams,
            cases,
            positive_class=inputs.task.positive_class,
            threshold=paper.SETTINGS["gradcam_threshold"].value,
        )
        display(
            page.picture(
                axes, f"{titles[task]}: one image of each class with both maps"
            )
        )

# %% [markdown]
# ## How to read it
#
# A difference in Dice says that the networks look at the lesion only where it does not hang on one
# threshold, and where the maps beat what looks at no image.

# %%
rows = []
for task in marked:
    two = image_differences(overlap[task], *inits, ["dice", "dice_best"])
    two = two[two["group"] == "all"].set_index("measure")[
        ["estimate", "ci_low", "ci_high"]
    ]
    hits = overlap[task].groupby("init")["pointing"].mean()
    blind = runs.baselines(task).groupby("baseline")["pointing"].mean()
    rows.append(
        (
            titles[task],
            *(
                format_estimate(two.loc[measure])
                for measure in ("dice", "dice_best")
            ),
            *(f"{100 * hits[init]:.0f}" for init in inits),
            *(
                f"{100 * blind[name]:.0f}"
                for name in ("centred ellipse", "whole image")
            ),
        )
    )
columns = ["Task", "At the paper’s threshold", "At that of other patients"]
columns += [f"{a} hits, %", f"{b} hits, %", "Middle hits, %", "Random point, %"]
book_table(
    pd.DataFrame(rows, columns=columns),
    "Dice and pointing game, in one row",
    prose=True,
)

# %% [markdown]
# A Dice score alone, as in Figure 5, cannot tell better maps from maps that are larger or lie
# nearer the middle. Maps of images of {glue:text}`sizes` pixels are a few cells wide; larger images
# may do better.
#
# ## Run this page
#
# `rin run notebooks/results/localisation.py -p profile=demo`; on images of one's own with
# `-p data_root=FOLDER`. By plain tools: `jupytext --to ipynb notebooks/results/localisation.py`,
# then `papermill notebooks/results/localisation.ipynb out.ipynb`. It takes about ten seconds.
