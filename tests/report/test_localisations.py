from dataclasses import replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from fake_localisation import CASES, SIDE, maps_of, marked
from fake_tasks import INITS, inputs
from scipy import stats

from rin.explain.overlap import cam_dice
from rin.report import figures_across, localisation, localisation_tables, readings_across


@pytest.fixture
def study(monkeypatch):
    monkeypatch.setattr(localisation, "cam_arrays", lambda study, one: maps_of(one))
    return SimpleNamespace(profile=SimpleNamespace(inits=[*INITS, "random"]))


def direct_dice(one, init):
    """Dice of every scenario and case with a lesion, straight from the maps."""
    lesions, rows_of = one.store.masks()[::2], []
    for rows, maps in maps_of(one):
        if rows["init"].iloc[0] != init:
            continue
        called = (rows["score"] > 0.5).astype(int).to_numpy()
        chosen = np.maximum(maps[np.arange(CASES), :, :, called], 0)
        scaled = np.rint(255 * chosen / chosen.max(axis=(1, 2), keepdims=True)).astype(np.uint8)
        rows_of.append(cam_dice(scaled[::2], lesions, 180))
    return np.array(rows_of)


def test_localisation_states_dice_of_each_init_and_their_paired_test(study):
    one = marked("breast")
    found = localisation.localisation(study, one)
    dice = {init: direct_dice(one, init) for init in INITS}
    summary = found.summary.set_index("init")
    assert set(summary.index) == set(INITS)
    for init in INITS:
        means = dice[init].mean(axis=1)
        assert summary.loc[init, "mean"] == pytest.approx(means.mean())
        assert summary.loc[init, "sd"] == pytest.approx(means.std(ddof=1))
    per_image = [dice[init].mean(axis=0) for init in INITS]
    assert found.test.p_value == pytest.approx(stats.ttest_rel(*per_image).pvalue)
    assert found.test.n == CASES // 2
    whole = found.baselines.set_index("baseline").loc["whole image", "dice"]
    share = 144 / SIDE**2
    assert whole == pytest.approx(2 * share / (1 + share))


def test_localisation_shows_only_cases_with_a_lesion(study):
    found = localisation.localisation(study, marked("breast"))
    assert len(found.cases) == len(found.pictures) == len(found.outlines) == 1
    assert found.outlines.any(axis=(1, 2)).all()
    assert found.cases["label"].tolist() == ["malignant"]
    assert set(found.maps) == set(INITS)
    assert found.map_sides == (SIDE, SIDE)


def test_localisation_has_the_published_dice_of_its_task_or_none(study):
    found = localisation.localisation(study, marked("breast"))
    assert found.published_means == {"radiologic": 0.163, "photographic": 0.140}
    assert "Published: 0.163 and 0.140." in found.reading
    beyond = localisation.localisation(study, marked("pneumonia"))
    assert beyond.published_means == {}
    assert "states no Dice score for this task" in beyond.reading
    assert "by an outline" in beyond.reading
    assert "by a box" in replace(beyond, marked_by="box").reading


def test_localisations_leave_out_tasks_without_masks(study):
    known = {"pneumonia": marked("pneumonia"), "acl": inputs("acl"), "breast": marked("breast")}
    found = localisation.localisations(study, known)
    assert [one.task for one in found] == ["breast", "pneumonia"]


def test_localisation_rows_draw_maps_and_bars_with_their_provenance(study):
    known = [marked("breast"), marked("pneumonia", provenance="real", title="<b>")]
    found = [localisation.localisation(study, one) for one in known]
    rows = figures_across.localisation_rows(found)
    assert [row.data.count("<img") for row in rows] == [2, 2]
    assert "stand-in: 12" in rows[0].data and "not a finding" in rows[0].data
    assert "real: 12" in rows[1].data and "not a finding" not in rows[1].data
    assert plt.get_fignums() == []
    assert figures_across.localisation_rows([]) == []


def test_dice_scoreboard_sets_further_tasks_below_those_of_the_paper(study):
    found = [localisation.localisation(study, marked(task)) for task in ("breast", "pneumonia")]
    table = localisation_tables.dice_scoreboard(found, INITS)
    assert table.index.tolist() == [
        "Thyroid nodules, US",
        "Breast lesions, US",
        "Pneumonia, chest radiography",
    ]
    assert set(table.loc["Thyroid nodules, US", "Recomputed"]) == {"–"}
    assert set(table.loc["Pneumonia, chest radiography", "Published"]) == {"–"}
    mean = direct_dice(marked("pneumonia"), "radiologic").mean()
    cell = table.loc["Pneumonia, chest radiography", ("Recomputed", "Radiologic")]
    assert cell.startswith(f"{mean:.3f} ± ")


def test_dice_scoreboard_of_no_task_shows_the_published_scores_alone():
    table = localisation_tables.dice_scoreboard([], INITS)
    assert len(table) == 2
    assert set(table["Recomputed"].to_numpy().ravel()) == {"–"}


def test_overlap_reading_counts_tasks_in_which_a_baseline_leads(study):
    found = localisation.localisation(study, marked("breast"))
    high = replace(found, baseline_means=found.baseline_means.assign(dice=0.9))
    low = replace(found, baseline_means=found.baseline_means.assign(dice=0.0))
    text = readings_across.overlap_reading([high, low, low]).data
    assert "In 1 of 3 tasks" in text
    assert "All of them rest on stand-ins" in text
