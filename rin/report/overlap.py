"""The page on maps and lesions: its figures, tables and sentences."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML, Markdown
from pandas.io.formats.style import Styler

from rin.data.manifest import find_task
from rin.errors import join_with_and
from rin.evidence import paper
from rin.explain.overlap import SIDE
from rin.report import words_of_results as words
from rin.report import words_of_studies
from rin.report.figures import difference_name
from rin.report.forest import forest
from rin.report.format import book_table, inline_title
from rin.report.headline import short_names
from rin.report.lines import panels_below
from rin.report.maps import best_scenario, example_maps
from rin.report.page import Picture, picture
from rin.report.style import init_style
from rin.report.widths import NARROW, two_widths
from rin.stats import against_baselines, image_differences
from rin.study import Workspace
from rin.study.fine_tuning import cam_arrays
from rin.study.plan import plan_study
from rin.study.profile import MAIN
from rin.study.results import Results, open_reference
from rin.study.workspace import find_manifest

#: Measures of overlap and their names; `dice` uses the paper's threshold.
MEASURES = {
    "dice": "Dice",
    "dice_best": "Dice, threshold from other patients",
    "average_precision": "Average precision",
}


def with_masks(runs: Results) -> Results:
    """Return `runs` if lesions of any of its tasks are marked, otherwise the reference run."""
    return runs if marked(runs) else open_reference()


def marked(runs: Results) -> list[str]:
    """Return the tasks whose lesions are marked."""
    key = marked, *((task, runs.origin(task)) for task in runs.tasks)
    return runs.workspace.once(key, lambda: [t for t in runs.tasks if len(runs.overlap(t))])


def all_maps(runs: Results) -> pd.DataFrame:
    """Return the overlap of every map (`Results.overlap`) of the tasks with marked lesions."""
    return pd.concat([runs.overlap(task) for task in marked(runs)])


def differences(runs: Results) -> pd.DataFrame:
    """Return the differences of the inits by measure and task (`image_differences`)."""
    return runs.workspace.once((differences, runs.is_reference), lambda: _differences(runs))


def _differences(runs: Results) -> pd.DataFrame:
    return pd.concat(
        image_differences(runs.overlap(task), *runs.inits, list(MEASURES)).assign(task=task)
        for task in marked(runs)
    )


def beside_blind(runs: Results) -> pd.DataFrame:
    """Return the overlap of maps minus the best image-blind region's (`against_baselines`)."""
    return runs.workspace.once((beside_blind, runs.is_reference), lambda: _beside_blind(runs))


def _beside_blind(runs: Results) -> pd.DataFrame:
    measures = ["dice", "average_precision"]
    return pd.concat(
        against_baselines(runs.overlap(task), runs.baselines(task), runs.inits, measures).assign(
            task=task
        )
        for task in marked(runs)
    )


def _inside(runs: Results) -> dict[str, str]:
    return {task: inline_title(runs.titles[task]) for task in marked(runs)}


def in_short(runs: Results) -> str:
    """Return sentences on which init's maps overlap lesions more, and beat blind regions."""
    unreal = runs.stand_ins(*marked(runs))
    clear = {
        measure: words.overlap_differences(rows, runs.inits, _inside(runs))
        for measure, rows in differences(runs).groupby("measure")
    }
    backbones = all_maps(runs)["scenario"].str.partition("-")[0].unique()
    blind = beside_blind(runs)
    return words_of_studies.overlap_in_short(clear, blind, backbones, stand_ins=unreal)


def published() -> str:
    """Return a sentence with the Dice scores that the paper reports."""
    stated = join_with_and(
        f"{row.caption_radimagenet:.3f} and {row.caption_imagenet:.3f} ({task})"
        for task, row in paper.DICE.items()
    )
    return (
        "Averaged over 24 models, the paper reports a Dice score with RadImageNet and with "
        f"ImageNet weights of {stated}."
    )


def difference_forest(runs: Results) -> Picture:
    """Draw the difference of the inits in every measure of overlap, task by task."""
    unreal = runs.stand_ins(*marked(runs))
    axes = forest(
        differences(runs),
        label="measure",
        group="task",
        names=short_names(runs) | MEASURES,
        xlabel=f"{difference_name(runs.inits)} (these networks, 95% CI)",
        digits=3,
        ends=words.sides(runs.inits, better="higher", stand_ins=unreal),
        tested=not unreal,
    )
    return picture(axes, "Difference of the initialisations in overlap, task by task")


def blind_forest(runs: Results) -> Picture:
    """Draw the overlap of each init's maps minus that of the best image-blind region."""
    blind = beside_blind(runs)
    word = blind["init"].map(lambda init: init_style(init).word)
    notes = [f"{row.mean:.2f} − {row.baseline_mean:.2f} ({row.baseline})" for row in
             blind.itertuples()]  # fmt: skip
    label = blind["measure"].map(MEASURES) + ", " + word
    axes = forest(
        blind.assign(label=label, kind=blind["init"], note=notes),
        group="task",
        names=short_names(runs),
        legend=False,
        xlabel="Maps − best blind region (these networks, 95% CI)",
        note_title="Mean − baseline",
    )
    return picture(axes, "Overlap of the maps beside the best image-blind region")


def hits_of(runs: Results, maps: pd.DataFrame) -> pd.DataFrame:
    """Return hits of the pointing game in percent, by task and cells along a map's side."""
    a, b = runs.inits
    hits = 100 * maps.groupby(["task", "cells", "init"])["pointing"].mean().unstack()
    hits = hits[[a, b]].loc[marked(runs)]
    hits["cell"] = 100 * maps.groupby(["task", "cells"])["pointing_blind"].mean()
    whole = {
        task: runs.baselines(task).groupby("baseline")["pointing"].mean()["whole image"]
        for task in marked(runs)
    }
    hits["pixel"] = [100 * whole[task] for task, _ in hits.index]
    return hits


def pointing_table(runs: Results, hits: pd.DataFrame) -> Styler:
    """Return the hits (`hits_of`) as a table, beside a random cell and a random pixel."""
    titles = short_names(runs)
    names = {init: init_style(init).short for init in runs.inits}
    shown = hits.rename(columns=names | {"cell": "Random cell", "pixel": "Random pixel"})
    shown.index = [f"{titles[task]}, {k} × {k} cells" for task, k in hits.index]
    table = shown.round(0).astype(int).rename_axis("Task and grid").reset_index()
    return book_table(table, "Hits, % of the maps", prose=True, rows=hits.reset_index())


def pointing(runs: Results, hits: pd.DataFrame) -> str:
    """Return a sentence on the rows of `hits_of` in which maps hit more often than chance."""
    titles = short_names(runs)
    names = [f"{titles[task]}, {k} × {k} cells" for task, k in hits.index]
    return words_of_studies.pointing_game(hits, runs.inits, names)


def dice_by_lesion_size(runs: Results, maps: pd.DataFrame) -> Picture:
    """Draw each image's paired difference in Dice against its lesion's share of the image."""
    a, b = runs.inits
    wide = maps.groupby(["task", "case_id", "init"])[["dice", "mask_share"]].mean().unstack("init")
    paired = pd.DataFrame(
        {"difference": wide["dice", a] - wide["dice", b], "share": 100 * wide["mask_share", a]}
    ).reset_index()
    titles = {task: short_names(runs)[task] for task in marked(runs)}
    axes = _dice_by_lesion_size(paired, titles, difference_name(runs.inits))
    return picture(axes, "Paired difference in Dice of each image by lesion size")


@two_widths
def _dice_by_lesion_size(
    paired: pd.DataFrame, titles: dict[str, str], name: str, *, narrow: bool = False
) -> np.ndarray:
    grid = sns.relplot(
        paired.assign(title=paired["task"].map(titles)), x="share", y="difference", col="title",
        col_order=[*titles.values()], color="0.25", alpha=0.35, s=10 if narrow else 16,
        **panels_below(narrow, height=2.6, aspect=0.97, low=1.8),
    )  # fmt: skip
    grid.set(xscale="log", xticks=[1, 3, 10, 30], xticklabels=[1, 3, 10, 30])
    grid.refline(y=0, color="0.6", linestyle="-").set_titles("{col_name}")
    ylabel = "Difference in Dice" if narrow else f"Dice, {name}"
    grid.set_axis_labels("Lesion, % of the image", ylabel, size=8 if narrow else 10)
    return grid.axes


def difference_maps(runs: Results) -> Picture:
    """Draw the mean activation around the lesion, first init minus second, task by task."""
    tables = [runs.lesion_maps(task) for task in marked(runs)]
    axes = _difference_maps(
        {short_names(runs)[table["task"].iloc[0]]: table for table in tables if table is not None},
        runs.inits,
    )
    return picture(axes, "Mean activation around the lesion, difference of the two")


@two_widths
def _difference_maps(
    tables: dict[str, pd.DataFrame], inits: tuple[str, str], *, narrow: bool = False
) -> np.ndarray:
    colors = [init_style(init).color for init in inits]
    palette = sns.blend_palette([colors[1], "white", colors[0]], as_cmap=True)
    columns = min(2, len(tables)) if narrow else len(tables)
    lines = -(-len(tables) // max(1, columns))
    size = (NARROW, 0.6 + 1.75 * lines) if narrow else (7.6, 2.6)
    figure, panels = plt.subplots(
        max(1, lines), max(1, columns), figsize=size, squeeze=False, layout="constrained"
    )
    for ax in panels.flat[len(tables) :]:
        ax.set_axis_off()
    for ax, (title, table) in zip(panels.flat, tables.items(), strict=False):
        reached = table[table["n_maps"] >= table["n_maps"].max() / 2]
        means = reached.groupby(["init", "row", "column"])["activation"].mean()
        heat = (means[inits[0]] - means[inits[1]]).unstack()
        heat = heat.reindex(index=range(SIDE), columns=range(SIDE))
        sns.heatmap(
            heat, ax=ax, cmap=palette, vmin=-40, vmax=40, square=True, cbar=False,
            xticklabels=False, yticklabels=False, rasterized=True,
        )  # fmt: skip
        ax.add_patch(plt.Rectangle((SIDE / 3, SIDE / 3), SIDE / 3, SIDE / 3, fill=False))
        ax.set(xlabel="", ylabel="")
        ax.set_title(title, size=8.5 if narrow else 11)
    if tables:
        where = {"location": "bottom"} if narrow else {}
        bar = figure.colorbar(panels[0, 0].collections[0], ax=panels, shrink=0.8, **where)
        bar.set_label(f"{difference_name(inits)}, grey levels", size=8 if narrow else 10)
    return panels


def examples(runs: Results) -> HTML | Markdown:
    """Return maps on one image of each class, with the outlines of the lesions, task by task.

    The maps, of the best scenario, come from the shown runs that were trained on this computer,
    otherwise from its live runs on stand-ins if these are finished; otherwise a text says where
    maps can be seen.
    """
    shown, tasks = runs, [task for task in marked(runs) if runs.origin(task) == "own"]
    if not tasks:
        shown, tasks = runs.live, with_live_maps(runs.workspace)
    if not tasks:
        return Markdown(
            "*These maps come from a reference run, which holds no image. "
            "[Grad-CAM, live](../pipeline/gradcam) shows maps of networks that this computer "
            "trained, on stand-in images with the outline of the lesion.*"
        )
    made_up = [task for task in tasks if shown.facts(task).dataset.provenance == "stand-in"]
    pictures = []
    for task in tasks:
        best = best_scenario(shown, task)
        cams = [*cam_arrays(shown.workspace, task, scenario=best)]
        drawn = example_maps(shown, task, cams, stand_ins=task in made_up)
        images = "stand-in images" if task in made_up else "images"
        pictures.append(picture(drawn, f"Maps on {images} of {inline_title(shown.titles[task])}"))
    note = "" if not made_up else words_of_studies.STAND_IN_MAPS
    return HTML(note + "".join(drawn.data for drawn in pictures))


def with_live_maps(workspace: Workspace) -> list[str]:
    """Return the tasks with marked lesions for which all runs of the profile are finished here."""
    ledger, tasks = workspace.fine_tuning_ledger, []
    # Planning runs opens the images of their pretraining, which is in vain if no run is finished.
    begun = bool(ledger.finished())
    for task in workspace.profile.study_filters[MAIN].tasks if begun else []:
        if find_manifest(workspace, *find_task(task)).masks:
            planned = plan_study(workspace, MAIN, task, ahead=True)
            tasks += [] if ledger.missing(planned) else [task]
    return tasks
