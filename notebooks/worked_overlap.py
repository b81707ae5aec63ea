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
# # Overlap by hand: a dozen small maps
#
# **What this page answers.** How does a feature map become a class activation map, a region and a
# score, and what do the scores say of maps that are too narrow, too broad, blank, or of images
# without a lesion?
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | seconds and less than 1 GB on a laptop; nothing is read |
# | expected | whole numbers and fractions equal to what `rin.explain` returns |

# %% tags=["remove-input"]
from IPython.display import Markdown, display

display(
    Markdown(
        "> **Made up.** Every map and lesion of this page is drawn by the page itself: no network "
        "has seen them, and no image of anybody is used."
    )
)

# %% tags=["hide-input"]
import numpy as np
import pandas as pd

from rin.explain.gradcam import class_activation, to_uint8
from rin.explain.overlap import (
    baseline_scores,
    best_threshold,
    cam_dice,
    crossfitted_dice,
    pixel_average_precision,
    pointing_game,
    threshold_curve,
)
from rin.report.figures import use_style
from rin.report.figures_worked_overlap import case_picture, decimal, number_grid
from rin.report.format import MISSING
from rin.report.glued import glue_values
from rin.report.panels import Panel, panel_row
from rin.report.tables import book_table
from rin.report.worked_overlap import (
    CASES,
    KERNEL,
    SIDE,
    THRESHOLD,
    TOLERANCE,
    lesion_cells,
    precision_steps,
    work_out,
)

use_style()
worked = [work_out(case) for case in CASES]
case, first = CASES[0], worked[0]
drawn = {"origin": "stand-in", "word": "drawn for this page", "detail": ""}
glue_values(threshold=THRESHOLD, tolerance=TOLERANCE, side=SIDE)

# %% [markdown]
# ## From a feature map to a class activation map
#
# The last convolution of this tiny network has two channels of 4 × 4 cells. The dense layer after
# global average pooling gives each channel a weight for the positive class.

# %% tags=["hide-input"]
weights = [int(weight) for weight in KERNEL[:, 1]]
grids = [
    number_grid(case.features[:, :, k], f"Channel {k + 1}, weight {weight}".replace("-", "−"))
    for k, weight in enumerate(weights)
]
panel_row(
    [
        Panel(ax.figure, f"Channel {k + 1}: four by four numbers", 1.5)
        for k, ax in enumerate(grids)
    ],
    title="Feature map of the first case",
    reading="Darker cells hold larger numbers.",
    **drawn,
)  # fmt: skip

# %% [markdown]
# The class activation map adds up the channels, each times its weight, and divides by the number of
# cells. The ReLU keeps what is positive, and division by the largest value scales the rest to
# 0–255.

# %%
cam = class_activation(case.features[None], KERNEL)[:, :, :, 1]
assert (16 * cam[0] == np.array(first.cam)).all()

# %% tags=["hide-input"]
grids = [
    number_grid(first.cam, "16 × class activation map"),
    number_grid(first.scaled, "After the ReLU, scaled to 0–255"),
]
panel_row(
    [
        Panel(grids[0].figure, "The class activation map as sixteen whole numbers", 1.5),
        Panel(grids[1].figure, "The same map, negative cells zero and the largest 255", 1.5),
    ],
    title="Class activation map of the first case",
    reading="Negative cells speak against the class and are set to zero.",
    **drawn,
)  # fmt: skip

# %% [markdown]
# ## From the map to a region and a score
#
# Enlarging to the image's {glue:text}`side` × {glue:text}`side` pixels mixes neighbours: three
# quarters of a pixel's own cell and one quarter of the nearer one, down and across. Pixels above
# {glue:text}`threshold` are called lesion.

# %%
picture = to_uint8(cam, SIDE)
assert (picture[0] == np.array(first.picture)).all()

# %% tags=["hide-input"]
grids = [
    number_grid(first.picture, "Enlarged and rounded", above=THRESHOLD),
    number_grid(first.picture, "The same with the lesion", above=THRESHOLD, mask=case.lesion),
]
panel_row(
    [
        Panel(grids[0].figure, "The map of eight by eight pixels, framed above the threshold", 1.5),
        Panel(grids[1].figure, "The same with the outline of the lesion", 1.5),
    ],
    title="Region of the first case",
    reading=(
        f"{first.called} pixels lie above {THRESHOLD} (red frame), {first.lesion} in the lesion "
        f"(dashed), {first.both} in both. Dice = 2 × {first.both} / ({first.called} + "
        f"{first.lesion}) = {first.dice}."
    ),
    **drawn,
)  # fmt: skip

# %% [markdown]
# Average precision needs no threshold. Going down the gray levels from the brightest, each step
# adds the rise of recall times the precision of all pixels so far, those at least as bright.

# %% tags=["hide-input"]
steps = precision_steps(first.picture, lesion_cells(case))
table = pd.DataFrame(
    [
        {
            "Level": level,
            "Pixels so far": called,
            "In the lesion": found,
            "Recall": f"{recall}",
            "Precision": f"{precision}",
            "Step": f"{step}",
        }
        for level, called, found, recall, precision, step in steps
        if step or found < first.lesion
    ]
)
glue_values(first_precision=f"{first.precision}")
book_table(table, "Average precision of the first case, step by step", prose=True)

# %% [markdown]
# The steps add up to {glue:text}`first_precision`: every pixel of the lesion is brighter than every
# other, although the threshold finds only some of them.
#
# ## A dozen cases
#
# Cyan is the lesion, the dashed white line the region above the threshold. "Pointing" is the
# pointing game within {glue:text}`tolerance` pixel, AP the average precision.

# %% tags=["hide-input"]
groups = [
    (
        "Shape and threshold",
        "Too narrow and too broad a region score alike. Case 1 ranks every pixel of the lesion "
        "first, and so has an average precision of 1, while the threshold finds half of it.",
    ),
    (
        "Rank, point and region disagree",
        "Case 5 ranks perfectly and is cut too high. Case 6 has no pixel of the lesion above the "
        "threshold, yet its brightest point is within the margin. Case 7 points rightly and "
        "misses one of two lesions. In case 8 two maxima tie: the score is the share that hits.",
    ),
    (
        "Blank maps and empty masks",
        "A map that is everywhere alike scores chance: the share of the image that counts as hit, "
        "and that is lesion. A map without a positive value highlights nothing: Dice 0, a miss, "
        "and the lesion's share as average precision. Without a lesion Dice is 0 or undefined, "
        "and nothing can be pointed at: such images are counted in a table of their own.",
    ),
]
for k, (title, reading) in enumerate(groups):
    places = range(4 * k, 4 * k + 4)
    panels = [
        Panel(
            case_picture(CASES[at], worked[at], at + 1).figure,
            f"Case {at + 1}, {CASES[at].name}: map, lesion and region",
            1.5,
        )
        for at in places
    ]
    display(panel_row(panels, title=title, reading=reading, **drawn))  # fmt: skip

# %% [markdown]
# ## The same by `rin.explain`
#
# The table is worked out with loops and fractions. The cell below asks `rin.explain` for the same
# and stops the page if any number differs.

# %%
cams = np.concatenate([class_activation(one.features[None], KERNEL)[..., 1] for one in CASES])
pictures, lesions = to_uint8(cams, SIDE), np.stack([one.lesion for one in CASES])
found = {
    "dice": cam_dice(pictures, lesions, THRESHOLD),
    "pointing": pointing_game(pictures, lesions, TOLERANCE),
    "precision": pixel_average_precision(pictures, lesions),
}
for name, values in found.items():
    by_hand = [getattr(one, name) for one in worked]
    by_hand = [np.nan if value is None else float(value) for value in by_hand]
    np.testing.assert_allclose(values, by_hand, rtol=1e-12)

# %% tags=["hide-input"]
table = pd.DataFrame(
    [
        {
            "Case": f"{k}  {one.name}",
            "Above / lesion / both": f"{w.called} / {w.lesion} / {w.both}",
            "Dice": MISSING if w.dice is None else f"{w.dice} = {decimal(w.dice)}",
            "Pointing": MISSING if w.pointing is None else f"{w.pointing}",
            "AP": decimal(w.precision),
        }
        for k, (one, w) in enumerate(zip(CASES, worked, strict=True), start=1)
    ]
)
book_table(table, "The dozen in numbers, by hand", prose=True)

# %% [markdown]
# Every number by hand equals that of `rin.explain`; a dash is a score that is undefined.
#
# ## What looking at nothing scores
#
# Of a lesion that takes the share s of the image, the whole image scores a Dice of 2s / (1 + s),
# and s by the two other measures (without a margin). So a Dice score says little without the size
# of the lesions.

# %% tags=["hide-input"]
shown = [0, 1, 3]
scores = baseline_scores(lesions[shown], (4.0, 4.0), tolerance=0)
whole = scores[scores["baseline"] == "whole image"].set_index("image")
ellipse = scores[scores["baseline"] == "centred ellipse"].set_index("image")
rows = []
for place, at in enumerate(shown):
    share = worked[at].lesion / SIDE**2
    assert whole.loc[place, "dice"] == 2 * share / (1 + share)
    assert whole.loc[place, "average_precision"] == whole.loc[place, "pointing"] == share
    rows.append(
        {
            "Lesion of case": at + 1,
            "Share of the image": f"{share:.2f}",
            "Dice, whole image": f"{whole.loc[place, 'dice']:.2f}",
            "Dice, centred ellipse of 4 × 4": f"{ellipse.loc[place, 'dice']:.2f}",
        }
    )
book_table(pd.DataFrame(rows), "Dice without looking", prose=True)

# %% [markdown]
# The lesion of the second case is so large that the whole image scores better than the map of that
# case did.
#
# ## The best threshold, chosen on others
#
# Take the first three cases and the fifth as four patients. Each patient's own best threshold
# flatters. The fair one is chosen on the three others, here once more by a loop.

# %%
patients = [0, 1, 2, 4]
curves = threshold_curve(pictures[patients], lesions[patients])
fair = crossfitted_dice(curves, patients)
own = curves.max(axis=1)
for place in range(len(patients)):
    others = [k for k in range(len(patients)) if k != place]
    totals = [round(sum(curves[k, level] for k in others), 9) for level in range(256)]
    assert fair[place] == curves[place, totals.index(max(totals))]

# %% tags=["hide-input"]
table = pd.DataFrame(
    {
        "Patient": [CASES[at].name for at in patients],
        f"Dice at {THRESHOLD}": [f"{value:.2f}" for value in curves[:, THRESHOLD]],
        "At the others' best threshold": [f"{value:.2f}" for value in fair],
        "At the patient's own best": [f"{value:.2f}" for value in own],
    }
)
glue_values(
    common=best_threshold(curves),
    fair=fair.mean(),
    fixed=curves[:, THRESHOLD].mean(),
    upper=curves[:, best_threshold(curves)].mean(),
)
book_table(table, "Dice of four patients at three thresholds", prose=True)

# %% [markdown]
# At {glue:text}`threshold` the mean is {glue:text}`fixed:.2f`; at the threshold chosen on others
# {glue:text}`fair:.2f`; at the one that is best for these very four, {glue:text}`common`, it is
# {glue:text}`upper:.2f`, which is an upper bound.
