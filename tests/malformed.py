"""What the tests of bad input share: one judge, and files that are whole to begin with.

The tests spoil copies of these files in every way that they can think of.
"""

import hashlib
import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from vhist import Recipe, create_model, fit
from vhist.data import Dataset, Split
from vhist.runs import Run

RECIPE = Recipe(
    epochs=3,
    batch_size=8,
    lr=1e-2,
    optimizer="sgd",
    warmup_epochs=0.5,
    image_size=16,
    ema=0.9,
)
OPTIONS = {"num_classes": 2, "blocks": [1, 1], "widths": [2, 2], "stem_width": 2}
RESNET = Recipe(image_size=32, batch_size=4, epochs=1, optimizer="sgd")


def refused(error: type[Exception], call, *words: str) -> None:
    """Assert that a call raises exactly that, on one line that holds the words."""
    with pytest.raises(error) as caught:
        call()
    text = str(caught.value)
    assert caught.type is error or issubclass(error, OSError), caught.type
    assert len(text.splitlines()) == 1, text
    assert len(text) < 1000
    for word in words:
        assert word in text, text


def listing(folder: Path) -> dict[str, str]:
    """Return every file below a folder with a hash of what it holds."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Evil:
    """Unpickled, it makes a folder where it is: the sign that code was run."""

    def __reduce__(self):
        return os.mkdir, ("owned",)


def archive(*names: str, payload: bytes = b"", compression: int = 0) -> bytes:
    """Return a zip file like that of torch.save, with more members of these names."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", compression) as written:
        written.writestr("archive/data.pkl", payload or pickle.dumps({"step": 1}, 2))
        written.writestr("archive/version", "3")
        written.writestr("archive/byteorder", "little")
        for name in names:
            written.writestr(name, "owned")
    return whole.getvalue()


def repacked(whole: bytes, change) -> bytes:
    """Return a zip file whose members went through ``change(name, content)``."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def toy(count: int = 36, size: int = 20) -> Dataset:
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, size, size), generator=chance).byte()
    labels, files = torch.arange(count) % 2, tuple(map(str, range(count)))
    whole = Split(images, labels, files)
    return Dataset("toy", ("a", "b"), whole[:32], whole[32:], "f" * 16)


class Net(nn.Sequential):
    """A small network; after so many training steps it can break off."""

    def __init__(self, stops: int = 1_000_000) -> None:
        torch.manual_seed(1)
        super().__init__(
            nn.Conv2d(3, 4, 3, stride=4),
            nn.BatchNorm2d(4),
            nn.Flatten(),
            nn.Linear(64, 2),
        )
        self.stops = stops

    def forward(self, x):
        self.stops -= self.training
        if self.stops < 0:
            raise InterruptedError
        return super().forward(x)


def resume(path: Path, recipe: Recipe = RECIPE) -> tuple[Net, Run]:
    """Continue the run of a checkpoint."""
    net = Net()
    options = {"model_name": "net", "verbose": False, "checkpoint_seconds": 0}
    return net, fit(net, toy(), recipe, checkpoint=path, resume=True, **options)


def interrupted(path: Path, recipe: Recipe = RECIPE) -> Path:
    """Leave the checkpoint of a run of three epochs, killed after its sixth step."""
    options = {"model_name": "net", "verbose": False, "checkpoint_seconds": 0}
    with pytest.raises(InterruptedError):
        fit(Net(6), toy(), recipe, checkpoint=path, **options)
    path.with_name(f"{path.name}.previous").unlink()
    return path


def trained(folder: Path) -> Path:
    """Leave the record and the weights of a run on pictures of two classes."""
    torch.manual_seed(0)
    model = create_model("resnet_small", **OPTIONS)
    names = {"name": "a", "model_name": "resnet_small", "model_options": OPTIONS}
    run = fit(model, toy(size=40), RESNET, **names, verbose=False)
    torch.save(model.state_dict(), folder / "a.pt")
    return run.save(folder / "a.json")


def draw(root: Path, *names: str, count: int = 2) -> Path:
    """Write a few pictures of each class and split."""
    for split in ("train", "val"):
        for k, name in enumerate(names or ("dark", "light")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                colour = (40 + 150 * k, 80, i)
                Image.new("RGB", (24, 20), colour).save(folder / f"{i}.png")
    return root
