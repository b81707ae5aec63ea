"""From archive to corpus: what is in it, what is not, and that no interruption shows."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from croissant_structure import described, problems_of
from export_files import header, key_note, uid_of, write, write_report, write_studies
from filelock import FileLock
from killed_curation import KEY, files_of, plan_of, result
from PIL import Image
from pydicom import dcmread

from rin.curation import build, burned_in, export
from rin.curation.build import COLUMNS, CurationPlan, curate, index_archive
from rin.curation.deidentify import Pseudonyms
from rin.curation.radiology_reports import screen
from rin.curation.standin import write_archive
from rin.curation.taxonomy import load_taxonomy
from rin.data.dataset import open_dataset
from rin.data.manifest import load_manifest
from rin.data.splits import corpus_split
from rin.errors import InputError


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    archive = tmp_path_factory.mktemp("archive") / "export"
    write_archive(archive, studies=48, size=48, seed=3)
    return plan_of(archive, tmp_path_factory.mktemp("curated") / "out")


@pytest.fixture(scope="module")
def corpus(plan):
    """Curated once, without disturbance; tests that change something work on a copy."""
    return curate(plan)


@pytest.fixture
def small(tmp_path):
    """The plan of 16 normal studies; the id of every patient is written in two ways."""
    for study in range(16):
        part = "CHEST" if study % 4 < 2 else "ABDOMEN"
        patient = f"P{study // 2:0{1 + study % 2}d}"  # P0 and P00, P1 and P01
        ct = {"RescaleSlope": 1, "RescaleIntercept": 0, "BodyPartExamined": part}
        write(tmp_path / "export", header(str(study), patient=patient, **ct))
        write_report(tmp_path / "export", f"A{study}", "Normal study.")
    return CurationPlan(archive=tmp_path / "export", output=tmp_path / "out", seed=0, key=KEY)


def test_corpus_has_the_stated_columns_and_names(corpus):
    images = corpus.images
    assert list(images) == COLUMNS
    named = images[["modality", "region", "name"]]
    told = images["filename"].str.extract(r"^radiology_ai/(.*)/(.*)/(.*)/([a-z]+)(\d{6})\.png$")
    assert (told[[0, 1, 2]].to_numpy() == named.to_numpy()).all()
    assert (told[3] == images["region"]).all()
    numbers = told[4].astype(int)
    assert (numbers == numbers.groupby(images["region"]).rank()).all()
    assert (images["label"] == images["region"] + "-" + images["name"]).all()
    classes = load_taxonomy()[["modality", "region", "label"]]
    assert {*named.apply(tuple, axis=1)} <= {*classes.apply(tuple, axis=1)}


def test_card_counts_classes_and_parts_as_the_images_do(corpus):
    images, card = corpus.images, corpus.card
    counts = {
        "images": ("filename", "size"),
        "patients": ("patient_id", "nunique"),
        "studies": ("study_id", "nunique"),
    }
    for column, groups in (("label", card["classes"]), ("part", card["parts"])):
        assert groups == images.groupby(column).agg(**counts).to_dict("index")
    assert min(own["patients"] for own in card["classes"].values()) >= 3
    assert card["all"]["classes"] == len(card["classes"])
    assert card["all"]["images"] == len(images)


def test_archive_of_which_no_image_is_left_is_refused_with_what_it_needs(tmp_path):
    write_studies(tmp_path / "export", {"1": "Cyst."})
    plan = CurationPlan(archive=tmp_path / "export", output=tmp_path / "out", seed=0)
    with pytest.raises(InputError, match=r"no image is left for a corpus.*3 patients each"):
        curate(plan)


def test_image_is_taken_under_its_rarest_label_or_left_out_for_one_reason(tmp_path):
    """Of a normal study in which a reader marked a finding, no image is taken as normal."""
    reports = dict.fromkeys("123", "Normal chest.") | {"4": "Cyst."}
    root = write_studies(tmp_path / "export", reports)
    write(root, header("1", image="2", patient="P1"))
    write(root, header("1", image="3", patient="P1"))
    write(root, header("1", "2", patient="P1", SeriesDescription="Scout"))
    write(root, header("3", patient="P3", BodyPartExamined="ELBOW"))
    marked = [uid_of(image="1"), uid_of(image="2")]
    write(root, key_note("lung: Bronchiectasis", marked, patient="P1"))
    write(root, key_note("lung: Nodule", marked[:1], number="2", patient="P1"))
    plan = CurationPlan(archive=root, output=tmp_path / "out", seed=0)
    archive = index_archive(plan)
    images, left_out, confirmed, _ = build.select_images(plan, archive, screen(archive.reports))
    assert images[["sop_uid", "kind", "label"]].to_numpy().tolist() == [
        [marked[0], "key", "lung-Nodule"],
        [marked[1], "key", "lung-Bronchiectasis"],
        [uid_of("2"), "normal", "lung-normal"],
    ]
    assert [*left_out] == [
        "no key image", "localizer", "document", "document", "normal study without a class",
        "study neither normal nor marked",
    ]  # fmt: skip
    assert [*confirmed] == ["rules", "rules"]


def test_corpus_is_read_as_a_dataset_and_split_as_it_says(corpus, tmp_path):
    manifest = load_manifest("curated_archive")
    dataset = open_dataset(manifest, corpus.root, index_folder=tmp_path)
    images = corpus.images.set_index(corpus.images["filename"].str.removeprefix("radiology_ai/"))
    cases = dataset.cases.set_index("case_id")
    assert dataset.provenance == corpus.card["provenance"] == "stand-in"
    for name in ("patient_id", "label", "width", "height"):
        assert cases[name].to_dict() == images[name].to_dict()
    # Divided patients, or a class without a training case, would be refused.
    assert corpus_split(dataset, 99, None).to_dict() == images["part"].to_dict()
    assert (images.groupby("study_id")["patient_id"].nunique() == 1).all()


def test_every_image_is_labelled_as_the_truth_of_its_study_says(corpus, plan):
    """The truth, which curation never reads, through the key that links both sides."""
    truth = pd.read_csv(plan.archive / "truth.csv", dtype=str).set_index("accession_number")
    known = index_archive(plan).reports
    known.index = known["study_uid"].map(Pseudonyms(KEY).uid)
    studies = truth.loc[known.loc[corpus.images["study_id"], "accession_number"]]
    for image, study in zip(corpus.images.itertuples(), studies.itertuples(), strict=True):
        if image.kind == "key":
            assert image.region == study.region
            assert image.name in study.label.split(";")
        else:
            assert study.normal == "1"
    assert {*known["accession_number"]} == {*truth.index}
    assert len(truth) == corpus.card["archive"]["studies"] == 48
    kinds = corpus.images["kind"].value_counts()
    assert {*kinds.index} == {"key", "normal"}
    assert kinds["key"] >= (corpus.images["roi"] != "").sum() > 20


def test_every_file_of_the_archive_is_in_the_corpus_or_counted_under_a_reason(corpus):
    assert (
        len(corpus.images) + corpus.excluded["images"].sum() == corpus.card["archive"]["instances"]
    )
    assert list(corpus.excluded) == ["rule", "images", "kept_out_because"]
    assert corpus.excluded["kept_out_because"].str.endswith(".").all()
    assert {"document", "localizer", "burned-in text"} <= {*corpus.excluded["rule"]}


#: Attributes whose every value names a person, a place, a device, an order or a file.
NAMING = (
    "PatientID", "PatientName", "PatientAddress", "PatientTelephoneNumbers", "PatientComments",
    "AccessionNumber", "StudyID", "ReferringPhysicianName", "NameOfPhysiciansReadingStudy",
    "OperatorsName", "InstitutionName", "InstitutionAddress", "DeviceSerialNumber",
    "RequestedProcedureID", "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID",
    "SOPInstanceUID", "FrameOfReferenceUID",
)  # fmt: skip


def test_no_identifier_is_in_any_byte_or_name_that_leaves_the_house(plan, corpus):
    told = set()
    for path in plan.archive.rglob("*.dcm"):
        elements = dcmread(path, stop_before_pixels=True).iterall()
        for value in (element.value for element in elements if element.keyword in NAMING):
            told |= {*map(str, value if isinstance(value, list | tuple) else [value])}
    patterns = [text.encode() for text in told if len(text) >= 5]
    assert len(patterns) > 500
    for folder in (corpus.root, plan.output / "deidentified"):
        for name, content in files_of(folder).items():
            everything = name.encode() + b"\0" + content
            assert [text for text in patterns if text in everything] == [], name
    for path in corpus.root.rglob("*.png"):
        assert Image.open(path).info == {}


def exported(output):
    """Times of the pictures and the de-identified files."""
    return {path: path.stat().st_mtime_ns for path in output.glob("[pd]*/*")}


def test_curate_again_exports_nothing_and_writes_nothing(plan, corpus):
    table = plan.output / "images.parquet"
    before = exported(plan.output), table.stat().st_mtime_ns
    again = curate(plan)
    pd.testing.assert_frame_equal(again.images, corpus.images)
    assert (exported(plan.output), table.stat().st_mtime_ns) == before


def test_curate_with_a_changed_file_exports_that_one_again(small):
    curate(small)
    path = small.archive / "dicom/0.1.1.dcm"
    dataset = dcmread(path)
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(path)
    before = exported(small.output)
    curate(small)
    after = exported(small.output)
    uid = Pseudonyms(KEY).uid(dataset.SOPInstanceUID)
    assert {path.stem for path in after if after[path] != before[path]} == {uid}
    assert np.ptp(np.asarray(Image.open(small.output / f"pictures/{uid}.png"))) == 0


def test_curate_into_the_archive_itself_is_refused(plan):
    with pytest.raises(InputError, match="is inside the archive"):
        curate(replace(plan, output=plan.archive / "out"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_curate_into_a_folder_that_cannot_be_written_says_so(plan, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be saved"):
        curate(replace(plan, output=tmp_path / "out"))


def test_printing_a_corpus_or_a_plan_shows_neither_reports_nor_key(plan, corpus):
    assert "impression" not in repr(corpus)
    assert repr(KEY) not in repr(plan)


#: While files are made, while the corpus is put together, and before it is noted as whole.
KILLS = [
    ("rin.curation.export", "dcmwrite", 50),
    ("os", "link", 20),
    ("rin.curation.build", "write_atomically", 2),
]


@pytest.mark.slow
def test_curate_killed_again_and_again_ends_as_undisturbed(plan, corpus, tmp_path):
    output, pictures = tmp_path / "out", []
    for kill in KILLS:
        program = [sys.executable, Path(__file__).with_name("killed_curation.py")]
        command = [*program, plan.archive, output, *map(str, kill)]
        killed = subprocess.run(command, capture_output=True, text=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not (output / build.NOTE).exists()
        pictures.append({path: path.stat().st_mtime_ns for path in output.glob("pictures/*.png")})
    # What the chunks that were finished made is not made again.
    assert 20 < len(pictures[0].items() & pictures[1].items()) < len(pictures[1])
    assert pictures[1] == pictures[2]
    again = curate(replace(plan, output=output))
    pd.testing.assert_frame_equal(again.images, corpus.images)
    assert result(output) == result(plan.output)


def test_only_what_is_to_share_is_readable_by_others(plan, corpus):
    shared = plan.output / "shared"
    private = {*plan.output.iterdir()} - {shared}
    modes = {
        (path in private, path.is_dir(), path.stat().st_mode & 0o777)
        for path in (*private, shared, *shared.rglob("*"))
    }
    assert modes == {
        (True, True, 0o700), (True, False, 0o600), (False, True, 0o755), (False, False, 0o644)
    }  # fmt: skip


def test_curation_closes_its_own_files_and_leaves_those_of_others_as_they_are(small, tmp_path):
    """Files of somebody else: behind links in the folders of curation, and beside its own."""
    curate(small)
    output, private = small.output, tmp_path / "private.txt"
    project, shared = tmp_path / "project", small.output / "shared"
    project.mkdir()
    modes = {private: 0o600, shared / "mine.txt": 0o640, output / "my": 0o644}
    for path in modes:
        path.write_text("somebody's own")
    modes[project] = 0o700
    for path, mode in modes.items():
        path.chmod(mode)
    (shared / "link.txt").symlink_to(private)
    for name in ("shared/project", ".unfinished"):
        (output / name).symlink_to(project)
    own = {"index": 0o700, "review_queue.csv": 0o600, "images.parquet": 0o600}
    for name, mode in own.items():
        (output / name).chmod(0o755)
        modes[output / name] = mode
    curate(replace(small, seed=8))
    assert {path: path.stat().st_mode & 0o777 for path in modes} == modes
    assert [*project.iterdir()] == []


def flip_bits(path):
    """Change five letters or digits of a file, or of the first one in a folder."""
    path = min(filter(Path.is_file, path.iterdir())) if path.is_dir() else path
    content = bytearray(path.read_bytes())
    texts = [place for place, byte in enumerate(content) if chr(byte).isalnum()]
    for place in random.Random(5).sample(texts, 5):
        content[place] ^= 1
    path.write_bytes(content)


def test_damage_to_what_curation_keeps_never_changes_the_corpus(small):
    curate(small)
    before = result(small.output)
    gone, cut, *_ = sorted((small.output / "deidentified").iterdir())
    cut.write_bytes(cut.read_bytes()[:-1])
    curate(small)
    assert result(small.output) == before
    gone.unlink()
    for damaged in (("index", "pictures"), ("exported", "images.parquet")):
        for name in damaged:
            flip_bits(small.output / name)
        (small.output / "curated.json").unlink()  # so that everything is read
        curate(small)
        assert result(small.output) == before


def test_croissant_description_fits_the_corpus_and_counts_what_it_holds(corpus):
    assert problems_of(corpus.folder) == []
    told = described(corpus.folder)
    assert (
        f"{len(corpus.images)} images of {corpus.card['all']['patients']}" in told["description"]
    )
    assert corpus.card["notice"] in told["description"]
    assert told["license"] == corpus.card["licence"]
    names = {*corpus.images["patient_id"], *corpus.images["study_id"]}
    content = (corpus.folder / "croissant.json").read_text("utf-8")
    assert [name for name in names if name in content] == []  # pseudonyms are in the tables alone


def test_card_tells_how_images_were_chosen_and_what_was_not_looked_for(plan, corpus):
    card = corpus.card
    assert card["normal studies"]["flagged"] == len(screen(index_archive(plan).reports))
    assert [*corpus.excluded["images"]] == sorted(corpus.excluded["images"], reverse=True)
    assert "113100" in card["de-identification"]["profile"]
    assert burned_in.UNSEARCHED in card["de-identification"]["burned-in text"]
    assert card["must not be used for"]


def test_second_curation_into_the_same_folder_waits(plan, corpus):
    """Otherwise two processes would put one corpus together at once."""
    second = threading.Thread(target=curate, args=[plan])
    with FileLock(plan.output / build.LOCK):
        second.start()
        second.join(0.5)
        assert second.is_alive()
    second.join(60)
    assert not second.is_alive()


def test_digest_of_the_code_changes_with_what_decides(tmp_path, monkeypatch):
    for folder in ("curation", "data"):
        shutil.copytree(export.PACKAGE / folder, tmp_path / folder)
    monkeypatch.setattr(export, "PACKAGE", tmp_path)
    digests = {export.digest_of_code()}
    for name in ("curation/kept_attributes.yaml", "data/dicom.py"):
        with (tmp_path / name).open("a") as file:
            file.write("# other")
        digests.add(export.digest_of_code())
    assert len(digests) == 3


def test_answers_of_a_reviewer_count_where_they_were_asked_for_or_in_another_file(small):
    before = curate(small)
    assert before.card["all"]["patients"] == 8  # each under one pseudonym
    rows = pd.read_csv(small.output / build.QUEUE, dtype=str, keep_default_na=False)
    rows["confirmed"] = ["no"] * 3 + ["yes"] * 5 + [""] * 8
    elsewhere = small.output.parent / "reviewed.csv"
    for reviewed in (elsewhere, small.output / build.QUEUE):
        rows.to_csv(reviewed, index=False)
        after = curate(replace(small, reviewed=elsewhere if reviewed == elsewhere else None))
        assert after.card["normal studies"]["confirmed by"] == {"rules": 8, "radiologist": 5}
        rejected = rows["study_uid"][:3].map(Pseudonyms(KEY).uid)
        assert {*before.images["study_id"]} - {*after.images["study_id"]} == {*rejected}
