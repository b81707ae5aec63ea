"""Six sets in the layouts in which they are published, turned into the contract by a few lines."""

import nibabel
import numpy as np
import pandas as pd
import pytest
from test_recipes import PATIENTS, check, draw, mark, run

IDS = {patient: 1001 + n for n, patient in enumerate(PATIENTS)}


def rows_of(make):
    """Return the truth: what ``make`` yields of each patient, by number, id and lesion."""
    rows = [row for n, (p, has) in enumerate(PATIENTS.items()) for row in make(n, IDS[p], has)]
    return pd.DataFrame(rows, columns=["file_name", "patient", "label", "mask", "split"])


def brain_mr(folder):
    """LGG segmentation: a folder a patient, slices and masks in TIFF, a row a patient."""
    grades = [
        (f"TCGA_CS_{i}", has + 1.0, "x")
        for i, has in zip(IDS.values(), PATIENTS.values(), strict=True)
    ]
    grades.append(("TCGA_DU_9999", None, "x"))
    columns = ["Patient", "neoplasm_histologic_grade", "laterality"]
    pd.DataFrame(grades, columns=columns).to_csv(folder / "data.csv", index=False)
    draw(folder / "TCGA_DU_9999_19970101" / "TCGA_DU_9999_19970101_1.tif", 999)
    mark(folder / "TCGA_DU_9999_19970101" / "TCGA_DU_9999_19970101_1_mask.tif")

    def slices(n, i, has):
        for k in (10, 11):
            name = f"TCGA_CS_{i}_19960909/TCGA_CS_{i}_19960909_{k}"
            draw(folder / f"{name}.tif", 20 * n + k)
            mark(folder / f"{name}_mask.tif")
            grade = "grade 3" if has else "grade 2"
            yield f"{name}.tif", f"TCGA_CS_{i}", grade, f"{name}_mask.tif", ""

    return rows_of(slices)


BRAIN_MR = """
files = pictures("*.tif")["file_name"]
table = files[~files.str.contains("_mask")].to_frame()
table["Patient"] = table["file_name"].str.extract(r"^(TCGA_[A-Z]+_[^_]+)_")
table["mask"] = table["file_name"].str.replace(".tif", "_mask.tif")
grades = pd.read_csv(folder / "data.csv", dtype=str)[["Patient", "neoplasm_histologic_grade"]]
table = table.merge(grades, how="left").rename(columns={"Patient": "patient"})
table["label"] = table.pop("neoplasm_histologic_grade").map({"1.0": "grade 2", "2.0": "grade 3"})
table.dropna(subset="label").to_csv(folder / "metadata.csv", index=False)
"""


def radiographs(folder):
    """CheXpert: a blank finding was not mentioned, −1 is uncertain, a table a part."""
    lines = []

    def views(n, i, has):
        split, part = ("train", "train") if n < 6 else ("test", "valid")
        for study, view in ((1, "frontal"), (1, "lateral"), (2, "frontal")):
            name = f"{part}/patient{i}/study{study}/view1_{view}.jpg"
            draw(folder / name, 30 * n + 10 * study + len(view))
            cell = "1.0" if has else ["", "0.0"][n % 4 // 2]
            cell = "-1.0" if n == 4 and study == 2 else cell
            lines.append((part, f"CheXpert-v1.0-small/{name}", view.title(), cell))
            if view == "frontal" and cell != "-1.0":
                label = "pneumothorax" if has else "no pneumothorax"
                yield name, f"patient{i}", label, "", split

    truth = rows_of(views)
    table = pd.DataFrame(lines, columns=["part", "Path", "Frontal/Lateral", "Pneumothorax"])
    for part, rows in table.groupby("part"):
        rows.drop(columns="part").to_csv(folder / f"{part}.csv", index=False)
    return truth.drop(columns="mask")


RADIOGRAPHS = """
parts = {"train": "train", "valid": "test"}
read = [pd.read_csv(folder / f"{p}.csv", dtype=str).assign(split=parts[p]) for p in parts]
table = pd.concat(read)
table["file_name"] = table["Path"].str.removeprefix("CheXpert-v1.0-small/")
table["patient"] = table["Path"].str.extract(r"/(patient\\d+)/")
table = table[(table["Frontal/Lateral"] == "Frontal") & (table["Pneumothorax"] != "-1.0")]
has = table["Pneumothorax"] == "1.0"
table["label"] = np.where(has, "pneumothorax", "no pneumothorax")
table[["file_name", "label", "patient", "split"]].to_csv(folder / "metadata.csv", index=False)
"""


def knees(folder):
    """MRNet: three planes of an exam, as arrays, and a table a part without names of columns."""
    lines = {"train": [], "valid": []}

    def slices(n, i, has):
        split, part = ("train", "train") if n < 6 else ("test", "valid")
        lines[part].append(f"{i},{int(has)}")
        for number, plane in enumerate(("axial", "coronal", "sagittal")):
            volume = np.random.default_rng(9 * n + number).integers(0, 255, (5, 12, 12), np.uint8)
            (folder / part / plane).mkdir(parents=True, exist_ok=True)
            np.save(folder / part / plane / f"{i}.npy", volume)
            yield f"{i}_{plane}.png", str(i), "tear" if has else "intact", "", split

    truth = rows_of(slices)
    for part, rows in lines.items():
        (folder / f"{part}-meniscus.csv").write_text("\n".join(rows))
    return truth.drop(columns="mask")


KNEES = """
rows = []
for part, split in {"train": "train", "valid": "test"}.items():
    labels = pd.read_csv(folder / f"{part}-meniscus.csv", header=None, dtype=str)
    for exam, label in labels.to_numpy():
        for plane in ("axial", "coronal", "sagittal"):
            volume = np.load(folder / part / plane / f"{exam}.npy")
            name = f"{exam}_{plane}.png"
            Image.fromarray(volume[len(volume) // 2]).save(folder / name)
            rows.append((name, {"0": "intact", "1": "tear"}[label], exam, split))
table = pd.DataFrame(rows, columns=["file_name", "label", "patient", "split"])
table.to_csv(folder / "metadata.csv", index=False)
"""


def hearts(folder):
    """ACDC: a folder a patient with volumes of two phases, masks, and the group in Info.cfg."""

    def slices(n, i, has):
        place = folder / "training" / f"patient{i}"
        place.mkdir(parents=True)
        text = f"ED: 1\nES: 12\nGroup: {'DCM' if has else 'NOR'}\nHeight: 170.0\n"
        (place / "Info.cfg").write_text(text)
        for frame in ("01", "12"):
            volume = np.random.default_rng(n).integers(0, 900, (14, 12, 6)).astype(np.int16)
            heart = np.zeros(volume.shape, np.uint8)
            heart[3:8, 3:8, 1:5], heart[4:6, 4:6, 1:5] = 2, 3
            for values, end in ((volume, ""), (heart, "_gt")):
                image = nibabel.Nifti1Image(values, np.eye(4))
                nibabel.save(image, place / f"patient{i}_frame{frame}{end}.nii.gz")
        yield f"patient{i}.png", f"patient{i}", "DCM" if has else "NOR", f"patient{i}_m.png", ""

    return rows_of(slices)


HEARTS = """
import nibabel
rows = []
for info in sorted(folder.glob("training/*/Info.cfg")):
    stated = dict(line.split(": ") for line in info.read_text().splitlines())
    patient = info.parent.name
    file = info.parent / f"{patient}_frame{int(stated['ED']):02d}.nii.gz"
    mask = nibabel.load(str(file).replace(".nii", "_gt.nii")).get_fdata()
    volume = nibabel.load(file).get_fdata()
    z = volume.shape[2] // 2
    grey = np.interp(volume[..., z].T, np.percentile(volume, [0.5, 99.5]), [0, 255])
    Image.fromarray(grey.astype("uint8")).save(folder / f"{patient}.png")
    drawn = 255 * (mask[..., z].T == 3).astype("uint8")  # 3 is the left ventricle
    Image.fromarray(drawn).save(folder / f"{patient}_m.png")
    rows.append((f"{patient}.png", f"{patient}_m.png", patient, stated["Group"]))
table = pd.DataFrame(rows, columns=["file_name", "mask", "patient", "label"])
table.to_csv(folder / "metadata.csv", index=False)
"""


def skin(folder):
    """HAM10000: pictures in two folders, several of a lesion, seven classes."""

    def views(n, i, has):
        for k in (1, 2):
            name = f"HAM10000_images_part_{1 + n % 2}/ISIC_{i}{k}.jpg"
            draw(folder / name, 5 * n + k)
            yield name, f"HAM_{i}", "melanoma" if has else "benign", "", ""

    truth = rows_of(views)[["file_name", "patient", "label"]]
    image = truth["file_name"].str.extract(r"(ISIC_\d+)")[0]
    kinds = np.where(truth["label"] == "melanoma", "mel", np.resize(["nv", "bkl"], len(truth)))
    table = pd.DataFrame({"lesion_id": truth["patient"], "image_id": image, "dx": kinds})
    table.to_csv(folder / "HAM10000_metadata.csv", index=False)
    return truth


SKIN = """
table = pictures("*.jpg")
table["image_id"] = table["file_name"].map(lambda name: Path(name).stem)
stated = pd.read_csv(folder / "HAM10000_metadata.csv", dtype=str)
table = table.merge(stated, on="image_id", how="left").rename(columns={"lesion_id": "patient"})
table["label"] = np.where(table["dx"] == "mel", "melanoma", "benign")
table[["file_name", "label", "patient"]].to_csv(folder / "metadata.csv", index=False)
"""


def eyes(folder):
    """ODIR: a row a patient in a workbook, with the file and the words of each eye."""
    rows = []

    def sides(n, i, has):
        words = {"left": "cataract" if has else "normal fundus", "right": "normal fundus"}
        rows.append((i, f"{i}_left.jpg", f"{i}_right.jpg", words["left"], words["right"]))
        for side, said in words.items():
            name = f"images/{i}_{side}.jpg"
            draw(folder / name, 3 * n + len(side))
            yield name, str(i), "normal" if said == "normal fundus" else "other", "", ""

    truth = rows_of(sides)[["file_name", "patient", "label"]]
    keywords = ["Left-Diagnostic Keywords", "Right-Diagnostic Keywords"]
    table = pd.DataFrame(rows, columns=["ID", "Left-Fundus", "Right-Fundus", *keywords])
    table.to_excel(folder / "data.xlsx", index=False)
    return truth


EYES = """
wide = pd.read_excel(folder / "data.xlsx", dtype=str)
sides = []
for side in ("Left", "Right"):
    names = {f"{side}-Fundus": "file_name", f"{side}-Diagnostic Keywords": "words"}
    sides.append(wide.rename(columns=names | {"ID": "patient"})[["file_name", "patient", "words"]])
table = pd.concat(sides)
table["file_name"] = "images/" + table["file_name"]
table["label"] = np.where(table.pop("words") == "normal fundus", "normal", "other")
table.to_csv(folder / "metadata.csv", index=False)
"""

SETS = {
    "brain MR": (brain_mr, BRAIN_MR, {"positive": ["grade 3"]}),
    "radiographs": (radiographs, RADIOGRAPHS, {"positive": ["pneumothorax"]}),
    "knees": (knees, KNEES, {"positive": ["tear"]}),
    "hearts": (hearts, HEARTS, {"positive": ["DCM"]}),
    "skin": (skin, SKIN, {"positive": ["melanoma"]}),
    "eyes": (eyes, EYES, {"positive": ["other"], "several_labels": True}),
}


@pytest.mark.parametrize("name", SETS)
def test_published_set_is_read_with_every_label_patient_and_part_right(tmp_path, name):
    make, source, flags = SETS[name]
    (folder := tmp_path / "set").mkdir()
    truth = make(folder)
    assert len([line for line in source.splitlines() if line]) <= 16  # with the import
    run(folder, source)
    truth = truth.loc[:, (truth != "").any()]
    facts = check(folder, truth, **flags)
    assert ("as given" in facts["parts"]) == ("split" in truth)
