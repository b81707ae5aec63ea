"""Tables that several pages show: AUCs beside the paper's, verdicts, measures, images."""

from collections.abc import Mapping, Sequence

import pandas as pd
from pandas.io.formats.style import Styler

from rin.data.manifest import PARTS
from rin.evidence.paper import CLASS_COUNTS, comparison_table
from rin.report.format import (
    ESTIMATE_AND_INTERVAL,
    MISSING,
    book_table,
    format_estimate,
    format_number,
    format_p,
    strip_p,
)
from rin.report.style import init_style
from rin.report.verdict import AUCS
from rin.stats import MEASURES
from rin.study.results import TaskFacts

_OF_PAPER = ["auc_radimagenet", "sd_radimagenet", "auc_imagenet", "sd_imagenet"]


def auc_table(judged: pd.DataFrame, names: Mapping[str, str], inits: Sequence[str]) -> Styler:
    """Return the mean AUCs and differences of the paper's tasks and of a run, a line each.

    `judged` is a table of `add_verdicts` (without `p_holm` for stand-ins) with one
    row per task or, for more than two inits, per task and `pair`; `names` gives the tasks and
    their order.
    """
    published = comparison_table().rename(columns=dict(zip(_OF_PAPER, AUCS, strict=True)))
    published[[*ESTIMATE_AND_INTERVAL]] /= 100
    here = judged.set_index("task")
    source = "The paper"
    here = here.reindex(columns=[*ESTIMATE_AND_INTERVAL, "p_holm", *AUCS]).assign(source="Here")
    arms = [
        f"{init_style(init).word} or {source}"
        for init, source in zip(inits, ("RadImageNet", "ImageNet"), strict=False)
    ]
    if len(inits) > 2:
        here["source"] = judged["pair"].to_numpy()
        source = "The paper, RadImageNet − ImageNet"
        arms = ["the first", "the second"]
    rows = pd.concat([published.assign(source=source), here])
    rows = rows.loc[[task for task in names if task in rows.index]].reset_index()
    shown = {
        "Task": rows["task"].map(names).where(~rows["task"].duplicated(), ""),
        "From": rows["source"],
    }
    for letter, arm in zip("ab", arms, strict=True):
        mean, sd = (rows[f"{number}_{letter}"].map(format_number) for number in ("auc", "sd"))
        shown[f"AUC ± SD, {arm}"] = mean + " ± " + sd
    p_values = strip_p(rows["p_text"].fillna(rows["p_holm"].map(format_p)))
    shown |= {"AUC points (95% CI)": format_estimate(rows, unit="points"), "P": p_values}
    caption = (
        "Mean AUC ± SD over scenarios, and differences. The paper's intervals and P are as "
        "published; here P is adjusted (Holm)."
    )
    return book_table(
        pd.DataFrame(shown), caption, prose=True, rows=rows.dropna(axis=1, how="all")
    )


def verdict_table(
    rows: pd.DataFrame, names: Mapping[str, str], inits: tuple[str, str]
) -> pd.DataFrame:
    """Return a table to print of an analysis (`rin.report.analyses`): images, AUCs, verdict.

    A dagger marks tasks whose files name no patients.
    """
    rows = rows.reset_index(drop=True)
    daggers = rows["independence"].map(lambda unit: "" if unit == "patient" else "\xa0†")
    arms = rows[["auc_a", "auc_b"]].map(format_number)
    sides = ", ".join(init_style(init).word for init in inits)
    return pd.DataFrame(
        {
            "Task": rows["task"].map(names) + daggers,
            "Images: training, test": rows["train"].astype(str) + ", " + rows["test"].astype(str),
            f"AUC: {sides}": arms["auc_a"] + ", " + arms["auc_b"],
            "AUC points (95% CI)": format_estimate(rows, unit="points"),
            "P": strip_p(rows["p_holm"].map(format_p)),
            "Verdict": rows["verdict"],
        }
    )


def clinical_table(
    measures: pd.DataFrame, names: Mapping[str, str], inits: Sequence[str], caption: str
) -> Styler:
    """Return the listed `MEASURES` of each arm and, of two, their difference: a line per task.

    `measures` is a table of `rin.stats.clinical_measures`; `names` gives tasks and their order.
    """
    cells = measures.set_index(["measure", "init", "task"]).sort_index()
    words = ", ".join(init_style(init).word for init in inits)
    shown = {"Task": pd.Series(names)}
    for measure, kind in MEASURES.items():
        if kind.listed:
            digits = {"digits": kind.digits}
            values = [cells.loc[(measure, init)]["estimate"] for init in inits]
            arms = pd.concat(values, axis=1).map(format_number, **digits)
            shown[f"{kind.title}: {words}"] = arms.agg(", ".join, axis=1)
            if len(inits) == 2:
                difference = format_estimate(cells.loc[(measure, "difference")], **digits)
                shown[f"{kind.title}: difference"] = difference
    table = pd.DataFrame(shown).loc[[*names]].reset_index(drop=True)
    return book_table(table, caption, prose=True, rows=measures)


def is_another_cut(task: TaskFacts) -> bool:
    """Return whether a task has the paper's own images in another cut, judged by their titles."""
    return bool(task.substitute_for) and task.dataset.title.startswith(task.substitute_for)


def image_table(
    facts: Sequence[TaskFacts], records: pd.DataFrame, names: Mapping[str, str], caption: str
) -> Styler:
    """Return a table of the images of some tasks, the paper's and those here: a line each.

    `records` has a row per run, with task and epochs.
    """
    lines = []
    epochs = records.groupby("task")["epochs"].max()
    for of_task in facts:
        data = of_task.dataset
        split = of_task.split
        counts = CLASS_COUNTS.get(of_task.name, ())
        stated = {count.group: f"{count.images:,}" for count in counts}
        kind = "another cut" if is_another_cut(of_task) else of_task.kind
        lines.append(
            {
                "Task": names[of_task.name],
                "The paper": stated.get("all", MISSING),
                "Images": f"{data.title} ({kind})",
                "Used": f"{data.used:,} of {data.available:,}",
                ", ".join(PARTS): ", ".join(f"{split[part]:,}" for part in PARTS),
                "Files name": "patients" if data.independence == "patient" else "no patients",
                "Pixels": of_task.size,
                "Epochs": epochs[of_task.name],
                "Source": f"{data.home} ({data.access})",
            }
        )
    return book_table(pd.DataFrame(lines), caption, prose=True)
