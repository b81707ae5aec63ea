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
# # Small replications
#
# *Answers* what four findings of follow-up studies look like here: other heads, softened
# labels, similarity of layers, confounders. *Needs* nothing: it reads the reference run.
# *Takes* about 15 s: `rin run notebooks/results/small_replications.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin.errors import counted
from rin.evidence.replications import FOLLOW_UPS
from rin.explain.similarity import call_agreement
from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import design_table, format_number, listed
from rin.report.page import picture
from rin.report.style import init_style, use_style
from rin.stats import (
    factor_effects,
    init_differences,
    scenario_aucs,
)
from rin.stats.hypothesis import smallest_permutation_p
from rin.study import open_runs
from rin.study.loss_study import run_losses

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
if runs.study.profile.losses:
    run_losses(runs.study)  # trains what is missing
runs = runs.keeping("head", "layers", "confounder", "losses")
a, b = runs.inits
titles = runs.titles
stand_ins = runs.stand_ins(study="confounder")
banner(runs, study="head")

# %%
losses = runs.losses()
STUDIES = {
    "head": "Other heads",
    "layers": "Similarity of layers",
    "confounder": "Confounders",
}
scores = {study: runs.predictions(study=study) for study in STUDIES}
designs = {name: scores[study] for study, name in STUDIES.items()}
design_table(designs | {"Softened labels": losses})

# %% [markdown]
# Differences change by several points from one training to the next, so this page
# shows its estimates beside the published ones without confirming or contradicting
# them.
#
# ## Another head on the same network
#
# One group tried four heads on breast lesions and cruciate ligaments. It found
# one-dimensional convolutions with a skip connection and partial unfreezing
# best, and no evidence that RadImageNet weights are better {cite:p}`frees2025`. The
# convolutions slide four filters of two taps along the pooled features, although
# the order of these channels is arbitrary.

# %%
HEADS = {
    "linear": "Linear",
    "nonlinear": "One hidden layer",
    "conv": "1-D convolution",
    "conv_skip": "1-D convolution with skip",
}
of_heads = scores["head"]
gains = pd.concat(
    factor_effects(of_heads, (a, b), ("linear", head))
    .assign(head=head)
    .query("group == 'all' and quantity == 'effect'")
    for head in list(HEADS)[1:]
)
gains["kind"] = gains["init"]
word = gains["init"].map(lambda init: init_style(init).word)
gains["label"] = gains["head"].map(HEADS) + ", " + word
axes = forest(
    gains.sort_values("task"), unit="points", label="label", group="task",
    names=titles, xlabel="Gain over the linear head, AUC points", legend=False,
)  # fmt: skip
picture(
    axes, "Gain of each head over the linear one, by task and initialisation"
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
skip = 100 * gains.loc[gains["head"] == "conv_skip", "estimate"]
best = scenario_aucs(of_heads.query("level == 'conv_skip'"))
best = best[best["task"] == best["task"].iloc[0]]
published = FOLLOW_UPS["frees2025"]["breast"]["auc"]
Markdown(f"""
Averaged over scenarios, the AUC with the convolution and skip connection
differs from that with the linear head by
{format_number(skip.min(), 1, signed=True)} to
{format_number(skip.max(), 1, signed=True)} points. The best network with this
head on “{titles[best["task"].iloc[0]]}” reaches an AUC of
{best["auc"].max():.3f}; the source reports {published:.3f} with ImageNet
weights on larger images.
""")

# %% [markdown]
# ## Softer labels in pretraining
#
# Three networks pretrained on RadImageNet were most accurate with online label
# smoothing; the study also suggests better calibration {cite:p}`choudhury2025`.
# Hard labels ask a network for certainty. Label smoothing gives a tenth of the
# probability to the other classes; teacher-free distillation uses fixed
# probabilities, .99 for the true class, softened by a temperature of 20; online
# smoothing uses the mean prediction for the correctly classified images of a class
# in the previous epoch.

# %%
LOSSES = {
    "smoothing": "Label smoothing",
    "teacher_free": "Teacher-free distillation",
    "online": "Online label smoothing",
}
shown = losses[losses["loss"] != "hard"].copy()
shown["note"] = [
    f"{100 * row.top1:.0f}%, {row.ece:.2f}" for row in shown.itertuples()
]
axes = forest(
    shown, unit="points", label="loss", group="backbone", names=LOSSES,
    xlabel="Top-1 accuracy, softened − hard labels, points",
    note_title="Top-1, ECE",
)  # fmt: skip
picture(
    axes, "Change of top-1 accuracy by softened labels, by network and loss"
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
online = losses[losses["loss"] == "online"]
hard = losses[losses["loss"] == "hard"].set_index("backbone")["ece"]
better = online.set_index("backbone")["ece"] < hard
Markdown(f"""
With online smoothing, top-1 accuracy differs from that with hard labels by
{format_number(100 * online["estimate"].min(), 1, signed=True)} to
{format_number(100 * online["estimate"].max(), 1, signed=True)} points; the
expected calibration error (ECE) is smaller in {better.sum() or "none"} of
{counted(len(better), "networks")}. Training lasted
{counted(losses["epochs"].max(), "epochs")}. Online labels are uniform in the
first epoch, which weighs more in a short training; the source's number of
epochs was not available as text.
""")

# %% [markdown]
# ## What fine-tuning leaves of the layers
#
# Networks from ImageNet and from RadImageNet weights were reported to represent
# the same images differently, more so after fine-tuning, while their predictions
# remain similar {cite:p}`juodelyte2023`. The mean canonical correlation of two
# layers is between 0 and 1 and does not depend on how channels are mixed.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
alike = pd.concat(runs.layer_similarity(t) for t in runs.tasks_of("layers"))
pairs = alike[alike["comparison"].isin(["before", "after", "random"])]
grid = sns.catplot(
    pairs.replace({"task": titles}), x="cca", y="layer", col="task",
    hue="comparison", hue_order=["before", "after", "random"],
    kind="point", errorbar=None, linestyle="none",
    palette=["0.65", "0.1", "#2E7D32"], markers=["o", "o", "|"],
    height=2.8, aspect=1.35,
)  # fmt: skip
grid.set_titles("{col_name}").set_axis_labels("Mean canonical correlation", "")
picture(grid.figure, "Similarity of the two initialisations before and after")

# %%
agreement = call_agreement(runs.predictions(study="main"), a, b)
COLUMNS = ["Agree", "Called positive", "Agree by chance", "Kappa"]
COLUMNS += ["Truly positive"]
agreement.rename(index=titles).round(2).set_axis(COLUMNS, axis=1)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
means = alike.groupby("comparison")["cca"].mean()
means = means.map("{:.2f}".format).replace("nan", "not measured")
top = agreement["agree"].idxmax()
Markdown(f"""
Over layers and scenarios the mean correlation of the two initialisations is
{means["before"]} before and {means["after"]} after fine-tuning; that of two
random networks is {means["random"]}. Agreement must be read beside its chance
level: on “{titles[top]}”, two networks agree on
{100 * agreement.loc[top, "agree"]:.0f}% of the cases, but as they call
{100 * agreement.loc[top, "called"]:.0f}% of them positive,
{100 * agreement.loc[top, "chance"]:.0f}% would be expected by chance (kappa
{str(agreement.loc[top, "kappa"].round(2)).replace("nan", "undefined")}).
""")

# %% [markdown]
# ## Which weights learn shortcuts?
#
# In one study, confounders were added to a share of the positive training images and
# to negative test images; networks with ImageNet weights followed all confounders but
# the noise more than those with RadImageNet weights {cite:p}`juodelyte2024`. Here
# the confounders are a letter, a low-pass filter and Poisson noise; the source gave
# noise to all images, and more to the marked ones. For *sampled*, the device of an
# ultrasound image takes the place of a mark. A network with an AUC below 0.5 follows
# the confounder rather than the disease.

# %%
same = scores["confounder"]
sampled = same["level"].str.startswith(
    "sampled"
)  # its test is reversed already
turned = [
    runs.predictions(study="confounder", task=task, part="reversed")
    for task in same.loc[~sampled, "task"].unique()
]
confounded = pd.concat([*turned, same[sampled]]).assign(part="test")
confounded = confounded[confounded["level"].str.endswith(" 100")]

# %%
KINDS = {
    "tag 100": "Letter R",
    "denoising 100": "Low-pass",
    "noise 100": "Poisson noise",
    "sampled 100": "Sampled by device",
}
followed = pd.concat(
    init_differences(rows, a, b).query("group == 'all'").assign(level=level)
    for level, rows in confounded.groupby("level")
).drop(columns="p_holm")
sources = [init_style(init).short for init in (a, b)]
followed["note"] = [
    f"{r.auc_a:.2f}, {r.auc_b:.2f}" for r in followed.itertuples()
]
axes = forest(
    followed, unit="points", label="level", group="task",
    names=titles | KINDS, note_title=" and ".join(sources),
    ends=words.sides((a, b), better="better", stand_ins=stand_ins),
)  # fmt: skip
picture(axes, "Difference between the initialisations in the reversed test")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
source = FOLLOW_UPS["juodelyte2024"]
stated = listed(
    f"{format_number(-row['t'], 1)} ({KINDS[f'{kind} 100'].split(' by')[0]} at "
    f"{row['share']}%)"
    for kind, row in source.items()
)
Markdown(f"""
When all positive training images are marked, the AUC in the reversed test shows
who follows the mark. {words.confounders_followed(followed, (a, b), KINDS)}

The source reports t statistics of ImageNet − RadImageNet over five trainings
each, given here with the opposite sign: {stated}. A large t favours the
{init_style(a).word} networks; the noise alone did not separate them there. Its
sampling was by the patients' sex. With five trainings on either side, no
permutation test can give a P value below {smallest_permutation_p(5, 5):.4f},
however large the difference.
""")
