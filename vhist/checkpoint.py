"""Checkpoints: written whole or not at all, read without trusting them.

A run's state is one file, ``NAME.ckpt``, and the state before it is kept beside it as
``NAME.ckpt.previous``. Random numbers need no state of their own: those of a step are
drawn from (seed, step) alone, see :func:`vhist.train.fit`.
"""

import os
import signal
import threading
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from types import FrameType

import torch

__all__ = ["Interrupted", "Signals", "exists", "load", "remove", "save", "write_whole"]


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to stop; its state is saved.

    Attributes
    ----------
    signal : int
        SIGINT or SIGTERM.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.signal = number


class Signals:
    """Turn Ctrl-C and SIGTERM into a note that the loop reads after each step.

    A second signal stops at once. Outside of the main thread nothing is caught.

    Parameters
    ----------
    caught : bool
        Whether to catch them at all.
    """

    def __init__(self, *, caught: bool = True) -> None:
        self.caught = caught and threading.current_thread() is threading.main_thread()
        self.number: int | None = None

    def __enter__(self) -> "Signals":
        if self.caught:
            numbers = (signal.SIGINT, signal.SIGTERM)
            self.before = {n: signal.signal(n, self._note) for n in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        if self.caught:
            for number, handler in self.before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        signal.signal(number, signal.default_int_handler)


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
        If it cannot be written; what was there is still there.
    """
    path = Path(path)
    write_whole(lambda partial: torch.save(state, partial), path, _previous(path))


def load(path: str | Path) -> dict | None:
    """Read the newest state that is whole, or return None if there is none.

    Every byte is checked against the checksums in the file, and nothing but tensors
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
            state = _read(candidate)
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
    """Remove a checkpoint and the one before it, if there are any."""
    for old in (Path(path), _previous(Path(path))):
        old.unlink(missing_ok=True)


def write_whole(write, path: Path, keep: Path | None = None) -> None:
    """Call ``write`` with a temporary path, bring it to disk and rename it.

    Parameters
    ----------
    write : callable
        Takes the path to write to.
    path : Path
        The final name; replaced in one step, so that it is whole at any moment.
    keep : Path, optional
        New name of what was at ``path`` before.

    Raises
    ------
    OSError
        If it cannot be written; nothing of it is left and what was there stays.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        _to_disk(partial)
        if keep is not None and path.exists():
            path.replace(keep)
        partial.replace(path)
        _to_disk(path.parent)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as the latter
        with suppress(OSError):  # for instance below a file that is no folder
            partial.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise OSError(f"could not write {path} ({reason})") from error


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _to_disk(path: Path) -> None:
    """Have the system write a file, or a folder's entries, to the disk itself."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> dict:
    """Return a state; raise ValueError if the file is damaged or of another kind."""
    try:
        with zipfile.ZipFile(path) as archive:
            if any(part.compress_type for part in archive.infolist()):
                raise ValueError(f"{path} is no checkpoint of vhist")
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"{path} is damaged (wrong checksum)")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged or no checkpoint") from error
    except Exception as error:  # torch raises whatever a strange file provokes
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(f"{path} is no checkpoint of vhist") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} is no checkpoint of vhist")
    return state
