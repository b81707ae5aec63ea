"""From report texts to findings and impression.

A report is a text file named by its accession number.  Its sections begin with a heading in
capitals and a colon at the start of a line.  Only the headings that divide whole reports end a
section: ``LIVER:`` below ``FINDINGS:`` is part of the findings, and ``ADDENDUM:`` below
``IMPRESSION:`` part of the impression, so that no abnormal finding is lost with a heading.
"""

import codecs
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from rin.curation.archive_files import FileJob, Problem
from rin.data.chunks import map_threads
from rin.errors import InputError

HEADINGS = (
    *("EXAM", "EXAMINATION", "STUDY", "PROCEDURE", "DATE", "HISTORY", "CLINICAL HISTORY"),
    *("INDICATION", "INDICATIONS", "CLINICAL INDICATION", "REASON FOR EXAM", "TECHNIQUE"),
    *("PROTOCOL", "CONTRAST", "COMPARISON", "COMPARISONS", "FINDINGS", "IMPRESSION"),
)
_HEADING = re.compile(rf"^[ \t]*({'|'.join(HEADINGS)})[ \t]*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Report:
    """What the index keeps of one report; a section that is missing is empty text."""

    accession_number: str
    findings: str
    impression: str
    path: str
    bytes: int
    modified_ns: int
    encoding: str


def known_encoding(name: str) -> str:
    """Return the one name of an encoding that has several; raises InputError if unknown."""
    try:
        # Some codecs are known but make no text.
        b"a".decode(name, "replace")
        return codecs.lookup(name).name
    except LookupError:
        raise InputError(
            f"unknown encoding {name!r}",
            where="encoding",
            remedy='Name one that Python knows, such as "utf-8", "latin-1" or "cp1252".',
        ) from None


def parse_report(text: str) -> tuple[str, str]:
    """Return findings and impression of a report.

    Parameters
    ----------
    text
        The whole report, with any line ends.  A heading that occurs twice has its texts joined;
        what stands before the first heading belongs to no section.

    Returns
    -------
    tuple of str
        Stripped of outer white space; empty where there is no such heading or nothing under it.
    """
    pieces = _HEADING.split(re.sub(r"\r\n?", "\n", text))
    sections: dict[str, list[str]] = {}
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        sections.setdefault(heading, []).append(body.strip())
    findings, impression = ("\n".join(sections.get(h, [])) for h in ("FINDINGS", "IMPRESSION"))
    return findings.strip(), impression.strip()


def read_reports(job: FileJob, threads: int) -> list[Report | Problem]:
    """Read some report files, in their order; what cannot be decoded is a `Problem`."""
    return list(map_threads(partial(_read, job.root, job.encoding), job.paths, threads))


def _read(root: Path, encoding: str, path: str) -> Report | Problem:
    accession_number = PurePosixPath(path).stem.strip()
    try:
        stat = (root / path).stat()
        content = (root / path).read_bytes()
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return Problem(path, _undecodable(error, encoding))
    except OSError as error:
        return Problem(path, f"cannot be read ({error.strerror})")
    if "\0" in text:
        return Problem(path, f"a NUL character at {text.index(chr(0))}: this is no text")
    findings, impression = parse_report(text)
    return Report(
        accession_number=accession_number,
        findings=findings,
        impression=impression,
        path=path,
        bytes=stat.st_size,
        modified_ns=stat.st_mtime_ns,
        encoding=encoding,
    )


def _undecodable(error: UnicodeDecodeError, encoding: str) -> str:
    value = error.object[error.start]
    return (
        f"byte 0x{value:02x} at offset {error.start} is not {encoding} "
        "(name the reports' encoding, for instance encoding='latin-1')"
    )
