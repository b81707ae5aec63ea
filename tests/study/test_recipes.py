"""The recipes of the page “Your images”: each is run on made files, and its table is right."""

import json
import re

import jupytext
import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_pictures import draw, mark, scan

from rin.files import REPOSITORY
from rin.study.contract import Stated, new_task
from rin.study.forecast import Pace

PAGE = REPOSITORY / "notebooks" / "use" / "your_images.py"
_CELLS = [cell.source for cell in jupytext.read(PAGE).cells if cell.cell_type == "markdown"]
_TITLED = re.findall(r"### \d+\. ([^\n]+)\n.*?```python\n(.*?)```", "\n".join(_CELLS), re.DOTALL)
RECIPES = dict(_TITLED)
PRELUDE = re.search(r"Each begins so:\n\n```python\n(.*?)```", "\n".join(_CELLS), re.DOTALL)[1]
#: Patients of the made sets, and whether each has a lesion.
PATIENTS = {f"P{n:02d}": n % 2 == 1 for n in range(10)}


def a_picture_each(folder, name="{patient}_{k}.png", yes="malignant", no="benign", views=(1, 2)):
    """Draw two pictures a patient, and return the file, patient, lesion and label of each."""
    rows = []
    for patient, has in PATIENTS.items():
        for k in views:
            kind = "malignant" if has else "benign"
            file = name.format(patient=patient, number=patient[1:], k=k, has=kind)
            draw(folder / file, len(rows))
            rows.append((file, patient, has))
    made = pd.DataFrame(rows, columns=["file_name", "patient", "has"])
    return made.assign(label=np.where(made["has"], yes, no))


def masked(folder, made, old, new):
    """Name masks like pictures, with one part of the name replaced, and draw them."""
    made["mask"] = made["file_name"].str.replace(old, new)
    for mask in made["mask"]:
        mark(folder / mask)
    return made


def separator(folder):
    made = a_picture_each(folder, yes="bösartig", no="gutartig")
    names = {"file_name": "Datei", "label": "Befund", "patient": "Pat-Nr"}
    table = made[[*names]].rename(columns=names)
    table.to_csv(folder / "Befunde.csv", sep=";", encoding="latin-1", index=False)
    return made


def row_a_patient(folder):
    made = a_picture_each(folder, "{patient}/{k}.png")
    labels_of_patients().to_excel(folder / "patients.xlsx", index=False)
    return made


def findings(folder):
    made = a_picture_each(folder, yes="mass", no="no mass")
    others = np.where(made.index % 3, "Effusion", "")
    table = made.assign(findings=np.where(made["has"], "Mass|Effusion", others))
    table.drop(columns="label").to_csv(folder / "findings.csv", index=False)
    return made


def one_hot(folder):
    made = a_picture_each(folder)
    table = made[["file_name", "patient"]].assign(benign=1, malignant=0, normal=0)
    table.loc[made["has"], ["benign", "malignant"]] = 0, 1
    table.to_csv(folder / "classes.csv", index=False)
    return made


def in_names(folder):
    made = a_picture_each(folder, "{has}_{number}_{k}.png")
    made["patient"] = made["patient"].str[1:]
    return masked(folder, made, ".png", "_mask.png")


def masks_beside(folder):
    return masked(
        folder, a_picture_each(folder, "images/{has}/{patient}_{k}.png"), "images", "masks"
    )


def coco(folder):
    made = a_picture_each(folder, yes="mass", no="no mass")
    images = [{"id": 10 + n, "file_name": name} for n, name in enumerate(made["file_name"])]
    boxes = [{"image_id": 10 + n, "category_id": 1 + has} for n, has in enumerate(made["has"])]
    boxes += [{"image_id": 11, "category_id": 1}, {"image_id": 12, "category_id": 2}]
    names = [{"id": 1, "name": "clip"}, {"id": 2, "name": "mass"}]
    content = {"images": images, "annotations": boxes, "categories": names}
    (folder / "annotations.json").write_text(json.dumps(content))
    return made


def run_lengths(folder):
    made = a_picture_each(folder, yes="lesion", no="normal")
    runs = np.where(made["has"], " ".join(f"{16 * x + 5} 5" for x in range(3, 7)), "")
    table = made[["file_name", "patient"]].assign(runs=runs)
    table.to_csv(folder / "runs.csv", index=False)
    masks = made["file_name"].str.replace(".png", "_mask.png")
    return made.assign(mask=masks.where(made["has"], ""))


def palettes(folder):
    made = a_picture_each(folder, "JPEGImages/{patient}_{k}.jpg", yes="lesion", no="normal")
    for name, has in zip(made["file_name"], made["has"], strict=True):
        path = folder / name.replace("JPEGImages", "SegmentationClass").replace("jpg", "png")
        picture = Image.fromarray(mark(path, 1, 8) + has * mark(path, 2), "P")
        picture.putpalette([0, 0, 0, 90, 90, 90, 200, 0, 0])
        picture.save(path)
    masks = made["file_name"].str.replace("JPEGImages", "lesions").str.replace("jpg", "png")
    return made.assign(mask=masks.where(made["has"], ""))


def headers(folder):
    rows = []
    for n, (patient, has) in enumerate(PATIENTS.items()):
        for view in ("PA", "LATERAL"):
            about = {"PatientID": patient, "AccessionNumber": f"S{n}", "ViewPosition": view}
            scan(folder / f"{n}_{view}.dcm", 2 * n + len(view), **about)
        rows.append((f"{n}_PA.dcm", patient, "pneumonia" if has else "normal", f"S{n}"))
    made = pd.DataFrame(rows, columns=["file_name", "patient", "label", "study"])
    made[["study", "label"]].to_csv(folder / "reports.csv", index=False)
    return made


def labels_of_patients():
    labels = [(patient, "malignant" if has else "benign") for patient, has in PATIENTS.items()]
    return pd.DataFrame(labels, columns=["patient", "label"])


def with_labels(folder, rows, *columns):
    """Write a label a patient, and return rows of pictures and patients with it."""
    labels = labels_of_patients()
    labels.to_csv(folder / "labels.csv", index=False)
    made = pd.DataFrame(rows, columns=["file_name", "patient", *columns])
    return made.merge(labels, on="patient")


def volume(path, pixels, *, mirrored=False):
    """Save a volume, perhaps stored from right to left, as scanners often do."""
    affine = np.diag([-1 if mirrored else 1, 1, 1, 1])
    nibabel.save(nibabel.Nifti1Image(pixels[::-1] if mirrored else pixels, affine), path)


def grey_levels(seed, *shape):
    return np.random.default_rng(seed).integers(0, 900, shape).astype(np.int16)


def nifti(folder):
    rows = []
    mask = np.zeros((12, 10, 8), np.uint8)
    mask[2:5, 3:6, 2:5] = 1
    for n, patient in enumerate(PATIENTS):
        volume(folder / f"{patient}.nii.gz", grey_levels(n, *mask.shape), mirrored=True)
        volume(folder / f"{patient}_seg.nii.gz", mask, mirrored=True)
        rows += [(f"{patient}_{z}.png", patient, f"{patient}_{z}_mask.png") for z in (2, 3, 4)]
    return with_labels(folder, rows, "mask")


def series(folder):
    rows = []
    for n, patient in enumerate(PATIENTS):
        about = {"PatientID": patient, "SeriesInstanceUID": f"1.2.{n}"}
        for acquisition in (1, 2):
            for z in range(5):
                name = f"{patient}/{acquisition}{z}.dcm"
                about |= {"AcquisitionNumber": acquisition, "InstanceNumber": 5 - z}
                about |= {"ImagePositionPatient": [0, 0, 20 - 3 * ((2 * z) % 5)]}
                scan(folder / name, 10 * n + 5 * acquisition + z, **about)
                if (2 * z) % 5 in (1, 2, 3):
                    rows.append((name, patient))
    return with_labels(folder, rows)


def arrays(folder):
    rows = []
    for part, split, exams in (("train", "train", range(12)), ("valid", "test", range(12, 20))):
        lines = [f"{exam:04d},{exam % 2}" for exam in exams]
        (folder / f"{part}-acl.csv").write_text("\n".join(lines))
        for plane in ("sagittal", "coronal"):
            (folder / part / plane).mkdir(parents=True)
            for exam in exams:
                rng, name = np.random.default_rng(2 * exam + len(plane)), f"{exam:04d}"
                volume = rng.integers(0, 255, (7, 16, 16), dtype=np.uint8)
                np.save(folder / part / plane / name, volume)
                label = ["intact", "tear"][exam % 2]
                rows += [(f"{name}_{plane}_{k}.png", name, label, split) for k in (2, 3, 4)]
    return pd.DataFrame(rows, columns=["file_name", "patient", "label", "split"])


def monai(folder):
    made = a_picture_each(folder)
    made["split"] = np.repeat(["train", "val", "test"], [10, 4, 6])
    rows = made.rename(columns={"file_name": "image"})[["image", "label", "patient"]]
    parts = {"training": rows[:10], "validation": rows[10:14], "test": rows[14:]}
    content = {name: part.to_dict("records") for name, part in parts.items()}
    (folder / "datalist.json").write_text(json.dumps({"name": "x", "numTest": 6} | content))
    return made


def nnunet(folder):
    made = a_picture_each(folder, "imagesTr/{patient}_{k}_0000.png")
    made["mask"] = made["file_name"].str.replace("imagesTr", "lesions").str.replace("_0000", "")
    for mask in made["mask"]:
        path = folder / mask.replace("lesions", "labelsTr")
        Image.fromarray(mark(path, 1, 8) + mark(path, 2)).save(path)
    labels_of_patients().to_csv(folder / "labels.csv", index=False)
    return made


def published_part(folder):
    made = a_picture_each(folder, yes="Pneumothorax", no="No Finding")
    names = {"file_name": "Image Index", "label": "Finding Labels", "patient": "Patient ID"}
    table = made[1:][[*names]].rename(columns=names)
    more = pd.DataFrame([("z.png", "Hernia", "9"), ("P00_1.png", "Hernia", "9")])
    table = pd.concat([table, more.set_axis([*table], axis=1)])
    table.to_csv(folder / "Data_Entry_2017.csv", index=False)
    return made[1:]


def two_sides(folder):
    made = a_picture_each(folder, views=("left", "right"))
    made["side"] = made["file_name"].str.extract("(left|right)")
    made["label"] = made["label"].where(made["side"] == "left", "benign")
    made.pivot(index="patient", columns="side", values="label").to_csv(folder / "eyes.csv")
    return made


def divided_patients(folder):
    made = a_picture_each(folder, "{has}/{patient}_{k}.png")
    # Of P00 and P01 one picture is for training and one for the test.
    divided = made["patient"].isin(["P00", "P01"])
    tested = made["patient"].isin(["P04", "P05", "P06", "P07"])
    tested |= divided & made["file_name"].str.contains("_2")
    made["split"] = np.where(tested, "test", "train")
    for part, name in made[["split", "file_name"]].to_numpy():
        (folder / part / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(folder / part / name)
    made["file_name"] = made["split"] + "/" + made["file_name"]
    return made[tested | ~divided]


def uncertain(folder):
    made = a_picture_each(folder, "train/patient{number}/{k}.png", yes="edema", no="no edema")
    made["patient"] = "patient" + made["patient"].str[1:]
    made["split"] = np.repeat(["train", "test"], [12, 8])
    cells = made["has"].map({True: "1.0", False: ""})
    cells[[0, 13]] = "-1.0"
    cells[4] = "0.0"
    table = pd.DataFrame({"Path": "CheXpert-v1.0-small/" + made["file_name"], "Edema": cells})
    table[:12].to_csv(folder / "train.csv", index=False)
    table[12:].to_csv(folder / "valid.csv", index=False)
    return made.drop(index=[0, 13])


def several_rows(folder):
    made, rows = [], {"train": [], "test": []}
    for number, (patient, has) in enumerate(PATIENTS.items()):
        name, part = f"{patient}_CC/000000.png", "test" if number > 5 else "train"
        draw(folder / "CBIS-DDSM" / name, number)
        found = ["MALIGNANT", "BENIGN"] if has else ["BENIGN_WITHOUT_CALLBACK"] * (1 + number % 3)
        rows[part] += [(patient, what, f"{name}\n") for what in found]
        made.append((f"CBIS-DDSM/{name}", patient, ["benign", "malignant"][has], part))
    for part, of_part in rows.items():
        table = pd.DataFrame(of_part, columns=["patient_id", "pathology", "image file path"])
        table.to_csv(folder / f"mass_case_description_{part}_set.csv", index=False)
    return pd.DataFrame(made, columns=["file_name", "patient", "label", "split"])


def films(folder):
    rows = []
    for number, (patient, has) in enumerate(PATIENTS.items()):
        part, split = ("testing", "test") if number > 5 else ("training", "train")
        own = folder / part / patient
        own.mkdir(parents=True)
        group = "HCM" if number == 9 else ("DCM" if has else "NOR")
        (own / "Info.cfg").write_text(f"ED: 1\nGroup: {group}\nHeight: 186.0\n\n")
        for n, what in enumerate(("4d", "frame01_gt", "frame01", "frame12")):
            volume(own / f"{patient}_{what}.nii.gz", grey_levels(4 * number + n, 16, 14, 2))
            rows += [
                (f"{patient}_{what}_{z}.png", group, patient, split)
                for z in (0, 1)
                if n > 1 and group != "HCM"
            ]
    return pd.DataFrame(rows, columns=["file_name", "label", "patient", "split"])


#: Of each recipe of the page: what makes its files and returns the truth, and the positive class.
MADE = {
    "Another separator": (separator, "bösartig"),
    "A row a patient": (row_a_patient, "malignant"),
    "Several findings": (findings, "mass"),
    "A column a class": (one_hot, "malignant"),
    "Class, patient and mask": (in_names, "malignant"),
    "Masks in a folder": (masks_beside, "malignant"),
    "Annotations of COCO": (coco, "mass"),
    "Run lengths": (run_lengths, "lesion"),
    "Masks of several classes": (palettes, "lesion"),
    "DICOM headers": (headers, "pneumonia"),
    "Slices of NIfTI": (nifti, "malignant"),
    "Slices of DICOM": (series, "malignant"),
    "Volumes in NumPy": (arrays, "tear"),
    "Lists of MONAI": (monai, "malignant"),
    "Folders of nnU-Net": (nnunet, "malignant"),
    "A part of a published": (published_part, "Pneumothorax"),
    "Two sides": (two_sides, "malignant"),
    "Folders of classes": (divided_patients, "malignant"),
    "A column of 1": (uncertain, "edema"),
    "Several rows": (several_rows, "malignant"),
    "Volumes with a text": (films, "DCM"),
}


def test_every_recipe_of_the_page_is_tried_and_short():
    assert len(RECIPES) == len(MADE)
    for source in RECIPES.values():
        lines = [
            line for line in source.splitlines() if line and not line.startswith(("import", "#"))
        ]
        assert len(lines) <= 12
        assert all(len(line) <= 100 for line in lines)


@pytest.mark.parametrize("title", MADE)
def test_recipe_writes_the_table_of_the_contract(tmp_path, title):
    """The table is the truth, and `rin new` reads it."""
    (source,) = (text for name, text in RECIPES.items() if name.startswith(title))
    make, positive = MADE[title]
    (folder := tmp_path / "set").mkdir()
    truth = make(folder)
    exec(PRELUDE.replace('"FOLDER"', repr(str(folder))) + source, {})  # as somebody who copies it
    table = pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False)
    columns = [name for name in ("label", "patient", "mask", "split") if name in truth]
    told, known = (
        rows.sort_values("file_name", ignore_index=True)[["file_name", *columns]]
        for rows in (table, truth)
    )
    pd.testing.assert_frame_equal(told, known, check_dtype=False)
    said = Stated(
        "own", folder, positive=[positive], several_labels=make is two_sides, results=tmp_path
    )
    facts = dict(new_task(said, Pace(0.01, 1)).facts)
    n_patients = f"{len(truth)} pictures, {truth['patient'].nunique()} patients"
    assert facts["found"].startswith(n_patients)
    assert "MASKS" not in facts
