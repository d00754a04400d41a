"""What the experiments on patches, attention and spatial transformers claim."""

from itertools import pairwise

import pytest


def test_a_patch_embedding_is_a_convolution(results) -> None:
    got = results("patch_embedding")
    assert got["by_conv"].shape == (10, 64, 192)
    assert got["difference"] < 1e-4
    assert got["difference_wrong"] > 1


def test_without_positions_patches_are_a_bag(results) -> None:
    change = results("bag_of_patches")["change"]
    assert change["none"] < 1e-5
    assert change["learned"] > 4e-3
    assert change["sincos"] > 0.03


def test_the_divisor_keeps_attention_wide(results) -> None:
    got = results("attention_scale")
    divided, plain = (got["looks_at"][k] for k in ("divided by √d", "not divided"))
    assert max(divided) - min(divided) < 20
    assert min(divided) > 100
    assert plain[0] > 40
    assert plain[-1] < 2
    assert all(later < earlier for earlier, later in pairwise(plain))
    divided, plain = (got["gradient"][k] for k in ("divided by √d", "not divided"))
    assert min(divided) > 0.95
    assert plain[-1] < 0.3


def test_positions_learn_the_plane(results) -> None:
    got = results("learned_positions")
    assert got["last_loss"] < 0.7 * got["first_loss"]
    near_to_far = got["by_distance"]
    assert near_to_far[0] == pytest.approx(1)
    # Beyond distance 6 few pairs are left and the curve flattens.
    assert all(later < earlier - 0.05 for earlier, later in pairwise(near_to_far[:7]))
    assert near_to_far[1] > 0.4
    assert max(near_to_far[6:]) < -0.25


def test_conventions_of_the_grid_must_agree(results) -> None:
    got = results("sampling_grid")
    for (made, used), error in got["error_of"].items():
        if made == used:
            assert error < 1e-4
        else:
            assert error > 0.1
    assert got["differentiable"]


def test_descent_turns_a_picture_upright(results) -> None:
    got = results("unrotate")
    losses, off = got["losses"], got["off"]
    assert off[40.0] < 0.02
    assert losses[40.0][-1] < 0.1 * losses[40.0][0]
    assert off[120.0] > 0.8
    assert losses[120.0][-1] > 0.3 * losses[120.0][0]


def test_a_spatial_transformer_tells_the_class_by_its_window(results) -> None:
    accuracy = results("spatial_transformer")["accuracy"]
    assert 0.55 < accuracy["linear"] < 0.8
    assert accuracy["look, then linear"] > accuracy["linear"] + 0.1
    assert accuracy["six numbers alone"] > accuracy["linear"] + 0.1


def test_linformer_pays_beyond_twice_what_it_keeps(results) -> None:
    got = results("linformer_cost")
    words, keep, width = got["words"], got["keep"], 128
    assert got["macs"]["all with all"] == [2 * n * n * width for n in words]
    assert got["macs"]["Linformer"] == [4 * n * keep * width for n in words]
    saved = dict(zip(words, got["saved"], strict=True))
    assert saved[2 * keep] == 1
    assert saved[50] == pytest.approx(50 / 128)
    assert saved[2048] == 16
    e = got["vit"].blocks[0].attention.e
    assert e.weight.shape == (keep, 8 * 8 + 1)  # patches and the class word


def test_a_doubled_exponent_spoils_the_distances(results) -> None:
    got = results("sinusoids")
    assert got["uneven"]["right"].abs().max() < 1e-9
    assert got["uneven"]["doubled"].abs().max() > 1
    assert got["varying"] == {"right": 638, "doubled": 319}
    right, doubled = (table[[1, -1], 766] for table in got["tables"].values())
    assert [f"{number:.4e}" for number in doubled] == ["1.0491e-08", "2.0458e-06"]
    assert right.tolist() == pytest.approx([1.0243e-4, 0.01997], rel=1e-3)


def test_only_batch_norm_in_training_minds_its_company(results) -> None:
    moved = results("company")["moved"]
    for name in ("LayerNorm", "BatchNorm, in use"):
        assert max(moved[name].values()) < 1e-5
    alike, mixed, strange = moved["BatchNorm, training"].values()
    assert 0.3 < alike < mixed < strange


def test_gelu_is_the_mean_of_a_coin_and_not_monotonic(results) -> None:
    got = results("gelu")
    # One throw deviates by |x| times the root of p (1 - p), at most 0.386.
    assert got["error"] < 4 * 0.386 / got["throws"] ** 0.5  # four standard errors
    assert got["place"] == pytest.approx(-0.7518, abs=1e-4)
    assert got["value"] == pytest.approx(-0.16997, abs=1e-5)
    assert got["slope"].min() == pytest.approx(-0.129, abs=1e-3)
    assert got["slope"].max() == pytest.approx(1.129, abs=1e-3)


def test_a_move_leaves_only_stride_one_as_it_was(results) -> None:
    got = results("one_pixel")
    for name, layer in got["layers"].items():
        for d, change in zip(got["moves"], got["change"][name], strict=True):
            if d % layer.stride[0] == 0:
                assert change < 1e-5
            else:
                assert change > 0.2


def test_only_a_shared_class_word_gives_copies_one_answer(results) -> None:
    got = results("class_word")
    assert got["torn"]["one, learned"] == 0
    assert got["torn"]["one per slot"] > 0.2
    assert got["torn"]["anew at each call"] > 0.2
    spread = {kind: p.std(dim=1).max() for kind, p in got["answers"].items()}
    assert spread["one, learned"] < 1e-5
    assert min(spread["one per slot"], spread["anew at each call"]) > 0.02
