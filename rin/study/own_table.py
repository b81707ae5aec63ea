"""How somebody's own table or folders name pictures, labels, patients and masks.

The options of a layout's reader (`rin.data.layouts`) are found by examining cells and files, and
shown on the screen; an option that cannot be found is an error.
"""

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from rin.data import discovery
from rin.data.copies import folders_of_copies
from rin.data.layouts.found import (
    CLASSES,
    JSON_LINES,
    join_findings,
    lines_of,
    read_table,
    rows_above,
    sheets_of,
)
from rin.data.layouts.table import (
    EVERYWHERE,
    HEADERS,
    NAME,
    OF_SIDE,
    classes_of_runs,
    sides_in_headers,
    with_side,
)
from rin.data.manifest import read_names
from rin.data.tree import PICTURES, Tree, is_dicom
from rin.errors import InputError, counted, join_first_ten, look_up
from rin.study.own_files import (
    IN_MASKS,
    MOST_CLASSES,
    NO_PATIENTS,
    NO_SPLIT,
    PYTHON,
    ROWS,
    TABLES,
    Ask,
    NewTask,
    Places,
    Reading,
    join_name,
    named_in_headers,
    refuse_unread,
)
from rin.study.own_masks import (
    check_masks,
    classes_in_masks,
    folders_lacked,
    folders_united,
    without_drawn,
)

#: The names in a table's option ``leave_out`` for kinds of ``--leave-out``.
_OF_TABLES = {"rows-without-pictures": "rows", "pictures-without-rows": "pictures"}
#: How many tables are looked at beside the one that is named.
MOST_TABLES = 12
#: Why a column has a role that was named with a flag.
_SAID = "as you said"
#: Fewest patients of a table in which each may have several rows.
LEAST_KEYS = 4
#: A number that a spreadsheet has shortened.
_ROUNDED = r"\d(?:[.,]\d+)?[Ee]\+\d+"
#: The part of a column of paths that names a folder of pictures.
_PICTURE_FOLDER = "{picture_folder}"
#: A folder and the beginning of a picture's name, which a column of ids joins.
_PATH = "{picture_folder}-{picture_start}"
#: The first letter of a column of sides.
_SIDE = "side_letter"
#: A pattern for a folder of any name in a path.
_ANY_FOLDER = "[^/]+/"
#: A pattern for the name of a picture in a column, without folder and ending.
_ANY_ABOVE = r"(?:.*[/\\])?"
_STEM = _ANY_ABOVE + r"(?P<stem>[^/\\]+?)(?i:" + "|".join(map(re.escape, PICTURES)) + ")?"
#: A pattern for the folder before that name, with its slash.
_ABOVE = r"(?P<above>(?:.*[/\\])?)"
#: The same, with as few folders as possible.
_LEAST_ABOVE = r"(?P<above>(?:.*?[/\\])??)"


def read_folders(places: Places, label: str, patient: str, made: NewTask) -> Reading:
    """Return what the layout `folder_classes` will find in these folders.

    `label` and `patient` are the patterns of ``--label`` and ``--patient``, if given.
    """
    places = without_drawn(_without_copies(places), made)
    tree, pictures = places.tree, places.pictures
    options: dict[str, Any] = {"leave_out": ["files"]}
    if lists := _lists_of(places):
        text = (
            f"those of {', '.join(lists)} are kept only with a --table: divided again by patient"
        )
        made.say("parts", text, "yellow")
    if places.mask_pattern or places.masks:
        check_masks(places, made)
        options["mask"] = places.mask_pattern
        options |= {"masks": places.masks} if places.masks not in ("", places.images) else {}
        options |= _ends_lacked(places)
    strange = sorted(set(filter(tree.is_picture, tree.names)) - places.files)
    others = "|".join(sorted({re.escape(name.rpartition("/")[0]) for name in strange}))
    remedy = "Put pictures and masks into a folder of their own, or link them there; or leave "
    remedy += f"others out: --only {shlex.quote(f'^(?!({others})/)')}.".replace("\\ ", " ")
    tree.raise_if_any(strange, "pictures are in other folders", remedy=remedy)
    names = [join_name(places.images, name) for name in pictures]
    if label:
        return _read_in_any_folder(places, label, Reading(options, Counter(), names), made)
    parts = [name.split("/") for name in pictures]
    if places.inner and places.inner.pictures:  # that folder is of no class and no patient
        parts = [[*above, file] for *above, _, file in parts]
    _refuse_other_folders(places, parts)
    splits = sorted({folders[0] for folders in parts if len(folders) > 2})
    depth = int(bool(splits) and all(map(discovery.part_of, splits)))
    if depth:
        options["splits"] = splits
        made.say("parts", f"{', '.join(splits)}: merged, and divided again by patient", "yellow")
    if {len(folders) for folders in parts} == {depth + 3}:
        if folder := _folder_of_kind(tree, parts, depth):
            options["inner_images"] = folder
            parts = [[*above, file] for *above, _, file in parts]
            made.say("folders", f"{folder} in every class: no patient", "yellow")
        else:
            options["patients"] = True
    _refuse_scattered(places, parts, depth, "patients" in options, patient)
    classes = Counter(folders[depth] for folders in parts)
    _refuse_no_classes(places, classes, depth)
    # Only file names may identify patients, because the folders above them are classes.
    files = [folders[-1] for folders in parts]
    return Reading(options, classes, files, places=places, paths=names)


def _without_copies(places: Places) -> Places:
    """Return the places; InputError for folders of altered copies beside other folders.

    If the user selected pictures, both were seen.
    """
    if folders := [] if places.only else folders_of_copies(places.pictures):
        called = "|".join(map(re.escape, folders)).replace("\\ ", " ")
        problem = f"folders are called like those of altered copies: {', '.join(folders)}"
        remedy = f"Leave them out with --only {shlex.quote(f'^(?!(.*/)?({called})/)')}, or take "
        remedy += "all with --only '.', if each is called like its original or is none."
        raise places.tree.error(problem, remedy=remedy)
    return places


def _read_in_any_folder(places: Places, label: str, reading: Reading, made: NewTask) -> Reading:
    """Return a reading of pictures whose folders are not classes, with classes and places."""
    _describe_parts(places.pictures, made)
    if label == IN_MASKS:
        return replace(
            reading, classes=classes_in_masks(places, made), in_masks=True, places=places
        )
    stems = map(discovery.file_stem, places.pictures)
    made.say("label", f"read from names by the pattern {label}")
    made.notes["options"] = "label: a pattern of names, as you said"
    options = reading.options | {"label": label}
    classes = Counter(read_names(label, stems, "label"))
    return replace(reading, options=options, classes=classes, places=places)


def _describe_parts(pictures: Sequence[str], made: NewTask) -> None:
    """Report folders that are parts of a split, which pictures are drawn from together."""
    for folders in zip(*(name.split("/")[:-1] for name in pictures), strict=False):
        names = sorted({*folders})
        if len(names) > 1 and all(map(discovery.part_of, names)):
            text = f"{', '.join(names)}: merged, and divided again by patient"
            made.say("parts", text, "yellow")


def _ends_lacked(places: Places) -> dict[str, str | list[str]]:
    """Return the options for what masks lack of the paths and names of their pictures."""
    names = places.mask_pattern, places.mask_files, places.pictures
    channel = discovery.channel_lacked(*names)
    options: dict[str, str | list[str]] = {
        "inner_masks": places.inner.masks if places.inner else "",
        "inner_images": places.inner.pictures if places.inner else "",
        "mask_folders": folders_lacked(places),
        "start": discovery.start_lacked(*names),
        "channel": channel if channel != discovery.CHANNEL else "",
        "word": discovery.word_lacked(*names),
    }
    return {option: value for option, value in options.items() if value}


def _refuse_no_classes(places: Places, classes: Collection[str], depth: int) -> None:
    """Raise InputError for folders called like portions of a dataset, or for files on pictures.

    A single folder is refused later, unless a file says what its pictures show.
    """
    portions = len(classes) > 1 and discovery.are_portions([*classes])
    if portions or len(classes) < 2:
        refuse_unread(places)
    if len(classes) == 1 and (ways := _ways_without_folders(places)):
        raise places.tree.error(
            f"all pictures are in one folder, {min(classes)}",
            remedy=f"Make one folder per class; or give a --table{ways}.",
        )
    if portions:
        raise places.tree.error(
            f"{join_first_ten(sorted(classes), ', ')} are called like portions, not like classes",
            remedy="Give a --table that says what the pictures show; or, if they are the classes, "
            f"--label '^{depth * _ANY_FOLDER}([^/]+)/'.",
        )


def _refuse_scattered(
    places: Places, parts: Sequence[Sequence[str]], depth: int, has_patients: bool, patient: str
) -> None:
    """Raise InputError for pictures that are not directly in a folder of a class or a patient.

    Folders below those of classes are patients' if the user gave a pattern for these, or if they
    are called so.
    """
    deepest = depth + (3 if has_patients else 2)
    strange = ["/".join(folders) for folders in parts if len(folders) != deepest]
    if strange:
        refuse_unread(places)
    remedy = "Make one folder per class, of pictures or of patients' folders; or give a --table"
    deeper = [folders for folders in parts if len(folders) > deepest]
    for level in range(depth, min(map(len, deeper), default=1) - 1):
        names = sorted({folders[level] for folders in deeper})
        if len(names) in range(2, MOST_CLASSES) and not all(map(discovery.part_of, names)):
            remedy += f"; or, if {join_first_ten(names, ', ')} are the classes, give --label "
            remedy += f"'{_label_at(level, names)}'"
    remedy += f"{_ways_without_folders(places)}."
    places.tree.raise_if_any(strange, "pictures are in no class folder", remedy=remedy)
    if has_patients and patient in ("", NO_PATIENTS):
        _refuse_classes_below(places.tree, parts, depth)


def _ways_without_folders(places: Places) -> str:
    """Return how classes can be told without their folders, as the end of a remedy."""
    ways = ""
    if pattern := discovery.guess_label_pattern(places.pictures):
        ways += f"; or read classes from names: --label '{pattern}'"
    if places.mask_files:
        ways += f"; or tell classes by masks: --label {IN_MASKS}"
    return ways


@dataclass
class _Table:
    """A table that is being read: its rows, and the columns found so far, by role.

    ``sheet`` is empty for the first sheet of a workbook, and for other tables.

    If the table does not have one row per picture, ``key`` is the column that identifies the
    patient or the study of a row; ``of_study`` are the options for one row per study.
    ``patients`` is the table of the column ``patient``, if that is another one; ``lists`` are
    files that name the pictures of each part of a split; ``run_lengths`` says that the label was
    a mask in run lengths.
    """

    rows: pd.DataFrame
    columns: dict[str, discovery.Column]
    classes: list[str]
    key: discovery.Key | None = None
    of_study: dict[str, Any] = field(default_factory=dict)
    sheet: str = ""
    patients: str = ""
    lists: dict[str, str] = field(default_factory=dict)
    run_lengths: bool = False


def read_columns(
    places: Places,
    roles: dict[str, str],
    leave_out: Collection[str],
    findings: bool,
    unlabelled: bool,
    positive: Collection[str],
    made: NewTask,
    ask: Ask,
) -> Reading:
    """Return what the layout `table` will find in this table.

    ``unlabelled`` says that rows without a label are a class; ``positive`` are classes, if said.
    """
    places, table = _open_table(places, roles, made)
    _refuse_nameless(places, table.rows)
    settings = _find_key(places, table, roles, findings, made)
    _refuse_wide_rows(places, table)
    in_masks = _take_label(places, table, roles["label"], made, ask)
    for role, column in table.columns.items():
        made.say(f"{role} column", f"{column.name} ({column.reason})")
    _refuse_rounded(places, table)
    if not positive:
        _refuse_measurement(places, table)
    if "pictures-without-rows" not in leave_out:
        _refuse_rows_apart(places, table)
    _refuse_other_side(places, table, made)
    if not roles["patient"]:
        _take_patients_beside(places, table, made)
        _hint_at_groups(table, made)
    if "split" not in table.columns and not roles["split"]:
        _describe_parts(places.pictures, made)
        _take_lists(places, table, made)
    _describe_lost_zeros(places, table, made)
    _describe_left_out(places, table, leave_out, made)
    if findings and not in_masks:
        _join_rows(table, made)
    else:
        _describe_several_rows(table, made)
    reasons = [f"{role}: {column.reason}" for role, column in table.columns.items()]
    made.notes["options"] = "; ".join(reasons)
    options = _options_of(places, table, leave_out, made)
    if findings and not in_masks:
        options["findings"] = True
    names = _named_pictures(places, table)
    if in_masks:
        classes = classes_in_masks(places, made)
    else:
        classes = _classes_of_rows(places, table, leave_out, unlabelled)
    return Reading(options, classes, names, settings, in_masks, places)


def _take_label(places: Places, table: _Table, said: str, made: NewTask, ask: Ask) -> bool:
    """Ask for the column of the label if none was found; return whether masks show labels."""
    if said == IN_MASKS and IN_MASKS not in table.rows:
        table.columns.pop("label", None)
        return True
    _take_run_lengths(table, said, made)
    if "label" not in table.columns:
        if all(map(discovery.is_of_no_class, table.classes)):
            _refuse_labels_apart(places, table, "")
        taken = {column.name for column in table.columns.values()}
        free = [name for name in table.rows if name not in taken]
        answer = ask(_question_of_label(table), "--label", table.classes or free, "")
        _take_roles(table, {"label": answer})
    elif not said:
        _describe_other_labels(table, made)
    return False


def _take_run_lengths(table: _Table, said: str, made: NewTask) -> None:
    """Read a column of masks in run lengths as with or without a lesion, if that is the label.

    It is if the user named it, or if it is the only such column and no other is the label.
    """
    columns = [name for name in table.rows if discovery.are_run_lengths(table.rows[name])]
    if not said and "label" not in table.columns and len(columns) == 1:
        table.columns["label"] = discovery.Column(columns[0], "the only column of run lengths")
    if "label" in table.columns and table.columns["label"].name in columns:
        name = table.columns["label"].name
        table.rows[name] = classes_of_runs(table.rows[name])
        table.run_lengths = True
        text = f"cells of {name} are masks in run lengths: a lesion, or none where they are empty "
        made.say("run lengths", f"{text}or -1; its outline is not read", "yellow")


def _open_table(places: Places, roles: dict[str, str], made: NewTask) -> tuple[Places, _Table]:
    """Return the places without masks that columns name, and the table with guessed columns."""
    sheet = _sheet_of(places)
    table = _Table(_read_rows(places, sheet, made), {}, [], sheet=sheet)
    drawn = places.masks or places.images
    table.columns, table.classes = discovery.guess_columns(
        table.rows, places.pictures, places.mask_files, (places.images, drawn)
    )
    if roles["label"] not in ("", IN_MASKS, *table.rows):
        _refuse_labels_apart(places, table, roles["label"])
    _take_roles(table, roles)
    places = _without_copies(_without_masks(places, table))
    of_rows = _named_by(table.columns.get("image"), places, table)
    places = without_drawn(places, made, of_rows or _in_folders(places, table.rows))
    if "image" not in table.columns:
        path = discovery.guess_path(table.rows, places.pictures, places.images)
        if path:
            table.columns["image"], names_of_rows = path
            table.rows[table.columns["image"].name] = names_of_rows
    return places, table


def _without_masks(places: Places, table: _Table) -> Places:
    """Return places whose pictures do not include those that columns of masks name.

    The first of these columns is that of the masks, unless the user named another.
    """
    image, folder = table.columns.get("image"), places.images
    pictures = _named_by(image, places, table)
    if not pictures or places.mask_files:
        return places
    drawn: set[str] = set()
    for name in filter(discovery.is_called_as_mask, table.rows):
        files = discovery.match_names({*table.rows[name]} - {""}, places.pictures, folder)
        if files and pictures.isdisjoint(files.values()):
            drawn |= {*files.values()}
            reason = f"{counted(len(files), 'pictures')} that it names are masks"
            table.columns.setdefault("mask", discovery.Column(name, reason))
    return replace(
        places,
        pictures=[name for name in places.pictures if name not in drawn],
        mask_files=sorted(drawn),
    )


def _named_by(column: discovery.Column | None, places: Places, table: _Table) -> set[str]:
    """Return the pictures that cells of a column name; none if the table has no such column."""
    if column is None or column.name not in table.rows:
        return set()
    cells = {*table.rows[column.name]} - {""}
    return {*discovery.match_names(cells, places.pictures, places.images).values()}


def _named_pictures(places: Places, table: _Table) -> list[str]:
    """Return the names of pictures in which patients are searched for, if no key names them."""
    if table.key:
        return places.pictures if table.of_study else []
    cells = table.rows[table.columns["image"].name]
    return [name.replace("\\", "/") for name in dict.fromkeys(cells)]


def _refuse_other_side(places: Places, table: _Table, made: NewTask) -> None:
    """Raise InputError if the label is of one side of the body, and pictures are of both.

    Pictures that tell no side are reported.
    """
    label, tree = table.columns.get("label"), places.tree
    other = discovery.other_side(label.name, [*table.rows]) if label else ""
    if label and table.key and not table.of_study and not other:
        _describe_sides(places, table, label.name, made)
    if label is None or not other or not table.key:
        return
    of_label = next(filter(None, map(discovery.side_of, discovery.words_in(label.name))))
    sides = {name: discovery.side_in(name) for name in places.pictures}
    strange = sorted(name for name in sides if sides[name] not in ("", of_label))
    same = sorted(name for name in sides if sides[name] == of_label)
    if strange:
        problem = f"column {label.name} is of one side of the body ({other} of the other), and "
        problem += f"{counted(len(strange), 'pictures')} of the other, as {strange[0]}"
        remedy = "Write a table with a row per picture, of its own side"
        if same:
            signs = re.findall(r"[\W_]?[^\W\d_]+", discovery.file_stem(same[0]))
            sign = next(
                sign
                for sign in signs
                if of_label in map(discovery.side_of, discovery.words_in(sign))
            )
            remedy += f"; or select those of the label's side: --only {shlex.quote(sign)}"
        raise tree.error(problem, file=places.table, remedy=f"{remedy}.")
    if not same:
        text = f"column {label.name} is of one side of the body ({other} of the other), and names "
        text += "of pictures tell no sides: all pictures of a patient get that label"
        made.say("SIDES", text, "bold red")


def _describe_sides(places: Places, table: _Table, label: str, made: NewTask) -> None:
    """Report that pictures of both sides get a patient's label, if other columns are of a side."""
    of_sides = [name for name in table.rows if discovery.other_side(name, [*table.rows])]
    if of_sides and {*map(discovery.side_in, places.pictures)} >= {*discovery.SIDES}:
        text = (
            f"column {label} is of the patient, and {' and '.join(of_sides[:2])} are of one side "
        )
        text += (
            "of the body: pictures of both sides get the patient's label. If only one side has "
        )
        text += "it, give a table with a row per picture"
        made.say("SIDES", text, "bold red")


def _describe_other_labels(table: _Table, made: NewTask) -> None:
    """Report columns that are called like labels beside the one that is taken."""
    taken = {column.name for column in table.columns.values()}
    if others := [
        name for name in table.classes if name not in taken and discovery.is_called_as_label(name)
    ]:
        text = f"{', '.join(others)} may also be the label: --label {shlex.quote(others[0])}"
        made.say("other columns", text, "yellow")


def _refuse_rounded(places: Places, table: _Table) -> None:
    """Raise InputError for ids that a spreadsheet has shortened, several perhaps to one."""
    for role in ("image", "key", "patient"):
        column = table.columns.get(role)
        cells = table.rows.get(column.name, ()) if column and not table.patients else ()
        if short := [cell for cell in cells if re.fullmatch(_ROUNDED, cell)]:
            problem = f"ids in column {column.name if column else ''} are rounded, as {short[0]}, "
            problem += "so that different ones may look alike"
            remedy = "Format that column as text where the table was made, and export it again"
            remedy += f"; or do without it: --patient {NO_PATIENTS}." if role == "patient" else "."
            raise places.tree.error(problem, file=places.table, remedy=remedy)


def _refuse_measurement(places: Places, table: _Table) -> None:
    """Raise InputError if labels are numbers of many values, with the command for two classes."""
    label = table.columns.get("label")
    cells = table.rows[label.name] if label else pd.Series(dtype=str)
    values = pd.to_numeric(cells.where(~cells.map(discovery.says_nothing)), "coerce")
    known = values.nunique()
    if label is None or known <= MOST_CLASSES or known < cells.nunique() - 1:
        return
    limit = f"{values.median():g}"
    problem = f"column {label.name} is a number of {known:,} values, {values.min():g} to "
    problem += f"{values.max():g}, and no class"
    remedy = f"Divide it at a value of yours, here at {limit}: "
    remedy += f"{_command(places, 'measurement', label.name, limit)} "
    remedy += f"--label {shlex.quote(f'{label.name} in two')}."
    raise places.tree.error(problem, file=places.table, remedy=remedy)


def _refuse_wide_rows(places: Places, table: _Table) -> None:
    """Raise InputError if a second column names other pictures, as of another view."""
    image = table.columns.get("image")
    if image is None or image.reason == _SAID or image.name not in table.rows:
        return

    def files_in(column: str) -> set[str]:
        cells = {*table.rows[column]} - {""}
        files = discovery.match_names(cells, places.pictures, places.images)
        return {*files.values()} if len(files) > discovery.LEAST_SHARE * len(cells) else set()

    first = files_in(image.name)
    taken = [column.name for column in table.columns.values()]
    for name in table.rows:
        files = files_in(name) if name not in taken else set()
        if len(files) > len(first) / 2 and files.isdisjoint(first):
            remedy = "Give a table with one row per picture, or choose one column, as with "
            remedy += f"--image {shlex.quote(image.name)} --leave-out pictures-without-rows."
            problem = f"columns {image.name} and {name} name a picture each"
            raise places.tree.error(problem, file=places.table, remedy=remedy)


def _take_patients_beside(places: Places, table: _Table, made: NewTask) -> None:
    """Take patients from another table, which names the same pictures in a column called alike.

    It is in the same folder; of many tables, as of annotations, only the first are looked at.
    """
    image = table.columns.get("image")
    if "patient" in table.columns or table.key or image is None:
        return
    folder = places.table.rpartition("/")[0]
    tables = [name for name in places.tree.names if name.lower().endswith(TABLES)]
    beside = [name for name in tables if name.rpartition("/")[0] == folder]
    for file in [name for name in beside if name != places.table][:MOST_TABLES]:
        with suppress(InputError):  # not a table of ours
            rows = read_table(places.tree, file, []).astype(object)
            columns, _ = discovery.guess_columns(rows, places.pictures, [], (places.images, ""))
            patient = columns.get("patient")
            if not patient or image.name not in rows:
                continue
            if {*rows[image.name]} == {*table.rows[image.name]}:
                table.columns["patient"], table.patients = patient, file
                made.say(
                    "patient column", f"{patient.name} of {file} ({patient.reason})", "yellow"
                )
                return


def _lists_of(places: Places) -> dict[str, str]:
    """Return the files that list the pictures of each part of a split, if one is of the test."""
    parts = {name: part for name in places.tree.names if (part := discovery.part_of_list(name))}
    is_split = "test" in parts.values() and len({*parts.values()}) == len(parts)
    return parts if is_split else {}


def _take_lists(places: Places, table: _Table, made: NewTask) -> None:
    """Take the split of lists of pictures if they place each picture; else report them."""
    image, parts = table.columns.get("image"), _lists_of(places)
    if not parts:
        return
    lines = {line for name in parts for line in lines_of(places.tree, name)}
    placed = {*discovery.match_names(lines, places.pictures, places.images).values()}
    used = _named_by(image, places, table) if image and not table.key else {*places.pictures}
    names = ", ".join(Path(name).name for name in parts)
    if used <= placed:
        table.lists = {Path(name).name: part for name, part in parts.items()}
        text = f"those of {names} are kept (--split {NO_SPLIT} divides again by patient)"
        made.say("parts", text)
    else:
        text = f"{names} place {len(used & placed):,} of {len(used):,} pictures: not kept, and "
        made.say("parts", f"{text}divided again by patient", "yellow")


def _hint_at_groups(table: _Table, made: NewTask) -> None:
    """Report columns of ids that several rows share, if no column names patients of several."""
    taken = {column.name for column in table.columns.values()}
    patient = table.columns.get("patient")
    if table.key or (patient and (table.patients or not table.rows[patient.name].is_unique)):
        return
    for name in table.rows:
        n = table.rows[name].nunique()
        is_id = name not in taken and discovery.is_called_as_id(name)
        if is_id and len(table.rows) / 20 < n < len(table.rows):
            text = f"column {name} has {n:,} values in {len(table.rows):,} rows: give --patient "
            made.say("PATIENTS", f"{text}{name} if rows of one value belong together", "bold red")


def _sheet_of(places: Places) -> str:
    """Return the first sheet of a workbook in which a column names pictures or patients.

    An empty string for the first of all sheets, for other tables, and if no sheet does.
    """
    sheets = sheets_of(places.tree, places.table)
    for sheet in sheets if len(sheets) > 1 else ():
        with suppress(InputError):  # that of the sheet that is read is raised later
            rows = read_table(places.tree, places.table, [], sheet=sheet).astype(object)
            key = discovery.guess_key(rows, places.pictures, ())
            least = discovery.LEAST_SHARE * len(places.pictures)
            columns, _ = discovery.guess_columns(rows, places.pictures, [], (places.images, ""))
            if "image" in columns or (key and len(key.rows) > least):
                return sheet if sheet != sheets[0] else ""
    return ""


def _read_rows(places: Places, sheet: str, made: NewTask) -> pd.DataFrame:
    """Return the rows of the table as text, and report its format."""
    tree, table = places.tree, places.table
    rows = read_table(tree, table, [], sheet=sheet).astype(object)
    if rows.empty:
        raise tree.error(
            "the table has no rows", file=table, remedy="Give it one row per picture."
        )
    if table.lower().endswith(("json", *JSON_LINES)):
        text = "JSON"
        if CLASSES in rows:
            text = "COCO annotations; their boxes and outlines are not read"
        made.say("table", f"{Path(table).name}, {text}", "yellow" if CLASSES in rows else "")
    elif not table.lower().endswith((".parquet", ".xlsx")):
        text, encoding = discovery.decode(tree.read(table))
        separator = discovery.separator_of(text).replace("\t", "tab")
        made.say("table", f"{Path(table).name}, {encoding}, cells separated by “{separator}”")
        _describe_letters(tree.read(table), text, encoding, made)
    elif table.lower().endswith(".xlsx"):
        sheets = sheets_of(tree, table)
        others = f" of {len(sheets)} ({', '.join(sheets)})" if len(sheets) > 1 else ""
        what = f"sheet {sheet}, the first that names pictures," if sheet else "its first sheet"
        made.say("table", f"{Path(table).name}, {what}{others}", "yellow" if sheet else "")
    if above := rows_above(tree, table, sheet):
        text = f"{counted(above, 'rows')} above the column names ({', '.join(rows)}): "
        made.say("titles", f"{text}skipped", "yellow")
    return rows


def _describe_letters(content: bytes, text: str, encoding: str, made: NewTask) -> None:
    """Report how words with other letters than a to z are read, unless the table is Unicode."""
    if encoding.startswith("utf"):
        return
    others = {page: read for page, read in discovery.readings_of(content).items() if read != text}
    said = f"read as {_beyond_ascii(text)}"
    for page in [*others][:2]:
        said += f"; as {page} it would be {_beyond_ascii(others[page])}"
    style = "bold red" if others else "yellow"
    made.say("letters", f"{said} (if that is wrong, save the table as UTF-8)", style)


def _beyond_ascii(text: str) -> str:
    """Return the first three words of a text that have other signs than ASCII."""
    words = re.findall(r"[^\s,;|\"]*[^\x00-\x7f\s][^\s,;|\"]*", text)
    return " ".join([*dict.fromkeys(words)][:3])


def _describe_lost_zeros(places: Places, table: _Table, made: NewTask) -> None:
    """Report cells without the leading zeros of their pictures, which spreadsheets remove."""
    image = table.columns.get("image")
    cells = {*table.rows[image.name]} - {""} if image else set()
    files = discovery.match_names(cells, places.pictures, places.images)
    lost = [
        f"{cell} as {name}"
        for cell, name in sorted(files.items())
        if discovery.is_number(cell) and discovery.file_stem(name.rpartition("/")[2]) != cell
    ]
    if lost:
        text = f"{counted(len(lost), 'cells')} without leading zeros: {join_first_ten(lost, ', ')}"
        made.say("lost zeros", text, "yellow")


def _describe_left_out(
    places: Places, table: _Table, leave_out: Collection[str], made: NewTask
) -> None:
    """Add to the screen how many rows and pictures are left out, even if the number is zero.

    Rows that name one picture, patient or study count once.
    """
    name = table.key.name if table.key else table.columns["image"].name
    cells = {*table.rows[name]} - {""}
    if table.key:
        matches, n_pictures = {*table.rows.loc[table.key.rows, name]}, len(table.key.rows)
    else:
        files = discovery.match_names(cells, places.pictures, places.images)
        matches, n_pictures = {*files}, len({*files.values()})
    numbers = {
        "pictures-without-rows": len(places.pictures) - n_pictures,
        "rows-without-pictures": len(cells - matches) + int((table.rows[name] == "").sum()),
    }
    for kind, n in numbers.items():
        if kind in leave_out:
            made.say("left out", counted(n, kind.replace("-", " ")), "yellow" if n else "")


def _describe_several_rows(table: _Table, made: NewTask) -> None:
    """Report pictures with several rows, which have to agree."""
    image = table.columns.get("image")
    names = table.rows[image.name] if image else pd.Series(dtype=object)
    if n := names[names.duplicated() & (names != "")].nunique():
        text = f"{counted(n, 'pictures have')} several rows, which count once if they agree"
        made.say("rows", text, "yellow")


def _join_rows(table: _Table, made: NewTask) -> None:
    """Write into each row the findings of all rows of its picture, patient or study."""
    name = table.key.name if table.key else table.columns["image"].name
    label = table.columns["label"].name
    before = table.rows[name].duplicated()
    table.rows[label] = join_findings(table.rows, label, [name])
    n = table.rows[name][before].nunique()
    text = f"each is a finding, as you said: {counted(n, 'cells')} of {name} have several"
    made.say("rows", text, "yellow")


def _take_roles(table: _Table, roles: dict[str, str]) -> None:
    """Replace guessed columns by those that the user named."""
    for role, column in roles.items():
        is_pattern = role == "patient" and column not in table.rows and "(" in column
        if (column == NO_SPLIT and role in ("split", "patient")) or is_pattern:
            table.columns.pop(role, None)
        elif (column and (role, column) != ("label", IN_MASKS)) or column in table.rows:
            name = look_up(f"column (--{role})", column, [*table.rows])
            table.columns[role] = discovery.Column(name, _SAID)


def _find_key(
    places: Places, table: _Table, roles: dict[str, str], findings: bool, made: NewTask
) -> dict[str, Any]:
    """Find a column that identifies patients or studies, unless another names as many pictures.

    Return the settings of the manifest by which its cells are compared with pictures.
    """
    pictures, rows = places.pictures, table.rows
    image = table.columns.get("image")
    reached, is_whole = 0, False
    if image:
        cells = {*rows[image.name]} - {""}
        files = discovery.match_names(cells, pictures, places.images)
        reached = len({*files.values()})
        # A picture in each row, as the column's name says: others, as of masks, are of no row.
        is_whole = discovery.is_called_as_file(image.name) and reached == len(cells) == len(rows)
    if roles["image"] or is_whole or reached == len(pictures):
        return {}
    least = max(reached, discovery.LEAST_SHARE * len(pictures))
    of_sides = _match_sides(places, rows)
    if of_sides and of_sides.reached > least:
        return _take_key(table, of_sides, pictures, made, of_study=True)
    match = _match_patients(places, rows, roles["patient"], least, several=findings)
    n = match.reached if match else 0
    patient = table.columns.get("patient")
    if match is None or n <= least or not (findings or match.is_unique(rows)):
        study = _match_studies(places, rows, least)
        if study and study.reached > least and study.reached >= n:
            return _take_key(table, study, pictures, made, of_study=True)
        for match_rows in (_match_joined, _match_folders, _match_paths):
            other = match_rows(places, rows)
            if other and other.reached > least and other.reached >= n:
                return _take_key(table, other, pictures, made, of_study=True)
    if match and n > least:
        n_keys = rows[match.key.name].nunique()
        # With fewer values, the other column does not identify patients: a column called case may
        # distinguish cases from controls.
        fewest = max(4, n_keys / 50)
        coarser = patient and fewest <= rows[patient.name].nunique() < n_keys
        is_study = bool(coarser and "patients_in_headers" not in match.settings)
        is_study |= discovery.is_called_as_file(match.key.name)
        is_study |= bool(rows[match.key.name].str.contains("/").any())  # paths name no patients
        return _take_key(table, match, pictures, made, of_study=is_study)
    if not image:
        _refuse_findings(places, rows)
        _refuse_unnamed(places, rows, match.key if match else None)
    return {}


def _question_of_label(table: _Table) -> str:
    """Return the question for the column of the label; it says if columns are a class each."""
    question = "The column of the label"
    if len(table.classes) < 3:
        return question
    numbers = table.rows[table.classes].apply(pd.to_numeric, errors="coerce")
    single = [name for name in table.classes if {*numbers[name]} == {0, 1}]
    if len(single) > 2 and (numbers[single].sum(axis=1) == 1).all():
        question += f" (of {', '.join(single)} each row has one class: the one that is named is "
        question += "compared with all others)"
    return question


@dataclass
class _Match:
    """A column whose cells assign rows to pictures.

    ``settings`` of the manifest, or ``options`` of the layout for one row per study, describe how.
    """

    key: discovery.Key
    settings: dict[str, Any]
    options: dict[str, Any]

    @property
    def reached(self) -> int:
        """The number of pictures that have a row."""
        return len(self.key.rows)

    def is_unique(self, rows: pd.DataFrame) -> bool:
        """Return whether no cell is in two rows that differ."""
        cells = rows.drop_duplicates()[self.key.name]
        return bool(cells[cells != ""].is_unique)

    def in_words(self, pictures: Sequence[str]) -> str:
        """Return a phrase on how the cells match pictures, and how many."""
        how = "begin the names of" if self.key.level == 0 else "begin the folder names of"
        if self.key.level is None:
            how = f"equal {self.options.get('header', 'the patients')} of"
        if self.key.name == _PATH:
            how = f"of column {next(iter(self.options['parts']))} join folder and name of"
        elif self.key.name == _PICTURE_FOLDER:
            how = f"are folders of column {next(iter(self.options['parts']))} that contain"
        elif "key_pattern" in self.options:
            how = f"equal {_id_in_words(self.options['key_pattern'])} the names of"
        return f"its cells {how} {self.reached:,} of {len(pictures):,} pictures"


def _id_in_words(pattern: str) -> str:
    """Return which part of names a pattern of ids finds."""
    at_end = pattern == discovery.ID_AT_END
    return "the id at the end of" if at_end else "the number after a word in"


def _match_patients(
    places: Places, rows: pd.DataFrame, said: str, least: float, *, several: bool = False
) -> _Match | None:
    """Return the column that matches patients in a pattern, in DICOM headers, or in names."""
    pattern, column = (said, "") if "(" in said else ("", said if said in rows else "")
    if patients := _known_patients(places, pattern):
        key = discovery.guess_key(rows, places.pictures, patients, column, several=several)
        if pattern or (key and key.rows):
            settings = {"patient_pattern": pattern} if pattern else {"patients_in_headers": True}
            return _Match(key, settings, {}) if key else None
    match = None
    if key := discovery.guess_key(rows, places.pictures, (), column, several=several):
        match = _Match(key, {}, {"level": key.level})
    if match is None or match.reached <= least:
        behind = _match_words(places, rows, column)
        if behind and behind.reached > max(match.reached if match else 0, least):
            return behind
    return match


def _match_words(places: Places, rows: pd.DataFrame, column: str) -> _Match | None:
    """Return the column whose cells equal an id in names (`discovery.numbered_patterns`).

    If there are several, it is the column that matches the most patients: most tables also contain
    numbers that match those of views, which are few.
    """
    best: _Match | None = None
    for pattern in discovery.numbered_patterns(places.pictures):
        patients = read_names(pattern, places.pictures, "patient")
        key = discovery.guess_key(rows, places.pictures, patients, column)
        if key and (best is None or len({*key.rows}) > len({*best.key.rows})):
            best = _Match(key, {"patient_pattern": pattern}, {"key_pattern": pattern})
    return best


def _match_studies(places: Places, rows: pd.DataFrame, least: float) -> _Match | None:
    """Return the column that identifies studies, series or files, in DICOM headers or in names.

    In headers it is the column that matches the most pictures; of header elements that match
    equally many, the first in `HEADERS` is used, which is shared by the most pictures.
    """
    best: _Match | None = None
    locators = [places.tree.locator(join_name(places.images, name)) for name in places.pictures]
    if all(map(is_dicom, locators)):
        from rin.data.dicom import elements_of  # pydicom is slow to load

        with suppress(InputError):  # the inspection of all pictures reports others
            headers = [elements_of(places.tree.root, locator, HEADERS) for locator in locators]
            for header, values in zip(HEADERS, zip(*headers, strict=True), strict=True):
                key = discovery.guess_key(rows, places.pictures, values)
                if key and (best is None or len(key.rows) > best.reached):
                    best = _Match(key, {}, {"header": header})
    if best and best.reached > least:
        return best
    return _match_patients(places, rows, "", least)


def _match_joined(places: Places, rows: pd.DataFrame, ends: Collection[str] = ()) -> _Match | None:
    """Return two columns whose cells together begin names, as those of a patient and a side do.

    The second is one of ``ends``, if these are given.  Their template is added to the rows, as a
    column.
    """
    best: _Match | None = None
    for template, cells in discovery.joined_columns(rows, places.pictures, ends):
        key = discovery.guess_key(rows.assign(**{template: cells}), places.pictures, (), template)
        if key and (best is None or len(key.rows) > best.reached):
            best = _Match(key, {}, {"level": key.level})
            rows[template] = cells
    return best


def _match_sides(places: Places, rows: pd.DataFrame) -> _Match | None:
    """Return two columns, of patients and sides, that match headers of DICOM files, or names.

    A picture of a patient's other side then has no row.
    """
    of_sides = [name for name in rows if discovery.name_sides(rows[name])]
    if not of_sides:
        return None
    locators = tuple(places.tree.locator(join_name(places.images, n)) for n in places.pictures)
    stated = sides_in_headers(places.tree.root, locators) if all(map(is_dicom, locators)) else []
    if not stated:
        return _match_joined(places, rows, of_sides) or _match_letters(places, rows, of_sides)
    patients = [key.rpartition("_")[0] for key in stated]
    best: _Match | None = None
    for name, side in product(rows, of_sides):
        if name == side or not any(discovery.keys_equal(patients, {*rows[name]} - {""})):
            continue
        template = f"{{{name}}}_{{{side}}}"
        cells = (rows[name] + "_" + rows[side]).map(with_side)
        known = rows.assign(**{template: cells[~cells.str.endswith("_")]}).fillna("")
        key = discovery.guess_key(known, places.pictures, stated, template)
        if key and (best is None or len(key.rows) > best.reached):
            best = _Match(key, {}, {"header": OF_SIDE})
    if best:
        (name, side) = re.findall("{(.*?)}", best.key.name)
        rows[best.key.name] = rows[name] + "_" + rows[side]
    return best


def _match_letters(places: Places, rows: pd.DataFrame, of_sides: list[str]) -> _Match | None:
    """Return a column and the first letter of one of sides, which together begin names."""
    for side in of_sides:
        known = rows.assign(**{_SIDE: rows[side].str[:1]})
        if joined := _match_joined(places, known, [_SIDE]):
            rows[joined.key.name] = known[joined.key.name]
            parts = {side: f"(?P<{_SIDE}>.?).*"}
            return replace(joined, options=joined.options | {"parts": parts})
    return None


def _match_folders(places: Places, rows: pd.DataFrame) -> _Match | None:
    """Return a column of paths of which one folder is the only part that pictures' paths share.

    Files of CBIS-DDSM are called otherwise than its tables say, in folders of the same name.  Of
    several columns, as of whole pictures, of parts of them and of masks, the first that is called
    like pictures is taken, or else that of the most pictures.
    """
    folders = [name.split("/")[:-1] for name in places.pictures]
    best: _Match | None = None
    for name in sorted(rows, key=_is_of_parts):
        if best and not _is_of_parts(next(iter(best.options["parts"]))):
            break
        parts = rows[name].str.split(r"[/\\]", regex=True)
        depths = range(max(1, int(parts.str.len().min())) - 1)
        for depth, level in product(depths, range(min(map(len, folders), default=0))):
            cells = parts.str[depth]
            if cells.nunique() < max(LEAST_KEYS, discovery.LEAST_UNIQUE * rows[name].nunique()):
                continue
            inside = [several[level] for several in folders]
            known = rows.assign(**{_PICTURE_FOLDER: cells})
            key = discovery.guess_key(known, places.pictures, inside, _PICTURE_FOLDER)
            if key and (best is None or len(key.rows) > best.reached):
                pattern = rf"(?:[^/\\]+[/\\]){{{depth}}}(?P<picture_folder>[^/\\]+)[/\\].*"
                above = "^" + level * _ANY_FOLDER + "([^/]+)/"
                options = {"key_pattern": above, "parts": {name: pattern}}
                best = _Match(key, {}, options)
                rows[_PICTURE_FOLDER] = cells
    return best


def _match_paths(places: Places, rows: pd.DataFrame) -> _Match | None:
    """Return a column whose cells join a folder's name and the beginning of a picture's name.

    Such as ``case2_day1_slice_0004`` for ``case2_day1/scans/slice_0004_266_266.png``.
    """
    paths = [name.split("/") for name in places.pictures]
    best: _Match | None = None
    for name, level in product([*rows], range(min(map(len, paths), default=1) - 1)):
        words = {path[level].count("_") + 1 for path in paths}
        of_cell = {cell.count("_") + 1 for cell in rows[name]}
        if len(words) != 1 or len(of_cell) != 1 or max(words) >= max(of_cell):
            continue
        folder, start = (
            r"[^/_]+" + r"_[^/_]+" * (n - 1) for n in (max(words), max(of_cell) - max(words))
        )
        parts = rf"^(?P<picture_folder>{folder})_(?P<picture_start>{start})$"
        pattern = rf"^{level * _ANY_FOLDER}({folder})/(?:[^/]+/)*({start})(?:_[^/]*|\.[^/.]*)$"
        if not all(re.search(pattern, picture) for picture in places.pictures):
            continue
        of_paths = read_names(pattern, places.pictures, "key")
        joined = rows[name].str.extract(parts)
        if joined.isna().any(axis=None):  # as of paths, or of cells with “__”
            continue
        cells = joined["picture_folder"] + "-" + joined["picture_start"]
        key = discovery.guess_key(rows.assign(**{_PATH: cells}), places.pictures, of_paths, _PATH)
        if key and key.rows and (best is None or len(key.rows) > best.reached):
            best = _Match(key, {}, {"key_pattern": pattern, "parts": {name: parts}})
            rows[_PATH] = cells
    return best


def _is_of_parts(column: str) -> bool:
    """Return whether a column of paths is called like masks, or not like pictures."""
    return discovery.is_called_as_mask(column) or not discovery.is_called_as_file(column)


def _in_folders(places: Places, rows: pd.DataFrame) -> set[str]:
    """Return the pictures in folders that a column of paths names, if no column names files."""
    match = _match_folders(places, rows.copy())
    if match is None:
        return set()
    ((column, pattern),) = match.options["parts"].items()
    cells = {*rows[column].str.extract(pattern)["picture_folder"]}
    folders = read_names(match.options["key_pattern"], places.pictures, "patient")
    return {name for name, of in zip(places.pictures, folders, strict=True) if of in cells}


def _take_key(
    table: _Table, match: _Match, pictures: Sequence[str], made: NewTask, *, of_study: bool
) -> dict[str, Any]:
    """Use a key for patients or studies instead of a column of pictures; return the settings."""
    name, role = match.key.name, "key" if of_study else "patient"
    kept = {of: column for of, column in table.columns.items() if column.name != name}
    kept.pop("image", None)
    reason = f"one row per {'study' if of_study else 'patient'}: {match.in_words(pictures)}"
    table.key = match.key
    table.columns = kept | {role: discovery.Column(name, reason)}
    pattern = match.options.get("key_pattern")
    if pattern and name not in (_PICTURE_FOLDER, _PATH):
        text = f"{_id_in_words(pattern)} names ({pattern}), as in {pictures[0]}"
        made.say("PATIENTS", f"{text}: is that column {name} of the table?", "yellow")
    if of_study:
        table.of_study = {"row": "study", **match.options}
        of_columns = name.startswith("{") and name not in (_PICTURE_FOLDER, _PATH)
        if of_columns and "patient" not in table.columns:
            first = name[1 : name.index("}")]
            table.columns["patient"] = discovery.Column(first, f"the first of {name}")
        return {}
    for side in filter(lambda other: discovery.name_sides(table.rows[other]), table.rows):
        of_sides = next(filter(discovery.side_in, pictures), "")
        pictures_do = f"in pictures such as {of_sides} that is not compared" if of_sides else ""
        text = (
            f"column {side} names sides of the body, and {pictures_do or 'pictures do not'}: all "
        )
        text += "pictures of a patient get the label of her row"
        text += "; if it is of one side, give a table with a row per picture" if of_sides else ""
        made.say("SIDES", text, "bold red")
    _doubt_patients(table.rows[name], name, made)
    return match.settings


def _doubt_patients(cells: pd.Series, column: str, made: NewTask) -> None:
    """Report cells that are taken for patients but may include several of one patient."""
    cells = cells[cells != ""].drop_duplicates()
    pattern, several = discovery.sessions_of([*cells])
    remedy = "the column that names patients, or a pattern"
    if pattern:
        remedy = shlex.quote(pattern)
    elif patterns := discovery.patient_patterns([*cells]):
        several = next(who for who in patterns.values())
    if several:
        examples = [" and ".join(of[:2]) for of in several.values() if len(of) > 1][:2]
        text = f"{counted(len(cells), 'cells')} of {column} may be of {len(several):,} patients, "
        text += f"such as {'; '.join(examples)}: each counts as a patient. If not, give --patient "
        made.say("PATIENTS", f"{text}{remedy}", "bold red")


def _refuse_findings(places: Places, rows: pd.DataFrame) -> None:
    """Raise InputError for a table of several rows a picture, or a patient, that differ."""
    tree, stems = places.tree, {discovery.file_stem(name) for name in places.pictures}
    stems = {stem.rpartition("/")[2] for stem in stems}
    for name in rows if len(rows.columns) == 2 else ():
        parts = rows[name].str.rpartition("_")
        if (
            parts[0].isin(stems).mean() > discovery.LEAST_SHARE
            and parts[2].nunique() <= MOST_CLASSES
        ):
            (label,) = {*rows} - {name}
            problem = f"cells of {name} name a picture and a finding each, as {rows[name].iloc[0]}"
            remedy = f"Write a row per picture: {_command(places, 'findings', name, label)}."
            raise tree.error(problem, file=places.table, remedy=remedy)
    key = discovery.guess_key(rows, places.pictures, (), several=True)
    if key and len(key.rows) > len(places.pictures) / 2 and len({*key.rows}) >= LEAST_KEYS:
        problem = f"no column names the {counted(len(places.pictures), 'pictures')} below "
        problem += f"{places.images or '.'} ({', '.join(rows)}); cells of {key.name} begin the "
        problem += f"names of {len(key.rows):,}, but are in several rows that differ"
        remedy = "Keep one row per cell, or name the picture of each row in a column (--image); "
        sides = [name for name in rows if discovery.name_sides(rows[name])]
        if sides:
            remedy += (
                f"column {sides[0]} is no help, as neither names nor headers of pictures tell "
            )
            remedy += "sides; "
        remedy += "if each row is a finding, of which any counts for all pictures of its cell, "
        remedy += "give --findings."
        raise tree.error(problem, file=places.table, remedy=remedy)


def _beside(table: Path) -> Path:
    """Return the name of a table that a command makes of another, which is kept."""
    return table.with_name(f"{table.stem}_new.csv")


def _command(places: Places, what: str, column: str, label: str) -> str:
    """Return the command that writes a table anew, and the flag for what it writes."""
    table = Path(places.tree.root, places.tree.location, places.table)
    names = {"table": table, "column": column, "label": label, "list": _beside(table)}
    quoted = {name: shlex.quote(str(text)) for name, text in names.items()}
    return f"{ROWS[what].format(python=PYTHON, **quoted)}; then give --table {quoted['list']}"


def _refuse_unnamed(places: Places, rows: pd.DataFrame, key: discovery.Key | None) -> None:
    """Raise InputError for a table in which no column names pictures or patients."""
    tree, pictures = places.tree, places.pictures
    _refuse_copies(places, rows)
    _refuse_names_apart(places, rows)
    n = len(key.rows) if key else 0
    problem = f"no column names the {counted(len(pictures), 'pictures')} below "
    problem += f"{places.images or '.'} ({', '.join(rows)}), and none with one row per "
    problem += "patient has cells that begin their names"
    problem += f" (the cells of {key.name} begin {n:,})" if key and n else ""
    remedy = "Name the column of pictures with --image, or of patients with --patient, or give a "
    remedy += "pattern that finds patients in names, as in --patient '^Pat (\\d+)/', and the "
    remedy += f"folder where paths start with --images. A picture is called {pictures[0]}."
    if short := [cell for cell in rows.stack() if re.fullmatch(_ROUNDED, cell)]:
        problem += f"; ids such as {short[0]} are rounded"
        remedy = f"Format ids as text where the table was made, and export it again. {remedy}"
    if len(sheets := sheets_of(tree, places.table)) > 1:
        remedy = f"No other sheet does so either ({', '.join(sheets)}). {remedy}"
    raise tree.error(problem, file=places.table, remedy=remedy)


def _refuse_nameless(places: Places, rows: pd.DataFrame) -> None:
    """Raise InputError if the first row names a picture, or its folder, in place of columns."""
    # Names of columns, such as 2 or Grade 2, may equal a number of a picture or of a folder.
    titles = re.split(r"[\s;]+", next(iter(rows))) if len(rows.columns) == 1 else [*rows]
    folders = {name.rpartition("/")[0] for name in places.pictures} - {""}
    known = [title for title in titles if re.search(r"\d", title) and not title.isdecimal()]
    if discovery.match_names(known, places.pictures, places.images) or any(
        f"/{title.strip('/')}".endswith(f"/{folder}")
        for title in known
        if "/" in title
        for folder in folders
    ):
        table = Path(places.tree.root, places.tree.location, places.table)
        columns = ",".join(f"column{n}" for n in range(1, len(titles) + 1))
        remedy = f"Write names of columns above it, as with (echo {columns}; tr ' ;\\t' ',,,' < "
        remedy += f"{shlex.quote(str(table))}) > {shlex.quote(str(_beside(table)))}; "
        remedy += "then give that file with --table."
        problem = "the first row names a picture and not the columns"
        raise places.tree.error(problem, file=places.table, remedy=remedy)


class _Part(NamedTuple):
    """A table, or the ``sheet`` of a workbook, that has only a part of what is needed."""

    file: str
    sheet: str
    rows: pd.DataFrame

    def in_words(self) -> str:
        """Return the name of the sheet or of the table."""
        return f"sheet {self.sheet}" if self.sheet else Path(self.file).name


def _parts_beside(places: Places) -> Iterator[_Part]:
    """Yield the sheets of the table's workbook, and the tables of its folder, that can be read."""
    folder = places.table.rpartition("/")[0]
    tables = [name for name in places.tree.names if name.lower().endswith(TABLES)]
    beside = [name for name in tables if name.rpartition("/")[0] == folder]
    for file in [places.table, *(name for name in beside if name != places.table)][:MOST_TABLES]:
        sheets: list[str] = []
        with suppress(InputError):  # not a workbook of ours; reading it fails in the same way
            sheets = [*sheets_of(places.tree, file)]
        for sheet in sheets or [""]:
            with suppress(InputError):
                rows = read_table(places.tree, file, [], sheet=sheet).astype(object)
                yield _Part(file, sheet, rows)


def _refuse_labels_apart(places: Places, table: _Table, label: str) -> None:
    """Raise InputError if the label, perhaps of that name, is in another table."""
    sheets = sheets_of(places.tree, places.table)
    this = _Part(places.table, table.sheet or next(iter(sheets), ""), table.rows)
    for part in _parts_beside(places):
        column = discovery.guess_columns(part.rows, [], [], ("", ""))[0].get("label")
        name = column.name if column and not label else label
        if name in part.rows and part[:2] != this[:2]:
            problem = f"the label may be column {name} of {part.in_words()}"
            _refuse_apart(places, this, part, problem, name)


def _refuse_names_apart(places: Places, rows: pd.DataFrame) -> None:
    """Raise InputError if pictures are named in another table that can be joined with this."""
    sheets = sheets_of(places.tree, places.table)
    this = _Part(places.table, next(iter(sheets), ""), rows)
    for part in _parts_beside(places):
        folders = (places.images, "")
        image = discovery.guess_columns(part.rows, places.pictures, [], folders)[0].get("image")
        if image and part[:2] != this[:2]:
            problem = f"pictures are named in column {image.name} of {part.in_words()}"
            _refuse_apart(places, part, this, problem)


def _refuse_rows_apart(places: Places, table: _Table) -> None:
    """Raise InputError if rows of further pictures are in tables with the same columns.

    Its remedy is the command that writes one table of all, in which a column says from which table
    a row is: the split, if the tables are called after its parts.
    """
    image = table.columns.get("image")
    lacking = {*places.pictures} - _named_by(image, places, table)
    if image is None or table.key or not lacking:
        return
    rows_of_file = {part.file: part.rows for part in _parts_beside(places) if not part.sheet}
    this = rows_of_file.pop(places.table, pd.DataFrame())
    further = [
        file
        for file, rows in rows_of_file.items()
        if [*rows] == [*this] and lacking & _named_by(image, places, replace(table, rows=rows))
    ]
    if not further:
        return
    folder = Path(places.tree.root, places.tree.location)
    files = [places.table, *further]
    is_split = all(discovery.part_of(Path(file).stem) for file in files)
    column = "split" if is_split and "split" not in this else "table_of_row"
    new = shlex.quote(str(_beside(folder / places.table)))
    tables = shlex.join(str(folder / file) for file in files)
    stack = ROWS["stack"].format(python=PYTHON, column=column, list=new, tables=tables)
    listed = join_first_ten([Path(file).name for file in further], ", ")
    problem = f"rows of {len(lacking):,} pictures may be in tables with the same columns: {listed}"
    remedy = "Leave these pictures out with --leave-out pictures-without-rows, or write a table "
    remedy += f"of all: {stack}; then give --table {new}."
    raise places.tree.error(problem, file=places.table, remedy=remedy)


def _refuse_apart(
    places: Places, first: _Part, second: _Part, problem: str, label: str = ""
) -> None:
    """Raise InputError with the command that joins two tables, if they share a column of keys.

    The ``first`` names pictures; the ``second`` has a row for each key.
    """
    shared = {}
    for name, key in product(first.rows, second.rows):
        cells, keys = ({*column} - {""} for column in (first.rows[name], second.rows[key]))
        filled = second.rows.drop_duplicates()[key].loc[lambda column: column != ""]
        if len(keys) >= LEAST_KEYS and filled.is_unique and len(cells & keys) > len(cells) / 2:
            shared[name, key] = len(cells & keys), discovery.is_called_as_id(name)
    if not shared:
        return
    columns = max(shared, key=lambda pair: shared[pair])
    tree = places.tree
    folder = tree.root / tree.location
    words: list[str] = []
    for part, column in zip((first, second), columns, strict=True):
        words += [str(folder / part.file), part.sheet, column]
    new = shlex.quote(str(_beside(folder / places.table)))
    problem += f"; rows of both belong together by {' and '.join(dict.fromkeys(columns))}"
    join = ROWS["join"].format(python=PYTHON, tables=shlex.join(words), list=new)
    remedy = f"Join both: {join}; then give --table {new}"
    remedy += f" --label {shlex.quote(label)}." if label else "."
    raise tree.error(problem, file=places.table, remedy=remedy)


def _refuse_copies(places: Places, rows: pd.DataFrame) -> None:
    """Raise InputError if cells name files that are in several folders, as copies are."""
    files: dict[str, list[str]] = defaultdict(list)
    for name in places.pictures:
        file = name.rpartition("/")[2]
        for called in {file, discovery.file_stem(file)}:
            files[called].append(name)
    for column in rows:
        twice = [files[cell] for cell in {*rows[column]} if len(files.get(cell, ())) > 1]
        if len(twice) > rows[column].nunique() / 2:
            several = min(twice)
            problem = f"cells of {column} fit several files each, as {' and '.join(several[:3])}"
            remedy = "Give the folder of one kind with --images, or select one with --only, as in "
            remedy += (
                f"--only '{several[0].rpartition('/')[0]}/'; or write the folders into the cells."
            )
            raise places.tree.error(problem, file=places.table, remedy=remedy)


def _known_patients(places: Places, pattern: str) -> list[str]:
    """Return each picture's patient by a pattern or the DICOM headers; else an empty list."""
    if pattern:
        return read_names(pattern, places.pictures, "patient")
    root, tree = places.tree.root, places.tree
    locators = [tree.locator(join_name(places.images, name)) for name in places.pictures]
    if not named_in_headers(root, locators):
        return []
    from rin.data.dicom import patient_of  # pydicom is slow to load

    return [patient_of(root, locator) for locator in locators]


def _options_of(
    places: Places, table: _Table, leave_out: Collection[str], made: NewTask
) -> dict[str, Any]:
    """Return the options of the layout `table` for these columns."""
    tree, folder, mask_files = places.tree, places.images, places.mask_files
    names = {role: column.name for role, column in table.columns.items()}
    options: dict[str, Any] = {"table": Path(places.table).name, "sheet": table.sheet}
    options["run_lengths"] = table.run_lengths
    inside = "/" in places.table
    options |= {"images": folder or EVERYWHERE * inside, "patients": Path(table.patients).name}
    options |= {role: names.get(role, "") for role in ("image", "key", "label", "patient", "mask")}
    if table.of_study:
        options |= table.of_study
    elif table.key:
        options["row"] = "patient"
        options["level"] = table.key.level
    if places.masks or mask_files:
        options["masks"] = places.masks or folder or EVERYWHERE * inside
        if "mask" not in names:
            check_masks(places, made)
            image = names.get("image", NAME)
            if places.inner and (folder_of_masks := _one_folder(places, table, image)):
                options["masks"] = folder_of_masks
                places = replace(places, inner=None)
            options["mask_folders"] = folders_united(places)
            called = (discovery.without_folders(n, options["mask_folders"]) for n in mask_files)
            of_masks = _names_of_masks(replace(places, mask_files=sorted({*called})), image)
            parts = options.get("parts", {}) | of_masks.get("parts", {})
            options |= of_masks | {"parts": parts}
    if "split" in names:
        options["split"] = {"column": names["split"]}
    elif table.lists:
        options["split"] = {"lists": table.lists}
    options = {option: value for option, value in options.items() if value}
    others = {*tree.names} - places.files - {places.table, table.patients, *table.lists}
    if others:
        made.say("other files", f"{counted(len(others), 'files')}, not read")
    left = [word for kind, word in _OF_TABLES.items() if kind in leave_out]
    if left or others:
        options["leave_out"] = [*left, "files"]
    return options


def _one_folder(places: Places, table: _Table, image: str) -> str:
    """Return the folder in which masks are found by the names of pictures alone, if any.

    There is one such folder, or one in the folder of each patient and cells without folders.
    """
    (first, *others) = {name.rpartition("/")[0] for name in places.mask_files}
    if not others:
        return join_name(places.images, first)
    cells = table.rows.get(image, places.pictures)
    has_folders = any(re.search(r"[/\\]", cell) for cell in cells)
    return "" if has_folders or places.inner is None else places.inner.masks


def _names_of_masks(places: Places, image: str) -> dict[str, Any]:
    """Return the options by which masks are named after the picture in a column or template.

    The folder of the picture counts where masks of several folders are called alike.
    """
    pattern, masks = places.mask_pattern, places.mask_files
    template, stem = discovery.mask_template(pattern, masks), _STEM
    if word := discovery.word_lacked(pattern, masks, places.pictures):
        around = rf"(?P<stem>[^/\\]*?[^A-Za-z/\\]){word}(?P<tail>(?![A-Za-z])[^/\\]+?)"
        stem = stem.replace(r"(?P<stem>[^/\\]+?)", around)
    if channel := discovery.channel_lacked(pattern, masks, places.pictures):
        template = template or "{stem}"
        stem = stem.replace("+?)", f"+?){re.escape(channel)}")
    if start := discovery.start_lacked(pattern, masks, places.pictures):
        stem = stem.replace("(?P<stem>", f"(?:{re.escape(start)})?(?P<stem>")
    if places.inner:
        inner = places.inner.pictures
        folder = rf"(?:{re.escape(inner)}[/\\])?" if inner else ""
        stem = _LEAST_ABOVE + folder + stem.removeprefix(_ANY_ABOVE)
        template = f"{{above}}{places.inner.masks}/{template or '{stem}'}"
        return {"mask": template, "parts": {image: stem}}
    if not template:
        return {}
    folder_and_file = re.fullmatch("({.+}/){(.+)}", image)
    above, image = folder_and_file.groups() if folder_and_file else ("", image)
    if not above and len({name.rpartition("/")[2] for name in masks}) < len(masks):
        above, stem = "{above}", _ABOVE + (stem if "{" in template else r"[^/\\]+")
    return {"mask": above + template, "parts": {image: stem}}


def _refuse_other_folders(places: Places, parts: Sequence[Sequence[str]]) -> None:
    """Raise InputError if the outermost folders are parts of a split or seem to be patients."""
    tree = places.tree
    outermost = sorted({names[0] for names in parts if len(names) > 1})
    depth = min(map(len, parts)) - 1
    if depth == 1 and outermost and all(map(discovery.part_of, outermost)):
        refuse_unread(places)
        remedy = (
            "Give a --table with the class of each picture, or make a folder per class in each"
        )
        remedy += f"; or tell classes by masks: --label {IN_MASKS}." if places.mask_files else "."
        raise tree.error(f"folders are not classes: {', '.join(outermost)}", remedy=remedy)
    for level in range(1, depth):
        names = sorted({folders[level] for folders in parts})
        if len(outermost) > MOST_CLASSES and len(names) in range(2, MOST_CLASSES):
            label = _label_at(level, names)
            refuse_unread(places)
            problem = f"{len(outermost)} folders are too many for classes, and contain "
            problem += join_first_ten(names, ", ")
            remedy = f"If they are patients that contain the classes, give --label '{label}' "
            raise tree.error(problem, remedy=f"{remedy}--patient '^([^/]+)/'.")
    if len(outermost) > MOST_CLASSES and all(re.search(r"\d", name) for name in outermost):
        refuse_unread(places)
        remedy = (
            "If they are patients, give a --table with one row per patient, read classes from "
        )
        remedy += "names with --label PATTERN, or from masks with --label masks."
        shown = join_first_ten(outermost, ", ")
        raise tree.error(
            f"{len(outermost)} folders are too many for classes: {shown}", remedy=remedy
        )


def _label_at(level: int, names: Sequence[str]) -> str:
    """Return the pattern of classes in folders below others, at this level."""
    ends = {match[1] if (match := re.search(r"[ _-]([A-Za-z]+)$", n)) else "" for n in names}
    # Of study1_positive and study2_positive the class is positive.
    is_end = "" not in ends and 2 <= len(ends) < len(names)
    return "^" + level * _ANY_FOLDER + ("[^/]*[ _-]([A-Za-z]+)/" if is_end else "([^/]+)/")


def _folder_of_kind(tree: Tree, parts: Sequence[Sequence[str]], depth: int) -> str:
    """Return the folder, as of images, that is alone in every class; empty if there is none.

    InputError if the same few folders, as of images and masks, are in every class.
    """
    inside: dict[str, set[str]] = defaultdict(set)
    for folders in parts:
        inside[folders[depth]].add(folders[depth + 1])
    kinds = inside[parts[0][depth]]
    if len(inside) < 2 or len(kinds) > 3 or any(names != kinds for names in inside.values()):
        return ""
    if len(kinds) == 1:
        return min(kinds)
    remedy = f"If the classes are {join_first_ten(sorted(inside), ', ')}, give "
    remedy += (
        f"--label '^{depth * _ANY_FOLDER}([^/]+)/', and select pictures of one kind, as with "
    )
    remedy += f"--only '/{re.escape(min(kinds))}/'."
    problem = f"the same folders are in every class: {join_first_ten(sorted(kinds), ', ')}"
    raise tree.error(problem, remedy=remedy)


def _refuse_classes_below(tree: Tree, parts: Sequence[Sequence[str]], depth: int) -> None:
    """Raise InputError if folders below those of classes are few and none has a number.

    Folders of patients are rarely so, and folders of classes are.
    """
    above, below = (sorted({folders[level] for folders in parts}) for level in (depth, depth + 1))
    numbered = any(re.search(r"\d", name) for name in below)
    if numbered or len(above) < 2 or len(below) > MOST_CLASSES:
        return
    at_below, at_above = (f"^{level * _ANY_FOLDER}([^/]+)/" for level in (depth + 1, depth))
    raise tree.error(
        f"{len(below)} folders below {join_first_ten(above, ', ')} are called like no patient: "
        f"{join_first_ten(below, ', ')}",
        remedy=f"If these are the classes, give --label '{at_below}'; if those above them are, "
        f"--label '{at_above}'; if these are patients, --patient '{at_below}'.",
    )


def _classes_of_rows(
    places: Places, table: _Table, leave_out: Collection[str], unlabelled: bool
) -> Counter[str]:
    """Return how many pictures, or rows, have each label.

    InputError for rows without a label, unless they are ``unlabelled``, a class of their own.
    """
    tree, rows, label = places.tree, table.rows, table.columns["label"].name
    names = table.key.name if table.key else table.columns["image"].name
    if table.key:
        rows = rows.loc[table.key.rows]
    elif "rows-without-pictures" in leave_out:
        known = discovery.match_names({*rows[names]} - {""}, places.pictures, places.images)
        rows = rows[rows[names].isin(known)]
    labels = rows[label]
    empty = rows[labels.map(discovery.says_nothing) & ((labels != "") | (not unlabelled))]
    if len(empty) and "unlabelled" not in leave_out:
        cells = dict.fromkeys(f"{name} (row {row + 2})" for row, name in empty[names].items())
        remedy = "Fill the cell, or leave such rows out with --leave-out unlabelled."
        if column := _column_of_labels(places, table, label, empty):
            command = _command(places, "labels", column, label)
            remedy = f"Other rows of equal {column} have one: {command} --leave-out "
            remedy += "rows-without-pictures. Or leave such rows out with --leave-out unlabelled."
        else:
            remedy += " If an empty cell means no, count it with --negative unlabelled."
        problem = f"rows have no label in column {label}"
        if words := sorted({*labels[empty.index]} - {""}):
            problem = f"rows have no label but {join_first_ten(words)} in column {label}"
        tree.raise_if_any(cells, problem, file=places.table, remedy=remedy)
    return Counter(labels)


def _column_of_labels(places: Places, table: _Table, label: str, empty: pd.DataFrame) -> str:
    """Return the column by which rows without a label belong to one with a label, if any.

    In exports of several forms the label is in the row of the patient, the picture in others.
    Rows with a picture and a label, as of other studies of the patient, say nothing of these.
    """
    rows, image = table.rows, table.columns.get("image")
    with_picture = table.key.rows if table.key else []
    if image:
        cells = {*rows[image.name]} - {""}
        known = discovery.match_names(cells, places.pictures, places.images)
        with_picture = [*rows.index[rows[image.name].isin(known)]]
    labelled = rows[rows[label] != ""]
    if labelled.index.isin(with_picture).any():
        return ""
    for name in filter(discovery.is_called_as_id, rows):
        numbers = labelled.groupby(name)[label].nunique()
        of_rows = {*empty[name]} - {""}
        if len(of_rows) >= LEAST_KEYS and of_rows <= {*numbers.index[numbers == 1]}:
            return str(name)
    return ""
