"""Writers of stand-in datasets, so that the whole book builds without any real picture.

A stand-in has exactly the layout of its dataset, and contains `STAND_IN.json`; all results
computed from it say so.  Stand-ins show that the code runs; they say nothing about medicine.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import DatasetManifest
from rin.data.standins import datasets
from rin.data.standins.writers import write_json, write_whole
from rin.data.tree import is_archive
from rin.errors import InputError, look_up
from rin.files import digest_of, sha256_of

#: Functions that fill a folder, from counts and a seed; the counts' names are in datasets.yaml.
STAND_INS: dict[str, Callable[[Path, dict[str, int], int], None]] = {
    "busbra": datasets.write_busbra,
    "busi": datasets.write_busi,
    "cc_ccii": datasets.write_cc_ccii,
    "covid19_ct": datasets.write_covid19_ct,
    "ddti": datasets.write_ddti,
    "mrnet": datasets.write_mrnet,
    "radiologic": partial(datasets.write_corpus, kind="looks", ending=".png"),
    "photographic": partial(datasets.write_corpus, kind="motifs", ending=".jpg"),
    "rsna_hemorrhage": datasets.write_hemorrhage,
    "rsna_pneumonia": datasets.write_pneumonia,
}
COUNTS = datasets.FACTS["counts"]


def write_stand_in(
    manifest: DatasetManifest, standin_root: Path, counts: dict[str, int], seed: int
) -> Path:
    """Return a data root that contains the stand-in, which is written unless it exists.

    The folder is named after all that determines its content and appears only when whole.
    """
    kind = manifest.stand_in or ""
    write = look_up("stand-in", kind, STAND_INS)
    names = COUNTS[kind]
    if set(counts) != set(names):
        raise InputError(
            f"stand-in counts {counts!r} are not usable",
            where=f"stand-in for {manifest.name}",
            remedy=f"Give whole numbers for exactly: {', '.join(names)}.",
        )
    folders = (at for at in manifest.locations if "::" not in at and not is_archive(at))
    place = next(folders, manifest.name)
    counts = {name: counts[name] for name in names}
    # Stand-ins that were written by other code are not reused.
    files = sorted(Path(__file__).parent.glob("*.*"))
    code = digest_of("".join(map(sha256_of, files)))[:16]
    made_of = {"stand_in": manifest.stand_in, "code": code, "seed": seed, "counts": counts}
    digest = digest_of(json.dumps(made_of))[:12]
    target = standin_root / f"{manifest.name}-{digest}"

    def fill(root: Path) -> None:
        folder = root / place
        folder.mkdir()
        write(folder, counts, seed)
        write_json(folder / STAND_IN_NOTE, made_of)

    write_whole(target, f"for {manifest.name}", fill)
    return target
