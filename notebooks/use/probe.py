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
# # What a weights file wants
#
# A file of pretrained weights works only with inputs scaled as they were in its training. Distributors
# of RadImageNet's weights state different scalings, or none. The file itself gives the answer away:
#
# ```bash
# rin weights probe FILE                        # with stand-in images
# rin weights probe FILE --images my_pictures/  # a folder, a zip archive, or a dataset
# rin weights convert FILE.pt                   # writes FILE.safetensors, needs PyTorch
# ```
#
# The first two read `*_notop.h5`, `.weights.h5` and `.safetensors` (of Keras, PyTorch or MLX) and print
# every candidate with the verdict, the file's layout and release, layers with extreme variances, and
# what distributors state about that file. PyTorch's own files may contain code and are not opened
# there; `convert` reads their tensors alone.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
from dataclasses import replace

import numpy as np
import pandas as pd
from IPython.display import Markdown

from rin import stats
from rin.models import probe
from rin.report.forest import forest
from rin.report.format import book_table
from rin.report.page import claim, picture
from rin.study import open_reference

# %% [markdown]
# ## How a file shows it
#
# Every backbone begins with a convolution and a batch normalisation, which stores a moving mean $m_k$
# and variance $v_k$ of each channel $k$ over the images of pretraining. Sample images run through the
# same kernels under a candidate scaling give $\hat m_k$ and $\hat v_k$. The two are compared by the
# divergence of two Gaussians, averaged over both directions and the $K$ channels:
#
# $$
# D = \frac{1}{4K}\sum_{k=1}^{K}\left[\frac{v_k}{\hat v_k} + \frac{\hat v_k}{v_k} - 2
# + (m_k-\hat m_k)^2\left(\frac{1}{v_k}+\frac{1}{\hat v_k}\right)\right].
# $$
#
# A toy layer of random kernels, whose averages are those of noise scaled to −1…1; other noise of the
# same kind identifies that scaling:

# %%
rng = np.random.default_rng(1)
noise = rng.integers(0, 256, (2, 16, 32, 32), dtype=np.uint8)
empty, kernels = np.zeros(24), rng.normal(size=(3, 3, 3, 24))
layer = probe.FirstLayer("toy", kernels, empty, empty, empty, 1e-3, 1, 0)
scalings = {scaling.name: scaling for scaling in probe.CANDIDATES}
mean, variance = probe.predict(layer, noise[0], scalings["symmetric"])
stored = replace(layer, mean=mean, variance=variance)
toy = probe.score_candidates(stored, noise[1]).set_index("candidate")
pixels = np.array([[0.0] * 3, [255.0] * 3])  # black and white
for name, scaling in scalings.items():
    toy.loc[name, ["black", "white"]] = scaling.apply(pixels).mean(axis=1)
toy[["black", "white", "divergence"]].astype(float).round(2)

# %% [markdown]
# ## Tried where the answer is known
#
# Backbones were pretrained here from random weights under several scalings, all else equal, and probed
# with images of their corpus that no training step used, and with images of other datasets.

# %%
runs = open_reference("open")
measured = runs.probe()
FILE = ["kind", "backbone", "init", "trained_with", "source"]
verdicts = pd.DataFrame(
    {**rows.iloc[0][[*FILE, "seen"]], **probe.judge(rows)}
    for _, rows in measured.groupby(FILE, sort=False)
).query("kind == 'probe'")
truth, verdict = verdicts["trained_with"], verdicts["verdict"]
verdicts["hit"] = verdict == truth
verdicts["wrong"] = verdict.isin([*scalings]) & (verdict != truth)
verdicts.groupby("seen")[["hit", "wrong"]].agg(["sum", "size"])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
tried = measured[measured["kind"] == "probe"]
label = tried["candidate"].map(probe.scaling_of).rename("label")
trained = ("Trained with " + tried["trained_with"]).rename("group")
sizes = np.log10(tried["divergence"]).groupby([trained, label, tried["seen"]])
rows = sizes.agg(estimate="median", ci_low="min", ci_high="max").reset_index()
rows["kind"] = rows["seen"].map({True: "recomputed", False: "published"})
axes = forest(
    rows.assign(note=""), zero=np.log10(probe.LARGEST_DIVERGENCE), legend=False,
    xlabel="Divergence from the stored averages (log scale)",
)  # fmt: skip
axes.set_xticks([-2, 0, 2, 4], ["0.01", "1", "100", "10,000"])
picture(
    axes,
    "Figure 1. On images of its own corpus every file names its scaling",
    "Divergence of each candidate: median and range over files and datasets. "
    "Squares: images of the training corpus; circles: of other datasets. "
    "Right of the line a candidate is said not to fit.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
seen, unseen = verdicts[verdicts["seen"]], verdicts[~verdicts["seen"]]
low, high = stats.share_interval(seen["hit"], range(len(seen)))
wrong = verdicts[verdicts["wrong"]]
claim("all files are named on their own images", bool(seen["hit"].all()))
claim("wrong names come from the thyroid images alone",
      {*wrong["source"]} == {"ddti_crops"})  # fmt: skip
Markdown(f"""
On images of their own corpus all {len(seen)} files are named correctly
(Wilson's 95% interval of the share: {100 * low:.0f} to {100 * high:.0f}%), on
those of other datasets {unseen["hit"].sum()} of {len(unseen)}. A wrong
scaling was named {len(wrong)} times, always with the ultrasound crops of
thyroid nodules. Cases share files and are not independent, and **none of
these files is a released one.**

The verdict is *none fits* where stored and predicted variances do not
correlate, or where even the nearest candidate diverges by more than the line
of the figure; *too close to call* where the second is nearly as near.
`caffe_unit`, `symmetric` and `standardised` spread the same pixels by factors
of about two, so they are confused first. Where several datasets agree, the
verdict is safest.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
missed = verdicts[~verdicts["hit"]].groupby(["trained_with", "source"])
table = missed.agg(
    files=("best", "size"),
    wrong=("wrong", "sum"),
    nearest=("best", lambda best: ", ".join(best.unique())),
).reset_index()
table.columns = ["Trained with", "Probed with", "Files", "Wrong", "Nearest"]
book_table(table, "Files that were not named correctly", prose=True)

# %% [markdown]
# ## What distributors state
#
# Files of the same name do not come from the same training: the ResNet50 of the TensorFlow release and
# that of the PyTorch release have no tensor in common, and their topologies, Keras' and torchvision's,
# differ, so neither's weights give the same features in the other's network. Readers who compared both
# files with their own MRI found that −1 to 1 fits the PyTorch file, and 0 to 1 the TensorFlow file
# better than ImageNet's scaling; their measure does not see a constant shift, as in the official scripts.
# None of these files was loaded here; with them in place, the profile `releases` compares both.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
held = pd.DataFrame([row.model_dump() for row in probe.load_distributions()])
held["stated_preprocessing"] = held["stated_preprocessing"].fillna("none")
keys = ["distributor", "stated_preprocessing", "release"]
listed = held.groupby(keys, sort=False)["backbone"].agg(", ".join).reset_index()
listed.columns = ["Distributor", "Inputs stated", "Training", "Networks"]
book_table(listed, "Who distributes RadImageNet weights", prose=True)

# %% [markdown]
# ## Extreme variances
#
# A user of the PyTorch release reports a layer of DenseNet121 whose running variances lie thousands of
# times apart, and extreme logits ([issue 20](https://github.com/BMEII-AI/RadImageNet/issues/20)).
# `rin weights probe` reports every layer whose largest running variance is more than 1,000 times the
# median of its channels or of all layers; the first layer, whose variances depend on the scale of the
# inputs, is compared with its own channels.
#
# ## Limits
#
# The probe reads the first layer alone: it says nothing about resizing or augmentation, and mistakes a
# scaling that is not among the candidates for the nearest one. Grey images cannot distinguish RGB from
# BGR. VGG19 has no batch normalisation and cannot be probed. For some files pretrained on drawn
# stand-ins the probe names a wrong scaling on real images, without a warning.
#
# This page runs in a quarter of a minute: `rin run notebooks/use/probe.py`.
