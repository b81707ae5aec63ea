import os
import re
from pathlib import Path

import pytest

from rin.files import REPOSITORY
from rin.report.pages import (
    NOTEBOOKS,
    PARTS,
    contents,
    files_of,
    pages,
)
from rin.study import load_profile, open_workspace, profile_names


def book(**changed):
    """The pages of the demo's book, with some of its settings changed."""
    return pages(open_workspace(load_profile("demo").model_copy(update=changed)))


def names(listed):
    return [page.source for page in listed]


def files(listed):
    return files_of(contents(listed))


def test_every_notebook_stands_in_the_table_once_in_the_part_of_its_folder():
    folder = REPOSITORY / "notebooks"
    there = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.py")}
    assert sorted(there) == sorted(names(NOTEBOOKS))
    folders = (".", "evidence", "results", "pipeline", "use", "use")
    folder_of = dict(zip(PARTS, folders, strict=True))
    for notebook in NOTEBOOKS:
        assert Path(notebook.source).parent.as_posix() == folder_of[notebook.part]
        assert {*notebook.after} <= there


def test_book_of_ones_own_has_the_first_of_its_pages_for_a_cover_and_the_list_of_references():
    made = contents(book(pages=("results/your_run", "use/run_it")), whole=False)
    expected = ["notebooks/results/your_run", "notebooks/use/run_it", "references"]
    assert files_of(made) == expected


def test_contents_list_every_page_once_beside_the_prose():
    found = files(book())
    computed = {name for name in found if name.startswith("notebooks/")}
    assert computed == {f"notebooks/{name}" for name in names(book())}
    prose = {path.stem for path in REPOSITORY.glob("book/*.md")} - {"plan"}  # within Methods
    assert set(found) - computed == prose
    assert len(found) == len(set(found))
    assert (found[0], found[-1]) == ("notebooks/findings", "references")


WITHOUT = {"curation": {"curation": None}, "pretraining": {"pretraining": None}}
WITHOUT["masks"] = {"tasks": ("covid19",), "stand_ins": {"covid19_ct": {}}}


@pytest.mark.parametrize("section", WITHOUT)
def test_live_pages_of_a_section_stand_only_in_books_of_profiles_that_have_it(section):
    gone = set(names(book())) - set(names(book(**WITHOUT[section])))
    assert gone == {one.source for one in NOTEBOOKS if one.section == section and one.live}


def test_book_for_reading_has_results_and_evidence_and_nothing_that_trains_or_needs_more(tmp_path):
    workspace = open_workspace("demo", results=tmp_path)
    whole, read = names(pages(workspace)), names(pages(workspace, reading=True))
    live = {f"pipeline/{name}" for name in ("curation", "pretraining", "fine_tuning", "gradcam")}
    assert {*whole} - {*read} == live


FRAMEWORKS = {"tensorflow", "keras", "jax", "dicomanonymizer", "onnxruntime", "rapidocr"}


def test_notebooks_that_import_a_framework_or_curation_say_so_in_the_table():
    for notebook in NOTEBOOKS:
        text = (REPOSITORY / "notebooks" / f"{notebook.source}.py").read_text(encoding="utf-8")
        modules = set(re.findall(r"(?m)^(?:import|from) (\w+)", text))
        assert notebook.extras or not modules & FRAMEWORKS, notebook.source


@pytest.mark.parametrize("page", sorted(REPOSITORY.glob("book/*.md")), ids=lambda page: page.stem)
def test_no_heading_of_prose_is_within_a_fence_of_four_backticks_which_folds_it(page):
    parts = re.split(r"(?m)^````", page.read_text(encoding="utf-8"))
    assert len(parts) % 2, "a fence is not closed"
    assert not re.search(r"(?m)^#+ ", "\n".join(parts[1::2]))


LINK = re.compile(r"\]\(([\w/.]+)\)")


@pytest.mark.parametrize("name", [*profile_names(), "hospital"])
def test_every_link_leads_to_a_page_whatever_the_profile_asks_for(name, tmp_path):
    """`hospital`: a profile as the page on a task of one's own describes it."""
    profile = load_profile("open" if name == "hospital" else name)
    if name == "hospital":
        absent = dict.fromkeys(("probe", "curation", "reference"))
        profile = profile.model_copy(update=absent | {"studies": []})
    listed = pages(open_workspace(profile, results=tmp_path))
    there = set(files(listed))
    for page in listed:
        here = Path("notebooks") / page.source
        text = (REPOSITORY / here).with_suffix(".py").read_text("utf-8")
        for link in LINK.findall(text):
            target = os.path.normpath(here.parent / link)
            is_file = (REPOSITORY / "book" / target).is_file()
            assert is_file or target in there, f"{page.source} links to {target}"
