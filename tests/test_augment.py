"""Augmentation: each picture of a batch by its own numbers."""

import pytest
import torch
from torch.nn import functional as F

from vhist.augment import (
    _crop_at_once,
    _crop_one_by_one,
    colour_components,
    cutmix,
    pca_colour,
    random_crop,
    random_flip,
    random_resized_crop,
)

HALVES = (slice(0, 2), slice(2, 6))


def batch(n: int = 6, size: int = 20) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (n, 3, size, size), generator=generator).byte()


def test_random_crop_cuts_a_window_per_sample():
    x = batch(50)
    y = random_crop(x, 12, generator=torch.Generator().manual_seed(0))
    corners = set()
    for picture, cut in zip(x, y, strict=True):
        windows = picture.unfold(1, 12, 1).unfold(2, 12, 1)  # 3, 9, 9, 12, 12
        hits = (windows == cut[:, None, None]).all(dim=(0, 3, 4)).nonzero()
        assert len(hits) == 1
        corners.add(tuple(hits[0].tolist()))
    assert len(corners) > 20
    with pytest.raises(ValueError, match="image_size=30 or more"):
        random_crop(x, 30)


def test_random_flip_mirrors_about_half():
    x = batch(200)
    y = random_flip(x, generator=torch.Generator().manual_seed(0))
    flipped = (y == x.flip(-1)).flatten(1).all(1)
    kept = (y == x).flatten(1).all(1)
    assert (flipped ^ kept).all()
    assert 70 < flipped.sum() < 130


def test_a_resized_crop_of_everything_is_the_picture():
    x = batch()
    whole = random_resized_crop(x, 20, area=(1, 1), ratio=(1, 1), flip=False)
    torch.testing.assert_close(whole, x.float(), atol=1e-2, rtol=0)


def test_resized_crops_differ_per_sample_and_stay_inside():
    ramp = torch.arange(64).repeat(64, 1).expand(200, 3, 64, 64) * 4
    y = random_resized_crop(
        ramp.byte(), 16, flip=False, generator=torch.Generator().manual_seed(0)
    )
    left, right = y[:, 0, 8, 0], y[:, 0, 8, -1]
    assert (right > left).all()  # never mirrored, never empty
    assert left.unique().numel() > 150
    share = (right - left) / 252 * 16 / 15
    assert 0.2 < share.min() < 0.4
    assert share.max() > 0.9
    with pytest.raises(ValueError, match="area must lie in"):
        random_resized_crop(ramp, 16, area=(0.5, 0.1))


def test_resized_crops_are_what_an_affine_grid_of_pytorch_gives():
    u = torch.rand(7, 5, generator=torch.Generator().manual_seed(0))
    share, shape = 0.08 + 0.92 * u[:, 0], (4 / 3) ** (2 * u[:, 1] - 1)
    width, height = (share * shape).sqrt(), (share / shape).sqrt()
    width, height = width.clamp(max=1), height.clamp(max=1)
    theta = torch.zeros(7, 2, 3)
    theta[:, 0, 0] = torch.where(u[:, 4] < 0.5, -width, width)
    theta[:, 1, 1] = height
    theta[:, 0, 2] = (1 - width) * (2 * u[:, 2] - 1)
    theta[:, 1, 2] = (1 - height) * (2 * u[:, 3] - 1)
    grid = F.affine_grid(theta, [7, 3, 33, 33], align_corners=False)
    x = batch(7)
    expected = F.grid_sample(
        x.float(), grid, padding_mode="reflection", align_corners=False
    )
    torch.testing.assert_close(
        random_resized_crop(x, 33, u=u), expected, atol=1e-2, rtol=0
    )


def test_pca_colour_shifts_each_picture_as_a_whole():
    x = batch(100)
    deviations, directions = colour_components(x)
    torch.testing.assert_close(directions.T @ directions, torch.eye(3))
    assert (deviations.diff() <= 0).all()
    y = pca_colour(x, (deviations, directions), std=0.1)
    shift = y - x
    assert shift.std(dim=(2, 3)).max() < 1e-3
    along = shift[:, :, 0, 0] @ directions / 255
    torch.testing.assert_close(along.std(0), 0.1 * deviations, rtol=0.35, atol=0)


def test_the_gpus_way_to_crop_is_the_cpus():
    images = torch.randint(0, 256, (5, 3, 20, 30)).byte()
    corners = torch.stack([torch.arange(5), torch.arange(5) * 3], dim=1)
    ways = (_crop_one_by_one, _crop_at_once)
    one, other = (crop(images, corners, 9) for crop in ways)
    assert torch.equal(one, other)
    assert torch.equal(one[2], images[2, :, 2:11, 6:15])


def test_uniform_numbers_stand_for_a_generator():
    images = torch.randint(0, 256, (6, 3, 24, 24)).byte()
    u = torch.rand(6, 5)
    crops = random_resized_crop(images, 16, u=u)
    halves = [random_resized_crop(images[r], 16, u=u[r]) for r in HALVES]
    torch.testing.assert_close(crops, torch.cat(halves))
    corners = [random_crop(images[r], 16, u=u[r, :2]) for r in HALVES]
    assert torch.equal(random_crop(images, 16, u=u[:, :2]), torch.cat(corners))
    flipped = random_flip(images, u=torch.tensor([[0.0], [0.9]] * 3))
    assert torch.equal(flipped[0], images[0].flip(-1))
    assert torch.equal(flipped[1], images[1])
    components = colour_components(images)
    middle = pca_colour(images, components, u=torch.full((6, 3), 0.5))
    torch.testing.assert_close(middle, images.float())
    extreme = pca_colour(images, components, u=torch.zeros(6, 3))
    assert extreme.isfinite().all()


def test_a_crop_reaches_every_edge():
    x = batch(2)
    last, first = (random_crop(x, 12, u=torch.full((2, 2), v)) for v in (0.999, 0.0))
    assert torch.equal(last, x[..., -12:, -12:])
    assert torch.equal(first, x[..., :12, :12])


@pytest.mark.parametrize(
    ("centre", "expected"),
    [((0.5, 0.5), 1 / 4), ((0.0, 0.5), 1 / 8), ((1.0, 0.0), 1 / 16)],
)
def test_cutmix_tells_what_it_pasted(centre, expected):
    black, white = torch.zeros(2, 3, 16, 16), torch.ones(2, 3, 16, 16)
    mixed, share = cutmix(black, white, 0.25, centre)
    assert share == expected == float(mixed.mean())


def test_a_cutmix_rectangle_lies_where_its_centre_says():
    black, white = torch.zeros(1, 3, 16, 32), torch.ones(1, 3, 16, 32)
    mixed, _ = cutmix(black, white, 0.25, (0.25, 0.75))
    rows, columns = mixed[0, 0].nonzero().float().mean(dim=0).tolist()
    assert (rows + 0.5, columns + 0.5) == (4, 24)


def test_colour_components_are_columns():
    images = torch.zeros(4, 3, 16, 16, dtype=torch.uint8)
    images[:, 0] = torch.arange(0, 256, 16)[:, None]  # red varies most, then blue
    images[:, 2] = torch.arange(0, 64, 4)
    deviations, directions = colour_components(images)
    expected = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    torch.testing.assert_close(directions.abs(), expected, atol=1e-5, rtol=0)
    assert deviations[0] == pytest.approx(4 * deviations[1])


def test_colour_components_of_many_pictures_are_those_of_all_their_pixels():
    images = torch.randint(0, 256, (150, 3, 8, 8), dtype=torch.uint8)
    images[100:, 0] = 255
    pixels = images.double().transpose(0, 1).flatten(1) / 255
    variances, directions = torch.linalg.eigh(torch.cov(pixels, correction=0))
    found = colour_components(images)
    torch.testing.assert_close(found[0], variances.flip(0).sqrt().float())
    alike = (found[1].T @ directions.flip(1).float()).abs()
    torch.testing.assert_close(alike, torch.eye(3), atol=1e-4, rtol=0)


def test_pca_colour_goes_along_the_components():
    images = torch.full((1, 3, 4, 4), 100.0)
    directions = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # first: green
    components = torch.tensor([0.5, 0.2, 0.1]), directions
    u = torch.tensor([[0.8413447, 0.5, 0.5]])  # one deviation of the first component
    shift = (pca_colour(images, components, u=u) - images)[0, :, 0, 0]
    torch.testing.assert_close(
        shift, torch.tensor([0, 255 * 0.1 * 0.5, 0]), atol=1e-3, rtol=1e-4
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_a_resized_crop_is_no_larger_than_the_picture(axis):
    ramp = torch.arange(64).float().view(64, 1).expand(1, 3, 64, 64)
    ramp = ramp if axis == 0 else ramp.transpose(2, 3)
    # all of the area, but as high, or as wide, as can be
    u = torch.tensor([[0.999, 0.0 if axis == 0 else 1.0, 0.5, 0.5, 0.9]])
    seen = random_resized_crop(ramp, 32, u=u)[0, 0].diff(dim=axis)
    torch.testing.assert_close(seen, torch.full_like(seen, 2.0))


def test_a_resized_crop_of_no_area_is_refused():
    with pytest.raises(ValueError, match="area must lie in"):
        random_resized_crop(torch.zeros(1, 3, 8, 8), 4, area=(0.0, 0.5))
