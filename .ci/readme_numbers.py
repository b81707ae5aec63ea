"""Renew the numbers that the book keeps of the reference runs, after a change of one.

They are the table of analyses that the cover shows, the table of the README, and `evidence.csv`,
in which the paper's differences, those of others and ours stand together.  Tests fail if one of
them differs from the runs.
"""

import re
from pathlib import Path

import pandas as pd

from rin.evidence import paper
from rin.evidence.replications import POINTS, like_for_like
from rin.report.analyses import PAPERS, analyses
from rin.report.figures import task_names
from rin.report.format import format_estimate, format_p
from rin.report.tables import verdict_table
from rin.stats import init_differences
from rin.study import open_reference
from rin.study.results import Results

ROOT = Path(__file__).resolve().parents[1]
README, ANALYSES = ROOT / "README.md", ROOT / "book" / "reference_runs" / "analyses.csv"
EVIDENCE = ROOT / "book" / "evidence.csv"
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


def evidence_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of the paper, of others and of our runs, in AUC points (0 to 100).

    One row per comparison: `source` (a study, or `this run`), `analysis`, `data`, `tasks` of the
    paper, `metric`, the means `from_radiologic` and `from_photographs` (0 to 1), `estimate` with
    `ci_low` and `ci_high` (95%), `p` as printed or adjusted, and `stated_in`.
    """
    arms = {"radimagenet": "from_radiologic", "imagenet": "from_photographs"}
    stated = pd.DataFrame(map(vars, paper.COMPARISONS.values()))
    stated = stated.rename(columns={f"auc_{arm}": name for arm, name in arms.items()})
    stated = stated.rename(columns={"title": "data", "p_text": "p", "place": "stated_in"})
    stated = stated.assign(source="the paper", analysis="24 scenarios", metric="AUC")
    others = like_for_like(POINTS).rename(columns=arms | {"setting": "analysis"})
    scale = others["metric"].map(POINTS) / 100
    others[[*arms.values()]] = others[[*arms.values()]].mul(scale, axis=0)
    others["metric"] = others["metric"].str.removesuffix(" × 100")
    named = {"study": "source", "source_p": "p", "place": "stated_in"}
    others = others.drop(columns="tasks").rename(columns=named)
    ours = rows.rename(columns={"auc_a": "from_radiologic", "auc_b": "from_photographs"})
    ours = ours.assign(source="this run", metric="AUC", data="open images")
    ours["p"] = rows["p_holm"].map(format_p)
    ours[["estimate", "ci_low", "ci_high"]] *= 100
    every = pd.concat([stated, others, ours]).rename(columns={"task": "tasks"})
    columns = ["source", "analysis", "data", "tasks", "metric", *arms.values()]
    return every[[*columns, "estimate", "ci_low", "ci_high", "p", "stated_in"]]


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
    for path, table in {ANALYSES: rows, EVIDENCE: evidence_of(rows)}.items():
        table.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
    text = README.read_text(encoding="utf-8")
    README.write_text(renewed(text, table_of(runs, rows)), encoding="utf-8")
