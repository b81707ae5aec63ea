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
# # Grad-CAM, and what its maps depend on

# %% tags=["parameters", "remove-input"]
task: str = ""  # of data_manifests/; empty for the live task
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import logging

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from rin.data.manifest import find_task
from rin.explain.gradcam import gradient_cam, to_uint8
from rin.explain.overlap import PAPER_THRESHOLD, cam_dice
from rin.explain.similarity import rank_correlation
from rin.models.build import Architecture, build_classifier
from rin.models.weights import load_weights, random_weights
from rin.report.banner import banner
from rin.report.maps import cam_panel, image_row
from rin.report.page import glue_values, picture
from rin.report.roc import curve
from rin.report.style import use_style
from rin.report.swarm import bars
from rin.study import open_study
from rin.study.fine_tuning import sanity_table
from rin.study.plan import find_entries
from rin.study.results import Runs
from rin.study.setting import find_manifest
from rin.training.cascade import backbone_stages, cascade_summary

use_style()
logging.getLogger("tensorflow").setLevel(
    logging.ERROR
)  # it counts the tracing of each model
study = open_study(profile, data_root=data_root, results=results)
live = Runs(study)  # the runs of this profile alone, never a reference run
a, b = live.inits
marked = (
    name
    for name in (study.profile.live_task, *study.profile.tasks)
    if find_manifest(study, *find_task(name)).masks
)
task = task or next(marked)
backbone = (
    "ResNet50"
    if "ResNet50" in study.profile.backbones
    else study.profile.backbones[0]
)
banner(live, [task])

# %% [markdown]
# A class activation map needs no gradient here: the networks end in global average pooling and one
# dense layer, and the closed form agrees with the gradient to {glue:text}`largest:.0e` of the
# largest value. Over all scenarios the mean Dice score of the maps is {glue:text}`dice_a:.3f`
# ({glue:text}`name_a`) and {glue:text}`dice_b:.3f` ({glue:text}`name_b`); the
# {glue:text}`best_baseline`, which looks at no image, reaches {glue:text}`best_dice:.3f`.
#
# ## A network
#
# The backbone ({glue:text}`backbone`) keeps its pretrained weights, as in the frozen scenarios. A
# logistic regression on its pooled features stands in for the trained head.

# %%
inputs = study.inputs(task)
store, cases, masks = inputs.store, inputs.store.cases, inputs.lesion_masks()
size = store.size
pixels = np.asarray(store.images()).reshape(len(cases), size, size, -1)
labels = cases["case_id"].map(inputs.labels).to_numpy()
split = inputs.folds[inputs.folds["fold"] == 0].set_index("case_id")["part"]
part = cases["case_id"].map(split).to_numpy()

network = build_classifier(
    Architecture(backbone, "freeze_all", size, channels=pixels.shape[3])
)


def set_network(init):
    entry = find_entries(study)[init, backbone]
    network.backbone.set_weights(
        load_weights(entry, network.backbone, study.weights_folders)
    )
    network.preprocess.set_contract(entry.contract)
    pooled = network.embedder.predict(pixels[part == "train"], verbose=0)[1]
    head = LogisticRegression(max_iter=10_000).fit(
        pooled, labels[part == "train"]
    )
    halves = np.array(
        [[-0.5, 0.5]]
    )  # two logits whose softmax is the regression's probability
    network.dense.set_weights(
        [head.coef_.T @ halves, head.intercept_ * halves[0]]
    )


# %% [markdown]
# ## From an image to a map
#
# Grad-CAM {cite:p}`selvaraju2020` weighs each channel of the last feature map by the gradient of
# the class's logit, averaged over the pixels. With pooling and one dense layer that gradient is the
# dense layer's weight over the number of pixels, whatever the image. To check this, the head is
# differentiated; pooling hands its slope to all pixels evenly.

# %%
set_network(a)
shown = np.flatnonzero((part == "test") & masks.any(axis=(1, 2)))[:8]
features = np.asarray(
    network.backbone(network.preprocess(pixels[shown].astype("float32")))
)
kernel = network.dense.get_weights()[0]  # channels × classes

closed_form = features @ kernel / (features.shape[1] * features.shape[2])
by_gradient = gradient_cam(
    network.head, features
)  # the slopes of the head's logits
largest = np.abs(closed_form - by_gradient).max() / np.abs(closed_form).max()
assert largest < 1e-3
{
    "images × rows × columns × channels": features.shape,
    "× classes": closed_form.shape,
}

# %% [markdown]
# ## From a map to a Dice score
#
# The map of the predicted class is kept where positive, scaled so that its maximum is 255, and
# enlarged from {glue:text}`cells` × {glue:text}`cells` cells to the image's {glue:text}`side` ×
# {glue:text}`side` pixels. Grey levels above {glue:text}`threshold`, the paper's threshold, count
# as lesion.

# %%
predicted = network.explainer.predict(pixels[shown], verbose=0)[0].argmax(
    axis=1
)
maps = to_uint8(closed_form[np.arange(len(shown)), :, :, predicted], size)

called, lesion = maps > PAPER_THRESHOLD, masks[shown] > 0
both = (called & lesion).sum(axis=(1, 2))
dice = 2 * both / (called.sum(axis=(1, 2)) + lesion.sum(axis=(1, 2)))
assert np.allclose(dice, cam_dice(maps, masks[shown], PAPER_THRESHOLD))
dice.round(3)

# %% [markdown]
# The same images under both initialisations, the lesion in cyan, the region above the threshold
# dashed:

# %%
rows = cases.iloc[shown[:3]][["case_id", "label"]]
overlays = {}
for init in (a, b):
    set_network(init)
    logits, raw = network.explainer.predict(pixels[shown], verbose=0)
    own = raw[np.arange(len(shown)), :, :, logits.argmax(axis=1)]
    overlays[init] = to_uint8(own[:3], size)
    rows[f"score_{init}"] = softmax(logits[:3], axis=1)[:, 1]
panel = cam_panel(
    store.images()[shown[:3]],
    masks[shown[:3]],
    overlays,
    rows,
    positive_class=inputs.task.positive_class,
    threshold=PAPER_THRESHOLD,
)
picture(
    panel,
    "Three test images with their lesions, and the maps of both initialisations",
)

# %% [markdown]
# ## Every network of the task
#
# Every run of the grid recorded such maps while it predicted its test images. A score means little
# by itself, as a region in the middle of every image overlaps with lesions too: the lines are what
# the whole image and a centred ellipse of the mean size of other patients' lesions score.

# %%
overlap = live.overlap(task)
scenarios = overlap.groupby(["init", "scenario"])["dice"].mean().groupby("init")
means = scenarios.agg(value="mean", sd="std").loc[[a, b]].reset_index()
baselines = (
    live.baselines(task)
    .groupby("baseline", sort=False, as_index=False)["dice"]
    .mean()
)
baselines = baselines.dropna()
picture(
    bars(
        means.assign(group="all scenarios"),
        baselines.rename(columns={"dice": "value"}).assign(
            group="all scenarios"
        ),
        ylabel="Dice score (0–1)",
    ),
    "Mean Dice score of each initialisation with its SD over scenarios, and of both baselines",
    width="30rem",
)

# %% tags=["hide-input"]
best = baselines.loc[baselines["dice"].idxmax()]
glue_values(
    largest=float(largest),
    backbone=backbone,
    cells=features.shape[1],
    side=size,
    threshold=PAPER_THRESHOLD,
    name_a=a,
    dice_a=means["value"][0],
    name_b=b,
    dice_b=means["value"][1],
    n_images=overlap["case_id"].nunique(),
    best_baseline=best["baseline"],
    best_dice=best["dice"],
)

# %% [markdown]
# Means over {glue:text}`n_images` test images with a lesion, then over scenarios. Dice at other
# thresholds, measures without a threshold, and tests between initialisations stand on the page of
# the results on localisation.
#
# ## Do the maps depend on what was learnt?
#
# A map that stays as it was when the weights are random shows the image or the architecture, and
# explains nothing that the network has learnt {cite:p}`adebayo2018`. First the head of the network
# above gets random weights, then, one after another, the stages of its backbone, the last first.
# After each step the map of the class that the trained network predicted is drawn again; a map
# without a positive value is black.

# %%
set_network(a)
random = random_weights(backbone, size, seed=study.profile.seed)
head = np.random.default_rng(study.profile.seed).normal(size=kernel.shape)


def map_now():
    raw = network.explainer.predict(pixels[shown], verbose=0)[1]
    return raw[np.arange(len(shown)), :, :, predicted]


steps = {"trained": map_now()}
network.dense.set_weights([head, np.zeros(2)])
steps["head random"] = map_now()
weights = network.backbone.get_weights()
for stage, places in backbone_stages(network.backbone).items():
    for place in places:
        weights[place] = random[place]
    network.backbone.set_weights(weights)
    steps[f"… and {stage}"] = map_now()

# %% tags=["hide-input"]
one = {"image": store.images()[shown[0]]}
one |= {step: to_uint8(maps[:1], size)[0] for step, maps in steps.items()}
picture(
    image_row(list(one.values()), list(one), [masks[shown[0]]] * len(one)),
    "One image, its map from the trained network, and its map after each step of randomisation",
    width="40rem",
)

# %% [markdown]
# The rank correlation of the cells with those of the trained network's map, mean over
# {glue:text}`n_shown` images, says how much of the order is left:

# %%
left = {
    step: np.nanmean(rank_correlation(steps["trained"], maps))
    for step, maps in steps.items()
}
pd.Series(left, name="rank correlation").round(2).to_frame()

# %% [markdown]
# ## The same for fine-tuned networks
#
# The `sanity` section of a profile names scenarios whose fully fine-tuned networks record this
# check; recorded here: {glue:text}`n_networks` networks. Bands are 95% intervals of the mean over
# images, with patients resampled whole; dotted lines compare with the map of another image.

# %%
if study.profile.sanity is not None:
    checked = sanity_table(study, task)
    summary = cascade_summary(checked, seed=study.profile.seed)
    ranks = summary[summary["measure"] == "spearman"]
    names = ranks["backbone"].unique()
    fig, axes = plt.subplots(
        1, len(names), figsize=(7.6, 3.4), sharey=True, squeeze=False
    )
    for ax, name in zip(axes[0], names, strict=True):
        of_backbone = ranks[ranks["backbone"] == name]
        curve(
            of_backbone,
            [a, b],
            x="depth",
            y="estimate",
            band=("ci_low", "ci_high"),
            ax=ax,
        )
        curve(
            of_backbone,
            [a, b],
            x="depth",
            y="other",
            labels={a: "_", b: "_"},
            ax=ax,
        )
        for line in ax.lines[2:]:
            line.set_linestyle(":")
        groups = of_backbone.drop_duplicates("depth")["group"].str.removeprefix(
            "stage "
        )
        ax.set_xticks(range(len(groups)), groups)
        ax.set(title=name, xlabel="Random down to stage", ylim=(-1.05, 1.05))
    axes[0, 0].set_ylabel("Rank correlation")
    axes[0, 0].legend()
    display(
        picture(
            fig,
            "Rank correlation with the trained map as the weights go random",
        )
    )

# %% tags=["hide-input"]
n_networks = 0
if study.profile.sanity is not None:
    n_networks = len(checked.drop_duplicates(["scenario", "init"]))
glue_values(n_shown=len(shown), n_networks=n_networks)

# %% [markdown]
# A map that explains what was learnt falls to the dotted line. If it stays above, architecture and
# image alone decide part of it: the convolutions of a random network light up at edges and speckle
# too. Small images give maps of a few cells, whose order says little: read the intervals first.
#
# ## Run this page
#
# `rin run notebooks/pipeline/gradcam.py -p task=breast -p profile=demo`; with plain tools,
# `jupytext --to ipynb notebooks/pipeline/gradcam.py`, then
# `papermill notebooks/pipeline/gradcam.ipynb out.ipynb -p task breast`. It reads the runs of the
# page on fine-tuning and takes less than a minute.
