"""The paired DeLong test compared with pROC's, on the same cases, in one run.

The paper used pROC, where a user calls `roc()` for each of two models and then `roc.test()`; here
it is `delong_test()` on three arrays.  Both begin with vectors in memory and end with Z, P and an
interval; starting R and reading files is not counted.  The two alternate, and Z and P must agree.
The time to sort both models' scores, which every such test needs, is also shown.  Without R, or
without its package pROC, the script says so and stops.

    python benchmarks/delong_against_proc.py
    python benchmarks/delong_against_proc.py --cases 5000 --rounds 2     # seconds
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from rin.stats import delong_test

SCRIPT = Path(__file__).with_suffix(".R")
CASES = [57_000, 573_604]  # one tenth of the largest task's images, and all of them
TARGET = 10


def drawn_cases(n: int, decimals: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels (n,) and two models' scores in 0-1, one case in seven positive."""
    rng = np.random.default_rng(n)
    labels = (rng.random(n) < 1 / 7).astype(float)
    shared = rng.normal(size=n)
    logits = [gain * labels + shared + rng.normal(size=n) for gain in (2.0, 1.9)]
    scores = [1 / (1 + np.exp(-value)) for value in logits]
    if decimals is not None:
        scores = [value.round(decimals) for value in scores]
    return labels, *scores


def ours(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Time one test, after an untimed test, and the sorting of both scores alone."""
    delong_test(labels, a, b)
    wall, cpu = time.perf_counter(), time.process_time()
    test = delong_test(labels, a, b)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sorting = time.perf_counter()
    np.argsort(a)
    np.argsort(b)
    sorting = time.perf_counter() - sorting
    measured = {"wall": wall, "cpu": cpu, "sorting": sorting}
    return measured | {"z": test.statistic, "p": test.p_value}


def proc(folder: Path, n: int) -> dict[str, float]:
    """Time pROC in a process of its own, after an untimed round."""
    command = ["Rscript", "--vanilla", str(SCRIPT), str(folder), str(n), "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = ["build_wall", "build_cpu", "test_wall", "test_cpu", "z", "p"]
    return dict(zip(names, map(float, done.stdout.splitlines()[-1].split()), strict=True))


def compare(n: int, decimals: int | None, rounds: int) -> dict[str, object]:
    """Alternate both on the same cases; return medians over rounds, in milliseconds."""
    arrays = drawn_cases(n, decimals)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, values in zip(("labels", "scores_a", "scores_b"), arrays, strict=True):
            values.tofile(folder / label)
        turns = [(ours(*arrays), proc(folder, n)) for _ in range(rounds)]
    for one, other in turns:
        np.testing.assert_allclose([one["z"], one["p"]], [other["z"], other["p"]], rtol=1e-9)
    table = {"cases": f"{n:,}", "scores": "all different" if decimals is None else "with ties"}
    for clock in ("wall", "cpu"):
        mine = median(one[clock] for one, _ in turns)
        test = median(other[f"test_{clock}"] for _, other in turns)
        whole = median(other[f"test_{clock}"] + other[f"build_{clock}"] for _, other in turns)
        table |= {
            f"ours, {clock} ms": f"{1000 * mine:.1f}",
            f"pROC, {clock} ms": f"{1000 * whole:.0f}",
            f"of it roc.test, {clock} ms": f"{1000 * test:.0f}",
            f"ratio, {clock}": f"{whole / mine:.0f}",
            f"ratio to roc.test alone, {clock}": f"{test / mine:.0f}",
        }
        if clock == "wall":
            sorting = median(one["sorting"] for one, _ in turns)
            table["both sorts alone, wall ms"] = f"{1000 * sorting:.1f}"
            table["ours to both sorts, wall"] = f"{mine / sorting:.2f}"
    return table


def missing() -> str:
    """Return the reason why R cannot run, or an empty string."""
    if shutil.which("Rscript") is None:
        return "Rscript is not on the path."
    asked = ["Rscript", "--vanilla", "-e", "library(pROC)"]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        return "R has no package pROC."
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, nargs="+", default=CASES)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if problem := missing():
        print(f"Skipped: {problem} Debian's r-base-core and r-cran-proc have both.")
        sys.exit(0)
    rows = [compare(n, decimals, options.rounds) for n in options.cases for decimals in (None, 3)]
    table = pd.DataFrame(rows).set_index(["cases", "scores"])
    print(table.T.to_markdown() if len(rows) < 3 else table.T.to_string())
    for name, clock in (("on the clock", "wall"), ("of processor time", "cpu")):
        lowest = min(float(row[f"ratio, {clock}"]) for row in rows)
        verdict = "met" if lowest >= TARGET else "missed"
        print(f"Lowest ratio {name} {lowest:.0f}; target {TARGET}: {verdict}.")


if __name__ == "__main__":
    main()
