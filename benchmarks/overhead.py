"""What a training loop costs beyond the work that every loop must do.

The ruler is a bare loop written by hand (loops.py says what all have in common). Two
models are trained on pictures in memory: a micro model, whose step is so short that
the loop around it shows, and a ResNet-18 on 64 px. Each loop is called with different
numbers of steps. The slope of the line through the two largest is the cost of a step;
what the shortest call costs beyond its steps is the cost of a call, one validation
included.

Counted is CPU time, on one thread, of the process and its children. The loops take
turns, in another order each round. Differences and ratios are taken within a round;
what is printed are medians over the rounds. Each loop runs once before it is timed:
torch imports its compiler with the first optimizer, which is nobody's fault here.
"""

import gc
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from statistics import median

import torch
from common import (
    arguments,
    cpu_seconds,
    finish,
    machine,
    median_ratio,
    random_pictures,
    rotated,
    rounded,
    slopes,
    table,
    versions,
)
from loops import LOOPS
from torch import nn

import vhist


@dataclass(frozen=True)
class Case:
    """A model and how long it is trained."""

    name: str
    build: Callable[[], nn.Module]
    image_size: int
    batch_size: int
    steps: tuple[int, ...]  # increasing; the last two give the slope
    loops: tuple[str, ...]
    more_rounds: int = 1  # for each that is asked for

    @property
    def recipe(self) -> vhist.Recipe:
        """One epoch of AdamW, half a cosine, nothing else."""
        return vhist.Recipe(
            epochs=1,
            batch_size=self.batch_size,
            image_size=self.image_size,
            warmup_epochs=0.0,
            augment="none",
            precision="float32",
        )


def micro() -> nn.Module:
    """Return a network of four tensors that takes less time than most loops do."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * 4 * 4, 10),
    )


def resnet18() -> nn.Module:
    """Return the smallest of the paper's residual networks."""
    return vhist.create_model("resnet18", num_classes=10)


CASES = (
    # A disturbance weighs more in a short call.
    Case("micro", micro, 16, 8, (10, 400, 1600), tuple(LOOPS), more_rounds=2),
    Case(
        *("ResNet-18, 64 px", resnet18, 64, 32, (2, 10)),
        tuple(name for name in LOOPS if name != "Lightning, defaults"),
    ),
)


def call(case: Case, name: str, steps: int) -> tuple[float, float]:
    """Train once; return CPU seconds and the validation loss."""
    data = random_pictures(
        steps * case.batch_size, 2 * case.batch_size, case.image_size
    )
    torch.manual_seed(0)
    model = case.build()
    gc.collect()
    torch.set_num_threads(1)  # a peer may have chosen another number
    start = cpu_seconds()
    loss = LOOPS[name](model, data, case.recipe)
    return cpu_seconds() - start, float(loss)


def measure(case: Case, rounds: int) -> dict:
    """Return all times of a case and what follows from them."""
    times = {name: {str(n): [] for n in case.steps} for name in case.loops}
    losses = {}
    for name in case.loops:
        call(case, name, 2)
    for turn in range(rounds * case.more_rounds):
        for steps in case.steps:
            for name in rotated(case.loops, turn):
                seconds, losses[name] = call(case, name, steps)
                times[name][str(steps)].append(seconds)
    return {
        "image_size": case.image_size,
        "batch_size": case.batch_size,
        "steps": list(case.steps),
        "recipe": asdict(case.recipe),
        "loops": {name: costs(times, name, losses[name]) for name in case.loops},
    }


def costs(times: dict, name: str, loss: float) -> dict:
    """Return what one loop costs, by itself and beyond the bare loop."""
    step, fixed = step_and_call(times[name])
    bare_step, bare_fixed = step_and_call(times["bare loop"])
    beyond = [1e6 * (a - b) for a, b in zip(step, bare_step, strict=True)]
    before = [1e3 * (a - b) for a, b in zip(fixed, bare_fixed, strict=True)]
    return {
        "step_us": round(1e6 * median(step), 1),
        "over_bare_us": round(median(beyond), 1),
        "over_bare_us_rounds": rounded(beyond, 1),
        "ratio": round(median_ratio(step, bare_step), 4),
        "call_ms": round(1e3 * median(fixed), 1),
        "call_over_bare_ms": round(median(before), 1),
        "val_loss": round(loss, 5),
        "seconds": {steps: rounded(values) for steps, values in times[name].items()},
    }


def step_and_call(times: dict[str, list[float]]) -> tuple[list[float], list[float]]:
    """Return per round the cost of a step, and of a call beyond its steps, in seconds.

    Parameters
    ----------
    times : dict of str to list of float
        Number of steps, increasing, to seconds per round.
    """
    steps = slopes(dict(list(times.items())[-2:]))
    # Not the line's own intercept: there an error of the slope counts 400 times.
    shortest, seconds = next(iter(times.items()))
    pairs = zip(seconds, steps, strict=True)
    return steps, [call - int(shortest) * step for call, step in pairs]


def show(name: str, result: dict) -> None:
    """Print the table of one case."""
    steps = ", ".join(map(str, result["steps"]))
    print(f"\n{name}: batch {result['batch_size']}; {steps} steps")
    head = (
        *("loop", "µs per step", "over bare", "x bare"),
        *("ms per call", "over bare", "val loss"),
    )
    rows = [
        (
            loop,
            f"{r['step_us']:,.0f}",
            f"{r['over_bare_us']:+,.0f}",
            f"{r['ratio']:.3f}",
            f"{r['call_ms']:.0f}",
            f"{r['call_over_bare_ms']:+.0f}",
            f"{r['val_loss']:.4f}",
        )
        for loop, r in result["loops"].items()
    ]
    print(table(head, rows))


def main() -> None:
    """Run all cases."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    results = {}
    for case in CASES:
        if options.quick:
            fewer = (*case.steps[:-2], *(max(n // 4, 2) for n in case.steps[-2:-1]))
            case = replace(case, steps=(*fewer, max(case.steps[-1] // 4, 4)))
        results[case.name] = measure(case, options.rounds)
        show(case.name, results[case.name])
    record = {
        "machine": machine(),
        "versions": versions("accelerate", "timm", "lightning", "fastai"),
        "settings": {"clock": "CPU seconds, with children"},
        "cases": results,
    }
    finish("overhead", record, options)


if __name__ == "__main__":
    main()
