from types import SimpleNamespace

import pandas as pd
import pytest
from fake_tasks import INITS, inputs, result, scored

from rin.errors import InputError
from rin.paper import COMPARISONS
from rin.report import across
from rin.stats import pooled_comparison, scenario_aucs


def test_task_result_holds_what_the_statistics_give_for_its_predictions():
    table = scored("breast", seed=3)
    one = across.task_result(inputs("breast"), table, INITS)
    areas = scenario_aucs(table).groupby(["init", "scenario"])["auc"].mean()
    drawn = one.scenarios.set_index(["init", "scenario"])["auc"]
    assert drawn.to_dict() == pytest.approx(areas.to_dict())
    means = areas.groupby("init").mean().to_dict()
    assert one.summary.set_index("init")["mean"].to_dict() == pytest.approx(means)
    assert one.pooled == pooled_comparison(table, *INITS)
    assert one.inits == INITS
    assert set(one.curves["init"]) == set(INITS)


def test_task_result_leaves_out_a_third_init():
    table = pd.concat([scored("breast"), scored("breast", 1, 30, ("random", "random"))])
    table = table.drop_duplicates(["fold", "scenario", "init", "case_id"])
    one = across.task_result(inputs("breast"), table, INITS)
    assert set(one.scenarios["init"]) == set(one.curves["init"]) == set(INITS)


def test_task_result_of_the_paper_has_its_title_and_numbers():
    one = result("acl")
    assert one.title == COMPARISONS["acl"].title
    assert one.published is COMPARISONS["acl"]
    assert one.published_summary.values.tolist() == [
        ["radiologic", 0.97, 0.03],
        ["photographic", 0.91, 0.08],
    ]


@pytest.mark.parametrize(
    ("inits", "arms"),
    [
        (("radimagenet", "imagenet"), [0.97, 0.91]),
        (("imagenet", "radiologic"), [0.91, 0.97]),
        (("random", "radimagenet"), [0.97]),
    ],
)
def test_published_summary_stands_beside_inits_of_the_same_kind(inits, arms):
    assert result("acl", inits=inits).published_summary["mean"].tolist() == arms


def test_task_result_of_ones_own_has_nothing_published():
    one = result("axilla", title="Axillary nodes")
    assert (one.title, one.published) == ("Axillary nodes", None)
    assert one.published_summary.empty


def test_title_of_a_second_task_under_one_comparison_carries_its_name():
    assert (
        across.task_title(inputs("mine", paper_task="breast").task) == "Breast lesions, US (mine)"
    )


@pytest.mark.parametrize(
    ("settings", "origin", "text"),
    [
        ({"provenance": "real"}, "real", "real: 60"),
        ({"provenance": "real", "available": 26684}, "real", "real: 60 of 26,684"),
        ({"provenance": "real", "replaced": "X"}, "substitute", "open substitute: 60"),
        ({}, "stand-in", "stand-in: 60"),
        ({"replaced": "X"}, "stand-in", "stand-in: 60"),
    ],
)
def test_images_say_first_where_they_came_from(settings, origin, text):
    images = across.images_of(inputs("breast", **settings))
    assert (images.origin, images.text) == (origin, text)
    assert bool(images.caution) is (origin == "stand-in")


def test_tasks_come_in_the_order_of_the_paper_and_own_ones_last():
    known = {task: inputs(task) for task in ("zeta", "sarscov2", "alpha", "breast", "thyroid")}
    assert across.paper_order(known) == ["thyroid", "breast", "sarscov2", "zeta", "alpha"]


def test_by_folds_divides_by_the_manifest_and_may_leave_a_group_empty():
    small, large = across.by_folds([result("acl"), result("pneumonia"), result("own")])
    assert [one.task for one in small] == ["acl"]
    assert [one.task for one in large] == ["pneumonia", "own"]
    assert across.by_folds([result("acl")])[1] == []


def test_task_results_read_the_predictions_of_each_task_once(monkeypatch):
    read = []

    def predictions(study, one):
        read.append(one.task.name)
        return scored(one.task.name)

    monkeypatch.setattr(across, "predictions", predictions)
    study = SimpleNamespace(profile=SimpleNamespace(inits=[*INITS, "random"]))
    found = across.task_results(study, {task: inputs(task) for task in ("pneumonia", "acl")})
    assert read == [one.task for one in found] == ["acl", "pneumonia"]


def test_task_result_without_one_init_raises():
    with pytest.raises(InputError, match="imagenet"):
        across.task_result(inputs("acl"), scored("acl"), ("radiologic", "imagenet"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "released"),
        ([("radiologic", "real"), ("radiologic", "real")], "pretrained here, real images"),
        ([("radiologic", "real"), ("radiologic", "stand-in")], "pretrained here, stand-in images"),
        ([("photographic", "real")], "released"),
    ],
)
def test_weights_words_tell_released_from_own_ones(monkeypatch, rows, expected):
    own = pd.DataFrame(rows, columns=["init", "provenance"]) if rows else pd.DataFrame()
    monkeypatch.setattr(across, "pretrained", lambda study: own)
    words = across.weights_words(None, ["radiologic", "random"])
    assert words == {"radiologic": expected, "random": "random"}
