"""`rin new`: what it recognises, what it writes, and the mistakes that it finds first."""

import io
import re
import shutil
import unicodedata
from functools import partial

import nbformat
import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml
from finished_study import pretrained_files, trained_files
from hypothesis import given, settings
from hypothesis import strategies as st
from own_images import OWN, rows_of, save, write_dicom, write_table, written
from PIL import Image
from scipy.special import logit

from rin.data.dataset import open_dataset
from rin.data.discovery import guess_patients, guess_positive, patients_inside_names
from rin.data.layouts import find_cases
from rin.data.manifest import load_manifest
from rin.data.pixels import read_picture
from rin.data.tree import open_tree
from rin.files import REPOSITORY
from rin.report.execution import Job
from rin.study import forecast, load_profile, open_workspace
from rin.study.forecast import Pace, fit_budget
from rin.study.ledger import computed_on
from rin.study.plan import plan_study
from rin.study.pretraining import plan_pretraining


def test_new_writes_a_manifest_and_a_profile_that_plan(rin, home):
    status, out, err = rin("new", "mine", *OWN, "--masks", "own/masks")
    assert (status, err) == (0, "")
    manifest, profile = load_manifest("mine"), load_profile("mine")
    assert manifest.options["patient"] == "Patient"
    assert manifest.counts.images == {"benign": 24, "malignant": 24}
    assert manifest.tasks[0].positive_class == "malignant"
    assert profile.tasks == ["mine"]
    assert [study.name for study in profile.studies] == ["main"]
    assert len(profile.variants("main")[0].scenarios) == 6
    assert "STAND-IN weights" in out
    assert "5 folds" in out
    assert "rin study --profile mine" in out
    assert "make" not in out
    assert f"What was seen of the pictures is kept in {home}/results/index" in out


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("y", 0)])
def test_new_asks_what_is_not_clear_and_writes_nothing_if_it_is_not_right(
    rin, home, monkeypatch, answer, status
):
    monkeypatch.setattr("sys.stdin", Terminal(f"benign\n{answer}\n"))
    ended, out, err = rin("new", "mine", *OWN[:-1])
    assert (ended, err) == (status, "")
    assert "Is this right?" in out
    assert written(home) == (answer == "y")
    if written(home):
        assert load_manifest("mine").tasks[0].positive_class == "benign"


def test_new_asks_what_codes_mean_and_what_they_are_compared_with(rin, home, monkeypatch):
    rows = [(name, str(int(patient[1:]) % 3), patient) for name, _, patient in rows_of(home)]
    write_table(home, rows)
    monkeypatch.setattr("sys.stdin", Terminal("1, 2\n\ny\n"))
    status, out, err = rin("new", "mine", *OWN[:-1], "--negative", "0=normal")
    assert "The positive class (0, 1, 2):" in out
    assert "What to call class 1, 2 (any name)" in out
    assert (status, err) == (0, "")
    monkeypatch.setattr("sys.stdin", Terminal("2\n0\nsevere\nnone\ny\n"))
    status, out, err = rin("new", "ours", *OWN[:-1])
    assert "Compared with (0, 1, all others) [all others]:" in out
    assert (status, err) == (0, "")
    labels = load_manifest("ours").label_map
    assert labels == {"2": "severe", "0": "none", "1": None}


def test_new_proposes_patients_of_names_and_says_in_red_if_that_is_declined(
    rin, home, monkeypatch
):
    write_table(home, [row[:2] for row in rows_of(home)], columns=("Bild", "Befund"))
    monkeypatch.setattr("sys.stdin", Terminal("\nnone\ny\n"))
    status, out, err = rin("new", "mine", *OWN[:-1])
    assert "such as p00_0.png and p00_1.png of p00; " in out
    assert "none are named: each picture counts as a patient" in out
    assert (status, err) == (0, "")
    monkeypatch.setattr("sys.stdin", Terminal("\n\ny\n"))
    status, out, err = rin("new", "ours", *OWN[:-1])
    assert "24 patients, 2 images each" in out
    assert (status, err) == (0, "")


def test_new_never_overwrites_and_leaves_no_half(rin, home):
    rin("new", "mine", *OWN)
    before = {
        p: p.read_text()
        for p in (home / "manifests" / "mine.yaml", home / "profiles" / "mine.yaml")
    }
    status, _, err = rin("new", "mine", *OWN)
    assert (status, len(err.splitlines())) == (1, 1)
    assert "'mine' is already a dataset, profile or task" in err
    assert all(path.read_text() == text for path, text in before.items())


def test_new_of_a_folder_a_class_takes_patients_from_a_pattern(rin, home):
    for name, label, _ in rows_of(home):
        (home / "classes" / label).mkdir(parents=True, exist_ok=True)
        (home / "own" / "Bilder" / name).rename(home / "classes" / label / name)
    status, out, err = rin("new", "mine", "--images", "classes", "--patient", r"^p(\d+)_", "--yes")
    assert (status, err) == (0, "")
    assert "patients         24" in out
    (home / "manifests" / "mine.yaml").unlink()
    (home / "profiles" / "mine.yaml").unlink()
    _, out, _ = rin("new", "mine", "--images", "classes", "--patient", "none", "--yes")
    out = " ".join(out.split())
    assert "none are named" in out
    assert "By their names they may be 24 patients: --patient '^(.+)[ _-][^ _-]+$'" in out


@pytest.mark.parametrize(
    ("pattern", "patients", "said"),
    [
        (r"^p(\d+)_", 24, ""),
        (r"(?P<patient>p\d+)_(\d)", 24, ""),  # the view is no part of it
        (r"Bilder/(p\d+)", 24, ""),
        (r"(p\d+)_(\d)", 48, "by the pattern, each picture counts as a patient"),
    ],
)
def test_patients_of_a_table_without_them_are_read_from_names(rin, home, pattern, patients, said):
    rows = [(f"Bilder/{name}", label) for name, label, _ in rows_of(home)]
    write_table(home, rows, columns=("Bild", "Befund"))
    status, out, err = rin("new", "mine", *OWN, "--patient", pattern)
    assert (status, err) == (0, "")
    assert said in " ".join(out.split())
    manifest = load_manifest("mine")
    assert manifest.independence == "patient"
    cases = find_cases(open_tree(home, "own"), manifest)
    assert cases["patient_id"].nunique() == patients


def test_folders_below_a_class_are_taken_for_patients(rin, home):
    for name, label, patient in rows_of(home):
        (home / "classes" / label / patient).mkdir(parents=True, exist_ok=True)
        (home / "own" / "Bilder" / name).rename(home / "classes" / label / patient / name)
    status, out, err = rin("new", "mine", "--images", "classes", "--yes")
    assert (status, err) == (0, "")
    assert "each folder below a class counts as a patient" in out
    cases = find_cases(open_tree(home, "classes"), load_manifest("mine"))
    assert cases.groupby("patient_id").size().tolist() == [2] * 24


def change_row(home, number, cells):
    rows = rows_of(home)
    rows[number] = cells
    write_table(home, rows)


def german(home, separator, encoding):
    rows = [
        (name, "bösartig" if label == "malignant" else "gutartig", patient)
        for name, label, patient in rows_of(home)
    ]
    columns = ("Bild", "Befund", "Patienten-Nr.")
    write_table(home, rows, separator=separator, encoding=encoding, columns=columns)


def few_malignant(home):
    rows = rows_of(home)
    write_table(home, rows[20:])
    for name, _, _ in rows[:20]:
        (home / "own/Bilder" / name).unlink()
        (home / "own/masks" / name).unlink()


def two_signs(home):
    name = unicodedata.normalize("NFC", "Müller.png")
    (home / PICTURE).rename(home / "own/Bilder" / unicodedata.normalize("NFD", name))
    change_row(home, 7, (name, "malignant", "P3"))


def nameless(home):
    rows = [(*row[:2], "unknown" if row[2] in ("P22", "P23") else row[2]) for row in rows_of(home)]
    write_table(home, rows)


def in_folders(home):
    for path in sorted((home / "own/Bilder").iterdir()):
        folder = home / "own/Bilder" / path.name[:3] / "S1"
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)


def two_files(home):
    in_folders(home)
    save(home / "own/Bilder/p04/S1/p03_1.png", BLACK)


def link_odd_folder(home):
    odd = home / "Größe 100 %"
    (home / "own/Bilder").rename(odd)
    (home / "own/Bilder").symlink_to(odd)


def relabel(home, patient, label):
    rows = [(n, label if p == patient else k, p) for n, k, p in rows_of(home)]
    write_table(home, rows)


def changed_labels(home, label):
    write_table(home, [(name, label, patient) for name, _, patient in rows_of(home)])


PICTURE, MASK, OTHER = "own/Bilder/p03_1.png", "own/masks/p03_1.png", "p01_1.png"
BLACK, SMALL = np.zeros((16, 16), np.uint8), np.ones((8, 8), np.uint8)
#: What is wrong, how it comes about, and what is said of it.
MISTAKES = {
    "one class": (lambda h: changed_labels(h, "benign"), "there is only one class (benign)"),
    "patient with two labels": (
        lambda h: change_row(h, 0, ("p00_0.png", "benign", "P0")),
        "list.csv: 1 patient has two labels (of case 1 (p00_0.png): benign and malignant)",
    ),
    "black mask": (
        lambda h: save(h / MASK, BLACK),
        "1 mask marks nothing or the whole picture (p03_1.png)",
    ),
    "mask of another size": (
        lambda h: save(h / MASK, SMALL),
        "masks/p03_1.png: the mask is 8 x 8 pixels and its picture 16 x 16",
    ),
    "row without picture": (
        lambda h: (h / PICTURE).unlink(),
        "list.csv: 1 row without pictures: p03_1.png. Searched below Bilder",
    ),
    "picture without row": (
        lambda h: write_table(h, rows_of(h)[1:]),
        "1 picture without rows: p00_0.png",
    ),
    "picture twice": (
        lambda h: write_table(h, [*rows_of(h), ("p00_0.png", "benign", "P0")]),
        "list.csv: 1 picture has several rows that differ: p00_0.png",
    ),
    "no label": (
        lambda h: change_row(h, 5, ("p02_1.png", "", "P2")),
        "list.csv: 1 row has no label in column Befund: p02_1.png (row 7)",
    ),
    "no patient": (
        lambda h: change_row(h, 5, ("p02_1.png", "malignant", "")),
        "list.csv: 1 picture has no patient: p02_1.png. Fill column Patient",
    ),
    "broken picture": (
        lambda h: (h / PICTURE).write_bytes(b"x"),
        "p03_1.png: the file is not a complete picture in PNG, JPEG, BMP, GIF, TIFF (it begins",
    ),
    "empty picture": (lambda h: (h / PICTURE).write_bytes(b""), "p03_1.png: the file is empty"),
    "16 bits": (
        lambda h: save(h / PICTURE, np.zeros((9, 9), np.uint16)),
        "p03_1.png: pixels of more than 8 bits need a window (window: [center, width] in the "
        "manifest, --window of rin new)",
    ),
    "class in two spellings": (
        lambda h: change_row(h, 5, ("p02_1.png", "Malignant", "P2")),
        "Malignant (1) and malignant (23) look like one class",
    ),
    "no table": (
        lambda h: (h / "own/list.csv").unlink(),
        "--table own/list.csv: there is no such file",
    ),
    "empty table": (lambda h: write_table(h, []), "list.csv: the table has no rows"),
    "row of another length": (
        lambda h: change_row(h, 3, (OTHER, "malignant", "P1", "x")),
        "Expected 3 columns, got 4: p01_1.png,malignant,P1,x). Give every row all columns",
    ),
    "open quote": (
        lambda h: change_row(h, 3, (f'"{OTHER}', "malignant", "P1")),
        "a quotation mark in the table is not closed, first in row 5",
    ),
    "patient in two spellings": (
        lambda h: change_row(h, 3, ("p01_1.png", "malignant", "p01")),
        "list.csv: P1 and p01 look like one patient. Spell each patient in one way, or give --dis",
    ),
    "class that is misspelt for one patient": (
        lambda h: relabel(h, "P3", "malignent"),
        "malignant (22) and malignent (2) look like one class. Name both with --positive, or",
    ),
    "no column of pictures": (
        lambda h: write_table(h, [("x" + name, *row) for name, *row in rows_of(h)]),
        "list.csv: no column names the 48 pictures below Bilder (Bild, Befund, Patient)",
    ),
    "too few patients": (
        few_malignant,
        "too few independent patients per class to divide (benign: 12, malignant: 2)",
    ),
    "dangling link": (
        lambda h: (h / "own/Bilder/zz.png").symlink_to("nowhere.png"),
        "own/Bilder/zz.png: the link leads nowhere",
    ),
    "round link": (
        lambda h: (h / "own/Bilder/round").symlink_to(h / "own"),
        "own/Bilder/round: the link leads back",
    ),
    "label of nothing": (
        lambda h: relabel(h, "P3", "N/A"),
        "list.csv: 2 rows have no label but N/A in column Befund: p03_0.png (row 8), p03_1.png (",
    ),
    "patients of nothing": (
        nameless,
        "list.csv: 4 pictures are of patients without a name (unknown). Fill these cells, or give",
    ),
    "name that two files fit": (
        two_files,
        "1 row without pictures: p03_1.png. Searched below Bilder, with and without extension, in "
        "any case, among 49 pictures; a name that fits two of them is not used.",
    ),
    "pictures of another kind": (
        lambda h: [path.rename(path.with_suffix(".jp2")) for path in (h / "own/Bilder").iterdir()],
        "--images own/Bilder: there are no pictures among its files (48 .jp2). Readable formats "
        "are PNG, JPEG, TIFF, BMP, GIF, DICOM, NIfTI and NumPy: convert them to PNG, keeping the "
        "originals: ",
    ),
    "archive in their folder": (
        lambda h: [
            shutil.make_archive(h / "scans", "zip", h / "own/Bilder"),
            shutil.rmtree(h / "own/Bilder"),
            (h / "own/Bilder").mkdir(),
            (h / "scans.zip").rename(h / "own/Bilder/scans.zip"),
        ],
        "NIfTI and NumPy: give the archive, --images own/Bilder/scans.zip, or name the right",
    ),
    "name of another task": (
        lambda h: (h / "manifests/busi.yaml").write_text(
            (h / "manifests/busi.yaml").read_text().replace("name: breast", "name: mine")
        ),
        "NAME: 'mine' is already a dataset, profile or task. Choose another name",
    ),
}
#: What other programs refuse, and is read for what it is.
NO_MISTAKES = {
    "semicolons": lambda h: german(h, ";", "utf-8"),
    "Latin-1": lambda h: german(h, ",", "latin-1"),
    "UTF-16": lambda h: german(h, "\t", "utf-16"),
    "byte order mark": lambda h: german(h, ";", "utf-8-sig"),
    "upper-case ending": lambda h: (h / PICTURE).rename(h / PICTURE.replace(".png", ".PNG")),
    "linked folder of spaces, umlauts and %": link_odd_folder,
    "accents as two signs, as a Mac writes them": two_signs,
    "names without the folders of an export": in_folders,
    "paths of another computer": lambda h: write_table(
        h, [("C:\\Export\\" + name, *row) for name, *row in rows_of(h)]
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_new_finds_a_mistake_in_one_line_and_writes_nothing(rin, home, mistake):
    make, said = MISTAKES[mistake]
    make(home)
    status, _, err = rin("new", "mine", *OWN, "--masks", "own/masks")
    (line,) = err.splitlines()
    assert said in line
    assert line.endswith(".")
    assert "Fetch the dataset" not in line
    assert status == 1
    assert not written(home)


@pytest.mark.parametrize("oddity", NO_MISTAKES)
def test_new_reads_what_is_odd_but_clear(rin, home, oddity):
    NO_MISTAKES[oddity](home)
    status, out, err = rin("new", "mine", *OWN)
    assert (status, err) == (0, "")
    assert "pictures         48 " in out
    manifest = load_manifest("mine")
    assert manifest.options["patient"].startswith("Patient")
    assert manifest.tasks[0].positive_class in ("malignant", "bösartig")
    assert manifest.locations == ("own",)


@pytest.mark.parametrize(
    "wrong", ["patient in two spellings", "class that is misspelt for one patient"]
)
def test_names_that_look_like_one_are_several_where_somebody_says_so(rin, home, wrong):
    MISTAKES[wrong][0](home)
    status, _, err = rin("new", "mine", *OWN, "--distinct")
    assert (status, err) == (0, "")


@pytest.mark.parametrize(
    "names", [("normal", "abnormal", "unclear"), ("grade 1", "grade 2", "grade 3")]
)
def test_names_of_classes_that_differ_on_purpose_are_left_alone(rin, home, names):
    places = (1, 0, 1, 2)
    rows = [(n, names[places[int(p[1:]) % 4]], p) for n, _, p in rows_of(home)]
    write_table(home, rows)
    status, _, err = rin("new", "mine", *OWN, "--positive", names[1])
    assert (status, err) == (0, "")


def test_class_that_is_called_as_rows_without_label_are_is_refused_beside_them(rin, home):
    relabel(home, "P20", "unlabelled")
    change_row(home, 5, ("p02_1.png", "", "P2"))
    status, _, err = rin(
        "new", "mine", *OWN, "--leave-out", "unlabelled", "--positive", "malignant"
    )
    assert status == 1
    assert (
        "a class is called unlabelled, the name for rows without a label. Rename that class" in err
    )


def test_screen_counts_labels_that_contradict_each_other(rin, home):
    shutil.copy(home / "own/Bilder/p00_0.png", home / "own/Bilder/p20_0.png")
    change_row(home, 5, ("p02_1.png", "benign", "P2"))
    status, out, err = rin("new", "mine", *OWN, "--several-labels")
    assert (status, err) == (0, "")
    out = " ".join(out.split())
    assert "24 patients, 2 images each; 1 with two labels" in out
    assert "1 pair within 40 of 256 bits, kept on one side; 1 pair has two labels" in out
    assert "(is one wrong?): p00_0.png and p20_0.png" in out


def test_screen_names_pictures_of_one_shade_and_patients_of_one_picture(rin, home):
    save(home / PICTURE, BLACK)
    write_table(home, [(name, label, f"Q{name}") for name, label, _ in rows_of(home)])
    status, out, err = rin("new", "mine", *OWN)
    assert (status, err) == (0, "")
    out = " ".join(out.split())
    assert "1 picture is of a single shade: p03_1.png" in out
    assert (
        "PATIENTS each picture has a patient of its own. By their names they may be 24 patients"
        in out
    )


def test_labels_of_nothing_are_left_out_where_somebody_says_so(rin, home):
    relabel(home, "P3", "NaN")
    status, out, err = rin("new", "mine", *OWN, "--leave-out", "unlabelled")
    assert (status, err) == (0, "")
    assert "unlabelled       2 pictures are left out" in out
    assert load_manifest("mine").label_map["NaN"] is None
    assert "pictures         46 " in out


def test_inspection_of_new_is_that_of_the_study(rin, home):
    rin("new", "mine", *OWN)
    (folder,) = (home / "results" / "index").glob("mine-*")
    (kept,) = folder.glob("*.parquet")
    open_workspace("mine", data_root=home, results=home / "results").inputs("mine")
    assert [*folder.glob("*.parquet")] == [kept]


def test_screen_names_a_folder_of_masks_that_is_not_read(rin, home):
    _, out, _ = rin("new", "mine", *OWN)
    assert "none are read: --masks own/masks would read that folder" in out
    (home / "manifests" / "mine.yaml").unlink()
    (home / "profiles" / "mine.yaml").unlink()
    _, out, _ = rin("new", "mine", *OWN, "--masks", "own/masks")
    assert "none are read" not in out


def test_manifest_has_a_comment_at_each_guess(rin, home):
    rin("new", "mine", *OWN)
    text = (home / "manifests" / "mine.yaml").read_text()
    assert "# a column of the table names patients\nindependence: patient" in text
    assert "# the positive class first; all other classes are compared with it\nlabel_map:" in text
    assert "# positive_class by its name\ntasks:" in text


def test_new_times_the_computer_after_saying_so_and_names_the_next_commands(
    rin, home, monkeypatch
):
    paths = [f"{home}/{word}" if word.startswith("own/") else word for word in OWN]
    monkeypatch.chdir(REPOSITORY)
    status, out, err = rin("new", "mine", *paths, "--results", home / "results")
    assert (status, err) == (0, "")
    assert out.startswith("A few training steps are timed on this computer")
    assert f"  make study PROFILE=mine DATA_ROOT={home}\n" in out
    assert f"  make book PROFILE=mine DATA_ROOT={home}\n" in out
    assert "make lab" in out


def test_classes_that_become_one_and_a_small_test_are_said(rin, home):
    unclear = [(name, "unclear" if patient in ("P9", "P10") else label, patient)
               for name, label, patient in rows_of(home)]  # fmt: skip
    write_table(home, unclear)
    status, out, _ = rin("new", "mine", *OWN, "--positive", "malignant")
    assert status == 0
    assert "benign 24 as not malignant, malignant 20 as malignant, unclear 4 as not malig" in out
    assert "patients of a class are tested: their AUC is uncertain" in out


def chart_first(path):
    """Write a workbook that begins with a sheet of charts, on which openpyxl fails."""
    book = openpyxl.Workbook()
    book.create_chartsheet("Chart", 0)
    book["Sheet"].append(["Bild", "Befund"])
    book.save(path)


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("list.xls", lambda path: path.write_bytes(b"\xd0\xcf\0old"), "neither text nor a table"),
        (
            "list.xls",
            lambda path: path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)),
            "tables of Excel before 2007 are not read. In Excel, export the table as CSV",
        ),
        ("list.xls", lambda path: path.write_bytes(b"PK\3\4rest"), "a workbook or an archive"),
        (
            "list.xlsx",
            lambda path: path.write_bytes(b"PK\x03\x04 cut off"),
            "it is not a readable Excel table (File is not a zip file)",
        ),
        ("list.xlsx", chart_first, "it is not a readable Excel table"),
        (
            "list.xlsx",
            lambda path: pd.DataFrame([["", "of today"], ["Bild", "Befund"]]).to_excel(
                path, index=False, header=["Pictures", None]
            ),
            "the first row does not name the columns",
        ),
    ],
)
def test_tables_of_excel_that_cannot_be_read_say_why(rin, home, name, make, said):
    make(home / "own" / name)
    status, _, err = rin(
        "new", "mine", "--table", f"own/{name}", "--images", "own/Bilder", "--yes"
    )
    assert status == 1
    assert said in err


def test_new_says_how_the_table_is_written(rin, home):
    german(home, ";", "latin-1")
    _, out, _ = rin("new", "mine", *OWN)
    assert "table            list.csv, cp1252, cells separated by “;”" in out
    assert "bösartig" in out


def test_new_starts_from_the_weights_of_pytorch_that_lie_in_the_data_root(rin, home):
    for name in ("RadImageNet_pytorch/ResNet50", "resnet50-0676ba61"):
        path = home / "weights" / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    status, out, err = rin("new", "mine", *OWN)
    assert (status, err) == (0, "")
    assert "released PyTorch weights of RadImageNet, and of ImageNet by torchvision" in out
    profile = load_profile("mine")
    assert [*profile.inits] == ["radimagenet_pytorch", "imagenet_torchvision"]
    assert [*profile.backbones] == ["ResNet50"]
    assert profile.pretraining is None


def test_new_says_that_of_a_workbook_it_reads_the_first_sheet(rin, home):
    table = pd.read_csv(home / "own/list.csv")
    with pd.ExcelWriter(home / "own/list.xlsx") as book:
        table.to_excel(book, sheet_name="images", index=False)
        pd.DataFrame({"note": ["of today"]}).to_excel(book, sheet_name="notes", index=False)
    options = ["--table", "own/list.xlsx", "--images", "own/Bilder", "--yes"]
    status, out, err = rin("new", "mine", *options)
    assert status == 0, err
    assert "table            list.xlsx, its first sheet of 2 (images, notes)" in out


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["new", "busi", *OWN], "'busi' is already a dataset, profile or task", 1),
        (["new", "demo", *OWN], "'demo' is already a dataset, profile or task", 1),
        (["new", "mine", *OWN, "--label", "Befun"], "(did you mean Befund?)", 1),
        (["new", "mine", *OWN, "--positive", "malignent"], "(did you mean malignant?)", 1),
        (["new", "mine", *OWN, "--label", "Patient"], "there are 24 classes (P0, P1, P10,", 1),
        (["new", "mine", *OWN, "--patient", "(p"], "--patient: not a valid pattern", 1),
        (["new", "mine", *OWN, "--patient", r"(q\d+)_"], "does not match 'p00_0.png'", 1),
        (
            ["new", "mine", "--images", "own/Bilder", "--patient", "p"],
            "captures no part of a name",
            1,
        ),
        (["new", "mine", "--images", "runs"], "--images runs: there is no such folder", 1),
        (
            ["new", "mine", "--images", "own/list.csv"],
            "there is no such folder. Check the path; quote",
            1,
        ),
        (["new", "mine", "--images", "manifests"], "--images manifests: there are no pictures", 1),
        (
            ["new", "mine", *OWN, "--results", "own/results"],
            "be written among the images, in /",
            1,
        ),
        (["new", "Mine Own", *OWN], "small letters", 2),
        (["new", "mine"], "--images", 2),
    ],
)
def test_new_with_a_wrong_word_says_which_and_the_nearest(rin, home, arguments, said, status):
    code, _, err = rin(*arguments)
    assert said in err
    assert code == status
    assert not written(home)


MANIFEST_MISTAKES = {
    "boolean keys": (
        {"label_map": {True: "malignant", False: "benign"}},
        "label_map.a key such as yes, no or 1: YAML reads it as",
    ),
    "slip in a key": (
        {"tasks": [{"name": "mine", "title": "x", "positve_class": "y"}]},
        "tasks.0.positve_class: there is no such setting (did you mean positive_class?)",
    ),
}


@pytest.mark.parametrize("mistake", MANIFEST_MISTAKES)
def test_mistake_in_a_manifest_is_found_in_one_line(rin, home, mistake):
    change, said = MANIFEST_MISTAKES[mistake]
    rin("new", "mine", *OWN)
    path = home / "manifests" / "mine.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | change))
    status, _, err = rin("data", "verify", "mine", "--data-root", ".")
    (line,) = err.splitlines()
    assert status == 1
    assert said in line
    assert "mine.yaml" in line
    assert "http" not in line


def test_new_with_leave_out_says_what_is_left_out_in_the_manifest(rin, home):
    (home / "own/Bilder/p03_1.png").unlink()
    change_row(home, 5, ("p02_1.png", "", "P2"))
    kinds = "rows-without-pictures,pictures-without-rows"
    status, out, err = rin("new", "mine", *OWN, "--leave-out", kinds, "--leave-out", "unlabelled")
    assert (status, err) == (0, "")
    assert "1 row without pictures" in out
    assert "0 pictures without rows" in out
    manifest = load_manifest("mine")
    assert manifest.options["leave_out"] == ["rows", "pictures", "files"]
    assert manifest.label_map["unlabelled"] is None
    assert isinstance(pd.Series(manifest.counts.images).sum(), np.integer)


def into_classes(home, folder, *, masks):
    """Move the cohort into a folder a class; masks beside the pictures or in their own folders."""
    for name, label, _ in rows_of(home):
        (folder / "images" / label).mkdir(parents=True, exist_ok=True)
        (home / "own" / "Bilder" / name).rename(folder / "images" / label / name)
        target = folder / "images" / label / name.replace(".png", "_mask.png")
        if masks == "own folder":
            target = folder / "masks" / label / name
            target.parent.mkdir(parents=True, exist_ok=True)
        (home / "own" / "masks" / name).rename(target)


@pytest.mark.parametrize("masks", ["beside", "own folder"])
def test_new_of_a_folder_a_class_takes_masks_for_masks(rin, home, masks):
    into_classes(home, home / "us", masks=masks)
    shown = ["--masks", "us/masks"] if masks == "own folder" else []
    status, out, err = rin("new", "mine", "--images", "us/images", *shown, "--yes")
    assert (status, err) == (0, "")
    assert "pictures         48 " in out
    manifest = load_manifest("mine")
    assert manifest.counts.images == {"benign": 24, "malignant": 24}
    assert manifest.counts.masks == {"benign": 24, "malignant": 24}


@pytest.mark.parametrize("end", [".png", "_seg.png"])
def test_pictures_without_a_mask_have_none_and_the_screen_counts_them(rin, home, end):
    for number, path in enumerate(sorted((home / "own" / "masks").iterdir())):
        path.unlink() if number < 3 else path.rename(path.with_name(path.stem + end))
    status, out, err = rin("new", "mine", *OWN, "--masks", "own/masks")
    assert (status, err) == (0, "")
    assert "masks read       45 masks of 45 pictures, 3 pictures without one\n" in out
    assert sum(load_manifest("mine").counts.masks.values()) == 45


@pytest.mark.parametrize("side", ["", ".left"])
def test_masks_beside_the_pictures_of_a_table_are_masks(rin, home, side):
    rows = [(name.replace(".png", side), *row) for name, *row in rows_of(home)]
    for folder, end in ("Bilder", ".png"), ("masks", "_seg.png"):
        for path in sorted((home / "own" / folder).iterdir()):
            path.rename(home / "own" / "Bilder" / f"{path.stem}{side}{end}")
    write_table(home, rows)  # of names without endings
    (home / "own" / "list.csv").rename(home / "own" / "Bilder" / "list.csv")
    folder = "own/Bilder"  # which holds everything
    status, out, err = rin(
        "new", "mine", "--table", f"{folder}/list.csv", "--images", folder, "--yes"
    )
    assert (status, err) == (0, "")
    assert "masks read       48 masks, one per picture\n" in out


def test_new_puts_folders_of_parts_together_and_says_so(rin, home):
    for number, (name, label, _) in enumerate(rows_of(home)):
        place = home / "cxr" / ("test" if number % 5 == 0 else "train") / label
        place.mkdir(parents=True, exist_ok=True)
        (home / "own" / "Bilder" / name).rename(place / name)
    status, out, err = rin("new", "mine", "--images", "cxr", "--patient", r"^p(\d+)_", "--yes")
    assert (status, err) == (0, "")
    assert "test, train: merged" in out
    assert load_manifest("mine").label_map.keys() == {"benign", "malignant"}


def with_split(home, part_of):
    rows = [(*row, part_of(number)) for number, row in enumerate(rows_of(home))]
    write_table(home, rows, columns=("Bild", "Befund", "Patient", "Split"))


PATIENTS_PARTS = ("train", "train", "train", "val", "test")


@pytest.mark.parametrize("parts", [PATIENTS_PARTS, (*["Training"] * 3, "Valid", "TEST")])
def test_new_takes_the_split_of_the_table(rin, home, parts):
    with_split(home, lambda number: parts[number // 2 % 5])
    status, out, err = rin("new", "mine", *OWN)
    assert (status, err) == (0, "")
    assert "as the table says: 1 fold" in out
    assert load_manifest("mine").options["split"] == {"column": "Split"}
    assert load_profile("mine").splits == "official"


def test_new_refuses_a_split_of_the_table_that_divides_patients(rin, home):
    with_split(home, lambda number: PATIENTS_PARTS[number % 5])
    status, _, err = rin("new", "mine", *OWN)
    (line,) = err.splitlines()
    assert status == 1
    assert "list.csv: column Split: 14 patients are in several parts" in line
    assert not written(home)
    status, _, err = rin("new", "mine", *OWN, "--split", "none")
    assert (status, err) == (0, "")
    assert "split" not in load_manifest("mine").options


def test_new_refuses_a_split_of_the_table_that_tests_one_patient_of_a_class(rin, home):
    tested = {4, 14, 19}
    with_split(home, lambda number: "test" if number // 2 in tested else "train")
    status, _, err = rin("new", "mine", *OWN)
    (line,) = err.splitlines()
    assert status == 1
    assert "column Split: fold 1 tests 1 patient with malignant, but an interval" in line
    assert not written(home)


def keep_patients(home, n):
    """Keep n patients of each class."""
    kept = {f"P{k}" for k in (*range(n), *range(12, 12 + n))}
    for name, _, patient in rows_of(home):
        if patient not in kept:
            (home / "own/Bilder" / name).unlink()
    write_table(home, [row for row in rows_of(home) if row[2] in kept])


def test_new_refuses_a_cohort_of_three_patients_of_a_class(rin, home):
    keep_patients(home, 3)
    status, _, err = rin("new", "mine", *OWN)
    (line,) = err.splitlines()
    assert status == 1
    assert (
        "independent patients per class to divide (benign: 3, malignant: 3). Two classes" in line
    )
    assert not written(home)


@pytest.mark.parametrize("n", [4, 7])
def test_small_cohort_tests_two_patients_of_each_class_in_every_fold(rin, home, n):
    keep_patients(home, n)
    status, _, err = rin("new", "mine", *OWN)
    assert (status, err) == (0, "")
    inputs = open_workspace("mine", data_root=home, results=home / "results").inputs("mine")
    tested = inputs.folds.query("part == 'test'").merge(inputs.used_images.cases, on="case_id")
    assert tested.groupby(["fold", "label"])["patient_id"].nunique().min() >= 2


def pretrained(run, folder):
    return pretrained_files(run, folder) | computed_on() | {"training_images": 36}


def trained(run, folder):
    record = trained_files(run, folder) | computed_on()
    table = pd.read_parquet(folder / "predictions.parquet")
    table.assign(score=logit(table["score"])).to_parquet(folder / "predictions.parquet")
    return record


@pytest.mark.slow
@pytest.mark.parametrize(("n", "tested"), [(4, 2), (7, 2), (4, 1)])
def test_pages_of_a_small_cohort_have_their_numbers_or_say_what_is_missing(rin, home, n, tested):
    keep_patients(home, n)
    if tested == 1:  # in a split of the table that is changed behind the back of rin new
        parts = ["test"] * 2 + ["val"] + ["train"] * (n - 3)
        with_split(home, lambda number: parts[number // 2 % n])
    status, _, err = rin("new", "mine", *OWN)
    assert (status, err) == (0, "")
    text = (home / "own/list.csv").read_text()
    (home / "own/list.csv").write_text(re.sub(r"(,P(?:1|13)),test", r"\1,train", text))
    workspace = open_workspace("mine", data_root=home, results=home / "results")
    for run in plan_pretraining(workspace):
        workspace.weights.commit(run.run_id, run.config, partial(pretrained, run))
    for run in plan_study(workspace):
        workspace.fine_tuning_ledger.commit(run.run_id, run.config, partial(trained, run))
    values = {"profile": "mine", "data_root": str(home), "results": str(home / "results")}
    for page, more in (("results/task", {"task": "mine"}), ("use/task_cover", {})):
        output = home / "page.ipynb"
        Job(REPOSITORY / "notebooks" / f"{page}.py", output, values | more).run()
        outputs = [o for cell in nbformat.read(output, 4).cells for o in cell.get("outputs", ())]
        text = " ".join(str(o.get("data", {}).get("text/markdown", "")) for o in outputs)
        pictures = sum("<img" in str(o.get("data", {}).get("text/html", "")) for o in outputs)
        assert not re.search(r"\d –|\bnan\b", text)
        assert ("(no interval)" in text) == (tested == 1)
        assert re.search(r"only \d of them of one|rarer class has (?:only )?\w+ patient", text)
        if page == "results/task":
            said = "No interval over patients can be given" in text
            assert (said, pictures) == (tested == 1, 3)


def test_new_refuses_words_for_parts_beside_other_values(rin, home):
    with_split(home, lambda number: "holdout" if number > 45 else PATIENTS_PARTS[number // 2 % 5])
    status, _, err = rin("new", "mine", *OWN)
    assert (
        "list.csv: 2 values are not parts of a split: 'holdout' (row 48), 'holdout' (row 49)"
        in err
    )
    assert status == 1
    assert not written(home)


def test_new_reads_arrays_and_dicom_files_without_ending(rin, home):
    rows = []
    for number, (name, label, patient) in enumerate(rows_of(home)):
        path = home / "own" / "Bilder" / name
        pixels = np.asarray(Image.open(path))
        path.unlink()
        if number % 2:
            np.save(path.with_suffix(".npy"), pixels)
        else:
            write_dicom(path.with_suffix(""), pixels)
        rows.append((path.stem, label, patient))
    (home / "own" / "Bilder" / "README").write_text("no picture")
    (home / "own" / "Bilder" / "DICOMDIR").write_bytes(128 * b"\0" + b"DICM")  # a list of others
    write_table(home, rows)
    status, out, err = rin("new", "mine", *OWN)
    assert (status, err) == (0, "")
    assert "24 without extension, 24 .npy" in out
    assert "as stored in the DICOM files; 24 files have none, all values shown" in out


@pytest.mark.parametrize("table", [True, False])
def test_patients_that_nothing_else_names_are_those_of_dicom_headers(rin, home, table):
    rows = [[name.replace(".png", ".dcm"), label] for name, label, _ in rows_of(home)]
    for (name, label), (old, _, patient) in zip(rows, rows_of(home), strict=True):
        pixels = np.asarray(Image.open(home / "own" / "Bilder" / old))
        (home / "own" / "Bilder" / old).unlink()
        place = home / "own" / "Bilder" / ("" if table else label)
        place.mkdir(exist_ok=True)
        write_dicom(place / name, pixels, patient)
    write_table(home, rows, columns=("Bild", "Befund"))
    given = OWN if table else ["--images", "own/Bilder", "--yes"]
    status, out, err = rin("new", "mine", *given)
    assert (status, err) == (0, "")
    assert "patients in      the headers of the DICOM files" in out
    assert "patients         24 patients, 2 images each" in out
    root = home if table else home / "own"
    inputs = open_workspace("mine", data_root=root, results=home / "results").inputs("mine")
    sides = inputs.folds.merge(inputs.store.cases[["case_id", "patient_id"]])
    assert sides.groupby(["fold", "patient_id"])["part"].nunique().max() == 1
    status, _, err = rin("data", "verify", "mine", "--data-root", str(root))
    assert (status, err) == (0, "")


def test_wrapped_air_of_ct_is_named_by_new_and_verify_and_put_back_by_the_manifest(rin, home):
    rows, of_ct = [], {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": 0}
    for number, (name, label, patient) in enumerate(rows_of(home)):
        path = home / "own" / "Bilder" / name
        pixels = np.asarray(Image.open(path)).astype(np.uint16)
        path.unlink()
        pixels[:4] = 3096 if number in (5, 7) else 0  # air, which wrapped in two files
        write_dicom(path.with_suffix(".dcm"), pixels, bits=12, **of_ct)
        rows.append((path.with_suffix(".dcm").name, label, patient))
    write_table(home, rows)
    found = "2 CT files: 12 bits without sign, air at 3,000 or more, corrected"
    status, out, err = rin("new", "mine", *OWN, "--window", "40,80")
    assert (status, err) == (0, "")
    assert f"{found} by unwrap_ct: true in the manifest (p02_1.dcm, p03_1.dcm)" in out
    path = home / "manifests" / "mine.yaml"
    assert "unwrap_ct: false" in path.read_text()

    def air_of(number):
        dataset = open_dataset(load_manifest("mine"), home, index_folder=home / "index")
        image = dataset.cases["image"][number]
        how = dataset.manifest.window, dataset.manifest.unwrap_ct
        return read_picture(home, image, False, *how)[:4].mean()

    assert (air_of(5), air_of(6)) == (255, 0)
    _, out, _ = rin("data", "verify", "mine", "--data-root", ".")
    assert f"{found} by unwrap_ct: true (p02_1.dcm, p03_1.dcm)" in out
    path.write_text(path.read_text().replace("unwrap_ct: false", "unwrap_ct: true"))
    assert (air_of(5), air_of(6)) == (0, 0)
    _, out, _ = rin("data", "verify", "mine", "--data-root", ".")
    assert f"{found} (p02_1.dcm, p03_1.dcm)" in out


def test_patients_of_headers_and_of_a_table_are_two_sources(rin, home):
    rin("new", "mine", *OWN)
    path = home / "manifests" / "mine.yaml"
    path.write_text(path.read_text() + "patients_in_headers: true\n")
    status, out, err = rin("data", "verify", "mine", "--data-root", ".")
    assert status == 1
    assert "patients have two sources" in out + err


@pytest.mark.parametrize(
    ("flags", "window"), [((), (2048, 4096)), (("--window", "-600,1500"), (-600, 1500))]
)
def test_pictures_of_more_than_8_bits_are_shown_whole_or_in_the_window_given(
    rin, home, flags, window
):
    for path in (home / "own/Bilder").iterdir():
        pixels = np.asarray(Image.open(path)).astype(np.uint16)
        save(path, pixels * 16)
    status, out, err = rin("new", "mine", *OWN, *flags)
    assert (status, err) == (0, "")
    assert load_manifest("mine").window == window
    assert ("2048,4096: all values" in out) == (not flags)


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        (("unauffällig", "Lungenentzündung"), "Lungenentzündung"),
        (("benign", "malignant"), "malignant"),
        (("Bénin", "Malin"), "Malin"),
        (("goedaardig", "kwaadaardig"), "kwaadaardig"),
        (("0", "1"), "1"),
        (("0.0", "1.0"), "1.0"),
        (("a", "b"), ""),
    ],
)
def test_positive_class_is_guessed_by_its_word_or_that_of_the_other(classes, positive):
    assert guess_positive(classes) == positive


@pytest.mark.parametrize(
    ("names", "patients"),
    [
        ([f"img/P{p}/{view}.png" for p in range(9) for view in "ab"], 9),
        ([f"{p}_{view}.png" for p in range(9) for view in "ab"], 9),
        ([f"{p} left {view}.png" for p in range(9) for view in "abc"], 9),
        ([f"P{p}/study{s}/{view}.png" for p in range(9) for s in range(5) for view in "ab"], 9),
        (
            [f"set/{p:03d}/{s + 5}/{view}.png" for p in range(9) for s in (1, 2) for view in "ab"],
            9,
        ),
        ([f"site {p % 5}/p{p}/{view}.png" for p in range(9) for view in "ab"], 9),
        ([f"sub-{p}_ses-{s}_T1w_{k}.png" for p in range(9) for s in (1, 2) for k in "12"], 9),
        ([f"in/A{p}-VISIT {s}.png" for p in range(9) for s in (1, 2)], 9),
        ([f"covid_ct_{p}.png" for p in range(9)], 0),
        ([f"scan_{p}.png" for p in range(9)], 0),
        ([f"site {p % 2}/{p}.png" for p in range(9)], 0),
        ([], 0),
    ],
)
def test_paths_of_several_pictures_a_patient_are_seen(names, patients):
    assert len(guess_patients(names)[1]) == patients


@settings(max_examples=200, deadline=None)
@given(
    minutes=st.floats(2, 120),
    train=st.integers(10, 5000),
    image=st.floats(0.001, 0.5),
    tracing=st.floats(1, 120),
)
def test_study_of_a_budget_fits_it_or_is_the_least(minutes, train, image, tracing):
    parts = {"train": train, "validation": train // 7 + 1, "test": train // 5 + 1}

    def fitted(budget):
        return fit_budget(
            Pace(image, tracing), budget, parts=parts, folds=5, side=224,
            backbones=["ResNet50"], corpora="stand-ins", may_draw=True,
        )  # fmt: skip

    settings, takes = fitted(minutes)
    assert sum(map(len, settings["studies"][0]["learning_rates"].values())) >= 2
    assert "cases" not in settings or settings["folds"] == 1
    assert takes <= minutes or (settings, takes) == fitted(0)


@pytest.mark.slow
def test_study_of_a_rare_class_on_a_slow_computer_can_be_divided(rin, home, monkeypatch):
    monkeypatch.setattr(forecast, "measure_pace", lambda: Pace(5.0, 10.0))
    shutil.rmtree(home / "own")
    rng = np.random.default_rng(1)
    rows = [(f"{n}.png", "malignant" if n < 6 else "benign", f"P{n}") for n in range(400)]
    for name, _, _ in rows:
        save(home / "own" / "Bilder" / name, rng.integers(0, 256, (16, 16), dtype=np.uint8))
    write_table(home, rows)
    status, out, err = rin("new", "mine", *OWN)
    assert (status, err) == (0, "")
    assert "the least possible" in out
    folds = open_workspace("mine", data_root=home).inputs("mine").folds
    assert folds["fold"].nunique() == 1


def test_study_of_inputs_that_lack_is_refused_before_anything_is_trained(rin, home):
    rin("new", "mine", *OWN)
    profile = home / "profiles" / "mine.yaml"
    changed = yaml.safe_load(profile.read_text()) | {"inits": ["radimagenet", "radiologic"]}
    profile.write_text(yaml.safe_dump(changed))
    status, _, err = rin("study", "--profile", "mine", "--data-root", ".")
    (line,) = err.splitlines()
    assert status == 1
    assert "1 input is missing (weights radimagenet ResNet50: put" in line
    (home / "own" / "Bilder" / "p03_1.png").unlink()
    profile.write_text(profile.read_text().replace("- radimagenet", "- photographic"))
    status, _, err = rin("study", "--profile", "mine", "--data-root", ".")
    (line,) = err.splitlines()
    assert status == 1
    assert "1 row without pictures: p03_1.png" in line
    assert not list((home / "results").rglob("done.json"))


def test_random_ids_inside_names_may_be_patients_even_if_one_has_letters_alone():
    ids = [f"6c613a{number:02d}" for number in range(14)] + ["aadafdfa"]
    names = [f"{20586900 + k}_{who}_MG_{'LR'[k % 2]}.png" for k, who in enumerate(sorted(ids * 2))]
    assert patients_inside_names(names) == ("^(?:[^_-]+[_-]){1}([^_-]+)", 15)


def test_patient_is_the_folder_whose_name_the_one_below_repeats():
    paths = [
        f"case{case}/case{case}_day{day}/scans/slice_{number}.png"
        for case in range(8)
        for day in (0, 19)
        for number in (1, 2)
    ]
    assert [*guess_patients(paths)[1]] == [f"case{case}" for case in range(8)]
