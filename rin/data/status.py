"""Which datasets are there: every manifest held against a data root.

Folders and archives are found and listed; no picture is opened here.
:mod:`rin.data.verification` looks inside.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rin.data.datasets import locate
from rin.data.manifest import DatasetManifest, load_manifest, manifest_names
from rin.data.tree import open_tree
from rin.errors import InputError, unknown

State = Literal["here", "not there", "broken"]
_HOW_TO_GET = {
    "open": "Download it from {home}",
    "registration": "Register and download it at {home}",
    "on request": "Ask for it at {home}",
}


@dataclass(frozen=True)
class DatasetStatus:
    """One dataset: what it is for, whether it is there, and what its reader can do.

    ``location`` is relative to the data root, empty where nothing was found.  ``problem``
    tells why a broken dataset cannot be listed.  ``instead`` names what is read as long as
    the dataset is not there: substitutes that are, else ``stand-in``.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    substitute_for: tuple[str, ...]
    state: State
    location: str
    problem: str
    instead: tuple[str, ...]
    access: str
    licence: str
    home: str
    locations: tuple[str, ...]
    to_do: str

    @property
    def purpose(self) -> str:
        """The tasks that it feeds or stands in for; a dataset of no task is for pretraining."""
        if self.tasks:
            return ", ".join(self.tasks)
        if self.substitute_for:
            return f"substitute for {', '.join(self.substitute_for)}"
        return "pretraining"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and the purpose, ready for JSON."""
        return asdict(self) | {"purpose": self.purpose}


@dataclass(frozen=True)
class _Place:
    state: State
    location: str = ""
    problem: str = ""


def dataset_status(data_root: Path | None, folder: Path | None = None) -> list[DatasetStatus]:
    """Hold every dataset manifest against a data root.

    Parameters
    ----------
    data_root
        Folder of the real datasets; None means that none is there.
    folder
        Folder of manifests; the study's own where it is not given.

    Returns
    -------
    list of DatasetStatus
        Datasets of tasks first, then substitutes, then pretraining corpora; by name within.

    Raises
    ------
    InputError
        The data root does not exist, a manifest does not validate, or a task names a
        substitute that has no manifest.
    """
    manifests = {name: load_manifest(name, folder) for name in manifest_names(folder)}
    for manifest in manifests.values():
        for name in _substitutes(manifest):
            if name not in manifests:
                raise unknown(f"substitute for {manifest.name}", name, list(manifests))
    check_data_root(data_root)
    places = {name: _find(manifest, data_root) for name, manifest in manifests.items()}
    listed = [_status(manifest, manifests, places) for manifest in manifests.values()]
    return sorted(listed, key=lambda one: (not one.tasks, not one.substitute_for, one.name))


def check_data_root(data_root: Path | None) -> None:
    """Raise InputError where a data root is given and is no folder."""
    if data_root is not None and not Path(data_root).is_dir():
        raise InputError(
            "there is no such data root",
            where=data_root,
            remedy="Name the folder that holds the datasets, or leave it out.",
        )


def _find(manifest: DatasetManifest, data_root: Path | None) -> _Place:
    if data_root is None:
        return _Place("not there")
    location = ""
    try:
        location = locate(manifest, data_root) or ""
        if not location:
            return _Place("not there")
        _check_listing(data_root, location)
    except (InputError, OSError) as error:
        return _Place("broken", location, str(error))
    return _Place("here", location)


def _check_listing(data_root: Path, location: str) -> None:
    path = Path(data_root) / location
    # The first name is enough for a folder: some hold hundreds of thousands of files.
    if next(path.iterdir(), None) if path.is_dir() else open_tree(data_root, location).names:
        return
    raise InputError(
        "it holds no file",
        where=path,
        remedy="Fetch the dataset again, or remove the empty place.",
    )


def _status(
    manifest: DatasetManifest, manifests: dict[str, DatasetManifest], places: dict[str, _Place]
) -> DatasetStatus:
    place = places[manifest.name]
    here = tuple(name for name in _substitutes(manifest) if places[name].state == "here")
    stand_in = ("stand-in",) if manifest.stand_in else ()
    return DatasetStatus(
        name=manifest.name,
        title=manifest.title,
        tasks=tuple(task.name for task in manifest.tasks),
        substitute_for=tuple(
            task.name
            for other in manifests.values()
            for task in other.tasks
            if manifest.name in task.substitutes
        ),
        state=place.state,
        location=place.location,
        problem=place.problem,
        instead=(here or stand_in) if place.state == "not there" else (),
        access=manifest.access,
        licence=manifest.licence,
        home=manifest.home,
        locations=manifest.locations,
        to_do=_to_do(manifest, place, here),
    )


def _to_do(manifest: DatasetManifest, place: _Place, here: tuple[str, ...]) -> str:
    if place.state == "here":
        return "Nothing."
    if place.state == "broken":
        return f"Mend what is there: {place.problem}"
    public = manifest.access != "not public"
    get = "It is not public"
    if public:
        how = _HOW_TO_GET[manifest.access].format(home=manifest.home)
        get = f"{how}, and put it at {manifest.locations[0]}"
    if here:
        return f"{get}; its substitute {' and '.join(here)} is there."
    if others := _substitutes(manifest):
        return f"{get}; {'or ' * public}get its substitute {' or '.join(others)}."
    return f"{get}."


def _substitutes(manifest: DatasetManifest) -> tuple[str, ...]:
    """Return the names of all substitutes of a dataset's tasks, each once, in order."""
    return tuple(dict.fromkeys(name for task in manifest.tasks for name in task.substitutes))
