"""What others found: independent comparisons of RadImageNet with ImageNet weights.

The facts stand in `replications.yaml`, with the numbers as their sources print them.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from rin.files import FrozenModel, read_yaml
from rin.stats.synthesis import random_effects

#: From a metric to the factor that takes its scores to AUC points (0-100).
AUC_POINTS = {"AUC": 100, "macro AUC": 100, "AUC × 100": 1}
_READ = read_yaml(Path(__file__).with_suffix(".yaml"))


class Replication(FrozenModel):
    """One comparison on one dataset, at `place` (DOI, arXiv number or address).

    `reference` is its key in the bibliography, `tasks` those of the paper that ask the same
    question, `setting` how networks were trained; SDs are over `folds`.  `like_for_like` is
    whether architecture and head are the same for both, `own_weights` whether the study trained
    its RadImageNet weights, `scaling_missing` whether its code lacks the official 1/255.
    """

    study: str
    place: str
    reference: str = ""
    data: str
    tasks: tuple[str, ...] = ()
    network: str = ""
    setting: str = ""
    metric: str
    radimagenet: float | None = None
    radimagenet_sd: float | None = None
    imagenet: float | None = None
    imagenet_sd: float | None = None
    folds: int = 0
    ahead: Literal["RadImageNet", "ImageNet", "parity"]
    like_for_like: bool = True
    own_weights: bool = False
    scaling_missing: bool = False
    remark: str = ""


def _record(study: dict, comparison: dict) -> Replication:
    """Return a comparison with the fields of its study, and both remarks."""
    fields = study | comparison
    del fields["comparisons"]
    remarks = [text for text in (comparison.get("remark"), study.get("remark")) if text]
    return Replication(**fields | {"remark": "; ".join(dict.fromkeys(remarks))})


REPLICATIONS: tuple[Replication, ...] = tuple(
    _record(study, comparison) for study in _READ["studies"] for comparison in study["comparisons"]
)

#: Numbers that follow-up studies of other questions print, by their key in the bibliography.
FOLLOW_UPS: dict[str, dict] = _READ["follow_ups"]


def like_for_like() -> pd.DataFrame:
    """Return the comparisons of like with like whose AUCs are stated for both kinds of weights.

    One row a comparison: the fields of `Replication` in AUC points, `label` (images and setting),
    `task` (the paper's, joined by ``/``), `of_the_paper` (whether there are any), `estimate`
    (RadImageNet − ImageNet), and Welch's `ci_low`, `ci_high`, as if folds were independent.
    """
    table = pd.DataFrame([record.model_dump() for record in REPLICATIONS])
    scores = ["radimagenet", "radimagenet_sd", "imagenet", "imagenet_sd"]
    fair = table["like_for_like"] & table["metric"].isin(AUC_POINTS)
    table = table[fair & table[["radimagenet", "imagenet"]].notna().all(axis=1)]
    table = table.reset_index(drop=True)
    factor = table["metric"].map(AUC_POINTS)
    sds = table[["radimagenet_sd", "imagenet_sd"]].pow(2).div(table["folds"], axis=0)
    total = sds.sum(axis=1)
    freedom = total**2 / (sds.pow(2).sum(axis=1) / (table["folds"] - 1))
    half = stats.t.ppf(0.975, freedom) * np.sqrt(total) * factor
    estimate = factor * (table["radimagenet"] - table["imagenet"])
    return table.assign(
        label=table["data"] + (", " + table["setting"]).where(table["setting"] != "", ""),
        task=table["tasks"].map("/".join),
        estimate=estimate.round(10),
        ci_low=estimate - half,
        ci_high=estimate + half,
        of_the_paper=table["tasks"].map(bool),
        **{name: factor * table[name] for name in scores},
    )


def pooled_fine_tuned() -> pd.DataFrame:
    """Pool the fully fine-tuned comparisons with SDs by `random_effects`, in AUC points.

    Index: `the paper's questions`, `other questions` and `all`.  Beside the columns of the model
    stands `scaling_missing`: whether all of them lack the official scaling.
    """
    table = like_for_like().dropna(subset=["ci_low"]).query("setting == 'fine-tuned'")
    squares = table[["radimagenet_sd", "imagenet_sd"]].pow(2).sum(axis=1)
    table = table.assign(variance=squares / table["folds"])
    asks = table["of_the_paper"]
    groups = {"the paper's questions": table[asks], "other questions": table[~asks], "all": table}
    pooled = {
        name: random_effects(rows["estimate"], rows["variance"])
        | {"scaling_missing": bool(rows["scaling_missing"].all())}
        for name, rows in groups.items()
    }
    return pd.DataFrame(pooled.values(), index=list(pooled))
