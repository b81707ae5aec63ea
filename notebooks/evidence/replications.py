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
#
# *Answers* what independent studies found that compared RadImageNet with ImageNet weights on the same
# network and head. *Needs* nothing. *Takes* ten seconds: `rin run notebooks/evidence/replications.py`.

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin.evidence import paper
from rin.evidence.claims import task_names
from rin.evidence.replications import REPLICATIONS, like_for_like
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    format_interval,
    format_number,
    format_p,
)
from rin.report.page import claim, picture
from rin.report.style import use_style
from rin.stats.synthesis import random_effects, three_level

use_style()

# %%
alike = like_for_like()
known = alike.dropna(subset=["ci_low"])  # those that state SDs over folds
known = known.assign(
    variance=(known["radimagenet_sd"] ** 2 + known["imagenet_sd"] ** 2)
    / known["folds"],
    images=known["label"].str.replace(r", (fine|frozen).*$", "", regex=True),
)
tuned, asks = known["setting"] == "fine-tuned", known["of_the_paper"]
GROUPS = {
    "Fine-tuned": tuned,
    "Fine-tuned, the paper's questions": tuned & asks,
    "Fine-tuned, other questions": tuned & ~asks,
    "Frozen first, then fine-tuned": ~tuned,
}

# %%
pooled = {
    name: random_effects(known["estimate"][some], known["variance"][some])
    for name, some in GROUPS.items()
}
pooled["All, same images nested"] = three_level(
    known["estimate"], known["variance"], known["images"]
)
pooled = pd.DataFrame(pooled).T

# %% tags=["hide-input"]
whole = pooled.loc["Fine-tuned"]
topical = pooled.loc["Fine-tuned, the paper's questions"]
weight = 1 / (known["variance"][tuned & asks] + topical["tau2"])
heaviest = known.loc[weight.idxmax()]
clean = alike[~alike["scaling_missing"] & ~alike["own_weights"]]
claim("all pooled comparisons lack the scaling", known["scaling_missing"].all())
claim("they are of one study", known["study"].nunique() == 1)
claim("none on the paper's questions is clean", not clean["of_the_paper"].any())
claim(
    "the paper's questions: zero inside",
    topical["ci_low"] < 0 < topical["ci_high"],
)
claim("chest radiographs weigh most", heaviest["task"] == "pneumonia")
Markdown(f"""
On the paper's own questions, the pooled difference RadImageNet − ImageNet
after full fine-tuning is **{format_estimate(topical, digits=1)}** AUC points
({topical["k"]:.0f} comparisons): no sign of the published advantage, nor of a
disadvantage.

Over all {whole["k"]:.0f} fine-tuned comparisons it is
{format_estimate(whole, digits=1)}, but that number should not be quoted alone:
all of them come from one study whose public code omits the 1/255 scaling of
RadImageNet's inputs, and they include skin photographs and histology. On the
paper's questions {100 * weight.max() / weight.sum():.0f}% of the weight is on
chest radiographs, where both reach an AUC near .99. No study was found that
used the released weights with the official scaling on a task of the paper, so
these studies neither confirm nor refute its findings.
""")

# %%
QUESTIONS = {
    "thyroid": "Thyroid nodules, US",
    "breast": "Breast lesions, US",
    "acl/meniscus": "Knee MRI (ligament and meniscus)",
    "pneumonia": "Pneumonia, chest radiography",
}
published = pd.DataFrame(
    [
        (key, f"The paper, {task_names([task])}" if "/" in key else "The paper",
         row.estimate, row.ci_low, row.ci_high, "published")
        for key in QUESTIONS
        for task, row in paper.COMPARISONS.items()
        if task in key.split("/")
    ],
    columns=["task", "label", "estimate", "ci_low", "ci_high", "kind"],
)  # fmt: skip
others = alike[alike["task"].isin(QUESTIONS)].assign(kind="independent")
others["label"] = (
    others["study"].str.partition(" (")[0]
    + (", " + others["setting"]).where(others["setting"] != "", "")
    + others["scaling_missing"].map({True: " †", False: ""})
    + others["own_weights"].map({True: " ‡", False: ""})
)

# %%
axes = forest(
    pd.concat([published, others]).sort_values(
        "task", key=lambda tasks: tasks.map([*QUESTIONS].index), kind="stable"
    ),
    group="task", label="label", names=QUESTIONS, limits=(-35, 20),
    xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
    ends=("ImageNet", "RadImageNet"),
)  # fmt: skip
picture(axes, "Difference in AUC points by question: the paper's estimates are "
        "right of zero, independent studies around it or left")  # fmt: skip

# %% [markdown]
# † The study's public code does not scale the inputs of RadImageNet networks by
# 1/255. ‡ RadImageNet weights trained by the study itself. Open marks: no standard
# deviation (SD) is stated, so no interval can be given.
#
# Published intervals describe 24 ways of fine-tuning ([The published numbers,
# checked](audit)). Those of {cite:t}`juodelyte2023` are computed from its SDs over five folds by Welch's
# formula, as if folds were independent and the sources unpaired: sharing training
# images makes them too narrow, sharing folds may make them too wide. The MedMNIST
# values {cite:p}`juodelyte2024transferability` are single ones, without SD. No
# independent comparison was found for the three CT tasks. The search is
# described in the [reporting checklist](../../checklist).
#
# ## Pooled, with caution
#
# A random-effects model weighs each comparison by its precision and allows the
# true difference to vary; the interval follows Hartung and Knapp, and the
# prediction interval shows where one more comparison is expected.

# %%
table = pd.DataFrame(
    {
        "Comparisons": pooled.index,
        "Number": pooled["k"].astype(int).to_numpy(),
        "Difference (95% CI)": format_estimate(pooled, digits=1).to_list(),
        "P": [format_p(p).removeprefix("P = ") for p in pooled["p_value"]],
        "95% prediction": [
            format_interval(row.prediction_low, row.prediction_high, 1)
            for row in pooled.itertuples()
        ],
    }
)
book_table(table, "RadImageNet − ImageNet, AUC points", prose=True)

# %% tags=["hide-input"]
frozen = alike[alike["setting"] == "frozen first"].set_index("task")["estimate"]
largest = set(alike.nsmallest(2, "estimate")["setting"])
claim("the largest deficits are frozen first", largest == {"frozen first"})
unlike = [study for study in REPLICATIONS if not study.like_for_like]
(frees,) = [study for study in unlike if study.tasks and study.radimagenet]
chance = alike.query("task == 'thyroid'")[["radimagenet", "imagenet"]]
claim("thyroid networks near chance", (chance - 50).abs().max(axis=None) < 10)
Markdown(f"""
**Scaling.** The official TensorFlow scripts subtract channel means and divide
by 255. In the public code of {{cite:t}}`juodelyte2023` the division is
commented out. If the published runs used that code, RadImageNet networks
received inputs 255 times too large. Frozen layers cannot adapt to that, and
the two largest differences, {format_number(frozen["acl/meniscus"], 1)} points
on the knee and {format_number(frozen["breast"], 1)} on breast ultrasound, are
those of networks whose layers were frozen first. The same group's later study
{{cite:p}}`juodelyte2024` restores the division and calls both kinds of weights
comparable on the clean test; its AUCs there were not available as text.

**Weights.** Only {len(clean)} comparisons have neither weakness, and they ask
other questions than the paper.

**Left out.** With frozen layers on ACL tears {{cite:t}}`{frees.reference}`
found an AUC of {frees.radimagenet:.3f} from RadImageNet and
{frees.imagenet:.3f} from ImageNet. The heads of the two differ, so they are not
in the figures. The thyroid networks of {{cite:t}}`juodelyte2023` are near
chance with either source, which says little about either.

**Dependence.** All {len(alike)} comparisons come from repositories of one group
and share data and code. They are not counted as votes: vote counts ignore
effect size, and {(alike["estimate"].abs() < 1).sum()} of the differences are
below one point.
""")

# %% [markdown]
# **Another question.** The paper averages over 24 ways of fine-tuning, poor ones
# included; most of these studies report one way or the best.
#
# ## On other questions

# %%
other = alike[~alike["of_the_paper"]].assign(kind="independent")
other["label"] = (
    other["label"].str.removeprefix("MedMNIST ")
    + other["scaling_missing"].map({True: " †", False: ""})
    + other["own_weights"].map({True: " ‡", False: ""})
)
axes = forest(
    other, label="label", group="study", ends=("ImageNet", "RadImageNet"),
    xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
)  # fmt: skip
picture(
    axes, "Difference in AUC points on questions that the paper does not ask"
)

# %% [markdown]
# Skin photographs and histology are not radiology.
#
# ## Findings without numbers for both
#
# Further like-for-like comparisons state a direction but not both AUCs, so they
# are not in the figures: three of four networks on specimen mammograms
# {cite:p}`chen2023` and resistance to planted confounders {cite:p}`juodelyte2024`
# favour RadImageNet; a search for the best head found no evidence that RadImageNet
# weights are better {cite:p}`frees2025`.

# %%
worded = [
    (
        study.study,
        study.ahead.replace("parity", "neither"),
        study.data,
        study.remark,
    )
    for study in REPLICATIONS
    if study.like_for_like and None in (study.radimagenet, study.imagenet)
]
columns = ["Study", "Ahead", "Images", "Remark"]
worded = pd.DataFrame(worded, columns=columns)
book_table(worded, "Comparisons that state no pair of AUCs", prose=True)

# %% tags=["hide-input"]
ahead = worded["Ahead"].value_counts()
claim("two of them favour RadImageNet", ahead["RadImageNet"] == 2)
