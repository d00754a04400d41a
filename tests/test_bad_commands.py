"""Bad command lines: exit code 2, one line that says what to do, nothing written."""

import json
import os
import pickle
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from malformed import Evil, archive, draw, listing, trained
from PIL import Image


@pytest.fixture
def complains(monkeypatch, capsys, tmp_path):
    """Assert that a command ends with one line of complaint and writes no file."""
    from vhist import __main__ as cli

    monkeypatch.chdir(tmp_path)

    def run(*argv: object, says: str = "") -> None:
        before = listing(tmp_path)
        monkeypatch.setattr(sys, "argv", ["vhist", *map(str, argv)])
        code = cli.main()
        out, err = capsys.readouterr()
        assert code == 2, err
        assert not out
        assert err.startswith("vhist"), err
        assert err.endswith("\n")
        assert len(err.splitlines()) == 1, err
        assert "Traceback" not in err
        assert says in err
        assert listing(tmp_path) == before

    return run


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """What is not here is not fetched either."""
    from torchvision.datasets import utils

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("no network in this test")

    for name in ("_urlretrieve", "_get_redirect_url"):
        monkeypatch.setattr(utils, name, refuse)


TRAIN = "train resnet_small --data folder --root pictures --batch-size 2 "
LINES = [
    ("trian", "no command named 'trian'; did you mean train?"),
    ("--name", "no command named '--name'"),
    ("train", "MODEL"),
    ("train vit", "no model named 'vit'"),
    ("train ../resnet_small", "no model named '../resnet_small'; did you mean"),
    ("train resnet_small vgg16", "vgg16"),
    ("train resnet_small --epoch 3", "no flag --epoch; did you mean --epochs?"),
    ("train resnet_small --epochs", "--epochs"),
    ("train resnet_small --epochs 1.5", "1.5"),
    ("train resnet_small --epochs ٣x", "--epochs"),
    ("train resnet_small --epochs 0", "epochs must be at least 1"),
    ("train resnet_small --epochs 99999999999999", "epochs must be at most"),
    ("train resnet_small --lr nan", "lr must be positive and finite, got nan"),
    ("train resnet_small --lr 1e999", "lr must be positive and finite, got inf"),
    ("train resnet_small --crop-area 0.5", "--crop-area"),
    ("train resnet_small --crop-area 0.9 0.1", "the smaller first"),
    ("train resnet34 --image-size 7", "cannot take pictures of 7 pixels"),
    ("train resnet34 --start-size 8", "cannot take pictures of 8 to 224 pixels"),
    ("train resnet_small --optimizer adam", "'adamw', 'sgd', 'muon'"),
    ("train resnet_small --seed -1", "seed must be in [0, 2**63)"),
    ("train resnet_small --threads 0", "threads must be at least 1"),
    ("train resnet_small --threads 99999", "threads must be at least 1 and at most"),
    ("train resnet_small --device tpu", "cannot use device 'tpu'"),
    ("train alexnet_small --model-options lrn_alpha=1e999", "must be finite, got 1e"),
    ("train resnet_small --device gpu", "PyTorch knows none of this name"),
    ("train resnet_small --device cuda:99", "cannot use device 'cuda:99'"),
    ("train resnet_small --device meta", "cannot use device 'meta'"),
    ("train resnet_small --data mnist", "see `vhist datasets`"),
    ("train resnet_small --data folder", "needs root="),
    ("train resnet_small --data folder --root nowhere", "needs train/ and val/"),
    ("train resnet_small --data folder --root file", "needs train/ and val/"),
    ("train resnet_small --data imagenette --root empty", "no network in this test"),
    ("train resnet_small --data imagenette --size 64px", "'160px', '320px', 'full'"),
    ("train resnet_small --data-size 0", "data_size must be at least 1"),
    ("train resnet_small --data-size 99999", "choose a smaller image_size"),
    ("train resnet_small --image-size 10000", "choose a smaller image_size"),
    ("train resnet_small --root pictures", "add --data folder"),
    ("eval a --data sketchnette --root pictures", "sketchnette is drawn"),
    ("train resnet_small --checkpoint-seconds nan", "checkpoint_seconds cannot be"),
    ("train vit_small_8 --image-size 60", "patch_size=8 does not divide image_size=60"),
    ("train alexnet_small --image-size 8", "image_size must be at least"),
    (TRAIN + "--name a/b", "--name needs the name of a file"),
    (TRAIN + "--name ../outside", "--name needs the name of a file"),
    (TRAIN + "--name /tmp/outside", "--name needs the name of a file"),
    (TRAIN + "--name=", "--name needs the name of a file"),
    (TRAIN + "--name .hidden", "no dot or dash in front"),
    (TRAIN + "--name=-hidden", "no dot or dash in front"),
    ("train resnet_small --data cifar10 --root pictures", "other classes than cifar10"),
    ("train resnet_small --data cifar10 --classes tench --dry-run", "tench"),
    (TRAIN + "--name " + "x" * 300, "name too long"),
    (TRAIN + "--name a --out runs", "choose another --name"),
    (TRAIN + "--out file", "cannot write to file"),
    (TRAIN + "--out file/below", "cannot write to file/below"),
    (TRAIN + "--batch-size 5000", "use a smaller batch"),
    (TRAIN + "--accumulate 3", "multiple of accumulate"),
    (TRAIN + "--image-size 16 --data-size 20", "h and w >= 32"),
    (TRAIN + "--dry-run --batch-size 5000", "use a smaller batch"),
    (
        TRAIN + "--image-size 64 --augment paper --data-size 32",
        "augment=paper cuts 64 pixels out of pictures of 32",
    ),
    *(  # what a dry run accepts, the run accepts
        (f"train resnet_small {words} --dry-run", says)
        for words, says in (
            ("--per-class 500", "400 training pictures of each class"),
            (
                "--data folder --root pictures --per-class 9",
                "2 training pictures of dark",
            ),
            ("--weights imagenet", "torchvision has no weights for resnet_small"),
            ("--out file", "cannot write to file (Not a directory)"),
            ("--out file/new", "cannot write to file/new (Not a directory)"),
            ("--data-size 15", "data_size must be at least 16"),
            ("--start-size 24", "h and w >= 32"),
            ("--augment paper --data-size 48", "augment=paper cuts 64 pixels"),
            ("--model-options blocks=3", "blocks must be a list of whole numbers"),
            ("--model-options dropout=0", "its options are blocks, widths, stem, "),
            ("--model-options stem=4", "stem must be a list of whole numbers, got 4"),
            (
                "--image-size 24 --model-options zero_init=true",
                "pixels with these options: expected images",
            ),
        )
    ),
    ("train resnet34 --weights imagenet --dry-run", "conv1.bias, missing in the w"),
    ("train vit_small_8 --start-size 32", "for another size build the model"),
    ("train linformer --model-options keeps=3", "its options are keep, qkv_bias, pat"),
    ("train vgg_smal --help", "did you mean vgg_small?"),
    ("eval", "RUN"),
    ("eval nothing", "no run named 'nothing'"),
    ("eval ../a", "no run named '../a'"),
    ("eval a --batch-size 0", "batch_size must be at least 1"),
    ("eval a --data folder", "needs root="),
    ("eval a --data mnist", "no data set named 'mnist'"),
    ("eval a --root pictures", "has other classes"),
    ("eval a --root nowhere", "needs train/ and val/"),
    ("eval a --device meta", "cannot use device 'meta'"),
    ("eval short-resnet_small-0", "no weights"),
    ("predict a", "no pictures given"),
    ("predict a file", "cannot read file"),
    ("predict a nowhere.jpg", "cannot read nowhere.jpg (No such file"),
    ("predict a runs", "cannot read runs (Is a directory"),
    ("summary resnet_small --model-options x=1", "its options are blocks"),
    ("predict a pipe", "cannot read pipe"),
    ("predict a runs/a.pt", "cannot identify"),
    ("predict nothing pictures/val/dark/0.png", "no run named 'nothing'"),
    ("summary resnet_smal", "did you mean resnet_small"),
    ("summary vit_small_8 --image-size 0", "image_size must be at least 1"),
    ("summary vit_small_8 --image-size 1000000007", "image_size must be at most"),
    ("summary vit_small_8 --num-classes 0", "num_classes must be at least 1"),
    ("summary vgg16 --num-classes 999999999999", "num_classes must be at most"),
    ("summary vit_small_8 --image-size 60", "patch_size=8 does not divide image_si"),
    ("summary vgg16 --depth -1", "depth must be at least 1"),
    ("runs nowhere", "no folder nowhere"),
    ("runs file", "no folder file"),
    ("runs show nothing", "no run named 'nothing'"),
    ("runs show a --figure nowhere/a.png", "nowhere"),
    ("runs show a --figure curves", "needs a file .png"),
    ("runs show a --figure a.docx", "needs a file .png"),
    ("train resnet_small --data imagenete", "did you mean imagenette?"),
    ("train resnet_small --data folder --dry-run", "needs root="),
    ("train resnet_small --data folder --root no --dry-run", "train/ is not there"),
    ("train resnet_small --epoch=3", "no flag --epoch; did you mean --epochs?"),
    ("train resnet_small --epochs many", "--epochs: invalid literal"),
    ("train resnet_small more", "more"),
    ("train alexnet --image-size 20 --dry-run", "image_size must be at least 67"),
    ("eval greyz", "no run named 'greyz'; see `vhist runs`"),
    ("eval short-resnet_smal-0", "did you mean short-resnet_small-0?"),
    ("eval no.json", "no run named 'no.json'"),
    ("predict short-resnet_small-0", "no pictures given"),
    ("summary vit_smal_8", "did you mean vit_small_8"),
    ("runs shw", "no folder shw; did you mean vhist runs show?"),
    ("runs recrd short", "no runs command named 'recrd'; did you mean record?"),
    ("runs show short-resnet_smal-0", "did you mean short-resnet_small-0?"),
    ("completion cmd", "invalid choice 'cmd'"),
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with pictures, a run that has ended, and things that are neither."""
    folder = tmp_path_factory.mktemp("shelf")
    draw(folder / "pictures")
    (folder / "runs").mkdir()
    trained(folder / "runs")
    (folder / "file").write_text("no picture, no folder")
    return folder


@pytest.fixture
def here(shelf, tmp_path):
    shutil.copytree(shelf, tmp_path, dirs_exist_ok=True)
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("line", "message"), LINES)
def test_command_lines(complains, line, message):
    complains(*line.split(), says=message)


# ---- weights -------------------------------------------------------------------------


def _state(here: Path) -> dict:
    return torch.load(here / "runs" / "a.pt", weights_only=True)


def _cut(state: dict) -> dict:
    return {k: v for k, v in state.items() if k != "fc.bias"}


def _flipped(whole: bytes) -> bytes:
    i = whole.index(b"data/0") + 100
    return whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :]


WEIGHTS = {
    "half": (lambda x: x[: len(x) // 2], "damaged or no file of weights"),
    "empty": (lambda x: b"", "no file of weights"),
    "text": (lambda x: b"weights", "no file of weights"),
    "one bit": (_flipped, "is damaged (wrong checksum)"),
    "code": (lambda x: pickle.dumps(Evil()), "no file of weights"),
    "code in an archive": (
        lambda x: archive(payload=pickle.dumps(Evil())),
        "no file of weights",
    ),
    "packed": (lambda x: archive(compression=zipfile.ZIP_DEFLATED), "no file of wei"),
    "a way out": (lambda x: archive("../../owned"), "no file of weights"),
    "a list": ([1, 2], "no file of weights"),
    "words": ({"fc.bias": "large"}, "no file of weights"),
    "an array too few": (_cut, "its state dict has other arrays, such as fc.bias"),
    "an array too many": (lambda s: s | {"x": s["fc.bias"]}, "other arrays, such as x"),
    "no names": (
        lambda s: {1: s["fc.bias"], "a": s["fc.bias"]},
        "is no file of weights",
    ),
    "other shapes": (lambda s: s | {"fc.bias": s["fc.bias"][:1]}, "of shape (1,), not"),
    "doubles": (lambda s: s | {"fc.bias": s["fc.bias"].double()}, "is torch.float64"),
    "sparse": (lambda s: s | {"fc.bias": s["fc.bias"].to_sparse()}, "is no array"),
}


@pytest.mark.parametrize("command", ["eval a", "predict a pictures/val/dark/0.png"])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights(complains, here, command, kind):
    path, (change, message) = here / "runs" / "a.pt", WEIGHTS[kind]
    if not callable(change):
        torch.save(change, path)
    elif list(WEIGHTS).index(kind) > list(WEIGHTS).index("words"):
        torch.save(change(_state(here)), path)
    else:
        path.write_bytes(change(path.read_bytes()))
    complains(*command.split(), says=message)
    assert not list(here.parent.rglob("owned"))


def test_weights_that_are_not_there_or_are_a_folder(complains, here):
    (here / "runs" / "a.pt").unlink()
    complains("eval", "a", says="no weights runs/a.pt")
    (here / "runs" / "a.pt").mkdir()
    complains("eval", "a", says="runs/a.pt: Is a directory")


# ---- records that name a model -------------------------------------------------------

MODELS = [
    ("model", "resnet_smal", "did you mean resnet_small"),
    ("model", "os.system", "no model named 'os.system'"),
    ("model_options", {"num_classes": 2, "blocks": [1, 10**9]}, "at most 1,000"),
    ("model_options", {"num_classes": 3}, "it names 2 classes, its model has 3"),
    ("model_options", {"num_classes": 2, "block": "x"}, "does not describe a model"),
    ("model_options", {"num_classes": 2, "x": 1}, "does not describe a model"),
    ("model_options", {"num_classes": 2}, "a.pt does not fit resnet_small"),
    ("recipe", {"epochs": 1}, "its recipe lacks image_size, precision"),
    ("recipe", {"epochs": "x"}, "epochs must be a whole number"),
    ("recipe", {"image_size": 16, "precision": "auto"}, "h and w >= 32"),
    ("recipe", {"image_size": -3, "precision": "auto"}, "image_size must be at lea"),
    ("data", {}, "is no record of a run"),
]


@pytest.mark.parametrize(("field", "value", "message"), MODELS)
def test_records_of_another_model(complains, here, field, value, message):
    path = here / "runs" / "a.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    complains("predict", "a", "pictures/val/dark/0.png", says=message)


@pytest.mark.parametrize("size", [None, 0, "40", 10**9])
def test_records_of_other_pictures(complains, here, size):
    path = here / "runs" / "a.json"
    stored = json.loads(path.read_text())
    stored["data"]["image_size"] = size
    path.write_text(json.dumps(stored))
    complains("eval", "a", "--root", "pictures", says="the image_size of its data is")


def test_a_damaged_record_among_others_is_named(here, monkeypatch, capsys):
    from vhist import __main__ as cli

    monkeypatch.chdir(here)
    (here / "runs" / "b.json").write_text("[" * 100_000)
    monkeypatch.setattr(sys, "argv", ["vhist", "runs"])
    assert cli.main() == 0
    out, err = capsys.readouterr()
    assert "\na " in out
    assert err.startswith("vhist runs: runs/b.json is no record of a run")
    assert len(err.splitlines()) == 1


def test_a_bad_picture_does_not_stop_the_others(here, monkeypatch, capsys):
    from vhist import __main__ as cli

    monkeypatch.chdir(here)
    Image.new("RGB", (1, 1)).save("dot.png")
    monkeypatch.setattr(sys, "argv", ["vhist", "predict", "a", "file", "dot.png"])
    assert cli.main() == 2
    out, err = capsys.readouterr()
    assert out.startswith("dot.png: ")
    assert len(err.splitlines()) == 1


def test_a_damaged_checkpoint_is_named_and_kept(complains, here):
    (here / "runs" / "b.ckpt").write_bytes(archive("../../owned"))
    line = TRAIN + "--name b --image-size 32 --epochs 1 --threads 1"
    complains(*line.split(), says="b.ckpt exists: continue it with --resume")
    complains(*line.split(), "--resume", says="b.ckpt is no checkpoint; remove it")


def test_a_model_of_more_than_the_memory(here, monkeypatch, capsys):
    """The network itself may be too large, before there is a step."""
    from vhist import __main__ as cli
    from vhist import models

    def build(name: str, **options: object) -> None:
        if torch.empty(0).device.type != "meta":  # measured first, without numbers
            torch.empty(2**60, dtype=torch.uint8)

    monkeypatch.chdir(here)
    monkeypatch.setattr(models, "create_model", build)
    line = TRAIN + "--name b --image-size 32 --epochs 1 --threads 1"
    monkeypatch.setattr(sys, "argv", ["vhist", *line.split()])
    before = listing(here / "runs")
    assert cli.main() == 3
    err = capsys.readouterr().err
    assert err.startswith("vhist train: out of memory")
    assert len(err.splitlines()) == 1
    assert listing(here / "runs") == before
