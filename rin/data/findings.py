"""What is worth knowing about a dataset's files: counts that differ, pictures that repeat."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rin.data.layouts.found import FoundCase
from rin.data.manifest import DatasetManifest
from rin.errors import InputError


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

    Raises
    ------
    InputError
        Naming each class that differs, and by how much.
    """
    images = Counter(case.source_class for case in found)
    masks = Counter(dict.fromkeys(images, 0))
    for case in found:
        masks[case.source_class] += len(case.masks)
    expected_images = manifest.counts.images if note is None else note["images"]
    expected_masks = manifest.counts.masks if note is None else note["masks"]
    differences = count_differences("images", expected_images, images)
    differences += count_differences("masks", expected_masks, masks)
    if note is None:
        whole = {"images": manifest.counts.total, "classes": manifest.counts.classes}
        expected = {key: value for key, value in whole.items() if value is not None}
        counted = {"images": len(found), "classes": len(images)}
        differences += count_differences("in all", expected, {k: counted[k] for k in expected})
    if differences:
        raise InputError(
            f"the counts differ from those expected of {manifest.name}: {'; '.join(differences)}",
            where=where,
            remedy="Fetch the dataset again, or correct the counts in its manifest."
            if note is None
            else "Delete the stand-in folder; the next run writes it again.",
        )


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


def find(manifest: DatasetManifest, cases: pd.DataFrame, *, stand_in: bool) -> tuple[Finding, ...]:
    """Return the findings of a case table: repeated pictures, and for real files also known ones.

    Exact duplicates share size and digest; contradictory ones also bear different labels.
    """
    found = list(exact_duplicates(cases))
    if stand_in:
        return tuple(found)
    for kind, column, stated in (
        ("paper's counts differ", "label", manifest.counts.paper),
        ("authors' counts differ", "source_class", manifest.counts.authors),
    ):
        counted = cases[column].value_counts().to_dict()
        sentences = count_differences("images", stated, counted)
        found += [Finding(kind, "; ".join(sentences))] if sentences else []
    found += [Finding(f"known {k.kind}", k.text, k.case_ids) for k in manifest.findings]
    return tuple(found)


def exact_duplicates(cases: pd.DataFrame) -> list[Finding]:
    """Return a finding for each set of cases with identical pixels."""
    found = []
    for _, group in cases.groupby(["digest", "width", "height"], sort=False):
        if len(group) == 1:
            continue
        labels = sorted(group["label"].unique())
        contradictory = len(labels) > 1
        kind = "contradictory exact duplicates" if contradictory else "exact duplicates"
        text = f"the same pixels labelled {' and '.join(labels)}"
        found.append(Finding(kind, text, tuple(group["case_id"])))
    return found
