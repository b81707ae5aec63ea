"""Tables of features of any encoder, from which runs start in place of weights.

The images of a profile's datasets are exported, somebody's own script makes a table of each
dataset, a row a case, and the tables are checked and kept beside the results, where all profiles
find them.  Linear probes of them are trained in `rin.study.fine_tuning`.  No framework is needed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from rin.errors import InputError, amount, as_input_error, join_first_ten, look_up
from rin.files import sha256_of, write_atomically
from rin.models.weights import load_entries
from rin.study.profile import FEATURES, RANDOM
from rin.study.results import WeightsFacts
from rin.study.workspace import TaskInputs, Workspace

#: Images, by dataset and case_id.
Images = dict[str, dict[str, np.ndarray]]


def scored_images(workspace: Workspace) -> Images:
    """Return the images that a study scores, in the order of their stores."""
    images: Images = {}  # views of the stores, of which nothing is read
    for task in workspace.profile.tasks:
        for dataset, site in workspace.inputs(task).sites.items():
            of_site = zip(site.labels.index, site.store.images(), strict=True)
            images.setdefault(dataset, {}).update(of_site)
    return images


def export_images(workspace: Workspace, folder: Path) -> Iterator[str]:
    """Write the images that a study scores, a folder a dataset; yield a line on each.

    `images.npy`, uint8 (n, side, side) or (n, side, side, 3), has them in the order of the ids in
    `cases.csv`.
    """
    for dataset, images in scored_images(workspace).items():
        place = folder / dataset
        size = (len(images), *next(iter(images.values())).shape)
        place.mkdir(parents=True, exist_ok=True)
        array = np.lib.format.open_memmap(place / "images.npy", "w+", np.uint8, size)
        for row, image in enumerate(images.values()):
            array[row] = image
        pd.Series([*images], name="case_id").to_csv(place / "cases.csv", index=False)
        yield f"{dataset}: images.npy {size} and cases.csv in {place.absolute()}"


def add_features(
    workspace: Workspace,
    name: str,
    path: Path,
    dataset: str,
    about: str = "",
    *,
    replace: bool = False,
) -> Path:
    """Check a table of features of a dataset that a study scores, and keep it as an init's.

    Parameters
    ----------
    workspace : Workspace
        the study whose cases of the dataset the table must have, and no others
    name : str
        the name of the init
    path : Path
        `.parquet` with `case_id` and a column a dimension, or one column of lists; or `.npz` with
        the arrays `case_id` and `features`
    dataset : str
        the dataset whose images they are features of
    about : str, optional
        the release of the encoder, for pages
    replace : bool, default False
        whether other features of this name may be replaced

    Returns
    -------
    Path
        The file that is kept.

    Raises
    ------
    InputError
        For a name that weights have, an unknown dataset, a file that cannot be read, a case that
        is missing, unknown or repeated, a number that is not finite, or another number of
        dimensions than in the name's other tables.
    """
    taken = {RANDOM, "radiologic", "photographic", *(entry.init for entry in load_entries())}
    if name in taken or not re.fullmatch(r"[A-Za-z][\w.-]{0,59}", name):
        raise InputError(
            f"{name!r} is no name for features",
            where="NAME",
            remedy="Take letters, digits, _, - and ., and no name that weights have.",
        )
    cases = look_up("dataset", dataset, scored_images(workspace))
    table = read_features(path, cases, exactly=True)
    folder = workspace.features_folder / name
    target = folder / f"{dataset}.parquet"
    others = {*folder.glob("*.parquet")} - {target}
    if dimensions := {read_features(other).shape[1] for other in others} - {table.shape[1]}:
        raise InputError(
            f"it has {table.shape[1]} dimensions, other tables of {name} {dimensions}",
            where=path,
            remedy=f"Give another encoder another name, or delete {folder}.",
        )
    if target.is_file() and not replace:
        if read_features(target).equals(table):
            return target
        raise InputError(
            f"{name} has other features of {dataset} already",
            where=target,
            remedy="Give --replace, or another name; runs of the former features are kept.",
        )
    table.attrs = {"release": about or name}
    folder.mkdir(parents=True, exist_ok=True)
    with write_atomically(target) as draft:
        table.reset_index().to_parquet(draft)
    return target


def read_features(
    path: Path, cases: Collection[str] = (), *, exactly: bool = False
) -> pd.DataFrame:
    """Return a table of features, float32: a row a case, by `case_id`, and a column a dimension.

    InputError unless the file is such a table, finite, and has these `cases` (`exactly`: no
    others).
    """
    with as_input_error(
        "no table of features",
        where=path,
        remedy="Make it of the images that rin features export writes, as .parquet of case_id and "
        "a column a dimension (or one of lists), or .npz of case_id and features; then add it.",
        kinds=Exception,  # Arrow, NumPy and zip archives raise errors of many kinds
    ):
        file = BytesIO(path.read_bytes())
        if path.suffix == ".npz":
            arrays = np.load(file, allow_pickle=False)
            table = pd.DataFrame(arrays["features"], arrays["case_id"])
        else:
            table = pd.read_parquet(file).set_index("case_id")
            if table.shape[1] == 1 and isinstance(table.iloc[0, 0], np.ndarray):
                table = pd.DataFrame(np.stack(table.iloc[:, 0]), table.index)
        if strange := [name for name in map(str, table.columns) if not name[-1:].isdigit()]:
            raise ValueError(f"columns of dimensions end in a number: {join_first_ten(strange)}")
        table = table.astype(np.float32)
        table.index = ids = table.index.astype(str).rename("case_id")
        table.columns = [f"{dimension}" for dimension in range(table.shape[1])]
        problems = {
            "rows are repeated": ids[ids.duplicated()],
            "rows have a number that is not finite": ids[~np.isfinite(table).all(axis=1)],
            "cases are missing": pd.Index([*cases]).difference(ids),
            "rows name no case of the study": ids.difference([*cases]) if exactly else (),
            "rows have no features": () if table.shape[1] else ids,
        }
        for problem, of_cases in problems.items():
            if len(of_cases):
                listed = join_first_ten([*of_cases], ", ")
                raise ValueError(f"{amount(len(of_cases), problem)}: {listed}")
        return table


def kept_tables(workspace: Workspace, init: str, inputs: TaskInputs) -> dict[Path, WeightsFacts]:
    """Return the files of an init's features that a task reads, its own first, with their facts.

    InputError if one is lacking, or a case in one.
    """
    files = {}
    for dataset, site in inputs.sites.items():
        path = workspace.features_folder / init / f"{dataset}.parquet"
        table = read_features(path, site.labels.index)
        files[path] = WeightsFacts(
            init=init,
            backbone=FEATURES,
            preprocessing=f"table of {dataset}",
            licence="",
            provenance="real",
            sha256=sha256_of(path),
            pretraining=1,
            **table.attrs,
        )
    return files
