import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from rin.errors import InputError
from rin.report import figures_embeddings as figures
from rin.report.style import INIT_STYLE, use_style


@pytest.fixture(autouse=True)
def book_style():
    with plt.rc_context():
        use_style()
        yield


def classes(n, each=3):
    return pd.Series(np.repeat([f"class_{i:03d}" for i in range(n)], each))


def one_map(truth, **changes):
    points = np.random.default_rng(1).normal(size=(len(truth), 2))
    return figures.FeatureMap(**({"title": "PCA", "points": points} | changes))


@pytest.mark.parametrize("n", [2, 12, 26, 27])
def test_every_class_has_a_look_of_its_own(n):
    looks = figures.class_looks(classes(n))
    assert len({look[1:] for look in looks.shown.values()}) == n
    assert [look[0] for look in looks.shown.values()] == list(range(1, n + 1))
    assert looks.others == 0


def test_of_many_classes_the_largest_are_shown():
    truth = pd.concat([classes(165, 1), classes(5, 4), pd.Series(["class_164"] * 9)])
    looks = figures.class_looks(truth)
    assert len(looks.shown) == 27
    assert looks.others == 138
    assert {"class_164", "class_000", "class_004"} <= set(looks.shown)


def test_maps_draw_every_point_once_and_list_every_class():
    truth = classes(12)
    maps = [one_map(truth, axes=("PC 1", "PC 2")), one_map(truth, title="UMAP")]
    figure = figures.feature_maps(maps, truth)
    for ax, one in zip(figure.axes, maps, strict=True):
        drawn = np.concatenate([group.get_offsets() for group in ax.collections])
        assert sorted(map(tuple, drawn)) == sorted(map(tuple, one.points))
        numbers = [text.get_text() for text in ax.texts]
        assert sorted(numbers, key=int) == [str(n) for n in range(1, 13)]
    assert figure.axes[0].get_xlabel() == "PC 1"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][:2] == ["1  class_000", "2  class_001"]


def test_a_class_has_the_same_look_on_small_and_large_maps():
    truth = classes(5)
    large = figures.feature_maps([one_map(truth)], truth).axes[0]
    small = figures.small_maps([one_map(truth), one_map(truth)], truth).axes[1]
    looks = [
        {group.get_label(): to_hex(group.get_facecolor()[0]) for group in ax.collections}
        for ax in (large, small)
    ]
    assert looks[0] == looks[1]
    assert len(set(looks[0].values())) == 5


def test_points_of_smaller_classes_are_drawn_too():
    truth = classes(40)
    figure = figures.feature_maps([one_map(truth)], truth)
    drawn = sum(len(group.get_offsets()) for group in figure.axes[0].collections)
    assert drawn == len(truth)
    assert figure.legends[0].get_texts()[-1].get_text() == "13 smaller classes"


def test_no_map_is_an_error():
    with pytest.raises(InputError, match="no map"):
        figures.small_maps([], classes(2))


@pytest.mark.parametrize("n", [1, 2, 12, 26])
def test_spread_separates_equal_points_and_leaves_far_ones(n):
    moved = figures.spread(np.full((n, 2), 0.5), 0.05)
    gaps = np.linalg.norm(moved[:, None] - moved[None], axis=2) + np.eye(n)
    assert gaps.min() > 0.04
    far = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert np.abs(figures.spread(far, 0.05) - far).max() < 0.01


def test_purity_dots_draw_share_interval_and_chance():
    rows = [
        ("radiologic", "ResNet50", 0.5, 0.4, 0.6, 0.1),
        ("radiologic", "Pixels", 0.25, 0.2, 0.3, 0.1),
        ("photographic", "ResNet50", 0.75, 0.7, 0.8, 0.2),
    ]
    table = pd.DataFrame(rows, columns=["init", "name", "share", "low", "high", "chance"])
    ax = figures.purity_dots(table, ("radiologic", "photographic"))
    lines = {line.get_label(): line for line in ax.get_lines()}
    radiologic = lines[INIT_STYLE["radiologic"].label]
    assert radiologic.get_xdata().tolist() == [50, 25]
    assert radiologic.get_ydata().round().tolist() == [0, 1]
    assert radiologic.get_color() == INIT_STYLE["radiologic"].color
    assert lines["Photographic: chance"].get_xdata() == [20, 20]
    spans = [s[:, 0] for c in ax.collections for s in c.get_segments()]
    assert np.array(spans) == pytest.approx(np.array([[40, 60], [20, 30], [70, 80]]))


def test_neighbour_sheet_frames_hits_and_crosses_misses():
    names = np.array([["a_long-name of a class indeed", "b", "a_long-name of a class indeed"]])
    images = np.zeros((1, 3, 8, 8), dtype=np.uint8)
    axes = figures.neighbour_sheet(images, names, np.array([[0.91, 0.5]]))
    titles = [ax.get_title(loc="center") for ax in axes[0]]
    assert titles == [
        "a long name of\na class indeed\nquery", "b\n0.91 ✗", "a long name of\na class indeed\n0.50"
    ]  # fmt: skip
    framed = [ax.spines["top"].get_visible() for ax in axes[0]]
    assert framed == [True, False, True]


def test_neighbour_sheet_shows_colour():
    images = np.zeros((2, 2, 8, 8, 3), dtype=np.uint8)
    axes = figures.neighbour_sheet(images, np.full((2, 2), "a"), np.ones((2, 1)))
    assert axes[1, 1].images[0].get_array().shape == (8, 8, 3)


def test_long_names_are_cut():
    long = "mr_brain_dementia_very_mild"
    assert figures._short(long) == "mr_brain_de…a_very_mild"
    assert figures._short("ct_chest") == "ct_chest"
    assert figures._wrapped("one two three four five six seven") == "one two three\nfour five six…"
    assert figures._wrapped("abcdefghijklmnopqrs") == "abcdefghijklmn\nopqrs"


def test_legend_of_many_long_names_stays_in_the_figure():
    truth = pd.Series([f"mr_brain_dementia_moderate_{i:02d}_and_more" for i in range(26)] * 3)
    figure = figures.feature_maps([one_map(truth), one_map(truth)], truth)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    inside = legend.get_window_extent()
    assert figure.bbox.x0 <= inside.x0
    assert inside.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= inside.y0
