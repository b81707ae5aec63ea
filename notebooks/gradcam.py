# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do the networks look at the lesion?
#
# **What this page answers.** How much do class activation maps overlap with the lesions that
# readers outlined or boxed, by how many measures, and is it more than looking at no image at all
# would score? The counterpart of the paper's Figure 5.
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | under a minute and 2 GB on a laptop; the maps were recorded while predicting |
# | expected | low overlap: small images give maps of a few cells; baselines do as well |

# %% tags=["parameters", "hide-input"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from rin import paper
from rin.explain.overlap import mean_curves
from rin.report.figures import cam_panel, use_style
from rin.report.figures_overlap import measure_bars, threshold_curves
from rin.report.glued import glue_values
from rin.report.localisation import localise, recorded_maps
from rin.report.localisation_choices import choices_reading, choices_table, map_choices
from rin.report.localisation_readings import (
    against_reading,
    chance_reading,
    empties_reading,
    tests_reading,
    threshold_reading,
)
from rin.report.localisation_tables import (
    against_table,
    baselines_table,
    empties_table,
    measures_table,
    tests_table,
)
from rin.report.panels import Panel, panel_row, picture
from rin.report.provenance import task_banner
from rin.report.tables import book_table, dice_beside_table
from rin.study import open_study, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = task_inputs(study, task)
recorded = recorded_maps(study, inputs)
found = localise(recorded, inputs, per_class=2)

# %% tags=["remove-input"]
task_banner(study, inputs)

# %% tags=["hide-input"]
glue_values(
    example_scenario=found.scenario,
    threshold=found.threshold,
    smallest_map=found.map_sides[0],
    largest_map=found.map_sides[1],
    side=inputs.store.size,
    tolerance=found.overlap.tolerance,
)

# %% [markdown]
# The map of the predicted class is kept where positive, scaled so that its maximum is 255, and
# enlarged to the image. Gray levels above {glue:text}`threshold`, the paper's threshold, count as
# lesion. The maps have {glue:text}`smallest_map` × {glue:text}`smallest_map` to
# {glue:text}`largest_map` × {glue:text}`largest_map` cells, the images {glue:text}`side` ×
# {glue:text}`side` pixels. Each measure is worked out by hand on
# [a page of its own](worked_overlap).
#
# ## Examples

# %% tags=["hide-input"]
axes = cam_panel(
    found.pictures, found.outlines, found.maps, found.cases,
    positive_class=found.positive_class, threshold=found.threshold, side=1.75, bar="bottom",
)  # fmt: skip
picture(axes[0, 0].figure, f"{found.title}: examples with class activation maps", width="34rem")

# %% [markdown]
# Scenario shown: {glue:text}`example_scenario`, the one with the most right calls. Cyan outlines
# the lesion, the dashed white line the region above the threshold. Cases that both networks call
# rightly come first, as in the paper's figure.
#
# ## Dice at the paper's threshold, beside looking at nothing
#
# A score means little by itself: a region in the middle of every image overlaps with lesions too.
# Three pictures that no image has a say in are scored as the maps are: the whole image, a centred
# ellipse of the mean size of other patients' lesions, and the centre point.

# %% tags=["hide-input"]
dice_ax = measure_bars(
    found.means, found.baseline_means, found.inits, measure="dice", label="Dice score (0–1)"
)
picture(dice_ax.figure, f"{found.title}: mean Dice score of each start", width="26rem")

# %% tags=["remove-input"]
display(Markdown(f"{found.reading} {against_reading(found, 'dice')}"))

# %% [markdown]
# ## Dice at other thresholds
#
# One fixed threshold favours maps that happen to be as broad as the lesions. The curves show every
# threshold, with ± SD over scenarios.

# %% tags=["hide-input"]
curve_ax = threshold_curves(
    mean_curves(found.overlap), found.baselines, found.inits, threshold=found.threshold
)
picture(curve_ax.figure, f"{found.title}: mean Dice score against the threshold", width="32rem")

# %% tags=["remove-input"]
display(Markdown(threshold_reading(found)))

# %% [markdown]
# The threshold "chosen on other patients" is the one with the best mean Dice over all other
# patients of the same scenario and start, so no patient has a say in the threshold of their own
# images.
#
# ## Measures without a threshold
#
# The *pointing game* asks whether the brightest point of the map lies on the lesion or within a
# margin of {glue:text}`tolerance` pixels, which is 15 at the paper's 256 pixels. The *average
# precision of pixels* asks how well the map ranks the lesion's pixels before all others. Both have
# a level of chance: what a random point hits, and the lesion's share of the image.

# %% tags=["hide-input"]
panels = [
    ("pointing", "Share of images hit", "Pointing game"),
    ("average_precision", "Average precision (0–1)", "Average precision of pixels"),
]
panel_row(
    [
        Panel(
            measure_bars(
                found.means, found.baseline_means, found.inits,
                measure=measure, label=label, chance="whole image",
            ).figure,
            f"{found.title}: {name} of each start beside chance",
        )
        for measure, label, name in panels
    ],
    title=found.title,
    origin=found.images.origin,
    word=found.images.text,
    detail=found.images.title,
    reading=chance_reading(found),
)  # fmt: skip

# %% tags=["hide-input"]
book_table(measures_table(found), "Every measure: mean ± SD over scenarios", prose=True)

# %% tags=["hide-input"]
book_table(baselines_table(found), "The same measures without looking", prose=True)

# %% tags=["hide-input"]
book_table(against_table(found), "Each start against the best baseline", prose=True)

# %% [markdown]
# Differences are over images, each averaged over scenarios first, with patients as the independent
# units. The best baseline is the one with the largest mean; "above" and "below" stand where the
# whole interval does.
#
# ## Which map
#
# The paper names the output layer, not the class whose map is taken, nor whether its logit or its
# probability is differentiated. With two classes the map of one probability is that of the other
# with its sign turned.

# %% tags=["hide-input"]
choices = map_choices(recorded)
book_table(choices_table(choices), "Mean Dice ± SD over scenarios by choice of map", prose=True)

# %% tags=["remove-input"]
display(Markdown(choices_reading(choices, found.images)))

# %% [markdown]
# A map without a positive value highlights nothing; its Dice score is 0 and its pointing a miss.
#
# ## Images without a lesion
#
# With an empty mask a Dice score is 0 as soon as one pixel is highlighted, and undefined when none
# is. Such images would count as misses whatever the network does; they have a table of their own
# and enter no mean.

# %% tags=["hide-input"]
book_table(empties_table(found), "Maps of images without and with a lesion", prose=True)

# %% tags=["remove-input"]
display(Markdown(empties_reading(found)))

# %% [markdown]
# ## Tests between the two starts
#
# The paper compares Dice scores by a paired t test over images, after a Shapiro-Wilk test. Images
# of one patient are not independent, and differences need not be normal, so four other analyses
# stand beside it.

# %% tags=["hide-input"]
book_table(tests_table(found, ["dice"]), "The difference in Dice, tested five ways", prose=True)

# %% tags=["remove-input"]
display(Markdown(tests_reading(found)))

# %% tags=["hide-output"]
others = ["dice_best", "pointing", "average_precision"]
book_table(tests_table(found, others), "The same for the other measures", prose=True)

# %% [markdown]
# ## Published beside recomputed

# %% tags=["hide-input"]
key = inputs.task.paper_task
if key in paper.DICE:
    beside = dice_beside_table(found.summary, {key: found.test}, found.inits)
    beside = beside.loc[[paper.COMPARISONS[key].title]]
    display(book_table(beside.T, "Dice scores: published and recomputed", prose=True))
else:
    display(Markdown("The paper states no Dice score for this task."))

# %% [markdown]
# The published scores come from the released weights and larger images; the recomputed ones from
# what the banner names.
