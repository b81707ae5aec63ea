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
# # Pretraining from random weights
#
# A network learns to name the class of many images; its last layer is thrown away, and the rest is kept as a
# starting point for other tasks. The paper did this with 1.35 million radiologic images. Here the same is
# done with a small corpus, or its stand-in: one epoch by hand, all epochs of every network by `rin`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown
from sklearn.metrics import confusion_matrix

from rin import stats
from rin.report.banner import pretraining_banner
from rin.report.page import picture
from rin.report.style import use_style
from rin.study import (
    augment_layer,
    open_workspace,
    plan_pretraining,
    pretraining_histories,
    pretraining_predictions,
    run_pretraining,
    start_keras,
)
from rin.study.by_hand import agreement, draw_as_runs_do

use_style()
workspace = open_workspace(profile, data_root=data_root, results=results)
start_keras(workspace)  # as in all runs; before it is imported
import keras
from keras import layers

pretraining_banner(workspace)

# %% [markdown]
# ## 1. A corpus and its settings
#
# The plan lists every pretraining with its corpus and settings. Where a
# corpus names patients, all images of one are in one part.

# %%
run, *others = plan_pretraining(workspace)
settings = run.settings
store = run.store
names, classes = np.unique(store.cases["label"], return_inverse=True)
size = settings.size
n_classes = len(names)
images = store.images().reshape(len(classes), size, size, -1)
rows = {
    part: np.flatnonzero(run.parts == part) for part in ("train", "validation")
}
steps = math.ceil(len(rows["train"]) / settings.batch)
pd.Series({part: len(chosen) for part, chosen in rows.items()}, name="images")

# %%
chosen = {"size", "batch", "epochs", "learning_rate", "schedule", "warmup"}
chosen |= {"dropout", "augmentation", "batch_norm_momentum"}
stated = settings.model_dump(include=chosen) | vars(run.expects)
pd.Series({"backbone": run.backbone, "corpus": run.corpus} | stated)

# %% [markdown]
# ## 2. A network with random weights
#
# A Keras backbone, and a head of pooling, dropout and one dense layer. Pixels are scaled once, to what the
# settings state; whoever uses the weights later must scale them alike. Batch normalisation averages over
# fewer steps than Keras' default, as the training is short.

# %%
keras.utils.set_random_seed(run.seed)
build = getattr(keras.applications, run.backbone)
backbone = build(include_top=False, weights=None, input_shape=(size, size, 3))
for layer in backbone.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = settings.batch_norm_momentum

pixels = keras.Input(images.shape[1:], dtype="uint8")
x = augment_layer(settings)(keras.ops.cast(pixels, "float32"))
x = keras.ops.repeat(x, 3 // images.shape[-1], axis=-1)
if run.expects.bgr:
    x = keras.ops.flip(x, axis=-1)
x = layers.Rescaling(run.expects.scale, run.expects.offset)(x)
pooled = layers.GlobalAveragePooling2D()(backbone(x))
dropped = layers.Dropout(settings.dropout, seed=0)(pooled)
# Of both corpora, so that every network has the same layers.
outputs = max(r.store.cases["label"].nunique() for r in (run, *others))
model = keras.Model(
    pixels, layers.Dense(outputs, activation="softmax")(dropped)
)

# %% [markdown]
# ## 3. One epoch
#
# The learning rate rises during the warm-up and then falls as a cosine to zero at the end of the last
# epoch. *Top-5* counts an image whose class is among the first five.

# %%
total = settings.epochs * steps
warmup = round(settings.warmup * total)
rate = keras.optimizers.schedules.CosineDecay(
    0.0 if warmup else settings.learning_rate,
    total - warmup,
    alpha=1.0 if settings.schedule == "constant" else 0.0,
    warmup_target=settings.learning_rate if warmup else None,
    warmup_steps=warmup,
)
ranks = min(5, outputs - 1)  # of five classes or fewer: all but one
top5 = keras.metrics.SparseTopKCategoricalAccuracy(ranks, name="top5")
model.compile(
    keras.optimizers.Adam(rate),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", top5],
)

# %%
order = np.random.default_rng([run.seed, 0]).permutation(rows["train"])


def batches():
    """Images and classes of the first epoch, a few at a time."""
    for start in range(0, len(order), settings.batch):
        few = np.sort(order[start : start + settings.batch])
        yield images[few], classes[few]


# %% jupyter={"source_hidden": true} tags=["hide-input"]
draw_as_runs_do(model, run.seed)  # only to compare with the package's own run

# %%
history = model.fit(
    batches(),
    steps_per_epoch=steps,
    validation_data=(images[rows["validation"]], classes[rows["validation"]]),
    validation_batch_size=settings.batch,
    shuffle=False,
    verbose=0,
).history
pd.DataFrame(history, ["after one epoch"]).T.round(3)

# %% [markdown]
# *Change a line* above, say `as_printed = False` below, and run all cells:
#
# - a hidden layer: `layers.Dropout(settings.dropout, seed=0)(pooled)` becomes
#   `layers.Dropout(settings.dropout, seed=0)(layers.Dense(32, activation="relu")(pooled))`;
# - another optimiser: `keras.optimizers.Adam(rate)` becomes
#   `keras.optimizers.SGD(rate, momentum=0.9)`;
# - another measure: `metrics=["accuracy", top5]` becomes
#   `metrics=["accuracy", top5, "sparse_categorical_crossentropy"]`.
#
# ## 4. Every network, all epochs
#
# The package trains the same network to its last epoch, and that of the other corpus.

# %%
as_printed = True  # False once you change a line: nothing is checked then
run_pretraining(workspace)  # trains what is missing
histories = pretraining_histories(workspace)
of_epochs = histories.set_index(["init", "backbone", "epoch"])
epoch = pd.DataFrame(history, ["by hand"]).T
by_rin = of_epochs.reindex(columns=epoch.index)
by_rin = by_rin.loc[[(run.init, run.backbone, 1)]]
epoch["by rin"] = by_rin.iloc[0].astype(float)
epoch.round(4)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
relative = (epoch["by hand"] / epoch["by rin"] - 1).abs()
# JAX compiles both networks into different sums, and Adam turns the sign of a
# gradient near zero into a whole step: only losses are compared, loosely.
exact = keras.backend.backend() == "tensorflow"
apart, bound = (relative.max(), 1e-3) if exact else (relative["loss"], 0.2)
kept = workspace.weights.done_record(run.run_id).get("backend")
Markdown(agreement(apart, bound, kept, as_printed=as_printed))

# %% [markdown]
# ## 5. How well is the corpus learnt?
#
# *Top-1* is the share of test images whose class is ranked first. Intervals are Wilson's; as images of a
# patient are alike, their number is divided by the design effect of the patients. Those of the committed run
# are on [Pretraining: what was learnt, and does it help?](../results/pretrainings).

# %%
of_first = f"pretraining == {run.pretraining}"
predictions = pretraining_predictions(workspace).query(of_first)
predictions["correct"] = predictions.eval("truth == predicted")
network = ["init", "backbone"]
scores = predictions.groupby(network, sort=False).agg(
    images=("case_id", "size"),
    patients=("patient_id", "nunique"),
    estimate=("correct", "mean"),
    top5=("in_top5", "mean"),
)
scores[["ci_low", "ci_high"]] = [
    stats.share_interval(part["correct"], part["patient_id"])
    for _, part in predictions.groupby(network, sort=False)
]
recalls = predictions.groupby([*network, "truth"])["correct"].mean()
scores["balanced"] = recalls.groupby(network).mean()
scores.rename(columns={"estimate": "top1"}).round(3)

# %% [markdown]
# Guessing would reach one over the number of classes. Corpora differ in how hard they are, so a higher
# accuracy on one does not make its weights better.
#
# ## 6. Class by class
#
# Rare findings are rare in the images too, so a network may do well on average and miss the small classes.

# %%
net = predictions.set_index(network).loc[run.init, run.backbone]
confused = confusion_matrix(net["truth"], net["predicted"], normalize="true")
shares = pd.DataFrame(100 * confused, names, names)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
_, ax = plt.subplots(figsize=(4.9, 4.4))
sns.heatmap(
    shares, cmap="Purples", annot=n_classes <= 12, fmt=".0f", cbar=False, ax=ax
)
ax.set(xlabel="Predicted class", ylabel="True class")
picture(
    ax,
    "Figure 1. Which classes are confused",
    f"{run.backbone}, {run.init}: rows are true classes and add up to 100%; "
    f"{len(net)} test images.",
)

# %% [markdown]
# ## Summary
#
# - Pretraining is ordinary supervised learning; what counts afterwards are the features below the head.
# - Three things go with a weights file: its backbone, the scaling of its inputs, and what it was trained
#   on. Each run leaves them in `model_card.json` (ATLAS schema), beside the weights in three formats that
#   cannot contain code.
# - Accuracy on a corpus says how much was learnt of that corpus, not how well it transfers.
#
# ## Exercises
#
# 1. How many images would be correct if the most frequent class were always named?
#
# <details><summary>Solution</summary>
#
# ```python
# truth = predictions.drop_duplicates(["init", "case_id"]).groupby("init")["truth"]
# always = truth.agg(lambda labels: labels.value_counts(normalize=True).max())
# assert always.between(1 / outputs, 1).all()
# ```
#
# </details>
#
# 2. Which two classes does the network confuse most?
#
# <details><summary>Solution</summary>
#
# ```python
# wrong = shares.where(~np.eye(len(shares), dtype=bool)).stack()
# true_class, predicted_class = wrong.idxmax()
# assert true_class != predicted_class
# ```
#
# </details>
#
# 3. Is a network less sure where it is wrong?
#
# <details><summary>Solution</summary>
#
# ```python
# confidence = predictions.groupby(["init", "correct"])["confidence"].mean()
# assert confidence.between(0, 1).all()
# confidence.unstack()
# ```
#
# </details>
#
# This page: `rin run notebooks/pipeline/pretraining.py -p profile=demo`.
