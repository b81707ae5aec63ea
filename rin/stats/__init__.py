"""Statistics on arrays and tidy tables: AUCs, their comparison, and audits.

Nothing here trains, plots or reads files.
"""

from rin.stats.audit import IntervalCheck, published_interval_check
from rin.stats.delong import (
    AucInterval,
    DeLongTest,
    UnpairedDeLongTest,
    auc_ci,
    delong_covariance,
    delong_test,
    delong_test_unpaired,
)
from rin.stats.paired import (
    PairedT,
    TTest,
    holm,
    paired_t,
    shapiro_wilk,
    unpaired_t,
    unpaired_t_from_summary,
)
from rin.stats.roc import mean_roc
from rin.stats.scenarios import (
    PooledComparison,
    compare_inits,
    paired_scores,
    pooled_comparison,
    scenario_aucs,
)

__all__ = [
    "AucInterval",
    "DeLongTest",
    "IntervalCheck",
    "PairedT",
    "PooledComparison",
    "TTest",
    "UnpairedDeLongTest",
    "auc_ci",
    "compare_inits",
    "delong_covariance",
    "delong_test",
    "delong_test_unpaired",
    "holm",
    "mean_roc",
    "paired_scores",
    "paired_t",
    "pooled_comparison",
    "published_interval_check",
    "scenario_aucs",
    "shapiro_wilk",
    "unpaired_t",
    "unpaired_t_from_summary",
]
