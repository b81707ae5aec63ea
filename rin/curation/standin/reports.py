"""Reports of the stand-in archive: wording in which "normal" does not always mean normal.

Negation, hedging, incidental findings, "abnormal", a normal organ beside a diseased one, and
patients called Norman are in it, so that a search for words can be measured against the truth.
The words are in reports.yaml.
"""

from pathlib import Path

import numpy as np

from rin.curation.standin.studies import Study
from rin.strict_yaml import read_yaml

_WORDS = read_yaml(Path(__file__).with_suffix(".yaml"))
REGIONS, IMPRESSIONS, CHOICES = _WORDS["regions"], _WORDS["impressions"], _WORDS["choices"]
#: Shares of impressions: normal ones in other words, diseased ones with the word in them.
IN_OTHER_WORDS, WITH_THE_WORD = 0.1, 0.15


def write_report(study: Study, seed: int) -> str:
    """Return the report of a study, headed sections in the order of a RIS export."""
    rng = np.random.default_rng([7, seed, study.number])
    words = REGIONS[study.region]
    fields = _fields(rng, study)
    described = [
        _choose(rng, words["findings"][label]["sentences"]).format(**fields)
        for label in study.marked
    ]
    organs = rng.permutation(len(words["organs"]))[: 3 + int(rng.integers(2))]
    if study.marked:
        # The first two sentences of a region may contradict its findings.
        organs = [index for index in organs if index >= 2]
    reader = study.reader.split("^")
    title = "Mr." if study.patient.sex == "M" else "Ms."
    sections = {
        "EXAM": f"{fields['Exam']}, {study.day:%d.%m.%Y}, {study.accession}. "
        f"Read by {reader[-1]} {reader[0]}.",
        "HISTORY": f"{title} {study.patient.spoken_name}, ID {study.patient.patient_id}. "
        + _choose(rng, words["history"]),
        "TECHNIQUE": words["technique"],
        "COMPARISON": "Previous examination at this site." if study.visit else "None.",
        "FINDINGS": " ".join(described + [words["organs"][index] for index in sorted(organs)]),
        "IMPRESSION": _impression(rng, study, fields),
    }
    # Some readers go on behind the heading, others begin a new line.
    gap = " " if study.number % 3 == 0 else "\n"
    return "\n".join(f"{name}:{gap}{text}".rstrip() + "\n" for name, text in sections.items())


def site_term(region: str, label: str) -> str:
    """Return the site's own term for a finding, which a label map translates."""
    return REGIONS[region]["findings"][label]["site_term"]


def _impression(rng: np.random.Generator, study: Study, fields: dict[str, str]) -> str:
    if study.kind == "empty":
        return ""
    text = _template(rng, study).format(**fields)
    if study.patient.name.endswith("^Norman") and study.marked:
        text += f"\nDiscussed with {study.patient.spoken_name}."
    return text


def _template(rng: np.random.Generator, study: Study) -> str:
    """Choose the wording of an impression by the kind of report."""
    words = REGIONS[study.region]
    if study.kind in ("normal", "negated", "overlooked"):
        if words["unflagged"] and rng.random() < IN_OTHER_WORDS:
            return _choose(rng, words["unflagged"])
        negated = study.kind == "negated"
        return _choose(rng, words["negated"] if negated else IMPRESSIONS["normal"])
    kind = study.kind
    if kind == "abnormal" and rng.random() < WITH_THE_WORD:
        kind = "naming normal"
    of_region = words["hedged"] if kind == "hedged" else []
    return _choose(rng, of_region + IMPRESSIONS[kind])


def _fields(rng: np.random.Generator, study: Study) -> dict[str, str]:
    """Return what fills the templates; a name with a capital starts a sentence."""
    words = REGIONS[study.region]
    fields = {"exam": words["exam"], "mm": str(rng.integers(6, 24))}
    fields |= {name: _choose(rng, choices) for name, choices in CHOICES.items()}
    fields["beside"] = _choose(rng, words["beside"])
    for name, label in zip(("finding", "second"), study.marked, strict=False):
        fields[name] = _choose(rng, words["findings"][label]["short"]).format(**fields)
    for name in {"exam", "finding", "second"} & set(fields):
        fields[name.capitalize()] = fields[name][0].upper() + fields[name][1:]
    return fields


def _choose(rng: np.random.Generator, choices: list[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
