"""Tables of the page on the study: what was done, on which images, and corpus overlap."""

from collections.abc import Iterable, Mapping

import pandas as pd
from pandas.io.formats.style import Styler

from rin.curation.taxonomy import load_taxonomy
from rin.data.manifest import DatasetManifest, find_task, load_manifest
from rin.errors import counted
from rin.evidence import paper
from rin.report import words
from rin.report.banner import image_kind
from rin.report.counterparts import mirror
from rin.report.evidence_figures import region_names, regions_bars
from rin.report.format import MISSING, book_table
from rin.report.words_of_evidence import copies_missed, ultrasound_tasks
from rin.study.opened import RunFacts, TaskFacts
from rin.study.results import Results

#: The names that the page imports from here, defined in this module or elsewhere.
__all__ = [
    "classes_table",
    "computers",
    "copies_missed",
    "corpus_overlap_table",
    "distribution_table",
    "images_table",
    "load_taxonomy",
    "mirror",
    "phases_differ",
    "phases_table",
    "regions_bars",
    "sources_table",
    "two_corpora",
    "what_was_asked",
]


def what_was_asked(runs: Results) -> str:
    """Return sentences on what the paper did, and on the question that a run asks instead."""
    database = {name: fact.value for name, fact in paper.DATABASE.items()}
    question = words.question_asked(runs.inits, runs.corpora())
    return (
        f"Mei and colleagues built a database of {database['images'] / 1e6:.2f} million images of "
        f"{database['patients']:,} patients, trained four networks on it, and compared them with "
        f"networks trained on photographs in {len(paper.COMPARISONS)} tasks {{cite:p}}`mei2022`. "
        "The database is available on request only. This book checks the published numbers, "
        f"compares them with what others found, and asks the same question of {question}. The "
        f"results shown here are of {words.tasks_covered(runs.tasks)}."
    )


def phases_differ(runs: Results, records: pd.DataFrame) -> str:
    """Return sentences on how a run's phases differ from the paper's."""
    return (
        "The first two phases cannot be repeated without the archive. "
        f"{words.architectures([*records['backbone'].unique()])} "
        f"{words.phases_differ(runs.inits, runs.corpora())}"
    )


def two_corpora(facts: RunFacts) -> str:
    """Return sentences on the corpora on which a reference run's networks were pretrained."""
    held = " or on ".join(
        f"{corpus.title.partition(', ')[2]} ({corpus.used:,} images)" for corpus in facts.corpora
    )
    return (
        f"The networks of the reference run were pretrained on {held}. Both corpora have the same "
        f"number of classes, of the same sizes. {words.ultrasound_seen(facts.corpora[0].title)}; "
        f"{ultrasound_tasks(facts.tasks)}"
    )


def phases_table(runs: Results, records: pd.DataFrame) -> Styler:
    """Return a table of the paper's four phases, and what a run did instead."""
    database = {name: fact.value for name, fact in paper.DATABASE.items()}
    settings = {name: fact.value for name, fact in paper.SETTINGS.items()}
    facts = [runs.facts(task) for task in runs.tasks]
    epochs = words.range_of(records.groupby("task")["epochs"].max())
    sizes = words.range_of(task.size for task in facts)
    train = words.range_of(task.split["train"] for task in facts)
    networks = len(runs.pretraining())
    phases = {
        "Annotation": (
            f"{database['radiologists']} radiologists label key images",
            "labels as published with the images",
        ),
        "Database": (
            f"{database['images']:,} images, {database['labels']} labels",
            words.corpora_here(len(runs.corpora())),
        ),
        "Pretraining": (
            f"{len(paper.RELEASED_ACCURACY)} networks from random weights, "
            f"{settings['pretraining_image_size']} px",
            words.pretraining_here(networks, runs.workspace.profile.pretraining),
        ),
        "Fine-tuning": (
            f"{settings['scenarios']} scenarios, {settings['image_size']} px,"
            f" {settings['epochs']} epochs",
            f"{counted(records['scenario'].nunique(), 'scenarios')}, {sizes} px, epochs: {epochs},"
            f" on {train} images",
        ),
    }
    table = pd.DataFrame(phases, index=["The paper", "This book"]).T
    table = table.rename_axis(index="Phase").reset_index()
    return book_table(table, "Figure 1: the four phases", prose=True)


def classes_table(taxonomy: pd.DataFrame) -> Styler:
    """Return a table of all classes of the database, one row per region."""
    labels = taxonomy.groupby("region", sort=False)["label"].agg(", ".join)
    labels = labels.str.replace("_", " ").rename_axis("Region").reset_index()
    labels["Region"] = region_names(labels["Region"])
    return book_table(labels, "Table E1: all classes", prose=True)


def images_table(facts: Mapping[str, TaskFacts]) -> Styler:
    """Return a table of the images of every task of the paper and of a run; a dash for none."""
    rows = []
    for task in dict.fromkeys([*paper.COMPARISONS, *facts]):
        images = facts.get(task)
        row = {"Task": find_task(task)[1].title, "Paper": _stated(task, "all")}
        row |= dict.fromkeys(("Used here", "Trained on", "Tested on", "Images are"), MISSING)
        if images:
            row["Used here"] = f"{images.dataset.used:,}"
            row["Trained on"] = f"{images.split['train']:,}"
            row["Tested on"] = f"{images.split['test']:,}"
            row["Images are"] = image_kind(images)
        rows.append(row)
    return book_table(pd.DataFrame(rows), "Images of each task", prose=True)


def _stated(task: str, group: str) -> str:
    counts = {count.group: count.images for count in paper.CLASS_COUNTS.get(task, ())}
    return f"{counts[group]:,}" if group in counts else MISSING


def distribution_table(tasks: Iterable[str], facts: Mapping[str, TaskFacts], item: str) -> Styler:
    """Return a table of tasks' class counts: stated by paper and authors, counted, and used here.

    There is one row per task and class, with a dash where nothing is stated or counted.  `facts`
    are those of a run, which may use a substitute's images; `item` names the paper's table that
    this one replaces.
    """
    rows = []
    for task in tasks:
        manifest, of_task = find_task(task)
        mapping = manifest.label_map | of_task.label_map
        for count in paper.CLASS_COUNTS[task]:
            if count.group == "all":
                continue
            images = facts[task].dataset.counts if task in facts else {}
            rows.append(
                {
                    "Task": of_task.title.partition(",")[0],
                    "Class": count.group,
                    "Paper": f"{count.images:,}",
                    "Authors": _of_class(manifest.counts.authors, mapping, count.group),
                    "Counted": _in_files(manifest, mapping, count.group),
                    "Used here": _of_class(images, {}, count.group),
                }
            )
    return book_table(pd.DataFrame(rows), f"{item}: classes of the datasets", prose=True)


def _of_class(counts: Mapping[str, int], mapping: Mapping[str, str | None], label: str) -> str:
    """Return the sum of the counts, by source class, that belong to a label; a dash for none."""
    numbers = [n for source, n in counts.items() if mapping.get(source, source) == label]
    return f"{sum(numbers):,}" if numbers else MISSING


def _in_files(manifest: DatasetManifest, mapping: Mapping[str, str | None], label: str) -> str:
    text = _of_class(manifest.counts.images, mapping, label)
    return f"{text} exams" if manifest.counts.unit == "exam" and text != MISSING else text


def sources_table(corpus: str) -> Styler:
    """Return a table of the datasets from which a corpus was assembled."""
    columns = ["name", "citation", "classes", "images"]
    parts = pd.DataFrame(map(dict, load_manifest(corpus).sources), columns=columns)
    parts["images"] = parts["images"].map("{:,}".format)
    parts = parts.rename(columns=str.capitalize).astype(str)
    return book_table(parts, "Sources of the radiologic corpus", prose=True)


def corpus_overlap_table(overlap: pd.DataFrame) -> Styler:
    """Return a table of how many of each task's images, and of planted copies, were found.

    `overlap` is the table `corpus_overlap` of a reference run, one row per task and corpus.
    """
    by_task = overlap.groupby("task", sort=False)
    table = pd.DataFrame(
        {
            "Modality in the corpus": by_task["in_corpus"].max().map({True: "yes", False: "no"}),
            "Images": by_task["images"].first().map("{:,}".format),
            "Found": by_task["near"].sum() + by_task["equal"].sum(),
            "Nearest, bits": by_task["nearest"].min(),
            "Copies found": [
                f"{n} of {made}"
                for n, made in zip(
                    by_task["copies_found"].min(), by_task["copies"].first(), strict=True
                )
            ],
        }
    )
    table.insert(0, "Task", [find_task(task)[1].title for task in table.index])
    return book_table(
        table.reset_index(drop=True), "Images of the tasks in the corpora", prose=True
    )


def computers(facts: RunFacts) -> str:
    """Return the computers on which a reference run was computed, each once."""
    hardware = [facts.hardware, *(addition.hardware for addition in facts.added)]
    return "; ".join(dict.fromkeys(computer.text for computer in hardware))
