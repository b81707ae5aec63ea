"""Download datasets that need no account; check the files, and resume interrupted downloads.

Pooch checks the hash, and a file gets its name only when it is whole; a partial file of a broken
connection stays and is continued.  The error for any other dataset says how to get it.
"""

from pathlib import Path

import pooch
import requests
from tqdm import tqdm

from rin.data.manifest import DatasetManifest, Download
from rin.data.status import how_to_get
from rin.errors import InputError, as_input_error

BLOCK = 2**18
SECONDS = 30


def fetch_dataset(manifest: DatasetManifest, data_root: Path) -> list[Path]:
    """Return the files of a dataset below the data root; fetch those that are missing."""
    root = Path(data_root)
    if not manifest.fetch:
        problem = f"{manifest.name} cannot be downloaded automatically"
        raise InputError(problem, where=manifest.title, remedy=how_to_get(manifest, root))
    root.mkdir(parents=True, exist_ok=True)
    return [_fetch(file, root) for file in manifest.fetch]


def _fetch(file: Download, root: Path) -> Path:
    def download(url: str, output: str, _pooch: object) -> None:
        partial = root / f"{file.name}.partial"
        _complete(partial, url)
        partial.replace(output)

    problem = f"it could not be fetched into {root}"
    again = "Check the connection and the disk space; the same command continues where it stopped."
    with as_input_error(problem, where=file.url, remedy=again, kinds=OSError):
        try:
            fetched = pooch.retrieve(
                file.url, file.hash, fname=file.name, path=root, downloader=download
            )
        except requests.ConnectionError as error:
            problem = "there is no connection to it, or it was cut off"
            raise InputError(problem, where=file.url, remedy=again) from error
        except ValueError as error:  # pooch raises it for a wrong hash
            problem = f"the downloaded file does not have the hash {file.hash}"
            remedy = "Fetch it again; if this happens again, the file at its source has changed."
            raise InputError(problem, where=file.url, remedy=remedy) from error
    return Path(fetched)


def _complete(partial: Path, url: str) -> None:
    """Download the rest of a partial file and append it."""
    there = partial.stat().st_size if partial.is_file() else 0
    headers = {"Range": f"bytes={there}-"} if there else {}
    with requests.get(url, headers=headers, stream=True, timeout=SECONDS) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # it is whole already
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            there = 0
        total = there + int(answer.headers.get("Content-Length") or 0)
        shown = {"total": total, "initial": there, "unit": "B", "unit_scale": True}
        with (
            partial.open("ab" if there else "wb") as file,
            tqdm(**shown, desc=partial.stem, disable=None) as bar,
        ):
            for block in answer.iter_content(BLOCK):
                file.write(block)
                bar.update(len(block))
        if partial.stat().st_size < total:
            raise requests.ConnectionError("the connection was cut off")
