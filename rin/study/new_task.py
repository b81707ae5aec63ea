"""From a folder of somebody's own to a manifest and a profile that run: what `rin new` does.

Everything is looked at before anything is written: columns, paths, every picture, patients with two
labels, near-duplicates, whether folds are possible.  What was guessed stands in the manifest with a
comment; what cannot be guessed is asked, or is an error that says which flag decides it.
"""

from __future__ import annotations

import os
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from rin.data.dataset import case_problems, locate, marks_nothing
from rin.data.discovery import POSITIVE, guess_columns, plain
from rin.data.layouts import find_cases
from rin.data.layouts.found import PICTURES, read_table
from rin.data.layouts.table import UNLABELLED
from rin.data.leakage import SAME_LESION, SAME_PICTURE, leak_free_groups, near_duplicates
from rin.data.manifest import DatasetManifest, load_manifest, manifest_names
from rin.data.pixels import read_picture
from rin.data.splits import fold_sizes, make_folds
from rin.data.store import inspect_cases, refuse_bad
from rin.data.tree import Tree, open_tree
from rin.errors import InputError, counted, look_up, named
from rin.files import manifest_folder
from rin.models.weights import load_entries
from rin.models.weights import locate as locate_weights
from rin.study.profile import profile_folder, profile_names

ENDINGS = (*PICTURES, ".dcm", ".npy")
CORPORA = {"radiologic": "corpus_radiologic", "photographic": "corpus_photographic"}
#: Backbone whose step is measured, its side in pixels, and the seconds that a book takes besides.
MEASURED, SIDE, BOOK_SECONDS = "ResNet50", 75, 90
#: Share of a step with all layers unfrozen, by regime; what prediction takes of it.
COST = {"unfreeze_all": 1.0, "unfreeze_top10": 0.55, "freeze_all": 0.5}
PREDICTION = 0.3
RATES = {"unfreeze_all": ("1e-04", "1e-03"), "unfreeze_top10": ("1e-03", "1e-02"),
         "freeze_all": ("1e-02", "1e-03")}  # fmt: skip
#: The name of a picture in a column, without folder and ending.
_STEM = r"(?:.*[/\\])?(?P<stem>[^/\\]+?)(?:\.[A-Za-z]+)?"
Ask = Callable[[str, Sequence[str], str], str]


@dataclass
class NewTask:
    """What was found of somebody's own images, and the two files that follow from it.

    ``facts`` is the screen: a row (what, text, style) each.
    """

    name: str
    data_root: Path
    manifest: DatasetManifest
    texts: dict[Path, str] = field(default_factory=dict)
    facts: list[tuple[str, str, str]] = field(default_factory=list)


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
    positive: Sequence[str] = (),
    minutes: float = 15,
    leave_out: bool = False,
    several: bool = False,
    data_root: Path | None = None,
    results: Path = Path("results"),
    ask: Ask = refuse_to_guess,
    measured: tuple[float, float] | None = None,
) -> NewTask:
    """Look at somebody's own images and return the manifest and the profile of a task on them.

    ``table`` names pictures, labels and patients; without it, ``images`` has a folder a class.
    ``image``, ``label`` and ``patient`` name columns (without a table, ``patient`` is a pattern of
    file names); ``positive`` are the classes that are looked for.  ``leave_out`` accepts rows
    without pictures, pictures without rows and rows without a label; ``several``, that patients
    have two labels.  ``measured`` are seconds for an image and step, and to compile one.

    Nothing is written but inspections below ``results``.  InputError for everything that would stop
    a training later.
    """
    _refuse_taken(name)
    given = {"--images": images, "--table": table, "--masks": masks}
    for flag, path in given.items():
        if path is not None and not path.exists():
            remedy = "Check the path; quote it where it holds spaces."
            raise InputError(
                "there is no such file or folder", where=f"{flag} {path}", remedy=remedy
            )
    places = [path.resolve() for path in given.values() if path is not None]
    above = Path(os.path.commonpath([p.parent if p.is_file() else p for p in places]))
    if len(places[0].relative_to(above).parts) > 3 or above == Path(above.anchor):
        remedy = (
            "Put them into one folder, or link them there: ln -s /where/they/are FOLDER/images."
        )
        raise InputError("images and table share no folder", where=above, remedy=remedy)
    root = data_root.resolve() if data_root else above.parent
    inside = above.is_relative_to(root) and above != root
    location = above.relative_to(root).as_posix() if inside else above.as_posix()
    tree = open_tree(root, location)
    folder = places[0].relative_to(above).as_posix().removeprefix(".")
    drawn = masks.resolve().relative_to(above).as_posix() if masks else ""
    notes: dict[str, str] = {}
    facts: list[tuple[str, str, str]] = [("folder", tree.place(), "")]
    if table:
        roles = {"image": image, "label": label, "patient": patient}
        options, classes = _table_options(tree, table, folder, drawn, roles, notes, facts, ask)
        layout, pattern = "table", ""
    else:
        below = replace_names(tree, f"{folder}/" if folder else "")
        classes = Counter(name.split("/")[0] for name in below if "/" in name)
        layout, pattern = "folder_classes", patient
        options = {"leave_out": ["files"]}
        if folder:
            location, folder = f"{location}/{folder}", ""
            tree = open_tree(root, location)
    present = [value for value in classes if value]
    if len(present) < 2:
        problem = f"there is one class only ({named(present) or 'none'})"
        remedy = "Two are needed: name the column with --label, or a folder a class with --images."
        raise InputError(problem, where=table or images, remedy=remedy)
    wanted = list(positive) or [_ask_positive(present, ask)]
    for value in wanted:
        look_up("class (--positive)", value, present)
    other = next((v for v in present if v not in wanted), "") if len(present) == 2 else ""
    other, word = other or f"not {wanted[0]}", wanted[0]
    labels = {value: word if value in wanted else other for value in sorted(present)}
    if "" in classes:
        labels[UNLABELLED] = None
        _needs_leave(leave_out, f"{counted(classes[''], 'rows have no label')}", table)
        facts.append(("unlabelled", counted(classes[""], "rows are left out"), "yellow"))
    if layout == "table" and leave_out:
        options["leave_out"] = ["rows", "pictures", "files"]
    sample = [n for n in tree.names if n.lower().endswith(ENDINGS)][:64]
    color = _is_color(tree, [n for n in sample if not n.lower().endswith((".dcm", ".npy"))][:24])
    fields: dict[str, Any] = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "citation": "unpublished",
        "home": "internal",
        "licence": "internal use",
        "access": "not public",
        **_from_headers(tree, sample),
        "layout": layout,
        "options": options,
        "locations": [location],
        "independence": "patient" if (options.get("patient") or pattern) else "image",
        "patient_labels": "several" if several else "one",
        "color": color,
        "masks": bool(masks or options.get("mask")),
        "label_map": labels,
        "tasks": [{"name": name, "title": f"{word.capitalize()} or {other}, {name}",
                   "positive_class": word, "n_folds": 5}],
    }  # fmt: skip
    if pattern:
        fields["patient_pattern"] = pattern
    manifest = DatasetManifest.model_validate(fields)
    found = find_cases(tree, manifest)
    _note_left_over(tree, manifest, found, leave_out, facts)
    cases, bad = inspect_cases(root, found[found["label"].notna()], manifest,
                               folder=results / "index")  # fmt: skip
    refuse_bad(bad, len(found), tree.place())
    fields["counts"] = {"images": found["source_class"].value_counts().sort_index().to_dict()}
    if fields["masks"]:
        empty = marks_nothing(cases)
        fields["counts"]["masks"] = (
            found["masks"].map(len).groupby(found["source_class"]).sum().to_dict()
        )
        fields["counts"]["empty_masks"] = int(empty.sum()) if leave_out else 0
    manifest = DatasetManifest.model_validate(fields)
    if wrong := case_problems(manifest, cases, states_all=True):
        problem, _, remedy = wrong[0].rpartition(". ")
        remedy = remedy.replace("say patient_labels: several", "give --several-labels")
        remedy = re.sub("state counts.empty_masks.*", "accept them with --leave-out", remedy)
        raise InputError(problem, where=tree.place(), remedy=f"{remedy}.")
    bits, pairs = _threshold(cases)
    fields["near_duplicate_bits"] = bits
    notes["near_duplicate_bits"] = (
        f"largest of 40, 24, 16 and 8 bits (of 256) that links no chains: {len(pairs)} pairs"
    )
    folds = make_folds(cases, leak_free_groups(cases, pairs), 5, seed=0, where=tree.place())
    fields["tasks"][0]["n_folds"] = int(folds["fold"].nunique())
    _describe(facts, manifest, cases, found, pairs, bits, folds, word)
    manifest = DatasetManifest.model_validate(fields)
    made = NewTask(name, root, manifest, facts=facts)
    profile, profile_facts = _profile(name, manifest, cases, folds, root, minutes, measured)
    facts += profile_facts
    made.texts[manifest_folder() / f"{name}.yaml"] = _manifest_text(fields, notes)
    made.texts[profile_folder() / f"{name}.yaml"] = profile
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


def replace_names(tree: Tree, prefix: str) -> list[str]:
    """Return the names of pictures below a folder of a tree, without that folder."""
    names = [n.removeprefix(prefix) for n in tree.names if n.startswith(prefix)]
    return [n for n in names if n.lower().endswith(ENDINGS)]


def _refuse_taken(name: str) -> None:
    remedy = "Choose another name; nothing is overwritten."
    if name in manifest_names() or name in profile_names():
        problem = f"{name!r} is taken by a dataset or a profile"
        raise InputError(problem, where="NAME", remedy=remedy)
    for other in manifest_names():
        if name in {task.name for task in load_manifest(other).tasks}:
            raise InputError(f"{name!r} is a task of {other}", where="NAME", remedy=remedy)


def _needs_leave(leave_out: bool, what: str, where: object) -> None:
    if not leave_out:
        remedy = "Correct that, or accept it with --leave-out; the manifest then says so."
        raise InputError(what, where=str(where), remedy=remedy)


def _table_options(
    tree: Tree,
    table: Path,
    folder: str,
    drawn: str,
    roles: dict[str, str],
    notes: dict[str, str],
    facts: list,
    ask: Ask,
) -> tuple[dict[str, Any], Counter]:
    """Return the options of the layout `table`, and how often each label stands in the table."""
    file = table.resolve().relative_to((tree.root / tree.location).resolve()).as_posix()
    rows = read_table(tree, file, []).astype(object)
    if rows.empty:
        raise InputError("the table has no rows", where=table, remedy="Give it a row a picture.")
    under = f"{drawn}/" if drawn else "\0"
    pictures = [n for n in replace_names(tree, f"{folder}/" if folder else "")
                if drawn == "" or not f"{folder}/{n}".lstrip("/").startswith(under)]  # fmt: skip
    outlines = replace_names(tree, under) if drawn else []
    guessed, why, classes = guess_columns(rows, pictures, outlines, (folder, drawn))
    for role, column in roles.items():
        if column:
            guessed[role] = look_up(f"column (--{role})", column, [*rows])
            why[role] = "as you said"
    if "image" not in guessed:
        columns = ", ".join(rows)
        problem = (
            f"no column names the {len(pictures):,} pictures below {folder or '.'} ({columns})"
        )
        remedy = "Name it with --image, and the folder that its paths start at with --images."
        if pictures:
            remedy += f" A picture is called {pictures[0]}."
        raise InputError(problem, where=table, remedy=remedy)
    if "label" not in guessed:
        guessed["label"] = ask("The column of the label|--label", classes or [*rows], "")
        why["label"] = "as you said"
    options = {"table": table.name, "images": folder, "image": guessed["image"]}
    options |= {key: guessed[key] for key in ("label", "patient") if guessed.get(key)}
    if drawn:
        options["masks"] = drawn
        if "mask" in guessed:
            options["mask"] = guessed["mask"]
        else:
            options |= _mask_template(rows[guessed["image"]], guessed["image"], outlines, drawn)
    if "split" in guessed:
        options["split"] = {"column": guessed["split"]}
    options = {key: value for key, value in options.items() if value != ""}
    roots = tuple(f"{place}/" if place else "" for place in (folder, *([drawn] if drawn else [])))
    others = [n for n in tree.names if n != file
              and not (n.startswith(roots) and n.lower().endswith(ENDINGS))]  # fmt: skip
    if others:
        options["leave_out"] = ["files"]
        facts.append(("other files", f"{counted(len(others), 'files')}, not read", ""))
    notes["options"] = "; ".join(f"{role}: {reason}" for role, reason in why.items())
    for role, reason in why.items():
        facts.append((f"{role} column", f"{guessed[role]} ({reason})", ""))
    return options, Counter(rows[guessed["label"]])


def _mask_template(
    names: pd.Series, column: str, outlines: list[str], drawn: str
) -> dict[str, Any]:
    """Return how masks are called where the table has no column of them."""
    stems = {Path(name).stem for name in names}
    masks = {Path(name).stem for name in outlines}
    if stems & masks:
        return {}
    for before, after in product(("", "mask_", "seg_"), ("", "_mask", "_seg", "_segmentation")):
        if {f"{before}{stem}{after}" for stem in stems} & masks:
            return {"mask": f"{before}{{stem}}{after}", "parts": {column: _STEM}}
    remedy = "Call masks like their pictures, _mask behind if you like, or give them a column."
    problem = "there are no pictures in the folder of masks"
    if outlines:
        problem = f"no mask is called like a picture (a mask is called {outlines[0]})"
    raise InputError(problem, where=f"--masks {drawn}", remedy=remedy)


def _ask_positive(classes: list[str], ask: Ask) -> str:
    words = POSITIVE.split()
    likely = [value for value in classes if plain(value) in words]
    likely = sorted(likely, key=lambda value: words.index(plain(value)))
    return ask("The positive class|--positive", sorted(classes), likely[0] if likely else "")


def _is_color(tree: Tree, names: list[str]) -> bool:
    """Tell whether more than 1 % of the pixels of some picture are no gray."""
    for name in names:
        with suppress(InputError):
            pixels = read_picture(tree.root, tree.locator(name), True).astype(int)
            if ((pixels.max(axis=2) - pixels.min(axis=2)) > 24).mean() > 0.05:
                return True
    return False


def _from_headers(tree: Tree, names: list[str]) -> dict[str, str]:
    """Return modality and anatomy: of a DICOM header, else unknown."""
    found = {"modality": "unknown", "anatomy": "unknown"}
    first = next((name for name in names if name.lower().endswith(".dcm")), None)
    if first:
        from io import BytesIO

        from pydicom import dcmread

        with suppress(Exception):  # a broken file is reported when every picture is read
            header = dcmread(BytesIO(tree.read(first)), stop_before_pixels=True)
            found["modality"] = str(header.get("Modality") or "unknown")
            found["anatomy"] = str(header.get("BodyPartExamined") or "unknown").lower()
    return found


def _note_left_over(
    tree: Tree, manifest: DatasetManifest, found: pd.DataFrame, leave_out: bool, facts: list
) -> None:
    """Say how many pictures and rows are left out."""
    if manifest.layout != "table" or not leave_out:
        return
    options = manifest.options
    prefix = f"{options['images']}/" if options.get("images") else ""
    pictures = len(replace_names(tree, prefix))
    table = next(n for n in tree.names if n.rpartition("/")[2] == options["table"])
    rows = len(read_table(tree, table, []))
    for text in (
        counted(rows - len(found), "rows without pictures") if rows > len(found) else "",
        counted(pictures - len(found), "pictures without rows") if pictures > len(found) else "",
    ):
        if text:
            facts.append(("left out", text, "yellow"))


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


def _describe(
    facts: list,
    manifest: DatasetManifest,
    cases: pd.DataFrame,
    found: pd.DataFrame,
    pairs: pd.DataFrame,
    bits: int,
    folds: pd.DataFrame,
    positive: str,
) -> None:
    """Add to the screen what the pictures are."""
    kinds = Counter(Path(name).suffix.lower() for name in cases["image"])
    endings = ", ".join(f"{n} {ending}" for ending, n in kinds.items())
    sides = cases[["width", "height"]]
    shape = f"{sides.min().min()} to {sides.max().max()} px"
    shape += ", colour" if manifest.color else ", gray"
    facts.append(("pictures", f"{len(cases):,} ({endings}), {shape}", ""))
    per = cases.groupby("patient_id").size()
    if (cases["patient_id"] == cases["case_id"]).all():
        text = (
            "none are named: each picture counts as a patient. If patients have several pictures, "
            "some will stand on both sides of the split, and the AUC will be too high"
        )
        facts.append(("PATIENTS", text, "bold red"))
    else:
        many = f"{per.min()} to {per.max()}" if per.min() < per.max() else f"{per.max()}"
        text = f"{len(per):,}, {many} of the pictures each"
        facts.append(("patients", text, ""))
    classes = cases["label"].value_counts()
    text = ", ".join(
        f"{name} {n:,}{' (positive)' * (name == positive)}" for name, n in classes.items()
    )
    facts.append(("classes", text, ""))
    if manifest.masks:
        full = int(marks_nothing(cases).sum())
        text = f"{cases['masks'].map(len).sum():,}; {full} mark nothing or everything"
        facts.append(("masks", text, "yellow" if full else ""))
    text = f"{counted(len(pairs), 'pairs')} within {bits} of 256 bits stay on one side"
    facts.append(("near-duplicates", text, "yellow" if len(pairs) else ""))
    facts.append(("folds", f"possible: {fold_sizes(folds)}", "green"))


def _manifest_text(fields: dict[str, Any], notes: dict[str, str]) -> str:
    """Return the YAML of a manifest, with a comment at each guess."""
    lines = [
        f"# {fields['title']}: written by `rin new` from the files; correct it where it is wrong."
    ]
    for key, value in fields.items():
        if key in notes:
            lines.append(f"# {notes[key]}")
        kept = {key: value}
        text = yaml.safe_dump(kept, allow_unicode=True, sort_keys=False, width=95)
        lines.append(text.rstrip("\n"))
    return "\n".join(lines) + "\n"


def available_weights(data_root: Path) -> tuple[str, list[str]]:
    """Return which weights there are, and for which backbones: released, corpora or stand-ins."""
    folders = [data_root / "weights", data_root]
    entries = load_entries()
    files = [e.backbone for e in entries if e.init == "radimagenet" and locate_weights(e, folders)]
    if files and _keras_weights():
        return "released", files
    corpora = [locate(load_manifest(name), data_root) for name in CORPORA.values()]
    return ("corpora" if all(corpora) else "stand-ins"), [MEASURED]


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


def measure_step(size: int = SIDE, batch: int = 16) -> tuple[float, float]:
    """Return seconds for an image and training step with all layers, and seconds to compile it."""
    from rin.models.build import Architecture
    from rin.models.preprocessing import find_preprocessing
    from rin.training.batches import Part
    from rin.training.trainer import CompiledBlock, Recipe, prepare_framework

    prepare_framework(None, "float32")
    block = CompiledBlock(
        Architecture(MEASURED, "unfreeze_all", size=size, augmentation="official", dropout=0.5,
                     batch_norm_momentum=0.9, head="linear", channels=1)
    )  # fmt: skip
    pictures = np.random.default_rng(0).integers(0, 255, (4 * batch, size, size), dtype=np.uint8)
    labels = np.arange(len(pictures)) % 2
    train = Part(pictures, labels, np.arange(3 * batch))
    check = Part(pictures, labels, np.arange(3 * batch, len(pictures)))
    weights, preprocessing = block.parts.backbone.get_weights(), find_preprocessing("symmetric")
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        block.fit(weights, preprocessing, Recipe(1e-4, 1, batch, 0), train, check)
        seconds.append(time.monotonic() - began)
    images = 3 * batch + PREDICTION * batch
    return seconds[1] / images, max(0.0, seconds[0] - seconds[1])


def _profile(
    name: str,
    manifest: DatasetManifest,
    cases: pd.DataFrame,
    folds: pd.DataFrame,
    root: Path,
    minutes: float,
    measured: tuple[float, float] | None,
) -> tuple[str, list[tuple[str, str, str]]]:
    """Return the YAML of a profile that fits the budget, and what to say of it."""
    weights, backbones = available_weights(root)
    step, compiling = measured or measure_step()
    first = folds[folds["fold"] == 0]["part"].value_counts()
    n_folds, budget = int(folds["fold"].nunique()), 60 * minutes - BOOK_SECONDS
    pretrained = weights != "released"
    # A third of the time at most goes into pretraining, of both corpora alike.
    corpus = int(np.clip(0.33 * budget / (2 * 4 * step), 288, 6000)) if pretrained else 0
    before = 2 * 4 * corpus * step + 1.5 * compiling * pretrained

    def seconds(size: int, n: int, epochs: int, rates: int, train: int) -> float:
        share = min(1.0, train / first["train"])
        tested = min(900, len(cases)) if share < 1 else first["test"]
        images = first["train"] * share * epochs, first["validation"] * share * epochs + tested
        runs = sum(COST[r] * images[0] + PREDICTION * images[1] for r in RATES) * rates * 2 * n
        return before + len(backbones) * (runs * step * (size / SIDE) ** 2 + 3 * compiling)

    sizes = [s for s in (224, 160, 112, SIDE) if s <= max(SIDE, cases["width"].median())]
    trains = [n for n in (10**9, 1000, 500, 250, 120) if n == 10**9 or n < 0.8 * first["train"]]
    tried = [*product(trains, (10, 5, 3, 2), (2, 1), sizes, sorted({n_folds, 1}, reverse=True))]
    chosen, fastest = None, None
    for train, epochs, rates, size, n in tried:
        took = seconds(size, n if train == 10**9 else 1, epochs, rates, train)
        if fastest is None or took < fastest[0]:
            fastest = took, train, epochs, rates, size, n
        if took <= budget:
            chosen = took, train, epochs, rates, size, n
            break
    took, train, epochs, rates, size, n = chosen or fastest
    scenarios = [f"{b}-{r}-{rate}" for b in backbones for r in RATES for rate in RATES[r][:rates]]
    estimate = max(1, round((took + BOOK_SECONDS) / 60))
    inits = ["radimagenet", "imagenet"] if weights == "released" else [*CORPORA]
    title = {"released": "released weights", "corpora": "matched pretraining on corpora at hand",
             "stand-ins": "STAND-IN weights, whose difference means nothing"}[weights]  # fmt: skip
    settings: dict[str, Any] = {"name": name, "about": f"{manifest.title}: {title}, {size} px.",
                                "tasks": [name], "inits": inits, "backbones": backbones,
                                "scenarios": scenarios, "folds": n}  # fmt: skip
    if train < 10**9:
        settings["folds"] = 1
        settings["cases"] = {"train": train, "validation": max(20, train // 6), "test": 900}
    elif "split" in manifest.options and n_folds:
        settings["splits"] = "own"
    settings["fine_tuning"] = {
        "size": size,
        "batch": 16,
        "epochs": epochs,
        "batch_norm_momentum": 0.9,
    }
    if pretrained:
        settings["pretraining"] = {
            "corpora": dict(CORPORA), "cases": corpus, "size": SIDE, "batch": 16, "epochs": 4,
            "schedule": "cosine", "warmup": 0.1, "batch_norm_momentum": 0.9,
            "preprocessing": {"radiologic": "radimagenet", "photographic": "imagenet"},
        }  # fmt: skip
    if weights == "stand-ins":
        many = {"class_count": 12, "per_class": max(24, corpus // 12)}
        settings["stand_ins"] = dict.fromkeys(CORPORA.values(), many)
    live = ["pipeline/fine_tuning"]
    live += ["results/localisation"] * manifest.masks
    settings["pages"] = ["use/task_cover", "results/task", *live, "use/how_built"]
    head = [
        f"# {name}: written by `rin new`.",
        "#",
        f"# Command   make book PROFILE={name} DATA_ROOT={root}",
        f"# Measured  {step:.3f} s an image and step of {MEASURED} at {SIDE} px, {compiling:.0f} s",
        f"#           to compile it: about {estimate} minutes in all, for a budget of {minutes:g}",
        f"# Weights   {title}",
        "#",
        "# A notebook of your own in notebooks/ is one more name in `pages`: my_task.py.",
    ]
    dumped = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=95)
    extent = f"{counted(settings['folds'], 'folds')}, {size} px, {epochs} epochs"
    extent += f", {train} training pictures" if train < 10**9 else ""
    length = f"about {estimate} minutes for a budget of {minutes:g}"
    profile_facts = [
        ("weights", title, "bold red" if weights == "stand-ins" else ""),
        ("training", f"{counted(len(scenarios), 'scenarios')}, {extent}", ""),
        ("time", length, "" if chosen else "yellow"),
    ]
    return "\n".join(head) + "\n" + dumped, profile_facts
