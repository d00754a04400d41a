"""What is said in a line or a table: names, errors, and what comes from outside."""

import reprlib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from html import escape


def one_line(text: str) -> str:
    """Escape what would break a line or a terminal, as files of others may hold."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def brief(value: object) -> str:
    """Return a value as text, cut to fit on a line."""
    try:
        return " ".join(reprlib.repr(value).split())
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number of thousands of digits"


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says; its kind if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def nearest(name: object, known: Iterable[str], *, most: int = 1) -> str:
    """Return "did you mean ...?" with the names most like one; empty without any."""
    near = get_close_matches(str(name), [*known], n=most, cutoff=0.4)
    return f"did you mean {' or '.join(near)}?" if near else ""


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


def html_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = ""
) -> str:
    """Return a table as HTML, of a class that the site's style knows."""
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    named = f' class="{kind}"' if kind else ""
    return (
        f"<table{named}><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"
    )
