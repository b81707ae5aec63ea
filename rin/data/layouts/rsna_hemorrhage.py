"""The layout of the RSNA Intracranial Hemorrhage Detection challenge of 2019 (stage 2).

``stage_2_train/ID_<hex>.dcm`` holds one CT slice each, ``stage_2_train.csv`` six rows per
slice: ``ID_<hex>_<kind>,<0 or 1>`` for the five kinds of hemorrhage and ``any``.  The published
table repeats a few slices word for word, which is allowed.  Patients stand only in the headers.
Flanders et al., Radiology: Artificial Intelligence 2020;2(3):e190211.
"""

import numpy as np
import pandas as pd

from rin.data.layouts.found import (
    FoundCase,
    ReaderOptions,
    challenge_files,
    check_same_images,
    read_table,
    reader_options,
    refuse,
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
    """Return the training slices with the classes ``hemorrhage`` and ``none``."""
    reader_options(ReaderOptions, manifest)
    prefix, images = challenge_files(tree, "rsna_hemorrhage", TABLE, FOLDER, IGNORED)
    labels = read_labels(tree, prefix + TABLE)
    check_same_images(tree, TABLE, labels.index, images.keys())
    return [
        FoundCase(image, None, CLASSES[label], tree.locator(images[image]))
        for image, label in zip(labels.index, labels["any"].tolist(), strict=True)
    ]


def read_labels(tree: Tree, name: str) -> pd.DataFrame:
    """Return the labels of each image: int8 0 or 1, a column per kind, indexed by image id."""
    # 4.5 million rows, hence columns of Arrow and arrays.
    table = read_table(tree, name, ["ID", "Label"])
    labels = table["Label"].map({"0": 0, "1": 1}).fillna(MISSING).to_numpy(np.int8)
    refuse(tree, table["ID"][labels == MISSING], "labels are neither 0 nor 1", file=name)
    images = table["ID"].str.replace("_[^_]*$", "", regex=True)
    kinds = pd.Index(KINDS).get_indexer(table["ID"].str.replace("^.*_", "", regex=True))
    odd = (kinds < 0) | (images == table["ID"])
    refuse(tree, table["ID"][odd], "IDs do not end in a kind of hemorrhage", file=name)
    codes, ids = pd.factorize(images)
    wide = np.full((len(ids), len(KINDS)), MISSING, dtype=np.int8)
    wide[codes, kinds] = labels
    # A later row has overwritten an earlier one; where they differed, the earlier one shows it.
    differ = ids[codes[wide[codes, kinds] != labels]].unique()
    refuse(tree, differ, "images have rows that contradict each other", file=name)
    refuse(tree, ids[(wide == MISSING).any(axis=1)], "images lack a kind", file=name)
    against = ids[wide[:, : len(SUBTYPES)].max(axis=1) != wide[:, -1]]
    refuse(tree, against, "images have an 'any' against their kinds", file=name)
    return pd.DataFrame(wide, index=pd.Index(ids.astype(object)), columns=list(KINDS))
