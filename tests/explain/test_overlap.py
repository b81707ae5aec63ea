import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.explain import overlap
from rin.explain.gradcam import probability_maps, to_uint8


def _rows(init="radiologic", **changes):
    columns = {
        "task": "breast",
        "fold": 0,
        "scenario": "ResNet50-freeze_all-1e-02",
        "backbone": "ResNet50",
        "unfreezing": "freeze_all",
        "learning_rate": 1e-2,
        "init": init,
        "seed": 0,
        "case_id": ["a", "b", "c"],
        "patient_id": ["p", "q", "r"],
        "part": "test",
        "label": [1, 0, 0],
        "score": [0.9, 0.8, 0.1],
    }
    return pd.DataFrame(columns | changes)


@pytest.fixture
def masks():
    """Masks of cases c, b, a: c is normal, b left half, a right half."""
    masks = np.zeros((3, 4, 4), bool)
    masks[1, :, :2] = True
    masks[2, :, 2:] = True
    return masks


@pytest.fixture
def cams():
    """Class 0 looks left, class 1 right, in every case."""
    cams = np.zeros((3, 4, 4, 2), np.float32)
    cams[:, :, :2, 0] = 1
    cams[:, :, 2:, 1] = 1
    return cams


CASES = ["c", "b", "a"]


def random_study(n=8, side=12, cells=3, seed=3):
    """Two scenarios and two inits over cases of which every fourth has no lesion."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((n, side, side), bool)
    for k, mask in enumerate(masks):
        if k % 4:
            top, left = rng.integers(0, side - 5, 2)
            mask[top : top + 5, left : left + 4] = True
    ids = [f"c{k}" for k in range(n)]
    case = {"case_id": ids, "patient_id": [f"p{k // 2}" for k in range(n)]}
    case |= {"label": np.arange(n) % 2}
    runs = [
        (
            _rows(init, scenario=scenario, score=rng.random(n), **case),
            rng.normal(size=(n, cells, cells, 2)).astype(np.float32),
        )
        for scenario in ("s1", "s2")
        for init in ("radiologic", "photographic")
    ]
    return runs, ids, masks


@pytest.mark.parametrize(
    ("target", "expected"),
    [("predicted", [1.0, 0.0]), ("label", [1.0, 1.0]), ("positive", [1.0, 0.0])],
)
def test_tables_take_the_map_of_the_target_class(masks, cams, target, expected):
    found = overlap.measure_overlap([(_rows(), cams)], CASES, masks, target=target).table
    short = overlap.dice_table([(_rows(), cams)], CASES, masks, target=target)
    for table in (found, short):
        assert table["case_id"].tolist() == ["a", "b"]
        assert table["dice"].tolist() == expected


def test_predicted_class_follows_the_score_and_one_half_is_negative(masks, cams):
    rows = _rows(score=[0.5, 0.51, 0.2])
    table = overlap.dice_table([(rows, cams)], CASES, masks)
    assert table["target"].tolist() == [0, 1]
    assert table["dice"].tolist() == [0.0, 0.0]


def test_table_holds_what_each_measure_says_of_each_image_by_itself():
    runs, ids, masks = random_study()
    found = overlap.measure_overlap(runs, ids, masks, threshold=150, tolerance=2)
    assert found.tolerance == 2
    assert len(found.table) == 4 * 6
    at = {case: k for k, case in enumerate(ids)}
    by_init = {(one["scenario"].iloc[0], one["init"].iloc[0]): (one, maps) for one, maps in runs}
    for row, curve in zip(found.table.itertuples(), found.curves, strict=True):
        rows, maps = by_init[row.scenario, row.init]
        k = at[row.case_id]
        assert row.target == int(rows["score"][k] > 0.5)
        picture = to_uint8(maps[k : k + 1, :, :, row.target], 12)
        mask = masks[k : k + 1]
        assert row.dice == overlap.cam_dice(picture, mask, 150)[0]
        assert row.pointing == overlap.pointing_game(picture, mask, 2)[0]
        assert row.average_precision == overlap.pixel_average_precision(picture, mask)[0]
        assert row.mask_share == mask.mean()
        assert row.cam_share == (picture > 150).mean()
        np.testing.assert_array_equal(curve, overlap.threshold_curve(picture, mask)[0])


def test_table_of_the_probability_takes_maps_of_the_probability():
    runs, ids, masks = random_study()
    changed = [
        (rows, probability_maps(maps, np.column_stack([1 - rows["score"], rows["score"]])))
        for rows, maps in runs
    ]
    expected = overlap.measure_overlap(changed, ids, masks).table
    found = overlap.measure_overlap(runs, ids, masks, of="probability").table
    pd.testing.assert_frame_equal(found, expected)
    short = overlap.dice_table(runs, ids, masks, of="probability")
    pd.testing.assert_frame_equal(short, expected[short.columns])
    assert found["dice"].tolist() != overlap.dice_table(runs, ids, masks)["dice"].tolist()


def test_best_dice_is_crossfitted_within_scenario_and_init_and_upper_chosen_within_the_run():
    runs, ids, masks = random_study()
    second = [(rows.assign(fold=1), maps[::-1]) for rows, maps in runs]
    found = overlap.measure_overlap([*runs, *second], ids, masks)
    table = found.table.reset_index(drop=True)
    for _, rows in table.groupby(["scenario", "init"]):
        expected = overlap.crossfitted_dice(found.curves[rows.index], rows["patient_id"])
        assert rows["dice_best"].tolist() == expected.tolist()
    for _, rows in table.groupby(["scenario", "init", "fold"]):
        curves = found.curves[rows.index]
        expected = curves[:, overlap.best_threshold(curves)]
        assert rows["dice_upper"].tolist() == expected.tolist()
        assert rows["dice_upper"].mean() >= rows["dice"].mean()


def test_best_dice_is_undefined_where_one_patient_alone_has_a_lesion(masks, cams):
    masks[1] = False
    table = overlap.measure_overlap([(_rows(), cams)], CASES, masks).table
    assert table["case_id"].tolist() == ["a"]
    assert table["dice_best"].isna().all()
    assert table["dice_upper"].notna().all()


def test_images_without_a_lesion_have_a_table_of_their_own(masks, cams):
    cams[2] = 0
    (row,) = overlap.measure_overlap([(_rows(), cams)], CASES, masks).empty.to_dict("records")
    assert (row["case_id"], row["target"]) == ("c", 0)
    assert (row["cam_share"], row["highlighted"], row["empty_cam"]) == (0, False, True)
    cams[2, :, :1, 0] = 3
    (row,) = overlap.measure_overlap([(_rows(), cams)], CASES, masks).empty.to_dict("records")
    assert (row["cam_share"], row["highlighted"], row["empty_cam"]) == (0.25, True, False)


def test_map_without_a_positive_value_scores_zero_and_the_lesions_share(masks, cams):
    cams[0] = -1
    table = overlap.measure_overlap([(_rows(), cams)], CASES, masks).table.set_index("case_id")
    assert table["empty_cam"].to_dict() == {"a": True, "b": False}
    short = overlap.dice_table([(_rows(), cams)], CASES, masks)
    assert short["empty_cam"].tolist() == [True, False]
    names = ["dice", "dice_upper", "pointing", "average_precision", "cam_share"]
    assert table.loc["a", names].tolist() == [0, 0, 0, 0.5, 0]


def test_tolerance_is_by_default_that_of_the_size(masks, cams):
    large = np.kron(masks, np.ones((16, 16), bool))
    assert overlap.measure_overlap([(_rows(), cams)], CASES, large).tolerance == 4


def test_tables_when_no_image_has_a_lesion_are_empty(masks, cams):
    found = overlap.measure_overlap([(_rows(), cams)], CASES, np.zeros_like(masks))
    assert (len(found.table), len(found.curves), len(found.empty)) == (0, 0, 3)
    assert set(overlap.MEASURES) <= set(found.table)


@pytest.mark.parametrize("measure", [overlap.dice_table, overlap.measure_overlap])
def test_tables_of_incomplete_input_raise(measure, masks, cams):
    with pytest.raises(InputError, match="3 rows, 2 maps"):
        measure([(_rows(), cams[:2])], CASES, masks)
    with pytest.raises(InputError, match="1 cases without a mask"):
        measure([(_rows(), cams)], ["c", "b", "x"], masks)
    with pytest.raises(InputError, match="no run"):
        measure([], CASES, masks)
    with pytest.raises(InputError, match="Known: predicted, label, positive"):
        measure([(_rows(), cams)], CASES, masks, target="argmax")
    with pytest.raises(InputError, match="Known: logit, probability"):
        measure([(_rows(), cams)], CASES, masks, of="odds")


def test_scenario_and_init_dice_average_cases_then_scenarios():
    first = _rows().assign(dice=[0.1, 0.2, 0.3])
    second = _rows(scenario="other", case_id=["a", "b", "d"]).assign(dice=[0.6, 0.6, 0.6])
    scenarios = overlap.scenario_dice(pd.concat([first, second]))
    assert scenarios["dice"].tolist() == pytest.approx([0.2, 0.6])
    assert scenarios["n_cases"].tolist() == [3, 3]
    inits = overlap.init_dice(scenarios)
    assert inits.loc[0, "mean"] == pytest.approx(0.4)
    assert inits.loc[0, "sd"] == pytest.approx(np.std([0.2, 0.6], ddof=1))
    assert inits.loc[0, "n_scenarios"] == 2


def test_scenario_dice_with_undefined_score_raises():
    with pytest.raises(InputError, match="undefined"):
        overlap.scenario_dice(_rows().assign(dice=[0.1, np.nan, 0.3]))


def test_means_of_an_undefined_measure_are_undefined_and_hide_no_image():
    table = _rows().assign(dice=[0.1, 0.2, 0.3], dice_best=[0.1, np.nan, 0.3])
    scenarios = overlap.scenario_overlap(table, ["dice", "dice_best"])
    means = overlap.init_overlap(scenarios, ["dice", "dice_best"]).set_index("measure")["mean"]
    assert means["dice"] == pytest.approx(0.2)
    assert np.isnan(means["dice_best"])
