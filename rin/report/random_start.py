"""The page on pretraining against random weights: its figures, tables and sentences."""

import numpy as np
import pandas as pd
import seaborn as sns
from pandas.io.formats.style import Styler

from rin.report import words_of_results as words
from rin.report import words_of_studies
from rin.report.figures import in_order, with_settings
from rin.report.forest import forest
from rin.report.format import book_table, design_table, inline_title
from rin.report.headline import short_names
from rin.report.lines import legend_below, panels_below
from rin.report.page import Picture, picture
from rin.report.style import init_style
from rin.report.widths import two_widths
from rin.stats import holm, init_differences
from rin.study.results import Results

STUDY = "from_random"


def gains(runs: Results) -> pd.DataFrame:
    """Return the gain of each init over random weights by task and learning rate.

    Rows of `init_differences` with the init in `kind`; P is adjusted over all these rows.
    """
    return runs.workspace.once((gains, runs.is_reference), lambda: _gains(runs))


def _gains(runs: Results) -> pd.DataFrame:
    scores = runs.predictions(study=STUDY)
    rows = pd.concat(
        init_differences(some, init, "random").assign(kind=init, learning_rate=rate)
        for rate, some in scores.groupby("learning_rate")
        for init in runs.inits
    )
    rows = rows[rows["group"] == "all"].reset_index(drop=True)
    return rows.assign(p_holm=holm(rows["p_value"]))


def in_short(runs: Results) -> str:
    """Return a list of what pretraining gains at each learning rate."""
    inside = {task: inline_title(title) for task, title in runs.titles.items()}
    unreal = runs.stand_ins(study=STUDY)
    return "\n".join(
        "- " + words.gains_at_rate(rows, inside, stand_ins=unreal)
        for _, rows in gains(runs).groupby("learning_rate")
    )


def design(runs: Results) -> Styler:
    """Return a table of the data and networks of the study."""
    return design_table({"Random weights": runs.predictions(study=STUDY)})


def gains_forest(runs: Results) -> Picture:
    """Draw the gain of each pretraining over random weights, by task and learning rate."""
    rows = in_order(gains(runs), "task", runs.tasks_of(STUDY))
    shorts = rows["kind"].map(lambda init: init_style(init).short)
    rows = rows.assign(label=shorts + rows["learning_rate"].map(", rate {:g}".format))
    axes = forest(
        rows,
        unit="points",
        label="label",
        group="task",
        names=runs.titles,
        xlabel="Gain over random weights, AUC points (these networks, 95% CI)",
        ends=("lower", "higher than random"),
        tested=not runs.stand_ins(study=STUDY),
    )
    return picture(axes, "Gain of each pretraining over random weights, by task and rate")


def network_dots(runs: Results, aucs: pd.DataFrame) -> Picture:
    """Draw the AUC of each network by task and first weights, with one panel per learning rate."""
    names = short_names(runs)
    shown = with_settings(runs, aucs, STUDY)
    rates = shown["learning_rate"].map("{:g}".format)
    shown = shown.assign(title=shown["task"].map(names), rate=rates)
    order = [names[task] for task in runs.tasks_of(STUDY)]
    return picture(_network_dots(shown, order), "AUC of each network, by task and initial weights")


@two_widths
def _network_dots(aucs: pd.DataFrame, order: list[str], *, narrow: bool = False) -> np.ndarray:
    grid = sns.catplot(
        aucs, x="auc", y="title", order=order, hue="init", col="rate", jitter=False,
        palette={init: init_style(init).color for init in aucs["init"].unique()},
        s=36 if narrow else 60, legend_out=False,
        **panels_below(narrow, height=3.2, aspect=1.15),
    )  # fmt: skip
    grid.refline(x=0.5)
    grid.set_axis_labels("AUC", "").set_titles("learning rate {col_name}")
    legend_below(grid, ncols=3)
    return grid.axes


def wrong_way_round(runs: Results, aucs: pd.DataFrame) -> str:
    """Return which networks rank cases the wrong way round, with the SD of their log-odds."""
    inverted = aucs[aucs["ci_high"] < 0.5]
    return words_of_studies.inverted_networks(inverted, len(aucs), runs.titles)


def corpus_accuracy(runs: Results) -> pd.DataFrame:
    """Return the percentage of test images of its corpus that each network got right."""
    learnt = runs.pretraining().reindex(columns=["backbone", "init", "top1"])
    return 100 * learnt.pivot_table(index="backbone", columns="init", values="top1")


def accuracy_table(accuracy: pd.DataFrame) -> Styler:
    """Return `corpus_accuracy` as a table."""
    names = {init: init_style(init).short for init in accuracy}
    table = accuracy.rename(columns=names).map("{:.0f}".format, na_action="ignore").fillna("–")
    table = table.rename_axis(index="Backbone", columns=None).reset_index()
    caption = "Test images of the corpus classified correctly, %"
    return book_table(table, caption, prose=True, rows=accuracy.reset_index())


def how_much_was_learnt(accuracy: pd.DataFrame) -> str:
    """Return a sentence on the range of `corpus_accuracy` of each init, and its consequence."""
    return words_of_studies.learnt_shares(accuracy)
