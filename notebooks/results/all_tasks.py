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
from rin.report.format import book_table, format_estimate, listed
from rin.report.lines import slopes
from rin.report.page import picture
from rin.report.style import UNFREEZING_LABEL, init_style, use_style
from rin.stats import (
    init_differences,
    mean_roc,
    pair_differences,
    pretraining_differences,
    scenario_aucs,
    unfreezing_interaction,
)
from rin.stats.planning import (
    patients_for_equivalence,
    patients_needed,
    pretraining_power,
)
from rin.stats.pretrainings import backbone_tests, crossed_differences
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
a, b = (init_style(init).short for init in runs.inits)
ends = (f"{b} ahead", f"{a} ahead")
titles = runs.titles
short = {task: title.partition(",")[0] for task, title in titles.items()}
order = [short[task] for task in runs.tasks]
groups = {"all": "all scenarios", **UNFREEZING_LABEL}
banner(runs)

# %%
scores = runs.predictions(study="main")
headline = pretraining_differences(scores, *runs.inits)
differences = init_differences(scores, *runs.inits)
networks = differences[differences["group"] == "all"]


def clear(tests):
    """The tasks of a table of tests whose adjusted P is below .05."""
    return [short[task] for task in tests.query("p_holm < 0.05")["task"]]


# %% tags=["hide-input"]
nameless = [
    short[task]
    for task in runs.tasks
    if runs.facts(task).dataset.independence == "image"
]
Markdown(
    f"""
With the pretraining as the unit
({counted(headline["pairs"].max(), "pairs of networks")} a task), the difference
{a.lower()} − {b.lower()} is distinguishable from zero, after adjustment
{{cite:p}}`holm1979`, on {len(clear(headline))} of
{counted(len(order), "tasks")}: {listed(clear(headline))}. With these networks
held fixed and only the patients thought of as drawn again
{{cite:p}}`obuchowski1997`, it is so on {len(clear(networks))}:
{listed(clear(networks))}. Statements about pretraining follow the first
([Methods](../../methods)).

Files that name no patients: {listed(nameless)}. There a patient may be on both
sides of the split, which makes AUCs optimistic, and each image counts as a
patient, which makes intervals too narrow.
""".replace(": none.", ".")
)

# %%
places = {name: place for place, name in enumerate([*runs.tasks, *groups])}
shared = {"unit": "points", "xlabel": f"{a} − {b}, AUC points (95% CI)"}


def in_order(**kinds):
    """Tables of differences, each of a kind, by task and unfreezing."""
    rows = pd.concat(table.assign(kind=kind) for kind, table in kinds.items())
    return rows.sort_values(
        ["task", "group"], key=lambda names: names.map(places), kind="stable"
    )


both = in_order(networks=networks, pretrainings=headline.assign(group="all"))
axes = forest(both.drop(columns="group"), names=titles, ends=ends, **shared)
picture(axes, "Difference on every task, with two intervals")

# %% [markdown]
# ## Every pair of networks

# %%
pairs = pair_differences(scores, *runs.inits)
pairs["points"] = 100 * pairs["estimate"]
grid = sns.catplot(
    pairs.assign(title=pairs["task"].map(short)), x="points", y="backbone",
    col="title", col_wrap=3, col_order=order, hue="pretraining", height=2.2,
    palette=sns.dark_palette("#B79BD6", pairs["pretraining"].nunique()),
    aspect=1.25, s=60, jitter=False,
)  # fmt: skip
below = {"loc": "upper center", "bbox_to_anchor": (0.45, 0.03), "ncols": 3}
sns.move_legend(grid, **below)
grid.refline(x=0).set_axis_labels("AUC points", "")
grid.set_titles("{col_name}", size=10.5)
picture(grid.axes, "Difference of each pair of networks, by task and backbone")

# %%
of_backbones = backbone_tests(scores, *runs.inits)
tested = headline[["task", "q_holm", "sd_backbone", "sd_pretraining"]]
tested = tested.assign(backbones_holm=of_backbones["p_holm"]).set_index("task")
tested.dropna(axis=1, how="all").round(3)

# %% tags=["hide-input"]
moved = pairs.groupby(["backbone", "task"])["points"].agg(np.ptp)
Markdown(
    f"""
Each dot is a pair of networks of one backbone, averaged over its scenarios. The
pairs are not all alike (Cochran’s Q, Holm over the tasks) on:
{listed(tested.query("q_holm < 0.05").index.map(short))}.
What sets a pair apart may be the backbone, or the chance of one pretraining and
its fine-tuning. This scatter, and the few backbones, are why the intervals of
the diamonds are wide.
"""
    + (
        f"""
From one pretraining to another a backbone’s difference moved by up to
{moved.max():.1f} points ({short[moved.idxmax()[1]]}). The means of the
backbones differ (backbone × initialisation, a rough F test, Holm) on:
{listed(clear(of_backbones))}.
"""
        if headline["pretrainings"].max() > 1
        else ""
    )
)

# %% [markdown]
# ## If all backbones of one pretraining move together
#
# They share its seed and its split of the corpora. In this sensitivity analysis,
# of 24 November 2026, before the third pretraining was known, its number has an
# effect of its own ([Methods](../../methods)).

# %%
models = {
    "Headline": headline,
    "Crossed": crossed_differences(scores, *runs.inits),
    "Fewer df": crossed_differences(scores, *runs.inits, contained=True),
}
shown = {k: format_estimate(t, unit="points") for k, t in models.items()}
shown = pd.DataFrame({"Task": headline["task"].map(short), **shown})
book_table(shown, f"{a} − {b}, AUC points (95% CI)", prose=True)

# %% tags=["hide-input"]
zero = [rows.eval("ci_low < 0 < ci_high").sum() for rows in models.values()]
growth = models["Crossed"]["standard_error"] / headline["standard_error"]
Markdown(
    f"""
The standard error becomes up to {growth.max():.1f} times as large
({short[headline["task"][growth.argmax()]]}). Intervals that include zero:
{zero[0]} of {len(growth)} of the headline, {zero[1]} with the crossed effect,
and {zero[2]} on the fewer degrees of freedom of the pretrainings.
"""
    if growth.notna().any()
    else "Each backbone was pretrained once, which leaves this open."
)

# %% [markdown]
# ## Does it depend on how many layers are trained?

# %%
of_unfreezing = pd.concat(
    pretraining_differences(rows, *runs.inits).assign(group=unfreezing)
    for unfreezing, rows in scores.groupby("unfreezing")
)
interaction = unfreezing_interaction(scores, *runs.inits)
inside = differences[differences["group"] != "all"]
names = titles | groups
by_layers = {"label": "group", "group": "task", "names": names, "ends": ends}
lines = in_order(networks=inside, pretrainings=of_unfreezing)
axes = forest(lines, **by_layers, **shared)
picture(axes, "Difference of the initialisations by unfreezing and task")

# %% tags=["hide-input"]
certain = of_unfreezing.query("p_holm < 0.05")
certain = certain["task"].map(short) + " (" + certain["group"].map(groups)
Markdown(f"""
With pretrainings as the units the difference at one unfreezing is
distinguishable from zero (Holm over the tasks) on: {listed(certain + ")")}. For
these networks, on new patients, it is so in {len(clear(inside))} of
{len(inside)} cases, and it changes with the unfreezing (test of interaction,
Holm) on: {listed(clear(interaction))}. Learning rates change with it.
""")

# %% [markdown]
# ## Every scenario: the paper's Figures 3 and 4

# %%
aucs = scenario_aucs(scores)
means = aucs.groupby(["task", "scenario", "init"])["auc"].mean().reset_index()
means = means.merge(scores[["scenario", "unfreezing"]].drop_duplicates())
means = means.sort_values("task", key=lambda task: task.map(places))
axes = slopes(means.replace({"task": short}), runs.inits, "task")
picture(axes, "AUC of every scenario from either initialisation, by task")

# %%
curves = mean_roc(scores)
grid = sns.relplot(
    curves.assign(title=curves["task"].map(short)), kind="line", x="fpr",
    y="tpr", col="title", col_wrap=3, col_order=order, hue="init", height=2.6,
    palette={init: init_style(init).color for init in runs.inits},
    estimator=None,
)  # fmt: skip
sns.move_legend(grid, **below, title="")
grid.set_axis_labels("False-positive rate", "True-positive rate")
grid.set_titles("{col_name}", size=10.5)
picture(grid.axes, "Mean ROC curve of either initialisation, by task")

# %% tags=["hide-input"]
failed = aucs.query("auc <= 0.5")["task"].map(short).value_counts()
network = list(aucs.columns[: aucs.columns.get_loc("auc")])
log_odds = scores.groupby(network)["score"].std().rename("sd").reset_index()
turned = aucs.query("ci_high < 0.5").merge(log_odds)
listing = "; ".join(
    f"{short[row.task]}, {row.scenario}, {init_style(row.init).word}"
    f" {row.pretraining}: {row.auc:.2f} ({row.ci_low:.2f}, {row.ci_high:.2f}),"
    f" SD {row.sd:.1f}"
    for row in turned.itertuples()
)
Markdown(f"""
Each line of the upper figure is a scenario; curves of the lower figure are
averaged at equal false-positive rates. The SD over scenarios is
{100 * networks[["sd_a", "sd_b"]].min(axis=None):.0f} to
{100 * networks[["sd_a", "sd_b"]].max(axis=None):.0f} points; the
initialisations differ in their mean AUC by
{100 * networks["estimate"].abs().max():.1f} points at most.

{failed.sum()} of {len(aucs)} networks have an AUC of at most 0.5:
{listed(f"{name} {n}" for name, n in failed.items())}. {len(turned)} of them
have an interval wholly below it, so they rank the wrong way round; if all
networks were at chance, {0.025 * len(aucs):.0f} would. With the number of the
pretraining and the SD of the log-odds: {listing or "none"}. A very large SD
marks a training that diverged at a high learning rate; where it is small,
little was learnt, and a small test set lets chance decide the sign. All of them
count like the others: excluding networks after seeing their results would
introduce bias.
""")

# %% [markdown]
# ## What would settle it
#
# For these networks, more patients. For pretraining, more backbones above all: more
# pretrainings of the same ones, or more patients, leave the scatter between
# backbones. The power is that of finding two points of AUC (two-sided, 5%), with
# backbones × pretrainings and the variances of the headline, so it is rough.

# %%
designs = [
    {"backbones": 4, "pretrainings": 3},
    {"backbones": 12, "pretrainings": 3},
    {"backbones": 12, "pretrainings": 3, "patients": 4},
]
columns = ["Task", "Patients, or images", "To detect 2 points", "To rule out 2"]
columns += ["Power, 4 × 3", "Power, 12 × 3", "Power, 12 × 3, 4 × patients"]
pilots = networks.set_index("task")[["n_patients", "standard_error"]]
rows = []
for task, row in headline.set_index("task").iterrows():
    n, error = pilots.loc[task]
    more = patients_needed(0.02, n, error)
    most = patients_for_equivalence(0.02, n, error)
    powers = [pretraining_power(0.02, row, error, **plan) for plan in designs]
    percent = [f"{power:.0%}".replace("nan%", "–") for power in powers]
    rows.append(
        [short[task], *map("{:,.0f}".format, (n, more, most)), *percent]
    )
table = pd.DataFrame(rows, columns=columns)
book_table(table, "Backbones × pretrainings, and patients", prose=True)
