"""Authors, licence and address of this book: the one place for everything that states them.

Name, authors, version and licence come from `pyproject.toml`, the date from the version's heading
in the changelog.  The address is GITHUB_REPOSITORY where GitHub builds the book, otherwise
`Repository` of `[project.urls]`, otherwise git's remote `origin`.  Without an address, pages have
no repository buttons, and `CITATION.cff` has no `repository-code`.
"""

import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rin.errors import as_input_error
from rin.files import REPOSITORY

_BRANCH = "main"
#: Hosts whose page addresses are known, and the part before `/edit` in these addresses.
_HOSTS = {"github.com": "", "gitlab.com": "/-"}


@dataclass(frozen=True)
class Project:
    """The citation of this project; `date` and `repository` are empty strings where unknown."""

    title: str
    authors: tuple[str, ...]
    version: str
    licence: str
    year: str
    date: str
    repository: str

    def bibtex(self) -> str:
        """Return the project as a BibTeX entry."""
        fields = {
            "title": f"{{{self.title}}}",  # in braces, so that capitals stay
            "author": " and ".join(f"{{{author}}}" for author in self.authors),
            "year": self.year,
            "version": self.version,
            "url": self.repository,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join(["@software{radimagenet_reexamined,", *lines, "}"])

    def citation(self) -> str:
        """Return the first lines of `CITATION.cff`, up to the paper that is re-examined."""
        fields = {
            "version": self.version,
            "date-released": f"'{self.date}'" if self.date else "",
            "license": self.licence,
            "repository-code": self.repository,
        }
        known = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
        authors = "".join(f"  - name: {author}\n" for author in self.authors)
        return f"title: {self.title}\n{known}authors:\n{authors}"


def read_project(root: Path = REPOSITORY) -> Project:
    """Return the project that a checkout describes, with its address."""
    project = _metadata(root)
    version = project["version"]
    changelog, licence = (_text(root / name) for name in ("CHANGELOG.md", "LICENSE"))
    released = re.search(rf"(?m)^## \[{re.escape(version)}\] - (\d{{4}})(-\d\d-\d\d)$", changelog)
    copyright_year = re.search(r"Copyright \(c\) (\d{4})", licence)
    return Project(
        title=project["description"].partition(":")[0],
        authors=tuple(author["name"] for author in project["authors"]),
        version=version,
        licence=project["license"],
        year=released[1] if released else copyright_year[1],
        date="".join(released.groups()) if released else "",
        repository=find_repository(root),
    )


def find_repository(root: Path = REPOSITORY, environment: Mapping[str, str] = os.environ) -> str:
    """Return the web address of a checkout's repository, or an empty string if it has none."""
    if name := environment.get("GITHUB_REPOSITORY"):
        return f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}"
    return stated_repository(root) or web_address(_remote(root))


def stated_repository(root: Path = REPOSITORY) -> str:
    """Return the address that `pyproject.toml` states, or an empty string."""
    return _metadata(root).get("urls", {}).get("Repository", "")


def web_address(remote: str) -> str:
    """Return the web address of a git remote, or an empty string for a folder.

    The address omits any account and password of the remote.
    """
    if short := re.fullmatch(r"(?:[^@/\s]+@)?([\w-]+(?:\.[\w-]+)+):(?!/)(\S+)", remote):
        remote = f"ssh://{short[1]}/{short[2]}"
    parts = urlsplit(remote)
    if parts.scheme not in ("https", "http", "ssh", "git") or not parts.hostname:
        return ""
    return f"https://{parts.hostname}/{parts.path.strip('/').removesuffix('.git')}"


def page_settings(repository: str, sources: Mapping[str, str]) -> dict[str, dict]:
    """Return Sphinx settings that give pages repository buttons; empty for an unknown host.

    `sources` names the file to edit for each page of the book (with its file ending).
    """
    parts = urlsplit(repository)
    between = _HOSTS.get(parts.hostname)
    if between is None:
        return {}
    options = {
        "repository_url": repository,
        "repository_branch": _BRANCH,
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
    }
    if parts.hostname == "github.com":  # which starts the container of .devcontainer
        launch = {"name": "Open in Codespaces", "icon": "fa-solid fa-rocket"}
        launch["url"] = f"https://codespaces.new{parts.path}"
        options["icon_links"] = [launch]
    edit = f"{repository}{between}/edit/{_BRANCH}/"
    context = {
        "source_files": dict(sources),
        "edit_page_provider_name": "GitHub" if parts.hostname == "github.com" else "GitLab",
        "edit_page_url_template": edit + "{{ source_files.get(file_name, 'book/' + file_name) }}",
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


def _metadata(root: Path) -> dict:
    file = root / "pyproject.toml"
    kinds, remedy = (OSError, ValueError, KeyError), "Run from a checkout of the book."
    with as_input_error("no project is described here", where=file, remedy=remedy, kinds=kinds):
        return tomllib.loads(file.read_text(encoding="utf-8"))["project"]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _remote(root: Path) -> str:
    """Return the remote `origin` of a checkout, or an empty string without git or remote."""
    command = ["git", "-C", str(root), "config", "--get", "remote.origin.url"]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return made.stdout.strip()
