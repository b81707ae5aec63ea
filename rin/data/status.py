"""Which datasets are present, and are they whole?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from rin.data.chunks import map_threads
from rin.data.dataset import (
    check_counts,
    check_data_root,
    count_classes,
    is_stand_in,
    locate,
    open_dataset,
    open_located,
    part_in_words,
)
from rin.data.layouts import find_cases
from rin.data.manifest import DatasetManifest, load_manifest, manifest_names
from rin.data.masks import has_stray_values, read_mask
from rin.data.pixels import is_shape
from rin.data.store import Dataset
from rin.data.tree import SEPARATOR, Tree, open_tree
from rin.errors import InputError, amount, as_input_error, join_first_ten, look_up
from rin.files import digest_of, sha256_of

#: A mask that covers a larger share of its picture is a finding.
NEARLY_ALL = 0.9
#: Typical share of a picture from which masks seem to be inverted; and area that masks enclose, in
#: areas of their own, from which they seem to be lines.
MOSTLY_MARKED = 0.5
HOLLOW = 2
_HOW_TO_GET = {
    "open": "Download it from {home}, and put it at",
    "registration": "Register and download it at {home}, and put it at",
    "on request": "Ask for it at {home}, and put it at",
    "not public": "It is not public; if you have it, put it at",
}


def dataset_status(data_root: Path | None) -> pd.DataFrame:
    """Compare every dataset manifest with a data root, or with none; no picture is opened.

    Return one row per dataset: datasets of tasks, then substitutes, then corpora and practice.
    Columns are `name`, `title`, `access`, `licence` and `home` of the manifest; its
    `tasks`, and its `purpose` in words; `state` (here, not there, broken); `read`, its
    place below the data root or the datasets read instead; and `to_do`.
    """
    manifests = {name: load_manifest(name) for name in manifest_names()}
    if data_root is not None:
        check_data_root(data_root)
    places = {name: _find_dataset(manifest, data_root) for name, manifest in manifests.items()}
    every_task = [task for manifest in manifests.values() for task in manifest.tasks]
    rows = []
    for name, manifest in manifests.items():
        state, read, to_do = places[name]
        tasks = [task.name for task in manifest.tasks]
        stands_for = [task.name for task in every_task if name in task.substitutes]
        purpose = "practice" if manifest.layout == "npz" else "pretraining"
        if stands_for:
            purpose = f"substitute for {', '.join(stands_for)}"
        here = [
            other
            for other in manifest.substitutes
            if look_up(f"substitute for {name}", other, places)[0] == "here"
        ]
        if state == "not there":
            to_do = how_to_get(manifest, Path(), here)
            read = " or ".join(here) or ("stand-in" if manifest.stand_in else "")
        rows.append(
            {
                **manifest.model_dump(include={"name", "title", "access", "licence", "home"}),
                "tasks": tasks,
                "purpose": ", ".join(tasks) or purpose,
                "state": state,
                "read": read,
                "to_do": to_do,
            }
        )
    rows.sort(key=lambda row: (not row["tasks"], not row["purpose"].startswith("substitute")))
    return pd.DataFrame(rows)


def how_to_get(manifest: DatasetManifest, root: Path, here: Sequence[str] = ()) -> str:
    """Return a sentence on how to get a dataset; `here` are its substitutes that are present."""
    place = root / manifest.locations[0].partition(SEPARATOR)[0]
    get = f"{_HOW_TO_GET[manifest.access].format(home=manifest.home)} {place}"
    if manifest.sources:
        sources = [f"{source.name} at {source.home}" for source in manifest.sources]
        get = (
            f"Collect it from its {len(sources)} sources, one folder per class, and put it at "
            f"{place}: {', '.join(sources)}"
        )
    if manifest.fetch:
        get = f"rin data fetch {manifest.name} downloads it, from {manifest.home}"
    elif manifest.by_hand:
        get += f" ({manifest.by_hand})"
    if here:
        return f"{get}; its substitute {' and '.join(here)} is there."
    if manifest.substitutes:
        get += f"; or get its substitute {' or '.join(manifest.substitutes)}"
    return f"{get}."


def _find_dataset(manifest: DatasetManifest, data_root: Path | None) -> tuple[str, str, str]:
    """Return the state of a dataset, its location, and what to do if it is there."""
    location = ""
    try:
        location = locate(manifest, data_root) or ""
        if data_root is None or not location:
            return "not there", "", ""
        path = data_root / location
        # The first name is enough for a folder: some contain hundreds of thousands of files.
        if next(path.iterdir(), None) if path.is_dir() else open_tree(data_root, location).names:
            return "here", location, "Nothing."
        return "broken", location, f"Repair these files: {path}: it contains no files."
    except (InputError, OSError) as error:
        return "broken", location, f"Repair these files: {error}"


def check_file(tree: Tree, name: str, sha256: str) -> str:
    """Return a phrase, to follow the file's name, on whether it has its known SHA-256.

    The file is the archive itself, a file inside the archive or folder, or a file beside it.
    """
    inner = next((path for path in tree.names if f"/{path}".endswith(f"/{name}")), "")
    if inner:
        actual = digest_of(tree.read(inner))
    else:
        path = tree.root / name
        if not path.is_file():
            return "is not there"
        with as_input_error(
            "the file cannot be read",
            where=path,
            remedy="Check the file and its permissions, or fetch it again.",
        ):
            actual = sha256_of(path)
    if actual == sha256:
        return "is as known"
    return f"has another SHA-256 ({actual} instead of {sha256})"


@dataclass
class Verification:
    """The result of verifying a dataset: `facts` (subject and text) and `problems`.

    `counts` are those of `count_classes`; `digest` is an empty string if there are problems;
    `part` says which part of the dataset is present, an empty string for the whole.
    """

    manifest: DatasetManifest
    facts: list[tuple[str, str]] = field(default_factory=list)
    counts: pd.DataFrame = field(default_factory=pd.DataFrame)
    digest: str = ""
    part: str = ""
    problems: list[str] = field(default_factory=list)


def verify_dataset(
    manifest: DatasetManifest, data_root: Path, *, index_folder: Path, quick: bool = False
) -> Verification:
    """Verify a dataset: known files, counts of every class, and every picture unless `quick`."""
    check_data_root(data_root)
    done = Verification(manifest)
    if manifest.tasks and not manifest.label_map:
        task = manifest.tasks[0]
        done = Verification(manifest.merge_task(task))
        done.facts.append(("labels", f"as task {task.name} reads them"))
    try:
        _look_over(done, data_root, index_folder, quick)
    except InputError as error:
        done.problems.append(str(error))
    return done


def _look_over(done: Verification, data_root: Path, index_folder: Path, quick: bool) -> None:
    """Record facts and problems, up to a problem that prevents further checks."""
    manifest = done.manifest
    facts = done.facts
    tree = open_located(manifest, data_root)
    if is_stand_in(tree):
        raise tree.error(
            f"this is a stand-in that was written for {manifest.name}, not the dataset",
            remedy="Name the folder that contains the real images.",
        )
    facts.append(("at", tree.location))
    for name, known in manifest.files.items():
        compared = f"{name} {check_file(tree, name, known)}"
        facts.append(("file", compared))
        if "another" in compared:
            done.problems.append(compared)
    listed = find_cases(tree, manifest)
    done.counts = count_classes(manifest, listed)
    done.part = part_in_words(manifest, listed)
    if done.part:
        facts.append(("part", f"{done.part}: it never counts as the whole dataset"))
    cases = listed
    problems = []
    try:
        check_counts(manifest, listed, tree.place())
    except InputError as error:
        problems.append(f"{error.problem}. {error.remedy}")
    if not quick:
        dataset = open_dataset(manifest, data_root, index_folder=index_folder, problems=problems)
        cases = dataset.cases
        facts.append(("pictures", f"{len(cases):,} can be read"))
    done.problems += problems
    cases = cases[cases["label"].notna()]
    if len(cases) and cases["patient_id"].notna().all():
        facts.append(("patients", patients_in_words(manifest, cases)))
    if quick or problems:
        return
    for finding in dataset.findings:
        named_cases = f" ({join_first_ten(finding.case_ids, ', ')})" if finding.case_ids else ""
        facts.append(("finding", f"{finding.kind}: {finding.text}{named_cases}"))
    facts += [("finding", text) for text in unusual_drawing(dataset)]
    done.digest = dataset.digest
    facts.append(("digest", dataset.digest))


def unusual_drawing(dataset: Dataset) -> list[str]:
    """Return phrases on masks that mark nothing or everything, stray values, and odd drawing.

    Masks that mark most of a picture may be inverted; those that enclose much more than they mark
    may be lines.
    """
    masked = dataset.cases[dataset.cases["masks"].map(len) > 0]
    rows = map_threads(partial(_measure_drawing, dataset.root), masked.itertuples(index=False))
    drawn = pd.DataFrame(rows, masked["case_id"], ["share", "filled", "stray"])
    texts = []
    if empty := (drawn["share"] == 0).sum():
        texts.append(f"masks without a lesion: {empty:,} of {len(drawn):,}")
    unusual = {
        "masks of almost the whole picture": drawn["share"] > NEARLY_ALL,
        "masks with brighter values beside that of the lesion": drawn["stray"].astype(bool),
    }
    for what, is_unusual in unusual.items():
        if ids := list(drawn.index[is_unusual]):
            texts.append(f"{what}: {len(ids):,} ({join_first_ten(ids, ', ')})")
    marking = drawn[drawn["share"] > 0]
    share = marking["share"].median()
    filled = (marking["filled"] / marking["share"]).median()
    if share > MOSTLY_MARKED:
        texts.append(f"masks mark {share:.0%} of a typical picture: are they inverted?")
    elif filled > HOLLOW:
        texts.append(
            f"masks enclose {filled:.1f} times their own area: are they lines around the lesions, "
            "not areas?"
        )
    return texts


def _measure_drawing(root: Path, case: Any) -> tuple[float, float, bool]:
    """Return the shares of a picture that its masks mark and enclose; have they stray values?"""
    from scipy.ndimage import binary_fill_holes  # slow to load

    marked = read_mask(root, case.masks, (case.height, case.width), case.image)
    stray = any(has_stray_values(root, mask) for mask in case.masks if not is_shape(mask))
    return float(marked.mean()), float(binary_fill_holes(marked).mean()), stray


def patients_in_words(manifest: DatasetManifest, cases: pd.DataFrame) -> str:
    """Return a phrase with the numbers of patients, of their images, and of two-label patients."""
    if (cases["patient_id"] == cases["case_id"]).all():
        return "none are named: each picture counts as one"
    labels = cases.groupby("patient_id")["label"]
    fewest = labels.size().min()
    most = labels.size().max()
    images = amount(most, "images")
    if fewest < most:
        images = f"{fewest:,} to {images}"
    units = "exams" if manifest.independence == "exam" else "patients"
    two_labels = (labels.nunique() > 1).sum()
    return f"{len(labels):,} {units}, {images} each; {two_labels:,} with two labels"
