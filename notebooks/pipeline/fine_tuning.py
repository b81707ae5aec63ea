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
# # Fine-tuning, from images to a difference
#
# Transfer learning begins with a network that has learnt from many other images, puts a new head on it, and
# trains on one's own. Does it matter which images came first? This page fine-tunes one network from two
# initialisations by hand, compares them, and then lets `rin` do the same for all scenarios.
#
# With **images of your own**: `rin new NAME --images FOLDER` ([Your images](../use/your_images)), then run a
# copy of this file with `-p profile=NAME -p task=NAME -p data_root=FOLDER/..`. What you change below (head, loss, measure) reaches
# both initialisations, their difference and its interval.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
task: str = ""  # of data_manifests/; empty for the live task
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import itertools
import math
from dataclasses import asdict

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from sklearn.metrics import roc_auc_score

from rin import stats
from rin.report.banner import banner
from rin.report.page import picture
from rin.report.style import use_style
from rin.study import (
    augment_layer,
    consolidate,
    find_run,
    open_backbone,
    open_workspace,
    run_pretraining,
    run_study,
    start_keras,
)
from rin.study.by_hand import agreement, draw_as_runs_do

use_style()
workspace = open_workspace(profile, data_root=data_root, results=results)
start_keras(workspace)  # as in all runs; before it is imported
import keras
from keras import layers

live_task = task or workspace.profile.live_task
a, b = workspace.profile.inits[:2]
run_pretraining(workspace)
banner(consolidate(workspace), [live_task])

# %% [markdown]
# ## 1. Images and their split
#
# One pass decodes every image and resizes it to a square of bytes. All images of a patient are in one
# part, and so are near-duplicates.

# %%
inputs = workspace.inputs(live_task)
cases = inputs.store.cases
size = inputs.store.size
labels = inputs.labels.to_numpy()
images = inputs.store.images().reshape(len(cases), size, size, -1)
split = inputs.folds.query("fold == 0").set_index("case_id")["part"]
part_of = cases["case_id"].map(split).rename("part")
assert part_of.groupby(cases["patient_id"]).nunique().max() == 1
train, validation, test = (
    np.flatnonzero(part_of == part) for part in ("train", "validation", "test")
)
pd.crosstab(part_of, cases["label"], margins=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
examples = cases.groupby("label", sort=False).head(2)
figure, row_of_axes = plt.subplots(1, len(examples), figsize=(4.9, 1.7))
for ax, (case, label) in zip(
    row_of_axes, examples["label"].items(), strict=True
):
    ax.imshow(images[case].squeeze(), cmap="gray", vmin=0, vmax=255)
    ax.set_axis_off()
    ax.set_title(label, fontweight="normal")
picture(
    figure,
    "Figure 1. Two images of each class, as the networks see them",
    f"Decoded to {size} × {size} pixels.",
)

# %% [markdown]
# ## 2. A scenario and its settings
#
# A *scenario* is a backbone, a number of layers to train, and a learning rate {cite:p}`mei2022`. The plan
# of the study states the settings of each run and the inputs that its first weights expect.

# %%
first = find_run(workspace, live_task, init=a)  # the first that is planned
scenario = asdict(first.scenario)
settings = first.settings
pair = {a: first, b: find_run(workspace, live_task, **scenario, init=b)}
steps = math.ceil(len(train) / settings.batch)
pd.Series(scenario | settings.model_dump(exclude_none=True)).to_frame("value")

# %%
pd.DataFrame({init: vars(run.expects) for init, run in pair.items()})

# %% [markdown]
# ## 3. Backbone and head
#
# `open_backbone` is `keras.applications.MobileNet(include_top=False, weights=None, …)`, of the scenario's
# backbone, followed by `load_weights` of what pretraining left. Grey images are repeated to three channels
# and scaled as the weights expect; the head is pooling, dropout and one dense layer.


# %%
def build(run):
    """Return the network of a run, with its first weights and a new head."""
    backbone = open_backbone(workspace, run)
    depth = len(backbone.layers)
    trained = {"unfreeze_all": depth, "unfreeze_top10": 10, "freeze_all": 0}
    for place, layer in enumerate(backbone.layers, start=1):
        layer.trainable = place > depth - trained[run.scenario.unfreezing]
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = settings.batch_norm_momentum  # short trainings

    pixels = keras.Input(images.shape[1:], dtype="uint8")
    x = augment_layer(settings)(keras.ops.cast(pixels, "float32"))
    x = keras.ops.repeat(x, 3 // images.shape[-1], axis=-1)
    if run.expects.bgr:
        x = keras.ops.flip(x, axis=-1)
    x = layers.Rescaling(run.expects.scale, run.expects.offset)(x)
    x = layers.GlobalAveragePooling2D()(backbone(x))
    x = layers.Dropout(settings.dropout, seed=0)(x)
    return keras.Model(pixels, layers.Dense(2, activation="softmax")(x))


# %% [markdown]
# ## 4. Train and predict
#
# Each epoch shows the images in a new order. The epoch with the lowest validation loss is kept. Both
# initialisations share seed, order and head, so that only their first weights differ.


# %%
def batches(seed):
    """Images and labels without end, in an order that each epoch draws."""
    for epoch in itertools.count():
        order = np.random.default_rng([seed, epoch]).permutation(train)
        for start in range(0, len(order), settings.batch):
            few = np.sort(order[start : start + settings.batch])
            yield images[few], labels[few]


# %%
def train_and_predict(run):
    """Return the probabilities of the test images, and the learning curves."""
    keras.utils.set_random_seed(run.seed)
    model = build(run)
    model.compile(
        keras.optimizers.Adam(run.scenario.learning_rate),
        loss="sparse_categorical_crossentropy",
    )
    draw_as_runs_do(model, run.seed)  # to compare; leave it out of a copy
    keep_best = keras.callbacks.EarlyStopping(
        patience=settings.patience or settings.epochs, restore_best_weights=True
    )
    curves = model.fit(
        batches(run.seed),
        steps_per_epoch=steps,
        epochs=settings.epochs,
        validation_data=(images[validation], labels[validation]),
        validation_batch_size=settings.batch,
        callbacks=keep_best,
        shuffle=False,
        verbose=0,
    )
    return model.predict(
        images[test], settings.batch, verbose=0
    ), curves.history


# %%
measure = roc_auc_score
trainings = {init: train_and_predict(run) for init, run in pair.items()}
by_hand = {init: scores[:, 1] for init, (scores, _) in trainings.items()}
pd.Series(
    {init: measure(labels[test], scores) for init, scores in by_hand.items()},
    name="on the test images",
).round(3).to_frame()

# %% [markdown]
# ## 5. The difference of the two, and its interval
#
# DeLong's paired test takes images as independent; with patients it is Obuchowski's
# {cite:p}`obuchowski1997`. Where each patient has one image, as in most stand-ins, the two agree.

# %%
patients = cases["patient_id"].to_numpy()[test]
scored = labels[test], by_hand[a], by_hand[b]
units = {"images": None, "patients": patients}
rows = {
    unit: vars(stats.delong_test(*scored, of)) for unit, of in units.items()
}
rows = pd.DataFrame(rows, ["estimate", "ci_low", "ci_high", "p_value"])
rows.astype(float).map("{:.3g}".format)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
of_class = cases.iloc[test].groupby("label")["patient_id"].nunique()
Markdown(f"""
The interval is about new patients for these two networks. The test set has
{len(set(patients))} patients, at least {of_class.min()} of each class. **Below
about twenty of a class do not rely on such an interval**: it is too narrow.
""")

# %% [markdown]
# *Change a line* above, say `as_printed = False` below, and run all cells:
#
# - a hidden layer: `x = layers.Dropout(settings.dropout, seed=0)(x)` becomes
#   `x = layers.Dropout(settings.dropout, seed=0)(layers.Dense(32, activation="relu")(x))`;
# - another optimiser: `keras.optimizers.Adam(run.scenario.learning_rate)` becomes
#   `keras.optimizers.SGD(0.01, momentum=0.9)`;
# - another measure: `measure = roc_auc_score` becomes
#   `from sklearn.metrics import average_precision_score as measure`.
#
# ## 6. Every scenario, by the package
#
# `run_study`, as `rin study`, trains the runs that the results folder lacks and keeps each in a folder named by a
# hash of its configuration and of what it read. The run made by hand is one of them.

# %%
as_printed = True  # False once you change a line: nothing is checked then
run_study(workspace, only=[*workspace.profile.study_filters])
live = consolidate(workspace)  # the finished runs as a few tables
predictions = live.predictions(task=live_task)
predictions.groupby(["scenario", "init"], sort=False).size().unstack()

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# The package's own run, which differs by the rounding of sums.
of_run = "scenario == @first.scenario.name and fold == 0 and init == @a"
kept = predictions.query(of_run).query("pretraining == pretraining.min()")
kept = kept.set_index("case_id")["score"][cases["case_id"][test]]
apart = np.abs(by_hand[a] - 1 / (1 + np.exp(-kept.to_numpy()))).max()
backend = workspace.fine_tuning_ledger.done_record(first.run_id)["backend"]
Markdown(agreement(apart, 0.005, backend, as_printed=as_printed))

# %% [markdown]
# ## 7. What transfer learning is
#
# The same images, steps and learning rates; only the first weights differ.

# %%
started = predictions
if live_task in live.tasks_of("from_random"):
    scratch = live.predictions("from_random", live_task)
    started = pd.concat([predictions, scratch.query("init == 'random'")])
aucs = stats.scenario_aucs(started)
by_scenario = aucs.groupby(["scenario", "init"])["auc"].mean().unstack("init")
by_scenario.round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
order = by_scenario.mean().sort_values().index
_, ax = plt.subplots(figsize=(4.9, 3))
ax.plot(by_scenario[order].T, marker="o")
ax.axhline(0.5, color="0.5", linestyle=":")
lines = by_scenario.index.astype(str).str.replace("-", ", ", n=2)
ax.legend(lines, loc="upper left", bbox_to_anchor=(0, -0.2))
ax.set(xlabel="First weights", ylabel="Test AUC", xmargin=0.1)
picture(
    ax,
    "Figure 2. The same scenarios from each kind of first weights",
    f"Test AUC of each scenario by its first weights; {len(test)} test images. "
    "Dotted: chance.",
)

# %% [markdown]
# In the book's own live run, stand-ins are drawn so that one class of the radiologic corpus has smooth lesions, another rough ones, and
# the task asks for the difference; the photographic corpus has neither. So the figure tells whether the method
# finds transfer where there is some, and nothing about medicine.
#
# Averaged over scenarios, with the covariance over patients (`auc_a` is of the first source; 0.01 is a point
# of AUC):

# %%
differences = stats.init_differences(predictions, a, b)
estimate = ["estimate", "ci_low", "ci_high"]
differences[["group", "auc_a", "auc_b", *estimate]].round(3)

# %% [markdown]
# [All tasks](../results/all_tasks) makes the same calls on real images.
#
# ## Summary
#
# - Transfer learning is: load weights, freeze what is to stay, put on a new head, train.
# - Feed a backbone the inputs that its weights were trained on; read them from the plan, the file's
#   documentation, or [the file itself](../results/inputs).
# - Compare initialisations with everything else equal, seeds included, and with patients as the units.
#
# ## Exercises
#
# 1. Compute the AUC without scikit-learn: the share of pairs that are ranked correctly.
#
# <details><summary>Solution</summary>
#
# ```python
# scores, truth = by_hand[a], labels[test] == 1
# above = scores[truth][:, None] - scores[~truth]
# won = (np.sign(above) + 1).mean() / 2
# assert np.isclose(won, roc_auc_score(truth, scores))
# ```
#
# </details>
#
# 2. Did the network overfit? Find the epoch that was kept in the learning curves.
#
# <details><summary>Solution</summary>
#
# ```python
# losses = pd.DataFrame(trainings[a][1])[["loss", "val_loss"]]
# losses.plot(xlabel="Epoch", ylabel="Loss")
# assert losses["val_loss"].idxmin() < settings.epochs
# ```
#
# </details>
#
# 3. How many of the test images do both initialisations classify correctly, how many only one?
#
# <details><summary>Solution</summary>
#
# ```python
# correct = {init: (by_hand[init] > 0.5) == labels[test] for init in (a, b)}
# counts = pd.crosstab(correct[a], correct[b])
# assert counts.to_numpy().sum() == len(test)
# ```
#
# </details>
#
# This page runs in about two minutes on two cores, and in two more where *Pretraining* has not run:
# `rin run notebooks/pipeline/fine_tuning.py -p profile=demo`.
