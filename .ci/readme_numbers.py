"""Keep the README's table of the reference run consistent with the run.

Without `--write` it fails if the table differs from the run; with it, the table is renewed.
"""

import argparse
import re
import sys
from pathlib import Path

import pandas as pd

from rin.models.backbones import BACKBONES
from rin.report.figures import task_names
from rin.report.format import format_estimate
from rin.report.tables import verdict_table
from rin.report.verdict import judged
from rin.stats import init_differences, pretraining_differences
from rin.study import open_reference
from rin.study.results import Results

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- table: .ci/readme_numbers.py -->", "<!-- end of table -->"


def table_of(runs: Results) -> pd.DataFrame:
    """Return the table: the cover's, with the difference of each of three questions."""
    scores = runs.predictions()
    four = scores[scores["backbone"].isin(BACKBONES)]
    of_four = pretraining_differences(four, *runs.inits, fixed_backbones=True)
    arms = init_differences(four, *runs.inits)
    networks = init_differences(scores, *runs.inits)
    table = verdict_table(judged(of_four, arms), runs, task_names(runs.titles))
    questions = {
        "The paper's four backbones": of_four,
        "Backbones like these eight": pretraining_differences(scores, *runs.inits),
        "These networks": networks[networks["group"] == "all"],
    }
    for place, (name, rows) in enumerate(questions.items(), start=3):
        stars = rows["p_holm"].lt(0.05).map({True: "*", False: ""})
        cells = (format_estimate(rows, unit="points") + stars).set_axis(rows["task"])
        table.insert(place, name, cells.loc[of_four["task"]].to_list())
    return table.drop(columns=["AUC points (95% CI)", "P"])


def renewed(text: str, table: pd.DataFrame) -> str:
    """Return the README with the table renewed."""
    rows = [[*table.columns], ["---"] * len(table.columns), *table.to_numpy().tolist()]
    made = "\n".join([BEGIN, *(f"| {' | '.join(row)} |" for row in rows), END])
    text, found = re.subn(f"(?s){BEGIN}.*?{END}", lambda _: made, text)
    if found != 1:
        raise SystemExit(f"{README.name}: {found} tables, not 1")
    return text


def main() -> int:
    """Compare or renew the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the table")
    arguments = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    made = renewed(text, table_of(open_reference()))
    if arguments.write:
        README.write_text(made, encoding="utf-8")
        return 0
    if made != text:
        print(f"{README.name}: not the run's numbers; run python .ci/readme_numbers.py --write")
    return int(made != text)


if __name__ == "__main__":
    sys.exit(main())
