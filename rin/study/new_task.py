"""From a folder of somebody's own to a manifest and a profile that run: what `rin new` does.

Everything is looked at before anything is written: columns, paths, every picture, patients with
two labels, near-duplicates, whether folds are possible.  What was guessed stands in the manifest
with a comment; what cannot be guessed is asked, or is an error that says which flag decides it.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rin.data import discovery
from rin.data.dataset import Dataset, case_problems, marks_nothing, open_dataset
from rin.data.layouts import find_cases
from rin.data.layouts.found import read_table
from rin.data.layouts.table import UNLABELLED, read_split
from rin.data.leakage import check_splits, leak_free_groups, suggest_threshold
from rin.data.manifest import PARTS, DatasetManifest, datasets_of_tasks, manifest_names
from rin.data.pixels import show_colour, window_of_all
from rin.data.splits import MAX_FOLDS, fold_sizes, given_folds, make_folds, sized_folds
from rin.data.store import inspect_cases, refuse_bad
from rin.data.tree import PICTURES, Tree, open_tree
from rin.errors import InputError, counted, explained, look_up, named
from rin.files import manifest_folder, read_yaml
from rin.study import forecast
from rin.study.profile import profile_folder, profile_names
from rin.study.setting import available_weights, draw_cases

#: Settings that do not depend on the images, and what is said of weights.
_TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Value of ``--split`` with which a split that comes with the table is left aside.
NO_SPLIT = "none"
#: The name of a picture in a column, without folder and ending.
_STEM = r"(?:.*[/\\])?(?P<stem>[^/\\]+?)(?i:" + "|".join(map(re.escape, PICTURES)) + ")?"
#: Seed of a profile that names none.
_SEED = 0
#: Patients of a class in the test below which an AUC says little.
_FEW_TESTED = 10
#: What to do about a problem of cases where a flag decides it.
_REMEDIES = {
    "mixed patients": "Correct the table, or give --several-labels if labels belong to pictures",
    "empty masks": "Draw them again, or accept them with --leave-out",
}
_MOST_CLASSES = 20  # of which one may be chosen as the positive one
Ask = Callable[[str, Sequence[str], str], str]


@dataclass
class NewTask:
    """What was found of somebody's own images, and the two files that follow from it.

    ``facts`` are the rows of the screen (what, text, style); ``notes`` comment on settings of the
    manifest.
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


def refuse_to_guess(question: str, choices: Sequence[str], default: str) -> str:
    """Answer a question with its default; InputError, naming the choices, where there is none."""
    if default:
        return default
    what, _, flag = question.partition("|")
    remedy = f"Say it with {flag}: {', '.join(choices)}."
    raise InputError(f"{what} cannot be guessed", where=flag, remedy=remedy)


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
    window: tuple[float, float] | None = None,
    data_root: Path | None = None,
    results: Path = Path("results"),
    ask: Ask = refuse_to_guess,
    pace: forecast.Pace | None = None,
) -> NewTask:
    """Look at somebody's own images and return the manifest and the profile of a task on them.

    ``table`` names pictures, labels and patients; without it, ``images`` has a folder a class.
    ``image``, ``label``, ``patient`` and ``split`` name columns (`none` for a split that is not to
    be used); ``patient`` may also be a pattern of file names, or of paths where it holds a slash,
    with brackets around what tells patients (its group `patient`).  ``leave_out`` accepts rows
    without pictures, pictures without rows and rows without a label; ``several``, that patients
    have two labels.  Without ``window`` (center and width) pictures that all have more than 8 bits
    are shown whole.  ``pace`` is measured where it is not given.

    Nothing is written but inspections below ``results``.  InputError for everything that would
    stop a training later.
    """
    _refuse_taken(name)
    if not table or "(" in patient:
        _check_pattern(patient)
    root, places = _find_places(images, table, masks, data_root, results)
    made = NewTask(name, root)
    made.say("folder", places.tree.place())
    if table:
        roles = {"image": image, "label": label, "patient": patient, "split": split}
        options, classes = _read_columns(places, roles, leave_out, made, ask)
    else:
        options, classes = _read_folders(places, made)
    labels = _read_labels(classes, positive, table or images, ask)
    if len(joined := [value for value in classes if value]) > 2:
        said = [f"{value} {classes[value]:,} as {labels[value]}" for value in sorted(joined)]
        made.say("classes joined", ", ".join(said), "yellow")
    locators = [places.tree.locator(_join(places.images, name)) for name in places.pictures]
    positive_class, other_class = dict.fromkeys(label for label in labels.values() if label)
    title = f"{positive_class.capitalize()} or {other_class}, {name}"
    task = {"name": name, "title": title, "positive_class": positive_class, "n_folds": 1}
    fields: dict[str, Any] = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        **_TEXTS["manifest"],
        "color": show_colour(places.tree.root, locators),
        "layout": "table" if table else "folder_classes",
        "options": options,
        "locations": [places.tree.location],
        "independence": "patient" if {"patient", "patients"} & {*options} or patient else "image",
        "patient_labels": "several" if several else "one",
        "masks": bool({"mask", "masks"} & {*options}),
        "label_map": labels,
        "tasks": [task],
    }
    if not window and (window := window_of_all(places.tree.root, locators)):
        made.notes["window"] = "center and width, guessed: all values of the bits in use"
        text = f"{window[0]:g},{window[1]:g}: all values of the pictures (--window for another)"
        made.say("window", text, "yellow")
    if window:
        fields["window"] = [*window]
    if patient and "patient" not in options:
        fields["patient_pattern"] = patient
    elif fields["independence"] == "image" and _named_in_headers(places.tree.root, locators):
        fields |= {"independence": "patient", "patients_in_headers": True}
        made.notes["patients_in_headers"] = "nothing else names patients"
        made.say("patients in", "the headers of the DICOM files (PatientID)")
    pairs = _inspect(places, fields, made, results, leave_out)
    inspected = DatasetManifest.model_validate(fields)
    dataset = open_dataset(inspected, root, index_folder=results / "index")
    folds = _divide(dataset, pairs, split)
    fields["tasks"][0]["n_folds"] = int(folds["fold"].nunique())
    _describe(made, dataset, pairs, folds, positive_class)
    made.texts[manifest_folder() / f"{name}.yaml"] = _manifest_text(fields, made.notes)
    made.texts[profile_folder() / f"{name}.yaml"] = _profile(made, dataset, folds, minutes, pace)
    return made


def write_task(made: NewTask) -> list[Path]:
    """Write manifest and profile, both or neither; InputError where one is there already."""
    written: list[Path] = []
    try:
        for path, text in made.texts.items():
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        remedy = "Choose another name, or move that file away; nothing was written."
        problem = "it is there already" if isinstance(error, FileExistsError) else str(error)
        raise InputError(problem, where=path, remedy=remedy) from error
    return written


def _refuse_taken(name: str) -> None:
    remedy = "Choose another name; nothing is overwritten."
    if name in manifest_names() or name in profile_names():
        problem = f"{name!r} is taken by a dataset or a profile"
        raise InputError(problem, where="NAME", remedy=remedy)
    if datasets := datasets_of_tasks().get(name):
        raise InputError(f"{name!r} is a task of {datasets[0]}", where="NAME", remedy=remedy)


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


def _check_pattern(pattern: str) -> None:
    """Raise InputError unless a pattern of patients is none, or says what of a name is kept."""
    remedy, kinds = "Write brackets around what tells patients, as in '^(P[0-9]+)_'.", ValueError
    with explained(
        "no pattern of names", where="--patient", remedy=remedy, kinds=(re.error, kinds)
    ):
        if pattern and not re.compile(pattern).groups:
            raise ValueError(f"{pattern!r} keeps nothing of a name")


def _find_places(
    images: Path, table: Path | None, masks: Path | None, data_root: Path | None, results: Path
) -> tuple[Path, _Places]:
    """Return the data root, and what lies in the folder that holds all that was given."""
    given = {"--images": images, "--table": table, "--masks": masks}
    paths = {flag: _absolute(path) for flag, path in given.items() if path}
    for flag, path in paths.items():
        if not (path.is_file() if flag == "--table" else path.is_dir()):
            kind, remedy = (
                "file" if flag == "--table" else "folder",
                "Check the path; quote spaces.",
            )
            where = f"{flag} {given[flag]}"
            raise InputError(f"there is no such {kind}", where=where, remedy=remedy)
    folders = [path.parent if flag == "--table" else path for flag, path in paths.items()]
    above = Path(os.path.commonpath(folders))
    names = {flag: path.relative_to(above).as_posix() for flag, path in paths.items()}
    if names["--images"].count("/") > 2 or above == Path(above.anchor):
        remedy = "Put them into one folder, or link them: ln -s /where/they/are FOLDER/images."
        raise InputError("images and table share no folder", where=above, remedy=remedy)
    if _absolute(results).is_relative_to(above):
        remedy = "Put images and table into a folder of their own, and call rin from outside it."
        problem = f"results would lie among the images, in {results}"
        raise InputError(problem, where=above, remedy=remedy)
    root = _absolute(data_root) if data_root else above.parent
    inside = root in above.parents
    tree = open_tree(root, above.relative_to(root).as_posix() if inside else above.as_posix())
    folder, drawn = (names.get(flag, "").removeprefix(".") for flag in ("--images", "--masks"))
    pictures = [name for name in tree.names if tree.is_picture(name)]
    kinds = discovery.sort_pictures(pictures, folder, drawn)
    if not kinds[0]:
        remedy = (
            "Readable are PNG, JPEG, TIFF, BMP, DICOM and NumPy files; is it the right folder?"
        )
        raise InputError("there are no pictures", where=f"--images {images}", remedy=remedy)
    return root, _Places(tree, folder, drawn, names.get("--table", ""), *kinds)


def _read_labels(
    classes: Counter, positive: Sequence[str], where: Path, ask: Ask
) -> dict[str, str | None]:
    """Return the label of each class, positive ones first; None for rows without a label."""
    present = sorted(value for value in classes if value)
    problem, spelt = "", defaultdict(list)
    for value in present:
        spelt[unicodedata.normalize("NFKC", value).casefold()].append(value)
    if len(present) < 2:
        problem = f"there is one class only ({named(present) or 'none'})"
        remedy = "Two are needed: name the column with --label, or a folder a class with --images."
    elif alike := next((values for values in spelt.values() if len(values) > 1), None):
        problem = " and ".join(f"{value} ({classes[value]})" for value in alike)
        problem += " look like one class"
        remedy = "Spell each class in one way: capitals count."
    elif len(present) > _MOST_CLASSES and not positive:
        problem = f"there are {len(present)} classes ({named(present, ', ')})"
        remedy = "Name a column with a few classes by --label; of numbers, make classes first."
    if problem:
        raise InputError(problem, where=where, remedy=remedy)
    if not positive:
        guess = discovery.guess_positive(present)
        positive = [ask("The positive class|--positive", present, guess)]
    for value in positive:
        look_up("class (--positive)", value, present)
    others = [value for value in present if value not in positive]
    if not others:
        remedy = "Leave one of them out: the others are compared with it."
        raise InputError("every class is positive", where="--positive", remedy=remedy)
    other = others[0] if len(others) == 1 else f"not {positive[0]}"
    labels = dict.fromkeys(positive, positive[0]) | dict.fromkeys(others, other)
    return labels | ({UNLABELLED: None} if "" in classes else {})


def _read_folders(places: _Places, made: NewTask) -> tuple[dict[str, Any], Counter]:
    """Return the options of the layout `folder_classes`, and the pictures of each class."""
    tree, pictures, options = places.tree, places.pictures, {"leave_out": ["files"]}
    if places.mask_names or places.masks:
        _check_masks(places, made)
        options["mask"] = places.mask_names
        options |= {"masks": places.masks} if places.masks not in ("", places.images) else {}
    strange = sorted(set(filter(tree.is_picture, tree.names)) - places.files)
    remedy = "Put pictures and masks into a folder of their own, or link them there."
    tree.refuse(strange, "pictures lie in other folders", remedy=remedy)
    parts = [name.split("/") for name in pictures]
    splits = sorted({folders[0] for folders in parts if len(folders) > 2})
    depth = int(bool(splits) and all(map(discovery.part_of, splits)))
    if depth:
        options["splits"] = splits
        made.say("parts", f"{', '.join(splits)}: put together, divided anew by patients", "yellow")
    if {len(folders) for folders in parts} == {depth + 3}:
        options["patients"] = True
        made.notes["options"] = "each folder below a class is taken for a patient"
        made.say("patient folders", made.notes["options"], "yellow")
    deepest = depth + (3 if "patients" in options else 2)
    strange = ["/".join(folders) for folders in parts if len(folders) != deepest]
    remedy = "Each class is a folder of pictures, or of patients' folders; or give a --table."
    tree.refuse(strange, "pictures lie in no folder of a class", remedy=remedy)
    return options, Counter(folders[depth] for folders in parts)


def _read_columns(
    places: _Places, roles: dict[str, str], leave_out: bool, made: NewTask, ask: Ask
) -> tuple[dict[str, Any], Counter]:
    """Return the options of the layout `table`, and how often each label stands in the table."""
    tree, table = places.tree, places.table
    rows = read_table(tree, table, []).astype(object)
    if rows.empty:
        raise tree.wrong("the table has no rows", file=table, remedy="Give it a row a picture.")
    if not table.lower().endswith((".parquet", ".xlsx")):
        text, encoding = discovery.decode(tree.read(table))
        separator = discovery.separator_of(text).replace("\t", "tab")
        made.say("table", f"{Path(table).name}, {encoding}, cells separated by “{separator}”")
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
        raise tree.wrong(f"{problem} ({', '.join(rows)})", file=table, remedy=remedy)
    if "label" not in columns:
        free = [name for name in rows if name not in columns.values()]
        answer = ask("The column of the label|--label", classes or free, "")
        columns["label"] = look_up("column (--label)", answer, [*rows])
        reasons["label"] = "as you said"
    empty = rows[rows[columns["label"]] == ""]
    if not leave_out:
        cells = [f"{name} (row {row + 2})" for row, name in empty[columns["image"]].items()]
        remedy = "Fill the cell, or leave such rows out with --leave-out."
        problem = f"rows have no label in column {columns['label']}"
        tree.refuse(cells, problem, file=table, remedy=remedy)
    elif len(empty):
        made.say("unlabelled", counted(len(empty), "rows are left out"), "yellow")
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
    made.notes["options"] = "; ".join(f"{role}: {reason}" for role, reason in reasons.items())
    for role, reason in reasons.items():
        made.say(f"{role} column", f"{columns[role]} ({reason})")
    return options, Counter(rows[columns["label"]])


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


def _inspect(
    places: _Places, fields: dict[str, Any], made: NewTask, results: Path, leave_out: bool
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
    classes = listed["source_class"]
    fields["counts"] = {"images": classes.value_counts().sort_index().to_dict()}
    if manifest.masks:
        fields["counts"]["masks"] = listed["masks"].map(len).groupby(classes).sum().to_dict()
        fields["counts"]["empty_masks"] = int(marks_nothing(cases).sum()) if leave_out else 0
    if wrong := case_problems(DatasetManifest.model_validate(fields), cases):
        kind, problem, remedy = wrong[0]
        remedy = _REMEDIES.get(kind, remedy)
        raise InputError(problem, where=tree.place(places.table), remedy=f"{remedy}.")
    bits, pairs = suggest_threshold(cases)
    fields["near_duplicate_bits"] = bits
    rule = "largest of 40, 24, 16 and 8 bits (of 256) that links no chains"
    made.notes["near_duplicate_bits"] = f"{rule}: {counted(len(pairs), 'pairs')}"
    return pairs


def _divide(dataset: Dataset, pairs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the folds that the task will have: those of the table, or five of patients."""
    manifest, cases = dataset.manifest, dataset.cases
    tree = open_tree(dataset.root, dataset.location)
    groups = leak_free_groups(cases, pairs)
    if "split" not in manifest.options:
        return make_folds(cases, groups, 5, _SEED, where=tree.place())
    column = column or manifest.options["split"]["column"]
    values = {*read_split(tree, manifest)} - {""}
    n_folds = 1 if values <= {*PARTS} else min(MAX_FOLDS, len(values))
    try:
        folds = given_folds(dataset, groups, n_folds, _SEED)
        check_splits(cases, folds, pairs)
    except InputError as error:
        remedy = f"Correct the column, or leave it aside with --split {NO_SPLIT}."
        where = f"{tree.place(manifest.options['table'])}: column {column}"
        raise InputError(error.problem, where=where, remedy=remedy) from error
    return folds


def _describe(
    made: NewTask, dataset: Dataset, pairs: pd.DataFrame, folds: pd.DataFrame, positive: str
) -> None:
    """Add to the screen what the pictures are."""
    manifest, cases = dataset.manifest, dataset.cases
    kinds = Counter(Path(name).suffix.lower() or "without ending" for name in cases["image"])
    endings = ", ".join(f"{n} {ending}" for ending, n in kinds.items())
    sides = cases[["width", "height"]].to_numpy()
    shape = f"{sides.min()} to {sides.max()} px, {'colour' if manifest.color else 'grey'}"
    made.say("pictures", f"{len(cases):,} ({endings}), {shape}")
    per_patient = cases.groupby("patient_id").size()
    alone = (
        "each picture counts as a patient. If patients have several pictures, some will stand on "
        "both sides of the split, and the AUC will be too high"
    )
    if (cases["patient_id"] == cases["case_id"]).all():
        of_classes = manifest.layout == "folder_classes"  # whose folders are no patients
        paths = [Path(name).name if of_classes else name for name in cases["image"]]
        pattern, n = discovery.guess_patients(paths)
        hint = f". By their names they may be {n} patients: --patient '{pattern}'" if n else ""
        made.say("PATIENTS", f"none are named: {alone}{hint}", "bold red")
    elif manifest.patient_pattern and per_patient.max() == 1:
        made.say("PATIENTS", f"as the pattern reads them, {alone}", "bold red")
    else:
        few, many = per_patient.min(), per_patient.max()
        pictures = f"{few} to {many} pictures" if few < many else counted(many, "pictures")
        made.say("patients", f"{len(per_patient):,}, {pictures} each")
    classes = cases["label"].value_counts()
    others = [f"{label} {n:,}" for label, n in classes.items() if label != positive]
    made.say("classes", ", ".join([f"{positive} {classes[positive]:,} (positive)", *others]))
    if manifest.masks:
        drawn, plain = cases["masks"].map(len), manifest.counts.empty_masks
        text = f"{drawn.sum():,} of {(drawn > 0).sum():,} pictures; {(drawn == 0).sum():,} have "
        text += f"none; {plain} mark nothing or everything"
        made.say("masks read", text, "yellow" if plain or (drawn == 0).any() else "")
    bits = manifest.near_duplicate_bits
    text = f"{counted(len(pairs), 'pairs')} within {bits} of 256 bits stay on one side"
    made.say("near-duplicates", text, "yellow" if len(pairs) else "")
    origin = "as the table says" if "split" in manifest.options else "possible"
    made.say("folds", f"{origin}: {fold_sizes(folds)}", "green")
    tested = cases.merge(folds.query("part == 'test'"), on="case_id")
    fewest = tested.groupby(["fold", "label"])["patient_id"].nunique().min()
    if fewest < _FEW_TESTED:
        text = f"{fewest} patients of a class are tested: their AUC is uncertain by tens of points"
        made.say("small test", text, "yellow")


def _manifest_text(fields: dict[str, Any], notes: dict[str, str]) -> str:
    """Return the YAML of a manifest, with a comment at each guess."""
    lines = [f"# {fields['title']}: written by `rin new`; correct it where it is wrong."]
    for key, value in fields.items():
        lines += [f"# {notes[key]}"] if key in notes else []
        lines.append(_dumped({key: value}).rstrip("\n"))
    return "\n".join(lines) + "\n"


def _dumped(settings: dict[str, Any]) -> str:
    return yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=95)


def _possible_draws(dataset: Dataset, trained: int) -> list[dict[str, int]]:
    """Return cases of each part that may be drawn in place of all, no part without a class."""
    possible, bits = [], dataset.manifest.near_duplicate_bits
    for cases in forecast.DRAWS:
        sizes = cases["train"], cases["validation"]
        if cases["train"] < 0.8 * trained:
            tested = min(cases["test"], len(dataset.cases) - sum(sizes))
            with suppress(InputError):
                drawn, groups, _ = draw_cases(dataset, bits, sum(sizes) + tested, _SEED)
                sized_folds(drawn.cases, groups, sizes, 1, _SEED)
                possible.append(cases | {"test": tested})
    return possible


def _profile(
    made: NewTask,
    dataset: Dataset,
    folds: pd.DataFrame,
    minutes: float,
    pace: forecast.Pace | None,
) -> str:
    """Return the YAML of a profile that fits the budget; add to the screen what it computes."""
    manifest, name, pace = dataset.manifest, made.name, pace or forecast.measure_pace()
    weights, backbones = available_weights(made.data_root)
    given = "split" in manifest.options
    parts = folds[folds["fold"] == 0]["part"].value_counts().to_dict()
    fitted = forecast.fit_budget(
        pace,
        minutes,
        parts=parts,
        folds=int(folds["fold"].nunique()),
        side=dataset.cases["width"].median(),
        backbones=backbones,
        corpora="" if weights == "released" else weights,
        draws=[] if given else _possible_draws(dataset, parts["train"]),
    )
    described = _TEXTS["weights"][weights]
    settings = {
        "name": name,
        "about": f"{manifest.title}: {described}, {fitted.size} px.",
        "tasks": [name],
        "backbones": backbones,
        **_TEXTS["profile"][weights],
        "scenarios": fitted.scenarios,
        "folds": fitted.folds,
        "fine_tuning": _TEXTS["fine_tuning"] | {"size": fitted.size, "epochs": fitted.epochs},
    }
    if "pretraining" in settings:
        extent = {"cases": fitted.corpus, "epochs": fitted.pretraining_epochs}
        settings["pretraining"] = settings["pretraining"] | extent
    if given:
        settings["splits"] = "official"
    if fitted.cases:
        settings["cases"] = fitted.cases
    maps = ["results/localisation"] if manifest.masks else []
    settings["pages"] = [*_TEXTS["pages"], *maps, "use/how_built"]
    made.say("weights", described, "bold red" if weights == "stand-ins" else "")
    extent = [counted(len(fitted.scenarios), "scenarios"), counted(fitted.folds, "folds")]
    extent += [f"{fitted.size} px", counted(fitted.epochs, "epochs")]
    extent += [f"{fitted.cases['train']} training pictures"] if fitted.cases else []
    made.say("training", ", ".join(extent))
    time = f"about {max(1, round(fitted.minutes))} minutes for a budget of {minutes:g}"
    over = fitted.minutes > minutes
    least = ", which is the least: this computer is slow or busy" if over else ""
    made.say("time", time + least, "yellow" if over else "")
    head = f"""\
# {name}: written by `rin new`.
#
# Command   make book PROFILE={name} DATA_ROOT={made.data_root}
# Measured  {forecast.TIMED} at {forecast.SIDE} px takes {pace.image:.3f} s an image and step,
#           {pace.run:.1f} s a run besides, and {pace.tracing:.0f} s to trace: {time}
# Weights   {described}
#
# A notebook of your own in notebooks/ is one more name in `pages`: my_task.py.
"""
    return head + _dumped(settings)
