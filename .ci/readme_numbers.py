"""Renew the numbers that the book keeps of the reference runs, after a change of one.

They are the table of analyses that the cover shows, and the table of the README.  Tests fail if
either differs from the runs.
"""

import re
from pathlib import Path

import pandas as pd

from rin.report.analyses import PAPERS, analyses
from rin.report.figures import task_names
from rin.report.format import format_estimate
from rin.report.tables import verdict_table
from rin.stats import init_differences
from rin.study import open_reference
from rin.study.results import Results

ROOT = Path(__file__).resolve().parents[1]
README, ANALYSES = ROOT / "README.md", ROOT / "book" / "reference_runs" / "analyses.csv"
BEGIN, END = "<!-- table: .ci/readme_numbers.py -->", "<!-- end of table -->"


def table_of(runs: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the table: the cover's, with the difference of each of three questions."""
    networks = init_differences(runs.predictions(), *runs.inits)
    first = rows[rows["analysis"] == PAPERS]
    table = verdict_table(first, task_names(runs.titles), runs.inits)
    questions = {
        PAPERS: first,
        "Backbones like these eight": rows[rows["analysis"] == "All eight backbones"],
        "These networks": networks[networks["group"] == "all"],
    }
    for place, (name, answers) in enumerate(questions.items(), start=3):
        stars = answers["p_holm"].lt(0.05).map({True: "*", False: ""})
        cells = (format_estimate(answers, unit="points") + stars).set_axis(answers["task"])
        table.insert(place, name, cells.loc[first["task"]].to_list())
    return table.drop(columns=["AUC points (95% CI)", "P"])


def renewed(text: str, table: pd.DataFrame) -> str:
    """Return the README with the table renewed."""
    rows = [[*table.columns], ["---"] * len(table.columns), *table.to_numpy().tolist()]
    made = "\n".join([BEGIN, *(f"| {' | '.join(row)} |" for row in rows), END])
    text, found = re.subn(f"(?s){BEGIN}.*?{END}", lambda _: made, text)
    if found != 1:
        raise SystemExit(f"{README.name}: {found} tables, not 1")
    return text


if __name__ == "__main__":
    runs = open_reference()
    rows = analyses(runs, open_reference("fine_tuned_224"))
    rows.to_csv(ANALYSES, index=False, float_format="%.9g", lineterminator="\n")
    text = README.read_text(encoding="utf-8")
    README.write_text(renewed(text, table_of(runs, rows)), encoding="utf-8")
