"""From the words of a command line to the call of a function, by tyro."""

import difflib
import functools
import inspect
import io
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import redirect_stderr
from dataclasses import fields, is_dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, get_args, get_origin

import docstring_parser
import tyro

from vhist.cli.terminal import check_known
from vhist.recipe import FAMILIES, OPTIMIZERS, recipe_for

__all__ = ["parse_call", "parse_train", "variant"]


def parse_call(function: Callable, name: str, argv: Sequence[str]) -> functools.partial:
    """Turn words into the call of a function, or say what is wrong with them.

    Parameters
    ----------
    function : callable
    name : str
        The command, for messages.
    argv : sequence of str

    Raises
    ------
    ValueError
        If they are no such call; tyro's box of several lines is made one.
    SystemExit
        After --help.
    """
    _check_flags(function, argv)
    return _bind(function, name, argv)


def parse_train(
    function: Callable, name: str, argv: Sequence[str]
) -> functools.partial:
    """Do the same for a function with parameters ``model`` and ``recipe``.

    The recipe's defaults follow the model, its --family and --optimizer, wherever they
    stand among the words.
    """
    _check_flags(function, argv)
    family = _named(argv, "--family", FAMILIES) or "modern"
    optimizer = _named(argv, "--optimizer", OPTIMIZERS)
    words = [w for w in argv if not w.startswith("-")]
    if {"-h", "--help"} & {*argv} and words and argv[0] == words[0]:
        from vhist.models import list_models

        check_known("model", words[0], list_models(), "vhist models")
    guess = words[0] if words else "resnet_small"
    if words and argv[0] != guess:  # behind flags, whose values are words, too
        from vhist.models import list_models

        guess = next((w for w in words if w in list_models()), guess)
    recipe = recipe_for(guess, family, optimizer)
    call = _bind(variant(function, recipe=recipe), name, argv)
    ours = recipe_for(call.keywords["model"], family, optimizer)
    if ours != recipe:
        call = _bind(variant(function, recipe=ours), name, argv)
    return call


def _named(argv: Sequence[str], flag: str, choices: Collection[str]) -> str | None:
    """Return what a flag asks for; a wrong choice is left for tyro to refuse."""
    words = [w for word in argv for w in word.split("=", 1)]
    named = [b for a, b in pairwise(words) if a == flag]
    return named[-1] if named and named[-1] in choices else None


def _bind(function: Callable, name: str, argv: Sequence[str]) -> functools.partial:
    @functools.wraps(function)
    def bind(*args, **kwargs) -> functools.partial:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        return functools.partial(function, **given)

    if {"-h", "--help"} & {*argv}:
        for kind, *_ in map(_unwrap, function.__annotations__.values()):
            if isinstance(kind, type) and is_dataclass(kind):
                _join_lines(kind)
    box = io.StringIO()
    try:
        with redirect_stderr(box):
            return tyro.cli(bind, prog=name, args=argv)
    except SystemExit as stopped:
        if not stopped.code:
            raise
    # Below its title the box has parts between rules; the first says what is wrong.
    lines = re.sub(r"\x1b\[[0-9;]*m", "", box.getvalue()).splitlines()[1:]
    inner = [line.strip("│| ") for line in lines]
    parts = "\n".join(s if s.strip("─-") else "" for s in inner).strip().split("\n\n")
    raise ValueError(f"{' '.join(parts[0].split())}; see {name} --help")


def _join_lines(kind: type) -> None:
    """Make one line of each field's docstring: tyro keeps breaks before a space."""
    for found in docstring_parser.parse_from_object(kind).params:
        field = kind.__dataclass_fields__[found.arg_name]  # type: ignore[attr-defined]
        words = (found.description or "").split()
        field.metadata = MappingProxyType({"help": " ".join(words)})


def variant(function: Callable, *, without: str = "", **defaults) -> Callable:
    """Return a function with other defaults, or without one of its parameters."""

    @functools.wraps(function)
    def other(*args, **kwargs):
        return function(*args, **kwargs)

    given = inspect.signature(function)
    parameters = [
        p.replace(default=defaults.get(name, p.default))
        for name, p in given.parameters.items()
        if name != without
    ]
    other.__signature__ = given.replace(parameters=parameters)  # type: ignore
    return other


def _check_flags(function: Callable, argv: Sequence[str]) -> None:
    """Suggest the nearest flag for one that there is not."""
    known = ["--help", *_flags(function.__annotations__)]
    for word in argv:
        flag = word.partition("=")[0].replace("_", "-")
        if flag.startswith("--") and flag not in known:
            near = difflib.get_close_matches(flag, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see --help"
            raise ValueError(f"no flag {flag}; {hint}")


def _unwrap(kind) -> tuple:
    """Return a type and what an Annotated adds to it."""
    return get_args(kind) if get_origin(kind) is Annotated else (kind,)


def _flags(annotations: dict) -> list[str]:
    """Return the flags of a function's parameters, or of a dataclass's fields."""
    found = []
    for name, kind in annotations.items():
        inner, *marks = _unwrap(kind)
        if is_dataclass(inner):
            found += _flags({f.name: f.type for f in fields(inner)})
        elif name != "return" and tyro.conf.Positional not in marks:
            flag = name.replace("_", "-")
            found += [f"--{flag}"] + [f"--no-{flag}"] * (inner is bool)
    return found
