"""Do the pretraining corpora share images with the tasks?

A network that saw a test image during pretraining has an advantage that fine-tuning does not
explain.  Images are compared by pixels and by difference hashes (`rin.data.leakage`), which finds
copies of an image; another slice of the same patient is not found.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from rin.data.dataset import Dataset
from rin.data.leakage import nearest_pictures, picture_hash
from rin.data.manifest import find_task
from rin.data.pixels import read_picture, resize_picture
from rin.errors import InputError
from rin.files import read_yaml
from rin.study.pretraining import choose_corpus, find_corpus
from rin.study.reference import reference_folder
from rin.study.setting import Study, find_manifest

#: Bits of 256 within which two pictures count as copies; see `corpus_overlap`.
COPY_BITS = 16
OVERLAP_FILE = "corpus_overlap.yaml"
_HASHED_SIZE = 256  # side of the pictures whose hashes stand in a case table


def corpus_overlap(study: Study, *, copies: int = 200) -> pd.DataFrame:
    """Look for images of the tasks among those of the pretraining corpora.

    All images that were found of a task are compared, not only those that the profile draws.
    As a positive control, some of each task (`copies`) are reduced to the corpus' own size, as a
    copy inside it would be, and compared with themselves.

    Returns
    -------
    pandas.DataFrame
        One row a task and corpus: `task`, `dataset`, `images`, `corpus`, `corpus_images`, `equal`
        (images whose very pixels stand in the corpus), `near` (images with a picture of the corpus
        within `COPY_BITS`), `nearest` (smallest distance in bits), and of the control `copies`,
        `copies_found` (within `COPY_BITS`) and `farthest_copy` (largest distance in bits).

    `InputError` for a profile without pretraining.
    """
    names = study.profile.section("pretraining").corpora.values()
    corpora = [find_corpus(study, choose_corpus(study, name)) for name in names]
    rows = []
    for task in study.profile.tasks:
        dataset = study.dataset(find_manifest(study, *find_task(task)).name)
        for corpus in corpora:
            side = int(corpus.cases["width"].median())
            near = nearest_pictures(dataset.cases, corpus.cases)
            control = _distances_of_copies(dataset, side, copies, study.profile.seed)
            rows.append(
                {
                    "task": task,
                    "dataset": dataset.manifest.name,
                    "images": len(dataset.cases),
                    "corpus": corpus.manifest.name,
                    "corpus_images": len(corpus.cases),
                    "equal": int(near["equal"].sum()),
                    "near": int((near["distance"] <= COPY_BITS).sum()),
                    "nearest": int(near["distance"].min()),
                    "copies": len(control),
                    "copies_found": int((control <= COPY_BITS).sum()),
                    "farthest_copy": int(control.max()),
                }
            )
    return pd.DataFrame(rows)


def write_corpus_overlap(study: Study, folder: Path) -> Path:
    """Write `corpus_overlap` of a study beside its reference run; returns the file."""
    text = yaml.safe_dump(
        {"copy_bits": COPY_BITS, "rows": corpus_overlap(study).to_dict("records")}, sort_keys=False
    )
    head = (
        "# Images of the tasks among those of the pretraining corpora, by pixels and by hashes of\n"
        "# 256 bits.  Made by rin.study.corpus_overlap.write_corpus_overlap.\n"
    )
    path = Path(folder) / OVERLAP_FILE
    path.write_text(head + text, encoding="utf-8")
    return path


def read_corpus_overlap(name: str = "open") -> pd.DataFrame:
    """Return the table of `corpus_overlap` that is kept with a reference run."""
    path = reference_folder() / name / OVERLAP_FILE
    if not path.is_file():
        raise InputError(
            "no such file",
            where=path,
            remedy="Write it with rin.study.corpus_overlap.write_corpus_overlap.",
        )
    return pd.DataFrame(read_yaml(path)["rows"])


def _distances_of_copies(dataset: Dataset, side: int, n: int, seed: int) -> np.ndarray:
    seen = dataset.cases[~dataset.cases["blank"]]
    rng = np.random.default_rng(seed)
    drawn = seen.iloc[np.sort(rng.choice(len(seen), min(n, len(seen)), replace=False))]
    manifest, distances = dataset.manifest, []
    for image, own in zip(drawn["image"], drawn["hash"], strict=True):
        picture = read_picture(dataset.root, image, manifest.color, manifest.window)
        small = resize_picture(resize_picture(picture, side, "stretch"), _HASHED_SIZE, "stretch")
        copied = int(picture_hash(small)[0], 16)
        distances.append((copied ^ int(own, 16)).bit_count())
    return np.array(distances)
