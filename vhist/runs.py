"""The record of a training run, and the records that come with the package.

Every number that a page shows is read from such a record; none is typed.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import date
from functools import cache, cached_property
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from vhist._checks import check_fields, check_file, check_known, fits
from vhist._text import brief
from vhist.catalogue import SOURCES
from vhist.files import write_whole
from vhist.recipe import Recipe

if TYPE_CHECKING:  # to look at records, PyTorch is not needed
    import torch

__all__ = [
    "ARTICLE",
    "MeanStd",
    "Run",
    "binomial_error",
    "commit",
    "cost",
    "describe_machine",
    "history",
    "list_runs",
    "load",
    "load_all",
    "markdown",
    "mean_std",
    "paired_z",
    "peak_memory",
    "percent",
    "variant",
]

RECORDS = Path(__file__).parent / "records"

# What every record has in these fields.
_DATA = {"name": str, "classes": list[str], "train": int, "val": int}
_LOG = dict.fromkeys(
    ("lr", "train_loss", "val_loss", "val_accuracy", "seconds"), float
) | {"epoch": int}

#: Right answers among Imagenette's 3,925 validation pictures that the source article
#: reports for its full-size networks (AlexNet, VGG-16, ResNet-34, ViT-B/16) after 200
#: to 400 epochs, from "vision-hist", github.com/khazaei/vision-hist. They were counted
#: with dropout or batch statistics still live; see the introduction.
ARTICLE = {"alexnet": 3062, "vgg": 3365, "resnet": 3401, "vit": 2702}
_JUDGED = SOURCES["imagenette"].val or 0  # pictures; None is for folders


@dataclass
class Run:
    """What was trained, how, on what, how long it took, and what came out.

    Attributes
    ----------
    name : str
        Name of the record.
    model : str
        Builder's name, see :func:`vhist.models.list_models`.
    model_options : dict
        Arguments of the builder.
    parameters : int
        Number of weights and biases, frozen ones included.
    recipe : dict
        All fields of :class:`vhist.recipe.Recipe`.
    data : dict
        Name, fingerprint, classes, number of pictures and their size in pixels.
    command : str
        The command line that repeats the run.
    device : str
        Processor or GPU.
    threads : int
        Threads that PyTorch used on the CPU.
    versions : dict
        Of vhist, torch and Python.
    commit : str
        The repository's commit at the start, empty outside of one; "+" marks local
        changes.
    date : str
        Day of the end, ISO 8601.
    seconds, cpu_seconds : float
        Wall-clock and processor time of ``fit``, evaluations included; of several
        processes, those of the first. What a killed run lost since it was last saved
        is not in them.
    peak_memory : int
        Most memory used, in bytes: by the process so far, or on a GPU during the run. 0
        where the system does not say (Windows).
    log : list of dict
        Per epoch: ``epoch``, ``lr`` at its end, ``train_loss``, ``val_loss``,
        ``val_accuracy``, ``seconds`` and ``cpu_seconds`` since the start (the latter
        not in the oldest records).
    predictions : list of int
        Class given to each validation picture by the last epoch's weights.
    labels : list of int
        Right class of each validation picture.
    most_wrong : list of dict
        The validation pictures with the highest loss: ``file``, ``label``,
        ``prediction`` and its ``probability``.
    processes : int
        Number of processes that torchrun started, 1 without it.
    weights : str
        What the model began with, and the first 16 digits of the file's SHA-256;
        empty for random weights.
    device_type : str
        PyTorch's word for the device, such as cpu or cuda; empty in older records.
    """

    name: str
    model: str
    model_options: dict
    parameters: int
    recipe: dict
    data: dict
    command: str
    device: str
    threads: int
    versions: dict
    commit: str
    date: str
    seconds: float
    cpu_seconds: float
    peak_memory: int
    log: list[dict] = field(repr=False)
    predictions: list[int] = field(repr=False)
    labels: list[int] = field(repr=False)
    most_wrong: list[dict] = field(repr=False)
    processes: int = 1
    weights: str = ""
    device_type: str = ""

    @property
    def origin(self) -> str:
        """What the run's first weights are called, empty if they were random."""
        return self.weights.rpartition(" ")[0] or self.weights  # imagenet has no digest

    @property
    def accuracy(self) -> float:
        """Share of right answers on the validation split after the last epoch."""
        return self.log[-1]["val_accuracy"]

    @property
    def standard_error(self) -> float:
        """Binomial standard error of the accuracy: sqrt(p (1 - p) / n)."""
        return binomial_error(self.accuracy, len(self.labels))

    @property
    def score(self) -> str:
        """The accuracy with its standard error, such as "83.81 ± 0.59 %"."""
        return percent(self.accuracy, self.standard_error)

    @property
    def family(self) -> str:
        """The model's architecture, a key of ``ARTICLE``; empty for others."""
        return next((f for f in ARTICLE if self.model.startswith(f)), "")

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        if self.device_type:
            return self.device_type != "cpu"
        return self.device.startswith("NVIDIA")  # an older record

    @property
    def minutes(self) -> float:
        """What the run took: minutes of the GPU, or of processor time without one.

        Those of a GPU are wall-clock time, so whatever else ran then counts too. Of
        several processes, each is taken to have needed as much as the first.
        """
        of_one = self.seconds if self.on_gpu else self.cpu_seconds
        return self.processes * of_one / 60

    @property
    def pictures_per_second(self) -> float:
        """Training pictures shown per second of :attr:`minutes`, evaluations included.

        On a CPU that is per second of one core, on a GPU per second of each GPU.
        """
        batch = self.recipe.get("batch_size", 1)
        steps = self.data["train"] * self.recipe.get("repeats", 1) // batch
        return steps * batch * len(self.log) / max(60 * self.minutes, 1e-9)

    @cached_property
    def confusion(self) -> list[list[int]]:
        """Number of pictures of class ``row`` that were taken for class ``column``."""
        k = len(self.data["classes"])
        if max([*self.labels, *self.predictions]) >= k:
            raise ValueError(f"the record {self.name} names more than its {k} classes")
        table = [[0] * k for _ in range(k)]
        for label, prediction in zip(self.labels, self.predictions, strict=True):
            table[label][prediction] += 1
        return table

    def facts(self) -> dict[str, str]:
        """Return how the run was made and what came out, in words; empty ones left out.

        In a notebook or on a page a record shows them in a table that unfolds.
        """
        data, versions = self.data, self.versions.items()
        minutes, cpu = self.seconds / 60, self.cpu_seconds / 60
        clock = "second" if self.on_gpu else "CPU second"
        options = ", ".join(f"{k}={v}" for k, v in self.model_options.items())
        found = {
            "name": self.name,
            "model": f"{self.model}, {self.parameters:,} parameters",
            "options": options,
            "weights": self.weights,
            "data": f"{data['name']}, {data['train']:,} + {data['val']:,} pictures",
            "accuracy": self.score,
            "epochs": str(len(self.log)),
            "minutes": f"{minutes:.1f}, CPU {cpu:.1f}",
            "speed": f"{self.pictures_per_second:,.0f} training pictures per {clock}",
            "memory": f"{self.peak_memory / 1e6:,.0f} MB",
            "device": f"{self.device}, {self.threads} thread{'s' * (self.threads > 1)}",
            "processes": str(self.processes) if self.processes > 1 else "",
            "versions": ", ".join(f"{key} {value}" for key, value in versions),
            "commit": self.commit,
            "date": self.date,
            "command": self.command,
        }
        return {key: text for key, text in found.items() if text}

    def _repr_html_(self) -> str:
        rows = self.facts() | {f"recipe: {k}": str(v) for k, v in self.recipe.items()}
        body = "".join(
            f"<tr><th>{escape(key)}</th><td>{escape(text)}</td></tr>"
            for key, text in rows.items()
        )
        return (
            '<details class="vhist-record"><summary>How the record '
            f"{escape(self.name)} was made</summary><table><tbody>{body}</tbody>"
            "</table></details>"
        )

    def save(self, path: str | Path) -> Path:
        """Write the record as JSON, whole or not at all."""
        path = Path(path)
        stored = asdict(self)
        for key in ("predictions", "labels"):
            stored[key] = _pack(stored[key])
        lines = ",\n".join(f" {json.dumps(k)}: {_json(v)}" for k, v in stored.items())
        text = f"{{\n{lines}\n}}\n"
        write_whole(lambda file: file.write(text.encode()), path)
        return path

    @classmethod
    def read(cls, path: str | Path) -> Run:
        """Read a record.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is no record of a run.
        """
        check_file(Path(path))
        try:
            stored = json.loads(Path(path).read_text(encoding="utf-8"))
            if not isinstance(stored, dict):
                raise ValueError(f"it holds {brief(stored)}")
            names = {f.name for f in fields(cls)}
            needed = {f.name for f in fields(cls) if f.default is MISSING}
            for what, found in (
                ("lacks", needed - set(stored)),
                ("has unknown fields:", set(stored) - names),
            ):
                if found:
                    raise ValueError(f"it {what} {brief(', '.join(sorted(found)))}")
            for key in ("predictions", "labels"):
                stored[key] = _unpack(stored[key])
            run = cls(**stored)
            run._check()
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path} is no record of a run: {error}") from error
        return run

    def _check(self) -> None:
        """Raise TypeError or ValueError unless pages and tables can rely on it."""
        check_fields(self)
        for name in ("parameters", "threads", "seconds", "cpu_seconds", "peak_memory"):
            if not 0 <= getattr(self, name) < 2**63:
                raise ValueError(
                    f"{name} is out of range: {brief(getattr(self, name))}"
                )
        _check_keys("data", self.data, _DATA)
        for name in ("batch_size", "repeats"):
            value = self.recipe.get(name, 1)
            if not (fits(value, int) and 1 <= value < 2**63):
                raise ValueError(f"{name} in its recipe is {brief(value)}")
        if not (self.data["classes"] and self.log and self.labels):
            raise ValueError("it has no classes, no epoch or no labels")
        if len(self.predictions) != len(self.labels):
            raise ValueError(
                f"it has {len(self.predictions)} predictions for {len(self.labels)} "
                "labels"
            )
        for entry in self.log:
            check_entry(entry)


def describe_machine(device: torch.device) -> dict:
    """Return what a record says of machine and day, by the fields of :class:`Run`."""
    import torch

    return {
        "device": _device_name(device),
        "device_type": device.type,
        "threads": torch.get_num_threads(),
        "versions": {
            "vhist": version("vhist"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "date": date.today().isoformat(),
    }


@cache
def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        import torch

        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(
            s.split(":")[1].strip() for s in lines if s.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def peak_memory(device: torch.device) -> int:
    """Return the most memory used so far, in bytes: see :class:`Run`."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # on Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@cache
def commit() -> str:
    """Return the commit of a checkout that this file is part of, else nothing."""
    here = Path(__file__).parent
    git = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        if not (here.parent / ".git").exists():
            return ""
        done = subprocess.run(git, capture_output=True, text=True, timeout=10)
        return done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def list_runs() -> list[str]:
    """Return the names of the records that come with the package."""
    return sorted(p.stem for p in RECORDS.glob("*.json"))


def load(name: str) -> Run:
    """Load one of the records that come with the package.

    Raises
    ------
    ValueError
        If there is no such record; the nearest name is suggested.
    """
    check_known("record", name, list_runs(), "vhist runs")
    return Run.read(RECORDS / f"{name}.json")


def load_all() -> list[Run]:
    """Load all records that come with the package, by name."""
    return [load(name) for name in list_runs()]


@dataclass(frozen=True)
class MeanStd:
    """Accuracy of runs that differ in the seed alone.

    Printed, it says in percent which of the two errors it shows: SD, the spread of
    the seeds, or SE with a single seed, whose spread is not known.

    Attributes
    ----------
    mean : float
        Of the accuracies after the last epoch.
    std : float or None
        Sample standard deviation over the seeds; None with one.
    n : int
        Number of seeds.
    standard_error : float
        Binomial, at the mean. All seeds are judged on the same pictures, so more of
        them do not make it smaller.
    """

    mean: float
    std: float | None
    n: int
    standard_error: float

    @property
    def error(self) -> float:
        """The standard deviation over seeds; with one seed the standard error."""
        return self.standard_error if self.std is None else self.std

    def __str__(self) -> str:
        kind = "SE" if self.std is None else "SD"
        return f"{100 * self.mean:.1f} ± {100 * self.error:.1f} ({kind})"


def mean_std(runs: list[Run]) -> MeanStd:
    """Return mean and standard deviation of the accuracy over seeds.

    Parameters
    ----------
    runs : list of Run
        Of one model and recipe on the same pictures, one per seed.

    Raises
    ------
    ValueError
        If there is none, if they are of several models, recipes or data sets, or two
        have the same seed.
    """
    if not runs:
        raise ValueError("mean and spread need at least one run")
    for run in runs:
        if _but_seed(run) != _but_seed(runs[0]):
            raise ValueError(
                f"{runs[0].name} and {run.name} differ in more than the seed: their "
                "model, recipe or validation pictures are not the same"
            )
    seeds = [run.recipe.get("seed", 0) for run in runs]
    if len({*seeds}) < len(seeds):
        raise ValueError(
            f"two of the records of {runs[0].model} have the same seed: a spread needs "
            "one run per seed"
        )
    from statistics import mean, stdev  # slow to import, and few commands need it

    accuracies = [run.accuracy for run in runs]
    p = mean(accuracies)
    return MeanStd(
        mean=p,
        std=stdev(accuracies) if len(runs) > 1 else None,
        n=len(runs),
        standard_error=binomial_error(p, len(runs[0].labels)),
    )


def percent(accuracy: float, error: float) -> str:
    """Return an accuracy and its standard error in percent."""
    return f"{100 * accuracy:.2f} ± {100 * error:.2f} %"


def binomial_error(p: float, n: int) -> float:
    """Return the standard error sqrt(p (1 - p) / n) of a share p among n pictures."""
    return (p * (1 - p) / n) ** 0.5


def _but_seed(run: Run) -> tuple:
    # A record lacks newer settings, and was made with what is now their default.
    recipe = vars(Recipe()) | run.recipe | {"seed": 0}
    plain = json.loads(json.dumps(recipe))  # a default may be a tuple
    return run.model, run.model_options, plain, run.labels


def paired_z(run: Run, other: Run) -> float:
    """Return how far apart two runs are on the same pictures, in standard errors.

    McNemar's test [1]_: with a pictures that ``run`` alone gets right and b that
    ``other`` alone does, (a - b) / √(a + b), which is nearly standard normal if both
    are equally good. Positive where ``run`` is better; 0 where they agree on all.

    Raises
    ------
    ValueError
        If the two were not judged on the same pictures.

    References
    ----------
    .. [1] Q. McNemar, "Note on the sampling error of the difference between correlated
       proportions or percentages", Psychometrika 12, 1947.
    """
    if run.labels != other.labels:
        raise ValueError(f"{run.name} and {other.name} were judged on other pictures")
    pairs = zip(run.predictions, other.predictions, run.labels, strict=True)
    right = [(p == truth, q == truth) for p, q, truth in pairs]
    a, b = right.count((True, False)), right.count((False, True))
    return (a - b) / (a + b) ** 0.5 if a + b else 0.0


def cost(runs: Sequence[Run]) -> str:
    """Return what a run took on average, such as "43 CPU min".

    Parameters
    ----------
    runs : sequence of Run
        If some ran on a GPU and some did not, each kind has its own mean.
    """
    parts = []
    for unit in ("CPU", "GPU"):
        took = [r.minutes for r in runs if r.on_gpu == (unit == "GPU")]
        if took:
            mean = sum(took) / len(took)
            parts.append(f"{mean:.{0 if mean >= 9.95 else 1}f} {unit} min")
    return ", ".join(parts)


def history(run: Run) -> list[Run]:
    """Return the runs that a run's weights go back to, oldest first, itself last.

    Only the package's records count: a run that began with random weights, or with
    those of others, stands alone.
    """
    known = run.origin in list_runs()
    return [*(history(load(run.origin)) if known else []), run]


def markdown(plans: dict[str, dict[str, list[Run]]]) -> str:
    """Return the results of plans as the table of the README.

    Parameters
    ----------
    plans : dict of str to dict
        By the plan's name, what the plan's method ``records`` returns. Each label
        is a row; those of one architecture stand together, in the order of history.
        Models that the source article does not have come last. What a label adds to
        the name of its model follows the plan's. A row that went on from the weights
        of another shows both, the earlier one first.
    """
    lines = [
        "| model | plan | accuracy (%) | seeds | pixels | epochs | one run "
        "| parameters | article (%) |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    rows = [
        (", ".join(filter(None, (plan, variant(label, runs[0])))), runs)
        for plan, labels in plans.items()
        for label, runs in labels.items()
    ]
    families = [*ARTICLE, ""]
    for plan, runs in sorted(rows, key=lambda row: families.index(row[1][0].family)):
        run, score, family = runs[0], mean_std(runs), runs[0].family
        before = history(run)[:-1]
        theirs = f"{100 * ARTICLE[family] / _JUDGED:.1f}" if family else "–"
        accuracy, *costs = (
            text.replace(" ", "\N{NO-BREAK SPACE}")
            for text in (str(score), *(cost([r]) for r in before), cost(runs))
        )
        took = ", ".join(costs)
        pixels, epochs = (
            ", ".join(str(r.recipe[key]) for r in (*before, run))
            for key in ("image_size", "epochs")
        )
        lines.append(
            f"| {run.model} | {plan} | {accuracy} | {score.n} "
            f"| {pixels} | {epochs} | {took} "
            f"| {run.parameters:,} | {theirs} |"
        )
    return "\n".join(lines)


def variant(label: str, run: Run) -> str:
    """Return what a label of a plan adds to the name of its model, often nothing."""
    added = label.removeprefix(run.model).strip("_") if label != run.model else ""
    return added.replace("_", " ")  # can break in a narrow column


def _pack(classes: list[int]) -> str:
    """Write up to 36 classes as one character each: thousands stay one short line."""
    if max(classes, default=0) > 35:  # a space even after a single number
        return " ".join(map(str, classes)) + " " * (len(classes) == 1)
    return "".join("0123456789abcdefghijklmnopqrstuvwxyz"[c] for c in classes)


def _unpack(text: str) -> list[int]:
    good = isinstance(text, str) and text.isascii()
    if not good or not f"0{text}".replace(" ", "").isalnum():
        raise ValueError(f"classes are written as {brief(text)}")
    if " " in text:
        return [int(c) for c in text.split()]
    return [int(c, 36) for c in text]


def check_entry(entry: dict) -> None:
    """Raise ValueError unless it is a line of a log, see :class:`Run`."""
    _check_keys("log", entry, _LOG)
    for key in entry.keys() - _LOG.keys():
        if not fits(entry[key], int | float | str | None):
            raise ValueError(f"{brief(key)} in its log is {brief(entry[key])}")
    if not 0 <= entry["val_accuracy"] <= 1:
        raise ValueError(f"an accuracy is {brief(entry['val_accuracy'])}")


def _check_keys(what: str, values: dict, kinds: dict) -> None:
    for key, kind in kinds.items():
        value = values.get(key)
        huge = isinstance(value, int) and abs(value) >= 2**63
        if huge or not fits(value, kind):
            raise ValueError(f"{key} in its {what} is {brief(value)}")


def _json(value: object) -> str:
    """One line, but one line per entry for lists of dictionaries."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
    return json.dumps(value)
