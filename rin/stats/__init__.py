"""Statistics on arrays and tidy tables: AUCs of ROC curves, their comparison, and more.

Nothing here trains, plots or reads files.  “The columns of an estimate” are estimate, ci_low,
ci_high (95%), statistic, df (infinite for z), p_value, p_holm (where a family of tests is
adjusted) and standard_error.  README.md beside this file begins with pROC's calls.
"""

from rin.stats.bootstrap import bootstrap_interval
from rin.stats.clinical import (
    clinical_curves,
    clinical_measures,
    diverged_networks,
    measures_by_convergence,
    without_diverged,
)
from rin.stats.comparison import auc_equality_test, compare, operating_point
from rin.stats.delong import (
    auc_ci,
    auc_contrasts,
    delong_covariance,
    delong_test,
    share_interval,
)
from rin.stats.exclusions import against_published, equivalence_tests
from rin.stats.hypothesis import EQUIVALENCE_MARGIN, change_between, holm, paired_t
from rin.stats.levels import compare_levels
from rin.stats.planning import patients_for_equivalence, patients_needed, pretraining_power
from rin.stats.pretrainings import (
    by_setting,
    leave_one_pair_out,
    pair_differences,
    paired_scores,
    posterior_differences,
    pretraining_changes,
    pretraining_differences,
    pretraining_sensitivity,
)
from rin.stats.roc import partial_auc, roc_coordinates
from rin.stats.scenarios import (
    against_baselines,
    external_scores,
    factor_effects,
    image_differences,
    init_differences,
    mean_roc,
    scenario_aucs,
    task_analyses,
    training_spread,
    unfreezing_interaction,
)
from rin.stats.synthesis import random_effects

__all__ = [
    "EQUIVALENCE_MARGIN",
    "against_baselines",
    "against_published",
    "auc_ci",
    "auc_contrasts",
    "auc_equality_test",
    "bootstrap_interval",
    "by_setting",
    "change_between",
    "clinical_curves",
    "clinical_measures",
    "compare",
    "compare_levels",
    "delong_covariance",
    "delong_test",
    "diverged_networks",
    "equivalence_tests",
    "external_scores",
    "factor_effects",
    "holm",
    "image_differences",
    "init_differences",
    "leave_one_pair_out",
    "mean_roc",
    "measures_by_convergence",
    "operating_point",
    "pair_differences",
    "paired_scores",
    "paired_t",
    "partial_auc",
    "patients_for_equivalence",
    "patients_needed",
    "posterior_differences",
    "pretraining_changes",
    "pretraining_differences",
    "pretraining_power",
    "pretraining_sensitivity",
    "random_effects",
    "roc_coordinates",
    "scenario_aucs",
    "share_interval",
    "task_analyses",
    "training_spread",
    "unfreezing_interaction",
    "without_diverged",
]
