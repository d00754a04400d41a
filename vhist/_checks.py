"""What comes from outside, checked: fields, files, and errors of others."""

from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vhist._text import brief, nearest

_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    dict: "a dictionary",
    NoneType: "none",
}


def check_fields(instance: object) -> None:
    """Raise unless each field holds what its annotation says.

    A whole number is a number too, NumPy's count, and a list may stand for a tuple, as
    after a round trip through JSON. True and False are not numbers.

    Parameters
    ----------
    instance : dataclass

    Raises
    ------
    TypeError
        If a field is of another type.
    ValueError
        If it is none of the words that are allowed.
    """
    for name, kind in get_type_hints(type(instance)).items():
        value = getattr(instance, name)
        if not fits(value, kind):
            error = ValueError if get_origin(kind) is Literal else TypeError
            raise error(f"{name} must be {_describe(kind)}, got {brief(value)}")


def check_file(path: Path) -> None:
    """Raise ValueError for a pipe or a device: reading one may take for ever.

    What is missing, or is a folder, is left to whoever opens it.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{path} is a pipe or a device, not a file")


def check_known(
    kind: str, name: object, known: Iterable[str], lists: str, *, most: int = 1
) -> None:
    """Raise ValueError with the nearest match unless a name is known.

    Parameters
    ----------
    kind : str
        For example "data set".
    name : object
    known : iterable of str
    lists : str
        Command or function that lists them.
    most : int
        Matches to suggest.
    """
    names = list(known)
    if name not in names:
        hint = nearest(name, names, most=most) or f"see `{lists}`"
        raise ValueError(f"no {kind} named {brief(name)}; {hint}")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out: PyTorch says so in errors of several kinds."""
    words = ("out of memory", "allocate memory", "not enough memory", "ALLOC_FAILED")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def fits(value: object, kind: Any) -> bool:
    """Return whether a value is what an annotation says, see :func:`check_fields`."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin is UnionType:
        return any(fits(value, k) for k in inner)
    if origin is list:
        return isinstance(value, list) and all(fits(v, inner[0]) for v in value)
    if origin is tuple:
        if not isinstance(value, tuple | list) or len(value) != len(inner):
            return False
        return all(map(fits, value, inner))
    if isinstance(value, bool):
        return kind is bool
    # Of NumPy, too: its numbers are not Python's, but these are their kinds.
    return isinstance(value, {int: Integral, float: Real}.get(kind, kind))


def _describe(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(inner)}"
    if origin is UnionType:
        return " or ".join(map(_describe, inner))
    if origin is list:
        return f"a list, each entry {_describe(inner[0])}"
    if origin is tuple:
        return f"{len(inner)} entries, each {_describe(inner[0])}"
    return _WORDS.get(kind, kind.__name__)
