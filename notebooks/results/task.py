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
# # One task
#
# *Answers* which initialisation does better on this task, and what that means
# for patients. *Needs* nothing: it reads finished runs, or the reference run.
# *Takes* half a minute: `rin run notebooks/results/task.py -p task=NAME`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display

from rin.data.manifest import PARTS, find_task, load_manifest
from rin.errors import counted
from rin.evidence import paper
from rin.evidence.audit import published_intervals
from rin.report import page, style
from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, measure_table
from rin.report.lines import slopes
from rin.stats import (
    clinical_curves,
    diverged_networks,
    init_differences,
    leave_one_pair_out,
    measures_by_convergence,
    pretraining_differences,
    scenario_aucs,
)
from rin.stats.planning import binormal_sensitivity
from rin.study import open_runs

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
inits = runs.inits
a, b = (style.init_style(init).short for init in inits)
word_a, word_b = (style.init_style(init).word for init in inits)
stated = paper.comparison_of(find_task(task)[1].paper_task)  # may be None
stand_ins = runs.stand_ins(task)  # what they give is no verdict
banner(runs, [task])

# %%
scores = runs.predictions(task=task)
every_task = runs.predictions()  # P values are adjusted over the tasks
headline = pretraining_differences(every_task, *inits).set_index("task")
differences = init_differences(every_task, *inits)
networks = differences[differences["task"] == task].set_index("group")
without = leave_one_pair_out(scores, *inits)  # one left out at a time
single = scenario_aucs(scores)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
main, here, facts = headline.loc[task], networks.loc["all"], runs.facts(task)
units = f" of {here['n_patients']:,.0f} {facts.dataset.independence}s"
units = units if here["n_patients"] < here["n_cases"] else ""
fewest = scores.groupby("label")["patient_id"].nunique().min()
if fewest < 10:
    units += (
        f", only {fewest} of them of one class: too few to rely on intervals"
    )
has_interval = pd.notna(here["ci_low"])
Markdown(
    f"""
{words.answer_on_task(main, here, inits, stand_ins=stand_ins)}
{words.most_influential(main, without)}
Over {counted(int(here["n_scenarios"]), "scenarios")} the mean AUC is
{here["auc_a"]:.2f} ({word_a}) and {here["auc_b"]:.2f} ({word_b}), on
{here["n_cases"]:,.0f} test images{units}.
{words.near_chance((single["auc"] <= 0.5).sum(), len(single))}
"""
    + (
        ""
        if has_interval
        else """**No interval can be given**, because a fold tests only one
patient of a class; results that need intervals are left out below.
"""
    )
)

# %%
aucs = single.groupby(["scenario", "init"])["auc"].mean()
conditions = scores[["scenario", "backbone", "unfreezing"]].drop_duplicates()
aucs = aucs.reset_index().merge(conditions).sort_values("backbone")
axes = slopes(aucs, inits, "backbone", wrap=2)
axes.flat[0].set_ylim(min(0.3, aucs["auc"].min() - 0.02), 1)
every_auc = "AUC of every scenario from either initialisation"
page.picture(axes, every_auc, width=f"{18 * min(axes.size, 2)}rem")

# %% [markdown]
# ## The difference and its intervals

# %%
units_of = {"all": headline.loc[[task]]} | {
    group: pretraining_differences(rows, *inits)
    for group, rows in scores.groupby("unfreezing")
}

# %%
labels = {"all": "all scenarios", **style.UNFREEZING_LABEL}
kinds = {
    "networks": networks,
    "pretrainings": pd.concat(units_of).droplevel(1),
}
bands = pd.concat(rows.assign(kind=kind) for kind, rows in kinds.items())
bands = bands.loc[[name for name in labels if name in bands.index]]
bands = bands.assign(label=bands.index.map(labels))
bands[["estimate", "ci_low", "ci_high"]] *= 100
if has_interval:
    bands = bands.dropna(subset="ci_low")  # one pair of networks has none
    last = style.kind_style(bands["kind"].iat[-1]).label
    bands["group"] = f"Here (numbers: {last})"
    if stated:
        published = published_intervals(stated)
        published["label"] = ["as printed", "from its SDs"]
        published["group"] = "The paper: RadImageNet − ImageNet"
        bands = pd.concat([published, bands])
    axes = forest(
        bands.drop(columns="p_holm"), xlabel="AUC points (95% CI)",
        ends=words.sides(inits, stand_ins=stand_ins), limits=(-20, 20),
    )  # fmt: skip
    display(page.picture(axes, "Differences over all, and by unfreezing"))

# %% [markdown]
# ## Images of this task

# %%
images = facts.dataset
epochs = runs.records(task)["epochs"].max()
card = {
    "In place of": facts.substitute_for,
    "Used": f"{images.used:,} of {images.available:,}",
    "Independent unit": images.independence,
    "Classes": ", ".join(f"{name} {n:,}" for name, n in images.counts.items()),
    "Split": ", ".join(f"{part} {facts.split[part]:,}" for part in PARTS),
    "Fine-tuning": f"at most {counted(epochs, 'epochs')}",
    "Size": f"{facts.size} × {facts.size} pixels",
    "Get them": f"{images.home} ({images.access})",
}
card = pd.DataFrame(card.items(), columns=["Images", images.title]).dropna()
book_table(card, "", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
weighty = ["no patient identifiers", "repeated lesions", "repeated heads"]
weighty += ["labels", "crops"]
known = [
    finding.text
    for finding in load_manifest(images.name).findings
    if finding.kind in weighty
]
nameless = """The files name no patients: images of one patient may be on both
sides of the split, which makes AUCs optimistic, and every image counts as a
patient, which makes intervals too narrow."""
Markdown(f"""
{nameless if images.independence == "image" else ""} {" ".join(known)}
More on the files: [Run it: images, GPU, cluster](../use/run_it).
""")

# %% [markdown]
# ## Beyond the AUC
#
# How these are computed: [Methods](../../methods). The intervals take only patients as
# a sample: what other pretrainings would give is not in them. The means include
# every network; where trainings diverged, the last columns leave these out.

# %%
n_bins = int(np.clip(here["n_cases"] // 10, 2, 10))
if has_interval:
    measures = measures_by_convergence(
        scores, inits, seed=runs.study.profile.seed, bins=n_bins
    )
    table = measure_table(measures, inits)
    caption = "Means over scenarios; intervals: these networks, new patients"
    display(book_table(table, caption, prose=True))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(words.diverged(diverged_networks(scores, inits), inits))

# %%
curves = clinical_curves(scores, inits, bins=n_bins)
names = {"reliability": "Calibration", "decision": "Net benefit"}
grid = sns.relplot(
    curves[curves["curve"].isin(names)].replace({"curve": names}),
    kind="line", x="x", y="estimate", col="curve", hue="init", estimator=None,
    palette={init: style.init_style(init).color for init in inits},
    facet_kws={"sharey": False}, col_order=names.values(), height=3.2,
)  # fmt: skip
everyone = curves[curves["curve"] == "treat_all"].drop_duplicates("x")
line = {"color": style.FAINT, "ls": "--"}
calibration, benefit = grid.axes_dict.values()
calibration.axline((0, 0), slope=1, **line)
benefit.plot(everyone["x"], everyone["estimate"], **line)
grid.set_titles("{col_name}").set_xlabels("Threshold (dashed: treat all)")
benefit.set(ylim=(-0.3, 1), ylabel="Net benefit")
calibration.set(ylabel="Share positive", xlabel="Probability (dashed: ideal)")
place = {"loc": "upper center", "bbox_to_anchor": (0.45, 0.03)}
sns.move_legend(grid, **place, ncols=2, title="")
curves_alt = f"Calibration and net benefit of {a} (blue) and {b} (orange)"
page.picture(grid.axes, curves_alt, width="40rem")

# %%
# Positive cases above a threshold that one negative case in ten exceeds.
auc = min(here[["auc_a", "auc_b"]].mean(), 0.97)
per_100 = [100 * binormal_sensitivity(of, 0.9) for of in (auc, auc + 0.02)]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
sentence = ""
if has_interval:
    reached = measures.query("measure == 'sensitivity_at_90'")
    reached = reached.query("networks == 'all'").set_index("init")
    first, second = 100 * reached.loc[list(inits), "estimate"]
    sentence = f"""These networks detected {first:.0f} ({word_a}) and
{second:.0f} ({word_b})."""
Markdown(f"""
What two points of AUC mean: if scores were normally distributed with the same
spread in both classes, raising the AUC from {auc:.2f} to {auc + 0.02:.2f} would
detect {np.diff(per_100)[0]:.1f} more of 100 positive cases at 90% specificity
({per_100[1]:.0f} in place of {per_100[0]:.0f}). {sentence}
""")
