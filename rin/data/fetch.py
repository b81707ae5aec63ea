"""Download datasets that need no account, and check the files.

Pooch checks the hash, and a file gets its name only when it is whole.  The error for any other
dataset says how to get it.
"""

import sys
from pathlib import Path

import pooch
import requests

from rin.data.manifest import DatasetManifest
from rin.data.status import how_to_get
from rin.errors import InputError, as_input_error

SECONDS = 30


def fetch_dataset(manifest: DatasetManifest, data_root: Path) -> list[Path]:
    """Return the files of a dataset below the data root; fetch those that are missing."""
    if not manifest.fetch:
        raise InputError(
            f"{manifest.name} cannot be downloaded automatically",
            where=manifest.title,
            remedy=how_to_get(manifest, data_root),
        )
    return [fetch_file(file.url, file.name, data_root, file.hash) for file in manifest.fetch]


def fetch_file(url: str, name: str, root: Path, known_hash: str | None = None) -> Path:
    """Return a file below a folder; fetch it if it is missing, and check its hash if one is known.

    The file gets its name only when it is whole.
    """
    download = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=SECONDS)
    again = "Check the connection and the disk space, and give the same command again."
    with as_input_error(
        f"it could not be fetched into {root}",
        where=url,
        remedy=again,
        kinds=(OSError, ValueError),  # the latter of pooch, for a wrong hash
    ):
        try:
            fetched = pooch.retrieve(url, known_hash, name, root, downloader=download)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise InputError(
                "there is no connection to it, or it was cut off", where=url, remedy=again
            ) from error
    return Path(fetched)
