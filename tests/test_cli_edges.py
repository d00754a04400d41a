"""The command line at its edges: full disks, narrow terminals, records of others."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from malformed import draw

from vhist.cli import commands, terminal
from vhist.cli.parsing import parse_call, parse_train
from vhist.recipe import recipe_for

# ---- words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "--family paper --name stn alexnet_small",
        "--family=paper --name=stn alexnet_small",
        "--resume --family paper --weights stn alexnet_small",
    ],
)
def test_a_value_that_is_the_name_of_a_model_is_not_the_model(line):
    given = parse_train(commands.train, "vhist train", line.split()).keywords
    assert given["recipe"] == recipe_for("alexnet_small", "paper")


@pytest.mark.parametrize("line", ["--clip-norm none", "--clip_norm=NONE"])
def test_none_is_read_in_any_spelling(line):
    words = ["vgg_small", *line.split(), "--name", "none"]
    given = parse_train(commands.train, "vhist train", words).keywords
    assert given["recipe"].clip_norm is None
    assert given["options"].name == "none"  # which text is


def test_behind_two_hyphens_there_are_no_flags():
    words = ["a", "--device", "cpu", "--", "--x.png", "y.png"]
    given = parse_call(commands.predict, "vhist predict", words).keywords
    assert given["pictures"] == (Path("--x.png"), Path("y.png"))


@pytest.mark.parametrize("line", ["train nomodel", "summary nomodel"])
def test_the_command_that_lists_models_is_named(vhist, line):
    code, _, err = vhist(*line.split())
    assert (code, "see `vhist models`" in err) == (2, True)


# ---- where the output goes -----------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("word", ["--help", "--version"])
def test_output_that_cannot_be_written(word):
    words = [sys.executable, "-m", "vhist", word]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "vhist: cannot go on: No space left on device\n"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_help_in_a_terminal_of_one_column():
    words = [sys.executable, "-m", "vhist", "models", "--help"]
    env = os.environ | {"COLUMNS": "1"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)
    assert "List the models" in done.stdout


# ---- records -------------------------------------------------------------------------


def test_an_ended_run_of_other_pictures_is_not_the_same(vhist):
    draw(Path("a"), "cat", "dog", count=4)
    draw(Path("b"), "cat", "dog", count=4)
    start = "train resnet_small --image-size 32 --threads 1 --epochs 1 --batch-size 2 "
    start += "--model-options blocks=[1] widths=[4] stem_width=4 --data folder --root "
    assert vhist(*f"{start}a --name all".split())[0] == 0
    assert (
        vhist(*f"{start}a --name few --per-class 2 --classes dog cat".split())[0] == 0
    )
    for line, message in (
        ("a --name all", ""),
        ("b --name all", "data is 'a' there, 'b' asked for"),
        ("a --name few --per-class 2 --classes dog cat", ""),
        ("a --name few --classes dog cat", "training pictures is 4 there, 8 asked for"),
        ("a --name few", "classes is ['dog', 'cat'] there, ['cat', 'dog'] asked for"),
    ):
        code, out, err = vhist(*f"{start}{line} --resume".split())
        assert message in err
        assert code == (2 if message else 0)
        assert bool(message) != ("has ended" in out)
    shutil.rmtree("a")  # what is not here cannot be compared
    assert "has ended" in vhist(*f"{start}a --name all --resume".split())[1]


def test_a_chart_of_the_largest_numbers():
    drawn = terminal.chart([-1e308, 1e308], height=2, width=4).splitlines()
    assert drawn[0].startswith("  1e+308")
    assert drawn[0].endswith(" █")
    assert drawn[1].startswith(" -1e+308")


def test_a_record_cannot_speak_to_the_terminal(vhist, example):
    Path("runs").mkdir()
    bad = "\x1b]0;owned\x07\nb"
    log = [{**example.log[0], "train_loss": 1e308}, example.log[0]]
    replace(example, name=bad, commit=bad, log=log).save("runs/a.json")
    for line in ("runs", "runs show a"):
        code, out, err = vhist(*line.split())
        assert code == 0, err
        assert r"\x1b]0;owned\x07\nb" in out
        assert "\x1b" not in out


def test_an_evaluation_cannot_speak_to_the_terminal(vhist):
    bad = "\x1b]0;owned\x07"
    draw(Path(bad), "cat", "\x1b[31mdog", count=4)
    start = "train resnet_small --image-size 32 --epochs 1 --batch-size 2 --name a "
    start += "--model-options blocks=[1] widths=[4] stem_width=4 --data folder "
    assert vhist(*f"{start} --root {bad}".split())[0] == 0
    code, out, err = vhist(*f"eval a --root {bad}".split())
    assert code == 0, err
    assert r"\x1b]0;owned\x07" in out
    assert "\x1b" not in out


def test_half_a_figure_is_not_kept(vhist, example, monkeypatch):
    from matplotlib.figure import Figure

    def full(figure, target, **options):
        if hasattr(target, "write"):
            target.write(b"half")
        else:
            Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    example.save("a.json")
    Path("a.svg").write_text("old")
    assert vhist(*["runs", "show", "a.json", "--figure", "a.pdf"])[0] == 0
    assert Path("a.pdf").read_bytes().startswith(b"%PDF")
    monkeypatch.setattr(Figure, "savefig", full)
    code, _, err = vhist(*["runs", "show", "a.json", "--figure", "a.svg"])
    assert code == 2
    assert "could not write a.svg (No space left on device)" in err
    assert Path("a.svg").read_text() == "old"
    assert {path.name for path in Path().iterdir()} == {"a.json", "a.pdf", "a.svg"}


def test_of_a_flag_given_twice_the_last_counts():
    words = ["resnet_small", "--family", "paper", "--family", "article"]
    call = parse_train(commands.train, "vhist train", words)
    assert call.keywords["options"].family == "article"
    assert call.keywords["recipe"] == recipe_for("resnet_small", "article")
