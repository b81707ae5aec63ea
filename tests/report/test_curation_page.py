"""The page itself, run on a stand-in archive that is passed off as a real one."""

import html
import json
import re

import pytest

from rin.curation.index import read_archive
from rin.curation.standin import write_archive
from rin.data.layouts.found import STAND_IN_NOTE
from rin.files import REPOSITORY
from rin.report.execution import Job

NOTEBOOK = REPOSITORY / "notebooks/pipeline/curation.py"
IDENTIFIERS = ["patient_id", "study_uid", "accession_number", "series_uid", "sop_uid"]


def words_of(page):
    """Everything that the outputs of a computed notebook say, pictures left out."""
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    told = []
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        told += [output.get("text", ""), *output.get("data", {}).values()]
    texts = ["".join(one) for one in told if isinstance(one, str | list)]
    plain = re.sub(r"data:image/[^\"]*", "", html.unescape("\n".join(texts)))
    return " ".join(plain.split())


@pytest.mark.slow
def test_page_of_a_real_archive_shows_no_identifier_and_no_report(tmp_path):
    written = write_archive(tmp_path / "written", studies=96, size=64, seed=5)
    (tmp_path / "images").mkdir()
    archive = written.rename(tmp_path / "images" / "archive")
    (archive / STAND_IN_NOTE).unlink()
    (archive / "truth.csv").unlink()
    page, results = tmp_path / "page.ipynb", tmp_path / "results"
    values = {"profile": "smoke", "data_root": str(archive.parent), "results": str(results)}
    Job(NOTEBOOK, page, values).run()

    shown = words_of(page)
    assert "Real images" in shown
    files, reports = read_archive(archive, results / "smoke" / "curation" / "index")[2:4]
    rows = {*files[IDENTIFIERS].stack(), *reports[["findings", "impression"]].stack()}
    told = {" ".join(row.split()) for row in rows if row.strip()}
    assert len(told) > 500
    assert sorted(one for one in told if one in shown) == []
