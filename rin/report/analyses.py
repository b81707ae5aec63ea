"""One task's difference under every analysis, gathered for the pages that set them side by side.

From a task's inputs and per-case predictions to the table of `rin.stats.pooling`, the conclusion
that each of its rows supports, and effect sizes.  Published numbers come from `rin.paper`; every
other one from `rin.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rin import paper
from rin.data.manifest import TaskManifest
from rin.report.across import Images, each_task, images_of, published_arms
from rin.report.format import task_title
from rin.report.style import init_style
from rin.report.tidy import scenario_means
from rin.stats.effects import EffectSizes, effect_sizes
from rin.stats.equivalence import EQUIVALENCE_MARGIN
from rin.stats.folds import split_ratio
from rin.stats.pooling import task_analyses
from rin.stats.scenarios import PooledComparison, pooled_comparison, scenario_aucs
from rin.study import Study, TaskInputs

LEVEL = 0.95
#: Patients of either class that an interval from a normal distribution should rest on.
ENOUGH_PATIENTS = 30
#: What an analysis can support, in the order in which pages count it.
CONCLUSIONS = ("a", "b", "comparable", "unclear", "none")


@dataclass(frozen=True)
class TaskAnalyses:
    """One task under every analysis; differences are a − b.

    Attributes
    ----------
    task, title
        Name, and title as the paper words it or as the manifest does.
    published
        What the paper states; None for a task that it does not have.
    called_comparable
        Whether the paper calls the two starts comparable on this task.
    images
        What it was run on.
    pooled
        Means and SDs over scenarios, and the t tests.
    table
        `rin.stats.pooling.task_analyses`, and `conclusion`: a key of `CONCLUSIONS`.
    effects
        Effect sizes of the scenarios' areas.
    fewest_patients
        Number of test patients of the rarer class; one with images of both counts in both.
    margin
        Largest difference that counts as comparable, areas in 0-1.
    """

    task: str
    title: str
    published: paper.PublishedComparison | None
    called_comparable: bool
    images: Images
    pooled: PooledComparison
    table: pd.DataFrame
    effects: EffectSizes
    fewest_patients: int
    margin: float

    @property
    def inits(self) -> tuple[str, str]:
        """The two inits, (a, b)."""
        return self.pooled.init_a, self.pooled.init_b

    @property
    def names(self) -> tuple[str, str]:
        """How sentences call the two starts; names of released weights keep their capitals."""
        words = [init_style(init).short for init in self.inits]
        return tuple(w.lower() if w == w.capitalize() else w for w in words)

    @property
    def few_patients(self) -> bool:
        """Whether a class has too few patients for an interval from a normal distribution."""
        return self.fewest_patients < ENOUGH_PATIENTS

    @property
    def recommended(self) -> pd.Series:
        """Row of the analysis that is recommended."""
        return self.table[self.table["recommended"]].iloc[0]

    def row(self, analysis: str) -> pd.Series:
        """Return the row of one analysis, by its key."""
        return self.table.set_index("analysis").loc[analysis]

    @property
    def published_names(self) -> tuple[str, str]:
        """How the paper calls the weights that `published_ends` compares."""
        arms = published_arms(self.inits)
        return tuple(init_style(arms[init]).short for init in self.inits)

    @property
    def published_ends(self) -> tuple[float, float, float] | None:
        """Published difference and 95% interval as a − b, in AUC points.

        None where the paper lacks the task, or where the inits are not of its two kinds.
        """
        kinds = [published_arms(self.inits).get(init) for init in self.inits]
        if self.published is None or set(kinds) != {"radimagenet", "imagenet"}:
            return None
        one = self.published
        if kinds[0] == "radimagenet":
            return one.difference, one.ci_low, one.ci_high
        return -one.difference, -one.ci_high, -one.ci_low


def conclusion(low: float, high: float, *, within_margin: bool = False) -> str:
    """Return the key of `CONCLUSIONS` that an interval of a − b supports.

    An interval that lies on one side of zero supports that side; one that holds zero (an end at
    zero included) supports "comparable" where a test of equivalence says so, and otherwise
    nothing: absence of a difference is no proof of equality.

    Parameters
    ----------
    low, high
        Ends; NaN gives "none".
    within_margin
        Whether the difference was shown to lie within the margin.
    """
    if math.isnan(low) or math.isnan(high):
        return "none"
    if low > 0:
        return "a"
    if high < 0:
        return "b"
    return "comparable" if within_margin else "unclear"


def analyses_of(
    inputs: TaskInputs,
    scored: pd.DataFrame,
    inits: tuple[str, str],
    *,
    margin: float = EQUIVALENCE_MARGIN,
    replicates: int = 1000,
) -> TaskAnalyses:
    """Return one task under every analysis.

    Parameters
    ----------
    inputs
        What the task reads.
    scored
        Its predictions, as `rin.study.predictions` returns them.
    inits
        (a, b).
    margin
        Largest difference that counts as comparable, areas in 0-1.
    replicates
        Of the bootstrap over patients.

    Raises
    ------
    InputError
        As `rin.stats.pooling.task_analyses`.
    """
    return analyse(
        inputs.task, images_of(inputs), scored, inits, split_ratio(inputs.folds),
        margin=margin, replicates=replicates,
    )  # fmt: skip


def analyse(
    task: TaskManifest,
    images: Images,
    scored: pd.DataFrame,
    inits: tuple[str, str],
    test_train_ratio: float,
    *,
    margin: float = EQUIVALENCE_MARGIN,
    replicates: int = 1000,
) -> TaskAnalyses:
    """Return a task under every analysis, from its predictions alone.

    Parameters
    ----------
    task, images
        What was asked, and of which images.
    scored, inits, margin, replicates
        As for `analyses_of`.
    test_train_ratio
        Number of test cases to that of training cases in each fold.

    Raises
    ------
    InputError
        As `rin.stats.pooling.task_analyses`.
    """
    a, b = inits
    scored = scored[scored["init"].isin(inits)]
    table = task_analyses(
        scored, a, b, test_train_ratio=test_train_ratio, margin=margin,
        replicates=replicates, level=LEVEL,
    )  # fmt: skip
    supported = [
        conclusion(row["ci_low"], row["ci_high"], within_margin=row["equivalent"])
        for row in table.to_dict("records")
    ]
    areas = scenario_means(scenario_aucs(scored)).pivot(
        index="scenario", columns="init", values="auc"
    )
    tested = scored[scored["part"] == "test"]
    return TaskAnalyses(
        task=task.name,
        title=task_title(task),
        published=paper.COMPARISONS.get(task.paper_task),
        called_comparable=task.paper_task in paper.CLAIMS["comparable"].value,
        images=images,
        pooled=pooled_comparison(scored, a, b, level=LEVEL),
        table=table.assign(conclusion=supported),
        effects=effect_sizes(areas[a].to_numpy(), areas[b].to_numpy()),
        fewest_patients=int(tested.groupby("label")["patient_id"].nunique().min()),
        margin=margin,
    )


def all_analyses(study: Study, inputs: Mapping[str, TaskInputs]) -> Sequence[TaskAnalyses]:
    """Return every task under every analysis; see `rin.report.across.each_task`."""
    return each_task(study, inputs, analyses_of)
