"""Statistics on arrays and tidy tables: areas under ROC curves, their comparison, and more.

Nothing here trains, plots or reads files.  Functions take labels (0 or 1), scores and patients as
arrays, or the predictions table; results are small frozen dataclasses or tables::

    from rin.stats import delong

    delong.delong_test(labels, scores_a, scores_b).p_value

A function that bears the name of its module is not repeated here, so that both stay reachable:
`rin.stats.equivalence.equivalence`, `rin.stats.beyond_curves.beyond_curves`.
"""

from rin.stats.analyses import ANALYSES
from rin.stats.beyond import MEASURES, PatientInterval, beyond_area, patient_interval
from rin.stats.bootstrap import (
    bootstrap_areas,
    cluster_weights,
    percentile_interval,
    weighted_areas,
)
from rin.stats.calibration import (
    Brier,
    Reliability,
    brier_decomposition,
    brier_score,
    expected_calibration_error,
    reliability_curve,
)
from rin.stats.clustered import (
    ClusteredAuc,
    ClusteredTest,
    clustered_auc_ci,
    clustered_covariance,
    clustered_test,
)
from rin.stats.clustered_means import ClusteredT, clustered_t, wilcoxon
from rin.stats.consistency import calibration_error_by_chance
from rin.stats.contrast import AreaContrast, area_contrast, mean_contrast
from rin.stats.coverage import simulate_coverage
from rin.stats.decision import DecisionCurve, net_benefit
from rin.stats.delong import (
    AucInterval,
    DeLongTest,
    UnpairedDeLongTest,
    auc_ci,
    delong_covariance,
    delong_test,
    delong_test_unpaired,
)
from rin.stats.differences import init_differences, regime_interaction
from rin.stats.effects import EffectSizes, effect_sizes
from rin.stats.equivalence import EQUIVALENCE_MARGIN, Equivalence
from rin.stats.folds import nadeau_bengio, split_ratio
from rin.stats.interaction import factor_effects
from rin.stats.intervals import area_interval, share_interval
from rin.stats.mixed import MixedModel, mixed_model
from rin.stats.operating import sensitivity_at_specificity
from rin.stats.paired import (
    PairedT,
    TTest,
    holm,
    paired_t,
    shapiro_wilk,
    unpaired_t,
    unpaired_t_from_summary,
)
from rin.stats.per_image import against_baselines, image_differences
from rin.stats.placements import placement_areas, placement_counts, placement_covariance
from rin.stats.pooling import holm_over_tasks, task_analyses
from rin.stats.precision_recall import (
    PrecisionRecall,
    average_precision,
    precision_at_recall,
    precision_recall_curve,
)
from rin.stats.recalibration import CalibrationLine, calibration_line
from rin.stats.roc import mean_roc, mean_roc_areas
from rin.stats.scenarios import (
    PooledComparison,
    compare_inits,
    mean_scores,
    paired_scores,
    pooled_comparison,
    scenario_aucs,
)

__all__ = [
    "ANALYSES",
    "EQUIVALENCE_MARGIN",
    "MEASURES",
    "AreaContrast",
    "AucInterval",
    "Brier",
    "CalibrationLine",
    "ClusteredAuc",
    "ClusteredT",
    "ClusteredTest",
    "DeLongTest",
    "DecisionCurve",
    "EffectSizes",
    "Equivalence",
    "MixedModel",
    "PairedT",
    "PatientInterval",
    "PooledComparison",
    "PrecisionRecall",
    "Reliability",
    "TTest",
    "UnpairedDeLongTest",
    "against_baselines",
    "area_contrast",
    "area_interval",
    "auc_ci",
    "average_precision",
    "beyond_area",
    "bootstrap_areas",
    "brier_decomposition",
    "brier_score",
    "calibration_error_by_chance",
    "calibration_line",
    "cluster_weights",
    "clustered_auc_ci",
    "clustered_covariance",
    "clustered_t",
    "clustered_test",
    "compare_inits",
    "delong_covariance",
    "delong_test",
    "delong_test_unpaired",
    "effect_sizes",
    "expected_calibration_error",
    "factor_effects",
    "holm",
    "holm_over_tasks",
    "image_differences",
    "init_differences",
    "mean_contrast",
    "mean_roc",
    "mean_roc_areas",
    "mean_scores",
    "mixed_model",
    "nadeau_bengio",
    "net_benefit",
    "paired_scores",
    "paired_t",
    "patient_interval",
    "percentile_interval",
    "placement_areas",
    "placement_counts",
    "placement_covariance",
    "pooled_comparison",
    "precision_at_recall",
    "precision_recall_curve",
    "regime_interaction",
    "reliability_curve",
    "scenario_aucs",
    "sensitivity_at_specificity",
    "shapiro_wilk",
    "share_interval",
    "simulate_coverage",
    "split_ratio",
    "task_analyses",
    "unpaired_t",
    "unpaired_t_from_summary",
    "weighted_areas",
    "wilcoxon",
]
