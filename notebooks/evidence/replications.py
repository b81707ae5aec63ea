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
# # What independent studies found
#
# *Answers* what independent studies found that compared RadImageNet with ImageNet weights on the same
# network and head. *Needs* nothing. *Takes* ten seconds: `rin run notebooks/evidence/replications.py`.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
import pandas as pd
from IPython.display import Markdown

from rin.evidence import paper
from rin.evidence.claims import task_names
from rin.evidence.replications import (
    LOST,
    REPLICATIONS,
    like_for_like,
    moderators,
    other_groups,
    pooled_groups,
)
from rin.report import published as tables
from rin.report import words
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_number
from rin.report.page import claim, picture
from rin.report.style import use_style
from rin.stats.synthesis import random_effects

use_style()

# %%
alike, others = like_for_like(), other_groups()
first = alike[alike["folds"] > 0]  # one group's, with SDs over folds
tuned = first[first["setting"] == "fine-tuned"]
pooled, shifts = pooled_groups(), moderators()

# %% jupyter={"source_hidden": true} tags=["hide-input"]
whole = pooled.loc["One group, fine-tuned"]
topical = pooled.loc["… the paper's questions"]
without = pooled.loc["… the paper's questions, without Kermany"]
everyone = pooled.loc["All groups"]
claim(
    "one group's comparisons lack the scaling", first["scaling_missing"].all()
)
claim("they are of one study", first["study"].nunique() == 1)
official = alike["scaling"] == "official"
claim("none on the paper's questions has the official scaling",
      not (official & alike["of_the_paper"]).any())  # fmt: skip
claim("all pooled intervals include zero",
      ((pooled["ci_low"] < 0) & (pooled["ci_high"] > 0)).all())  # fmt: skip
Markdown(f"""
{words.directions(others)} Pooled over the {everyone["groups"]:.0f} groups that
print a standard error, the difference RadImageNet − ImageNet is
**{format_estimate(everyone, digits=1)}** AUC points: studies differ so much
that their mean says little.

On the paper's own questions one group's {topical["k"]:.0f} fully fine-tuned
comparisons average {format_estimate(topical, digits=1)} points, and
{format_estimate(without, digits=1)} without one set of chest radiographs. All
{whole["k"]:.0f} of its fine-tuned comparisons average
{format_estimate(whole, digits=1)}; their public code omits the 1/255 scaling of
RadImageNet's inputs. No study was found that used the released weights with
the official scaling on a task of the paper, so these studies neither confirm
nor refute its findings.
""")

# %% [markdown]
# ## Studies by other groups

# %%
rows = others.assign(kind="independent", group=others["study"])
rows["label"] += (", " + rows["metric"]).where(rows["metric"] != "AUC", "")
axes = forest(
    rows, label="label", group="study", limits=(-32, 20),
    xlabel="RadImageNet − ImageNet, points (95% CI)",
    ends=("ImageNet", "RadImageNet"),
)  # fmt: skip
picture(axes, "Six studies by other groups: one right of zero, two left of it, "
        "the others around it")  # fmt: skip

# %% [markdown]
# Open marks: the source prints no standard error. The interval of bone tumours takes
# both AUCs as unpaired, and those of mammograms follow from the numbers of cases alone
# ([Methods](../../methods)); both are wide rather than narrow. Skin photographs are not
# radiology, and their metric is balanced accuracy.

# %%
tables.study_table(others)

# %% [markdown]
# *Release* and *scaling* are those of the RadImageNet weights: official for their
# release, or other. Dental radiographs are those of {cite:t}`okazaki2024`. The search is
# in [Methods](../../methods).
#
# ## What silently loses the weights

# %% jupyter={"source_hidden": true} tags=["hide-input"]
lost, inputs = LOST["loading"], LOST["scaling"]["inputs"]
natural = inputs[-1]["auc"]
aucs = [row["auc"] for row in inputs[:-1]]
claim("the input alone turns the sign", min(aucs) < natural < max(aucs))
swapped = [*LOST["imagenet_scaling"]["inputs"].values()]
Markdown(f"""
**Scaling.** One public experiment gave the same released file, under the same
head and on the same test discs, three kinds of input. The AUC was
{max(aucs):.3f}, {sorted(aucs)[1]:.3f} or {min(aucs):.3f}, beside {natural:.3f}
of ImageNet weights: the input alone decides which weights are ahead. The other
way round, ImageNet weights fed with what the PyTorch release wants fell from
{swapped[0]:.3f} to {swapped[1]:.3f} on mammograms.

**Weights that did not load.** A loader that ignores what does not fit
(`strict=False`) leaves random weights in place without an error. In
{lost["study"]}, the notebook itself prints that {lost["loaded"]} tensors were
loaded and {lost["missing"]} are missing; its “RadImageNet” arm
({lost["radimagenet"]:.3f} against {lost["imagenet"]:.3f}, after
{lost["training_images"]:,} training images) is random initialisation, so it is
left out here.
""")

# %%
tables.inputs_table(inputs, "Lumbar discs: frozen ResNet50, TensorFlow release")

# %% [markdown]
# ## On the paper's questions

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
same = alike[alike["task"].isin(QUESTIONS)].assign(kind="independent")
same["label"] = (
    same["study"].str.partition(" (")[0]
    + (", " + same["setting"]).where(same["setting"] != "", "")
    + same["scaling_missing"].map({True: " †", False: ""})
    + same["own_weights"].map({True: " ‡", False: ""})
)

# %%
axes = forest(
    pd.concat([published, same]).sort_values(
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
# values {cite:p}`juodelyte2024transferability` are single ones, without SD. All of them
# come from one group. No independent comparison was found for the three CT tasks.
#
# ## Pooled, with caution
#
# A random-effects model weighs each comparison by its precision and allows the
# true difference to vary; the interval is Hartung and Knapp's, corrected so that it is
# never narrower than Wald's. One group's fine-tuned comparisons, in two lines:

# %%
by_hand = random_effects(tuned["estimate"], tuned["standard_error"] ** 2)
format_estimate(by_hand, digits=1)

# %% [markdown]
# Over several groups the model has a third level: comparisons of a group share what is
# particular to the group, and the interval rests on the number of groups.

# %%
tables.pooled_table(pooled)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
frozen = first[first["setting"] == "frozen first"].set_index("task")["estimate"]
largest = set(first.nsmallest(2, "estimate")["setting"])
claim("the largest deficits are frozen first", largest == {"frozen first"})
claim("moderators point to ImageNet", (shifts["estimate"] < 0).all())
claim("none of them clearly", (shifts["p_value"] > 0.05).all())
unlike = [study for study in REPLICATIONS if not study.like_for_like]
(frees,) = [study for study in unlike if study.tasks and study.radimagenet]
chance = first.query("task == 'thyroid'")[["radimagenet", "imagenet"]]
claim("thyroid networks near chance", (chance - 50).abs().max(axis=None) < 10)
layers, scaling = (shifts.loc[name] for name in shifts.index)
Markdown(f"""
**Moderators.** Frozen layers shift the difference by
{format_estimate(layers, digits=1)} points ({layers["k"]:.0f} comparisons of
{layers["groups"]:.0f} groups), inputs without the division by 255 by
{format_estimate(scaling, digits=1)}: both towards ImageNet, neither clear on so
few groups.

**Scaling.** The official TensorFlow scripts subtract channel means and divide
by 255. In the public code of {{cite:t}}`juodelyte2023` the division is
commented out. If the published runs used that code, RadImageNet networks
received inputs 255 times too large. Frozen layers cannot adapt to that, and
the two largest differences, {format_number(frozen["acl/meniscus"], 1)} points
on the knee and {format_number(frozen["breast"], 1)} on breast ultrasound, are
those of networks whose layers were frozen first. The same group's later study
{{cite:p}}`juodelyte2024` restores the division and calls both kinds of weights
comparable on the clean test; its AUCs there were not available as text.

**Left out.** With frozen layers on ACL tears {{cite:t}}`{frees.reference}`
found an AUC of {frees.radimagenet:.3f} from RadImageNet and
{frees.imagenet:.3f} from ImageNet. The heads of the two differ, so they are not
in the figures. The thyroid networks of {{cite:t}}`juodelyte2023` are near
chance with either source, which says little about either.

**Dependence.** {(alike["group"] == "Juodelyte").sum()} of the {len(alike)}
comparisons come from one group and share data and code. They are not counted
as votes: vote counts ignore effect size, and
{(alike["estimate"].abs() < 1).sum()} of the differences are below one point.
""")

# %% [markdown]
# **Another question.** The paper averages over 24 ways of fine-tuning, poor ones
# included; most of these studies report one way or the best.
#
# ## On other questions, by that group

# %%
of_group = ~alike["of_the_paper"] & ~alike["study"].isin(others["study"])
other = alike[of_group].assign(kind="independent")
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

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
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

# %% jupyter={"source_hidden": true} tags=["hide-input"]
ahead = worded["Ahead"].value_counts()
claim("two of them favour RadImageNet", ahead["RadImageNet"] == 2)
