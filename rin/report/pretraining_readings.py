"""Sentences that read the tables and figures of the pretraining chapter.

All are made from the numbers that they read (`rin.report.pretraining_scores`); none is typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from rin.data.layouts.radimagenet import LAYOUT
from rin.data.manifest import DatasetManifest
from rin.paper import DATABASE, RELEASED_ACCURACY
from rin.report.phases import counted
from rin.report.pretraining_scores import TOP5_FROM, Confusion
from rin.report.pretraining_tables import percent
from rin.report.style import init_style

if TYPE_CHECKING:
    from IPython.display import Markdown

NOTHING = "This profile trains no weights of its own: it starts from released ones."


def score_reading(scores: pd.DataFrame) -> Markdown:
    """Return the sentences that read `score_table`, an init at a time, each beside chance."""
    if scores.empty:
        return _markdown(NOTHING)
    told = []
    for init, own in scores.groupby("init", sort=False):
        classes = own["classes"].max()
        text = (
            f"On the {_name(init)} corpus the networks name the right one of {classes} classes "
            f"in {_range(own['top1'])} of its test images; guessing evenly gives "
            f"{100 / classes:.1f} %. Averaged over classes, small and large alike, "
            f"{_range(own['balanced'])} are right."
        )
        if classes < TOP5_FROM:
            text += f" Of {classes} classes the right one is always among five: top-5 is trivial."
        told.append(text)
    minutes = scores["seconds"].sum() / 60
    told.append(f"The trainings took {minutes:.1f} minutes of one worker's time.")
    return _markdown(" ".join(told))


def budget_reading(weights: pd.DataFrame) -> Markdown:
    """Return whether the corpora were given the same budget."""
    if weights.empty:
        return _markdown(NOTHING)
    budgets = weights.groupby("init", sort=False)[["images", "classes", "steps"]].max()
    if len(budgets) == 1:
        return _markdown("There is one corpus, so there is nothing to match.")
    unequal = [name for name in budgets if budgets[name].nunique() > 1]
    if not unequal:
        return _markdown(
            "The corpora have equally many images, classes and steps, so what differs between the "
            "weights is what was in the pictures."
        )
    told = "; ".join(
        f"{_name(init)}: {row.images:,} images, {row.classes} classes, {row.steps:,} steps"
        for init, row in budgets.iterrows()
    )
    return _markdown(
        f"**The budgets differ** in {' and '.join(unequal)}, so that a difference between the "
        f"weights may come from there as well as from the pictures: {told}."
    )


def split_reading(manifests: Mapping[str, DatasetManifest]) -> Markdown:
    """Return how each corpus is divided into training, validation and test images.

    Parameters
    ----------
    manifests
        Of the corpus of each init.
    """
    told = []
    for init, manifest in manifests.items():
        known = manifest.independence != "image"
        if manifest.layout == LAYOUT:
            text = "brings its own tables of the three parts"
            text += ", in which no patient stands twice" if known else ", without patients"
        elif known:
            text = f"is divided by {manifest.independence}"
        else:
            text = (
                "names no patients and is divided by image, near-duplicates together, so that "
                "images of one patient may meet in training and test"
            )
        told.append(f"The {_name(init)} corpus {text}.")
    return _markdown(" ".join(told) or NOTHING)


def imbalance_reading(imbalance: pd.DataFrame) -> Markdown:
    """Return the sentences that read the figure of class sizes."""
    if imbalance.empty:
        return _markdown(NOTHING)
    told = [
        f"In the {_name(one.init)} corpus the largest class has {one.ratio:.1f} times the training "
        f"images of the smallest. The class with the fewest patients has {one.fewest_patients:,}, "
        "counting images where patients are not known."
        for one in imbalance.itertuples()
    ]
    return _markdown(" ".join(told))


def class_reading(scores: pd.DataFrame) -> Markdown:
    """Return the sentences that read the recall of the classes of one corpus."""
    if scores.empty:
        return _markdown(NOTHING)
    means = scores.groupby("label").agg(recall=("recall", "mean"), support=("support", "max"))
    ordered = means.sort_values(["recall", "support"], kind="stable")
    worst, best = ordered.iloc[0], ordered.iloc[-1]
    missed = int((means["recall"] == 0).sum())
    text = (
        f"Mean recall over the networks: {percent(means['recall'].median())} % for the middle "
        f"class, from {percent(worst['recall'])} % (`{ordered.index[0]}`, "
        f"{counted(int(worst['support']), 'test image')}) to {percent(best['recall'])} % "
        f"(`{ordered.index[-1]}`, {counted(int(best['support']), 'test image')})."
    )
    if missed:
        none = "one class is" if missed == 1 else f"{missed} classes are"
        text += f" Of {len(means)} classes, {none} never recognised by any network."
    return _markdown(text)


def confusion_reading(one: Confusion) -> Markdown:
    """Return the sentences that read a confusion matrix."""
    off = one.shares.stack()
    off = off[off.index.get_level_values(0) != off.index.get_level_values(1)]
    networks = counted(one.networks, "network")
    text = f"Each row is the images of one true {one.unit}, the mean of {networks}. "
    if off.empty or off.max() == 0:
        return _markdown(text + f"No {one.unit} is taken for another.")
    true, named = off.idxmax()
    return _markdown(
        f"{text}The most frequent confusion is `{true}` taken for `{named}`: "
        f"{percent(off.max())} % of its test images."
    )


def curve_reading(ends: pd.DataFrame) -> Markdown:
    """Return the sentence that reads the learning curves.

    Parameters
    ----------
    ends
        Table of `rin.report.pretraining_scores.curve_ends`.
    """
    if ends.empty:
        return _markdown(NOTHING)
    last = int((ends["best_epoch"] == ends["epochs"]).sum())
    text = (
        f"In {last} of {counted(len(ends), 'training')} the last epoch has the lowest validation "
        "loss: "
    )
    if last:
        text += "there the budget set the end, and a larger profile would go on."
    else:
        text += "every curve had turned before the end."
    return _markdown(text)


def accuracy_reading(weights: pd.DataFrame) -> Markdown:
    """Return the sentences that read Figure E1 and Table E2."""
    stated = [one.top1 for one in RELEASED_ACCURACY.values()]
    text = (
        f"The released networks name the right one of {DATABASE['labels'].value} classes first in "
        f"{min(stated):.1f} % to {max(stated):.1f} % of their test images, as the README of the "
        "official repository states. "
    )
    if weights.empty:
        return _markdown(text + "This profile pretrains nothing, so nothing stands beside them.")
    told = []
    for init, own in weights.groupby("init", sort=False):
        classes, pictures = own["classes"].max(), " and ".join(sorted(set(own["provenance"])))
        told.append(
            f"those of the {_name(init)} corpus reach {_range(own['top1'])} among {classes} "
            f"classes of {pictures} images, where guessing evenly gives {100 / classes:.1f} %"
        )
    return _markdown(
        f"{text}Of the networks pretrained here, {'; '.join(told)}. Other classes, other "
        "numbers of images and other test sets: the columns cannot be compared with each other."
    )


def database_sentence() -> Markdown:
    """Return what the paper pretrained on, as a sentence."""
    facts = {name: DATABASE[name].value for name in ("images", "patients", "labels", "regions")}
    return _markdown(
        f"RadImageNet's own pretraining used {facts['images']:,} images (rounded by the paper) of "
        f"{facts['patients']:,} patients, with {facts['labels']} labels in {facts['regions']} "
        "anatomic regions."
    )


def _range(shares: pd.Series) -> str:
    low, high = percent(shares.min()), percent(shares.max())
    return f"{low} %" if low == high else f"{low} % to {high} %"


def _name(init: str) -> str:
    return init_style(init).short.lower()


def _markdown(text: str) -> Markdown:
    from IPython.display import Markdown

    return Markdown(text)
