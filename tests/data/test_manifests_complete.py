"""Every dataset manifest of the repository says all that a reader and a study need."""

import re

import pytest
import yaml

from rin.data.layouts import LAYOUTS
from rin.data.manifest import find_task, load_manifest, manifest_folder, manifest_names
from rin.data.standins import STAND_INS
from rin.paper import CLASS_COUNTS, COMPARISONS
from rin.study import load_profile, profile_names

MANIFESTS = {name: load_manifest(name) for name in manifest_names()}
TASKS = {task.name: manifest for manifest in MANIFESTS.values() for task in manifest.tasks}
SUBSTITUTES = {
    (task.name, substitute)
    for manifest in MANIFESTS.values()
    for task in manifest.tasks
    for substitute in task.substitutes
}
CORPORA = {name for name in MANIFESTS if name.startswith("corpus_")}
#: In the paper's own layout: on request, or curated here from an archive.
DATABASES = {name for name, manifest in MANIFESTS.items() if manifest.layout == "radimagenet"}
DOI = re.compile(r"10\.\d{4,}/\S+")

each = pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
each_task = pytest.mark.parametrize("name", TASKS)
each_substitute = pytest.mark.parametrize(("name", "substitute"), sorted(SUBSTITUTES))


def labels(manifest, task):
    return {label for label in manifest.for_task(task).label_map.values() if label is not None}


def test_datasets_are_those_of_the_paper_their_substitutes_and_the_corpora():
    own = {"ddti", "busi", "mrnet", "covid19_ct", "rsna_pneumonia", "cc_ccii", "rsna_hemorrhage"}
    substitutes = {"sarscov2_ct", "kermany_cxr", "headct200"}
    assert {manifest.name for manifest in TASKS.values()} == own
    assert {substitute for _, substitute in SUBSTITUTES} == substitutes
    assert set(MANIFESTS) == own | substitutes | CORPORA | {"radimagenet", "curated_archive"}


def test_all_eight_tasks_of_the_paper_are_fed_once_under_their_own_names():
    names = [task.name for manifest in MANIFESTS.values() for task in manifest.tasks]
    assert sorted(names) == sorted(COMPARISONS)
    assert {find_task(name)[1].paper_task for name in names} == set(COMPARISONS)
    assert all(find_task(name)[1].paper_task == name for name in names)


@each_task
def test_labels_of_a_task_are_the_groups_that_the_paper_counts(name):
    manifest, task = find_task(name)
    published = {count.group for count in CLASS_COUNTS[name]} - {"all"}
    assert labels(manifest, task) == published
    assert task.positive_class in published


@each_task
def test_folds_of_a_task_are_those_of_the_paper(name):
    small = {"thyroid", "breast", "acl", "meniscus"}
    assert find_task(name)[1].n_folds == (5 if name in small else 1)


@each_task
def test_papers_counts_in_a_manifest_are_those_of_the_paper(name):
    manifest, _ = find_task(name)
    published = {c.group: c.images for c in CLASS_COUNTS[name] if c.group != "all"}
    assert manifest.counts.paper in ({}, published)


@each
def test_layout_and_stand_in_are_registered(manifest):
    assert manifest.layout in LAYOUTS
    assert manifest.stand_in is None or manifest.stand_in in STAND_INS


@pytest.mark.parametrize(
    "name", sorted(MANIFESTS.keys() - {name for _, name in SUBSTITUTES} - DATABASES)
)
def test_dataset_of_a_task_or_for_pretraining_has_a_stand_in_and_a_place_for_it(name):
    manifest = MANIFESTS[name]
    assert manifest.stand_in is not None
    assert any(
        "::" not in location and not location.lower().endswith(".zip")
        for location in manifest.locations
    )


@each_substitute
def test_substitute_exists_feeds_no_task_and_knows_both_labels(name, substitute):
    own, task = find_task(name)
    other = MANIFESTS[substitute]
    assert other.tasks == ()
    assert set(other.label_map.values()) == labels(own, task)
    assert (other.modality, other.anatomy) == (own.modality, own.anatomy)


@each
def test_fields_that_tell_a_reader_what_it_is_are_filled(manifest):
    assert re.fullmatch(r"https?://[\w.-]+\.\w+(/\S*)?", manifest.home)
    assert manifest.licence.strip()
    assert len(manifest.title) > 10
    for field in (manifest.citation, manifest.modality, manifest.anatomy):
        assert field.strip()
    assert manifest.name in CORPORA | {"headct200"} or DOI.fullmatch(manifest.citation)


@each
def test_findings_and_reasons_are_sentences(manifest):
    texts = [finding.text for finding in manifest.findings]
    assert all(text.endswith(".") and text[0].isalnum() for text in texts)
    assert all(finding.kind.strip() for finding in manifest.findings)
    assert all(reason.strip() for reason in manifest.known_bad.values())


@each
def test_peculiarities_are_told_of_every_dataset_but_the_photographs(manifest):
    assert bool(manifest.findings) is (manifest.name != "corpus_photographic")


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("busi", "contradictory duplicate", ["both classes"]),
        ("sarscov2_ct", "no patient identifiers", ["optimistic"]),
        ("kermany_cxr", "patients read from names", ["4,097", "170"]),
        ("headct200", "duplicate", []),
        ("corpus_radiologic", "small classes", ["64"]),
        ("covid19_ct", "access", ["not public"]),
        ("rsna_hemorrhage", "selection", ["573,614", "573,604"]),
        ("rsna_pneumonia", "counts", ["26,685", "26,684"]),
        ("cc_ccii", "naming", ["community-acquired pneumonia"]),
        ("mrnet", "exams and patients", ["exams"]),
        ("ddti", "labels", ["TI-RADS"]),
        ("radimagenet", "no patient identifiers", ["by patient"]),
        ("radimagenet", "counts", ["mostly not public", "never added"]),
        ("radimagenet", "blank pictures", ["28"]),
        ("curated_archive", "normal studies", ["radiologist", "rules"]),
    ],
)
def test_known_trap_is_told(name, kind, words):
    (found,) = [finding for finding in MANIFESTS[name].findings if finding.kind == kind]
    assert [word for word in words if word not in found.text] == []


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("busi", {"benign (433)", "malignant (145)"}),
        ("headct200", {"188.png", "189.png"}),
        ("sarscov2_ct", {f"COVID/Covid ({number}).png" for number in (128, 129, 134, 135)}),
    ],
)
def test_known_duplicates_name_their_cases(name, cases):
    named = {case for finding in MANIFESTS[name].findings for case in finding.case_ids}
    assert cases <= named


@each
def test_counts_are_of_classes_that_the_label_map_knows(manifest):
    known = set(manifest.label_map).union(*(task.label_map for task in manifest.tasks))
    stated = {*manifest.counts.images, *manifest.counts.authors, *manifest.counts.masks}
    assert not known or stated <= known
    assert manifest.name not in CORPORA or (manifest.counts.total, manifest.counts.classes) == (
        9194,
        26,
    )


@each
def test_window_belongs_to_computed_tomography_in_dicom(manifest):
    assert (manifest.window is not None) is (manifest.layout == "rsna_hemorrhage")
    assert manifest.window is None or manifest.modality == "CT"


@each
def test_pictures_are_compared_where_patients_are_not_known(manifest):
    # RadImageNet has too many pictures to compare, and a manifest that says so.
    too_many = manifest.name == "radimagenet"
    compared = manifest.near_duplicate_bits is not None
    assert manifest.independence != "image" or compared or too_many


@each
def test_masks_are_stated_where_lesions_are_marked(manifest):
    marked = {"ddti": "outline", "busi": "outline", "rsna_pneumonia": "box"}
    assert (manifest.mask_kind if manifest.masks else None) == marked.get(manifest.name)


def test_no_two_datasets_are_looked_for_under_one_name():
    places = [place for manifest in MANIFESTS.values() for place in manifest.locations]
    assert sorted({place for place in places if places.count(place) > 1}) == []
    bare = {place for place in places if "::" not in place}
    assert "archive.zip" not in bare


@each
def test_file_calls_every_field_by_its_name_once(manifest):
    """YAML keeps the last of two equal keys in silence."""
    text = (manifest_folder() / f"{manifest.name}.yaml").read_text("utf-8")
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    keys = [key.value for key, _ in node.value]
    assert sorted(set(keys)) == sorted(keys)
    assert keys[0] == "name"
    assert text.startswith("# ")


@pytest.mark.parametrize("name", profile_names())
def test_profile_sizes_stand_ins_under_names_that_their_writers_know(name):
    for dataset, counts in load_profile(name).stand_ins.items():
        assert set(counts) == set(STAND_INS[MANIFESTS[dataset].stand_in].count_names)
