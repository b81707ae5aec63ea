"""From a manifest to a checked case table: real files where they lie, stand-ins elsewhere.

Real files that are present but broken raise; they are never replaced by a stand-in.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rin.data import findings as report
from rin.data.cases import validate_cases
from rin.data.findings import Finding
from rin.data.layouts import FoundCase, find_cases
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import DatasetManifest
from rin.data.pixels import read_gray, read_mask, read_rgb
from rin.data.standins import write_stand_in
from rin.data.tree import SEPARATOR, Tree, open_tree
from rin.errors import InputError


@dataclass(frozen=True)
class Dataset:
    """A dataset that was opened, decoded once and checked.

    ``digest`` covers ids, labels, pixels and masks: equal digests mean equal content,
    wherever the files lie.
    """

    manifest: DatasetManifest
    root: Path
    location: str
    provenance: str
    cases: pd.DataFrame
    findings: tuple[Finding, ...]
    digest: str


def locate(manifest: DatasetManifest, data_root: Path) -> str | None:
    """Return the first of the manifest's locations that exists under the data root, or None.

    Raises
    ------
    InputError
        The data root itself does not exist.
    """
    data_root = Path(data_root)
    if not data_root.is_dir():
        raise InputError(
            "there is no such data root",
            where=data_root,
            remedy="Set DATA_ROOT to the folder that holds the datasets, or unset it.",
        )
    for location in manifest.locations:
        place, _, inner = location.partition(SEPARATOR)
        if not (data_root / place).exists():
            continue
        if not inner or any(n.startswith(f"{inner}/") for n in open_tree(data_root, place).names):
            return place
    return None


def open_dataset(manifest: DatasetManifest, data_root: Path) -> Dataset:
    """Open the dataset that lies under the data root and check it against its manifest.

    Every picture and mask is decoded once, for size, digest and readability.

    Raises
    ------
    InputError
        No location exists, a file is missing, additional or broken, a mask has another size
        than its picture, or the counts differ from the manifest (the classes are named).
    """
    location = locate(manifest, data_root)
    if location is None:
        raise InputError(
            f"{manifest.title} is not there (looked for {', '.join(manifest.locations)})",
            where=data_root,
            remedy=f"Access is {manifest.access}: get it at {manifest.home}.",
        )
    tree = open_tree(data_root, location)
    note = _stand_in_note(tree, manifest)
    found = find_cases(tree, manifest)
    report.check_counts(manifest, found, note, tree.root / location)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        rows = list(pool.map(lambda case: _measure(tree.root, case, manifest), found))
    cases = pd.DataFrame(rows)
    mask_digests = cases.pop("mask_digest")
    cases = validate_cases(cases, where=str(tree.root / location))
    return Dataset(
        manifest=manifest,
        root=tree.root,
        location=location,
        provenance="real" if note is None else "stand-in",
        cases=cases,
        findings=report.find(manifest, cases, stand_in=note is not None),
        digest=_content_digest(cases, mask_digests),
    )


def ensure_dataset(
    manifest: DatasetManifest,
    data_root: Path | None,
    standin_root: Path,
    standin_counts: dict[str, int],
    seed: int,
) -> Dataset:
    """Return the real dataset where the data root holds it, else a stand-in.

    The stand-in is written once under ``standin_root``, in a folder named after generator,
    counts and seed, and reused afterwards.

    Parameters
    ----------
    data_root
        Folder of the real datasets; None means that there is none.
    standin_counts
        Size of the stand-in: images per class for ``busi``; ``class_count`` and
        ``per_class`` for the pretraining corpora.
    seed
        Seed of the stand-in.

    Raises
    ------
    InputError
        As :func:`open_dataset`; also where the stand-in cannot be written.
    """
    if data_root is not None and locate(manifest, data_root) is not None:
        return open_dataset(manifest, data_root)
    return open_dataset(manifest, write_stand_in(manifest, standin_root, standin_counts, seed))


def _measure(root: Path, case: FoundCase, manifest: DatasetManifest) -> dict:
    pixels = (read_rgb if manifest.color else read_gray)(root, case.image)
    height, width = pixels.shape[:2]
    mask = read_mask(root, case.masks, (height, width))
    return {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "label": manifest.label(case.source_class),
        "source_class": case.source_class,
        "image": case.image,
        "masks": case.masks,
        "width": width,
        "height": height,
        "digest": hashlib.sha256(pixels.tobytes()).hexdigest(),
        "mask_digest": hashlib.sha256(mask.tobytes()).hexdigest() if case.masks else "",
    }


def _content_digest(cases: pd.DataFrame, mask_digests: pd.Series) -> str:
    # Locators stay out, so a folder and an archive of the same files have one digest.
    columns = ["case_id", "patient_id", "label", "source_class", "width", "height", "digest"]
    lines = cases[columns].assign(mask=mask_digests).to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(lines.encode()).hexdigest()


def _stand_in_note(tree: Tree, manifest: DatasetManifest) -> dict | None:
    for name in tree.names:
        if name.rpartition("/")[2] != STAND_IN_NOTE:
            continue
        try:
            note = json.loads(tree.read(name))
            return {"images": dict(note["images"]), "masks": dict(note["masks"])}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{STAND_IN_NOTE} of the stand-in for {manifest.name} cannot be read ({error})",
                where=tree.root / tree.location,
                remedy="Delete the stand-in folder; the next run writes it again.",
            ) from error
    return None
