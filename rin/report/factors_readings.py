"""Sentences that read the page on factors, made from the numbers that they read."""

from __future__ import annotations

import math

import pandas as pd

from rin.report.factors import (
    ALL,
    LEVEL_PHRASES,
    REGIME_WORDS,
    FactorResult,
    scale_ratio,
)
from rin.report.factors_tables import finder
from rin.report.format import format_interval, format_number, format_p
from rin.report.style import init_style

_POINTS = 100
_ALPHA = 0.05


def headline(result: FactorResult) -> str:
    """Return what the factor does to each start, and to their difference, in a few sentences.

    Starts whose scores are the same at both levels are left to `shared_reading`.
    """
    told = [caution(result)] if result.stand_ins else []
    regimes = result.regimes[result.regimes["unfreezing"] != ALL]
    effects = regimes[(regimes["quantity"] == "effect") & ~regimes["same_networks"]]
    for (task, backbone, init), rows in effects.groupby(["task", "backbone", "init"], sort=False):
        told.append(
            f"{result.titles[task]}, {_name(init)} weights of {backbone} "
            f"{_treatment(result, init, backbone)}: {_count(rows)}."
        )
    for one in _widest(result).itertuples():
        scenarios = "one scenario" if one.n_scenarios == 1 else f"{one.n_scenarios} scenarios"
        told.append(f"{result.titles[one.task]}, over {scenarios}: {_moved(result, one)}.")
    if not len(effects):
        told.append("Both levels gave the same scores, so nothing changes.")
    return " ".join(told)


def _treatment(result: FactorResult, init: str, backbone: str) -> str:
    """Return what an init is given at the second level, in place of the first."""
    if result.factor == "resize":
        return "given padded images in place of stretched ones"
    own, other = fed(result).loc[(init, backbone), list(result.levels)]
    return f"fed the scripts' inputs, {_scaled(own, other)} than their own"


def _widest(result: FactorResult) -> pd.DataFrame:
    """Return each task's change of the difference over the most scenarios."""
    changes = result.regimes[result.regimes["quantity"] == "interaction"]
    changes = changes[~changes["same_networks"]]
    ranked = changes.sort_values("n_scenarios", ascending=False, kind="stable")
    return ranked.drop_duplicates("task")


def _moved(result: FactorResult, one: object) -> str:
    """Return the difference between the inits at both levels, and its change."""
    find, (a, b) = finder(result.regimes), map(_name, result.inits)
    parts = [
        f"{_points(find(one.task, one.group, 'difference', '', level))} {LEVEL_PHRASES[level]}"
        for level in result.levels
    ]
    return (
        f"{a} less {b} is {parts[0]} and {parts[1]}; it changes by {_points(one)} points, "
        f"{_holm(one)}"
    )


def caution(result: FactorResult) -> str:
    """Return what is to be said of tasks whose images are stand-ins; empty where all are real."""
    if not result.stand_ins:
        return ""
    names = ", ".join(result.titles[task] for task in sorted(result.stand_ins))
    return f"The images of {names} are stand-ins, so these numbers are no findings."


def fed_readings(result: FactorResult) -> list[str]:
    """Return one sentence an init and backbone: what its inputs are at both levels."""
    told = []
    for (init, backbone), row in fed(result).iterrows():
        own, other = row[result.levels[0]], row[result.levels[1]]
        text = f"{init_style(init).short}, {backbone}: `{own}` inputs"
        if own == other:
            told.append(f"{text} at both levels.")
            continue
        told.append(f"{text} of its own; the scripts feed `{other}`, {_scaled(own, other)}.")
    return told


def fed(result: FactorResult) -> pd.DataFrame:
    """Return the input contract of each init and backbone, one column a level."""
    return result.contracts.pivot(index=["init", "backbone"], columns="level", values="contract")


def _scaled(own: str, other: str) -> str:
    ratio = scale_ratio(own, other)
    return f"{ratio:.3g} times smaller" if ratio > 1 else f"{1 / ratio:.3g} times larger"


def effect_readings(result: FactorResult) -> list[str]:
    """Return one sentence for each mean over scenarios and each init that the factor changes."""
    find, rows = finder(result.regimes), result.regimes
    effects, told = rows[rows["quantity"] == "effect"], []
    tests = int(effects["p_value"].notna().sum())
    for one in effects[~effects["same_networks"]].itertuples():
        areas = [
            f"{format_number(find(one.task, one.group, 'area', one.init, level).estimate)} "
            f"{LEVEL_PHRASES[level]}"
            for level in reversed(result.levels)
        ]
        told.append(
            f"{_where(result, one)}, {_name(one.init)}: {areas[0]} against {areas[1]}, "
            f"{_points(one)} points, {_holm(one)}. {_verdict(one, tests)}"
        )
    return told


def change_readings(result: FactorResult) -> list[str]:
    """Return one sentence for each mean over scenarios: how the difference changes."""
    changes, told = result.regimes[result.regimes["quantity"] == "interaction"], []
    tests = int(changes["p_value"].notna().sum())
    for one in changes[~changes["same_networks"]].itertuples():
        told.append(
            f"{_where(result, one)}: {_moved(result, one)}. "
            f"{_change_verdict(one, result.inits, tests)}"
        )
    return told


def shared_reading(result: FactorResult) -> str:
    """Return what follows where one init is fed alike at both levels; empty elsewhere."""
    if result.factor != "preprocessing":
        return ""
    shared = [init for init in result.inits if result.shares_runs(init)]
    if len(shared) != 1:
        return ""
    (own,), (other,) = shared, [init for init in result.inits if init not in shared]
    sign = "with its sign turned" if own == result.inits[0] else "itself"
    return (
        f"The {_name(own)} weights were trained on the very inputs that the scripts feed, so both "
        f"levels are the same runs and nothing changes for them. The change of the difference "
        f"therefore is the effect on the {_name(other)} weights {sign}: one result, told twice."
    )


def basis_reading(result: FactorResult) -> str:
    """Return on how many images, patients and folds the numbers rest, and what they leave out."""
    told = []
    for task, rows in result.scenarios.groupby("task", sort=False):
        one = rows.iloc[0]
        alone = (
            "each image counted as a patient of its own, so that the test is DeLong's"
            if one["n"] == one["n_clusters"]
            else "the units of the test, for images of a patient may resemble each other"
        )
        told.append(
            f"{result.titles[task]}: {one['n']:,} test images ({one['n_positive']:,} positive) of "
            f"{one['n_clusters']:,} patients, {alone}; folds: {one['n_folds']}."
        )
    told.append(
        "Every network was trained once, so the intervals tell what other patients might change, "
        "not what another training would."
    )
    return " ".join(told)


def _where(result: FactorResult, one: object) -> str:
    scenarios = "1 scenario" if one.n_scenarios == 1 else f"mean of {one.n_scenarios} scenarios"
    backbone = "every backbone" if one.backbone == ALL else one.backbone
    regime = "" if one.unfreezing == ALL else f", {REGIME_WORDS[one.unfreezing]}"
    return f"**{result.titles[one.task]}, {backbone}{regime}** ({scenarios})"


def _verdict(one: object, tests: int) -> str:
    if math.isnan(one.ci_low):
        return _UNKNOWN
    if one.ci_low <= 0 <= one.ci_high:
        return "Whether it gains or loses cannot be told."
    if one.p_holm < _ALPHA:
        word = "gain" if one.estimate > 0 else "loss"
        return f"A {word}, also after adjusting for {tests} tests."
    return f"The interval leaves out zero, but not after adjusting for {tests} tests."


def _change_verdict(one: object, inits: tuple[str, str], tests: int) -> str:
    if math.isnan(one.ci_low):
        return _UNKNOWN
    if one.ci_low <= 0 <= one.ci_high:
        return "Whether the difference changes cannot be told."
    favoured = _name(inits[0] if one.estimate > 0 else inits[1])
    if one.p_holm < _ALPHA:
        return f"The comparison moves towards the {favoured} weights."
    return f"The interval leaves out zero, but not after adjusting for {tests} tests."


_UNKNOWN = "The test set is too small for an interval."


def _count(rows: pd.DataFrame) -> str:
    """Return in how many means the area falls or rises, and in how many neither can be told."""
    clear = rows["p_holm"] < _ALPHA
    counts = {
        "falls": int((clear & (rows["estimate"] < 0)).sum()),
        "rises": int((clear & (rows["estimate"] > 0)).sum()),
    }
    found = [f"{word} in {n}" for word, n in counts.items() if n]
    if unclear := len(rows) - sum(counts.values()):
        found.append(f"cannot be told from unchanged in {unclear}")
    regimes = "1 regime" if len(rows) == 1 else f"{len(rows)} regimes"
    return f"of {regimes} of unfreezing, the area {_listed(found)} after Holm's adjustment"


def _points(one: object) -> str:
    low, high = _POINTS * one.ci_low, _POINTS * one.ci_high
    value = format_number(_POINTS * one.estimate, 1, signed=True)
    return f"{value} {format_interval(low, high, 1)}"


def _holm(one: object) -> str:
    return "no P" if math.isnan(one.p_holm) else f"{format_p(one.p_holm)} after Holm"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _name(init: str) -> str:
    style = init_style(init)
    return style.short if style.label.endswith("(released)") else style.short.lower()
