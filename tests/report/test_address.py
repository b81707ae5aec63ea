"""Where the book is, who made it: one place, and nothing where nothing is known."""

import importlib.util
import subprocess
from pathlib import Path

import pytest
import yaml

from rin.errors import InputError
from rin.files import REPOSITORY
from rin.report.address import find_repository, page_settings, read_project, web_address

PROJECT = """[project]
description = "A book: of pages"
version = "1.2.0"
license = "MIT"
authors = [{ name = "Ann" }, { name = "Bo" }]
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Makes a repository of git whose files state a project."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)

    def make(remote="", urls="", changelog=""):
        (tmp_path / "pyproject.toml").write_text(PROJECT + urls)
        (tmp_path / "LICENSE").write_text("MIT License\n\nCopyright (c) 2026 Ann, Bo\n")
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        if remote:
            subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/ann/book.git", "https://github.com/ann/book"),
        ("https://ann:secret@github.com/ann/book", "https://github.com/ann/book"),
        ("git@github.com:ann/book.git", "https://github.com/ann/book"),
        ("github.com:ann/book", "https://github.com/ann/book"),
        ("ssh://git@gitlab.com:22/ann/group/book.git", "https://gitlab.com/ann/group/book"),
        ("/srv/git/book.git", ""),
        ("../book", ""),
        ("file:///srv/git/book.git", ""),
        ("C:/git/book", ""),
        ("", ""),
    ],
)
def test_web_address_is_that_of_the_host_without_account_and_of_a_folder_there_is_none(
    remote, address
):
    assert web_address(remote) == address


def test_repository_is_that_of_github_actions_else_the_stated_one_else_the_remote(checkout):
    root = checkout(
        "git@github.com:ann/remote.git", '[project.urls]\nRepository = "https://a.org/b"'
    )
    actions = {"GITHUB_REPOSITORY": "ann/actions", "GITHUB_SERVER_URL": "https://github.com"}
    assert find_repository(root, actions) == "https://github.com/ann/actions"
    assert find_repository(root, {}) == "https://a.org/b"
    (root / "pyproject.toml").write_text(PROJECT)
    assert find_repository(root, {}) == "https://github.com/ann/remote"


def test_without_an_address_nothing_is_invented(checkout):
    project = read_project(checkout())
    assert project.repository == project.date == ""
    assert page_settings(project.repository, {}) == {}
    for text in (project.bibtex(), project.citation()):
        assert "http" not in text
        assert "repository" not in text
        assert "date" not in text


def test_citation_and_bibtex_state_what_is_known(checkout):
    heading = "## [1.2.0] - 2027-03-04\n"
    project = read_project(checkout("https://github.com/ann/book", changelog=heading))
    assert project.bibtex() == (
        "@software{radimagenet_reexamined,\n  title = {{A book}},\n  author = {{Ann} and {Bo}},\n"
        "  year = {2027},\n  version = {1.2.0},\n  url = {https://github.com/ann/book},\n}"
    )
    stated = yaml.safe_load(project.citation())
    assert stated == {
        "title": "A book",
        "version": "1.2.0",
        "date-released": "2027-03-04",
        "license": "MIT",
        "repository-code": "https://github.com/ann/book",
        "authors": [{"name": "Ann"}, {"name": "Bo"}],
    }


@pytest.mark.parametrize(
    ("repository", "edit", "launched"),
    [
        ("https://github.com/ann/book", "https://github.com/ann/book/edit/main/", True),
        ("https://gitlab.com/g/ann/book", "https://gitlab.com/g/ann/book/-/edit/main/", False),
    ],
)
def test_pages_have_buttons_of_their_repository_and_lead_to_the_source(repository, edit, launched):
    sources = {"notebooks/results/breast.ipynb": "notebooks/results/task.py"}
    made = page_settings(repository, sources)
    options, context = made["html_theme_options"], made["html_context"]
    assert options["repository_url"] == repository
    assert options["use_issues_button"]
    assert options["use_edit_page_button"]
    assert context["edit_page_url_template"].startswith(edit + "{{")
    assert context["source_files"] == sources
    links = [link["url"] for link in options.get("icon_links", [])]
    assert links == (["https://codespaces.new/ann/book"] if launched else [])


def test_a_host_whose_pages_are_not_known_gives_no_buttons():
    assert page_settings("https://git.example.org/ann/book", {}) == {}


def test_folder_without_a_project_is_named(tmp_path):
    with pytest.raises(InputError, match=r"pyproject.toml: no project is described here"):
        read_project(tmp_path)


def test_citation_file_states_what_pyproject_states():
    script = REPOSITORY / ".ci" / "citation.py"
    spec = importlib.util.spec_from_file_location("citation", script)
    citation = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(citation)
    text = Path(REPOSITORY, "CITATION.cff").read_text(encoding="utf-8")
    assert citation.renewed(text) == text
    assert yaml.safe_load(text)["references"][0]["doi"] == "10.1148/ryai.210315"
