"""Random input: recipes, damaged files, command lines; taken or refused in a line.

All chance is drawn anew from the same seed in each run, so that a failure comes again.
"""

import contextlib
import io
import json
import math
import os
import sys
import warnings
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import draw, interrupted, refused, resume, trained
from PIL import Image

from vhist import Recipe, checkpoint, files
from vhist import __main__ as cli
from vhist.cli.commands import Options
from vhist.data import load_folder
from vhist.decoding import decode
from vhist.folders import cache_dir
from vhist.runs import Run


def bound(examples: int):
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None
    )


def outcome(call):
    """Return the result of a call, or None if it was refused as it should be."""
    try:
        return call()
    except (ValueError, TypeError, FileNotFoundError) as error:
        text = str(error)
    assert len(text.splitlines()) == 1
    return None


# ---- recipes -------------------------------------------------------------------------

positive = st.floats(1e-12, 1e12)
share = st.floats(0, 1, exclude_max=True)
area = st.floats(0.01, 1)


@st.composite
def recipes(draw) -> Recipe:
    accumulate = draw(st.integers(1, 8))
    size = draw(st.integers(1, 10_000))
    epochs = draw(st.integers(1, 1000))
    chosen = {
        "epochs": epochs,
        "accumulate": accumulate,
        "batch_size": accumulate * draw(st.integers(1, 512)),
        "lr": draw(positive),
        "momentum": draw(share),
        "weight_decay": draw(st.floats(0, 1e12)),
        "warmup_epochs": draw(st.floats(0, 1e4) | st.integers(0, 100)),
        "step_epochs": draw(st.integers(max(1, epochs // 20), 2000)),
        "step_factor": draw(st.floats(1e-3, 1e3)),
        "label_smoothing": draw(share),
        "clip_norm": draw(st.none() | positive),
        "ema": draw(share),
        "image_size": size,
        "start_size": draw(st.none() | st.integers(1, size)),
        "crop_area": tuple(sorted(draw(st.tuples(area, area)))),
        "seed": draw(st.integers(0, 2**63 - 1)),
    }
    for field in fields(Recipe):
        words = [w for w in get_args(field.type) if isinstance(w, str)]
        if words:
            chosen[field.name] = draw(st.sampled_from(words))
    return Recipe(**chosen)


@bound(200)
@given(recipe=recipes(), t=st.floats(0, 1))
def test_a_sensible_recipe_is_taken_and_comes_back_from_json(recipe, t):
    assert Recipe(**asdict(recipe)) == recipe
    assert Recipe(**json.loads(json.dumps(asdict(recipe)))) == recipe
    assert 0 <= recipe.lr_at(t * recipe.epochs) < math.inf
    assert 1 <= recipe.size_at(int(t * recipe.epochs)) <= recipe.image_size


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=8)
    | st.sampled_from([10**400, -(10**4000), math.nan, math.inf]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
names = st.sampled_from([field.name for field in fields(Recipe)])


@bound(500)
@given(chosen=st.dictionaries(names, anything, min_size=1, max_size=3))
def test_any_values_make_a_recipe_or_a_line(chosen):
    recipe = outcome(lambda: Recipe(**chosen))
    if recipe is not None:
        assert Recipe(**json.loads(json.dumps(asdict(recipe)))) == recipe
        assert recipe.lr_at(recipe.epochs / 2) >= 0
        assert recipe.size_at(recipe.epochs - 1) >= 1


# ---- damaged files -------------------------------------------------------------------


@st.composite
def damages(draw):
    """A function that flips bits, cuts, moves, clears or puts in some bytes."""
    kinds = ("flip", "cut", "copy", "clear", "insert", "behead")
    steps = [
        (
            draw(st.sampled_from(kinds)),
            draw(st.floats(0, 1, exclude_max=True)),
            draw(st.floats(0, 1, exclude_max=True)),
            draw(st.binary(min_size=1, max_size=8)),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]

    def damage(whole: bytes) -> bytes:
        for kind, a, b, extra in steps:
            i, j = int(a * len(whole)), int(b * len(whole))
            low, high = min(i, j), min(max(i, j), min(i, j) + 64)
            if kind == "flip" and whole:
                bit = 1 << extra[0] % 8
                whole = whole[:i] + bytes([whole[i] ^ bit]) + whole[i + 1 :]
            elif kind == "cut":
                whole = whole[:i]
            elif kind == "behead":
                whole = whole[i:]
            elif kind == "copy":
                whole = whole[:i] + whole[low:high] + whole[i + high - low :]
            elif kind == "clear":
                whole = whole[:low] + bytes(high - low) + whole[high:]
            elif kind == "insert":
                whole = whole[:i] + extra + whole[i:]
        return whole

    return damage


noise = st.binary(max_size=300).map(lambda content: lambda whole: content)
either = st.one_of(damages(), damages(), damages(), noise)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with one whole file of each kind."""
    folder = tmp_path_factory.mktemp("luck")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VHIST_CACHE", str(folder / "cache"))
        draw(folder / "pictures")
        interrupted(folder / "half.ckpt")
        (folder / "runs").mkdir()
        trained(folder / "runs")
        chance = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (24, 24, 3), generator=chance).byte().numpy()
        for kind in ("jpg", "png", "gif", "webp", "tif"):
            Image.fromarray(pixels).save(folder / f"picture.{kind}")
    return folder


def same(one: object, other: object) -> bool:
    """Return whether two nests of dictionaries, lists and tensors are equal."""
    if isinstance(one, dict):
        assert isinstance(other, dict)
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    return one == other


@pytest.mark.parametrize("name", ["half.ckpt", "runs/a.pt"])
@bound(600)
@given(damage=either)
def test_a_damaged_state_is_whole_or_refused(shelf, name, damage):
    whole = (shelf / name).read_bytes()
    path = shelf / "spoilt"
    path.write_bytes(damage(whole))
    state = outcome(lambda: files.read_whole(path, "checkpoint"))
    if state is not None:
        assert same(state, files.read_whole(shelf / name, "checkpoint"))


@bound(40)
@given(damage=either)
def test_a_damaged_checkpoint_continues_the_same_or_not_at_all(shelf, damage):
    path = shelf / "continued"
    checkpoint.remove(path)
    path.write_bytes((shelf / "half.ckpt").read_bytes())
    expected = resume(path)[1].log[-1]["val_loss"]
    checkpoint.remove(path)
    path.write_bytes(damage((shelf / "half.ckpt").read_bytes()))
    ended = outcome(lambda: resume(path))
    assert ended is None or ended[1].log[-1]["val_loss"] == expected


@bound(60)
@given(damage=either)
def test_a_damaged_cache_changes_no_picture(shelf, damage):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VHIST_CACHE", str(shelf / "cache"))
        before = load_folder(shelf / "pictures", image_size=16)
        (cached,) = cache_dir().iterdir()
        cached.write_bytes(damage(cached.read_bytes()))
        after = load_folder(shelf / "pictures", image_size=16)
    for split in ("train", "val"):
        one, other = getattr(before, split), getattr(after, split)
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
        assert one.files == other.files
    assert after.fingerprint == before.fingerprint


@bound(300)
@given(damage=either)
def test_a_damaged_record_is_sound_or_refused(shelf, damage):
    """Text has no checksum: one digit may become another, but no page breaks of it."""
    path = shelf / "spoilt.json"
    path.write_bytes(damage((shelf / "runs" / "a.json").read_bytes()))
    run = outcome(lambda: Run.read(path))
    if run is not None:
        assert 0 <= run.accuracy <= 1
        assert run.standard_error >= 0
        outcome(lambda: run.confusion)
        assert repr(Run.read(run.save(path))) == repr(run)


@bound(200)
@given(swap=st.dictionaries(st.sampled_from([f.name for f in fields(Run)]), anything))
def test_a_record_of_any_values_is_sound_or_refused(shelf, swap):
    path = shelf / "spoilt.json"
    stored = json.loads((shelf / "runs" / "a.json").read_text())
    try:
        path.write_text(json.dumps(stored | swap))
    except (TypeError, ValueError):  # bytes, or too many digits
        return
    run = outcome(lambda: Run.read(path))
    if run is not None:
        assert run.standard_error >= 0


@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "webp", "tif"])
@bound(300)
@given(damage=either)
def test_a_damaged_picture_is_some_picture_or_refused(shelf, kind, damage):
    path = shelf / f"spoilt.{kind}"
    path.write_bytes(damage((shelf / f"picture.{kind}").read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of odd metadata
        picture = outcome(lambda: decode(path, 16))
    if picture is not None:
        assert picture.shape == (3, 16, 16)
        assert picture.dtype == torch.uint8


# ---- command lines -------------------------------------------------------------------

numbers = st.integers().map(str) | st.floats().map(str) | st.integers(0, 99).map(str)
words = st.sampled_from(
    [
        *("adamw", "sgd", "cosine", "step", "paper", "none", "on", "off", "auto"),
        *("sketchnette", "folder", "imagenette", "pictures", "runs", "a", "cpu", ""),
        *("..", "../..", "/", "~", "nowhere", "a.json", "0.1 0.9", "None", "True"),
    ]
)
values = numbers | words | st.text(max_size=10)
sides = st.integers(1, 20).map(lambda k: str(8 * k))
flags = st.sampled_from(
    [f"--{f.name.replace('_', '-')}" for c in (Options, Recipe) for f in fields(c)]
)
pairs = st.lists(st.tuples(flags, st.lists(values, max_size=2)), max_size=4)
sensible = st.lists(
    st.sampled_from(
        [
            *(("--epochs", "3"), ("--epochs", "0"), ("--lr", "1e-3"), ("--lr", "inf")),
            *(("--batch-size", "32"), ("--batch-size", "-1"), ("--seed", "5")),
            *(("--image-size", "64"), ("--image-size", "40"), ("--ema", "0.9")),
            *(("--name", "b"), ("--name", "../b"), ("--optimizer", "sgd")),
            *(("--data", "folder", "--root", "pictures"), ("--accumulate", "2")),
            *(("--out", "runs"), ("--out", "new"), ("--resume",), ("--no-skip-bad",)),
        ]
    ),
    max_size=4,
)
models = st.sampled_from(["resnet_small", "vit_small_8", "vgg_small", "alexnet_small"])


@st.composite
def lines(draw) -> list[str]:
    """A command line of flags that there are; none that would train or draw."""
    kind = draw(
        st.sampled_from(["train", "train", "summary", "predict", "runs", "show"])
    )
    more = [w for flag, given in draw(pairs) for w in (flag, *given)]
    if draw(st.booleans()):
        more = [w for pair in draw(sensible) for w in pair]
    if kind == "train":
        return ["train", draw(models), *more, "--dry-run"]
    if kind == "summary":
        sizes = ["--num-classes", draw(values), "--image-size", draw(values | sides)]
        return ["summary", draw(models), *sizes[: draw(st.sampled_from([2, 4]))]]
    if kind == "predict":
        run = draw(st.sampled_from(["a", "runs/a.json"]) | values)
        return ["predict", run, *draw(st.lists(values, max_size=1))]  # a line for each
    return ["runs", *(["show"] if kind == "show" else []), draw(values)]


@pytest.fixture(scope="module")
def inside(shelf):
    before = Path.cwd()
    os.chdir(shelf)
    yield shelf
    os.chdir(before)


@bound(250)
@given(line=lines())
def test_any_command_line_is_done_or_refused_in_a_line(inside, line):
    before = sorted(inside.rglob("*"))
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["vhist", *line])
        try:
            code = cli.main()
        except SystemExit as stopped:
            code = stopped.code
    said = err.getvalue()
    assert code in (0, 2), (line, said)
    assert "Traceback" not in said
    assert code == 0 or (said.startswith("vhist") and len(said.splitlines()) == 1)
    assert sorted(inside.rglob("*")) == before


def test_the_judge_judges():
    with pytest.raises(AssertionError):
        refused(ValueError, lambda: int("a\nb"), "no such word")
    with pytest.raises(ValueError, match="lr"):
        replace(Recipe(), lr=math.nan)
