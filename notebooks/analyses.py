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
# # Which conclusion does each analysis support?
#
# **What this page answers.** The published analysis beside the recommended one, on every task:
# does the choice of analysis change what one may conclude?
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in a minute |
# | time and memory | two minutes and 2 GB on a laptop; no GPU is used |
# | expected | analyses that disagree, above all on how wide the interval is |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from rin.report.analyses import all_analyses
from rin.report.analyses_readings import (
    beside_reading,
    effects_reading,
    equivalence_reading,
    matrix_alt,
    matrix_reading,
    plain_words,
    width_reading,
)
from rin.report.analyses_tables import (
    beside_rows,
    beside_table,
    effects_table,
    equivalence_table,
    matrix_rows,
    width_table,
)
from rin.report.figures import use_style
from rin.report.figures_analyses import beside_forest, conclusion_matrix
from rin.report.glued import glue_values
from rin.report.panels import picture
from rin.report.provenance import study_banner
from rin.report.style import init_style
from rin.report.tables import book_table
from rin.study import open_study, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
inits = tuple(study.profile.inits[:2])
found = all_analyses(study, inputs)

# %% tags=["remove-input"]
study_banner(study, inputs)

# %% tags=["hide-input"]
glue_values(
    n_tasks=len(found),
    n_analyses=len(found[0].table),
    n_scenarios=found[0].pooled.n_scenarios,
    margin_points=100 * found[0].margin,
    name_a=init_style(inits[0]).short,
    name_b=init_style(inits[1]).short,
)

# %% [markdown]
# The paper runs {glue:text}`n_scenarios` scenarios from each start and compares them by one test.
# The same predictions allow {glue:text}`n_analyses` analyses. They share their data and differ in
# what they take as the sample: scenarios, cases, patients or training sets. The recommended one
# averages the difference of the areas over all scenarios, so that no scenario is chosen after
# looking, and takes its uncertainty from the patients, for it is to other patients that a
# conclusion is carried {cite:p}`obuchowski1997`.
#
# ## All tasks, all analyses
#
# Each cell shows the difference {glue:text}`name_a` − {glue:text}`name_b` in AUC points, and by
# sign and colour what its 95% interval supports. "Published" is the interval as printed, and its
# marks stand for the RadImageNet and ImageNet weights of the paper.

# %% tags=["hide-input"]
axes = conclusion_matrix(matrix_rows(found), inits)
picture(axes.figure, matrix_alt(found))

# %% tags=["remove-input"]
matrix_reading(found)

# %% [markdown]
# ## Published beside recommended
#
# For each task the published difference with its interval and P value as printed, the same
# analysis of the runs made here (the scenarios of both starts as two independent samples), and the
# recommended analysis. Its P values are adjusted over the {glue:text}`n_tasks` tasks by Holm's
# method. Published and recomputed rows compare different pairs of weights: what can be compared
# are the widths, and whether the two analyses of the same runs agree.

# %% tags=["hide-input"]
axes = beside_forest(beside_rows(found), inits)
picture(axes.figure, "Published, recomputed and recommended difference of every task")

# %% tags=["remove-input"]
beside_reading(found)

# %% tags=["hide-input"]
book_table(beside_table(found), "The published analysis and the recommended one", prose=True)

# %% [markdown]
# ## What the choice does to the interval
#
# Counting every prediction of every scenario as a new patient is one way to a very small P value
# without a large difference: each case then counts {glue:text}`n_scenarios` times. The table gives
# the width of each interval in units of the recommended one's. An analysis that asks about
# patients, and whose interval is narrower than that, claims to know more than they can tell.

# %% tags=["hide-input"]
book_table(width_table(found), "Widths of intervals beside the recommended one", prose=True)

# %% tags=["remove-input"]
width_reading(found)

# %% [markdown]
# ## How large is the difference?
#
# Effect sizes of the scenarios' areas. *d* and *g* divide the mean difference by the SD over
# scenarios, *dz* by the SD of the differences within scenarios. *CLES* is how often a scenario of
# the first start has the larger area than one of the second, over all pairs of scenarios; *share
# ahead* is the same over scenarios run from both starts. One half means no difference in both.

# %% tags=["hide-input"]
book_table(effects_table(found), "Effect sizes over scenarios", prose=True)

# %% tags=["remove-input"]
effects_reading(found)

# %% [markdown]
# ## When the claim is "comparable"
#
# Where classes, regions or modalities are missing from its database, the paper calls the
# performance comparable (Discussion). A difference that is not significant does not show that:
# two one-sided tests do, by asking whether the difference lies within a margin that was named
# beforehand {cite:p}`schuirmann1987`. Here it is ±{glue:text}`margin_points:.1f` points, and the
# smallest margin says which other one the data would have supported.

# %% tags=["hide-input"]
claimed = [one for one in found if one.called_comparable]
caption = "Tests of equivalence, recommended analysis, tasks that the paper calls comparable"
book_table(equivalence_table(claimed), caption, prose=True)

# %% tags=["remove-input"]
equivalence_reading(found)

# %% [markdown]
# ## Each analysis in plain words
#
# What it asks, what it assumes, and what it would take for its answer to be wrong.

# %% tags=["remove-input"]
plain_words(found)

# %% [markdown]
# None of these analyses repairs another weakness of the design: the scenarios are no sample of all
# the ways to fine-tune, and both starts were pretrained once.
