"""The tables of the cover and of the pages beside it, on made rows and the committed run."""

from types import SimpleNamespace

import pandas as pd
import pytest

from rin.models.backbones import BACKBONES
from rin.report import headline
from rin.stats import pretraining_differences
from rin.study import open_reference

NAMES = {"breast": "Breast", "covid19": "COVID-19"}


def rows(*points, **more):
    """One row a task: an estimate in points ± 1."""
    cells = [
        {"task": task, "estimate": x / 100, "ci_low": (x - 1) / 100, "ci_high": (x + 1) / 100}
        for task, x in zip(NAMES, points, strict=False)
    ]
    return pd.DataFrame(cells).assign(**more)


def test_models_stand_side_by_side_in_the_tasks_of_the_first():
    table = headline.side_by_side({"All": rows(1.0, -2.0), "Four": rows(0.5)}, NAMES)
    assert table.to_dict("list") == {
        "Task": ["Breast", "COVID-19"],
        "All": ["+1.0 (0.0, 2.0)", "−2.0 (−3.0, −1.0)"],
        "Four": ["+0.5 (−0.5, 1.5)", "–"],
    }


TESTS = pd.concat(
    rows(1.0, 2.0, margin=margin, p_holm=p) for margin, p in ((0.02, 0.5), (0.05, 0.0004))
)
PUBLISHED = rows(1.0).assign(published=0.04, p_holm=0.03)


def test_exclusions_have_a_p_value_for_each_margin_and_the_difference_of_the_paper():
    table = headline.exclusions(TESTS, PUBLISHED, NAMES)
    assert table.iloc[0].to_dict() == {
        "Task": "Breast",
        "Difference (90% CI)": "+1.0 (0.0, 2.0)",
        "Beyond ±2 points": "P = .50",
        "Beyond ±5 points": "P < .001",
        "In the paper": "+4.0",
        "As in the paper": "P = .03",
    }
    assert table.iloc[1, -2:].to_list() == ["–", "–"]


def test_exclusions_of_stand_ins_have_no_p_value():
    table = headline.exclusions(TESTS, PUBLISHED, NAMES, stand_ins=["weights"])
    assert table.columns.to_list() == ["Task", "Difference (90% CI)", "In the paper"]


def test_table_of_pairs_left_out_names_the_one_that_moves_a_task_most():
    without = pd.concat(
        rows(1.0 + move, -2.0 + 2 * move, backbone=name, pretraining=2, moved=move)
        for name, move in (("ResNet50", -0.5), ("InceptionV3", 0.4))
    ).reset_index(drop=True)
    posterior = rows(0.9, -1.8, above=[0.81, 0.1])
    table = headline.one_left_out(rows(1.0, -2.0), without, posterior, NAMES)
    assert table["Pair left out"].to_list() == ["ResNet50, no. 2"] * 2
    assert table["Without the pair that matters most"].to_list() == [
        "+0.5 (−0.5, 1.5)", "−3.0 (−4.0, −2.0)"
    ]  # fmt: skip
    assert table["Probability above zero"].to_list() == ["0.81", "0.10"]


def test_table_of_pairs_left_out_of_one_pair_has_nothing_left():
    of_all, nan = rows(1.0), float("nan")
    without = rows(nan, backbone="ResNet50", pretraining=1, moved=nan)
    table = headline.one_left_out(of_all, without, rows(nan, above=nan), NAMES)
    assert table["Without the pair that matters most"].to_list() == ["– (no interval)"]


@pytest.fixture(scope="module")
def runs():
    return open_reference()


@pytest.mark.slow
def test_backbones_of_the_paper_are_fixed_and_those_of_a_run_without_its_others(runs):
    scores = runs.predictions()
    of_four = scores[scores["backbone"].isin(BACKBONES)]
    four = pretraining_differences(of_four, *runs.inits, fixed_backbones=True)
    pd.testing.assert_frame_equal(headline.of_paper(runs), four)
    assert set(four["backbones"]) == {4}
    assert scores["backbone"].nunique() > 4
    without_others = SimpleNamespace(
        workspace=SimpleNamespace(once=lambda key, make: make()),
        is_reference=False,
        tasks=["breast"],
        records=lambda task: of_four[["backbone"]].drop_duplicates(),
        predictions=lambda: of_four,
    )
    assert headline.of_paper(without_others).empty


def test_papers_differences_stand_beside_those_of_its_own_tasks(runs):
    published = headline.beside_published(runs, headline.differences(runs)[0]).set_index("task")
    assert published.loc["thyroid", "published"] == pytest.approx(0.094)
    assert "busbra" not in published.index
    assert len(published) == 5
