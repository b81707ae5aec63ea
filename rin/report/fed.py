"""The page on the effect of preparing inputs: its figures, tables and sentences."""

import numpy as np
import pandas as pd
import seaborn as sns
from pandas.io.formats.style import Styler

from rin.evidence import paper
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries
from rin.report import words_of_results as words
from rin.report import words_of_studies
from rin.report.figures import in_order
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    design_table,
    format_estimate,
    inline_title,
    without_p_of_stand_ins,
)
from rin.report.lines import legend_below, panel_titles
from rin.report.page import Picture, claim, picture
from rin.report.style import UNFREEZING_LABEL, init_style
from rin.report.widths import NARROW, two_widths
from rin.stats import diverged_networks, factor_effects, init_differences, scenario_aucs
from rin.study.results import Results

STUDY = "preprocessing"
LEVELS = {
    "native": "As in pretraining",
    "official_scripts": "As in the scripts",
    "released": "As for the released counterpart",
}
#: The preprocessing of the official scripts.
SCRIPTS = "caffe_unit"


def effects(runs: Results) -> pd.DataFrame:
    """Return the effects of the scripts' inputs over all scenarios of each backbone.

    These are rows of `rin.stats.factor_effects`, with `backbone`: the effects of two backbones may
    be opposite, and a mean over backbones would hide both.
    """
    key = (effects, runs.is_reference)
    return runs.workspace.once(key, lambda: _effects(scores_of(runs), runs.inits))


def _effects(scores: pd.DataFrame, inits: tuple[str, str]) -> pd.DataFrame:
    levels = ("native", "official_scripts")
    rows = pd.concat(
        factor_effects(of_backbone, inits, levels).assign(backbone=backbone)
        for backbone, of_backbone in scores.groupby("backbone", observed=True)
    )
    return rows[rows["group"] == "all"]


def scores_of(runs: Results) -> pd.DataFrame:
    """Return the predictions of the study's one task."""
    return runs.predictions(study=STUDY, task=task_of(runs))


def task_of(runs: Results) -> str:
    """Return the study's one task."""
    return runs.tasks_of(STUDY)[0]


def in_short(runs: Results) -> str:
    """Return the effects of the scripts' inputs on both arms and on the difference, in words."""
    return words_of_studies.effect_of_inputs(
        runs.titles[task_of(runs)],
        effects(runs),
        runs.inits,
        stand_ins=runs.stand_ins(study=STUDY),
    )


def designs(runs: Results) -> Styler:
    """Return a table of the data and networks of the two studies of this page."""
    padded = runs.predictions(study="resize")
    return design_table({"The scripts’ inputs": scores_of(runs), "Padding": padded})


def effect_forest(runs: Results) -> Picture:
    """Draw the effect of the scripts' inputs on each source and their difference, by backbone.

    An init whose own inputs equal those of the scripts has no row.
    """
    rows = effects(runs)
    rows = rows[rows["quantity"].isin(["effect", "interaction"]) & ~rows["same_networks"]]
    axes = forest(
        _by_source(rows),
        unit="points",
        label="label",
        group="backbone",
        xlabel="Effect of the scripts’ inputs, AUC points (these networks, 95% CI)",
        ends=("smaller", "larger"),
        legend=False,
    )
    return picture(axes, "Effect of the scripts' inputs on each source and their difference")


def _by_source(rows: pd.DataFrame) -> pd.DataFrame:
    labels = [init_style(init).short if init else "Difference" for init in rows["init"]]
    return rows.assign(kind=rows["init"].replace("", "recomputed"), label=labels)


def by_inputs(runs: Results) -> Styler:
    """Return a table of each backbone's mean AUCs and their difference, by its inputs."""
    inits = [*runs.inits]
    short = [init_style(init).short for init in inits]
    lines, numbers = [], []
    for (backbone, level), fed_so in scores_of(runs).groupby(["backbone", "level"], observed=True):
        means = scenario_aucs(fed_so).groupby("init")["auc"].mean()
        row = init_differences(fed_so, *inits).query("group == 'all'").iloc[0]
        numbers.append({"backbone": backbone, "level": level} | row.to_dict())
        line = {"Backbone": backbone, "Inputs": LEVELS[level]}
        line |= {name: f"{means[init]:.3f}" for name, init in zip(short, inits, strict=True)}
        difference = format_estimate(row, unit="points")
        lines.append(line | {" − ".join(short) + ", points (95% CI)": difference})
    rows = without_p_of_stand_ins(pd.DataFrame(numbers), runs.stand_ins())
    caption = "Mean AUC and difference, by inputs; intervals: these networks, new patients"
    return book_table(pd.DataFrame(lines), caption, prose=True, rows=rows)


def released_ranges() -> pd.DataFrame:
    """Return the ranges that pixels of 0 to 255 become: for ImageNet weights, and in the scripts.

    One row per network: `expected` and `supplied`, pairs of the smallest and largest value, and
    `ratio` of their scales.
    """
    scripts, black_white = find_preprocessing(SCRIPTS), np.array([[0.0] * 3, [255.0] * 3])
    rows = []
    for entry in load_entries():
        if entry.init == "imagenet" and entry.backbone in {*paper.RELEASED_ACCURACY}:
            wanted = find_preprocessing(entry.preprocessing)
            ends = [arm.apply(black_white) for arm in (wanted, scripts)]
            ranges = [(end.min(), end.max()) for end in ends]
            ratio = np.mean(np.divide(wanted.scale, scripts.scale))
            rows.append((entry.backbone, *ranges, ratio))
    return pd.DataFrame(rows, columns=["network", "expected", "supplied", "ratio"])


def ranges_table(ranges: pd.DataFrame) -> Styler:
    """Return `released_ranges` as a table."""
    columns = ["Network", "ImageNet weights expect", "Scripts supply", "Times too small"]
    shown = ranges.assign(ratio=ranges["ratio"].map("{:.1f}".format))
    for name in ("expected", "supplied"):
        texts = ranges[name].map(lambda ends: " to ".join(f"{end:.1f}" for end in ends))
        shown[name] = texts.str.replace("-", "−")
    shown, caption = shown.set_axis(columns, axis=1), "What pixels from 0 to 255 become"
    ends = {f"{name}_{end}": ranges[name].str[place] for name in ("expected", "supplied")
            for place, end in enumerate(("low", "high"))}  # fmt: skip
    rows = ranges.drop(columns=["expected", "supplied"]).assign(**ends)
    return book_table(shown, caption, prose=True, rows=rows)


def too_small(runs: Results, ranges: pd.DataFrame) -> str:
    """Return how much too small the scripts' inputs are, and how well an arm does with them.

    Of the networks that were given them, this is about ResNet50, as their sizes differ.
    """
    ratios = ranges.set_index("network")["ratio"]
    claim("ResNet50 is fed 255 times too small", round(ratios["ResNet50"]) == 255)
    largest = max(stated.estimate for stated in paper.COMPARISONS.values())
    second, scores = runs.inits[1], scores_of(runs)
    scores = scores[scores["backbone"] == "ResNet50"]
    if scores.empty:
        return words_of_studies.scripts_too_small(ratios)
    rows = _effects(scores, runs.inits).query("group == 'all'")
    rows = rows.set_index(["quantity", "init", "level"])
    of_second = scores[scores["init"] == second]
    aucs = scenario_aucs(of_second[of_second["level"] == "official_scripts"])
    preprocessing = of_second.groupby("level", observed=True)["preprocessing"].unique().str[0]
    scale = {
        level: np.mean(find_preprocessing(name).scale) for level, name in preprocessing.items()
    }
    released = None
    if "released" in scale and preprocessing["released"] != preprocessing["native"]:
        of_released = scenario_aucs(of_second[of_second["level"] == "released"])
        released = scale["native"] / scale["released"], of_released["auc"].mean()
    return words_of_studies.inputs_too_small(
        ratios,
        rows.loc[("auc", second, "official_scripts"), "estimate"],
        rows.loc[("effect", second, "")],
        aucs,
        largest,
        own_ratio=scale["native"] / scale["official_scripts"],
        released=released,
        stand_ins=runs.stand_ins(study=STUDY),
    )


def scenario_lines(runs: Results) -> Picture:
    """Draw each scenario's AUC with own and with the scripts' inputs; one panel per unfreezing."""
    scores = scores_of(runs)
    lines = pd.concat(
        scenario_aucs(scores[scores["level"] == level]).assign(inputs=name)
        for level, name in {"native": "own", "official_scripts": "scripts’"}.items()
    )
    ways = scores.drop_duplicates("scenario")[["scenario", "unfreezing", "backbone"]]
    lines = lines.merge(ways.astype(str))
    lines = in_order(lines, "unfreezing", [*UNFREEZING_LABEL])
    lines["unfreezing"] = lines["unfreezing"].map(UNFREEZING_LABEL)
    axes = _scenario_lines(lines, runs.inits)
    return picture(axes, "AUC of every scenario with own and with the scripts' inputs")


@two_widths
def _scenario_lines(
    lines: pd.DataFrame, inits: tuple[str, str], *, narrow: bool = False
) -> np.ndarray:
    size = {"height": 2.9, "aspect": 0.85}
    if narrow:
        size = {"height": 1.8, "aspect": NARROW / 3.6, "col_wrap": 2}
    colors = {init_style(init).short: init_style(init).color for init in inits}
    grid = sns.relplot(
        lines.assign(init=[init_style(init).short for init in lines["init"]]), x="inputs",
        y="auc", hue="init", units="scenario", estimator=None, col="unfreezing", kind="line",
        style="backbone" if lines["backbone"].nunique() > 1 else None, marker="o",
        palette=colors, facet_kws={"legend_out": False}, **size,
    )  # fmt: skip
    grid.set_axis_labels("Inputs", "AUC")
    legend_below(grid)
    return panel_titles(grid, narrow)


def padding_forest(runs: Results) -> Picture:
    """Draw the effect of padding on each init and on their difference."""
    rows = factor_effects(runs.predictions(study="resize"), runs.inits, ("stretch", "pad"))
    rows = rows.query("group == 'all' and quantity in ['effect', 'interaction']")
    axes = forest(
        _by_source(rows),
        unit="points",
        label="label",
        legend=False,
        group="task",
        names=runs.titles,
        xlabel="Effect of padding, AUC points (these networks, 95% CI)",
    )
    return picture(axes, "Effect of padding on each initialisation and on their difference")


# ---- the size of the images

SIZES = ("224", "96")


def effects_of_size(full: Results) -> pd.DataFrame:
    """Return the effects of smaller images over all scenarios of `sizes` (`factor_effects`)."""
    rows = factor_effects(full.predictions(study="sizes"), full.inits, SIZES)
    return rows[rows["group"] == "all"]


def size_forest(full: Results, rows: pd.DataFrame) -> Picture:
    """Draw the difference with images of either size, task by task."""
    axes = forest(
        rows[rows["quantity"] == "difference"],
        unit="points",
        label="level",
        group="task",
        names=full.titles | {size: f"{size} pixels" for size in SIZES},
        xlabel="AUC points (these networks, 95% CI)",
        ends=words.sides(full.inits, stand_ins=full.stand_ins()),
    )
    return picture(axes, "Difference with images of 224 pixels and with images of 96")


def effect_of_size(full: Results, rows: pd.DataFrame) -> str:
    """Return sentences on what the size changed."""
    names = {task: inline_title(title) for task, title in full.titles.items()}
    scores = full.predictions(study="sizes").groupby("level", observed=True)
    networks = {size: diverged_networks(scores.get_group(size), full.inits) for size in SIZES}
    return words_of_studies.effect_of_size(rows, networks, full.inits, names)
