"""Authors, licence and address of this book, from `CITATION.cff` alone.

The address is its `repository-code`: buttons, edit, issue and launch links of the pages and the
entry that cites the book come from it.  Without it pages have none of them.
"""

from collections.abc import Mapping
from typing import Any

from rin.files import REPOSITORY, read_yaml
from rin.study.model_card import author_names

_GITHUB = "https://github.com/"


def read_citation() -> dict[str, Any]:
    """Return what the citation file of the checkout states of this project."""
    return read_yaml(REPOSITORY / "CITATION.cff")


def bibtex(cited: Mapping[str, Any]) -> str:
    """Return the project as a BibTeX entry."""
    fields = {
        "title": f"{{{cited['title']}}}",  # in braces, so that capitals stay
        "author": " and ".join(f"{{{name}}}" for name in author_names(cited)),
        "year": cited["date-released"][:4],
        "version": cited["version"],
        "url": cited.get("repository-code"),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join(["@software{radimagenet_reexamined,", *lines, "}"])


def add_address(settings: dict, cited: Mapping[str, Any], sources: Mapping[str, str]) -> dict:
    """Return settings of Jupyter Book with the title, authors and address of a project filled in.

    Text may use the substitutions `byline` (authors, date, version, licence) and `cite_this_book`
    (the BibTeX entry).  `sources` names the file to edit for each page of the book (with its file
    ending).
    """
    authors = ", ".join(author_names(cited))
    made = settings | {"title": cited["title"], "author": authors}
    dated = f"{cited['date-released']} · version {cited['version']} · {cited['license']} licence"
    made.setdefault("parse", {})["myst_substitutions"] = {
        "byline": f"{authors} · {dated}",
        "cite_this_book": f"```bibtex\n{bibtex(cited)}\n```",
    }
    address = cited.get("repository-code")
    if not address:
        return made
    config = made.setdefault("sphinx", {}).setdefault("config", {})
    options = config.setdefault("html_theme_options", {})
    options |= {
        "repository_url": address,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
    }
    if address.startswith(_GITHUB):  # which starts the container of .devcontainer
        url = f"https://codespaces.new/{address.removeprefix(_GITHUB)}"
        launch = {"name": "Open in Codespaces", "icon": "fa-solid fa-rocket", "url": url}
        options["icon_links"] = [launch]
    edit = f"{address}/edit/main/{{{{ source_files.get(file_name, 'book/' + file_name) }}}}"
    context = config.setdefault("html_context", {})
    context |= {
        "source_files": dict(sources),
        "edit_page_provider_name": "the repository",
        "edit_page_url_template": edit,
    }
    return made
