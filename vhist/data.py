"""Pictures as uint8 tensors: decoded once, then on the device from the first step.

A data set is decoded to square uint8 pictures when it is first loaded and kept in a
cache file. From there on no step of training touches a JPEG or PIL: crops, flips
and colours are tensor operations too, see :mod:`vhist.augment`.
"""

import hashlib
import os
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vhist._checks import fits
from vhist._text import brief, first_line
from vhist.catalogue import (
    ARCHIVES,
    SMALLEST,
    SOURCES,
    WNIDS,
    base_folder,
    check_classes,
    check_per_class,
    check_place,
    inner_folder,
    locate,
)
from vhist.decoding import check_room, decode_all
from vhist.files import read_whole, write_whole
from vhist.folders import (
    cache_dir,
    expand_user,
    list_folder,
    refuse_or_warn,
    split_folders,
)

__all__ = [
    "MEAN",
    "STD",
    "Dataset",
    "Split",
    "load_dataset",
    "load_folder",
    "normalize",
    "resize",
]

#: ImageNet's mean of red, green and blue, in [0, 1].
MEAN = (0.485, 0.456, 0.406)

#: ImageNet's standard deviation of red, green and blue, in [0, 1].
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures and what they show.

    Attributes
    ----------
    images : Tensor of shape (n, 3, h, w), uint8
        Squares, where vhist has loaded them.
    labels : Tensor of shape (n,), int64
        Counted from 0.
    files : tuple of str
        Where each picture came from: a path relative to the data set. Numbers if not
        given.

    Raises
    ------
    TypeError
        If images or labels are not tensors, or hold numbers of another type.
    ValueError
        If a shape is wrong, or they are not equally many.
    """

    images: Tensor
    labels: Tensor
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_tensor("images", self.images, torch.uint8, ("n", 3, "h", "w"))
        _check_tensor("labels", self.labels, torch.int64, ("n",))
        n = len(self.labels)
        if not self.files:
            object.__setattr__(self, "files", tuple(map("{:05d}".format, range(n))))
        if not len(self.images) == n == len(self.files):
            raise ValueError(
                f"a split needs as many images as labels and files, got "
                f"{len(self.images)}, {n} and {len(self.files)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        h, w = self.images.shape[2:]
        return f"Split({len(self):,} pictures of {h} x {w} pixels)"

    def __getitem__(self, part: slice | Tensor) -> "Split":
        """Return some of the pictures.

        Parameters
        ----------
        part : slice or Tensor
            ``split[:500]`` has the first 500; a tensor holds indices, or one True
            or False per picture.
        """
        if isinstance(part, slice):
            return Split(self.images[part], self.labels[part], self.files[part])
        if not isinstance(part, Tensor) or part.ndim != 1:
            raise TypeError(
                f"a part of a split is a slice or a tensor of one axis, got "
                f"{brief(part)}; a single picture is split.images[i]"
            )
        places = torch.arange(len(self))[part.cpu()]
        files = tuple(self.files[i] for i in places.tolist())
        places = places.to(self.images.device)
        return Split(self.images[places], self.labels[places], files)

    def to(self, device: torch.device | str) -> "Split":
        """Return the split with its tensors on ``device``."""
        return replace(
            self, images=self.images.to(device), labels=self.labels.to(device)
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a validation split with the same classes.

    Attributes
    ----------
    name : str
    classes : tuple of str
        Name of each label.
    train, val : Split
    fingerprint : str
        SHA-256 over names and contents of the source files, first 16 digits.

    Examples
    --------
    Tensors of your own, here just zeros:

    >>> import torch
    >>> from vhist.data import Dataset, Split
    >>> images = torch.zeros(8, 3, 64, 64, dtype=torch.uint8)
    >>> split = Split(images, torch.arange(8) % 2)
    >>> data = Dataset("mine", ("cat", "dog"), split, split[:4], fingerprint="")
    >>> data.val
    Split(4 pictures of 64 x 64 pixels)
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    fingerprint: str

    @property
    def image_size(self) -> int:
        """Height and width of the stored pictures, in pixels."""
        return self.train.images.shape[-1]

    def select(
        self,
        classes: str | Sequence[str] = (),
        *,
        per_class: int | None = None,
        seed: int = 0,
    ) -> "Dataset":
        """Return the data set with some of its classes, or fewer training pictures.

        Parameters
        ----------
        classes : str or sequence of str
            Names of the classes to keep, in the order of their new labels; all if
            empty. Pictures are then sorted by class.
        per_class : int, optional
            Training pictures of each class to keep, drawn at random. With the same
            seed, a smaller number keeps a subset of what a larger one does. The
            validation pictures are all kept.
        seed : int
            Of that random choice.

        Raises
        ------
        ValueError
            If there is no class of that name, it is named twice, or has fewer pictures.
        """
        if not classes and per_class is None:
            return self
        names = (classes,) if isinstance(classes, str) else tuple(classes)
        names = names or self.classes
        check_classes(self.name, names, self.classes)
        old = [self.classes.index(name) for name in names]
        train = [torch.nonzero(self.train.labels == label)[:, 0] for label in old]
        val = [torch.nonzero(self.val.labels == label)[:, 0] for label in old]
        if per_class is not None:
            counts = dict(zip(names, map(len, train), strict=True))
            check_per_class(self.name, per_class, counts)
            chance = torch.Generator().manual_seed(seed)
            train = [
                rows[torch.randperm(len(rows), generator=chance)[:per_class]]
                for rows in train
            ]
        return replace(
            self,
            classes=names,
            train=_regroup(self.train, train),
            val=_regroup(self.val, val),
        )

    def to(self, device: torch.device | str) -> "Dataset":
        """Return the data set with its tensors on ``device``."""
        return replace(self, train=self.train.to(device), val=self.val.to(device))


def _check_tensor(
    name: str, value: Tensor, dtype: torch.dtype, shape: tuple[str | int, ...]
) -> None:
    """Raise unless a split's tensor has this type and shape; letters are any size."""
    if not (isinstance(value, Tensor) and value.dtype == dtype):
        found = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"the {name} of a split are a tensor of {dtype}, got {found}")
    fitting = zip(shape, value.shape, strict=False)
    if value.ndim != len(shape) or any(s not in (v, str(s)) for s, v in fitting):
        raise ValueError(
            f"the {name} of a split have shape ({', '.join(map(str, shape))}), "
            f"got {tuple(value.shape)}"
        )


def _regroup(split: Split, rows: list[Tensor]) -> Split:
    """Return the pictures of ``rows``, labelled by their place in that list."""
    counts = torch.tensor([len(part) for part in rows])
    labels = torch.arange(len(rows)).repeat_interleave(counts)
    return replace(split[torch.cat(rows)], labels=labels.to(split.labels.device))


def load_dataset(
    name: str = "sketchnette",
    *,
    root: str | Path | None = None,
    image_size: int = 64,
    size: str = "160px",
    skip_bad: bool = False,
) -> Dataset:
    """Load a data set as uint8 tensors.

    Parameters
    ----------
    name : {"sketchnette", "imagenette", "cifar10", "folder"}
        ``sketchnette`` is drawn by code and needs no files.
    root : path, optional
        Folder with ``train/`` and ``val/`` (or ``test/``), each with one folder per
        class; taken as it is. If they are not there, Imagenette and CIFAR-10 are
        downloaded into it. Default: the environment variable ``VHIST_DATA``, else
        the cache folder.
    image_size : int
        Height and width to decode to, in pixels: the shorter side is scaled, the
        middle is kept. Training crops from this, so a little more than the size that
        the network sees is a good choice.
    size : {"160px", "320px", "full"}
        Which of Imagenette's archives to download.
    skip_bad : bool
        Leave out files that are no pictures, with a warning that counts them,
        instead of raising.

    Raises
    ------
    FileNotFoundError
        If the folder is not there, or a download failed; says what to do by hand.
    ValueError
        If a file is no picture, the folders do not fit together, or ``root`` is given
        for Sketchnette, which is drawn.
    """
    _check_size(image_size)
    if name == "sketchnette":
        if root is not None:
            raise ValueError(
                "sketchnette is drawn and has no folder: for the pictures in root "
                "choose the data set 'folder'"
            )
        return _sketchnette(image_size)
    if name not in ("imagenette", "cifar10", "folder"):
        raise ValueError(
            f"no data set named {name!r}; "
            "use sketchnette, imagenette, cifar10 or folder with root=..."
        )
    base = base_folder(name, root)
    if size not in ARCHIVES:
        raise ValueError(
            f"size is {' or '.join(map(repr, ARCHIVES))}, got {brief(size)}"
        )
    folder = base if name == "folder" else locate(name, base, size)
    return load_folder(
        folder or _download(name, base, size), image_size=image_size, skip_bad=skip_bad
    )


def load_folder(
    root: str | Path,
    *,
    image_size: int = 64,
    skip_bad: bool = False,
) -> Dataset:
    """Decode the pictures below ``root/train`` and ``root/val`` (or ``root/test``).

    The result is cached on disk, keyed by path, size and time of every file.

    Parameters
    ----------
    root : path
        One folder per class below ``train`` and ``val``. Its name becomes the name of
        the data set: copies of Imagenette differ, and results should say which it was.
        What is hidden, with a dot in front, is passed over, as are the files that
        Windows adds; links are followed.
    image_size, skip_bad
        See :func:`load_dataset`.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`load_dataset`.
    """
    _check_size(image_size)
    root = expand_user(root)
    classes, files = list_folder(root)
    cached = cache_dir() / f"{_quick_key(root, files, image_size)}.pt"
    stored = _read_cache(cached, image_size, len(classes))
    if stored is None:
        check_room(sum(map(len, files)), image_size)
        stored, lasting = decode_all(root, files, image_size, skip_bad)
        if lasting:
            _write_cache(cached, stored)
        else:  # the key would be the same when the files can be read again
            warnings.warn(
                "no cache, so all is decoded again next time: some files could not "
                "be opened",
                stacklevel=2,
            )
    for split, folder in zip(("train", "val"), split_folders(root), strict=True):
        lost = {*range(len(classes))} - {*stored[f"{split}_labels"].tolist()}
        if lost:
            raise ValueError(
                f"no file below {folder / classes[min(lost)]} is a picture"
            )
    if stored["skipped"]:
        refuse_or_warn(stored["skipped"], skip_bad)
    names = tuple(WNIDS.get(c, c) for c in classes)
    return Dataset(root.resolve().name, names, *_splits(stored), stored["fingerprint"])


def _check_size(image_size: int) -> None:
    if not fits(image_size, int):
        raise TypeError(f"image_size must be a whole number, got {brief(image_size)}")
    if image_size < SMALLEST:
        raise ValueError(
            f"image_size must be at least {SMALLEST} pixels, got {image_size}"
        )


def _sketchnette(image_size: int) -> Dataset:
    """Draw the embedded data set, or read what was drawn before by the same code."""
    from vhist import sketchnette

    source, about = Path(sketchnette.__file__).read_bytes(), SOURCES["sketchnette"]
    counts = {"train": about.train or 0, "val": about.val or 0}
    kind = f"2 {image_size} {counts['train']} {counts['val']}".encode()
    key = hashlib.sha256(kind + source).hexdigest()
    cached = cache_dir() / f"sketchnette-{key[:16]}.pt"
    stored = _read_cache(cached, image_size, len(sketchnette.CLASSES))
    if stored is None:
        check_room(sum(counts.values()), image_size)
        stored, digest = {"skipped": []}, hashlib.sha256()
        for part, n in counts.items():
            images, labels = sketchnette.sketchnette(
                n, image_size=image_size, split=part
            )
            stored[f"{part}_images"], stored[f"{part}_labels"] = images, labels
            stored[f"{part}_files"] = [f"{part}/{i:05d}" for i in range(n)]
            digest.update(images.numpy())
        stored["fingerprint"] = digest.hexdigest()[:16]
        _write_cache(cached, stored)
    return Dataset(
        "sketchnette", sketchnette.CLASSES, *_splits(stored), stored["fingerprint"]
    )


def _download(name: str, root: Path, size: str) -> Path:
    """Fetch a data set through torchvision, which checks the archive's MD5."""
    from torchvision import datasets

    check_place(name, root, size)
    target = root / inner_folder(name, size)
    made = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    archive = "cifar-10-python.tar.gz" if name == "cifar10" else f"{target.name}.tgz"
    try:
        if name == "imagenette":
            return _unpack_imagenette(datasets, size, root, target)
        return _unpack_cifar10(datasets, root)
    except (OSError, RuntimeError) as error:
        with suppress(OSError):  # a part of the archive may lie there
            for path in made:
                path.rmdir()
        raise FileNotFoundError(
            f"could not download {name} ({first_line(error)}); fetch {archive} "
            f"elsewhere, put it in {root} and try again, or pass root= (--root), a "
            "folder with train/ and val/"
        ) from error


def _unpack_imagenette(datasets, size: str, root: Path, target: Path) -> Path:
    """Fetch an archive of Imagenette, if it is not there, and unpack it whole.

    torchvision's own class takes a folder that was half unpacked for a whole one.
    """
    url, md5 = datasets.Imagenette._ARCHIVES[size]
    datasets.utils.download_url(url, str(root), md5=md5)
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=root) as partial:
        archive = str(root / Path(url).name)
        datasets.utils.extract_archive(archive, partial)
        return (Path(partial) / target.name).rename(target)


def _unpack_cifar10(datasets, root: Path) -> Path:
    """Write CIFAR-10 as PNG files, so that it is a folder like any other."""
    target = root / "cifar10"
    with tempfile.TemporaryDirectory(prefix="cifar10.", dir=root) as temporary:
        partial = Path(temporary) / "cifar10"
        for part, is_train in (("train", True), ("test", False)):
            pictures = datasets.CIFAR10(str(root), train=is_train, download=True)
            for i, (picture, label) in enumerate(pictures):
                folder = partial / part / pictures.classes[label]
                folder.mkdir(parents=True, exist_ok=True)
                picture.save(folder / f"{i:05d}.png")
        return partial.rename(target)


def _quick_key(root: Path, files: list[list[tuple[Path, int]]], size: int) -> str:
    """Fingerprint of the folder without reading it: path, size and time of files."""
    digest = hashlib.sha256(f"2 {size} ".encode() + os.fsencode(root.resolve()))
    for pairs in files:
        for path, _ in pairs:
            stat = path.stat() if path.exists() else path.lstat()
            digest.update(os.fsencode(path.relative_to(root)))
            digest.update(f" {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:24]


def _read_cache(path: Path, size: int, classes: int) -> dict | None:
    """Return what is stored, or None if there is nothing or it is damaged."""
    try:
        stored = read_whole(path, "cache")
        good = fits(stored["skipped"], list[str]) and fits(stored["fingerprint"], str)
        for split in _splits(stored):  # which see that they are whole
            good &= split.images.shape[2:] == (size, size)
            good &= int(split.labels.min()) >= 0 and int(split.labels.max()) < classes
            good &= fits(list(split.files), list[str])
        return stored if good else None
    except Exception:  # whatever is wrong with it, the pictures are decoded again
        return None


def _splits(stored: dict) -> tuple[Split, Split]:
    """Return the splits that a cache holds."""
    train, val = (
        Split(stored[f"{s}_images"], stored[f"{s}_labels"], tuple(stored[f"{s}_files"]))
        for s in ("train", "val")
    )
    return train, val


def _write_cache(path: Path, stored: dict) -> None:
    """Write all of it or nothing; a full disk costs only the cache."""
    try:
        write_whole(lambda file: torch.save(stored, file), path)
    except OSError as error:
        warnings.warn(
            f"no cache, so all is decoded again next time: {error}", stacklevel=3
        )


def normalize(images: Tensor) -> Tensor:
    """Map [0, 255] to zero mean and unit deviation, as measured on ImageNet.

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w)
        uint8, or float in [0, 255].

    Returns
    -------
    Tensor of shape (n, 3, h, w), float32
    """
    mean, std = _moments(images.device)
    return (images.float() - mean).div_(std)


@cache  # made anew for every batch, they would cost more than the subtraction
def _moments(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and deviation in [0, 255], each of shape (3, 1, 1)."""
    with torch.inference_mode(False):
        mean, std = (255 * torch.tensor(m, device=device) for m in (MEAN, STD))
        return mean.view(3, 1, 1), std.view(3, 1, 1)


def resize(images: Tensor, size: int) -> Tensor:
    """Scale pictures (n, 3, h, w) to (n, 3, size, size), float32 in [0, 255]."""
    x = images.float()
    if x.shape[-2:] == (size, size):
        return x
    return F.interpolate(x, (size, size), mode="bilinear", antialias=True)
