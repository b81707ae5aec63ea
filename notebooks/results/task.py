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
#
# *Answers* which initialisation does better on this task, and what that means
# for patients. *Needs* finished runs, or none: the reference run is read then.
# *Takes* half a minute: `rin run notebooks/results/task.py -p task=NAME`.

# %% tags=["parameters", "remove-input"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown
from scipy.stats import norm, ttest_ind

from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import TaskAudit
from rin.report import clinical, page, style
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    format_p,
)
from rin.report.heat import heat
from rin.report.slopes import slopes
from rin.stats import (
    clinical_curves,
    clinical_measures,
    init_differences,
    pretraining_differences,
    scenario_aucs,
    unpaired_t,
)
from rin.study import open_runs

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
inits = runs.inits
a, b = (style.init_style(init).short for init in inits)
colors = {init: style.init_style(init).color for init in inits}
stated = paper.COMPARISONS.get(find_task(task)[1].paper_task)  # may be None
banner(runs, [task])

# %%
scores = runs.predictions(task=task)
every_task = runs.predictions()  # P values are adjusted over the tasks
headline = pretraining_differences(every_task, *inits).set_index("task")
found = init_differences(every_task, *inits)
networks = found[found["task"] == task].set_index("group")

# %% tags=["hide-input"]
main, here, facts = headline.loc[task], networks.loc["all"], runs.facts(task)
units = f"{here['n_patients']:,.0f} {facts.dataset.independence}s"
Markdown(f"""
**{page.verdict(main["estimate"], main["p_holm"], inits).capitalize()}.** With
pretrainings as the units ({main["pairs"]:.0f} pairs of networks) the difference
{a} − {b} is {format_estimate(main, unit="points")} points of AUC (adjusted
{format_p(main["p_holm"])}). These networks, on new patients:
{format_estimate(here, unit="points")} ({format_p(here["p_holm"])}). The mean
AUC over {here["n_scenarios"]:.0f} scenarios is {here["auc_a"]:.2f} and
{here["auc_b"]:.2f}, on {here["n_cases"]:,.0f} test images ({units} as
independent units).
""")

# %%
conditions = ["scenario", "backbone", "unfreezing", "learning_rate"]
aucs = scenario_aucs(scores).groupby(["scenario", "init"])["auc"].mean()
aucs = aucs.reset_index().merge(scores[conditions].drop_duplicates())
axes = slopes(aucs.sort_values("backbone"), inits, "backbone", wrap=2)
axes.flat[0].set_ylim(0.3, 1)
every_auc = "AUC of every scenario from either initialisation"
page.picture(axes, every_auc, width="36rem")

# %% tags=["hide-input"]
Markdown(f"""
Each line is a scenario, from one initialisation to the other; all tasks are
drawn on one scale. {(aucs["auc"] <= 0.5).sum()} of {len(aucs)} networks are no
better than chance (dotted); they count like the others.
""")

# %% [markdown]
# ## The difference and its intervals

# %%
bands = pd.concat(
    [
        networks.assign(kind="networks"),
        headline.loc[[task]].set_axis(["all"]).assign(kind="pretrainings"),
    ]
).loc[networks.index]
bands = bands.assign(
    label=bands.index.map({"all": "all scenarios", **style.UNFREEZING_LABEL}),
    group=f"Here: {a} − {b}",
)
bands[["estimate", "ci_low", "ci_high"]] *= 100
if stated:
    published = TaskAudit(stated).intervals()
    published["label"] = ["as printed", "from its SDs"]
    published["group"] = "The paper: RadImageNet − ImageNet"
    bands = pd.concat([published, bands])
axes = forest(
    bands.drop(columns="p_holm"),
    xlabel="AUC points (95% CI)",
    ends=(f"{b} ahead", f"{a} ahead"),
    limits=(-20, 20),
)
page.picture(axes, "Differences as published, over all scenarios, by regime")

# %% [markdown]
# Regimes, with their test of interaction, are compared on [](all_tasks).
#
# ## The paper's own test
#
# The published intervals are those of an unpaired t test that takes the
# scenarios as the sample ([](../evidence/audit)). SciPy does it in one call, and
# `rin.stats` agrees.

# %%
samples = [aucs.loc[aucs["init"] == init, "auc"] for init in inits]
test = ttest_ind(*samples)
same = unpaired_t(*samples)
assert np.allclose(
    [test.statistic, test.pvalue], [same.statistic, same.p_value]
)
low, high = 100 * np.array(test.confidence_interval())
print(f"({low:.1f}, {high:.1f}) points, P = {test.pvalue:.3f}")

# %% [markdown]
# ## Its images

# %%
images, tuning = facts.dataset, runs.study.profile.tuning(task)
card = {
    "In place of": facts.substitute_for,
    "Used": f"{images.used:,} of {images.available:,}",
    "Told apart by": images.independence,
    "Classes": ", ".join(f"{name} {n:,}" for name, n in images.counts.items()),
    "Split": ", ".join(f"{part} {n:,}" for part, n in facts.split.items()),
    "Fine-tuning": f"at most {runs.records(task)['epochs'].max()} epochs",
    "Size": f"{facts.size} × {facts.size} pixels",
    "Get them": f"{images.home} ({images.access})",
}
card = pd.DataFrame(card.items(), columns=["Images", images.title]).dropna()
book_table(card, "", prose=True)

# %% tags=["hide-input"]
known = {one.kind: one.text for one in load_manifest(images.name).findings}
repeats = known.get("repeated lesions", "")
narrow = (
    "The files name no patients, so that every image counts as independent;"
    f" where a patient has several, the interval is too narrow. {repeats}"
)
Markdown(f"""
{narrow if images.independence == "image" else ""}
What else is known of the files: [](../use/run_it).
""")

# %% [markdown]
# ## Every scenario

# %%
rows = scores.assign(unfreezing=scores["scenario"])
of_scenarios = init_differences(rows, *inits).merge(
    aucs.drop_duplicates("scenario"), left_on="group", right_on="scenario"
)
rates = of_scenarios["learning_rate"].map("{:.0e}".format)
rates = rates.str.replace("e-0", "e-")
layers = of_scenarios["unfreezing"].map(style.UNFREEZING_LABEL)
wide = of_scenarios.assign(
    points=100 * of_scenarios["estimate"], condition=layers + ", " + rates
).pivot(index="backbone", columns="condition", values="points")
page.picture(
    heat(wide, inits, limit=40, height=0.6),
    f"{a} − {b} in every scenario, AUC points",
)

# %% [markdown]
# A single scenario is one training of either network: read the pattern, not
# the cell.
#
# ## Beyond the AUC
#
# Are the probabilities right, how many positive cases does a strict threshold
# find, and is deciding by the scores worth anything? Each measure is taken of
# one network and averaged over scenarios; intervals resample patients.

# %%
n_bins = int(np.clip(here["n_cases"] // 10, 2, 10))
seed = runs.study.profile.seed
measures = clinical_measures(scores, inits, seed=seed, bins=n_bins)
curves = clinical_curves(scores, inits, bins=n_bins)
book_table(
    clinical.measure_table(measures, inits), "Beyond the AUC", prose=True
)

# %%
axes = clinical.calibration(curves, inits, "task")
alt = "Calibration of both initialisations"
page.picture(axes, alt, width="26rem")

# %%
decided = curves[curves["curve"] == "decision"]
everyone = curves[curves["curve"] == "treat_all"].drop_duplicates("x")
_, ax = plt.subplots(figsize=(5, 3.4))
look = {"hue": "init", "palette": colors, "legend": False, "ax": ax}
sns.lineplot(decided, x="x", y="estimate", errorbar=None, **look)
ax.plot(everyone["x"], everyone["estimate"], color=style.FAINT, ls="--")
ax.axhline(0, color=style.FAINT, ls=":")
ax.set(xlabel="Threshold probability", ylabel="Net benefit", ylim=(-0.3, 1))
alt_text = "Net benefit of both initialisations; dashed, treat all"
page.picture(ax, alt_text, width="32rem")

# %%
strict = norm.ppf(0.9)  # a threshold that one negative case in ten exceeds
auc = here[["auc_a", "auc_b"]].mean()
apart = 2**0.5 * norm.ppf(np.array([auc, auc + 0.02]))
found_per_100 = 100 * norm.cdf(apart - strict)
found_per_100.round(1)

# %% tags=["hide-input"]
strictly = measures.query("measure == 'sensitivity_at_90'").set_index("init")
first, second = 100 * strictly.loc[list(inits), "estimate"]
Markdown(f"""
What two points of AUC mean: were scores normal with equal spread in both
classes, raising the AUC from {auc:.2f} to {auc + 0.02:.2f} would find
{np.diff(found_per_100)[0]:.1f} more of 100 positive cases at 90% specificity
({found_per_100[0]:.0f} to {found_per_100[1]:.0f}). These networks found
{first:.0f} ({a.lower()}) and {second:.0f} ({b.lower()}). Colours: {a.lower()}
blue, {b.lower()} orange; dashed, all cases called positive.
""")
