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

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML

from rin.evidence import paper
from rin.report import roc, style, swarm
from rin.report.banner import banner
from rin.report.format import book_table, format_estimate, format_p, listed
from rin.report.page import glue_values, picture
from rin.stats import init_differences, mean_roc, scenario_aucs
from rin.stats.planning import (
    Pilot,
    detectable_difference,
    patients_for_equivalence,
    patients_needed,
    power_of,
)
from rin.stats.synthesis import random_effects
from rin.study import open_reference, open_runs

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
a, b = (style.init_style(init).short for init in runs.inits)
word_a, word_b = (style.init_style(init).word for init in runs.inits)
titles = runs.titles
banner(runs)

# %% [markdown]
# Over all scenarios, the {glue:text}`a` initialisation has the larger mean area under the ROC curve
# (AUC) on {glue:text}`n_larger` of {glue:text}`n_tasks` tasks; {glue:text}`n_clear` of these
# differences are clear after adjustment. A mean over scenarios hides how much depends on the layers
# that are trained: [](regimes) shows each regime.

# %%
scores = runs.predictions(study="main")
found = init_differences(scores, *runs.inits)
differences = found[found["group"] == "all"].set_index("task")

# %%
rows = []
for task, one in differences.iterrows():
    stated = paper.COMPARISONS.get(task)
    rows.append(
        {
            "Task": titles[task],
            f"{a} − {b}, points (95% CI)": format_estimate(one, unit="points"),
            "P, Holm": format_p(one["p_holm"]),
            f"AUC, {word_a}": f"{one['auc_a']:.2f} ± {one['sd_a']:.2f}",
            f"AUC, {word_b}": f"{one['auc_b']:.2f} ± {one['sd_b']:.2f}",
            "Paper, points": f"{stated.difference:+.1f}" if stated else "–",
        }
    )
book_table(
    pd.DataFrame(rows),
    "Mean AUC ± SD over scenarios, and the difference",
    prose=True,
)

# %% [markdown]
# Differences and intervals are those of the recommended analysis: AUCs within a fold, averaged over
# folds and {glue:text}`n_scenarios` scenarios, patients as the independent units
# {cite:p}`obuchowski1997`, P adjusted over the tasks {cite:p}`holm1979`. The SD tells how much the
# choice of scenario matters, and nothing about other patients. The last column is the paper's
# RadImageNet − ImageNet.
#
# ## The tasks together
#
# A random-effects mean over the tasks of the paper {cite:p}`inthout2014`, with Hartung and Knapp's
# interval, asks what another task of this kind would show. τ is the standard deviation of the true
# difference from task to task. All tasks start from the same pretrained networks, so that chance in
# the pretraining is shared by them and not in these intervals.

# %%
pooled = {
    group: random_effects(rows["estimate"], rows["standard_error"] ** 2)
    for group, rows in found[
        found["task"].isin(list(paper.COMPARISONS))
    ].groupby("group")
    if len(rows) > 1
}

# %% tags=["hide-input"]
names = {"all": "All scenarios", **style.UNFREEZING_LABEL}
together = pd.DataFrame(
    [
        (
            names[group],
            f"{pooled[group]['k']}",
            format_estimate(pooled[group], unit="points"),
            f"{100 * pooled[group]['tau2'] ** 0.5:.1f}",
        )
        for group in names
        if group in pooled
    ],
    columns=[
        "Scenarios",
        "Tasks",
        f"{a} − {b}, points (95% CI)",
        "τ, points",
    ],
)
book_table(together, "Random-effects mean over the tasks", prose=True)

# %% [markdown]
# ## Small datasets, the paper's Figure 3

# %%
aucs = (
    scenario_aucs(scores)
    .groupby(["task", "scenario", "init"], as_index=False)["auc"]
    .mean()
)
aucs = aucs.merge(
    scores[["scenario", "backbone", "unfreezing"]].drop_duplicates()
)
curves = mean_roc(scores)


# %%
def panels(tasks):
    """Draw the scenarios' AUCs and the mean ROC curves of some tasks, a row a task."""
    if not tasks:
        return HTML("<p>No task of these has results here.</p>")
    figure, axes = plt.subplots(
        len(tasks),
        2,
        figsize=(8, 0.9 + 3.6 * len(tasks)),
        width_ratios=[1.2, 1],
        squeeze=False,
    )
    for (left, right), task in zip(axes, tasks, strict=True):
        own, published, stated = (
            aucs[aucs["task"] == task],
            None,
            paper.COMPARISONS.get(task),
        )
        if stated:
            means = [stated.auc_radimagenet, stated.auc_imagenet]
            sds = [stated.sd_radimagenet, stated.sd_imagenet]
            published = pd.DataFrame(
                {"init": runs.inits, "mean": means, "sd": sds}
            )
        swarm.auc_swarm(own, runs.inits, published, compact=True, ax=left)
        roc.mean_roc(curves[curves["task"] == task], runs.inits, ax=right)
        left.set_title(titles[task])
    figure.legend(
        handles=swarm.swarm_key(),
        loc="outside lower center",
        ncols=4,
        fontsize=9.5,
    )
    named = "; ".join(titles[task] for task in tasks)
    return picture(
        figure, f"AUC of every scenario and mean ROC curves: {named}"
    )


figure_3 = (
    "thyroid",
    "breast",
    "acl",
    "meniscus",
)  # those that the paper cross-validates
panels([task for task in runs.tasks if task in figure_3])

# %% [markdown]
# Each mark is the AUC of one scenario, averaged over its folds; the open mark beside the mean is
# what the paper prints for RadImageNet and ImageNet. ROC curves are averaged at equal
# false-positive rates, so that the area below them is the mean AUC; vertical bars are ± 1 SD over
# scenarios.
#
# ## Larger datasets, the paper's Figure 4

# %%
panels([task for task in runs.tasks if task not in figure_3])

# %% [markdown]
# ## How many patients would settle it
#
# With the same mix of patients a standard error falls with the square root of their number: four
# times as many halve an interval, and a pilot tells how many a test set needs. What chance in
# training adds comes on top, and no number of patients takes it away.

# %%
pilots = {
    task: Pilot(one["n_patients"], one["standard_error"] ** 2)
    for task, one in differences.iterrows()
}
patients = np.geomspace(30, 30_000, 200)
figure, ax = plt.subplots(figsize=(7, 4))
shades = plt.colormaps["viridis"](np.linspace(0, 0.9, len(pilots)))
for (task, pilot), color in zip(pilots.items(), shades, strict=True):
    found = [100 * detectable_difference(pilot, n) for n in patients]
    ax.plot(patients, found, label=titles[task], color=color)
    here = 100 * detectable_difference(pilot, pilot.patients)
    ax.plot(pilot.patients, here, "o", color=color)
ax.set(
    xscale="log",
    yscale="log",
    xlabel="Test patients",
    ylabel="AUC points",
    ylim=(0.3, 15),
)
ax.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
ax.legend(title="Smallest difference found with 80 % power")
picture(
    figure,
    "Smallest detectable difference against the number of test patients, by task",
)

# %% [markdown]
# Dots are the test sets of this run. The table asks for {glue:text}`aim:.0f` points: to find a true
# difference of that size with 80 % power (two-sided test at 5 %), or to show that the
# initialisations differ by less (two one-sided tests), were they equal.

# %%
aim = 2  # AUC points
needed = pd.DataFrame(
    {
        "Task": [titles[task] for task in pilots],
        "Patients tested": [pilot.patients for pilot in pilots.values()],
        f"To find {aim} points": [
            patients_needed(one, aim / 100) for one in pilots.values()
        ],
        f"To exclude {aim} points": [
            patients_for_equivalence(one, aim / 100) for one in pilots.values()
        ],
    }
)
counts = needed.columns[1:]
needed[counts] = needed[counts].map(lambda n: f"{np.ceil(n):,.0f}")
book_table(
    needed, "Test patients needed, from this run's standard errors", prose=True
)

# %% [markdown]
# For a study of your own: type what a pilot gave, from any software.

# %%
own = Pilot(
    patients=120, variance=0.03**2
)  # standard error of the difference: 3 points
print(
    f"{patients_needed(own, 0.05):,.0f} patients find 5 points with 80 % power"
)
print(
    f"400 patients find them with {100 * power_of(own, 400, 0.05):.0f} % power"
)

# %% [markdown]
# ## Tasks without results
#
# The pages of these tasks show what is published and how to get the images.

# %% tags=["hide-input"]
missing = [task for task in runs.paper_tasks if task not in runs.tasks]
links = "".join(
    f'<li><a href="{task}.html">{titles[task]}</a></li>' for task in missing
)
HTML(f"<ul>{links}</ul>" if missing else "<p>None: every task has results.</p>")

# %% [markdown]
# ## What the reference run is
#
# The reference run is a small study on real, open images that comes with the book: its per-case
# predictions are kept, and every number is computed from them anew.

# %%
reference = open_reference()
facts = [reference.facts(task) for task in reference.tasks]
table = pd.DataFrame(
    {
        "Task": [reference.titles[one.name] for one in facts],
        "Images read": [one.dataset.title for one in facts],
        "Used of found": [
            f"{one.dataset.used:,} of {one.dataset.available:,}"
            for one in facts
        ],
        "Tested": [one.split["test"] for one in facts],
        "Unit": [one.dataset.independence for one in facts],
    }
)
book_table(table, "Real images of the reference run", prose=True)

# %% tags=["hide-input"]
aucs = scenario_aucs(scores).assign(
    backbone=lambda own: own["scenario"].str.partition("-")[0]
)
failed = aucs.loc[aucs["auc"] <= 0.5, "backbone"].value_counts()
classes = scores.drop_duplicates(["task", "case_id"]).groupby(["task", "label"])
fewest = classes["patient_id"].nunique()
spread = differences[["sd_a", "sd_b"]]
printed = {
    task: comparison.difference / 100
    for task, comparison in paper.COMPARISONS.items()
    if task in differences.index
}
sides = {"inside": [], "above": [], "below": []}
for task, value in printed.items():
    one = differences.loc[task]
    side = (
        "below"
        if value < one["ci_low"]
        else "above"
        if value > one["ci_high"]
        else "inside"
    )
    sides[side].append(titles[task])
work, settings = reference.reference.facts.work, reference.study.profile
trained = reference.pretraining()
glue_values(
    a=word_a,
    n_tasks=len(differences),
    n_larger=int((differences["estimate"] > 0).sum()),
    n_clear=int((differences["p_holm"] < 0.05).sum()),
    n_scenarios=int(differences["n_scenarios"].iloc[0]),
    aim=aim,
    ref_runs=work["fine-tuning"].runs,
    ref_hours=sum(one.seconds for one in work.values()) / 3600,
    ref_pretrained=work["pretraining"].runs,
    ref_hardware=reference.reference.facts.hardware.text,
    ref_epochs=settings.fine_tuning.epochs,
    ref_pretraining_epochs=settings.pretraining.epochs,
    ref_images=int(trained["training_images"].max()),
    ref_classes=int(trained["classes"].max()),
    ref_substitutes=sum(one.substitute_for is not None for one in facts),
    smallest_size=min(one.size for one in facts),
    largest_size=max(one.size for one in facts),
    rin_images=paper.DATABASE["images"].value,
    rin_labels=paper.DATABASE["labels"].value,
    **{side: listed(names) for side, names in sides.items()},
    largest=100 * differences["estimate"].abs().max(),
    sd_low=100 * spread.min(axis=None),
    sd_high=100 * spread.max(axis=None),
    n_failed=int(failed.sum()),
    failed=listed(f"{name} ({n})" for name, n in failed.items()),
    n_networks=len(aucs),
    fewest=int(fewest.min()),
    fewest_task=titles[fewest.idxmin()[0]],
)

# %% [markdown]
# It took {glue:text}`ref_runs` runs of fine-tuning and {glue:text}`ref_pretrained` of pretraining,
# {glue:text}`ref_hours:.1f` hours of computing in all, on {glue:text}`ref_hardware`. Weights were
# pretrained for {glue:text}`ref_pretraining_epochs` epochs on {glue:text}`ref_images:,` images of
# {glue:text}`ref_classes` classes for each source; RadImageNet has {glue:text}`rin_images:,` of
# {glue:text}`rin_labels`. Images are {glue:text}`smallest_size` to {glue:text}`largest_size` pixels
# a side, fine-tuning lasts {glue:text}`ref_epochs` epochs, and the scenarios run on one split.
# {glue:text}`ref_substitutes` of the tasks use an open dataset in place of the paper's.
#
# To repeat it, put the datasets into one folder and run
# `rin study --profile open --data-root FOLDER`, which goes on where it was stopped;
# `rin reference write open --data-root FOLDER` then writes its files.
#
# ## How to read it
#
# The published difference lies inside the interval found here on {glue:text}`inside`; it lies above
# it on {glue:text}`above`, and below it on {glue:text}`below`. Other weights were compared on other
# images, so that neither result refutes the other.
#
# The SD over scenarios, {glue:text}`sd_low:.0f` to {glue:text}`sd_high:.0f` points, stands against
# a largest difference of {glue:text}`largest:.1f` points between the initialisations: how a network
# is fine-tuned can matter more than which of the two it starts from. Of {glue:text}`n_networks`
# networks, {glue:text}`n_failed` are no better than chance, by backbone: {glue:text}`failed`. They
# count like the others, for to leave them out once they are seen would be a choice.
#
# The smallest class has {glue:text}`fewest` test patients ({glue:text}`fewest_task`). Where the
# unit is the image, no patients are named and the interval is too short if a patient gave several.
# Intervals speak of other patients, not of another training of the networks.
#
# ## Run this page
#
# `rin run notebooks/results/all_tasks.py -p profile=demo` takes some seconds; so do
# `jupytext --to ipynb notebooks/results/all_tasks.py` and
# `papermill notebooks/results/all_tasks.ipynb out.ipynb -p profile demo`.
