"""What chapters 30 and 40 say of the recorded runs, held against the records.

Their readings type no numbers. A run that is recorded anew and turns what is said fails
here, with the chapter and the exercise to mend.
"""

import itertools

import vhist
from vhist import plan, runs

RUNS = {k: found[0] for k, found in plan.load("ablations").records().items()}
GPU, LONG, MUON = (plan.load(name).records() for name in ("gpu", "long", "muon"))
RESNET = "plot_30_resnet"
VIT = "plot_40_vit"


def points(label: str, first: str) -> float:
    return 100 * (RUNS[label].accuracy - RUNS[first].accuracy)


def z(label: str, first: str) -> float:
    return runs.paired_z(RUNS[label], RUNS[first])


def loss(label: str, epoch: int = -1) -> float:
    """Training loss of an epoch, the last one if not said otherwise."""
    return RUNS[label].log[epoch]["train_loss"]


def from_article(run: runs.Run, family: str) -> float:
    """Return how far a run is from the article's network, in standard errors."""
    n = len(run.labels)
    p = runs.ARTICLE[family] / n
    return (run.accuracy - p) / (run.standard_error**2 + p * (1 - p) / n) ** 0.5


def test_resnet_5_the_shallow_plain_net_loses_a_few_points():
    where = f"{RESNET}, exercise 5: the shallow plain net loses a few points"
    assert -8 < points("resnet_shallow_plain", "resnet_shallow") < -2, where
    assert z("resnet_shallow_plain", "resnet_shallow") < -3, where


def test_resnet_5_the_deep_plain_net_does_not_fit():
    where = f"{RESNET}, exercise 5: the deep plain net collapses and does not fit"
    assert points("resnet_deep_plain", "resnet_shallow_plain") < -20, where
    assert loss("resnet_deep_plain") > loss("resnet_shallow_plain") + 0.4, where
    assert loss("resnet_deep_plain") > loss("resnet_shallow") + 0.4, where
    where = f"{RESNET}, exercise 5: the deep plain net was still improving"
    assert loss("resnet_deep_plain", -4) > loss("resnet_deep_plain") + 0.02, where


def test_resnet_5_depth_with_shortcuts_is_harmless_and_hardly_pays():
    where = f"{RESNET}, exercise 5: the deep residual net is at best slightly ahead"
    assert -0.5 < points("resnet_deep", "resnet_shallow") < 2, where
    assert -1 < z("resnet_deep", "resnet_shallow") < 3, where


def test_vit_7_dropout_costs_most_and_leaves_too_little_learned():
    where = f"{VIT}, exercise 7: dropout costs more than any other change"
    others = [label for label in RUNS if label.startswith("vit_")]
    worst = min(others, key=lambda label: points(label, "vit"))
    assert worst == "vit_dropout", where
    assert points("vit_dropout", "vit") < -8, where
    assert z("vit_dropout", "vit") < -10, where
    where = f"{VIT}, exercise 7: higher on new pictures, and fell to the end"
    lost, plain = ([e["val_loss"] for e in RUNS[k].log] for k in ("vit_dropout", "vit"))
    assert lost[-1] > plain[-1] + 0.2, where
    assert lost == sorted(lost, reverse=True), where
    assert len(lost) == len(plain) == 9, where


def test_resnet_5_and_6_are_sixteen_epochs():
    names = ("shallow", "deep", "shallow_plain", "deep_plain", "no_batch_norm")
    where = f"{RESNET}, exercises 5 and 6: sixteen epochs"
    assert {len(RUNS[f"resnet_{name}"].log) for name in names} == {16}, where


def test_resnet_6_without_normalisation_the_net_fits_less():
    where = f"{RESNET}, exercise 6: without normalisation far behind"
    assert points("resnet_no_batch_norm", "resnet_shallow") < -6, where
    assert z("resnet_no_batch_norm", "resnet_shallow") < -6, where
    where = f"{RESNET}, exercise 6: its training loss is far higher"
    assert loss("resnet_no_batch_norm") > loss("resnet_shallow") + 0.15, where
    given, without = (RUNS[f"resnet_{k}"].recipe for k in ("shallow", "no_batch_norm"))
    where = f"{RESNET}, exercise 6: a tenth of the rate, and clipping"
    assert abs(given["lr"] / without["lr"] - 10) < 1e-6, where
    assert (given["clip_norm"], bool(without["clip_norm"])) == (None, True), where


def test_resnet_34_is_level_with_the_article_after_a_tenth_of_its_epochs():
    (full,), (small,) = GPU["resnet34"], LONG["resnet_small"]
    where = f"{RESNET}, the recorded run: ResNet-34 "
    assert 10 * len(full.log) == 200, f"{where}has a tenth of the epochs"
    assert abs(from_article(full, "resnet")) < 2, f"{where}is level with the article's"
    assert abs(runs.paired_z(full, small)) < 2, f"{where}is level with the small one"
    ends = (run.log[-1]["train_loss"] for run in (full, small))
    assert next(ends) > next(ends) + 0.01, f"{where}ended at a higher training loss"
    assert len(small.log) - len(full.log) == 8, f"{where}had eight epochs less"
    assert 7 < full.parameters / small.parameters < 9, f"{where}is eight times as big"
    (turned,) = MUON["resnet_small"]
    assert runs.paired_z(turned, full) > 3, f"{where}is behind the small one with Muon"
    assert turned.recipe["optimizer"] == "muon", where
    assert turned.recipe["image_size"] == small.recipe["image_size"] == 128, where
    assert turned.recipe["start_size"] == small.recipe["start_size"] == 64, where
    same = ("lr", "batch_size", "schedule", "warmup_epochs", "weight_decay", "augment")
    for key in same:
        assert full.recipe[key] == small.recipe[key], (
            f"{where}has its rate and schedule: {key}"
        )
    # The list on Imagenette's page: 20 epochs, 128 pixels, mean of five runs.
    assert full.accuracy < 0.9157 - 0.02, f"{where}is several points below others"


def test_resnet_34_with_more_time_leaves_both_behind():
    (full,), (small,) = GPU["resnet34_long"], LONG["resnet_small"]
    where = f"{RESNET}, the recorded run: ResNet-34, longer, "
    assert 10 * len(full.log) == 4 * 200, f"{where}has four tenths of the epochs"
    assert full.recipe["mixup"] > 0, f"{where}has mixed pictures"
    assert from_article(full, "resnet") > 4, f"{where}is well ahead of the article"
    assert runs.paired_z(full, small) > 4, f"{where}is well ahead of the small network"
    third = runs.paired_z(full, MUON["resnet_small"][0])
    assert abs(third) < 2, f"{where}but not of that with Muon"


def test_resnet_34_is_not_held_back_by_large_steps():
    (full,) = GPU["resnet34"]
    where = f"{RESNET}, the recorded run: ResNet-34 with other steps, "
    for label, (run,) in vhist.plan.load("rates").records().items():
        alike = {"lr": run.recipe["lr"], "batch_size": run.recipe["batch_size"]}
        assert run.recipe == {**full.recipe, **alike}, f"{where}nothing else differs"
        steps = alike["lr"] / full.recipe["lr"], alike["batch_size"] / 64
        known = {"lr_10": (0.5, 1), "lr_05": (0.25, 1), "batch_32": (0.5, 0.5)}
        assert steps == known[label], f"{where}half, a quarter, half of both"
        z = runs.paired_z(run, full)
        assert abs(z) < 1 if label == "batch_32" else z < -2, where


def test_resnet_34_with_muon_is_ahead():
    (full,) = GPU["resnet34"]
    where = f"{RESNET}, the recorded run: ResNet-34 with Muon "
    rates = [r for (r,) in vhist.plan.load("rates").records().values()]
    largest = max(run.recipe["lr"] for run in rates)
    assert largest < full.recipe["lr"], f"{where}larger rates of SGD were not tried"
    tries = {k: run for k, (run, *_) in MUON.items() if k.startswith("resnet34")}
    tries = {k: run for k, run in tries.items() if len(run.log) == len(full.log)}
    assert len(tries) == 5, f"{where}was tried five times"
    for label, run in tries.items():
        alike = ("lr", "momentum", "weight_decay", "mixup", "crop_area")
        same = {key: run.recipe[key] for key in (*alike, "optimizer")}
        assert run.recipe == {**full.recipe, **same}, f"{where}nothing else differs"
        assert runs.paired_z(run, full) > 4, f"{where}wins"
        left = run.log[-1]["train_loss"] - 0.5003  # entropy of 0.91 and nine times 0.01
        harder = label in ("resnet34_mixup", "resnet34_crop", "resnet34_crop_8")
        assert (left < 0.05) != harder, f"{where}fits unless pictures are harder"
        first, last = (
            [entry["seconds"] for entry in (r.log[0], r.log[-1])] for r in (run, full)
        )
        times = (first[1] - first[0]) / (last[1] - last[0])
        replayed = label in ("resnet34_crop", "resnet34_crop_8")
        low, high = (1, 1.3) if replayed else (1.75, 2.5)
        assert low < times < high, f"{where}takes twice the time until replayed"


def test_resnet_34_with_muon_and_more_time_is_ahead():
    (full,), (run,) = GPU["resnet34_long"], MUON["resnet34_long"]
    where = f"{RESNET}, the recorded run: ResNet-34 with Muon, longer, "
    assert runs.paired_z(run, full) > 5, f"{where}is ahead"
    assert len(run.log) == len(full.log), f"{where}in as many epochs"
    assert run.recipe["mixup"] == full.recipe["mixup"] > 0, f"{where}mixed"
    assert run.recipe["cutmix"] > full.recipe["cutmix"] == 0, f"{where}not quite so"
    assert run.recipe["crop_area"] != full.recipe["crop_area"], f"{where}other crops"


def test_vgg_is_the_best_before_resnet_34_in_equal_epochs():
    (vgg,), (resnet,) = GPU["vgg16_bn_long"], GPU["resnet34_long"]
    where = "plot_90_final_thoughts: VGG's row is the best, before ResNet-34"
    assert len(vgg.log) == len(resnet.log), where
    assert vgg.recipe["mixup"] == resnet.recipe["mixup"], where
    assert runs.paired_z(vgg, resnet) > 3, where
    plans = [vhist.plan.load(name).records() for name in ("short", "long", "gpu")]
    every = [run for plan in plans for found in plan.values() for run in found]
    ranked = sorted(every, key=lambda run: run.accuracy)
    assert [run.name for run in ranked[-2:]] == [resnet.name, vgg.name], where
    (turned,) = MUON["resnet34_long"]
    where = "plot_90_final_thoughts: with Muon ResNet-34 is before VGG, by luck perhaps"
    assert turned.model == resnet.model == "resnet34", where
    assert 2 < runs.paired_z(turned, vgg) < 2.64, where
    models = {run.model for found in MUON.values() for run in found}
    assert vgg.model not in models, f"{where}, which had no Muon"
    work = [vhist.create_model(r.model, **r.model_options) for r in (vgg, resnet)]
    macs = [vhist.summary(net, 224).macs for net in work]
    assert 3.5 < macs[0] / macs[1] < 4.5, f"{where}, with four times its work"


def test_vit_4_without_positions_little_is_lost():
    where = f"{VIT}, exercise 4: without positions little is lost, hardly beyond chance"
    assert -3 < points("vit_no_positions", "vit") < 0, where
    assert -3 < z("vit_no_positions", "vit") < -1, where


def test_vit_5_fixed_positions_are_clearly_better():
    where = f"{VIT}, exercise 5: fixed waves are clearly better than a learned table"
    assert z("vit_sincos", "vit") > 4, where
    assert points("vit_sincos", "vit") > 3, where
    assert 5.5 < points("vit_sincos", "vit") < 6.5, f"{where}, by six points"
    assert loss("vit_sincos") < loss("vit") - 0.03, where
    where = f"{VIT}, exercise 5: and better still than no positions"
    assert z("vit_sincos", "vit_no_positions") > 5, where
    assert points("vit_sincos", "vit_no_positions") > points("vit_sincos", "vit"), where


def test_vit_6_class_word_and_mean_cannot_be_told_apart():
    where = f"{VIT}, exercise 6: class word and mean cannot be told apart"
    assert abs(z("vit_mean", "vit")) < 1.5, where
    rates = {RUNS[label].recipe["lr"] for label in ("vit", "vit_mean")}
    assert len(rates) == 1, f"{VIT}, exercise 6: one rate served both"


def test_vit_4_to_6_are_nine_epochs():
    labels = ("vit", "vit_no_positions", "vit_sincos", "vit_mean")
    where = f"{VIT}, exercises 4 to 6: nine epochs"
    assert {len(RUNS[label].log) for label in labels} == {9}, where


def test_vit_b_16_is_level_with_the_article_after_a_tenth_of_its_epochs():
    (large,) = GPU["vit_b_16"]
    where = f"{VIT}, the recorded run: ViT-B/16 "
    assert abs(from_article(large, "vit")) < 1, f"{where}is level, luckily close"
    assert 10 * len(large.log) == 200, f"{where}has a tenth of the epochs"
    assert large.model_options.get("dropout", 0) == 0, f"{where}has no dropout"
    assert large.recipe["warmup_epochs"] > 0, f"{where}has a warm-up"


def test_vit_b_16_with_more_time_passes_the_article():
    (large,) = GPU["vit_b_16_long"]
    where = f"{VIT}, the recorded run: ViT-B/16, longer, "
    assert 2 * len(large.log) == 200, f"{where}has half the epochs"
    assert from_article(large, "vit") > 3, f"{where}is ahead of the article"
    ahead = large.accuracy - runs.ARTICLE["vit"] / 3925
    assert 0.035 < ahead < 0.045, f"{where}is four points ahead of the article"


def test_vits_with_muon_and_fixed_positions_are_far_ahead_and_sooner():
    labels = ("vit_small_8", "vit_b_16_low", "vit_b_16_high", "vit_b_16_high_long")
    small, low, high, longest = (MUON[label][0] for label in labels)
    where = f"{VIT}, the recorded run: with Muon and fixed positions "
    for run, before in (
        (small, LONG["vit_small_8_mixed"][0]),
        (low, GPU["vit_b_16_long"][0]),
        (high, GPU["vit_b_16_long"][0]),
        (longest, GPU["vit_b_16_long"][0]),
    ):
        assert run.model == before.model, where
        assert run.recipe["optimizer"] == "muon", where
        assert run.model_options["positions"] == "sincos", where
        assert run.accuracy - before.accuracy > 0.08, f"{where}eight points more"
        assert runs.paired_z(run, before) > 10, where
        took = sum(r.minutes for r in runs.history(run))
        sooner = run is not longest
        assert (took < before.minutes) == sooner, f"{where}sooner, but for the last"
    assert runs.history(high) == [low, high], f"{where}first on smaller pictures"
    words = [(r.recipe["image_size"] // 16) ** 2 for r in (low, high)]
    assert 4 * words[0] == words[1], f"{where}a quarter of the patches at first"
    fifteen = high.accuracy - runs.ARTICLE["vit"] / 3925
    assert 0.145 < fifteen < 0.165, f"{where}fifteen points beyond the article"
    shown = [sum(len(r.log) for r in runs.history(run)) for run in (longest, high)]
    assert shown[0] - shown[1] == 85, f"{where}85 epochs more"
    assert abs(runs.paired_z(longest, high)) < 2, f"{where}what they gain may be luck"


def test_full_size_runs_are_one_seed_on_a_gpu_in_bfloat16():
    names = {RESNET: "resnet34", VIT: "vit_b_16"}
    for (chapter, name), end in itertools.product(names.items(), ("", "_long")):
        label = name + end
        where = f"{chapter}, the recorded run: {label} on a GPU, in bfloat16, one seed"
        (run,) = GPU[label]  # auto is bfloat16 on a GPU
        assert "NVIDIA" in run.device, where
        assert run.recipe["precision"] in ("auto", "bfloat16"), where


def test_plan_long_is_in_bfloat16_but_for_three_and_vgg_is_normalised():
    where = "plot_90_final_thoughts: ResNet and AlexNet's mixed runs are in float32"
    short = {k for k, (run, *_) in LONG.items() if run.recipe["precision"] != "auto"}
    mixed = {k for k in LONG if k.startswith("alexnet_small_mixed")}
    assert short == LONG.keys() - mixed - {"resnet_small"}, where
    assert {LONG[k][0].recipe["precision"] for k in short} == {"bfloat16"}, where
    assert not any(run.on_gpu for (run, *_) in LONG.values()), where
    where = "plot_90_final_thoughts: VGG has batch normalisation in long and gpu alone"
    for name, ending in (("long", True), ("gpu", True), ("short", False)):
        found = [runs[0] for runs in plan.load(name).records().values() if runs]
        vggs = [run.model for run in found if run.model.startswith("vgg")]
        assert {model.endswith("_bn") for model in vggs} == {ending}, where
