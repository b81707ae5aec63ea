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
# # Which preprocessing does a weights file want?
#
# *Answers* whether a file of pretrained weights shows how its inputs were scaled; distributors of
# RadImageNet weights disagree. *Needs* nothing. *Takes* a quarter of a minute:
# `rin run notebooks/evidence/probe.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from dataclasses import replace

import numpy as np
import pandas as pd
from IPython.display import Markdown

from rin import stats
from rin.models import probe
from rin.report import evidence_figures, published
from rin.report import words_of_evidence as words
from rin.study import open_runs, probe_study

runs = open_runs(profile, data_root=data_root, results=results)
workspace = runs.workspace
probed = workspace.profile.probe is not None
if probed:
    probe_study.run_probe(workspace)  # trains the files that are missing
runs = runs.or_reference_with("probe")
published.probe_line(runs)

# %%
measured = runs.probe()
FILE = ["kind", "backbone", "init", "trained_with", "source"]
verdicts = pd.DataFrame(
    {**rows.iloc[0][[*FILE, "seen"]], **probe.judge(rows)}
    for _, rows in measured.groupby(FILE, sort=False)
)
truth, verdict = verdicts["trained_with"], verdicts["verdict"]
verdicts["hit"] = verdict == truth.replace("random", probe.NONE_FITS)
undecided = verdict.isin([probe.NONE_FITS, probe.TOO_CLOSE])
verdicts["wrong"] = ~undecided & (verdict != truth)
tried = verdicts[verdicts["kind"] == "probe"]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
seen, unseen = tried[tried["seen"]], tried[~tried["seen"]]
interval = stats.share_interval(seen["hit"], range(len(seen)))
Markdown(f"""
On images of their own corpus,
{words.files_named(seen["hit"].sum(), len(seen), interval)}; on images of other
datasets, in {unseen["hit"].sum()} of {len(unseen)} cases.
{words.wrong_names(tried["wrong"].sum(), len(tried))} The same files recur with
each of {unseen["source"].nunique()} datasets, so the cases are not independent.
**None of these files is a released one.**
""")

# %% [markdown]
# ## How a file shows it
#
# Every backbone begins with a convolution and a batch normalisation, which stores a
# moving mean $m_k$ and variance $v_k$ of each channel $k$ over the images of
# pretraining. Sample images run through the same kernels under a candidate
# preprocessing give $\hat m_k$ and $\hat v_k$. The two are compared by the divergence of
# two Gaussians, averaged over both directions and the $K$ channels:
#
# $$
# D = \frac{1}{4K}\sum_{k=1}^{K}\left[\frac{v_k}{\hat v_k} + \frac{\hat v_k}{v_k} - 2
# + (m_k-\hat m_k)^2\left(\frac{1}{v_k}+\frac{1}{\hat v_k}\right)\right].
# $$
#
# A toy layer of random kernels, whose averages are those of noise scaled to −1…1; other
# noise of the same kind identifies that preprocessing:

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
# Each backbone was pretrained from random weights under several preprocessings, all
# else equal, and probed with images of its corpus that no training step used, and
# with images of other datasets.

# %%
evidence_figures.divergence_forest(measured[measured["kind"] == "probe"])

# %% [markdown]
# Median and range over files and datasets; squares: images of the training corpus,
# circles: images of other datasets. A candidate to the right of the line is not said
# to fit.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
The verdict is *none fits* where stored and predicted variances do not correlate
over the channels (P of {probe.CHANCE:g} or more), or where the nearest
candidate diverges by more than {probe.LARGEST_DIVERGENCE:.1f}; *too close to
call* where the second diverges by less than {probe.FACTOR:.1f} times as much, a
factor that was chosen on a few files like these.
""")

# %%
published.missed_table(tried[~tried["hit"]])

# %% [markdown]
# `caffe_unit`, `symmetric` and `standardised` spread the same pixels by factors of
# about two, so images of another contrast than those of training can pass for the
# neighbour. A verdict is safest where several datasets agree.
#
# ## Extreme variances
#
# A batch normalisation divides by its running standard deviation. A user of the PyTorch
# release reports a layer of DenseNet121 whose variances lie thousands of times apart, and
# extreme logits in evaluation
# ([issue 20](https://github.com/BMEII-AI/RadImageNet/issues/20)).

# %% jupyter={"source_hidden": true} tags=["hide-input"]
files = probe_study.file_variances(workspace, probed=probed)
Markdown(words.extreme_variances(files))

# %% [markdown]
# ## What distributors state
#
# Files of one name do not come from one training: of ResNet50 the TensorFlow and the PyTorch
# release share no tensor. Readers compared the statistics of both files with their own MRI:
# inputs from −1 to 1 fit the PyTorch file, inputs from 0 to 1 fit the TensorFlow file better than
# ImageNet's scaling or 0 to 255; their measure does not see a constant shift, as in the official
# scripts. The two are also of different topologies, Keras' and torchvision's: one's weights give
# other features in the other's network. The profile `releases` compares both. None of these files
# was loaded here.

# %%
published.distributors_table(probe.load_distributions())

# %% [markdown]
# ## A file of your own
#
# ```bash
# rin weights probe FILE                        # with stand-in images
# rin weights probe FILE --images my_pictures/  # a folder, a zip archive, or a dataset
# rin weights convert FILE.pt                   # writes FILE.safetensors, needs PyTorch
# ```
#
# The first two read `*_notop.h5`, `.weights.h5` and `.safetensors` (of Keras, PyTorch or MLX),
# and print every candidate with the verdict, the file's layout and release, extreme variances,
# and what distributors state about that file. PyTorch's own files may contain code and are not
# opened there; `convert` reads their tensors alone, checks that each of the network's is there
# with its shape, and names every other one.
#
# ## Limits
#
# The probe reads the first layer alone: it says nothing about resizing or
# augmentation, and mistakes a preprocessing that is not among the candidates for the
# nearest one. Grey images cannot distinguish RGB from BGR. VGG19 has no batch
# normalisation and cannot be probed. For some files pretrained on drawn stand-ins the
# probe names a wrong preprocessing on real images, without a warning.
