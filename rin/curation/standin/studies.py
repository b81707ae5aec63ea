"""The content of the stand-in archive: its patients, their studies, findings and reports.

The word "normal" in a report does not always mean a normal study: there are negation, hedging,
incidental findings, "abnormal", and a normal organ beside a diseased one, so that a search for
words can be measured against the truth.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng

from rin.data.standins.writers import make_uid
from rin.files import read_yaml

FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
WORDS = read_yaml(Path(__file__).with_name("reports.yaml"))
REGIONS: dict[str, dict] = FACTS["regions"]
NORMAL: dict[str, str] = {name: r["normal"] for name, r in REGIONS.items() if "normal" in r}
#: Classes (region, label), normal ones first.
CLASSES: list[tuple[str, str]] = [*NORMAL.items()]
CLASSES += [(name, label) for name, region in REGIONS.items() for label in region["lesions"]]
FIRST_DAY, DAYS, OPENING = date(2010, 1, 4), 2200, time(8, 0)
SHARES, KINDS = FACTS["shares"], FACTS["kinds"]


@dataclass(frozen=True)
class Patient:
    """A patient: `name` as DICOM writes it, `born` a date."""

    number: int
    patient_id: str
    name: str
    born: date

    @property
    def spoken_name(self) -> str:
        """Given name and surname, as a report would write them."""
        return " ".join(reversed(self.name.split("^")))


@dataclass(frozen=True)
class Study:
    """A study of the plan.

    ``findings`` are the labels that the pictures show, in the order of importance.  ``kind`` is
    normal, negated, hedged, abnormal, incidental, other organ, two findings, or overlooked (by the
    reader, so that no search of reports can find it); ``slices`` is the number of diagnostic
    images.
    """

    patient: Patient
    region: str
    findings: tuple[str, ...]
    kind: str
    day: date
    slices: int
    number: int = 0
    accession: str = ""
    study_uid: str = ""

    @property
    def normal(self) -> bool:
        """Whether the study is completely normal."""
        return not self.findings and self.kind != "hedged"

    @property
    def marked(self) -> tuple[str, ...]:
        """Labels of the findings that the reader marks and describes."""
        return () if self.kind == "overlooked" else self.findings

    @property
    def named(self) -> dict[str, str]:
        """The reader's words for each label that is marked."""
        if self.number % FACTS["site_terms"]:
            return {label: f"{self.region}: {label}" for label in self.marked}
        findings = WORDS["regions"][self.region]["findings"]
        return {label: findings[label]["site_term"] for label in self.marked}

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes of the study's images: none if the reader is unsure or overlooked a finding."""
        return (NORMAL[self.region],) if self.normal else self.marked

    @property
    def facts(self) -> dict:
        """The entry of its region in studies.yaml."""
        return REGIONS[self.region]

    @property
    def start(self) -> datetime:
        """The time at which the study begins, within a working day."""
        return datetime.combine(self.day, OPENING) + timedelta(minutes=self.number * 37 % 560)


def plan_studies(studies: int, seed: int) -> list[Study]:
    """Draw the studies of an archive, at least 30, in the order of their accession numbers.

    Every class has at least 18 patients in 320 studies, and 5 in 96.
    """
    rng = default_rng([seed, 0])
    hedged, overlooked = int(SHARES["hedged"] * studies), int(SHARES["overlooked"] * studies)
    drafts = _drafts(rng, studies - hedged - overlooked)
    regions = [region for region, label in NORMAL.items() if label == "normal"]
    drafts += [(regions[i % len(regions)], (), "hedged") for i in range(hedged)]
    missed = [(region, (label,)) for region in regions for label in REGIONS[region]["lesions"]]
    drafts += [(*missed[i % len(missed)], "overlooked") for i in range(overlooked)]
    order, planned = rng.permutation(len(drafts)), []
    # Some studies are of the same patient as the study before.
    patients = np.cumsum(rng.random(len(order)) >= SHARES["same_patient"])
    for index, number in zip(order, patients.tolist(), strict=True):
        region, findings, kind = drafts[index]
        day = FIRST_DAY + timedelta(days=int(rng.integers(DAYS)))
        slices = int(rng.integers(3, 7) if findings else rng.integers(4, 9))
        if "acl_pathology" in findings:
            # An even number of slices has two in the middle, where the ligament is.
            slices = int(rng.choice([4, 6]))
        patient = _patient(number, seed)
        planned.append(Study(patient, region, findings, kind, day, slices))
    planned.sort(key=lambda study: study.day)
    for number, study in enumerate(planned):
        accession = f"A{study.day:%y}{10_000 + number}{seed % 97:02d}"
        uid = make_uid("archive", str(seed), "study", accession)
        planned[number] = replace(study, number=number, accession=accession, study_uid=uid)
    return planned


def _patient(number: int, seed: int) -> Patient:
    rng = default_rng([seed, 1, number])
    # Identifiers are a permutation of numbers, so that none reveals the order or the class.
    code = (7919 * number + 104_729 * (seed % 997)) % 899_981
    born = FIRST_DAY - timedelta(days=int(rng.integers(18 * 365, 86 * 365)))
    name = f"{rng.choice(FACTS['surnames'])}^{rng.choice(FACTS['given'])}"
    return Patient(number, f"SI{100_000 + code}", name, born)


def _drafts(rng: Generator, wanted: int) -> list[tuple[str, tuple[str, ...], str]]:
    """Return region, findings and kind of all studies but the hedged and overlooked ones."""
    drafts = []
    for region, label in islice(cycle(CLASSES), wanted):
        kind = str(rng.choice([*KINDS], p=[*KINDS.values()]))
        others = tuple(other for other in REGIONS[region]["lesions"] if other != label)
        if NORMAL.get(region) == label:
            negated = rng.random() < SHARES["negated"]
            drafts.append((region, (), "negated" if negated else "normal"))
        elif kind == "two findings" and others:
            drafts.append((region, (label, *others), kind))
        else:
            drafts.append((region, (label,), "abnormal" if kind == "two findings" else kind))
    return drafts


def write_report(study: Study, seed: int) -> str:
    """Return the report of a study, headed sections in the order of a RIS export."""
    rng = default_rng([7, seed, study.number])
    words, patient = WORDS["regions"][study.region], study.patient
    fields = _fields(rng, study, words)
    described = [
        rng.choice(words["findings"][label]["sentences"]).format(**fields)
        for label in study.marked
    ]
    organs = rng.permutation(len(words["organs"]))[: 3 + int(rng.integers(2))]
    if study.marked:
        # The first two sentences of a region may contradict its findings.
        organs = [index for index in organs if index >= 2]
    history = rng.choice(words["history"])
    sections = {
        "EXAM": f"{fields['Exam']}, {study.day:%d.%m.%Y}, {study.accession}.",
        "HISTORY": f"{patient.spoken_name}, ID {patient.patient_id}. {history}",
        "TECHNIQUE": words["technique"],
        "COMPARISON": "None.",
        "FINDINGS": " ".join(described + [words["organs"][index] for index in sorted(organs)]),
        "IMPRESSION": _template(rng, study, words).format(**fields),
    }
    return "\n".join(f"{name}:\n{text}\n" for name, text in sections.items())


def _template(rng: Generator, study: Study, words: dict) -> str:
    """Choose the wording of an impression by the kind of report."""
    kind, impressions = study.kind, WORDS["impressions"]
    if kind in ("normal", "negated", "overlooked"):
        if words["unflagged"] and rng.random() < SHARES["in_other_words"]:
            return rng.choice(words["unflagged"])
        return rng.choice(words["negated"] if kind == "negated" else impressions["normal"])
    if kind == "abnormal" and rng.random() < SHARES["with_the_word"]:
        kind = "naming normal"
    return rng.choice((words["hedged"] if kind == "hedged" else []) + impressions[kind])


def _fields(rng: Generator, study: Study, words: dict) -> dict[str, str]:
    """Return the fields of the templates; a field with a capital name starts a sentence."""
    fields = {"exam": words["exam"], "mm": str(rng.integers(6, 24))}
    fields |= {name: rng.choice(choices) for name, choices in WORDS["choices"].items()}
    fields["beside"] = rng.choice(words["beside"])
    for name, label in zip(("finding", "second"), study.marked, strict=False):
        fields[name] = rng.choice(words["findings"][label]["short"]).format(**fields)
    for name in {"exam", "finding", "second"} & set(fields):
        fields[name.capitalize()] = fields[name][0].upper() + fields[name][1:]
    return fields
