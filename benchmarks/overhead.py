"""What a training loop costs beyond the work that every loop must do.

The ruler is a bare loop written by hand (loops.py says what all have in common). Two
models are trained on pictures in memory: a micro model, whose step is so short that
the loop around it shows, and a ResNet-18 on 64 px. Counted is CPU time on one thread.
There are two ways to measure.

Calls: each loop is called with different numbers of steps. The slope of the line
through the two largest is the cost of a step; what the shortest call costs beyond its
steps is the cost of a call, one validation included. The loops take turns, in another
order each round, and children of the process count.

Turns: all loops train at once, each in a thread, and hand over at every step. A
neighbour that slows the machine for longer than a step then slows all of them, so that
a hundredth of a step can be seen. The order is drawn anew for every step: who follows a
loop that is like it finds code and data in the processor's cache.

Differences and ratios are taken within a round, or within a turn; what is printed are
medians over the rounds. Each loop runs once before it is timed: torch imports its
compiler with the first optimizer, which is nobody's fault here.
"""

import gc
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from statistics import median
from threading import Semaphore

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
    turns: int  # steps of each loop in a round
    calls: tuple[int, ...] = ()  # numbers of steps; the last two give the slope
    more_rounds: int = 1  # of calls, for each that is asked for

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


# Only one thread at a time can redirect what the process prints, as Lightning's do.
TURNS = tuple(name for name in LOOPS if name != "Lightning, defaults")
CASES = (
    # A disturbance weighs more in a short call.
    Case("micro", micro, 16, 8, 1600, (10, 400, 1600), more_rounds=2),
    Case("ResNet-18, 64 px", resnet18, 64, 32, 100),
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


def take_turns(case: Case, names: Sequence[str], seed: int) -> tuple[dict, dict]:
    """Train with all loops at once, one step at a time.

    Returns
    -------
    seconds : dict of str to list of float
        Per loop the CPU time from one forward pass to the next, of each step but the
        last, which ends in a validation.
    losses : dict of str to float
        The validation loss of each loop.
    """
    data = random_pictures(
        case.turns * case.batch_size, 2 * case.batch_size, case.image_size
    )
    training, waiting, chance = list(names), [], random.Random(seed)
    turn = {name: Semaphore(0) for name in names}
    seconds = {name: [] for name in names}
    started = dict.fromkeys(names)

    def let_next() -> None:
        if not waiting:
            waiting.extend(chance.sample(training, len(training)))
        if waiting:
            turn[waiting.pop()].release()

    def hand_over(name: str, model: nn.Module) -> None:
        now = time.thread_time()
        if not model.training:  # a validation
            started[name] = None
            return
        if started[name] is not None:
            seconds[name].append(now - started[name])
        let_next()
        turn[name].acquire()
        started[name] = time.thread_time()

    def train(name: str) -> float:
        turn[name].acquire()
        try:
            torch.set_num_threads(1)  # holds for the thread that says it
            torch.manual_seed(0)
            model = case.build()
            model.register_forward_pre_hook(lambda model, _: hand_over(name, model))
            return float(LOOPS[name](model, data, case.recipe))
        finally:  # also after an error, or the others would wait for ever
            training.remove(name)
            let_next()

    gc.collect()
    with ThreadPoolExecutor(len(names)) as pool:
        loops = {name: pool.submit(train, name) for name in names}
        let_next()
    return seconds, {name: loop.result() for name, loop in loops.items()}


def measure(case: Case, rounds: int) -> dict:
    """Return all times of a case and what follows from them."""
    names = tuple(LOOPS) if case.calls else TURNS
    losses = {name: call(case, name, 2)[1] for name in names}
    times = {name: {str(n): [] for n in case.calls} for name in names}
    for turn in range(rounds * case.more_rounds):
        for steps in case.calls:
            for name in rotated(names, turn):
                seconds, losses[name] = call(case, name, steps)
                times[name][str(steps)].append(seconds)
    turns: dict[str, dict[str, list[float]]] = {name: {} for name in TURNS}
    for turn in range(rounds):
        steps_of, last = take_turns(case, TURNS, seed=turn)
        losses |= last
        for name in TURNS:
            for key, value in turn_costs(steps_of[name], steps_of["bare loop"]).items():
                turns[name].setdefault(key, []).append(value)
    return {
        "image_size": case.image_size,
        "batch_size": case.batch_size,
        "turns": case.turns,
        "calls": list(case.calls),
        "recipe": asdict(case.recipe),
        "loops": {
            name: {"val_loss": round(losses[name], 5)}
            | ({"turns": turns[name]} if name in TURNS else {})
            | ({"calls": costs(times, name)} if case.calls else {})
            for name in names
        },
    }


def turn_costs(seconds: list[float], bare: list[float]) -> dict[str, float]:
    """Return what one loop costs in a round of turns, and beyond the bare loop."""
    pairs = list(zip(seconds, bare, strict=True))
    return {
        "step_us": round(1e6 * median(seconds), 1),
        "over_bare_us": round(1e6 * median(ours - theirs for ours, theirs in pairs), 1),
        "ratio": round(median(ours / theirs for ours, theirs in pairs), 4),
    }


def costs(times: dict, name: str) -> dict:
    """Return what calls of one loop cost, by themselves and beyond the bare loop."""
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
    """Print the tables of one case."""
    print(f"\n{name}, batch {result['batch_size']}; turns of {result['turns']} steps")
    head = ("loop", "µs per step", "over bare", "x bare", "val loss")
    rows = [
        (
            loop,
            f"{median(r['turns']['step_us']):,.0f}",
            f"{median(r['turns']['over_bare_us']):+,.0f}",
            f"{median(r['turns']['ratio']):.3f}",
            f"{r['val_loss']:.4f}",
        )
        for loop, r in result["loops"].items()
        if "turns" in r
    ]
    print(table(head, rows))
    if not result["calls"]:
        return
    print(f"\n{name}: calls of {', '.join(map(str, result['calls']))} steps")
    head = ("loop", "µs per step", "over bare", "x bare", "ms per call", "over bare")
    rows = [
        (
            loop,
            f"{r['step_us']:,.0f}",
            f"{r['over_bare_us']:+,.0f}",
            f"{r['ratio']:.3f}",
            f"{r['call_ms']:.0f}",
            f"{r['call_over_bare_ms']:+.0f}",
        )
        for loop, r in ((name, r["calls"]) for name, r in result["loops"].items())
    ]
    print(table(head, rows))


def main() -> None:
    """Run all cases."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    results = {}
    for case in CASES:
        if options.quick:
            calls = (*case.calls[:-2], *(n // 4 for n in case.calls[-2:]))
            case = replace(case, turns=case.turns // 10, calls=calls)
        results[case.name] = measure(case, options.rounds)
        show(case.name, results[case.name])
    record = {
        "machine": machine(),
        "versions": versions("accelerate", "timm", "lightning", "fastai"),
        "settings": {"clock": "CPU seconds, of calls with children"},
        "cases": results,
    }
    finish("overhead", record, options)


if __name__ == "__main__":
    main()
