"""What the experiments on AlexNet, on counting and on logs claim, asked of each script.

Random outcomes have margins of about half of the gap that three seeds showed.
"""

import math
from itertools import pairwise

import pytest
import torch

from vhist.runs import ARTICLE

# ---- AlexNet -------------------------------------------------------------------------


def test_sigmoid_and_tanh_saturate_and_relu_on_one_side(results):
    r = results("saturation")
    assert r["largest"] == pytest.approx({"sigmoid": 0.25, "tanh": 1.0, "ReLU": 1.0})
    sigmoid = math.exp(-4) / (1 + math.exp(-4)) ** 2
    slopes = {"sigmoid": sigmoid, "tanh": 1 / math.cosh(4) ** 2}
    assert r["left"] == pytest.approx({**slopes, "ReLU": 0.0})
    assert r["right"] == pytest.approx({**slopes, "ReLU": 1.0})


def test_depth_takes_error_and_input_from_sigmoid_and_from_badly_scaled_relu(results):
    r = results("depth_signal")
    arrives = {name: signal[0] for name, signal in r["signal"].items()}
    lost = {"sigmoid, Glorot": 1e-15, "ReLU, PyTorch's default": 1e-9}
    assert all(arrives.pop(name) < bound for name, bound in lost.items())
    assert sorted(arrives) == ["ReLU, He", "tanh, Glorot"]
    assert all(0.03 < value < 3 for value in arrives.values())

    apart = {name: values[-1] for name, values in r["apart"].items()}
    assert all(apart.pop(name) < 1e-10 for name in lost)
    assert all(0.03 < value < 3 for value in apart.values())
    # What the spread over inputs and units together does not show.
    assert 0.03 < r["spread"]["sigmoid, Glorot"][-1] < 3
    for both in (r["signal"], r["apart"]):
        assert {len(values) for values in both.values()} == {31}


def test_pytorchs_alpha_is_a_fifth_of_the_printed_one(results):
    r = results("local_response")
    assert r["largest_difference"][5e-4] < 1e-4 < 10 < r["largest_difference"][1e-4]
    printed, weaker, same = r["curves"].values()
    assert same == pytest.approx(printed, rel=1e-5)
    assert printed[0] == pytest.approx(43.87, abs=0.01)  # 100 / 3 ** 0.75
    assert printed[2] == pytest.approx(29.91, abs=0.01)  # 100 / 5 ** 0.75
    assert all(a > b for a, b in pairwise(printed))
    assert all(a < b - 10 for a, b in zip(printed, weaker, strict=True))


def test_224_rounded_up_and_227_rounded_down_are_the_same_sizes(results):
    r = results("rounding")
    assert r["sides"]["224, up"][1:] == [55, 27, 27, 13, 13, 6]
    assert r["sides"]["227, down"][1:] == [55, 27, 27, 13, 13, 6]
    assert r["sides"]["224, down"][1:] == [54, 26, 26, 12, 12, 5]
    assert r["measured"] == {n: r["sides"][f"{n}, down"] for n in (224, 227)}
    assert r["parameters"][227] == 58_322_314
    assert r["parameters"][227] - r["parameters"][224] == (36 - 25) * 256 * 4096
    assert r["overhang"] == {"224, up": 3, "224, down": -1, "227, down": 0}


def test_half_strength_is_the_geometric_mean_behind_one_layer_only(results):
    differences = results("dropout_ensemble")["differences"]
    assert len(results("dropout_ensemble")["masks"]) == 4096
    last, deeper = "dropout before the last layer", "a ReLU layer in between"
    assert differences[last, "geometric mean"] < 2e-6
    assert differences[last, "arithmetic mean"] > 0.01
    assert differences[deeper, "geometric mean"] > 0.01
    assert differences[deeper, "arithmetic mean"] > 0.01


def test_a_step_of_sgd_at_the_rate_of_adamw_hardly_moves_the_first_layers(results):
    r = results("relative_step")
    slow, paper, adamw = r["moved"].values()
    assert len(slow) == len(r["layers"]) == 8
    assert max(slow[:2]) < 1e-5 < 1e-3 < slow[-1]
    assert paper == pytest.approx([100 * share for share in slow], rel=1e-3)
    # Deviation 0.01 by rate 1e-4; less where some weights have no gradient.
    assert all(0.007 < share < 0.011 for share in adamw)
    assert 1000 * r["most"] < 0.1
    assert 0.1 < 14_800 * r["most"] < 1
    assert 1000 * r["last"] > 1
    assert set(r["data"].labels.tolist()) == set(range(10))


def test_groups_are_separate_convolutions(results):
    r = results("two_gpus")
    assert r["difference"] < 1e-5
    assert r["saved"] == 1_413_120
    assert 0.30 < r["saved_work"] < 0.40
    diagonal = torch.block_diag(*[torch.ones(8, 8)] * 2).bool()
    assert r["reach"][1].all()
    assert torch.equal(r["reach"][2], diagonal)
    assert torch.equal(r["reach"][16], torch.eye(16).bool())


def test_momentum_is_a_low_pass_filter(results):
    r = results("momentum")
    powers = 0.9 ** torch.arange(200.0, dtype=torch.float64)
    torch.testing.assert_close(r["response"], powers)
    assert r["total"] == pytest.approx(10, abs=1e-6)
    assert r["steady"] == pytest.approx(10, abs=1e-6)
    assert r["alternating"] == pytest.approx(1 / 1.9)
    assert r["noise"] == pytest.approx(1 / math.sqrt(1 - 0.9**2))
    torch.manual_seed(0)
    random = torch.randn(4_000, dtype=torch.float64)
    assert (r["walk"](random.tolist()).std() / random.std()).item() == pytest.approx(
        r["noise"], rel=0.2
    )
    assert r["half_life"] == pytest.approx(6.5788, abs=1e-4)
    assert r["gain"][0] == pytest.approx(r["steady"])
    assert r["gain"][-1] == pytest.approx(r["alternating"])
    assert (r["gain"].diff() < 0).all()


def test_only_adam_makes_decay_depend_on_the_gradient(results):
    end = results("weight_decay")["end"]
    for name in ("SGD", "AdamW"):
        assert end[name] == pytest.approx([math.exp(-1)] * 2, abs=0.01)
    small, large = end["Adam"]
    assert -0.05 < small < 0.1
    assert 0.85 < large < 0.95
    # With momentum a tenfold decay, so exp(-10), give or take a step of the large ones.
    assert end["SGD, momentum"] == pytest.approx([0, 0], abs=0.01)


def test_overlap_makes_pooling_move_less(results):
    r = results("overlapping_pooling")
    change = r["overlapping"]
    assert all(values[0] == 0 for values in change.values())
    for window, values in r["side_by_side"].items():  # overlap is not what does it
        assert values == pytest.approx(change[window], abs=0.02)
    for shift in range(1, 5):
        by_window = [change[window][shift] for window in (2, 3, 4)]
        assert all(wider < narrower - 0.02 for narrower, wider in pairwise(by_window))


def test_most_of_colour_is_brightness(results):
    r = results("colour_axes")
    assert r["share"][0] > 0.8
    assert r["share"].sum().item() == pytest.approx(1)
    grey = r["directions"][:, 0] @ torch.full((3,), 3**-0.5)
    assert grey > 0.97  # the cosine of two directions
    before, after = (table.triu(1).abs().max() for table in r["correlation"].values())
    assert before > 0.8
    assert after < 0.01  # sums over eight million pixels, in single precision


# ---- counting, and logs --------------------------------------------------------------


def test_eight_accuracies_have_one_denominator(results):
    r = results("denominators")
    assert r["fits"] == [3925 * k for k in range(1, 6)]
    assert r["misfit"][9_999] > 100 * r["near"]
    others = torch.ones(20_000, dtype=torch.bool)
    others[torch.tensor(r["fits"]) - 1] = False
    assert r["misfit"][others].min() > 20 * r["near"]
    counts = {"alexnet": [3070, 3062], "vgg": [3379, 3365]}
    counts |= {"resnet": [3390, 3401], "vit": [2720, 2702]}
    assert r["right"] == counts
    assert {model: last for model, (_, last) in counts.items()} == ARTICLE
    assert r["z"] == pytest.approx(1.18, abs=0.005)


def test_a_counter_of_calls_loses_what_is_not_called(results):
    r = results("counting")
    whole = {"alexnet": 58_322_314, "vgg16": 134_301_514, "resnet34": 21_298_314}
    vits = dict.fromkeys(("vit_b_16", "vit_b_16, torchvision's"), 85_806_346)
    assert r["true"] == whole | vits
    assert r["counted"] == whole | {
        "vit_b_16": 85_806_346 - 768 - 151_296,
        "vit_b_16, torchvision's": 57_305_866,
    }
    lost = r["lost"]["vit_b_16, torchvision's"]
    assert sum(lost.values()) == 85_806_346 - 57_305_866
    assert lost["in_proj_weight"] == 12 * 3 * 768 * 768
    assert (r["once"], r["twice"]) == (64 * 65, 2 * 64 * 65)


def test_a_schedule_called_per_batch_ends_at_nothing(results):
    r = results("schedule_unit")
    assert set(r["by_epoch"]) == {1e-4}
    assert len(r["by_epoch"]) == len(r["by_batch"]) == 7_400
    stairs = [1e-4 * 0.1 ** (step // 1000) for step in range(7_400)]
    assert r["by_batch"] == pytest.approx(stairs, rel=1e-9)
    assert [f"{rate:.0e}" for rate, differs in r["noticed"].items() if not differs] == [
        "1e-10",
        "1e-11",
    ]
    assert r["planned"] == pytest.approx([1e-4, 1e-4, 1e-5, 1e-6, 1e-7])


def test_a_mean_of_batches_is_not_the_accuracy(results):
    r = results("average_of_averages")
    printed = {"pizza": 0.2604, "steak": 0.1979, "sushi": 0.5417}
    assert r["printed"] == pytest.approx(printed, abs=5e-5)
    assert r["true"] == pytest.approx(
        {name: count / 75 for name, count in r["counts"].items()}
    )
    for size, error, spread in zip(
        r["sizes"], r["sorted_error"], r["spread"], strict=True
    ):
        if 75 % size == 0:
            assert abs(error) < 1e-6
            assert spread < 1e-6
        else:
            assert spread > 1e-4
    assert (r["bias"].abs() < 4 * r["spread"] / 1000**0.5 + 1e-6).all()
    assert max(r["sorted_error"]) > 0.2
