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
# # One task

# %% tags=["parameters", "remove-input"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.colors import LinearSegmentedColormap
from scipy.special import expit

from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import TaskAudit
from rin.report import page, roc, style, swarm
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_p
from rin.stats import (
    against_baselines,
    clinical_measures,
    holm,
    image_differences,
    init_differences,
    mean_roc,
    regime_interaction,
    scenario_aucs,
)
from rin.stats.clinical import clinical_curves
from rin.study import open_runs

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
inits = runs.inits
a, b = (style.init_style(init).short for init in inits)
word_a, word_b = (style.init_style(init).word for init in inits)
stated = paper.comparison_of(find_task(task)[1].paper_task)
banner(runs, [task])

# %% [markdown]
# {glue:text}`verdict`. Over {glue:text}`n_scenarios` scenarios of fine-tuning the mean area under
# the ROC curve (AUC) was {glue:text}`auc_a:.2f` with the {glue:text}`first` and
# {glue:text}`auc_b:.2f` with the {glue:text}`second` initialisation. The first minus the second is
# {glue:text}`difference` AUC points (95% CI; adjusted {glue:text}`p_holm`), on
# {glue:text}`n_cases` test images ({glue:text}`units`).

# %%
scores = runs.predictions(task=task)
conditions = ["scenario", "backbone", "unfreezing", "learning_rate"]
scenarios = scores[conditions].drop_duplicates()
aucs = (
    scenario_aucs(scores)
    .groupby(["scenario", "init"], as_index=False)["auc"]
    .mean()
)
curves = mean_roc(scores)

# %%
published = stated and pd.DataFrame(
    {
        "init": inits,
        "mean": [stated.auc_radimagenet, stated.auc_imagenet],
        "sd": [stated.sd_radimagenet, stated.sd_imagenet],
    }
)
figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4.4), width_ratios=[1.15, 1]
)
swarm.auc_swarm(aucs.merge(scenarios), inits, published, compact=True, ax=left)
roc.mean_roc(curves, inits, ax=right)
figure.legend(
    handles=swarm.swarm_key(published=bool(stated)),
    loc="outside lower center",
    ncols=4,
)
page.picture(
    figure,
    f"Left: AUC of every scenario with the {word_a} and the {word_b} initialisation, their "
    "means and standard deviations. Right: mean ROC curve of each.",
)

# %% [markdown]
# Each mark is one scenario, its AUC computed within each fold and averaged over folds. The ROC
# curves are averaged vertically, so that the area below each is the mean AUC; upright lines are
# ± 1 SD over scenarios. Open marks beside the means are what the paper printed for RadImageNet and
# ImageNet: other weights, and other images where the table below names a substitute.
#
# ## The difference, over all scenarios and by regime
#
# This is the recommended analysis of this book. AUCs are computed within a fold, their covariance
# comes from the patients {cite:p}`obuchowski1997`, and P values are adjusted over the tasks
# {cite:p}`holm1979`.

# %%
every_task = init_differences(runs.predictions(), *inits)
table = every_task[every_task["task"] == task].set_index("group")
interaction = (
    regime_interaction(runs.predictions(), *inits).set_index("task").loc[task]
)

# %% tags=["hide-input"]
here = 100 * table[["estimate", "ci_low", "ci_high"]]
labels = [
    "here, all scenarios",
    *(style.UNFREEZING_LABEL[group] for group in table.index[1:]),
]
rows = here.assign(
    group=f"{a} − {b}",
    label=labels,
    kind=runs.origin(task),
    note=[
        f"{format_estimate(row, unit='points')}, {format_p(row.p_holm)}"
        for row in table.itertuples()
    ],
)
if stated:
    printed = (
        TaskAudit(stated)
        .intervals()
        .assign(
            group="RadImageNet − ImageNet",
            label=["paper, as printed", "paper, from its SDs"],
        )
    )
    rows = pd.concat([printed, rows])

# %%
ends = f"{b} ahead", f"{a} ahead"
axes = forest(
    rows, xlabel="AUC points (95% CI)", ends=ends, width=8.4, legend=False
)
page.picture(
    axes,
    "Forest plot of the differences: as published, over all scenarios, by regime",
)

# %% tags=["hide-input"]
overall, facts = table.loc["all"], runs.facts(task)
named = facts.dataset.independence
units = {
    "patient": f"{overall['n_patients']:,.0f} patients",
    "exam": f"{overall['n_patients']:,.0f} exams",
}
page.glue_values(
    verdict=page.verdict(
        overall["estimate"], overall["p_holm"], inits
    ).capitalize(),
    n_scenarios=int(overall["n_scenarios"]),
    auc_a=overall["auc_a"],
    auc_b=overall["auc_b"],
    first=word_a,
    second=word_b,
    difference=format_estimate(overall, unit="points"),
    p_holm=format_p(overall["p_holm"]),
    n_cases=f"{overall['n_cases']:,.0f}",
    units=units.get(named, "the files name no patients"),
    n_tasks=every_task["task"].nunique(),
    chi2=interaction["statistic"],
    df=int(interaction["df"]),
    p_interaction=format_p(interaction["p_holm"]),
    **{
        f"verdict_{group}": page.verdict(
            table.loc[group, "estimate"], table.loc[group, "p_holm"], inits
        )
        for group in table.index[1:]
    },
)

# %% [markdown]
# P values on the right are adjusted for {glue:text}`n_tasks` tasks. With the backbone frozen:
# {glue:text}`verdict_freeze_all`; with the last ten layers trained:
# {glue:text}`verdict_unfreeze_top10`; with all layers trained: {glue:text}`verdict_unfreeze_all`.
# Test that the three differences are equal: χ² = {glue:text}`chi2:.1f` on {glue:text}`df` degrees
# of freedom, adjusted {glue:text}`p_interaction`.
#
# ## Its images in numbers

# %% tags=["hide-input"]
images = facts.dataset
marks = {
    "outline": "outlined by hand",
    "box": "framed by boxes",
    "": "not marked",
}
card = {
    "In place of": facts.substitute_for,
    "Used": f"{images.used:,} of {images.available:,}",
    "Independent units": f"{images.patients:,} (told apart by {images.independence})",
    "Classes": ", ".join(
        f"{label} {n:,}" for label, n in images.counts.items()
    ),
    "Split": ", ".join(f"{part} {n:,}" for part, n in facts.split.items()),
    "Lesions": marks[facts.mask_kind],
    "Size": f"{facts.size} × {facts.size} pixels",
    "Licence": images.licence,
    "Get them": f"{images.home} ({images.access})",
}
rows = [(name, text) for name, text in card.items() if text]
findings = load_manifest(images.name).findings
known = [f"- {one.kind.capitalize()}: {one.text}" for one in findings] or [
    "- Nothing."
]
display(
    book_table(
        pd.DataFrame(rows, columns=["Images", images.title]), "", prose=True
    )
)
Markdown("\n".join(["What is known of the published files:", "", *known]))

# %% [markdown]
# ## Every scenario
#
# The same analysis, each scenario as a group of its own; P values are adjusted for their number.

# %%
each = init_differences(scores.assign(unfreezing=scores["scenario"]), *inits)
each = each[each["group"] != "all"].assign(
    p_holm=lambda one: holm(one["p_value"])
)
each = each.merge(scenarios, left_on="group", right_on="scenario")
rates = [
    np.format_float_scientific(x, trim="-", exp_digits=1)
    for x in each["learning_rate"]
]
each["condition"] = (
    each["unfreezing"].map(style.UNFREEZING_LABEL) + ", " + rates
)
each["regime"] = each["unfreezing"].map(list(style.UNFREEZING_LABEL).index)
order = each.sort_values(["regime", "learning_rate"], ascending=[True, False])[
    "condition"
].unique()


def by_backbone(values):
    """Arrange what belongs to the scenarios: backbones below each other, conditions beside."""
    wide = each.assign(shown=values).pivot(
        index="backbone", columns="condition", values="shown"
    )
    return wide.loc[
        [name for name in style.BACKBONE_MARKER if name in wide.index], order
    ]


def difference(one):
    """Return the difference in AUC points, stars, and the interval where it can be one."""
    stars = "*" * sum(one.p_holm < level for level in (0.05, 0.01, 0.001))
    text = f"{round(100 * one.estimate, 1) + 0.0:+.1f}{stars}"
    if -1 <= one.ci_low < one.ci_high <= 1:
        text += f"\n({100 * one.ci_low:.0f}, {100 * one.ci_high:.0f})"
    return text.replace("-", "−")


# %%
points = 100 * each["estimate"]
ahead = [style.lighter(style.init_style(init).color, 0.65) for init in inits]
low, reach = (
    min(0.5, each[["auc_a", "auc_b"]].min().min()),
    max(5, points.abs().max()),
)
gray = "white", "#9A9A9A"
panels = {
    f"AUC, {a}": (
        each["auc_a"],
        each["auc_a"].map("{:.2f}".format),
        (low, 1),
        gray,
    ),
    f"AUC, {b}": (
        each["auc_b"],
        each["auc_b"].map("{:.2f}".format),
        (low, 1),
        gray,
    ),
    f"{a} − {b}, AUC points": (
        points,
        each.apply(difference, axis=1),
        (-reach, reach),
        (ahead[1], "#F7F7F7", ahead[0]),
    ),
}
figure, axes = plt.subplots(
    3, 1, sharex=True, figsize=(8, 8.4), height_ratios=[1, 1, 1.3]
)
for ax, (title, (values, texts, limits, colors)) in zip(
    axes, panels.items(), strict=True
):
    shown = by_backbone(values)
    look = {
        "cmap": LinearSegmentedColormap.from_list("", colors),
        "aspect": "auto",
    }
    heat = ax.imshow(shown, vmin=limits[0], vmax=limits[1], **look)
    for (row, column), text in np.ndenumerate(by_backbone(texts).to_numpy()):
        if not pd.isna(text):  # not every scenario need be there
            ax.text(column, row, text, ha="center", va="center", fontsize=9.5)
    ax.set_xticks(range(shown.shape[1]), shown.columns.str.replace(", ", "\n"))
    ax.set_yticks(range(len(shown)), shown.index)
    ax.set_title(title)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    figure.colorbar(heat, ax=ax, pad=0.02).outline.set_visible(False)
axes[-1].set_xlabel(
    "In parentheses: 95% CI   * adjusted P < .05   ** < .01   *** < .001"
)
page.picture(
    figure,
    "Three heat maps, backbone by training condition: AUC of either initialisation, and their "
    "difference in AUC points with 95% intervals",
)

# %% tags=["hide-cell"]
book_table(
    pd.DataFrame(
        {
            "Scenario": each["backbone"] + ", " + each["condition"],
            "Difference, points (95% CI)": format_estimate(each, unit="points"),
            "P, Holm": each["p_holm"].map(format_p),
            f"AUC, {a}": each["auc_a"].map("{:.3f}".format),
            f"AUC, {b}": each["auc_b"].map("{:.3f}".format),
        }
    ),
    "All scenarios",
    prose=True,
)

# %% [markdown]
# ## Beyond the AUC
#
# The AUC tells how well scores rank the cases. Four more questions: are the probabilities right,
# how many positive cases does a strict threshold find, how many of those called positive are, and
# is deciding by the scores worth anything? Each measure is taken of one network and averaged over
# scenarios; intervals resample patients.

# %%
bins = int(np.clip(table.loc["all", "n_cases"] // 10, 2, 10))
probabilities = scores.assign(
    score=expit(scores["score"])
)  # scores are log-odds
seed = runs.study.profile.seed
measures = clinical_measures(probabilities, inits, seed=seed, bins=bins)
curves = clinical_curves(probabilities, inits, seed=seed, bins=bins)
prevalence = table.loc["all", "n_positive"] / table.loc["all", "n_cases"]

# %%
of_curve = dict(list(curves.sort_values("x").groupby("curve")))
figure, axes = plt.subplots(2, 2, figsize=(9, 8))

calibration = axes[0, 0]
calibration.axline(
    (0, 0), slope=1, color=style.FAINT, linewidth=1, linestyle=":"
)
for place, init in enumerate(inits):
    own = of_curve["reliability"].query("init == @init")
    look, x = (
        style.init_style(init),
        own["x"] + 0.012 * (place - 0.5),
    )  # side by side
    calibration.vlines(
        x,
        own["ci_low"],
        own["ci_high"],
        color=look.color,
        linewidth=1.5,
        alpha=0.7,
    )
    calibration.plot(
        x,
        own["estimate"],
        look.linestyle,
        color=look.color,
        linewidth=1,
        alpha=0.6,
    )
    area = {
        "s": 18 + 240 * own["share"].fillna(0),
        "edgecolor": "white",
        "zorder": 3,
    }
    calibration.scatter(
        x,
        own["estimate"],
        color=look.color,
        alpha=0.85,
        label=look.short,
        **area,
    )
calibration.set(
    xlabel="Predicted probability", ylabel="Share positive", aspect="equal"
)
calibration.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
calibration.grid()
key = calibration.legend(
    loc="upper left", title="area: share of cases", title_fontsize=9
)
for handle in key.legend_handles:
    handle.set_sizes([36])

sensitivity, of_measure = axes[0, 1], measures.set_index(["init", "measure"])
for place, init in enumerate(inits):
    own = of_measure.loc[init].loc[["sensitivity_at_90", "sensitivity_at_95"]]
    x, color = np.arange(2) + 0.4 * (place - 0.5), style.init_style(init).color
    sensitivity.vlines(
        x, own["ci_low"], own["ci_high"], color=color, linewidth=1.5
    )
    sensitivity.plot(x, own["estimate"], "o", color=color, markersize=7)
    for at, one in zip(x, own.itertuples(), strict=True):
        look = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center"}
        sensitivity.annotate(
            f"{one.estimate:.2f}", (at, one.ci_high), fontsize=9.5, **look
        )
sensitivity.set_xticks([0, 1], ["at 90 % specificity", "at 95 % specificity"])
sensitivity.set(ylabel="Sensitivity", xlim=(-0.55, 1.55))
sensitivity.margins(y=0.12)
sensitivity.grid(axis="y")

recall, band = axes[1, 0], ("ci_low", "ci_high")
found = of_curve["precision_recall"].query(
    "x > 0"
)  # at recall 0 a single score decides
roc.curve(found, inits, x="x", y="estimate", band=band, ax=recall)
label = f"all called positive ({prevalence:.2f})"
recall.axhline(
    prevalence, color=style.INK, linewidth=1, linestyle=":", label=label
)
recall.set(
    xlabel="Recall (sensitivity)",
    ylabel="Precision (positive predictive value)",
)
recall.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
recall.legend(loc="lower left", fontsize=9.5)

benefit, decided = axes[1, 1], of_curve["decision"]
roc.curve(decided, inits, x="x", y="estimate", band=band, ax=benefit)
everyone = of_curve["treat_all"].drop_duplicates("x")
look = {"color": style.INK, "linewidth": 1}
benefit.plot(
    everyone["x"],
    everyone["estimate"],
    linestyle="--",
    label="treat all",
    **look,
)
benefit.axhline(0, linestyle=":", label="treat none", **look)
benefit.axvline(prevalence, color=style.FAINT, linewidth=1, zorder=1)
# Net benefits fall without bound towards a threshold of 1.
top = 1.1 * max(
    0.05,
    everyone["estimate"].max(),
    decided[["estimate", "ci_high"]].max().max(),
)
benefit.set(xlabel="Threshold probability", ylabel="Net benefit")
benefit.set(xlim=(0, 1), ylim=(-top / 2, top))
benefit.legend(loc="upper right", fontsize=9.5)

titles = ("Calibration", "Sensitivity", "Precision and recall", "Net benefit")
for ax, title in zip(axes.flat, titles, strict=True):
    ax.set_title(title)
page.picture(
    figure,
    "Four panels for both initialisations: reliability curve, sensitivity at 90 and 95 % "
    "specificity, precision against recall, and net benefit against threshold probability",
)

# %% tags=["hide-input"]
names = {
    "ece": "Calibration error (0 is best)",
    "brier": "Brier score (0 is best)",
    "sensitivity_at_90": "Sensitivity at 90 % specificity",
    "average_precision": "Average precision",
    "net_benefit": "Net benefit at the prevalence",
}
wide = measures[measures["measure"].isin(names)].pivot(
    index="measure", columns="init"
)
rows = [
    (
        name,
        format_estimate(wide.loc[measure].xs("difference", level="init")),
        *wide.loc[measure, [("estimate", init) for init in inits]].map(
            "{:.3f}".format
        ),
    )
    for measure, name in names.items()
]
overlap = runs.overlap(task)
if len(overlap):  # only where lesions are marked
    localised = {"dice": "Dice of Grad-CAM", "pointing": "Pointing game"}
    found = image_differences(overlap, *inits, list(localised)).set_index(
        ["measure", "group"]
    )
    beside = against_baselines(
        overlap, runs.baselines(task), inits, list(localised)
    )
    for one in beside.drop_duplicates("measure").itertuples():
        means = found.loc[(one.measure, "all")]
        cells = means[["mean_a", "mean_b"]].map("{:.3f}".format)
        difference = format_estimate(means)
        rows += [(localised[one.measure], difference, *cells)]
        rows += [(f"… {one.baseline}", "–", *2 * [f"{one.baseline_mean:.3f}"])]
columns = ["Measure (0–1)", f"{a} − {b} (95% CI)", a, b]
book_table(pd.DataFrame(rows, columns=columns), "Beyond the AUC", prose=True)

# %% tags=["hide-input"]
network = ["scenario", "init", "fold"]
tied = scores.duplicated([*network, "score"], keep=False)
page.glue_values(
    bins=bins,
    prevalence=100 * prevalence,
    tied_share=100 * tied.mean(),
    tied_networks=scores[tied].groupby(network).ngroups,
    n_networks=scores.groupby(network).ngroups,
)

# %% [markdown]
# The calibration error is the mean distance between predicted and observed shares over
# {glue:text}`bins` bins; with few cases chance alone keeps it above zero. Net benefit is read at
# the prevalence of the test set ({glue:text}`prevalence:.0f` %), the grey line. Where lesions are
# marked, the table also tells how far class activation maps overlap with them, and what the best
# baseline that looks at no image reaches; [](localisation) has the rest.
#
# Cases are ranked by log-odds, which do not saturate as probabilities do. Even so
# {glue:text}`tied_share:.1f` % of the scores equal that of another case of the same network, in
# {glue:text}`tied_networks` of {glue:text}`n_networks` networks; such ties count one half in every
# AUC.
#
# ## Run this page
#
# On the real images: `rin run notebooks/results/task.py -p task=breast -p data_root=FOLDER`, or by
# plain tools: `jupytext --to ipynb notebooks/results/task.py`, then
# `papermill notebooks/results/task.ipynb out.ipynb -p task breast`. It reads finished runs, which
# [](../pipeline/fine_tuning) trains, and takes about half a minute.
