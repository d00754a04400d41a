"""From a folder of JPEG files: a cache that is built once, or decoding every time.

Ours is :func:`vhist.data.load_folder`, which decodes every file once, and
:func:`vhist.fit`; its cache is empty at the start and building it is counted. The
peer is what most people write: torchvision's ImageFolder (PIL), transforms v2 and a
DataLoader around the bare loop of loops.py. Both train the same narrow ResNet on
64 px, with a random resized crop and a flip, and validate after each epoch.

The files are 224 px JPEGs: some of each class of the folder that VHIST_DATA names, or
drawings of Sketchnette. They are in the system's file cache before the first round.

Counted are the CPU time of all processes, workers included, and the wall-clock time.
Everybody computes on one thread. The gain depends on the network: the more a step
computes, the less the pictures matter, so the record says what they cost alone.
"""

import gc
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from common import (
    Batches,
    arguments,
    cpu_seconds,
    finish,
    machine,
    median_ratio,
    random_pictures,
    rotated,
    rounded,
    table,
    versions,
)
from loops import by_hand
from torch import nn

import vhist
from vhist.data import MEAN, STD, load_folder

SIZE, STORED = 64, 80  # ours stores a little more than the network sees, to crop from
CROP = (0.35, 1.0)


# ---- the files -----------------------------------------------------------------------


def make_folder(root: Path, train: int, val: int) -> str:
    """Fill a folder with ``train`` and ``val`` pictures; return what they are."""
    source = os.environ.get("VHIST_DATA")
    if source:
        link_some(Path(source).expanduser(), root, train, val)
        return Path(source).expanduser().resolve().name
    from PIL import Image

    from vhist.sketchnette import CLASSES, sketchnette

    for part, n in (("train", train), ("val", val)):
        images, labels = sketchnette(n, image_size=224, split=part)
        for i, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            file = root / part / CLASSES[label] / f"{i:05d}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, quality=90)
    return "sketchnette"


def link_some(source: Path, root: Path, train: int, val: int) -> None:
    """Link the first pictures of each class into a folder of the same shape."""
    for part, n in (("train", train), ("val", val)):
        classes = sorted(p for p in (source / part).iterdir() if p.is_dir())
        for folder in classes:
            target = root / part / folder.name
            target.mkdir(parents=True)
            files = sorted(p for p in folder.iterdir() if p.is_file())
            for file in files[: n // len(classes)]:
                (target / file.name).symlink_to(file.resolve())


# ---- the two ways --------------------------------------------------------------------


def network() -> nn.Module:
    """Return the book's small ResNet at half its width."""
    torch.manual_seed(0)
    return vhist.create_model("resnet_small", stem_width=32, widths=(32, 64, 128))


def recipe(epochs: int) -> vhist.Recipe:
    """Return the training of both."""
    options = {"warmup_epochs": 0.0, "crop_area": CROP, "precision": "float32"}
    return vhist.Recipe(epochs=epochs, batch_size=64, image_size=SIZE, **options)


def ours(root: Path, epochs: int) -> None:
    """Decode into an empty cache, then train from it."""
    before = os.environ.get("VHIST_CACHE")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["VHIST_CACHE"] = cache
        try:
            data = load_folder(root, image_size=STORED)
        finally:
            if before is None:
                del os.environ["VHIST_CACHE"]
            else:
                os.environ["VHIST_CACHE"] = before
    vhist.fit(network(), data, recipe(epochs), verbose=False)


def loaders(root: Path, workers: int):
    """Return the usual two loaders."""
    from torch.utils.data import DataLoader
    from torchvision import datasets
    from torchvision.transforms import v2

    last = [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ]
    first = [v2.RandomResizedCrop(SIZE, scale=CROP), v2.RandomHorizontalFlip()]
    middle = [v2.Resize(SIZE), v2.CenterCrop(SIZE)]
    train = datasets.ImageFolder(root / "train", v2.Compose([*first, *last]))
    val = datasets.ImageFolder(root / "val", v2.Compose([*middle, *last]))
    options = {"num_workers": workers, "persistent_workers": workers > 0}
    return (
        DataLoader(train, batch_size=64, shuffle=True, drop_last=True, **options),
        DataLoader(val, batch_size=256, **options),
    )


def peer(root: Path, epochs: int, *, workers: int) -> None:
    """Decode every picture in every epoch."""
    by_hand(network(), *loaders(root, workers), recipe(epochs))


def seconds(way: Callable[..., None], *arguments: object) -> dict[str, float]:
    """Return CPU and wall seconds of a call.

    The workers of a DataLoader end with it, at the end of the call, and are counted.
    """
    gc.collect()
    cpu, wall = cpu_seconds(), time.perf_counter()
    way(*arguments)
    return {"cpu": cpu_seconds() - cpu, "wall": time.perf_counter() - wall}


def alone(pictures: int) -> float:
    """Return CPU seconds per picture of training with the pictures at no cost."""
    data = random_pictures(pictures, pictures // 4, SIZE)
    train = Batches(data.train, 64, shuffle=True)
    val = Batches(data.val, 256, shuffle=False)
    return seconds(by_hand, network(), train, val, recipe(1))["cpu"] / pictures


def main() -> None:
    """Run both ways for two lengths of training."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    train, val = (192, 64) if options.quick else (800, 200)
    cores = machine()["cores"]
    ways = {
        "vhist": ours,
        "DataLoader, no workers": lambda *a: peer(*a, workers=0),
        f"DataLoader, {cores} workers": lambda *a: peer(*a, workers=cores),
    }
    lengths, costs = (2, 5), []
    times = {name: {str(e): {"cpu": [], "wall": []} for e in lengths} for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        pictures = make_folder(Path(folder), train, val)
        for way in ways.values():
            way(Path(folder), 1)
        for turn in range(options.rounds):
            costs.append(alone(train))
            for epochs in lengths:
                for name in rotated(list(ways), turn):
                    taken = seconds(ways[name], Path(folder), epochs)
                    for clock, value in taken.items():
                        times[name][str(epochs)][clock].append(value)

    results = summarise(times)
    cost = median(costs)
    print(f"\n{train} + {val} JPEGs of {pictures}, 64 px, one thread per process")
    print(f"an epoch with pictures at no cost: {1e3 * cost:.2f} CPU ms per picture")
    head = ("way", "epochs", "CPU s", "ours is", "wall s", "ours is")
    rows = [
        (
            *(name, epochs, f"{r['cpu']:.1f}", f"{r['cpu_gain']:.2f}x"),
            *(f"{r['wall']:.1f}", f"{r['wall_gain']:.2f}x"),
        )
        for name, lengths in results.items()
        for epochs, r in lengths.items()
    ]
    print(table(head, rows))
    record = {
        "machine": machine(),
        "versions": versions("torchvision", "pillow"),
        "settings": {
            "pictures": pictures,
            "train": train,
            "val": val,
            "image_size": SIZE,
            "stored_size": STORED,
            "network_ms_per_picture": round(1e3 * cost, 3),
        },
        "ways": results,
    }
    finish("folder", record, options)


def summarise(times: dict) -> dict:
    """Return medians, and how many times as long as ours each took."""
    return {
        name: {
            epochs: {
                **{clock: round(median(v), 3) for clock, v in clocks.items()},
                **{
                    f"{clock}_gain": round(
                        median_ratio(v, times["vhist"][epochs][clock]), 3
                    )
                    for clock, v in clocks.items()
                },
                "seconds": {clock: rounded(v, 4) for clock, v in clocks.items()},
            }
            for epochs, clocks in lengths.items()
        }
        for name, lengths in times.items()
    }


if __name__ == "__main__":
    main()
