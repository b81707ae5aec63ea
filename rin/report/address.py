"""Authors, licence and address of this book, from `pyproject.toml` alone.

The address is `Repository` of `[project.urls]`: buttons, edit, issue and launch links of the pages
and the citation come from it.  Without it pages have none of them.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rin.errors import as_input_error
from rin.files import REPOSITORY


@dataclass(frozen=True)
class Project:
    """The citation of this project; `date` and `repository` are empty strings where unknown."""

    title: str
    authors: tuple[str, ...]
    version: str
    licence: str
    date: str
    repository: str

    def bibtex(self) -> str:
        """Return the project as a BibTeX entry."""
        fields = {
            "title": f"{{{self.title}}}",  # in braces, so that capitals stay
            "author": " and ".join(f"{{{author}}}" for author in self.authors),
            "year": self.date[:4],
            "version": self.version,
            "url": self.repository,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join(["@software{radimagenet_reexamined,", *lines, "}"])

    def byline(self) -> str:
        """Return authors, date, version, licence and, where known, the address, as Markdown."""
        parts = [*self.authors, self.date, f"version {self.version}", f"{self.licence} licence"]
        if self.repository:
            parts.append(f"[repository]({self.repository})")
        return " · ".join(filter(None, parts))


def read_project(root: Path = REPOSITORY) -> Project:
    """Return the project that a checkout describes; the changelog dates its version."""
    file, changelog = root / "pyproject.toml", root / "CHANGELOG.md"
    kinds, remedy = (OSError, ValueError, KeyError), "Run from a checkout of the book."
    with as_input_error("no project is described here", where=file, remedy=remedy, kinds=kinds):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        heading = rf"(?m)^## \[{re.escape(project['version'])}\] - (\d{{4}}-\d\d-\d\d)$"
        released = re.search(heading, changelog.read_text(encoding="utf-8"))
    return Project(
        title=project["description"].partition(":")[0],
        authors=tuple(author["name"] for author in project["authors"]),
        version=project["version"],
        licence=project["license"],
        date=released[1] if released else "",
        repository=project.get("urls", {}).get("Repository", ""),
    )


def page_settings(repository: str, sources: Mapping[str, str]) -> dict[str, dict]:
    """Return Sphinx settings that give pages repository buttons; empty without an address.

    `sources` names the file to edit for each page of the book (with its file ending).
    """
    if not repository:
        return {}
    options: dict = {
        "repository_url": repository,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
    }
    address = urlsplit(repository)
    if address.hostname == "github.com":  # which starts the container of .devcontainer
        launch = {"name": "Open in Codespaces", "icon": "fa-solid fa-rocket"}
        options["icon_links"] = [launch | {"url": f"https://codespaces.new{address.path}"}]
    edit = f"{repository}/edit/main/{{{{ source_files.get(file_name, 'book/' + file_name) }}}}"
    context = {
        "source_files": dict(sources),
        "edit_page_provider_name": "the repository",
        "edit_page_url_template": edit,
    }
    return {"html_theme_options": options, "html_context": context}


def with_address(settings: dict, project: Project, sources: Mapping[str, str]) -> dict:
    """Return settings of Jupyter Book with the title, authors and address of a project.

    Prose may use the substitution `cite_this_book`, the BibTeX entry; `sources` is as for
    `page_settings`.
    """
    cite = {"cite_this_book": f"```bibtex\n{project.bibtex()}\n```"}
    parse = settings.get("parse", {}) | {"myst_substitutions": cite}
    sphinx = settings.get("sphinx", {})
    config = dict(sphinx.get("config", {}))
    for name, of_pages in page_settings(project.repository, sources).items():
        config[name] = config.get(name, {}) | of_pages
    stated = {"title": project.title, "author": ", ".join(project.authors)}
    return settings | stated | {"parse": parse, "sphinx": sphinx | {"config": config}}
