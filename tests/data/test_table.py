"""Tables of pictures: miniatures of the Head CT set, of one with all options, of RadImageNet."""

import json
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd
import pytest
from busi_files import changed, mask, picture, save, with_options, write_radimagenet, zip_folder
from openpyxl import Workbook

from rin.data.dataset import open_dataset
from rin.data.discovery import decode, guess_columns, keys_at, match_names, separator_of
from rin.data.layouts import find_cases
from rin.data.layouts.found import FoundCase, read_table
from rin.data.layouts.table import TableOptions, read_split
from rin.data.manifest import ExpectedCounts, load_manifest
from rin.data.store import build_store, open_store
from rin.data.tree import MAX_BYTES, open_tree
from rin.errors import InputError

TABLE = "id, hemorrhage\n0,1\n1,1\n12,0\n"


@pytest.fixture
def head_ct(tmp_path):
    for number in (0, 1, 12):
        save(tmp_path / "set" / "head_ct" / f"{number:03d}.png", picture(number))
    (tmp_path / "set" / "labels.csv").write_text(TABLE)
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


def test_find_cases_with_text_ids_takes_them_as_they_stand(head_ct, manifest):
    (head_ct / "set" / "labels.csv").write_text("id,hemorrhage\n000,1\n001,1\n012,0\n")
    as_text = with_options(manifest, image="{id}.png")
    assert [c.case_id for c in cases_of(head_ct, as_text)] == ["000.png", "001.png", "012.png"]


def test_find_cases_with_a_patient_pattern_groups_by_it(head_ct, manifest):
    grouped = changed(manifest, patient_pattern=r"^(\d\d)\d")
    assert [c.patient_id for c in cases_of(head_ct, grouped)] == ["00", "00", "01"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (TABLE + "13,0\n", r"1 row without pictures: 013\.png"),
        ("id, hemorrhage\n0,1\n12,0\n", r"1 picture without rows: 001\.png"),
        (TABLE + "012,1\n", r"1 picture has several rows that differ: 012\.png"),
        (TABLE.replace("12,", "x,"), r"1 row fits no file name of the form \{id:03d\}\.png: 'x'"),
        (TABLE.replace("12,", "1.0,"), r"1 row fits no file name .*: '1\.0'"),
        (TABLE.replace("12,", ","), "1 row fits no file name .*: ''"),
        (TABLE.replace("12,0", "12,"), "1 label is not in the manifest's label map: ''"),
        (TABLE.replace("12,0", "12,2"), "1 label is not in the manifest's label map: '2'"),
        ("id,hemorrhage\n", "the table has no rows"),
    ],
)
def test_find_cases_with_a_wrong_table_says_what_is_wrong(head_ct, manifest, rows, message):
    (head_ct / "set" / "labels.csv").write_text(rows)
    with pytest.raises(InputError, match=message) as caught:
        cases_of(head_ct, manifest)
    assert caught.value.remedy.endswith(".")


def test_find_cases_with_names_that_lead_out_of_the_folder_or_no_table_raises(head_ct, manifest):
    save(head_ct / "013.png", picture(13))
    rows = "id,hemorrhage\n000,1\n001,1\n012,0\n../../013,0\n"
    (head_ct / "set" / "labels.csv").write_text(rows)
    with pytest.raises(InputError, match=r"1 row without pictures: \.\./\.\./013\.png"):
        cases_of(head_ct, with_options(manifest, image="{id}.png"))
    (head_ct / "set" / "labels.csv").unlink()
    with pytest.raises(InputError, match=r"0 files are called labels\.csv instead of one"):
        cases_of(head_ct, manifest)


@pytest.mark.parametrize("name", ["notes.txt", "head_ct/notes.txt", "013.png"])
def test_find_cases_with_a_file_out_of_place_names_it(head_ct, manifest, name):
    (head_ct / "set" / name).write_bytes(b"x")
    with pytest.raises(InputError, match=rf"1 file does not belong to the layout 'table': {name}"):
        cases_of(head_ct, manifest)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": "{}.png"}, "image: .*neither a column nor a template"),
        ({"image": "{id!r}.png"}, "image: .*neither a column nor a template"),
        ({"image": "{id:>99999999}.png"}, "image: .*neither a column nor a template"),
        ({"image": "{id"}, "image: "),
        ({"image": ""}, "image: "),
        ({"mask": "{number}.png"}, "it needs id, number, hemorrhage"),
        ({"image": "{id.__class__}.png"}, r"it needs id\.__class__, hemorrhage"),
        ({"parts": {"id": "("}}, "parts.id: .*valid regular expression"),
        ({"parts": {"id": "[0-9]"}}, "parts.id: .*no named group"),
        ({"parts": {"id": "(?P<first>[0-9])"}}, "1 value of id does not match .*: '12'"),
        ({"keep": {"Device": "id"}}, "keep.Device"),
    ],
)
def test_find_cases_with_unusable_options_names_them(head_ct, manifest, options, message):
    with pytest.raises(InputError, match=message):
        cases_of(head_ct, with_options(manifest, **options))


ROWS = pd.DataFrame(
    {
        "ID": ["bus_1-l", "bus_1-r", "bus_2-s", "bus_3-s"],
        "Case": [1, 1, 2, 3],
        "Pathology": ["benign", "benign", "malignant", None],
        "BIRADS": [2.0, 3.0, 4.0, None],
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
    "mask": "mask_{number}.png",
    "parts": {"ID": "bus_(?P<number>.+)"},
    "keep": {"birads": "BIRADS"},
    "split": {"column": "fold"},
    "beside": ["LICENSE.txt"],
}


@pytest.fixture
def bus(tmp_path):
    for number, name in enumerate(ROWS["ID"]):
        save(tmp_path / "bus" / "Images" / f"{name}.png", picture(10 * number))
        save(tmp_path / "bus" / "Masks" / f"mask_{name[4:]}.png", mask((number, number)))
    (tmp_path / "bus" / "LICENSE.txt").write_text("free")
    ROWS.convert_dtypes().to_csv(tmp_path / "bus" / "rows.csv", index=False)
    return tmp_path


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


def test_find_cases_of_parquet_equals_those_of_csv_unless_it_is_cut_off(bus, bus_manifest):
    before = cases_of(bus, bus_manifest, "bus")
    (bus / "bus" / "rows.csv").unlink()
    table, other = bus / "bus" / "rows.parquet", with_options(bus_manifest, table="rows.parquet")
    ROWS.assign(bytes=[b"\xff"] * 4).to_parquet(table)
    assert cases_of(bus, other, "bus") == before
    table.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"rows\.parquet: it is not a readable parquet table"):
        cases_of(bus, other, "bus")


def test_open_dataset_leaves_out_rows_without_a_label_and_keeps_columns_into_the_store(
    bus, bus_manifest
):
    dataset = open_dataset(bus_manifest, bus, index_folder=bus / "index")
    assert dataset.cases["case_id"].tolist() == ["bus_1-l.png", "bus_1-r.png", "bus_2-s.png"]
    assert dataset.cases["birads"].tolist() == ["2", "3", "4"]
    store = build_store(dataset, 8, folder=bus / "stores")
    pd.testing.assert_frame_equal(open_store(store.path).cases, dataset.cases)
    other = open_dataset(with_options(bus_manifest, keep={}), bus, index_folder=bus / "index")
    assert other.digest != dataset.digest


def test_open_dataset_that_would_keep_a_column_under_a_taken_name_raises(bus, bus_manifest):
    taken = with_options(bus_manifest, keep={"label": "BIRADS"})
    with pytest.raises(InputError, match="names that the case table itself uses: label"):
        open_dataset(taken, bus, index_folder=bus / "index")


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
    save(bus / "bus" / "Masks" / "mask_9.png", mask())
    with pytest.raises(InputError, match=r"1 mask without rows: mask_9\.png"):
        cases_of(bus, bus_manifest, "bus")
    (bus / "bus" / "Masks" / "mask_1-l.png").rename(bus / "bus" / "Masks" / "mask_9.png")
    named = with_options(bus_manifest, mask="drawn", parts={"ID": "bus_(?P<number>.+)"})
    drawn = ROWS["ID"].str.replace("bus", "mask")
    ROWS.assign(drawn=drawn).to_csv(bus / "bus" / "rows.csv", index=False)
    with pytest.raises(InputError, match=r"1 mask of the table is missing: mask_1-l"):
        cases_of(bus, named, "bus")


def test_picture_without_a_mask_of_its_name_has_none(bus, bus_manifest):
    (bus / "bus" / "Masks" / "mask_1-l.png").unlink()
    masks = {case.case_id: len(case.masks) for case in cases_of(bus, bus_manifest, "bus")}
    assert masks.pop("bus_1-l.png") == 0
    assert {*masks.values()} == {1}


def test_find_cases_with_an_empty_patient_or_two_sources_of_patients_raises(bus, bus_manifest):
    with pytest.raises(InputError, match="patients have two sources"):
        cases_of(bus, changed(bus_manifest, patient_pattern=r"(\d)"), "bus")
    ROWS.assign(Case=["1", "", "2", "3"]).to_csv(bus / "bus" / "rows.csv", index=False)
    with pytest.raises(InputError, match=r"1 picture has no patient: bus_1-r\.png"):
        cases_of(bus, bus_manifest, "bus")


@pytest.mark.parametrize(
    ("name", "files", "found"),
    [
        ("1.2.840.3.7", ["1.2.840.3.dcm", "1.2.840.3.7.dcm"], "1.2.840.3.7.dcm"),
        ("scan.2", ["scan.png", "scan.2.png"], "scan.2.png"),
        ("scan.2", ["scan.png"], None),
        ("scan.2.JPG", ["scan.png", "scan.2.png", "Scan.2"], None),
        ("scan.2.JPG", ["scan.png", "a/scan.2.png", "Scan.2.tif"], "Scan.2.tif"),
        ("a/scan.png", ["scan.png.dcm", "a/scan.tiff"], "a/scan.tiff"),
    ],
)
def test_names_match_whole_before_they_match_without_an_ending_of_pictures(name, files, found):
    assert match_names([name], files).get(name) == found


def test_read_split_reads_words_for_parts_however_they_are_written(bus, bus_manifest):
    def split_of(*words):
        ROWS.assign(fold=words).to_csv(bus / "bus" / "rows.csv", index=False)
        return [*read_split(open_tree(bus, "bus"), bus_manifest)]

    assert split_of("Training", " VAL", "valid", "TEST ") == ["train", *["validation"] * 2, "test"]
    assert split_of("Validation", "testing", "", "train") == ["validation", "test", "", "train"]
    message = r"rows\.csv: 2 values are not parts of a split: '1' \(row 3\), 'rest' \(row 5\)\."
    with pytest.raises(InputError, match=message):
        split_of("Train", "1", "test", "rest")


def test_read_split_gives_the_column_by_case_id(bus, bus_manifest):
    split = read_split(open_tree(bus, "bus"), bus_manifest)
    assert split.to_dict() == dict(zip(ROWS["ID"] + ".png", "1123", strict=True))
    with pytest.raises(InputError, match="no split comes with"):
        read_split(open_tree(bus, "bus"), with_options(bus_manifest, split=None))


PLAIN = [{"id": "0", "hemorrhage": "1"}, {"id": "1", "hemorrhage": "0"}]


def read_csv(tmp_path, content, columns=("id", "hemorrhage")):
    (tmp_path / "set").mkdir(exist_ok=True)
    (tmp_path / "set" / "labels.csv").write_bytes(content)
    return read_table(open_tree(tmp_path, "set"), "labels.csv", columns)


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


@pytest.mark.parametrize(
    "lines",
    [
        ["List of May"],
        ["List of May,,"],
        ["Ward 3", "", '"as of\nMay",,'],
    ],
    ids=["alone", "in cells", "several, one with a break"],
)
def test_titles_above_the_names_of_columns_and_empty_rows_are_passed_over(tmp_path, lines):
    content = "\n".join([*lines, "id,side,hemorrhage", "0,l,1", ",,", "1,r,0", ",,"])
    table = read_csv(tmp_path, content.encode())
    assert table[["id", "hemorrhage"]].to_dict("records") == PLAIN
    cells = [[*line.strip('"').split(",")] for line in content.replace('"', "").splitlines()]
    frame = pd.DataFrame([row if len(row) > 1 else [*row, None, None] for row in cells])
    frame.to_excel(tmp_path / "set" / "labels.xlsx", header=False, index=False)
    tree = open_tree(tmp_path, "set")
    workbook = read_table(tree, "labels.xlsx", ["id", "hemorrhage"])
    assert workbook[["id", "hemorrhage"]].to_dict("records") == PLAIN
    # Rows are counted as a spreadsheet counts them, whose first is 1 and holds a title.
    number = cells.index(["0", "l", "1"]) + 1
    assert [row + 2 for row in workbook.index] == [number, number + 2]


def coco(**parts):
    stated = {"images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}]}
    stated["annotations"] = [{"image_id": 1, "category_id": kind} for kind in (4, 3, 3)]
    stated["categories"] = [{"id": 3, "name": "mass"}, {"id": 4, "name": "calcification"}]
    return json.dumps(stated | parts)


def test_annotations_of_coco_are_a_row_a_picture_with_all_its_classes(tmp_path):
    (tmp_path / "list.json").write_text(coco())
    rows = read_table(open_tree(tmp_path.parent, tmp_path.name), "list.json", ["file_name"])
    assert rows["classes"].tolist() == ["calcification|mass", "none"]
    assert rows["file_name"].tolist() == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (coco(categories=[]), "image 1 and category 4, but one of them is not listed"),
        (coco(images=[{"id": 1}]), r"images\.0\.file_name: Field required"),
        ("[1]", r"images: Field required \(and 2 more\)"),
        ('{"images": ', "it is not valid JSON"),
        ('[{"image": [["a.png"]]}]', "columns contain lists instead of single values: image"),
    ],
)
def test_json_that_is_not_annotations_of_coco_is_refused(tmp_path, text, message):
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_table(open_tree(tmp_path.parent, tmp_path.name), "list.json", [])
    assert caught.value.remedy.startswith(("Export images, annotations and", "Write one text"))


JSON_ROWS = [{"image": "a.png", "label": 1, "age": None}, {"image": "b.png", "label": 0, "age": 7}]


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("list.json", json.dumps(JSON_ROWS), [["a.png", "1", ""], ["b.png", "0", "7"]]),
        (
            "list.jsonl",
            "\n".join([*map(json.dumps, JSON_ROWS), ""]),
            [["a.png", "1", ""], ["b.png", "0", "7"]],
        ),
        (
            "list.json",
            '[{"image": "a", "meta": {"kind": "x", "sites": ["l", "r"]}}, {"image": "b"}]',
            [["a", "x", "l|r"], ["b", "", ""]],
        ),
        (
            "list.ndjson",
            '{"image": "a.png", "ok": true}\n{"image": "b"}',
            [["a.png", "True"], ["b", ""]],
        ),
        (
            "list.json",
            '{"a.png": "benign", "b.png": "malignant"}',
            [["a.png", "benign"], ["b.png", "malignant"]],
        ),
    ],
)
def test_json_of_rows_or_of_labels_by_file_is_a_table(tmp_path, name, text, rows):
    (tmp_path / name).write_text(text)
    table = read_table(open_tree(tmp_path.parent, tmp_path.name), name, [])
    assert table.to_numpy().tolist() == rows


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("note", "rows"),
    [
        ('"Finding: a\nImpression: b\r\nEnd"', 40),
        (f'"{"x" * 70}\n{"y" * 90}"', 8000),  # more than the block that is parsed at once
        ("a page\x0cbreak", 2),
        ("a line\u2028break", 2),
    ],
    ids=["line breaks", "a large table", "form feed", "line separator"],
)
def test_read_table_finds_the_separator_around_breaks_in_cells(tmp_path, note, rows, separator):
    lines = [["id", "note", "hemorrhage"], *([str(row), note, "0"] for row in range(rows))]
    content = "\n".join(separator.join(line) for line in lines).encode()
    table = read_csv(tmp_path, content)
    assert table["note"].tolist() == [note.strip('"')] * rows
    assert table["id"].tolist() == [line[0] for line in lines[1:]]


def test_one_row_of_another_width_or_decimal_commas_leave_the_separator():
    assert separator_of("id;size\n" + "0;1,5\n" * 20 + "1;2,5;\n") == ";"
    assert separator_of("List of May\nid;size;a\n" + "0;1,5;b\n" * 20) == ";"
    assert separator_of("Export, Mai 2023\nid;size;a\n" + "0;1,5;b\n" * 20) == ";"
    assert separator_of("a single column, of words\nbenign\nmalignant\n") == ","


def test_cell_that_is_merged_over_rows_holds_for_all_of_them(tmp_path):
    book = Workbook()
    for row in [["Ward 3"], ["id", "side", "hemorrhage"], [0, "l", 1], [0, "r"], [1, "l", 0]]:
        book.active.append(row)
    for area in ("A1:C1", "A3:A4", "C3:C4"):
        book.active.merge_cells(area)
    (tmp_path / "set").mkdir()
    book.save(tmp_path / "set" / "labels.xlsx")
    rows = read_table(open_tree(tmp_path, "set"), "labels.xlsx", ["id"])
    assert rows.to_numpy().tolist() == [["0", "l", "1"], ["0", "r", "1"], ["1", "l", "0"]]


def test_a_quote_that_only_another_separator_opens_stops_nothing():
    assert separator_of('id;note\n0;"an end,"\n' + "1;no quote\n" * 20_000) == ";"


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b",id\n0,a\n1,b\n", {"id": ["a", "b"]}),
        (b",id\n1,a\n2,b\n", {"id": ["a", "b"]}),
        (b"id,hemorrhage,\na,1,\nb,0,\n", {"id": ["a", "b"], "hemorrhage": ["1", "0"]}),
        (b",id\nx.png,a\ny.png,b\n", {"column 1": ["x.png", "y.png"], "id": ["a", "b"]}),
    ],
    ids=["numbers from 0", "numbers from 1", "empty", "index of files"],
)
def test_columns_without_a_name_are_left_out_if_they_number_the_rows_and_else_are_named(
    tmp_path, content, columns
):
    assert read_csv(tmp_path, content, []).to_dict("list") == columns


def test_cells_that_are_lists_of_texts_are_findings(tmp_path):
    content = b"""id;labels;note\n0;['normal'];[1]\n1;["a b", 'c'];x\n2;[];\n3;;[]\n"""
    rows = read_csv(tmp_path, content, [])
    assert rows["labels"].tolist() == ["normal", "a b|c", "", ""]
    assert rows["note"].tolist() == ["[1]", "x", "", "[]"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable CSV table"),
        (b"id,label\n0,1\n", "its columns are id, label; it needs id, hemorrhage"),
        (b"id,hemorrhage,id\n0,1,2\n", "several columns are called id. Give each"),
        (b"List of May,\nid,hemorrhage\n", "the first row does not name the columns"),
        (b"id,hemorrhage\n0,1,a\n1,1,a\n", "Expected 2 columns, got 3.*delete rows above"),
        (b"id;hemorrhage\n0;1\n1;0;1\n0;1\n", "Expected 2 columns, got 3"),
        (b"id,hemorrhage\n0,1\n1\n", "Expected 2 columns, got 1"),
        (b"id,hemorrhage\n0,1,2\n", "Expected 2 columns, got 3"),
        (b'id,hemorrhage\n0,"1\n', "a quotation mark in the table is not closed"),
    ],
)
def test_read_table_that_is_broken_names_file_and_fault(tmp_path, content, message):
    with pytest.raises(InputError, match=rf"labels\.csv: .*{message}"):
        read_csv(tmp_path, content)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("before", ["", "\n", '"a\nbreak",'], ids=["plain", "empty", "break"])
def test_csv_table_of_a_hundred_thousand_columns_is_refused_at_once(tmp_path, before):
    content = before + ",".join(map(str, range(100_000))) + "\n"
    with pytest.raises(InputError, match=r"more than 2,000 columns") as caught:
        read_csv(tmp_path, content.encode())
    assert len(str(caught.value)) < 1000


def test_rows_that_end_as_on_an_old_mac_are_not_taken_for_columns(tmp_path):
    assert len(read_csv(tmp_path, b"id,hemorrhage\r" + b"0,1\r" * 3000)) == 3000


@pytest.mark.parametrize("kind", ["parquet", pytest.param("xlsx", marks=pytest.mark.slow)])
def test_other_table_of_too_many_columns_is_refused(tmp_path, kind):
    write = {"parquet": pd.DataFrame.to_parquet, "xlsx": pd.DataFrame.to_excel}[kind]
    write(pd.DataFrame([["0"] * 2001]).rename(columns=str), tmp_path / f"labels.{kind}")
    with pytest.raises(InputError, match=r"more than 2,000 columns"):
        read_table(open_tree(tmp_path.parent, tmp_path.name), f"labels.{kind}", ())


def test_workbook_that_unpacks_without_end_is_refused(tmp_path):
    pd.DataFrame({"id": ["0"]}).to_excel(tmp_path / "labels.xlsx")
    with ZipFile(tmp_path / "labels.xlsx", "a", ZIP_DEFLATED, compresslevel=1) as workbook:
        workbook.writestr("xl/more.xml", bytes(MAX_BYTES))
    with pytest.raises(InputError, match=r"labels\.xlsx: .*it unpacks to \d+ bytes"):
        read_table(open_tree(tmp_path.parent, tmp_path.name), "labels.xlsx", ())


def test_parquet_table_of_more_rows_than_any_table_is_refused(tmp_path):
    rows = pd.DataFrame({"id": pd.Series(["0"]).repeat(10_000_001)})
    rows.to_parquet(tmp_path / "labels.parquet", index=False)
    with pytest.raises(InputError, match=r"labels\.parquet: .*more than 10,000,000 rows"):
        read_table(open_tree(tmp_path.parent, tmp_path.name), "labels.parquet", ())


#: Of RadImageNet, below radiology_ai/: label, part, patient.
RADIMAGENET = {
    "MR/mriabd/normal/mri-abd-normal070810.png": ("mriabd-normal", "train", "P1"),
    "US/gb/usn136070.png": ("US-gb", "train", "P2"),
    "CT/lung/Airspace_opacity/lung092377.png": ("lung-Airspace_opacity", "validation", "P3"),
    "CT/lung/Airspace_opacity/lung092378.png": ("lung-Airspace_opacity", "validation", "P3"),
    "MR/knee/chondral_abnormality/knee000001.png": ("knee-chondral abnormality", "test", "P4"),
}
FIRST = next(iter(RADIMAGENET))


@pytest.fixture
def db(tmp_path):
    """The folder of the database: five pictures and three tables."""
    write_radimagenet(tmp_path / "db", [(name, *told) for name, told in RADIMAGENET.items()])
    assert (tmp_path / "db" / "RadiologyAI_val.csv").is_file()
    return tmp_path / "db"


def with_patients(db):
    lines = [f'radiology_ai/{n},{p},S1,"polygon:1,1 2,2"' for n, (*_, p) in RADIMAGENET.items()]
    (db / "patients.csv").write_text("\n".join(["filename,patient_id,study_id,roi", *lines, ""]))


def found(db, location="db", **changes):
    manifest = changed(load_manifest("radimagenet"), **changes)
    return {case.case_id: case for case in cases_of(db.parent, manifest, location)}


def radimagenet_cases(above, patients=False):
    return {
        name: FoundCase(name, patient if patients else name, label, f"{above}radiology_ai/{name}")
        for name, (label, _, patient) in RADIMAGENET.items()
    }


def test_radimagenet_takes_each_picture_for_a_patient_unless_a_side_table_names_them(db):
    assert found(db) == radimagenet_cases("db/")
    with_patients(db)
    assert found(db) == radimagenet_cases("db/", patients=True)


@pytest.mark.parametrize("wrap", ["", "download/", "a/b/"])
def test_radimagenet_in_a_zip_equals_the_folder_and_has_its_split(db, wrap):
    zip_folder(db, db.parent / "db.zip", wrap)
    assert found(db, "db.zip") == radimagenet_cases(f"db.zip::{wrap}")
    parts = read_split(open_tree(db.parent, "db.zip"), load_manifest("radimagenet"))
    assert parts.to_dict() == {name: part for name, (_, part, _) in RADIMAGENET.items()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("filename,label\n", "1 picture without rows: MR/knee"),
        ("filename,label\nMR/a.png,x\n", r"1 value of filename does not match .*: 'MR/a\.png'"),
        ("filename,label\n,x\n", "1 value of filename does not match .*: ''"),
        (
            f"filename,label\nradiology_ai/{FIRST},x\n",
            f"1 picture has several rows that differ: {FIRST}",
        ),
    ],
)
def test_radimagenet_with_a_table_that_does_not_fit_says_what_is_wrong(db, content, message):
    (db / "RadiologyAI_test.csv").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        found(db)
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("drop", "add", "message"),
    [
        (FIRST, "", rf"1 picture without rows of patients\.csv: {FIRST}"),
        ("", "radiology_ai/CT/x.png,P9,S1,", r"1 row of patients\.csv without pictures: CT/x"),
        ("", f"radiology_ai/{FIRST},P9,S1,", f"1 picture has several rows that differ: {FIRST}"),
        (FIRST, f"radiology_ai/{FIRST},,S1,", f"1 picture has no patient: {FIRST}"),
    ],
)
def test_radimagenet_with_a_side_table_that_does_not_fit_says_where(db, drop, add, message):
    with_patients(db)
    lines = (db / "patients.csv").read_text().splitlines()
    kept = [line for line in lines if not drop or drop not in line]
    (db / "patients.csv").write_text("\n".join([*kept, add, ""]))
    with pytest.raises(InputError, match=message):
        found(db)


@pytest.mark.parametrize("name", ["radiology_ai/CT/list.csv", "preview.png"])
def test_radimagenet_with_a_file_out_of_place_or_options_is_refused(db, name):
    with pytest.raises(InputError, match=r"'radimagenet': .*Known options: none"):
        found(db, options={"folder": "other"})
    (db / name).write_text("x")
    with pytest.raises(InputError, match=f"1 file does not belong to .*'radimagenet': {name}"):
        found(db)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_find_cases_of_a_table_finds_its_separator_and_encoding(
    head_ct, manifest, separator, encoding
):
    rows = (
        ["id", "hemorrhage", "Ärztliche Prüfung"],
        ["0", "1", "Größe"],
        ["1", "1", "ä"],
        ["12", "0", ""],
    )
    text = "\r\n".join(separator.join(row) for row in rows)
    (head_ct / "set" / "labels.csv").write_bytes(text.encode(encoding))
    kept = with_options(manifest, keep={"checked": "Ärztliche Prüfung"})
    assert [c.checked for c in cases_of(head_ct, kept)] == ["Größe", "ä", ""]


@pytest.mark.parametrize(
    ("word", "encoding"),
    [
        *(("bösartig", page) for page in ("utf-8", "utf-16", "cp1252")),
        ("Größe Ärztin", "cp1252"),
        ("bénigne, maligne à vérifier", "cp1252"),
        ("złośliwy, łagodny guz", "cp1250"),
        ("špatné nálezy", "cp1250"),
        ("jóindulatú, rosszindulatú elváltozás", "cp1250"),
        ("доброкачественная опухоль", "cp1251"),
        ("καλοήθης όγκος", "cp1253"),
        ("доброкачественная", "cp1251"),
        ("bösartig", "mac_roman"),
        ("bénin", "cp850"),
        ("złośliwy", "iso8859_2"),
        *(("злоякісна пневмонія", page) for page in ("koi8_u", "iso8859_5", "mac_cyrillic")),
        *(("больной", page) for page in ("cp1251", "koi8_r", "cp866", "iso8859_5")),
        ("рак", "iso8859_5"),
        ("злокачественная", "cp1251"),
        ("κακοήθης", "iso8859_7"),
    ],
)
def test_few_words_beyond_ascii_are_read_as_they_were_written(word, encoding):
    table = "Datei;Patient;Befund\r\n" + "".join(
        f"Aufnahme_{row:04d};P{row // 2:04d};{word if row % 2 else 'gutartig'}\r\n"
        for row in range(120)
    )
    assert decode(table.encode(encoding))[0].removeprefix("\ufeff") == table


@pytest.mark.parametrize(
    ("head", "patient", "labels", "encoding"),
    [
        ("文件,患者,诊断", "患者", "恶性 良性", "gb18030"),
        ("檔案,患者,診斷", "患者", "惡性 良性", "big5"),
        ("ファイル,患者番号,診断", "患者", "悪性 良性", "cp932"),
        ("ファイル,患者番号,診断", "患者", "悪性 良性", "euc_jp"),
        ("파일,환자,진단", "환자", "악성 양성", "cp949"),
    ],
)
def test_tables_of_east_asia_are_read_as_they_were_written(head, patient, labels, encoding):
    table = f"{head}\n" + "".join(
        f"{row:03d}.png,{patient}{row // 2},{labels.split()[row // 2 % 2]}\n" for row in range(60)
    )
    assert decode(table.encode(encoding))[0] == table


def test_find_cases_of_excel_equals_those_of_csv(bus, bus_manifest):
    before = cases_of(bus, bus_manifest, "bus")
    (bus / "bus" / "rows.csv").unlink()
    ROWS.convert_dtypes().to_excel(bus / "bus" / "rows.xlsx", index=False)
    other = with_options(bus_manifest, table="rows.xlsx")
    assert cases_of(bus, other, "bus") == before


def test_sheet_of_a_workbook_is_read_and_another_name_is_refused_with_those_that_are_there(
    bus, bus_manifest
):
    before = cases_of(bus, bus_manifest, "bus")
    (bus / "bus" / "rows.csv").unlink()
    with pd.ExcelWriter(bus / "bus" / "rows.xlsx") as book:
        pd.DataFrame({"a": ["b"], "c": ["d"]}).to_excel(book, sheet_name="Legend", index=False)
        ROWS.convert_dtypes().to_excel(book, sheet_name="Data", index=False)
    second = with_options(bus_manifest, table="rows.xlsx", sheet="Data")
    assert cases_of(bus, second, "bus") == before
    with pytest.raises(InputError, match=r"there is no sheet 'Dta'\. Correct .* Legend, Data"):
        cases_of(bus, with_options(bus_manifest, table="rows.xlsx", sheet="Dta"), "bus")


@pytest.mark.parametrize(
    "cells",
    ["head_ct/000.png", "./000.png", "000", "000.PNG", "set\\head_ct\\000.png", "/x/head_ct/000"],
)
def test_find_cases_takes_names_with_folder_without_ending_and_in_any_case(
    head_ct, manifest, cells
):
    (head_ct / "set" / "labels.csv").write_text(f"id,hemorrhage\n{cells},0\n001,1\n012.png,1\n")
    (head_ct / "set" / "head_ct" / "001.png").rename(head_ct / "set" / "head_ct" / "001.PNG")
    found = cases_of(head_ct, with_options(manifest, image="id"))
    images = {c.case_id: c.image.rpartition("/")[2] for c in found}
    assert images == {cells: "000.png", "001": "001.PNG", "012.png": "012.png"}


def test_find_cases_of_a_name_that_two_files_fit_refuses_it(head_ct, manifest):
    save(head_ct / "set" / "head_ct" / "000.bmp", picture(7))
    (head_ct / "set" / "labels.csv").write_text("id,hemorrhage\n000,0\n001,1\n012,1\n")
    with pytest.raises(InputError, match="1 row without pictures: 000") as caught:
        cases_of(head_ct, with_options(manifest, image="id"))
    assert "Searched below head_ct" in caught.value.remedy


def test_find_cases_leaves_out_what_the_manifest_says(head_ct, manifest):
    (head_ct / "set" / "notes.txt").write_text("x")
    (head_ct / "set" / "labels.csv").write_text("id,hemorrhage\n0,0\n1,1\n13,1\n")
    some = with_options(manifest, leave_out=["rows", "pictures", "files"])
    assert [c.case_id for c in cases_of(head_ct, some)] == ["000.png", "001.png"]


@pytest.mark.parametrize(
    ("names", "files", "found"),
    [
        (["7"], ["007.png", "017.png"], {"7": "007.png"}),
        (["7.png"], ["a/007.dcm"], {"7.png": "a/007.dcm"}),
        (["7"], ["007.png", "07.png"], {}),  # either
        (["7", "07"], ["007.png"], {}),
        (["7", "007"], ["007.png"], {"007": "007.png"}),
        (["b/7"], ["a/007.png"], {}),
        (["P7"], ["P007.png"], {}),  # a spreadsheet changes numbers alone
    ],
)
def test_numbers_match_without_their_leading_zeros_where_that_is_clear(names, files, found):
    assert match_names(names, files) == found


def write_patients(root, *rows, names=("P1/a.png", "P1/b.png", "P10/a.png")):
    for number, name in enumerate(names):
        save(root / "own" / "pictures" / name, picture(number))
    (root / "own" / "patients.csv").write_text("\n".join(["id,label,name,fold", *rows, ""]))


@pytest.fixture
def by_patient(manifest):
    options = {"table": "patients.csv", "images": "pictures", "row": "patient", "level": 1}
    options |= {"patient": "id", "label": "label", "keep": {"who": "name"}}
    options |= {"split": {"column": "fold"}}
    return changed(manifest, options=options, label_map={}, independence="patient")


ROW_1, ROW_10 = "P1,benign,x,1", "P10,malignant,y,2"


def test_row_a_patient_gives_its_cells_to_each_of_its_pictures(tmp_path, by_patient):
    write_patients(tmp_path, ROW_1, ROW_10)
    found = cases_of(tmp_path, by_patient, "own")
    assert [(c.case_id, c.patient_id, c.source_class, c.who) for c in found] == [
        ("P1/a.png", "P1", "benign", "x"),
        ("P1/b.png", "P1", "benign", "x"),
        ("P10/a.png", "P10", "malignant", "y"),
    ]
    split = read_split(open_tree(tmp_path, "own"), by_patient)
    assert split.to_dict() == {"P1/a.png": "1", "P1/b.png": "1", "P10/a.png": "2"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW_1], r"1 picture without rows: P10/a\.png"),
        ([ROW_1, ROW_10, "P2,benign,x,1"], r"1 patient without pictures: 'P2' \(row 4\)"),
        ([ROW_1, ROW_10, "P1,malignant,x,1"], r"1 patient has several rows .*: 'P1' \(row 4\)"),
        ([ROW_1, ROW_10, ",benign,x,1"], r"1 row has no patient: row 4"),
        (["P1,,x,1", ROW_10], r"2 labels are not in the manifest's label map: '' \(row 2\)"),
    ],
)
def test_row_a_patient_that_does_not_fit_is_named_by_its_row(tmp_path, by_patient, rows, message):
    write_patients(tmp_path, *rows)
    with pytest.raises(InputError, match=message) as caught:
        cases_of(tmp_path, by_patient, "own")
    assert caught.value.remedy.endswith(".")


def test_names_of_rows_a_patient_never_fit_two_patients(tmp_path, by_patient):
    write_patients(tmp_path, ROW_1, "P1-2,benign,x,1", names=("P1-2/a.png", "P1/a.png"))
    with pytest.raises(InputError, match=r"1 picture fits several patients: P1-2/a\.png \(P1 an"):
        cases_of(tmp_path, by_patient, "own")


@pytest.mark.parametrize(
    ("part", "keys", "found"),
    [
        ("P1_MR", ["P1", "P10"], {"P1"}),
        ("P10_MR", ["P1", "P10"], {"P10"}),
        ("COVID-00039a", ["COVID-00039"], {"COVID-00039"}),
        ("0007_scan", ["7", "70"], {"7"}),
        ("p7", ["P7"], {"P7"}),
        ("P1-2", ["P1", "P1-2"], {"P1", "P1-2"}),
        ("xP1", ["P1"], set()),
    ],
)
def test_cells_begin_parts_of_paths_where_letters_digits_and_signs_meet(part, keys, found):
    assert keys_at([f"{part}/x.png", f"a/{part}.png"], keys, 1)[0] == found
    assert keys_at([f"{part}/x.png", f"a/{part}.png"], keys, 0)[1] == found


def test_patient_column_that_is_called_name_is_read_as_it_is_written(tmp_path, manifest):
    for number, name in enumerate("abc"):
        save(tmp_path / "own" / f"{name}.png", picture(number))
    (tmp_path / "own" / "t.csv").write_text("file,label,name\na,0,Ann\nb,1,Ann\nc,1,Bob\n")
    options = {"table": "t.csv", "image": "file", "label": "label", "patient": "name"}
    found = cases_of(tmp_path, changed(manifest, options=options), "own")
    assert [c.patient_id for c in found] == ["Ann", "Ann", "Bob"]


@pytest.mark.parametrize("row", ["patient", "picture"])
def test_rows_of_findings_are_one_label_of_picture_or_patient(tmp_path, by_patient, row):
    rows = [ROW_1, "P1,malignant,x,1", "P1,benign,x,1", ROW_10]
    if row == "picture":
        rows = [f"P1/a.png{end[2:]}" for end in rows[:3]] + ["P10/a.png,malignant,y,2"]
    write_patients(tmp_path, *rows, names=("P1/a.png", "P10/a.png"))
    options = by_patient.options | {"findings": True, "row": row}
    if row == "picture":
        options = {k: v for k, v in options.items() if k not in ("patient", "level")}
        options |= {"image": "id"}
    task = changed(by_patient, options=options, patient_pattern="^(P[0-9]+)/" * (row == "picture"))
    found = cases_of(tmp_path, task, "own")
    assert [(c.case_id, c.source_class) for c in found] == [
        ("P1/a.png", "benign|malignant"),
        ("P10/a.png", "malignant"),
    ]
    # Other columns may not differ.
    rows[1] = rows[1].replace(",x,", ",z,")
    write_patients(tmp_path, *rows, names=())
    with pytest.raises(InputError, match=r"1 (patient|picture) has several rows that differ"):
        cases_of(tmp_path, task, "own")


def test_rows_of_findings_need_their_column(manifest):
    options = {"table": "a.csv", "image": "b", "findings": True}
    with pytest.raises(InputError, match="rows of findings need label"):
        TableOptions.of(changed(manifest, options=options))


@pytest.mark.parametrize(
    ("column", "cells", "is_patient"),
    [
        ("PatientID", range(40), True),
        ("Patienten-Nr.", range(40), True),
        ("subject_code", range(40), True),
        ("Patientenkennung", range(40), True),
        ("Patient Age", range(40), False),
        ("PatientSex", range(40), False),
        ("age of patient", range(40), False),
        ("subjective score", range(40), False),
        ("case", [0, 1] * 20, False),
        ("patient group", range(40), False),
    ],
)
def test_column_of_patients_identifies_and_does_not_describe_them(column, cells, is_patient):
    rows = pd.DataFrame({"file": [f"{n}.png" for n in range(40)], column: map(str, cells)})
    columns, _ = guess_columns(rows, [*rows["file"]], [], ("", ""))
    assert columns["image"].name == "file"
    assert ("patient" in columns) == is_patient


@pytest.mark.parametrize(("column", "is_split"), [("split", True), ("department", False)])
def test_column_of_a_split_is_called_so(column, is_split):
    numbers = [str(n % 4) for n in range(40)]
    rows = pd.DataFrame({"file": [f"{n}.png" for n in range(40)], column: numbers})
    columns, _ = guess_columns(rows, [*rows["file"]], [], ("", ""))
    assert ("split" in columns) == is_split
