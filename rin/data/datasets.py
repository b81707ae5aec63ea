"""From a manifest to a checked case table: real files where they lie, stand-ins elsewhere.

Real files that are present but broken raise; they are never replaced by a stand-in.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rin.data import findings as report
from rin.data.cases import validate_cases
from rin.data.findings import Finding
from rin.data.inspection import inspect_cases, record_folder, refuse_bad
from rin.data.layouts import FoundCase, find_cases
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import DatasetManifest
from rin.data.standins import write_stand_in
from rin.data.tree import SEPARATOR, Tree, open_tree
from rin.errors import InputError

DIGEST_ROWS = 65_536


@dataclass(frozen=True)
class Dataset:
    """A dataset that was opened, looked at and checked.

    ``digest`` covers ids, labels, pixels and masks: equal digests mean equal content,
    wherever the files lie.  ``mask_digests`` is indexed by case id; ``records`` is the folder
    that keeps what was seen.
    """

    manifest: DatasetManifest
    root: Path
    location: str
    provenance: str
    cases: pd.DataFrame
    findings: tuple[Finding, ...]
    digest: str
    mask_digests: pd.Series
    records: Path


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


def open_dataset(
    manifest: DatasetManifest,
    data_root: Path,
    *,
    index_folder: Path,
    workers: int | None = None,
    square: tuple[int, str] | None = None,
) -> Dataset:
    """Open the dataset that lies under the data root and check it against its manifest.

    Every picture and mask is decoded once, for size, digests and readability, and not again
    as long as its file stays the same (:mod:`rin.data.inspection`).  Classes without a label
    are counted and left out; so are the cases that the manifest knows to be bad.

    Parameters
    ----------
    index_folder
        Where inspections are kept.
    workers
        Processes that look at the pictures; by default one per core.
    square
        Size and way of resizing of the store that will be built, so that its rows come from the
        same pass (:func:`rin.data.inspection.inspect_cases`).

    Raises
    ------
    InputError
        No location exists, a file is missing or additional, or the counts differ from the
        manifest (the classes are named).  Files that are broken, and masks of another size
        than their pictures, are counted and named together, after all others were seen.
    """
    location = locate(manifest, data_root)
    if location is None:
        raise InputError(
            f"{manifest.title} is not there (looked for {', '.join(manifest.locations)})",
            where=data_root,
            remedy=f"Access is {manifest.access}: get it at {manifest.home}.",
        )
    return _open(manifest, open_tree(data_root, location), index_folder, workers, square)


def ensure_dataset(
    manifest: DatasetManifest,
    data_root: Path | None,
    standin_root: Path,
    standin_counts: dict[str, int],
    seed: int,
    *,
    index_folder: Path,
    workers: int | None = None,
    square: tuple[int, str] | None = None,
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
    index_folder, workers, square
        As for :func:`open_dataset`.

    Raises
    ------
    InputError
        As :func:`open_dataset`; also where the stand-in cannot be written, or there is none.
    """
    location = None if data_root is None else locate(manifest, data_root)
    if location is not None:
        return _open(manifest, open_tree(data_root, location), index_folder, workers, square)
    if manifest.stand_in is None:
        raise InputError(
            f"{manifest.title} is not there, and no stand-in is made for it",
            where=data_root or "data_root",
            remedy=f"Access is {manifest.access}: get it at {manifest.home}, and name the folder "
            "that holds it.",
        )
    root = write_stand_in(manifest, standin_root, standin_counts, seed)
    return open_dataset(manifest, root, index_folder=index_folder, workers=workers, square=square)


def _open(
    manifest: DatasetManifest,
    tree: Tree,
    index_folder: Path,
    workers: int | None,
    square: tuple[int, str] | None,
) -> Dataset:
    where = tree.root / tree.location
    note = _stand_in_note(tree, manifest)
    known_bad = manifest.known_bad if note is None else {}
    found = find_cases(tree, manifest)
    report.check_counts(manifest, found, note, where)
    labels = _labels(manifest, found, where)
    wanted = [case for case in found if labels[case.source_class] is not None]
    cases, bad = inspect_cases(
        tree.root, wanted, manifest, folder=index_folder, workers=workers, square=square
    )
    refuse_bad(bad[~bad["case_id"].isin(known_bad)], len(wanted), where)
    skipped = report.skipped(known_bad, found, wanted, set(bad["case_id"]))
    cases = cases[~cases["case_id"].isin(known_bad)].reset_index(drop=True)
    cases.insert(2, "label", cases["source_class"].map(labels))
    mask_digests = cases.pop("mask_digest")
    cases = validate_cases(cases, where=str(where))
    return Dataset(
        manifest=manifest,
        root=tree.root,
        location=tree.location,
        provenance="real" if note is None else "stand-in",
        cases=cases,
        findings=(*skipped, *report.find(manifest, cases, found, stand_in=note is not None)),
        digest=_content_digest(cases, mask_digests),
        mask_digests=mask_digests.set_axis(cases["case_id"]),
        records=record_folder(index_folder, manifest),
    )


def _labels(
    manifest: DatasetManifest, found: list[FoundCase], where: Path
) -> dict[str, str | None]:
    labels = {name: manifest.label(name) for name in {case.source_class for case in found}}
    if not any(label is not None for label in labels.values()):
        raise InputError(
            f"none of the classes found has a label ({', '.join(sorted(labels)) or 'no case'})",
            where=where,
            remedy="Give at least two classes a label in the manifest's label_map.",
        )
    return labels


def _content_digest(cases: pd.DataFrame, mask_digests: pd.Series) -> str:
    # Locators stay out, so a folder and an archive of the same files have one digest.
    columns = ["case_id", "patient_id", "label", "source_class", "width", "height", "digest"]
    table = cases[columns].assign(mask=mask_digests)
    digest = hashlib.sha256()
    for start in range(0, len(table), DIGEST_ROWS):
        rows = table.iloc[start : start + DIGEST_ROWS]
        lines = rows.to_csv(index=False, header=start == 0, lineterminator="\n")
        digest.update(lines.encode())
    return digest.hexdigest()


def _stand_in_note(tree: Tree, manifest: DatasetManifest) -> dict | None:
    for name in tree.names:
        if not name.endswith(STAND_IN_NOTE) or name.rpartition("/")[2] != STAND_IN_NOTE:
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
