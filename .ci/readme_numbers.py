"""Keep the README's numbers on the reference run consistent with the run.

They are in blocks between comments. `python .ci/readme_numbers.py` fails if a block differs from
the run; with `--write` it renews the blocks.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path

import pandas as pd

from rin.data.manifest import find_task
from rin.errors import join_with_and
from rin.evidence.paper import COMPARISONS
from rin.models.backbones import BACKBONES
from rin.report import cover, headline, words
from rin.report.banner import is_another_cut
from rin.report.format import format_estimate, format_number
from rin.stats import pair_differences
from rin.study import open_reference
from rin.study.results import Results

README = Path(__file__).resolve().parents[1] / "README.md"
WIDTH = 105


def signed(fraction: float) -> str:
    """Return a difference in points: ``+1.4``."""
    return format_number(100 * fraction, 1, signed=True)


def summary(runs: Results) -> str:
    """Return the bullet on this run, in the words of the cover."""
    compared = words.weights_compared(runs.inits, runs.corpora())
    text = f"- **Our own run on real open images:** {headline.finding(runs)} {compared}"
    return wrapped(text, later="  ")


def table(runs: Results) -> str:
    """Return the explanation of the run's intervals, and the table."""
    units, networks = headline.differences(runs)
    four = headline.of_paper(runs).set_index("task")
    scores = runs.predictions()
    backbones = scores["backbone"].unique()
    others = [name for name in backbones if name not in BACKBONES]
    (pairs,), (pairs_of_four,) = units["pairs"].unique(), four["pairs"].unique()
    (seeds,), df = units["seeds"].unique(), units["df"]
    of_four = scores.loc[scores["backbone"].isin(BACKBONES), "scenario"].nunique()
    adjusted = headline.beside_published(runs, units).query("outside")["p_holm"]
    beyond = "the paper's difference lies outside the first interval on no task"
    if len(adjusted):
        below, total = (adjusted < 0.05).sum(), len(adjusted)
        n = "all" if below == total else f"{words.number(below)} of"
        beyond = f"adjusted over the tasks, P is below .05 on {n} these {words.number(total)}"
    text = f"""
Radiologic minus photographic initialisation: mean difference in AUC points with its 95% interval,
over {scores["scenario"].nunique()} scenarios of {words.number(len(backbones))} backbones: the
paper's {words.number(len(BACKBONES))}, and {join_with_and(others)}. The first interval concerns
pretraining: its units are {pairs} pairs of networks (one backbone, one pretraining of each
corpus), nested in {words.number(len(backbones))} backbones and crossed with
{words.number(seeds)} seeds, each with a split of the corpora, which pairs of several backbones
share; it allows for the test patients that the pairs share, on Satterthwaite's {df.min():.1f} to
{df.max():.1f} degrees of freedom. The second concerns the paper's four backbones as they
are, with new pretrainings ({of_four} scenarios, {pairs_of_four} pairs). The third shows only how
these networks would do on new patients. An asterisk marks P < .05 after Holm's adjustment over
the tasks. The last column is what the first interval's model excludes: a difference of 5 points
or more (two one-sided tests, Holm), or the paper's own difference, with other weights and partly
other images (outside the 95% interval; {beyond}).
"""
    header = ["Task", "Training images", "Test images", "Pretraining as the unit"]
    header += ["The paper's four backbones, fixed", "These networks, new patients", "Excluded"]
    rows = [header, ["---"] * len(header)]
    stated = headline.beside_published(runs, units).set_index("task")
    tests = words.with_exclusion(units).set_index("task")["equivalent"]
    alone = networks.set_index("task")
    for _, row in units.iterrows():
        task, facts = row["task"], runs.facts(row["task"])
        nameless = " †" if facts.dataset.independence == "image" else ""
        excluded = ["±5 points"] if tests[task] else []
        if task in stated.index and stated.loc[task, "outside"]:
            excluded.append(f"the paper's {signed(stated.loc[task, 'published'])}")
        sizes = [str(facts.split["train"]), str(alone.loc[task, "n_cases"])]
        cells = [starred(table_row) for table_row in (row, four.loc[task], alone.loc[task])]
        title = find_task(task)[1].title.partition(",")[0] + nameless
        rows.append([title, *sizes, *cells, join_with_and(excluded) if excluded else "–"])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines[1] = "|---" * len(header) + "|"
    return wrapped(text) + "\n\n" + "\n".join(lines)


def limits(runs: Results) -> str:
    """Return the comparison with the paper, and the limits of the run."""
    facts = {task: runs.facts(task) for task in runs.tasks}
    substitutes = sum(fact.substitute_for is not None for fact in facts.values())
    substitutes -= sum(map(is_another_cut, facts.values()))
    networks = ["init", "backbone", "pretraining"]
    epochs_of = runs.pretraining_histories().sort_values("epoch")
    # The briefly pretrained network of a side study has one epoch.
    histories = epochs_of[epochs_of["init"].isin(runs.inits)].groupby(networks)
    rise = 100 * histories["val_accuracy"].apply(lambda of: of.iloc[-1] - of.iloc[-2])
    (epochs,) = histories.size().unique()
    often = runs.predictions().groupby("backbone", observed=True)["pretraining"].nunique()
    times = " to ".join(dict.fromkeys(map(words.number, (often.min(), often.max()))))
    right = 100 * runs.pretraining().groupby("init")["top1"].mean()
    by_pair = pair_differences(runs.predictions(), *runs.inits).groupby(["task", "backbone"])
    moved = 100 * by_pair["estimate"].agg(lambda of: of.max() - of.min()).max()
    trained = {task: fact.split["train"] for task, fact in facts.items()}
    of_paper = words.range_of(n for task, n in trained.items() if task in COMPARISONS)
    beside = f"""
{headline.papers_difference(runs)} When a backbone was pretrained and fine-tuned again, alike in
all but chance, its difference moved by up to {moved:.1f} points, which intervals over patients
alone do not show. {cover.longer_training(runs)} Networks were pretrained on small images,
ultrasound among them, and fine-tuned on {of_paper} (BUS-BRA: {trained["busbra"]:,}).
"""
    text = f"""
What limits this run: {words.number(substitutes)} of the {words.number(len(facts))} tasks use open
substitutes for the paper's images, thyroid nodules crops of the paper's own; training sets and
images are small; each backbone was pretrained {times} times on either corpus, for
{words.number(epochs)} epochs, in the last of which the accuracy on validation images still rose by
up to {rise.max():.1f} points. The networks of the radiologic corpus then classify
{right["radiologic"]:.0f}% of its test images correctly, which is optimistic, as the split is by
image, and those of the photographic one {right["photographic"]:.0f}%. Both arms get the same
preprocessing.
"""
    return wrapped(beside) + "\n\n" + wrapped(text)


def blocks_of(runs: Results) -> dict[str, str]:
    """Return the blocks of the README by name."""
    return {"summary": summary(runs), "table": table(runs), "limits": limits(runs)}


def starred(row: pd.Series) -> str:
    """Return an estimate with its interval, and an asterisk where it is clear."""
    return format_estimate(row, unit="points") + ("*" if row["p_holm"] < words.LEVEL else "")


def wrapped(text: str, later: str = "") -> str:
    """Return a text as one paragraph, wrapped."""
    words_of_text = " ".join(text.split())
    fill = {"width": WIDTH, "break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(words_of_text, subsequent_indent=later, **fill)


def renewed(text: str, blocks: dict[str, str]) -> str:
    """Return the README with all blocks renewed."""
    for name, block in blocks.items():
        begin, end = f"<!-- {name}: .ci/readme_numbers.py -->", f"<!-- end of {name} -->"
        pattern = f"(?s){re.escape(begin)}.*?{re.escape(end)}"
        made = f"{begin}\n{block}\n{end}"
        text, found = re.subn(pattern, lambda _, made=made: made, text)
        if found != 1:
            raise SystemExit(f"{README.name}: {found} blocks of the name {name}, not 1")
    return text


def main() -> int:
    """Compare or renew the blocks; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the blocks")
    arguments = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    made = renewed(text, blocks_of(open_reference()))
    if arguments.write:
        README.write_text(made, encoding="utf-8")
        return 0
    if made != text:
        print(f"{README.name}: not the run's numbers; run python .ci/readme_numbers.py --write")
    return int(made != text)


if __name__ == "__main__":
    sys.exit(main())
