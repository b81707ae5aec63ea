"""Pages of a reference run: statistics anew from its cases, sentences that follow its numbers."""

import re
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fake_analyses import INITS, analyses
from fake_reference import DATASETS, write_reference
from sklearn.metrics import roc_auc_score

from rin.report.analyses_tables import holm_of_recommended
from rin.report.figures_reference import forest_alt, reference_forest
from rin.report.format import format_p
from rin.report.reference import (
    areas_table,
    beside_table,
    difference_rows,
    reference_analyses,
    shown_reference,
)
from rin.report.reference_localisation import overlap_reading, reference_overlaps
from rin.report.reference_own import OwnRun, own_run
from rin.report.reference_page import (
    ReferencePage,
    areas_section,
    beside_section,
    overlap_section,
    random_section,
    reference_block,
    reference_page,
    what_section,
)
from rin.report.reference_readings import (
    chance_reading,
    difference_reading,
    differences_reading,
    limits_reading,
    own_reading,
    pretraining_reading,
    random_reading,
)
from rin.stats import holm
from rin.stats.contrast import area_contrast
from rin.stats.paired import paired_t
from rin.study.reference import grid_predictions, load_reference, overlap_table

NO_OWN = OwnRun("demo", [], 3, False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_reference(tmp_path_factory.mktemp("runs") / "open")


@pytest.fixture(scope="module")
def reference(folder):
    return load_reference(folder)


@pytest.fixture(scope="module")
def found(reference):
    return reference_analyses(reference)


@pytest.fixture
def book(folder, monkeypatch):
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(folder.parent))


def written(tmp_path, **settings):
    return load_reference(write_reference(tmp_path / "other", **settings))


def text_of(shown):
    return "\n".join(one.to_html() if hasattr(one, "to_html") else one.data for one in shown)


def test_recommended_difference_is_the_clustered_contrast_of_the_kept_scores(reference, found):
    scored = grid_predictions(reference, "breast")
    wide = scored.pivot(index="case_id", columns=["init", "scenario"], values="score")
    cases = scored.drop_duplicates("case_id").set_index("case_id").loc[wide.index]
    weights = [(1 if init == "radiologic" else -1) / 4 for init, _ in wide.columns]
    expected = area_contrast(
        cases["label"], wide.to_numpy().T, weights, clusters=cases["patient_id"]
    )
    row = found[0].recommended
    assert row["estimate"] == pytest.approx(expected.estimate)
    assert (row["ci_low"], row["p_value"]) == pytest.approx((expected.ci_low, expected.p_value))
    p_values = [one.recommended["p_value"] for one in found]
    rows = difference_rows(found).set_index(["source", "title"])
    ends = rows.loc["reference", ["estimate", "low", "high"]].iloc[0].tolist()
    assert ends == pytest.approx(
        [100 * expected.estimate, 100 * expected.ci_low, 100 * expected.ci_high]
    )
    assert rows.loc["reference", "p_holm"].tolist() == pytest.approx(holm(p_values).tolist())


def test_tasks_stand_in_the_order_of_the_paper_with_their_images(found):
    assert [one.task for one in found] == ["breast", "pneumonia"]
    assert [one.images.origin for one in found] == ["real", "substitute"]
    assert found[1].images.replaced == DATASETS["pneumonia"][1]
    assert found[0].images.text == "real: 400 of 780"


def test_published_differences_are_those_of_the_paper(found):
    from rin.paper import COMPARISONS

    rows = difference_rows(found)
    row = rows[rows["source"] == "published"].iloc[0]
    one = COMPARISONS["breast"]
    assert (row["estimate"], row["low"], row["high"]) == (one.difference, one.ci_low, one.ci_high)
    assert row["p"] == one.p_text


def test_inits_the_other_way_round_turn_every_sign(tmp_path, found):
    turned = reference_analyses(written(tmp_path, inits=INITS[::-1]))
    here, there = (
        one.set_index("source").loc["published"]
        for one in (difference_rows(found), difference_rows(turned))
    )
    assert here["estimate"].tolist() == (-there["estimate"]).tolist()
    assert here["low"].tolist() == (-there["high"]).tolist()
    label = reference_forest(difference_rows(turned), INITS[::-1]).get_xlabel()
    assert label.endswith("Photographic − Radiologic; published: ImageNet − RadImageNet")


def test_areas_table_tells_images_patients_and_the_rarer_class(tmp_path):
    one = reference_analyses(written(tmp_path, n=60, per_patient=2))
    table = areas_table(one, {"breast": 0.5, "pneumonia": 0.5})
    cells = table.loc["Breast lesions, US", ["Test images", "Patients", "of the rarer class"]]
    assert cells.tolist() == ["60", "30", "15"]
    assert "Radiologic, mean ± SD" in table


def test_own_stand_ins_are_marked_in_table_figure_and_sentence(reference, found):
    own = OwnRun("demo", [analyses("breast", origin="stand-in", inits=INITS)], 0, False)
    own.found[0] = replace(own.found[0], pooled=found[0].pooled)
    rows = difference_rows(found, own.found)
    assert rows.loc[rows["stand_in"], "source"].tolist() == ["own"]
    table = beside_table(found, own.found)
    assert table.loc[("Breast lesions, US", "This run"), "Images"].startswith("stand-in")
    labels = [t.get_text() for t in reference_forest(rows, INITS).figure.legends[0].get_texts()]
    assert "this run (stand-ins)" in labels
    said = own_reading(own, reference)
    assert "1 on stand-in images" in said and "not a finding" in said


def test_own_run_that_is_the_reference_run_confirms_nothing(reference):
    own = OwnRun("open", [analyses("breast")], 0, True)
    assert "confirm nothing" in own_reading(own, reference)
    assert "3 unfinished runs" in own_reading(NO_OWN, reference)
    other = OwnRun("mine", [analyses("thyroid")], 0, False)
    assert "shares no task" in own_reading(other, reference)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((0.03, -0.02, 0.08), "no clear difference. The paper prints +4.0 (−0.6, 8.7). The "
         "interval here holds the published difference."),
        ((0.12, 0.08, 0.16), "radiologic ahead. The paper prints +4.0 (−0.6, 8.7). The interval "
         "here does not hold"),
        ((-0.12, -0.16, -0.08), "photographic ahead."),
        ((float("nan"),) * 3, "cannot be tested here. The paper prints"),
    ],
)  # fmt: skip
def test_sentence_of_a_task_follows_its_interval(found, ends, said):
    one = analyses("breast", {"clustered_contrast": ends})
    told = difference_reading(replace(one, pooled=found[0].pooled), 0.04)
    assert said in told
    assert told.count("nan") == 0


def test_summary_counts_conclusions_before_and_after_holm(found):
    clear = analyses("breast", {"clustered_contrast": (0.05, 0.01, 0.09)})
    unclear = analyses("pneumonia", {"clustered_contrast": (0.05, -0.01, 0.11)})
    told = differences_reading([clear, unclear])
    assert "radiologic ahead in 1, no clear difference in 1" in told
    assert "P is below .05 in 0" in told  # 0.03 twice, adjusted to 0.06
    assert "does not say that there is none" in told
    assert "does not say" not in differences_reading([clear])


def test_limits_name_substitutes_small_classes_and_nameless_patients(tmp_path, reference, found):
    told = limits_reading(reference, found)
    for part in ("60 test images a task (1 fold)", "75 pixels", "3 epochs of fine-tuning",
                 "4 epochs on 2,600 images of 26 classes",
                 "In 1 task the images are not those of the paper",
                 "Children’s radiographs instead of RSNA radiographs",
                 "No patients are named for 1 task (Breast lesions, US)",
                 "With one split"):  # fmt: skip
        assert part in told
    assert "fewer than 30 test patients" not in told
    fewer = written(tmp_path, n=40, tasks=("breast",))
    told = limits_reading(fewer, reference_analyses(fewer))
    assert "In 1 task a class has fewer than 30 test patients" in told
    assert "not those of the paper" not in told


def test_random_reading_follows_the_gains():
    rows = [("radiologic", "breast", 0.2, 0.1, 0.3, 0.001), ("photographic", "breast", 0.05, -0.05,
            0.15, 0.3), ("radiologic", "pneumonia", -0.2, -0.3, -0.1, 0.002)]  # fmt: skip
    gains = pd.DataFrame(
        rows, columns=["init", "task", "difference", "ci_low", "ci_high", "p_holm"]
    )
    told = random_reading(gains, {"breast": "Breast", "pneumonia": "Pneumonia"})
    assert "Of 3 comparisons" in told
    assert "above zero in 1, below it in 1, and holds it in 1" in told
    assert "P < .05 in 1 (radiologic on Breast)" in told


def test_pretraining_reading_gives_range_and_chance(reference):
    told = pretraining_reading(reference)
    assert "Radiologic 0.70 to 0.75 over 2 backbones" in told
    assert "26 classes by chance gives about 0.04" in told


def test_dice_is_tested_over_patients_and_over_images(reference):
    (one,) = reference_overlaps(reference)
    table = overlap_table(reference, "breast").astype({"dice": float})
    means = table.groupby(["case_id", "init"])["dice"].mean().unstack()
    expected = paired_t(means["radiologic"].to_numpy(), means["photographic"].to_numpy())
    assert one.tested("image_t")["p_value"] == pytest.approx(expected.p_value)
    assert one.tested()["estimate"] == pytest.approx(expected.mean_difference)
    assert one.n_images == means.shape[0] == 50


@pytest.mark.parametrize(
    ("dice", "said"),
    [
        ((0.35, 0.2), ["excludes zero", "Radiologic is above", "has the same sign"]),
        ((0.2, 0.35), ["Radiologic is below", "has the opposite sign"]),
        ((0.25, 0.25), ["no clear difference", "same sign cannot be told"]),
    ],
)
def test_sentence_of_dice_follows_its_numbers(tmp_path, dice, said):
    (one,) = reference_overlaps(written(tmp_path, tasks=("breast",), dice=dice))
    told = overlap_reading(one)
    for part in said:
        assert part in told


def test_sections_of_a_whole_page_show_every_part(reference):
    page = ReferencePage(reference, NO_OWN)
    what = text_of(what_section(page))
    for part in ("Real images", "Python 3.11.9", "keras 3.12.0", "A processor", "bbbbbbbbbbbb",
                 "open substitute for RSNA radiographs", "CC BY 4.0", "2026-11-20"):  # fmt: skip
        assert part in what
    assert "Breast lesions" in text_of(areas_section(page))
    beside = text_of(beside_section(page))
    assert "Published" in beside and "3 unfinished runs" in beside and "<img" in beside
    assert "random" in text_of(random_section(page))
    assert "Dice" in text_of(overlap_section(page))


def test_better_scores_change_what_the_page_says(tmp_path):
    equal = written(tmp_path / "a", lead=0.0, tasks=("breast",))
    ahead = written(tmp_path / "b", lead=3.0, tasks=("breast",))
    said = [text_of(areas_section(ReferencePage(one, NO_OWN))) for one in (equal, ahead)]
    assert "no clear difference in 1" in said[0]
    assert "radiologic ahead in 1" in said[1]


def test_areas_no_better_than_chance_are_counted_by_task_and_backbone(tmp_path):
    titles = {"breast": "Breast lesions", "pneumonia": "Pneumonia"}
    good = chance_reading(written(tmp_path / "a", gain=4.0, lead=0.0), titles)
    assert re.fullmatch(r"All \d+ areas of the grids are above 0.5\.", good)
    mixed = written(tmp_path / "b", gain=0.0, lead=0.0, n=40)
    low, text = {}, chance_reading(mixed, titles)
    for task in titles:
        for (scenario, _), run in grid_predictions(mixed, task).groupby(["scenario", "init"]):
            area = roc_auc_score(run["label"], run["score"])
            low.setdefault(task, []).append((area <= 0.5, scenario.partition("-")[0]))
    total = sum(is_low for runs in low.values() for is_low, _ in runs)
    n = sum(map(len, low.values()))
    assert 0 < total < n
    assert f"Of the {n} areas of the grids, {total} are at or below 0.5" in text
    for task, runs in low.items():
        named = Counter(backbone for is_low, backbone in runs if is_low)
        assert f"{titles[task]} {named.total()} of {len(runs)} (" in text
        part = text.partition(f"{titles[task]} ")[2].partition(")")[0]
        for backbone, count in named.items():
            assert f"{backbone} {count}" in part
    wrong = chance_reading(written(tmp_path / "c", gain=-4.0, lead=0.0, n=80), titles)
    assert f"Of the {n} areas of the grids, {n} are" in wrong
    assert f"In {n} of them the interval" in wrong


def test_run_without_maps_or_random_weights_says_so(tmp_path):
    page = ReferencePage(written(tmp_path, overlap=False, from_random=()), NO_OWN)
    assert "no runs from random weights" in text_of(random_section(page))
    assert "No task of the reference run" in text_of(overlap_section(page))


def test_book_without_a_reference_run_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    study = SimpleNamespace(profile=SimpleNamespace(name="demo"))
    page = reference_page(study)
    (only,) = what_section(page)
    assert "no reference run yet" in only.data and "rin reference write" in only.data
    for section in (areas_section, beside_section, random_section, overlap_section):
        assert section(page) == []
    assert [one.data for one in reference_block()] == [only.data]


def test_reference_of_the_profile_comes_before_the_default(folder, tmp_path, monkeypatch):
    write_reference(tmp_path / "mine", tasks=("breast",))
    (tmp_path / "open").symlink_to(folder)
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    assert [shown_reference(name).name for name in ("mine", "demo", "")] == ["mine", "open", "open"]


def test_block_of_a_task_adjusts_over_all_tasks(book, found):
    one, every = text_of(reference_block(["breast"])), text_of(reference_block())
    line = re.search(r"- Breast lesions.*", one).group()
    assert line in every
    assert "Pneumonia" not in one and "Pneumonia" in every
    adjusted = holm_of_recommended(found)
    first = min(found, key=lambda task: task.recommended["p_value"])
    p, p_holm = format_p(first.recommended["p_value"]), format_p(adjusted[first.task])
    assert p != p_holm
    assert f"({p}; after Holm {p_holm})" in text_of(reference_block([first.task]))
    assert "holds other tasks: Breast lesions" in text_of(reference_block(["knee"]))


def test_own_run_counts_what_is_missing_before_it_reads_anything(monkeypatch):
    runs = [SimpleNamespace(run_id=str(k)) for k in range(4)]
    monkeypatch.setattr("rin.report.reference_own.plan_pretraining", lambda _: runs)
    weights = SimpleNamespace(count=lambda ids: 1)
    study = SimpleNamespace(profile=SimpleNamespace(name="demo"), weights=weights)
    assert own_run(study) == OwnRun("demo", [], 3, False)


def test_figure_draws_each_source_and_says_what_cannot_be_computed(found):
    rows = difference_rows(found)
    rows.loc[rows.index[1], ["low", "high"]] = np.nan
    ax = reference_forest(rows, INITS)
    notes = [note.get_text() for note in ax.texts]
    assert "reference run: cannot be computed" in notes
    assert "Breast lesions, US" in notes
    assert "Breast lesions, US, reference run: none" in forest_alt(rows)


def test_names_from_files_are_escaped(tmp_path, reference, monkeypatch):
    facts = reference.facts.model_copy(update={"name": "<script>alert(1)</script>"})
    page = ReferencePage(replace(reference, facts=facts), NO_OWN)
    assert "<script>" not in text_of(what_section(page))
