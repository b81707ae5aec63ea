from html.parser import HTMLParser

import pytest

from rin.errors import InputError
from rin.report.banner import MIXED_WARNING, STAND_IN_WARNING, Source, provenance_banner


def _banner(*sources, **changes):
    fields = {
        "profile": "demo",
        "weights": {"radiologic": "local run of 4 epochs"},
        "computed": "2 January 2026",
        "hardware": "2 CPU cores",
    }
    return provenance_banner(sources, **(fields | changes)).data


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def _parse(html):
    parser = _Tags()
    parser.feed(html)
    return parser


def test_banner_of_one_stand_in_among_real_images_warns():
    html = _banner(Source("BUSI", "real", "busi.zip"), Source("DDTI", "stand-in", "standins"))
    assert "rin-mixed" in html
    assert any(MIXED_WARNING in text for text in _parse(html).text)


def test_banner_of_stand_ins_only_says_that_nothing_is_a_finding():
    html = _banner(Source("DDTI", "stand-in", "standins"))
    assert "rin-stand-in" in html
    assert any(STAND_IN_WARNING in text for text in _parse(html).text)


def test_banner_of_real_images_does_not_warn():
    html = _banner(Source("BUSI", "real", "busi.zip"))
    assert STAND_IN_WARNING not in html
    assert "rin-real" in html


def test_banner_names_every_source_and_condition():
    text = _parse(_banner(Source("BUSI", "real", "busi.zip"))).text
    assert text[1:] == [
        "BUSI",
        "real images – busi.zip",
        "Profile",
        "demo",
        "Weights: radiologic",
        "local run of 4 epochs",
        "Computed",
        "2 January 2026",
        "Hardware",
        "2 CPU cores",
    ]


@pytest.mark.parametrize("field", ["title", "location", "profile", "weights", "computed"])
def test_banner_escapes_markup_in_inserted_values(field):
    evil = "<script>alert(1)</script>"
    source = {"title": "BUSI", "provenance": "real", "location": "busi.zip"}
    changes = {}
    if field in source:
        source[field] = evil
    else:
        changes[field] = {evil: evil} if field == "weights" else evil
    html = _banner(Source(**source), **changes)
    assert "script" not in _parse(html).tags
    assert any(evil in text for text in _parse(html).text)


def test_source_of_unknown_provenance_raises():
    with pytest.raises(InputError, match="stand-in"):
        Source("BUSI", "synthetic", "x")


def test_banner_without_sources_raises():
    with pytest.raises(InputError, match="no image source"):
        _banner()


def test_banner_of_many_sources_folds_them_under_their_counts():
    sources = [Source(f"set {i}", "stand-in" if i else "real", "here") for i in range(6)]
    told = {"profile": "p", "weights": {}, "computed": "now", "hardware": "cpu"}
    shown = provenance_banner(sources, **told).data
    assert "<details><summary>6 datasets: 1 of real images, 5 of stand-in images" in shown
    assert all(f"set {i}" in shown for i in range(6))
    assert "<details>" not in provenance_banner(sources[:3], **told).data


def test_banner_of_real_and_stand_in_images_says_so():
    sources = [Source("a", "real", "x"), Source("b", "stand-in", "y", ("open substitute for c",))]
    shown = provenance_banner(sources, profile="p", weights={}, computed="now", hardware="cpu").data
    assert "rin-mixed" in shown
    assert MIXED_WARNING in shown
    assert "stand-in images – y; open substitute for c" in shown
