"""`rin new`: from somebody's own images, in a form that the field knows, to manifest and profile.

The forms are a folder a class; a table ``metadata`` with a row a picture, one for the folder or
one in each of ``train``, ``val`` and ``test``; and an archive of MedMNIST.  Columns are named and
nothing is guessed: what contradicts the contract is one error with a line a problem, first of what
tables and names show, then of the pictures.  Other forms are recipes of the page *Your images*.
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from rin.data.dataset import marks_nothing, open_dataset
from rin.data.layouts import comes_with_split, find_cases, read_split
from rin.data.layouts.found import TABLES, read_table
from rin.data.leakage import altered_copies, leak_free_groups, suggest_threshold
from rin.data.manifest import (
    PART_WORDS,
    PARTS,
    DatasetManifest,
    datasets_of_tasks,
    read_names,
)
from rin.data.pixels import show_colour, window_of_all
from rin.data.splits import MAX_FOLDS, fold_sizes, given_folds, make_folds
from rin.data.status import unusual_drawing
from rin.data.store import Dataset, inspect_cases
from rin.data.tree import Tree, open_tree
from rin.errors import InputError, counted, did_you_mean, join_first_ten, problem_of
from rin.files import manifest_folder, read_yaml, write_atomically
from rin.study import forecast
from rin.study.profile import Profile, profile_folder
from rin.study.workspace import available_weights

_TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))
_COLUMNS = ("file_name", "label", "patient", "mask", "split")
_TABLE = rf"metadata\.({'|'.join(TABLES)})"
FILE, NO_PATIENTS, HEADERS, NAMES = "file_name", "none", "dicom:PatientID", "name:"
#: First line of the files that are written here, which alone may be replaced.
_MARK = "# Written by `rin new`: correct it where it is wrong.\n"
#: Fewer patients of a class than these in a test part are too few for a useful interval.
_FEW = 10
#: Names that seem to be those of masks of other pictures.
_OF_MASKS = r"(?i)^(.+)[ _.-](?:mask|seg|segmentation|gt|label|annotation|roi)\d*\.\w+$"


@dataclass(frozen=True)
class Stated:
    """What somebody says of images: the flags of `rin new`."""

    name: str
    images: Path
    label: str = "label"
    patient: str = ""
    mask: str = ""
    split: str = ""
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

    manifest: dict[str, Any]
    profile: dict[str, Any]
    facts: list[tuple[str, str]]


def new_task(
    said: Stated, measure: Callable[[], forecast.Pace] = forecast.measure_pace
) -> NewTask:
    """Check somebody's own pictures and return a manifest and a profile of a task on them."""
    _check_name(said)
    place = said.images.absolute()
    tree = open_tree(said.data_root or place.parent, str(place))
    settings, rows, problems = _read(said, tree)
    labels, of_classes = _classes(said, rows["label"])
    _refuse(said, [*problems, *of_classes, *_contradictions(said, rows, labels)])
    positive, other = dict.fromkeys(labels.values())
    title = f"{positive[:1].upper()}{positive[1:]} or {other}, {said.name}"
    task = {"name": said.name, "title": title, "positive_class": positive, "n_folds": 1}
    settings |= {"label_map": labels, "tasks": [task]}
    dataset, pairs = _inspected(said, tree, settings)
    folds = _folds(said, dataset, pairs)
    task["n_folds"] = int(folds["fold"].nunique())
    pace = _pace(said.results, dataset, measure)
    profile, minutes = _profile(said, dataset, folds, pace)
    found = _understood(dataset, folds)
    found[0] = ("found", f"{found[0][1]}; {profile['about'].partition(': ')[2]}")
    found += _remarks(dataset, pairs, folds)
    unlisted = {*filter(tree.is_picture, tree.names)} - {*rows[FILE], *rows["mask"]}
    if unlisted and settings["layout"] == "table":
        found.append(("not used", f"{counted(len(unlisted), 'pictures')} that no row lists"))
    found.append(("time", f"about {max(1, round(minutes))} minutes of training"))
    return NewTask(settings, profile, found)


def write_task(made: NewTask) -> list[Path]:
    """Write the manifest and the profile, over those that were written here before."""
    files = dict(zip(_files_of(made.manifest["name"]), (made.manifest, made.profile), strict=True))
    for path, settings in files.items():
        text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=95)
        with write_atomically(path) as draft:
            draft.write_text(_MARK + text, encoding="utf-8")
    return [*files]


def _files_of(name: str) -> list[Path]:
    return [folder / f"{name}.yaml" for folder in (manifest_folder(), profile_folder())]


def _check_name(said: Stated) -> None:
    """Raise InputError for a name that is taken, unless only files of `rin new` are replaced."""
    there = [path for path in _files_of(said.name) if path.exists()]
    own = [path for path in there if path.read_text("utf-8").startswith(_MARK)]
    is_task = said.name in datasets_of_tasks() and not there
    if is_task or len(own) < len(there) or (there and not said.replace):
        problem = f"{said.name!r} is already a dataset, profile or task"
        remedy = "Choose another name; --replace replaces what rin new wrote, and only that."
        raise InputError(problem, where="NAME", remedy=remedy)


def _noted(names: Iterable[Any], phrase: str, remedy: str) -> list[str]:
    """Return a line on the names to which a problem applies, or none."""
    names = [*dict.fromkeys(map(str, names))]
    return [f"{counted(len(names), phrase)}: {_listed(names)}. {remedy}"] if names else []


def _listed(names: Sequence[str]) -> str:
    return join_first_ten(names, ", ")


def _refuse(said: Stated, problems: Sequence[str]) -> None:
    """Raise one InputError with a line a problem, if there are any."""
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        text = f"{counted(len(problems), 'things')} to correct{lines}\n "
        raise InputError(text, where=said.images, remedy=_TEXTS["remedies"]["page"])


def _read(said: Stated, tree: Tree) -> tuple[dict[str, Any], pd.DataFrame, list[str]]:
    """Return the settings of a form, a row a picture, and what is wrong.

    Columns are `FILE`, label, patient, mask and split, empty where nothing states them.
    """
    settings = {
        "name": said.name,
        "title": said.name.replace("_", " ").capitalize(),
        **_TEXTS["manifest"],
        "locations": [tree.location],
        "independence": "image" if said.patient == NO_PATIENTS else "patient",
        "patient_labels": "several" if said.several_labels else "one",
        "patients_in_headers": said.patient == HEADERS,
        **({"window": [*said.window]} if said.window else {}),
    }
    tables = [name for name in tree.names if re.fullmatch(_TABLE, name.rpartition("/")[2])]
    if tables:
        options, rows, problems = _of_tables(said, tree, tables)
        settings |= {"layout": "table", "options": options, "masks": bool(options.get("mask"))}
    else:
        rows, problems = _of_names(said, tree, settings)
    if said.patient.startswith(NAMES):
        pattern = settings["patient_pattern"] = said.patient.removeprefix(NAMES)
        try:
            rows["patient"] = read_names(pattern, rows[FILE], "patient")
        except (ValueError, re.error, IndexError) as error:
            remedy = "Write one with parentheses that fits every name: 'name:^([^_]+)_'."
            problems += _noted([problem_of(error)], "patterns do not fit", remedy)
    elif not rows["patient"].any() and said.patient not in (NO_PATIENTS, HEADERS):
        problems.append(_TEXTS["remedies"]["patients"])
    return settings, rows, problems


def _of_names(
    said: Stated, tree: Tree, settings: dict[str, Any]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of class folders or of an archive of MedMNIST; add to the settings."""
    settings["layout"] = "npz"
    if not tree.location.lower().endswith(".npz"):
        tops = sorted({name.partition("/")[0] for name in tree.names if "/" in name})
        parts = [top for top in tops if top.lower() in PART_WORDS]
        settings |= {"layout": "folder_classes", "options": {"splits": parts, "others": True}}
    flags = [f for f in ("label", "mask", "split") if getattr(said, f) != getattr(Stated, f)]
    problems = _noted(flags, "flags name columns, but there is no table", "Leave them out.")
    nameless = {"independence": "image", "patients_in_headers": False}
    manifest = DatasetManifest.checked(settings | nameless, where=said.images, remedy="")
    try:
        cases = find_cases(tree, manifest)
    except InputError as error:
        text = f"it has none of the three forms: {error.problem}"
        raise InputError(text, where=said.images, remedy=_TEXTS["remedies"]["forms"]) from error
    rows = cases[["case_id", "source_class"]].set_axis([FILE, "label"], axis=1)
    if comes_with_split(manifest):
        rows["split"] = read_split(tree, manifest).loc[rows[FILE]].array
    return rows.reindex(columns=_COLUMNS, fill_value="").astype(object), problems


def _of_tables(
    said: Stated, tree: Tree, tables: list[str]
) -> tuple[dict[str, Any], pd.DataFrame, list[str]]:
    """Return the options of one table, or of one in each part, with its rows."""
    folders = [name.rpartition("/")[0] for name in tables]
    parts = [PART_WORDS.get(folder.lower(), folder) for folder in folders]
    if len({*parts}) < len(tables) or not ({*parts} <= {*PARTS} or parts == [""]):
        remedy = "Keep one for the whole folder, or one in each of train, val and test."
        raise InputError(
            f"there are several tables: {_listed(tables)}", where=said.images, remedy=remedy
        )
    of_patients = said.patient.startswith(NAMES) or said.patient in (NO_PATIENTS, HEADERS)
    columns = {FILE: FILE, "label": said.label, "mask": said.mask, "split": said.split}
    columns["patient"] = "" if of_patients else said.patient
    read, problems = [], []
    for part, folder, name in zip(parts, folders, tables, strict=True):
        try:
            rows = read_table(tree, name, filter(None, columns.values()))
        except InputError as error:
            remedy = _TEXTS["remedies"]["table"]
            problems.append(f"{name}: {error.problem}. {remedy}")
            continue
        columns |= {c: c for c in ("mask", "split") if c in rows and not columns[c]}
        if "patient" in rows and not (of_patients or said.patient):
            columns["patient"] = "patient"
        rows.index = [f"{name} row {number + 2}" for number in rows.index]
        rows = pd.DataFrame({c: rows[column] for c, column in columns.items() if column})
        rows[FILE] = rows[FILE].map(lambda cell, above=folder: f"{above}/{cell}".lstrip("/"))
        read.append(rows.assign(split=part) if part else rows)
    _refuse(said, problems)
    rows = pd.concat(read).reindex(columns=_COLUMNS).fillna("").astype(object)
    options = {"table": dict(zip(parts, tables, strict=True)) if parts[0] else tables[0]}
    options |= {"image": FILE, "others": True}
    options |= {c: columns[c] for c in ("label", "patient", "mask") if columns[c]}
    if parts[0] or columns["split"]:
        options["split"] = {"column": "part" if parts[0] else columns["split"]}
    pictures = {name for name in tree.names if tree.is_picture(name)}
    filled = [c for c in ("label", "patient", "split") if columns[c]]
    return options, rows, _broken_rows(rows, filled, pictures)


def _broken_rows(rows: pd.DataFrame, filled: list[str], pictures: set[str]) -> list[str]:
    """Return what is wrong with single rows of tables."""
    problems = []
    for column in filled:
        remedy = "Fill the cells, or leave these rows out."
        problems += _noted(rows.index[rows[column] == ""], f"rows have no {column}", remedy)
    files, masks = rows[FILE], rows["mask"][rows["mask"] != ""]
    for names, what in ((files, "pictures"), (masks, "masks")):
        lost = [*names[~names.isin(pictures)]]
        remedy = (
            f"Names begin at the folder of the table{did_you_mean(lost[0], pictures)}."
            if lost
            else ""
        )
        problems += _noted(lost, f"{what} are not there", remedy)
    both = [*masks[masks.duplicated()], *({*masks} & {*files})]
    problems += _noted(both, "masks are named twice, or are pictures, too", "Name each once.")
    unlike = rows.drop_duplicates()[FILE]
    remedy = "Keep one row a picture; a recipe joins several findings."
    return problems + _noted(unlike[unlike.duplicated()], "pictures have rows that differ", remedy)


def _classes(said: Stated, cells: pd.Series) -> tuple[dict[str, str], list[str]]:
    """Return the label of each class, the positive ones first, and what is wrong with classes."""
    known = sorted({*cells} - {""})
    problems = _noted(_alike(known), "classes look alike", "Spell each in one way.")
    strange = [name for name in (*said.positive, *said.negative) if name not in known]
    hint = did_you_mean(strange[0], known) if strange else ""
    problems += _noted(strange, f"classes are not there{hint}", f"Classes are {_listed(known)}.")
    remedy = "A class is one or the other."
    problems += _noted({*said.positive} & {*said.negative}, "classes are named twice", remedy)
    others = [name for name in known if name not in said.positive]
    if len(known) < 2 or not others:
        problems.append(f"there is one class ({_listed(known)}). A task needs two.")
    elif not said.positive:
        problems.append(f"no class is positive. Give --positive with one of {_listed(known)}.")
    elif len(others) > 1:
        rest = [name for name in others if name not in said.negative]
        remedy = "Say --positive or --negative for each, or list none of its pictures."
        problems += _noted(rest, "classes are neither positive nor negative", remedy)
    positive, other = " or ".join(said.positive), " or ".join(said.negative or others[:1])
    return dict.fromkeys(said.positive, positive) | dict.fromkeys(others, other), problems


def _alike(names: Iterable[str]) -> list[str]:
    """Return groups of names that differ only in how they are written."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(names):
        plain = re.sub(r"\.0+$", "", unicodedata.normalize("NFKC", name).casefold().strip())
        plain = re.sub(r"[\s_.-]+", "", plain) or plain
        groups[re.sub(r"(?<!\d)0+(?=\d)", "", plain)].append(name)
    return [" and ".join(several) for several in groups.values() if len(several) > 1]


def _contradictions(said: Stated, rows: pd.DataFrame, labels: dict[str, str]) -> list[str]:
    """Return how rows contradict one another."""
    stems, masks = {*rows[FILE].str.rpartition(".")[0]}, rows[FILE].str.extract(_OF_MASKS)[0]
    remedy = "Name masks in a column mask: a recipe."
    problems = _noted(rows[FILE][masks.isin(stems)], "pictures are called like masks", remedy)
    parts, folds = rows["split"].str.lower().map(PART_WORDS), rows["split"].nunique()
    if parts.isna().all():  # a number of a fold, or nothing
        parts = rows["split"]
    remedy = f"Write train, val and test, or the number of the fold that tests, 2 to {MAX_FOLDS}."
    problems += _noted(rows["split"][parts.isna()], "parts are not known", remedy)
    is_bad = "train" in {*parts} and "test" not in {*parts}
    if is_bad or (parts.all() and not {*parts} & {*PARTS} and not 2 <= folds <= MAX_FOLDS):
        problems += _noted(parts.dropna(), "values of split divide nothing", remedy)
    named = rows.assign(label=rows["label"].map(labels), split=parts)[rows["patient"] != ""]
    remedy = "Write each patient in one way."
    problems += _noted(_alike(named["patient"]), "pairs of patients look like one", remedy)
    columns = {"split": ("parts", "Put all pictures of a patient in one part.")}
    if not said.several_labels:
        columns["label"] = ("labels", "Correct them, or give --several-labels.")
    for column, (what, remedy) in columns.items():
        several = named.groupby("patient")[column].nunique()
        mixed = named[named["patient"].isin(several.index[several > 1])]
        shown = mixed.drop_duplicates(["patient", column]).groupby("patient")[FILE]
        texts = [f"{who} ({' and '.join(files)})" for who, files in shown]
        problems += _noted(texts, f"patients have two {what}", remedy)
    return problems


def _inspected(said: Stated, tree: Tree, settings: dict[str, Any]) -> tuple[Dataset, pd.DataFrame]:
    """Return the dataset and its near-duplicates, of which every picture was read."""
    index, remedy = said.results / "index", _TEXTS["remedies"]["forms"]
    manifest = DatasetManifest.checked(settings, where=said.images, remedy=remedy)
    listed = find_cases(tree, manifest)
    settings["color"] = show_colour(tree.root, [*listed["image"]])
    manifest = manifest.model_copy(update={"color": settings["color"]})
    cases, bad = inspect_cases(tree.root, listed, manifest, folder=index)
    deep = bad["problem"].str.contains("need a window")
    every = window_of_all(
        tree.root, [*listed["image"][listed["case_id"].isin(bad["case_id"][deep])]]
    )
    remedy = "Give --window CENTER,WIDTH" + (
        " ({:g},{:g} shows all).".format(*every) if every else "."
    )
    problems = _noted(bad["case_id"][deep], "pictures have more than 8 bits", remedy)
    for problem, names in bad[~deep].groupby("problem", sort=False)["case_id"]:
        remedy = f"{problem[:1].upper()}{problem[1:]}: export them again, or leave them out."
        problems += _noted(names, "pictures cannot be read", remedy)
    if said.patient == HEADERS and bad.empty:
        cases = cases.assign(
            **{FILE: cases["case_id"], "patient": cases["patient_id"], "split": ""}
        )
        problems += _contradictions(
            said, cases, dict.fromkeys(()) | {c: c for c in cases["label"]}
        )
    if comes_with_split(manifest) and bad.empty:
        parts = read_split(tree, manifest).loc[cases["case_id"]].array
        copies = cases.assign(part=parts).groupby(["digest", "width", "height"])
        apart = [" and ".join(rows["case_id"]) for _, rows in copies if rows["part"].nunique() > 1]
        problems += _noted(
            apart, "pictures are in two of the given parts", "Leave one of each out."
        )
    _refuse(said, problems)
    settings["counts"] = {"images": cases["source_class"].value_counts().sort_index().to_dict()}
    settings["counts"]["empty_masks"] = int(marks_nothing(cases).sum())
    settings["near_duplicate_bits"], pairs = suggest_threshold(cases)
    manifest = DatasetManifest.checked(settings, where=said.images, remedy=remedy)
    return open_dataset(manifest, tree.root, index_folder=index), pairs


def _folds(said: Stated, dataset: Dataset, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the folds, as given or drawn."""
    groups, seed = leak_free_groups(dataset.cases, pairs), Profile.model_fields["seed"].default
    if not comes_with_split(dataset.manifest):
        return make_folds(dataset.cases, groups, 5, seed, where=str(said.images))
    given = read_split(open_tree(dataset.root, dataset.location), dataset.manifest)
    n_folds = 1 if {*given} <= {*PARTS} else given.nunique()
    return given_folds(dataset, groups, n_folds, seed)


def _understood(dataset: Dataset, folds: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the three lines that say what was understood."""
    manifest, cases = dataset.manifest, dataset.cases
    positive, options = manifest.tasks[0].positive_class, manifest.options
    counts = cases["label"].value_counts()
    (other,) = {*counts.index} - {positive}
    has_patients = manifest.independence == "patient"
    who = f"{cases['patient_id'].nunique():,} patients" if has_patients else "no patients named"
    found = f"{counted(len(cases), 'pictures')}, {who}, {counts[positive]:,} {positive} (positive)"
    roles = [
        f"{role}: {options[role]}" for role in ("label", "patient", "mask") if options.get(role)
    ]
    form = {"table": f"rows of {options.get('table')}", "npz": "an archive of MedMNIST"}
    read = [form.get(manifest.layout, "a folder a class"), *roles]
    origin = "as given" if comes_with_split(manifest) else "drawn by patient"
    return [
        ("found", f"{found} / {counts[other]:,} {other}"),
        ("read as", "; ".join(read)),
        ("parts", f"{origin}: {fold_sizes(folds)}"),
    ]


def _remarks(dataset: Dataset, pairs: pd.DataFrame, folds: pd.DataFrame) -> list[tuple[str, str]]:
    """Return what else is to be known before a training, a line a subject."""
    manifest, cases = dataset.manifest, dataset.cases
    sides = cases[["width", "height"]].to_numpy()
    kind = "colour" if manifest.color else "grey"
    remarks = [("sizes", f"{sides.min()} to {sides.max()} px, {kind}")]
    if manifest.independence == "image":
        remarks.append(("PATIENTS", _TEXTS["remedies"]["unnamed"]))
    if manifest.window:
        remarks.append(("window", "{:g},{:g}, for more than 8 bits".format(*manifest.window)))
    if manifest.masks:
        drawn = int((cases["masks"].map(len) > 0).sum())
        empty = f"{manifest.counts.empty_masks:,} mark nothing or everything"
        remarks.append(("masks", f"{drawn:,} of {len(cases):,} pictures; {empty}"))
        remarks += [("MASKS", text) for text in unusual_drawing(dataset)]
    for finding in dataset.findings[:8]:
        remarks.append((finding.kind.upper(), f"{finding.text}: {_listed(finding.case_ids)}"))
    label, part = (
        cases.set_index("case_id")["label"],
        folds.drop_duplicates("case_id").set_index("case_id")["part"],
    )
    names = (pairs["case_a"] + " and " + pairs["case_b"]).to_numpy()
    a, b = pairs["case_a"], pairs["case_b"]
    divided, unlike = (
        part[a].to_numpy() != part[b].to_numpy(),
        label[a].to_numpy() != label[b].to_numpy(),
    )
    for what, some, phrase in (
        ("near-duplicates", names, "pairs of near-duplicates"),
        ("LABELS", names[unlike], "near-duplicates have two labels: is one wrong?"),
        ("PARTS", names[divided], "near-duplicates are in two of the given parts"),
        ("COPIES", altered_copies(cases), "altered copies count as other patients"),
    ):
        remarks += (
            [(what, f"{counted(len(some), phrase)}: {_listed(some[:3])}")] if len(some) else []
        )
    tested = cases.merge(folds[folds["part"] == "test"], on="case_id")
    fewest = int(tested.groupby(["fold", "label"])["patient_id"].nunique().min())
    if fewest < _FEW:
        text = (
            f"{counted(fewest, 'patients')} of a class are tested: an AUC is uncertain by tens of"
        )
        remarks.append(("SMALL", f"{text} points"))
    return remarks


def _profile(
    said: Stated, dataset: Dataset, folds: pd.DataFrame, pace: forecast.Pace
) -> tuple[dict[str, Any], float]:
    """Return the settings of a profile that fits the budget, and the minutes that it takes."""
    given = comes_with_split(dataset.manifest)
    weights, backbones = available_weights(dataset.root)
    fitted, minutes = forecast.fit_budget(
        pace,
        said.minutes,
        parts=folds[folds["fold"] == 0]["part"].value_counts().to_dict(),
        folds=int(folds["fold"].nunique()),
        side=dataset.cases["width"].median(),
        backbones=backbones,
        corpora="" if weights.startswith("released") else weights,
        may_draw=not given,
    )
    texts, described = _TEXTS["profile"][weights], _TEXTS["weights"][weights]
    maps = ["results/localisation"] if dataset.manifest.masks else []
    settings = {"name": said.name, "about": f"{dataset.manifest.title}: {described}."}
    settings |= {"tasks": [said.name], "backbones": backbones} | texts | fitted
    settings["pages"] = [*_TEXTS["pages"], *maps, "use/how_built"]
    settings["fine_tuning"] = _TEXTS["fine_tuning"] | fitted["fine_tuning"]
    if "pretraining" in fitted:
        settings["pretraining"] = texts["pretraining"] | fitted["pretraining"]
    return settings | ({"splits": "official"} if given else {}), minutes


def _pace(results: Path, dataset: Dataset, measure: Callable[[], forecast.Pace]) -> forecast.Pace:
    """Return the pace of this computer, measured once for a folder of results."""
    kept = results / "index" / "pace.json"
    if kept.exists():
        return forecast.Pace(**json.loads(kept.read_text("utf-8")))
    pace = replace(measure(), decoding=forecast.measure_decoding(dataset))
    with write_atomically(kept) as draft:
        draft.write_text(json.dumps(asdict(pace)), encoding="utf-8")
    return pace
