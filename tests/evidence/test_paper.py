import pytest

from rin.evidence import paper

TASKS = [
    "thyroid", "breast", "acl", "meniscus", "covid19", "pneumonia", "sarscov2", "hemorrhage"
]  # fmt: skip
SECTIONS = [paper.COMPARISONS, paper.DICE, paper.RELEASED_ACCURACY, paper.DATABASE]
SECTIONS += [paper.SETTINGS, paper.PATHOLOGIES, paper.CLAIMS]
RECORDS = [paper.CITATION, *(record for section in SECTIONS for record in section.values())]
RECORDS += [count for counts in paper.CLASS_COUNTS.values() for count in counts]


def test_every_record_stands_at_a_known_place():
    places = {record.place.split(" (“")[0] for record in RECORDS}
    assert places <= set(paper.PLACES.values())
    assert len(set(paper.PLACES.values())) == len(paper.PLACES)


def test_comparisons_and_counts_cover_the_eight_tasks():
    assert list(paper.COMPARISONS) == list(paper.CLASS_COUNTS) == TASKS
    assert set(paper.CLAIMS["comparable"].value) <= set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_stated_difference_is_positive_and_lies_in_its_interval(task):
    record = paper.COMPARISONS[task]
    assert record.ci_low < record.estimate < record.ci_high
    assert record.estimate > 0  # as the audit of intervals takes it
