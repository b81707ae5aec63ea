"""Sentences with cases for the pages of results, like those of `rin.report.words`.

Functions take rows of `rin.stats`, and `stand_ins` if they could name a winner: for stand-ins they
return numbers or an empty string, and no verdict.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pandas as pd

from rin.errors import counted, join_with_and
from rin.report.format import format_estimate, format_number, format_p
from rin.report.style import init_style
from rin.report.words import (
    LEVEL,
    across_what,
    direction,
    has_interval,
    is_clear,
    no_verdict,
    number,
    on_tasks,
    points,
    signed_range,
    verdict,
)
from rin.stats.clinical import DIVERGED_SD

#: Sentences that pages show where one on pairs, pretrainings or files does not apply.
FEW_PAIRS = "With fewer than three pairs of networks, leaving one out says little."
ONE_PRETRAINING = "Each backbone was pretrained once, so one pretraining cannot be compared."
PATIENTS_NAMED = "The files of every task name their patients, or the exams that stand for them."


def sides(
    inits: tuple[str, str], *, better: str = "ahead", stand_ins: Collection[str] = ()
) -> tuple[str, str]:
    """Return labels for left and right of zero in a figure: ``("Photographic ahead", …)``.

    For stand-ins they only say which number is higher.
    """
    word = "higher" if stand_ins else better
    a, b = (init_style(init).short for init in inits)
    return f"{b} {word}", f"{a} {word}"


def if_real(text: str, *, stand_ins: Collection[str] = ()) -> str:
    """Return a text on findings, or an empty string for stand-ins."""
    return "" if stand_ins else text


def minus(inits: tuple[str, str]) -> str:
    """Return the name of a difference within a sentence: ``radiologic − photographic``."""
    return " − ".join(init_style(init).word for init in inits)


def answer_on_task(
    across: Any, alone: Any, inits: tuple[str, str], *, stand_ins: Collection[str] = ()
) -> str:
    """Return the first sentences of a task's page.

    One pair of networks, or an unusable interval, allows no verdict on pretraining.

    Parameters
    ----------
    across, alone : the task's rows of `pretraining_differences` and of `init_differences`
    inits, stand_ins : as for `verdict`
    """
    pairs, scope = int(across["pairs"]), across_what(across["pretrainings"])
    if stand_ins:
        first = _sentence(no_verdict(stand_ins))
    elif pairs == 1:
        first = "One pair of networks shows nothing about other pretrainings"
    elif not has_interval(across):
        first = f"Too few networks for a verdict {scope}"
    else:
        first = _sentence(f"{verdict(across, inits)} {scope}")
    difference = f"the difference {minus(inits)} in AUC is"
    of_networks = f"{points(alone)}{_adjusted_p(alone, stand_ins)}."
    if pairs == 1:
        return (
            f"**{first}.** For these networks alone, on new patients, {difference} {of_networks}"
        )
    return (
        f"**{first}** ({pairs} pairs of networks): {difference} {points(across)}"
        f"{_adjusted_p(across, stand_ins)}. For these networks alone, on new patients: "
        f"{of_networks}"
    )


def _adjusted_p(row: Any, stand_ins: Collection[str]) -> str:
    """Return the P value that follows an estimate, or an empty string for stand-ins."""
    return "" if stand_ins else f", adjusted {format_p(row['p_holm'])}"


def _sentence(text: str) -> str:
    """Return a text with its first letter capitalised, and the rest unchanged."""
    return text[:1].upper() + text[1:]


def most_influential(across: Any, without: pd.DataFrame) -> str:
    """Return how much one pair of networks matters, or an empty string for fewer than three pairs.

    `without` has a row for each pair that is left out: its backbone and pretraining, and the
    estimate from the other pairs.
    """
    if across["pairs"] < 3:
        return ""
    row = without.loc[(without["estimate"] - across["estimate"]).abs().idxmax()]
    pair = f"{row['backbone']}, pretraining {int(row['pretraining'])}"
    return f"Without the pair of networks that matters most ({pair}) it is {points(row)}."


def near_chance(n: int, total: int) -> str:
    """Return how many networks rank cases no better than chance."""
    if n == 0:
        return f"All {total} networks have an AUC above 0.5."
    return f"{n} of {total} networks did no better than chance (AUC of at most 0.5)."


def diverged(networks: pd.DataFrame, inits: tuple[str, str]) -> str:
    """Return how many networks diverged, from a table of `rin.stats.diverged_networks`."""
    counts = diverged_counts(networks, inits)
    if not networks["diverged"].any():
        return f"Training diverged for {counts}."
    return (
        f"Training diverged for {counts}: the log-odds of a fold have an SD of "
        f"{DIVERGED_SD:.0f} or more, or are all the same."
    )


def diverged_counts(networks: pd.DataFrame, inits: tuple[str, str]) -> str:
    """Return how many of how many networks diverged, and of which initialisation."""
    n, total = int(networks["diverged"].sum()), len(networks)
    if n == 0:
        return f"none of {total} networks"
    by_init = networks[networks["diverged"]]["init"].value_counts()
    shares = join_with_and(f"{by_init.get(init, 0)} {init_style(init).word}" for init in inits)
    return f"{n} of {total} networks ({shares})"


def without_diverged(networks: pd.DataFrame) -> str:
    """Return what columns without diverged networks leave out; an empty string for nothing."""
    pairs = networks.groupby(["task", "network"])["diverged"].any()
    if not pairs.any():
        return ""
    if pairs.all():
        return "Without them no pair is left."
    return (
        f"The columns without them leave out {pairs.sum()} of {len(pairs)} pairs, as the other "
        "network of a pair goes with it."
    )


def differences_by_task(
    across: pd.DataFrame,
    alone: pd.DataFrame,
    inits: tuple[str, str],
    names: Mapping[str, str],
    *,
    stand_ins: Collection[str] = (),
) -> str:
    """Return on which tasks differences are clear: across pretrainings, and for these networks.

    `names` has the name of each task for use in a sentence.
    """
    if stand_ins:
        reason = _sentence(no_verdict(stand_ins))
        return f"**{reason}.** The figure shows differences and intervals, which are no findings."
    pairs = int(across["pairs"].max())
    first = "Each task has one pair of networks, which shows nothing about other pretrainings."
    if pairs > 1:
        scope = _sentence(across_what(across["pretrainings"].max()))
        first = (
            f"{scope} ({pairs} pairs of networks a task), the difference "
            f"{minus(inits)} is distinguishable from zero, after adjustment, on "
            f"{_clear_tasks(across, inits, names, 'ahead')}."
        )
    of_networks = _clear_tasks(alone, inits, names, "higher")
    return f"{first} For these networks alone, on new patients, it is on {of_networks}."


def _clear_tasks(
    rows: pd.DataFrame, inits: tuple[str, str], names: Mapping[str, str], word: str
) -> str:
    """Return the tasks of clear differences by side: ``COVID-19 (radiologic ahead)``."""
    tasks_of: dict[str, list[str]] = {}
    for _, row in rows.iterrows():
        if is_clear(row):
            tasks_of.setdefault(direction(row, inits), []).append(names[row["task"]])
    by_side = [
        f"{tasks_named(tasks, len(rows))} ({side} {word})" for side, tasks in tasks_of.items()
    ]
    return join_with_and(by_side) if by_side else "no task"


def tasks_named(names: Iterable[str], total: int) -> str:
    """Return names of tasks for use in a sentence, or ``all six tasks`` or ``no task``."""
    tasks = [*names]
    if len(tasks) == total > 1:
        return "both tasks" if total == 2 else f"all {number(total)} tasks"
    return join_with_and(tasks) if tasks else "no task"


def backbones_tested(tests: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return the result of tests of backbone × initialisation; a high P shows no likeness.

    `tests` is a table of `rin.stats.pretrainings.backbone_tests`; if it has no P value, the result
    is an empty string.
    """
    made = tests.dropna(subset="p_value")
    if made.empty:
        return ""
    clear = made.query("p_holm < @LEVEL")["task"]
    differing = tasks_named(map(names.get, clear), len(made))
    df = " to ".join(f"{number:.0f}" for number in sorted({*made["df_2"].agg(["min", "max"])}))
    return (
        f"The mean difference depends on the backbone (backbone × initialisation, an approximate "
        f"F test, Holm) on {differing}. With {df} denominator degrees of freedom this test finds "
        f"only large differences: a high P value is no evidence that backbones are alike."
    )


def zero_inside(models: Mapping[str, pd.DataFrame]) -> str:
    """Return whether intervals of the same differences by several models include zero.

    A model without intervals, as with few networks, is left out.
    """
    known = {name: rows.dropna(subset="ci_low") for name, rows in models.items()}
    known = {name: rows for name, rows in known.items() if len(rows)}
    inside = pd.DataFrame(
        {name: rows.eval("ci_low <= 0 <= ci_high").to_list() for name, rows in known.items()}
    )
    positive = pd.DataFrame(
        {name: (rows["estimate"] > 0).to_list() for name, rows in known.items()}
    )
    if inside.empty:
        return "One pair of networks has no interval."
    if inside.all(axis=None):
        return "No model changes this: all intervals include zero."
    if not inside.any(axis=None):
        return "No model changes this: all intervals exclude zero."
    if (inside.nunique(axis=1) == 1).all():
        n = on_tasks(int(inside.iloc[:, 0].sum()), len(inside))
        text = f"No model changes on which tasks the interval includes zero ({n})."
        if turned := int((positive.nunique(axis=1) > 1).sum()):
            text += f" The estimate changes its sign {on_tasks(turned, len(inside))}."
        return text
    counts = join_with_and(f"{inside[name].sum()} ({name})" for name in inside)
    return f"Models disagree: of {len(inside)} intervals, zero is inside {counts}."


def margins_excluded(
    tests: pd.DataFrame, names: Mapping[str, str], *, stand_ins: Collection[str] = ()
) -> str:
    """Return the tasks on which a difference of each margin is excluded (`equivalence_tests`)."""
    if stand_ins:
        return f"The tests show how exclusion is read: {no_verdict(stand_ins)}."
    parts = []
    for margin, rows in tests.groupby("margin"):
        tasks = tasks_named(map(names.get, rows["task"][rows["equivalent"]]), len(rows))
        parts.append(f"of {100 * margin:.0f} points or more on {tasks}")
    return f"Across pretrainings, a difference is excluded: {'; '.join(parts)}."


def spread_of_trainings(spread: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return the SD between trainings on each task, with its interval.

    `spread` is a table of `rin.stats.training_spread` by task: sd, sd_low and sd_high.
    """
    return join_with_and(
        f"{row.sd:.1f} points on {names[row.Index]} (95% CI {row.sd_low:.1f}, {row.sd_high:.1f})"
        for row in (100 * spread[["sd", "sd_low", "sd_high"]]).itertuples()
    )


def changes_between(rows: pd.DataFrame) -> str:
    """Return the range of changes of a mean AUC: ``+0.4 to +5.4 points``."""
    return f"{signed_range(rows)} points"


def one_pair_matters(
    across: pd.DataFrame,
    without: pd.DataFrame,
    names: Mapping[str, str],
    *,
    stand_ins: Collection[str] = (),
) -> str:
    """Return what leaving out one pair changes: the largest move, and verdicts that hang on it.

    `across` has one row per task, `without` one row for each pair that is left out
    (`rin.stats.leave_one_pair_out`).
    """
    if without["moved"].isna().all():
        return "No task has two pairs of networks."
    row = without.loc[without["moved"].abs().idxmax()]
    pair = f"{row['backbone']}, pretraining {int(row['pretraining'])}"
    before = across.set_index("task").loc[row["task"], "estimate"]
    start = format_number(100 * before, 1, signed=True)
    text = f"One pair matters most on {names[row['task']]}: without {pair}, {start} becomes "
    text += f"{points(row)}."
    if stand_ins:
        return text
    total = without.groupby("task").size()
    for _, clear in across[across["p_holm"] < 0.05].iterrows():
        task = clear["task"]
        lost = (without.loc[without["task"] == task, "p_holm"] >= 0.05).sum()
        hangs = "stays below .05 without any one pair"
        if lost:
            hangs = f"is .05 or more without any one of {lost} of {total[task]} pairs"
        text += (
            f" On {names[task]} the difference, {points(clear)}, is clear; its adjusted P {hangs}."
        )
    outside = without.assign(outside=~without.eval("ci_low <= 0 <= ci_high"))
    outside = outside[outside["ci_low"].notna()].groupby("task", sort=False)["outside"].sum()
    inside = across.set_index("task").eval("ci_low <= 0 <= ci_high").reindex(outside.index)
    tasks = outside.index[(outside > 0) & inside]
    if len(tasks) == 0:
        return f"{text} No interval that includes zero excludes it without one pair."
    parts = join_with_and(
        f"{names[task]} ({outside[task]} of {total[task]} pairs)" for task in tasks
    )
    return f"{text} Zero is inside the interval, and outside it without one pair, on {parts}."


def within_unfreezing(
    across: pd.DataFrame,
    alone: pd.DataFrame,
    inits: tuple[str, str],
    names: Mapping[str, str],
    *,
    stand_ins: Collection[str] = (),
) -> str:
    """Return how many differences within one unfreezing are clear.

    `across` and `alone` have one row per task and unfreezing (`group`); `names` has the names of
    both.
    """
    if stand_ins:
        return f"{_sentence(no_verdict(stand_ins))}."
    clear = [row for _, row in across.iterrows() if is_clear(row)]
    places = [
        f"{names[row['task']]}, {names[row['group']]} ({direction(row, inits)} higher)"
        for row in clear
    ]
    n = sum(is_clear(row) for _, row in alone.iterrows())
    scope = _sentence(across_what(across["pretrainings"].max()))
    return (
        f"{scope}, {len(clear) or 'none'} of {len(across)} differences within one "
        f"unfreezing {'is' if len(clear) < 2 else 'are'} distinguishable from zero (Holm over the "
        f"tasks){': ' + '; '.join(places) if places else ''}. For these networks alone, "
        f"{number(n) if n else 'none'} {'is' if n < 2 else 'are'}."
    )


def depends_on_unfreezing(tests: pd.DataFrame | None, names: Mapping[str, str]) -> str:
    """Return the tasks on which a difference depends on the layers that are trained.

    `tests` is a table of `rin.stats.unfreezing_interaction`, or None for one unfreezing.
    """
    if tests is None:
        return "Every scenario of this run trains the same layers, so it has no test of that."
    tasks = tasks_named(map(names.get, tests["task"][tests["p_holm"] < LEVEL]), len(tests))
    return (
        f"For these networks the difference depends on the unfreezing (test of interaction, Holm) "
        f"on {tasks}. The learning rates also depend on the unfreezing, so this is not an effect "
        f"of the layers alone."
    )


def enough_patients(rows: pd.DataFrame) -> str:
    """Return which test sets are large enough for a statement about these networks.

    `rows` has `name`, `patients`, and `needed`, the patients needed to detect two points, or NaN
    where nothing tells.
    """
    known = rows["needed"].notna()
    enough = known & (rows["patients"] >= rows["needed"])
    large, small, unknown = (
        join_with_and(rows["name"][those]) for those in (enough, known & ~enough, ~known)
    )
    if not known.any():
        return f"How many patients would detect two points cannot be told on {unknown}."
    start = "For a statement about these networks there are"
    if enough[known].all():
        said = f"{start} enough patients to detect two points, on {large}."
    elif not enough.any():
        said = f"{start} too few patients to detect two points, on {small}."
    else:
        said = f"{start} enough patients to detect two points on {large}, and too few on {small}."
    return said if known.all() else f"{said} On {unknown} it cannot be told."


def gains_at_rate(
    rows: pd.DataFrame, names: Mapping[str, str], *, stand_ins: Collection[str] = ()
) -> str:
    """Return what pretraining changes compared with random weights at one learning rate.

    `rows` has one row per task and init (`kind`): its estimate, `p_holm`, `learning_rate`, and
    `auc_b`, the mean AUC of random weights.
    """
    (rate,) = rows["learning_rate"].unique()
    start = f"At a learning rate of {rate:g}, random weights reach mean AUCs of "
    start += _range(rows["auc_b"])
    if stand_ins:
        low, high = (
            format_number(100 * end, 1, signed=True)
            for end in rows["estimate"].agg(["min", "max"])
        )
        return f"{start}; the differences from them are {low} to {high} points."
    clear = rows[rows["p_holm"] < LEVEL]
    changes = {"gain": clear[clear["estimate"] > 0], "loss": clear[clear["estimate"] < 0]}
    parts = [_largest_of(kind, some, names) for kind, some in changes.items() if len(some)]
    listing = f": {join_with_and(parts)}" if parts else ""
    return (
        f"{start}; {len(clear) or 'none'} of {len(rows)} differences from "
        f"them, for these networks on new patients, {'is' if len(clear) < 2 else 'are'} "
        f"distinguishable from zero{listing}."
    )


def _largest_of(kind: str, rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return how many gains or losses there are, and the largest: ``one loss (−11.7 …)``."""
    row = rows.loc[rows["estimate"].abs().idxmax()]
    size = format_estimate(row, unit="points")
    text = f"{size}, {init_style(row['kind']).word} weights on {names[row['task']]}"
    if len(rows) == 1:
        return f"one {kind} ({text})"
    return f"{number(len(rows))} {kind}{'s' if kind == 'gain' else 'es'} (the largest: {text})"


def _range(aucs: pd.Series) -> str:
    """Return the range of some AUCs: the smallest and the largest, or one number if they agree."""
    return " to ".join(dict.fromkeys(f"{auc:.2f}" for auc in (aucs.min(), aucs.max())))


def spread_of_aucs(aucs: pd.DataFrame) -> str:
    """Return the range of the AUCs behind a mean, and how many networks rank the wrong way round.

    `aucs` has one row per network: `auc` and its interval.
    """
    if len(aucs) == 1:
        return "It is that of one network."
    text = f"It is the mean of {number(len(aucs))} networks with AUCs of {_range(aucs['auc'])}"
    n = int((aucs["ci_high"] < 0.5).sum())
    if n == 0:
        return f"{text}."
    verb = "ranks" if n == 1 else "rank"
    return f"{text}, {number(n)} of which {verb} cases the wrong way round (interval below 0.5)."


def beside_largest(effect: Any, largest: float, *, stand_ins: Collection[str] = ()) -> str:
    """Return whether an effect, by its interval, exceeds the paper's largest difference (points).

    `effect` is a row of an estimate: the change of a mean AUC.
    """
    if stand_ins:
        return ""
    low, high = 100 * effect["ci_low"], 100 * effect["ci_high"]
    there = f"the largest difference in the paper ({largest:.1f} points)"
    if high < -largest:
        return f"The loss is larger than {there}."
    if low > -largest:
        return f"The loss is smaller than {there}."
    return f"The interval of the loss includes {there}."


def same_direction(kept: int, total: int) -> str:
    """Return how many tasks kept the sign of their difference: ``Direction unchanged on …``."""
    if kept == 0:
        return f"Direction reversed {on_tasks(total, total)}"
    return f"Direction unchanged {on_tasks(kept, total)}"


def excluding_zero(rows: pd.DataFrame) -> str:
    """Return how many intervals exclude zero: ``8 of 10 intervals exclude zero``."""
    n, total = int((~rows.eval("ci_low <= 0 <= ci_high")).sum()), len(rows)
    if total == 1:
        return f"the interval {'excludes' if n else 'includes'} zero"
    if n == 0:
        return f"all {total} intervals include zero"
    if n == total:
        return f"all {total} intervals exclude zero"
    return f"{n} of {total} intervals exclude{'s' if n == 1 else ''} zero"


def beside_baselines(rows: pd.DataFrame) -> str:
    """Return whether activation maps show lesions better than a region drawn without the image.

    `rows` is a table of `rin.stats.against_baselines`: maps minus the best image-blind region.
    """
    won, lost, total = (rows["ci_low"] > 0).sum(), (rows["ci_high"] < 0).sum(), len(rows)
    if lost == total:
        name = "An ellipse" if rows["baseline"].str.contains("ellipse").all() else "A region"
        return f"{name} drawn without seeing the image beats the maps in all {total} comparisons."
    return (
        f"The maps beat the best region drawn without seeing the image in "
        f"{won or 'none'} of {total} comparisons (one for each task, initialisation and measure), "
        f"and the region beats the maps in {lost or 'none'}."
    )


def overlap_differences(
    rows: pd.DataFrame, inits: tuple[str, str], names: Mapping[str, str]
) -> str:
    """Return the tasks on which an interval of an overlap measure excludes zero, with the side."""
    clear = rows[~rows.eval("ci_low <= 0 <= ci_high")]
    places = [
        f"{names[row['task']]} ({direction(row, inits)} higher)" for _, row in clear.iterrows()
    ]
    return join_with_and(places) if places else "no task"


def confounders_followed(
    rows: pd.DataFrame, inits: tuple[str, str], names: Mapping[str, str]
) -> str:
    """Return which confounders separate the initialisations, and which mislead all networks.

    `rows` has one row per confounder (`level`) and task: the estimate in the reversed test,
    `auc_a` and `auc_b`.  A confounder separates the initialisations if their AUCs are more than
    twenty points apart on each of its tasks; it misleads all networks if both AUCs are below 0.1.
    """
    far = rows["estimate"].abs().groupby(rows["level"]).min() > 0.2
    misled = rows.groupby("level")[["auc_a", "auc_b"]].max().max(axis=1) < 0.1
    parts = []
    for level in far[far].index:
        some = rows[rows["level"] == level]
        aucs = " and ".join(
            f"{_range(some[name])} ({init_style(init).word})"
            for name, init in zip(("auc_a", "auc_b"), inits, strict=True)
        )
        parts.append(f"With “{names[level]}” the AUCs are far apart: {aucs}.")
    rest = rows.loc[~rows["level"].map(far), "estimate"]
    if len(rest):
        ends = (format_number(100 * end, 1, signed=True) for end in (rest.min(), rest.max()))
        where = "elsewhere" if parts else "in all tests"
        parts.append(f"The difference is {' to '.join(dict.fromkeys(ends))} points {where}.")
    for level in misled[misled].index:
        aucs = rows.loc[rows["level"] == level, ["auc_a", "auc_b"]].stack()
        parts.append(
            f"With “{names[level]}” all AUCs are {_range(aucs)}, as every network follows the "
            f"confounder in nearly every image: this test cannot tell the initialisations apart."
        )
    return " ".join(parts)


def example_of_test(row: Any, inits: tuple[str, str], *, stand_ins: Collection[str] = ()) -> str:
    """Return what a live page says about its test: a verdict, or that it shows how a test is done.

    `row` has the estimate and `p_value`.
    """
    p = format_p(row["p_value"])
    if stand_ins:
        return f"{p}, which only shows how a test is done: {no_verdict(stand_ins)}"
    return f"{p}: {verdict(dict(row) | {'p_holm': row['p_value']}, inits)}"


def own_metric(
    means: pd.Series, shift: Mapping[str, float], specificity: float, units: str, replicates: int
) -> str:
    """Return the result of a reader's own metric: the sensitivity by init, and the difference.

    `means` has the means over scenarios, `shift` is the result of `rin.stats.bootstrap_interval`;
    `units` states what was resampled, and how many.
    """
    shares = " and ".join(
        f"{share:.0%} from {init_style(init).word} weights" for init, share in means.items()
    )
    return (
        f"At {specificity:.0%} specificity the networks find of the cancers {shares}, averaged "
        f"over scenarios: a difference of **{format_estimate(shift, unit='points')}** points. The "
        f"interval resamples {units}, {replicates} times: enough to show how, too few to cite. "
        "The page of the task has the interval of 1,000 resamples."
    )


def by_t_test(test: Any, effect: float, within: float, normal: float, units: str) -> str:
    """Return the result on Dice scores of a paired t test, its effect size, and two more tests.

    `test` is the result of `rin.stats.paired_t`; `within` and `normal` are the P values of the
    equivalence test and of Shapiro's test; `units` states the number of units.
    """
    return (
        f"Over {units} the mean difference is {format_estimate(test, unit='points')} points of "
        f"Dice ({format_p(test.p_value)}, Cohen's d {effect:.2f}); the test of equivalence within "
        f"±5 points gives {format_p(within)}. Shapiro's test of the differences gives "
        f"{format_p(normal)}; with so many, the t test needs only their mean to be normal. The "
        "networks are held fixed; other pretrainings may differ."
    )


# One task.


def no_interval(row: Any) -> str:
    """Return a note that a difference over patients has no interval; "" if it has one."""
    if math.isfinite(row["ci_low"]):
        return ""
    return (
        "**No interval over patients can be given**, because a fold tests only one patient of a "
        "class; results that need intervals are left out below."
    )


def mean_aucs_of_task(row: Any, inits: tuple[str, str], unit: str, networks: int) -> str:
    """Return the mean AUCs of both sides, and their images; `row` is of `init_differences`.

    A scenario of several of the `networks` counts once, in contrast to a mean over networks.
    """
    a, b = (init_style(init).word for init in inits)
    of_patients = ""
    if row["n_patients"] < row["n_cases"]:
        of_patients = f" of {counted(int(row['n_patients']), f'{unit}s')}"
    over = f"Over {counted(int(row['n_scenarios']), 'scenarios')}"
    if networks > len(inits) * row["n_scenarios"]:
        over += ", each the mean of its pretrainings,"
    return (
        f"{over} the mean AUC is "
        f"{row['auc_a']:.2f} ({a}) and {row['auc_b']:.2f} ({b}), on "
        f"{row['n_cases']:,.0f} test images{of_patients}."
    )


def few_of_a_class(n: int, least: int = 10) -> str:
    """Return a warning if one class has few test patients, otherwise an empty string."""
    if n >= least:
        return ""
    have = "patient: too few" if n == 1 else "patients: too few"
    return f"The rarer class has only {number(n)} {have} to rely on intervals."


def nameless(unit: str) -> str:
    """Return what it means that files name no patients (`unit` image), or an empty string."""
    if unit != "image":
        return ""
    return (
        "The files name no patients: images of one patient may be on both sides of the split, "
        "which makes AUCs optimistic, and every image counts as a patient, which makes intervals "
        "too narrow."
    )


def two_points_mean(auc: float, before: float, after: float) -> str:
    """Return how many more of 100 positive cases two points of AUC detect at 90% specificity."""
    return (
        "What two points of AUC mean: if scores were normally distributed with the same spread in "
        f"both classes, raising the AUC from {auc:.2f} to {auc + 0.02:.2f} would detect "
        f"{after - before:.1f} more of 100 positive cases at 90% specificity ({after:.0f} in "
        f"place of {before:.0f})."
    )


def detected_by(sensitivity: pd.Series, inits: tuple[str, str]) -> str:
    """Return how many of 100 positive cases each side detected; `sensitivity` is by init."""
    a, b = (f"{100 * sensitivity[init]:.0f} ({init_style(init).word})" for init in inits)
    return f"These networks detected {a} and {b}."


# All tasks.


def files_without_patients(tasks: Iterable[str]) -> str:
    """Return the tasks whose files name no patients, and the consequence; "" without tasks."""
    names = [*tasks]
    if not names:
        return ""
    return (
        f"The files of {join_with_and(names)} name no patients. Images of one patient may "
        "therefore be on both sides of the split, which makes AUCs optimistic, and each image "
        "counts as a patient, which makes intervals too narrow."
    )


def pairs_tested(across: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return the tasks on which Cochran's Q rejects one difference common to all pairs."""
    unlike = across["task"][across["q_holm"] < LEVEL].map(names)
    return (
        "A difference common to all pairs is rejected (Cochran’s Q, Holm over the tasks) on "
        f"{tasks_named(unlike, len(across))}."
    )


def moved_by_pretraining(pairs: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return how far a backbone's difference moved between pretrainings; "" with one of each.

    `pairs` has one row per task, backbone and pretraining.
    """
    of_backbone = pairs.groupby(["task", "backbone"])["estimate"]
    if of_backbone.size().max() == 1:
        return ""
    moved = 100 * (of_backbone.max() - of_backbone.min())
    return (
        f"From one pretraining to another, the difference of one backbone changed by up to "
        f"{moved.max():.1f} points ({names[moved.idxmax()[0]]}). The SD of pretrainings is that "
        "of a pair beside its backbone and seed, and contains the chance of fine-tuning."
    )


def scatter_of_scenarios(
    networks: pd.DataFrame, aucs: pd.DataFrame, names: Mapping[str, str]
) -> str:
    """Return the SD of AUCs beside the mean difference, and how many are at chance or below.

    `networks` are rows of `init_differences`, one per task; `aucs` is a table of `scenario_aucs`.
    """
    sds = 100 * networks[["sd_a", "sd_b"]]
    failed = aucs.query("auc <= 0.5")["task"].map(names).value_counts()
    places = join_with_and(f"{n} on {name}" for name, n in failed.items()) if len(failed) else ""
    below = int((aucs["ci_high"] < 0.5).sum())
    chance = near_chance(int(failed.sum()), len(aucs)).removesuffix(".")
    return (
        f"Over scenarios, AUCs have an SD of {sds.min(axis=None):.0f} to {sds.max(axis=None):.0f} "
        "points; the mean AUCs of the initialisations differ by at most "
        f"{100 * networks['estimate'].abs().max():.1f} points. "
        f"{chance}{f': {places}' if places else ''}. An interval wholly below 0.5 was found for "
        f"{below or 'none'}; if all networks were at chance, {0.025 * len(aucs):.0f} such "
        "intervals would be expected."
    )
