"""What comes from outside, checked: fields against their annotations, and files."""

import reprlib
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    dict: "a dictionary",
    NoneType: "none",
}


def check_fields(instance: object) -> None:
    """Raise unless each field holds what its annotation says.

    A whole number is a number too, and a list may stand for a tuple, as after a way
    through JSON. True and False are no numbers.

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


def one_line(text: str) -> str:
    """Escape what would break a line or a terminal, as files of others may hold."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def brief(value: object) -> str:
    """Return a value as text, cut to fit on a line."""
    try:
        return " ".join(reprlib.repr(value).split())
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number of thousands of digits"


def check_file(path: Path) -> None:
    """Raise ValueError for a pipe or a device: to read one may take for ever.

    What is not there, or is a folder, is left to those who open it.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{path} is a pipe or a device, not a file")


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
    return isinstance(value, int | float if kind is float else kind)


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
