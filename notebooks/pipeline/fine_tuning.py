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
# *Answers* how a pretrained network is fine-tuned, what transfer learning is, and how two
# initialisations compare. *Needs* pretrained weights, which it trains where they are missing.
# *Takes* about three minutes on two cores: `rin run notebooks/pipeline/fine_tuning.py -p profile=demo`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
task: str = ""  # of data_manifests/; empty for the live task
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import itertools

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from sklearn.metrics import roc_auc_score

from rin import stats
from rin.report import live as shown
from rin.report.banner import banner
from rin.study import (
    augment_layer,
    find_run,
    open_backbone,
    open_runs,
    run_fine_tuning,
    run_pretraining,
    start_keras,
)

runs = open_runs(profile, data_root=data_root, results=results)
workspace, live = runs.workspace, runs.live  # never a reference run
start_keras(workspace)  # as in all runs; before it is imported
import keras
from keras import layers

live_task = task or workspace.profile.live_task
a, b = live.inits
run_pretraining(workspace)
line = display(banner(live, [live_task], trained=False), display_id=True)

# %% [markdown]
# ## Images and their split
#
# A reader turns the files of a dataset into one case table; one pass decodes, hashes and resizes
# every image. All images of a patient are in one part, and so are near-duplicates.

# %%
inputs = workspace.inputs(live_task)
cases = inputs.store.cases
size, labels = inputs.store.size, inputs.labels.to_numpy()
images = inputs.store.images().reshape(len(cases), size, size, -1)
split = inputs.folds.query("fold == 0").set_index("case_id")["part"]
part_of = cases["case_id"].map(split).rename("part")
assert part_of.groupby(cases["patient_id"]).nunique().max() == 1
pd.crosstab(part_of, cases["label"], margins=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
examples = cases.groupby("label", sort=False).head(2).index
shown.classes_row(inputs.store.images()[examples], cases["label"][examples])

# %% [markdown]
# ## One scenario by hand
#
# A *scenario* is a backbone, a number of layers to train, and a learning rate {cite:p}`mei2022`.
# The plan states the initial weights of a run, the preprocessing they expect, and its seed.
# `find_run(workspace, live_task, "MobileNetV2", "freeze_all", 1e-2, b)` would take another run; what is left
# out is the first that is planned.

# %%
as_printed = True  # False once you change a line: nothing is checked then
run = find_run(workspace, live_task, init=a)
settings = run.settings
train, validation, test = (
    np.flatnonzero(part_of == part) for part in ("train", "validation", "test")
)


def batches():
    """Images and labels without end, in an order that each epoch draws."""
    for epoch in itertools.count():
        order = np.random.default_rng([run.seed, epoch]).permutation(train)
        for start in range(0, len(order), settings.batch):
            few = np.sort(order[start : start + settings.batch])
            yield images[few], labels[few]


run.scenario

# %% [markdown]
# In Keras, weights are loaded and layers are frozen. A head of pooling, dropout and one dense layer
# is put on top. Grey images are repeated to three channels. The order of the colours and their scale
# are those that the weights expect.

# %%
backbone = open_backbone(workspace, run)  # with its first weights
depth = len(backbone.layers)
trained = {"unfreeze_all": depth, "unfreeze_top10": 10, "freeze_all": 0}
for place, layer in enumerate(backbone.layers, start=1):
    layer.trainable = place > depth - trained[run.scenario.unfreezing]
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = settings.batch_norm_momentum  # for short trainings

augment = augment_layer(settings)
dropout, dense = layers.Dropout(settings.dropout, seed=0), layers.Dense(2)
pixels = keras.Input(images.shape[1:], dtype="uint8")
augmented = augment(keras.ops.cast(pixels, "float32"))
rgb = keras.ops.repeat(augmented, 3 // images.shape[-1], axis=-1)
wanted = run.expects
ordered = keras.ops.flip(rgb, axis=-1) if wanted.bgr else rgb
prepared = ordered * np.float32(wanted.scale) + np.float32(wanted.offset)
pooled = layers.GlobalAveragePooling2D()(backbone(prepared))
model = keras.Model(pixels, layers.Softmax()(dense(dropout(pooled))))

# %% [markdown]
# The initial weights of the head, augmentation, dropout and the order of the images are drawn with
# the seed of the run: both initialisations of a scenario share all random choices.

# %%
chance = np.random.default_rng(run.seed)
limit = np.sqrt(6 / sum(dense.kernel.shape))  # Glorot and Bengio (2010)
kernel = chance.uniform(-limit, limit, dense.kernel.shape)
dense.set_weights([kernel, np.zeros(2)])
for random_layer in (augment, dropout):
    random_layer.seed_generator.state.assign(chance.integers(1, 2**31, 2))

# %% [markdown]
# Train, keep the epoch with the lowest validation loss, predict:

# %%
model.compile(
    keras.optimizers.Adam(run.scenario.learning_rate),
    loss="sparse_categorical_crossentropy",
    jit_compile=False,  # on a CPU it costs more than it saves
)
model.optimizer.build(model.trainable_variables)  # else it is traced twice
patience = settings.patience or settings.epochs
keep_best = keras.callbacks.EarlyStopping(
    patience=patience, restore_best_weights=True
)
curves = model.fit(
    batches(), steps_per_epoch=-(-len(train) // settings.batch), shuffle=False,
    epochs=settings.epochs, callbacks=keep_best, verbose=0,
    validation_data=(images[validation], labels[validation]),
    validation_batch_size=settings.batch,
).history  # fmt: skip
by_hand = model.predict(images[test], settings.batch, verbose=0)[:, 1]
measure = roc_auc_score
round(measure(labels[test], by_hand), 3)

# %% [markdown]
# *Change a line*, say `as_printed = False`, and run all cells:
#
# - a hidden layer: `dense(dropout(pooled))` becomes
#   `dense(layers.Dense(32, activation="relu")(dropout(pooled)))`;
# - another optimiser: `keras.optimizers.Adam(run.scenario.learning_rate)` becomes
#   `keras.optimizers.SGD(0.01, momentum=0.9)`;
# - other first weights: `find_run(workspace, live_task, init=a)` becomes `find_run(workspace, live_task, init=b)`;
# - another measure: `measure = roc_auc_score` becomes
#   `from sklearn.metrics import average_precision_score as measure`.
#
# ## Every scenario
#
# The package trains the runs that the results folder lacks. Scenarios that differ only in
# initialisation or learning rate share one compiled step; each finished run is kept in a folder
# named by a hash of its configuration and of what it read.

# %%
run_fine_tuning(workspace)
predictions = live.predictions(task=live_task)
predictions.groupby(["scenario", "init"], sort=False).size().unstack()

# %% [markdown]
# The run made by hand is one of them. Where nothing was changed and one framework trained both,
# they agree within 0.005: another number of threads rounds sums in another way, and Adam
# amplifies this.

# %%
same = predictions.query("scenario == @run.scenario.name and fold == 0")
same = same[same["pretraining"] == same["pretraining"].min()]
recorded = same[same["init"] == run.init].set_index("case_id")["score"]
by_rin = 1 / (1 + np.exp(-recorded[cases["case_id"][test]].to_numpy()))
apart = np.abs(by_hand - by_rin).max()
stored = workspace.fine_tuning_ledger.done(run.run_id)["backend"]
backend = keras.backend.backend()
comparable = as_printed and stored == backend
assert not comparable or apart < 0.005, f"predictions are {apart:.4f} apart"

# %% jupyter={"source_hidden": true} tags=["hide-input"]
line.update(banner(live, [live_task]))
Markdown(
    shown.agreement(
        *(apart, "predicted probabilities"),
        as_printed=as_printed, stored=stored, backend=backend,
    )
)  # fmt: skip

# %% [markdown]
# ## What transfer learning is
#
# The same scenario, the same images and seed; only the first weights differ.

# %%
started = predictions
if live_task in live.tasks_of("from_random"):
    random = live.predictions("from_random", live_task).query(
        "init == 'random'"
    )
    started = pd.concat([predictions, random])
aucs = stats.scenario_aucs(started)
of_run = aucs.query("scenario == @run.scenario.name and fold == 0")
by_init = of_run.groupby("init")["auc"].mean()
by_init.round(3).to_frame()

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(shown.transfer(by_init, len(test)))

# %%
averages = aucs.groupby(["scenario", "init"])["auc"].mean().reset_index()
shown.transfer_figure(averages)

# %% [markdown]
# Stand-ins are drawn so: one class of the radiologic corpus has smooth lesions, another rough ones,
# and the task asks for the difference; the photographic corpus has neither. So the figure shows that
# the method finds transfer where there is some, and nothing about medicine.
#
# ## The difference
#
# DeLong's paired test of one scenario, with images and with patients as the independent units; then
# the mean over folds and scenarios, with the covariance over patients {cite:p}`obuchowski1997`.

# %%
pair = same.pivot(
    index=["case_id", "patient_id", "label"], columns="init", values="score"
).reset_index()
units = {"images": None, "patients": pair["patient_id"]}
tests = {
    unit: vars(stats.delong_test(pair["label"], pair[a], pair[b], groups))
    for unit, groups in units.items()
}
pd.DataFrame(tests).head(6).map("{:.2g}".format)

# %%
differences = stats.init_differences(predictions, a, b)
overall = differences.set_index("group").loc["all"]
differences[["group", "estimate", "ci_low", "ci_high"]].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
result = shown.on_one_task(
    overall, (a, b), inputs.task.title, stand_ins=live.stand_ins(live_task)
)
Markdown(
    f"{result} [Results](../results/all_tasks) on real images come from the "
    "same calls."
)

# %% [markdown]
# ## Exercises
#
# 1. Compute the AUC without scikit-learn: the share of pairs that are ranked correctly.
#
# <details><summary>Solution</summary>
#
# ```python
# scores, truth = by_hand, labels[test] == 1
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
# losses = pd.DataFrame(curves)[["loss", "val_loss"]]
# losses.plot(xlabel="Epoch", ylabel="Loss")
# assert losses["val_loss"].idxmin() == keep_best.best_epoch
# ```
#
# </details>
#
# 3. How many of the test images do both initialisations classify correctly, how many only one?
#
# <details><summary>Solution</summary>
#
# ```python
# correct = pair[[a, b]].gt(0).eq(pair["label"] == 1, axis=0)
# counts = pd.crosstab(correct[a], correct[b])
# assert counts.to_numpy().sum() == len(test)
# ```
#
# </details>
