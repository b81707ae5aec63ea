"""From a folder of somebody's own to a manifest and a profile that run: what `rin new` does.

Everything is looked at before anything is written: columns, paths, every picture, patients with two
labels, near-duplicates, whether folds are possible.  What was guessed stands in the manifest with a
comment; what cannot be guessed is asked, or is an error that says which flag decides it.
"""

from __future__ import annotations

import os
import re
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rin.data.dataset import Dataset, case_problems, locate, marks_nothing, open_dataset
from rin.data.discovery import (
    PARTS_WORDS,
    file_stem,
    guess_columns,
    guess_masks,
    guess_positive,
)
from rin.data.layouts import find_cases
from rin.data.layouts.found import read_table
from rin.data.layouts.table import UNLABELLED, read_split
from rin.data.leakage import (
    SAME_LESION,
    SAME_PICTURE,
    check_splits,
    leak_free_groups,
    near_duplicates,
)
from rin.data.manifest import PART_NAMES, PARTS, DatasetManifest, load_manifest, manifest_names
from rin.data.pixels import read_picture
from rin.data.splits import MAX_FOLDS, fold_sizes, given_folds, make_folds
from rin.data.store import inspect_cases, refuse_bad
from rin.data.tree import Tree, is_dicom, open_tree
from rin.errors import InputError, counted, look_up, named
from rin.files import manifest_folder
from rin.models.weights import load_entries
from rin.models.weights import locate as locate_weights
from rin.study.forecast import SIDE, TIMED, Pace, fit_budget, measure_pace
from rin.study.profile import profile_folder, profile_names

CORPORA = {"radiologic": "corpus_radiologic", "photographic": "corpus_photographic"}
#: What a profile says of the weights that it starts from.
WEIGHTS = {
    "released": "released weights",
    "corpora": "matched pretraining on corpora at hand",
    "stand-ins": "STAND-IN weights, whose difference means nothing",
}
#: Value of ``--split`` with which a split that comes with the table is left aside.
NO_SPLIT = "none"
#: The name of a picture in a column, without folder and ending.
_STEM = r"(?:.*[/\\])?(?P<stem>[^/\\]+?)(?:\.[A-Za-z]+)?"
#: Pictures of which modality and colour are found out.
_SAMPLE = 32
Ask = Callable[[str, Sequence[str], str], str]


@dataclass
class NewTask:
    """What was found of somebody's own images, and the two files that follow from it.

    ``facts`` is the screen: a row (what, text, style) each; ``notes`` are comments on settings of
    the manifest, ``texts`` the files.
    """

    name: str
    data_root: Path
    manifest: DatasetManifest | None = None
    texts: dict[Path, str] = field(default_factory=dict)
    facts: list[tuple[str, str, str]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def say(self, what: str, text: str, style: str = "") -> None:
        """Add a row to the screen."""
        self.facts.append((what, text, style))


@dataclass(frozen=True)
class _Places:
    """A tree, and in it the folders of pictures and of masks, and the file of the table."""

    tree: Tree
    images: str
    masks: str = ""
    table: str = ""

    def pictures(self, folder: str) -> list[str]:
        """Return the names of pictures below a folder of the tree, without that folder."""
        prefix = f"{folder}/" if folder else ""
        names = (name for name in self.tree.names if name.startswith(prefix))
        return [name.removeprefix(prefix) for name in names if self.tree.is_picture(name)]

    def split_pictures(self) -> tuple[list[str], list[str], str]:
        """Return pictures and masks, without their folders, and the pattern of names of masks."""
        pictures = self.pictures(self.images)
        if self.masks and self.masks != self.images:
            prefix = f"{self.images}/" if self.images else ""
            inner = f"{self.masks.removeprefix(prefix)}/" if self.masks.startswith(prefix) else ""
            pictures = [name for name in pictures if not inner or not name.startswith(inner)]
            masks = self.pictures(self.masks)
            return pictures, masks, guess_masks(pictures, masks)
        if not (pattern := guess_masks(pictures)):
            return pictures, [], ""
        stems = {name: file_stem(name).rpartition("/")[2] for name in pictures}
        masks = [name for name, stem in stems.items() if re.fullmatch(pattern, stem)]
        return sorted({*pictures} - {*masks}), masks, pattern


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
    data_root: Path | None = None,
    results: Path = Path("results"),
    ask: Ask = refuse_to_guess,
    pace: Pace | None = None,
) -> NewTask:
    """Look at somebody's own images and return the manifest and the profile of a task on them.

    ``table`` names pictures, labels and patients; without it, ``images`` has a folder a class.
    ``image``, ``label``, ``patient`` and ``split`` name columns (`none` for a split that is not to
    be used; without a table, ``patient`` is a pattern of file names); ``positive`` are the classes
    that are looked for.  ``leave_out`` accepts rows without pictures, pictures without rows and
    rows without a label; ``several``, that patients have two labels.  ``pace`` is measured where
    it is not given.

    Nothing is written but inspections below ``results``.  InputError for everything that would stop
    a training later.
    """
    _refuse_taken(name)
    root, places = _find_places(images, table, masks, data_root)
    made = NewTask(name, root)
    made.say("folder", places.tree.place())
    if table:
        roles = {"image": image, "label": label, "patient": patient, "split": split}
        options, classes = _read_columns(places, table, roles, made, ask)
        layout, named_patients = "table", "patient" in options
        if leave_out:
            options["leave_out"] = ["rows", "pictures", "files"]
    else:
        options, classes = _read_folders(places, made)
        layout, named_patients = "folder_classes", bool(patient)
    present = sorted(value for value in classes if value)
    if len(present) < 2:
        problem = f"there is one class only ({named(present) or 'none'})"
        remedy = "Two are needed: name the column with --label, or a folder a class with --images."
        raise InputError(problem, where=table or images, remedy=remedy)
    wanted = list(positive)
    if not wanted:
        wanted = [ask("The positive class|--positive", present, guess_positive(present))]
    for value in wanted:
        look_up("class (--positive)", value, present)
    others, word = [value for value in present if value not in wanted], wanted[0]
    other = others[0] if len(others) == 1 else f"not {word}"
    labels: dict[str, str | None] = {value: word if value in wanted else other for value in present}
    if "" in classes:
        labels[UNLABELLED] = None
        if not leave_out:
            remedy = "Correct that, or accept it with --leave-out; the manifest then says so."
            problem = counted(classes[""], "rows have no label")
            raise InputError(problem, where=str(table), remedy=remedy)
        made.say("unlabelled", counted(classes[""], "rows are left out"), "yellow")
    fields: dict[str, Any] = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "citation": "unpublished",
        "home": "internal",
        "licence": "internal use",
        "access": "not public",
        **_look_at_some(places),
        "layout": layout,
        "options": options,
        "locations": [places.tree.location],
        "independence": "patient" if named_patients else "image",
        "patient_labels": "several" if several else "one",
        "masks": bool({"mask", "masks"} & {*options}),
        "label_map": labels,
        "tasks": [{"name": name, "title": f"{word.capitalize()} or {other}, {name}",
                   "positive_class": word, "n_folds": 1}],
    }  # fmt: skip
    if patient and not table:
        fields["patient_pattern"] = patient
    cases, pairs = _inspect(places, fields, made, results, leave_out)
    dataset = open_dataset(made.manifest, root, index_folder=results / "index")
    folds = _divide(dataset, pairs, split)
    fields["tasks"][0]["n_folds"] = int(folds["fold"].nunique())
    made.manifest = DatasetManifest.model_validate(fields)
    _describe(made, cases, pairs, folds, word)
    made.texts[manifest_folder() / f"{name}.yaml"] = _manifest_text(fields, made.notes)
    made.texts[profile_folder() / f"{name}.yaml"] = _profile(made, cases, folds, minutes, pace)
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
    for other in manifest_names():
        if name in {task.name for task in load_manifest(other).tasks}:
            raise InputError(f"{name!r} is a task of {other}", where="NAME", remedy=remedy)


def _find_places(
    images: Path, table: Path | None, masks: Path | None, data_root: Path | None
) -> tuple[Path, _Places]:
    """Return the data root, and the folder that holds what was named."""
    given = {"--images": images, "--table": table, "--masks": masks}
    for flag, path in given.items():
        kind = "file" if flag == "--table" else "folder"
        if path is not None and not (path.is_file() if kind == "file" else path.is_dir()):
            remedy = "Check the path; quote it where it holds spaces."
            raise InputError(f"there is no such {kind}", where=f"{flag} {path}", remedy=remedy)
    resolved = {flag: path.resolve() for flag, path in given.items() if path is not None}
    folders = [path.parent if flag == "--table" else path for flag, path in resolved.items()]
    above = Path(os.path.commonpath(folders))
    if len(resolved["--images"].relative_to(above).parts) > 3 or above == Path(above.anchor):
        remedy = "Put them into one folder, or link them: ln -s /where/they/are FOLDER/images."
        raise InputError("images and table share no folder", where=above, remedy=remedy)
    root = data_root.resolve() if data_root else above.parent
    inside = above.is_relative_to(root) and above != root
    location = above.relative_to(root).as_posix() if inside else above.as_posix()
    names = {flag: path.relative_to(above).as_posix() for flag, path in resolved.items()}
    folder, drawn = (names.get(flag, "").removeprefix(".") for flag in ("--images", "--masks"))
    return root, _Places(open_tree(root, location), folder, drawn, names.get("--table", ""))


def _read_folders(places: _Places, made: NewTask) -> tuple[dict[str, Any], Counter]:
    """Return the options of the layout `folder_classes`, and the pictures of each class."""
    pictures, masks, pattern = places.split_pictures()
    options: dict[str, Any] = {"leave_out": ["files"]}
    if masks:
        options["mask"] = pattern
        options |= {"masks": places.masks} if places.masks not in ("", places.images) else {}
        where = f"in {places.masks}" if "masks" in options else "beside the pictures"
        made.say("masks", f"{counted(len(masks), 'files')} {where}, by the names {pattern}")
    elif places.masks:
        remedy = "Call masks like their pictures, _mask behind if you like."
        raise InputError("no mask is called like a picture", where=places.masks, remedy=remedy)
    known = {*(f"{places.images}/{name}".lstrip("/") for name in pictures)}
    known |= {f"{places.masks}/{name}".lstrip("/") for name in masks}
    others = (name for name in places.tree.names if places.tree.is_picture(name))
    remedy = "Put pictures and masks into a folder of their own, or link them there."
    strange = [name for name in others if name not in known]
    places.tree.refuse(strange, "pictures lie in other folders", remedy=remedy)
    parts = [name.split("/") for name in pictures]
    splits = sorted({part[0] for part in parts if len(part) > 2})
    if splits and {word.lower() for word in splits} <= PARTS_WORDS:
        options["splits"] = splits
        text = f"{', '.join(splits)}: put together, and divided anew by patients"
        made.say("parts", text, "yellow")
    depth = 1 if "splits" in options else 0
    strange = [name for name, part in zip(pictures, parts, strict=True) if len(part) != depth + 2]
    remedy = "Each class is a folder of pictures; give a --table where folders are patients."
    places.tree.refuse(strange, "pictures lie in no folder of a class", remedy=remedy)
    return options, Counter(part[depth] for part in parts)


def _read_columns(
    places: _Places, table: Path, roles: dict[str, str], made: NewTask, ask: Ask
) -> tuple[dict[str, Any], Counter]:
    """Return the options of the layout `table`, and how often each label stands in the table."""
    rows = read_table(places.tree, places.table, []).astype(object)
    if rows.empty:
        raise InputError("the table has no rows", where=table, remedy="Give it a row a picture.")
    pictures, outlines, _ = places.split_pictures()
    folder = places.images
    drawn = places.masks or (folder if outlines else "")
    guessed, why, classes = guess_columns(rows, pictures, outlines, (folder, drawn))
    for role, column in roles.items():
        if (role, column) == ("split", NO_SPLIT):
            guessed.pop(role, "")
            why.pop(role, "")
        elif column:
            guessed[role] = look_up(f"column (--{role})", column, [*rows])
            why[role] = "as you said"
    if "image" not in guessed:
        problem = f"no column names the {len(pictures):,} pictures below {folder or '.'}"
        remedy = "Name it with --image, and the folder that its paths start at with --images."
        remedy += f" A picture is called {pictures[0]}." if pictures else ""
        raise InputError(f"{problem} ({', '.join(rows)})", where=table, remedy=remedy)
    if "label" not in guessed:
        guessed["label"] = ask("The column of the label|--label", classes or [*rows], "")
        why["label"] = "as you said"
    options = {"table": table.name, "images": folder, "image": guessed["image"]}
    options |= {key: guessed[key] for key in ("label", "patient") if guessed.get(key)}
    if drawn:
        options["masks"] = drawn
        options |= {"mask": guessed["mask"]} if "mask" in guessed else {}
        if "mask" not in guessed:
            options |= _mask_template(rows[guessed["image"]], guessed["image"], outlines, drawn)
            made.say("masks", f"{counted(len(outlines), 'files')}, by names such as {outlines[0]}")
    if "split" in guessed:
        options["split"] = {"column": guessed["split"]}
    options = {key: value for key, value in options.items() if value != ""}
    read = {f"{folder}/{name}".lstrip("/") for name in pictures}
    read |= {f"{drawn}/{name}".lstrip("/") for name in outlines} | {places.table}
    if others := [name for name in places.tree.names if name not in read]:
        options["leave_out"] = ["files"]
        made.say("other files", f"{counted(len(others), 'files')}, not read")
    made.notes["options"] = "; ".join(f"{role}: {reason}" for role, reason in why.items())
    for role, reason in why.items():
        made.say(f"{role} column", f"{guessed[role]} ({reason})")
    return options, Counter(rows[guessed["label"]])


def _mask_template(
    names: pd.Series, column: str, outlines: list[str], drawn: str
) -> dict[str, Any]:
    """Return how masks are called where the table has no column of them."""
    stems = {Path(name.replace("\\", "/")).stem for name in names}
    masks = {Path(name).stem for name in outlines}
    if stems & masks:
        return {}
    suffixes = ("", *(sign + word for sign in "_- " for word in ("mask", "seg", "segmentation")))
    for before, after in product(("", "mask_", "seg_"), suffixes):
        if {f"{before}{stem}{after}" for stem in stems} & masks:
            return {"mask": f"{before}{{stem}}{after}", "parts": {column: _STEM}}
    remedy = "Call masks like their pictures, _mask behind if you like, or give them a column."
    problem = "there are no pictures in the folder of masks"
    if outlines:
        problem = f"no mask is called like a picture (a mask is called {outlines[0]})"
    raise InputError(problem, where=f"--masks {drawn}", remedy=remedy)


def _look_at_some(places: _Places) -> dict[str, Any]:
    """Return modality and anatomy, of a DICOM header or unknown, and whether there is colour."""
    tree, prefix = places.tree, f"{places.images}/" if places.images else ""
    sample = [prefix + name for name in places.split_pictures()[0][:_SAMPLE]]
    looks = {"modality": "unknown", "anatomy": "unknown", "color": False}
    for name in sample:
        with suppress(Exception):  # a broken file is reported when every picture is read
            if is_dicom(name):
                from pydicom import dcmread

                header = dcmread(BytesIO(tree.read(name)), stop_before_pixels=True)
                looks["modality"] = str(header.get("Modality") or "unknown")
                looks["anatomy"] = str(header.get("BodyPartExamined") or "unknown").lower()
                break
            pixels = read_picture(tree.root, tree.locator(name), True).astype(int)
            colourful = (pixels.max(axis=2) - pixels.min(axis=2)) > 24
            looks["color"] |= bool(colourful.mean() > 0.05)
    return looks


def _inspect(
    places: _Places, fields: dict[str, Any], made: NewTask, results: Path, leave_out: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every picture, add counts and near-duplicates to the manifest; return cases, pairs."""
    tree, manifest = places.tree, DatasetManifest.model_validate(fields)
    found = find_cases(tree, manifest)
    if manifest.layout == "table" and leave_out:
        left = {
            "rows without pictures": len(read_table(tree, places.table, [])) - len(found),
            "pictures without rows": len(places.split_pictures()[0]) - len(found),
        }
        for what, n in left.items():
            if n > 0:
                made.say("left out", counted(n, what), "yellow")
    labelled = found[found["label"].notna()]
    cases, bad = inspect_cases(tree.root, labelled, manifest, folder=results / "index")
    refuse_bad(bad, len(found), tree.place())
    classes = found["source_class"]
    fields["counts"] = {"images": classes.value_counts().sort_index().to_dict()}
    if manifest.masks:
        fields["counts"]["masks"] = found["masks"].map(len).groupby(classes).sum().to_dict()
        fields["counts"]["empty_masks"] = int(marks_nothing(cases).sum()) if leave_out else 0
    made.manifest = DatasetManifest.model_validate(fields)
    if wrong := case_problems(made.manifest, cases, states_all=True):
        problem, _, remedy = wrong[0].rpartition(". ")
        remedy = remedy.replace("say patient_labels: several", "give --several-labels")
        remedy = re.sub("state counts.empty_masks.*", "accept them with --leave-out", remedy)
        raise InputError(problem, where=tree.place(), remedy=f"{remedy}.")
    bits, pairs = _threshold(cases)
    fields["near_duplicate_bits"] = bits
    made.notes["near_duplicate_bits"] = (
        "largest of 40, 24, 16 and 8 bits (of 256) that links no chains: "
        + counted(len(pairs), "pairs")
    )
    made.manifest = DatasetManifest.model_validate(fields)
    return cases, pairs


def _threshold(cases: pd.DataFrame) -> tuple[int, pd.DataFrame]:
    """Return the near-duplicate threshold that the pictures suggest, and the pairs within it.

    Beyond the true repeats a threshold links unlike pictures into chains, and a chain of patients
    is one group: the largest threshold is taken that links at most 5 % of the patients, or three.
    """
    pairs = near_duplicates(cases, SAME_LESION)
    patients = cases.set_index("case_id")["patient_id"]
    for bits in (SAME_LESION, 24, 16, SAME_PICTURE):
        near = pairs[pairs["distance"] <= bits].reset_index(drop=True)
        groups = leak_free_groups(cases, near)
        linked = patients.groupby(groups.reindex(patients.index).to_numpy()).nunique().max()
        if linked <= max(3, 0.05 * patients.nunique()):
            break
    return bits, near


def _divide(dataset: Dataset, pairs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the folds that the task will have: those of the table, or five of patients."""
    manifest, cases = dataset.manifest, dataset.cases
    tree = open_tree(dataset.root, dataset.location)
    groups = leak_free_groups(cases, pairs)
    if "split" not in manifest.options:
        return make_folds(cases, groups, 5, seed=0, where=tree.place())
    column = column or manifest.options["split"]["column"]
    values = {*read_split(tree, manifest)} - {""}
    n_folds = 1 if values <= {*PART_NAMES, *PARTS} else min(MAX_FOLDS, len(values))
    try:
        folds = given_folds(dataset, groups, n_folds, 0)
        check_splits(cases, folds, pairs)
    except InputError as error:
        remedy = f"Correct the column, or leave it aside with --split {NO_SPLIT}."
        where = f"{tree.place()}: column {column}"
        raise InputError(error.problem, where=where, remedy=remedy) from error
    return folds


def _describe(
    made: NewTask, cases: pd.DataFrame, pairs: pd.DataFrame, folds: pd.DataFrame, positive: str
) -> None:
    """Add to the screen what the pictures are."""
    manifest = made.manifest
    kinds = Counter(Path(name).suffix.lower() for name in cases["image"])
    endings = ", ".join(f"{n} {ending or 'without ending'}" for ending, n in kinds.items())
    sides = cases[["width", "height"]]
    shape = f"{sides.min().min()} to {sides.max().max()} px"
    shape += ", colour" if manifest.color else ", gray"
    made.say("pictures", f"{len(cases):,} ({endings}), {shape}")
    per_patient = cases.groupby("patient_id").size()
    if (cases["patient_id"] == cases["case_id"]).all():
        text = (
            "none are named: each picture counts as a patient. If patients have several pictures, "
            "some will stand on both sides of the split, and the AUC will be too high"
        )
        made.say("PATIENTS", text, "bold red")
    else:
        few, many = per_patient.min(), per_patient.max()
        each = f"{few} to {many} pictures" if few < many else counted(many, "pictures")
        made.say("patients", f"{len(per_patient):,}, {each} each")
    classes = cases["label"].value_counts()
    others = [f"{label} {n:,}" for label, n in classes.items() if label != positive]
    made.say("classes", ", ".join([f"{positive} {classes[positive]:,} (positive)", *others]))
    if manifest.masks:
        drawn, plain = cases["masks"].map(len), int(marks_nothing(cases).sum())
        text = f"{drawn.sum():,} of {(drawn > 0).sum():,} pictures; {(drawn == 0).sum():,} have "
        text += f"none; {plain} mark nothing or everything"
        made.say("masks read", text, "yellow" if plain or (drawn == 0).any() else "")
    bits = manifest.near_duplicate_bits
    text = f"{counted(len(pairs), 'pairs')} within {bits} of 256 bits stay on one side"
    made.say("near-duplicates", text, "yellow" if len(pairs) else "")
    origin = "as the table says" if "split" in manifest.options else "possible"
    made.say("folds", f"{origin}: {fold_sizes(folds)}", "green")


def _manifest_text(fields: dict[str, Any], notes: dict[str, str]) -> str:
    """Return the YAML of a manifest, with a comment at each guess."""
    lines = [
        f"# {fields['title']}: written by `rin new` from the files; correct it where it is wrong."
    ]
    for key, value in fields.items():
        lines += [f"# {notes[key]}"] if key in notes else []
        lines.append(_dumped({key: value}).rstrip("\n"))
    return "\n".join(lines) + "\n"


class _Written(yaml.SafeDumper):
    """A dumper that repeats what stands twice, in place of YAML's anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _dumped(settings: dict[str, Any]) -> str:
    return yaml.dump(settings, Dumper=_Written, allow_unicode=True, sort_keys=False, width=95)


def available_weights(data_root: Path) -> tuple[str, list[str]]:
    """Return which of `WEIGHTS` there are, and for which backbones."""
    folders = [data_root / "weights", data_root]
    entries = load_entries()
    files = [e.backbone for e in entries if e.init == "radimagenet" and locate_weights(e, folders)]
    if files and _keras_weights():
        return "released", files
    corpora = [locate(load_manifest(name), data_root) for name in CORPORA.values()]
    return ("corpora" if all(corpora) else "stand-ins"), [TIMED]


def _keras_weights() -> bool:
    """Tell whether Keras' own weights lie in its cache, or can be fetched now."""
    from keras.src.applications.resnet import BASE_WEIGHTS_PATH

    if any((Path.home() / ".keras" / "models").glob("*notop*.h5")):
        return True
    name = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    request = urllib.request.Request(BASE_WEIGHTS_PATH + name, method="HEAD")
    with suppress(OSError), urllib.request.urlopen(request, timeout=4):
        return True
    return False


def _profile(
    made: NewTask, cases: pd.DataFrame, folds: pd.DataFrame, minutes: float, pace: Pace | None
) -> str:
    """Return the YAML of a profile that fits the budget, and add to the screen what it computes."""
    manifest, name = made.manifest, made.name
    weights, backbones = available_weights(made.data_root)
    pace, given = pace or measure_pace(), "split" in manifest.options
    fitted = fit_budget(
        pace,
        minutes,
        cases=len(cases),
        parts=folds[folds["fold"] == 0]["part"].value_counts().to_dict(),
        folds=int(folds["fold"].nunique()),
        side=cases["width"].median(),
        backbones=backbones,
        corpora="" if weights == "released" else weights,
        draw=not given,
    )
    settings: dict[str, Any] = {
        "name": name,
        "about": f"{manifest.title}: {WEIGHTS[weights]}, {fitted.size} px.",
        "tasks": [name],
        "inits": ["radimagenet", "imagenet"] if weights == "released" else [*CORPORA],
        "backbones": backbones,
        "scenarios": fitted.scenarios,
        "folds": fitted.folds,
    }
    if given:
        settings["splits"] = "official"
    if fitted.train:
        validation = max(20, fitted.train // 6)
        settings["cases"] = {"train": fitted.train, "validation": validation, "test": 900}
    settings["fine_tuning"] = {
        "size": fitted.size,
        "batch": 16,
        "epochs": fitted.epochs,
        "batch_norm_momentum": 0.9,
    }
    if weights != "released":
        settings["pretraining"] = {
            "corpora": CORPORA, "cases": fitted.corpus, "size": SIDE, "batch": 16,
            "epochs": fitted.pretraining_epochs, "schedule": "cosine", "warmup": 0.1,
            "batch_norm_momentum": 0.9,
            "preprocessing": {"radiologic": "radimagenet", "photographic": "imagenet"},
        }  # fmt: skip
    if weights == "stand-ins":
        many = {"class_count": 12, "per_class": fitted.corpus // 12}
        settings["stand_ins"] = dict.fromkeys(CORPORA.values(), many)
    pages = ["use/task_cover", "results/task", "pipeline/fine_tuning"]
    pages += ["results/localisation"] if manifest.masks else []
    settings["pages"] = [*pages, "use/how_built"]
    estimate = f"about {max(1, round(fitted.minutes))} minutes"
    extent = f"{counted(fitted.folds, 'folds')}, {fitted.size} px, {fitted.epochs} epochs"
    extent += f", {fitted.train} training pictures" if fitted.train else ""
    made.say("weights", WEIGHTS[weights], "bold red" if weights == "stand-ins" else "")
    made.say("training", f"{counted(len(fitted.scenarios), 'scenarios')}, {extent}")
    length = f"{estimate} for a budget of {minutes:g}"
    if not fitted.fits:
        length += ", which is the least: this computer is slow or busy"
    made.say("time", length, "" if fitted.fits else "yellow")
    head = [
        f"# {name}: written by `rin new`.",
        "#",
        f"# Command   make book PROFILE={name} DATA_ROOT={made.data_root}",
        f"# Measured  {TIMED} at {SIDE} px takes {pace.image:.3f} s an image and step,",
        f"#           {pace.run:.1f} s a run besides, and {pace.tracing:.0f} s to trace:",
        f"#           {estimate} in all, for a budget of {minutes:g}",
        f"# Weights   {WEIGHTS[weights]}",
        "#",
        "# A notebook of your own in notebooks/ is one more name in `pages`: my_task.py.",
    ]
    return "\n".join(head) + "\n" + _dumped(settings)
