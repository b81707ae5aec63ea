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
#
# *Answers* whether the comparison depends on the layers that are trained, on the
# network, and on the analysis. *Needs* nothing: it reads finished runs. *Takes*
# a minute: `rin run notebooks/results/regimes.py`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import numpy as np
import pandas as pd
import pingouin
from IPython.display import Markdown

from rin.evidence import paper
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, listed
from rin.report.heat import heat
from rin.report.page import picture
from rin.report.style import UNFREEZING_LABEL, init_style, use_style
from rin.stats import (
    EQUIVALENCE_MARGIN,
    holm,
    init_differences,
    paired_t,
    pretraining_differences,
    regime_interaction,
    scenario_aucs,
    task_analyses,
)
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
a, b = (init_style(init).short for init in runs.inits)
titles = runs.titles
short = {task: title.partition(",")[0] for task, title in titles.items()}
regimes = {"all": "all scenarios", **UNFREEZING_LABEL}
banner(runs)

# %%
scores = runs.predictions(study="main")
networks = init_differences(scores, *runs.inits)
headline = pd.concat(
    pretraining_differences(rows, *runs.inits).assign(group=regime)
    for regime, rows in scores.groupby("unfreezing")
)
interaction = regime_interaction(scores, *runs.inits)

# %% tags=["hide-input"]
changed = listed(
    short[task]
    for task in interaction.loc[interaction["p_holm"] < 0.05, "task"]
)
clear = headline[headline["p_holm"] < 0.05]
named = listed(
    f"{short[row.task]} ({regimes[row.group]})" for row in clear.itertuples()
)
inside = networks[networks["group"] != "all"]
Markdown(f"""
Networks are fine-tuned with the pretrained layers frozen, with the last ten of
them trained, and with all trained. With pretrainings as the units the
difference {a} − {b} is distinguishable from zero in a regime (Holm over the
tasks {{cite:p}}`holm1979`) on: {named}. For these networks, on new patients
{{cite:p}}`obuchowski1997`, it is so in {(inside["p_holm"] < 0.05).sum()} of
{len(inside)} cases, and it changes with the regime (test of interaction) on:
{changed}.
""")

# %%
both = pd.concat(
    [
        networks[networks["group"] != "all"].assign(kind="networks"),
        headline.assign(kind="pretrainings"),
    ]
)
places = {name: place for place, name in enumerate([*titles, *regimes])}
both = both.sort_values(
    ["task", "group"], key=lambda column: column.map(places), kind="stable"
)
axes = forest(
    both,
    unit="points",
    label="group",
    group="task",
    names=titles | regimes,
    xlabel=f"{a} − {b}, AUC points (95% CI)",
    ends=(f"{b} ahead", f"{a} ahead"),
)
picture(axes, "Difference of the initialisations in each regime, by task")

# %%
interaction.assign(task=interaction["task"].map(titles)).round(3)

# %% [markdown]
# Where regimes differ on a task, one reading is that features of one corpus are
# the better ones to keep and that the advantage goes once everything may adapt.
# Regimes also differ in learning rates, so that this is not the only reading.
#
# ## Which regime, which network
#
# The paper says that “unfreezing all layers consistently achieved the best
# performance” and that “Inception-ResNet-v2, ResNet50, and DenseNet121 achieved
# higher performance than Inception V3”, without AUCs by regime or network. The
# same function compares two regimes, or two networks, when their names are in
# the column `init`: these networks, new patients, averaged over initialisations.


# %%
def compared(column, level, other):
    """Compare two levels of a column, averaged over everything else."""
    rate = scores.groupby("unfreezing")["learning_rate"].rank("dense")
    names = sorted({"backbone", "unfreezing", "init"} - {column})
    rest = scores[names[0]] + " " + scores[names[1]] + " " + rate.astype(str)
    relabelled = scores.assign(
        init=scores[column], scenario=rest, unfreezing="any"
    )
    table = init_differences(relabelled, level, other)
    label = f"{regimes.get(level, level)} − {regimes.get(other, other)}"
    return table[table["group"] == "all"].assign(label=label)


# %%
backbones = sorted(scores["backbone"].unique())
weakest = "InceptionV3" if "InceptionV3" in backbones else backbones[-1]
contrasts = [
    ("unfreezing", "unfreeze_all", "unfreeze_top10"),
    ("unfreezing", "unfreeze_all", "freeze_all"),
    *(("backbone", name, weakest) for name in backbones if name != weakest),
]
levels = pd.concat(compared(*contrast) for contrast in contrasts)

# %%
order = [short[task] for task in runs.tasks]
cells = levels.assign(
    points=100 * levels["estimate"],
    clear=levels["p_holm"] < 0.05,
    task=levels["task"].map(short),
).pivot(index="label", columns="task")
cells = cells.loc[levels["label"].unique()]
ax = heat(cells["points"][order], clear=cells["clear"])
picture(ax, "Differences of regimes and of networks, by task")

# %% [markdown]
# AUC points, first less second; * adjusted P < .05. For “consistently” the two
# upper rows would have to be positive with a star on every task; for the second
# sentence, all the lower ones.
#
# ## Mean and best

# %%
aucs = scenario_aucs(scores).groupby(["task", "scenario", "init"])["auc"].mean()
best = aucs.groupby(["task", "init"]).max().unstack()
table = best.loc[list(runs.tasks), list(runs.inits)].set_axis([a, b], axis=1)
table = table.set_axis(order).rename_axis(index="Task").reset_index()
book_table(
    table.round(3).astype(str),
    "AUC of the best scenario, chosen on the test images themselves",
)

# %% [markdown]
# The best scenario is chosen with the answers known, so both columns are too
# high; a mean over scenarios and a best scenario can disagree without either
# being wrong.
#
# ## Several analyses of one difference

# %%
tables = {}
for task in runs.tasks:
    parts = runs.facts(task).split
    tables[short[task]] = task_analyses(
        runs.predictions(task=task),
        *runs.inits,
        test_train_ratio=parts["test"] / parts["train"],
        seed=runs.study.profile.seed,
    ).set_index("name")
nine = pd.concat(tables, axis=1)
estimates = 100 * nine.xs("estimate", axis=1, level=1)
adjusted = nine.xs("p_value", axis=1, level=1).apply(
    holm, axis=1, result_type="broadcast"
)

# %%
ax = heat(
    estimates.dropna(how="all"), runs.inits, clear=adjusted < 0.05, limit=15
)
picture(ax, "Difference by several analyses of the same predictions, by task")

# %% tags=["hide-input"]
called = [
    short[task]
    for task in paper.CLAIMS["comparable"].value
    if short.get(task) in tables
]
recommended = nine[order[0]].query("recommended").index[0]
verdicts = {name: tables[name].loc[recommended] for name in called}
equal = [name for name, row in verdicts.items() if row["equivalent"]]
Markdown(f"""
{a} − {b} in AUC points, {b.lower()} ahead in orange; * P < .05, adjusted over
the tasks, row by row. The analyses differ in what they take as the sample
([](../../methods_statistics)); none takes the pretraining, so a star says
something of these networks only. {int((adjusted < 0.05).sum(axis=None))} of
{int(adjusted.notna().sum(axis=None))} cells have one. Of the tasks that the
paper calls comparable, {listed(called)} have results here; shown to lie within
±{100 * EQUIVALENCE_MARGIN:.0f} points by “{recommended}”: {listed(equal)}.
""")

# %% [markdown]
# The paired t test over scenarios is one line of pingouin, and `rin.stats` gives
# the same.

# %%
first, second = (
    aucs.xs(runs.tasks[0])[:, init].to_numpy() for init in runs.inits
)
test = pingouin.ttest(first, second, paired=True).iloc[0]
same = paired_t(first, second)
assert np.allclose([test["T"], test["p_val"]], [same.statistic, same.p_value])
print(runs.tasks[0], format_estimate(same, unit="points"))
