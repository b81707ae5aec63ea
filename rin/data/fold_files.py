"""Folds that others published: CSV lists of pictures per part, as in the paper's repository.

A list such as ``thyroid_train_fold1.csv`` names pictures and labels, ``images/314_1.jpg`` and
``malignant``.  Its names are matched to case ids, its labels to the cases' labels.  Nothing is
repaired: what stands on both sides, :func:`rin.data.leakage.check_splits` refuses.
"""

import csv
import io
import re
from collections import Counter
from pathlib import Path, PurePosixPath

import pandas as pd

from rin.data.manifest import FoldLists
from rin.data.splits import PARTS
from rin.data.tree import Tree, open_tree
from rin.errors import InputError

#: How the lists call the parts.
PART_NAMES = dict(zip(("train", "val", "test"), PARTS, strict=True))
FILE_COLUMNS = ("img_dir", "filename")
_SLICE = re.compile(r"(\d+)_(axial|coronal|sagittal)_(\d+)\.0+")


def stem(name: str) -> str:
    """Return the name of a picture without folder and ending: ``images/314_1.jpg`` is 314_1."""
    return PurePosixPath(name.replace("\\", "/")).stem


def slice_id(name: str) -> str:
    """Return the case id of a knee slice: ``0001_sagittal_11.000000.png`` is 0001-sagittal-11.

    Whether the lists count slices from 0, as the volumes do, is not documented.  A name of
    another form is returned without folder and ending.
    """
    match = _SLICE.fullmatch(stem(name))
    return f"{match[1]}-{match[2]}-{int(match[3])}" if match else stem(name)


#: Ways in which the name of a listed picture gives a case id.
CASE_OF = {"stem": stem, "slice": slice_id}


def read_fold_files(
    place: Tree | Path, lists: FoldLists, cases: pd.DataFrame, n_folds: int = 5
) -> pd.DataFrame:
    """Read published folds.

    Parameters
    ----------
    place
        Folder or archive that holds the lists, maybe among other files.
    lists
        Names and words of the lists, as a task's manifest states them.
    cases
        Case table; ``case_id`` and ``label`` are used.  Cases that no list names are left out.
    n_folds
        Number of folds; 1 where the pattern has no ``{fold}``.

    Returns
    -------
    pandas.DataFrame
        ``case_id``, ``fold`` (int from 0) and ``part`` (train, validation or test), in the
        order of the lists; the shape of :func:`rin.data.splits.make_folds`.

    Raises
    ------
    InputError
        A list that is missing, there twice, empty or not of two columns; a picture that is no
        case, that a list names twice, or whose label is another than the case's.
    """
    tree = place if isinstance(place, Tree) else open_tree(place.parent, place.name)
    labels = cases.set_index("case_id")["label"].to_dict()
    rows = []
    for fold in range(n_folds if "{fold}" in lists.pattern else 1):
        for word, part in PART_NAMES.items():
            name = _find(tree, lists.pattern.format(part=word, fold=fold + 1))
            where = f"{tree.root / tree.location}: {name}"
            pictures = _read_list(tree.read(name), where)
            ids = [CASE_OF[lists.names](picture) for picture, _ in pictures]
            words = [lists.labels.get(label, label) for _, label in pictures]
            _check_rows(ids, words, labels, where)
            rows += [(case_id, fold, part) for case_id in ids]
    return pd.DataFrame(rows, columns=["case_id", "fold", "part"])


def _find(tree: Tree, file_name: str) -> str:
    found = [name for name in tree.names if name.rpartition("/")[2] == file_name]
    if len(found) != 1:
        raise InputError(
            f"there are {len(found)} lists called {file_name}",
            where=tree.root / tree.location,
            remedy="Point at the folder 'dataframe' of one task, with all its lists.",
        )
    return found[0]


def _read_list(content: bytes, where: str) -> list[tuple[str, str]]:
    """Return picture and label of each row."""
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        table = [[cell.strip() for cell in row] for row in lines if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _list_refusal(where, f"it is no CSV text in UTF-8 ({error})") from error
    header, rows = (table[0], table[1:]) if table else ([], [])
    pictures = [i for i, column in enumerate(header) if column in FILE_COLUMNS]
    labels = [i for i, column in enumerate(header) if column.endswith("label")]
    if len(pictures) != 1 or len(labels) != 1:
        raise _list_refusal(where, f"its columns are {', '.join(header) or 'none'}")
    if not rows:
        raise _list_refusal(where, "it lists no picture")
    if odd := [row for row in rows if len(row) != len(header)]:
        raise _list_refusal(where, f"a row is {','.join(odd[0])!r}")
    return [(row[pictures[0]], row[labels[0]]) for row in rows]


def _check_rows(ids: list[str], words: list[str], labels: dict[str, str], where: str) -> None:
    for wrong, problem, remedy in (
        (
            [case_id for case_id, times in Counter(ids).items() if times > 1],
            "pictures are listed twice",
            "Fetch the list again.",
        ),
        (
            [case_id for case_id in ids if case_id not in labels],
            "pictures are no case",
            "Use the lists of this dataset, and read all the slices that they name.",
        ),
        (
            [
                f"{case_id} ({word!r} instead of {labels[case_id]!r})"
                for case_id, word in zip(ids, words, strict=True)
                if labels.get(case_id, word) != word
            ],
            "pictures have another label",
            "Hold the label map of the manifest against the list.",
        ),
    ):
        if wrong:
            raise InputError(
                f"{len(wrong)} {problem}: {', '.join(wrong[:5])}", where=where, remedy=remedy
            )


def _list_refusal(where: str, problem: str) -> InputError:
    columns = " or ".join(FILE_COLUMNS)
    return InputError(
        problem, where=where, remedy=f"A list has a column {columns} and one that ends in 'label'."
    )
