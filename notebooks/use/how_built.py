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
# # How this book was built, and references
#
# *Answers* from which profile, runs, computers and images the numbers of this book come. *Needs*
# the results folder of the book. *Takes* seconds: `rin run notebooks/use/how_built.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
import yaml
from IPython.display import Markdown

from rin.report.format import book_table
from rin.report.words_of_studies import where_results_come_from
from rin.study import open_runs
from rin.study.reference import load_reference, reference_names

runs = open_runs(profile, data_root=data_root, results=results)
workspace = runs.workspace
# The page of a side study shows the latest of these that keeps it.
kept = {
    f"Reference run “{name}”": load_reference(name).facts
    for name in (reference_names() if runs.reference else ())
}

# %% [markdown]
# ## Time
#
# Each finished run leaves a record, `done.json`, in the results folder. The seconds are those of
# the process that trained, without compiling; several processes ran side by side.

# %%
records = pd.DataFrame(
    [
        {"Stage": stage} | ledger.done(done.parent.name)
        for stage, ledger in {
            "pretraining": workspace.weights,
            "fine-tuning": workspace.fine_tuning_ledger,
        }.items()
        for done in sorted(ledger.folder.glob("[!.]*/done.json"))
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
work = records.groupby("Stage", sort=False, as_index=False).agg(
    Runs=("seconds", "size"),
    seconds=("seconds", "sum"),
    last=("finished", "max"),
)

# %%
of_references = [
    {
        "Run": run,
        "Stage": stage,
        "Runs": of_stage.runs,
        "seconds": of_stage.seconds,
        "last": facts.last_finished,
    }
    for run, facts in kept.items()
    for stage, of_stage in facts.work.items()
]
of_this = work.assign(Run="This profile").to_dict("records")
times = pd.DataFrame([*of_references, *of_this])
times["Minutes"] = (times["seconds"] / 60).map("{:.0f}".format)
times["Last finished"] = [
    f"{when:%Y-%m-%d}" for when in pd.to_datetime(times["last"])
]
shown = times[["Run", "Stage", "Runs", "Minutes", "Last finished"]]
book_table(shown, "Work of the training processes", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
here = sum(runs.origin(task) == "own" for task in runs.tasks)
computers = records["computer"].dropna().unique()
made_on = dict.fromkeys(facts.hardware.text for facts in kept.values())
Markdown(f"""
This book shows the profile {workspace.profile.name}.
{where_results_come_from(here, len(runs.tasks), computers, made_on)}
""")

# %% [markdown]
# ## Software

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
installed = records["software"].dropna().drop_duplicates()
versions = {
    f"Own runs {number}" if len(installed) > 1 else "Own runs": dict(
        package.rsplit(" ", 1) for package in text.split(", ")
    )
    for number, text in enumerate(installed, start=1)
}
for run, facts in kept.items():
    versions[run] = {"Python": facts.python} | facts.packages
book_table(
    pd.DataFrame(versions).fillna("–"),
    "Versions, as recorded by the runs",
    prose=True,
)

# %% [markdown]
# ## Images
#
# A digest covers ids, labels, pixels and masks, so equal digests mean equal images.

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
images = {task: runs.facts(task) for task in runs.tasks}
rows = [
    (
        task,
        facts.dataset.name,
        facts.kind,
        f"{facts.dataset.used:,} of {facts.dataset.available:,}",
        facts.dataset.digest[:12],
    )
    for task, facts in images.items()
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

# %% jupyter={"source_hidden": true} tags=["hide-input"]
settings = workspace.profile.model_dump(
    exclude_none=True, exclude_defaults=True
)
Markdown(f"```yaml\n{yaml.safe_dump(settings, sort_keys=False)}```")

# %% [markdown]
# ## References
#
# ```{bibliography}
# :cited:
# ```
