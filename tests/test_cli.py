"""The command line, in processes of its own."""

import subprocess
import sys

import pytest

from vhist.runs import Run


def vhist(*argv: str, cwd=None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "vhist", *argv]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


def test_import_is_light():
    code = (
        "import sys, vhist; heavy = ['torchvision', 'PIL', 'matplotlib', 'tyro', "
        "'torch._dynamo']; print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    from PIL import Image

    root = tmp_path_factory.mktemp("pictures")
    for split in ("train", "val"):
        for label, grey in (("dark", 30), ("light", 220)):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(8):
                Image.new("RGB", (40, 40), (grey + i,) * 3).save(folder / f"{i}.png")
    return root


def test_train_writes_a_record_and_weights(pictures, tmp_path):
    arguments = ["--data", "folder", "--root", str(pictures), "--epochs", "2"]
    arguments += ["--batch-size", "8", "--name", "greys", "--image-size", "32"]
    done = vhist("train", "resnet_small", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("epoch    1  train loss")
    run = Run.read(tmp_path / "runs" / "greys.json")
    assert run.model == "resnet_small"
    assert run.command.startswith("vhist train resnet_small --data folder")
    assert run.data["classes"] == ["dark", "light"]
    assert (tmp_path / "runs" / "greys.pt").stat().st_size > 1e7
    again = vhist("train", "resnet_small", *arguments, cwd=tmp_path)
    assert again.returncode == 2
    assert "exists; choose another --name" in again.stderr


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "resnet_smal"], "did you mean resnet_small"),
        (["train", "resnet_small", "--data", "mnist"], "no data set named"),
        (["train", "resnet_small", "--data", "folder"], "needs root="),
        (["train", "resnet_small", "--epochs", "0"], "epochs must be at least 1"),
        (["trian"], "no command 'trian'"),
    ],
)
def test_mistakes_are_one_line(argv, message, tmp_path):
    done = vhist(*argv, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_gives_units_and_defaults():
    done = vhist("train", "vit_small_8", "--help")
    assert done.returncode == 0
    for text in ("--batch-size", "pictures per step", "--clip-norm", "1.0"):
        assert text in done.stdout
    assert "train" in vhist("--help").stdout


def test_lists():
    assert "vit_b_16" in vhist("models").stdout.splitlines()
    assert vhist("runs").returncode == 0
