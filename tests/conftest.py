"""Marks and fixtures that several tests share."""

import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from vhist.runs import Run

torch.set_num_threads(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "imagenette: needs real Imagenette (VHIST_DATA)")
    config.addinivalue_line("markers", "slow: takes minutes; run with -m slow")
    # A script's & has it ignored; tests send it, and processes that they start inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    data = os.environ.get("VHIST_DATA")
    here = bool(data) and (Path(data) / "val").is_dir()
    no_data = pytest.mark.skip(reason="set VHIST_DATA to a folder with train/ and val/")
    no_slow = pytest.mark.skip(reason="slow; asked for with -m slow")
    for item in items:
        # Not `in item.keywords`, where a parameter of that name is, too.
        if item.get_closest_marker("imagenette") and not here:
            item.add_marker(no_data)
        asked = "slow" in config.getoption("markexpr")
        if item.get_closest_marker("slow") and not asked:
            item.add_marker(no_slow)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory) -> Iterator[None]:
    """Keep the user's cache as it is, also from fixtures of a whole module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VHIST_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(autouse=True)
def _quiet_machine(request, monkeypatch) -> None:
    """Each test starts from one seed, and without data of the user's."""
    if not request.node.get_closest_marker("imagenette"):
        monkeypatch.delenv("VHIST_DATA", raising=False)
    torch.manual_seed(0)


@pytest.fixture
def example() -> Run:
    """A record of two classes and four pictures."""
    log = [{"epoch": 1, "lr": 0.1, "train_loss": 2.0, "val_loss": 1.0}]
    log[0] |= {"val_accuracy": 0.75, "seconds": 2.0}
    text = {"name": "a", "model": "resnet_small", "command": "", "device": "cpu"}
    text |= {"commit": "", "date": "2026-01-01"}
    numbers = {"parameters": 5, "threads": 1, "seconds": 2.0, "cpu_seconds": 2.0}
    data = {"name": "x", "classes": ["a", "b"], "train": 10, "val": 4}
    return Run(
        **text,
        **numbers,
        model_options={},
        recipe={"epochs": 1},
        data=data,
        versions={},
        peak_memory=1,
        log=log,
        predictions=[0, 1, 1, 1],
        labels=[0, 0, 1, 1],
        most_wrong=[],
    )


@pytest.fixture
def vhist(monkeypatch, capsys, tmp_path) -> Callable[..., tuple[int, str, str]]:
    """Run a command in an empty folder; give back exit code, output and errors."""
    from vhist import __main__ as cli

    monkeypatch.chdir(tmp_path)

    def run(*argv: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vhist", *map(str, argv)])
        try:
            code = cli.main()
        except SystemExit as stopped:
            code = stopped.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], dict]]:
    """Run an experiment once, on one thread and from one seed; return its variables."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    folder = Path(__file__).parent.parent / "examples" / "experiments"
    done: dict[str, dict] = {}

    def run(topic: str) -> dict:
        if topic not in done:
            torch.set_num_threads(1)
            torch.manual_seed(0)
            done[topic] = runpy.run_path(str(folder / f"plot_{topic}.py"))
            plt.close("all")
        return done[topic]

    with pytest.MonkeyPatch.context() as patch:
        # One cache for all tests; made here as this outlives the fixture of each test.
        cache = tmp_path_factory.getbasetemp() / "cache"
        patch.setenv("VHIST_CACHE", str(cache))
        yield run
