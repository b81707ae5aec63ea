"""What lies in the stand-in archive: which patient was examined when, and what was found.

The plan of an archive is drawn before a pixel is: a quota of studies per class, patients with
several studies, and the kind of report each study gets.  ``truth.csv`` is written from it.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from rin.curation.standin.people import DAYS, FIRST_DAY, Patient, draw_patient
from rin.data.standins.dicom_files import make_uid
from rin.errors import InputError

#: Modality, BodyPartExamined and study description of each region drawn.
REGIONS = {
    "lung": ("CT", "CHEST", "CT Chest"),
    "abd": ("CT", "ABDOMEN", "CT Abdomen with contrast"),
    "brain": ("MR", "BRAIN", "MRI Brain"),
    "knee": ("MR", "KNEE", "MRI Knee"),
    "spine": ("MR", "LSPINE", "MRI Lumbar spine"),
    "usthyroid": ("US", "THYROID", "Ultrasound Thyroid"),
    "usabd": ("US", "ABDOMEN", "Ultrasound Abdomen"),
}
#: The class that completely normal studies of a region belong to; the taxonomy calls a thyroid
#: without nodule by its organ, and has none for a normal abdominal ultrasound.
NORMAL = {
    "lung": "normal",
    "abd": "normal",
    "brain": "normal",
    "knee": "normal",
    "spine": "normal",
    "usthyroid": "thyroid",
}
#: Labels of findings, and the share of studies of each class beside that of the others.
ABNORMAL = {
    "lung": {"Nodule": 1.06, "Airspace_opacity": 0.94},
    "abd": {"liver_lesion": 1.0},
    "brain": {"acute_infarct": 0.94},
    "knee": {"acl_pathology": 0.94, "meniscal_abnormality": 1.0},
    "spine": {"disc_pathology": 1.06},
    "usthyroid": {"thyroid_nodule": 1.0},
    "usabd": {"gb": 0.94},
}
NORMAL_WEIGHT = 1.14
#: Shares of all studies.
HEDGED, OVERLOOKED, FOLLOW_UP, SHARED_PATIENT = 0.035, 0.012, 0.03, 0.16
#: Shares of the kinds of report among abnormal studies; the rest is plainly abnormal.
KINDS = {"incidental": 0.09, "other organ": 0.14, "two findings": 0.1}
FEWEST = 30


@dataclass(frozen=True)
class Study:
    """A study of the plan.

    Attributes
    ----------
    findings
        Labels of what the pictures show, in the order of importance.
    kind
        normal, negated, hedged, abnormal, incidental, other organ, two findings, overlooked
        (by the reader, so that no search of reports can tell), or empty (an impression
        without text).
    visit
        0 for the patient's first study.
    slices
        Diagnostic images.
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
    def modality(self) -> str:
        """CT, MR or US."""
        return REGIONS[self.region][0]

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes that the study has images of: none where nobody is sure or saw it."""
        return (NORMAL[self.region],) if self.normal else self.marked


def plan_studies(studies: int, seed: int) -> list[Study]:
    """Draw the studies of an archive, in the order of their accession numbers.

    Parameters
    ----------
    studies
        How many, at least 30.  Every class gets at least 18 patients of 320, and 5 of 96.

    Raises
    ------
    InputError
        Too few studies.
    """
    if studies < FEWEST:
        raise InputError(
            f"{studies} studies are too few for {len(class_weights())} classes",
            where="stand-in archive",
            remedy=f"Ask for at least {FEWEST}.",
        )
    rng = np.random.default_rng([seed, 0])
    hedged, again = int(HEDGED * studies), int(FOLLOW_UP * studies)
    overlooked = int(OVERLOOKED * studies)
    drafts = _drafts(rng, studies - hedged - overlooked - again)
    regions = [region for region in NORMAL if region != "usthyroid"]
    drafts += [(regions[i % len(regions)], (), "hedged") for i in range(hedged)]
    missed = [(region, label) for region in regions for label in ABNORMAL[region]]
    for i in range(overlooked):
        region, label = missed[i % len(missed)]
        drafts.append((region, (label,), "overlooked"))
    order = rng.permutation(len(drafts))
    people = _patients_of(rng, [drafts[i] for i in order], seed)
    planned = [
        Study(0, patient, *drafts[i], visit=visit)
        for i, (patient, visit) in zip(order, people, strict=True)
    ]
    repeatable = [one for one in planned if one.kind not in ("empty", "overlooked")]
    for index in rng.permutation(len(repeatable))[:again]:
        first = repeatable[index]
        visits = sum(one.patient == first.patient for one in planned)
        planned.append(replace(first, visit=visits))
    return _dated(rng, planned, seed)


def class_weights() -> dict[tuple[str, str], float]:
    """Return how many studies each class (region, label) gets, beside the others."""
    weights = dict.fromkeys(NORMAL.items(), NORMAL_WEIGHT)
    for region, labels in ABNORMAL.items():
        weights |= {(region, label): weight for label, weight in labels.items()}
    return weights


def _drafts(rng: np.random.Generator, wanted: int) -> list[tuple[str, tuple[str, ...], str]]:
    """Return region, findings and kind of each study but the hedged and the repeated ones."""
    weights = class_weights()
    shares = np.array(list(weights.values())) * wanted / sum(weights.values())
    counts = np.floor(shares).astype(int)
    # Largest remainders, so that the counts add up.
    counts[np.argsort(counts - shares, kind="stable")[: wanted - counts.sum()]] += 1
    drafts = []
    for (region, label), count in zip(weights, counts, strict=True):
        if NORMAL.get(region) == label:
            kinds = np.where(rng.permutation(count) < 0.2 * count, "negated", "normal")
            drafts += [(region, (), str(kind)) for kind in kinds]
        else:
            drafts += _abnormal(rng, region, label, int(count))
    for normal in (True, False):
        # One empty impression of either sort.
        fitting = [i for i, one in enumerate(drafts) if (one[2] in ("normal", "abnormal"))]
        fitting = [i for i in fitting if (drafts[i][2] == "normal") == normal]
        chosen = fitting[int(rng.integers(len(fitting)))]
        drafts[chosen] = (*drafts[chosen][:2], "empty")
    return drafts


def _abnormal(
    rng: np.random.Generator, region: str, label: str, count: int
) -> list[tuple[str, tuple[str, ...], str]]:
    others = tuple(other for other in ABNORMAL[region] if other != label)
    kinds: list[str] = []
    for kind, share in KINDS.items():
        if kind != "two findings" or others:
            kinds += [kind] * int(share * count + rng.random())
    kinds = [*kinds[:count], *["abnormal"] * (count - len(kinds))]
    return [
        (region, (label, *others) if kind == "two findings" else (label,), kind) for kind in kinds
    ]


def _patients_of(
    rng: np.random.Generator, drafts: list[tuple], seed: int
) -> list[tuple[Patient, int]]:
    """Return patient and visit of each study; a patient has no class twice among these."""
    found, seen = [], []
    for region, _, _ in drafts:
        known = [i for i, used in enumerate(seen) if len(used) < 3 and region not in used]
        if known and rng.random() < SHARED_PATIENT:
            number = known[int(rng.integers(len(known)))]
        else:
            number = len(seen)
            seen.append([])
        found.append((draw_patient(number, seed), len(seen[number])))
        seen[number].append(region)
    return found


def _dated(rng: np.random.Generator, planned: list[Study], seed: int) -> list[Study]:
    """Give the studies their days, lengths, accession numbers and UIDs."""
    first = {one.patient.number: int(rng.integers(DAYS)) for one in planned if one.visit == 0}
    dated = []
    for one in planned:
        later = 200 * one.visit + int(rng.integers(-80, 80)) * (one.visit > 0)
        day = FIRST_DAY + timedelta(days=first[one.patient.number] + later)
        low, high = (4, 9) if not one.findings else (3, 7)
        if "acl_pathology" in one.findings:
            # An even number of slices has two in the middle, where the ligament is.
            slices = int(rng.choice([4, 6]))
        else:
            slices = int(rng.integers(low, high))
        dated.append(replace(one, day=day, slices=slices))
    dated.sort(key=lambda one: (one.day, one.patient.number, one.visit))
    return [_numbered(number, one, seed) for number, one in enumerate(dated)]


def _numbered(number: int, study: Study, seed: int) -> Study:
    accession = f"A{study.day:%y}{10_000 + number}{seed % 97:02d}"
    uid = make_uid("archive", str(seed), "study", accession)
    return replace(study, number=number, accession=accession, study_uid=uid)
