"""The one-line errors that every model gives for wrong sizes."""

from collections.abc import Iterable, Sequence

import torch.fx
from torch import Tensor

from vhist._checks import fits
from vhist._text import brief


def check_sizes(most: int = 100_000, **sizes: int) -> None:
    """Raise unless each size is a whole number in a sensible range.

    Parameters
    ----------
    most : int
        The largest that is allowed; far beyond any use.
    **sizes
        By name, for the message.

    Raises
    ------
    TypeError
        If one is no whole number.
    ValueError
        If one is below 1 or above ``most``.
    """
    for name, value in sizes.items():
        if not fits(value, int):
            raise TypeError(f"{name} must be a whole number, got {brief(value)}")
        _check_range(name, value, value, value, most)


def check_lists(most: int = 100_000, **lists: Sequence[int]) -> None:
    """Raise unless each is a list or tuple of sizes; see :func:`check_sizes`."""
    for name, value in lists.items():
        if not (isinstance(value, tuple | list) and fits(list(value), list[int])):
            raise TypeError(
                f"{name} must be a list of whole numbers, got {brief(value)}"
            )
        least = min(value, default=0)
        _check_range(name, value, least, max(value, default=0), most)


def _check_range(name: str, value: object, least: int, largest: int, most: int) -> None:
    if least < 1:
        raise ValueError(f"{name} must be at least 1, got {brief(value)}")
    if largest > most:
        raise ValueError(f"{name} must be at most {most:,}, got {brief(value)}")


def check_flags(**flags: bool) -> None:
    """Raise TypeError unless each is True or False: any other text would be true."""
    for name, value in flags.items():
        if not fits(value, bool):
            raise TypeError(f"{name} must be True or False, got {brief(value)}")


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise ValueError unless it is one of a few words."""
    if not isinstance(value, str) or value not in list(choices):
        words = " or ".join(map(repr, choices))
        raise ValueError(f"{name} is {words}, got {brief(value)}")


def check_dropout(dropout: float) -> None:
    """Raise unless it is a probability."""
    if not fits(dropout, float):
        raise TypeError(f"dropout must be a number, got {brief(dropout)}")
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout must be in [0, 1], got {brief(dropout)}")


def is_traced(x: Tensor) -> bool:
    """Return whether torch.fx writes down what is done to ``x``, without any numbers.

    As torchvision's ``create_feature_extractor`` does. Sizes are not known then.
    """
    return isinstance(x, torch.fx.Proxy)


def check_images(x: Tensor, size: int | None = None, *, at_least: int = 1) -> None:
    """Raise unless ``x`` is a batch of RGB images of the right size and type.

    Parameters
    ----------
    x : Tensor of shape (n, 3, h, w)
    size : int, optional
        The only height and width that fit, in pixels; any from ``at_least`` up
        if not given.
    at_least : int
        Smallest height and width, in pixels.
    """
    if is_traced(x):
        return
    if not x.is_floating_point():
        raise TypeError(f"expected numbers from vhist.data.normalize, got {x.dtype}")
    shape = tuple(x.shape)
    want = f"(n, 3, {size}, {size})" if size else f"(n, 3, h, w), h and w >= {at_least}"
    good = len(shape) == 4 and shape[1] == 3
    if good and size:
        good = shape[2:] == (size, size)
    elif good:
        good = min(shape[2:]) >= at_least
    if not good:
        hint = f"; for another size build the model with image_size={shape[-1]}"
        usable = size and len(shape) == 4 and shape[1] == 3 and shape[2] == shape[3]
        raise ValueError(
            f"expected images of shape {want}, got {shape}{hint if usable else ''}"
        )
