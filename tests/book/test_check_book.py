"""The check of the built book: what it must not let pass."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from rin.report.chapters import CHAPTERS, Chapter, Page
from rin.study.ledger import Ledger, digest_of

ROOT = Path(__file__).resolve().parents[2]
NAME = "breast_fine_tuning"
CHAPTER = Chapter("fine_tuning", ("task",), 0, "Tasks", "every scenario")
PAGE = Page(CHAPTER, "breast")
BANNER = '<div class="rin-provenance rin-stand-in">Stand-in images</div>'


@pytest.fixture(scope="module")
def check():
    path = ROOT / ".ci" / "check_book.py"
    spec = importlib.util.spec_from_file_location("check_book", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_book"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["check_book"]


def area(labels, scores):
    """Area by the rank sum of Mann and Whitney."""
    positive = labels == 1
    m, n = positive.sum(), (~positive).sum()
    return (rankdata(scores)[positive].sum() - m * (m + 1) / 2) / (m * n)


def add_run(ledger, scenario, init, fold, *, seed, size=64, **settings):
    """Commit a run with random scores; returns its test area."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"label": np.arange(20) % 2, "score": rng.random(20).round(1)})
    table["part"] = ["validation"] * 6 + ["test"] * 14
    config = {"task": "breast", "scenario": scenario, "init": init, "fold": fold, "seed": seed}
    config |= {"size": size} | settings
    ledger.commit(
        digest_of(config),
        config,
        lambda folder: table.to_parquet(folder / "predictions.parquet") or {},
    )
    test = table[table["part"] == "test"]
    return area(test["label"].to_numpy(), test["score"].to_numpy())


def ids_of(ledger):
    return {done.parent.name for done in ledger.folder.glob("*/done.json")}


@pytest.fixture
def ledger(tmp_path):
    """Two scenarios, two folds of the first one, two inits; and the mean area of each init."""
    book = Ledger(tmp_path / "runs")
    means = {}
    for offset, init in ((0, "radiologic"), (10, "photographic")):
        first = [add_run(book, "s1", init, fold, seed=offset + fold) for fold in (0, 1)]
        means[init] = (np.mean(first) + add_run(book, "s2", init, 0, seed=offset + 5)) / 2
    return book, means


@pytest.fixture
def built(check, tmp_path, ledger):
    """A book of one page that is right in every respect."""
    book, means = ledger
    values = {"name_a": "'radiologic'", "mean_a": repr(float(means["radiologic"]))}
    values |= {"name_b": "'photographic'", "mean_b": repr(float(means["photographic"]))}
    values |= {"n_runs": "6", "dice": "-0.031395418"}
    prose = "{glue:text}`n_runs` runs: {glue:text}`mean_a:.3f`, {glue:text}`dice:.2f`"
    outputs = [
        {"data": {"text/plain": text}, "metadata": {"scrapbook": {"name": key}}}
        for key, text in values.items()
    ]
    cells = [
        {"cell_type": "code", "source": "", "outputs": outputs},
        {"cell_type": "markdown", "source": prose},
    ]
    shown = ["6", f"{means['radiologic']:.3f}", "-0.03"]
    spans = " ".join(f'<span class="pasted-text">{text}</span>' for text in shown)
    grids = {"breast": ids_of(book)}
    made = check.Built(tmp_path / "notebooks", tmp_path / "html", book.folder, ("stand-in",), grids)
    (made.html / "notebooks").mkdir(parents=True)
    made.notebooks.mkdir()
    (made.notebooks / f"{NAME}.ipynb").write_text(json.dumps({"cells": cells}))
    (made.html / "notebooks" / f"{NAME}.html").write_text(
        f"<h1>{PAGE.heading}</h1>{BANNER}<p>{spans}</p>"
    )
    return made


KEYS = ("n_runs", "mean_a", "dice")


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_check_of_right_book_has_no_complaint(check, built):
    assert check.check_page(PAGE, KEYS, built) + check.check_areas("breast", built) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (">6<", ">16<", "n_runs = 6 is shown as '16'"),
        (">-0.03<", ">0.03<", "is shown as '0.03'"),
        (">-0.03<", ">-0.031<", "is shown as '-0.031'"),
        (">-0.03<", ">nan<", "dice is shown as 'nan'"),
        ('<span class="pasted-text">6</span>', "6", "2 values shown, 3 in the prose"),
        ("rin-stand-in", "rin-real", "does not say that its images are stand-in"),
        ("rin-provenance ", "", "does not say that its images are stand-in"),
        ("every scenario", "the images", "is not headed 'Breast lesions, US: every scenario'"),
        ("<p>", "<p>Traceback (most recent call last)", "shows a traceback"),
        ("<p>", "<p>Fine-tuning: 2%| | 1/48 [01:00&lt;11:46, 15.03s/run]", "shows a progress bar"),
    ],
)
def test_check_of_page_that_is_wrong_complains(check, built, old, new, complaint):
    change(built.html / "notebooks" / f"{NAME}.html", old, new)
    assert any(complaint in line for line in check.check_page(PAGE, KEYS, built))


def test_check_of_page_without_an_expected_key_complains(check, built):
    complaints = check.check_page(PAGE, (*KEYS, "n_cases"), built)
    assert f"{NAME}: nothing glued as 'n_cases'" in complaints
    assert f"{NAME}: 'n_cases' is not in the prose" in complaints


def test_check_of_missing_page_names_it(check, built):
    page = Page(Chapter("cover", (), 0, ""))
    assert check.check_page(page, (), built) == ["cover: no cover.ipynb", "cover: no cover.html"]


def test_check_of_page_of_real_and_stand_in_images_accepts_what_was_named(check, built):
    either = dataclasses.replace(built, provenances=("real", "stand-in", "mixed"))
    assert check.check_page(PAGE, KEYS, either) == []


def test_check_of_the_page_of_the_reference_run_asks_for_real_images(check, built):
    page = Page(Chapter("reference_run", ("task",), 0, "Tasks", "every scenario"), "breast")
    for kind in ("notebooks", "html/notebooks"):
        (old,) = (built.html.parent / kind).glob(f"{NAME}.*")
        old.rename(old.with_name(f"breast_reference_run{old.suffix}"))
    (told,) = check.check_page(page, KEYS, built)
    assert "does not say that its images are real" in told
    change(built.html / "notebooks" / "breast_reference_run.html", "rin-stand-in", "rin-real")
    assert check.check_page(page, KEYS, built) == []


def test_ledger_areas_average_folds_first_and_test_cases_only(check, ledger):
    book, means = ledger
    count, areas = check.ledger_areas(book.folder, ids_of(book))
    assert count == 6
    assert areas == pytest.approx(means, abs=1e-12)


def test_ledger_areas_leave_out_runs_of_other_studies(check, ledger):
    book, means = ledger
    ids = ids_of(book)
    add_run(book, "s1", "radiologic", 0, seed=3, size=32)
    add_run(book, "s1", "random", 0, seed=5)
    count, areas = check.ledger_areas(book.folder, ids)
    assert (count, areas) == (6, pytest.approx(means, abs=1e-12))


def test_check_areas_when_mean_is_off_by_little_complains(check, built, ledger):
    mean = float(ledger[1]["photographic"])
    change(built.notebooks / f"{NAME}.ipynb", repr(mean), repr(mean + 1e-7))
    (line,) = check.check_areas("breast", built)
    assert "mean area of photographic" in line


def test_check_areas_when_runs_are_missing_complains(check, built):
    run = next(built.ledger.iterdir())
    (run / "done.json").unlink()
    assert any(
        "n_runs = 6, the ledger has 5" in line for line in check.check_areas("breast", built)
    )


def test_check_areas_of_empty_ledger_complains(check, built, tmp_path):
    empty = dataclasses.replace(built, ledger=tmp_path / "absent")
    assert len(check.check_areas("breast", empty)) == 3


def test_expected_keys_are_those_of_the_prose(check):
    assert {"n_cases", "n_positive", "n_pairs"} <= set(check.expected_keys("dataset_card"))


def test_notebooks_without_banner_are_chapters(check):
    assert {chapter.source for chapter in CHAPTERS} >= check.WITHOUT_BANNER | check.ALWAYS_REAL
