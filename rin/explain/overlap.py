"""Overlap of activation maps with the lesions that radiologists marked, in one place to import.

`rin.explain.dice` holds the measure of the paper, `thresholds` Dice at every and at the best
threshold, `pointing` the measures without a threshold, `baselines` what looking at no image scores,
`overlap_tables` all of them for the runs of a study, and `overlap_means` their means.
"""

from rin.explain.baselines import (
    baseline_scores,
    baseline_table,
    lesion_sizes,
    others_lesion_size,
)
from rin.explain.dice import PAPER_THRESHOLD, cam_dice, dice, has_lesion
from rin.explain.overlap_means import (
    init_dice,
    init_overlap,
    scenario_dice,
    scenario_overlap,
)
from rin.explain.overlap_tables import (
    MEASURES,
    OF,
    TARGETS,
    Overlap,
    dice_table,
    measure_overlap,
)
from rin.explain.pointing import (
    near_lesion,
    pixel_average_precision,
    pointing_game,
    tolerance_at,
)
from rin.explain.thresholds import best_threshold, crossfitted_dice, threshold_curve

__all__ = [
    "MEASURES",
    "OF",
    "PAPER_THRESHOLD",
    "TARGETS",
    "Overlap",
    "baseline_scores",
    "baseline_table",
    "best_threshold",
    "cam_dice",
    "crossfitted_dice",
    "dice",
    "dice_table",
    "has_lesion",
    "init_dice",
    "init_overlap",
    "lesion_sizes",
    "measure_overlap",
    "near_lesion",
    "others_lesion_size",
    "pixel_average_precision",
    "pointing_game",
    "scenario_dice",
    "scenario_overlap",
    "threshold_curve",
    "tolerance_at",
]
