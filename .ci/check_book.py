"""Check the built book: computed values stand in its pages, and it opens without a network.

Every value that the prose of a notebook shows is read from the computed notebook, as it was glued,
and looked for in the HTML of the same page.  The mean areas of each task's fine-tuning page are
computed once more, by scikit-learn from the predictions in the ledger.
"""

import argparse
import html
import json
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import jupytext
import pandas as pd
from sklearn.metrics import roc_auc_score

from rin.report.book import external_resources
from rin.report.chapters import Outline, Page, outline_of, pages
from rin.study import open_study, task_inputs
from rin.study.plan import plan_runs

ROOT = Path(__file__).resolve().parents[1]

# Notebooks that show no image, or tell the provenance of each dataset in a table.
WITHOUT_BANNER = {
    *("how_built", "study_design", "data_status", "replications"),
    *("worked_areas", "worked_overlap", "coverage", "tests_alone"),
    *("audit", "discrepancies"),
}
# Shows the run on real images that comes with the book, whatever this one was computed from.
ALWAYS_REAL = {"reference_run"}
MEAN_AREAS = "fine_tuning"
ROLE = re.compile(r"\{glue:text\}`(\w+):?([^`]*)`")


@dataclass(frozen=True)
class Built:
    """Where a built book and its ledger lie, and what its pages must say.

    `provenances` are those that a banner may name, `grids` the ids of each task's runs.
    """

    notebooks: Path
    html: Path
    ledger: Path
    provenances: tuple[str, ...]
    grids: Mapping[str, Collection[str]]


def glued_texts(notebook: Path) -> dict[str, str]:
    """Return the plain text of every value that a computed notebook has glued."""
    found = {}
    for cell in _cells(notebook):
        for output in cell.get("outputs", []):
            key = output.get("metadata", {}).get("scrapbook", {}).get("name")
            texts = output.get("data", {})
            plain = texts.get("application/papermill.record/text/plain", texts.get("text/plain"))
            if key and plain is not None:
                found[key] = "".join(plain).strip("'\"")
    return found


def expected_keys(source: str) -> tuple[str, ...]:
    """Return the keys that the prose of a py:percent notebook shows."""
    cells = jupytext.read(ROOT / "notebooks" / f"{source}.py").cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return tuple(dict.fromkeys(key for key, _ in ROLE.findall("\n".join(prose))))


def shown_roles(notebook: Path) -> list[tuple[str, str]]:
    """Return (key, format) of each glued text of a notebook's prose, in order."""
    prose = ["".join(c["source"]) for c in _cells(notebook) if c["cell_type"] == "markdown"]
    return ROLE.findall("\n".join(prose))


def shown_texts(page: str) -> list[str]:
    """Return the texts that a built page shows for its glued values, in order."""
    spans = re.findall(r'(?s)<span class="pasted-text">(.*?)</span>', page)
    return [re.sub(r"\s+", " ", html.unescape(span)).strip() for span in spans]


def as_shown(value: str, form: str) -> str:
    """Return a glued value as the prose is to show it: a number in its format, a text as it is."""
    return f"{float(value):{form}}" if form else value


def check_values(name: str, keys: tuple[str, ...], notebook: Path, page: str) -> list[str]:
    """Return the complaints about the glued values of one page."""
    glued, roles, shown = glued_texts(notebook), shown_roles(notebook), shown_texts(page)
    complaints = [f"{name}: nothing glued as {key!r}" for key in keys if key not in glued]
    unseen = set(keys) - {key for key, _ in roles}
    complaints += [f"{name}: {key!r} is not in the prose" for key in sorted(unseen)]
    if len(shown) != len(roles):
        return [*complaints, f"{name}: {len(shown)} values shown, {len(roles)} in the prose"]
    for (key, form), text in zip(roles, shown, strict=True):
        if key in glued and text != as_shown(glued[key], form):
            complaints.append(f"{name}: {key} = {glued[key]} is shown as {text!r}")
        if re.fullmatch(r"[+-]?(nan|inf)|", text):
            complaints.append(f"{name}: {key} is shown as {text!r}")
    return complaints


def check_page(page: Page, keys: tuple[str, ...], built: Built) -> list[str]:
    """Return the complaints about one page, which must show the values of some keys."""
    name = page.output.removesuffix(".ipynb")
    notebook, path = built.notebooks / f"{name}.ipynb", built.html / "notebooks" / f"{name}.html"
    missing = [file.name for file in (notebook, path) if not file.is_file()]
    if missing:
        return [f"{name}: no {file}" for file in missing]
    text = path.read_text(encoding="utf-8")
    source = page.chapter.source
    complaints = check_values(name, keys, notebook, text)
    kinds = ("real",) if source in ALWAYS_REAL else built.provenances
    banners = [f"rin-provenance rin-{kind}" in text for kind in kinds]
    if source not in WITHOUT_BANNER and not any(banners):
        told = " or ".join(kinds)
        complaints.append(f"{name}: does not say that its images are {told}")
    if page.heading and html.escape(page.heading, quote=False) not in html.unescape(text):
        complaints.append(f"{name}: is not headed {page.heading!r}")
    if "Traceback (most recent call last)" in text:
        complaints.append(f"{name}: shows a traceback")
    if re.search(r"\d+/\d+ \[\d\d:\d\d<", html.unescape(text)):
        complaints.append(f"{name}: shows a progress bar")
    return complaints


def ledger_areas(ledger: Path, run_ids: Collection[str]) -> tuple[int, dict[str, float]]:
    """Return how many of some runs are finished and, per init, the mean test area over scenarios.

    Each area is scikit-learn's; folds are averaged first.
    """
    rows = []
    for folder in (ledger / run_id for run_id in run_ids):
        if not (folder / "done.json").is_file():
            continue
        run = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        table = pd.read_parquet(folder / "predictions.parquet")
        test = table[table["part"] == "test"]
        named = {key: run[key] for key in ("scenario", "init", "fold")}
        rows.append(named | {"area": roc_auc_score(test["label"], test["score"])})
    runs = pd.DataFrame(rows, columns=["scenario", "init", "fold", "area"])
    scenarios = runs.groupby(["init", "scenario"])["area"].mean()
    return len(runs), scenarios.groupby("init").mean().to_dict()


def check_areas(task: str, built: Built, tolerance: float = 1e-9) -> list[str]:
    """Return the complaints about the mean areas of a task's fine-tuning page."""
    name = f"{task}_{MEAN_AREAS}"
    notebook = built.notebooks / f"{name}.ipynb"
    if not notebook.is_file():
        return []
    glued = glued_texts(notebook)
    count, areas = ledger_areas(built.ledger, built.grids[task])
    complaints = []
    if str(count) != glued.get("n_runs"):
        complaints.append(f"{name}: n_runs = {glued.get('n_runs')}, the ledger has {count}")
    for letter in "ab":
        init, mean = glued.get(f"name_{letter}", ""), glued.get(f"mean_{letter}", "nan")
        area = areas.get(init, float("nan"))
        if not abs(float(mean) - area) <= tolerance:
            complaints.append(f"{name}: mean area of {init} is {mean}, recomputed {area}")
    return complaints


def check_book(outline: Outline, built: Built) -> list[str]:
    """Return every complaint about a built book."""
    complaints = []
    for page in pages(outline):
        complaints += check_page(page, expected_keys(page.chapter.source), built)
    complaints += [line for task in outline.tasks for line in check_areas(task, built)]
    return complaints + [
        f"{found.page} loads {found.url} ({found.element})"
        for found in external_resources(built.html)
    ]


def main() -> int:
    """Print each complaint and how much was checked; return the exit status."""
    parser = argparse.ArgumentParser(description="Check the built book.")
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--data-root", default="")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--provenance", nargs="+", default=["stand-in"])
    chosen = parser.parse_args()
    study = open_study(chosen.profile, data_root=chosen.data_root, results=chosen.results)
    outline = outline_of(study)
    built = Built(
        ROOT / "book" / "notebooks",
        ROOT / "_build" / "html",
        study.runs.folder,
        tuple(chosen.provenance),
        {
            task: {r.run_id for r in plan_runs(study, task_inputs(study, task))}
            for task in outline.tasks
        },
    )
    complaints = check_book(outline, built)
    for line in complaints:
        print(f"FAILED {line}")
    made = [expected_keys(page.chapter.source) for page in pages(outline)]
    checked = f"{len(made)} pages, {sum(map(len, made))} values checked"
    print(f"book: {checked}, {len(complaints)} complaints")
    return bool(complaints)


def _cells(notebook: Path) -> list[dict]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


if __name__ == "__main__":
    sys.exit(main())
