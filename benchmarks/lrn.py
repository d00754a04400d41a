"""What local response normalisation costs: PyTorch's layer, ours, and none.

One training step (forward, backward, optimizer) of ``alexnet_small`` on random
pictures, CPU time on one thread. The three networks take turns.
"""

from statistics import median

import torch
from common import (
    arguments,
    cpu_seconds,
    finish,
    machine,
    median_ratio,
    rotated,
    rounded,
    table,
    versions,
)
from growth import step
from loops import adamw
from torch import nn

import vhist
from vhist import Recipe

BATCH, SIZE = 64, 64
KINDS = ("torch.nn", "vhist", "none")


def alexnet(kind: str) -> nn.Module:
    """Return the small AlexNet with one of the three normalisations."""
    torch.manual_seed(0)
    options = {"lrn_alpha": None} if kind == "none" else {}
    model = vhist.create_model("alexnet_small", num_classes=10, **options)
    if kind == "torch.nn":
        for name in ("norm1", "norm2"):
            ours = getattr(model.features, name)
            theirs = nn.LocalResponseNorm(ours.size, ours.alpha, ours.beta, ours.k)
            setattr(model.features, name, theirs)
    return model.to(memory_format=torch.channels_last).train()


def main() -> None:
    """Measure the three, round by round."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    batch, steps = (8, 1) if options.quick else (BATCH, 5)
    images = torch.randn(batch, 3, SIZE, SIZE)
    images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))
    models = {kind: alexnet(kind) for kind in KINDS}
    optimizers = {kind: adamw(model, Recipe()) for kind, model in models.items()}
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        step(models[kind], optimizers[kind], images, labels)  # a warm-up
    for i in range(options.rounds):
        for kind in rotated(KINDS, i):
            start = cpu_seconds()
            for _ in range(steps):
                step(models[kind], optimizers[kind], images, labels)
            seconds[kind].append((cpu_seconds() - start) / steps)

    rows = [
        (
            *(kind, f"{1e3 * median(values):.0f}"),
            f"{median_ratio(values, seconds['vhist']):.2f}",
        )
        for kind, values in seconds.items()
    ]
    print(table(("normalisation", "ms per step", "against vhist's"), rows))
    record = {
        "machine": machine(),
        "versions": versions(),
        "settings": {"batch": batch, "image_size": SIZE, "steps": steps},
        "seconds": {kind: rounded(values) for kind, values in seconds.items()},
    }
    finish("lrn", record, options)


if __name__ == "__main__":
    main()
