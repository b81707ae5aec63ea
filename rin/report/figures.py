"""Every figure of the book, in one place to import from."""

from rin.report.figures_auc import auc_swarm, mean_roc, scenario_heatmap
from rin.report.figures_cam import cam_panel, dice_bars, show_image
from rin.report.figures_study import learning_curves, published_beside, sample_sheet
from rin.report.style import INIT_STYLE, init_style, use_style

__all__ = [
    "INIT_STYLE",
    "auc_swarm",
    "cam_panel",
    "dice_bars",
    "init_style",
    "learning_curves",
    "mean_roc",
    "published_beside",
    "sample_sheet",
    "scenario_heatmap",
    "show_image",
    "use_style",
]
