"""From a profile to the runs of its named studies, grouped into blocks.

A run's id covers its configuration, the digests of everything that it reads, and the version of
results (`rin.training.identity`), so that a finished run is never repeated or mistaken for
another, whichever studies it belongs to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product

from rin.data.confounders import sampled_parts
from rin.data.leakage import leak_free_groups
from rin.errors import look_up, unknown
from rin.files import sha256_of
from rin.models.backbones import Topology, find_backbone
from rin.models.build import Architecture
from rin.models.weights import (
    WeightsEntry,
    find_entry,
    load_entries,
    locate,
    resolve_preprocessing,
)
from rin.study.features import kept_tables
from rin.study.ledger import Planned, Record, digest_of
from rin.study.loss_study import plan_losses
from rin.study.pretraining import PretrainingRun, local_entries, plan_pretraining
from rin.study.probe_study import plan_probe
from rin.study.profile import (
    CONFOUNDER,
    FEATURES,
    MAIN,
    RANDOM,
    SAMPLED,
    ExperimentCell,
    FineTuning,
    Profile,
    SampledConfounder,
    Scenario,
)
from rin.study.workspace import TaskInputs, Workspace
from rin.training.identity import RESULTS_VERSION

#: Time of an image in fine-tuning, by unfreezing, as a share of that in pretraining, whose batches
#: are larger.  Of the runs of `open_added` 88% lie within a factor of two of it, of `open` 69%.
STEP_COST = {"unfreeze_all": 1.8, "unfreeze_top10": 0.45, "freeze_all": 0.25, "linear_probe": 0}
#: Inverse strengths of a linear probe's penalty, among which the validation part chooses.
STRENGTHS = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)
#: For each init and backbone, the entry of the weights that runs start from (None: random weights
#: or features) and the text that identifies these weights in a configuration.
Starts = dict[tuple[str, str], tuple[WeightsEntry | None, str]]
#: Settings that are compiled into a block's step.
COMPILED = ("size", "augmentation", "dropout", "batch_norm_momentum", "head")


@dataclass(frozen=True)
class Run(Planned):
    """One training: task × fold × scenario × init × seed, as a named study asks for it.

    `preprocessing` is the name of the preprocessing of its inputs, whichever setting led to it:
    runs with equal inputs are one run.  Of its `cell`, which says for which study and level it is
    run, only the sample of activations that it records is part of the configuration.
    """

    task: str
    fold: int
    scenario: Scenario
    init: str
    entry: WeightsEntry | None
    preprocessing: str
    seed: int
    settings: FineTuning
    inputs: TaskInputs = field(repr=False, compare=False)
    weights_digest: str
    cell: ExperimentCell = field(repr=False, compare=False)

    @property
    def config(self) -> Record:
        """Everything that decides the result; the id is its digest."""
        sample = self.cell.study.activation_sample
        config = {
            "task": self.task,
            "fold": self.fold,
            "scenario": self.scenario.name,
            "init": self.init,
            "preprocessing": self.preprocessing,
            "seed": self.seed,
            "store": self.inputs.store.digest,
            "split": self.inputs.split_digests[self.fold],
            "weights": self.weights_digest,
            "results_version": RESULTS_VERSION,
        }
        # Stated only for the runs that have them, so that the ids of other runs do not change.
        recorded = {
            "layers": sample and sample.model_dump(),
            "external": {name: site.store.digest for name, site in self.inputs.external.items()},
            "topology": "" if self.topology == "keras" else self.topology,
            "positive": "" if self.inputs.task.paper_task else self.inputs.task.positive_class,
        }
        recorded = {name: value for name, value in recorded.items() if value}
        if self.scenario.backbone == FEATURES:  # which no setting of training concerns
            return config | recorded | {"preprocessing": None, "strengths": STRENGTHS}
        return config | self.settings.identity | recorded

    @property
    def columns(self) -> Record:
        """The columns that name a run in every table, preceded by those of the study's factor."""
        columns = {
            "task": self.task,
            "fold": self.fold,
            "scenario": self.scenario.name,
            **asdict(self.scenario),
            "init": self.init,
            "pretraining": self.cell.pretraining,
            "seed": self.seed,
        }
        if (level := self.cell.level) is None:
            return columns
        factor = " × ".join(self.cell.study.factors)
        return {"factor": factor, "level": level, "preprocessing": self.preprocessing} | columns

    @property
    def study(self) -> str:
        """The name of the study that asks for it."""
        return self.cell.study.name

    @property
    def topology(self) -> Topology:
        """The topology of its network, which is that of the weights that it starts from."""
        return self.entry.topology if self.entry else "keras"

    @property
    def architecture(self) -> Architecture:
        """The architecture that the step is compiled for, which the runs of a block share."""
        shared = {name: getattr(self.settings, name) for name in COMPILED}
        return Architecture(
            self.scenario.backbone,
            self.scenario.unfreezing,
            channels=3 if self.inputs.store.color else 1,
            topology=self.topology,
            **shared,
        )


def find_starts(
    workspace: Workspace,
    inits: Iterable[str],
    backbones: Iterable[str],
    pretraining: int = 1,
    *,
    ahead: bool = False,
) -> Starts:
    """Return the weights that runs start from, by init and backbone.

    For inits that are pretrained here, they are those of one `pretraining`, which must be finished
    unless `ahead` (`rin.study.pretraining.local_entries`).
    """
    known = local_entries(workspace, pretraining, ahead=ahead) + load_entries()
    starts: Starts = {}
    for init, backbone in product(inits, backbones):
        if init == RANDOM:
            starts[init, backbone] = None, f"random-{workspace.profile.seed}"
        elif backbone != FEATURES:  # each task has tables of its own
            entry = find_entry(init, backbone, known)
            # Weights that Keras downloads have always been identified by name alone.
            is_named = entry.sha256 or not entry.file
            path = None if is_named else locate(entry, workspace.weights_folders)
            digest = sha256_of(path) if path else entry.sha256
            starts[init, backbone] = entry, digest or f"{entry.init}:{entry.release}"
    return starts


def plan_study(
    workspace: Workspace, name: str = MAIN, task: str | None = None, *, ahead: bool = False
) -> list[Run]:
    """List the runs of a study of the profile, of all its tasks or of one.

    A run that levels of a factor share is listed once for each, with the same id.  With `ahead`,
    runs of unfinished pretrainings are listed, too, with ids that no finished run has.
    """
    profile = workspace.profile
    planned = []
    tasks = profile.tasks if task is None else [look_up("task", task, profile.tasks)]
    for variant in profile.variants(name):
        places = variant.inits, variant.study.backbones, variant.pretraining
        starts = find_starts(workspace, *places, ahead=ahead)
        for task_name in [name for name in variant.tasks if name in tasks]:
            inputs = workspace.inputs(task_name, variant.folds, variant.changes)
            if (level := variant.changes.get(CONFOUNDER, "")).startswith(SAMPLED):
                chosen = profile.section("sampled_confounder")
                inputs = sample_confounder(inputs, chosen, level, profile.seed)
            for init in profile.feature_inits:
                tables = kept_tables(workspace, init, inputs).items()
                digest = digest_of({path.stem: facts.sha256 for path, facts in tables})
                starts[init, FEATURES] = None, digest
            planned += plan_runs(workspace, inputs, variant, starts)
    return planned


def find_run(workspace: Workspace, task: str, **wanted: str | float) -> Run:
    """Return the first planned run of a task that has these values.

    Runs of the main study come first, then those of the other studies in their order.

    Parameters
    ----------
    workspace : Workspace
        the opened study
    task : str
        the task of the run
    **wanted : str or float
        values that the run must have: `backbone`, `unfreezing`, `learning_rate`, `init`, `fold`

    Returns
    -------
    Run
        The run, with its settings, the entry of its weights, its preprocessing and its seed.

    Raises
    ------
    InputError
        If no such run is planned; the error lists the planned runs.

    Examples
    --------
    >>> from rin.study import find_run, open_workspace
    >>> workspace = open_workspace("smoke")  # doctest: +SKIP
    >>> run = find_run(workspace, "breast", unfreezing="freeze_all", init="radiologic")
    >>> run.scenario.name
    'MobileNet-freeze_all-1e-02'
    """
    planned = {}
    for name in workspace.profile.study_filters:
        for run in plan_study(workspace, name, task):
            if wanted.items() <= run.columns.items():
                return run
            planned[f"{run.scenario.name} {run.init}"] = run
    raise unknown("run", " ".join(map(str, wanted.values())), [*planned])


def sample_confounder(
    inputs: TaskInputs, chosen: SampledConfounder, level: str, seed: int
) -> TaskInputs:
    """Return inputs with one fold, in which a group of patients is the confounder of a level.

    Patients with near-duplicates of each other count as one patient.
    """
    look_up("column", chosen.column, inputs.kept_columns)
    cases = inputs.used_images.cases
    units = leak_free_groups(cases, inputs.pairs).to_numpy()
    cases = cases[["case_id"]].assign(
        patient_id=cases["patient_id"].groupby(units).transform("min"),
        group=cases[chosen.column].astype(str),
        label=inputs.labels.loc[cases["case_id"]].to_numpy(),
    )
    sizes = chosen.model_dump(include={"train", "validation", "test"})
    share = int(level.split()[1]) / 100
    folds = sampled_parts(cases, chosen.groups, share, sizes, seed=seed)
    return replace(inputs, folds=folds.assign(fold=0), external={})


def plan_runs(
    workspace: Workspace,
    inputs: TaskInputs,
    variant: ExperimentCell,
    starts: Starts,
) -> list[Run]:
    """List the runs of a task in a variant of a study, from the weights of `find_starts`."""
    profile = workspace.profile
    task = inputs.task.name
    settings = profile.tuning(task, variant.changes)
    runs = []
    for fold, scenario in product(inputs.split_digests, variant.study.scenarios):
        # All inits share a seed, so that head, order and augmentation are paired.
        seed_of = {"task": task, "fold": fold, "scenario": scenario.name, "seed": profile.seed}
        if variant.repeat:
            seed_of["repeat"] = variant.repeat
        if variant.pretraining > 1:
            seed_of["pretraining"] = variant.pretraining
        seed = int(digest_of(seed_of)[:7], 16)
        for init in variant.inits:
            entry, weights = starts[init, scenario.backbone]
            run = Run(
                task=task,
                fold=fold,
                scenario=scenario,
                init=init,
                entry=entry,
                preprocessing=preprocessing_of(profile, entry, settings),
                seed=seed,
                settings=settings,
                inputs=inputs,
                weights_digest=weights,
                cell=variant,
            )
            runs.append(run)
    return runs


def preprocessing_of(profile: Profile, entry: WeightsEntry | None, settings: FineTuning) -> str:
    """Return the name of the preprocessing of a run that starts from an entry."""
    released = profile.pretraining.released if profile.pretraining else {}
    if settings.preprocessing == "released" and entry is not None and entry.init in released:
        return resolve_preprocessing(released[entry.init], entry.backbone)
    if settings.preprocessing == "official_scripts":
        return "caffe_unit"  # the official scripts use it for every network
    # Random weights expect no preprocessing; zero-centred inputs suit their initialisers.
    return entry.preprocessing if entry else "symmetric"


def plan_all(workspace: Workspace, *, ahead: bool = False) -> list[Run]:
    """List each fine-tuning run that a profile asks for once, the main study's runs first."""
    planned: dict[str, Run] = {}
    for name in workspace.profile.study_filters:
        for run in plan_study(workspace, name, ahead=ahead):
            planned.setdefault(run.run_id, run)
    return list(planned.values())


def plan_networks(workspace: Workspace) -> dict[str, list[PretrainingRun]]:
    """List the pretraining runs that a profile asks for, by the ledger that keeps them."""
    return {
        "weights": plan_pretraining(workspace),
        "probe": plan_probe(workspace),
        "losses": plan_losses(workspace),
    }


def group_blocks(runs: Sequence[Run], *, by_task: bool = False) -> list[list[Run]]:
    """Group runs by compiled step, and with `by_task` also by task; the longest blocks come first.

    Blocks of one backbone follow each other, so that a process can reuse its network.
    """
    blocks: dict[tuple[Architecture, str], list[Run]] = {}
    for run in runs:
        blocks.setdefault((run.architecture, run.task if by_task else ""), []).append(run)

    def cost(block: list[Run]) -> tuple[float, str, float]:
        scenario = block[0].scenario
        of_backbone = find_backbone(scenario.backbone).relative_cost
        return of_backbone, scenario.backbone, STEP_COST[scenario.unfreezing] * len(block)

    return sorted(blocks.values(), key=cost, reverse=True)
