"""Tables of the page on how the book was built: work, software, images and settings."""

from html import escape

import pandas as pd
import yaml
from IPython.display import HTML
from pandas.io.formats.style import Styler

from rin.report import study_tables
from rin.report.format import book_table
from rin.report.words_of_studies import where_results_come_from
from rin.study.opened import RunFacts
from rin.study.results import Results

_RECORDED = ["Stage", "seconds", "peak_memory_gb", "finished", "computer", "software"]


def _kept(runs: Results) -> dict[str, RunFacts]:
    """Return the facts of a book's reference run by what tables call it; none without one."""
    facts = [runs.reference.facts] if runs.reference else []
    return {f"Reference run “{run.name}”": run for run in facts}


def _records(runs: Results) -> pd.DataFrame:
    """Return the records of a profile's own finished runs, one row per run."""
    ledgers = {
        "pretraining": runs.workspace.weights,
        "fine-tuning": runs.workspace.fine_tuning_ledger,
    }
    rows = [
        {"Stage": stage} | ledger.done(run_id)
        for stage, ledger in ledgers.items()
        for run_id in ledger.finished()
    ]
    return pd.DataFrame(rows, columns=_RECORDED)


def work_table(runs: Results) -> Styler:
    """Return a table of the time that trainings took, of the reference run and this profile."""
    of_reference = [
        {
            "Run": run,
            "Stage": stage,
            "Runs": of_stage.runs,
            "seconds": of_stage.seconds,
            "last": facts.last_finished,
        }
        for run, facts in _kept(runs).items()
        for stage, of_stage in facts.work.items()
    ]
    by_stage = _records(runs).groupby("Stage", sort=False, as_index=False)
    work = by_stage.agg(
        Runs=("seconds", "size"), seconds=("seconds", "sum"), last=("finished", "max")
    )
    of_this = work.assign(Run="This profile").to_dict("records")
    times = pd.DataFrame([*of_reference, *of_this])
    times["Minutes"] = (times["seconds"] / 60).map("{:.0f}".format)
    times["Last finished"] = [f"{when:%Y-%m-%d}" for when in pd.to_datetime(times["last"])]
    shown = times[["Run", "Stage", "Runs", "Minutes", "Last finished"]]
    return book_table(shown, "Work of the training processes", prose=True)


def in_words(runs: Results) -> str:
    """Return sentences on the profile that a book shows, and where its results were computed."""
    here = sum(runs.origin(task) == "own" for task in runs.tasks)
    computers = _records(runs)["computer"].dropna().unique()
    made_on = study_tables.computers(runs.reference.facts) if runs.reference else ""
    return (
        f"This book shows the profile {runs.workspace.profile.name}. "
        f"{where_results_come_from(here, len(runs.tasks), computers, made_on)}"
    )


def versions_table(runs: Results) -> Styler:
    """Return a table of the versions of all software, as the runs recorded them."""
    installed = _records(runs)["software"].dropna().drop_duplicates()
    versions = {
        f"Own runs {number}" if len(installed) > 1 else "Own runs": dict(
            package.rsplit(" ", 1) for package in text.split(", ")
        )
        for number, text in enumerate(installed, start=1)
    }
    for run, facts in _kept(runs).items():
        versions[run] = {"Python": facts.python} | facts.packages
    table = pd.DataFrame(versions).fillna("–")
    return book_table(table, "Versions, as recorded by the runs", prose=True)


def images_table(runs: Results) -> Styler:
    """Return a table of each task's dataset: how many images were used, and its digest."""
    rows = []
    for task in runs.tasks:
        facts, data = runs.facts(task), runs.facts(task).dataset
        used = f"{data.used:,} of {data.available:,}"
        rows.append((task, data.name, facts.kind, used, data.digest[:12]))
    columns = ["Task", "Dataset", "Images are", "Used", "Digest"]
    return book_table(pd.DataFrame(rows, columns=columns), "Images behind the results", prose=True)


def settings(runs: Results) -> HTML:
    """Return the settings of a profile that differ from the defaults, as YAML that unfolds."""
    profile = runs.workspace.profile
    changed = profile.model_dump(exclude_none=True, exclude_defaults=True)
    text = escape(yaml.safe_dump(changed, sort_keys=False))
    summary = f"Settings of the profile {escape(profile.name)}"
    return HTML(f"<details><summary>{summary}</summary><pre>{text}</pre></details>")
