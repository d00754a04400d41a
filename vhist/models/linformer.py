"""Linformer: attention whose cost grows with the number of words, not its square.

Paper
    S. Wang et al., "Linformer: Self-Attention with Linear Complexity", 2020
    (arXiv:2006.04768).
Kept
    Two learned matrices per layer, E for keys and F for values, that mix t tokens down
    to k; one pair for all heads (section 4, "headwise sharing").
Changed
    A layer of a Vision Transformer, for pictures instead of text. E and F start
    uniform within ±1/√k, as in the implementation that the article on cats and dogs
    used; its sizes are those of :func:`vhist.models.linformer`. All else is as in
    :class:`vhist.models.VisionTransformer`.
"""

from functools import partial

import torch
from torch import Tensor, nn

from vhist.models._checks import check_flags, check_sizes, is_traced
from vhist.models.vit import SelfAttention, VisionTransformer

__all__ = [
    "Linformer",
    "LinformerAttention",
    "Projection",
    "linformer",
    "linformer_small_8",
]


class Projection(nn.Module):
    """A matrix that mixes tokens: E or F of equation 7.

    A layer of its own, with an array called ``weight``, so that summaries count it.

    Parameters
    ----------
    tokens, keep : int
        Length of the list that comes in, and of the list that goes out.

    Raises
    ------
    ValueError
        For sizes below 1; in use, for a list of another length.
    """

    def __init__(self, tokens: int, keep: int) -> None:
        super().__init__()
        check_sizes(tokens=tokens, keep=keep)
        self.weight = nn.Parameter(torch.empty(keep, tokens))
        nn.init.uniform_(self.weight, -(keep**-0.5), keep**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, heads, tokens, d) to (n, heads, keep, d)."""
        if not is_traced(x) and x.shape[-2] != self.weight.shape[1]:
            raise ValueError(
                f"this layer is for {self.weight.shape[1]} tokens, got {x.shape[-2]}; "
                "E and F have a column for each, so build it for that number"
            )
        return self.weight @ x


class LinformerAttention(SelfAttention):
    """Multi-head attention to k mixtures of the tokens (section 4, equation 7).

    Parameters
    ----------
    width : int
        Length of a token.
    heads : int
        Number of heads; divides ``width``.
    tokens : int
        Number of tokens t; another number of them is an error.
    keep : int
        Number of mixtures k. It costs less than attention between all tokens if
        t > 2k. More than ``tokens`` is allowed, and was used, but never pays.
    qkv_bias : bool
        Add a bias to queries, keys and values, as ViT does.

    Raises
    ------
    TypeError
        For an argument of another type, or one of an unknown name.
    ValueError
        For sizes below 1; in use, for another number of tokens.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        tokens: int,
        *,
        keep: int = 64,
        qkv_bias: bool = True,
    ) -> None:
        check_flags(qkv_bias=qkv_bias)
        super().__init__(width, heads, tokens)
        if not qkv_bias:
            self.qkv.bias = None
        self.e = Projection(tokens, keep)
        self.f = Projection(tokens, keep)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return q of shape (n, heads, tokens, d), and k and v mixed: (.., keep, d).

        So the weights have a column for each mixture, which is of all tokens: they are
        no maps of the picture.
        """
        q, k, v = super().split(x)
        return q, self.e(k), self.f(v)


class Linformer(VisionTransformer):
    """Vision Transformer with Linformer's attention.

    As in [1]_; :ref:`the module <about-linformer>` says what was kept and what changed.

    Parameters
    ----------
    keep : int
        Number of mixtures k that keys and values are projected to.
    qkv_bias : bool
        Add a bias to queries, keys and values.
    **sizes
        Of :class:`vhist.models.VisionTransformer`, all but ``attention``.

    Raises
    ------
    TypeError
        For an argument of another type, or one of an unknown name.
    ValueError
        For ``keep`` below 1, and as :class:`vhist.models.VisionTransformer` does.

    References
    ----------
    .. [1] S. Wang et al., "Linformer: Self-Attention with Linear Complexity", 2020,
       arXiv:2006.04768.
    """

    def __init__(self, *, keep: int = 64, qkv_bias: bool = True, **sizes) -> None:
        layer = partial(LinformerAttention, keep=keep, qkv_bias=qkv_bias)
        super().__init__(attention=layer, **sizes)

    def torchvision_keys(self) -> dict[str, str]:
        """Raise TypeError: torchvision has no such network."""
        raise TypeError("Linformer has no counterpart in torchvision")


def linformer(**kwargs) -> Linformer:
    """Linformer of an article on cats and dogs: 2,851,842 parameters with 2 classes.

    50 tokens and k = 64, so its attention costs more than that between all tokens.

    Parameters
    ----------
    **kwargs
        Passed to :class:`Linformer`.
    """
    size = {
        "image_size": 224,
        "patch_size": 32,
        "width": 128,
        "depth": 12,
        "heads": 8,
        "hidden": 512,
        "keep": 64,
        "qkv_bias": False,
    }
    return Linformer(**{**size, **kwargs})


def linformer_small_8(**kwargs) -> Linformer:
    """:func:`vhist.models.vit_small_8` with 65 tokens projected to 16.

    Parameters
    ----------
    **kwargs
        Passed to :class:`Linformer`.
    """
    size = {
        "image_size": 64,
        "patch_size": 8,
        "width": 192,
        "depth": 6,
        "heads": 3,
        "hidden": 768,
        "keep": 16,
    }
    return Linformer(**{**size, **kwargs})
