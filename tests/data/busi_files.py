"""Small pictures, masks, archives and cohorts, for the tests of this folder."""

import zipfile

import numpy as np
import pandas as pd
from PIL import Image

from rin.data.dataset import open_dataset
from rin.data.layouts import find_cases
from rin.data.layouts.table import RADIMAGENET_TABLES
from rin.data.tree import open_tree

TOP = "Dataset_BUSI_with_GT"


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path)


def picture(value, shape=(4, 6)):
    """A ramp that starts at ``value``, so that no two pictures are equal."""
    return (2 * np.arange(shape[0] * shape[1], dtype=np.uint8) + value).reshape(shape)


def mask(*pixels, shape=(4, 6)):
    drawn = np.zeros(shape, dtype=bool)
    for row, column in pixels:
        drawn[row, column] = True
    return drawn


def zip_folder(folder, archive, wrap=""):
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, wrap + path.relative_to(folder).as_posix())


def write_lines(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]))


def write_radimagenet(folder, rows, patients=False):
    """Write pictures and tables in RadImageNet's layout, of (file, label, part, patient) each."""
    for number, (file, *_) in enumerate(rows):
        save(folder / "radiology_ai" / file, picture(number))
    for part, name in RADIMAGENET_TABLES.items():
        own = [f"radiology_ai/{file},{label}" for file, label, p, _ in rows if p == part]
        write_lines(folder / name, "filename,label", *own)
    if patients:
        listed = [f"radiology_ai/{file},{patient}" for file, *_, patient in rows]
        write_lines(folder / "patients.csv", "filename,patient_id", *listed)


def cases_of(root, manifest, location):
    """Return the cases that a manifest's reader finds below a place, as tuples."""
    return [*find_cases(open_tree(root, location), manifest).itertuples(index=False)]


def opened(manifest, root, index=None, **settings):
    """Return the dataset below a root, where inspections are kept unless a folder is given."""
    return open_dataset(manifest, root, index_folder=index or root / "index", **settings)


def changed(manifest, **fields):
    return manifest.model_copy(update=fields)


def with_options(manifest, **options):
    return changed(manifest, options=manifest.options | options)


def with_counts(manifest, **counts):
    return changed(manifest, counts=changed(manifest.counts, **counts))


def change(top, files):
    """Write files below a folder, of pixels, bytes or text; None removes one."""
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        elif isinstance(content, np.ndarray):
            save(path, content)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def several_labels(n, n_groups, n_labels, mixed, seed):
    """Cases in groups; a share of ``mixed`` cases bears another label than most of its group."""
    draws = np.random.default_rng(seed)
    group = draws.integers(0, n_groups, n)
    usual = draws.integers(0, n_labels, n_groups)[group]
    label = np.where(draws.random(n) < mixed, draws.integers(0, n_labels, n), usual)
    ids = [f"case {number}" for number in range(n)]
    cases = pd.DataFrame({"case_id": ids, "patient_id": group.astype(str)})
    cases["label"] = [f"label {number}" for number in label]
    return cases, pd.Series(group, index=ids)
