"""What the cover and the study page say of made runs: one's own, of stand-ins, shifted ones."""

import ast
import re
from functools import partial

import jupytext
import numpy as np
import pytest
from computed_pages import NOTEBOOKS, committed_run, outputs
from finished_study import pretrained_files, ranked_files, write_images
from scipy import stats
from sklearn.metrics import roc_auc_score
from tiny_study import main_study, tiny_profile

from rin.report import headline
from rin.report.format import format_number
from rin.stats.hypothesis import insert_holm
from rin.study import open_runs, open_workspace
from rin.study.ledger import computed_on
from rin.study.plan import plan_study
from rin.study.pretraining import plan_pretraining

PAGES = ("findings", "study")
CORPORA = {"radiologic": "corpus_radiologic", "photographic": "corpus_photographic"}
CHANGES = {
    "inits": ["radiologic", "photographic"],
    "pretraining.corpora": CORPORA,
    "pretraining.preprocessing": {"radiologic": "caffe_unit", "photographic": "caffe"},
    "studies": [main_study(learning_rates={"unfreeze_all": [1e-4], "freeze_all": [1e-2]})],
    "live": "breast",
    "external": True,
    "stand_ins": {},
}
# Photographic networks rank nearly all cases correctly, the others few.
SIGNALS = {"radiologic": -1.5, "photographic": 6.0}


pytestmark = pytest.mark.usefixtures("uncounted_manifests")


def pretrained(run, folder):
    record = pretrained_files(run, folder) | computed_on()
    return record | {"training_images": 36}


def made_study(tmp_path_factory, marked=()):
    """Return profile, images and results of a finished study of one task and one pair."""
    images = write_images(tmp_path_factory.mktemp("data"), marked=marked)
    results = tmp_path_factory.mktemp("results")
    workspace = open_workspace(tiny_profile(CHANGES), data_root=images, results=results)
    for run in plan_pretraining(workspace):
        workspace.weights.commit(run.run_id, run.config, partial(pretrained, run))
    for run in plan_study(workspace):
        workspace.fine_tuning_ledger.commit(
            run.run_id, run.config, partial(ranked_files, run, SIGNALS)
        )
    return {"profile": workspace.profile, "data_root": str(images), "results": str(results)}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return made_study(tmp_path_factory)


@pytest.fixture(scope="module")
def of_stand_ins(tmp_path_factory):
    return made_study(tmp_path_factory, marked=CORPORA.values())


@pytest.fixture(scope="module")
def cover(real):
    return outputs("findings", real)


@pytest.fixture(scope="module")
def committed():
    """Differences of the run that comes with the book."""
    return headline.differences(committed_run())


def about_run(texts):
    """Return what the cover says of the run that it speaks of."""
    lead = next(text for text in texts if "**Does pretraining" in text)
    (line,) = re.findall(r"- \*\*(?:Your run|This book):\*\*.*?(?= - \*|$)", lead)
    others = [text for text in texts if text.startswith(("**Your run.**", "**This book.**"))]
    return line, others


def test_cover_speaks_of_ones_own_real_run_alone_and_is_right_in_sign_and_size(real, cover):
    line, _ = about_run(cover)
    predictions = open_runs(**real).predictions()
    aucs = {
        init: np.mean([roc_auc_score(run["label"], run["score"]) for _, run in rows])
        for init in CORPORA
        for rows in [predictions[predictions["init"] == init].groupby("scenario")]
    }
    size = 100 * (aucs["photographic"] - aucs["radiologic"])
    assert size > 10
    assert f"The photographic networks are ahead on breast lesions, by {size:.1f} points" in line
    assert "One pair of networks says nothing about other pretrainings." in line
    assert "Real images" in cover[1]
    assert "reference run" not in cover[1]


def test_cover_marks_what_the_committed_run_says_beside_ones_own(cover, committed):
    (lead,) = (text for text in cover if "**Does pretraining" in text)
    said = headline.finding(committed_run())
    assert f"{format_number(100 * committed[0]['estimate'].max(), 1)} points" in said
    assert lead.count(f"- *Beside it, the run that comes with this book:* {said}") == 1


def test_cover_of_one_pair_prints_no_count_of_all_tasks_and_no_impossible_interval(cover):
    text = " ".join(cover)
    assert not re.search(r"all (?:1|one) tasks|third pretraining|[Ee]arlier run", text)
    ends = re.findall(r"\((−?[\d.]+), (−?[\d.]+)\)", text)
    widths = [float(high.replace("−", "-")) - float(low.replace("−", "-")) for low, high in ends]
    assert widths
    assert max(widths) <= 100


def test_cover_of_stand_in_weights_has_numbers_and_no_verdict(of_stand_ins):
    texts = outputs("findings", of_stand_ins)
    line, others = about_run(texts)
    assert "weights from stand-ins" in texts[1]
    assert "No verdict, as the weights are stand-ins. Difference radiologic − photo" in line
    assert not re.search(r"ahead|clear|excluded|P [=<]", " ".join([line, *others]))
    tables = [text for text in texts if "<table" in text]
    assert tables
    assert not any(re.search(r"\)\*", table) for table in tables)


@pytest.mark.slow
def test_study_page_describes_ones_own_run(real):
    text = " ".join(outputs("study", real))
    assert "The results shown here are of one of the paper's eight tasks" in text
    assert "32 px, 1 epoch" in text


def shifted(tables, points):
    """Return differences shifted by some points, with P values made anew."""
    made = []
    for table in tables:
        moved = table.drop(columns="p_holm")
        moved[["estimate", "ci_low", "ci_high"]] += points / 100
        statistic = (moved["estimate"] / moved["standard_error"]).abs()
        moved["p_value"] = 2 * stats.t.sf(statistic, moved["df"].replace(np.inf, 1e9))
        insert_holm(moved)
        made.append(moved)
    return tuple(made)


@pytest.mark.parametrize(("points", "side"), [(-30, "Photographic"), (30, "Radiologic")])
def test_scores_far_apart_are_ahead_on_all_tasks_with_their_sizes(
    monkeypatch, committed, points, side
):
    tables = shifted(committed, points)
    monkeypatch.setattr(headline, "differences", lambda runs: tables)
    text = headline.finding(committed_run())
    assert f"{side} pretraining is ahead on all six tasks: thyroid nodules by " in text
    for row in tables[0].itertuples():
        assert f" by {abs(100 * row.estimate):.1f} points (" in text


@pytest.mark.slow
def test_cover_of_scores_shifted_by_ten_points_says_photographic_ahead_where_and_by_how_much(
    monkeypatch, committed
):
    units, networks = shifted(committed, -10)
    monkeypatch.setattr(headline, "differences", lambda runs: (units, networks))
    line, _ = about_run(outputs("findings", {}))
    assert "Photographic pretraining is ahead on " in line
    clear = units[units["p_holm"] < 0.05]
    assert len(clear) > 1
    names = committed_run().titles
    for row in clear.itertuples():
        name, size = names[row.task].partition(",")[0], f"{-100 * row.estimate:.1f} points ("
        assert re.search(f"{name} by {re.escape(size)}", line, re.IGNORECASE)
    assert len(clear) == 6 or "all on the photographic side" in line


@pytest.mark.parametrize("page", PAGES)
def test_no_condition_is_hidden_in_a_formatted_text(page):
    cells = jupytext.read(NOTEBOOKS / f"{page}.py").cells
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        texts = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.JoinedStr)]
        inside = [part for text in texts for part in ast.walk(text)]
        assert not any(isinstance(part, ast.IfExp | ast.BoolOp) for part in inside)
