"""Trained weights to start from: torchvision's, or those of a run of one's own.

The recipe is that of the Vision Transformer's paper (Dosovitskiy et al. 2021,
arXiv:2010.11929, section 3.2): the body is kept, the head is new and zero, and for
pictures of another size the position embeddings are interpolated in two dimensions.
"""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from zipfile import is_zipfile

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from vhist._checks import check_file
from vhist._text import brief, first_line
from vhist.files import read_whole

__all__ = [
    "check_published",
    "fitted",
    "head",
    "interpolate_positions",
    "load_weights",
    "read_weights",
]


def read_weights(weights: str | Path, model: str) -> dict[str, Tensor]:
    """Read the weights of a model, without trusting the file: no code in it is run.

    Parameters
    ----------
    weights : {"imagenet"} or path
        What torchvision published first for this model, trained on the 1,000 classes
        of ImageNet and kept in PyTorch's cache; or a file, of a run of vhist (.pt, or
        .ckpt before it has ended) or of the same model in torchvision (.pth).
    model : str
        Builder's name.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or it cannot be downloaded; says what to do by hand.
    OSError
        If it cannot be read.
    TypeError
        If it is no path.
    ValueError
        If the file holds no weights, or torchvision has none for this model.
    """
    if not isinstance(weights, str | Path):
        raise TypeError(
            f"weights must be a path or 'imagenet', got a {type(weights).__name__}: a "
            "state dict goes to load_weights"
        )
    if weights == "imagenet":
        return _download(model)
    path = Path(weights)
    if not path.exists():
        raise FileNotFoundError(
            f"no weights {path}; name a file (.pt, .ckpt, .pth), 'imagenet' or, with "
            "--weights, a run in --out"
        )
    check_file(path)
    path.open("rb").close()  # the system's own errors are raised here
    state = read_whole(path, "file of weights") if is_zipfile(path) else _read_old(path)
    # Of a run that has not ended, and what others call it.
    for key in ("model", "model_state_dict", "state_dict"):
        if isinstance(state.get(key), Mapping):
            state = dict(state[key])
    arrays = (isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items())
    if not state or not all(arrays):
        holds = f": it holds {brief([*state])}" if state else ""
        raise ValueError(f"{path} is no file of weights{holds}")
    return state


def _read_old(path: Path) -> dict:
    """Read the format that PyTorch wrote until 2020, as for VGG of 2017."""
    try:
        with warnings.catch_warnings(action="ignore"):
            state = torch.load(path, map_location="cpu", weights_only=True)
        return dict(state)
    except Exception as error:  # PyTorch raises whatever a broken file provokes
        raise ValueError(f"{path} is damaged or no file of weights") from error


def check_published(network: nn.Module, model: str) -> None:
    """Raise ValueError unless torchvision has weights that fit; download nothing.

    Parameters
    ----------
    network : nn.Module
        On any device, also PyTorch's meta device.
    model : str
        Its builder's name.
    """
    from torchvision import models

    _published(model)
    with torch.device("meta"):
        state = models.get_model(model, weights=None).state_dict()
    _matched(network, _renamed(network, state), new_head=True)


def _published(model: str):
    """Return what torchvision knows of its first weights; ValueError if it has none."""
    from torchvision import models

    # Its AlexNet is the later one of one column, with other layers.
    if model == "alexnet" or model not in models.list_models(module=models):
        raise ValueError(
            f"torchvision has no weights for {model}; it has for vgg16, resnet34, "
            "vit_b_16 and others of their kind"
        )
    return models.get_model_weights(model)["IMAGENET1K_V1"]


def _download(model: str) -> dict[str, Tensor]:
    """Fetch torchvision's weights, or take them from PyTorch's cache."""
    found = _published(model)
    kept = Path(torch.hub.get_dir()) / "checkpoints" / Path(found.url).name
    begun = kept.exists()
    try:
        with warnings.catch_warnings(action="ignore"):
            state = found.get_state_dict(
                progress=False, check_hash=True, weights_only=True
            )
        return dict(state)
    except Exception as error:  # of the network, or of whatever lies in the cache
        if begun:
            raise ValueError(
                f"{kept} is damaged or no file of weights; delete it and try again"
            ) from error
        raise FileNotFoundError(
            f"could not download the weights of {model} ({first_line(error)}); fetch "
            f"{found.url} elsewhere and give the path of that file instead of "
            "'imagenet'"
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
    TypeError
        If the weights are no mapping, such as the path of a file.
    ValueError
        If they are of another model; nothing is copied.
    """
    model.load_state_dict(fitted(model, state, new_head=new_head))


def fitted(
    model: nn.Module, state: Mapping[str, Tensor], *, new_head: bool = False
) -> dict[str, Tensor]:
    """Return the weights as :func:`load_weights` copies them into a model.

    Takes and raises the same; the model may be on PyTorch's meta device, without
    numbers of its own.
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            f"weights must be a mapping of names to tensors, got {brief(state)}: a "
            "file is read by read_weights"
        )
    own, found = model.state_dict(), _renamed(model, state)
    for key in found.keys() & own.keys():
        if own[key].is_floating_point():
            found[key] = _floats(key, found[key])
    return _matched(model, found, new_head=new_head)


def _matched(
    model: nn.Module, found: dict[str, Tensor], *, new_head: bool
) -> dict[str, Tensor]:
    """Fit head and positions to a model; raise ValueError if any array differs."""
    own, last = model.state_dict(), head(model)[0]
    ours = [key for key in own if key.startswith(f"{last}.")]
    if new_head or _shapes(found, ours) != _shapes(own, ours):
        found |= {key: torch.zeros(own[key].shape) for key in ours}
    if "positions" in found and "positions" in own:
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
    return found


def _renamed(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with the names of vhist, if theirs are those of torchvision.

    What torch.compile and DistributedDataParallel put before a name is taken away.
    """
    found = dict(state)
    for prefix in ("module.", "_orig_mod.", "module."):  # either may be the outer
        consume_prefix_in_state_dict_if_present(found, prefix)
    try:
        # not every nn.Module has the method; what has none is caught below
        names: dict[str, str] = model.torchvision_keys()  # type: ignore[operator]
    except (AttributeError, KeyError, TypeError):  # torchvision has no such model
        return found
    plain = found
    # The published ViTs are older than the present names of their MLPs.
    old = {"mlp.linear_1.": "mlp.0.", "mlp.linear_2.": "mlp.3."}
    for before, after in old.items():
        found = {key.replace(before, after): value for key, value in found.items()}
    # Files of before 2018 do not count batches, which nothing here needs.
    counts = {
        theirs for theirs in names.values() if theirs.endswith("_batches_tracked")
    }
    if set(found) | counts != set(names.values()):
        return plain
    none = torch.tensor(0)
    return {key: found.get(theirs, none) for key, theirs in names.items()}


def _floats(key: str, value: Tensor) -> Tensor:
    """Return numbers as float32; raise ValueError if they could be no weights."""
    real = value.is_floating_point() and value.layout == torch.strided
    # A small file can claim a huge array: one number, repeated.
    real = real and value.nbytes <= value.untyped_storage().nbytes()
    if not real or value.is_meta or not value.isfinite().all():
        raise ValueError(
            f"{key} of the weights is no plain array of finite numbers "
            f"({value.dtype}, {value.layout}, {value.device})"
        )
    return value.float()


def head(model: nn.Module) -> tuple[str, nn.Linear]:
    """Return the name and the layer that turns features into logits.

    It is the last linear layer that the model declares.

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
        The number wanted: also a square, or one more.

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
    if positions.ndim != 3:
        raise ValueError(
            f"positions have shape (1, n, width), got {tuple(positions.shape)}"
        )
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
    # With antialias, PyTorch's cubic kernel has a = -0.5 and reproduces a linear ramp;
    # without, its a = -0.75 does not.
    grid = F.interpolate(grid, (new, new), mode="bicubic", antialias=True)
    return torch.cat([token, grid.flatten(2).transpose(1, 2)], dim=1)


def _shapes(state: Mapping[str, Tensor], keys: list[str]) -> list:
    return [state[key].shape if key in state else None for key in keys]
