import matplotlib as mpl
import pytest

from rin.errors import InputError
from rin.report import style


def test_init_style_of_unknown_source_lists_known_ones():
    with pytest.raises(InputError, match="photographic"):
        style.init_style("jigsaw")


def test_init_styles_have_distinct_colours_and_labels():
    assert len({one.color for one in style.INIT_STYLE.values()}) == len(style.INIT_STYLE)
    assert len({one.short for one in style.INIT_STYLE.values()}) == len(style.INIT_STYLE)


def test_use_style_makes_figures_800_px_wide_and_svg_text_selectable():
    with mpl.rc_context():
        style.use_style()
        assert style.WIDTH * mpl.rcParams["savefig.dpi"] == 800
        assert mpl.rcParams["svg.fonttype"] == "none"


@pytest.mark.parametrize(
    ("unfreezing", "rate", "label"),
    [("freeze_all", 1e-2, "frozen, 1e-2"), ("unfreeze_all", 2.5e-4, "all layers, 2.5e-4")],
)
def test_condition_label_is_short(unfreezing, rate, label):
    assert style.condition_label(unfreezing, rate) == label


def test_condition_label_of_unknown_unfreezing_raises():
    with pytest.raises(InputError, match="unfreeze_top10"):
        style.condition_label("half", 1e-3)
