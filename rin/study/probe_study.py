"""Does a weights file show which inputs it was trained on?  Tried where the answer is known.

Every backbone is pretrained under several preprocessings, all else equal; then each file is
probed (`rin.models.probe`) with images of its own corpus and with images of every other dataset of
the study, which it never saw; so are random weights and the study's own pretraining.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rin.data.dataset import sample_pictures
from rin.data.splits import take_cases
from rin.data.store import open_store
from rin.files import sha256_of
from rin.models import probe
from rin.models.backbones import find_backbone
from rin.models.weights import random_weights, read_weights_file
from rin.study import pretraining
from rin.study.corpora import find_corpus
from rin.study.executors import drive
from rin.study.ledger import Ledger, Planned
from rin.study.pretraining import PretrainingRun, plan_pretraining
from rin.study.profile import RANDOM
from rin.study.setting import Study

MEASURED = "measurements.parquet"
#: To be raised when what is measured changes, so that it is measured anew.
VERSION = 1
_UNTRAINED = {
    "init": RANDOM,
    "trained_with": RANDOM,
    "corpus": "",
    "weights_provenance": "",
    "epochs": 0,
    "top1": np.nan,
    "chance": np.nan,
}


@dataclass(frozen=True)
class Source:
    """Images of one dataset, as rows of an image store, in a form that travels to a process."""

    name: str
    provenance: str
    store: Path
    digest: str
    rows: np.ndarray = field(repr=False, compare=False)


def probe_sources(study: Study, run: PretrainingRun) -> list[Source]:
    """Return images of every dataset of a study, as many as its probe section says.

    Of the corpus that `run` is trained on, only images that no training step used are taken.
    """
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


@dataclass(frozen=True)
class Measurement(Planned):
    """Probing a file of weights that a pretraining left in a ledger; random weights have neither.

    `kind` is `probe` for files made to be probed, `study` for those of the study's own
    pretraining, or `random`.  Backbones are built for `size` pixels.
    """

    kind: str
    backbone: str
    seed: int
    size: int
    sources: list[Source]
    run: PretrainingRun | None = None
    ledger: Ledger | None = None

    @property
    def config(self) -> dict[str, Any]:
        """What decides the result; the id is its digest."""
        return {
            "version": VERSION,
            "kind": self.kind,
            "backbone": self.backbone,
            "weights": self.run.run_id if self.run else f"random-{self.seed}",
            "candidates": [preprocessing.name for preprocessing in probe.CANDIDATES],
            "sources": [[s.name, s.provenance, s.digest, s.rows.tolist()] for s in self.sources],
        }

    def known(self) -> dict[str, Any]:
        """Return what is known of the training, as the first columns of the measurements."""
        file, run = {"kind": self.kind, "backbone": self.backbone}, self.run
        if run is None:
            return file | _UNTRAINED
        done = self.ledger.done(run.run_id)
        tested = self.ledger.read(run.run_id, pretraining.CLASSES, pd.read_parquet)["test"]
        return file | {
            "init": run.init,
            "trained_with": run.preprocessing,
            "corpus": run.corpus,
            "weights_provenance": run.provenance,
            "epochs": done["epochs"],
            "top1": done["top1"],
            "chance": float(tested.max() / tested.sum()),
        }


def measure_files(planned: list[Measurement], ledger: Ledger) -> None:
    """Probe files of one backbone, all on the same sources, and commit the results."""
    import keras

    from rin.models.backbones import build_backbone

    keras.backend.clear_session()
    backbone = build_backbone(planned[0].backbone, planned[0].size)
    images = {s.name: np.asarray(open_store(s.store).images()[s.rows]) for s in planned[0].sources}
    for file in planned:
        if file.run is None:
            backbone.set_weights(random_weights(file.backbone, file.size, file.seed))
        else:
            read_weights_file(file.ledger.path(file.run.run_id) / pretraining.WEIGHTS, backbone)
        layer, tables = probe.first_layer(backbone), []
        for name, pixels in images.items():
            probed = {"source": name, "images": len(pixels), "color": pixels.ndim == 4}
            scores = probe.score_candidates(layer, pixels)
            tables.append(scores.assign(**probed)[[*probed, *scores]])
        table = pd.concat(tables, ignore_index=True)

        def write(folder: Path, table: pd.DataFrame = table) -> dict:
            table.to_parquet(folder / MEASURED)
            return {"rows": len(table)}

        ledger.commit(file.run_id, file.config, write)


def plan_probe(study: Study) -> list[PretrainingRun]:
    """List the pretraining runs whose files are probed: backbones × preprocessings."""
    section, settings = study.profile.section("probe"), study.profile.pretraining
    backbones, runs = section.backbones or settings.backbones, []
    for name in section.preprocessings:
        changed = settings.changed(section, preprocessing=name, backbones=backbones)
        runs += plan_pretraining(study, changed)
    return [run for run in runs if find_backbone(run.backbone).batch_norm]


def run_probe(study: Study) -> pd.DataFrame:
    """Pretrain what is missing (`rin.study.pretraining.pretrain_missing`) and probe it."""
    planned, ledger = plan_probe(study), study.ledger("probe")
    pretraining.pretrain_missing(study, planned, ledger, "Weights to probe")
    return probe_measurements(study)


def plan_measurements(study: Study) -> list[Measurement]:
    """List the probing of every file, also of those that are not there yet."""
    probed = plan_probe(study)
    backbones = list(dict.fromkeys(run.backbone for run in probed))
    of_study = [run for run in plan_pretraining(study) if run.backbone in backbones]
    shared = study.profile.seed, study.profile.pretraining.size, probe_sources(study, probed[0])
    ledger = study.ledger("probe")
    return [
        *(Measurement("probe", run.backbone, *shared, run, ledger) for run in probed),
        *(Measurement("study", run.backbone, *shared, run, study.weights) for run in of_study),
        *(Measurement("random", backbone, *shared) for backbone in backbones),
    ]


def probe_measurements(study: Study) -> pd.DataFrame:
    """Probe every file that there is, on images of every source, as far as that is not done.

    Returned is one row a file, source and candidate: `kind` (see `Measurement`), `trained_with` (a
    preprocessing, or `random`), `chance` (share of the largest class among the test images),
    `source` (dataset), `seen` (whether the weights were trained on that dataset), what else is
    known of file and source, and the columns of `rin.models.probe.score_candidates`.
    """
    ledger, planned, blocks = study.ledger("probe_measurements"), plan_measurements(study), {}
    # Those whose weights are there; random ones always are.
    planned = [file for file in planned if not file.run or file.ledger.has(file.run.run_id)]
    for file in planned:
        if not ledger.has(file.run_id):
            blocks.setdefault(file.backbone, []).append(file)  # each backbone is built once
    jobs = [(block, ledger) for block in blocks.values()]
    drive(study.profile.execution, measure_files, jobs, ledger, planned, "Probing")
    table = ledger.tables([(file.run_id, file.known()) for file in planned], MEASURED)
    place = table.columns.get_loc("source") + 1
    table.insert(place, "seen", table["source"] == table["corpus"])
    provenance = {source.name: source.provenance for source in planned[0].sources}
    table.insert(place + 1, "source_provenance", table["source"].map(provenance))
    return table


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
