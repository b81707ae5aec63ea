"""`rin new`: each form is read, each mistake is refused in one line, and what is written plans."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from computed_pages import outputs
from finished_study import commit_invented, ranked_files
from PIL import Image
from small_pictures import draw, mark, scan
from typer.testing import CliRunner

from rin.cli import app
from rin.data.dataset import open_dataset
from rin.data.manifest import load_manifest
from rin.errors import InputError
from rin.files import manifest_folder
from rin.study import consolidate, load_profile, open_workspace
from rin.study.contract import Stated, new_task, write_task
from rin.study.forecast import Pace
from rin.study.profile import profile_folder


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Folders of manifests and profiles that may be written."""
    for variable, folder in (
        ("RIN_MANIFESTS", manifest_folder()),
        ("RIN_PROFILES", profile_folder()),
    ):
        shutil.copytree(folder, tmp_path / variable)
        monkeypatch.setenv(variable, str(tmp_path / variable))


@pytest.fixture
def cohort(tmp_path):
    """Two pictures of each of 12 patients, and the rows of their table."""
    rows = []
    for patient in range(12):
        for view in "ab":
            name = f"p{patient}_{view}.png"
            draw(tmp_path / "set" / name, len(rows))
            rows.append((name, "bad" if patient % 2 else "good", f"P{patient}"))
    return tmp_path / "set", pd.DataFrame(rows, columns=["file_name", "label", "patient"])


def made(folder, pace=None, **flags):
    said = {"positive": ["bad"], "results": folder.parent / "results"} | flags
    return new_task(Stated("lesions", folder, **said), pace or Pace(0.01, 1))


def refused(folder, **flags):
    """Return the error that refuses a folder: a line for all, then one for each problem."""
    with pytest.raises(InputError) as caught:
        made(folder, **flags)
    return str(caught.value)


def write(folder, table, name="metadata.csv"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / name, index=False)


def masked(folder, table):
    """Draw a mask for each picture, and return the table with its name."""
    table = table.assign(mask="masks/" + table["file_name"])
    for name in table["mask"]:
        mark(folder / name)
    return table


def replaced(**values):
    """Return a change of whole columns."""
    return lambda folder, table: write(folder, table.assign(**values))


def third(column, value):
    """Return a change of a cell of the first patient's neighbour, P1, whose class is bad."""
    return lambda folder, table: write(
        folder, table.assign(**{column: table[column].mask(table.index == 3, value)})
    )


def lines_of(change):
    """Return a change of the text of a table with an object a line."""
    return lambda folder, table: (folder / "metadata.jsonl").write_text(
        change(table.to_json(orient="records", lines=True))
    )


def moved(place):
    """Return a change that moves pictures, without a table."""

    def apply(folder, table):
        for name, label, patient in table.to_numpy():
            new = folder / place.format(name=name, label=label, patient=patient)
            new.parent.mkdir(parents=True, exist_ok=True)
            (folder / name).rename(new)

    return apply


def in_parts(folder, table, ending="csv"):
    """Move pictures and their rows to train, val and test."""
    for part, rows in (("train", table[:12]), ("val", table[12:16]), ("test", table[16:])):
        (folder / part).mkdir()
        for name in rows["file_name"]:
            (folder / name).rename(folder / part / name)
        path = folder / part / f"metadata.{ending}"
        if ending == "csv":
            rows.to_csv(path, index=False)
        else:
            rows.to_json(path, orient="records", lines=True)


def as_dicom(folder, table):
    names = table["file_name"].str.replace(".png", ".dcm")
    for seed, (name, patient) in enumerate(zip(names, table["patient"], strict=True)):
        scan(folder / name, seed, PatientID=patient)
    write(folder, table.assign(file_name=names).drop(columns="patient"))


def copied_over(folder, table):
    shutil.copy(folder / "p0_a.png", folder / "p2_a.png")
    write(folder, table.assign(split=["train"] * 4 + ["test"] * 20))


NAMES = {"patient": r"name:^(p\d+)_"}
#: A change of the table or the folder, what the error says, and flags.
MISTAKES = {
    "misspelt column": (
        lambda f, t: write(f, t.rename(columns={"label": "lable"})),
        r"it needs file_name, label \(did you mean lable\?\)",
    ),
    "named columns": (
        replaced(),
        "it needs file_name, label, dicom:Name, roi",
        {"patient": "dicom:Name", "mask": "roi"},
    ),
    "a name twice in a line": (
        lines_of(lambda t: t.replace('"P1"', '"P1","label":"good"', 1)),
        r"metadata\.jsonl: .*line 3: a name is given twice: file_name, label, patient, label",
    ),
    "a line that is no row": (
        lines_of(lambda t: t.replace("}\n{", "}\n7\n{", 1)),
        r"metadata\.jsonl: .*line 2: ",
    ),
    "no label in a part": (
        lambda f, t: in_parts(f, t.assign(label=[*t["label"][:-1], ""])),
        r"1 picture has no label: test/p11_b\.png\. Fill column label",
    ),
    "no picture that is named": (
        lambda f, t: write(f, t.assign(file_name="other/" + t["file_name"])),
        r"1 thing to correct\n.*24 rows without pictures: other/p0_a\.png.* these rows\. *\n?",
    ),
    "misspelt class": (
        third("label", "badd"),
        r"neither .*: 'badd' \(1\) \(did you mean bad\?\), 'good' \(12\)\. Correct",
    ),
    "class in capitals": (
        third("label", "Bad"),
        "1 thing to correct\n.*1 pair of classes has one name: Bad and bad",
    ),
    "misspelt flag": (
        replaced(),
        r"1 class is not there \(did you mean bad\?\): 'bat'",
        {"positive": ["bat"]},
    ),
    "no flag": (
        replaced(),
        r"2 classes are neither positive nor negative: 'bad' \(12\), 'good' \(12\)\. Correct",
        {"positive": []},
    ),
    "only negative classes": (
        replaced(),
        "2 classes are there: 'bad', 'good'. A task needs two, one of them positive",
        {"positive": [], "negative": ["bad", "good"]},
    ),
    "both flags": (replaced(), "named twice: bad", {"negative": ["bad", "good"]}),
    "one class": (replaced(label="bad"), r"1 class is there: 'bad'\. A task needs two"),
    "folder above": (
        lambda f, t: [
            moved(f"deep/{part}/{{label}}/{{name}}")(f, rows)
            for part, rows in (("train", t[:12]), ("test", t[12:]))
        ],
        r"none of the three forms.*\(all files are below deep: give that folder\)",
        NAMES,
    ),
    "no patients": (
        lambda f, t: write(f, t.drop(columns="patient")),
        "24 pictures name no patient.*--patient none",
    ),
    "one patient": (
        replaced(patient="bus"),
        r"1 patient is all that is named: bus\. .* or say --patient none",
    ),
    "pattern without group": (
        replaced(),
        "Put parentheses around the patient",
        {"patient": "name:^p"},
    ),
    "pattern that fits few": (
        replaced(),
        r"has no patient in 'p0_a\.png'",
        {"patient": "name:^(p1)_"},
    ),
    "window without width": (
        replaced(),
        "^--window: no window has this width. Give its centre",
        {"window": (40, 0)},
    ),
    "no test part": (
        replaced(split=["train"] * 12 + ["val"] * 12),
        r"1 part has no picture: test\. Write train and test, and val if there is one",
    ),
    "parts of one class": (
        lambda f, t: write(f, t.assign(split=t["label"].map({"bad": "2", "good": "7"}))),
        r"1 thing to correct\n.*2 parts have one class only: 2, 7\. Move patients",
    ),
    "parts in other words": (
        replaced(split=["Training set"] * 12 + ["Test set"] * 12),
        "2 values of split are neither parts nor numbers of folds: Test set, Training set. Write",
    ),
    "too many folds": (
        replaced(split=[n // 2 for n in range(24)]),
        "12 values of split are too many: 0, 1",
    ),
    "copy in two parts": (
        copied_over,
        r"1 picture is in two of the given parts: p0_a\.png and p2_a\.png",
    ),
    "no patients in headers": (
        lambda f, t: as_dicom(f, t.assign(patient="")),
        r"24 pictures cannot be read, as the header has no PatientID: .* or say --patient none",
        {"patient": "dicom:PatientID"},
    ),
    "no pictures": (
        lambda f, t: [shutil.rmtree(f), f.mkdir(), (f / "x.npz").touch()],
        r"none of the three forms: its files \(x\.npz\) include no picture \(\.png, ",
    ),
    "names from the root": (
        lambda f, t: write(f, t.assign(file_name="/set/" + t["file_name"])),
        r"24 rows without pictures: /set/p0_a\.png, ",
    ),
    "no headers": (
        lambda f, t: write(f, t.drop(columns="patient")),
        r"24 pictures cannot be read, as files other than DICOM have no header with a PatientID: ",
        {"patient": "dicom:PatientID"},
    ),
    "two labels in headers": (
        lambda f, t: as_dicom(f, t.assign(label=["bad", *t["label"][1:]])),
        r"1 patient has two labels: P0 \(p0_a\.dcm in bad, p0_b\.dcm in good\)",
        {"patient": "dicom:PatientID"},
    ),
    "two tables": (
        lambda f, t: [write(f, t, name) for name in ("metadata.csv", "train/metadata.csv")],
        "there are several tables",
    ),
    "table elsewhere": (
        lambda f, t: write(f, t, "lists/metadata.csv"),
        r"one in another folder: lists/metadata\.csv",
    ),
    "split in capitals": (
        lambda f, t: write(f, t.assign(Split="train")),
        r"1 column is not read: Split\. Write patient, mask and split in small",
    ),
    "patients in one part": (
        lambda f, t: [in_parts(f, t), write(f / "test", t[16:].drop(columns="patient"))],
        "1 column is not read: patient",
    ),
    "folders of patients": (moved("{label}/{patient}/{name}"), "none of the three forms", NAMES),
    "flag without table": (
        moved("{label}/{name}"),
        "1 flag names columns, but there is no table: label",
        NAMES | {"label": "kind"},
    ),
    "too few": (lambda f, t: write(f, t[:8]), "too few independent patients per class"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_in_one_line(cohort, mistake):
    change, message, *flags = MISTAKES[mistake]
    change(*cohort)
    assert re.search(message, refused(cohort[0], **dict(*flags)))


def check_lines(said, expected):
    """Compare the lines of an error with patterns, in their order."""
    lines = said.splitlines()[1:]
    assert [line for line, words in zip(lines, expected, strict=True)
            if not re.search(words, line)] == []  # fmt: skip


def test_all_problems_of_a_table_are_told_at_once(cohort):
    folder, table = cohort
    table = masked(folder, table).assign(split=["train"] * 12 + ["val"] * 4 + ["test"] * 8)
    table.loc[24] = ["p0_a.png", "bad", "P0", "", "train"]
    table.loc[25] = ["p0_a_Maske.png", "good", "P0", "", "train"]
    draw(folder / "p0_a_Maske.png", 99)
    for row, column, value in [
        (3, "file_name", r".\p1_b.png"),
        (5, "file_name", "metadata.csv"),
        (7, "file_name", ""),
        (9, "label", ""),
        (10, "patient", ""),
        (13, "label", "bad"),
        (15, "patient", "p7"),
        (17, "patient", "P08"),
        (14, "split", "holdout"),
        (16, "split", ""),
        (22, "split", "train"),
        (0, "mask", "masks/none.png"),
        (1, "mask", "masks/p1_a.png"),
        (4, "mask", "p6_b.png"),
    ]:
        table.loc[row, column] = value
    write(folder, table)
    check_lines(
        refused(folder),
        [
            r"1 picture has several rows that differ: p0_a\.png",
            r"1 picture has no patient: p5_a\.png\. Fill column patient",
            r"3 rows without pictures: \.\\p1_b\.png, metadata\.csv, ''\. Names are .*"
            r"did you mean p1_b\.png.*correct or remove",
            r"1 mask of the table is missing: masks/none\.png\. Names are",
            r"1 picture has no label: p4_b\.png\. Fill column label",
            r"1 value is not parts of a split: 'holdout' \(row 16\)\..*write train, val or test",
            r"2 pictures are in no part: p7_a\.png, p8_a\.png\. Fill",
            r"1 picture is called like masks of others: p0_a_Maske\.png",
            r"2 masks are named twice, or are pictures, too: .*p1_a\.png, .*p6_b\.png",
            "2 pairs of patients have one name: P7 and p7, P8 and P08",
            r"1 patient has two parts: P11 \(p11_a\.png in train, p11_b\.png in test\).*recipe 18",
            r"1 patient has two labels: P6 \(p6_a\.png in good, p6_b\.png in bad\).*--several-lab",
        ],
    )


def test_all_pictures_that_cannot_be_used_are_told_at_once(cohort):
    folder, table = cohort
    table = masked(folder, table)
    write(folder, table)
    mark(folder / table["mask"][0], side=20)
    draw(folder / table["mask"][2], 99)
    (folder / "p2_a.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    first, second = (Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (1, 2))
    first.save(folder / "p3_a.png", format="TIFF", save_all=True, append_images=[second])
    draw(folder / "p4_a.png", 1, "uint16")
    check_lines(
        refused(folder),
        [
            r"1 picture has more than 8 bits: p4_a\.png\. Give --window CENTER WIDTH \(1024 2048",
            "the mask is 20 x 20 pixels and its picture 16 x 16",
            "of the mask is neither dark nor bright",
            r"1 picture cannot be read.*p2_a\.png\. Export",
            "2 frames in one file",
        ],
    )


def test_many_kinds_of_problems_fit_the_screen(cohort):
    folder, table = cohort
    table = masked(folder, table)
    write(folder, table)
    for number, name in enumerate(table["mask"]):
        mark(folder / name, side=30 + number)
    said = refused(folder)
    assert "24 things to correct" in said
    assert len(said.splitlines()) == 22
    assert "  - 4 more. Nothing was written." in said


def test_study_that_uses_a_part_of_the_folds_says_so(cohort):
    folder, table = cohort
    write(folder, table.assign(split=[n // 4 for n in range(24)]))
    tasks = (made(folder, Pace(0.05, 5), minutes=minutes) for minutes in (2, 60))
    parts = {task.profile["folds"]: dict(task.facts)["parts"] for task in tasks}
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


def as_parquet(folder, table):
    table = table.drop(columns="patient").assign(image=[{"bytes": b"x"}] * len(table))
    table.to_parquet(folder / "metadata.parquet")


#: A form, what its first three lines say, and its flags.
FORMS = {
    "csv": (
        replaced(),
        "24 pictures, 12 patients, good: 12, bad: 12 .*drawn by patient, in fewer than 5 folds as",
    ),
    "mark, semicolons and a repeated row of some of the pictures": (
        lambda f, t: pd.concat([t[:20], t[:1]]).to_csv(
            f / "metadata.csv", sep=";", index=False, encoding="utf-8-sig"
        ),
        "20 pictures, 10 patients",
    ),
    "xlsx of other names": (
        lambda f, t: t.rename(columns={"label": "kind", "patient": "who"}).to_excel(
            f / "metadata.xlsx", index=False
        ),
        "24 pictures, 12 patients.*label in kind; patient in who",
        {"label": "kind", "patient": "who"},
    ),
    "jsonl in parts": (
        lambda f, t: in_parts(f, t, "jsonl"),
        "12 patients.*as given: 1 fold, 50% train, 17% validation, 33% test",
    ),
    "parquet, and patients in names": (as_parquet, "24 pictures, 12 patients", NAMES),
    "column of parts": (
        replaced(split=["Training"] * 12 + ["valid"] * 4 + ["test"] * 8),
        "as given: 1 fold, 50% train, 17% validation, 33% test",
    ),
    "column of folds, and masks": (
        lambda f, t: write(f, masked(f, t.assign(split=[n // 4 for n in range(24)]))),
        "label in label; patient in patient; mask in mask"
        ".*as given, validation drawn from train: 6 folds, .*17% test",
    ),
    "patients in headers": (as_dicom, "24 pictures, 12 patients", {"patient": "dicom:PatientID"}),
    "folders": (moved("{label}/{name}"), "12 patients.*a folder a class.*drawn", NAMES),
    "several classes, one with a decomposed umlaut": (
        replaced(label=["bad", "bo\u0308se", "good", "fair"] * 6),
        "no patients named, (good or fair: 12, bad or bo.se: 12|bad or bo.se: 12, good or fair)",
        {"positive": ["bad", "b\u00f6se"], "negative": ["good", "fair"], "patient": "none"},
    ),
}


def written(task, root):
    """Write a task and open its dataset."""
    assert len(task.facts) <= 25
    write_task(task)
    manifest = load_manifest("lesions")
    return open_dataset(manifest, root, index_folder=root / "index")


@pytest.mark.parametrize("form", FORMS)
def test_form_is_read_and_opened_again_with_its_labels_patients_and_parts(cohort, settings, form):
    folder, table = cohort
    change, message, *flags = FORMS[form]
    change(folder, table)
    task = made(folder, **dict(*flags))
    said = " ".join(text for _, text in task.facts[:3])
    assert re.search(message, said), said
    dataset = written(task, folder.parent)
    cases, truth = dataset.cases, table.set_index(table["file_name"].str.partition(".")[0])
    stems = cases["case_id"].str.extract(r"(p\d+_[ab])\.\w+$")[0]
    if "several" not in form:
        assert [*cases["label"]] == [*truth.loc[stems, "label"]]
        assert [*cases["patient_id"].str.lower()] == [*truth.loc[stems, "patient"].str.lower()]
    assert cases["masks"].map(len).eq("masks" in form).all()
    assert load_profile("lesions").splits == ("official" if "as given" in said else "own")


def test_files_of_a_kind_that_is_not_read_are_told(cohort):
    moved("{label}/{name}")(*cohort)
    for name in ("p1_a", "p3_a"):
        (cohort[0] / "bad" / f"{name}.png").rename(cohort[0] / "bad" / f"{name}.webp")
    assert made(cohort[0], **NAMES).facts[4] == (
        "NOT USED", "2 files are of no kind that is read: .webp"
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(24, 24), (24, 24, 3)], ids=["grey", "colour"])
def test_archive_of_medmnist_is_read_with_its_classes_and_parts(tmp_path, settings, shape):
    rng, arrays = np.random.default_rng(0), {}
    for part, n in (("train", 20), ("val", 8), ("test", 16)):
        arrays[f"{part}_images"] = rng.integers(0, 255, (n, *shape), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(n)[:, None] % 2
    np.savez(tmp_path / "set.npz", **arrays)
    task = made(tmp_path / "set.npz", positive=["1"], patient="none")
    arrays["val_labels"] = np.ones((8, 3))
    np.savez(tmp_path / "several.npz", **arrays)
    assert "val_labels.npy has 3 labels a picture" in refused(tmp_path / "several.npz")
    said = " ".join(text for _, text in task.facts[:3])
    assert re.search("44 pictures, no patients.*MedMNIST.*as given: .* 45% train, 18% val", said)
    assert {*written(task, tmp_path).cases["source_class"]} == {"0", "1"}


def test_given_parts_are_those_of_the_study(cohort, settings, tmp_path):
    in_parts(*cohort)
    write_task(made(cohort[0]))
    workspace = open_workspace("lesions", data_root=tmp_path, results=tmp_path / "results")
    folds = workspace.inputs("lesions").folds.set_index("case_id")["part"]
    parts = folds.index.str.partition("/").get_level_values(0).str.replace("val", "validation")
    assert [*folds] == [*parts]


def test_what_cannot_be_seen_in_a_table_is_told(cohort):
    folder, table = cohort
    shutil.copy(folder / "p0_a.png", folder / "p3_a.png")  # another patient with another label
    mirrored = Image.open(folder / "p4_a.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mirrored.save(folder / "p6_a.png")
    for seed, name in enumerate(("p8_b_flip.png", "in_no_row.png"), start=77):
        draw(folder / name, seed)
    table = masked(folder, table.replace("p2_b.png", "p8_b_flip.png"))
    mark(folder / table["mask"][0], value=0)
    stray = mark(folder / table["mask"][1], value=100)
    stray[0, 0] = 255
    Image.fromarray(stray).save(folder / table["mask"][1])
    write(folder, table)
    said = "\n".join(f"{what} {text}" for what, text in made(folder).facts)
    assert "CONTRADICTORY EXACT DUPLICATES the same pixels labelled bad and good (p0_a" in said
    assert re.search("TWO LABELS 1 near-duplicates? ", said)
    assert re.search(
        "COPIES 2 pairs of a picture .*p4_a.png and p6_a.png, p8_b.png and p8_b_f", said
    )
    assert "masks of 24" in said
    assert "MASKS masks without a lesion: 1 of 24" in said
    # Names of files may be those of patients.
    assert re.search(r"brighter values beside that of the lesion: 1(?! \()", said)
    assert "not used 2 pictures are in no row" in said


def test_page_of_ones_own_run_says_what_is_known_of_the_images(cohort, settings, tmp_path):
    folder, table = cohort
    near = np.array(Image.open(folder / "p0_a.png"))
    near[0, 0] += 9
    Image.fromarray(near).save(folder / "p10_a.png")
    in_parts(folder, table)
    task = made(folder, patient="none", minutes=2)
    assert [what for what, _ in task.facts if what.isupper()][:2] == ["NO PATIENTS", "GIVEN PARTS"]
    write_task(task)
    workspace = open_workspace("lesions", data_root=tmp_path, results=tmp_path / "results")
    commit_invented(workspace, ranked_files(dict.fromkeys(workspace.profile.inits, 1.0)))
    consolidate(workspace)
    text = " ".join(
        outputs("results/your_run", {"profile": "lesions", "results": str(tmp_path / "results")})
    )
    assert re.search("The files of [^.]+ name no patients, so that each picture counts as", text)
    assert "then the AUC is too high and its interval too narrow" in text
    parts = "known given parts.*1 near-duplicate(?!.*p10_a.png)"  # names may be of patients
    assert re.search(parts, text), text


def test_severe_findings_come_first_and_none_is_cut_by_many_others(cohort):
    folder, table = cohort
    for n, (name, label) in enumerate(table[["file_name", "label"]].to_numpy()):
        pixels = np.random.default_rng(n % 12).integers(0, 60, (24, 24)) + 90 * (label == "bad")
        Image.fromarray(pixels.astype("uint8")).save(folder / name)  # each shown twice
    write(folder, table)
    task = made(folder, patient="none")
    kinds = [what for what, _ in task.facts]
    assert kinds[5:8] == ["BRIGHTNESS", "NO PATIENTS", "FEW PATIENTS"]
    assert kinds[8:] == ["EXACT DUPLICATES", "near-duplicates"]
    assert task.facts[8][1].startswith("12 sets of pictures with the same pixels, 24 in all (")


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


@pytest.mark.parametrize("name", ["../elsewhere", "Lesions", "1st", ""])
def test_name_that_is_no_name_of_a_file_is_refused_before_anything_is_read(tmp_path, name):
    with pytest.raises(InputError, match=r"NAME: .* is no name for a task.*a letter first"):
        new_task(Stated(name, tmp_path / "absent"))
