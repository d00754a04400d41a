"""The one-line errors that every model gives for wrong sizes."""

from torch import Tensor


def check_classes(num_classes: int) -> None:
    """Raise ValueError unless there is at least one class."""
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, got {num_classes}")


def check_images(x: Tensor, size: int | None = None, *, at_least: int = 1) -> None:
    """Raise ValueError unless ``x`` is a batch of RGB images of the right size.

    Parameters
    ----------
    x : Tensor of shape (n, 3, h, w)
    size : int, optional
        The only height and width that fit, in pixels; any from ``at_least`` up
        if not given.
    at_least : int
        Smallest height and width, in pixels.
    """
    shape = tuple(x.shape)
    want = f"(n, 3, {size}, {size})" if size else f"(n, 3, h, w), h and w >= {at_least}"
    fits = len(shape) == 4 and shape[1] == 3
    if fits and size:
        fits = shape[2:] == (size, size)
    elif fits:
        fits = min(shape[2:]) >= at_least
    if not fits:
        hint = f"; for another size build the model with image_size={shape[-1]}"
        usable = size and len(shape) == 4 and shape[1] == 3 and shape[2] == shape[3]
        raise ValueError(
            f"expected images of shape {want}, got {shape}{hint if usable else ''}"
        )
