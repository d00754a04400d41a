"""A look inside: what the layers of a model put out, and where attention goes."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vhist._modes import evaluating
from vhist._text import brief, nearest

__all__ = ["activations", "attention_maps"]


@torch.no_grad()
def activations(
    model: nn.Module, images: Tensor, names: str | Iterable[str] | None = None
) -> dict[str, Tensor]:
    """Run a model in evaluation mode and return what its layers put out.

    Parameters
    ----------
    model : nn.Module
        Any model; its mode is restored afterwards.
    images : Tensor of shape (n, 3, h, w)
        Normalised pictures, see :func:`vhist.data.normalize`.
    names : str or iterable of str, optional
        Path of a layer, as :func:`vhist.summary` shows it, or of a block; or several.
        All layers if not given, but PyTorch's attention, which puts out a pair.

    Returns
    -------
    dict of str to Tensor
        In the order of execution; of a layer that runs more than once, what it put out
        last.

    Raises
    ------
    ValueError
        If the model has no layer of that name, where the nearest one is suggested, or
        if one that is named puts out no tensor, or does not run.

    Examples
    --------
    >>> import torch
    >>> from vhist.inspect import activations
    >>> from vhist.models import alexnet_small
    >>> pictures = torch.zeros(1, 3, 64, 64)
    >>> out = activations(alexnet_small(), pictures, ["features.relu1"])
    >>> out["features.relu1"].shape
    torch.Size([1, 64, 32, 32])
    """
    modules = dict(model.named_modules())
    if isinstance(names, str):
        names = [names]
    wanted = _layers(modules) if names is None else list(names)
    for name in wanted:
        if name not in modules:
            hint = nearest(name, modules) or f"the last is {[*modules][-1]}"
            raise ValueError(f"no layer named {brief(name)}; {hint}")
    found: dict[str, Tensor] = {}

    def keep(name: str):
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                found[name] = output.detach().clone()  # the next layer may overwrite it
            elif names is not None:
                raise ValueError(f"layer {name!r} puts out no tensor to show")

        return hook

    handles = [modules[n].register_forward_hook(keep(n)) for n in wanted]
    _run(model, images, handles)
    if names is not None and (idle := [n for n in wanted if n not in found]):
        raise ValueError(f"layer {idle[0]!r} does not run")
    return found


def _run(model: nn.Module, images: Tensor, hooks: list[RemovableHandle]) -> None:
    """Run once in evaluation mode and take the hooks away, whatever happens."""
    try:
        with evaluating(model):
            model(images)
    finally:
        for hook in hooks:
            hook.remove()


def _layers(modules: dict[str, nn.Module]) -> list[str]:
    return [n for n, m in modules.items() if next(m.children(), None) is None]


@torch.no_grad()
def attention_maps(model: nn.Module, images: Tensor) -> Tensor:
    """Return the attention weights of every block of a Vision Transformer.

    Parameters
    ----------
    model : VisionTransformer
        With attention layers that have a method ``weights``.
    images : Tensor of shape (n, 3, h, w)
        Normalised pictures.

    Returns
    -------
    Tensor of shape (n, depth, heads, tokens, keys)
        ``[:, l, h, i]`` says where token i looks in head h of block l; sums to 1. Keys
        are the tokens; in a Linformer they are fewer, each a mixture of all tokens.

    Raises
    ------
    ValueError
        If the model has no such layer.
    """
    layers = [m for m in model.modules() if hasattr(m, "weights") and hasattr(m, "qkv")]
    if not layers:
        raise ValueError(f"{type(model).__name__} has no self-attention to show")
    maps: list[Tensor] = []
    handles = [
        layer.register_forward_pre_hook(
            lambda m, inputs: maps.append(m.weights(*inputs))
        )
        for layer in layers
    ]
    _run(model, images, handles)
    return torch.stack(maps, dim=1)
