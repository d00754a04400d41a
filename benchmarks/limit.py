"""How much of the device's arithmetic training uses, per architecture.

The limit is the best rate at which the device multiplies two large matrices in the
number format of the training (bfloat16 on a GPU, float32 on a CPU), measured in turn
with the training. :func:`vhist.fit` trains each full-size network on random pictures
in memory; the share is

    6 * multiply-adds per picture * pictures per second / limit:

a multiply-add is two floating-point operations, and the backward pass does twice the
work of the forward pass. Augmentation, loss and optimizer are in the time and not in
the count. Pictures per second come from the difference between a longer and a shorter
call, so whatever a call costs once (compiling, choosing algorithms) is left out. The
share is taken within each round; what is printed are medians over the rounds.

The clock is CPU time on one thread, or the wall on a GPU. There a batch
has 128 pictures and an epoch is a quarter of a real one; on a CPU a few small batches
must do.
"""

import gc
from dataclasses import dataclass, replace
from statistics import median

import torch
from common import (
    arguments,
    device_seconds,
    finish,
    machine,
    random_pictures,
    rounded,
    slopes,
    table,
    versions,
)

import vhist
from vhist.recipe import recipe_for

EPOCHS, PICTURES = 200, 9469  # what a wall is projected for: Imagenette's training set


@dataclass(frozen=True)
class Case:
    """A network, and pictures and epochs of the shorter and the longer call."""

    name: str
    batch_size: int
    short: tuple[int, int]
    long: tuple[int, int]


def cases(device: torch.device, quick: bool) -> list[Case]:
    """Return what to train: on a GPU short epochs, on a CPU a few steps."""
    names = ("alexnet", "vgg16", "resnet34", "vit_b_16")
    if device.type == "cuda":
        n, epochs = 18 * 128, (1, 1, 1, 1) if quick else (16, 2, 6, 2)
        return [
            Case(name, 128, (n, 1), (n, 1 + more))
            for name, more in zip(names, epochs, strict=True)
        ]
    batches = (8, 1, 2, 1) if quick else (32, 4, 8, 4)
    steps = (4, 3, 4, 3)  # the quick networks take more, or noise would be all
    return [
        Case(name, batch, (batch, 1), (n * batch, 1))
        for name, batch, n in zip(names, batches, steps, strict=True)
    ]


def matmul_rate(device: torch.device, *, repeats: int = 5) -> float:
    """Return the highest rate of a matrix product, in floating-point operations/s."""
    gpu = device.type == "cuda"
    dtype = torch.bfloat16 if gpu else torch.float32
    best = 0.0
    for n in (4096, 8192, 16384) if gpu else (1024, 2048):
        a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
        count = 20 if gpu else 1
        torch.mm(a, b)
        for _ in range(repeats):
            start = device_seconds(device)
            for _ in range(count):
                torch.mm(a, b)
            taken = device_seconds(device) - start
            best = max(best, count * 2 * n**3 / taken)
    return best


def train(model, case: Case, pictures: int, epochs: int, device: torch.device) -> float:
    """Return the seconds of one call of ``fit``."""
    recipe = replace(recipe_for(case.name), batch_size=case.batch_size, epochs=epochs)
    # A run of 200 epochs would be compiled on a GPU; these few must ask for it.
    recipe = replace(recipe, compile="on" if device.type == "cuda" else "off")
    val = 64 if device.type == "cuda" else 1
    data = random_pictures(pictures, val, recipe.image_size, device)
    start = device_seconds(device)
    vhist.fit(model, data, recipe, verbose=False)
    return device_seconds(device) - start


def both(model, case: Case, device: torch.device) -> dict[str, float]:
    """Return the seconds of the shorter and of the longer call, by their pictures."""
    times = {}
    first = {key: value.clone() for key, value in model.state_dict().items()}
    for pictures, epochs in (case.short, case.long):
        model.load_state_dict(first)  # noise trained on for long may end in NaN
        count = pictures // case.batch_size * case.batch_size * epochs
        times[str(count)] = train(model, case, pictures, epochs, device)
    return times


def build(name: str, device: torch.device) -> torch.nn.Module:
    """Return a model with random weights."""
    torch.manual_seed(0)
    return vhist.create_model(name, num_classes=10).to(device)


def main() -> None:
    """Measure limit and training in turn."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    limits: list[float] = []
    found = cases(device, options.quick)
    times: dict[str, dict[str, list[float]]] = {case.name: {} for case in found}
    # One model each for all calls: another one would have to be compiled again.
    models = {case.name: build(case.name, device) for case in found}
    for case in found:
        train(models[case.name], case, *case.short, device)
    for _ in range(options.rounds):
        limits.append(matmul_rate(device))
        for case in found:
            for count, seconds in both(models[case.name], case, device).items():
                times[case.name].setdefault(count, []).append(seconds)
            gc.collect()

    results = {case.name: summarise(case, times[case.name], limits) for case in found}
    print(f"\n{machine(device)['device']}: limit {median(limits) / 1e9:,.0f} GFLOP/s")
    head = ("model", "pixels", "batch", "pictures/s", "share", f"{EPOCHS} epochs, h")
    rows = [
        (
            *(name, str(r["image_size"]), str(r["batch_size"])),
            f"{r['pictures_per_second']:,.2f}",
            f"{100 * r['share']:.0f} %",
            f"{r['projected_seconds'] / 3600:,.2f}",
        )
        for name, r in results.items()
    ]
    print(table(head, rows))
    record = {
        "machine": machine(device),
        "versions": versions(),
        "settings": {
            "device": device.type,
            "precision": "bfloat16" if device.type == "cuda" else "float32",
            "epochs": EPOCHS,
            "pictures": PICTURES,
        },
        "limit_flops": round(median(limits)),
        "limits": [round(v) for v in limits],
        "models": results,
    }
    finish(f"limit-{device.type}", record, options)


def summarise(case: Case, times: dict[str, list[float]], limits: list[float]) -> dict:
    """Return share and projected time of one network."""
    size = recipe_for(case.name).image_size
    model = vhist.create_model(case.name, num_classes=10)
    macs = vhist.summary(model, size).macs
    costs = slopes(times)
    shares = [6 * macs / c / limit for c, limit in zip(costs, limits, strict=True)]
    per_picture = median(costs)
    return {
        "image_size": size,
        "batch_size": case.batch_size,
        "multiply_adds": macs,
        "pictures_per_second": round(1 / per_picture, 4),
        "share": round(median(shares), 4),
        "projected_seconds": round(EPOCHS * PICTURES * per_picture),
        "seconds": {count: rounded(values, 4) for count, values in times.items()},
    }


if __name__ == "__main__":
    main()
