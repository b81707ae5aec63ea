"""Tables of pictures: miniatures of the Head CT set, of one with all options, of RadImageNet."""

from zipfile import ZipFile

import pandas as pd
import pytest
from busi_files import (
    change,
    changed,
    mask,
    opened,
    picture,
    save,
    with_options,
    write_lines,
    write_radimagenet,
    zip_folder,
)

from rin.data.layouts import find_cases, read_split
from rin.data.layouts.found import FoundCase, read_table
from rin.data.layouts.table import TableOptions
from rin.data.manifest import ExpectedCounts, load_manifest
from rin.data.store import build_store, open_store
from rin.data.tree import open_tree
from rin.errors import InputError

TABLE = "id, hemorrhage\n0,1\n1,1\n12,0\n"


@pytest.fixture
def head_ct(tmp_path):
    pictures = {f"head_ct/{number:03d}.png": picture(number) for number in (0, 1, 12)}
    change(tmp_path / "set", pictures | {"labels.csv": TABLE})
    return tmp_path


@pytest.fixture
def manifest():
    return load_manifest("headct200")


def cases_of(root, manifest, location="set"):
    found = find_cases(open_tree(root, location), manifest)
    return [*found.drop(columns="label").itertuples(index=False)]


def test_find_cases_pads_ids_and_takes_the_label_from_the_table(head_ct, manifest):
    labels = {"000.png": "1", "001.png": "1", "012.png": "0"}
    assert cases_of(head_ct, manifest) == [
        FoundCase(name, name, label, f"set/head_ct/{name}") for name, label in labels.items()
    ]


def test_picture_is_found_though_its_file_has_decomposed_umlauts(head_ct, manifest):
    change(head_ct / "set", {"labels.csv": "id,hemorrhage\nM\xfc 1,1\n"})
    for old, new in zip(("000", "001", "012"), ("Mu\u0308 1", "", ""), strict=True):
        path = head_ct / f"set/head_ct/{old}.png"
        path.rename(path.with_stem(new)) if new else path.unlink()
    (case,) = cases_of(head_ct, with_options(manifest, image="{id}.png"))
    assert (case.case_id, case.image) == ("M\xfc 1.png", "set/head_ct/Mu\u0308 1.png")


WRONG_TABLES = [
    (TABLE + "13,0\n", r"1 row without pictures: 013\.png"),
    (TABLE + "012,1\n", r"1 picture has several rows that differ: 012\.png"),
    (TABLE.replace("12,", "x,"), r"1 row fits no file name of the form \{id:03d\}\.png: 'x'"),
    (TABLE.replace("12,", ","), "1 row fits no file name .*: ''"),
    (TABLE.replace("12,0", "12,2"), "1 label is not in the manifest's label map: '2'"),
    ("id,hemorrhage\n", "the table has no rows"),
    (None, r"0 files are called labels\.csv instead of one"),
]
WRONG_OPTIONS = [
    ({"image": "{id:>99999999}.png"}, "image: .*neither a column nor a template"),
    ({"image": ""}, "image: "),
    ({"mask": "{number}.png"}, "it needs id, number, hemorrhage"),
    ({"image": "{id.__class__}.png"}, r"it needs id\.__class__, hemorrhage"),
]


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        *(({"labels.csv": text}, {}, message) for text, message in WRONG_TABLES),
        *(({}, options, message) for options, message in WRONG_OPTIONS),
        *(
            ({name: b"x"}, {}, f"1 file does not belong to the layout 'table' or to a row: {name}")
            for name in ("notes.txt", "head_ct/013.png")
        ),
        # A name that leads out of the folder.
        (
            {"../013.png": picture(13), "labels.csv": TABLE + "../../013,0\n"},
            {"image": "{id}.png"},
            r"rows without pictures: .*\.\./\.\./013\.png",
        ),
    ],
)
def test_find_cases_of_a_wrong_table_folder_or_option_says_what_is_wrong(
    head_ct, manifest, files, options, message
):
    change(head_ct / "set", files)
    with pytest.raises(InputError, match=message) as caught:
        cases_of(head_ct, with_options(manifest, **options))
    assert caught.value.remedy.endswith(".")
    assert "--" not in caught.value.remedy  # readers do not know the command, nor its options


ROWS = pd.DataFrame(
    {
        "ID": ["bus_1-l", "bus_1-r", "bus_2-s", "bus_3-s"],
        "Case": [1, 1, 2, 3],
        "Pathology": ["benign", "benign", "malignant", None],
        "BIRADS": pd.array([2, 3, 4, None], dtype="Int64"),
        "fold": [1, 1, 2, 3],
    }
)
OPTIONS = {
    "table": "rows.csv",
    "images": "Images",
    "image": "{ID}.png",
    "label": "Pathology",
    "patient": "Case",
    "masks": "Masks",
    "mask_prefix": ["bus_", "mask_"],
    "keep": {"birads": "BIRADS"},
    "split": {"column": "fold"},
    "beside": ["LICENSE.txt"],
}


@pytest.fixture
def bus(tmp_path):
    for number, name in enumerate(ROWS["ID"]):
        save(tmp_path / "bus" / "Images" / f"{name}.png", picture(10 * number))
        save(tmp_path / "bus" / "Masks" / f"mask_{name[4:]}.png", mask((number, number)))
    change(tmp_path / "bus", {"LICENSE.txt": "free"})
    write_rows(tmp_path)
    return tmp_path


def write_rows(root, **columns):
    ROWS.assign(**columns).to_csv(root / "bus" / "rows.csv", index=False)


@pytest.fixture
def bus_manifest(manifest):
    return changed(
        manifest,
        name="bus",
        options=OPTIONS,
        locations=("bus",),
        independence="patient",
        masks=True,
        label_map={"benign": "benign", "malignant": "malignant", "unlabelled": None},
        counts=ExpectedCounts(images={"benign": 2, "malignant": 1, "unlabelled": 1}),
        findings=(),
    )


def test_find_cases_with_all_options_takes_patients_masks_and_kept_columns(bus, bus_manifest):
    found = cases_of(bus, bus_manifest, "bus")
    assert [(c.case_id, c.patient_id, c.source_class, *c.masks, c.birads) for c in found] == [
        ("bus_1-l.png", "1", "benign", "bus/Masks/mask_1-l.png", "2"),
        ("bus_1-r.png", "1", "benign", "bus/Masks/mask_1-r.png", "3"),
        ("bus_2-s.png", "2", "malignant", "bus/Masks/mask_2-s.png", "4"),
        ("bus_3-s.png", "3", "unlabelled", "bus/Masks/mask_3-s.png", ""),
    ]


def test_open_dataset_leaves_out_rows_without_a_label_and_keeps_columns_into_the_store(
    bus, bus_manifest
):
    dataset = opened(bus_manifest, bus)
    assert dataset.cases["case_id"].tolist() == ["bus_1-l.png", "bus_1-r.png", "bus_2-s.png"]
    assert dataset.cases["birads"].tolist() == ["2", "3", "4"]
    store = build_store(dataset, 8, folder=bus / "stores")
    pd.testing.assert_frame_equal(open_store(store.path).cases, dataset.cases)
    other = opened(with_options(bus_manifest, keep={}), bus)
    assert other.digest != dataset.digest


def test_find_cases_with_masks_named_in_a_column_of_the_folder_itself(tmp_path, bus_manifest):
    for name in ("a", "a_m", "b"):
        save(tmp_path / "flat" / f"{name}.png", picture(len(name)))
    (tmp_path / "flat" / "t.csv").write_text("file,kind,lesion\na.png,benign,a_m.png\nb.png,,\n")
    options = {"table": "t.csv", "image": "file", "label": "kind", "mask": "lesion"}
    plain = changed(bus_manifest, options=options, independence="image")
    assert cases_of(tmp_path, plain, "flat") == [
        FoundCase("a.png", "a.png", "benign", "flat/a.png", ("flat/a_m.png",)),
        FoundCase("b.png", "b.png", "unlabelled", "flat/b.png"),
    ]


def test_find_cases_with_a_mask_missing_or_beyond_the_table_names_it(bus, bus_manifest):
    masks = bus / "bus" / "Masks"
    save(masks / "mask_9.png", mask())
    with pytest.raises(InputError, match=r"or to a row: Masks/mask_9\.png"):
        cases_of(bus, bus_manifest, "bus")
    (masks / "mask_1-l.png").rename(masks / "mask_9.png")
    named = with_options(bus_manifest, mask="drawn", mask_prefix=None)
    write_rows(bus, drawn=ROWS["ID"].str.replace("bus", "mask") + ".png")
    with pytest.raises(InputError, match=r"1 mask of the table is missing: mask_1-l\.png"):
        cases_of(bus, named, "bus")


def test_find_cases_with_an_empty_patient_or_two_sources_of_patients_raises(bus, bus_manifest):
    with pytest.raises(InputError, match="patients have two sources"):
        cases_of(bus, changed(bus_manifest, patient_pattern=r"(\d)"), "bus")
    write_rows(bus, Case=["1", "", "2", "3"])
    with pytest.raises(InputError, match=r"1 picture has no patient: bus_1-r\.png"):
        cases_of(bus, bus_manifest, "bus")


def test_read_split_reads_words_for_parts_however_they_are_written(bus, bus_manifest):
    def split_of(*words):
        write_rows(bus, fold=words)
        split = read_split(open_tree(bus, "bus"), bus_manifest)
        assert [*split.index] == [*ROWS["ID"] + ".png"]
        return [*split]

    assert split_of("Training", " VAL", "valid", "TEST ") == ["train", *["validation"] * 2, "test"]
    assert split_of("Validation", "testing", "", "train") == ["validation", "test", "", "train"]
    assert split_of(1, 1, 2, 3) == [*"1123"]
    message = r"rows\.csv: 2 values are not parts of a split: '1' \(row 3\), 'rest' \(row 5\)\."
    with pytest.raises(InputError, match=message):
        split_of("Train", "1", "test", "rest")


PLAIN = [{"id": "0", "hemorrhage": "1"}, {"id": "1", "hemorrhage": "0"}]


def read_csv(tmp_path, content, columns=("id", "hemorrhage"), **how):
    change(tmp_path / "set", {"labels.csv": content})
    return read_table(open_tree(tmp_path, "set"), "labels.csv", columns, **how)


@pytest.mark.parametrize(
    "content",
    [
        b"id,hemorrhage\n0,1\n1,0\n",
        b"id, hemorrhage\n0,1\n1,0",
        b"\xef\xbb\xbfid,hemorrhage\r\n0,1\r\n1,0\r\n",
        b'"id","hemorrhage"\n"0"," 1 "\n\n1,0\n\n',
        b"id,hemorrhage\r0,1\r1,0\r",
    ],
    ids=["plain", "blank in header", "mark and CRLF", "quotes and empty lines", "CR"],
)
def test_read_table_in_any_usual_form_gives_the_same_rows(tmp_path, content):
    assert read_csv(tmp_path, content).to_dict("records") == PLAIN


def test_separator_is_that_of_the_titles_whatever_cells_hold(tmp_path):
    rows = read_csv(tmp_path, "id;said\n1;no, not one, none\n", ())
    assert rows.to_dict("records") == [{"id": "1", "said": "no, not one, none"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable table"),
        (b"id,label\n0,1\n", "its columns are id, label; it needs id, hemorrhage"),
        (b"id,hemorrhage,id\n0,1,2\n", "columns called alike: id. Give each"),
        ("id,hemorrhage\n0,ä\n".encode("latin-1"), "write it as UTF-8 with commas"),
        (b"id,hemorrhage\n0,1\n1\n", "Expected 2 columns, got 1"),
        (b"id,hemorrhage\n0,1,2\n", "Expected 2 columns, got 3"),
        (b'id,hemorrhage\n0,"1\n', "a quotation mark is not closed"),
    ],
)
def test_read_table_that_is_broken_names_file_and_fault(tmp_path, content, message):
    with pytest.raises(InputError, match=rf"labels\.csv: .*{message}"):
        read_csv(tmp_path, content)


def test_workbook_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rin.data.layouts.found.MAX_BYTES", 10**6)
    pd.DataFrame({"id": ["0"]}).to_excel(tmp_path / "labels.xlsx")
    with ZipFile(tmp_path / "labels.xlsx", "a") as workbook:
        workbook.writestr("xl/more.xml", bytes(10**6))
    with pytest.raises(InputError, match=r"labels\.xlsx: .*it unpacks to \d+ bytes"):
        read_table(open_tree(tmp_path.parent, tmp_path.name), "labels.xlsx", ())


#: Of RadImageNet, below radiology_ai/: label, part, patient.
RADIMAGENET = [
    ("MR/mriabd/normal/mri-abd-normal070810.png", "mriabd-normal", "train", "P1"),
    ("US/gb/usn136070.png", "US-gb", "train", "P2"),
    ("CT/lung/Airspace_opacity/lung092377.png", "lung-Airspace_opacity", "validation", "P3"),
    ("CT/lung/Airspace_opacity/lung092378.png", "lung-Airspace_opacity", "validation", "P3"),
    ("MR/knee/chondral_abnormality/knee000001.png", "knee-chondral abnormality", "test", "P4"),
]
FIRST = RADIMAGENET[0][0]


@pytest.fixture
def db(tmp_path):
    """The folder of the database: five pictures and three tables."""
    write_radimagenet(tmp_path / "db", RADIMAGENET)
    assert (tmp_path / "db" / "RadiologyAI_val.csv").is_file()
    return tmp_path / "db"


def found(db, location="db", **changes):
    manifest = changed(load_manifest("radimagenet"), **changes)
    return {case.case_id: case for case in cases_of(db.parent, manifest, location)}


def radimagenet_cases(above, patients=False):
    return {
        name: FoundCase(name, patient if patients else name, label, f"{above}radiology_ai/{name}")
        for name, label, _, patient in RADIMAGENET
    }


def test_radimagenet_takes_each_picture_for_a_patient_unless_a_side_table_names_them(db):
    assert found(db) == radimagenet_cases("db/")
    write_radimagenet(db, RADIMAGENET, patients=True)
    assert found(db) == radimagenet_cases("db/", patients=True)


@pytest.mark.parametrize("wrap", ["", "download/", "a/b/"])
def test_radimagenet_in_a_zip_equals_the_folder_and_has_its_split(db, wrap):
    zip_folder(db, db.parent / "db.zip", wrap)
    assert found(db, "db.zip") == radimagenet_cases(f"db.zip::{wrap}")
    parts = read_split(open_tree(db.parent, "db.zip"), load_manifest("radimagenet"))
    assert parts.to_dict() == {name: part for name, _, part, _ in RADIMAGENET}


def test_radimagenet_with_one_picture_in_two_parts_names_it(db):
    change(db, {"RadiologyAI_test.csv": f"filename,label\nradiology_ai/{FIRST},x\n"})
    with pytest.raises(InputError, match=f"1 picture has several rows that differ: {FIRST}"):
        found(db)


@pytest.mark.parametrize(
    ("drop", "add", "message"),
    [
        (1, "", rf"1 picture is in one of .* and patients\.csv alone: {FIRST}"),
        (0, "CT/x.png,P9", "1 picture is in one of .* alone: CT/x"),
    ],
)
def test_radimagenet_with_a_side_table_that_does_not_fit_says_where(db, drop, add, message):
    kept = [f"{name},{patient}" for name, *_, patient in RADIMAGENET[drop:]]
    write_lines(db / "patients.csv", "filename,patient_id", *kept, add)
    with pytest.raises(InputError, match=message):
        found(db)


def test_radimagenet_with_options_is_refused(db):
    with pytest.raises(InputError, match=r"'radimagenet': .*Known options: none"):
        found(db, options={"folder": "other"})


@pytest.mark.parametrize("ending", ["parquet", "xlsx"])
def test_find_cases_of_other_tables_equal_those_of_csv_unless_they_are_cut_off(
    bus, bus_manifest, ending
):
    before, table = cases_of(bus, bus_manifest, "bus"), bus / "bus" / f"rows.{ending}"
    (bus / "bus" / "rows.csv").unlink()
    if ending == "parquet":
        ROWS.assign(bytes=[b"\xff"] * 4).to_parquet(table)
    else:
        ROWS.to_excel(table, index=False)
    other = with_options(bus_manifest, table=table.name)
    assert cases_of(bus, other, "bus") == before
    table.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(InputError, match=rf"rows\.{ending}: it is not a readable table"):
        cases_of(bus, other, "bus")


@pytest.mark.parametrize("name", ["key", "header_patient", "row", "mask", "part"])
def test_column_that_the_tables_use_themselves_is_not_kept(bus_manifest, name):
    with pytest.raises(InputError, match=f"the case table itself uses {name}"):
        TableOptions.read(with_options(bus_manifest, keep={name: "Device"}))
