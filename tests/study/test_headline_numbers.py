"""The headline numbers of the committed reference run, by paths that share no code with `rin`.

Predictions are read by `rin`; the arithmetic is R's (pROC) or plain NumPy.
"""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from rin.stats import init_differences, scenario_aucs
from rin.study import open_reference

pytestmark = pytest.mark.slow

NETWORK = ["task", "fold", "scenario", "init", "seed", "pretraining"]
REPLICATES = 4000
#: Points of AUC between an interval of DeLong's variance and one of the bootstrap.
NEAR = 0.5

PROC = """
suppressMessages({library(pROC); library(jsonlite)})
networks <- fromJSON(file("stdin"), simplifyDataFrame = FALSE)
found <- lapply(networks, function(network) {
  curve <- roc(unlist(network$labels), unlist(network$scores), levels = c(0, 1),
               direction = "<", quiet = TRUE)
  ends <- as.numeric(ci.auc(curve, method = "delong"))
  c(as.numeric(auc(curve)), var(curve, method = "delong"), ends[1], ends[3])
})
cat(toJSON(found, digits = NA))
"""


@pytest.fixture(scope="module")
def reference():
    return open_reference("open")


@pytest.fixture(scope="module")
def predictions(reference):
    return reference.predictions()


@pytest.fixture(scope="module")
def r_program():
    """R with pROC; without it a skip, or a failure where RIN_REQUIRE_R is set."""
    missing = pytest.fail if os.environ.get("RIN_REQUIRE_R") else pytest.skip
    program = shutil.which("Rscript") or missing("no R on this computer")
    probe = [program, "-e", "library(pROC); library(jsonlite)"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        missing("R has no pROC or jsonlite: install r-cran-proc and r-cran-jsonlite")
    return program


def test_auc_and_interval_of_every_network_are_those_of_proc(predictions, r_program):
    keys, networks = [], []
    for key, rows in predictions.groupby(NETWORK, observed=True):
        keys.append(key)
        scores = rows["score"].astype(float).tolist()
        networks.append({"labels": rows["label"].tolist(), "scores": scores})
    done = subprocess.run(
        [r_program, "-e", PROC],
        input=json.dumps(networks),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = np.array(json.loads(done.stdout))
    table = scenario_aucs(predictions).set_index(NETWORK).loc[keys]
    assert len(table) == len(expected) >= 288
    ours = table[["auc", "variance", "ci_low", "ci_high"]].to_numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-10, rtol=0)


def bootstrapped(rows, inits, seed):
    """The difference of mean AUCs of two inits, and its replicates over patients.

    Folds are averaged, and the pretrainings of a scenario; within a fold patients are drawn with
    replacement, and replicates without both classes are drawn again.
    """
    rng = np.random.default_rng(seed)
    whole, drawn = [], []
    for _, fold in rows.groupby("fold", observed=True):
        cases = fold.drop_duplicates("case_id").set_index("case_id").sort_index()
        positive = cases["label"].to_numpy() == 1
        names, patient = np.unique(cases["patient_id"].astype(str), return_inverse=True)
        # Of each pair of a positive and a negative case: the networks that rank it rightly.
        lead = np.zeros((positive.sum(), (~positive).sum()))
        pretrainings = fold.groupby("scenario", observed=True)["pretraining"].nunique()
        networks = fold.groupby(["init", "scenario", "pretraining"], observed=True)
        for (init, scenario, _), network in networks:
            scores = network.set_index("case_id")["score"].loc[cases.index].to_numpy(float)
            apart = scores[positive][:, None] - scores[~positive]
            weight = 1 / len(pretrainings) / pretrainings[scenario]
            sign = 1.0 if init == inits[0] else -1.0
            lead += sign * weight * ((apart > 0) + 0.5 * (apart == 0))
        whole.append(lead.mean())
        replicates = []
        while len(replicates) < REPLICATES:
            times = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
            won, lost = times[patient][positive], times[patient][~positive]
            if won.any() and lost.any():
                replicates.append(won @ lead @ lost / (won.sum() * lost.sum()))
        drawn.append(replicates)
    return np.mean(whole), np.mean(drawn, axis=0)


def test_differences_and_their_intervals_are_those_of_a_plain_bootstrap(reference, predictions):
    inits = reference.inits
    table = init_differences(predictions, *inits).set_index(["task", "group"])
    rows = predictions[predictions["init"].isin(inits)]
    n_tasks = rows["task"].nunique()
    assert n_tasks >= 6
    assert len(table) == 4 * n_tasks  # over all scenarios, and by unfreezing
    for number, ((task, group), stated) in enumerate(table.iterrows()):
        of_task = rows[rows["task"] == task]
        own = of_task if group == "all" else of_task[of_task["unfreezing"] == group]
        estimate, replicates = bootstrapped(own, inits, seed=number)
        assert stated["estimate"] == pytest.approx(estimate, abs=1e-12)
        # Around the estimate: who is drawn twice is compared with a copy of themself, which moves
        # the replicates of a small task by half a point, and not their spread.
        ends = 100 * (estimate + 1.959964 * np.std(replicates, ddof=1) * np.array([-1, 1]))
        ours = 100 * stated[["ci_low", "ci_high"]].to_numpy(dtype=float)
        assert np.abs(ours - ends).max() < NEAR, (task, group, ours, ends)
