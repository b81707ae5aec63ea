# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does it matter how much of the network is trained?

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

from rin.evidence import paper
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_p, listed
from rin.report.page import glue_values, picture
from rin.report.style import init_style, use_style
from rin.stats import (
    EQUIVALENCE_MARGIN,
    holm,
    init_differences,
    regime_interaction,
    task_analyses,
)
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
titles = runs.titles
banner(runs)

# %% [markdown]
# The study fine-tunes each network in three regimes: with the pretrained layers frozen, with the
# last ten of them trained, and with all of them trained. The difference between the two
# initialisations changes clearly with the regime on {glue:text}`n_interaction` of
# {glue:text}`n_tasks` tasks (test of interaction, adjusted), which a mean over all scenarios cannot
# show.
#
# ## The difference in each regime
#
# Differences are of areas under the ROC curve (AUC), averaged over the scenarios of a regime.
# Patients are the independent units {cite:p}`obuchowski1997`; P values are adjusted over the tasks,
# within a regime, by Holm's method {cite:p}`holm1979`.

# %%
scores = runs.predictions(study="main")
differences = init_differences(scores, *runs.inits)

# %%
names = {
    "all": "all regimes",
    "freeze_all": "frozen",
    "unfreeze_top10": "ten layers",
    "unfreeze_all": "all layers",
}
rows = differences.assign(
    group=differences["task"].map(titles),
    label=differences["group"].map(names),
    clear=differences["p_holm"] < 0.05,
)
a, b = (init_style(init).short for init in runs.inits)
word_a, word_b = (init_style(init).word for init in runs.inits)
axes = forest(
    rows,
    unit="points",
    xlabel=f"{a} − {b}, AUC points (95% CI)",
    ends=(f"{word_b} ahead", f"{word_a} ahead"),
)
picture(
    axes,
    "Difference between the initialisations in each unfreezing regime, by task",
)

# %% [markdown]
# Of {glue:text}`n_regimes` differences within a regime, {glue:text}`n_clear` are clear after
# adjustment. Whether the regimes differ from each other is another question, and one test answers
# it: are the differences of a task's regimes all equal?

# %%
interaction = regime_interaction(scores, *runs.inits)
table = pd.DataFrame(
    {
        "Task": interaction["task"].map(titles),
        "χ² (df)": [
            f"{row.statistic:.1f} ({row.df})"
            for row in interaction.itertuples()
        ],
        "P": interaction["p_value"].map(format_p),
        "P, Holm": interaction["p_holm"].map(format_p),
    }
)
book_table(table, "Do the regimes' differences differ?", prose=True)

# %% tags=["hide-input"]
within = differences[differences["group"] != "all"]
glue_values(
    n_tasks=len(interaction),
    n_interaction=int((interaction["p_holm"] < 0.05).sum()),
    n_regimes=len(within),
    n_clear=int((within["p_holm"] < 0.05).sum()),
    a=word_a,
    b=word_b,
)

# %% [markdown]
# ## Which regime, which network
#
# The paper says that “unfreezing all layers consistently achieved the best performance” and that
# “Inception-ResNet-v2, ResNet50, and DenseNet121 achieved higher performance than Inception V3”,
# without printing an AUC by regime or network. Per-case predictions can test both: the same
# function compares two regimes, or two networks, when their names stand in the column `init`.


# %%
def compared(scores, column, level, other):
    """Compare two levels of a column, averaged over everything else."""
    rate = (
        scores.groupby("unfreezing")["learning_rate"]
        .rank("dense")
        .map({1: "low", 2: "high"})
    )
    rest = [
        scores[name]
        for name in ("backbone", "unfreezing", "init")
        if name != column
    ]
    own = scores.assign(
        init=scores[column], scenario=rest[0].str.cat([rest[1], rate], sep=" ")
    )
    table = init_differences(own.assign(unfreezing="any"), level, other)
    return table[table["group"] == "all"].assign(level=level, other=other)


regimes = pd.concat(
    compared(scores, "unfreezing", "unfreeze_all", other)
    for other in ("unfreeze_top10", "freeze_all")
)
backbones = list(scores["backbone"].unique())
weakest = "InceptionV3" if "InceptionV3" in backbones else backbones[-1]
networks = pd.concat(
    [regimes[:0]]
    + [
        compared(scores, "backbone", level, weakest)
        for level in backbones
        if level != weakest
    ]
)


# %%
def rows_of(table, label):
    table = table.sort_values(
        "task", key=lambda task: task.map(runs.tasks.index), kind="stable"
    )
    return table.assign(
        group=table["task"].map(titles),
        label=label(table),
        clear=table["p_holm"] < 0.05,
    )


axes = forest(
    rows_of(regimes, lambda table: "against " + table["other"].map(names)),
    xlabel="All layers − other regime, AUC points (95% CI)",
    unit="points",
    ends=("other ahead", "all layers ahead"),
)
picture(
    axes,
    "All layers trained against ten or none of the pretrained layers, by task",
)

# %%
if len(networks):
    axes = forest(
        rows_of(networks, lambda table: table["level"]),
        unit="points",
        xlabel=f"Network − {weakest}, AUC points (95% CI)",
        ends=(f"{weakest} ahead", "network ahead"),
    )
    alt = f"Each network against {weakest}, averaged over regimes and weights, by task"
    display(picture(axes, alt))

# %% [markdown]
# These differences are averaged over the two initialisations.
#
# ## Nine analyses of one difference
#
# The same predictions can be analysed in many ways, which share their data and differ in what they
# take as the sample. The first way has the widths of the published intervals; the recommended one
# takes patients, for it is to other patients that a conclusion is carried.

# %%
seed = runs.study.profile.seed
tables = {}
for task in runs.tasks:
    parts = runs.facts(task).split
    ratio = parts["test"] / parts["train"]
    tables[task] = task_analyses(
        runs.predictions(task=task),
        *runs.inits,
        test_train_ratio=ratio,
        seed=seed,
    )
nine = pd.concat(
    {task: table.set_index("analysis") for task, table in tables.items()},
    axis=1,
)
estimates = 100 * nine.xs("estimate", axis=1, level=1)
adjusted = nine.xs("p_value", axis=1, level=1).apply(
    holm, axis=1, result_type="broadcast"
)
analyses = nine[runs.tasks[0]]

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(8, 5))
for down, analysis in enumerate(estimates.index):
    for across, task in enumerate(estimates):
        value, p = estimates.loc[analysis, task], adjusted.loc[analysis, task]
        side = runs.inits[0 if value > 0 else 1]
        color = init_style(side).color if p < 0.05 else "#F0F0F0"
        ax.add_patch(
            plt.Rectangle(
                (across - 0.47, down - 0.44), 0.94, 0.88, color=color, alpha=0.6
            )
        )
        text = (
            f"{value:+.1f}\n{format_p(p)}".replace("-", "−") if p == p else "–"
        )
        ax.text(
            across,
            down,
            text,
            ha="center",
            va="center",
            fontsize=9 if len(tables) < 6 else 8,
        )
ax.set(xlim=(-0.5, len(tables) - 0.5), ylim=(len(estimates) - 0.5, -0.5))
labels = [
    fill(titles[task], 14 if len(tables) < 6 else 10) for task in estimates
]
ax.set_xticks(
    range(len(tables)), labels, fontsize=9.5 if len(tables) < 6 else 7.5
)
ax.set_yticks(range(len(estimates)), analyses.loc[estimates.index, "name"])
for label, mark in zip(
    ax.get_yticklabels(), analyses["recommended"], strict=True
):
    label.set_fontweight("bold" if mark else "normal")
ax.xaxis.tick_top()
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
picture(
    figure, "Difference and adjusted P value of every analysis on every task"
)

# %% [markdown]
# Each cell holds the difference {glue:text}`a` − {glue:text}`b` in AUC points and its P value,
# adjusted over the tasks; it is coloured by the initialisation that is ahead where that is below
# .05, and a dash marks an analysis that the data do not allow. The recommended analysis is bold.

# %% tags=["hide-input"]
table = pd.DataFrame(
    {"Analysis": analyses["name"], "Speaks of": analyses["generalises_to"]}
)
book_table(
    table.reset_index(drop=True),
    "What each analysis generalises to",
    prose=True,
)

# %% [markdown]
# ## What is clear


# %%
def verdict(table, comparison):
    """Name the tasks on which one side of a comparison, or the other, is clearly ahead."""
    clear = table[table["p_holm"] < 0.05]
    ahead = clear["estimate"] > 0
    sides = (
        listed(titles[task] for task in clear.loc[side, "task"])
        for side in (ahead, ~ahead)
    )
    return (
        comparison,
        *sides,
        f"{(table['estimate'] > 0).sum()} of {len(table)}",
    )


groups = differences.groupby("group", sort=False)
rows = [verdict(one, f"{a} − {b}, {names[regime]}") for regime, one in groups]
rows += [
    verdict(one, f"All layers − {names[other]}")
    for other, one in regimes.groupby("other", sort=False)
]
rows += [
    verdict(one, f"{name} − {weakest}")
    for name, one in networks.groupby("level")
]
columns = [
    "Comparison",
    "First clearly ahead",
    "Second clearly ahead",
    "First ahead at all",
]
book_table(
    pd.DataFrame(rows, columns=columns),
    "Tasks on which one side is clearly ahead",
    prose=True,
)

# %% tags=["hide-input"]
recommended = estimates.index[analyses.loc[estimates.index, "recommended"]]
called = {
    task: tables[task].set_index("analysis").loc[recommended[0]]
    for task in paper.CLAIMS["comparable"].value
    if task in tables
}
sizes = [runs.facts(task).size for task in runs.tasks]
glue_values(
    n_cells=int(adjusted.notna().sum(axis=None)),
    n_clear_cells=int((adjusted < 0.05).sum(axis=None)),
    n_clear_recommended=int((adjusted.loc[recommended] < 0.05).sum(axis=None)),
    margin=100 * EQUIVALENCE_MARGIN,
    called=listed(titles[task] for task in called),
    equivalent=listed(
        titles[task] for task, row in called.items() if row["equivalent"]
    ),
    margins=listed(
        f"{100 * row['smallest_margin']:.1f}" for row in called.values()
    ),
    smallest_size=min(sizes),
    largest_size=max(sizes),
    paper_size=paper.SETTINGS["image_size"].value,
)

# %% [markdown]
# P values are adjusted over the tasks, row by row. For the paper's first sentence, “consistently”,
# all layers would have to be ahead on every task in both rows; for its second, each of the three
# networks. Images here are {glue:text}`smallest_size` to {glue:text}`largest_size` pixels a side,
# which may suit InceptionV3 badly; the paper used {glue:text}`paper_size`.
#
# Where the regimes differ on a task, one reading is that features of one corpus are the better ones
# to keep and that the advantage goes once everything may adapt.
#
# The choice of analysis matters too: of {glue:text}`n_cells` cells of nine analyses,
# {glue:text}`n_clear_cells` are clear, and {glue:text}`n_clear_recommended` in the recommended one.
# The paper calls breast, pneumonia and hemorrhage comparable. Of those with results here
# ({glue:text}`called`), shown to lie within ±{glue:text}`margin:.0f` points:
# {glue:text}`equivalent`. The smallest margins that the runs support are, in the same order,
# {glue:text}`margins` points.
#
# Networks of the reference run were pretrained here, on small corpora: whether a sentence of the
# paper carries over to them says nothing about whether it was true of the paper's.
#
# ## Run this page
#
# `rin run notebooks/results/regimes.py -p profile=demo` takes half a minute; so do
# `jupytext --to ipynb notebooks/results/regimes.py` and
# `papermill notebooks/results/regimes.ipynb out.ipynb -p profile demo`.
