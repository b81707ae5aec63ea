"""What the pages on factors and on probing weights show of the reference run.

The same functions that show a reader's own run show the predictions and measurements that come
with the book, so that both are read alike.
"""

from __future__ import annotations

from rin.report.factors import FactorResult, factor_result
from rin.report.factors_page import factor_details, factor_section
from rin.report.factors_readings import headline
from rin.report.from_random import gains_over_random
from rin.report.probe import (
    hit_rates,
    hit_reading,
    hit_table,
    own_table,
    random_table,
    trained_table,
)
from rin.report.probe_panels import divergence_panels
from rin.report.reference import reference_analyses, reference_banner, shown_reference
from rin.report.reference_readings import (
    NONE_YET,
    differences_reading,
    random_reading,
    task_titles,
)
from rin.report.tables import book_table
from rin.study.factors import FACTORS
from rin.study.probe import probe_verdicts
from rin.study.reference import ReferenceRun, factor_predictions, from_random_predictions


def findings(profile: str) -> list[object]:
    """Return what the reference run found, a sentence or two for each question of the book.

    Parameters as for `factor_evidence`; one sentence where the book has no such run.
    """
    reference = shown_reference(profile)
    if reference is None:
        return [_markdown(NONE_YET)]
    facts, titles = reference.facts, task_titles(reference)
    answers = {"Which start leads?": differences_reading(reference_analyses(reference))}
    if len(scored := from_random_predictions(reference)):
        answers["Does pretraining help?"] = random_reading(gains_over_random(scored), titles)
    if (fed := _result(reference, "preprocessing")) is not None:
        answers["What do the official scripts’ inputs alone do?"] = headline(fed)
    lines = [f"- **{question}** {answer}" for question, answer in answers.items()]
    opening = (
        f"Reference run “{facts.name}”, finished {facts.last_finished[:10]}, weights pretrained "
        "here; small images and test sets."
    )
    return [_markdown("\n".join([opening, "", *lines]))]


def factor_evidence(profile: str) -> tuple[list[object], list[object]]:
    """Return the reference run's banner with the section of each factor that it studied.

    Parameters
    ----------
    profile
        Of the page, whose own reference run comes before others.

    Returns
    -------
    shown, details
        To be displayed: one sentence and nothing where the book has no reference run, or the run
        no factor; else sections, and the tables behind them.
    """
    reference = shown_reference(profile)
    if reference is None:
        return [_markdown(NONE_YET)], []
    found = {factor: _result(reference, factor) for factor in FACTORS}
    found = {factor: result for factor, result in found.items() if result is not None}
    if not found:
        return [_markdown(_lacks(reference, "no factor"))], []
    shown: list[object] = [reference_banner(reference)]
    for factor, result in found.items():
        shown += [_markdown(f"**Factor: {factor}**"), *factor_section(result)]
    return shown, [table for result in found.values() for table in factor_details(result)]


def probe_evidence(profile: str) -> list[object]:
    """Return what probing weights gave in the reference run: figure, hit rates, random weights.

    Parameters as for `factor_evidence`; one sentence where the book has no such run.
    """
    reference = shown_reference(profile)
    if reference is None:
        return [_markdown(NONE_YET)]
    measured = reference.probe
    if measured is None or measured.empty:
        return [_markdown(_lacks(reference, "no weights file"))]
    verdicts = probe_verdicts(measured)
    rates = hit_rates(verdicts)
    return [
        reference_banner(reference),
        book_table(trained_table(measured), "Reference run: what the files had learnt"),
        divergence_panels(measured, "How far each candidate is off, reference run"),
        book_table(hit_table(rates), "Reference run: verdicts on known files", prose=True),
        hit_reading(rates, verdicts),
        book_table(random_table(verdicts), "Reference run: random weights"),
        book_table(own_table(verdicts), "Reference run: the study's own pretraining", prose=True),
    ]


def _result(reference: ReferenceRun, factor: str) -> FactorResult | None:
    table = factor_predictions(reference, factor)
    if table.empty:
        return None
    titles = task_titles(reference)
    return factor_result(table, reference.facts.inits, {t: titles[t] for t in set(table["task"])})


def _lacks(reference: ReferenceRun, what: str) -> str:
    return f"The reference run “{reference.facts.name}” studied {what}."


def _markdown(text: str) -> object:
    from IPython.display import Markdown

    return Markdown(text)
