"""Pictures as uint8 tensors: decoded once, augmented per sample, on the device.

A data set is decoded to square uint8 pictures when it is first loaded and kept in a
cache file. From there on no step of training touches a JPEG or PIL: crops, flips
and colours are tensor operations on the device, each sample with its own numbers.
"""

import hashlib
import math
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NoReturn

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from vhist._checks import check_file, fits
from vhist._text import brief, first_line, nearest, one_line
from vhist.catalogue import (
    ARCHIVES,
    SMALLEST,
    SOURCES,
    base_folder,
    check_place,
    expand_user,
    inner_folder,
    locate,
)
from vhist.checkpoint import read_whole, write_whole

__all__ = [
    "MEAN",
    "STD",
    "WNIDS",
    "Dataset",
    "Split",
    "cache_dir",
    "check_classes",
    "check_per_class",
    "check_room",
    "colour_components",
    "cutmix",
    "decode",
    "files_below",
    "list_folder",
    "load_dataset",
    "load_folder",
    "named_as_picture",
    "normalize",
    "pca_colour",
    "random_crop",
    "random_flip",
    "random_resized_crop",
    "refuse_or_warn",
    "resize",
]

#: ImageNet's mean and standard deviation of red, green and blue, in [0, 1].
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

#: Imagenette's ten WordNet ids and what they mean.
WNIDS = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}

# Pillow knows many more; one of them, EPS, has Ghostscript run the file.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM")

# As Pillow has them, without those that nobody gives a picture.
_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)


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
        classes: Sequence[str] = (),
        *,
        per_class: int | None = None,
        seed: int = 0,
    ) -> "Dataset":
        """Return the data set with some of its classes, or fewer training pictures.

        Parameters
        ----------
        classes : sequence of str
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
        names = tuple(classes) or self.classes
        check_classes(self.name, names, self.classes)
        old = [self.classes.index(name) for name in names]
        train = [torch.nonzero(self.train.labels == label)[:, 0] for label in old]
        val = [torch.nonzero(self.val.labels == label)[:, 0] for label in old]
        if per_class is not None:
            counts = dict(zip(names, map(len, train), strict=True))
            check_per_class(self.name, per_class, counts)
            chance = Generator().manual_seed(seed)
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


def check_classes(data: str, chosen: Sequence[str], known: Sequence[str]) -> None:
    """Raise ValueError if a data set has no class of that name, or it is named twice.

    Parameters
    ----------
    data : str
        Name of the data set, for the message.
    chosen, known : sequence of str
    """
    for name in chosen:
        if name not in known:
            hint = nearest(name, known)
            raise ValueError(
                f"{data} has no class {brief(name)}; {hint}{' ' if hint else ''}there "
                f"are {', '.join(known[:10])}"
            )
        if chosen.count(name) > 1:
            raise ValueError(f"the class {name!r} is named twice")


def check_per_class(data: str, per_class: int, counts: Mapping[str, int]) -> None:
    """Raise ValueError if a class has fewer training pictures than are asked for.

    Parameters
    ----------
    data : str
        Name of the data set, for the message.
    per_class : int
    counts : mapping of str to int
        Training pictures of each class.
    """
    if not (fits(per_class, int) and per_class >= 1):
        raise ValueError(
            f"per_class must be a whole number, at least 1, got {brief(per_class)}"
        )
    for name, count in counts.items():
        if count < per_class:
            raise ValueError(
                f"{data} has {count} training pictures of {name}, "
                f"per_class={per_class} asks for more"
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
        stored, lasting = _decode_all(root, files, image_size, skip_bad)
        if lasting:
            _write_cache(cached, stored)
        else:  # the key would be the same when the files can be read again
            warnings.warn(
                "no cache, so all is decoded again next time: some files could not "
                "be opened",
                stacklevel=2,
            )
    for split, folder in zip(("train", "val"), _split_dirs(root), strict=True):
        lost = {*range(len(classes))} - {*stored[f"{split}_labels"].tolist()}
        if lost:
            raise ValueError(
                f"no file below {folder / classes[min(lost)]} is a picture"
            )
    if stored["skipped"]:
        refuse_or_warn(stored["skipped"], skip_bad)
    names = tuple(WNIDS.get(c, c) for c in classes)
    return Dataset(root.resolve().name, names, *_splits(stored), stored["fingerprint"])


def list_folder(root: str | Path) -> tuple[list[str], list[list[tuple[Path, int]]]]:
    """List a folder of pictures without opening them.

    Parameters
    ----------
    root : path
        See :func:`load_folder`.

    Returns
    -------
    classes : list of str
        Names of the folders of the classes.
    files : list of two lists of (Path, int)
        Each file of the training and of the validation split, with its label.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`load_dataset`.
    """
    train_dir, val_dir = _split_dirs(Path(root))
    classes = class_folders(train_dir)
    different = sorted(set(classes) ^ set(class_folders(val_dir)))
    if different:
        raise ValueError(
            f"{train_dir} and {val_dir} have different classes: only one has a folder "
            f"{different[0]!r}"
        )
    files = [list(_pictures(d, classes)) for d in (train_dir, val_dir)]
    for folder, found in zip((train_dir, val_dir), files, strict=True):
        if not found:
            raise ValueError(f"no pictures below {folder}: one folder per class?")
        empty = set(range(len(classes))) - {label for _, label in found}
        if empty:
            raise ValueError(f"no pictures below {folder / classes[min(empty)]}")
    return classes, files


def _check_size(image_size: int) -> None:
    if not fits(image_size, int):
        raise TypeError(f"image_size must be a whole number, got {brief(image_size)}")
    if image_size < SMALLEST:
        raise ValueError(
            f"image_size must be at least {SMALLEST} pixels, got {image_size}"
        )


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


def _split_dirs(root: Path) -> tuple[Path, Path]:
    """Return the folders of the two splits."""
    val = root / "val" if (root / "val").is_dir() else root / "test"
    for folder in (root / "train", val):
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{root} needs train/ and val/ (or test/) with one folder per class; "
                f"{'train/' if folder is not val else 'val/'} is not there"
            )
    return root / "train", val


def class_folders(folder: Path) -> list[str]:
    """Return the names of the folders in a split's folder, one per class."""
    inside = (p for p in folder.iterdir() if not p.name.startswith("."))
    return sorted(p.name for p in inside if p.is_dir())


def _pictures(folder: Path, classes: list[str]) -> Iterator[tuple[Path, int]]:
    """Yield each file below the class folders with its label."""
    for label, name in enumerate(classes):
        for path in sorted(files_below(folder / name)):
            yield path, label


def files_below(folder: str | Path) -> Iterator[Path]:
    """Yield each file below a folder; links are followed.

    What is hidden or litter is left out, see :func:`load_folder`.

    Raises
    ------
    ValueError
        If a folder cannot be listed.
    """
    folder = Path(folder)
    # No folder is read twice, nor one that holds this: links may run in a circle.
    seen = {str(path) for path in folder.resolve().parents}
    tops = [folder]
    for top in tops:  # grows: links come last, so that they rename no picture
        for here, folders, names in os.walk(top, onerror=_refuse_folder):
            if (real := os.path.realpath(here)) in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            tops += [Path(here, f) for f in folders if Path(here, f).is_symlink()]
            # A broken link is no folder: it is reported, not skipped.
            yield from (Path(here, n) for n in names if not _is_litter(n))


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini")


def _refuse_folder(error: OSError) -> NoReturn:
    name = one_line(str(error.filename))
    raise ValueError(
        f"cannot list {name} ({error.strerror}); make the folder readable or remove it"
    ) from error


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


def decode(path: str | Path, size: int) -> Tensor:
    """Decode one picture as :func:`load_folder` does.

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


def named_as_picture(path: str | Path) -> bool:
    """Return whether a file's name ends as that of a picture."""
    return Path(path).suffix.lower() in _SUFFIXES


def _try_decode(path: Path, into: Tensor) -> tuple[str, bool] | None:
    """Decode into (3, size, size); return why that failed, and if it always would."""
    if not named_as_picture(path):
        return f"not a picture by its name, such as {_SUFFIXES[0]}", True
    try:
        into.copy_(decode(path, into.shape[-1]))
        return None
    except ValueError as error:
        cause = error.__cause__
        # Only the system's errors have a number: Pillow's are about the contents.
        system = isinstance(cause, OSError) and cause.errno is not None
        return str(error), not (system or isinstance(cause, MemoryError))


def _decode_all(
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


def refuse_or_warn(bad: list[str], skip_bad: bool, *, quiet: bool = False) -> None:
    """Raise ValueError for files that are no pictures, or warn if they may be missing.

    Parameters
    ----------
    bad : list of str
        Each a path and why it is none.
    skip_bad, quiet : bool
        Leave them out; without a word.
    """
    if not skip_bad:
        raise ValueError(
            f"cannot read {one_line(bad[0])}; remove the file or leave such files out "
            "with skip_bad=True (--skip-bad)"
        )
    if not quiet:
        warnings.warn(
            f"{len(bad)} files are no pictures and were left out, the first: "
            f"{one_line(bad[0])}",
            stacklevel=3,
        )


def cache_dir() -> Path:
    """Return where data sets are kept: ``VHIST_CACHE``, else ``~/.cache/vhist``."""
    base = os.environ.get("VHIST_CACHE") or "~/.cache/vhist"
    return expand_user(base, "set VHIST_CACHE to a folder")


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


def _uniform(images: Tensor, k: int, generator: Generator | None, u: Tensor | None):
    """Return ``u``, or fresh uniform numbers of shape (n, k), a row per picture."""
    if u is not None:
        return u
    return torch.rand(len(images), k, generator=generator, device=images.device)


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
