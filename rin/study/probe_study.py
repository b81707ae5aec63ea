"""Does a weights file show which inputs it was trained on?  Tried where the answer is known.

Every backbone is pretrained under several preprocessings, all else equal; then each file is
probed (`rin.models.probe`) with images of its own corpus and of every other dataset of the study.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from rin.data.dataset import sample_pictures
from rin.data.splits import take_cases
from rin.data.store import open_store
from rin.files import sha256_of
from rin.models import probe
from rin.models.backbones import find_backbone
from rin.study import pretraining
from rin.study.corpora import find_corpus
from rin.study.ledger import digest_of
from rin.study.pretraining import PretrainingRun, plan_pretraining
from rin.study.setting import Study

MEASURED = "measurements.parquet"
#: To be raised when what is measured changes, so that it is measured anew.
VERSION = 1


@dataclass(frozen=True)
class Source:
    """Images of one dataset, as rows of an image store."""

    name: str
    provenance: str
    store: Path
    digest: str
    rows: np.ndarray = field(repr=False, compare=False)


def probe_sources(study: Study, run: PretrainingRun) -> list[Source]:
    """Return images of every dataset of a study, of those of a run what it did not train on."""
    settings, seed = study.profile.pretraining, study.profile.seed

    def draw(rows: np.ndarray) -> np.ndarray:
        drawn = np.random.default_rng(seed).permutation(len(rows))[: study.profile.probe.images]
        return np.sort(rows[drawn])

    unused = draw(np.flatnonzero(run.parts != "train"))
    corpus = Source(run.corpus, run.provenance, run.store, run.store_digest, unused)
    sources = {run.corpus: corpus}
    datasets = [find_corpus(study, names) for names in settings.corpora.values()]
    datasets += [study.inputs(task).whole for task in study.profile.tasks]
    for dataset in datasets:
        name = dataset.manifest.name
        if name not in sources:
            every_row = np.arange(len(dataset.cases))
            chosen = take_cases(dataset, np.isin(every_row, draw(every_row)))
            store = study.store(chosen, settings.size)
            rows = np.arange(len(store.cases))
            sources[name] = Source(name, dataset.provenance, store.path, store.digest, rows)
    return list(sources.values())


def plan_probe(study: Study) -> list[PretrainingRun]:
    """List the pretraining runs whose files are probed."""
    section, settings = study.profile.section("probe"), study.profile.pretraining
    backbones, runs = section.backbones or settings.backbones, []
    for name in section.preprocessings:
        changed = settings.changed(section, preprocessing=name, backbones=backbones)
        runs += plan_pretraining(study, changed)
    return [run for run in runs if find_backbone(run.backbone).batch_norm]


def run_probe(study: Study) -> pd.DataFrame:
    """Pretrain what is missing (`rin.study.pretraining.pretrain_missing`) and probe it."""
    ledger = study.ledger("probe")
    pretraining.pretrain_missing(study, plan_probe(study), ledger, "Weights to probe")
    return probe_measurements(study)


def probe_measurements(study: Study) -> pd.DataFrame:
    """Probe the files that were not probed yet; return all measurements.

    One row a file, source and candidate: `trained_with` (a preprocessing), `chance` (share of the
    largest class among the test images), `source` (dataset), `seen` (whether the weights were
    trained on that dataset), what else is known of file and source, and the columns of
    `rin.models.probe.score_candidates`.  `kind` tells these files from others in older tables.
    """
    files, ledger = study.ledger("probe"), study.ledger("probe_measurements")
    probed, tables = plan_probe(study), []
    files.require(probed, "the probe")
    sources = probe_sources(study, probed[0])
    for run in probed:
        config = {
            "version": VERSION,
            "backbone": run.backbone,
            "weights": run.run_id,
            "candidates": [preprocessing.name for preprocessing in probe.CANDIDATES],
            "sources": [[s.name, s.provenance, s.digest, s.rows.tolist()] for s in sources],
        }
        measured = digest_of(config)
        with ledger.claim(measured) as unfinished:
            if unfinished:
                path = files.path(run.run_id) / pretraining.WEIGHTS
                write = partial(_measure, probe.read_first_layer(path, run.backbone), sources)
                ledger.commit(measured, config, write)
        done = files.done(run.run_id)
        tested = files.read(run.run_id, pretraining.PREDICTIONS, pd.read_parquet)
        known = {
            "kind": "probe",
            "backbone": run.backbone,
            "init": run.init,
            "trained_with": run.preprocessing,
            "corpus": run.corpus,
            "weights_provenance": run.provenance,
            "epochs": done["epochs"],
            "top1": done["top1"],
            "chance": tested["truth"].value_counts(normalize=True).max(),
        }
        tables.append((measured, known))
    table = ledger.tables(tables, MEASURED)
    place = table.columns.get_loc("source") + 1
    table.insert(place, "seen", table["source"] == table["corpus"])
    provenance = {source.name: source.provenance for source in sources}
    table.insert(place + 1, "source_provenance", table["source"].map(provenance))
    return table


def _measure(layer: probe.FirstLayer, sources: list[Source], folder: Path) -> dict[str, int]:
    """Write what the images of several sources say of a file's first layer."""
    tables = []
    for source in sources:
        pixels = np.asarray(open_store(source.store).images()[source.rows])
        probed = {"source": source.name, "images": len(pixels), "color": pixels.ndim == 4}
        scores = probe.score_candidates(layer, pixels)
        tables.append(scores.assign(**probed)[[*probed, *scores]])
    pd.concat(tables, ignore_index=True).to_parquet(folder / MEASURED)
    return {"rows": sum(map(len, tables))}


def probe_file(
    path: Path, images: str, data_root: Path | None, *, backbone: str | None, n: int, size: int
) -> list[str]:
    """Return what probing one file with some pictures gives, and what its distributors state."""
    pixels, description, provenance = sample_pictures(images, data_root, n=n, size=size)
    layer, sha256 = probe.read_first_layer(path, backbone), sha256_of(path)
    scores = probe.score_candidates(layer, pixels)
    shown = scores.drop(columns="channels").to_string(
        index=False, formatters={"divergence": "{:.3f}".format}, float_format="{:.2f}".format
    )
    lines = [f"{path.name}: {layer.backbone}, SHA-256 {sha256}", *shown.splitlines()]
    judged = probe.judge(scores)
    order = f", channels in the order {judged['order']}" if judged["order"] else ""
    lines += [f"Verdict: {judged['verdict']}{order}; {judged['reason']}."]
    lines += [f"Images: {description}."]
    if provenance == "stand-in":
        lines.append("These are stand-ins, not real images: name your own with --images.")
    if (pixels == pixels[..., :1]).all():
        lines.append("RGB and BGR look the same on grey images.")
    known = [file for file in probe.load_distributions() if file.sha256 == sha256]
    for file in known:
        stated = file.stated_preprocessing or "no preprocessing stated"
        lines.append(f"{file.distributor}, {file.release}: {stated} ({file.statement}).")
    return lines if known else [*lines, "No distributor is known for this SHA-256."]
