"""The embeddings of a study's pretrained networks: read, compared and put into words.

Reads the weights ledger and the image stores; `rin.report.embeddings` does the arithmetic.
Tables that a page shows are text; others are said to be numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import open_store
from rin.errors import InputError
from rin.report.embeddings import (
    NEIGHBOURS,
    Neighbours,
    Purity,
    nearest_neighbours,
    neighbour_purity,
    pixel_features,
)
from rin.report.format import format_interval
from rin.report.style import init_style
from rin.study import Study, pretrained
from rin.study.pretraining import plan_pretraining, pretraining_features

if TYPE_CHECKING:
    from IPython.display import Markdown

#: Images that are compared and mapped; more take minutes and hide each other.
MOST_IMAGES = 1500
#: Name of what stands beside the backbones: the pictures themselves, made small.
PIXELS = "Pixels, 16 × 16"


@dataclass(frozen=True)
class Embedding:
    """Features of the test images of one pretrained network.

    Attributes
    ----------
    init, backbone
        Which network.
    cases
        `case_id`, `patient_id`, `truth`, `predicted`, one row an image.
    features
        float32 (n, channels), rows as in `cases`.
    total
        Images of the test set; more than `cases` has where some were drawn.
    """

    init: str
    backbone: str
    cases: pd.DataFrame
    features: np.ndarray
    total: int


def load_embeddings(study: Study, *, most: int = MOST_IMAGES) -> list[Embedding]:
    """Return the embedding of every finished pretraining of a study; may be none.

    Parameters
    ----------
    most
        Where a test set is larger, as many of its images are drawn at random, the same ones for
        all backbones.
    """
    embeddings = []
    for row in pretrained(study).itertuples():
        cases, features = pretraining_features(study, row.init, row.backbone)
        chosen = np.arange(len(cases))
        if len(cases) > most:
            draw = np.random.default_rng(study.profile.seed)
            chosen = np.sort(draw.choice(len(cases), most, replace=False))
        taken = cases.iloc[chosen].reset_index(drop=True)
        embeddings.append(
            Embedding(row.init, row.backbone, taken, np.asarray(features)[chosen], len(cases))
        )
    return embeddings


def embedded_pictures(study: Study, embedding: Embedding) -> np.ndarray:
    """Return the pictures of an embedding's images, uint8 (n, h, w) or (n, h, w, 3).

    Raises
    ------
    InputError
        An init without pretraining, or images that its store does not hold.
    """
    stores = {run.init: run.store for run in plan_pretraining(study)}
    if embedding.init not in stores:
        raise InputError(
            f"nothing was pretrained as {embedding.init}",
            where=f"profile {study.profile.name}",
            remedy=f"Choose one of: {', '.join(stores) or 'none'}.",
        )
    store = open_store(stores[embedding.init])
    rows = pd.Index(store.cases["case_id"]).get_indexer(embedding.cases["case_id"])
    if (rows < 0).any():
        raise InputError(
            f"{int((rows < 0).sum())} of {len(rows)} test images are not in the store",
            where=store.path,
            remedy="Run the pretraining of this profile again.",
        )
    return store.images()[rows]


def purity_rows(
    embeddings: Sequence[Embedding], pictures: Mapping[str, np.ndarray], *, seed: int
) -> pd.DataFrame:
    """Return the neighbour purity of every network, and of the pictures themselves, as numbers.

    Parameters
    ----------
    pictures
        From init to the pictures of its embeddings, which have the same images.

    Returns
    -------
    pandas.DataFrame
        `init`, `name` (backbone, or `PIXELS` last), `share`, `low`, `high`, `chance`, `ceiling`
        (all 0–1), `k`, `images`; may be without rows.
    """
    compared = [(one.init, one.backbone, one.cases, one.features) for one in embeddings]
    for init, images in pictures.items():
        cases = next(one.cases for one in embeddings if one.init == init)
        compared.append((init, PIXELS, cases, pixel_features(images)))
    rows = []
    for init, name, cases, features in compared:
        found = nearest_neighbours(features, cases["patient_id"], NEIGHBOURS)
        purity = neighbour_purity(cases["truth"], cases["patient_id"], found, seed=seed)
        rows.append({"init": init, "name": name, **vars(purity)})
    columns = ["init", "name", *(field.name for field in fields(Purity))]
    return pd.DataFrame(rows, columns=columns)


def purest(embeddings: Sequence[Embedding], rows: pd.DataFrame) -> dict[str, Embedding]:
    """Return, for each init, the embedding whose neighbours are purest."""
    share = rows.set_index(["init", "name"])["share"]
    best: dict[str, Embedding] = {}
    for one in embeddings:
        chosen = best.get(one.init)
        if chosen is None or share[one.init, one.backbone] > share[one.init, chosen.backbone]:
            best[one.init] = one
    return best


def purity_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `purity_rows` as text in percent, a row a network, a column an init."""
    cells = pd.DataFrame(
        {
            "Network": rows["name"],
            "init": [init_style(init).short for init in rows["init"]],
            "text": [
                f"{100 * row.share:.1f} {format_interval(100 * row.low, 100 * row.high, 1)}"
                for row in rows.itertuples()
            ],
        }
    )
    bounds = rows.groupby("init", sort=False)[["chance", "ceiling"]].mean()
    bounds = bounds.rename(columns={"chance": "Chance", "ceiling": "At best"})
    limits = bounds.rename(index=lambda init: init_style(init).short).T
    table = cells.pivot(index="Network", columns="init", values="text")
    table = pd.concat([table, limits.map(lambda share: f"{100 * share:.1f}")])
    order = [*dict.fromkeys(rows["name"]), *limits.index] if len(rows) else []
    return table.reindex(order).rename_axis(index="Network", columns=None)


def purity_reading(rows: pd.DataFrame) -> Markdown:
    """Return the sentences that read the purities: against chance, and against the pixels."""
    from IPython.display import Markdown

    if rows.empty:
        return Markdown("This profile pretrains nothing, so there is nothing to map.")
    k = int(rows["k"].iloc[0])
    told = []
    for init, own in rows.groupby("init", sort=False):
        networks = own[own["name"] != PIXELS]
        pixels = own.loc[own["name"] == PIXELS, "share"].iloc[0]
        better = int((networks["low"] > pixels).sum())
        told.append(
            f"{init_style(init).short}: {_span(networks['share'])} against "
            f"{100 * own['chance'].mean():.1f} % by chance and {100 * pixels:.1f} % for the "
            f"pictures themselves; {better} of {len(networks)} networks lie above the pictures "
            "with their whole interval"
        )
    return Markdown(
        f"Share of the {k} nearest images of other patients that have the class of their image. "
        + ". ".join(told)
        + "."
    )


def class_rows(truth: pd.Series, neighbours: Neighbours) -> pd.DataFrame:
    """Return how pure the neighbours of each class are, and which other class is among them.

    Returns
    -------
    pandas.DataFrame
        Numbers; indexed by class, the purest first: `images`, `share` (0–1), `other` (the most
        frequent other class, or an empty text), `other_share` (0–1).
    """
    names = truth.to_numpy()
    pairs = pd.DataFrame(
        {"truth": np.repeat(names, neighbours.rows.shape[1]), "found": names[neighbours.rows].flat}
    )
    shares = pd.crosstab(pairs["truth"], pairs["found"], normalize="index")
    shares = shares.reindex(columns=shares.index, fill_value=0.0)
    own = pd.Series(np.diag(shares), index=shares.index)
    rest = shares.mask(np.eye(len(shares), dtype=bool), 0.0)
    others = rest.idxmax(axis=1).where(rest.max(axis=1) > 0, "")
    table = pd.DataFrame(
        {
            "images": truth.value_counts().reindex(shares.index),
            "share": own,
            "other": others,
            "other_share": rest.max(axis=1),
        }
    )
    return table.sort_values("share", ascending=False, kind="stable").rename_axis("class")


def class_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `class_rows` as text, in percent."""
    others = [
        f"{row.other}, {100 * row.other_share:.0f}" if row.other else "none"
        for row in rows.itertuples()
    ]
    table = {
        "Images": rows["images"].astype(str),
        "Same class, %": [f"{100 * share:.0f}" for share in rows["share"]],
        "Most frequent other class, %": others,
    }
    return pd.DataFrame(table, index=rows.index.rename("Class"))


def map_reading(embedding: Embedding, explained: np.ndarray, rows: pd.DataFrame) -> Markdown:
    """Return the sentences that read the maps of one network.

    Parameters
    ----------
    explained
        Shares of variance of the two components of the map.
    rows
        `class_rows` of the network.
    """
    from IPython.display import Markdown

    drawn = f"{len(embedding.cases):,}"
    if embedding.total > len(embedding.cases):
        drawn += f" of {embedding.total:,}"
    best, worst = rows.iloc[0], rows.iloc[-1]
    return Markdown(
        f"{init_style(embedding.init).label}, {embedding.backbone}, {drawn} test images. The two "
        f"components hold {100 * explained.sum():.0f} % of the variance, so what lies together on "
        f"the left may lie apart in the other dimensions. Purest is {best.name} "
        f"({100 * best['share']:.0f} % of its neighbours), least pure {worst.name} "
        f"({100 * worst['share']:.0f} %)."
    )


def others_reading(init: str, names: Sequence[str], rows: pd.DataFrame) -> Markdown:
    """Return the sentence that reads the small maps: how pure the neighbours of each are."""
    from IPython.display import Markdown

    share = rows[rows["init"] == init].set_index("name")["share"]
    told = ", ".join(f"{name} {100 * share[name]:.1f} %" for name in names)
    return Markdown(f"{init_style(init).label}, neighbours of the same class: {told}.")


def neighbour_reading(names: np.ndarray, similarity: np.ndarray) -> Markdown:
    """Return the sentence that reads a sheet of queries and neighbours; see `neighbour_sheet`."""
    from IPython.display import Markdown

    hits = int((names[:, 1:] == names[:, :1]).sum())
    return Markdown(
        f"{hits} of the {similarity.size} neighbours shown have the class of their query; their "
        f"similarity lies between {similarity.min():.2f} and {similarity.max():.2f}. Queries are "
        "drawn at random, an image of a class each."
    )


def _span(shares: pd.Series) -> str:
    low, high = 100 * shares.min(), 100 * shares.max()
    return f"{low:.1f} %" if len(shares) == 1 else f"{low:.1f} to {high:.1f} %"
