"""Files: written whole or not at all, read without trust, kept to one process."""

import glob
import os
import time
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from vhist import _launch
from vhist._checks import check_file
from vhist._text import first_line

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["locked", "read_whole", "write_whole"]

# The locks of this process: within one, a second is none.
_HELD: set[Path] = set()


def write_whole(write, path: Path, keep: Path | None = None) -> None:
    """Let ``write`` fill a temporary file, bring it to the disk and rename it.

    Parameters
    ----------
    write : callable
        Takes the file, open for writing bytes. Given an open file, PyTorch stores no
        file name in it: equal tensors make equal bytes.
    path : Path
        The final name; what is there is whole at any moment.
    keep : Path, optional
        New name of what was at ``path`` before. Between the two renames only this one
        is there, and after an error then; :func:`vhist.checkpoint.load` takes it.

    Raises
    ------
    OSError
        If it cannot be written; nothing of it is left, and what was there still is.
    """
    # Its own for each process: two may write the same cache.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_partial(path)
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            path.replace(keep)
        partial.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as the latter
        raise OSError(f"could not write {path} ({_reason(error)})") from error
    finally:
        with suppress(OSError):  # for instance if the parent is a file
            partial.unlink(missing_ok=True)


def _remove_partial(path: Path) -> None:
    """Remove what killed processes left half written, over an hour ago."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.partial"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 3600:
                left.unlink()


def _reason(error: BaseException) -> str:
    """Return what the system said; torch hides it behind an error of its own."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.strerror:
            return at.strerror
        at = at.__cause__ or at.__context__
    return first_line(error)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk; Windows does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_whole(path: Path, what: str) -> dict:
    """Read a file that :func:`torch.save` wrote, without trusting it.

    The contents are checked against the checksums in the file, and nothing but tensors
    and plain values is accepted. Nothing is unpacked to the disk.

    Parameters
    ----------
    path : Path
    what : str
        What it should be, for the message.

    Raises
    ------
    ValueError
        If it is damaged or something else.
    OSError
        If it is not there or cannot be read.
    """
    import torch

    check_file(path)
    path.open("rb").close()  # the system's own errors are raised here
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            # torch.save never compresses, leaves its folder or repeats a name.
            strange = (
                len({m.filename for m in members}) < len(members)
                or any(m.compress_type for m in members)
                or any(".." in m.filename.split("/") for m in members)
            )
            if strange:
                raise ValueError(f"{path} is no {what}")
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"{path} is damaged (wrong checksum)")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about what is refused below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged or no {what}") from error
    except Exception as error:  # torch raises whatever a strange file provokes
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(f"{path} is no {what}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} is no {what}")
    return state


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Keep a run's files to this process until it ends, however it ends.

    Of torchrun's processes, the first holds the lock. A process that has it may ask
    again. Nothing is locked where the system has no ``flock``.

    Raises
    ------
    ValueError
        If another process has the lock.
    """
    lock = Path(path).absolute().with_suffix(".lock")
    if fcntl is None or not _launch.is_first() or lock in _HELD:
        yield
        return
    with _take_lock(lock):
        _HELD.add(lock)
        try:
            yield
        finally:
            _HELD.remove(lock)
            lock.unlink(missing_ok=True)


def _take_lock(lock: Path) -> IO[str]:
    while True:
        file = lock.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ValueError(
                f"another process is training {lock.stem}; wait for it, or choose "
                "another name"
            ) from None
        except OSError:  # a file system without locks
            return file
        # Its last owner may have removed the file after it was opened here.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()
