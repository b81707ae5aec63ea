import pytest
import yaml

from rin.errors import InputError
from rin.report.chapters import (
    CHAPTERS,
    Chapter,
    Outline,
    contents,
    outline_of,
    pages,
    tasks_with_masks,
    title_of,
    write_contents,
)
from rin.study import load_profile, open_study

TASKS = ("breast", "thyroid", "covid19")
MASKED = frozenset({"breast", "thyroid"})
SECTIONS = frozenset({"curation", "pretraining", "from_random"})
OUTLINE = Outline(TASKS, MASKED, SECTIONS)


def files_of(entries):
    for entry in entries:
        yield entry["file"]
        yield from files_of(entry.get("sections", []))


def listed(outline):
    table = contents(outline)
    return [table["root"], *files_of(c for part in table["parts"] for c in part["chapters"])]


def test_chapter_of_a_task_is_named_after_it_and_picks_its_parameters():
    chapter = Chapter("comparison", ("task", "profile"), 1, "Tasks")
    assert chapter.output("breast") == "breast_comparison.ipynb"
    values = {"task": "breast", "profile": "smoke", "more": 1}
    assert chapter.choose(values) == {"task": "breast", "profile": "smoke"}


def test_chapter_without_a_value_raises():
    with pytest.raises(InputError, match="'task'"):
        Chapter("a", ("task",), 0, "Tasks").choose({"profile": "smoke"})


def test_chapters_have_distinct_sources():
    assert len({chapter.source for chapter in CHAPTERS}) == len(CHAPTERS)


def test_pages_of_tasks_without_masks_have_no_localisation():
    made = {page.output for page in pages(OUTLINE)}
    for task in TASKS:
        assert f"{task}_comparison.ipynb" in made
        assert (f"{task}_gradcam.ipynb" in made) == (task in MASKED)


def test_contents_list_every_page_once():
    found = listed(OUTLINE)
    computed = {f"notebooks/{page.output.removesuffix('.ipynb')}" for page in pages(OUTLINE)}
    assert set(found) == computed | {
        *("intro", "methods", "methods_statistics", "use_it", "references")
    }
    assert len(found) == len(set(found))
    assert found[0] == "notebooks/cover"


def test_contents_have_one_chapter_a_task_in_the_order_of_the_profile():
    (part,) = [p for p in contents(OUTLINE)["parts"] if p["caption"] == "Task by task"]
    assert [chapter["title"] for chapter in part["chapters"]] == [title_of(t) for t in TASKS]
    for chapter, task in zip(part["chapters"], TASKS, strict=True):
        assert all(f"/{task}_" in file for file in files_of([chapter]))


def test_contents_are_written_where_jupyter_book_reads_them(tmp_path):
    path = write_contents(OUTLINE, tmp_path / "notebooks")
    assert yaml.safe_load(path.read_text()) == contents(OUTLINE)


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_chapters_of_a_section_stand_only_in_books_of_profiles_that_have_it(section):
    without = Outline(TASKS, MASKED, SECTIONS - {section})
    gone = {page.output for page in pages(OUTLINE)} - {page.output for page in pages(without)}
    assert gone == {f"{one.source}.ipynb" for one in CHAPTERS if one.section == section} != set()


def test_outline_of_a_profile_that_pretrains_nothing_has_no_such_section(tmp_path):
    found = outline_of(open_study("paper", results=tmp_path))
    assert "pretraining" not in found.sections
    assert found.tasks == tuple(load_profile("paper").tasks)


def test_substitute_without_masks_has_no_localisation_page(tmp_path):
    profile = load_profile("demo").model_copy(update={"tasks": ["breast", "pneumonia"]})
    assert tasks_with_masks(open_study(profile)) == {"breast", "pneumonia"}
    (tmp_path / "chest_xray").mkdir()
    study = open_study(profile, data_root=tmp_path)
    assert tasks_with_masks(study) == {"breast"}
