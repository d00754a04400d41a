"""The data sets that :func:`vhist.load_dataset` knows, and whether they are here."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vhist import folders
from vhist._checks import fits
from vhist._text import brief, nearest
from vhist.folders import cache_dir, class_folders, expand_user

__all__ = [
    "ARCHIVES",
    "CIFAR10",
    "SMALLEST",
    "SOURCES",
    "WNIDS",
    "Source",
    "base_folder",
    "check_classes",
    "check_per_class",
    "check_place",
    "count_pictures",
    "inner_folder",
    "locate",
]

#: Height and width of the smallest picture that is stored, in pixels.
SMALLEST = 16


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Attributes
    ----------
    classes, train, val : int or None
        Number of classes, and of pictures in each split; None if the folder decides.
    download : str
        What there is to fetch.
    licence : str
        Under what terms, or whose pictures they are.
    how : str
        How to get it.
    """

    classes: int | None
    train: int | None
    val: int | None
    download: str
    licence: str
    how: str


#: What each data set has and where it comes from, by its name.
SOURCES = {
    "sketchnette": Source(
        10, 4000, 1000, "nothing", "BSD-3-Clause", "drawn when first used"
    ),
    "imagenette": Source(
        *(10, 9469, 3925),
        "0.1, 0.3 or 1.5 GB",
        "research only",
        "by --data imagenette",
    ),
    "cifar10": Source(
        *(10, 50_000, 10_000),
        "170 MB",
        "none stated",
        "by --data cifar10",
    ),
    "folder": Source(*(None, None, None), "nothing", "yours", "by --root FOLDER"),
}


#: Imagenette's archives by the shorter side of their pictures, and what they unpack to.
ARCHIVES = {
    "full": "imagenette2",
    "320px": "imagenette2-320",
    "160px": "imagenette2-160",
}

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

#: CIFAR-10's ten classes, in the order of their labels.
CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def base_folder(name: str, root: str | Path | None = None) -> Path:
    """Return where a data set is looked for: root, VHIST_DATA, or vhist's own cache.

    Parameters
    ----------
    name : str
        One of ``SOURCES``.
    root : path, optional

    Raises
    ------
    ValueError
        If nobody says where the pictures of ``folder`` are.
    """
    chosen = root or os.environ.get("VHIST_DATA")
    if name == "folder" and not chosen:
        raise ValueError(
            "data set 'folder' needs root= (--root), with train/ and val/ inside"
        )
    return expand_user(chosen or cache_dir())


def _has_classes_of(name: str, folder: Path) -> bool:
    """Return whether a folder with ``train/`` can be the data set of this name.

    CIFAR-10 must have exactly its classes, Imagenette no others.
    """
    if name not in ("cifar10", "imagenette"):
        return True
    classes = {*class_folders(folder / "train")}
    return classes == {*CIFAR10} if name == "cifar10" else classes <= {*WNIDS}


def inner_folder(name: str, size: str) -> str:
    """Return the name of the folder that a data set is unpacked to."""
    return "cifar10" if name == "cifar10" else ARCHIVES[size]


def locate(name: str, root: Path | None = None, size: str = "160px") -> Path | None:
    """Return the folder that :func:`vhist.load_dataset` would read, if it is there.

    Parameters
    ----------
    name : str
        One of ``SOURCES``.
    root, size
        See :func:`vhist.load_dataset`.
    """
    nowhere = name == "folder" and not (root or os.environ.get("VHIST_DATA"))
    if name == "sketchnette" or nowhere:
        return None
    base = base_folder(name, root)
    places = [base] if name == "folder" else [base, base / inner_folder(name, size)]
    for folder in places:
        if (folder / "train").is_dir() and _has_classes_of(name, folder):
            return folder
    return None


def check_place(name: str, base: Path, size: str) -> None:
    """Raise ValueError if other pictures lie where a data set would be unpacked."""
    for folder in (base, base / inner_folder(name, size)):
        if (folder / "train").is_dir() and not _has_classes_of(name, folder):
            raise ValueError(
                f"{folder} has other classes than {name}: give another root (--root, "
                "or VHIST_DATA), or name the data set 'folder'"
            )


def count_pictures(
    name: str,
    root: Path | None = None,
    size: str = "160px",
    *,
    classes: Sequence[str] = (),
    per_class: int | None = None,
    skip_bad: bool = False,
) -> tuple[int, int, int, str]:
    """Count classes and pictures without opening, drawing or downloading any.

    Parameters
    ----------
    name, root, size, skip_bad
        See :func:`vhist.load_dataset`. A file counts as a picture by its name alone.
    classes, per_class
        See :meth:`vhist.data.Dataset.select`. Of a data set that is not here, each
        class is taken to have the same share of the pictures.

    Returns
    -------
    classes, train, val : int
    where : str
        The folder whose files were counted, or how the data set would come here.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`vhist.load_dataset` does.
    """
    source, folder = SOURCES[name], locate(name, root, size)
    if folder is None and name == "folder":
        folder = base_folder(name, root)  # what it lacks is said where it is listed
    if folder is not None:
        found, splits = folders.list_folder(folder)
        files = [path for split in splits for path, _ in split]
        for path in files if not skip_bad else ():
            if not folders.named_as_picture(path):
                folders.refuse_or_warn(
                    [f"{path} (not a picture by its name)"], skip_bad
                )
        names = [WNIDS.get(c, c) for c in found]
        check_classes(folder.name, classes, names)
        kept = {names.index(c): c for c in classes or names}
        counts, there = (
            Counter(
                kept[label]
                for path, label in split
                if label in kept and folders.named_as_picture(path)
            )
            for split in splits
        )
        if per_class is not None:
            check_per_class(folder.name, per_class, counts)
            counts = Counter(dict.fromkeys(counts, per_class))
        return len(kept), counts.total(), there.total(), str(folder)
    if name != "sketchnette":
        check_place(name, base_folder(name, root), size)
    # A folder has none of these numbers; its files were counted above.
    whole, *sizes = (n or 0 for n in (source.classes, source.train, source.val))
    where = source.how if name == "sketchnette" else "to be downloaded"
    # Else the ten classes of Imagenette, photographed or drawn.
    check_classes(name, classes, CIFAR10 if name == "cifar10" else [*WNIDS.values()])
    n, each = len(classes) or whole, sizes[0] // whole
    if per_class is not None:
        check_per_class(name, per_class, {"each class": each})
    train, val = (size * n // whole for size in sizes)
    return n, per_class * n if per_class else train, val, where


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
