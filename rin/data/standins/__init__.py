"""Writers of stand-in datasets, so that the whole book builds without any real picture.

A stand-in has exactly the layout of its dataset.  It carries ``STAND_IN.json``; whatever is
computed from it says so.  Stand-ins show that the code runs; they say nothing about medicine.
"""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import DatasetManifest
from rin.data.standins import datasets
from rin.data.standins.writers import write_json, write_whole
from rin.data.tree import is_archive
from rin.errors import InputError, look_up

#: To be raised when pictures or files change.
VERSION = 4
_CORPUS = ("class_count", "per_class")
#: What fills a folder from counts and a seed and returns rows of class, images, masks; and the
#: names of its counts.
STAND_INS: dict[str, tuple[Callable[[Path, dict[str, int], int], list], tuple[str, ...]]] = {
    "busbra": (datasets.write_busbra, ("benign", "malignant")),
    "busi": (datasets.write_busi, ("benign", "malignant", "normal")),
    "cc_ccii": (datasets.write_cc_ccii, tuple(datasets.FACTS["cc_ccii"])),
    "covid19_ct": (datasets.write_covid19_ct, ("negative", "positive")),
    "ddti": (datasets.write_ddti, ("benign", "malignant")),
    "mrnet": (datasets.write_mrnet, tuple(datasets.FACTS["knees"])),
    "radiologic": (partial(datasets.write_corpus, kind="looks", ending=".png"), _CORPUS),
    "photographic": (partial(datasets.write_corpus, kind="motifs", ending=".jpg"), _CORPUS),
    "rsna_hemorrhage": (datasets.write_hemorrhage, ("hemorrhage", "none")),
    "rsna_pneumonia": (datasets.write_pneumonia, tuple(datasets.PNEUMONIA_CLASSES)),
}


def write_stand_in(
    manifest: DatasetManifest, standin_root: Path, counts: dict[str, int], seed: int
) -> Path:
    """Return a data root that holds the stand-in, written now unless it is already there.

    The folder is named after all that determines its content and appears only when whole.
    """
    write, names = look_up("stand-in", manifest.stand_in, STAND_INS)
    if set(counts) != set(names) or any(type(n) is not int or n < 1 for n in counts.values()):
        problem = f"stand-in counts {counts!r} are not usable"
        remedy = f"Give whole numbers from 1 for exactly: {', '.join(names)}."
        raise InputError(problem, where=f"stand-in for {manifest.name}", remedy=remedy)
    folders = (at for at in manifest.locations if "::" not in at and not is_archive(at))
    place = next(folders, manifest.name)
    counts = {name: counts[name] for name in names}
    made_of = {"stand_in": manifest.stand_in, "version": VERSION, "seed": seed, "counts": counts}
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:12]
    target = Path(standin_root) / f"{manifest.name}-{digest}"

    def fill(unfinished: Path) -> None:
        folder = unfinished / place
        folder.mkdir()
        rows = pd.DataFrame(write(folder, counts, seed), columns=["class", "images", "masks"])
        written = rows.groupby("class", sort=False).sum().to_dict()
        write_json(folder / STAND_IN_NOTE, made_of | written)

    if not target.is_dir():
        write_whole(target, f"for {manifest.name}", fill)
    return target
