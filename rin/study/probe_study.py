"""Does a weights file show which inputs it was trained on?  A test where the answer is known.

Every backbone is pretrained under several preprocessings, all else being equal; then each file is
probed (`rin.models.probe`) with images of its own corpus and of every other dataset of the study.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.dataset import sample_pictures
from rin.data.splits import subset
from rin.files import sha256_of
from rin.models import probe
from rin.models.backbones import find_backbone
from rin.models.weights import entries_of, source_digest
from rin.models.weights_file import layout_of, variance_remark
from rin.study.corpora import open_corpus
from rin.study.pretraining import WEIGHTS, PretrainingRun, plan_pretraining
from rin.study.workspace import Workspace

if TYPE_CHECKING:
    import keras


def probe_sources(workspace: Workspace, run: PretrainingRun) -> dict[str, np.ndarray]:
    """Return images of every dataset of a study, by its name.

    Images are uint8 (n, h, w) or (n, h, w, 3); those of the run's own corpus were not used for
    training.
    """
    profile = workspace.profile
    settings = profile.section("pretraining")
    n_images = profile.section("probe").images

    def draw(rows: np.ndarray) -> np.ndarray:
        drawn = np.random.default_rng(profile.seed).permutation(len(rows))[:n_images]
        return np.sort(rows[drawn])

    sources = {run.corpus: run.store.images()[draw(np.flatnonzero(run.parts != "train"))]}
    datasets = [open_corpus(workspace, names) for names in settings.corpora.values()]
    datasets += [workspace.inputs(task).all_images for task in profile.tasks]
    for dataset in datasets:
        name = dataset.manifest.name
        if name not in sources:
            rows = np.arange(len(dataset.cases))
            chosen = subset(dataset, np.isin(rows, draw(rows)))
            sources[name] = np.asarray(workspace.store(chosen, settings.size).images())
    return sources


def plan_probe(workspace: Workspace) -> list[PretrainingRun]:
    """List the pretraining runs whose files are probed."""
    section = workspace.profile.probe
    settings = workspace.profile.pretraining
    runs = []
    if section and settings:
        backbones = section.backbones or settings.backbones
        for name in section.preprocessings:
            changed = settings.apply_section(section, preprocessing=name, backbones=backbones)
            runs += plan_pretraining(workspace, changed)
    return [run for run in runs if find_backbone(run.backbone).batch_norm]


def probe_measurements(workspace: Workspace) -> pd.DataFrame:
    """Probe all files and return one row per file, source and candidate.

    Columns include `trained_with` (a preprocessing), `source` (a dataset), `seen` (whether the
    weights were trained on that dataset), and those of `rin.models.probe.score_candidates`.
    `kind` distinguishes these files from others in older tables.
    """
    files = workspace.ledger("probe")
    probed = plan_probe(workspace)
    tables = []
    sources = probe_sources(workspace, probed[0])
    for run in probed:
        path = files.path(run.run_id) / WEIGHTS
        layer = probe.first_layer(probe.read_backbone(path, run.backbone))
        for source, images in sources.items():
            known = {
                "kind": "probe",
                "backbone": run.backbone,
                "init": run.init,
                "trained_with": run.preprocessing,
                "corpus": run.corpus,
                "source": source,
                "seen": source == run.corpus,
            }
            scores = probe.score_candidates(layer, images)
            tables.append(scores.assign(**known)[[*known, *scores]])
    return pd.concat(tables, ignore_index=True)


def probe_file(
    path: Path, images: str, data_root: Path | None, *, backbone: str | None, n: int, size: int
) -> list[str]:
    """Return lines with the probe's result for a file and the statements of its distributors."""
    name = backbone or probe.identify_backbone(path)
    network = probe.read_backbone(path, name)
    pixels, description, provenance = sample_pictures(images, data_root, n=n, size=size)
    scores = probe.score_candidates(probe.first_layer(network), pixels)
    shown = scores.drop(columns="channels").to_string(
        index=False, formatters={"divergence": "{:.3f}".format}, float_format="{:.2f}".format
    )
    judged = probe.judge(scores)
    lines = [
        f"{path.name}: {name}, SHA-256 {sha256_of(path)}",
        *shown.splitlines(),
        f"Verdict: {probe.verdict_in_words(judged)}; {judged['reason']}.",
        f"Images: {description}.",
    ]
    if provenance == "stand-in":
        lines.append("These are stand-ins, not real images: give your own with --images.")
    if (pixels == pixels[..., :1]).all():
        lines.append("RGB and BGR look the same on grey images.")
    return lines + file_facts(path, network)


def file_facts(path: Path, network: keras.Model) -> list[str]:
    """Return lines on a file's layout and release, and on extreme variances of its network."""
    digests = {sha256_of(path)}
    lines = [f"Layout: {layout_of(path)}."]
    if source := source_digest(path):
        digests.add(source)
        lines.append(f"Converted from a file of SHA-256 {source}.")
    lines += [f"It is {entry.init}: {entry.release}." for entry in entries_of(path)]
    known = [file for file in probe.load_distributions() if file.sha256 in digests]
    for file in known:
        stated = file.stated_preprocessing or "no preprocessing stated"
        lines.append(f"{file.distributor}, {file.release}: {stated} ({file.statement}).")
    if not known:
        lines.append("No distributor is known for this SHA-256.")
    if remark := variance_remark(probe.running_variances(network)):
        lines.append(f"Variances: {remark}.")
    return lines
