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
# # Images from another hospital
#
# *Answers* whether the comparison turns out the same on external images, by
# device, BI-RADS category and lesion size. *Needs* nothing: it reads finished
# runs. *Takes* half a minute: `rin run notebooks/results/external.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
task: str = ""  # task with an external dataset; empty takes the first
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin.errors import counted
from rin.report import page, style
from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    format_p,
    measure_table,
)
from rin.report.lines import calibration
from rin.stats import (
    auc_ci,
    change_between,
    clinical_curves,
    external_scores,
    init_differences,
    measures_by_convergence,
    pretraining_changes,
    pretraining_differences,
    scenario_aucs,
)
from rin.study import open_runs

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
inits = runs.inits
a, b = (style.init_style(init).short for init in inits)
word_a, word_b = (style.init_style(init).word for init in inits)
of = task or next(name for name in runs.tasks if runs.external(name))
place = runs.external(of)[0]
stand_ins = runs.stand_ins(of)
banner(runs, [of])

# %%
scores = {"internal": runs.predictions(task=of)}
scores["external"] = external_scores(runs.predictions(task=of, part=place))
if place in runs.tasks:  # trained on the external hospital's own images
    scores["trained there"] = runs.predictions(task=place)
networks = pd.concat(
    init_differences(rows, *inits).assign(test=name)
    for name, rows in scores.items()
)
headline = pd.concat(
    pretraining_differences(some, *inits).assign(test=name, group=group)
    for name, rows in scores.items()
    for group, some in {
        "all": rows, **dict([*rows.groupby("unfreezing")])
    }.items()
)  # fmt: skip

# %% jupyter={"source_hidden": true} tags=["hide-input"]
facts, site = runs.facts(of), runs.facts(of).external[0]
site_name = site.title.partition(",")[0]
within = headline[headline["group"] == "all"].set_index("test")
alone = networks[networks["group"] == "all"].set_index("test")
means = alone[["auc_a", "auc_b"]]
fall = (means.loc["external"] < means.loc["internal"]).sum()
near = counted(facts.shared_pictures[place], "pairs of near-duplicates")
Markdown(f"""
Every network fine-tuned on {facts.dataset.title.partition(",")[0]} also scored
all {site.used:,} images of {site.patients:,} patients of {site_name}; none of
these networks was trained on them. With the pretraining as the unit, the
difference {word_a} − {word_b} is
{format_estimate(within.loc["internal"], unit="points")} AUC points on the
internal test set and
{format_estimate(within.loc["external"], unit="points")} on the external one
(each a single test, not adjusted). From the internal to the external test set
the mean AUC falls with {("neither", "one", "both")[int(fall)]} of the
initialisations: from
{alone.loc["internal", "auc_a"]:.2f} to {alone.loc["external", "auc_a"]:.2f}
({word_a}) and from {alone.loc["internal", "auc_b"]:.2f} to
{alone.loc["external", "auc_b"]:.2f} ({word_b}). The two datasets share
{near if facts.shared_pictures[place] else "no near-duplicates"}.
""")

# %%
scopes = {"all": "all scenarios", **style.UNFREEZING_LABEL}
kinds = {"networks": networks, "pretrainings": headline}
both = pd.concat(rows.assign(kind=kind) for kind, rows in kinds.items())
both["label"] = both["group"].map(scopes)
both = both.sort_values(
    "label", key=lambda text: text.map([*scopes.values()].index), kind="stable"
)
axes = forest(
    both.drop(columns="p_holm"),
    unit="points",
    group="test",
    names={
        "internal": "Internal test set",
        "external": f"External test set: {site_name}",
        "trained there": "Trained and tested on the external dataset",
    },
    xlabel=f"{a} − {b}, AUC points (95% CI)",
    ends=words.sides(inits, stand_ins=stand_ins),
)
page.picture(axes, "Differences on the internal and the external test set")

# %% [markdown]
# ## Does the difference change from one test set to the other?
#
# The two test sets contain different patients, so the variances of the two
# differences are added. Within each test set all networks score the same images,
# which their covariance takes into account {cite:p}`obuchowski1997`.

# %%
travel = change_between(alone.loc["internal"], alone.loc["external"])
both_sets = scores["internal"], scores["external"]
of_pairs = pretraining_changes(*both_sets, *inits).iloc[0]
single_test = f"; {format_p(travel.p_value)}, a single test"

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
For these networks alone, the difference {word_a} − {word_b} changes between the
two test sets by {format_estimate(travel, unit="points")} points (internal −
external{words.if_real(single_test, stand_ins=stand_ins)}); with the pretraining
as the unit it is {format_estimate(of_pairs, unit="points")}.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
cases = runs.cases(of, place).copy()
aucs = pd.concat(
    scenario_aucs(rows).assign(test=name) for name, rows in scores.items()
)
aucs["backbone"] = aucs["scenario"].str.partition("-")[0]
grid = sns.catplot(
    aucs,
    x="auc",
    y="backbone",
    hue="init",
    palette={init: style.init_style(init).color for init in inits},
    col="test",
    dodge=True,
    height=2.8,
    aspect=0.95,
)
below = {"loc": "upper center", "bbox_to_anchor": (0.45, 0.03), "ncols": 2}
sns.move_legend(grid, **below, title="")
grid.set_axis_labels("AUC", "").set_titles("{col_name}")
if "birads" in cases:  # what a radiologist read in the same images
    reader = auc_ci(cases["label"], cases["birads"].astype(float))
    grid.axes_dict["external"].axvline(reader.auc, color=style.INK, ls="--")
page.picture(grid.axes, "AUC of every scenario on each test set, by backbone")

# %% [markdown]
# Each mark is a network. The dashed line is the AUC of the radiologist's BI-RADS
# category on the same external images, where it is known.
#
# ## Subgroups of the external images
#
# A network may recognise the device rather than the disease, which is of no use to
# it among images of one device. Groups with at least twenty patients of each class
# are listed; lesion size is the lesion's share of the image, divided into thirds.
# Intervals describe these networks on new patients and are exploratory.

# %%
labels = {"device": "Device", "birads": "BI-RADS", "size": "Lesion size"}
overlap = runs.overlap(of, place)
if len(overlap):  # lesions are marked
    share = overlap.groupby("case_id")["mask_share"].first()
    rank = share.rank(method="first")  # equal shares are no obstacle
    thirds = pd.qcut(rank, 3, labels=["small", "medium", "large"])
    cases["size"] = cases["case_id"].map(thirds)
rows = []
for column in [name for name in labels if name in cases]:
    for level, members in cases.groupby(column):
        counts = members.groupby("label")["patient_id"].nunique()
        if counts.reindex([0, 1], fill_value=0).min() < 20:
            continue
        inside = scores["external"]["case_id"].isin(members["case_id"])
        differences = init_differences(scores["external"][inside], *inits)
        rows.append(
            {"column": labels[column], "level": level, **differences.iloc[0]}
        )
groups = pd.DataFrame(rows)

# %%
shown = pd.DataFrame()
if len(groups):
    shown["Group"] = groups["column"] + " " + groups["level"].astype(str)
    shown["Patients"] = groups["n_patients"].map("{:,.0f}".format)
    for name, end in ((a, "auc_a"), (b, "auc_b")):
        shown[name] = groups[end].map("{:.3f}".format)
    shown["Points (95% CI)"] = format_estimate(groups, unit="points")
subgroups = f"Mean AUC in subgroups of {site_name} (these networks)"
book_table(shown, subgroups, prose=True)

# %% [markdown]
# ## Are the probabilities still calibrated?

# %%
seed, measures, curves = runs.study.profile.seed, {}, []
for name in ("internal", "external"):
    measured = measures_by_convergence(scores[name], inits, seed=seed)
    measures[name] = measure_table(measured, inits)
    drawn = clinical_curves(scores[name], inits)
    curves.append(drawn.assign(test=name))
axes = calibration(pd.concat(curves), inits, "test")
page.picture(axes, "Calibration on the internal and the external test set")

# %%
table = pd.concat(
    rows.head(3).assign(Test=name) for name, rows in measures.items()
).sort_values("Measure (0–1)", kind="stable")
caption = "On both test sets; intervals: these networks, new patients"
book_table(table.reset_index(drop=True), caption, prose=True)
