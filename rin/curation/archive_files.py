"""The files of an export: finding them, passing over what is no part of it, noting changes."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rin.data.tree import DEBRIS, DEBRIS_FOLDER
from rin.errors import InputError

PASSED_SUFFIXES = frozenset({".txt", ".csv", ".json"})
REPORT_FOLDER = "reports"
#: The rule by which files are passed over that neither say that they are DICOM nor look so.
NO_DICOM = "no DICOM file"
NAMED = 10


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A file that cannot go into the index, and why."""

    path: str
    problem: str


@dataclass(frozen=True)
class FileJob:
    """Some files of an export, to be read in one go; `encoding` is that of report texts."""

    root: Path
    paths: tuple[str, ...]
    encoding: str = ""

    def __len__(self) -> int:
        return len(self.paths)


def is_report(path: str) -> bool:
    """Tell whether a file is a report text: ``.txt`` anywhere below a folder ``reports``."""
    pure = PurePosixPath(path)
    folders = [part.casefold() for part in pure.parent.parts]
    return pure.suffix.lower() == ".txt" and REPORT_FOLDER in folders and not _debris(pure)


def passing_rule(path: str) -> str:
    """Return the rule by which a file is passed over for its name; empty where it is none."""
    pure = PurePosixPath(path)
    if pure.name.upper() == "DICOMDIR":
        return "DICOMDIR"
    if _debris(pure):
        return "desktop file"
    suffix = pure.suffix.lower()
    return f"{suffix} file" if suffix in PASSED_SUFFIXES else ""


def refuse_problems(problems: list[Problem], where: Path) -> None:
    """Raise one InputError for all files that could not go into the index; ten are named."""
    if not problems:
        return
    named = [f"{each.path}: {each.problem}" for each in sorted(problems)[:NAMED]]
    more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    raise InputError(
        f"{len(problems)} files cannot be indexed: {'; '.join(named)}{more}",
        where=where,
        remedy="Export or correct these files again, or move them out of the archive. All others "
        "are in the index, and only these are read again.",
    )


def mark_of(root: Path, path: str) -> tuple[int, int] | None:
    """Return size and time of change (ns) of a file; None where there is none."""
    try:
        stat = (root / path).stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _debris(pure: PurePosixPath) -> bool:
    return pure.name in DEBRIS or pure.name.startswith("._") or DEBRIS_FOLDER in pure.parts
