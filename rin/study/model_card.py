"""Model cards of pretrained weights: a template, filled from the records of a run.

A card (`model_card.json`) is beside the weights of every run.  The template, `model_card.yaml`,
has fields of the ATLAS schema of the Radiological Society of North America, against which tests
check the cards of all backbones.  Authors are those of `CITATION.cff`.  Facts that no record
contains are “not stated”.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rin.data.manifest import load_manifest
from rin.evidence.paper import CITATION, DATABASE
from rin.files import REPOSITORY, read_facts, read_yaml, sha256_of
from rin.models.backbones import find_backbone
from rin.models.preprocessing import find_preprocessing
from rin.stats import share_interval
from rin.study.ledger import now

MODEL_CARD = "model_card.json"
_TEMPLATE = read_facts(__file__)
_NOT_STATED = _TEMPLATE["not_stated"]
#: A text of a template that is only a name.
_ALONE = re.compile(r"\{(\w+)\}")
#: With this many classes or fewer, every class is among the first five.
TRIVIAL = 5


def model_card(
    run: Any, record: Mapping[str, Any], predictions: pd.DataFrame, weights: Path
) -> dict[str, Any]:
    """Return the card of the weights of a pretraining run as a document of the schema.

    Parameters
    ----------
    run : the `rin.study.pretraining.PretrainingRun` that gave the weights
    record : the run's record in `done.json`
    predictions : for its test images, with `patient_id`, `truth` and `predicted`
    weights : the file of its weights

    Returns
    -------
    dict
    """
    manifest = load_manifest(run.corpus)
    citation_file = REPOSITORY / "CITATION.cff"
    cited = read_yaml(citation_file) if citation_file.is_file() else {}
    preprocessing = find_preprocessing(run.preprocessing)
    elsewhere = {"corpora", "cases", "backbones", "pretrainings", "released", "brief"}
    elsewhere |= {"preprocessing", "size", "dropout"}
    stated = run.settings.model_dump(exclude=elsewhere).items()
    words = re.findall(r"[a-z]+", f"{manifest.modality} {manifest.anatomy}".lower())
    content, radlex = (
        list(dict.fromkeys(table[word] for word in words if word in table))
        for table in (_TEMPLATE["content"], _TEMPLATE["radlex"])
    )
    keywords = [
        "transfer learning",
        "pretrained weights",
        run.backbone,
        f"{run.init} pretraining",
    ]
    if run.store.provenance == "stand-in":
        keywords.append("stand-in images")
    right = predictions["truth"] == predictions["predicted"]
    patients = predictions["patient_id"]
    low, high = share_interval(right, patients)
    of_patients = manifest.independence == "patient"
    metrics = ["accuracy", "balanced accuracy"]
    top5_text = ""
    if record["classes"] > TRIVIAL:
        metrics.append("top-5 accuracy")
        top5_text = f", top-5 accuracy {record['top5']:.3f}"
    facts = {
        **record,
        "commit": record["commit"] or _NOT_STATED,
        "run": run,
        "manifest": manifest,
        "preprocessing": preprocessing,
        "order": "blue, green, red" if preprocessing.bgr else "red, green, blue",
        "scale": ", ".join(f"{x:.6g}" for x in preprocessing.scale),
        "offset": ", ".join(f"{x:.6g}" for x in preprocessing.offset),
        "content": [*content, "IN"],
        "radlex": radlex or None,
        "keywords": keywords,
        "patients_unknown": "" if of_patients else _TEMPLATE["patients_unknown"],
        "tested": len(predictions),
        "of_patients": f" of {patients.nunique():,} patients" if of_patients else "",
        "low": low,
        "high": high,
        "chance": 1 / record["classes"],
        "metrics": metrics,
        "top5_text": top5_text,
        "authors": [{"Name": name} for name in author_names(cited)],
        "not_stated": _NOT_STATED,
        "citation": CITATION,
        "year": CITATION.year,
        "paper": DATABASE,
        "day": now()[:10],
        "layer": find_backbone(run.backbone).cam_layer,
        "settings_in_words": ", ".join(f"{name.replace('_', ' ')} {x}" for name, x in stated),
        "file": f"{weights.name} ({weights.stat().st_size:,} bytes; SHA-256 {sha256_of(weights)})",
        "minutes": record["seconds"] / 60,
    }
    of_kind = _TEMPLATE[run.store.provenance]
    facts |= {name: text.format(**facts) for name, text in of_kind.items()}
    card: dict[str, Any] = fill_template(_TEMPLATE["card"], facts)
    return card


def author_names(cited: Mapping[str, Any]) -> list[str]:
    """Return the names of the authors that a citation file states."""
    people = cited.get("authors", [{"name": _NOT_STATED}])
    return [
        person.get("name") or "{given-names} {family-names}".format(**person) for person in people
    ]


def fill_template(template: Any, facts: Mapping[str, Any]) -> Any:
    """Return a template filled in; a text that is only a name becomes its value.

    Fields without a value, such as the modality of photographs, are left out.
    """
    if isinstance(template, Mapping):
        filled = {name: fill_template(inner, facts) for name, inner in template.items()}
        return {name: inner for name, inner in filled.items() if inner is not None}
    if isinstance(template, list):
        return [fill_template(inner, facts) for inner in template]
    alone = _ALONE.fullmatch(template)
    return facts[alone[1]] if alone else template.format(**facts)
