# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,jupyter,mystnb,-all
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # All tasks
#
# *Answers* on which tasks one pretraining beats the other, whether that depends on
# the layers that are trained, and what would settle it. *Needs* nothing: it reads
# finished runs. *Takes* half a minute: `rin run notebooks/results/all_tasks.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin import stats
from rin.report import figures, sentences, tables
from rin.report.banner import banner
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
banner(runs)

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.all_tasks_in_short(runs))

# %%
figures.differences_on_tasks(runs)

# %% [markdown]
# *How to read it.* The dot, with its pale interval, is about these networks on new patients
# {cite:p}`obuchowski1997`; it changes with the networks and with how long they are fine-tuned. The diamond takes pairs of networks as the sample, and
# statements about pretraining rest on it. A mark is filled where P, adjusted over the tasks
# {cite:p}`holm1979`, is below .05. A wide interval is an answer too: another set of networks
# could have shown the opposite.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.nameless_files(runs))

# %% [markdown]
# ## The paper's numbers, and these
#
# The paper's intervals come from settings of fine-tuning, those of this book from pairs of
# networks. Is the paper's difference inside the interval below it? `paired` has the scores of
# both initialisations, aligned.

# %%
a, b = runs.inits
paired = runs.paired_scores()
across = stats.pretraining_differences(paired, a, b)
networks = stats.init_differences(paired, a, b)
tables.beside_published(runs)

# %% [markdown]
# ## What is excluded
#
# The table has two one-sided tests of a difference beyond a margin, and a test of the paper's own
# difference: a low P value excludes it. All have the pretraining as the unit; P is adjusted over
# the tasks, the interval is not.

# %%
tables.exclusions(runs, across)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.margins_excluded(runs, across))

# %% [markdown]
# ## Every pair of networks
#
# Each dot is a pair of networks, averaged over its scenarios. A pair may stand out because of
# its backbone, or by chance in one pretraining and its fine-tuning.

# %%
pairs = stats.pair_differences(paired, a, b)
figures.pair_dots(runs, pairs)

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
tables.seeds_of_pairs(runs)

# %%
tables.likeness_of_pairs(runs, across)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.likeness_of_pairs(runs, across, pairs))

# %% [markdown]
# ## What other analyses say
#
# The headline allows for pairs of different backbones that share the seed of their pretraining
# and its split of the corpora. The table also has the model in which no pairs share a seed, these
# backbones taken as fixed, a posterior mean with half-normal priors of the standard deviations
# ([Methods](../../methods)), and, where the run has others too, the paper's backbones, fixed.

# %%
sensitivity = stats.pretraining_sensitivity(paired, a, b)
tables.models(runs, sensitivity)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.zero_by_model(runs, sensitivity))

# %% [markdown]
# ## Does it depend on how many layers are trained?
#
# The same analysis, with the pretraining as the unit, of one way of unfreezing at a
# time; below it, the same differences for these networks on new patients.

# %%
of_unfreezing = pd.concat(
    stats.pretraining_differences(tasks, a, b).assign(group=unfreezing)
    for unfreezing, tasks in stats.by_setting(paired, "unfreezing").items()
)
figures.differences_by_unfreezing(runs, of_unfreezing)

# %%
tables.by_unfreezing(runs, networks)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.by_unfreezing(runs, of_unfreezing, networks))

# %% [markdown]
# ## Every scenario: the paper's Figures 3 and 4
#
# Each line is a scenario. Lines that fall and lines that rise in one panel show that the
# answer depends on the network and its settings, which a mean hides. The ROC curves are
# averaged at equal false-positive rates.

# %%
aucs = stats.scenario_aucs(paired)
figures.paired_slopes(runs, aucs, "task")

# %%
figures.mean_roc_curves(runs, paired)

# %%
tables.wrong_way_round(runs, aucs)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.spread_of_scenarios(runs, aucs))

# %% [markdown]
# The last column is the SD of the log-odds: a very large one suggests a training that diverged, a
# small one that little was learnt. Excluding networks after seeing their results would introduce
# bias, so all are included.
#
# ## What would settle it
#
# For these networks the table has the numbers of patients that would detect a difference of two
# points of AUC, or rule one out if there is none. A statement about pretraining needs more
# backbones wherever backbones differ: neither more pretrainings of the same ones nor more
# patients reduce that scatter. The last columns show the power to detect two points (two-sided,
# 5%) with a number of backbones × pretrainings, each with a seed of its own. It rests on the
# headline's variances, which few networks estimate, and is approximate.

# %%
wanted = tables.patients_wanted(networks.query("group == 'all'"))
tables.what_would_settle(runs, across, wanted)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.enough_patients(runs, wanted))

# %% [markdown]
# ## Try it
#
# 1. Keep two backbones. Which changes more, the estimates or their intervals?
#
#    ```python
#    scores = runs.predictions()
#    two = scores[scores["backbone"].isin(["MobileNetV2", "ResNet50"])]
#    stats.pretraining_differences(two, a, b)[["task", "estimate", "ci_low", "ci_high"]]
#    ```
#
# 2. Speak of these backbones alone. Where the interval grows, fewer degrees of
# freedom are left (`df`).
#
#    ```python
#    fixed = stats.pretraining_differences(scores, a, b, fixed_backbones=True)
#    fixed[["task", "estimate", "ci_low", "ci_high", "df"]]
#    ```
#
# 3. Keep one learning rate. Which tasks change their side?
#
#    ```python
#    fast = scores[scores["learning_rate"] == scores["learning_rate"].max()]
#    stats.pretraining_differences(fast, a, b)[["task", "estimate", "ci_low", "ci_high"]]
#    ```
