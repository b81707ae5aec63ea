"""From body part to anatomic region: which class of the database a normal image belongs to.

The table holds the defined terms of Body Part Examined (PS3.16, annex L) that fall into one of
the eleven regions, and how a study's description names them.  Nothing else is guessed.
Ultrasound has no class "normal": its classes are organs, so that a normal picture needs its
organ, and one of the abdomen at large has no class.
"""

from __future__ import annotations

import re

NORMAL = "normal"
_TRUNK = (
    "ABDOMEN", "ABDOMENPELVIS", "PELVIS", "LIVER", "KIDNEY", "PANCREAS", "SPLEEN", "GALLBLADDER",
    "BLADDER", "ADRENAL", "PROSTATE", "UTERUS", "OVARY", "RECTUM", "COLON",
)  # fmt: skip
_SPINE = (
    "SPINE", "WSPINE", "CSPINE", "TSPINE", "LSPINE", "SSPINE", "CTSPINE", "TLSPINE", "LSSPINE",
    "COCCYX",
)  # fmt: skip
_ORGANS = {
    "AORTA": "aorta", "BLADDER": "bladder", "BILEDUCT": "cbd", "GALLBLADDER": "gb",
    "KIDNEY": "kidney", "LIVER": "liver", "OVARY": "ovary", "PANCREAS": "pancreas",
    "SPLEEN": "spleen", "UTERUS": "uterus",
}  # fmt: skip

#: Modality and body part to region and label of a normal image.
REGION_OF: dict[tuple[str, str], tuple[str, str]] = {
    **{("CT", part): ("lung", NORMAL) for part in ("CHEST", "LUNG", "THORAX")},
    **{("CT", part): ("abd", NORMAL) for part in _TRUNK},
    **{("MR", part): ("mriabd", NORMAL) for part in _TRUNK},
    **{("MR", part): ("brain", NORMAL) for part in ("BRAIN", "HEAD")},
    **{("MR", part): ("spine", NORMAL) for part in _SPINE},
    **{("MR", part): ("af", NORMAL) for part in ("ANKLE", "FOOT", "CALCANEUS", "TOE")},
    **{("MR", part): (part.lower(), NORMAL) for part in ("HIP", "KNEE", "SHOULDER")},
    **{("US", part): ("usabd", organ) for part, organ in _ORGANS.items()},
    ("US", "THYROID"): ("usthyroid", "thyroid"),
}

#: Body parts that a de-identified header may name: those above and others of annex L.
BODY_PARTS = {part for _, part in REGION_OF} | {
    "ARM", "BREAST", "CLAVICLE", "ELBOW", "EXTREMITY", "EYE", "FEMUR", "FINGER", "HAND", "HEART",
    "HUMERUS", "JAW", "LEG", "NECK", "ORBIT", "RIB", "SCAPULA", "SKULL", "STERNUM", "TESTIS",
    "WHOLEBODY", "WRIST",
}  # fmt: skip

#: Words of a description to body parts, where the defined term is not the word itself.
_SPOKEN = {
    "LUNGS": "LUNG", "HEPATIC": "LIVER", "RENAL": "KIDNEY", "KIDNEYS": "KIDNEY",
    "CERVICAL SPINE": "CSPINE", "C-SPINE": "CSPINE", "THORACIC SPINE": "TSPINE",
    "T-SPINE": "TSPINE", "LUMBAR SPINE": "LSPINE", "L-SPINE": "LSPINE", "CRANIUM": "HEAD",
    "CEREBRUM": "BRAIN", "ABD": "ABDOMEN", "ABDOMINAL": "ABDOMEN", "FEET": "FOOT",
}  # fmt: skip
_WORDS = {**{part: part for part in BODY_PARTS}, **_SPOKEN}
_ANY_WORD = re.compile(
    r"(?<![A-Z])(" + "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True)) + r")(?![A-Z])"
)


def region_of(modality: str, body_part: str, description: str = "") -> tuple[str, str] | None:
    """Return region and label of a normal image, or None where the table does not say.

    Parameters
    ----------
    modality
        CT, MR or US.
    body_part
        Body Part Examined; blanks, hyphens, underscores and case do not count.
    description
        Read only where `body_part` is empty; it must name body parts of a single class.
    """
    part = re.sub(r"[\s_-]", "", body_part).upper()
    if part:
        return REGION_OF.get((modality, part))
    parts = {_WORDS[word] for word in _ANY_WORD.findall(description.upper())}
    found = {REGION_OF.get((modality, part)) for part in parts}
    return found.pop() if len(found) == 1 else None
