"""The phases of the study in words: what the paper did, and what a study here puts in its place.

Figure 1 shows them; nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rin.data.datasets import locate
from rin.data.manifest import DatasetManifest, find_task
from rin.paper import COMPARISONS, DATABASE, RELEASED_ACCURACY, SETTINGS
from rin.report.style import init_style
from rin.study import Study
from rin.study.corpora import choose_corpus, is_real
from rin.study.scenarios import scenarios_of
from rin.study.setting import find_manifest


@dataclass(frozen=True)
class Phase:
    """One phase of the study; the first line of each side is its headline."""

    title: str
    paper: tuple[str, ...]
    here: tuple[str, ...]


def study_phases(study: Study) -> tuple[Phase, ...]:
    """Return the paper's four phases, each with what a study puts in its place.

    Parameters
    ----------
    study
        Its profile is read, and which datasets its data root holds; no image and no result.
    """
    here = [*_pretraining_here(study), _comparison_here(study)]
    titles = ("Annotation", "Database", "Pretraining", "Comparison")
    return tuple(Phase(*parts) for parts in zip(titles, _paper_phases(), here, strict=True))


def _paper_phases() -> list[tuple[str, ...]]:
    database = {name: fact.value for name, fact in DATABASE.items()}
    setting = {name: fact.value for name, fact in SETTINGS.items()}
    split = "/".join(map(str, setting["pretraining_split_percent"]))
    return [
        (
            f"{database['radiologists']} radiologists",
            "label the key images they chose",
            f"{database['patients']:,} patients, {'–'.join(map(str, database['years']))}",
            f"{database['normal_studies']:,} normal studies",
        ),
        (
            f"{database['images'] / 1e6:.2f} million images",
            f"{len(database['modalities'])} modalities, {database['regions']} regions",
            f"{database['labels']} labels",
        ),
        (
            f"{len(RELEASED_ACCURACY)} networks",
            "from random weights",
            _pixels({setting["pretraining_image_size"]}),
            f"split {split} % by patient",
        ),
        (
            "RadImageNet / ImageNet",
            f"{len(COMPARISONS)} tasks, {setting['scenarios']} scenarios each",
            "on external datasets",
            f"{_pixels({setting['image_size']})}, {setting['epochs']} epochs",
            f"{setting['folds_small_tasks']} folds for small datasets",
            "AUC; Dice of Grad-CAM",
        ),
    ]


def _pretraining_here(study: Study) -> list[tuple[str, ...]]:
    settings, networks = study.profile.pretraining, len(study.profile.backbones)
    if settings is None:
        return [
            ("Nothing is labelled here",),
            ("No database is built here",),
            ("Released weights", f"loaded into {counted(networks, 'network')}"),
        ]
    names = [init_style(init).short.lower() for init in settings.corpora]
    real = [is_real(study, choose_corpus(study, one)) for one in settings.corpora.values()]
    several = len(names) > 1
    limit = [f"at most {counted(settings.cases, 'image')} each"] if settings.cases else []
    labels = ("Labels as published", "with the open images")
    if not all(real):
        labels = ("Labels by construction", f"{_stand_ins(real)} corpora are stand-ins")
    return [
        labels,
        (counted(len(names), "corpus", "corpora"), " and ".join(names), *limit),
        (
            counted(networks, "network"),
            "from random weights",
            f"{_pixels({settings.size})}, {counted(settings.epochs, 'epoch')}",
            *(["same settings on each corpus"] if several else []),
        ),
    ]


def _comparison_here(study: Study) -> tuple[str, ...]:
    profile = study.profile
    tuning = [profile.tuning(task) for task in profile.tasks]
    low, high = min(one.epochs for one in tuning), max(one.epochs for one in tuning)
    epochs = counted(low, "epoch") if low == high else f"{low} to {high} epochs"
    manifests = [find_manifest(study, *find_task(task)) for task in profile.tasks]
    real = [_is_real(study, manifest) for manifest in manifests]
    return (
        " / ".join(init_style(init).short for init in profile.inits),
        f"{counted(len(real), 'task')}, {len(scenarios_of(profile.backbones))} scenarios each",
        "all on real images" if all(real) else f"{_stand_ins(real)} on stand-ins",
        f"{_pixels({one.size for one in tuning})}, {epochs}",
        f"{profile.folds} folds for small datasets" if profile.folds > 1 else "1 fold",
        "AUC; Dice of Grad-CAM" if any(one.masks for one in manifests) else "AUC",
    )


def _is_real(study: Study, manifest: DatasetManifest) -> bool:
    return study.data_root is not None and locate(manifest, study.data_root) is not None


def _stand_ins(real: Sequence[bool]) -> str:
    return f"{len(real) - sum(real)} of {len(real)}" if any(real) else "all"


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as `1 epoch` or `1,200 images`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def _pixels(sizes: set[int]) -> str:
    small, large = min(sizes), max(sizes)
    return f"{small} × {small} px" if small == large else f"{small} to {large} px"
