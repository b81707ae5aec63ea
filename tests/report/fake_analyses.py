"""Tasks with made-up analyses, as the pages that set analyses side by side read them."""

import math
from types import SimpleNamespace

import pandas as pd

from rin import paper
from rin.report.across import Images
from rin.report.analyses import TaskAnalyses, conclusion
from rin.stats.effects import EffectSizes
from rin.stats.equivalence import equivalence

INITS = ("radiologic", "photographic")
NAN = float("nan")
#: Estimate and interval of each analysis, areas in 0-1; the last but one cannot be computed.
ENDS = {
    "unpaired_t": (0.03, -0.01, 0.07),
    "paired_t": (0.03, 0.01, 0.05),
    "delong_stacked": (0.02, 0.015, 0.025),
    "delong_mean_scores": (0.04, -0.02, 0.10),
    "delong_contrast": (0.03, -0.01, 0.07),
    "clustered_contrast": (0.03, -0.02, 0.08),
    "cluster_bootstrap": (0.03, -0.021, 0.079),
    "nadeau_bengio": (NAN, NAN, NAN),
    "mixed_model": (0.03, 0.001, 0.059),
}


def table(ends=None, margin=0.02, error=0.02):
    """One task's analyses; `ends` replaces some of `ENDS`, `error` is their standard error."""
    rows = []
    for key, (estimate, low, high) in (ENDS | (ends or {})).items():
        missing = math.isnan(low)
        test = None if missing else equivalence(estimate, error, math.inf, margin)
        rows.append(
            {
                "analysis": key,
                "name": key.replace("_", " ").capitalize(),
                "unit": "24 scenarios",
                "n_units": 24,
                "estimate": estimate,
                "ci_low": low,
                "ci_high": high,
                "statistic": NAN if missing else 2.0,
                "df": math.inf,
                "p_value": NAN if missing else 0.03,
                "generalises_to": f"others of {key}",
                "assumes": f"assumption of {key}",
                "remark": "there is one fold" if missing else "",
                "published": key == "unpaired_t",
                "recommended": key == "clustered_contrast",
                "equivalence_p": test.p_value if test else NAN,
                "equivalence_low": test.ci_low if test else NAN,
                "equivalence_high": test.ci_high if test else NAN,
                "equivalent": test.equivalent if test else False,
                "smallest_margin": test.smallest_margin if test else NAN,
                "conclusion": conclusion(low, high),
            }
        )
    return pd.DataFrame(rows)


def analyses(task="breast", ends=None, *, inits=INITS, origin="real", margin=0.02, error=0.02,
             patients=40):  # fmt: skip
    """One task; `error` is the standard error of its tests of equivalence."""
    published = paper.COMPARISONS.get(task)
    return TaskAnalyses(
        task=task,
        title=published.title if published else task,
        published=published,
        called_comparable=task in ("breast", "pneumonia", "hemorrhage"),
        images=Images(origin, "Images", None, 60, 60),
        pooled=SimpleNamespace(init_a=inits[0], init_b=inits[1], n_scenarios=24),
        table=table(ends, margin, error),
        effects=EffectSizes(24, 0.5, 0.48, 0.9, 0.4, 1.4, 0.64, 0.75),
        fewest_patients=patients,
        margin=margin,
    )
