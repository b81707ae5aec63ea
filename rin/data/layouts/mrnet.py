"""The layout of MRNet-v1.0: a volume per exam and plane, labels in CSV tables without header.

``train/sagittal/0001.npy`` is uint8 (slices, 256, 256); ``train-acl.csv`` holds rows such as
``0001,1``.  A case is one slice, its patient the exam.  Bien et al., PLoS Medicine 15 (2018)
e1002699.

The paper counts images, the dataset exams; :mod:`rin.data.exams` sets the two side by side.
"""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rin.data.layouts.found import (
    FoundCase,
    ReaderOptions,
    inside,
    reader_options,
    refuse_unpaired,
    unknown_file,
)
from rin.data.manifest import DatasetManifest
from rin.data.pixels import n_slices, slice_locator
from rin.data.tree import Tree
from rin.errors import InputError

SPLITS = ("train", "valid")
PLANES = ("axial", "coronal", "sagittal")
FINDINGS = ("abnormal", "acl", "meniscus")
#: Labels of abnormal, ACL tear and meniscal tear, and the source class that they make.
CLASSES = {
    (False, False, False): "normal",
    (True, False, False): "abnormal",
    (True, True, False): "acl",
    (True, False, True): "meniscus",
    (True, True, True): "acl+meniscus",
}
THREADS = 8
REMEDY = "Unpack the whole MRNet-v1.0 there again, with its own names."


class Slices(ReaderOptions):
    """Which slices of a volume are taken: ``count`` around its middle, or spaced over it, or all.

    ``spaced`` cuts the volume into ``count`` equal parts and takes the middle of each.
    """

    rule: Literal["middle", "spaced", "all"]
    count: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _counts_where_it_must(self) -> "Slices":
        if (self.count is None) != (self.rule == "all"):
            raise ValueError("'middle' and 'spaced' need a count, and 'all' takes none")
        return self

    def choose(self, n: int) -> list[int]:
        """Return the slices, counted from 0, to take of ``n``; fewer than ``count`` where n is."""
        count = n if self.count is None else min(self.count, n)
        if self.rule == "spaced":
            return [(2 * i + 1) * n // (2 * count) for i in range(count)]
        start = (n - count) // 2
        return list(range(start, start + count))


class MRNetOptions(ReaderOptions):
    """Options of the layout: the plane, the slices, and the published parts to read."""

    plane: Literal["axial", "coronal", "sagittal"]
    slices: Slices
    splits: Annotated[tuple[Literal["train", "valid"], ...], Field(min_length=1)] = SPLITS


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the chosen slices of an MRNet tree; of each volume only the header is read.

    The case id is exam, plane and slice, as ``0001-sagittal-15``; the source class is normal,
    abnormal (no tear), acl, meniscus or acl+meniscus.  A plane that is not asked for may be
    absent as a whole.

    Raises
    ------
    InputError
        Options that do not validate; missing tables or volumes, volumes without labels, tables
        of different exams, an exam listed twice or in both parts, values other than 0 and 1, a
        tear in a normal exam, unknown files, or a volume that cannot be read.
    """
    options = reader_options(MRNetOptions, manifest)
    names = _known_names(tree)
    classes, volumes = {}, {}
    for split in options.splits:
        exams = _exam_classes(tree, names, split)
        _check_exams(tree, names, split, set(exams), options.plane)
        if shared := sorted(set(exams) & set(classes)):
            raise _refusal(tree, f"exams in both parts: {', '.join(shared[:5])}")
        classes |= exams
        volumes |= {e: tree.locator(names[f"{split}/{options.plane}/{e}.npy"]) for e in exams}
    with ThreadPoolExecutor(THREADS) as pool:
        lengths = list(pool.map(lambda exam: n_slices(tree.root, volumes[exam]), volumes))
    return [
        FoundCase(
            case_id=f"{exam}-{options.plane}-{k}",
            patient_id=exam,
            source_class=classes[exam],
            image=slice_locator(volume, k),
        )
        for (exam, volume), n in zip(volumes.items(), lengths, strict=True)
        for k in options.slices.choose(n)
    ]


def _known_names(tree: Tree) -> dict[str, str]:
    """Return the full name per name of the layout, a folder around all taken away."""
    names, wrapping = inside(tree.names, SPLITS)
    known = {name.removeprefix(wrapping): name for name in names}
    tables = {f"{split}-{finding}.csv" for split in SPLITS for finding in FINDINGS}
    for short, name in known.items():
        folders = short.split("/")[:-1]
        volume = short.endswith(".npy") and len(folders) == 2
        if short not in tables and not (volume and folders[0] in SPLITS and folders[1] in PLANES):
            raise unknown_file(tree, name, "mrnet")
    return known


def _exam_classes(tree: Tree, names: dict[str, str], split: str) -> dict[str, str]:
    """Return the source class per exam of one part."""
    labels = {}
    for finding in FINDINGS:
        table = f"{split}-{finding}.csv"
        if table not in names:
            raise _refusal(tree, f"the table {table} is missing")
        labels[finding] = _read_labels(tree, names[table])
    exams = {finding: set(column) for finding, column in labels.items()}
    for finding in FINDINGS[1:]:
        if differing := sorted(exams[finding] ^ exams[FINDINGS[0]]):
            problem = f"{split}-{finding}.csv and {split}-{FINDINGS[0]}.csv list different exams"
            raise _refusal(tree, f"{problem}: {', '.join(differing[:5])}")
    classes = {}
    for exam in sorted(exams[FINDINGS[0]]):
        found = tuple(labels[finding][exam] for finding in FINDINGS)
        if found not in CLASSES:
            raise _refusal(tree, f"exam {exam} has a tear and is labelled as not abnormal")
        classes[exam] = CLASSES[found]
    return classes


def _read_labels(tree: Tree, name: str) -> dict[str, bool]:
    place = tree.place(name)
    labels = {}
    try:
        rows = list(csv.reader(io.StringIO(tree.read(name).decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _table_refusal(place, f"it is no CSV text in UTF-8 ({error})") from error
    for line, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != 2 or not cells[0].isdecimal() or cells[1] not in ("0", "1"):
            raise _table_refusal(place, f"line {line} is {','.join(row)!r}")
        if cells[0] in labels:
            raise _table_refusal(place, f"exam {cells[0]} is listed twice")
        labels[cells[0]] = cells[1] == "1"
    if not labels:
        raise _table_refusal(place, "it lists no exam")
    return labels


def _check_exams(
    tree: Tree, names: dict[str, str], split: str, exams: set[str], asked: str
) -> None:
    for plane in PLANES:
        prefix = f"{split}/{plane}/"
        there = {n[len(prefix) : -len(".npy")] for n in names if n.startswith(prefix)}
        if not there and plane != asked:
            continue
        place = f"in {split}/{plane}"
        problems = (
            f"exams with labels and without a volume {place}",
            f"volumes without labels {place}",
        )
        refuse_unpaired(tree, exams, there, problems, REMEDY)


def _refusal(tree: Tree, problem: str) -> InputError:
    return InputError(
        problem,
        where=tree.place(),
        remedy=REMEDY,
    )


def _table_refusal(place: str, problem: str) -> InputError:
    return InputError(
        problem, where=place, remedy="Fetch the table again; its rows are like 0001,1."
    )
