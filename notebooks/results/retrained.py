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
#
# *Answers* how far the difference between the initialisations moves when the same
# networks are trained again, on other cases, or from a briefer pretraining.
# *Needs* nothing: it reads the reference run, in about 10 s.
# *Run it*: `rin run notebooks/results/retrained.py`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display

from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import format_estimate, listed
from rin.report.page import picture
from rin.report.style import UNFREEZING_LABEL, init_style, use_style
from rin.stats import (
    factor_effects,
    init_differences,
    scenario_aucs,
    training_spread,
    with_training_spread,
)
from rin.stats.pretrainings import choose_settings, pretraining_differences
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
repeated = runs.keeping("repeats", "equal_accuracy")
inits, titles = runs.inits, runs.titles
a, b = (init_style(init).short for init in inits)
tasks = list(repeated.tasks_of("repeats"))
banner(repeated, study="repeats")

# %%
scores = repeated.predictions(study="repeats")
same_split = scores[scores["fold"] == 0]  # the others have other training cases
spread = training_spread(same_split, *inits).set_index("task")
spread.round(3)

# %% tags=["hide-input"]
trainings = same_split.groupby(["task", "scenario"])["seed"].nunique()
sds = listed(
    f"{row.sd:.1f} ({titles[row.Index].partition(',')[0]}; 95% CI "
    f"{row.sd_low:.1f}, {row.sd_high:.1f})"
    for row in (100 * spread).itertuples()
)
Markdown(f"""
**Exploratory.** {same_split["scenario"].nunique()} scenarios of
{listed(same_split["backbone"].unique())} were trained {trainings.max()} times
each, from the same weights and on the same images, in another order and with
new random weights of the head. From one training to the next, the difference
between the initialisations in one scenario has a standard deviation (SD) of
{sds} AUC points. So a single training supports no verdict.
""")

# %%
aucs = scenario_aucs(same_split).pivot(
    index=["task", "scenario", "seed"], columns="init", values="auc"
)
apart = (100 * (aucs[inits[0]] - aucs[inits[1]])).rename("points").reset_index()
grid = sns.catplot(
    apart.assign(task=apart["task"].map(titles)), x="points", y="scenario",
    col="task", kind="strip", jitter=False, color="0.25", alpha=0.7,
    height=2.8, aspect=1.2,
)  # fmt: skip
grid.refline(x=0, color="0.6", linestyle="-").set_titles("{col_name}")
grid.set_axis_labels("AUC points", "")
picture(grid.figure, "Difference in each scenario, one dot a training, by task")

# %% [markdown]
# One dot is one training of both networks. The variance between trainings is
# computed within each scenario and pooled; every scenario has seeds of its own,
# so the mean over scenarios carries it divided by their number, on top of the
# variance over patients.

# %%
main = repeated.predictions(study="main")
patients = init_differences(main, *inits)
both = with_training_spread(patients, spread.reset_index())
alone = patients[patients["group"] == "all"].assign(label="new patients")
wider = both.assign(label="new patients and trainings")
shown = pd.concat([alone, wider]).drop(columns="p_holm")
axes = forest(
    shown[shown["task"].isin(tasks)], unit="points", label="label",
    group="task", names=titles, ends=(f"{b} ahead", f"{a} ahead"),
)  # fmt: skip
picture(axes, "Mean difference with and without the variation of training")

# %%
regime = same_split.drop_duplicates("scenario").set_index("scenario")
within = apart.groupby(["task", "scenario"])["points"].var().reset_index()
within["regime"] = within["scenario"].map(regime["unfreezing"])
by_regime = within.groupby(["task", "regime"])["points"].mean().pow(0.5)
by_regime = by_regime.unstack().rename(columns=UNFREEZING_LABEL, index=titles)
by_regime.round(1)  # SD between trainings, AUC points

# %% [markdown]
# ## With other training cases
#
# Another division of the cases gives every network other images to learn from.
# The test sets of two divisions overlap, so their intervals are not independent.

# %%
once = scores[scores["seed"].isin(main["seed"]) | (scores["fold"] > 0)]
by_split = pd.concat(
    init_differences(rows, *inits).assign(division=f"division {fold + 1}")
    for fold, rows in once.groupby("fold")
)
by_split = by_split[by_split["group"] == "all"].drop(columns="p_holm")
axes = forest(
    by_split.sort_values("task", kind="stable"), unit="points",
    label="division", group="task", names=titles,
    ends=(f"{b} ahead", f"{a} ahead"),
)  # fmt: skip
picture(axes, "Mean difference by division of the cases")

# %% [markdown]
# ## After a briefer pretraining
#
# Where one corpus is easier, its networks are better at it after as many steps,
# and the better initialisation may be the one that learnt more. So one was
# pretrained briefly, until it classified its own validation images about as well
# as the other. If an initialisation were ahead or behind only for how much it had
# learnt, the difference would vanish at equal accuracy.

# %%
learnt = repeated.pretraining_histories()
kept = learnt.loc[learnt.groupby(["init", "backbone"])["val_loss"].idxmin()]
accuracy = kept.pivot(index="backbone", columns="init", values="val_accuracy")
accuracy.rename(columns=lambda init: init_style(init).short).round(3)

# %%
brief = repeated.predictions(study="equal_accuracy")
alike = main["scenario"].isin(brief["scenario"])
names = brief["init"].astype(str).str.removesuffix("_brief")
whole = main[alike & main["task"].isin(brief["task"])]
pairs = {"whole": whole, "brief": brief.assign(init=names)}

# %%
compared = pd.concat(
    init_differences(rows, *inits).assign(pretraining=name)
    for name, rows in pairs.items()
)
compared = compared[compared["group"] == "all"].sort_values(
    "task", kind="stable"
)
axes = forest(
    compared.drop(columns="p_holm"), unit="points", label="pretraining",
    group="task", names=titles | {"whole": "Whole", "brief": "Brief"},
    ends=(f"{b} ahead", f"{a} ahead"),
)  # fmt: skip
picture(
    axes, "Difference with the whole and with the brief pretraining, by task"
)

# %% tags=["hide-input"]
signs = np.sign(
    compared.pivot(index="task", columns="pretraining", values="estimate")
)
zero = (compared["ci_low"] > 0) | (compared["ci_high"] < 0)
excluded = zero.groupby(compared["pretraining"]).sum()
Markdown(f"""
The difference keeps its sign on
{(signs.nunique(axis=1) == 1).sum()} of {len(signs)} tasks; the interval over
patients excludes zero on {excluded.get("whole", 0)} with the whole pretraining
and on {excluded.get("brief", 0)} with the brief one. What remains at equal
accuracy may come from the corpus, or from fewer images and steps.
""")

# %% [markdown]
# ## At other settings of fine-tuning
#
# A mean over 24 scenarios counts settings that nobody would choose. Beside it
# stand the mean without the highest learning rate and, of runs that kept their
# scores on validation cases, the setting that these choose for each network.
# Unlike the figures above, this one has intervals over pretrainings.

# %%
display(banner(runs))
every = runs.predictions(study="main")
settings = {"all": every, "without 0.01": every[every["learning_rate"] < 0.01]}
records = pd.concat(map(runs.records, runs.tasks))
if "validation_auc" in records and records["validation_auc"].notna().any():
    settings["chosen on validation data"] = choose_settings(every, records)
choices = pd.concat(
    pretraining_differences(rows, *inits).assign(choice=name)
    for name, rows in settings.items()
).sort_values("task", kind="stable")
axes = forest(
    choices.drop(columns="p_holm"), unit="points", label="choice",
    group="task", names=titles, ends=(f"{b} ahead", f"{a} ahead"),
)  # fmt: skip
picture(axes, "Difference with the pretraining as the unit, by choice")

# %% [markdown]
# ## Trained until validation stops improving

# %%
longer = pd.DataFrame(columns=["task", "quantity"])
if "convergence" in runs.studies:
    trained = runs.predictions(study="convergence")
    together = {"all": trained["scenario"].unique()}
    longer = factor_effects(
        trained, inits, ("fixed", "converged"), groups=together
    )
moves = longer[longer["quantity"] == "interaction"].set_index("task")

# %% tags=["hide-input"]
texts = format_estimate(moves, unit="points").rename(titles)
Markdown("""
The runs shown were trained for the stated epochs only. The profiles `open` and
`open_full` ask for longer training, too.
""") if moves.empty else Markdown(f"""
When training goes on until validation stops improving, the difference {a} − {b}
moves by {listed(f"{text} ({name})" for name, text in texts.items())} AUC points
(95% CI over patients).
""")
