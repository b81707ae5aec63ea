"""Published evidence as pages show it: the discrepancy ledger, other studies, their pooling."""

from collections.abc import Collection, Iterable, Sequence
from html import escape

import pandas as pd
from IPython.display import HTML
from pandas.io.formats.style import Styler

from rin.data.manifest import load_manifest
from rin.errors import join_with_and
from rin.evidence.audit import Bounds, TaskAudit
from rin.evidence.claims import holm_bounds, task_names
from rin.evidence.discrepancies import CHANGES, KINDS
from rin.evidence.paper import CLAIMS
from rin.models.probe import Distribution
from rin.report import words
from rin.report.banner import pretraining_banner, reference_banner
from rin.report.format import book_table, format_estimate, format_interval, format_p
from rin.stats import EQUIVALENCE_MARGIN
from rin.study.results import Results


def checks_table(audits: Collection[TaskAudit]) -> Styler:
    """Return a table of half-widths, P values and correlations that printed numbers imply."""
    rows = [
        {
            "Task": task_names([audit.task]),
            "± printed": f"{audit.half_width:.2f}",
            "± implied": f"{audit.implied:.2f}",
            "± DeLong, at most": f"{audit.delong_limit:.2f}",
            "P, SDs": _p_range(audit.p_by_sds),
            "P, interval": _p_range(audit.p_by_normal),
            "P, SDs, Holm": _p_range(adjusted),
            "r needed": "above 1"
            if audit.needed_correlation.low >= 1
            else f"{audit.needed_correlation:.2f}",
        }
        for audit, adjusted in zip(audits, holm_bounds(audits), strict=True)
    ]
    caption = "Half-widths in AUC points and P values, with their ranges by rounding"
    ranges = ("half_width", "implied", "p_by_sds", "p_by_normal", "needed_correlation")
    numbers = [
        {"task": audit.task, "delong_limit": audit.delong_limit}
        | {f"{name}_{end}": getattr(getattr(audit, name), end) for name in ranges for end in
           ("low", "high")}
        | {"p_by_sds_holm_low": adjusted.low, "p_by_sds_holm_high": adjusted.high}
        for audit, adjusted in zip(audits, holm_bounds(audits), strict=True)
    ]  # fmt: skip
    return book_table(pd.DataFrame(rows), caption, prose=True, rows=pd.DataFrame(numbers))


def _p_range(bounds: Bounds) -> str:
    ends = (format_p(p)[2:].removeprefix("= ") for p in (bounds.low, bounds.high))
    return " to ".join(dict.fromkeys(ends))


def analyses_in_words(analyses: pd.DataFrame, runs: Results) -> str:
    """Return sentences on reading several analyses, and where the recommended finds equivalence.

    `analyses` are rows of `rin.stats.task_analyses` with their `task`.
    """
    recommended = analyses[analyses["recommended"]].set_index("task")
    called = [task for task in CLAIMS["comparable"].value if task in recommended.index]
    equal = [task for task in called if recommended.loc[task, "equivalent"]]
    titles = {task: title.partition(",")[0] for task, title in runs.titles.items()}
    verdict = words.equivalence(
        [titles[task] for task in called],
        [titles[task] for task in equal],
        100 * EQUIVALENCE_MARGIN,
    )
    return (
        f"{words.difference_name(runs.inits)}, AUC points; * P < .05, adjusted over the tasks, "
        "row by row. No analysis takes the pretraining as the sample, so a star concerns these "
        f"networks only.\n\n{verdict} This is by “{recommended['name'].iloc[0]}”."
    )


def claims_table(claims: pd.DataFrame) -> Styler:
    """Return a table of the paper's sentences with their verdicts (`rin.evidence.claims`)."""
    quoted = claims[["verdict", "text", "why"]].reset_index(drop=True)
    quoted.columns = ["Verdict", "The paper says", "Reason"]
    return book_table(quoted, "Quoted claims", prose=True)


def ledger_counts(entries: pd.DataFrame) -> Styler:
    """Return a table counting entries of the ledger, by who disagrees and what it changes."""
    counts = entries.pivot_table(
        index="kind", columns="changes", values="id", aggfunc="count", fill_value=0
    )
    counts = counts.reindex(index=list(KINDS), columns=list(CHANGES), fill_value=0)
    counts = counts.rename(columns=CHANGES)
    compared = entries["compared"].map(bool)
    counts["Computed"] = compared.groupby(entries["kind"]).sum()
    counts["Open"] = entries["status"].eq("open").groupby(entries["kind"]).sum()
    counts = counts.rename(index=KINDS).rename_axis("Between whom").rename_axis("", axis=1)
    return book_table(counts, "Inconsistencies by who disagrees and what they change", prose=True)


def slips_table(entries: pd.DataFrame) -> Styler:
    """Return a table of entries that change nothing, one row each: both sides, and the finding."""
    table = pd.DataFrame(
        {
            "What": entries["title"],
            "Sources": [
                "; ".join(f"{place}: {said}" for place, said in pairs) for pairs in entries["says"]
            ],
            "Finding": entries["finding"],
        }
    ).reset_index(drop=True)
    return book_table(table, "Slips and differences of wording", prose=True)


def worded_table(comparisons: pd.DataFrame) -> Styler:
    """Return a table of comparisons without a pair of AUCs (`without_values`)."""
    columns = {"study": "Study", "ahead": "Ahead", "data": "Images", "remark": "Remark"}
    table = comparisons[[*columns]].replace({"ahead": {"parity": "neither"}})
    caption = "Comparisons that state no pair of AUCs"
    return book_table(table.rename(columns=columns).reset_index(drop=True), caption, prose=True)


def probe_line(runs: Results) -> HTML | None:
    """Return the line of provenance of probed files: one's own, or those of a reference run."""
    if runs.workspace.profile.probe is not None:
        return pretraining_banner(runs)
    return reference_banner(runs.reference)


def missed_table(missed: pd.DataFrame) -> Styler:
    """Return a table of files that the probe named wrongly, by preprocessing and images.

    `missed` has one row per file: trained_with, source (a dataset), wrong, best.
    """
    files = missed.groupby(["trained_with", "source"], as_index=False)
    table = files.agg(
        files=("best", "size"),
        wrong=("wrong", "sum"),
        nearest=("best", lambda best: join_with_and(best.unique())),
    )
    table["source"] = [load_manifest(name).title for name in table["source"]]
    table.columns = ["Trained with", "Probed with", "Files", "Wrong", "Nearest"]
    return book_table(table, "Files that were not named correctly", prose=True)


def distributors_table(distributions: Iterable[Distribution]) -> Styler:
    """Return a table of distributors of RadImageNet weights, with the inputs that each states."""
    held = pd.DataFrame([distribution.model_dump() for distribution in distributions])
    held["stated_preprocessing"] = held["stated_preprocessing"].fillna("none")
    keys = ["distributor", "stated_preprocessing", "release"]
    table = held.groupby(keys, sort=False)["backbone"].agg(", ".join).reset_index()
    table.columns = ["Distributor", "Inputs stated", "Training", "Networks"]
    return book_table(table, "Who distributes RadImageNet weights", prose=True)


def folded_entries(entries: pd.DataFrame, *, findings: bool = True) -> HTML:
    """Return entries of `rin.evidence.discrepancies.discrepancy_table`, each a line that unfolds.

    The element has the entry's `id`, so that a page can link to it.  The line has the title and,
    with `findings`, the finding, which otherwise comes first when the line is unfolded.
    """
    return HTML("".join(_entry(row, findings) for row in entries.itertuples()))


def _entry(row: tuple, finding_in_line: bool) -> str:
    said = "".join(f"<li><b>{escape(place)}</b>: {escape(text)}</li>" for place, text in row.says)
    line, first = f" {escape(row.finding)}", ""
    if not finding_in_line:
        line, first = "", f"<p>{escape(row.finding)}</p>" if row.finding else ""
    return (
        f'<details id="{escape(row.id)}" style="margin:0.5em 0">'
        f"<summary><b>{escape(row.title)}</b> ({row.status}).{line}</summary>"
        f'<div style="margin:0.3em 0 0.9em 1.2em;overflow-wrap:anywhere">{first}<ul>{said}</ul>'
        f"<p><b>What it changes.</b> {escape(row.consequence)} "
        f"<b>In this book.</b> {escape(row.handling)}</p></div></details>"
    )


def study_table(studies: pd.DataFrame) -> Styler:
    """Return a table of what studies (`rin.evidence.replications`) compared, and what was read."""
    columns = {
        "data": "Images",
        "tests": "Tested on",
        "setting": "Trained",
        "release": "Release",
        "scaling": "Scaling",
        "source_p": "Own test",
        "certainty": "Read",
        "needs": "A better error needs",
    }
    table = studies[[*columns]].replace("", "not stated").rename(columns=columns)
    table["Own test"] = table["Own test"].str.removeprefix("P = ")
    caption = "What was compared, and what was read of it"
    return book_table(table.reset_index(drop=True), caption, prose=True)


def pooled_table(pooled: pd.DataFrame) -> Styler:
    """Return a table of pooled differences (`pooled_groups`), one row per selection."""
    predictions = zip(pooled["prediction_low"], pooled["prediction_high"], strict=True)
    table = pd.DataFrame(
        {
            "Comparisons": pooled.index,
            "Groups": pooled["groups"].to_numpy(),
            "Number": pooled["k"].astype(int).to_numpy(),
            "Difference (95% CI)": format_estimate(pooled, digits=1).to_list(),
            "P": [format_p(p).removeprefix("P = ") for p in pooled["p_value"]],
            "95% prediction": [format_interval(low, high, 1) for low, high in predictions],
        }
    )
    rows = pooled.rename_axis("comparisons").reset_index()
    return book_table(table, "RadImageNet − ImageNet, AUC points", prose=True, rows=rows)


def inputs_table(inputs: Sequence[dict], caption: str) -> Styler:
    """Return a table of AUCs of one file of weights under several inputs, with intervals."""
    table = pd.DataFrame(
        {
            "Weights": [row["weights"] for row in inputs],
            "Input": [row["input"] for row in inputs],
            "Macro AUC (95% CI)": [
                f"{row['auc']:.3f} {format_interval(*row['ci'], 3)}" for row in inputs
            ],
        }
    )
    ends = [dict(zip(("ci_low", "ci_high"), row["ci"], strict=True)) for row in inputs]
    names = ("weights", "input", "auc")
    rows = [{name: row[name] for name in names} | ci for row, ci in zip(inputs, ends, strict=True)]
    return book_table(table, caption, prose=True, rows=pd.DataFrame(rows))
