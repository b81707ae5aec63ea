"""`rin new` on what hospitals have: mistakes and oddities, each with its answer and its verdict.

A case is read for what it is, or refused in one line whose remedy works: where flags are the
remedy, they are tried.  Of all that is read, no patient stands on two sides of the split.
"""

import itertools
import json
import re
import shlex
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
from own_images import OWN, rows_of, save, write_dicom, write_table
from PIL import Image

from rin.study import open_workspace

FOLDERS = ["--images", "own/Bilder", "--yes"]
ORGANS, LETTERS = ("colon", "lung"), "abcdefghijkl"


@dataclass
class Case:
    """What somebody has: who makes it, flags of `rin new`, what is said, and what then works.

    ``remedy`` are the flags with which a refused case is read; None where a file is to be mended.
    ``patients``, ``classes`` and, where it is told, the number of ``images`` are those of what is
    read, by itself or with the remedy.
    """

    make: object
    said: str
    flags: tuple = ()
    refused: bool = False
    remedy: tuple | None = None
    patients: int | None = 24
    classes: tuple | None = None
    table: bool = True
    images: int | None = None


def names_of(home):
    return sorted(path.name for path in (home / "own/Bilder").iterdir())


def rename(home, name_of):
    """Move each picture to a name made of its patient's number, and its view."""
    folder = home / "own/Bilder"
    for name in names_of(home):
        patient, view = map(int, re.fullmatch(r"p(\d+)_(\d)\.png", name).groups())
        target = folder / name_of(patient, view)
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(target)
    shutil.rmtree(home / "own/masks")


def label_of(patient):
    return "malignant" if patient < 12 else "benign"


def write_patients(home, key_of, label=label_of, more=()):
    """Write a table of a row a patient."""
    rows = [(key_of(patient), label(patient), str(30 + patient)) for patient in range(24)]
    write_table(home, [*rows, *more], columns=("Subject", "Befund", "Alter"))


def renamed(column, label):
    """Return what renames the column of labels, and changes each label."""

    def make(home):
        rows = [(name, label(old), patient) for name, old, patient in rows_of(home)]
        write_table(home, rows, columns=("Bild", column, "Patient"))

    return make


def labels_of_views(home):
    """Take patients from the table, and give their two pictures different labels."""
    rows = [(name, "ab"[number % 2]) for number, (name, *_) in enumerate(rows_of(home))]
    write_table(home, rows, columns=("Bild", "Befund"))


def patients_of(name_of, key_of, **options):
    """Return what renames pictures and writes a table of a row a patient."""

    def make(home):
        rename(home, name_of)
        write_patients(home, key_of, **options)

    return make


def ages_of_patients(home):
    """Write a row a patient whose age others have too, and pictures of both of her eyes."""
    rename(home, lambda patient, view: f"{patient}_{('left', 'right')[view]}.png")
    rows = [(str(p), label_of(p), str(50 + p % 5)) for p in range(24)]
    write_table(home, rows, columns=("ID", "Diagnosis", "Patient Age"))


def numbered_rows(home):
    """Write a table with row numbers, as pandas does, lists of labels, and pictures in folders."""
    rename(home, lambda patient, view: f"{patient % 3}/{1000 + 2 * patient + view}.png")
    rows = [
        (str(n), f"{1000 + n}.png", f"P{n // 2}", f"['{label_of(n // 2)}']") for n in range(48)
    ]
    write_table(home, rows, columns=("", "ImageID", "PatientID", "Labels"))


def write_lines(home, lines):
    (home / "own" / "list.csv").write_text("\n".join([*lines, ""]))


def in_table(change):
    """Return what changes the rows of the table one by one: name, label, patient."""

    def make(home):
        write_table(home, [change(number, *row) for number, row in enumerate(rows_of(home))])

    return make


def measured(label, patient):
    """A number for each patient, below 46.15 where the label is malignant."""
    return f"{(30 if label == 'malignant' else 60) + int(patient[1:]) / 10:.1f}"


def classes_of(*labels):
    """Return what gives patients these labels in turn."""

    def change(_number, name, _label, patient):
        return name, labels[int(patient[1:]) % len(labels)], patient

    return in_table(change)


def quoted(*labels):
    """Return what gives patients labels that hold commas."""
    return classes_of(*(f'"{label}"' for label in labels))


def without_table(name_of):
    def make(home):
        rename(home, name_of)
        (home / "own/list.csv").unlink()

    return make


def labelled(patient):
    return int(patient < 12)


def dicom_of_patients(key_of):
    """Return what writes DICOM files whose headers name patients, and a row a patient."""

    def make(home):
        rng = np.random.default_rng(1)
        for number, name in enumerate(names_of(home)):
            (home / "own/Bilder" / name).unlink()
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            write_dicom(home / f"own/Bilder/IM{number:03d}.dcm", pixels, f"{number // 2:05d}")
        shutil.rmtree(home / "own/masks")
        write_patients(home, key_of)

    return make


def dicom_of_studies(key_of, *, patients_in_headers=True):
    """Return what writes DICOM files of studies, and a table that names these, in other order.

    Patients are in the headers, or in the table.
    """

    def make(home):
        rows = []
        for number, (name, label, patient) in enumerate(rows_of(home)):
            (home / "own/Bilder" / name).unlink()
            pixels = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
            study = {
                "AccessionNumber": f"A{900 - number}",
                "StudyInstanceUID": f"1.2.{number + 1}",
            }
            (home / f"own/Bilder/{number}").mkdir()
            stated = patient if patients_in_headers else ""
            write_dicom(home / f"own/Bilder/{number}/IM0", pixels, stated, **study)
            rows.append((key_of(number), label, *([] if patients_in_headers else [patient])))
        shutil.rmtree(home / "own/masks")
        columns = ("Untersuchung", "Befund", "PatNr")
        write_table(home, rows[::-1], columns=columns[: len(rows[0])])

    return make


def files_alike(home):
    """Give each patient a folder of files that are called alike."""
    rename(home, lambda patient, view: f"P{patient}/IM{view:04d}.png")
    rows = [(f"IM{n % 2:04d}.png", *row[1:]) for n, row in enumerate(rows_of(home))]
    write_table(home, rows, columns=("Datei", "Befund", "Patient"))


def coco(home):
    """Write what the table says as annotations of COCO, one of a picture twice."""
    rows = [*enumerate(rows_of(home))]
    images = [{"id": n, "file_name": row[0], "patient": row[2]} for n, row in rows]
    of = [{"image_id": n, "category_id": int(row[1] == "malignant")} for n, row in rows]
    kinds = [{"id": 0, "name": "benign"}, {"id": 1, "name": "malignant"}]
    stated = {"images": images, "annotations": [*of, of[0]], "categories": kinds}
    (home / "own/list.json").write_text(json.dumps(stated))
    (home / "own/list.csv").unlink()


def channels(home):
    """Call pictures as nnU-Net calls those of one channel."""
    for path in [*(home / "own/Bilder").iterdir()]:
        path.rename(path.with_name(f"{path.stem}_0000.png"))
    rows = [(row[0].replace(".png", "_0000.png"), *row[1:]) for row in rows_of(home)]
    write_table(home, rows)


def lesions(home):
    """Write a row a lesion, of which the first picture has two, each with its mask."""
    outline = np.zeros((16, 16), dtype=np.uint8)
    outline[9:12, 9:12] = 255
    save(home / "own/masks/second.png", outline)
    rows = [(*row, row[0]) for row in rows_of(home)]
    columns = ("Bild", "Befund", "Patient", "Maske")
    write_table(home, [*rows, (*rows[0][:3], "second.png")], columns=columns)


def studies(home):
    """Put pictures into a folder a study, below one a patient, and their paths into the table."""
    name_of = "patient{:05d}/study{}/view1.png".format
    rename(home, name_of)
    rows = [(name_of(p, v), label_of(p)) for p in range(24) for v in range(2)]
    write_table(home, rows, columns=("Path", "Befund"))


def findings(home, more=()):
    """Write a row a finding, of which every other patient with a tumour has two."""
    rows = rows_of(home)
    cysts = [(row[0], "cyst", row[2]) for row in rows if int(row[2][1:]) in range(0, 12, 2)]
    write_table(home, [*rows, *cysts, *more])


def findings_of_patients(home):
    rename(home, lambda p, v: f"P{p}_{v}.png")
    write_patients(home, lambda p: f"P{p}", more=[("P3", "cyst", "33")])


def labelled_masks(home, *, keeps_table=False):
    """Draw an organ, 1, into every mask, and a tumour, 2, into those of half of the patients."""
    for name in names_of(home):
        drawn = np.zeros((16, 16), np.uint8)
        drawn[2:12, 2:12] = 1
        drawn[4:8, 4:8] = 1 + (int(name[1:3]) < 12)
        save(home / "own/masks" / name, drawn)
    if not keeps_table:
        (home / "own/list.csv").unlink()


def redrawn(change):
    """Return what draws every mask anew, from a bool picture with a disc."""

    def make(home):
        away = np.indices((16, 16)) - 7
        disc = (away**2).sum(axis=0) < 36
        for name in names_of(home):
            save(home / "own/masks" / name, np.uint8(255) * change(disc))

    return make


def cbis_in_series(home):
    """Write folders a series, and a table of paths to whole pictures, crops and masks."""
    series = [f"1.3.{100 + 7 * n}" for n in range(72)]
    rename(home, lambda p, v: f"{series[p + 24 * v]}/1-1.png")
    rows = []
    for p in range(24):
        save(home / "own/Bilder" / series[p + 48] / "1-1.png", outline(p))
        paths = [f"x_{p}/1.9/{series[p + 24 * kind]}/0.dcm" for kind in range(3)]
        rows.append((f"P{p}", label_of(p).upper(), *paths))
    columns = ("patient_id", "pathology", "image file path", "cropped image file path")
    write_table(home, rows, columns=(*columns, "ROI mask file path"))


def sessions(home):
    """Put pictures into folders of sessions, of which the first two patients have two."""

    def session(patient, view):
        return f"OAS1_{patient:04d}_MR{1 + (view if patient < 2 else 0)}"

    rename(home, lambda p, v: f"{session(p, v)}/view{v}.png")
    ids = dict.fromkeys((session(p, v), label_of(p)) for p in range(24) for v in range(2))
    write_table(home, [*ids], columns=("ID", "Befund"))


def run_lengths(home, none="-1", kinds=()):
    """Write masks in run lengths into the table, as of SIIM-ACR, two of each first view.

    With ``kinds``, each picture has a row a kind, of which the first may have a mask.
    """
    rows, columns = [], ("ImageId", "EncodedPixels", "Patient")
    for number, (name, label, patient) in enumerate(rows_of(home)):
        runs = f"{number + 1} 3 40 5" if label == "malignant" else none
        rows.append((name, runs, patient))
        if runs != none and name.endswith("_0.png") and not kinds:
            rows.append((name, "90 2 101 4", patient))
    if kinds:
        first, second = kinds
        rows = [(n, *kind, p) for n, runs, p in rows for kind in ((first, runs), (second, none))]
        columns = ("ImageId", "kind", "runs", "Patient")
    write_table(home, rows, columns=columns)


def slices_in_sessions(home):
    """Move the pictures as UW-Madison's: ids are a folder's name and the beginning of a file's.

    A table has a row a kind of each, with a mask in run lengths or none.
    """
    rename(home, lambda p, v: f"case{p}/case{p}_day{v}/scans/slice_0001_16_1.50.png")
    rows = []
    for patient, view in itertools.product(range(24), range(2)):
        name, runs = f"case{patient}_day{view}_slice_0001", "3 4 40 5" if patient < 12 else ""
        rows += [(name, "stomach", runs), (name, "bowel", "")]
    write_table(home, rows, columns=("id", "class", "segmentation"))


def on_white(home):
    """Draw a disc and a cup in it on white, as of REFUGE, for half of the patients."""
    for name in names_of(home):
        drawn = np.full((16, 16), 255, np.uint8)
        if int(name[1:3]) < 12:
            drawn[4:12, 4:12], drawn[6:10, 6:10] = 128, 0
        save(home / "own/masks" / name, drawn)
    (home / "own/list.csv").unlink()


def gif_masks(home):
    """Call pictures and masks as DRIVE does."""
    rows = [(row[0].replace(".png", "_training.tif"), *row[1:]) for row in rows_of(home)]
    for name in names_of(home):
        picture = Image.open(home / "own/Bilder" / name)
        picture.save(home / "own/Bilder" / name.replace(".png", "_training.tif"))
        (home / "own/Bilder" / name).unlink()
        mask = Image.open(home / "own/masks" / name)
        mask.save(home / "own/masks" / name.replace(".png", "_manual1.gif"))
        (home / "own/masks" / name).unlink()
    write_table(home, rows)


def border(disc):
    inside = disc[:-2, 1:-1] & disc[2:, 1:-1] & disc[1:-1, :-2] & disc[1:-1, 2:]
    return disc & ~np.pad(inside, 1)


def black_masks(home, patients):
    for name in names_of(home):
        if int(name[1:3]) in patients:
            save(home / "own/masks" / name, np.zeros((16, 16), np.uint8))


def zipped(home):
    for name, label, _ in rows_of(home):
        target = home / "own/classes/set" / label / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (home / "own/Bilder" / name).rename(target)
    (home / "zips").mkdir()
    with zipfile.ZipFile(home / "zips/us.zip", "w") as archive:
        for path in sorted((home / "own/classes").rglob("*.png")):
            archive.write(path, path.relative_to(home / "own/classes"))


def large_table(home):
    more = [(f"x{number}.png", "benign", f"Q{number}") for number in range(2_000)]
    write_table(home, [*rows_of(home), *more])


def numbered(home):
    """Rename pictures to numbers with zeros, which the table has lost."""
    rows = []
    for number, (name, label, patient) in enumerate(rows_of(home)):
        (home / "own/Bilder" / name).rename(home / f"own/Bilder/{number:05d}.png")
        rows.append((str(number), label, patient))
    write_table(home, rows)


def title(home, text):
    table = (home / "own/list.csv").read_text()
    (home / "own/list.csv").write_text(f"{text}\n{table}")


def title_row(home):
    title(home, "Export of May,,")


def workbook(home):
    """Write the table as a workbook below a title, a date and an empty row."""
    above = [["Ward 3", "", ""], ["As of May", "", ""], [None] * 3, ["Bild", "Befund", "Patient"]]
    rows = pd.DataFrame([*above, *rows_of(home), [None] * 3])
    rows.to_excel(home / "own/list.xlsx", header=False, index=False)


def second_sheet(home):
    """Write the table behind a sheet that explains it."""
    table = pd.DataFrame(rows_of(home), columns=["Bild", "Befund", "Patient"])
    with pd.ExcelWriter(home / "own/list.xlsx") as book:
        words = pd.DataFrame({"Wort": ["m"], "Sinn": ["malignant"]})
        words.to_excel(book, sheet_name="Legende", index=False)
        table.to_excel(book, sheet_name="Daten", index=False)


def paths_from_above(home):
    """Put the table among the pictures, with paths that begin above their folder."""
    rename(home, lambda patient, view: f"train/P{patient}/view{view}.png")
    rows = [(f"Bilder/train/P{p}/view{v}.png", label_of(p)) for p in range(24) for v in range(2)]
    write_table(home, rows, columns=("Path", "Befund"))
    (home / "own/list.csv").rename(home / "own/Bilder/list.csv")


def numbers_of_files(home):
    """Name pictures by a number, which the table has, and by a patient, whom it has not."""
    rename(
        home, lambda patient, view: f"{1000 + 2 * patient + view}_a{patient:03d}_{'LR'[view]}.png"
    )
    rows = [(str(1000 + n), label_of(n // 2)) for n in range(48)]
    write_table(home, rows, columns=("File Name", "Befund"))


def ids_at_the_end(home):
    """Name pictures by an id at their end, below folders of sites."""
    rename(
        home, lambda patient, view: f"site{patient % 3}/MR_scan_I{200 + 2 * patient + view}.png"
    )
    rows = [(f"I{200 + n}", label_of(n // 2), f"P{n // 2}") for n in range(48)]
    write_table(home, rows, columns=("Image ID", "Befund", "Subject"))


def sides(
    home, name_of=lambda patient, side: f"{patient}_{side}", columns=("ID", "Side", "Befund")
):
    """Write a row a side of a patient, of which a second picture is in the folder, too."""
    rename(home, lambda patient, view: f"{name_of(patient, 'LR'[view])}_1.png")
    first = home / f"own/Bilder/{name_of(0, 'L')}_1.png"
    shutil.copy(first, first.with_name(first.name.replace("_1.png", "_2.png")))
    rows = [(str(p), side, label_of(p)) for p in range(24) for side in "LR"]
    write_table(home, rows, columns=columns)


def patients_apart(home):
    """Write patients into a table of their own, beside that of labels."""
    rows = rows_of(home)
    write_table(
        home, [(name, patient) for name, _, patient in rows[::-1]], columns=("Bild", "Patient")
    )
    (home / "own/list.csv").rename(home / "own/patients.csv")
    write_table(home, [row[:2] for row in rows], columns=("Bild", "Befund"))


def findings_in_folders(home):
    """Put pictures into folders of patients, each of whom has two rows."""
    rename(home, lambda patient, view: f"P{patient:02d}/view{view}.png")
    rows = [(f"P{p:02d}", ("cyst", label_of(p))[number]) for p in range(24) for number in range(2)]
    write_table(home, rows, columns=("ID", "Befund"))


def boxes(home):
    """Write a column of 0 and 1 for each diagnosis."""
    rows = [
        (name, "01"[row == "malignant"], "10"[row == "malignant"], p)
        for name, row, p in rows_of(home)
    ]
    write_table(home, rows, columns=("Bild", "diagnosis___1", "diagnosis___2", "Patient"))


def called_ima(home):
    """Call DICOM files as scanners of Siemens do."""
    dicom_of_patients(lambda patient: f"{patient:05d}")(home)
    for path in [*(home / "own/Bilder").glob("*.dcm")]:
        path.rename(path.with_suffix(".IMA"))


def volumes_of_nobody(home):
    for path in (home / "own/Bilder").iterdir():
        path.unlink()
    for number in range(24):
        image = nibabel.Nifti1Image(
            np.random.default_rng(number).integers(0, 99, (16, 16, 3)).astype("int16"), np.eye(4)
        )
        path = home / f"own/Bilder/{label_of(number)}/{number}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        nibabel.save(image, path)
    shutil.rmtree(home / "own/masks")
    (home / "own/list.csv").unlink()


def pairs(home):
    """Put a volume in two files beside the pictures."""
    image = nibabel.Nifti1Pair(np.zeros((3, 4, 5), np.uint8), np.eye(4))
    nibabel.save(image, home / "own/Bilder/x.hdr")


def segmentations(home):
    """Put DICOM segmentations in place of masks."""
    outline = Path(pydicom.__file__).parent / "data/test_files/liver_1frame.dcm"
    for number, name in enumerate(names_of(home)):
        (home / "own/masks" / name).unlink()
        shutil.copy(outline, home / "own/masks" / f"1.2.3.{number}.dcm")


def masks_of_columns(home, *, columns=("Mask_tumor_filename", "Mask_other_filename")):
    """Put masks among the pictures, and name them in columns; the second names only one."""
    rename(home, lambda p, v: (f"case{p:03d}.png", f"case{p:03d}_tumor.png")[v])
    outline = np.zeros((16, 16), np.uint8)
    outline[4:8, 4:8] = 255
    for patient in range(24):
        save(home / f"own/Bilder/case{patient:03d}_tumor.png", outline)
    save(home / "own/Bilder/case005_other1.png", outline)
    names = [f"case{patient:03d}" for patient in range(24)]
    rows = [
        (str(p), f"{n}.png", f"{n}_tumor.png", f"{n}_other1.png" * (p == 5), label_of(p))
        for p, n in enumerate(names)
    ]
    write_table(home, rows, columns=("CaseID", "Image_filename", *columns, "Classification"))


def outline(number):
    """Return a mask whose rectangle is that of no other number."""
    drawn = np.zeros((16, 16), np.uint8)
    drawn[1 + number % 5 : 7 + number % 5, 2 + number // 5 : 9 + number // 5] = 255
    return drawn


def masks_by_word(image, mask, *, with_table=True):
    """Return what puts a picture and its mask into a folder for each patient."""

    def make(home):
        rename(home, lambda p, v: f"{'' if with_table else label_of(p) + '/'}P{p:02d}/{v}_{image}")
        for path in sorted((home / "own/Bilder").rglob("1_*")):
            path.with_name(f"0_{image}").rename(path.with_name(image))
            path.unlink()
            target = path.parent / mask
            target.parent.mkdir(exist_ok=True)
            save(target, outline(int(re.search(r"P(\d+)", str(path))[1])))
        write_patients(home, lambda p: f"P{p:02d}")
        if not with_table:
            (home / "own/list.csv").unlink()

    return make


def masks_of_numbers(home):
    """Put two pictures and their masks, which share only a number, into a patient's folder."""
    rename(home, lambda p, v: f"{label_of(p)}/P{p:02d}/img{v}.png")
    for n, path in enumerate(sorted((home / "own/Bilder").rglob("img*.png"))):
        save(path.with_name(path.name.replace("img", "mask")), outline(n // 2))
    (home / "own/list.csv").unlink()


def masks_inside(name_of, *, picture="images/{}", mask="masks/{}", more=(), column=""):
    """Return what puts a picture and its mask into folders of a class or a patient.

    A table has a row for each patient, or names pictures in a ``column``.
    """

    def make(home):
        rename(home, lambda p, v: f"{name_of(p, v)}.png")
        rows = []
        for n, path in enumerate(sorted((home / "own/Bilder").rglob("*.png"))):
            target = path.parent / picture.format(path.name)
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
            patient = int(re.search(r"P(\d+)", str(path.relative_to(home)))[1])
            for number, drawn in enumerate((mask, *more)):
                save(path.parent / drawn.format(path.name), outline((n + number) % 25))
            rows.append((path.name, label_of(patient), f"P{patient:02d}"))
        if column:
            write_table(home, rows, columns=(column, "Befund", "Patient"))
        else:
            write_patients(home, lambda p: f"P{p:02d}")

    return make


def rename_folders(home):
    """Put pictures into two folders, and masks into one beside these."""
    (home / "own/masks").rename(home / "own/Bilder/lesions")
    for name in names_of(home):
        if name != "lesions":
            target = home / f"own/Bilder/part {int(name[1:3]) % 2}/{name}"
            target.parent.mkdir(exist_ok=True)
            (home / "own/Bilder" / name).rename(target)


def bus(home):
    """Name pictures and masks of two sides with a word each, as BUS-BRA does."""
    rename(home, lambda p, v: f"Images/bus_{p:04d}-{'lr'[v]}.png")
    for n, path in enumerate(sorted((home / "own/Bilder").rglob("*.png"))):
        save(home / "own/Bilder/Masks" / path.name.replace("bus", "mask"), outline(n // 2))
    rows = [(f"bus_{p:04d}-{side}", str(p), label_of(p)) for p in range(24) for side in "lr"]
    write_table(home, rows, columns=("ID", "Case", "Pathology"))


def masks_around_word(picture, mask, *, with_table=True):
    """Return what puts masks among the pictures, of whose names they lack a word in the middle."""

    def make(home):
        rename(home, lambda p, v: picture.format(label=label_of(p), p=p, v=v))
        for p in range(24):
            for v in range(2):
                name = mask.format(label=label_of(p), p=p, v=v)
                save(home / "own/Bilder" / name, outline((2 * p + v) % 25))
        if with_table:
            names = [(p, picture.format(p=p, v=v)) for p in range(24) for v in range(2)]
            write_table(home, [(name, label_of(p), f"P{p:02d}") for p, name in names])
        else:
            (home / "own/list.csv").unlink()

    return make


def folders_of_parts(home):
    """Put pictures and masks of two parts into two folders each, called alike, as in TN3K."""
    shutil.rmtree(home / "own")
    for number in range(48):
        part, name = ("trainval", "test")[number % 2], f"{number // 2:04d}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
        drawn = outline(number // 2) if number % 4 < 2 else np.zeros((16, 16), np.uint8)
        save(home / f"own/Bilder/{part}-image" / name, pixels)
        save(home / f"own/Bilder/{part}-mask" / name, drawn)


def eyes(ends=("OD", "OS")):
    """Return what writes a row a patient, with a column for each of her eyes."""

    def make(home):
        rename(home, lambda p, v: f"{p:03d}_{ends[v]}.png")
        rows = [(f"{p:03d}", label_of(p), label_of(p // 2)) for p in range(24)]
        write_table(home, rows, columns=("ID", "Befund_OD", "Befund_OS"))

    return make


def row_a_picture(columns, cells_of):
    """Return what writes rows of pictures, their patients and further cells."""

    def make(home):
        rows = [(f"p{p:02d}_{v}.png", f"P{p}", *cells_of(p)) for p in range(24) for v in range(2)]
        write_table(home, rows, columns=("Bild", "Patient", *columns))

    return make


def one_hot(patient):
    return [f"{float(patient % 4 == number)}" for number in range(4)]


def numbers_shared(home):
    """Name pictures by class, patient and number, of patients who are in two classes."""
    rename(home, lambda p, v: f"{label_of(p)}/{label_of(p)}-{100 + p % 12 + p // 12 * 8}-{v}.png")
    (home / "own/list.csv").unlink()


def rare_masks(home):
    """Put three masks without a word for masks among 400 pictures, each in a row of the table."""
    rows = []
    for number in range(400):
        name, patient = f"p{number // 2:03d}_{number % 2}.png", number // 2
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
        save(home / "own/Bilder" / name, pixels)
        rows.append((name, label_of(patient % 24), f"P{patient}"))
    for patient in range(3):
        name = f"p{patient:03d}_0_area.png"
        save(home / "own/Bilder" / name, outline(patient))
        rows.append((name, label_of(patient), f"P{patient}"))
    for name in names_of(home):
        if re.match(r"p\d\d_", name):
            (home / "own/Bilder" / name).unlink()
    write_table(home, rows)


def sites(home, *, column="case", n=8, several=True):
    """Write a column with the number of each of a few sites, of which each has many pictures."""
    rows = []
    for number in range(30 * n):
        name = f"img{number:04d}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
        save(home / "own/Bilder" / name, pixels)
        label = label_of(number // n % 24) if several else label_of(number % n * 24 // n)
        rows.append((name, label, str(number % n)))
    for path in (home / "own/Bilder").glob("p*.png"):
        path.unlink()
    write_table(home, rows, columns=("Bild", "Befund", column))


def in_encoding(encoding, positive, negative):
    """Return what writes the table with other words for its classes, not in Unicode."""

    def make(home):
        words = {"malignant": positive, "benign": negative}
        rows = [(name, words[label], patient) for name, label, patient in rows_of(home)]
        write_table(home, rows, encoding=encoding)

    return make


def sibling_masks(home):
    """Put pictures in folders of classes, and masks in a folder beside these."""
    rename(home, lambda p, v: f"Images/{label_of(p)}/P{p:02d}_{v}.png")
    for n, path in enumerate(sorted((home / "own/Bilder").rglob("*.png"))):
        save(home / "own/Bilder/Shapes" / path.name, outline(n // 2))
    (home / "own/list.csv").unlink()


def cbis(home, *, kinds=("full mammogram",)):
    """Write files of CBIS-DDSM as its downloader does, and its table of other paths."""
    shutil.rmtree(home / "own/Bilder")
    rows = []
    for patient in range(24):
        name = f"Mass-Training_P_{patient:05d}_LEFT_CC"
        for kind in kinds:
            folder = name if kind == "full mammogram" else f"{name}_1"
            path = f"{folder}/{patient % 9 + 1:02d}-20-2016-DDSM/1.000000-{kind} images-9/1-1.dcm"
            (home / "own/Bilder" / path).parent.mkdir(parents=True)
            pixels = np.random.default_rng(patient).integers(0, 256, (16, 16), dtype=np.uint8)
            pixels = outline(patient) if "mask" in kind else pixels
            write_dicom(home / "own/Bilder" / path, pixels, folder)
        paths = [f"{name}{end}/1.3.{patient}/1.3/000000.dcm" for end in ("", "_1", "_1")]
        of = "MALIGNANT" if patient < 12 else ("BENIGN", "BENIGN_WITHOUT_CALLBACK")[patient % 2]
        rows.append((f"P_{patient:05d}", "LEFT", of, *paths))
    columns = ["image file path", "cropped image file path", "ROI mask file path"]
    write_table(home, rows, columns=["patient_id", "left or right breast", "pathology", *columns])


def breasts(home, *, element="ImageLaterality", one_row=False, words=("L", "R")):
    """Write DICOM files of both breasts, of which only the header tells the side, and a table."""
    shutil.rmtree(home / "own/Bilder")
    rows = []
    for patient in range(24):
        for number in range(2):
            path = home / f"own/Bilder/D1-{patient:04d}/1-{number + 1}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(2 * patient + number).integers(0, 256, (16, 16))
            side = "LR"[(number + patient) % 2]
            stated = {element: side} if element else {}
            write_dicom(path, pixels.astype(np.uint8), f"D1-{patient:04d}", **stated)
        is_left = patient < 12
        said = [(words[0], is_left), (words[1], not is_left)]
        rows += [
            (f"D1-{patient:04d}", side, ("Benign", "Malignant")[is_malignant])
            for side, is_malignant in (said[patient % 2 :][:1] if one_row else said)
        ]
    write_table(home, rows, columns=("ID1", "LeftRight", "classification"))


def side_in_words(home):
    """Write a row a patient with the side of her lesion, and pictures of both sides."""
    rename(home, lambda p, v: f"P{p:02d}_{'LR'[v]}_1.png")
    rows = [(f"P{p:02d}", ("left", "right")[p % 2], label_of(p)) for p in range(24)]
    write_table(home, rows, columns=("Patient", "Side", "Befund"))


def echo(home):
    """Write volumes, their masks and a text for each view of a patient, as CAMUS does."""
    shutil.rmtree(home / "own")
    for patient in range(24):
        folder = home / f"own/Bilder/patient{patient:04d}"
        folder.mkdir(parents=True)
        for view in ("2CH", "4CH"):
            name = f"patient{patient:04d}_{view}_ED"
            values = np.random.default_rng(patient).integers(0, 250, (12, 14, 1)).astype(np.uint8)
            drawn = np.zeros_like(values)
            drawn[4:8, 4:8] = 1
            for end, voxels in (("", values), ("_gt", drawn)):
                image = nibabel.Nifti1Image(voxels, np.eye(4))
                nibabel.save(image, folder / f"{name}{end}.nii.gz")
            quality = ("Poor", "Good")[patient < 12]
            text = f"ED: 1\nSex: F\nImageQuality: {quality}\nEF: {40 + patient}\n"
            (folder / f"Info_{view}.cfg").write_text(text)


def in_mac_roman(home):
    """Write a table with one word beyond ASCII, as older programs of Apple do."""
    words = {"malignant": "bösartig", "benign": "gutartig"}
    rows = [(name, words[label], patient) for name, label, patient in rows_of(home)]
    write_table(home, rows, encoding="mac_roman")


def sum_below(home):
    """Number pictures, and write a sum below the table that is the number of one."""
    numbered(home)
    rows = [(str(number), label, "") for number, (_, label, _) in enumerate(rows_of(home))]
    write_table(home, [*rows, ("Total", "40", "")], columns=("Image", "Type", ""))
    for number, name in enumerate(sorted(path.name for path in (home / "own/masks").iterdir())):
        (home / "own/masks" / name).rename(home / f"own/masks/{number:05d}.png")


def units_below(home):
    """Write a workbook with kinds of columns above their names, and units below them."""
    rename(home, lambda p, v: f"P{p}/{v}.png")
    above = [
        ["Patient", "", "Tumour", "", ""],
        ["Patient ID", "Age", "ER", "Size", "Grade"],
        ["", "years", "0=negative, 1=positive", "mm", ""],
    ]
    rows = [(f"P{p}", str(30 + p), str(labelled(p)), str(p), str(p % 3)) for p in range(24)]
    pd.DataFrame([*above, *rows]).to_excel(home / "own/list.xlsx", header=False, index=False)


def nested_json(home):
    """Write a row a patient as JSON with inner values, and put volumes beside segmentations."""
    shutil.rmtree(home / "own")
    rng = np.random.default_rng(0)
    for patient in range(24):
        for name in ("imaging", "segmentation"):
            folder = home / f"own/Bilder/case_{patient:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            values = rng.integers(0, 250, (12, 14, 5)).astype(np.uint8)
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / f"{name}.nii.gz")
    rows = [
        {"case_id": f"case_{p:03d}", "meta": {"malignant": p < 12}, "spacing": [1.0, 2.0]}
        for p in range(24)
    ]
    (home / "own/list.json").write_text(json.dumps(rows))


def texts_of_patients(home):
    """Write a small text a patient into her folder."""
    rename(home, lambda p, v: f"data/patient{p:03d}/frame{v}.png")
    for patient in range(24):
        text = f"ED: 1\nGroup: {label_of(patient)}\nHeight: {160 + patient}.0\n"
        (home / f"own/Bilder/data/patient{patient:03d}/Info.cfg").write_text(text)
    (home / "own/list.csv").unlink()


def finding_in_cells(home):
    """Write a row for each finding of a picture, whose cell names both."""
    rename(home, lambda p, v: f"ID_{p:03d}{v}.png")
    kinds = {"subdural": 0, "epidural": 1, "any": 2}
    rows = [
        (f"ID_{p:03d}{v}_{kind}", str(int(p < 12 and (n == 2 or n == p % 2))))
        for p in range(24)
        for v in range(2)
        for kind, n in kinds.items()
    ]
    write_table(home, rows, columns=("ID", "Label"))


def forms(home):
    """Write an export of forms: the label in a patient's first row, a picture in each other."""
    rows = []
    for number, (name, label, patient) in enumerate(rows_of(home)):
        rows += [(patient[1:], "", label, "")] if number % 2 == 0 else []
        rows.append((patient[1:], str(number % 2 + 1), "", name))
    write_table(home, rows, columns=("record_id", "instance", "diagnosis", "us_image"))


def yolo(home):
    """Write annotations of YOLO into a folder beside that of the pictures, in parts."""
    part = "{}/{}/P{}_{}".format
    rename(home, lambda p, v: f"{part('images', ('train', 'val')[p % 2], p, v)}.png")
    for patient in range(24):
        for view in range(2):
            name = part("labels", ("train", "val")[patient % 2], patient, view)
            path = home / f"own/Bilder/{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{labelled(patient)} 0.5 0.5 0.2 0.2\n")
    (home / "own/list.csv").unlink()


def lungs(home, *, folders=("leftMask", "rightMask"), with_table=True):
    """Put masks of one picture into several folders, one for each lung, as Montgomery does."""
    shutil.rmtree(home / "own/masks")
    rename_into = home / "own/Bilder/CXR"
    for n, name in enumerate(names_of(home)):
        rename_into.mkdir(exist_ok=True)
        label = int(int(name[1:3]) < 12)
        new = rename_into / f"{name[:-4]}_{label}.png"
        (home / "own/Bilder" / name).rename(new)
        for number, folder in enumerate(folders):
            save(home / "own/Bilder/Manual" / folder / new.name, outline((n + 7 * number) % 25))
    rows = [(p.name, label_of(int(p.name[1:3])), p.name[:3]) for p in rename_into.iterdir()]
    write_table(home, sorted(rows))
    if not with_table:
        (home / "own/list.csv").unlink()


def lists_of_parts(home, change=lambda train, test: None):
    """Write lists of the pictures of two parts, as those of ChestX-ray14 are."""
    names = [row[0] for row in rows_of(home)]
    test = [name for name in names if int(name[1:3]) % 3 == 0]
    train = [name for name in names if name not in test]
    change(train, test)
    (home / "own/train_val_list.txt").write_text("\n".join(train))
    (home / "own/test_list.txt").write_text("\r\n".join(test) + "\n")


def folders_of_split(home):
    """Put pictures into folders of two parts, and their paths into the table."""
    rename(home, lambda p, v: f"set/{('train', 'test')[p % 2]}/P{p:02d}_{v}.png")
    rows = [
        (f"set/{('train', 'test')[p % 2]}/P{p:02d}_{v}.png", label_of(p), f"P{p}")
        for p in range(24)
        for v in range(2)
    ]
    write_table(home, rows)


def two_sheets(home, *, labels_first=True):
    """Write labels of patients on one sheet, and names of pictures on another."""
    rename(home, lambda p, v: f"IMG_{100 + 2 * p + v}.png")
    pictures = [(f"IMG_{100 + n}.png", f"P{n // 2:02d}") for n in range(48)]
    labels = [(f"P{p:02d}", str(30 + p), label_of(p)) for p in range(24)]
    sheets = {
        "Labels": pd.DataFrame(labels, columns=["Patient", "Alter", "Diagnose"]),
        "Bilder": pd.DataFrame(pictures, columns=["Datei", "Patient"]),
    }
    with pd.ExcelWriter(home / "own/list.xlsx") as book:
        for name in [*sheets][:: 1 if labels_first else -1]:
            sheets[name].to_excel(book, sheet_name=name, index=False)


def two_tables(home, encoding="utf-8"):
    """Write labels of patients into one table, and names of pictures into another.

    They are separated by semicolons where they are no UTF-8, and workbooks without an encoding.
    """
    two_sheets(home)
    sheets = pd.read_excel(home / "own/list.xlsx", sheet_name=["Labels", "Bilder"])
    (home / "own/list.xlsx").unlink()
    for rows, table in zip(sheets.values(), ("list", "names"), strict=True):
        if encoding:
            how = {"encoding": encoding, "sep": "," if encoding == "utf-8" else ";"}
            said = rows.replace("malignant", "bösartig")
            said.to_csv(home / f"own/{table}.csv", index=False, **how)
        else:
            rows.to_excel(home / f"own/{table}.xlsx", index=False)


def patient_called_name(home):
    write_table(home, rows_of(home), columns=("file", "Befund", "name"))


def two_labels(home):
    write_table(home, [("p00_0.png", "benign", "P0"), *rows_of(home)[1:]])


COVID = "COVID-{:05d}{}.png"
NAMES = ("Bild", "Befund", "Patient", "Größe")
LESIONS = ("--masks", "own/masks")


def labels_in_names_and_texts(home):
    without_table(lambda p, v: f"CHNCXR_{2 * p + v:04d}_{labelled(p)}.png")(home)
    for name in names_of(home):
        text = home / "own/Readings" / f"{Path(name).stem}.txt"
        text.parent.mkdir(exist_ok=True)
        text.write_text("male 45yrs\n\nleft PTB with 2 cavities of 1.5 and 2 cm\n")


def tables_of_folds(home):
    """Divide the table among three with the same columns."""
    heading, *lines = (home / "own/list.csv").read_text("utf-8").splitlines()
    for fold in range(3):
        text = "\n".join([heading, *lines[fold::3]])
        (home / f"own/fold_{fold}.csv").write_text(text + "\n", "utf-8")
    (home / "own/list.csv").unlink()


#: By what somebody has.
CASES = {
    # One row a patient.
    "row a patient, folder each": Case(
        patients_of(lambda p, v: f"P{p}/scan/IM{v}.png", lambda p: f"P{p}"),
        "Subject (one row per patient: its cells begin the folder names of 48 of 48 pictures)",
    ),
    "row a patient, folder begins with it": Case(
        patients_of(lambda p, v: f"P{p}_MR_2020/IM{v}.png", lambda p: f"P{p}"),
        "begin the folder names of 48 of 48",
    ),
    "row a patient, numbered slices in numbered folders": Case(
        patients_of(lambda p, v: f"{p + 1}/{v + 1}.png", lambda p: str(p + 1)),
        "begin the folder names of 48 of 48",
    ),
    "row a patient, below folders of sites": Case(
        patients_of(lambda p, v: f"site{p % 3}/{p + 1}/{v}.png", lambda p: str(p + 1)),
        "begin the folder names of 48 of 48",
    ),
    "row a patient, file begins with it": Case(
        patients_of(lambda p, v: f"P{p}_{v}.png", lambda p: f"P{p}"),
        "begin the names of 48 of 48",
    ),
    "row a patient, letters behind numbers": Case(
        patients_of(lambda p, v: COVID.format(p, "ab"[v]), lambda p: f"COVID-{p:05d}"),
        "begin the names of 48 of 48",
    ),
    "row a patient, zeros lost": Case(
        patients_of(lambda p, v: f"{p:04d}/IM{v}.png", lambda p: str(p)),
        "begin the folder names of 48 of 48",
    ),
    "row a patient, other capitals": Case(
        patients_of(lambda p, v: f"p{p}_{v}.png", lambda p: f"P{p}"), "begin the names of 48"
    ),
    "row a patient, equal to a pattern": Case(
        patients_of(lambda p, v: f"scan-{p:03d}-{v}.png", lambda p: str(p)),
        "its cells equal the patients of 48 of 48 pictures",
        ("--patient", r"scan-(\d+)-"),
    ),
    "row a patient, equal to DICOM headers": Case(
        dicom_of_patients(lambda p: f"{p:05d}"), "its cells equal the patients of 48 of 48"
    ),
    "row a patient, headers with zeros": Case(
        dicom_of_patients(str), "its cells equal the patients of 48 of 48 pictures"
    ),
    "row a patient, number behind a word": Case(
        patients_of(lambda p, v: f"Pat {p + 1:04d}/Bild {v}.png", lambda p: str(p + 1)),
        "(^Pat (\\d+)[^/]*/), as in Pat 0001/Bild 0.png: is that column Subject of the table?",
    ),
    "row a patient, number behind a word, one without a row": Case(
        patients_of(
            lambda p, v: f"Pat {p or 99}/Bild {v + 1}.png", str, more=[("25", "benign", "33")]
        ),
        "2 pictures without rows: Pat 99/Bild 1.png, Pat 99/Bild 2.png",
        refused=True,
        remedy=("--leave-out", "pictures-without-rows,rows-without-pictures"),
        patients=23,
    ),
    "row a patient, number behind a word in names": Case(
        patients_of(lambda p, v: f"Fall_{p + 1}_{v}.png", lambda p: str(p + 1)),
        "its cells equal the number after a word in the names of 48 of 48 pictures",
    ),
    "row a patient, the same row twice": Case(
        patients_of(
            lambda p, v: f"P{p}_{v}.png", lambda p: f"P{p}", more=[("P3", "malignant", "33")]
        ),
        "begin the names of 48",
    ),
    "row a patient, two that differ": Case(
        patients_of(
            lambda p, v: f"P{p}_{v}.png", lambda p: f"P{p}", more=[("P3", "benign", "33")]
        ),
        "1 cell of Subject has several rows that differ: 'P3' (row 26). Keep one row per cell of ",
        refused=True,
    ),
    "row a patient, one without pictures": Case(
        patients_of(
            lambda p, v: f"P{p}_{v}.png", lambda p: f"P{p}", more=[("P99", "benign", "33")]
        ),
        "1 patient without pictures: 'P99' (row 26). No name begins with these cells of Subject",
        refused=True,
        remedy=("--leave-out", "rows-without-pictures"),
    ),
    "row a patient, pictures of nobody": Case(
        patients_of(lambda p, v: f"P{p}_{v}.png" if p else f"x{v}.png", lambda p: f"P{p}"),
        "2 pictures without rows: x0.png, x1.png. A name fits a cell of Subject that it equals",
        refused=True,
        remedy=("--leave-out", "pictures-without-rows,rows-without-pictures"),
        patients=23,
    ),
    "row a patient, one is the beginning of another": Case(
        patients_of(
            lambda p, v: f"P{p}_{v}.png", lambda p: f"P{p}", more=[("P1_1", "benign", "3")]
        ),
        "1 picture fits several patients: P1_1.png (P1 and P1_1). Name each file after one cell",
        refused=True,
    ),
    "row a patient, unlike any name": Case(
        patients_of(lambda p, v: f"P{p}_{v}.png", lambda p: f"Z{p}"),
        "none with one row per patient has cells that begin their names",
        refused=True,
    ),
    "row a patient, no label": Case(
        patients_of(
            lambda p, v: f"P{p}_{v}.png",
            lambda p: f"P{p}",
            label=lambda p: label_of(p) if p else "",
        ),
        "1 row has no label in column Befund: P0 (row 2). Fill the cell, or leave such rows out",
        refused=True,
        remedy=("--leave-out", "unlabelled"),
        patients=23,
    ),
    "row a patient, with masks": Case(
        lambda h: write_patients(h, lambda p: f"P{p}"),
        "48 masks, one per picture",
        LESIONS,
    ),
    # Patients and labels in names.
    "letters behind a number": Case(
        without_table(lambda p, v: f"{label_of(p)}/{COVID.format(p, 'ab'[v])}"),
        "such as COVID-00012a.png and COVID-00012b.png of COVID-00012",
        table=False,
    ),
    "letters behind a number, declined": Case(
        without_table(lambda p, v: f"{label_of(p)}/{COVID.format(p, 'ab'[v])}"),
        "PATIENTS none are named: each picture counts as a patient",
        ("--patient", "none"),
        patients=48,
        table=False,
    ),
    "numbers at the end": Case(
        without_table(lambda p, v: f"{label_of(p)}/P{p}_{v}.png"),
        "P12_0.png and P12_1.png of P12",
        table=False,
    ),
    "sides at the end": Case(
        without_table(lambda p, v: f"{label_of(p)}/P{p}-{'LR'[v]}.png"),
        "P12-L.png and P12-R.png of P12",
        table=False,
    ),
    "views of both sides of a patient": Case(
        without_table(lambda p, v: f"{label_of(p)}/P{p // 2 * 2}_{'LR'[p % 2]}_{v}.png"),
        "48 pictures may be of 12 patients (^(.+?)[ _-](?:L|R)(?=[ _.-])), such as P12_L_0.png",
        table=False,
        patients=12,
    ),
    "dates at the end": Case(
        without_table(lambda p, v: f"{label_of(p)}/P{p}_2020-0{v + 1}-1{v}.png"),
        "P12_2020-01-10.png and P12_2020-02-11.png of P12",
        table=False,
    ),
    "days at the end": Case(
        without_table(lambda p, v: f"{label_of(p)}/P{p}_2020011{v}.png"),
        "P12_20200110.png and P12_20200111.png of P12",
        table=False,
    ),
    "names in a table without patients": Case(
        lambda h: write_table(h, [r[:2] for r in rows_of(h)], columns=("Bild", "Befund")),
        "p00_0.png and p00_1.png of p00",
    ),
    "names of patients with two labels": Case(
        labels_of_views,
        "or --patient none if names do not identify patients",
        ("--positive", "a"),
        refused=True,
        remedy=("--several-labels",),
    ),
    "labels in names": Case(
        without_table(lambda p, v: f"CHNCXR_{2 * p + v:04d}_{labelled(p)}.png"),
        "label read from names by the pattern _(\\d)$",
        ("--label", r"_(\d)$"),
        patients=48,
        classes=("1", "0"),
        table=False,
    ),
    "labels in names, in one folder": Case(
        without_table(lambda p, v: f"png/CHNCXR_{2 * p + v:04d}_{labelled(p)}.png"),
        "all pictures are in one folder, png. Make one folder per class; or give a --table; or r",
        refused=True,
        remedy=("--label", r"_(\d)$"),
        patients=48,
        classes=("1", "0"),
        table=False,
    ),
    "labels in names, and a text on each picture beside them": Case(
        labels_in_names_and_texts,
        "or read classes from names: --label '_(\\d)$'.",
        refused=True,
        remedy=("--label", r"_(\d)$"),
        patients=48,
        classes=("1", "0"),
        table=False,
    ),
    "labels in names, not said": Case(
        without_table(lambda p, v: f"CHNCXR_{2 * p + v:04d}_{labelled(p)}.png"),
        "or read classes from names: --label '_(\\d)$'.",
        refused=True,
        remedy=("--label", r"_(\d)$"),
        patients=48,
        classes=("1", "0"),
        table=False,
    ),
    "labels and patients in names": Case(
        without_table(lambda p, v: f"{label_of(p)}_{p}_{v}.png"),
        "label read from names by the pattern ^([a-z]+)_",
        ("--label", "^([a-z]+)_", "--patient", r"_(\d+)_"),
        table=False,
    ),
    "labels in names, a pattern that misses": Case(
        without_table(lambda p, v: f"CHNCXR_{2 * p + v:04d}_{labelled(p)}.png"),
        "the label pattern 'x(\\\\d)$' does not match",
        ("--label", r"x(\d)$"),
        refused=True,
        table=False,
    ),
    # What is left out, by kind.
    "row without picture": Case(
        lambda h: (h / "own/Bilder/p03_1.png").unlink(),
        "1 row without pictures: p03_1.png",
        refused=True,
        remedy=("--leave-out", "rows-without-pictures"),
    ),
    "picture without row": Case(
        lambda h: write_table(h, rows_of(h)[1:]),
        "1 picture without rows: p00_0.png",
        refused=True,
        remedy=("--leave-out", "pictures-without-rows"),
    ),
    "unlabelled": Case(
        in_table(lambda i, n, k, p: (n, "" if p == "P3" else k, p)),
        "2 rows have no label in column Befund",
        refused=True,
        remedy=("--leave-out", "unlabelled"),
        patients=23,
    ),
    "empty masks": Case(
        lambda h: black_masks(h, {3}),
        "2 masks mark nothing or the whole picture (p03_0.png, p03_1.png)",
        LESIONS,
        refused=True,
        remedy=(*LESIONS, "--leave-out", "empty-masks"),
        patients=23,
    ),
    "empty masks that are right": Case(
        lambda h: black_masks(h, {3}),
        "accept correctly empty masks with --empty-masks",
        LESIONS,
        refused=True,
        remedy=(*LESIONS, "--empty-masks"),
    ),
    "class without lesion": Case(
        lambda h: black_masks(h, {*range(12, 24)}),
        "the 24 masks of class benign mark nothing, as in a class without lesions",
        LESIONS,
    ),
    "class without lesion, and empty masks in another": Case(
        lambda h: black_masks(h, {3, *range(12, 24)}),
        "2 masks mark nothing or the whole picture (p03_0.png, p03_1.png)",
        LESIONS,
        refused=True,
        remedy=(*LESIONS, "--empty-masks"),
    ),
    "class of the lesion without any": Case(
        lambda h: black_masks(h, {*range(12)}),
        "24 masks mark nothing or the whole picture",
        LESIONS,
        refused=True,
    ),
    "all of a class left out": Case(
        lambda h: black_masks(h, {*range(12)}),
        "all 24 pictures have one label (benign): two are needed. Leave out less",
        (*LESIONS, "--leave-out", "empty-masks"),
        refused=True,
    ),
    "with lesion or without": Case(
        lambda h: black_masks(h, {*range(0, 24, 2)}),
        "lesion 24 (positive), no lesion 24",
        (*LESIONS, "--label", "masks"),
        classes=("lesion", "no lesion"),
    ),
    "with lesion or without, and no table": Case(
        lambda h: (black_masks(h, {*range(0, 24, 2)}), (h / "own/list.csv").unlink()),
        "or tell classes by masks: --label masks.",
        ("--masks", "own/masks"),
        refused=True,
        remedy=("--label", "masks"),
        classes=("lesion", "no lesion"),
        table=False,
    ),
    "with lesion or without, absent masks": Case(
        lambda h: [
            (h / f"own/masks/p{p:02d}_{v}.png").unlink() for p in range(12) for v in (0, 1)
        ],
        "lesion 24 (positive), no lesion 24",
        (*LESIONS, "--label", "masks"),
        classes=("lesion", "no lesion"),
    ),
    "with lesion or without, no table": Case(
        lambda h: black_masks(h, {*range(0, 24, 2)}),
        "lesion 24 (positive), no lesion 24",
        (*LESIONS, "--label", "masks"),
        classes=("lesion", "no lesion"),
        table=False,
    ),
    "with lesion alone": Case(
        lambda h: None,
        "all 48 pictures have one label (lesion)",
        (*LESIONS, "--label", "masks"),
        refused=True,
    ),
    "patient with two labels": Case(
        two_labels,
        "1 patient has two labels",
        refused=True,
        remedy=("--leave-out", "patients-with-two-labels"),
        patients=23,
    ),
    "kind that is none": Case(
        lambda h: None,
        "unknown kind (--leave-out) 'rows'. Known: rows-without-pictures,",
        ("--leave-out", "rows"),
        refused=True,
    ),
    # Coded and several classes.
    "1 and 2": Case(
        classes_of("1", "2"),
        "The positive class cannot be guessed. Give it with --positive: 1, 2.",
        refused=True,
        remedy=("--positive", "2=malignant", "--negative", "1=benign"),
        classes=("malignant", "benign"),
    ),
    "0, 1 and 2": Case(
        classes_of("0", "1", "2"),
        "The positive class cannot be guessed. Give it with --positive: 0, 1, 2.",
        refused=True,
        remedy=("--positive", "1=pneumonia", "--positive", "2", "--negative", "0=normal"),
        classes=("pneumonia", "normal"),
    ),
    "0, 1 and 2, two given together": Case(
        classes_of("0", "1", "2"),
        "classes pneumonia 32 (positive), normal 16",
        ("--positive", "1=pneumonia,2", "--negative", "0=normal"),
        classes=("pneumonia", "normal"),
    ),
    "0, 1 and 2, the middle left out": Case(
        classes_of("0", "1", "2"),
        "16 pictures of other classes (1 16)",
        ("--positive", "2=severe", "--negative", "0=none"),
        patients=16,
        classes=("severe", "none"),
    ),
    "uncertain as -1": Case(
        classes_of("1.0", "0.0", "-1.0"),
        "The positive class cannot be guessed. Give it with --positive: -1.0, 0.0, 1.0.",
        refused=True,
        remedy=("--positive", "1.0=effusion", "--negative", "0.0=none"),
        patients=16,
        classes=("effusion", "none"),
    ),
    "uncertain as -1, joined": Case(
        classes_of("1.0", "0.0", "-1.0"),
        "1.0 16 as effusion. Does -1.0 mean uncertain? If so, name others by --negative",
        ("--positive", "1.0=effusion"),
    ),
    "1 or nothing": Case(
        renamed("effusion", lambda label: "1.0" if label == "malignant" else ""),
        "If an empty cell means no, count it with --negative unlabelled.",
        ("--label", "effusion"),
        refused=True,
        remedy=("--negative", "unlabelled"),
        classes=("effusion", "not effusion"),
        images=48,
    ),
    "1, 0, -1, nothing or unknown": Case(
        classes_of("1.0", "0.0", "-1.0", "", "unknown", "1.0"),
        "8 rows have no label but unknown in column Befund",
        ("--positive", "1.0=effusion", "--negative", "0.0=none,unlabelled"),
        refused=True,
        remedy=("--leave-out", "unlabelled"),
        patients=16,
        classes=("effusion", "none"),
    ),
    "0 and 1 of a column that says it": Case(
        renamed("hemorrhage", lambda label: str(int(label == "malignant"))),
        "hemorrhage 24 (positive), not hemorrhage 24",
        classes=("hemorrhage", "not hemorrhage"),
    ),
    "0 and 1 of a general column": Case(
        classes_of("0", "1"), "1 24 (positive), 0 24", classes=("1", "0")
    ),
    "yes and no of a column that says it": Case(
        renamed("effusion", lambda label: "yes" if label == "malignant" else "no"),
        "effusion 24 (positive), not effusion 24",
        classes=("effusion", "not effusion"),
    ),
    "one class against one of several": Case(
        classes_of("COVID-19", "No finding", "Viral", "Bacterial"),
        "24 pictures of other classes (Bacterial 12, Viral 12)",
        ("--positive", "COVID-19", "--negative", "No finding"),
        patients=12,
        classes=("COVID-19", "No finding"),
    ),
    "several findings, |": Case(
        classes_of("Mass|Effusion", "Effusion", "No Finding", "Mass"),
        "12 rows with several, separated by “|”: any of them counts",
        ("--positive", "Mass"),
        classes=("Mass", "not Mass"),
    ),
    "several findings, | against nothing alone": Case(
        classes_of("Mass|Effusion", "Effusion", "No Finding", "Mass"),
        "12 pictures of other classes (Effusion 12)",
        ("--positive", "Mass", "--negative", "No Finding"),
        patients=18,
        classes=("Mass", "No Finding"),
    ),
    "several findings, /": Case(
        classes_of("Pneumonia/Viral", "Pneumonia/Bacterial", "No Finding", "Tumor"),
        "24 rows with several, separated by “/”: any of them counts",
        ("--positive", "Pneumonia"),
        classes=("Pneumonia", "not Pneumonia"),
    ),
    "several findings, comma": Case(
        quoted("Mass, Effusion", "Effusion", "No Finding", "Mass"),
        "12 rows with several, separated by “,”: any of them counts",
        ("--positive", "Effusion"),
        classes=("Effusion", "not Effusion"),
    ),
    "several findings, both of two": Case(
        quoted("Mass, Effusion", "Effusion", "No Finding", "Mass"),
        "any of them counts",
        ("--positive", "Mass, Effusion"),
        classes=("Mass, Effusion", "not Mass, Effusion"),
    ),
    "positive and negative at once": Case(
        lambda h: None,
        "malignant is both positive and negative",
        ("--positive", "malignant", "--negative", "malignant"),
        refused=True,
    ),
    "two classes of one name": Case(
        classes_of("1", "2"),
        "both classes are called x. Give the two classes different names",
        ("--positive", "1=x", "--negative", "2=x"),
        refused=True,
    ),
    # Tables and archives.
    "zeros lost in Excel": Case(numbered, "48 cells without leading zeros: 0 as 00000.png, 1 as"),
    "table of many more pictures": Case(
        large_table,
        "2,000 rows without pictures: x0.png",
        refused=True,
        remedy=("--leave-out", "rows-without-pictures"),
    ),
    "title row of a workbook": Case(
        workbook,
        "titles 3 rows above the column names (Bild, Befund, Patient): skipped",
        ("--table", "own/list.xlsx"),
    ),
    "table in the second sheet": Case(
        second_sheet,
        "table list.xlsx, sheet Daten, the first that names pictures, of 2 (Legende, Daten)",
        ("--table", "own/list.xlsx"),
        classes=("malignant", "benign"),
    ),
    "title with a comma above semicolons": Case(
        lambda h: (
            write_table(h, [[*row, "1,5"] for row in rows_of(h)], separator=";", columns=NAMES),
            title(h, "Export, 2023"),
        ),
        "titles 1 row above the column names (Bild, Befund, Patient, Größe): skipped",
    ),
    "masks in DICOM SEG": Case(
        segmentations,
        "(SEG): segimage2itkimage of dcmqi converts it to NIfTI masks. Convert it and its series",
        LESIONS,
        refused=True,
    ),
    "row a study, AccessionNumber": Case(
        dicom_of_studies(lambda number: f"A{900 - number}"),
        "(one row per study: its cells equal AccessionNumber of 48 of 48 pictures)",
    ),
    "row a study, patients in the table": Case(
        dicom_of_studies(lambda number: f"A{900 - number}", patients_in_headers=False),
        "patient column PatNr (by its name)",
    ),
    "row a study, numbers behind words in names": Case(
        lambda h: (
            rename(h, lambda patient, view: f"p{patient:03d}/s{500 + 2 * patient + view}/a.png"),
            write_table(
                h,
                [
                    (f"{p:03d}", str(500 + 2 * p + view), str(labelled(p)))
                    for p in range(24)
                    for view in range(2)
                ],
                columns=("subject_id", "study_id", "Pneumonia"),
            ),
        ),
        "key column study_id (one row per study: its cells equal the number after a word in the",
    ),
    "cells of a key that are several of a patient, with its pattern": Case(
        lambda h: (
            rename(h, lambda patient, view: f"U{patient}-{view}.png"),
            write_table(
                h,
                [
                    (f"U{p}-{v}", ("benign", "malignant")[labelled(p)])
                    for p in range(24)
                    for v in range(2)
                ],
                columns=("Fall", "Befund"),
            ),
        ),
        "24 patients, 2 images each",
        ("--patient", r"^U(\d+)-"),
    ),
    "row a patient, cases and controls": Case(
        lambda h: (
            rename(h, lambda patient, view: f"U{patient}_{view}.png"),
            write_table(
                h,
                [(f"U{p}", str(labelled(p)), "xy"[p % 2]) for p in range(24)],
                columns=("ID", "case", "site"),
            ),
        ),
        "patient column ID (one row per patient: its cells begin the names of 48 of 48 pictures)",
        ("--label", "case"),
    ),
    "row a study, StudyInstanceUID": Case(
        dicom_of_studies(lambda number: f"1.2.{number + 1}"),
        "(one row per study: its cells equal StudyInstanceUID of 48 of 48 pictures)",
    ),
    "row a study, one without pictures": Case(
        lambda h: (
            dicom_of_studies(lambda number: f"A{900 - number}")(h),
            shutil.rmtree(h / "own/Bilder/47"),
        ),
        "1 cell of Untersuchung without pictures: 'A853' (row 2). No picture has these cells",
        refused=True,
        remedy=("--leave-out", "rows-without-pictures"),
    ),
    "files called alike in folders": Case(
        files_alike, "{Patient}/{Datei} (folder and file; they name 100% of the pictures)"
    ),
    "annotations of COCO": Case(
        coco,
        "list.json, COCO annotations; their boxes and outlines are not read",
        ("--table", "own/list.json"),
    ),
    "masks among the pictures, of two columns": Case(
        masks_of_columns,
        "1 picture without rows: case005_other1.png",
        refused=True,
        remedy=("--leave-out", "pictures-without-rows"),
        images=24,
    ),
    "other pictures among those of a column": Case(
        lambda h: masks_of_columns(h, columns=("Tumor", "Other")),
        "columns Image_filename and Tumor name a picture each. Give a table with one row per ",
        refused=True,
        remedy=("--image", "Image_filename", "--leave-out", "pictures-without-rows"),
        images=24,
    ),
    "a sum below the table": Case(
        sum_below,
        "1 row without pictures: Total",
        (*LESIONS, "--positive", "malignant"),
        refused=True,
        remedy=("--leave-out", "rows-without-pictures"),
        patients=48,
        classes=("malignant", "benign"),
    ),
    "kinds above the names of columns, units below": Case(
        units_below,
        "1 row has no patient: row 3. Fill column Patient ID, remove these rows, or set leave_out",
        ("--table", "own/list.xlsx", "--label", "ER"),
        refused=True,
        remedy=("--leave-out", "rows-without-pictures"),
        classes=("ER", "not ER"),
    ),
    "the side alone has few values": Case(
        lambda h: write_table(
            h,
            [(n, "LR"[i % 2], str(20 + i), p) for i, (n, _, p) in enumerate(rows_of(h))],
            columns=("Bild", "Seite", "Alter", "Patient"),
        ),
        "--label: The column of the label cannot be guessed. Give it with --label: Seite.",
        refused=True,
    ),
    "separators at the end of every row": Case(
        lambda h: write_lines(
            h,
            ["Bild,Befund,Patient,,,,,,,", *(f"{','.join(row)},,,,,,," for row in rows_of(h))],
        ),
        "patient column Patient (by its name)",
    ),
    "paths of another computer": Case(
        lambda h: (
            rename(h, lambda p, v: f"{p % 2}/P{p}/{v}.png"),
            write_table(
                h,
                [(f"/srv/b/data/P{p}/{v}.png", label_of(p)) for p in range(24) for v in range(2)],
                columns=("Pfad", "Befund"),
            ),
        ),
        "image column Pfad (100% of its cells are names of files)",
        ("--patient", r"/P(\d+)/"),
    ),
    "row a patient, a word before the number": Case(
        patients_of(lambda p, v: f"S{p % 3}/2020/{p:04d}/{v}.png", lambda p: f"ID-{p}"),
        "begin the folder names of 48 of 48 pictures",
    ),
    "row a side, pictures of patients": Case(
        patients_of(
            lambda p, v: f"D{p:02d}/{v}.png",
            lambda p: f"D{p:02d}",
            more=[(f"D{p:02d}", "cyst", "right") for p in range(6, 18)],
        ),
        "cells of Subject begin the names of 48, but are in several rows that differ",
        refused=True,
        remedy=("--findings", "--positive", "malignant"),
    ),
    "JSON of inner values, segmentations beside volumes": Case(
        nested_json,
        "24 pictures are named like masks, and no picture matches them: case_000/segmentation",
        ("--images", "own/Bilder", "--table", "own/list.json", "--yes"),
        refused=True,
        remedy=("--only", "imaging", "--label", "meta.malignant"),
        classes=("meta.malignant", "not meta.malignant"),
        table=False,
    ),
    "folders of patients alone": Case(
        without_table(lambda p, v: f"P{p}/{v}_{label_of(p)}.png"),
        "24 folders are too many for classes: P0, P1",
        refused=True,
        remedy=("--label", "_([a-z]+)$", "--patient", "^([^/]+)/"),
        table=False,
    ),
    "studies that end in classes, below parts and regions": Case(
        without_table(
            lambda p, v: f"{('train', 'val')[p % 2]}/X/P{p}/study{v}_{label_of(p)}/1.png"
        ),
        "give --label '^[^/]+/[^/]+/[^/]+/[^/]*[ _-]([A-Za-z]+)/'",
        refused=True,
        remedy=(
            *("--label", "^[^/]+/[^/]+/[^/]+/[^/]*[ _-]([A-Za-z]+)/"),
            *("--patient", "^[^/]+/[^/]+/([^/]+)/"),
        ),
        table=False,
    ),
    "table in a folder below that of the pictures": Case(
        lambda h: (
            (h / "own/Bilder/tables").mkdir(),
            (h / "own/list.csv").rename(h / "own/Bilder/tables/list.csv"),
        ),
        "48 (48 .png)",
        ("--table", "own/Bilder/tables/list.csv"),
        table=False,
    ),
    "patients of a picture each, ids that pictures share": Case(
        lambda h: write_table(
            h,
            [(n, f"E{i}", f"H{p}", k) for i, (n, k, p) in enumerate(rows_of(h))],
            columns=("Bild", "case", "hospital number", "Befund"),
        ),
        "column hospital number has 24 values in 48 rows: give --patient hospital number if rows",
        patients=48,
    ),
    "ids that all look like dates": Case(
        lambda h: (
            rename(h, lambda p, v: f"{20110101 + p}_{v}.png"),
            write_table(
                h,
                [(str(20110101 + p), label_of(p)) for p in range(24)],
                columns=("Patient", "Befund"),
            ),
        ),
        "patient column Patient (one row per patient: its cells begin the names of 48 of 48",
    ),
    "numbers of INbreast": Case(
        lambda h: (
            rename(h, lambda p, v: f"{20586908 + 26 * p + v}_{p:016x}_MG_{'LR'[v]}_CC_ANON.png"),
            write_table(
                h,
                [
                    ("removed", "LR"[v], str(20586908 + 26 * p + v), ("2", "4a", "4b", "5")[p % 4])
                    for p in range(24)
                    for v in range(2)
                ],
                columns=("Patient ID", "Laterality", "File Name", "Bi-Rads"),
            ),
        ),
        "key column File Name (one row per study: its cells begin the names of 48 of 48 pictures)",
        (
            *("--label", "Bi-Rads", "--positive", "4a,4b,5", "--negative", "2"),
            *("--patient", "^(?:[^_-]+[_-]){1}([^_-]+)"),
        ),
        classes=("4a/4b/5", "2"),
    ),
    "ids as pandas writes them beside empty cells": Case(
        patients_of(lambda p, v: f"{p + 1:04d}_{v}.png", lambda p: f"{p + 1}.0"),
        "its cells begin the names of 48 of 48 pictures",
    ),
    "row a day, dates written otherwise": Case(
        lambda h: (
            rename(h, lambda p, v: f"P{p:02d}_2021-{v + 3:02d}-{p + 1:02d}.png"),
            write_table(
                h,
                [
                    (f"P{p:02d}", f"{p + 1}.{v + 3:02d}.2021", label_of(p))
                    for p in range(24)
                    for v in range(2)
                ],
                columns=("Patient", "Datum", "Befund"),
            ),
        ),
        "key column {Patient}_{Datum} (one row per study: its cells begin the names of 48 of 48",
    ),
    "columns that are called like pictures": Case(
        lambda h: (
            rename(h, lambda p, v: f"{v}/{p}.png"),
            write_table(
                h,
                [(f"{v}/{p}", f"P{p}", "x", "", label_of(p)) for p in range(24) for v in range(2)],
                columns=("Bild", "Patient", "View 1", "2", "Befund"),
            ),
        ),
        "patient column Patient (by its name)",
    ),
    "row a study, by folders from above the pictures": Case(
        lambda h: (
            rename(h, lambda p, v: f"train/P{p}/study{v}/1.png"),
            write_table(
                h,
                [
                    (f"set-1/train/P{p}/study{v}/", label_of(p))
                    for p in range(24)
                    for v in range(2)
                ],
                columns=("Study", "Befund"),
            ),
        ),
        "its cells begin the folder names of 48 of 48 pictures",
    ),
    "copies in two folders": Case(
        lambda h: (
            rename(h, lambda p, v: f"{('raw', 'copy')[v]}/{p:03d}.png"),
            write_table(
                h, [(f"{p:03d}.png", label_of(p)) for p in range(24)], columns=("Bild", "Befund")
            ),
        ),
        "cells of Bild fit several files each, as copy/000.png and raw/000.png. Give the folder",
        refused=True,
        remedy=("--only", "copy/"),
    ),
    "numbers of patients in two classes": Case(
        without_table(lambda p, v: f"{label_of(p)}/{p % 12}/{v}.png"),
        "or --patient '^([^/]+/[^/]+)/' if folders of two classes that are called alike",
        refused=True,
        remedy=("--patient", "^([^/]+/[^/]+)/"),
        table=False,
    ),
    "names of nnU-Net": Case(channels, "48 masks, one per picture", ("--masks", "own/masks")),
    "row a lesion": Case(
        lambda h: write_table(h, [*rows_of(h), *rows_of(h)]),
        "48 pictures have several rows, which count once if they agree",
    ),
    "row a lesion, a mask each": Case(
        lesions, "49 masks of 48 pictures", ("--masks", "own/masks")
    ),
    "row a lesion, classes that differ": Case(
        lambda h: write_table(h, [*rows_of(h), ("p00_0.png", "benign", "P0")]),
        "1 picture has several rows that differ: p00_0.png",
        refused=True,
    ),
    "studies in folders of patients": Case(
        studies,
        "by their names 48 pictures may be of 24 patients (^([^/]+)/), such as "
        "patient00000/study0/view1.png and patient00000/study1/view1.png of patient00000",
    ),
    "row a finding": Case(
        findings,
        "12 pictures have several rows that differ: p00_0.png",
        refused=True,
        remedy=("--findings", "--positive", "malignant"),
        classes=("malignant", "not malignant"),
    ),
    "row a finding, one without a picture": Case(
        lambda h: findings(h, more=[("p99_0.png", "cyst", "P99"), ("p99_0.png", "scar", "P99")]),
        "left out 1 row without pictures",
        ("--findings", "--positive", "malignant", "--leave-out", "rows-without-pictures"),
    ),
    "row a finding of a patient": Case(
        findings_of_patients,
        "1 cell of Subject has several rows that differ: 'P3' (row 26). Keep one row per cell of "
        "Subject; or name the picture of each row in a column (--image); or, where each row is a "
        "finding, set findings: true (--findings of rin new)",
        refused=True,
        remedy=("--findings", "--positive", "malignant"),
        classes=("malignant", "not malignant"),
    ),
    "labels in masks": Case(
        labelled_masks,
        "all 48 pictures have one label (lesion): two are needed. Leave out less, or choose other "
        "classes with --positive and --negative, or the mask values of the lesion with "
        "--lesion-values.",
        (*LESIONS, "--label", "masks"),
        refused=True,
        remedy=("--lesion-values", "2", "--patient", "^(p[0-9]+)_"),
        classes=("lesion", "no lesion"),
        table=False,
    ),
    "labels in masks beside a table": Case(
        lambda h: labelled_masks(h, keeps_table=True),
        "labels 1 in 48, 2 in 24 of 48 masks: all count as the lesion. If one is an organ, give "
        "the others with --lesion-values",
        LESIONS,
    ),
    "labels in masks, of a value that none holds": Case(
        labelled_masks,
        "no mask contains the value 3. Masks contain 1, 2: give the values of the lesion",
        (*LESIONS, "--label", "masks", "--lesion-values", "3"),
        refused=True,
        table=False,
    ),
    "folders of patients that hold folders of classes": Case(
        without_table(lambda p, v: f"P{p}/{label_of(p)}/{v}.png"),
        "24 folders are too many for classes, and contain benign, malignant. If they are patients "
        "that contain the classes, give --label '^[^/]+/([^/]+)/' --patient '^([^/]+)/'.",
        refused=True,
        remedy=("--label", "^[^/]+/([^/]+)/", "--patient", "^([^/]+)/"),
        table=False,
    ),
    "folders of patients that hold folders of studies with classes": Case(
        without_table(lambda p, v: f"X/P{p}/study{v}_{label_of(p)}/image1.png"),
        "If they are patients that contain the classes, give "
        "--label '^[^/]+/[^/]*[ _-]([A-Za-z]+)/' --patient '^([^/]+)/'.",
        refused=True,
        remedy=("--label", "^[^/]+/[^/]*[ _-]([A-Za-z]+)/", "--patient", "^([^/]+)/"),
        classes=("malignant", "benign"),
        table=False,
    ),
    "classes far above the pictures": Case(
        without_table(lambda p, v: f"a/b/{label_of(p)}/x/{p % 2}/P{p}_{v}.png"),
        "or, if benign, malignant are the classes, give --label '^([^/]+)/'; or, if 0, 1 are ",
        refused=True,
        remedy=("--label", "^([^/]+)/", "--patient", r"(P\d+)_"),
        classes=("malignant", "benign"),
        table=False,
    ),
    "folders of kinds in each class": Case(
        without_table(lambda p, v: f"{label_of(p)}/{('dose', 'images')[v]}/P{p}.png"),
        "the same folders are in every class: dose, images. If the classes are benign, "
        "malignant, give --label '^([^/]+)/', and select pictures of one kind, as with "
        "--only '/dose/'.",
        refused=True,
        remedy=("--label", "^([^/]+)/", "--only", "/dose/", "--patient", r"(P\d+)"),
        classes=("malignant", "benign"),
        table=False,
    ),
    "age of patients": Case(
        ages_of_patients,
        "patient column ID (one row per patient: its cells begin the names of 48 of 48 pictures)",
    ),
    "row numbers without a name": Case(
        numbered_rows,
        "image column ImageID (100% of its cells are names of files)",
        ("--positive", "malignant"),
    ),
    "ids that pictures share": Case(
        lambda home: write_table(
            home,
            [(name, label, f"L{patient}") for name, label, patient in rows_of(home)],
            columns=("Bild", "Befund", "lesion_id"),
        ),
        "column lesion_id has 24 values in 48 rows: give --patient lesion_id if rows of one value",
    ),
    "two columns of pictures": Case(
        lambda home: write_table(
            home,
            [(label_of(p), f"p{p:02d}_0.png", f"p{p:02d}_1.png") for p in range(24)],
            columns=("Befund", "cc", "mlo"),
        ),
        "columns cc and mlo name a picture each. Give a table with one row per picture, or "
        "choose one column, as with --image cc --leave-out pictures-without-rows.",
        refused=True,
        remedy=("--image", "cc", "--leave-out", "pictures-without-rows"),
    ),
    "no names of columns": Case(
        lambda home: write_lines(home, [" ".join(row) for row in rows_of(home)]),
        "the first row names a picture and not the columns. Write names of columns above it, as "
        "with (echo column1,column2,column3; tr ' ;\\t' ',,,' < ",
        refused=True,
    ),
    "folders of parts alone": Case(
        without_table(lambda p, v: f"{('train', 'test')[p % 2]}/P{p}_{v}.png"),
        "folders are not classes: test, train. Give a --table with the class of each picture",
        refused=True,
        table=False,
    ),
    "paths that begin above the pictures": Case(
        paths_from_above,
        "image column Path (100% of its cells are names of files)",
        ("--table", "own/Bilder/list.csv"),
        table=False,
    ),
    "numbers of files, patients inside names": Case(
        numbers_of_files,
        "By their names they may be 24 patients: --patient '^(?:[^_-]+[_-]){1}([^_-]+)'",
        patients=48,
    ),
    "numbers of files, patients by the pattern that is named": Case(
        numbers_of_files,
        "key column File Name (one row per study: its cells begin the names of 48 of 48",
        ("--patient", "^(?:[^_-]+[_-]){1}([^_-]+)"),
    ),
    "ids at the end of names": Case(
        ids_at_the_end,
        "key column Image ID (one row per study: its cells equal the id at the end of the names "
        "of 48 of 48 pictures)",
    ),
    "class in two spellings": Case(
        classes_of("benign", "Malignant", "malignant"),
        "Malignant (16) and malignant (16) look like one class. Name both with --positive,",
        refused=True,
        remedy=("--positive", "malignant", "--positive", "Malignant"),
        classes=("malignant", "benign"),
    ),
    "patients in a table of their own": Case(
        patients_apart, "patient column Patient of patients.csv (by its name)"
    ),
    "row a side of a patient": Case(
        sides,
        "patient column ID (the first of {ID}_{Side})",
        classes=("malignant", "benign"),
    ),
    "row a day of a patient, in folders": Case(
        lambda home: sides(
            home, lambda patient, day: f"{patient}/{day}/view", ("Patient", "Day", "Befund")
        ),
        "column {Patient}/{Day} (one row per study: its cells begin the folder names of 49 of 49 ",
    ),
    "row a finding, folders of patients": Case(
        findings_in_folders,
        "patient column ID (one row per patient: its cells begin the folder names of 48 of 48 ",
        ("--findings", "--positive", "malignant"),
    ),
    "boxes of diagnoses": Case(
        boxes,
        "--label: The column of the label cannot be guessed. Give it with --label: diagnosis___1,",
        refused=True,
        remedy=("--label", "diagnosis___2"),
        classes=("diagnosis 2", "not diagnosis 2"),
    ),
    # Masks by a word, sides, and layouts of published datasets.
    "lists of parts": Case(
        lists_of_parts,
        "parts those of test_list.txt, train_val_list.txt are kept (--split none divides again",
    ),
    "lists of parts, not kept": Case(
        lists_of_parts, "possible: 5 folds, 71% train", ("--split", "none")
    ),
    "lists of parts, a picture in none": Case(
        lambda home: lists_of_parts(home, lambda train, test: train.pop()),
        "test_list.txt, train_val_list.txt place 47 of 48 pictures: not kept, and divided again",
    ),
    "lists of parts, a picture in two": Case(
        lambda home: lists_of_parts(home, lambda train, test: train.append(test[0])),
        "1 picture is in lists of two parts: p00_0.png. Correct the lists, or ignore them with ",
        refused=True,
        remedy=("--split", "none"),
    ),
    "lists of parts, a patient in two": Case(
        lambda home: lists_of_parts(home, lambda train, test: train.append(test.pop())),
        "list.csv: test_list.txt, train_val_list.txt: 1 patient is in several parts",
        refused=True,
        remedy=("--split", "none"),
    ),
    "lists of parts beside folders of classes": Case(
        lambda home: (
            lists_of_parts(home),
            rename(home, lambda p, v: f"{label_of(p)}/P{p:02d}_{v}.png"),
            (home / "own/list.csv").unlink(),
            (home / "own/test_list.txt").rename(home / "own/Bilder/test.txt"),
            (home / "own/train_val_list.txt").rename(home / "own/Bilder/train.txt"),
        ),
        "parts those of test.txt, train.txt are kept only with a --table: divided again by ",
        table=False,
    ),
    "folders of parts in a table's paths": Case(
        folders_of_split, "parts test, train: merged, and divided again by patient"
    ),
    "numbers of sites in a column called like patients": Case(
        sites,
        "or --patient none if column case names sites and not patients.",
        refused=True,
        remedy=("--patient", "none"),
        patients=240,
    ),
    "numbers of sites in a column called like patients, several labels": Case(
        lambda home: sites(home, n=9),
        "PATIENTS 270 pictures are of only 9 patients: are these sites or groups? If so, give ",
        ("--several-labels",),
        patients=9,
    ),
    "a class of unclear cases": Case(
        classes_of("ja", "nein", "unklar"),
        "unklar 16 as not ja. Does unklar mean uncertain? If so, name others by --negative",
        classes=("ja", "not ja"),
    ),
    "question marks in place of labels": Case(
        classes_of("ja", "nein", "?"),
        "16 rows have no label but ? in column Befund",
        refused=True,
        remedy=("--leave-out", "unlabelled"),
        patients=16,
        classes=("ja", "nein"),
    ),
    "two columns that are called like labels": Case(
        row_a_picture(("label", "pathology"), lambda p: (f"{p % 2}", label_of(p))),
        "other columns pathology may also be the label: --label pathology image column Bild",
        classes=("1", "0"),
    ),
    "patients rounded by a spreadsheet": Case(
        in_table(lambda i, n, k, p: (n, k, f"{1.2345e11 + 1e6 * (int(p[1:]) // 2):.5E}")),
        "ids in column Patient are rounded, as 1.23450E+11, so that different ones may look alike",
        refused=True,
        remedy=("--patient", "none"),
        patients=48,
    ),
    "pictures rounded by a spreadsheet": Case(
        lambda home: (
            rename(home, lambda p, v: f"{123450000000 + 2 * p + v}.png"),
            write_table(
                home,
                [(f"{1.2345e11 + n:.5E}", label_of(n // 2)) for n in range(48)],
                columns=("Bild", "Befund"),
            ),
        ),
        "ids such as 1.23450E+11 are rounded. Format ids as text where the table was made",
        refused=True,
    ),
    "masks in run lengths": Case(
        run_lengths,
        "label column EncodedPixels (the only column of run lengths)",
        classes=("lesion", "no lesion"),
        images=48,
    ),
    "masks in run lengths, empty cells for none, a row a kind": Case(
        lambda home: run_lengths(home, none="", kinds=("cyst", "mass")),
        "24 pictures have several rows that differ: p00_0.png",
        ("--label", "runs"),
        refused=True,
        remedy=("--findings", "--positive", "lesion"),
        classes=("lesion", "no lesion"),
        images=48,
    ),
    "ids of a folder and the beginning of a name": Case(
        slices_in_sessions,
        "24 cells of {picture_folder}-{picture_start} have several rows that differ",
        ("--label", "segmentation"),
        refused=True,
        remedy=("--findings", "--positive", "lesion"),
        classes=("lesion", "no lesion"),
        images=48,
    ),
    "altered copies of pictures": Case(
        without_table(lambda p, v: f"{label_of(p)}/{label_of(p)}_{p}{('', '_flip')[v]}.png"),
        r"by their names 48 pictures may be of 24 originals (^(.+?)(?:_flip)?(?:\.[A-Za-z]+)*$)",
        table=False,
    ),
    "altered copies, a word before their names": Case(
        lambda home: (
            rename(home, lambda p, v: f"{('', 'rotated_')[v]}{p}.png"),
            write_table(
                home,
                [(f"{word}{p}.png", label_of(p)) for p in range(24) for word in ("", "rotated_")],
                columns=("Bild", "Befund"),
            ),
        ),
        "No patients are named: each original counts as one",
    ),
    "altered copies, equal numbers in two classes": Case(
        without_table(lambda p, v: f"{label_of(p)}/{p % 12}{('', ' - Copy')[v]}.png"),
        "may be of 24 originals ((?:([^/]+)/)?([^/]+?)(?: - Copy)?",
        table=False,
    ),
    "altered copies, of which each has a patient": Case(
        lambda home: (
            rename(home, lambda p, v: f"{p:02d}{('', '_aug1')[v]}.png"),
            write_table(
                home,
                [
                    (f"{p:02d}{end}.png", label_of(p), f"{p:02d}{end}")
                    for p in range(24)
                    for end in ("", "_aug1")
                ],
                columns=("Bild", "Befund", "Patient"),
            ),
        ),
        "24 pictures have altered copies by their names, which count as other patients: "
        "Bilder/00.png and Bilder/00_aug1.png;",
        refused=True,
        remedy=("--patient", r"^(.+?)(?:_aug\d+)?(?:\.[A-Za-z]+)*$"),
    ),
    "altered copies, in folders that are called so": Case(
        without_table(
            lambda p, v: f"{('Original', 'AugmentedDataset')[v]}/{label_of(p)}/{'ox'[v]}{p}.png"
        ),
        "folders are called like those of altered copies: AugmentedDataset. Leave them out with",
        refused=True,
        remedy=("--only", "^(?!(.*/)?(AugmentedDataset)/)"),
        images=24,
        table=False,
    ),
    "masks of two lungs in two folders": Case(
        lungs,
        "own/Bilder/Manual.",
        refused=True,
        remedy=("--images", "own/Bilder/CXR", "--masks", "own/Bilder/Manual"),
        images=48,
    ),
    "masks of two lungs in two folders, no table": Case(
        lambda home: lungs(home, with_table=False),
        "96 masks of 48 pictures",
        (
            *("--images", "own/Bilder/CXR", "--masks", "own/Bilder/Manual"),
            *("--label", r"_(\d)$", "--patient", r"(p\d+)_"),
        ),
        classes=("1", "0"),
        images=48,
        table=False,
    ),
    "masks of two lungs in two folders, one of them": Case(
        lambda home: lungs(home, with_table=False),
        "48 masks, one per picture",
        (
            *("--images", "own/Bilder/CXR", "--masks", "own/Bilder/Manual"),
            *("--label", r"_(\d)$", "--patient", r"(p\d+)_", "--only", "^(?!.*/(rightMask)/)"),
        ),
        classes=("1", "0"),
        table=False,
    ),
    "masks of one lung named, those of the other beside": Case(
        lambda home: lungs(home, with_table=False),
        "or leave others out: --only '^(?!(Manual/rightMask)/)'.",
        (
            *("--images", "own/Bilder/CXR", "--masks", "own/Bilder/Manual/leftMask"),
            *("--label", r"_(\d)$", "--patient", r"(p\d+)_"),
        ),
        refused=True,
        remedy=("--only", "^(?!(Manual/rightMask)/)"),
        classes=("1", "0"),
        table=False,
    ),
    "masks of several organs in folders": Case(
        lambda home: lungs(home, folders=("heart", "left lung", "right lung")),
        "masks of one picture in heart, left lung, right lung are united (for heart alone, give "
        "--only '^(?!.*/(left lung|right lung)/)')",
        ("--images", "own/Bilder/CXR", "--masks", "own/Bilder/Manual"),
    ),
    "a mask called by a word, in the folder of a patient": Case(
        masks_by_word("ultrasound.png", "lesion.png"),
        "masks 24 files, with names such as P00/lesion.png",
        images=24,
    ),
    "a mask called by a word, below a class": Case(
        masks_by_word("image.png", "mask.png", with_table=False),
        "24 masks, one per picture",
        images=24,
        table=False,
    ),
    "masks called alike in folders of patients": Case(
        masks_by_word("a.png", "a_seg.png"), "24 masks, one per picture", images=24
    ),
    "masks in a folder of a patient's folder": Case(
        masks_by_word("a.png", "masks/a.png"), "24 masks, one per picture", images=24
    ),
    "masks and pictures in folders of a patient's folder": Case(
        masks_inside(lambda p, v: f"P{p:02d}/{v}"),
        "masks 48 files, with names such as P00/masks/0.png, of pictures such as P00/images/0",
        images=48,
    ),
    "masks and pictures in folders of a patient's folder, names of pictures": Case(
        masks_inside(lambda p, v: f"P{p:02d}/P{p}_{v}", column="Datei"),
        "48 masks, one per picture",
        images=48,
    ),
    "masks and pictures in folders of a patient's folder, other endings": Case(
        masks_inside(lambda p, v: f"P{p:02d}/{v}", mask="GT/seg_{}"),
        "48 masks, one per picture",
        images=48,
    ),
    "masks and pictures in folders of a patient below a class": Case(
        masks_inside(lambda p, v: f"{label_of(p)}/P{p:02d}/{v}"),
        "patient folders each folder below a class counts as a patient",
        images=48,
        table=False,
    ),
    "classes in folders below those of organs": Case(
        lambda home: rename(
            home, lambda p, v: "{0}_sets/{0}_{1}/{0}{2}.png".format(ORGANS[v], label_of(p), p)
        ),
        "4 folders below colon_sets, lung_sets are called like no patient: colon_benign, "
        "colon_malignant, lung_benign, lung_malignant. If these are the classes, give "
        "--label '^[^/]+/([^/]+)/'",
        refused=True,
        remedy=(
            *("--label", "^[^/]+/([^/]+)/"),
            *("--positive", "lung_malignant", "--negative", "lung_benign"),
        ),
        classes=("lung_malignant", "lung_benign"),
        images=24,
        table=False,
    ),
    "portions of pictures, with a table that is not named": Case(
        lambda home: rename(home, lambda p, v: f"own_part_{v + 1}/p{p:02d}_{v}.png"),
        "the folders name no classes, but there is a table",
        refused=True,
        remedy=("--table", "own/list.csv"),
        table=False,
    ),
    "portions of pictures that are the classes": Case(
        lambda home: (
            rename(home, lambda p, v: f"batch {1 + (label_of(p) == 'benign')}/{p}{v}.png"),
            (home / "own" / "list.csv").unlink(),
        ),
        "batch 1, batch 2 are called like portions, not like classes",
        refused=True,
        remedy=("--label", "^([^/]+)/", "--positive", "batch 1", "--patient", "none"),
        classes=("batch 1", "batch 2"),
        images=48,
        patients=48,
        table=False,
    ),
    "patients without numbers below folders of classes": Case(
        lambda home: rename(home, lambda p, v: f"{label_of(p)}/{LETTERS[p // 2]}/{p}{v}.png"),
        "; if these are patients, --patient '^[^/]+/([^/]+)/'.",
        refused=True,
        remedy=("--patient", "^[^/]+/([^/]+)/"),
        patients=12,
        images=48,
        table=False,
    ),
    "masks and pictures in folders of a class": Case(
        masks_inside(lambda p, v: f"{label_of(p)}/P{p:02d}_{v}"),
        "48 masks, one per picture",
        images=48,
        classes=("malignant", "benign"),
        table=False,
    ),
    "masks and pictures in folders of a class, a mask of no picture": Case(
        lambda home: (
            masks_inside(lambda p, v: f"{label_of(p)}/P{p:02d}_{v}")(home),
            save(home / "own/Bilder/benign/masks/P00_0.png", outline(0)),
        ),
        "1 mask without pictures: benign/masks/P00_0.png. Name each mask like its picture, in a",
        refused=True,
        table=False,
    ),
    "masks of two kinds in folders of a class": Case(
        masks_inside(
            lambda p, v: f"{label_of(p)}/P{p:02d}_{v}",
            mask="lung masks/{}",
            more=["lesion masks/{}"],
        ),
        "Select pictures and masks of one kind, as with --only '/(images|lesion masks)/'.",
        refused=True,
        remedy=("--only", "/(images|lesion masks)/"),
        images=48,
        table=False,
    ),
    "pictures and no masks in a folder of a class": Case(
        without_table(lambda p, v: f"{label_of(p)}/images/P{p:02d}_{v}.png"),
        "folders images in every class: no patient",
        images=48,
        table=False,
    ),
    "masks and pictures in two folders, not named": Case(
        masks_inside(lambda p, v: f"P{p:02d}_{v}"), "48 masks, one per picture", images=48
    ),
    "masks that share a number with their pictures": Case(
        masks_of_numbers,
        "masks 48 files, with names such as benign/P12/mask0.png, of pictures such as benign/P",
        images=48,
        table=False,
    ),
    "masks that share a number and side with their pictures": Case(
        bus,
        "masks 48 files, with names such as mask_0000-l.png, of pictures such as bus_0000-l",
        (
            *("--images", "own/Bilder/Images"),
            *("--masks", "own/Bilder/Masks", "--table", "own/list.csv"),
        ),
        images=48,
    ),
    "masks that share a number and side with their pictures, not named": Case(
        bus, "48 masks, one per picture", images=48
    ),
    "masks with a word in the middle of names": Case(
        masks_around_word("P{p:02d}_img{v}.png", "P{p:02d}_mask{v}.png"),
        "48 files, with names such as P00_mask0.png, of pictures such as P00_img0",
        images=48,
    ),
    "masks with a word in the middle of names, in folders of classes": Case(
        masks_around_word(
            "{label}/P{p:02d}_img_{v}.png", "{label}/P{p:02d}_seg_{v}.png", with_table=False
        ),
        "48 masks, one per picture",
        table=False,
        images=48,
    ),
    "masks with a word in the middle of names, that of pictures unclear": Case(
        masks_around_word("P{p:02d}_us_img_{v}.png", "P{p:02d}_seg_{v}.png"),
        "48 pictures are named like masks, and no picture matches them: P00_seg_0.png",
        refused=True,
        remedy=("--only", "us_img", "--leave-out", "pictures-without-rows"),
        images=48,
    ),
    "pictures and masks of parts in two folders each": Case(
        folders_of_parts,
        "Link both into a folder of each part: for p in test trainval; do mkdir -p",
        ("--label", "masks"),
        refused=True,
        table=False,
    ),
    "columns of two eyes, label of one": Case(
        eyes(),
        "column Befund_OD is of one side of the body (Befund_OS of the other), and 24 pictures of "
        "the other, as 000_OS.png",
        ("--label", "Befund_OD"),
        refused=True,
        remedy=("--only", "_OD"),
        images=24,
    ),
    "columns of two eyes, names that tell none": Case(
        eyes(ends="12"),
        "names of pictures tell no sides: all pictures of a patient get that label",
        ("--label", "Befund_OD"),
    ),
    "a column of each class": Case(
        row_a_picture(("MEL", "NV", "BCC", "BKL"), one_hot),
        "of MEL, NV, BCC, BKL each row has one class: the one that is named is compared with all",
        refused=True,
        remedy=("--label", "MEL"),
        classes=("MEL", "not MEL"),
    ),
    "a column of what is absent": Case(
        row_a_picture(("No Finding", "Edema"), lambda p: (f"{labelled(p)}", f"{p % 2}")),
        "The column of the label cannot be guessed. Give it with --label: No Finding, Edema.",
        refused=True,
        remedy=("--label", "Edema"),
        classes=("Edema", "not Edema"),
    ),
    "1 of a column called by what is not looked for": Case(
        row_a_picture(("benign",), lambda p: (f"{1 - labelled(p)}",)),
        "The positive class cannot be guessed. Give it with --positive: 0, 1.",
        refused=True,
        remedy=("--positive", "0"),
        classes=("not benign", "benign"),
    ),
    "sides in names that no row is compared with": Case(
        lambda h: (
            rename(h, lambda p, v: f"case{p:02d}/A_{p}.{('LEFT', 'RIGHT')[v]}_CC.png"),
            write_table(
                h,
                [(f"case{p:02d}", ("LEFT", "RIGHT")[p % 2], label_of(p)) for p in range(24)],
                columns=("Fall", "breast", "Befund"),
            ),
        ),
        "column breast names sides of the body, and in pictures such as case00/A_0.LEFT_CC.png "
        "that is not compared",
    ),
    "ratings, of which 0 may mean unknown": Case(
        row_a_picture(("malignancy",), lambda p: (f"{p % 6}",)),
        "0 counts as not malignancy 4/5. If it means unknown, name the others: --negative 1,2,3",
        ("--positive", "4,5"),
    ),
    "BI-RADS, of which 0 alone is not positive": Case(
        row_a_picture(("BI-RADS",), lambda p: (f"{p % 4}",)),
        "If it means unknown, name fewer classes with --positive",
        ("--positive", "1,2,3"),
    ),
    "grades, of which 0 is none": Case(
        row_a_picture(("diagnosis",), lambda p: (f"{p % 5}",)),
        # No doubt of class 0 comes between.
        "4 8 as 2/3/4 masks none are read",
        ("--positive", "2,3,4"),
        classes=("2/3/4", "not 2/3/4"),
    ),
    "grades to 5, of a column that says so": Case(
        row_a_picture(("isup_grade",), lambda p: (f"{p % 6}",)),
        "5 8 as isup grade 2/3/4/5 masks none are read",
        ("--positive", "2,3,4,5"),
        classes=("isup grade 2/3/4/5", "not isup grade 2/3/4/5"),
    ),
    "ratings, 0 left out": Case(
        row_a_picture(("malignancy",), lambda p: (f"{p % 6}",)),
        "8 pictures of other classes (0 8)",
        ("--positive", "4,5", "--negative", "1,2,3"),
        patients=20,
    ),
    "classes and numbers in names": Case(
        without_table(lambda p, v: f"{('NORMAL', 'COVID')[labelled(p)]}-{2 * (p % 12) + v}.png"),
        "or read classes from names: --label '^([A-Za-z]+)[ _-]'.",
        refused=True,
        remedy=("--label", "^([A-Za-z]+)[ _-]"),
        patients=48,
        classes=("COVID", "NORMAL"),
        table=False,
    ),
    "classes and numbers in names, without a sign between them": Case(
        without_table(lambda p, v: f"{('normal', 'covid')[labelled(p)]}{2 * (p % 12) + v}.png"),
        r"or read classes from names: --label '^([A-Za-z]+)\d+$'.",
        refused=True,
        remedy=("--label", r"^([A-Za-z]+)\d+$"),
        patients=48,
        classes=("covid", "normal"),
        table=False,
    ),
    "numbers of patients in two classes, behind the names of these": Case(
        numbers_shared,
        r"or of 20 (^[A-Za-z]+[ _-](.+)[ _-][^ _-]+$); --patient none if they are not",
        table=False,
    ),
    "few masks among many pictures": Case(
        rare_masks,
        "3 of 64 pictures that were looked at have few values, as masks have, such as p000_0_area",
        refused=True,
        remedy=("--only", "^(?!.*area)", "--leave-out", "rows-without-pictures"),
        patients=200,
    ),
    "words in a Baltic code page": Case(
        in_encoding("cp1257", "ļaundabīgs", "labdabīgs"),
        "ļaundabīgs 24 (positive), labdabīgs 24",
    ),
    "words in KOI8": Case(
        in_encoding("koi8_r", "рак", "норма"),
        "list.csv, koi8_r, cells separated by “,”",
        ("--positive", "рак"),
        classes=("рак", "норма"),
    ),
    "words in KOI8 of Ukraine": Case(
        in_encoding("koi8_u", "злоякісна", "доброякісна"),
        "letters read as злоякісна доброякісна (if that is wrong, save the table as UTF-8)",
        ("--positive", "злоякісна"),
        classes=("злоякісна", "доброякісна"),
    ),
    "words in ISO 8859-5": Case(
        in_encoding("iso8859_5", "рак", "норма"),
        "list.csv, iso8859_5, cells separated by “,” letters read as рак норма (if that is wrong",
        ("--positive", "рак"),
        classes=("рак", "норма"),
    ),
    "masks in a folder of their own, pictures in others": Case(
        lambda home: (
            [
                (home / "own/masks" / name).rename(home / f"own/masks/{name[:-4]}_seg.png")
                for name in names_of(home)
            ],
            rename_folders(home),
        ),
        "If they are masks, name their folder: --masks ",
        refused=True,
        remedy=("--masks", "own/Bilder/lesions"),
        images=48,
    ),
    "masks that share a number with several pictures": Case(
        lambda home: (
            bus(home),
            shutil.copytree(home / "own/Bilder/Images", home / "own/Bilder/Images/2"),
        ),
        "no mask is named like a picture (first mask: mask_0000-l.png). Name masks like their ",
        ("--images", "own/Bilder/Images", "--masks", "own/Bilder/Masks"),
        refused=True,
    ),
    "masks that share a number with their pictures, one of none": Case(
        lambda home: (bus(home), (home / "own/Bilder/Images/bus_0003-l.png").unlink()),
        "1 row without pictures: bus_0003-l.",
        ("--images", "own/Bilder/Images", "--masks", "own/Bilder/Masks"),
        refused=True,
        remedy=("--leave-out", "rows-without-pictures,pictures-without-rows"),
        images=47,
    ),
    "masks in a folder beside that of the classes": Case(
        sibling_masks,
        "own/Bilder/Images --masks ",
        refused=True,
        remedy=("--images", "own/Bilder/Images", "--masks", "own/Bilder/Shapes"),
        images=48,
        table=False,
    ),
    "masks in a folder beside, not named": Case(
        sibling_masks,
        "masks none are read: --masks own/Bilder/Shapes would read that folder",
        ("--images", "own/Bilder/Images"),
        images=48,
        table=False,
    ),
    "table beside the folder of pictures, not named": Case(
        lambda home: None,
        "the folders name no classes, but there is a table. If it says what the pictures show, "
        "give --table ",
        refused=True,
        remedy=("--table", "own/list.csv"),
        table=False,
    ),
    "paths of CBIS-DDSM": Case(
        cbis,
        "its cells are folders of column image file path that contain 24 of 24 pictures",
        ("--positive", "MALIGNANT"),
        classes=("MALIGNANT", "not MALIGNANT"),
        images=24,
    ),
    "paths of CBIS-DDSM, masks among the files": Case(
        lambda home: cbis(home, kinds=("full mammogram", "ROI mask")),
        "24 pictures without rows: ",
        ("--positive", "MALIGNANT"),
        refused=True,
        remedy=("--leave-out", "pictures-without-rows"),
        images=24,
    ),
    "paths of CBIS-DDSM, folders of whole pictures, of crops and masks": Case(
        cbis_in_series,
        "contain 24 of 72 pictures",
        ("--positive", "MALIGNANT", "--leave-out", "pictures-without-rows"),
        classes=("MALIGNANT", "BENIGN"),
        images=24,
    ),
    "label of the patient, columns and pictures of both eyes": Case(
        lambda h: (
            rename(h, lambda p, v: f"{p}_{('left', 'right')[v]}.png"),
            write_table(
                h,
                [
                    (f"{p}", f"{p}_left.png", f"{p}_right.png", f"{labelled(p)}", f"{p % 2}")
                    for p in range(24)
                ],
                columns=("ID", "Left-Fundus", "Right-Fundus", "C", "N"),
            ),
        ),
        "SIDES column C is of the patient, and Left-Fundus and Right-Fundus are of one side of",
        ("--label", "C"),
        classes=("C", "not C"),
        images=48,
    ),
    "sequences at the end of names": Case(
        patients_of(lambda p, v: f"P{p:03d}_{('t2w', 'adc')[v]}.png", lambda p: f"P{p:03d}"),
        "kinds adc 24, t2w 24: all are used; --only '[ _/-]adc[./]' takes one kind",
        images=48,
    ),
    "one of these sequences": Case(
        patients_of(lambda p, v: f"P{p:03d}_{('t2w', 'adc')[v]}.png", lambda p: f"P{p:03d}"),
        "pictures 24 (24 .png)",
        ("--only", "[ _/-]adc[./]"),
        images=24,
    ),
    "sequences in folders of patients, beside a table": Case(
        patients_of(lambda p, v: f"P{p:03d}/{('t2w', 'adc')[v]}/1.png", lambda p: f"P{p:03d}"),
        "the folders name no classes, but there is a table. If it says what the pictures show, gi",
        refused=True,
        remedy=("--table", "own/list.csv"),
        table=False,
        images=48,
    ),
    "a list of rows in JSON among the pictures": Case(
        lambda h: (
            shutil.rmtree(h / "own/masks"),
            (h / "own/Bilder/list.json").write_text(
                json.dumps([{"file": n, "label": x, "patient": p} for n, x, p in rows_of(h)])
            ),
            (h / "own/list.csv").unlink(),
        ),
        "there is a table. If it says what the pictures show, give --table ",
        refused=True,
        remedy=("--table", "own/Bilder/list.json"),
        table=False,
    ),
    "row a session": Case(
        sessions,
        "26 cells of ID may be of 24 patients, such as OAS1_0000_MR1 and OAS1_0000_MR2; OAS1_0001",
        patients=26,
    ),
    "row a session, by the pattern that is named": Case(
        sessions,
        "key column ID (one row per study: its cells begin the folder names of 48 of 48 pictures)",
        ("--patient", r"([^/]+?)[ _-](?:MR)[ _-]?\d"),
    ),
    "row a study, labels in some": Case(
        lambda h: (
            rename(h, lambda p, v: f"p{p:02d}/s{500 + 2 * p + v}/x.png"),
            write_table(
                h,
                [
                    (f"{p}", f"s{500 + 2 * p + v}", label_of(p) if v or p % 2 else "")
                    for p in range(24)
                    for v in range(2)
                ],
                columns=("subject_id", "study_id", "Befund"),
            ),
        ),
        "Fill the cell, or leave such rows out with --leave-out unlabelled. If an empty cell",
        refused=True,
        remedy=("--leave-out", "unlabelled"),
        images=36,
    ),
    "column called in several lines": Case(
        lambda h: write_table(
            h, rows_of(h), columns=("Bild", '"Grade\n0=none, 1=low\n2 = high"', "Patient")
        ),
        "label column Grade 0=none, 1=low 2 = high (the only column with a few classes)",
    ),
    "numbers that the column's name explains, 0 of which is unknown": Case(
        lambda h: write_table(
            h,
            [(n, f"{int(p[1:]) % 4}", p, "xyz"[int(p[1:]) % 3]) for n, _, p in rows_of(h)],
            columns=("Bild", '"Level\n0=Unknown\n1= benign, or other\n2=bad"', "Patient", "Ort"),
        ),
        "Give it with --label: 'Level 0=Unknown 1= benign, or other 2=bad', Ort.",
        refused=True,
        remedy=("--label", "Level 0=Unknown 1= benign, or other 2=bad", "--positive", "2,3"),
        classes=("Level 2/3", "not Level 2/3"),
    ),
    "numbers of which the column's name says that 0 is unknown": Case(
        lambda h: write_table(
            h,
            [(n, f"{int(p[1:]) % 4}", p) for n, _, p in rows_of(h)],
            columns=("Bild", "Level 0=Unknown", "Patient"),
        ),
        "0 counts as not Level 2/3. If it means unknown, name the others: --negative 1",
        ("--positive", "2,3"),
        classes=("Level 2/3", "not Level 2/3"),
    ),
    "row a side, told by headers": Case(
        breasts,
        "its cells equal PatientID and side of 48 of 48 pictures",
        ("--several-labels",),
        classes=("Malignant", "Benign"),
        images=48,
    ),
    "row a side, told by headers, sides that differ": Case(
        breasts,
        "or give --several-labels if labels belong to cells of {ID1}_{LeftRight}, as of sides, or",
        refused=True,
        remedy=("--several-labels",),
        images=48,
    ),
    "findings joined, none of which is alone": Case(
        classes_of("Mass|Effusion", "No finding"),
        "24 rows with several, separated by “|”: any of them counts",
        ("--positive", "Mass"),
        classes=("Mass", "not Mass"),
    ),
    "row a patient and her side, pictures of the other side": Case(
        lambda home: breasts(home, element="Laterality", one_row=True, words=("left", "right")),
        "24 pictures without rows: ",
        refused=True,
        remedy=("--leave-out", "pictures-without-rows"),
        images=24,
    ),
    "row a side, told by nothing": Case(
        lambda home: breasts(home, element=""),
        "column LeftRight is no help, as neither names nor headers of pictures tell sides",
        refused=True,
    ),
    "row a patient and her side in words, letters in names": Case(
        side_in_words,
        "24 pictures without rows: P00_R_1.png, P01_L_1.png",
        refused=True,
        remedy=("--leave-out", "pictures-without-rows"),
        images=24,
    ),
    "a side that pictures do not tell": Case(
        lambda home: (
            rename(home, lambda p, v: f"P{p:02d}/{v}.png"),
            write_table(
                home,
                [(f"P{p:02d}", ("left", "right")[p % 2], label_of(p)) for p in range(24)],
                columns=("Patient", "Side", "Befund"),
            ),
        ),
        "SIDES column Side names sides of the body, and pictures do not: all pictures of a",
    ),
    "one word in Mac Roman": Case(
        in_mac_roman,
        "letters read as bösartig; as cp1250 it would be bšsartig (if that is wrong, save the",
        classes=("bösartig", "gutartig"),
    ),
    "several positive classes": Case(
        classes_of("0.0", "1.0", "2.0"),
        "classes joined 0.0 16 as 0.0, 1.0 16 as 1.0/2.0, 2.0 16 as 1.0/2.0",
        ("--positive", "1", "--positive", "2"),
        classes=("1.0/2.0", "0.0"),
    ),
    "table of SPSS": Case(
        lambda home: (home / "own/list.csv").rename(home / "own/list.sav"),
        "tables of SPSS are not read. In SPSS, export the table as CSV or .xlsx.",
        ("--table", "own/list.sav"),
        refused=True,
        table=False,
    ),
    "DICOM files of Siemens": Case(called_ima, "48 (48 .ima), 16 to 16 px, grey"),
    "volumes of nobody": Case(
        volumes_of_nobody,
        "PATIENTS none are named: each volume counts as a patient. If patients have several",
        table=False,
    ),
    "inverted masks": Case(
        redrawn(np.logical_not),
        "masks: 48 of 48 masks that were looked at have the value 255 at their border, as if it "
        "were the background. Give the values of the lesion, as in --lesion-values 0; or "
        "--lesion-values all if 255 marks it.",
        LESIONS,
        refused=True,
        remedy=("--lesion-values", "0"),
    ),
    "inverted masks, taken as they are": Case(
        redrawn(np.logical_not),
        "MASKS masks mark 57% of a typical picture: are they inverted?",
        (*LESIONS, "--lesion-values", "all"),
    ),
    "inverted masks of two values, of half of the pictures a lesion": Case(
        on_white,
        "--lesion-values 0,128; or --lesion-values all if 255 marks it.",
        (*LESIONS, "--label", "masks"),
        refused=True,
        remedy=("--lesion-values", "0,128", "--patient", "^(p[0-9]+)_"),
        classes=("lesion", "no lesion"),
        table=False,
    ),
    "masks in GIF": Case(
        gif_masks,
        "48 masks, one per picture",
        ("--masks", "own/masks"),
        images=48,
    ),
    "lines around the lesions": Case(
        redrawn(border),
        "MASKS masks enclose 3.4 times their own area: are they lines around the lesions, not",
        LESIONS,
    ),
    "findings without a table": Case(
        lambda h: (h / "own/list.csv").unlink(),
        "--findings: there are no rows. Give the --table whose rows are findings.",
        ("--findings",),
        refused=True,
        table=False,
    ),
    "classes behind numbers": Case(
        without_table(
            lambda p, view: f"{labelled(p)}_{('normal', 'tumor')[labelled(p)]}/P{p}/{view}.png"
        ),
        "1_tumor 24 (positive), 0_normal 24",
        table=False,
    ),
    "cells of a key that may be several of a patient": Case(
        lambda h: (
            rename(h, lambda patient, view: f"U{patient // 2}-{patient % 2}_{view}.png"),
            write_table(
                h,
                [(f"U{p // 2}-{p % 2}", ("benign", "malignant")[labelled(p)]) for p in range(24)],
                columns=("Fall", "Befund"),
            ),
        ),
        "24 cells of Fall may be of 12 patients, such as U0-0 and U0-1; U1-0 and U1-1",
    ),
    "pairs of hdr and img": Case(
        pairs,
        "1 volume is in two files, .hdr and .img: Bilder/x. Convert",
        refused=True,
    ),
    "title row": Case(
        title_row, "titles 1 row above the column names (Bild, Befund, Patient): skipped"
    ),
    "column of patients called name": Case(
        patient_called_name, "24 patients, 2 images each", ("--patient", "name")
    ),
    "zip archive": Case(
        zipped, "p12_0.png and p12_1.png of p12", ("--images", "zips/us.zip"), table=False
    ),
}


def call(rin, case, flags):
    given = OWN if case.table else FOLDERS
    return rin("new", "mine", *given, *flags)


# Of the cases that are read, the quick tests take one of each kind; those that are refused without
# a remedy end soon.
QUICK = {
    "row a patient, folder each",
    "row a patient, equal to DICOM headers",
    "labels in names",
    "numbers of patients in two classes",
    "altered copies of pictures",
    "row without picture",
    "with lesion or without",
    "unlabelled",
    "0, 1 and 2",
    "uncertain as -1",
    "patient with two labels",
    "names of nnU-Net",
    "labels in masks",
    "row a side of a patient",
    "masks in run lengths",
    "masks of two lungs in two folders",
    "a mask called by a word, in the folder of a patient",
    "masks and pictures in folders of a class",
    "ids of a folder and the beginning of a name",
}


def is_quick(name):
    return name in QUICK or (CASES[name].refused and CASES[name].remedy is None)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if is_quick(n) else pytest.mark.slow) for n in CASES]
)
def test_case_is_read_or_refused_in_one_line_whose_remedy_works(rin, home, name):
    case = CASES[name]
    case.make(home)
    status, out, err = call(rin, case, case.flags)
    assert case.said in " ".join((err if case.refused else out).split())
    if case.refused:
        (line,) = err.splitlines()
        assert status == 1
        assert line.endswith(".")
        if case.remedy is None:
            return
        status, out, err = call(rin, case, (*case.flags, *case.remedy))
    assert (status, err) == (0, "")
    root = shlex.split(re.search("--data-root (.*)", out)[1])[0]
    inputs = open_workspace("mine", data_root=root, results=home / "results").inputs("mine")
    cases = inputs.used_images.cases
    assert cases["patient_id"].nunique() == case.patients
    assert case.images in (None, len(cases))
    if case.classes:
        assert {*cases["label"]} == {*case.classes}
        assert inputs.used_images.manifest.tasks[0].positive_class == case.classes[0]
    sides = inputs.folds.merge(cases[["case_id", "image", "patient_id"]], on="case_id")
    assert sides.groupby(["fold", "patient_id"])["part"].nunique().max() == 1


@pytest.mark.parametrize(
    ("make", "table"),
    [
        pytest.param(
            dicom_of_studies(lambda number: f"A{900 - number}"), "list.csv", marks=pytest.mark.slow
        ),
        (files_alike, "list.csv"),
        (coco, "list.json"),
    ],
    ids=["studies", "files alike", "COCO"],
)
def test_label_of_a_picture_is_that_of_its_row(rin, home, make, table):
    make(home)
    status, _, err = rin("new", "mine", *FOLDERS, "--table", f"own/{table}")
    assert (status, err) == (0, "")
    cases = open_workspace("mine", data_root=home, results=home / "results").inputs("mine")
    cases = cases.used_images.cases
    numbers = cases["patient_id"].str.removeprefix("P").astype(int)
    assert (cases["label"] == np.where(numbers < 12, "malignant", "benign")).all()


def test_ids_with_an_empty_part_join_no_folder_and_name(rin, home):
    slices_in_sessions(home)
    path = home / "own" / "list.csv"
    path.write_text(path.read_text().replace("_slice_0001", "__0001"))
    status, _, err = rin("new", "mine", *OWN)
    (line,) = err.splitlines()
    assert status == 1
    assert "no column names the 48 pictures" in line


def test_split_of_lists_is_that_of_the_folds(rin, home):
    lists_of_parts(home)
    assert rin("new", "mine", *OWN)[0] == 0
    inputs = open_workspace("mine", data_root=home, results=home / "results").inputs("mine")
    tested = inputs.folds.query("part == 'test'")["case_id"]
    assert sorted(tested) == [f"p{p:02d}_{v}.png" for p in range(0, 24, 3) for v in range(2)]
    assert inputs.folds["fold"].nunique() == 1


def test_zip_archive_beside_a_table_is_refused_with_the_command_that_unpacks_it(rin, home):
    with zipfile.ZipFile(home / "own/Bilder.zip", "w") as archive:
        for path in sorted((home / "own/Bilder").iterdir()):
            archive.write(path, path.name)
    shutil.rmtree(home / "own/Bilder")
    table = ["--table", "own/list.csv", "--yes"]
    status, _, err = rin("new", "mine", *table, "--images", "own/Bilder.zip")
    (line,) = err.splitlines()
    assert status == 1
    command, flags = re.search(r"Unpack it: (.*); then give (.*)\.$", line).groups()
    subprocess.run(command, shell=True, check=True, cwd=home)
    (home / "own/Bilder.zip").unlink()
    status, out, err = rin("new", "mine", *table, *shlex.split(flags))
    assert (status, err) == (0, "")
    assert "24 patients, 2 images each" in out


@pytest.mark.slow
def test_command_for_pairs_of_files_writes_the_volume_that_is_then_read(rin, home):
    values = np.random.default_rng(0).integers(0, 90, (24, 12, 14, 5)).astype(np.int16)
    for number in range(24):
        folder = home / "own2" / ("benign", "malignant")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Pair(values[number], np.eye(4)), folder / f"v{number}.hdr")
    flags = ["--images", "own2", "--patient", "none", "--window", "40,80", "--yes"]
    status, _, err = rin("new", "mine", *flags)
    (line,) = err.splitlines()
    assert (status, "24 volumes are in two files, .hdr and .img" in line) == (1, True)
    command = re.search(r"originals: (.*); Analyze", line)[1]
    subprocess.run(command, shell=True, check=True, cwd=home)
    written = nibabel.load(home / "own2/benign/v0.nii.gz").get_fdata()
    assert written.tolist() == values[0].tolist()
    status, out, err = rin("new", "mine", *flags)
    assert (status, err) == (0, "")
    assert "72 (72 .nii.gz)" in out


@pytest.mark.parametrize(
    ("make", "flags", "then"),
    [
        (texts_of_patients, (), ("--label", "Group")),
        (
            finding_in_cells,
            ("--table", "own/list.csv"),
            ("--label", "any", "--patient", r"(\d+)\d(?:\.png)?$"),
        ),
        pytest.param(forms, ("--table", "own/list.csv"), (), marks=pytest.mark.slow),
        pytest.param(two_sheets, ("--table", "own/list.xlsx"), (), marks=pytest.mark.slow),
        pytest.param(
            lambda home: two_sheets(home, labels_first=False),
            ("--table", "own/list.xlsx", "--label", "Diagnose"),
            (),
            marks=pytest.mark.slow,
        ),
        (two_tables, ("--table", "own/list.csv"), ()),
        pytest.param(tables_of_folds, ("--table", "own/fold_0.csv"), (), marks=pytest.mark.slow),
        pytest.param(
            lambda home: two_tables(home, encoding="latin-1"),
            ("--table", "own/list.csv"),
            (),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda home: two_tables(home, encoding="utf-16"),
            ("--table", "own/list.csv"),
            (),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda home: two_tables(home, encoding=""),
            ("--table", "own/list.xlsx"),
            (),
            marks=pytest.mark.slow,
        ),
        pytest.param(two_tables, ("--table", "own/names.csv"), (), marks=pytest.mark.slow),
        pytest.param(yolo, (), (), marks=pytest.mark.slow),
        pytest.param(
            echo,
            ("--label", "ImageQuality"),
            ("--label", "ImageQuality", "--positive", "Poor"),
            marks=pytest.mark.slow,
        ),
        (
            lambda home: write_lines(home, [" ".join(row) for row in rows_of(home)]),
            ("--table", "own/list.csv"),
            ("--label", "column2", "--patient", "column3"),
        ),
        (
            in_table(lambda _, name, label, patient: (name, measured(label, patient), patient)),
            ("--table", "own/list.csv", "--label", "Befund"),
            ("--positive", "below 46.15"),
        ),
    ],
    ids=[
        *("texts", "findings", "forms", "two sheets", "two sheets, label named"),
        *(
            "table of labels",
            "tables of folds",
            "table of labels, Latin-1",
            "table of labels, UTF-16",
        ),
        *("tables in workbooks", "table of names", "labels beside images", "texts of views"),
        "no names",
        "a measurement",
    ],
)
def test_command_that_a_refusal_names_writes_a_table_that_is_read(rin, home, make, flags, then):
    make(home)
    status, _, err = rin("new", "mine", *FOLDERS, *flags)
    (line,) = err.splitlines()
    assert status == 1
    command = re.search(r"(?:(?P<code>\S+ -c .*?)|(?P<shell>\(echo .*?)); then give ", line)
    subprocess.run(command["code"] or command["shell"], shell=True, check=True, cwd=home)
    if command["code"]:
        rest = re.match(r"(--table .*?)\.(?: |$)", line[command.end() :])[1]
    else:
        rest = f"--table {re.search('> (.*)', command['shell'])[1]}"
    status, out, err = rin("new", "mine", *FOLDERS, *shlex.split(rest), *then)
    assert (status, err) == (0, "")
    assert "24 patients, 2 images each; 0 with two labels" in out
    root = shlex.split(re.search("--data-root (.*)", out)[1])[0]
    cases = open_workspace("mine", data_root=root, results=home / "results").inputs("mine")
    assert cases.used_images.cases["label"].value_counts().tolist() == [24, 24]


@pytest.mark.slow
def test_command_for_folders_of_parts_links_pictures_and_masks_that_are_then_read(rin, home):
    folders_of_parts(home)
    status, _, err = rin("new", "mine", *FOLDERS, "--label", "masks")
    command, images = re.search("of each part: (.*); then give --images (.*)[.]$", err).groups()
    subprocess.run(command, shell=True, check=True, cwd=home)
    flags = ["--images", *shlex.split(images), "--yes", "--label", "masks"]
    status, out, err = rin("new", "mine", *flags)
    assert (status, err) == (0, "")
    assert "48 masks, one per picture; 24 masks mark nothing" in out
    assert "test, trainval: merged, and divided again by patient" in out
