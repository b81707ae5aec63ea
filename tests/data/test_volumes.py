"""Volumes: slices of NIfTI, of arrays, of frames and of folders, against the arrays themselves."""

import gzip
import io
import struct
from contextlib import suppress

import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
from busi_files import changed, picture, save, zip_folder
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom import Dataset

from rin.data import volumes
from rin.data.dataset import open_dataset
from rin.data.layouts import find_cases
from rin.data.layouts.slices import count_slices, propose_slices, take_slices
from rin.data.leakage import leak_free_groups, near_duplicates
from rin.data.manifest import DatasetManifest, ExpectedCounts, Slices, load_manifest
from rin.data.masks import read_mask
from rin.data.pixels import read_picture, window_of_percentiles
from rin.data.splits import given_folds
from rin.data.standins.writers import fill, make_uid, new_instance, set_pixels
from rin.data.store import build_store
from rin.data.tree import open_tree
from rin.errors import InputError

tifffile = pytest.importorskip("tifffile")  # which scikit-image brings
SHAPE = (5, 6, 7)
VALUES = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
#: Rows are of a scanner that stores from head to foot, and from left to right.
TURNED = np.array([[0, 0, -3, 9], [2, 0, 0, -4], [0, -1, 0, 7], [0, 0, 0, 1]], float)


def write_nifti(path, values=VALUES, affine=TURNED, kind=nibabel.Nifti1Image, **header):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = kind(values, affine)
    for name, value in header.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path.name


def expected(path, plane, number):
    """The slice as it is shown, by nibabel and plain indices."""
    whole = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()  # to the right, front, up
    if plane == "axial":
        return whole[::-1, ::-1, number].T
    if plane == "coronal":
        return whole[::-1, number, ::-1].T
    return whole[number, ::-1, ::-1].T


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_slices_are_those_of_nibabel_in_every_plane(tmp_path, plane, name, kind):
    write_nifti(tmp_path / name, kind=kind)
    header = volumes.read_header(tmp_path, name)
    n = header.slices(plane)
    assert sorted(header.slices(p) for p in volumes.PLANES) == sorted(SHAPE)
    for number in range(n):
        shown = volumes.read_slice(tmp_path, name, plane, number)
        assert shown.tolist() == expected(tmp_path / name, plane, number).tolist()


@pytest.mark.parametrize(("plane", "spacing"), [("sagittal", 3), ("coronal", 2), ("axial", 1)])
def test_distance_of_slices_is_that_of_the_header(tmp_path, plane, spacing):
    write_nifti(tmp_path / "a.nii")
    assert volumes.read_header(tmp_path, "a.nii").spacing(plane) == pytest.approx(spacing)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i2", np.uint16, np.float32, ">f8"])
@pytest.mark.parametrize("scale", [(1, 0), (2, -1024), (0.5, 3)])
def test_values_are_scaled_as_nibabel_scales_them(tmp_path, dtype, scale):
    header = nibabel.Nifti1Header(endianness=">" if str(dtype).startswith(">") else "<")
    image = nibabel.Nifti1Image(VALUES.astype(dtype), TURNED, header)
    image.header.set_data_dtype(dtype)
    nibabel.save(image, tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    order = ">" if str(dtype).startswith(">") else "<"
    content[112:120] = struct.pack(f"{order}2f", *scale)  # scl_slope, scl_inter
    (tmp_path / "a.nii").write_bytes(content)
    shown = volumes.read_slice(tmp_path, "a.nii", "axial", 2)
    np.testing.assert_allclose(shown, expected(tmp_path / "a.nii", "axial", 2))


def test_patients_right_is_on_the_left_of_an_axial_slice_and_the_front_on_top(tmp_path):
    values = np.zeros(SHAPE, np.uint8)
    values[-1, -1, :] = 255  # with a plain affine: right and front
    write_nifti(tmp_path / "a.nii", values, np.eye(4))
    shown = read_picture(tmp_path, "a.nii#axial-0")
    assert np.argwhere(shown).tolist() == [[0, 0]]


def test_slice_of_an_archive_is_that_of_the_folder(tmp_path):
    write_nifti(tmp_path / "d" / "a.nii.gz")
    zip_folder(tmp_path / "d", tmp_path / "d.zip")
    window = 100, 200
    shown = read_picture(tmp_path, "d.zip::a.nii.gz#axial-2", False, window)
    assert shown.tolist() == read_picture(tmp_path, "d/a.nii.gz#axial-2", False, window).tolist()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_of_an_array_are_along_the_axis_that_is_named(tmp_path, axis):
    np.save(tmp_path / "a.npy", VALUES.astype(np.uint8))
    shown = read_picture(tmp_path, f"a.npy#{axis}-2")
    assert shown.tolist() == np.take(VALUES.astype(np.uint8), 2, axis).tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.int16])
@pytest.mark.parametrize("how", [{}, {"imagej": True}, {"compression": "zlib"}])
def test_frames_of_tiff_are_those_of_tifffile(tmp_path, dtype, how):
    how = {} if dtype == np.int16 else how  # ImageJ has none with a sign
    tifffile.imwrite(tmp_path / "a.tif", VALUES.astype(dtype), photometric="minisblack", **how)
    taken = cases_of(tmp_path, ["a.tif"], Slices(rule="even", count=2))
    assert taken["case_id"].tolist() == ["a.tif-1", "a.tif-3"]
    window = None if dtype == np.uint8 else (100, 200)
    for locator, number in zip(taken["image"], (1, 3), strict=True):
        np.save(tmp_path / "one.npy", tifffile.imread(tmp_path / "a.tif", key=number))
        shown = read_picture(tmp_path, locator, False, window)
        assert shown.tolist() == read_picture(tmp_path, "one.npy", False, window).tolist()


def test_three_frames_that_were_saved_as_colours_are_slices_if_that_is_said(tmp_path):
    frames = VALUES[:3].astype(np.uint8)
    planes = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "a.tif", frames, **planes)
    assert count_slices(tmp_path, "a.tif", None)[:2] == ("frame", 3)
    assert read_picture(tmp_path, "a.tif#frame-2").tolist() == frames[2].tolist()
    with pytest.raises(InputError, match=r"three planes may be colours, or frames.*--slices"):
        read_picture(tmp_path, "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", VALUES[:3].astype(np.uint16), **planes)
    with pytest.raises(InputError, match=r"of over 8 bits as pages .tifffile\.imwrite"):
        read_picture(tmp_path, "b.tif#frame-2", False, (100, 200))


def test_frames_of_two_sizes_are_no_volume(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for side in (8, 4):  # as of a picture and its thumbnail
            file.write(np.zeros((side, side), np.uint8), photometric="minisblack")
    with pytest.raises(InputError, match=r"they differ in size: 4 x 4 and 8 x 8 pixels"):
        count_slices(tmp_path, "a.tif", None)


@pytest.mark.parametrize("where", ["d", "d.zip"])
def test_masks_of_frames_choose_the_slices_with_a_lesion(tmp_path, where):
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[3, 2, 2] = 2
    drawn[4, 1, 1] = 1
    (tmp_path / "d").mkdir()
    for name, values in (("a.tif", VALUES.astype(np.uint8)), ("m.tif", drawn)):
        tifffile.imwrite(tmp_path / "d" / name, values, photometric="minisblack")
    zip_folder(tmp_path / "d", tmp_path / "d.zip")
    between = "::" if where.endswith("zip") else "/"
    found = pd.DataFrame({"case_id": ["a"], "image": [f"{where}{between}a.tif"]})
    found["masks"] = [(f"{where}{between}m.tif",)]
    chosen = Slices(rule="lesion", count=3)
    taken = take_slices(open_tree(tmp_path, where), load_manifest("busi"), chosen, found)
    assert taken["case_id"].tolist() == ["a-3", "a-4"]
    for masks, number in zip(taken["masks"], (3, 4), strict=True):
        assert read_mask(tmp_path, masks, SHAPE[1:]).tolist() == (drawn[number] > 0).tolist()


def test_frames_beside_nifti_are_taken_by_one_rule(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VALUES, photometric="minisblack")
    write_nifti(tmp_path / "b.nii", affine=np.diag([1, 1, 3, 1]))
    tree = open_tree(tmp_path.parent, tmp_path.name)
    chosen, n = propose_slices(tree, ["a.tif", "b.nii"], False)
    assert (chosen, n) == (Slices(rule="middle", count=3), 2)
    images = cases_of(tmp_path, ["a.tif", "b.nii"], chosen)["image"]
    assert [name.partition("#")[2] for name in images] == [
        *("frame-1", "frame-2", "frame-3", "axial-2", "axial-3", "axial-4")
    ]
    write_nifti(tmp_path / "b.nii", affine=np.diag([1, 4, 1, 1]))
    with pytest.raises(InputError, match=r"b\.nii has coronal slices.*a\.tif has frames without"):
        propose_slices(tree, ["a.tif", "b.nii"], False)


def cases_of(folder, names, chosen):
    """The slices that are taken of some files."""
    found = pd.DataFrame({"case_id": names, "image": names, "masks": [()] * len(names)})
    return take_slices(open_tree(folder, "."), load_manifest("busi"), chosen, found)


@pytest.mark.parametrize("name", ["a.npy#5", "a.tif#frame-5", "a.nii#axial-5"])
def test_slice_beyond_a_volume_is_refused(tmp_path, name):
    marked = np.eye(5, dtype=np.uint8)[None].repeat(5, axis=0)
    np.save(tmp_path / "a.npy", marked)
    tifffile.imwrite(tmp_path / "a.tif", marked, photometric="minisblack")
    write_nifti(tmp_path / "a.nii", marked)
    said = r"slice 5 is requested, of 5|no more images in TIFF file"
    with pytest.raises(InputError, match=said):
        read_picture(tmp_path, name)
    with pytest.raises(InputError, match=said):
        read_mask(tmp_path, (name,), (5, 5))


def test_floating_pixels_are_shown_in_a_window_and_refused_without_one(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[-1, 0, 0.25, 0.5, 1, 2]], np.float32))
    shown = read_picture(tmp_path, "a.npy", False, (0.5, 1))
    assert shown.tolist() == [[0, 0, 64, 128, 255, 255]]
    with pytest.raises(InputError, match=r"floating numbers need a window.*from -1.0 to 2.0"):
        read_picture(tmp_path, "a.npy")


def test_window_below_one_is_for_floating_numbers_alone(tmp_path):
    np.save(tmp_path / "a.npy", VALUES[0])
    with pytest.raises(InputError, match=r"width 0\.5 is too narrow for whole numbers"):
        read_picture(tmp_path, "a.npy", False, (1, 0.5))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["a.npy", "b.npy#0", "c.nii#axial-0"])
def test_pixels_that_are_no_numbers_are_refused(tmp_path, value, name):
    values = np.full((2, 3, 4), value, np.float32)
    np.save(tmp_path / "a.npy", values[0])
    np.save(tmp_path / "b.npy", values)
    write_nifti(tmp_path / "c.nii", values)
    with pytest.raises(InputError, match=r"of \d+ pixels are not finite numbers"):
        read_picture(tmp_path, name, False, (0, 1))


def test_window_of_percentiles_leaves_a_bright_spot_aside(tmp_path):
    dark = np.repeat(np.arange(1000, dtype=np.uint16), 10).reshape(100, 100)
    dark[0, 0] = 60_000
    np.save(tmp_path / "a.npy", dark)
    center, width = window_of_percentiles(tmp_path, ["a.npy"])
    shown = read_picture(tmp_path, "a.npy", False, (center, width))
    assert 990 < width < 1000
    assert shown[50, 0] == pytest.approx(255 * 500 / 1000, abs=2)


def test_window_of_percentiles_of_8_bits_is_none_and_of_one_value_refused(tmp_path):
    save(tmp_path / "a.png", picture(1))
    assert window_of_percentiles(tmp_path, ["a.png"]) is None
    np.save(tmp_path / "a.npy", np.full((4, 4), 7, np.int16))
    with pytest.raises(InputError, match=r"from the 0\.5th to the 99\.5th percentile all are 7"):
        window_of_percentiles(tmp_path, ["a.npy"])


def hostile():
    """Yield a name, what is wrong, and the bytes of a NIfTI file that must be refused."""
    whole = bytes(nibabel.Nifti1Image(VALUES, TURNED).to_bytes())

    def header(place, form, *values):
        content = bytearray(whole)
        content[place : place + struct.calcsize(form)] = struct.pack(form, *values)
        return bytes(content)

    yield "empty", "it begins with b''", b""
    yield "text", "it begins with b'<html>no'", b"<html>not found</html>" * 40
    yield "head alone", "ends after 200 bytes", whole[:200]
    yield "cut", "it contains 419 of the 420 bytes", whole[:-1]
    yield "cut gzip", "ended before|CRC|Compressed", gzip.compress(whole)[:-20]
    yield (
        "four dimensions",
        "4 dimensions, 5 x 6 x 7 x 2",
        header(40, "<8h", 4, 5, 6, 7, 2, 1, 1, 1),
    )
    yield "no slices", "it is empty: 5 x 6 x 0", header(40, "<8h", 3, 5, 6, 0, 1, 1, 1, 1)
    yield "negative", "it is empty|dim", header(40, "<8h", 3, 5, -6, 7, 1, 1, 1, 1)
    yield "huge", "over the limit of", header(40, "<8h", 3, *[32767] * 3, 1, 1, 1, 1)
    yield "longer", r"bytes of its voxels", header(40, "<8h", 3, 500, 600, 7, 1, 1, 1, 1)
    yield (
        "many dimensions",
        "not a readable NIfTI volume",
        header(40, "<8h", 9000, 5, 6, 7, 1, 1, 1, 1),
    )
    yield "far voxels", "its voxels begin at byte 1e", header(108, "<f", 1e30)
    yield "voxels at no number", "its voxels begin at byte nan", header(108, "<f", np.nan)
    yield "colour", "not integers or floats", header(70, "<hh", 128, 24)
    yield "unknown type", "code|data", header(70, "<hh", 9999, 16)
    yield "half a pair", "half of a pair", header(344, "<4s", b"ni1\0")
    yield (
        "nowhere",
        "where the voxels are",
        header(252, "<hh", 0, 1)[:280] + bytes(48) + whole[328:],
    )


@pytest.mark.parametrize(
    ("problem", "content"), [pytest.param(p, c, id=name) for name, p, c in hostile()]
)
def test_hostile_nifti_is_refused_in_one_line_from_folder_and_archive(
    tmp_path, problem, content, capfd
):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "bad.nii").write_bytes(content)
    zip_folder(tmp_path / "d", tmp_path / "d.zip")
    for place in ("d/bad.nii", "d.zip::bad.nii"):
        with pytest.raises(InputError, match=f"(?i)bad.nii.*({problem})") as error:
            volumes.read_slice(tmp_path, place, "axial", 0)
        assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


@given(st.binary(max_size=40), st.integers(0, 540))
@example(b"\x00\x00_", 117)  # a slope of 1e19
def test_nifti_with_any_bytes_changed_is_read_or_refused(tmp_path_factory, noise, place):
    whole = bytearray(nibabel.Nifti1Image(VALUES, TURNED).to_bytes())
    whole[place : place + len(noise)] = noise
    folder = tmp_path_factory.mktemp("noise")
    (folder / "a.nii").write_bytes(whole)
    with suppress(InputError):
        assert volumes.read_slice(folder, "a.nii", "axial", 0).ndim == 2


def test_volume_without_a_slice_named_says_what_to_do(tmp_path):
    write_nifti(tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"it is a volume.*--slices of rin new"):
        read_picture(tmp_path, "a.nii")
    np.save(tmp_path / "a.npy", VALUES)
    with pytest.raises(InputError, match=r"5 x 6 x 7 of int16.*--slices of rin new"):
        read_picture(tmp_path, "a.npy")


@pytest.mark.parametrize(
    ("rule", "count", "n", "taken"),
    [
        ("even", 3, 9, [1, 4, 7]),
        ("middle", 3, 9, [3, 4, 5]),
        ("lesion", 2, 4, [1, 3]),
        ("even", 5, 3, [0, 1, 2]),
        ("middle", 5, 3, [0, 1, 2]),
    ],
)
def test_rule_says_which_slices_are_taken(rule, count, n, taken):
    assert Slices(rule=rule, count=count).choose(n) == taken


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rule": "first"}, "rule"),
        ({"count": 0}, "count"),
        ({"axis": "oblique"}, "axis"),
        ({"axis": "axial", "volume": "folder"}, "leave it out for folders"),
    ],
)
def test_unusable_rule_is_refused(changes, problem):
    with pytest.raises(InputError, match=problem):
        Slices.checked({"rule": "even", "count": 2} | changes, where="a", remedy="b")


LABELS = ("benign", "malignant")


def manifest_of(slices, **changes):
    """Return a manifest of class folders, or of another layout, with slices."""
    nothing = {"files": {}, "findings": (), "tasks": (), "label_map": {}, "stand_in": None}
    common = {"name": "own", "layout": "folder_classes", "options": {}, "locations": ("own",)}
    common |= {"independence": "exam", "patient_labels": "one", "counts": ExpectedCounts()}
    common |= {"slices": Slices(**slices), "patient_pattern": None, "masks": False}
    blank = load_manifest("headct200")
    return changed(blank, **nothing | common | changes)


def volume(number, shape=SHAPE):
    """Values of a volume of which no two slices are equal."""
    return np.random.default_rng(number).integers(0, 255, shape).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Two volumes of each class, in NIfTI, with the identity as their place."""
    for number in range(4):
        path = tmp_path / "own" / LABELS[number % 2] / f"v{number}.nii.gz"
        write_nifti(path, volume(number), np.eye(4))
    return tmp_path


def read(root, manifest):
    return find_cases(open_tree(root, "own"), manifest)


def test_cases_are_the_slices_of_volumes_under_label_and_exam(folder):
    cases = read(folder, manifest_of({"rule": "middle", "count": 3, "axis": "axial"}))
    assert len(cases) == 12
    first = cases.iloc[0]
    assert first["case_id"] == "benign/v0.nii.gz-2"
    assert first["image"] == "own/benign/v0.nii.gz#axial-2"
    assert (first["patient_id"], first["volume_id"]) == ("benign/v0.nii.gz",) * 2
    assert cases.groupby("patient_id")["label"].agg(set).map(len).eq(1).all()
    shown = read_picture(folder, first["image"])
    assert shown.tolist() == volume(0)[::-1, ::-1, 2].T.tolist()


def test_patient_of_a_volume_is_the_one_of_its_name(folder):
    named = manifest_of({"rule": "even", "count": 2}, independence="patient")
    named = DatasetManifest.model_validate(named.model_dump() | {"patient_pattern": r"v(\d)"})
    cases = read(folder, named)
    assert {*cases["patient_id"]} == {"0", "1", "2", "3"}
    assert cases.groupby("patient_id").size().eq(2).all()


def test_volume_with_fewer_slices_than_asked_gives_all_and_is_a_finding(folder):
    path = folder / "own" / "benign" / "thin.nii.gz"
    write_nifti(path, volume(9, (5, 6, 2)), np.eye(4))
    manifest = manifest_of({"rule": "even", "count": 4})
    dataset = open_dataset(manifest, folder, index_folder=folder / "index")
    assert (dataset.cases["volume_id"] == "benign/thin.nii.gz").sum() == 2
    (finding,) = [f for f in dataset.findings if f.kind == "short volumes"]
    assert finding.text == "1 volume with fewer than 4 slices, all taken"
    assert finding.case_ids == ("benign/thin.nii.gz",)


def test_duplicate_volume_is_found_and_kept_on_one_side(folder):
    source = folder / "own" / "benign" / "v0.nii.gz"
    (folder / "own" / "benign" / "copy.nii.gz").write_bytes(source.read_bytes())
    manifest = manifest_of({"rule": "even", "count": 2})
    dataset = open_dataset(manifest, folder, index_folder=folder / "index")
    twice = [f for f in dataset.findings if f.kind == "exact duplicates"]
    assert [len(f.case_ids) for f in twice] == [2, 2]


def test_all_broken_volumes_are_named_at_once_and_known_ones_passed_over(folder):
    for name in ("bad", "worse"):
        (folder / "own" / "benign" / f"{name}.nii").write_bytes(b"nonsense")
    manifest = manifest_of({"rule": "even", "count": 2})
    with pytest.raises(InputError, match=r"2 volumes cannot be read: .*bad.nii .*worse.nii"):
        read(folder, manifest)
    known = {f"benign/{name}.nii": "broken" for name in ("bad", "worse")}
    assert len(read(folder, changed(manifest, known_bad=known))) == 8


@pytest.mark.parametrize(
    ("name", "axis", "problem"),
    [
        ("x.png", None, "it is not a volume"),
        ("x.npy", None, "it is a picture, not a volume"),
        ("y.npy", "axial", "it has no axis axial"),
        ("x.nii", 1, "NIfTI has no axis 1"),
    ],
)
def test_file_that_is_no_volume_or_has_no_such_axis_is_refused(tmp_path, name, axis, problem):
    top = tmp_path / "own" / "benign"
    save(top / "x.png", picture(1))
    np.save(top / "x.npy", picture(1))
    np.save(top / "y.npy", volume(1))
    write_nifti(top / "x.nii")
    for other in {"x.png", "x.npy", "y.npy", "x.nii"} - {name}:
        (top / other).unlink()
    with pytest.raises(InputError, match=problem):
        read(tmp_path, manifest_of({"rule": "even", "count": 2, "axis": axis}))


def with_masks(folder, *, ending=".nii.gz", wrong=None, affine=None):
    """Write a mask beside the first volume of each class: labels 1 and 2 in slices 3 to 5."""
    for number in range(2):
        drawn = np.zeros(SHAPE if wrong is None else wrong, np.uint8)
        drawn[1:3, 2:4, 3:6] = 1
        drawn[1, 2, 3:6] = 2
        path = folder / "own" / LABELS[number] / f"v{number}_mask{ending}"
        if ending == ".npy":
            np.save(path, drawn)
        else:
            write_nifti(path, drawn, np.eye(4) if affine is None else affine)


MASKED = {"options": {"mask": "(?P<stem>.+)_mask"}, "masks": True}


def test_slices_with_a_lesion_are_taken_with_their_masks(folder):
    with_masks(folder)
    slices = {"rule": "lesion", "count": 2, "axis": "axial"}
    manifest = manifest_of(slices, near_duplicate_bits=None, **MASKED)
    dataset = open_dataset(manifest, folder, index_folder=folder / "index")
    cases = dataset.cases.set_index("case_id")
    assert [*cases.index[:2]] == ["benign/v0.nii.gz-3", "benign/v0.nii.gz-5"]
    marked = read_mask(folder, cases["masks"].iloc[0], (6, 5))
    drawn = np.zeros(SHAPE, bool)
    drawn[1:3, 2:4, 3:6] = True
    assert marked.tolist() == drawn[::-1, ::-1, 3].T.tolist()
    (finding,) = [f for f in dataset.findings if f.kind == "volumes without a lesion"]
    assert finding.text.startswith("2 volumes without a lesion, whose slices are evenly")
    store = build_store(dataset, 6, folder=folder / "stores")
    assert store.masks().any(axis=(1, 2)).sum() == 4


def test_slice_beside_the_lesion_has_no_mask_and_an_empty_mask_stays_one(folder):
    with_masks(folder)
    write_nifti(folder / "own/benign/v2_mask.nii.gz", np.zeros(SHAPE, np.uint8), np.eye(4))
    manifest = manifest_of({"rule": "even", "count": 7, "axis": "axial"}, **MASKED)
    cases = read(folder, manifest).set_index("case_id")
    has_mask = cases["masks"].map(len)
    assert [*has_mask[[f"benign/v0.nii.gz-{k}" for k in range(7)]]] == [0, 0, 0, 1, 1, 1, 0]
    assert has_mask[[f"benign/v2.nii.gz-{k}" for k in range(7)]].eq(1).all()


def test_masks_tell_the_class_of_the_volume_and_not_of_the_slice(folder):
    with_masks(folder)
    manifest = manifest_of({"rule": "even", "count": 3}, labels_in_masks=True, **MASKED)
    cases = read(folder, manifest)
    classes = cases.groupby("volume_id")["source_class"].agg(set)
    assert classes.tolist() == [{"lesion"}, {"no lesion"}, {"lesion"}, {"no lesion"}]


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"wrong": (5, 6, 8)}, "has 5 x 6 x 8 voxels and its volume 5 x 6 x 7"),
        ({"affine": np.diag([-1.0, 1, 1, 1])}, "is elsewhere in the patient"),
        ({"ending": ".npy"}, "has another file format"),
    ],
)
def test_mask_of_another_shape_place_or_kind_is_refused(folder, how, problem):
    with_masks(folder, **how)
    with pytest.raises(InputError, match=problem):
        read(folder, manifest_of({"rule": "even", "count": 3}, **MASKED))


def test_mask_that_is_a_picture_is_refused(folder):
    write_nifti(folder / "own" / "benign" / "v0_mask.nii.gz", volume(5), np.eye(4))
    with pytest.raises(InputError, match="contains values of a picture"):
        read(folder, manifest_of({"rule": "even", "count": 3}, **MASKED))


def test_masks_of_arrays_are_read_along_the_same_axis(tmp_path):
    for number in range(2):
        top = tmp_path / "own" / LABELS[number]
        top.mkdir(parents=True)
        np.save(top / "v.npy", volume(number))
        drawn = np.zeros(SHAPE, np.float32)
        drawn[2:4, 3, 4] = 1
        np.save(top / "v_mask.npy", drawn)
    cases = read(tmp_path, manifest_of({"rule": "lesion", "count": 1, "axis": 1}, **MASKED))
    assert cases["image"].tolist() == ["own/benign/v.npy#1-3", "own/malignant/v.npy#1-3"]
    marked = read_mask(tmp_path, cases["masks"][0], (5, 7))
    assert np.argwhere(marked).tolist() == [[2, 4], [3, 4]]


FRAMES = np.stack([np.arange(20, dtype=np.uint16).reshape(4, 5) + 100 * k for k in range(4)])
RESCALED = {"RescaleSlope": 2, "RescaleIntercept": -50}


def write_frames(path, frames=FRAMES, **elements):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = new_instance(SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1", **elements)
    image.SOPInstanceUID = make_uid(path.name)
    pydicom.dcmwrite(path, set_pixels(image, frames, 12), enforce_file_format=True)


def test_frames_of_a_dicom_file_are_slices(tmp_path):
    for number in range(2):
        path = tmp_path / "own" / LABELS[number] / f"scan{number}"
        write_frames(path, PatientID=f"P{number}", **RESCALED)
    manifest = manifest_of({"rule": "even", "count": 2}, patients_in_headers=True)
    manifest = changed(manifest, window=(200, 400), independence="patient")
    cases = open_dataset(manifest, tmp_path, index_folder=tmp_path / "index").cases
    assert cases["image"].tolist()[:2] == [
        "own/benign/scan0#frame-1",
        "own/benign/scan0#frame-3",
    ]
    assert cases["patient_id"].tolist() == ["P0", "P0", "P1", "P1"]
    stored = pydicom.dcmread(tmp_path / "own/benign/scan0").pixel_array[3]
    shown = read_picture(tmp_path, "own/benign/scan0#frame-3", False, (200, 400))
    share = ((2.0 * stored - 50) - 199.5) / 399 + 0.5
    assert shown.tolist() == np.rint(255 * np.clip(share, 0, 1)).tolist()


def test_functional_groups_say_how_each_frame_is_shown(tmp_path):
    def group(slope):
        values = fill(Dataset(), RescaleSlope=slope, RescaleIntercept=0)
        return fill(Dataset(), PixelValueTransformationSequence=[values])

    shared = fill(
        Dataset(), FrameVOILUTSequence=[fill(Dataset(), WindowCenter=200, WindowWidth=400)]
    )
    groups = {
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": [group(slope) for slope in (1, 2, 3, 4)],
    }
    write_frames(tmp_path / "a.dcm", **groups)
    for number, slope in enumerate((1, 2, 3, 4)):
        share = (slope * FRAMES[number].astype(float) - 199.5) / 399 + 0.5
        shown = read_picture(tmp_path, f"a.dcm#frame-{number}")
        np.testing.assert_allclose(shown, 255 * np.clip(share, 0, 1), atol=0.51)


@pytest.mark.parametrize("number", [4, 999])
def test_frame_that_is_not_there_is_refused(tmp_path, number):
    write_frames(tmp_path / "a.dcm")
    with pytest.raises(InputError, match=f"it has 4 frames, but frame {number + 1}"):
        read_picture(tmp_path, f"a.dcm#frame-{number}")


def test_frames_that_the_header_alone_has_are_refused(tmp_path):
    write_frames(tmp_path / "a.dcm")
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    dataset.NumberOfFrames = 9
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(InputError, match="not a readable DICOM picture"):
        read_picture(tmp_path, "a.dcm#frame-7")


def write_series(folder, label, name, heights, series="1", numbers=None):
    for place, height in enumerate(heights):
        image = new_instance(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.4",
            SOPInstanceUID=make_uid(label, name, str(place)),
            SeriesInstanceUID=make_uid(series),
            PatientID=name,
            ImagePositionPatient=[0, 0, height],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            InstanceNumber=(numbers or heights)[place],
        )
        values = np.arange(20, dtype=np.uint8).reshape(4, 5) + 10 * height
        path = folder / "own" / label / name / f"IM{place}"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = set_pixels(image, values.astype(np.uint8), 8)
        pydicom.dcmwrite(path, pixels, enforce_file_format=True)


IN_FOLDERS = {"options": {"patients": True}}


def test_slices_of_a_folder_are_in_the_order_of_their_heights(tmp_path):
    for label, name in zip(LABELS, ("p", "q"), strict=True):
        write_series(tmp_path, label, name, [5, 1, 4, 2, 3])
    slices = {"rule": "middle", "count": 3, "volume": "folder"}
    cases = read(tmp_path, manifest_of(slices, **IN_FOLDERS))
    # Of heights 1 to 5, 2 to 4 are in the middle.
    assert {name.rpartition("/")[2] for name in cases["image"]} == {"IM3", "IM4", "IM2"}
    assert cases.groupby("patient_id").size().tolist() == [3, 3]


def test_pictures_of_a_folder_are_in_the_order_of_the_numbers_in_their_names(tmp_path):
    for label in LABELS:
        for number in range(1, 12):
            save(tmp_path / "own" / label / "v" / f"slice{number}.png", picture(number))
    slices = {"rule": "middle", "count": 3, "volume": "folder"}
    cases = read(tmp_path, manifest_of(slices, **IN_FOLDERS))
    names = sorted(name.rpartition("/")[2] for name in cases["image"][:3])
    assert names == ["slice5.png", "slice6.png", "slice7.png"]


def test_slices_of_unnamed_folders_share_the_exam_of_their_folder(tmp_path):
    for label in LABELS:
        for name in ("v1", "v2"):
            for number in range(4):
                save(tmp_path / "own" / f"{label}-{name}" / f"{number}.png", picture(number))
    slices = {"rule": "even", "count": 2, "volume": "folder"}
    options = {"label": "([a-z]+)-v\\d/"}
    cases = read(tmp_path, manifest_of(slices, options=options))
    assert cases.groupby("patient_id").size().tolist() == [2, 2, 2, 2]


def test_folder_of_two_series_is_refused(tmp_path):
    for label in LABELS:
        write_series(tmp_path, label, "p", [1, 2, 3])
    write_series(tmp_path, "benign", "p", [1, 2, 3, 4], series="2")
    dataset = pydicom.dcmread(tmp_path / "own/benign/p/IM1")
    dataset.SeriesInstanceUID = make_uid("1")
    dataset.save_as(tmp_path / "own/benign/p/IM1")
    slices = {"rule": "even", "count": 2, "volume": "folder"}
    with pytest.raises(InputError, match="1 folder has several series: own/benign/p"):
        read(tmp_path, manifest_of(slices, **IN_FOLDERS))


@pytest.mark.parametrize(
    ("spacing", "plane"), [((5, 1, 1), "sagittal"), ((1, 3, 1), "coronal"), ((1, 1, 1), "axial")]
)
def test_proposed_plane_is_the_one_in_which_slices_were_acquired(tmp_path, spacing, plane):
    for number in range(3):
        path = tmp_path / "own" / f"v{number}.nii"
        write_nifti(path, volume(number), np.diag([*spacing, 1.0]))
    tree = open_tree(tmp_path, "own")
    slices, n = propose_slices(tree, tree.names, all_masked=False)
    assert (slices, n) == (Slices(rule="middle", count=3, axis=plane), 3)


def test_nothing_is_proposed_for_pictures_and_for_folders_of_a_few(tmp_path):
    for number in range(9):
        save(tmp_path / "own" / "p" / f"{number}.png", picture(number))
    tree = open_tree(tmp_path, "own")
    assert propose_slices(tree, tree.names, all_masked=False) is None
    few = tmp_path / "few"
    for label in LABELS:
        write_series(few, label, "p", [1, 2, 3])
    tree = open_tree(few, "own")
    assert propose_slices(tree, tree.names, all_masked=False) is None


def test_layout_of_a_published_dataset_takes_no_slices(tmp_path):
    manifest = manifest_of({"rule": "even", "count": 2}, layout="ddti")
    with pytest.raises(InputError, match="the layout 'ddti' does not support slices"):
        read(tmp_path, manifest) if (tmp_path / "own").mkdir() is None else None


def test_given_split_of_a_table_places_whole_volumes(tmp_path):
    lines = ["file,label,part,who"]
    for number in range(24):
        write_nifti(tmp_path / "own" / f"v{number}.nii", volume(number), np.eye(4))
        part = ("train", "test")[number % 3 == 0]
        lines.append(f"v{number},{LABELS[number // 2 % 2]},{part},P{number}")
    (tmp_path / "own" / "list.csv").write_text("\n".join(lines) + "\n")
    options = {"table": "list.csv", "image": "file", "label": "label", "patient": "who"}
    options["split"] = {"column": "part"}
    manifest = manifest_of({"rule": "even", "count": 3}, layout="table", options=options)
    manifest = changed(manifest, independence="patient")
    dataset = open_dataset(manifest, tmp_path, index_folder=tmp_path / "index")
    groups = leak_free_groups(dataset.cases, near_duplicates(dataset.cases, None))
    folds = given_folds(dataset, groups, 1, 0).merge(dataset.cases, on="case_id")
    assert folds.groupby("volume_id")["part"].nunique().eq(1).all()
    assert (folds["part"] == "test").sum() == 3 * 8


def test_array_of_python_objects_in_a_volume_is_refused(tmp_path):
    content = io.BytesIO()
    np.save(content, np.array([[[None]]], dtype=object), allow_pickle=True)
    (tmp_path / "own" / "benign").mkdir(parents=True)
    (tmp_path / "own" / "benign" / "a.npy").write_bytes(content.getvalue())
    with pytest.raises(InputError, match="the array cannot be read"):
        read(tmp_path, manifest_of({"rule": "even", "count": 2}))


def test_values_in_the_upper_bits_are_shown_over_the_range_of_their_own_bits(tmp_path):
    image = new_instance(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID=make_uid("a"))
    set_pixels(image, np.array([[0, 4095 << 4]], np.uint16), 16)
    image.BitsStored = 12
    pydicom.dcmwrite(tmp_path / "a.dcm", image, enforce_file_format=True)
    assert read_picture(tmp_path, "a.dcm").tolist() == [[0, 255]]
