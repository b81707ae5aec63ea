"""Tables of the pretraining chapter: budgets, scores, classes, weights files.

Cells are text, ready to read; numbers come from `rin.report.pretraining_scores`, published ones
from `rin.paper`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rin.errors import InputError
from rin.models.weights import file_sha256
from rin.paper import DATABASE, RELEASED_ACCURACY, SETTINGS
from rin.report.format import MISSING, format_interval, format_number
from rin.report.pretraining_scores import PARTS, TOP5_FROM
from rin.report.style import init_style
from rin.study.pretraining_records import NOTOP, SAFETENSORS, WEIGHTS

if TYPE_CHECKING:
    from rin.study.ledger import Ledger
    from rin.study.sections import Pretraining

#: Formats of the weights in which every run leaves its backbone, with what reads them.
FORMATS = {WEIGHTS: "Keras 3", NOTOP: "Keras 2 layout, by topology", SAFETENSORS: "safetensors"}
TRIVIAL = "trivial"
_PART_WORDS = {"train": "training", "validation": "validation", "test": "test"}


def score_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return test accuracy, speed and time of each pretraining run, one row a run.

    Parameters
    ----------
    scores
        Table of `rin.report.pretraining_scores.run_scores`; without rows the result has none.
    """
    columns = ["Top-1, % (95% CI)", "Balanced, %", "Top-5, %", "Test images / patients",
               "Images/s", "Minutes"]  # fmt: skip
    rows = {
        (init_style(run.init).short, run.backbone): [
            f"{percent(run.top1)} {format_interval(100 * run.low, 100 * run.high, 0)}",
            percent(run.balanced),
            _top5(run.top5, run.classes),
            f"{run.test_images:,} / {run.test_patients:,}",
            f"{run.images_per_second:,.0f}",
            f"{run.seconds / 60:.1f}",
        ]
        for run in scores.itertuples()
    }
    table = pd.DataFrame(list(rows.values()), columns=columns)
    names = [[name[level] for name in rows] for level in (0, 1)]
    return table.set_axis(pd.MultiIndex.from_arrays(names, names=["Corpus", "Backbone"]))


def settings_table(settings: Pretraining) -> pd.DataFrame:
    """Return how a profile pretrains, each setting beside what the paper states of it."""
    split = "/".join(map(str, SETTINGS["pretraining_split_percent"].value))
    stated = {
        "size": SETTINGS["pretraining_image_size"].value,
        "dropout": SETTINGS["dropout"].value,
    }
    rows = {
        name.replace("_", " ").capitalize(): [stated.get(name, MISSING), value]
        for name, value in settings.model_dump(exclude={"corpora", "backbones"}).items()
    }
    rows["Training, validation and test, %"] = [split, split]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["The paper", "Here"])
    return table.map(lambda value: MISSING if value is None else str(value)).rename_axis("Setting")


def budget_table(weights: pd.DataFrame) -> pd.DataFrame:
    """Return what each corpus gave its networks: images, classes, epochs, steps."""
    rows = {
        init_style(init).short: {
            "Images": f"{own['images'].max():,}",
            "Classes": str(own["classes"].max()),
            "Epochs": str(own["epochs"].max()),
            "Steps": f"{own['steps'].max():,}",
            "Networks": str(own["backbone"].nunique()),
            "Images are": " and ".join(sorted(set(own["provenance"]))),
        }
        for init, own in (weights.groupby("init", sort=False) if len(weights) else ())
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Corpus")


def corpus_table(imbalance: pd.DataFrame) -> pd.DataFrame:
    """Return the size of each corpus and of its largest and smallest class, as text.

    Parameters
    ----------
    imbalance
        Table of `rin.report.pretraining_scores.imbalance`.
    """
    rows = {
        init_style(one.init).short: {
            "Manifest": one.corpus,
            "Images, training / validation / test": " / ".join(
                f"{getattr(one, part):,}" for part in PARTS
            ),
            "Classes": str(one.classes),
            "Largest class": f"{one.largest} ({one.largest_images:,})",
            "Smallest class": f"{one.smallest} ({one.smallest_images:,})",
            "Ratio": f"{one.ratio:.1f}",
        }
        for one in imbalance.itertuples()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Corpus")


def class_table(scores: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Return images and recall of every class of one corpus, smallest training part first.

    Parameters
    ----------
    scores, classes
        Of one init: `rin.report.pretraining_scores.class_scores` and the table of
        `rin.study.pretraining.pretraining_classes`.
    """
    found = scores.set_index(["label", "backbone"])
    rows = {}
    for one in classes.sort_values(["train", "label"]).itertuples():
        cells = {f"Images, {word}": f"{getattr(one, part):,}" for part, word in _PART_WORDS.items()}
        cells["Patients"] = f"{one.patients:,}"
        for backbone in scores["backbone"].unique():
            there = (one.label, backbone) in found.index
            cells[f"Recall, %, {backbone}"] = (
                percent(found.loc[(one.label, backbone), "recall"], 0) if there else MISSING
            )
        rows[one.label] = cells
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Class")


def accuracy_table(weights: pd.DataFrame, inits: Sequence[str]) -> pd.DataFrame:
    """Return Table E2: test accuracy in percent, as published, and of the networks here.

    What each was trained on stands above its columns, for the columns are no ranking.

    Parameters
    ----------
    weights
        Table of `rin.study.pretrained`; may be without rows.
    inits
        Sources from left to right; those without rows are left out.
    """
    published = (
        f"Published: RadImageNet, {DATABASE['images'].value:,} images, "
        f"{DATABASE['labels'].value} classes"
    )
    own = {init: weights[weights["init"] == init] for init in inits if len(weights)}
    own = {init: rows.set_index("backbone") for init, rows in own.items() if len(rows)}
    others = [name for rows in own.values() for name in rows.index]
    table = {}
    for backbone in dict.fromkeys([*RELEASED_ACCURACY, *others]):
        stated = RELEASED_ACCURACY.get(backbone)
        cells = {(published, "Top-1"): f"{stated.top1:.1f}" if stated else MISSING}
        cells[published, "Top-5"] = f"{stated.top5:.1f}" if stated else MISSING
        for init, rows in own.items():
            head, there = _trained_on(init, rows), backbone in rows.index
            run = rows.loc[backbone] if there else None
            cells[head, "Top-1"] = percent(run["top1"]) if there else MISSING
            cells[head, "Top-5"] = _top5(run["top5"], run["classes"]) if there else MISSING
        table[backbone] = cells
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("Backbone")


def comparable(weights: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of backbones with published accuracies; a trivial top-5 is missing.

    For `rin.report.figures_design.accuracy_dots`.
    """
    if weights.empty:
        return weights
    own = weights[weights["backbone"].isin(list(RELEASED_ACCURACY))]
    return own.assign(top5=own["top5"].where(own["classes"] >= TOP5_FROM))


def file_table(weights: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Return the weights files of every run with size and SHA-256, one row a file.

    Parameters
    ----------
    weights
        Table of `rin.study.pretrained`.
    ledger
        `study.weights`, where the files lie.

    Returns
    -------
    pandas.DataFrame
        `init`, `backbone`, `run_id`, `file`, `format`, `bytes`, `sha256`.

    Raises
    ------
    InputError
        If a finished run lacks one of its files.
    """
    rows = []
    for run in weights.itertuples():
        for name, kind in FORMATS.items():
            path = Path(ledger.path(run.run_id)) / name
            if not path.is_file():
                raise InputError(
                    "a finished pretraining run lacks one of its weights files",
                    where=path,
                    remedy="Delete the run's folder and pretrain again; only this run is redone.",
                )
            digest = file_sha256(path)
            rows.append(
                (run.init, run.backbone, run.run_id, name, kind, path.stat().st_size, digest)
            )
    columns = ["init", "backbone", "run_id", "file", "format", "bytes", "sha256"]
    return pd.DataFrame(rows, columns=columns)


def shown_files(files: pd.DataFrame) -> pd.DataFrame:
    """Return `file_table` as text: a row a file, with its size in MB and its digest."""
    table = pd.DataFrame(
        {
            "File": files["run_id"] + "/" + files["file"],
            "Format": files["format"],
            "MB": (files["bytes"] / 1e6).map("{:,.1f}".format),
            "SHA-256": files["sha256"],
        }
    )
    names = [files["init"].map(lambda init: init_style(init).short), files["backbone"]]
    return table.set_axis(pd.MultiIndex.from_arrays(names, names=["Corpus", "Backbone"]))


def _trained_on(init: str, rows: pd.DataFrame) -> str:
    kind = " and ".join(sorted(set(rows["provenance"])))
    return (
        f"Ours: {_name(init)}, {rows['images'].max():,} {kind} images, "
        f"{rows['classes'].max()} classes"
    )


def _top5(share: float, classes: int) -> str:
    return TRIVIAL if classes < TOP5_FROM else percent(share)


def _name(init: str) -> str:
    return init_style(init).short.lower()


def percent(share: float, digits: int = 1) -> str:
    """Return a share (0–1) in percent, without the sign; a dash for NaN."""
    return format_number(100 * share, digits)
