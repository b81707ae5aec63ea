"""What the page on probing weights shows: how often the verdict is right, and rules varied.

Everything is computed from the table of `rin.study.probe.probe_measurements`, here or in a
reference run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from rin.data.manifest import load_manifest
from rin.models.fingerprint_verdict import (
    FACTOR,
    NONE_FITS,
    TOO_CLOSE,
    Candidate,
    scaling_of,
)
from rin.models.preprocessing import PREPROCESSING
from rin.report.format import MISSING, format_interval, format_number
from rin.study.probe import ONE_PROBE, RANDOM, probe_verdicts

if TYPE_CHECKING:
    from IPython.display import Markdown

#: Factors between best and second candidate for which the verdicts are counted.
FACTORS = (1.2, 1.5, 2.0, 3.0)


def hit_rates(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return how often the right contract was named, by the images that were used.

    Parameters
    ----------
    verdicts
        As `rin.study.probe.probe_verdicts`; only files made for the probe are counted.

    Returns
    -------
    pandas.DataFrame
        `source` (a dataset, or `all` for all that were not seen), `seen`, `n`, `hits`, `nearest`,
        `wrong`, `too_close`, `none_fits` (counts), `low`, `high` (Wilson's 95 % interval of
        hits / n).
    """
    made = verdicts[verdicts["kind"] == "probe"]
    unseen = made[~made["seen"]]
    groups = [(name, rows) for name, rows in made.groupby("source", sort=False)]
    groups += [("all", unseen)] if unseen["source"].nunique() > 1 else []
    rows = []
    for name, group in groups:
        n, hits = len(group), int(group["hit"].sum())
        low, high = proportion_confint(hits, n, method="wilson")
        rows.append(
            {
                "source": name,
                "seen": bool(group["seen"].all()),
                "n": n,
                "hits": hits,
                "nearest": int(group["nearest"].sum()),
                "wrong": int(group["wrong"].sum()),
                "too_close": int((group["verdict"] == TOO_CLOSE).sum()),
                "none_fits": int((group["verdict"] == NONE_FITS).sum()),
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def hit_table(rates: pd.DataFrame) -> pd.DataFrame:
    """Return the hit rates as text, one row a dataset."""
    rows = [
        {
            "Images": source_title(one.source) + (", seen in training" if one.seen else ""),
            "Named right": f"{one.hits} of {one.n}",
            "95% CI": format_interval(one.low, one.high),
            "Nearest is right": one.nearest,
            "Named wrong": one.wrong,
            "Too close to call": one.too_close,
            "None fits": one.none_fits,
        }
        for one in rates.itertuples()
    ]
    return pd.DataFrame(rows)


def random_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return what was said of random weights, one row a backbone."""
    rows = [
        {
            "Backbone": backbone,
            "None fits": f"{int(group['hit'].sum())} of {len(group)} datasets",
            "Correlation, largest": format_number(group["correlation"].max()),
        }
        for backbone, group in verdicts[verdicts["trained_with"] == RANDOM].groupby(
            "backbone", sort=False
        )
    ]
    return pd.DataFrame(rows)


def own_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return what was said of the study's own pretraining, one row a file."""
    own = verdicts[verdicts["kind"] == "study"]
    rows = []
    for (init, backbone, contract), group in own.groupby(
        ["init", "backbone", "trained_with"], sort=False
    ):
        seen = group.loc[group["seen"], "verdict"]
        unseen = group[~group["seen"]]
        rows.append(
            {
                "Init": init,
                "Backbone": backbone,
                "Trained with": contract,
                "Verdict, own corpus": seen.iloc[0] if len(seen) else MISSING,
                "Right on other datasets": f"{int(unseen['hit'].sum())} of {len(unseen)}",
                "Wrong": int(unseen["wrong"].sum()),
            }
        )
    return pd.DataFrame(rows)


def factor_table(measurements: pd.DataFrame, factors: Sequence[float] = FACTORS) -> pd.DataFrame:
    """Return the verdicts on datasets that were not seen, for several factors of the rule."""
    made = measurements[(measurements["kind"] == "probe") & ~measurements["seen"]]
    rows = []
    for factor in factors if len(made) else ():
        verdicts = probe_verdicts(made, factor)
        right, wrong = int(verdicts["hit"].sum()), int(verdicts["wrong"].sum())
        rows.append(
            {
                "Factor": f"{factor:g}" + (" (used)" if factor == FACTOR else ""),
                "Named right": right,
                "Named wrong": wrong,
                "Not named": len(verdicts) - right - wrong,
            }
        )
    return pd.DataFrame(rows)


def candidate_table(candidates: Sequence[Candidate]) -> pd.DataFrame:
    """Return the candidates: what becomes of a black and of a white pixel, and who uses them."""
    rows = []
    for one in candidates:
        ends = np.array([[0.0] * 3, [255.0] * 3])
        black, white = one.contract.apply(ends).mean(axis=1)
        rows.append(
            {
                "Candidate": one.name,
                "Black becomes": format_number(black),
                "White becomes": format_number(white),
                "Order": "BGR" if one.contract.bgr else "RGB",
                "Used by": one.used_by,
            }
        )
    return pd.DataFrame(rows)


def trained_table(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return how well each file made for the probe had learnt, one row a file."""
    made = measurements[measurements["kind"] == "probe"]
    files = made.drop_duplicates(["backbone", "trained_with"])
    rows = [
        {
            "Backbone": one.backbone,
            "Trained with": one.trained_with,
            "Epochs": one.epochs,
            "Accuracy": format_number(one.top1),
            "Largest class": format_number(one.chance),
        }
        for one in files.itertuples()
    ]
    return pd.DataFrame(rows)


def hit_reading(rates: pd.DataFrame, verdicts: pd.DataFrame) -> Markdown:
    """Return the sentences that read the hit rates."""
    from IPython.display import Markdown

    made = verdicts[verdicts["kind"] == "probe"]
    parts = []
    for seen, words in ((True, "the corpus of the training"), (False, "datasets never seen")):
        group = made[made["seen"] == seen]
        if group.empty:
            continue
        hits, n, wrong = int(group["hit"].sum()), len(group), int(group["wrong"].sum())
        interval = format_interval(*proportion_confint(hits, n, method="wilson"))
        parts.append(
            f"On images of {words} the probe names the right preprocessing in {hits} of {n} "
            f"cases, 95 % interval {interval}, and a wrong one in {wrong}."
        )
    parts.append(
        "A case is one file with one dataset; the same files return with every dataset, so cases "
        "are not independent and the interval over several datasets is too narrow."
    )
    return Markdown(" ".join([*parts, *_stand_in_words(made)]))


def contrast_reading(measurements: pd.DataFrame) -> Markdown:
    """Return how the contrast of unseen images compares with that of the training, computed.

    A contract that scales pixels twice as far looks like images with twice the contrast; this is
    the limit of the method.
    """
    from IPython.display import Markdown

    factor = PREPROCESSING["symmetric"].scale[0] / PREPROCESSING["caffe_unit"].scale[0]
    text = (
        f"`symmetric` spreads pixels {factor:g} times as far as `caffe_unit`. Images of half or "
        "twice the contrast of those of pretraining can therefore stand for the other contract, "
        "and the stored means and variances do not tell the two apart reliably: probe with images "
        "like those of the pretraining, where there are any."
    )
    truth = true_rows(measurements)
    if unseen := list(truth.loc[~truth["seen"], "contrast"]):
        text += (
            f" Under the contract that they were trained with, the files here were trained at "
            f"{min(unseen):.2f} to {max(unseen):.2f} times the contrast of the images of other "
            "datasets."
        )
    return Markdown(text)


def true_rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the right candidate of every trained file, in its nearer order."""
    scaling = measurements["candidate"].map(scaling_of)
    right = measurements[scaling == measurements["trained_with"]]
    return right.sort_values("divergence").drop_duplicates(ONE_PROBE).sort_index()


def source_title(name: str) -> str:
    """Return the title of a dataset by the name of its manifest."""
    return "All datasets never seen" if name == "all" else load_manifest(name).title


def measurements_provenance(measurements: pd.DataFrame) -> str:
    """Return `real` where weights and images are, else `stand-in`."""
    found = {*measurements["weights_provenance"], *measurements["source_provenance"]}
    return "stand-in" if "stand-in" in found else "real"


def _stand_in_words(verdicts: pd.DataFrame) -> list[str]:
    if measurements_provenance(verdicts) == "real":
        return []
    return [
        "Images or weights are stand-ins here, so these rates say that the code runs and nothing "
        "about real images."
    ]
