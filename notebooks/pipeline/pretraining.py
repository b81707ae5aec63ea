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
# # Pretraining from random initialisation

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import json
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML, display
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import confusion_matrix

from rin.evidence.paper import DATABASE, RELEASED_ACCURACY
from rin.report import cards
from rin.report.banner import pretraining_banner
from rin.report.format import book_table, format_interval
from rin.report.page import glue_values, picture
from rin.report.roc import learning_curves
from rin.report.style import init_style, use_style
from rin.stats import share_interval
from rin.study import open_runs, pretraining_histories, run_pretraining
from rin.study.pretraining import pretraining_classes, pretraining_predictions

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
run_pretraining(runs.study)  # before the banner, which tells when and on what
pretraining_banner(runs)

# %% [markdown]
# Networks with random weights learn to name the classes of a corpus, once of radiologic images and
# once of photographs, by one recipe. On images of their test parts that no training step saw they
# are correct for {glue:text}`found`; guessing evenly gives {glue:text}`chance`.
#
# RadImageNet's own pretraining used {glue:text}`paper_images:,` images of
# {glue:text}`paper_patients:,` patients with {glue:text}`paper_labels` labels. Its images are
# available on request only, so the procedure is repeated here on other images. The released
# weights are not made by this page.

# %%
study = runs.study
weights = run_pretraining(
    study
)  # trains what the results folder does not hold; the rest is read
predictions = pretraining_predictions(
    study
)  # what each network says of its test images
inits = list(
    study.profile.pretraining.corpora
)  # those pretrained briefly are not shown here
weights, predictions = (
    each[each["init"].isin(inits)] for each in (weights, predictions)
)

# %% [markdown]
# ## Figure E1 and Table E2: test accuracy
#
# *Top-1* is the share of test images whose class is named first, *top-5* the share whose class is
# among the first five, and *balanced* the mean recall of the classes. Intervals are Wilson's;
# images of one patient are alike, so their number is divided by the design effect of the patients.

# %%
network = ["init", "backbone"]
tested = predictions.assign(
    correct=predictions["truth"] == predictions["predicted"]
)
scores = tested.groupby(network, sort=False).agg(
    images=("case_id", "size"),
    patients=("patient_id", "nunique"),
    top1=("correct", "mean"),
    top5=("in_top5", "mean"),
)
recalls = tested.groupby([*network, "truth"], sort=False)["correct"].mean()
scores["balanced"] = recalls.groupby(network, sort=False).mean()
scores[["low", "high"]] = [
    share_interval(own["correct"], own["patient_id"])
    for _, own in tested.groupby(network, sort=False)
]
scores = scores.join(weights.set_index(network)[["classes", "seconds"]])
scores.loc[scores["classes"] <= 5, "top5"] = (
    np.nan
)  # always among five: says nothing

# %%
backbones = list(dict.fromkeys([*RELEASED_ACCURACY, *weights["backbone"]]))
figure, axes = plt.subplots(1, 2, figsize=(7, 3.8), sharey=True)
for ax, metric in zip(axes, ("top1", "top5"), strict=True):
    stated = [
        getattr(RELEASED_ACCURACY.get(name), metric, np.nan)
        for name in backbones
    ]
    heights = np.arange(len(backbones))
    look = {
        "markerfacecolor": "white",
        "markeredgecolor": "#767676",
        "markeredgewidth": 2,
    }
    ax.plot(stated, heights - 0.22, "o", label="RadImageNet, published", **look)
    for place, init in enumerate(inits):
        own, style = scores.loc[init], init_style(init)
        at = [backbones.index(name) + 0.22 * place for name in own.index]
        if metric == "top1":
            ax.hlines(
                at, 100 * own["low"], 100 * own["high"], color=style.color
            )
        ax.plot(
            100 * own[metric], at, "s", color=style.color, label=style.label
        )
    ax.set(title=f"Top-{metric[-1]}", xlabel="Test accuracy, %", xlim=(0, 103))
    ax.grid(axis="x")
axes[0].set_yticks(heights, backbones)
axes[0].set_ylim(len(backbones) - 0.4, -0.6)
figure.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside upper left",
    ncols=3,
    fontsize=10,
)
picture(
    figure,
    "Top-1 and top-5 test accuracy of each network, published and pretrained here",
)

# %% [markdown]
# Classes, numbers of images and test sets differ, so the columns cannot be compared with each
# other. The published values are those of the official repository's README.

# %%
percent = "{:.1f}".format
table = pd.DataFrame(index=pd.Index(backbones, name="Backbone"))
for name, one in RELEASED_ACCURACY.items():
    table.loc[name, "Published"] = f"{one.top1:.1f} / {one.top5:.1f}"
for (init, backbone), one in scores.iterrows():
    top5 = "–" if np.isnan(one.top5) else percent(100 * one.top5)
    table.loc[backbone, init_style(init).short] = (
        f"{100 * one.top1:.1f} / {top5}"
    )
book_table(table.fillna("–"), "Table E2: test accuracy, top-1 / top-5, %")

# %%
rows = {
    f"{init_style(init).short}, {backbone}": {
        "Top-1, % (95% CI)": f"{100 * one.top1:.1f} "
        + format_interval(100 * one.low, 100 * one.high, 0),
        "Balanced, %": percent(100 * one.balanced),
        "Test images / patients": f"{one.images:.0f} / {one.patients:.0f}",
        "Minutes": percent(one.seconds / 60),
    }
    for (init, backbone), one in scores.iterrows()
}
table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("Network")
book_table(table, "Each network on the test part of its corpus")


# %% tags=["hide-input"]
def span(values: pd.Series) -> str:
    ends = {f"{100 * values.min():.1f}", f"{100 * values.max():.1f}"}
    return " to ".join(sorted(ends, key=float)) + " %"


found = [
    f"{span(scores.loc[init, 'top1'])} ({init_style(init).word})"
    for init in inits
]
chance = [f"{100 / scores.loc[init, 'classes'].max():.1f} %" for init in inits]
glue_values(
    n_runs=len(scores),
    found=" and ".join(found),
    chance=" and ".join(chance),
    minutes=scores["seconds"].sum() / 60,
    paper_images=DATABASE["images"].value,
    paper_patients=DATABASE["patients"].value,
    paper_labels=DATABASE["labels"].value,
)

# %% [markdown]
# ## Learning curves
#
# The weights of the epoch with the lowest validation loss are kept. The {glue:text}`n_runs`
# trainings took {glue:text}`minutes:.1f` minutes of one worker's time.

# %%
histories = pretraining_histories(study)
trained = list(dict.fromkeys(histories["backbone"]))
figure, axes = plt.subplots(
    len(trained), 2, figsize=(8, 2.7 * len(trained)), squeeze=False
)
for line, backbone in zip(axes, trained, strict=True):
    own = histories[histories["backbone"] == backbone]
    for ax, metric in zip(line, ("accuracy", "loss"), strict=True):
        learning_curves(own, inits, metric=metric, ax=ax).set_title(
            backbone, loc="left"
        )
        ax.set_xlim(0.5, own["epoch"].max() + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.get_legend().remove()
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2
)
picture(
    figure,
    "Accuracy and loss of training and validation over the epochs, a row a network",
)

# %% [markdown]
# ## The corpora and the budget
#
# Each corpus goes through the same compiled step: the same backbone, random initialisation,
# learning rate and augmentation. Grey images are repeated to three channels; photographs keep
# their colours. Where images, classes or steps differ between the columns, a difference between
# the weights may come from there as well as from what the images show.

# %%
classes = pretraining_classes(study)
classes = classes[classes["init"].isin(inits)]
parts = ["train", "validation", "test"]
facts = {}
for init, own in classes.groupby("init", sort=False):
    first = weights[weights["init"] == init].iloc[0]
    ordered = own.sort_values("train")
    smallest, largest = ordered.iloc[0], ordered.iloc[-1]
    facts[init_style(init).short] = {
        "Manifest": first["corpus"],
        "Images are": first["provenance"],
        "Images: training / validation / test": " / ".join(
            f"{own[p].sum():,}" for p in parts
        ),
        "Classes": len(own),
        "Epochs; steps": f"{first['epochs']}; {first['steps']:,}",
        "Largest class, training images": f"{largest['label']} ({largest['train']:,})",
        "Smallest class, training images": f"{smallest['label']} ({smallest['train']:,})",
        "Fewest patients of a class": own["patients"].min(),
    }
book_table(
    pd.DataFrame(facts).astype(str).rename_axis("Corpus"),
    "What each network was trained on",
    prose=True,
)

# %% [markdown]
# ## Class by class
#
# Rare findings are rare in the images too, so a network may do well on average and miss the small
# classes. Rows are true classes, with their training images in brackets, and add up to 100 %; the
# diagonal is what is classified correctly. Shown is the mean of the networks; corpora of more than
# 40 classes are put together by region.


# %%
def confused(
    own: pd.DataFrame, training: pd.Series
) -> tuple[pd.Series, np.ndarray]:
    """Return training images by name, and the networks' mean of the row-normalised matrix."""
    named = own[["truth", "predicted"]]
    if len(training) > 40:
        named = named.apply(lambda labels: labels.str.split("-").str[0])
        training = training.groupby(training.index.str.split("-").str[0]).sum()
    names = sorted({*named["truth"], *named["predicted"]})
    matrices = [
        confusion_matrix(
            one["truth"], one["predicted"], labels=names, normalize="true"
        )
        for _, one in named.groupby(own["backbone"])
    ]
    return training[names], 100 * np.mean(matrices, axis=0)


sizes = classes.set_index(["init", "label"])["train"]
for init in inits:
    training, shares = confused(
        predictions[predictions["init"] == init], sizes[init]
    )
    numbers = np.arange(1, len(training) + 1)
    side = 1.4 + 0.32 * len(training)
    figure, ax = plt.subplots(figsize=(side + 2.8, side))
    shades = LinearSegmentedColormap.from_list(
        init, ["white", init_style(init).color]
    )
    ax.imshow(shares, cmap=shades, vmin=0, vmax=100)
    for row, column in zip(*np.nonzero(shares >= 0.5), strict=True):
        ax.text(
            column,
            row,
            f"{shares[row, column]:.0f}",
            ha="center",
            va="center",
            fontsize=9,
        )
    names = [
        f"{name} ({n})  {k}" for k, (name, n) in enumerate(training.items(), 1)
    ]
    ax.set_xticks(numbers - 1, numbers)
    ax.set_yticks(numbers - 1, names)
    ax.set(
        xlabel="Predicted class",
        title=f"{init_style(init).label}: % of each row",
    )
    display(
        picture(
            figure,
            f"Confusion matrix of the {init} corpus, percent of each row",
        )
    )

# %% [markdown]
# ## The weights and their cards
#
# Each run leaves its backbone in three formats below `weights` in the results of this profile.
# `backbone.weights.h5` is what Keras 3 writes. `backbone_notop.h5` has the layout of Keras 2, as
# the released RadImageNet weights have; `backbone.safetensors` holds the same arrays. None can
# carry code. In either Keras:
#
# ```python
# keras.applications.ResNet50(include_top=False, weights="…/backbone_notop.h5")
# ```
#
# Whoever passes weights on should pass on their card too: input, corpus, scores, digests and what
# the weights are not good for. The cards have the fields of the ATLAS schema of the Radiological
# Society of North America, in which the released RadImageNet weights
# [have a card as well](https://doi.org/10.1148/atlas.1769274475598). They are written to
# `cards/<init>_<backbone>.json` of the results; the first can be unfolded here.

# %%
made = {}
for run in weights.to_dict("records"):
    score = scores.loc[(run["init"], run["backbone"])]
    files = cards.weights_files(
        study.weights.path(run["run_id"])
    )  # size and SHA-256 of each
    card = cards.model_card(study, run, score, files)
    cards.write_card(study, run, card)
    made[f"{init_style(run['init']).short}, {run['backbone']}"] = card
title, card = next(iter(made.items()))
document = escape(json.dumps(card, indent=2, ensure_ascii=False))
HTML(
    f'<details class="rin-card"><summary>{escape(title)}</summary><pre style="white-space:pre-wrap;'
    f'overflow-wrap:anywhere">{document}</pre></details>'
)

# %% [markdown]
# ## Run this page
#
# ```console
# rin run notebooks/pipeline/pretraining.py -p profile=demo
# rin pretrain --profile demo    # the training alone
# ```
#
# A training that is cut off goes on from its last checkpoint, with the same order of images, when
# the same command is given again; one that is finished is never repeated. With plain tools:
# `jupytext --to ipynb notebooks/pipeline/pretraining.py`, then
# `papermill notebooks/pipeline/pretraining.ipynb out.ipynb -p profile demo`.
