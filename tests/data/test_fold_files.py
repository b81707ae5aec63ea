import pandas as pd
import pytest
from busi_files import zip_folder

from rin.data.manifest import FoldLists, find_task
from rin.data.splits import read_fold_files
from rin.errors import InputError

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
    return write_lists(tmp_path / "dataframe", FOLDS)


def write_lists(folder, folds, name="thyroid_{}_fold{}.csv", column="img_dir"):
    folder.mkdir(exist_ok=True)
    for number, parts in enumerate(folds, start=1):
        for part, ids in parts.items():
            rows = [f"images/{case_id}.jpg,{LABELS[case_id]}\n" for case_id in ids]
            (folder / name.format(part, number)).write_text("".join([f"{column},label\n", *rows]))
    return folder


def test_read_fold_files_returns_folds_from_0_in_the_order_of_the_lists(folder):
    folds = read_fold_files(folder, LISTS, CASES, n_folds=2)
    assert list(folds.columns) == ["case_id", "fold", "part"]
    assert folds.to_numpy().tolist()[:5] == [
        ["1_1", 0, "train"],
        ["1_2", 0, "train"],
        ["3_1", 0, "train"],
        ["4_1", 0, "validation"],
        ["2_1", 0, "test"],
    ]
    assert folds.groupby("fold").size().tolist() == [5, 5]


def test_read_fold_files_of_folder_and_archive_are_equal(folder, tmp_path):
    (folder / "thyroid_train.py").write_text("not a list")
    zip_folder(folder, tmp_path / "lists.zip", wrap="dataframe/")
    read, zipped = (
        read_fold_files(place, LISTS, CASES, 2) for place in (folder, tmp_path / "lists.zip")
    )
    pd.testing.assert_frame_equal(zipped, read)


def test_read_fold_files_without_fold_in_the_pattern_is_one_fold(tmp_path):
    write_lists(tmp_path, FOLDS[:1], "covid19_{}.csv", "filename")
    lists = FoldLists(folder="lists", pattern="covid19_{part}.csv")
    folds = read_fold_files(tmp_path, lists, CASES, 5)
    assert folds["fold"].unique().tolist() == [0]
    assert len(folds) == 5


def test_read_fold_files_of_official_knee_lists_translates_names_and_labels(tmp_path):
    cases = pd.DataFrame(
        {"case_id": ["0001-sagittal-11", "0074-sagittal-9", "1246-sagittal-17"]}
    ).assign(label=["tear", "no tear", "tear"], patient_id=["0001", "0074", "1246"])
    names = ["0001_sagittal_11.000000", "0074_sagittal_9.000000", "1246_sagittal_17.000000"]
    for part, name, word in zip(("train", "val", "test"), names, ("yes", "no", "yes"), strict=True):
        text = f"filename,acl_label\nimages/{name}.png,{word}\n"
        (tmp_path / f"{part}_fold1.csv").write_text(text)
    folds = read_fold_files(tmp_path, find_task("acl")[1].fold_lists, cases, n_folds=1)
    assert folds["case_id"].tolist() == cases["case_id"].tolist()
    assert folds["part"].tolist() == ["train", "validation", "test"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("img_dir,label\nimages/9_1.jpg,benign\n", r"1 pictures are no case: 9_1"),
        ("img_dir,label\nimages/1_1.jpg,malignant\n", r"1_1 \('malignant' instead of 'benign'\)"),
        ("img_dir,label\nx/1_1.jpg,benign\n1_1.jpg,benign\n", "1 pictures are listed twice: 1_1"),
        ("img_dir,label\n", "it lists no picture"),
        ("images/1_1.jpg,benign\n", "its columns are images/1_1.jpg, benign"),
        ("img_dir,label,acl_label\n1_1.jpg,a,b\n", "its columns are img_dir, label, acl_label"),
    ],
)
def test_read_fold_files_of_bad_list_names_it(folder, text, problem):
    (folder / "thyroid_val_fold2.csv").write_text(text)
    with pytest.raises(InputError, match=rf"thyroid_val_fold2\.csv: .*{problem}"):
        read_fold_files(folder, LISTS, CASES, n_folds=2)


def test_read_fold_files_without_a_list_or_with_two_of_one_name_names_it(folder):
    with pytest.raises(InputError, match=r"0 lists called thyroid_train_fold3\.csv"):
        read_fold_files(folder, LISTS, CASES, n_folds=3)
    write_lists(folder / "copy", FOLDS)
    with pytest.raises(InputError, match=r"2 lists called thyroid_train_fold1\.csv"):
        read_fold_files(folder, LISTS, CASES, n_folds=2)
