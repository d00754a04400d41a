"""The architectures: counts, parity with torchvision, gradients, errors."""

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torchvision.models.feature_extraction import create_feature_extractor

from vhist import create_model, list_models, models
from vhist.models import (
    AlexNet,
    Bottleneck,
    ResNet,
    VisionTransformer,
    resnet50,
)
from vhist.models.alexnet import LocalResponseNorm
from vhist.models.vit import SelfAttention, sincos_positions
from vhist.pretrained import head, load_weights

SMALL = ["alexnet_small", "vgg_small", "vgg_small_bn", "resnet_small", "vit_small_8"]

# facts: exact counts with 10 classes, as published or computed from the papers
COUNTS = {
    "alexnet": 58_322_314,
    "vgg11": 128_807_306,
    "vgg13": 128_991_818,
    "vgg16": 134_301_514,
    "vgg19": 139_611_210,
    "resnet18": 11_181_642,
    "resnet34": 21_298_314,
    "resnet50": 23_528_522,
    "resnet101": 42_520_650,
    "resnet152": 58_164_298,
    "vit_ti_16": 5_526_346,
    "vit_s_16": 21_669_514,
    "vit_b_16": 85_806_346,
    "vit_l_16": 303_311_882,
}
VARIANTS = [
    ("alexnet", {"groups": 2}, 56_909_194),
    ("alexnet", {"groups": 2, "num_classes": 1000}, 60_965_224),
    ("vgg16", {"num_classes": 1000}, 138_357_544),
    ("resnet34", {"conv_bias": False}, 21_289_802),
    ("resnet50", {"version": "v1"}, 23_528_522),
    ("vit_b_16", {"num_classes": 1000}, 86_567_656),
    ("vit_b_16", {"num_classes": 3}, 85_800_963),
    ("vit_b_16", {"patch_size": 32}, 87_462_922),
    ("vit_b_16", {"positions": "sincos"}, 85_806_346 - 197 * 768),
    ("vit_b_16", {"pool": "mean"}, 85_806_346 - 768 - 768),
]


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def build_on_meta(name: str, **kwargs) -> nn.Module:
    with torch.device("meta"):
        return create_model(name, **kwargs)


@pytest.mark.parametrize(("name", "expected"), COUNTS.items())
def test_parameter_counts(name, expected):
    assert count(build_on_meta(name)) == expected


@pytest.mark.parametrize(("name", "kwargs", "expected"), VARIANTS)
def test_parameter_counts_of_variants(name, kwargs, expected):
    assert count(build_on_meta(name, **kwargs)) == expected


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("vgg11", {}),
        ("vgg16", {}),
        ("vgg11_bn", {}),
        ("resnet18", {}),
        ("resnet34", {"conv_bias": False}),
        ("resnet50", {}),
        ("vit_b_16", {}),
    ],
)
def test_same_logits_as_torchvision(name, kwargs):
    theirs = getattr(torchvision.models, name)(num_classes=10).eval()
    for p in theirs.parameters():  # torchvision's head of a ViT starts at zero
        if not p.any():
            nn.init.normal_(p, std=0.02)
    ours = create_model(name, **kwargs).eval()
    load_weights(ours, theirs.state_dict())
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=0)


def test_torchvision_weights_of_another_model_are_refused_whole():
    model = create_model("resnet18")
    before = model.fc.weight.clone()
    with pytest.raises(ValueError, match=r"the weights do not fit ResNet: .* differ"):
        load_weights(model, torchvision.models.resnet34().state_dict())
    assert torch.equal(model.fc.weight, before)
    state = torchvision.models.resnet50(num_classes=10).state_dict()
    with pytest.raises(ValueError, match="the weights do not fit ResNet"):
        # The names and shapes are the same, what they compute is not.
        load_weights(create_model("resnet50", version="v1"), state)


INTERLUDES = {
    "linformer": {"image_size": 64, "patch_size": 16, "depth": 2},
    "linformer_small_8": {"depth": 2},
    "stn": {"image_size": 64, "dropout": 0.0},
}


@pytest.mark.parametrize(
    ("name", "options"), [*((name, {}) for name in SMALL), *INTERLUDES.items()]
)
def test_every_parameter_gets_a_gradient(name, options):
    model = create_model(name, **options)
    # A step first: heads and last batch norms of a block start at zero.
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = torch.randn(8, 3, 64, 64), torch.arange(8)
    for _ in range(2):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    silent = [n for n, p in model.named_parameters() if not p.grad.any()]
    assert silent == []


TINY = {  # the same classes, small enough to learn ten pictures in seconds
    # not narrower: the paper's deviation of 0.01 lets the signal of a thin AlexNet die
    "alexnet_small": {"dropout": 0.0},
    "vgg_small": {"widths": (16, 32, 64, 64), "hidden": 128, "dropout": 0.0},
    "vgg_small_bn": {"widths": (16, 32, 64, 64), "hidden": 128, "dropout": 0.0},
    "resnet_small": {"blocks": (1, 1, 1), "widths": (32, 64, 64), "stem_width": 32},
    "vit_small_8": {"width": 96, "depth": 2, "hidden": 192},
    "linformer_small_8": {"width": 96, "depth": 2, "hidden": 192},
    "stn": {"image_size": 64, "dropout": 0.0},
}


@pytest.mark.parametrize(("name", "options"), TINY.items())
def test_one_batch_is_memorised(name, options):
    model = create_model(name, **options)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    x, y = torch.randn(10, 3, 64, 64), torch.arange(10)
    for _ in range(300):
        loss = F.cross_entropy(model(x), y)
        if loss < 0.05:
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pytest.fail(f"the loss is still {loss.item():.3f}")


def test_names_are_the_builders_and_near_misses_are_suggested():
    assert set(COUNTS) | set(SMALL) <= set(list_models())
    with pytest.raises(ValueError, match=r"did you mean .*resnet34"):
        create_model("resnet43")


def test_grouped_convolution_is_two_half_convolutions():
    whole = nn.Conv2d(8, 6, 3, groups=2)
    x = torch.randn(1, 8, 5, 5)
    halves = [
        F.conv2d(x[:, s], whole.weight[o], whole.bias[o])
        for s, o in ((slice(4), slice(3)), (slice(4, 8), slice(3, 6)))
    ]
    torch.testing.assert_close(whole(x), torch.cat(halves, 1))


def test_lrn_is_pytorchs_function():
    x = 30 * torch.randn(2, 16, 5, 5, requires_grad=True)
    ours, theirs = LocalResponseNorm(5, 1e-4, 2.0), nn.LocalResponseNorm(5, 1e-4, k=2.0)
    torch.testing.assert_close(ours(x), theirs(x))
    g1, g2 = (torch.autograd.grad(f(x).square().sum(), x)[0] for f in (ours, theirs))
    torch.testing.assert_close(g1, g2)
    g1, g2 = (torch.func.grad(lambda x, f=f: f(x).sum())(x) for f in (ours, theirs))
    torch.testing.assert_close(g1, g2)
    x, v = x.detach(), torch.randn_like(x)
    j1, j2 = (torch.func.jvp(f, (x,), (v,))[1] for f in (ours, theirs))
    torch.testing.assert_close(j1, j2)
    torch.testing.assert_close(torch.vmap(ours)(x[:, None])[:, 0], theirs(x))


def test_what_is_compiled_has_no_gap_in_alexnets_normalisation():
    layer = LocalResponseNorm(5, 1e-4, 2.0)
    whole = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = 30 * torch.randn(2, 16, 5, 5, requires_grad=True)
    torch.testing.assert_close(whole(x), layer(x))
    g1, g2 = (torch.autograd.grad(f(x).square().sum(), x)[0] for f in (whole, layer))
    torch.testing.assert_close(g1, g2)


@pytest.mark.parametrize("name", ["vit_small_8", "linformer_small_8", "stn"])
def test_what_is_exported_takes_any_number_of_pictures(name):
    model = create_model(name).eval()
    size = 32 if name == "stn" else 64
    shapes = {"x": {0: torch.export.Dim("n", max=1024)}}
    x = torch.randn(5, 3, size, size)
    program = torch.export.export(model, (x[:2],), dynamic_shapes=shapes)
    torch.testing.assert_close(program.module()(x), model(x))
    if name != "stn":  # PyTorch makes no grid for no pictures
        assert model(x[:0]).shape == (0, 10)


@pytest.mark.parametrize("name", [*SMALL, "linformer_small_8", "stn"])
def test_torchvision_extracts_features_from_what_torch_fx_traces(name):
    torch.manual_seed(0)
    model = create_model(name).eval()
    layer, last = head(model)
    nn.init.normal_(last.weight)  # a ViT's are 0
    size = getattr(model, "image_size", 64)
    x = torch.randn(2, 3, size, size)
    extractor = create_feature_extractor(model, {layer: "logits"})
    assert torch.equal(extractor(x)["logits"], model(x))


def test_weights_that_are_drawn_again_forget_the_norms():
    model = create_model("resnet_small")
    with torch.no_grad():
        model.bn1.weight.fill_(3)
    model.bn1.running_mean.fill_(5)
    model.init_weights()
    assert model.bn1.weight.eq(1).all()
    assert model.bn1.running_mean.eq(0).all()


def test_a_plain_network_learns_though_small_ones_begin_as_the_identity():
    torch.manual_seed(0)
    model = create_model("resnet_small", residual=False)
    model(torch.randn(4, 3, 64, 64)).square().sum().backward()
    assert all(p.grad.any() for n, p in model.named_parameters() if "conv" in n)


def test_lrn_with_five_times_alpha_is_the_printed_formula():
    x = 30 * torch.randn(16)
    ours = LocalResponseNorm(5, 5e-4, 2.0)(x.view(1, 16, 1, 1)).flatten()
    for i in range(16):
        window = x[max(0, i - 2) : i + 3]
        expected = x[i] / (2 + 1e-4 * window.square().sum()) ** 0.75
        torch.testing.assert_close(ours[i], expected)


def test_dropout_stands_before_or_after_the_hidden_layers():
    before, after = (
        [n for n, _ in AlexNet(dropout_position=p).classifier.named_children()]
        for p in ("before", "after")
    )
    assert before[:3] == ["drop6", "fc6", "relu6"]
    assert after[:3] == ["fc6", "relu6", "drop6"]


def test_initialisation_follows_the_papers():
    model = create_model("alexnet_small")
    assert model.features.conv2.bias.eq(1).all()
    assert model.features.conv3.bias.eq(0).all()
    assert model.classifier.fc6.weight.std().item() == pytest.approx(0.01, rel=0.02)
    conv = resnet50().stages.layer3[2].conv2
    he = (2 / (conv.in_channels * 9)) ** 0.5
    assert conv.weight.std().item() == pytest.approx(he, rel=0.02)
    glorot = create_model("vgg_small").features.conv4_2.weight
    assert glorot.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.02)
    vit = create_model("vit_small_8")
    assert not vit.head.weight.any()
    assert not vit.token.any()
    assert vit.positions.std().item() == pytest.approx(0.02, rel=0.05)


def test_convolution_bias_before_batch_norm_changes_nothing():
    with_bias = create_model("resnet_small", conv_bias=True).train()
    x = torch.randn(4, 3, 64, 64)
    before = with_bias(x)
    for module in with_bias.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.bias)
    torch.testing.assert_close(with_bias(x), before, atol=1e-4, rtol=1e-4)


def test_attention_weights_are_what_the_layer_applies():
    layer = SelfAttention(24, 3)
    x = torch.randn(2, 7, 24)
    weights = layer.weights(x)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 7))
    mixed = (weights @ layer.split(x)[2]).transpose(1, 2).flatten(2)
    torch.testing.assert_close(layer.out(mixed), layer(x))


def test_without_positions_patches_are_a_bag():
    def difference(**kwargs) -> float:
        model = VisionTransformer(
            image_size=16, patch_size=4, width=32, depth=2, heads=4, hidden=64, **kwargs
        ).eval()
        nn.init.normal_(model.head.weight)
        x = torch.randn(1, 3, 16, 16)
        swapped = torch.cat([x[..., 8:], x[..., :8]], dim=-1)  # whole patches move
        return (model(x) - model(swapped)).abs().max().item()

    assert difference(positions="none") < 1e-4
    assert difference(positions="sincos") > 1e-2


def test_sincos_positions_tell_all_places_apart():
    table = sincos_positions(14, 64, token=True)[0]
    assert table.shape == (197, 64)
    assert not table[0].any()
    distance = torch.cdist(table, table) + 9 * torch.eye(197)
    assert distance.min() > 0.1


@settings(max_examples=25, deadline=None)
@given(
    patch=st.sampled_from([4, 8, 16]),
    grid=st.integers(1, 4),
    heads=st.integers(1, 4),
    positions=st.sampled_from(["learned", "sincos", "none"]),
    pool=st.sampled_from(["token", "mean"]),
)
def test_any_sensible_vit_answers(patch, grid, heads, positions, pool):
    model = VisionTransformer(
        image_size=patch * grid,
        patch_size=patch,
        width=8 * heads,
        depth=1,
        heads=heads,
        hidden=16,
        positions=positions,
        pool=pool,
    )
    assert model(torch.zeros(2, 3, patch * grid, patch * grid)).shape == (2, 10)


def test_the_last_layer_of_a_resnet_starts_small():
    fc = create_model("resnet_small", num_classes=100).fc
    assert fc.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert not fc.bias.any()


@pytest.mark.parametrize("batch_norm", [True, False])
def test_bottlenecks_can_start_as_the_identity_too(batch_norm):
    sizes = {"blocks": (2,), "widths": (16,), "batch_norm": batch_norm}
    model = ResNet(block=Bottleneck, zero_init=True, **sizes)
    block, x = model.stages.layer1[1], torch.randn(2, 64, 8, 8)
    assert torch.equal(block(x), x.relu())


def test_without_normalisation_convolutions_have_a_bias():
    model = create_model("resnet_small", batch_norm=False)
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert all(layer.bias is not None for layer in layers)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())


@pytest.mark.parametrize(
    "name", ["alexnet_small", "vgg_small", "vit_small_8", "linformer_small_8", "stn"]
)
def test_every_dropout_has_the_probability_asked_for(name):
    model = create_model(name, dropout=0.3)
    found = [m.p for m in model.modules() if isinstance(m, nn.Dropout | nn.Dropout2d)]
    assert len(found) >= 2
    assert {*found} == {0.3}


def test_a_vit_drops_units_behind_the_positions_too():
    model = create_model("vit_small_8").train()
    nn.init.normal_(model.head.weight)
    one, other = torch.randn(2, 2, 3, 64, 64)
    assert not torch.allclose(model(one), model(other))
    model.drop.p = 1.0  # nothing of the pictures is left
    assert torch.equal(model(one), model(other))


def test_vggs_first_weights_of_2014():
    conv = create_model("vgg_small", init="normal").features.conv4_2
    assert conv.weight.std().item() == pytest.approx(0.1, rel=0.02)


def test_sincos_positions_begin_with_the_column():
    table = sincos_positions(5, 16)[0].view(5, 5, 4, 4)  # row, column, quarter, wave
    assert torch.equal(table[:, 2, :2], table[:1, 2, :2].expand(5, -1, -1))
    assert torch.equal(table[2, :, 2:], table[2, :1, 2:].expand(5, -1, -1))
    angle = torch.arange(5.0)
    torch.testing.assert_close(table[0, :, 0, 0], angle.sin())
    torch.testing.assert_close(table[:, 0, 3, 0], angle.cos())
    torch.testing.assert_close(table[0, :, 1, -1], (angle / 10_000).cos())


def test_vits_first_biases():
    block = create_model("vit_small_8").blocks[0]
    assert block.mlp.fc1.bias.std().item() == pytest.approx(1e-6, rel=0.1)
    assert not block.attention.qkv.bias.any()


@pytest.mark.parametrize("name", list_models())
def test_a_builder_says_where_its_arguments_go(name):
    builder = getattr(models, name)
    kind = builder.__annotations__["return"]
    assert f"Passed to :class:`{kind.__name__}`" in builder.__doc__
    for wrong in ({"nowhere": 1}, {"num_classes": "ten"}):
        with pytest.raises(TypeError):
            create_model(name, **wrong)
    assert "TypeError" in kind.__doc__


def test_vits_norms_and_patches_are_those_of_the_authors_code():
    model = create_model("vit_b_16", depth=1)
    norms = [m for m in model.modules() if isinstance(m, nn.LayerNorm)]
    assert [norm.eps for norm in norms] == [1e-6] * 3
    deviation = model.patches.weight.std().item()
    assert deviation == pytest.approx((3 * 16 * 16) ** -0.5, rel=0.02)


def test_sincos_positions_have_waves_of_1_to_10_000_patches():
    right = sincos_positions(2, 16)[0, 1]  # column 1, row 0
    frequencies = torch.tensor([1.0, 10_000 ** (-1 / 3), 10_000 ** (-2 / 3), 1e-4])
    torch.testing.assert_close(right[:4], frequencies.sin())
    torch.testing.assert_close(right[4:8], frequencies.cos())
    torch.testing.assert_close(right[8:], torch.tensor([0.0] * 4 + [1.0] * 4))


def test_fixed_positions_are_in_no_file_of_weights():
    model = create_model("vit_small_8", positions="sincos", depth=1)
    assert "positions" not in model.state_dict()


@pytest.mark.parametrize(
    "name", ["alexnet_small", "vgg_small", "vit_small_8", "linformer_small_8", "stn"]
)
def test_every_dropout_is_passed_through(name):
    model, ran = create_model(name), []
    kinds = (nn.Dropout, nn.Dropout2d)
    layers = [layer for layer in model.modules() if isinstance(layer, kinds)]
    for layer in layers:
        layer.register_forward_hook(lambda layer, *_: ran.append(layer))
    size = 32 if name == "stn" else 64
    model(torch.zeros(1, 3, size, size))
    assert len(ran) == len(layers) > 0
    assert {*ran} == {*layers}
