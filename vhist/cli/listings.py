"""Commands that only look: layers, records, data sets, models."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vhist._checks import check_known
from vhist._text import nearest, one_line, table
from vhist.catalogue import SOURCES, Source, base_folder, check_place, locate
from vhist.cli.parsing import parse_options
from vhist.cli.terminal import chart
from vhist.recipe import Recipe, recipe_for
from vhist.runs import RECORDS, Run, load_all

if TYPE_CHECKING:
    from torch import nn

# A run that was killed between two renames has only the second.
STATES = (".ckpt", ".ckpt.previous")

Model = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
RunName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def summarize(
    model: Model,
    image_size: int | None = None,
    num_classes: int | None = None,
    depth: int | None = None,
    model_options: tuple[str, ...] = (),
) -> None:
    """Print a model's layers: shapes, parameters, multiply-adds.

    Parameters
    ----------
    model : str
        one of the builders that `vhist models` lists
    image_size : int
        height and width of the pictures, in pixels; that of its recipe if not given
    num_classes : int
        classes to tell apart; the builder's own number if not given
    depth : int
        merge layers down to this many parts of their path; all if not given
    model_options : tuple of str
        options of the builder, for example blocks=[3,3,3]
    """
    from vhist.models import list_models
    from vhist.summary import summary

    for name, value in (
        ("image_size", image_size),
        ("num_classes", num_classes),
        ("depth", depth),
    ):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    check_known("model", model, list_models(), "vhist models")
    recipe = recipe_for(model)
    recipe = replace(recipe, image_size=image_size or recipe.image_size)
    extra = {} if num_classes is None else {"num_classes": num_classes}
    network = hollow(model, recipe, model_options, **extra)
    layers = summary(network, recipe.image_size)
    print(layers if depth is None else layers.collapse(depth))


def runs(
    folder: Annotated[
        Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")
    ] = Path("runs"),
) -> None:
    """List the records of the book and those in a folder.

    Parameters
    ----------
    folder : path
        where `vhist train` wrote records
    """
    if folder != Path("runs") and not folder.is_dir():
        hint = nearest(folder, ["show", "record"]).replace("mean", "mean vhist runs")
        raise FileNotFoundError(f"no folder {folder}{'; ' if hint else ''}{hint}")
    found = [(run, "book") for run in load_all()]
    for path in sorted(folder.glob("*.json")):
        try:
            found.append((Run.read(path), str(folder)))
        except ValueError as error:
            warnings.warn(str(error), stacklevel=2)
        except OSError as error:  # such as a link to nowhere
            warnings.warn(f"{path}: {error.strerror}", stacklevel=2)
    rows = [
        (
            run.name,
            where,
            f"{100 * run.accuracy:.1f} ± {100 * run.standard_error:.1f}",
            f"{run.parameters:,}",
            run.data["name"],
            str(len(run.log)),
            f"{run.seconds / 60:.1f}",
            run.device,
        )
        for run, where in found
    ]
    head = ["name", "from", "accuracy (%)", "parameters", "data"]
    head += ["epochs", "minutes", "device"]
    print(table(head, rows, right=(2, 3, 5, 6)))
    begun = {
        p.name.partition(".ckpt")[0] for end in STATES for p in folder.glob(f"*{end}")
    }
    if begun:
        print(f"not ended, --resume goes on: {one_line(', '.join(sorted(begun)))}")
    elif not any(where != "book" for _, where in found):
        print(f"none in {folder}: `vhist train` writes there")


def show(run: RunName, figure: Path | None = None, out: Path = Path("runs")) -> None:
    """Show one record: its facts, its command, its curves.

    Parameters
    ----------
    run : str
        a record, or the name of one in --out or of the book
    figure : path
        draw the curves into this file (.png, .svg, .pdf), not in the terminal
    out : path
        folder where a name is looked up
    """
    if figure is not None and figure.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"--figure needs a file .png, .svg or .pdf, got {figure}")
    record = Run.read(find_record(run, out))
    if figure is not None:
        _draw(record, figure)
    facts = record.facts().items()
    print("\n".join(f"{key:9s} {one_line(text)}" for key, text in facts))
    if figure is not None:
        print(f"\nwritten to {figure}")
        return
    for key, title in (
        ("train_loss", "training loss"),
        ("val_accuracy", "validation accuracy"),
    ):
        print(f"\n{title}\n{chart([entry[key] for entry in record.log])}")


def _draw(record: Run, path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from vhist.files import write_whole
    from vhist.plots import WIDTH, curves, use_style

    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to draw {path.name} into")
    use_style()
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.0), layout="constrained")
    for key, ax in zip(("train_loss", "val_accuracy"), axes, strict=True):
        curves([record], key, ax=ax)
    kind = path.suffix[1:]
    write_whole(
        lambda file: figure.savefig(file, format=kind, dpi=150, facecolor="white"),
        path,
    )


def datasets() -> None:
    """List the data sets, and whether they are here."""
    rows = []
    for name, source in SOURCES.items():
        counts = [f"{n:,}" for n in (source.train, source.val) if n is not None]
        rows.append(
            (
                name,
                str(source.classes or "any"),
                " + ".join(counts) or "any",
                source.download,
                _where(name, source),
                source.licence,
            )
        )
    head = "name,classes,pictures,download,where or how,terms"
    print(table(head.split(","), rows, right=(1, 2)))


def _where(name: str, source: Source) -> str:
    """Return the folder of a data set, how to get it, or what is in its way."""
    if here := locate(name):
        return str(here)
    if name not in ("imagenette", "cifar10"):
        return source.how
    base = base_folder(name)
    try:
        check_place(name, base, "160px")
    except ValueError:
        return f"{source.how} --root FOLDER: {base} has other classes"
    return source.how


def models() -> None:
    """List the models that can be trained."""
    from vhist.models import list_models

    print("\n".join(list_models()))


def hollow(
    model: str, recipe: Recipe, words: Sequence[str], **extra: int
) -> "nn.Module":
    """Build a model without its weights, from options given as words.

    Raises
    ------
    ValueError
        If the model takes no such options.
    """
    from vhist.estimate import hollow_model
    from vhist.models import list_options

    options = parse_options(words)
    try:
        return hollow_model(model, recipe, **options, **extra)
    except Exception as error:  # whatever strange options provoke
        if not options:
            raise
        reason = " ".join(re.sub(r"\w+\.__init__\(\) ", "", str(error)).split())
        raise ValueError(
            f"cannot build {model} with {' '.join(words)}: {reason}; "
            f"its options are {', '.join(list_options(model))}"
        ) from error


def find_record(run: str, out: Path) -> Path:
    """Return where the record of that name is, or the one at or beside that path.

    Parameters
    ----------
    run : str
    out : Path
        Folder to look in, before the records of the book.

    Raises
    ------
    ValueError
        If there is none; the nearest name is suggested.
    """
    named = run.endswith((".json", ".pt"))
    places = [Path(run).with_suffix(".json") if named else Path(f"{run}.json")]
    places += [folder / f"{run}.json" for folder in (out, RECORDS)]
    for path in places:
        if path.is_file():
            return path
    if any((out / f"{run}{end}").exists() for end in STATES):
        raise ValueError(
            f"{run} has not ended and has no record yet; its command with --resume "
            "goes on"
        )
    names = {p.stem for folder in (out, RECORDS) for p in folder.glob("*.json")}
    check_known("run", run, names, "vhist runs")
    raise FileNotFoundError(f"no record {run}")
