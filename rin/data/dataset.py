"""From a manifest to a checked case table, of real files or of a stand-in.

Real files that are present but broken raise an error; a stand-in never replaces them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from rin.data.layouts import find_cases
from rin.data.layouts.found import IF_PARTIAL, STAND_IN_NOTE
from rin.data.leakage import case_name, name_variants
from rin.data.manifest import (
    DatasetManifest,
    ExpectedCounts,
    Finding,
    load_manifest,
)
from rin.data.pixels import read_picture, resize_picture
from rin.data.store import MEASURED, Dataset, StoreShape, inspect_cases, refuse_bad
from rin.data.tree import PICTURES, SEPARATOR, Tree, open_tree
from rin.errors import InputError, amount, join_first_ten
from rin.files import digest_of
from rin.tables import CASES, check_table

#: Most sets of equal pictures that get a finding each, and most cases that other findings name.
LISTED = 10
#: Grey levels that a picture should at least span; AUC of mean grey values above which brightness
#: may be the label, and pictures of each label that this needs.
FEW_LEVELS = 25.5
HIGH_AUC = 0.95
ENOUGH = 10


def count_classes(manifest: DatasetManifest, cases: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of images (or exams) and masks of each source class.

    The columns are `found`, `expected`, `masks` and `expected_masks`; expected numbers are
    missing where the manifest states none.
    """
    stated = manifest.counts
    units = cases
    if stated.unit == "exam":
        units = cases.drop_duplicates(["source_class", "patient_id"])
    counts = {
        "found": units["source_class"].value_counts(),
        "expected": pd.Series(stated.images),
        "masks": cases["masks"].map(len).groupby(cases["source_class"]).sum(),
        "expected_masks": pd.Series(stated.masks),
    }
    return pd.DataFrame(counts, dtype="Int64").sort_index().fillna({"found": 0, "masks": 0})


def part_in_words(manifest: DatasetManifest, cases: pd.DataFrame) -> str:
    """Return a phrase saying which part of a dataset the cases are; empty if they are the whole.

    If the manifest is partial and states no total, the cases never count as the whole.
    """
    if not manifest.partial:
        return ""
    stated = manifest.counts
    whole = stated.total or sum(stated.images.values())
    number = count_classes(manifest, cases)["found"].sum()
    if not whole:
        return f"{amount(number, f'{stated.unit}s')} of an unknown number"
    return "" if number == whole else f"{number:,} of {whole:,} {stated.unit}s"


def check_counts(manifest: DatasetManifest, cases: pd.DataFrame, where: str) -> None:
    """Raise InputError if counts differ from those that the manifest states.

    The counts of a partial dataset may be smaller.
    """
    stated = manifest.counts
    counts = count_classes(manifest, cases)
    differences = (
        count_differences(f"{stated.unit}s", stated.images, counts["found"].to_dict())
        | count_differences("masks", stated.masks, counts["masks"].to_dict())
        | count_differences(
            "in all",
            {"images": stated.total, "classes": stated.classes},
            {"images": len(cases), "classes": int((counts["found"] > 0).sum())},
        )
    )
    less = max(differences.values(), default=0) < 0
    if differences and not (manifest.partial and less):
        remedy = "Fetch the dataset again, or correct the counts in its manifest."
        if manifest.access == "not public":
            remedy = (
                f"Restore the files; or run rin new {manifest.name} again, with its flags and "
                "--replace."
            )
        remedy += f" {IF_PARTIAL}" if less else ""
        raise InputError(
            f"the counts differ from those expected of {manifest.name}: {'; '.join(differences)}",
            where=where,
            remedy=remedy,
        )


def count_differences(
    what: str, expected: Mapping[str, int | None], present: Mapping[str, int]
) -> dict[str, int]:
    """Return a phrase for each class whose count differs from a known one, and by how much."""
    differences = {}
    for name in sorted({*expected, *present}) if expected else ():
        number = present.get(name, 0)
        stated = expected.get(name, 0)
        if stated is not None and number != stated:
            text = f"{name}: {amount(number, what)} instead of {stated} ({number - stated:+d})"
            differences[text] = number - stated
    return differences


def case_problems(manifest: DatasetManifest, cases: pd.DataFrame) -> dict[str, str]:
    """Return the remedy for each problem of cases: one class, mixed patients, empty masks."""
    problems = {}
    classes = sorted(cases["label"].unique())
    if manifest.tasks and len(classes) < 2:
        problems[
            f"all {len(cases):,} pictures have one label ({', '.join(classes)}): two are needed"
        ] = "Give another class a label in label_map, or leave out less"
    mixed = cases[cases.groupby("patient_id")["label"].transform("nunique") > 1]
    if len(mixed) and manifest.patient_labels == "one":
        shown = [
            f"of {case_name(cases, rows.index[0])}: {' and '.join(sorted({*rows['label']}))}"
            for _, rows in mixed.groupby("patient_id")
        ]
        problems[f"{amount(len(shown), 'patients have two labels')} ({join_first_ten(shown)})"] = (
            "Correct the table, or set patient_labels: several if labels belong to pictures"
        )
    if manifest.masks and not cases["masks"].map(len).any():
        problems["no picture has a mask"] = "Add the masks, or set masks: false"
    empty = cases.loc[marks_nothing(cases), "case_id"].tolist()
    expected = manifest.counts.empty_masks
    if len(empty) > expected:
        problems[
            f"{amount(len(empty), 'masks mark nothing or the whole picture')} "
            f"({join_first_ten(empty, ', ')}), at most {expected} expected"
        ] = (
            "Draw the masks of pictures that show a lesion; if others are correctly empty, state "
            f"how many: counts.empty_masks, {len(empty)} if all are correct"
        )
    return problems


def unify_patient_ids(cases: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Return the cases with one spelling of each patient, and a finding if some had several."""
    are_named = (cases["patient_id"] != cases["case_id"]).any()
    if not (alike := name_variants(cases["patient_id"]) if are_named else []):
        return cases, []
    shown = join_first_ten([" and ".join(map(repr, names)) for names in alike])
    text = f"{amount(len(alike), 'patients')} whose id is written in several ways: {shown}"
    spelled = {name: names[0] for names in alike for name in names}
    cases = cases.assign(patient_id=cases["patient_id"].replace(spelled))
    return cases, [Finding("patients joined", text)]


def marks_nothing(cases: pd.DataFrame) -> pd.Series:
    """Return which cases have an all black or all white mask, according to its digest."""
    areas = (cases["width"] * cases["height"]).unique().tolist()
    plain = [digest_of(bit * area) for area in areas for bit in (b"\0", b"\1")]
    return cases["mask_digest"].isin(plain)


def findings_of(
    manifest: DatasetManifest, cases: pd.DataFrame, listed: pd.DataFrame, part: str
) -> tuple[Finding, ...]:
    """Return the findings on pictures, volumes and counts, and those that the manifest states.

    The paper's counts are compared with the `cases` in use, the authors' with all `listed`
    cases, those of classes without a label included; neither is compared with a partial dataset.
    """
    used = {*listed["case_id"][listed["label"].notna()]}
    noted = [Finding("part of the dataset", part)] if part else []
    noted += [
        Finding("skipped known bad file", reason, (case_id,))
        for case_id, reason in manifest.known_bad.items()
        if case_id in used
    ]
    noted += exact_duplicates(cases)
    noted += _count_cases(
        "blank pictures",
        "pictures that show nothing, as their grey levels hardly differ: {}",
        cases["case_id"][cases["blank"]],
    )
    noted += brightness_findings(cases)
    noted += _count_cases(
        "wrapped CT values",
        "CT files of 12 bits without sign, air at 3,000 or more, put back below zero: {}",
        cases["case_id"][cases["wrapped"]],
    )
    stated = manifest.counts
    differing = {
        "paper's counts differ": count_differences(
            "images", stated.paper, Counter(cases["label"])
        ),
        "authors' counts differ": count_differences(
            f"{stated.unit}s", stated.authors, count_classes(manifest, listed)["found"].to_dict()
        ),
    }
    if not part:
        noted += [Finding(kind, "; ".join(texts)) for kind, texts in differing.items() if texts]
    noted += [replace(known, kind=f"known {known.kind}") for known in manifest.findings]
    return tuple(noted)


def _count_cases(kind: str, text: str, ids: pd.Series) -> list[Finding]:
    """Return a finding that counts cases and names the first ones, if there are any."""
    return [Finding(kind, text.format(len(ids)), tuple(ids[:LISTED]))] if len(ids) else []


def brightness_findings(cases: pd.DataFrame) -> list[Finding]:
    """Return findings on dark or flat pictures, and on two labels that brightness tells apart."""
    flat = (cases["brightest"] - cases["darkest"] < FEW_LEVELS) & ~cases["blank"]
    findings = _count_cases(
        "few grey levels",
        "pictures that use less than a tenth of the grey levels: {:,}",
        cases["case_id"][flat],
    )
    ranks = cases["mean_grey"].rank().groupby(cases["label"]).agg(["size", "mean"])
    if len(ranks) == 2 and ranks["size"].min() >= ENOUGH:
        # The rank of a picture grows by one with each picture of the other label that is darker.
        auc = 0.5 + abs(ranks["mean"].diff().iloc[1]) / len(cases)
        if auc > HIGH_AUC:
            findings.append(
                Finding(
                    "brightness",
                    f"mean grey values alone tell the labels apart (AUC {auc:.2f}): were they "
                    "made, exported or windowed differently?",
                )
            )
    return findings


def exact_duplicates(cases: pd.DataFrame) -> list[Finding]:
    """Return a finding for each set of cases with identical pixels; one per kind for many sets."""
    same = ["digest", "width", "height"]
    of_kind = defaultdict(list)
    for _, rows in cases[cases.duplicated(same, keep=False)].groupby(same, sort=False):
        labels = sorted(rows["label"].unique())
        kind = "exact duplicates" if len(labels) == 1 else "contradictory exact duplicates"
        text = f"the same pixels labelled {' and '.join(labels)}"
        of_kind[kind].append(Finding(kind, text, tuple(rows["case_id"])))
    for kind, sets in of_kind.items():
        if len(sets) > LISTED:
            ids = [case_id for finding in sets for case_id in finding.case_ids]
            text = f"{len(sets)} sets of pictures with the same pixels, {len(ids)} in all"
            of_kind[kind] = [Finding(kind, text, tuple(ids[:LISTED]))]
    return list(chain(*of_kind.values()))


def check_data_root(data_root: Path) -> None:
    """Raise InputError if the data root is not a folder."""
    if not data_root.is_dir():
        raise InputError(
            "there is no such data root",
            where=data_root,
            remedy="Name the folder that contains the datasets, or omit it (DATA_ROOT, too).",
        )


def locate(manifest: DatasetManifest, data_root: Path | None) -> str | None:
    """Return the first of the manifest's locations that exists under the data root, if any."""
    if data_root is None:
        return None
    check_data_root(data_root)
    for location in manifest.locations:
        place, _, inner = location.partition(SEPARATOR)
        if (data_root / place).exists() and (
            not inner or any(n.startswith(f"{inner}/") for n in open_tree(data_root, place).names)
        ):
            return place
    return None


def open_located(manifest: DatasetManifest, data_root: Path | None) -> Tree:
    """Return the tree of a dataset; InputError if the data root does not contain it."""
    location = locate(manifest, data_root)
    if data_root is not None and location is not None:
        return open_tree(data_root, location)
    source = f"Access is {manifest.access}: get it at {manifest.home}, and give"
    if manifest.access == "not public":
        source = f"Correct locations in data_manifests/{manifest.name}.yaml, or give"
    raise InputError(
        f"{manifest.title} is not there, looked for {', '.join(manifest.locations)}",
        where=data_root or "--data-root",
        remedy=f"{source} --data-root the folder that contains it.",
    )


def open_dataset(
    manifest: DatasetManifest,
    data_root: Path,
    *,
    index_folder: Path,
    square: StoreShape | None = None,
    problems: list[str] | None = None,
) -> Dataset:
    """Open the dataset under the data root and check it against its manifest.

    Cases of classes without a label are counted and left out; so are cases known to be bad.
    `square` is as for :func:`rin.data.store.inspect_cases`.  With a list of `problems`, those
    of pictures are added to it, and raise no error; counts are not checked.
    """
    tree = open_located(manifest, data_root)
    where = tree.place()
    made = is_stand_in(tree)
    expected = manifest
    if made:  # what the manifest states about the published files is not true of these
        expected = manifest.model_copy(
            update={"counts": ExpectedCounts(), "known_bad": {}, "findings": (), "partial": False}
        )
    listed = find_cases(tree, manifest)
    if problems is None:
        check_counts(expected, listed, where)
    wanted = listed[listed["label"].notna() & ~listed["case_id"].isin(expected.known_bad)]
    if wanted.empty:
        classes = ", ".join(sorted(listed["source_class"].unique())) or "no case"
        raise tree.error(
            f"none of the classes found has a label ({classes})",
            remedy="Give at least two classes a label in the manifest's label_map.",
        )
    cases, bad = inspect_cases(tree.root, wanted, manifest, folder=index_folder, square=square)
    cases, joined = unify_patient_ids(cases)
    wrong = {} if made else case_problems(manifest, cases)
    if problems is not None:
        problems += [f"{row.place}: {row.problem}" for row in bad.itertuples()]
        problems += [f"{problem}. {remedy}" for problem, remedy in wrong.items()]
    else:
        refuse_bad(bad, len(wanted), where, manifest)
        for problem, remedy in wrong.items():
            raise tree.error(problem, remedy=f"{remedy}.")
    part = part_in_words(expected, listed)
    findings = (*joined, *findings_of(expected, cases, listed, part))
    mask_digests = cases["mask_digest"]
    kept = cases.columns.difference([*CASES.columns, *MEASURED], sort=False)
    cases = cases[[*CASES.columns, *kept]]
    # Locators are not digested, so a folder and an archive of the same files have one digest.
    columns = ["case_id", "patient_id", "label", "source_class", "width", "height", "digest"]
    content = cases[columns].assign(mask=mask_digests, **cases[sorted(kept)])
    check_table(
        cases,
        CASES,
        where=where,
        remedy="Case ids must be unique; the columns are described in rin.tables.",
    )
    return Dataset(
        manifest=manifest,
        root=tree.root,
        location=tree.location,
        provenance="stand-in" if made else "real",
        cases=cases,
        findings=findings,
        # The part is digested, so that a part never counts as the whole, even with the same cases.
        digest=digest_of(content.to_csv(index=False) + part),
        mask_digests=mask_digests.set_axis(cases["case_id"]),
        index=index_folder,
        part=part,
    )


def is_stand_in(tree: Tree) -> bool:
    """Return whether a tree is a stand-in for a dataset."""
    return any(name.rpartition("/")[2] == STAND_IN_NOTE for name in tree.names)


def sample_pictures(
    where: str, data_root: Path | None, *, n: int, size: int
) -> tuple[np.ndarray, str, str]:
    """Read at most `n` pictures, always the same, stretched to squares of `size` pixels.

    `where` is a folder, a zip archive, or the name of a dataset below `data_root`; an empty
    string names the stand-in radiologic corpus.  Return the pictures, uint8 RGB (n, size, size,
    3), a description of them, and their provenance: `real`, `stand-in`, or an empty string for a
    folder or an archive.
    """
    if not where:
        from rin.data.standins import write_stand_in

        manifest = load_manifest("corpus_radiologic")
        with TemporaryDirectory() as folder:
            root = write_stand_in(manifest, Path(folder), {"class_count": 16, "per_class": 8}, 0)
            return sample_pictures(manifest.name, root, n=n, size=size)
    path = Path(where).resolve()
    title = where
    window = None
    provenance = ""
    if path.exists():
        tree = open_tree(path.parent, path.name)
        names = [tree.locator(name) for name in tree.names if tree.is_picture(name)]
    else:
        manifest = load_manifest(where)
        tree = open_located(manifest, data_root)
        window = manifest.window
        names = find_cases(tree, manifest)["image"].tolist()
        provenance = "stand-in" if is_stand_in(tree) else "real"
        title = f"{manifest.title} ({provenance})"
    if not names:
        raise InputError(
            "no pictures found",
            where=title,
            remedy=f"Known extensions: {', '.join(PICTURES)}.",
        )
    drawn = sorted(np.random.default_rng(0).permutation(len(names))[:n])
    pictures = (read_picture(tree.root, names[number], True, window) for number in drawn)
    pixels = np.stack([resize_picture(picture, size, "stretch") for picture in pictures])
    return pixels, f"{len(drawn)} of {len(names):,} pictures of {title}, at {size} px", provenance
