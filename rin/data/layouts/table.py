"""The layouts in which a table has a row a picture: ``table``, and RadImageNet's own.

``table`` is a table and folders beside it; the manifest's options say which columns name image,
label, patient and mask.  A name is a column, or a template of columns: ``"{ID}.png"``, or
``"{id:03d}.png"`` for whole numbers.

``radimagenet`` is that with the options of ``table.yaml``: below ``radiology_ai/`` stand
``<modality>/<region>/<label>/<picture>``, beside it a table of ``filename,label`` per part.  No
patients are published; a corpus that was curated here brings ``patients.csv``.
"""

import re
from collections import Counter
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field, StringConstraints

from rin.data.discovery import matched, part_of
from rin.data.layouts.found import STAND_IN_NOTE, ReaderOptions, read_table
from rin.data.manifest import DatasetManifest
from rin.data.store import MEASURED
from rin.data.tree import Tree
from rin.errors import InputError, join_first_ten
from rin.files import read_yaml
from rin.tables import CASES

#: Source class of rows whose label is empty, where the manifest's label map has it.
UNLABELLED = "unlabelled"
_NUMBER = r"[0-9]{1,18}"
_PART = "part"


def _pieces(template: str) -> list[tuple[str, str | None, str | None]]:
    """Return the pieces of a name: a text, the column behind it, the form of its number if any."""
    if template and "{" not in template:
        return [("", template, "")]
    pieces = [(text, column, form) for text, column, form, _ in Formatter().parse(template)]
    columns = re.findall(r"\{([^{}:!]+)(?::\d*d)?\}", template)
    if not columns or columns != [column for _, column, _ in pieces if column is not None]:
        raise ValueError(f"{template!r} is neither a column nor a template like {{ID}}.png")
    return pieces


def _columns(template: str) -> list[str]:
    return [column for _, column, _ in _pieces(template) if column] if template else []


def _check_template(template: str) -> str:
    _pieces(template)
    return template


def _check_groups(pattern: re.Pattern[str]) -> re.Pattern[str]:
    if not pattern.groupindex:
        raise ValueError(f"{pattern.pattern!r} holds no named group, as (?P<number>...)")
    return pattern


Template = Annotated[str, AfterValidator(_check_template)]
Pattern = Annotated[re.Pattern[str], AfterValidator(_check_groups)]
Name = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]


class GivenSplit(ReaderOptions):
    """A split that comes with the dataset: a column of the table, or of a ``table`` of its own.

    It holds words for train, val and test (`rin.data.discovery.part_of`), or the fold that tests
    a picture.
    """

    column: str
    table: str = ""


class TableOptions(ReaderOptions):
    """Options of the layout.

    ``table`` is a file, or a file for each part of a split; ``images`` and ``masks`` are
    folders, wherever they stand in the tree; without them, names start at the table's folder.
    ``image`` and ``mask`` are columns or templates; masks are called as their pictures are
    where only their folder is given; where no column names it, a mask may be absent.
    ``patient`` is a column, maybe of a table of its own, ``patients``; without that file, each
    picture is a patient. ``parts`` takes columns apart, each by a pattern that matches the
    whole value; its named groups serve in templates as columns do. ``keep`` takes columns into
    the case table, under new names. ``beside`` are other files of the dataset. ``leave_out``
    says what may be left over: ``rows`` without pictures, ``pictures`` without rows (and
    masks), and ``files`` of other kinds; otherwise these are errors.
    """

    table: str | dict[str, str]
    images: str = ""
    image: Template
    label: str
    patient: str = ""
    patients: str = ""
    masks: str = ""
    mask: Template = ""
    parts: dict[str, Pattern] = Field(default_factory=dict)
    keep: dict[Name, str] = Field(default_factory=dict)
    split: GivenSplit | None = None
    beside: tuple[str, ...] = ()
    leave_out: tuple[Literal["rows", "pictures", "files"], ...] = ()


_RADIMAGENET = TableOptions.model_validate(read_yaml(Path(__file__).with_suffix(".yaml")))
RADIMAGENET_TABLES = _RADIMAGENET.table


def _options(manifest: DatasetManifest) -> TableOptions:
    return _RADIMAGENET if manifest.layout == "radimagenet" else TableOptions.of(manifest)


def find_cases(tree: Tree, manifest: DatasetManifest) -> pd.DataFrame:
    """Return the cases of a table, and the columns that are kept.

    The case id is the picture's name, the source class the text in the label column:
    ``unlabelled`` where it is empty and the label map has that class.
    """
    options = _options(manifest)
    if taken := [name for name in options.keep if name in (*CASES.columns, *MEASURED)]:
        problem = "columns are kept under names that the case table uses itself"
        remedy = "Give them other names in the manifest's option keep."
        where = f"manifest {manifest.name}"
        raise InputError(f"{problem}: {', '.join(taken)}", where=where, remedy=remedy)
    columns = [*_columns(options.mask), options.label, *options.keep.values()]
    if options.patient and not options.patients:
        columns.append(options.patient)
    place, rows = _rows(tree, options, options.table, columns)
    labels = rows[options.label]
    if UNLABELLED in manifest.label_map:
        labels = labels.where(labels != "", UNLABELLED)
    known = list(manifest.label_map) or sorted(set(labels) - {""})
    strange, problem = labels[~labels.isin(known)], "labels are not in the manifest's label map"
    allowed = join_first_ten([*map(repr, known)], ", ")
    remedy = f"Column {options.label} may hold {allowed}: correct the "
    remedy += "cell, or give the class a line in label_map; null leaves it out."
    tree.raise_if_any(_with_rows(strange), problem, file=place, remedy=remedy)
    patients = _patients(tree, options, manifest, rows, place)
    if options.mask in rows:
        masks = rows[options.mask]
    elif options.mask:
        masks = _filled(tree, place, rows, options.mask)
    else:
        masks = rows["name"] if options.masks else pd.Series("", rows.index)
    named_files = pd.DataFrame({"name": rows["name"], "drawn": masks})
    images, drawn = _files(tree, manifest, options, place, named_files)
    cases = {"case_id": rows["name"], "patient_id": patients, "source_class": labels}
    table = pd.DataFrame(cases, dtype=str).assign(
        image=rows["name"].map({name: tree.locator(file) for name, file in images.items()}),
        masks=[(tree.locator(drawn[mask]),) if mask in drawn else () for mask in masks],
        **{name: rows[column].astype(str) for name, column in options.keep.items()},
    )
    return table[table["image"].notna()]


def read_split(tree: Tree, manifest: DatasetManifest) -> pd.Series:
    """Return what the split that comes with a dataset says of each picture, text by case id.

    Words for parts are those of `rin.data.manifest.PARTS`, without other values beside them.
    """
    options = _options(manifest) if manifest.layout in ("table", "radimagenet") else None
    if options is None or options.split is None:
        problem = "no split is known that comes with the dataset"
        remedy = "Name its column in the option split of the layout table."
        raise InputError(problem, where=f"manifest {manifest.name}", remedy=remedy)
    column = options.split.column
    place, rows = _rows(tree, options, options.split.table or options.table, [column])
    parts = rows[column].map(part_of)
    if (parts == "").all():
        return rows.set_index("name")[column]
    strange = rows[column][(parts == "") & (rows[column] != "")]
    remedy = f"Column {column} names parts: write train, val or test, or empty the cells of "
    remedy += "pictures that are left out; --split none of rin new leaves the column aside."
    tree.raise_if_any(
        _with_rows(strange), "values are no part of a split", file=place, remedy=remedy
    )
    return parts.set_axis(rows["name"]).rename(column)


def _with_rows(cells: pd.Series) -> list[str]:
    """Return cells with their rows, as a spreadsheet counts them."""
    return [f"{cell!r} (row {row + 2})" for row, cell in cells.items()]


def _rows(
    tree: Tree, options: TableOptions, file: str | dict[str, str], columns: list[str]
) -> tuple[str, pd.DataFrame]:
    """Return where a table lies (nowhere if it is several), and rows with a ``name`` each."""
    files = file if isinstance(file, dict) else {"": file}
    made = {name for pattern in options.parts.values() for name in pattern.groupindex}
    made |= {_PART} if len(files) > 1 else set()
    wanted = dict.fromkeys([*_columns(options.image), *options.parts, *columns])
    needed = [column for column in wanted if column not in made]
    tables = []
    remedy = "Put the table there once, or correct the option table of the manifest."
    for part, name in files.items():
        place = tree.one_called(name, remedy)
        # Texts of Python, as millions of them are gone through one by one.
        rows = read_table(tree, place, needed).astype(object)
        for column, pattern in options.parts.items():
            groups = rows[column].str.extract(f"^(?:{pattern.pattern})$")
            strange = rows[column][groups.isna().all(axis=1)].map(repr)
            problem = f"values of {column} do not match {pattern.pattern!r}"
            tree.raise_if_any(strange, problem, file=place)
            rows = rows.assign(**groups[[*pattern.groupindex]].fillna(""))
        rows["name"] = _filled(tree, place, rows, options.image)
        if part:
            rows[_PART] = part
        tables.append(rows)
    rows, place = pd.concat(tables, ignore_index=True), place if len(files) == 1 else ""
    if rows.empty:
        raise tree.error("the table has no rows", file=place)
    twice = rows["name"][rows["name"].duplicated()]
    remedy = "Keep one row for each picture; a second look at a patient is a picture of its own."
    tree.raise_if_any(twice, "pictures have several rows", file=place, remedy=remedy)
    return place, rows


def _filled(tree: Tree, place: str, rows: pd.DataFrame, template: str) -> pd.Series:
    """Return the name that a template makes of each row; refuse rows that do not fit it."""
    names, fits = pd.Series("", rows.index, dtype=object), pd.Series(True, rows.index)
    for text, column, form in _pieces(template):
        names += text
        if column and form:
            fits &= rows[column].str.fullmatch(_NUMBER)
            numbers = rows[column].where(fits, "0")
            names += [format(int(number), form) for number in numbers]
        elif column:
            fits &= rows[column] != ""
            names += rows[column]
    columns = _columns(template)
    bad = [" ".join(map(repr, cells)) for cells in rows.loc[~fits, columns].to_numpy()]
    remedy = f"Each row needs {', '.join(columns)}: fill the cell, or take out the row."
    tree.raise_if_any(
        bad, f"rows fit no file name of the form {template}", file=place, remedy=remedy
    )
    return names


def _patients(
    tree: Tree, options: TableOptions, manifest: DatasetManifest, rows: pd.DataFrame, place: str
) -> pd.Series:
    """Return the patient of each row; its picture's name where nothing names patients."""
    if manifest.patient_pattern:
        if options.patient:
            remedy = "Leave out the option patient, or the patient_pattern."
            raise InputError("patients have two sources", where=manifest.name, remedy=remedy)
        names = rows["name"].str.replace("\\", "/", regex=False)
        return pd.Series(manifest.patients_in(names), rows.index)
    if options.patients:
        if all(name.rpartition("/")[2] != options.patients for name in tree.names):
            return rows["name"]
        names = rows["name"]
        place, rows = _rows(tree, options, options.patients, [options.patient])
        tree.raise_if_unpaired(rows["name"], names, (f"rows of {options.patients}", "pictures"))
        rows = rows.set_index("name").loc[names].reset_index()
    if not options.patient:
        return rows["name"]
    remedy = f"Fill column {options.patient}, or take out these rows."
    nameless = rows["name"][rows[options.patient] == ""]
    tree.raise_if_any(nameless, "pictures have no patient", file=place, remedy=remedy)
    return rows[options.patient]


def _files(
    tree: Tree, manifest: DatasetManifest, options: TableOptions, place: str, rows: pd.DataFrame
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files of pictures and of masks by their names in the table; refuse any others."""
    tables = options.table.values() if isinstance(options.table, dict) else [options.table]
    split = options.split.table if options.split else ""
    beside = {*tables, options.patients, split, *options.beside, STAND_IN_NOTE}
    files = [name for name in tree.names if name.rpartition("/")[2] not in beside]
    names, masks = rows["name"], rows["drawn"][rows["drawn"] != ""]
    mask_folder, base = options.masks or options.images, place[: place.rfind("/") + 1]
    pictures = _below(tree, files, options.images, base)
    outlines = _below(tree, files, mask_folder, base) if len(masks) else {}
    image_names = matched(names, pictures, options.images)
    images = {name: pictures[file] for name, file in image_names.items()}
    mask_names = matched(masks, outlines, mask_folder)
    drawn = {name: outlines[file] for name, file in mask_names.items()}
    accepted = "or say leave_out in the manifest (--leave-out of rin new)."
    searched = "Searched below {}, with and without ending, in any case, among {} pictures; a "
    searched += f"name that two of them fit counts for none. Correct names, add files, {accepted}"
    if "rows" not in options.leave_out:
        remedy = searched.format(options.images or base or "the table", len(pictures))
        tree.raise_if_any(
            names[~names.isin(images)], "rows without pictures", file=place, remedy=remedy
        )
    if options.mask and "{" not in options.mask:  # a column names them
        remedy = searched.format(mask_folder or base or "the table", len(outlines))
        problem = "masks of the table are not there"
        tree.raise_if_any(masks[~masks.isin(drawn)], problem, file=place, remedy=remedy)
    times = Counter(images.values())
    twice = [name for name, file in images.items() if times[file] > 1]
    tree.raise_if_any(twice, "rows name one picture", remedy="Keep one row a picture.")
    used = {*images.values(), *drawn.values()}
    if "pictures" not in options.leave_out:
        remedy = f"Add their rows to the table, take them away, {accepted}"
        for kind, known in (("pictures", pictures), ("masks", outlines)):
            lost = [name for name, file in known.items() if file not in used]
            tree.raise_if_any(lost, f"{kind} without rows", remedy=remedy)
    if "files" not in options.leave_out:
        others = sorted({*files} - {*pictures.values()} - {*outlines.values()})
        remedy = "Take them away, or name them in the option beside, or say leave_out: [files]."
        problem = f"files have no place in the layout {manifest.layout!r}"
        tree.raise_if_any(others, problem, remedy=remedy)
    return images, drawn


def _below(tree: Tree, files: list[str], folder: str, base: str) -> dict[str, str]:
    """Return the pictures below a folder, wherever it stands, or below ``base``, by name."""
    above = f"(?:.*/)?{re.escape(folder)}/" if folder else re.escape(base)
    match = re.compile(f"{above}(.+)", re.DOTALL).fullmatch
    files_of: dict[str, str] = {}
    for file in files:
        if (inside := match(file)) and tree.is_picture(file):
            name = inside[1]
            if name in files_of:
                raise tree.error(f"two files are called {name}: {files_of[name]} and {file}")
            files_of[name] = file
    return files_of
