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
# # What independent studies found

# %% tags=["hide-input"]
import pandas as pd

from rin.evidence import paper
from rin.evidence.replications import REPLICATIONS, like_for_like
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    format_interval,
    format_number,
    format_p,
)
from rin.report.page import claim, glue_values, picture
from rin.report.style import use_style
from rin.stats.synthesis import cluster_robust, random_effects, three_level

use_style()
pd.set_option("display.precision", 1)

# %% [markdown]
# Independent studies do not find the published advantage. In {glue:text}`n_found` comparisons of
# like with like, ImageNet weights had the higher area under the ROC curve (AUC) in
# {glue:text}`n_imagenet` and RadImageNet weights in {glue:text}`n_radimagenet`; in
# {glue:text}`n_parity` the authors saw no difference. But all come from one group, and most have a
# weakness: {glue:text}`n_scaling` from a study whose public code omits a step of RadImageNet's
# preprocessing, {glue:text}`n_own` with weights that the authors trained themselves.
#
# ## On the questions of the paper
#
# Nothing on this page was measured here. Each AUC is printed in the study that it is ascribed to,
# or stands in its public results. Like with like means the same network and the same head on both
# sides. The search was not systematic. It leaves out the authors' own reports, studies without both
# kinds of weights, and reports without a citable source.

# %%
found = like_for_like()
found.groupby(["ahead", "of_the_paper"]).size().unstack(fill_value=0)

# %%
shown = {"acl": "The paper, ligament", "meniscus": "The paper, meniscus"}
asked = {
    "Thyroid nodules, US": ["thyroid"],
    "Breast lesions, US": ["breast"],
    "Knee MRI (ligament and meniscus)": ["acl", "meniscus"],
    "Pneumonia, chest radiography": ["pneumonia"],
}
rows = []
for group, tasks in asked.items():
    for task in tasks:
        one = paper.COMPARISONS[task]
        label = shown.get(task, "The paper")
        rows.append(
            (group, label, one.difference, one.ci_low, one.ci_high, "published")
        )
    for one in found[found["task"] == "/".join(tasks)].itertuples():
        mark = " †" if one.scaling_missing else " ‡" if one.own_weights else ""
        label = (
            ", ".join(filter(None, [one.study.split(" (")[0], one.setting]))
            + mark
        )
        rows.append(
            (group, label, one.estimate, one.ci_low, one.ci_high, "independent")
        )

columns = ["group", "label", "estimate", "ci_low", "ci_high", "kind"]
axes = forest(
    pd.DataFrame(rows, columns=columns),
    xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
    ends=("ImageNet", "RadImageNet"),
    limits=(-35, 20),
)
picture(axes, "Difference in AUC points by question: the paper's estimates lie right of zero, "
        "nearly all those of independent studies left of it")  # fmt: skip

# %% [markdown]
# † The study's public code does not scale the inputs of RadImageNet networks by 1/255.
# ‡ RadImageNet weights trained by the study itself. Open marks: no standard deviation (SD) is
# stated, so no interval can be given. Arrows: the interval goes on.
#
# Published intervals describe 24 ways of fine-tuning ([the audit](audit)). Those of
# {cite:t}`juodelyte2023` are computed here from the SDs over five folds by Welch's formula, as if
# folds were independent and the two sources unpaired. Folds share training images, which makes
# such intervals too narrow; both sources saw the same folds, which may make them too wide. The
# MedMNIST values {cite:p}`juodelyte2024transferability` are single runs. No independent
# comparison was found for the three CT tasks.
#
# ## Pooled, with caution
#
# A random-effects model weighs each comparison by its precision and allows the true difference to
# vary. Its mean is estimated by restricted maximum likelihood (REML), its interval follows Hartung
# and Knapp, and the prediction interval says where the true difference of one more comparison is
# expected. Only the {glue:text}`n_known` comparisons with SDs enter, all of one study.

# %%
known = found.dropna(subset=["ci_low"])
variance = (known["radimagenet_sd"] ** 2 + known["imagenet_sd"] ** 2) / known[
    "folds"
]
images = known["label"].str.replace(
    r", (fine-tuned|frozen first)$", "", regex=True
)
tuned, asks = known["setting"] == "fine-tuned", known["of_the_paper"]
groups = {
    "Fine-tuned": tuned,
    "Fine-tuned, the paper's questions": tuned & asks,
    "Fine-tuned, other questions": tuned & ~asks,
    "Frozen first": ~tuned,
    "All": tuned | ~tuned,
}
pooled = {name: random_effects(known["estimate"][some], variance[some])
          for name, some in groups.items()}  # fmt: skip
pooled["All, comparisons of the same images nested"] = three_level(
    known["estimate"], variance, images)  # fmt: skip
pooled["All, robust to sharing images"] = cluster_robust(
    known["estimate"], variance, images
)

# %% [markdown]
# Comparisons without an SD stay out above. As a check they enter with a stated rule: the median
# variance of the fine-tuned comparisons. The paper's own eight differences, pooled with the
# variance that its SDs over 24 ways of fine-tuning allow, stand beside them as a group of their
# own.

# %%
filled = found.assign(variance=variance).fillna(
    {"variance": variance[tuned].median()}
)
filled = filled[filled["setting"] != "frozen first"]
pooled["Fine-tuned, with those without SDs"] = random_effects(
    filled["estimate"], filled["variance"])  # fmt: skip
pooled["The paper's own eight"] = random_effects(
    [one.difference for one in paper.COMPARISONS.values()],
    [
        1e4 * (one.sd_radimagenet**2 + one.sd_imagenet**2) / 24
        for one in paper.COMPARISONS.values()
    ],
)
pooled = pd.DataFrame(pooled).T
others = [tuned & (images != one) for one in images[tuned].unique()]
left_out = pd.DataFrame(
    random_effects(known["estimate"][some], variance[some]) for some in others
)

# %% tags=["hide-input"]
rows = pooled.itertuples()
table = pd.DataFrame(
    {
        "Comparisons": pooled.index,
        "Number": pooled["k"].astype(int).to_numpy(),
        "Difference (95% CI)": [format_estimate(one, digits=1) for one in rows],
        "P": [format_p(p) for p in pooled["p_value"]],
        "95% prediction": [
            format_interval(one.prediction_low, one.prediction_high, 1)
            for one in pooled.itertuples()
        ],
        "I², %": [
            "–" if pd.isna(share) else f"{100 * share:.0f}"
            for share in pooled["i2"]
        ],
    }
)
book_table(
    table,
    "RadImageNet − ImageNet, AUC points, pooled by random effects",
    prose=True,
)

# %% tags=["hide-input"]
whole, own = (
    pooled.loc["Fine-tuned"],
    pooled.loc["Fine-tuned, the paper's questions"],
)
claim("fine-tuned: behind, interval below zero", whole["ci_high"] < 0)
claim(
    "on the paper's questions: includes zero",
    own["ci_low"] < 0 < own["ci_high"],
)
weight = 1 / (variance[tuned & asks] + own["tau2"])
radiographs = known.loc[weight.idxmax()]
claim("chest radiographs weigh most", radiographs["task"] == "pneumonia")
claim(
    "near 99 points with either",
    radiographs[["radimagenet", "imagenet"]].min() > 98.5,
)
claim("a further comparison may lie on either side",
      whole["prediction_low"] < 0 < whole["prediction_high"])  # fmt: skip
claim(
    "below zero without any one set of images", (left_out["estimate"] < 0).all()
)
claim(
    "one set of images carries the interval", (left_out["ci_high"] >= 0).any()
)
glue_values(
    n_known=len(known),
    n_tuned=int(whole["k"]),
    pooled=format_estimate(whole, digits=1),
    pooled_own=format_estimate(own, digits=1),
    pneumonia_weight=100 * weight.max() / weight.sum(),
    prediction=format_interval(
        whole["prediction_low"], whole["prediction_high"], 1
    ),
    left_least=format_number(left_out["estimate"].min(), 1, signed=True),
    left_most=format_number(left_out["estimate"].max(), 1, signed=True),
    n_open=int((left_out["ci_high"] >= 0).sum()),
)

# %% [markdown]
# After full fine-tuning RadImageNet is behind by {glue:text}`pooled` points over
# {glue:text}`n_tuned` sets of images; on the paper's own questions the mean is
# {glue:text}`pooled_own`, but there {glue:text}`pneumonia_weight:.0f` % of the weight lies on chest
# radiographs, near 99 points with either. The comparisons differ by more than chance, so that one
# more may fall on either side of zero, {glue:text}`prediction`. Leaving out one set of images at a
# time moves the mean between {glue:text}`left_least` and {glue:text}`left_most`, and in
# {glue:text}`n_open` of these the interval includes zero. Nested and robust versions change the
# interval little. What no model mends is that one laboratory made all of these comparisons.
#
# ## What weakens these comparisons
#
# **Scaling.** The official TensorFlow scripts subtract channel means and then divide by 255. In the
# public code of {cite:t}`juodelyte2023` the division is commented out. If the published runs used
# that code, the RadImageNet networks received inputs 255 times too large. Frozen layers cannot
# adapt to that, and the two largest differences, {glue:text}`worst_knee:.1f` points on the knee and
# {glue:text}`worst_breast:.1f` on breast ultrasound, are those of networks whose layers were frozen
# first. The same group's later study {cite:p}`juodelyte2024` restores the division, states no AUCs
# for the clean test, and calls both kinds of weights comparable.

# %%
clean = found[~found["scaling_missing"] & ~found["own_weights"]]
clean[["label", "estimate", "ahead"]]

# %% tags=["hide-input"]
asks = found[found["of_the_paper"]]
tuned = found[found["setting"] == "fine-tuned"]
frozen = found[found["setting"] == "frozen first"].set_index("task")["estimate"]
ways = found["ahead"].value_counts()
fair = [one for one in REPLICATIONS if one.like_for_like]
worded = [one for one in fair if None in (one.radimagenet, one.imagenet)]
paired = [one for one in fair if one not in worded]
claim(
    "ImageNet is ahead in most comparisons", ways["ImageNet"] > len(found) / 2
)
claim("no comparison on the paper's questions used released weights with the official scaling",
      not (clean["of_the_paper"]).any())  # fmt: skip
claim("the two largest deficits are those of networks first trained frozen",
      set(found.nsmallest(2, "estimate")["setting"]) == {"frozen first"})  # fmt: skip
claim("on the paper's questions RadImageNet is ahead for pneumonia only",
      set(asks.loc[asks["estimate"] > 0, "task"]) == {"pneumonia"})  # fmt: skip
claim("the CT tasks were not repeated",
      not any({"covid19", "sarscov2", "hemorrhage"} & set(one.tasks)
              for one in REPLICATIONS))  # fmt: skip
claim("all comparisons with both AUCs come from one group",
      all("DovileDo/" in one.place for one in paired))  # fmt: skip
glue_values(
    n_found=len(found),
    n_imagenet=int(ways["ImageNet"]),
    n_radimagenet=int(ways["RadImageNet"]),
    n_parity=int(ways["parity"]),
    n_scaling=int(found["scaling_missing"].sum()),
    n_own=int(found["own_weights"].sum()),
    n_small=int((found["estimate"].abs() < 1).sum()),
    n_clean=len(clean),
    n_worded=len(worded),
    worst_knee=float(frozen["acl/meniscus"]),
    worst_breast=float(frozen["breast"]),
)

# %% [markdown]
# **Weights.** Only {glue:text}`n_clean` comparisons have neither weakness, and they ask other
# questions than the paper. So no independent comparison that states both AUCs has tested the
# released weights on a task of the paper with the preprocessing of the official scripts. These
# studies neither confirm nor refute the published differences.
#
# **Dependence.** All {glue:text}`n_found` comparisons stand in repositories of one group and share
# data and code. Counted as votes they say too much, and a vote says nothing of size:
# {glue:text}`n_small` of the differences are below one point.
#
# **Another question.** The paper averages over 24 ways of fine-tuning, poor ones included. Most of
# these studies report one way or the best. A mean over settings and a best setting can disagree
# without either being wrong; [our own real run](../results/regimes) reports both.
#
# ## On other questions

# %%
other = found[~found["of_the_paper"]]
table = pd.DataFrame(
    {
        "group": other["study"],
        "label": other["label"].str.removeprefix("MedMNIST ")
        + other["scaling_missing"].map({True: " †", False: ""})
        + other["own_weights"].map({True: " ‡", False: ""}),
        "kind": "independent",
    }
).join(other[["estimate", "ci_low", "ci_high"]])
axes = forest(table, xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
              ends=("ImageNet", "RadImageNet"))  # fmt: skip
picture(axes, "Difference in AUC points on questions that the paper does not ask: most marks lie "
        "left of zero or close to it")  # fmt: skip

# %% [markdown]
# Skin photographs and histology are not radiology; there, after full fine-tuning, the intervals
# exclude zero in favour of ImageNet. On radiologic images most differences are small or uncertain.
#
# ## Findings without numbers for both
#
# {glue:text}`n_worded` more comparisons of like with like state a direction but not both AUCs, so
# they are neither in the figures nor in the counts. Two speak for RadImageNet: three of four
# networks on specimen mammograms {cite:p}`chen2023`, and resistance to planted confounders
# {cite:p}`juodelyte2024`. A search for the best head found no evidence that RadImageNet weights are
# better {cite:p}`frees2025`.

# %% tags=["hide-input"]
table = pd.DataFrame(
    {
        "Study": [one.study for one in worded],
        "Ahead": [one.direction.replace("parity", "neither") for one in worded],
        "Images": [one.data for one in worded],
        "Remark": [one.remark for one in worded],
    }
)
book_table(table, "Comparisons that state no pair of AUCs", prose=True)

# %% tags=["hide-input"]
claim("skin and histology: intervals exclude zero after full fine-tuning",
      all(high < 0 for label, high in zip(tuned["label"], tuned["ci_high"], strict=True)
          if label.startswith(("skin", "histology"))))  # fmt: skip
claim("two of the worded findings speak for RadImageNet",
      sum(one.direction == "RadImageNet" for one in worded) == 2)  # fmt: skip

# %% [markdown]
# ## Run this page
#
# `rin run notebooks/evidence/replications.py`, or
# `jupytext --to ipynb notebooks/evidence/replications.py` and then papermill. It takes seconds and
# needs no images. The facts stand in `rin/evidence/replications.yaml`.
