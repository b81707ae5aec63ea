"""Sentences that have cases: functions that take rows of estimates and return text.

A page that says who is ahead calls a function here, so that each case (ahead, behind, mixed, one
task, one pair of networks, nothing clear) is written once and tested on made-up rows.  Rows are
those of `rin.stats`: AUCs as fractions, first initialisation minus second, `p_holm` adjusted over
tasks. Where images or weights are stand-ins (`Results.stand_ins`), no function says which is
ahead.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from rin.errors import counted, join_with_and
from rin.evidence.paper import COMPARISONS
from rin.models.backbones import BACKBONES
from rin.report.banner import image_kind
from rin.report.format import format_interval, format_number, inline_title
from rin.report.style import init_style
from rin.stats import equivalence_tests
from rin.study.opened import TaskFacts
from rin.study.profile import Pretraining

#: Adjusted P value (Holm) below which a difference is called clear.
LEVEL = 0.05
#: Differences of AUCs are between −1 and 1; an interval wider than half that range is useless.
WIDEST = 1.0
#: Differences of AUCs that would matter, and a small one; two one-sided tests may exclude them.
RELEVANT, SMALL = 0.05, 0.02
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Reservations:
    """What speaks against the certainty of a run's clear differences, by task.

    `nameless` are tasks whose files name no patients; `grown` is whether pairs of networks were
    added after results had been looked at; `fragile` has the number of pairs without any one of
    which a difference is not clear, and of all pairs; `removed` the number of backbones with which
    longer fine-tuning left no difference.
    """

    nameless: Collection[str] = ()
    grown: bool = False
    fragile: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)


NO_RESERVATIONS = Reservations()


def number(n: int) -> str:
    """Return a count as written in prose: ``six``, and ``12`` above ten."""
    return _NUMBERS[n] if 0 <= n < len(_NUMBERS) else f"{n:,}"


def on_tasks(n: int, total: int) -> str:
    """Return a phrase on how many tasks: ``on all six tasks``, ``on the one task``."""
    if total == 1:
        return "on the one task" if n else "not on the one task"
    if n == total:
        return "on both tasks" if n == 2 else f"on all {number(n)} tasks"
    return f"on {number(n) if n else 'none'} of {number(total)} tasks"


def pretraining_name(init: str) -> str:
    """Return an initialisation as the subject of a sentence: ``photographic pretraining``."""
    word = init_style(init).word
    if init == "random":
        return "random initialisation"
    return word if word[:1].isupper() else f"{word} pretraining"


def direction(row: Any, inits: tuple[str, str]) -> str:
    """Return which side an estimate is on, clear or not: ``radiologic``, or ``neither``."""
    if math.isnan(row["estimate"]) or row["estimate"] == 0:
        return "neither"
    return init_style(inits[0 if row["estimate"] > 0 else 1]).word


def is_clear(row: Any) -> bool:
    """Return whether a difference is clear: adjusted P below `LEVEL`."""
    return bool(row["p_holm"] < LEVEL and row["estimate"] != 0)


def has_interval(row: Any) -> bool:
    """Return whether an estimate has a usable interval.

    One pair of networks has no interval; two pairs have one with a single degree of freedom, which
    may extend beyond every possible difference.
    """
    low, high = row["ci_low"], row["ci_high"]
    return math.isfinite(low) and math.isfinite(high) and high - low <= WIDEST


def points(row: Any) -> str:
    """Return a signed difference with its interval: ``+1.4 points (−2.0, 4.8)``."""
    text = f"{format_number(100 * row['estimate'], 1, signed=True)} points"
    if math.isnan(row["ci_low"]):
        return f"{text} (no interval)"
    if not has_interval(row):
        return f"{text} (no usable interval)"
    return f"{text} {format_interval(100 * row['ci_low'], 100 * row['ci_high'], 1)}"


def ahead_by(row: Any) -> str:
    """Return the lead of the side that is ahead, unsigned: ``8.6 points (5.2, 12.0)``."""
    size = 100 * abs(row["estimate"])
    text = f"{format_number(size, 1)} points"
    if not has_interval(row):
        return text
    ends = [100 * row["ci_low"], 100 * row["ci_high"]]
    low, high = ends if row["estimate"] > 0 else (-ends[1], -ends[0])
    return f"{text} {format_interval(low, high, 1)}"


def no_verdict(stand_ins: Collection[str]) -> str:
    """Return why there is no verdict: ``no verdict, as the weights are stand-ins``."""
    return f"no verdict, as the {join_with_and(sorted(stand_ins))} are stand-ins"


def verdict(row: Any, inits: tuple[str, str], *, stand_ins: Collection[str] = ()) -> str:
    """Return the verdict on a difference of AUCs.

    It is ``radiologic ahead``, ``no clear difference`` or, for stand-ins, that there is no
    verdict.

    Parameters
    ----------
    row : with `estimate` and `p_holm`
    inits : the two initialisations; the estimate is first minus second
    stand_ins : what consists of stand-ins, `images` or `weights` (`Results.stand_ins`)

    Examples
    --------
    >>> from rin.report.words import verdict
    >>> verdict({"estimate": -0.1, "p_holm": 0.001}, ("radiologic", "photographic"))
    'photographic ahead'
    >>> verdict({"estimate": -0.1, "p_holm": 0.001}, ("radiologic", "photographic"),
    ...         stand_ins=["weights"])
    'no verdict, as the weights are stand-ins'
    """
    if stand_ins:
        return no_verdict(stand_ins)
    return f"{direction(row, inits)} ahead" if is_clear(row) else "no clear difference"


def deciding(pretrainings: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Return for every task the row on which its verdict is based, with its `unit`.

    This is the row of `rin.stats.pretraining_differences` (unit `pretrainings`) or, if that has no
    usable interval, as for one pair of networks, of `rin.stats.init_differences` (`networks`).
    """
    alone = networks.query("group == 'all'").set_index("task") if len(networks) else networks
    rows = []
    for _, row in pretrainings.iterrows():
        if has_interval(row) or row["task"] not in alone.index:
            rows.append(row.to_dict() | {"unit": "pretrainings"})
        else:
            sizes = {name: row[name] for name in ("task", "pairs", "backbones", "pretrainings")}
            rows.append(alone.loc[row["task"]].to_dict() | sizes | {"unit": "networks"})
    return with_exclusion(pd.DataFrame(rows))


def with_exclusion(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows, one per task, with `equivalent`: whether a `RELEVANT` difference is excluded.

    And with `within_small`, whether a `SMALL` one is. By two one-sided tests, adjusted over the
    tasks (`rin.stats.equivalence_tests`).
    """
    excluded = {
        name: equivalence_tests(rows, [margin])["equivalent"].to_numpy()
        for name, margin in {"equivalent": RELEVANT, "within_small": SMALL}.items()
    }
    return rows.assign(**excluded)


def finding(
    rows: pd.DataFrame,
    names: Mapping[str, str],
    inits: tuple[str, str],
    *,
    unlike_paper: str = "",
    stand_ins: Collection[str] = (),
    reservations: Reservations = NO_RESERVATIONS,
    exclusions: bool = True,
    doubts_follow: bool = False,
) -> str:
    """Return the finding of a run: what is excluded, who is ahead, on which tasks and by how much.

    Parameters
    ----------
    rows : rows of `deciding`, one per task; with the columns that `papers_difference` reads if the
        paper's differences are to be compared
    names : name of each task for use in a sentence
    inits : the two initialisations; estimates are first minus second
    unlike_paper : how the run differs from the paper's (from the function `unlike_paper`)
    stand_ins : what consists of stand-ins (`Results.stand_ins`); the finding is then numbers only
    reservations : what speaks against the certainty of a clear difference
    exclusions : whether it begins with `what_is_excluded`
    doubts_follow : whether `doubts` follow elsewhere, and are only pointed to

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.report.words import finding
    >>> row = {"task": "breast", "estimate": -0.095, "ci_low": -0.148, "ci_high": -0.043}
    >>> row |= {"p_holm": 0.01, "unit": "pretrainings", "pairs": 10, "pretrainings": 3}
    >>> row |= {"equivalent": False, "within_small": False}
    >>> finding(pd.DataFrame([row]), {"breast": "lesions"}, ("radiologic", "photographic"))
    'Photographic pretraining is ahead on lesions, by 9.5 points (4.3, 14.8), across pretrainings.'
    """
    if stand_ins:
        a, b = (init_style(init).word for init in inits)
        reason = no_verdict(stand_ins).capitalize()
        if len(rows) == 1:
            return f"{reason}. Difference {a} − {b}: {points(rows.iloc[0])}."
        every = on_tasks(len(rows), len(rows))
        return f"{reason}. Differences {a} − {b} {every}: {signed_range(rows)} points."
    leads = _leads(rows, inits)
    clear = rows[[is_clear(row) for _, row in rows.iterrows()]]
    sentences = what_is_excluded(rows, names) if exclusions else []
    if leads:
        against = doubts([*clear["task"]], names, reservations)
        ahead = _ahead(leads, rows, names)
        if doubts_follow:
            sentences.append(f"{ahead}{RESERVED}." if against else f"{ahead}.")
        else:
            sentences += [f"{ahead}.", *against]
        sentences += _others(rows.drop(clear.index), inits)
    else:
        sentences += _nothing_clear(rows, names)
        if not rows["equivalent"].any():
            size = f"a difference of {100 * RELEVANT:.0f} points"
            sentences.append(f"The run was too small to tell: {size} is not excluded.")
    sentences += papers_difference(rows, names, unlike_paper, listed=False)
    return " ".join([*sentences, *_limits_of_unit(rows)])


def across_what(pretrainings: float) -> str:
    """Return the population that pairs of networks sample, given the pretrainings per backbone.

    With one pretraining each, as of released weights, variation between pretrainings is unknown.
    """
    return "across pretrainings" if pretrainings > 1 else "across backbones"


def _scope(rows: pd.DataFrame) -> str:
    """Return the scope of verdicts: new pretrainings, new backbones, or these networks."""
    if "networks" in {*rows["unit"]}:
        return "for these networks alone, on new patients"
    return across_what(rows["pretrainings"].max())


def _limits_of_unit(rows: pd.DataFrame) -> list[str]:
    alone = rows[rows["unit"] == "networks"]
    if alone.empty:
        return []
    pairs = int(alone["pairs"].max())
    subject = "One pair of networks" if pairs == 1 else "This"
    return [f"{subject} says nothing about other pretrainings."]


def signed_range(rows: pd.DataFrame) -> str:
    """Return the range of signed estimates in points: ``−10.9 to −9.1``."""
    ends = 100 * rows["estimate"].min(), 100 * rows["estimate"].max()
    texts = [format_number(end, 1, signed=True) for end in ends]
    return " to ".join(dict.fromkeys(texts))


def answer(rows: pd.DataFrame, inits: tuple[str, str], *, reserved: bool = False) -> str:
    """Return a run's answer to the book's question: who is ahead, on how many tasks, by how much.

    `rows`, one per task, are those of `deciding`; `reserved` says that `doubts` follow elsewhere.

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.report.words import answer
    >>> row = {"task": "breast", "estimate": -0.095, "p_holm": 0.01, "unit": "pretrainings"}
    >>> answer(pd.DataFrame([row]), ("radiologic", "photographic"))
    'In this run, photographic pretraining is ahead by 9.5 points of AUC.'
    """
    total, parts = len(rows), []
    for init, led in _leads(rows, inits).items():
        sizes = 100 * led["estimate"].abs()
        ends = [format_number(size, 1) for size in (sizes.min(), sizes.max())]
        where = "" if total == 1 else f" {on_tasks(len(led), total)},"
        size = " to ".join(dict.fromkeys(ends))
        parts.append(f"{_lead(init, rows)}{where} by {size} points of AUC")
    if not parts:
        where = "" if total == 1 else f" on any of the {number(total)} tasks"
        return f"In this run, no difference is clear{where}."
    return f"In this run, {'; '.join(parts)}{', with reservations' if reserved else ''}."


def _leads(rows: pd.DataFrame, inits: tuple[str, str]) -> dict[str, pd.DataFrame]:
    """Return, of each init that is clearly ahead anywhere, the rows in which it is."""
    clear = rows[[is_clear(row) for _, row in rows.iterrows()]]
    leads = {inits[0]: clear[clear["estimate"] > 0], inits[1]: clear[clear["estimate"] < 0]}
    return {init: led for init, led in leads.items() if len(led)}


def _lead(init: str, rows: pd.DataFrame) -> str:
    """Return who is ahead, where an init is: its pretraining, or these networks alone."""
    if "networks" in {*rows["unit"]}:
        return f"the {init_style(init).word} networks are ahead"
    return f"{pretraining_name(init)} is ahead"


def _ahead(leads: Mapping[str, pd.DataFrame], rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return who is ahead on which tasks and by how much, or that tasks disagree if both are."""
    total, parts = len(rows), []
    for init, led in leads.items():
        lead = _lead(init, rows)
        if total == 1:
            row = led.iloc[0]
            parts.append(f"{lead} on {names[row['task']]}, by {ahead_by(row)}")
        else:
            tasks = [f"{names[row['task']]} by {ahead_by(row)}" for _, row in led.iterrows()]
            parts.append(f"{lead} {on_tasks(len(led), total)}: {join_with_and(tasks)}")
    text = "; ".join(parts)
    opening = f"The tasks disagree: {text}" if len(parts) > 1 else text[0].upper() + text[1:]
    return f"{opening}, {_scope(rows)}"


#: Follows a clear difference where `doubts` are elsewhere, below it.
RESERVED = ", with the reservations below"


def doubts(
    clear: Collection[str], names: Mapping[str, str], reservations: Reservations
) -> list[str]:
    """Return reservations about tasks with a clear difference; an empty list if there are none."""
    sentences = []
    nameless = [names[task] for task in clear if task in reservations.nameless]
    if nameless:
        files = f"The files of {join_with_and(nameless)} name no patients"
        narrow = "the interval is" if len(nameless) == 1 else "the intervals are"
        sentences.append(f"{files}, so that {narrow} too narrow.")
    if clear and reservations.grown:
        sentences.append(
            "Pairs of networks were added one by one and the results looked at each time, for "
            "which neither P values nor exclusions allow."
        )
    for task in clear:
        if task in reservations.fragile:
            lost, total = reservations.fragile[task]
            sentences.append(
                f"On {names[task]} adjusted P is .05 or more without any one of {lost} of {total} "
                "pairs."
            )
        if task in reservations.removed:
            few = number(reservations.removed[task])
            backbones = "backbone" if few == "one" else "backbones"
            sentences.append(
                f"With longer fine-tuning of {few} {backbones} no clear difference was left on "
                f"{names[task]}."
            )
    return sentences


def _others(others: pd.DataFrame, inits: tuple[str, str]) -> list[str]:
    """Return a sentence on the tasks without a clear difference, if other tasks have one."""
    if others.empty:
        return []
    numbers = signed_range(others)
    if len(others) == 1:
        return [f"On the other task no difference is clear (estimate {numbers})."]
    sides = {direction(row, inits) for _, row in others.iterrows()}
    if len(sides) == 1:
        numbers += f", all on the {sides.pop()} side"
    count = number(len(others))
    return [f"On the other {count} no difference is clear (estimates {numbers})."]


def _nothing_clear(rows: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    total, opening = len(rows), f"No clear difference {_scope(rows)}"
    if total == 1:
        row = rows.iloc[0]
        return [f"{opening}, on {names[row['task']]}: {points(row)}."]
    usable = rows[[has_interval(row) for _, row in rows.iterrows()]]
    beside = usable.query("ci_low > 0 or ci_high < 0")
    where = on_tasks(len(usable) - len(beside), total)
    including = usable.drop(beside.index) if len(beside) < len(usable) else rows
    sentences = [
        f"{opening}: {where} the 95% interval includes no difference "
        f"(estimates {signed_range(including)} points)."
    ]
    if len(beside):
        tasks = join_with_and(
            f"{names[row['task']]}, {points(row)}" for _, row in beside.iterrows()
        )
        sentences.append(f"It does not on {tasks}; adjusted for all tasks, P is .05 or more.")
    return sentences


def what_is_excluded(rows: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """Return where a `RELEVANT` difference is excluded, and a `SMALL` one; empty if nowhere.

    `rows`, one per task, are those of `with_exclusion`, with `unit`.
    """
    tasks = [names[task] for task in rows["task"][rows["equivalent"]]]
    n, total, n_small = len(tasks), len(rows), int(rows["within_small"].sum())
    if n == 0:
        return []
    text = f"A difference of {100 * RELEVANT:.0f} points or more is excluded"
    if "networks" in {*rows["unit"]}:
        text = f"For these networks, {text[0].lower()}{text[1:]}"
    small = f"One of {100 * SMALL:.0f} points"
    if total == 1:
        return [f"{text}.", f"{small} is too." if n_small else f"{small} is not."]
    small = f"{small} is excluded {on_tasks(n_small, total)}."
    where = on_tasks(n, total)
    if n == total:
        return [f"{text} {where}.", small]
    others = [names[task] for task in rows["task"][~rows["equivalent"]]]
    if len(others) >= n:
        where = f"{where} ({join_with_and(tasks)})"
        others = ["the others" if len(others) > 1 else "the other"]
    return [f"{text} {where}; on {join_with_and(others)} the run was too small for that.", small]


def papers_difference(
    rows: pd.DataFrame, names: Mapping[str, str], unlike_paper: str, *, listed: bool = True
) -> list[str]:
    """Return where the paper's own difference is outside the interval; an empty list without it.

    `rows` may have `published` (NaN where the paper has no difference), `outside`, and
    `published_p`, the adjusted P value of the test against it. The tasks are `listed` with the
    paper's differences, or only counted.
    """
    if "published" not in rows:
        return []
    stated = rows[(rows["unit"] == "pretrainings") & rows["published"].notna()]
    if stated.empty:
        return []
    apart = stated[stated["outside"].astype(bool)]
    although = f", with {unlike_paper}" if unlike_paper else ""
    difference = "The paper's own difference, taken as exact,"
    if apart.empty:
        every = on_tasks(len(stated), len(stated))
        return [f"{difference} lies within the 95% interval {every}{although}."]
    tasks = join_with_and(
        f"{format_number(100 * row['published'], 1, signed=True)} on {names[row['task']]}"
        for _, row in apart.iterrows()
    )
    kept = int((apart["published_p"] < LEVEL).sum())
    adjusted = "" if kept == len(apart) else f"adjusted for all tasks, {_kept_apart(kept)}"
    details = "; ".join(filter(None, [tasks if listed else "", adjusted]))
    where = on_tasks(len(apart), len(stated)) + (f" ({details})" if details else "")
    return [f"{difference} lies outside the 95% interval {where}{although}."]


def papers_interval(rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return where the paper's interval overlaps with one that excludes its difference.

    `rows` are those of `papers_difference`, with `published_low` and `published_high`.
    """
    apart = rows[(rows["unit"] == "pretrainings") & rows["outside"].fillna(False).astype(bool)]
    shared = apart.query("published_low <= ci_high and ci_low <= published_high")["task"]
    if shared.empty:
        return ""
    tasks = join_with_and(names[task] for task in shared)
    return f"The paper's interval, over ways of fine-tuning, overlaps with it on {tasks}."


def _kept_apart(n: int) -> str:
    return f"P is below .05 on {number(n)}" if n else "P is .05 or more"


def unlike_paper(
    inits: Sequence[str], corpora: Mapping[str, str], facts: Sequence[TaskFacts]
) -> str:
    """Return how a run on the paper's tasks differs from the paper's run: ``other weights``."""
    kinds = [image_kind(task) for task in facts]
    n_other = sum(kind != "real" for kind in kinds)
    weights = ["other weights"] if any(init in corpora for init in inits) else []
    images = "other images" if n_other == len(kinds) else "partly other images"
    return " and ".join([*weights, images] if n_other else weights)


def starred(table: pd.DataFrame, *, stand_ins: Collection[str] = ()) -> pd.Series:
    """Return differences as cells, ``+1.4 (0.8, 2.0)*``, with an asterisk for a clear difference.

    Stand-ins get no asterisk, and an unusable interval is a dash.
    """
    cells = []
    for _, row in table.iterrows():
        ends = (row["ci_low"], row["ci_high"]) if has_interval(row) else (math.nan, math.nan)
        interval = format_interval(100 * ends[0], 100 * ends[1], 1)
        text = f"{format_number(100 * row['estimate'], 1, signed=True)} {interval}"
        cells.append(f"{text}*" if is_clear(row) and not stand_ins else text)
    return pd.Series(cells, index=table.index, dtype=object)


def run_name(is_reference: bool) -> str:
    """Return the name of the run that a page is about."""
    return "This book" if is_reference else "Your run"


def weights_compared(
    inits: Sequence[str], corpora: Mapping[str, str], unverified: Sequence[str] = ()
) -> str:
    """Return which weights were compared: networks pretrained here, or released ones.

    `corpora` has the title of each init's corpus (`Results.corpora`); inits without a corpus are
    released weights, which are in doubt for the networks `unverified`
    (`Results.unverified_weights`).
    """
    doubt, are = "", "are the released ones"
    if unverified:
        are = "go by the names of the released ones"
        doubt = (
            f" Nothing shows that those of {join_with_and(unverified)} are what they are called."
        )
    released = [init_style(init).short for init in inits if init not in corpora]
    if not released:
        return "Networks were pretrained here; the released weights were not tested."
    if len(released) < len(inits):
        text = (
            f"Networks of one side were pretrained here; {join_with_and(released)} is as released."
        )
        return text + doubt
    return f"The weights {are}: {join_with_and(released)}.{doubt}"


def weights_limit(inits: Sequence[str], corpora: Mapping[str, str]) -> str:
    """Return what the weights of a run allow one to conclude about the paper."""
    here = [corpora[init] for init in inits if init in corpora]
    if not here:
        return (
            "Weights: one training of each backbone on either source, as released. How much "
            "another training would change cannot be seen."
        )
    held = " or on ".join(title.partition(", ")[2] or title for title in here)
    text = f"Other weights: networks were pretrained here on {held}."
    if len(here) == len(inits):
        text += (
            " No released weights were compared, so this run can neither confirm nor refute what "
            "the paper says of RadImageNet. The profile `paper` compares them once the files are "
            "in the data folder."
        )
    return text


def mean_aucs(networks: pd.DataFrame) -> str:
    """Return the range of mean AUCs of both sides over tasks: ``0.59 to 0.91``."""
    both = networks[["auc_a", "auc_b"]].stack()
    return " to ".join(dict.fromkeys(f"{end:.2f}" for end in (both.min(), both.max())))


def inputs_limit(alike: bool) -> str:
    """Return how inputs were prepared in the two arms."""
    arms = "both arms got identical preprocessing"
    if not alike:
        arms = "each arm got the preprocessing of its own weights"
    return f"Inputs: {arms} ([What the inputs alone do](results/inputs) has its effect)."


def unequal_learning(accuracy: Mapping[str, float], inits: Sequence[str]) -> str:
    """Return how well each kind of network learnt its corpus; accuracies in percent."""
    (a, first), (b, second) = ((init_style(init).word, accuracy[init]) for init in inits)
    text = (
        f"the {a} networks classified {first:.0f}% of the test images of their corpus correctly, "
        f"the {b} ones {second:.0f}%"
    )
    if abs(first - second) < 5:
        return f"Learning: {text}."
    return (
        f"Unequal learning: {text}. A difference may therefore reflect how much was learnt rather "
        "than what was shown."
    )


def longer_training(effects: pd.DataFrame, names: Mapping[str, str], backbones: int) -> str:
    """Return how longer fine-tuning changed the differences of these networks.

    `effects` are rows `difference` of `rin.stats.factor_effects` at the levels `fixed` and
    `converged`, all scenarios.
    """
    before, after = (
        effects.query("level == @level").set_index("task") for level in ("fixed", "converged")
    )
    steps = []
    for task in before.index:
        start = format_number(100 * before.loc[task, "estimate"], 1, signed=True)
        steps.append(f"{start} became {points(after.loc[task])} on {names[task]}")
    lost = [names[task] for task in removed_by_longer_training(effects)]
    text = (
        f"With longer fine-tuning of {number(backbones)} "
        f"{'backbone' if backbones == 1 else 'backbones'} and one pretraining, "
        f"{join_with_and(steps)} (intervals over patients, exploratory)."
    )
    if lost:
        text += f" It thus removed the difference of these networks on {join_with_and(lost)}."
    return text


def removed_by_longer_training(effects: pd.DataFrame) -> list[str]:
    """Return the tasks whose interval includes zero after longer fine-tuning, but not before.

    `effects` are those of `longer_training`.
    """
    zero = effects.assign(zero=effects.eval("ci_low <= 0 <= ci_high"))
    levels = zero.pivot(index="task", columns="level", values="zero")
    return [*levels.index[levels["converged"] & ~levels["fixed"]]]


def transfer(rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return the differences on images of other hospitals, or an empty string without rows.

    `rows` is a table of `rin.stats.pretraining_differences`, one row per task.
    """
    if rows.empty:
        return ""
    texts = join_with_and(f"{points(row)} for {names[row['task']]}" for _, row in rows.iterrows())
    return (
        f"On images of another hospital the difference is {texts}, with the pretraining as the "
        "unit (not adjusted)."
    )


def own_run_aside(
    tasks: Sequence[str], stand_ins: Collection[str], parts: Collection[str] = ()
) -> str:
    """Return why the book is not mainly about one's own tasks, or an empty string if it is.

    `parts` names the part of its dataset that a task read, for tasks that did not read the whole.
    """
    if not tasks or not (stand_ins or parts):
        return ""
    reason = f"carries {no_verdict(stand_ins)}" if stand_ins else "does not count as the whole"
    reason += f", of which it read only a part ({join_with_and(parts)})" if parts else ""
    where = "its numbers are on the pages of its tasks"
    return f"Your own run of {join_with_and(tasks)} {reason}; {where}."


def committed_run(text: str) -> str:
    """Return a list item on the run that comes with the book, to follow one's own."""
    return f"- *Beside it, the run that comes with this book:* {text}"


def unnamed_patients(n_tasks: int) -> str:
    """Return the note, marked by a dagger, on files without patients; "" if all name patients."""
    if not n_tasks:
        return ""
    return (
        "† The files name no patients: images of one patient may be on both sides of the split, "
        "which makes AUCs optimistic, and every image counts as a patient, which makes intervals "
        "too narrow."
    )


def short_pretraining(least: float, most: float) -> str:
    """Return how many points validation accuracy changed in the last epoch of pretraining."""
    low, high = (format_number(value, 1, signed=True) for value in (least, most))
    if most <= 0:
        return f"Pretraining: in its last epoch, validation accuracy changed by {low} to {high}."
    return (
        "Short pretraining: in its last epoch, accuracy on validation images still changed by "
        f"{low} to {high} points."
    )


def short_fine_tuning(last: float) -> str:
    """Return how many networks were still learning; `last` in percent, NaN with one epoch."""
    if math.isnan(last):
        return "Fine-tuning: every network was trained for one epoch."
    return (
        f"Fine-tuning: of the networks trained for more than one epoch, {last:.0f}% had their "
        "lowest validation loss in the last."
    )


def images_limit(facts: Sequence[TaskFacts]) -> str:
    """Return the kinds of images of the tasks, and how many of the paper's tasks have none."""
    kinds = {"stand-in": 0, "substitute": 0, "another cut": 0, "real": 0}
    for task in facts:
        kinds[image_kind(task)] += 1
    phrases = {
        "real": "have the images of the named dataset",
        "substitute": "have open substitutes for the paper's images",
        "another cut": "have another cut of the paper's own images",
        "stand-in": "have made-up images",
    }
    parts = [
        f"{number(n)} {phrases[kind].replace('have', 'has' if n == 1 else 'have', 1)}"
        for kind, n in kinds.items()
        if n
    ]
    n_paper, of_paper = len(COMPARISONS), sum(task.name in COMPARISONS for task in facts)
    text = f"Images: of {counted(len(facts), 'tasks')}, {join_with_and(parts)}."
    if of_paper < n_paper:
        text += (
            f" For {number(n_paper - of_paper)} of the paper's {number(n_paper)} tasks there are "
            "no images here."
        )
    return text


def question_asked(inits: Sequence[str], corpora: Mapping[str, str]) -> str:
    """Return what a run's question is about: corpora of its own, or released weights."""
    here = [init for init in inits if init in corpora]
    if len(here) == len(inits):
        return (
            "two smaller corpora of equal size, one radiologic and one photographic. The released "
            "RadImageNet weights have not been compared, so the results bear on the question and "
            "not on those weights"
        )
    released = [init_style(init).short for init in inits if init not in corpora]
    return f"released weights ({join_with_and(released)})"


def tasks_covered(tasks: Sequence[str]) -> str:
    """Return how many of the paper's tasks, and how many others, a run has results for."""
    of_paper = sum(task in COMPARISONS for task in tasks)
    count = number(of_paper) if of_paper else "none"
    text = f"{count} of the paper's {number(len(COMPARISONS))} tasks"
    more = len(tasks) - of_paper
    return f"{text} and of {number(more)} more" if more else text


def range_of(values: Iterable[float]) -> str:
    """Return the range of some numbers: ``75 to 112``, or ``75`` for equal numbers."""
    values = [*values]
    return " to ".join(dict.fromkeys(f"{end:,}" for end in (min(values), max(values))))


def phases_differ(inits: Sequence[str], corpora: Mapping[str, str]) -> str:
    """Return how the last two phases of a run differ from the paper's."""
    if not any(init in corpora for init in inits):
        return "Pretraining is the published one: its weights are loaded."
    return (
        "The corpora of pretraining differ in their subject, but also in difficulty and contrast, "
        "so a difference between the initialisations cannot be attributed to the subject alone."
    )


def architectures(backbones: Sequence[str]) -> str:
    """Return what the last two phases of a run share with the paper's, and other backbones.

    `backbones` are those of the run.
    """
    others = [name for name in backbones if name not in BACKBONES]
    n_paper = len(backbones) - len(others)
    shared = "the ways of unfreezing and the learning rates are the paper's"
    if not others:
        return f"In the other two, the architectures, {shared}."
    if not n_paper:
        return f"In the other two, {shared}; the architectures are not: {join_with_and(others)}."
    alike = f"so {'is' if n_paper == 1 else 'are'} {number(n_paper)} of {number(len(backbones))}"
    added = f"{join_with_and(others)} {'is' if len(others) == 1 else 'are'} added here"
    return f"In the other two, {shared}, and {alike} architectures; {added}."


def corpora_here(n: int) -> str:
    """Return the number of corpora that a run was pretrained on, for a table."""
    return counted(n, "corpora") if n else "not built here"


def pretraining_here(n_networks: int, settings: Pretraining | None) -> str:
    """Return how a run's networks were pretrained, for a table; without settings, as released."""
    if settings is None:
        return "released weights are loaded"
    return (
        f"{counted(n_networks, 'pretrainings')} from random weights, {settings.size} px, "
        f"{counted(settings.epochs, 'epochs')}"
    )


def ultrasound_seen(corpus_title: str) -> str:
    """Return whether a radiologic corpus has ultrasound, judged by its title."""
    has = "includes" if "ultrasound" in corpus_title.lower() else "has no"
    return f"The radiologic one {has} ultrasound"


def images_tested(row: Any, unit: str) -> str:
    """Return how many images, of how many patients, a difference was measured on.

    `row` has `n_cases` and `n_patients`; `unit` is the independent unit, `image` where no patients
    are named.
    """
    images = counted(int(row["n_cases"]), "test images")
    if unit == "image":
        return images
    return f"{images} of {counted(int(row['n_patients']), f'{unit}s')}"


def few_patients(n: int, least: int = 10) -> str:
    """Return a warning if the rarer class has few test patients, otherwise an empty string."""
    if n >= least:
        return ""
    return (
        f"The rarer class has {counted(n, 'patients')} in the test: with so few, intervals are "
        "too narrow, and a large difference may be chance."
    )


def difference_name(inits: Sequence[str]) -> str:
    """Return the name of a difference: ``Radiologic − photographic``."""
    return f"{init_style(inits[0]).short} − {init_style(inits[1]).word}"


# Published evidence.


def directions(rows: pd.DataFrame, *, brief: bool = False) -> str:
    """Return a summary of studies: how many clearly favour each side, and whether they agree.

    A `brief` summary leaves the counts out. `rows` are comparisons with `study` and `side`
    (`RadImageNet`, `ImageNet`, `neither`; an empty string where the source has no test), as
    returned by `rin.evidence.replications.other_groups`.
    """
    sides = rows.groupby("study")["side"].agg(set)
    if sides.empty:
        return "No study by another group is known."
    ahead = {
        side: sum(side in of for of in sides)
        for side in ("RadImageNet", "ImageNet")
        if any(side in of for of in sides)
    }
    untested = sum(of == {""} for of in sides)
    unclear = sum("neither" in of and not of & set(ahead) for of in sides)
    leads = [f"{side} {{}}in {number(n)}" for side, n in ahead.items()]
    parts = [lead.format("" if i else "is clearly ahead ") for i, lead in enumerate(leads)]
    if unclear:
        parts.append(f"no difference is clear in {number(unclear)}")
    if untested:
        verb = "have" if untested > 1 else "has"
        parts.append(f"{number(untested)} {verb} no test over patients")
    together = {
        0: "none of them shows a clear difference",
        1: f"where a difference is clear, it favours {next(iter(ahead), '')}",
        2: "they have no common direction",
    }[len(ahead)]
    studies = "study" if len(sides) == 1 else "studies"
    if brief:
        return f"{number(len(sides)).capitalize()} {studies} by other groups: {together}."
    return (
        f"Of {number(len(sides))} {studies} by other groups, {join_with_and(parts)}: {together}."
    )


def equivalence(called: Sequence[str], equal: Sequence[str], margin: float) -> str:
    """Return on which of the tasks that the paper calls comparable equivalence is shown.

    `called` contains the titles of these tasks with results, `equal` the titles of those within
    the `margin` (points) for new patients; this says nothing about other pretrainings.
    """
    if not called:
        return "This book has no results for the tasks that the paper calls comparable."
    within = f"within ±{margin:g} points"
    has = "Of the tasks that the paper calls comparable, this book has results for "
    has += join_with_and(map(inline_title, called))
    if not equal:
        return f"{has}; for none of them is equivalence {within} shown, even for these networks."
    shown = f"{has}. For {join_with_and(map(inline_title, equal))} equivalence {within} is shown "
    shown += "for these networks on new patients only: "
    return shown + "another pretraining of the same networks may differ by more."


def what_to_do(
    across: pd.DataFrame,
    pairs: pd.DataFrame,
    names: Mapping[str, str],
    inits: Sequence[str],
    *,
    stand_ins: Collection[str] = (),
    reserved: bool = False,
) -> str:
    """Return three pieces of advice: which weights to try, how to feed them, how to judge.

    `across` has one row per task, with the pretraining as the unit and `equivalent`
    (`with_exclusion`); `pairs` is a table of `rin.stats.pair_differences`, which shows how far a
    backbone's difference moved from one pretraining to another.  For stand-ins the advice comes
    without findings.  A clear difference is `reserved` if `doubts` speak against its certainty.
    """
    outcome = example = ""
    moved = pairs.groupby(["task", "backbone"])["estimate"].agg(lambda of: of.max() - of.min())
    if not stand_ins:
        outcome = f" {_expected_gain(across, names, inits, reserved)}"
    if len(pairs) > len(moved) and not stand_ins:
        example = (
            " Here the difference of one backbone on one task moved by up to "
            f"{format_number(100 * moved.max(), 1)} points from one pretraining to another."
        )
    return "\n".join(
        [
            f"- **Which weights:** try both on validation images of your own.{outcome}",
            "- **Fed how:** as each file was trained (`rin weights probe FILE`). Wrong inputs, or "
            "images of another size, can change the answer "
            "([What the inputs alone do](results/inputs)).",
            "- **Judged how:** on patients that no network was trained on, with several trainings "
            f"of each, and with an interval over patients.{example}",
        ]
    )


def _expected_gain(
    across: pd.DataFrame, names: Mapping[str, str], inits: Sequence[str], reserved: bool
) -> str:
    """Return which gain is excluded, and which one was found, with the pretraining as the unit."""
    clear = [
        f"{direction(row, inits)} ahead on {names[row['task']]} by {ahead_by(row)}"
        for _, row in across.iterrows()
        if is_clear(row)
    ]
    text = f"Across pretrainings, this run found {join_with_and(clear)}"
    if not clear:
        text = "This run found no task on which one is clearly ahead across pretrainings"
    elif reserved:
        text += RESERVED
    n = int(across["equivalent"].sum())
    if n == 0:
        return f"{text}."
    gain = f"With the networks of this run, a gain of {100 * RELEVANT:.0f} points or more is"
    return f"{gain} excluded {on_tasks(n, len(across))}. {text}."
