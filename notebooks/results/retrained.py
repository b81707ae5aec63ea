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
# # The same networks, trained again
#
# *Answers* how much the difference changes when the same networks are trained again, on other
# cases, or from a briefer pretraining. *Needs* nothing: it reads the reference run. *Takes*
# about 10 s: `rin run notebooks/results/retrained.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown, display

from rin import stats
from rin.report import retraining
from rin.report.banner import banner
from rin.study import open_reference, open_runs

runs = open_runs(profile, data_root=data_root, results=results)
repeated = runs.or_reference_with("repeats", "equal_accuracy")
longer = runs.or_reference_with("convergence")
banner(repeated, study="repeats")

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(retraining.in_short(repeated))

# %%
retraining.training_dots(repeated)

# %% [markdown]
# *How to read it.* Each dot is one training of both networks: from the same weights, on the same
# images, in another order and with new random weights of the head. Nothing that one would report
# differs between the dots of a line, yet some lie on either side of zero: had only one training
# been made, chance would have chosen which.

# %%
a, b = repeated.inits
same_split = retraining.same_split(repeated)
spread = stats.training_spread(same_split, a, b).set_index("task")
(100 * spread[["sd", "sd_low", "sd_high"]]).round(1)

# %%
retraining.designs(repeated, longer)

# %% [markdown]
# ## On other training cases
#
# Means over the scenarios that were trained again. “Other training cases” are those of
# another split, whose test set overlaps with the first.

# %%
retraining.other_cases_forest(repeated)

# %% [markdown]
# ## After a briefer pretraining
#
# If one corpus is easier, its networks may transfer better only because they learnt more. They
# were therefore pretrained again, so briefly that they should classify images of their own corpus
# about as well as the others do.

# %%
retraining.accuracies(repeated)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(retraining.accuracy_after_brief(repeated))

# %%
compared = retraining.whole_and_brief(repeated)
retraining.brief_forest(repeated, compared)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(retraining.after_brief(repeated, compared))

# %% [markdown]
# ## At other settings of fine-tuning
#
# A mean over all scenarios includes settings that nobody would choose. The figure
# adds the mean without the highest learning rate and, where runs kept their scores
# on validation cases, the setting that is best for each network on those cases.
# It is of the main study; its intervals take the pretrainings as the units.

# %%
display(banner(runs))
settings = retraining.choices(runs)
by_choice = retraining.differences_by_choice(runs, settings)
retraining.choices_forest(runs, by_choice)

# %% [markdown]
# ## Without one pair of networks, and with a prior
#
# A mean of few pairs may rest on one. The table leaves out the pair that changes
# it most. A posterior mean, with half-normal priors of the SDs of backbones,
# seeds and pairs, does not take a spread for zero that few pairs cannot show.

# %%
across = by_choice.query("choice == 'all'")
without = stats.leave_one_pair_out(settings["all"], a, b)
retraining.one_left_out(runs, across, without)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(retraining.one_pair_matters(runs, across, without))

# %% [markdown]
# ## Trained until validation stops improving

# %% jupyter={"source_hidden": true} tags=["hide-input"]
banner(longer, study="convergence")

# %%
shift = retraining.effects_of_convergence(longer)
retraining.convergence_forest(longer, shift)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(retraining.after_convergence(longer, shift))

# %% [markdown]
# ## With images of 224 pixels
#
# Three pairs of ResNet50, pretrained for 40 epochs, fine-tuned until validation stops
# improving. What frozen networks make of this size: [inputs](inputs).

# %%
full = open_reference("fine_tuned_224")
display(banner(full))
larger = stats.init_differences(full.predictions(), *full.inits)
retraining.full_size_forest(full, larger)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(retraining.at_full_size(full, larger))

# %% [markdown]
# ## Try it
#
# 1. Choose the best of the trainings of each network, as is done where only one is
#    reported. How far does that move the mean AUC?
#
#    ```python
#    aucs = stats.scenario_aucs(same_split).groupby(["task", "init", "scenario"])["auc"]
#    (aucs.max() - aucs.mean()).groupby(["task", "init"]).mean().round(3)
#    ```
#
# 2. Keep one scenario of each task. How many trainings would it take to know the SD to a factor
# of two?
#
#    ```python
#    first = same_split.groupby("task")["scenario"].transform("first")
#    few = same_split[same_split["scenario"] == first]
#    (100 * stats.training_spread(few, a, b)[["sd", "sd_low", "sd_high"]]).round(1)
#    ```
#
# 3. Leave out a pair without the highest learning rate. Is it the same pair that matters?
#
#    ```python
#    slower = stats.leave_one_pair_out(settings["without 0.01"], a, b)
#    slower.loc[slower["moved"].abs().groupby(slower["task"]).idxmax()].iloc[:, :3]
#    ```
