# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,jupyter,mystnb,-all
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
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
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin.errors import listed
from rin.report import headline, style
from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_p, inline_title
from rin.report.lines import slopes
from rin.report.page import picture
from rin.stats import (
    equivalence_tests,
    init_differences,
    mean_roc,
    pair_differences,
    pretraining_differences,
    pretraining_sensitivity,
    scenario_aucs,
    unfreezing_interaction,
)
from rin.stats.planning import (
    patients_for_equivalence,
    patients_needed,
    pretraining_power,
)
from rin.stats.pretrainings import backbone_tests
from rin.study import open_runs

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
inits, unreal = runs.inits, runs.stand_ins()
a, b = (style.init_style(init).short for init in inits)
titles = runs.titles
short = {task: title.partition(",")[0] for task, title in titles.items()}
inside = {task: inline_title(title) for task, title in titles.items()}
order = [short[task] for task in runs.tasks]
groups = {"all": "all scenarios", **style.UNFREEZING_LABEL}
banner(runs)

# %%
scores = runs.predictions(study="main")
across = pretraining_differences(scores, *inits)
differences = init_differences(scores, *inits)
networks = differences[differences["group"] == "all"]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
units = {task: runs.facts(task).dataset.independence for task in runs.tasks}
nameless = [task for task, unit in units.items() if unit == "image"]
Markdown(
    words.differences_by_task(across, networks, inits, inside, stand_ins=unreal)
    + words.if_real(
        """
Statements about pretraining rest on the first analysis; P values are adjusted
over the tasks {cite:p}`holm1979`. The second takes only patients as a sample
{cite:p}`obuchowski1997`: it changes with the networks, and with how long they
are fine-tuned (“The same networks, trained again”).
""",
        stand_ins=unreal,
    )
    + (
        f"""

The files of {listed(map(inside.get, nameless))} name no patients. Images of one
patient may therefore be on both sides of the split, which makes AUCs
optimistic, and each image counts as a patient, which makes intervals too
narrow.
"""
        if nameless
        else ""
    )
)

# %%
places = {name: place for place, name in enumerate([*runs.tasks, *groups])}
shared = {"unit": "points", "xlabel": f"{a} − {b}, AUC points (95% CI)"}
shared |= {"ends": words.sides(inits, stand_ins=unreal), "tested": not unreal}


def in_order(**kinds):
    """Tables of differences, each of a kind, by task and unfreezing."""
    rows = pd.concat(table.assign(kind=kind) for kind, table in kinds.items())
    return rows.sort_values(
        ["task", "group"], key=lambda names: names.map(places), kind="stable"
    )


both = in_order(networks=networks, pretrainings=across.assign(group="all"))
axes = forest(both.drop(columns="group"), names=titles, **shared)
picture(axes, "Difference on every task, with two intervals")

# %% [markdown]
# ## What is excluded
#
# That no difference is found does not mean that there is none. The table has two
# one-sided tests of a difference beyond a margin, and a test of the paper's own
# difference: a low P value excludes it. All have the pretraining as the unit; P is
# adjusted over the tasks, the interval is not.

# %%
tests = equivalence_tests(across)
published = headline.beside_paper(runs, across)
excluded = headline.exclusions(tests, published, short, stand_ins=unreal)
book_table(excluded, f"{a} − {b}, AUC points (P: Holm)", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(words.margins_excluded(tests, inside, stand_ins=unreal))

# %% [markdown]
# ## Every pair of networks

# %% jupyter={"source_hidden": true} tags=["hide-input"]
pairs = pair_differences(scores, *inits).eval("points = 100 * estimate")
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
of_backbones = backbone_tests(scores, *inits)
tested = pd.DataFrame({"Task": across["task"].map(short)})
if not unreal:
    tested["All pairs alike"] = across["q_holm"].map(format_p)
    tested["Backbones alike"] = of_backbones["p_holm"].map(format_p)
for name in ("backbone", "seed", "pretraining"):
    sds = (100 * across[f"sd_{name}"]).map("{:.1f}".format)
    tested[f"SD of {name}s"] = sds.replace("nan", "–")
caption = "Two tests (Holm), and SDs in AUC points"
book_table(tested, caption if not unreal else "SDs in AUC points", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
moved = pairs.groupby(["backbone", "task"])["points"].agg(np.ptp)
unlike = across.query("q_holm < 0.05")["task"].map(inside)
Markdown(
    """
Each dot is a pair of networks of one backbone, averaged over its scenarios. A
pair may stand out because of its backbone, or by chance in one pretraining and
its fine-tuning. This scatter and the small number of backbones make the
intervals of the diamonds wide.
"""
    + words.if_real(
        f"""
A difference common to all pairs is rejected (Cochran’s Q, Holm over the tasks)
on {words.tasks_named(unlike, len(across))}.
{words.backbones_tested(of_backbones, inside)}
""",
        stand_ins=unreal,
    )
    + (
        f"""
From one pretraining to another, the difference of one backbone changed by up to
{moved.max():.1f} points ({inside[moved.idxmax()[1]]}). The SD of pretrainings
is that of a pair beside its backbone and seed, and contains the chance of
fine-tuning.
"""
        if across["pretrainings"].max() > 1
        else ""
    )
)

# %% [markdown]
# ## What other analyses say
#
# Pairs of networks of different backbones may share the seed of their pretraining
# and its split of the corpora, and move together; the headline allows for that. The
# table also has the model in which no pairs share a seed, these backbones taken as
# fixed, a posterior mean with half-normal priors of the standard deviations
# ([Methods](../../methods)), and, where the run has others too, the backbones of the
# paper alone. “The same networks, trained again” leaves out each pair in turn.

# %%
sensitivity = pretraining_sensitivity(scores, *inits)
models = dict([*sensitivity.groupby("name", sort=False)])
if len(of_paper := headline.of_paper(runs)):
    models["The paper's backbones alone"] = of_paper
shown = headline.side_by_side(models, short)
book_table(shown, f"{a} − {b}, AUC points (95% CI)", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
The columns differ in what they take for a random draw.
{words.if_real(words.zero_inside(models), stand_ins=unreal)}
""")

# %% [markdown]
# ## Does it depend on how many layers are trained?

# %%
of_unfreezing = pd.concat(
    pretraining_differences(rows, *inits).assign(group=unfreezing)
    for unfreezing, rows in scores.groupby("unfreezing")
)
several_ways = scores["unfreezing"].nunique() > 1  # else nothing to compare
interaction = unfreezing_interaction(scores, *inits) if several_ways else None
inside_groups = differences[differences["group"] != "all"]
names = titles | groups
by_layers = {"label": "group", "group": "task", "names": names}
lines = in_order(networks=inside_groups, pretrainings=of_unfreezing)
axes = forest(lines, **by_layers, **shared)
picture(axes, "Difference of the initialisations by unfreezing and task")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(
    words.within_unfreezing(
        of_unfreezing, inside_groups, inits, inside | groups, stand_ins=unreal
    )
    + words.if_real(
        " " + words.depends_on_unfreezing(interaction, inside),
        stand_ins=unreal,
    )
)

# %% [markdown]
# ## Every scenario: the paper's Figures 3 and 4

# %%
aucs = scenario_aucs(scores)
means = aucs.groupby(["task", "scenario", "init"])["auc"].mean().reset_index()
means = means.merge(scores[["scenario", "unfreezing"]].drop_duplicates())
means = means.sort_values("task", key=lambda task: task.map(places))
axes = slopes(means.replace({"task": short}), inits, "task")
picture(axes, "AUC of every scenario from either initialisation, by task")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
curves = mean_roc(scores)
grid = sns.relplot(
    curves.assign(title=curves["task"].map(short)), kind="line", x="fpr",
    y="tpr", col="title", col_wrap=3, col_order=order, hue="init", height=2.6,
    palette={init: style.init_style(init).color for init in inits},
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
turned = aucs.query("ci_high < 0.5").merge(log_odds).replace({"task": short})
turned = turned[[*network[:-1], "auc", "ci_high", "sd"]].round(2).astype(str)
turned.columns = ["Task", "Scenario", "Weights", "No.", "AUC", "End", "SD"]
book_table(
    turned,
    "95% CI below 0.5 (No.: pretraining; End: of the interval)",
    prose=True,
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
Each line of the upper figure is a scenario; curves of the lower figure are
averaged at equal false-positive rates. Over scenarios, AUCs have an SD of
{100 * networks[["sd_a", "sd_b"]].min(axis=None):.0f} to
{100 * networks[["sd_a", "sd_b"]].max(axis=None):.0f} points; the mean AUCs of
the initialisations differ by at most
{100 * networks["estimate"].abs().max():.1f} points.

{words.near_chance(failed.sum(), len(aucs))[:-1]}{
    ": " + listed(f"{n} on {name}" for name, n in failed.items())
    if len(failed)
    else ""
}. An interval wholly below 0.5 was found for {len(turned) or "none"}; if all
networks were at chance, {0.025 * len(aucs):.0f} such intervals would be
expected. The
last column is the SD of the log-odds: a very large one suggests a training that
diverged, a small one that little was learnt, so that on a small test set chance
decides the sign. Excluding networks after seeing their results
would introduce bias, so all are included.
""")

# %% [markdown]
# ## What would settle it
#
# A statement about these networks needs enough patients: the table has the numbers
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
rows, sizes, seed = [], [], runs.study.profile.seed
for task, row in across.set_index("task").iterrows():
    n, error = pilots.loc[task]
    more = patients_needed(0.02, n, error)
    most = patients_for_equivalence(0.02, n, error)
    powers = [pretraining_power(0.02, row, seed=seed, **d) for d in designs]
    percent = [f"{power:.0%}".replace("nan%", "–") for power in powers]
    sizes.append({"name": inside[task], "patients": n, "needed": more})
    counts = map("{:,.0f}".format, (n, more, most))
    rows.append([short[task], *counts, *percent])
table = pd.DataFrame(rows, columns=columns)
book_table(table, "Backbones × pretrainings, and patients", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(words.enough_patients(pd.DataFrame(sizes)))
