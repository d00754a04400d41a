"""Records: whole files, valid contents, and a README that says the same."""

import json
import os
import re
import runpy
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vhist import Recipe, create_model, plan, runs
from vhist.runs import Run

ROOT = Path(__file__).parent.parent


def test_what_is_written_is_read_again(tmp_path, example):
    run = example
    path = run.save(tmp_path / "a.json")
    assert Run.read(path) == run
    assert run.confusion == [[1, 1], [0, 2]]
    assert run.standard_error == pytest.approx((0.75 * 0.25 / 4) ** 0.5)
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_many_classes_are_packed_too(tmp_path, example):
    run = example
    run.predictions, run.labels = [0, 35, 36, 99], [1, 2, 3, 4]
    assert Run.read(run.save(tmp_path / "a.json")).predictions == [0, 35, 36, 99]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}'])
def test_other_files_are_no_records(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is no record of a run"):
        Run.read(path)


def test_an_unknown_record_is_one_line():
    with pytest.raises(ValueError, match="no record named 'nothing'; see `vhist runs`"):
        runs.load("nothing")


@pytest.mark.parametrize("name", runs.list_runs())
def test_committed_records_are_valid(name):
    run = runs.load(name)
    assert run.name == name
    Recipe(**run.recipe)  # fields that came later have a default that leaves all as is
    assert len(run.log) == run.recipe["epochs"]
    assert len(run.predictions) == len(run.labels) == run.data["val"]
    right = sum(p == y for p, y in zip(run.predictions, run.labels, strict=True))
    assert right / len(run.labels) == pytest.approx(run.accuracy, abs=1e-5)
    assert run.command.startswith(f"vhist train {run.model} ")
    with torch.device("meta"):
        model = create_model(run.model, **run.model_options)
    assert sum(p.numel() for p in model.parameters()) == run.parameters
    # no toy, and no time that one cannot believe
    assert len(run.log) * run.data["train"] * run.recipe.get("repeats", 1) > 5000
    assert run.cpu_seconds < 1.1 * run.threads * run.seconds
    assert run.cpu_seconds > (5 if run.on_gpu else 10)
    assert "/" not in run.command  # nobody else has that folder
    json.dumps(run.most_wrong)


def test_each_architecture_has_a_record_on_imagenette():
    families = {"alexnet", "vgg", "resnet", "vit"}
    found = {
        r.model.split("_")[0]
        for r in runs.load_all()
        if r.data["name"].startswith("imagenette")
    }
    assert families <= found
    for run in runs.load_all():
        # of all its classes, or of half of them for fine-tuning
        if run.data["name"].startswith("imagenette") and len(run.data["classes"]) == 10:
            assert (run.data["train"], run.data["val"]) == (9469, 3925)


def seeds_of(example, *accuracies):
    """Return runs that differ in the seed and in what came out."""
    made = []
    for seed, accuracy in enumerate(accuracies):
        log = [{**example.log[0], "val_accuracy": accuracy}]
        recipe = {"epochs": 1, "image_size": 64, "seed": seed}
        made.append(replace(example, name=f"a-{seed}", log=log, recipe=recipe))
    return made


def test_several_seeds_have_a_mean_and_a_spread(example):
    score = runs.mean_std(seeds_of(example, 0.25, 0.5, 0.75))
    assert (score.mean, score.std, score.n) == (0.5, 0.25, 3)  # n - 1, not n
    assert score.error == score.std
    assert score.standard_error == pytest.approx((0.5 * 0.5 / 4) ** 0.5)
    assert str(score) == "50.0 ± 25.0 (SD)"


def test_one_seed_has_no_spread_but_a_standard_error(example):
    score = runs.mean_std([example])
    assert (score.mean, score.std, score.n) == (0.75, None, 1)
    assert score.error == score.standard_error == example.standard_error
    assert str(score) == "75.0 ± 21.7 (SE)"


def test_equal_answers_have_a_spread_of_zero_but_a_seed_counts_once(example):
    assert str(runs.mean_std(seeds_of(example, 0.5, 0.5))) == "50.0 ± 0.0 (SD)"
    with pytest.raises(ValueError, match="have the same seed: a spread needs one run"):
        runs.mean_std([example, example])


@pytest.mark.parametrize(
    "change",
    [
        {"model": "vit_small_8"},
        {"labels": [1, 1, 1, 1]},
        {"model_options": {"dropout": 0.25}},
        {"recipe": {"epochs": 1000}},
    ],
)
def test_other_models_or_pictures_are_not_averaged(example, change):
    other = replace(example, name="b", **change)
    with pytest.raises(ValueError, match="a and b differ in more than the seed"):
        runs.mean_std([example, other])


def test_of_no_run_there_is_no_mean():
    with pytest.raises(ValueError, match="at least one run"):
        runs.mean_std([])


def test_a_record_tells_how_it_was_made(example):
    example = replace(example, command="vhist train a --lr <1>", commit="")
    facts = example.facts()
    assert facts["accuracy"] == "75.00 ± 21.65 %"
    assert facts["data"] == "x, 10 + 4 pictures"
    assert "commit" not in facts
    assert "options" not in facts
    options = replace(example, model_options={"kernel": 7}).facts()["options"]
    assert options == "kernel=7"
    page = example._repr_html_()
    assert page.startswith("<details")
    assert "--lr &lt;1&gt;" in page
    assert "<th>recipe: epochs</th><td>1</td>" in page


def test_the_paired_test_counts_pictures_that_one_alone_gets_right(example):
    # example answers 0, 1, 1, 1 to 0, 0, 1, 1
    better = replace(example, name="b", predictions=[0, 0, 1, 1])
    worse = replace(example, name="c", predictions=[1, 1, 0, 1])
    assert runs.paired_z(better, example) == 1.0  # (1 - 0) / √1
    assert runs.paired_z(better, worse) == pytest.approx(3**0.5)
    assert runs.paired_z(worse, better) == -runs.paired_z(better, worse)
    swapped = replace(example, name="d", predictions=[1, 0, 0, 0])
    assert runs.paired_z(example, swapped) == pytest.approx(2 / 4**0.5)
    assert runs.paired_z(example, example) == 0


def test_other_pictures_cannot_be_paired(example):
    with pytest.raises(ValueError, match="a and b were judged on other pictures"):
        runs.paired_z(example, replace(example, name="b", labels=[1, 1, 1, 1]))


def test_the_table_has_a_row_per_label_and_keeps_architectures_together(example):
    short = {"resnet_small": seeds_of(example, 0.5, 1.0)}
    first = replace(seeds_of(example, 0.25)[0], model="alexnet_small")
    long = {"resnet_small": seeds_of(example, 0.75), "alexnet_small": [first]}
    _, _, *rows = runs.markdown({"short": short, "long": long}).splitlines()
    rows = [row.replace("\N{NO-BREAK SPACE}", " ").strip("|") for row in rows]
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    assert [row[:4] for row in cells] == [
        ["alexnet_small", "long", "25.0 ± 21.7 (SE)", "1"],
        ["resnet_small", "short", "75.0 ± 35.4 (SD)", "2"],
        ["resnet_small", "long", "75.0 ± 21.7 (SE)", "1"],
    ]
    assert cells[0][-1] == "78.0"  # 3,062 of 3,925


def test_the_table_tells_two_runs_of_a_network_apart(example):
    one = seeds_of(example, 0.5)
    labels = {"resnet_small": one, "resnet_small_mixed": one}
    _, _, *rows = runs.markdown({"long": labels}).splitlines()
    assert [row.split(" | ")[1] for row in rows] == ["long", "long, mixed"]
    assert runs.variant("vgg", example) == "vgg"
    assert runs.variant("resnet_small_crop_8", example) == "crop 8"


def test_slow_git_stops_no_run(monkeypatch):
    def wait(*args, timeout, **options):
        raise subprocess.TimeoutExpired(args, timeout)

    monkeypatch.setattr(runs.subprocess, "run", wait)
    assert runs.commit.__wrapped__() == ""


def test_the_name_of_first_weights_may_have_spaces(example):
    for weights, name in (
        ("my run 0a1b", "my run"),
        ("imagenet", "imagenet"),
        ("", ""),
    ):
        assert replace(example, weights=weights).origin == name


def test_a_row_tells_of_the_run_that_it_went_on_from(example):
    first, then = (runs.load(f"muon-vit_b_16_{name}-0") for name in ("low", "high"))
    assert then.weights.startswith(f"{first.name} ")
    assert runs.history(then) == [first, then]
    assert runs.history(first) == [first]
    assert runs.history(replace(example, weights="imagenet"))[:-1] == []
    *_, row = runs.markdown({"muon": {"vit_b_16_high": [then]}}).splitlines()
    _, _, _, _, seeds, pixels, epochs, took, *_ = (c.strip() for c in row.split("|"))
    assert (seeds, pixels, epochs) == ("1", "112, 224", "160, 15")
    costs = [
        runs.cost([run]).replace(" ", "\N{NO-BREAK SPACE}") for run in (first, then)
    ]
    assert took.split(", ") == costs


def test_what_a_run_took_is_told_in_the_time_of_its_device(example):
    cpu = replace(example, device="AMD EPYC", cpu_seconds=120.0, seconds=600.0)
    gpu = replace(cpu, device="Radeon", device_type="cuda", seconds=72.0)
    older = replace(gpu, device="NVIDIA H200", device_type="")
    assert [run.on_gpu for run in (cpu, gpu, older)] == [False, True, True]
    assert runs.cost([cpu]) == "2.0 CPU min"
    assert runs.cost([gpu, replace(gpu, seconds=84.0)]) == "1.3 GPU min"
    assert runs.cost([replace(cpu, cpu_seconds=600.0)]) == "10 CPU min"
    assert runs.cost([gpu, cpu]) == "2.0 CPU min, 1.2 GPU min"
    shown = cpu.data["train"] * len(cpu.log)
    assert cpu.pictures_per_second == pytest.approx(shown / 120)
    assert gpu.pictures_per_second == pytest.approx(shown / 72)
    two = replace(gpu, processes=2)
    assert runs.cost([two]) == "2.4 GPU min"
    assert two.pictures_per_second == pytest.approx(shown / 72 / 2)
    assert two.facts()["processes"] == "2"
    assert "processes" not in gpu.facts()


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_the_pages_tables_are_made_of_the_records(page):
    tool = runpy.run_path(str(ROOT / "tools" / "update_readme.py"))
    assert tool["updated"](ROOT / page) == (ROOT / page).read_text(encoding="utf-8"), (
        "python tools/update_readme.py writes it again"
    )


def test_the_readmes_table_is_short_and_names_its_plans():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    results = readme.split("<!-- results -->")[1].split("<!-- end of results -->")[0]
    tables = results.split("| model |")[1:]
    assert len(tables) == 3  # small networks on a CPU, full ones on a GPU, and Muon
    for table in tables:
        rows = [line for line in table.splitlines() if line.startswith("|")][1:]
        assert 4 <= len(rows) <= 10  # a screen of a telephone
        plans = {row.split("|")[2].split(",")[0].strip() for row in rows}
        assert all(f"`vhist runs record {plan}`" in table for plan in plans)


def test_the_results_at_a_glance_are_the_readmes_rows_in_colour():
    tool = runpy.run_path(str(ROOT / "tools" / "update_readme.py"))
    plans = {name: plan.load(name).records() for name in ("short", "muon")}
    _, _, *rows = tool["glance"](plans).splitlines()
    _, _, *whole = runs.markdown(plans).splitlines()
    for row, before in zip(rows, whole, strict=True):
        cells, old = (
            [c.replace("\N{NO-BREAK SPACE}", " ") for c in r.strip("| ").split(" | ")]
            for r in (row, before)
        )
        family = old[0].split("_")[0].rstrip("0123456789")
        assert cells[0] == f"[]{{.swatch .{family}}}{old[0]}"
        assert cells[1:6] == old[1:6]  # plan, accuracy, seeds, pixels, epochs
        assert cells[6].split()[-1] in ("CPU", "GPU")
        assert re.findall(r"[\d.]+", cells[6]) == re.findall(r"[\d.]+", old[6])
        size = int(old[7].replace(",", "")) / 1e6
        assert float(cells[7].removesuffix(" M")) == pytest.approx(size, abs=0.05)
        assert len(cells) == len(old) - 1


def test_the_results_page_has_every_record_and_its_command():
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for run in runs.load_all():
        assert f"| `{run.name}` |" in page
        assert f"\n{run.command}\n" in page


def test_pictures_per_second_are_those_of_whole_batches(example):
    example.recipe.update(batch_size=4, repeats=2)
    shown = example.pictures_per_second * 60 * example.minutes
    assert shown == pytest.approx(20)  # 10 twice, in fives of four
    example.recipe.update(batch_size=9)
    shown = example.pictures_per_second * 60 * example.minutes
    assert shown == pytest.approx(18)


@pytest.mark.parametrize("value", ["x", None, [1], 10**400, 0, True])
def test_a_record_with_strange_repeats_is_refused(example, tmp_path, value):
    example.recipe["repeats"] = value
    example.save(tmp_path / "a.json")
    with pytest.raises(ValueError, match="repeats in its recipe is"):
        Run.read(tmp_path / "a.json")


def test_a_full_disk_keeps_the_record_that_was_there(tmp_path, monkeypatch, example):
    path = example.save(tmp_path / "a.json")

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"could not write .*a\.json \(No space"):
            replace(example, seconds=9.0).save(path)
    assert Run.read(path) == example
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_commit_with_local_changes_has_a_plus(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # in which one may sign all
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    file = tmp_path / "vhist" / "runs.py"
    file.parent.mkdir()
    file.write_text("one")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(runs, "__file__", str(file))
    clean = runs.commit.__wrapped__()
    assert len(clean) == 12
    file.write_text("two")
    assert runs.commit.__wrapped__() == f"{clean}+"


def test_a_record_counts_the_threads():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert runs.describe_machine(torch.device("cpu"))["threads"] == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("classes", [36, 37])
def test_the_last_class_of_one_character_is_packed_as_such(tmp_path, example, classes):
    names, labels = [f"c{i}" for i in range(classes)], [0, classes - 1]
    data = {**example.data, "classes": names}
    run = replace(example, data=data, labels=labels, predictions=labels[::-1])
    assert runs.Run.read(run.save(tmp_path / "x.json")) == run


def test_an_answer_beyond_the_classes_is_said(example):
    run = replace(example, predictions=[0, 1, 2, 1])
    with pytest.raises(ValueError, match="names more than its 2 classes"):
        _ = run.confusion


def test_the_leaderboards_budget_counts_the_epochs_of_the_first_weights_too():
    spent = runpy.run_path(str(ROOT / "tools" / "update_readme.py"))["spent"]
    stages = [r for r in runs.load_all() if r.origin in runs.list_runs()]
    assert stages
    for run in stages:
        assert spent(run) == spent(runs.load(run.origin)) + len(run.log)


def test_what_rounds_to_ten_minutes_is_written_without_a_decimal(example):
    for minutes, said in ((9.9, "9.9 CPU min"), (9.96, "10 CPU min")):
        run = replace(example, cpu_seconds=60 * minutes)
        assert runs.cost([run]) == said
