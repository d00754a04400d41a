"""The layer table: the article's rows, and where the article's tool went wrong."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
import torchsummary
import torchvision
from torch import nn
from torch.nn import functional as F

from vhist import create_model, summary

MACS = {  # exact, 10 classes
    ("alexnet", 227): 1_131_201_056,
    ("vgg11", 224): 7_605_035_008,
    ("vgg16", 224): 15_466_209_280,
    ("vgg19", 224): 19_628_007_424,
    ("resnet18", 224): 1_813_566_464,
    ("resnet34", 224): 3_663_254_528,
    ("resnet50", 224): 4_087_156_736,
    ("resnet152", 224): 11_511_599_104,
    ("vit_ti_16", 224): 1_253_493_120,
    ("vit_b_16", 224): 17_563_067_904,
}

# The article's tables: type, output shape and parameters of every row.
ALEXNET = """
Conv2d 96x55x55 34944; ReLU 96x55x55 0; LocalResponseNorm 96x55x55 0;
MaxPool2d 96x27x27 0; Conv2d 256x27x27 614656; ReLU 256x27x27 0;
LocalResponseNorm 256x27x27 0; MaxPool2d 256x13x13 0; Conv2d 384x13x13 885120;
ReLU 384x13x13 0; Conv2d 384x13x13 1327488; ReLU 384x13x13 0;
Conv2d 256x13x13 884992; ReLU 256x13x13 0; MaxPool2d 256x6x6 0; Dropout 9216 0;
Linear 4096 37752832; ReLU 4096 0; Dropout 4096 0; Linear 4096 16781312;
ReLU 4096 0; Linear 10 40970
"""
VGG16_PARAMETERS = [
    *(1_792, 36_928, 73_856, 147_584, 295_168, 590_080, 590_080, 1_180_160),
    *(2_359_808, 2_359_808, 2_359_808, 2_359_808, 2_359_808),
    *(102_764_544, 16_781_312, 40_970),
]


def on_meta(name: str, **kwargs) -> nn.Module:
    with torch.device("meta"):
        return create_model(name, **kwargs)


@pytest.mark.parametrize(("case", "expected"), MACS.items())
def test_multiply_adds(case, expected):
    name, size = case
    assert summary(on_meta(name), size).macs == expected


def test_v1_puts_less_work_into_a_resnet50():
    assert summary(on_meta("resnet50", version="v1"), 224).macs == 3_855_945_728


def test_alexnet_is_the_articles_row_for_row():
    rows = summary(on_meta("alexnet"), 227).rows
    ours = [f"{r.kind} {'x'.join(map(str, r.shape))} {r.parameters}" for r in rows]
    assert ours == " ".join(ALEXNET.split()).split("; ")


def test_vgg16_is_the_articles_row_for_row():
    rows = summary(on_meta("vgg16"), 224).rows
    kinds = "".join(r.kind[0] for r in rows)  # Conv, ReLU, MaxPool, Dropout, Linear
    assert kinds == "CRCRM" * 2 + "CRCRCRM" * 3 + "DLRDLRL"
    assert [r.parameters for r in rows if r.parameters] == VGG16_PARAMETERS


def test_resnet34_is_the_articles_row_for_row():
    rows = summary(on_meta("resnet34"), 224).rows
    convs = [r.parameters for r in rows if r.kind == "Conv2d"]
    first = [73_856, 147_584, 8_320]  # the projection follows the two convolutions
    assert convs[:7] == [9_472] + 6 * [36_928]
    assert convs[7:10] == first
    assert convs.count(33_024) == convs.count(131_584) == 1
    assert len(convs) == 1 + 32 + 3
    assert rows[-1].parameters == 5_130
    assert [r.shape for r in rows if r.kind == "MaxPool2d"] == [(64, 56, 56)]


def test_everything_a_vit_owns_is_counted_once():
    table = summary(on_meta("vit_b_16"), 224)
    by_name = {r.name: r for r in table.rows}
    assert table.parameters == 85_806_346
    assert by_name["token"].parameters == 768
    assert by_name["positions"].parameters == 151_296
    assert by_name["blocks.11.attention.qkv"].parameters == 1_771_776
    assert by_name["blocks.0.attention.core"].macs == 2 * 197 * 197 * 768
    assert table.collapse(2).parameters == table.parameters
    assert table.collapse(1).macs == table.macs


def test_pytorchs_own_attention_is_counted_too():
    with torch.device("meta"):
        theirs = torchvision.models.vit_b_16(num_classes=10)
    table = summary(theirs, 224)
    assert table.parameters == 85_806_346
    assert table.macs == 17_563_067_904


def test_where_the_articles_tool_went_wrong():
    """torchsummary 1.5.1 misses attention's projections, class token and positions."""

    class Token(nn.Module):  # source: the article's ViT, by its layer table
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 768, 16, 16)
            self.token = nn.Parameter(torch.zeros(1, 1, 768))
            self.positions = nn.Parameter(torch.zeros(1, 197, 768))
            self.attention = nn.ModuleList(
                nn.MultiheadAttention(768, 12, batch_first=True) for _ in range(12)
            )
            self.norms = nn.ModuleList(nn.LayerNorm(768) for _ in range(25))
            self.mlps = nn.ModuleList(
                nn.Sequential(nn.Linear(768, 3072), nn.GELU(), nn.Linear(3072, 768))
                for _ in range(12)
            )
            self.head = nn.Linear(768, 10)

        def forward(self, x):
            x = self.conv(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
            for i in range(12):
                y = self.norms[2 * i](x)
                x = x + self.attention[i](y, y, y)[0]
                x = x + self.mlps[i](self.norms[2 * i + 1](x))
            return self.head(self.norms[-1](x)[:, 0])

    model = Token()
    counted = _torchsummary_total(model)
    assert counted == 57_305_866
    missed = 12 * (1_771_776 + 590_592) + 768 + 151_296
    assert counted + missed == summary(model, 224).parameters == 85_806_346


def _torchsummary_total(model: nn.Module) -> int:
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        torchsummary.summary(model, (3, 224, 224), device="cpu")
    line = next(s for s in printed.getvalue().splitlines() if "Total params" in s)
    return int(line.split(":")[1].replace(",", ""))


def test_summary_leaves_the_model_as_it_was():
    model = create_model("resnet_small").train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    summary(model, 64)
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not any(m._forward_hooks for m in model.modules())


def test_a_layer_that_runs_twice_counts_twice():
    layer = nn.Conv2d(3, 3, 3, padding=1)
    once, twice = (summary(nn.Sequential(*[layer] * n), 8).macs for n in (1, 2))
    assert twice == 2 * once == 2 * 8 * 8 * 3 * 3 * 9


def test_text_and_html_hold_the_totals():
    table = summary(on_meta("alexnet"), 227)
    for text in (str(table), table._repr_html_()):
        assert "58,322,314 parameters" in text
        assert "1,131,201,056 multiply-adds" in text
    assert max(map(len, str(table).splitlines())) <= 88


def test_sizes_of_numpy_and_models_in_other_types():
    model = create_model("vit_small_8")
    expected = summary(model, 64)
    assert summary(model.half(), np.int64(64)) == expected
    with pytest.raises(TypeError, match=r"pixels or a shape, got 64\.5"):
        summary(model, 64.5)


def test_an_impossible_size_is_one_line():
    with pytest.raises(ValueError, match="expected images of shape"):
        summary(on_meta("vit_b_16"), 225)
    with pytest.raises(ValueError, match="cannot take an input of shape"):
        summary(nn.Linear(4, 2), (5,))


def test_a_negative_size_is_one_line():
    with pytest.raises(ValueError, match=r"input of shape \(3, -1, -1\)"):
        summary(nn.Conv2d(3, 2, 1), -1)
    with pytest.raises(TypeError, match=r"such as vhist\.create_model gives, got 'res"):
        summary("resnet_small", 64)


def test_parameters_that_no_hook_sees_are_counted():
    class Sparse(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)
            self.scales = nn.ParameterList([nn.Parameter(torch.ones(4))])
            self.used = nn.Linear(2, 5)  # its weights are, it is not called
            self.unused = nn.Sequential(nn.Linear(7, 3))

        def forward(self, x):
            return F.linear(self.conv(x).mean((2, 3)), self.used.weight)

    model = Sparse()
    found = summary(model, 8)
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert "unused.0.weight" in str(found)


def test_a_module_that_is_used_twice_is_left_as_it_is():
    layer, tied = nn.Linear(8, 8), nn.Linear(8, 8)
    tied.weight = layer.weight
    model = nn.Sequential(layer, layer, tied)
    before = list(model.parameters())
    assert summary(model, (8,)).parameters == 8 * 8 + 2 * 8
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_collapsed_table_has_the_same_totals(depth):
    whole = summary(create_model("resnet_small"), 64)
    short = whole.collapse(depth)
    assert len(short.rows) < len(whole.rows)
    for total in ("parameters", "macs", "activations", "buffers"):
        assert getattr(short, total) == getattr(whole, total)


def test_megabytes_and_buffers_are_those_of_the_numbers():
    model = nn.Sequential(nn.Conv2d(3, 500, 10), nn.BatchNorm2d(500))
    table = summary(model, 19)  # puts out 500 x 10 x 10, twice
    assert table.buffers == 500 + 500 + 1
    assert "151,500 parameters (0.6 MB in float32)" in str(table)
    assert "100,000 activations per picture (0.4 MB)" in str(table)


def test_a_table_in_html_escapes_names():
    model = nn.Sequential(OrderedDict([("<b>", nn.Linear(2, 2))]))
    html = summary(model, (2,))._repr_html_()
    assert "<td>&lt;b&gt;</td>" in html


def test_an_error_without_words_is_named_by_its_kind():
    class Unfinished(nn.Module):
        def forward(self, x):
            raise NotImplementedError  # a RuntimeError that says nothing

    with pytest.raises(ValueError, match=r"cannot take .*: NotImplementedError$"):
        summary(Unfinished(), 64)


def test_what_is_multiplied_between_layers_has_a_row():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

        def forward(self, x):
            return self.inner(x) @ x.mT

    table = summary(Twice(), (5, 4))
    between = table.rows[-1]
    assert (between.name, between.kind, between.macs) == ("", "Between", 5 * 5 * 4)
    assert table.macs == 5 * 4 * 4 + 5 * 5 * 4


def test_tokens_may_stand_on_the_first_axis():
    layer = nn.TransformerEncoderLayer(16, 2, 32)  # batch_first=False
    first = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (5, 16)))

    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.layer = first, layer

        def forward(self, x):
            return self.layer(self.first(x).transpose(0, 1))

    table = summary(Turned(), (5, 16))
    shapes = {row.name: row.shape for row in table.rows}
    assert shapes["layer.linear1"] == (5, 1, 32)
    rows = {row.name: row.activations for row in table.rows}
    assert rows["layer.linear1"] == 5 * 32


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda x: x + torch.arange(4), r"make tensors with device=x\.device"),
        (lambda x: x if x.sum().item() > 0 else -x, r"decide nothing by \.item"),
    ],
)
def test_a_look_at_numbers_that_are_not_there_is_said(forward, message):
    class Looks(nn.Module):
        def forward(self, x):
            return forward(x)

    with pytest.raises(ValueError, match=message):
        summary(Looks(), (4,))


def test_torchvisions_complaint_about_a_size_is_one_line():
    with torch.device("meta"):
        model = torchvision.models.vit_b_16()
    with pytest.raises(ValueError, match=r"shape \(3, 100, 100\): Wrong image height"):
        summary(model, 100)


def test_a_table_is_not_collapsed_to_nothing():
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        summary(nn.Linear(2, 2), (2,)).collapse(0)


def test_a_collapsed_row_has_the_shape_that_comes_out():
    table = summary(create_model("resnet_small"), 64)
    shapes = {row.name: row.shape for row in table.collapse(1).rows}
    assert shapes["stages"] == (256, 4, 4)


def test_what_is_multiplied_within_and_around_is_counted_once():
    class Product(nn.Module):
        def forward(self, x):
            return self.inner(x) @ x.mT if hasattr(self, "inner") else x @ x.mT @ x

    outer, inner = Product(), Product()
    inner.linear = nn.Linear(4, 4)  # its child: else it would be a layer
    outer.inner = inner
    table = summary(outer, (5, 4))
    assert {row.name: row.macs for row in table.rows if row.macs} == {
        "inner": 2 * 5 * 5 * 4,
        "": 5 * 5 * 4,
    }


def test_a_network_in_training_mode_is_counted_as_it_evaluates():
    layers = nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4)
    model = nn.Sequential(*layers).train()  # one picture has no deviation
    assert summary(model, 2).parameters == 12 * 4 + 4 + 2 * 4
