"""What others found: independent comparisons of RadImageNet with ImageNet weights.

The facts stand in `replications.yaml`, with the numbers as their sources print them; here they are
read, and the comparisons of like with like become a table of differences.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import stats

from rin.errors import unknown

FACTS = Path(__file__).with_suffix(".yaml")
DIRECTIONS = ("RadImageNet", "ImageNet", "parity")
#: From a metric to the factor that takes its scores to AUC points (0-100).
AUC_POINTS = {"AUC": 100, "macro AUC": 100, "AUC × 100": 1}


@dataclass(frozen=True)
class Replication:
    """One comparison on one dataset.

    Attributes
    ----------
    study, authors, year
        Who found it, and when it appeared; no year where no date is stated.
    place, reference
        Where it stands (DOI, arXiv number or address), and its key in the bibliography or "".
    data, tasks
        Images that were classified, and the paper's tasks that ask the same question.
    network, setting
        Architecture, and how it was trained where a study reports several ways.
    metric
        What the score is, with its unit.
    radimagenet, imagenet, radimagenet_sd, imagenet_sd
        Score of each kind of weights and its SD over folds, None where not stated.
    folds
        Over which the SDs were taken; 0 without any.
    direction
        Weights that were ahead: one of `DIRECTIONS`.
    like_for_like
        Whether architecture and head are the same for both kinds of weights.
    own_weights
        Whether the study trained its RadImageNet weights itself.
    scaling_missing
        Whether its public code feeds RadImageNet networks without the official 1/255 scaling.
    remark
        What a reader must know to weigh it.
    """

    study: str
    authors: str
    place: str
    network: str
    metric: str
    data: str
    direction: str
    year: int | None = None
    reference: str = ""
    tasks: tuple[str, ...] = ()
    setting: str = ""
    radimagenet: float | None = None
    radimagenet_sd: float | None = None
    imagenet: float | None = None
    imagenet_sd: float | None = None
    folds: int = 0
    like_for_like: bool = True
    own_weights: bool = False
    scaling_missing: bool = False
    remark: str = ""


def _record(study: dict, one: dict) -> Replication:
    fields = {name: value for name, value in study.items() if name != "comparisons"} | one
    remarks = [text for text in (one.get("remark"), study.get("remark")) if text]
    fields["remark"] = "; ".join(dict.fromkeys(remarks))
    fields["tasks"] = tuple(fields.get("tasks", ()))
    fields["direction"] = fields.pop("ahead")
    if fields["direction"] not in DIRECTIONS:
        raise unknown("direction", fields["direction"], DIRECTIONS)
    for source in ("radimagenet", "imagenet"):
        if isinstance(fields.get(source), list):
            fields[source], fields[f"{source}_sd"] = fields[source]
    return Replication(**fields)


REPLICATIONS: tuple[Replication, ...] = tuple(
    _record(study, one)
    for study in yaml.safe_load(FACTS.read_text(encoding="utf-8"))
    for one in study["comparisons"]
)


def like_for_like() -> pd.DataFrame:
    """Return the comparisons of like with like whose AUCs are stated for both kinds of weights.

    Returns
    -------
    pandas.DataFrame
        One row a comparison: `study`, `reference`, `label` (images and setting), `task` (keys of
        the paper's tasks, joined by ``/``; "" for another question), `estimate` (AUC points,
        RadImageNet − ImageNet), `low`, `high` (95% interval, NaN where no SD is stated), `ahead`
        (of `DIRECTIONS`), `network`, `setting`, `folds`, `of_the_paper`, `own_weights`,
        `scaling_missing`, and both scores in AUC points with their SDs.

    Notes
    -----
    Intervals are Welch's, from the SDs over folds as if folds were independent and the two sources
    unpaired.  Folds share training images, which makes them too narrow; both sources saw the same
    folds, which may make them too wide.  The correlations that would tell were not published.
    """
    rows = []
    for one in REPLICATIONS:
        factor = AUC_POINTS.get(one.metric)
        if not one.like_for_like or factor is None or None in (one.radimagenet, one.imagenet):
            continue
        estimate = factor * (one.radimagenet - one.imagenet)
        half = welch_half_width(one.radimagenet_sd, one.imagenet_sd, one.folds) * factor
        rows.append(
            {
                "study": one.study,
                "reference": one.reference,
                "label": f"{one.data}, {one.setting}" if one.setting else one.data,
                "task": "/".join(one.tasks),
                "estimate": round(estimate, 10),
                "low": estimate - half,
                "high": estimate + half,
                "ahead": one.direction,
                "network": one.network,
                "setting": one.setting,
                "folds": one.folds,
                "of_the_paper": bool(one.tasks),
                "own_weights": one.own_weights,
                "scaling_missing": one.scaling_missing,
                "radimagenet": factor * one.radimagenet,
                "radimagenet_sd": _scaled(one.radimagenet_sd, factor),
                "imagenet": factor * one.imagenet,
                "imagenet_sd": _scaled(one.imagenet_sd, factor),
            }
        )
    return pd.DataFrame(rows)


def welch_half_width(sd_a: float | None, sd_b: float | None, n: int) -> float:
    """Return the half-width of Welch's 95% interval of a difference of two means of n values each.

    NaN without SDs.  Checked against `scipy.stats.ttest_ind_from_stats`.
    """
    if sd_a is None or sd_b is None:
        return np.nan
    a, b = sd_a**2 / n, sd_b**2 / n
    freedom = (a + b) ** 2 / ((a**2 + b**2) / (n - 1))
    return float(stats.t.ppf(0.975, freedom) * np.sqrt(a + b))


def _scaled(value: float | None, factor: float) -> float:
    return np.nan if value is None else factor * value
