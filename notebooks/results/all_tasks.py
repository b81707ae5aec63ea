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
# # All tasks
#
# *Answers* on which tasks one pretraining beats the other, whether that depends on
# the layers that are trained, and what would settle it. *Needs* nothing: it reads
# finished runs. *Takes* half a minute: `rin run notebooks/results/all_tasks.py`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin.errors import counted
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, listed
from rin.report.page import picture
from rin.report.slopes import slopes
from rin.report.style import UNFREEZING_LABEL, init_style, use_style
from rin.stats import (
    init_differences,
    mean_roc,
    pair_differences,
    pretraining_differences,
    regime_interaction,
    scenario_aucs,
)
from rin.stats.planning import (
    patients_for_equivalence,
    patients_needed,
    pretraining_power,
)
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
a, b = (init_style(init).short for init in runs.inits)
ends = (f"{b} ahead", f"{a} ahead")
titles = runs.titles
short = {task: title.partition(",")[0] for task, title in titles.items()}
order = [short[task] for task in runs.tasks]
regimes = {"all": "all scenarios", **UNFREEZING_LABEL}
banner(runs)

# %%
scores = runs.predictions(study="main")
headline = pretraining_differences(scores, *runs.inits)
differences = init_differences(scores, *runs.inits)
networks = differences[differences["group"] == "all"]

# %% tags=["hide-input"]
n_pairs = counted(headline["pairs"].max(), "pairs of networks")
clear, patients_only = (
    [short[task] for task in table.loc[table["p_holm"] < 0.05, "task"]]
    for table in (headline, networks)
)
Markdown(
    f"""
With the pretraining as the unit ({n_pairs} a task), the difference
{a.lower()} − {b.lower()} is distinguishable from zero, after adjustment
{{cite:p}}`holm1979`, on {len(clear)} of {counted(len(order), "tasks")}:
{listed(clear)}. With these networks held fixed and only the patients thought of
as drawn again {{cite:p}}`obuchowski1997`, it is so on {len(patients_only)}:
{listed(patients_only)}. Statements about pretraining follow the first
([](../../methods)).
""".replace(": none.", ".")
)

# %%
kinds = {"networks": networks, "pretrainings": headline}
both = pd.concat(rows.assign(kind=kind) for kind, rows in kinds.items())
places = {name: place for place, name in enumerate([*runs.tasks, *regimes])}
axes = forest(
    both.sort_values("task", key=lambda task: task.map(places), kind="stable")
    .drop(columns="group"),
    unit="points", names=titles, ends=ends,
    xlabel=f"{a} − {b}, AUC points (95% CI)",
)  # fmt: skip
picture(axes, "Difference on every task, with two intervals")

# %% [markdown]
# ## Every pair of networks

# %%
pairs = pair_differences(scores, *runs.inits)
pairs["points"] = 100 * pairs["estimate"]
grid = sns.catplot(
    pairs.assign(title=pairs["task"].map(short)), x="points", y="backbone",
    col="title", col_wrap=3, col_order=order, hue="pretraining",
    palette=sns.dark_palette("#B79BD6", pairs["pretraining"].nunique()),
    legend=pairs["pretraining"].nunique() > 1,
    height=2.2, aspect=1.25, s=60, jitter=False,
)  # fmt: skip
below = {"loc": "upper center", "bbox_to_anchor": (0.45, 0.03), "ncols": 2}
if grid.legend:
    sns.move_legend(grid, **below)
grid.refline(x=0).set_axis_labels("AUC points", "")
grid.set_titles("{col_name}", size=10.5)
picture(grid.axes, "Difference of each pair of networks, by task and backbone")

# %%
tested = ["q", "q_holm", "sd_backbone", "sd_pretraining"]
headline.set_index("task")[tested].dropna(axis=1, how="all").round(3)

# %% tags=["hide-input"]
unlike = headline.loc[headline["q_holm"] < 0.05, "task"]
often = pairs.groupby(["backbone", "task"])["points"].agg(["size", np.ptp])
alone = often.query("size == 1").index.unique("backbone")
again = f"Pretrained once: {listed(alone)}. " if len(alone) else ""
if often["size"].max() > 1:
    again += f"""Pretrained and fine-tuned once more, a backbone's difference
moved by up to {often["ptp"].max():.1f} points
({short[often["ptp"].idxmax()[1]]}). """
Markdown(f"""
Each dot is a pair of networks of one backbone, averaged over its scenarios. The
pairs differ by more than the patients explain (Cochran’s Q, Holm over the
tasks) on: {listed(unlike.map(short))}. What sets a pair apart may be the
backbone, or the chance of one pretraining and its fine-tuning. {again}This
scatter, and the few backbones, are why the intervals of the diamonds are wide.
""")

# %% [markdown]
# ## Does it depend on how many layers are trained?
#
# Networks are fine-tuned with the pretrained layers frozen, with the last ten of
# them trained, and with all trained.

# %%
of_regimes = pd.concat(
    pretraining_differences(rows, *runs.inits).assign(group=regime)
    for regime, rows in scores.groupby("unfreezing")
)
interaction = regime_interaction(scores, *runs.inits)
ranked = of_regimes.sort_values("estimate").groupby("task")["group"]
leading = ranked.last().value_counts()
inside = differences[differences["group"] != "all"]
units = {"networks": inside, "pretrainings": of_regimes}
lines = pd.concat(rows.assign(kind=kind) for kind, rows in units.items())

# %%
axes = forest(
    lines.sort_values(
        ["task", "group"], key=lambda column: column.map(places), kind="stable"
    ),
    unit="points", label="group", group="task", names=titles | regimes,
    xlabel=f"{a} − {b}, AUC points (95% CI)", ends=ends,
)  # fmt: skip
picture(axes, "Difference of the initialisations in each regime, by task")

# %% tags=["hide-input"]
unequal = listed(
    short[task]
    for task in interaction.loc[interaction["p_holm"] < 0.05, "task"]
)
certain = listed(
    f"{short[row.task]} ({regimes[row.group]})"
    for row in of_regimes[of_regimes["p_holm"] < 0.05].itertuples()
)
Markdown(f"""
With pretrainings as the units the difference in a regime is distinguishable
from zero (Holm over the tasks) on: {certain}. For these networks, on new
patients, it is so in {(inside["p_holm"] < 0.05).sum()} of {len(inside)} cases,
and it changes with the regime (test of interaction, Holm) on: {unequal}. No
regime has the largest difference on more than {leading.max()} of
{len(order)} tasks; regimes also differ in learning rates.
""")

# %% [markdown]
# ## Every scenario: the paper's Figures 3 and 4

# %%
aucs = scenario_aucs(scores)
layers = scores.drop_duplicates("scenario").set_index("scenario")["unfreezing"]
means = aucs.groupby(["task", "scenario", "init"])["auc"].mean().reset_index()
means = means.assign(
    unfreezing=means["scenario"].map(layers), title=means["task"].map(short)
).sort_values("task", key=lambda task: task.map(places))
axes = slopes(means, runs.inits, "title")
picture(axes, "AUC of every scenario from either initialisation, by task")

# %%
curves = mean_roc(scores)
grid = sns.relplot(
    curves.assign(title=curves["task"].map(short)), kind="line",
    x="fpr", y="tpr", col="title", col_wrap=3, col_order=order, hue="init",
    palette={init: init_style(init).color for init in runs.inits},
    estimator=None, height=2.6,
)  # fmt: skip
sns.move_legend(grid, **below, title="")
grid.set_axis_labels("False-positive rate", "True-positive rate")
grid.set_titles("{col_name}", size=10.5)
picture(grid.axes, "Mean ROC curve of either initialisation, by task")

# %% tags=["hide-input"]
failed = aucs[aucs["auc"] <= 0.5]["task"].map(titles).value_counts()
where = listed(f"{name} ({n})" for name, n in failed.items())
spread = networks[["sd_a", "sd_b"]].to_numpy()
Markdown(f"""
Each line of the upper figure is a scenario; curves of the lower figure are
averaged at equal false-positive rates. {len(aucs[aucs["auc"] <= 0.5])} of
{len(aucs)} networks are no better than chance, by task: {where}.
They count like the others; excluding them after
seeing the results would introduce bias. The SD over scenarios is
{100 * spread.min():.0f} to {100 * spread.max():.0f} points; the initialisations
differ in their mean AUC by {100 * networks["estimate"].abs().max():.1f} points
at most.
""")

# %% [markdown]
# ## What would settle it
#
# For these networks, more patients: with the same mix of them a standard error
# falls with the square root of their number. For pretraining, more backbones above
# all: more pretrainings of the same ones, or more patients, leave the scatter
# between backbones. The power is that of finding two points of AUC (two-sided, 5%)
# with the variances estimated here, so it is rough.

# %%
rows = []
pilots = networks.set_index("task")[["n_patients", "standard_error"]]
for task, spread in headline.set_index("task").iterrows():
    n, error = pilots.loc[task]
    power = {
        f"Power, {B} × {P}, {more} × patients": pretraining_power(
            0.02, spread, error, backbones=B, pretrainings=P, patients=more
        )
        for B, P, more in ((4, 3, 1), (12, 3, 1), (12, 3, 4))
    }
    needed = patients_needed(0.02, n, error)
    excluded = patients_for_equivalence(0.02, n, error)
    rows.append([short[task], n, needed, excluded, *power.values()])
start = ["Task", "Patients, or images", "To detect 2 points", "To rule out 2"]
table = pd.DataFrame(rows, columns=[*start, *power])
table[start[1:]] = table[start[1:]].map("{:,.0f}".format)
table[[*power]] = table[[*power]].map("{:.0%}".format).replace("nan%", "–")
book_table(table, "Backbones × pretrainings, and patients", prose=True)
