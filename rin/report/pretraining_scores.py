"""Numbers of the pretraining chapter, from recorded predictions and learning curves.

Every table here is tidy and numeric; `rin.report.pretraining_tables` puts them into words and
`rin.report.pretraining_figures` draws them.  Nothing is read from files and nothing is trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rin.curation.taxonomy import MODALITIES, REGIONS

#: With fewer classes than this, the right class is always among the first five.
TOP5_FROM = 6
#: A matrix of more classes cannot be read; it is shown by region.
MOST_CLASSES = 40
PARTS = ("train", "validation", "test")
_RUN = ["init", "backbone"]


@dataclass(frozen=True)
class Confusion:
    """What images of each class are taken for, averaged over the networks of one init.

    Attributes
    ----------
    shares
        Rows are true classes (or regions), columns what was predicted; rows sum to 1.
    unit
        "class", or "region" where there are too many classes to read.
    networks
        Number of networks that were averaged.
    right
        Share of images given the right class, per row.
    """

    shares: pd.DataFrame
    unit: str
    networks: int
    right: pd.Series


def accuracy_interval(hits: np.ndarray, patients: np.ndarray) -> tuple[float, float]:
    """Return the 95% Wilson interval of a share of images that are grouped by patient.

    Images of one patient are alike, so that they count for fewer: their number is divided by
    the design effect, the clustered variance of the share over that of independent images.  It
    is never taken below 1, and is the mean number of images a patient where every image is
    right or every one wrong.

    Reference: Korn EL, Graubard BI. Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data. Surv Methodol 1998;24:193–201.

    Parameters
    ----------
    hits
        bool (n,), whether each image is right.
    patients
        Patient of each image, (n,).

    Returns
    -------
    tuple of float
        Lower and upper end, 0–1.  Validated against statsmodels: Wilson's interval for single
        images, the clustered covariance of a mean for the design effect.
    """
    from statsmodels.stats.proportion import proportion_confint

    n, share = len(hits), float(np.mean(hits))
    _, cluster = np.unique(patients, return_inverse=True)
    sums = np.bincount(cluster, weights=np.asarray(hits, float) - share)
    k, plain = len(sums), n**2 * share * (1 - share) / max(1, n - 1)
    effect = (sums**2).sum() * k / (k - 1) / plain if plain and k > 1 else n / k
    size = n / max(1.0, effect)
    low, high = proportion_confint(share * size, size, method="wilson")
    return float(low), float(high)


def run_scores(weights: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return one row per pretraining run with its test scores, speed and time.

    Parameters
    ----------
    weights
        Table of `rin.study.pretrained`.
    predictions
        Table of `rin.study.pretraining.pretraining_predictions`.

    Returns
    -------
    pandas.DataFrame
        `init`, `backbone`, `corpus`, `provenance`, `classes`, `epochs`, `seconds`,
        `images_per_second` as recorded; `test_images`, `test_patients`, `top1`, `low`, `high`,
        `top5` (NaN where it is trivial), `balanced` (all 0–1).
    """
    kept = ["corpus", "provenance", "classes", "epochs", "seconds", "images_per_second"]
    rows = []
    for run in weights.to_dict("records"):
        named = (predictions["init"] == run["init"]) & (predictions["backbone"] == run["backbone"])
        own = predictions[named]
        hits = (own["truth"] == own["predicted"]).to_numpy()
        low, high = accuracy_interval(hits, own["patient_id"].to_numpy())
        rows.append(
            {name: run[name] for name in [*_RUN, *kept]}
            | {
                "test_images": len(own),
                "test_patients": own["patient_id"].nunique(),
                "top1": hits.mean(),
                "low": low,
                "high": high,
                "top5": own["in_top5"].mean() if run["classes"] >= TOP5_FROM else np.nan,
                "balanced": pd.Series(hits).groupby(own["truth"].to_numpy()).mean().mean(),
            }
        )
    return pd.DataFrame(rows)


def class_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the recall of each class under each network.

    Parameters
    ----------
    predictions
        As for `run_scores`.

    Returns
    -------
    pandas.DataFrame
        `init`, `backbone`, `label`, `support` (test images), `patients`, `recall`, `low`,
        `high` (see `accuracy_interval`), and `taken_for`, the most frequent wrong answer.
    """
    rows = []
    groups = predictions.groupby([*_RUN, "truth"], sort=False) if len(predictions) else ()
    for (init, backbone, label), own in groups:
        hits = (own["predicted"] == label).to_numpy()
        low, high = accuracy_interval(hits, own["patient_id"].to_numpy())
        wrong = own.loc[~hits, "predicted"].value_counts()
        rows.append(
            (init, backbone, label, len(own), own["patient_id"].nunique(), hits.mean(), low, high,
             wrong.index[0] if len(wrong) else "")
        )  # fmt: skip
    columns = ["label", "support", "patients", "recall", "low", "high", "taken_for"]
    return pd.DataFrame(rows, columns=[*_RUN, *columns])


def confusion(predictions: pd.DataFrame, *, most: int = MOST_CLASSES) -> Confusion:
    """Return the row-normalised confusion matrix of one init, the mean of its networks.

    Parameters
    ----------
    predictions
        As for `run_scores`, of one init.
    most
        More classes than this are put together by region, where their names tell it.
    """
    labels = sorted({*predictions["truth"], *predictions["predicted"]})
    hits = predictions["truth"] == predictions["predicted"]
    regions = {label: region_of(label) for label in labels}
    unit = "region" if len(labels) > most and all(regions.values()) else "class"
    names = labels if unit == "class" else _in_order({*regions.values()})
    own = predictions if unit == "class" else predictions.assign(
        truth=predictions["truth"].map(regions), predicted=predictions["predicted"].map(regions)
    )  # fmt: skip
    tables = [
        pd.crosstab(one["truth"], one["predicted"], normalize="index").reindex(
            index=names, columns=names, fill_value=0.0
        )
        for _, one in own.groupby("backbone", sort=False)
    ]
    shares = sum(tables) / len(tables)
    seen = [name for name in names if name in set(own["truth"])]
    right = hits.groupby([own["backbone"], own["truth"]]).mean().groupby("truth").mean()
    return Confusion(shares.loc[seen], unit, len(tables), right.loc[seen])


def region_of(label: str) -> str:
    """Return the region of a class as RadImageNet names it, such as `lung-Nodule`.

    A prefix that is no folder of the taxonomy stands for itself, and a modality for all its
    regions; a name without prefix has no region and gives an empty text.
    """
    prefix, hyphen, _ = label.partition("-")
    if prefix in REGIONS:
        return f"{REGIONS[prefix].title}, {MODALITIES[REGIONS[prefix].modality]}"
    return MODALITIES.get(prefix, prefix) if hyphen else ""


def _in_order(regions: set[str]) -> list[str]:
    """Return regions in the order of the taxonomy, others last."""
    known = [region_of(f"{name}-") for name in REGIONS]
    return sorted(regions, key=lambda name: (known.index(name) if name in known else 99, name))


def imbalance(classes: pd.DataFrame) -> pd.DataFrame:
    """Return how unequal the classes of each corpus are.

    Parameters
    ----------
    classes
        Table of `rin.study.pretraining.pretraining_classes`: `init`, `corpus`, `label`, `train`,
        `validation`, `test` (images), `patients`.

    Returns
    -------
    pandas.DataFrame
        One row per init: `init`, `corpus`, `classes`, the images of each part, the `largest` and
        `smallest` class by training images with `largest_images` and `smallest_images`, their
        `ratio`, and `fewest_patients` of any class.
    """
    rows = []
    groups = classes.groupby(["init", "corpus"], sort=False) if len(classes) else ()
    for (init, corpus), own in groups:
        ordered = own.sort_values("train", kind="stable")
        smallest, largest = ordered.iloc[0], ordered.iloc[-1]
        rows.append(
            {"init": init, "corpus": corpus, "classes": len(own)}
            | {part: int(own[part].sum()) for part in PARTS}
            | {
                "largest": largest["label"],
                "largest_images": int(largest["train"]),
                "smallest": smallest["label"],
                "smallest_images": int(smallest["train"]),
                "ratio": largest["train"] / smallest["train"],
                "fewest_patients": int(own["patients"].min()),
            }
        )
    return pd.DataFrame(rows)


def curve_ends(histories: pd.DataFrame) -> pd.DataFrame:
    """Return where each learning curve was lowest: `init`, `backbone`, `epochs`, `best_epoch`.

    Parameters
    ----------
    histories
        Table of `rin.study.pretraining_histories`; the epoch with the lowest `val_loss` is the
        one that is kept.
    """
    rows = []
    groups = histories.groupby(_RUN, sort=False) if len(histories) else ()
    for (init, backbone), own in groups:
        best = own.sort_values("val_loss", kind="stable")["epoch"].iloc[0]
        rows.append((init, backbone, len(own), int(best)))
    return pd.DataFrame(rows, columns=[*_RUN, "epochs", "best_epoch"])
