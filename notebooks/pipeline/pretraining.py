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
# # Pretraining from random weights
#
# *Answers* how a backbone is pretrained, how well it classifies its corpus, and what its features
# have learnt. *Needs* the corpora, which stand-ins replace. *Takes* about two minutes on two
# cores, seconds when run again: `rin run notebooks/pipeline/pretraining.py -p profile=demo`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import keras
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown
from keras import layers
from sklearn.metrics import confusion_matrix

from rin.data.store import open_store
from rin.evidence.paper import DATABASE, RELEASED_ACCURACY
from rin.explain.similarity import nearest_neighbours, neighbour_purity
from rin.models.augmentation import AUGMENTATION
from rin.models.layers import Augment
from rin.models.preprocessing import find_preprocessing
from rin.report.banner import pretraining_banner
from rin.report.forest import forest
from rin.report.page import picture
from rin.report.style import init_style, use_style
from rin.stats import share_interval
from rin.study import open_runs, pretraining_histories, run_pretraining
from rin.study.pretraining import (
    plan_pretraining,
    pretraining_features,
    pretraining_predictions,
)
from rin.training.batches import OrderedBatches, Part, ShuffledBatches
from rin.training.trainer import learning_rate, prepare_framework

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
study = runs.study
execution = study.profile.execution
prepare_framework(execution.threads, execution.precision)  # as all runs
weights = run_pretraining(study)  # trains what is missing
inits = list(study.profile.pretraining.corpora)
pretraining_banner(runs)

# %% [markdown]
# ## One epoch by hand
#
# A backbone of Keras with random weights, a corpus of labelled grey images, and the settings of
# the profile. Images of one patient are in one part.

# %%
planned = plan_pretraining(study)
run = next(r for r in planned if r.init == inits[0])
settings, store = run.settings, open_store(run.store)
names, classes = np.unique(store.cases["label"], return_inverse=True)
parts = {
    part: Part(store.images(), classes, np.flatnonzero(run.parts == part))
    for part in ("train", "validation", "test")
}
outputs = int(weights["classes"].max())  # the corpora share one network
pd.Series({part: len(rows.rows) for part, rows in parts.items()}, name="images")

# %%
keras.utils.set_random_seed(run.seed)
build, size = getattr(keras.applications, run.backbone), settings.size
backbone = build(include_top=False, weights=None, input_shape=(size, size, 3))
for layer in backbone.layers:  # short trainings need a faster average
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = settings.batch_norm_momentum

wanted = find_preprocessing(run.config["preprocessing"])
augment = Augment(AUGMENTATION[settings.augmentation])
dropout, dense = layers.Dropout(settings.dropout, seed=0), layers.Dense(outputs)
pixels = keras.Input((size, size, 1), dtype="uint8")
augmented = augment(keras.ops.cast(pixels, "float32"))
rgb = keras.ops.repeat(augmented, 3, axis=-1)
prepared = rgb * np.float32(wanted.scale) + np.float32(wanted.offset)
pooled = layers.GlobalAveragePooling2D()(backbone(prepared))
model = keras.Model(pixels, layers.Softmax()(dense(dropout(pooled))))

# %% [markdown]
# The first weights of the head, and the states of augmentation and dropout, are drawn with the
# seed of the run, as the package draws them; so is the order of the images.

# %%
chance = np.random.default_rng(run.seed)
limit = np.sqrt(6 / (pooled.shape[1] + outputs))  # Glorot and Bengio (2010)
kernel = chance.uniform(-limit, limit, (pooled.shape[1], outputs))
dense.set_weights([kernel, np.zeros(outputs)])
for layer in (augment, dropout):
    layer.seed_generator.state.assign(chance.integers(1, 2**31, 2))

# %%
batch = {"batch": settings.batch, "channels": 1}
steps = parts["train"].steps(settings.batch)
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
by_hand = model.fit(
    ShuffledBatches(parts["train"], seed=run.seed, **batch),
    steps_per_epoch=steps,
    validation_data=OrderedBatches(parts["validation"], **batch),
    verbose=0,
).history

# %% [markdown]
# The package trained the same network. Both add in the same order, so on TensorFlow they agree to
# the last digit. From random weights rounding matters: Adam turns the sign of a gradient near zero
# into a whole step, so that a difference of one in a million in the first step is 1% of the loss
# after seven. JAX compiles the two networks into different sums, and is held to less.

# %%
histories = pretraining_histories(study)
same = (histories["init"] == run.init) & (histories["backbone"] == run.backbone)
by_rin = histories[same & (histories["epoch"] == 1)].iloc[0]
exact = keras.backend.backend() == "tensorflow"
for measure in by_hand if exact else ["loss"]:
    pair = by_hand[measure][0], by_rin[measure]
    assert np.isclose(*pair, rtol=1e-3 if exact else 0.2), measure

# %% tags=["hide-input"]
Markdown(f"""
First epoch of {run.backbone} on the {run.init} corpus: loss
{by_hand["loss"][0]:.4f} by hand and {by_rin["loss"]:.4f} by the package,
top-1 {by_hand["accuracy"][0]:.3f} and {by_rin["accuracy"]:.3f}, top-5
{by_hand["top5"][0]:.3f} and {by_rin["top5"]:.3f}. On the
validation part top-1 is {by_hand["val_accuracy"][0]:.2f} and top-5
{by_hand["val_top5"][0]:.2f} after this one epoch, with running averages that
lag behind. RadImageNet was pretrained on {DATABASE["images"].value:,} images of
{DATABASE["patients"].value:,} patients, which are available on request only.
""")

# %% [markdown]
# ## Figure E1 and Table E2: every network, test accuracy
#
# Of several pretrainings this page shows the first. *Top-1* is the share of test images whose
# class is ranked first, *top-5* the share whose class is among the first five. Intervals are
# Wilson's; images of a patient are alike, so their number is divided by the design effect of the
# patients.

# %%
first = f"init in @inits and pretraining == {run.pretraining}"
networks = weights.query(first)
predictions = pretraining_predictions(study).query(first)
predictions["correct"] = predictions.eval("truth == predicted")
network = ["init", "backbone"]
scores = predictions.groupby(network, sort=False).agg(
    images=("case_id", "size"),
    patients=("patient_id", "nunique"),
    top1=("correct", "mean"),
    top5=("in_top5", "mean"),
)
recalls = predictions.groupby([*network, "truth"])["correct"].mean()
scores["balanced"] = recalls.groupby(network).mean()
scores[["ci_low", "ci_high"]] = [
    share_interval(rows["correct"], rows["patient_id"])
    for _, rows in predictions.groupby(network, sort=False)
]
scores = scores.join(networks.set_index(network)[["classes", "seconds"]])
scores.drop(columns=["patients", "classes", "seconds"]).round(3)

# %% tags=["hide-input"]
accuracies = scores["top1"].groupby("init", sort=False).mean()
means = " and ".join(
    f"{top1:.0%} ({init_style(init).word}; by guessing "
    f"{1 / scores.loc[init, 'classes'].max():.0%})"
    for init, top1 in accuracies.items()
)
Markdown(f"""
On test images that no training step saw, the networks classify on average
{means} correctly. The released RadImageNet networks reach
{min(row.top1 for row in RELEASED_ACCURACY.values()):.1f} to
{max(row.top1 for row in RELEASED_ACCURACY.values()):.1f}%, on other images and
165 classes. The {len(scores)} trainings took {scores["seconds"].sum() / 60:.1f}
minutes of one worker's time.
""")

# %%
look = {"zero": None, "limits": (0, 100), "unit": "points", "legend": False}
names_of = {"backbone": "group", "init": "kind", "top1": "estimate"}
shown = scores.reset_index().rename(columns=names_of)
shown["label"] = [init_style(init).short for init in shown["kind"]]
ax = forest(shown, xlabel="Top-1 test accuracy, % (95% CI)", **look)
picture(ax, "Top-1 test accuracy of each network, with its 95% interval")

# %% [markdown]
# ## Class by class
#
# Rare findings are rare in the images too, so a network may do well on average and miss the small
# classes. Rows are true classes and add up to 100%; the diagonal is classified correctly. Shown is
# the first radiologic network.

# %%
net = predictions.set_index(network).loc[run.init, run.backbone]
confused = confusion_matrix(net["truth"], net["predicted"], normalize="true")
shares = pd.DataFrame(100 * confused, names, names)
ax = sns.heatmap(shares, cmap="Blues", annot=len(names) <= 12, fmt=".0f")
ax.set(xlabel="Predicted class", ylabel="True class")
picture(ax, "Confusion matrix of one network, percent of each row")

# %% [markdown]
# ## What the features have learnt
#
# Of the five test images **of other patients** with the most similar pooled features (cosine), the
# *purity* is the share with the class of the image, with patients resampled for its interval.

# %%
purity = []
for trained in (r for r in planned if r.init in inits):
    pair = trained.init, trained.backbone
    cases, features = pretraining_features(study, *pair)
    patients = cases["patient_id"]
    near = nearest_neighbours(np.asarray(features), patients, 5)
    shares = neighbour_purity(cases["truth"], patients, near, seed=run.seed)
    purity.append(dict(zip(network, pair, strict=True)) | shares)
purity = pd.DataFrame(purity).rename(columns=names_of)
purity["label"] = [init_style(init).short for init in purity["kind"]]
ax = forest(purity, xlabel="Neighbours of the same class, %", **look)
picture(ax, "Purity of the neighbours of each network")

# %% tags=["hide-input"]
by_init = purity.groupby("kind")[["estimate", "chance"]].max().mul(100)
Markdown(
    "Of the five nearest test images, "
    + " and ".join(
        f"{by_init.loc[init, 'estimate']:.0f}% ({init}; "
        f"{by_init.loc[init, 'chance']:.0f}% by chance)"
        for init in inits
    )
    + " have the class of the image in the purest network. The corpora have "
    "different classes, so their shares are not compared."
)

# %% [markdown]
# ## The weights
#
# Each run leaves its backbone in three formats below `weights` of the results: Keras 3
# (`backbone.weights.h5`), the layout of Keras 2 that the released RadImageNet weights have
# (`backbone_notop.h5`), and safetensors. None can carry code. Whoever is given such a file needs
# to know more: in the folder of its run `config.json` names the corpus, whose licence is in its
# manifest, and the preprocessing, and `done.json` has the SHA-256 of every file.
