"""Vision Transformer: a picture is 16x16 words.

Paper
    A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image
    Recognition at Scale", ICLR 2021 (arXiv:2010.11929).
Kept
    Linear patch embedding, class token, learned positions, pre-norm encoder with
    GELU, LayerNorm epsilon and, with the exception below, initialisation of the
    authors' code (google-research/vision_transformer); B and L are sizes of table 1.
Changed
    Queries, keys and values come from one matrix, as in torchvision, whose Xavier
    bound is smaller by a factor of √2 than that of the authors' three.
    ``pool="mean"`` averages the tokens and has no class token, ``positions="sincos"``
    has fixed two-dimensional positions: the simpler baseline of Beyer et al. 2022
    (arXiv:2205.01580). Ti/16 and S/16 are sizes of DeiT (arXiv:2012.12877).
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vhist.models._checks import (
    check_choice,
    check_dropout,
    check_images,
    check_sizes,
)

__all__ = [
    "MLP",
    "Block",
    "ScaledDotProduct",
    "SelfAttention",
    "VisionTransformer",
    "vit_b_16",
    "vit_l_16",
    "vit_s_16",
    "vit_small_8",
    "vit_ti_16",
]


class ScaledDotProduct(nn.Module):
    """softmax(q kᵀ / √d) v, a layer of its own so that summaries can count it."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mix values of shape (n, heads, tokens, d); the result has the same shape."""
        return F.scaled_dot_product_attention(q, k, v)


class SelfAttention(nn.Module):
    """Multi-head self-attention (appendix A, equations 5 to 8).

    Parameters
    ----------
    width : int
        Length of a token.
    heads : int
        Number of heads; divides ``width``.
    tokens : int
        Number of tokens. Unused here; attention of linear cost needs it.

    Raises
    ------
    ValueError
        If ``heads`` does not divide ``width``.
    """

    def __init__(self, width: int, heads: int, tokens: int = 0) -> None:
        super().__init__()
        if width % heads:
            divisors = [h for h in range(1, min(width, 64) + 1) if width % h == 0]
            raise ValueError(
                f"heads={heads} does not divide width={width}; these do: {divisors}"
            )
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.core = ScaledDotProduct()
        self.out = nn.Linear(width, width)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return q, k, v, each of shape (n, heads, tokens, width / heads)."""
        n, t, width = x.shape
        # (n, t, 3 * heads * d) -> (3, n, heads, t, d)
        shape = (n, t, 3, self.heads, width // self.heads)
        qkv = self.qkv(x).view(shape).permute(2, 0, 3, 1, 4)
        return qkv[0], qkv[1], qkv[2]

    def weights(self, x: Tensor) -> Tensor:
        """Return who looks at whom: (n, heads, tokens, tokens), each row sums to 1."""
        q, k, _ = self.split(x)
        return (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens of shape (n, tokens, width) to the same shape."""
        y = self.core(*self.split(x))
        return self.out(y.transpose(1, 2).flatten(2))  # (n, h, t, d) -> (n, t, h * d)


class MLP(nn.Sequential):
    """Two linear layers with a GELU between them (section 3.1).

    Parameters
    ----------
    width, hidden : int
        Length of a token, and of the hidden layer.
    dropout : float
        Probability of zeroing a unit after each linear layer.
    """

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.gelu = nn.GELU()
        self.drop1 = nn.Dropout(dropout)
        self.fc2 = nn.Linear(hidden, width)
        self.drop2 = nn.Dropout(dropout)


class Block(nn.Module):
    """One layer of the encoder (equations 2 and 3): norm first, then add.

    Parameters
    ----------
    attention : nn.Module
        Maps tokens of shape (n, tokens, width) to the same shape.
    width, hidden : int
        Length of a token, and of the hidden layer of the MLP.
    dropout : float
        Probability of zeroing a unit.
    """

    def __init__(
        self, attention: nn.Module, width: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = attention
        self.drop = nn.Dropout(dropout)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width, hidden, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens of shape (n, tokens, width) to the same shape."""
        x = x + self.drop(self.attention(self.norm1(x)))  # equation 2
        return x + self.mlp(self.norm2(x))  # equation 3


class VisionTransformer(nn.Module):
    """Vision Transformer.

    As in [1]_; :ref:`the module <about-vit>` says what was kept and what changed.

    Parameters
    ----------
    num_classes : int
        Length of the output.
    image_size, patch_size : int
        Height and width of the input and of a patch, in pixels.
    width, depth, heads, hidden : int
        Length of a token, number of blocks, heads per block, hidden units of the
        MLP: D, L, heads and MLP size of table 1.
    dropout : float
        Probability of zeroing a unit after the positions and after every linear layer
        except q, k, v; the paper trained ImageNet with 0.1, JFT with 0 (table 3).
    positions : {"learned", "sincos", "none"}
        A learned vector per token (paper), fixed sines and cosines of row and
        column, or nothing.
    pool : {"token", "mean"}
        Read the answer from a class token (paper) or from the mean of all patches;
        ``"mean"`` has no class token.
    attention : callable
        ``attention(width, heads, tokens)`` returns the attention layer of one block.

    Raises
    ------
    TypeError
        For an argument of another type, or one of an unknown name.
    ValueError
        For no classes, a patch that does not divide the image, heads that do not
        divide the width, or an unknown ``positions`` or ``pool``.

    References
    ----------
    .. [1] A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for
       Image Recognition at Scale", ICLR 2021, arXiv:2010.11929.
    """

    def __init__(
        self,
        *,
        num_classes: int = 10,
        image_size: int = 224,
        patch_size: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        hidden: int = 3072,
        dropout: float = 0.0,
        positions: Literal["learned", "sincos", "none"] = "learned",
        pool: Literal["token", "mean"] = "token",
        attention: Callable[[int, int, int], nn.Module] = SelfAttention,
    ) -> None:
        super().__init__()
        check_sizes(num_classes=num_classes, width=width, heads=heads, hidden=hidden)
        check_sizes(10_000, image_size=image_size, patch_size=patch_size)
        check_sizes(1000, depth=depth)
        check_dropout(dropout)
        _check_geometry(image_size, patch_size, positions, pool)
        self.image_size = image_size
        self.grid = image_size // patch_size
        tokens = self.grid**2 + (pool == "token")
        self.patches = nn.Conv2d(3, width, patch_size, patch_size)
        self.token = nn.Parameter(torch.empty(1, 1, width)) if pool == "token" else None
        self.positions: Tensor | None
        if positions == "learned":
            self.positions = nn.Parameter(torch.empty(1, tokens, width))
        elif positions == "sincos":
            table = sincos_positions(self.grid, width, token=pool == "token")
            self.register_buffer("positions", table, persistent=False)
        else:
            self.positions = None
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.Sequential(
            *(
                Block(attention(width, heads, tokens), width, hidden, dropout)
                for _ in range(depth)
            )
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, num_classes)
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Draw the weights as the authors' code does (models_vit.py).

        Patches LeCun normal, here not cut at two deviations; positions N(0, 0.02²);
        class token 0; attention (one matrix for q, k and v) and MLP Xavier uniform;
        MLP biases N(0, 1e-6²); head 0.
        """
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                if ".mlp." in name:
                    nn.init.normal_(layer.bias, std=1e-6)
                elif layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        fan_in = self.patches.weight[0].numel()
        nn.init.trunc_normal_(self.patches.weight, std=fan_in**-0.5)
        nn.init.zeros_(self.patches.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.head.weight)
        if self.token is not None:
            nn.init.zeros_(self.token)
        if isinstance(self.positions, nn.Parameter):
            nn.init.normal_(self.positions, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape (n, num_classes) for images (n, 3, size, size)."""
        check_images(x, self.image_size)
        x = self.patches(x).flatten(2).transpose(1, 2)  # (n, d, h, w) -> (n, h * w, d)
        if self.token is not None:
            x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        if self.positions is not None:
            x = x + self.positions  # equation 1
        x = self.norm(self.blocks(self.drop(x)))
        x = x[:, 0] if self.token is not None else x.mean(dim=1)  # equation 4
        return self.head(x)

    def torchvision_keys(self) -> dict[str, str]:
        """Map each key of this state dict to torchvision's.

        ``patches`` is ``conv_proj``, ``token`` is ``class_token``, ``qkv.weight`` is
        ``self_attention.in_proj_weight``; blocks are ``encoder_layer_0`` and so on.
        """
        return {key: _torchvision_key(key) for key in self.state_dict()}


def sincos_positions(grid: int, width: int, *, token: bool = False) -> Tensor:
    """Return fixed positions: sines and cosines of column and row.

    Parameters
    ----------
    grid : int
        Patches along one side.
    width : int
        Length of a token; a multiple of 4.
    token : bool
        Put a row of zeros for the class token in front.

    Returns
    -------
    Tensor of shape (1, grid² + token, width)
        A quarter each of sin x, cos x, sin y, cos y (Beyer et al. 2022).

    Raises
    ------
    ValueError
        If ``width`` is no multiple of 4.
    """
    if width % 4:
        raise ValueError(f"sincos needs a width divisible by 4, got {width}")
    omega = 10_000.0 ** -torch.linspace(0, 1, width // 4)
    y, x = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    angles = [axis.reshape(-1, 1) * omega for axis in (x, y)]
    table = torch.cat([f(a) for a in angles for f in (torch.sin, torch.cos)], dim=1)
    return F.pad(table, (0, 0, int(token), 0))[None]


def _torchvision_key(key: str) -> str:
    root = {
        "patches": "conv_proj",
        "token": "class_token",
        "positions": "encoder.pos_embedding",
        "norm": "encoder.ln",
        "head": "heads.head",
    }
    inner = {
        "norm1": "ln_1",
        "norm2": "ln_2",
        "attention.out": "self_attention.out_proj",
        "mlp.fc1": "mlp.0",
        "mlp.fc2": "mlp.3",
    }
    first, _, rest = key.partition(".")
    if first != "blocks":
        return f"{root[first]}.{rest}" if rest else root[first]
    index, _, rest = rest.partition(".")
    name, _, kind = rest.rpartition(".")
    layer = f"encoder.layers.encoder_layer_{index}"
    if name == "attention.qkv":
        return f"{layer}.self_attention.in_proj_{kind}"
    return f"{layer}.{inner[name]}.{kind}"


def _check_geometry(
    image_size: int, patch_size: int, positions: str, pool: str
) -> None:
    if image_size % patch_size:
        divisors = [p for p in range(1, image_size + 1) if image_size % p == 0]
        raise ValueError(
            f"patch_size={patch_size} does not divide image_size={image_size}; "
            f"these do: {divisors}"
        )
    check_choice("positions", positions, ("learned", "sincos", "none"))
    check_choice("pool", pool, ("token", "mean"))


def vit_ti_16(**kwargs) -> VisionTransformer:
    """ViT-Ti/16: 5,526,346 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VisionTransformer`.
    """
    size = {"width": 192, "heads": 3, "hidden": 768}
    return VisionTransformer(**{**size, **kwargs})


def vit_s_16(**kwargs) -> VisionTransformer:
    """ViT-S/16: 21,669,514 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VisionTransformer`.
    """
    size = {"width": 384, "heads": 6, "hidden": 1536}
    return VisionTransformer(**{**size, **kwargs})


def vit_b_16(**kwargs) -> VisionTransformer:
    """ViT-B/16: 85,806,346 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VisionTransformer`.
    """
    return VisionTransformer(**kwargs)


def vit_l_16(**kwargs) -> VisionTransformer:
    """ViT-L/16: 303,311,882 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VisionTransformer`.
    """
    size = {"width": 1024, "depth": 24, "heads": 16, "hidden": 4096}
    return VisionTransformer(**{**size, **kwargs})


def vit_small_8(**kwargs) -> VisionTransformer:
    """ViT for images of 64 pixels: patches of 8, six blocks of width 192.

    Small like the other ``_small`` models of vhist; ViT-S is :func:`vit_s_16`.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VisionTransformer`.
    """
    size = {
        "image_size": 64,
        "patch_size": 8,
        "width": 192,
        "depth": 6,
        "heads": 3,
        "hidden": 768,
    }
    return VisionTransformer(**{**size, **kwargs})
