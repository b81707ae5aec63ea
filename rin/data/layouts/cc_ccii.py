"""The layout of CC-CCII: class, patient, scan, slice, and three tables beside the classes.

``NCP/25/1181/0040.png`` is slice 0040 of scan 1181 of patient 25 with COVID-19 pneumonia.
``lesions_slices.csv`` lists the slices that show a lesion, ``unzip_filenames.csv`` the scans
with their numbers of slices, ``metadata.csv`` clinical data of some patients.
Zhang et al., Cell 181 (2020) 1423-1433, 10.1016/j.cell.2020.04.045.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from rin.data.layouts.found import (
    FoundCase,
    ReaderOptions,
    inside,
    read_table,
    reader_options,
)
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError

CLASSES = ("CP", "NCP", "Normal")
PICTURES = (".png", ".jpg", ".jpeg")
LESIONS, SCANS, METADATA = "lesions_slices.csv", "unzip_filenames.csv", "metadata.csv"
SCAN_COLUMNS = ("zip_file", "label", "patient_id", "scan_id", "n_slice")


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

    Raises
    ------
    InputError
        Files outside class, patient and scan folders, files that are neither PNG nor JPEG,
        slices that are there twice, tables that lack a column or repeat a row, listed slices
        without a file, scans with another number of slices than stated, patients of the
        metadata without a folder, or a class without any listed slice.
    """
    options = reader_options(CcCciiOptions, manifest)
    tables, slices = _sort_files(tree, manifest)
    _check_classes(tree, slices, manifest, options.partial)
    if SCANS in tables:
        _check_scans(tree, tables[SCANS], slices, options.partial)
    if METADATA in tables and not options.partial:
        _check_patients(tree, tables[METADATA], slices)
    if options.slices == "lesions":
        if LESIONS not in tables:
            raise _wrong(tree, f"{LESIONS} is missing", "Fetch it, or set the option slices: all.")
        listed = _listed(tree, tables[LESIONS], slices, options, manifest)
        kept = [key for key in slices if key in listed or key.split("/")[0] in options.whole]
    else:
        kept = list(slices)
    return [_case(tree, key, slices[key]) for key in kept]


def _case(tree: Tree, key: str, name: str) -> FoundCase:
    source_class, patient, _, _ = key.split("/")
    return FoundCase(key, f"{source_class}/{patient}", source_class, tree.locator(name))


def _sort_files(tree: Tree, manifest: DatasetManifest) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tables and the slices of a tree: file name, or slice id, to name."""
    classes = set(manifest.label_map) or set(CLASSES)
    names, wrapping = inside(tree.names, classes)
    tables, slices, strange, twice = {}, {}, [], []
    for name in names:
        short = name.removeprefix(wrapping)
        stem, dot, ending = short.rpartition(".")
        if short in (LESIONS, SCANS, METADATA):
            tables[short] = name
        elif (
            dot + ending.lower() not in PICTURES
            or stem.count("/") != 3
            or stem.split("/")[0] not in classes
        ):
            strange.append(name)
        elif stem in slices:
            twice.append(name)
        else:
            slices[stem] = name
    _refuse(tree, strange, "files are no PNG or JPEG at class/patient/scan/slice")
    _refuse(tree, twice, "slices are there with two extensions")
    return tables, slices


def _check_classes(
    tree: Tree, slices: dict[str, str], manifest: DatasetManifest, partial: bool
) -> None:
    labels = manifest.label_map or dict.fromkeys(CLASSES, "")
    needed = {name for name, label in labels.items() if label is not None or not partial}
    missing = needed - {key.split("/", 1)[0] for key in slices}
    _refuse(tree, sorted(missing), "class folders are missing")


def _listed(
    tree: Tree,
    table: str,
    slices: dict[str, str],
    options: CcCciiOptions,
    manifest: DatasetManifest,
) -> set[str]:
    rows = [row["imgpath"] for row in read_table(tree, table, ("imgpath",))]
    keys = [path.replace("\\", "/").rpartition(".")[0] for path in rows]
    listed = set(keys)
    twice = [key for key, times in Counter(keys).items() if times > 1]
    _refuse(tree, twice, f"slices stand several times in {LESIONS}")
    if not options.partial:
        absent = [key for key in keys if key not in slices and key not in manifest.known_bad]
        _refuse(tree, absent, f"slices of {LESIONS} have no file")
    wanted = {key.split("/", 1)[0] for key in slices} - set(options.whole)
    seen = {key.split("/", 1)[0] for key in listed & slices.keys()}
    _refuse(tree, sorted(wanted - seen), f"classes have no slice in {LESIONS}")
    return listed


def _check_scans(tree: Tree, table: str, slices: dict[str, str], partial: bool) -> None:
    counted = Counter(key.rpartition("/")[0] for key in slices)
    wrong, stated = [], set()
    for row in read_table(tree, table, SCAN_COLUMNS):
        scan = f"{row['label']}/{row['patient_id']}/{row['scan_id']}"
        stated.add(scan)
        if str(counted[scan]) != row["n_slice"] and not (partial and not counted[scan]):
            there = f"{counted[scan]} slices instead of {row['n_slice']}"
            wrong.append(f"{scan} ({there}, from {row['zip_file']})")
    _refuse(tree, wrong, f"scans differ from {SCANS}")
    _refuse(tree, sorted(counted.keys() - stated), f"scans are not in {SCANS}")


def _check_patients(tree: Tree, table: str, slices: dict[str, str]) -> None:
    there = {key.split("/", 2)[1] for key in slices}
    named = {row["patient_id"] for row in read_table(tree, table, ("patient_id",))}
    _refuse(tree, sorted(named - there), f"patients of {METADATA} have no folder")


def _refuse(tree: Tree, wrong: Iterable[str], problem: str) -> None:
    wrong = list(wrong)
    if wrong:
        raise _wrong(
            tree,
            f"{len(wrong)} {problem}: {', '.join(wrong[:5])}",
            "Fetch those archives again; for a download of only some, set the option "
            "partial: true; name broken files under known_bad.",
        )


def _wrong(tree: Tree, problem: str, remedy: str) -> InputError:
    return InputError(problem, where=tree.place(), remedy=remedy)
