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
# readers outlined or boxed? The counterpart of the paper's Figure 5.
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
import numpy as np
from IPython.display import Markdown, display

from rin import paper
from rin.explain.gradcam import to_uint8
from rin.explain.overlap import (
    baseline_table,
    dice_table,
    has_lesion,
    init_dice,
    mean_lesion_size,
    scenario_dice,
)
from rin.report.examples import example_cases, most_accurate_scenario
from rin.report.figures import cam_panel, dice_bars, use_style
from rin.report.format import format_p
from rin.report.glued import glue_values
from rin.report.provenance import task_banner
from rin.report.style import init_style
from rin.report.tables import book_table, dice_beside_table, dice_comparison
from rin.study import cam_arrays, open_study, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = task_inputs(study, task)
inits = tuple(study.profile.inits[:2])
threshold = paper.SETTINGS["gradcam_threshold"].value

# %% tags=["remove-input"]
task_banner(study, inputs)

# %% [markdown]
# The map of the predicted class is kept where positive, scaled so that its maximum is 255, and
# enlarged to the image. Gray levels above the paper's threshold count as lesion. Images without a
# marked lesion have nothing to find and are left out of the Dice scores.
#
# ## Examples

# %% tags=["hide-input"]
masks = inputs.store.masks()
case_ids = inputs.store.cases["case_id"].tolist()
runs = list(cam_arrays(study, inputs))
scenario = most_accurate_scenario(runs)
examples = example_cases(runs, scenario, inits, set(np.array(case_ids)[has_lesion(masks)]))
place = [case_ids.index(case) for case in examples.cases["case_id"]]
_ = cam_panel(
    inputs.store.images()[place],
    masks[place],
    {init: to_uint8(maps, inputs.store.size) for init, maps in examples.maps.items()},
    examples.cases.assign(label=inputs.store.cases["label"].to_numpy()[place]),
    positive_class=inputs.task.positive_class,
    threshold=threshold,
)
glue_values(example_scenario=scenario)

# %% [markdown]
# Scenario shown: {glue:text}`example_scenario`, the one with the most right calls. Cyan outlines
# the lesion, the dashed white line the region above the threshold. Cases that both networks call
# rightly come first, as in the paper's figure.
#
# ## Dice over all scenarios

# %%
overlap = dice_table(runs, case_ids, masks, threshold=threshold)
scenarios = scenario_dice(overlap)
summary = init_dice(scenarios)
lesions = masks[has_lesion(masks)]
baselines = baseline_table(lesions, mean_lesion_size(lesions))
_ = dice_bars(summary, baselines, inits)

# %% tags=["hide-input"]
test = dice_comparison(overlap, *inits)
for letter, init in zip("ab", inits, strict=True):
    row = summary.set_index("init").loc[init]
    glue_values(**{f"name_{letter}": init_style(init).short.lower(), f"dice_{letter}": row["mean"]})
glue_values(
    dice_difference=test.mean_difference,
    dice_low=test.ci_low,
    dice_high=test.ci_high,
    dice_p=format_p(test.p_value),
    shapiro_p=format_p(test.shapiro_p),
    n_images=test.n,
    ellipse=baselines.set_index("baseline").loc["centred ellipse", "dice"],
    whole=baselines.set_index("baseline").loc["whole image", "dice"],
    smallest_map=int(np.min([maps.shape[1] for _, maps in runs])),
    largest_map=int(np.max([maps.shape[1] for _, maps in runs])),
)

# %% [markdown]
# Mean Dice: {glue:text}`name_a` {glue:text}`dice_a:.3f`, {glue:text}`name_b`
# {glue:text}`dice_b:.3f`. Averaged over scenarios within each of {glue:text}`n_images` images, the
# difference is {glue:text}`dice_difference:.3f` (95% CI {glue:text}`dice_low:.3f`,
# {glue:text}`dice_high:.3f`; paired t, {glue:text}`dice_p`). The Shapiro-Wilk test of the
# differences gives {glue:text}`shapiro_p`; a small value says that the t test's normality is in
# doubt.
#
# A centred ellipse of the mean lesion size, which looks at nothing, reaches
# {glue:text}`ellipse:.3f`, and calling every pixel lesion {glue:text}`whole:.3f`. At this image
# size the maps have only {glue:text}`smallest_map` × {glue:text}`smallest_map` to
# {glue:text}`largest_map` × {glue:text}`largest_map` cells.
#
# ## Published beside recomputed

# %%
key = inputs.task.paper_task
if key in paper.DICE:
    beside = dice_beside_table(summary, {key: test}, inits).loc[[paper.COMPARISONS[key].title]]
    display(book_table(beside.T, "Dice scores: published and recomputed", prose=True))
else:
    display(Markdown("The paper states no Dice score for this task."))

# %% [markdown]
# The published scores come from the released weights and larger images; the recomputed ones from
# what the banner names.
