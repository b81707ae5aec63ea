"""Whatever the layout, no patient and no repeated picture stands on two sides of any split.

Who a picture's patient is, the test takes from names, headers and tables by itself.
"""

import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pydicom
import pytest
from busi_files import change, changed, opened, picture, write_lines, write_radimagenet
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rin.data.layouts import LAYOUTS
from rin.data.layouts.rsna import MAPPING
from rin.data.leakage import check_splits, leak_free_groups
from rin.data.manifest import PARTS, ExpectedCounts, load_manifest
from rin.data.splits import corpus_split, given_folds, make_folds, sized_folds, split_corpus
from rin.data.standins import write_stand_in
from rin.errors import InputError

#: Pictures of each class in the stand-in of a dataset, by layout.
STAND_INS = {
    "busi": ("busi", {"benign": 9, "malignant": 8, "normal": 1}),
    "cc_ccii": ("cc_ccii", {"cp": 7, "ncp": 7, "normal": 1}),
    "ddti": ("ddti", {"benign": 8, "malignant": 8}),
    "folder_classes": ("covid19_ct", {"negative": 7, "positive": 7}),
    "mrnet": ("mrnet", {"normal": 6, "abnormal": 1, "acl": 5, "meniscus": 1, "both": 1}),
    "rsna_hemorrhage": ("rsna_hemorrhage", {"hemorrhage": 7, "none": 7}),
    "rsna_pneumonia": ("rsna_pneumonia", {"opacity": 8, "not_normal": 4, "normal": 4}),
}
#: How names of files tell the patient; where nothing does, each picture is one.
NAMES = {
    "cc_ccii": r"/((?:CP|NCP|Normal)/\d+)/",
    "ddti": r"/(\d+)_\d+\.jpg",
    "folder_classes": r"/([^/]+)_\d+\.\w+",
    "mrnet": r"/(\d+)\.npy",
}
LABELS = ("benign", "malignant")
#: Pictures of the other layouts: number, patient (with one to three pictures), label.
ROWS = [(n, f"P{n // 3 if n % 2 else n // 2}", LABELS[n // 3 % 2]) for n in range(40)]


def write_table(folder):
    lines = [f"{n}.png,{label},{patient},{n % 5}" for n, patient, label in ROWS]
    write_lines(folder / "own" / "list.csv", "file,label,patient,fold", *lines)
    change(folder / "own", {f"{n}.png": picture(n) for n, *_ in ROWS})
    options = {"table": "list.csv", "image": "file", "label": "label", "patient": "patient"}
    return options | {"split": {"column": "fold"}}


def write_database(folder):
    rows = [(f"{n}.png", label, PARTS[int(who[1:]) % 3], who) for n, who, label in ROWS]
    write_radimagenet(folder / "own", rows, patients=True)
    return {}


def write_arrays(folder):
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = np.stack([picture(n) for n in range(14)])
        arrays[f"{part}_labels"] = np.arange(14)[:, None] % 2
    np.savez(folder / "own.npz", **arrays)
    return {}


WRITERS = {"npz": write_arrays, "radimagenet": write_database, "table": write_table}


def true_patients(layout, dataset):
    """Return the patient of each case, by case id, without the reader."""
    cases, folder = dataset.cases, dataset.root / dataset.location
    patients = cases["case_id"]
    if layout in NAMES:
        patients = cases["image"].str.extract(NAMES[layout])[0]
    elif layout in ("table", "radimagenet"):
        known = {str(n): patient for n, patient, _ in ROWS}
        patients = cases["image"].str.extract(r"(\d+)\.[a-z.#0-9-]+$")[0].map(known)
    elif layout == "rsna_hemorrhage":
        patients = [pydicom.dcmread(dataset.root / name).PatientID for name in cases["image"]]
    elif layout == "rsna_pneumonia":
        rows = json.loads(next(folder.rglob(MAPPING)).read_text())
        patients = patients.map({row["subset_img_id"]: row["img_id"][:8] for row in rows})
    found = pd.Series([*patients], cases["case_id"], dtype=str)
    assert found.notna().all()
    return found


# Other stand-ins take seconds to draw.
COHORTS = [
    pytest.param(layout, marks=[pytest.mark.slow] if layout in {*STAND_INS} - {"busi"} else [])
    for layout in LAYOUTS
]


@pytest.fixture(scope="module", params=COHORTS)
def cohort(request, tmp_path_factory):
    """A small dataset of a layout, opened, and the true patient of each case."""
    layout, folder = request.param, tmp_path_factory.mktemp(request.param)
    if layout in STAND_INS:
        name, counts = STAND_INS[layout]
        manifest = load_manifest(name)
        manifest = manifest.merge_task(manifest.tasks[0])
        root = write_stand_in(manifest, folder, counts, 1)
    else:
        options, root = WRITERS[layout](folder), folder
        manifest = changed(
            load_manifest("headct200"),
            layout=layout,
            options=options,
            locations=("own", "own.npz"),
            files=(),
            findings=(),
            tasks=(),
            label_map={},
            patient_labels="several",
            counts=ExpectedCounts(),
        )
    dataset = opened(manifest, root, folder / "index")
    return dataset, true_patients(layout, dataset)


def splits_of(dataset, groups, seed, n_folds):
    """Yield what splits the cases, and a call that gives the folds."""
    cases = dataset.cases
    size = len(cases) // 3

    def one_fold(part):
        return part.rename("part").reset_index().assign(fold=0)

    sizes = (size, max(1, size // 2))
    yield make_folds, lambda: make_folds(cases, groups, n_folds, seed)
    yield sized_folds, lambda: sized_folds(cases, groups, sizes, n_folds, seed)
    yield split_corpus, lambda: one_fold(split_corpus(cases, groups, seed))
    if dataset.manifest.layout == "table":
        yield given_folds, lambda: given_folds(dataset, groups, 5, seed)
    elif dataset.manifest.layout == "radimagenet":
        yield corpus_split, lambda: one_fold(corpus_split(dataset, seed, None))


def test_no_patient_stands_on_two_sides_of_any_split(cohort):
    tried, made = set(), set()

    @settings(max_examples=5, deadline=None)
    @given(
        kept=st.floats(0.3, 1),
        seed=st.integers(0, 10_000),
        n_folds=st.integers(1, 6),
        n_pairs=st.integers(0, 3),
    )
    @example(kept=1.0, seed=2, n_folds=1, n_pairs=0)  # all parts of all splits get both classes
    def divide_a_part_of_it(kept, seed, n_folds, n_pairs):
        dataset, patients = cohort
        rng = np.random.default_rng(seed)
        chosen = rng.random(len(dataset.cases)) < kept
        cases = dataset.cases[chosen].reset_index(drop=True)
        if len(cases) < 2:
            return
        drawn = cases["case_id"].to_numpy()[rng.integers(0, len(cases), (n_pairs, 2))]
        pairs = pd.DataFrame(drawn, columns=["case_a", "case_b"]).assign(distance=1)
        groups = leak_free_groups(cases, pairs)
        dataset = replace(dataset, cases=cases)
        for splitter, make in splits_of(dataset, groups, seed, n_folds):
            tried.add(splitter)
            try:
                folds = make()
            except InputError:
                continue
            made.add(splitter)
            part = folds.pivot(index="case_id", columns="fold", values="part")
            first, second = (part.loc[pairs[side]].to_numpy() for side in ("case_a", "case_b"))
            leaks = (first != second).any()
            leaks |= (part.groupby(patients).nunique() > 1).any(axis=None)
            if splitter in (given_folds, corpus_split):  # by others: where it leaks, it is refused
                with pytest.raises(InputError) if leaks else nullcontext():
                    check_splits(cases, folds, pairs, overlap=True)
            else:
                assert not leaks

    divide_a_part_of_it()
    assert made == tried
