"""Pseudonyms: keyed stand-ins for patient ids, UIDs and dates, equal in every file and run.

All are made by HMAC-SHA256 from a secret key, so nobody without the key can try names or UIDs
to see which one fits, and the same key gives the same pseudonyms when an archive grows.  The
key is made once, stays in the house, and ends the link between both sides when it is deleted.
"""

from __future__ import annotations

import hmac
import os
import secrets
from base64 import b32encode
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from pydicom.uid import UID_dictionary

from rin.errors import InputError

KEY_BYTES = 32
MIN_KEY_BYTES = 16
#: Ten years: enough to hide a date, few enough to keep the decade of the technique.
MAX_SHIFT_DAYS = 3650


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms that one key gives.

    Attributes
    ----------
    key
        Secret, at least 16 bytes; never shown.

    Raises
    ------
    InputError
        A key that is too short to be secret.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise InputError(
                f"{len(self.key)} bytes make no secret key",
                where="key of the pseudonyms",
                remedy=f"Give {MIN_KEY_BYTES} random bytes or more; load_key makes {KEY_BYTES}.",
            )

    def patient(self, patient_id: str) -> str:
        """Return a patient's pseudonym: P and 16 letters or digits, 80 bits of the digest.

        Blanks around an id do not count, as in DICOM.

        Raises
        ------
        InputError
            An empty id, which would make one patient of all who have none.
        """
        return "P" + b32encode(self._digest("patient", _known(patient_id))[:10]).decode("ascii")

    def uid(self, uid: str) -> str:
        """Return the stand-in of a UID: 2.25 and a UUID as a decimal number (PS3.5 B.2).

        UIDs of the standard itself (SOP classes, transfer syntaxes) name no one and stay.
        """
        uid = uid.strip(" \0")
        if not uid or uid in UID_dictionary:
            return uid
        return f"2.25.{UUID(bytes=self._digest('uid', uid)[:16], version=4).int}"

    def shift_days(self, patient_id: str) -> int:
        """Return the days to add to every date of a patient: -3650 to -1."""
        number = int.from_bytes(self._digest("shift", _known(patient_id))[:8], "big")
        return -1 - number % MAX_SHIFT_DAYS

    def _digest(self, use: str, text: str) -> bytes:
        # The use keeps apart equal texts, such as a patient id that is also a UID.
        return hmac.digest(self.key, f"{use}\0{text}".encode("utf-8", "surrogatepass"), "sha256")


def load_key(path: Path) -> bytes:
    """Read the secret key of the pseudonyms, and make it where there is none yet.

    The file holds 64 hexadecimal digits and is readable by its owner alone (mode 0600).  Of
    two processes that make it at once, both get the key of the first.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    InputError
        A file that cannot be read or written, that others may read, or that holds no key: a
        new key in its place would give every patient a second pseudonym.
    """
    path = Path(path)
    try:
        if not path.exists():
            _make_key(path)
        text = path.read_text(encoding="ascii").strip()
        mode = path.stat().st_mode & 0o077
        key = bytes.fromhex(text)
    except (OSError, ValueError) as error:
        raise _bad_key(path, f"it cannot be used ({type(error).__name__})") from error
    if len(key) != KEY_BYTES:
        raise _bad_key(path, f"it holds {len(key)} of {KEY_BYTES} bytes")
    if mode and os.name == "posix":
        raise InputError(
            "others than its owner may read the key of the pseudonyms",
            where=path,
            remedy="Say chmod 600, and think of the key as known if the folder was shared.",
        )
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
    try:
        # A link, unlike a renaming, fails where another process was faster.
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink()


def _known(patient_id: str) -> str:
    text = str(patient_id).strip(" \0")
    if not text:
        raise InputError(
            "the PatientID is empty",
            where="pseudonym",
            remedy="Give the study its patient in the archive, or leave it out.",
        )
    return text


def _bad_key(path: Path, problem: str) -> InputError:
    return InputError(
        f"{problem}, so it is no key of pseudonyms",
        where=path,
        remedy=f"Restore the file of {2 * KEY_BYTES} hexadecimal digits from a backup; delete it "
        "only to start anew with other pseudonyms.",
    )
