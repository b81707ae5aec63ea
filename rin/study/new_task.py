"""`rin new`: from a folder of somebody's own images to a manifest and a profile that run.

Everything is checked before anything is written: columns, paths, every picture, patients with two
labels, near-duplicates, and whether folds are possible.  Guesses are marked by a comment in the
manifest; a choice that cannot be guessed is asked for, or is an error that names the flag for it.
"""

import re
import shlex
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rin.data import copies, discovery
from rin.data.dataset import (
    case_problems,
    drop_left_out,
    marks_nothing,
    open_dataset,
    volume_findings,
    wrapped_in_words,
)
from rin.data.layouts import find_cases
from rin.data.layouts.slices import middle_slices, propose_slices
from rin.data.layouts.table import read_split
from rin.data.leakage import check_splits, leak_free_groups, suggest_threshold
from rin.data.manifest import (
    PARTS,
    DatasetManifest,
    Slices,
    datasets_of_tasks,
    manifest_names,
)
from rin.data.masks import count_values
from rin.data.pixels import show_colour, window_of_all, window_of_percentiles
from rin.data.splits import LEAST, MAX_FOLDS, fold_sizes, given_folds, make_folds
from rin.data.status import patients_in_words, unusual_drawing
from rin.data.store import Dataset, inspect_cases, refuse_bad
from rin.data.tree import PICTURES, file_of, is_dicom, open_tree
from rin.errors import InputError, as_input_error, counted, join_first_ten, look_up
from rin.files import manifest_folder, read_yaml
from rin.study import forecast
from rin.study.own_files import (
    IN_MASKS,
    NO_PATIENTS,
    NO_SPLIT,
    Ask,
    NewTask,
    Places,
    Reading,
    endings_in_words,
    find_places,
    folders_beside,
    join_name,
    named_in_headers,
    refuse_to_guess,
    refuse_unread,
)
from rin.study.own_labels import names_unlabelled, read_labels
from rin.study.own_masks import lesion_values
from rin.study.own_table import read_columns, read_folders
from rin.study.profile import Profile, profile_folder, profile_names
from rin.study.workspace import available_weights

#: Settings that do not depend on the images, and texts about weights.
_TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Value of ``--slices`` with which volumes are not divided into slices; and what its text ends in
#: if a volume is a file, or a folder.
NO_SLICES, _FOLDER = "none", {"file": [], "folder": ["folder"]}
#: Value of ``--window`` that computes a window from the pictures; and answers that need none.
PERCENTILES = "percentiles"
ALL_VALUES, AS_STORED = "all values", "as stored"
#: Kinds of rows, pictures and patients that ``--leave-out`` can leave out.
KINDS = (
    "rows-without-pictures",
    "pictures-without-rows",
    "unlabelled",
    "empty-masks",
    "patients-with-two-labels",
)
#: The names in the setting ``leave_out`` of a manifest for kinds that are found by inspection.
_OF_CASES = {"empty-masks": "empty masks", "patients-with-two-labels": "mixed patients"}
#: The default seed of a profile.
_SEED = Profile.model_fields["seed"].default
#: Patients of each class that every fold must test for an interval, and the number below which an
#: interval is too wide to be useful.
_LEAST_TESTED, _FEW_TESTED = LEAST[PARTS.index("test")], 10
#: Fewer patients than these, with so many pictures each, may be sites or groups of patients.
_FEW_PATIENTS, _MANY_OF_ONE = 10, 20


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
    lesion: str = "",
    only: str = "",
    findings: bool = False,
    data_root: Path | None = None,
    results: Path = Path("results"),
    ask: Ask = refuse_to_guess,
    measure: Callable[[], forecast.Pace] = forecast.measure_pace,
) -> NewTask:
    """Inspect somebody's own images and return the manifest and the profile of a task on them.

    Parameters are the options of `rin new`: ``image``, ``label``, ``patient`` and ``split`` name
    columns of the table; ``patient`` and, without a table, ``label`` may also be a pattern of file
    names, or of paths if it contains a slash; ``label`` may be `IN_MASKS`.  ``positive`` and
    ``negative`` are classes, or findings if cells contain several, optionally renamed as in
    ``1=malignant``; ``unlabelled`` among the latter are rows without a label.  ``leave_out`` are
    some of `KINDS`, or ``all``; ``empty_masks``, ``several`` and ``distinct`` accept data that are
    refused otherwise.  ``window`` is center and width, or `PERCENTILES`; ``slices`` are rule and
    number, optionally with axis or ``folder``; ``lesion`` are values of masks, such as ``2,3``;
    ``only`` is a pattern that selects the pictures and masks to use; ``findings`` says that each
    row is one finding.  ``ask`` answers questions and ``measure`` times this computer.  Only the
    inspections of pictures are written, below ``results``.  InputError for anything that would
    stop a training later.
    """
    if name in {*manifest_names(), *profile_names(), *datasets_of_tasks()}:
        remedy = "Choose another name, or first delete the two files that rin new wrote for it."
        raise InputError(
            f"{name!r} is already a dataset, profile or task", where="NAME", remedy=remedy
        )
    for kind in leave_out:
        look_up("kind (--leave-out)", kind, [*KINDS, "all"])
    leave_out = KINDS if "all" in leave_out else leave_out
    _check_flags(bool(table), findings, patient, only)
    root, places = find_places(images, table, masks, only, data_root, results)
    tree, made = places.tree, NewTask(name, root)
    made.say("folder", tree.place())
    if table:
        roles = {"image": image, "label": label, "patient": patient, "split": split}
        unlabelled = names_unlabelled(negative)
        reading = read_columns(places, roles, leave_out, findings, unlabelled, positive, made, ask)
    else:
        _check_label(places, label)
        reading = read_folders(places, label, patient, made)
    places = reading.places or places
    options = reading.options
    column = options.get("label", "") if table else ""
    labels = read_labels(
        reading.classes, positive, negative, column, table or images, distinct, made, ask
    )
    positive_class, other_class = dict.fromkeys(filter(None, labels.values()))
    title = f"{positive_class[0].upper()}{positive_class[1:]} or {other_class}, {name}"
    task = {"name": name, "title": title, "positive_class": positive_class, "n_folds": 1}
    taken = _slices_of(places, slices, made, ask)
    names = [join_name(places.images, name) for name in places.pictures]
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
        **({"only": only} if only else {}),
        **lesion_values(places, lesion, made, ask),
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
    pairs = _inspect(places, fields, made, results, empty_masks, distinct)
    inspected = DatasetManifest.model_validate(fields)
    dataset = open_dataset(inspected, root, index_folder=results / "index")
    _check_copies(dataset, NO_PATIENTS if distinct else patient, made)
    folds, fewest = _divide(dataset, pairs, split)
    fields["tasks"][0]["n_folds"] = int(folds["fold"].nunique())
    _describe(made, dataset, pairs, folds, fewest, reading.names)
    made.texts[manifest_folder() / f"{name}.yaml"] = _manifest_text(fields, made.notes)
    profile = _profile(made, dataset, folds, minutes, measure())
    made.texts[profile_folder() / f"{name}.yaml"] = profile
    return made


def write_task(made: NewTask) -> list[Path]:
    """Write the manifest and the profile; InputError if one of the files exists."""
    for path, text in made.texts.items():
        remedy = "Choose another name, or make that folder writable; nothing is overwritten."
        refused = as_input_error("it cannot be written", where=path, remedy=remedy, kinds=OSError)
        with refused, path.open("x", encoding="utf-8") as file:
            file.write(text)
    return [*made.texts]


def _cases_left_out(kinds: Collection[str]) -> dict[str, list[str]]:
    """Return the setting of a manifest that leaves out cases found by inspection."""
    left_out = [word for kind, word in _OF_CASES.items() if kind in kinds]
    return {"leave_out": left_out} if left_out else {}


def _check_flags(has_table: bool, findings: bool, patient: str, only: str) -> None:
    """Raise InputError if a flag needs a table, or names no column and is no valid pattern."""
    if findings and not has_table:
        remedy = "Give the --table whose rows are findings."
        raise InputError("there are no rows", where="--findings", remedy=remedy)
    remedy = "Give part of a name, such as flair, or several parts, as in 'flair|seg'."
    with as_input_error("not a valid pattern", where="--only", remedy=remedy, kinds=re.error):
        re.compile(only)
    if (not has_table and patient != NO_PATIENTS) or "(" in patient:
        _check_pattern(patient, "--patient", "identifies patients, as in '^(P[0-9]+)_'")


def _check_label(places: Places, label: str) -> None:
    """Raise InputError unless a label without a table is empty, `IN_MASKS`, or a pattern."""
    if label != IN_MASKS:
        if label and "(" not in label:
            # It may name a column, or a line of files that say what is shown.
            refuse_unread(places)
        _check_pattern(label, "--label", r"names classes, as in '_(\d)$'")


def _check_pattern(pattern: str, flag: str, kept: str) -> None:
    """Raise InputError unless a pattern is empty, or valid and with brackets around a part."""
    remedy = f"Put parentheses around what {kept}."
    kinds = (re.error, ValueError)
    with as_input_error("not a valid pattern", where=flag, remedy=remedy, kinds=kinds):
        if pattern and not re.compile(pattern).groups:
            raise ValueError(f"{pattern!r} captures no part of a name")


def _hint_at_masks(images: Path, made: NewTask) -> None:
    """Report folders below or beside the pictures whose names or files are those of masks."""
    words = tuple(discovery.COLUMNS["mask"])
    for path, names in folders_beside(images):
        is_called_so = discovery.plain(path.name).startswith(words)
        files = [name for name in names if name.lower().endswith(PICTURES)]
        few = files[:: 1 + len(files) // 4]
        if is_called_so or (few and all(count_values(path, name) > 1 for name in few)):
            made.say("masks", f"none are read: --masks {path} would read that folder", "yellow")


def _patients_of(
    root: Path,
    locators: Sequence[str],
    reading: Reading,
    patient: str,
    of_volumes: bool,
    made: NewTask,
    ask: Ask,
) -> dict[str, Any]:
    """Return the settings that say how patients are identified, and note the reason."""
    options, settings = reading.options, {"independence": "patient", **reading.settings}
    if "patient" in options:
        reason = "a column of the table names patients"
    elif patient and patient != NO_PATIENTS:
        settings["patient_pattern"], reason = patient, "file names identify patients, as you said"
    elif "patients" in options:
        reason = "each folder below a class counts as a patient"
        made.say("patient folders", reason, "yellow")
    elif named_in_headers(root, locators):
        settings["patients_in_headers"], reason = True, "only DICOM headers name patients"
        made.say("patients in", "the headers of the DICOM files (PatientID)")
    elif patient != NO_PATIENTS and (pattern := _propose_pattern(reading, made, ask)):
        settings["patient_pattern"], reason = pattern, "file names seem to identify patients"
    elif of_volumes:
        settings["independence"], reason = (
            "exam",
            "nothing identifies patients: each volume counts as one",
        )
    else:
        settings["independence"], reason = (
            "image",
            "nothing identifies patients: each picture counts as one",
        )
    made.notes["independence"] = reason
    return settings


def _propose_pattern(reading: Reading, made: NewTask, ask: Ask) -> str:
    """Return a pattern by which names seem to identify patients, or originals of altered copies.

    Return an empty string if there is none or it is declined.
    """
    names, paths = reading.names, reading.paths or reading.names
    of_classes = sorted(reading.classes.values())
    patterns = {
        pattern: pictures
        for pattern, pictures in discovery.patient_patterns(names).items()
        if not copies.are_divided({name: who for who in pictures for name in pictures[who]})
        and sorted(map(len, pictures.values())) != of_classes  # these groups are the classes
    }
    what = "patients"
    if not patterns and (joins := copies.copies_pattern(paths)):
        what, patterns = "originals", {joins: copies.pictures_by(joins, paths)}
    if not patterns:
        return ""
    pattern, *others = patterns
    pictures = patterns[pattern]
    joined = [(who, several) for who, several in pictures.items() if len(several) > 1]
    examples = "; ".join(f"{' and '.join(several[:3])} of {who}" for who, several in joined[:3])
    text = f"by their names {len(paths):,} pictures may be of {len(pictures):,} {what}"
    coarser = [other for other in others if len(patterns[other]) < len(pictures)]
    fewer = "".join(f", or of {len(patterns[other]):,} ({other})" for other in coarser)
    choices = [pattern, *coarser, NO_PATIENTS]
    question = f"{text}, such as {examples}{fewer}: what identifies patients"
    answer = ask(question, "--patient", choices, pattern)
    if answer == NO_PATIENTS:
        return ""
    _check_pattern(answer, "--patient", "identifies patients, as in '^(P[0-9]+)_'")
    if answer == pattern:
        text = f"{text} ({pattern}), such as {examples}{fewer}; --patient none if they are not"
        if what == "originals":
            text += ". No patients are named: each original counts as one"
        made.say("PATIENTS", text, "bold red" if coarser or what == "originals" else "yellow")
    return answer


def _check_copies(dataset: Dataset, said: str, made: NewTask) -> None:
    """Raise InputError if altered copies of a picture count as several patients.

    If the user ``said`` that names identify no patients, or that patients are distinct, they are
    reported.
    """
    cases = dataset.cases
    tree = open_tree(dataset.root, dataset.location)
    files = cases["image"].map(file_of).str.removeprefix(tree.locator(""))
    divided = copies.are_divided(dict(zip(files, cases["patient_id"], strict=True)))
    if not divided:
        return
    pattern = copies.copies_pattern({*files})
    examples = "; ".join(" and ".join(several[:3]) for several in divided[:3])
    text = f"{counted(len(divided), 'pictures have')} altered copies by their names, which count "
    text += f"as other patients: {examples}"
    join = f"Join them with --patient {shlex.quote(pattern)}" if pattern else "Rename them"
    if said == NO_PATIENTS:
        made.say("PATIENTS", f"{text}. {join}, if they are copies", "bold red")
        return
    remedy = f"{join}, or give --distinct if they are different pictures."
    raise InputError(text, where=tree.place(), remedy=remedy)


def _slices_of(places: Places, text: str, made: NewTask, ask: Ask) -> Slices | None:
    """Return which slices of volumes are used, as stated or proposed; None without volumes."""
    tree = places.tree
    if text == NO_SLICES:
        return None
    names = [join_name(places.images, name) for name in places.pictures]
    proposal = None
    if not text:
        masked = len(places.mask_files) >= len(names)
        proposal = propose_slices(tree, names, all_masked=masked)
        if proposal is None:
            return None
        default = _slices_in_words(proposal[0])
        question = f"{proposal[1]:,} volumes: which slices of each are used"
        others = [f"{rule}{default[default.index(',') :]}" for rule in ("even", "middle")]
        choices = [*dict.fromkeys([default, *others]), NO_SLICES]
        text = ask(question, "--slices", choices, default)
        if text == NO_SLICES:
            return None
    slices = _slices_from(text)
    reason = "as you said" if proposal is None or text != default else "guessed"
    made.notes["slices"] = f"which slices of each volume are used, {reason}"
    style = "yellow" if reason == "guessed" else ""
    made.say(
        "slices", f"{_slices_in_words(slices)} of each volume (--slices to change this)", style
    )
    return slices


def _slices_in_words(slices: Slices) -> str:
    """Return slices as a value of ``--slices``, such as ``middle,3,axial``."""
    axis = [] if slices.axis is None else [str(slices.axis)]
    return ",".join([slices.rule, str(slices.count), *axis, *_FOLDER[slices.volume]])


def _slices_from(text: str) -> Slices:
    """Return the slices that a value of ``--slices`` describes."""
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
    remedy += "or sagittal for NIfTI, 0, 1 or 2 for .npy, or folder where each folder is a volume."
    return Slices.checked(stated, where=f"--slices {text}", remedy=remedy)


def _window_of(
    root: Path,
    locators: Sequence[str],
    window: tuple[float, float] | str | None,
    made: NewTask,
    ask: Ask,
) -> dict[str, Any]:
    """Return the settings of the window; an empty dict if pictures are shown as stored."""
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
            others = f"; {counted(without, 'files have')} none, all values shown (--window "
            others += "percentiles for more contrast)"
        text = f"as stored in the DICOM files{others}"
        made.say("window", text if without else f"{text} (--window for another)")
    return {}


def _ask_values(default: str, ask: Ask) -> str:
    choices = [default, PERCENTILES]
    answer = ask("Which values beyond 8 bits are shown", "--window", choices, default)
    return look_up("answer (--window)", answer, choices)


def _are_deep(root: Path, scans: Sequence[str]) -> bool:
    """Return whether the first DICOM file that can be read has more than 8 bits."""
    from rin.data.dicom import measured_values  # pydicom is slow to load

    for locator in scans:
        with suppress(InputError):  # the inspection of all pictures reports broken ones
            return measured_values(root, locator) is not None
    return False


def _count_without_window(root: Path, scans: Sequence[str]) -> int:
    """Return how many DICOM files do not state a window."""
    if not scans:
        return 0
    from rin.data.dicom import stores_window  # pydicom is slow to load

    without = 0
    for locator in scans:
        with suppress(InputError):  # the inspection of all pictures reports broken ones
            without += not stores_window(root, locator)
    return without


def _inspect(
    places: Places,
    fields: dict[str, Any],
    made: NewTask,
    results: Path,
    empty_masks: bool,
    distinct: bool,
) -> pd.DataFrame:
    """Inspect every picture and return the pairs of near-duplicates.

    Counts and the threshold for near-duplicates are added to the manifest's ``fields``.
    """
    tree, manifest = places.tree, DatasetManifest.model_validate(fields)
    listed = find_cases(tree, manifest)
    drawn = {tree.locator(join_name(places.masks or places.images, m)) for m in places.mask_files}
    twice = sorted({*map(file_of, listed["image"])} & drawn)
    remedy = "Put masks into a folder of their own, and name it with --masks."
    tree.raise_if_any(twice, "masks would be read as pictures", remedy=remedy)
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
        made.notes["unwrap_ct"] = "true corrects CT air that wrapped to 3,000 or more"
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
        # Masks that may be empty are not checked; any other empty mask is a problem.
        checked = cases.assign(mask_digest=cases["mask_digest"].where(~right, ""))
    if wrong := case_problems(manifest, checked):
        kind, problem, remedy = wrong[0]
        remedy = _remedy_of(kind, remedy, manifest, cases)
        raise InputError(problem, where=tree.place(places.table), remedy=f"{remedy}.")
    bits, pairs = suggest_threshold(cases)
    fields["near_duplicate_bits"] = bits
    rule = "largest of 40, 24, 16 and 8 bits (of 256) that links no chains"
    made.notes["near_duplicate_bits"] = f"{rule}: {counted(len(pairs), 'pairs')}"
    return pairs


def _may_be_groups(manifest: DatasetManifest, cases: pd.DataFrame) -> bool:
    """Return whether patients are so few that they may be sites; series of slices are many."""
    n, are_of_series = (
        cases["patient_id"].nunique(),
        manifest.slices or manifest.patients_in_headers,
    )
    is_doubtful = n < _FEW_PATIENTS or (not are_of_series and len(cases) >= 5 * _MANY_OF_ONE * n)
    return is_doubtful and len(cases) >= _MANY_OF_ONE * n


def _remedy_of(kind: str, remedy: str, manifest: DatasetManifest, cases: pd.DataFrame) -> str:
    """Return the remedy for a kind of problem with cases, with the flags of `rin new`."""
    remedy = _TEXTS["remedies"].get(kind, remedy)
    if kind == "mixed patients" and (key := manifest.options.get("key")):
        remedy = remedy.replace("belong to pictures", f"belong to cells of {key}, as of sides")
    column = manifest.options.get("patient")
    if kind == "mixed patients" and column and _may_be_groups(manifest, cases):
        remedy += f", or --patient {NO_PATIENTS} if column {column} names sites and not patients"
    if kind == "mixed patients" and manifest.patient_pattern:
        remedy += f", or --patient {NO_PATIENTS} if names do not identify patients"
    elif kind == "mixed patients" and manifest.options.get("patients") is True:
        above = "[^/]+/" * (1 + ("splits" in manifest.options))
        remedy += f", or --patient '^({above}[^/]+)/' if folders of two classes that are called "
        remedy += "alike are of different patients"
    if kind == "one class" and manifest.labels_in_masks:
        remedy += ", or the mask values of the lesion with --lesion-values"
    return remedy


def _rightly_empty(
    manifest: DatasetManifest, cases: pd.DataFrame, accepted: bool, made: NewTask
) -> pd.Series:
    """Return which empty masks are valid: all if ``accepted``, else those of lesion-free classes.

    Every mask of such a class is empty, and the class is not the positive one.
    """
    nothing, positive = marks_nothing(cases), manifest.tasks[0].positive_class
    if accepted:
        return nothing
    drawn = cases[(cases["masks"].map(len) > 0) & (cases["label"] != positive)]
    all_empty = nothing[drawn.index].groupby(drawn["source_class"]).all()
    without = [*all_empty.index[all_empty]]
    right = nothing & cases["source_class"].isin(without) & (cases["label"] != positive)
    if n := int(right.sum()):
        text = f"the {counted(n, 'masks')} of class {' and '.join(without)} mark nothing, as in "
        made.say("masks", f"{text}a class without lesions")
    return right


def _refuse_alike_patients(patients: pd.Series, where: str) -> None:
    """Raise InputError if patients' names differ only in capitals, spaces or leading zeros.

    Names that are empty or a word for “missing” are refused, too: they would join several
    patients into one.
    """
    names = pd.Series(patients.unique())
    if nameless := [name for name in names if discovery.says_nothing(name) or name == "None"]:
        remedy = "Fill these cells, or give --distinct if a patient has that name."
        problem = f"{counted(int(patients.isin(nameless).sum()), 'pictures are')} of patients "
        problem += f"without a name ({join_first_ten(nameless)})"
        raise InputError(problem, where=where, remedy=remedy)
    plain = names.str.strip().str.casefold().str.replace(r"(?<!\d)0+(?=\d)", "", regex=True)
    alike = [" and ".join(several) for _, several in names.groupby(plain) if len(several) > 1]
    if alike:
        remedy = (
            "Spell each patient in one way, or give --distinct if they are different patients."
        )
        raise InputError(
            f"{join_first_ten(alike)} look like one patient", where=where, remedy=remedy
        )


def _divide(dataset: Dataset, pairs: pd.DataFrame, column: str) -> tuple[pd.DataFrame, int]:
    """Return the folds, given by the table or drawn, and the fewest patients of a class tested."""
    manifest, cases = dataset.manifest, dataset.cases
    tree = open_tree(dataset.root, dataset.location)
    groups, where = leak_free_groups(cases, pairs), tree.place()
    remedy = f"Correct the column or lists, or ignore them with --split {NO_SPLIT}."
    if "split" not in manifest.options:
        folds = make_folds(cases, groups, 5, _SEED, where=where)
    else:
        split = manifest.options["split"]
        where = ", ".join(split.get("lists", [f"column {column or split.get('column')}"]))
        where = f"{tree.place(manifest.options['table'])}: {where}"
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
        problem = f"fold {fold + 1} tests {counted(patients.min(), 'patients')} with {label}, but "
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
    """Add to the screen a description of the pictures, patients, classes, masks and folds."""
    manifest, cases = dataset.manifest, dataset.cases
    _describe_pictures(made, manifest, cases)
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
        for text in unusual_drawing(dataset):
            made.say("MASKS", text, "bold red")
    labels = cases.set_index("case_id")["label"]
    label_a, label_b = (labels.loc[pairs[case]].to_numpy() for case in ("case_a", "case_b"))
    text = f"{counted(len(pairs), 'pairs')} within {manifest.near_duplicate_bits} of 256 bits, "
    text += "kept on one side"
    contrary = pairs[label_a != label_b]
    if len(contrary):
        both = join_first_ten([*(contrary["case_a"] + " and " + contrary["case_b"])])
        text += f"; {counted(len(contrary), 'pairs have')} two labels (is one wrong?): {both}"
    made.say("near-duplicates", text, "yellow" if len(pairs) else "")
    split = manifest.options.get("split", {})
    origin = (
        "as the lists say" if "lists" in split else "as the table says" if split else "possible"
    )
    made.say("folds", f"{origin}: {fold_sizes(folds)}", "green")
    if fewest < _FEW_TESTED:
        text = counted(fewest, "patients of a class are tested")
        made.say("small test", f"{text}: their AUC is uncertain by tens of points", "yellow")


def _describe_pictures(made: NewTask, manifest: DatasetManifest, cases: pd.DataFrame) -> None:
    endings = endings_in_words(cases["image"])
    sides = cases[["width", "height"]].to_numpy()
    shape = f"{sides.min()} to {sides.max()} px, {'colour' if manifest.color else 'grey'}"
    made.say("pictures", f"{len(cases):,} ({endings}), {shape}")
    kinds = discovery.kinds_of([*cases["image"].map(file_of).unique()])
    if kinds and not {*kinds} <= {*manifest.label_map}:
        text = ", ".join(f"{kind} {n:,}" for kind, n in sorted(kinds.items()))
        pattern = shlex.quote(f"[ _/-]{re.escape(min(kinds))}[./]")  # t1 is in t1ce, too
        text += f": all are used; --only {pattern} takes one kind"
        made.say("kinds", text, "yellow")
    if blank := [*cases["case_id"][cases["blank"]]]:
        text = f"{counted(len(blank), 'pictures are')} of a single shade: "
        text += join_first_ten(blank, ", ")
        made.say("blank pictures", text, "yellow")


def _describe_patients(
    made: NewTask, manifest: DatasetManifest, cases: pd.DataFrame, names: Sequence[str]
) -> None:
    unit = "volume" if manifest.independence == "exam" else "picture"
    alone = f"each {unit} counts as a patient. If patients have several {unit}s, some will be "
    alone += "on both sides of the split, and the AUC will be too high"
    pattern, patients = discovery.guess_patients(names)
    n = len(patients)
    if not pattern:
        pattern, n = discovery.patients_inside_names(names)
    hint = f". By their names they may be {n} patients: --patient '{pattern}'"
    if not pattern or n == len(manifest.label_map):  # these groups are the classes
        hint = ""
    if manifest.independence in ("image", "exam"):
        made.say("PATIENTS", f"none are named: {alone}{hint}", "bold red")
    elif manifest.patient_pattern and cases["patient_id"].is_unique:
        made.say("PATIENTS", f"by the pattern, {alone}", "bold red")
    else:
        made.say("patients", patients_in_words(manifest, cases))
        if _may_be_groups(manifest, cases):
            text = (
                f"{counted(len(cases), 'pictures are')} of only {cases['patient_id'].nunique()} "
            )
            text += "patients: are these sites or groups? If so, give --patient the column of "
            made.say("PATIENTS", f"{text}patients, or {NO_PATIENTS}", "bold red")
        if hint and cases["patient_id"].is_unique:
            made.say("PATIENTS", f"each picture has a patient of its own{hint}", "yellow")


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
    """Return the YAML of a profile that fits the budget; add to the screen what it trains."""
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
    least = ", the least possible: this computer is slow or busy" if over else ""
    made.say("time", time + least, "yellow" if over else "")
    said = {"name": name, "root": made.data_root, "time": time, "weights": described}
    return f"{_TEXTS['head'].format_map(said)}{_dumped(settings)}"
