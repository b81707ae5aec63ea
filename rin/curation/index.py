"""An archive of studies, as a PACS and an RIS export it, as a table of files and one of reports.

The export is a folder of DICOM files, nested and named in any way, with a text report per study
in a folder ``reports``, named by its accession number.  Only headers are read; a file that is cut
short is recognised without reading its pixels.

Headers and reports are kept in the index, chunk by chunk, so that each file is read once, and a
killed indexing resumes where it was.

The rules of ``exclusions.yaml`` say which files of a study are not diagnostic images.
"""

import io
import os
import re
from collections import defaultdict
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.uid import UID

from rin.curation.problems import (
    CONTRADICTORY,
    UNASSIGNED,
    UNIDENTIFIED,
    UNREADABLE,
    Problem,
    Reading,
    Readings,
    read_files,
)
from rin.curation.spreadsheets import decode
from rin.data.dicom import BROKEN, DicomFile
from rin.data.kept_rows import load_rows, replace_rows
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.tree import UNDECODED, is_debris, walk
from rin.errors import FileError, InputError, redact
from rin.files import read_facts, sha256_of

_FACTS = read_facts(__file__)
_TEXTS = _FACTS["texts"]
_NUMBERS = _FACTS["numbers"]
_HEADING = re.compile(rf"^[ \t]*({'|'.join(_FACTS['headings'])})[ \t]*:", re.MULTILINE)
_PIXELS = ("FloatPixelData", "DoubleFloatPixelData", "PixelData")
#: Most bytes of a value that is read.
LONGEST_TEXT = 2**16
_RULES = read_facts(__file__, "exclusions.yaml")
#: Reason of each rule by which a file is not a diagnostic image, by the rule's name.
RULES = {name: rule["reason"] for name, rule in _RULES.items()}
_TESTS = {
    "is": lambda column, known: column.isin(known),
    "is not": lambda column, known: ~column.isin(known),
    "says": lambda column, words: column.str.contains(words, case=False),
}
#: Columns that reveal a change of a file: a corrected file may have the same size and time of
#: modification, but not the same time of change in the file system.
MARK = ("path", "bytes", "modified_ns", "changed_ns")
#: Columns of a file in the index: an image (or a copy of one) has a SOP UID, a report has none;
#: `copied` is the SHA-256 of a file that has copies.
_NOTHING = dict.fromkeys((*MARK, *_NUMBERS), 0)
_NOTHING |= dict.fromkeys(("path", *_TEXTS, "copied", "findings", "impression"), "")


class _UnidentifiedError(FileError):
    """A header lacks one of the identifiers."""


class Archive(NamedTuple):
    """An indexed archive: paths are relative to `root`, `provenance` is "real" or "stand-in".

    `files` has one row per instance, sorted by SOP UID: the indexed elements of its header, the
    columns of `MARK`, `study_body_part`, and the `rule` that excludes it.  `reports` has one row
    per report, sorted by study UID: `study_uid`, `patient_id`, `accession_number`, `modality` and
    `body_part` of the study's pictures, several joined by a backslash, `findings`, `impression`
    and `path`.  `problems` are those with files that are broken or cut short, lack an identifier,
    contradict others, or are a report of no study or of several; `dropped` has the kind of problem
    for which a file, by its path, is in neither table.
    """

    root: Path
    provenance: str
    files: pd.DataFrame
    reports: pd.DataFrame
    problems: list[Problem]
    dropped: dict[str, str]


def read_archive(root: Path, kept: Path) -> Archive:
    """Index the files of an export that are not indexed yet.

    A file whose path, size and times of change are known is not read again; `kept` is the folder
    of the index.  ``DICOMDIR``, ``.txt`` outside the reports, ``.csv``, ``.json`` and files that
    neither end in ``.dcm`` or ``.dicom`` nor have the DICM prefix are ignored.  Files that
    contradict each other are all left out, as nothing shows which one is right.
    """
    said, unread = _read_files(root, kept)
    images = said[said["sop_uid"] != ""]
    texts = said[said["sop_uid"] == ""]
    contradictions, involved = _contradictions(images)
    unassigned = _unassigned_reports(texts, images)
    problems = {problem.path: problem for problem in [*unread, *contradictions, *unassigned]}
    used = images[~images["path"].isin(involved)]
    reports = texts[~texts["path"].isin([problem.path for problem in unassigned])]
    # Reports of studies without any usable file are dropped as well.
    owned = reports["accession_number"].isin(used["accession_number"])
    dropped = {path: problem.kind for path, problem in problems.items()}
    dropped |= dict.fromkeys([*involved, *reports.loc[~owned, "path"]], CONTRADICTORY)
    provenance = "stand-in" if (root / STAND_IN_NOTE).is_file() else "real"
    return Archive(
        root, provenance, *_tables(used, reports[owned]), list(problems.values()), dropped
    )


def rule_of(files: pd.DataFrame) -> pd.Series:
    """Return the first rule that excludes each file, else an empty string."""
    rules = pd.Series("", index=files.index, dtype=object)
    for name, rule in reversed(_RULES.items()):
        for column, tests in rule["where"].items():
            for test, value in tests.items():
                rules = rules.mask(_TESTS[test](files[column], value), name)
    return rules


def _read_files(root: Path, kept: Path) -> Readings:
    """Return the index of all good files of an archive, by path, and the problems with others."""
    kept.mkdir(exist_ok=True)
    known = load_rows(kept, _NOTHING)
    present = {*walk(root, links=True)}
    marks = known[list(MARK)].itertuples(index=False, name=None)
    same = [mark[0] in present and mark == _mark_of(root, mark[0]) for mark in marks]
    current = known.loc[same].drop_duplicates("path")
    names = sorted(present.difference(current["path"]))
    files, problems = read_files(partial(_read_file, root), names, "Indexing files", current, kept)
    files = files.sort_values("path", ignore_index=True)
    if not problems and (files["sop_uid"] == "").all():
        # A drive that is not mounted must not empty the index.
        raise InputError(
            "this folder contains no DICOM files",
            where=root,
            remedy="Name the folder of an export: files that end in .dcm or have the DICM prefix.",
        )
    is_new_copy = files.duplicated("sop_uid", keep=False) & (files["copied"] == "")
    is_new_copy &= files["sop_uid"] != ""
    copies = files.loc[is_new_copy, "path"]
    files.loc[is_new_copy, "copied"] = [sha256_of(root / path) for path in copies]
    if not files.equals(known):
        replace_rows(kept, files)
    return files, problems


def _read_file(root: Path, path: str) -> Reading:
    """Return the row of a file, or the problem with it; no row of a file that is ignored."""
    if UNDECODED.search(path):
        return Problem(path, "the file's name is not valid UTF-8")
    *folders, name = path.casefold().split("/")
    is_report = name.endswith(".txt") and "reports" in folders
    is_other = name == "dicomdir" or name.endswith(tuple(_FACTS["passed_over"]))
    if is_debris(path) or (is_other and not is_report):
        return []
    try:
        if is_report:
            text = decode((root / path).read_bytes())
            row = {"accession_number": PurePosixPath(path).stem.strip()}
            row["findings"], row["impression"] = parse_report(text)
        else:
            row = read_header(root, path)
    except BROKEN as error:
        kind = UNIDENTIFIED if isinstance(error, _UnidentifiedError) else UNREADABLE
        return Problem(path, redact(error), kind=kind)
    mark = dict(zip(MARK, _mark_of(root, path), strict=True))
    return [_NOTHING | row | mark] if row else []


def _contradictions(images: pd.DataFrame) -> tuple[list[Problem], set[str]]:
    """Return the problems of files that contradict the first of their copies, series or study.

    The second result is the paths of all files of these copies, series and studies.
    """
    problems = []
    involved = set()
    for name, owner in _FACTS["shared"].items():
        said = images[images[name] != ""]
        first = said.groupby(owner)[[name, "path"]].transform("first")
        odd = said.assign(other=first["path"])[said[name] != first[name]]
        what = f"its {_TEXTS[owner]} has another {_TEXTS.get(name, 'content')} in another file"
        for path, other in odd[["path", "other"]].to_numpy():
            problems.append(Problem(path, what, other, CONTRADICTORY))
        involved |= {*images["path"][images[owner].isin(odd[owner])]}
    return problems, involved


def _unassigned_reports(texts: pd.DataFrame, images: pd.DataFrame) -> list[Problem]:
    """Return the problems of reports of no study, of several studies, or second to another."""
    problems = []
    studies = images.groupby("accession_number")["study_uid"].nunique()
    for number, paths in texts.groupby("accession_number")["path"]:
        first, *others = paths
        if (n := studies.get(number, 0)) == 1:
            what = "a second report of the same study"
            problems += [Problem(path, what, first, UNASSIGNED) for path in others]
        else:
            owner = f"{n} studies" if n else "no study"
            what = f"the accession number that names this report belongs to {owner}"
            problems += [Problem(path, what, kind=UNASSIGNED) for path in paths]
    return problems


def _tables(images: pd.DataFrame, texts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of an `Archive`; where files differ harmlessly, the first path counts."""
    said = images[[*MARK, *_TEXTS, *_NUMBERS]]
    files = said.drop_duplicates("sop_uid").sort_values("sop_uid", ignore_index=True)
    stated = files.sort_values("path").replace("", None)
    for owner, columns in _FACTS["of_owner"].items():
        files[columns] = stated.groupby(owner)[columns].transform("first").fillna("")
    # A study has the modalities and body parts of its series that contain pictures.
    shown = files[~files["modality"].isin(_FACTS["documents"])].drop_duplicates("series_uid")
    by_study = shown.groupby("study_uid")[["modality", "body_part"]]
    by_study = by_study.agg(lambda texts: "\\".join(sorted({*texts} - {""})))
    files["study_body_part"] = files["study_uid"].map(by_study["body_part"]).fillna("")
    studies = files.drop_duplicates("study_uid")[["study_uid", "patient_id", "accession_number"]]
    studies = studies.join(by_study, on="study_uid").fillna("")
    texts = texts[["accession_number", "findings", "impression", "path"]]
    reports = studies.merge(texts, on="accession_number")
    reports = reports.sort_values("study_uid", ignore_index=True)
    return files.assign(rule=rule_of(files)), reports


def _mark_of(root: Path, path: str) -> tuple[str, int, int, int]:
    """Return the values of `MARK` for a file."""
    stat = (root / path).stat()
    return path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def read_header(root: Path, path: str) -> dict[str, Any] | None:
    """Return the indexed elements of a DICOM file, with an empty string for each missing text.

    None for a file that does not claim to be DICOM, by its suffix or the DICM prefix.  Raises one
    of `BROKEN` if the file is broken, cut short or without one of the identifiers.
    """
    with DicomFile(io.FileIO(root / path)) as opened:
        claims = path.lower().endswith(tuple(_FACTS["claiming"]))
        if not claims and opened.read(132)[128:] != b"DICM":
            return None
        opened.seek(0)
        dataset = _whole_header(opened)
    texts = {}
    for name, keyword in _TEXTS.items():
        value = dataset.get(keyword) or ""
        if isinstance(value, MultiValue):
            value = "\\".join(map(str, value))
        texts[name] = str(value).strip()
    if missing := [_TEXTS[name] for name in _FACTS["identifiers"] if not texts[name]]:
        raise _UnidentifiedError(f"no {', '.join(missing)} in its header")
    numbers = {name: int(dataset.get(keyword) or 0) for name, keyword in _NUMBERS.items()}
    return texts | numbers


def _whole_header(opened: DicomFile) -> Dataset:
    """Return the header of a file; FileError if the file is shorter than the header states."""
    # pydicom passes over values as long as those of pixels, without a look whether they are there.
    indexed = [*_TEXTS.values(), *_NUMBERS.values(), *_PIXELS]
    dataset = dcmread(opened, LONGEST_TEXT, specific_tags=indexed)
    raws = (element for element in dataset.values() if isinstance(element, RawDataElement))
    short = any(len(a.value or b"") != a.length for a in raws if a.length <= LONGEST_TEXT)
    # A file that ends before its Rows is recognised as a picture by its SOP class.
    picture = "Rows" in dataset or "Image Storage" in UID(dataset.get("SOPClassUID", "")).name
    lacks_pixels = picture and not any(tag in dataset for tag in _PIXELS)
    if opened.cut or short or lacks_pixels or opened.tell() > os.fstat(opened.fileno()).st_size:
        raise FileError("the file is cut short")
    return dataset


def parse_report(content: str) -> tuple[str, str]:
    """Return the findings and impression of a report, empty strings without such a section.

    The texts below a repeated heading are joined; a text with an addendum is part of the
    impression, and any other text before the first heading is ignored.
    """
    pieces = _HEADING.split(re.sub(r"\r\n?", "\n", content))
    sections = defaultdict(str)
    for heading, body in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        # An addendum may stand above the report, or in any section.
        place = "IMPRESSION" if "addendum" in body.lower() else heading
        sections[place] += body.strip() + "\n"
    return sections["FINDINGS"].strip(), sections["IMPRESSION"].strip()
