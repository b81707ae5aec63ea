"""An archive in which very much is wrong: all of it at once, and left out if asked."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from export_files import header, key_note, listed, uid_of, write, write_report

from rin.curation.build import CurationPlan, curate
from rin.curation.problems import KINDS, PROBLEMS
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


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_160_odd_files_are_listed_at_once_and_counted_if_left_out(
    archive,
):
    kinds = odd_archive(archive.archive)
    with pytest.raises(InputError, match="160 files of the archive cannot be used") as caught:
        curate(archive)
    for kind in KINDS:
        assert kind in caught.value.remedy
    first = listed(archive.output)
    assert dict(zip(first["path"], first["kind"], strict=True)) == kinds

    # Some are taken away, one comes.
    shutil.rmtree(archive.archive / "odd")
    write(archive.archive, header("9", PatientID=None), "a_new_one.dcm")
    with pytest.raises(InputError, match="81 files of the archive cannot be used"):
        curate(archive)
    kept = {name for name in kinds if not name.startswith("odd/")}
    assert {*listed(archive.output)["path"]} == kept | {"a_new_one.dcm"}

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
    assert not (archive.output / PROBLEMS).exists()


def test_problems_of_kinds_that_are_not_left_out_are_refused_alone(archive):
    for n in range(4):
        write(archive.archive, header(f"1{n}", patient=f"P{n}", pixels=pixels))
    write(archive.archive, header("2", PatientID=None), "nobody.dcm")
    (archive.archive / "cut.dcm").write_bytes(b"")
    with pytest.raises(InputError, match="1 file of the archive cannot be used"):
        curate(replace(archive, leave_out=("unidentified",)))
    assert [*listed(archive.output)["path"]] == ["cut.dcm"]


def test_profile_may_leave_out_every_kind_of_problem():
    assert Curation(leave_out=[*KINDS]).leave_out == [*KINDS]
