"""What lies in the stand-in archive: who was examined when, on what, and what was found.

The plan of an archive is drawn before a pixel is: a quota of studies per class, patients with
several studies, and the kind of report each study gets.  ``truth.csv`` is written from it.
All names are invented and meant to look so; no person, hospital or vendor is named.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import numpy as np

from rin.data.standins.writers import make_uid

SURNAMES = (
    *("Beispiel", "Phantomson", "Standin", "Specimen", "Ersatz", "Placebo", "Mockridge"),
    *("Fauxley", "Ficticio", "Exemplar", "Muestra", "Påhitt", "Pseudonski", "Müller-Attrappe"),
    *("Dummering", "Imaginova", "Voorbeeld", "Esimerkki", "Simulacro", "Nobody"),
)
GIVEN = {
    "F": ("Norma", "Ada", "Zoë", "Petra", "Ines", "Marta", "Olga", "Runa", "Tilda", "Vera"),
    "M": ("Norman", "Otto", "Abel", "Bruno", "Emil", "Hugo", "Ivo", "Karl", "Mats", "Paul"),
}
REFERRERS = ("Überweiser^Urs^^Dr.", "Fictivova^Flora^^Dr.", "Referent^Rosa", "Zuweis^Zeno^^Dr.")
READERS = ("Reader^Rita^^Dr.", "Befunder^Bo^^Dr.", "Lector^Lena^^Prof.")
OPERATORS = ("Tech^Tom", "Knopf^Kim", "Scanner^Sal")
SITES = (
    ("Stand-in Outpatient Imaging", "1 Invented Street, Nowhere 00000"),
    ("Praxis Beispiel MVZ", "Attrappenweg 7, 00000 Nirgendheim"),
)
#: Per modality: maker, model, station, serial number, software, creator of private elements.
SCANNERS = {
    "CT": (
        ("Erfunden Medical", "Spiral 64", "CT1", "SN-CT-40017", "VB10", "ERFUNDEN CT 10"),
        ("Nonesuch Imaging", "Torus 128", "CT2", "N128-0093", "7.2.1", "NONESUCH_TORUS"),
    ),
    "MR": (
        ("Erfunden Medical", "Feld 1.5", "MR15", "SN-MR-20231", "E11", "ERFUNDEN MR 10"),
        ("Nonesuch Imaging", "Lattice 3T", "MR30", "N3T-0417", "5.6", "NONESUCH_LATTICE"),
    ),
    "US": (
        ("Sonofict", "Echo 9", "USROOM1", "SF9-7731", "R4.0", "SONOFICT PRIVATE"),
        ("Erfunden Medical", "Schall S", "USROOM2", "SN-US-11842", "2.1", "ERFUNDEN US 10"),
    ),
}
FIRST_DAY, DAYS, OPENING = date(2010, 1, 4), 2200, time(8, 0)
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
NORMAL = dict.fromkeys(("lung", "abd", "brain", "knee", "spine"), "normal")
NORMAL["usthyroid"] = "thyroid"
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

#: Region, findings and kind of report of a study.
Draft = tuple[str, tuple[str, ...], str]


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
        surname, given = self.name.split("^")
        return f"{given} {surname}"


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
    def labels(self) -> tuple[str, ...]:
        """Classes that the study has images of: none where nobody is sure or saw it."""
        return (NORMAL[self.region],) if self.normal else self.marked

    @property
    def modality(self) -> str:
        """CT, MR or US."""
        return REGIONS[self.region][0]

    @property
    def scanner(self) -> tuple[str, ...]:
        """The row of `SCANNERS` that the study was made with."""
        return SCANNERS[self.modality][self.number % 2]

    @property
    def reader(self) -> str:
        """Name of who reads the study, as DICOM writes names."""
        return READERS[self.number % len(READERS)]

    @property
    def start(self) -> datetime:
        """When the study begins, in the minutes of a working day."""
        return datetime.combine(self.day, OPENING) + timedelta(minutes=self.number * 37 % 560)


def draw_patient(number: int, seed: int) -> Patient:
    """Draw a patient; the same number and seed give the same one.

    Every thirteenth is called Norman, a name close to a word that report queries look for.
    """
    rng = np.random.default_rng([seed, 1, number])
    sex = "M" if number % 13 == 4 else str(rng.choice(["F", "M"]))
    given = "Norman" if number % 13 == 4 else str(rng.choice(GIVEN[sex]))
    # Identifiers run through a permutation, so that none tells the order or the class.
    code = (7919 * number + 104_729 * (seed % 997)) % 899_981
    born = FIRST_DAY - timedelta(days=int(rng.integers(18 * 365, 86 * 365)))
    return Patient(number, f"SI{100_000 + code}", f"{rng.choice(SURNAMES)}^{given}", sex, born)


def plan_studies(studies: int, seed: int) -> list[Study]:
    """Draw the studies of an archive, at least 30, in the order of their accession numbers.

    Every class gets at least 18 patients of 320, and 5 of 96.
    """
    rng = np.random.default_rng([seed, 0])
    hedged, again = int(HEDGED * studies), int(FOLLOW_UP * studies)
    overlooked = int(OVERLOOKED * studies)
    drafts = _drafts(rng, studies - hedged - overlooked - again)
    regions = [region for region in NORMAL if region != "usthyroid"]
    drafts += [(regions[i % len(regions)], (), "hedged") for i in range(hedged)]
    missed = [(region, (label,)) for region in regions for label in ABNORMAL[region]]
    drafts += [(*missed[i % len(missed)], "overlooked") for i in range(overlooked)]
    drafts = [drafts[i] for i in rng.permutation(len(drafts))]
    planned = [
        Study(0, patient, *draft, visit=visit)
        for draft, (patient, visit) in zip(drafts, _patients_of(rng, drafts, seed), strict=True)
    ]
    repeatable = [study for study in planned if study.kind not in ("empty", "overlooked")]
    for index in rng.permutation(len(repeatable))[:again]:
        first = repeatable[index]
        planned.append(replace(first, visit=sum(s.patient == first.patient for s in planned)))
    return _dated(rng, planned, seed)


def class_weights() -> dict[tuple[str, str], float]:
    """Return how many studies each class (region, label) gets, beside the others."""
    weights = dict.fromkeys(NORMAL.items(), NORMAL_WEIGHT)
    for region, labels in ABNORMAL.items():
        weights |= {(region, label): weight for label, weight in labels.items()}
    return weights


def _drafts(rng: np.random.Generator, wanted: int) -> list[Draft]:
    """Draft every study but the hedged, the overlooked and the repeated ones."""
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
    for kind in ("normal", "abnormal"):
        # One empty impression of either sort.
        fitting = [i for i, draft in enumerate(drafts) if draft[2] == kind]
        chosen = fitting[int(rng.integers(len(fitting)))]
        drafts[chosen] = (*drafts[chosen][:2], "empty")
    return drafts


def _abnormal(rng: np.random.Generator, region: str, label: str, count: int) -> list[Draft]:
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
    rng: np.random.Generator, drafts: list[Draft], seed: int
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
    """Give the studies their days, lengths, numbers, accession numbers and UIDs, in that order."""
    first = {s.patient.number: int(rng.integers(DAYS)) for s in planned if s.visit == 0}
    dated = []
    for study in planned:
        later = 200 * study.visit + int(rng.integers(-80, 80)) * (study.visit > 0)
        day = FIRST_DAY + timedelta(days=first[study.patient.number] + later)
        if "acl_pathology" in study.findings:
            # An even number of slices has two in the middle, where the ligament is.
            slices = int(rng.choice([4, 6]))
        else:
            slices = int(rng.integers(3, 7) if study.findings else rng.integers(4, 9))
        dated.append(replace(study, day=day, slices=slices))
    dated.sort(key=lambda study: (study.day, study.patient.number, study.visit))
    return [_numbered(number, study, seed) for number, study in enumerate(dated)]


def _numbered(number: int, study: Study, seed: int) -> Study:
    accession = f"A{study.day:%y}{10_000 + number}{seed % 97:02d}"
    uid = make_uid("archive", str(seed), "study", accession)
    return replace(study, number=number, accession=accession, study_uid=uid)
