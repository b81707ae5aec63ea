"""What lies in the stand-in archive: who was examined when, on what, what was found and reported.

In the reports "normal" does not always mean normal: negation, hedging, incidental findings,
"abnormal", a normal organ beside a diseased one, and patients called Norman are in them, so that a
search for words can be measured against the truth.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng

from rin.data.standins.writers import make_uid
from rin.files import read_yaml

FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
WORDS = read_yaml(Path(__file__).with_name("reports.yaml"))
REGIONS: dict[str, dict] = FACTS["regions"]
NORMAL: dict[str, str] = {name: r["normal"] for name, r in REGIONS.items() if "normal" in r}
#: Classes (region, label), normal ones first, and how many studies each gets beside the others.
CLASSES: dict[tuple[str, str], float] = dict.fromkeys(NORMAL.items(), 1.14) | {
    (name, label): weight
    for name, region in REGIONS.items()
    for label, weight in region["findings"].items()
}
FIRST_DAY, DAYS, OPENING = date(2010, 1, 4), 2200, time(8, 0)
#: Shares of all studies.
HEDGED, OVERLOOKED, FOLLOW_UP, SHARED_PATIENT = 0.035, 0.012, 0.03, 0.16
#: Shares of the kinds of report among abnormal studies; the rest is plainly abnormal.
KINDS = {"incidental": 0.09, "other organ": 0.14, "two findings": 0.1}
#: Shares of impressions: normal ones in other words, diseased ones with the word in them.
IN_OTHER_WORDS, WITH_THE_WORD = 0.1, 0.15
#: One finding in so many is named in a term of the site's own.
SITE_TERMS = 8


@dataclass(frozen=True)
class Patient:
    """A patient: `name` as DICOM writes it, `sex` M or F, `born` a date."""

    number: int
    patient_id: str
    name: str
    sex: str
    born: date

    @property
    def spoken_name(self) -> str:
        """Given name and surname, as a report would write them."""
        return " ".join(reversed(self.name.split("^")))


@dataclass(frozen=True)
class Study:
    """A study of the plan.

    ``findings`` are the labels of what the pictures show, in the order of importance.  ``kind`` is
    normal, negated, hedged, abnormal, incidental, other organ, two findings, overlooked (by the
    reader, so that no search of reports can tell), or empty (an impression without text).
    ``visit`` is 0 for the patient's first study, ``slices`` the number of diagnostic images.
    """

    number: int
    patient: Patient
    region: str
    findings: tuple[str, ...]
    kind: str
    visit: int = 0
    day: date = FIRST_DAY
    slices: int = 0
    accession: str = ""
    study_uid: str = ""

    @property
    def normal(self) -> bool:
        """Whether the study is completely normal."""
        return not self.findings and self.kind != "hedged"

    @property
    def marked(self) -> tuple[str, ...]:
        """Labels of what the reader marks and describes."""
        return () if self.kind == "overlooked" else self.findings

    @property
    def named(self) -> dict[str, str]:
        """What the reader writes of each label that is marked."""
        words = {}
        for label in self.marked:
            digest = hashlib.sha256(f"{self.study_uid} {label}".encode()).digest()
            site_term = WORDS["regions"][self.region]["findings"][label]["site_term"]
            words[label] = f"{self.region}: {label}" if digest[0] % SITE_TERMS else site_term
        return words

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes that the study has images of: none where nobody is sure or saw it."""
        return (NORMAL[self.region],) if self.normal else self.marked

    @property
    def facts(self) -> dict:
        """The entry of its region in studies.yaml."""
        return REGIONS[self.region]

    @property
    def scanner(self) -> dict[str, str]:
        """The scanner that the study was made with."""
        return FACTS["scanners"][self.facts["modality"]][self.number % 2]

    @property
    def reader(self) -> str:
        """Name of who reads the study, as DICOM writes names."""
        return FACTS["readers"][self.number % 3]

    @property
    def start(self) -> datetime:
        """When the study begins, in the minutes of a working day."""
        return datetime.combine(self.day, OPENING) + timedelta(minutes=self.number * 37 % 560)


def draw_patient(number: int, seed: int) -> Patient:
    """Draw a patient; every thirteenth is called Norman, a name close to a word of the query."""
    rng = default_rng([seed, 1, number])
    sex = "M" if number % 13 == 4 else str(rng.choice(["F", "M"]))
    given = "Norman" if number % 13 == 4 else str(rng.choice(FACTS["given"][sex]))
    # Identifiers run through a permutation, so that none tells the order or the class.
    code = (7919 * number + 104_729 * (seed % 997)) % 899_981
    born = FIRST_DAY - timedelta(days=int(rng.integers(18 * 365, 86 * 365)))
    name = f"{rng.choice(FACTS['surnames'])}^{given}"
    return Patient(number, f"SI{100_000 + code}", name, sex, born)


def plan_studies(studies: int, seed: int) -> list[Study]:
    """Draw the studies of an archive, at least 30, in the order of their accession numbers.

    Every class gets at least 18 patients of 320, and 5 of 96.
    """
    rng = default_rng([seed, 0])
    hedged, overlooked, again = (int(s * studies) for s in (HEDGED, OVERLOOKED, FOLLOW_UP))
    drafts = _drafts(rng, studies - hedged - overlooked - again)
    regions = [region for region, label in NORMAL.items() if label == "normal"]
    drafts += [(regions[i % len(regions)], (), "hedged") for i in range(hedged)]
    missed = [(region, (label,)) for region in regions for label in REGIONS[region]["findings"]]
    drafts += [(*missed[i % len(missed)], "overlooked") for i in range(overlooked)]
    # Patients have up to three studies, none of a region twice among these.
    planned, seen = [], []
    for region, findings, kind in [drafts[i] for i in rng.permutation(len(drafts))]:
        known = [i for i, used in enumerate(seen) if len(used) < 3 and region not in used]
        if known and rng.random() < SHARED_PATIENT:
            number = known[int(rng.integers(len(known)))]
        else:
            number = len(seen)
            seen.append([])
        patient = draw_patient(number, seed)
        planned.append(Study(0, patient, region, findings, kind, visit=len(seen[number])))
        seen[number].append(region)
    repeatable = [study for study in planned if study.kind not in ("empty", "overlooked")]
    for index in rng.permutation(len(repeatable))[:again]:
        first = repeatable[index]
        planned.append(replace(first, visit=sum(s.patient == first.patient for s in planned)))
    return _dated(rng, planned, seed)


def _drafts(rng: Generator, wanted: int) -> list[tuple[str, tuple[str, ...], str]]:
    """Return region, findings and kind of all studies but hedged, overlooked and repeated ones."""
    shares = np.array(list(CLASSES.values())) * wanted / sum(CLASSES.values())
    counts = np.floor(shares).astype(int)
    # Largest remainders, so that the counts add up.
    counts[np.argsort(counts - shares, kind="stable")[: wanted - counts.sum()]] += 1
    drafts = []
    for (region, label), count in zip(CLASSES, counts.tolist(), strict=True):
        if NORMAL.get(region) == label:
            kinds = np.where(rng.permutation(count) < 0.2 * count, "negated", "normal")
            drafts += [(region, (), str(kind)) for kind in kinds]
            continue
        others = tuple(other for other in REGIONS[region]["findings"] if other != label)
        kinds = []
        for kind, share in KINDS.items():
            if kind != "two findings" or others:
                kinds += [kind] * int(share * count + rng.random())
        for kind in [*kinds[:count], *["abnormal"] * (count - len(kinds))]:
            drafts.append((region, (label, *(others if kind == "two findings" else ())), kind))
    for kind in ("normal", "abnormal"):
        # One empty impression of either sort.
        fitting = [i for i, draft in enumerate(drafts) if draft[2] == kind]
        chosen = fitting[int(rng.integers(len(fitting)))]
        drafts[chosen] = (*drafts[chosen][:2], "empty")
    return drafts


def _dated(rng: Generator, planned: list[Study], seed: int) -> list[Study]:
    """Give the studies their days, lengths, numbers, accession numbers and UIDs, in that order."""
    first = {s.patient.number: int(rng.integers(DAYS)) for s in planned if s.visit == 0}
    dated = []
    for study in planned:
        day = FIRST_DAY + timedelta(days=first[study.patient.number])
        # Drawn for a first visit too: what is drawn after it does not depend on the visit.
        spread = int(rng.integers(-80, 80))
        if study.visit > 0:
            day += timedelta(days=200 * study.visit + spread)
        if "acl_pathology" in study.findings:
            # An even number of slices has two in the middle, where the ligament is.
            slices = rng.choice([4, 6])
        else:
            slices = rng.integers(3, 7) if study.findings else rng.integers(4, 9)
        dated.append(replace(study, day=day, slices=int(slices)))
    dated.sort(key=lambda study: (study.day, study.patient.number, study.visit))
    for number, study in enumerate(dated):
        accession = f"A{study.day:%y}{10_000 + number}{seed % 97:02d}"
        uid = make_uid("archive", str(seed), "study", accession)
        dated[number] = replace(study, number=number, accession=accession, study_uid=uid)
    return dated


def write_report(study: Study, seed: int) -> str:
    """Return the report of a study, headed sections in the order of a RIS export."""
    rng = default_rng([7, seed, study.number])
    words, patient = WORDS["regions"][study.region], study.patient
    fields = _fields(rng, study, words)
    described = [
        _choose(rng, words["findings"][label]["sentences"]).format(**fields)
        for label in study.marked
    ]
    organs = rng.permutation(len(words["organs"]))[: 3 + int(rng.integers(2))]
    if study.marked:
        # The first two sentences of a region may contradict its findings.
        organs = [index for index in organs if index >= 2]
    reader = study.reader.split("^")
    title = "Mr." if patient.sex == "M" else "Ms."
    history = _choose(rng, words["history"])
    impression = ""
    if study.kind != "empty":
        impression = _template(rng, study, words).format(**fields)
        if patient.name.endswith("^Norman") and study.marked:
            impression += f"\nDiscussed with {patient.spoken_name}."
    sections = {
        "EXAM": f"{fields['Exam']}, {study.day:%d.%m.%Y}, {study.accession}. "
        f"Read by {reader[-1]} {reader[0]}.",
        "HISTORY": f"{title} {patient.spoken_name}, ID {patient.patient_id}. {history}",
        "TECHNIQUE": words["technique"],
        "COMPARISON": "Previous examination at this site." if study.visit else "None.",
        "FINDINGS": " ".join(described + [words["organs"][index] for index in sorted(organs)]),
        "IMPRESSION": impression,
    }
    # Some readers go on behind the heading, others begin a new line.
    gap = " " if study.number % 3 == 0 else "\n"
    return "\n".join(f"{name}:{gap}{text}".rstrip() + "\n" for name, text in sections.items())


def _template(rng: Generator, study: Study, words: dict) -> str:
    """Choose the wording of an impression by the kind of report."""
    kind, impressions = study.kind, WORDS["impressions"]
    if kind in ("normal", "negated", "overlooked"):
        if words["unflagged"] and rng.random() < IN_OTHER_WORDS:
            return _choose(rng, words["unflagged"])
        return _choose(rng, words["negated"] if kind == "negated" else impressions["normal"])
    if kind == "abnormal" and rng.random() < WITH_THE_WORD:
        kind = "naming normal"
    return _choose(rng, (words["hedged"] if kind == "hedged" else []) + impressions[kind])


def _fields(rng: Generator, study: Study, words: dict) -> dict[str, str]:
    """Return what fills the templates; a name with a capital starts a sentence."""
    fields = {"exam": words["exam"], "mm": str(rng.integers(6, 24))}
    fields |= {name: _choose(rng, choices) for name, choices in WORDS["choices"].items()}
    fields["beside"] = _choose(rng, words["beside"])
    for name, label in zip(("finding", "second"), study.marked, strict=False):
        fields[name] = _choose(rng, words["findings"][label]["short"]).format(**fields)
    for name in {"exam", "finding", "second"} & set(fields):
        fields[name.capitalize()] = fields[name][0].upper() + fields[name][1:]
    return fields


def _choose(rng: Generator, choices: list[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
