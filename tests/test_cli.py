"""The command line."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from malformed import draw
from PIL import Image

from vhist import __main__ as cli
from vhist import (
    catalogue,
    checkpoint,
    create_model,
    decoding,
    estimate,
    evaluate,
    files,
    runs,
)
from vhist import data as vdata
from vhist.checkpoint import Interrupted
from vhist.cli import commands, terminal
from vhist.cli.parsing import parse_train
from vhist.data import Split
from vhist.recipe import Recipe, recipe_for
from vhist.runs import Run

SHORT = ["--epochs", "2", "--batch-size", "8", "--image-size", "32", "--threads", "1"]
TINY = ["--model-options", "blocks=[1]", "widths=[8]", *SHORT]


MAIN = "import sys; from vhist.__main__ import main;"


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import vhist", "torch torchvision PIL matplotlib tyro"),
        ("import vhist; vhist.fit", "torchvision PIL matplotlib tyro torch._dynamo"),
        (f"{MAIN} main()", "torch torchvision PIL matplotlib"),
        (f"{MAIN} sys.argv[1:] = ['runs']; main()", "torch torchvision PIL matplotlib"),
        (f"{MAIN} sys.argv[1:] = ['datasets']; main()", "torch torchvision matplotlib"),
    ],
)
def test_loads_only_what_it_needs(code, heavy):
    code += f"\nimport sys; print([m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("pictures"), "dark", "light", count=8)


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """The folder of a run that has ended; the tests leave it as it is."""
    folder = tmp_path_factory.mktemp("trained")
    cache = tmp_path_factory.getbasetemp() / "cache"
    argv = ["vhist", "train", "resnet_small", "--data", "folder", "--root", pictures]
    argv += [*SHORT, "--name", "greys", "--out", folder]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VHIST_CACHE", str(cache))
        patch.setattr(sys, "argv", list(map(str, argv)))
        assert cli.main() == 0
    return folder


@pytest.fixture
def greys(trained, tmp_path):
    """A copy of that run in the present folder, to be spoilt."""
    (tmp_path / "runs").mkdir()
    for path in trained.iterdir():
        (tmp_path / "runs" / path.name).write_bytes(path.read_bytes())
    return tmp_path / "runs"


def one_line(err: str) -> bool:
    return len(err.strip().splitlines()) == 1 and "Traceback" not in err


# ---- help ----------------------------------------------------------------------------


def test_help_gives_units_defaults_and_exit_codes(vhist, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = vhist("train", "vit_small_8", "--help")
    assert code == 0
    for text in ("--batch-size", "pictures per step", "--clip-norm", "1.0"):
        assert text in out
    # A line ends where the next word has no room, not where the docstring's line did.
    lines = [line.rstrip("│ ").replace("│", " ") for line in out.splitlines()]
    pairs = [p for p in pairwise(lines) if {line[:20] for line in p} == {" " * 20}]
    assert len(pairs) > 20, out
    width = max(len(line) for pair in pairs for line in pair)
    for line, rest in pairs:
        assert len(line) + 1 + len(rest.split()[0]) > width, line
    for argv in ([], ["--help"]):
        code, out, _ = vhist(*argv)
        assert code == 0
        for text in (*cli.COMMANDS, "exit codes:", "130", "143"):
            assert text in out
    assert vhist("--version")[1].startswith("vhist 0.")


def test_help_gives_the_defaults_of_the_model(vhist, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for model, optimizer in (("vit_small_8", "adamw"), ("resnet_small", "sgd")):
        out = vhist("train", model, "--help")[1]
        flag = out[out.index("--optimizer") :]
        assert f"default: {optimizer}" in flag[: flag.index("--lr")], model


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_has_help(vhist, name):
    code, out, _ = vhist(*name.split(), "--help")
    assert code == 0
    assert cli.COMMANDS[name].__doc__.splitlines()[0] in out


def test_the_recipe_follows_the_model_wherever_it_stands(vhist):
    for argv in (["vit_small_8", "--epochs", "3"], ["--epochs", "3", "vit_small_8"]):
        call = parse_train(commands.train, "vhist train", argv)
        assert call.keywords["model"] == "vit_small_8"
        assert call.keywords["recipe"].optimizer == "adamw"
    words = ["--name", "resnet_small_2", "resnet34", "--start-size", "128"]
    assert parse_train(commands.train, "vhist train", words).keywords["recipe"] == (
        replace(recipe_for("resnet34"), start_size=128)
    )


# ---- train ---------------------------------------------------------------------------


def test_train_writes_a_record_and_weights(trained):
    assert sorted(p.name for p in trained.iterdir()) == ["greys.json", "greys.pt"]
    run = Run.read(trained / "greys.json")
    assert run.model == "resnet_small"
    assert run.command.startswith("vhist train resnet_small --data folder")
    assert run.data["classes"] == ["dark", "light"]
    assert (trained / "greys.pt").stat().st_size > 1e7


@pytest.mark.parametrize(
    "extra", [["--resume"], ["--out", "/a/b", "--resume"], ["--out=/a/b"]]
)
def test_a_records_command_has_nothing_of_this_machine(monkeypatch, extra):
    words = ["/usr/bin/vhist", "train", "vit_small_8", *extra, "--epochs", "2"]
    monkeypatch.setattr("sys.argv", words)
    assert commands._command() == "vhist train vit_small_8 --epochs 2"


def test_a_record_has_no_command_if_another_program_trained(monkeypatch, tmp_path):
    for start in ("/usr/bin/pytest", str(tmp_path / "__main__.py")):
        monkeypatch.setattr(sys, "argv", [start, "--epochs", "5"])
        assert commands._command() == ""


def test_a_name_is_used_once(vhist, greys, pictures):
    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    argv += ["--name", "greys"]
    before = {p.name: p.read_bytes() for p in greys.iterdir()}
    code, _, err = vhist(*argv)
    assert code == 2
    assert "exists; choose another --name" in err
    code, out, _ = vhist(*argv, "--resume")
    assert code == 0
    assert out.startswith("greys has ended, ")
    code, _, err = vhist(*argv, "--resume", "--epochs", "7")
    assert code == 2
    assert one_line(err)
    assert "greys.json is of another run: epochs" in err
    assert "--resume would only say so" in vhist(*argv, "--dry-run")[1]
    (greys / "greys.json").unlink()
    code, _, err = vhist(*argv)  # nor are weights of others replaced
    assert code == 2
    assert "greys.pt exists; choose another --name" in err
    assert (greys / "greys.pt").read_bytes() == before["greys.pt"]


def test_pictures_may_lie_in_a_folder_of_any_name(vhist, monkeypatch, tmp_path):
    folder = draw(tmp_path / "mine", "n01440764", "n02102040", count=8)
    monkeypatch.setenv("VHIST_DATA", str(folder))
    argv = ["train", "resnet_small", "--data", "imagenette", *SHORT, "--name", "x.y"]
    assert vhist(*argv, "--epochs", "1")[0] == 0
    code, out, err = vhist(*argv, "--epochs", "1", "--resume")
    assert code == 0, err
    assert out.startswith("x.y has ended, ")
    code, _, err = vhist("eval", "x.y")
    assert code == 0, err
    tuned = [*argv[:-1], "tuned", "--weights", "x.y", "--epochs", "1"]
    assert vhist(*tuned)[0] == 0
    code, out, err = vhist(*tuned, "--resume")
    assert code == 0, err
    assert Run.read("runs/tuned.json").origin == "x.y"
    other = draw(tmp_path / "others", "n01440764", "n02102040", count=8)
    monkeypatch.setenv("VHIST_DATA", str(other))
    code, _, err = vhist(*tuned, "--resume")
    assert (code, "data is 'mine' there" in err) == (2, True)


def test_a_run_that_ended_meanwhile_is_not_overwritten(
    vhist, greys, pictures, monkeypatch
):
    record = (greys / "greys.json").read_bytes()
    (greys / "greys.json").rename(greys / "away")
    (greys / "greys.pt").rename(greys / "weights")
    (greys / "greys.ckpt").touch()  # begun, as it seems
    monkeypatch.setattr(checkpoint, "check_facts", lambda *_: None)
    lock = files.locked

    def locked(path):  # while PyTorch was imported the other process ended
        (greys / "greys.ckpt").unlink()
        (greys / "weights").rename(greys / "greys.pt")
        (greys / "away").rename(greys / "greys.json")
        return lock(path)

    monkeypatch.setattr(files, "locked", locked)
    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    code, _, err = vhist(*argv, "--name", "greys", "--resume")
    assert (code, "greys.json exists" in err) == (2, True)
    assert (greys / "greys.json").read_bytes() == record


def test_sigterm_while_the_data_are_drawn_leaves_nothing(tmp_path):
    code = """
import os, signal, sys
from vhist import __main__, data
def drawn(*args, **words):
    assert os.listdir("runs") == ["slow.lock"]
    signal.raise_signal(signal.SIGTERM)
data.load_dataset = drawn
sys.argv = "vhist train resnet_small --name slow".split()
sys.exit(__main__.main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert (
        done.stderr.strip()
        == "vhist train: stopped; --resume goes on from what was saved, if anything was"
    )
    assert not list((tmp_path / "runs").iterdir())


def test_dry_run_of_what_needs_no_files(vhist, tmp_path, monkeypatch):
    monkeypatch.setattr(vdata, "load_dataset", None)
    code, out, _ = vhist("train", "resnet_small", "--dry-run")
    assert code == 0
    for text in (
        "4,000 + 1,000 of 10 classes (drawn when first used)",
        "62 per epoch, 930 in all",
        "2,777,674",
        "activations",
        "none of that name: begins",
        "runs/resnet_small-sketchnette-0.json",
    ):
        assert text in out
    assert not list(tmp_path.iterdir())
    out = vhist("train", "resnet18", "--data", "imagenette", "--dry-run")[1]
    assert "9,469 + 3,925 of 10 classes (to be downloaded)" in out


def test_dry_run_of_a_folder_and_a_begun_run(vhist, tmp_path, pictures):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.ckpt").write_bytes(b"")
    built = {"image_size": 32, "num_classes": 2}
    facts = {"model": "vit_small_8", "model_options": built, "recipe": {"epochs": 7}}
    checkpoint.save({"facts": facts}, tmp_path / "runs" / "b.ckpt")
    argv = ["train", "vit_small_8", "--data", "folder", "--root", pictures, *SHORT]
    code, out, _ = vhist(*argv, "--name", "a", "--dry-run")
    assert code == 0
    assert f"16 + 16 of 2 classes ({pictures})" in out
    assert "2 per epoch, 4 in all" in out
    assert "begun: --resume continues it" in out
    for name, says in (
        ("a", "a.ckpt is damaged or no checkpoint; remove it"),
        ("b", "its recipe epochs is 7, not 2"),
    ):
        code, _, err = vhist(*argv, "--name", name, "--resume", "--dry-run")
        assert code == 2
        assert one_line(err)
        assert says in err


def test_pictures_are_counted_as_they_are_loaded(pictures):
    drawn = vdata.load_dataset("sketchnette", image_size=16)
    assert catalogue.count_pictures("sketchnette")[:3] == (10, 4000, 1000)
    assert (len(drawn.train), len(drawn.val)) == (4000, 1000)
    assert catalogue.count_pictures("folder", pictures)[:3] == (2, 16, 16)


def test_memory_estimate_follows_the_recipe():
    recipe = Recipe(image_size=32, optimizer="sgd", batch_size=512)
    network = estimate.hollow_model("resnet_small", recipe, num_classes=10)

    def needed(**changes):
        changed = replace(recipe, **changes)
        return estimate.estimate_memory(network, changed, (10, 3, 32, 32))

    numbers, plain = 4 * 2_777_674, needed()
    assert plain["gradients"] == plain["optimizer"] == numbers
    assert plain["pictures"] == 10 * 3 * 32 * 32
    assert plain["running average"] == 0
    assert needed(optimizer="adamw")["optimizer"] == 2 * numbers
    assert needed(momentum=0)["optimizer"] == 0
    assert needed(ema=0.9)["running average"] == plain["weights"] > numbers
    half = needed(accumulate=2)["activations"]
    assert half == pytest.approx(plain["activations"] / 2, rel=0.01)
    assert not any(
        p.is_floating_point() and not p.is_meta for p in network.parameters()
    )


def test_memory_of_a_frozen_backbone_is_that_of_the_head():
    network = estimate.hollow_model("resnet_small", Recipe(), num_classes=10)
    whole, head = (
        estimate.estimate_memory(network, Recipe(backbone_lr=lr), (10, 3, 64, 64))
        for lr in (1.0, 0.0)
    )
    learned = sum(p.numel() for p in network.fc.parameters())
    assert head["gradients"] == 4 * learned < whole["gradients"]
    assert head["activations"] < whole["activations"]
    assert all(p.requires_grad for p in network.parameters())
    few, many = (
        estimate.estimate_memory(network, Recipe(batch_size=n), (10, 3, 64, 64))
        for n in (4, 64)
    )
    assert 8 * few["activations"] < many["activations"]


def test_stopped_says_how_to_continue(vhist, monkeypatch, pictures):
    def fit(*_, **__):
        raise Interrupted("stopped after step 3, saved to runs/a.ckpt", 15)

    monkeypatch.setattr("vhist.train.fit", fit)
    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures]
    argv += ["--name", "two words", "--resume"]
    code, _, err = vhist(*argv, *SHORT)
    assert code == 143
    assert "stopped after step 3, saved to runs/a.ckpt; to continue:" in err
    command = err.splitlines()[-1].strip()
    assert command.startswith("vhist train resnet_small --data folder --root ")
    assert "--name 'two words'" in command
    assert command.endswith(" --resume")
    assert command.count("--resume") == 1

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("vhist.train.fit", interrupt)
    code, _, err = vhist(*argv, *SHORT)
    assert code == 130
    assert one_line(err)
    assert (
        err.strip()
        == "vhist train: stopped; --resume goes on from what was saved, if anything was"
    )


@pytest.mark.parametrize(
    "kept", ["what was saved is in runs/a.ckpt", "nothing is saved"]
)
def test_a_full_disk_on_the_way_says_what_is_kept(vhist, monkeypatch, pictures, kept):
    def fit(*_, checkpoint, **__):
        if "in runs" in kept:
            checkpoint.write_bytes(b"state")
        raise OSError(f"could not write {checkpoint} (No space left on device)")

    monkeypatch.setattr("vhist.train.fit", fit)
    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    code, _, err = vhist(*argv, "--name", "a")
    assert code == 2
    assert one_line(err)
    assert f"left on device); {kept}: make room, then vhist train" in err
    assert err.strip().endswith("--name a --resume")


def test_a_full_disk_at_the_end_keeps_the_state(vhist, monkeypatch, pictures, example):
    def fit(*_, checkpoint, **__):
        checkpoint.write_bytes(b"state")
        return example

    def write_whole(write, path):
        raise OSError(f"could not write {path} (No space left on device)")

    monkeypatch.setattr("vhist.train.fit", fit)
    monkeypatch.setattr("vhist.files.write_whole", write_whole)
    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    code, _, err = vhist(*argv, "--name", "a")
    assert code == 2
    assert one_line(err)
    assert "could not write runs/a.pt (No space left on device)" in err
    assert "what was saved is in runs/a.ckpt" in err
    assert err.strip().endswith("--name a --resume")
    assert [p.name for p in Path("runs").iterdir()] == ["a.ckpt"]


def test_a_folder_that_cannot_be_written_to_is_said_first(vhist, tmp_path, pictures):
    (tmp_path / "file").write_text("")
    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    code, _, err = vhist(*argv, "--out", "file/runs")
    assert code == 2
    assert one_line(err)
    assert "cannot write to file/runs (Not a directory)" in err


@pytest.mark.parametrize(
    "error", [FloatingPointError, MemoryError, ConnectionError, ConnectionResetError]
)
def test_a_run_that_fails_on_its_way(vhist, monkeypatch, pictures, error):
    def fit(*_, **__):
        raise error("it\nfailed")

    monkeypatch.setattr("vhist.train.fit", fit)
    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    monkeypatch.setattr(cli, "is_first", lambda **_: False)
    code, _, err = vhist(*argv)
    assert code == 3
    assert err == "vhist train: it failed\n"


def test_weights_before_the_loss_was_no_number_can_be_gone_on_from(
    vhist, monkeypatch, pictures, tmp_path
):
    def fit(network, *_, checkpoint, **__):
        torch.save({"facts": {}, "model": network.state_dict()}, checkpoint)
        raise FloatingPointError("the loss is nan")

    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    with monkeypatch.context() as broken:
        broken.setattr("vhist.train.fit", fit)
        code, _, err = vhist(*argv, "--name", "first")
    assert code == 3
    assert one_line(err)
    assert "are in runs/first.ckpt: --weights with it and another --name" in err
    code, _, err = vhist(*argv, "--name", "second", "--weights", "runs/first.ckpt")
    assert code == 0, err


def test_of_many_processes_the_first_speaks_of_wrong_input(vhist, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("LOCAL_RANK", "1")  # left over: no torchrun started this
    assert one_line(vhist("train", "resnet_small", "--epoch", "3")[2])
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert vhist("train", "resnet_small", "--epoch", "3") == (2, "", "")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert one_line(vhist("train", "resnet_small", "--epoch", "3")[2])


# ---- eval and predict ----------------------------------------------------------------


def test_eval_repeats_the_record(vhist, greys, pictures):
    code, out, err = vhist("eval", "greys", "--root", pictures)
    assert (code, err) == (0, "")
    run = Run.read(greys / "greys.json")
    error = 100 * run.standard_error
    assert f"accuracy  {100 * run.accuracy:.2f} ± {error:.2f} %" in out
    assert "of 8" in out
    assert "the same answer for every picture" in out
    assert out == vhist("eval", "runs/greys.json", "--root", pictures)[1]


def test_eval_repeats_a_record_whose_pictures_lie_in_another_order(vhist, tmp_path):
    """Training sorts them by class; Sketchnette is drawn class after class in turn."""
    names = vdata.load_dataset("sketchnette", image_size=32).classes
    words = ["train", "resnet_small", "--model-options", "blocks=[1]", "widths=[8]"]
    words += ["--image-size", 32, "--data-size", 32, "--epochs", 1, "--threads", 1]
    few = ("--per-class", 10, "--batch-size", 20)
    for name, choice in (
        ("plain", ("--batch-size", 500)),
        ("few", few),
        ("turned", (*few, "--classes", *reversed(names))),
    ):
        assert vhist(*words, "--name", name, *choice)[0] == 0
        code, out, err = vhist("eval", name)
        assert (code, err) == (0, "")
        assert "the same answer for every picture" in out


def test_eval_tells_other_pictures(vhist, greys, pictures, tmp_path):
    record = greys / "greys.json"
    stored = json.loads(record.read_text())
    stored["data"]["fingerprint"] = "0123"
    labels = stored["predictions"]
    stored["predictions"] = labels[:-1] + ("0" if labels[-1] == "1" else "1")
    record.write_text(json.dumps(stored))
    code, out, err = vhist("eval", "greys", "--root", pictures)
    assert code == 0
    assert one_line(err)
    assert "its fingerprint is" in err
    assert "±" in out.splitlines()[-1]
    assert out.splitlines()[-1].endswith("%, of its own pictures")
    stored["data"]["fingerprint"] = err.split("its fingerprint is ")[1][:16]
    record.write_text(json.dumps(stored))
    out = vhist("eval", "greys", "--root", pictures)[1]
    assert "different, and other answers" in out
    other = draw(tmp_path / "other", "black", "white", count=8)
    code, _, err = vhist("eval", "greys", "--root", other)
    assert code == 2
    assert one_line(err)
    assert "has other classes (black, white) than greys was trained for" in err
    stored["command"] = "vhist train resnet_small --root 'gone"
    record.write_text(json.dumps(stored))
    code, _, err = vhist("eval", "greys")
    assert code == 2
    assert "give its folder, --root" in err


def test_predict(vhist, greys, pictures, tmp_path):
    light = pictures / "val" / "light" / "0.png"
    (tmp_path / "broken.png").write_text("no picture")
    code, out, err = vhist("predict", "greys", "broken.png", light, "missing.png")
    assert code == 2
    assert out.startswith(f"{light}: ")
    assert len(out.splitlines()) == 1
    assert "light" in out
    assert "dark" in out
    first, second = err.splitlines()
    assert first.startswith("vhist predict: cannot read broken.png (cannot identify")
    assert (
        second == "vhist predict: cannot read missing.png (No such file or directory)"
    )
    assert vhist("predict", "greys", light)[0] == 0
    (light.parent / "._0.png").write_bytes(b"")  # of macOS
    for many in (light.parent, light.parent / "?.png"):  # no shell expands it here
        code, out, err = vhist("predict", "greys", many)
        assert (code, err) == (0, "")
        assert len(out.splitlines()) == len([*light.parent.iterdir()]) - 1


def test_a_run_is_found_by_each_of_its_files(vhist, greys, pictures):
    for word in ("greys", "runs/greys", "runs/greys.json", "runs/greys.pt"):
        assert vhist("predict", word, pictures / "val" / "light" / "0.png")[0] == 0
    start = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    assert vhist(*start, "--name", "b", "--weights", "runs/greys.json")[0] == 0
    start[1] = "vgg_small_bn"
    said = "the weights in runs/greys.pt are of resnet_small"
    assert said in vhist(*start, "--name", "d", "--weights", "greys")[2]
    (greys / "c.ckpt").write_bytes(b"")
    for name in ("d.1.ckpt", "d.1.ckpt.previous", "e.ckpt.previous"):
        (greys / name).write_bytes(b"")
    for name in ("c", "d.1", "e"):
        assert f"{name} has not ended and has no record" in vhist("eval", name)[2]
    assert "not ended, --resume goes on: c, d.1, e\n" in vhist("runs")[1]


def test_eval_finds_the_pictures_of_the_record(vhist, greys, pictures, tmp_path):
    code, out, err = vhist("eval", "greys")
    assert (code, err) == (0, "")
    assert "the same answer for every picture" in out
    # Where a data set was unpacked below the root, its name says where to look.
    record = Run.read(greys / "greys.json")
    inner = tmp_path / "root" / "imagenette2-160"
    for split in ("train", "val"):
        for old, new in (("dark", "n03000684"), ("light", "n03028079")):
            shutil.copytree(pictures / split / old, inner / split / new)
    line = "vhist train resnet_small --data imagenette --root root"
    classes = record.data | {"classes": ["chain saw", "church"]}
    replace(record, command=line, data=classes).save(greys / "greys.json")
    code, out, _ = vhist("eval", "greys")
    assert (code, "on imagenette2-160" in out) == (0, True)
    # Nor is which archive it was, and that a file was no picture, to be said again.
    other = inner.rename(inner.with_name("imagenette2-320"))
    (other / "val" / "n03000684" / "broken.png").write_bytes(b"")
    line += " --size 320px --skip_bad"  # tyro takes either spelling
    replace(record, command=line, data=classes).save(greys / "greys.json")
    code, out, _ = vhist("eval", "greys")
    assert (code, "on imagenette2-320" in out) == (0, True)


def test_classes_in_an_order_of_ones_own_are_found_again(vhist, pictures):
    start = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    assert vhist(*start, "--classes", "light", "dark", "--name", "turned")[0] == 0
    for more in ((), ("--root", pictures)):
        code, out, _ = vhist("eval", "turned", *more)
        assert (code, "the same answer for every picture" in out) == (0, True)


def test_a_record_may_name_the_weights_also_when_resumed(vhist, greys, pictures):
    start = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    start += ["--name", "second", "--weights", "runs/greys.json"]
    assert vhist(*start)[0] == 0
    code, out, _ = vhist(*start, "--resume")
    assert (code, "has ended" in out) == (0, True)


def test_a_dry_run_refuses_what_the_run_would(vhist, pictures, monkeypatch):
    start = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    interrupted = Interrupted("stopped", 2)

    def stop(self):
        self.save()
        raise interrupted

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Checkpointer, "after_step", stop)
        assert vhist(*start, "--name", "a")[0] == 130
    start += ["--dry-run"]
    again = [*start, "--name", "a", "--resume"]
    assert vhist(*again)[0] == 0
    for changed, text in (
        (("--per-class", 6, "--batch-size", 4), "is 8, not 4"),
        (("--per-class", 7), "data train is 16, not 14"),
        (("--data-size", 50), "data image_size is 40, not 50"),
    ):
        code, _, err = vhist(*again, *changed)
        assert (code, text in err) == (2, True), err
    with monkeypatch.context() as patch:
        patch.setattr(os, "sysconf", lambda name: 300)  # 90 kB of memory
        code, _, err = vhist(*start)
        assert (code, "choose a smaller image_size" in err) == (2, True), err
        code, _, err = vhist(*start, "--per-class", 1, "--repeats", 8)  # decodes all
        assert (code, "choose a smaller image_size" in err) == (2, True), err
    monkeypatch.setattr(commands, "find_spec", lambda name: None)
    code, _, err = vhist(*start, "--tensorboard", "x")
    assert (code, "TensorBoard is not installed" in err) == (2, True)
    assert not Path("x").exists()


def test_names_of_pictures_cannot_write_on_the_terminal(vhist, greys, pictures):
    evil = Path("a\n\x1b[31mb.png")
    evil.write_bytes((pictures / "val" / "light" / "0.png").read_bytes())
    code, out, _ = vhist("predict", "greys", evil)
    assert (code, one_line(out), "\x1b" in out) == (0, True, False)
    evil.write_bytes(b"")
    code, _, err = vhist("predict", "greys", evil)
    assert (code, one_line(err), "\x1b" in err) == (2, True, False)


@pytest.mark.parametrize("errors", [subprocess.PIPE, subprocess.STDOUT])
def test_a_run_whose_output_nobody_reads_is_saved(tmp_path, pictures, errors):
    words = ["train", "resnet_small", "--data", "folder", "--root", str(pictures)]
    words += [*TINY, "--epochs", "100000", "--name", "a"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vhist", *words, "--device", "cpu"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    late = threading.Timer(60, process.kill)
    late.start()
    assert process.stdout is not None
    assert process.stdout.readline().startswith("epoch    1")
    process.stdout.close()
    err = process.stderr.read() if process.stderr else "to continue:\n  vhist train"
    assert process.wait() == 141
    late.cancel()
    assert "to continue:\n  vhist train" in err
    assert "Traceback" not in err
    assert "ignored" not in err
    assert (tmp_path / "runs" / "a.ckpt").exists()


# ---- lists ---------------------------------------------------------------------------


def test_summary(vhist):
    code, out, _ = vhist("summary", "resnet_small", "--num-classes", "10")
    assert code == 0
    assert "2,777,674 parameters" in out
    less = vhist("summary", "resnet_small", "--model-options", "blocks=[1,1,1]")[1]
    assert "1,227,594 parameters" in less
    short = vhist("summary", "resnet_small", "--num-classes", "10", "--depth", "1")[1]
    assert len(short) < len(out)
    assert "2,777,674 parameters" in short


def test_runs(vhist, greys):
    (greys / "broken.json").write_text("{")
    (greys / "lost.json").symlink_to("nowhere")
    code, out, err = vhist("runs")
    assert code == 0
    assert "broken.json is no record of a run" in err
    assert "lost.json: No such file or directory" in err
    assert len(err.splitlines()) == 2
    head, *rows = out.splitlines()
    assert "accuracy (%)" in head
    assert rows[-1].startswith("greys")
    (row,) = (row for row in rows if row.startswith("short-resnet_small-0 "))
    book = runs.load("short-resnet_small-0")
    assert f" {100 * book.accuracy:.1f} ± {100 * book.standard_error:.1f} " in row
    assert out.split() == vhist("runs", greys)[1].replace(str(greys), "runs").split()


def test_runs_show(vhist, greys, tmp_path):
    code, out, _ = vhist("runs", "show", "greys")
    assert code == 0
    for text in ("command   vhist train", "training loss", "█", "epoch 2"):
        assert text in out
    assert vhist("runs", "show", "short-vit_small_8-0")[0] == 0
    code, out, _ = vhist("runs", "show", "greys", "--figure", "curves.png")
    assert code == 0
    assert Image.open(tmp_path / "curves.png").size == (1080, 450)
    code, _, err = vhist("runs", "show", "greys", "--figure", "curves.xyz")
    assert code == 2
    assert one_line(err)


def test_chart_thins_out_and_fills():
    assert terminal.chart([0.0, 1.0], height=1, width=4).splitlines()[0].endswith("▁█")
    long = terminal.chart([float(i) for i in range(500)], width=60)
    assert max(map(len, long.splitlines())) <= 69
    assert "█" not in terminal.chart([1.0, 1.0])
    assert terminal.chart([float("nan")]) == "(no values, or not finite)"


def test_datasets(vhist, pictures, monkeypatch):
    code, out, _ = vhist("datasets")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == [*catalogue.SOURCES]
    assert "9,469 + 3,925" in out
    monkeypatch.setenv("VHIST_DATA", str(pictures))
    lines = vhist("datasets")[1].splitlines()
    assert str(pictures) in lines[-1]
    said = f"by --data imagenette --root FOLDER: {pictures} has other classes"
    assert said in lines[2]


def test_models(vhist):
    assert "vit_b_16" in vhist("models")[1].splitlines()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_completion_in_bash(vhist, tmp_path, monkeypatch):
    code, script, _ = vhist("completion", "bash")
    assert code == 0
    (tmp_path / "vhist.bash").write_text(script)
    lines = ["source vhist.bash", "complete -p vhist"]
    lines += ['try() { COMP_WORDS=(vhist "$@"); COMP_CWORD=$#; _tyro_vhist']
    lines += ['echo "${COMPREPLY[@]}"; }']
    lines += ["try tr", "try train vit_sm", "try train vit_b_16 --ep"]
    lines += ["try train vit_b_16 --optimizer ''", "try runs sh", "try completion z"]
    lines += ["try train vit_b_16 --resu", "try train vit_b_16 --we"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    bash = ["bash", "-c", "\n".join(lines)]
    done = subprocess.run(bash, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        *("complete -o default -F _tyro_vhist vhist", "train", "vit_small_8"),
        *("--epochs", "adamw sgd muon", "show", "zsh", "--resume"),
        "--weights --weight-decay",
    ]


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_completion_in_fish(vhist, tmp_path, monkeypatch):
    (tmp_path / "vhist.fish").write_text(vhist("completion", "fish")[1])
    (tmp_path / "plan.toml").touch()
    words = ["tr", "train vit_sm", "train vit_b_16 --ep", "train vit_b_16 --optimizer "]
    words += ["runs record pl"]
    lines = [f"complete -C 'vhist {word}'; echo ====" for word in words]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    fish = ["fish", "--no-config", "-c", "\n".join(["source vhist.fish", *lines])]
    done = subprocess.run(fish, capture_output=True, text=True)
    found = [  # each with a tab and what it is behind it
        [line.split("\t")[0] for line in part.splitlines()]
        for part in done.stdout.split("====\n")
    ]
    assert found[:2] == [["train"], ["vit_small_8"]]
    assert "--epochs" in found[2]
    assert {"adamw", "sgd", "muon"} == {*found[3]}
    assert found[4] == ["plan.toml"]


def test_completion_offers_files_in_zsh(vhist):
    script = vhist("completion", "zsh")[1]
    assert "vit_small_8" in script
    assert "_describe 'vhist completions' completion_array || _files\n" in script


# ---- fine-tuning ---------------------------------------------------------------------


def test_a_run_begins_with_the_weights_of_another(vhist, greys, tmp_path):
    folder = draw(tmp_path / "three", "black", "grey", "white", count=8)
    words = ["train", "resnet_small", "--data", "folder", "--root", folder, *SHORT]
    words += ["--weights", "greys", "--backbone-lr", "0", "--name", "tuned"]
    chosen = [*words, "--classes", "white", "black", "--per-class", "4"]
    code, out, _ = vhist(*chosen, "--dry-run")
    assert code == 0
    assert "8 + 16 of 2 classes" in out
    assert re.search(r"first weights\s+greys \w{16}\n", out)
    code, _, err = vhist(*words, "--dry-run", "--weights", "grays")
    assert (code, "no weights grays" in err) == (2, True)
    code, _, err = vhist(*chosen)
    assert code == 0, err
    first, second = (
        torch.load(greys / f"{name}.pt", weights_only=True)
        for name in ("greys", "tuned")
    )
    assert [k for k in first if not torch.equal(first[k], second[k])] == [
        *("fc.weight", "fc.bias")
    ]
    run = Run.read(greys / "tuned.json")
    assert run.weights.split()[0] == "greys"
    assert run.data["classes"] == ["white", "black"]
    assert run.data["train"] == 8
    # judged again on the same classes of all that the folder has
    code, out, err = vhist("eval", "tuned", "--root", folder)
    assert code == 0, err
    assert "the record's accuracy, and the same answer for every picture" in out
    code, out, _ = vhist(*chosen, "--resume")
    assert "tuned has ended" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "grays"], "no weights grays; name a file"),
        (["--weights", "runs/grays.json"], "no weights runs/grays.pt; name a file"),
        (["--weights", "short-vgg_small-0"], "`vhist train vgg_small --data im"),
        (["--weights", "imagenet"], "torchvision has no weights for resnet_small"),
        (
            ["--weights", "greys", "--model-options", "stem_width=8"],
            "do not fit ResNet",
        ),
        (["--classes", "red"], "has no class 'red'; there are dark, light"),
        (["--classes", "red", "--dry-run"], "has no class 'red'; there are dark, li"),
        (["--classes", "dark", "dark", "--dry-run"], "'dark' is named twice"),
        (["--per-class", "9"], "has 8 training pictures of dark, per_class=9 asks"),
        (["--per-class", "0"], "per_class must be at least 1"),
        (["--backbone-lr", "-1"], "backbone_lr cannot be below 0"),
        (["--repeats", "0"], "repeats must be at least 1"),
    ],
)
def test_fine_tuning_refused_in_one_line(words, message, vhist, greys, pictures):
    start = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    code, _, err = vhist(*start, "--name", "x", *words)
    assert code == 2
    assert one_line(err)
    assert message in err
    assert not (greys / "x.json").exists()


# ---- what a review found -------------------------------------------------------------


def test_weights_are_no_model_option(vhist, trained):
    words = f"train resnet_small --model-options weights={trained / 'greys.pt'}"
    code, _, err = vhist(*words.split())
    assert (code, "weights is no model option: use --weights" in err) == (2, True)


def test_numbers_may_begin_with_a_point(vhist):
    argv = ["train", "vgg_small", "--dry-run", "--model-options", "dropout=.5"]
    code, _, err = vhist(*argv)
    assert code == 0, err
    options = commands.Options(model_options=("dropout=.5", "hidden=64", "pool=mean"))
    assert options.built() == {"dropout": 0.5, "hidden": 64, "pool": "mean"}
    assert isinstance(options.built()["hidden"], int)


def test_an_unknown_model_is_answered_with_a_command(vhist):
    code, _, err = vhist("train", "zzz")
    assert (code, "see `vhist models`" in err) == (2, True)


def test_a_tilde_is_a_home_behind_an_equals_sign_too(vhist, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert commands.Options(out=Path("~/x")).out == tmp_path / "home" / "x"
    (tmp_path / "home" / "x").mkdir(parents=True)
    (tmp_path / "home" / "x" / "mine.json").write_text("")
    code, _, err = vhist("runs", "show", "min", "--out=~/x")
    assert (code, "did you mean mine?" in err) == (2, True), err
    code, _, err = vhist("runs", "show", "min", "--out=~nobody-here/x")
    assert (code, "not known; give out without ~" in err) == (2, True), err


def test_a_name_leaves_room_for_endings(vhist):
    code, _, err = vhist("train", "resnet_small", "--dry-run", "--name", "é" * 101)
    assert (code, "at most 200 bytes" in err) == (2, True)


def test_eval_asks_for_the_labels_too(vhist, greys, pictures, tmp_path):
    root = tmp_path / "moved"
    shutil.copytree(pictures, root)
    (root / "val" / "dark" / "7.png").rename(root / "val" / "light" / "-7.png")
    code, out, err = vhist("eval", "greys", "--root", root)
    assert (code, "is not what the record was made with" in err) == (0, True)
    assert "the same answer for every picture" not in out


def test_a_run_is_resumed_without_the_weights_it_began_with(
    vhist, pictures, trained, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    shutil.copy(trained / "greys.pt", "first.pt")
    argv = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    argv += ["--weights", "first.pt", "--name", "second"]
    with monkeypatch.context() as patch:
        patch.setattr(Run, "save", full)
        assert vhist(*argv)[0] == 2
    Path("first.pt").unlink()
    code, _, err = vhist(*argv, "--resume", "--weights", "other.pt")
    assert (code, "no weights other.pt" in err) == (2, True)
    code, _, err = vhist(*argv, "--resume")
    assert code == 0, err
    assert Run.read("runs/second.json").origin == "first"


def test_a_dry_run_sees_weights_without_a_record(vhist):
    Path("runs").mkdir()
    Path("runs/left.pt").touch()
    out = vhist("train", "resnet_small", "--dry-run", "--name", "left")[1]
    assert "left.pt exists: the name is refused" in out


def test_a_device_that_pytorch_lacks_is_one_line(vhist):
    code, _, err = vhist("train", "resnet_small", "--device", "hpu", "--dry-run")
    assert code == 2
    assert one_line(err)
    assert "cannot use device 'hpu'" in err


def test_memory_estimate_follows_team_type_and_evaluation():
    recipe = Recipe(batch_size=64)
    network = estimate.hollow_model("resnet_small", recipe, num_classes=10)

    def needed(recipe=recipe, **options):
        return estimate.estimate_memory(network, recipe, (10, 3, 64, 64), **options)

    plain = needed()
    assert needed(processes=2)["gradients"] == 2 * plain["gradients"]
    assert needed(bfloat16=True)["activations"] == plain["activations"] // 2
    # Of a frozen backbone little is kept: then it is the evaluation of 256 pictures.
    two_layers = 2 * 64 * 32 * 32
    frozen = needed(replace(recipe, backbone_lr=0.0))
    assert frozen["activations"] == 256 * 4 * two_layers


@pytest.mark.parametrize(
    ("batch", "parts", "processes", "expected"),
    [(16, 1, 1, 64), (64, 4, 1, 64), (64, 2, 2, 64), (128, 1, 1, 256)],
)
def test_an_evaluation_takes_four_times_what_a_step_does(
    batch, parts, processes, expected
):
    recipe = Recipe(batch_size=batch, accumulate=parts)
    assert estimate.eval_batch_size(recipe, processes) == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, (10, 9469, 3925)),
        ({"classes": ("tench", "church")}, (2, 1893, 785)),
        ({"per_class": 5}, (10, 50, 3925)),
        ({"classes": ("tench", "church"), "per_class": 5}, (2, 10, 785)),
    ],
)
def test_pictures_that_are_not_here_are_counted_too(tmp_path, choice, expected):
    assert catalogue.count_pictures("imagenette", tmp_path, **choice)[:3] == expected


def test_the_seed_decides_the_first_weights_and_threads_are_those_asked_for(
    vhist, pictures
):
    words = ["train", "resnet_small", "--data", "folder", "--root", pictures, *TINY]
    words += ["--backbone-lr", "0"]  # what lies below the head stays as it began
    first = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        code, _, err = vhist(*words, "--name", name, "--seed", seed, "--threads", 2)
        assert code == 0, err
        assert Run.read(Path("runs", f"{name}.json")).threads == 2
        weights = torch.load(f"runs/{name}.pt", weights_only=True)
        first[name] = weights["conv1.weight"]
    torch.set_num_threads(1)
    assert torch.equal(first["a"], first["b"])
    assert not torch.equal(first["a"], first["c"])


def test_pictures_are_drawn_with_the_seed(vhist, pictures, monkeypatch):
    chosen, select = [], vdata.Dataset.select

    def spied(self, classes=(), **options):
        found = select(self, classes, **options)
        chosen.append(found.train.files)
        return found

    monkeypatch.setattr(vdata.Dataset, "select", spied)
    words = ["train", "resnet_small", "--data", "folder", "--root", pictures, *TINY]
    words += ["--per-class", "3", "--batch-size", "6"]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert vhist(*words, "--name", name, "--seed", seed)[0] == 0
    assert chosen[0] == chosen[1] != chosen[2]


def test_predict_prints_the_networks_probabilities(vhist, greys, pictures):
    run = Run.read(greys / "greys.json")
    network = create_model(run.model, **run.model_options)
    network.load_state_dict(torch.load(greys / "greys.pt", weights_only=True))
    path = pictures / "val" / "dark" / "0.png"
    pixels = decoding.decode(path, run.data["image_size"])[None]
    split = Split(pixels, torch.zeros(1, dtype=torch.long), ("",))
    chances = evaluate(network, split, image_size=32).logits.softmax(dim=1)[0].tolist()
    ranked = sorted(zip(chances, run.data["classes"], strict=True), reverse=True)
    said = ", ".join(f"{name} {100 * p:.1f} %" for p, name in ranked)
    assert vhist("predict", "greys", path)[1] == f"{path}: {said}\n"
    odd = greys.parent / '0, "light"\n.png'
    shutil.copy(path, odd)
    code, out, _ = vhist("predict", "greys", path, odd, "--csv")
    head, *rows = csv.reader(io.StringIO(out))
    assert (code, head) == (0, ["file", *run.data["classes"]])
    assert [row[0] for row in rows] == [str(path), str(odd)]
    assert [float(p) for p in rows[1][1:]] == pytest.approx(chances, abs=1e-6)


def test_a_record_in_the_folder_goes_before_the_books(vhist, example):
    replace(example, parameters=7).save(Path("runs", "short-vit_small_8-0.json"))
    assert (
        "resnet_small, 7 parameters" in vhist("runs", "show", "short-vit_small_8-0")[1]
    )
    assert (
        "resnet_small, 7 parameters"
        not in vhist("runs", "show", "short-vit_small_8-1")[1]
    )


def test_what_is_asked_for_reaches_the_training(vhist, pictures, monkeypatch):
    given = {}

    def fit(*args, **options):
        given.update(options)
        raise FloatingPointError("enough")

    monkeypatch.setattr("vhist.train.fit", fit)
    words = ["train", "resnet_small", "--data", "folder", "--root", pictures, *TINY]
    assert vhist(*words, "--checkpoint-seconds", 7, "--tensorboard", "board")[0] != 0
    assert given["checkpoint_seconds"] == 7
    assert given["tensorboard"] == Path("board")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ((), "begun.ckpt exists: continue it with --resume"),
        (("--resume", "--lr", "0.5"), "lr"),
    ],
)
def test_what_is_refused_is_refused_before_pictures_are_read(
    vhist, greys, pictures, tmp_path, monkeypatch, extra, said
):
    words = ["train", "resnet_small", "--data", "folder", "--root", pictures, *TINY]
    words += ["--name", "begun"]
    monkeypatch.setattr(checkpoint, "remove", lambda path: None)
    assert vhist(*words)[0] == 0
    (tmp_path / "runs" / "begun.json").unlink()

    def load(*args, **options):
        raise AssertionError("pictures are read")

    monkeypatch.setattr(vdata, "load_dataset", load)
    code, _, err = vhist(*words, *extra)
    assert code == 2
    assert said in err


def test_how_the_pictures_are_read_reaches_the_data_set(vhist, monkeypatch):
    given = {}

    def load(*args, **options):
        given.update(options)
        raise ValueError("enough")

    monkeypatch.setattr(vdata, "load_dataset", load)
    words = ["train", "resnet_small", "--data", "imagenette"]
    code, _, err = vhist(*words, "--size", "320px", "--skip-bad", "--data-size", "90")
    assert (code, "enough" in err) == (2, True)
    asked = {"size": "320px", "skip_bad": True, "image_size": 90}
    assert given.items() >= asked.items()
    vhist(*words)
    assert not given["skip_bad"]


def test_a_run_of_torchrun_is_continued_with_torchrun(monkeypatch):
    words = "vhist train vit_small_8 --name a --no-resume"
    monkeypatch.setattr(sys, "argv", words.split())
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert commands._again() == "vhist train vit_small_8 --name a --resume"
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    for size, how in (("2", "--nproc-per-node 2"), ("4", "...")):
        monkeypatch.setenv("WORLD_SIZE", size)
        same = f"torchrun {how} -m vhist train vit_small_8 --name a"
        assert commands._command() == same
        assert commands._again() == f"{same} --resume"


def test_the_pictures_of_a_record_are_found_by_its_command(example):
    for start in ("vhist", "torchrun --nproc-per-node 2 -m vhist"):
        run = replace(example, command=f"{start} train stn --data cifar10")
        assert commands._recorded(run).data == "cifar10"
    for other in ("", "vhist train stn --no-such-flag 1", "python mine.py"):
        assert commands._recorded(replace(example, command=other)) is None


FAILS = """
import sys
from vhist import __main__, data
def fail(*args, **words):
    raise RuntimeError({says!r})
data.load_dataset = fail
sys.argv = ["vhist", "train", "resnet_small"]
sys.exit(__main__.main())
"""


@pytest.mark.parametrize(
    ("says", "code", "told"),
    [
        ("a mistake of ours", 1, "RuntimeError: a mistake of ours"),
        ("illegal memory access", 1, "RuntimeError: illegal memory access"),
        ("can't start new thread", 3, "vhist train: no more threads to be had: lower"),
        ("cannot allocate memory", 3, "vhist train: out of memory: ask for smaller"),
    ],
)
def test_only_a_mistake_of_ours_shows_a_traceback(tmp_path, says, code, told):
    done = subprocess.run(
        [sys.executable, "-c", FAILS.format(says=says)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert done.stderr.splitlines()[-1].startswith(told)
    assert ("Traceback" in done.stderr) == (code == 1)


def test_predict_names_the_three_likeliest_classes(vhist, tmp_path):
    folder = draw(tmp_path / "greys", "black", "dark", "grey", "light", count=8)
    words = ["train", "resnet_small", "--data", "folder", "--root", folder, *TINY]
    assert vhist(*words, "--name", "four")[0] == 0
    out = vhist("predict", "four", folder / "val" / "dark" / "0.png")[1]
    shares = [float(part.split()[-2]) for part in out.split(",")]
    assert len(shares) == 3
    assert shares == sorted(shares, reverse=True)


def test_predict_looks_into_folders_of_folders(vhist, greys, pictures):
    code, out, err = vhist("predict", "greys", pictures / "val")
    assert (code, len(out.splitlines()), err) == (0, 16, "")


def test_predict_says_what_it_leaves_out(vhist, greys, pictures, tmp_path):
    folder = tmp_path / "mixed"
    shutil.copytree(pictures / "val", folder)
    (folder / "b.avif").touch()
    (folder / "notes.txt").touch()
    code, out, err = vhist("predict", "greys", folder)
    assert (code, len(out.splitlines())) == (0, 16)
    assert "2 files below" in err
    assert err.strip().endswith("the first: " + str(folder / "b.avif"))


def test_a_dry_run_refuses_a_folder_of_other_pictures(vhist, pictures, monkeypatch):
    monkeypatch.setenv("VHIST_DATA", str(pictures))
    words = ["train", "resnet_small", "--data", "imagenette", "--dry-run"]
    code, _, err = vhist(*words)
    assert code == 2
    assert "has other classes than imagenette" in err


def test_a_dry_run_counts_bad_files_as_long_as_it_does_not_know(vhist, pictures):
    words = ["train", "resnet_small", "--data", "folder", "--root", pictures, *SHORT]
    for extra, said in ((), "pictures           16"), (("--skip-bad",), "at most 16"):
        assert said in vhist(*words, "--dry-run", *extra)[1]


def test_a_model_of_ones_own_is_evaluated_in_python(vhist, greys):
    path = greys / "greys.json"
    replace(Run.read(path), model="Net", model_options={}).save(path)
    code, _, err = vhist("eval", "greys")
    assert code == 2
    assert one_line(err)
    assert "no model named 'Net' (one of your own is evaluated in Python)" in err


def test_what_a_command_has_to_say_is_no_error(tmp_path, pictures):
    bad = tmp_path / "bad"
    shutil.copytree(pictures, bad)
    next((bad / "train").rglob("*.png")).write_bytes(b"no picture")
    words = ["train", "resnet_small", "--data", "folder", "--root", bad, "--skip-bad"]
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-m", "vhist", *words, *TINY],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "1 files are no pictures" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_log_on_a_full_disk_stops_no_training(tmp_path, pictures):
    words = ["train", "resnet_small", "--data", "folder", "--root", pictures, *TINY]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "vhist", *words, "--name", "a"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert "cannot write a line of output (No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(Run.read(tmp_path / "runs" / "a.json").log) == 2
    assert (tmp_path / "runs" / "a.pt").exists()


def test_summary_takes_a_number_of_classes(vhist):
    out = vhist("summary", "resnet_small", "--num-classes", "7")[1]
    assert "2,776,903 parameters" in out


def test_eval_computes_in_the_precision_of_the_record(
    vhist, greys, pictures, monkeypatch
):
    path, asked = greys / "greys.json", []
    run = Run.read(path)
    replace(run, recipe=run.recipe | {"precision": "bfloat16"}).save(path)

    def watched(*args, **options):
        asked.append(options.get("precision"))
        return evaluate(*args, **options)

    monkeypatch.setattr("vhist.train.evaluate", watched)
    assert vhist("eval", "greys", "--root", pictures)[0] == 0
    assert asked == ["bfloat16"]


def test_a_thinned_chart_ends_with_the_last_value():
    lines = terminal.chart([float(i) for i in range(119)], width=60).splitlines()
    assert lines[0].split()[0] == "118.000"
    assert lines[0].endswith("█")


def test_pictures_are_stored_a_quarter_larger_than_they_are_seen():
    def stored(size, **options):
        return commands.stored_size(
            commands.Options(**options), Recipe(image_size=size)
        )

    assert [stored(64), stored(224), stored(8)] == [80, 280, 16]
    assert stored(64, data_size=64) == 64


def test_predict_decodes_to_the_size_that_was_trained_on(
    vhist,
    greys,
    pictures,
    monkeypatch,
):
    decode, asked = decoding.decode, []

    def watched(path, size):
        asked.append(size)
        return decode(path, size)

    monkeypatch.setattr("vhist.decoding.decode", watched)
    assert vhist("predict", "greys", pictures / "val" / "dark" / "0.png")[0] == 0
    run = runs.Run.read(greys / "greys.json")
    assert asked == [run.data["image_size"]] == [40]  # not the 32 of the network


def test_eval_counts_the_right_ones_of_each_class(vhist, greys, pictures):
    state = torch.load(greys / "greys.pt", weights_only=True)
    state["fc.weight"].zero_()
    state["fc.bias"].copy_(torch.tensor([1.0, 0.0]))  # all are dark
    torch.save(state, greys / "greys.pt")
    rows = [line.split() for line in vhist("eval", "greys")[1].splitlines()]
    assert ["dark", "8", "of", "8", "100.0"] in rows
    assert ["light", "0", "of", "8", "0.0"] in rows
