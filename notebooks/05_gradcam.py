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
# radiologists outlined? The counterpart of the paper's Figure 5.
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | under a minute and 2 GB on a laptop; the maps were recorded while predicting |
# | expected | low overlap: small images give maps of a few cells; baselines do as well |

# %% tags=["parameters"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %%
import numpy as np
import pandas as pd

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
# enlarged to the image. Gray levels above the paper's threshold count as lesion. Normal breasts
# have no lesion to find and are left out of the Dice scores.
#
# ## Examples

# %%
masks = inputs.store.masks()
runs = list(cam_arrays(study, inputs))
case_ids = inputs.store.cases["case_id"].tolist()
best = (
    pd.concat([rows for rows, _ in runs])
    .assign(right=lambda t: (t["score"] > 0.5) == (t["label"] == 1))
    .groupby("scenario")["right"]
    .mean()
    .idxmax()
)
glue_values(
    example_scenario=best,
)


def example_cases(count: int) -> list[str]:
    """Choose test cases with a lesion that both networks of the scenario call rightly, if any."""
    right = []
    for rows, _ in runs:
        if rows["scenario"].iloc[0] == best and rows["fold"].iloc[0] == 0:
            ok = (rows["score"] > 0.5) == (rows["label"] == 1)
            right.append(set(rows.loc[ok, "case_id"]))
            order = rows
    lesions = {c for c, there in zip(case_ids, has_lesion(masks), strict=True) if there}
    chosen = []
    for label in (1, 0):
        members = order.loc[order["label"] == label, "case_id"]
        agreed = [c for c in members if c in lesions and all(c in r for r in right)]
        others = [c for c in members if c in lesions and c not in agreed]
        chosen += (agreed + others)[: count // 2]
    return chosen


chosen = example_cases(4)
place = [case_ids.index(c) for c in chosen]
table = inputs.store.cases.iloc[place][["case_id", "label"]].reset_index(drop=True)
overlays = {}
for rows, maps in runs:
    if rows["scenario"].iloc[0] == best and rows["fold"].iloc[0] == 0:
        init = rows["init"].iloc[0]
        of_case = rows.reset_index(drop=True).set_index("case_id")
        at = [of_case.index.get_loc(c) for c in chosen]
        score = of_case["score"].to_numpy()[at]
        predicted = (score > 0.5).astype(int)
        overlays[init] = to_uint8(maps[at, :, :, predicted], inputs.store.size)
        table[f"score_{init}"] = score
cam_panel(
    inputs.store.images()[place],
    masks[place],
    {init: overlays[init] for init in inits},
    table,
    positive_class=inputs.task.positive_class,
    threshold=threshold,
)[0, 0].figure

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
dice_bars(summary, baselines, inits).figure

# %%
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
book_table(dice_beside_table(summary, {task: test}, inits), "Dice scores: published and recomputed")

# %% [markdown]
# The published scores come from the released weights and larger images; the recomputed ones from
# what the banner names.
