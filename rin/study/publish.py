"""Publish a run for others to cite, and open what somebody else published.

A published run is a folder of results (`rin.study.results`), its tables byte for byte and author
and licence among its facts, with what an archive such as Zenodo asks for: README, citation file,
Croissant description and RO-Crate, filled in from `publish.yaml`.  A zip archive stands beside.
"""

import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import yaml

from rin.data.croissant import file_object
from rin.data.fetch import fetch_file
from rin.data.tree import open_tree
from rin.errors import InputError, as_input_error, join_with_and, look_up
from rin.files import MAKE_ROOM, kept_folder, read_facts, replace_folder, write_atomically
from rin.study.croissant import describe_results
from rin.study.ledger import now
from rin.study.model_card import fill_template
from rin.study.results import RUN, RunFacts, open_results, write_facts

CRATE = "ro-crate-metadata.json"
_ADDRESS = re.compile(r"https://[^?#]+/(\w[^/?#]*\.zip)([?#].*)?")
_ORCID = re.compile(r"(https://orcid\.org/([0-9]{4}-){3}[0-9]{3}[0-9X])?")
_TEXTS = read_facts(__file__)


def publish_results(
    folder: Path,
    target: Path,
    author: str,
    *,
    orcid: str = "",
    licence: str = "CC-BY-4.0",
    replace: bool = False,
) -> Path:
    """Write a folder of results as one that others can cite, and a zip archive of it.

    Parameters
    ----------
    folder : Path
        folder of results, such as `results/demo/tables`
    target : Path
        folder to write; the archive is beside it
    author : str
        name of who publishes it
    orcid : str, optional
        the author's ORCID as an address
    licence : str, default "CC-BY-4.0"
        SPDX identifier, for the tables
    replace : bool, optional
        whether to replace an earlier publication

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    InputError
        For results that are damaged, an author without name, a wrong ORCID, an unknown licence,
        or a target that exists; nothing is written then.

    Examples
    --------
    >>> from rin.study.publish import publish_results
    >>> publish_results("results/demo/tables", "demo", "Jane Doe")  # doctest: +SKIP
    """
    source = kept_folder(Path(folder))
    archive = Path(f"{target}.zip")
    results = open_results(source, remedy=_TEXTS["folder"])
    facts = results.facts.model_copy(update={"author": author, "licence": licence})
    check_author(author, orcid, licence)
    earlier = kept_folder(target)
    taken = [path for path in (earlier, archive) if path.exists()]
    if taken and not (replace and (earlier / CRATE).is_file()):
        raise InputError("it exists already", where=taken[0], remedy=_TEXTS["taken"])
    with (
        as_input_error("it cannot be written", where=target, remedy=MAKE_ROOM),
        replace_folder(target) as draft,
        write_atomically(archive) as packed,
    ):
        for name in facts.files:
            shutil.copyfile(source / name, draft / name)
        write_facts(facts, draft)
        describe_results(draft, results)
        kinds = " and ".join(results.stand_ins())
        stated: dict[str, Any] = {
            "facts": facts,
            "commit": facts.commit,
            "kinds": kinds,
            "author": author,
            "orcid": orcid or None,
            "author_id": orcid or f"#{quote(author)}",
            "licence": licence,
            "day": now()[:10],
            "tasks": "\n".join(_TEXTS["task"].format(task=task) for task in facts.tasks),
            "weights": "\n".join(_TEXTS["weights"].format(start=start) for start in facts.weights),
        }
        title = _TEXTS["title of stand-ins" if kinds else "title"]
        stated["title"] = title.format(**stated)
        (draft / "README.md").write_text(_TEXTS["readme"].format(**stated), encoding="utf-8")
        citation = fill_template(_TEXTS["citation"], stated)
        text = yaml.safe_dump(citation, sort_keys=False, allow_unicode=True)
        (draft / "CITATION.cff").write_text(text, encoding="utf-8")
        files = [file_object(path) | {"@type": "File"} for path in sorted(draft.iterdir())]
        stated["parts"] = [{"@id": file["@id"]} for file in files]
        crate = fill_template(_TEXTS["crate"], stated)
        crate["@graph"] += files
        (draft / CRATE).write_text(json.dumps(crate, indent=1), encoding="utf-8")
        shutil.make_archive(str(packed.with_suffix("")), "zip", draft)
    return archive


def check_author(author: str, orcid: str, licence: str) -> None:
    """Raise InputError for an author without name, a wrong ORCID, or an unknown licence."""
    look_up("licence", licence, _TEXTS["licences"])
    if not author.strip() or not _ORCID.fullmatch(orcid):
        raise InputError(
            f"no name, or no ORCID: {author!r}, {orcid!r}", where="author", remedy=_TEXTS["author"]
        )


def names_shown(facts: RunFacts) -> str:
    """Return a remark on names of images and patients that are not open; empty if there are none.

    They stay as the files of the dataset have them, and may be names of persons.
    """
    closed = {
        data.name
        for task in facts.tasks
        for data in (task.dataset, *task.external)
        if data.provenance == "real" and data.access != "open"
    }
    return _TEXTS["names"].format(datasets=join_with_and(sorted(closed))) if closed else ""


def open_published(place: str, results: Path, *, replace: bool = False) -> Path:
    """Check what somebody published, and put it into a folder below one's own results.

    Parameters
    ----------
    place : str
        folder, zip archive, or https address of one
    results : Path
        folder of one's results, which gets `opened/NAME`
    replace : bool, optional
        whether to replace what was opened before under the same name

    Returns
    -------
    Path
        The folder, for `rin.study.open_results` and the page *Your run*.

    Raises
    ------
    InputError
        For a place without a published run, a file that is missing or not as it was published,
        an unsafe archive, or a name that is taken.

    Examples
    --------
    >>> from rin.study.publish import open_published
    >>> open_published("open.zip", "results")  # doctest: +SKIP
    """
    with TemporaryDirectory() as scratch:
        path = Path(place).resolve()
        address = _ADDRESS.fullmatch(place)
        if address:
            path = fetch_file(place, address[1], Path(scratch))
        elif "://" in place:
            raise InputError(
                "it is no https address of a zip archive", where=place, remedy=_TEXTS["address"]
            )
        name = path.name.removesuffix(".zip")
        if name in ("", ".", ".."):  # its folder would be the one of all that were opened
            raise InputError("its file has no name", where=place, remedy="Rename it.")
        target = Path(results, "opened", name)
        if kept_folder(target).exists() and not replace:
            raise InputError("it exists already", where=target, remedy=_TEXTS["taken"])
        tree = open_tree(path.parent, path.name)
        top = tree.find_only(RUN, _TEXTS["published"]).removesuffix(RUN)
        with replace_folder(target) as draft:
            for name in _TEXTS["files"]:
                if top + name in tree.names:
                    (draft / name).write_bytes(tree.read(top + name))
            try:
                open_results(draft, remedy=_TEXTS["published"])
            except InputError as error:  # the draft is gone when this is read
                file = Path(error.where).name
                raise InputError(
                    error.problem, where=f"{place}: {file}", remedy=error.remedy
                ) from error
    return target
