"""VGG, the network that made depth a plan: 3x3 convolutions, and nothing else.

Paper
    K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale
    Image Recognition", ICLR 2015 (arXiv:1409.1556).
Kept
    The configurations A, B, D and E of table 1; max-pooling 2/2 between stages;
    three fully connected layers; Glorot's initialisation, with which the paper found
    it possible to do without pre-training (section 3.1).
Changed
    Dropout stands before the hidden layers unless ``dropout_position="after"``.
    ``batch_norm=True`` adds what came a year later: the field's ``vgg16_bn``.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from vhist.models._checks import (
    check_choice,
    check_dropout,
    check_flags,
    check_images,
    check_lists,
    check_sizes,
)

__all__ = [
    "VGG",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "vgg_small",
    "vgg_small_bn",
]

#: Convolutions per stage, table 1 of the paper.
CONFIGURATIONS = {
    "vgg11": (1, 1, 2, 2, 2),  # A
    "vgg13": (2, 2, 2, 2, 2),  # B
    "vgg16": (2, 2, 3, 3, 3),  # D
    "vgg19": (2, 2, 4, 4, 4),  # E
}


class VGG(nn.Module):
    """VGG: stages of 3x3 convolutions, each closed by a pooling.

    As in [1]_; :ref:`the module <about-vgg>` says what was kept and what changed.

    Parameters
    ----------
    num_classes : int
        Length of the output.
    image_size : int
        Height and width of the input, in pixels; a multiple of 2 per stage.
    convs : tuple of int
        Convolutions in each stage (table 1).
    widths : tuple of int
        Channels in each stage (table 1).
    kernel : int
        Height and width of the filters, in pixels, odd. The paper's argument for 3:
        three such layers see what one of 7 sees (section 2.3).
    hidden : int
        Width of the two hidden fully connected layers.
    batch_norm : bool
        Normalise between each convolution and its ReLU; not in the paper.
    dropout : float
        Probability of zeroing a unit around the hidden layers (section 3.1).
    dropout_position : {"before", "after"}
        Before each hidden layer (here), or after it (paper, torchvision).
    init : {"glorot", "he", "normal"}
        How weights are drawn, see :meth:`init_weights`.

    Raises
    ------
    TypeError
        For an argument of another type, or one of an unknown name.
    ValueError
        For no classes, an image that the poolings do not divide, ``convs`` and
        ``widths`` of different lengths, or an unknown ``init``.

    References
    ----------
    .. [1] K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for
       Large-Scale Image Recognition", ICLR 2015, arXiv:1409.1556.
    """

    def __init__(
        self,
        *,
        num_classes: int = 10,
        image_size: int = 224,
        convs: tuple[int, ...] = CONFIGURATIONS["vgg16"],
        widths: tuple[int, ...] = (64, 128, 256, 512, 512),
        kernel: int = 3,
        hidden: int = 4096,
        batch_norm: bool = False,
        dropout: float = 0.5,
        dropout_position: Literal["before", "after"] = "before",
        init: Literal["glorot", "he", "normal"] = "glorot",
    ) -> None:
        super().__init__()
        check_lists(widths=widths)
        check_lists(1000, convs=convs)
        check_sizes(num_classes=num_classes, hidden=hidden)
        check_sizes(10_000, image_size=image_size)
        check_dropout(dropout)
        check_flags(batch_norm=batch_norm)
        _check_stages(image_size, convs, widths)
        check_choice("dropout_position", dropout_position, ("before", "after"))
        check_sizes(31, kernel=kernel)
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, got {kernel}")
        self.image_size = image_size
        layers = _stages(convs, widths, kernel, batch_norm)
        self.features = nn.Sequential(OrderedDict(layers))
        side = image_size // 2 ** len(convs)
        head: list[tuple[str, nn.Module]] = [
            ("drop6", nn.Dropout(dropout)),
            ("fc6", nn.Linear(widths[-1] * side * side, hidden)),
            ("relu6", nn.ReLU()),
            ("drop7", nn.Dropout(dropout)),
            ("fc7", nn.Linear(hidden, hidden)),
            ("relu7", nn.ReLU()),
            ("fc8", nn.Linear(hidden, num_classes)),
        ]
        if dropout_position == "after":
            head = [head[i] for i in (1, 2, 0, 4, 5, 3, 6)]
        self.classifier = nn.Sequential(OrderedDict(head))
        self.init_weights(init)

    @torch.no_grad()
    def init_weights(self, init: str = "glorot") -> None:
        """Draw the weights; biases are 0.

        ``"glorot"``: variance 2 / (fan_in + fan_out), with which the authors found in
        hindsight that no pre-training is needed (section 3.1). ``"normal"``:
        N(0, 0.1²), their variance of 1e-2, which needed it. ``"he"``: variance
        2 / fan_in, from a year later (He et al. 2015, arXiv:1502.01852).
        """
        draw = {
            "glorot": nn.init.xavier_uniform_,
            "he": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
            "normal": lambda w: nn.init.normal_(w, std=0.1),
        }
        check_choice("init", init, draw)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                draw[init](layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape (n, num_classes) for images (n, 3, size, size)."""
        check_images(x, self.image_size)
        x = self.features(x)
        return self.classifier(x.flatten(1))  # (n, c, h, w) -> (n, c * h * w)

    def torchvision_keys(self) -> dict[str, str]:
        """Map each key of this state dict to torchvision's.

        Convolutions count through ``features.0``, ``features.2``, ...; the fully
        connected layers are ``classifier.0``, ``.3`` and ``.6``.
        """
        names = enumerate(dict(self.features.named_children()))
        index = {f"features.{name}": f"features.{i}" for i, name in names}
        index |= {f"classifier.fc{6 + i}": f"classifier.{3 * i}" for i in range(3)}
        keys = self.state_dict()
        return {
            k: f"{index[k.rpartition('.')[0]]}.{k.rpartition('.')[2]}" for k in keys
        }


def _stages(
    convs: tuple[int, ...], widths: tuple[int, ...], kernel: int, batch_norm: bool
) -> Iterator[tuple[str, nn.Module]]:
    """Yield the named layers of all stages: conv1_1, relu1_1, ..., pool1, ..."""
    channels = 3
    for stage, (count, width) in enumerate(zip(convs, widths, strict=True), start=1):
        for i in range(1, count + 1):
            conv = nn.Conv2d(channels, width, kernel, padding=kernel // 2)
            yield f"conv{stage}_{i}", conv
            if batch_norm:
                yield f"bn{stage}_{i}", nn.BatchNorm2d(width)
            yield f"relu{stage}_{i}", nn.ReLU()
            channels = width
        yield f"pool{stage}", nn.MaxPool2d(2, 2)


def _check_stages(
    image_size: int, convs: tuple[int, ...], widths: tuple[int, ...]
) -> None:
    if len(convs) != len(widths):
        raise ValueError(
            f"convs and widths need one number per stage, got {convs} and {widths}"
        )
    step = 2 ** len(convs)
    if image_size < step or image_size % step:
        near = max(step, round(image_size / step) * step)
        raise ValueError(
            f"image_size must be a multiple of {step} for {len(convs)} poolings, "
            f"got {image_size}; {near} would work"
        )


def vgg11(**kwargs) -> VGG:
    """VGG-11, configuration A: 128,807,306 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return VGG(**{"convs": CONFIGURATIONS["vgg11"], **kwargs})


def vgg13(**kwargs) -> VGG:
    """VGG-13, configuration B: 128,991,818 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return VGG(**{"convs": CONFIGURATIONS["vgg13"], **kwargs})


def vgg16(**kwargs) -> VGG:
    """VGG-16, configuration D: 134,301,514 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return VGG(**{"convs": CONFIGURATIONS["vgg16"], **kwargs})


def vgg19(**kwargs) -> VGG:
    """VGG-19, configuration E: 139,611,210 parameters with 10 classes.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return VGG(**{"convs": CONFIGURATIONS["vgg19"], **kwargs})


def vgg11_bn(**kwargs) -> VGG:
    """VGG-11 with batch normalisation.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return vgg11(**{"batch_norm": True, **kwargs})


def vgg13_bn(**kwargs) -> VGG:
    """VGG-13 with batch normalisation.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return vgg13(**{"batch_norm": True, **kwargs})


def vgg16_bn(**kwargs) -> VGG:
    """VGG-16 with batch normalisation.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return vgg16(**{"batch_norm": True, **kwargs})


def vgg19_bn(**kwargs) -> VGG:
    """VGG-19 with batch normalisation.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return vgg19(**{"batch_norm": True, **kwargs})


def vgg_small(**kwargs) -> VGG:
    """VGG for images of 64 pixels: four stages, 6 + 3 weight layers, narrower.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    small = {"image_size": 64, "convs": (1, 1, 2, 2), "widths": (32, 64, 128, 256)}
    return VGG(**{**small, "hidden": 512, **kwargs})


def vgg_small_bn(**kwargs) -> VGG:
    """VGG for images of 64 pixels, with batch normalisation.

    Parameters
    ----------
    **kwargs
        Passed to :class:`VGG`.
    """
    return vgg_small(**{"batch_norm": True, **kwargs})
