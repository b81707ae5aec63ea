"""Manifests: what is refused, and that those of the repository say all that a study needs."""

from functools import partial

import pytest

from rin.data.layouts import LAYOUTS
from rin.data.manifest import find_task, load_manifest, manifest_names
from rin.data.standins import COUNTS, STAND_INS
from rin.data.tree import is_archive
from rin.errors import InputError
from rin.evidence.paper import CLASS_COUNTS, COMPARISONS
from rin.study import load_profile, profile_names


def test_unknown_dataset_or_task_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown dataset 'bussi'.*busi"):
        load_manifest("bussi")
    with pytest.raises(InputError, match=r"unknown task 'chest'.*breast"):
        find_task("chest")


@pytest.fixture
def write(write_manifest):
    """Writes BUSI's manifest, with changes, under a name."""
    return partial(write_manifest, load_manifest("busi"))


TASK = {"name": "own", "title": "Own", "positive_class": "malignant", "n_folds": 5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lisence": "CC0"}, "lisence"),
        ({"name": 1, "home": 2}, "also wrong: home"),
        (
            {"tasks": [TASK | {"positive_class": "cancer"}]},
            "'cancer' of task own is not a label of label_map \\(benign, malignant",
        ),
        ({"name": "another"}, "name is 'another'"),
    ],
)
def test_load_manifest_with_a_wrong_field_names_file_and_fault(write, changes, message):
    write("other", **changes)
    with pytest.raises(InputError, match=rf"other\.yaml.*(?s:.*){message}"):
        load_manifest("other")


def test_manifest_that_was_edited_is_read_anew(write):
    for title in ("One", "Another"):
        write("other", title=title)
        assert load_manifest("other").title == title
        assert find_task("breast")[0].title == title


def test_find_task_in_two_manifests_raises(write):
    write("other")
    write("busi")
    assert manifest_names() == ["busi", "other"]
    with pytest.raises(InputError, match="busi and other"):
        find_task("breast")


MANIFESTS = {name: load_manifest(name) for name in manifest_names()}
ALL_TASKS = [task for manifest in MANIFESTS.values() for task in manifest.tasks]
OTHERS = {(t.name, other) for t in ALL_TASKS for other in (*t.substitutes, *t.external)}


def labels(manifest, task):
    return {label for label in manifest.merge_task(task).label_map.values() if label is not None}


def test_every_task_of_the_paper_is_fed_once_and_no_other_claims_to_be_one():
    published = {task.name: task.title for task in ALL_TASKS if task.paper_task}
    assert published == {name: task.title for name, task in COMPARISONS.items()}
    assert all(task.paper_task in (None, task.name) for task in ALL_TASKS)
    assert len({task.name for task in ALL_TASKS}) == len(ALL_TASKS)


@pytest.mark.parametrize("name", COMPARISONS)
def test_labels_counts_and_folds_of_a_task_are_those_of_the_paper(name):
    manifest, task = find_task(name)
    published = {c.group: c.images for c in CLASS_COUNTS[name] if c.group != "all"}
    assert labels(manifest, task) == set(published)
    assert task.positive_class in published
    assert manifest.counts.paper in ({}, published)
    small = {"thyroid", "breast", "acl", "meniscus"}
    assert task.n_folds == (5 if name in small else 1)


@pytest.mark.parametrize(("name", "other"), sorted(OTHERS))
def test_substitute_or_external_dataset_exists_and_knows_both_labels(name, other):
    own, task = find_task(name)
    other = MANIFESTS[other]
    assert set(other.label_map.values()) - {None} == labels(own, task)
    assert (other.modality, other.anatomy) == (own.modality, own.anatomy)


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_layout_and_stand_in_are_registered_and_counts_are_of_known_classes(manifest):
    assert manifest.layout in LAYOUTS
    folders = [at for at in manifest.locations if "::" not in at and not is_archive(at)]
    assert manifest.stand_in is None or (manifest.stand_in in STAND_INS and folders)
    known = set(manifest.label_map).union(*(task.label_map for task in manifest.tasks))
    stated = {*manifest.counts.images, *manifest.counts.authors, *manifest.counts.masks}
    assert not known or stated <= known
    gathered = sum(source.images for source in manifest.sources)
    assert gathered in (0, manifest.counts.total)


@pytest.mark.parametrize("name", profile_names())
def test_profile_sizes_stand_ins_under_names_that_their_writers_know(name):
    for dataset, counts in load_profile(name).stand_ins.items():
        assert set(counts) == set(COUNTS[MANIFESTS[dataset].stand_in])


def test_draft_of_a_manifest_is_none(write):
    write("other")
    write(".draft-1234abcd-other")
    assert manifest_names() == ["other"]
