"""Picture files decoded to square uint8 tensors."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from vhist._checks import check_file
from vhist._text import brief, first_line
from vhist.folders import SUFFIXES, named_as_picture, refuse_or_warn

__all__ = ["check_room", "decode", "decode_all"]

# Pillow knows many more; one of them, EPS, has Ghostscript run the file.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM")


def decode(path: str | Path, size: int) -> Tensor:
    """Decode one picture as :func:`vhist.data.load_folder` does.

    Parameters
    ----------
    path : path
    size : int
        Height and width, in pixels: the shorter side is scaled, the middle is kept.

    Returns
    -------
    Tensor of shape (3, size, size), uint8

    Raises
    ------
    ValueError
        If it is no picture, or not there.
    """
    try:
        return _decode(Path(path), size)
    except Exception as error:  # Pillow raises whatever a broken file provokes
        reason = getattr(error, "strerror", None) or first_line(error)
        raise ValueError(reason) from error


def _decode(path: Path, size: int) -> Tensor:
    """Return a picture as uint8 of shape (3, size, size)."""
    import numpy as np
    from PIL import Image, ImageOps

    check_file(path)
    with Image.open(path, formats=_FORMATS) as image:
        if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
            raise ValueError("32 bits a pixel, white is unknown: save it with 8 or 16")
        image.draft("RGB", (size, size))  # lets the JPEG decoder skip what is unused
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits
            image = image.convert("I").point(lambda v: v / 256).convert("L")
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = ImageOps.fit(
            image.convert("RGB"), (size, size), Image.Resampling.LANCZOS
        )
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)  # hwc -> chw


def _try_decode(path: Path, into: Tensor) -> tuple[str, bool] | None:
    """Decode into (3, size, size); return why that failed, and if it always would."""
    if not named_as_picture(path):
        return f"not a picture by its name, such as {SUFFIXES[0]}", True
    try:
        into.copy_(decode(path, into.shape[-1]))
        return None
    except ValueError as error:
        cause = error.__cause__
        # Only the system's errors have a number: Pillow's are about the contents.
        system = isinstance(cause, OSError) and cause.errno is not None
        return str(error), not (system or isinstance(cause, MemoryError))


def decode_all(
    root: Path, files: list[list[tuple[Path, int]]], size: int, skip_bad: bool
) -> tuple[dict, bool]:
    """Decode both splits; keep the names of files that could not be read.

    Return also whether each of those would be refused again.
    """
    stored: dict = {"skipped": []}
    all_last = True
    digest = hashlib.sha256()
    # A thread per core, and many files a task: threads that take turns cost time.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for split, pairs in zip(("train", "val"), files, strict=True):
            # Filled in place: a list of pictures to stack would take the memory twice.
            images = torch.empty(len(pairs), 3, size, size, dtype=torch.uint8)
            rows = [(p, x) for (p, _), x in zip(pairs, images, strict=True)]
            parts = [rows[i : i + 32] for i in range(0, len(rows), 32)]
            decoded = pool.map(lambda part: [_try_decode(*row) for row in part], parts)
            troubles = list(chain.from_iterable(decoded))
            good = []
            for i, (path, label) in enumerate(pairs):
                name = path.relative_to(root).as_posix()
                if (trouble := troubles[i]) is not None:
                    reason, lasts = trouble
                    all_last &= lasts
                    stored["skipped"].append(f"{path} ({reason})")
                    refuse_or_warn(stored["skipped"], skip_bad, quiet=True)
                    continue
                digest.update(
                    os.fsencode(name) + hashlib.sha256(path.read_bytes()).digest()
                )
                good.append((i, label, name))
            if not good:
                raise ValueError(
                    f"none of the {len(pairs)} files of {split} is a picture"
                )
            kept, labels, names = zip(*good, strict=True)
            all_good = len(kept) == len(pairs)
            stored[f"{split}_images"] = images if all_good else images[list(kept)]
            stored[f"{split}_labels"] = torch.tensor(labels)
            stored[f"{split}_files"] = list(names)
    stored["fingerprint"] = digest.hexdigest()[:16]
    return stored, all_last


def check_room(count: int, size: int) -> None:
    """Raise ValueError if so many pictures are more than this machine can hold."""
    try:
        have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # another system: let it try
        return
    need = count * 3 * size**2
    if need > have:
        raise ValueError(
            f"{count:,} pictures of {brief(size)} pixels need more than the "
            f"{have / 1e9:.0f} GB of this machine; choose a smaller image_size "
            "(--data-size)"
        )
