"""Bad files: records, checkpoints, caches, archives.

A row is one kind of mistake or of malice. Each is refused on one line, nothing of it is
run, and nothing is written, whole or half.
"""

import json
import os
import pickle
import struct
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from malformed import (
    RECIPE,
    Evil,
    Net,
    archive,
    draw,
    interrupted,
    listing,
    refused,
    repacked,
    resume,
    toy,
)
from PIL import Image

from vhist import checkpoint, fit, load_dataset
from vhist.data import load_folder
from vhist.folders import cache_dir
from vhist.runs import Run

# ---- records -------------------------------------------------------------------------

RECORDS = [
    ("parameters", "5", "parameters must be a whole number, got '5'"),
    ("parameters", 10**300, "parameters is out of range"),
    ("parameters", True, "parameters must be a whole number, got True"),
    ("name", None, "name must be text, got None"),
    ("model", ["vgg16"], "model must be text"),
    ("model_options", "{}", "model_options must be a dictionary"),
    ("recipe", [], "recipe must be a dictionary"),
    ("seconds", float("nan"), "seconds is out of range: nan"),
    ("cpu_seconds", -1.0, "cpu_seconds is out of range"),
    ("log", [], "no epoch"),
    ("log", {}, "log must be a list"),
    ("log", [1, 2], "log must be a list, each entry a dictionary"),
    ("log", [{"epoch": 1}], "lr in its log is None"),
    ("predictions", "011", "3 predictions for 4 labels"),
    ("predictions", "01é1", "classes are written as '01é1'"),
    ("predictions", [0, 1, 1, 1], "classes are written as [0, 1, 1, 1]"),
    ("predictions", "-1 0 1 1", "classes are written as"),
    ("labels", None, "classes are written as None"),
    ("most_wrong", "none", "most_wrong must be a list"),
    ("data", {"name": "x"}, "classes in its data is None"),
    ("surprise", 1, "unknown fields: 'surprise'"),
]


def _written(tmp_path: Path, example: Run, change: dict) -> Path:
    path = example.save(tmp_path / "a.json")
    stored = json.loads(path.read_text()) | change
    path.write_text(json.dumps(stored))
    return path


@pytest.mark.parametrize(("field", "value", "message"), RECORDS)
def test_records(tmp_path, example, field, value, message):
    path = _written(tmp_path, example, {field: value})
    refused(ValueError, lambda: Run.read(path), "a.json is no record of a run", message)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("val_accuracy", float("nan")),
        ("val_accuracy", 1.5),
        ("epoch", 10**400),
        ("epoch", 1.0),
        ("lr", "0.1"),
    ],
)
def test_records_with_a_wrong_line_in_the_log(tmp_path, example, key, value):
    path = _written(tmp_path, example, {"log": [example.log[0] | {key: value}]})
    refused(ValueError, lambda: Run.read(path), "a.json is no record of a run")


@pytest.mark.parametrize(
    ("key", "value"),
    [("classes", []), ("classes", "ab"), ("classes", [1, 2]), ("train", None)],
)
def test_records_with_other_data(tmp_path, example, key, value):
    path = _written(tmp_path, example, {"data": example.data | {key: value}})
    refused(ValueError, lambda: Run.read(path), "a.json is no record of a run")


FILES = {
    "empty": b"",
    "text": b"accuracy: good",
    "half": b'{"name": "a", "mod',
    "bytes": b"\xff\xfe\x00",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "nothing in it": b"{}",
    "a tower": b"[" * 100_000,
    "a tower of names": b'{"a":' * 100_000,
    "endless digits": b"9" * 100_000,
    "two records": b"{}{}",
}


@pytest.mark.parametrize("kind", FILES)
def test_files_that_are_no_records(tmp_path, kind):
    path = tmp_path / "a.json"
    path.write_bytes(FILES[kind])
    refused(ValueError, lambda: Run.read(path), "a.json is no record of a run")


def test_records_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(ValueError, lambda: Run.read(tmp_path / "pipe"), "a pipe or a device")
    refused(OSError, lambda: Run.read(tmp_path), "directory")
    refused(FileNotFoundError, lambda: Run.read(tmp_path / "no"), "No such file")


def test_a_record_that_names_more_classes_than_it_has(tmp_path, example):
    path = _written(tmp_path, example, {"predictions": "0129"})
    refused(ValueError, lambda: Run.read(path).confusion, "more than its 2 classes")


# ---- checkpoints ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def states(tmp_path_factory) -> dict[str, bytes]:
    """Whole checkpoints of an interrupted run, one of each optimizer."""
    folder = tmp_path_factory.mktemp("states")
    return {
        kind: interrupted(folder / kind, replace(RECIPE, optimizer=kind)).read_bytes()
        for kind in ("sgd", "adamw")
    }


@pytest.fixture
def half(states, tmp_path) -> Path:
    path = tmp_path / "half.ckpt"
    path.write_bytes(states["sgd"])
    return path


def _change(path: Path, *keys: object, to: object) -> None:
    """Change one value within a checkpoint; None takes it out."""
    state = inner = torch.load(path, weights_only=True)
    for key in keys[:-1]:
        inner = inner[key]
    if to is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = to(inner[keys[-1]]) if callable(to) else to
    torch.save(state, path)


W, NAN = "0.weight", float("nan")
STATES = [
    (["step"], None, "it lacks 'step'"),
    (["facts"], None, "it lacks 'facts'"),
    (["optimizer"], None, "it lacks 'optimizer'"),
    (["average"], None, "it lacks 'average'"),
    (["step"], NAN, "its step is no whole number"),
    (["step"], "6", "its step is no whole number"),
    (["step"], True, "its step is no whole number"),
    (["step"], -1, "it is at step -1 after 1 of 3 epochs of 4 steps"),
    (["step"], 13, "it is at step 13 after 1 of 3 epochs"),
    (["step"], 3, "it is at step 3 after 1 of 3 epochs"),
    (["step"], 10**30, "after 1 of 3 epochs of 4 steps"),
    (["log"], [], "after 0 of 3 epochs"),
    (["log"], lambda log: log * 4, "after 4 of 3 epochs"),
    (["log"], "fine", "its log no list"),
    (["log", 0], {"epoch": 1}, "lr in its log is None"),
    (["log", 0, "val_accuracy"], NAN, "an accuracy is nan"),
    (["log", 0, "epoch"], 7, "line 1 of its log is of another epoch"),
    (["losses"], lambda x: x[:, :2], "its losses is torch.float32 of shape (1, 2)"),
    (["losses"], lambda x: x[:0], "its losses is torch.float32 of shape (0, 4)"),
    (["losses"], lambda x: x.double(), "its losses is torch.float64"),
    (["losses"], lambda x: x / 0, "its losses are not finite"),
    (["losses"], [1.0, 2.0], "its losses is no array"),
    (["seconds"], NAN, "its seconds is nan"),
    (["cpu_seconds"], -1.0, "its cpu_seconds is -1.0"),
    (["peak_memory"], "much", "its peak_memory is 'much'"),
    (["commit"], ["a"], "its commit is ['a']"),
    (["model", W], None, "its model has other arrays, such as 0.weight"),
    (["model", "more"], lambda x: x, "'more'"),
    (["model", W], lambda x: x[:2], "its model 0.weight is torch.float32 of shape (2,"),
    (["model", W], lambda x: x.double(), "its model 0.weight is torch.float64"),
    (["model", W], lambda x: x.to_sparse(), "its model 0.weight is no array"),
    (["model", W], "large", "its model 0.weight is no array"),
    (["model"], [1, 2], "no checkpoint of this run"),
    (["average", "n_averaged"], lambda x: x.float(), "its average n_averaged is"),
    (["optimizer", "state"], {7: {}}, "its optimizer knows a parameter 7"),
    (["optimizer", "state"], {"0": {}}, "its optimizer knows a parameter '0'"),
    (["optimizer", "state", 0], {"momentum": 0}, "its optimizer keeps ['momentum']"),
    (
        ["optimizer", "state", 0, "momentum_buffer"],
        lambda x: x[:1],
        "its optimizer momentum_buffer is torch.float32 of shape (1,",
    ),
    (
        ["optimizer", "state", 0, "momentum_buffer"],
        lambda x: x.int(),
        "its optimizer momentum_buffer is torch.int32",
    ),
    (["facts", "recipe", "lr"], 5.0, "its recipe lr is 5.0, not 0.01"),
    (["facts", "recipe", "lr"], torch.zeros(9), "no checkpoint of this run"),
    (["facts", "recipe"], [], "no checkpoint of this run"),
    (["facts", "model"], "a\nb", r"its model is 'a\nb', not net"),
    (["facts", "model"], "x" * 10**6, "its model is 'xxx"),
    (["facts", "data", "classes"], None, "its data classes is None"),
]


def _stays(path: Path, words: str, recipe=RECIPE) -> None:
    """Assert that a checkpoint is refused, and left as it is."""
    before = listing(path.parent)
    refused(ValueError, lambda: resume(path, recipe), path.name, words)
    assert listing(path.parent) == before


@pytest.mark.parametrize(("keys", "to", "message"), STATES)
def test_checkpoints(half, keys, to, message):
    if keys == ["model", "more"]:
        _change(half, "model", to=lambda model: model | {"more": model[W]})
        message = "its model has other arrays, such as more"
    else:
        _change(half, *keys, to=to)
    _stays(half, message)


@pytest.mark.parametrize(
    ("name", "to", "message"),
    [
        ("step", lambda x: x * NAN, "its optimizer is at step nan"),
        ("step", lambda x: -x, "its optimizer is at step -6"),
        ("step", lambda x: x + 1, "its optimizer is at step 7"),
        ("step", 6, "its optimizer step is no array"),
        ("exp_avg", None, "its optimizer keeps ['step', 'exp_avg_sq']"),
        ("exp_avg_sq", lambda x: x.flatten(), "its optimizer exp_avg_sq is"),
    ],
)
def test_checkpoints_of_adamw(states, tmp_path, name, to, message):
    path = tmp_path / "half.ckpt"
    path.write_bytes(states["adamw"])
    _change(path, "optimizer", "state", 0, name, to=to)
    _stays(path, message, replace(RECIPE, optimizer="adamw"))


def test_a_checkpoint_has_no_say_in_the_settings_of_the_optimizer(half, tmp_path):
    expected = resume(half)[1].log[-1]["train_loss"]
    half.unlink()
    half.with_name("half.ckpt.previous").rename(half)  # step 11 of 12
    _change(half, "optimizer", "param_groups", 0, "maximize", to=True)
    _change(half, "optimizer", "param_groups", 0, "weight_decay", to=1e9)
    assert resume(half)[1].log[-1]["train_loss"] == expected


def test_a_refused_checkpoint_leaves_the_network_as_it_was(half):
    _change(half, "optimizer", "state", 0, to={"momentum": 0})
    net, fresh = Net(), Net()
    data = {"model_name": "net", "verbose": False, "checkpoint": half, "resume": True}
    refused(ValueError, lambda: fit(net, toy(), RECIPE, **data))
    pairs = zip(net.state_dict().values(), fresh.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


# ---- archives ------------------------------------------------------------------------


def _claims(whole: bytes) -> bytes:
    """Let a storage claim a terabyte."""

    def change(name: str, content: bytes) -> bytes:
        if not name.endswith("data.pkl"):
            return content
        huge = b"\x8a\x08" + struct.pack("<q", 2**40)
        # 108 numbers of 4x3x3x3 weights, or 3072 of four pictures of 16x16
        claim = content.replace(b"K\x6c", huge).replace(b"M\x00\x0c", huge)
        assert claim != content
        return claim

    return repacked(whole, change)


def _short(whole: bytes) -> bytes:
    """Leave out the last number of each storage, and correct the checksums."""
    return repacked(whole, lambda n, x: x[:-4] if "/data/" in n else x)


def _longer(whole: bytes) -> bytes:
    """Let the directory claim that a member has four gigabytes."""
    i = whole.rindex(b"PK\x01\x02")
    return whole[: i + 20] + b"\xf0\xff\xff\xff" * 2 + whole[i + 28 :]


def _evil(whole: bytes) -> bytes:
    code = pickle.dumps(Evil(), protocol=2)
    return repacked(whole, lambda name, x: code if name.endswith("data.pkl") else x)


def _flipped(whole: bytes) -> bytes:
    i = whole.index(b"data/0") + 200
    return whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :]


CODE = pickle.dumps(Evil())
ARCHIVES = {
    "empty": lambda whole: b"",
    "text": lambda whole: b"a checkpoint, honestly",
    "half": lambda whole: whole[: len(whole) // 2],
    "without its end": lambda whole: whole[:-30],
    "one bit": _flipped,
    "a pickle with code": lambda whole: CODE,
    "code in an archive": _evil,
    "code in a packed archive": lambda whole: archive(
        payload=CODE, compression=zipfile.ZIP_DEFLATED
    ),
    "a bomb": lambda whole: archive(
        payload=bytes(10**7), compression=zipfile.ZIP_DEFLATED
    ),
    "a way out": lambda whole: archive("../../owned", "archive/../../owned"),
    "a way from the root": lambda whole: archive("/tmp/vhist-owned"),
    "a member twice": lambda whole: archive("archive/data/0", "archive/data/0"),
    "no pickle": lambda whole: repacked(whole, lambda n, x: b""),
    "a script": lambda whole: archive("archive/constants.pkl", "archive/code/a.py"),
    "a terabyte": _claims,
    "a number too few": _short,
    "four gigabytes": _longer,
    "a list": [1, 2],
    "a number": 7,
    "code in a dictionary": {"step": Evil()},
    "a network": Net(),
}


def _spoil(path: Path, kind: str) -> None:
    change = ARCHIVES[kind]
    if callable(change) and not isinstance(change, torch.nn.Module):
        path.write_bytes(change(path.read_bytes()))
    else:
        torch.save(change, path)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Assert in the end that no code was run and that nothing was unpacked."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield
    assert not list(tmp_path.rglob("owned"))
    assert not Path("/tmp/vhist-owned").exists()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ARCHIVES)
def test_checkpoints_that_are_none(half, kind):
    _spoil(half, kind)
    _stays(half, "")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ARCHIVES)
def test_caches_that_are_none(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("VHIST_CACHE", str(tmp_path / "cache"))
    root = draw(tmp_path / "folder")
    images = load_folder(root, image_size=16).train.images
    (cached,) = cache_dir().iterdir()
    whole = cached.read_bytes()
    _spoil(cached, kind)
    assert torch.equal(load_folder(root, image_size=16).train.images, images)
    (cached,) = cache_dir().iterdir()
    assert len(cached.read_bytes()) == len(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"train_images": torch.zeros(4, 3, 8, 8, dtype=torch.uint8)},
        {"train_images": torch.zeros(4, 3, 16, 16)},
        {"train_images": "pictures"},
        {"train_labels": torch.tensor([0, 1, 2, 9])},
        {"train_labels": torch.tensor([0, 0, 1, -1])},
        {"train_labels": torch.tensor([0, 0, 1, 2])},
        {"train_labels": torch.zeros(4)},
        {"val_files": ["one"]},
        {"val_files": None},
        {"fingerprint": 5},
        {"skipped": "none"},
    ],
)
def test_caches_of_other_contents(tmp_path, monkeypatch, change):
    monkeypatch.setenv("VHIST_CACHE", str(tmp_path / "cache"))
    root = draw(tmp_path / "folder")
    before = load_folder(root, image_size=16)
    (cached,) = cache_dir().iterdir()
    torch.save(torch.load(cached, weights_only=True) | change, cached)
    after = load_folder(root, image_size=16)
    assert torch.equal(after.train.images, before.train.images)
    assert torch.equal(after.train.labels, before.train.labels)
    assert after.val.files == before.val.files
    assert after.fingerprint == before.fingerprint


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), MemoryError()]
)
def test_an_error_that_may_pass_is_not_kept_in_the_cache(tmp_path, monkeypatch, error):
    monkeypatch.setenv("VHIST_CACHE", str(tmp_path / "cache"))
    root = draw(tmp_path / "folder")
    opened = Image.open

    def fail(path, *args, **kwargs):
        if path == root / "train" / "dark" / "0.png":
            raise error
        return opened(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", fail)
        known = pytest.warns(UserWarning, match="1 files are no pictures")
        with known, pytest.warns(UserWarning, match="all is decoded again next time"):
            data = load_folder(root, image_size=16, skip_bad=True)
    assert len(data.train) == 3
    assert len(load_folder(root, image_size=16).train) == 4


def test_a_broken_picture_is_kept_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VHIST_CACHE", str(tmp_path / "cache"))
    root = draw(tmp_path / "folder")
    broken = root / "train" / "dark" / "0.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.warns(UserWarning, match="1 files are no pictures") as warned:
        load_folder(root, image_size=16, skip_bad=True)
    assert len(warned) == len(list(cache_dir().iterdir())) == 1


def test_checkpoints_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(ValueError, lambda: checkpoint.load(tmp_path / "pipe"), "a pipe")
    refused(OSError, lambda: checkpoint.load(tmp_path), "directory")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(OSError, lambda: checkpoint.load(tmp_path / "loop"), "symbolic links")


@pytest.mark.parametrize("name", ["imagenette2-160.tgz", "cifar-10-python.tar.gz"])
def test_an_archive_is_unpacked_only_if_it_is_right(tmp_path, monkeypatch, name):
    """Here even the server sends an archive that climbs out of its folder."""
    from torchvision.datasets import utils

    evil = tmp_path / "evil.tgz"
    (tmp_path / "payload").write_text("owned")
    with tarfile.open(evil, "w:gz") as written:
        written.add(tmp_path / "payload", "../owned")
    root = tmp_path / "root"
    root.mkdir()
    (root / name).write_bytes(evil.read_bytes())

    def download(url: str, filename: str, *args: object, **kwargs: object) -> None:
        Path(filename).write_bytes(evil.read_bytes())

    monkeypatch.setattr(utils, "_urlretrieve", download)
    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, **kwargs: url)
    data = "cifar10" if name.startswith("cifar") else "imagenette"
    refused(FileNotFoundError, lambda: load_dataset(data, root=root), "could not down")
    assert not list(tmp_path.rglob("owned"))
    assert [p.name for p in root.iterdir()] == [name]
