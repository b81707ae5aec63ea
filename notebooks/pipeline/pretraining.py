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
# *Answers* how a backbone is pretrained, how well it classifies its corpus, and what its features
# have learnt. *Needs* the corpora, which stand-ins replace. *Takes* about two minutes on two
# cores, half a minute when run again: `rin run notebooks/pipeline/pretraining.py -p profile=demo`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from sklearn.metrics import confusion_matrix

from rin import stats
from rin.report import live as shown
from rin.study import (
    augment_layer,
    nearest_of_class,
    open_runs,
    plan_pretraining,
    pretraining_predictions,
    run_pretraining,
    start_keras,
)

runs = open_runs(profile, data_root=data_root, results=results)
workspace = runs.workspace
start_keras(workspace)  # as in all runs; before it is imported
import keras
from keras import layers

from rin.training.trainer import learning_rate

inits = list(workspace.profile.pretraining.corpora)
line = display(shown.pretraining_line(runs), display_id=True)

# %% [markdown]
# ## One epoch by hand
#
# A corpus of labelled images, the settings of the profile, and batches. Images of one patient are in
# one part.

# %%
as_printed = True  # False once you change a line: nothing is checked then
run, *others = plan_pretraining(workspace)
settings, size, store = run.settings, run.settings.size, run.store
names, classes = np.unique(store.cases["label"], return_inverse=True)
images = store.images().reshape(len(classes), size, size, -1)
rows = {p: np.flatnonzero(run.parts == p) for p in run.parts.categories}
chance = np.random.default_rng([run.seed, 0])  # of the first epoch
order = chance.permutation(rows["train"])


def batches():
    """Images and classes of the first epoch, a few at a time."""
    for start in range(0, len(order), settings.batch):
        few = np.sort(order[start : start + settings.batch])
        yield images[few], classes[few]


outputs = max(r.store.cases["label"].nunique() for r in (run, *others))
pd.Series({part: len(chosen) for part, chosen in rows.items()}, name="images")

# %% [markdown]
# A Keras backbone with random weights, and a head of pooling, dropout and one dense layer.

# %%
keras.utils.set_random_seed(run.seed)
build = getattr(keras.applications, run.backbone)
backbone = build(include_top=False, weights=None, input_shape=(size, size, 3))
for layer in backbone.layers:  # short trainings need a faster average
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = settings.batch_norm_momentum

augment = augment_layer(settings)
dropout, dense = layers.Dropout(settings.dropout, seed=0), layers.Dense(outputs)
pixels = keras.Input(images.shape[1:], dtype="uint8")
augmented = augment(keras.ops.cast(pixels, "float32"))
rgb = keras.ops.repeat(augmented, 3 // images.shape[-1], axis=-1)
wanted = run.expects  # order of the colours, scale, offset
ordered = keras.ops.flip(rgb, axis=-1) if wanted.bgr else rgb
prepared = ordered * np.float32(wanted.scale) + np.float32(wanted.offset)
pooled = layers.GlobalAveragePooling2D()(backbone(prepared))
model = keras.Model(pixels, layers.Softmax()(dense(dropout(pooled))))

# %% [markdown]
# The initial weights of the head, augmentation, dropout and the order of the images are drawn with
# the seed of the run, as in the package.

# %%
drawn = np.random.default_rng(run.seed)
limit = np.sqrt(6 / sum(dense.kernel.shape))  # Glorot and Bengio (2010)
kernel = drawn.uniform(-limit, limit, dense.kernel.shape)
dense.set_weights([kernel, np.zeros(outputs)])
for random_layer in (augment, dropout):
    random_layer.seed_generator.state.assign(drawn.integers(1, 2**31, 2))

# %%
steps = -(-len(order) // settings.batch)
total, schedule = settings.epochs * steps, (settings.schedule, settings.warmup)
rate = learning_rate(settings.learning_rate, total, *schedule)
ranks = min(5, outputs - 1)  # few classes leave out the least likely
top5 = keras.metrics.SparseTopKCategoricalAccuracy(ranks, name="top5")
model.compile(
    keras.optimizers.Adam(rate),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", top5],
    jit_compile=False,  # on a CPU it costs more than it saves
)
model.optimizer.build(model.trainable_variables)  # else it is traced twice
validation = images[rows["validation"]], classes[rows["validation"]]
by_hand = model.fit(
    batches(), steps_per_epoch=steps, shuffle=False, validation_data=validation,
    validation_batch_size=settings.batch, verbose=0,
).history  # fmt: skip

# %% [markdown]
# *Change a line*, say `as_printed = False`, and run all cells:
#
# - a hidden layer: `dense(dropout(pooled))` becomes
#   `dense(layers.Dense(32, activation="relu")(dropout(pooled)))`;
# - another optimiser: `keras.optimizers.Adam(rate)` becomes
#   `keras.optimizers.SGD(rate, momentum=0.9)`;
# - another measure: `metrics=["accuracy", top5]` becomes
#   `metrics=["accuracy", top5, "sparse_categorical_crossentropy"]`.
#
# ## Every network
#
# The package trains the same network, and that of the other corpus.

# %%
weights = run_pretraining(workspace)  # trains what is missing
histories = runs.live.pretraining_histories()
same = (histories["init"] == run.init) & (histories["backbone"] == run.backbone)
by_rin = histories[same & (histories["epoch"] == 1)].iloc[0]
epoch = pd.DataFrame(by_hand, ["by hand"]).T
epoch["by rin"] = by_rin.reindex(epoch.index).astype(float)
epoch

# %% [markdown]
# Both sum in the same order, so on TensorFlow they agree to the last digit. JAX compiles the two
# networks into different sums, and Adam turns the sign of a gradient near zero into a whole step:
# there only their losses are compared, and loosely.

# %%
stored = workspace.weights.done(run.run_id).get("backend")
backend = keras.backend.backend()
comparable, exact = as_printed and stored == backend, backend == "tensorflow"
relative = (epoch["by hand"] / epoch["by rin"] - 1).abs()
apart = relative.max() if exact else relative["loss"]
assert not comparable or apart < (1e-3 if exact else 0.2), f"{apart:.1%} apart"

# %% jupyter={"source_hidden": true} tags=["hide-input"]
line.update(shown.pretraining_line(runs))
compared = shown.agreement(
    *(apart, "losses (as shares)"),
    as_printed=as_printed, stored=stored, backend=backend,
)  # fmt: skip
reached = epoch.loc["val_accuracy", "by hand"]
after = shown.after_one_epoch(run.backbone, run.init, reached)
Markdown(f"{compared} {after}")

# %% [markdown]
# ## Figure E1 and Table E2: every network, test accuracy
#
# If there are several pretrainings, this page shows the first. *Top-1* is the share of test images whose
# class is ranked first, *top-5* the share whose class is among the first five. Intervals are
# Wilson's; images of a patient are alike, so their number is divided by the design effect of the
# patients.

# %%
first = f"init in @inits and pretraining == {run.pretraining}"
networks = weights.query(first)
predictions = pretraining_predictions(workspace).query(first)
predictions["correct"] = predictions.eval("truth == predicted")
network = ["init", "backbone"]
scores = predictions.groupby(network, sort=False).agg(
    images=("case_id", "size"),
    patients=("patient_id", "nunique"),
    estimate=("correct", "mean"),
    top5=("in_top5", "mean"),
)
recalls = predictions.groupby([*network, "truth"])["correct"].mean()
scores["balanced"] = recalls.groupby(network).mean()
scores[["ci_low", "ci_high"]] = [
    stats.share_interval(rows["correct"], rows["patient_id"])
    for _, rows in predictions.groupby(network, sort=False)
]
scores = scores.join(networks.set_index(network)[["classes", "seconds"]])
measures = ["estimate", "ci_low", "ci_high", "top5", "balanced"]
scores[measures].rename(columns={"estimate": "top1"}).round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(shown.learnt(scores))

# %%
shown.accuracies(scores, "Top-1 test accuracy")

# %% [markdown]
# ## Class by class
#
# Rare findings are rare in the images too, so a network may do well on average and miss the small
# classes. Rows are true classes and add up to 100%; the diagonal is the share classified correctly.
# The figure shows the first radiologic network.

# %%
net = predictions.set_index(network).loc[run.init, run.backbone]
confused = confusion_matrix(net["truth"], net["predicted"], normalize="true")
shares = pd.DataFrame(100 * confused, names, names)
shown.confusion(shares)

# %% [markdown]
# ## What the features have learnt
#
# How often is the test image with the most similar pooled features (cosine), *of another patient*,
# of the same class? Only images whose class has another patient in the test part can have such a
# neighbour, and only these count.

# %%
measured = [
    nearest_of_class(workspace, init, backbone)
    for init, backbone in scores.index
]
nearest = pd.DataFrame(measured, scores.index).dropna()
nearest.drop(columns="patients").round(2)

# %%
shown.accuracies(nearest, "Nearest image of the same class")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(shown.alike_neighbours(nearest, inits))

# %% [markdown]
# ## The weights
#
# Each run leaves its backbone in three formats below `weights` of the results: Keras 3
# (`backbone.weights.h5`), the layout of Keras 2 that the released RadImageNet weights have
# (`backbone_notop.h5`), and safetensors. None can contain code. Pass on such a file with the model
# card beside it (`model_card.json`, in the ATLAS schema of the Radiological Society of North
# America): images and their licence, preprocessing, test accuracy with its interval, limits, and the
# SHA-256 of every file. What nothing records is “not stated” there.
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
