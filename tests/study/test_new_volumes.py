"""`rin new` on volumes: NIfTI, arrays, frames and folders of slices, with their patients."""

import re
import shlex
import shutil
import subprocess

import nibabel
import numpy as np
import pytest
import yaml
from own_images import save, write_dicom, written
from PIL import Image
from scipy.io import savemat

from rin.data.dataset import open_dataset
from rin.data.manifest import DatasetManifest, load_manifest
from rin.data.pixels import read_picture

CLASSES = ("benign", "malignant")
SHAPE = (12, 14, 10)


def values_of(number, dtype=np.uint8):
    return np.random.default_rng(number).integers(0, 250, SHAPE).astype(dtype)


def write_nifti(path, values, spacing=(1, 1, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([*spacing, 1.0])), path)


@pytest.fixture
def volumes(home):
    """Two scans of each of 24 patients, in NIfTI, in a folder each, and a table of patients."""
    lines = ["Patient;Befund"]
    for patient in range(24):
        for scan in range(2):
            path = home / "cohort" / "scans" / f"P{patient:02d}" / f"scan{scan}.nii.gz"
            write_nifti(path, values_of(2 * patient + scan))
        lines.append(f"P{patient:02d};{CLASSES[patient % 2]}")
    (home / "cohort" / "list.csv").write_text("\n".join(lines) + "\n")
    return home


COHORT = ["--images", "cohort/scans", "--table", "cohort/list.csv", "--yes"]


def new(rin, *flags, status=0):
    found, out, err = rin("new", "mine", *flags)
    assert found == status, err or out
    return out if status == 0 else err


def opened(home):
    return open_dataset(load_manifest("mine"), home, index_folder=home / "results" / "index")


def test_new_proposes_slices_of_volumes_and_divides_patients(rin, volumes):
    out = new(rin, *COHORT)
    assert "slices           middle,3,axial of each volume (--slices to change this)" in out
    manifest = load_manifest("mine")
    stated = manifest.slices.model_dump(exclude_defaults=True)
    assert stated == {"rule": "middle", "count": 3, "axis": "axial"}
    cases = opened(volumes).cases
    assert len(cases) == 24 * 2 * 3
    assert cases.groupby("patient_id").size().eq(6).all()
    first = cases[cases["case_id"] == "P00/scan0.nii.gz-4"].iloc[0]
    shown = read_picture(volumes, first["image"])
    assert shown.tolist() == values_of(0)[::-1, ::-1, 4].T.tolist()


@pytest.mark.slow
def test_slices_are_those_that_somebody_says(rin, volumes):
    out = new(rin, *COHORT, "--slices", "even,5,coronal")
    assert "even,5,coronal of each volume" in out
    assert len(opened(volumes).cases) == 24 * 2 * 5


def test_slices_with_a_lesion_are_proposed_where_every_volume_has_a_mask(rin, volumes):
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[4:8, 4:8, 6:9] = 1
    for path in sorted((volumes / "cohort/scans").rglob("*.nii.gz")):
        write_nifti(volumes / "cohort/masks" / path.relative_to(volumes / "cohort/scans"), drawn)
    out = new(rin, *COHORT, "--masks", "cohort/masks")
    assert "lesion,3,axial of each volume" in out
    assert "144 masks, one per picture" in out
    cases = opened(volumes).cases
    assert {name.rpartition("-")[2] for name in cases["case_id"]} == {"6", "7", "8"}


@pytest.fixture
def sequences(home):
    """Two sequences of each of 24 patients in her folder, with a mask that belongs to both."""
    for patient in range(24):
        drawn = np.zeros(SHAPE, np.uint8)
        drawn[4:8, 4:8, 6:9] = 1
        drawn[5:7, 5:7, 7] += patient % 2
        values = {"t1": values_of(patient), "flair": values_of(24 + patient), "seg": drawn}
        for kind, voxels in values.items():
            write_nifti(home / f"cohort/scans/P{patient:02d}/P{patient:02d}_{kind}.nii.gz", voxels)
    lines = [f"P{patient:02d};{CLASSES[patient % 2]}" for patient in range(24)]
    (home / "cohort" / "list.csv").write_text("\n".join(["Patient;Befund", *lines, ""]))
    return home


@pytest.mark.slow
def test_masks_of_one_sequence_of_several_are_found_once_it_is_named(rin, sequences):
    status, _, err = rin("new", "mine", *COHORT)
    assert status == 1
    assert "24 pictures are named like masks, and no picture matches them" in err
    assert "P00/P00_flair.nii.gz, select both by parts of their names: --only 'KIND|seg'" in err
    out = new(rin, *COHORT, "--only", "flair|seg")
    assert "72 masks, one per picture" in out
    assert "labels 1 in 24, 2 in 12 of 24 masks: all count as the lesion" in out
    cases = opened(sequences).cases
    assert cases["image"].str.contains("_flair.nii.gz#axial-").all()
    assert cases.groupby("patient_id").size().eq(3).all()


def test_title_of_a_task_keeps_the_capitals_of_its_classes(rin, sequences):
    table = sequences / "cohort/list.csv"
    table.write_text(table.read_text().replace("malignant", "eHGG").replace("benign", "LGG"))
    new(rin, *COHORT, "--only", "t1", "--positive", "eHGG")
    assert load_manifest("mine").tasks[0].title == "EHGG or LGG, mine"


def test_masks_of_one_sequence_tell_classes_by_their_values(rin, sequences):
    (sequences / "cohort/list.csv").unlink()
    flags = ["--images", "cohort/scans", "--yes", "--only", "flair|seg", "--label", "masks"]
    new(rin, *flags, "--lesion-values", "2", "--slices", "even,2", "--patient", "^(P[0-9]+)/")
    cases = opened(sequences / "cohort").cases
    lesion = cases["patient_id"].str.removeprefix("P").astype(int) % 2 == 1
    assert cases["label"].map({"lesion": True, "no lesion": False}).tolist() == lesion.tolist()


def test_only_needs_a_pattern(rin, sequences):
    status, _, err = rin("new", "mine", *COHORT, "--only", "(flair")
    assert status == 1
    assert err.startswith("rin: --only: not a valid pattern")


def test_way_to_convert_pictures_of_other_kinds_works(rin, home):
    for number in range(3):
        path = home / "other" / f"a folder/{number}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values_of(number)[..., 0]).save(path)
    status, _, err = rin("new", "mine", "--images", "other/a folder", "--yes")
    assert status == 1
    command = re.search(r"\S+ -c .*(?=, or name the right folder)", err)[0]
    subprocess.run(command, shell=True, check=True, cwd=home)
    assert len(sorted((home / "other/a folder").glob("*.png"))) == 3


@pytest.mark.slow
def test_way_to_write_pictures_of_an_archive_of_arrays_works(rin, home):
    (home / "arrays").mkdir()
    arrays = {}
    for part, n in (("train", 20), ("test", 6)):
        arrays[f"{part}_images"] = np.stack([values_of(k)[..., 0] for k in range(n)])
        arrays[f"{part}_labels"] = np.arange(n)[:, None] % 2
    np.savez(home / "arrays" / "mnist.npz", **arrays)
    for images, after in (("arrays", ", or name the right folder"), ("arrays/mnist.npz", ".\n")):
        status, _, err = rin("new", "mine", "--images", images, "--yes")
        assert status == 1
        command = err[err.rindex(" ", 0, err.index(" -c ")) : err.index(after)]
        subprocess.run(command, shell=True, check=True, cwd=home)
        assert len([*(home / "arrays").rglob("*.png")]) == 26
        shutil.rmtree(home / "arrays" / "mnist", ignore_errors=images == "arrays/mnist.npz")
    subprocess.run(command, shell=True, check=True, cwd=home)
    flags = ["--images", "arrays/mnist", "--patient", "none", "--positive", "1=lesion", "--yes"]
    assert "lesion 13 (positive), not lesion 13" in new(rin, *flags)


@pytest.mark.slow
def test_way_to_write_pictures_masks_and_table_of_matlab_files_works(rin, home):
    pytest.importorskip("pymatreader")
    folder = home / "brain" / "a folder"
    folder.mkdir(parents=True)
    for number in range(24):
        mask = np.zeros((30, 40), np.uint8)
        mask[5 : 9 + number % 3, 20:30] = 1
        pixels = np.random.default_rng(number).integers(0, 3000, mask.shape, np.int16)
        case = {"image": pixels, "label": 1.0 + (number // 2 % 3 == 0)}
        case |= {"PID": f"patient {number // 2}", "tumorMask": mask, "border": [1.5, 2.5, 3.5]}
        savemat(folder / f"{number}.mat", {"cjdata": case})
    status, _, err = rin("new", "mine", "--images", "brain/a folder", "--yes")
    assert status == 1
    command = re.search(r"\S+ -c .*(?=, or name the right folder)", err)[0]
    subprocess.run(command, shell=True, check=True, cwd=home)
    flags = ["--images", "brain/a folder", "--table", "brain/a folder/list.csv"]
    said = new(rin, *flags, "--positive", "2.0=glioma", "--yes")
    assert "glioma 8 (positive), not glioma 16" in said
    assert "24 masks, one per picture" in said
    assert "12 patients" in said


XML = "<annotation><object><name>{}</name></object></annotation>"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "annotation", "positive"),
    [(".xml", XML, "nodule"), (".txt", "{} .5 .5 .1 .1", "1")],
)
def test_way_to_make_a_table_of_annotations_works(rin, home, ending, annotation, positive):
    other = {"nodule": "mass", "1": "0"}[positive]
    for number in range(24):
        path = home / "other" / "images" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values_of(number)[..., 0]).save(path)
        text = annotation.format(positive if number % 3 == 0 else other)
        path = home / "other" / "annotations" / f"{number}{ending}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n{annotation.format(other)}" if ending == ".txt" else text)
    status, _, err = rin("new", "mine", "--images", "other", "--yes")
    assert (status, f"24 pictures have their class in {ending} files" in err) == (1, True)
    command, flags = re.search(r"(\S+ -c .*); then give (.*)\.\n", err).groups()
    subprocess.run(command, shell=True, check=True, cwd=home)
    flags = [*shlex.split(flags), "--patient", "none", "--positive", f"{positive}=lesion", "--yes"]
    assert "lesion 8 (positive)" in new(rin, "--images", "other", *flags)


@pytest.mark.slow
def test_volumes_without_named_patients_are_exams(rin, home):
    for number in range(24):
        write_nifti(home / "own2" / CLASSES[number % 2] / f"v{number}.nii", values_of(number))
    new(rin, "--images", "own2", "--patient", "none", "--yes")
    manifest = load_manifest("mine")
    assert manifest.independence == "exam"
    cases = opened(home).cases
    assert cases["patient_id"].nunique() == 24
    assert cases.groupby("volume_id")["patient_id"].nunique().eq(1).all()


@pytest.mark.parametrize("named", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_folders_of_a_series_are_taken_for_volumes(rin, home, named):
    for patient in range(24):
        for place in range(9):
            path = home / "own2" / CLASSES[patient % 2] / f"P{patient}" / f"IM{place}"
            path.parent.mkdir(parents=True, exist_ok=True)
            where = {"SeriesInstanceUID": f"1.2.{patient}", "InstanceNumber": 9 - place}
            write_dicom(path, values_of(9 * patient + place)[..., 0], f"P{patient}", **where)
    flags = [] if named else ["--slices", "even,2,folder"]
    out = new(rin, "--images", "own2", "--yes", *flags)
    n = 3 if named else 2
    assert f"{'middle' if named else 'even'},{n},folder of each volume" in out
    cases = opened(home).cases
    assert cases.groupby("patient_id").size().eq(n).all()
    taken = {name.rpartition("/")[2] for name in cases["image"]}
    assert taken == ({"IM3", "IM4", "IM5"} if named else {"IM2", "IM6"})


def test_frames_of_dicom_are_slices(rin, home):
    for patient in range(24):
        path = home / "own2" / CLASSES[patient % 2] / f"P{patient}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = np.ascontiguousarray(values_of(patient).T)
        write_dicom(path, frames[0], f"P{patient}", PixelData=frames.tobytes(), NumberOfFrames=10)
    out = new(rin, "--images", "own2", "--yes")
    assert "middle,3 of each volume" in out
    assert "the headers of the DICOM files (PatientID)" in out
    cases = opened(home).cases
    assert cases.groupby("patient_id").size().eq(3).all()
    shown = read_picture(home, "own2/benign/P0.dcm#frame-4")
    assert shown.tolist() == values_of(0)[..., 4].T.tolist()


def test_floating_volumes_need_a_window_which_percentiles_find(rin, home):
    for number in range(24):
        path = home / "own2" / CLASSES[number % 2] / f"v{number}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values_of(number) / 250 - 0.5)
    flags = ["--images", "own2", "--patient", "none", "--yes"]
    refused = new(rin, *flags, status=1)
    assert "pixels of floating numbers need a window" in refused
    assert "--window percentiles" in refused
    assert not written(home)
    new(rin, *flags, "--window", "percentiles")
    center, width = load_manifest("mine").window
    assert center == pytest.approx(0, abs=0.02)
    assert width == pytest.approx(1, abs=0.02)


def test_window_of_16_bits_from_percentiles_shows_more_than_all_their_values(rin, home):
    rng = np.random.default_rng(0)
    for number in range(24):
        pixels = rng.integers(0, 500, (16, 16)).astype(np.uint16)
        pixels[0, 0] = 4000
        save(home / "own2" / CLASSES[number % 2] / f"v{number}.png", pixels)
    flags = ["--images", "own2", "--patient", "none", "--yes"]
    new(rin, *flags, "--window", "percentiles")
    assert load_manifest("mine").window[1] < 520


def test_window_of_deep_dicom_from_percentiles_is_stated_and_compared_again(rin, home):
    rng = np.random.default_rng(0)
    for number in range(24):
        path = home / "own2" / CLASSES[number % 2] / f"v{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dicom(path, rng.integers(0, 500, (16, 16)).astype(np.uint16), f"P{number}", 12)
    flags = ["--images", "own2", "--yes"]
    assert "none, all values shown (--window percentiles for more contrast)" in new(rin, *flags)
    for folder in ("manifests", "profiles"):
        (home / folder / "mine.yaml").unlink()
    new(rin, *flags, "--window", "percentiles")
    manifest = load_manifest("mine")
    assert (manifest.window_from, manifest.window[1] < 520) == ("percentiles", True)
    verify = ["data", "verify", "mine", "--data-root", str(home)]
    assert "as the percentiles of the pictures give" in rin(*verify)[1]
    text = (home / "manifests/mine.yaml").read_text().replace("window:\n- 2", "window:\n- 12")
    (home / "manifests/mine.yaml").write_text(text)
    assert "but the percentiles of the pictures now give" in rin(*verify)[1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--slices", "first,3"], "--slices first,3: "),
        (["--slices", "middle"], "--slices middle: "),
        (["--slices", "middle,3,upwards"], "axial, coronal or sagittal for NIfTI"),
        (["--slices", "none"], "it is a volume"),
        (["--slices", "middle,3,1"], "NIfTI has no axis 1"),
    ],
)
def test_slices_that_cannot_be_taken_are_refused_in_one_line(rin, volumes, flags, said):
    (line,) = new(rin, *COHORT, *flags, status=1).splitlines()
    assert said in line
    assert not written(volumes)


@pytest.mark.parametrize("content", [b"", b"II*\0junk", b"no TIFF"])
def test_broken_stack_of_frames_is_named_in_one_line(rin, home, content):
    for number in range(24):
        path = home / "own2" / CLASSES[number % 2] / f"v{number:02d}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        first, *others = map(Image.fromarray, values_of(number))
        first.save(path, save_all=True, append_images=others)
    path.write_bytes(content)
    (line,) = new(rin, "--images", "own2", "--patient", "none", "--yes", status=1).splitlines()
    assert "1 volume cannot be read: malignant/v23.tif (its frames do not form a volume" in line


def test_volumes_among_pictures_are_refused(rin, volumes):
    save(volumes / "cohort/scans/P00/view.png", values_of(1)[..., 0])
    (line,) = new(rin, *COHORT, status=1).splitlines()
    assert "scan0.nii.gz is a volume" in line
    assert "view.png is not" in line


def test_broken_volume_is_named_in_one_line(rin, volumes):
    path = volumes / "cohort/scans/P03/scan1.nii.gz"
    path.write_bytes(path.read_bytes()[:200])
    (line,) = new(rin, *COHORT, status=1).splitlines()
    assert "1 volume cannot be read: P03/scan1.nii.gz" in line or "P03/scan1.nii.gz" in line
    assert not written(volumes)


@pytest.mark.slow
def test_manifest_of_volumes_is_read_back_as_it_was_written(rin, volumes):
    new(rin, *COHORT)
    text = (volumes / "manifests" / "mine.yaml").read_text()
    assert "# which slices of each volume are used, guessed" in text
    assert DatasetManifest.model_validate(yaml.safe_load(text)).slices.rule == "middle"
