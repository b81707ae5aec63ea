"""What a reference run says of itself: `run.json`, as a model that is checked on reading.

It tells how the numbers came about and nothing of where: no folder, no name of a computer.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

RUN = "run.json"
#: Packages whose version may move a number.
PACKAGES = (
    *("keras", "tensorflow", "tensorflow-cpu", "jax", "numpy", "scipy", "pandas", "pyarrow"),
    *("scikit-learn", "scikit-image", "pillow", "statsmodels"),
)
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hardware(_Fact):
    """What a computer is; `memory_gb` is rounded, `accelerator` empty where there is none."""

    processor: str
    cores: Count
    memory_gb: Count
    accelerator: str = ""

    @property
    def text(self) -> str:
        """In words."""
        parts = [self.processor, f"{self.cores} CPU cores", f"{self.memory_gb} GB"]
        return ", ".join([*parts, self.accelerator or "no accelerator"])


class DatasetFacts(_Fact):
    """A dataset that was read.

    `used` of `available` images were drawn, from `patients` patients; where `independence` is
    not `patient`, the files name none, and `patients` counts what stands for them.  `digest` is
    that of the images that were found, `counts` of those used, by label.
    """

    name: str
    title: str
    provenance: Literal["real", "stand-in"]
    licence: str
    access: str
    home: str
    independence: Literal["image", "exam", "patient"]
    used: Count
    available: Count
    patients: Count
    counts: dict[str, Count]
    digest: Digest


class TaskFacts(_Fact):
    """A task and its images; `split` counts those of each part, all folds together.

    `substitute_for` is the title of the task's own dataset where another was read;
    `mask_kind` how its lesions are marked, empty where they are not.
    """

    name: str
    dataset: DatasetFacts
    substitute_for: str | None
    mask_kind: Literal["outline", "box", ""]
    size: Count
    split: dict[str, Count]


class WeightsFacts(_Fact):
    """Weights that runs start from, and the input contract that they were trained under."""

    init: str
    backbone: str
    contract: str
    release: str
    licence: str
    provenance: Literal["real"]
    sha256: Digest | None


class Work(_Fact):
    """How many runs, and the seconds of each added up; runs may have gone side by side."""

    runs: Count
    seconds: Seconds


class FileFacts(_Fact):
    """A table of the reference run."""

    sha256: Digest
    bytes: Count
    rows: Count


class RunFacts(_Fact):
    """Everything that `run.json` states.

    Attributes
    ----------
    name, written
        Of the reference run, and when it was written (UTC, ISO 8601).
    first_finished, last_finished
        When the first and the last of its runs were finished.
    profile
        Resolved profile, as its fields are called.
    python, packages, backend, precision, commit
        Versions; backend and precision of fine-tuning; `commit` is that of the code that wrote
        the files, with a plus where other files than its own were at work.
    hardware, peak_memory_gb
        Of the computer that wrote the files; and the largest need of a fine-tuning process.
    work
        By stage.
    tasks, corpora, weights, files
        What was read, and what was written.
    digest
        Of all the above.
    """

    format: Literal[1] = 1
    name: str
    written: str
    first_finished: str
    last_finished: str
    profile: dict[str, Any]
    python: str
    packages: dict[str, str]
    backend: str
    precision: str
    commit: str | None
    hardware: Hardware
    peak_memory_gb: Annotated[float, Field(ge=0)]
    work: dict[str, Work]
    tasks: list[TaskFacts]
    corpora: list[DatasetFacts]
    weights: list[WeightsFacts]
    files: dict[str, FileFacts]
    digest: str = ""

    @model_validator(mode="after")
    def _says_what_is_shown(self) -> RunFacts:
        tasks, inits = (self.profile.get(name) for name in ("tasks", "inits"))
        if not isinstance(inits, list) or len(inits) < 2 or not all(inits):
            raise ValueError("the profile names no two inits")
        if not isinstance(tasks, list) or not {*tasks} <= {one.name for one in self.tasks}:
            raise ValueError("the profile names tasks of which nothing is said")
        datasets = [*(one.dataset for one in self.tasks), *self.corpora]
        if made_up := [one.name for one in datasets if one.provenance != "real"]:
            raise ValueError(f"stand-ins: {', '.join(made_up)}")
        return self

    @property
    def expected_digest(self) -> str:
        """SHA-256 of every other field."""
        told = self.model_dump(mode="json", exclude={"digest"})
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def sealed(self) -> RunFacts:
        """Return the same facts with their digest."""
        return self.model_copy(update={"digest": self.expected_digest})

    @property
    def inits(self) -> tuple[str, str]:
        """The two inits that are compared, (a, b)."""
        a, b = self.profile["inits"][:2]
        return a, b

    def task(self, name: str) -> TaskFacts:
        """Return the facts of a task."""
        return next(one for one in self.tasks if one.name == name)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installed_packages() -> dict[str, str]:
    """Return the version of each package that matters and is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # TensorFlow has two names, and JAX may be absent
            continue
    return found


def this_computer(accelerator: str | None = None) -> Hardware:
    """Return what this computer is.

    Parameters
    ----------
    accelerator
        What to state in place of the accelerator that is found.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Hardware(
        processor=_processor(),
        cores=cores or 1,
        memory_gb=round(memory / 2**30),
        accelerator=_accelerator() if accelerator is None else accelerator,
    )


def computed_on() -> dict[str, str]:
    """Return the computer and the versions of a computation, for the record of a run."""
    packages = ", ".join(f"{name} {number}" for name, number in installed_packages().items())
    return {
        "computer": this_computer().text,
        "software": f"Python {platform.python_version()}, {packages}",
    }


def commit_of(folder: Path) -> str | None:
    """Return the commit of a checkout, with a plus where its files differ; None where none is."""
    commit = _answer(["git", "rev-parse", "HEAD"], folder)
    if not commit:
        return None
    changed = _answer(["git", "status", "--porcelain", "--", "rin", "data_manifests"], folder)
    return f"{commit}+" if changed else commit


def without_folders(value: Any) -> Any:
    """Return settings in which each path of this computer is its last name alone."""
    if isinstance(value, dict):
        return {key: without_folders(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_folders(each) for each in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value


def _processor() -> str:
    """Return the model of the CPU, or its kind where the system does not tell the model."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text("utf-8").splitlines() if listed.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _accelerator() -> str:
    if shutil.which("nvidia-smi") is None:
        return ""
    names = _answer(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    return ", ".join(names.splitlines())


def _answer(command: list[str], folder: Path | None = None) -> str:
    """Return what a program prints; nothing where it is absent or fails."""
    if shutil.which(command[0]) is None:
        return ""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else ""
