"""The command that executes a plan: run after run, however often it is stopped."""

import fnmatch
import functools
import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vhist import catalogue
from vhist import plan as plans
from vhist._checks import check_known
from vhist._text import brief, table
from vhist.cli import commands
from vhist.cli.parsing import parse_train
from vhist.folders import list_folder
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


@dataclass(frozen=True)
class _Running:
    """A process that executes a task, and where in the log its own lines begin."""

    task: _Task
    process: subprocess.Popen
    begin: int


def record(
    plan: PlanName,
    out: Path = Path("runs"),
    jobs: int = 1,
    only: str = "*",
    missing: bool = False,
    background: bool = False,
    dry_run: bool = False,
) -> int:
    """Train what a plan lists, from where it was left; write a record per run.

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
        names of the runs to do, with wildcards: 'short-vit*'
    missing : bool
        leave out runs of which the book has a record
    background : bool
        return at once and keep running, even after the terminal closes
    dry_run : bool
        print the runs, how far each is and its command; do nothing
    """
    if not 1 <= jobs <= 1000:
        raise ValueError(f"jobs must be at least 1 and at most 1,000, got {jobs}")
    found = plans.load(plan)
    listed = functools.cache(list_folder)  # of all runs the same
    tasks = [
        _task(run, out, missing, listed)
        for run in found.runs
        if fnmatch.fnmatchcase(run.name, only)
    ]
    if not tasks:
        names = [run.name for run in found.runs]
        lists = f"vhist runs record {plan} --dry-run"
        check_known(f"run of plan {found.name}", only, names, lists)
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


def _task(run: plans.PlannedRun, out: Path, missing: bool, listed: Callable) -> _Task:
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
        check_same(path, call, listed)
    if exists(path.with_suffix(".ckpt")):
        state = "begun"  # or ended, but not tidied up
    elif path.exists():
        state = "recorded"
    elif missing and (RECORDS / path.name).exists():
        state = "in the book"
    return _Task(run, words, call, path, state)


def check_same(
    path: Path, call: functools.partial, listed: Callable = list_folder
) -> Run:
    """Return a record; raise ValueError unless it is what a call would give."""
    run = Run.read(path)
    try:
        given = differences(run, call, listed)
    except TypeError as error:
        raise ValueError(f"{path} holds no recipe of this vhist: {error}") from error
    if given:
        raise ValueError(
            f"{path} is of another run: {'; '.join(given)}. Move it away, or choose "
            "another folder with --out"
        )
    return run


def differences(
    run: Run, call: functools.partial, listed: Callable = list_folder
) -> list[str]:
    """Return in words where a record is not what a call of ``train`` would give.

    Parameters
    ----------
    run : Run
    call : functools.partial
        From :func:`vhist.cli.parsing.parse_train`.
    listed : callable, optional
        In place of :func:`vhist.folders.list_folder`, one that remembers.
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
    pairs |= _pictures(run, options, listed)
    pairs["weights"] = (run.origin, commands.weights_name(options.weights or ""))
    ours = {"num_classes", "image_size"}
    kept = {k: v for k, v in run.model_options.items() if k not in ours}
    pairs["model_options"] = (kept, options.built())
    return [
        f"{key} is {brief(there)} there, {brief(here)} asked for"
        for key, (there, here) in pairs.items()
        if there != here
    ]


def _pictures(
    run: Run, options: commands.Options, listed: Callable
) -> dict[str, tuple]:
    """Return what a record says of its pictures, and what a call would now find.

    No picture is opened. What cannot be known without the folder is left out.
    """
    from vhist.sketchnette import CLASSES

    pairs: dict[str, tuple] = {}
    there, names = run.data["name"], run.data["classes"]
    folder = catalogue.locate(options.data, options.root, options.size)
    # A record has the name of the folder, which need not begin like the data set's.
    named = options.data != "folder" and there.startswith(options.data)
    gone = options.data == "folder" and folder is None
    if not named and not gone:
        here = options.data if folder is None else folder.resolve().name
        pairs["data"] = (there, here)
    known, counts = names, []
    if folder is not None:
        found, splits = listed(folder)
        known = [catalogue.WNIDS.get(name, name) for name in found]
        counts = [Counter(known[label] for _, label in split) for split in splits]
    elif options.data == "sketchnette":
        known, source = [*CLASSES], catalogue.SOURCES["sketchnette"]
        sizes = (source.train or 0, source.val or 0)
        counts = [Counter(dict.fromkeys(known, n // len(known))) for n in sizes]
    kept = list(options.classes) or known
    pairs["classes"] = (names, kept)
    if counts and not options.skip_bad:  # only opening them tells how many it skips
        train, val = (sum(count[name] for name in kept) for count in counts)
        pairs["training pictures"] = (run.data["train"], train)
        pairs["validation pictures"] = (run.data["val"], val)
    if options.per_class:
        pairs["training pictures"] = (run.data["train"], options.per_class * len(kept))
    return pairs


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
    print(f"process {started.pid} keeps running and writes to {log}")
    print(f"`kill {started.pid}` stops it, the same command continues it")


def _execute(tasks: Sequence[_Task], jobs: int) -> int:
    """Train, some at a time; return the worst exit code.

    Raises
    ------
    vhist.checkpoint.Interrupted
        After a signal: every run has saved its state by then.
    """
    from vhist.checkpoint import Interrupted, Signals

    waiting, worst = list(tasks), 0
    running: list[_Running] = []
    with Signals() as signals:
        try:
            while running or waiting:
                while len(running) < jobs and (task := _next(waiting, running)):
                    waiting.remove(task)
                    running.append(_start(task))
                time.sleep(0.2)
                if signals.number is not None:
                    break
                for run in running:
                    if (code := run.process.poll()) is not None:
                        worst = max(worst, _tell(run, code))
                running = [run for run in running if run.process.returncode is None]
        finally:  # whatever ends us, no run goes on alone
            for run in running:  # once: a second signal would not wait for the save
                run.process.terminate()
            for run in running:
                run.process.wait()
    if signals.number is not None:
        raise Interrupted(
            "the same command goes on from what was saved", signals.number
        )
    return worst


def _next(waiting: Sequence[_Task], running: Sequence[_Running]) -> _Task | None:
    """Return the first run that does not start from one that is yet to end."""
    coming = {t.run.name for t in [*waiting, *(r.task for r in running)]}
    ready = [t for t in waiting if t.call.keywords["options"].weights not in coming]
    if not ready and not running:  # in a circle: each will say what it lacks
        ready = list(waiting)
    return next(iter(ready), None)


def _start(task: _Task) -> _Running:
    """Start a run in a session of its own: Ctrl-C reaches it through us alone."""
    print(f"{task.run.name}: {task.state}, {shlex.join(task.words)}", flush=True)
    with task.record.with_suffix(".log").open("a") as log:
        begin = os.fstat(log.fileno()).st_size
        process = subprocess.Popen(
            [sys.executable, "-m", "vhist", *task.words, "--resume"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    return _Running(task, process, begin)


def _tell(ended: _Running, code: int) -> int:
    """Say how a run ended; return the exit code that it counts with."""
    task, log = ended.task, ended.task.record.with_suffix(".log")
    if code == 0:
        try:
            run = Run.read(task.record)
        except (OSError, ValueError):
            print(f"{task.run.name}: ended without a record; see {log}", flush=True)
            return 3
        print(f"{run.name}: {run.score} in {run.seconds / 60:.1f} minutes", flush=True)
        return 0
    # What an earlier attempt said stands before it in the same file.
    lines = log.read_bytes()[ended.begin :].decode(errors="replace").splitlines()
    said = [line for line in lines if line.startswith("vhist train: ")]
    why = "killed" if code < 0 else said[-1] if said else "without a reason"
    print(f"{task.run.name}: ended with {code}, {why}; see {log}", flush=True)
    return 3 if code < 0 else code
