"""The spatial transformer: its grid, its gradient, its start, its errors."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vhist import create_model, list_models, plots, runs, summary
from vhist.models import STN, SpatialTransformer, stn
from vhist.models.stn import Localisation, sample
from vhist.recipe import recipe_for

IDENTITY = torch.eye(2, 3)[None]


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_counts_are_those_of_the_source():
    model = stn()
    assert count(model) == 39_884
    assert count(model.transformer.localisation) == 8_544
    assert count(stn(transform=False)) == 39_884 - 8_544
    assert summary(model, 32).macs == 2_075_788  # without the sampler
    assert "stn" in list_models()


@pytest.mark.parametrize("align_corners", [False, True])
def test_the_identity_grid_is_the_pixels_and_changes_nothing(align_corners):
    grid = F.affine_grid(IDENTITY, [1, 1, 8, 8], align_corners=align_corners)
    centres = (torch.arange(8) + 0.5) / 4 - 1  # of eight pixels between -1 and 1
    x = torch.linspace(-1, 1, 8) if align_corners else centres
    torch.testing.assert_close(grid[0, :, :, 0], x.expand(8, 8), atol=1e-7, rtol=0)
    torch.testing.assert_close(grid[0, :, :, 1], grid[0, :, :, 0].T)
    pictures = torch.rand(2, 3, 8, 8)
    read = sample(pictures, IDENTITY.expand(2, 2, 3), align_corners=align_corners)
    torch.testing.assert_close(read, pictures, atol=1e-6, rtol=0)
    model = STN(align_corners=align_corners)
    pictures = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model.transformer(pictures), pictures, atol=1e-5, rtol=0)


def test_mixed_conventions_move_pixels():
    x = torch.rand(1, 3, 32, 32)
    grid = F.affine_grid(IDENTITY, x.shape, align_corners=False)
    assert (F.grid_sample(x, grid, align_corners=True) - x).abs().max() > 0.1


@pytest.mark.parametrize("align_corners", [False, True])
def test_the_gradient_of_theta_is_right(align_corners):
    x = torch.rand(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    theta = torch.tensor([[0.9, 0.2, 0.03], [-0.1, 1.1, 0.07]], dtype=torch.float64)
    theta = theta.repeat(2, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, t: sample(x, t, align_corners=align_corners), (x, theta)
    )


@pytest.mark.parametrize("align_corners", [False, True])
def test_a_quarter_turn_is_known(align_corners):
    # The pixel at (u, v) is read at (-v, u): what was on the right comes to the top.
    turn = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])
    x = torch.rand(1, 2, 6, 6)
    read = sample(x, turn, align_corners=align_corners)
    torch.testing.assert_close(read, torch.rot90(x, 1, (2, 3)), atol=1e-6, rtol=0)


def test_a_corner_can_be_cut_out():
    x = torch.rand(1, 3, 32, 32)
    corner = torch.tensor([[[0.5, 0.0, -0.5], [0.0, 0.5, 0.5]]])  # left, below
    torch.testing.assert_close(sample(x, corner, size=16), x[..., 16:, :16])
    assert sample(x, IDENTITY, size=8).shape == (1, 3, 8, 8)


def test_any_network_can_stand_behind_it():
    here = nn.Sequential(nn.Flatten(), nn.Linear(48, 6))
    look = SpatialTransformer(localisation=here, size=2)
    assert look(torch.rand(5, 3, 4, 4)).shape == (5, 3, 2, 2)
    look = SpatialTransformer(image_size=40, size=32)
    net = nn.Sequential(look, STN(transform=False))
    assert net(torch.rand(2, 3, 40, 40)).shape == (2, 10)
    assert Localisation(image_size=18)(torch.zeros(1, 3, 18, 18)).tolist() == [
        [1, 0, 0, 0, 1, 0]
    ]


def test_bfloat16_numbers_move_a_picture_as_float32_does():
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(sample(x, IDENTITY.bfloat16()), x, atol=1e-5, rtol=0)
    large = torch.rand(1, 3, 96, 96)
    with torch.autocast("cpu", torch.bfloat16):
        same = sample(large, IDENTITY)
    torch.testing.assert_close(same, large, atol=1e-5, rtol=0)
    short = large.bfloat16()
    torch.testing.assert_close(sample(short, IDENTITY.bfloat16()), short)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: stn(image_size=17), "image_size must be at least 18, got 17"),
        (lambda: stn(num_classes=0), "num_classes must be at least 1"),
        (lambda: stn(dropout=2.0), r"dropout must be in \[0, 1\]"),
        (lambda: SpatialTransformer(image_size=8), "must be at least 18, got 8"),
        (lambda: SpatialTransformer(size=0), "size must be at least 1"),
        (lambda: stn()(torch.zeros(1, 1, 32, 32)), "expected images of shape"),
        (lambda: stn()(torch.zeros(1, 3, 28, 28)), "build the model with image_size"),
        (lambda: SpatialTransformer()(torch.zeros(1, 3, 9, 9)), "expected images"),
        (lambda: sample(torch.zeros(3, 8, 8), IDENTITY), "expected pictures"),
        (lambda: sample(torch.zeros(2, 3, 8, 8), IDENTITY), r"theta \(n, 2, 3\)"),
        (
            lambda: SpatialTransformer(localisation=nn.Flatten())(
                torch.zeros(1, 3, 2, 2)
            ),
            r"six numbers a picture, shape \(1, 6\), got \(1, 12\)",
        ),
        (lambda: recipe_for("stn", "paper"), "use modern or article"),
    ],
)
def test_what_is_wrong_is_one_line(build, message):
    with pytest.raises(ValueError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_a_flag_is_true_or_false():
    with pytest.raises(TypeError, match="transform must be True or False"):
        create_model("stn", transform="no")


def test_its_recipes_are_for_small_pictures():
    article, modern = recipe_for("stn", "article"), recipe_for("stn")
    assert article.image_size == modern.image_size == 32
    assert (article.optimizer, article.momentum, article.lr) == ("sgd", 0.9, 0.01)
    assert (article.epochs, article.batch_size, article.augment) == (50, 256, "none")
    assert {article.lr_at(e) for e in (0, 25, 50)} == {0.01}
    assert modern.lr_at(modern.epochs) < 1e-8


def test_tables_and_figures_know_models_that_the_article_lacks(example):
    assert plots.color_of("stn") == plots.MORE_COLORS["stn"]
    assert plots.color_of("LinformerAttention") == plots.MORE_COLORS["linformer"]
    assert not {*plots.COLORS} & {*plots.MORE_COLORS}
    example.recipe["image_size"] = 32
    labels = {"stn": [replace(example, model="stn")], "resnet": [example]}
    _, _, *rows = runs.markdown({"interludes": labels}).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [(row[0], row[-1]) for row in cells] == [
        ("resnet_small", "86.6"),
        ("stn", "–"),
    ]


def test_whole_maps_are_dropped():
    model = create_model("stn", dropout=0.5).train()
    seen = []
    model.drop2.register_forward_hook(lambda _, x, y: seen.append(y))
    model(torch.randn(4, 3, 32, 32))
    gone = (seen[0] == 0).flatten(2)
    assert torch.equal(gone.any(dim=2), gone.all(dim=2))
    assert 0 < gone.all(dim=2).sum() < gone.all(dim=2).numel()


def test_the_networks_flag_reaches_its_sampler():
    x = torch.rand(2, 3, 32, 32)
    theta = torch.tensor([[0.5, 0.2, 0.1], [-0.2, 0.5, 0.1]]).flatten()
    answers = []
    for flag in (False, True):
        model = create_model("stn", align_corners=flag).eval()
        with torch.no_grad():
            model.transformer.localisation.fc2.bias.copy_(theta)
            answers.append(model.transformer(x))
        expected = sample(x, theta.view(1, 2, 3).expand(2, -1, -1), align_corners=flag)
        torch.testing.assert_close(answers[-1], expected)
    assert not torch.allclose(*answers)
