"""Statistics on arrays and tidy tables: AUCs of ROC curves, their comparison, and more.

Nothing here trains, plots or reads files.  “The columns of an estimate” are estimate, ci_low,
ci_high (95%), statistic, df (infinite for z), p_value, p_holm where a family is adjusted, and
standard_error.  The modules hold more: resampling in `bootstrap`, tests in `hypothesis`, sample
sizes in `planning`, meta-analysis in `synthesis`, single measures in `clinical`.
"""

# ruff: noqa: F401 - what the package offers

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
from rin.stats.exclusions import against_published, equivalence_tests, noninferiority_tests
from rin.stats.hypothesis import EQUIVALENCE_MARGIN, change_between, holm, paired_t
from rin.stats.pretrainings import (
    leave_one_pair_out,
    pair_differences,
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
