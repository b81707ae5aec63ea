"""From a folder of somebody's own to a manifest and a profile that run: what `rin new` does.

Everything is looked at before anything is written: columns, paths, every picture, patients with
two labels, near-duplicates, whether folds are possible.  What was guessed stands in the manifest
with a comment; what cannot be guessed is asked, or is an error that says which flag decides it.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rin.data import discovery
from rin.data.dataset import (
    Dataset,
    case_problems,
    marks_nothing,
    open_dataset,
    wrapped_in_words,
)
from rin.data.layouts import find_cases
from rin.data.layouts.found import read_table
from rin.data.layouts.table import UNLABELLED, read_split
from rin.data.leakage import check_splits, leak_free_groups, suggest_threshold
from rin.data.manifest import PARTS, DatasetManifest, datasets_of_tasks, manifest_names
from rin.data.pixels import show_colour, window_of_all
from rin.data.splits import LEAST, MAX_FOLDS, fold_sizes, given_folds, make_folds
from rin.data.status import patients_in_words
from rin.data.store import inspect_cases, refuse_bad
from rin.data.tree import PICTURES, Tree, is_dicom, open_tree
from rin.errors import InputError, counted, explained, join_first_ten, look_up
from rin.files import manifest_folder, read_yaml
from rin.study import forecast
from rin.study.profile import Profile, profile_folder, profile_names
from rin.study.setting import available_weights

#: Settings that do not depend on the images, and what is said of weights.
_TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Value of ``--split`` with which a split that comes with the table is left aside.
NO_SPLIT = "none"
#: The name of a picture in a column, without folder and ending.
_STEM = r"(?:.*[/\\])?(?P<stem>[^/\\]+?)(?i:" + "|".join(map(re.escape, PICTURES)) + ")?"
#: Seed of a profile that names none.
_SEED = Profile.model_fields["seed"].default
#: Patients of a class that every fold must test for an interval, and below which it says little.
_LEAST_TESTED, _FEW_TESTED = LEAST[PARTS.index("test")], 10
_MOST_CLASSES = 20  # of which one may be chosen as the positive one
#: Classes that are at least so alike, of 1, may be one that is misspelt.
_ALIKE = 0.85
#: Answers a question, which a flag decides, with one of some choices or a default.
Ask = Callable[[str, str, Sequence[str], str], str]


@dataclass
class NewTask:
    """What was found of somebody's own images, and the two files that follow from it.

    ``facts`` are rows of the screen: what, text, style; ``notes`` comment on the manifest.
    """

    name: str
    data_root: Path
    texts: dict[Path, str] = field(default_factory=dict)
    facts: list[tuple[str, str, str]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def say(self, what: str, text: str, style: str = "") -> None:
        """Add a row to the screen."""
        self.facts.append((what, text, style))


@dataclass(frozen=True)
class _Places:
    """A tree with the folders of pictures and masks, the names in them, and the table.

    ``mask_names`` is the pattern of ``outlines``; masks without a folder lie beside the pictures.
    """

    tree: Tree
    images: str
    masks: str
    table: str
    pictures: list[str]
    outlines: list[str]
    mask_names: str

    @property
    def files(self) -> set[str]:
        """Names in the tree of pictures and masks."""
        pictures = {_join(self.images, name) for name in self.pictures}
        return pictures | {_join(self.masks or self.images, name) for name in self.outlines}


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _absolute(path: Path) -> Path:
    # Links stay as they are: they may lead far from the folder that somebody has put them into.
    return Path(os.path.normpath(path.absolute()))


def refuse_to_guess(question: str, flag: str, choices: Sequence[str], default: str) -> str:
    """Answer a question with its default; InputError, naming the choices, where there is none."""
    if default:
        return default
    remedy = f"Say it with {flag}: {', '.join(choices)}."
    raise InputError(f"{question} cannot be guessed", where=flag, remedy=remedy)


def new_task(
    name: str,
    *,
    images: Path,
    table: Path | None = None,
    masks: Path | None = None,
    image: str = "",
    label: str = "",
    patient: str = "",
    split: str = "",
    positive: Sequence[str] = (),
    minutes: float = 15,
    leave_out: bool = False,
    several: bool = False,
    distinct: bool = False,
    window: tuple[float, float] | None = None,
    data_root: Path | None = None,
    results: Path = Path("results"),
    ask: Ask = refuse_to_guess,
    measure: Callable[[], forecast.Pace] = forecast.measure_pace,
) -> NewTask:
    """Look at somebody's own images and return the manifest and the profile of a task on them.

    Parameters are the options of `rin new`: ``image``, ``label``, ``patient`` and ``split`` name
    columns of the table; ``patient`` may also be a pattern of file names, or of paths where it
    holds a slash; ``leave_out``, ``several`` and ``distinct`` accept what is else refused.
    Nothing is written but inspections below ``results``.  InputError for everything that would
    stop a training later.
    """
    if name in {*manifest_names(), *profile_names(), *datasets_of_tasks()}:
        remedy = "Choose another name, or first delete the two files that rin new wrote of it."
        raise InputError(f"{name!r} is a dataset, profile or task", where="NAME", remedy=remedy)
    if not table or "(" in patient:
        _check_pattern(patient)
    root, places = _find_places(images, table, masks, data_root, results)
    tree, made = places.tree, NewTask(name, root)
    made.say("folder", tree.place())
    if table:
        roles = {"image": image, "label": label, "patient": patient, "split": split}
        options, classes = _read_columns(places, roles, leave_out, made, ask)
    else:
        options, classes = _read_folders(places, made)
    labels = _read_labels(classes, positive, table or images, made, ask)
    if not distinct:
        _refuse_alike_classes(classes, labels, table or images)
    positive_class, other_class = dict.fromkeys(label for label in labels.values() if label)
    title = f"{positive_class.capitalize()} or {other_class}, {name}"
    task = {"name": name, "title": title, "positive_class": positive_class, "n_folds": 1}
    locators = [tree.locator(_join(places.images, name)) for name in places.pictures]
    fields: dict[str, Any] = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        **_TEXTS["manifest"],
        "color": show_colour(tree.root, locators),
        "layout": "table" if table else "folder_classes",
        "options": options,
        "locations": [tree.location],
        **_patients_of(tree.root, locators, options, patient, made),
        "patient_labels": "several" if several else "one",
        "masks": bool({"mask", "masks"} & {*options}),
        "label_map": labels,
        "tasks": [task],
        **_window_of(tree.root, locators, window, made),
    }
    if not fields["masks"]:
        _hint_at_masks(images, made)
    pairs = _inspect(places, fields, made, results, leave_out, distinct)
    inspected = DatasetManifest.model_validate(fields)
    dataset = open_dataset(inspected, root, index_folder=results / "index")
    folds, fewest = _divide(dataset, pairs, split)
    fields["tasks"][0]["n_folds"] = int(folds["fold"].nunique())
    _describe(made, dataset, pairs, folds, fewest)
    made.texts[manifest_folder() / f"{name}.yaml"] = _manifest_text(fields, made.notes)
    profile = _profile(made, dataset, folds, minutes, measure())
    made.texts[profile_folder() / f"{name}.yaml"] = profile
    return made


def write_task(made: NewTask) -> list[Path]:
    """Write manifest and profile; InputError where one is there already."""
    for path, text in made.texts.items():
        remedy = "Choose another name, or see to that folder; nothing is overwritten."
        refused = explained("it cannot be written", where=path, remedy=remedy, kinds=OSError)
        with refused, path.open("x", encoding="utf-8") as file:
            file.write(text)
    return [*made.texts]


def _check_pattern(pattern: str) -> None:
    """Raise InputError unless a pattern of patients is none, or says what of a name is kept."""
    remedy = "Write brackets around what tells patients, as in '^(P[0-9]+)_'."
    kinds = (re.error, ValueError)
    with explained("no pattern of names", where="--patient", remedy=remedy, kinds=kinds):
        if pattern and not re.compile(pattern).groups:
            raise ValueError(f"{pattern!r} keeps nothing of a name")


def _find_places(
    images: Path, table: Path | None, masks: Path | None, data_root: Path | None, results: Path
) -> tuple[Path, _Places]:
    """Return the data root, and what lies in the folder that holds all that was given."""
    given = {"--images": images, "--table": table, "--masks": masks}
    paths = {flag: _absolute(path) for flag, path in given.items() if path}
    folders = []
    for flag, path in paths.items():
        kind = "file" if flag == "--table" else "folder"
        if not (path.is_file() if kind == "file" else path.is_dir()):
            where, remedy = f"{flag} {given[flag]}", "Check the path; quote spaces; unpack a zip."
            raise InputError(f"there is no such {kind}", where=where, remedy=remedy)
        folders.append(path.parent if kind == "file" else path)
    above = Path(os.path.commonpath(folders))
    names = {flag: path.relative_to(above).as_posix() for flag, path in paths.items()}
    if names["--images"].count("/") > 2 or above == Path(above.anchor):
        remedy = "Put them into one folder, or link them: ln -s /where/they/are FOLDER/images."
        raise InputError("images and table share no folder", where=above, remedy=remedy)
    if _absolute(results).is_relative_to(above):
        remedy = "Put images and table into a folder of their own, and call rin from outside it."
        problem = f"results would lie among the images, in {_absolute(results)}"
        raise InputError(problem, where=above, remedy=remedy)
    root = _absolute(data_root) if data_root else above.parent
    inside = root in above.parents
    tree = open_tree(root, above.relative_to(root).as_posix() if inside else above.as_posix())
    folder, drawn = (names.get(flag, "").removeprefix(".") for flag in ("--images", "--masks"))
    files = [name for name in tree.names if tree.is_picture(name)]
    pictures, outlines, mask_names = discovery.sort_pictures(files, folder, drawn)
    if not pictures:
        others = [name for name in tree.names if name.startswith(_join(folder, ""))]
        problem = f"there are no pictures among its files ({_endings(others) or 'none'})"
        remedy = "Readable are PNG, JPEG, TIFF, BMP, DICOM and NumPy: convert others, or name the "
        remedy += "right folder."
        raise InputError(problem, where=f"--images {images}", remedy=remedy)
    table_name = names.get("--table", "")
    return root, _Places(tree, folder, drawn, table_name, pictures, outlines, mask_names)


def _endings(names: Iterable[str]) -> str:
    """Return in words how many files have which ending."""
    kinds = Counter(Path(name).suffix.lower() or "without ending" for name in names)
    return ", ".join(f"{n} {ending}" for ending, n in kinds.items())


def _read_labels(
    classes: Counter, positive: Sequence[str], where: Path, made: NewTask, ask: Ask
) -> dict[str, str | None]:
    """Return the label of each class, positive ones first; None for what is no class."""
    nothing = [value for value in classes if discovery.says_nothing(value)]
    present, problem = sorted({*classes} - {*nothing}), ""
    if len(present) < 2:
        problem = f"there is one class only ({join_first_ten(present) or 'none'})"
        remedy = "Two are needed: name the column with --label, or a folder a class with --images."
    elif len(present) > _MOST_CLASSES and not positive:
        problem = f"there are {len(present)} classes ({join_first_ten(present, ', ')})"
        remedy = "Name a column with a few classes by --label, or the positive ones by "
        remedy += "--positive; of numbers, make classes first."
    elif UNLABELLED in present and "" in classes:
        problem = f"a class is called {UNLABELLED}, as rows without a label are"
        remedy = "Call that class otherwise, or fill its empty cells."
    if problem:
        raise InputError(problem, where=where, remedy=remedy)
    guess = "" if positive else discovery.guess_positive(present)
    positive = positive or [ask("The positive class", "--positive", present, guess)]
    for value in positive:
        look_up("class (--positive)", value, present)
    others = [value for value in present if value not in positive]
    if not others:
        remedy = "Leave one of them out: the others are compared with it."
        raise InputError("every class is positive", where="--positive", remedy=remedy)
    other = others[0] if len(others) == 1 else f"not {positive[0]}"
    labels = dict.fromkeys(positive, positive[0]) | dict.fromkeys(others, other)
    made.notes["label_map"] = "the positive class first; all others are compared with it"
    made.notes["tasks"] = f"positive_class {'by its word' if guess in positive else 'as you said'}"
    if len(present) > 2:
        said = [f"{value} {classes[value]:,} as {labels[value]}" for value in present]
        made.say("classes joined", ", ".join(said), "yellow")
    if nothing:
        n = sum(classes[value] for value in nothing)
        made.say("unlabelled", counted(n, "pictures are left out"), "yellow")
    return labels | {value or UNLABELLED: None for value in nothing}


def _refuse_alike_classes(classes: Counter, labels: dict[str, str | None], where: Path) -> None:
    """Raise InputError where a class may be another one that is spelt in another way."""
    present = sorted(label for label in classes if labels.get(label))
    for first, second in combinations(present, 2):
        plain = [unicodedata.normalize("NFKC", value).casefold() for value in (first, second)]
        numbers = [re.sub(r"\D", "", value) for value in plain]
        prefixed = plain[0].endswith(plain[1]) or plain[1].endswith(plain[0])  # as abnormal
        # Two classes are what is compared, and of one label they are one anyway.
        matters = len(present) > 2 and labels[first] != labels[second] and numbers[0] == numbers[1]
        near = SequenceMatcher(None, *plain).ratio() >= _ALIKE and not prefixed
        if plain[0] == plain[1] or (matters and near):
            both = f"{first} ({classes[first]}) and {second} ({classes[second]})"
            remedy = "Spell each class in one way: capitals count; or say --distinct."
            raise InputError(f"{both} look like one class", where=where, remedy=remedy)


def _read_folders(places: _Places, made: NewTask) -> tuple[dict[str, Any], Counter]:
    """Return the options of the layout `folder_classes`, and the pictures of each class."""
    tree, pictures, options = places.tree, places.pictures, {"leave_out": ["files"]}
    if places.mask_names or places.masks:
        _check_masks(places, made)
        options["mask"] = places.mask_names
        options |= {"masks": places.masks} if places.masks not in ("", places.images) else {}
    strange = sorted(set(filter(tree.is_picture, tree.names)) - places.files)
    remedy = "Put pictures and masks into a folder of their own, or link them there."
    tree.raise_if_any(strange, "pictures lie in other folders", remedy=remedy)
    parts = [name.split("/") for name in pictures]
    splits = sorted({folders[0] for folders in parts if len(folders) > 2})
    depth = int(bool(splits) and all(map(discovery.part_of, splits)))
    if depth:
        options["splits"] = splits
        made.say("parts", f"{', '.join(splits)}: put together, divided anew by patients", "yellow")
    if {len(folders) for folders in parts} == {depth + 3}:
        options["patients"] = True
    deepest = depth + (3 if "patients" in options else 2)
    strange = ["/".join(folders) for folders in parts if len(folders) != deepest]
    remedy = "Each class is a folder of pictures, or of patients' folders; or give a --table."
    tree.raise_if_any(strange, "pictures lie in no folder of a class", remedy=remedy)
    return options, Counter(folders[depth] for folders in parts)


def _read_columns(
    places: _Places, roles: dict[str, str], leave_out: bool, made: NewTask, ask: Ask
) -> tuple[dict[str, Any], Counter]:
    """Return the options of the layout `table`, and how often each label stands in the table."""
    tree, table = places.tree, places.table
    rows = read_table(tree, table, []).astype(object)
    if rows.empty:
        raise tree.error("the table has no rows", file=table, remedy="Give it a row a picture.")
    if not table.lower().endswith((".parquet", ".xlsx")):
        text, encoding = discovery.decode(tree.read(table))
        separator = discovery.separator_of(text).replace("\t", "tab")
        made.say("table", f"{Path(table).name}, {encoding}, cells separated by “{separator}”")
    elif table.lower().endswith(".xlsx"):
        made.say("table", f"{Path(table).name}, its first sheet")
    pictures, outlines, folder = places.pictures, places.outlines, places.images
    drawn = places.masks or folder
    columns, reasons, classes = discovery.guess_columns(rows, pictures, outlines, (folder, drawn))
    for role, column in roles.items():
        pattern = role == "patient" and column not in rows and "(" in column
        if (role, column) == ("split", NO_SPLIT) or pattern:
            columns.pop(role, "")
            reasons.pop(role, "")
        elif column:
            columns[role] = look_up(f"column (--{role})", column, [*rows])
            reasons[role] = "as you said"
    if "image" not in columns:
        problem = f"no column names the {counted(len(pictures), 'pictures')} below {folder or '.'}"
        remedy = "Name it with --image, and the folder that its paths start at with --images. "
        remedy += f"A picture is called {pictures[0]}."
        raise tree.error(f"{problem} ({', '.join(rows)})", file=table, remedy=remedy)
    if "label" not in columns:
        free = [name for name in rows if name not in columns.values()]
        answer = ask("The column of the label", "--label", classes or free, "")
        columns["label"] = look_up("column (--label)", answer, [*rows])
        reasons["label"] = "as you said"
    for role, reason in reasons.items():
        made.say(f"{role} column", f"{columns[role]} ({reason})")
    made.notes["options"] = "; ".join(f"{role}: {reason}" for role, reason in reasons.items())
    labels = rows[columns["label"]]
    empty = rows[labels.map(discovery.says_nothing)]
    if len(empty) and not leave_out:
        cells = [f"{name} (row {row + 2})" for row, name in empty[columns["image"]].items()]
        remedy = "Fill the cell, or leave such rows out with --leave-out."
        problem = f"rows have no label in column {labels.name}"
        if words := sorted({*labels[empty.index]} - {""}):
            problem = f"rows have no label but {join_first_ten(words)} in column {labels.name}"
        tree.raise_if_any(cells, problem, file=table, remedy=remedy)
    options = {"table": Path(table).name, "images": folder}
    options |= {role: columns.get(role, "") for role in ("image", "label", "patient", "mask")}
    if places.masks or outlines:
        options["masks"] = drawn
        if "mask" not in columns:
            _check_masks(places, made)
            if template := discovery.mask_template(places.mask_names, outlines):
                options |= {"mask": template, "parts": {columns["image"]: _STEM}}
    if "split" in columns:
        options["split"] = {"column": columns["split"]}
    options = {option: value for option, value in options.items() if value}
    if others := {*tree.names} - places.files - {table}:
        options["leave_out"] = ["files"]
        made.say("other files", f"{counted(len(others), 'files')}, not read")
    if leave_out:
        options["leave_out"] = ["rows", "pictures", "files"]
    return options, Counter(labels)


def _check_masks(places: _Places, made: NewTask) -> None:
    """Say how masks are called; InputError where none is called like a picture."""
    outlines = places.outlines
    if not places.mask_names:
        example = outlines[0] if outlines else "nothing"
        problem = f"no mask is called like a picture (a mask is called {example})"
        remedy = "Call masks like their pictures, _mask behind if you like, or name them in a "
        remedy += "column of a --table."
        raise InputError(problem, where=f"--masks {places.masks}", remedy=remedy)
    made.say("masks", f"{counted(len(outlines), 'files')}, by names such as {outlines[0]}")


def _hint_at_masks(images: Path, made: NewTask) -> None:
    """Say which folder below the pictures, or beside them, is called as folders of masks are."""
    words = tuple(discovery.COLUMNS["mask"])
    for path in (*images.iterdir(), *images.parent.iterdir()):
        if path.is_dir() and path != images and discovery.plain(path.name).startswith(words):
            made.say("masks", f"none are read: --masks {path} would read that folder", "yellow")


def _patients_of(
    root: Path, locators: Sequence[str], options: dict[str, Any], patient: str, made: NewTask
) -> dict[str, Any]:
    """Return the settings of what tells patients, and note how that was found."""
    settings = {"independence": "patient"}
    if "patient" in options:
        reason = "a column of the table names patients"
    elif patient:
        settings["patient_pattern"], reason = patient, "names of files tell patients, as you said"
    elif "patients" in options:
        reason = "each folder below a class is taken for a patient"
        made.say("patient folders", reason, "yellow")
    elif _named_in_headers(root, locators):
        settings["patients_in_headers"], reason = True, "nothing but DICOM headers names patients"
        made.say("patients in", "the headers of the DICOM files (PatientID)")
    else:
        settings["independence"], reason = "image", "nothing names patients: each picture is one"
    made.notes["independence"] = reason
    return settings


def _named_in_headers(root: Path, locators: Sequence[str]) -> bool:
    """Return whether pictures are DICOM files that name several patients, as some of them tell."""
    from rin.data.dicom import patient_of  # pydicom is slow to load

    patients = set()
    for locator in locators[:: 1 + len(locators) // 50]:
        try:
            patients.add(patient_of(root, locator))
        except InputError:  # no DICOM file, or none that names its patient
            return False
    return len(patients) > 1


def _window_of(
    root: Path, locators: Sequence[str], window: tuple[float, float] | None, made: NewTask
) -> dict[str, list[float]]:
    """Return the setting of the window, none where pictures are shown as they are stored."""
    if window:
        return {"window": [*window]}
    if whole := window_of_all(root, locators):
        made.notes["window"] = "center and width, guessed: all values of the bits in use"
        text = f"{whole[0]:g},{whole[1]:g}: all values of the pictures (--window for another)"
        made.say("window", text, "yellow")
        return {"window": [*whole]}
    if scans := [locator for locator in locators if is_dicom(locator)]:
        from rin.data.dicom import stores_window  # pydicom is slow to load

        without = 0
        for locator in scans:
            with suppress(InputError):  # the inspection of all names the broken ones
                without += not stores_window(root, locator)
        others = f"; {counted(without, 'files have')} none: all their values" if without else ""
        made.say("window", f"as stored in the DICOM files{others} (--window for another)")
    return {}


def _inspect(
    places: _Places,
    fields: dict[str, Any],
    made: NewTask,
    results: Path,
    leave_out: bool,
    distinct: bool,
) -> pd.DataFrame:
    """Read every picture, add counts and bits of near-duplicates to the manifest; return these."""
    tree, manifest = places.tree, DatasetManifest.model_validate(fields)
    listed = find_cases(tree, manifest)
    if manifest.layout == "table" and leave_out:
        n_rows, n_pictures = len(read_table(tree, places.table, [])), len(places.pictures)
        for what, n in (("rows without pictures", n_rows), ("pictures without rows", n_pictures)):
            if n > len(listed):
                made.say("left out", counted(n - len(listed), what), "yellow")
    labelled = listed[listed["label"].notna()]
    cases, bad = inspect_cases(tree.root, labelled, manifest, folder=results / "index")
    refuse_bad(bad, len(listed), tree.place(), manifest)
    if manifest.independence == "patient" and not distinct:
        _refuse_alike_patients(cases["patient_id"], tree.place(places.table))
    if n_wrapped := int(cases["wrapped"].sum()):
        fields["unwrap_ct"] = False
        made.notes["unwrap_ct"] = "true puts air of CT that wrapped to 3,000 and more back"
        wrapped = cases.loc[cases["wrapped"], "case_id"].tolist()
        text = f"{wrapped_in_words(n_wrapped, False)} in the manifest "
        text += f"({join_first_ten(wrapped, ', ')})"
        made.say("wrapped CT", text, "bold red")
    classes = listed["source_class"]
    fields["counts"] = {"images": classes.value_counts().sort_index().to_dict()}
    if manifest.masks:
        fields["counts"]["masks"] = listed["masks"].map(len).groupby(classes).sum().to_dict()
        fields["counts"]["empty_masks"] = int(marks_nothing(cases).sum()) if leave_out else 0
    if wrong := case_problems(DatasetManifest.model_validate(fields), cases):
        kind, problem, remedy = wrong[0]
        remedy = _TEXTS["remedies"].get(kind, remedy)
        raise InputError(problem, where=tree.place(places.table), remedy=f"{remedy}.")
    bits, pairs = suggest_threshold(cases)
    fields["near_duplicate_bits"] = bits
    rule = "largest of 40, 24, 16 and 8 bits (of 256) that links no chains"
    made.notes["near_duplicate_bits"] = f"{rule}: {counted(len(pairs), 'pairs')}"
    return pairs


def _refuse_alike_patients(patients: pd.Series, where: str) -> None:
    """Raise InputError where patients differ in capitals, spaces or leading zeros alone.

    Cells that say nothing would also make one patient of several.
    """
    names = pd.Series(patients.unique())
    if nameless := [name for name in names if discovery.says_nothing(name) or name == "None"]:
        remedy = "Fill these cells, or give --distinct if a patient is called so."
        problem = f"{counted(int(patients.isin(nameless).sum()), 'pictures are')} of patients "
        problem += f"without a name ({join_first_ten(nameless)})"
        raise InputError(problem, where=where, remedy=remedy)
    plain = names.str.strip().str.casefold().str.replace(r"(?<!\d)0+(?=\d)", "", regex=True)
    alike = [" and ".join(several) for _, several in names.groupby(plain) if len(several) > 1]
    if alike:
        remedy = "Spell each patient in one way, or give --distinct if they are several."
        raise InputError(
            f"{join_first_ten(alike)} look like one patient", where=where, remedy=remedy
        )


def _divide(dataset: Dataset, pairs: pd.DataFrame, column: str) -> tuple[pd.DataFrame, int]:
    """Return the folds, of the table or drawn, and the fewest patients of a class in a test."""
    manifest, cases = dataset.manifest, dataset.cases
    tree = open_tree(dataset.root, dataset.location)
    groups, where = leak_free_groups(cases, pairs), tree.place()
    remedy = f"Correct the column, or leave it aside with --split {NO_SPLIT}."
    if "split" not in manifest.options:
        folds = make_folds(cases, groups, 5, _SEED, where=where)
    else:
        column = column or manifest.options["split"]["column"]
        where = f"{tree.place(manifest.options['table'])}: column {column}"
        values = {*read_split(tree, manifest)} - {""}
        n_folds = 1 if values <= {*PARTS} else min(MAX_FOLDS, len(values))
        try:
            folds = given_folds(dataset, groups, n_folds, _SEED)
            check_splits(cases, folds, pairs)
        except InputError as error:
            raise InputError(error.problem, where=where, remedy=remedy) from error
    group = groups.loc[cases["case_id"]].to_numpy()
    tested = cases.assign(group=group).merge(folds[folds["part"] == "test"], on="case_id")
    patients = tested.groupby(["fold", "label"])["group"].nunique()
    if patients.min() < _LEAST_TESTED:
        fold, label = patients.idxmin()
        problem = f"fold {fold + 1} tests {counted(patients.min(), 'patients')} with {label}, and "
        problem += f"an interval needs {_LEAST_TESTED} of each class"
        raise InputError(problem, where=where, remedy=remedy)
    return folds, int(patients.min())


def _describe(
    made: NewTask, dataset: Dataset, pairs: pd.DataFrame, folds: pd.DataFrame, fewest: int
) -> None:
    """Add to the screen what the pictures are."""
    manifest, cases = dataset.manifest, dataset.cases
    endings = _endings(cases["image"])
    sides = cases[["width", "height"]].to_numpy()
    shape = f"{sides.min()} to {sides.max()} px, {'colour' if manifest.color else 'grey'}"
    made.say("pictures", f"{len(cases):,} ({endings}), {shape}")
    if blank := [*cases["case_id"][cases["blank"]]]:
        text = f"{counted(len(blank), 'pictures are')} of one shade all over: "
        text += join_first_ten(blank, ", ")
        made.say("blank pictures", text, "yellow")
    _describe_patients(made, manifest, cases)
    classes, positive = cases["label"].value_counts(), manifest.tasks[0].positive_class
    others = [f"{label} {n:,}" for label, n in classes.items() if label != positive]
    made.say("classes", ", ".join([f"{positive} {classes[positive]:,} (positive)", *others]))
    if manifest.masks:
        drawn, plain = cases["masks"].map(len), manifest.counts.empty_masks
        without = int((drawn == 0).sum())
        if drawn.eq(1).all():
            text = f"{len(cases):,} masks, one per picture"
        else:
            text = f"{drawn.sum():,} masks of {len(cases) - without:,} pictures"
            text += f", {counted(without, 'pictures')} without one" if without else ""
        text += f"; {counted(plain, 'masks mark')} nothing or everything" if plain else ""
        made.say("masks read", text, "yellow" if plain or without else "")
    labels = cases.set_index("case_id")["label"]
    label_a, label_b = (labels.loc[pairs[case]].to_numpy() for case in ("case_a", "case_b"))
    text = f"{counted(len(pairs), 'pairs')} within {manifest.near_duplicate_bits} of 256 bits, "
    text += "kept on one side"
    contrary = pairs[label_a != label_b]
    if len(contrary):
        both = join_first_ten([*(contrary["case_a"] + " and " + contrary["case_b"])])
        text += f"; {counted(len(contrary), 'pairs have')} two labels (is one wrong?): {both}"
    made.say("near-duplicates", text, "yellow" if len(pairs) else "")
    origin = "as the table says" if "split" in manifest.options else "possible"
    made.say("folds", f"{origin}: {fold_sizes(folds)}", "green")
    if fewest < _FEW_TESTED:
        text = counted(fewest, "patients of a class are tested")
        made.say("small test", f"{text}: their AUC is uncertain by tens of points", "yellow")


def _describe_patients(made: NewTask, manifest: DatasetManifest, cases: pd.DataFrame) -> None:
    alone = "each picture counts as a patient. If patients have several pictures, some will stand "
    alone += "on both sides of the split, and the AUC will be too high"
    of_classes = manifest.layout == "folder_classes"  # whose folders are no patients
    paths = [Path(name).name if of_classes else name for name in cases["image"]]
    pattern, n = discovery.guess_patients(paths)
    hint = f". By their names they may be {n} patients: --patient '{pattern}'" if n else ""
    if manifest.independence == "image":
        made.say("PATIENTS", f"none are named: {alone}{hint}", "bold red")
    elif manifest.patient_pattern and cases["patient_id"].is_unique:
        made.say("PATIENTS", f"as the pattern reads them, {alone}", "bold red")
    else:
        made.say("patients", patients_in_words(manifest, cases))
        if hint and cases["patient_id"].is_unique:
            made.say("PATIENTS", f"each picture has one of its own{hint}", "yellow")


def _manifest_text(fields: dict[str, Any], notes: dict[str, str]) -> str:
    """Return the YAML of a manifest, with a comment at each guess."""
    lines = [f"# {fields['title']}: written by `rin new`; correct it where it is wrong."]
    for key, value in fields.items():
        lines += [f"# {notes[key]}"] if key in notes else []
        lines.append(_dumped({key: value}).rstrip("\n"))
    return "\n".join(lines) + "\n"


def _dumped(settings: dict[str, Any]) -> str:
    return yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=95)


def _profile(
    made: NewTask, dataset: Dataset, folds: pd.DataFrame, minutes: float, pace: forecast.Pace
) -> str:
    """Return the YAML of a profile that fits the budget; add to the screen what it computes."""
    manifest, name = dataset.manifest, made.name
    weights, backbones = available_weights(made.data_root)
    given = "split" in manifest.options
    parts = folds[folds["fold"] == 0]["part"].value_counts().to_dict()
    fitted, takes = forecast.fit_budget(
        pace,
        minutes,
        parts=parts,
        folds=int(folds["fold"].nunique()),
        side=dataset.cases["width"].median(),
        backbones=backbones,
        corpora="" if weights == "released" else weights,
        may_draw=not given,
    )
    described, texts = _TEXTS["weights"][weights], _TEXTS["profile"][weights]
    trained = fitted["fine_tuning"]
    settings = {
        "name": name,
        "about": f"{manifest.title}: {described}, {trained['size']} px.",
        "tasks": [name],
        "backbones": backbones,
        **texts,
        **fitted,
        "fine_tuning": _TEXTS["fine_tuning"] | trained,
    }
    if "pretraining" in fitted:
        settings["pretraining"] = texts["pretraining"] | fitted["pretraining"]
    if given:
        settings["splits"] = "official"
    maps = ["results/localisation"] if manifest.masks else []
    settings["pages"] = [*_TEXTS["pages"], *maps, "use/how_built"]
    made.say("weights", described, "bold red" if weights == "stand-ins" else "")
    rates = fitted["studies"][0]["learning_rates"].values()
    n_scenarios = len(backbones) * sum(map(len, rates))
    extent = [counted(n_scenarios, "scenarios"), counted(fitted["folds"], "folds")]
    extent += [f"{trained['size']} px", counted(trained["epochs"], "epochs")]
    extent += [f"{fitted['cases']} pictures drawn from all"] if "cases" in fitted else []
    made.say("training", ", ".join(extent))
    time = f"about {max(1, round(takes))} minutes for a budget of {minutes:g}"
    over = takes > minutes
    least = ", which is the least: this computer is slow or busy" if over else ""
    made.say("time", time + least, "yellow" if over else "")
    said = {"name": name, "root": made.data_root, "time": time, "weights": described}
    return _TEXTS["head"].format_map(said) + _dumped(settings)
