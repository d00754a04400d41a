"""Checkpoints: written whole or not at all, read without trusting them.

A run's state is one file, ``NAME.ckpt``, and the state before it is kept beside it as
``NAME.ckpt.previous``. Random numbers need no state of their own: those of a step are
drawn from (seed, step) alone, see :func:`vhist.train.fit`.
"""

import glob
import math
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from vhist._checks import fits
from vhist._launch import ENDING, handling
from vhist._text import brief
from vhist.files import locked, read_whole, write_whole
from vhist.runs import check_entry, commit, peak_memory

if TYPE_CHECKING:
    from vhist.train import Batches

__all__ = [
    "Interrupted",
    "Checkpointer",
    "Signals",
    "State",
    "check_arrays",
    "check_facts",
    "exists",
    "load",
    "remove",
    "save",
    "weights_of",
]


def save(state: dict, path: str | Path) -> None:
    """Write a state; the one before becomes ``path`` + ``.previous``.

    Parameters
    ----------
    state : dict
        Tensors, numbers, text, and lists and dictionaries of them.
    path : path

    Raises
    ------
    OSError
        If it cannot be written; what was there can still be loaded.
    """
    path = Path(path)
    write_whole(lambda file: torch.save(state, file), path, _previous(path))


def load(path: str | Path) -> dict | None:
    """Read the newest state that is whole, or return None if there is none.

    The contents are checked against the checksums in the file, and nothing but tensors
    and plain values is accepted: a pickle with code in it is refused, not run.

    Parameters
    ----------
    path : path

    Raises
    ------
    ValueError
        If there are files, but none is a whole checkpoint.
    """
    path = Path(path)
    complaints = []
    for candidate in (path, _previous(path)):
        try:
            state = read_whole(candidate, "checkpoint")
        except FileNotFoundError:
            continue
        except ValueError as error:
            complaints.append(str(error))
            continue
        if complaints:
            warnings.warn(
                f"{complaints[0]}; continuing from the state before it", stacklevel=2
            )
        return state
    if complaints:
        raise ValueError(f"{complaints[0]}; remove it to start from the beginning")
    return None


def exists(path: str | Path) -> bool:
    """Return whether there is a checkpoint, or the one before it, whole or not."""
    return any(p.exists() for p in (Path(path), _previous(Path(path))))


def remove(path: str | Path) -> None:
    """Remove a checkpoint, the one before it and what was half written, if any.

    The caller has the lock: nobody writes there.
    """
    path = Path(path)
    partial = path.parent.glob(f"{glob.escape(path.name)}.*.partial")
    for old in (path, _previous(path), *partial):
        old.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


# What SGD and Muon keep for each parameter, and what AdamW keeps.
_MOMENTUM = {"momentum_buffer"}
_MOMENTS = {"step", "exp_avg", "exp_avg_sq"}


def _together(values: list[Tensor] | list[float]) -> Tensor:
    """Return numbers, or tensors of one each, as a tensor of shape (n,)."""
    first = values[0]
    return torch.stack(values) if isinstance(first, Tensor) else torch.tensor(values)


class State:
    """Everything that changes while a network learns.

    Parameters
    ----------
    model, optimizer, average
        ``average`` is the running average of the weights, or None.
    batches : Batches
        What is learned from.
    facts : dict
        What must not differ when the run is continued: model, recipe, data set.

    Attributes
    ----------
    step : int
        Number of steps taken.
    log : list of dict
        See :class:`vhist.runs.Run`.
    commit : str
        The repository's commit when the run began.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: AveragedModel | None,
        batches: "Batches",
        facts: dict,
    ) -> None:
        self.parts = {"model": model, "optimizer": optimizer, "average": average}
        self.batches, self.facts, self.team = batches, facts, batches.team
        self.parameters = list(model.parameters())
        self.device = self.parameters[0].device
        self.on_cpu = self.device.type == "cpu"
        self.steps = len(batches)  # of an epoch
        self.losses = torch.zeros(self.steps, device=self.device)  # of the epoch
        # Loss and gradient norm of the steps that are not written there yet.
        self.noted: dict[int, tuple[Tensor | float, Tensor | float | None]] = {}
        self.step, self.commit = 0, commit()
        self.log: list[dict] = []
        if self.device.type == "cuda":  # of a run before this one in the same process
            torch.cuda.reset_peak_memory_stats(self.device)
        self._begin_clock(0, 0, 0)

    def _begin_clock(self, seconds: float, cpu_seconds: float, memory: int) -> None:
        self._wall = time.perf_counter() - seconds
        self._cpu = time.process_time() - cpu_seconds
        self._memory = memory

    @property
    def seconds(self) -> float:
        """Seconds of the wall clock, over all parts of the run."""
        return round(time.perf_counter() - self._wall, 2)

    @property
    def cpu_seconds(self) -> float:
        """Seconds of the processor, over all parts of the run."""
        return round(time.process_time() - self._cpu, 2)

    @property
    def peak_memory(self) -> int:
        """Most bytes in use, over all parts of the run."""
        return max(self._memory, peak_memory(self.device))

    def note(self, losses: list[Tensor], norm: Tensor | None) -> None:
        """Note the losses of a step's parts, and its gradient's norm if it is known.

        Raises
        ------
        FloatingPointError
            If one of them is not finite; on a GPU only when the state is saved or the
            epoch ends, since checking would make the CPU wait at every step.
        """
        loss = losses[0] if len(losses) == 1 else torch.stack(losses).mean()
        i = self.step % self.steps
        if not self.on_cpu:
            self.noted[i] = loss, norm
            return
        # As numbers: keeping a tensor for each step costs several times as much.
        loss, norm = loss.item(), None if norm is None else norm.item()
        self.noted[i] = loss, norm
        if math.isfinite(loss) and (norm is None or math.isfinite(norm)):
            return
        if self.step > 0 and not self._sound():  # a finite loss broke them before
            _, norm = self.noted.get(i - 1, (None, None))
            self._stop("a weight is not finite after", self.step - 1, norm)
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        self.noted[i] = loss, nn.utils.get_total_norm(gradients).item()
        self.check()

    def _sound(self) -> bool:
        return all(p.isfinite().all() for p in self.parameters)

    def check(self) -> None:
        """Raise FloatingPointError for a loss of the epoch that is not finite.

        Or for a gradient, where all their norms are known.
        """
        noted, self.noted = self.noted, {}
        if not noted:
            return
        first, last = min(noted), max(noted)
        new = _together([loss for loss, _ in noted.values()])
        self.losses[first : last + 1] = new
        fine = new.isfinite()
        norms = [norm for _, norm in noted.values() if norm is not None]
        if len(norms) == len(noted):
            fine &= _together(norms).isfinite()
        bad = (~fine).nonzero()
        if not len(bad):
            return
        i = first + int(bad[0])
        loss, step = float(self.losses[i]), len(self.log) * self.steps + i
        what = (
            "the gradient is not finite"
            if math.isfinite(loss)
            else f"the loss is {loss}"
        )
        self._stop(f"{what} in", step, noted[i][1])

    def _stop(self, what: str, step: int, norm: Tensor | float | None) -> NoReturn:
        n, recipe = self.steps, self.batches.recipe
        known = "only known with clip_norm" if norm is None else f"{float(norm):.3g}"
        raise FloatingPointError(
            f"{what} step {step}, epoch {step // n + 1} (learning rate "
            f"{recipe.lr_at((step + 1) / n):.3g}, gradient norm {known}): lower lr or "
            "set clip_norm; the training pictures of this batch are "
            f"{self.batches.pictures(step).tolist()}"
        )

    def end_epoch(self, *, lr: float, val_loss: float, val_accuracy: float) -> dict:
        """Write a line into the log and return it."""
        _, norm = self.noted.get(self.steps - 1, (None, None))
        self.check()
        epoch = len(self.log) + 1
        if not math.isfinite(val_loss):
            if not self._sound():
                self._stop("a weight is not finite after", self.step - 1, norm)
            raise FloatingPointError(
                f"the validation loss is {val_loss} after epoch {epoch}: lower lr or "
                "set clip_norm"
            )
        entry = {
            "epoch": epoch,
            "lr": lr,
            "train_loss": round(self.team.gather(self.losses).mean().item(), 5),
            "val_loss": round(val_loss, 5),
            "val_accuracy": round(val_accuracy, 6),
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
        }
        self.log.append(entry)
        self.losses.zero_()
        return entry

    def save(self, path: Path) -> None:
        """Write all of it to a file, by the first process.

        Raises
        ------
        FloatingPointError
            If a loss or a weight is not finite; what is in the file stays there.
        """
        _, norm = self.noted.get((self.step - 1) % self.steps, (None, None))
        self.check()
        # A finite loss can have a gradient that is not.
        if not self._sound():
            self._stop("a weight is not finite after", self.step - 1, norm)
        losses = self.team.gather(self.losses)
        if not self.team.first:
            return
        stored = {k: p.state_dict() for k, p in self.parts.items() if p is not None}
        own = ("facts", "step", "log", "commit", "seconds", "cpu_seconds")
        stored |= {key: getattr(self, key) for key in (*own, "peak_memory")}
        save(stored | {"losses": losses}, path)

    def restore(self, path: Path) -> None:
        """Take over what is in a file, if there is one.

        Raises
        ------
        ValueError
            If it belongs to another run or is damaged.
        """
        stored = load(path)
        if stored is None:
            return
        with _if_strange(path):
            # An older state does not say which pictures were chosen.
            new = {"selection"} - stored["facts"].keys()
            asked = {k: v for k, v in self.facts.items() if k not in new}
            _check_same(stored["facts"], asked, path)
            self._check(stored)
            losses = stored["losses"].to(self.device)
            same = len(losses) == self.team.size
            self.losses[:] = losses[self.team.rank] if same else losses.mean(dim=0)
            for key, part in self.parts.items():
                if isinstance(part, torch.optim.Optimizer):
                    # Its settings follow from the recipe; a file has no say in them.
                    own = part.state_dict()["param_groups"]
                    moments = {"state": stored[key]["state"], "param_groups": own}
                    part.load_state_dict(moments)
                elif part is not None:
                    part.load_state_dict(stored[key])
            self.step, self.log = stored["step"], stored["log"]
            self.commit = stored["commit"]
            times = stored["seconds"], stored["cpu_seconds"]
            self._begin_clock(*times, stored["peak_memory"])

    def _check(self, stored: dict) -> None:
        """Raise unless all that is stored can be taken over, before any of it is."""
        step, log, n = stored["step"], stored["log"], self.steps
        epochs = self.batches.recipe.epochs
        if not fits(step, int) or not fits(log, list[dict]):
            raise TypeError("its step is no whole number or its log no list")
        # The epoch's last step may be saved before its line in the log.
        if not len(log) * n <= step <= min(len(log) + 1, epochs) * n:
            raise ValueError(
                f"it is at step {brief(step)} after {len(log)} of {epochs} epochs of "
                f"{n} steps"
            )
        for number, entry in enumerate(log, start=1):
            check_entry(entry)
            if entry["epoch"] != number:
                raise ValueError(f"line {number} of its log is of another epoch")
        for key in ("seconds", "cpu_seconds", "peak_memory"):
            if not fits(stored[key], float) or not 0 <= stored[key] < 2**63:
                raise ValueError(f"its {key} is {brief(stored[key])}")
        if not isinstance(stored["commit"], str):
            raise TypeError(f"its commit is {brief(stored['commit'])}")
        losses = stored["losses"]
        like = self.losses.new_empty(max(1, len(losses)), n)
        _check_array("losses", losses, like)
        if not losses.isfinite().all():
            raise ValueError("its losses are not finite")
        for key, part in self.parts.items():
            if isinstance(part, torch.optim.Optimizer):
                _check_moments(stored[key]["state"], part, step)
            elif part is not None:
                check_arrays(key, stored[key], part.state_dict())


def check_facts(path: str | Path, facts: dict) -> None:
    """Raise ValueError if a checkpoint, where there is one, is of another run.

    Parameters
    ----------
    path : path
    facts : dict
        Some of those of :class:`State`.
    """
    stored = load(path)
    if stored is not None:
        with _if_strange(Path(path)):
            _check_same(stored["facts"], facts, Path(path))


def weights_of(path: str | Path) -> str:
    """Return what the run of a checkpoint began with, empty for random weights."""
    with _if_strange(Path(path)):
        stored = load(path)
        return str(stored["facts"]["weights"]) if stored else ""


@contextmanager
def _if_strange(path: Path) -> Iterator[None]:
    """Say in one line that a file is no checkpoint of this run, and why."""
    try:
        yield
    except _Differs as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # a strange file may provoke any
        reason = " ".join(str(error).split())[:200]
        if isinstance(error, KeyError):
            reason = f"it lacks {brief(error.args[0])}"
        raise ValueError(f"{path} is no checkpoint of this run: {reason}") from error


def _check_array(name: str, value: object, like: Tensor) -> None:
    """Raise unless a value is a tensor of the same shape and type as another."""
    if not isinstance(value, Tensor) or value.layout != like.layout:
        raise TypeError(f"its {name} is no array")
    if value.shape != like.shape or value.dtype != like.dtype:
        raise ValueError(
            f"its {name} is {value.dtype} of shape {tuple(value.shape)}, not "
            f"{like.dtype} of {tuple(like.shape)}"
        )


def check_arrays(name: str, there: dict, here: dict) -> None:
    """Raise unless two state dicts have the same names, shapes and types.

    Parameters
    ----------
    name : str
        What they are, for the message.
    there, here : dict of str to Tensor
        What was read, and what it should be like.

    Raises
    ------
    TypeError
        If what was read is no array.
    ValueError
        If one is missing, left over, or of another shape or type.
    """
    different = sorted(map(str, there.keys() ^ here.keys()))
    if different:
        raise ValueError(f"its {name} has other arrays, such as {different[0]}")
    for key, value in here.items():
        _check_array(f"{name} {key}", there[key], value)


def _check_moments(there: dict, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Raise unless an optimizer's state is one array, or a count, per parameter."""
    sgd = isinstance(optimizer, torch.optim.SGD)
    parameters, kept = [], []
    for group in optimizer.param_groups:
        parameters += group["params"]
        keys = _MOMENTUM if sgd or group.get("matrices") else _MOMENTS
        kept += [keys] * len(group["params"])
    for i, moments in there.items():
        if not fits(i, int) or not 0 <= i < len(parameters):
            raise ValueError(f"its optimizer knows a parameter {brief(i)}")
        if moments and moments.keys() != kept[i]:
            raise ValueError(f"its optimizer keeps {brief(list(moments))}")
        for name, value in moments.items():
            like = torch.tensor(0.0) if name == "step" else parameters[i]
            _check_array(f"optimizer {name}", value, like)
            if name == "step" and not 0 < value <= step:
                raise ValueError(f"its optimizer is at step {value.item()}")


def _check_same(there: dict, here: dict, path: Path) -> None:
    """Refuse to go on with another model, recipe or data set; name what differs."""
    for part, values in here.items():
        new = values if isinstance(values, dict) else {"": values}
        old = there[part] if isinstance(values, dict) else {"": there[part]}
        # An option that is no longer given differs, too; of the data some is known.
        for key in new if part == "data" else new | old:
            value = new.get(key)
            if (part, key) != ("data", "name") and old.get(key) != value:
                what = f"{part} {key}".strip()
                raise _Differs(
                    f"cannot continue {path}: its {what} is {_plain(old.get(key))}, "
                    f"not {_plain(value)}; give what it began with, or choose another "
                    "name"
                )


def _plain(value: object) -> str:
    """Return a value as text on a line; short text without quotes."""
    short = isinstance(value, str) and value.isprintable() and 0 < len(value) < 100
    return str(value) if short else brief(value)


class _Differs(ValueError):
    """The checkpoint is of another run; its message is for the user."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to stop.

    At the first one the state is saved after the step that it came in. A second one
    stops at once; what was saved before is kept.

    Attributes
    ----------
    signal : int
        SIGINT, SIGTERM or SIGHUP; SIGPIPE if nobody was reading its output any
        more.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.signal = number


class Signals:
    """Turn signals that end a process into a note that the loop reads after each step.

    They are Ctrl-C, SIGTERM and, of a terminal that was closed, SIGHUP.

    A second signal stops at once. Nothing is caught outside the main thread, nor are
    signals that the parent process set to be ignored, as a shell does for a script's &.

    Parameters
    ----------
    caught : bool
        Whether to catch them at all.
    """

    def __init__(self, *, caught: bool = True) -> None:
        self.number: int | None = None
        self._caught = handling(ENDING if caught else (), self._note)

    def __enter__(self) -> "Signals":
        self._caught.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._caught.__exit__(*error)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            raise Interrupted("stopped at once: what was saved before is kept", number)
        self.number = number


class Checkpointer:
    """Saves the state from time to time, and when a signal asks the run to stop.

    Parameters
    ----------
    state : State
    path : path or None
        The file; None keeps nothing.
    seconds : float
        Time between saves.
    resume : bool
        Take over the state that was saved; else there must be none.
    """

    def __init__(
        self, state: State, path: str | Path | None, seconds: float, *, resume: bool
    ) -> None:
        self.state, self.seconds, self.resume = state, seconds, resume
        self.path = None if path is None else Path(path)
        self.signals = Signals(caught=path is not None)
        self.last = time.monotonic()

    def __enter__(self) -> "Checkpointer":
        with ExitStack() as held:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(self.path))
                self._begin(self.path)
            held.enter_context(self.signals)
            self.held = held.pop_all()
        return self

    def _begin(self, path: Path) -> None:
        if self.resume:
            self.state.restore(path)
        elif exists(path):
            raise ValueError(
                f"{path} exists: continue it with resume (--resume), or choose "
                "another name"
            )

    def __exit__(self, *_: object) -> None:
        self.held.close()

    def after_step(self) -> None:
        """Save if it is time; if a signal came, save and raise Interrupted."""
        if self.path is None:
            return
        due = time.monotonic() - self.last >= self.seconds
        stop, due = self.state.team.any(self.signals.number is not None, due)
        if stop or due:
            self.save()
        if stop:
            # The first writes; torchrun would not wait for it.
            self.state.team.any(stop)
            raise Interrupted(
                f"stopped after step {self.state.step}, saved to {self.path}",
                self.signals.number or signal.SIGTERM,
            )

    def say(self, line: str) -> None:
        """Print a line; if nobody reads any more, as behind ``| head``, stop soon."""
        try:
            print(line, flush=True)
        except BrokenPipeError:
            if self.path is None:
                raise
            pipe = getattr(signal, "SIGPIPE", signal.SIGTERM)
            self.signals.number = self.signals.number or pipe
        except OSError as error:  # a log on a full disk; the record has all its lines
            warnings.warn(
                f"cannot write a line of output ({error.strerror}); training goes on",
                stacklevel=2,
            )

    def save(self) -> None:
        """Save now, if there is a file to save to."""
        if self.path is not None:
            self.state.save(self.path)
            self.last = time.monotonic()
