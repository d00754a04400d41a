"""The command that executes a plan: run after run, as often as it is stopped."""

import fnmatch
import functools
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vhist import plan as plans
from vhist._checks import brief
from vhist.cli import commands
from vhist.cli.parsing import parse_train
from vhist.cli.terminal import percent, table
from vhist.recipe import Recipe
from vhist.runs import RECORDS, Run

PlanName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PLAN")]


@dataclass(frozen=True)
class _Task:
    """A planned run, its call, and the files that it writes."""

    run: plans.PlannedRun
    words: list[str]
    call: functools.partial
    record: Path
    state: str

    @property
    def open(self) -> bool:
        return self.state in ("to do", "begun")


def record(
    plan: PlanName,
    out: Path = Path("runs"),
    jobs: int = 1,
    only: str = "*",
    missing: bool = False,
    background: bool = False,
    dry_run: bool = False,
) -> int:
    """Train what a plan names, where it was left; write a record per run.

    Each run is a `vhist train` of its own. Started again after a kill, the command
    leaves out what has ended and resumes what was begun.

    Parameters
    ----------
    plan : str
        a plan of the book, or a file (.toml)
    out : path
        folder for records, weights and logs
    jobs : int
        runs at a time
    only : str
        names of runs to keep to, with wildcards: 'short-vit*'
    missing : bool
        leave out runs of which the book has a record
    background : bool
        return at once and go on, also after the terminal has closed
    dry_run : bool
        print the runs, how far each is and its command; do nothing
    """
    if not 1 <= jobs <= 1000:
        raise ValueError(f"jobs must be at least 1 and at most 1,000, got {jobs}")
    found = plans.load(plan)
    tasks = [
        _task(run, out, missing)
        for run in found.runs
        if fnmatch.fnmatchcase(run.name, only)
    ]
    if not tasks:
        raise ValueError(f"no run of {found.name} is called {only!r}")
    if dry_run:
        print(found.about + "\n")
        rows = [(t.run.name, t.state, shlex.join(["vhist", *t.words])) for t in tasks]
        print(table(("run", "state", "command"), rows))
        return 0
    out.mkdir(parents=True, exist_ok=True)
    if background:
        _detach(out / f"{found.name}.log")
        return 0
    done = sum(not t.open for t in tasks)
    print(f"{found.name}: {len(tasks)} runs, {done} of them recorded", flush=True)
    return _execute([t for t in tasks if t.open], jobs)


def _task(run: plans.PlannedRun, out: Path, missing: bool) -> _Task:
    """Check a run before any begins, and see how far it is."""
    from vhist.checkpoint import exists

    elsewhere = [] if out == Path("runs") else ["--out", str(out)]
    words = ["train", *run.words, *elsewhere]
    try:
        call = parse_train(commands.train, "vhist train", words[1:])
        given = call.keywords
        commands.check_call(given["model"], given["options"], given["recipe"])
    except ValueError as error:
        raise ValueError(f"{run.name}: {error}") from error
    path = out / f"{run.name}.json"
    state = "to do"
    if path.exists():
        check_same(path, call)
    if exists(path.with_suffix(".ckpt")):
        state = "begun"  # or ended, but not tidied up
    elif path.exists():
        state = "recorded"
    elif missing and (RECORDS / path.name).exists():
        state = "in the book"
    return _Task(run, words, call, path, state)


def check_same(path: Path, call: functools.partial) -> Run:
    """Return a record; raise ValueError unless it is what a call would give."""
    run = Run.read(path)
    try:
        given = differences(run, call)
    except TypeError as error:
        raise ValueError(f"{path} holds no recipe of this vhist: {error}") from error
    if given:
        raise ValueError(
            f"{path} is of another run: {'; '.join(given)}. Move it away, or choose "
            "another folder with --out"
        )
    return run


def differences(run: Run, call: functools.partial) -> list[str]:
    """Return in words where a record is not what a call of ``train`` would give.

    Parameters
    ----------
    run : Run
    call : functools.partial
        From :func:`vhist.cli.parsing.parse_train`.
    """
    options, recipe = call.keywords["options"], call.keywords["recipe"]
    recorded = Recipe(**run.recipe)
    pairs: dict[str, tuple] = {"model": (run.model, call.keywords["model"])}
    pairs |= {
        key: (getattr(recorded, key), getattr(recipe, key)) for key in vars(recipe)
    }
    pairs["data_size"] = (
        run.data.get("image_size"),
        commands.stored_size(options, recipe),
    )
    if options.data != "folder" and not run.data["name"].startswith(options.data):
        pairs["data"] = (run.data["name"], options.data)
    names = run.data["classes"]
    pairs["classes"] = (names, list(options.classes) or names)
    if options.per_class:
        pairs["training pictures"] = (run.data["train"], options.per_class * len(names))
    begun = run.weights.partition(" ")[0]
    pairs["weights"] = (begun, Path(options.weights or "").stem)
    ours = {"num_classes", "image_size"}
    kept = {k: v for k, v in run.model_options.items() if k not in ours}
    pairs["model_options"] = (kept, options.built())
    return [
        f"{key} is {brief(there)} there, {brief(here)} asked for"
        for key, (there, here) in pairs.items()
        if there != here
    ]


def _detach(log: Path) -> None:
    """Start this command again as a process of its own, without a terminal."""
    words = [w for w in sys.argv[1:] if w != "--background"]
    with log.open("a") as file:
        started = subprocess.Popen(
            [sys.executable, "-m", "vhist", *words],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    print(f"process {started.pid} goes on and tells in {log}")
    print(f"`kill {started.pid}` stops it, the same command continues")


def _execute(tasks: Sequence[_Task], jobs: int) -> int:
    """Train, some at a time; return the worst exit code.

    Raises
    ------
    vhist.checkpoint.Interrupted
        After a signal: every run has saved its state by then.
    """
    from vhist.checkpoint import Interrupted, Signals

    waiting, worst = list(tasks), 0
    running: list[tuple[_Task, subprocess.Popen]] = []
    with Signals() as signals:
        while running or waiting:
            while waiting and len(running) < jobs:
                running.append((waiting[0], _start(waiting.pop(0))))
            time.sleep(0.2)
            if signals.number is not None:
                break
            for task, process in running:
                if process.poll() is not None:
                    _tell(task, process.returncode)
                    code = process.returncode
                    worst = max(worst, 3 if code < 0 else code)  # below 0: killed
            running = [pair for pair in running if pair[1].returncode is None]
        for _, process in running:  # once: a second signal would not wait for the save
            process.terminate()
        for _, process in running:
            process.wait()
    if signals.number is not None:
        raise Interrupted(
            "all is saved; the same command goes on from there", signals.number
        )
    return worst


def _start(task: _Task) -> subprocess.Popen:
    """Start a run in a session of its own: Ctrl-C reaches it through us alone."""
    print(f"{task.run.name}: {task.state}, {shlex.join(task.words)}", flush=True)
    with task.record.with_suffix(".log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "vhist", *task.words, "--resume"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )


def _tell(task: _Task, code: int) -> None:
    log = task.record.with_suffix(".log")
    if code == 0:
        run = Run.read(task.record)
        print(
            f"{run.name}: {percent(run)} in {run.seconds / 60:.1f} minutes", flush=True
        )
        return
    lines = log.read_text(errors="replace").splitlines()
    said = [line for line in lines if line.startswith("vhist train: ")]
    why = said[-1] if code > 0 and said else "killed"
    print(f"{task.run.name}: ended with {code}, {why}; see {log}", flush=True)
