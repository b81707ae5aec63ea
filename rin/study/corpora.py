"""The images for pretraining: corpora in the data root, curated from an archive, or stand-ins.

The archive of a study is a DICOM export below the data root, or a stand-in, and everything made
from a stand-in is marked as such.  Corpora are compared with the images of the tasks: a network
that saw a test image during pretraining has an unfair advantage.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.dataset import open_dataset
from rin.data.leakage import nearest_pictures, picture_hash
from rin.data.manifest import find_task, load_manifest
from rin.data.pixels import read_picture, resize_picture
from rin.data.store import Dataset
from rin.errors import InputError
from rin.study.workspace import (
    CURATED,
    Workspace,
    draw_cases,
    find_manifest,
    real_archive,
    usable_corpora,
)

if TYPE_CHECKING:
    from rin.curation.build import CurationPlan

#: Bits of 256 within which two pictures count as copies; see `corpus_overlap`.
COPY_BITS = 16
#: Number of images of each task that are copied as a control, or all if it has fewer.
COPIES = 200
_HASHED_SIZE = 256  # side of the pictures from which the hashes in a case table are computed


def curation_plan(workspace: Workspace) -> CurationPlan:
    """Return which archive is curated and where the corpus goes; write a stand-in on first use."""
    from rin.curation.build import CurationPlan

    settings = workspace.profile.section("curation")
    folder = real_archive(workspace)
    seed = workspace.profile.seed
    key = None
    if folder is None:
        from rin.curation.standin import VERSION, write_archive

        name = f"archive-v{VERSION}-{settings.studies}-{settings.size}px-{seed}"
        folder = workspace.results.parent / "stand_ins" / name
        write_archive(folder, studies=settings.studies, size=settings.size, seed=seed)
        # A stand-in has nobody's identity to hide, and with a fixed key studies are reproducible.
        key = hashlib.sha256(f"stand-in {seed}".encode()).digest()
    tables = {
        name: folder / file
        for name in ("label_map", "reviewed")
        if (file := getattr(settings, name))
    }
    for path in tables.values():
        if not path.is_file():
            raise InputError(
                "there is no such file",
                where=path,
                remedy="Put it there, or remove its name from the profile's curation section.",
            )
    return CurationPlan(
        archive=folder,
        output=workspace.results / "curation",
        leave_out=tuple(settings.leave_out),
        seed=seed,
        key=key,
        **tables,
    )


def open_corpus(workspace: Workspace, names: list[str], cases: int | None = None) -> Dataset:
    """Open the first of `usable_corpora`, as it is or curated from the study's archive.

    With `cases`, about so many images are drawn from it.
    """
    name = (usable_corpora(workspace, names) or names)[0]
    manifest = load_manifest(name)
    size = workspace.profile.section("pretraining").size
    if name == CURATED and (real_archive(workspace) or not workspace.holds(manifest)):

        def curate_archive() -> Dataset:
            from rin.curation.build import curate

            root = curate(curation_plan(workspace)).root
            return open_dataset(manifest, root, index_folder=workspace.results.parent / "index")

        # Kept: every pretraining of a plan opens it, and looking for what is curated takes long.
        dataset = workspace.once(CURATED, curate_archive)
    else:
        dataset = workspace.dataset(manifest, (size, "stretch"))
    return draw_cases(dataset, None, cases, workspace.profile.seed)[0] if cases else dataset


def corpus_overlap(workspace: Workspace) -> pd.DataFrame:
    """Search the pretraining corpora for images of the tasks.

    All images are compared, by their pixels and by difference hashes: this finds copies, but not
    other slices of the same patient.  As a positive control, `COPIES` images of each task are
    reduced to the corpus' own size, as a copy in the corpus would be, and compared with their
    originals.

    Return one row per task and corpus.  Columns include `equal` (number of images with identical
    pixels in the corpus), `near` (number of images within `COPY_BITS` of a picture in the corpus),
    `nearest` (smallest distance in bits), and, for the control, `copies` and `copies_found`.
    """
    section = workspace.profile.section("pretraining")
    corpora = [open_corpus(workspace, names) for names in section.corpora.values()]
    rows = []
    for task in workspace.profile.tasks:
        # The whole dataset, also images that the task gives no label.
        dataset = workspace.dataset(load_manifest(find_manifest(workspace, *find_task(task)).name))
        manifest = dataset.manifest
        seen = dataset.cases[~dataset.cases["blank"]]
        places = np.random.default_rng(workspace.profile.seed).choice(
            len(seen), min(COPIES, len(seen)), replace=False
        )
        drawn = seen.iloc[np.sort(places)]
        for corpus in corpora:
            side = int(corpus.cases["width"].median())
            nearest = nearest_pictures(dataset.cases, corpus.cases)
            control = []
            for image, picture_bits in zip(drawn["image"], drawn["hash"], strict=True):
                picture = read_picture(dataset.root, image, manifest.color, manifest.window)
                small = resize_picture(picture, side, "stretch")
                copied = picture_hash(resize_picture(small, _HASHED_SIZE, "stretch"))[0]
                control.append((int(copied, 16) ^ int(picture_bits, 16)).bit_count())
            row = {
                "task": task,
                "dataset": manifest.name,
                "images": len(dataset.cases),
                "corpus": corpus.manifest.name,
                "equal": int(nearest["equal"].sum()),
                "near": int((nearest["distance"] <= COPY_BITS).sum()),
                "nearest": int(nearest["distance"].min()),
                "copies": len(control),
                "copies_found": sum(distance <= COPY_BITS for distance in control),
            }
            rows.append(row)
    return pd.DataFrame(rows)
