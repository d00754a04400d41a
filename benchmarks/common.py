"""What the benchmarks share: clocks, lines through points, tables and records."""

import argparse
import json
import os
import platform
import re
import resource
import time
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import linear_regression, median

import torch
from torch import Tensor

from vhist._text import table as aligned
from vhist.data import MEAN, STD, Dataset, Split
from vhist.runs import commit, describe_machine

RECORDS = Path(__file__).parent / "records"


# ---- clocks --------------------------------------------------------------------------


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def device_seconds(device: torch.device) -> float:
    """Return the clock that tells what a device worked: CPU time, or wall on a GPU."""
    if device.type == "cpu":
        return cpu_seconds()
    torch.cuda.synchronize(device)
    return time.perf_counter()


# ---- numbers -------------------------------------------------------------------------


def slopes(times: dict[str, list[float]]) -> list[float]:
    """Return the cost per step of each round by itself."""
    steps = [int(s) for s in times]
    rounds = zip(*times.values(), strict=True)
    return [linear_regression(steps, r).slope for r in rounds]


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median over rounds of ours / theirs, each pair from one round."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def rotated(names: Sequence[str], by: int) -> list[str]:
    """Return the names in another order each round: nobody always follows the same."""
    by %= len(names)
    return [*names[by:], *names[:by]]


# ---- data in memory ------------------------------------------------------------------


def random_pictures(
    train: int, val: int, size: int, device: str | torch.device = "cpu"
) -> Dataset:
    """Return ten classes of noise: enough to time a step, which learns nothing."""
    generator = torch.Generator(device).manual_seed(0)

    def split(n: int) -> Split:
        options = {"generator": generator, "device": device}
        images = torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, **options)
        return Split(images, torch.randint(0, 10, (n,), **options), ("",) * n)

    return Dataset("noise", tuple("0123456789"), split(train), split(val), "")


class Batches:
    """Ready batches of pictures in memory, as one writes them by hand.

    Parameters
    ----------
    split : Split
    batch_size : int
    shuffle : bool
        A fresh permutation per pass without the last, smaller batch; or in order and
        complete.
    """

    def __init__(self, split: Split, batch_size: int, *, shuffle: bool) -> None:
        self.split, self.batch_size, self.shuffle = split, batch_size, shuffle
        self.generator = torch.Generator().manual_seed(0)
        self.mean = 255 * torch.tensor(MEAN).view(3, 1, 1)
        self.scale = 1 / (255 * torch.tensor(STD).view(3, 1, 1))

    def __len__(self) -> int:
        n = len(self.split)
        return n // self.batch_size if self.shuffle else -(-n // self.batch_size)

    def __iter__(self):
        n, size = len(self.split), self.batch_size
        if self.shuffle:
            order = torch.randperm(n, generator=self.generator)
        else:
            order = torch.arange(n)
        for i in range(len(self)):
            chosen = order[i * size : (i + 1) * size]
            yield self.normalized(self.split.images[chosen]), self.split.labels[chosen]

    def normalized(self, images: Tensor) -> Tensor:
        """Map uint8 pictures to float32 with mean 0 and deviation 1, channels last."""
        x = images.float().sub_(self.mean).mul_(self.scale)
        # Last of all: a uint8 tensor changes its order four times as slowly.
        return x.contiguous(memory_format=torch.channels_last)


# ---- records -------------------------------------------------------------------------


def arguments(doc: str, *, rounds: int = 5) -> argparse.Namespace:
    """Read the options that all parts have."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--quick", action="store_true", help="a rehearsal: tiny sizes")
    parser.add_argument("--write", action="store_true", help="save the record")
    return parser.parse_args()


def machine(device: str | torch.device = "cpu") -> dict:
    """Name the hardware and say how much of it was used."""
    device = torch.device(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "device": describe_machine(device)["device"],
        "cores": cores or os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
    }


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python, torch, vhist and more packages."""
    found = {"python": platform.python_version()}
    for name in ("torch", "vhist", *packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def finish(part: str, result: dict, options: argparse.Namespace) -> None:
    """Complete a record with where and when, and save it if asked to.

    Parameters
    ----------
    part : str
        Name of the file.
    result : dict
        With ``machine``, ``versions``, ``settings`` and the numbers.
    options : Namespace
        From :func:`arguments`; without ``write`` nothing is saved.
    """
    if not options.write:
        print("\nNot saved: --write does that.")
        return
    head = {"part": part, "date": date.today().isoformat(), "commit": commit()}
    result["settings"] |= {"rounds": options.rounds, "quick": options.quick}
    text = json.dumps({**head, **result}, indent=1, ensure_ascii=False)
    # Lists of numbers on one line each, so that a record can be read.
    text = re.sub(r"\[\s+([-\d.eE,\s]+?)\s+\]", _one_line, text)
    RECORDS.mkdir(exist_ok=True)
    path = RECORDS / f"{part}.json"
    path.write_text(text + "\n", encoding="utf-8")
    print(f"\nSaved {path.relative_to(Path(__file__).parent.parent)}")


def _one_line(found: re.Match) -> str:
    return "[" + ", ".join(found[1].replace(",", " ").split()) + "]"


def rounded(values: Sequence[float], digits: int = 6) -> list[float]:
    """Return the numbers with as many decimals as a clock is worth."""
    return [round(v, digits) for v in values]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an aligned text table: the first column left, the others right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * width for width in widths]
    return aligned(head, [rule, *rows], right=range(1, len(head)))
