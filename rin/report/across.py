"""What the pages over all tasks show of each task, gathered once.

From a task's inputs and per-case predictions to the summaries that the scoreboard and the
counterparts of the paper's Figures 3 and 4 draw.  Computes nothing new: every number comes from
`rin.stats`, every published one from `rin.paper`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from rin import paper
from rin.report.format import task_title
from rin.report.tidy import init_summary, scenario_means
from rin.stats import mean_roc, pooled_comparison, scenario_aucs
from rin.study import Study, TaskInputs, predictions, pretrained

if TYPE_CHECKING:
    from rin.stats import PooledComparison

Found = TypeVar("Found")
#: Where images came from, in the order of trust, and how pages say it.
ORIGINS = {"real": "real", "substitute": "open substitute", "stand-in": "stand-in"}
#: Published arm that an init of the same kind stands beside.
_ARM = {
    "radimagenet": "radimagenet",
    "radiologic": "radimagenet",
    "imagenet": "imagenet",
    "photographic": "imagenet",
}


@dataclass(frozen=True)
class Images:
    """Which images a task was run on.

    Attributes
    ----------
    origin
        Key of `ORIGINS`.
    title
        Of the dataset that was read.
    replaced
        Title of the task's own dataset where an open substitute was read in its place.
    used, available
        Number of images that were used, and that were found.
    """

    origin: str
    title: str
    replaced: str | None
    used: int
    available: int

    @property
    def word(self) -> str:
        """`real`, `open substitute` or `stand-in`."""
        return ORIGINS[self.origin]

    @property
    def text(self) -> str:
        """The word with the number of images, such as ``real: 1,000 of 26,684``."""
        found = f" of {self.available:,}" if self.available > self.used else ""
        return f"{self.word}: {self.used:,}{found}"

    @property
    def caution(self) -> str:
        """What precedes a sentence with numbers from these images; nothing for real ones."""
        return "Stand-ins, not a finding. " if self.origin == "stand-in" else ""


@dataclass(frozen=True)
class TaskResult:
    """One task of the study with what was computed for two inits.

    Attributes
    ----------
    task, title
        Name, and title as the paper words it or as the manifest does.
    published
        What the paper states; None for a task that it does not have.
    cross_validated
        Whether the task is one of the small ones, which are split more than once.
    images
        What it was run on.
    scenarios, summary, curves
        Tables of `scenario_means`, `init_summary` and `rin.stats.mean_roc` for the two inits.
    pooled
        Their comparison.
    """

    task: str
    title: str
    published: paper.PublishedComparison | None
    cross_validated: bool
    images: Images
    scenarios: pd.DataFrame
    summary: pd.DataFrame
    curves: pd.DataFrame
    pooled: PooledComparison

    @property
    def inits(self) -> tuple[str, str]:
        """The two inits, (a, b); differences are a − b."""
        return self.pooled.init_a, self.pooled.init_b

    @property
    def published_summary(self) -> pd.DataFrame:
        """Published mean and SD beside each init of the same kind: `init`, `mean`, `sd`."""
        one = self.published
        rows = [
            (init, getattr(one, f"auc_{arm}"), getattr(one, f"sd_{arm}"))
            for init, arm in (published_arms(self.inits).items() if one else ())
        ]
        return pd.DataFrame(rows, columns=["init", "mean", "sd"])


def images_of(inputs: TaskInputs) -> Images:
    """Return which images a task was run on."""
    replaced = inputs.substitute_for
    origin = "substitute" if inputs.provenance == "real" and replaced else inputs.provenance
    used = len(inputs.store.cases)
    return Images(origin, inputs.manifest.title, replaced, used, inputs.available)


def paper_order(inputs: Mapping[str, TaskInputs]) -> list[str]:
    """Return names of tasks in the order of the paper, tasks of one's own after them."""
    known = list(paper.COMPARISONS)
    keys = {task: one.task.paper_task for task, one in inputs.items()}
    return sorted(inputs, key=lambda task: known.index(keys[task]) if keys[task] else len(known))


def task_result(inputs: TaskInputs, scored: pd.DataFrame, inits: tuple[str, str]) -> TaskResult:
    """Return what the pages over all tasks show of one.

    Parameters
    ----------
    inputs
        What the task reads.
    scored
        Its predictions, as `rin.study.predictions` returns them.
    inits
        (a, b).

    Raises
    ------
    InputError
        As `rin.stats.pooled_comparison`.
    """
    scored = scored[scored["init"].isin(inits)]
    scenarios = scenario_means(scenario_aucs(scored))
    return TaskResult(
        task=inputs.task.name,
        title=task_title(inputs.task),
        published=paper.COMPARISONS.get(inputs.task.paper_task),
        cross_validated=inputs.task.n_folds > 1,
        images=images_of(inputs),
        scenarios=scenarios,
        summary=init_summary(scenarios),
        curves=mean_roc(scored),
        pooled=pooled_comparison(scored, *inits),
    )


def each_task(
    study: Study,
    inputs: Mapping[str, TaskInputs],
    find: Callable[[TaskInputs, pd.DataFrame, tuple[str, str]], Found],
) -> list[Found]:
    """Return what is found for every task, in the order of the paper, reading predictions once.

    Parameters
    ----------
    find
        Takes a task's inputs, its predictions and two inits: the first two of the profile.

    Raises
    ------
    InputError
        When runs of a task are not finished.
    """
    a, b = study.profile.inits[:2]
    return [
        find(inputs[task], predictions(study, inputs[task]), (a, b)) for task in paper_order(inputs)
    ]


def task_results(study: Study, inputs: Mapping[str, TaskInputs]) -> list[TaskResult]:
    """Return every task's result; see `each_task`."""
    return each_task(study, inputs, task_result)


def by_folds(results: Sequence[TaskResult]) -> tuple[list[TaskResult], list[TaskResult]]:
    """Return the cross-validated tasks (Figure 3) and the others (Figure 4)."""
    small = [one for one in results if one.cross_validated]
    return small, [one for one in results if not one.cross_validated]


def published_arms(inits: Sequence[str]) -> dict[str, str]:
    """Return, per init, the published arm of the same kind; random weights have none."""
    return {init: _ARM[init] for init in inits if init in _ARM}


def weights_words(study: Study, inits: Sequence[str]) -> dict[str, str]:
    """Return, per init, where its weights come from, in a word or two."""
    own = pretrained(study)
    words = {}
    for init in inits:
        rows = own[own["init"] == init] if len(own) else own
        if init == "random":
            words[init] = "random"
        elif rows.empty:
            words[init] = "released"
        else:
            real = (rows["provenance"] == "real").all()
            words[init] = f"pretrained here, {ORIGINS['real' if real else 'stand-in']} images"
    return words
