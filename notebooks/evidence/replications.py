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
from IPython.display import Markdown

from rin import stats
from rin.evidence import replications
from rin.report import evidence_figures, published, words
from rin.report.format import format_estimate
from rin.report.page import claim

# %%
alike, others = replications.like_for_like(), replications.other_groups()
first = alike[alike["folds"] > 0]  # one group's, with SDs over folds
tuned = first[first["setting"] == "fine-tuned"]
pooled, shifts = replications.pooled_groups(), replications.moderators()

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
**{words.directions(others)}** One mean of all is not justified, as questions,
layers trained and inputs differ: that of the {everyone["groups"]:.0f} groups
with a standard error, RadImageNet − ImageNet
{format_estimate(everyone, digits=1)} AUC points, describes none of them.

On the paper's own questions one group's {topical["k"]:.0f} fully fine-tuned
comparisons average {format_estimate(topical, digits=1)} points, and
{format_estimate(without, digits=1)} without one set of chest radiographs; all
{whole["k"]:.0f} average {format_estimate(whole, digits=1)}. Their public code
omits the 1/255 scaling of RadImageNet's inputs. No study was found that used
the released weights with the official scaling on a task of the paper, so these
studies neither confirm nor refute its findings.
""")

# %% [markdown]
# ## Studies by other groups

# %%
evidence_figures.other_groups_forest(others)

# %% [markdown]
# Open marks: the source prints no standard error. The intervals of bone tumours and
# of mammograms are wide rather than narrow ([Methods](../../methods)). Skin
# photographs are not radiology, and their metric is balanced accuracy.

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
published.study_table(others)

# %% [markdown]
# *Release* and *scaling* are those of the RadImageNet weights. Dental radiographs are
# those of {cite:t}`okazaki2024`.
#
# ## What silently loses the weights

# %% jupyter={"source_hidden": true} tags=["hide-input"]
lost = replications.LOST["loading"]
inputs = replications.LOST["scaling"]["inputs"]
natural = inputs[-1]["auc"]
discs = others.set_index("study").loc["Lumbar discs 2026"]
aucs = [row["auc"] for row in inputs[:-1]]
ahead = sorted(auc > natural for auc in aucs)
claim("ahead with one of three", ahead == [False, False, True])
swapped = [*replications.LOST["imagenet_scaling"]["inputs"].values()]
Markdown(f"""
**Scaling.** One public experiment gave the same released file, under the same
head and on the same test discs, three kinds of input. There the input alone
turned the sign: with one of them RadImageNet was ahead, with two behind (of the
differences from ImageNet only the first was tested, {discs["source_p"]}). The
other way round, ImageNet weights fed with what the PyTorch release wants fell
from {swapped[0]:.3f} to {swapped[1]:.3f} on mammograms.

**Weights that did not load.** A loader that ignores what does not fit
(`strict=False`) leaves random weights in place without an error. In
{lost["study"]}, {lost["loaded"]} tensors were loaded and {lost["missing"]} are
missing, so its “RadImageNet” arm ({lost["radimagenet"]:.3f} against
{lost["imagenet"]:.3f}, after {lost["training_images"]:,} training images) is
random initialisation and is left out here.
""")

# %%
published.inputs_table(
    inputs, "Lumbar discs: frozen ResNet50, TensorFlow release"
)

# %% [markdown]
# ## On the paper's questions

# %%
evidence_figures.questions_forest(alike)

# %% [markdown]
# † The study's public code does not scale the inputs of RadImageNet networks by
# 1/255. ‡ RadImageNet weights trained by the study itself. Open marks: no standard
# deviation (SD) is stated.
#
# Published intervals describe 24 ways of fine-tuning ([The published numbers,
# checked](audit)). Those of {cite:t}`juodelyte2023` are Welch's over five folds: sharing
# training images makes them too narrow, sharing folds may make them too wide. The
# MedMNIST values {cite:p}`juodelyte2024transferability` are single ones. All come from
# one group; none was found for the three CT tasks. The paper averages over 24 ways of
# fine-tuning, poor ones included; most of these studies report one way or the best.
#
# ## Pooled, with caution
#
# A random-effects model weighs each comparison by its precision and allows the
# true difference to vary. One group's fine-tuned comparisons, in two lines:

# %%
by_hand = stats.random_effects(tuned["estimate"], tuned["standard_error"] ** 2)
format_estimate(by_hand, digits=1)

# %% [markdown]
# Over several groups the model has a third level, and the interval rests on the number
# of groups.

# %%
published.pooled_table(pooled)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
frozen = first[first["setting"] == "frozen first"].set_index("task")["estimate"]
knee, breast = (
    f"{frozen[task]:.1f}".replace("-", "−")
    for task in ("acl/meniscus", "breast")
)
largest = set(first.nsmallest(2, "estimate")["setting"])
claim("the largest deficits are frozen first", largest == {"frozen first"})
claim("moderators point to ImageNet", (shifts["estimate"] < 0).all())
claim("none of them clearly", (shifts["p_value"] > 0.05).all())
(frees,) = (
    study
    for study in replications.REPLICATIONS
    if not study.like_for_like and study.tasks and study.radimagenet
)
chance = first.query("task == 'thyroid'")[["radimagenet", "imagenet"]]
claim("thyroid networks near chance", (chance - 50).abs().max(axis=None) < 10)
layers, scaling = (shifts.loc[name] for name in shifts.index)
Markdown(f"""
**Moderators.** Frozen layers shift the difference by
{format_estimate(layers, digits=1)} points ({layers["k"]:.0f} comparisons of
{layers["groups"]:.0f} groups), inputs without the division by 255 by
{format_estimate(scaling, digits=1)}: both towards ImageNet, neither clear.

**Scaling.** The official TensorFlow scripts subtract channel means and divide
by 255; in the public code of {{cite:t}}`juodelyte2023` the division is
commented out. If the published runs used it, RadImageNet networks received
inputs 255 times too large, to which frozen layers cannot adapt. The two largest
differences, {knee} points on the knee and {breast} on breast ultrasound, are
those of networks frozen first. The same group's later study
{{cite:p}}`juodelyte2024` restores the division and calls both kinds of weights
comparable on the clean test.

**Left out.** With frozen layers on ACL tears {{cite:t}}`{frees.reference}`
found an AUC of {frees.radimagenet:.3f} from RadImageNet and
{frees.imagenet:.3f} from ImageNet, under different heads. The thyroid networks
of {{cite:t}}`juodelyte2023` are near chance with either source.

**Dependence.** {(alike["group"] == "Juodelyte").sum()} of the {len(alike)}
comparisons come from one group and share data and code, and
{(alike["estimate"].abs() < 1).sum()} of the differences are below one point, so
they are not counted as votes.
""")

# %% [markdown]
# ## On other questions, by that group

# %%
evidence_figures.further_questions_forest(alike, others)

# %% [markdown]
# Skin photographs and histology are not radiology.
#
# ## Findings without numbers for both
#
# Three of four networks on specimen mammograms {cite:p}`chen2023` and resistance to
# planted confounders {cite:p}`juodelyte2024` favour RadImageNet; a search for the best
# head found no evidence that RadImageNet weights are better {cite:p}`frees2025`.

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
worded = replications.without_values()
claim("two favour RadImageNet", sum(worded["ahead"] == "RadImageNet") == 2)
published.worded_table(worded)
