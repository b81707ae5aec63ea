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
# # Softer labels in the pretraining

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd

from rin.report.banner import pretraining_banner, reference_banner
from rin.report.format import book_table, format_estimate, format_number
from rin.report.page import agreement, glue_values, picture
from rin.report.style import use_style
from rin.study import open_runs
from rin.study.loss_study import run_losses
from rin.study.profile import Profile
from rin.training.losses import soft_labels

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
NAMES = {
    "hard": "Hard labels",
    "smoothing": "Label smoothing",
    "teacher_free": "Teacher-free distillation",
    "online": "Online label smoothing",
}
own = runs.study.profile.losses is not None
if own:
    run_losses(runs.study)  # trains what is missing
pretraining_banner(runs) if own else reference_banner(runs.reference)

# %% [markdown]
# Choudhury and colleagues pretrained three networks on RadImageNet with softened labels and report
# that online label smoothing gives the best top-1 and top-5 accuracy, better calibration, and
# classes that are more compact and further apart {cite:p}`choudhury2025`. Here losses are compared
# on the radiologic corpus of this book, on {glue:text}`n_networks` networks: against hard labels,
# online label smoothing changes top-1 accuracy by {glue:text}`least` to {glue:text}`most` points,
# which agrees with that report on {glue:text}`n_agrees` of {glue:text}`n_pairs` pairs of networks,
# contradicts it on {glue:text}`n_contradicts`, and leaves it open on the others. The calibration
# error is the smaller one on {glue:text}`n_closer` of {glue:text}`n_backbones` backbones.
#
# ## The four losses
#
# With hard labels a network is asked for certainty. Label smoothing takes a tenth away and gives it
# to all other classes alike. A free teacher is right with probability .99 and softened by a
# temperature of 20. Online label smoothing takes as soft label of a class the mean prediction for
# its images that were classified rightly in the epoch before; it begins with even labels.

# %%
shares = pd.DataFrame(
    {
        NAMES[loss]: [labels[0, 0], labels[0, 1]]
        for loss in NAMES
        for labels in [soft_labels(loss, 26)]
    },
    index=["Own class", "Each other class"],
).map("{:.3f}".format)
book_table(
    shares.rename_axis("").reset_index(),
    "What 26 classes are asked for in the first epoch",
)

# %% [markdown]
# ## Accuracy and calibration

# %%
table = runs.losses()
order = [loss for loss in NAMES if loss in set(table["loss"])]
measures = {
    "top1": "Top-1 accuracy",
    "top5": "Top-5 accuracy",
    "ece": "Calibration error",
    "silhouette": "Silhouette of the classes",
}
figure, axes = plt.subplots(1, len(measures), figsize=(8.6, 3.2))
for ax, (measure, label) in zip(axes, measures.items(), strict=True):
    for backbone, rows in table.groupby("backbone"):
        heights = rows.groupby("loss")[measure].mean().reindex(order)
        ax.plot(range(len(order)), heights, marker="o", label=backbone)
    ax.set_title(label, fontsize=10)
    ax.set_xticks(
        range(len(order)),
        [NAMES[loss] for loss in order],
        rotation=40,
        ha="right",
    )
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=3
)
picture(
    figure,
    "Accuracy, calibration error and silhouette by loss, a line a backbone",
)

# %%
means = table.groupby(["backbone", "loss"])[
    ["top1", "top5", "ece", "confidence", "within", "between", "silhouette"]
].mean()
means = means.reindex(order, level="loss")

# %% tags=["hide-input"]
shown = pd.DataFrame(
    {
        "Network": means.index.get_level_values("backbone"),
        "Loss": means.index.get_level_values("loss").map(NAMES),
        "Top-1, %": (100 * means["top1"]).map("{:.1f}".format).to_numpy(),
        "Top-5, %": (100 * means["top5"]).map("{:.1f}".format).to_numpy(),
        "Calibration error": means["ece"].map("{:.3f}".format).to_numpy(),
        "Within classes": means["within"].map("{:.2f}".format).to_numpy(),
        "Between classes": means["between"].map("{:.2f}".format).to_numpy(),
    }
)
book_table(shown, "Test images of the corpus, by network and loss")

# %%
online = table[table["loss"] == "online"].sort_values(["backbone", "seed"])
gains = 100 * online[["gain", "gain_low", "gain_high"]]
agreed = [agreement(low, high, 1) for low, high in gains.iloc[:, 1:].to_numpy()]
errors = means["ece"].unstack("loss")
closer = errors["online"] < errors["hard"]

asked = (
    runs.study.profile
    if own
    else Profile.model_validate(runs.reference.facts.profile)
)
rates = asked.losses.learning_rates

# %% tags=["hide-input"]
compared = pd.DataFrame(
    {
        "Network": online["backbone"],
        "Online − hard, points (95% CI)": format_estimate(
            gains.set_axis(["estimate", "ci_low", "ci_high"], axis=1), digits=1
        ),
        "Published": "online better",
        "Verdict": agreed,
    }
)
glue_values(
    n_networks=len(table),
    least=format_number(gains["gain"].min(), 1, signed=True),
    most=format_number(gains["gain"].max(), 1, signed=True),
    n_pairs=len(online),
    n_agrees=agreed.count("agrees"),
    n_contradicts=agreed.count("contradicts"),
    n_closer=int(closer.sum()),
    n_backbones=len(closer),
    n_seeds=int(table["seed"].nunique()),
    n_epochs=int(table["epochs"].max()),
    own_rates=", ".join(f"{name} {rate:g}" for name, rate in rates.items())
    or "none",
)
book_table(
    compared.reset_index(drop=True),
    "Top-1 accuracy, for other test images",
    prose=True,
)

# %% [markdown]
# Distances are cosine distances of pooled features: of an image to the mean of its class, and of
# the means of two classes. Softer labels ask for less confidence, which helps the calibration of a
# network that is too sure, and harms that of one that is not. Trainings of each network and loss:
# {glue:text}`n_seeds`, of {glue:text}`n_epochs` epochs. Online labels are even in the first of
# them, which weighs more the fewer there are; how many the source trained is not stated.
# Networks with a learning rate of their own, the same for every loss: {glue:text}`own_rates`.
#
# ## Run this page
#
# `rin run notebooks/results/losses.py -p profile=open -p data_root=FOLDER`, after
# `rin study --profile open`. A profile of your own needs a section `losses`.
