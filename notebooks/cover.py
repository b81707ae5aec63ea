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
# # RadImageNet, reproduced
#
# A network that has learned from radiologic images before it meets a small clinical dataset may do
# better than one that has learned from photographs. The RadImageNet study {cite:p}`mei2022` put
# that to the test on eight tasks.
#
# This book runs the comparison again, from pretraining to class activation maps, and puts every
# published number beside one computed here. Command: `make book`; this page reads what the others
# have computed, in seconds.

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from IPython.display import display

from rin import paper
from rin.report.across import task_results, weights_words
from rin.report.figures import use_style
from rin.report.figures_across import difference_rows, differences_forest
from rin.report.glued import glue_values
from rin.report.panels import picture
from rin.report.provenance import study_banner
from rin.report.readings_across import origins_reading
from rin.report.reference_evidence import findings
from rin.report.scoreboard import (
    board,
    published_scoreboard,
    scoreboard,
    scoreboard_counts,
    significance_table,
)
from rin.report.style import init_style
from rin.study import open_study, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inits = tuple(study.profile.inits[:2])
inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
found = task_results(study, inputs)

# %% [markdown]
# ## What real images show
#
# A run on real, open images comes with the book; its statistics are computed anew each time.
# [](reference_run) and [](factors) show it whole, [](audit) which of the published claims follow
# from the published numbers.

# %% tags=["remove-input"]
display(*findings(study.profile.name))

# %% [markdown]
# ## The study of this book
#
# Everything below rests on the images and weights that the banner names.

# %% tags=["remove-input"]
study_banner(study, inputs)

# %% tags=["hide-input"]
glue_values(
    **scoreboard_counts(found),
    first=init_style(inits[0]).short.lower(),
    second=init_style(inits[1]).short.lower(),
)

# %% [markdown]
# ## Scoreboard: published

# %% tags=["hide-input"]
board(
    published_scoreboard(),
    "Published: mean area ± SD over 24 scenarios, difference in points",
    wrap=("Independent comparisons",),
)

# %% [markdown]
# {glue:text}`n_published_ahead` of the {glue:text}`n_published` printed differences favour
# RadImageNet. {glue:text}`n_published_zero` of their intervals contain zero, beside a printed
# P < .001. Of {glue:text}`n_independent` independent comparisons on these tasks that compared like
# with like, {glue:text}`n_independent_ahead` found RadImageNet ahead.
#
# ## Scoreboard: here
#
# The same scenarios, run on the images and from the weights that each row names. The interval pairs
# the scenarios, each of which was run from both starts. Dashes mark tasks that this profile leaves
# out.

# %% tags=["hide-input"]
board(
    scoreboard(found, inits, weights_words(study, inits)),
    "Here: mean area ± SD over scenarios, difference in points",
    wrap=("Images", "Weights"),
)

# %% tags=["remove-input"]
origins_reading(found)

# %% [markdown]
# Of {glue:text}`n_tasks` tasks run here, the {glue:text}`first` start has the larger mean area in
# {glue:text}`n_ahead`.
#
# ## How sure can one be?
#
# Two questions have two answers. The *paired t* test asks whether the difference would hold in
# other scenarios on the same test cases; *DeLong's* test of the scores averaged over scenarios asks
# about other patients. Each family of P values is adjusted over the tasks by Holm's method.

# %% tags=["hide-input"]
board(
    significance_table(found),
    "Here: tests of the difference, adjusted over the tasks; difference in points",
    wrap=("Images",),
)

# %% [markdown]
# Adjusted for the {glue:text}`n_tasks` tasks, the number of differences between the
# {glue:text}`first` and the {glue:text}`second` start with P < .05 is {glue:text}`n_paired` over
# scenarios and {glue:text}`n_delong` over patients.
#
# ## Published beside recomputed

# %% tags=["hide-input"]
forest = differences_forest(
    difference_rows(paper.COMPARISONS, found), xlabel="Difference in AUC points (95% CI)"
)
picture(forest.figure, "Forest plot of published and recomputed differences of all tasks")

# %% [markdown]
# Thin lines are intervals of one kind on both sides, the unpaired t over scenarios, whose widths
# the published ones have within rounding; thick lines pair the scenarios. Of the recomputed tasks,
# {glue:text}`n_real` rest on the task's own images, {glue:text}`n_substitute` on open substitutes
# and {glue:text}`n_stand_in` on stand-ins, whose differences are no findings.
