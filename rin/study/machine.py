"""The computer and the software of a computation: what a run records of them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

#: Packages whose version may move a number.
PACKAGES = (
    *("keras", "tensorflow", "tensorflow-cpu", "jax", "numpy", "scipy", "pandas", "pyarrow"),
    *("scikit-learn", "scikit-image", "pillow", "statsmodels"),
)
Count = Annotated[int, Field(ge=0)]


class Hardware(BaseModel):
    """What a computer is; `memory_gb` is rounded, `accelerator` empty where there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    processor: str
    cores: Count
    memory_gb: Count
    accelerator: str = ""

    @property
    def text(self) -> str:
        """In words."""
        parts = [self.processor, f"{self.cores} CPU cores", f"{self.memory_gb} GB"]
        return ", ".join([*parts, self.accelerator or "no accelerator"])


def installed_packages() -> dict[str, str]:
    """Return the version of each package that matters and is installed."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # TensorFlow has two names, and JAX may be absent
            found[name] = version(name)
    return found


def this_computer(accelerator: str | None = None) -> Hardware:
    """Return what this computer is, with the accelerator that is found unless one is stated."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if accelerator is None:
        told = _answer(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
        accelerator = ", ".join(told.splitlines())
    listed, models = Path("/proc/cpuinfo"), []
    if listed.is_file():
        lines = listed.read_text("utf-8").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return Hardware(
        processor=models[0] if models else platform.machine(),
        cores=cores or 1,
        memory_gb=round(memory / 2**30),
        accelerator=accelerator,
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
    changed = _answer(["git", "status", "--porcelain", "--", "rin", "data_manifests"], folder)
    return commit + "+" * bool(changed) if commit else None


def _answer(command: list[str], folder: Path | None = None) -> str:
    """Return what a program prints; nothing where it is absent or fails."""
    if shutil.which(command[0]) is None:
        return ""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else ""
