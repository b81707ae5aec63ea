"""What others found: independent comparisons of RadImageNet with ImageNet weights.

The facts stand in `replications.yaml`, with the numbers as their sources print them; here they are
read, and the comparisons of like with like become a table of differences.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy import stats

from rin.files import read_yaml
from rin.stats.synthesis import random_effects

#: From a metric to the factor that takes its scores to AUC points (0-100).
AUC_POINTS = {"AUC": 100, "macro AUC": 100, "AUC × 100": 1}
_READ = read_yaml(Path(__file__).with_suffix(".yaml"))


def _record(study: dict, comparison: dict) -> SimpleNamespace:
    own = {name: value for name, value in study.items() if name != "comparisons"} | comparison
    for source in ("radimagenet", "imagenet"):
        if isinstance(own.get(source), list):
            own[source], own[f"{source}_sd"] = own[source]
    remarks = [text for text in (comparison.get("remark"), study.get("remark")) if text]
    own["remark"] = "; ".join(dict.fromkeys(remarks))
    own["direction"] = own.pop("ahead")
    return SimpleNamespace(**_READ["fields"] | own)


#: One comparison on one dataset each, with the `fields` of the file.
REPLICATIONS: tuple[SimpleNamespace, ...] = tuple(
    _record(study, comparison) for study in _READ["studies"] for comparison in study["comparisons"]
)

#: Numbers that follow-up studies of other questions print, by their key in the bibliography.
FOLLOW_UPS: dict[str, dict] = _READ["follow_ups"]


def like_for_like() -> pd.DataFrame:
    """Return the comparisons of like with like whose AUCs are stated for both kinds of weights.

    One row a comparison: `study`, `reference`, `label` (images and setting), `task` (keys of the
    paper's tasks, joined by ``/``; "" for another question), `estimate` (AUC points, RadImageNet −
    ImageNet), `ci_low`, `ci_high` (95% interval, NaN where no SD is stated), `ahead` (or "parity"),
    `network`, `setting`, `folds`, `of_the_paper`, `own_weights`, `scaling_missing`, and both scores
    in AUC points with their SDs.  Intervals are Welch's, from the SDs over folds as if folds were
    independent and the two sources unpaired: sharing training images makes them too narrow, sharing
    folds may make them too wide.
    """
    table = pd.DataFrame(map(vars, REPLICATIONS))
    scores = ["radimagenet", "radimagenet_sd", "imagenet", "imagenet_sd"]
    fair = table["like_for_like"] & table["metric"].isin(AUC_POINTS)
    table = table[fair & table[["radimagenet", "imagenet"]].notna().all(axis=1)]
    table = table.reset_index(drop=True)
    factor = table["metric"].map(AUC_POINTS)
    sds = table[["radimagenet_sd", "imagenet_sd"]].pow(2).div(table["folds"], axis=0)
    own, other = sds["radimagenet_sd"], sds["imagenet_sd"]
    freedom = (own + other) ** 2 / ((own**2 + other**2) / (table["folds"] - 1))
    half = stats.t.ppf(0.975, freedom) * np.sqrt(own + other) * factor
    estimate = factor * (table["radimagenet"] - table["imagenet"])
    named = table["data"] + ", " + table["setting"]
    table = table.assign(
        label=named.where(table["setting"] != "", table["data"]),
        task=table["tasks"].map("/".join),
        estimate=estimate.round(10),
        ci_low=estimate - half,
        ci_high=estimate + half,
        ahead=table["direction"],
        of_the_paper=table["tasks"].map(bool),
        **{name: factor * table[name] for name in scores},
    )
    columns = [
        "study",
        "reference",
        "label",
        "task",
        "estimate",
        "ci_low",
        "ci_high",
        "ahead",
        "network",
    ]
    columns += ["setting", "folds", "of_the_paper", "own_weights", "scaling_missing"]
    return table[columns + scores]


def pooled_fine_tuned() -> pd.DataFrame:
    """Pool the fully fine-tuned comparisons with SDs by random effects, by what they ask.

    Index: `the paper's questions`, `other questions` and `all`; columns as of
    `rin.stats.synthesis.random_effects`, in AUC points, and `scaling_missing`: whether all of them
    lack the official scaling.  SDs are over folds, as if these were independent.
    """
    table = like_for_like().dropna(subset=["ci_low"])
    table = table[table["setting"] == "fine-tuned"]
    squares = table[["radimagenet_sd", "imagenet_sd"]].pow(2).sum(axis=1)
    table = table.assign(variance=squares / table["folds"])
    groups = {
        "the paper's questions": table[table["of_the_paper"]],
        "other questions": table[~table["of_the_paper"]],
        "all": table,
    }
    pooled = {
        name: random_effects(rows["estimate"], rows["variance"])
        | {"scaling_missing": bool(rows["scaling_missing"].all())}
        for name, rows in groups.items()
    }
    return pd.DataFrame(pooled.values(), index=list(pooled))
