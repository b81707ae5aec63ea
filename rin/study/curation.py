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
from rin.study.setting import Study

if TYPE_CHECKING:
    from rin.curation.build import CuratedCorpus, CurationPlan

#: Manifest of the corpus that curation writes.
CURATED = "curated_archive"


def real_archive(study: Study) -> Path | None:
    """Return the folder of the real archive, or None where the data root holds none."""
    settings = study.profile.curation
    if settings is None or study.data_root is None:
        return None
    folder = study.data_root / settings.archive
    return folder if folder.is_dir() else None


def curation_plan(study: Study) -> CurationPlan:
    """Return what is curated, from where, and where it goes; writes a stand-in on first use.

    `InputError` when the profile has no curation section, or names a file that the archive lacks.
    """
    from rin.curation.build import CurationPlan

    settings, folder = study.profile.section("curation"), real_archive(study)
    key, seed = None, study.profile.seed
    if folder is None:
        from rin.curation.standin import VERSION, write_archive

        named = f"archive-v{VERSION}-{settings.studies}-{settings.size}px-{seed}"
        folder = study.results.parent / "stand_ins" / named
        write_archive(folder, studies=settings.studies, size=settings.size, seed=seed)
        # A stand-in hides nobody, and a fixed key makes equal studies from it.
        key = hashlib.sha256(f"stand-in {seed}".encode()).digest()
    named = {"label_map": settings.label_map, "reviewed": settings.reviewed}
    files = {name: folder / file if file else None for name, file in named.items()}
    for path in filter(None, files.values()):
        if not path.is_file():
            raise InputError(
                "there is no such file",
                where=path,
                remedy="Put it there, or leave its name out of the profile's curation section.",
            )
    return CurationPlan(
        archive=folder,
        database=settings.database,
        output=study.results / "curation",
        **files,
        encoding=settings.encoding,
        seed=seed,
        key=key,
        workers=None,
    )


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
    path = curation_plan(study).archive / "truth.csv"
    truth = pd.read_csv(path, dtype=str, keep_default_na=False)
    return truth.assign(normal=truth["normal"] == "1")


def curated_dataset(study: Study) -> Dataset:
    """Return the curated corpus as a dataset, with patients."""
    root, index = curated_corpus(study).root, study.results.parent / "index"
    return open_dataset(load_manifest(CURATED), root, index_folder=index)
