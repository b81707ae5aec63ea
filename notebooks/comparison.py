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
# # Is the difference real?
#
# **What this page answers.** For each scenario, and over all of them: how large is the difference
# between the two initialisations, and which conclusion does each way of analysing it support?
# Everything here comes from per-case predictions; nothing is trained.
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | under a minute and 1 GB on a laptop; no GPU is used |
# | expected | the intervals disagree with each other, for they answer different questions |

# %% tags=["parameters", "hide-input"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]

from IPython.display import display

from rin import paper
from rin.report.analyses import analyses_of
from rin.report.analyses_readings import agreement_sentence, analysis_sentences
from rin.report.analyses_tables import analysis_rows, analysis_table
from rin.report.figures import published_beside, scenario_heatmap, use_style
from rin.report.figures_analyses import analyses_forest
from rin.report.glued import glue_values
from rin.report.panels import picture
from rin.report.provenance import task_banner
from rin.report.style import init_style
from rin.report.tables import (
    book_table,
    published_beside_points,
    published_beside_table,
    scenario_table,
)
from rin.report.tables_study import published_sentence
from rin.report.tidy import with_conditions
from rin.stats import compare_inits
from rin.study import open_study, predictions, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = task_inputs(study, task)
scored = predictions(study, inputs)
inits = tuple(study.profile.inits[:2])
found = analyses_of(inputs, scored, inits)

# %% tags=["remove-input"]
task_banner(study, inputs)

# %% [markdown]
# ## Scenario by scenario
#
# Both initialisations of a scenario score the same test cases, so their areas are compared by
# DeLong's paired test {cite:p}`delong1988`.

# %%
differences = with_conditions(compare_inits(scored, *inits))
_ = scenario_heatmap(differences, inits)

# %% tags=["hide-input"]
glue_values(
    n_scenarios=len(differences),
    n_ahead=int((differences["difference"] > 0).sum()),
    n_below_05=int((differences["p_value"] < 0.05).sum()),
    n_holm=int((differences["p_holm"] < 0.05).sum()),
    first=init_style(inits[0]).short.lower(),
    second=init_style(inits[1]).short.lower(),
)

# %% [markdown]
# The {glue:text}`first` start is ahead in {glue:text}`n_ahead` of {glue:text}`n_scenarios`
# scenarios. Taken one at a time, {glue:text}`n_below_05` differences have P < .05; adjusted for
# their number by Holm's method, {glue:text}`n_holm`.

# %% tags=["hide-output"]
book_table(scenario_table(differences, inits).set_index("Backbone"), "All scenarios in numbers")

# %% [markdown]
# ## Every analysis of the task
#
# The same predictions allow many analyses, and each asks something else: whether the difference
# holds over *scenarios*, over *cases*, over *patients* or over *training sets*. The first is the
# way in which the paper's intervals come about; the one marked as recommended asks whether the
# mean difference over scenarios holds on other patients, and lets images of one patient resemble
# each other {cite:p}`obuchowski1997`.

# %% tags=["hide-input"]
axes = analyses_forest(analysis_rows(found), inits, margin=100 * found.margin)
picture(axes.figure, f"{found.title}: difference and interval of every analysis")

# %% tags=["hide-input"]
glue_values(
    n_analyses=len(found.table),
    margin_points=100 * found.margin,
    gain_points=found.pooled.gain_points,
    gain_percent=found.pooled.gain_percent,
)

# %% [markdown]
# Each line is one of {glue:text}`n_analyses` analyses: open the published way, heavy the
# recommended one. The mean area differs by {glue:text}`gain_points:.1f` points
# ({glue:text}`gain_percent:.1f` % of the {glue:text}`second` mean). An interval that holds zero
# supports neither start; only one that shows the difference to lie within
# ±{glue:text}`margin_points:.1f` points, the gray band, supports "comparable".

# %% tags=["hide-input"]
book_table(analysis_table(found), "The difference, analysed in every way", prose=True)

# %% [markdown]
# In words, and no more than the numbers say:

# %% tags=["remove-input"]
display(analysis_sentences(found), agreement_sentence(found))

# %% [markdown]
# ## Published beside recomputed

# %% tags=["hide-input"]
key = inputs.task.paper_task
published_sentence(key)

# %% tags=["hide-input"]
if key:
    title = paper.COMPARISONS[key].title
    caption = "Published (RadImageNet, ImageNet) and recomputed (this run)"
    table = published_beside_table({key: found.pooled}).loc[[title]].T
    display(book_table(table, caption, prose=True))
    points = published_beside_points({key: found.pooled})
    published_beside(
        points[points["name"] == title], xlabel="Difference in AUC points (95% CI, unpaired t)"
    )

# %% [markdown]
# Published and recomputed rows compare different pairs of weights: the released RadImageNet and
# ImageNet weights in the paper, those that the banner names here. They are set side by side to
# compare sizes of effects and widths of intervals.
