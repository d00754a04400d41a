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
