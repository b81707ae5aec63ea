"""Which corpus an init is pretrained on, and how many of its images."""

from __future__ import annotations

from rin.data.datasets import Dataset, locate
from rin.data.manifest import load_manifest
from rin.study.curation import CURATED, curated_dataset, real_archive
from rin.study.setting import Study, draw_cases


def choose_corpus(study: Study, names: str | list[str]) -> str:
    """Return the first of some corpora whose images are real, else the first of all.

    Parameters
    ----------
    names
        Names of manifests, in order of preference.
    """
    listed = [names] if isinstance(names, str) else names
    return next((name for name in listed if is_real(study, name)), listed[0])


def is_real(study: Study, name: str) -> bool:
    """Return whether images of a corpus, or the archive of the curated one, are at hand."""
    if name == CURATED and real_archive(study) is not None:
        return True
    return study.data_root is not None and locate(load_manifest(name), study.data_root) is not None


def find_corpus(study: Study, name: str) -> Dataset:
    """Open a corpus with all of its images, by the name of its manifest.

    The curated one is made from the study's archive; a copy of a corpus that was curated elsewhere
    is read where the data root holds one and no archive.
    """
    if name == CURATED and (real_archive(study) is not None or not is_real(study, name)):
        return curated_dataset(study)
    return study.dataset(name)


def open_corpus(study: Study, names: str | list[str]) -> Dataset:
    """Open a pretraining corpus, with as many of its images as the profile asks for.

    Images are drawn patient by patient, each class in its share.

    Parameters
    ----------
    names
        As for `choose_corpus`.
    """
    dataset = find_corpus(study, choose_corpus(study, names))
    settings = study.profile.pretraining
    if settings is None or settings.cases is None:
        return dataset
    return draw_cases(dataset, None, settings.cases, study.profile.seed)[0]
