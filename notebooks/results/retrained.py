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
# # The same networks, trained again

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rin.report.banner import banner
from rin.report.format import book_table, format_estimate, listed
from rin.report.page import glue_values, picture
from rin.report.style import UNFREEZING_LABEL, init_style, use_style
from rin.stats import (
    init_differences,
    scenario_aucs,
    training_spread,
    with_training_spread,
)
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
a, b = (init_style(init).short for init in runs.inits)
titles = runs.titles
tasks = runs.tasks_of("repeats")
banner(runs, study="repeats")

# %% [markdown]
# Intervals elsewhere in this book tell what other patients would change. They take the trained
# networks as given, and each network was trained once. Here {glue:text}`n_scenarios` scenarios of
# {glue:text}`backbones` were trained {glue:text}`n_trainings` times each, from the same weights and
# on the same images, with another order of the images and another start of the new layers. From
# one training to the next, the difference between the initialisations in one scenario has a
# standard deviation (SD) of {glue:text}`sd_said` points of AUC.
#
# ## From training to training

# %%
scores = runs.predictions(study="repeats")
same_split = scores[scores["fold"] == 0]  # the others have other training cases

aucs = scenario_aucs(same_split)
trained = aucs.pivot(
    index=["task", "scenario", "seed"], columns="init", values="auc"
)
difference = 100 * (trained[runs.inits[0]] - trained[runs.inits[1]])

# %%
figure, panels = plt.subplots(
    1,
    len(tasks),
    figsize=(max(7.4, 4.6 * len(tasks)), 3.4),
    sharex=True,
    squeeze=False,
)
for ax, task in zip(panels[0], tasks, strict=True):
    of_scenario = dict([*difference[task].groupby("scenario")])
    for place, points in enumerate(of_scenario.values()):
        ax.plot(
            points, np.full(points.size, place), "o", color="0.25", alpha=0.7
        )
        ax.plot(
            [points.mean()] * 2,
            [place - 0.25, place + 0.25],
            color="0.25",
            lw=1.5,
        )
    ax.axvline(0, color="0.6", lw=0.8)
    ax.set(title=titles[task], xlabel=f"{a} − {b}, AUC points")
    ax.set_yticks(
        range(len(of_scenario)), of_scenario if ax is panels[0, 0] else ""
    )
    ax.margins(y=0.12)
picture(
    figure,
    "Difference of the initialisations in each scenario, one dot a training, by task",
)

# %% [markdown]
# One dot is one training of both networks, the stroke is the mean. The variance between trainings
# is computed within each scenario and pooled over the scenarios; its interval follows from the
# chi-squared distribution. Every scenario has seeds of its own, so the mean over
# {glue:text}`n_mean` scenarios carries that variance divided by {glue:text}`n_mean`, on top of the
# variance over patients.

# %%
main = runs.predictions(study="main")
patients = init_differences(main, *runs.inits)
spread = training_spread(same_split, *runs.inits)
spread = (
    with_training_spread(patients, spread).set_index("task").loc[list(tasks)]
)
patients = patients[patients["group"] == "all"].set_index("task")

# %% tags=["hide-input"]
table = pd.DataFrame(
    {
        "Task": [titles[task] for task in spread.index],
        "SD of one scenario (95% CI)": [
            f"{one.sd:.1f} ({one.sd_low:.1f}, {one.sd_high:.1f})"
            for one in (100 * spread).itertuples()
        ],
        "Mean, other patients (95% CI)": [
            format_estimate(patients.loc[task], unit="points")
            for task in spread.index
        ],
        "… and other trainings": format_estimate(
            spread, unit="points"
        ).to_list(),
        "Wider by": [f"{100 * wider:.0f} %" for wider in spread["wider"]],
    }
)
scenarios = same_split.groupby("task")["scenario"].nunique()
glue_values(
    n_scenarios=int(scenarios.max()),
    n_trainings=int(
        same_split.groupby(["task", "scenario"])["seed"].nunique().max()
    ),
    backbones=", ".join(same_split["backbone"].unique()),
    sd_said=listed(
        f"{100 * sd:.1f} ({titles[task]})" for task, sd in spread["sd"].items()
    ),
    n_mean=int(patients.loc[list(tasks), "n_scenarios"].max()),
)
book_table(
    table,
    f"{a} − {b}, AUC points, with and without the chance of training",
    prose=True,
)

# %% [markdown]
# ## Regime by regime

# %%
regime = same_split.drop_duplicates("scenario").set_index("scenario")[
    "unfreezing"
]
by_regime = (
    difference.groupby(["task", "scenario"]).var().reset_index(name="variance")
)
by_regime["unfreezing"] = by_regime["scenario"].map(regime)
by_regime = (
    by_regime.groupby(["task", "unfreezing"])["variance"]
    .mean()
    .pow(0.5)
    .unstack()
)

# %% tags=["hide-input"]
table = by_regime[[name for name in UNFREEZING_LABEL if name in by_regime]]
table = table.map("{:.1f}".format).rename(
    columns=UNFREEZING_LABEL, index=titles
)
book_table(
    table.rename_axis(columns=None, index="Task").reset_index(),
    "SD between trainings of one scenario's difference, AUC points",
)

# %% [markdown]
# ## With other training cases
#
# Another division of the cases gives every network other images to learn from, and tests it on the
# rest. The test sets of two divisions overlap, so their intervals are not independent; how far the
# estimates lie apart shows what the choice of the training cases can do.

# %%
once = scores[scores["seed"].isin(main["seed"]) | (scores["fold"] > 0)]
by_split = pd.concat(
    init_differences(rows, *runs.inits).assign(fold=fold)
    for fold, rows in once.groupby("fold")
)
by_split = by_split[by_split["group"] == "all"].sort_values(["task", "fold"])

# %% tags=["hide-input"]
table = pd.DataFrame(
    {
        "Task": [titles[task] for task in by_split["task"]],
        "Division": [f"{fold + 1}" for fold in by_split["fold"]],
        "Test cases": [f"{n:,}" for n in by_split["n_cases"]],
        **{
            label: by_split[f"auc_{end}"].map("{:.3f}".format).to_numpy()
            for end, label in zip("ab", (a, b), strict=True)
        },
        f"{a} − {b}, points (95% CI)": format_estimate(
            by_split, unit="points"
        ).to_list(),
    }
)
book_table(
    table, "Mean over the scenarios, by division of the cases", prose=True
)

# %% [markdown]
# ## After a briefer pretraining
#
# Where one corpus is easier than the other, its networks are better at it after as many steps, and
# the better initialisation may be the one that learnt more. The curves are of the validation part
# of each network's own corpus; a diamond is a pretraining that was made briefer for this
# comparison.

# %%
columns = ["init", "backbone", "epoch", "val_loss", "val_accuracy"]
learnt = runs.pretraining_histories().reindex(columns=columns)
networks = dict([*learnt.groupby("backbone", sort=False)])

figure, panels = plt.subplots(
    1,
    max(1, len(networks)),
    figsize=(1.5 + 2.2 * len(networks), 3),
    sharey=True,
    squeeze=False,
)
for ax, (name, curves) in zip(panels[0], networks.items(), strict=False):
    for init, curve in curves.groupby("init", sort=False):
        style, marker = init_style(init), "." if init in runs.inits else "D"
        ax.plot(
            "epoch",
            "val_accuracy",
            data=curve,
            color=style.color,
            marker=marker,
        )
    ax.set(title=name, xlabel="Epoch", ylim=(0, 1))
panels[0, 0].set_ylabel("Validation accuracy")
handles = [
    plt.Line2D([], [], color=init_style(i).color, label=init_style(i).label)
    for i in runs.inits
]
figure.legend(handles=handles, loc="outside lower center", ncols=2)
picture(
    figure,
    "Validation accuracy over the epochs of pretraining, a panel a network",
)

# %% [markdown]
# The weights of the epoch with the lowest validation loss are the ones that are fine-tuned. A
# brief pretraining takes fewer images or fewer epochs. If an initialisation were ahead or behind
# only for how much it had learnt, the difference would go where the accuracies are alike; what
# stays may come from the corpus, or from fewer images and steps.

# %%
kept = learnt.loc[
    learnt.groupby(["init", "backbone"], sort=False)["val_loss"].idxmin()
]
made = runs.pretraining().reindex(
    columns=["init", "backbone", "training_images", "steps", "top1"]
)
accuracy = kept.merge(made, on=["init", "backbone"])

# %% tags=["hide-input"]
table = pd.DataFrame(
    {
        "Network": accuracy["backbone"],
        "Pretraining": [init_style(init).short for init in accuracy["init"]],
        "Training images": accuracy["training_images"].map("{:,.0f}".format),
        "Steps": accuracy["steps"].map("{:,.0f}".format),
        "Validation, %": (100 * accuracy["val_accuracy"]).map("{:.1f}".format),
        "Test, %": (100 * accuracy["top1"]).map("{:.1f}".format),
    }
)
book_table(
    table, "Images of its own corpus that each network classifies rightly"
)

# %%
brief = pd.DataFrame(
    columns=["task", "pretraining", "estimate", "ci_low", "ci_high"]
)
compared, backbones = [], []
if "equal_accuracy" in runs.studies:
    scores = runs.predictions(study="equal_accuracy")
    compared, backbones = (
        [*scores["init"].unique()],
        [*scores["backbone"].unique()],
    )
    alike = main[
        main["scenario"].isin(scores["scenario"])
        & main["task"].isin(scores["task"])
    ]
    pairs = {"whole": (alike, *runs.inits), "brief": (scores, *compared)}
    brief = pd.concat(
        init_differences(rows, one, other).assign(
            pretraining=name, a=one, b=other
        )
        for name, (rows, one, other) in pairs.items()
    )
    brief = brief[brief["group"] == "all"].sort_values("task", kind="stable")
brief["clear"] = (brief["ci_low"] > 0) | (brief["ci_high"] < 0)
signs = np.sign(
    brief.pivot(index="task", columns="pretraining", values="estimate")
)
clear = brief.groupby("pretraining")["clear"].sum()

# %% tags=["hide-input"]
rows = [
    (
        titles[row.task],
        f"{init_style(row.a).short} − {init_style(row.b).short}",
        f"{row.auc_a:.3f} − {row.auc_b:.3f}",
        format_estimate(row, unit="points"),
    )
    for row in brief.itertuples()
]
of_compared = accuracy[
    accuracy["init"].isin(compared) & accuracy["backbone"].isin(backbones)
]
glue_values(
    accuracies=" and ".join(
        f"{100 * one.val_accuracy:.1f} % ({one.backbone}, {init_style(one.init).word})"
        for one in of_compared.itertuples()
    )
    or "none",
    n_brief=len(signs),
    n_same=int((signs.nunique(axis=1) == 1).sum()),
    clear_whole=int(clear.get("whole", 0)),
    clear_brief=int(clear.get("brief", 0)),
)
columns = ["Task", "Initialisations", "AUCs", "Difference, points (95% CI)"]
table = pd.DataFrame(rows, columns=columns)
book_table(table, "With the whole and with the brief pretraining", prose=True)

# %% [markdown]
# In the brief comparison the networks classify {glue:text}`accuracies` of their validation images
# rightly. The difference keeps its sign on {glue:text}`n_same` of {glue:text}`n_brief` tasks; with
# the whole pretraining it is clear on {glue:text}`clear_whole`, with the brief one on
# {glue:text}`clear_brief`. The table is empty where the profile has no `equal_accuracy`.

# %% [markdown]
# ## Run this page
#
# `rin run notebooks/results/retrained.py -p profile=open -p data_root=FOLDER`, after
# `rin study --profile open`. A profile of your own needs a section `repeats`.
