import numpy as np
import pytest
from known_backbones import built

from rin.errors import InputError
from rin.models.unfreezing import UNFREEZING, apply_unfreezing

# Trainable parameters without top, as `summary()` of Keras 2 gives them.
PARAMETERS = {
    "inception_resnet_v2": 54_276_192,
    "resnet50": 23_534_592,
    "densenet121": 6_953_856,
    "inception_v3": 21_768_352,
    "vgg19": 20_024_384,
    "mobilenetv2_1.00_32": 2_223_872,
}


def paths(variables):
    return sorted(v.path for v in variables)


def test_unfreeze_all_when_applied_leaves_every_parameter_trainable(backbone):
    apply_unfreezing(backbone, "unfreeze_all")
    count = sum(int(np.prod(v.shape)) for v in backbone.trainable_variables)
    assert count == PARAMETERS[backbone.name]


def test_freeze_all_when_applied_leaves_no_variable_trainable(backbone):
    apply_unfreezing(backbone, "freeze_all")
    assert backbone.trainable_variables == []


def test_unfreeze_top10_when_applied_trains_exactly_the_last_ten_layers(backbone):
    expected = [v for layer in backbone.layers[-10:] for v in layer.trainable_variables]
    apply_unfreezing(backbone, "unfreeze_top10")
    assert paths(backbone.trainable_variables) == paths(expected)
    assert [layer.trainable for layer in backbone.layers].count(True) == 10


def test_unfreeze_top10_of_resnet50_trains_its_last_bottleneck(resnet):
    apply_unfreezing(resnet, "unfreeze_top10")
    expected = [
        f"conv5_block3_{i}_{kind}/{name}"
        for i in (1, 2, 3)
        for kind, names in (("conv", ("kernel", "bias")), ("bn", ("gamma", "beta")))
        for name in names
    ]
    assert paths(resnet.trainable_variables) == sorted(expected)


def test_unfreeze_top10_of_vgg19_trains_its_last_two_blocks():
    vgg19 = built("VGG19")
    apply_unfreezing(vgg19, "unfreeze_top10")
    trained = {path.split("/")[0] for path in paths(vgg19.trainable_variables)}
    assert trained == {f"block{block}_conv{i}" for block in (4, 5) for i in (1, 2, 3, 4)}


@pytest.mark.parametrize("before", UNFREEZING)
@pytest.mark.parametrize("regime", UNFREEZING)
def test_regime_when_applied_after_another_forgets_the_earlier(resnet, before, regime):
    apply_unfreezing(resnet, regime)
    expected = paths(resnet.trainable_variables)
    apply_unfreezing(resnet, before)
    apply_unfreezing(resnet, regime)
    assert paths(resnet.trainable_variables) == expected


@pytest.mark.parametrize("regime", UNFREEZING)
def test_order_of_weights_when_regime_changes_stays_the_same(resnet, regime):
    expected = [v.path for v in resnet.weights]
    apply_unfreezing(resnet, regime)
    assert [v.path for v in resnet.weights] == expected


def test_apply_unfreezing_when_unknown_names_the_known_ones(resnet):
    with pytest.raises(InputError, match="unfreeze_top10"):
        apply_unfreezing(resnet, "unfreeze_top20")
