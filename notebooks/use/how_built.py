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
# # How this book was built, and references

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import json

import pandas as pd
import yaml
from IPython.display import Markdown

from rin.report.format import book_table
from rin.report.page import glue_values
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
study, reference = runs.study, runs.reference

# %% [markdown]
# Every number of this book comes from one profile, {glue:text}`profile_name`, and from runs whose
# records say what they read, where they ran and how long they took. Results shown:
# {glue:text}`shown`.
#
# ## Time
#
# Each finished run leaves a record, `done.json`, in the results folder. The seconds are those of
# the process that trained, without compiling; runs of several processes went side by side.

# %%
records = pd.DataFrame(
    [
        {"Stage": stage} | json.loads(done.read_text(encoding="utf-8"))
        for stage, ledger in {
            "pretraining": study.weights,
            "fine-tuning": study.runs,
        }.items()
        for done in sorted(ledger.folder.glob("*/done.json"))
    ],
    columns=[
        "Stage",
        "seconds",
        "peak_memory_gb",
        "finished",
        "computer",
        "software",
    ],
)
own = records.groupby("Stage", sort=False).agg(
    Runs=("seconds", "size"),
    seconds=("seconds", "sum"),
    last=("finished", "max"),
)
own.insert(0, "Run", "this profile")

# %%
facts = reference.facts if reference else None
kept = pd.DataFrame(columns=own.columns)
if facts:
    work = {stage: one.model_dump() for stage, one in facts.work.items()}
    kept = pd.DataFrame.from_dict(work, orient="index").rename(
        columns={"runs": "Runs"}
    )
    kept = kept.assign(Run="reference run", last=facts.last_finished)
times = pd.concat([kept, own]) if len(own) else kept
times["Minutes"] = (times["seconds"] / 60).map("{:.0f}".format)
times["Last finished"] = [
    f"{when:%Y-%m-%d}" for when in pd.to_datetime(times["last"])
]
times = times.rename_axis("Stage").reset_index()[
    ["Run", "Stage", "Runs", "Minutes", "Last finished"]
]
book_table(times, "Work of the training processes", prose=True)

# %% tags=["hide-input"]
computers = records["computer"].dropna().unique().tolist()
own_tasks = sum(runs.origin(task) == "own" for task in runs.tasks)
from_reference = len(runs.tasks) - own_tasks
glue_values(
    profile_name=study.profile.name,
    shown=f"{own_tasks} tasks from runs of this computer, {from_reference} from the reference run",
    own_computer="; ".join(computers) or "a computer that is not recorded",
    reference_computer=facts.hardware.text
    if facts
    else "no reference run is shown",
)

# %% [markdown]
# Computer of this profile's runs: {glue:text}`own_computer`. Of the reference run:
# {glue:text}`reference_computer`. The statistics of the reference run are computed anew, from its
# per-case predictions, each time the book is built.
#
# ## Software

# %%
installed = records["software"].dropna().drop_duplicates()
versions = {
    f"Own runs {number}" if len(installed) > 1 else "Own runs": dict(
        one.rsplit(" ", 1) for one in text.split(", ")
    )
    for number, text in enumerate(installed, start=1)
}
if facts:
    versions["Reference run"] = {"Python": facts.python} | facts.packages
book_table(
    pd.DataFrame(versions).fillna("–"),
    "Versions, as recorded by the runs",
    prose=True,
)

# %% [markdown]
# ## Images
#
# A digest covers ids, labels, pixels and masks, so equal digests mean equal images.

# %%
shown = {task: runs.facts(task).dataset for task in runs.tasks}
rows = [
    (
        task,
        one.name,
        runs.kind(task),
        f"{one.used:,} of {one.available:,}",
        one.digest[:12],
    )
    for task, one in shown.items()
]
book_table(
    pd.DataFrame(
        rows, columns=["Task", "Dataset", "Images are", "Used", "Digest"]
    ),
    "Images behind the results",
    prose=True,
)

# %% [markdown]
# ## Profile

# %% tags=["hide-output"]
settings = study.profile.model_dump(exclude_none=True, exclude_defaults=True)
Markdown(f"```yaml\n{yaml.safe_dump(settings, sort_keys=False)}```")

# %% [markdown]
# ## Run this page
#
# ```console
# rin run notebooks/use/how_built.py -p profile=demo
# ```
#
# With plain tools: `jupytext --to ipynb notebooks/use/how_built.py`, then `papermill
# notebooks/use/how_built.ipynb out.ipynb -p profile demo`. It reads records, in seconds.

# %% [markdown]
# ## References
#
# ```{bibliography}
# :all:
# ```
