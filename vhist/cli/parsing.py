"""From the words of a command line to the call of a function, by tyro."""

import functools
import inspect
import io
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import fields, is_dataclass
from itertools import pairwise, takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin

import docstring_parser
import tyro

from vhist._checks import check_known
from vhist._text import nearest
from vhist.folders import expand_user
from vhist.recipe import FAMILIES, OPTIMIZERS, recipe_for

__all__ = ["parse_call", "parse_options", "parse_train", "variant"]

_PYTHON = {"None": "null", "True": "true", "False": "false"}  # in JSON


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
        If they are not a valid call; tyro's boxed message becomes one line.
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
    words = _loose(function, argv)
    guess = "resnet_small"
    if words and argv[0] == words[0]:
        check_known("model", guess := words[0], _models(), "vhist models")
    elif words:  # behind flags, some of which take many words
        guess = next((w for w in words if w in _models()), guess)
    recipe = recipe_for(guess, family, optimizer)
    call = _bind(variant(function, recipe=recipe), name, argv)
    model = call.keywords["model"]
    check_known("model", model, _models(), "vhist models")
    ours = recipe_for(model, family, optimizer)
    if ours != recipe:
        call = _bind(variant(function, recipe=ours), name, argv)
    return call


def parse_options(words: Sequence[str]) -> dict[str, object]:
    """Return options of a builder, of pairs KEY=VALUE: values are JSON, or else text.

    Raises
    ------
    ValueError
        If one is no pair, or is set by another flag.
    """
    options: dict[str, object] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not (equals and key.isidentifier()):
            raise ValueError(f"--model-options takes pairs KEY=VALUE, got {word!r}")
        if key in ("num_classes", "image_size"):
            raise ValueError(
                f"{key} is no model option: the classes are those of the data, the "
                "size is --image-size"
            )
        if key == "weights":
            raise ValueError("weights is no model option: use --weights")
        options[key] = text
        for read in (float, json.loads):  # 0.5 is .5, too; JSON knows whole numbers
            with suppress(ValueError):
                options[key] = read(_PYTHON.get(text, text))
        number = options[key]
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"--model-options {key} must be finite, got {text}")
    return options


def _named(argv: Sequence[str], flag: str, choices: Collection[str]) -> str | None:
    """Return what a flag asks for; a wrong choice is left for tyro to refuse."""
    words = [w for word in argv for w in word.split("=", 1)]
    named = [b for a, b in pairwise(words) if a == flag]
    return named[-1] if named and named[-1] in choices else None


def _models() -> list[str]:
    from vhist.models import list_models  # imports PyTorch, which --help does without

    return list_models()


def _loose(function: Callable, argv: Sequence[str]) -> list[str]:
    """Return the words that are no flags, nor the first value of one."""
    kinds = _flags(function.__annotations__)
    takes = {flag for flag, kind in kinds.items() if kind is not bool}
    return [
        word
        for before, word in pairwise(["", *argv])
        if not word.startswith("-") and ("=" in before or _flag(before) not in takes)
    ]


def _bind(function: Callable, name: str, argv: Sequence[str]) -> functools.partial:
    @functools.wraps(function)
    def bind(*args, **kwargs) -> functools.partial:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        for key, value in given.items():
            if isinstance(value, Path):  # of --out=~/x no shell expands the ~
                given[key] = expand_user(value, f"give {key} without ~")
        return functools.partial(function, **given)

    if {"-h", "--help"} & {*argv}:
        for kind, *_ in map(_unwrap, function.__annotations__.values()):
            if isinstance(kind, type) and is_dataclass(kind):
                _join_lines(kind)
    box = io.StringIO()
    if shutil.get_terminal_size().columns < 40:  # tyro wraps below 5 for ever
        os.environ["COLUMNS"] = "40"
    try:
        with redirect_stderr(box):
            return tyro.cli(bind, prog=name, args=_spelled(function, argv))
    except SystemExit as stopped:
        if not stopped.code:
            raise
    # Below its title the box has parts between rules; the first says what is wrong.
    lines = re.sub(r"\x1b\[[0-9;]*m", "", box.getvalue()).splitlines()[1:]
    inner = [line.strip("│| ") for line in lines]
    parts = "\n".join(s if s.strip("─-") else "" for s in inner).strip().split("\n\n")
    raise ValueError(f"{' '.join(parts[0].split())}; see {name} --help")


def _join_lines(kind: Any) -> None:
    """Make one line of each field's docstring: tyro keeps breaks before a space."""
    own = {field.name: field for field in fields(kind)}
    for found in docstring_parser.parse_from_object(kind).params:
        field = own[found.arg_name]
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
    """Suggest the nearest flag for one that does not exist."""
    known = ["--help", *_flags(function.__annotations__)]
    for word in takewhile(lambda word: word != "--", argv):
        flag = _flag(word)
        if flag.startswith("--") and flag not in known:
            raise ValueError(f"no flag {flag}; {nearest(flag, known) or 'see --help'}")


def _spelled(function: Callable, argv: Sequence[str]) -> list[str]:
    """Write None as tyro wants it, where a flag takes a number or none."""
    kinds, words, number = _flags(function.__annotations__), [], False
    for word in argv:
        if word.startswith("--"):
            number = kinds.get(_flag(word)) in (int | None, float | None)
        none = number and word.lower().rpartition("=")[2] == "none"
        words.append(f"{word[:-4]}None" if none else word)
    return words


def _flag(word: str) -> str:
    """Return the flag that a word begins with, as --help writes it."""
    return word.partition("=")[0].replace("_", "-")


def _unwrap(kind) -> tuple:
    """Return a type and what an Annotated adds to it."""
    return get_args(kind) if get_origin(kind) is Annotated else (kind,)


def _flags(annotations: dict) -> dict[str, Any]:
    """Return the flags of a function's parameters, or of a dataclass's fields.

    Each with its type; those of type bool take no value.
    """
    found: dict[str, Any] = {}
    for name, kind in annotations.items():
        inner, *marks = _unwrap(kind)
        if is_dataclass(inner):
            found |= _flags({f.name: f.type for f in fields(inner)})
        elif name != "return" and tyro.conf.Positional not in marks:
            flag = name.replace("_", "-")
            found |= {f"--{flag}": inner}
            found |= {f"--no-{flag}": inner} if inner is bool else {}
    return found
