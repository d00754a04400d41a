"""What commands print: tables, courses of values, the nearest match of a name."""

import difflib
import math
from collections.abc import Iterable, Sequence

from vhist._checks import one_line
from vhist.runs import Run

__all__ = ["chart", "check_known", "megabytes", "percent", "table"]


def check_known(kind: str, name: str, known: Iterable[str], lists: str) -> None:
    """Raise ValueError with the nearest match unless a name is known.

    Parameters
    ----------
    kind, name : str
        For example "data set" and "imagenet".
    known : iterable of str
    lists : str
        Command that lists them.
    """
    names = list(known)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"see `{lists}`"
        raise ValueError(f"no {kind} named {name!r}; {hint}")


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> str:
    """Return a table as text, its columns aligned.

    Parameters
    ----------
    head : sequence of str
    rows : sequence of sequences of str
    right : sequence of int
        Columns that are flush right.
    """
    lines = [[*map(one_line, line)] for line in (head, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def chart(values: Sequence[float], *, height: int = 6, width: int = 60) -> str:
    """Return a course of values as columns of block characters.

    Parameters
    ----------
    values : sequence of float
        From left to right; more than ``width`` are thinned out.
    height, width : int
        In characters.
    """
    n = min(len(values), width)
    if not n or not all(map(math.isfinite, values)):
        return "(no values, or not finite)"
    shown = [values[round(i * (len(values) - 1) / max(1, n - 1))] for i in range(n)]
    low, high = min(shown), max(shown)
    # Halved, as the difference of the largest numbers there are is none.
    span, step = (high / 2 - low / 2) or 1.0, max(1, width // n // 2)
    shares = [(v / 2 - low / 2) / span for v in shown]
    levels = [1 + round((8 * height - 1) * share) for share in shares]
    top, bottom = (f"{v:8.3f}" if abs(v) < 1e4 else f"{v:8.2g}" for v in (high, low))
    lines = []
    for row in reversed(range(height)):
        label = {height - 1: top, 0: bottom}.get(row, " " * 8)
        cells = (" ▁▂▃▄▅▆▇█"[max(0, min(8, level - 8 * row))] for level in levels)
        lines.append(f"{label} {''.join(c * step for c in cells)}".rstrip())
    last = f"epoch {len(values)}".rjust(max(0, n * step - 1))
    return "\n".join([*lines, f"{' ' * 8} 1{last}"])


def percent(run: Run) -> str:
    """Return a run's accuracy with its standard error."""
    return f"{100 * run.accuracy:.2f} ± {100 * run.standard_error:.2f} %"


def megabytes(count: int) -> str:
    """Return a number of bytes in millions."""
    return f"{count / 1e6:,.0f} MB"
