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
from rin.report import style
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    format_p,
    inline_title,
    listed,
)
from rin.report.lines import slopes
from rin.report.page import picture
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

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
a, b = (style.init_style(init).short for init in runs.inits)
word_a, word_b = (style.init_style(init).word for init in runs.inits)
ends = (f"{b} ahead", f"{a} ahead")
titles = runs.titles
short = {task: title.partition(",")[0] for task, title in titles.items()}
inside = {task: inline_title(title) for task, title in titles.items()}
order = [short[task] for task in runs.tasks]
groups = {"all": "all scenarios", **style.UNFREEZING_LABEL}
banner(runs)

# %%
scores = runs.predictions(study="main")
headline = pretraining_differences(scores, *runs.inits)
differences = init_differences(scores, *runs.inits)
networks = differences[differences["group"] == "all"]


def which(tasks):
    """Tasks by name; all of them, or none, in words."""
    if len(tasks) in (0, len(runs.tasks)):
        return f"all {len(tasks)} tasks" if len(tasks) else "no task"
    return listed(inside[task] for task in tasks)


# %% tags=["hide-input"]
units = {task: runs.facts(task).dataset.independence for task in runs.tasks}
nameless = [task for task, unit in units.items() if unit == "image"]
Markdown(
    f"""
With the pretraining as the unit
({counted(headline["pairs"].max(), "pairs of networks")} a task), the difference
{word_a} − {word_b} is distinguishable from zero, after adjustment
{{cite:p}}`holm1979`, on {which(headline.query("p_holm < 0.05")["task"])}. If
these networks are held fixed and only patients are taken as a sample
{{cite:p}}`obuchowski1997`, it is distinguishable from zero on
{which(networks.query("p_holm < 0.05")["task"])}. Statements about pretraining
rest on the first analysis ([Methods](../../methods)).
"""
    + (
        f"""
The files of {which(nameless)} name no patients. Images of one patient may
therefore be on both sides of the split, which makes AUCs optimistic, and each
image counts as a patient, which makes intervals too narrow.
"""
        if nameless
        else ""
    )
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
    aspect=1.4, s=60, jitter=False,
)  # fmt: skip
below = {"loc": "upper center", "bbox_to_anchor": (0.45, 0.03), "ncols": 3}
sns.move_legend(grid, **below)
grid.refline(x=0).set_axis_labels("AUC points", "")
grid.set_titles("{col_name}", size=10)
picture(grid.axes, "Difference of each pair of networks, by task and backbone")

# %%
of_backbones = backbone_tests(scores, *runs.inits)
tested = pd.DataFrame({"Task": headline["task"].map(short)})
tested["All pairs alike"] = headline["q_holm"].map(format_p)
tested["Backbones alike"] = of_backbones["p_holm"].map(format_p)
for name in ("backbone", "pretraining"):
    sds = (100 * headline[f"sd_{name}"]).map("{:.1f}".format)
    tested[f"SD of {name}s"] = sds.replace("nan", "–")
book_table(tested, "Two tests (Holm), and SDs in AUC points", prose=True)

# %% tags=["hide-input"]
moved = pairs.groupby(["backbone", "task"])["points"].agg(np.ptp)
Markdown(
    f"""
Each dot is a pair of networks of one backbone, averaged over its scenarios. A
difference common to all pairs is rejected (Cochran’s Q, Holm over the tasks) on
{which(headline.query("q_holm < 0.05")["task"])}. A pair may stand out because
of its backbone, or by chance in one pretraining and its fine-tuning. This
scatter and the small number of backbones make the intervals of the diamonds
wide.
"""
    + (
        f"""
From one pretraining to another, the difference of one backbone changed by up to
{moved.max():.1f} points ({inside[moved.idxmax()[1]]}). Backbones that differ
in their mean difference (backbone × initialisation, an approximate F test,
Holm) are found on {which(of_backbones.query("p_holm < 0.05")["task"])}.
"""
        if headline["pretrainings"].max() > 1
        else ""
    )
)

# %% [markdown]
# ## If all backbones of one pretraining move together
#
# The backbones of one pretraining share its seed and its split of the corpora, so
# their differences may move together. This sensitivity analysis gives the number
# of the pretraining a random effect of its own ([Methods](../../methods)); “fewer
# df” also reduces the degrees of freedom to those of the pretrainings. It was
# added on 24 November 2026, before results of the third pretraining were known.

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
With the crossed effect the standard error changes by a factor of up to
{growth.max():.1f} ({inside[headline["task"][growth.argmax()]]}). Zero is inside
{zero[0] or "none"} of {len(growth)} intervals of the headline,
{zero[1] or "none"} with the crossed effect, and {zero[2] or "none"} on the
fewer degrees of freedom.
"""
    if growth.notna().any()
    else "One pretraining of each backbone cannot show this."
)

# %% [markdown]
# ## Does it depend on how many layers are trained?

# %%
of_unfreezing = pd.concat(
    pretraining_differences(rows, *runs.inits).assign(group=unfreezing)
    for unfreezing, rows in scores.groupby("unfreezing")
)
interaction = unfreezing_interaction(scores, *runs.inits)
inside_groups = differences[differences["group"] != "all"]
names = titles | groups
by_layers = {"label": "group", "group": "task", "names": names, "ends": ends}
lines = in_order(networks=inside_groups, pretrainings=of_unfreezing)
axes = forest(lines, **by_layers, **shared)
picture(axes, "Difference of the initialisations by unfreezing and task")

# %% tags=["hide-input"]
certain = of_unfreezing.query("p_holm < 0.05")
where = certain["task"].map(inside) + " (" + certain["group"].map(groups) + ")"
Markdown(f"""
With the pretraining as the unit, {len(certain) or "none"} of
{len(of_unfreezing)} differences within one unfreezing
{"is" if len(certain) in (0, 1) else "are"} distinguishable from zero (Holm over
the tasks){": " + listed(where) if len(certain) else ""}; with these networks
held fixed, on new patients,
{(inside_groups["p_holm"] < 0.05).sum() or "none"}. For these networks the
difference depends on the unfreezing (test of interaction, Holm) on
{which(interaction.query("p_holm < 0.05")["task"])}. The learning rates also
depend on the unfreezing, so this is not an effect of the layers alone.
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
    palette={init: style.init_style(init).color for init in runs.inits},
    estimator=None,
)  # fmt: skip
sns.move_legend(grid, **below, title="")
grid.set_axis_labels("False-positive rate", "True-positive rate")
grid.set_titles("{col_name}", size=10)
picture(grid.axes, "Mean ROC curve of either initialisation, by task")

# %%
failed = aucs.query("auc <= 0.5")["task"].map(inside).value_counts()
network = ["task", "scenario", "init", "pretraining", "fold"]
log_odds = scores.groupby(network)["score"].std().rename("sd").reset_index()
turned = aucs.query("ci_high < 0.5").rename(columns={"auc": "estimate"})
turned["auc"] = format_estimate(turned, digits=2, signed=False)
turned = turned.merge(log_odds).replace({"task": short}).round(2).astype(str)
turned = turned[["task", "scenario", "init", "pretraining", "auc", "sd"]]
turned.columns = ["Task", "Scenario", "Weights", "No.", "AUC", "SD"]
book_table(turned, "95% CI below 0.5 (No.: pretraining)", prose=True)

# %% tags=["hide-input"]
Markdown(f"""
Each line of the upper figure is a scenario; curves of the lower figure are
averaged at equal false-positive rates. Over scenarios, AUCs have an SD of
{100 * networks[["sd_a", "sd_b"]].min(axis=None):.0f} to
{100 * networks[["sd_a", "sd_b"]].max(axis=None):.0f} points; the mean AUCs of
the initialisations differ by at most
{100 * networks["estimate"].abs().max():.1f} points.

An AUC of at most 0.5 was found for {failed.sum() or "none"} of {len(aucs)}
networks{
    " (" + listed(f"{n} on {name}" for name, n in failed.items()) + ")"
    if len(failed)
    else ""
}, an interval wholly below 0.5 for {len(turned) or "none"}; if all networks
were at chance, {0.025 * len(aucs):.0f} such intervals would be expected. The
last column is the SD of the log-odds: a very large one suggests a training that
diverged, a small one that little was learnt, so that on a small test set chance
decides the sign. Excluding networks after seeing their results
would introduce bias, so all are included.
""")

# %% [markdown]
# ## What would settle it
#
# A statement about these networks needs more patients: the table has the numbers
# that would detect a difference of two points of AUC, or rule one out if there is
# none. A statement about pretraining needs more backbones wherever backbones differ,
# since neither more pretrainings of the same backbones nor more patients reduce that
# scatter. The last columns show the power to detect two points (two-sided, 5%) with
# a number of backbones × pretrainings, each with a seed of its own: the share of
# simulated studies whose test finds it. It rests on the variances of the headline,
# which few networks estimate, and is therefore approximate.

# %%
designs = [{"backbones": count, "pretrainings": 3} for count in (4, 12)]
designs.append(designs[-1] | {"patients": 4})
columns = ["Task", "Patients, or images", "To detect 2 points", "To rule out 2"]
columns += ["Power, 4 × 3", "Power, 12 × 3", "Power, 12 × 3, 4 × patients"]
pilots = networks.set_index("task")[["n_patients", "standard_error"]]
rows = []
for task, row in headline.set_index("task").iterrows():
    n, error = pilots.loc[task]
    more = patients_needed(0.02, n, error)
    most = patients_for_equivalence(0.02, n, error)
    powers = [pretraining_power(0.02, row, **plan) for plan in designs]
    percent = [f"{power:.0%}".replace("nan%", "–") for power in powers]
    counts = map("{:,.0f}".format, (n, more, most))
    rows.append([short[task], *counts, *percent])
table = pd.DataFrame(rows, columns=columns)
book_table(table, "Backbones × pretrainings, and patients", prose=True)
