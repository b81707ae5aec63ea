import re
from dataclasses import replace
from html import unescape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from fake_tasks import INITS, result

from rin.paper import COMPARISONS
from rin.report import figures_across as across
from rin.report import readings_across as readings
from rin.report.figures_cam import cam_panel, dice_bars
from rin.report.style import INIT_STYLE

HOSTILE = "Nodes <img src=x onerror=alert(1)> & <b>"


@pytest.fixture(scope="module")
def results():
    """All tasks of the paper: one on real images, one on a substitute, the others stand-ins."""
    special = {"breast": {"provenance": "real"}}
    special["pneumonia"] = {"provenance": "real", "replaced": "RSNA Pneumonia"}
    return [result(task, seed, **special.get(task, {})) for seed, task in enumerate(COMPARISONS)]


def by_task(results):
    return {one.task: one for one in results}


def test_task_panels_draw_every_scenario_and_both_mean_curves(results):
    one = results[0]
    swarm, *curves = across.task_panels(one, across.area_limits(results))
    points = np.concatenate([c.get_offsets() for c in swarm.collections if len(c.get_offsets())])
    drawn = points[points[:, 1] > 0][:, 1]
    assert sorted(drawn) == pytest.approx(sorted(one.scenarios["auc"]))
    for ax, init in zip(curves, INITS, strict=True):
        rows = one.curves[(one.curves["init"] == init) & (one.curves["method"] == "vertical")]
        line = ax.get_lines()[-1]
        assert line.get_color() == INIT_STYLE[init].color
        assert line.get_ydata() == pytest.approx(rows["tpr"].to_numpy())


def test_task_panels_are_figures_of_their_own_so_that_a_browser_can_wrap_them(results):
    axes = across.task_panels(results[0], (0.4, 1.0))
    assert len({ax.figure.number for ax in axes}) == 3


def test_swarm_shows_published_mean_and_sd_and_says_so(results):
    one = by_task(results)["acl"]
    swarm = across.task_panels(one, (0.3, 1.0))[0]
    bars = [bar for bar in swarm.containers if bar.get_label() == "published"]
    assert [bar[0].get_ydata()[0] for bar in bars] == [0.97, 0.91]
    (segment,) = bars[1][2][0].get_segments()
    assert segment[:, 1].tolist() == pytest.approx([0.83, 0.99])
    assert [text.get_text() for text in swarm.texts] == ["published", "published"]


def test_swarm_of_a_task_that_the_paper_lacks_shows_nothing_published():
    swarm = across.task_panels(result("own"), (0.3, 1.0))[0]
    assert "published" not in [bar.get_label() for bar in swarm.containers]


def test_compact_swarm_states_the_numbers_below_short_names(results):
    one = results[0]
    swarm = across.task_panels(one, (0.3, 1.0))[0]
    means = one.summary.set_index("init").loc["radiologic"]
    label = swarm.get_xticklabels()[0].get_text()
    assert label == f"Radiologic\n{means['mean']:.2f} ± {means['sd']:.2f}"


def test_area_limits_hold_every_scenario_and_published_bar(results):
    low, high = across.area_limits(results)
    assert low <= min(one.scenarios["auc"].min() for one in results)
    assert low <= 0.76 - 0.14
    assert high > 1
    assert low == pytest.approx(round(low, 1))


@pytest.mark.parametrize("n", [1, 8])
def test_task_rows_give_a_key_and_one_lettered_row_a_task(results, n):
    key, *rows = across.task_rows(results[:n])
    assert "ResNet50" in key.data and "InceptionV3" not in key.data
    titles = [re.search(r"<strong>(.*?)</strong>", row.data)[1] for row in rows]
    expected = [f"{letter}  {one.title}" for letter, one in zip("ABCDEFGH", results, strict=True)]
    assert titles == expected[:n]
    assert all(row.data.count("<img") == 3 for row in rows)
    assert plt.get_fignums() == []


def test_task_rows_of_an_empty_group_are_none():
    assert across.task_rows([]) == []


def test_every_row_says_where_its_images_came_from(results):
    rows = across.task_rows(results)[1:]
    found = {one.task: row.data for one, row in zip(results, rows, strict=True)}
    assert "real: 60" in found["breast"]
    assert "open substitute: 60" in found["pneumonia"]
    assert "Images of pneumonia instead of RSNA Pneumonia" in found["pneumonia"]
    assert "stand-in: 60" in found["thyroid"]
    assert "not a finding" in found["thyroid"]
    assert "not a finding" not in found["breast"] + found["pneumonia"]


def test_rows_escape_titles_of_tasks_and_datasets():
    one = result("own", title=HOSTILE)
    one = replace(one, images=replace(one.images, title=HOSTILE, replaced=HOSTILE))
    rows = across.task_rows([one])
    html = "".join(row.data for row in rows) + readings.origins_reading([one]).data
    assert "<img src=x" not in html and "<b>" not in html
    assert unescape(html).count(HOSTILE) >= 5


def test_area_reading_states_areas_difference_and_published_numbers(results):
    one = by_task(results)["breast"]
    text = readings.area_reading(one)
    c = one.pooled
    assert f"radiologic {c.mean_a:.2f} ± {c.sd_a:.2f}" in text
    low, high = 100 * c.paired.ci_low, 100 * c.paired.ci_high
    shown = f"{c.gain_points:+.1f} points ({low:.1f}, {high:.1f})".replace("-", "−")
    assert shown in text
    assert "Published: 0.94 ± 0.05 and 0.90 ± 0.10; +4.0 points (−0.6, 8.7)." in text
    assert "does not have this task" in readings.area_reading(result("own"))


def test_gains_reading_counts_leads_and_states_both_ranges():
    found = [result("acl", lead=2.0), result("meniscus", lead=-2.0), result("acl", lead=2.0)]
    text = readings.gains_reading(found).data
    gains = sorted(one.pooled.gain_points for one in found)
    assert gains[0] < 0 < gains[1]
    assert "in 2 of 3 tasks" in text
    assert f"is −{-gains[0]:.1f} to +{gains[2]:.1f} points" in text
    assert "prints +4.5 to +4.8" in text
    assert "All of them rest on stand-ins" in text


def test_readings_of_no_task_say_so():
    assert "no such task" in readings.gains_reading([]).data
    assert "no task" in readings.overlap_reading([]).data


def test_origins_reading_counts_and_names_substitutes(results):
    text = readings.origins_reading(results).data
    assert "Tasks by their images: 1 real, 1 open substitute, 6 stand-in." in text
    assert "Pneumonia, chest radiography reads Images of pneumonia instead of" in text
    assert "6 of them rest on stand-ins, whose numbers are no findings." in text


def test_origins_reading_of_real_images_warns_of_nothing(results):
    assert "stand-ins" not in readings.origins_reading([by_task(results)["breast"]]).data


def test_difference_rows_hold_published_and_own_intervals_in_points(results):
    table = across.difference_rows(COMPARISONS, results)
    assert len(table) == 16
    first = table[table["name"] == "Thyroid nodules, US"].set_index("source")
    stated = first.loc["published", ["estimate", "low", "high"]]
    assert stated.tolist() == [9.4, 2.6, 16.2]
    assert np.isnan(first.loc["published", "paired_low"])
    pooled = results[0].pooled
    ends = ["estimate", "low", "high", "paired_low", "paired_high"]
    tests = pooled.unpaired, pooled.paired
    expected = [100 * pooled.difference]
    expected += [100 * end for test in tests for end in (test.ci_low, test.ci_high)]
    assert first.loc["stand-in", ends].tolist() == pytest.approx(expected)


def test_differences_forest_draws_estimates_intervals_and_zero(results):
    table = across.difference_rows(COMPARISONS, results[:2])
    ax = across.differences_forest(table, xlabel="Points")
    dots = [line.get_xdata()[0] for line in ax.get_lines() if len(line.get_xdata()) == 1]
    assert dots == pytest.approx(table["estimate"].tolist())
    spans = [tuple(line.get_xdata()) for line in ax.get_lines() if len(line.get_xdata()) == 2]
    assert spans[0] == (0, 0)
    for row in table.itertuples():
        assert any(span == pytest.approx((row.low, row.high)) for span in spans)
    assert [text.get_text() for text in ax.texts] == list(dict.fromkeys(table["name"]))


def test_differences_forest_tells_stand_ins_from_real_images(results):
    table = across.difference_rows(COMPARISONS, results)
    ax = across.differences_forest(table, xlabel="Points")
    (legend,) = ax.figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["published", "here, real", "here, open substitute", "here, stand-in"]
    looks = {(h.get_marker(), str(h.get_markerfacecolor())) for h in legend.legend_handles}
    assert len(looks) == 4


def example(case_id):
    pictures, masks = np.zeros((1, 8, 8), np.uint8), np.zeros((1, 8, 8), bool)
    masks[0, 2:5, 2:5] = True
    cases = pd.DataFrame({"case_id": [case_id], "label": "benign", "score_radiologic": [0.5]})
    cams = {"radiologic": np.zeros((1, 8, 8), np.uint8)}
    return {"images": pictures, "masks": masks, "cams": cams, "cases": cases}


def heading(ax):
    return ax.get_title(loc="left") + ax.get_title()


def test_small_cam_panel_shortens_long_names_of_cases_in_the_middle():
    name = "0004cfab-14fd-4e49-80ba-63a80b6bddd6"
    settings = {"positive_class": "x", "threshold": 180}
    small = cam_panel(**example(name), **settings, side=1.75, bar="bottom")
    title = heading(small[0, 0]).splitlines()[0]
    assert len(title) <= 16
    assert title.startswith("0004") and "…" in title and title.endswith("ddd6")
    short = cam_panel(**example("benign (3)"), **settings, side=1.75)
    assert heading(short[0, 0]).startswith("benign (3)\n")


def test_dice_bars_mark_published_means_beside_their_bars():
    summary = pd.DataFrame({"init": INITS, "mean": [0.3, 0.2], "sd": [0.1, 0.1]})
    baselines = pd.DataFrame({"baseline": ["whole image"], "dice": [0.1]})
    ax = dice_bars(summary, baselines, INITS, published={"photographic": 0.9}, compact=True)
    marks = [line.get_xydata()[0] for line in ax.get_lines() if line.get_marker() == "o"]
    assert len(marks) == 1
    assert 1 < marks[0][0] < 1.5 and marks[0][1] == 0.9
    assert "published 0.900" in [text.get_text() for text in ax.texts]
    assert ax.get_ylim()[1] > 0.9
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["Radiologic\n0.30 ± 0.10", "Photographic\n0.20 ± 0.10"]


def test_letters_go_on_after_z():
    assert across._letters(28)[-3:] == ["Z", "AA", "AB"]
