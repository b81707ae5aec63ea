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
from statsmodels.stats.proportion import proportion_confint

from rin.data.manifest import load_manifest
from rin.models.preprocessing import PREPROCESSING
from rin.models.probe import (
    CANDIDATES,
    CHANCE,
    FACTOR,
    LARGEST_DIVERGENCE,
    NONE_FITS,
    TOO_CLOSE,
    FirstLayer,
    judge,
    load_distributions,
    predict,
    scaling_of,
    score_candidates,
)
from rin.report.banner import pretraining_banner, reference_banner
from rin.report.forest import forest
from rin.report.format import book_table, listed
from rin.report.page import picture
from rin.report.style import use_style
from rin.study import open_reference, open_runs
from rin.study.probe_study import run_probe

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
probed = runs.study.profile.probe is not None
if probed:
    run_probe(runs.study)  # trains the files that are missing
else:
    runs = open_reference(keeping=["probe"])
pretraining_banner(runs) if probed else reference_banner(runs.reference)

# %%
measured = runs.probe()
FILE = ["kind", "backbone", "init", "trained_with", "source"]
verdicts = pd.DataFrame(
    {**rows.iloc[0][[*FILE, "seen"]], **judge(rows)}
    for _, rows in measured.groupby(FILE, sort=False)
)
truth, verdict = verdicts["trained_with"], verdicts["verdict"]
verdicts["hit"] = verdict == truth.replace("random", NONE_FITS)
undecided = verdict.isin([NONE_FITS, TOO_CLOSE])
verdicts["wrong"] = ~undecided & (verdict != truth)

# %%
tried = verdicts[verdicts["kind"] == "probe"]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
seen, unseen = tried[tried["seen"]], tried[~tried["seen"]]
low, high = proportion_confint(seen["hit"].sum(), len(seen), method="wilson")
distributions = load_distributions()
Markdown(f"""
On images of their own corpus, the correct preprocessing was named for
{seen["hit"].sum()} of {len(seen)} files pretrained here (Wilson's 95% interval
of the share: {100 * low:.0f} to {100 * high:.0f}%); on images of other
datasets, in {unseen["hit"].sum()} of {len(unseen)} cases. A wrong one was named
in {tried["wrong"].sum() or "none"} of the {len(tried)} cases. The same files
recur with each of {unseen["source"].nunique()} datasets, so the cases are not
independent. **None of these files is a released one**; the command that probes
one is at the end of this page.
""")

# %% [markdown]
# ## How a file shows it
#
# Every backbone of the study begins with a convolution and a batch normalisation,
# which stores a moving mean $m_k$ and variance $v_k$ of each channel $k$ over the
# images of pretraining. Sample images run through the same kernels under a
# candidate preprocessing give $\hat m_k$ and $\hat v_k$. The two are compared by the
# divergence of two Gaussians, averaged over both directions and the $K$ channels:
#
# $$
# D = \frac{1}{4K}\sum_{k=1}^{K}\left[\frac{v_k}{\hat v_k} + \frac{\hat v_k}{v_k} - 2
# + (m_k-\hat m_k)^2\left(\frac{1}{v_k}+\frac{1}{\hat v_k}\right)\right].
# $$
#
# A toy layer shows it: its kernels are random and its averages are those of noise
# scaled to −1…1. Other noise of the same kind identifies that preprocessing:

# %%
rng = np.random.default_rng(1)
noise = rng.integers(0, 256, (2, 16, 32, 32), dtype=np.uint8)
empty = np.zeros(24)
kernels = rng.normal(size=(3, 3, 3, 24))
layer = FirstLayer("toy", kernels, empty, empty, empty, 1e-3, 1, 0)

mean, variance = predict(layer, noise[0], PREPROCESSING["symmetric"])
stored = replace(layer, mean=mean, variance=variance)
toy = score_candidates(stored, noise[1]).set_index("candidate")
toy[["divergence", "contrast"]].round(3)

# %% [markdown]
# The candidates, and the values that each gives a black and a white pixel:

# %%
scales = pd.DataFrame(
    [
        (
            candidate.name,
            *candidate.apply(np.array([[0.0] * 3, [255.0] * 3])).mean(axis=1),
        )
        for candidate in CANDIDATES
    ],
    columns=["candidate", "black", "white"],
)
scales.set_index("candidate").round(2)

# %% [markdown]
# ## Tried where the answer is known
#
# Each backbone was pretrained from random weights under several preprocessings, all
# else equal. Then each file was probed with images of its corpus that no training
# step used, and with images of other datasets.

# %%
made = measured[measured["kind"] == "probe"]
candidate = made["candidate"].map(scaling_of).rename("label")
divergence = np.log10(made["divergence"]).groupby(
    ["Trained with " + made["trained_with"], candidate, made["seen"]]
)
spread = divergence.agg(estimate="median", ci_low="min", ci_high="max")
spread = spread.reset_index(names=["group", "label", "seen"]).assign(note="")
spread["kind"] = spread["seen"].map({True: "recomputed", False: "published"})

# %%
axes = forest(
    spread, zero=np.log10(LARGEST_DIVERGENCE), legend=False,
    xlabel="Divergence from the stored averages (log scale)",
)  # fmt: skip
axes.set_xticks([-2, 0, 2, 4], ["0.01", "1", "100", "10,000"])
picture(axes, "Divergence of each candidate, by the preprocessing of training")

# %% [markdown]
# Median and range over files and datasets; squares: images of the training corpus,
# circles: images of other datasets. A candidate to the right of the line is not said
# to fit.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
The verdict is *none fits* where stored and predicted variances do not correlate
over the channels (P of {CHANCE:g} or more), or where the nearest candidate
diverges by more than {LARGEST_DIVERGENCE:.1f}. It is *too close to call* where
the second candidate diverges by less than {FACTOR:.1f} times as much. That
factor was chosen on a few files like these, so the counts above are no
independent test of it.
""")

# %%
missed = tried[~tried["hit"]].groupby(
    ["trained_with", "source"], as_index=False
)
missed = missed.agg(
    files=("backbone", "size"),
    wrong=("wrong", "sum"),
    nearest=("best", lambda best: listed(best.unique())),
)
missed["source"] = [load_manifest(name).title for name in missed["source"]]
missed.columns = ["Trained with", "Probed with", "Files", "Wrong", "Nearest"]
book_table(missed, "Files that were not named correctly", prose=True)

# %% [markdown]
# `caffe_unit`, `symmetric` and `standardised` spread the same pixels by factors of
# about two, so images with more or less contrast than those of training can pass
# for the neighbour. A verdict is safest where several datasets agree and the probed
# images look like those of training.
#
# ## What distributors state
#
# Files of one name do not come from one training: of ResNet50 the TensorFlow and the PyTorch
# release share no tensor. Readers compared the statistics that these two files keep
# with those of their own MRI: inputs from −1 to 1 fit the PyTorch file, and inputs
# from 0 to 1 fit the TensorFlow file better than ImageNet's scaling or 0 to 255;
# their measure does not see a constant shift, as in the official scripts. None of
# these files was loaded here.

# %%
held = pd.DataFrame([held.model_dump() for held in distributions])
held["stated_preprocessing"] = held["stated_preprocessing"].fillna("none")
keys = ["distributor", "stated_preprocessing", "release"]
held = held.groupby(keys, sort=False)["backbone"].agg(", ".join).reset_index()
held.columns = ["Distributor", "Inputs stated", "Training", "Networks"]
book_table(held, "Who distributes RadImageNet weights", prose=True)

# %% [markdown]
# ## A file of your own
#
# ```bash
# rin weights probe FILE                        # with stand-in images
# rin weights probe FILE --images my_pictures/  # a folder, a zip archive, or a dataset
# ```
#
# The command reads `*_notop.h5`, `.weights.h5` and `.safetensors`, identifies the
# backbone, and prints every candidate with the verdict and with what known
# distributors state about that file. PyTorch files are not opened, because they
# may contain code.
#
# ## Limits
#
# The probe reads the first layer alone: it says nothing about resizing or
# augmentation, and mistakes a preprocessing that is not among the candidates for the
# nearest one. Grey images cannot distinguish RGB from BGR. VGG19 has no batch
# normalisation and cannot be probed. For some files pretrained on drawn stand-ins the
# probe names a wrong preprocessing on real images, without a warning.
