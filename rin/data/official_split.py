"""Do patients stand on both sides of a published split?  That hangs on how names are read.

A dataset may publish its own split, while its file names tell the patient only in part.  The
manifest lists the possible readings; here each is applied to all files, and the patients that
it finds in several parts of the official split are counted.  The study makes its own splits
(:mod:`rin.data.splits`) and does not use the official one.
"""

from collections.abc import Sequence

import pandas as pd

from rin.data.layouts.folder_classes import patient_reading
from rin.data.manifest import DatasetManifest
from rin.data.tree import SEPARATOR
from rin.errors import InputError

READING_COLUMNS = ["reading", "pattern", "patients", "largest", "across"]


def patients_across(names: Sequence[str], parts: Sequence[str], pattern: str) -> pd.DataFrame:
    """Read patients from file names and count the official parts that each stands in.

    Parameters
    ----------
    names
        Case ids or file names; what follows the last ``/`` is read.
    parts
        Official part of each, such as train, val, test.
    pattern
        Regular expression; a patient is the groups that match.

    Returns
    -------
    pandas.DataFrame
        One row per patient (the index): ``images`` and ``parts``, both int.  A patient with
        more than one part is on both sides of the official split.

    Raises
    ------
    InputError
        Names and parts of unequal number, or a name that the pattern does not match.
    """
    if len(names) != len(parts):
        raise InputError(
            f"{len(names)} names and {len(parts)} parts",
            where="patients_across",
            remedy="Pass one official part per name, in the same order.",
        )
    read = patient_reading(pattern)
    table = pd.DataFrame({"patient": [read(name) for name in names], "part": list(parts)})
    grouped = table.groupby("patient")["part"]
    return pd.DataFrame({"images": grouped.size(), "parts": grouped.nunique()})


def official_parts(manifest: DatasetManifest, cases: pd.DataFrame) -> pd.Series | None:
    """Return the official part of each case, read from its locator, or None where none is named.

    The part is the folder above the class folder; the manifest's option ``splits`` names them.

    Raises
    ------
    InputError
        A locator outside the named parts.
    """
    splits = manifest.options.get("splits", ())
    if not splits:
        return None
    folders = cases["image"].str.replace(SEPARATOR, "/", regex=False).str.split("/").str[-3]
    outside = cases.loc[~folders.isin(splits), "image"]
    if len(outside):
        raise InputError(
            f"{len(outside)} pictures stand in none of {', '.join(splits)}: {outside.iloc[0]}",
            where=f"manifest {manifest.name}",
            remedy="Correct its option 'splits'.",
        )
    return pd.Series(folders.to_numpy(), index=pd.Index(cases["case_id"]), name="part")


def patient_readings(manifest: DatasetManifest, cases: pd.DataFrame) -> pd.DataFrame:
    """Compare the readings of patients that a manifest lists.

    Parameters
    ----------
    manifest
        Its option ``readings`` maps a name to a regular expression; none gives no rows.
    cases
        Case table; ``case_id`` and ``image`` are used.

    Returns
    -------
    pandas.DataFrame
        One row per reading, in the manifest's order: ``reading``, ``pattern``, ``patients``
        (how many it finds), ``largest`` (images of the patient with most), and ``across``
        (patients in several official parts; missing where no official split is named).
        Tested on the published names of the chest radiographs of Kermany et al. (2018).

    Examples
    --------
    ``patient_readings(dataset.manifest, dataset.cases)`` of ``kermany_cxr`` begins with 4,097
    patients, none of them across the official split.
    """
    parts = official_parts(manifest, cases)
    known = ["all"] * len(cases) if parts is None else list(parts)
    rows = []
    for reading, pattern in manifest.options.get("readings", {}).items():
        patients = patients_across(cases["case_id"], known, pattern)
        across = pd.NA if parts is None else (patients["parts"] > 1).sum()
        rows.append((reading, pattern, len(patients), patients["images"].max(), across))
    return pd.DataFrame(rows, columns=READING_COLUMNS).astype({"across": "Int64"})
