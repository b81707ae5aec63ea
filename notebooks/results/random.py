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
from rin.report.format import book_table, format_estimate, format_p
from rin.report.page import claim, glue_values, picture
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
gains = pd.concat(gains).sort_values("task", key=lambda task: task.map(order), kind="stable")
gains = gains.reset_index(drop=True)

# %%
points = 100 * gains[["difference", "ci_low", "ci_high"]]
rows = points.set_axis(["estimate", "low", "high"], axis="columns").assign(
    group=gains["task"].map(titles),
    label=[init_style(init).short for init in gains["init"]],
    kind=gains["init"],
    clear=gains["p_holm"] < 0.05,
)
axes = forest(
    rows,
    xlabel="Gain over random weights, AUC points (95% CI)",
    ends=("worse", "better than random"),
)
picture(axes, "Gain of each pretraining over random weights with its 95% interval, by task")

# %% tags=["hide-input"]
top = gains.loc[gains["difference"].idxmax()]
glue_values(
    n_rows=len(gains),
    n_clear=int(rows["clear"].sum()),
    top_gain=format_estimate(*100 * top[["difference", "ci_low", "ci_high"]], 1),
    top_init=init_style(top["init"]).short.lower(),
    top_task=titles[top["task"]],
    scenarios=", ".join(scores["scenario"].unique()),
)
table = pd.DataFrame(
    {
        "Task": rows["group"],
        "Weights": rows["label"],
        "P, Holm": gains["p_holm"].map(format_p),
        "AUC": gains["auc_a"].map("{:.2f}".format),
        "AUC, random": gains["auc_b"].map("{:.2f}".format),
        "Patients": gains["n_patients"],
    }
)
book_table(table, "Each pretraining against random weights", prose=True)

# %% [markdown]
# The scenario is {glue:text}`scenarios`: all layers are trained, for above frozen random weights
# only the head would learn.
#
# ## Fold by fold
#
# Each fold has networks of its own, and each network its own scale of scores. To rank the test
# images of all folds together would compare scores that do not share a scale, so every AUC below
# belongs to one fold.

# %%
aucs = scenario_aucs(scores)
by_fold = aucs.pivot(index=["task", "fold"], columns="init", values="auc")
by_fold = by_fold[["random", *runs.inits]].rename(columns=lambda init: init_style(init).short)
by_fold.index = [f"{titles[task]}, fold {fold + 1}" for task, fold in by_fold.index]
table = by_fold.map("{:.3f}".format).rename_axis(index="Test set", columns=None).reset_index()
book_table(table, "AUC of each fold", prose=True)

# %% [markdown]
# ## How the pretraining went
#
# What a network gains from pretraining depends on what it has learnt there. The table gives the
# share of test images of its own corpus that each network classified correctly.

# %%
accuracy = 100 * runs.pretraining().pivot(index="backbone", columns="init", values="top1")
table = (
    accuracy.map("{:.0f}".format)
    .replace("nan", "–")
    .rename(columns=lambda init: f"{init_style(init).short}, %")
)
caption = "Test images of the pretraining corpus classified correctly"
book_table(table.rename_axis(columns=None, index="Backbone").reset_index(), caption)

# %% tags=["hide-input"]
reference = open_reference()
told = {
    init: init_differences(reference.predictions(study="from_random"), init, "random")
    .query("group == 'all'")
    .set_index("task")
    for init in reference.inits
}
radiologic, photographic = told["radiologic"], told["photographic"]
trained = reference.pretraining().set_index("init")
top1 = {init: 100 * trained.loc[init, "top1"] for init in told}
claim(
    "breast: both pretrainings are ahead, P < .001",
    max(one.loc["breast", "p_holm"] for one in told.values()) < 0.001,
)
claim(
    "COVID-19: radiologic weights are ahead",
    radiologic.loc["covid19", "ci_low"] > 0 and radiologic.loc["covid19", "p_holm"] < 0.05,
)
others = pd.concat([radiologic.drop(["breast", "covid19"]), photographic.drop("breast")])
claim(
    "the other five intervals include zero",
    len(others) == 5 and (others["ci_low"] < 0).all() and (others["ci_high"] > 0).all(),
)
folds = scenario_aucs(reference.predictions(study="from_random", task="breast"))
random = folds[folds["init"] == "random"].set_index("fold")["auc"]
claim("breast, first fold: random weights below chance", random.loc[0] < 0.5 < random.loc[1])
claim("every estimate is above zero", min(one["difference"].min() for one in told.values()) > 0)
claim(
    "the radiologic gain is the larger on each task",
    (radiologic["difference"] > photographic["difference"]).all(),
)
claim(
    "photographic networks learnt less, every one of them",
    top1["photographic"].max() < top1["radiologic"].min(),
)
claim(
    "both corpora have as many classes and images",
    trained[["classes", "training_images", "epochs"]].drop_duplicates().shape[0] == 1,
)
breast = photographic.loc["breast"]
glue_values(
    ref_photographic=100 * breast["difference"],
    ref_low=100 * breast["ci_low"],
    ref_high=100 * breast["ci_high"],
    ref_radiologic=100 * radiologic.loc["breast", "difference"],
    ref_covid=100 * radiologic.loc["covid19", "difference"],
    ref_fewest=int(min(radiologic["n_patients"])),
    ref_most=int(max(radiologic["n_patients"].drop("breast"))),
    random_first=random.loc[0],
    random_second=random.loc[1],
    ref_epochs=reference.study.profile.fine_tuning.epochs,
    ref_classes=int(trained["classes"].iloc[0]),
    ref_images=int(trained["training_images"].iloc[0]),
    photographic_low=top1["photographic"].min(),
    photographic_high=top1["photographic"].max(),
    radiologic_low=top1["radiologic"].min(),
    radiologic_high=top1["radiologic"].max(),
)

# %% [markdown]
# ## What the reference run says
#
# Pretraining helps where the test set is large enough to tell. On breast ultrasound, photographic
# weights gain {glue:text}`ref_photographic:.1f` points ({glue:text}`ref_low:.1f` to
# {glue:text}`ref_high:.1f`) over random ones and radiologic weights
# {glue:text}`ref_radiologic:.1f`, both with adjusted P < .001. On COVID-19 the radiologic gain of
# {glue:text}`ref_covid:.1f` points is clear as well. All eight estimates are above zero; the five
# other intervals include it, on test sets of {glue:text}`ref_fewest` to {glue:text}`ref_most`
# patients. Part of the breast gain is a failure of the random weights, which fell below chance in
# the first fold (AUC {glue:text}`random_first:.2f`; in the second {glue:text}`random_second:.2f`).
#
# The radiologic gain is the larger on every task, but this does not show that medical images are
# the better teachers. Both corpora have {glue:text}`ref_classes` classes and
# {glue:text}`ref_images:,` training images, and yet the photographic networks learnt much less:
# they classify {glue:text}`photographic_low:.0f` to {glue:text}`photographic_high:.0f` % of the
# test images of their corpus correctly, the radiologic ones {glue:text}`radiologic_low:.0f` to
# {glue:text}`radiologic_high:.0f` %. A difference between the two initialisations in this book may
# therefore be a difference in how much was learnt.
#
# Two limits: every network was trained once, so that the intervals speak of other patients and not
# of another training; and {glue:text}`ref_epochs` epochs of fine-tuning leave random weights little
# time to catch up.
#
# ## Run this page
#
# `rin run notebooks/results/random.py -p profile=demo` takes some seconds; so do
# `jupytext --to ipynb notebooks/results/random.py` and
# `papermill notebooks/results/random.ipynb out.ipynb -p profile demo`. A profile of your own needs
# a section `from_random`.
