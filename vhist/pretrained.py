"""Trained weights to start from: torchvision's, or those of a run of one's own.

The recipe is that of the Vision Transformer's paper (Dosovitskiy et al. 2021,
arXiv:2010.11929, section 3.2): the body is kept, the head is new and zero, and for
pictures of another size the position embeddings are interpolated in two dimensions.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vhist.checkpoint import read_whole

__all__ = ["head", "interpolate_positions", "load_weights", "read_weights"]


def read_weights(weights: str | Path, model: str) -> dict[str, Tensor]:
    """Read the weights of a model, without trusting the file: no code in it is run.

    Parameters
    ----------
    weights : {"imagenet"} or path
        What torchvision published first for this model, trained on the 1,000 classes
        of ImageNet and kept in PyTorch's cache; or a file, of a run of vhist (.pt) or
        of the same model in torchvision (.pth).
    model : str
        Builder's name.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or it cannot be downloaded; says what to do by hand.
    ValueError
        If the file holds no weights, or torchvision has none for this model.
    """
    if weights == "imagenet":
        return _download(model)
    path = Path(weights)
    if not path.exists():
        raise FileNotFoundError(
            f"no weights {path}; name a file (.pt, .pth), a run, or 'imagenet'"
        )
    state = read_whole(path, "file of weights")
    if not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{path} is no file of weights")
    return state


def _download(model: str) -> dict[str, Tensor]:
    """Fetch torchvision's weights, or take them from PyTorch's cache."""
    from torchvision import models

    # Its AlexNet is the later one of one column, with other layers.
    if model == "alexnet" or model not in models.list_models(module=models):
        raise ValueError(
            f"torchvision has no weights for {model}; it has for vgg16, resnet34, "
            "vit_b_16 and others of their kind"
        )
    found = models.get_model_weights(model)["IMAGENET1K_V1"]
    try:
        return dict(found.get_state_dict(progress=False, check_hash=True))
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileNotFoundError(
            f"could not download the weights of {model} ({reason}); fetch {found.url} "
            "elsewhere and give the path of that file instead of 'imagenet'"
        ) from error


def load_weights(
    model: nn.Module, state: Mapping[str, Tensor], *, new_head: bool = False
) -> None:
    """Copy weights into a model, except for a head that does not fit.

    Parameters
    ----------
    model : nn.Module
        One of vhist's. For torchvision's weights a ResNet needs ``conv_bias=False``.
    state : mapping of str to Tensor
        From :func:`read_weights`, with the names of vhist or of torchvision. Position
        embeddings for another number of patches are interpolated.
    new_head : bool
        Begin with a head of zeros even if the shape of the old one fits, as for other
        classes. One of another shape is always new.

    Raises
    ------
    ValueError
        If they are of another model; nothing is copied.
    """
    own, found = model.state_dict(), dict(state)
    if hasattr(model, "torchvision_keys"):
        keys: dict[str, str] = model.torchvision_keys()  # type: ignore[operator]
        if set(found) == set(keys.values()):
            found = {key: found[theirs] for key, theirs in keys.items()}
    last, _ = head(model)
    ours = [key for key in own if key.startswith(f"{last}.")]
    if new_head or _shapes(found, ours) != _shapes(own, ours):
        found |= {key: torch.zeros_like(own[key]) for key in ours}
    if {"positions"} <= found.keys() & own.keys():
        tokens = own["positions"].shape[1]
        found["positions"] = interpolate_positions(found["positions"], tokens)
    here, there = (
        {key: tuple(value.shape) for key, value in arrays.items()}
        for arrays in (own, found)
    )
    wrong = [k for k in {**here, **there} if here.get(k) != there.get(k)]
    if wrong:
        first = wrong[0]
        raise ValueError(
            f"the weights do not fit {type(model).__name__}: {len(wrong)} arrays "
            f"differ, the first is {first}, {there.get(first, 'missing')} in the "
            f"weights and {here.get(first, 'missing')} in the model; build it with "
            "the options that they were trained with"
        )
    model.load_state_dict(found)


def head(model: nn.Module) -> tuple[str, nn.Linear]:
    """Return the name and the layer that turns features into logits, the last linear.

    Raises
    ------
    ValueError
        If the model has no linear layer.
    """
    linear = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise ValueError(f"{type(model).__name__} has no linear layer to be its head")
    return linear[-1]


def interpolate_positions(positions: Tensor, tokens: int) -> Tensor:
    """Resample position embeddings to another grid of patches, bicubically.

    "2D interpolation of the pre-trained position embeddings, according to their
    location in the original image" [1]_. That of a class token stays as it is.

    Parameters
    ----------
    positions : Tensor of shape (1, n, width)
        n is the square of a whole number, or one more with a class token.
    tokens : int
        As many are wanted: a square too, or one more.

    Returns
    -------
    Tensor of shape (1, tokens, width)

    Raises
    ------
    ValueError
        If one of the two has a class token and the other none, or is no square.

    References
    ----------
    .. [1] A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for
       Image Recognition at Scale", ICLR 2021, arXiv:2010.11929, section 3.2.
    """
    n = positions.shape[1]
    if n == tokens:
        return positions
    old, new = math.isqrt(n), math.isqrt(tokens)
    extra = n - old**2
    if extra > 1 or tokens - new**2 != extra:
        raise ValueError(
            f"cannot interpolate {n} positions to {tokens}: each must be the square "
            "of a number of patches, or one more for a class token, both alike"
        )
    token, grid = positions[:, :extra], positions[:, extra:]
    grid = grid.transpose(1, 2).unflatten(2, (old, old))  # (1, n, w) -> (1, w, g, g)
    # Not for its smoothing alone: this kernel repeats a linear course, the other not.
    grid = F.interpolate(grid, (new, new), mode="bicubic", antialias=True)
    return torch.cat([token, grid.flatten(2).transpose(1, 2)], dim=1)


def _shapes(state: Mapping[str, Tensor], keys: list[str]) -> list:
    return [state[key].shape if key in state else None for key in keys]
