"""Plans: which models are trained how, on what and with which seeds, as data.

A plan is a TOML file. Each of its runs is a call of ``vhist train``: the keys are the
flags, the table ``all`` has those that the runs share.
"""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from vhist._checks import check_file, fits
from vhist._text import brief, html_table, nearest, table
from vhist.runs import RECORDS, Run, paired_z

__all__ = ["Comparison", "Plan", "PlannedRun", "list_plans", "load"]

PLANS = Path(__file__).parent / "plans"

_Z = (
    "z: McNemar's paired test, on the pictures that only one of the two runs gets "
    "right. Beyond 2 it is more than the luck of the pictures; the luck of the seed is "
    "not in it."
)
_TAKEN = ("name", "seed", "out", "resume", "dry_run", "help")  # set by the plan


@dataclass(frozen=True)
class PlannedRun:
    """One call of ``vhist train``.

    Attributes
    ----------
    name : str
        Of the record: plan, label and seed, joined by hyphens.
    label : str
        What its plan calls it; runs that differ in the seed alone share it.
    seed : int
    words : tuple of str
        The command line after ``vhist train``.
    """

    name: str
    label: str
    seed: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs of a plan, held against the first: what one change is worth.

    In a notebook or on a page it is a folded table, so that one can guess first.
    Accuracies carry their binomial standard error. The last column is McNemar's
    paired test [1]_: of the pictures that only one of the two runs gets right, how
    far the split is from half and half, in standard errors. Beyond 2 it is more than
    the luck of these pictures; the luck of the seed is not in it.

    Attributes
    ----------
    runs : dict of str to Run or None
        By label, the record of its first seed that has one; None without any.
    plan : str
        Name of the plan.

    References
    ----------
    .. [1] Q. McNemar, "Note on the sampling error of the difference between correlated
       proportions or percentages", Psychometrika 12, 1947.
    """

    runs: dict[str, Run | None]
    plan: str

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """Heading and lines of the table, those with a record."""
        first = next(iter(self.runs.values()))
        head = ("run", "accuracy (%)", "training loss", "change (points)", "z")
        lines: list[tuple[str, ...]] = [head]
        for label, run in self.runs.items():
            if run is None:
                continue
            accuracy = f"{100 * run.accuracy:.1f} ± {100 * run.standard_error:.1f}"
            change, z = "", ""
            if first is not None and run is not first:
                change = f"{100 * (run.accuracy - first.accuracy):+.1f}"
                z = f"{paired_z(run, first):+.1f}"
            loss = f"{run.log[-1]['train_loss']:.2f}"
            lines.append((label, accuracy, loss, change, z))
        return lines

    @property
    def missing(self) -> str:
        """What is not recorded yet and how to do it; empty if all is there."""
        labels = [label for label, run in self.runs.items() if run is None]
        if not labels:
            return ""
        return (
            f"Not recorded yet: {', '.join(labels)}. To do it: vhist runs record "
            f"{self.plan} --only '{self.plan}-{labels[0]}-*'"
        )

    @property
    def notes(self) -> list[str]:
        """What z is, if there is one, and what is missing."""
        compared = any(row[-1] for row in self.rows[1:])
        return [*([_Z] if compared else []), *filter(None, [self.missing])]

    def __str__(self) -> str:
        head, *body = self.rows
        shown = [table(head, body, right=range(1, len(head)))] if body else []
        return "\n".join([*shown, *self.notes])

    def _repr_html_(self) -> str:
        head, *body = self.rows
        shown = html_table(head, body) if body else ""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            '<details class="vhist-answer"><summary>The recorded runs</summary>'
            f"{shown}{notes}</details>"
        )


@dataclass(frozen=True)
class Plan:
    """Which runs a table or a figure needs.

    Attributes
    ----------
    name : str
    about : str
        What it is for, in a sentence or two.
    runs : tuple of PlannedRun
    """

    name: str
    about: str
    runs: tuple[PlannedRun, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Plan":
        """Read a plan.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is no plan; says where it is wrong.
        """
        path = Path(path)
        check_file(path)
        try:
            stored = tomllib.loads(path.read_text(encoding="utf-8-sig"))
            runs = tuple(_runs(path.stem, stored))
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{path} is no plan: {error}") from error
        return cls(path.stem, " ".join(stored["about"].split()), runs)

    def records(self) -> dict[str, list[Run]]:
        """Return the records of the book that this plan led to.

        Returns
        -------
        dict of str to list of Run
            Per label, in the plan's order, those of its seeds that are there; labels
            without any are left out.
        """
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            path = RECORDS / f"{run.name}.json"
            if path.exists():
                found.setdefault(run.label, []).append(Run.read(path))
        return found

    def compare(self, *labels: str) -> Comparison:
        """Hold the records of some labels against that of the first.

        Parameters
        ----------
        *labels : str
            Of this plan; the others are held against the first.

        Raises
        ------
        ValueError
            If the plan has no such label, or there are not two.
        """
        known = list(dict.fromkeys(run.label for run in self.runs))
        for label in labels:
            if label not in known:
                raise ValueError(
                    f"plan {self.name} has no run labelled {brief(label)}; there are "
                    f"{', '.join(known)}"
                )
        if len({*labels}) < max(2, len(labels)):
            raise ValueError(
                f"compare takes two different labels or more, got {labels}"
            )
        records = self.records()
        runs = {label: records.get(label, [None])[0] for label in labels}
        return Comparison(runs, self.name)


def list_plans() -> list[str]:
    """Return the names of the plans that come with the package."""
    return sorted(p.stem for p in PLANS.glob("*.toml"))


def load(name: str | Path) -> Plan:
    """Load one of the plans that come with the package, or one from a file.

    Parameters
    ----------
    name : str or path
        A name, or a path that ends in ``.toml``.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such plan, or it is wrong; says which there are.
    """
    name = str(name)
    if name.endswith(".toml"):
        return Plan.read(name)
    if name not in list_plans():
        hint = nearest(name, list_plans()) or "a file ends in .toml;"
        raise ValueError(
            f"no plan named {brief(name)}; {hint} there are {', '.join(list_plans())}"
        )
    return Plan.read(PLANS / f"{name}.toml")


def _runs(plan: str, stored: dict) -> Iterator[PlannedRun]:
    """Yield every run of a plan: each label's first seed before any label's second."""
    extra = sorted(set(stored) - {"about", "all", "runs"})
    if extra or not fits(stored.get("about"), str):
        word = f"has {extra[0]!r}" if extra else "lacks the text 'about'"
        raise ValueError(f"it {word}; a plan has about, [all] and [runs.LABEL]")
    shared, tables = stored.get("all", {}), stored.get("runs")
    if not fits(shared, dict) or not fits(tables, dict) or not tables:
        raise ValueError("it needs tables [runs.LABEL], and [all] is a table too")
    rows = []
    for i, (label, entry) in enumerate(tables.items()):
        if not fits(entry, dict):
            raise ValueError(f"runs.{label} is no table")
        if not label.replace("_", "").replace(".", "").isalnum():
            raise ValueError(f"a label has letters, digits, _ and ., got {label!r}")
        flags = {**shared, **entry}
        model, seeds = flags.pop("model", label), flags.pop("seeds", [0])
        if not fits(seeds, list[int]) or len({*seeds}) < len(seeds) or not seeds:
            raise ValueError(
                f"the seeds of {label} must be a list of different whole numbers, for "
                f"example [0, 1, 2], got {brief(seeds)}"
            )
        taken = sorted({key.replace("-", "_") for key in flags} & set(_TAKEN))
        if taken or not fits(model, str):
            raise ValueError(f"runs.{label} cannot set {(taken or ['model'])[0]}")
        words = [model, *(w for k, v in flags.items() for w in _flag(k, v))]
        rows += [(n, i, label, seed, words) for n, seed in enumerate(seeds)]
    for _, _, label, seed, words in sorted(rows, key=lambda row: row[:2]):
        name = f"{plan}-{label}-{seed}"
        words = [*words, "--seed", str(seed), "--name", name]
        yield PlannedRun(name, label, seed, tuple(words))


def _flag(key: str, value: object) -> list[str]:
    """Write a key and its value as words of a command line."""
    flag = "--" + key.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else "--no-" + flag.removeprefix("--")]
    if isinstance(value, dict):
        return [flag, *(f"{k}={_text(v)}" for k, v in value.items())]
    if isinstance(value, list):
        return [flag, *map(str, value)]
    return [flag, str(value)]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
