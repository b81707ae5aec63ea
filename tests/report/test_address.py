"""Where the book is, who made it: one place, and nothing where nothing is known."""

import tomllib

from rin.files import REPOSITORY
from rin.report.address import add_address, bibtex, read_citation

CITED = {
    "title": "A book",
    "version": "1.2.0",
    "date-released": "2027-03-04",
    "license": "MIT",
    "authors": [{"name": "Ann"}, {"given-names": "Bo", "family-names": "Day"}],
}


def test_without_an_address_nothing_is_invented():
    made = add_address({}, CITED, {})
    assert made.keys() == {"title", "author", "parse"}
    byline = made["parse"]["myst_substitutions"]["byline"]
    assert byline == "Ann, Bo Day · 2027-03-04 · version 1.2.0 · MIT licence"
    assert "http" not in bibtex(CITED)


def test_one_stated_address_gives_citation_buttons_edit_and_launch_links():
    address = "https://github.com/ann/book"
    cited = CITED | {"repository-code": address}
    assert bibtex(cited) == (
        "@software{radimagenet_reexamined,\n  title = {{A book}},\n"
        "  author = {{Ann} and {Bo Day}},\n"
        "  year = {2027},\n  version = {1.2.0},\n  url = {https://github.com/ann/book},\n}"
    )
    made = add_address({}, cited, {"notebooks/a.ipynb": "notebooks/a.py"})["sphinx"]["config"]
    options, context = made["html_theme_options"], made["html_context"]
    assert options["repository_url"] == address
    assert options["use_issues_button"]
    assert [link["url"] for link in options["icon_links"]] == ["https://codespaces.new/ann/book"]
    edit = "https://github.com/ann/book/edit/main/{{ source_files.get("
    assert context["edit_page_url_template"].startswith(edit)
    assert context["source_files"] == {"notebooks/a.ipynb": "notebooks/a.py"}


def test_citation_file_states_what_pyproject_and_changelog_state():
    cited, project = read_citation(), tomllib.loads(read("pyproject.toml"))["project"]
    assert cited["authors"] == project["authors"]
    assert cited.get("repository-code", "") == project.get("urls", {}).get("Repository", "")
    named = [cited[name] for name in ("title", "version", "license")]
    title = project["description"].partition(":")[0]
    assert named == [title, project["version"], project["license"]]
    assert f"## [{cited['version']}] - {cited['date-released']}\n" in read("CHANGELOG.md")
    assert cited["references"][0]["doi"] == "10.1148/ryai.210315"


def read(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")
