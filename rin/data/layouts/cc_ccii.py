"""The layout of CC-CCII: class, patient, scan, slice, and three tables beside the classes.

``NCP/25/1181/0040.png`` is slice 0040 of scan 1181 of patient 25 with COVID-19 pneumonia.
``lesions_slices.csv`` lists the slices that show a lesion, ``unzip_filenames.csv`` the scans
with their numbers of slices, ``metadata.csv`` clinical data of some patients.
Zhang et al., Cell 181 (2020) 1423-1433, 10.1016/j.cell.2020.04.045.
"""

from collections import Counter
from functools import partial
from typing import Literal

from rin.data.layouts.found import (
    FoundCase,
    ReaderOptions,
    inside,
    read_table,
    reader_options,
    refuse,
    wrong,
)
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree

CLASSES = ("CP", "NCP", "Normal")
PICTURES = (".png", ".jpg", ".jpeg")
LESIONS, SCANS, METADATA = "lesions_slices.csv", "unzip_filenames.csv", "metadata.csv"
SCAN_COLUMNS = ["zip_file", "label", "patient_id", "scan_id", "n_slice"]
REMEDY = (
    "Fetch those archives again; for a download of only some, set the option partial: true; name "
    "broken files under known_bad."
)
_refuse = partial(refuse, remedy=REMEDY)


class CcCciiOptions(ReaderOptions):
    """Options of the layout.

    ``slices``: only those of the lesion list, or all.  ``whole`` are classes that the lesion
    list does not cover, taken with all slices.  ``partial`` is for a download of some of the
    archives: rows of the tables about slices, scans and patients that are not there are then
    passed over; otherwise they are errors.
    """

    slices: Literal["lesions", "all"] = "lesions"
    whole: tuple[str, ...] = ("Normal",)
    partial: bool = False


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a CC-CCII tree: slices, by class, patient and scan.

    The case id is ``NCP/25/1181/0040``, the patient ``NCP/25``: numbers are read within their
    class.  A listed slice matches by its id, whatever its extension; one that the manifest
    calls known to be bad may be absent.
    """
    options = reader_options(CcCciiOptions, manifest)
    tables, slices = _sort_files(tree, manifest)
    labels = manifest.label_map or dict.fromkeys(CLASSES, "")
    needed = {name for name, label in labels.items() if label is not None or not options.partial}
    missing = needed - {key.split("/", 1)[0] for key in slices}
    _refuse(tree, sorted(missing), "class folders are missing")
    if SCANS in tables:
        _check_scans(tree, tables[SCANS], slices, options.partial)
    if METADATA in tables and not options.partial:
        there = {key.split("/", 2)[1] for key in slices}
        named = set(read_table(tree, tables[METADATA], ["patient_id"])["patient_id"])
        _refuse(tree, sorted(named - there), f"patients of {METADATA} have no folder")
    kept = slices
    if options.slices == "lesions":
        if LESIONS not in tables:
            remedy = "Fetch it, or set the option slices: all."
            raise wrong(tree, f"{LESIONS} is missing", remedy=remedy)
        listed = _listed(tree, tables[LESIONS], slices, options, manifest)
        kept = [key for key in slices if key in listed or key.split("/", 1)[0] in options.whole]
    return [
        FoundCase(key, key.rsplit("/", 2)[0], key.split("/", 1)[0], tree.locator(slices[key]))
        for key in kept
    ]


def _sort_files(tree: Tree, manifest: DatasetManifest) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tables and the slices of a tree: file name, or slice id, to name."""
    classes = set(manifest.label_map) or set(CLASSES)
    names, wrapping = inside(tree.names, classes)
    tables, slices, strange, twice = {}, {}, [], []
    for name in names:
        short = name.removeprefix(wrapping)
        stem, dot, ending = short.rpartition(".")
        picture = dot + ending.lower() in PICTURES
        if short in (LESIONS, SCANS, METADATA):
            tables[short] = name
        elif not picture or stem.count("/") != 3 or stem.split("/")[0] not in classes:
            strange.append(name)
        elif stem in slices:
            twice.append(name)
        else:
            slices[stem] = name
    _refuse(tree, strange, "files are no PNG or JPEG at class/patient/scan/slice")
    _refuse(tree, twice, "slices are there with two extensions")
    return tables, slices


def _listed(
    tree: Tree,
    table: str,
    slices: dict[str, str],
    options: CcCciiOptions,
    manifest: DatasetManifest,
) -> set[str]:
    """Return the ids of the slices that show a lesion."""
    paths = read_table(tree, table, ["imgpath"])["imgpath"]
    keys = [path.replace("\\", "/").rpartition(".")[0] for path in paths]
    twice = [key for key, times in Counter(keys).items() if times > 1]
    _refuse(tree, twice, f"slices stand several times in {LESIONS}")
    if not options.partial:
        absent = [key for key in keys if key not in slices and key not in manifest.known_bad]
        _refuse(tree, absent, f"slices of {LESIONS} have no file")
    wanted = {key.split("/", 1)[0] for key in slices} - set(options.whole)
    seen = {key.split("/", 1)[0] for key in slices.keys() & set(keys)}
    _refuse(tree, sorted(wanted - seen), f"classes have no slice in {LESIONS}")
    return set(keys)


def _check_scans(tree: Tree, table: str, slices: dict[str, str], partial: bool) -> None:
    counted = Counter(key.rpartition("/")[0] for key in slices)
    differ, stated = [], set()
    rows = read_table(tree, table, SCAN_COLUMNS)[SCAN_COLUMNS]
    for archive, label, patient, scan_id, n in rows.itertuples(index=False):
        scan = f"{label}/{patient}/{scan_id}"
        stated.add(scan)
        if str(counted[scan]) != n and not (partial and not counted[scan]):
            differ.append(f"{scan} ({counted[scan]} slices instead of {n}, from {archive})")
    _refuse(tree, differ, f"scans differ from {SCANS}")
    _refuse(tree, sorted(counted.keys() - stated), f"scans are not in {SCANS}")
