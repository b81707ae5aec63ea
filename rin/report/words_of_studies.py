"""Sentences with cases for the pages of side studies, like those of `rin.report.words`.

The subjects are maps and lesions, another hospital, networks trained again, random weights,
inputs, replications of follow-up studies, and tasks with published results only.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from rin.errors import counted, join_with_and
from rin.report.format import format_estimate, format_p
from rin.report.style import init_style
from rin.report.words import no_verdict, number
from rin.report.words_of_results import (
    beside_baselines,
    beside_largest,
    changes_between,
    diverged_counts,
    excluding_zero,
    if_real,
    minus,
    same_direction,
    spread_of_aucs,
    spread_of_trainings,
)
from rin.study.opened import DatasetFacts, TaskFacts

# Maps and lesions.


#: Shown above maps on stand-ins.
STAND_IN_MAPS = (
    "<p><strong>Stand-in images</strong>, drawn by this book, with networks that this computer "
    "trained on such images: they show what a map looks like, and nothing about the lesions of "
    "patients.</p>"
)


def overlap_in_short(
    clear: Mapping[str, str],
    blind: pd.DataFrame,
    backbones: Sequence[str],
    *,
    stand_ins: Collection[str] = (),
) -> str:
    """Return the tasks on which overlap differs, and whether maps beat image-blind regions.

    `clear` names the tasks of each measure (`overlap_differences`); `blind` is a table of
    `rin.stats.against_baselines`; `backbones` are those with maps.
    """
    if stand_ins:
        return (
            f"**{no_verdict(stand_ins).capitalize()}.** The figure shows how overlap is compared."
        )
    return (
        f"For these networks ({join_with_and(sorted(backbones))}, one pretraining), the interval "
        f"of the difference in Dice excludes zero on {clear['dice']}; with a threshold chosen on "
        f"other patients, on {clear['dice_best']}; that of average precision, "
        f"which needs no threshold, on {clear['average_precision']}. {beside_baselines(blind)}"
    )


def pointing_game(hits: pd.DataFrame, inits: tuple[str, str], names: Iterable[str]) -> str:
    """Return how often maps hit the lesion more often than a random cell of their grid.

    `hits` has one column per init, `cell` and `pixel`, in percent; `names` are the names of its
    rows.
    """
    both = hits[list(inits)]
    better = int((both.min(axis=1) > hits["cell"]).sum())
    below = both.max(axis=1) < hits["cell"]
    worse = [f"“{name}”" for name, is_below in zip(names, below, strict=True) if is_below]
    pixel = int((both.max(axis=1) < hits["pixel"]).sum())
    return (
        "Both initialisations hit more often than a random cell of their own grid in "
        f"{better or 'none'} of {counted(len(hits), 'rows')}, and both hit less often in "
        f"{join_with_and(worse) if worse else 'no row'}. Both are below a random *pixel* in "
        f"{pixel or 'none'} of the rows; coarse maps alone can cause this, and only larger images "
        "would show whether the networks contribute."
    )


# Another hospital.


def on_both_test_sets(across: pd.DataFrame, alone: pd.DataFrame, inits: tuple[str, str]) -> str:
    """Return the difference on the internal and the external test set, and how the AUCs fall.

    `across` and `alone` have the rows `internal` and `external`, of `pretraining_differences` and
    of `init_differences`.
    """
    inside, outside = (
        format_estimate(across.loc[name], unit="points") for name in ("internal", "external")
    )
    means = alone[["auc_a", "auc_b"]]
    falls = int((means.loc["external"] < means.loc["internal"]).sum())
    steps = [
        f"from {means.loc['internal', side]:.2f} to {means.loc['external', side]:.2f} "
        f"({init_style(init).word})"
        for side, init in zip(means, inits, strict=True)
    ]
    return (
        f"With the pretraining as the unit, the difference {minus(inits)} is {inside} AUC points "
        f"on the internal test set and {outside} on the external one (each a single test, not "
        "adjusted). From the internal to the external test set the mean AUC falls with "
        f"{('neither', 'one', 'both')[falls]} of the initialisations: {join_with_and(steps)}."
    )


def scored_elsewhere(facts: TaskFacts, site: DatasetFacts, shared: int) -> str:
    """Return which images of another hospital were scored; `shared` counts near-duplicates."""
    near = counted(shared, "pairs of near-duplicates") if shared else "no near-duplicates"
    return (
        f"Every network fine-tuned on {facts.dataset.title.partition(',')[0]} also scored all "
        f"{site.used:,} images of {site.patients:,} patients of {site.title.partition(',')[0]}; "
        f"none of these networks was trained on them. The two datasets share {near}."
    )


def changed_by_hospital(
    alone: Any, across: Any, inits: tuple[str, str], *, stand_ins: Collection[str] = ()
) -> str:
    """Return by how much a difference changes between two test sets.

    `alone` is the result of `change_between`, `across` a row of `pretraining_changes`.
    """
    test = f"; {format_p(alone.p_value)}, a single test"
    return (
        f"For these networks alone, the difference {minus(inits)} changes between the two test "
        f"sets by {format_estimate(alone, unit='points')} points (internal − external"
        f"{if_real(test, stand_ins=stand_ins)}); with the pretraining as the unit it is "
        f"{format_estimate(across, unit='points')}."
    )


# Trained again.


def trained_again(spread: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return how far trainings of a scenario differ; `spread` is of `training_spread`, by task."""
    apart = 1.96 * 2**0.5 * 100 * spread["sd"].min()
    return (
        "**Exploratory.** Between trainings of the same networks, the difference of the "
        "initialisations in a single scenario has a standard deviation (SD) of "
        f"{spread_of_trainings(spread, names)}. Even with the smallest of these estimates, "
        f"differences of two trainings would be {apart:.0f} points or more apart in one case of "
        "twenty, so one training of a scenario supports no verdict."
    )


def brief_accuracy(accuracy: pd.DataFrame, briefly: str, other: str) -> str:
    """Return whether a briefly pretrained network classifies its images as well as the other.

    `accuracy` (0-1) has one row per backbone and a column per init, such as these two.
    """
    both = 100 * accuracy[[briefly, other]].dropna()
    arms = init_style(briefly.removesuffix("_brief")).word, init_style(other).word
    cells = [
        f"{row[briefly]:.0f}% ({backbone}; {arms[1]} {row[other]:.0f}%)"
        for backbone, row in both.iterrows()
    ]
    differences = both[briefly] - both[other]
    text = f"Briefly pretrained, the {arms[0]} network classifies {join_with_and(cells)}"
    verdicts = {
        "about as well": differences.abs() <= 5,
        "less": differences < -5,
        "more": differences > 5,
    }
    backbones = {said: [*both.index[of_it]] for said, of_it in verdicts.items() if of_it.any()}
    equal = backbones.get("about as well", [])
    if len(equal) == len(both):
        return f"{text}: about as well."
    learnt = ", ".join(f"with {join_with_and(names)} {said}" for said, names in backbones.items())
    wanted = "at equal accuracy"
    limit = f"{wanted} with {join_with_and(equal)} alone" if equal else f"not {wanted}"
    return f"{text}: {learnt}, so that the comparison below is {limit}."


def after_brief_pretraining(
    rows: pd.DataFrame, backbones: int, *, stand_ins: Collection[str] = ()
) -> str:
    """Return whether differences keep their sign after a briefer pretraining.

    `rows` has two rows per task: `pretraining` whole and brief.
    """
    text = (
        f"**Exploratory**, with {counted(backbones, 'backbones')}. One initialisation has the "
        "same networks in both rows, so the rows are not independent. A difference that remains "
        "may come from the corpus, or from fewer images and steps."
    )
    if stand_ins:
        return text
    wide = rows.pivot(index="task", columns="pretraining", values="estimate")
    kept = wide["whole"] * wide["brief"] > 0
    return (
        f"{text} {same_direction(int(kept.sum()), len(kept))} after the briefer pretraining; "
        f"{excluding_zero(rows)} (these networks, new patients)."
    )


def after_longer_training(
    shift: pd.DataFrame,
    fits: pd.DataFrame,
    levels: tuple[str, str],
    inits: tuple[str, str],
    names: Mapping[str, str],
) -> str:
    """Return how long training lasted at two levels, and what longer training changes.

    `shift` is a table of `rin.stats.factor_effects`; `fits` has one row per network: level,
    epochs, best_epoch.
    """
    fixed, until = (fits[fits["level"] == level] for level in levels)
    usual, longer = (100 * (x["best_epoch"] == x["epochs"]).mean() for x in (fixed, until))
    moves = shift[shift["quantity"] == "interaction"].set_index("task")
    texts = format_estimate(moves, unit="points")
    changes = join_with_and(f"{text} ({names[task]})" for task, text in texts.items())
    return (
        "**Exploratory.** Networks were trained until the validation loss stopped falling: for "
        f"{until['epochs'].mean():.1f} epochs on average, in place of {fixed['epochs'].max()} at "
        f"most. The validation loss was lowest in the last epoch for {longer:.0f}% of these "
        f"networks, against {usual:.0f}% with the usual epochs. The mean AUC of an initialisation "
        f"changes by {changes_between(shift[shift['quantity'] == 'effect'])}, the difference "
        f"{minus(inits)} by {changes} points. Intervals are over patients: another training, or "
        "other networks, may give other values."
    )


def at_full_size(
    rows: pd.DataFrame, across: pd.DataFrame, networks: pd.DataFrame, inits: tuple[str, str]
) -> str:
    """Return what a few pairs of networks show, with all layers trained and with fewer.

    These are tables of `rin.stats`: `rows` of `init_differences`, `across` of
    `pretraining_differences`, `networks` of `diverged_networks`.
    """
    within = rows[rows["group"] != "all"]
    whole = within["group"] == "unfreeze_all"
    return (
        f"**Exploratory.** With all layers trained, the interval of the difference {minus(inits)} "
        f"is {_sides_of_zero(within[whole])}; with fewer, {_sides_of_zero(within[~whole])}. With "
        "the pretraining as the unit, that of the mean over all scenarios is "
        f"{_sides_of_zero(across)}. Training diverged for {diverged_counts(networks, inits)}."
    )


def effect_of_size(
    rows: pd.DataFrame,
    networks: Mapping[str, pd.DataFrame],
    inits: tuple[str, str],
    names: Mapping[str, str],
) -> str:
    """Return on which tasks the size of the images changes the difference.

    `rows` is a table of `rin.stats.factor_effects`; `networks` has one of
    `rin.stats.diverged_networks` for each of the two sizes, in pixels.
    """
    rows = rows[rows["group"] == "all"].set_index("task")
    change = rows[rows["quantity"] == "interaction"]
    clear = change.index[(change["ci_low"] > 0) | (change["ci_high"] < 0)]
    differences = rows[rows["quantity"] == "difference"]
    first, second = (
        format_estimate(differences[differences["level"] == level], unit="points")
        for level in networks
    )
    moves = [f"from {first[task]} to {second[task]} ({names[task]})" for task in clear]
    changed = f"changes {join_with_and(moves)}" if moves else "changes clearly on no task"
    usual, other = networks
    counts = {level: diverged_counts(of_level, inits) for level, of_level in networks.items()}
    return (
        f"**Exploratory.** With {other} pixels in place of {usual}, the difference {minus(inits)} "
        f"of these networks {changed}. Training diverged for {counts[usual]} with {usual}, for "
        f"{counts[other]} with {other}."
    )


def _sides_of_zero(rows: pd.DataFrame) -> str:
    above, below = int((rows["ci_low"] > 0).sum()), int((rows["ci_high"] < 0).sum())
    return f"above zero in {above or 'none'} and below in {below or 'none'} of {len(rows)}"


# Against random weights.


def inverted_networks(inverted: pd.DataFrame, total: int, names: Mapping[str, str]) -> str:
    """Return which networks rank cases the wrong way round, and how many are expected by chance.

    `inverted` has one row for each network whose interval is below 0.5: task, init, auc, its
    interval, and `score_sd`, the SD of its log-odds.
    """
    text = (
        "An interval wholly below 0.5, as of a network that ranks cases the wrong way round, was "
        f"found for {len(inverted) or 'none'} of {total} networks; {0.025 * total:.1f} would be "
        "expected if all were at chance"
    )
    if inverted.empty:
        return f"{text}."
    listing = "; ".join(
        f"{init_style(row.init).word} weights on “{names[row.task]}”, AUC {row.auc:.2f} "
        f"({row.ci_low:.2f}, {row.ci_high:.2f}), SD of the log-odds {row.score_sd:.2f}"
        for row in inverted.itertuples()
    )
    return (
        f"{text}: {listing}. Where the SD is near zero, a network has learnt nothing yet, and its "
        "random weights decide the sign."
    )


def learnt_shares(accuracy: pd.DataFrame) -> str:
    """Return the range of shares in percent, one column per init, and the consequence."""
    ends = accuracy.agg(["min", "max"]).round()
    shares = [
        f"{' to '.join(dict.fromkeys(f'{end:.0f}' for end in ends[init]))}% "
        f"({init_style(init).word})"
        for init in accuracy
    ]
    return (
        "The share of test images of their own corpus that networks classified correctly is "
        f"{join_with_and(shares)}. A difference between the initialisations may therefore reflect "
        "how much was learnt rather than what. Short fine-tuning also leaves random weights "
        "little time to catch up."
    )


# What the inputs alone do.


def effect_of_inputs(
    title: str, rows: pd.DataFrame, inits: tuple[str, str], *, stand_ins: Collection[str] = ()
) -> str:
    """Return what other inputs changed in each arm, and in the difference, on one task.

    `rows` are those of `rin.stats.factor_effects` over all scenarios, for each `backbone`.
    """
    parts = [
        f"**Exploratory.** On the task “{title}”, networks were given the inputs of the official "
        "scripts in place of those that belong to their weights."
    ]
    changes = []
    for backbone, of_backbone in rows.groupby("backbone", sort=False):
        estimates = of_backbone.set_index(["quantity", "init", "level"])
        parts.append(_effect_on_backbone(backbone, estimates, inits))
        changes.append(estimates.loc[("interaction", "", "")])
    lower, higher = (
        any(row[end] * sign > 0 for row in changes)
        for end, sign in (("ci_high", -1), ("ci_low", 1))
    )
    if lower and higher and not stand_ins:
        parts.append("Inputs alone can thus move a comparison of these networks either way.")
    return " ".join(parts)


def _effect_on_backbone(backbone: str, estimates: pd.DataFrame, inits: tuple[str, str]) -> str:
    """Return the effect on each arm's networks of one backbone, and their difference."""
    fed = {init_style(init).word: estimates.loc[("effect", init, "")] for init in inits}
    changes = [
        f"{format_estimate(row, unit='points')} points for the {word}"
        for word, row in fed.items()
        if not row["same_networks"]
    ]
    alike = [word for word, row in fed.items() if row["same_networks"]]
    unchanged = f"; the {join_with_and(alike)} networks receive the same inputs either way"
    before, after = (
        format_estimate(estimates.loc[("difference", "", level)], unit="points")
        for level in ("native", "official_scripts")
    )
    return (
        f"With {backbone} the mean AUC changed by "
        f"{f'{join_with_and(changes)} networks' if changes else 'nothing'}"
        f"{unchanged if alike else ''}, {minus(inits)} from {before} to {after} points."
    )


def wrong_scale(ratio: float) -> str:
    """Return how much too small or too large inputs are; `ratio` is expected / supplied scale."""
    if 0.95 < ratio < 1.05:
        return "of the right scale"
    times, way = (ratio, "small") if ratio > 1 else (1 / ratio, "large")
    return f"{times:.{1 if times < 10 else 0}f} times too {way}"


def scripts_too_small(ratios: pd.Series) -> str:
    """Return how much too small the inputs of the scripts are, by network."""
    others = ratios.drop("ResNet50")
    return (
        f"In the scripts, the inputs of ResNet50 with ImageNet weights are "
        f"{ratios['ResNet50']:.0f} times too small; those of the other "
        f"{number(len(others))} networks are {others.min():.1f} to {others.max():.1f} times too "
        "small and have red and blue exchanged."
    )


def inputs_too_small(
    ratios: pd.Series,
    mean_auc: float,
    effect: Any,
    aucs: pd.DataFrame,
    largest: float,
    *,
    own_ratio: float,
    released: tuple[float, float] | None = None,
    stand_ins: Collection[str] = (),
) -> str:
    """Return how much too small inputs are, and how the second arm's ResNet50 does with them.

    `ratios` are by network, and `own_ratio` is that of the network that was tried here;
    `mean_auc`, `effect` and `aucs` are of it with these inputs; `released` are how many times too
    small the inputs of its released counterpart are to it, and its mean AUC with those; `largest`
    is the largest difference of the paper, in points.
    """
    (init,) = aucs["init"].unique()
    network = f"the {init_style(init).word} ResNet50"
    tried = f"With such inputs, the mean AUC of {network} is {mean_auc:.2f} here."
    if round(own_ratio) != round(ratios["ResNet50"]):
        tried = (
            f"The networks here expect other inputs: those of the scripts are "
            f"{wrong_scale(own_ratio)} to {network}, whose mean AUC with them is {mean_auc:.2f}."
        )
    parts = [
        scripts_too_small(ratios),
        tried,
        spread_of_aucs(aucs),
        beside_largest(effect, largest, stand_ins=stand_ins),
        f"With the inputs of its released counterpart, {wrong_scale(released[0])}, it has "
        f"{released[1]:.2f}."
        if released
        else "",
        "No number here shows whether the published comparison was run with these scripts, or "
        "what longer training would recover. What does follow is that the comparison should be "
        "repeated with each source's own inputs.",
    ]
    return " ".join(filter(None, parts))


# Small replications.


# Published only.


def published_only(
    names: Iterable[str], gaps: Iterable[float], compared: Iterable[str], *, are_unused: bool
) -> str:
    """Return what is published on some tasks, and which of these tasks others compared.

    `gaps` are the paper's differences in points, `compared` the names of tasks with comparisons
    by others; `are_unused` says that no images of the tasks were used here.
    """
    names, compared, ends = [*names], [*compared], [*gaps]
    first = (
        "Every task of the paper has results in this book; this page shows what is published on "
        "them all."
    )
    if are_unused:
        first = (
            f"No images were used here for {join_with_and(names)}, hence no results are computed."
        )
    span = " to ".join(str(gap) for gap in sorted({min(ends), max(ends)}))
    lacking = [name for name in names if name not in compared]
    others = join_with_and(compared) if compared else "none of them"
    but = f", but not for {join_with_and(lacking)}" if compared and lacking else ""
    return (
        f"{first} On {'this task' if len(names) == 1 else 'these tasks'} the paper reports "
        f"RadImageNet ahead by {span} points of AUC, and independent comparisons that state both "
        f"AUCs were found for {others}{but}."
    )


def where_results_come_from(n_own: int, total: int, computers: Iterable[str], made_on: str) -> str:
    """Return how many tasks have results of this computer, and which computers made the others."""
    sentences = []
    if n_own:
        here = "; ".join(computers) or "not recorded"
        sentences.append(
            f"The results of {n_own} of {counted(total, 'tasks')} come from runs of this computer "
            f"({here})."
        )
    if n_own < total:
        which = "the others" if n_own else "all tasks"
        sentences.append(
            f"The results of {which} come from the reference run ({made_on}). Their statistics "
            "are computed from per-case predictions each time the book is built."
        )
    return " ".join(sentences)
