"""Folders of pictures, one per class: `folder_classes`, or of patients and scans (CC-CCII).

`cc_ccii` is CC-CCII: `NCP/25/1181/0040.png` is slice 0040 of scan 1181 of patient 25 with
COVID-19 pneumonia.  `lesions_slices.csv` lists the slices that show a lesion; other tables are
not read.  Zhang et al., Cell 181 (2020) 1423-1433, 10.1016/j.cell.2020.04.045.
"""

import re
from collections import defaultdict

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rin.data.layouts.found import (
    CORRECT_OR_PARTIAL,
    IF_PARTIAL,
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    alternatives,
    folder_around,
    read_table,
    sort_files,
)
from rin.data.manifest import PART_WORDS, DatasetManifest, read_names
from rin.data.tree import PICTURES, Tree
from rin.errors import join_first_ten

LESIONS = "lesions_slices.csv"
NORMAL = "Normal"
CC_CCII_CLASSES = ("CP", "NCP", NORMAL)
CC_CCII_REMEDY = "Fetch their archives again; name broken files under known_bad. " + IF_PARTIAL


class FolderOptions(ReaderOptions):
    """Options of the layout `folder_classes`.

    `splits` are the folders above the class folders, as in `train/NORMAL/x.png`; any of these
    may be absent.  `inner_copy` is a folder with the whole tree once more, which is not read.
    `mask` is a pattern of names of masks without ending, whose group `stem` is the name of the
    picture beside them; masks of one picture are merged.  `stems` makes the picture's name,
    without folder and ending, the case id.  With `others`, files that are no pictures are
    ignored.
    """

    splits: tuple[str, ...] = ()
    inner_copy: str = ""
    mask: re.Pattern[str] | None = None
    stems: bool = False
    others: bool = False


def find_folder_classes(tree: Tree, manifest: DatasetManifest) -> pd.DataFrame:
    """Return the cases of a class-per-folder tree.

    The case id is `class/file name`, preceded by the split if two splits have the same.  Without
    a `patient_pattern`, the patient is the picture itself.
    """
    cases, masks = _pictures(tree, manifest)
    present = {*cases["source_class"].unique()}
    missing = {*manifest.label_map} - present
    if not (missing or present):
        listed = join_first_ten(tree.names, ", ") or "none"
        raise tree.error(f"its files ({listed}) include no picture ({', '.join(PICTURES)})")
    if not (manifest.partial and present):
        tree.raise_if_any(sorted(missing), "classes have no folder", remedy=CORRECT_OR_PARTIAL)
    cases["patient_id"] = cases["case_id"]
    if manifest.patient_pattern:
        # A list, as pandas takes long to hand out a million texts one by one.
        names = cases["name"].to_list()
        cases["patient_id"] = read_names(manifest.patient_pattern, names)
    cases["image"] = tree.locator("") + cases["name"]
    cases["masks"] = _masks_by_picture(tree, cases["name"], masks)
    return cases[list(FoundCase._fields)]


def _masks_by_picture(
    tree: Tree, names: pd.Series, masks: dict[str, list[str]]
) -> list[tuple[str, ...]]:
    """Return the locators of each picture's masks; refuse masks of no or of several pictures."""
    if not masks:  # of a million pictures, stems take seconds
        return [()] * len(names)
    stems = names.str.rpartition(".")[0]
    lost = [mask for stem in sorted(masks.keys() - {*stems}) for mask in masks[stem]]
    tree.raise_if_any(lost, "masks without pictures", remedy="Name each mask like its picture.")
    shared = names[stems.isin(masks) & stems.duplicated(keep=False)]
    tree.raise_if_any(shared, "pictures have a mask that another picture has, too")
    return [tuple(map(tree.locator, masks.get(stem, ()))) for stem in stems]


def read_split(tree: Tree, manifest: DatasetManifest) -> pd.Series:
    """Return the part of each picture, by case id, which the folder above its class names."""
    cases, _ = _pictures(tree, manifest)
    return cases.set_index("case_id")["split"].str.lower().map(PART_WORDS)


def _pictures(tree: Tree, manifest: DatasetManifest) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return the pictures by `case_id`, with their `name` and folders, and masks by stem."""
    options = FolderOptions.read(manifest)
    files: list[str] = []
    others: list[str] = []
    for name in tree.names:
        (files if tree.is_picture(name) else others).append(name)
    if not options.others:
        tree.raise_if_any(
            [name for name in others if not name.endswith(STAND_IN_NOTE)],
            "files are of no kind that is read",
        )
    masks = defaultdict(list)
    if options.mask:
        for name in files:
            folder, slash, file = name.rpartition(".")[0].rpartition("/")
            if match := options.mask.fullmatch(file):
                masks[f"{folder}{slash}{match['stem']}"].append(name)
        drawn = {mask for several in masks.values() for mask in several}
        files = [name for name in files if name not in drawn]
    split = f"(?P<split>{alternatives(options.splits)})/" if options.splits else ""
    source_class = f"(?P<source_class>{alternatives(manifest.label_map)})"
    pattern = f"{split}(?P<below_split>{source_class}/(?P<file>[^/]+))"
    around = folder_around(files, [re.compile(pattern).fullmatch])
    if options.inner_copy:
        files = [name for name in files if not name.startswith(f"{around}{options.inner_copy}/")]
    # Arrow, as pandas' own extraction handles a million names one by one.
    array = pa.array(files, pa.large_string())
    groups = pc.extract_regex(array, f"^{re.escape(around)}(?P<case_id>{pattern})$")
    tree.raise_if_any(
        array.filter(pc.is_null(groups)).to_pylist(),
        "files are in no folder of a class",
    )
    cases = pa.Table.from_struct_array(groups).append_column("name", array).to_pandas()
    if options.stems:
        cases["case_id"] = cases["file"].str.rpartition(".")[0]
    elif options.splits:
        twice = cases["below_split"].duplicated(keep=False)
        cases["case_id"] = cases["below_split"].where(~twice, cases["case_id"])
    return cases, masks


def find_cc_ccii(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the slices with lesions of a CC-CCII tree, and all slices of normal controls.

    The case id is like `NCP/25/1181/0040`, the patient like `NCP/25`, as numbers are read
    within their class.  A listed slice may have any ending; one known to be bad may be absent.
    """
    around, files = sort_files(
        tree,
        "cc_ccii",
        slices=rf"({alternatives(CC_CCII_CLASSES)}/[^/]+/[^/]+/[^/]+)\.(?i:png|jpe?g)",
        tables=r"([^/]+)\.csv",
    )
    slices = files["slices"]
    class_of = {key: key.partition("/")[0] for key in slices}
    present = {*class_of.values()}
    if not manifest.partial:
        tree.raise_if_any(
            sorted({*CC_CCII_CLASSES} - present),
            "classes have no folder",
            remedy=CC_CCII_REMEDY,
        )
    paths = read_table(tree, around + LESIONS, ["imgpath"])["imgpath"]
    listed = paths.str.replace("\\", "/").str.replace(r"\.[^.]*$", "", regex=True)
    absent = listed[~listed.isin([*slices, *manifest.known_bad])]
    if not manifest.partial:
        tree.raise_if_any(absent, "slices have no file", file=LESIONS, remedy=CC_CCII_REMEDY)
    shown = {*listed}
    kept = [key for key in slices if class_of[key] == NORMAL or key in shown]
    lacking = present - {class_of[key] for key in kept}
    tree.raise_if_any(sorted(lacking), "classes have no slices", file=LESIONS)
    return [
        FoundCase(key, key.rsplit("/", 2)[0], class_of[key], tree.locator(slices[key]))
        for key in kept
    ]
