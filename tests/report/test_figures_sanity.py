from types import SimpleNamespace

import numpy as np
import pytest
from fake_tasks import inputs as fake_inputs
from matplotlib.colors import to_hex
from test_sanity_tables import INITS, table

from rin.report import sanity_rows
from rin.report.figures_sanity import cascade_strip, similarity_lines
from rin.report.sanity_rows import measure_row, strip_row
from rin.report.sanity_tables import similarity_summary
from rin.report.style import init_style

STEPS = ("trained", "head", "stage 2", "stage 1")


@pytest.fixture
def summary():
    return similarity_summary(table(backbones=("ResNet50", "DenseNet121")), replicates=20)


def one(summary, measure="ssim", backbone="ResNet50"):
    return summary[(summary["measure"] == measure) & (summary["backbone"] == backbone)]


def test_similarity_lines_begin_at_one_and_follow_the_means(summary):
    ax = similarity_lines(one(summary), INITS, title="ResNet50")
    for init in INITS:
        (line,) = [x for x in ax.get_lines() if x.get_label() == init_style(init).short]
        means = one(summary)[one(summary)["init"] == init].sort_values("depth")["mean"]
        np.testing.assert_allclose(line.get_ydata(), [1, *means])
        np.testing.assert_array_equal(line.get_xdata(), [-1, 0, 1, 2])
        assert to_hex(line.get_color()) == init_style(init).color.lower()


def test_similarity_lines_name_every_step(summary):
    ax = similarity_lines(one(summary), INITS)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["none", "head", "2", "1"]
    assert ax.get_ylabel() == "Structural similarity"


def test_similarity_lines_dot_the_comparison_with_another_image(summary):
    ax = similarity_lines(one(summary), INITS)
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == ":"]
    assert len(dotted) == 2
    assert all(np.allclose(line.get_ydata(), 0.1) for line in dotted)


def test_similarity_lines_of_rank_correlation_show_minus_one(summary):
    assert similarity_lines(one(summary, "spearman"), INITS).get_ylim()[0] < -1


def cams():
    pictures = np.zeros((4, 16, 16), np.uint8)
    pictures[1:, 4:8, 4:8] = 255
    return pictures


def test_cascade_strip_shows_the_image_and_a_map_a_step_in_rows_of_four():
    image, mask = np.zeros((16, 16), np.uint8), np.zeros((16, 16), bool)
    mask[3:9, 3:9] = True
    axes = cascade_strip(image, mask, cams(), STEPS, "radiologic", threshold=180)
    assert [ax.get_title() for ax in axes[:5]] == ["image", *STEPS]
    assert [ax.get_visible() for ax in axes] == [True] * 5 + [False] * 3
    for ax, cam in zip(axes[1:], cams(), strict=False):
        np.testing.assert_array_equal(ax.get_images()[-1].get_array(), cam)


def test_cascade_strip_draws_no_region_where_nothing_is_above_the_threshold():
    image, mask = np.zeros((16, 16), np.uint8), np.zeros((16, 16), bool)
    axes = cascade_strip(image, mask, cams(), STEPS, "radiologic", threshold=180)
    assert [len(ax.collections) for ax in axes[:5]] == [0, 0, 1, 1, 1]


def test_measure_row_has_a_panel_a_backbone_and_reads_it(summary):
    html = measure_row(summary, "spearman", INITS, fake_inputs("breast")).data
    assert html.count("<img") == 2
    assert "weights of ResNet50 go random" in html
    assert "Rank correlation, Breast" in html
    assert "Stand-ins, not a finding. Radiologic: rank correlation" in html


def test_strip_row_has_a_strip_an_init_and_names_case_and_class(monkeypatch):
    maps = np.random.default_rng(0).normal(size=(4, 1, 3, 3))
    found = SimpleNamespace(case_ids=("a & b",), targets=(1,), steps=STEPS, maps=maps)
    asked = []
    monkeypatch.setattr(sanity_rows, "sanity_maps", lambda *key: asked.append(key[2:]) or found)
    inputs = fake_inputs("breast", masks=np.ones((2, 16, 16), bool))
    inputs.store.cases["case_id"] = ["z", "a & b", *range(58)]
    inputs.store.images, inputs.store.size = (lambda: np.zeros((2, 16, 16), np.uint8)), 16
    html = strip_row(None, inputs, "ResNet50", INITS, threshold=180).data
    assert asked == [(init, "ResNet50") for init in INITS]
    assert html.count("<img") == 2
    assert "a &amp; b" in html
    assert "Radiologic predicts malignant; Photographic predicts malignant" in html
