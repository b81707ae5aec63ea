"""Some pictures of a folder, an archive or a dataset, as squares of one size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rin.data.datasets import locate
from rin.data.layouts import find_cases
from rin.data.layouts.found import PICTURES
from rin.data.manifest import load_manifest, manifest_names
from rin.data.pictures import read_picture, resize_picture
from rin.data.standins import write_stand_in
from rin.data.tree import SEPARATOR, Tree, is_archive, open_tree
from rin.data.volumes import is_slice
from rin.errors import InputError

#: The stand-in that is made where no pictures are named, and its size.
STAND_IN, STAND_IN_COUNTS = "corpus_radiologic", {"class_count": 16, "per_class": 8}


@dataclass(frozen=True)
class SamplePictures:
    """Pictures and where they are from.

    Attributes
    ----------
    pixels
        uint8 (n, size, size, 3), RGB; gray pictures have three equal channels.
    description
        In words, with their number.
    provenance
        `real`, `stand-in`, or empty for files that somebody named.
    """

    pixels: np.ndarray
    description: str
    provenance: str

    @property
    def color(self) -> bool:
        """Whether any picture has colours."""
        return bool((self.pixels != self.pixels[..., :1]).any())


def sample_pictures(
    where: str, data_root: Path | None, *, n: int, size: int, seed: int = 0
) -> SamplePictures:
    """Read some pictures, drawn at random with a seed.

    Parameters
    ----------
    where
        A folder, a zip archive, a folder inside one (`archive.zip::folder`), or the name of a
        dataset below `data_root`.  Empty for the stand-in radiologic corpus, made anew.
    n, size
        How many at most, and their side in pixels; sides are scaled apart, as in the paper.

    Raises
    ------
    InputError
        Nothing of that name, no pictures there, or one that cannot be read.
    """
    if not where:
        with TemporaryDirectory() as folder:
            root = write_stand_in(load_manifest(STAND_IN), Path(folder), STAND_IN_COUNTS, seed)
            return _of_dataset(STAND_IN, root, "stand-in", n=n, size=size, seed=seed)
    place = where.partition(SEPARATOR)[0]
    if not Path(place).exists() and where in manifest_names():
        return _of_dataset(where, data_root, "real", n=n, size=size, seed=seed)
    tree = _named_tree(where, place)
    inner = where.partition(SEPARATOR)[2].strip("/")
    within = [name for name in tree.names if not inner or name.startswith(f"{inner}/")]
    names = [tree.locator(name) for name in within if _is_picture(name)]
    return _read(tree.root, names, where, "", None, n=n, size=size, seed=seed)


def _named_tree(where: str, place: str) -> Tree:
    path = Path(place)
    if not path.is_dir() and not (path.is_file() and is_archive(path)):
        raise InputError(
            "no folder, zip archive or dataset of this name",
            where=where,
            remedy=f"Name a folder or a zip, or one of: {', '.join(manifest_names())}.",
        )
    return open_tree(path.resolve().parent, path.resolve().name)


def _is_picture(name: str) -> bool:
    return name.lower().endswith((*PICTURES, ".dcm"))


def _of_dataset(
    name: str, data_root: Path | None, provenance: str, *, n: int, size: int, seed: int
) -> SamplePictures:
    manifest = load_manifest(name)
    location = None if data_root is None else locate(manifest, data_root)
    if location is None:
        raise InputError(
            f"{manifest.title} is not there (looked for {', '.join(manifest.locations)})",
            where=data_root or "--data-root",
            remedy="Give --data-root, or the path of a folder or zip of pictures.",
        )
    cases = find_cases(open_tree(data_root, location), manifest)
    names = [case.image for case in cases]
    title = f"{manifest.title} ({provenance})"
    window = manifest.window
    return _read(data_root, names, title, provenance, window, n=n, size=size, seed=seed)


def _read(
    root: Path,
    names: list[str],
    title: str,
    provenance: str,
    window: tuple[float, float] | None,
    *,
    n: int,
    size: int,
    seed: int,
) -> SamplePictures:
    if not names:
        raise InputError(
            "no pictures there", where=title, remedy=f"Known endings: {', '.join(PICTURES)}, .dcm."
        )
    drawn = sorted(np.random.default_rng(seed).permutation(len(names))[:n])
    pixels = np.stack([_square(root, names[i], window, size) for i in drawn])
    description = f"{len(drawn)} of {len(names):,} pictures of {title}, at {size} px"
    return SamplePictures(pixels, description, provenance)


def _square(root: Path, locator: str, window: tuple[float, float] | None, size: int) -> np.ndarray:
    gray = locator.lower().endswith(".dcm") or is_slice(locator)
    picture = resize_picture(read_picture(root, locator, not gray, window), size, "stretch")
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
