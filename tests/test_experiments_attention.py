"""What the experiments on patches, attention and spatial transformers claim."""

from itertools import pairwise

import pytest
import torch


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
    assert off[180.0] > 0.8
    assert losses[180.0][-1] > 0.3 * losses[180.0][0]
    _, later, error = got["descend"](120.0, 400)
    assert error < 0.1
    assert later[-1] < 0.1 * later[0]


def test_a_caught_descent_is_caught_and_some_other_drawings_are_not_found(
    results,
) -> None:
    got = results("unrotate")
    descend = got["descend"]
    # Three times as many steps change nothing: the loss stays where it was.
    _, losses, off = descend(180.0, 363)
    assert off > 0.8
    assert losses[-1] > 0.95 * got["losses"][180.0][-1]
    found, shown = [], descend.__globals__["picture"]
    for picture in got["pictures"].split(1):
        descend.__globals__["picture"] = got["window"] * (picture / 255 - 0.5)
        found.append(descend(40.0)[2] < 0.1)
    descend.__globals__["picture"] = shown
    assert sum(found) == 5
    assert found[4]
    assert not found[7]


def test_a_spatial_transformer_tells_the_class_by_its_window(results) -> None:
    got = results("spatial_transformer")
    accuracy = got["accuracy"]
    assert 0.55 < accuracy["linear"] < 0.8
    assert accuracy["look, then linear"] > accuracy["linear"] + 0.1
    assert accuracy["six numbers alone"] > accuracy["linear"] + 0.1
    # Eight seeds had 45 to 97 %; of the answers of a mere look, hardly one would stay.
    stay = got["same"].float().mean().item()
    assert stay > 1 - accuracy["look, then linear"] + 0.15


def test_a_twin_has_the_other_shape_in_the_same_place(results) -> None:
    got = results("spatial_transformer")
    apart = (got["twins"] - got["new_x"])[:, 0]
    box, cross = got["shapes"]
    for gap, label in zip(apart[:20], got["new_y"], strict=False):
        exchanged = box - cross if label else cross - box
        places = gap.unfold(0, 7, 1).unfold(1, 7, 1)
        assert (places - exchanged).abs().amax(dim=(2, 3)).min() < 1e-5


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
    assert got["uneven"]["correct"].abs().max() < 1e-9
    assert 5 < got["uneven"]["doubled"].abs().max() < 7
    # "A little": beside how much the products fall with distance.
    fall = got["mean"][0] - got["mean"].min()  # of the doubled one, the last
    assert got["uneven"]["doubled"].abs().max() < 0.1 * fall
    assert got["varying"] == {"correct": 638, "doubled": 319}
    right, doubled = (table[[1, -1], 766] for table in got["tables"].values())
    assert [f"{number:.4e}" for number in doubled] == ["1.0491e-08", "2.0458e-06"]
    assert right.tolist() == pytest.approx([1.0243e-4, 0.01997], rel=1e-3)


def test_only_batch_norm_in_training_minds_its_company(results) -> None:
    moved = results("company")["moved"]
    for name in ("LayerNorm", "BatchNorm, in use"):
        assert max(map(max, moved[name].values())) < 1e-5
    in_training = moved["BatchNorm, training"].values()
    assert all(len(m) == 20 and min(m) > 0.1 for m in in_training)
    # How far, and by which company, is luck: each reaches into the others.
    assert max(map(min, in_training)) < min(map(max, in_training))
    ran = results("company")
    guests = torch.cat([c for name, c in ran["company"].items() if name != "negatives"])
    same = (guests[:, None] == ran["church"][None, :20]).flatten(2).all(dim=2)
    assert not same.any()


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
    torn = got["torn"]
    assert torn["one"] == 0
    assert min(torn["slots, random"], torn["drawn anew"]) > 0.2
    assert 0.05 < torn["slots, from zero"] < torn["slots, random"] - 0.1
    right = got["right"]
    assert right["one"] > (right["slots, random"] + right["drawn anew"]) / 2
    assert right["one"] > 0.45  # of three classes: it did learn
    spread = {kind: p.std(dim=1).max() for kind, p in got["answers"].items()}
    assert spread.pop("one") < 1e-5
    assert min(spread.values()) > 0.02
