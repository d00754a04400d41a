"""Recipes, schedules, the loop, evaluation."""

import contextlib
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_pre_hook

from vhist import Recipe, augment, create_model, evaluate, fit, train
from vhist.data import Dataset, Split, normalize
from vhist.recipe import recipe_for
from vhist.runs import Run, mean_std
from vhist.train import Batches, make_optimizer, seed_step


def toy(n: int = 60, size: int = 64, classes: int = 3) -> Dataset:
    """Plain pictures whose brightness is their class, with noise."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        labels = torch.arange(count) % classes
        noise = torch.randint(0, 40, (count, 3, size, size), generator=generator)
        images = (noise + labels.view(-1, 1, 1, 1) * 90).byte()
        return Split(images, labels, tuple(f"{i}" for i in range(count)))

    names = tuple("abcdefghij"[:classes])
    return Dataset("toy", names, split(n), split(30), "0" * 16)


def tiny(seed: int = 0, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(seed)
    layers = [nn.Flatten(), nn.Dropout(dropout), nn.Linear(3 * 16 * 16, 3)]
    return nn.Sequential(nn.AvgPool2d(4), *layers)


RECIPE = Recipe(epochs=3, batch_size=10, lr=3e-3, warmup_epochs=0.5)


def test_fit_learns_and_records():
    model = tiny()
    run = fit(model, toy(), RECIPE, name="toy", model_name="linear", verbose=False)
    assert run.accuracy > 0.9
    assert [e["epoch"] for e in run.log] == [1, 2, 3]
    assert run.recipe["lr"] == 3e-3
    assert run.data["fingerprint"] == "0" * 16
    assert run.parameters == 3 * 16 * 16 * 3 + 3
    assert sum(map(sum, run.confusion)) == 30
    right = sum(run.confusion[i][i] for i in range(3))
    assert right / 30 == pytest.approx(run.accuracy, abs=1e-5)
    assert run.seconds > 0
    assert run.peak_memory > 1e7
    assert run.device_type == "cpu"


def test_a_run_is_equal_to_its_record(tmp_path):
    run = fit(tiny(), toy(), RECIPE, name="toy", verbose=False)
    read = Run.read(run.save(tmp_path / "toy.json"))
    assert read == run
    new = {k: v for k, v in read.recipe.items() if k != "mixup"} | {"seed": 1}
    older = replace(read, recipe=new)  # its record lacks a newer setting
    assert mean_std([run, older]).n == 2


def test_memory_that_ends_in_the_compiler_is_no_reason_to_do_without_it():
    class FromTheCompiler(RuntimeError):
        pass

    FromTheCompiler.__module__ = "torch._inductor.exc"
    with (
        pytest.raises(MemoryError, match="batch_size=5"),
        train._if_memory_ends("batch_size=5"),
        train._in_one_line(),
    ):
        raise FromTheCompiler("OutOfMemoryError: CUDA out of memory")
    with (
        pytest.raises(ValueError, match="choose compile=off"),
        train._if_memory_ends("batch_size=5"),
        train._in_one_line(),
    ):
        raise FromTheCompiler("no compiler found")


def test_a_model_that_answers_otherwise_in_training_is_refused_in_a_line():
    class Two(nn.Sequential):
        def forward(self, x):
            y = super().forward(x)
            return (y, y) if self.training else y

    with pytest.raises(TypeError, match=r"in training, too, .* logits, not a tuple"):
        fit(Two(tiny()), toy(), RECIPE, verbose=False)


def test_the_record_holds_the_last_epoch_not_the_best():
    wild = replace(RECIPE, optimizer="sgd", lr=1.0, schedule="constant", epochs=5)
    model = tiny()
    run = fit(model, toy(), wild, verbose=False)
    accuracies = [entry["val_accuracy"] for entry in run.log]
    assert max(accuracies) > accuracies[-1]  # or this test would show nothing
    last = evaluate(model, toy().val, image_size=64)
    assert run.predictions == last.predictions.tolist()
    assert run.accuracy == pytest.approx(last.accuracy, abs=1e-6)


@pytest.mark.parametrize(("precision", "fused"), [("float32", 1), ("bfloat16", 0)])
def test_bfloat16_on_a_cpu_avoids_the_slow_backward_of_fused_attention(
    precision, fused
):
    recipe = replace(RECIPE, epochs=1, batch_size=30, precision=precision)
    with torch.profiler.profile() as profile:
        fit(create_model("vit_small_8", num_classes=3), toy(), recipe, verbose=False)
    names = {event.key for event in profile.key_averages()}
    backward = "aten::_scaled_dot_product_flash_attention_for_cpu_backward"
    assert (backward in names) == fused


@pytest.mark.parametrize("name", ["alexnet_small", "resnet_small", "vit_small_8"])
def test_same_seed_same_run(name):
    hashes = []
    for _ in range(2):
        torch.manual_seed(3)
        model = create_model(name, num_classes=3)
        recipe = replace(recipe_for(name), epochs=1, batch_size=8, seed=5)
        fit(model, toy(24), recipe, verbose=False)
        hashes.append(torch.cat([p.flatten() for p in model.parameters()]))
    assert torch.equal(*hashes)


def test_two_threads_repeat_too():
    weights = []
    torch.set_num_threads(2)
    try:
        for _ in range(2):
            torch.manual_seed(3)
            model = create_model("resnet_small", num_classes=3)
            recipe = replace(recipe_for("resnet_small"), epochs=1, batch_size=8)
            fit(model, toy(24), recipe, verbose=False)
            weights.append(torch.cat([p.flatten() for p in model.parameters()]))
    finally:
        torch.set_num_threads(1)
    assert torch.equal(*weights)


def test_another_seed_another_run():
    runs = [fit(tiny(), toy(), replace(RECIPE, seed=s), verbose=False) for s in (0, 1)]
    assert runs[0].log[0]["train_loss"] != runs[1].log[0]["train_loss"]


def test_evaluation_uses_evaluation_mode():
    model = nn.Sequential(*tiny(dropout=0.5), nn.BatchNorm1d(3)).train()
    data = toy()
    first, second = (evaluate(model, data.val, image_size=64) for _ in range(2))
    assert torch.equal(first.logits, second.logits)
    one_by_one = evaluate(model, data.val, image_size=64, batch_size=1)
    torch.testing.assert_close(one_by_one.logits, first.logits)
    assert model.training
    assert model[-1].num_batches_tracked == 0


def test_evaluation_leaves_each_layer_its_mode_whatever_happens():
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 2))
    model.train()[1].eval()
    with pytest.raises(RuntimeError):
        evaluate(model, toy().val, image_size=3)
    assert [layer.training for layer in model] == [True, False, True]
    evaluate(model, toy().val, image_size=2)
    assert [layer.training for layer in model] == [True, False, True]


def test_every_kind_of_dropout_can_be_left_on():
    data = toy()
    for layer in (nn.Dropout(), nn.Dropout2d()):
        model = nn.Sequential(layer, nn.Flatten(), nn.Linear(12, 2))
        answers = [
            evaluate(model, data.val, image_size=2, dropout=True).logits
            for _ in range(2)
        ]
        assert not torch.equal(*answers)


def test_an_epoch_shows_every_picture_once():
    data = toy(60)
    recipe = replace(RECIPE, augment="none")
    batches = Batches(data.train, recipe)
    seen = torch.cat([x for x, _ in batches.epoch(0)]).sum(dim=(1, 2, 3))
    assert len(batches) == 6
    assert seen.unique().numel() == 60


@pytest.mark.parametrize("augment", ["resized_crop", "paper", "none"])
def test_augmentations_give_the_size_of_the_recipe(augment):
    recipe = replace(RECIPE, augment=augment, image_size=48)
    images, labels = next(Batches(toy().train, recipe).epoch(0))
    assert images.shape == (10, 3, 48, 48)
    assert images.dtype == torch.float32
    assert labels.shape == (10,)


def test_schedules():
    cosine = Recipe(epochs=10, lr=1.0, warmup_epochs=2, schedule="cosine")
    at = [cosine.lr_at(e) for e in (0, 1, 2, 6, 10)]
    assert at == pytest.approx([0, 0.5, 1, 0.5, 0], abs=1e-12)
    line = replace(cosine, schedule="onecycle")
    assert [line.lr_at(e) for e in (1, 2, 4, 10)] == pytest.approx([0.5, 1, 0.75, 0])
    step = replace(cosine, schedule="step", warmup_epochs=0, step_epochs=4)
    assert [step.lr_at(e) for e in (0, 3.9, 4, 8)] == pytest.approx([1, 1, 0.1, 0.01])
    flat = replace(cosine, schedule="constant", warmup_epochs=0)
    assert {flat.lr_at(e) for e in range(10)} == {1.0}


def test_vectors_positions_and_tokens_do_not_decay():
    model = create_model("vit_small_8")
    decayed, free = make_optimizer(model, Recipe()).param_groups
    assert free["weight_decay"] == 0
    names = {id(p): n for n, p in model.named_parameters()}
    loose = {names[id(p)] for p in free["params"]}
    assert {"token", "positions", "head.bias", "norm.weight"} <= loose
    assert {names[id(p)] for p in decayed["params"]} & loose == set()
    assert len(decayed["params"]) + len(free["params"]) == len(names)
    inner = make_optimizer(nn.Sequential(model), Recipe()).param_groups[1]
    assert len(inner["params"]) == len(free["params"])
    with torch.device("meta"):
        theirs = torchvision.models.vit_b_16()
    names = {id(p): n for n, p in theirs.named_parameters()}
    decayed, _ = make_optimizer(theirs, Recipe()).param_groups
    decaying = {names[id(p)] for p in decayed["params"]}
    assert not {"class_token", "encoder.pos_embedding"} & decaying
    assert {"conv_proj.weight", "heads.head.weight"} <= decaying


def test_progressive_resizing_grows_in_eights_and_ends_at_full_size():
    recipe = Recipe(epochs=12, image_size=128, start_size=64)
    sizes = [recipe.size_at(epoch) for epoch in range(12)]
    assert sizes == [64, 72, 80, 88, 96, 104, 112, 120, 128, 128, 128, 128]
    assert {Recipe(epochs=3).size_at(epoch) for epoch in range(3)} == {64}
    for epochs in (1, 2, 3):  # however few: the answers are for full size
        short = Recipe(epochs=epochs, image_size=128, start_size=64)
        assert short.size_at(epochs - 1) == 128
    one = Recipe(epochs=1, image_size=50, start_size=50)
    assert one.size_at(0) == 50
    grown = replace(RECIPE, epochs=4, image_size=32, start_size=16)
    seen = []
    model = tiny()
    model[0] = nn.AdaptiveAvgPool2d(16)
    model.register_forward_pre_hook(lambda _, x: seen.append(x[0].shape[-1]))
    fit(model, toy(), grown, verbose=False)
    trained = [size for size in seen if seen.count(size) >= 6]
    assert sorted(set(trained)) == [16, 24, 32]
    assert trained[-1] == 32


def test_a_batch_in_parts_is_the_same_batch():
    whole, parts = tiny(), tiny()
    recipe = replace(RECIPE, optimizer="sgd")  # AdamW would not notice another scale
    one = fit(whole, toy(), recipe, verbose=False)
    five = fit(parts, toy(), replace(recipe, accumulate=5), verbose=False)
    torch.testing.assert_close(whole[-1].weight, parts[-1].weight, rtol=1e-3, atol=1e-5)
    for mine, theirs in zip(one.log, five.log, strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], abs=1e-4)


def test_the_average_of_the_weights_is_evaluated_and_kept():
    steps, weights, decay = 6, [], 0.7
    recipe = replace(RECIPE, epochs=1, ema=decay)
    model = tiny()
    optimizer_sees = model[-1].weight
    model.register_forward_pre_hook(
        lambda *_: weights.append(optimizer_sees.detach().clone())
    )
    fit(model, toy(), replace(recipe, ema=0.0), verbose=False)
    weights = [*weights[2 : 1 + steps], model[-1].weight.detach().clone()]
    expected = weights[0]  # after the first step; the average begins with it
    for w in weights[1:]:
        expected = decay * expected + (1 - decay) * w
    averaged = tiny()
    run = fit(averaged, toy(), recipe, verbose=False)
    torch.testing.assert_close(averaged[-1].weight, expected)
    again = evaluate(averaged, toy().val, image_size=64)
    assert again.loss == pytest.approx(run.log[-1]["val_loss"], abs=1e-5)


def test_a_step_draws_the_same_random_numbers_whatever_came_before():
    drawn = []
    for before in (0, 1000):
        torch.rand(before)
        seed_step(3, 7)
        drawn.append(torch.rand(4))
    seed_step(3, 8)
    assert torch.equal(*drawn)
    assert not torch.equal(drawn[0], torch.rand(4))
    seed_step(3, 7, rank=1)
    assert not torch.equal(drawn[0], torch.rand(4))
    for step in (0, 255, 256, 300, 1):  # whatever is prepared together
        seed_step(3, step, rank=2)
        assert torch.initial_seed() == train._mix(3, "step", step, 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"image_size": 0}, "image_size must be a whole number, at least 1, got 0"),
        ({"image_size": 64, "batch_size": 0}, "batch_size must be a whole number"),
        ({"image_size": 64, "batch_size": 2.5}, "batch_size must be a whole number"),
        ({"image_size": 64, "precision": "float16"}, "float32 or bfloat16, got 'flo"),
    ],
)
def test_evaluate_refuses_what_it_cannot_do(words, says):
    with pytest.raises(ValueError, match=says):
        evaluate(tiny(), toy().val, **words)


@pytest.mark.slow
def test_a_compiled_model_learns_the_same():
    device, losses = "cuda" if torch.cuda.is_available() else "cpu", []
    for compiled in ("on", "off"):
        recipe = replace(RECIPE, compile=compiled, precision="float32")
        run = fit(tiny().to(device), toy(), recipe, verbose=False)
        losses.append([entry["train_loss"] for entry in run.log])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_tensorboard_gets_each_line_of_the_log(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = fit(tiny(), toy(), RECIPE, tensorboard=tmp_path, verbose=False)
    board = EventAccumulator(str(tmp_path)).Reload()
    for key in ("train_loss", "val_loss", "val_accuracy", "lr"):
        shown = [(point.step, point.value) for point in board.Scalars(key)]
        logged = [(entry["epoch"], pytest.approx(entry[key])) for entry in run.log]
        assert shown == logged


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"recipe": {"epochs": 1}}, "recipe must be a Recipe, got a dict"),
        ({"data": toy().train}, "data must be a Dataset, got a Split"),
    ],
)
def test_what_is_no_recipe_or_data_set_is_said(words, says):
    with pytest.raises(TypeError, match=says):
        fit(tiny(), **({"data": toy(), "recipe": RECIPE} | words))


def test_resume_without_a_checkpoint_is_said():
    with pytest.raises(ValueError, match="resume needs checkpoint="):
        fit(tiny(), toy(), RECIPE, resume=True)
    with pytest.raises(TypeError, match=r"such as data\.val, got a Dataset"):
        evaluate(tiny(), toy(), image_size=64)


def test_a_guess_without_parameters_can_be_evaluated():
    class First(nn.Module):
        def forward(self, x):
            return torch.eye(3)[torch.zeros(len(x), dtype=torch.long)]

    assert evaluate(First(), toy().val, image_size=16).accuracy == pytest.approx(1 / 3)


def test_batch_norm_over_one_value_is_one_line():
    layers = [nn.Conv2d(3, 3, 64), nn.BatchNorm2d(3), nn.Flatten()]
    recipe = replace(RECIPE, batch_size=10, accumulate=10)
    with pytest.raises(ValueError, match="from one value per channel: raise batch_s"):
        fit(nn.Sequential(*layers), toy(), recipe, verbose=False)


def test_data_and_model_must_fit():
    with pytest.raises(ValueError, match="more than the 60 training pictures"):
        fit(tiny(), toy(), replace(RECIPE, batch_size=64), verbose=False)
    with pytest.raises(ValueError, match="build it with num_classes=4"):
        fit(tiny(), toy(classes=4), RECIPE, verbose=False)
    with pytest.raises(ValueError, match="expected images of shape"):
        fit(create_model("vit_small_8"), toy(), replace(RECIPE, image_size=32))


def test_a_loss_that_is_no_number_stops_the_run():
    model = tiny()
    nn.init.constant_(model[-1].weight, float("inf"))
    with pytest.raises(FloatingPointError, match="the loss is nan in step 0"):
        fit(model, toy(), RECIPE, verbose=False)


def test_every_family_has_a_recipe():
    assert recipe_for("resnet_small").optimizer == "sgd"
    assert recipe_for("alexnet").image_size == 227
    assert recipe_for("vit_b_16").image_size == 224
    assert recipe_for("vgg_small").image_size == 64


def test_mixed_labels_know_classes_that_no_picture_has():
    recipe = replace(RECIPE, mixup=1.0, cutmix=1.0)
    for _, labels in Batches(toy().train, recipe, classes=5).epoch(0):
        assert labels.shape == (10, 5)
        assert torch.allclose(labels.sum(dim=1), torch.ones(10))
        assert not labels[:, 3:].any()


def test_no_pictures_cannot_be_evaluated():
    with pytest.raises(ValueError, match="no pictures to evaluate"):
        evaluate(tiny(), toy().val[:0], image_size=64)
    with pytest.raises(ValueError, match="has no validation pictures"):
        fit(tiny(), replace(toy(), val=toy().val[:0]), RECIPE, verbose=False)


def test_what_cannot_learn_is_refused():
    frozen = tiny().requires_grad_(requires_grad=False)
    for model in (nn.Flatten(), frozen):
        with pytest.raises(ValueError, match="nothing to train"):
            fit(model, toy(), RECIPE, verbose=False)
    with torch.no_grad(), pytest.raises(ValueError, match="nothing to train"):
        fit(tiny(), toy(), RECIPE, verbose=False)
    with pytest.raises(ValueError, match=r"trained in float32, this one has .*64"):
        fit(tiny().double(), toy(), RECIPE, verbose=False)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = tiny()

    def forward(self, x):
        return self.net(x), x


def test_logits_come_alone():
    with pytest.raises(TypeError, match="one tensor of logits, not a tuple"):
        fit(Pair(), toy(), RECIPE, verbose=False)


def test_small_pictures_of_the_papers_crop_show_as_much():
    recipe = replace(RECIPE, augment="paper", image_size=48, start_size=24)
    batches = Batches(toy().train, recipe)  # of 64 pixels
    ramp = torch.arange(64).float().expand(4, 3, 64, 64)
    u = torch.rand(4, 6)
    u[:, 2], u[:, 3:] = 1, 0.5  # neither mirrored nor coloured
    small, full = (batches.augment(ramp, size, u) for size in (24, 48))
    spans = [(x[..., -1] - x[..., 0]).mean(dim=-1) for x in (small, full)]
    torch.testing.assert_close(spans[0], spans[1], atol=2.0, rtol=0)


def test_labels_are_places_in_the_list_of_classes():
    data = toy()
    for part in ("train", "val"):
        split = getattr(data, part)
        beyond = replace(split, labels=split.labels + 1)
        with pytest.raises(ValueError, match=r"labels must be 0 to 2.* are 1 to 3"):
            fit(tiny(), replace(data, **{part: beyond}), RECIPE, verbose=False)


def test_a_head_that_is_not_declared_last_has_no_rate_of_its_own():
    class HeadFirst(nn.Sequential):
        def forward(self, x):
            return self[0](self[1](x.flatten(1)))

    model = HeadFirst(nn.Linear(8, 3), nn.Linear(3 * 64 * 64, 8))
    with pytest.raises(ValueError, match="1 does not put out the 3 logits"):
        fit(model, toy(), replace(RECIPE, backbone_lr=0.1), verbose=False)
    assert fit(model, toy(), replace(RECIPE, epochs=1), verbose=False).log


def test_a_run_leaves_the_global_generator_as_it_was():
    """Else each model that is built after a run would begin with the same weights."""
    model = tiny(dropout=0.5)
    before = torch.get_rng_state()
    fit(model, toy(), RECIPE, verbose=False)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_in_another_type_is_evaluated_and_its_logits_can_be_scaled():
    model, split = tiny(), toy().val
    plain = evaluate(model, split, image_size=64)
    for dtype in (torch.float64, torch.bfloat16):
        answers = evaluate(tiny().to(dtype), split, image_size=64)
        assert answers.logits.dtype == torch.float32
        torch.testing.assert_close(answers.logits, plain.logits, atol=0.02, rtol=0.02)
    temperature = torch.ones((), requires_grad=True)
    F.cross_entropy(plain.logits / temperature, plain.labels).backward()
    assert temperature.grad is not None


def test_evaluation_uses_the_kernels_of_training(monkeypatch):
    seen = []

    def watched(precision, device):
        seen.append((precision, device.type))
        return contextlib.nullcontext()

    monkeypatch.setattr("vhist.train._fast_kernels", watched)
    evaluate(tiny(), toy().val, image_size=64, precision="bfloat16")
    assert seen == [("bfloat16", "cpu")]


def test_cudnn_keeps_the_settings_of_the_user(monkeypatch):
    cudnn, gpu = torch.backends.cudnn, torch.device("cuda")
    monkeypatch.setattr(cudnn, "allow_tf32", False)
    for deterministic in (False, True):
        monkeypatch.setattr(cudnn, "deterministic", deterministic)
        with train._fast_kernels("auto", gpu):
            assert cudnn.deterministic == deterministic
            assert cudnn.benchmark != deterministic
            assert not cudnn.allow_tf32
        assert not cudnn.benchmark


def test_a_failing_compiler_is_one_line(monkeypatch):
    from torch._dynamo.exc import InternalTorchDynamoError

    class Broken(nn.Module):
        def __init__(self, model):
            super().__init__()

        def forward(self, x):
            raise InternalTorchDynamoError("no working compiler\nand a long story")

    monkeypatch.setattr("vhist.train._compiled", lambda model, *_: Broken(model))
    recipe = replace(RECIPE, compile="on")
    with pytest.raises(ValueError, match=r"failed \(no working compiler\): choose"):
        fit(tiny(), toy(), recipe, verbose=False)


def test_a_daemon_without_stderr_can_train(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert fit(tiny(), toy(), replace(RECIPE, epochs=1)).log


def test_each_step_drops_units_of_its_own():
    model, dropped = tiny(dropout=0.5), []
    model[2].register_forward_hook(
        lambda layer, _, y: dropped.append(y == 0) if layer.training else None
    )
    fit(model, toy(), replace(RECIPE, epochs=1), verbose=False)
    assert len(dropped) == 6
    assert not any(torch.equal(a, b) for a, b in pairwise(dropped))


def test_each_epoch_step_and_seed_draws_anew():
    recipe = replace(RECIPE, mixup=1.0)
    one, other = (
        Batches(toy().train, replace(recipe, seed=s), classes=2) for s in (0, 1)
    )
    assert torch.equal(one.order(2), one.order(2))
    assert torch.equal(one.draw(7), one.draw(7))
    for a, b in ((one.order(0), one.order(1)), (one.order(0), other.order(0))):
        assert sorted(a.tolist()) == sorted(b.tolist())
        assert not torch.equal(a, b)
    assert not torch.equal(one.draw(0), one.draw(1))
    assert not torch.equal(one.draw(0), other.draw(0))
    black = torch.zeros(4, 3, 8, 8), torch.zeros(4, dtype=torch.long)
    white = torch.ones(4, 3, 8, 8), torch.ones(4, dtype=torch.long)
    shares = [b.mix(black, white, i)[1][0, 1] for b in (one, other) for i in (0, 1)]
    assert len({round(float(share), 6) for share in shares}) == 4


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_labels_are_mixed_as_the_pictures_are(kind):
    recipe = replace(RECIPE, **{kind: 1.0})
    batches = Batches(toy().train, recipe, classes=2)
    black = torch.zeros(4, 3, 16, 16), torch.zeros(4, dtype=torch.long)
    white = torch.ones(4, 3, 16, 16), torch.ones(4, dtype=torch.long)
    for step in range(20):
        images, labels = batches.mix(black, white, step)
        torch.testing.assert_close(images.mean(dim=(1, 2, 3)), labels[:, 1])


def test_each_picture_is_mixed_with_its_mirror_image_in_the_batch():
    data = toy().train
    (plain, labels), (mixed, shares) = (
        next(Batches(data, replace(RECIPE, mixup=m), classes=3).epoch(0))
        for m in (0, 1.0)
    )
    pairs = F.one_hot(labels, 3).float()
    unlike = labels != labels.flip(0)
    share = shares[unlike, labels.flip(0)[unlike]][0]
    torch.testing.assert_close(shares, pairs.lerp(pairs.flip(0), share))
    torch.testing.assert_close(
        mixed, plain.lerp(plain.flip(0), share), atol=1e-4, rtol=1e-4
    )


def test_statistics_are_averaged_like_weights():
    decay, seen = 0.7, []
    recipe = replace(RECIPE, epochs=1, ema=decay)

    def net() -> nn.Module:
        return nn.Sequential(nn.BatchNorm2d(3), *tiny())

    model = net()
    model.register_forward_pre_hook(
        lambda net, _: (
            seen.append(net[0].running_mean.clone()) if net.training else None
        )
    )
    fit(model, toy(), replace(recipe, ema=0.0), verbose=False)
    expected, *others = [*seen[1:], model[0].running_mean]
    for mean in others:
        expected = decay * expected + (1 - decay) * mean
    averaged = net()
    fit(averaged, toy(), recipe, verbose=False)
    torch.testing.assert_close(averaged[0].running_mean, expected)


def test_a_clipped_step_is_no_longer_than_asked_for():
    sgd = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "lr": 1.0}
    flat = {"schedule": "constant", "warmup_epochs": 0.0, "epochs": 1}
    recipe = replace(RECIPE, **sgd, **flat, clip_norm=1e-3)
    model = tiny()
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    fit(model, toy(), recipe, verbose=False)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert 0 < (after - before).norm() <= 6 * 1e-3 * 1.001


def test_a_step_takes_the_learning_rate_of_its_end():
    taken = []
    hook = register_optimizer_step_pre_hook(
        lambda optimizer, *_: taken.append(optimizer.param_groups[0]["lr"])
    )
    try:
        fit(tiny(), toy(), RECIPE, verbose=False)
    finally:
        hook.remove()
    assert taken == pytest.approx([RECIPE.lr_at((i + 1) / 6) for i in range(18)])


def test_labels_are_smoothed_in_training_alone():
    data, model = toy(), tiny()
    still = replace(RECIPE, epochs=1, lr=1e-12, augment="none", label_smoothing=0.4)
    answers = evaluate(model, data.train, image_size=64)
    run = fit(model, data, still, verbose=False)
    smooth = F.cross_entropy(answers.logits, answers.labels, label_smoothing=0.4)
    assert run.log[0]["train_loss"] == pytest.approx(float(smooth), abs=1e-4)
    plain = evaluate(model, data.val, image_size=64).loss
    assert run.log[0]["val_loss"] == pytest.approx(plain, abs=1e-4)


def test_colours_are_those_of_all_classes():
    images = torch.zeros(4000, 3, 16, 16, dtype=torch.uint8)
    images[2000:, 0] = torch.arange(256, dtype=torch.uint8).view(16, 16)
    split = Split(images, torch.arange(4000) // 2000, ("",) * 4000)
    found = Batches(split, replace(RECIPE, augment="paper")).components
    expected = augment.colour_components(images)
    torch.testing.assert_close(found[0], expected[0], rtol=0.05, atol=1e-3)


def test_the_pictures_of_a_step_are_those_of_its_batch():
    data = toy().train
    batches = Batches(data, replace(RECIPE, augment="none"))
    for i, (images, labels) in enumerate(batches.epoch(1)):
        rows = batches.pictures(6 + i)
        assert torch.equal(labels, data.labels[rows])
        assert torch.equal(images, normalize(data.images[rows]))


def test_a_record_names_the_worst_pictures_first():
    data, model = toy(), tiny()
    run = fit(model, data, replace(RECIPE, epochs=1), verbose=False)
    found = evaluate(model, data.val, image_size=64)
    losses = F.cross_entropy(found.logits, found.labels, reduction="none")
    order = losses.argsort(descending=True)[:12].tolist()
    assert [row["file"] for row in run.most_wrong] == [data.val.files[i] for i in order]
    surest = found.logits.softmax(dim=1).amax(dim=1)
    for row, i in zip(run.most_wrong, order, strict=True):
        assert row["prediction"] == int(found.predictions[i])
        assert row["probability"] == pytest.approx(float(surest[i]), abs=2e-4)


def test_evaluation_takes_the_precision_asked_for():
    data, model = toy(), tiny()
    full, short = (
        evaluate(model, data.val, image_size=64, precision=p).logits
        for p in ("float32", "bfloat16")
    )
    assert full.dtype == short.dtype == torch.float32
    assert torch.equal(short, short.bfloat16().float())
    assert not torch.equal(full, short)
    torch.testing.assert_close(full, short, atol=0.05, rtol=0.05)


def test_growing_pictures_are_validated_at_the_size_of_the_epoch():
    recipe, seen = replace(RECIPE, epochs=4, image_size=32, start_size=16), []
    model = tiny()
    model[0] = nn.AdaptiveAvgPool2d(16)
    model.register_forward_pre_hook(
        lambda net, x: None if net.training else seen.append(tuple(x[0].shape))
    )
    fit(model, toy(), recipe, verbose=False)
    sizes = [shape[-1] for shape in seen if shape[0] > 2]  # two look at the outputs
    assert sizes == [recipe.size_at(epoch) for epoch in range(4)]


@pytest.mark.parametrize("ahead", [True, False])
def test_the_recipe_says_whether_momentum_looks_ahead(ahead):
    for optimizer in ("sgd", "muon"):
        recipe = replace(RECIPE, optimizer=optimizer, nesterov=ahead)
        made = make_optimizer(create_model("vit_small_8"), recipe)
        assert (
            made.nesterov if optimizer == "muon" else made.defaults["nesterov"]
        ) == ahead


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((-1, 10, 1, 1), r"not \(2, 10, 1, 1\): flatten\(1\) drops axes of size 1"),
        ((-1, 1, 10), r"shape \(2, classes\) for 2 pictures, not \(2, 1, 10\)$"),
        ((1, -1), r"shape \(2, classes\) for 2 pictures, not \(1, 20\)"),
    ],
)
def test_logits_are_a_row_for_each_picture(shape, message):
    layers = (
        nn.Flatten(),
        nn.Linear(3 * 8 * 8, 10),
        nn.Flatten(0),
        nn.Unflatten(0, shape),
    )
    model, data = nn.Sequential(*layers), toy(size=8, classes=10)
    with pytest.raises(ValueError, match=message):
        evaluate(model, data.val[:2], image_size=8)
    with pytest.raises(ValueError, match=message):
        fit(model, data, replace(RECIPE, image_size=8, start_size=None), verbose=False)


def test_what_is_no_model_no_size_or_no_choice_is_said():
    data, net = toy(size=8), nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    recipe = replace(RECIPE, image_size=8, start_size=None)
    with pytest.raises(TypeError, match="model must be a Module, got a str"):
        fit("resnet_small", data, recipe)
    with pytest.raises(TypeError, match="model must be a Module, got a function"):
        evaluate(lambda x: x, data.val, image_size=8)
    with pytest.raises(ValueError, match=r"cannot take pictures of 16 pixels: .*mat1"):
        fit(net, data, replace(recipe, image_size=16))
    one = toy(size=8, classes=1)
    with pytest.raises(ValueError, match="toy has one class, 'a': there is nothing"):
        fit(nn.Sequential(nn.Flatten(), nn.Linear(192, 1)), one, recipe)
    assert data.select("b").classes == ("b",)


def test_numbers_of_numpy_are_numbers():
    recipe = replace(RECIPE, epochs=np.int64(2), lr=np.float32(0.5))
    assert (type(recipe.epochs), type(recipe.lr)) == (int, float)
    model = create_model("stn", num_classes=np.int64(3), image_size=np.int32(32))
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
    with pytest.raises(TypeError, match="epochs must be a whole number"):
        replace(RECIPE, epochs=np.float64(2))


def test_dropout_stays_on_in_validation_if_asked_for_and_draws_from_the_step():
    recipe, data = replace(RECIPE, dropout_in_evaluation=True), toy()
    model = tiny(dropout=0.5)
    run = fit(model, data, recipe, verbose=False)
    seed_step(recipe.seed, 18)  # three epochs of six steps
    live, still = (
        evaluate(model, data.val, image_size=64, dropout=d) for d in (True, False)
    )
    assert live.loss != pytest.approx(still.loss, abs=1e-3)
    assert run.log[-1]["val_loss"] == pytest.approx(live.loss, abs=1e-5)
    assert run.predictions == live.predictions.tolist()


def test_validation_takes_the_precision_of_the_recipe(monkeypatch):
    asked = []

    def watched(*args, **options):
        asked.append(options.get("precision"))
        return evaluate(*args, **options)

    monkeypatch.setattr("vhist.train.evaluate", watched)
    recipe = replace(RECIPE, epochs=2, precision="bfloat16")
    fit(tiny(), toy(), recipe, verbose=False)
    assert asked == ["bfloat16"] * 2


def test_pictures_and_filters_lie_with_their_channels_last():
    layers = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    model, seen = nn.Sequential(nn.Conv2d(3, 4, 3), *layers), []
    last = {"memory_format": torch.channels_last}
    model.register_forward_pre_hook(
        lambda net, x: seen.append(x[0].is_contiguous(**last)) if net.training else None
    )
    fit(model, toy(), replace(RECIPE, epochs=1), verbose=False)
    assert seen == [True] * 6
    assert model[0].weight.is_contiguous(**last)


def test_with_mixup_and_cutmix_half_of_the_batches_get_each():
    recipe = replace(RECIPE, mixup=1.0, cutmix=1.0)
    batches = Batches(toy().train, recipe, classes=2)
    black = torch.zeros(2, 3, 16, 16), torch.zeros(2, dtype=torch.long)
    white = torch.ones(2, 3, 16, 16), torch.ones(2, dtype=torch.long)
    mixed = [batches.mix(black, white, step)[0] for step in range(200)]
    cut = sum({*images.unique().tolist()} <= {0, 1} for images in mixed)
    assert 75 < cut < 125


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_the_share_of_mixup_has_the_spread_of_its_beta_distribution(alpha):
    batches = Batches(toy().train, replace(RECIPE, mixup=alpha), classes=2)
    black = torch.zeros(1, 3, 2, 2), torch.zeros(1, dtype=torch.long)
    white = torch.ones(1, 3, 2, 2), torch.ones(1, dtype=torch.long)
    shares = torch.stack([batches.mix(black, white, i)[1][0, 1] for i in range(400)])
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.05)
    deviation = 0.5 / (2 * alpha + 1) ** 0.5
    assert float(shares.std()) == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize(("kind", "numbers"), [("resized_crop", 5), ("paper", 6)])
def test_each_random_number_of_a_picture_is_used(kind, numbers):
    batches = Batches(toy().train, replace(RECIPE, augment=kind, image_size=48))
    images = torch.randint(0, 256, (4, 3, 64, 64)).byte()
    u = torch.rand(4, 6) / 3
    drawn = batches.augment(images, 48, u)
    for k in range(numbers):
        other = u.clone()
        other[:, k] = 1 - u[:, k]
        assert not torch.equal(batches.augment(images, 48, other), drawn)


def test_relative_positions_do_not_decay():
    with torch.device("meta"):
        model = torchvision.models.swin_t()
    names = {id(p): n for n, p in model.named_parameters()}
    decayed, _ = make_optimizer(model, Recipe()).param_groups
    decaying = {names[id(p)] for p in decayed["params"]}
    assert "head.weight" in decaying
    assert not any("relative_position" in name for name in decaying)


def test_auto_compiles_long_runs_on_a_gpu_alone():
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    long = replace(RECIPE, epochs=10)
    assert train._compiles(long, 100, gpu)
    assert not train._compiles(long, 99, gpu)
    assert not train._compiles(long, 100, cpu)
    assert train._compiles(replace(long, compile="on"), 1, cpu)
    assert not train._compiles(replace(long, compile="off"), 100, gpu)


def test_a_record_counts_frozen_parameters_too():
    model = tiny()
    model[-1].bias.requires_grad_(requires_grad=False)
    run = fit(model, toy(), replace(RECIPE, epochs=1), verbose=False)
    assert run.parameters == 3 * 16 * 16 * 3 + 3


def test_a_record_says_how_many_pictures_and_at_what_rates():
    run = fit(tiny(), toy(), RECIPE, verbose=False)
    assert (run.data["train"], run.data["val"]) == (60, 30)
    rates = [entry["lr"] for entry in run.log]
    assert rates == pytest.approx([RECIPE.lr_at(epoch) for epoch in (1, 2, 3)])


def test_a_step_is_replayed_where_nothing_else_needs_its_memory(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model, **words: words)
    one, two = train.Team(), train.Team(0, 2)
    parts, grows = replace(RECIPE, accumulate=2), replace(RECIPE, start_size=32)
    replayed = {"mode": "reduce-overhead", "dynamic": None}
    assert train._compiled(tiny(), RECIPE, one) == replayed
    assert train._compiled(tiny(), RECIPE, two)["mode"] is None
    assert train._compiled(tiny(), parts, one)["mode"] is None
    assert train._compiled(tiny(), grows, one) == {"mode": None, "dynamic": True}


@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "step", "constant"])
def test_a_run_may_end_with_its_warm_up(schedule):
    recipe = Recipe(epochs=2, lr=1.0, warmup_epochs=2, schedule=schedule)
    assert [recipe.lr_at(epoch) for epoch in (1, 2)] == [0.5, 1.0]
