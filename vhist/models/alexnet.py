"""AlexNet, the network that won ILSVRC-2012.

Paper
    A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NIPS 2012.
Kept
    Five convolutions and three fully connected layers, ReLU, local response
    normalisation, overlapping pooling, dropout, the paper's initialisation.
Changed
    One device: ``groups=2`` gives the wiring of the two GPUs, the default has none
    of their gaps. Inputs have 227 pixels, because PyTorch rounds output sizes down
    where the code of 2012 rounded up from 224. Dropout stands before the hidden
    layers, not after them, unless ``dropout_position="after"``.
"""

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vhist._checks import fits
from vhist._text import brief
from vhist.models._checks import (
    check_choice,
    check_dropout,
    check_images,
    check_lists,
    check_sizes,
    is_traced,
)

__all__ = ["AlexNet", "LocalResponseNorm", "alexnet", "alexnet_small"]

_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class _NeighbourSum(torch.autograd.Function):
    """Sum over ``size`` neighbouring channels.

    Channel i counts in the sum of j as j does in that of i, so the gradient is the same
    sum. Autograd does not know that and pays for each slice with a map of zeros.
    """

    generate_vmap_rule = True  # for torch.func

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.size = inputs[1]

    @staticmethod
    def forward(x: Tensor, size: int) -> Tensor:
        half, channels = size // 2, x.shape[1]
        padded = F.pad(x, (0, 0, 0, 0, half, half))
        total = padded[:, :channels].clone()
        for i in range(1, size):
            total += padded[:, i : i + channels]
        return total

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return _NeighbourSum.apply(grad, ctx.size), None

    @staticmethod
    def jvp(ctx, tangent: Tensor, _: None) -> Tensor:
        return _NeighbourSum.apply(tangent, ctx.size)


class LocalResponseNorm(nn.LocalResponseNorm):
    """Divide each channel by the activity of its neighbours (section 3.3).

    The function of :class:`torch.nn.LocalResponseNorm` with the paper's beta of 3/4,
    for which two square roots replace a power: less than half the time on a CPU.

    Parameters
    ----------
    size : int
        Neighbouring channels, n; odd.
    alpha, k : float
        Strength, divided by n, and offset.

    Raises
    ------
    ValueError
        If ``size`` is even.
    """

    def __init__(self, size: int, alpha: float, k: float) -> None:
        if size % 2 == 0:  # the gradient would need the neighbours of the other side
            raise ValueError(f"size must be odd, got {size}")
        super().__init__(size, alpha, beta=0.75, k=k)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to x / (k + alpha / size * sum of squares) ** 0.75."""
        # The compiler derives its own backward pass, and would stop at a custom one.
        plain = torch.compiler.is_compiling() or is_traced(x)
        neighbours = _NeighbourSum.forward if plain else _NeighbourSum.apply
        total = neighbours(x * x, self.size)
        root = (self.k + self.alpha / self.size * total).rsqrt()
        return x * root * root.sqrt()


class AlexNet(nn.Module):
    """AlexNet: five convolutions, three fully connected layers.

    As in [1]_; :ref:`the module <about-alexnet>` says what was kept and what changed.

    Parameters
    ----------
    num_classes : int
        Length of the output.
    image_size : int
        Height and width of the input, in pixels.
    widths : tuple of 5 int
        Channels after each convolution (section 3.5).
    stem : tuple of 3 int
        Kernel, stride and padding of the first convolution, in pixels.
    hidden : int
        Width of the two hidden fully connected layers.
    groups : int
        2 separates convolutions 2, 4 and 5 into the halves that lived on two GPUs
        (section 3.2, figure 2); a divisor of all widths.
    activation : {"relu", "tanh", "sigmoid"}
        Nonlinearity after each hidden layer: the paper's, the one that it replaced,
        and the one before that (section 3.1). Layers keep their names, ``relu1`` etc.
    lrn_alpha : float or None
        Strength of local response normalisation; None leaves the layers out.
        PyTorch divides it by the five channels, as the code of 2012 did, so 1e-4
        behaves like that code and 5e-4 like the printed formula (section 3.3).
    dropout : float
        Probability of zeroing a unit around the hidden layers (section 4.2).
    dropout_position : {"before", "after"}
        Before each hidden layer (here, torchvision), or after it (paper).

    Raises
    ------
    TypeError
        For an argument of another type, or one of an unknown name.
    ValueError
        For no classes, an image too small for three poolings, or ``groups`` that
        does not divide the widths.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with
       Deep Convolutional Neural Networks", NIPS 2012.

    Examples
    --------
    >>> import torch
    >>> from vhist.models import alexnet
    >>> alexnet()(torch.zeros(1, 3, 227, 227)).shape
    torch.Size([1, 10])
    """

    def __init__(
        self,
        *,
        num_classes: int = 10,
        image_size: int = 227,
        widths: tuple[int, ...] = (96, 256, 384, 384, 256),
        stem: tuple[int, int, int] = (11, 4, 0),
        hidden: int = 4096,
        groups: int = 1,
        activation: Literal["relu", "tanh", "sigmoid"] = "relu",
        lrn_alpha: float | None = 1e-4,
        dropout: float = 0.5,
        dropout_position: Literal["before", "after"] = "before",
    ) -> None:
        super().__init__()
        check_lists(widths=widths)
        check_sizes(num_classes=num_classes, hidden=hidden)
        check_sizes(10_000, image_size=image_size, groups=groups)
        check_dropout(dropout)
        _check_stem(stem)
        if not fits(lrn_alpha, float | None):
            raise TypeError(
                f"lrn_alpha must be a number or None, got {brief(lrn_alpha)}"
            )
        _check_groups(groups, widths)
        check_choice("dropout_position", dropout_position, ("before", "after"))
        check_choice("activation", activation, _ACTIVATIONS)
        self.image_size = image_size
        act = _ACTIVATIONS[activation]
        c1, c2, c3, c4, c5 = widths
        kernel, stride, padding = stem
        layers: list[tuple[str, nn.Module]] = [
            ("conv1", nn.Conv2d(3, c1, kernel, stride, padding)),
            ("relu1", act()),
            ("norm1", _lrn(lrn_alpha)),
            ("pool1", nn.MaxPool2d(3, 2)),
            ("conv2", nn.Conv2d(c1, c2, 5, padding=2, groups=groups)),
            ("relu2", act()),
            ("norm2", _lrn(lrn_alpha)),
            ("pool2", nn.MaxPool2d(3, 2)),
            ("conv3", nn.Conv2d(c2, c3, 3, padding=1)),
            ("relu3", act()),
            ("conv4", nn.Conv2d(c3, c4, 3, padding=1, groups=groups)),
            ("relu4", act()),
            ("conv5", nn.Conv2d(c4, c5, 3, padding=1, groups=groups)),
            ("relu5", act()),
            ("pool5", nn.MaxPool2d(3, 2)),
        ]
        kept = [(n, m) for n, m in layers if not isinstance(m, nn.Identity)]
        self.features = nn.Sequential(OrderedDict(kept))
        side = _feature_side(image_size, stem)
        head: list[tuple[str, nn.Module]] = [
            ("drop6", nn.Dropout(dropout)),
            ("fc6", nn.Linear(c5 * side * side, hidden)),
            ("relu6", act()),
            ("drop7", nn.Dropout(dropout)),
            ("fc7", nn.Linear(hidden, hidden)),
            ("relu7", act()),
            ("fc8", nn.Linear(hidden, num_classes)),
        ]
        if dropout_position == "after":
            head = [head[i] for i in (1, 2, 0, 4, 5, 3, 6)]
        self.classifier = nn.Sequential(OrderedDict(head))
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Draw all weights from N(0, 0.01²); biases 1 or 0 (section 5).

        Ones feed the ReLUs of convolutions 2, 4, 5 and of both hidden layers with
        positive inputs from the first step on.
        """
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                one = name.split(".")[-1] in {"conv2", "conv4", "conv5", "fc6", "fc7"}
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.constant_(layer.bias, 1.0 if one else 0.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape (n, num_classes) for images (n, 3, size, size)."""
        check_images(x, self.image_size)
        x = self.features(x)
        return self.classifier(x.flatten(1))  # (n, c, h, w) -> (n, c * h * w)


def alexnet(**kwargs) -> AlexNet:
    """AlexNet for images of 227 pixels: 58,322,314 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`AlexNet`; ``groups=2`` and ``dropout_position="after"``
        make the network of the paper, with 56,909,194 parameters.
    """
    return AlexNet(**kwargs)


def alexnet_small(**kwargs) -> AlexNet:
    """AlexNet for images of 64 pixels: the same layers, narrower, a 5x5 stem.

    Parameters
    ----------
    **kwargs
        Passed to :class:`AlexNet`.
    """
    small = {"image_size": 64, "widths": (64, 192, 256, 256, 192), "hidden": 1024}
    return AlexNet(**{**small, "stem": (5, 2, 2), **kwargs})


def _lrn(alpha: float | None) -> nn.Module:
    if alpha is None:
        return nn.Identity()
    return LocalResponseNorm(5, alpha=alpha, k=2.0)


def _feature_side(image_size: int, stem: tuple[int, int, int]) -> int:
    """Height and width after the last pooling, in pixels."""
    kernel, stride, padding = stem
    side = (image_size + 2 * padding - kernel) // stride + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    if side < 1:
        smallest = 14 * stride + kernel - 2 * padding
        raise ValueError(f"image_size must be at least {smallest}, got {image_size}")
    return side


def _check_stem(stem: tuple[int, int, int]) -> None:
    several = list(stem) if isinstance(stem, tuple | list) else []
    if len(several) != 3 or not fits(several, list[int]):
        raise TypeError(f"stem needs three whole numbers, got {brief(stem)}")
    kernel, stride, padding = stem
    if not (0 <= padding < kernel <= 1000 and stride >= 1):
        raise ValueError(
            f"stem needs a kernel, a stride of 1 or more and a padding below the "
            f"kernel, got {brief(stem)}"
        )


def _check_groups(groups: int, widths: tuple[int, ...]) -> None:
    if len(widths) != 5:
        raise ValueError(f"widths needs 5 numbers, one per convolution, got {widths}")
    if any(w % groups for w in widths):
        raise ValueError(f"groups={groups} must divide every width in {widths}")
