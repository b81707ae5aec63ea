"""How often the headline's interval contains the truth, in simulated studies of the real design.

    python benchmarks/coverage.py [--replicates 2000] [--tasks breast thyroid]

The covariance over patients is that of the committed run's pairs.  Differences of pairs are drawn
with SDs between backbones, between the seeds that pairs may share, and within, and analysed as by
`rin.stats.pretraining_differences`; for comparison, also by the earlier headline, a model without
seeds and with t on backbones − 1.
"""

import argparse
import math
from itertools import product

import numpy as np
import pandas as pd
from scipy import special

from rin.stats.effects import MeanModel, each_level_once
from rin.stats.pretrainings import TaskPairs, task_pairs
from rin.study import open_reference

BETWEEN, WITHIN, SEED = (0, 3, 6), (2, 5, 8), (0, 3, 6)  # SDs in AUC points
#: The paper's backbones, whose pairs share the seed of a pretraining's number, but for the third
#: pairs of ResNet50 and InceptionResNetV2 and the fourth of DenseNet121; others have their own.
PAPER = ["DenseNet121", "InceptionResNetV2", "InceptionV3", "ResNet50"]


def designs(of_task: TaskPairs) -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    """Return pairs (backbone, seed) and their covariance over patients, in points, by design."""
    pairs = of_task.pairs[["backbone", "seed"]]
    known = 1e4 * of_task.covariance
    of_paper = np.flatnonzero(pairs["backbone"].isin(PAPER))
    made = {"the committed run's": (pairs, known)}
    made |= {"those of the paper": (pairs.iloc[of_paper], known[np.ix_(of_paper, of_paper)])}
    return {
        f"{len(rows)} pairs of {rows['backbone'].nunique()} backbones, {name}": (rows, errors)
        for name, (rows, errors) in made.items()
    }


def members(levels: pd.Series) -> np.ndarray:
    """Return indicators (k, levels): 1 where a pair has a level, otherwise 0."""
    return pd.get_dummies(levels).to_numpy(float)


def coverage(pairs: pd.DataFrame, known: np.ndarray, replicates: int) -> pd.DataFrame:
    """Return the coverage (%) and median half-width of each analysis, one row per set of SDs.

    With the backbones fixed, the truth is the mean of the drawn ones, otherwise zero.
    """
    backbone, seed = pairs["backbone"], pairs["seed"]
    weights = each_level_once(backbone)
    model = MeanModel(known, {"backbone": backbone, "seed": seed}, weights)
    before = MeanModel(known, {"backbone": backbone}, weights)
    fixed = MeanModel(known, {"backbone": backbone, "seed": seed}, weights, backbone)
    root = np.linalg.cholesky(known)
    rng, rows = np.random.default_rng(20261125), []
    for of_seed, between, within in product(SEED, BETWEEN, WITHIN):
        effects = {"patients": root, "pair": within * np.eye(len(pairs))}
        effects |= {"backbone": between * members(backbone), "seed": of_seed * members(seed)}
        drawn = {
            name: rng.normal(size=(replicates, matrix.shape[1])) @ matrix.T
            for name, matrix in effects.items()
        }
        studies = sum(drawn.values())
        row = {"seed": of_seed, "between": between, "within": within}
        for name, fitted in {"headline": model, "before": before, "fixed": fixed}.items():
            fits = fitted.fit(studies)
            df = backbone.nunique() - 1.0 if name == "before" else fits.df
            half = special.stdtrit(df, 0.975) * fits.standard_errors
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
        for design, (pairs, known) in designs(of_task).items():
            table = coverage(pairs, known, options.replicates)
            error = 100 * math.sqrt(0.05 * 0.95 / options.replicates)
            print(f"\n{design}, {task} (± {error:.1f})\n", flush=True)
            wide = table.pivot(index=["seed", "between"], columns="within")
            print("| seed | between | " + " | ".join(f"within {sd}" for sd in WITHIN) + " |")
            print("|---|---|" + "---|" * len(WITHIN))
            for (of_seed, between), row in wide.iterrows():
                cells = [
                    f"{row['headline', sd]:.1f} ({row['before', sd]:.1f}; {row['fixed', sd]:.1f})"
                    for sd in WITHIN
                ]
                print(f"| {of_seed} | {between} | {' | '.join(cells)} |")
            strictly = table["headline"].between(94, 97).sum()
            inside = table["headline"].between(94 - error, 97 + error).sum()
            print(f"\n{inside} of {len(table)} from 94 to 97 (± {error:.1f}; {strictly} strictly)")
            widths = table.filter(like="half-width").median()
            print("; ".join(f"{name} {width:.1f}" for name, width in widths.items()), flush=True)


if __name__ == "__main__":
    main()
