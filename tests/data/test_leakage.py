import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from rin.data.leakage import check_splits, contradictory, leak_free_groups, near_duplicates
from rin.errors import InputError


def scenes(n, seed=0, size=64):
    """Smooth random pictures, unlike one another."""
    noise = np.random.default_rng(seed).standard_normal((n, size, size))
    smooth = gaussian_filter(noise, (0, 4, 4))
    return np.uint8(np.clip(128 + 60 * smooth / smooth.std(), 0, 255))


def table(labels, patients=None):
    ids = [chr(ord("a") + i) for i in range(len(labels))]
    return pd.DataFrame({"case_id": ids, "patient_id": patients or ids, "label": labels})


def pairs_of(*pairs):
    return pd.DataFrame(pairs, columns=["case_a", "case_b"]).assign(distance=0)


def folds_of(parts, fold=0):
    ids = [chr(ord("a") + i) for i in range(len(parts))]
    return pd.DataFrame({"case_id": ids, "fold": fold, "part": parts})


def test_near_duplicates_of_a_copy_is_one_pair_at_distance_zero():
    images = scenes(4)
    images[3] = images[1]
    pairs = near_duplicates(images, list("abcd"))
    assert pairs.to_numpy().tolist() == [["b", "d", 0]]


def test_near_duplicates_of_brightened_shifted_and_noisy_copies_are_found():
    images = scenes(12)
    noise = np.random.default_rng(1).normal(0, 4, images[0].shape)
    images[9] = np.uint8(np.clip(images[0] * 0.9 + 10, 0, 255))
    images[10] = np.roll(images[1], 1, axis=1)
    images[11] = np.uint8(np.clip(images[2] + noise, 0, 255))
    pairs = near_duplicates(images, list("abcdefghijkl"))
    assert set(zip(pairs["case_a"], pairs["case_b"], strict=True)) == {
        ("a", "j"),
        ("b", "k"),
        ("c", "l"),
    }
    assert pairs["distance"].is_monotonic_increasing


def test_near_duplicates_of_unlike_pictures_finds_none():
    assert near_duplicates(scenes(60), range(60)).empty


def test_near_duplicates_of_blank_pictures_do_not_match_one_another():
    images = np.zeros((5, 32, 32), dtype=np.uint8)
    images[1:4] = np.array([7, 128, 255], dtype=np.uint8)[:, None, None]
    images[4] = scenes(1, size=32)[0]
    pairs = near_duplicates(images, list("abcde"))
    assert pairs.empty
    assert list(pairs.columns) == ["case_a", "case_b", "distance"]


def test_near_duplicates_in_several_blocks_equals_comparing_all_pairs():
    images = scenes(1100, size=20)
    images[1090] = images[5]
    images[1099] = images[1098]
    pairs = near_duplicates(images, range(1100), threshold=0)
    assert pairs[["case_a", "case_b"]].to_numpy().tolist() == [[5, 1090], [1098, 1099]]


def test_near_duplicates_distance_equals_the_libraries_own():
    imagehash = pytest.importorskip("imagehash")
    from PIL import Image

    images = scenes(5)
    pairs = near_duplicates(images, range(5), threshold=256)
    hashes = [imagehash.dhash(Image.fromarray(image), 16) for image in images]
    assert len(pairs) == 10
    for a, b, distance in pairs.itertuples(index=False):
        assert hashes[a] - hashes[b] == distance


def test_near_duplicates_with_a_missing_id_raises():
    with pytest.raises(InputError, match="3 images and 2 case ids"):
        near_duplicates(scenes(3), ["a", "b"])


def test_contradictory_keeps_the_pairs_with_two_labels():
    cases = table(["benign", "benign", "malignant"])
    found = contradictory(cases, pairs_of(("a", "b"), ("b", "c")))
    assert found[["case_a", "case_b", "label_a", "label_b"]].to_numpy().tolist() == [
        ["b", "c", "benign", "malignant"]
    ]


def test_leak_free_groups_links_patients_and_pairs_transitively():
    cases = table(["x"] * 6, patients=["p", "p", "q", "r", "s", "t"])
    groups = leak_free_groups(cases, pairs_of(("b", "c"), ("d", "e")))
    assert groups.to_dict() == {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1, "f": 2}


def test_leak_free_groups_without_pairs_are_the_patients():
    cases = table(["x"] * 3, patients=["p", "q", "p"])
    assert leak_free_groups(cases, pairs_of()).to_list() == [0, 1, 0]


def test_leak_free_groups_with_pairs_of_other_cases_raises():
    with pytest.raises(InputError, match="cases that the table lacks: z"):
        leak_free_groups(table(["x"]), pairs_of(("a", "z")))


def test_check_splits_of_clean_folds_is_silent():
    folds = pd.concat(
        [
            folds_of(["test", "validation", "train", "train"], 0),
            folds_of(["train", "train", "validation", "test"], 1),
        ]
    )
    check_splits(table(["x"] * 4), folds, pairs_of(("c", "c")))


def test_check_splits_with_a_divided_pair_names_it():
    folds = folds_of(["test", "validation", "train"])
    with pytest.raises(InputError, match=r"1 near-duplicate pairs are divided \(b and c\)"):
        check_splits(table(["x"] * 3), folds, pairs_of(("b", "c")))


def test_check_splits_with_a_divided_patient_names_it():
    cases = table(["x"] * 3, patients=["p", "q", "p"])
    with pytest.raises(InputError, match=r"1 patients stand in more than one part \(p\)"):
        check_splits(cases, folds_of(["test", "validation", "train"]), pairs_of())


def test_check_splits_with_a_case_tested_twice_names_it():
    folds = pd.concat([folds_of(["test", "train"], 0), folds_of(["test", "train"], 1)])
    with pytest.raises(InputError, match=r"1 cases are tested in several folds \(a\)"):
        check_splits(table(["x"] * 2), folds, pairs_of())


@pytest.mark.parametrize(
    "folds",
    [
        folds_of(["test", "train"]),
        folds_of(["test", "train", "held out"]),
        pd.concat([folds_of(["test", "train", "train"]), folds_of(["train"])]),
    ],
)
def test_check_splits_with_a_case_missing_repeated_or_misnamed_raises(folds):
    with pytest.raises(InputError, match="does not place every case in one part"):
        check_splits(table(["x"] * 3), folds, pairs_of())
