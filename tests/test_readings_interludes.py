"""What chapters say about their records: on windows, cats and dogs, and recipes."""

import math
from itertools import chain, pairwise
from statistics import mean, stdev

import pytest

from vhist import plan, runs

LN2 = math.log(2)


def pair(recipe: str) -> tuple[list[runs.Run], list[runs.Run]]:
    """Return the runs with plain attention and those of Linformer, seed by seed."""
    found = plan.load("interludes").records()
    few, every = (found[f"{kind}_{recipe}"] for kind in ("linformer", "plain"))
    seeds = [[r.recipe["seed"] for r in kind] for kind in (few, every)]
    assert seeds == [[0, 1, 2]] * 2
    return every, few


def right(run: runs.Run) -> list[bool]:
    return [p == t for p, t in zip(run.predictions, run.labels, strict=True)]


def pooled_z(ours: list[runs.Run], theirs: list[runs.Run]) -> float:
    """McNemar's z over seeds; a picture counts once, by how many more are right."""
    a, b = (map(sum, zip(*map(right, rs), strict=True)) for rs in (ours, theirs))
    more = [p - q for p, q in zip(a, b, strict=True)]
    return sum(more) / sum(m * m for m in more) ** 0.5


def steps(run: runs.Run) -> int:
    return run.recipe["epochs"] * run.data["train"] // run.recipe["batch_size"]


# plot_45_linformer


@pytest.mark.parametrize("recipe", ["article", "modern"])
def test_cats_and_dogs_are_few_and_recorded_on_one_kind_of_gpu(recipe):
    for run in chain(*pair(recipe)):
        assert (run.data["train"], run.data["val"]) == (1600, 402)
        assert run.data["name"] == "cats_vs_dogs-160"
        assert run.labels.count(0) == run.labels.count(1)  # a coin gets half
        assert run.recipe["precision"] == "auto"
        assert run.device == pair("modern")[0][0].device
        assert abs(run.log[0]["train_loss"] - LN2) < 0.1
        assert run.recipe["label_smoothing"] == (0.1 if recipe == "modern" else 0)


def test_the_articles_recipe_barely_begins_to_learn():
    for kind in pair("article"):
        assert 0.02 < mean(r.accuracy for r in kind) - 0.5 < 0.12
        for run in kind:
            assert 0 < LN2 - run.log[-1]["train_loss"] < 0.045
            assert steps(run) < math.ceil(20_000 / 64)  # the article's first epoch


def test_the_pair_of_the_article_decides_nothing_and_leans_one_way():
    every, few = pair("article")
    for a, b in zip(every, few, strict=True):
        assert 0 < runs.paired_z(a, b) < 1.9
        assert a.log[-1]["train_loss"] < b.log[-1]["train_loss"]
    assert 0 < pooled_z(every, few) < 1.5


def test_plain_attention_is_ahead_of_sixteen_mixtures():
    every, few = pair("modern")
    assert min(runs.paired_z(a, b) for a, b in zip(every, few, strict=True)) > 1.5
    assert pooled_z(every, few) > 2.5
    assert min(r.accuracy for r in every) > max(r.accuracy for r in few) + 0.01
    a, b = runs.mean_std(every), runs.mean_std(few)
    assert a.mean - b.mean > 2.5 * max(a.std, b.std)


def test_the_pooled_z_of_one_seed_is_mcnemars():
    for a, b in zip(*pair("modern"), strict=True):
        assert pooled_z([a], [b]) == pytest.approx(runs.paired_z(a, b))


def test_mixtures_are_behind_on_the_training_pictures_too():
    every, few = (
        [LN2 - r.log[-1]["train_loss"] for r in kind] for kind in pair("modern")
    )
    assert min(every) > max(few) + 0.01
    assert mean(every) > 2 * mean(few) > 0


# plot_45_linformer, exercises 5 and 6


def test_64_mixtures_fit_better_than_16_and_are_level_with_them_on_new_pictures():
    found = plan.load("interludes").records()
    labels = "plain_modern", "linformer_modern_64", "linformer_modern"
    plain, many, few = (found[label] for label in labels)
    losses = [
        [run.log[-1]["train_loss"] for run in kind] for kind in (plain, many, few)
    ]
    for lowest, between, highest in zip(*losses, strict=True):
        assert lowest < between < highest
    low, middle, high = map(mean, losses)
    assert 0.4 < (middle - low) / (high - low) < 0.6
    right = [mean(run.accuracy for run in kind) for kind in (plain, many, few)]
    assert 0.055 < right[0] - right[1] < 0.07
    assert abs(right[1] - right[2]) < 0.01
    for run in many:
        assert "NVIDIA" not in run.device
        assert run.model_options["keep"] == 64


def test_4_mixtures_are_behind_16_with_each_seed_on_both_kinds_of_pictures():
    found = plan.load("interludes").records()
    both = found["linformer_modern"], found["linformer_modern_4"]
    assert [len(kind) for kind in both] == [3, 3]
    for sixteen, four in zip(*both, strict=True):
        assert four.log[-1]["train_loss"] > sixteen.log[-1]["train_loss"]
        assert four.accuracy < sixteen.accuracy
    assert {run.model_options["keep"] for run in found["linformer_modern_4"]} == {4}


def test_the_later_recipe_helps_plain_attention_more_than_twice_as_much():
    (plain, few), (later, fewer) = pair("article"), pair("modern")
    assert later[0].accuracy - plain[0].accuracy > 2 * (
        fewer[0].accuracy - few[0].accuracy
    )
    (a, b), (c, d) = (
        map(runs.mean_std, kinds) for kinds in ((plain, few), (later, fewer))
    )
    assert c.mean - a.mean > 2 * (d.mean - b.mean) > 0
    gains = [
        [two.accuracy - one.accuracy for one, two in zip(*kinds, strict=True)]
        for kinds in ((plain, later), (few, fewer))
    ]
    assert min(a - b for a, b in zip(*gains, strict=True)) > 0.02


# plot_35_spatial_transformer, the recorded runs and exercises 5 and 6


def stn(label: str) -> list[runs.Run]:
    return plan.load("interludes").records()[f"stn_{label}"]


def unbroken() -> list[runs.Run]:
    """Return the runs with the source's recipe that did not end in guessing."""
    return [run for run in stn("article") if run.accuracy > 0.2]


def test_the_sources_recipe_breaks_down_in_the_47th_epoch_with_one_seed():
    (broken,) = (run for run in stn("article") if run not in unbroken())
    assert len(stn("article")) == 3
    shown = [entry["val_accuracy"] for entry in broken.log]
    assert shown[45] > 0.6
    assert set(shown[46:]) == {0.1}
    assert abs(broken.log[-1]["val_loss"] - math.log(10)) < 1e-3


def test_the_sources_recipe_ends_where_the_source_did_and_shakes():
    found = unbroken()
    assert abs(mean(r.accuracy for r in found) - 0.6018) < 0.014  # two errors
    for run in found:
        assert run.data["train"] == 50_000 == 5 * len(run.labels)
        shown = [entry["val_accuracy"] for entry in run.log]
        assert max(shown[-10:]) - min(shown[-10:]) > 0.02
        assert min(b - a for a, b in pairwise(shown[5:])) > -0.08


def shakes(label: str) -> list[float]:
    """Return the SD of the change from epoch to epoch, 21 to 46, by seed."""
    shown = [[entry["val_accuracy"] for entry in run.log[20:46]] for run in stn(label)]
    assert [len(seed) for seed in shown] == [26, 26, 26]
    return [stdev(b - a for a, b in pairwise(seed)) for seed in shown]


def test_without_the_transformer_it_shakes_a_third_as_much_and_does_not_break_down():
    with_it, without = shakes("article"), shakes("article_without")
    assert 0.2 < mean(without) / mean(with_it) < 0.4
    assert min(with_it) > 1.5 * max(without)
    assert min(run.accuracy for run in stn("article_without")) > 0.57
    assert {run.log[0]["lr"] for run in stn("article_without")} == {0.01}
    assert {run.log[-1]["lr"] for run in stn("article_without")} == {0.01}


def test_the_modern_recipe_gets_ten_points_further_and_comes_to_rest():
    there = mean(r.accuracy for r in unbroken())
    for run in stn("modern"):
        assert run.accuracy > 0.7
        assert 0.08 < run.accuracy - there < 0.13
        last = [entry["val_accuracy"] for entry in run.log[-10:]]
        assert max(last) - min(last) < 0.01


def pairs(recipe: str) -> list[tuple[runs.Run, runs.Run]]:
    """Return the runs with and without the transformer, of seeds that have both."""
    without = {r.recipe["seed"]: r for r in stn(f"{recipe}_without")}
    both = [(r, without.get(r.recipe["seed"])) for r in stn(recipe)]
    return [(a, b) for a, b in both if b]


def test_the_transformer_is_worth_a_good_point_and_nothing_with_one_seed():
    both = pairs("modern")
    z = [runs.paired_z(*pair) for pair in both]
    assert min(z[0], z[2]) > 3 > 1.5 > abs(z[1])
    gaps = [run.accuracy - other.accuracy for run, other in both]
    assert 0.015 < gaps[0] < 0.02
    assert abs(gaps[1]) < 0.006
    assert 0.01 < mean(gaps) < 0.016
    t = mean(gaps) / (stdev(gaps) / len(gaps) ** 0.5)
    assert 2 < t < 3
    assert 0.09 < 1 - t / (t * t + 2) ** 0.5 < 0.15  # p of Student's t, three seeds
    for run, other in both:
        assert run.parameters / other.parameters == pytest.approx(1.25, abs=0.05)


def test_with_the_sources_recipe_one_epoch_moves_as_much():
    gap = mean(a.accuracy - b.accuracy for a, b in pairs("modern"))
    for run, _ in pairs("article"):
        steps = [e["val_accuracy"] for e in run.log[-10:]]
        assert max(abs(b - a) for a, b in pairwise(steps)) > gap


def test_the_recipe_is_worth_several_times_as_much_and_differs_in_nearly_everything():
    (there, *_), (here, *_) = stn("article"), stn("modern")
    without = stn("modern_without")[0]
    assert here.accuracy - there.accuracy > 3 * (here.accuracy - without.accuracy)
    old, new = there.recipe, here.recipe
    assert (old["optimizer"], new["optimizer"]) == ("sgd", "adamw")
    assert {entry["lr"] for entry in there.log} == {0.01}
    assert here.log[-1]["lr"] < 0.1 * here.log[1]["lr"]
    assert old["batch_size"] > new["batch_size"]
    assert old["augment"] == "none" != new["augment"]
    assert old["weight_decay"] == 0 < new["weight_decay"]
    assert old["label_smoothing"] == new["label_smoothing"] == 0
    assert here.model_options["dropout"] == 0
    assert there.model_options.get("dropout", 0.5) == 0.5


# plot_55_finetuning

MORE = (50, 200, 1000)  # pictures; with ten all is luck


def begun(kind: str, how: str, n: int) -> list[runs.Run]:
    found = plan.load("finetuning").records()[f"{kind}_{how}_{n}"]
    assert [run.recipe["seed"] for run in found] == [0, 1, 2]
    return found


def ahead(kind: str, how: str, other: str, n: int) -> list[float]:
    """Return by how much one way is ahead of another, seed by seed."""
    both = zip(begun(kind, how, n), begun(kind, other, n), strict=True)
    return [a.accuracy - b.accuracy for a, b in both]


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_old_weights_help_but_with_ten_pictures_it_is_luck(kind):
    gains = ahead(kind, "slow", "scratch", 10)
    assert abs(mean(gains)) < 2 * stdev(gains) / 3**0.5
    for n in MORE:
        gains = ahead(kind, "slow", "scratch", n)
        assert mean(gains) > 0.02
        assert min(gains) > (0.02 if (kind, n) != ("resnet", 200) else 0)
        assert abs(mean(ahead(kind, "slow", "free", n))) < 0.02


def test_with_ten_pictures_slow_beats_frozen_and_nothing_else_is_sure():
    assert min(ahead("vit", "slow", "frozen", 10)) > 0.01
    assert max(ahead("vit", "slow", "frozen", 10)) < 0.05
    for other in ("free", "scratch"):
        assert [d > 0 for d in ahead("vit", other, "slow", 10)] == [False, True, True]


def test_frozen_weights_fall_behind_or_stay_level_with_random_ones():
    assert max(ahead("resnet", "frozen", "scratch", 1000)) < -0.04
    assert max(ahead("resnet", "frozen", "scratch", 200)) < 0
    for n in MORE:
        assert abs(mean(ahead("vit", "frozen", "scratch", n))) < 0.025
        for kind in ("vit", "resnet"):
            assert mean(ahead(kind, "slow", "frozen", n)) > 0.02


def test_ten_times_as_many_steps_cost_what_the_school_does_and_get_further():
    found = plan.load("finetuning").records()
    (school,), (longer,) = (
        found["resnet_pretrained"],
        found["resnet_scratch_1000_longer"],
    )
    old = begun("resnet", "free", 1000)
    assert longer.accuracy > max(run.accuracy for run in old) + 0.01
    assert longer.recipe["epochs"] == 10 * old[0].recipe["epochs"]
    bill = school.cpu_seconds + old[0].cpu_seconds
    assert 1 < longer.cpu_seconds / bill < 1.6


def test_with_patience_random_weights_of_the_vision_transformer_get_level():
    (longer,) = plan.load("finetuning").records()["vit_scratch_1000_longer"]
    old = begun("vit", "free", 1000)
    gap = longer.accuracy - mean(run.accuracy for run in old)
    assert abs(gap) < longer.standard_error
    assert longer.recipe["epochs"] == 10 * old[0].recipe["epochs"]


def test_the_vision_transformer_gains_more_with_many_pictures_and_stays_behind():
    found = plan.load("finetuning").records()
    (vit,), (resnet,) = (found[f"{kind}_pretrained"] for kind in ("vit", "resnet"))
    assert resnet.accuracy - vit.accuracy > 0.1
    for n in MORE:
        gains = [ahead(kind, "slow", "scratch", n) for kind in ("vit", "resnet")]
        assert (mean(gains[0]) > mean(gains[1])) == (n > 50)
        best = max(r.accuracy for h in ("slow", "free") for r in begun("vit", h, n))
        assert best < min(r.accuracy for r in begun("resnet", "scratch", n))
    assert min(gains[0]) > max(gains[1])  # with a thousand
    for kind in ("vit", "resnet"):  # about a sixth of their errors
        old, new = (
            mean(run.accuracy for run in begun(kind, how, 1000))
            for how in ("slow", "scratch")
        )
        assert 0.14 < (old - new) / (1 - new) < 0.18


# plot_80_reading_a_log, exercise 5


def test_dice_of_testing_do_not_touch_training_and_cost_a_little():
    found = plan.load("ablations").records()
    (off,), (on,) = found["alexnet"], found["alexnet_dropout_in_evaluation"]
    losses = [[entry["train_loss"] for entry in run.log] for run in (off, on)]
    assert losses[0] == losses[1]
    assert 0.005 < off.accuracy - on.accuracy < 0.03
    assert runs.paired_z(on, off) < -2.5
    answers = zip(off.predictions, on.predictions, strict=True)
    assert mean(a == b for a, b in answers) > 0.7


# plot_80_reading_a_log, exercise 6


def recipes() -> list[tuple[runs.Run, runs.Run]]:
    there, here = (plan.load(name).records() for name in ("article", "short"))
    assert list(there) == list(here)
    assert len(there) == 4
    return [(there[label][0], here[label][0]) for label in there]


def test_the_articles_recipe_is_far_behind_at_equal_epochs():
    for there, here in recipes():
        assert there.recipe["epochs"] == here.recipe["epochs"]
        assert here.accuracy - there.accuracy > 0.1
        assert runs.paired_z(here, there) > 10


def test_it_has_learned_too_little_and_is_still_learning():
    for there, here in recipes():
        losses = [entry["train_loss"] for entry in there.log]
        assert losses[-1] > here.log[-1]["train_loss"] + 0.2
        assert losses[-5] - losses[-1] > 0.03
        assert all(b < a for a, b in pairwise(losses[-10::3]))


def test_the_recipes_differ_as_the_chapter_says():
    for there, here in recipes():
        assert {entry["lr"] for entry in there.log} == {1e-4}
        assert there.recipe["batch_size"] == 4 * here.recipe["batch_size"]
        assert there.recipe["crop_area"][0] == 0.08 < here.recipe["crop_area"][0]
        assert there.recipe["precision"] == "float32"
        assert "NVIDIA" in there.device
        assert here.recipe["precision"] == "auto"  # float32 on a CPU
        assert "NVIDIA" not in here.device
        same = there.recipe["optimizer"] == here.recipe["optimizer"]
        assert same == (there.model != "resnet_small")
        drop = 0.5 if there.model == "vit_small_8" else None
        assert there.model_options.get("dropout") == drop
    ratios = [
        epochs / there.recipe["epochs"]  # facts: the article's own runs
        for epochs, (there, _) in zip((400, 200, 200, 200), recipes(), strict=True)
    ]
    assert (round(min(ratios)), round(max(ratios))) == (6, 18)


# plot_90_final_thoughts, exercise 5


def test_a_recipe_is_worth_more_than_an_architecture_at_this_budget():
    there, here = (
        sorted(r.accuracy for r in side) for side in zip(*recipes(), strict=True)
    )
    assert there[-1] + 0.02 < here[1]  # the best of theirs, the second last of ours
