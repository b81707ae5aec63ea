"""The notebooks of the book: what each takes, when it runs, and where its page stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from rin.data.manifest import find_task
from rin.errors import unknown
from rin.report.format import task_title
from rin.study.setting import Study, find_manifest

#: Table of contents that is written beside the computed notebooks.
CONTENTS = "_toc.yml"


@dataclass(frozen=True)
class Chapter:
    """One notebook of the book.

    Attributes
    ----------
    source
        Stem of the py:percent file in ``notebooks/``.
    parameters
        Names of the values that the notebook takes.
    stage
        Notebooks of one stage need nothing of each other and may run side by side; stages
        follow one another.
    part
        Caption of the part of the book in which the page stands; of the pages of one task, the
        chapter of that task.
    label
        Name of a task's page in the table of contents and in its heading.
    needs_masks
        Whether the notebook makes sense only for datasets with lesion masks.
    section
        Section of the profile without which the notebook has nothing to say; empty where it
        always has.
    """

    source: str
    parameters: tuple[str, ...]
    stage: int
    part: str
    label: str = ""
    needs_masks: bool = False
    section: str = ""

    @property
    def per_task(self) -> bool:
        """Whether the notebook runs once for each task."""
        return "task" in self.parameters

    def output(self, task: str = "") -> str:
        """Return the file name of the computed notebook."""
        return f"{task}_{self.source}.ipynb" if self.per_task else f"{self.source}.ipynb"

    def choose(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the notebook's parameters, taken from `values`.

        Raises
        ------
        InputError
            If `values` lacks a parameter of this chapter.
        """
        for name in self.parameters:
            if name not in values:
                raise unknown("parameter", name, tuple(values))
        return {name: values[name] for name in self.parameters}


@dataclass(frozen=True)
class Outline:
    """What decides which pages a book has.

    Attributes
    ----------
    tasks
        Names of the tasks.
    masked
        Those of them that have lesion masks.
    sections
        Optional sections that the profile has, such as `curation`.
    """

    tasks: tuple[str, ...]
    masked: frozenset[str]
    sections: frozenset[str]

    def holds(self, chapter: Chapter, task: str) -> bool:
        """Return whether the book has the page of a chapter about a task (or about none)."""
        if chapter.needs_masks and task not in self.masked:
            return False
        return not chapter.section or chapter.section in self.sections


@dataclass(frozen=True)
class Page:
    """One notebook run: a chapter, and the task where it has one."""

    chapter: Chapter
    task: str = ""

    @property
    def output(self) -> str:
        """File name of the computed notebook."""
        return self.chapter.output(self.task)

    @property
    def heading(self) -> str | None:
        """First heading of a task's page; None keeps that of the notebook."""
        return f"{title_of(self.task)}: {self.chapter.label}" if self.task else None


_STUDY = ("profile", "data_root", "results")
_TASK = ("task", *_STUDY)
METHODS, RESULTS, EVIDENCE = "Methods", "Results", "Evidence"
TASKS, USE = "Task by task", "Use it yourself"
CHAPTERS = (
    Chapter("study_design", _STUDY, 0, METHODS),
    Chapter("data_status", _STUDY, 0, METHODS),
    Chapter("worked_areas", (), 0, METHODS),
    Chapter("worked_overlap", (), 0, METHODS),
    Chapter("coverage", ("profile",), 0, METHODS),
    Chapter("curation", _STUDY, 0, METHODS, section="curation"),
    Chapter("dataset_card", _TASK, 0, TASKS, "the images"),
    Chapter("pretraining", _STUDY, 1, METHODS, section="pretraining"),
    Chapter("runs", _STUDY, 3, METHODS),
    Chapter("fine_tuning", _TASK, 4, TASKS, "every scenario"),
    Chapter("comparison", _TASK, 4, TASKS, "is the difference real?"),
    Chapter("beyond", _TASK, 4, TASKS, "beyond the area"),
    Chapter("gradcam", _TASK, 4, TASKS, "where the networks look", needs_masks=True),
    Chapter("results", _STUDY, 4, RESULTS),
    Chapter("analyses", _STUDY, 4, RESULTS),
    Chapter("localisation", _STUDY, 4, RESULTS),
    Chapter("sanity", _STUDY, 4, RESULTS, section="sanity"),
    Chapter("from_random", _STUDY, 4, RESULTS, section="from_random"),
    Chapter("embeddings", _STUDY, 4, RESULTS, section="pretraining"),
    Chapter("supplement", _STUDY, 4, RESULTS),
    Chapter("reference_run", _STUDY, 4, EVIDENCE),
    Chapter("audit", (), 0, EVIDENCE),
    Chapter("discrepancies", (), 0, EVIDENCE),
    Chapter("probe", _STUDY, 2, EVIDENCE, section="probe"),
    Chapter("factors", _STUDY, 4, EVIDENCE, section="factors"),
    Chapter("replications", _STUDY, 4, EVIDENCE),
    Chapter("cover", _STUDY, 4, ""),
    Chapter("tests_alone", (), 0, USE),
    Chapter("model_cards", _STUDY, 4, USE, section="pretraining"),
    Chapter("how_built", _STUDY, 4, USE),
)
# Prose pages, by the part that they open.
_PROSE = {"Introduction": ["intro"], METHODS: ["methods", "methods_statistics"], USE: ["use_it"]}
_LAST = ["references"]


def title_of(task: str) -> str:
    """Return the title of the task of a name."""
    return task_title(find_task(task)[1])


def tasks_with_masks(study: Study) -> set[str]:
    """Return the tasks of a study whose images, as they would be read, have lesion masks."""
    tasks = study.profile.tasks
    return {task for task in tasks if find_manifest(study, *find_task(task)).masks}


def outline_of(study: Study) -> Outline:
    """Return the outline of the book about a study."""
    named = {chapter.section for chapter in CHAPTERS if chapter.section}
    there = {name for name in named if getattr(study.profile, name) is not None}
    tasks = tuple(study.profile.tasks)
    return Outline(tasks, frozenset(tasks_with_masks(study)), frozenset(there))


def pages(outline: Outline) -> Iterator[Page]:
    """Yield every page of a book, in the order of the chapters."""
    for chapter in CHAPTERS:
        for task in outline.tasks if chapter.per_task else [""]:
            if outline.holds(chapter, task):
                yield Page(chapter, task)


def contents(outline: Outline) -> dict:
    """Return the table of contents: a part a topic, and in it one chapter a task."""
    parts = {name: [{"file": page} for page in _PROSE.get(name, [])] for name in
             ("Introduction", METHODS, RESULTS, EVIDENCE, TASKS, USE)}  # fmt: skip
    root, of_task = "", {task: [] for task in outline.tasks}
    for page in pages(outline):
        file = f"notebooks/{Path(page.output).stem}"
        if page.task:
            of_task[page.task].append({"file": file, "title": page.chapter.label.capitalize()})
        elif page.chapter.part:
            parts[page.chapter.part].append({"file": file})
        else:
            root = file
    parts[TASKS] = [
        {"file": first["file"], "title": title_of(task), "sections": others}
        for task, (first, *others) in of_task.items()
    ]
    parts[USE] += [{"file": page} for page in _LAST]
    listed = [{"caption": name, "chapters": files} for name, files in parts.items() if files]
    return {"format": "jb-book", "root": root, "parts": listed}


def write_contents(outline: Outline, folder: Path) -> Path:
    """Write the table of contents into a folder and return its path."""
    path = folder / CONTENTS
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(contents(outline), sort_keys=False), encoding="utf-8")
    return path
