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
# **On images from another hospital, networks from either start lose about twelve points.** The paper claims
# “better generalizability”, to tasks unlike its database, and tests on held-out images of the same source. Here
# networks that were fine-tuned on BUSI, breast ultrasound from Cairo, score BUS-BRA, breast ultrasound from Rio
# de Janeiro. No image of one set is a near-duplicate of one of the other.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin import stats
from rin.report.banner import banner
from rin.report.figures import label_panels
from rin.report.format import book_table, format_estimate, format_range
from rin.report.page import claim, picture
from rin.report.style import INIT_COLORS, use_style
from rin.report.verdict import points
from rin.study import external_scores, open_reference

use_style()
runs = open_reference("open")
banner(runs, ["breast", "busbra"])

# %% [markdown]
# ## The same networks on two test sets
#
# *External* are the same networks on the other hospital's images; those *trained there* were trained on BUS-BRA
# itself. Networks are of all eight backbones.

# %%
a, b = runs.inits
here = runs.predictions(task="breast")
there = external_scores(runs.predictions(task="breast", part="busbra"))
sets = {
    "internal": here,
    "external": there,
    "trained there": runs.predictions(task="busbra"),
}
tests = pd.concat(sets, names=["test"]).groupby("test", sort=False)
aucs = tests.apply(stats.scenario_aucs)
aucs["scenario"] = aucs["scenario"].astype(str).str.split(" ").str[0]
mean = aucs.groupby(["test", "init", "scenario"])["auc"].mean()
level = mean.groupby(["test", "init"]).mean()
level.unstack().loc[[*sets]].round(3)

# %%
units = tests.apply(stats.pretraining_differences, a, b).droplevel(1)
change = stats.pretraining_changes(here, there, a, b).iloc[0]
cases = runs.cases("breast", "busbra")
categories = cases["birads"].astype(float)
reader = stats.auc_ci(cases["label"], categories, cases["patient_id"])
units[["estimate", "ci_low", "ci_high"]].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
normal = here["case_id"].str.startswith("normal")
without = stats.scenario_aucs(here[~normal]).groupby("init")["auc"].mean()
whole = aucs.loc["internal"].groupby("init")["auc"].mean()
claim("one point higher", (without - whole).round(2) == 0.01)
fall = 100 * (level["internal"] - level["external"])
shared = runs.facts.task("breast").shared_pictures
claim("no near-duplicate in both sets", shared["busbra"] == 0)
inside = units.loc["internal"]
outside = units.loc["external"]
claim("both lose twelve points", fall.round() == 12)
claim(
    "photographs somewhat ahead on either set, not clearly",
    max(inside["estimate"], outside["estimate"]) < -0.01
    and min(inside["ci_high"], outside["ci_high"]) > 0,
)
claim(
    "no change, within 2.5 points",
    -0.03 < change["ci_low"] < 0 < change["ci_high"] < 0.03,
)
subset = there[there["case_id"].isin(sets["trained there"]["case_id"])]
subset = stats.scenario_aucs(subset).groupby(["init", "scenario"])["auc"]
gains = 100 * (level["trained there"] - subset.mean().groupby("init").mean())
claim("training there gains three to five points", gains.between(3, 5))
claim(
    "no network is near the radiologist",
    reader.ci_low > 0.87
    and aucs.query("test == 'external'")["auc"].max() < 0.75,
)
Markdown(f"""
**Neither start clearly generalises better.** From one hospital to the other the
mean AUC falls by {fall[a]:.1f} points with radiologic weights
({level["internal", a]:.3f} to {level["external", a]:.3f}) and by {fall[b]:.1f}
with photographic ones. The difference between the two is {points(inside)} on
the internal set and {points(outside)} on the external one, with the pretraining
as the unit; internal minus external is {points(change)}.

Networks trained on BUS-BRA itself are ahead of these by
{format_range(gains, 1)} points on the same test images, after one epoch;
whether BUS-BRA is harder, or the internal AUC too high (BUSI names no
patients), cannot be told. Of the internal images
{here["case_id"][normal].nunique()} show no lesion and count as benign; without
them both AUCs are one point higher. A radiologist's BI-RADS category
on the external images has an AUC of {reader.auc:.2f} ({reader.ci_low:.2f},
{reader.ci_high:.2f}). What holds for networks so far below a reader may not
hold for better ones.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
dots = mean.rename("AUC").reset_index()
inside_n, outside_n, own_n = (of["case_id"].nunique() for of in sets.values())
grid = sns.catplot(
    dots, x="init", y="AUC", hue="init", col="test", col_order=sets,
    order=(a, b), hue_order=(a, b), palette=INIT_COLORS, kind="strip",
    alpha=0.5, height=2.8, aspect=0.58,
)  # fmt: skip
grid.map_dataframe(
    sns.pointplot, x="init", y="AUC", order=(a, b), errorbar="sd", color="k",
    linestyle="none", markersize=4, linewidth=1.5, zorder=4,
)  # fmt: skip
label_panels(grid, "", "AUC (dotted: chance)")
grid.tick_params("x", rotation=40)
grid.refline(y=0.5, linestyle=":", linewidth=1)
readers = grid.axes_dict["external"]
readers.axhline(reader.auc, color="0.2", linestyle="--", linewidth=1)
readers.text(0.5, reader.auc - 0.01, "BI-RADS", ha="center", va="top")
picture(
    grid.axes,
    "Figure 1. Both starts lose twelve points on the external images",
    "AUC of 48 scenarios from each start, each the mean over its "
    "pretrainings, with "
    f"mean ± SD; {inside_n} internal and {outside_n:,} external test images; "
    f"right: networks trained on BUS-BRA, {own_n} test images. "
    "Dashed: a radiologist's BI-RADS category on the external images.",
)

# %% [markdown]
# ## Devices, readers' categories and lesion size
#
# Groups with at least twenty patients of each class; lesion size is its share of the image, in thirds.
# Intervals are for these networks on new patients, and exploratory.

# %%
share = (
    runs.overlap("breast", "busbra").groupby("case_id")["mask_share"].first()
)
third = pd.qcut(
    share.rank(method="first"), 3, labels=["small", "medium", "large"]
)
cases["lesion"] = cases["case_id"].map(third)
names = {"device": "", "birads": "BI-RADS ", "lesion": "lesion "}
rows = []
for column, word in names.items():
    for value, members in cases.groupby(column):
        patients = members.groupby("label")["patient_id"].nunique()
        if len(patients) == 2 and patients.min() >= 20:
            scores = there[there["case_id"].isin(members["case_id"])]
            row = stats.init_differences(scores, a, b).iloc[[0]]
            rows.append(row.assign(group=f"{word}{value}"))
groups = pd.concat(rows, ignore_index=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
shown = pd.DataFrame(
    {
        "Group": groups["group"],
        "Patients": groups["n_patients"].map("{:.0f}".format),
        f"AUC, {a}": groups["auc_a"].map("{:.2f}".format),
        f"AUC, {b}": groups["auc_b"].map("{:.2f}".format),
        "AUC points (95% CI)": format_estimate(groups, unit="points"),
    }
)
book_table(
    shown,
    "Table 1. Groups of the external images",
    prose=True,
    rows=groups,
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
claim(
    "photographs are higher in each group, by four points at most",
    groups["estimate"].between(-0.04, 0),
)
claim("clearly in five of seven", groups["ci_high"].lt(0).sum() == 5)
reading = groups.set_index("group").filter(like="BI-RADS", axis=0)
suspicious = reading.loc["BI-RADS 4", ["auc_a", "auc_b"]]
claim("AUCs are at chance in BI-RADS 4", suspicious < 0.53)
claim("it alone has enough patients", len(reading) == 1)
Markdown(f"""
Photographic weights have the higher mean AUC in all {len(groups)} groups, by
{format_range(-100 * groups["estimate"], 1)} points, clearly in five. Within
BI-RADS 4, the one category with enough patients of both classes, AUCs are
{suspicious["auc_a"]:.2f} and {suspicious["auc_b"]:.2f}: among lesions that the
radiologist called suspicious, these networks do not separate malignant from
benign.
""")

# %% [markdown]
# ## Are the probabilities still calibrated?

# %% jupyter={"source_hidden": true} tags=["hide-input"]
curves = tests.apply(stats.clinical_curves, (a, b)).query(
    "curve == 'reliability' and test != 'trained there'"
)
grid = sns.relplot(
    curves, x="x", y="estimate", hue="init", hue_order=(a, b), col="test",
    palette=INIT_COLORS,
    kind="line", marker="o", height=2.7, aspect=0.85,
    facet_kws={"legend_out": False},
)  # fmt: skip
for half in grid.axes.flat:
    half.axline((0, 0), slope=1, color="0.6", linestyle=":", linewidth=1)
grid.set(xlim=(0, 1), ylim=(0, 1), xticks=(0.2, 0.5, 0.8))
label_panels(grid, "Predicted probability", "Share malignant")
picture(
    grid.axes,
    "Figure 2. On external images probabilities are too extreme",
    "Mean over networks of the share of malignant images by predicted "
    "probability, in tenths of the images. On the "
    "dotted line a predicted probability equals the share that is malignant.",
)

# %%
seed = runs.facts.profile.seed
measures = stats.clinical_measures(there, (a, b), seed=seed)
measures = measures.set_index(["init", "measure"])
columns = ["estimate", "ci_low", "ci_high"]
measures.loc["difference", columns].dropna().round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
tenths = curves.loc["external"].groupby("init")[["x", "estimate"]]
low = tenths.first()
high = tenths.last()
estimates = measures["estimate"].unstack()
error = estimates["ece"]
sensitivity = estimates["sensitivity_at_90"]
claim(
    "half of the images with the highest probabilities are malignant, fewer "
    "than predicted",
    [high["estimate"].between(0.45, 0.6), high["x"] > high["estimate"] + 0.1],
)
claim("lowest probabilities are too low", low["x"] < low["estimate"] - 0.1)
claim(
    "about twenty in a hundred are found",
    sensitivity[[a, b]].between(0.17, 0.25),
)
Markdown(f"""
In the tenth of external images with the highest predictions, radiologic
networks predict {high.loc[a, "x"]:.2f} on average and a share of
{high.loc[a, "estimate"]:.2f} is malignant. The expected calibration error is
{error[a]:.2f} (radiologic) and {error[b]:.2f} (photographic), and at 90%
specificity {100 * sensitivity[a]:.0f} and {100 * sensitivity[b]:.0f} of 100
cancers are found. Networks like these would have to be recalibrated here,
whatever they were pretrained on.
""")

# %% [markdown]
# ## Try it
#
# `rin run notebooks/results/external.py` computes this page.
#
# 1. Keep small lesions. Which arm loses more?
#
#    ```python
#    small = cases.loc[cases["lesion"] == "small", "case_id"]
#    of_small = there[there["case_id"].isin(small)]
#    stats.init_differences(of_small, a, b)[["group", "auc_a", "auc_b", "estimate"]].round(3)
#    ```
#
# 2. Keep frozen networks. Training fewer layers leaves less room to learn a hospital: is the fall
#    smaller?
#
#    ```python
#    frozen = [rows.query("unfreezing == 'freeze_all'") for rows in (here, there)]
#    [stats.scenario_aucs(rows)["auc"].mean().round(2) for rows in frozen]
#    ```
#
# 3. Halve the external patients. Does the interval of the change grow?
#
#    ```python
#    half = there["patient_id"].drop_duplicates().sample(frac=0.5, random_state=0)
#    fewer = there[there["patient_id"].isin(half)]
#    stats.pretraining_changes(here, fewer, a, b)[["estimate", "ci_low", "ci_high"]]
#    ```
