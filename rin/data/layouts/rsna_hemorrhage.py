"""The layout of the RSNA Intracranial Hemorrhage Detection challenge of 2019 (stage 2).

``stage_2_train/ID_<hex>.dcm`` holds one CT slice each, ``stage_2_train.csv`` six rows per
slice: ``ID_<hex>_<kind>,<0 or 1>`` for the five kinds of hemorrhage and ``any``.  The published
table repeats a few slices word for word, which is allowed.  Patients stand only in the headers.
Flanders et al., Radiology: Artificial Intelligence 2020;2(3):e190211.
"""

import io

import numpy as np
import pandas as pd

from rin.data.layouts.found import (
    FoundCase,
    ReaderOptions,
    challenge_files,
    check_same_images,
    reader_options,
    wrong_labels,
)
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree

TABLE = "stage_2_train.csv"
FOLDER = "stage_2_train"
IGNORED = ("stage_2_test/", "stage_2_sample_submission.csv")
SUBTYPES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
KINDS = (*SUBTYPES, "any")
CLASSES = ("none", "hemorrhage")
MISSING = -1


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the training slices with the classes ``hemorrhage`` and ``none``.

    Raises
    ------
    InputError
        Files without a place, images without six labels or labels without an image, labels
        that are not 0 or 1, repeated rows that differ, or ``any`` against the five kinds.
    """
    reader_options(ReaderOptions, manifest)
    prefix, images = challenge_files(tree, "rsna_hemorrhage", TABLE, FOLDER, IGNORED)
    labels = read_labels(tree, prefix + TABLE)
    check_same_images(tree, TABLE, labels.index, images.keys())
    return [
        FoundCase(image, None, CLASSES[label], tree.locator(images[image]))
        for image, label in zip(labels.index, labels["any"].tolist(), strict=True)
    ]


def read_labels(tree: Tree, name: str) -> pd.DataFrame:
    """Return the labels of each image: int8 0 or 1, a column per kind, indexed by image id.

    Raises
    ------
    InputError
        As :func:`find_cases`, for the table alone.
    """
    table = _read_rows(tree, name)
    labels = np.where(table["Label"] == "1", 1, np.where(table["Label"] == "0", 0, MISSING))
    labels = labels.astype(np.int8)
    if (labels == MISSING).any():
        wrong = table["ID"][labels == MISSING]
        raise wrong_labels(tree, name, f"{len(wrong)} labels are neither 0 nor 1", wrong.iloc[:5])
    images, kinds = _split_ids(tree, name, table["ID"])
    codes, ids = pd.factorize(images)
    wide = np.full((len(ids), len(KINDS)), MISSING, dtype=np.int8)
    wide[codes, kinds] = labels
    # A later row has overwritten an earlier one; where they differed, the earlier one shows it.
    differ = wide[codes, kinds] != labels
    _refuse(tree, name, "images have rows that contradict each other", ids[codes[differ]].unique())
    _refuse(tree, name, "images lack a kind", ids[(wide == MISSING).any(axis=1)])
    some = wide[:, : len(SUBTYPES)].max(axis=1)
    _refuse(tree, name, "images have an 'any' against their kinds", ids[some != wide[:, -1]])
    return pd.DataFrame(wide, index=pd.Index(ids.astype(object)), columns=list(KINDS))


def _read_rows(tree: Tree, name: str) -> pd.DataFrame:
    """Return the columns ID and Label as text; 4.5 million rows, hence pandas and Arrow."""
    content = tree.read(name)
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            dtype="string[pyarrow]",
            keep_default_na=False,
            encoding="utf-8-sig",
        )
    except ValueError as error:
        raise wrong_labels(tree, name, f"the table cannot be read ({error})") from error
    table.columns = table.columns.str.strip()
    missing = [column for column in ("ID", "Label") if column not in table]
    if missing or table.empty:
        raise wrong_labels(
            tree,
            name,
            f"columns {', '.join(missing)} missing" if missing else "the table has no rows",
        )
    return table.fillna("")


def _split_ids(tree: Tree, name: str, ids: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Return the image id and the number of the kind of each row."""
    images, kinds = ids.copy(), np.full(len(ids), MISSING, dtype=np.int8)
    for number, kind in enumerate(KINDS):
        here = ids.str.endswith(f"_{kind}").to_numpy(dtype=bool)
        images[here] = ids[here].str.slice(stop=-len(kind) - 1)
        kinds[here] = number
    _refuse(tree, name, "IDs do not end in a kind of hemorrhage", ids[kinds == MISSING])
    return images, kinds


def _refuse(tree: Tree, name: str, problem: str, images: pd.Series | pd.Index) -> None:
    if len(images):
        raise wrong_labels(tree, name, f"{len(images)} {problem}", images[:5])
