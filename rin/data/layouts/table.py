"""The layouts of pictures with a table: ``table``, and RadImageNet's own.

``table`` is a table and folders beside it; the manifest's options say which columns name image,
label, patient and mask.  A name is a column, or a template of columns: ``"{ID}.png"``, or
``"{id:03d}.png"`` for whole numbers.

``radimagenet`` is the same with the options of ``table.yaml``: pictures are in
``radiology_ai/<modality>/<region>/<label>/``, beside a table of ``filename,label`` per part.  No
patients are published; a corpus made by `rin.curation` has ``patients.csv``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self, get_args

import pandas as pd
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from rin.data.chunks import map_threads
from rin.data.discovery import (
    keys_at,
    keys_equal,
    match_names,
    part_of,
    side_of,
    without_folders,
)
from rin.data.layouts.found import (
    IF_PARTIAL,
    LESION,
    NO_LESION,
    STAND_IN_NOTE,
    ReaderOptions,
    join_findings,
    lines_of,
    read_table,
)
from rin.data.manifest import DatasetManifest, read_names
from rin.data.store import MEASURED
from rin.data.tree import Tree, fingerprints
from rin.errors import InputError, join_first_ten
from rin.files import read_yaml
from rin.tables import CASES

#: Source class of rows with an empty label, if the manifest's label map has this class.
UNLABELLED = "unlabelled"
#: Folder of pictures that is the whole tree, if the table is in a folder of it.
EVERYWHERE = "."
_NUMBER = r"[0-9]{1,18}"
_PART = "part"
_ROWS_LEFT_OUT = "or set leave_out in the manifest (--leave-out rows-without-pictures of rin new)."
#: Column added for each picture's name; no column of a table ends in a space.
NAME = "picture "


def _pieces(template: str) -> list[tuple[str, str | None, str | None]]:
    """Return the pieces of a template: a text, the column after it, its number format if any."""
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
        raise ValueError(f"{pattern.pattern!r} has no named group, such as (?P<number>...)")
    return pattern


Template = Annotated[str, AfterValidator(_check_template)]
Pattern = Annotated[re.Pattern[str], AfterValidator(_check_groups)]
#: Elements of a DICOM header by which a table may name studies, series or files.
Header = Literal["AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
HEADERS: tuple[str, ...] = get_args(Header)
#: Value of the option ``header`` for a row per patient and side; elements that name a side.
OF_SIDE, LATERALITY = "PatientID and side", ("ImageLaterality", "Laterality")
Name = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]


class GivenSplit(ReaderOptions):
    """A split that comes with the dataset: a column of the table, or of a ``table`` of its own.

    The column contains words for train, val and test (`rin.data.discovery.part_of`), or the fold
    that tests a picture.  Or ``lists`` are text files that name a picture a line, each of a part.
    """

    column: str = ""
    table: str = ""
    lists: dict[str, Literal["train", "validation", "test"]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.column) == bool(self.lists):
            raise ValueError("split: give either the column that names parts, or the lists")
        return self


class TableOptions(ReaderOptions):
    """Options of the layout ``table``.

    ``table`` is a file, or one file per part of a split; ``sheet`` is that of a workbook, if not
    the first; ``images`` and ``masks`` are folders, anywhere in the tree; without them, names
    start at the table's folder, and with ``.`` at the folder that contains everything.  ``image``
    and ``mask`` are columns or templates; if only the folder of masks is given, masks are named
    like their pictures; a mask may be absent unless a column names it.  ``mask_folders`` are
    folders of masks that names lack, as of left and right lungs.  ``patient`` is a column,
    perhaps of a table of its own, ``patients``; if that file is absent, each picture is a patient.

    With ``row: patient`` the table has one row per patient and no column of pictures: a picture
    belongs to the row whose patient its name begins with, in the outermost folder below ``images``
    (``level`` 1), in a deeper folder (2, ...) or in its file name (0); or to the row whose patient
    the manifest's patient_pattern or the DICOM header gives.  With ``row: study`` the table has
    one row per study, series or file: a picture belongs to the row whose ``key`` equals the
    element ``header`` of its DICOM file (with ``PatientID and side``, the patient, “_” and the
    side, as in ``P1_left``), or the part of its name that ``key_pattern`` finds, or
    else to the row with whose ``key`` its name begins at the ``level``; a template, as
    ``{Patient}_{Eye}``, joins columns to a key.

    Equal rows of a picture count once, and masks of several rows are masks of one picture.  With
    ``findings`` each row is a finding, and the label joins the findings of all rows of a picture
    (patient, study), as in ``effusion|mass``.  With ``run_lengths`` cells of the label are masks
    in run lengths, of which only is read whether there is a lesion.  ``parts`` splits columns,
    each by a pattern that matches the whole value; its named groups serve as columns in
    templates, also in ``key``.
    ``keep`` copies columns into the case table, under new names.  ``beside`` are other files of
    the dataset.
    ``leave_out`` says what may be left over: ``rows`` without pictures, ``pictures`` without rows
    (and masks), and ``files`` of other kinds; otherwise these are errors.
    """

    table: str | dict[str, str]
    sheet: str = ""
    images: str = ""
    row: Literal["picture", "patient", "study"] = "picture"
    key: Template = ""
    header: Header | Literal["PatientID and side", ""] = ""
    key_pattern: re.Pattern[str] | None = None
    image: Template = ""
    label: str = ""
    findings: bool = False
    run_lengths: bool = False
    patient: str = ""
    level: Annotated[int, Field(ge=0)] = 0
    patients: str = ""
    masks: str = ""
    mask_folders: tuple[str, ...] = ()
    mask: Template = ""
    parts: dict[str, Pattern] = Field(default_factory=dict)
    keep: dict[Name, str] = Field(default_factory=dict)
    split: GivenSplit | None = None
    beside: tuple[str, ...] = ()
    leave_out: tuple[Literal["rows", "pictures", "files"], ...] = ()

    @model_validator(mode="after")
    def _names_pictures(self) -> Self:
        if self.row == "picture" and not self.image:
            raise ValueError(
                "image: with one row per picture, give the column or template of its name"
            )
        if self.row == "patient" and (self.image or self.patients or not self.patient):
            raise ValueError("row: one row per patient needs patient, and no image or patients")
        if self.row == "study" and (self.image or not self.key):
            raise ValueError("row: one row per study needs key, and no image")
        if self.findings and not self.label:
            raise ValueError("findings: rows of findings need label, the column of findings")
        return self


_RADIMAGENET = TableOptions.model_validate(read_yaml(Path(__file__).with_suffix(".yaml")))
RADIMAGENET_TABLES = _RADIMAGENET.table


def _options(manifest: DatasetManifest) -> TableOptions:
    return _RADIMAGENET if manifest.layout == "radimagenet" else TableOptions.of(manifest)


def find_cases(tree: Tree, manifest: DatasetManifest) -> pd.DataFrame:
    """Return the cases of a table, with the columns that are kept.

    The case id is the picture's name, the source class the text in the label column:
    ``unlabelled`` if that is empty and the label map has this class.
    """
    options = _options(manifest)
    if taken := [name for name in options.keep if name in (*CASES.columns, *MEASURED)]:
        problem = "columns are kept under names that the case table itself uses"
        remedy = "Give them other names in the manifest's option keep."
        where = f"manifest {manifest.name}"
        raise InputError(f"{problem}: {', '.join(taken)}", where=where, remedy=remedy)
    if not options.label and not manifest.labels_in_masks:
        remedy = "Name the column in the option label, or set labels_in_masks: true."
        raise InputError("nothing names labels", where=f"manifest {manifest.name}", remedy=remedy)
    columns = [*_columns(options.mask), *filter(None, [options.label]), *options.keep.values()]
    if options.patient and not options.patients:
        columns.append(options.patient)
    drawn_in = _columns(options.mask)
    place, rows = _rows(tree, manifest, options, options.table, columns, differing=drawn_in)
    patients = _patients(tree, options, manifest, rows, place)
    if options.mask in rows:
        masks = rows[options.mask]
    elif options.mask:
        masks = _filled(tree, place, rows, options.mask)
    else:
        masks = rows[NAME] if options.masks else pd.Series("", rows.index)
    named_files = pd.DataFrame({"name": rows[NAME], "drawn": masks})
    images, drawn = _files(tree, manifest, options, place, named_files)
    # Rows that may lack their pictures may have any label.
    labels = _labels(tree, manifest, options, place, rows[rows[NAME].isin(images)])
    masks_of: dict[str, list[str]] = {name: [] for name in rows[NAME]}
    for name, mask in zip(rows[NAME], masks, strict=True):
        masks_of[name] += map(tree.locator, drawn.get(mask, ()))
    cases = {"case_id": rows[NAME], "patient_id": patients, "source_class": labels}
    table = pd.DataFrame(cases, dtype=str).assign(
        image=rows[NAME].map({name: tree.locator(file) for name, file in images.items()}),
        masks=[tuple(masks_of[name]) for name in rows[NAME]],
        **{name: rows[column].astype(str) for name, column in options.keep.items()},
    )
    return table[table["image"].notna() & ~table["case_id"].duplicated()]


def _labels(
    tree: Tree, manifest: DatasetManifest, options: TableOptions, place: str, rows: pd.DataFrame
) -> pd.Series:
    """Return the class of each row; empty strings if masks show classes, as none is read here."""
    if manifest.labels_in_masks:
        return pd.Series("", rows.index)
    labels = rows[options.label]
    if UNLABELLED in manifest.label_map:
        labels = labels.where(labels != "", UNLABELLED)
    known = list(manifest.label_map) or sorted(set(labels) - {""})
    strange, problem = labels[~labels.isin(known)], "labels are not in the manifest's label map"
    allowed = join_first_ten([*map(repr, known)], ", ")
    remedy = f"Column {options.label} may contain {allowed}: correct the "
    remedy += "cell, or add the class to label_map; null leaves it out."
    tree.raise_if_any(_with_rows(strange), problem, file=place, remedy=remedy)
    return labels


def classes_of_runs(cells: pd.Series) -> pd.Series:
    """Return the class of masks in run lengths: no lesion where a cell is empty or -1."""
    is_marked = cells.map(lambda cell: bool(re.match(r"\d", cell)))
    return is_marked.map({True: LESION, False: NO_LESION})


def read_split(tree: Tree, manifest: DatasetManifest) -> pd.Series:
    """Return the part or fold of each picture, by case id, in the split that a dataset has.

    Parts are named as in `rin.data.manifest.PARTS`; InputError for other values beside them.
    """
    options = _options(manifest) if manifest.layout in ("table", "radimagenet") else None
    if options is None or options.split is None:
        problem = "no split comes with the dataset"
        remedy = "Name its column in the option split of the layout table."
        raise InputError(problem, where=f"manifest {manifest.name}", remedy=remedy)
    tree = tree.with_pictures(manifest.only)
    column = options.split.column
    file = options.split.table or options.table
    if options.split.lists:
        _, rows = _rows(tree, manifest, options, options.table, [])
        return _in_lists(tree, options.split.lists, rows[NAME])
    place, rows = _rows(tree, manifest, options, file, [column])
    parts = rows[column].map(part_of)
    if (parts == "").all():
        return rows.set_index(NAME)[column]
    strange = rows[column][(parts == "") & (rows[column] != "")]
    remedy = f"Column {column} names parts: write train, val or test, or clear the cells of "
    remedy += "pictures that are left out; --split none of rin new ignores the column."
    tree.raise_if_any(
        _with_rows(strange), "values are not parts of a split", file=place, remedy=remedy
    )
    return parts.set_axis(rows[NAME]).rename(column)


def _in_lists(tree: Tree, lists: Mapping[str, str], names: pd.Series) -> pd.Series:
    """Return the part of each picture, by name, whose list names it; else an empty string."""
    parts: dict[str, str] = {}
    twice: list[str] = []
    for file, part in lists.items():
        place = tree.one_called(file, "Correct the lists in the option split.")
        for name in match_names(lines_of(tree, place), {*names}).values():
            twice += [name] if parts.setdefault(name, part) != part else []
    remedy = "Correct the lists, or ignore them with --split none of rin new."
    tree.raise_if_any(twice, "pictures are in lists of two parts", remedy=remedy)
    return pd.Series([parts.get(name, "") for name in names], names, dtype=str)


def _with_rows(cells: pd.Series) -> list[str]:
    """Return cells with their row numbers, as a spreadsheet counts them."""
    return [f"{cell!r} (row {row + 2})" for row, cell in cells.items()]


def _rows(
    tree: Tree,
    manifest: DatasetManifest,
    options: TableOptions,
    file: str | dict[str, str],
    columns: list[str],
    differing: Collection[str] = (),
) -> tuple[str, pd.DataFrame]:
    """Return the place of a table (empty for several tables), and a row per picture with `NAME`.

    A picture has several rows if these differ in the ``differing`` columns alone.
    """
    files = file if isinstance(file, dict) else {"": file}
    made = {name for pattern in options.parts.values() for name in pattern.groupindex}
    made |= {NAME, _PART} if len(files) > 1 else {NAME}
    keys = {"patient": [options.patient], "study": _columns(options.key)}.get(options.row)
    keys = _columns(options.image) if keys is None else keys
    wanted = dict.fromkeys([*keys, *options.parts, *columns])
    needed = [column for column in wanted if column not in made]
    tables = []
    remedy = "Keep one copy of the table, or correct the option table of the manifest."
    for part, name in files.items():
        place = tree.one_called(name, remedy)
        rows = _read_one(tree, options, place, needed, keys)
        rows = _split(tree, options, place, rows)
        joined = options.findings and options.label in rows
        if joined and options.row != "picture":
            rows[options.label] = join_findings(rows, options.label, keys)
        if options.row != "picture":
            rows = rows[[name for name in dict.fromkeys([*keys, *columns]) if name in rows]]
            rows = _with_key(tree, options, place, rows)
            rows = _pictures_of_rows(tree, manifest, options, place, rows)
            rows = _split(tree, options, place, rows)
        if options.row == "picture":
            rows[NAME] = _filled(tree, place, rows, options.image)
            if joined:
                rows[options.label] = join_findings(rows, options.label, [NAME])
        if part:
            rows[_PART] = part
        tables.append(rows)
    if len(tables) > 1:
        rows, place = pd.concat(tables, ignore_index=True), ""
    if rows.empty:
        raise tree.error("the table has no rows", file=place)
    read = [name for name in dict.fromkeys([NAME, _PART, *wanted]) if name in rows]
    rows = rows.drop_duplicates(read)
    names = rows.drop_duplicates([name for name in read if name not in differing])[NAME]
    remedy = "Keep one row for each picture, or, where each row is a finding, set findings: true "
    remedy += "(--findings of rin new); a second look at a patient is a picture of its own."
    problem = "pictures have several rows that differ"
    tree.raise_if_any(names[names.duplicated()], problem, file=place, remedy=remedy)
    return place, rows


def _split(tree: Tree, options: TableOptions, place: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with a column for each group of the ``parts`` of their columns."""
    for column, pattern in options.parts.items():
        if column not in rows:  # the picture's name, before pictures are known
            continue
        groups = rows[column].str.extract(f"^(?:{pattern.pattern})$")
        strange = rows[column][groups.isna().all(axis=1)].map(repr)
        problem = f"values of {column} do not match {pattern.pattern!r}"
        tree.raise_if_any(strange, problem, file=place)
        rows = rows.assign(**groups[[*pattern.groupindex]].fillna(""))
    return rows


def _read_one(
    tree: Tree, options: TableOptions, place: str, needed: list[str], keys: list[str]
) -> pd.DataFrame:
    """Return the rows of a table, without those of nothing where rows may be left out."""
    # Python strings, as millions of them are handled one by one.
    rows = read_table(tree, place, needed, sheet=options.sheet).astype(object)
    if options.run_lengths and options.label in rows:
        rows[options.label] = classes_of_runs(rows[options.label])
    if "rows" in options.leave_out:  # as of units below the names of the columns, or of a sum
        rows = rows[(rows[[key for key in keys if key in rows]] != "").all(axis=1)]
    return rows


def _with_key(tree: Tree, options: TableOptions, place: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with a column for the ``key``, also where that is a template."""
    if "{" not in options.key:
        return rows
    return rows.assign(**{options.key: _filled(tree, place, rows, options.key)})


def _pictures_of_rows(
    tree: Tree, manifest: DatasetManifest, options: TableOptions, place: str, rows: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per picture, with its `NAME`, of a table with rows of several pictures."""
    of_study, leave_out = options.row == "study", options.leave_out
    column = options.key if of_study else options.patient
    row, rows_are = (
        (f"cell of {column}", f"cells of {column}") if of_study else ("patient", "patients")
    )
    nameless = [f"row {number + 2}" for number in rows.index[rows[column] == ""]]
    remedy = f"Fill column {column}, remove these rows, {_ROWS_LEFT_OUT}"
    tree.raise_if_any(nameless, f"rows have no {row}", file=place, remedy=remedy)
    rows = rows.drop_duplicates()
    remedy = f"Keep one row per {row}; or name the picture of each row in a column (--image); or, "
    remedy += "where each row is a finding, set findings: true (--findings of rin new)."
    twice = rows[column][rows[column].duplicated()]
    problem = f"{rows_are} have several rows that differ"
    tree.raise_if_any(_with_rows(twice), problem, file=place, remedy=remedy)
    names = _picture_names(tree, options, place)
    fitting = _fitting_cells(tree, manifest, options, place, names, rows[column])
    pairs = [(name, *keys) for name, keys in zip(names, fitting, strict=True)]
    several = [f"{name} ({' and '.join(sorted(keys))})" for name, *keys in pairs if len(keys) > 1]
    remedy = f"Name each file after one cell of {column}, or name pictures in a column (--image)."
    problem = f"pictures fit several {rows_are}"
    tree.raise_if_any(several, problem, file=place, remedy=remedy)
    accepted = "or set leave_out in the manifest (--leave-out {} of rin new)."
    fits = f"A name fits a cell of {column} that it equals or begins with."
    unfit = f"No name begins with these cells of {column}."
    if options.header:
        fits = (
            f"A picture fits the cell of {column} that equals the {options.header} in its header."
        )
        unfit = f"No picture has these cells of {column} as its {options.header}."
    if "pictures" not in leave_out:
        remedy = f"{fits} Add rows, remove the pictures, "
        remedy += accepted.format("pictures-without-rows")
        lost = [name for name, *keys in pairs if not keys]
        tree.raise_if_any(lost, "pictures without rows", file=place, remedy=remedy)
    if "rows" not in leave_out and not manifest.partial:
        lost = rows[column][~rows[column].isin(set().union(*fitting))]
        remedy = f"{unfit} Add pictures, correct the cells, "
        remedy += f"{accepted.format('rows-without-pictures')} {IF_PARTIAL}"
        problem = f"{rows_are} without pictures"
        tree.raise_if_any(_with_rows(lost), problem, file=place, remedy=remedy)
    row_of = dict(zip(rows[column], rows.index, strict=True))
    placed = [(name, row_of[keys[0]]) for name, *keys in pairs if keys]
    # The index stays that of the table, so that messages name its rows.
    return rows.loc[[row for _, row in placed]].assign(**{NAME: [name for name, _ in placed]})


def _fitting_cells(
    tree: Tree,
    manifest: DatasetManifest,
    options: TableOptions,
    place: str,
    names: list[str],
    cells: pd.Series,
) -> list[set[str]]:
    """Return, for each picture, the cells of the key column that it fits."""
    of_study = options.row == "study"
    pattern = options.key_pattern if of_study else manifest.patient_pattern
    if pattern:
        stated = read_names(pattern, names, "key" if of_study else "patient")
    elif options.header or (manifest.patients_in_headers and not of_study):
        files = _below(tree, _files_beside(tree, options), options.images, _folder_of(place))
        locators = tuple(tree.locator(files[name]) for name in names)
        changed = tuple(fingerprints(tree.root, locators))
        stated = _in_headers(tree.root, options.header, locators, changed)
    else:
        return keys_at(names, cells, options.level)
    if options.header != OF_SIDE:
        return [{key} - {""} for key in keys_equal(stated, cells)]
    cells_of: dict[str, set[str]] = defaultdict(set)
    for cell in cells:
        cells_of[with_side(cell)].add(cell)
    cells_of = {key: several for key, several in cells_of.items() if not key.endswith("_")}
    return [cells_of.get(key, set()) for key in keys_equal(stated, cells_of)]


def _picture_names(tree: Tree, options: TableOptions, place: str) -> list[str]:
    """Return the names of all pictures, relative to their folder, without masks."""
    files, base = _files_beside(tree, options), _folder_of(place)
    pictures = _pictures_below(tree, files, options, base)
    if options.masks not in ("", options.images):
        return [*pictures]
    if "{" not in options.mask:
        return [*pictures]
    every = pd.DataFrame({NAME: [*pictures]})
    for column, pattern in options.parts.items():
        groups = every[column].str.extract(f"^(?:{pattern.pattern})$")
        # A name that the pattern does not match may be that of a mask.
        every = every.assign(**groups)[groups.notna().all(axis=1)]
    masks = match_names([*_filled(tree, place, every, options.mask)], pictures, options.images)
    return [name for name in pictures if name not in {*masks.values()}]


def _pictures_below(
    tree: Tree, files: list[str], options: TableOptions, base: str
) -> dict[str, str]:
    """Return the files of pictures by name, without those in a folder of masks among them."""
    pictures, folder = _below(tree, files, options.images, base), options.masks
    if folder in ("", EVERYWHERE) or f"{options.images}/".startswith(f"{folder}/"):
        return pictures
    drawn = {*_below(tree, files, folder, base).values()}
    return {name: file for name, file in pictures.items() if file not in drawn}


@lru_cache(maxsize=4)
def _in_headers(
    root: Path, element: str, locators: tuple[str, ...], _changed: tuple[str, ...]
) -> list[str]:
    """Return an element of each DICOM file's header, or its patient if ``element`` is empty."""
    from rin.data.dicom import elements_of, patient_of  # pydicom is slow to load

    if not element:
        return map_threads(partial(patient_of, root), locators)
    if element == OF_SIDE:
        return sides_in_headers(root, locators)
    values = map_threads(partial(elements_of, root, elements=[element]), locators)
    return [value for (value,) in values]


def sides_in_headers(root: Path, locators: Sequence[str]) -> list[str]:
    """Return the patient and side of each DICOM file, as ``P1_L``; empty if no file has a side."""
    from rin.data.dicom import elements_of  # pydicom is slow to load

    wanted = ("PatientID", *LATERALITY)
    values = map_threads(partial(elements_of, root, elements=wanted), locators)
    keys = [f"{patient}_{side_of(of or near)}" for patient, of, near in values]
    return [] if all(key.endswith("_") for key in keys) else keys


def with_side(key: str) -> str:
    """Return a patient and a side, such as ``P1_left``, as ``P1_L``."""
    patient, _, side = key.rpartition("_")
    return f"{patient}_{side_of(side)}"


def _folder_of(place: str) -> str:
    return place[: place.rfind("/") + 1]


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
    remedy = f"Each row needs {', '.join(columns)}: fill the cell, remove the row, "
    remedy += _ROWS_LEFT_OUT
    tree.raise_if_any(
        bad, f"rows fit no file name of the form {template}", file=place, remedy=remedy
    )
    return names


def _patients(
    tree: Tree, options: TableOptions, manifest: DatasetManifest, rows: pd.DataFrame, place: str
) -> pd.Series:
    """Return the patient of each row, or its picture's name if nothing names patients."""
    if manifest.patient_pattern and options.row != "patient":
        if options.patient:
            remedy = "Leave out the option patient, or the patient_pattern."
            raise InputError("patients have two sources", where=manifest.name, remedy=remedy)
        names = rows[NAME].str.replace("\\", "/", regex=False)
        return pd.Series(manifest.patients_in(names), rows.index)
    if options.patients:
        if all(name.rpartition("/")[2] != options.patients for name in tree.names):
            return rows[NAME]
        names = rows[NAME]
        place, rows = _rows(tree, manifest, options, options.patients, [options.patient])
        tree.raise_if_unpaired(rows[NAME], names, (f"rows of {options.patients}", "pictures"))
        rows = rows.set_index(NAME).loc[names].reset_index()
    if not options.patient:
        return rows[NAME]
    remedy = f"Fill column {options.patient}, or remove these rows."
    nameless = rows[NAME][rows[options.patient] == ""]
    tree.raise_if_any(nameless, "pictures have no patient", file=place, remedy=remedy)
    return rows[options.patient]


def _files(
    tree: Tree, manifest: DatasetManifest, options: TableOptions, place: str, rows: pd.DataFrame
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the files of pictures and of masks by their names in the table; refuse any others."""
    files = _files_beside(tree, options)
    names, masks = rows["name"], rows["drawn"][rows["drawn"] != ""]
    mask_folder, base = options.masks or options.images, _folder_of(place)
    pictures = _pictures_below(tree, files, options, base)
    outlines = _below(tree, files, mask_folder, base) if len(masks) else {}
    image_names = match_names(names, pictures, options.images)
    images = {name: pictures[file] for name, file in image_names.items()}
    called = defaultdict(list)
    for name, file in outlines.items():
        called[without_folders(name, options.mask_folders)].append(file)
    drawn = {name: called[file] for name, file in match_names(masks, called, mask_folder).items()}
    accepted = "or set leave_out in the manifest (--leave-out {} of rin new)."
    searched = "Searched below {}, with and without extension, in any case, among {} pictures; a "
    searched += "name that fits two of them is not used. Correct names, add files, "
    if manifest.partial:
        masks = masks[names[masks.index].isin(images)]
    elif "rows" not in options.leave_out:
        remedy = searched.format(options.images or base or "the table", len(pictures))
        remedy += f"{accepted.format('rows-without-pictures')} {IF_PARTIAL}"
        tree.raise_if_any(
            names[~names.isin(images)], "rows without pictures", file=place, remedy=remedy
        )
    if options.mask and "{" not in options.mask:  # a column names the masks
        remedy = searched.format(mask_folder or base or "the table", len(outlines))
        remedy = remedy.rstrip(", ") + "."
        problem = "masks of the table are missing"
        tree.raise_if_any(masks[~masks.isin(drawn)], problem, file=place, remedy=remedy)
    times = Counter(images.values())
    twice = [name for name, file in images.items() if times[file] > 1]
    tree.raise_if_any(twice, "rows name the same picture", remedy="Keep one row per picture.")
    used = {*images.values(), *chain(*drawn.values())}
    if "pictures" not in options.leave_out:
        remedy = "Add their rows to the table, remove them, "
        remedy += accepted.format("pictures-without-rows")
        for kind, known in (("pictures", pictures), ("masks", outlines)):
            lost = [name for name, file in known.items() if file not in used]
            tree.raise_if_any(lost, f"{kind} without rows", remedy=remedy)
    if "files" not in options.leave_out:
        others = sorted({*files} - {*pictures.values()} - {*outlines.values()})
        remedy = "Remove them, list them in the option beside, or set leave_out: [files]."
        problem = f"files do not belong to the layout {manifest.layout!r}"
        tree.raise_if_any(others, problem, remedy=remedy)
    return images, drawn


def _files_beside(tree: Tree, options: TableOptions) -> list[str]:
    """Return the files that are neither tables nor listed in the option ``beside``."""
    tables = options.table.values() if isinstance(options.table, dict) else [options.table]
    split = [options.split.table, *options.split.lists] if options.split else []
    beside = {*tables, options.patients, *split, *options.beside, STAND_IN_NOTE}
    return [name for name in tree.names if name.rpartition("/")[2] not in beside]


def _below(tree: Tree, files: list[str], folder: str, base: str) -> dict[str, str]:
    """Return the pictures below a folder, anywhere in the tree, or below ``base``, by name."""
    above = f"(?:.*/)?{re.escape(folder)}/" if folder else re.escape(base)
    above = "" if folder == EVERYWHERE else above
    match = re.compile(f"{above}(.+)", re.DOTALL).fullmatch
    files_of: dict[str, str] = {}
    for file in files:
        if (inside := match(file)) and tree.is_picture(file):
            name = inside[1]
            if name in files_of:
                raise tree.error(f"two files are called {name}: {files_of[name]} and {file}")
            files_of[name] = file
    return files_of
