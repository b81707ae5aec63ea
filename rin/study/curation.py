"""The archive of a study and the corpus that is curated from it.

The archive is a DICOM export below the data root; where there is none, a stand-in is written,
and everything that comes from it is marked so.  `rin.curation` does the work.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rin.data.dataset import Dataset, open_dataset
from rin.data.manifest import load_manifest
from rin.errors import InputError
from rin.study.profile import Curation
from rin.study.setting import Study

if TYPE_CHECKING:
    from rin.curation.build import CuratedCorpus, CurationPlan
    from rin.curation.index import Archive

#: Manifest of the corpus that curation writes.
CURATED = "curated_archive"
_TRUTH = "truth.csv"


def curation_settings(study: Study) -> Curation:
    """Return the `curation` section of the profile.

    Raises
    ------
    InputError
        The profile has none.
    """
    if study.profile.curation is None:
        raise InputError(
            "the profile says nothing of curation",
            where=f"profile {study.profile.name}",
            remedy="Give it a curation section; rin.study.profile describes the fields.",
        )
    return study.profile.curation


def real_archive(study: Study) -> Path | None:
    """Return the folder of the real archive, or None where the data root holds none."""
    settings = study.profile.curation
    if settings is None or study.data_root is None:
        return None
    folder = study.data_root / settings.archive
    return folder if folder.is_dir() else None


def archive_folder(study: Study) -> Path:
    """Return the folder of the archive; a stand-in is written on first use."""
    settings = curation_settings(study)
    if folder := real_archive(study):
        return folder
    from rin.curation.standin import VERSION, write_archive

    seed = study.profile.seed
    named = f"archive-v{VERSION}-{settings.studies}-{settings.size}px-{seed}"
    folder = study.results.parent / "stand_ins" / named
    return write_archive(folder, studies=settings.studies, size=settings.size, seed=seed)


def curation_plan(study: Study) -> CurationPlan:
    """Return what is curated, from where, and where it goes.

    Raises
    ------
    InputError
        The profile has no curation section, or names a file that the archive lacks.
    """
    from rin.curation.build import CurationPlan

    settings, folder = curation_settings(study), archive_folder(study)
    stand_in = real_archive(study) is None
    # A stand-in hides nobody, and a fixed key makes equal studies from it.
    key = hashlib.sha256(f"stand-in {study.profile.seed}".encode()).digest() if stand_in else None
    return CurationPlan(
        archive=folder,
        database=settings.database,
        output=study.results / "curation",
        label_map=_named(folder, settings.label_map),
        reviewed=_named(folder, settings.reviewed),
        encoding=settings.encoding,
        seed=study.profile.seed,
        key=key,
        workers=None,
    )


def study_archive(study: Study) -> Archive:
    """Return the indexed archive of a study."""
    from rin.curation.build import index_archive

    return index_archive(curation_plan(study))


def curated_corpus(study: Study) -> CuratedCorpus:
    """Curate the archive of a study, as far as that has not been done, and return the corpus."""
    from rin.curation.build import curate

    return curate(curation_plan(study))


def archive_truth(study: Study) -> pd.DataFrame | None:
    """Return what is truly normal in a stand-in archive; None for a real one, which nobody knows.

    Columns: accession_number, normal (bool), kind, region, label.
    """
    if real_archive(study) is not None:
        return None
    truth = pd.read_csv(archive_folder(study) / _TRUTH, dtype=str, keep_default_na=False)
    return truth.assign(normal=truth["normal"] == "1")


def curated_dataset(study: Study) -> Dataset:
    """Return the curated corpus as a dataset, with patients."""
    corpus = curated_corpus(study)
    return open_dataset(
        load_manifest(CURATED), corpus.root, index_folder=study.results.parent / "index"
    )


def _named(folder: Path, name: str) -> Path | None:
    if not name:
        return None
    if not (folder / name).is_file():
        raise InputError(
            "there is no such file",
            where=folder / name,
            remedy="Put it there, or leave its name out of the profile's curation section.",
        )
    return folder / name
