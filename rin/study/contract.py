"""`rin new`: from somebody's own images, in a form that the field knows, to manifest and profile.

The forms are a folder a class; a table ``metadata`` with a row a picture, one for the folder or
one in each of ``train``, ``val`` and ``test``; and an archive of MedMNIST.  Columns are named and
nothing is guessed: what contradicts the contract is one error with a line a problem, first of what
tables and names show, then of the pictures.  Other forms are recipes of the page *Your images*.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple
from unicodedata import normalize

import pandas as pd
import yaml

from rin.data.dataset import LISTED, marks_nothing, open_dataset
from rin.data.layouts import comes_with_split, find_cases, read_split
from rin.data.layouts.found import IF_PARTIAL, TABLES, read_table
from rin.data.leakage import (
    altered_copies,
    leak_free_groups,
    name_variants,
    suggest_threshold,
)
from rin.data.manifest import (
    PART_WORDS,
    PARTS,
    DatasetManifest,
    Finding,
    known_tasks,
    read_names,
)
from rin.data.pixels import read_stored, show_colour
from rin.data.splits import LEAST, MAX_FOLDS, fold_sizes, given_folds, make_folds
from rin.data.status import unusual_drawing
from rin.data.store import Dataset, inspect_cases
from rin.data.tree import Tree, open_tree
from rin.errors import InputError, amount, did_you_mean, join_first_ten, problem_of
from rin.files import manifest_folder, read_facts, write_atomically
from rin.study import forecast
from rin.study.profile import Profile, profile_folder
from rin.study.workspace import available_weights

Settings = dict[str, Any]
#: Names for which something is wrong, a phrase that says what, and its remedy.
Problem = tuple[Iterable[Any], str, str]
_TEXTS = read_facts(__file__)
_REMEDIES: dict[str, str] = _TEXTS["remedies"]
_BUDGET = _TEXTS["budget"]
FILE = "file_name"
ROLES = ("label", "patient", "mask", "split")
#: Sources of patients that are no columns.
NO_PATIENTS = "none"
HEADERS = "dicom:PatientID"
NAMES = "name:"
_TABLE = rf"(?i)metadata\.({'|'.join(TABLES)})"
_FORMS = {"npz": "an archive of MedMNIST", "folder_classes": "a folder a class"}
_listed = partial(join_first_ten, between=", ")
#: Names that seem to be those of masks of other pictures.
_OF_MASKS = (
    r"(?i)^(.+)[ _.-](?:mask|maske|masque|m[aá]scara|maschera|seg|segmentation|gt|label|lesion|"
    r"contour|annotation|roi)\d*\.\w+$"
)
#: Names of folds.
_FOLD = r"(?i)(?:fold[ _-]?)?\d+(?:\.0)?"
#: First line of the files that are written here, which alone may be replaced.
_MARK = "# Written by `rin new`: correct it where it is wrong.\n"
#: Fewer patients of a class than these in a test part give no useful interval.
_FEW = 10
#: Folds that are drawn, unless patients are too few.
_FOLDS = 5
#: Problems on the screen.
_LINES = 20
#: Letters of the names of one problem.
_WIDTH = 400


@dataclass(frozen=True)
class Stated:
    """What somebody says of images: the flags of `rin new`."""

    name: str
    images: Path
    label: str = "label"
    patient: str = "patient"
    mask: str = "mask"
    split: str = "split"
    positive: Sequence[str] = ()
    negative: Sequence[str] = ()
    window: tuple[float, float] | None = None
    minutes: float = 15
    several_labels: bool = False
    replace: bool = False
    data_root: Path | None = None
    results: Path = Path("results")


class NewTask(NamedTuple):
    """A manifest, a profile, and what was found: warnings are called in capitals."""

    manifest: Settings
    profile: Settings
    facts: list[tuple[str, str]]


def new_task(said: Stated, pace: forecast.Pace | None = None) -> NewTask:
    """Check somebody's own pictures and return a manifest and a profile of a task on them.

    Without a `pace`, that of this computer is measured.
    """
    _check_name(said)
    place = said.images.absolute()
    tree = open_tree(said.data_root or place.parent, str(place))
    settings, listed, problems = _read(said, tree)
    labels, of_classes = _classes(said, listed["source_class"])
    if listed.empty:  # as names of files do not fit
        of_classes = []
    _refuse(said, [*problems, *of_classes, *_contradictions(said, listed, labels)])
    positive, other = dict.fromkeys(labels.values())
    task: Settings = {
        "name": said.name,
        "title": f"{positive} or {other}, {said.name}",
        "positive_class": positive,
        "n_folds": 1,
    }
    settings |= {"label_map": labels, "tasks": [task]}
    given = listed.set_index("case_id")["split"]
    dataset, pairs = _inspect(said, tree, settings, listed)
    groups, seed = leak_free_groups(dataset.cases, pairs), Profile.model_fields["seed"].default
    parts = {*given}
    if parts == {""}:
        folds = make_folds(dataset.cases, groups, _FOLDS, seed, where=str(said.images))
        origin = "drawn by patient"
        if folds["fold"].max() + 1 < _FOLDS:
            origin += f", in fewer than {_FOLDS} folds as patients are few"
    else:
        n_folds = 1 if parts <= {*PARTS} else len(parts)
        folds = given_folds(dataset, groups, n_folds, seed)
        origin = "as given" + ("" if "validation" in parts else ", validation drawn from train")
    task["n_folds"] = int(folds["fold"].nunique())
    origin += f": {fold_sizes(folds)}"
    profile, weights, minutes = _profile(said, dataset, folds, pace or forecast.measure_pace())
    remarks = _remarks(dataset, pairs, folds, given)
    # Names of files may be those of patients, and a manifest is shared.
    settings["findings"] = [{"kind": some.kind, "text": some.text} for some in remarks]
    if profile["folds"] < task["n_folds"] or "cases" in profile:
        n_used = profile.get("cases", len(dataset.cases))
        origin += f"; in this time {amount(profile['folds'], 'folds')} of {n_used:,} pictures"
    facts = [
        *_understood(dataset, weights, origin),
        *_leftover(tree, listed, settings["layout"]),
    ]
    time = f"about {max(1, round(minutes))} minutes for study and book, if nothing else runs"
    is_over = minutes > said.minutes
    least = f", the least possible: more than the {said.minutes:g} asked for" if is_over else ""
    facts.append(("TIME" if is_over else "time", time + least))
    return NewTask(settings, profile, [*facts, *_finding_lines([*remarks, *dataset.findings])])


def write_task(made: NewTask) -> list[Path]:
    """Write the manifest and the profile, over those that were written here before."""
    files = _files_of(made.manifest["name"])
    for path, settings in zip(files, made, strict=False):
        text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=95)
        with write_atomically(path) as draft:
            draft.write_text(_MARK + text, encoding="utf-8")
    return files


def _files_of(name: str) -> list[Path]:
    return [folder / f"{name}.yaml" for folder in (manifest_folder(), profile_folder())]


def _check_name(said: Stated) -> None:
    """Raise InputError for a name that is no file's, or taken, unless `rin new` wrote it."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,99}", said.name):
        raise InputError(
            f"{said.name!r} is no name for a task",
            where="NAME",
            remedy="Take up to 100 small letters, digits and _, a letter first.",
        )
    there = [path for path in _files_of(said.name) if path.exists()]
    is_own = said.replace and all(path.read_text("utf-8").startswith(_MARK) for path in there)
    taken = not is_own if there else said.name in known_tasks()
    if taken:
        raise InputError(
            f"{said.name!r} is already a dataset, profile or task",
            where="NAME",
            remedy=_REMEDIES["name"],
        )


def _refuse(said: Stated, problems: Sequence[Problem]) -> None:
    """Raise one InputError with a line for each problem that some names have."""
    lines = []
    for names, phrase, remedy in problems:
        if texts := [str(name) or "''" for name in dict.fromkeys(names)]:
            listed = shorten(_listed(texts), _WIDTH, placeholder=" …")
            lines.append(f"{amount(len(texts), phrase)}: {listed}. {remedy}")
    if lines := [*dict.fromkeys(lines)]:
        more = [f"{len(lines) - _LINES} more"] if len(lines) > _LINES else []
        stated = [f"{amount(len(lines), 'things')} to correct", *lines[:_LINES], *more]
        raise InputError("\n  - ".join(stated), where=said.images, remedy=_REMEDIES["page"])


def _read(said: Stated, tree: Tree) -> tuple[Settings, pd.DataFrame, list[Problem]]:
    """Return the settings of a form, the cases with their split, and what is wrong.

    Patients and splits are empty where nothing states them.
    """
    settings = _form(said, tree)
    problems: list[Problem] = []
    reader = tree
    if settings["layout"] == "table":
        reader = _NotingTree(tree.root, tree.location, tree.names, problems)
    else:
        flags = [role for role in ("label", "mask", "split") if getattr(said, role) != role]
        problems.append((flags, "flags name columns, but there is no table", _REMEDIES["flags"]))
    plain = settings | {"independence": "image", "patients_in_headers": False}
    try:
        manifest = DatasetManifest.parse(plain, where="", remedy="")
        cases = find_cases(reader, manifest).assign(split="")
        if comes_with_split(manifest):
            split = read_split(reader, manifest).replace("", None)
            cases["split"] = cases["case_id"].map(split[~split.index.duplicated()])
            lost = cases["case_id"][cases["split"].isna()]
            problems.append((lost, "pictures are in no part", _REMEDIES["empty"]))
    except InputError as error:
        text = f"it has none of the three forms: {error.problem}"
        if above := os.path.commonpath([name.rpartition("/")[0] for name in tree.names] or [""]):
            text += f" (all files are below {above}: give that folder)"
        raise InputError(text, where=said.images, remedy=_REMEDIES["forms"]) from error
    if said.patient.startswith(NAMES):
        pattern = settings["patient_pattern"] = said.patient.removeprefix(NAMES)
        try:
            cases["patient_id"] = read_names(pattern, cases["case_id"])
        except (ValueError, re.error, IndexError) as error:
            reasons = [problem_of(error)]
            problems.append((reasons, "patterns do not fit", _REMEDIES["pattern"]))
    elif "patient" not in settings["options"]:
        cases["patient_id"] = ""
        if said.patient not in (NO_PATIENTS, HEADERS):
            problems.append((cases["case_id"], "pictures name no patient", _REMEDIES["patients"]))
    return settings, cases.drop_duplicates("case_id"), problems


def _form(said: Stated, tree: Tree) -> Settings:
    """Return the settings of a manifest as far as the names of files and columns tell them."""
    settings = _TEXTS["manifest"] | {
        "name": said.name,
        "title": said.name.replace("_", " ").capitalize(),
        "locations": [tree.location],
        "independence": "image" if said.patient == NO_PATIENTS else "patient",
        "patients_in_headers": said.patient == HEADERS,
        "patient_labels": "several" if said.several_labels else "one",
    }
    if said.window:
        if not said.window[1] > 0:
            raise InputError(
                "no window has this width", where="--window", remedy=_REMEDIES["window"]
            )
        settings["window"] = [*said.window]
    tables = [name for name in tree.names if re.fullmatch(_TABLE, name.rpartition("/")[2])]
    if tables:
        options = _columns(said, tree, tables)
        return settings | {"layout": "table", "options": options, "masks": "mask" in options}
    if tree.location.lower().endswith(".npz"):
        return settings | {"layout": "npz", "options": {}}
    tops = {name.partition("/")[0] for name in tree.names if "/" in name}
    parts = sorted(top for top in tops if top.lower() in PART_WORDS)
    return settings | {"layout": "folder_classes", "options": {"splits": parts, "others": True}}


@dataclass(frozen=True)
class _NotingTree(Tree):
    """A tree of which a reader notes what is wrong, and goes on: all is told at once."""

    problems: list[Problem]

    def raise_if_any(
        self, names: Iterable[str], problem: str, *, file: str = "", remedy: str = ""
    ) -> None:
        self.problems.append((names, problem, remedy.removesuffix(f" {IF_PARTIAL}")))


def _columns(said: Stated, tree: Tree, tables: list[str]) -> Settings:
    """Return the options of the layout of one table, or of one in each part."""
    folders = [name.rpartition("/")[0] for name in tables]
    parts = [PART_WORDS.get(folder.lower(), folder) for folder in folders]
    if len({*parts}) < len(tables) or not ({*parts} <= {*PARTS} or parts == [""]):
        raise InputError(
            f"there are several tables, or one in another folder: {_listed(tables)}",
            where=said.images,
            remedy=_REMEDIES["tables"],
        )
    columns = {role: getattr(said, role) for role in ROLES}
    if said.patient in (NO_PATIENTS, HEADERS) or said.patient.startswith(NAMES):
        del columns["patient"]
    # Other columns of a role's own name may be absent.
    needed = [
        FILE,
        *(column for role, column in columns.items() if column != role or role == "label"),
    ]
    heads = []
    for name in tables:
        try:
            heads.append({*read_table(tree, name, needed)})
        except InputError as error:
            raise InputError(
                error.problem, where=f"{said.images}: {name}", remedy=_REMEDIES["table"]
            ) from error
    shared = set.intersection(*heads)
    lost = {
        name for head in heads for name in head if columns.get(name.lower(), FILE) not in shared
    }
    if lost:
        problem = f"{amount(len(lost), 'columns are')} not read: {_listed(sorted(lost))}"
        raise InputError(problem, where=said.images, remedy=_REMEDIES["columns"])
    columns = {role: column for role, column in columns.items() if column in shared}
    options: Settings = {"table": tables[0], "image": FILE, "others": True} | columns
    if parts[0]:
        options |= {"table": dict(zip(parts, tables, strict=True)), "split": "part"}
    if "split" in options:
        options["split"] = {"column": options["split"]}
    return options


def _classes(said: Stated, cells: pd.Series) -> tuple[dict[str, str], list[Problem]]:
    """Return the label of each class, the positive ones first, and what is wrong with classes."""
    known = sorted({*cells} - {""})
    # Names of folders may have their umlauts decomposed, which are composed as they are typed.
    spelling = {normalize("NFC", name): name for name in known}
    positive, negative = (
        [spelling.get(normalize("NFC", name), name) for name in names]
        for names in (said.positive, said.negative)
    )
    classes = [*positive, *negative]
    if alike := [" and ".join(names) for names in name_variants(known)]:
        return {}, [(alike, "pairs of classes have one name", "Write it in one way.")]
    strange = [name for name in classes if name not in known]
    hint = did_you_mean(strange[0], known) if strange else ""
    twice = [name for name in classes if classes.count(name) > 1]
    problems: list[Problem] = [
        (map(repr, strange), f"classes are not there{hint}", f"Classes are {known}."),
        (twice, "classes are named twice", "Name each once."),
    ]
    others = [name for name in known if name not in positive]
    if len(known) < 2 or not others or {*known} <= {*negative}:
        what = "A task needs two, one of them positive."
        problems.append((map(repr, known), "classes are there", what))
    elif not positive or len(others) > 1:
        rest = [name for name in others if name not in negative]
        what = "classes are neither positive nor negative"
        counts = cells.value_counts()
        texts = [f"{name!r} ({counts[name]:,}){did_you_mean(name, classes)}" for name in rest]
        problems.append((texts, what, _REMEDIES["classes"]))
    label, other = (" or ".join(names) for names in (positive, negative or others[:1]))
    return dict.fromkeys(positive, label) | dict.fromkeys(others, other), problems


def _contradictions(said: Stated, cases: pd.DataFrame, labels: dict[str, str]) -> list[Problem]:
    """Return how cases contradict one another."""
    names = cases["case_id"]
    masks = cases["masks"].explode().dropna()
    drawn = names.str.extract(_OF_MASKS)[0].isin({*names.str.replace(r"\.[^.]*$", "", regex=True)})
    given = {*cases["split"].dropna()}
    known = cases.assign(label=cases["source_class"].map(labels))[cases["patient_id"] != ""]
    alike = map(" and ".join, name_variants(known["patient_id"]))
    problems: list[Problem] = [
        (names[drawn], "pictures are called like masks of others", _REMEDIES["masks"]),
        (
            [*masks[masks.duplicated()], *({*masks} & {*cases["image"]})],
            "masks are named twice, or are pictures, too",
            "Name each once.",
        ),
        (alike, "pairs of patients have one name", "Write it in one way."),
    ]
    if given & {*PARTS}:
        lacking = sorted({"train", "test"} - given)
        problems.append((lacking, "parts have no picture", _REMEDIES["split"]))
    else:
        alone = len(given) == 1
        words = sorted(text for text in given if text and (alone or not re.fullmatch(_FOLD, text)))
        what = "values of split are neither parts nor numbers of folds"
        problems.append((words, what, _REMEDIES["split"]))
    classes = cases["source_class"].map(labels).groupby(cases["split"]).nunique()
    narrow = {*classes.index[classes == 1]} - {""}
    problems.append((sorted(narrow), "parts have one class only", _REMEDIES["split classes"]))
    if len(given) > MAX_FOLDS:
        problems.append((sorted(given), "values of split are too many", _REMEDIES["split"]))
    patients = known.groupby("patient_id")
    if len(patients) < sum(LEAST):
        problems.append((patients.groups, "patients are all that is named", _REMEDIES["all"]))
    for column, what in (("split", "parts"), ("label", "labels")):
        mixed = known[patients[column].transform("nunique") > 1]
        shown = mixed.drop_duplicates(["patient_id", column])
        parts = shown[column].astype(object).fillna("none")
        shown = shown.assign(text=shown["case_id"] + " in " + parts)
        texts = [f"{who} ({', '.join(s)})" for who, s in shown.groupby("patient_id")["text"]]
        if column == "split" or not said.several_labels:
            problems.append((texts, f"patients have two {what}", _REMEDIES[what]))
    return problems


def _inspect(
    said: Stated, tree: Tree, settings: Settings, listed: pd.DataFrame
) -> tuple[Dataset, pd.DataFrame]:
    """Return the dataset, of which every picture was read, and its near-duplicates."""
    check = partial(DatasetManifest.parse, where=said.images, remedy=_REMEDIES["forms"])
    settings["color"] = show_colour(tree.root, [*listed["image"]])
    index = said.results / "index"
    if said.patient == HEADERS:
        listed = listed.assign(patient_id=pd.NA)
    cases, bad = inspect_cases(tree.root, listed, check(settings), folder=index)
    problems: list[Problem] = []
    deep = bad["problem"].str.contains("need a window")
    if deep.any():
        first = listed["image"][listed["case_id"].isin(bad["case_id"][deep])].iloc[0]
        stored = read_stored(tree.root, first)
        most = stored.max()
        width = 2 ** max(8, int(most).bit_length())
        remedy = (
            f"Give --window CENTER WIDTH ({width // 2} {width} shows 0 to {width - 1}; the first "
            f"is of {stored.min():g} to {most:g})."
        )
        problems.append((bad["case_id"][deep], "pictures have more than 8 bits", remedy))
    for problem, names in bad[~deep].groupby("problem", sort=False)["case_id"]:
        remedy = _REMEDIES["all" if problem.endswith("PatientID") else "unread"]
        problems.append((names, f"pictures cannot be read, as {problem}", remedy))
    if said.patient == HEADERS:
        problems += _contradictions(said, cases, settings["label_map"])
    copies = cases.groupby(["digest", "width", "height"])
    apart = [" and ".join(rows["case_id"]) for _, rows in copies if rows["split"].nunique() > 1]
    problems.append((apart, "pictures are in two of the given parts", _REMEDIES["copies"]))
    _refuse(said, problems)
    settings["counts"] = {
        "images": cases["source_class"].value_counts().sort_index().to_dict(),
        "empty_masks": int(marks_nothing(cases).sum()),
    }
    settings["near_duplicate_bits"], pairs = suggest_threshold(cases)
    manifest = check(settings)
    return open_dataset(manifest, tree.root, index_folder=index), pairs


def _leftover(tree: Tree, listed: pd.DataFrame, layout: str) -> list[tuple[str, str]]:
    """Return a line on files that are no cases, if there are any."""
    pictures = [name for name in tree.names if tree.is_picture(name)]
    others = sorted({*tree.names} - {*pictures})
    unlisted = len(pictures) - len(listed) - int(listed["masks"].map(len).sum())
    if layout == "table" and unlisted:
        return [("not used", amount(unlisted, "pictures are in no row"))]
    if layout == "folder_classes" and others:
        endings = [*dict.fromkeys(Path(name).suffix or name for name in others)]
        text = amount(len(others), "files are of no kind that is read")
        return [("NOT USED", f"{text}: {_listed(endings)}")]
    return []


def _understood(dataset: Dataset, weights: str, parts: str) -> list[tuple[str, str]]:
    """Return what was understood, a line a subject."""
    manifest = dataset.manifest
    cases = dataset.cases
    options = manifest.options
    counts = cases["label"].value_counts().items()
    numbers = ", ".join(f"{label}: {n:,}" for label, n in counts)
    who = "no patients named"
    if manifest.independence == "patient":
        who = f"{cases['patient_id'].nunique():,} patients"
    pictures = f"{len(cases):,} pictures, {who}, {numbers}"
    positive = f"(positive: {manifest.tasks[0].positive_class})"
    table = options.get("table", _FORMS.get(manifest.layout, ""))
    read_as = [", ".join(table.values()) if isinstance(table, dict) else table]
    read_as += [f"{role} in {options[role]}" for role in ROLES[:3] if role in options]
    sides = cases[["width", "height"]].to_numpy()
    size = f"{sides.min()} to {sides.max()} px, {'colour' if manifest.color else 'grey'}"
    if manifest.masks:
        size += f"; masks of {(cases['masks'].map(len) > 0).sum():,}"
    return [
        ("found", f"{pictures} {positive}; {_TEXTS['weights'][weights]}"),
        ("read as", "; ".join(read_as)),
        ("parts", parts),
        ("pictures", size),
    ]


def _remarks(
    dataset: Dataset, pairs: pd.DataFrame, folds: pd.DataFrame, given: pd.Series
) -> list[Finding]:
    """Return findings beside those of opening the dataset, to be kept in the manifest."""
    manifest = dataset.manifest
    cases = dataset.cases
    remarks = []
    if manifest.independence != "patient":
        remarks.append(Finding("no patients", _TEXTS["unnamed"]))
    if manifest.masks:
        remarks += [  # without names of files, which may be those of patients
            Finding("masks", re.sub(r" \(.*\)$", "", text)) for text in unusual_drawing(dataset)
        ]
    names = pairs["case_a"] + " and " + pairs["case_b"]
    unlike, divided = (
        pairs["case_a"].map(stated) != pairs["case_b"].map(stated)
        for stated in (cases.set_index("case_id")["label"], given)
    )
    seen = {"near-duplicates": names, "two labels": names[unlike], "given parts": names[divided]}
    remarks += [
        Finding(kind, amount(len(some), _TEXTS["pairs"][kind]), tuple(some[:LISTED]))
        for kind, some in (seen | {"altered copies": altered_copies(cases)}).items()
        if len(some)
    ]
    tested = cases.merge(folds.query("part == 'test'"), on="case_id")
    patients = tested.groupby(["fold", "label"])["patient_id"].nunique()
    if patients.min() < _FEW:
        fewest = f"{amount(patients.min(), 'patients')} of {patients.idxmin()[1]} are tested"
        remarks.append(Finding("few patients", f"{fewest} in a fold: the AUC is uncertain"))
    return remarks


def _finding_lines(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return a line for each kind of finding, the most severe first, with the first ones of it."""
    lines = []
    for kind in sorted({finding.kind for finding in findings}, key=_TEXTS["severity"].index):
        texts = [
            finding.text + (f" ({_listed(finding.case_ids)})" if finding.case_ids else "")
            for finding in findings
            if finding.kind == kind
        ]
        called = kind if kind == "near-duplicates" else kind.upper()
        lines.append((called, join_first_ten(texts)))
    return lines


def _profile(
    said: Stated, dataset: Dataset, folds: pd.DataFrame, pace: forecast.Pace
) -> tuple[Settings, str, float]:
    """Return a profile that fits the budget, the kind of weights, and the minutes that it takes.

    Pretraining on corpora takes the share of the time that `contract.yaml` states.
    """
    is_given = comes_with_split(dataset.manifest)
    weights, backbones = available_weights(dataset.root)
    about = f"{dataset.manifest.title}: {_TEXTS['weights'][weights]}."
    stated = {"name": said.name, "about": about, "tasks": [said.name], "backbones": backbones}
    settings: Settings = stated | _TEXTS["profile"][weights]
    seconds = _BUDGET["beside"] + forecast.measure_decoding(dataset) + pace.tracing
    if training := _BUDGET["pretraining"].get(weights):
        epochs = training["epochs"]
        least, most = training["images"]
        affordable = training["share"] * 60 * said.minutes / (2 * epochs * pace.image)
        images = max(least, min(most, int(affordable)))
        chosen = {"cases": images, "epochs": epochs}
        settings["pretraining"] = settings["pretraining"] | chosen
        of_network = epochs * images * pace.image + forecast.RUN_SECONDS
        seconds += len(backbones) * (2 * of_network + pace.tracing)
    fitted, taken = forecast.fit_budget(
        folds,
        dataset.cases["width"].median(),
        [] if is_given else _BUDGET["drawn"],
        pace,
        (60 * said.minutes - seconds) / len(backbones),
    )
    fitted["fine_tuning"] |= _TEXTS["fine_tuning"]
    settings |= fitted | {"pages": _TEXTS["pages"]}
    minutes = (seconds + len(backbones) * taken) / 60
    return settings | ({"splits": "official"} if is_given else {}), weights, minutes
