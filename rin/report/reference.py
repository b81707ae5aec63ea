"""The reference run for the pages: its tasks under every analysis, beside the paper and a study.

Statistics are computed here from the cases of the reference run, each time anew; published
numbers come from `rin.paper`.  Differences are a − b in AUC points (0-100).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from rin import paper
from rin.data.manifest import TaskManifest, find_task
from rin.report.across import Images
from rin.report.analyses import TaskAnalyses, analyse, conclusion
from rin.report.analyses_tables import PUBLISHED, conclusion_words, holm_of_recommended
from rin.report.banner import Source, provenance_banner
from rin.report.format import (
    format_estimate,
    format_mean_sd,
    format_p,
)
from rin.report.style import init_style
from rin.study.reference import ReferenceRun, grid_predictions, load_reference, reference_names
from rin.study.reference_facts import DatasetFacts, TaskFacts

if TYPE_CHECKING:
    from IPython.display import HTML

_POINTS = 100
DIFFERENCE = "Difference, points (95% CI)"
#: Where a row comes from, in words.
SOURCES = {"published": PUBLISHED, "reference": "Reference run", "own": "This run"}


@dataclass(frozen=True)
class ReferenceTask:
    """A task of a reference run, as functions that name tasks read `TaskInputs`."""

    task: TaskManifest
    provenance: str


def shown_reference(profile: str = "") -> ReferenceRun | None:
    """Return the reference run to show: that of a profile, else `open`, else the first.

    None where the book has none.

    Raises
    ------
    InputError
        For a reference run that is damaged.
    """
    names = reference_names()
    wanted = [name for name in (profile, "open", *names) if name in names]
    return load_reference(wanted[0]) if wanted else None


def reference_tasks(reference: ReferenceRun) -> dict[str, ReferenceTask]:
    """Return the tasks of a reference run by name, those of its grid in the paper's order."""
    known = list(paper.COMPARISONS)
    found = {one.name: find_task(one.name)[1] for one in reference.facts.tasks}
    keys = {name: one.paper_task for name, one in found.items()}
    order = sorted(found, key=lambda name: known.index(keys[name]) if keys[name] else len(known))
    return {name: ReferenceTask(found[name], "real") for name in order}


def reference_images(facts: TaskFacts) -> Images:
    """Return which images a task of a reference run was run on."""
    data, replaced = facts.dataset, facts.substitute_for
    return Images(
        "substitute" if replaced else "real", data.title, replaced, data.used, data.available
    )


def reference_analyses(
    reference: ReferenceRun, tasks: Sequence[str] | None = None
) -> list[TaskAnalyses]:
    """Return tasks of a reference run under every analysis, in the order of the paper.

    Parameters
    ----------
    tasks
        Names; all whose grid was run by default.

    Raises
    ------
    InputError
        As `rin.stats.pooling.task_analyses`.

    Notes
    -----
    Checked against `rin.report.analyses.analyses_of` of the study that was written.
    """
    wanted = reference.tasks if tasks is None else tasks
    return [
        _analyses(reference, name, one.task)
        for name, one in reference_tasks(reference).items()
        if name in wanted
    ]


def _analyses(reference: ReferenceRun, name: str, task: TaskManifest) -> TaskAnalyses:
    facts, scored = reference.facts.task(name), grid_predictions(reference, name)
    ratio = facts.split["test"] / facts.split["train"]
    return analyse(task, reference_images(facts), scored, reference.facts.inits, ratio)


def difference_rows(
    found: Sequence[TaskAnalyses], own: Sequence[TaskAnalyses] = ()
) -> pd.DataFrame:
    """Return published differences, those of a reference run and of a study, as numbers.

    Parameters
    ----------
    found
        Tasks of the reference run.
    own
        Tasks of the reader's study; tasks that the reference run lacks are left out.

    Returns
    -------
    pandas.DataFrame
        `title`, `source` (key of `SOURCES`), `estimate`, `low`, `high` (AUC points; published
        as printed, the others of the recommended analysis; NaN where it cannot be computed),
        `conclusion` (of `rin.report.analyses.CONCLUSIONS`), `stand_in`, `p` as text and `p_holm`,
        adjusted over all tasks of the source; NaN for published ones.
    """
    beside = {one.task: one for one in own}
    adjusted = {"reference": holm_of_recommended(found), "own": holm_of_recommended(own)}
    rows = []
    for one in found:
        if (ends := one.published_ends) is not None:
            key = conclusion(*ends[1:])
            p = one.published.p_text
            rows.append((one.title, "published", *ends, key, False, p, float("nan")))
        for source, here in (("reference", one), ("own", beside.get(one.task))):
            if here is not None:
                row = here.recommended
                ends = [_POINTS * row[name] for name in ("estimate", "ci_low", "ci_high")]
                marked = here.images.origin == "stand-in"
                p, p_holm = format_p(row["p_value"]), adjusted[source][one.task]
                rows.append((one.title, source, *ends, row["conclusion"], marked, p, p_holm))
    columns = ["title", "source", "estimate", "low", "high", "conclusion", "stand_in", "p"]
    return pd.DataFrame(rows, columns=[*columns, "p_holm"])


def areas_table(found: Sequence[TaskAnalyses], p_holm: Mapping[str, float]) -> pd.DataFrame:
    """Return mean areas and their difference, one row a task, as text.

    What matters most comes first, for a phone shows few columns at once.

    Parameters
    ----------
    p_holm
        P values adjusted over the tasks, by task, as `holm_of_recommended` returns them.
    """
    rows = {}
    for one in found:
        pooled, row = one.pooled, one.recommended
        names = [init_style(init).short for init in one.inits]
        ends = [_POINTS * row[name] for name in ("estimate", "ci_low", "ci_high")]
        rows[one.title] = {
            f"{names[0]}, mean ± SD": format_mean_sd(pooled.mean_a, pooled.sd_a),
            f"{names[1]}, mean ± SD": format_mean_sd(pooled.mean_b, pooled.sd_b),
            DIFFERENCE: format_estimate(*ends, 1),
            "P, Holm": format_p(p_holm[one.task]),
            "The interval supports": conclusion_words(row["conclusion"], one.names, one.margin),
            "P": format_p(row["p_value"]),
            "Test images": f"{one.row('delong_contrast')['n_units']:,}",
            "Patients": f"{row['n_units']:,}",
            "of the rarer class": f"{one.fewest_patients:,}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def beside_table(found: Sequence[TaskAnalyses], own: Sequence[TaskAnalyses] = ()) -> pd.DataFrame:
    """Return published areas and differences, the reference run's and a study's, as text."""
    numbers = difference_rows(found, own).set_index(["title", "source"])
    by_source = {"reference": {one.task: one for one in found},
                 "own": {one.task: one for one in own}}  # fmt: skip
    tasks = {one.title: one for one in found}
    rows = {}
    for (title, source), row in numbers.iterrows():
        one = tasks[title]
        here = by_source.get(source, {}).get(one.task)
        rows[title, SOURCES[source]] = {
            "Images": "the paper’s" if here is None else here.images.text,
            "Mean areas ± SD": _means(one if here is None else here, published=here is None),
            DIFFERENCE: format_estimate(row["estimate"], row["low"], row["high"], 1),
            "P": row["p"],
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["Task", "Source"])
    return table


def _means(one: TaskAnalyses, *, published: bool) -> str:
    if published:
        p = one.published
        ends = {"RadImageNet": (p.auc_radimagenet, p.sd_radimagenet),
                "ImageNet": (p.auc_imagenet, p.sd_imagenet)}  # fmt: skip
    else:
        pooled = one.pooled
        a, b = (init_style(init).short for init in one.inits)
        ends = {a: (pooled.mean_a, pooled.sd_a), b: (pooled.mean_b, pooled.sd_b)}
    return "; ".join(f"{name} {format_mean_sd(*values)}" for name, values in ends.items())


def reference_banner(reference: ReferenceRun) -> HTML:
    """Return the banner of a reference run: images, profile, weights, date, hardware, versions."""
    facts = reference.facts
    sources = [_source(one.dataset, one.substitute_for) for one in facts.tasks]
    sources += [_source(corpus) for corpus in facts.corpora]
    weights = {}
    for init in dict.fromkeys(one.init for one in facts.weights):
        own = [one for one in facts.weights if one.init == init]
        contracts = ", ".join(f"{one.backbone} {one.contract}" for one in own)
        digests = ", ".join(one.sha256[:12] if one.sha256 else "not known" for one in own)
        weights[init] = f"{own[0].release}; inputs: {contracts}; SHA-256: {digests}"
    packages = ", ".join(f"{name} {number}" for name, number in facts.packages.items())
    versions = f"Python {facts.python}, {packages}; commit {(facts.commit or 'not known')[:12]}"
    return provenance_banner(
        list(dict.fromkeys(sources)),
        profile=f"{facts.profile['name']}: {facts.profile['about']}",
        weights=weights,
        computed=f"{facts.first_finished} to {facts.last_finished}; written {facts.written}",
        hardware=f"{facts.hardware.text}; {facts.backend}, {facts.precision}; {versions}",
    )


def _source(data: DatasetFacts, replaced: str | None = None) -> Source:
    remarks = [f"open substitute for {replaced}"] if replaced else []
    if data.used < data.available:
        remarks.append(f"{data.used:,} of {data.available:,} images drawn at random")
    remarks.append(f"access: {data.access}; licence: {data.licence}")
    return Source(data.title, data.provenance, f"digest {data.digest[:12]}", tuple(remarks))
