"""Plans, and the command that executes them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from malformed import draw

from vhist import plan, runs
from vhist._launch import ENDING
from vhist.cli import commands, recording
from vhist.cli.parsing import parse_train
from vhist.files import locked
from vhist.recipe import FAMILIES, recipe_for

PLANNED = [run for name in plan.list_plans() for run in plan.load(name).runs]
RECORDED = [run for run in PLANNED if run.name in runs.list_runs()]
TINY = """
about = "Two runs that are soon over."
[all]
data = "folder"
root = "pictures"
image_size = 32
threads = 1
seeds = [0, 1]
[runs.resnet_small]
epochs = 1
batch_size = 16
model_options = {blocks = [1], widths = [16], stem_width = 16, batch_norm = false}
"""


def call(run: plan.PlannedRun):
    return parse_train(commands.train, "vhist train", run.words)


@pytest.mark.parametrize("run", PLANNED, ids=lambda run: run.name)
def test_every_planned_run_is_a_valid_command(run):
    given = call(run).keywords
    commands.check_call(given["model"], given["options"], given["recipe"])
    assert given["recipe"].seed == run.seed


def test_names_are_unique_and_every_record_belongs_to_a_plan():
    names = [run.name for run in PLANNED]
    assert len({*names}) == len(names)
    assert not {*runs.list_runs()} - {*names}


@pytest.mark.parametrize("run", RECORDED, ids=lambda run: run.name)
def test_records_of_the_book_are_what_their_plan_says(run):
    assert not recording.differences(runs.load(run.name), call(run))
    record = runs.load(run.name)
    assert record.name == run.name


def test_a_plan_gives_its_records_by_label_in_order():
    found = plan.load("short").records()
    assert list(found) == ["alexnet_small", "vgg_small", "resnet_small", "vit_small_8"]
    assert [r.recipe["seed"] for r in found["vgg_small"]] == [0, 1, 2]
    assert all(r.model == label for label, rs in found.items() for r in rs)


def test_seeds_come_round_by_round(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('about = "x"\n[runs.b]\nseeds=[2, 0]\n[runs.a]\nmodel="b"\n')
    assert [r.name for r in plan.Plan.read(path).runs] == ["p-b-2", "p-a-0", "p-b-0"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the text 'about'"),
        ("about = 1", "lacks the text 'about'"),
        ("about = 'x'", "it needs tables"),
        ("about = 'x'\nruns = 3", "it needs tables"),
        ("about = 'x'\nall = 3\n[runs.a]", "it needs tables"),
        ("about = 'x'\n[runs]\na = 3", "runs.a is no table"),
        ("about = 'x'\nruns.'a b'.epochs = 3", "a label has letters"),
        ("about = 'x'\nruns.'../a'.epochs = 3", "a label has letters"),
        ("about = 'x'\n[run.a]", "it has 'run'"),
        ("about = 'x'\n[runs.a]\nseeds = []", "the seeds of a must be a list of"),
        ("about = 'x'\n[runs.a]\nseeds = [1, 1]", "for example [0, 1, 2], got [1, 1]"),
        ("about = 'x'\n[runs.a]\nseeds = '12'", "for example [0, 1, 2], got '12'"),
        ("about = 'x'\n[runs.a]\nseed = 1", "runs.a cannot set seed"),
        ("about = 'x'\n[runs.a]\ndry-run = true", "runs.a cannot set dry_run"),
        ("about = 'x'\n[runs.a]\nmodel = 1", "runs.a cannot set model"),
        ("about = 'x", "is no plan"),
        ("\x00", "is no plan"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said(tmp_path, text, message):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match="is no plan: ") as caught:
        plan.Plan.read(path)
    assert message in str(caught.value)


def test_plans_are_found_by_name_or_as_files(tmp_path):
    with pytest.raises(ValueError, match="did you mean short"):
        plan.load("shrt")
    with pytest.raises(FileNotFoundError):
        plan.load(str(tmp_path / "none.toml"))
    path = tmp_path / "p.toml"
    path.write_text('about = "x"\n[runs.b]', encoding="utf-8-sig")  # as of Notepad
    assert plan.load(path) == plan.load(str(path))
    assert plan.load(Path("short")).name == "short"


def test_families():
    for model in ("alexnet_small", "vgg16", "resnet34", "vit_b_16"):
        modern, article, paper = (recipe_for(model, f) for f in FAMILIES)
        assert modern == recipe_for(model)
        assert {article.lr_at(e) for e in (0, 7, article.epochs)} == {1e-4}
        assert (article.batch_size, article.crop_area) == (256, (0.08, 1.0))
        assert modern.image_size == article.image_size == paper.image_size
    drops = {recipe_for("alexnet", "paper").lr_at(e) for e in range(90)}
    assert sorted(drops) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2])
    with pytest.raises(ValueError, match="no recipe for a model 'densenet121'"):
        recipe_for("densenet121")
    with pytest.raises(ValueError, match="no family of recipes 'old'; there are"):
        recipe_for("alexnet", "old")


def test_another_optimizer_begins_with_a_rate_of_its_own():
    modern = recipe_for("resnet34")
    muon = recipe_for("resnet34", optimizer="muon")
    assert muon.lr < modern.lr / 10
    settings = {"lr": muon.lr, "momentum": 0.95, "weight_decay": 0.05}
    assert muon == replace(modern, optimizer="muon", **settings)
    assert recipe_for("resnet34", optimizer="sgd") == modern
    assert recipe_for("alexnet", "paper", "adamw").lr == 1e-3
    with pytest.raises(ValueError, match="no optimizer 'adam'; there are adamw, sgd"):
        recipe_for("resnet34", optimizer="adam")


def test_another_optimizer_begins_with_a_decay_of_its_own():
    decays = {"sgd": 5e-4, "adamw": 0.05, "muon": 0.05}
    for model, name in (("vit_b_16", "sgd"), ("resnet34", "adamw"), ("vgg16", "muon")):
        assert recipe_for(model, optimizer=name).weight_decay == decays[name]


@pytest.fixture
def vhist(vhist):
    """Run a command beside a small plan and pictures."""
    Path("tiny.toml").write_text(TINY)
    draw(Path("pictures"), "dark", "light", count=8)
    return vhist


def test_family_and_model_options_reach_the_run(vhist):
    words = "vhist train alexnet_small --family paper --model-options dropout=0 "
    words += "activation=tanh lrn_alpha=None stem=[7,2,3] --lr 0.5"
    given = parse_train(commands.train, "vhist train", words.split()[2:]).keywords
    assert given["options"].built() == {
        "dropout": 0,
        "activation": "tanh",
        "lrn_alpha": None,
        "stem": [7, 2, 3],
    }
    assert (given["recipe"].optimizer, given["recipe"].lr) == ("sgd", 0.5)
    words = "resnet_small --optimizer=muon --momentum 0.9"
    recipe = parse_train(commands.train, "vhist train", words.split()).keywords[
        "recipe"
    ]
    own = recipe_for("resnet_small", optimizer="muon")
    assert recipe == replace(own, momentum=0.9)
    for bad, message in (
        ("dropout", "takes pairs KEY=VALUE, got 'dropout'"),
        ("image_size=3", "image_size is no model option"),
        ("drop=0.5", "unexpected keyword argument 'drop'"),
        ("dropout=much", "dropout must be a number"),
    ):
        code, _, err = vhist("train", "vgg_small", "--model-options", bad)
        assert code == 2
        assert message in err


def test_a_plan_is_executed_once(vhist):
    code, out, _ = vhist("runs", "record", "tiny.toml", "--dry-run")
    assert code == 0
    assert out.count("to do") == 2
    assert not Path("runs").exists()
    assert vhist("runs", "record", "tiny.toml", "--only", "*-1")[0] == 0
    code, out, _ = vhist("runs", "record", "tiny.toml")
    assert code == 0
    assert "2 runs, 1 of them recorded" in out
    assert "tiny-resnet_small-0: to do" in out
    assert {p.name for p in Path("runs").iterdir()} == {
        f"tiny-resnet_small-{seed}.{end}"
        for seed in (0, 1)
        for end in ("json", "pt", "log")
    }
    record = runs.Run.read("runs/tiny-resnet_small-1.json")
    assert record.command.startswith("vhist train resnet_small --data folder")
    assert record.model_options["blocks"] == [1]
    Path("tiny.toml").write_text(TINY.replace("epochs = 1", "epochs = 2"))
    code, _, err = vhist("runs", "record", "tiny.toml")
    assert code == 2
    assert "epochs is 1 there, 2 asked for" in err


@pytest.mark.usefixtures("vhist")
def test_in_the_background_a_plan_outlives_the_command(tmp_path):
    words = ["-m", "vhist", "runs", "record", "tiny.toml", "--only", "*-1"]
    said = subprocess.run(
        [sys.executable, *words, "--background"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    log, record = (Path("runs", name) for name in ("tiny.log", "tiny-resnet_small-1"))
    process, ends = int(said.split()[1]), time.monotonic() + 120
    try:
        assert said.splitlines()[0].endswith(f"keeps running and writes to {log}")
        assert os.getsid(process) == process  # no terminal that could take it along
        while " minutes" not in log.read_text():
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGTERM)
    assert record.with_suffix(".json").exists()
    assert "1 runs, 0 of them recorded" in log.read_text()


def test_a_record_of_other_pictures_does_not_count(vhist):
    words = ("runs", "record", "tiny.toml", "--only", "*-0")
    assert vhist(*words)[0] == 0
    assert "1 runs, 1 of them recorded" in vhist(*words)[1]
    shutil.copytree("pictures", "others")
    for change, message in (
        ('root = "others"', "data is 'pictures' there, 'others' asked for"),
        ('classes = ["light", "dark"]', "classes is ['dark', 'light'] there, ['light"),
        ("per_class = 4", "training pictures is 16 there, 8 asked for"),
    ):
        kept = TINY.replace('root = "pictures"\n', "") if "root" in change else TINY
        Path("tiny.toml").write_text(kept.replace("[all]", f"[all]\n{change}"))
        code, _, err = vhist(*words)
        assert (code, message in err) == (2, True), err
    Path("tiny.toml").write_text(TINY)
    Path("pictures/val/dark/0.png").rename("0.png")
    code, _, err = vhist(*words)
    assert (code, "validation pictures is 16 there, 15 asked" in err) == (2, True)
    shutil.rmtree("pictures")  # what is not here cannot be compared
    assert "1 runs, 1 of them recorded" in vhist(*words)[1]


def test_no_run_goes_on_without_the_command(vhist, monkeypatch):
    begun = []

    def start(task):
        if begun:
            raise OSError("no process to be had")
        begun.append(subprocess.Popen(["sleep", "600"]))
        return recording._Running(task, begun[0], 0)

    monkeypatch.setattr(recording, "_start", start)
    code, _, err = vhist("runs", "record", "tiny.toml", "--jobs", "2")
    assert (code, "no process to be had" in err) == (2, True)
    assert begun[0].returncode == -signal.SIGTERM


def test_a_run_that_leaves_no_record_has_failed(vhist, monkeypatch):
    def start(task):
        return recording._Running(task, subprocess.Popen(["true"]), 0)

    monkeypatch.setattr(recording, "_start", start)
    code, out, _ = vhist("runs", "record", "tiny.toml")
    assert code == 3
    assert out.count("ended without a record; see runs/tiny-resnet_small-") == 2


def test_a_run_that_fails_is_told_and_the_others_go_on(vhist):
    Path("bad.toml").write_text(
        TINY + "[runs.vgg_small]\nepochs = 3\nbatch_size = 8\nlr = 1e30\n"
    )
    code, out, _ = vhist("runs", "record", "bad.toml", "--only", "*-0", "--jobs", "2")
    assert code == 3
    assert "bad-resnet_small-0: " in out
    assert "bad-vgg_small-0: ended with 3, vhist train: " in out
    code, _, err = vhist("runs", "record", "bad.toml", "--only", "none")
    assert (code, "no run of plan bad named 'none'" in err) == (2, True)
    code, _, err = vhist("runs", "record", "bad.toml", "--only", "vgg_small")
    assert (code, "did you mean bad-vgg_small-" in err) == (2, True)


def test_what_an_earlier_attempt_said_is_not_said_again(vhist):
    Path("bad.toml").write_text(TINY + "[runs.vgg_small]\nbatch_size = 8\nlr = 1e30\n")
    Path("runs").mkdir()
    log = Path("runs/bad-vgg_small-0.log")
    log.write_text("vhist train: out of memory\n")
    code, out, _ = vhist("runs", "record", "bad.toml", "--only", "*vgg*")
    assert code == 3
    assert "ended with 3, vhist train: the loss is" in out
    assert log.read_text().startswith("vhist train: out of memory\n")


def test_a_run_waits_for_the_weights_that_it_begins_with(vhist):
    label = "[runs.resnet_small]"
    head, body = TINY.replace("seeds = [0, 1]", "").split(label)
    then = "[runs.a]\nmodel = 'resnet_small'\nweights = 'two-resnet_small-0'"
    Path("two.toml").write_text(head + then + body + label + body)
    code, out, _ = vhist("runs", "record", "two.toml", "--jobs", "2")
    assert code == 0, out
    assert runs.Run.read("runs/two-a-0.json").origin == "two-resnet_small-0"


@pytest.mark.parametrize("number", [n for n in ENDING if n != signal.SIGINT])
def test_stopped_killed_and_locked(vhist, tmp_path, number):
    if signal.getsignal(number) == signal.SIG_IGN:  # and so it is in its children
        pytest.skip("ignored where the tests run, as after nohup")
    Path("tiny.toml").write_text(TINY.replace("epochs = 1", "epochs = 9000"))
    words = [sys.executable, "-m", "vhist", "runs", "record", "tiny.toml"]
    state = tmp_path / "runs" / "tiny-resnet_small-0.ckpt"

    def begin() -> subprocess.Popen:
        started = subprocess.Popen(words, text=True, stderr=subprocess.PIPE)
        while not state.with_suffix(".lock").exists():
            assert started.poll() is None
            time.sleep(0.1)
        return started

    first = begin()
    while not state.with_suffix(".log").read_text().count("epoch"):
        time.sleep(0.1)
    first.send_signal(number)
    assert first.wait(60) == 128 + number
    assert "the same command goes on from what was saved" in first.stderr.read()
    assert state.exists()
    assert not state.with_suffix(".lock").exists()
    second = begin()
    children = subprocess.run(["pgrep", "-P", str(second.pid)], stdout=-1).stdout
    second.kill()
    second.wait()
    # The run itself goes on, and nobody else can write its files.
    code, out, _ = vhist("runs", "record", "tiny.toml", "--only", "*-0")
    assert code == 2
    assert "another process is training tiny-resnet_small-0" in out
    for child in children.split():
        os.kill(int(child), signal.SIGKILL)


def test_a_lock_is_of_one_process_and_ends_with_it(tmp_path):
    path = tmp_path / "a.ckpt"
    code = f"import os; from vhist.files import locked; a = locked({str(path)!r});"
    code += "a.__enter__(); os.kill(os.getpid(), 9)"
    call = partial(subprocess.run, [sys.executable, "-c", code], capture_output=True)
    with locked(path):
        assert b"another process is training a; wait for it" in call().stderr
    assert call().returncode == -signal.SIGKILL
    assert path.with_suffix(".lock").exists()
    with locked(path):
        pass
    assert not path.with_suffix(".lock").exists()


@pytest.fixture
def ablated(tmp_path, monkeypatch, example):
    """A plan of three labels, two of which are recorded."""
    path = tmp_path / "parts.toml"
    tables = "".join(f'[runs.{x}]\nmodel = "resnet_small"\n' for x in ("a", "b", "c"))
    path.write_text(f'about = "What a <part> is worth."\n{tables}', encoding="utf-8")
    monkeypatch.setattr(plan, "RECORDS", tmp_path)
    better = replace(example, predictions=[0, 0, 1, 1], name="parts-b-0")
    better.log[0]["val_accuracy"] = 1.0
    log = [{**example.log[0], "val_accuracy": 0.75}]
    replace(example, name="parts-a-0", log=log).save(tmp_path / "parts-a-0.json")
    better.save(tmp_path / "parts-b-0.json")
    return plan.load(str(path))


def test_records_are_held_against_the_first(ablated):
    found = ablated.compare("a", "b")
    assert [row[0] for row in found.rows] == ["run", "a", "b"]
    assert found.rows[1][1:] == ("75.0 ± 21.7", "2.00", "", "")
    assert found.rows[2][1:] == ("100.0 ± 0.0", "2.00", "+25.0", "+1.0")
    assert not found.missing
    assert str(found).splitlines()[2].split()[-3:] == ["2.00", "+25.0", "+1.0"]
    page = found._repr_html_()
    assert page.startswith("<details")
    assert page.count("<td>") == 10
    for text in (str(found), page):
        assert text.count("paired test") == 1, "z is explained beside the table"
    assert ablated.compare("b", "a").rows[2][-2:] == ("-25.0", "-1.0")


def test_what_is_not_recorded_says_how_to_record_it(ablated):
    found = ablated.compare("a", "b", "c")
    assert len(found.rows) == 3
    assert "Not recorded yet: c." in str(found)
    assert "vhist runs record parts --only 'parts-c-*'" in str(found)
    assert "--only &#x27;parts-c-*&#x27;" in found._repr_html_()
    alone = ablated.compare("c", "a")  # without the first there is nothing to hold
    assert alone.rows[1][-2:] == ("", "")
    assert "paired test" not in str(alone)


@pytest.mark.parametrize(
    ("labels", "message"),
    [(("a", "d"), "no run labelled 'd'; there are a, b, c"), (("a", "a"), "different")],
)
def test_only_different_labels_of_the_plan_compare(ablated, labels, message):
    with pytest.raises(ValueError, match=message):
        ablated.compare(*labels)


def test_of_several_seeds_the_first_is_compared(monkeypatch, example):
    found = {x: [replace(example, name=f"p-{x}-{s}") for s in (0, 1)] for x in "ab"}
    monkeypatch.setattr(plan.Plan, "records", lambda self: found)
    planned = [plan.PlannedRun(f"p-{x}-{s}", x, s, ()) for s in (0, 1) for x in "ab"]
    compared = plan.Plan("p", "for a test", tuple(planned)).compare("a", "b")
    assert [run.name for run in compared.runs.values()] == ["p-a-0", "p-b-0"]


def test_one_failure_is_the_exit_code_whoever_ends_last(vhist, monkeypatch, example):
    def start(task):
        if task.run.seed == 1:  # the second: it alone leaves its record
            example.save(task.record)
        return recording._Running(task, subprocess.Popen(["true"]), 0)

    monkeypatch.setattr(recording, "_start", start)
    code, out, _ = vhist("runs", "record", "tiny.toml")
    assert "tiny-resnet_small-0: ended without a record" in out
    assert "75.00" in out
    assert code == 3


def test_what_the_book_has_is_left_out_if_asked_for(
    vhist, monkeypatch, tmp_path, example
):
    book = tmp_path / "book"
    example.save(book / "tiny-resnet_small-0.json")
    monkeypatch.setattr(recording, "RECORDS", book)
    words = ("runs", "record", "tiny.toml", "--dry-run")
    assert vhist(*words)[1].count("to do") == 2
    out = vhist(*words, "--missing")[1]
    assert (out.count("to do"), out.count("in the book")) == (1, 1)


def test_a_flag_that_is_off_is_written_so(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('about = "x"\n[runs.b]\nnesterov = false\nskip_bad = true\n')
    (run,) = plan.Plan.read(path).runs
    assert run.words[:3] == ("b", "--no-nesterov", "--skip-bad")


@pytest.mark.parametrize(
    ("model", "epochs", "batch_size", "lr", "weight_decay"),
    [
        ("alexnet", 90, 128, 0.01, 5e-4),
        ("vgg16", 74, 256, 0.01, 5e-4),
        ("resnet34", 120, 256, 0.1, 1e-4),
        ("vit_b_16", 300, 512, 1e-3, 0.3),
    ],
)
def test_the_papers_recipes(model, epochs, batch_size, lr, weight_decay):
    recipe = recipe_for(model, "paper")
    assert (recipe.epochs, recipe.batch_size) == (epochs, batch_size)
    assert (recipe.lr, recipe.weight_decay) == (lr, weight_decay)
    assert (recipe.label_smoothing, recipe.ema, recipe.mixup) == (0, 0, 0)
    if model == "vit_b_16":
        assert (recipe.optimizer, recipe.schedule) == ("adamw", "cosine")
        assert (recipe.warmup_epochs, recipe.clip_norm) == (30, 1)
    else:
        assert (recipe.optimizer, recipe.momentum) == ("sgd", 0.9)
        assert (recipe.nesterov, recipe.warmup_epochs) == (False, 0)
        assert (recipe.augment, recipe.clip_norm) == ("paper", None)


def test_another_optimizers_rate_is_that_of_the_plans():
    long = {run.label: run.words for run in plan.load("long").runs}
    words = next(words for words in long.values() if "sgd" in words)
    rate = float(words[words.index("--lr") + 1])
    assert recipe_for("vgg16", optimizer="sgd").lr == rate == 0.05


def test_the_loss_that_is_compared_is_the_last(example):
    log = [{**example.log[0], "train_loss": loss} for loss in (2.0, 1.0)]
    found = plan.Comparison({"a": replace(example, log=log)}, "p")
    assert found.rows[1][2] == "1.00"
