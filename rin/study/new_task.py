"""From a folder of somebody's own to a manifest and a profile that run: what `rin new` does.

Everything is looked at before anything is written: columns, paths, every picture, patients with
two labels, near-duplicates, whether folds are possible.  What was guessed stands in the manifest
with a comment; what cannot be guessed is asked, or is an error that says which flag decides it.
"""

import os
import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rin.data import discovery
from rin.data.dataset import (
    case_problems,
    drop_left_out,
    marks_nothing,
    open_dataset,
    volume_findings,
    wrapped_in_words,
)
from rin.data.layouts import LESION, NO_LESION, find_cases
from rin.data.layouts.found import read_table, rows_above, sheets_of
from rin.data.layouts.slices import middle_slices, propose_slices
from rin.data.layouts.table import HEADERS, NAME, UNLABELLED, read_split
from rin.data.leakage import check_splits, leak_free_groups, suggest_threshold
from rin.data.manifest import (
    PARTS,
    DatasetManifest,
    Slices,
    datasets_of_tasks,
    manifest_names,
    read_names,
)
from rin.data.pixels import show_colour, window_of_all, window_of_percentiles
from rin.data.splits import LEAST, MAX_FOLDS, fold_sizes, given_folds, make_folds
from rin.data.status import patients_in_words
from rin.data.store import Dataset, inspect_cases, refuse_bad
from rin.data.tree import PICTURES, Tree, file_of, is_archive, is_dicom, open_tree
from rin.data.volumes import ENDINGS
from rin.errors import InputError, as_input_error, counted, join_first_ten, look_up
from rin.files import manifest_folder, read_yaml
from rin.study import forecast
from rin.study.profile import Profile, profile_folder, profile_names
from rin.study.workspace import available_weights

#: Settings that do not depend on the images, and what is said of weights.
_TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Value of ``--split`` with which a split that comes with the table is left aside, and of
#: ``--patient`` with which names are not taken for those of patients.
NO_SPLIT = NO_PATIENTS = "none"
#: Value of ``--slices`` with which volumes stay what they are, and what follows its numbers where
#: a volume is a file, or a folder.
NO_SLICES, _FOLDER = "none", {"file": [], "folder": ["folder"]}
#: Value of ``--window`` that lets the values of the pictures tell it, and answers without one.
PERCENTILES = "percentiles"
ALL_VALUES, AS_STORED = "all values", "as stored"
#: Value of ``--label`` with which masks tell the class: whether they mark a lesion.
IN_MASKS = "masks"
#: What ``--leave-out`` leaves out.
KINDS = (
    "rows-without-pictures",
    "pictures-without-rows",
    "unlabelled",
    "empty-masks",
    "patients-with-two-labels",
)
#: Of these, what the option ``leave_out`` of a table calls them, and that of a manifest.
_OF_TABLES = {"rows-without-pictures": "rows", "pictures-without-rows": "pictures"}
_OF_CASES = {"empty-masks": "empty masks", "patients-with-two-labels": "mixed patients"}
_ALL_OTHERS = "all others"
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


@dataclass
class _Found:
    """What the reader of a layout will find: its options, and how often there is each class.

    ``names`` are those of pictures of which a pattern may tell patients; ``settings`` of the
    manifest say what tells them already; ``in_masks`` says that masks tell classes.
    """

    options: dict[str, Any]
    classes: Counter[str]
    names: Sequence[str]
    settings: dict[str, Any] = field(default_factory=dict)
    in_masks: bool = False


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
    negative: Sequence[str] = (),
    minutes: float = 15,
    leave_out: Collection[str] = (),
    empty_masks: bool = False,
    several: bool = False,
    distinct: bool = False,
    window: tuple[float, float] | str | None = None,
    slices: str = "",
    data_root: Path | None = None,
    results: Path = Path("results"),
    ask: Ask = refuse_to_guess,
    measure: Callable[[], forecast.Pace] = forecast.measure_pace,
) -> NewTask:
    """Look at somebody's own images and return the manifest and the profile of a task on them.

    Parameters are the options of `rin new`: ``image``, ``label``, ``patient`` and ``split`` name
    columns of the table; ``patient`` and, without a table, ``label`` may also be a pattern of
    file names, or of paths where it holds a slash; ``label`` may be `IN_MASKS`.  ``positive`` and
    ``negative`` are classes, or findings of a cell that holds several, maybe renamed as in
    ``1=malignant``.  ``leave_out`` are some of `KINDS`, or ``all``; ``empty_masks``, ``several``
    and ``distinct`` accept what is else refused.  ``window`` is center and width, or
    `PERCENTILES`; ``slices`` are rule and number, then maybe axis or ``folder``.  Nothing is
    written but inspections below ``results``.  InputError for everything that would stop a
    training later.
    """
    if name in {*manifest_names(), *profile_names(), *datasets_of_tasks()}:
        remedy = "Choose another name, or first delete the two files that rin new wrote of it."
        raise InputError(f"{name!r} is a dataset, profile or task", where="NAME", remedy=remedy)
    for kind in leave_out:
        look_up("kind (--leave-out)", kind, [*KINDS, "all"])
    leave_out = KINDS if "all" in leave_out else leave_out
    if (not table and patient != NO_PATIENTS) or "(" in patient:
        _check_pattern(patient, "--patient", "tells patients, as in '^(P[0-9]+)_'")
    if not table and label != IN_MASKS:
        _check_pattern(label, "--label", r"tells classes, as in '_(\d)$'")
    root, places = _find_places(images, table, masks, data_root, results)
    tree, made = places.tree, NewTask(name, root)
    made.say("folder", tree.place())
    if table:
        roles = {"image": image, "label": label, "patient": patient, "split": split}
        reading = _read_columns(places, roles, leave_out, made, ask)
    else:
        reading = _read_folders(places, label, made)
    options = reading.options
    column = options.get("label", "") if table else ""
    labels = _read_labels(
        reading.classes, positive, negative, column, table or images, distinct, made, ask
    )
    positive_class, other_class = dict.fromkeys(filter(None, labels.values()))
    title = f"{positive_class.capitalize()} or {other_class}, {name}"
    task = {"name": name, "title": title, "positive_class": positive_class, "n_folds": 1}
    taken = _slices_of(places, slices, made, ask)
    names = [_join(places.images, name) for name in places.pictures]
    locators = middle_slices(tree, taken, names) if taken else [*map(tree.locator, names)]
    fields: dict[str, Any] = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        **_TEXTS["manifest"],
        "color": show_colour(tree.root, locators),
        "layout": "table" if table else "folder_classes",
        "options": options,
        "locations": [tree.location],
        **_patients_of(tree.root, locators, reading, patient, bool(taken), made, ask),
        "patient_labels": "several" if several else "one",
        **({"labels_in_masks": True} if reading.in_masks else {}),
        **_cases_left_out(leave_out),
        **(
            {"slices": taken.model_dump(exclude_none=True, exclude_defaults=True)} if taken else {}
        ),
        "masks": bool({"mask", "masks"} & {*options}),
        "label_map": labels,
        "tasks": [task],
        **_window_of(tree.root, locators, window, made, ask),
    }
    if not fields["masks"]:
        _hint_at_masks(images, made)
    pairs = _inspect(places, fields, made, results, leave_out, empty_masks, distinct)
    inspected = DatasetManifest.model_validate(fields)
    dataset = open_dataset(inspected, root, index_folder=results / "index")
    folds, fewest = _divide(dataset, pairs, split)
    fields["tasks"][0]["n_folds"] = int(folds["fold"].nunique())
    _describe(made, dataset, pairs, folds, fewest, reading.names)
    made.texts[manifest_folder() / f"{name}.yaml"] = _manifest_text(fields, made.notes)
    profile = _profile(made, dataset, folds, minutes, measure())
    made.texts[profile_folder() / f"{name}.yaml"] = profile
    return made


def write_task(made: NewTask) -> list[Path]:
    """Write manifest and profile; InputError where one is there already."""
    for path, text in made.texts.items():
        remedy = "Choose another name, or see to that folder; nothing is overwritten."
        refused = as_input_error("it cannot be written", where=path, remedy=remedy, kinds=OSError)
        with refused, path.open("x", encoding="utf-8") as file:
            file.write(text)
    return [*made.texts]


def _cases_left_out(kinds: Collection[str]) -> dict[str, list[str]]:
    """Return the setting of a manifest that leaves out cases by what is seen of them."""
    left_out = [word for kind, word in _OF_CASES.items() if kind in kinds]
    return {"leave_out": left_out} if left_out else {}


def _check_pattern(pattern: str, flag: str, kept: str) -> None:
    """Raise InputError unless a pattern of names is none, or says what of a name is kept."""
    remedy = f"Write brackets around what {kept}."
    kinds = (re.error, ValueError)
    with as_input_error("no pattern of names", where=flag, remedy=remedy, kinds=kinds):
        if pattern and not re.compile(pattern).groups:
            raise ValueError(f"{pattern!r} keeps nothing of a name")


def _find_places(
    images: Path, table: Path | None, masks: Path | None, data_root: Path | None, results: Path
) -> tuple[Path, _Places]:
    """Return the data root, and what lies in the folder that holds all that was given."""
    options = {"--images": images, "--table": table, "--masks": masks}
    given = {flag: path for flag, path in options.items() if path}
    paths = {flag: _absolute(path) for flag, path in given.items()}
    _refuse_absent(given, paths)
    above = _folder_of_all(paths)
    if _absolute(results).is_relative_to(above):
        remedy = "Put images and table into a folder of their own, and call rin from outside it."
        problem = f"results would lie among the images, in {_absolute(results)}"
        raise InputError(problem, where=above, remedy=remedy)
    root = _absolute(data_root) if data_root else above.parent
    inside = root in above.parents
    tree = open_tree(root, above.relative_to(root).as_posix() if inside else above.as_posix())
    names = {flag: path.relative_to(above).as_posix() for flag, path in paths.items()}
    folder, drawn = (names.get(flag, "").removeprefix(".") for flag in ("--images", "--masks"))
    _refuse_pairs(tree)
    files = [name for name in tree.names if tree.is_picture(name)]
    if not table and folder == drawn == "":
        folder = _folder_around(files)
    pictures, outlines, mask_names = discovery.sort_pictures(files, folder, drawn)
    if not pictures:
        others = [name for name in tree.names if name.startswith(_join(folder, ""))]
        problem = f"there are no pictures among its files ({_endings(others) or 'none'})"
        remedy = (
            "Readable are PNG, JPEG, TIFF, BMP, DICOM, NIfTI and NumPy: convert others, or name "
        )
        remedy += "the right folder."
        raise InputError(problem, where=f"--images {images}", remedy=remedy)
    table_name = names.get("--table", "")
    return root, _Places(tree, folder, drawn, table_name, pictures, outlines, mask_names)


def _refuse_pairs(tree: Tree) -> None:
    """Raise InputError for volumes in two files, Analyze or NIfTI, that no file in one stands for.

    The two would have to be moved, and watched for changes, together.
    """
    there = {name.lower() for name in tree.names}
    stems = (name[:-4] for name in tree.names if name.lower().endswith(".hdr"))
    pairs = [
        stem
        for stem in stems
        if f"{stem.lower()}.img" in there and not {f"{stem.lower()}{e}" for e in ENDINGS} & there
    ]
    folder = shlex.quote(str(tree.root / tree.location))
    code = "import sys, nibabel as n; from pathlib import Path; [n.save(n.Nifti1Image.from_image"
    code += "(n.load(p)), p.with_suffix('.nii.gz')) for p in Path(sys.argv[1]).rglob('*.hdr')]"
    remedy = f'Convert them, which leaves them there: python -c "{code}" {folder}; Analyze does '
    remedy += "not say left from right, so look at one."
    tree.raise_if_any(pairs, "volumes are in pairs of .hdr and .img", remedy=remedy)


def _refuse_absent(given: dict[str, Path], paths: dict[str, Path]) -> None:
    """Raise InputError for a path that is not there, or an archive where a folder is needed."""
    for flag, path in paths.items():
        kind = "file" if flag == "--table" else "folder"
        where, remedy = f"{flag} {given[flag]}", "Check the path; quote spaces."
        is_zip = path.is_file() and is_archive(path)
        if is_zip and flag == "--images" and len(paths) == 1:
            continue  # read in place
        if is_zip:
            folder = shlex.quote(str(given[flag].with_suffix("")))
            problem = "a zip archive is read in place only without --table and --masks"
            remedy = f"Unpack it: python -m zipfile -e {shlex.quote(str(given[flag]))} {folder}; "
            remedy += f"then give {flag} {folder}."
            raise InputError(problem, where=where, remedy=remedy)
        if not (path.is_file() if kind == "file" else path.is_dir()):
            raise InputError(f"there is no such {kind}", where=where, remedy=remedy)


def _folder_of_all(paths: dict[str, Path]) -> Path:
    """Return the folder, or the archive, that holds all that was given."""
    folders = [path.parent if flag == "--table" else path for flag, path in paths.items()]
    above = Path(os.path.commonpath(folders))
    images = paths["--images"].relative_to(above)
    if len(images.parts) > 3 or above == Path(above.anchor):
        remedy = "Put them into one folder, or link them: ln -s /where/they/are FOLDER/images."
        raise InputError("images and table share no folder", where=above, remedy=remedy)
    return above


def _folder_around(files: Sequence[str]) -> str:
    """Return the folders above all files that leave a folder of a class below them."""
    if not files or min(name.count("/") for name in files) < 2:
        return ""
    shared = os.path.commonpath([name.rpartition("/")[0] for name in files])
    # Of one class alone its folder is shared, too.
    return shared if any(name.rpartition("/")[0] != shared for name in files) else ""


def _endings(names: Iterable[str]) -> str:
    """Return in words how many files have which ending."""
    files = [file_of(name).lower() for name in names]
    endings = (".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix for name in files)
    kinds = Counter(ending or "without ending" for ending in endings)
    return ", ".join(f"{n} {ending}" for ending, n in kinds.items())


def _read_labels(
    classes: Counter[str],
    positive: Sequence[str],
    negative: Sequence[str],
    column: str,
    where: Path,
    distinct: bool,
    made: NewTask,
    ask: Ask,
) -> dict[str, str | None]:
    """Return the label of each class, positive ones first; None for what is left out."""
    nothing = [value for value in classes if discovery.says_nothing(value)]
    present = sorted({*classes} - {*nothing})
    separator, findings = discovery.findings_of(present)
    choices = sorted(set().union(*findings.values()))
    _refuse_classes(classes, present, choices, bool(positive), where)
    chosen = _choose_classes(choices, present, positive, negative, made, ask)
    others = chosen.negatives or [value for value in choices if value not in chosen.positives]
    label, other = _names_of(chosen, others, choices, column, ask)
    groups = {label: chosen.positives, other: chosen.negatives}
    labels = {value: _label_of(findings[value], groups, findings) for value in present}
    labels = dict(sorted(labels.items(), key=lambda item: item[1] != label))
    if len({*filter(None, labels.values())}) < 2:
        remedy = "Name other classes by --positive and --negative."
        raise InputError("one class only would remain", where=where, remedy=remedy)
    if not distinct:
        counts = Counter(part for value in classes.elements() for part in findings.get(value, ()))
        single = {value: _label_of({value}, groups, findings) for value in choices}
        _refuse_alike_classes(counts, single, where)
    rest = "null is left out" if chosen.negatives else "all others are compared with it"
    made.notes["label_map"] = f"the positive class first; {rest}"
    _describe_labels(classes, labels, findings, separator, made)
    if nothing:
        n = sum(classes[value] for value in nothing)
        made.say("unlabelled", counted(n, "pictures are left out"), "yellow")
    return labels | {value or UNLABELLED: None for value in nothing}


@dataclass
class _Chosen:
    """Classes that are positive, those compared with them if not all others are, and names."""

    positives: list[str]
    negatives: list[str]
    names: dict[str, str]


def _choose_classes(
    choices: list[str],
    present: list[str],
    positive: Sequence[str],
    negative: Sequence[str],
    made: NewTask,
    ask: Ask,
) -> _Chosen:
    """Return the classes that were named, or else those that are guessed and asked for."""
    known = [*dict.fromkeys([*choices, *present])]
    guess = "" if positive else discovery.guess_positive(choices)
    if not positive:
        answer = ask("The positive class", "--positive", choices, guess)
        positive = [answer] if answer in known else re.split(r"\s*,\s*", answer)
    reason = "by its word" if guess in positive else "as you said"
    made.notes["tasks"] = f"positive_class {reason}"
    positives, names = _named_classes(positive, "--positive", known)
    others = [value for value in choices if value not in positives]
    if not others:
        remedy = "Leave one of them out: the others are compared with it."
        raise InputError("every class is positive", where="--positive", remedy=remedy)
    if not negative and len(others) > 1:
        answer = ask("Compared with", "--negative", [*others, _ALL_OTHERS], _ALL_OTHERS)
        if answer != _ALL_OTHERS:
            negative = [answer] if answer in known else re.split(r"\s*,\s*", answer)
    negatives, other_names = _named_classes(negative, "--negative", known)
    if both := sorted({*positives} & {*negatives}):
        problem = f"{both[0]} is both positive and negative"
        raise InputError(problem, where="--negative", remedy="Name each class once.")
    return _Chosen(positives, negatives, names | other_names)


def _names_of(
    chosen: _Chosen, others: list[str], choices: list[str], column: str, ask: Ask
) -> tuple[str, str]:
    """Return what the positive class and the other are called; codes are asked for."""
    positives, names = chosen.positives, chosen.names
    label = next((names[value] for value in positives if value in names), "")
    other = next((names[value] for value in others if value in names), "")
    codes = discovery.are_codes(choices)
    if codes and not label:
        proposed = discovery.name_of_code(column) or positives[0]
        question = f"What to call class {', '.join(positives)}"
        label = ask(question, "--positive", ["any name"], proposed)
    label = label or positives[0]
    plain_other = others[0] if len(others) == 1 else f"not {label}"
    if codes and not other:
        default = plain_other if label == positives[0] else f"not {label}"
        question = f"What to call class {', '.join(others)}"
        other = ask(question, "--negative", ["any name"], default)
    other = other or plain_other
    if other == label:
        remedy = "Give the two classes two names."
        raise InputError(f"both classes are called {label}", where="--negative", remedy=remedy)
    return label, other


def _refuse_classes(
    classes: Counter[str], present: list[str], choices: list[str], is_said: bool, where: Path
) -> None:
    """Raise InputError unless there are two classes or more, and few where one is to be chosen."""
    problem = ""
    if len(present) < 2:
        problem = f"there is one class only ({join_first_ten(present) or 'none'})"
        remedy = "Two are needed: name the column with --label, or a folder a class with --images."
    elif len(choices) > _MOST_CLASSES and not is_said:
        problem = f"there are {len(choices)} classes ({join_first_ten(choices, ', ')})"
        remedy = "Name a column with a few classes by --label, or the positive ones by "
        remedy += "--positive; of numbers, make classes first."
    elif UNLABELLED in present and "" in classes:
        problem = f"a class is called {UNLABELLED}, as rows without a label are"
        remedy = "Call that class otherwise, or fill its empty cells."
    if problem:
        raise InputError(problem, where=where, remedy=remedy)


def _named_classes(
    given: Sequence[str], flag: str, known: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Return classes that were named by a flag, and what they are called, as in 1=malignant."""
    values, names = [], {}
    for text in given:
        value, equals, name = text.rpartition("=") if text not in known else (text, "", "")
        value = look_up(f"class ({flag})", value.strip() if equals else text, known)
        values.append(value)
        if name.strip():
            names[value] = name.strip()
    return values, names


def _label_of(
    parts: Collection[str], groups: dict[str, list[str]], findings: dict[str, frozenset[str]]
) -> str | None:
    """Return the label of a cell with some findings: positive with all that any positive has.

    Otherwise it is the other label; with negatives named, only if it has nothing but those.
    """
    (label, positives), (other, negatives) = groups.items()
    if any(findings.get(value, {value}) <= {*parts} for value in positives):
        return label
    allowed = set().union(*(findings.get(value, {value}) for value in negatives))
    return other if not negatives or {*parts} <= allowed else None


def _describe_labels(
    classes: Counter[str],
    labels: dict[str, str | None],
    findings: dict[str, frozenset[str]],
    separator: str,
    made: NewTask,
) -> None:
    """Add to the screen which classes become one, and which are left out."""
    if separator:
        n = sum(classes[value] for value in labels if len(findings[value]) > 1)
        text = f"{counted(n, 'rows')} with several, “{separator}” between: any of them counts"
        made.say("findings", text, "yellow")
    said = [f"{value} {classes[value]:,} as {labels[value]}" for value in sorted(labels)]
    if len(said) > 2 and not separator:
        kept = [text for text, value in zip(said, sorted(labels), strict=True) if labels[value]]
        made.say("classes joined", ", ".join(kept), "yellow")
    if left := [value for value in sorted(labels) if labels[value] is None]:
        n = sum(classes[value] for value in left)
        shown = join_first_ten([f"{value} {classes[value]:,}" for value in left], ", ")
        made.say("left out", f"{counted(n, 'pictures')} of other classes ({shown})", "yellow")


def _refuse_alike_classes(
    classes: Counter[str], labels: dict[str, str | None], where: Path
) -> None:
    """Raise InputError where a class may be another one that is spelt in another way."""
    present = sorted(label for label in classes if labels.get(label))
    for first, second in combinations(present, 2):
        plain = [unicodedata.normalize("NFKC", value).casefold() for value in (first, second)]
        numbers = [re.sub(r"\D", "", value) for value in plain]
        prefixed = plain[0].endswith(plain[1]) or plain[1].endswith(plain[0])  # as abnormal
        # Two classes are what is compared, and of one label they are one anyway.
        matters = len(present) > 2 and labels[first] != labels[second] and numbers[0] == numbers[1]
        near = SequenceMatcher(None, plain[0], plain[1]).ratio() >= _ALIKE and not prefixed
        if plain[0] == plain[1] or (matters and near):
            both = f"{first} ({classes[first]}) and {second} ({classes[second]})"
            remedy = "Spell each class in one way: capitals count; or say --distinct."
            raise InputError(f"{both} look like one class", where=where, remedy=remedy)


def _read_folders(places: _Places, label: str, made: NewTask) -> _Found:
    """Return what the layout `folder_classes` finds."""
    tree, pictures = places.tree, places.pictures
    options: dict[str, Any] = {"leave_out": ["files"]}
    if places.mask_names or places.masks:
        _check_masks(places, made)
        options["mask"] = places.mask_names
        options |= {"masks": places.masks} if places.masks not in ("", places.images) else {}
    strange = sorted(set(filter(tree.is_picture, tree.names)) - places.files)
    remedy = "Put pictures and masks into a folder of their own, or link them there."
    tree.raise_if_any(strange, "pictures lie in other folders", remedy=remedy)
    names = [_join(places.images, name) for name in pictures]
    if label == IN_MASKS:
        return _Found(options, _classes_in_masks(places, made), names, in_masks=True)
    if label:
        options["label"] = label
        classes = Counter(read_names(label, map(discovery.file_stem, pictures), "label"))
        made.say("label", f"read from names by {label}")
        made.notes["options"] = "label: a pattern of names, as you said"
        return _Found(options, classes, names)
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
    remedy = "Each class is a folder of pictures, or of patients' folders; or give a --table"
    if pattern := discovery.guess_label_pattern(pictures):
        remedy += f"; or read classes from names: --label '{pattern}'"
    tree.raise_if_any(strange, "pictures lie in no folder of a class", remedy=f"{remedy}.")
    # Folders above pictures are classes, and no patients.
    return _Found(
        options, Counter(folders[depth] for folders in parts), [folders[-1] for folders in parts]
    )


def _classes_in_masks(places: _Places, made: NewTask) -> Counter[str]:
    """Return the two classes that masks tell, to be counted when they are read."""
    if not places.outlines:
        remedy = "Name their folder with --masks, or call them like their pictures, _mask behind."
        raise InputError("no masks are found", where="--label masks", remedy=remedy)
    made.say("label", "a lesion where the mask marks anything, none where it is black or absent")
    made.notes["labels_in_masks"] = "lesion where a mask marks anything, as you said"
    return Counter({LESION: 1, NO_LESION: 1})


@dataclass
class _Table:
    """A table that is being read: its rows, and what is known of its columns by role.

    ``key`` is the column with a row a patient, or a row a study, if the table has no row a
    picture; ``header`` is what its cells equal of a study.
    """

    rows: pd.DataFrame
    columns: dict[str, discovery.Column]
    classes: list[str]
    key: discovery.Key | None = None
    header: str = ""


def _read_columns(
    places: _Places,
    roles: dict[str, str],
    leave_out: Collection[str],
    made: NewTask,
    ask: Ask,
) -> _Found:
    """Return what the layout `table` finds."""
    table = _Table(_read_rows(places, made), {}, [])
    drawn = places.masks or places.images
    table.columns, table.classes = discovery.guess_columns(
        table.rows, places.pictures, places.outlines, (places.images, drawn)
    )
    _take_roles(table, roles)
    if "image" not in table.columns:
        path = discovery.guess_path(table.rows, places.pictures, places.images)
        if path:
            table.columns["image"], names_of_rows = path
            table.rows[table.columns["image"].name] = names_of_rows
    settings = _find_key(places, table, roles, made)
    in_masks = roles["label"] == IN_MASKS and IN_MASKS not in table.rows
    if in_masks:
        table.columns.pop("label", None)
    elif "label" not in table.columns:
        taken = {column.name for column in table.columns.values()}
        free = [name for name in table.rows if name not in taken]
        answer = ask("The column of the label", "--label", table.classes or free, "")
        _take_roles(table, {"label": answer})
    for role, column in table.columns.items():
        made.say(f"{role} column", f"{column.name} ({column.reason})")
    _describe_lost_zeros(places, table, made)
    _describe_several_rows(table, made)
    reasons = [f"{role}: {column.reason}" for role, column in table.columns.items()]
    made.notes["options"] = "; ".join(reasons)
    options = _options_of(places, table, leave_out, made)
    names = [] if table.key else [*table.rows[table.columns["image"].name]]
    names = [name.replace("\\", "/") for name in names]
    if in_masks:
        return _Found(options, _classes_in_masks(places, made), names, settings, in_masks)
    return _Found(options, _classes_of_rows(places, table, leave_out), names, settings)


def _read_rows(places: _Places, made: NewTask) -> pd.DataFrame:
    """Return the rows of the table as texts, and say how it is written."""
    tree, table = places.tree, places.table
    rows = read_table(tree, table, []).astype(object)
    if rows.empty:
        raise tree.error("the table has no rows", file=table, remedy="Give it a row a picture.")
    if table.lower().endswith(".json"):
        text = f"{Path(table).name}, annotations of COCO; their boxes and outlines are not read"
        made.say("table", text, "yellow")
    elif not table.lower().endswith((".parquet", ".xlsx")):
        text, encoding = discovery.decode(tree.read(table))
        separator = discovery.separator_of(text).replace("\t", "tab")
        made.say("table", f"{Path(table).name}, {encoding}, cells separated by “{separator}”")
    elif table.lower().endswith(".xlsx"):
        sheets = sheets_of(tree, table)
        others = f" of {len(sheets)} ({', '.join(sheets)})" if len(sheets) > 1 else ""
        made.say("table", f"{Path(table).name}, its first sheet{others}")
    if above := rows_above(tree, table):
        text = f"{counted(above, 'rows')} above the names of the columns ({', '.join(rows)}): "
        made.say("titles", f"{text}passed over", "yellow")
    return rows


def _describe_lost_zeros(places: _Places, table: _Table, made: NewTask) -> None:
    """Say that cells name pictures which begin with zeros, as spreadsheets take these away."""
    image = table.columns.get("image")
    cells = {*table.rows[image.name]} - {""} if image else set()
    files = discovery.matched(cells, places.pictures, places.images)
    lost = [
        f"{cell} as {name}"
        for cell, name in sorted(files.items())
        if discovery.is_number(cell) and discovery.file_stem(name.rpartition("/")[2]) != cell
    ]
    if lost:
        text = f"{counted(len(lost), 'cells')} without leading zeros: {join_first_ten(lost, ', ')}"
        made.say("lost zeros", text, "yellow")


def _describe_several_rows(table: _Table, made: NewTask) -> None:
    """Say that pictures have several rows, which have to say the same."""
    image = table.columns.get("image")
    names = table.rows[image.name] if image else pd.Series(dtype=object)
    if n := names[names.duplicated() & (names != "")].nunique():
        text = f"{counted(n, 'pictures')} with several, which count once where they say the same"
        made.say("rows", text, "yellow")


def _take_roles(table: _Table, roles: dict[str, str]) -> None:
    """Put the columns that somebody named in place of those that were guessed."""
    for role, column in roles.items():
        is_pattern = role == "patient" and column not in table.rows and "(" in column
        if (column == NO_SPLIT and role in ("split", "patient")) or is_pattern:
            table.columns.pop(role, None)
        elif (column and (role, column) != ("label", IN_MASKS)) or column in table.rows:
            name = look_up(f"column (--{role})", column, [*table.rows])
            table.columns[role] = discovery.Column(name, "as you said")


def _find_key(
    places: _Places, table: _Table, roles: dict[str, str], made: NewTask
) -> dict[str, Any]:
    """Find the column with a row a patient, where none names pictures or it names more of them.

    Returned are settings of the manifest by which its cells are compared with pictures.
    """
    pictures, rows = places.pictures, table.rows
    image = table.columns.get("image")
    reached = 0
    if image:
        files = discovery.matched({*rows[image.name]} - {""}, pictures, places.images)
        reached = len({*files.values()})
    if roles["image"] or reached == len(pictures):
        return {}
    pattern = roles["patient"] if "(" in roles["patient"] else ""
    said = roles["patient"] if roles["patient"] in rows else ""
    settings = {"patient_pattern": pattern} if pattern else {"patients_in_headers": True}
    patients = _known_patients(places, pattern)
    key = discovery.guess_key(rows, pictures, patients, said) if patients else None
    if not pattern and not (key and key.rows):
        key, settings = discovery.guess_key(rows, pictures, (), said), {}
    n, least = len(key.rows) if key else 0, max(reached, discovery.LEAST_SHARE * len(pictures))
    if not pattern and n <= least:
        behind, tried = _key_behind_words(places, rows, said)
        if behind and len(behind.rows) > max(n, least):
            key, settings, n = behind, {"patient_pattern": tried}, len(behind.rows)
            text = f"the number behind a word in names ({tried}), as in {pictures[0]}"
            made.say("PATIENTS", f"{text}: is that {key.name} of the table?", "yellow")
    if _take_study_key(places, table, key, least):
        return {}
    if key and n > least:
        how = "begin the names of" if key.level == 0 else "begin the folders of"
        if key.level is None:
            how = "equal the patients of"
        reason = f"a row a patient: its cells {how} {n:,} of {len(pictures):,} pictures"
        table.key = key
        _take_key(table, "patient", reason)
        _doubt_patients(rows[key.name], key.name, made)
        return settings
    if not image:
        _refuse_unnamed(places, rows, key)
    return {}


def _doubt_patients(cells: pd.Series, column: str, made: NewTask) -> None:
    """Say that cells which are taken for patients seem to be several of one."""
    cells = cells[cells != ""].drop_duplicates()
    if patterns := discovery.patient_patterns([*cells]):
        several = next(who for who in patterns.values())
        examples = [" and ".join(of[:2]) for of in several.values() if len(of) > 1][:2]
        text = f"{counted(len(cells), 'cells')} of {column} may be of {len(several):,}, such as "
        text += f"{'; '.join(examples)}: each counts as a patient. If not, name patients in a "
        made.say("PATIENTS", f"{text}column and the pictures in another", "bold red")


def _take_key(table: _Table, role: str, reason: str) -> None:
    """Put the key of a table, and its role, in place of a column of pictures."""
    name = table.key.name if table.key else ""
    kept = {of: column for of, column in table.columns.items() if column.name != name}
    kept.pop("image", None)
    table.columns = kept | {role: discovery.Column(name, reason)}


def _take_study_key(
    places: _Places, table: _Table, patients: discovery.Key | None, least: float
) -> bool:
    """Take the column with a row a study, if it reaches more pictures than ``least``; or tell no.

    A column with a row a patient that reaches as many comes first, but for several rows of one.
    """
    rows, n = table.rows, len(patients.rows) if patients else 0
    if patients and n > least and rows[patients.name][rows[patients.name] != ""].is_unique:
        return False
    study, header = _study_key(places, rows)
    if study is None or len(study.rows) <= least or len(study.rows) < n:
        return False
    reason = f"a row a study: its cells equal {header} of {len(study.rows):,} of "
    reason += f"{len(places.pictures):,} pictures"
    table.key, table.header = study, header
    _take_key(table, "key", reason)
    return True


def _study_key(places: _Places, rows: pd.DataFrame) -> tuple[discovery.Key | None, str]:
    """Return the column with a row a study, series or file, and what of DICOM headers it equals.

    That of most pictures counts, then the element that is of several pictures.
    """
    best: tuple[discovery.Key | None, str] = (None, "")
    locators = [places.tree.locator(_join(places.images, name)) for name in places.pictures]
    if not all(map(is_dicom, locators)):
        return best
    from rin.data.dicom import elements_of  # pydicom is slow to load

    with suppress(InputError):  # the inspection of all names files that are no DICOM
        headers = [elements_of(places.tree.root, locator, HEADERS) for locator in locators]
        for header, values in zip(HEADERS, zip(*headers, strict=True), strict=True):
            key = discovery.guess_key(rows, places.pictures, values)
            if key and (best[0] is None or len(key.rows) > len(best[0].rows)):
                best = key, header
    return best


def _key_behind_words(
    places: _Places, rows: pd.DataFrame, column: str
) -> tuple[discovery.Key | None, str]:
    """Return the column that is the number behind a word in names, and its pattern.

    That of most patients counts: numbers of views, which are few, are in most tables, too.
    """
    best: tuple[discovery.Key | None, str] = (None, "")
    for pattern in discovery.numbered_patterns(places.pictures):
        patients = read_names(pattern, places.pictures, "patient")
        key = discovery.guess_key(rows, places.pictures, patients, column)
        if key and (best[0] is None or len({*key.rows}) > len({*best[0].rows})):
            best = key, pattern
    return best


def _refuse_unnamed(places: _Places, rows: pd.DataFrame, key: discovery.Key | None) -> None:
    """Raise InputError where neither pictures nor patients are named by a column."""
    tree, pictures = places.tree, places.pictures
    n = len(key.rows) if key else 0
    problem = f"no column names the {counted(len(pictures), 'pictures')} below "
    problem += f"{places.images or '.'} ({', '.join(rows)}), and none with a row a patient "
    problem += "has cells that their names begin with"
    problem += f" (those of {key.name} begin {n:,})" if key and n else ""
    remedy = "Name that of pictures with --image, or of patients with --patient, or say what "
    remedy += "of a name is the patient, as in --patient '^Pat (\\d+)/', and the folder that "
    remedy += f"paths start at with --images. A picture is called {pictures[0]}."
    if len(sheets := sheets_of(tree, places.table)) > 1:
        first = f"Of the sheets {', '.join(sheets)} the first is read: put another first, or "
        remedy = first + remedy[0].lower() + remedy[1:]
    raise tree.error(problem, file=places.table, remedy=remedy)


def _known_patients(places: _Places, pattern: str) -> list[str]:
    """Return the patient of each picture, where a pattern or all DICOM headers tell it."""
    if pattern:
        return read_names(pattern, places.pictures, "patient")
    root, tree = places.tree.root, places.tree
    locators = [tree.locator(_join(places.images, name)) for name in places.pictures]
    if not _named_in_headers(root, locators):
        return []
    from rin.data.dicom import patient_of  # pydicom is slow to load

    return [patient_of(root, locator) for locator in locators]


def _options_of(
    places: _Places, table: _Table, leave_out: Collection[str], made: NewTask
) -> dict[str, Any]:
    """Return the options of the layout `table` for the columns that were found."""
    tree, folder, outlines = places.tree, places.images, places.outlines
    names = {role: column.name for role, column in table.columns.items()}
    options: dict[str, Any] = {"table": Path(places.table).name, "images": folder}
    options |= {role: names.get(role, "") for role in ("image", "key", "label", "patient", "mask")}
    if table.header:
        options |= {"row": "header", "header": table.header}
    elif table.key:
        options["row"] = "patient"
        options["level"] = table.key.level
    if places.masks or outlines:
        options["masks"] = places.masks or folder
        if "mask" not in names:
            _check_masks(places, made)
            template = discovery.mask_template(places.mask_names, outlines)
            stem = _STEM
            if discovery.lack_channel(outlines, places.pictures):
                template = template or "{stem}"
                stem = stem.replace("+?)", f"+?){discovery.CHANNEL}")
            if template:
                image = names.get("image", NAME)
                folder_and_file = re.fullmatch("({.+}/){(.+)}", image)
                above, image = folder_and_file.groups() if folder_and_file else ("", image)
                options |= {"mask": above + template, "parts": {image: stem}}
    if "split" in names:
        options["split"] = {"column": names["split"]}
    options = {option: value for option, value in options.items() if value}
    others = {*tree.names} - places.files - {places.table}
    if others:
        made.say("other files", f"{counted(len(others), 'files')}, not read")
    left = [word for kind, word in _OF_TABLES.items() if kind in leave_out]
    if left or others:
        options["leave_out"] = [*left, "files"]
    return options


def _classes_of_rows(places: _Places, table: _Table, leave_out: Collection[str]) -> Counter[str]:
    """Return how many pictures, or rows, have each label; refuse rows without one."""
    tree, rows, label = places.tree, table.rows, table.columns["label"].name
    names = table.key.name if table.key else table.columns["image"].name
    if table.key:
        rows = rows.loc[table.key.rows]
    elif "rows-without-pictures" in leave_out:
        known = discovery.matched({*rows[names]} - {""}, places.pictures, places.images)
        rows = rows[rows[names].isin(known)]
    labels = rows[label]
    empty = rows[labels.map(discovery.says_nothing)]
    if len(empty) and "unlabelled" not in leave_out:
        cells = dict.fromkeys(f"{name} (row {row + 2})" for row, name in empty[names].items())
        remedy = "Fill the cell, or leave such rows out with --leave-out unlabelled."
        problem = f"rows have no label in column {label}"
        if words := sorted({*labels[empty.index]} - {""}):
            problem = f"rows have no label but {join_first_ten(words)} in column {label}"
        tree.raise_if_any(cells, problem, file=places.table, remedy=remedy)
    return Counter(labels)


def _check_masks(places: _Places, made: NewTask) -> None:
    """Say how masks are called; InputError where none is called like a picture."""
    outlines = places.outlines
    if not places.mask_names:
        if outlines and is_dicom(outlines[0]):
            from rin.data.dicom import refuse_segmentation  # pydicom is slow to load

            name = _join(places.masks or places.images, outlines[0])
            refuse_segmentation(places.tree.root, places.tree.locator(name))
        example = outlines[0] if outlines else "nothing"
        problem = f"no mask is called like a picture (a mask is called {example})"
        remedy = "Call masks like their pictures, _mask behind if you like, or name them in a "
        remedy += "column of a --table."
        raise InputError(problem, where=f"--masks {places.masks}", remedy=remedy)
    made.say("masks", f"{counted(len(outlines), 'files')}, by names such as {outlines[0]}")


def _hint_at_masks(images: Path, made: NewTask) -> None:
    """Say which folder below the pictures, or beside them, is called as folders of masks are."""
    words = tuple(discovery.COLUMNS["mask"])
    if not images.is_dir():  # an archive
        return
    for path in (*images.iterdir(), *images.parent.iterdir()):
        if path.is_dir() and path != images and discovery.plain(path.name).startswith(words):
            made.say("masks", f"none are read: --masks {path} would read that folder", "yellow")


def _patients_of(
    root: Path,
    locators: Sequence[str],
    reading: _Found,
    patient: str,
    of_volumes: bool,
    made: NewTask,
    ask: Ask,
) -> dict[str, Any]:
    """Return the settings of what tells patients, and note how that was reading."""
    options, settings = reading.options, {"independence": "patient", **reading.settings}
    if "patient" in options:
        reason = "a column of the table names patients"
    elif patient and patient != NO_PATIENTS:
        settings["patient_pattern"], reason = patient, "names of files tell patients, as you said"
    elif "patients" in options:
        reason = "each folder below a class is taken for a patient"
        made.say("patient folders", reason, "yellow")
    elif _named_in_headers(root, locators):
        settings["patients_in_headers"], reason = True, "nothing but DICOM headers names patients"
        made.say("patients in", "the headers of the DICOM files (PatientID)")
    elif patient != NO_PATIENTS and (pattern := _propose_pattern(reading.names, made, ask)):
        settings["patient_pattern"], reason = pattern, "names of files seem to tell patients"
    elif of_volumes:
        settings["independence"], reason = "exam", "nothing names patients: each volume is one"
    else:
        settings["independence"], reason = "image", "nothing names patients: each picture is one"
    made.notes["independence"] = reason
    return settings


def _propose_pattern(names: Sequence[str], made: NewTask, ask: Ask) -> str:
    """Return a pattern by which names seem to tell patients, or nothing if it is declined."""
    patterns = discovery.patient_patterns(names)
    if not patterns:
        return ""
    pattern, *others = patterns
    pictures = patterns[pattern]
    joined = [(who, several) for who, several in pictures.items() if len(several) > 1]
    examples = "; ".join(f"{' and '.join(several[:3])} of {who}" for who, several in joined[:3])
    text = f"by their names {len(names):,} pictures may be of {len(pictures):,} patients"
    coarser = [other for other in others if len(patterns[other]) < len(pictures)]
    fewer = "".join(f", or of {len(patterns[other]):,} ({other})" for other in coarser)
    choices = [pattern, *coarser, NO_PATIENTS]
    question = f"{text}, such as {examples}{fewer}: what tells patients"
    answer = ask(question, "--patient", choices, pattern)
    if answer == NO_PATIENTS:
        return ""
    _check_pattern(answer, "--patient", "tells patients, as in '^(P[0-9]+)_'")
    if answer == pattern:
        text = f"{text} ({pattern}), such as {examples}{fewer}; --patient none if they are not"
        made.say("PATIENTS", text, "bold red" if coarser else "yellow")
    return answer


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


def _slices_of(places: _Places, text: str, made: NewTask, ask: Ask) -> Slices | None:
    """Return which slices of volumes are taken, as said or as proposed; None for pictures."""
    tree = places.tree
    if text == NO_SLICES:
        return None
    names = [_join(places.images, name) for name in places.pictures]
    proposal = None
    if not text:
        masked = len(places.outlines) >= len(names)
        proposal = propose_slices(tree, names, all_masked=masked)
        if proposal is None:
            return None
        default = _slices_in_words(proposal[0])
        question = f"{proposal[1]:,} volumes: which slices of each are pictures"
        others = [f"{rule}{default[default.index(',') :]}" for rule in ("even", "middle")]
        choices = [*dict.fromkeys([default, *others]), NO_SLICES]
        text = ask(question, "--slices", choices, default)
        if text == NO_SLICES:
            return None
    slices = _slices_from(text)
    reason = "as you said" if proposal is None or text != default else "guessed"
    made.notes["slices"] = f"which slices of each volume are pictures, {reason}"
    style = "yellow" if reason == "guessed" else ""
    made.say("slices", f"{_slices_in_words(slices)} of each volume (--slices for others)", style)
    return slices


def _slices_in_words(slices: Slices) -> str:
    """Return slices as ``--slices`` takes them: ``middle,3,axial``."""
    axis = [] if slices.axis is None else [str(slices.axis)]
    return ",".join([slices.rule, str(slices.count), *axis, *_FOLDER[slices.volume]])


def _slices_from(text: str) -> Slices:
    """Return what ``--slices`` says."""
    rule, _, rest = text.partition(",")
    count, _, axis = rest.partition(",")
    stated: dict[str, Any] = {"rule": rule.strip(), "count": count.strip()}
    if axis.strip() == "folder":
        stated["volume"] = "folder"
    elif axis.strip():
        stated["axis"] = int(axis) if axis.strip().isdecimal() else axis.strip()
    remedy = (
        "Write RULE,COUNT or RULE,COUNT,AXIS: even, middle or lesion; a number; axial, coronal "
    )
    remedy += "or sagittal of NIfTI, 0, 1 or 2 of .npy, or folder where each folder is a volume."
    return Slices.checked(stated, where=f"--slices {text}", remedy=remedy)


def _window_of(
    root: Path,
    locators: Sequence[str],
    window: tuple[float, float] | str | None,
    made: NewTask,
    ask: Ask,
) -> dict[str, Any]:
    """Return the settings of the window, none where pictures are shown as they are stored."""
    whole = None if window else window_of_all(root, locators)
    if whole:
        window = _ask_values(ALL_VALUES, ask)
    scans = [locator for locator in locators if is_dicom(locator)]
    without = 0 if window or whole else _count_without_window(root, scans)
    if without and _are_deep(root, scans):
        window = _ask_values(AS_STORED, ask)
    if window == PERCENTILES:
        between = window_of_percentiles(root, locators)
        if between is None:
            made.say("window", "none is needed: the pictures have 8 bits")
            return {}
        made.notes["window"] = (
            "center and width, between two percentiles of all values, as you said"
        )
        made.say("window", f"{between[0]:g},{between[1]:g}: between percentiles of all values")
        return {"window": [*between], "window_from": PERCENTILES}
    if whole:
        made.notes["window"] = "center and width, guessed: all values of the bits in use"
        text = f"{whole[0]:g},{whole[1]:g}: all values of the pictures (--window percentiles for "
        made.say("window", f"{text}more contrast)", "yellow")
        return {"window": [*whole]}
    if isinstance(window, tuple):
        return {"window": [*window]}
    if scans:
        others = ""
        if without:
            others = f"; {counted(without, 'files have')} none: all their values (--window "
            others += "percentiles for more contrast)"
        text = f"as stored in the DICOM files{others}"
        made.say("window", text if without else f"{text} (--window for another)")
    return {}


def _ask_values(default: str, ask: Ask) -> str:
    choices = [default, PERCENTILES]
    answer = ask("Which values of over 8 bits are shown", "--window", choices, default)
    return look_up("answer (--window)", answer, choices)


def _are_deep(root: Path, scans: Sequence[str]) -> bool:
    """Return whether the first DICOM file that can be read has more than 8 bits."""
    from rin.data.dicom import measured_values  # pydicom is slow to load

    for locator in scans:
        with suppress(InputError):  # the inspection of all names the broken ones
            return measured_values(root, locator) is not None
    return False


def _count_without_window(root: Path, scans: Sequence[str]) -> int:
    """Return how many DICOM files do not say which values are to be shown."""
    if not scans:
        return 0
    from rin.data.dicom import stores_window  # pydicom is slow to load

    without = 0
    for locator in scans:
        with suppress(InputError):  # the inspection of all names the broken ones
            without += not stores_window(root, locator)
    return without


def _inspect(
    places: _Places,
    fields: dict[str, Any],
    made: NewTask,
    results: Path,
    leave_out: Collection[str],
    empty_masks: bool,
    distinct: bool,
) -> pd.DataFrame:
    """Read every picture, add counts and bits of near-duplicates to the manifest; return these."""
    tree, manifest = places.tree, DatasetManifest.model_validate(fields)
    listed = find_cases(tree, manifest)
    if manifest.layout == "table":
        _describe_left_out(places, manifest, listed, leave_out, made)
    labelled = listed[listed["label"].notna()]
    cases, bad = inspect_cases(tree.root, labelled, manifest, folder=results / "index")
    refuse_bad(bad, len(listed), tree.place(), manifest)
    cases, findings = drop_left_out(manifest, cases)
    for finding in findings:
        made.say("left out", finding.text, "yellow")
    for finding in volume_findings(manifest.slices, cases) if manifest.slices else ():
        made.say("volumes", finding.text, "yellow")
    if manifest.independence == "patient" and not distinct:
        _refuse_alike_patients(cases["patient_id"], tree.place(places.table))
    if n_wrapped := int(cases["wrapped"].sum()):
        fields["unwrap_ct"] = False
        made.notes["unwrap_ct"] = "true puts air of CT that wrapped to 3,000 and more back"
        wrapped = cases.loc[cases["wrapped"], "case_id"].tolist()
        text = f"{wrapped_in_words(n_wrapped, False)} in the manifest "
        text += f"({join_first_ten(wrapped, ', ')})"
        made.say("wrapped CT", text, "bold red")
    classes, checked = listed["source_class"], cases
    fields["counts"] = {"images": classes.value_counts().sort_index().to_dict()}
    if manifest.masks:
        fields["counts"]["masks"] = listed["masks"].map(len).groupby(classes).sum().to_dict()
        right = _rightly_empty(manifest, cases, empty_masks, made)
        fields["counts"]["empty_masks"] = int(right.sum())
        # What is rightly empty is no problem, and every other mask is.
        checked = cases.assign(mask_digest=cases["mask_digest"].where(~right, ""))
    if wrong := case_problems(manifest, checked):
        kind, problem, remedy = wrong[0]
        remedy = _TEXTS["remedies"].get(kind, remedy)
        if kind == "mixed patients" and manifest.patient_pattern:
            remedy += f", or --patient {NO_PATIENTS} if names do not tell patients"
        raise InputError(problem, where=tree.place(places.table), remedy=f"{remedy}.")
    bits, pairs = suggest_threshold(cases)
    fields["near_duplicate_bits"] = bits
    rule = "largest of 40, 24, 16 and 8 bits (of 256) that links no chains"
    made.notes["near_duplicate_bits"] = f"{rule}: {counted(len(pairs), 'pairs')}"
    return pairs


def _describe_left_out(
    places: _Places,
    manifest: DatasetManifest,
    listed: pd.DataFrame,
    leave_out: Collection[str],
    made: NewTask,
) -> None:
    """Add to the screen how many rows and pictures are left out, those of none as well."""
    used = {*listed["image"]}
    numbers = {"pictures-without-rows": len(places.pictures) - len(used)}
    rows = read_table(places.tree, places.table, []).astype(object)
    if manifest.options.get("row") == "patient":
        column = manifest.options["patient"]
        numbers["rows-without-pictures"] = len({*rows[column]} - {*listed["patient_id"]})
    else:
        numbers["rows-without-pictures"] = len(rows) - len(listed)
    for kind, n in numbers.items():
        if kind in leave_out:
            made.say("left out", counted(n, kind.replace("-", " ")), "yellow" if n else "")


def _rightly_empty(
    manifest: DatasetManifest, cases: pd.DataFrame, accepted: bool, made: NewTask
) -> pd.Series:
    """Return which masks may mark nothing: all that are accepted, or a class without lesion.

    Every mask of such a class is empty, and it is not the positive one.
    """
    nothing, positive = marks_nothing(cases), manifest.tasks[0].positive_class
    if accepted:
        return nothing
    drawn = cases[(cases["masks"].map(len) > 0) & (cases["label"] != positive)]
    all_empty = nothing[drawn.index].groupby(drawn["source_class"]).all()
    without = [*all_empty.index[all_empty]]
    right = nothing & cases["source_class"].isin(without) & (cases["label"] != positive)
    if n := int(right.sum()):
        text = f"the {counted(n, 'masks')} of class {' and '.join(without)} mark nothing, as of "
        made.say("masks", f"{text}a class without lesion")
    return right


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
    made: NewTask,
    dataset: Dataset,
    pairs: pd.DataFrame,
    folds: pd.DataFrame,
    fewest: int,
    names: Sequence[str],
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
    _describe_patients(made, manifest, cases, names)
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


def _describe_patients(
    made: NewTask, manifest: DatasetManifest, cases: pd.DataFrame, names: Sequence[str]
) -> None:
    alone = "each picture counts as a patient. If patients have several pictures, some will stand "
    alone += "on both sides of the split, and the AUC will be too high"
    pattern, patients = discovery.guess_patients(names)
    hint = f". By their names they may be {len(patients)} patients: --patient '{pattern}'"
    hint = hint if pattern else ""
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
    return str(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=95))


def _profile(
    made: NewTask, dataset: Dataset, folds: pd.DataFrame, minutes: float, pace: forecast.Pace
) -> str:
    """Return the YAML of a profile that fits the budget; add to the screen what it computes."""
    manifest, name = dataset.manifest, made.name
    weights, backbones = available_weights(made.data_root)
    given = "split" in manifest.options
    parts = folds[folds["fold"] == 0]["part"].value_counts().to_dict()
    decoding = forecast.measure_decoding(dataset)
    fitted, takes = forecast.fit_budget(
        replace(pace, decoding=decoding),
        minutes,
        parts=parts,
        folds=int(folds["fold"].nunique()),
        side=dataset.cases["width"].median(),
        backbones=backbones,
        corpora="" if weights.startswith("released") else weights,
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
    if decoding > 60:
        time += f", {round(decoding / 60)} of them to decode the pictures"
    over = takes > minutes
    least = ", which is the least: this computer is slow or busy" if over else ""
    made.say("time", time + least, "yellow" if over else "")
    said = {"name": name, "root": made.data_root, "time": time, "weights": described}
    return f"{_TEXTS['head'].format_map(said)}{_dumped(settings)}"
