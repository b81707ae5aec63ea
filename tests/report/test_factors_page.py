"""The page on factors: its tables, figures and sentences follow the numbers, and claim no more."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fake_factors import INITS, REGIMES, TITLES, factor_predictions
from fake_tasks import inputs as task

from rin.errors import InputError
from rin.models.preprocessing import PREPROCESSING
from rin.report.factors import factor_result, scale_ratio, stand_in_tasks, task_titles
from rin.report.factors_page import NOT_STUDIED, factor_details, factor_section, resize_example
from rin.report.factors_readings import (
    basis_reading,
    change_readings,
    effect_readings,
    fed_readings,
    headline,
    shared_reading,
)
from rin.report.factors_tables import (
    arrow_rows,
    change_table,
    effects_table,
    forest_rows,
    scale_table,
)
from rin.report.figures_factors import effects_forest, factor_arrows, resize_pair
from rin.stats import delong_test


def result(factor="preprocessing", *, stand_ins=(), **changes):
    predictions = factor_predictions(factor, **changes)
    return factor_result(predictions, INITS, TITLES, stand_ins=stand_ins)


@pytest.fixture(scope="module")
def loss():
    """The second start loses clearly; the first has one run at both levels."""
    return result()


@pytest.fixture(scope="module")
def nothing():
    """A factor that does nothing, to either start."""
    return result("resize", loss=0, shared=False)


def text(shown):
    """What a section says, without its pictures and tables."""
    return "\n".join(one.data for one in shown if "<img" not in one.data)


@pytest.mark.parametrize(
    ("wanted", "ratio"),
    [("caffe", 255), ("symmetric", 2), ("standardised", 4.427), ("caffe_unit", 1)],
)
def test_scale_ratio_is_that_of_pixels_spread_by_both_contracts(wanted, ratio):
    assert scale_ratio(wanted, "caffe_unit") == pytest.approx(ratio, rel=1e-3)
    pixels = np.random.default_rng(0).integers(0, 256, (500, 3))
    spread = [PREPROCESSING[one].apply(pixels).std(axis=0) for one in (wanted, "caffe_unit")]
    # Channels of one contract may stand in another order.
    assert scale_ratio(wanted, "caffe_unit") == pytest.approx(
        spread[0].mean() / spread[1].mean(), rel=0.03
    )


def test_scale_ratio_of_an_unknown_contract_raises():
    with pytest.raises(InputError, match="unknown preprocessing"):
        scale_ratio("caffe", "torch")


def test_scale_table_states_how_much_too_small_the_inputs_of_each_backbone_are():
    table = scale_table().set_index("Backbone")["Times too small"]
    assert table.to_dict() == {
        "InceptionResNetV2": "2", "ResNet50": "255", "DenseNet121": "4.43", "InceptionV3": "2",
    }  # fmt: skip


def test_effects_are_those_of_the_paired_test_where_there_is_one_fold():
    predictions = factor_predictions(regimes=REGIMES[:1])
    predictions = predictions[predictions["fold"] == 0]
    found = factor_result(predictions, INITS, TITLES)
    own = [predictions.query("init == 'photographic' and level == @level")
           for level in found.levels]  # fmt: skip
    test = delong_test(own[0]["label"], own[1]["score"].to_numpy(), own[0]["score"].to_numpy())
    row = effects_table(found, found.scenarios).set_index("Init").loc["Photographic"]
    assert row["Effect, points"] == f"−{abs(100 * test.difference):.1f}"
    low, high = (f"{100 * end:.1f}".replace("-", "−") for end in (test.ci_low, test.ci_high))
    assert row["95% CI"] == f"({low}, {high})"
    assert row["Test images (positive)"] == "60 (30)" and row["Patients"] == "60"


def test_tables_have_a_row_for_each_start_and_each_mean(loss):
    effects, changes = (make(loss, loss.regimes) for make in (effects_table, change_table))
    names = ["ResNet50, all layers", "ResNet50, top 10", "ResNet50, frozen",
             "ResNet50, every regime"]  # fmt: skip
    assert effects["Scenario"].drop_duplicates().tolist() == names
    assert changes["Scenario"].tolist() == names
    assert changes["Mean of"].tolist() == ["2", "1", "1", "4"]
    assert len(effects) == 8
    shared = effects[effects["Init"] == "Radiologic"]
    assert set(shared["Effect, points"]) == {"same scores"}
    assert set(shared["P, Holm"]) == {"–"}


def test_scenarios_come_in_the_order_of_the_study(loss):
    assert effects_table(loss, loss.scenarios)["Scenario"].drop_duplicates().tolist() == [
        "ResNet50, all layers, 1e-3",
        "ResNet50, all layers, 1e-4",
        "ResNet50, top 10, 1e-2",
        "ResNet50, frozen, 1e-2",
    ]


def test_several_backbones_have_means_of_their_own_and_one_over_all():
    found = result(backbones=("ResNet50", "DenseNet121"), regimes=REGIMES[1:3])
    changes = found.regimes[found.regimes["quantity"] == "interaction"]
    sizes = dict(zip(changes["label"], changes["n_scenarios"], strict=True))
    assert sizes["ResNet50, every regime"] == sizes["DenseNet121, every regime"] == 2
    assert sizes["every backbone"] == 4 and len(sizes) == 7
    assert "over 4 scenarios" in headline(found)


def test_headline_states_the_loss_its_cause_and_the_change_with_its_interval(loss):
    said = headline(loss)
    assert "photographic weights of ResNet50 fed the scripts' inputs, 255 times smaller" in said
    assert "the area falls in 3 after Holm's adjustment" in said
    row = change_table(loss, loss.regimes).iloc[-1]
    assert f"changes by {row['Change, points']} {row['95% CI']} points, P < .001" in said


@pytest.mark.parametrize(
    ("amount", "said"),
    [(1.2, "falls in 3"), (-1.2, "rises in 3"), (0.0, "cannot be told from unchanged in 3")],
)
def test_headline_follows_the_numbers(amount, said):
    assert said in headline(result(loss=amount))


def test_effect_that_holds_zero_cannot_be_told(nothing):
    effects, changes = effect_readings(nothing), change_readings(nothing)
    assert len(effects) == 8 and len(changes) == 4
    assert all("cannot be told" in one for one in effects + changes)
    assert not any("adjusting" in one or "moves towards" in one for one in effects + changes)


def test_interval_beside_zero_that_does_not_outlast_adjustment_is_said_so():
    found = result("resize", loss=0, shared=False)
    one = found.regimes["quantity"].isin(["effect", "interaction"])
    names = ["estimate", "ci_low", "ci_high", "p_value", "p_holm"]
    found.regimes.loc[one, names] = [0.03, 0.01, 0.05, 0.01, 0.2]
    for sentence in effect_readings(found) + change_readings(found):
        assert sentence.endswith("leaves out zero, but not after adjusting for "
                                 f"{8 if 'less' not in sentence else 4} tests.")  # fmt: skip
    assert "cannot be told from unchanged in 3" in headline(found)


def test_readings_name_both_areas_and_the_adjusted_p(loss):
    row = effects_table(loss, loss.regimes).query("Init == 'Photographic'").iloc[0]
    areas = [row[f"Area, {name}"].split()[0] for name in ("scripts' inputs", "own inputs")]
    said = effect_readings(loss)[0]
    assert f"{areas[0]} with the scripts' inputs against {areas[1]} with the weights' own" in said
    assert f"{row['Effect, points']} {row['95% CI']} points, {row['P, Holm']} after Holm" in said
    assert said.endswith("A loss, also after adjusting for 4 tests.")


@pytest.mark.parametrize(("amount", "towards"), [(1.2, "radiologic"), (-1.2, "photographic")])
def test_change_moves_towards_the_start_that_gains(amount, towards):
    said = change_readings(result(loss=amount))[-1]
    assert said.endswith(f"moves towards the {towards} weights.")


def test_unchanged_start_is_said_to_be_one_run_told_twice(loss, nothing):
    assert "one result, told twice" in shared_reading(loss)
    assert "effect on the photographic weights with its sign turned" in shared_reading(loss)
    assert shared_reading(nothing) == ""
    assert shared_reading(result(shared=False)) == ""


def test_what_was_fed_is_read_from_the_contracts(loss):
    photographic, radiologic = fed_readings(loss)
    assert "`caffe`" in photographic and "255 times smaller" in photographic
    assert radiologic == "Radiologic, ResNet50: `caffe_unit` inputs at both levels."


@pytest.mark.parametrize(("images", "said"), [(1, "that the test is DeLong's"), (3, "resemble")])
def test_basis_counts_images_patients_and_folds(images, said):
    found = basis_reading(result(images=images, patients=20, regimes=REGIMES[:1]))
    assert f"{40 * images} test images ({20 * images} positive) of 40 patients" in found
    assert "folds: 2" in found and said in found and "trained once" in found


def test_test_set_too_small_for_an_interval_is_said_so_and_drawn():
    predictions = factor_predictions(patients=3, regimes=REGIMES[:1])  # one positive a fold
    found = factor_result(predictions, INITS, TITLES)
    assert "too small for an interval" in effect_readings(found)[0]
    assert "no P" in effect_readings(found)[0] and "nan" not in text(factor_section(found))


def test_section_shows_figures_and_sentences_and_details_the_tables(loss):
    shown = factor_section(loss)
    assert sum("<img" in one.data for one in shown) == 2
    assert "4 of 4 point to a smaller area" in text(shown)
    assert "families are the 4 effects on a start and the 4 on the difference" in text(shown)
    assert "stand-ins" not in text(shown)
    captions = [one.caption for one in factor_details(loss)]
    assert len(captions) == len(set(captions)) == 4


def test_section_of_stand_ins_says_first_and_last_that_they_are_no_findings():
    found = result(regimes=REGIMES[:2], tasks=("breast", "thyroid"), stand_ins={"thyroid"})
    shown = factor_section(found)
    assert all("Thyroid nodules are stand-ins" in one.data for one in (shown[0], shown[-1]))
    assert sum("<img" in one.data for one in shown) == 4


def test_factor_that_is_not_studied_is_said_so():
    assert [one.data for one in factor_section(None)] == [NOT_STUDIED]
    assert [one.data for one in factor_details(None)] == [NOT_STUDIED]


def test_starts_that_both_have_the_same_scores_leave_nothing_to_test():
    predictions = factor_predictions("resize", regimes=REGIMES[:1])
    first = predictions[predictions["level"] == "stretch"]
    found = factor_result(pd.concat([first, first.assign(level="pad")]), INITS, TITLES)
    assert effect_readings(found) == change_readings(found) == []
    assert "nothing changes" in headline(found)
    assert sum("<img" in one.data for one in factor_section(found)) == 1


def test_arrows_lead_from_one_level_to_the_other(loss):
    rows = arrow_rows(loss, "breast")
    assert rows.query("init == 'radiologic'")["same"].all()
    moved = rows.query("init == 'photographic'")
    assert (moved["after"] < moved["before"]).all()
    ax = factor_arrows(rows, ("own", "other"))
    arrows = [one for one in ax.texts if one.arrow_patch is not None]
    starts = [(one.xyann[0], one.xy[0]) for one in arrows]
    order = moved.sort_values("unfreezing", key=lambda s: s.map(
        ["unfreeze_all", "unfreeze_top10", "freeze_all"].index), kind="stable")  # fmt: skip
    assert starts == list(zip(order["before"], order["after"], strict=True))
    said = [one.get_text() for one in ax.figure.legends[0].get_texts()]
    assert said == ["Radiologic", "Photographic", "own", "other", "both (same scores)"]


def test_forest_draws_each_interval_and_leaves_out_what_is_no_comparison(loss, nothing):
    assert set(forest_rows(loss, "breast")["kind"]) == {"photographic", "difference"}
    rows = forest_rows(nothing, "breast")
    assert len(rows) == 12
    ax = effects_forest(rows)
    bars = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2][1:]
    assert sorted(map(tuple, bars)) == sorted(zip(rows["low"], rows["high"], strict=True))


def store(pictures, sizes, ids=("a", "b")):
    cases = pd.DataFrame({"case_id": ids, "width": sizes[0], "height": sizes[1]})
    return SimpleNamespace(cases=cases, images=lambda: pictures)


def test_resize_example_is_the_least_square_image():
    pictures = np.zeros((2, 8, 8), np.uint8), np.ones((2, 8, 8), np.uint8)
    sizes = ([100, 50], [100, 90])
    read = {
        (level, "breast"): SimpleNamespace(store=store(one, sizes))
        for level, one in zip(("stretch", "pad"), pictures, strict=True)
    }
    shown, said = resize_example(read, "breast")
    assert "<img" in shown.data and "50 × 90 pixels" in said.data and "50 % of" in said.data
    read["pad", "breast"].store.cases["case_id"] = ["a", "c"]
    with pytest.raises(InputError, match="other cases"):
        resize_example(read, "breast")


def test_pair_shows_both_pictures():
    axes = resize_pair(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8))
    assert [ax.images[0].get_array().max() for ax in axes] == [0, 255]
    assert [ax.get_title(loc="left") or ax.get_title() for ax in axes] == ["Stretched", "Padded"]


def test_titles_and_stand_ins_come_from_what_the_tasks_read():
    read = {
        ("native", "breast"): task("breast", title="x", provenance="real"),
        ("native", "extra"): task("extra", title="Another", provenance="stand-in"),
    }
    assert task_titles(read)["extra"] == "Another"
    assert stand_in_tasks(read) == {"extra"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.drop(columns="contract"), "contract"),
        (lambda t: t.assign(factor="dropout"), "dropout"),
        (lambda t: pd.concat([t, t.assign(factor="resize")]), "factors"),
        (lambda t: t.head(0), "factors"),
        (lambda t: t.assign(task="elbow"), "no title for elbow"),
        (lambda t: t[t["level"] == "native"], "official_scripts"),
        (lambda t: t.assign(scenario="by hand"), "by hand"),
        (lambda t: t.drop(index=t.index[0]), "lacks some"),
    ],
)
def test_bad_predictions_raise_input_error(spoil, message):
    table = factor_predictions(regimes=REGIMES[:1])
    with pytest.raises(InputError, match=re.escape(message)):
        factor_result(spoil(table), INITS, TITLES)
