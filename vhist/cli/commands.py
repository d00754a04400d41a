"""Commands that train and answer: their parameters become the flags."""

import hashlib
import math
import os
import shlex
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vhist import _launch
from vhist._checks import check_known, fits
from vhist._text import brief, first_line, nearest, one_line, table
from vhist.catalogue import SMALLEST, SOURCES, count_pictures, locate
from vhist.cli.listings import Model, RunName, find_record, hollow
from vhist.cli.parsing import parse_options, parse_train
from vhist.cli.terminal import megabytes
from vhist.folders import expand_user, files_below, named_as_picture
from vhist.recipe import Recipe, in_bfloat16
from vhist.runs import RECORDS, Run, binomial_error, percent

if TYPE_CHECKING:
    from torch import nn

    from vhist.data import Dataset

_FLAT = tyro.conf.arg(name="")  # its fields are flags without a prefix


@dataclass(frozen=True)
class Options:
    """What to train on and where to put the result."""

    data: str = "sketchnette"
    """sketchnette, imagenette, cifar10, or folder with --root"""
    root: Path | None = None
    """folder with train/ and val/; imagenette and cifar10 are fetched if it is empty"""
    size: Literal["160px", "320px", "full"] = "160px"
    """which of Imagenette's archives to download"""
    data_size: int | None = None
    """height and width to decode pictures to, in pixels; a quarter more than
    --image-size if not given, so that crops lose no sharpness"""
    skip_bad: bool = False
    """leave out files that are no pictures"""
    classes: tuple[str, ...] = ()
    """names of the classes to keep; all if not given"""
    per_class: int | None = None
    """training pictures of each class, drawn with --seed; all if not given"""
    family: Literal["modern", "article", "paper"] = "modern"
    """whose recipe gives the defaults: vhist's, the source article's, or the paper's"""
    model_options: tuple[str, ...] = ()
    """options of the builder, for example dropout=0 or blocks=[3,3,3]; see its
    documentation"""
    weights: str | None = None
    """trained weights to start from: a file (.pt, .ckpt, .pth), a run in --out, or
    imagenet, which downloads torchvision's. The last layer always begins at
    zero, even for the same classes"""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto takes a CUDA GPU if there is one"""
    threads: int | None = None
    """CPU threads; PyTorch's choice if not given"""
    out: Path = Path("runs")
    """folder for the record (.json), the weights (.pt) and, until the run has ended,
    its state (.ckpt)"""
    name: str | None = None
    """name of these files; made of model, data and seed if not given"""
    resume: bool = False
    """continue the run of this name where it was stopped or killed; start it if there
    is none. All else must be as it was"""
    checkpoint_seconds: float = 60.0
    """seconds between saves of the state"""
    tensorboard: Path | None = None
    """folder for TensorBoard's event files (pip install tensorboard)"""
    dry_run: bool = False
    """print what would be done, its steps and an estimate of its memory; do nothing"""

    def __post_init__(self) -> None:
        check_known("data set", self.data, SOURCES, "vhist datasets")
        for name in ("root", "out", "tensorboard"):  # as the parser does for others
            path = getattr(self, name)
            if path is not None:
                known = expand_user(path, f"give --{name} without ~")
                object.__setattr__(self, name, known)
        if self.data == "sketchnette" and self.root is not None:
            raise ValueError(
                "sketchnette is drawn and has no folder: for the pictures in --root "
                "add --data folder"
            )
        for name, least, most in (
            ("data_size", SMALLEST, 100_000),
            ("per_class", 1, 100_000),
            ("threads", 1, 1000),  # with many more, OpenMP crashes
        ):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(
                    f"{name} must be at least {least} and at most {most:,}, got "
                    f"{brief(value)}"
                )
        if not 0 <= self.checkpoint_seconds < math.inf:
            raise ValueError(
                f"checkpoint_seconds cannot be below 0 nor infinite, got "
                f"{self.checkpoint_seconds}"
            )
        # A name that is a path could leave the folder.
        if self.name is not None and (
            not self.name.isprintable()
            or {*"/\\"} & {*self.name}
            or self.name.startswith((".", " ", "-"))
            or not self.name
        ):
            raise ValueError(
                "--name needs the name of a file, without / or \\ and no dot or dash "
                f"in front, got {self.name!r}"
            )
        # Endings and a process number follow; a file's name has at most 255 bytes.
        if self.name is not None and len(os.fsencode(self.name)) > 200:
            raise ValueError("name too long: --name can have at most 200 bytes")
        self.built()

    def built(self) -> dict:
        """Return the options of the builder."""
        return parse_options(self.model_options)


@dataclass(frozen=True)
class _Files:
    record: Path
    weights: Path
    state: Path


def train(
    model: Model,
    options: Annotated[Options, _FLAT],
    recipe: Annotated[Recipe, _FLAT],
) -> None:
    """Train a model and write its record and weights.

    The defaults are those of the model that is named: `vhist train vit_small_8 --help`.

    Parameters
    ----------
    model : str
        one of the builders that `vhist models` lists
    options, recipe
        See there.
    """
    from vhist.checkpoint import exists
    from vhist.cli.recording import check_same

    check_call(model, options, recipe)  # a wrong one fails before data is loaded
    files = _files(options, model, recipe.seed)
    ended = options.resume and files.record.exists() and not exists(files.state)
    if ended:
        call = partial(train, model=model, options=options, recipe=recipe)
        run = check_same(files.record, call)
    if options.dry_run:
        _check_writable(options.out, make=False)
        _check_board(options.tensorboard, make=False)
        _print_plan(model, options, recipe, files)
        return

    import torch

    from vhist.checkpoint import check_facts, remove
    from vhist.data import load_dataset
    from vhist.files import locked, write_whole
    from vhist.models import create_model
    from vhist.parallel import Team, local_first, processes
    from vhist.pretrained import load_weights
    from vhist.train import fit

    if ended:
        if not files.weights.exists():
            raise ValueError(
                f"{files.record} says that the run has ended, but its weights "
                f"{files.weights} are gone: move the record away to train again"
            )
        if _launch.is_first():
            print(f"{run.name} has ended, {run.score}: {files.record}")
        return
    _check_free(files, options)
    _check_writable(options.out)
    _check_board(options.tensorboard)
    check_facts(files.state, {"model": model, "recipe": asdict(recipe)})
    if options.threads:
        torch.set_num_threads(options.threads)
    state, origin = _first_weights(options, model, recipe, files)
    with locked(files.state), processes(_device(options.device)) as device:
        _check_free(files, options)  # another process may have ended it since
        with local_first():  # one downloads and decodes, the others find it done
            data = load_dataset(
                options.data,
                root=options.root,
                image_size=stored_size(options, recipe),
                size=options.size,
                skip_bad=options.skip_bad,
            )
        data = data.select(
            options.classes, per_class=options.per_class, seed=recipe.seed
        )
        torch.manual_seed(recipe.seed)
        built = _built(model, options, recipe, len(data.classes))
        network = create_model(model, **built)
        if state is not None:
            load_weights(network, state, new_head=True)
        network = network.to(device)
        with _advice(files):
            run = fit(
                network,
                data,
                recipe,
                name=files.record.stem,
                model_name=model,
                model_options=built,
                weights=origin,
                command=_command(),
                checkpoint=files.state,
                checkpoint_seconds=options.checkpoint_seconds,
                resume=options.resume,
                tensorboard=options.tensorboard,
            )
            if not Team.current().first:
                return
            write_whole(
                lambda path: torch.save(network.state_dict(), path), files.weights
            )
            run.save(files.record)
        remove(files.state)
        written = one_line(str(files.record))
        print(f"{run.score} in {run.seconds:.0f} s, written to {written}")


@contextmanager
def _advice(files: _Files) -> Iterator[None]:
    """Add to the reason why a run stopped what is kept, and how to go on."""
    from vhist.checkpoint import Interrupted, exists

    try:
        yield
    except Interrupted as stopped:
        said = f"{stopped}; to continue:\n  {_again()}"
        raise Interrupted(said, stopped.signal) from None
    except FloatingPointError as error:
        kept = exists(files.state) and (
            f"; the last good weights are in {files.state}: --weights with it and "
            "another --name go on from there, for example with a lower --lr"
        )
        raise FloatingPointError(f"{error}{kept or ''}") from error
    except OSError as error:
        if not str(error).startswith("could not write"):  # a process was lost
            raise
        saved = exists(files.state)
        kept = f"what was saved is in {files.state}" if saved else "nothing is saved"
        raise OSError(f"{error}; {kept}: make room, then {_again()}") from error


def _check_free(files: _Files, options: Options) -> None:
    """Raise ValueError if a run would overwrite another."""
    from vhist.checkpoint import exists

    if exists(files.state):
        if not options.resume:
            raise ValueError(
                f"{files.state} exists: continue it with --resume, or choose another "
                "--name"
            )
        return
    for path in (files.record, files.weights):
        if path.exists():
            raise ValueError(f"{path} exists; choose another --name or move it away")


def weights_name(given: str | Path) -> str:
    """Return what a record calls weights: the name of their run or file."""
    path = Path(given)
    ours = (".pt", ".ckpt", ".pth", ".json")
    return path.stem if path.suffix in ours else path.name


def _built(model: str, options: Options, recipe: Recipe, classes: int) -> dict:
    """Return all options that a run builds its model with, as its record holds them."""
    from vhist.estimate import builder_options

    chosen = builder_options(model, recipe) | options.built()
    return chosen | {"num_classes": classes}


def _first_weights(
    options: Options, model: str, recipe: Recipe, files: _Files
) -> tuple[dict | None, str]:
    """Return what a run begins with, if it is given, and what its record says of it.

    Raises
    ------
    FileNotFoundError, ValueError
        If they are not there, or are of another model; before data is loaded.
    """
    from vhist.checkpoint import exists, weights_of
    from vhist.estimate import hollow_model
    from vhist.pretrained import fitted, read_weights

    given = options.weights
    if given is None:
        return None, ""
    if given == "imagenet":  # check_call has seen that they fit
        return read_weights(given, model), given
    run = options.out / f"{given}.pt"
    path = run if run.exists() and not Path(given).is_file() else expand_user(given)
    path = path.with_suffix(".pt") if path.suffix == ".json" else path
    if options.resume and not path.exists() and exists(files.state):
        kept = weights_of(files.state)  # the state holds all that came of them
        if kept.rpartition(" ")[0] == weights_name(path):
            return None, kept
    if not path.exists() and (record := RECORDS / f"{given}.json").exists():
        raise _no_weights(path, Run.read(record))
    state = read_weights(path, model)
    try:
        fitted(hollow_model(model, recipe, **options.built()), state, new_head=True)
    except ValueError as error:
        trained = model
        with suppress(OSError, ValueError):  # a record beside them may know better
            trained = Run.read(path.with_suffix(".json")).model
        if trained == model:
            raise
        raise ValueError(f"the weights in {path} are of {trained}") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return state, f"{weights_name(path)} {digest[:16]}"


def check_call(model: str, options: Options, recipe: Recipe) -> None:
    """Raise ValueError unless a model takes such options, pictures and weights."""
    from vhist.estimate import outputs
    from vhist.pretrained import check_published

    network = hollow(model, recipe, options.model_options)
    try:
        outputs(network, recipe)
    # Raised by the network's own checks, or by layers that do not fit together.
    except (RuntimeError, ValueError) as error:
        sizes = f"{recipe.start_size} to " if recipe.start_size else ""
        raise ValueError(
            f"{model} cannot take pictures of {sizes}{recipe.image_size} pixels with "
            f"these options: {first_line(error)}"
        ) from error
    if options.weights == "imagenet":
        check_published(network, model)
    stored = stored_size(options, recipe)
    if recipe.augment == "paper" and stored < recipe.image_size:
        raise ValueError(
            f"augment=paper cuts {recipe.image_size} pixels out of pictures of "
            f"{stored}: raise --data-size or lower --image-size"
        )


def _files(options: Options, model: str, seed: int) -> _Files:
    name = options.name or f"{model}-{options.data}-{seed}"
    return _Files(*(options.out / f"{name}.{end}" for end in ("json", "pt", "ckpt")))


def _check_writable(folder: Path, flag: str = "--out", *, make: bool = True) -> None:
    """Say now, not after hours of training, that nothing can be written there."""
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        here = next(p for p in (folder, *folder.absolute().parents) if p.exists())
        with tempfile.TemporaryFile(dir=here):
            pass
    except OSError as error:
        raise OSError(
            f"cannot write to {folder} ({error.strerror}); choose another folder "
            f"with {flag}"
        ) from error


def _check_board(folder: Path | None, *, make: bool = True) -> None:
    """Raise if TensorBoard's files are wanted and cannot be written."""
    if folder is None:
        return
    if find_spec("tensorboard") is None:
        raise ValueError("TensorBoard is not installed: pip install tensorboard")
    _check_writable(folder, "--tensorboard", make=make)


def stored_size(options: Options, recipe: Recipe) -> int:
    """Return the height and width that pictures are decoded to, in pixels."""
    return options.data_size or max(SMALLEST, recipe.image_size * 5 // 4)


def _again() -> str:
    """Return the command that continues the present run."""
    return shlex.join([*_words(), "--resume"])


def _command() -> str:
    """Return the command that repeats the run elsewhere, if a command started it."""
    started = Path(sys.argv[0])
    # Else it is -m of another package.
    ours = Path(__file__).resolve().parents[1] / "__main__.py"
    if started.name != "vhist" and started.resolve() != ours:
        return ""
    words = [w for w in _words() if not w.startswith("--out=")]
    if "--out" in words:  # a folder of this machine
        at = words.index("--out")
        del words[at : at + 2]
    return shlex.join(words)


def _words() -> list[str]:
    """Return the words of the present command line, but for --resume."""
    words = [w for w in sys.argv[1:] if w not in ("--resume", "--no-resume")]
    if "LOCAL_WORLD_SIZE" not in os.environ:
        return ["vhist", *words]
    count = os.environ["LOCAL_WORLD_SIZE"]
    one_machine = os.environ.get("WORLD_SIZE") == count
    how = ["--nproc-per-node", count] if one_machine else ["..."]
    return ["torchrun", *how, "-m", "vhist", *words]


def _print_plan(model: str, options: Options, recipe: Recipe, files: _Files) -> None:
    """Print what a run would do, or refuse what it would refuse."""
    from vhist.estimate import estimate_memory, hollow_model, steps_per_epoch
    from vhist.summary import summary

    if not _launch.is_first():
        return
    team = _launch.process_count()
    counts = classes, train, val, where = _count(options, chosen=True)
    steps = steps_per_epoch(recipe, train, team)
    _check_data(model, options, recipe, files, counts)
    network = hollow_model(model, recipe, **options.built(), num_classes=classes)
    layers = summary(network, recipe.image_size)
    device, size = _device(options.device), stored_size(options, recipe)
    short = in_bfloat16(recipe.precision, device.partition(":")[0])
    memory = estimate_memory(
        network,
        recipe,
        (train + val, 3, size, size),
        bfloat16=short,
        processes=team,
    )
    begins = options.weights or "random"
    if begins not in ("random", "imagenet"):  # which would be downloaded
        begins = _first_weights(options, model, recipe, files)[1]
    most = "at most " if options.skip_bad else ""  # the bad ones are not known yet
    kind = f"{device}, {'bfloat16' if short else 'float32'}, {team} process"
    facts = [
        ("run", files.record.stem),
        ("state", _standing(files)),
        ("pictures", f"{most}{train:,} + {val:,} of {classes} classes ({where})"),
        ("steps", f"{most}{steps:,} per epoch, {steps * recipe.epochs:,} in all"),
        ("parameters", f"{layers.parameters:,}"),
        ("first weights", begins),
        ("multiply-adds", f"{layers.macs:,} per picture, forward"),
        ("device", f"{kind}{'es' if team > 1 else ''}"),
        ("memory", f"about {megabytes(sum(memory.values()))} per process:"),
        *((f"  {what}", megabytes(size)) for what, size in memory.items() if size),
        ("writes", f"{files.record}, {files.weights}; until it ends {files.state}"),
    ]
    print("\n".join(f"{key:18s} {text}" for key, text in facts))
    print(
        "\nNothing was done. The memory is a rough estimate: numbers held, times their "
        "bytes,\nwithout PyTorch itself and the scratch space of convolutions."
    )


def _count(options: Options, *, chosen: bool) -> tuple[int, int, int, str]:
    """Count the pictures of a run, or all of which it chooses some."""
    return count_pictures(
        options.data,
        options.root,
        options.size,
        classes=options.classes if chosen else (),
        per_class=options.per_class if chosen else None,
        skip_bad=options.skip_bad,
    )


def _check_data(
    model: str, options: Options, recipe: Recipe, files: _Files, counts: tuple
) -> None:
    """Raise if all pictures do not fit into memory, or a checkpoint is of others."""
    from vhist.checkpoint import check_facts
    from vhist.decoding import check_room

    classes, train, val, _ = counts
    size = stored_size(options, recipe)
    some = options.classes or options.per_class  # chosen when all are decoded
    check_room(sum(_count(options, chosen=False)[1:3]) if some else train + val, size)
    if options.resume:
        data = {"image_size": size}
        # Not where they are no more than an estimate.
        here = locate(options.data, options.root, options.size)
        exact = here is not None or options.data == "sketchnette"
        if exact and not options.skip_bad:
            data |= {"train": train, "val": val}
        built = _built(model, options, recipe, classes)
        same = {"model": model, "model_options": built, "recipe": asdict(recipe)}
        check_facts(files.state, same | {"data": data})


def _standing(files: _Files) -> str:
    """Return what there is of a run, and what its command would do."""
    from vhist.checkpoint import exists

    if exists(files.state):
        return "begun: --resume continues it, without it the name is refused"
    if files.record.exists():
        return "exists: --resume would only say so, without it the name is refused"
    if files.weights.exists():
        return f"{files.weights} exists: the name is refused"
    return "none of that name: begins"


def _device(name: str) -> str:
    """Return the device to use; refuse one that is not there."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).item()  # fails on the device "meta" too
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = first_line(error).partition(". ")[0]
        if reason.startswith("Expected one of"):  # 20 names, most of no use here
            reason = "PyTorch knows none of this name"
        raise ValueError(
            f"cannot use device {name!r} ({reason}); use cpu, cuda or, of several "
            "GPUs, cuda:1"
        ) from error
    return name


def evaluate(
    run: RunName,
    data: str | None = None,
    root: Path | None = None,
    size: Literal["160px", "320px", "full"] | None = None,
    skip_bad: bool = False,
    batch_size: int = 256,
    device: str = "auto",
    out: Path = Path("runs"),
) -> None:
    """Evaluate a trained model on the validation pictures.

    Parameters
    ----------
    run : str
        a record, or the name of one in --out; the weights lie beside it
    data : str
        sketchnette, imagenette, cifar10, or folder with --root; that of the record if
        not given
    root : path
        folder with train/ and val/
    size : str
        which of Imagenette's archives; that of the record if not given
    skip_bad : bool
        leave out files that are no pictures, also if the record's run did
    batch_size : int
        pictures at a time; changes no result
    device : str
        cpu, cuda, cuda:1, ...; auto takes a GPU if there is one
    out : path
        folder where a name is looked up
    """
    from vhist.data import load_dataset
    from vhist.train import evaluate as answer

    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    record, network = _load(find_record(run, out), device)
    if data is None and root is None and (given := _recorded(record)):
        if given.root and given.root.is_dir():
            data, root = given.data, given.root
        size, skip_bad = size or given.size, skip_bad or given.skip_bad
    name = data or _data_of(record, root)
    check_known("data set", name, SOURCES, "vhist datasets")
    found = load_dataset(
        name,
        root=root,
        image_size=record.data["image_size"],
        size=size or "160px",
        skip_bad=skip_bad,
    )
    found = _same_classes(found, record)
    result = answer(
        network,
        found.val,
        image_size=record.recipe["image_size"],
        precision=record.recipe["precision"],
        batch_size=batch_size,
    )
    right, n = int((result.predictions == result.labels).sum()), len(result.labels)
    title = f"{record.name}: {record.model} on {found.name}, {n:,} pictures"
    print(one_line(title))
    error = binomial_error(result.accuracy, n)
    print(f"accuracy  {percent(result.accuracy, error)}")
    print(f"loss      {result.loss:.4f}")
    rows = []
    for k, label in enumerate(found.classes):
        mine = result.labels == k
        hits = int((result.predictions[mine] == k).sum())
        share = f"{100 * hits / int(mine.sum()):.1f}" if mine.any() else "-"
        rows.append((one_line(label), f"{hits:,} of {int(mine.sum()):,}", share))
    print(table(("class", "right", "%"), rows, right=(1, 2)))
    answers, labels = result.predictions.tolist(), result.labels.tolist()
    if (answers, labels) == (record.predictions, record.labels):
        print("the record's accuracy, and the same answer for every picture")
    elif found.fingerprint != record.data.get("fingerprint"):
        print(f"the record says {record.score}, of its own pictures")
    else:
        hits = sum(map(int.__eq__, record.labels, record.predictions))
        same = (right, n) == (hits, len(record.labels))
        word = "equal, but" if same else "different, and"
        print(f"the record says {record.score}: {word} other answers")


def _recorded(record: Run) -> Options | None:
    """Return the options of the command behind a record, unless it cannot be read."""
    with suppress(ValueError):  # written by another version, or by hand
        _, _, words = record.command.partition("vhist train ")  # maybe of torchrun
        if words and "--help" not in words:
            given = parse_train(train, "vhist train", shlex.split(words))
            return given.keywords["options"]
    return None


def _same_classes(found: "Dataset", record: Run) -> "Dataset":
    """Return a data set with the classes of a record, in their order.

    Raises
    ------
    ValueError
        If it lacks some.
    """
    there, here = record.data["classes"], list(found.classes)
    if {*there} <= {*here} and (there, record.labels) != (
        here,
        found.val.labels.tolist(),
    ):
        found = found.select(there)  # sorted, as in such a training
    elif there != here:
        raise ValueError(
            f"{found.name} has other classes ({_some(here)}) than {record.name} was "
            f"trained for ({_some(there)}); name its data with --data or --root"
        )
    if found.fingerprint != record.data.get("fingerprint"):
        warnings.warn(
            f"{found.name} is not what the record was made with: its fingerprint is "
            f"{found.fingerprint}, not {record.data.get('fingerprint')}",
            stacklevel=3,
        )
    return found


def _data_of(record: Run, root: Path | None) -> str:
    """Return what --data must have been; a record holds the name of the folder."""
    name = record.data["name"]
    if root is not None:
        return "folder"
    for known in ("sketchnette", "imagenette", "cifar10"):
        if name.startswith(known):
            return known
    folder = os.environ.get("VHIST_DATA")
    if folder and expand_user(folder).resolve().name == name:
        return "folder"
    raise ValueError(f"{record.name} was trained on {name!r}: give its folder, --root")


def predict(
    run: RunName,
    pictures: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PICTURE...")
    ],
    csv: bool = False,
    device: str = "auto",
    out: Path = Path("runs"),
) -> int:
    """Print the three most probable classes of pictures.

    Parameters
    ----------
    run : str
        a record, or the name of one in --out; the weights lie beside it
    pictures : paths
        files, or folders of them
    csv : bool
        print a table for other programs: each file, and the probability of every class
    device : str
        cpu, cuda, cuda:1, ...; auto takes a GPU if there is one
    out : path
        folder where a name is looked up
    """
    from csv import writer

    import torch

    from vhist.data import normalize, resize
    from vhist.decoding import decode

    if not pictures:
        raise ValueError("no pictures given: vhist predict RUN PICTURE...")
    record, network = _load(find_record(run, out), device)
    classes, code = record.data["classes"], 0
    lines = writer(sys.stdout, lineterminator="\n")
    if csv:
        lines.writerow(["file", *classes])
    for path in _spread(pictures):
        try:
            picture = decode(path, record.data["image_size"])
        except ValueError as error:
            said = one_line(f"vhist predict: cannot read {path} ({error})")
            print(said, file=sys.stderr)
            code = 2
            continue
        x = picture[None].to(next(network.parameters()).device)
        with torch.inference_mode():
            logits = network(normalize(resize(x, record.recipe["image_size"])))
        chances = logits.float().softmax(dim=1)[0]
        if csv:
            lines.writerow([path, *(f"{p:.6f}" for p in chances.tolist())])
            continue
        best = chances.topk(min(3, len(classes)))
        answers = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        said = ", ".join(f"{classes[k]} {100 * p:.1f} %" for p, k in answers)
        print(one_line(f"{path}: {said}"))
    return code


def _spread(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield files: those of a folder, or of a pattern that no shell has expanded."""
    for path in paths:
        if path.is_dir():
            found: list[Path] = []
            others: list[Path] = []
            for file in sorted(files_below(path)):
                (found if named_as_picture(file) else others).append(file)
            if found and others:
                warnings.warn(
                    f"{len(others)} files below {path} are not named as pictures and "
                    f"were left out, the first: {one_line(str(others[0]))}",
                    stacklevel=2,
                )
            yield from found or [path]
        elif not path.exists() and {*"*?["} & {*path.name}:
            yield from sorted(path.parent.glob(path.name)) or [path]
        else:
            yield path


def _load(path: Path, device: str) -> tuple[Run, "nn.Module"]:
    """Return a record and its model, with its weights, ready to answer.

    Raises
    ------
    FileNotFoundError, ValueError
        If the weights are not there, are damaged, hold code, or are of other shapes.
    """
    import torch

    from vhist.checkpoint import check_arrays
    from vhist.models import create_model, list_models
    from vhist.pretrained import read_weights

    record, place = Run.read(path), _device(device)
    if record.model not in list_models():
        hint = nearest(record.model, list_models())
        raise ValueError(
            f"{path}: no model named {brief(record.model)} (one of your own is "
            f"evaluated in Python); {hint or 'see vhist models'}"
        )
    try:
        Recipe(**record.recipe)
        missing = {"image_size", "precision"} - set(record.recipe)
        if missing:
            raise ValueError(f"its recipe lacks {', '.join(sorted(missing))}")
        size, classes = record.data["image_size"], record.data["classes"]
        if not fits(size, int) or not 1 <= size <= 10_000:
            raise ValueError(f"the image_size of its data is {brief(size)}")
        outputs, n = record.model_options.get("num_classes", 10), len(classes)
        if outputs != n:
            raise ValueError(f"it names {n} classes, its model has {brief(outputs)}")
        with torch.device("meta"):
            hollow = create_model(record.model, **record.model_options)
    except Exception as error:  # torch raises whatever strange options provoke
        raise ValueError(f"{path} does not describe a model: {error}") from error
    weights = path.with_name(f"{path.stem}.pt")
    if not weights.exists():
        raise _no_weights(weights, record)
    state = read_weights(weights, record.model)
    try:
        check_arrays("state dict", state, hollow.state_dict())
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{weights.name} does not fit {record.model}: {error}"
        ) from error
    network = create_model(record.model, **record.model_options)
    network.load_state_dict(state)
    # As in training: the same order in memory gives the same sums.
    return record, network.to(place, memory_format=torch.channels_last).eval()


def _no_weights(path: Path, record: Run) -> FileNotFoundError:
    how = record.command or "vhist train"
    return FileNotFoundError(f"no weights {path}; `{how}` writes them")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f", ... {len(names)}" if len(names) > 3 else "")
