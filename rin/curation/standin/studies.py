"""The content of the stand-in archive: its patients, their studies, findings and reports.

The word "normal" in a report does not always mean a normal study: there are negation, hedging,
incidental findings, "abnormal", and a normal organ beside a diseased one, so that a search for
words can be measured against the truth.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import cycle, islice

import numpy as np
from numpy.random import Generator, default_rng

from rin.data.standins.writers import make_uid
from rin.files import read_facts

FACTS = read_facts(__file__)
WORDS = read_facts(__file__, "reports.yaml")
REGIONS = FACTS["regions"]
NORMAL = {name: r["normal"] for name, r in REGIONS.items() if "normal" in r}
#: Classes (region, label): those of lesions, and all, normal ones first.
LESIONS = [(name, label) for name, region in REGIONS.items() for label in region["lesions"]]
CLASSES = [*NORMAL.items(), *LESIONS]
FIRST_DAY = date(2010, 1, 4)
DAYS = 2200
OPENING = time(8, 0)
SHARES = FACTS["shares"]
KINDS = FACTS["kinds"]


@dataclass(frozen=True)
class Study:
    """A study of the plan, and its patient: `name` as DICOM writes it, `born` a date.

    ``findings`` are the labels that the pictures show, in the order of importance.  ``kind`` is
    normal, negated, hedged, abnormal, incidental, other organ, two findings, or overlooked (by the
    reader, so that no search of reports can find it); ``slices`` is the number of diagnostic
    images.
    """

    region: str
    findings: tuple[str, ...]
    kind: str
    day: date
    slices: int
    patient: int
    patient_id: str
    name: str
    born: date
    number: int = 0
    accession: str = ""
    study_uid: str = ""

    @property
    def normal(self) -> bool:
        """Whether the study is completely normal."""
        return not self.findings and self.kind != "hedged"

    @property
    def named(self) -> dict[str, str]:
        """The reader's words for each finding that is marked and described."""
        if self.kind == "overlooked":
            return {}
        if self.number % FACTS["site_terms"]:
            return {label: f"{self.region}: {label}" for label in self.findings}
        words = WORDS["regions"][self.region]["findings"]
        return {label: words[label]["site_term"] for label in self.findings}

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes of the study's images: none if the reader is unsure or overlooked a finding."""
        return (NORMAL[self.region],) if self.normal else (*self.named,)

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
    drafts = _drafts(rng, studies)
    planned = []
    order = rng.permutation(len(drafts))
    # Some studies are of the same patient as the study before.
    patients = np.cumsum(rng.random(len(order)) >= SHARES["same_patient"])
    for index, number in zip(order, patients.tolist(), strict=True):
        _, findings, _ = drafts[index]
        day = FIRST_DAY + timedelta(days=int(rng.integers(DAYS)))
        slices = int(rng.integers(3, 7) if findings else rng.integers(4, 9))
        if "acl_pathology" in findings:
            # An even number of slices has two in the middle, where the ligament is.
            slices = int(rng.choice([4, 6]))
        of_patient = default_rng([seed, 1, number])
        # Identifiers are a permutation of numbers, so that none reveals the order or the class.
        code = (7919 * number + 104_729 * (seed % 997)) % 899_981
        age = timedelta(days=int(of_patient.integers(18 * 365, 86 * 365)))
        name = f"{of_patient.choice(FACTS['surnames'])}^{of_patient.choice(FACTS['given'])}"
        planned.append(
            Study(
                *drafts[index],
                day,
                slices,
                patient=number,
                patient_id=f"SI{100_000 + code}",
                name=name,
                born=FIRST_DAY - age,
            )
        )
    planned.sort(key=lambda study: study.day)
    for number, study in enumerate(planned):
        accession = f"A{study.day:%y}{10_000 + number}{seed % 97:02d}"
        uid = make_uid("archive", str(seed), "study", accession)
        planned[number] = replace(study, number=number, accession=accession, study_uid=uid)
    return planned


def _drafts(rng: Generator, studies: int) -> list[tuple[str, tuple[str, ...], str]]:
    """Draw the kinds of the studies: a round of the classes, then the hedged and overlooked."""
    regions = [region for region, label in NORMAL.items() if label == "normal"]
    hedged = [(region, (), "hedged") for region in regions]
    missed = [(region, (label,), "overlooked") for region, label in LESIONS if region in regions]
    rare = list(islice(cycle(hedged), int(SHARES["hedged"] * studies)))
    rare += islice(cycle(missed), int(SHARES["overlooked"] * studies))
    drafts = []
    for region, label in islice(cycle(CLASSES), studies - len(rare)):
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        findings = (label,)
        others = tuple(o for of, o in LESIONS if of == region and o != label)
        if NORMAL.get(region) == label:
            kind = "normal"
            findings = ()
            if rng.random() < SHARES["negated"]:
                kind = "negated"
        elif kind == "two findings":
            findings += others
            kind = kind if others else "abnormal"
        drafts.append((region, findings, kind))
    return drafts + rare


def write_report(study: Study, seed: int) -> str:
    """Return the report of a study, headed sections in the order of a RIS export."""
    rng = default_rng([7, seed, study.number])
    words = WORDS["regions"][study.region]
    written = [words["findings"][label] for label in study.named]
    fields = {"exam": words["exam"], "mm": str(rng.integers(6, 24))}
    fields |= {name: rng.choice(choices) for name, choices in WORDS["choices"].items()}
    fields["beside"] = rng.choice(words["beside"])
    for name, of_finding in zip(("finding", "second"), written, strict=False):
        fields[name] = rng.choice(of_finding["short"]).format(**fields)
    # A field with a capital name starts a sentence.
    fields |= {name.capitalize(): text[0].upper() + text[1:] for name, text in fields.items()}
    findings = [rng.choice(of_finding["sentences"]).format(**fields) for of_finding in written]
    organs = rng.permutation(len(words["organs"]))[: 3 + int(rng.integers(2))]
    # The first two sentences of a region may contradict its findings.
    findings += [words["organs"][index] for index in sorted(organs) if index >= 2 or not findings]
    sections = {
        "HISTORY": f"{study.name}, ID {study.patient_id}. {rng.choice(words['history'])}",
        "FINDINGS": " ".join(findings),
        "IMPRESSION": _template(rng, study, words).format(**fields),
    }
    return "\n".join(f"{name}:\n{text}\n" for name, text in sections.items())


def _template(rng: Generator, study: Study, words: dict) -> str:
    """Choose the wording of an impression by the kind of report."""
    kind = study.kind
    impressions = WORDS["impressions"]
    if kind in ("normal", "negated", "overlooked"):
        if words["unflagged"] and rng.random() < SHARES["in_other_words"]:
            return rng.choice(words["unflagged"])
        return rng.choice(words["negated"] if kind == "negated" else impressions["normal"])
    if kind == "abnormal" and rng.random() < SHARES["with_the_word"]:
        kind = "naming normal"
    return rng.choice((words["hedged"] if kind == "hedged" else []) + impressions[kind])
