"""How the cost of a picture grows with batch, resolution and depth.

One training step (forward, backward, optimizer) of the four small architectures on
random pictures, CPU time on one thread. One of the three varies at a time; the base
is a batch of 16 at 64 px and the depth the book trains. Values are medians over the
rounds, relative to the base of the same round.
"""

from statistics import median

import torch
from common import arguments, cpu_seconds, finish, machine, rounded, table, versions
from loops import adamw
from torch import nn
from torch.nn import functional as F

import vhist
from vhist import Recipe

BATCH, SIZE = 16, 64
BATCHES = (1, 2, 4, 8, 16, 32, 64)
SIZES = (32, 64, 96, 128)

#: What makes each architecture deeper, and how many layers with weights that gives;
#: AlexNet has one depth. The middle one of each is what the book trains.
DEPTHS: dict[str, list[tuple[int, dict]]] = {
    "alexnet_small": [(8, {})],
    "vgg_small": [
        (7, {"convs": (1, 1, 1, 1)}),
        (9, {}),
        (11, {"convs": (2, 2, 2, 2)}),
        (15, {"convs": (3, 3, 3, 3)}),
    ],
    "resnet_small": [
        (8, {"blocks": (1, 1, 1)}),
        (14, {}),
        (20, {"blocks": (3, 3, 3)}),
        (26, {"blocks": (4, 4, 4)}),
    ],
    "vit_small_8": [
        (14, {"depth": 3}),
        (26, {}),
        (38, {"depth": 9}),
        (50, {"depth": 12}),
    ],
}


def step_seconds(name: str, batch: int, size: int, options: dict) -> float:
    """Return the CPU seconds of a training step per picture."""
    torch.manual_seed(0)
    if name != "resnet_small":  # it takes any size
        options = {**options, "image_size": size}
    model = vhist.create_model(name, num_classes=10, **options)
    model.to(memory_format=torch.channels_last).train()
    optimizer = adamw(model, Recipe())
    images = torch.randn(batch, 3, size, size)
    images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))
    step(model, optimizer, images, labels)
    repeats = max(1, 32 // batch * SIZE**2 // size**2)
    start = cpu_seconds()
    for _ in range(repeats):
        step(model, optimizer, images, labels)
    return (cpu_seconds() - start) / repeats / batch


def step(model: nn.Module, optimizer, images, labels) -> None:
    """Train on one batch."""
    F.cross_entropy(model(images), labels).backward()
    optimizer.step()
    optimizer.zero_grad()


def points(name: str) -> dict[str, list[tuple[int, dict]]]:
    """Return, per thing that varies, its values and the arguments they stand for."""
    base = {"batch": BATCH, "size": SIZE, "options": {}}
    return {
        "batch": [(n, {**base, "batch": n}) for n in BATCHES],
        "resolution": [(n, {**base, "size": n}) for n in SIZES],
        "depth": [(n, {**base, "options": o}) for n, o in DEPTHS[name]],
    }


def main() -> None:
    """Measure all points, round by round."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    times: dict[str, dict[str, dict[int, list[float]]]] = {
        name: {axis: {n: [] for n, _ in row} for axis, row in points(name).items()}
        for name in DEPTHS
    }
    bases: dict[str, list[float]] = {name: [] for name in DEPTHS}
    for _ in range(options.rounds):
        for name in DEPTHS:
            bases[name].append(step_seconds(name, BATCH, SIZE, {}))
            for axis, row in points(name).items():
                for n, arguments_ in row[::3] if options.quick else row:
                    times[name][axis][n].append(step_seconds(name, **arguments_))

    results = {name: summarise(times[name], bases[name]) for name in DEPTHS}
    for axis in ("batch", "resolution", "depth"):
        print(f"\ncost of a picture against {axis}, base {BATCH} at {SIZE} px = 1")
        rows = [
            (name, " ".join(f"{n}: {v:.2f}" for n, v in r[axis]["relative"].items()))
            for name, r in results.items()
        ]
        print(table(("model", axis), rows))
    record = {
        "machine": machine(),
        "versions": versions(),
        "settings": {"batch": BATCH, "image_size": SIZE},
        "models": results,
    }
    finish("growth", record, options)


def summarise(times: dict, base: list[float]) -> dict:
    """Return the cost of the base, and of all points relative to it."""
    result: dict = {"base_ms": round(1e3 * median(base), 4)}
    for axis, row in times.items():
        measured = {n: values for n, values in row.items() if values}
        result[axis] = {
            "relative": {
                str(n): round(
                    median(v / b for v, b in zip(values, base, strict=True)), 4
                )
                for n, values in measured.items()
            },
            "seconds": {str(n): rounded(values) for n, values in measured.items()},
        }
    return result


if __name__ == "__main__":
    main()
