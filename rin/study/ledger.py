"""The run ledger: one folder per finished run, and no half-written runs.

It is our own, because experiment trackers and function caches do not offer runs that are whole or
absent, keyed by a digest, and claimed by one of several processes.  `done.json`, the last file of
a run, contains the SHA-256 of every file and of itself, so that a file that was changed later is
never read as a result.  It also records which code trained the run (`rin.training.identity`).  The
checkpoints of a long run are in its work folder until the run is committed.
"""

import json
import os
import platform
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from filelock import FileLock, Timeout
from joblib import cpu_count

from rin import files
from rin.errors import InputError, amount, as_input_error, join_first_ten
from rin.files import (
    REPOSITORY,
    is_whole,
    manifest_folder,
    read_checksummed_json,
    replace_folder,
    sha256_of,
    sync,
    to_checksummed_json,
)
from rin.models.preprocessing import Preprocessing, find_preprocessing
from rin.training.identity import code_digest, trains_alike

_WORK = ".work"
DONE = "done.json"
#: The parts of a configuration that name a run in an error.
_NAMES = ("task", "fold", "scenario", "kind", "init", "corpus", "backbone", "seed")
#: Packages whose version may change results.
PACKAGES = (
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scikit-image",
    "pillow",
    "statsmodels",
)
#: What is kept of a run as JSON: its configuration, or the record of its training.
Record = dict[str, Any]
T = TypeVar("T")
P = TypeVar("P", bound="Planned")


def digest_of(config: Record) -> str:
    """Return the id of a configuration: 16 hexadecimal digits of its SHA-256."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return files.digest_of(text)[:16]


class Planned(ABC):
    """A planned run, whose id is the digest of its configuration.

    `preprocessing` is the name of the preprocessing of its inputs.
    """

    preprocessing: str

    @property
    @abstractmethod
    def config(self) -> Record:
        """Everything that decides the result; the id is its digest."""

    @cached_property
    def run_id(self) -> str:
        """Digest of the configuration."""
        return digest_of(self.config)

    @property
    def expects(self) -> Preprocessing:
        """The preprocessing of its inputs: order of the colours, scale, offset."""
        return find_preprocessing(self.preprocessing)


@dataclass(frozen=True)
class Ledger:
    """A folder of finished runs, each under the digest of its configuration."""

    folder: Path

    def path(self, run_id: str) -> Path:
        """Return the folder of a run, finished or not."""
        return self.folder / run_id

    def has(self, run_id: str) -> bool:
        """Return whether a run is finished."""
        return (self.path(run_id) / DONE).is_file()

    def finished_ids(self) -> list[str]:
        """Return the ids of all finished runs of any profile."""
        return sorted(done.parent.name for done in self.folder.glob(f"[!.]*/{DONE}"))

    def count(self, runs: Iterable[Planned]) -> int:
        """Return how many of these runs are finished."""
        return sum(self.has(run.run_id) for run in runs)

    def missing_runs(self, runs: Collection[P]) -> list[P]:
        """Return the runs that are not finished; InputError if a finished run is damaged."""
        finished = self.records(runs)
        return [run for run in runs if run.run_id not in finished]

    def records(self, runs: Iterable[Planned]) -> dict[str, Record]:
        """Return the record (`done`) of each finished run; InputError if one is damaged.

        Its record must be unchanged, and every file must be there with its recorded size.
        """
        records: dict[str, Record] = {}
        lost = []
        for run_id in dict.fromkeys(run.run_id for run in runs if self.has(run.run_id)):
            records[run_id], sizes = self._record(run_id)
            there = {path.name: path.stat().st_size for path in self.path(run_id).iterdir()}
            lost += [f"{run_id}/{name}" for name in sizes if there.get(name) != sizes[name]]
        if lost:
            raise InputError(
                f"{amount(len(lost), 'files of finished runs are missing or cut off')} "
                f"({join_first_ten(lost)})",
                where=self.folder,
                remedy="Restore them, or delete the folders of these runs and run the same stage "
                "again; only these runs are redone.",
            )
        return records

    def other_code_digests(self, runs: Iterable[Planned]) -> dict[str, str | None]:
        """Return the code digest of each finished run by code not shown to train as today's does.

        It is None where none is recorded.
        """
        return {
            run_id: record.get("code")
            for run_id, record in self.records(runs).items()
            if not trains_alike(record.get("code"))
        }

    def set_aside_of_other_code(self, runs: Iterable[Planned]) -> None:
        """Move the folders of runs by other code below `.set_aside`, so that they do not count."""
        for run_id in self.other_code_digests(runs):
            moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            place = self.folder / ".set_aside" / f"{run_id}-{moment}"
            with as_input_error(
                "a run cannot be set aside",
                where=place,
                remedy="Choose a writable results folder.",
            ):
                place.parent.mkdir(exist_ok=True)
                self.path(run_id).rename(place)

    def require(self, runs: Sequence[Planned], stage: str) -> dict[str, Record]:
        """Return the `records` of the runs of a stage or a task; InputError unless finished."""
        records = self.records(runs)
        if missing := [run for run in runs if run.run_id not in records]:
            config = missing[0].config
            first = ", ".join(f"{name} {config[name]}" for name in _NAMES if name in config)
            raise InputError(
                f"{len(missing)} of {len(runs)} runs of {stage} are not finished, the first: "
                f"{first}",
                where=self.folder,
                remedy="Run rin study, or the notebook that trains, with this profile; it "
                "continues where it stopped.",
            )
        return records

    def done_record(self, run_id: str) -> Record:
        """Return the record of a finished run in `done.json`."""
        return self._record(run_id)[0]

    def _record(self, run_id: str, name: str = DONE) -> tuple[Record, dict[str, int]]:
        """Return the record of a finished run, and the sizes of its files apart from it.

        `InputError` if its record, or the file of this name, changed after the run wrote it.
        """
        folder = self.path(run_id)
        problem = "not a readable file of a finished run"
        remedy = "Delete the run's folder and run the same stage again; only this run is redone."
        kinds = (OSError, ValueError, KeyError)  # including the errors of JSON
        with as_input_error(problem, where=folder / name, remedy=remedy, kinds=kinds):
            record = read_checksummed_json(folder / DONE)
            digests, sizes, owner = (record.pop(part) for part in ("files", "sizes", "run"))
            if owner != run_id:
                raise ValueError(f"it belongs to the run {owner}")
            file = "config.json" if name == DONE else name
            if not is_whole(folder / file, digests.get(file)):
                raise ValueError(f"{file} was changed after the run wrote it")
        return record, sizes

    def read(self, run_id: str, name: str, reader: Callable[[Path], T]) -> T:
        """Return `reader` applied to a file of a finished run; InputError if the file changed."""
        self._record(run_id, name)
        return reader(self.path(run_id) / name)

    def tables(self, runs: Iterable[tuple[str, Mapping[str, Any]]], file: str) -> pd.DataFrame:
        """Return one parquet file of several finished runs as a single table.

        `runs` are pairs of a run's id and the columns to put in front of its rows.
        """
        tables = []
        for run_id, columns in runs:
            rows = self.read(run_id, file, pd.read_parquet)
            tables.append(rows.assign(**columns)[[*columns, *rows]])
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def work(self, run_id: str) -> Path:
        """Return the path of a run's work folder, which is deleted once the run is finished."""
        return self.folder / _WORK / run_id

    @contextmanager
    def claim(self, run_id: str, *, wait: bool = True) -> Iterator[bool]:
        """Lock a run, so that no other process trains it; yield whether it is to be trained.

        If another process has locked it, wait, or, without `wait`, raise `filelock.Timeout`.
        """
        lock = FileLock(self.work(f"{run_id}.lock"), timeout=-1 if wait else 0)
        try:
            held = lock.acquire()
        except Timeout:
            raise
        except OSError as error:
            raise InputError(
                f"the run cannot be locked ({error.strerror})",
                where=lock.lock_file,
                remedy="Choose a writable results folder.",
            ) from error
        with held:
            yield not self.has(run_id)
            if self.has(run_id):  # otherwise another process may be waiting for this lock file
                shutil.rmtree(self.work(run_id), ignore_errors=True)
                Path(lock.lock_file).unlink(missing_ok=True)

    def commit(self, run_id: str, config: Record, write: Callable[[Path], Record]) -> None:
        """Write a run atomically; a run that is finished already is not changed.

        `config`, whose digest is the id, is kept as `config.json`; `write` writes the run's files
        into the folder that it is given and returns the record for `done.json`, without the time.
        """
        if self.has(run_id):
            return
        with (
            as_input_error(
                "the run cannot be written",
                where=self.folder,
                remedy="Make room or choose a writable results folder, then run again: "
                "finished runs are kept.",
                kinds=(OSError, RuntimeError),  # h5py raises RuntimeError for a full disk
            ),
            replace_folder(self.path(run_id)) as draft,
        ):
            (draft / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True))
            record = write(draft) | {"finished": now()}
            written = sorted(draft.iterdir())
            record |= {
                "run": run_id,
                "files": {path.name: sha256_of(path) for path in written},
                "sizes": {path.name: path.stat().st_size for path in written},
            }
            (draft / DONE).write_text(to_checksummed_json(record))
            for path in (*written, draft / DONE, draft):  # before the folder gets its final name
                sync(path)


def now() -> str:
    """Return the time of writing, in UTC."""
    return datetime.now(UTC).isoformat("T", "seconds")


def other_code_remark(digests: Iterable[str | None], n_runs: int) -> str:
    """Return a phrase saying how many of `n_runs` were trained by other code.

    `digests` has the digest of that code for each such run, None if it is not recorded.
    """
    counts = Counter(digest or "not recorded" for digest in digests)
    listed_digests = ", ".join(f"{digest}: {n:,}" for digest, n in sorted(counts.items()))
    return (
        f"{counts.total():,} of {amount(n_runs, 'finished runs')} by other code, which was not "
        f"shown to train alike ({listed_digests})"
    )


def software_here() -> dict[str, Any]:
    """Return what computes here: `python`, `packages`, `commit` and `hardware`."""
    packages = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # TensorFlow has two names, and JAX may be absent
            packages[name] = version(name)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    answer = answer_of(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    listed = Path("/proc/cpuinfo")
    processors = listed.read_text("utf-8") if listed.is_file() else ""
    model = re.search(r"^model name\s*:(.*)", processors, re.MULTILINE)
    processor = model[1].strip() if model else platform.machine()
    size = f"{cpu_count()} CPU cores, {round(memory / 2**30)} GB"
    return {
        "python": platform.python_version(),
        "packages": packages,
        "commit": commit_at_work(),
        "hardware": f"{processor}, {size}, {', '.join(answer.splitlines()) or 'no accelerator'}",
    }


def computer_record() -> dict[str, str | None]:
    """Return computer, software, code digest and commit for the record of a run."""
    used = software_here()
    packages = ", ".join(f"{name} {number}" for name, number in used["packages"].items())
    return {
        "computer": used["hardware"],
        "software": f"Python {used['python']}, {packages}",
        "code": code_digest(),
        "commit": used["commit"],
    }


@cache
def commit_at_work() -> str | None:
    """Return the commit of the code and the manifests in use; None outside a checkout.

    A plus after it means that the package or the manifests are not as committed, or that the
    manifests are in another folder.
    """
    of_package = ["git", "ls-files", "--", "rin/__init__.py"]
    if not answer_of(of_package, REPOSITORY):
        return None  # an installed package, perhaps inside another checkout
    commit = answer_of(["git", "rev-parse", "HEAD"], REPOSITORY)
    status = ["git", "status", "--porcelain", "--", "rin", "data_manifests"]
    elsewhere = manifest_folder().resolve() != REPOSITORY / "data_manifests"
    edited = elsewhere or answer_of(status, REPOSITORY)
    return f"{commit}+" if commit and edited else commit or None


def answer_of(command: list[str], folder: Path | None = None) -> str:
    """Return the output of a program; an empty string if the program is missing or fails."""
    if shutil.which(command[0]) is None:
        return ""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else ""
