import itertools
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

BACKBONES = ["DenseNet121", "InceptionResNetV2", "InceptionV3", "ResNet50"]
CONDITIONS = [
    ("unfreeze_all", "1e-03"),
    ("unfreeze_all", "1e-04"),
    ("freeze_all", "1e-02"),
    ("freeze_all", "1e-03"),
    ("unfreeze_top10", "1e-02"),
    ("unfreeze_top10", "1e-03"),
]
SCENARIOS = [f"{b}-{u}-{r}" for b, (u, r) in itertools.product(BACKBONES, CONDITIONS)]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def run_aucs():
    """Two folds of 24 scenarios and two inits, as `scenario_aucs` returns them."""
    rng = np.random.default_rng(4)
    rows = itertools.product(["breast"], [0, 1], SCENARIOS, ["radiologic", "photographic"], [0])
    table = pd.DataFrame(rows, columns=["task", "fold", "scenario", "init", "seed"])
    return table.assign(auc=rng.uniform(0.6, 0.99, len(table)))


@pytest.fixture
def differences():
    """One row per scenario, as `compare_inits` returns them."""
    rng = np.random.default_rng(5)
    auc_a, auc_b = rng.uniform(0.6, 0.95, (2, len(SCENARIOS)))
    table = pd.DataFrame({"task": "breast", "scenario": SCENARIOS, "auc_a": auc_a, "auc_b": auc_b})
    table["difference"] = table["auc_a"] - table["auc_b"]
    return table.assign(
        ci_low=table["difference"] - 0.05,
        ci_high=table["difference"] + 0.05,
        p_value=rng.uniform(0, 1, len(table)),
        p_holm=1.0,
    )
