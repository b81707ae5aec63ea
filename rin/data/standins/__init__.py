"""Writers of stand-in datasets, so that the whole book builds without any real picture.

A stand-in has exactly the layout of its dataset and is read by the same reader.  It carries
``STAND_IN.json``; whatever is computed from it says so.  Stand-ins show that the code runs;
they say nothing about medicine.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import DatasetManifest
from rin.data.standins import chest_ct, corpora, mrnet, rsna, ultrasound
from rin.data.standins.writers import write_json, write_whole
from rin.errors import InputError, unknown


class StandIn(NamedTuple):
    """A writer, the counts it understands, and a version to raise when its pictures change.

    The writer takes a folder, the counts and a seed, fills the folder and returns
    ``{"images": ..., "masks": ...}`` per class.
    """

    write: Callable[[Path, dict[str, int], int], dict[str, dict[str, int]]]
    count_names: tuple[str, ...]
    version: int = 1


_CORPUS = ("class_count", "per_class")
STAND_INS: dict[str, StandIn] = {
    "busi": StandIn(ultrasound.write_busi, ultrasound.BUSI_CLASSES, version=2),
    "cc_ccii": StandIn(chest_ct.write_cc_ccii, tuple(chest_ct.CC_CCII_CLASSES)),
    "covid19_ct": StandIn(chest_ct.write_covid19_ct, chest_ct.COVID19_CLASSES),
    "ddti": StandIn(ultrasound.write_ddti, ultrasound.DDTI_CLASSES),
    "mrnet": StandIn(mrnet.write_mrnet, tuple(mrnet.KINDS)),
    "radiologic": StandIn(corpora.write_radiologic, _CORPUS, version=2),
    "photographic": StandIn(corpora.write_photographic, _CORPUS),
    "rsna_hemorrhage": StandIn(rsna.write_hemorrhage, rsna.HEMORRHAGE_CLASSES),
    "rsna_pneumonia": StandIn(rsna.write_pneumonia, tuple(rsna.PNEUMONIA_CLASSES)),
}


def write_stand_in(
    manifest: DatasetManifest, standin_root: Path, counts: dict[str, int], seed: int
) -> Path:
    """Return a data root that holds the stand-in, written now unless it is already there.

    The folder is named after everything that determines its content and appears only when
    whole, so an old, different or half-written stand-in is never taken for this one.

    Raises
    ------
    InputError
        Unknown stand-in, wrong counts, or a folder that cannot be written.
    """
    if manifest.stand_in not in STAND_INS:
        raise unknown("stand-in", manifest.stand_in, sorted(STAND_INS))
    stand_in = STAND_INS[manifest.stand_in]
    _check_counts(manifest.name, stand_in.count_names, counts)
    made_of = {
        "stand_in": manifest.stand_in,
        "version": stand_in.version,
        "seed": seed,
        "counts": {name: counts[name] for name in stand_in.count_names},
    }
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:12]
    target = Path(standin_root) / f"{manifest.name}-{digest}"

    def fill(unfinished: Path) -> None:
        folder = unfinished / _folder_name(manifest)
        folder.mkdir()
        note = made_of | stand_in.write(folder, made_of["counts"], seed)
        write_json(folder / STAND_IN_NOTE, note)

    if not target.is_dir():
        write_whole(target, f"for {manifest.name}", fill)
    return target


def _folder_name(manifest: DatasetManifest) -> str:
    for location in manifest.locations:
        if "::" not in location and not location.lower().endswith(".zip"):
            return location
    raise InputError(
        "no location is a folder, so a stand-in has no place",
        where=f"manifest {manifest.name}",
        remedy="Add a folder name to its locations.",
    )


def _check_counts(dataset: str, names: tuple[str, ...], counts: dict[str, int]) -> None:
    if set(counts) != set(names) or any(
        isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in counts.values()
    ):
        raise InputError(
            f"stand-in counts {counts!r} are not usable",
            where=f"stand-in for {dataset}",
            remedy=f"Give whole numbers from 1 for exactly: {', '.join(names)}.",
        )
