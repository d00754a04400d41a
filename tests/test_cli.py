"""The command line."""

import subprocess
import sys

import pytest

from vhist import __main__ as cli
from vhist.runs import Run


def test_import_is_light():
    code = (
        "import sys, vhist; heavy = ['torchvision', 'PIL', 'matplotlib', 'tyro', "
        "'torch._dynamo']; print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def vhist(monkeypatch, capsys, tmp_path):
    """Run a command in an empty folder; give back exit code, output and errors."""

    def run(*argv: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["vhist", *argv])
        try:
            code = cli.main()
        except SystemExit as stopped:
            code = stopped.code
        return code, *capsys.readouterr()

    return run


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


def test_train_writes_a_record_and_weights(vhist, pictures, tmp_path):
    arguments = ["--data", "folder", "--root", str(pictures), "--epochs", "2"]
    arguments += ["--batch-size", "8", "--name", "greys", "--image-size", "32"]
    code, out, _ = vhist("train", "resnet_small", *arguments)
    assert code == 0
    assert out.splitlines()[0].startswith("epoch    1  train loss")
    run = Run.read(tmp_path / "runs" / "greys.json")
    assert run.model == "resnet_small"
    assert run.command.startswith("vhist train resnet_small --data folder")
    assert run.data["classes"] == ["dark", "light"]
    assert (tmp_path / "runs" / "greys.pt").stat().st_size > 1e7
    code, _, err = vhist("train", "resnet_small", *arguments)
    assert code == 2
    assert "exists; choose another --name" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "resnet_smal"], "did you mean resnet_small"),
        (["train", "resnet_small", "--data", "mnist"], "no data set named"),
        (["train", "resnet_small", "--data", "folder"], "needs root="),
        (["train", "resnet_small", "--epochs", "0"], "epochs must be at least 1"),
        (["train", "resnet_small", "--device", "tpu"], "cannot use device 'tpu'"),
        (["trian"], "no command 'trian'"),
    ],
)
def test_mistakes_are_one_line(vhist, argv, message):
    code, _, err = vhist(*argv)
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_help_gives_units_and_defaults(vhist):
    code, out, _ = vhist("train", "vit_small_8", "--help")
    assert code == 0
    for text in ("--batch-size", "pictures per step", "--clip-norm", "1.0"):
        assert text in out
    assert "train" in vhist("--help")[1]


def test_lists(vhist):
    assert "vit_b_16" in vhist("models")[1].splitlines()
    code, out, _ = vhist("runs")
    assert code == 0
    assert "resnet_small" in out
