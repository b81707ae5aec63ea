"""`rin new`: each form is read, each mistake is refused in one line, and what is written plans."""

import re
import shutil
from functools import partial

import numpy as np
import pandas as pd
import pydicom
import pytest
from computed_pages import outputs
from finished_study import pretrained_files, ranked_files
from PIL import Image
from typer.testing import CliRunner

from rin.cli import app
from rin.data.dataset import open_dataset
from rin.data.layouts import read_split
from rin.data.manifest import load_manifest
from rin.data.tree import open_tree
from rin.errors import InputError
from rin.files import manifest_folder
from rin.study import consolidate, load_profile, open_workspace
from rin.study.contract import Stated, new_task, write_task
from rin.study.forecast import Pace
from rin.study.ledger import computed_on
from rin.study.plan import plan_study
from rin.study.pretraining import plan_pretraining
from rin.study.profile import profile_folder

PATIENTS = range(12)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Folders of manifests and profiles that may be written."""
    for variable, folder in (
        ("RIN_MANIFESTS", manifest_folder()),
        ("RIN_PROFILES", profile_folder()),
    ):
        shutil.copytree(folder, tmp_path / variable)
        monkeypatch.setenv(variable, str(tmp_path / variable))


def draw(path, seed, dtype="uint8", **changes):
    """Save a picture of noise, which no other resembles."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 200, (24, 24)) * (
        1 if dtype == "uint8" else 9
    )
    Image.fromarray(values.astype(dtype)).save(path, **changes)


def mark(path, side=24):
    drawn = np.zeros((side, side), np.uint8)
    drawn[4:9, 5:11] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn).save(path)


@pytest.fixture
def cohort(tmp_path):
    """Two pictures of each of 12 patients, and the rows of their table."""
    rows = []
    for patient in PATIENTS:
        for view in "ab":
            name = f"p{patient}_{view}.png"
            draw(tmp_path / "set" / name, 2 * patient + (view == "b"))
            rows.append((name, "bad" if patient % 2 else "good", f"P{patient}"))
    return tmp_path / "set", pd.DataFrame(rows, columns=["file_name", "label", "patient"])


def made(folder, results=None, **flags):
    said = {"positive": ["bad"], "results": results or folder.parent / "results"} | flags
    return new_task(Stated("lesions", folder, **said), Pace(0.01, 1))


def lines(folder, **flags):
    return [f"{what} {text}" for what, text in made(folder, **flags).facts]


def write(folder, table, name="metadata.csv", **how):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / name, index=False, **how)


def cell(row, column, value):
    """Return a change of one cell."""
    return lambda folder, table: write(
        folder, table.assign(**{column: [*table[column][:row], value, *table[column][row + 1 :]]})
    )


def replaced(**values):
    """Return a change of whole columns."""
    return lambda folder, table: write(folder, table.assign(**values))


def again(**values):
    """Return a change that adds a row for the first picture."""
    return lambda folder, table: write(folder, pd.concat([table, table[:1].assign(**values)]))


def text_of(change, encoding="utf-8"):
    """Return a change of the text of the table."""

    def apply(folder, table):
        (folder / "metadata.csv").write_bytes(change(table.to_csv(index=False)).encode(encoding))

    return apply


def with_masks(change):
    """Return a change of a table with a mask a picture, which is drawn before."""

    def apply(folder, table):
        masks = [f"masks/{name}" for name in table["file_name"]]
        for name in masks:
            mark(folder / name)
        write(folder, table.assign(mask=change(folder, masks)))

    return apply


def moved(place):
    """Return a change that moves pictures, without a table."""

    def apply(folder, table):
        for name, label, patient in table.to_numpy():
            new = folder / place.format(name=name, label=label, patient=patient)
            new.parent.mkdir(parents=True, exist_ok=True)
            (folder / name).rename(new)

    return apply


def file_of(name, content=b"x"):
    """Return a change that writes a file beside the table."""

    def apply(folder, table):
        write(folder, table)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return apply


def copied_over(folder, table):
    shutil.copy(folder / "p0_a.png", folder / "p2_a.png")
    write(folder, table.assign(split=["train"] * 4 + ["test"] * 20))


def two_tables(folder, table):
    write(folder, table)
    write(folder, table, "train/metadata.csv")


def called_like_masks(folder, table):
    for name in table["file_name"]:
        mark(folder / name.replace(".png", "_mask.png"))
    masks = table.assign(file_name=table["file_name"].str.replace(".png", "_mask.png"))
    write(folder, pd.concat([table, masks]))


def of_frames(folder, table):
    first, second = (Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (1, 2))
    first.save(folder / "p0_a.png", format="TIFF", save_all=True, append_images=[second])
    write(folder, table)


NAMES = {"patient": r"name:^(p\d+)_"}
#: A change of the table or the folder, flags beside it, and what the line says.
MISTAKES = {
    "no picture": (
        cell(3, "file_name", "p1_c.png"),
        {},
        r"1 row without pictures: p1_c\.png.*did you mean p1_.*correct or remove",
    ),
    "no kind of picture": (
        cell(3, "file_name", "metadata.csv"),
        {},
        r"1 row without pictures: metadata\.csv\. Names are",
    ),
    "backslashes": (
        cell(3, "file_name", r".\p1_b.png"),
        {},
        r"1 row without pictures: \.\\p1_b.*did you mean p1_b\.png",
    ),
    "no label": (
        cell(3, "label", ""),
        {},
        r"1 picture has no label: p1_b\.png\. Fill column label",
    ),
    "no patient": (
        cell(3, "patient", ""),
        {},
        r"1 picture has no patient: p1_b\.png\. Fill column patient",
    ),
    "no name": (cell(3, "file_name", ""), {}, r"1 row without pictures: ''\. Names are"),
    "misspelt column": (
        lambda f, t: write(f, t.rename(columns={"label": "lable"})),
        {},
        r"it needs file_name, label \(did you mean lable\?\)",
    ),
    "named column": (replaced(), {"patient": "subject"}, "it needs file_name, label, subject"),
    "named mask": (replaced(), {"mask": "roi"}, "it needs file_name, label, roi"),
    "a name twice in a line": (
        lambda f, t: (f / "metadata.jsonl").write_text(
            t.to_json(orient="records", lines=True).replace('"P1"', '"P1","label":"good"', 1)
        ),
        {},
        r"metadata\.jsonl: .*line 3: a name is given twice: file_name, label, patient, label",
    ),
    "a line that is no row": (
        lambda f, t: (f / "metadata.jsonl").write_text(
            t.to_json(orient="records", lines=True).replace("}\n{", "}\n7\n{", 1)
        ),
        {},
        r"metadata\.jsonl: .*line 2: ",
    ),
    "no part": (
        replaced(split=["train"] * 12 + ["test"] * 11 + [""]),
        {},
        r"1 picture is in no part: p11_b\.png\. Fill",
    ),
    "no fold": (
        replaced(split=[*[n // 4 for n in range(23)], ""]),
        {},
        r"1 picture is in no part: p11_b\.png\. Fill",
    ),
    "no label in a part": (
        lambda f, t: in_parts(f, t.assign(label=[*t["label"][:-1], ""]), as_csv, "csv"),
        {},
        r"1 picture has no label: test/p11_b\.png\. Fill column label",
    ),
    "two columns alike": (
        text_of(lambda t: t.replace("patient", "label", 1)),
        {},
        "columns called alike: label",
    ),
    "first row is data": (
        text_of(lambda t: t.split("\n", 1)[1]),
        {},
        r"its columns are p0_a\.png.*The first row names",
    ),
    "title above": (
        text_of(lambda t: "List of May,,\n" + t),
        {},
        "its columns are List of May.*The first row",
    ),
    "semicolons": (
        text_of(lambda t: t.replace(",", ";")),
        {},
        r"file_name;label;patient; it needs.*commas \(recipe 1\)",
    ),
    "Latin-1": (
        text_of(lambda t: t.replace("good", "gutärtig"), "latin-1"),
        {},
        "can't decode.*UTF-8",
    ),
    "UTF-16": (text_of(str, "utf-16"), {}, "can't decode.*UTF-8"),
    "ragged": (text_of(lambda t: t + "a.png,bad\n"), {}, "Expected 3 columns, got 2"),
    "open quote": (
        text_of(lambda t: t.replace("good", '"good', 1)),
        {},
        "a quotation mark is not closed",
    ),
    "two labels of a picture": (
        again(label="bad"),
        {},
        r"1 picture has several rows that differ: p0_a\.png",
    ),
    "two patients of a picture": (
        again(patient="P99"),
        {},
        r"1 picture has several rows that differ: p0_a\.png",
    ),
    "misspelt class": (
        cell(3, "label", "badd"),
        {},
        r"classes are neither.*badd.*Say --positive or --negative",
    ),
    "class in capitals": (
        cell(3, "label", "Bad"),
        {},
        "1 pair of classes has one name: Bad and bad",
    ),
    "misspelt flag": (
        replaced(),
        {"positive": ["bat"]},
        r"1 class is not there \(did you mean bad\?\): bat",
    ),
    "no flag": (
        replaced(),
        {"positive": []},
        "2 classes may be positive, and none is: bad, good. Give --positive with one",
    ),
    "only a negative class": (
        replaced(label=["bad", "worse", "good", "fair"] * 6),
        {"positive": [], "negative": ["good"]} | {"patient": "none"},
        "3 classes may be positive, and none is: bad, fair, worse. Give --positive for each",
    ),
    "ending in capitals": (
        lambda f, t: (f / "p1_a.png").rename(f / "p1_a.PNG") and write(f, t),
        {},
        r"1 row without pictures: p1_a\.png.*did you mean p1_a\.PNG\?",
    ),
    "folder above": (
        lambda f, t: [
            moved(f"deep/{part}/{{label}}/{{name}}")(f, rows)
            for part, rows in (("train", t[:12]), ("test", t[12:]))
        ],
        NAMES,
        r"none of the three forms.*\(all files are below deep: give that folder\)",
    ),
    "both flags": (replaced(), {"negative": ["bad", "good"]}, "named twice: bad"),
    "one class": (replaced(label="bad"), {}, r"1 class is there: bad\. A task needs two"),
    "two labels of a patient": (
        cell(3, "label", "good"),
        {},
        r"1 patient has two labels: P1 \(p1_a\.png in bad, p1_b\.png in good\).*--several-labels",
    ),
    "patients in capitals": (
        cell(3, "patient", "p1"),
        {},
        "1 pair of patients has one name: P1 and p1",
    ),
    "patients as numbers": (
        replaced(patient=["0", "0.0", *[f"0{n // 2}" for n in range(2, 24)]]),
        {},
        r"1 pair of patients has one name: 0 and 0\.0",
    ),
    "patients with zeros": (
        cell(3, "patient", "P01"),
        {},
        "1 pair of patients has one name: P1 and P01",
    ),
    "no patients": (
        lambda f, t: write(f, t.drop(columns="patient")),
        {},
        "24 pictures name no patient.*--patient none",
    ),
    "pattern without group": (
        replaced(),
        {"patient": "name:^p"},
        "Put parentheses around the patient",
    ),
    "pattern that fits few": (
        replaced(),
        {"patient": "name:^(p1)_"},
        r"does not match 'p0_a\.png'",
    ),
    "no such source": (
        replaced(),
        {"patient": "dicom:Name"},
        "it needs file_name, label, dicom:Name",
    ),
    "patient in two parts": (
        replaced(split=["train", "test"] * 12),
        {},
        r"12 patients have two parts: P0 \(p0_a\.png in train, p0_b\.png in test\).*recipe 18",
    ),
    "unknown part": (
        replaced(split=["train"] * 12 + ["test"] * 11 + ["holdout"]),
        {},
        r"1 value is not parts of a split: 'holdout' \(row 25\)\..*write train, val or test",
    ),
    "no test part": (
        replaced(split=["train"] * 12 + ["val"] * 12),
        {},
        r"1 part has no picture: test\. Write train and test, and val if there is one",
    ),
    "too many folds": (
        replaced(split=[n // 2 for n in range(24)]),
        {},
        "12 values of split are too many: 0, 1",
    ),
    "copy in two parts": (
        copied_over,
        {},
        r"1 picture is in two of the given parts: p0_a\.png and p2_a\.png",
    ),
    "no mask": (
        with_masks(lambda f, m: ["masks/none.png", *m[1:]]),
        {},
        r"1 mask of the table is missing: masks/none\.png\. Names are",
    ),
    "mask twice": (with_masks(lambda f, m: [m[1], *m[1:]]), {}, r"1 mask is named twice"),
    "mask is a picture": (
        with_masks(lambda f, m: ["p0_a.png", *m[1:]]),
        {},
        r"1 mask is named twice, or are pictures|or are pictures, too: p0_a",
    ),
    "mask of another size": (
        with_masks(lambda f, m: [mark(f / m[0], 20) or m[0], *m[1:]]),
        {},
        "the mask is 20 x 20 pixels and its picture 24 x 24",
    ),
    "mask is a photograph": (
        with_masks(lambda f, m: [draw(f / m[0], 99) or m[0], *m[1:]]),
        {},
        "of the mask is neither dark nor bright",
    ),
    "masks as pictures": (called_like_masks, {}, "24 pictures are called like masks of others"),
    "broken picture": (
        file_of("p0_a.png", b"\x89PNG\r\n\x1a\nxx"),
        {},
        r"pictures? cannot be read.*p0_a\.png\. Export",
    ),
    "several frames": (of_frames, {}, "2 frames in one file"),
    "deep picture": (
        lambda f, t: (write(f, t), draw(f / "p0_a.png", 1, "uint16")),
        {},
        r"1 picture has more than 8 bits: p0_a\.png\. Give --window CENTER WIDTH \(1024 2048",
    ),
    "two tables": (two_tables, {}, "there are several tables"),
    "table elsewhere": (
        lambda f, t: write(f, t, "lists/metadata.csv"),
        {},
        r"one in another folder: lists/metadata\.csv",
    ),
    "no table": (moved("{name}"), {}, "none of the three forms"),
    "folders of patients": (moved("{label}/{patient}/{name}"), NAMES, "none of the three forms"),
    "parts without classes": (moved("train/{name}"), NAMES, "none of the three forms"),
    "flag without table": (
        moved("{label}/{name}"),
        NAMES | {"label": "kind"},
        "1 flag names columns, but there is no table: label",
    ),
    "too few": (lambda f, t: write(f, t[:8]), {}, "too few independent patients per class"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_in_one_line(cohort, mistake):
    change, flags, message = MISTAKES[mistake]
    change(*cohort)
    with pytest.raises(InputError) as caught:
        made(cohort[0], **flags)
    said = str(caught.value).splitlines()
    assert [line for line in said if re.search(message, line)], said


def test_all_problems_of_a_table_are_told_at_once(cohort):
    folder, table = cohort
    table.loc[0, "file_name"], table.loc[5, "label"], table.loc[7, "patient"] = "x.png", "", "p2"
    write(folder, table)
    with pytest.raises(InputError, match="5 things to correct") as caught:
        made(folder, positive=["bat"])
    assert len(str(caught.value).splitlines()) == 6


def test_two_spellings_of_a_class_are_one_problem(cohort):
    folder, table = cohort
    cell(3, "label", "Bad")(folder, table)
    with pytest.raises(InputError, match="1 thing to correct"):
        made(folder)


def test_study_that_uses_a_part_of_the_folds_says_so(cohort):
    folder, table = cohort
    write(folder, table.assign(split=[n // 4 for n in range(24)]))
    pace, parts = Pace(0.05, 5), {}
    for minutes in (2, 60):
        said = Stated("lesions", folder, positive=["bad"], minutes=minutes,
                      results=folder.parent / f"results_{minutes}")  # fmt: skip
        task = new_task(said, pace)
        parts[task.profile["folds"]] = dict(task.facts)["parts"]
    assert parts.keys() == {1, 6}
    assert parts[1].endswith("; in this time 1 fold of 24 pictures")
    assert "in this time" not in parts[6]


def test_decoding_is_part_of_the_budget(cohort, monkeypatch):
    write(*cohort)
    told = []
    for seconds in (0, 1200):
        monkeypatch.setattr("rin.study.forecast.measure_decoding", lambda _, s=seconds: s)
        name, time = made(cohort[0], minutes=15).facts[4]
        told.append((name, int(re.search(r"about (\d+) minutes", time)[1])))
    (name, minutes), (late, more) = told
    assert (name, late, more - minutes) == ("time", "TIME", pytest.approx(20, abs=1))


def in_parts(folder, table, write_one, ending):
    """Move pictures and their rows to train, val and test."""
    for part, rows in (("train", table[:12]), ("val", table[12:16]), ("test", table[16:])):
        (folder / part).mkdir()
        for name in rows["file_name"]:
            (folder / name).rename(folder / part / name)
        write_one(rows, folder / part / f"metadata.{ending}")


def as_csv(rows, path):
    rows.to_csv(path, index=False)


def as_lines(rows, path):
    rows.to_json(path, orient="records", lines=True)


def as_parquet(rows, path):
    rows.assign(image=[{"bytes": b"x"}] * len(rows)).to_parquet(path)


def as_workbook(rows, path):
    rows.to_excel(path, index=False)


def as_npz(folder, table, shape=(24, 24)):
    rng, arrays = np.random.default_rng(0), {}
    for part, n in (("train", 20), ("val", 8), ("test", 16)):
        arrays[f"{part}_images"] = rng.integers(0, 255, (n, *shape), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(n)[:, None] % 2
    np.savez(folder / "set.npz", **arrays)


def as_dicom(folder, table):
    for name, _, patient in table.to_numpy():
        dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
        noise = np.random.default_rng(len(patient) + hash(name) % 997)
        dataset.PixelData = noise.integers(0, 2000, (128, 128), dtype=np.uint16).tobytes()
        dataset.PatientID = patient
        dataset.save_as(folder / name.replace(".png", ".dcm"))
    table = table.assign(file_name=table["file_name"].str.replace(".png", ".dcm"))
    write(folder, table.drop(columns="patient"))


NONE = {"patient": "none"}
#: A form, its flags, and what its first three lines say.
FORMS = {
    "csv": (
        replaced(),
        {},
        "24 pictures, 12 patients, good: 12, bad: 12 .*drawn by patient, in fewer than 5 folds as",
    ),
    "mark": (text_of(str, "utf-8-sig"), {}, "24 pictures, 12 patients"),
    "repeated row": (again(), {}, "24 pictures, 12 patients"),
    "xlsx": (lambda f, t: as_workbook(t, f / "metadata.xlsx"), {}, "24 pictures, 12 patients"),
    "jsonl": (lambda f, t: as_lines(t, f / "metadata.jsonl"), {}, "24 pictures, 12 patients"),
    "parquet": (
        lambda f, t: as_parquet(t, f / "metadata.parquet"),
        {},
        "24 pictures, 12 patients",
    ),
    "part of the pictures": (lambda f, t: write(f, t[:20]), {}, "20 pictures, 10 patients"),
    "csv in parts": (
        lambda f, t: in_parts(f, t, as_csv, "csv"),
        {},
        "12 patients.*as given: 1 fold, 50% train, 17% validation, 33% test",
    ),
    "jsonl in parts": (
        lambda f, t: in_parts(f, t, as_lines, "jsonl"),
        {},
        "12 patients.*as given: 1 fold, 50% train, 17% validation, 33% test",
    ),
    "column of parts": (
        replaced(split=["Training"] * 12 + ["valid"] * 4 + ["test"] * 8),
        {},
        "as given: 1 fold, 50% train, 17% validation, 33% test",
    ),
    "column of folds": (
        replaced(split=[n // 4 for n in range(24)]),
        {},
        "as given, validation drawn from train: 6 folds, .*17% test",
    ),
    "other names": (
        lambda f, t: write(f, t.rename(columns={"label": "kind", "patient": "who"})),
        {"label": "kind", "patient": "who"},
        "12 patients.*label in kind; patient in who",
    ),
    "patients in names": (
        lambda f, t: write(f, t.drop(columns="patient")),
        NAMES,
        "24 pictures, 12 patients",
    ),
    "nobody named": (replaced(), NONE, "24 pictures, no patients named"),
    "patients in headers": (as_dicom, {"patient": "dicom:PatientID"}, "24 pictures, 12 patients"),
    "masks": (with_masks(lambda f, m: m), {}, "label in label; patient in patient; mask in mask"),
    "folders": (moved("{label}/{name}"), NAMES, "12 patients.*a folder a class.*drawn"),
    "several classes": (
        replaced(label=["bad", "worse", "good", "fair"] * 6),
        {"positive": ["bad", "worse"], "negative": ["good", "fair"], "several_labels": False}
        | NONE,
        "good or fair: 12, bad or worse: 12|bad or worse: 12, good or fair: 12",
    ),
    "npz": (as_npz, NONE | {"positive": ["1"]}, "44 pictures, no patients.*MedMNIST.*as given"),
    "npz in colour": (
        lambda f, t: as_npz(f, t, (24, 24, 3)),
        NONE | {"positive": ["1"]},
        "44 pictures, no patients.*MedMNIST.*as given",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_form_is_read_and_opened_again_with_its_labels_patients_and_parts(cohort, settings, form):
    folder, table = cohort
    change, flags, message = FORMS[form]
    change(folder, table)
    place = folder / "set.npz" if (folder / "set.npz").exists() else folder
    task = made(place, **flags)
    said = " ".join(text for _, text in task.facts[:3])
    assert re.search(message, said), said
    assert len(task.facts) <= 25
    write_task(task)
    manifest = load_manifest("lesions")
    dataset = open_dataset(manifest, place.parent, index_folder=folder / "index")
    if form.startswith("npz"):
        parts = read_split(open_tree(place.parent, place.name), manifest)
        assert {*dataset.cases["source_class"]} == {"0", "1"}
        assert parts.value_counts().to_dict() == {"train": 20, "test": 16, "validation": 8}
        return
    cases, truth = dataset.cases, table.set_index(table["file_name"].str.partition(".")[0])
    stems = cases["case_id"].str.extract(r"(p\d+_[ab])\.\w+$")[0]
    if "several" not in form:
        assert [*cases["label"]] == [*truth.loc[stems, "label"]]
    if manifest.independence == "patient":
        assert [*cases["patient_id"].str.lower()] == [*truth.loc[stems, "patient"].str.lower()]
    assert cases["masks"].map(len).eq(form == "masks").all()
    assert load_profile("lesions").splits == ("official" if "as given" in said else "own")


def test_given_parts_are_those_of_the_study(cohort, settings, tmp_path):
    folder, table = cohort
    in_parts(folder, table, as_csv, "csv")
    write_task(made(folder))
    workspace = open_workspace("lesions", data_root=tmp_path, results=tmp_path / "results")
    folds = workspace.inputs("lesions").folds.set_index("case_id")["part"]
    parts = folds.index.str.partition("/").get_level_values(0).str.replace("val", "validation")
    assert [*folds] == [*parts]


def test_what_cannot_be_seen_in_a_table_is_told(cohort):
    folder, table = cohort
    shutil.copy(folder / "p0_a.png", folder / "p3_a.png")  # another patient with another label
    mirrored = Image.open(folder / "p4_a.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mirrored.save(folder / "p6_a.png")
    draw(folder / "p8_b_flip.png", 77)
    rows = [*table["file_name"]]
    rows[rows.index("p2_b.png")] = "p8_b_flip.png"
    with_masks(lambda f, m: [mark(f / "empty.png") or "empty.png", *m[1:]])(
        folder, table.assign(file_name=rows)
    )
    Image.new("L", (24, 24)).save(folder / "empty.png")
    said = "\n".join(lines(folder))
    assert "CONTRADICTORY EXACT DUPLICATES the same pixels labelled bad and good (p0_a" in said
    assert re.search("TWO LABELS 1 near-duplicates? ", said)
    assert re.search(
        "COPIES 2 altered copies count .*p4_a.png and p6_a.png, p8_b.png and p8_b_f", said
    )
    assert "masks of 24" in said
    assert "MASKS masks without a lesion: 1 of 24" in said
    assert "2 other picture files, in no row: not used" in said


def pretrained(run, folder):
    return pretrained_files(run, folder) | computed_on() | {"training_images": 36}


def test_page_of_ones_own_run_says_what_is_known_of_the_images(cohort, settings, tmp_path):
    folder, table = cohort
    near = np.array(Image.open(folder / "p0_a.png"))
    near[0, 0] += 9
    Image.fromarray(near).save(folder / "p10_a.png")
    in_parts(folder, table, as_csv, "csv")
    task = made(folder, patient="none", minutes=2)
    assert [what for what, _ in task.facts if what.isupper()][:2] == ["NO PATIENTS", "GIVEN PARTS"]
    write_task(task)
    workspace = open_workspace("lesions", data_root=tmp_path, results=tmp_path / "results")
    for run in plan_pretraining(workspace):
        workspace.weights.commit(run.run_id, run.config, partial(pretrained, run))
    for run in plan_study(workspace):
        signals = dict.fromkeys(workspace.profile.inits, 1.0)
        workspace.fine_tuning_ledger.commit(
            run.run_id, run.config, partial(ranked_files, run, signals)
        )
    consolidate(workspace)
    text = " ".join(
        outputs("results/your_run", {"profile": "lesions", "results": str(tmp_path / "results")})
    )
    assert re.search("The files of [^.]+ name no patients, so that each picture counts as", text)
    assert "then the AUC is too high and its interval too narrow" in text
    parts = "known given parts.*1 near-duplicate.*test/p10_a.png and train/p0_a.png"
    assert re.search(parts, text), text


def test_severe_findings_come_first_and_none_is_cut_by_many_others(cohort, settings):
    folder, table = cohort
    for n, (name, label) in enumerate(table[["file_name", "label"]].to_numpy()):
        pixels = np.random.default_rng(n % 12).integers(0, 60, (24, 24)) + 90 * (label == "bad")
        Image.fromarray(pixels.astype("uint8")).save(folder / name)  # each shown twice
    write(folder, table)
    task = made(folder, patient="none")
    kinds = [what for what, _ in task.facts]
    assert kinds[5:8] == ["BRIGHTNESS", "NO PATIENTS", "FEW PATIENTS"]
    assert kinds[8:] == ["EXACT DUPLICATES", "near-duplicates", "more"]
    assert task.facts[-1] == ("more", "8 findings: rin data verify lesions has all")
    write_task(task)
    said = CliRunner().invoke(
        app, ["data", "verify", "lesions", "--data-root", str(folder.parent)]
    )
    assert len(re.findall("exact duplicates: the same pixels", said.output)) == 12
    assert "known near-duplicates: 12 pairs" in said.output


def test_many_kinds_of_problems_fit_the_screen(cohort):
    folder, table = cohort
    odd = with_masks(lambda f, m: [mark(f / name, 30 + n) or name for n, name in enumerate(m)])
    odd(folder, table)
    with pytest.raises(InputError, match="24 things to correct") as caught:
        made(folder)
    assert len(str(caught.value).splitlines()) == 22
    assert "  - 4 more. Nothing was written." in str(caught.value)


def test_command_writes_only_what_it_wrote(cohort, settings):
    folder, table = cohort
    write(folder, table)
    flags = ["--images", str(folder), "--positive", "bad", "--results", str(folder.parent / "r")]
    first = CliRunner().invoke(app, ["new", "lesions", *flags])
    assert first.exit_code == 0, first.output
    assert "STAND-IN weights, whose difference means nothing" in first.stdout.splitlines()[0]
    assert re.search("(?s)study .*lesions.*book .*lesions", first.output)
    for name, more, refused in (
        ("lesions", [], True),
        ("lesions", ["--replace"], False),
        ("busi", ["--replace"], True),
        ("breast", ["--replace"], True),
    ):
        said = str(CliRunner().invoke(app, ["new", name, *flags, *more]).exception)
        assert ("already a dataset, profile or task" in said) == refused
