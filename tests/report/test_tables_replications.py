import pytest

from rin.paper import COMPARISONS
from rin.replications import REPLICATIONS, Replication
from rin.report import tables_replications as tables


def record(**changed):
    values = {
        "study": "s", "year": 2024, "tasks": (), "data": "d", "architecture": "a",
        "radimagenet": 0.5, "radimagenet_sd": None, "imagenet": 0.6, "imagenet_sd": None,
        "metric": "AUC", "direction": "ImageNet", "place": "p",
    }  # fmt: skip
    return Replication(**(values | changed))


def test_groups_hold_every_record_under_each_of_its_tasks():
    groups = tables.task_replications()
    assert list(groups)[-1] == tables.OTHER
    listed = sum(len(records) for records in groups.values())
    assert listed == sum(max(1, len(one.tasks)) for one in REPLICATIONS)
    knee = [one for one in REPLICATIONS if one.tasks == ("acl", "meniscus")]
    assert knee
    for task in ("acl", "meniscus"):
        assert set(knee) <= set(groups[COMPARISONS[task].title])


def test_tasks_that_nobody_repeated_are_left_out():
    assert COMPARISONS["hemorrhage"].title not in tables.task_replications()


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        ({}, -10.0),
        ({"metric": "AUC × 100", "radimagenet": 88.2, "imagenet": 90.5}, -2.3),
        ({"metric": "accuracy, %", "radimagenet": 68, "imagenet": 93}, None),
        ({"radimagenet": None}, None),
        ({"imagenet": None}, None),
        ({"radimagenet": 0.0, "imagenet": 0.01}, -1.0),
    ],
)
def test_difference_points(changed, points):
    assert tables.difference_points(record(**changed)) == points


def test_direction_table_counts_each_record_once_in_all():
    table = tables.direction_table()
    ways = table[["RadImageNet", "ImageNet", "No difference"]].astype(int)
    fair = [one for one in REPLICATIONS if one.like_for_like]
    assert ways.loc["All"].sum() == len(fair)
    # The two knee records stand under two tasks.
    assert ways.drop("All").sum().sum() == len(fair) + 2
    assert ways.loc["Thyroid nodules, US"].tolist() == [0, 2, 0]
    assert ways.loc["Breast lesions, US"].tolist() == [0, 3, 1]


def test_direction_table_sets_the_papers_difference_beside():
    table = tables.direction_table()
    assert table.loc["Thyroid nodules, US", "The paper, points"] == "+9.4"
    assert table.loc[[tables.OTHER, "All"], "The paper, points"].tolist() == ["–", "–"]
    assert table.loc["Pneumonia, chest radiography", "Below 1 point"] == "3 of 3"
    assert table.loc["Pneumonia, chest radiography", "Studies"] == "2"


def test_direction_counts_agree_with_the_table():
    counts = tables.direction_counts(["breast", "hemorrhage", "acl"])
    every = tables.direction_table().loc["All"]
    assert every[["RadImageNet", "ImageNet", "No difference"]].tolist() == [
        str(counts[name]) for name in ("n_radimagenet", "n_imagenet", "n_parity")
    ]
    assert every["Below 1 point"] == f"{counts['n_below']} of {counts['n_stated']}"
    assert counts["n_fair"] + counts["n_unlike"] == len(REPLICATIONS)
    assert (counts["n_asked"], counts["n_run"]) == (5, 2)
    assert counts["n_group"] == sum("Juodelyte" in one.study for one in REPLICATIONS)


def test_points_hold_like_with_like_only():
    points = tables.replication_points()
    # A frozen backbone under different heads differs by 15 points.
    assert points["difference"].max() < 10
    assert points.loc[points["name"] == "Breast lesions, US", "difference"].tolist() == [
        -2.3, -17.4, -5.01,
    ]  # fmt: skip


def test_replication_table_prints_numbers_as_the_source_does():
    styler = tables.replication_table(tables.task_replications())
    cells = styler.data
    breast = cells.loc["Breast lesions, US"]
    assert breast["RadImageNet"].tolist() == [
        "88.2 ±\u00a04.2", "72.4 ±\u00a022.1", "–", "0.8350",
    ]  # fmt: skip
    assert breast["ImageNet"].tolist()[2] == "0.9641"
    acl = cells.loc["Anterior cruciate ligament tear, MRI"]
    assert acl["Result"].tolist()[-1] == "RadImageNet ahead (not like with like)"
    other = cells.loc[tables.OTHER].set_index("Metric")
    assert other.loc["accuracy, %", ["RadImageNet", "ImageNet"]].tolist() == ["68", "93"]
    assert cells.map(bool).all(axis=None)


def test_replication_table_hides_the_running_number():
    html = tables.replication_table(tables.task_replications()).to_html()
    assert html.count("Thyroid nodules, US") == 1
    assert 'rowspan="2"' in html
