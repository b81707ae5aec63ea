"""Where the book is, who made it: one place, and nothing where nothing is known."""

import re

import pytest
import yaml

from rin.errors import InputError
from rin.files import REPOSITORY
from rin.report.address import page_settings, read_project

PROJECT = """[project]
description = "A book: of pages"
version = "1.2.0"
license = "MIT"
authors = [{ name = "Ann" }, { name = "Bo" }]
"""


def checkout(folder, urls="", changelog=""):
    (folder / "pyproject.toml").write_text(PROJECT + urls)
    (folder / "CHANGELOG.md").write_text(changelog)
    return read_project(folder)


def test_without_an_address_nothing_is_invented(tmp_path):
    project = checkout(tmp_path)
    assert page_settings(project.repository, {}) == {}
    assert not re.search("http|year", project.bibtex())


def test_one_stated_address_gives_citation_buttons_edit_and_launch_links(tmp_path):
    urls = '[project.urls]\nRepository = "https://github.com/ann/book"'
    project = checkout(tmp_path, urls, "## [1.2.0] - 2027-03-04\n")
    assert project.bibtex() == (
        "@software{radimagenet_reexamined,\n  title = {{A book}},\n  author = {{Ann} and {Bo}},\n"
        "  year = {2027},\n  version = {1.2.0},\n  url = {https://github.com/ann/book},\n}"
    )
    made = page_settings(project.repository, {"notebooks/a.ipynb": "notebooks/a.py"})
    options, context = made["html_theme_options"], made["html_context"]
    assert options["repository_url"] == project.repository
    assert options["use_issues_button"]
    assert [link["url"] for link in options["icon_links"]] == ["https://codespaces.new/ann/book"]
    edit = "https://github.com/ann/book/edit/main/{{ source_files.get("
    assert context["edit_page_url_template"].startswith(edit)
    assert context["source_files"] == {"notebooks/a.ipynb": "notebooks/a.py"}


def test_folder_without_a_project_is_named(tmp_path):
    with pytest.raises(InputError, match=r"pyproject.toml: no project is described here"):
        read_project(tmp_path)


def test_citation_file_states_what_pyproject_states():
    cited = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    stated = read_project()
    assert [author["name"] for author in cited["authors"]] == [*stated.authors]
    assert cited.get("repository-code", "") == stated.repository
    named = [cited[name] for name in ("title", "version", "license", "date-released")]
    assert named == [stated.title, stated.version, stated.licence, stated.date]
    assert cited["references"][0]["doi"] == "10.1148/ryai.210315"
