"""Writers of stand-in datasets, so that the whole book builds without any real picture.

A stand-in has exactly the layout of its dataset and is read by the same reader.  It carries
``STAND_IN.json``; whatever is computed from it says so.  Stand-ins show that the code runs;
they say nothing about medicine.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import DatasetManifest
from rin.data.standins import (
    busi,
    cc_ccii,
    covid19_ct,
    ddti,
    mrnet,
    photographic,
    radiologic,
    rsna_hemorrhage,
    rsna_pneumonia,
)
from rin.errors import InputError, unknown

Writer = Callable[[Path, dict[str, int], int], dict[str, dict[str, int]]]


@dataclass(frozen=True)
class StandIn:
    """A writer, the counts it understands, and a version to raise when its pictures change.

    The writer fills a folder and returns ``{"images": ..., "masks": ...}`` per class.
    """

    write: Writer
    count_names: tuple[str, ...]
    version: int


STAND_INS: dict[str, StandIn] = {
    "busi": StandIn(busi.write, busi.CLASSES, busi.VERSION),
    "cc_ccii": StandIn(cc_ccii.write, tuple(cc_ccii.CLASSES), cc_ccii.VERSION),
    "covid19_ct": StandIn(covid19_ct.write, covid19_ct.CLASSES, covid19_ct.VERSION),
    "ddti": StandIn(ddti.write, ddti.CLASSES, ddti.VERSION),
    "mrnet": StandIn(mrnet.write, mrnet.COUNT_NAMES, mrnet.VERSION),
    "radiologic": StandIn(radiologic.write, ("class_count", "per_class"), radiologic.VERSION),
    "photographic": StandIn(photographic.write, ("class_count", "per_class"), photographic.VERSION),
    "rsna_hemorrhage": StandIn(
        rsna_hemorrhage.write, rsna_hemorrhage.CLASSES, rsna_hemorrhage.VERSION
    ),
    "rsna_pneumonia": StandIn(
        rsna_pneumonia.write, tuple(rsna_pneumonia.CLASSES), rsna_pneumonia.VERSION
    ),
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
    if not target.is_dir():
        try:
            _write_whole(target, _folder_name(manifest), stand_in, made_of)
        except OSError as error:
            raise InputError(
                f"the stand-in for {manifest.name} cannot be written ({error})",
                where=standin_root,
                remedy="Free some space, or name a folder that can be written.",
            ) from error
    return target


def _write_whole(target: Path, folder_name: str, stand_in: StandIn, made_of: dict) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        folder = unfinished / folder_name
        folder.mkdir()
        note = made_of | stand_in.write(folder, made_of["counts"], made_of["seed"])
        (folder / STAND_IN_NOTE).write_text(json.dumps(note, indent=1) + "\n", "utf-8")
        unfinished.chmod(0o755)
        try:
            os.rename(unfinished, target)  # noqa: PTH104 - fails where the target has content
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


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
