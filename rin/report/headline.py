"""The headline of a run: differences, finding, doubts, and the figure of cover and README."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import AUC_POINTS, other_groups, pooled_fine_tuned
from rin.models.backbones import BACKBONES
from rin.report import words
from rin.report.forest import forest
from rin.report.format import (
    ESTIMATE_AND_INTERVAL,
    format_estimate,
    format_number,
    format_p,
    inline_title,
)
from rin.stats import (
    against_published,
    factor_effects,
    init_differences,
    leave_one_pair_out,
    pretraining_differences,
)
from rin.stats.pretrainings import backbone_tests
from rin.study.results import Results

#: Names of tasks that are shorter than their titles up to the first comma.
_SHORT = {"busbra": "Breast, BUS-BRA"}
#: Inits whose difference is the paper's question: radiologic first, photographic second.
_QUESTION = (
    {"radiologic", "radimagenet", "radimagenet_pytorch"},
    {"photographic", "imagenet", "imagenet_torchvision"},
)


def short_names(runs: Results) -> dict[str, str]:
    """Return a short name of every task of the paper and of a run: up to the first comma."""
    titles = {task: row.title for task, row in COMPARISONS.items()} | runs.titles
    return {task: title.partition(",")[0] for task, title in titles.items()} | _SHORT


def differences(runs: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a run's differences by task: with pretraining as the unit, and of these networks."""
    return runs.workspace.once((differences, runs.is_reference), lambda: _differences(runs))


def _differences(runs: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    scores = runs.paired_scores()
    networks = init_differences(scores, *runs.inits)
    networks = networks[networks["group"] == "all"].reset_index(drop=True)
    return pretraining_differences(scores, *runs.inits), networks


def of_paper(runs: Results) -> pd.DataFrame:
    """Return differences of the paper's backbones, fixed; empty unless the run has others."""
    return runs.workspace.once((of_paper, runs.is_reference), lambda: _of_paper(runs))


def _of_paper(runs: Results) -> pd.DataFrame:
    backbones = {*pd.concat(map(runs.records, runs.tasks))["backbone"]}
    if backbones <= {*BACKBONES} or backbones.isdisjoint(BACKBONES):
        return pd.DataFrame()
    scores = runs.predictions()
    scores = scores[scores["backbone"].isin(BACKBONES)]
    return pretraining_differences(scores, *runs.inits, fixed_backbones=True)


def of_backbones(runs: Results) -> pd.DataFrame:
    """Return tests of whether differences depend on the backbone (`backbone_tests`), by task."""
    key = (of_backbones, runs.is_reference)
    return runs.workspace.once(key, lambda: backbone_tests(runs.paired_scores(), *runs.inits))


def beside_published(runs: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the paper's tasks with its differences (`against_published`)."""
    of_question = all(init in kind for init, kind in zip(runs.inits, _QUESTION, strict=True))
    stated = COMPARISONS.keys() & {*rows["task"]} if of_question else {}
    published = {task: COMPARISONS[task].estimate / 100 for task in stated}
    return against_published(rows, published)


def names_of(runs: Results) -> dict[str, str]:
    """Return the name of each task of a run for use in sentences."""
    return {task: inline_title(title) for task, title in runs.titles.items()}


def finding(runs: Results, *, brief: bool = False) -> str:
    """Return the finding of a run in words (`rin.report.words.finding`).

    If `brief`, what is excluded and what speaks against certainty are said elsewhere.
    """
    rows, unlike = _with_papers(runs)
    return words.finding(
        rows,
        names_of(runs),
        runs.inits,
        unlike_paper=unlike,
        stand_ins=runs.stand_ins(),
        reservations=reservations(runs),
        exclusions=not brief,
        doubts_follow=brief,
    )


def papers_difference(runs: Results) -> str:
    """Return how a run compares with the paper's differences; an empty string for stand-ins."""
    if runs.stand_ins():
        return ""
    rows, unlike = _with_papers(runs)
    sentences = words.papers_difference(rows, names_of(runs), unlike)
    if sentences:
        sentences.append(words.papers_interval(rows, names_of(runs)))
    return " ".join(filter(None, sentences))


def _with_papers(runs: Results) -> tuple[pd.DataFrame, str]:
    """Return the deciding rows beside the paper's differences, and how the run differs from it."""
    rows = words.deciding(*differences(runs))
    published = beside_published(runs, rows).rename(columns={"p_holm": "published_p"})
    published = published[["task", "published", "outside", "published_p"]]
    for end in ("low", "high"):
        ends = {task: getattr(row, f"ci_{end}") / 100 for task, row in COMPARISONS.items()}
        published[f"published_{end}"] = published["task"].map(ends)
    facts = [runs.facts(task) for task in published["task"]]
    unlike = words.unlike_paper(runs.inits, runs.corpora(), facts)
    return rows.merge(published, on="task", how="left"), unlike


def reservations(runs: Results) -> words.Reservations:
    """Return what speaks against the certainty of a run's clear differences, by task."""
    return runs.workspace.once((reservations, runs.is_reference), lambda: _reservations(runs))


def doubts(runs: Results) -> list[str]:
    """Return sentences on what speaks against a run's clear differences (`reservations`)."""
    units = differences(runs)[0]
    clear = [row["task"] for _, row in units.iterrows() if words.is_clear(row)]
    return words.doubts(clear, names_of(runs), reservations(runs))


def _reservations(runs: Results) -> words.Reservations:
    fragile, removed, effects = {}, {}, longer_training(runs)
    units = differences(runs)[0]
    if any(words.is_clear(row) for _, row in units.iterrows()):
        without = leave_one_pair_out(runs.paired_scores(), *runs.inits)
        lost = (without["p_holm"] >= words.LEVEL).groupby(without["task"]).agg(["sum", "size"])
        fragile = {row.Index: (row.sum, row.size) for row in lost.itertuples() if row.sum}
    if len(effects):
        backbones = runs.predictions("convergence")["backbone"].nunique()
        removed = dict.fromkeys(words.removed_by_longer_training(effects), backbones)
    return words.Reservations(
        nameless=[t for t in runs.tasks if runs.facts(t).dataset.independence == "image"],
        grown=runs.is_reference and bool(runs.reference and runs.reference.facts.added),
        fragile=fragile,
        removed=removed,
    )


def longer_training(runs: Results) -> pd.DataFrame:
    """Return what longer fine-tuning changed; empty for stand-ins or without that study.

    Rows are differences of `rin.stats.factor_effects` at the levels `fixed` and `converged`.
    """
    if "convergence" not in runs.studies or runs.stand_ins():
        return pd.DataFrame()
    effects = factor_effects(runs.predictions("convergence"), runs.inits, ("fixed", "converged"))
    return effects.query("group == 'all' and quantity == 'difference'")


def side_by_side(models: Mapping[str, pd.DataFrame], names: Mapping[str, str]) -> pd.DataFrame:
    """Return a table of several estimates of the same tasks: a row per task, a column per model.

    The first of the `models` determines the tasks; other models may have fewer.
    """
    cells = {
        model: format_estimate(rows.set_index("task"), unit="points")
        for model, rows in models.items()
    }
    table = pd.DataFrame(cells).reindex(list(next(iter(cells.values())).index))
    table.insert(0, "Task", table.index.map(names))
    return table.fillna("–").reset_index(drop=True)


def exclusions(
    tests: pd.DataFrame,
    published: pd.DataFrame,
    names: Mapping[str, str],
    *,
    stand_ins: Collection[str] = (),
) -> pd.DataFrame:
    """Return a table of excluded differences, one row per task, without P values for stand-ins.

    `tests` is a table of `rin.stats.equivalence_tests`, `published` a table of `beside_published`.
    """
    interval = tests.drop_duplicates("task")
    columns = {"Difference (90% CI)": format_estimate(interval.set_index("task"), unit="points")}
    if not stand_ins:
        for margin, rows in tests.groupby("margin"):
            adjusted = rows.set_index("task")["p_holm"].map(format_p)
            columns[f"Beyond ±{100 * margin:.0f} points"] = adjusted
    if len(published):
        stated = published.set_index("task")
        sizes = [format_number(100 * size, 1, signed=True) for size in stated["published"]]
        columns["In the paper"] = pd.Series(sizes, stated.index)
    if len(published) and not stand_ins:
        columns["As in the paper"] = stated["p_holm"].map(format_p)
    table = pd.DataFrame(columns).reindex(interval["task"]).fillna("–")
    table.insert(0, "Task", table.index.map(names))
    return table.reset_index(drop=True)


def one_left_out(
    across: pd.DataFrame, without: pd.DataFrame, posterior: pd.DataFrame, names: Mapping[str, str]
) -> pd.DataFrame:
    """Return a table of how far a result depends on one pair of networks, or on a prior.

    `across` is a table of `pretraining_differences`, `without` of `leave_one_pair_out`, and
    `posterior` of `posterior_differences`.
    """
    moved = without["moved"].abs().fillna(0.0).groupby(without["task"])  # NaN for a single pair
    farthest = without.loc[moved.idxmax()]
    models = {"All pairs": across, "Without the pair that matters most": farthest}
    table = side_by_side(models | {"Posterior mean": posterior}, names)
    pair = farthest.set_index("task").reindex(across["task"])
    left_out = pair["backbone"].astype(str) + ", no. " + pair["pretraining"].astype(str)
    table.insert(2, "Pair left out", left_out.to_numpy())
    above = posterior.set_index("task")["above"].reindex(across["task"])
    table["Probability above zero"] = above.map("{:.2f}".format).replace("nan", "–").to_numpy()
    return table


def three_bands(runs: Results, name: str = "This book") -> pd.DataFrame:
    """Return the differences of the three bands, in AUC points; `name` is the name of the run.

    The paper's differences are as printed. One other group's are pooled; below them are those of
    further groups, in AUC and with an error. A task of the run has a row for these networks on
    new patients and, if there are several pretrainings, a row with the pretraining as the unit.
    """
    names = short_names(runs)
    units, networks = differences(runs)
    units = units[[words.has_interval(row) for _, row in units.iterrows()]]
    marks = "dots: new patients"
    if len(units):
        marks = "diamonds, numbers: pretraining as the unit; " + marks
    of_run = pd.concat([networks.assign(kind="networks"), units.assign(kind="pretrainings")])
    of_run[[*ESTIMATE_AND_INTERVAL]] *= 100
    order = list(names)
    of_run = of_run.sort_values("task", key=lambda task: task.map(order.index), kind="stable")
    of_run["label"] = of_run["task"].map(names)
    printed = pd.DataFrame(COMPARISONS.values()).assign(kind="published")
    printed["label"] = printed["task"].map(names)
    questions = {"the paper's questions": "paper's questions", "all": "all questions"}
    pooled = pooled_fine_tuned().loc[[*questions]]
    pooled["label"] = [
        f"One group, {questions[row.Index]} ({row.k})" for row in pooled.itertuples()
    ]
    single = other_groups().query("standard_error.notna()")
    single = single[single["metric"].isin(AUC_POINTS)]
    frozen = np.where(single["setting"] == "frozen", ", frozen", "")
    single["label"] = single["data"].str.partition(",")[0].str.capitalize() + frozen
    others = pd.concat([pooled, single]).assign(kind="independent")
    bands = {
        "The paper: RadImageNet − ImageNet": printed,
        "Others: RadImageNet − ImageNet": others,
        f"{name} ({marks})": of_run,
    }
    table = pd.concat([rows.assign(group=band) for band, rows in bands.items()])
    return table[["group", "label", "kind", *ESTIMATE_AND_INTERVAL]].reset_index(drop=True)


def headline(bands: pd.DataFrame) -> Axes:
    """Draw the three bands on one axis."""
    return forest(
        bands,
        xlabel="AUC points (95% CI)",
        ends=("photographs higher", "radiologic higher"),
        limits=(-17, 17),
        legend=False,
    )
