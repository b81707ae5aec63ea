"""De-identification of images: DICOM PS3.15 Annex E, with moved dates and nothing unknown.

Claimed are the Basic Application Level Confidentiality Profile and its option "Retain
Longitudinal Temporal Information With Modified Dates".  `dicomanonymizer` brings the profile's
table, maintained with the standard; its own pass over a data set is not used, for it acts on
the attributes of the table alone (a description in a place that the table does not name
survives), at the top level alone, draws new UIDs at every start and sets all dates to one day.
Here a new data set is made of what :mod:`rin.curation.kept` allows and that table does not
forbid, at every level:

- UIDs become keyed ones, equal in all files and runs; patient id and name become a pseudonym;
- dates move by one number of days a patient; times of day are dropped, for together with a
  scanner's log they name the patient, and intervals in days need none;
- sex, age and all other characteristics of the patient are dropped (their option is not claimed);
- pixels are decoded and stored anew without compression, so that neither comments of a JPEG
  stream nor overlays in unused bits nor bytes behind the last pixel come along.

What the pixels themselves show stays: see :mod:`rin.curation.burned_in` for text in them.  A
face that could be rebuilt from thin slices of a head is not removed.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydicom import Dataset, Sequence, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from rin.curation.burned_in import burned_in_risk
from rin.curation.display import decode, display_window, export_png
from rin.curation.kept import EMPTIED, KEPT
from rin.curation.pseudonyms import Pseudonyms, load_key
from rin.curation.sweep import copy_kept
from rin.errors import InputError

__all__ = [
    "Pseudonyms", "burned_in_risk", "deidentify", "display_window", "export_png", "load_key",
    "write_dicom",
]  # fmt: skip

REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")
METHOD = "PS3.15 Basic Profile, dates moved, keep list"
METHOD_CODES = {
    "113100": "Basic Application Confidentiality Profile",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
}


def deidentify(dataset: Dataset, pseudonyms: Pseudonyms) -> Dataset:
    """Make a de-identified copy of an image.

    Parameters
    ----------
    dataset
        A CT, MR or US image; where it was read without its pixels, so is the copy.
    pseudonyms
        Those of the secret key.

    Returns
    -------
    pydicom.Dataset
        New, with file meta information, in explicit little endian; `dataset` stays as it is.
        Validated by planting markers in every text-valued attribute of the dictionary.

    Raises
    ------
    InputError
        Missing UIDs or PatientID, pixels that cannot be decoded (see
        :func:`rin.curation.display.decode`), or a look-up table of gray values that is none.
    """
    missing = [name for name in REQUIRED if not str(dataset.get(name) or "").strip(" \0")]
    if missing:
        raise InputError(
            f"the image has no {', '.join(missing)}",
            where=getattr(dataset, "filename", None) or "de-identification",
            remedy="Leave it out: without these it belongs to no patient and no study.",
        )
    patient = str(dataset.PatientID)
    made = copy_kept(dataset, tuple(KEPT.items()), pseudonyms, pseudonyms.shift_days(patient))
    if "PixelData" in dataset:
        pixels = decode(dataset)
        color = pixels.ndim == 3
        made.set_pixel_data(
            pixels,
            "RGB" if color else dataset.PhotometricInterpretation,
            bits_stored=dataset.BitsStored,
            generate_instance_uid=False,
        )
    for name in EMPTIED:
        setattr(made, name, "")
    made.PatientID = made.PatientName = pseudonyms.patient(patient)
    _state_method(made)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def write_dicom(dataset: Dataset, path: Path) -> None:
    """Write a data set under a temporary name, and rename it when whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        dcmwrite(part, dataset, enforce_file_format=True)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _state_method(made: Dataset) -> None:
    made.PatientIdentityRemoved = "YES"
    made.LongitudinalTemporalInformationModified = "MODIFIED"
    made.DeidentificationMethod = METHOD
    codes = []
    for value, meaning in METHOD_CODES.items():
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
        codes.append(code)
    made.DeidentificationMethodCodeSequence = Sequence(codes)
