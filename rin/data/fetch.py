"""Fetching datasets that may be had without an account: whole, checked, and resumed when cut off.

Pooch checks the hash and gives a file its name when it is whole; what a broken connection left
stays beside it and is continued.  What cannot be fetched says where it is to be had.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pooch
import requests
from tqdm import tqdm

from rin.data.manifest import DatasetManifest
from rin.errors import InputError
from rin.files import MAKE_ROOM

BLOCK = 2**18
SECONDS = 30


def fetch_dataset(manifest: DatasetManifest, data_root: Path) -> list[Path]:
    """Return the files of a dataset below the data root, fetched where they are not there."""
    if not manifest.fetch:
        problem = f"{manifest.name} cannot be fetched by a program"
        place = Path(data_root) / manifest.locations[0].partition("::")[0]
        click = manifest.by_hand or "download it there"
        remedy = f"Access is {manifest.access}: open {manifest.home}, {click}, and put it at "
        remedy += f"{place}."
        raise InputError(problem, where=manifest.title, remedy=remedy)
    Path(data_root).mkdir(parents=True, exist_ok=True)
    fetched = []
    for file in manifest.fetch:
        place = Path(data_root) / file.name
        partial = place.with_name(f"{file.name}.partial")
        try:
            got = pooch.retrieve(
                file.url, file.hash, fname=file.name, path=data_root, downloader=_into(partial)
            )
        except requests.RequestException as error:
            remedy = "Check the connection and call the same again: it goes on where it stopped."
            problem = f"it could not be fetched ({type(error).__name__})"
            raise InputError(problem, where=file.url, remedy=remedy) from error
        except ValueError as error:  # what pooch raises of a hash
            partial.unlink(missing_ok=True)
            problem = f"what came has another hash than {file.hash}"
            remedy = "Fetch it again; if that repeats, the file at its home has changed."
            raise InputError(problem, where=file.url, remedy=remedy) from error
        except OSError as error:
            problem = f"it cannot be written ({error.strerror or error})"
            raise InputError(problem, where=place, remedy=MAKE_ROOM) from error
        partial.unlink(missing_ok=True)
        fetched.append(Path(got))
    return fetched


def _into(partial: Path) -> Callable[[str, str, object], None]:
    """Return a downloader of pooch's that goes on from what a partial file holds."""

    def download(url: str, output: str, _pooch: object) -> None:
        there = partial.stat().st_size if partial.is_file() else 0
        headers = {"Range": f"bytes={there}-"} if there else {}
        with requests.get(url, headers=headers, stream=True, timeout=SECONDS) as answer:
            whole = answer.status_code == requests.codes.requested_range_not_satisfiable
            if not whole:
                answer.raise_for_status()
                goes_on = answer.status_code == requests.codes.partial_content
                left = int(answer.headers.get("Content-Length") or 0)
                if left > shutil.disk_usage(partial.parent).free:
                    raise OSError(28, f"{left:,} bytes do not fit")
                kept = there if goes_on else 0
                total = left + kept
                shown = {"total": total, "initial": kept, "unit": "B"}
                with (
                    partial.open("ab" if goes_on else "wb") as file,
                    tqdm(**shown, unit_scale=True, desc=partial.stem, disable=None) as bar,
                ):
                    for block in answer.iter_content(BLOCK):
                        file.write(block)
                        bar.update(len(block))
                if total and partial.stat().st_size < total:
                    raise requests.ConnectionError("the connection was cut off")
        shutil.copyfile(partial, output)

    return download
