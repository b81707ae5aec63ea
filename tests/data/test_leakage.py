import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from rin.data.leakage import (
    SAME_LESION,
    SAME_PICTURE,
    altered_copies,
    check_splits,
    leak_free_groups,
    matches_between,
    name_variants,
    near_duplicates,
    nearest_pictures,
    picture_hash,
    suggest_threshold,
)
from rin.errors import InputError

IDS = [*"abcdef"]


def scenes(n, seed=0, size=64):
    """Smooth random pictures, unlike one another."""
    noise = np.random.default_rng(seed).standard_normal((n, size, size))
    smooth = gaussian_filter(noise, (0, 4, 4))
    return np.uint8(np.clip(128 + 60 * smooth / smooth.std(), 0, 255))


def hashed(images):
    """Case table of pictures, named by their number."""
    looks = [picture_hash(image) for image in images]
    ids = [str(number) for number in range(len(images))]
    return pd.DataFrame(looks, columns=["hash", "blank"]).assign(case_id=ids)


def by_bits(bits):
    """Case table of hashes, each picture of a patient of its own."""
    hashes = [np.packbits(row).tobytes().hex() for row in bits]
    ids = [f"{number:03d}" for number in range(len(bits))]
    cases = {"case_id": ids, "patient_id": ids, "hash": hashes, "digest": hashes}
    return pd.DataFrame(cases).assign(blank=False)


def table(patients):
    """Cases a, b, c and so on of the patients."""
    return pd.DataFrame({"case_id": IDS[: len(patients)], "patient_id": [*patients]})


def pairs_of(*pairs):
    return pd.DataFrame(map(list, pairs), columns=["case_a", "case_b"]).assign(distance=0)


def folds_of(parts, fold=0):
    return pd.DataFrame({"case_id": IDS[: len(parts)], "fold": fold, "part": parts})


def test_picture_hash_of_known_pictures_is_that_of_imagehash():
    """As imagehash 4.3.2 gave them, so that stores of earlier versions stay comparable."""
    rows, columns = np.mgrid[:90, :41]
    waves = np.uint8(127 + 100 * np.sin(rows / 7) * np.cos(columns / 5))
    coloured = np.stack([waves, waves[::-1], 255 - waves], axis=-1)
    colour = "f807fc07fc07fc0703f003f803f803f8fc07fc07fc07fc0703f803f803f803f8"
    assert picture_hash(coloured) == (colour, False)
    assert picture_hash(np.full((5, 3), 7, dtype=np.uint8)) == (64 * "0", True)


def test_near_duplicates_of_equal_brightened_shifted_and_noisy_copies_are_found():
    images = scenes(12)
    noise = np.random.default_rng(1).normal(0, 4, images[0].shape)
    images[8] = images[3]
    images[9] = np.uint8(np.clip(images[0] * 0.9 + 10, 0, 255))
    images[10] = np.roll(images[1], 1, axis=1)
    images[11] = np.uint8(np.clip(images[2] + noise, 0, 255))
    pairs = near_duplicates(hashed(images), SAME_LESION)
    found = [*pairs[["case_a", "case_b"]].itertuples(index=False, name=None)]
    assert found[0] == ("3", "8")  # the nearest
    assert {*found} == {("3", "8"), ("0", "9"), ("1", "10"), ("2", "11")}


def test_near_duplicates_of_blank_pictures_do_not_match_one_another():
    plain = [np.full((32, 32), value, dtype=np.uint8) for value in (0, 7, 255)]
    pairs = near_duplicates(hashed([*plain, *scenes(1, size=32)]), SAME_LESION)
    assert pairs.empty
    assert list(pairs.columns) == ["case_a", "case_b", "distance"]


def test_pairs_of_all_blocks_equal_those_of_comparing_each_with_each(monkeypatch):
    monkeypatch.setattr("rin.data.leakage.BLOCK_ROWS", 7)
    monkeypatch.setattr("rin.data.leakage.BLOCK_COLUMNS", 5)
    bits = np.random.default_rng(0).random((40, 256)) < 0.5
    bits[30], bits[39] = bits[2], bits[20] ^ (np.arange(256) < 8)
    cases = by_bits(bits)
    ids = cases["case_id"]
    distance = (bits[:, None] ^ bits).sum(axis=2)
    for threshold in (0, 8, 120):
        close = np.argwhere(np.triu(distance <= threshold, 1))
        expected = [(distance[a, b], ids[b], ids[a]) for a, b in close]
        pairs = near_duplicates(cases, threshold)[["distance", "case_b", "case_a"]]
        assert [*pairs.itertuples(index=False, name=None)] == sorted(expected)
        assert len(pairs) >= threshold // 8
    ours, theirs = cases[:15], cases[15:]
    matches = matches_between(ours, theirs, 120)
    assert (matches["equal"] == (matches["distance"] == 0)).all()
    assert matches["equal"].any()
    found = matches[["distance", "other", "case_id"]]
    between = [one for one in expected if one[2] < ids[15] <= one[1]]
    assert sorted(found.itertuples(index=False, name=None)) == sorted(between)
    least = nearest_pictures(ours, theirs)["distance"]
    assert least.tolist() == distance[:15, 15:].min(axis=1).tolist()


@pytest.mark.parametrize(
    ("chain", "others", "step", "threshold"),
    [
        (6, 0, 42, SAME_LESION),
        (6, 0, 30, 24),
        (6, 0, 20, 16),
        (6, 0, 12, SAME_PICTURE),
        (6, 0, 0, SAME_PICTURE),
        # At most a twentieth of 100 patients may be linked.
        (5, 95, 30, SAME_LESION),
        (6, 94, 30, 24),
    ],
)
def test_suggested_threshold_is_the_largest_that_links_no_chain_of_patients(
    chain, others, step, threshold
):
    """Each picture of the chain differs from the one before it by `step` bits."""
    linked = np.arange(256) < step * np.arange(chain)[:, np.newaxis]
    unlike = np.random.default_rng(0).random((others, 256)) < 0.5
    found, pairs = suggest_threshold(by_bits(np.vstack([linked, unlike])))
    assert found == threshold
    apart = step * np.abs(np.subtract.outer(range(chain), range(chain)))
    assert len(pairs) == np.triu(apart <= threshold, 1).sum()


def test_leak_free_groups_links_patients_and_pairs_transitively():
    groups = leak_free_groups(table("ppqrst"), pairs_of("bc", "de"))
    assert groups.to_dict() == {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1, "f": 2}


def test_leak_free_groups_with_pairs_of_other_cases_raises():
    with pytest.raises(InputError, match="pairs name 1 case missing from the table"):
        leak_free_groups(table("p"), pairs_of("az"))


def test_two_cases_with_one_id_raise():
    cases = pd.DataFrame({"case_id": [*"bab"], "patient_id": [*"bab"]})
    with pytest.raises(InputError, match="two cases have the same id"):
        leak_free_groups(cases, pairs_of())
    with pytest.raises(InputError, match="two cases have the same id"):
        check_splits(cases, cases.assign(fold=0, part="test"), pairs_of())


@pytest.mark.parametrize(
    ("patients", "parts", "pairs", "message"),
    [
        ("pqr", [["test", "validation", "train"]], ["bc"], r"1 near-dup.* \(cases 2 and 3\)"),
        (
            "pqp",
            [["test", "validation", "train"]],
            [],
            r"1 patient is .*\(case 1 \(a\) in test; case 3 \(c\) in train\)",
        ),
        ("pq", [["test", "train"]] * 2, [], r"1 case is tested in several folds \(case 1\)"),
        (
            "pqq",
            [["test", "train", "train"], ["train", "test", "train"]],
            [],
            r"fold 1: 1 patient is .*\(case 2 \(b\) in test",
        ),
    ],
)
@pytest.mark.parametrize("step", [1, -1])
def test_check_splits_names_what_is_divided_or_tested_twice(patients, parts, pairs, message, step):
    # With -1 the order of the cases is another in each fold.
    folds = pd.concat([folds_of(part, fold).iloc[::step] for fold, part in enumerate(parts)])
    with pytest.raises(InputError, match=message):
        check_splits(table(patients), folds, pairs_of(*pairs))


@pytest.mark.parametrize(
    "folds",
    [
        folds_of(["test", "train"]),
        folds_of(["test", "train", "held out"]),
        pd.concat([folds_of(["test", "train", "train"]), folds_of(["train"])]),
        folds_of(["test", "train", "train"]).assign(case_id=["a", "b", "z"]),
        folds_of(["test", "train", "train"]).assign(case_id=["a", "b", "b"]),
    ],
)
def test_check_splits_with_a_case_missing_repeated_or_misnamed_raises(folds):
    with pytest.raises(InputError, match="does not put every case into one part"):
        check_splits(table("pqr"), folds, pairs_of())


def test_names_that_differ_only_in_how_they_are_written_are_one():
    names = ["A-1", "a 1", "A\u20131", "07", "7", "3", "3.0", "\u00c4", "A\u0308", "10", "1"]
    assert name_variants(names) == [names[:3], ["07", "7"], ["3", "3.0"], names[7:9]]


def test_few_odd_pixels_leave_a_picture_blank():
    picture = np.full((64, 64), 100, np.uint8)
    picture[0, :3] = 103
    assert picture_hash(picture)[1]
    picture[:32] = 103
    assert not picture_hash(picture)[1]


@pytest.mark.parametrize("equal", [True, False])
def test_nearest_pictures_may_have_equal_pixels_and_are_never_blank(equal):
    cases = hashed(scenes(1)).assign(digest="a")
    blank = hashed(np.zeros((1, 64, 64), np.uint8)).assign(digest="b")
    others = pd.concat([blank, cases.assign(digest="a" if equal else "c")])
    assert nearest_pictures(cases, others).to_numpy().tolist() == [["0", 0, equal]]
    assert nearest_pictures(cases, blank).empty
    assert nearest_pictures(blank, cases).empty


@pytest.mark.parametrize("turns", [np.s_[:, ::-1], np.s_[::-1], np.s_[::-1, ::-1]])
def test_mirrored_picture_of_another_patient_is_an_altered_copy(turns):
    first, second = scenes(2)
    cases = hashed([first, second, first[turns]]).assign(digest=[*"xyz"])
    assert altered_copies(cases.assign(patient_id=[*"abc"])) == ["0 and 2"]
    assert altered_copies(cases.assign(patient_id=[*"aba"])) == []
