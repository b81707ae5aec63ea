"""The layouts of pictures with a table: `table`, and RadImageNet's own.

`table` is a table with a row a picture, and folders beside it; the manifest's options say which
columns name image, label, patient and mask.  A name is a column, or a template of columns:
`"{ID}.png"`, or `"{id:03d}.png"` for whole numbers.

`radimagenet` is the same with the options of `table.yaml`: pictures are in
`radiology_ai/<modality>/<region>/<label>/`, beside a table of `filename,label` per part.  No
patients are published; a corpus made by `rin.curation` has `patients.csv`.
"""

import re
from typing import Annotated, cast
from unicodedata import normalize

import pandas as pd
from pydantic import AfterValidator, StringConstraints, model_validator

from rin.data.layouts.found import IF_PARTIAL, STAND_IN_NOTE, ReaderOptions, read_table
from rin.data.manifest import PART_WORDS, DatasetManifest, read_names
from rin.data.store import MEASURED
from rin.data.tree import Tree
from rin.errors import InputError, did_you_mean, join_first_ten
from rin.files import read_facts
from rin.tables import CASES, PREDICTIONS

#: Source class of rows with an empty label, if the manifest's label map has this class.
UNLABELLED = "unlabelled"
_NUMBER = r"[0-9]{1,18}"
_TEMPLATE = re.compile(r"(?:[^{}]|\{[^{}:!]+(?::\d*d)?\})+")
_PART = "part"
#: Columns that tables of cases, of scores and of what was read have themselves.
_TAKEN = {*CASES.columns, *PREDICTIONS.columns, *MEASURED, "key", "header_patient"}
_TAKEN |= {"file", "row", "mask", "is_positive"}
#: Column added for each picture's name; no column of a table ends in a space.
NAME = "picture "


def _columns(template: str) -> list[str]:
    """Return the columns that a template names: itself, if it has no braces."""
    return re.findall(r"\{([^{}:]+)", template) or ([template] if template else [])


def _check_template(template: str) -> str:
    if not _TEMPLATE.fullmatch(template):
        raise ValueError(f"{template!r} is neither a column nor a template like {{ID}}.png")
    return template


Template = Annotated[str, AfterValidator(_check_template)]
Name = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]


class GivenSplit(ReaderOptions):
    """A split that comes with the dataset: a column of the table, or of a `table` of its own.

    The column contains words for train, val and test (`rin.data.manifest.PART_WORDS`), or the fold
    that tests a picture.
    """

    column: str
    table: str = ""


class TableOptions(ReaderOptions):
    """Options of the layout `table`.

    `table` is a file, or one file per part of a split; `images` and `masks` are folders,
    anywhere in the tree, with which names may begin; without them, names start at the table's
    folder, which begins the case ids.  `image` and `mask` are columns or templates; if only
    the folder of masks is given, masks are named like their pictures, or have the second
    `mask_prefix` in place of the first; a mask may be absent unless a column names it.
    `patient` is a column, perhaps of a table of its own, `patients`; if that file is absent,
    each picture is a patient.

    `keep` copies columns into the case table, under new names.
    `beside` are other files of the dataset; with `others`, files that the table does not name
    are no error.
    """

    table: str | dict[str, str]
    images: str = ""
    image: Template
    label: str
    patient: str = ""
    patients: str = ""
    masks: str = ""
    mask: Template = ""
    mask_prefix: tuple[str, str] | None = None
    keep: dict[Name, str] = {}
    split: GivenSplit | None = None
    beside: tuple[str, ...] = ()
    others: bool = False

    @model_validator(mode="after")
    def _keeps_its_own(self) -> "TableOptions":
        if taken := [name for name in self.keep if name in _TAKEN]:
            raise ValueError(f"keep: the case table itself uses {', '.join(taken)}")
        return self


_RADIMAGENET = TableOptions.model_validate(read_facts(__file__))
RADIMAGENET_TABLES = _RADIMAGENET.table


def _options(manifest: DatasetManifest) -> TableOptions:
    return _RADIMAGENET if manifest.layout == "radimagenet" else TableOptions.read(manifest)


def find_cases(tree: Tree, manifest: DatasetManifest) -> pd.DataFrame:
    """Return the cases of a table, with the columns that are kept.

    The case id is the picture's name, the source class the text in the label column:
    `unlabelled` if that is empty and the label map has this class.
    """
    options = _options(manifest)
    columns = [*_columns(options.mask), options.label, *options.keep.values()]
    if options.patient and not options.patients:
        columns.append(options.patient)
    place, rows = _rows(tree, options, options.table, columns)
    names = rows[NAME]
    patients = _patients(tree, options, manifest, rows, place)
    masks = _fill_template(tree, place, rows, options.mask or NAME)
    if options.mask_prefix:
        of_picture, of_mask = options.mask_prefix
        masks = of_mask + masks.str.removeprefix(of_picture)
    images, drawn = _files(tree, manifest, options, place, names, masks)
    # Rows that may lack their pictures may have any label.
    labels = _labels(tree, manifest, options, place, rows[images.notna()])
    table = pd.DataFrame(
        {"case_id": names, "patient_id": patients, "source_class": labels}, dtype=str
    ).assign(
        image=images.map(tree.locator, na_action="ignore"),
        masks=[(tree.locator(mask),) if mask else () for mask in drawn.fillna("")],
        **{name: rows[column].astype(str) for name, column in options.keep.items()},
    )
    return table[table["image"].notna()]


def _labels(
    tree: Tree, manifest: DatasetManifest, options: TableOptions, place: str, rows: pd.DataFrame
) -> pd.Series:
    """Return the class of each row."""
    labels = rows[options.label]
    known = list(manifest.label_map)
    if not known:
        tree.raise_if_any(
            rows[NAME][labels == ""],
            "pictures have no label",
            file=place,
            remedy=f"Fill column {options.label}, or remove the rows.",
        )
        return labels
    if UNLABELLED in known:
        labels = labels.replace("", UNLABELLED)
    allowed = join_first_ten(list(map(repr, known)), ", ")
    remedy = (
        f"Column {options.label} may contain {allowed}: correct the cell, or add the class to "
        "label_map; null leaves it out."
    )
    tree.raise_if_any(
        _number_rows(labels[~labels.isin(known)]),
        "labels are not in the manifest's label map",
        file=place,
        remedy=remedy,
    )
    return labels


def read_split(tree: Tree, manifest: DatasetManifest) -> pd.Series:
    """Return the part or fold of each picture, by case id, in the split that a dataset has.

    Parts are named as in `rin.data.manifest.PARTS`; InputError for other values beside them.
    """
    options = _options(manifest)
    split = cast(GivenSplit, options.split)
    place, rows = _rows(tree, options, split.table or options.table, [split.column])
    given = rows.set_index(NAME)[split.column]
    parts = given.str.lower().map(PART_WORDS).fillna("")
    if (parts == "").all():
        return given
    strange = ((parts == "") & (given != "")).array
    tree.raise_if_any(
        _number_rows(rows[split.column][strange]),
        "values are not parts of a split",
        file=place,
        remedy=f"Column {split.column} names parts: write train, val or test.",
    )
    return parts


def _number_rows(cells: pd.Series) -> list[str]:
    """Return cells with their row numbers, as a spreadsheet counts them."""
    return [f"{cell!r} (row {row + 2})" for row, cell in cells.items()]


def _rows(
    tree: Tree, options: TableOptions, file: str | dict[str, str], columns: list[str]
) -> tuple[str, pd.DataFrame]:
    """Return the place of a table (empty for several), and a row per picture with `NAME`."""
    files = file if isinstance(file, dict) else {"": file}
    wanted = dict.fromkeys([*_columns(options.image), *columns])
    tables = []
    place = ""
    for part, name in files.items():
        place = tree.find_only(
            name, "Keep one copy of the table, or correct the option table of the manifest."
        )
        needed = [column for column in wanted if not (part and column == _PART)]
        # Python strings, as millions of them are handled one by one.
        rows = read_table(tree, place, needed).astype(object)
        above = "" if options.images else place[: place.rfind("/") + 1]
        names = _fill_template(tree, place, rows, options.image)
        # Macs decompose the umlauts of files, and tables are typed.
        names = above + names.str.removeprefix(options.images and f"{options.images}/")
        rows[NAME] = names.str.normalize("NFC")
        if part:
            rows[_PART] = part
        tables.append(rows)
    several = len(tables) > 1
    rows = pd.concat(tables, ignore_index=several)
    place = "" if several else place
    if rows.empty:
        raise tree.error("the table has no rows", file=place)
    rows = rows.filter([NAME, _PART, *wanted]).drop_duplicates()
    tree.raise_if_any(
        rows[NAME][rows[NAME].duplicated()],
        "pictures have several rows that differ",
        file=place,
        remedy="Keep one row for each picture.",
    )
    return place, rows


def _fill_template(tree: Tree, place: str, rows: pd.DataFrame, template: str) -> pd.Series:
    """Return the name that a template makes of each row; refuse rows that do not fit it."""
    if "{" not in template:
        return rows[template]
    columns = _columns(template)
    cells = rows[columns]
    numbers = re.findall(r"\{([^{}:]+):", template)
    fits = (cells != "").all(axis=1)
    for column in numbers:
        fits &= cells[column].str.fullmatch(_NUMBER)
    tree.raise_if_any(
        [" ".join(map(repr, row)) for row in cells[~fits].to_numpy()],
        f"rows fit no file name of the form {template}",
        file=place,
        remedy=f"Each row needs {', '.join(columns)}: fill the cell, or remove the row.",
    )
    cells = cells.astype(dict.fromkeys(numbers, int)).to_dict("records")
    return pd.Series([template.format_map(row) for row in cells], rows.index, dtype=object)


def _patients(
    tree: Tree, options: TableOptions, manifest: DatasetManifest, rows: pd.DataFrame, place: str
) -> pd.Series:
    """Return the patient of each row, or its picture's name if nothing names patients."""
    names = rows[NAME]
    if manifest.patient_pattern:
        if options.patient:
            raise InputError(
                "patients have two sources",
                where=manifest.name,
                remedy="Leave out the option patient, or the patient_pattern.",
            )
        return pd.Series(read_names(manifest.patient_pattern, names), rows.index)
    if options.patients:
        if all(name.rpartition("/")[2] != options.patients for name in tree.names):
            return names
        place, listed = _rows(tree, options, options.patients, [options.patient])
        tree.raise_if_any(
            sorted({*listed[NAME]} ^ {*names}),
            f"pictures are in one of the table and {options.patients} alone",
            file=place,
        )
        patients = names.map(listed.set_index(NAME)[options.patient])
    elif options.patient:
        patients = rows[options.patient]
    else:
        return names
    tree.raise_if_any(
        names[patients == ""],
        "pictures have no patient",
        file=place,
        remedy=f"Fill column {options.patient}, or remove these rows.",
    )
    return patients


def _files(
    tree: Tree,
    manifest: DatasetManifest,
    options: TableOptions,
    place: str,
    names: pd.Series,
    masks: pd.Series,
) -> tuple[pd.Series, pd.Series]:
    """Return the files of pictures and of masks, missing where there is none; refuse others."""
    tables = options.table.values() if isinstance(options.table, dict) else [options.table]
    split = options.split.table if options.split else ""
    beside = {name.rpartition("/")[2] for name in (*tables, options.patients, split)}
    beside |= {*options.beside, STAND_IN_NOTE}
    files = [name for name in tree.names if name.rpartition("/")[2] not in beside]
    pictures = _names_below(tree, files, options.images)
    outlines = {}
    if options.masks:  # a folder inside that of the pictures is not part of it
        outlines = _names_below(tree, files, options.masks)
    elif options.mask:
        outlines = pictures
    images = names.map(pictures)
    drawn = masks.str.normalize("NFC").map(outlines)
    if not manifest.partial:
        searched = f"Names are those of files below {options.images or 'the folder of the table'}"
        lost = names[images.isna()]
        hint = did_you_mean(lost.iloc[0], pictures) if len(lost) else ""
        tree.raise_if_any(
            lost,
            "rows without pictures",
            file=place,
            remedy=f"{searched}{hint}: correct or remove these rows. {IF_PARTIAL}",
        )
    if options.mask and "{" not in options.mask:  # a column names the masks
        tree.raise_if_any(
            masks[(masks != "") & drawn.isna() & images.notna()],
            "masks of the table are missing",
            file=place,
            remedy="Names are those of files, as for pictures; leave cells of none empty.",
        )
    if not options.others:
        used = {*images, *drawn}
        tree.raise_if_any(
            [file for file in files if file not in used],
            f"files do not belong to the layout {manifest.layout!r} or to a row",
            remedy="Add rows of pictures and masks to the table; remove other files, or list them "
            "in the option beside.",
        )
    return images, drawn


def _names_below(tree: Tree, files: list[str], folder: str) -> dict[str, str]:
    """Return the pictures below a folder, anywhere in the tree, or in the whole tree, by name."""
    match = re.compile(
        f"(?:.*/)?{re.escape(folder)}/(.+)" if folder else "(.+)", re.DOTALL
    ).fullmatch
    files_of: dict[str, str] = {}
    for file in files:
        inside = match(file)
        if inside and tree.is_picture(file):
            other = files_of.setdefault(normalize("NFC", inside[1]), file)
            if other != file:
                raise tree.error(f"two files are called {inside[1]}: {other} and {file}")
    return files_of
