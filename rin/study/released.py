"""Released weights: are the files what their names say?

A file is verified by the digest in the weights manifest, or by the one that Keras checks; without
a digest, by the probe (`rin.models.probe`), which must find, on images of the tasks, the
preprocessing that the manifest states.  Files that neither verifies are used all the same, and
called unverified wherever their results are shown.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rin.data.dataset import sample_pictures
from rin.data.manifest import find_task
from rin.errors import InputError, as_input_error, counted, join_first_ten
from rin.files import sha256_of, write_atomically
from rin.models import probe
from rin.models.backbones import find_backbone
from rin.models.weights import WeightsEntry, find_entry, known_by, load_entries, locate
from rin.study.executors import begin_block
from rin.study.workspace import Workspace, find_manifest

#: Number of images that a file is probed with, number of tasks that they are from, and their side
#: in pixels.
IMAGES, TASKS, SIDE = 32, 2, 160
#: File in the folder of results with the probe's verdict on each file, by SHA-256.
VERDICTS = "probed_weights.json"


@dataclass(frozen=True)
class ReleasedFile:
    """A file of released weights as it was found.

    `path` is None if the file is missing, or Keras has yet to download it; `known` is the kind of
    digest that identifies it; `verdict` is the probe's: a preprocessing, or why there is none, and
    empty if the file was not probed; `problem` says why the file cannot be read.
    """

    entry: WeightsEntry
    path: Path | None
    sha256: str | None
    known: Literal["SHA-256", "MD5", ""] = ""
    verdict: str = ""
    problem: str = ""

    @property
    def verified(self) -> Literal["SHA-256", "MD5", "probe", ""]:
        """How the file is verified to be what its name says; empty for an unverified file."""
        if self.known:
            return self.known
        return "probe" if self.verdict == probe.scaling_of(self.entry.preprocessing) else ""

    @property
    def name(self) -> str:
        """Init and backbone of the weights."""
        return f"{self.entry.init} {self.entry.backbone}"


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


def released_files(workspace: Workspace, *, ask: bool = False) -> list[ReleasedFile]:
    """Return the released weights of a profile, one file per init and backbone.

    Earlier verdicts of the probe are read from the folder of results.  With `ask`, other files
    without a known digest are probed.
    """
    kept, files, images = _kept_verdicts(workspace), [], None
    for init, backbone in workspace.profile.loaded_weights:
        entry = find_entry(init, backbone, load_entries())
        path = locate(entry, workspace.weights_folders)
        if path is None:
            files.append(ReleasedFile(entry, None, None, known_by(entry, None)))
            continue
        sha256 = sha256_of(path)
        known: Literal["SHA-256", "MD5", ""] = ""
        verdict, problem = kept.get(sha256, ""), ""
        try:
            known = known_by(entry, path)
            if ask and not known and not verdict and find_backbone(backbone).batch_norm:
                images = _some_images(workspace) if images is None else images
                verdict = _verdict(_first_layer(workspace, path, entry), images)
        except InputError as error:
            problem = str(error)
        files.append(ReleasedFile(entry, path, sha256, known, verdict, problem))
    return files


def check_released(workspace: Workspace) -> list[ReleasedFile]:
    """Probe the released weights of a study and keep the verdicts.

    `InputError` names the files that cannot be read.
    """
    files = released_files(workspace, ask=True)
    if problems := [file.problem for file in files if file.problem]:
        n_files = counted(len(problems), "files of weights cannot be read")
        raise InputError(
            f"{n_files} ({join_first_ten(problems)})",
            where=f"profile {workspace.profile.name}",
            remedy="Fetch them again, or remove them from the profile.",
        )
    kept = _kept_verdicts(workspace)
    verdicts = kept | {file.sha256: file.verdict for file in files if file.verdict}
    if verdicts != kept:
        workspace.results.mkdir(parents=True, exist_ok=True)
        with write_atomically(workspace.results / VERDICTS) as draft:
            draft.write_text(json.dumps(verdicts, indent=1, sort_keys=True))
    return files


def file_remarks(files: Iterable[ReleasedFile]) -> list[str]:
    """Return a sentence for each file that is unverified or unreadable."""
    remarks = []
    for file in files:
        called = f"{file.name} ({file.path or 'fetched by Keras'})"
        if file.problem:
            remarks.append(f"{called} cannot be read: {file.problem}")
        elif not file.verified and (file.path or not file.entry.file):
            known = weights_remark(file.verified, file.verdict, file.entry.preprocessing)
            remarks.append(f"{called} is {known}")
    return remarks


def _first_layer(workspace: Workspace, path: Path, entry: WeightsEntry) -> probe.FirstLayer:
    """Read the first layer of a file, after setting the framework as this study's runs need it."""
    import keras

    execution = workspace.profile.execution
    if execution.executor == "processes" and execution.workers == 0:
        begin_block(execution)  # building a model fixes the number of threads
    with keras.device("cpu"):  # workers need the GPU's memory
        return probe.read_first_layer(path, entry.backbone, entry.topology)


def _kept_verdicts(workspace: Workspace) -> dict[str, str]:
    path = workspace.results / VERDICTS
    if not path.is_file():
        return {}
    remedy = "Delete it; the files will be probed again."
    with as_input_error("not readable", where=path, remedy=remedy, kinds=(OSError, ValueError)):
        verdicts: dict[str, str] = json.loads(path.read_text("utf-8"))
    return verdicts


def _some_images(workspace: Workspace) -> np.ndarray:
    """Return real images of a few tasks, uint8 RGB; no rows if the data root has none."""
    manifests = [find_manifest(workspace, *find_task(task)) for task in workspace.profile.tasks]
    names = dict.fromkeys(manifest.name for manifest in manifests if workspace.holds(manifest))
    taken = [*names][:TASKS]
    drawn = [
        sample_pictures(name, workspace.data_root, n=IMAGES // len(taken), size=SIDE)[0]
        for name in taken
    ]
    return np.concatenate(drawn) if drawn else np.empty((0, SIDE, SIDE, 3), np.uint8)


def _verdict(layer: probe.FirstLayer, images: np.ndarray) -> str:
    """Return a preprocessing, or why there is none; an empty string without images."""
    if not len(images):
        return ""
    judged = probe.judge(probe.score_candidates(layer, images))
    if judged["verdict"] in (probe.NONE_FITS, probe.TOO_CLOSE):
        return f"{judged['verdict']}, {judged['reason']}"
    return str(judged["verdict"])
