"""Who starts a process and asks it to end, as known without PyTorch."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

#: Signals that ask a process to end; Windows has no SIGHUP.
ENDING = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)


def process_count() -> int:
    """Return how many processes share the run: one, unless torchrun started more."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_first(*, here: bool = False) -> bool:
    """Return whether this is the first process of the run, or of this machine.

    Only beside a number of processes does a rank say anything.
    """
    rank = os.environ.get("LOCAL_RANK" if here else "RANK", "0")
    return "WORLD_SIZE" not in os.environ or rank == "0"


@contextmanager
def handling(numbers: Iterable[int], handler: Callable) -> Iterator[None]:
    """Have signals handled, but those that the parent process set to be ignored.

    As SIGHUP after nohup. Outside the main thread nothing is caught.
    """
    main = threading.current_thread() is threading.main_thread()
    before = {
        n: signal.signal(n, handler)
        for n in numbers
        if main and signal.getsignal(n) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
