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
# # What the inputs alone do

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rin.evidence import paper
from rin.models.backbones import BACKBONES
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import resolve_contract
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, listed
from rin.report.page import glue_values, picture
from rin.report.style import init_style, use_style
from rin.stats import factor_effects
from rin.study import open_reference, open_runs

use_style()
runs, reference = (
    open_runs(profile, data_root=data_root, results=results),
    open_reference(),
)
fed_runs, padded_runs = (
    runs if name in runs.studies else reference
    for name in ("preprocessing", "resize")
)
banner(fed_runs, study="preprocessing")

# %% [markdown]
# The official fine-tuning scripts feed every network the same inputs, whatever its weights were
# trained on. On “{glue:text}`preprocessing_task`”, fed so instead of with their own inputs,
# {glue:text}`a` weights change by {glue:text}`preprocessing_a` points of the area under the ROC
# curve (AUC), {glue:text}`b` weights by {glue:text}`preprocessing_b`. The difference {glue:text}`a`
# − {glue:text}`b` moves from {glue:text}`preprocessing_before` to {glue:text}`preprocessing_after`
# points.
#
# ## What the scripts feed, and what the weights want
#
# A set of weights expects its inputs as they were in its pretraining: which order of channels,
# which mean, which scale. The [official scripts](https://github.com/BMEII-AI/RadImageNet) subtract
# the mean of Caffe's models and then divide by 255, for every network and for both sources of
# weights. The ImageNet weights of Keras want something else.

# %%
fed = find_preprocessing("caffe_unit")
rows = []
for backbone in BACKBONES:
    wanted = find_preprocessing(resolve_contract("imagenet", backbone))
    ends = [
        one.apply(np.array([[0.0] * 3, [255.0] * 3])) for one in (wanted, fed)
    ]
    ranges = [f"{e.min():.1f} to {e.max():.1f}".replace("-", "−") for e in ends]
    too_small = np.mean(np.divide(wanted.scale, fed.scale))
    rows.append((backbone, *ranges, f"{too_small:.3g}"))
names = ["Network", "ImageNet weights want", "Scripts feed", "Times too small"]
book_table(
    pd.DataFrame(rows, columns=names),
    "What pixels from 0 to 255 become",
    prose=True,
)

# %% [markdown]
# **ResNet50 with ImageNet weights is the one that gets inputs {glue:text}`too_small:.0f` times too
# small.** The other three get inputs {glue:text}`ratio_low` to {glue:text}`ratio_high` times too
# small, and blue, green, red in place of red, green, blue. The TensorFlow release of RadImageNet
# seems to have been trained on just what the scripts feed. What a wrong scale does to a fine-tuned
# network is not obvious, for layers that are trained may adapt to it. So it is measured.
#
# ## Fed as the official scripts feed
#
# Every network is fine-tuned twice, on the same images in the same order: with the inputs that its
# weights want, and with those of the scripts. The radiologic weights of this book were pretrained
# on the scripts' inputs, the photographic ones on those of ImageNet weights, so that each source
# stands where its released counterpart stands.

# %%
fed_task = fed_runs.tasks_of("preprocessing")[0]
scores = fed_runs.predictions(study="preprocessing", task=fed_task)
levels = ("native", "official_scripts")
by_scenario = factor_effects(scores, fed_runs.inits, levels)

regimes = {"all": scores["scenario"].unique()} | {
    name: scores.loc[scores["unfreezing"] == name, "scenario"].unique()
    for name in ("freeze_all", "unfreeze_top10", "unfreeze_all")
    if name in set(scores["unfreezing"])
}
effects = factor_effects(scores, fed_runs.inits, levels, groups=regimes)


# %% tags=["hide-input"]
NAMES = {
    "all": "All scenarios",
    "freeze_all": "Frozen",
    "unfreeze_top10": "Ten layers trained",
    "unfreeze_all": "All layers trained",
}


def slopes(effects, scores, levels, labels):
    """Draw the AUC of every scenario at both levels, a panel for each unfreezing regime."""
    aucs = effects[effects["quantity"] == "auc"]
    regime = scores.drop_duplicates("scenario").set_index("scenario")[
        "unfreezing"
    ]
    found = [name for name in NAMES if name in set(regime)]
    figure, axes = plt.subplots(
        1, len(found), figsize=(8, 3.4), sharey=True, squeeze=False
    )
    for ax, name in zip(axes.flat, found, strict=True):
        own = aucs[aucs["group"].map(regime) == name]
        for (_, init), one in own.groupby(["group", "init"]):
            style = init_style(init)
            heights = one.set_index("level")["estimate"].loc[list(levels)]
            ax.plot([0, 1], heights, "o-", color=style.color, label=style.short)
        ax.axhline(0.5, color="#767676", linewidth=1, linestyle=":")
        ax.set(title=NAMES[name], xlim=(-0.25, 1.25))
        ax.set_xticks([0, 1], labels)
        ax.grid(axis="y")
    axes.flat[0].set_ylabel("AUC")
    handles = {
        h.get_label(): h
        for ax in axes.flat
        for h in ax.get_legend_handles_labels()[0]
    }
    figure.legend(handles=handles.values(), loc="outside upper right", ncols=2)
    return axes


def effect_rows(effects):
    """Return the rows of a forest plot: effects on each source, and on their difference."""
    own = effects[
        effects["quantity"].isin(["effect", "interaction"])
        & ~effects["same_networks"]
    ]
    return own.assign(
        group=own["group"].map(NAMES),
        label=[
            init_style(init).short if init else "Difference"
            for init in own["init"]
        ],
        kind=own["init"].where(own["init"] != "", "recomputed"),
        clear=own["p_holm"] < 0.05,
    )


# %%
axes = slopes(by_scenario, scores, levels, ["own\ninputs", "scripts’\ninputs"])
picture(
    axes,
    "AUC of every scenario with the weights' own inputs and with those of the scripts",
)

# %% [markdown]
# Each line is one scenario, averaged over folds; the dotted line is chance.

# %%
axes = forest(
    effect_rows(effects),
    unit="points",
    xlabel="Effect of the scripts’ inputs, AUC points (95% CI)",
    ends=("smaller", "larger"),
    legend=False,
)
picture(
    axes,
    "Effect of the scripts' inputs on each source of weights and on their difference",
)

# %% [markdown]
# Filled marks are effects with an adjusted P below .05. Dark squares are the change of the
# difference {glue:text}`a` − {glue:text}`b`; a source that is fed the same inputs at both levels
# has no row, for its networks are the same.
#
# ## Stretched or padded
#
# The networks want squares, and most images are none. The paper brings them all to one square size
# {cite:p}`mei2022`, which here means to stretch them; padding keeps shapes and fills the rest with
# black. On “{glue:text}`resize_task`”, padded instead of stretched, {glue:text}`pad_a` weights
# change by {glue:text}`resize_a` points and {glue:text}`pad_b` weights by
# {glue:text}`resize_b`; the difference changes by {glue:text}`resize_change`.

# %%
padded_task = padded_runs.tasks_of("resize")[0]
scores = padded_runs.predictions(study="resize", task=padded_task)
levels = ("stretch", "pad")
by_scenario = factor_effects(scores, padded_runs.inits, levels)

regimes = {"all": scores["scenario"].unique()} | {
    name: scores.loc[scores["unfreezing"] == name, "scenario"].unique()
    for name in ("freeze_all", "unfreeze_top10", "unfreeze_all")
    if name in set(scores["unfreezing"])
}
resized = factor_effects(scores, padded_runs.inits, levels, groups=regimes)

# %%
axes = slopes(by_scenario, scores, levels, ["stretched", "padded"])
picture(axes, "AUC of every scenario with stretched and with padded images")

# %%
axes = forest(
    effect_rows(resized),
    unit="points",
    xlabel="Effect of padding, AUC points (95% CI)",
    ends=("smaller", "larger"),
    legend=False,
)
picture(
    axes, "Effect of padding on each source of weights and on their difference"
)


# %% tags=["hide-input"]
def points_of(effects, quantity, init="", level="", group="all"):
    """Return a row of the effects as text: AUC points with the interval."""
    keys = {"quantity": quantity, "init": init, "level": level, "group": group}
    row = effects.loc[
        (effects[list(keys)] == pd.Series(keys)).all(axis="columns")
    ].iloc[0]
    return format_estimate(row, unit="points")


(a, b), (pad_a, pad_b) = fed_runs.inits, padded_runs.inits
ratios = {row[0]: float(row[-1]) for row in rows}
others = [ratio for backbone, ratio in ratios.items() if backbone != "ResNet50"]
glue_values(
    a=init_style(a).word,
    b=init_style(b).word,
    too_small=ratios["ResNet50"],
    ratio_low=round(min(others)),
    ratio_high=round(max(others)),
    preprocessing_task=fed_runs.titles[fed_task],
    preprocessing_a=points_of(effects, "effect", a),
    preprocessing_b=points_of(effects, "effect", b),
    preprocessing_before=points_of(effects, "difference", level="native"),
    preprocessing_after=points_of(
        effects, "difference", level="official_scripts"
    ),
    resize_task=padded_runs.titles[padded_task],
    pad_a=init_style(pad_a).word,
    pad_b=init_style(pad_b).word,
    resize_a=points_of(resized, "effect", pad_a),
    resize_b=points_of(resized, "effect", pad_b),
    resize_change=points_of(resized, "interaction"),
)


# %% tags=["hide-input"]
aucs = effects[effects["quantity"] == "auc"].set_index(
    ["init", "level", "group"]
)["estimate"]
of_padding = resized[
    (resized["quantity"] == "effect") & (resized["p_holm"] < 0.05)
]
glue_values(
    fed_b=aucs[b, "official_scripts", "all"],
    frozen_b=aucs.get((b, "official_scripts", "freeze_all"), float("nan")),
    paper_largest=max(one.difference for one in paper.COMPARISONS.values()),
    n_images=int(effects["n"].iloc[0]),
    n_pad_images=int(resized["n"].iloc[0]),
    n_pad_scenarios=by_scenario["group"].nunique(),
    pad_clear=listed(
        f"{init_style(row.init).word}, {NAMES[row.group].lower()}"
        for row in of_padding.itertuples()
    ),
)

# %% [markdown]
# ## How to read it
#
# **A wrong scale can decide a comparison.** On {glue:text}`n_images` test images, {glue:text}`b`
# weights that are fed as the scripts feed have a mean AUC of {glue:text}`fed_b:.2f`, and with
# frozen layers {glue:text}`frozen_b:.2f`, where 0.5 is chance. What that does to the difference
# between the sources stands above; the largest difference in the paper is
# {glue:text}`paper_largest:.1f` points.
#
# ResNet50 is one network of four, the only one whose scale is that far off, and a short fine-tuning
# leaves it little time to adapt. Whether the published comparison was run with these scripts, and
# what longer training would recover, does not follow from any number here. That the comparison
# should be repeated with each source's own inputs does.
#
# **Padding.** Clear effects on {glue:text}`n_pad_images` test images: {glue:text}`pad_clear`. With
# {glue:text}`n_pad_scenarios` scenarios this says whether the choice can matter, not which one is
# right.
#
# ## How this is computed
#
# Four networks score every test image: two sources at two levels. Each effect is a weighted sum of
# their AUCs within a fold, averaged over scenarios and folds, with the covariance of all of them
# and patients as the independent units {cite:p}`obuchowski1997`. P values are adjusted by Holm's
# method {cite:p}`holm1979` over all rows of one kind: effects on a source, or changes of the
# difference. Each network was trained once.
#
# ## Run this page
#
# `rin run notebooks/results/inputs.py -p profile=demo` takes some seconds; so do
# `jupytext --to ipynb notebooks/results/inputs.py` and
# `papermill notebooks/results/inputs.ipynb out.ipynb -p profile demo`. A profile of your own needs
# a section `factors`.
