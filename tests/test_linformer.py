"""Linformer's attention: counts, cost, equality with plain attention, errors."""

import pytest
import torch
from torch import nn

import vhist
from vhist import create_model, plan
from vhist.cli import commands
from vhist.cli.parsing import parse_train
from vhist.models import Linformer, LinformerAttention, VisionTransformer
from vhist.models.linformer import Projection
from vhist.models.vit import SelfAttention

# facts: the sizes of the article on cats and dogs, and plain attention at these sizes
SIZES = {"patch_size": 32, "width": 128, "depth": 12, "heads": 8, "hidden": 512}
DIFFER = ("e", "f", "core")  # the layers of a block in which the two kinds differ


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def build_on_meta(name: str, **kwargs) -> nn.Module:
    with torch.device("meta"):
        return create_model(name, **kwargs)


@pytest.mark.parametrize(
    ("name", "kwargs", "expected"),
    [
        ("linformer", {"num_classes": 2}, 2_851_842),
        ("linformer", {}, 2_852_874),
        ("linformer", {"num_classes": 1000}, 2_980_584),
        ("linformer", {"num_classes": 2, "keep": 50}, 2_851_842 - 12 * 2 * 50 * 14),
        ("vit_b_16", {"num_classes": 2, **SIZES}, 2_779_650),
        ("vit_small_8", {}, 2_721_226),
        ("linformer_small_8", {}, 2_721_226 + 6 * 2 * 65 * 16),
    ],
)
def test_parameter_counts(name, kwargs, expected):
    assert count(build_on_meta(name, **kwargs)) == expected


def test_parts_of_the_articles_network():
    model = build_on_meta("linformer", num_classes=2)
    assert count(model.patches) == 393_344
    assert model.token.numel() == 128
    assert model.positions.numel() == 6_400
    assert [count(block) for block in model.blocks] == [204_288] * 12
    attention = model.blocks[0].attention
    assert count(attention.e) + count(attention.f) == 6_400
    assert count(model.norm) + count(model.head) == 514
    lost = model.token.numel() + model.positions.numel() + 12 * 6_400
    assert count(model) - lost == 2_768_514  # as torchsummary printed


def test_identity_projections_are_plain_attention():
    plain, layer = SelfAttention(24, 3), LinformerAttention(24, 3, 10, keep=10)
    layer.load_state_dict(plain.state_dict(), strict=False)
    for projection in (layer.e, layer.f):
        nn.init.eye_(projection.weight)
    x = torch.randn(2, 10, 24)
    torch.testing.assert_close(layer(x), plain(x))
    torch.testing.assert_close(layer.weights(x), plain.weights(x))


def test_weights_are_what_the_layer_applies():
    layer, x = LinformerAttention(24, 3, 10, keep=4), torch.randn(2, 10, 24)
    weights, values = layer.weights(x), SelfAttention.split(layer, x)[2]
    assert weights.shape == (2, 3, 10, 4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 10))
    mixed = weights @ torch.einsum("kt,nhtd->nhkd", layer.f.weight, values)
    torch.testing.assert_close(layer.out(mixed.transpose(1, 2).flatten(2)), layer(x))


def cost(layer: nn.Module, tokens: int) -> int:
    rows = vhist.summary(layer, (tokens, 128)).rows
    return sum(row.macs for row in rows if row.name in DIFFER)


def test_cost_at_the_articles_sizes():
    plain, ours = SelfAttention(128, 8), LinformerAttention(128, 8, 50, keep=64)
    assert cost(plain, 50) == 640_000
    assert cost(ours, 50) == 1_638_400
    assert cost(ours, 50) / cost(plain, 50) == 2.56
    both = [
        vhist.summary(build_on_meta(name, num_classes=2, **sizes), 224).macs
        for name, sizes in (("linformer", {}), ("vit_b_16", SIZES))
    ]
    assert both == [156_893_440, 144_912_640]


@pytest.mark.parametrize("keep", [4, 16, 64])
def test_break_even_is_at_twice_what_is_kept(keep):
    for tokens in (keep, 2 * keep - 1, 2 * keep, 2 * keep + 1, 8 * keep):
        ours = cost(LinformerAttention(128, 8, tokens, keep=keep), tokens)
        plain = cost(SelfAttention(128, 8), tokens)
        assert ours == 4 * tokens * keep * 128
        assert (ours > plain, ours == plain) == (tokens < 2 * keep, tokens == 2 * keep)


def test_projections_start_within_one_over_root_k():
    attention = create_model("linformer").blocks[3].attention
    for weight in (attention.e.weight, attention.f.weight):
        assert weight.shape == (64, 50)
        assert 0.12 < weight.abs().max() <= 0.125
        assert weight.std().item() == pytest.approx(0.125 / 3**0.5, rel=0.05)
    assert not torch.equal(attention.e.weight, attention.f.weight)
    assert attention.qkv.bias is None


def test_attention_maps_have_a_column_for_each_mixture():
    model = create_model("linformer_small_8", depth=2)
    maps = vhist.inspect.attention_maps(model, torch.randn(2, 3, 64, 64))
    assert maps.shape == (2, 2, 3, 65, 16)


def test_torchvision_has_none():
    assert isinstance(build_on_meta("linformer"), VisionTransformer)
    with pytest.raises(TypeError, match="torchvision"):
        build_on_meta("linformer").torchvision_keys()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Linformer(keep=0), "keep must be at least 1, got 0"),
        (lambda: create_model("linformer", heads=7), "heads=7 does not divide"),
        (lambda: create_model("linformer", patch_size=30), "does not divide image"),
        (lambda: Projection(0, 4), "tokens must be at least 1"),
        (lambda: Projection(5, 4)(torch.zeros(1, 2, 6, 8)), "is for 5 tokens, got 6"),
        (
            lambda: LinformerAttention(24, 3, 10)(torch.zeros(1, 9, 24)),
            "for 10 tokens, got 9",
        ),
        (
            lambda: create_model("linformer_small_8")(torch.zeros(1, 3, 32, 32)),
            "expected images of shape",
        ),
    ],
)
def test_errors_are_one_line(build, message):
    with pytest.raises(ValueError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_wrong_types_are_one_line():
    with pytest.raises(TypeError, match="keep must be a whole number"):
        Linformer(keep=2.5)
    with pytest.raises(TypeError, match="qkv_bias must be True or False"):
        Linformer(qkv_bias="no")


def test_planned_runs_differ_in_attention_alone():
    calls = {
        run.label: parse_train(commands.train, "vhist train", list(run.words))
        for run in plan.load("interludes").runs
        if run.seed == 0 and run.label.startswith(("linformer", "plain"))
    }
    assert len(calls) == 6
    modern = calls["linformer_modern"].keywords["recipe"]
    for keep in (4, 64):
        given = calls[f"linformer_modern_{keep}"].keywords
        assert given["recipe"] == modern
        assert given["options"].built() == {"keep": keep}
    for recipe in ("article", "modern"):
        pair = [calls[f"{kind}_{recipe}"].keywords for kind in ("linformer", "plain")]
        assert pair[0]["recipe"] == pair[1]["recipe"]
        built = [
            build_on_meta(
                given["model"],
                num_classes=2,
                image_size=given["recipe"].image_size,
                **given["options"].built(),
            )
            for given in pair
        ]
        names = [{n for n, _ in model.named_parameters()} for model in built]
        assert {n.split(".")[-2] for n in names[0] - names[1]} == {"e", "f"}
        assert all(n.endswith("qkv.bias") for n in names[1] - names[0])
    article = calls["linformer_article"].keywords["recipe"]
    assert (article.lr, article.batch_size, article.epochs) == (3e-5, 64, 10)
    assert (article.schedule, article.weight_decay) == ("constant", 0)
    assert (article.clip_norm, article.warmup_epochs) == (None, 0)
    assert (article.label_smoothing, article.crop_area) == (0, (0.08, 1))
