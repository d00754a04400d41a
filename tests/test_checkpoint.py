"""Checkpoints: whole or not at all, and a killed run ends where it would have."""

import hashlib
import io
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from vhist import Recipe, checkpoint, fit
from vhist.data import Dataset, Split

RECIPE = Recipe(
    epochs=4,
    batch_size=8,
    lr=1e-2,
    optimizer="sgd",
    warmup_epochs=0.5,
    image_size=32,
    start_size=16,
    augment="paper",
    accumulate=2,
    ema=0.9,
    clip_norm=1.0,
)


def toy() -> Dataset:
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (244, 3, 40, 40), generator=chance).byte()
    labels = torch.arange(244) % 3
    train = Split(images[:220], labels[:220], tuple(map(str, range(220))))
    val = Split(images[220:], labels[220:], tuple(map(str, range(24))))
    return Dataset("toy", ("a", "b", "c"), train, val, "f" * 16)


def net() -> nn.Module:
    """A network with everything that has a state: momentum, statistics, dropout."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 3),
    )


def digest(model: nn.Module) -> str:
    whole = hashlib.sha256()
    for tensor in model.state_dict().values():
        whole.update(tensor.contiguous().numpy().tobytes())
    return whole.hexdigest()


def train(folder: str, every: float = 0.0) -> None:
    """Train, in a process of its own, and leave the digest of the weights."""
    torch.set_num_threads(1)
    model = net()
    options = {"checkpoint": Path(folder, "run.ckpt"), "checkpoint_seconds": every}
    run = fit(model, toy(), RECIPE, **options, resume=True, verbose=False)
    losses = [entry["train_loss"] for entry in run.log]
    partial = Path(folder, "partial")
    partial.write_text(f"{digest(model)} {losses}")
    partial.rename(Path(folder, "digest"))


@pytest.fixture(scope="module")
def processes():
    """Processes that are new but need not import torch again."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vhist.train", __name__])
    return context


def kill_and_resume(processes, folder: Path, kills: int) -> int:
    """Run the training, kill it so many times, let it end; return when it was hit."""
    chance, hit = random.Random(0), 0
    while not (folder / "digest").exists():
        process = processes.Process(target=train, args=(str(folder),))
        process.start()
        if hit < kills:
            process.join(chance.uniform(0, 0.6))
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
                hit += 1
        process.join(120)
        assert process.exitcode in (0, -signal.SIGKILL)
    return hit


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_killed_run_ends_in_the_same_bits(processes, tmp_path, kills):
    straight = tmp_path / "straight"
    straight.mkdir()
    train(str(straight), every=1e9)
    expected = (straight / "digest").read_text()
    hit, rounds = 0, 0
    while hit < kills:  # a round may end before it was killed often enough
        folder = tmp_path / f"round{rounds}"
        folder.mkdir()
        hit += kill_and_resume(processes, folder, kills - hit)
        rounds += 1
        assert (folder / "digest").read_text() == expected
        assert rounds <= kills
