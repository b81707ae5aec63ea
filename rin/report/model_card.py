"""Model cards of the weights that a study pretrains, one card per init and backbone.

A card is made from the records of one run: its settings, its corpus, its test predictions and
its files.  Nothing in it is typed by hand, and it says of stand-ins that they are.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pandas as pd

from rin.data.manifest import DatasetManifest
from rin.models.backbones import find_backbone
from rin.models.preprocessing import find_preprocessing
from rin.models.weights_files import written_whole
from rin.paper import CITATION, DATABASE
from rin.report import atlas
from rin.report.card_facts import CardFacts
from rin.report.phases import counted
from rin.report.pretraining_scores import TOP5_FROM
from rin.report.style import init_style
from rin.study import Study

#: Words of a manifest, with the content code and the modality that they stand for.
_CODES = {
    **{"ct": "CT", "mr": "MR", "mri": "MR", "us": "US", "ultrasound": "US", "chest": "CH"},
    **{"lung": "CH", "brain": "NR", "head": "NR", "abdomen": "GI", "kidney": "GU", "breast": "BR"},
    **{"thyroid": "HN", "knee": "MK", "hip": "MK", "shoulder": "MK", "ankle": "MK", "hand": "MK"},
    "spine": "MK",
}
_MODALITIES = {
    "ct": "Computed tomography (RID10321)",
    "mr": "Magnetic resonance imaging (RID10312)",
    "mri": "Magnetic resonance imaging (RID10312)",
    "radiography": "Projection radiography (RID10345)",
    "us": "Ultrasound (RID10326)",
    "ultrasound": "Ultrasound (RID10326)",
}
_AUTHORS = 'The authors of "RadImageNet, reproduced"'


def model_card(facts: CardFacts, *, updated: date) -> atlas.ModelCard:
    """Return the card of one set of pretrained weights in the RSNA ATLAS schema 2025-11.

    Parameters
    ----------
    facts
        See `rin.report.card_facts`.
    updated
        Day on which the card is written; the model's own day is in the facts.
    """
    run, manifest = facts.run, facts.manifest
    corpus = f"{manifest.title}{', stand-in' if facts.synthetic else ''}"
    return atlas.ModelCard(
        model=atlas.Model(
            name=f"{run['backbone']} pretrained on {corpus} (profile {facts.profile})"[:256],
            link=f"https://doi.org/{CITATION.doi}",
            indexing=_indexing(facts),
            descriptors=_descriptors(facts, updated),
            properties=_properties(facts),
            imaging=_imaging(facts),
            performance=_performance(facts),
        )
    )


def write_card(card: atlas.ModelCard, path: Path) -> None:
    """Write a card as JSON; the file appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as draft:
        text = json.dumps(card.document(), indent=2, ensure_ascii=False)
        draft.write_text(text + "\n", encoding="utf-8")


def card_path(study: Study, facts: CardFacts) -> Path:
    """Return where the card of a run belongs: `cards/<init>_<backbone>.json` of the results."""
    return study.results / "cards" / f"{facts.run['init']}_{facts.run['backbone']}.json"


def _indexing(facts: CardFacts) -> atlas.Indexing:
    words = _words(facts.manifest)
    keywords = ["RadImageNet", "transfer learning", "pretrained weights", facts.run["backbone"]]
    keywords += [f"{init_style(facts.run['init']).short} pretraining"]
    keywords += ["stand-in images"] if facts.synthetic else []
    codes = dict.fromkeys([*(_CODES[word] for word in words if word in _CODES), "IN"])
    return atlas.Indexing(content=tuple(codes), keywords=tuple(keywords))


def _descriptors(facts: CardFacts, updated: date) -> atlas.Descriptors:
    manifest = facts.manifest
    terms, review = (
        f"Those of the corpus: {manifest.licence}",
        f"None by this project; the images come under the terms of their source, {manifest.home}.",
    )
    if facts.synthetic:
        terms = "MIT, as the software that made the images and the weights."
        review = "The images are synthetic and show no person."
    return atlas.Descriptors(
        authors=(atlas.Person(name=_AUTHORS),),
        comments="Made from the records of one pretraining run; no person has edited this card.",
        date=atlas.Dates(created=date.fromisoformat(facts.run["finished"][:10]), updated=updated),
        ethical_review=review,
        license=atlas.License(text=terms),
        references=(
            atlas.Reference(
                authors=CITATION.authors,
                title=CITATION.title,
                source=f"{CITATION.journal} {CITATION.year};{CITATION.volume}",
                date=CITATION.year,
                doi=CITATION.doi,
            ),
        ),
        version=facts.run["run_id"],
    )


def _properties(facts: CardFacts) -> atlas.Properties:
    run, backbone = facts.run, find_backbone(facts.run["backbone"])
    size = facts.settings.size
    return atlas.Properties(
        architecture=f"Convolutional neural network {backbone.name} of keras.applications without "
        f"top, up to layer {backbone.cam_layer}, {run['parameters']:,} parameters. In pretraining, "
        f"global average pooling, dropout {facts.settings.dropout:g} and softmax over "
        f"{run['classes']} classes followed; they are not part of the files.",
        availability=f"Not published: made by each run of the study. {_files(facts.files)}",
        clinical_benefit="None is claimed.",
        degree_of_automation="None: initial weights for further training, and no device.",
        indications="Research on transfer learning with images; no use in the care of patients.",
        input=_input(facts),
        instructions="Build the backbone without top at any size that it accepts, load one of the "
        "files, prepare inputs as in pretraining, add global average pooling, dropout and a dense "
        "layer of the new task, and fine-tune. Split by patient.",
        limitations=_limitations(facts),
        output=atlas.Output(
            description=f"The last feature map for an image; at {size} × {size} pixels it fed the "
            f"softmax over {run['classes']} classes."
        ),
        recommendation="For learning how the pipeline works, and for nothing else."
        if facts.synthetic
        else "As one start among others, beside random and photographic weights of equal budget.",
        regulatory=atlas.Regulatory(comment="Research only; no clearance was sought."),
        reproducibility=_reproducibility(facts),
        sustainability=f"Training took {run['seconds'] / 60:.1f} minutes at about "
        f"{run['images_per_second']:,.0f} images a second.",
        use=atlas.Scope(
            intended=("Weight initialisation for research",),
            out_of_scope=("Detection", "Diagnosis", "Prognosis", "Triage"),
            excluded=("Treatment", "Decision support"),
        ),
        user=atlas.Scope(
            intended=("Researcher",),
            out_of_scope=("Physician", "Referring provider"),
            excluded=("Patient", "Layperson"),
        ),
    )


def _imaging(facts: CardFacts) -> atlas.Imaging:
    known = [_MODALITIES[word] for word in _words(facts.manifest) if word in _MODALITIES]
    size, kind = facts.settings.size, "synthetic" if facts.synthetic else "real"
    return atlas.Imaging(
        modalities=tuple(dict.fromkeys(known)) or None,
        resolution=f"{size} × {size} pixels, 8 bits",
        comments=f"Trained on {facts.run['images']:,} {kind} images of {facts.run['classes']} "
        f"classes, training, validation and test together. {_source(facts)}",
    )


def _performance(facts: CardFacts) -> atlas.Performance:
    score, classes = facts.score, facts.run["classes"]
    metrics, top5 = ["accuracy", "balanced accuracy"], ""
    if classes >= TOP5_FROM:
        metrics.append("top-5 accuracy")
        top5 = f", top-5 accuracy {score['top5']:.3f}"
    caution = " Stand-in images: not a finding." if facts.synthetic else ""
    return atlas.Performance(
        metrics=tuple(metrics),
        comments=f"Test part of the corpus, {score['test_images']:,} images of "
        f"{score['test_patients']:,} patients (an image is one where patients are not known), "
        f"{classes} classes: accuracy {score['top1']:.3f} (95% CI {score['low']:.3f} to "
        f"{score['high']:.3f}), balanced accuracy {score['balanced']:.3f}{top5}. Guessing evenly "
        f"gives {1 / classes:.3f}.{caution}",
    )


def _input(facts: CardFacts) -> str:
    contract = find_preprocessing(facts.settings.contract(facts.run["init"], facts.run["backbone"]))
    order = "blue, green, red" if contract.bgr else "red, green, blue"
    scale, offset = (
        ", ".join(f"{x:.6g}" for x in numbers) for numbers in (contract.scale, contract.offset)
    )
    return (
        f"Square images, {facts.settings.size} pixels a side in pretraining, three channels (gray "
        f"repeated), values 0 to 255. Input contract `{contract.name}`: order {order}, then value "
        f"times ({scale}) plus ({offset})."
    )


def _limitations(facts: CardFacts) -> str:
    told = []
    if facts.synthetic:
        told.append(
            "The training images are synthetic stand-ins: the weights show that the pipeline "
            "works, and their scores are not findings."
        )
    told.append(
        f"{facts.run['images']:,} images of {facts.run['classes']} classes at "
        f"{facts.settings.size} pixels, against {DATABASE['images'].value:,} images of "
        f"{DATABASE['labels'].value} classes in the paper."
    )
    if facts.manifest.independence == "image":
        told.append(
            "The corpus names no patients, so images of one patient may stand in training and "
            "test, which raises test scores."
        )
    told.append(
        "Test images come from the corpus of the training images; nothing is known of other "
        "sites. One label an image; small details are lost at this size. Performance by age, sex "
        "or scanner was not examined."
    )
    return " ".join(told)


def _reproducibility(facts: CardFacts) -> str:
    settings = facts.settings.model_dump(exclude={"corpora", "cases", "backbones"})
    named = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())
    packages = ", ".join(f"{name} {version}" for name, version in facts.packages.items())
    resumed = f", resumed {counted(facts.run['resumed'], 'time')}" if facts.run["resumed"] else ""
    return (
        f"Profile {facts.profile}, seed {facts.seed}, run {facts.run['run_id']}. Random "
        f"initialisation; {named}; {facts.run['steps']:,} steps in {facts.run['precision']} on "
        f"{counted(facts.run['devices'], 'device')}{resumed}. The epoch with the lowest "
        f"validation loss is kept. Card written with: {packages}."
    )


def _files(files: pd.DataFrame) -> str:
    told = [
        f"{one.file} ({one.format}; {one.bytes:,} bytes; SHA-256 {one.sha256})"
        for one in files.itertuples()
    ]
    return "Files of the run: " + "; ".join(told) + "."


def _source(facts: CardFacts) -> str:
    manifest = facts.manifest
    told = f"{manifest.title}: {manifest.modality}; {manifest.anatomy}; {manifest.home}."
    return f"Their layout is that of another corpus. {told}" if facts.synthetic else told


def _words(manifest: DatasetManifest) -> list[str]:
    return re.findall(r"[a-z]+", f"{manifest.modality} {manifest.anatomy}".lower())
