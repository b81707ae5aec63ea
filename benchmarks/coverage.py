"""How often the headline's interval contains the truth, in simulated studies of the real design.

    python benchmarks/coverage.py [--replicates 2000] [--tasks breast thyroid]

The covariance over patients is that of the committed run's pairs, and of the planned pairs that
are added to them (two of each backbone, in folds 0 and 1).  Differences are drawn with SDs between
backbones, seeds, pairs, folds (training sets) and pairs in a fold, and analysed as by
`rin.stats.pretraining_differences`.
"""

import argparse
import math
from itertools import product

import numpy as np
import pandas as pd
from scipy import special

from rin.stats.effects import MeanModel
from rin.stats.pretrainings import TaskPairs, task_pairs
from rin.study import open_reference

#: SDs in AUC points: of backbones, seeds, pairs, folds, and of a pair in a fold.
SDS = {"backbone": (0, 4), "seed": (0, 4), "pair": (2, 5), "fold": (0, 2), "training": (0, 3)}
#: Share of a test set's variance over patients that two folds have in common (a third of cases).
SHARED = 1 / 3


def planned(of_task: TaskPairs) -> TaskPairs:
    """Return the committed pairs in fold 0 and two further ones of each backbone in two folds."""
    pairs = of_task.pairs
    variance = np.diag(of_task.covariance).mean()
    alike = of_task.covariance[~np.eye(len(pairs), dtype=bool)].mean()
    added = pd.DataFrame(
        {"backbone": name, "pretraining": number, "fold": fold, "seed": f"{name} {number}"}
        for name, number, fold in product(pairs["backbone"].unique(), (5, 6), (0, 1))
    )
    rows = pd.concat([pairs, added], ignore_index=True)
    rows["pair"] = rows.groupby(["backbone", "pretraining"]).ngroup()
    fold, pair = rows["fold"].to_numpy(), rows["pair"].to_numpy()
    apart, same = fold[:, None] != fold, pair[:, None] == pair
    known = np.where(same, variance, alike) * np.where(apart, SHARED, 1)
    known[: len(pairs), : len(pairs)] = of_task.covariance
    return TaskPairs(of_task.task, rows, np.zeros(len(rows)), known, patients=1000)


def coverage(design: TaskPairs, replicates: int) -> pd.DataFrame:
    """Return the coverage (%) and median half-width, one row per set of SDs.

    With the backbones fixed, the truth is the mean of the drawn ones, otherwise zero.
    """
    known, levels, weights = 1e4 * design.covariance, design.effect_levels(), design.weights()
    model = MeanModel(known, levels, weights)
    fixed = MeanModel(known, levels, weights, design.pairs["backbone"])
    indicators = {
        name: pd.get_dummies(np.asarray(of)).to_numpy(float) for name, of in levels.items()
    }
    indicators |= {"training": np.eye(len(known))}
    root = np.linalg.cholesky(known + 1e-9 * np.trace(known) * np.eye(len(known)))
    rng, rows = np.random.default_rng(20261128), []
    several = design.pairs["fold"].nunique() > 1
    for sds in product(*SDS.values()):
        row = dict(zip(SDS, sds, strict=True))
        if not several and (row["fold"] or row["training"]):
            continue
        effects = {name: sd * indicators[name] for name, sd in row.items()} | {"patients": root}
        drawn = {
            name: rng.normal(size=(replicates, matrix.shape[1])) @ matrix.T
            for name, matrix in effects.items()
        }
        for name, fitted in {"all": model, "fixed": fixed}.items():
            fits = fitted.fit(sum(drawn.values()))
            half = special.stdtrit(fits.df, 0.975) * fits.standard_errors
            truth = drawn["backbone"] @ fitted.weights if name == "fixed" else 0.0
            row[name] = 100 * (np.abs(fits.estimates - truth) <= half).mean()
            row[f"half-width {name}"] = np.median(half)
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Print a table for each design and task."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--tasks", nargs="+", default=["breast", "thyroid"])
    options = parser.parse_args()
    runs = open_reference()
    for task in options.tasks:
        (of_task,) = task_pairs(runs.predictions(task=task), *runs.inits)
        for name, design in {"committed": of_task, "planned": planned(of_task)}.items():
            error = 100 * math.sqrt(0.05 * 0.95 / options.replicates)
            print(f"\n{name} rows: {len(design.pairs)}, {task} (± {error:.1f})\n", flush=True)
            print(coverage(design, options.replicates).round(1).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
