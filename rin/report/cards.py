"""Model cards of the weights that a study pretrains: a template, filled from the records of a run.

The template (`model_card.yaml`) has the fields of the RSNA ATLAS schema 2025-11.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rin.errors import InputError
from rin.evidence.paper import CITATION, DATABASE
from rin.files import read_yaml, sha256_of, write_atomically
from rin.models.backbones import find_backbone
from rin.models.preprocessing import find_preprocessing
from rin.report.style import init_style
from rin.study.corpora import find_corpus
from rin.study.pretraining import NOTOP, SAFETENSORS, WEIGHTS
from rin.study.profile import Pretraining
from rin.study.setting import Study

#: Formats of the weights in which every run leaves its backbone, with what reads them.
FORMATS = {WEIGHTS: "Keras 3", NOTOP: "Keras 2 layout, by topology", SAFETENSORS: "safetensors"}
_TEMPLATE = read_yaml(Path(__file__).with_name("model_card.yaml"))
_ALONE = re.compile(r"\{(\w+)\}")


def weights_files(folder: Path) -> str:
    """Return name, format, size and digest of each weights file of a finished run's folder."""
    lines = []
    for name, kind in FORMATS.items():
        path = folder / name
        if not path.is_file():
            raise InputError(
                "a finished pretraining run lacks one of its weights files",
                where=path,
                remedy="Delete the run's folder and pretrain again; only this run is redone.",
            )
        lines.append(f"{name} ({kind}; {path.stat().st_size:,} bytes; SHA-256 {sha256_of(path)})")
    return "; ".join(lines)


def model_card(
    study: Study, run: Mapping[str, Any], score: Mapping[str, float], files: str
) -> dict[str, Any]:
    """Return the card of one set of pretrained weights as a document of the schema.

    `run` is a row of `rin.study.pretrained`; `score` its `images`, `patients`, and as shares
    `top1` with `low` and `high`, `balanced`, `top5` (NaN or missing where it is trivial); `files`
    those of `weights_files`.
    """
    manifest, settings = find_corpus(study, run["corpus"]).manifest, study.profile.pretraining
    preprocessing = find_preprocessing(settings.preprocessing_of(run["init"], run["backbone"]))
    words = re.findall(r"[a-z]+", f"{manifest.modality} {manifest.anatomy}".lower())
    content = [_TEMPLATE["content"][word] for word in words if word in _TEMPLATE["content"]]
    modalities = [
        _TEMPLATE["modalities"][word] for word in words if word in _TEMPLATE["modalities"]
    ]
    keywords = ["RadImageNet", "transfer learning", "pretrained weights", run["backbone"]]
    keywords.append(f"{init_style(run['init']).short} pretraining")
    if run["provenance"] == "stand-in":
        keywords.append("stand-in images")
    metrics, top5_text, top5 = ["accuracy", "balanced accuracy"], "", score.get("top5")
    if pd.notna(top5):
        metrics.append("top-5 accuracy")
        top5_text = f", top-5 accuracy {top5:.3f}"
    facts = {
        **run,
        "profile": study.profile,
        "pretraining": settings,
        "manifest": manifest,
        "score": score,
        "files": files,
        "settings": _in_words(settings),
        "preprocessing": preprocessing,
        "citation": CITATION,
        "year": CITATION.year,
        "paper": DATABASE,
        "chance": 1 / run["classes"],
        "metrics": metrics,
        "top5_text": top5_text,
        "minutes": run["seconds"] / 60,
        "layer": find_backbone(run["backbone"]).cam_layer,
        "order": "blue, green, red" if preprocessing.bgr else "red, green, blue",
        "scale": ", ".join(f"{x:.6g}" for x in preprocessing.scale),
        "offset": ", ".join(f"{x:.6g}" for x in preprocessing.offset),
        "content": [*dict.fromkeys(content), "IN"],
        "modalities": [*dict.fromkeys(modalities)] or None,
        "keywords": keywords,
        "patients_unknown": "",
    }
    if manifest.independence == "image":
        facts["patients_unknown"] = _TEMPLATE["patients_unknown"]
    facts |= {name: text.format(**facts) for name, text in _TEMPLATE[run["provenance"]].items()}
    return _filled(_TEMPLATE["card"], facts)


def _in_words(settings: Pretraining) -> str:
    """Return the settings of a pretraining as a list in words."""
    entries = []
    for name, value in settings.model_dump(exclude={"corpora", "cases", "backbones"}).items():
        if isinstance(value, Mapping):  # by init
            value = " and ".join(f"{of_init} ({init})" for init, of_init in value.items())
        entries.append(f"{name.replace('_', ' ')} {value}")
    return ", ".join(entries)


def write_card(study: Study, run: Mapping[str, Any], card: Mapping[str, Any]) -> Path:
    """Write a card as `cards/<init>_<backbone>.json` of the results; return its path."""
    path = study.results / "cards" / f"{run['init']}_{run['backbone']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as draft:
        text = json.dumps(card, indent=2, ensure_ascii=False)
        draft.write_text(text + "\n", encoding="utf-8")
    return path


def _filled(part: Any, facts: Mapping[str, Any]) -> Any:
    """Return a part of the template filled in; a text that is one name becomes its value."""
    if isinstance(part, Mapping):
        filled = {name: _filled(inner, facts) for name, inner in part.items()}
        return {name: inner for name, inner in filled.items() if inner is not None}
    if isinstance(part, list):
        return [_filled(inner, facts) for inner in part]
    alone = _ALONE.fullmatch(part)
    return facts[alone[1]] if alone else part.format(**facts)
