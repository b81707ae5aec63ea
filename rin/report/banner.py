"""One line under a page's title: what its numbers come from; it unfolds to the details."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from IPython.display import HTML

from rin.errors import amount, join_with_and
from rin.files import read_facts
from rin.report.style import name_inits
from rin.report.tables import is_another_cut
from rin.study.consolidate import corpora_facts
from rin.study.ledger import other_code_remark
from rin.study.released import weights_remark
from rin.study.results import MAIN, Addition, DatasetFacts, Results, RunFacts, TaskFacts
from rin.study.workspace import Workspace
from rin.training.identity import trains_alike

HEADLINES: dict[str, str] = read_facts(__file__)


def provenance_line(
    provenances: Sequence[str], summary: Sequence[str], details: Mapping[str, str]
) -> HTML:
    """Return a page's line of provenance: a `details` element of class `rin-provenance`.

    `provenances` contains `real`, `part` (of a dataset) or `stand-in` for every source of the
    page's numbers, or only `weights` if nothing but the networks' initial weights comes from
    stand-ins; `summary` follows the headline in the line, and `details` are shown when it is
    unfolded.
    """
    kinds = {*provenances} - ({"real"} if "part" in provenances else set())
    kind = kinds.pop() if len(kinds) == 1 else "mixed"
    line = " · ".join([f"<strong>{escape(HEADLINES[kind])}</strong>", *map(escape, summary)])
    terms = "".join(f"<dt>{escape(k)}</dt><dd>{escape(text)}</dd>" for k, text in details.items())
    return HTML(
        f'<details class="rin-provenance rin-{kind}"><summary>{line}</summary>'
        f"<dl>{terms}</dl></details>"
    )


def banner(runs: Results, tasks: Sequence[str] | None = None, study: str = MAIN) -> HTML:
    """Return the line of provenance of a page that shows a study's results on some tasks.

    By default these are all its tasks.  Figures and tables then know its inits by their names.
    """
    wanted = tasks or runs.tasks_of(study)
    facts = runs.facts
    name_inits(facts.profile.inits)
    of_tasks = [task for task in facts.tasks if task.name in wanted]
    read = [data for task in of_tasks for data in (task.dataset, *task.external)]
    images = [task.dataset.provenance for task in of_tasks]
    corpora = [data.provenance for data in facts.corpora]
    parts = [data for data in (*read, *facts.corpora) if data.part]
    provenances = [*images, *corpora, *("part" for _ in parts)]
    if {*images} <= {"real"} and "stand-in" in corpora:
        provenances = ["weights"]
    summary = [of_tasks[0].dataset.title if len(of_tasks) == 1 else f"{len(of_tasks)} tasks"]
    summary += [f"only {data.part} of {data.title}" for data in parts]
    summary.append(f"run “{facts.name}”")
    if facts.first_finished:
        first = facts.first_finished[:10]
        last = facts.last_finished[:10]
        summary.append("networks trained " + (first if first == last else f"{first} to {last}"))
    if unverified := [f"{w.init} {w.backbone}" for w in facts.weights if w.verified == ""]:
        summary.append(f"unverified weights: {join_with_and(dict.fromkeys(unverified))}")
    code = Counter(facts.code)
    for added in facts.added:
        code |= Counter(added.code)
    others = [digest for digest in code.elements() if not trains_alike(digest)]
    if others and len(code) > 1:
        summary.append(other_code_remark(others, code.total()))
    details = {f"Images: {task.name}": _images(task) for task in of_tasks}
    return provenance_line(provenances, summary, details | _details(facts))


def pretraining_banner(workspace: Workspace) -> HTML:
    """Return the line of provenance of a page on one's own pretraining."""
    corpora = corpora_facts(workspace)
    profile = workspace.profile
    details = {"Profile": f"{profile.name}: {profile.about}"} | _corpora(corpora)
    kinds = ["part" if data.part else data.provenance for data in corpora]
    return provenance_line(kinds, [f"profile {profile.name}"], details)


def _images(task: TaskFacts) -> str:
    texts = [task.dataset.title]
    if is_another_cut(task):
        texts.append("another cut of the paper's own images")
    elif task.substitute_for:
        texts.append(f"open substitute for {task.substitute_for}")
    return "; ".join([*texts, _remarks(task.dataset)])


def _remarks(data: DatasetFacts) -> str:
    used = f"{data.used:,} of {data.available:,} images"
    used += f" (of the dataset, {data.part} are there)" if data.part else ""
    return f"{data.provenance} images, {used}, digest {data.digest[:12]}; licence: {data.licence}"


def _corpora(corpora: Sequence[DatasetFacts]) -> dict[str, str]:
    return {f"Corpus: {data.name}": f"{data.title}; {_remarks(data)}" for data in corpora}


def _details(facts: RunFacts) -> dict[str, str]:
    """Return the details of a run, without its images."""
    details = _corpora(facts.corpora)
    for weights in facts.weights:
        term = f"Weights: {weights.init}"
        before = f"{details[term]}, " if term in details else f"{weights.release}: "
        known = weights_remark(weights.verified, weights.probe, weights.preprocessing)
        said = [weights.preprocessing, f"SHA-256 {(weights.sha256 or 'not known')[:12]}"]
        details[term] = f"{before}{weights.backbone} ({', '.join(filter(None, [*said, known]))})"
    packages = ", ".join(f"{name} {number}" for name, number in facts.packages.items())
    codes = [f"{digest} ({amount(n, 'runs')})" for digest, n in facts.code.items()]
    ran_on = f"{facts.backend}, {facts.precision}; " if facts.backend else ""
    details |= {
        "Profile": f"{facts.profile.name}: {facts.profile.about}",
        "Trained": f"{facts.first_finished} to {facts.last_finished}",
        "Computer": facts.hardware,
        "Software": f"Python {facts.python}, {packages}; {ran_on}commit {_short(facts.commit)}"
        + (f"; code {', '.join(codes)}" if codes else ""),
    }
    if facts.author:
        details["Published"] = f"by {facts.author}, under {facts.licence}"
    if facts.added:
        details["Added"] = "; ".join(map(_addition, facts.added))
    return details


def _short(commit: str | None) -> str:
    """Return the first digits of a commit, with its plus if files had been edited."""
    return commit[:12] + commit[40:] if commit else "not known"


def _addition(added: Addition) -> str:
    """Return a text saying what was added to a reference run, when, and where it was computed."""
    numbers = ", ".join(map(str, added.pretrainings))
    networks = f"pretraining {numbers} of {', '.join(added.backbones)}" if numbers else ""
    parts = " from ".join(filter(None, (" and ".join(added.studies), networks)))
    return f"{parts} on {added.written[:10]}, from {added.hardware}, commit {_short(added.commit)}"
