"""Augmentation on the device: each picture of a batch with its own random numbers."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

__all__ = [
    "colour_components",
    "cutmix",
    "pca_colour",
    "random_crop",
    "random_flip",
    "random_resized_crop",
]


def random_flip(
    images: Tensor, *, generator: Generator | None = None, u: Tensor | None = None
) -> Tensor:
    """Mirror each picture of (n, 3, h, w) left to right with probability one half.

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w)
    generator : torch.Generator, optional
        Source of the random numbers.
    u : Tensor of shape (n, 1), optional
        Uniform numbers in [0, 1) to use instead: a row per picture, so that a batch
        can be split without changing what happens to each picture.
    """
    flip = _uniform(images, 1, generator, u) < 0.5
    return torch.where(flip.view(-1, 1, 1, 1), images.flip(-1), images)


def random_crop(
    images: Tensor,
    size: int,
    *,
    generator: Generator | None = None,
    u: Tensor | None = None,
) -> Tensor:
    """Cut a square out of each picture, at its own place (AlexNet, section 4.1).

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w)
    size : int
        Height and width of the result, in pixels, at most h and w.
    generator : torch.Generator, optional
        Source of the random numbers.
    u : Tensor of shape (n, 2), optional
        Uniform numbers to use instead, see :func:`random_flip`.

    Returns
    -------
    Tensor of shape (n, 3, size, size), same type

    Raises
    ------
    ValueError
        If the pictures are smaller than ``size``.
    """
    h, w = images.shape[-2:]
    if size > min(h, w):
        raise ValueError(
            f"cannot crop {size} pixels from pictures of {h}x{w}: load the data with "
            f"image_size={size} or more (--data-size)"
        )
    u = _uniform(images, 2, generator, u)
    top, left = u[:, 0] * (h - size + 1), u[:, 1] * (w - size + 1)
    corners = torch.stack([top, left], dim=1).long()
    crop = _crop_one_by_one if images.device.type == "cpu" else _crop_at_once
    return crop(images, corners, size)


def _crop_one_by_one(images: Tensor, corners: Tensor, size: int) -> Tensor:
    """Copy slices: on a CPU twice as fast as one gather."""
    out = images.new_empty(*images.shape[:2], size, size)
    for i, (top, left) in enumerate(corners.tolist()):
        out[i] = images[i, :, top : top + size, left : left + size]
    return out


def _crop_at_once(images: Tensor, corners: Tensor, size: int) -> Tensor:
    """Gather all crops: a GPU need not wait for the processor to know the corners."""
    n, c = images.shape[:2]
    span = torch.arange(size, device=images.device)
    rows = (corners[:, :1] + span).view(n, 1, size, 1)
    columns = (corners[:, 1:] + span).view(n, 1, 1, size)
    pictures = torch.arange(n, device=images.device).view(n, 1, 1, 1)
    channels = torch.arange(c, device=images.device).view(1, c, 1, 1)
    return images[pictures, channels, rows, columns]


def random_resized_crop(
    images: Tensor,
    size: int,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    flip: bool = True,
    generator: Generator | None = None,
    u: Tensor | None = None,
) -> Tensor:
    """Cut a random rectangle out of each picture and scale it to a square.

    The augmentation of Inception (Szegedy et al. 2015, arXiv:1409.4842, section 6),
    all samples at once: one affine grid per picture, sampled bilinearly without a
    filter. So pictures should be stored only a little larger than ``size``.

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w)
    size : int
        Height and width of the result, in pixels.
    area : tuple of 2 float
        Smallest and largest share of the picture that is kept, before its border cuts
        a rectangle that is too wide or too high.
    ratio : tuple of 2 float
        Narrowest and widest shape of the rectangle, width over height.
    flip : bool
        Mirror half of the crops left to right.
    generator : torch.Generator, optional
        Source of the random numbers.
    u : Tensor of shape (n, 5), optional
        Uniform numbers to use instead, see :func:`random_flip`.

    Returns
    -------
    Tensor of shape (n, 3, size, size), float32 in [0, 255]

    Raises
    ------
    ValueError
        If ``area`` or ``ratio`` is no range of positive numbers, or area exceeds 1.
    """
    if not (0 < area[0] <= area[1] <= 1 and 0 < ratio[0] <= ratio[1]):
        raise ValueError(
            f"area must lie in (0, 1] and ratio be positive, smaller number first; "
            f"got {area} and {ratio}"
        )
    n, device = len(images), images.device
    u = _uniform(images, 5, generator, u).T
    share = area[0] + (area[1] - area[0]) * u[0]
    log0, log1 = math.log(ratio[0]), math.log(ratio[1])
    shape = torch.exp(log0 + (log1 - log0) * u[1])
    width = (share * shape).sqrt().clamp(max=1)
    height = (share / shape).sqrt().clamp(max=1)
    x, y = (1 - width) * (2 * u[2] - 1), (1 - height) * (2 * u[3] - 1)  # the middle
    width = torch.where(u[4] < 0.5, -width, width) if flip else width
    # The same bits as F.affine_grid gives, at a quarter of its cost: rows and columns
    # stay straight, so neither needs to know the other.
    along = torch.linspace(-1, 1, size, device=device) * (size - 1) / size
    columns = (x[:, None] + width[:, None] * along)[:, None, :].expand(n, size, size)
    rows = (y[:, None] + height[:, None] * along)[:, :, None].expand(n, size, size)
    grid = torch.stack([columns, rows], dim=-1)
    return F.grid_sample(
        images.float(), grid, padding_mode="reflection", align_corners=False
    )


def cutmix(
    images: Tensor, others: Tensor, share: float, centre: tuple[float, float]
) -> tuple[Tensor, float]:
    """Paste a rectangle of other pictures into pictures (arXiv:1905.04899).

    Parameters
    ----------
    images, others : Tensor of shape (n, 3, h, w)
    share : float
        Area of the rectangle, in [0, 1], before the border cuts it.
    centre : tuple of 2 float
        Its middle from the top and from the left, in [0, 1].

    Returns
    -------
    images : Tensor of shape (n, 3, h, w)
    share : float
        Share of each picture that was pasted over.
    """
    h, w = images.shape[-2:]
    side = share**0.5 / 2
    top, left = (
        max(0, round((c - side) * n)) for c, n in zip(centre, (h, w), strict=True)
    )
    bottom, right = (
        min(n, round((c + side) * n)) for c, n in zip(centre, (h, w), strict=True)
    )
    pasted = images.clone()
    pasted[..., top:bottom, left:right] = others[..., top:bottom, left:right]
    return pasted, max(0, bottom - top) * max(0, right - left) / (h * w)


def colour_components(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the principal components of the pixels' colours (AlexNet, section 4.1).

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w), uint8

    Returns
    -------
    deviations : Tensor of shape (3,)
        Standard deviation along each component, in units of 255, largest first.
    directions : Tensor of shape (3, 3)
        One component per column.
    """
    sums, products = torch.zeros(3).double(), torch.zeros(3, 3).double()
    for part in images.split(64):  # all at once would take gigabytes
        pixels = part.transpose(0, 1).flatten(1).double() / 255  # n3hw -> 3, n * h * w
        sums += pixels.sum(dim=1).cpu()
        products += (pixels @ pixels.T).cpu()
    count = images.numel() // 3
    mean = sums / count
    covariance = products / count - mean.outer(mean)
    variances, directions = torch.linalg.eigh(covariance.float())
    return variances.flip(0).clamp(min=0).sqrt(), directions.flip(1)


def pca_colour(
    images: Tensor,
    components: tuple[Tensor, Tensor],
    *,
    std: float = 0.1,
    generator: Generator | None = None,
    u: Tensor | None = None,
) -> Tensor:
    """Shift the colour of each picture along the data's principal components.

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w), in [0, 255]
    components : tuple of Tensor
        From :func:`colour_components`.
    std : float
        Deviation of the random factor of each component. The paper's is 0.1 too, but
        multiplies the eigenvalue; here it multiplies the eigenvalue's square root, the
        deviation (as the code of 2012 and its successors do).
    generator : torch.Generator, optional
        Source of the random numbers.
    u : Tensor of shape (n, 3), optional
        Uniform numbers to use instead, see :func:`random_flip`.

    Returns
    -------
    Tensor of shape (n, 3, h, w), float32, not clipped
    """
    deviations, directions = (c.to(images.device) for c in components)
    u = _uniform(images, 3, generator, u)
    noise = torch.special.ndtri(u.clamp(1e-7, 1 - 1e-7))  # uniform -> normal
    shift = 255 * (noise * std * deviations) @ directions.T
    return images.float() + shift.view(-1, 3, 1, 1)


def _uniform(images: Tensor, k: int, generator: Generator | None, u: Tensor | None):
    """Return ``u``, or fresh uniform numbers of shape (n, k), a row per picture."""
    if u is not None:
        return u
    return torch.rand(len(images), k, generator=generator, device=images.device)
