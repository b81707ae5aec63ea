"""Statistics on arrays and tidy tables: AUCs of ROC curves, their comparison, and more.

Nothing here trains, plots or reads files.  “The columns of an estimate” are estimate, ci_low,
ci_high (95%), statistic, df (infinite for z), p_value, p_holm (where a family of tests is
adjusted) and standard_error.  README.md beside this file begins with pROC's calls.
"""

from rin.stats.bootstrap import bootstrap_interval
from rin.stats.clinical import (
    MEASURES,
    clinical_curves,
    clinical_measures,
)
from rin.stats.comparison import compare, operating_point
from rin.stats.delong import (
    auc_ci,
    auc_contrasts,
    delong_covariance,
    delong_test,
    share_interval,
)
from rin.stats.exclusions import equivalence_tests, published_differences
from rin.stats.hypothesis import EQUIVALENCE_MARGIN, holm, paired_t
from rin.stats.planning import patients_for_equivalence, patients_needed, pretraining_power
from rin.stats.pretrainings import (
    leave_one_pair_out,
    pair_differences,
    pairwise_differences,
    pretraining_changes,
    pretraining_differences,
)
from rin.stats.roc import roc_coordinates
from rin.stats.scenarios import (
    baseline_differences,
    factor_effects,
    image_differences,
    init_differences,
    mean_roc,
    scenario_aucs,
    task_analyses,
    training_spread,
)
from rin.stats.synthesis import random_effects

__all__ = [
    "EQUIVALENCE_MARGIN",
    "MEASURES",
    "auc_ci",
    "auc_contrasts",
    "baseline_differences",
    "bootstrap_interval",
    "clinical_curves",
    "clinical_measures",
    "compare",
    "delong_covariance",
    "delong_test",
    "equivalence_tests",
    "factor_effects",
    "holm",
    "image_differences",
    "init_differences",
    "leave_one_pair_out",
    "mean_roc",
    "operating_point",
    "pair_differences",
    "paired_t",
    "pairwise_differences",
    "patients_for_equivalence",
    "patients_needed",
    "pretraining_changes",
    "pretraining_differences",
    "pretraining_power",
    "published_differences",
    "random_effects",
    "roc_coordinates",
    "scenario_aucs",
    "share_interval",
    "task_analyses",
    "training_spread",
]
