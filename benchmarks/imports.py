"""What ``import vhist`` costs beyond ``import torch``, and what it does not load.

A fresh process imports torch, looks at its CPU time, imports vhist and looks again.
vhist loads its rooms when they are asked for, so what a training needs is asked for.
One runs before the first round, for the file cache and the compiled modules.
"""

import json
import subprocess
import sys
from statistics import median

from common import arguments, finish, machine, rounded, versions

HEAVY = ("torchvision", "PIL", "matplotlib", "torch._dynamo", "numpy", "tqdm", "tyro")
STEPS = f"""
import json, sys, time

def now():
    return time.process_time(), [name for name in {HEAVY} if name in sys.modules]

start = now()
import torch
middle = now()
import vhist
vhist.Recipe, vhist.create_model, vhist.evaluate, vhist.fit, vhist.load_dataset
print(json.dumps([start, middle, now()]))
"""


def run() -> tuple[float, float, list[str], list[str]]:
    """Return CPU seconds of both imports and the heavy modules there after each."""
    command = [sys.executable, "-c", STEPS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (t0, _), (t1, with_torch), (t2, with_both) = json.loads(done.stdout)
    return t1 - t0, t2 - t1, with_torch, with_both


def main() -> None:
    """Run some processes, one after the other."""
    options = arguments(__doc__, rounds=7)
    run()
    rounds = [run() for _ in range(options.rounds)]
    of_torch, added, with_torch, with_both = zip(*rounds, strict=True)
    print(f"import torch takes {median(of_torch):.2f} CPU s")
    print(f"import vhist adds {median(added):.3f} CPU s; loaded: {with_both[-1]}")
    record = {
        "machine": machine(),
        "versions": versions(),
        "settings": {"looked_for": list(HEAVY)},
        "torch_seconds": round(median(of_torch), 4),
        "added_seconds": round(median(added), 4),
        "loaded": {"torch": with_torch[-1], "torch and vhist": with_both[-1]},
        "seconds": {"torch": rounded(of_torch, 4), "added": rounded(added, 4)},
    }
    finish("imports", record, options)


if __name__ == "__main__":
    main()
