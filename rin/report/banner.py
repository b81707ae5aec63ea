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
from rin.study.corpora import find_corpus, real_archive
from rin.study.pretraining import pretrained
from rin.study.profile import Profile
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

    `provenances` holds `real` or `stand-in` of everything that the page's numbers come from
    (InputError without any), `summary` follows the headline in the line, `details` unfolds.
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
    own = [task for task, origin in origins.items() if origin == "own"]
    facts = [
        runs.facts(task) if origin == "own" else runs.reference.facts.task(task)
        for task, origin in origins.items()
        if origin
    ]
    details = {f"Images: {task.name}": _images(task) for task in facts}
    provenances = [task.dataset.provenance for task in facts]
    summary = [facts[0].dataset.title if len(facts) == 1 else f"{len(facts)} tasks"]
    if "reference" in origins.values():
        details |= _reference_details(runs.reference)
        summary += _reference_summary(runs.reference)
    if own:
        summary.append(f"profile {runs.study.profile.name}")
        details |= _profile(runs.study.profile)
        if trained:
            weights = pretrained(runs.study)
            of_corpora, corpora = _corpora(runs, weights)
            provenances += of_corpora
            inits = {f"Weights: {x}": _origin(x, weights) for x in runs.study.profile.inits}
            done = pd.concat([runs.records(task, study) for task in own])
            details |= corpora | inits | _computed(done)
            summary.append(f"networks trained {done['finished'].max()[:10]}")
    return provenance_line(provenances, summary, details)


def pretraining_banner(runs: Runs) -> HTML | None:
    """Return the line of provenance of a page on one's own pretraining, None without any."""
    weights, profile = pretrained(runs.study), runs.study.profile
    if weights.empty:
        return None
    provenances, corpora = _corpora(runs, weights)
    inits = {f"Weights: {x}": _origin(x, weights) for x in weights["init"].unique()}
    details = corpora | _profile(profile) | inits | _computed(weights)
    summary = [f"profile {profile.name}", f"trained {weights['finished'].max()[:10]}"]
    return provenance_line(provenances, summary, details)


def curation_banner(runs: Runs) -> HTML:
    """Return the line of provenance of a page on the curation of the study's archive."""
    profile, real = runs.study.profile, real_archive(runs.study)
    details = {"Archive": real.name if real else "written by a program, with the profile's seed"}
    provenances = ["real" if real else "stand-in"]
    return provenance_line(provenances, [f"profile {profile.name}"], details | _profile(profile))


def reference_banner(reference: ReferenceRun) -> HTML:
    """Return the line of provenance of a page that shows a reference run alone."""
    details = {f"Images: {task.name}": _images(task) for task in reference.facts.tasks}
    details |= _reference_details(reference)
    return provenance_line(["real"], _reference_summary(reference), details)


def _profile(profile: Profile) -> dict[str, str]:
    return {"Profile": f"{profile.name}: {profile.about}"}


def _images(task: TaskFacts) -> str:
    instead = [f"open substitute for {task.substitute_for}"] if task.substitute_for else []
    return "; ".join([task.dataset.title, *instead, _remarks(task.dataset)])


def _remarks(data: DatasetFacts) -> str:
    kind = "stand-in" if data.provenance != "real" else "real"
    used = f"{data.used:,} of {data.available:,} images"
    return f"{kind} images, {used}, digest {data.digest[:12]}; licence: {data.licence}"


def _reference_summary(reference: ReferenceRun) -> list[str]:
    day = reference.facts.last_finished[:10]
    return [f"reference run “{reference.facts.name}”", f"networks trained {day}"]


def _reference_details(reference: ReferenceRun) -> dict[str, str]:
    facts = reference.facts
    details = {f"Corpus: {data.name}": f"{data.title}; {_remarks(data)}" for data in facts.corpora}
    for weights in facts.weights:
        sha256 = (weights.sha256 or "not known")[:12]
        before = details.get(f"Weights: {weights.init}")
        details[f"Weights: {weights.init}"] = (
            f"{before}, " if before else f"{weights.release}: "
        ) + f"{weights.backbone} ({weights.contract}, SHA-256 {sha256})"
    packages = ", ".join(f"{name} {number}" for name, number in facts.packages.items())
    return details | {
        "Profile": f"{facts.profile['name']}: {facts.profile['about']}",
        "Trained": f"{facts.first_finished} to {facts.last_finished}",
        "Computer": facts.hardware.text,
        "Software": f"Python {facts.python}, {packages}; {facts.backend}, {facts.precision}; "
        f"commit {(facts.commit or 'not known')[:12]}",
    }


def _corpora(runs: Runs, weights: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    """Return provenances and details of the corpora that networks were pretrained on."""
    names = weights["corpus"].unique() if len(weights) else ()
    corpora = {name: find_corpus(runs.study, name) for name in names}
    return [corpus.provenance for corpus in corpora.values()], {
        f"Corpus: {name}": f"{corpus.manifest.title}; {corpus.provenance} images"
        for name, corpus in corpora.items()
    }


def _origin(init: str, weights: pd.DataFrame) -> str:
    if init == "random":
        return "none: random initialisation"
    rows = weights[weights["init"] == init] if len(weights) else weights
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
