"""Reports of the stand-in archive: wording in which "normal" does not always mean normal.

Negation, hedging, incidental findings, "abnormal", a normal organ beside a diseased one, and
patients called Norman are in it, so that a search for words can be measured against the truth.
"""

import numpy as np

from rin.curation.standin.headers import reader_of
from rin.curation.standin.report_words import WORDS, Finding
from rin.curation.standin.studies import Study

#: Shares of impressions: normal ones in other words, diseased ones with the word in them.
IN_OTHER_WORDS, WITH_THE_WORD = 0.1, 0.15
#: Impressions of completely normal studies of any region; those below are of others.
NORMAL = (
    "Normal {exam}.",
    "Unremarkable {exam}.",
    "Unremarkable examination.",
    "Study within normal limits.",
    "No abnormality detected. Normal study.",
    "1. Normal {exam}.\n2. No follow-up needed.",
    "The {exam} is normal.",
    "Normal examination, unchanged.",
    "No pathology. All structures are unremarkable.",
    "Normal {exam}, no explanation for the symptoms.",
)
INCIDENTAL = (
    "Otherwise unremarkable {exam}. Incidental finding: {finding}.",
    "Incidental {finding}. The {exam} is otherwise normal.",
    "No cause for the symptoms. Unremarkable apart from {finding}.",
    "Normal for age except for {finding}.",
    "Unremarkable {exam}; note is made of {finding}.",
    "Normal study, save for {finding}.",
    "{Finding}, of no consequence. Normal examination.",
)
#: Impressions of any region that leave it open.
HEDGED = (
    "Normal as far as can be assessed with motion artifacts.",
    "I favor a normal examination.",
    "Unremarkable to the extent seen; repeat if symptoms persist.",
)
OTHER_ORGAN = (
    "{Finding}. {beside}",
    "1. {Finding}.\n2. {beside}",
    "{beside} However, there is {finding}.",
    "{Finding}; the remaining organs are normal.",
)
ABNORMAL = (
    "{Finding}.",
    "{Finding}. Follow-up as per guideline.",
    "1. {Finding}.\n2. Clinical correlation recommended.",
    "Findings consistent with {finding}.",
    "Known {finding}.",
)
#: Impressions of diseased studies that hold "normal": in "abnormal", or of an earlier day.
NAMING_NORMAL = (
    "Abnormal {exam}: {finding}.",
    "Abnormal study with {finding}.",
    "{Finding}, where the previous examination was normal.",
)
TWO = ("1. {Finding}.\n2. {Second}.", "{Finding}, and {second}.")
LOBES = ("right upper", "right lower", "left upper", "left lower")
DISCS = ("L2/3", "L3/4", "L4/5", "L5/S1")


def write_report(study: Study, seed: int) -> str:
    """Return the report of a study, headed sections in the order of a RIS export."""
    rng = np.random.default_rng([7, seed, study.number])
    region = WORDS[study.region]
    fields = _fields(rng, study)
    found = [region.findings[label] for label in study.marked]
    described = [_filled(_one(rng, one.sentences), fields) for one in found]
    kept = rng.permutation(len(region.organs))[: 3 + int(rng.integers(2))]
    if study.marked:
        # The first two sentences of a region may contradict its findings.
        kept = [index for index in kept if index >= 2]
    sentences = [*described, *(region.organs[index] for index in sorted(kept))]
    reader = reader_of(study).split("^")
    title = "Mr." if study.patient.sex == "M" else "Ms."
    compared = "None." if study.visit == 0 else "Previous examination at this site."
    sections = {
        "EXAM": f"{fields['Exam']}, {study.day:%d.%m.%Y}, {study.accession}. "
        f"Read by {reader[-1]} {reader[0]}.",
        "HISTORY": f"{title} {study.patient.spoken_name}, ID {study.patient.patient_id}. "
        + _one(rng, region.history),
        "TECHNIQUE": region.technique,
        "COMPARISON": compared,
        "FINDINGS": " ".join(sentences),
        "IMPRESSION": _impression(rng, study, fields),
    }
    # Some readers go on behind the heading, others begin a new line.
    gap = " " if study.number % 3 == 0 else "\n"
    return "\n".join(f"{name}:{gap}{text}".rstrip() + "\n" for name, text in sections.items())


def site_term(region: str, label: str) -> str:
    """Return the site's own term for a finding, which a label map translates."""
    return WORDS[region].findings[label].site_term


def _impression(rng: np.random.Generator, study: Study, fields: dict[str, str]) -> str:
    if study.kind == "empty":
        return ""
    text = _filled(_template(rng, study), fields)
    if study.patient.name.endswith("^Norman") and study.marked:
        text += f"\nDiscussed with {study.patient.spoken_name}."
    return text


def _template(rng: np.random.Generator, study: Study) -> str:
    """Choose the wording of an impression by the kind of report."""
    region = WORDS[study.region]
    if study.kind in ("normal", "negated", "overlooked"):
        if region.unflagged and rng.random() < IN_OTHER_WORDS:
            return _one(rng, region.unflagged)
        return _one(rng, region.negated if study.kind == "negated" else NORMAL)
    if study.kind == "abnormal":
        naming = rng.random() < WITH_THE_WORD
        return _one(rng, NAMING_NORMAL if naming else ABNORMAL)
    return _one(
        rng,
        {
            "hedged": region.hedged + HEDGED,
            "incidental": INCIDENTAL,
            "other organ": OTHER_ORGAN,
            "two findings": TWO,
        }[study.kind],
    )


def _fields(rng: np.random.Generator, study: Study) -> dict[str, str]:
    """Return what fills the templates; a name with a capital starts a sentence."""
    region = WORDS[study.region]
    fields = {
        "exam": region.exam,
        "mm": str(rng.integers(6, 24)),
        "side": _one(rng, ("right", "left")),
        "lobe": _one(rng, LOBES),
        "disc": _one(rng, DISCS),
        "beside": _one(rng, region.beside),
    }
    for name, label in zip(("finding", "second"), study.marked, strict=False):
        finding: Finding = region.findings[label]
        fields[name] = _filled(_one(rng, finding.short), fields)
    for name in ("exam", "finding", "second"):
        if name in fields:
            fields[name.capitalize()] = fields[name][0].upper() + fields[name][1:]
    return fields


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _filled(template: str, fields: dict[str, str]) -> str:
    return template.format(**fields)
