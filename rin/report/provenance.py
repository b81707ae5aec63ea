"""What stands at the head of every computed page: banner, time, memory, versions.

Reads the study and its ledger; decides nothing about looks (`rin.report.banner`).
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

import pandas as pd

from rin.report.banner import Source, provenance_banner
from rin.study import Study, TaskInputs, pretrained, run_records
from rin.study.corpora import find_corpus

if TYPE_CHECKING:
    from IPython.display import HTML

PACKAGES = (
    *("keras", "tensorflow", "tensorflow-cpu", "numpy", "pandas", "scipy", "scikit-learn"),
    *("statsmodels", "pingouin", "jupyter-book", "papermill"),
)


def hardware() -> str:
    """Return what this page is computed on, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.machine()}, {cores} CPU cores, {platform.system()}"


def versions() -> pd.Series:
    """Return the version of Python and of each package that matters and is installed."""
    from importlib.metadata import PackageNotFoundError

    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # one of the two TensorFlow packages is always absent
            continue
    return pd.Series(found, name="version")


def task_banner(study: Study, inputs: TaskInputs, *, trained: bool = True) -> HTML:
    """Return the banner of a page about one task; see `study_banner`."""
    return study_banner(study, {inputs.task.name: inputs}, trained=trained)


def study_banner(
    study: Study,
    inputs: Mapping[str, TaskInputs],
    *,
    trained: bool = True,
    records: pd.DataFrame | None = None,
) -> HTML:
    """Return the banner of a page about one or several tasks.

    Parameters
    ----------
    study, inputs
        The study and what each task reads.
    trained
        Whether the page shows results of trained networks; then the weights, and the
        images they were pretrained on, are named too.
    records
        Runs that the page shows, with `init` and `finished`, where they are not the tasks' grids.
    """
    sources = list(dict.fromkeys(image_source(one) for one in inputs.values()))
    weights, computed = {}, pd.Timestamp.now("UTC")
    if trained:
        own = pretrained(study)
        sources += _corpora(study, own)
        inits = study.profile.inits if records is None else records["init"].unique()
        weights = {init: _origin(init, own) for init in inits}
        if records is None:
            tables = [run_records(study, one) for one in inputs.values()]
            records = pd.concat(tables, ignore_index=True)
        computed = pd.to_datetime(records["finished"]).max()
    return provenance_banner(
        sources,
        profile=_profile(study),
        weights=weights,
        computed=f"{computed:%Y-%m-%d %H:%M} UTC",
        hardware=hardware(),
    )


def image_source(inputs: TaskInputs) -> Source:
    """Return where a task's images came from, and what is to be said about the choice."""
    remarks = []
    if inputs.substitute_for:
        remarks.append(f"open substitute for {inputs.substitute_for}")
    if (drawn := len(inputs.dataset.cases)) < inputs.available:
        remarks.append(f"{drawn:,} of {inputs.available:,} images drawn at random")
    dataset = inputs.dataset
    return Source(inputs.manifest.title, dataset.provenance, dataset.location, tuple(remarks))


def pretraining_banner(study: Study) -> HTML | None:
    """Return the banner of the pretraining page, or None where nothing was pretrained."""
    own = pretrained(study)
    if own.empty:
        return None
    return provenance_banner(
        _corpora(study, own),
        profile=_profile(study),
        weights={init: _origin(init, own) for init in own["init"].unique()},
        computed=f"{pd.to_datetime(own['finished']).max():%Y-%m-%d %H:%M} UTC",
        hardware=hardware(),
    )


def _profile(study: Study) -> str:
    return f"{study.profile.name}: {study.profile.about}"


def _corpora(study: Study, own: pd.DataFrame) -> list[Source]:
    if own.empty:
        return []
    sources = []
    for corpus in own["corpus"].unique():
        dataset = find_corpus(study, corpus)
        sources.append(Source(dataset.manifest.title, dataset.provenance, dataset.location))
    return sources


def _origin(init: str, own: pd.DataFrame) -> str:
    rows = own[own["init"] == init] if len(own) else own
    if init == "random":
        return "none: random initialisation"
    if rows.empty:
        return "released weights, see data_manifests/weights.yaml"
    row = rows.iloc[0]
    pictures = "real images" if row["provenance"] == "real" else "stand-in images"
    return (
        f"pretrained here from random initialisation on {row['images']} {pictures} of "
        f"{row['classes']} classes, {row['epochs']} epochs"
    )
