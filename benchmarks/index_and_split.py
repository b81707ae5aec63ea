"""Index, check and split a listing as long as RadImageNet's.

Command    python benchmarks/index_and_split.py
Measures   seconds and peak memory from 1.35 million file names of 131,872 patients in 165 classes
           to checked folds: the reader of class folders with a patient pattern, the case table,
           its validation, leak-free groups, folds, and the check of the folds. No image is read:
           sizes and digests are random, in the form that an inspection returns.
Checks     that no patient is divided (check_splits), and that on a sample of patients the
           folds are as even as those of scikit-learn's StratifiedGroupKFold.
Prints     two Markdown tables: the steps, and the two splitters side by side on the sample.
           The target is 20 seconds and 2 GB in all.
Time       less than a minute on two cores.
"""

import argparse
import resource
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from rin.data.layouts import find_cases
from rin.data.leakage import check_splits, leak_free_groups, near_duplicates
from rin.data.manifest import load_manifest
from rin.data.splits import PIECES, make_folds
from rin.data.tree import Tree
from rin.tables import CASES, check_table

TARGET_SECONDS, TARGET_BYTES = 20, 2e9
SAMPLE_PATIENTS = 4000


def peak_bytes():
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def step(name, rows):
    started, busy = time.perf_counter(), time.process_time()
    yield
    taken = time.perf_counter() - started, time.process_time() - busy
    rows.append((name, *taken, peak_bytes()))


def draw_listing(n, patients, classes, seed):
    """Return file names in class folders, with the patient, who mostly has one or two classes."""
    draws = np.random.default_rng(seed)
    patient = np.concatenate([np.arange(patients), draws.integers(0, patients, n - patients)])
    usual = draws.integers(0, classes, patients)[patient]
    source_class = np.where(draws.random(n) < 0.8, usual, draws.integers(0, classes, n))
    names = (
        f"radiology_ai/mr-knee-class_{c:03d}/p{p:06d}-mri-knee-{i:07d}.png"
        for i, (c, p) in enumerate(zip(source_class.tolist(), patient.tolist(), strict=True))
    )
    return Tree(Path(), "radiology_ai", tuple(sorted(names)))


def draw_digests(n, seed):
    drawn = np.random.default_rng(seed).bytes(32 * n)
    return pd.Series([drawn[32 * i : 32 * i + 32].hex() for i in range(n)])


def case_table(found, digests):
    """Return the case table of found cases, as `rin.data.dataset` makes it."""
    seen = {"width": 512, "height": 512, "digest": digests, "hash": digests, "blank": False}
    return found.assign(**seen)[[*CASES.columns]]


def index_and_split(arguments, rows):
    manifest = load_manifest("corpus_radiologic")
    manifest = manifest.model_copy(
        update={"patient_pattern": r"^p(\d+)-", "near_duplicate_bits": None}
    )
    tree = draw_listing(arguments.cases, arguments.patients, arguments.classes, arguments.seed)
    digests = draw_digests(arguments.cases, arguments.seed)
    rows.append(("(drawing the listing)", 0.0, 0.0, peak_bytes()))
    with step("reading the listing", rows):
        found = find_cases(tree, manifest)
    del tree
    with step("case table", rows):
        cases = case_table(found, digests)
    del found
    with step("validation", rows):
        check_table(cases, CASES, where="case table")
    with step("leak-free groups", rows):
        pairs = near_duplicates(cases, manifest.near_duplicate_bits)
        groups = leak_free_groups(cases, pairs)
    with step(f"{arguments.folds} fold(s)", rows):
        folds = make_folds(cases, groups, arguments.folds, arguments.seed)
    with step("check of the folds", rows):
        check_splits(cases, folds, pairs)
    return cases, groups


def unevenness(cases, test):
    """Return the SD of the test shares of the labels, and the share of cases tested."""
    shares = test.groupby(cases["label"].to_numpy()).mean()
    return shares.std(), test.mean()


def compare_splitters(cases, groups, seed):
    """Print seconds and evenness of both splitters on some patients; return if ours is as even."""
    chosen = groups.to_numpy() < SAMPLE_PATIENTS
    some, own = cases[chosen].reset_index(drop=True), groups[chosen]
    started = time.perf_counter()
    folds = make_folds(some, own, 1, seed)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    peer = StratifiedGroupKFold(PIECES, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        pieces = [test for _, test in peer.split(some, some["label"], own)]
    theirs = time.perf_counter() - started
    test = pd.Series(np.isin(np.arange(len(some)), np.concatenate(pieces[:3])))
    print(f"\n| splitter, {SAMPLE_PATIENTS} patients | seconds | SD of test shares | test share |")
    print("|---|---:|---:|---:|")
    results = []
    for name, seconds, tested in (
        ("rin.data.splits", ours, folds["part"] == "test"),
        ("StratifiedGroupKFold", theirs, test),
    ):
        results.append(unevenness(some, tested))
        print(f"| {name} | {seconds:.2f} | {results[-1][0]:.4f} | {results[-1][1]:.4f} |")
    return results[0][0] <= 1.1 * results[1][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1_350_000)
    parser.add_argument("--patients", type=int, default=131_872)
    parser.add_argument("--classes", type=int, default=165)
    parser.add_argument("--folds", type=int, default=1, help="1 to 6")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rows = []
    cases, groups = index_and_split(arguments, rows)
    total, busy, peak = sum(row[1] for row in rows), sum(row[2] for row in rows), rows[-1][3]
    print(f"| step, {len(cases)} cases | seconds | CPU seconds | peak memory so far, GB |")
    print("|---|---:|---:|---:|")
    for name, *figures in [*rows, ("in all", total, busy, peak)]:
        print(f"| {name} | {figures[0]:.2f} | {figures[1]:.2f} | {figures[2] / 1e9:.2f} |")
    even = compare_splitters(cases, groups, arguments.seed)
    if total > TARGET_SECONDS or peak > TARGET_BYTES:
        sys.exit(f"over the target of {TARGET_SECONDS} s and {TARGET_BYTES / 1e9:.0f} GB")
    if not even:
        sys.exit("the folds are less even than those of StratifiedGroupKFold")


if __name__ == "__main__":
    main()
