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
# between the two initialisations, and how sure can one be? Everything here comes from per-case
# predictions; nothing is trained.
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | under a minute and 1 GB on a laptop; no GPU is used |
# | expected | the pooled intervals disagree with each other, for they answer different questions |

# %% tags=["parameters", "hide-input"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]

from IPython.display import display

from rin import paper
from rin.report.figures import (
    difference_forest,
    mean_roc,
    published_beside,
    scenario_heatmap,
    use_style,
)
from rin.report.format import format_p
from rin.report.glued import glue_values
from rin.report.provenance import task_banner
from rin.report.style import init_style
from rin.report.tables import (
    book_table,
    published_beside_points,
    published_beside_table,
    scenario_table,
)
from rin.report.tables_study import pooled_rows, pooled_table, published_sentence
from rin.report.tidy import init_summary, scenario_means, with_conditions
from rin.stats import compare_inits, pooled_comparison, roc, scenario_aucs
from rin.study import open_study, predictions, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = task_inputs(study, task)
scored = predictions(study, inputs)
inits = tuple(study.profile.inits[:2])

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
# ## All scenarios together
#
# Three ways to pool, three questions. The *unpaired t* interval takes the scenario areas as two
# independent samples: it is what the published intervals follow from. The *paired t* interval
# respects that each scenario was run from both starts. *DeLong of mean scores* averages each case's
# score over the scenarios and asks how sure one can be about other patients.

# %% tags=["hide-input"]
pooled = pooled_comparison(scored, *inits)
glue_values(
    gain_points=pooled.gain_points,
    gain_percent=pooled.gain_percent,
    pooled_difference=pooled.delong.difference,
    pooled_low=pooled.delong.ci_low,
    pooled_high=pooled.delong.ci_high,
    pooled_p=format_p(pooled.delong.p_value),
    n_cases=pooled.n_cases,
)
book_table(pooled_table(pooled), "The difference, pooled in three ways", prose=True)

# %%
_ = difference_forest(differences, inits, pooled=pooled_rows(pooled))

# %% [markdown]
# The mean area differs by {glue:text}`gain_points:.1f` points ({glue:text}`gain_percent:.1f` % of
# the {glue:text}`second` mean). Over {glue:text}`n_cases` test cases, the areas of the mean scores
# differ by {glue:text}`pooled_difference:.3f` (95% CI {glue:text}`pooled_low:.3f`,
# {glue:text}`pooled_high:.3f`; {glue:text}`pooled_p`).
#
# ## Two ways to average ROC curves

# %%
means = scenario_means(scenario_aucs(scored))
_ = mean_roc(roc.mean_roc(scored), init_summary(means), inits, method="threshold")

# %% [markdown]
# Averaging false- and true-positive rates together at equal ranks of the threshold, as the paper
# words it, mixes scenarios whose scores live on different scales.
#
# ## Published beside recomputed

# %% tags=["hide-input"]
key = inputs.task.paper_task
published_sentence(key)

# %% tags=["hide-input"]
if key:
    title = paper.COMPARISONS[key].title
    caption = "Published (RadImageNet, ImageNet) and recomputed (this run)"
    table = published_beside_table({key: pooled}).loc[[title]].T
    display(book_table(table, caption, prose=True))
    points = published_beside_points({key: pooled})
    published_beside(
        points[points["name"] == title], xlabel="Difference in AUC points (95% CI, unpaired t)"
    )

# %% [markdown]
# Published and recomputed rows compare different pairs of weights: the released RadImageNet and
# ImageNet weights in the paper, those that the banner names here. They are set side by side to
# compare sizes of effects and widths of intervals.
