"""The page on small replications of follow-up studies: its figures, tables and sentences."""

import numpy as np
import pandas as pd
import seaborn as sns
from pandas.io.formats.style import Styler

from rin.evidence.replications import FOLLOW_UPS
from rin.explain.similarity import call_agreement
from rin.report import words_of_results as words
from rin.report import words_of_studies
from rin.report.forest import forest
from rin.report.format import book_table, design_table
from rin.report.headline import short_names
from rin.report.lines import legend_below, panel_titles, panels_below
from rin.report.page import Picture, picture
from rin.report.style import init_style
from rin.report.widths import two_widths
from rin.stats import factor_effects, init_differences, scenario_aucs
from rin.stats.hypothesis import smallest_permutation_p
from rin.study.loss_study import run_losses
from rin.study.results import Results

STUDIES = {
    "head": "Other heads",
    "layers": "Similarity of layers",
    "confounder": "Confounders",
}
HEADS = {
    "linear": "Linear",
    "nonlinear": "One hidden layer",
    "conv": "1-D convolution",
    "conv_skip": "1-D convolution with skip",
}
LOSSES = {
    "smoothing": "Label smoothing",
    "teacher_free": "Teacher-free distillation",
    "online": "Online label smoothing",
}
CONFOUNDERS = {
    "tag 100": "Letter R",
    "denoising 100": "Low-pass",
    "noise 100": "Poisson noise",
    "sampled 100": "Sampled by device",
}
#: Number of trainings of each source in the study of confounders.
TRAININGS = 5


def with_losses(runs: Results) -> Results:
    """Return runs that include all studies of the page; missing losses are trained first."""
    if runs.workspace.profile.losses:
        run_losses(runs.workspace)
    return runs.or_reference_with(*STUDIES, "losses")


def in_short(runs: Results) -> str:
    """Return the findings of the four replications, and which confounders separate the arms."""
    rows = followed(runs)
    unreal = runs.stand_ins(study="confounder")
    return words_of_studies.replications_in_short(
        head_gains(runs), runs.losses(), rows, CONFOUNDERS, stand_ins=unreal
    )


def designs(runs: Results) -> Styler:
    """Return a table of the data and networks of each study of this page."""
    scores = {name: runs.predictions(study=study) for study, name in STUDIES.items()}
    return design_table(scores | {"Softened labels": runs.losses()})


# ---- heads


def head_gains(runs: Results) -> pd.DataFrame:
    """Return the gain of each head over the linear one (`rin.stats.factor_effects`)."""
    scores = runs.predictions(study="head")
    trained = set(scores["level"]) - {"linear"}
    return pd.concat(
        factor_effects(scores, runs.inits, ("linear", head))
        .assign(head=head)
        .query("group == 'all' and quantity == 'effect'")
        for head in HEADS
        if head in trained
    )


def head_forest(runs: Results, gains: pd.DataFrame) -> Picture:
    """Draw the gain of each head over the linear one, by task and initialisation."""
    word = gains["init"].map(lambda init: init_style(init).word)
    rows = gains.assign(kind=gains["init"], label=gains["head"].map(HEADS) + ", " + word)
    axes = forest(
        rows.sort_values("task"),
        unit="points",
        label="label",
        group="task",
        names=runs.titles,
        xlabel="Gain over the linear head, AUC points (these networks, 95% CI)",
        legend=False,
    )
    return picture(axes, "Gain of each head over the linear one, by task and initialisation")


def heads(runs: Results, gains: pd.DataFrame) -> str:
    """Return a sentence on the gain of the head with a skip connection, and the source's AUC."""
    best = scenario_aucs(runs.predictions(study="head").query("level == 'conv_skip'"))
    best = best[best["task"] == best["task"].iloc[0]]
    return words_of_studies.head_with_skip(
        gains[gains["head"] == "conv_skip"],
        runs.titles[best["task"].iloc[0]],
        best["auc"].max(),
        FOLLOW_UPS["frees2025"]["breast"]["auc"],
    )


# ---- losses


def loss_forest(losses: pd.DataFrame) -> Picture:
    """Draw the change of top-1 accuracy by softened labels, by network and loss."""
    shown = losses[losses["loss"] != "hard"].copy()
    shown["note"] = [f"{100 * row.top1:.0f}%, {row.ece:.2f}" for row in shown.itertuples()]
    axes = forest(
        shown,
        unit="points",
        label="loss",
        group="backbone",
        names=LOSSES,
        xlabel="Top-1 accuracy, softened − hard labels, points",
        note_title="Top-1, ECE",
    )
    return picture(axes, "Change of top-1 accuracy by softened labels, by network and loss")


def online_smoothing(losses: pd.DataFrame) -> str:
    """Return a sentence on the effect of online label smoothing."""
    return words_of_studies.online_smoothing(losses)


# ---- layers


def layer_dots(runs: Results) -> Picture:
    """Draw the similarity of the initialisations before and after fine-tuning, by layer.

    Of several backbones, whose layers may have one name, a layer is named with its backbone.
    """
    pairs = similarity(runs).query("comparison in ['before', 'after', 'random']")
    backbones = pairs["scenario"].astype(str).str.partition("-")[0]
    if backbones.nunique() > 1:
        pairs = pairs.assign(layer=backbones + " " + pairs["layer"].astype(str))
    axes = _layer_dots(pairs.replace({"task": short_names(runs)}))
    return picture(axes, "Similarity of the two initialisations before and after")


@two_widths
def _layer_dots(pairs: pd.DataFrame, *, narrow: bool = False) -> np.ndarray:
    height = 0.8 + 0.28 * pairs["layer"].nunique()
    grid = sns.catplot(
        pairs, x="cca", y="layer", col="task", hue="comparison",
        hue_order=["before", "after", "random"], kind="point", errorbar=None, linestyle="none",
        palette=["0.65", "0.1", "#2E7D32"], markers=["o", "o", "|"], legend_out=False,
        **panels_below(narrow, height=height, aspect=3.9 / height),
    )  # fmt: skip
    grid.set_axis_labels("Mean canonical correlation", "")
    for axes in grid.axes.flat:
        axes.margins(x=0.1)
    legend_below(grid, ncols=3)
    return panel_titles(grid, narrow)


def similarity(runs: Results) -> pd.DataFrame:
    """Return how similar the layers of the two initialisations are, for all tasks."""
    return pd.concat(runs.layer_similarity(task) for task in runs.tasks_of("layers"))


def agreement(runs: Results) -> pd.DataFrame:
    """Return how often networks of the two inits agree (`rin.explain.similarity`), by task."""
    return call_agreement(runs.predictions(study="main"), *runs.inits)


def agreement_table(runs: Results, agree: pd.DataFrame) -> Styler:
    """Return `agreement` as a table."""
    columns = ["Agree", "Called positive", "Agree by chance", "Kappa", "Truly positive"]
    shown = agree.rename(index=short_names(runs)).set_axis(columns, axis=1)
    shown = shown.map("{:.2f}".format).replace("nan", "–")
    table = shown.rename_axis("Task").reset_index()
    rows = agree.rename_axis("task").reset_index()
    return book_table(table, "Shares of the cases, and kappa", prose=True, rows=rows)


def layers(runs: Results, agree: pd.DataFrame) -> str:
    """Return sentences on how similar layers are, and on agreement beside that by chance."""
    means = similarity(runs).groupby("comparison")["cca"].mean()
    return words_of_studies.layers_and_agreement(means, agree, runs.titles)


# ---- confounders


def confounded(runs: Results) -> pd.DataFrame:
    """Return predictions on the reversed test sets of all confounders, at their full share."""
    same = runs.predictions(study="confounder")
    sampled = same["level"].str.startswith("sampled")  # its test set is already reversed
    turned = [
        runs.predictions(study="confounder", task=task, part="reversed")
        for task in same.loc[~sampled, "task"].unique()
    ]
    rows = pd.concat([*turned, same[sampled]]).assign(part="test")
    return rows[rows["level"].str.endswith(" 100")]


def followed(runs: Results) -> pd.DataFrame:
    """Return the difference of the inits on the reversed test set of each confounder (`level`)."""
    return runs.workspace.once((followed, runs.is_reference), lambda: _followed(runs))


def _followed(runs: Results) -> pd.DataFrame:
    return pd.concat(
        init_differences(rows, *runs.inits).query("group == 'all'").assign(level=level)
        for level, rows in confounded(runs).groupby("level")
    ).drop(columns="p_holm")


def confounder_forest(runs: Results, rows: pd.DataFrame) -> Picture:
    """Draw the rows of `followed`, with the AUCs of both inits at the right."""
    sources = [init_style(init).short for init in runs.inits]
    notes = [f"{row.auc_a:.2f}, {row.auc_b:.2f}" for row in rows.itertuples()]
    unreal = runs.stand_ins(study="confounder")
    axes = forest(
        rows.assign(note=notes),
        unit="points",
        label="level",
        group="task",
        names=runs.titles | CONFOUNDERS,
        xlabel="AUC points (these networks, 95% CI)",
        note_title=" and ".join(sources),
        ends=words.sides(runs.inits, better="better", stand_ins=unreal),
    )
    return picture(axes, "Difference between the initialisations in the reversed test")


def confounders(runs: Results, rows: pd.DataFrame) -> str:
    """Return sentences on which init follows which confounder, beside what the source reports."""
    return words_of_studies.confounders_beside_source(
        rows,
        runs.inits,
        CONFOUNDERS,
        FOLLOW_UPS["juodelyte2024"],
        smallest_permutation_p(TRAININGS, TRAININGS),
    )
