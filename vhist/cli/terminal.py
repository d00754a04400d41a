"""What commands print: series of values, sizes."""

import math
from collections.abc import Sequence

__all__ = ["chart", "megabytes"]


def chart(values: Sequence[float], *, height: int = 6, width: int = 60) -> str:
    """Return a series of values as columns of block characters.

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
    # Halved, since the difference of the largest floats would overflow.
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


def megabytes(count: int) -> str:
    """Return a number of bytes in millions."""
    return f"{count / 1e6:,.0f} MB"
