"""Released weights: are the files what their names say?

A file is verified by the digest that its manifest states, or that Keras compares it with; without
one, by the probe (`rin.models.probe`), which must find, on some images of the tasks, the inputs
that the manifest states.  What neither knows is trained from all the same and called unverified
wherever its results are shown.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
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
from rin.models.weights_file import stored_variances, variance_remark
from rin.study.executors import begin_block
from rin.study.profile import RANDOM
from rin.study.workspace import Workspace, find_manifest

#: Images that a file is probed with, of as many of a profile's tasks, and their side in pixels.
IMAGES, TASKS, SIDE = 32, 2, 160
#: In the folder of results: what the probe said of each file, by its SHA-256.
VERDICTS = "probed_weights.json"


@dataclass(frozen=True)
class ReleasedFile:
    """A file of released weights, as it was found.

    `path` is None where it is not there, or Keras has yet to fetch it; `known` is the digest by
    which it is known; `verdict` is that of the probe, a preprocessing or why there is none, and
    empty where it was not asked; `problem` says why the file cannot be read, and `variances` which
    running variances are extreme.
    """

    entry: WeightsEntry
    path: Path | None
    sha256: str | None
    known: Literal["SHA-256", "MD5", ""] = ""
    verdict: str = ""
    problem: str = ""
    variances: str = ""

    @property
    def verified(self) -> Literal["SHA-256", "MD5", "probe", ""]:
        """By what the file is known to be what its name says; empty for one that is unverified."""
        if self.known:
            return self.known
        return "probe" if self.verdict == probe.scaling_of(self.entry.preprocessing) else ""

    @property
    def name(self) -> str:
        """Init and backbone."""
        return f"{self.entry.init} {self.entry.backbone}"


def weights_remark(verified: str | None, verdict: str | None, preprocessing: str) -> str:
    """Return in words how a file of weights is known; nothing where that is not stated."""
    if verified is None:
        return ""
    if verified == "probe":
        return f"known by the probe, which finds {preprocessing}"
    if verified:
        return f"known by its {verified}"
    said = f"says: {verdict}" if verdict else "was not asked"
    return f"unverified: no digest of it is known, and the probe {said}"


def released_files(
    workspace: Workspace, ask: Literal["none", "unknown", "all"] = "none"
) -> list[ReleasedFile]:
    """Return the released weights of a profile, one a source and backbone.

    What the probe has said before is in the folder of results; it is asked of no other file, of
    those without a digest, or of all.  Unless it is asked of none, what else a file tells is read.
    """
    profile = workspace.profile
    pretrained_here = profile.pretraining.corpora if profile.pretraining else {}
    kept, files, images = _kept_verdicts(workspace), [], None
    for init, backbone in product(profile.inits, profile.backbones):
        if init in (RANDOM, *pretrained_here) or init.endswith("_brief"):
            continue
        entry = find_entry(init, backbone, load_entries())
        path = locate(entry, workspace.weights_folders)
        if path is None:
            files.append(ReleasedFile(entry, None, None, known_by(entry, None)))
            continue
        sha256 = sha256_of(path)
        known: Literal["SHA-256", "MD5", ""] = ""
        verdict, problem, remark = kept.get(sha256, ""), "", ""
        try:
            known = known_by(entry, path)
            if ask != "none":
                remark = variance_remark(stored_variances(path))
            to_probe = ask == "all" or (ask == "unknown" and not known)
            if to_probe and not verdict and find_backbone(backbone).batch_norm:
                images = _some_images(workspace) if images is None else images
                verdict = _verdict(_first_layer(workspace, path, entry), images)
        except InputError as error:
            problem = str(error)
        files.append(ReleasedFile(entry, path, sha256, known, verdict, problem, remark))
    return files


def check_released(workspace: Workspace) -> list[ReleasedFile]:
    """Probe the released weights of a study and keep the verdicts.

    `InputError` that names all that cannot be read.
    """
    files = released_files(workspace, "all")
    if problems := [file.problem for file in files if file.problem]:
        n_files = counted(len(problems), "files of weights cannot be read")
        raise InputError(
            f"{n_files} ({join_first_ten(problems)})",
            where=f"profile {workspace.profile.name}",
            remedy="Fetch them again, or take them out of the profile.",
        )
    kept = _kept_verdicts(workspace)
    verdicts = kept | {file.sha256: file.verdict for file in files if file.verdict}
    if verdicts != kept:
        workspace.results.mkdir(parents=True, exist_ok=True)
        with write_atomically(workspace.results / VERDICTS) as draft:
            draft.write_text(json.dumps(verdicts, indent=1, sort_keys=True))
    return files


def file_remarks(files: Iterable[ReleasedFile]) -> list[str]:
    """Return in a sentence each which files are unverified, unreadable or of extreme variances."""
    remarks = []
    for file in files:
        called = f"{file.name} ({file.path or 'fetched by Keras'})"
        if file.problem:
            remarks.append(f"{called} cannot be read: {file.problem}")
        elif not file.verified and (file.path or not file.entry.file):
            known = weights_remark(file.verified, file.verdict, file.entry.preprocessing)
            remarks.append(f"{called} is {known}")
        if file.variances:
            remarks.append(f"{called} has {file.variances}")
    return remarks


def _first_layer(workspace: Workspace, path: Path, entry: WeightsEntry) -> probe.FirstLayer:
    """Read the first layer of a file, as the runs of this study will find the framework."""
    import keras

    execution = workspace.profile.execution
    if execution.executor == "processes" and execution.workers == 0:
        begin_block(execution)  # once a model is built here, the number of threads is fixed
    with keras.device("cpu"):  # workers need the memory of a GPU
        return probe.read_first_layer(path, entry.backbone, entry.topology)


def _kept_verdicts(workspace: Workspace) -> dict[str, str]:
    path = workspace.results / VERDICTS
    if not path.is_file():
        return {}
    remedy = "Delete it; the files are probed again."
    with as_input_error("not readable", where=path, remedy=remedy, kinds=(OSError, ValueError)):
        verdicts: dict[str, str] = json.loads(path.read_text("utf-8"))
    return verdicts


def _some_images(workspace: Workspace) -> np.ndarray:
    """Return real images of some tasks, uint8 RGB; none where the data root holds none."""
    manifests = [find_manifest(workspace, *find_task(task)) for task in workspace.profile.tasks]
    names = dict.fromkeys(manifest.name for manifest in manifests if workspace.holds(manifest))
    taken = [*names][:TASKS]
    drawn = [
        sample_pictures(name, workspace.data_root, n=IMAGES // len(taken), size=SIDE)[0]
        for name in taken
    ]
    return np.concatenate(drawn) if drawn else np.empty((0, SIDE, SIDE, 3), np.uint8)


def _verdict(layer: probe.FirstLayer, images: np.ndarray) -> str:
    """Return a preprocessing, or why there is none; nothing without images."""
    if not len(images):
        return ""
    judged = probe.judge(probe.score_candidates(layer, images))
    if judged["verdict"] in (probe.NONE_FITS, probe.TOO_CLOSE):
        return f"{judged['verdict']}, {judged['reason']}"
    return str(judged["verdict"])
