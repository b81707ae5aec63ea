import pytest

from rin.errors import InputError
from rin.paper import SETTINGS
from rin.study.scenarios import SCENARIOS, Scenario, find_scenario, scenarios_of


def test_scenarios_are_as_many_as_in_the_paper():
    assert len(SCENARIOS) == SETTINGS["scenarios"].value == 24


def test_scenarios_of_every_backbone_have_the_rates_of_the_paper():
    rates = dict(SETTINGS["learning_rates"].value)
    for backbone in ("InceptionResNetV2", "ResNet50", "DenseNet121", "InceptionV3"):
        own = scenarios_of([backbone])
        assert {
            regime: tuple(s.learning_rate for s in own if s.unfreezing == regime)
            for regime in ("unfreeze_all", "freeze_all", "unfreeze_top10")
        } == rates


def test_scenario_name_tells_backbone_regime_and_rate():
    assert Scenario("ResNet50", "unfreeze_all", 1e-4).name == "ResNet50-unfreeze_all-1e-04"
    assert Scenario("DenseNet121", "freeze_all", 1e-2).name == "DenseNet121-freeze_all-1e-02"


def test_find_scenario_when_known_returns_it():
    assert find_scenario("InceptionV3-unfreeze_top10-1e-03") == Scenario(
        "InceptionV3", "unfreeze_top10", 1e-3
    )


def test_find_scenario_when_unknown_lists_the_known_ones():
    with pytest.raises(InputError, match="VGG16-freeze_all-1e-02") as caught:
        find_scenario("VGG16-freeze_all-1e-02")
    assert all(name in str(caught.value) for name in SCENARIOS)
