"""Trained weights as a beginning, and what fine-tuning changes."""

from collections import OrderedDict
from dataclasses import replace
from functools import partial
from urllib.error import URLError

import pytest
import torch
import torchvision
from torch import nn

from vhist import Recipe, create_model, fit, list_models, load_dataset, pretrained
from vhist.estimate import steps_per_epoch
from vhist.models import LinformerAttention
from vhist.train import Batches, make_optimizer

SMALL = {"width": 32, "depth": 2, "heads": 2, "hidden": 64}


def small_vit(**options) -> nn.Module:
    return create_model("vit_small_8", **{**SMALL, **options})


@pytest.mark.parametrize("name", list_models())
def test_the_head_of_every_model_puts_out_its_classes(name):
    with torch.device("meta"):
        model = create_model(name, num_classes=7)
    assert pretrained.head(model)[1].out_features == 7


def test_a_model_without_a_linear_layer_has_no_head():
    with pytest.raises(ValueError, match="no linear layer to be its head"):
        pretrained.head(nn.Conv2d(3, 3, 1))


# ---- where weights come from ---------------------------------------------------------


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("key", [None, "state_dict", "model"])
def test_wrappers_of_weights_are_taken_away(tmp_path, prefix, key):
    model = small_vit()
    state = {prefix + name: value for name, value in model.state_dict().items()}
    torch.save(state if key is None else {key: state, "epoch": 3}, tmp_path / "x.pt")
    torch.manual_seed(1)
    ours = small_vit(weights=tmp_path / "x.pt")
    for name, value in model.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)


def test_names_of_weights_are_text(tmp_path):
    torch.save({0: torch.ones(2)}, tmp_path / "x.pt")
    with pytest.raises(ValueError, match="is no file of weights"):
        small_vit(weights=tmp_path / "x.pt")


def test_weights_are_a_path_or_a_mapping():
    with pytest.raises(TypeError, match="a state dict goes to load_weights"):
        create_model("vit_small_8", weights={})
    with pytest.raises(TypeError, match="a file is read by read_weights"):
        pretrained.load_weights(small_vit(), "x.pt")


def test_torchvision_weights_give_torchvision_answers(tmp_path):
    theirs = torchvision.models.resnet18(num_classes=1000).eval()
    torch.save(theirs.state_dict(), tmp_path / "resnet18.pth")
    options = {"weights": tmp_path / "resnet18.pth", "conv_bias": False}
    whole = create_model("resnet18", num_classes=1000, **options).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(whole(x), theirs(x))
    fewer = create_model("resnet18", num_classes=3, **options)
    assert not fewer.fc.weight.any()
    assert not fewer.fc.bias.any()
    assert torch.equal(fewer.conv1.weight, whole.conv1.weight)


def test_imagenet_asks_torchvision_for_its_first_weights(monkeypatch):
    theirs = torchvision.models.resnet18()

    def answer(weights, **_):
        assert weights is torchvision.models.ResNet18_Weights.IMAGENET1K_V1
        return theirs.state_dict()

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", answer)
    ours = create_model("resnet18", weights="imagenet", conv_bias=False)
    assert torch.equal(ours.conv1.weight, theirs.conv1.weight)
    assert not ours.fc.weight.any()


def renamed(state: dict, new: dict) -> dict:
    for before, after in new.items():
        state = {key.replace(before, after): v for key, v in state.items()}
    return state


@pytest.mark.parametrize("old", [False, True])
def test_weights_as_they_were_published(old, tmp_path):
    """ViT's file has older names, ResNet's no counts, VGG's another format."""
    vit = torchvision.models.VisionTransformer(32, 16, 2, 2, 32, 64, num_classes=10)
    published = renamed(
        vit.state_dict(), {"mlp.0.": "mlp.linear_1.", "mlp.3.": "mlp.linear_2."}
    )
    ours = small_vit(patch_size=16, image_size=32)
    pretrained.load_weights(ours, published)
    theirs = vit.encoder.layers.encoder_layer_1.mlp[3].weight
    assert torch.equal(ours.blocks[1].mlp.fc2.weight, theirs)

    resnet = torchvision.models.resnet18().state_dict()
    published = {k: v for k, v in resnet.items() if "num_batches" not in k}
    path = tmp_path / "resnet18.pth"
    torch.save(published, path, _use_new_zipfile_serialization=not old)
    ours = create_model("resnet18", weights=path, conv_bias=False)
    assert torch.equal(ours.conv1.weight, resnet["conv1.weight"])


@pytest.mark.parametrize("name", [n for n in list_models() if "small" in n])
def test_every_model_takes_its_own_weights(name):
    source, model = create_model(name), create_model(name)
    pretrained.load_weights(model, source.state_dict())
    for key, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[key], value)


class Hostile:
    def __reduce__(self):
        return (open, ("owned", "w"))


@pytest.mark.parametrize("zipped", [False, True])
def test_code_in_a_file_is_not_run(zipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Hostile()}, "x.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match="no file of weights"):
        pretrained.read_weights("x.pth", "resnet18")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    kept = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    kept.parent.mkdir(parents=True)
    kept.write_bytes((tmp_path / "x.pth").read_bytes())
    with pytest.raises(ValueError, match="delete it and try again"):
        pretrained.read_weights("imagenet", "resnet18")
    assert not (tmp_path / "owned").exists()


def spoilt(key: str, value: torch.Tensor) -> dict:
    return small_vit().state_dict() | {key: value}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            spoilt("norm.bias", torch.full((32,), torch.nan)),
            "norm.bias of the weights is no plain array",
        ),
        (
            spoilt("norm.bias", torch.zeros(32, dtype=torch.int8)),
            "finite numbers .torch.int8",
        ),
        (spoilt("norm.bias", torch.zeros(32, dtype=torch.cfloat)), "complex"),
        (spoilt("norm.bias", torch.zeros(32).to_sparse()), "no plain array"),
        (spoilt("norm.bias", torch.zeros(32, device="meta")), "no plain array"),
        (spoilt("positions", torch.zeros(65)), r"shape \(1, n, width\), got \(65,\)"),
    ],
)
def test_numbers_that_are_no_weights(state, message):
    with pytest.raises(ValueError, match=message) as caught:
        pretrained.load_weights(small_vit(), state)
    assert "\n" not in str(caught.value)


def test_half_precision_becomes_float32_even_for_a_finer_grid():
    state = {key: value.half() for key, value in small_vit().state_dict().items()}
    larger = small_vit(image_size=96)
    pretrained.load_weights(larger, state)
    assert {p.dtype for p in larger.parameters()} == {torch.float32}


def test_without_a_network_one_line_says_what_to_fetch(monkeypatch):
    def refuse(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", refuse)
    with pytest.raises(
        FileNotFoundError, match=r"fetch https://.*vit_b_16.*\.pth"
    ) as e:
        create_model("vit_b_16", weights="imagenet")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("name", "weights", "error", "message"),
    [
        ("alexnet", "imagenet", ValueError, "torchvision has no weights for alexnet"),
        ("vit_small_8", "imagenet", ValueError, "torchvision has no weights for vit_s"),
        ("vit_small_8", "nowhere.pt", FileNotFoundError, "no weights nowhere.pt"),
        ("vit_small_8", "text.pt", ValueError, "text.pt"),
        ("vit_small_8", "empty.pt", ValueError, "empty.pt is no file of weights"),
        ("vit_small_8", "other.pt", ValueError, "do not fit VisionTransformer"),
    ],
)
def test_weights_that_are_no_use(name, weights, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.pt").write_text("weights")
    torch.save({}, "empty.pt")
    torch.save(nn.Linear(2, 2).state_dict(), "other.pt")
    with pytest.raises(error, match=message) as caught:
        create_model(name, weights=weights)
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_change_nothing():
    model = small_vit()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(
        ValueError, match=r"patches\.weight, \(32, 3, 16, 16\) in the w"
    ):
        pretrained.load_weights(model, small_vit(patch_size=16).state_dict())
    assert all(torch.equal(value, before[k]) for k, value in model.state_dict().items())


def test_a_head_that_fits_stays_unless_a_new_one_is_asked_for():
    source, model = small_vit(), small_vit()
    nn.init.ones_(source.head.weight)
    pretrained.load_weights(model, source.state_dict())
    assert torch.equal(model.head.weight, source.head.weight)
    pretrained.load_weights(model, source.state_dict(), new_head=True)
    assert not model.head.weight.any()


# ---- positions -----------------------------------------------------------------------


@pytest.mark.parametrize("extra", [0, 1])
def test_positions_on_a_plane_stay_on_it(extra):
    """Bicubic interpolation repeats a linear course, the border aside."""

    def plane(grid):
        centre = (torch.arange(grid) + 0.5) / grid
        rows, columns = torch.meshgrid(centre, centre, indexing="ij")
        table = torch.stack([rows, columns], dim=-1).view(1, -1, 2)
        return torch.cat([torch.full((1, extra, 2), 9.0), table], dim=1)

    found = pretrained.interpolate_positions(plane(8), 16**2 + extra)
    assert torch.equal(found[:, :extra], torch.full((1, extra, 2), 9.0))
    grids = [t[:, extra:].view(16, 16, 2)[4:12, 4:12] for t in (found, plane(16))]
    torch.testing.assert_close(*grids, atol=1e-5, rtol=0)


def test_rows_do_not_become_columns():
    table = torch.arange(4.0).repeat_interleave(4).view(1, 16, 1)  # grows with the row
    wider = pretrained.interpolate_positions(table, 64).view(8, 8)
    assert (wider.diff(dim=0) > 0).all()
    assert wider.diff(dim=1).abs().max() < 1e-6


@pytest.mark.parametrize(("n", "tokens"), [(16, 17), (17, 16), (18, 25), (16, 20)])
def test_positions_that_are_no_grid(n, tokens):
    with pytest.raises(
        ValueError, match=f"cannot interpolate {n} positions to {tokens}"
    ):
        pretrained.interpolate_positions(torch.zeros(1, n, 4), tokens)


def test_a_transformer_takes_larger_pictures_with_interpolated_positions():
    source, larger = small_vit(), small_vit(image_size=96)
    pretrained.load_weights(larger, source.state_dict())
    assert larger.positions.shape == (1, 145, 32)
    assert torch.equal(larger.positions[:, 0], source.positions[:, 0])


# ---- what is trained how -------------------------------------------------------------


def test_a_model_without_a_head_has_one_rate():
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    groups = make_optimizer(model, Recipe()).param_groups
    assert [g["lr_scale"] for g in groups] == [1.0, 1.0]
    with pytest.raises(ValueError, match="no linear layer"):
        make_optimizer(model, Recipe(backbone_lr=0.1))


def test_each_group_has_its_rate():
    model = create_model("resnet_small", blocks=[1], widths=[8], stem_width=8)
    groups = make_optimizer(
        model, Recipe(backbone_lr=0.1, weight_decay=0.3)
    ).param_groups
    assert [(g["lr_scale"], g["weight_decay"]) for g in groups] == [
        *((1.0, 0.3), (1.0, 0.0), (0.1, 0.3), (0.1, 0.0))
    ]
    assert groups[0]["params"] == [model.fc.weight]
    count = sum(len(g["params"]) for g in groups)
    assert count == len(list(model.parameters()))


@pytest.fixture(scope="module")
def few():
    """Four pictures of each of two classes, all of their validation pictures."""
    data = load_dataset("sketchnette", image_size=32)
    return data.select(["church", "tench"], per_class=4)


@pytest.mark.parametrize("kind", ["resnet", "vit"])
@pytest.mark.parametrize(("rate", "moved"), [(0.0, False), (1e-3, True)])
def test_a_frozen_backbone_stays_bit_for_bit(kind, rate, moved, few):
    if kind == "vit":
        model = small_vit(image_size=32, num_classes=2, dropout=0.1)
    else:
        options = {"blocks": [1], "widths": [8], "stem_width": 8}
        model = create_model("resnet_small", num_classes=2, **options)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    recipe = Recipe(epochs=1, batch_size=4, image_size=32, backbone_lr=rate)
    fit(model, few, recipe, verbose=False)
    name, _ = pretrained.head(model)
    for key, value in model.state_dict().items():
        same = torch.equal(value, before[key])
        if key.startswith(f"{name}.") or "num_batches" in key:
            assert same == (not moved and "num_batches" in key)
        elif not moved:
            assert same, key
    running = [key for key in before if "running" in key or key == "positions"]
    assert running
    for key in running:
        assert torch.equal(model.state_dict()[key], before[key]) == (not moved)


def test_what_the_run_froze_learns_again_and_what_others_froze_does_not(few):
    options = {"blocks": [1], "widths": [8], "stem_width": 8}
    model = create_model("resnet_small", num_classes=2, **options)
    model.conv1.weight.requires_grad_(requires_grad=False)
    before = model.conv1.weight.clone()
    for rate in (0.0, 1.0):
        recipe = Recipe(epochs=1, batch_size=4, image_size=32, backbone_lr=rate)
        fit(model, few, recipe, verbose=False)
        free = [key for key, p in model.named_parameters() if not p.requires_grad]
        assert free == ["conv1.weight"]
        assert all(layer.training for layer in model.modules())
    assert torch.equal(model.conv1.weight, before)


def test_a_smaller_rate_moves_the_backbone_less(few):
    def moved(rate):
        torch.manual_seed(0)
        model = small_vit(image_size=32, num_classes=2)
        nn.init.normal_(model.head.weight)  # with zeros no gradient passes at first
        before = model.patches.weight.detach().clone()
        recipe = Recipe(epochs=1, batch_size=4, image_size=32, backbone_lr=rate)
        fit(model, few, recipe, verbose=False)
        return (model.patches.weight - before).norm().item()

    assert 0 < moved(0.01) < 0.1 * moved(1.0)


def test_an_epoch_shows_each_picture_so_often(few):
    recipe = Recipe(batch_size=8, repeats=5, image_size=32)
    batches = Batches(few.train, recipe)
    assert len(batches) == steps_per_epoch(recipe, 8) == 5
    assert batches.order(0).bincount().tolist() == [5] * 8
    assert not torch.equal(batches.order(0), batches.order(1))
    seen = torch.cat([labels for _, labels in batches.epoch(0)])
    assert seen.bincount().tolist() == [20, 20]
    with pytest.raises(ValueError, match="more than the 8 training pictures"):
        steps_per_epoch(replace(recipe, batch_size=9, repeats=1), 8)


# ---- some of the pictures ------------------------------------------------------------


def test_select_keeps_pictures_with_their_labels():
    data = load_dataset("sketchnette", image_size=32)
    some = data.select(["parachute", "tench"], per_class=5, seed=3)
    assert some.classes == ("parachute", "tench")
    assert some.train.labels.tolist() == [0] * 5 + [1] * 5
    for split, whole in ((some.train, data.train), (some.val, data.val)):
        for image, label, name in zip(
            split.images, split.labels, split.files, strict=True
        ):
            i = whole.files.index(name)
            assert torch.equal(image, whole.images[i])
            assert some.classes[label] == data.classes[whole.labels[i]]
    tench = int((data.val.labels == data.classes.index("tench")).sum())
    assert int((some.val.labels == 1).sum()) == tench


def test_fewer_pictures_are_a_part_of_more_and_follow_the_seed():
    data = load_dataset("sketchnette", image_size=32)
    names = [
        {*data.select(per_class=k, seed=seed).train.files}
        for k, seed in ((2, 0), (9, 0), (2, 1))
    ]
    assert names[0] < names[1]
    assert names[0] != names[2]
    assert data.select().train.files != ()
    assert data.select().classes == data.classes


@pytest.mark.parametrize(
    ("classes", "per_class", "message"),
    [
        (["tensch"], None, "sketchnette has no class 'tensch'; did you mean tench?"),
        (["tench", "tench"], None, "the class 'tench' is named twice"),
        ([], 0, "per_class must be a whole number, at least 1, got 0"),
        ([], 2.5, "per_class must be a whole number, at least 1, got 2.5"),
        ([], True, "per_class must be a whole number, at least 1, got True"),
        ([], 10**6, "training pictures of tench, per_class=1000000 asks for more"),
    ],
)
def test_a_selection_that_cannot_be(classes, per_class, message):
    data = load_dataset("sketchnette", image_size=32)
    with pytest.raises(ValueError, match=message):
        data.select(classes, per_class=per_class)


def test_imagenet_asks_torchvision_to_check_what_it_got(monkeypatch):
    theirs = torchvision.models.resnet18()

    def answer(weights, **options):
        assert options["check_hash"]
        assert options["weights_only"]
        return theirs.state_dict()

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", answer)
    create_model("resnet18", weights="imagenet", conv_bias=False)


def test_positions_are_interpolated_bicubically():
    table = torch.zeros(1, 49, 1)
    table[0, 24] = 1  # the middle of 7 x 7
    found = pretrained.interpolate_positions(table, 14**2)
    assert found.min() < -0.01  # a cubic kernel falls below 0, a linear one does not


def test_one_number_that_claims_to_be_many_is_no_weight():
    model = small_vit()
    state = model.state_dict()
    state["head.weight"] = torch.zeros(1).expand(state["head.weight"].shape)
    with pytest.raises(
        ValueError, match=r"head\.weight of the weights is no plain array"
    ):
        pretrained.load_weights(model, state)


def test_weights_are_found_under_the_names_that_people_give_them(tmp_path):
    state, path = create_model("stn").state_dict(), tmp_path / "mine.pt"
    for key in ("model", "model_state_dict", "state_dict"):
        torch.save({key: state, "epoch": 3}, path)
        assert [*pretrained.read_weights(path, "stn")] == [*state]
    torch.save({"net": state}, path)
    with pytest.raises(ValueError, match=r"no file of weights: it holds \['net'\]"):
        pretrained.read_weights(path, "stn")


def test_a_vit_with_attention_of_its_own_takes_its_own_weights():
    attention = partial(LinformerAttention, keep=8)
    model, other = (small_vit(attention=attention) for _ in range(2))
    pretrained.load_weights(other, model.state_dict())
    assert other.head.weight.equal(model.head.weight)


def test_a_layer_whose_name_begins_as_the_heads_does_is_not_the_head():
    layers = {"flat": nn.Flatten(), "fc0": nn.Linear(12, 8), "fc": nn.Linear(8, 3)}
    model = nn.Sequential(OrderedDict(layers))
    groups = make_optimizer(model, Recipe(backbone_lr=0.1)).param_groups
    scales = {id(p): g["lr_scale"] for g in groups for p in g["params"]}
    assert [scales[id(p)] for p in model.parameters()] == [0.1, 0.1, 1.0, 1.0]


def test_the_compilers_prefix_may_stand_before_that_of_several_processes(tmp_path):
    model = create_model("vit_small_8", depth=1)
    state = {f"_orig_mod.module.{k}": v for k, v in model.state_dict().items()}
    torch.save(state, tmp_path / "x.pt")
    ours = create_model("vit_small_8", depth=1, weights=tmp_path / "x.pt")
    assert torch.equal(ours.blocks[0].mlp.fc1.weight, model.blocks[0].mlp.fc1.weight)


def test_two_tokens_beside_the_grid_are_refused():
    with pytest.raises(ValueError, match="cannot interpolate 6 positions to 11"):
        pretrained.interpolate_positions(torch.zeros(1, 6, 4), 11)


def test_only_the_head_is_replaced_not_what_is_called_alike():
    def network(classes: int) -> nn.Module:
        layers = {"fc0": nn.Linear(12, 8), "fc": nn.Linear(8, classes)}
        return nn.Sequential(OrderedDict(layers))

    model, trained = network(3), network(5)
    pretrained.load_weights(model, trained.state_dict())
    assert torch.equal(model.fc0.weight, trained.fc0.weight)
    assert not model.fc.weight.any()


@pytest.mark.parametrize("model", ["vgg16", "resnet34", "resnet50", "vit_b_16"])
def test_the_first_weights_are_taken_though_there_are_later_ones(model):
    assert pretrained._published(model).name == "IMAGENET1K_V1"
