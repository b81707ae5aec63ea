"""The page on networks that are trained again: its figures, tables and sentences."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from rin.report import headline, words_of_studies
from rin.report import words_of_results as words
from rin.report.figures import with_settings
from rin.report.forest import forest
from rin.report.format import book_table, design_table, inline_title, one_below_another
from rin.report.lines import panel_titles, panels_below
from rin.report.page import Picture, picture
from rin.report.style import UNFREEZING_LABEL, init_style
from rin.report.widths import two_widths
from rin.stats import (
    diverged_networks,
    factor_effects,
    init_differences,
    posterior_differences,
    pretraining_differences,
    scenario_aucs,
    training_spread,
)
from rin.stats.pretrainings import choose_settings
from rin.study.results import Results

LEVELS = ("fixed", "converged")


def _inside(runs: Results) -> dict[str, str]:
    return {task: inline_title(title) for task, title in runs.titles.items()}


def _forest_by_task(
    runs: Results, rows: pd.DataFrame, label: str, unit: str = "these networks"
) -> np.ndarray | Axes:
    """Draw differences in points, task by task, without marks for adjusted P values."""
    return forest(
        rows.drop(columns="p_holm"),
        unit="points",
        label=label,
        group="task",
        names=runs.titles,
        xlabel=f"AUC points ({unit}, 95% CI)",
        ends=words.sides(runs.inits, stand_ins=runs.stand_ins()),
    )


# ---- trained again


def same_split(repeated: Results) -> pd.DataFrame:
    """Return the repeated trainings on the cases of the first split."""
    scores = repeated.predictions(study="repeats")
    return scores[scores["fold"] == 0]


def in_short(repeated: Results) -> str:
    """Return sentences on how far differences vary from one training to the next."""
    spread = training_spread(same_split(repeated), *repeated.inits).set_index("task")
    return words_of_studies.trained_again(spread, _inside(repeated))


def designs(repeated: Results, longer: Results) -> Styler:
    """Return a table of the data and networks of each study of this page."""
    return design_table(
        {
            "Trained again": repeated.predictions(study="repeats"),
            "Briefer pretraining": repeated.predictions(study="equal_accuracy"),
            "Until validation stops improving": longer.predictions(study="convergence"),
        }
    )


def training_dots(repeated: Results) -> Picture:
    """Draw the difference in each scenario, one dot per training of both networks, by task."""
    index = ["task", "scenario", "seed"]
    aucs = scenario_aucs(same_split(repeated)).pivot(index=index, columns="init", values="auc")
    a, b = repeated.inits
    apart = (100 * (aucs[a] - aucs[b])).rename("points").reset_index()
    apart = with_settings(repeated, apart, "repeats")
    layers, rates = apart["unfreezing"].map(UNFREEZING_LABEL), apart["learning_rate"]
    apart["scenario"] = apart["backbone"] + ", " + layers + ", " + rates.map("{:g}".format)
    axes = _training_dots(apart.assign(task=apart["task"].map(repeated.titles)))
    return picture(axes, "Difference in each scenario, one dot a training, by task")


@two_widths
def _training_dots(apart: pd.DataFrame, *, narrow: bool = False) -> np.ndarray:
    grid = sns.catplot(
        apart, x="points", y="scenario", col="task", kind="strip", jitter=False, color="0.25",
        alpha=0.7, **panels_below(narrow, height=2.8, aspect=1.2),
    )  # fmt: skip
    grid.refline(x=0, color="0.6", linestyle="-").set_axis_labels("AUC points", "")
    return panel_titles(grid, narrow)


def other_cases_forest(repeated: Results) -> Picture:
    """Draw the mean difference on new patients, and with other training cases."""
    scores = repeated.predictions(study="repeats")
    main = repeated.predictions(study="main")
    same = main.merge(scores[["task", "scenario"]].drop_duplicates())
    divided = {"new patients": same, "other training cases": scores[scores["fold"] > 0]}
    shown = pd.concat(
        init_differences(rows, *repeated.inits).assign(what=what) for what, rows in divided.items()
    )
    axes = _forest_by_task(repeated, shown.query("group == 'all'"), "what")
    return picture(axes, "Mean difference on new patients, and with other training cases")


# ---- a briefer pretraining


def accuracies(repeated: Results) -> Styler:
    """Return a table of each backbone's accuracy on images of its own corpus, by init."""
    accuracy = repeated.pretraining().pivot_table(index="backbone", columns="init", values="top1")
    rows = accuracy.reset_index()
    accuracy.columns = [init_style(init).short for init in accuracy]
    shown = accuracy.map("{:.0%}".format).replace("nan%", "–")
    table = shown.rename_axis("Backbone").reset_index()
    caption = "Images of the own corpus classified correctly"
    return book_table(table, caption, prose=True, rows=rows)


def accuracy_after_brief(repeated: Results) -> str:
    """Return a sentence on whether briefly pretrained networks learnt as much as the others."""
    names = repeated.predictions(study="equal_accuracy")[["backbone", "pretraining"]]
    networks = repeated.pretraining().merge(names.drop_duplicates())
    (briefly,) = [init for init in networks["init"].unique() if init not in repeated.inits]
    (other,) = [init for init in repeated.inits if briefly != f"{init}_brief"]
    accuracy = networks.pivot_table(index="backbone", columns="init", values="top1")
    return words_of_studies.brief_accuracy(accuracy, briefly, other)


def whole_and_brief(repeated: Results) -> pd.DataFrame:
    """Return the difference with the whole and with the brief pretraining, two rows per task."""
    brief = repeated.predictions(study="equal_accuracy")
    names = brief["init"].astype(str).str.removesuffix("_brief")
    main = repeated.predictions(study="main")
    whole = main.merge(brief[["task", "scenario", "pretraining"]].drop_duplicates())
    pairs = {"whole": whole, "brief": brief.assign(init=names)}
    rows = pd.concat(
        init_differences(rows, *repeated.inits).assign(pretraining=name)
        for name, rows in pairs.items()
    )
    return rows.query("group == 'all'").sort_values("task", kind="stable")


def brief_forest(repeated: Results, compared: pd.DataFrame) -> Picture:
    """Draw the rows of `whole_and_brief`."""
    rows = compared.replace({"pretraining": {"whole": "Whole", "brief": "Brief"}})
    axes = _forest_by_task(repeated, rows, "pretraining")
    return picture(axes, "Difference with the whole and the brief pretraining, by task")


def after_brief(repeated: Results, compared: pd.DataFrame) -> str:
    """Return a sentence on whether the difference keeps its sign after briefer pretraining."""
    backbones = repeated.predictions(study="equal_accuracy")["backbone"].nunique()
    return words_of_studies.after_brief_pretraining(
        compared, backbones, stand_ins=repeated.stand_ins()
    )


# ---- other settings, one pair less


def choices(runs: Results) -> dict[str, pd.DataFrame]:
    """Return predictions with other choices of fine-tuning settings, by the choice's name."""
    every = runs.predictions(study="main")
    settings = {"all": every, "without 0.01": every[every["learning_rate"] < 0.01]}
    records = pd.concat(map(runs.records, runs.tasks))
    if "validation_auc" in records and records["validation_auc"].notna().any():
        settings["chosen on validation data"] = choose_settings(every, records)
    return settings


def choices_forest(runs: Results, rows: pd.DataFrame) -> Picture:
    """Draw differences with the pretraining as the unit, by `choice` of settings."""
    rows = rows.sort_values("task", kind="stable")
    axes = _forest_by_task(runs, rows, "choice", "pretraining as the unit")
    return picture(axes, "Difference with the pretraining as the unit, by choice")


def one_left_out(runs: Results, across: pd.DataFrame, without: pd.DataFrame) -> Styler:
    """Return a table of how far a result depends on one pair of networks, or on a prior."""
    posterior = posterior_differences(runs.predictions(study="main"), *runs.inits)
    table = headline.one_left_out(across, without, posterior, runs.titles)
    models = {"all pairs": across, "one pair left out": without, "posterior": posterior}
    rows = one_below_another(models, "model", runs.stand_ins())
    return book_table(table, "AUC points, pretraining as the unit", prose=True, rows=rows)


def one_pair_matters(runs: Results, across: pd.DataFrame, without: pd.DataFrame) -> str:
    """Return which pair matters most, and on which tasks leaving one out excludes zero."""
    unreal = runs.stand_ins()
    return words.one_pair_matters(across, without, _inside(runs), stand_ins=unreal)


# ---- longer


def convergence_forest(longer: Results, shift: pd.DataFrame) -> Picture:
    """Draw differences with the usual epochs and after longer training (`factor_effects`)."""
    axes = forest(
        shift[shift["quantity"] == "difference"],
        unit="points",
        label="level",
        group="task",
        xlabel="AUC points (these networks, 95% CI)",
        names=longer.titles | {"fixed": "As elsewhere", "converged": "Until it stops"},
    )
    return picture(axes, "Difference with the usual epochs and after longer training")


def effects_of_convergence(longer: Results) -> pd.DataFrame:
    """Return the effects of longer training (`rin.stats.factor_effects`, all scenarios)."""
    trained = longer.predictions(study="convergence")
    return factor_effects(trained, longer.inits, LEVELS).query("group == 'all'")


def after_convergence(longer: Results, shift: pd.DataFrame) -> str:
    """Return sentences on how long training lasted, and what it changed."""
    fits = pd.concat(longer.records(task, "convergence") for task in shift["task"].unique())
    names = {task: inline_title(title) for task, title in longer.titles.items()}
    return words_of_studies.after_longer_training(shift, fits, LEVELS, longer.inits, names)


# ---- larger images


def full_size_forest(full: Results, rows: pd.DataFrame) -> Picture:
    """Draw the difference of these networks within each unfreezing (`init_differences`)."""
    axes = forest(
        rows[rows["group"] != "all"]
        .drop(columns="p_holm")
        .rename(columns={"group": "unfreezing"}),
        unit="points",
        label="unfreezing",
        group="task",
        names=full.titles | UNFREEZING_LABEL,
        xlabel="AUC points (these networks, 95% CI)",
        ends=words.sides(full.inits, stand_ins=full.stand_ins()),
    )
    return picture(axes, "Differences of networks trained with images of 224 pixels")


def at_full_size(full: Results, rows: pd.DataFrame) -> str:
    """Return sentences on these differences, and on networks whose training diverged."""
    scores = full.predictions()
    across = pretraining_differences(scores, *full.inits)
    networks = diverged_networks(scores, full.inits)
    return words_of_studies.at_full_size(rows, across, networks, full.inits)


def differences_by_choice(runs: Results, settings: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the headline of each table of predictions, with its name in `choice`."""
    return pd.concat(
        pretraining_differences(rows, *runs.inits).assign(choice=name)
        for name, rows in settings.items()
    )
