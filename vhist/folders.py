"""Folders of pictures: what lies in them, told without opening a file."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from vhist._text import one_line

__all__ = [
    "cache_dir",
    "class_folders",
    "expand_user",
    "files_below",
    "list_folder",
    "named_as_picture",
    "refuse_or_warn",
    "split_folders",
]

# As Pillow has them, without those that nobody gives a picture.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)


def expand_user(
    path: str | Path, advice: str = "give root (--root, or VHIST_DATA) without ~"
) -> Path:
    """Return a path with the home folder in the place of ``~``.

    Parameters
    ----------
    path : path
    advice : str
        What to do where there is no such folder.

    Raises
    ------
    ValueError
        If there is no user of that name, or nobody knows where the home folder is.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{str(path)!r} begins with a home folder that is not known; {advice}"
        ) from error


def cache_dir() -> Path:
    """Return where data sets are kept: ``VHIST_CACHE``, else ``~/.cache/vhist``."""
    base = os.environ.get("VHIST_CACHE") or "~/.cache/vhist"
    return expand_user(base, "set VHIST_CACHE to a folder")


def list_folder(root: str | Path) -> tuple[list[str], list[list[tuple[Path, int]]]]:
    """List a folder of pictures without opening them.

    Parameters
    ----------
    root : path
        See :func:`vhist.data.load_folder`.

    Returns
    -------
    classes : list of str
        Names of the folders of the classes.
    files : list of two lists of (Path, int)
        Each file of the training and of the validation split, with its label.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`vhist.load_dataset`.
    """
    train_dir, val_dir = split_folders(Path(root))
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


def split_folders(root: Path) -> tuple[Path, Path]:
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

    What is hidden or litter is left out, see :func:`vhist.data.load_folder`.

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


def named_as_picture(path: str | Path) -> bool:
    """Return whether a file's name ends as that of a picture."""
    return Path(path).suffix.lower() in SUFFIXES


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
