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
# # How this book was built
#
# **What this page answers.** From which profile, images, weights and software do the numbers of
# this book come, and how long did they take?
#
# Command: `make book`. This page reads the ledger, in seconds.

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd
import yaml
from IPython.display import Markdown

from rin.report.glued import glue_values
from rin.report.provenance import hardware, versions
from rin.report.tables import book_table
from rin.study import open_study, pretrained, run_records, task_inputs
from rin.study.corpora import find_corpus

study = open_study(profile, data_root=data_root, results=results)
weights = pretrained(study)
inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
records = pd.concat([run_records(study, one) for one in inputs.values()])

# %% [markdown]
# ## Images

# %% tags=["hide-input"]
datasets = {one.manifest.name: one.dataset for one in inputs.values()}
own = weights.reindex(columns=["corpus", "finished", "seconds"])
datasets |= {name: find_corpus(study, name) for name in own["corpus"].unique()}
rows = [
    (d.manifest.title, d.provenance, d.location, len(d.cases), d.digest[:16])
    for d in datasets.values()
]
book_table(
    pd.DataFrame(rows, columns=["Dataset", "Provenance", "Location", "Images", "Digest"]),
    "Every dataset that was read",
    prose=True,
)

# %% [markdown]
# ## Weights

# %% tags=["hide-input"]
columns = ["init", "backbone", "provenance", "images", "epochs", "top1", "run_id"]
shown = weights.reindex(columns=columns).round({"top1": 3}).astype(str)
book_table(shown, "Weights that were trained here")

# %% [markdown]
# ## Time

# %% tags=["hide-input"]
spans = pd.to_datetime(pd.concat([own["finished"], records["finished"]]))
glue_values(
    n_runs=len(records),
    run_minutes=records["seconds"].sum() / 60,
    pretraining_minutes=own["seconds"].sum() / 60,
    workers=study.profile.execution.workers,
    memory=records["peak_memory_gb"].max(),
    first=f"{spans.min():%Y-%m-%d %H:%M} UTC",
    last=f"{spans.max():%Y-%m-%d %H:%M} UTC",
    hardware=hardware(),
)

# %% [markdown]
# Worker time: {glue:text}`pretraining_minutes:.1f` minutes of pretraining and
# {glue:text}`run_minutes:.1f` minutes for {glue:text}`n_runs` fine-tuning runs, shared by
# {glue:text}`workers` workers, compiling excluded. The largest worker held
# {glue:text}`memory:.1f` GB. The first result in the ledger was finished on {glue:text}`first`, the
# last on {glue:text}`last`. This page was computed on {glue:text}`hardware`.
#
# ## Software

# %% tags=["hide-input"]
book_table(versions().to_frame(), "Versions")

# %% [markdown]
# ## Profile

# %% tags=["hide-input"]
settings = yaml.safe_dump(study.profile.model_dump(), sort_keys=False)
Markdown(f"```yaml\n{settings}```")
