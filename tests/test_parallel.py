"""Several processes do what one does."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

from vhist import Recipe, checkpoint, evaluate, fit, parallel
from vhist.data import Dataset, Split
from vhist.parallel import Team, local_first, processes

#: One step per epoch, so that the log has the loss of each step.
RECIPE = Recipe(
    epochs=10,
    batch_size=48,
    lr=3e-2,
    optimizer="sgd",
    image_size=24,
    augment="paper",
    accumulate=2,
    ema=0.8,
    clip_norm=0.5,
    mixup=0.4,
    cutmix=1.0,
)


def toy() -> Dataset:
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (83, 3, 32, 32), generator=chance).byte()
    labels = torch.arange(83) % 3
    train = Split(images[:48], labels[:48], tuple(map(str, range(48))))
    val = Split(images[48:], labels[48:], tuple(map(str, range(35))))
    return Dataset("toy", ("a", "b", "c"), train, val, "f" * 16)


def net() -> nn.Module:
    torch.manual_seed(1)
    conv = [nn.Conv2d(3, 8, 3, stride=2), nn.GroupNorm(2, 8), nn.GELU()]
    return nn.Sequential(*conv, nn.Flatten(), nn.Linear(8 * 121, 3))


def train(folder: Path, epochs: int = 10, **options) -> None:
    """Train as one process of a team; the first leaves weights and log."""
    torch.set_num_threads(1)
    with processes("cpu") as device:
        model, recipe = net().to(device), replace(RECIPE, epochs=epochs)
        run = fit(model, toy(), recipe, model_name="net", verbose=False, **options)
        rank = Team.current().rank
        torch.save({"model": model.state_dict(), "log": run.log}, folder / f"{rank}.pt")
        assert run.processes == Team.current().size


def _as_rank(rank: int, size: int, port: int, task, *args) -> None:
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    numbers = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
    os.environ.update(place | numbers)
    task(*args)


@pytest.fixture(scope="module")
def team():
    """Run a task in processes that know of each other as those of torchrun do."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vhist.train", "torch._dynamo", __name__])

    def run(size: int, task, *args) -> list[int | None]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        found = [
            context.Process(target=_as_rank, args=(r, size, port, task, *args))
            for r in range(size)
        ]
        for process in found:
            process.start()
        for process in found:
            process.join(120)
        return [process.exitcode for process in found]

    return run


def results(folder: Path, rank: int = 0) -> dict:
    return torch.load(folder / f"{rank}.pt", weights_only=True)


@pytest.mark.parametrize("size", [2, 3])
def test_several_processes_match_one_step_by_step(team, tmp_path, size):
    alone = tmp_path / "alone"
    alone.mkdir()
    train(alone)
    assert team(size, train, tmp_path) == [0] * size
    one, many = results(alone), results(tmp_path)
    for mine, theirs in zip(one["log"], many["log"], strict=True):
        for key in ("train_loss", "val_loss"):
            assert mine[key] == pytest.approx(theirs[key], abs=3e-5)
        assert mine["val_accuracy"] == theirs["val_accuracy"]
    for key, tensor in one["model"].items():
        torch.testing.assert_close(tensor, many["model"][key], atol=1e-5, rtol=1e-4)
    for rank in range(1, size):
        other = results(tmp_path, rank)
        assert other["log"][-1]["val_loss"] == many["log"][-1]["val_loss"]
        for key, tensor in many["model"].items():
            assert torch.equal(tensor, other["model"][key])


def count_messages(folder: Path) -> None:
    """Train one step in two parts and tell how often gradients travelled."""
    torch.set_num_threads(1)
    travelled = []

    def reduce(state: None, bucket):
        travelled.append(bucket.index())
        return default_hooks.allreduce_hook(None, bucket)

    with processes("cpu"):
        wrap = Team.wrap

        def spied(team: Team, model: torch.nn.Module):
            wrapped = wrap(team, model)
            wrapped.register_comm_hook(None, reduce)
            return wrapped

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Team, "wrap", spied)
            fit(net(), toy(), replace(RECIPE, epochs=1), verbose=False)
        (folder / f"{Team.current().rank}").write_text(f"{travelled}")


def test_gradients_of_a_batch_in_parts_travel_once(team, tmp_path):
    assert team(2, count_messages, tmp_path) == [0] * 2
    assert {path.read_text() for path in tmp_path.iterdir()} == {"[0]"}


def load_once(folder: Path) -> None:
    """Make what is missing, as a download does, if no other process has."""
    torch.set_num_threads(1)
    with processes("cpu"), local_first():
        if not (folder / "data").exists():
            time.sleep(1)
            (folder / "data").mkdir()
            (folder / f"made-{Team.current().rank}").touch()


def test_one_process_of_a_machine_fetches_the_data(team, tmp_path):
    assert team(3, load_once, tmp_path) == [0] * 3
    assert {path.name for path in tmp_path.iterdir()} == {"data", "made-0"}


class Stopping(nn.Sequential):
    """Sends its process SIGTERM in the seventh step."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls == 13:
            signal.raise_signal(signal.SIGTERM)
        return super().forward(x)


def interrupted(path: Path) -> None:
    """Stop after a few steps: one process gets a signal, all must agree."""
    torch.set_num_threads(1)
    model = Stopping(*net()) if os.environ["RANK"] == "1" else net()
    options = {"model_name": "net", "checkpoint": path, "verbose": False}
    with processes("cpu"), pytest.raises(checkpoint.Interrupted, match="saved to"):
        fit(model, toy(), RECIPE, **options)
    assert 0 < checkpoint.load(path)["step"] < RECIPE.epochs


def resumed(folder: Path, path: Path) -> None:
    train(folder, checkpoint=path, resume=True)


def test_resume_with_as_many_processes_is_exact_and_with_others_close(team, tmp_path):
    straight, again, alone = (tmp_path / n for n in ("straight", "again", "alone"))
    for folder in (straight, again, alone):
        folder.mkdir()
    path = tmp_path / "run.ckpt"
    assert team(2, train, straight) == [0, 0]
    assert team(2, interrupted, path) == [0, 0]
    stopped = path.read_bytes()
    assert team(2, resumed, again, path) == [0, 0]
    for key, tensor in results(straight)["model"].items():
        assert torch.equal(tensor, results(again)["model"][key])
    path.write_bytes(stopped)
    resumed(alone, path)
    for key, tensor in results(straight)["model"].items():
        other = results(alone)["model"][key]
        torch.testing.assert_close(tensor, other, atol=1e-5, rtol=1e-4)


def share_out(folder: Path) -> None:
    with processes("cpu"):
        team = Team.current()
        mine = torch.arange(7)[team.share(7)]
        whole = team.assemble(mine.float()[:, None], 7)
        assert whole.flatten().tolist() == list(range(7))
        assert team.any(team.rank == 1, False) == [True, False]
        assert team.gather(torch.tensor(team.rank)).tolist() == list(range(team.size))
        one = evaluate(net(), toy().val, image_size=24)
        torch.save(one.logits, folder / f"{team.rank}.pt")


def test_shares_are_everything_once_and_metrics_exact(team, tmp_path):
    assert team(3, share_out, tmp_path) == [0, 0, 0]
    alone = evaluate(net(), toy().val, image_size=24)
    for rank in range(3):
        torch.testing.assert_close(results(tmp_path, rank), alone.logits)
    for size in range(1, 9):
        for n in (0, 1, 7, 64):
            rows = [i for r in range(size) for i in range(n)[Team(r, size).share(n)]]
            assert rows == list(range(n))


def test_a_batch_that_cannot_be_shared_is_one_line(monkeypatch):
    monkeypatch.setattr(Team, "current", lambda: Team(0, 5))
    with pytest.raises(ValueError, match="cannot be shared evenly among 5 processes"):
        fit(net(), toy(), RECIPE, verbose=False)


def test_more_processes_than_gpus_is_one_line(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000")
    with (
        pytest.raises(
            ValueError,
            match=r"1000 processes, but only \d+ GPUs: lower --nproc-per-node",
        ),
        processes("cuda"),
    ):
        pass


PICTURES = """
from PIL import Image
from pathlib import Path
for split in ("train", "val"):
    for label in ("dark", "light"):
        folder = Path(split, label)
        folder.mkdir(parents=True)
        for i in range(16):
            grey = (40 + i if label == "dark" else 200 + i,) * 3
            Image.new("RGB", (40, 40), grey).save(folder / f"{i}.png")
"""


def torchrun(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    flags = ["--data=folder", "--root=.", "--image-size=32", "--batch-size=8"]
    command = [*run, "-m", "vhist", "train", "resnet_small", *flags, *arguments]
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_a_killed_worker_ends_the_job_and_torchrun_resumes(tmp_path):
    subprocess.run([sys.executable, "-c", PICTURES], cwd=tmp_path, check=True)
    (tmp_path / "sitecustomize.py").write_text(
        "import os, threading, time\n"
        "def kill():\n"
        "    while not os.path.exists('runs/a.ckpt'): time.sleep(0.01)\n"
        "    os.kill(os.getpid(), 9)\n"
        "if os.environ.get('RANK') == '1' and os.environ.get('DOOMED'):\n"
        "    threading.Thread(target=kill, daemon=True).start()\n"
    )
    flags = ["--epochs=6", "--name=a", "--checkpoint-seconds=0"]
    os.environ |= {"PYTHONPATH": str(tmp_path), "DOOMED": "1"}
    try:
        killed = torchrun(tmp_path, *flags)
    finally:
        del os.environ["PYTHONPATH"], os.environ["DOOMED"]
    assert killed.returncode != 0
    assert "lost another process of this run" in killed.stderr
    assert "SIGKILL" in killed.stderr or "Signal 9" in killed.stderr
    assert (tmp_path / "runs" / "a.ckpt").exists()
    done = torchrun(tmp_path, *flags, "--resume")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written to runs/a.json") == 1
    assert done.stdout.count("epoch    6") == 1
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {"a.json", "a.pt"}


def judge_two(folder: Path) -> None:
    """Train with fewer validation pictures than processes."""
    torch.set_num_threads(1)
    with processes("cpu"):
        data = replace(toy(), val=toy().val[:2])
        run = fit(net(), data, replace(RECIPE, epochs=1), verbose=False)
        assert len(run.predictions) == 2


def test_more_processes_than_validation_pictures(team, tmp_path):
    assert team(3, judge_two, tmp_path) == [0] * 3


def train_with_norm(folder: Path, ema: float) -> None:
    """Train with batch norm: each process sees other pictures, and other means."""
    torch.set_num_threads(1)
    with processes("cpu"):
        torch.manual_seed(1)
        layers = [nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4), nn.ReLU()]
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 36, 3))
        fit(model, toy(), replace(RECIPE, epochs=2, ema=ema), verbose=False)
        torch.save(model.state_dict(), folder / f"{Team.current().rank}.pt")


@pytest.mark.parametrize("ema", [0.0, 0.8])
def test_all_processes_end_with_the_same_running_statistics(team, tmp_path, ema):
    assert team(2, train_with_norm, tmp_path, ema) == [0, 0]
    first, second = (results(tmp_path, rank) for rank in (0, 1))
    for key, tensor in first.items():
        assert torch.equal(tensor, second[key]), key


def settle(folder: Path) -> None:
    """Agree on running statistics that differ, and leave them."""
    with processes("cpu"):
        team, norm = Team.current(), nn.BatchNorm1d(3)
        norm.running_mean.fill_(team.rank + 1)
        team.broadcast_buffers(norm)
        torch.save({"mean": norm.running_mean}, folder / f"{team.rank}.pt")


def test_running_statistics_are_those_of_the_first(team, tmp_path):
    assert team(2, settle, tmp_path) == [0, 0]
    for rank in (0, 1):
        assert torch.equal(results(tmp_path, rank)["mean"], torch.ones(3))


def test_each_machine_has_a_process_that_goes_first(monkeypatch):
    for key, value in (("WORLD_SIZE", 4), ("RANK", 2), ("LOCAL_RANK", 0)):
        monkeypatch.setenv(key, str(value))
    order = []
    monkeypatch.setattr(parallel.Team, "any", lambda *_: order.append("wait"))
    with parallel.local_first():
        order.append("work")
    assert order == ["work", "wait"]
