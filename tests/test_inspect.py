"""Looking inside."""

import pytest
import torch
from torch import nn

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


def test_what_the_next_layer_overwrites_is_kept():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True))
    model[0].eval()
    x = torch.randn(4, 3)
    found = activations(model, x)
    torch.testing.assert_close(found["0"], model[0](x))
    assert found["0"].min() < 0 <= found["1"].min()
    assert [layer.training for layer in model] == [False, True]


def test_a_layer_without_a_tensor_is_left_out_or_said():
    class First(nn.Sequential):
        def forward(self, x):
            return self[1](self[0](x)[0])

    model, x = First(nn.LSTM(3, 2), nn.ReLU()), torch.zeros(1, 3)
    assert list(activations(model, x)) == ["1"]
    with pytest.raises(ValueError, match="layer '0' puts out no tensor"):
        activations(model, x, ["0"])
    model.unused = nn.ReLU()
    assert list(activations(model, x)) == ["1"]
    with pytest.raises(ValueError, match="layer 'unused' does not run"):
        activations(model, x, "unused")


def test_one_name_need_be_no_list():
    model, x = create_model("alexnet_small"), torch.zeros(1, 3, 64, 64)
    assert [*activations(model, x, "features.relu1")] == ["features.relu1"]


def test_a_wrong_name_suggests_the_right_one():
    with pytest.raises(ValueError, match=r"did you mean features\.conv1"):
        activations(create_model("alexnet_small"), torch.zeros(1, 3, 64, 64), ["conv1"])


def test_attention_maps_sum_to_one():
    maps = attention_maps(create_model("vit_small_8"), torch.randn(2, 3, 64, 64))
    assert maps.shape == (2, 6, 3, 65, 65)
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 6, 3, 65))
    with pytest.raises(ValueError, match="no self-attention"):
        attention_maps(create_model("resnet_small"), torch.zeros(1, 3, 64, 64))


def test_a_look_inside_is_one_in_evaluation_mode():
    model = create_model("vgg_small_bn").train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    x = torch.randn(2, 3, 64, 64)
    first, second = (activations(model, x, ["classifier"]) for _ in range(2))
    assert torch.equal(first["classifier"], second["classifier"])
    torch.testing.assert_close(first["classifier"], model.eval()(x))
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_attention_maps_are_in_the_order_of_the_blocks_and_hold_no_graph():
    model, x = create_model("vit_small_8"), torch.randn(1, 3, 64, 64)
    maps = attention_maps(model, x)
    first = model.blocks[0]
    tokens = model.patches(x).flatten(2).transpose(1, 2)
    tokens = torch.cat([model.token, tokens], dim=1) + model.positions
    expected = first.attention.weights(first.norm1(tokens))
    torch.testing.assert_close(maps[:, 0], expected)
    assert not maps.requires_grad
