"""Released weights: are the files what their names say?

A file is verified by the digest in the weights manifest, or by the one that Keras checks; without
a digest, by the probe (`rin.models.probe`), which must find, on images of the tasks, the
preprocessing that the manifest states.  Files that neither verifies are used all the same, and
called unverified wherever their results are shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rin.data.dataset import sample_pictures
from rin.data.manifest import find_task
from rin.errors import InputError
from rin.files import sha256_of
from rin.models import probe
from rin.models.backbones import find_backbone
from rin.models.weights import WeightsEntry, digest_kind, find_entry, load_entries, locate
from rin.study.executors import begin_block
from rin.study.results import Verified
from rin.study.workspace import Workspace, find_manifest

#: Number of images that a file is probed with, number of tasks that they are from, and their side
#: in pixels.
IMAGES = 32
TASKS = 2
SIDE = 160


@dataclass(frozen=True)
class ReleasedFile:
    """A file of released weights as it was found.

    `path` is None if the file is missing, or Keras has yet to download it; `verified` says how it
    is known to be what its name says, and is empty for an unverified file; `verdict` is the
    probe's: a preprocessing, or why there is none, and empty if the file was not probed; `problem`
    says why the file cannot be read.
    """

    entry: WeightsEntry
    path: Path | None
    sha256: str | None
    verified: Verified
    verdict: str
    problem: str


def weights_remark(verified: str | None, verdict: str | None, preprocessing: str) -> str:
    """Return a phrase saying how a file of weights was verified; empty if `verified` is None."""
    if verified is None:
        return ""
    if verified == "probe":
        return f"known by the probe, which finds {preprocessing}"
    if verified:
        return f"known by its {verified}"
    said = f"says: {verdict}" if verdict else "was not asked"
    return f"unverified: no digest of it is known, and the probe {said}"


def released_files(workspace: Workspace) -> list[ReleasedFile]:
    """Return the released weights of a profile, one file per init and backbone.

    Files without a known digest are probed, once while the workspace is open.
    """
    files = []
    for init, backbone in workspace.profile.loaded_weights:
        entry = find_entry(init, backbone, load_entries())
        path = locate(entry, workspace.weights_folders)
        sha256 = sha256_of(path) if path else None
        verified: Verified = ""
        verdict = problem = ""
        try:
            verified = digest_kind(entry, path)
            if path and not verified and find_backbone(backbone).batch_norm:
                ask = partial(_verdict, workspace, path, entry)
                verdict = workspace.once(("verdict", sha256), ask)
        except InputError as error:
            problem = str(error)
        if not verified and verdict == probe.scaling_of(entry.preprocessing):
            verified = "probe"
        files.append(ReleasedFile(entry, path, sha256, verified, verdict, problem))
    return files


def file_remarks(files: Iterable[ReleasedFile]) -> list[str]:
    """Return a sentence for each file that is unverified or unreadable."""
    remarks = []
    for file in files:
        place = file.path or "fetched by Keras"
        called = f"{file.entry.init} {file.entry.backbone} ({place})"
        if file.problem:
            remarks.append(f"{called} cannot be read: {file.problem}")
        elif not file.verified and (file.path or not file.entry.file):
            known = weights_remark(file.verified, file.verdict, file.entry.preprocessing)
            remarks.append(f"{called} is {known}")
    return remarks


def _verdict(workspace: Workspace, path: Path, entry: WeightsEntry) -> str:
    """Return a preprocessing, or why there is none; an empty string without real images."""
    import keras

    manifests = [find_manifest(workspace, *find_task(task)) for task in workspace.profile.tasks]
    names = dict.fromkeys(manifest.name for manifest in manifests if workspace.holds(manifest))
    if not (taken := [*names][:TASKS]):
        return ""
    n = IMAGES // len(taken)
    root = workspace.data_root

    def draw() -> np.ndarray:
        return np.concatenate([sample_pictures(name, root, n=n, size=SIDE)[0] for name in taken])

    images = workspace.once("images to probe with", draw)
    execution = workspace.profile.execution
    if execution.executor == "processes" and execution.workers == 0:
        begin_block(execution)  # building a model fixes the number of threads
    with keras.device("cpu"):  # workers need the GPU's memory
        layer = probe.first_layer(probe.read_backbone(path, entry.backbone, entry.topology))
    judged = probe.judge(probe.score_candidates(layer, images))
    if judged["verdict"] in (probe.NONE_FITS, probe.TOO_CLOSE):
        return f"{judged['verdict']}, {judged['reason']}"
    return str(judged["verdict"])
