"""De-identification of images: DICOM PS3.15 Annex E, with shifted dates and no unknown attribute.

The export claims the Basic Application Level Confidentiality Profile with its option "Retain
Longitudinal Temporal Information With Modified Dates".  Of `dicomanonymizer`, only the profile's
table is used.  A new data set is made of the attributes that ``kept_attributes.yaml`` allows and
that table does not forbid, at every level:

- UIDs are replaced by keyed ones, the same in all files and runs; a pseudonym replaces the
  patient's id and name;
- dates are shifted by one number of days per patient; times of day are dropped, as they would
  identify the patient with a scanner's log, and intervals in days do not need them;
- sex, age and all other characteristics of the patient are dropped (their option is not claimed);
- a value that breaks its rule is left out, not corrected: it is not what it claims to be;
- pixels are decoded and stored again without compression, so that no comment of a JPEG stream, no
  overlay in unused bits and no bytes after the last pixel are copied.

Pseudonyms are made by HMAC-SHA256 from a secret key, so nobody without the key can find the right
name or UID by trial.  Deleting the key ends the link between originals and pseudonyms.

The content of the pixels is kept: :mod:`rin.curation.burned_in` searches it for text.
"""

import hmac
import re
import secrets
from base64 import b32encode
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from pydicom import DataElement, Dataset, Sequence
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import ExplicitVRLittleEndian, UID_dictionary

from rin.curation.taxonomy import BODY_PARTS
from rin.data import dicom
from rin.errors import FileError, InputError
from rin.files import read_facts, write_atomically

_FACTS = read_facts(__file__)
REQUIRED = _FACTS["required"]
METHOD_CODES = _FACTS["method_codes"]
KEPT: dict[str, Any] = read_facts(__file__, "kept_attributes.yaml")
KEPT["BodyPartExamined"] = " ".join(sorted(BODY_PARTS))
#: Center and width of CT windows, in Hounsfield units.
WINDOWS = {"lung": (-600.0, 1500.0), "soft": (40.0, 400.0)}
KEY_BYTES = 32
MIN_KEY_BYTES = 16
#: Ten years: enough to hide a date, few enough to keep the decade of the technique.
MAX_SHIFT_DAYS = 3650

_DAY = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_WHOLE = ("IS", "US", "SS", "UL", "SL")


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms made from one secret key of at least 16 bytes."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise ValueError(
                f"{len(self.key)} bytes are too few for a secret key, which needs {MIN_KEY_BYTES}"
            )

    def patient(self, patient_id: str) -> str:
        """Return a patient's pseudonym, P and 16 letters or digits; FileError for an empty id."""
        return "P" + b32encode(self._patient_hash("patient", patient_id)[:10]).decode("ascii")

    def uid(self, uid: str) -> str:
        """Return 2.25 and a UUID for a UID (PS3.5 B.2), unless the standard defines the UID."""
        uid = uid.strip(" \0")
        if not uid or uid in UID_dictionary:
            return uid
        return f"2.25.{UUID(bytes=self._digest('uid', uid)[:16], version=4).int}"

    def shift_days(self, patient_id: str) -> int:
        """Return the days to add to every date of a patient: -3650 to -1."""
        number = int.from_bytes(self._patient_hash("shift", patient_id)[:8], "big")
        return -1 - number % MAX_SHIFT_DAYS

    def _patient_hash(self, use: str, patient_id: str) -> bytes:
        if text := str(patient_id).strip(" \0"):
            return self._digest(use, text)
        raise FileError("the PatientID is empty")

    def _digest(self, use: str, text: str) -> bytes:
        # The use keeps apart equal texts, such as a patient id that is also a UID.
        return hmac.digest(self.key, f"{use}\0{text}".encode("utf-8", "surrogatepass"), "sha256")


@cache
def profile_tags() -> set[BaseTag]:
    """Return the tags on which the Basic Application Level Confidentiality Profile acts.

    Repeating groups (curves, overlays) are left out: none of these is ever kept.
    """
    # Imported here, as reading a curated corpus does not need the extra `curation`.
    from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector

    table = dicom_anonymization_database_selector(_FACTS["edition"])["ALL_TAGS"]
    return {Tag(*entry) for entry in table if len(entry) == 2}


def deidentify(dataset: Dataset, pseudonyms: Pseudonyms) -> Dataset:
    """Return a de-identified copy of an image.

    The copy has file meta information and is in explicit little endian; if `dataset` was read
    without its pixels, the copy has none.  Raises one of `dicom.BROKEN` for an image without UIDs
    or PatientID, with pixels that cannot be decoded, or with an invalid look-up table of grey
    values.
    """
    if missing := [name for name in REQUIRED if not str(dataset.get(name) or "").strip(" \0")]:
        raise FileError(f"the image has no {', '.join(missing)}")
    patient = str(dataset.PatientID)
    made = _copy_allowed(dataset, KEPT, pseudonyms, pseudonyms.shift_days(patient))
    if "PixelData" in dataset:
        pixels = dicom.decode(dataset)
        photometric = "RGB" if pixels.ndim == 3 else dataset.PhotometricInterpretation
        bits = 8 if pixels.ndim == 3 else dataset.BitsStored
        made.set_pixel_data(pixels, photometric, bits_stored=bits, generate_instance_uid=False)
    for name in _FACTS["emptied"]:
        setattr(made, name, "")
    made.PatientID = made.PatientName = pseudonyms.patient(patient)
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = _FACTS["method"]
    made.LongitudinalTemporalInformationModified = "MODIFIED"
    made.DeidentificationMethodCodeSequence = Sequence()
    for value, meaning in METHOD_CODES.items():
        code = Dataset()
        code.CodeValue = value
        code.CodingSchemeDesignator = "DCM"
        code.CodeMeaning = meaning
        made.DeidentificationMethodCodeSequence.append(code)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def picture_of(dataset: Dataset, window: tuple[float, float] | None) -> np.ndarray:
    """Return an image as 8-bit grey (h, w); raises one of `dicom.BROKEN` if it cannot be read.

    Without a window, grey of more than 8 bits needs a VOI of its own: over the range of all bits
    nothing would be visible.
    """
    pixels = dicom.decode(dataset)
    has_window = "WindowCenter" in dataset and "WindowWidth" in dataset
    deep = pixels.ndim == 2 and dataset.BitsStored > 8
    if window is None and deep and not (has_window or "VOILUTSequence" in dataset):
        raise FileError("it has more than 8 bits and neither VOI window nor VOI table")
    return dicom.display(dataset, pixels, window)


def display_window(modality: str, region: str) -> tuple[float, float] | None:
    """Return center and width in Hounsfield units for CT, else None: the file's own VOI."""
    return WINDOWS["lung" if region == "lung" else "soft"] if modality == "CT" else None


def load_key(path: Path) -> bytes:
    """Read the secret key of the pseudonyms (32 bytes), or make it if there is none yet.

    The file contains 64 hexadecimal digits, readable by its owner alone (mode 0600).  A file
    without a valid key is refused: a new key would give every patient a second pseudonym.
    """
    try:
        if not path.exists():
            with write_atomically(path) as draft:
                draft.touch(0o600)
                draft.write_text(secrets.token_hex(KEY_BYTES) + "\n")
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        mode = path.stat().st_mode & 0o077
        if len(key) != KEY_BYTES:
            raise ValueError("another length")
    except (OSError, ValueError) as error:
        # The text of an error may show a part of the key.
        problem = f"it contains no key of pseudonyms ({type(error).__name__})"
        remedy = (
            f"Restore the file of {2 * KEY_BYTES} hexadecimal digits from a backup; delete it "
            "only to start again with other pseudonyms."
        )
        raise InputError(problem, where=path, remedy=remedy) from error
    if mode:
        raise InputError(
            "users other than its owner may read the key of the pseudonyms",
            where=path,
            remedy="Run chmod 600, and treat the key as known if the folder was shared.",
        )
    return key


def _copy_allowed(
    source: Dataset, rules: dict[str, Any], names: Pseudonyms, shift: int
) -> Dataset:
    """Return a new data set of what the rules keep, at all levels, with dates moved by `shift`."""
    made = Dataset()
    for keyword, rule in rules.items():
        tag = Tag(tag_for_keyword(keyword))
        # The rules for UIDs, dates and sequences act as the profile requires.
        acts_alike = isinstance(rule, dict) or rule in ("uid", "date")
        if tag not in source or (tag in profile_tags() and not acts_alike):
            continue
        vr, values = _read(source, tag, dictionary_VR(tag).split(" or "))
        if isinstance(rule, dict):
            nested = [item for value in values if isinstance(value, Sequence) for item in value]
            items = [_copy_allowed(item, rule, names, shift) for item in nested]
            # An item of a sequence of look-up tables is useless without its table.
            kept = [
                item for item in items if item and ("LUTData" in item or "LUTData" not in rule)
            ]
            kept = [Sequence(kept)] if kept else []
        elif rule == "look-up table":
            kept = _table(values, source)
        elif rule == "uid":
            kept = [names.uid(uid) for uid in values if isinstance(uid, str)]
        elif rule == "date":
            kept = _shift_dates(values, shift)
        elif isinstance(rule, str):
            # The words before the first unknown one are kept, as their positions have meanings.
            words = (str(value).strip() for value in values)
            kept = list(takewhile(rule.split().__contains__, words))
        else:
            kept = _read_numbers(values, rule, vr)
        if kept:
            made.add(DataElement(tag, vr, kept[0] if len(kept) == 1 else kept))
    return made


def _read(source: Dataset, tag: BaseTag, kinds: list[str]) -> tuple[str, list]:
    """Return the VR and the values of an element; no values if it cannot be parsed."""
    try:
        element = source[tag]
        value = element.value
    except dicom.BROKEN:
        return kinds[0], []
    vr = element.VR if element.VR in kinds else kinds[0]
    # A sequence is one value.
    if isinstance(value, MultiValue | list | tuple) and not isinstance(value, Sequence):
        return vr, list(value)
    return vr, [] if value is None else [value]


def _read_numbers(values: list, bounds: list[float], vr: str) -> list[int] | list[float]:
    """Return the numbers, or an empty list if one of them is outside the bounds."""
    low, high = bounds
    numbers = []
    with suppress(TypeError, ValueError):
        numbers = [float(value) for value in values]
    if not all(low <= number <= high for number in numbers):
        return []
    return [int(number) if vr in _WHOLE else float(f"{number:.6g}") for number in numbers]


def _shift_dates(values: list, shift: int) -> list[str]:
    """Return dates, and the days of date-times, moved by the shift; other values are left out."""
    moved = []
    for match in filter(None, (_DAY.match(str(value)) for value in values)):
        with suppress(OverflowError, ValueError):
            day = date(*map(int, match.groups())) + timedelta(days=shift)
            moved.append(day.isoformat().replace("-", ""))
    return moved


def _table(values: list, source: Dataset) -> list:
    """Return the data of a look-up table unchanged; FileError if it is not a valid table."""
    _, descriptor = _read(source, Tag("LUTDescriptor"), ["US", "SS"])
    if not values or len(descriptor) != 3:
        return []
    length = int(descriptor[0]) or 2**16
    if isinstance(values[0], bytes):
        entries = np.frombuffer(values[0], "u1" if len(values[0]) < 2 * length else "<u2")
    else:
        entries = np.asarray(values)
    steps = np.diff(entries[:length].astype(np.int64))
    if not (length <= len(entries) <= length + 1 and ((steps >= 0).all() or (steps <= 0).all())):
        raise FileError("the look-up table of grey values is cut short, or not monotonic")
    return values
