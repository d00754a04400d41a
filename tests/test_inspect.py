"""Looking inside."""

import pytest
import torch

from vhist import create_model
from vhist.inspect import activations, attention_maps


@pytest.mark.parametrize(
    "name", ["alexnet_small", "vgg_small_bn", "resnet_small", "vit_small_8"]
)
def test_every_layer_is_shown(name):
    model = create_model(name).train()
    found = activations(model, torch.randn(2, 3, 64, 64))
    assert len(found) >= 15
    assert all(len(a) == 2 for a in found.values())
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())


def test_activations_are_those_of_the_layers():
    model = create_model("alexnet_small").eval()
    x = torch.randn(1, 3, 64, 64)
    found = activations(model, x, ["features.relu1", "classifier"])
    expected = model.features.relu1(model.features.conv1(x))
    torch.testing.assert_close(found["features.relu1"], expected)
    torch.testing.assert_close(found["classifier"], model(x))


def test_a_wrong_name_suggests_the_right_one():
    with pytest.raises(ValueError, match=r"did you mean 'features\.conv1'"):
        activations(create_model("alexnet_small"), torch.zeros(1, 3, 64, 64), ["conv1"])


def test_attention_maps_sum_to_one():
    maps = attention_maps(create_model("vit_small_8"), torch.randn(2, 3, 64, 64))
    assert maps.shape == (2, 6, 3, 65, 65)
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 6, 3, 65))
    with pytest.raises(ValueError, match="no self-attention"):
        attention_maps(create_model("resnet_small"), torch.zeros(1, 3, 64, 64))
