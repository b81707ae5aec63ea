"""An archive in which very much is wrong: all of it at once, and left out if asked."""

import shutil
from dataclasses import replace

import pytest
from export_files import LARGER, header, key_note, listed, uid_of, write, write_report

from rin.curation.build import CurationPlan, curate
from rin.curation.problems import KINDS, PROBLEMS
from rin.data.layouts.found import STAND_IN_NOTE
from rin.errors import InputError
from rin.study.profile import Curation


def odd_archive(root):
    """Eight good patients of two classes, and three odd files of every kind; returns these kinds.

    Some are found when headers are read, others when documents of readers are.
    """

    def image(name, study, patient, **elements):
        return write(root, header(study, patient=patient, pixels=LARGER, **elements), name)

    def note(name, finding, study, patient):
        write(root, key_note(finding, [uid_of(study)], study=study, patient=patient), name)

    for n in range(8):
        whole = image(f"good{n}.dcm", f"1{n}", f"P{n}", RescaleSlope=1, RescaleIntercept=0)
        finding = "lung: Nodule" if n % 2 else "lung: Bronchiectasis"
        note(f"note{n}.dcm", finding, f"1{n}", f"P{n}")
    kinds = {}
    for n in range(3):
        image(f"odd/nobody{n}.dcm", f"2{n}", None)
        (root / f"odd/cut{n}.dcm").write_bytes(whole.read_bytes()[: -2 - n])
        write_report(root, f"NONE{n}", "Normal chest.")
        image(f"first{n}.dcm", f"3{n}", f"Q{n}")
        image(f"second{n}.dcm", f"3{n}", "R", image="2")
        image(f"shown{n}.dcm", f"4{n}", f"S{n}")
        write_report(root, f"A4{n}", "Normal chest.")
        note(f"unclear{n}.dcm", "lung: Jabberwock", f"4{n}", f"S{n}")
        kinds |= {
            f"odd/nobody{n}.dcm": "unidentified",
            f"odd/cut{n}.dcm": "unreadable",
            f"reports/NONE{n}.txt": "unassigned-report",
            f"second{n}.dcm": "contradictory",
            f"unclear{n}.dcm": "unclear-note",
        }
    return kinds


@pytest.fixture
def archive(tmp_path):
    return CurationPlan(archive=tmp_path / "export", output=tmp_path / "out", seed=1)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_all_odd_files_are_listed_at_once_and_counted_if_left_out(archive):
    kinds = odd_archive(archive.archive)
    with pytest.raises(InputError, match="15 files of the archive cannot be used") as caught:
        curate(archive)
    for kind in KINDS:
        assert kind in caught.value.remedy
    assert "odd/" not in str(caught.value)
    assert (archive.output / PROBLEMS).stat().st_mode & 0o777 == 0o600
    first = listed(archive.output).set_index("path")
    assert first["kind"].to_dict() == kinds
    assert first["remedy"]["odd/nobody1.dcm"].startswith("Export these files again")

    corpus = curate(replace(archive, leave_out=tuple(KINDS)))
    counts = {kind: row["files"] for kind, row in corpus.card["files left out"].items()}
    assert counts == dict.fromkeys(KINDS, 3) | {"contradictory": 6}
    # Of a study with an unclear note nothing is taken as normal, whatever its report says.
    assert (len(corpus.images), {*corpus.images["kind"]}) == (8, {"key"})
    assert not (archive.output / PROBLEMS).exists()
    assert corpus.card["provenance"] == "real"
    assert not (corpus.folder / STAND_IN_NOTE).exists()

    # Files that were left out change no image, but the card.
    shutil.rmtree(archive.archive / "odd")
    again = curate(replace(archive, leave_out=tuple(KINDS)))
    assert again.images.equals(corpus.images)
    assert "unidentified" not in again.card["files left out"]


def test_problems_of_kinds_that_are_not_left_out_are_refused_alone(archive):
    write(archive.archive, header())
    write(archive.archive, header("2", PatientID=None), "nobody.dcm")
    (archive.archive / "cut.dcm").write_bytes(b"")
    with pytest.raises(InputError, match="1 file of the archive cannot be used"):
        curate(replace(archive, leave_out=("unidentified",)))
    assert [*listed(archive.output)["path"]] == ["cut.dcm"]


def test_profile_may_leave_out_every_kind_of_problem():
    assert Curation(leave_out=[*KINDS]).leave_out == [*KINDS]
