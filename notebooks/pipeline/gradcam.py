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
# # Grad-CAM, by hand and in closed form
#
# Which parts of an image decided a network's answer? Grad-CAM {cite:p}`selvaraju2020` weighs each channel of
# the last feature map by how much the answer depends on it. This page makes such maps by hand, shows that
# for the usual head they need no gradient, scores them against outlined lesions as the paper does, and asks
# whether a blind map is any worse.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
task: str = ""  # of data_manifests/; empty for the live task
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from PIL import Image
from sklearn.linear_model import LogisticRegression

from rin.explain.overlap import cam_dice
from rin.report.banner import banner
from rin.report.page import picture
from rin.report.style import INIT_COLORS, use_style
from rin.study import (
    consolidate,
    find_run,
    open_backbone,
    open_workspace,
    start_keras,
)

use_style()
workspace = open_workspace(profile, data_root=data_root, results=results)
live = consolidate(workspace)
start_keras(workspace)  # as in all runs; before it is imported
import keras
from keras import layers

from rin.explain.gradcam import gradient_cam, to_uint8

with_masks = [name for name in live.tasks if len(live.baselines(name))]
marked = task or next(
    name
    for name in (workspace.profile.live_task, *with_masks)
    if name in with_masks
)
banner(live, [marked])

# %% [markdown]
# ## 1. Images, and a network
#
# The backbone keeps its pretrained weights, as in the frozen scenarios; a logistic regression on the pooled
# features of training images is the dense layer. It has no constant, so that a map adds up to the logit.

# %%
inputs = workspace.inputs(marked)
store = inputs.store
masks = inputs.lesion_masks()
images = np.asarray(store.images())
labels = inputs.labels.to_numpy()
split = inputs.folds.query("fold == 0").set_index("case_id")["part"]
train = store.cases["case_id"].map(split).to_numpy() == "train"
lesions = np.flatnonzero(masks.any(axis=(1, 2)))[:64]

# %%
run = find_run(workspace, marked, init=live.inits[0])  # the first planned
backbone = open_backbone(workspace, run)
size = store.size


def features_of(pictures):
    if pictures.ndim == 3:  # grey
        pictures = np.repeat(pictures[..., np.newaxis], 3, axis=-1)
    return backbone.predict(run.expects.apply(pictures), verbose=0)


pd.Series(vars(run.expects), name=run.scenario.backbone).to_frame()

# %%
pooled = features_of(images[train]).mean(axis=(1, 2))
regression = LogisticRegression(fit_intercept=False, max_iter=10_000)
regression.fit(pooled, labels[train])
halves = np.array([[-0.5, 0.5]])  # two logits, one for each class
head = keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(2)])
features = features_of(images[lesions])
head(features)  # builds it
kernel = regression.coef_.T @ halves
head.layers[-1].set_weights([kernel, regression.intercept_ * halves[0]])
features.shape

# %% [markdown]
# ## 2. From a gradient to a map
#
# Each channel is weighed by the gradient of the logit, averaged over the cells of the map. TensorFlow and JAX
# differentiate in their own ways:

# %%
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    maps = tf.convert_to_tensor(features)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        logit = head(maps)[:, 1]
    gradient = np.asarray(tape.gradient(logit, maps))

# %%
if keras.backend.backend() == "jax":
    import jax

    def positive_logit(maps):
        return head(maps)[:, 1].sum()

    gradient = np.asarray(jax.grad(positive_logit)(features))

# %%
channel_weights = gradient.mean(axis=(1, 2), keepdims=True)
by_gradient = (channel_weights * features).sum(axis=-1)

# %% [markdown]
# ## 3. Without a gradient
#
# Pooling and one dense layer make the gradient of a channel the dense weight over the number of cells,
# whatever the image. The map is then one product:

# %%
cells = features.shape[1] * features.shape[2]
closed_form = (features @ kernel)[..., 1] / cells
largest = np.abs(closed_form).max()
apart = np.abs(closed_form - by_gradient).max() / largest
print(f"They differ by {apart:.0e} of the largest value.")

# %% [markdown]
# ## 4. From a map to a Dice score
#
# Negative values are set to zero; the map is scaled to a maximum of 255 and enlarged to the image. Grey
# levels above the paper's threshold of 180 count as lesion.

# %%
as_printed = True  # False once you change a line: nothing is checked then
THRESHOLD = 180  # of the paper
dice = []
for cam, mask in zip(np.maximum(closed_form, 0), masks[lesions], strict=True):
    small = Image.fromarray(np.float32(255 * cam / max(cam.max(), 1e-12)))
    large = small.resize((size, size), Image.Resampling.BILINEAR)
    inside = np.rint(large) > THRESHOLD
    lesion = mask > 0
    dice.append(2 * (inside & lesion).sum() / (inside.sum() + lesion.sum()))
pd.Series(dice, name="Dice score").describe()[["count", "mean", "max"]].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# By hand and by the package alike, where nothing was changed.
last = keras.Sequential([head.layers[-1]])
by_rin = gradient_cam(last, features)[..., 1]
overlays = to_uint8(closed_form, size)
of_rin = cam_dice(overlays, masks[lesions])
assert apart < 1e-3
assert np.allclose(closed_form, by_rin, atol=1e-3 * largest)
assert not as_printed or np.allclose(dice, of_rin, rtol=0, atol=1e-6)
top = np.argsort(dice)[::-1][:2]
best = lesions[top]
figure, row_of_axes = plt.subplots(1, 4, figsize=(4.9, 1.5))
for ax, shown, place in zip(
    row_of_axes, [*images[best], *overlays[top]], [*best, *best], strict=True
):
    ax.imshow(shown, cmap="gray", vmin=0, vmax=255)
    ax.contour(masks[place] > 0, [0.5], colors="#00E5FF", linewidths=1.2)
    ax.set_axis_off()
picture(
    figure,
    "Figure 1. A map of few cells is a coarse pointer",
    f"The two images with the highest Dice scores and their maps of "
    f"{features.shape[1]} × {features.shape[2]} cells, enlarged to "
    f"{size} × {size} pixels; line: the outlined lesion.",
)

# %% [markdown]
# *Change a line*, say `as_printed = False`, and run all cells:
#
# - a coarser map: `Image.Resampling.BILINEAR` becomes `Image.Resampling.NEAREST`;
# - a lower threshold: `np.rint(large) > THRESHOLD` becomes
#   `np.rint(large) > THRESHOLD / 2`;
# - a constant beside the map: `fit_intercept=False` becomes `fit_intercept=True`; it may take over what
#   all images share, and leave maps without a positive place.
#
# ## 5. Is it better than a blind map?
#
# Every run records such maps while it predicts its test images. A region in the middle of every image
# overlaps with lesions too. (Whether a map depends on the learnt weights at all is tested by randomising
# them layer by layer {cite:p}`adebayo2018`, which is not done here.)

# %%
overlap = live.overlap(marked)
by_scenario = overlap.groupby(["init", "unfreezing", "scenario"])["dice"].mean()
baselines = live.baselines(marked).groupby("baseline")["dice"].mean().dropna()
pd.concat([by_scenario.groupby("init").mean(), baselines]).round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
_, ax = plt.subplots(figsize=(4.9, 3))
sns.stripplot(
    by_scenario.reset_index(),
    x="dice",
    y=by_scenario.index.get_level_values("unfreezing").str.replace("_", " "),
    hue="init",
    palette=INIT_COLORS,
    dodge=True,
    ax=ax,
)
for name, score in baselines.items():
    ax.axvline(score, color="0.5", linestyle=":")
    ax.text(score, -0.55, name, rotation=20)
ax.set(xlabel="Mean Dice score of a scenario (0–1)", ylabel="")
sns.move_legend(
    ax, "upper center", bbox_to_anchor=(0.4, -0.2), ncols=2, title=""
)
picture(
    ax,
    "Figure 2. Maps beside regions that look at no image",
    f"Mean Dice score of every scenario on {overlap['case_id'].nunique()} test "
    "images with a lesion; dotted: image-blind regions.",
)

# %% [markdown]
# Only a mean above that of every image-blind region says that maps found lesions. [Where the networks
# look](../results/localisation) asks this of the committed run.
#
# ## Summary
#
# - For pooling and one dense layer, Grad-CAM is a product of features and weights.
# - Maps have few cells; a threshold makes regions of them.
# - Score a map beside regions that look at no image, else the score means nothing.
#
# ## Exercises
#
# 1. Which Dice score does a square in the middle of every image reach, half as wide as the image?
#
# <details><summary>Solution</summary>
#
# ```python
# square = np.zeros((size, size), bool)
# square[size // 4 : -(size // 4), size // 4 : -(size // 4)] = True
# both = (square & (masks[lesions] > 0)).sum(axis=(1, 2))
# blind = 2 * both / (square.sum() + (masks[lesions] > 0).sum(axis=(1, 2)))
# assert 0 < blind.mean() < 1
# ```
#
# </details>
#
# 2. Show that the map adds up to the logit, so that it explains all of it.
#
# <details><summary>Solution</summary>
#
# ```python
# logits = np.asarray(head(features))[:, 1]
# assert np.allclose(closed_form.sum(axis=(1, 2)), logits, atol=1e-3)
# ```
#
# </details>
#
# 3. Which threshold gives the highest mean Dice score, and why is it not to be reported?
#
# <details><summary>Solution</summary>
#
# ```python
# marked_lesions, scores_at = masks[lesions] > 0, {}
# for threshold in range(16, 256, 16):
#     above = overlays > threshold
#     shared = (above & marked_lesions).sum(axis=(1, 2))
#     sizes = above.sum(axis=(1, 2)) + marked_lesions.sum(axis=(1, 2))
#     scores_at[threshold] = (2 * shared / sizes).mean()
# chosen = max(scores_at, key=scores_at.get)
# assert scores_at[chosen] >= max(scores_at[128], scores_at[16])
# ```
#
# It was chosen on the images on which it is measured.
#
# </details>
#
# This page runs in less than a minute after *Fine-tuning*:
# `rin run notebooks/pipeline/gradcam.py -p profile=demo`.
