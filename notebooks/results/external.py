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
# # Images from another hospital

# %% tags=["parameters", "remove-input"]
task: str = ""  # task with an external dataset; empty takes the first one that has results
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from scipy.special import expit
from scipy.stats import norm

from rin.data.manifest import load_manifest
from rin.report import page, style, swarm
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    format_number,
    format_p,
)
from rin.stats import (
    against_baselines,
    auc_ci,
    clinical_measures,
    external_scores,
    image_differences,
    init_differences,
)
from rin.stats.clinical import clinical_curves
from rin.study import open_runs

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
inits = runs.inits
a, b = (style.init_style(init).short for init in inits)
word_a, word_b = (style.init_style(init).word for init in inits)
task = task or next(name for name in runs.tasks if runs.external(name))
abroad = runs.external(task)[0]
home_facts, away_facts = runs.facts(task).dataset, runs.facts(task).external[0]
banner(runs, [task])

# %% [markdown]
# The paper calls its networks more generalizable, and tests each of them on images of the dataset
# that it was fine-tuned on. Here every network of one task, trained on {glue:text}`home`, also
# scores all {glue:text}`n_images` images of {glue:text}`n_patients` patients of
# {glue:text}`away` ({glue:text}`away_kind`), of which none was trained on. The
# {glue:text}`first` minus the {glue:text}`second` initialisation is {glue:text}`difference_home`
# AUC points at home and {glue:text}`difference_away` abroad (mean over all scenarios, 95% CI). The
# change between the two, {glue:text}`change`, {glue:text}`change_said` ({glue:text}`change_p`).
#
# ## At home and abroad

# %%
home_scores = runs.predictions(task=task)
away_scores = runs.predictions(task=task, part=abroad)
away_alone = external_scores(away_scores)  # each fold's network is a scenario
at_home = init_differences(home_scores, *inits).set_index("group")
away = init_differences(away_alone, *inits).set_index("group")

# %%
places = {"at home": home_scores, "abroad": away_scores}
conditions = ["scenario", "backbone", "unfreezing", "learning_rate"]
figure, panels = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True)
for ax, (place, scores) in zip(panels, places.items(), strict=True):
    network = [*conditions, "init", "fold"]
    aucs = scores.groupby(network).apply(
        lambda rows: auc_ci(rows["label"], rows["score"]).auc
    )
    aucs = aucs.groupby([*conditions, "init"]).mean().reset_index(name="auc")
    swarm.auc_swarm(aucs, inits, compact=True, ax=ax)
    ax.set_title(place)
panels[1].set_ylabel("")
cases = runs.cases(task, abroad)
if "birads" in cases:  # what a radiologist read in the same images
    reader = auc_ci(cases["label"], cases["birads"].astype(float))
    panels[1].axhline(reader.auc, color="0.35", lw=1.2, ls="--")
    panels[1].annotate(
        "radiologist's BI-RADS",
        (0.02, reader.auc),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=9,
    )
figure.legend(
    handles=swarm.swarm_key(published=False),
    loc="outside lower center",
    ncols=4,
)
page.picture(
    figure,
    f"AUC of every scenario on the home dataset and on {away_facts.title}, by initialisation",
)

# %% [markdown]
# Each mark is a scenario. Home and external images come from different patients, so the variances
# of the two differences add up; within each, all networks share their test images, and their
# covariance over patients is taken into account {cite:p}`obuchowski1997`.

# %%
change = at_home["estimate"] - away["estimate"]
error = np.hypot(at_home["standard_error"], away["standard_error"])
half = norm.ppf(0.975) * error
travels = pd.DataFrame(
    {
        "estimate": change,
        "ci_low": change - half,
        "ci_high": change + half,
        "p_value": 2 * norm.sf(np.abs(change / error)),
    }
)
shown = {"at home": at_home, "abroad": away, "home − abroad": travels}

# %% tags=["hide-input"]
names = {"all": "All scenarios", **style.UNFREEZING_LABEL}
rows = pd.concat(
    table[["estimate", "ci_low", "ci_high"]].assign(label=label)
    for label, table in shown.items()
).rename_axis(None)
rows["group"] = rows.index.map(names)
rows = rows.sort_values(
    "group", key=lambda group: group.map([*names.values()].index), kind="stable"
)
axes = forest(
    rows.reset_index(drop=True),
    unit="points",
    xlabel=f"{a} − {b}, AUC points (95% CI)",
    ends=(f"{b} ahead", f"{a} ahead"),
    width=8.4,
)
page.picture(
    axes,
    "Differences of the initialisations at home, abroad, and home minus abroad",
)

# %% tags=["hide-input"]
table = pd.DataFrame(
    {
        "Regime": [names[group] for group in at_home.index],
        **{
            f"{label}, {place}": tables[f"auc_{end}"]
            .map("{:.3f}".format)
            .to_numpy()
            for end, label in zip("ab", (a, b), strict=True)
            for place, tables in (("home", at_home), ("abroad", away))
        },
    }
)
book_table(table, "Mean AUC over the scenarios of a regime", prose=True)

# %% tags=["hide-input"]
overall = {place: tables.loc["all"] for place, tables in shown.items()}
points = {
    place: format_estimate(row, unit="points") for place, row in overall.items()
}
page.glue_values(
    home=home_facts.title,
    away=away_facts.title,
    away_kind="real images"
    if away_facts.provenance == "real"
    else "a stand-in",
    n_images=f"{len(cases):,}",
    n_patients=f"{cases['patient_id'].nunique():,}",
    first=word_a,
    second=word_b,
    difference_home=points["at home"],
    difference_away=points["abroad"],
    change=points["home − abroad"],
    change_said="differs clearly from zero"
    if travels.loc["all", "p_value"] < 0.05
    else "does not differ clearly from zero",
    change_p=format_p(travels.loc["all", "p_value"]),
    change_a=format_number(
        100 * (away.loc["all", "auc_a"] - at_home.loc["all", "auc_a"]),
        1,
        signed=True,
    ),
    change_b=format_number(
        100 * (away.loc["all", "auc_b"] - at_home.loc["all", "auc_b"]),
        1,
        signed=True,
    ),
    shared=runs.facts(task).shared_pictures[abroad],
)

# %% [markdown]
# From home to abroad the mean AUC changes by {glue:text}`change_a` points with the
# {glue:text}`first` and by {glue:text}`change_b` with the {glue:text}`second` initialisation.
# Pairs of an external image and a near-duplicate of it among the images at home:
# {glue:text}`shared`.
#
# ## Device by device
#
# A network may know the device rather than the disease. Within one device that does not help it.
# Devices with at least twenty patients of each class are listed.

# %%
by_device = []
for device, members in cases.groupby("device") if "device" in cases else ():
    patients = (
        members.groupby("label")["patient_id"]
        .nunique()
        .reindex([0, 1], fill_value=0)
    )
    if patients.min() < 20:
        continue
    own = away_alone[away_alone["case_id"].isin(members["case_id"])]
    found = init_differences(own, *inits).set_index("group").loc["all"]
    by_device.append(
        {"device": device, "malignant": members["label"].mean(), **found}
    )
by_device = pd.DataFrame(by_device)

# %% tags=["hide-input"]
table = pd.DataFrame(
    [
        (
            one.device,
            f"{one.n_patients:,.0f}",
            f"{100 * one.malignant:.0f} %",
            f"{one.auc_a:.3f}",
            f"{one.auc_b:.3f}",
            format_estimate(one, unit="points"),
        )
        for one in by_device.itertuples()
    ],
    columns=[
        "Device",
        "Patients",
        "Positive",
        a,
        b,
        f"{a} − {b}, points (95% CI)",
    ],
)
book_table(table, f"{away_facts.title}, by device", prose=True)

# %% [markdown]
# ## Are the probabilities still right?

# %%
seed, curves, measures = runs.study.profile.seed, {}, []
for place, scores in {"at home": home_scores, "abroad": away_alone}.items():
    probabilities = scores.assign(
        score=expit(scores["score"])
    )  # scores are log-odds
    curves[place] = clinical_curves(probabilities, inits, seed=seed)
    measures.append(
        clinical_measures(probabilities, inits, seed=seed).assign(place=place)
    )
measures = pd.concat(measures).set_index(["measure", "place", "init"])

# %%
figure, panels = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True)
for ax, (place, found) in zip(panels, curves.items(), strict=True):
    ax.axline((0, 0), slope=1, color=style.FAINT, lw=1, ls=":")
    for init in inits:
        own = found.query(
            "curve == 'reliability' and init == @init"
        ).sort_values("x")
        look = style.init_style(init)
        ax.vlines(
            own["x"],
            own["ci_low"],
            own["ci_high"],
            color=look.color,
            lw=1.5,
            alpha=0.7,
        )
        ax.plot(
            own["x"], own["estimate"], "o-", color=look.color, label=look.short
        )
    ax.set(
        title=place,
        xlabel="Predicted probability",
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.03),
    )
panels[0].set_ylabel("Share positive")
panels[0].legend(loc="upper left")
page.picture(
    figure, "Reliability curves of both initialisations, at home and abroad"
)

# %% tags=["hide-input"]
named = {
    "ece": "Calibration error (0 is best)",
    "brier": "Brier score (0 is best)",
    "sensitivity_at_90": "Sensitivity at 90 % specificity",
}
rows = [
    (
        f"{text}, {place}",
        format_estimate(measures.loc[(measure, place, "difference")]),
        *(
            f"{measures.loc[(measure, place, init), 'estimate']:.3f}"
            for init in inits
        ),
    )
    for measure, text in named.items()
    for place in ("at home", "abroad")
]
book_table(
    pd.DataFrame(rows, columns=["Measure (0–1)", f"{a} − {b} (95% CI)", a, b]),
    "Calibration and a strict threshold, at home and abroad",
    prose=True,
)

# %% [markdown]
# ## Where do they look abroad?
#
# Dice of the activation maps at the paper's threshold, and the pointing game, beside the best
# region or point that is drawn without looking at the image.

# %%
localised, rows = ["dice", "pointing"], []
for place, part in {"at home": "test", "abroad": abroad}.items():
    overlap = runs.overlap(task, part)
    if overlap.empty:  # no lesion is marked
        continue
    found = image_differences(overlap, *inits, localised).set_index(
        ["measure", "group"]
    )
    beside = against_baselines(
        overlap, runs.baselines(task, part), inits, localised
    )
    for one in beside.drop_duplicates("measure").itertuples():
        means = found.loc[(one.measure, "all")]
        rows.append(
            (
                f"{one.measure.capitalize()}, {place}",
                format_estimate(means),
                *means[["mean_a", "mean_b"]].map("{:.3f}".format),
                f"{one.baseline_mean:.3f}, {one.baseline}",
            )
        )
columns = ["Measure (0–1)", f"{a} − {b} (95% CI)", a, b, "Best baseline"]
book_table(pd.DataFrame(rows, columns=columns), "Maps and lesions", prose=True)

# %% tags=["hide-input"]
known = [
    f"- {one.kind.capitalize()}: {one.text}"
    for one in load_manifest(abroad).findings
]
Markdown(
    "\n".join(["What is known of the published external files:", "", *known])
)

# %% [markdown]
# ## Run this page
#
# On real images: `rin run notebooks/results/external.py -p profile=open -p data_root=FOLDER`. A
# dataset becomes external to a task by one word in the task's manifest (`external: [name]`), and a
# profile that says `external: true` has every run score it. [](../use/own_task) tells how a
# manifest is written.
