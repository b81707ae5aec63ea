"""The recipes of the page “Your images”: each is run on made files, and its table is right."""

import json
import re

import jupytext
import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

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


def draw(path, seed, values=200):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, values, (16, 16), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def mark(path, value=255, at=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.zeros((16, 16), np.uint8)
    drawn[4:9, at : at + 4] = value
    Image.fromarray(drawn).save(path)
    return drawn


def a_picture_each(folder, yes, no, name="{patient}_{k}.png", views=(1, 2)):
    """Draw two pictures a patient, and return the file, patient, lesion and label of each."""
    rows = []
    for number, (patient, has) in enumerate(PATIENTS.items()):
        for k in views:
            kind = "malignant" if has else "benign"
            file = name.format(patient=patient, number=patient[1:], k=k, has=kind)
            draw(folder / file, 7 * number + len(rows))
            rows.append((file, patient, has))
    made = pd.DataFrame(rows, columns=["file_name", "patient", "has"])
    return made.assign(label=np.where(made["has"], yes, no))


def separator(folder):
    made = a_picture_each(folder, "bösartig", "gutartig")
    table = pd.DataFrame(
        {"Datei": made["file_name"], "Befund": made["label"], "Pat-Nr": made["patient"]}
    )
    table.to_csv(folder / "Befunde.csv", sep=";", encoding="latin-1", index=False)
    return made


def row_a_patient(folder):
    made = a_picture_each(folder, "malignant", "benign", "{patient}/{k}.png")
    table = made.drop_duplicates("patient")[["patient", "label"]]
    table.to_excel(folder / "patients.xlsx", index=False)
    return made


def findings(folder):
    made = a_picture_each(folder, "mass", "no mass")
    cells = [["Effusion", ""][n % 3 == 0] for n in range(len(made))]
    cells = np.where(made["has"], "Mass|Effusion", cells)
    made.assign(findings=cells)[["file_name", "patient", "findings"]].to_csv(
        folder / "findings.csv", index=False
    )
    return made


def one_hot(folder):
    made = a_picture_each(folder, "malignant", "benign")
    columns = {
        name: (made["label"] == name).astype(int) for name in ("benign", "malignant", "normal")
    }
    made[["file_name", "patient"]].assign(**columns).to_csv(folder / "classes.csv", index=False)
    return made


def in_names(folder):
    made = a_picture_each(folder, "malignant", "benign", "{has}_{number}_{k}.png")
    made["patient"] = made["patient"].str[1:]
    made["mask"] = made["file_name"].str.replace(".png", "_mask.png")
    for mask in made["mask"]:
        mark(folder / mask)
    return made


def masks_beside(folder):
    made = a_picture_each(folder, "malignant", "benign", "images/{has}/{patient}_{k}.png")
    made["mask"] = made["file_name"].str.replace("images", "masks")
    for mask in made["mask"]:
        mark(folder / mask)
    return made


def coco(folder):
    made = a_picture_each(folder, "mass", "no mass")
    images = [{"id": 10 + n, "file_name": name} for n, name in enumerate(made["file_name"])]
    boxes = [{"image_id": 10 + n, "category_id": 1 + has} for n, has in enumerate(made["has"])]
    boxes += [{"image_id": 11, "category_id": 1}, {"image_id": 12, "category_id": 2}]
    names = [{"id": 1, "name": "clip"}, {"id": 2, "name": "mass"}]
    content = {"images": images, "annotations": boxes, "categories": names}
    (folder / "annotations.json").write_text(json.dumps(content))
    return made


def run_lengths(folder):
    made = a_picture_each(folder, "lesion", "normal")
    made["runs"] = np.where(made["has"], " ".join(f"{16 * x + 5} 5" for x in range(3, 7)), "")
    made[["file_name", "patient", "runs"]].to_csv(folder / "runs.csv", index=False)
    masks = made["file_name"].str.replace(".png", "_mask.png")
    made["mask"] = np.where(made["has"], masks, "")
    return made


def palettes(folder):
    made = a_picture_each(folder, "lesion", "normal", "JPEGImages/{patient}_{k}.jpg")
    made["mask"] = made["file_name"].str.replace("JPEGImages", "lesions").str.replace("jpg", "png")
    for mask, has in zip(made["mask"], made["has"], strict=True):
        index = mark(folder / "x.png", 1, 8) + has * mark(folder / "x.png", 2)
        picture = Image.fromarray(index.astype(np.uint8), "P")
        picture.putpalette([0, 0, 0, 90, 90, 90, 200, 0, 0])
        (folder / "SegmentationClass").mkdir(exist_ok=True)
        picture.save(folder / mask.replace("lesions", "SegmentationClass"))
    (folder / "x.png").unlink()
    return made.assign(mask=made["mask"].where(made["has"], ""))


def scan(path, seed, **elements):
    """Save a CT of pydicom's with other pixels and elements."""
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    noise = np.random.default_rng(seed).integers(0, 2000, (128, 128), dtype=np.uint16)
    dataset.PixelData = noise.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path)


def headers(folder):
    rows, labels = [], []
    for n, (patient, has) in enumerate(PATIENTS.items()):
        labels.append((f"S{n}", "pneumonia" if has else "normal"))
        for view in ("PA", "LATERAL"):
            about = {"PatientID": patient, "AccessionNumber": f"S{n}", "ViewPosition": view}
            scan(folder / f"{n}_{view}.dcm", 2 * n + (view == "PA"), **about)
        rows.append((f"{n}_PA.dcm", patient, labels[-1][1]))
    pd.DataFrame(labels, columns=["study", "label"]).to_csv(folder / "reports.csv", index=False)
    return pd.DataFrame(rows, columns=["file_name", "patient", "label"])


def labels_of_patients(folder, yes="sick", no="well"):
    labels = {patient: yes if has else no for patient, has in PATIENTS.items()}
    table = pd.DataFrame(labels.items(), columns=["patient", "label"])
    table.to_csv(folder / "labels.csv", index=False)
    return labels


def nifti(folder):
    rows, labels = [], labels_of_patients(folder)
    for n, patient in enumerate(PATIENTS):
        volume = np.random.default_rng(n).integers(0, 900, (12, 10, 8)).astype(np.int16)
        mask = np.zeros(volume.shape, np.uint8)
        for z in (2, 3, 4):
            mask[2:5, 3:6, z] = 1
            rows.append(
                (f"{patient}_{z}.png", patient, labels[patient], f"{patient}_{z}_mask.png")
            )
        # Stored from right to left, as scanners often do.
        for values, end in ((volume, ""), (mask, "_seg")):
            image = nibabel.Nifti1Image(values[::-1], np.diag([-1, 1, 1, 1]))
            nibabel.save(image, folder / f"{patient}{end}.nii.gz")
    return pd.DataFrame(rows, columns=["file_name", "patient", "label", "mask"])


def series(folder):
    rows, labels = [], labels_of_patients(folder)
    for n, patient in enumerate(PATIENTS):
        for acquisition in (1, 2):
            for z in range(5):
                name = f"{patient}/{acquisition}{z}.dcm"
                about = {"PatientID": patient, "SeriesInstanceUID": f"1.2.{n}"}
                about |= {"AcquisitionNumber": acquisition, "InstanceNumber": 5 - z}
                about |= {"ImagePositionPatient": [0, 0, 20 - 3 * ((2 * z) % 5)]}
                scan(folder / name, 10 * n + 5 * acquisition + z, **about)
                if (2 * z) % 5 in (1, 2, 3):
                    rows.append((name, patient, labels[patient]))
    return pd.DataFrame(rows, columns=["file_name", "patient", "label"])


def arrays(folder):
    rows = []
    for part, split, exams in (("train", "train", range(12)), ("valid", "test", range(12, 20))):
        for plane in ("sagittal", "coronal"):
            (folder / part / plane).mkdir(parents=True)
        lines = []
        for exam in exams:
            lines.append(f"{exam:04d},{exam % 2}")
            for n, plane in enumerate(("sagittal", "coronal")):
                volume = np.random.default_rng(2 * exam + n).integers(0, 255, (7, 16, 16))
                np.save(folder / part / plane / f"{exam:04d}.npy", volume.astype(np.uint8))
                names = [f"{exam:04d}_{plane}_{k}.png" for k in (2, 3, 4)]
                label = ["intact", "tear"][exam % 2]
                rows += [(name, f"{exam:04d}", label, split) for name in names]
        (folder / f"{part}-acl.csv").write_text("\n".join(lines))
    return pd.DataFrame(rows, columns=["file_name", "patient", "label", "split"])


def monai(folder):
    made = a_picture_each(folder, "sick", "well")
    made["split"] = np.repeat(["train", "val", "test"], [10, 4, 6])
    rows = made.rename(columns={"file_name": "image"})[["image", "label", "patient"]]
    parts = {"training": rows[:10], "validation": rows[10:14], "test": rows[14:]}
    content = {name: part.to_dict("records") for name, part in parts.items()}
    (folder / "datalist.json").write_text(json.dumps({"name": "x", "numTest": 6} | content))
    return made


def nnunet(folder):
    labels_of_patients(folder)
    made = a_picture_each(folder, "sick", "well", "imagesTr/{patient}_{k}_0000.png")
    made["mask"] = made["file_name"].str.replace("imagesTr", "lesions").str.replace("_0000", "")
    for mask in made["mask"]:
        both = np.maximum(mark(folder / "x.png", 1, 8), mark(folder / "x.png", 2))
        (folder / "labelsTr").mkdir(exist_ok=True)
        Image.fromarray(both).save(folder / mask.replace("lesions", "labelsTr"))
    (folder / "x.png").unlink()
    return made


def published_part(folder):
    made = a_picture_each(folder, "Pneumothorax", "No Finding")
    names = {"file_name": "Image Index", "label": "Finding Labels", "patient": "Patient ID"}
    table = made[1:][[*names]].rename(columns=names)
    more = pd.DataFrame([("z.png", "Hernia", "9"), ("P00_1.png", "Hernia", "9")])
    table = pd.concat([table, more.set_axis([*table], axis=1)])
    table.to_csv(folder / "Data_Entry_2017.csv", index=False)
    return made[1:]


def two_sides(folder):
    made = a_picture_each(folder, "sick", "well", views=("left", "right"))
    made["side"] = made["file_name"].str.extract("(left|right)")
    made["label"] = made["label"].where(made["side"] == "left", "well")
    made.pivot(index="patient", columns="side", values="label").to_csv(folder / "eyes.csv")
    return made


def divided_patients(folder):
    made = a_picture_each(folder, "malignant", "benign", "{has}/{patient}_{k}.png")
    # Of P00 and P01 one picture is for training and one for the test.
    tested = made["patient"].isin(["P04", "P05", "P06", "P07"])
    tested |= made["patient"].isin(["P00", "P01"]) & made["file_name"].str.contains("_2")
    made["split"] = np.where(tested, "test", "train")
    for part, name in made[["split", "file_name"]].to_numpy():
        (folder / part / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(folder / part / name)
    made["file_name"] = made["split"] + "/" + made["file_name"]
    return made[tested | ~made["patient"].isin(["P00", "P01"])]


def uncertain(folder):
    made = a_picture_each(folder, "edema", "no edema", "train/patient{number}/{k}.png")
    made["patient"] = "patient" + made["patient"].str[1:]
    made["split"] = np.repeat(["train", "test"], [12, 8])
    cells = made["has"].map({True: "1.0", False: ""})
    cells[[0, 13]] = "-1.0"
    cells[4] = "0.0"
    table = pd.DataFrame({"Path": "CheXpert-v1.0-small/" + made["file_name"], "Edema": cells})
    for part, name in (("train", "train.csv"), ("test", "valid.csv")):
        table[made["split"] == part].to_csv(folder / name, index=False)
    return made.drop(index=[0, 13])


def several_rows(folder):
    made, tables = {}, {}
    for number, (patient, has) in enumerate(PATIENTS.items()):
        name = f"{patient}_CC/000000.png"
        draw(folder / "CBIS-DDSM" / name, number)
        part = "test" if number > 5 else "train"
        found = ["MALIGNANT", "BENIGN"] if has else ["BENIGN_WITHOUT_CALLBACK"] * (1 + number % 3)
        tables.setdefault(part, []).extend((patient, what, f"{name}\n") for what in found)
        made[f"CBIS-DDSM/{name}"] = ("malignant" if has else "benign", patient, part)
    for part, rows in tables.items():
        table = pd.DataFrame(rows, columns=["patient_id", "pathology", "image file path"])
        table.to_csv(folder / f"mass_case_description_{part}_set.csv", index=False)
    truth = pd.DataFrame.from_dict(made, orient="index", columns=["label", "patient", "split"])
    return truth.rename_axis("file_name").reset_index()


def films(folder):
    rows = []
    for number, (patient, has) in enumerate(PATIENTS.items()):
        part, split = ("testing", "test") if number > 5 else ("training", "train")
        own = folder / part / patient
        own.mkdir(parents=True)
        group = "HCM" if number == 9 else ("DCM" if has else "NOR")
        (own / "Info.cfg").write_text(f"ED: 1\nGroup: {group}\nHeight: 186.0\n\n")
        noise = np.random.default_rng(number).integers(0, 900, (16, 14, 4)).astype("int16")
        for what in ("4d", "frame01", "frame01_gt", "frame12"):
            pixels = noise[..., 2:] if what == "frame12" else noise[..., :2]
            image = nibabel.Nifti1Image(pixels, np.eye(4))
            nibabel.save(image, own / f"{patient}_{what}.nii.gz")
        names = [f"{patient}_{frame}_{z}.png" for frame in ("frame01", "frame12") for z in (0, 1)]
        rows += [(name, group, patient, split) for name in names if group != "HCM"]
    return pd.DataFrame(rows, columns=["file_name", "label", "patient", "split"])


#: Of each recipe of the page: what makes its files and returns the truth, and flags.
MADE = {
    "Another separator": (separator, {"positive": ["bösartig"]}),
    "A row a patient": (row_a_patient, {"positive": ["malignant"]}),
    "Several findings": (findings, {"positive": ["mass"]}),
    "A column a class": (one_hot, {"positive": ["malignant"]}),
    "Class, patient and mask": (in_names, {"positive": ["malignant"]}),
    "Masks in a folder": (masks_beside, {"positive": ["malignant"]}),
    "Annotations of COCO": (coco, {"positive": ["mass"]}),
    "Run lengths": (run_lengths, {"positive": ["lesion"]}),
    "Masks of several classes": (palettes, {"positive": ["lesion"]}),
    "DICOM headers": (headers, {"positive": ["pneumonia"]}),
    "Slices of NIfTI": (nifti, {"positive": ["sick"]}),
    "Slices of DICOM": (series, {"positive": ["sick"]}),
    "Volumes in NumPy": (arrays, {"positive": ["tear"]}),
    "Lists of MONAI": (monai, {"positive": ["sick"]}),
    "Folders of nnU-Net": (nnunet, {"positive": ["sick"]}),
    "A part of a published": (published_part, {"positive": ["Pneumothorax"]}),
    "Two sides": (two_sides, {"positive": ["sick"], "several_labels": True}),
    "Folders of classes": (divided_patients, {"positive": ["malignant"]}),
    "A column of 1": (uncertain, {"positive": ["edema"]}),
    "Several rows": (several_rows, {"positive": ["malignant"]}),
    "Volumes with a text": (films, {"positive": ["DCM"]}),
}


def run(folder, source):
    """Run lines of the page, as somebody who copies them."""
    exec(PRELUDE.replace('Path("FOLDER")', repr(str(folder)).join(("Path(", ")"))) + source, {})


def check(folder, truth, **flags):
    """Compare the table with the truth, and let `rin new` read it."""
    table = pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False)
    columns = [c for c in ("label", "patient", "mask", "split") if c in truth]
    told, known = (t.sort_values("file_name")[["file_name", *columns]] for t in (table, truth))
    pd.testing.assert_frame_equal(
        told.reset_index(drop=True), known.reset_index(drop=True), check_dtype=False
    )
    said = Stated("own", folder, results=folder.parent / "results", **flags)
    facts = dict(new_task(said, Pace(0.01, 1)).facts)
    n_patients = f"{len(truth)} pictures, {truth['patient'].nunique()} patients"
    assert facts["found"].startswith(n_patients)
    return facts


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
    (source,) = (text for name, text in RECIPES.items() if name.startswith(title))
    make, flags = MADE[title]
    (folder := tmp_path / "set").mkdir()
    truth = make(folder)
    run(folder, source)
    facts = check(folder, truth, **flags)
    assert "MASKS" not in facts
