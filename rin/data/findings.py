"""What is worth knowing about a dataset's files: counts that differ, pictures that repeat."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rin.data.layouts.found import FoundCase
from rin.data.manifest import DatasetManifest
from rin.errors import InputError

#: Sets of equal pictures that get a finding each, and cases that a finding names.
LISTED = 20


@dataclass(frozen=True)
class Finding:
    """One observation: its kind, a sentence, and the cases concerned (maybe none)."""

    kind: str
    text: str
    case_ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        cases = f" ({', '.join(self.case_ids)})" if self.case_ids else ""
        return f"{self.kind}: {self.text}{cases}"


def check_counts(
    manifest: DatasetManifest, found: list[FoundCase], note: dict | None, where: Path
) -> None:
    """Hold the found cases against the manifest's counts, or a stand-in's own counts.

    Counted are images or exams, as the manifest's ``counts.unit`` says.  Cases that the
    manifest knows to be bad may be absent.

    Raises
    ------
    InputError
        Naming each class that differs, and by how much.
    """
    stated, absent = manifest.counts, 0
    images = stated.images if note is None else note["images"]
    masks = dict.fromkeys((case.source_class for case in found), 0)
    for case in found:
        masks[case.source_class] += len(case.masks)
    compared = [
        (f"{stated.unit}s", images, count_cases(found, stated.unit, where) if images else {}),
        ("masks", stated.masks if note is None else note["masks"], masks),
    ]
    if note is None:
        absent = len(set(manifest.known_bad).difference(case.case_id for case in found))
        whole = {"images": (stated.total, len(found)), "classes": (stated.classes, len(masks))}
        known = {key: pair for key, pair in whole.items() if pair[0] is not None}
        expected, counted = ({key: pair[i] for key, pair in known.items()} for i in (0, 1))
        compared.append(("in all", expected, counted))
    differences = [
        sentence
        for what, expected, counted in compared
        for sentence in count_differences(what, _forgiven(expected, counted, absent), counted)
    ]
    if differences:
        raise InputError(
            f"the counts differ from those expected of {manifest.name}: {'; '.join(differences)}",
            where=where,
            remedy="Fetch the dataset again, or correct the counts in its manifest."
            if note is None
            else "Delete the stand-in folder; the next run writes it again.",
        )


def count_cases(found: list[FoundCase], unit: str, where: str | Path) -> dict[str, int]:
    """Return the number of images or exams of each source class.

    Raises
    ------
    InputError
        Exams are to be counted, and only the headers of the images tell them apart.
    """
    if unit == "image":
        return Counter(case.source_class for case in found)
    unnamed = sum(case.patient_id is None for case in found)
    if unnamed:
        raise InputError(
            f"exams cannot be counted: only the headers name those of {unnamed} images",
            where=where,
            remedy="State the manifest's counts in images (counts.unit: image).",
        )
    exams = {(case.source_class, case.patient_id) for case in found}
    return Counter(source_class for source_class, _ in exams)


def count_differences(what: str, expected: dict[str, int], counted: dict[str, int]) -> list[str]:
    """Return one sentence for each class whose count differs; nothing expected, nothing said."""
    if not expected:
        return []
    return [
        f"{name}: {counted.get(name, 0)} {what} instead of {expected.get(name, 0)} "
        f"({counted.get(name, 0) - expected.get(name, 0):+d})"
        for name in sorted(set(expected) | set(counted))
        if counted.get(name, 0) != expected.get(name, 0)
    ]


def find(
    manifest: DatasetManifest, cases: pd.DataFrame, found: list[FoundCase], *, stand_in: bool
) -> tuple[Finding, ...]:
    """Return the findings of a dataset: repeated and blank pictures; known ones of real files.

    Exact duplicates share size and digest; contradictory ones also bear different labels.

    Parameters
    ----------
    cases
        Case table of the cases in use; the paper's counts are compared with it.
    found
        All cases, also of classes without a label; the authors' counts are compared with them.
    """
    noted = exact_duplicates(cases)
    blank = cases.loc[cases["blank"], "case_id"]
    if len(blank):
        text = f"pictures that show nothing, as their gray levels hardly differ: {len(blank)}"
        noted.append(Finding("blank pictures", text, tuple(blank[:LISTED])))
    if stand_in:
        return tuple(noted)
    paper, authors, unit = manifest.counts.paper, manifest.counts.authors, manifest.counts.unit
    sentences = count_differences("images", paper, Counter(cases["label"]))
    noted += [Finding("paper's counts differ", "; ".join(sentences))] if sentences else []
    counted = count_cases(found, unit, manifest.name) if authors else {}
    sentences = count_differences(f"{unit}s", authors, counted)
    noted += [Finding("authors' counts differ", "; ".join(sentences))] if sentences else []
    noted += [Finding(f"known {k.kind}", k.text, k.case_ids) for k in manifest.findings]
    return tuple(noted)


def exact_duplicates(cases: pd.DataFrame) -> list[Finding]:
    """Return a finding for each set of cases with identical pixels, or one for very many sets."""
    same = ["digest", "width", "height"]
    repeated = cases[cases.duplicated(same, keep=False)]
    number = repeated.groupby(same, sort=False).ngroup()
    labels = repeated["label"].groupby(number).nunique()
    found = []
    for kind, numbers in (
        ("contradictory exact duplicates", labels.index[labels > 1]),
        ("exact duplicates", labels.index[labels == 1]),
    ):
        rows = repeated[number.isin(numbers)]
        if len(numbers) > LISTED:
            text = f"{len(numbers)} sets of pictures with the same pixels, {len(rows)} in all"
            found.append((-1, Finding(kind, text, tuple(rows["case_id"][:LISTED]))))
            continue
        for first, group in rows.groupby(number):
            text = f"the same pixels labelled {' and '.join(sorted(group['label'].unique()))}"
            found.append((first, Finding(kind, text, tuple(group["case_id"]))))
    return [finding for _, finding in sorted(found, key=lambda one: one[0])]


def skipped(
    known_bad: dict[str, str],
    found: list[FoundCase],
    wanted: list[FoundCase],
    unreadable: Collection[str],
) -> list[Finding]:
    """Return a finding for each case that is left out because its file is known to be bad.

    Parameters
    ----------
    known_bad
        Reason per case.
    found, wanted
        All cases, and those of classes with a label; the others are not mentioned.
    unreadable
        Cases that cannot be read here.
    """
    if not known_bad:
        return []
    present, labelled = {case.case_id for case in found}, {case.case_id for case in wanted}
    noted = []
    for case_id, reason in known_bad.items():
        if case_id in present and case_id not in labelled:
            continue
        if case_id not in present:
            reason = f"{reason}; here the file is absent"
        elif case_id not in unreadable:
            reason = f"{reason}; here it can be read, and is left out all the same"
        noted.append(Finding("skipped known bad file", reason, (case_id,)))
    return noted


def _forgiven(expected: dict[str, int], counted: dict[str, int], absent: int) -> dict[str, int]:
    """Return the expected counts, lowered where no more is missing than bad cases are absent."""
    missing = {name: max(0, n - counted.get(name, 0)) for name, n in expected.items()}
    if sum(missing.values()) > absent:
        return expected
    return {name: n - missing[name] for name, n in expected.items()}
