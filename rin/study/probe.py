"""Does a weights file tell which inputs it was trained on?  Tried where the answer is known.

Every backbone is pretrained under several input contracts, all else equal; then each file is
probed (`rin.models.probe`) with images of its own corpus and with images of every other dataset of
the study, which it never saw.  Random weights of every backbone, the study's own pretraining, and
single files by `rin weights probe`, are probed in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.dataset import SamplePictures, sample_pictures
from rin.data.splits import take_cases
from rin.data.store import open_store
from rin.errors import InputError
from rin.files import sha256_of
from rin.models.backbones import find_backbone
from rin.models.probe import (
    CANDIDATES,
    FACTOR,
    NONE_FITS,
    TOO_CLOSE,
    Distribution,
    Score,
    Verdict,
    distributions_of,
    first_layer,
    judge,
    load_distributions,
    read_first_layer,
    scaling_of,
    score_candidates,
)
from rin.models.weights import random_weights, read_weights_file
from rin.study.executors import drive, make_executor
from rin.study.ledger import Ledger, digest_of
from rin.study.pretraining import (
    CLASSES,
    WEIGHTS,
    PretrainingRun,
    choose_corpus,
    find_corpus,
    plan_pretraining,
    pretrain_missing,
)
from rin.study.profile import Probe
from rin.study.setting import Study

if TYPE_CHECKING:
    from rich.console import Console


MEASURED = "measurements.parquet"
#: To be raised when what is measured changes, so that it is measured anew.
VERSION = 1
#: Stands in the column `trained_with` for weights that were never trained.
RANDOM = "random"
#: Columns that name one file on images of one dataset.
ONE_PROBE = ["kind", "backbone", "init", "trained_with", "source"]


@dataclass(frozen=True)
class Source:
    """Images of one dataset, as rows of an image store, in a form that travels to a process."""

    name: str
    provenance: str
    store: Path
    digest: str
    rows: np.ndarray = field(repr=False, compare=False)

    @property
    def identity(self) -> list:
        """What decides which images these are."""
        return [self.name, self.provenance, self.digest, [int(row) for row in self.rows]]

    def images(self) -> np.ndarray:
        """Return the images, uint8 (n, size, size), or (n, size, size, 3) in colour."""
        return np.asarray(open_store(self.store).images()[self.rows])


def probe_sources(study: Study, runs: list[PretrainingRun], images: int, size: int) -> list[Source]:
    """Return up to `images` images of `size` pixels of every dataset of a study, each once.

    Of the corpus that `runs` are trained on, only images that no training step used are taken;
    then come the other corpora and the datasets of the tasks.
    """
    seed, sources = study.profile.seed, {}
    for run in runs:
        unused = np.flatnonzero(run.split.parts != "train")
        sources[run.corpus] = Source(
            run.corpus, run.provenance, run.store, run.store_digest, _some(unused, images, seed)
        )
    corpora = study.profile.pretraining.corpora.values()
    datasets = [find_corpus(study, choose_corpus(study, names)) for names in corpora]
    datasets += [study.inputs(task).found for task in study.profile.tasks]
    for dataset in datasets:
        name = dataset.manifest.name
        if name not in sources:
            chosen = np.zeros(len(dataset.cases), dtype=bool)
            chosen[_some(np.arange(len(chosen)), images, seed)] = True
            store = study.store(take_cases(dataset, chosen), size)
            rows = np.arange(len(store.cases))
            sources[name] = Source(name, dataset.provenance, store.path, store.digest, rows)
    return list(sources.values())


def _some(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Return `n` of some rows, or all where there are fewer, in their order."""
    drawn = np.random.default_rng(seed).permutation(len(rows))[:n]
    return np.sort(rows[drawn])


@dataclass(frozen=True)
class ProbedFile:
    """A file of backbone weights, or random ones, and what is known of its training.

    `kind` is `probe`, `study` or `random`; `trained_with` the contract of the training, or
    `random`; `corpus` and `provenance` are empty for random weights, which `seed` draws and which
    lie in no ledger.
    """

    kind: str
    backbone: str
    init: str
    trained_with: str
    corpus: str
    provenance: str
    seed: int
    ledger: Ledger | None
    run_id: str

    @classmethod
    def of_run(cls, kind: str, run: PretrainingRun, ledger: Ledger) -> ProbedFile:
        """Return the file that a pretraining run left in a ledger."""
        trained = (run.contract, run.corpus, run.provenance)
        return cls(kind, run.backbone, run.init, *trained, run.seed, ledger, run.run_id)

    @classmethod
    def random(cls, backbone: str, seed: int) -> ProbedFile:
        """Return random weights of a backbone."""
        return cls("random", backbone, "random", "random", "", "", seed, None, "")

    @property
    def is_there(self) -> bool:
        """Whether its training is finished; random weights are always there."""
        return self.ledger is None or self.ledger.has(self.run_id)

    def measurement_id(self, sources: list[Source]) -> str:
        """Return the id of what probing this file on some images gives."""
        return digest_of(self.config(sources))

    def config(self, sources: list[Source]) -> dict:
        """Return what decides what probing this file gives."""
        return {
            "version": VERSION,
            "weights": self.run_id or f"random-{self.seed}",
            "kind": self.kind,
            "backbone": self.backbone,
            "candidates": [candidate.name for candidate in CANDIDATES],
            "sources": [source.identity for source in sources],
        }

    def training(self) -> dict:
        """Return `epochs`, `top1` and `chance` of the training; NaN for none."""
        if self.ledger is None:
            return {"epochs": 0, "top1": np.nan, "chance": np.nan}
        done = self.ledger.done(self.run_id)
        tested = self.ledger.read(self.run_id, CLASSES, pd.read_parquet)["test"]
        share = float(tested.max() / tested.sum())
        return {"epochs": done["epochs"], "top1": done["top1"], "chance": share}


def measure_files(
    files: list[ProbedFile], sources: list[Source], ledger: Ledger, size: int
) -> None:
    """Probe files of one backbone, built for `size` pixels, on all sources; commit the results."""
    import keras

    from rin.models.backbones import build_backbone

    keras.backend.clear_session()
    backbone = build_backbone(files[0].backbone, size)
    images = {source.name: source.images() for source in sources}
    for file in files:
        if file.ledger is None:
            backbone.set_weights(random_weights(file.backbone, size, file.seed))
        else:
            read_weights_file(file.ledger.path(file.run_id) / WEIGHTS, backbone)
        layer = first_layer(backbone)
        table = pd.DataFrame(
            [
                {"source": name, "images": len(pixels), "color": pixels.ndim == 4} | asdict(score)
                for name, pixels in images.items()
                for score in score_candidates(layer, pixels)
            ]
        )

        def write(folder: Path, table: pd.DataFrame = table) -> dict:
            table.to_parquet(folder / MEASURED)
            return {"rows": len(table)}

        config = file.config(sources)
        ledger.commit(digest_of(config), config, write)


def table_of(ledger: Ledger, file: ProbedFile, sources: list[Source]) -> pd.DataFrame:
    """Return what was measured of a file, with what is known of its training in front."""
    measured = ledger.read(file.measurement_id(sources), MEASURED, pd.read_parquet)
    known = {
        "kind": file.kind,
        "backbone": file.backbone,
        "init": file.init,
        "trained_with": file.trained_with,
        "corpus": file.corpus,
        "weights_provenance": file.provenance,
        **file.training(),
    }
    provenance = {source.name: source.provenance for source in sources}
    table = measured.assign(
        **known,
        seen=measured["source"] == file.corpus,
        source_provenance=measured["source"].map(provenance),
    )
    named = ["source", "seen", "source_provenance"]
    return table[[*known, *named, *(c for c in table if c not in {*known, *named})]]


def probe_settings(study: Study) -> Probe:
    """Return the profile's section on the probe; raise `InputError` where it has none."""
    if study.profile.probe is None:
        raise InputError(
            "the profile says nothing of probing weights",
            where=f"profile {study.profile.name}",
            remedy="Give it a probe section; rin.study.profile describes the fields.",
        )
    return study.profile.probe


def probe_ledger(study: Study) -> Ledger:
    """Return the ledger of the files that are pretrained to be probed."""
    return Ledger(study.results / "probe")


def measurement_ledger(study: Study) -> Ledger:
    """Return the ledger of what probing each file gave."""
    return Ledger(study.results / "probe_measurements")


def plan_probe(study: Study) -> list[PretrainingRun]:
    """List the pretraining runs whose files are probed: backbones × contracts on one corpus.

    They are the study's own pretraining with another contract, number of images and epochs.
    Backbones without a batch normalisation behind the first convolution are left out.
    """
    section, pretraining = probe_settings(study), study.profile.pretraining
    runs = []
    for contract in section.contracts:
        changed = {
            "corpora": {section.init: pretraining.corpora[section.init]},
            "preprocessing": contract,
            "cases": section.cases,
            "epochs": section.epochs,
        }
        settings = pretraining.model_copy(update=changed)
        profile = study.profile.model_copy(update={"pretraining": settings})
        runs += plan_pretraining(replace(study, profile=profile))
    return [run for run in runs if find_backbone(run.backbone).batch_norm]


def run_probe(study: Study) -> pd.DataFrame:
    """Pretrain and probe what is missing; return the table of `probe_measurements`.

    May be killed at any time and called again.

    Raises
    ------
    InputError
        The profile has no probe section, or a run fails; the other runs are finished first.
    """
    pretrain_missing(study, plan_probe(study), probe_ledger(study), "Weights to probe")
    return probe_measurements(study)


def probe_measurements(study: Study) -> pd.DataFrame:
    """Probe every file that there is, on images of every source, as far as that is not done.

    Returns
    -------
    pandas.DataFrame
        One row a file, source and candidate: `kind` (`probe` for the files made for this,
        `study` for the study's own pretraining, `random`), `backbone`, `init`, `trained_with` (a
        contract, or `random`), `corpus`, `weights_provenance`, `epochs`, `top1`, `chance` (share
        of the largest class among the test images), `source` (dataset), `seen` (whether the
        weights were trained on that dataset), `source_provenance`, `images`, `color`,
        `candidate`, `divergence`, `correlation`, `contrast`, `channels`; see
        `rin.models.probe.Score` for the last four.

    Raises
    ------
    InputError
        The profile has no probe section, or a file of weights is damaged.
    """
    size, sources = study.profile.pretraining.size, _sources(study)
    files, ledger = [f for f in _files(study) if f.is_there], measurement_ledger(study)
    ids = [file.measurement_id(sources) for file in files]
    blocks: dict[str, list[ProbedFile]] = {}  # each backbone is built once
    for file, measured in zip(files, ids, strict=True):
        if not ledger.has(measured):
            blocks.setdefault(file.backbone, []).append(file)
    if blocks:
        drive(
            make_executor(study.profile.execution),
            measure_files,
            [(block, sources, ledger, size) for block in blocks.values()],
            finished=lambda: ledger.count(ids),
            total=len(ids),
            title="Probing",
        )
    tables = [table_of(ledger, file, sources) for file in files]
    return pd.concat(tables, ignore_index=True)


def measurement_ids(study: Study) -> list[str]:
    """Return the id of what probing each file gives, also of files that are not there yet."""
    sources = _sources(study)
    return [file.measurement_id(sources) for file in _files(study)]


def probe_verdicts(measurements: pd.DataFrame, factor: float = FACTOR) -> pd.DataFrame:
    """Return what the measurements of each file on each source amount to.

    Parameters
    ----------
    measurements
        As `probe_measurements` returns them, here or in a reference run.
    factor
        As for `rin.models.probe.judge`.

    Returns
    -------
    pandas.DataFrame
        `kind`, `backbone`, `init`, `trained_with`, `source`, `seen`, `source_provenance`,
        `weights_provenance`, `top1`, `chance`; `verdict`, `best`, `second`, `best_divergence`,
        `second_divergence`, `correlation`, `contrast`, `margin`, `reason`;
        `nearest` (bool): the nearest candidate is the right one, whatever the verdict;
        `hit` (bool): the verdict is the right contract, or `none fits` for random weights;
        `wrong` (bool): the verdict names a contract that is not the right one.
    """
    rows = []
    carried = ["seen", "source_provenance", "weights_provenance", "top1", "chance"]
    for key, table in measurements.groupby(ONE_PROBE, sort=False):
        named = dict(zip(ONE_PROBE, key, strict=True))
        verdict = judge([_score(row) for row in table.itertuples()], factor)
        truth, best = named["trained_with"], scaling_of(verdict.best.candidate)
        right = NONE_FITS if truth == RANDOM else truth
        rows.append(
            named
            | table.iloc[0][carried].to_dict()
            | {
                "verdict": verdict.word,
                "best": best,
                "second": scaling_of(verdict.second.candidate),
                "best_divergence": verdict.best.divergence,
                "second_divergence": verdict.second.divergence,
                "correlation": verdict.best.correlation,
                "contrast": verdict.best.contrast,
                "margin": verdict.margin,
                "reason": verdict.reason,
                "nearest": best == truth,
                "hit": verdict.word == right,
                "wrong": verdict.names_a_contract and verdict.word != truth,
            }
        )
    return pd.DataFrame(rows)


def _files(study: Study) -> list[ProbedFile]:
    """List the files that are probed: made for it, random, and of the study's own pretraining."""
    made, own = plan_probe(study), plan_pretraining(study)
    files = [ProbedFile.of_run("probe", run, probe_ledger(study)) for run in made]
    files += [
        ProbedFile.of_run("study", run, study.weights)
        for run in own
        if find_backbone(run.backbone).batch_norm
    ]
    backbones = dict.fromkeys(run.backbone for run in made)
    return files + [ProbedFile.random(name, study.profile.seed) for name in backbones]


def _sources(study: Study) -> list[Source]:
    section, size = probe_settings(study), study.profile.pretraining.size
    return probe_sources(study, plan_probe(study)[:1], section.images, size)


def _score(row: tuple) -> Score:
    return Score(row.candidate, row.divergence, row.correlation, row.contrast, int(row.channels))


@dataclass(frozen=True)
class FileProbe:
    """What probing one file gave.

    `known` are the distributions of this very file, by its SHA-256.
    """

    path: Path
    backbone: str
    sha256: str
    pictures: SamplePictures
    scores: Sequence[Score]
    verdict: Verdict
    known: Sequence[Distribution]


def probe_file(
    path: Path, images: str, data_root: Path | None, *, backbone: str | None, n: int, size: int
) -> FileProbe:
    """Probe one file of weights with some pictures, as `rin weights probe` is asked to.

    Raises
    ------
    InputError
        As for `rin.models.probe.read_first_layer` and `rin.data.dataset.sample_pictures`.
    """
    distributions = load_distributions()
    pictures = sample_pictures(images, data_root, n=n, size=size)
    layer = read_first_layer(path, backbone)
    scores = score_candidates(layer, pictures.pixels)
    sha256 = sha256_of(path)
    known = distributions_of(sha256, distributions)
    return FileProbe(path, layer.backbone, sha256, pictures, scores, judge(scores), known)


def print_probe(probe: FileProbe, console: Console) -> None:
    """Print what was found: a table of the candidates, the verdict, the images, what is stated."""
    from rich.table import Table

    head = f"{probe.path.name}: {probe.backbone}, SHA-256 {probe.sha256}"
    console.print(head, highlight=False, soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("candidate")
    for name in ("divergence", "correlation", "contrast"):
        table.add_column(name, justify="right")
    for score in probe.scores:
        table.add_row(
            score.candidate,
            f"{score.divergence:.3f}",
            f"{score.correlation:.2f}",
            f"{score.contrast:.2f}",
        )
    console.print(table)
    for line in probe_lines(probe):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def probe_lines(probe: FileProbe) -> list[str]:
    """Return what is said of a probe below its table."""
    lines = [verdict_sentence(probe.verdict), f"Images: {probe.pictures.description}."]
    if probe.pictures.provenance == "stand-in":
        lines.append("These are stand-ins, not real images: name your own with --images.")
    if not probe.pictures.color:
        lines.append("RGB and BGR cannot be told apart on grey images.")
    for known in probe.known:
        said = known.stated_preprocessing or "no preprocessing stated"
        lines.append(f"{known.distributor}, {known.release}: {said} ({known.statement}).")
    if not probe.known:
        lines.append("No distributor is known for this SHA-256.")
    return lines


def verdict_sentence(verdict: Verdict) -> str:
    """Return the verdict in one sentence."""
    if verdict.word == NONE_FITS:
        return f"Verdict: none fits; {verdict.reason}."
    if verdict.word == TOO_CLOSE:
        return f"Verdict: too close to call; {verdict.reason}."
    order = f", channels in the order {verdict.order}" if verdict.order else ""
    return f"Verdict: {verdict.word}{order}; {verdict.reason}."
