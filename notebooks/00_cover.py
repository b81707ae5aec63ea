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
# that to the test on eight tasks. This book runs the comparison again, from pretraining to class
# activation maps, and puts every published number beside a recomputed one.
#
# Command: `make book`. This page reads what the others have computed, in seconds.

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from rin.report.figures import auc_swarm, use_style
from rin.report.glued import glue_values
from rin.report.provenance import task_banner
from rin.report.scoreboard import scoreboard
from rin.report.tables import book_table
from rin.report.tables_study import published_sentence
from rin.report.tidy import init_summary, scenario_means
from rin.stats import pooled_comparison, scenario_aucs
from rin.study import open_study, predictions, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inits = tuple(study.profile.inits[:2])
inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
scored = {task: predictions(study, inputs[task]) for task in study.profile.tasks}
pooled = {
    inputs[task].task.paper_task or inputs[task].task.title: pooled_comparison(scored[task], *inits)
    for task in study.profile.tasks
}

# %% tags=["remove-input"]
task_banner(study, inputs[study.profile.tasks[0]])

# %% [markdown]
# ## Scoreboard
#
# Published: mean area under the ROC curve ± SD over the paper's scenarios, RadImageNet against
# ImageNet weights. Recomputed: the same scenarios run here, from weights that the banner names.
# Dashes mark tasks that this book has not run.

# %% tags=["hide-input"]
book_table(
    scoreboard(pooled, inits),
    "The paper's tasks: area ± SD, difference in points (95% CI)",
    prose=True,
)

# %% tags=["hide-input"]
first = study.profile.tasks[0]
means = scenario_means(scenario_aucs(scored[first]))
_ = auc_swarm(means, init_summary(means), inits)

# %% tags=["hide-input"]
row = pooled[inputs[first].task.paper_task or inputs[first].task.title]
glue_values(
    title=inputs[first].task.title.lower(),
    n_scenarios=row.n_scenarios,
    points=row.gain_points,
    low=100 * row.paired.ci_low,
    high=100 * row.paired.ci_high,
)

# %% [markdown]
# Each dot is one way of fine-tuning on {glue:text}`title`. Over the {glue:text}`n_scenarios`
# scenarios the mean areas differ by {glue:text}`points:.1f` points (95% CI of the paired
# scenarios {glue:text}`low:.1f`, {glue:text}`high:.1f`).

# %% tags=["remove-input"]
published_sentence(inputs[first].task.paper_task)
