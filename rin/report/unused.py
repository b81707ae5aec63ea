"""The page on tasks with published results only: its figure, tables and sentence."""

import pandas as pd
from pandas.io.formats.style import Styler

from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import published_intervals
from rin.evidence.replications import like_for_like
from rin.report import words_of_studies
from rin.report.forest import forest
from rin.report.format import book_table, inline_title
from rin.report.page import Picture, picture
from rin.study.results import Results


def tasks(runs: Results) -> list[str]:
    """Return the paper's tasks without results here, or all its tasks if every one has results."""
    unused = [task for task in paper.COMPARISONS if task not in runs.tasks]
    return unused or list(paper.COMPARISONS)


def titles(names: list[str]) -> dict[str, str]:
    """Return the titles of some tasks."""
    return {task: find_task(task)[1].title for task in names}


def intervals(names: list[str]) -> pd.DataFrame:
    """Return the published differences of some tasks, as printed and from their SDs."""
    return pd.concat(
        published_intervals(paper.COMPARISONS[task]).assign(
            task=task, group=title, label=["as printed", "from its SDs"]
        )
        for task, title in titles(names).items()
    )


def independent(names: list[str]) -> pd.DataFrame:
    """Return other studies' comparisons on some tasks; a dagger marks missing scaling."""
    rows = like_for_like()
    rows = rows.assign(task=rows["task"].str.split("/")).explode("task").query("task in @names")
    marks = rows["scaling_missing"].map({True: " †", False: ""})
    groups = rows["task"].map(titles(names))
    return rows.assign(group=groups, kind="independent", label=rows["label"] + marks)


def in_short(runs: Results, names: list[str]) -> str:
    """Return sentences on what is published on some tasks, and whether others compared them."""
    inside = {task: inline_title(title) for task, title in titles(names).items()}
    gaps = [paper.COMPARISONS[task].estimate for task in names]
    compared = [inside[task] for task in names if task in {*independent(names)["task"]}]
    are_unused = any(task not in runs.tasks for task in names)
    return words_of_studies.published_only(
        [*inside.values()], gaps, compared, are_unused=are_unused
    )


def published_forest(names: list[str]) -> Picture:
    """Draw the published differences on some tasks and the differences of independent studies."""
    axes = forest(
        pd.concat([intervals(names), independent(names)]),
        xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
        ends=("ImageNet ahead", "RadImageNet ahead"),
        limits=(-35, 20),
    )
    return picture(axes, "Published differences and those of independent studies")


def class_counts(names: list[str]) -> pd.DataFrame:
    """Return the number of images of each class by the paper, the authors and the files."""
    rows = []
    for task, title in titles(names).items():
        manifest, settings = find_task(task)
        for count in paper.CLASS_COUNTS[task]:
            where = f"paper, {count.place.split(', ')[0]}"
            rows.append((title, count.group, f"{count.images:,}", where))
        counts = manifest.for_task(settings).counts
        stated = {"the dataset's authors": counts.authors, "the files": counts.images}
        rows += [
            (title, name, f"{n:,} {counts.unit}s", place)
            for place, classes in stated.items()
            for name, n in classes.items()
        ]
    return pd.DataFrame(rows, columns=["Task", "Class", "Count", "As stated by"])


def counts_table(counts: pd.DataFrame) -> Styler:
    """Return `class_counts` as a table, each task named once."""
    once = counts["Task"].mask(counts["Task"].duplicated(), "")
    caption = "Images of each class, as stated and as counted"
    return book_table(counts.assign(Task=once), caption, prose=True)


def places_table(names: list[str]) -> Styler:
    """Return a table of the sources of some tasks' images, and their folders."""
    places = {}
    for task in names:
        manifest, settings = find_task(task)
        for dataset in [manifest, *map(load_manifest, settings.substitutes)]:
            places[dataset.title] = (dataset.locations[0], dataset.home, dataset.access)
    table = pd.DataFrame(places.values(), columns=["Folder", "Home", "Access"])
    table.insert(0, "Dataset", list(places))
    return book_table(table, "Datasets, and their folders under DATA_ROOT", prose=True)
