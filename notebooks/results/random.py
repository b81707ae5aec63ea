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
# # Does pretraining help at all?

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd

from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_p, listed
from rin.report.page import glue_values, picture
from rin.report.style import init_style, use_style
from rin.stats import init_differences, scenario_aucs
from rin.study import open_reference, open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
if "from_random" not in runs.studies:  # the profile does not ask for it
    runs = open_reference()
titles = runs.titles
banner(runs, study="from_random")

# %% [markdown]
# The paper compares two pretrainings with each other, never with a network that had none. Here each
# stands against random weights: {glue:text}`n_clear` of {glue:text}`n_rows` comparisons are clear
# after adjustment. The largest gain in the area under the ROC curve (AUC), with its 95% CI, is
# {glue:text}`top_gain` points: {glue:text}`top_init` weights on “{glue:text}`top_task`”.
#
# ## Gain over random weights
#
# Both networks of a comparison have the same architecture and head, see the same training images in
# the same order, and take the same number of steps. Only their first weights differ. AUCs are
# computed within each fold, then averaged over folds; patients are the independent units
# {cite:p}`obuchowski1997`, and P values are adjusted over the tasks by Holm's method
# {cite:p}`holm1979`.

# %%
scores = runs.predictions(study="from_random")

gains = []
for init in runs.inits:
    table = init_differences(scores, init, "random")
    gains.append(table[table["group"] == "all"].assign(init=init))
order = {task: place for place, task in enumerate(runs.tasks_of("from_random"))}
gains = pd.concat(gains).sort_values(
    "task", key=lambda task: task.map(order), kind="stable"
)
gains = gains.reset_index(drop=True)

# %%
rows = gains.assign(
    group=gains["task"].map(titles),
    label=[init_style(init).short for init in gains["init"]],
    kind=gains["init"],
    clear=gains["p_holm"] < 0.05,
)
axes = forest(
    rows,
    unit="points",
    xlabel="Gain over random weights, AUC points (95% CI)",
    ends=("worse", "better than random"),
)
picture(
    axes,
    "Gain of each pretraining over random weights with its 95% interval, by task",
)

# %% tags=["hide-input"]
top = gains.loc[gains["estimate"].idxmax()]
glue_values(
    n_rows=len(gains),
    n_clear=int(rows["clear"].sum()),
    top_gain=format_estimate(top, unit="points"),
    top_init=init_style(top["init"]).word,
    top_task=titles[top["task"]],
    scenarios=", ".join(scores["scenario"].unique()),
)
table = pd.DataFrame(
    {
        "Task": rows["group"],
        "Weights": rows["label"],
        "P, Holm": gains["p_holm"].map(format_p),
        "AUC (random)": [
            f"{one.auc_a:.2f} ({one.auc_b:.2f})" for one in gains.itertuples()
        ],
        "Patients": gains["n_patients"],
    }
)
book_table(table, "Each pretraining against random weights", prose=True)

# %% [markdown]
# Scenarios: {glue:text}`scenarios`. All layers are trained, for above frozen random weights only
# the head would learn.
#
# ## Fold by fold
#
# Each fold has networks of its own, and each network its own scale of scores. To rank the test
# images of all folds together would compare scores that do not share a scale, so every AUC below
# belongs to one fold.

# %%
aucs = scenario_aucs(scores)
by_fold = aucs.pivot(
    index=["task", "scenario", "fold"], columns="init", values="auc"
)
by_fold = by_fold[["random", *runs.inits]].rename(
    columns=lambda init: init_style(init).short
)
by_fold.index = [
    f"{titles[t]}, {name}, fold {fold + 1}" for t, name, fold in by_fold.index
]
table = (
    by_fold.map("{:.3f}".format)
    .rename_axis(index="Networks", columns=None)
    .reset_index()
)
book_table(table, "AUC of each scenario and fold", prose=True)

# %% [markdown]
# ## How the pretraining went
#
# What a network gains from pretraining depends on what it has learnt there. The table gives the
# share of test images of its own corpus that each network classified correctly.

# %%
learnt = ["backbone", "init", "top1", "classes", "training_images"]
trained = runs.pretraining().reindex(
    columns=learnt
)  # no rows where weights were released ones
accuracy = 100 * trained.pivot(index="backbone", columns="init", values="top1")
table = (
    accuracy.map("{:.0f}".format)
    .replace("nan", "–")
    .rename(columns=lambda init: f"{init_style(init).short}, %")
)
caption = "Test images of the pretraining corpus classified correctly"
book_table(
    table.rename_axis(columns=None, index="Backbone").reset_index(), caption
)

# %% tags=["hide-input"]
clear = gains["p_holm"] < 0.05
ahead = {
    init: set(
        gains.loc[
            clear & (gains["estimate"] > 0) & (gains["init"] == init), "task"
        ]
    )
    for init in runs.inits
}
a, b = runs.inits
of_init = gains.pivot(index="task", columns="init", values="estimate")
shares = {}
for init in runs.inits:
    top1 = 100 * trained.loc[trained["init"] == init, "top1"]
    shares[init] = (
        f"{top1.min():.0f} to {top1.max():.0f} %"
        if len(top1)
        else "an unknown share"
    )
glue_values(
    a=init_style(a).word,
    b=init_style(b).word,
    ahead_a=listed(titles[task] for task in order if task in ahead[a]),
    ahead_b=listed(titles[task] for task in order if task in ahead[b]),
    n_behind=int((clear & (gains["estimate"] < 0)).sum()),
    n_larger=int((of_init[a] > of_init[b]).sum()),
    n_tasks=len(of_init),
    classes=listed(sorted({f"{n:.0f}" for n in trained["classes"]})),
    images=listed(sorted({f"{n:.0f}" for n in trained["training_images"]})),
    shares_a=shares[a],
    shares_b=shares[b],
)

# %% [markdown]
# ## How to read it
#
# The {glue:text}`a` weights are clearly better than random ones on {glue:text}`ahead_a`; the
# {glue:text}`b` weights on {glue:text}`ahead_b`. {glue:text}`n_behind` of the gains are clearly
# below zero. The {glue:text}`a` gain is the larger on {glue:text}`n_larger` of
# {glue:text}`n_tasks` tasks.
#
# A larger gain does not show that one kind of image is the better teacher. From corpora of
# {glue:text}`classes` classes and {glue:text}`images` training images, the {glue:text}`a` networks
# classify {glue:text}`shares_a` of the test images of their corpus correctly and the
# {glue:text}`b` networks {glue:text}`shares_b`: a difference between the initialisations may be a
# difference in how much was learnt, which the page “The same networks, trained again” takes up.
#
# Two limits: every network was trained once, so that the intervals speak of other patients and not
# of another training; and a short fine-tuning leaves random weights little time to catch up.
#
# ## Run this page
#
# `rin run notebooks/results/random.py -p profile=demo` takes some seconds; so do
# `jupytext --to ipynb notebooks/results/random.py` and
# `papermill notebooks/results/random.ipynb out.ipynb -p profile demo`. A profile of your own needs
# a section `from_random`.
