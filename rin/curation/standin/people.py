"""Who lies in the stand-in archive: invented patients, doctors, sites and scanners.

All names are invented and meant to look so; no person, hospital or vendor is named.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

SURNAMES = (
    "Beispiel",
    "Phantomson",
    "Standin",
    "Specimen",
    "Ersatz",
    "Placebo",
    "Mockridge",
    "Fauxley",
    "Ficticio",
    "Exemplar",
    "Muestra",
    "Påhitt",
    "Pseudonski",
    "Müller-Attrappe",
    "Dummering",
    "Imaginova",
    "Voorbeeld",
    "Esimerkki",
    "Simulacro",
    "Nobody",
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
FIRST_DAY = date(2010, 1, 4)
DAYS = 2200


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
class Scanner:
    """A device as its headers describe it."""

    maker: str
    model: str
    station: str
    serial: str
    software: str
    private_creator: str


SCANNERS: dict[str, tuple[Scanner, ...]] = {
    "CT": (
        Scanner("Erfunden Medical", "Spiral 64", "CT1", "SN-CT-40017", "VB10", "ERFUNDEN CT 10"),
        Scanner("Nonesuch Imaging", "Torus 128", "CT2", "N128-0093", "7.2.1", "NONESUCH_TORUS"),
    ),
    "MR": (
        Scanner("Erfunden Medical", "Feld 1.5", "MR15", "SN-MR-20231", "E11", "ERFUNDEN MR 10"),
        Scanner("Nonesuch Imaging", "Lattice 3T", "MR30", "N3T-0417", "5.6", "NONESUCH_LATTICE"),
    ),
    "US": (
        Scanner("Sonofict", "Echo 9", "USROOM1", "SF9-7731", "R4.0", "SONOFICT PRIVATE"),
        Scanner("Erfunden Medical", "Schall S", "USROOM2", "SN-US-11842", "2.1", "ERFUNDEN US 10"),
    ),
}


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
