"""One line under a page's title: what its numbers come from; it unfolds to the details."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd
from IPython.display import HTML

from rin.data.manifest import find_task
from rin.errors import counted, join_with_and
from rin.files import read_yaml
from rin.report.format import inline_title
from rin.study.corpora import find_corpus, modalities
from rin.study.ledger import other_code_remark
from rin.study.pretraining import pretrained
from rin.study.released import ReleasedFile, released_files, weights_remark
from rin.study.results import MAIN, Addition, DatasetFacts, Results, TaskFacts
from rin.study.workspace import Workspace
from rin.training.identity import trains_alike

_TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))
HEADLINES: dict[str, str] = _TEXTS["headlines"]


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
    pairs = details.items()
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in pairs)
    return HTML(
        f'<details class="rin-provenance rin-{kind}"><summary>{line}</summary>'
        f"<dl>{terms}</dl></details>"
    )


def banner(
    runs: Results, tasks: Sequence[str] | None = None, study: str = MAIN, *, trained: bool = True
) -> HTML:
    """Return the line of provenance of a page that shows a study's results on some tasks.

    By default these are all its tasks; if the page shows no `trained` networks, it names only the
    images.
    """
    wanted = tasks or runs.tasks_of(study)
    facts = [task for task in runs.facts.tasks if task.name in wanted]
    details = {f"Images: {task.name}": _images(task) for task in facts}
    read = [data for task in facts for data in (task.dataset, *task.external)]
    provenances = [_kind(task.dataset) for task in facts]
    provenances += ["part" for data in read if data.part]
    summary = [facts[0].dataset.title if len(facts) == 1 else f"{len(facts)} tasks"]
    summary += _parts(read)
    workspace, profile = runs.workspace, runs.facts.profile
    if workspace is None:
        text, of_reference = _reference(runs)
        summary += [*text, *_unseen(runs, [task.name for task in facts])]
        return provenance_line(provenances, summary, details | of_reference)
    summary.append(f"profile {profile.name}")
    details["Profile"] = f"{profile.name}: {profile.about}"
    if trained:
        done = pd.concat([runs.records(task.name, study) for task in facts])
        corpora, text, made = _trained(workspace, profile.inits, runs.pretraining(), done)
        of_stand_ins = {*provenances} <= {"real", "part"} and "stand-in" in corpora
        provenances = ["weights"] if of_stand_ins else provenances + corpora
        summary += text
        details |= made
    return provenance_line(provenances, summary, details)


def pretraining_banner(workspace: Workspace) -> HTML | None:
    """Return the line of provenance of a page on one's own pretraining, or None without one."""
    weights, profile = pretrained(workspace), workspace.profile
    if weights.empty:
        return None
    corpora, text, made = _trained(workspace, weights["init"].unique(), weights, weights)
    details = {"Profile": f"{profile.name}: {profile.about}"} | made
    return provenance_line(corpora, [f"profile {profile.name}", *text], details)


def _images(task: TaskFacts) -> str:
    texts = [task.dataset.title]
    if is_another_cut(task):
        texts.append("another cut of the paper's own images")
    elif task.substitute_for:
        texts.append(f"open substitute for {task.substitute_for}")
    return "; ".join([*texts, _remarks(task.dataset)])


def is_another_cut(task: TaskFacts) -> bool:
    """Return whether a task has the paper's own images in another cut, judged by their titles."""
    return bool(task.substitute_for) and task.dataset.title.startswith(task.substitute_for)


def image_kind(task: TaskFacts) -> str:
    """Return the kind of a task's images: `real`, `another cut`, `substitute` or `stand-in`."""
    return "another cut" if is_another_cut(task) else task.kind


def _remarks(data: DatasetFacts) -> str:
    used = f"{data.used:,} of {data.available:,} images"
    used += f" (of the dataset, {data.part} are there)" if data.part else ""
    return f"{data.provenance} images, {used}, digest {data.digest[:12]}; licence: {data.licence}"


def _kind(data: DatasetFacts) -> str:
    """Return the kind of a dataset's images: `real`, `part` of a published one, `stand-in`."""
    return "part" if data.part else data.provenance


def _parts(read: Sequence[DatasetFacts]) -> list[str]:
    """Return a remark on datasets of which only a part was available."""
    parts = dict.fromkeys(f"{data.part} of {data.title}" for data in read if data.part)
    return [f"only {join_with_and(parts)}"] if parts else []


def _reference(reference: Results) -> tuple[list[str], dict[str, str]]:
    """Return the summary and the details of a reference run, without its images."""
    facts = reference.facts
    details = {f"Corpus: {data.name}": f"{data.title}; {_remarks(data)}" for data in facts.corpora}
    for weights in facts.weights:
        sha256 = (weights.sha256 or "not known")[:12]
        term = f"Weights: {weights.init}"
        before = f"{details[term]}, " if term in details else f"{weights.release}: "
        known = weights_remark(weights.verified, weights.probe, weights.preprocessing)
        said = [weights.preprocessing, f"SHA-256 {sha256}", *([known] if known else [])]
        details[term] = f"{before}{weights.backbone} ({', '.join(said)})"
    packages = ", ".join(f"{name} {number}" for name, number in facts.packages.items())
    details |= {
        "Profile": f"{facts.profile.name}: {facts.profile.about}",
        "Trained": f"{facts.first_finished} to {facts.last_finished}",
        "Computer": facts.hardware.text,
        "Software": f"Python {facts.python}, {packages}; {facts.backend}, {facts.precision}; "
        f"commit {_short(facts.commit)}{_codes(facts.code)}",
    }
    classes = "".join(f" ({data.title.partition(', ')[2]})" for data in facts.corpora[:1])
    if facts.added:
        details["Added"] = "; ".join(map(_addition, facts.added))
    days = _days(facts.first_finished, facts.last_finished)
    summary = [f"reference run “{facts.name}”{classes}", f"networks trained {days}"]
    unverified = [f"{w.init} {w.backbone}" for w in facts.weights if w.verified == ""]
    code = Counter(facts.code)
    for added in facts.added:
        code |= Counter(added.code)
    digests = [] if len(code) < 2 else [*code.elements()]
    return [*summary, *_unverified(unverified), *_other_code(digests, code.total())], details


def _short(commit: str | None) -> str:
    """Return the first digits of a commit, with its plus if files had been edited."""
    return f"{commit[:12]}{'+' * commit.endswith('+')}" if commit else "not known"


def _codes(code: Mapping[str, int]) -> str:
    """Return how many runs each version of the code trained, or an empty string if not stated."""
    counts = ", ".join(f"{digest} ({counted(n, 'runs')})" for digest, n in code.items())
    return f"; code {counts}" if counts else ""


def _unverified(names: Sequence[str]) -> list[str]:
    """Return a remark on weights whose files could not be verified."""
    return [f"unverified weights: {join_with_and(dict.fromkeys(names))}"] if names else []


def _other_code(digests: Sequence[str | None], n_runs: int) -> list[str]:
    """Return a remark on runs by code that has not been shown to train alike."""
    remark = other_code_remark([d for d in digests if not trains_alike(d)], n_runs)
    return [remark] if remark else []


def _unseen(reference: Results, tasks: Sequence[str]) -> list[str]:
    """Return remarks on tasks whose modality the radiologic corpus, if stated, does not have."""
    corpora = reference.facts.corpora[:1]
    known = {name for data in corpora for name in modalities(data.modality)} - {""}
    if not known:
        return []
    tasks_of: dict[str, list[str]] = {}
    for task in tasks:
        of_task = modalities(reference.facts.task(task).dataset.modality)
        for name in sorted(of_task - known - {""}):
            title = inline_title(find_task(task)[1].title)
            tasks_of.setdefault(_TEXTS["modalities"].get(name, name), []).append(title)
    return [
        f"corpus without {name} ({join_with_and(titles)})" for name, titles in tasks_of.items()
    ]


def _addition(added: Addition) -> str:
    """Return a text saying what was added to a reference run, when, and where it was computed."""
    numbers = ", ".join(map(str, added.pretrainings))
    networks = f"pretraining {numbers} of {', '.join(added.backbones)}" if numbers else ""
    parts = " from ".join(filter(None, (" and ".join(added.studies), networks)))
    return (
        f"{parts} on {added.written[:10]}, from {added.hardware.text}, "
        f"commit {_short(added.commit)}"
    )


def _released(file: ReleasedFile) -> str:
    """Return a text saying what is known about a file of released weights."""
    entry = file.entry
    known = weights_remark(file.verified, file.verdict, entry.preprocessing)
    sha256 = f", SHA-256 {file.sha256[:12]}" if file.sha256 else ""
    said = f" (the probe says: {file.verdict})" if file.verdict and entry.sha256 else ""
    return f"{entry.release}: {entry.backbone} ({entry.preprocessing}{sha256}, {known}{said})"


def _days(first: str, last: str) -> str:
    """Return the day of two times, or both days if they differ."""
    return last[:10] if first[:10] == last[:10] else f"{first[:10]} to {last[:10]}"


def _trained(
    workspace: Workspace, inits: Sequence[str], weights: pd.DataFrame, done: pd.DataFrame
) -> tuple[list[str], list[str], dict[str, str]]:
    """Return the corpora's provenances, a summary and details of networks trained here."""
    names = weights["corpus"].unique() if len(weights) else ()
    corpora = {name: find_corpus(workspace, name) for name in names}
    details = {
        f"Corpus: {name}": f"{corpus.manifest.title}; {corpus.provenance} images"
        for name, corpus in corpora.items()
    }
    files = [file for file in released_files(workspace) if file.entry.init in inits]
    for init in inits:
        rows = weights[weights["init"] == init] if len(weights) else weights
        if init == "random":
            text = "none: random initialisation"
        elif rows.empty:
            texts = [_released(file) for file in files if file.entry.init == init]
            text = "; ".join(texts) or "released weights, see data_manifests/weights.yaml"
        else:
            network = rows.iloc[0]
            images, epochs = network["training_images"], counted(network["epochs"], "epochs")
            text = (
                f"pretrained here from random initialisation on {images} images of "
                f"{network['classes']} classes, {epochs}"
            )
        details[f"Weights: {init}"] = text
    details["Computed"] = f"{done['finished'].min()} to {done['finished'].max()}"
    for column in ("computer", "software", "commit", "code"):
        if values := [*done.get(column, pd.Series(dtype=str)).dropna().unique()]:
            details[column.capitalize()] = "; ".join(values)
    summary = [f"networks trained {_days(done['finished'].min(), done['finished'].max())}"]
    summary += _unverified([file.name for file in files if not file.verified])
    if parts := [f"{c.part} of {c.manifest.title}" for c in corpora.values() if c.part]:
        summary.append(f"pretrained on only {join_with_and(parts)}")
    tables = [table.reindex(columns=["run_id", "code"]) for table in (weights, done)]
    runs = pd.concat(tables).drop_duplicates().astype(object)
    summary += _other_code(runs["code"].where(runs["code"].notna(), None), len(runs))
    if (mixture := done["software"].nunique()) > 1:
        summary.append(f"trained with {mixture} different sets of software")
    kinds = ["part" if corpus.part else corpus.provenance for corpus in corpora.values()]
    return kinds, summary, details
