"""Spatial transformer: a network that moves the picture before it reads it.

Paper
    M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, "Spatial Transformer
    Networks", NIPS 2015 (arXiv:1506.02025).
Kept
    The three parts of section 3: localisation network, affine grid, bilinear sampler.
    A start at the identity. The grid may have another size than the picture, and the
    whole stands in front of any network.
Changed
    The paper does not use CIFAR-10. The layers of ``stn`` are those of a course's
    solution for it, which adapted PyTorch's tutorial from digits to colour pictures of
    32 pixels; ``transform=False`` is the same network without the transformer.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.fx
from torch import Tensor, nn
from torch.nn import functional as F

from vhist.models._checks import (
    check_dropout,
    check_flags,
    check_images,
    check_sizes,
    is_traced,
)

__all__ = ["STN", "Localisation", "SpatialTransformer", "sample", "stn"]

SMALLEST = 18  # pixels; below, nothing is left after the localisation's second pooling


def sample(
    x: Tensor, theta: Tensor, *, size: int | None = None, align_corners: bool = False
) -> Tensor:
    """Read pictures at the places of an affine grid (section 3.2 and 3.3).

    The pixel of the result at (u, v) is read at ``theta @ (u, v, 1)``, between four
    pixels if need be; outside the picture there are zeros. Places go from -1 to 1,
    to the right and down.

    Parameters
    ----------
    x : Tensor of shape (n, c, h, w)
    theta : Tensor of shape (n, 2, 3)
        Matrix and shift of each picture; the identity is ``torch.eye(2, 3)``.
    size : int, optional
        Height and width of the result, in pixels; those of ``x`` if not given.
    align_corners : bool
        What -1 and 1 are. Without it, the outer edges of the border pixels: half a
        pixel beyond their centres, and the same place at every resolution. With it,
        the centres. Making the grid and reading it must mean the same, or the picture
        grows or shrinks by one part in ``h``; here they do.

    Returns
    -------
    Tensor of shape (n, c, size, size)

    Raises
    ------
    ValueError
        If a shape does not fit.
    """
    if x.ndim != 4 or theta.shape != (x.shape[0], 2, 3):
        raise ValueError(
            f"expected pictures (n, c, h, w) and theta (n, 2, 3), got {tuple(x.shape)} "
            f"and {tuple(theta.shape)}"
        )
    height, width = (size, size) if size else x.shape[2:]
    shape = [*x.shape[:2], height, width]
    # Eight bits of bfloat16 would miss places by a part of a pixel, and autocast would
    # turn the matrix product within affine_grid to them.
    dtype = torch.promote_types(x.dtype, torch.float32)
    with _without_autocast(x.device.type):
        grid = F.affine_grid(theta.to(dtype), shape, align_corners=align_corners)
        y = F.grid_sample(x.to(dtype), grid, align_corners=align_corners)
    return y.to(x.dtype)


torch.fx.wrap("sample")  # one step of a trace: it asks for shapes and types


def _without_autocast(device: str) -> AbstractContextManager:
    if not torch.amp.is_autocast_available(device):  # PyTorch's meta device
        return nullcontext()
    return torch.autocast(device, enabled=False)


class Localisation(nn.Sequential):
    """Looks at the picture and says where to read it: six numbers (section 3.1).

    Parameters
    ----------
    image_size : int
        Height and width of the input, in pixels, at least 18.
    """

    def __init__(self, *, image_size: int = 32) -> None:
        super().__init__()
        _check_size(image_size)
        side = ((image_size - 6) // 2 - 4) // 2
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.pool1 = nn.MaxPool2d(2)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(8, 10, 5)
        self.pool2 = nn.MaxPool2d(2)
        self.relu2 = nn.ReLU()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(10 * side**2, 32)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(32, 6)
        nn.init.zeros_(self.fc2.weight)  # whatever the picture, begin with all of it
        with torch.no_grad():
            self.fc2.bias.copy_(torch.eye(2, 3).flatten())


class SpatialTransformer(nn.Module):
    """Cuts out, turns and scales what a network then sees.

    As in [1]_; :ref:`the module <about-stn>` says what was kept and what changed.

    It stands in front of any network and learns from that network's loss alone:
    ``nn.Sequential(SpatialTransformer(image_size=64), net)``.

    Parameters
    ----------
    localisation : nn.Module, optional
        Maps (n, c, h, w) to (n, 6), and should begin at the identity, 1 0 0 0 1 0. If
        not given, :class:`vhist.models.stn.Localisation`.
    image_size : int
        Height and width of the input, in pixels, for the default localisation.
    size : int, optional
        Height and width of the result, in pixels; those of the input if not given.
    align_corners : bool
        See :func:`vhist.models.stn.sample`.

    Raises
    ------
    TypeError
        For an argument of another type, or one of an unknown name.
    ValueError
        If a size is too small, or a localisation does not return six numbers.

    References
    ----------
    .. [1] M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, "Spatial Transformer
       Networks", NIPS 2015, arXiv:1506.02025.
    """

    def __init__(
        self,
        *,
        localisation: nn.Module | None = None,
        image_size: int = 32,
        size: int | None = None,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        check_flags(align_corners=align_corners)
        if size is not None:
            check_sizes(10_000, size=size)
        self.image_size = image_size if localisation is None else None
        if localisation is None:
            localisation = Localisation(image_size=image_size)
        self.localisation = localisation
        self.size = size
        self.align_corners = align_corners

    def theta(self, x: Tensor) -> Tensor:
        """Return where each picture is read: (n, c, h, w) to (n, 2, 3)."""
        if self.image_size is not None:
            check_images(x, self.image_size)
        six = self.localisation(x)
        if not is_traced(six) and six.shape != (x.shape[0], 6):
            raise ValueError(
                f"the localisation must return six numbers a picture, shape "
                f"{(x.shape[0], 6)}, got {tuple(six.shape)}"
            )
        return six.view(-1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures of shape (n, c, h, w) to (n, c, size, size)."""
        theta = self.theta(x)
        return sample(x, theta, size=self.size, align_corners=self.align_corners)


class STN(nn.Module):
    """A spatial transformer and a small convolutional network behind it.

    Parameters
    ----------
    num_classes : int
        Length of the output.
    image_size : int
        Height and width of the input, in pixels, at least 18.
    dropout : float
        Probability of zeroing a map of the second convolution, and a hidden unit.
    transform : bool
        Have the transformer; without it the network sees the picture as it is.
    align_corners : bool
        See :func:`vhist.models.stn.sample`.

    Raises
    ------
    TypeError
        For an argument of another type, or one of an unknown name.
    ValueError
        For no classes, a size that is too small or a dropout outside [0, 1].
    """

    def __init__(
        self,
        *,
        num_classes: int = 10,
        image_size: int = 32,
        dropout: float = 0.5,
        transform: bool = True,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(num_classes=num_classes)
        check_dropout(dropout)
        check_flags(transform=transform, align_corners=align_corners)
        _check_size(image_size)
        self.image_size = image_size
        self.transformer = (
            SpatialTransformer(image_size=image_size, align_corners=align_corners)
            if transform
            else nn.Identity()
        )
        side = ((image_size - 4) // 2 - 4) // 2
        self.conv1 = nn.Conv2d(3, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop2 = nn.Dropout2d(dropout)
        self.fc1 = nn.Linear(20 * side**2, 50)
        self.drop3 = nn.Dropout(dropout)
        self.fc2 = nn.Linear(50, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape (n, num_classes) for images (n, 3, size, size)."""
        check_images(x, self.image_size)
        x = self.transformer(x)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.drop2(self.conv2(x)), 2))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(self.drop3(x))


def _check_size(image_size: int) -> None:
    check_sizes(10_000, image_size=image_size)
    if image_size < SMALLEST:
        raise ValueError(f"image_size must be at least {SMALLEST}, got {image_size}")


def stn(**kwargs) -> STN:
    """The network for CIFAR-10: 39,884 parameters with 10 classes, 8,544 to steer.

    Parameters
    ----------
    **kwargs
        Passed to :class:`STN`.
    """
    return STN(**kwargs)
