"""The benchmarks' arithmetic and records; no peer is imported, no time is asserted."""

import json
import sys
from argparse import Namespace
from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import common  # noqa: E402
import loops  # noqa: E402
import overhead  # noqa: E402

from vhist import Recipe  # noqa: E402
from vhist.data import normalize  # noqa: E402

RECORDS = sorted((ROOT / "benchmarks" / "records").glob("*.json"))
FIELDS = {  # what docs/speed.md reads
    "overhead": {"cases"},
    "folder": {"ways"},
    "limit-cpu": {"limits", "models"},
    "limit-cuda": {"limits", "models"},
    "limit-cuda-no-graphs": {"limits", "models"},
    "growth": {"models"},
    "lrn": {"seconds"},
    "imports": {"seconds", "loaded"},
}


def test_cost_of_a_call_is_that_of_the_shortest_beyond_its_steps() -> None:
    times = {"10": [1.5, 1.2], "100": [2.1, 3.0], "200": [3.1, 5.0]}
    steps, calls = overhead.step_and_call(times)
    assert steps == pytest.approx([0.01, 0.02])
    assert calls == pytest.approx([1.4, 1.0])


def test_what_a_loop_costs_is_the_median_of_differences_within_a_round() -> None:
    bare = {"10": [1.0, 5.0, 1.0], "20": [2.0, 7.0, 9.0]}
    other = {"10": [1.0, 5.0, 1.0], "20": [3.0, 8.0, 3.0]}
    found = overhead.costs({"bare loop": bare, "fit": other}, "fit")
    assert found["over_bare_us_rounds"] == pytest.approx([1e5, 1e5, -6e5])
    assert found["over_bare_us"] == pytest.approx(1e5)
    assert found["ratio"] == pytest.approx(1.5)
    assert found["call_over_bare_ms"] == pytest.approx(-1e3)


def test_what_a_turn_costs_is_the_median_of_differences_within_a_turn() -> None:
    found = overhead.turn_costs([0.2, 0.9, 0.4], [0.1, 0.3, 0.4])
    assert found == {"step_us": 4e5, "over_bare_us": 1e5, "ratio": 2.0}


def test_loops_that_take_turns_train_as_they_do_alone() -> None:
    case = replace(overhead.CASES[0], turns=5)
    names = ("vhist.fit", "bare loop")
    seconds, losses = overhead.take_turns(case, names, seed=0)
    assert {name: len(steps) for name, steps in seconds.items()} == dict.fromkeys(
        names, 4
    )
    assert all(step > 0 for steps in seconds.values() for step in steps)
    assert losses == {name: overhead.call(case, name, 5)[1] for name in names}


def test_every_loop_follows_every_other_one(monkeypatch) -> None:
    names, order = ("a", "b", "c"), []

    def loop(name):
        def train(model, data, recipe):
            for _ in range(30):
                model(data.val.images[:1].float())
                order.append(name)
            return 0.0

        return train

    for name in names:
        monkeypatch.setitem(overhead.LOOPS, name, loop(name))
    overhead.take_turns(replace(overhead.CASES[0], turns=1), names, seed=0)
    assert [order.count(name) for name in names] == [30] * 3
    assert {(a, b) for a, b in pairwise(order) if a != b} == set(permutations(names, 2))


def test_a_loop_that_fails_in_its_turn_lets_the_others_end(monkeypatch) -> None:
    case = replace(overhead.CASES[0], turns=5)

    def failing(model, data, recipe):
        raise ValueError("no such trainer")

    monkeypatch.setitem(overhead.LOOPS, "failing", failing)
    with pytest.raises(ValueError, match="no such trainer"):
        overhead.take_turns(case, ("bare loop", "failing", "vhist.fit"), seed=0)


def test_slopes_are_of_single_rounds() -> None:
    assert common.slopes({"10": [1, 2], "20": [2, 6]}) == pytest.approx([0.1, 0.4])


def test_ratio_is_the_median_of_pairs() -> None:
    assert common.median_ratio([2, 3, 100], [1, 2, 1]) == 2


def test_each_round_has_another_order() -> None:
    names = ("a", "b", "c")
    assert [common.rotated(names, i)[0] for i in range(4)] == ["a", "b", "c", "a"]
    assert sorted(common.rotated(names, 2)) == ["a", "b", "c"]


def test_batches_are_normalised_and_complete() -> None:
    data = common.random_pictures(10, 7, 8)
    train = common.Batches(data.train, 4, shuffle=True)
    val = list(common.Batches(data.val, 4, shuffle=False))
    assert [len(labels) for _, labels in train] == [4, 4]
    assert len(train) == 2
    assert torch.equal(torch.cat([y for _, y in val]), data.val.labels)
    images = torch.cat([x for x, _ in val])
    torch.testing.assert_close(images, normalize(data.val.images))


def test_bare_loop_learns() -> None:
    """The ruler must train: a loop that does not would be quick as well."""
    torch.manual_seed(0)
    data = common.random_pictures(16, 16, 16)
    batches = common.Batches(data.train, 16, shuffle=False)
    model = overhead.micro()
    before = loops.validate(model, batches)
    recipe = Recipe(epochs=30, batch_size=16, lr=0.01, image_size=16)
    assert loops.by_hand(model, batches, batches, recipe) < 0.5 * before


def test_fit_does_the_work_of_the_bare_loop() -> None:
    """From one batch there is no order to differ in: the same loss comes out."""
    case = overhead.CASES[0]
    data = common.random_pictures(case.batch_size, case.batch_size, case.image_size)
    losses = []
    for loop in (loops.bare, loops.fit):
        torch.manual_seed(0)
        losses.append(loop(case.build(), data, case.recipe))
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_table_is_aligned() -> None:
    text = common.table(("name", "s"), [("a", "1.25"), ("long name", "10")])
    assert len({len(row) for row in text.splitlines()}) == 1


def test_record_is_written(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(common, "RECORDS", tmp_path / "benchmarks" / "records")
    monkeypatch.setattr(common, "__file__", str(tmp_path / "benchmarks" / "common.py"))
    (tmp_path / "benchmarks").mkdir()
    options = Namespace(write=True, quick=False, rounds=3)
    common.finish("imports", {"settings": {}, "seconds": [0.5, 1e-05]}, options)
    text = (tmp_path / "benchmarks" / "records" / "imports.json").read_text()
    assert json.loads(text)["settings"] == {"rounds": 3, "quick": False}
    assert "[0.5, 1e-05]" in text, "a list of numbers is one line"


def test_nothing_is_written_unasked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(common, "RECORDS", tmp_path / "records")
    common.finish("imports", {}, Namespace(write=False))
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_record_has_what_the_page_reads(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    assert FIELDS[path.stem] <= set(record)
    assert {"device", "cores", "threads"} <= set(record["machine"])
    assert record["versions"]["torch"]
    assert record["settings"]["rounds"] >= 1
    assert isinstance(record["settings"]["quick"], bool)
    assert record["date"]


def test_every_record_that_the_page_reads_is_there() -> None:
    assert set(FIELDS) == {path.stem for path in RECORDS}
