"""Block reuse against one fresh process per run, on the same small grid.

Command    python benchmarks/block_reuse.py
Measures   time of a grid (ResNet50; three ways of unfreezing, two learning rates, two inits, five
           folds: 60 runs in three blocks, as many runs to a compiled step as the study has)
           trained in one process that compiles each block once, and of the same runs trained the
           usual way: every run starts Python, imports the framework, builds, compiles and trains.
           Both use the same images, weights and number of threads. Wall time, and processor time
           (user and system), which is less affected by other work.
Checks     that both ways give bit-identical predictions, histories and activation maps.
Prints     a Markdown table and both ratios; the target is 10 or more on two cores.
Time       about eight minutes on two quiet cores.  For the second way, a stratified sample of runs
           is trained and its mean is used for all runs; `--sample 0` trains every run.

Runs are as short as possible, one epoch of small images, so the ratio shows the cost of starting,
building and compiling.  Longer runs hide this cost and have a smaller ratio.
"""

import argparse
import pickle
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rin.study import open_workspace, run_pretraining
from rin.study.fine_tuning import run_block
from rin.study.ledger import Ledger
from rin.study.plan import Run, group_blocks, plan_study
from rin.study.profile import Profile

TARGET = 10
COMPARED = ("predictions.parquet", "history.parquet", "cams.npy")


def profile_of(arguments):
    return Profile(
        name="benchmark",
        about="Many short runs.",
        tasks=["breast"],
        inits=["random", "radiologic"],
        backbones=["ResNet50"],
        folds=arguments.folds,
        fine_tuning={"size": arguments.size, "batch": 16, "epochs": 1},
        pretraining={
            "corpora": {"radiologic": "corpus_radiologic"},
            "size": arguments.size,
            "batch": 16,
            "epochs": 1,
        },
        stand_ins={
            "busi": {"benign": 40, "malignant": 30, "normal": 10},
            "corpus_radiologic": {"class_count": 3, "per_class": 12},
        },
        execution={"workers": 0, "threads": arguments.threads},
    )


def train_in_fresh_process(blocks, shared, ledger):
    """Train blocks in a Python process of their own; return wall and processor seconds."""
    with tempfile.NamedTemporaryFile(suffix=".jobs") as jobs:
        jobs.write(pickle.dumps([(block, ledger, *shared) for block in blocks]))
        jobs.flush()
        started, used = time.perf_counter(), processor_seconds()
        subprocess.run(
            [sys.executable, __file__, "--jobs", jobs.name], check=True, stderr=subprocess.DEVNULL
        )
        return np.array([time.perf_counter() - started, processor_seconds() - used])


def processor_seconds():
    """Return the processor seconds that finished child processes have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def sampled(blocks, size):
    """Return the same number of runs of every block, each as a block of its own."""
    draws = random.Random(20220914)
    each = -(-size // len(blocks)) if size else None
    return [
        [run]
        for block in blocks
        for run in draws.sample(block, min(each or len(block), len(block)))
    ]


def differing(reused: Ledger, fresh: Ledger, alone: list[list[Run]]):
    """Return the files that differ between the two ledgers."""
    return [
        f"{run.run_id}/{name}"
        for block in alone
        for run in block
        for name in COMPARED
        if (reused.path(run.run_id) / name).read_bytes()
        != (fresh.path(run.run_id) / name).read_bytes()
    ]


def compare(arguments, folder):
    workspace = open_workspace(profile_of(arguments), results=folder)
    run_pretraining(workspace)
    shared = workspace.weights_folders, workspace.profile.seed, workspace.profile.execution
    blocks = group_blocks(plan_study(workspace))
    count, alone = sum(map(len, blocks)), sampled(blocks, arguments.sample)
    reused, fresh = Ledger(folder / "reused"), Ledger(folder / "fresh")
    together = train_in_fresh_process(blocks, shared, reused)
    apart = sum(train_in_fresh_process([block], shared, fresh) for block in alone)
    total = apart / len(alone) * count
    mean = "" if len(alone) == count else " (from the mean)"
    ways = {
        f"1 process, {len(blocks)} blocks | {count}": together,
        f"one process a run{mean} | {len(alone)}": total,
    }
    print("| way | runs trained | seconds for the grid | of the processor |")
    print("|---|---:|---:|---:|")
    for way, (clock, processor) in ways.items():
        print(f"| {way} | {clock:.1f} | {processor:.1f} |")
    clock, processor = total / together
    print(
        f"\nRatio {clock:.1f} on the clock, {processor:.1f} of the processor (target {TARGET}); "
    )
    print(
        f"ResNet50, {arguments.size} px, one epoch, {count} runs, "
        f"{arguments.threads} thread(s) in both ways."
    )
    different = differing(reused, fresh, alone)
    print(f"Files that differ between the two ways: {len(different)} of {len(alone) * 3}.")
    return not different


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=5, help="folds, 1 to 5")
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels")
    parser.add_argument("--threads", type=int, default=1, help="threads of either way")
    parser.add_argument("--sample", type=int, default=18, help="runs of the second way; 0: all")
    parser.add_argument("--jobs", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.jobs:
        for job in pickle.loads(arguments.jobs.read_bytes()):
            run_block(*job)
        return
    with tempfile.TemporaryDirectory() as folder:
        if not compare(arguments, Path(folder)):
            sys.exit("the two ways do not give the same results")


if __name__ == "__main__":
    main()
