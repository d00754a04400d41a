"""Things to play with: what their scripts are given, and what is refused."""

import base64
import io
import json
import re

import pytest
import torch
from PIL import Image

from vhist.data import MEAN, STD
from vhist.explorer import (
    AttentionExplorer,
    Explorer,
    FilterExplorer,
    GridExplorer,
    SwitchExplorer,
)

PICTURE = torch.arange(3 * 64 * 64).view(3, 64, 64).remainder(256).byte()


def attention(*shape: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(*shape).softmax(dim=-1)


def stored(explorer: Explorer) -> dict:
    (found,) = re.findall(
        r'<script type="application/json">(.*?)</script>', explorer._repr_html_()
    )
    return json.loads(found)


@pytest.mark.parametrize(
    ("tokens", "size", "grid"),
    [
        (65, (64, 64), (8, 8, True)),
        (64, (64, 64), (8, 8, False)),
        (197, (224, 224), (14, 14, True)),
        (32, (32, 64), (4, 8, False)),
        (33, (64, 32), (8, 4, True)),
        (2, (32, 32), (1, 1, True)),
        (1, (32, 32), (1, 1, False)),
    ],
)
def test_the_grid_of_patches_is_found(
    tokens: int, size: tuple[int, int], grid: tuple[int, int, bool]
) -> None:
    maps = attention(2, 3, tokens, tokens)
    e = AttentionExplorer(torch.zeros(3, *size).byte(), maps)
    assert (e.rows, e.columns, e.class_token) == grid
    assert (e.blocks, e.heads) == (2, 3)
    assert repr(e).endswith("and a class token)") == grid[2]
    held = len(base64.b64decode(stored(e)["maps"][0]["weights"]))
    assert held == 2 * 3 * tokens * grid[0] * grid[1]


def test_a_weight_is_its_place_among_the_colours() -> None:
    even = 1 / 65
    weights = torch.full((1, 1, 65, 65), even)
    row = weights[0, 0, 1]
    row[1:] = even / 2
    row[1:5] = torch.tensor([0, even / 16, 4 * even, 0.3])
    row[0] = 1 - row[1:].sum()  # what goes to the class token is left out
    (found,) = stored(AttentionExplorer(PICTURE, weights))["maps"]
    places = base64.b64decode(found["weights"])
    assert len(places) == 65 * 64
    assert set(places[:64]) == {128}  # even, from the class token
    assert list(places[64 : 64 + 5]) == [0, 0, 191, 255, 96]
    assert found["strongest"][0] == [0, 0, 0, 1]
    assert found["strongest"][1] == [0, 0, 3, 20]


def test_the_strongest_is_the_strongest_beyond_the_scale_too() -> None:
    weights = torch.full((3, 2, 17, 17), 1 / 17)
    for block, head, query, key, share in (
        (0, 1, 5, 3, 0.97),  # beyond the last colour, as is the next
        (2, 0, 5, 7, 0.99),
        (1, 1, 6, 16, 0.5),
    ):
        weights[block, head, query] = (1 - share) / 16
        weights[block, head, query, key] = share
    (found,) = stored(AttentionExplorer(PICTURE, weights))["maps"]
    assert found["strongest"][5] == [2, 0, 7 - 1, 17]  # a patch less: the class token
    assert found["strongest"][6] == [1, 1, 16 - 1, 8.5]


def test_picture_and_names_arrive() -> None:
    name = '</script><b>"later"'
    names = ["before", name, 10, 2]  # numbers, too, in their order
    maps = {n: attention(1, 2, 65, 65) for n in names}
    data = stored(AttentionExplorer(PICTURE, maps))
    assert [m["name"] for m in data["maps"]] == ["before", name, "10", "2"]
    kind, content = data["picture"].split(",", 1)
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert picture.size == (64, 64)
    assert len(base64.b64decode(data["colours"])) == 3 * 256


def test_the_six_numbers_and_each_pixel_arrive() -> None:
    theta = torch.tensor([[0.5, -0.123456, 0], [2, -2, 1]], requires_grad=True)
    explorer = GridExplorer(PICTURE.float() + 0.4, theta)
    assert repr(explorer) == "GridExplorer(0.5, -0.12, 0.0, 2.0, -2.0, 1.0)"
    data = stored(explorer)
    assert data["theta"] == [0.5, -0.12, 0, 2, -2, 1]
    pixels = torch.tensor([*base64.b64decode(data["pixels"])])
    shape = data["height"], data["width"], 3
    assert torch.equal(pixels.view(shape).permute(2, 0, 1), PICTURE.long())
    assert stored(GridExplorer(PICTURE))["theta"] == [1, 0, 0, 0, 1, 0]


def test_filters_arrive_as_they_are() -> None:
    weight, bias = torch.randn(2, 3, 5, 4).half(), torch.randn(2, requires_grad=True)
    explorer = FilterExplorer(PICTURE, weight, bias, stride=(2, 2), padding=1)
    assert repr(explorer) == "FilterExplorer(2 filters of 5 x 4)"
    data = stored(explorer)
    assert (data["size"], data["stride"], data["padding"]) == ([5, 4], 2, 1)
    assert (tuple(data["mean"]), tuple(data["std"])) == (MEAN, STD)
    for key, expected in (("weights", weight), ("biases", bias)):
        content = bytearray(base64.b64decode(data[key]))
        found = torch.frombuffer(content, dtype=torch.float32)
        assert torch.equal(found, expected.detach().float().flatten())
    silent = stored(FilterExplorer(PICTURE, weight))["biases"]
    assert base64.b64decode(silent) == bytes(8)


def test_each_choice_of_parts_has_its_accuracy() -> None:
    shares = torch.arange(8).view(2, 2, 2) / 8
    both = {"first": shares, 2: shares.flip(0)}
    explorer = SwitchExplorer(["a", "b", 3], both, ["C0", "tab:blue"])
    assert repr(explorer) == "SwitchExplorer(3 parts of first, 2)"
    data = stored(explorer)
    assert data["parts"] == ["a", "b", "3"]
    first, second = data["networks"]
    assert (first["name"], second["name"]) == ("first", "2")
    assert all(re.fullmatch("#[0-9a-f]{6}", n["color"]) for n in (first, second))
    assert first["accuracy"][0b101] == shares[1, 0, 1] == second["accuracy"][0b001]


@pytest.mark.parametrize(
    "explorer",
    [
        AttentionExplorer(PICTURE, attention(1, 1, 65, 65)),
        FilterExplorer(PICTURE, torch.ones(1, 3, 3, 3)),
        GridExplorer(PICTURE),
        SwitchExplorer(["one"], {"<net>": torch.rand(2)}),
    ],
    ids=["attention", "filter", "grid", "switch"],
)
def test_it_is_saved_as_a_page_of_its_own(explorer, tmp_path) -> None:
    path = explorer.save(tmp_path / "own.html")
    page = path.read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert explorer._repr_html_() in page
    assert "<net>" not in page
    assert "http" not in page


@pytest.mark.parametrize(
    ("picture", "maps", "message"),
    [
        (PICTURE, attention(1, 2, 60, 60), "60 tokens are no grid of square patches"),
        (PICTURE, attention(5, 1, 2, 65, 65), "one such tensor per picture"),
        (PICTURE, attention(1, 2, 65, 16), r"\(blocks, heads, tokens, tokens\)"),
        (PICTURE, attention(1, 0, 65, 65), r"\(blocks, heads, tokens, tokens\)"),
        (PICTURE, attention(1, 2, 65, 65).log(), "rows that sum to one"),
        (PICTURE, attention(1, 2, 65, 65) * torch.nan, "rows that sum to one"),
        (PICTURE, attention(1, 2, 65, 65) / 2, "rows that sum to one"),
        (torch.zeros(3, 520, 520), attention(1, 2, 65, 65), "at most 512 pixels"),
        (PICTURE * torch.nan, attention(1, 2, 65, 65), "finite numbers"),
        (PICTURE, {}, "nothing to show"),
        (
            PICTURE,
            {"a": attention(1, 2, 65, 65), "b": attention(2, 2, 65, 65)},
            "alike in shape",
        ),
        (PICTURE[None], attention(1, 2, 65, 65), r"\(3, h, w\)"),
        (PICTURE / 255, attention(1, 2, 65, 65), r"numbers in \[0, 255\]"),
    ],
)
def test_attention_that_cannot_be_shown_is_refused(picture, maps, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        AttentionExplorer(picture, maps)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("picture", "theta", "message"),
    [
        (PICTURE, torch.eye(3), r"theta must have shape \(2, 3\), got \(3, 3\)"),
        (PICTURE, torch.eye(2, 3) * 2.1, "numbers from -2 to 2"),
        (PICTURE, torch.eye(2, 3) * torch.nan, "numbers from -2 to 2"),
        (PICTURE[:1], torch.eye(2, 3), r"\(3, h, w\)"),
        (PICTURE[:, :0], torch.eye(2, 3), r"\(3, h, w\)"),
    ],
)
def test_a_grid_that_cannot_be_shown_is_refused(picture, theta, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        GridExplorer(picture, theta)
    assert "\n" not in str(refused.value)


FILTERS = torch.ones(2, 3, 5, 5)


@pytest.mark.parametrize(
    ("picture", "arguments", "message"),
    [
        (PICTURE, (FILTERS[:, :1],), r"\(n, 3, height, width\).*got \(2, 1, 5, 5\)"),
        (PICTURE, (FILTERS[:0],), "one or more filters"),
        (PICTURE, (FILTERS, torch.ones(3)), r"bias must have shape \(2,\), got \(3,\)"),
        (PICTURE, (FILTERS / 0,), "finite numbers"),
        (PICTURE, (FILTERS.double() * 1e300,), "finite numbers"),
        (PICTURE, (FILTERS, None, 0), "stride must be a whole number of at least 1"),
        (PICTURE, (FILTERS, None, 1.5), "stride must be a whole number"),
        (PICTURE, (FILTERS, None, (1, 2)), r"same in both directions, got \(1, 2\)"),
        (PICTURE, (FILTERS, None, ()), "stride must be a whole number"),
        (PICTURE, (FILTERS, None, 1, -1), "padding must be a whole number of at least"),
        (PICTURE, (FILTERS, None, 1, "same"), "padding must be .* got 'same'"),
        (PICTURE[:, :4], (FILTERS,), "5 x 5 is larger than the picture of 4 x 64"),
        (PICTURE[0], (FILTERS,), r"\(3, h, w\)"),
    ],
)
def test_filters_that_cannot_be_shown_are_refused(picture, arguments, message) -> None:
    names = ("weight", "bias", "stride", "padding")
    with pytest.raises(ValueError, match=message) as refused:
        FilterExplorer(picture, **dict(zip(names, arguments, strict=False)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("parts", "accuracy", "colors", "message"),
    [
        ([], {"net": torch.rand(())}, ["red"], "nothing to show"),
        (["a"], {}, ["red"], "nothing to show"),
        (["a"], {"net": torch.rand(3)}, ["red"], r"axis of 2 for each .* got \(3,\)"),
        (["a", "b"], {"net": torch.rand(2)}, ["red"], "each of 2 parts"),
        (["a"], {"net": torch.tensor([0.5, 50])}, ["red"], "numbers from 0 to 1"),
        (["a"], {"net": torch.tensor([0, torch.nan])}, ["red"], "numbers from 0 to 1"),
        (["a"], {"net": torch.rand(2)}, [], "a list of 1 or more, got \\[\\]"),
        (["a"], {"net": torch.rand(2)}, "red", "a list of 1 or more, got 'red'"),
        (
            ["a"],
            {"net": torch.rand(2)},
            ["no such"],
            "Invalid RGBA argument: 'no such'",
        ),
    ],
)
def test_parts_that_cannot_be_shown_are_refused(
    parts, accuracy, colors, message
) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        SwitchExplorer(parts, accuracy, colors)
    assert "\n" not in str(refused.value)
