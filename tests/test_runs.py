"""Records: whole files, valid contents, and a README that says the same."""

import json
from pathlib import Path

import pytest
import torch

from vhist import Recipe, create_model, runs
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
    with pytest.raises(ValueError, match="no record named 'nothing'; there are"):
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
    assert run.cpu_seconds > 60
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
        if run.data["name"].startswith("imagenette"):
            assert (run.data["train"], run.data["val"]) == (9469, 3925)


def test_the_readmes_table_is_made_of_the_records():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("<!-- results -->")[1].split("<!-- end of results -->")[0]
    assert table.strip() == runs.markdown(runs.load_all()).strip()
