"""The embedded data set: same seed same pictures, at any size, and not too easy."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vhist.sketchnette import CLASSES, draw, sketchnette


def digests(images):
    return [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images]


def features(images, size):
    """Return standardised pixels of shape (n, 3 * size * size)."""
    x = F.adaptive_avg_pool2d(images.float(), size).flatten(1)
    return (x - 128) / 64


@pytest.fixture(scope="module")
def pictures():
    """Return 2,500 training and 800 validation pictures, with their labels."""
    validation = sketchnette(800, image_size=32, split="val")
    return *sketchnette(2500, image_size=32), *validation


def test_shapes_types_and_range():
    images, labels = sketchnette(23, image_size=48)
    assert images.shape == (23, 3, 48, 48)
    assert images.dtype == torch.uint8
    assert images.is_contiguous()
    assert labels.dtype == torch.int64
    assert labels.tolist() == [i % 10 for i in range(23)]
    spread = images.flatten(1).float().std(1)
    assert spread.min() > 5, "a picture is nearly blank"


def test_classes_are_imagenettes_in_its_order():
    assert len(CLASSES) == len(set(CLASSES)) == 10
    assert (CLASSES[0], CLASSES[4], CLASSES[9]) == ("tench", "church", "parachute")


def test_same_seed_same_bytes():
    assert torch.equal(sketchnette(20, seed=3)[0], sketchnette(20, seed=3)[0])


def test_a_picture_does_not_depend_on_how_many_are_drawn():
    assert torch.equal(sketchnette(30)[0][:12], sketchnette(12)[0])


def test_seeds_and_splits_share_no_picture():
    sets = [{}, {"seed": 1}, {"split": "val"}, {"seed": 1, "split": "val"}]
    found = [d for s in sets for d in digests(sketchnette(100, image_size=32, **s)[0])]
    assert len(set(found)) == len(found)


def test_same_picture_at_every_size():
    small = sketchnette(40, image_size=56)[0].float()
    large = F.avg_pool2d(sketchnette(40, image_size=224)[0].float(), 4)
    for a, b in zip(small, large, strict=True):
        assert np.corrcoef(a.flatten(), b.flatten())[0, 1] > 0.9


def test_draw_gives_one_picture_and_advances_its_generator():
    rng = np.random.default_rng(0)
    first, second = (draw(5, rng=rng, image_size=40) for _ in range(2))
    assert first.shape == (40, 40, 3)
    assert first.dtype == np.uint8
    assert not np.array_equal(first, second)
    assert np.array_equal(first, draw(5, rng=np.random.default_rng(0), image_size=40))


@pytest.mark.parametrize("image_size", [16, 17, 63, 130])
def test_odd_sizes(image_size):
    assert sketchnette(10, image_size=image_size)[0].shape[2:] == (image_size,) * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be at least 1 picture, not 0"),
        ({"n": 1, "image_size": 8}, "image_size must be at least 16 pixels, not 8"),
        ({"n": 1, "split": "test"}, "split must be 'train' or 'val', not 'test'"),
        ({"n": 1, "seed": -1}, "seed must be 0 or more, not -1"),
    ],
)
def test_errors_say_what_would_work(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        sketchnette(**arguments)


@pytest.mark.parametrize("label", [-1, 10])
def test_draw_refuses_an_unknown_label(label):
    with pytest.raises(ValueError, match=rf"^label must be 0\.\.9, not {label}$"):
        draw(label, rng=np.random.default_rng(0))


def test_colour_does_not_give_the_class_away(pictures):
    """The nearest class by mean colour is right little more often than by chance."""
    images, labels, others, truth = pictures
    x, y = (features(i, 1) for i in (images, others))
    centres = torch.stack([x[labels == k].mean(0) for k in range(10)])
    right = torch.cdist(y, centres).argmin(1) == truth
    assert right.float().mean() < 0.25


def test_a_linear_classifier_does_poorly(pictures):
    """Ridge regression on pixels, at its best regularisation, stays under 60 %."""
    images, labels, others, truth = pictures
    x, y = (features(i, 16).double() for i in (images, others))
    target = F.one_hot(labels, 10).double() - 0.1
    gram, moment = x.T @ x, x.T @ target
    best = 0.0
    for penalty in (1e2, 1e3, 1e4, 1e5):
        weights = torch.linalg.solve(gram + penalty * torch.eye(len(gram)), moment)
        best = max(best, ((y @ weights).argmax(1) == truth).float().mean().item())
    assert 0.15 < best < 0.6


def test_import_is_light():
    code = (
        "import sys, vhist.sketchnette; "
        "print({'PIL', 'torchvision', 'matplotlib'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.stdout.strip() == "set()", run.stdout + run.stderr


class Residual(torch.nn.Module):
    """A basic block, so that the test stands on its own."""

    def __init__(self, inner, outer, stride):
        super().__init__()
        self.branch = torch.nn.Sequential(
            torch.nn.Conv2d(inner, outer, 3, stride, 1, bias=False),
            torch.nn.BatchNorm2d(outer),
            torch.nn.ReLU(),
            torch.nn.Conv2d(outer, outer, 3, 1, 1, bias=False),
            torch.nn.BatchNorm2d(outer),
        )
        self.skip = torch.nn.Conv2d(inner, outer, 1, stride)

    def forward(self, x):
        return F.relu(self.branch(x) + self.skip(x))


@pytest.mark.slow
def test_a_small_residual_network_does_well():
    """Above 90 % after six epochs of 4,000 pictures (some two minutes of one core)."""
    torch.manual_seed(0)
    images, labels = sketchnette(4000)
    others, truth = sketchnette(1000, split="val")
    stem = torch.nn.Conv2d(3, 32, 3, 2, 1, bias=False), torch.nn.BatchNorm2d(32)
    widths = ((32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1))
    pool = torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2, 1)
    head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(256, 10)
    model = torch.nn.Sequential(*stem, *pool, *(Residual(*w) for w in widths), *head)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=6 * 63)
    for _ in range(6):
        for batch in torch.randperm(4000).split(64):
            x = images[batch].float() / 64 - 2
            x = x.flip(3) if torch.rand(()) < 0.5 else x
            optimizer.zero_grad()
            F.cross_entropy(model(x), labels[batch], label_smoothing=0.1).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.inference_mode():
        parts = (others.float() / 64 - 2).split(250)
        guess = torch.cat([model(x).argmax(1) for x in parts])
    assert (guess == truth).float().mean() > 0.9
