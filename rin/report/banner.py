"""One line under a page's title: what its numbers were made from.

It says at once whether they come from real images, and unfolds to images, weights, profile, time
and computer of the computation.  Every inserted value is escaped, as some come from files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from rin.errors import InputError
from rin.study.curation import real_archive
from rin.study.pretraining import find_corpus, pretrained
from rin.study.reference import DatasetFacts, ReferenceRun, TaskFacts
from rin.study.runs import MAIN, Runs

if TYPE_CHECKING:
    from IPython.display import HTML

HEADLINES = {
    "real": "Real images",
    "mixed": "Real and stand-in images: what was computed from stand-ins is not a finding",
    "stand-in": "Stand-in images: the numbers show that the pipeline works and are not findings",
}


def provenance_line(
    provenances: Sequence[str], summary: Sequence[str], details: Mapping[str, str]
) -> HTML:
    """Return the line of provenance of a page: a `details` element of class `rin-provenance`.

    Parameters
    ----------
    provenances
        `real` or `stand-in` of everything that the page's numbers come from; without any, nothing
        could be said, and InputError is raised.
    summary
        What follows the headline in the line itself.
    details
        What unfolds: terms and their text.
    """
    from IPython.display import HTML

    if not provenances:
        raise InputError(
            "no image source", where="provenances", remedy="Name what the page rests on."
        )
    kinds = set(provenances)
    kind = "mixed" if len(kinds) > 1 else "real" if kinds == {"real"} else "stand-in"
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
    """Return the line of provenance of a page that shows a study's results of some tasks.

    By default of all its tasks; without `trained` networks only the images are named.
    """
    origins = {task: runs.origin(task, study) for task in tasks or runs.tasks_of(study)}
    origins = {task: origin for task, origin in origins.items() if origin}
    facts = [
        runs.reference.facts.task(task) if origin == "reference" else runs.facts(task)
        for task, origin in origins.items()
    ]
    details = {f"Images: {task.name}": _images(task) for task in facts}
    provenances = [task.dataset.provenance for task in facts]
    summary = [facts[0].dataset.title if len(facts) == 1 else f"{len(facts)} tasks"]
    if "reference" in origins.values():
        details |= _reference_details(runs.reference)
        summary += _reference_summary(runs.reference)
    if "own" in origins.values():
        profile = runs.study.profile
        details |= _profile(profile.name, profile.about)
        summary.append(f"profile {profile.name}")
        if trained:
            own = pretrained(runs.study)
            provenances += _corpora(runs, own, details)
            details |= {f"Weights: {init}": _origin(init, own) for init in profile.inits}
            done = pd.concat([runs.records(task, study) for task in origins])
            details |= _computed(done)
            summary.append(f"networks trained {done['finished'].max()[:10]}")
    return provenance_line(provenances, summary, details)


def pretraining_banner(runs: Runs) -> HTML | None:
    """Return the line of provenance of a page on one's own pretraining, None without any."""
    own, profile = pretrained(runs.study), runs.study.profile
    if own.empty:
        return None
    details: dict[str, str] = {}
    provenances = _corpora(runs, own, details)
    details |= _profile(profile.name, profile.about)
    details |= {f"Weights: {init}": _origin(init, own) for init in own["init"].unique()}
    summary = [f"profile {profile.name}", f"trained {own['finished'].max()[:10]}"]
    return provenance_line(provenances, summary, details | _computed(own))


def curation_banner(runs: Runs) -> HTML:
    """Return the line of provenance of a page on the curation of the study's archive."""
    profile, real = runs.study.profile, real_archive(runs.study)
    details = {"Archive": real.name if real else "written by a program, with the profile's seed"}
    details |= _profile(profile.name, profile.about)
    return provenance_line(["real" if real else "stand-in"], [f"profile {profile.name}"], details)


def reference_banner(reference: ReferenceRun) -> HTML:
    """Return the line of provenance of a page that shows a reference run alone."""
    details = {f"Images: {task.name}": _images(task) for task in reference.facts.tasks}
    details |= _reference_details(reference)
    return provenance_line(["real"], _reference_summary(reference), details)


def _profile(name: str, about: str) -> dict[str, str]:
    return {"Profile": f"{name}: {about}"}


def _images(task: TaskFacts) -> str:
    instead = [f"open substitute for {task.substitute_for}"] if task.substitute_for else []
    return "; ".join([task.dataset.title, *instead, _remarks(task.dataset)])


def _remarks(data: DatasetFacts) -> str:
    kind = "stand-in" if data.provenance != "real" else "real"
    used = f"{data.used:,} of {data.available:,} images"
    return f"{kind} images, {used}, digest {data.digest[:12]}; licence: {data.licence}"


def _reference_summary(reference: ReferenceRun) -> list[str]:
    day = reference.facts.last_finished[:10]
    return [f"reference run “{reference.name}”", f"networks trained {day}"]


def _reference_details(reference: ReferenceRun) -> dict[str, str]:
    facts = reference.facts
    details = {f"Corpus: {data.name}": f"{data.title}; {_remarks(data)}" for data in facts.corpora}
    for init in dict.fromkeys(weights.init for weights in facts.weights):
        own = [weights for weights in facts.weights if weights.init == init]
        named = [
            f"{weights.backbone} ({weights.contract}, "
            f"SHA-256 {(weights.sha256 or 'not known')[:12]})"
            for weights in own
        ]
        details[f"Weights: {init}"] = f"{own[0].release}: {', '.join(named)}"
    packages = ", ".join(f"{name} {number}" for name, number in facts.packages.items())
    return details | {
        **_profile(facts.profile["name"], facts.profile["about"]),
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
    return (
        "pretrained here from random initialisation on {training_images} images of "
        "{classes} classes, {epochs} epochs"
    ).format(**rows.iloc[0])


def _computed(done: pd.DataFrame) -> dict[str, str]:
    """Return when and on what runs were computed, as their records say."""
    details = {"Computed": f"{done['finished'].min()} to {done['finished'].max()}"}
    for term, column in (("Computer", "computer"), ("Software", "software")):
        if column in done:
            details[term] = "; ".join(done[column].dropna().unique())
    return details
