"""One line under a page's title: what its numbers were made from.

It says at once whether they come from real images, and unfolds to images, weights, profile, time
and computer of the computation.  Every inserted value is escaped, as some come from files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Literal

import pandas as pd

from rin.errors import InputError
from rin.study.curation import real_archive
from rin.study.pretraining import find_corpus, pretrained
from rin.study.reference import DatasetFacts, ReferenceRun, TaskFacts
from rin.study.runs import MAIN, Runs

if TYPE_CHECKING:
    from IPython.display import HTML

Kind = Literal["real", "mixed", "stand-in"]
HEADLINES: dict[Kind, str] = {
    "real": "Real images",
    "mixed": "Real and stand-in images: what was computed from stand-ins is not a finding",
    "stand-in": "Stand-in images: the numbers show that the pipeline works and are not findings",
}


def provenance_line(
    provenances: Sequence[str], summary: Sequence[str], details: Mapping[str, str]
) -> HTML:
    """Return the line of provenance of a page.

    Parameters
    ----------
    provenances
        `real` or `stand-in` of everything that the page's numbers come from.
    summary
        What follows the headline in the line itself.
    details
        What unfolds: terms and their text.

    Returns
    -------
    IPython.display.HTML
        A `details` element of class `rin-provenance` and `rin-real`, `rin-mixed` or
        `rin-stand-in`.

    Raises
    ------
    InputError
        Without any provenance: nothing could be said about where the numbers come from.
    """
    from IPython.display import HTML

    if not provenances:
        raise InputError(
            "no image source", where="provenances", remedy="Name what the page rests on."
        )
    kinds = set(provenances)
    kind: Kind = "mixed" if len(kinds) > 1 else "real" if kinds == {"real"} else "stand-in"
    line = " · ".join([f"<strong>{escape(HEADLINES[kind])}</strong>", *map(escape, summary)])
    listed = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in details.items()
    )
    return HTML(
        f'<details class="rin-provenance rin-{kind}"><summary>{line}</summary>'
        f"<dl>{listed}</dl></details>"
    )


def banner(
    runs: Runs, tasks: Sequence[str] | None = None, study: str = MAIN, *, trained: bool = True
) -> HTML:
    """Return the line of provenance of a page that shows results of some tasks.

    Parameters
    ----------
    tasks
        Their names; by default all of the study's.
    study
        Which runs the page shows.
    trained
        Whether results of trained networks are shown; else only the images are named.

    Raises
    ------
    InputError
        When none of the tasks has results.
    """
    tasks = list(tasks or runs.tasks_of(study))
    shown = [task for task in tasks if runs.origin(task, study)]
    facts = [_facts(runs, task, study) for task in shown]
    details = {f"Images: {one.name}": _images(one) for one in facts}
    provenances = [one.dataset.provenance for one in facts]
    origins = {runs.origin(task, study) for task in shown}
    summary = [_tasks_in_words(facts)]
    if "reference" in origins:
        details |= _reference_details(runs.reference)
        name, day = runs.reference.name, runs.reference.facts.last_finished[:10]
        summary += [f"reference run “{name}”", f"networks trained {day}"]
    if "own" in origins:
        profile = runs.study.profile
        details["Profile"] = f"{profile.name}: {profile.about}"
        summary.append(f"profile {profile.name}")
        if trained:
            own = pretrained(runs.study)
            provenances += _corpora(runs, own, details)
            details |= {f"Weights: {init}": _origin(init, own) for init in profile.inits}
            done = pd.concat([runs.records(task, study) for task in shown])
            details |= _computed(done)
            summary.append(f"networks trained {done['finished'].max()[:10]}")
    return provenance_line(provenances, summary, details)


def pretraining_banner(runs: Runs) -> HTML | None:
    """Return the line of provenance of a page on one's own pretraining, None without any."""
    own = pretrained(runs.study)
    if own.empty:
        return None
    details: dict[str, str] = {}
    provenances = _corpora(runs, own, details)
    details["Profile"] = f"{runs.study.profile.name}: {runs.study.profile.about}"
    details |= {f"Weights: {init}": _origin(init, own) for init in own["init"].unique()}
    details |= _computed(own)
    summary = [f"profile {runs.study.profile.name}", f"trained {own['finished'].max()[:10]}"]
    return provenance_line(provenances, summary, details)


def curation_banner(runs: Runs) -> HTML:
    """Return the line of provenance of a page on the curation of the study's archive."""
    profile, real = runs.study.profile, real_archive(runs.study)
    details = {
        "Archive": real.name if real else "written by a program, with the profile's seed",
        "Profile": f"{profile.name}: {profile.about}",
    }
    return provenance_line(["real" if real else "stand-in"], [f"profile {profile.name}"], details)


def reference_banner(reference: ReferenceRun) -> HTML:
    """Return the line of provenance of a page that shows a reference run alone."""
    details = {f"Images: {one.name}": _images(one) for one in reference.facts.tasks}
    summary = [f"reference run “{reference.name}”"]
    summary.append(f"networks trained {reference.facts.last_finished[:10]}")
    return provenance_line(["real"], summary, details | _reference_details(reference))


def _facts(runs: Runs, task: str, study: str) -> TaskFacts:
    if runs.origin(task, study) == "reference":
        return runs.reference.facts.task(task)
    return runs.facts(task)


def _tasks_in_words(facts: Sequence[TaskFacts]) -> str:
    if len(facts) == 1:
        return facts[0].dataset.title
    return f"{len(facts)} tasks"


def _images(one: TaskFacts) -> str:
    parts = [one.dataset.title, _remarks(one.dataset)]
    if one.substitute_for:
        parts.insert(1, f"open substitute for {one.substitute_for}")
    return "; ".join(parts)


def _remarks(data: DatasetFacts) -> str:
    kind = "stand-in" if data.provenance != "real" else "real"
    used = f"{data.used:,} of {data.available:,} images"
    return f"{kind} images, {used}, digest {data.digest[:12]}; licence: {data.licence}"


def _reference_details(reference: ReferenceRun) -> dict[str, str]:
    facts = reference.facts
    details = {f"Corpus: {one.name}": f"{one.title}; {_remarks(one)}" for one in facts.corpora}
    for init in dict.fromkeys(one.init for one in facts.weights):
        own = [one for one in facts.weights if one.init == init]
        named = [
            f"{one.backbone} ({one.contract}, SHA-256 {(one.sha256 or 'not known')[:12]})"
            for one in own
        ]
        details[f"Weights: {init}"] = f"{own[0].release}: {', '.join(named)}"
    packages = ", ".join(f"{name} {number}" for name, number in facts.packages.items())
    return details | {
        "Profile": f"{facts.profile['name']}: {facts.profile['about']}",
        "Trained": f"{facts.first_finished} to {facts.last_finished}",
        "Computer": facts.hardware.text,
        "Software": f"Python {facts.python}, {packages}; {facts.backend}, {facts.precision}; "
        f"commit {(facts.commit or 'not known')[:12]}",
    }


def _corpora(runs: Runs, own: pd.DataFrame, details: dict[str, str]) -> list[str]:
    """Add the corpora that networks were pretrained on to the details; return provenances."""
    found = []
    for name in own["corpus"].unique() if len(own) else ():
        corpus = find_corpus(runs.study, name)
        found.append(corpus.provenance)
        kind = "real" if corpus.provenance == "real" else "stand-in"
        details[f"Corpus: {name}"] = f"{corpus.manifest.title}; {kind} images"
    return found


def _origin(init: str, own: pd.DataFrame) -> str:
    if init == "random":
        return "none: random initialisation"
    rows = own[own["init"] == init] if len(own) else own
    if rows.empty:
        return "released weights, see data_manifests/weights.yaml"
    row = rows.iloc[0]
    return (
        f"pretrained here from random initialisation on {row['training_images']} images of "
        f"{row['classes']} classes, {row['epochs']} epochs"
    )


def _computed(done: pd.DataFrame) -> dict[str, str]:
    """Return when and on what runs were computed, as their records say."""
    details = {"Computed": f"{done['finished'].min()} to {done['finished'].max()}"}
    for term, column in (("Computer", "computer"), ("Software", "software")):
        if column in done:
            details[term] = "; ".join(done[column].dropna().unique())
    return details
