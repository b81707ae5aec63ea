import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from busi_files import several_labels, with_options, zip_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from rin.data.leakage import check_splits, leak_free_groups
from rin.data.manifest import PART_NAMES, FoldLists, find_task, load_manifest
from rin.data.splits import (
    PIECES,
    assign_groups,
    fold_sizes,
    folds_of_part,
    given_folds,
    make_folds,
    read_fold_files,
    sample_with_groups,
    sized_folds,
    subset,
)
from rin.data.store import Dataset
from rin.errors import InputError

SHARES = {"train": 0.75, "validation": 0.10, "test": 0.15}
NO_PAIRS = pd.DataFrame({"case_a": [], "case_b": [], "distance": []})


def table(n_benign, n_malignant):
    labels = ["benign"] * n_benign + ["malignant"] * n_malignant
    ids = [f"{label} ({i})" for i, label in enumerate(labels)]
    return pd.DataFrame({"case_id": ids, "patient_id": ids, "label": labels})


def singletons(cases):
    return pd.Series(range(len(cases)), index=cases["case_id"])


@pytest.mark.parametrize("sizes", [(100, 60), (PIECES, PIECES)])
def test_make_folds_of_whole_pieces_has_exact_shares_and_class_ratios(sizes):
    cases = table(*sizes)
    folds = make_folds(cases, singletons(cases), 6, seed=0).merge(cases)
    found = folds.groupby(["fold", "part", "label"]).size().unstack(["part", "label"])
    for part, share in SHARES.items():
        assert (found[part] == [share * n for n in sizes]).all(axis=None)


def test_folds_do_not_depend_on_the_order_of_the_groups():
    cases, groups = several_labels(400, 100, 2, 0.1, seed=0)
    folds = make_folds(cases, groups, 2, seed=0)
    assert make_folds(cases, groups.iloc[::-1], 2, seed=0).equals(folds)


def pieces_of_peer(cases, groups, seed):
    splitter = StratifiedGroupKFold(PIECES, shuffle=True, random_state=seed)
    piece = np.empty(len(cases), dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, members) in enumerate(splitter.split(cases, cases["label"], groups)):
            piece[members] = number
    return piece


def unevenness(cases, part):
    """SD over the parts of each label's share, mean of the labels; SD of the parts' sizes."""
    table = pd.crosstab(part, cases["label"].to_numpy())
    return (table / table.sum()).std().mean(), table.sum(axis=1).std() / len(cases)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(600, 1000),
    n_groups=st.integers(150, 250),
    n_labels=st.integers(2, 4),
    mixed=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_cut_is_as_even_as_the_splitter_of_scikit_learn(n, n_groups, n_labels, mixed, seed):
    cases, groups = several_labels(n, n_groups, n_labels, mixed, seed)
    piece = assign_groups(cases["label"].to_numpy(), groups.to_numpy(), seed)
    assert pd.Series(piece).groupby(groups.to_numpy()).nunique().max() == 1
    ours = unevenness(cases, piece)
    peer = unevenness(cases, pieces_of_peer(cases, groups, seed))
    # Half a case of slack: both are greedy, and either may be luckier with the last groups.
    assert ours[0] <= peer[0] * 1.1 + 0.5 * n_labels / n
    assert ours[1] <= peer[1] * 1.1 + 1 / n


@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(300, 1500),
    n_labels=st.integers(2, 5),
    mixed=st.floats(0, 1),
    n_folds=st.integers(1, 6),
    seed=st.integers(0, 1000),
    links=st.lists(st.tuples(st.integers(0, 299), st.integers(0, 299)), max_size=5),
)
def test_make_folds_of_groups_with_several_labels_never_leaks_and_keeps_the_shares(
    n, n_labels, mixed, n_folds, seed, links
):
    cases, _ = several_labels(n, 300, n_labels, mixed, seed)
    pairs = pd.DataFrame(links, columns=["case_a", "case_b"]).map("case {}".format)
    groups = leak_free_groups(cases, pairs)
    folds = make_folds(cases, groups, n_folds, seed)
    check_splits(cases, folds, pairs)
    tables = folds.merge(cases).groupby(["fold", "part", "label"]).size().unstack()
    total = tables.groupby("fold").sum()
    for part, share in SHARES.items():
        off = (tables.xs(part, level="part") - share * total).abs()
        assert (off <= np.maximum(0.03 * total, groups.value_counts().max())).all(axis=None)


def test_make_folds_of_three_patients_of_a_class_names_task_counts_and_how_many_are_needed():
    cases = table(60, 3)
    with pytest.raises(InputError, match=r"task a: .*malignant: 3\).*at least 4 patients"):
        make_folds(cases, singletons(cases), 5, seed=0, where="task a")


@pytest.mark.parametrize(
    ("n_malignant", "n_folds", "tested"),
    [
        (20, 5, 0.15),
        (19, 5, 0.2),
        (10, 5, 0.2),
        (9, 1, 0.15),
        (7, 1, 0.15),
        (4, 1, 0.15),
    ],
)
def test_make_folds_of_few_patients_takes_coarser_pieces_then_one_split(
    n_malignant, n_folds, tested
):
    cases = table(60, n_malignant)
    folds = make_folds(cases, singletons(cases), 5, seed=0)
    check_splits(cases, folds, NO_PAIRS)
    shares = folds["part"].value_counts(normalize=True)
    assert shares[["test", "validation"]].tolist() == pytest.approx([tested, 0.1], abs=0.03)
    assert fold_sizes(folds).startswith(f"{n_folds} fold")


def test_make_folds_whose_fine_pieces_lack_a_class_takes_coarser_ones():
    cases, groups = several_labels(80, 30, 2, 1.0, seed=3)
    assert cases.groupby("label")["patient_id"].nunique().min() > PIECES
    folds = make_folds(cases, groups, 6, seed=0)
    check_splits(cases, folds, NO_PAIRS)
    assert folds["fold"].nunique() == 5  # six of fine pieces, one of a single split


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(200, 500),
    per_group=st.floats(1, 3),
    n_labels=st.integers(2, 3),
    n_folds=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_sized_folds_have_the_sizes_and_the_labels_in_their_shares_and_never_leak(
    n, per_group, n_labels, n_folds, seed
):
    cases, groups = several_labels(n, int(n / per_group), n_labels, 0, seed)
    folds = sized_folds(cases, groups, (60, 40), n_folds, seed)
    pd.testing.assert_frame_equal(folds, sized_folds(cases, groups, (60, 40), n_folds, seed))
    check_splits(cases, folds, NO_PAIRS, overlap=True)
    largest = groups.value_counts().max()
    labels = folds.merge(cases).groupby(["fold", "part", "label"]).size().unstack(fill_value=0)
    in_all = labels.sum(axis=1)
    counts = in_all.unstack()[["train", "validation"]]
    assert ((counts - [60, 40]).abs() <= largest).all(axis=None)
    shares = cases["label"].value_counts(normalize=True)[labels.columns]
    assert (np.abs(labels - np.outer(in_all, shares)) <= (n_labels + 1) * largest).all(axis=None)
    assert (labels > 0).all(axis=None)
    learnt = [set(folds.query("fold == @k and part != 'test'")["case_id"]) for k in range(n_folds)]
    if n_folds > 1 and n >= 2 * (100 + largest):
        assert not learnt[0] & learnt[1]


def test_group_in_the_middle_of_a_border_of_sized_folds_goes_to_the_later_part():
    cases = table(60, 60)
    pairs = pd.Series(np.arange(120) // 2, index=cases["case_id"])
    folds = sized_folds(cases, pairs, (21, 20), 1, seed=0)
    assert folds["part"].value_counts().to_dict() == {"test": 80, "train": 20, "validation": 20}


def test_sized_folds_with_too_few_cases_for_two_trainings_repeats_as_few_as_it_can():
    cases = table(60, 40)
    folds = sized_folds(cases, singletons(cases), (50, 20), 2, seed=0)
    trained = [set(folds.query("fold == @k and part == 'train'")["case_id"]) for k in (0, 1)]
    assert len(trained[0] & trained[1]) == 20


@pytest.mark.parametrize(
    ("sizes", "n_folds", "message"),
    [
        ((80, 20), 1, "benign has 0 patients in the test part, but needs 2"),
        ((40, 5), 1, "malignant has 0 patients in the validation part, but needs 1"),
    ],
)
def test_sized_folds_that_cannot_be_made_say_so(sizes, n_folds, message):
    cases = table(97, 3)
    with pytest.raises(InputError, match=message):
        sized_folds(cases, singletons(cases), sizes, n_folds, seed=0)


@pytest.fixture
def published(tmp_path):
    """Cases, a column of five folds, and what gives the folds of a column, which it publishes."""
    manifest = with_options(load_manifest("busbra"), image="ID")
    cases, groups = several_labels(100, 40, 2, 0, seed=0)
    dataset = SimpleNamespace(manifest=manifest, cases=cases, root=tmp_path, location="BUSBRA")
    (tmp_path / "BUSBRA").mkdir()

    def folds_of(column, n_folds=5, seed=3):
        rows = pd.DataFrame({"ID": cases["case_id"], "kFold": column})
        rows.to_csv(tmp_path / "BUSBRA" / "5-fold-cv.csv", index=False)
        return given_folds(dataset, groups, n_folds, seed)

    return cases, groups.to_numpy() % 5 + 1, folds_of


def test_given_folds_test_what_the_table_says_and_validate_by_whole_patients(published):
    cases, column, folds_of = published
    folds = folds_of(column)
    pd.testing.assert_frame_equal(folds, folds_of(column))
    assert not folds.equals(folds_of(column, seed=4))
    check_splits(cases, folds, NO_PAIRS)
    tested = folds[folds["part"] == "test"].set_index("case_id")["fold"]
    assert tested.to_dict() == dict(zip(cases["case_id"], column - 1, strict=True))
    rest = folds[folds["part"] != "test"]
    share = (rest["part"] == "validation").groupby(rest["fold"]).mean()
    np.testing.assert_allclose(share, 10 / 85, atol=0.06)
    pd.testing.assert_frame_equal(folds, folds_of(column + 8))  # 9 comes before 10


def test_given_folds_of_named_parts_are_one_fold_with_validation_cut_where_there_is_none(
    published,
):
    _, column, folds_of = published
    parts = folds_of(np.where(column == 1, "test", "train"), 1)["part"]
    assert set(parts) == {"train", "validation", "test"}
    assert ((parts == "test") == (column == 1)).all()
    whole = np.select([column == 1, column == 2], ["test", "val"], "train")
    assert ((folds_of(whole, 1)["part"] == "validation") == (column == 2)).all()


@pytest.mark.parametrize(
    ("change", "n_folds", "message"),
    [
        (lambda column: column, 6, "has 5 folds, not 6"),
        (lambda column: np.where(column == 1, "test", "train"), 2, "has 1 fold, not 2"),
        (lambda column: [None, *column[1:]], 1, "1 case is not placed by the given split"),
    ],
)
def test_given_folds_of_too_few_folds_or_that_leave_a_case_out_are_refused(
    published, change, n_folds, message
):
    _, column, folds_of = published
    with pytest.raises(InputError, match=message):
        folds_of(change(column), n_folds)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 400), n_groups=st.integers(5, 200), seed=st.integers(0, 10_000))
def test_every_label_keeps_enough_groups_and_no_more_cases_than_needed(n, n_groups, seed):
    cases, groups = several_labels(400, n_groups, 2, 0, seed)
    chosen = sample_with_groups(cases, groups, n, seed)
    known = cases.groupby("label")["patient_id"].nunique()
    kept = cases[chosen].groupby("label")["patient_id"].nunique()
    assert (kept >= np.minimum(PIECES, known)).all()
    assert min(n, len(cases)) <= chosen.sum() <= max(n, kept.sum())


def test_sample_has_the_size_and_the_shares_asked_for_and_follows_the_seed():
    cases = table(6000, 2000)
    first, again, other = (
        sample_with_groups(cases, singletons(cases), 400, seed) for seed in (1, 1, 2)
    )
    assert cases["label"][first].value_counts().to_dict() == {"benign": 300, "malignant": 100}
    assert (first == again).all()
    assert (first != other).any()


# Published lists of folds

LISTS = FoldLists(folder="dataframe", pattern="thyroid_{part}_fold{fold}.csv")
CASES = pd.DataFrame(
    {
        "case_id": ["1_1", "1_2", "2_1", "3_1", "4_1"],
        "patient_id": ["1", "1", "2", "3", "4"],
        "label": ["benign", "benign", "malignant", "malignant", "benign"],
    }
)
LABELS = CASES.set_index("case_id")["label"]
FOLDS = (
    {"train": ["1_1", "1_2", "3_1"], "val": ["4_1"], "test": ["2_1"]},
    {"train": ["2_1", "4_1"], "val": ["1_1", "1_2"], "test": ["3_1"]},
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "dataframe"
    folder.mkdir()
    for number, parts in enumerate(FOLDS, start=1):
        for part, ids in parts.items():
            rows = [f"images/{case_id}.jpg,{LABELS[case_id]}\n" for case_id in ids]
            text = "".join(["img_dir,label\n", *rows])
            (folder / f"thyroid_{part}_fold{number}.csv").write_text(text)
    return folder


@pytest.mark.parametrize("place", ["dataframe", "lists.zip"])
def test_read_fold_files_returns_folds_from_0_in_the_order_of_the_lists(folder, tmp_path, place):
    (folder / "thyroid_train.py").write_text("not a list")
    zip_folder(folder, tmp_path / "lists.zip", wrap="dataframe/")
    folds = read_fold_files(tmp_path / place, LISTS, CASES, n_folds=2)
    expected = [
        (case_id, fold, PART_NAMES[part])
        for fold, parts in enumerate(FOLDS)
        for part, ids in parts.items()
        for case_id in ids
    ]
    columns = ["case_id", "fold", "part"]
    pd.testing.assert_frame_equal(
        folds, pd.DataFrame(expected, columns=columns), check_dtype=False
    )


def test_read_fold_files_of_official_knee_lists_translates_names_and_labels(tmp_path):
    cases = pd.DataFrame(
        {
            "case_id": ["0001-sagittal-11", "0074-sagittal-9", "1246-sagittal-17"],
            "label": ["tear", "no tear", "tear"],
        }
    )
    for part, row in (
        ("train", "0001_sagittal_11.000000.png,yes"),
        ("val", "0074_sagittal_9.000000.png,no"),
        ("test", "1246_sagittal_17.000000.png,yes"),
    ):
        (tmp_path / f"{part}_fold1.csv").write_text(f"filename,acl_label\nimages/{row}\n")
    folds = read_fold_files(tmp_path, find_task("acl")[1].fold_lists, cases, n_folds=1)
    assert folds["case_id"].tolist() == cases["case_id"].tolist()
    assert folds["part"].tolist() == ["train", "validation", "test"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("img_dir,label\nimages/9_1.jpg,benign\n", r"1 picture is not among the cases: 9_1"),
        ("img_dir,label\nimages/1_1.jpg,malignant\n", r"1_1 \('malignant' instead of 'benign'\)"),
        ("img_dir,label\nx/1_1.jpg,benign\n1_1.jpg,benign\n", "1 picture is listed twice: 1_1"),
        ("img_dir,label\n", "it lists no picture"),
        ("images/1_1.jpg,benign\n", "its columns are images/1_1.jpg, benign"),
        ("img_dir,label,acl_label\n1_1.jpg,a,b\n", "its columns are img_dir, label, acl_label"),
    ],
)
def test_read_fold_files_of_bad_list_names_it(folder, text, problem):
    (folder / "thyroid_val_fold2.csv").write_text(text)
    with pytest.raises(InputError, match=rf"thyroid_val_fold2\.csv: .*{problem}"):
        read_fold_files(folder, LISTS, CASES, n_folds=2)


def test_lists_name_cases_that_are_absent_only_where_a_part_is_meant_to_be_there(folder):
    part = CASES[CASES["case_id"] != "1_2"]
    with pytest.raises(InputError, match=r"1 picture is not among the cases: 1_2.*partial: true"):
        read_fold_files(folder, LISTS, part, n_folds=1)
    every = read_fold_files(folder, LISTS, part, n_folds=1, partial=True)
    assert every["case_id"].tolist() == ["1_1", "1_2", "3_1", "4_1", "2_1"]


def test_folds_of_a_part_keep_the_division_of_what_is_there():
    cases = pd.DataFrame({"case_id": [*"abcdefghi"], "label": [*"xyxyxyxxy"]})
    parts = [*4 * ["train"], *3 * ["validation"], *2 * ["test"]]
    folds = pd.concat([cases[["case_id"]].assign(fold=fold, part=parts) for fold in (0, 1)])
    kept, lost = folds_of_part(folds, cases.drop([0, 6]), "thyroid")
    assert lost == 2
    pd.testing.assert_frame_equal(kept, folds.drop([0, 6]).reset_index(drop=True))
    with pytest.raises(InputError, match=r"the test part of fold 1 has no picture with label x"):
        folds_of_part(folds, cases.drop(7), "thyroid")


def test_subsets_of_one_name_of_other_pictures_have_other_digests(tmp_path):
    cases, none = pd.DataFrame({"case_id": list("abc")}), pd.Series(dtype=str)
    one = Dataset(load_manifest("busi"), tmp_path, "", "real", cases, (), "1", none, tmp_path)
    chosen = np.array([True, False, True])
    digests = [subset(each, chosen).digest for each in (one, one, replace(one, digest="2"))]
    assert digests[0] == digests[1] != digests[2]
