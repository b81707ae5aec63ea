"""An archive in which very much is wrong: all of it at once, by number, and left out if asked."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from export_files import header, key_note, names_of, uid_of, write, write_report

from rin.curation import build
from rin.curation.build import CurationPlan, curate, keep_left_out, kept_left_out
from rin.curation.problems import KINDS, number_files
from rin.errors import InputError
from rin.study.profile import Curation

pixels = np.arange(80, dtype=np.uint8).reshape(8, 10)
#: Of which there are so many that one by one nobody would get them right.
ODD = 160


def odd_archive(root):
    """Eight good patients of two classes, and 160 odd files; returns the kind of each by its name.

    There are some of every kind; some are found when headers are read, others when documents of
    readers or pixels are.
    """
    for n in range(1, 9):
        scan = header(
            f"1{n}", patient=f"P{n}", pixels=pixels, RescaleSlope="1", RescaleIntercept="0"
        )
        write(root, scan, f"dicom/good{n}.dcm")
        finding = "lung: Nodule" if n % 2 else "lung: Bronchiectasis"
        note = key_note(finding, [uid_of(f"1{n}")], study=f"1{n}", patient=f"P{n}")
        write(root, note, f"notes/good{n}.dcm")
    whole = (root / "dicom/good1.dcm").read_bytes()
    kinds = {}

    def odd(name, kind):
        kinds[name] = kind
        return name

    for n in range(40):
        path = root / odd(f"odd/cut{n:02}.dcm", "unreadable")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(whole[: -2 - n])
        nobody = header(f"2{n:02}", PatientID=None)
        write(root, nobody, odd(f"odd/nobody{n:02}.dcm", "unidentified"))
        write_report(root, f"NONE{n:02}", "Normal chest.")
        odd(f"reports/NONE{n:02}.txt", "unassigned-report")
    for n in range(20):
        study, patient = f"3{n:02}", f"Q{n}"
        write(root, header(study, patient=patient, pixels=pixels), f"dicom/first{n:02}.dcm")
        other = header(study, image="2", patient="R", pixels=pixels)
        write(root, other, odd(f"dicom/second{n:02}.dcm", "contradictory"))
    for n in range(10):
        study, patient = f"4{n:02}", f"S{n}"
        write(root, header(study, patient=patient, pixels=pixels), f"dicom/shown{n:02}.dcm")
        write_report(root, f"A{study}", "Normal chest.")
        note = key_note("lung: Jabberwock", [uid_of(study)], study=study, patient=patient)
        write(root, note, odd(f"notes/unclear{n:02}.dcm", "unclear-note"))
        study, patient = f"5{n:02}", f"T{n}"
        # Pixels that nothing decodes, behind a header that is good.
        scan = header(study, patient=patient, pixels=pixels, BitsAllocated=32, BitsStored=32,
                      HighBit=31)  # fmt: skip
        write(root, scan, odd(f"dicom/undecoded{n:02}.dcm", "unreadable"))
        note = key_note("lung: Nodule", [uid_of(study)], study=study, patient=patient)
        write(root, note, f"notes/undecoded{n:02}.dcm")
    assert len(kinds) == ODD
    return kinds


@pytest.fixture
def archive(tmp_path):
    return CurationPlan(archive=tmp_path / "export", output=tmp_path / "out", seed=1)


def listed(plan):
    path = plan.output / build.PROBLEMS
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_160_odd_files_are_listed_at_once_keep_numbers_and_are_counted_if_left_out(
    archive,
):
    kinds = odd_archive(archive.archive)
    places = {name: str(n) for n, name in enumerate(names_of(archive.archive), start=1)}
    with pytest.raises(InputError, match="160 files of the archive cannot be used") as caught:
        curate(archive)
    for kind in KINDS:
        assert kind in caught.value.remedy
    first = listed(archive)
    assert dict(zip(first["path"], first["kind"], strict=True)) == kinds
    assert dict(zip(first["path"], first["number"], strict=True)) == {
        name: places[name] for name in kinds
    }

    # Some are taken away, one comes: the others are called what they were called.
    shutil.rmtree(archive.archive / "odd")
    write(archive.archive, header("9", PatientID=None), "a_new_one.dcm")
    with pytest.raises(InputError, match="81 files of the archive cannot be used"):
        curate(archive)
    second = listed(archive).set_index("path")["number"]
    kept = {name: places[name] for name in kinds if not name.startswith("odd/")}
    assert second.to_dict() == kept | {"a_new_one.dcm": str(len(places) + 1)}

    corpus = curate(replace(archive, leave_out=tuple(KINDS)))
    counts = {kind: row["files"] for kind, row in corpus.card["files left out"].items()}
    assert counts == {
        "unreadable": 10, "unidentified": 1, "contradictory": 40, "unassigned-report": 40,
        "unclear-note": 10,
    }  # fmt: skip
    # Of a study with an unclear note nothing is taken as normal, whatever its report says.
    assert (len(corpus.images), {*corpus.images["kind"]}) == (8, {"key"})
    excluded = corpus.excluded.set_index("rule")["images"]
    assert excluded["unreadable"] == 10
    assert len(corpus.images) + excluded.sum() == corpus.card["archive"]["instances"]
    assert not (archive.output / build.PROBLEMS).exists()


def test_problems_of_kinds_that_are_not_left_out_are_refused_alone(archive):
    for n in range(4):
        write(archive.archive, header(f"1{n}", patient=f"P{n}", pixels=pixels))
    write(archive.archive, header("2", PatientID=None), "nobody.dcm")
    (archive.archive / "cut.dcm").write_bytes(b"")
    with pytest.raises(InputError, match="1 file of the archive cannot be used"):
        curate(replace(archive, leave_out=("unidentified",)))
    assert [*listed(archive)["path"]] == ["cut.dcm"]


def test_number_of_a_file_is_its_place_when_it_was_first_seen(tmp_path):
    assert number_files(tmp_path, ["b", "a"]) == {"a": 1, "b": 2}
    assert number_files(tmp_path, ["b", "0"])["0"] == 3
    assert number_files(tmp_path, ["b"]) == {"a": 1, "b": 2, "0": 3}


def test_kinds_that_are_left_out_are_kept_until_they_are_named_anew(tmp_path):
    assert kept_left_out(tmp_path) == ()
    keep_left_out(tmp_path, ["unreadable", "contradictory"])
    assert kept_left_out(tmp_path) == ("contradictory", "unreadable")
    keep_left_out(tmp_path, [])
    assert kept_left_out(tmp_path) == ()
    with pytest.raises(InputError, match=r"unknown problem with files 'unreadble' \(did you mean"):
        keep_left_out(tmp_path, ["unreadble"])
    (tmp_path / build.LEFT_OUT).write_text("{")
    with pytest.raises(InputError, match="give the problems again"):
        kept_left_out(tmp_path)


def test_curate_says_what_was_left_out_and_keeps_for_which_problems(rin, tmp_path, monkeypatch):
    plan = CurationPlan(archive=tmp_path, output=tmp_path / "out", seed=1)
    row = {"files": 3, "because": KINDS["unreadable"]}
    card = {"archive": {"instances": 9}, "files left out": {"unreadable": row}}
    images = pd.DataFrame({"patient_id": ["a"]})
    made = build.CuratedCorpus(tmp_path / "shared/corpus", card, images, images, images)
    monkeypatch.setattr("rin.study.corpora.curation_plan", lambda _: plan)
    monkeypatch.setattr("rin.study.corpora.curated_corpus", lambda _: made)
    options = ["--profile", "smoke", "--leave-out", "unreadable,unclear-note"]
    status, told, _ = rin("curate", *options, "--leave-out", "contradictory")
    assert status == 0
    assert "left out              3 files: unreadable" in told
    assert kept_left_out(plan.output) == ("contradictory", "unclear-note", "unreadable")
    rin("curate", "--profile", "smoke")
    assert len(kept_left_out(plan.output)) == 3
    rin("curate", "--profile", "smoke", "--leave-out", "none")
    assert kept_left_out(plan.output) == ()


def test_profile_may_leave_out_every_kind_of_problem():
    assert Curation(leave_out=[*KINDS]).leave_out == [*KINDS]
