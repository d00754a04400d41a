"""ResNet, the network that learns what to add.

Paper
    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition",
    CVPR 2016 (arXiv:1512.03385).
Kept
    Basic and bottleneck blocks, the depths of table 1, projection shortcuts where
    the shape changes (option B), batch normalisation after each convolution, He's
    initialisation.
Changed
    Bottlenecks put their stride on the 3x3 convolution ("v1.5", torchvision) unless
    ``version="v1"``, the paper's 1x1. :func:`vhist.models.resnet34` has convolution
    biases, as the article's table counts them; the batch normalisation behind each
    one cancels it, so ``conv_bias=False`` computes the same functions with 8,512
    fewer numbers.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from vhist.models._checks import (
    check_choice,
    check_flags,
    check_images,
    check_lists,
    check_sizes,
)

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "ResNet",
    "resnet101",
    "resnet152",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet_small",
]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut around them (figure 2, figure 5 left).

    Parameters
    ----------
    channels_in, width : int
        Channels of the input, and of both convolutions.
    stride : int
        Of the first convolution, in pixels.
    conv_bias : bool
        Give the convolutions a bias.
    residual : bool
        False leaves the shortcut out: the paper's plain network.
    batch_norm : bool
        False leaves the normalisation out; the convolutions should then have a bias.
    """

    expansion = 1

    def __init__(
        self,
        channels_in: int,
        width: int,
        *,
        stride: int = 1,
        conv_bias: bool = False,
        residual: bool = True,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if batch_norm else nn.Identity
        self.conv1 = nn.Conv2d(channels_in, width, 3, stride, 1, bias=conv_bias)
        self.bn1 = norm(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=conv_bias)
        self.bn2 = norm(width)
        self.downsample = (
            _shortcut(channels_in, width, stride, conv_bias, norm) if residual else None
        )
        self.relu2 = nn.ReLU()

    def last(self) -> nn.Module:
        """Return the last layer with weights before the sum."""
        return self.conv2 if isinstance(self.bn2, nn.Identity) else self.bn2

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels_in, h, w) to (n, width, h / stride, w / stride)."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.downsample is not None:
            y = y + self.downsample(x)
        return self.relu2(y)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut around them (figure 5 right).

    Parameters
    ----------
    channels_in, width : int
        Channels of the input, and of the 3x3 convolution; the output has four times
        ``width``.
    stride : int
        Of the 3x3 convolution (``version="v1.5"``) or of the first 1x1 (``"v1"``).
    conv_bias : bool
        Give the convolutions a bias.
    residual : bool
        False leaves the shortcut out.
    batch_norm : bool
        False leaves the normalisation out.
    version : {"v1.5", "v1"}
        Where the stride is.
    """

    expansion = 4

    def __init__(
        self,
        channels_in: int,
        width: int,
        *,
        stride: int = 1,
        conv_bias: bool = False,
        residual: bool = True,
        batch_norm: bool = True,
        version: Literal["v1.5", "v1"] = "v1.5",
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if batch_norm else nn.Identity
        first, second = (stride, 1) if version == "v1" else (1, stride)
        self.conv1 = nn.Conv2d(channels_in, width, 1, first, bias=conv_bias)
        self.bn1 = norm(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, second, 1, bias=conv_bias)
        self.bn2 = norm(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=conv_bias)
        self.bn3 = norm(4 * width)
        self.downsample = (
            _shortcut(channels_in, 4 * width, stride, conv_bias, norm)
            if residual
            else None
        )
        self.relu3 = nn.ReLU()

    def last(self) -> nn.Module:
        """Return the last layer with weights before the sum."""
        return self.conv3 if isinstance(self.bn3, nn.Identity) else self.bn3

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels_in, h, w) to (n, 4 width, h / stride, w / stride)."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self.downsample is not None:
            y = y + self.downsample(x)
        return self.relu3(y)


def _shortcut(
    channels_in: int,
    channels_out: int,
    stride: int,
    bias: bool,
    norm: Callable[[int], nn.Module],
) -> nn.Sequential:
    """Return the identity (no layers) or, for a new shape, a 1x1 projection."""
    if stride == 1 and channels_in == channels_out:
        return nn.Sequential()
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, stride, bias=bias),
        norm(channels_out),
    )


class ResNet(nn.Module):
    """ResNet: a stem, stages of residual blocks, global average, one linear layer.

    As in [1]_; :ref:`the module <about-resnet>` says what was kept and what changed.

    Parameters
    ----------
    block : type
        :class:`BasicBlock` or :class:`Bottleneck`.
    blocks : tuple of int
        Blocks per stage (table 1).
    widths : tuple of int
        Width of the blocks of each stage (table 1).
    stem : tuple of 2 int
        Kernel and stride of the first convolution, in pixels.
    stem_width : int
        Channels of the first convolution.
    num_classes : int
        Length of the output.
    conv_bias : bool
        Give convolutions a bias, which the batch normalisation cancels.
    residual : bool
        False builds the paper's plain network: the same without shortcuts.
    batch_norm : bool
        False leaves the normalisation out; the convolutions then have a bias.
    version : {"v1.5", "v1"}
        Stride of a bottleneck on its 3x3 (torchvision) or its first 1x1 (paper).
    zero_init : bool
        Start each block as the identity: last batch-norm scale 0 (Goyal et al.
        2017, arXiv:1706.02677, section 5.1), or without batch norm the last filters 0.
        Ignored without shortcuts, as nothing would ever be learned.

    Raises
    ------
    TypeError
        For an argument of another type, or one of an unknown name.
    ValueError
        For no classes, or ``blocks`` and ``widths`` of different lengths.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image
       Recognition", CVPR 2016, arXiv:1512.03385.
    """

    def __init__(
        self,
        *,
        block: type[BasicBlock] | type[Bottleneck] = BasicBlock,
        blocks: tuple[int, ...] = (3, 4, 6, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512),
        stem: tuple[int, int] = (7, 2),
        stem_width: int = 64,
        num_classes: int = 10,
        conv_bias: bool = False,
        residual: bool = True,
        batch_norm: bool = True,
        version: Literal["v1.5", "v1"] = "v1.5",
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        check_lists(widths=widths)
        check_lists(1000, blocks=blocks, stem=stem)
        check_sizes(num_classes=num_classes, stem_width=stem_width)
        check_flags(conv_bias=conv_bias, residual=residual, zero_init=zero_init)
        check_flags(batch_norm=batch_norm)
        conv_bias = conv_bias or not batch_norm
        _check_stages(blocks, widths, version)
        if len(stem) != 2:
            raise ValueError(f"stem needs a kernel and a stride, got {stem}")
        kernel, stride = stem
        self.conv1 = nn.Conv2d(
            3, stem_width, kernel, stride, kernel // 2, bias=conv_bias
        )
        self.bn1 = nn.BatchNorm2d(stem_width) if batch_norm else nn.Identity()
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        options = {"conv_bias": conv_bias, "residual": residual}
        options["batch_norm"] = batch_norm
        if issubclass(block, Bottleneck):
            options["version"] = version  # type: ignore[assignment]
        channels, stages = stem_width, []
        for i, (count, width) in enumerate(zip(blocks, widths, strict=True)):
            strides = [1 if i == 0 else 2] + [1] * (count - 1)
            layers = []
            for s in strides:
                layers.append(block(channels, width, stride=s, **options))  # type: ignore[arg-type]
                channels = width * block.expansion
            stages.append((f"layer{i + 1}", nn.Sequential(*layers)))
        self.stages = nn.Sequential(OrderedDict(stages))
        self.fc = nn.Linear(channels, num_classes)
        # Without a shortcut, a branch that begins at zero lets no gradient through.
        self.init_weights(zero_init=zero_init and residual)

    @torch.no_grad()
    def init_weights(self, *, zero_init: bool = False) -> None:
        """Draw convolutions from N(0, 2 / fan_in); batch norm starts as identity.

        He et al. 2015 (arXiv:1502.01852), equation 10, cited in section 3.4. The
        linear layer starts from N(0, 0.01²).
        """
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
            elif isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()
        for block in self.modules():
            if zero_init and isinstance(block, BasicBlock | Bottleneck):
                nn.init.zeros_(block.last().weight)  # type: ignore[arg-type]
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape (n, num_classes) for images (n, 3, h, w)."""
        check_images(x, at_least=32)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.stages(x)
        return self.fc(x.mean(dim=(2, 3)))  # (n, c, h, w) -> (n, c)

    def torchvision_keys(self) -> dict[str, str]:
        """Map each key of this state dict to torchvision's: no ``stages.`` there.

        Raises
        ------
        TypeError
            For bottlenecks of version v1: torchvision's have the same names, and would
            compute something else.
        """
        blocks = [m for m in self.modules() if isinstance(m, Bottleneck)]
        if any(block.conv1.stride != (1, 1) for block in blocks):
            raise TypeError("torchvision's bottlenecks are of version='v1.5'")
        return {key: key.removeprefix("stages.") for key in self.state_dict()}


def _check_stages(
    blocks: tuple[int, ...], widths: tuple[int, ...], version: str
) -> None:
    if len(blocks) != len(widths):
        raise ValueError(
            f"blocks and widths need one number per stage, got {blocks} and {widths}"
        )
    if len(blocks) > 16:
        raise ValueError(f"at most 16 stages, got {len(blocks)}")
    check_choice("version", version, ("v1", "v1.5"))


def resnet18(**kwargs) -> ResNet:
    """ResNet-18: 11,181,642 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`ResNet`.
    """
    return ResNet(**{"blocks": (2, 2, 2, 2), **kwargs})


def resnet34(**kwargs) -> ResNet:
    """ResNet-34 as the article counts it: 21,298,314 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`ResNet`; ``conv_bias=False`` is the canonical network, with
        21,289,802 parameters.
    """
    return ResNet(**{"conv_bias": True, **kwargs})


def resnet50(**kwargs) -> ResNet:
    """ResNet-50: 23,528,522 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`ResNet`.
    """
    return ResNet(**{"block": Bottleneck, "blocks": (3, 4, 6, 3), **kwargs})


def resnet101(**kwargs) -> ResNet:
    """ResNet-101: 42,520,650 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`ResNet`.
    """
    return ResNet(**{"block": Bottleneck, "blocks": (3, 4, 23, 3), **kwargs})


def resnet152(**kwargs) -> ResNet:
    """ResNet-152: 58,164,298 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`ResNet`.
    """
    return ResNet(**{"block": Bottleneck, "blocks": (3, 8, 36, 3), **kwargs})


def resnet_small(**kwargs) -> ResNet:
    """ResNet for images of 64 pixels: a 3x3 stem and three stages of two blocks.

    Parameters
    ----------
    **kwargs
        Passed to :class:`ResNet`; ``zero_init`` is on.
    """
    small = {"blocks": (2, 2, 2), "widths": (64, 128, 256), "stem": (3, 2)}
    return ResNet(**{**small, "stem_width": 64, "zero_init": True, **kwargs})
