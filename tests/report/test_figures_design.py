import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from rin.curation.taxonomy import load_taxonomy
from rin.paper import COMPARISONS, RELEASED_ACCURACY
from rin.report import figures_design as figures
from rin.report.phases import Phase, counted, study_phases
from rin.report.style import INIT_STYLE, use_style
from rin.report.tables_replications import OTHER, replication_points
from rin.study import load_profile, open_study

BREAST = {"tasks": ["breast"], "fine_tuning_of": {}}


@pytest.fixture(autouse=True)
def book_style():
    with plt.rc_context():
        use_style()
        yield


@pytest.fixture
def demo():
    return load_profile("demo").model_copy(update=BREAST)


def words(phases, side):
    return [" | ".join(getattr(phase, side)) for phase in phases]


def test_the_papers_side_states_its_own_numbers(demo):
    paper = words(study_phases(open_study(demo)), "paper")
    for phase, parts in zip(
        paper,
        [
            ("20 radiologists", "131,872 patients, 2005–2020", "8,528 normal studies"),
            ("1.35 million images", "3 modalities, 11 regions", "165 labels"),
            ("4 networks", "224 × 224 px", "75/10/15 %"),
            ("8 tasks, 24 scenarios", "256 × 256 px, 30 epochs", "5 folds for small datasets"),
        ],
        strict=True,
    ):
        assert all(part in phase for part in parts)


def test_this_books_side_follows_the_profile(demo):
    smaller = demo.model_copy(update={"backbones": ["ResNet50"], "folds": 3})
    here = words(study_phases(open_study(smaller)), "here")
    pretraining, tuning = demo.pretraining, demo.fine_tuning
    assert "all corpora are stand-ins" in here[0]
    assert "2 corpora | radiologic and photographic" in here[1]
    assert "1 network |" in here[2]
    assert f"{pretraining.size} × {pretraining.size} px" in here[2]
    for part in ("Radiologic / Photographic", "1 task, 6 scenarios", "all on stand-ins", "3 folds"):
        assert part in here[3]
    assert f"{tuning.size} × {tuning.size} px, {tuning.epochs} epoch" in here[3]


def test_a_data_root_changes_what_is_said_of_the_images(demo, tmp_path):
    (tmp_path / "Dataset_BUSI_with_GT").mkdir()
    here = words(study_phases(open_study(demo, data_root=tmp_path)), "here")
    assert "all on real images" in here[3]
    assert "all corpora are stand-ins" in here[0]
    two = demo.model_copy(update={"tasks": ["breast", "thyroid"]})
    here = words(study_phases(open_study(two, data_root=tmp_path)), "here")
    assert "2 tasks, 24 scenarios each | 1 of 2 on stand-ins" in here[3]
    (tmp_path / "pretrain_radiologic.zip").touch()
    here = words(study_phases(open_study(demo, data_root=tmp_path)), "here")
    assert "1 of 2 corpora are stand-ins" in here[0]
    (tmp_path / "pretrain_photographic.zip").touch()
    here = words(study_phases(open_study(demo, data_root=tmp_path)), "here")
    assert here[0] == "Labels as published | with the open images"


def test_a_profile_without_pretraining_claims_no_database(demo):
    released = demo.model_copy(update={"pretraining": None, "inits": ["radimagenet", "imagenet"]})
    here = words(study_phases(open_study(released)), "here")
    assert here[:2] == ["Nothing is labelled here", "No database is built here"]
    assert here[2] == "Released weights | loaded into 4 networks"
    assert here[3].startswith("RadImageNet / ImageNet")


def test_a_limit_on_images_is_stated(demo):
    limited = demo.pretraining.model_copy(update={"cases": 1200})
    profile = demo.model_copy(update={"pretraining": limited})
    assert "at most 1,200 images each" in words(study_phases(open_study(profile)), "here")[1]


@pytest.mark.parametrize(
    ("n", "expected"), [(1, "1 corpus"), (2, "2 corpora"), (1200, "1,200 corpora")]
)
def test_counted(n, expected):
    assert counted(n, "corpus", "corpora") == expected
    assert counted(n, "image").endswith("image" if n == 1 else "images")


def test_study_flow_draws_every_line_and_joins_the_phases():
    phases = [Phase("One", ("Head", "line"), ("Other",)), Phase("Two", ("Last",), ("End", "more"))]
    ax = figures.study_flow(phases)
    texts = [text.get_text() for text in ax.texts]
    for part in ("The paper", "This book", "1  One", "2  Two", "Head", "line", "Other", "more"):
        assert part in texts
    kinds = [type(patch) for patch in ax.patches]
    assert kinds.count(FancyArrowPatch) == 2
    assert kinds.count(FancyBboxPatch) == 2 + 4


def test_study_flow_tells_the_two_sides_apart_by_colour_and_place():
    ax = figures.study_flow([Phase("One", ("Head",), ("Other",))])
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)][1:]
    left, right = sorted(boxes, key=lambda box: box.get_x())
    assert left.get_x() + left.get_width() < right.get_x()
    assert to_hex(left.get_facecolor()) != to_hex(right.get_facecolor())
    assert to_hex(right.get_edgecolor()).upper() == INIT_STYLE["radiologic"].color.upper()


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_every_line_of_the_flow_stays_in_its_box(name):
    profile = load_profile(name).model_copy(update=BREAST)
    ax = figures.study_flow(study_phases(open_study(profile)))
    renderer = ax.figure.canvas.get_renderer()
    ax.figure.draw_without_rendering()
    boxes = [
        patch.get_window_extent(renderer)
        for patch in ax.patches
        if isinstance(patch, FancyBboxPatch)
    ]
    for text in ax.texts[2:]:
        extent = text.get_window_extent(renderer)
        assert any(
            box.x0 <= extent.x0
            and extent.x1 <= box.x1
            and box.y0 <= extent.y0
            and extent.y1 <= box.y1
            for box in boxes
        ), text.get_text()


def test_long_lines_wrap():
    lines = figures._wrapped(["short", "a line that is much longer than thirty-one characters"])
    assert [weight for _, weight in lines] == ["bold", "normal", "normal"]
    assert max(len(text) for text, _ in lines) <= 31


def test_database_overview_bars_are_the_numbers_of_classes():
    axes = figures.database_overview(load_taxonomy())
    assert [bar.get_width() for bar in axes[0].patches] == [34, 15, 116]
    assert [bar.get_width() for bar in axes[1].patches] == [28, 6]
    assert [bar.get_width() for bar in axes[2].patches] == [13, 2]
    assert [bar.get_width() for bar in axes[3].patches] == [26, 25, 18, 14, 14, 10, 9]
    names = [label.get_text() for label in axes[3].get_yticklabels()]
    assert names[:3] == ["Abdomen and pelvis", "Ankle and foot", "Knee"]


def test_database_overview_titles_and_scale():
    axes = figures.database_overview(load_taxonomy())
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles[0] == "A  165 classes in 11 regions of 3 modalities"
    assert titles[3] == "D  MRI: 116 classes in 7 regions"
    assert len({ax.get_xlim() for ax in axes[1:]}) == 1


@pytest.fixture
def weights():
    rows = [("radiologic", "ResNet50", 0.5, 0.9), ("photographic", "InceptionV3", 0.25, 0.75)]
    return pd.DataFrame(rows, columns=["init", "backbone", "top1", "top5"])


def test_accuracy_dots_set_ours_beside_the_published(weights):
    axes = figures.accuracy_dots(weights, ("radiologic", "photographic", "random"))
    for ax, metric, expected in zip(axes, ("top1", "top5"), ([50, 25], [90, 75]), strict=True):
        stated, radiologic, photographic = ax.get_lines()
        published = [getattr(one, metric) for one in RELEASED_ACCURACY.values()]
        assert sorted(stated.get_xdata()) == sorted(published)
        found = [*radiologic.get_xdata(), *photographic.get_xdata()]
        assert found == pytest.approx(expected)
        # ResNet50 is the second row, InceptionV3 the fourth.
        assert round(float(radiologic.get_ydata()[0])) == 1
        assert round(float(photographic.get_ydata()[0])) == 3
        assert radiologic.get_color() == INIT_STYLE["radiologic"].color


def test_accuracy_dots_without_pretraining_show_the_published_only():
    axes = figures.accuracy_dots(pd.DataFrame(), ("radimagenet", "imagenet"))
    assert [len(ax.get_lines()) for ax in axes] == [1, 1]
    assert axes[0].get_lines()[0].get_ydata().tolist() == [0, 1, 2, 3]


def test_replication_dots_draw_every_difference_and_the_papers_intervals():
    points = replication_points()
    ax = figures.replication_dots(points)
    drawn = np.concatenate(
        [line.get_xdata() for line in ax.get_lines() if line.get_marker() in "sD"]
    )
    assert sorted(drawn) == pytest.approx(sorted(points["difference"]))
    names = [name for name in points["name"].unique() if name != OTHER]
    spans = [tuple(s[:, 0]) for c in ax.collections for s in c.get_segments()]
    published = {one.title: one for one in COMPARISONS.values()}
    assert spans == [(published[name].ci_low, published[name].ci_high) for name in names]


def test_replication_dots_tell_own_weights_by_marker():
    rows = [("Breast lesions, US", -1.0, False), ("Breast lesions, US", 2.0, True)]
    points = pd.DataFrame(rows, columns=["name", "difference", "own_weights"])
    lines = figures.replication_dots(points).get_lines()
    drawn = {line.get_marker(): list(line.get_xdata()) for line in lines}
    assert drawn["s"] == [-1.0]
    assert drawn["D"] == [2.0]
