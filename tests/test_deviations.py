"""What the chapters' tables of differences type is what vhist and torchvision do.

Cells that a page computes hold themselves. A row with a typed one is held here, or says
what a script of torchvision's does that is not installed, and that the page links.
"""

import ast
import re
from functools import cache
from inspect import signature
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim import Adam, AdamW
from torchvision import models
from torchvision.models.resnet import BasicBlock
from torchvision.transforms import RandomResizedCrop

import vhist
from vhist import Recipe, create_model, plan, train
from vhist.cli import commands
from vhist.cli.parsing import parse_train
from vhist.data import Split, normalize, resize
from vhist.recipe import recipe_for

CHAPTERS = Path(__file__).parent.parent / "examples" / "chapters"
SCRIPTS = "https://github.com/pytorch/vision/tree/main/references/classification"
COURSE = """pictures; learning rate;   its course;   warm-up; batch; weight decay;
label smoothing; epochs; """
LINKED = dict.fromkeys(("alexnet", "linformer", "finetuning"), "")  # rows that type
LINKED["spatial_transformer"] = ""  # torchvision has none
LINKED["vgg"] = COURSE + "optimizer; clipping at norm"  # only what those scripts do
LINKED["resnet"] = COURSE + "optimizer"
LINKED["vit"] = """optimizer; rate, falling; warm-up; weight decay; clipping at;
batch, epochs; smoothing"""
NETS = ("alexnet", "vgg16", "resnet34", "vit_b_16")
EARLY = ["Dropout", "Linear", "ReLU", "Dropout", "Linear", "ReLU", "Linear"]
LATE = ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
MIXED = (..., "Mixup, CutMix, area from 0.08")
UNITS = r"\b(px|epochs?|area|from|of)\b|[{}, ]"


def source(chapter: str) -> str:
    (path,) = CHAPTERS.glob(f"plot_*_{chapter}.py")
    return path.read_text(encoding="utf-8")


def cells(node: ast.expr) -> list:
    """Return what is typed of a cell, or of several; ... is computed."""
    if isinstance(node, ast.Starred):
        named = any(isinstance(part, ast.Name) for part in ast.walk(node))
        return [...] * 3 if named else eval(ast.unparse(node.value))
    if isinstance(node, ast.JoinedStr):
        words = [cells(part)[0] for part in node.values]
        text = "".join("{}" if word is ... else word for word in words)
        return [text if re.sub(UNITS, "", text) else ...]
    return [node.value if isinstance(node, ast.Constant) else ...]


@cache
def table(chapter: str) -> dict[str, list]:
    """Return the cells right of the first column's, by the label of their row."""
    found: dict[str, list] = {}
    for node in ast.walk(ast.parse(source(chapter))):
        rows = node.elts if isinstance(node, ast.List) else []
        if rows and re.match(r"\('', '(paper|the article)'", ast.unparse(rows[0])):
            for row in rows[1:]:
                label, _, *rest = [cell for part in row.elts for cell in cells(part)]
                label = label or list(found)[-1]  # a row goes on
                found[label] = found.get(label, []) + rest
    return found


def says(chapter: str, label: str, *expected: object) -> None:
    """Assert that a row still makes the claim that is tested."""
    assert table(chapter)[label] == list(expected)


def writes(chapter: str, words: str) -> None:
    """Assert that the chapter still has these words, wherever its lines break."""
    assert words in " ".join(re.sub(r"\n *#", " ", source(chapter)).split())


def meta(build, *args, **kwargs) -> nn.Module:
    with torch.device("meta"):
        return build(*args, **kwargs)


def kinds(layers: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in layers.children()]


def parts(model: nn.Module, kind=nn.Linear) -> list:
    return [layer for layer in model.modules() if isinstance(layer, kind)]


def normal(x: Tensor, std: float) -> bool:
    x = x.detach().flatten()[:50_000]
    wide = x.abs().max() > 2.2 * std  # wider than any uniform of that deviation
    return bool(wide) and x.std().item() == pytest.approx(std, rel=0.05)


def uniform(x: Tensor, bound: float) -> bool:
    x = x.detach().flatten()[:50_000]
    inside = 0.95 * bound < x.abs().max() < 1.0001 * bound
    return bool(inside) and x.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)


def xavier(x: Tensor) -> bool:
    return uniform(x, (6 / (x[0].numel() + x[:, 0].numel())) ** 0.5)


def zero(layer: nn.Module) -> bool:
    return not any(p.any() for p in layer.parameters())


def planned(name: str, label: str) -> dict:
    """Return what ``vhist train`` makes of a planned run: model, options, recipe."""
    words = next(run.words for run in plan.load(name).runs if run.label == label)
    return parse_train(commands.train, "vhist train", list(words)).keywords


@pytest.mark.parametrize("chapter", LINKED)
def test_each_typed_row_is_held_here_or_by_a_script_that_is_linked(chapter):
    here, rows = Path(__file__).read_text(encoding="utf-8"), table(chapter)
    held = {row for row in rows if f'says("{chapter}", "{row}"' in here}
    typed = {row for row, found in rows.items() if {*found} != {...}}
    linked = set(re.split(r";[ \n]", LINKED[chapter])) - {""}
    assert not held & linked
    assert typed == held | linked
    assert SCRIPTS in source(chapter) or chapter in ("linformer", "spatial_transformer")


@pytest.fixture
def framed(tmp_path) -> vhist.data.Dataset:
    """Wide red pictures, a green square in the middle, a blue one in that."""
    picture = Image.new("RGB", (96, 48), "red")
    picture.paste("lime", (24, 0, 72, 48))
    picture.paste("blue", (34, 10, 62, 38))
    for place in ("train/a", "train/b", "val/a", "val/b"):
        (tmp_path / "data" / place).mkdir(parents=True)
        picture.save(tmp_path / "data" / place / "0.png")
    return vhist.load_dataset("folder", root=tmp_path / "data", image_size=32)


def test_here_a_test_is_one_view_of_the_middle_square(framed):
    writes("alexnet", '"ten crops", "all, squashed", "middle square", "centre crop"]')
    says("vgg", "test", "one view", "one crop")
    says("resnet", "test", "one view", "one crop")
    says("vit", "test", "middle square", ...)
    says("linformer", "test", "middle", "middle")
    model, seen = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16**2, 2)), []
    model.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    vhist.evaluate(model, framed.val, image_size=16)
    (x,) = seen
    assert torch.equal(x, normalize(resize(framed.val.images, 16)))
    red, green, blue = x[0] > 0
    assert not red.any()
    assert green[[0, -1]].all()
    assert green[:, [0, -1]].all()
    assert blue[8, 8]


@pytest.mark.parametrize("net", NETS)
def test_torchvisions_test_is_one_centre_crop_of_224(net):
    says("vgg", "input", ..., "224 px")
    says("resnet", "input", ..., "224 px")
    weights = models.get_model_weights(net)["IMAGENET1K_V1"]
    x = torch.randint(0, 256, (3, 256, 320)).byte()
    middle = normalize(x[None, :, 16:-16, 48:-48])[0]
    torch.testing.assert_close(weights.transforms()(x), middle, atol=1e-4, rtol=0)
    assert weights.meta["recipe"].startswith(SCRIPTS)


@pytest.mark.parametrize("net", NETS)
def test_the_articles_recipe_is_pytorchs_defaults_at_one_rate(net):
    writes("alexnet", '"article": vhist.recipe.recipe_for("alexnet", "article")')
    writes("alexnet", '{"augment": "resized_crop", "crop_area": (0.08, 1.0)}')
    says("vgg", "augmentation", "{}, flip", "resized crop, flip")
    says("resnet", "augmentation", "{}, flip", "resized crop, flip")
    says("vgg", "  of scale", ..., "area 0.08 to 1")
    says("resnet", "  of scale", ..., "area 0.08 to 1")
    area = signature(RandomResizedCrop).parameters["scale"].default
    assert area == (0.08, 1.0)
    decay = signature(AdamW).parameters["weight_decay"].default
    ours = recipe_for(net, "article")
    assert (ours.optimizer, ours.weight_decay, ours.batch_size) == ("adamw", decay, 256)
    assert (ours.augment, ours.crop_area) == ("resized_crop", area)
    assert (ours.label_smoothing, ours.clip_norm, ours.ema) == (0, None, 0)
    assert ours.epochs == (400 if net == "alexnet" else 200)
    assert {ours.lr_at(epoch) for epoch in range(ours.epochs)} == {1e-4}


def test_no_record_is_of_imagenet_or_begins_with_its_weights():
    says("vgg", "top-1 error, ImageNet", "not trained on it", "{} %")
    says("resnet", "top-1, ResNet-34", "not on ImageNet", "{} %")
    records = [vhist.runs.Run.read(p) for p in vhist.runs.RECORDS.glob("*.json")]
    assert max(len(run.data["classes"]) for run in records) == 10
    assert not [run.name for run in records if run.weights.startswith("imagenet")]


def test_alexnets_layers():
    says("alexnet", "pooling", *["3 pixels, every 2"] * 2)
    says("alexnet", "normalisation", "alpha 1e-4 / 5", "none")
    says("alexnet", "dropout", "before them", "before them")
    ours, theirs = meta(create_model, "alexnet_small"), meta(models.alexnet)
    for model in (ours, theirs):
        pools = parts(model, nn.MaxPool2d)
        assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2)] * 3
        assert kinds(model.classifier) == EARLY
    norms, x = parts(ours, nn.LocalResponseNorm), 300 * torch.rand(1, 5, 1, 1)
    expected = x[0, 2] / (2 + 1e-4 / 5 * x.square().sum()) ** 0.75
    for norm in norms:
        torch.testing.assert_close(norm(x)[0, 2], expected)
    assert (len(norms), len(parts(theirs, nn.LocalResponseNorm))) == (2, 0)


def test_alexnets_first_weights():
    says("alexnet", "first weights", "the same", "PyTorch's")
    says("alexnet", "first biases", "the same", "PyTorch's")
    ones = []
    for name, layer in create_model("alexnet_small").named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert normal(layer.weight, 0.01)
            assert layer.bias.unique().tolist() in ([0], [1])
            ones += [name.split(".")[1]] if layer.bias.any() else []
    assert ones == ["conv2", "conv4", "conv5", "fc6", "fc7"]
    for layer in parts(models.alexnet(num_classes=10), nn.Conv2d | nn.Linear):
        assert uniform(layer.weight, bound := layer.weight[0].numel() ** -0.5)
        assert 0 < layer.bias.abs().max() <= bound


def test_alexnets_biases_do_not_decay_and_adamw_has_the_papers_momentum():
    writes("alexnet", "(AdamW's :math:`\\beta_1` is 0.9, too; biases never decay here)")
    model = meta(create_model, "alexnet_small")
    optimizer = train.make_optimizer(model, Recipe(weight_decay=0.3))
    decay = {p: g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    for name, p in model.named_parameters():
        assert decay[p] == (0 if name.endswith("bias") else 0.3)
    assert optimizer.defaults["betas"][0] == 0.9


def test_vggs_dropout_and_first_weights():
    says("vgg", "dropout", "before hidden", "after hidden")
    says("vgg", "first weights", "Glorot", "He; FC N(0, 0.01²)")
    writes("vgg", "side**2, hidden), nn.ReLU(), nn.Dropout(dropout)), *(nn.Linear(hid")
    writes("vgg", "(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)), nn.Lin")
    ours, theirs = create_model("vgg_small"), models.vgg11(num_classes=10)
    assert (kinds(ours.classifier), kinds(theirs.classifier)) == (EARLY, LATE)
    assert all(xavier(layer.weight) for layer in parts(ours, nn.Conv2d | nn.Linear))
    for conv in parts(theirs, nn.Conv2d):
        assert normal(conv.weight, (2 / (9 * conv.out_channels)) ** 0.5)
    assert all(normal(layer.weight, 0.01) for layer in parts(theirs))


def test_resnets_shortcuts_and_strides():
    says("resnet", "new shape", "B: projection", "B: projection")
    says("resnet", "stride in bottleneck", "3x3, or version=v1", "3x3")
    ours, v1 = (meta(create_model, "resnet50", version=v) for v in ("v1.5", "v1"))
    stages = [ours.stages.layer2, meta(models.resnet50).layer2, v1.stages.layer2]
    for first, second, *_ in stages:
        assert kinds(first.downsample) == ["Conv2d", "BatchNorm2d"]
        assert first.downsample[0].kernel_size == (1, 1)
        assert not second.downsample
    strides = [(s[0].conv1.stride[0], s[0].conv2.stride[0]) for s in stages]
    assert strides == [(1, 2), (1, 2), (2, 1)]


def test_resnets_biases_and_first_weights():
    says("resnet", "bias of convolutions", "only resnet34()", "no")
    says("resnet", "He's variance over", "fan-in", "fan-out")
    says("resnet", "first scale of branch", "1; resnet_small: 0", "1")
    names = [name for name in vhist.list_models() if name.startswith("resnet")]
    nets = {name: meta(create_model, name) for name in names}
    nets |= {n.title(): meta(getattr(models, n)) for n in names if "small" not in n}
    biased = [name for name, net in nets.items() if net.conv1.bias is not None]
    assert biased == ["resnet34"]
    ours = create_model("resnet18", blocks=(1, 1, 1, 1))
    theirs = models.ResNet(BasicBlock, [1, 1, 1, 1])
    for net, fan in ((ours, "in_channels"), (theirs, "out_channels")):
        for conv in parts(net, nn.Conv2d):
            count = conv.kernel_size[0] ** 2 * getattr(conv, fan)
            assert normal(conv.weight, (2 / count) ** 0.5)
        assert all(norm.weight.eq(1).all() for norm in parts(net, nn.BatchNorm2d))
    blocks = parts(create_model("resnet_small"), vhist.models.BasicBlock)
    assert not any(block.bn2.weight.any() for block in blocks)


def test_resnets_momentum_looks_ahead():
    says("resnet", "momentum", "{}, Nesterov", "0.9")
    run = plan.load("short").records()["resnet_small"][0]
    model = meta(create_model, "resnet_small")
    sgd = train.make_optimizer(model, Recipe(**run.recipe)).defaults
    assert (sgd["momentum"], sgd["nesterov"]) == (0.9, True)


def test_the_spatial_transformers_scenes_and_its_photos():
    says("spatial_transformer", "pictures", "drawings, {} px", "photos, {} px")
    says("spatial_transformer", "optimizer", "Adam", ...)
    says("spatial_transformer", "rate", "{}, flat", ...)
    writes("spatial_transformer", 'data = vhist.load_dataset("sketchnette", ')
    writes("spatial_transformer", "= torch.optim.Adam(net.parameters(), lr=RATE) for")
    records = plan.load("interludes").records()["stn_article"]
    assert {(r.data["name"], r.data["train"]) for r in records} == {("cifar10", 50_000)}
    ours = recipe_for("stn", "article")
    assert planned("interludes", "stn_article")["recipe"] == ours
    assert ours.repeats == 1  # an epoch has as many steps as whole batches
    writes("spatial_transformer", "course.epochs * (50_000 // course.batch_size)")


def test_spatial_transformers_are_affine_and_begin_at_the_identity():
    says("spatial_transformer", "kinds of map", "affine", "affine")
    says("spatial_transformer", "start", "identity", "identity")
    writes("spatial_transformer", "zeros_(self[-1].weight) self[-1].bias.data =")
    writes("spatial_transformer", "return self.localisation(x).view(-1, 2, 3)")
    look = create_model("stn").transformer
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(look.theta(x), torch.eye(2, 3).expand(2, 2, 3))
    torch.testing.assert_close(look(x), x, atol=1e-5, rtol=0)


def test_the_spatial_transformers_recipes():  # the rest of its table is computed
    modern = (
        "and with a modern one: no dropout, flips and mild crops, a rate that falls"
    )
    writes("spatial_transformer", f"The same network with the same recipe, {modern}.")
    for label, p in (("stn_article", 0.5), ("stn_modern", 0)):
        given = planned("interludes", label)
        ours, built = given["recipe"], given["options"].built()
        drops = parts(meta(create_model, "stn", **built), nn.Dropout | nn.Dropout2d)
        assert {drop.p for drop in drops} == {p}
        if p:  # test_stn.py has the other numbers, and that a rate falls
            assert (ours.nesterov, ours.weight_decay, ours.label_smoothing) == (0, 0, 0)
        else:
            assert (ours.augment, ours.crop_area) == ("resized_crop", (0.6, 1.0))
        without = planned("interludes", f"{label}_without")
        assert without["recipe"] == ours
        assert without["options"].built() == {**built, "transform": False}


def test_vits_head_and_first_weights():
    says("vit", "head", "linear", "linear")
    says("vit", "first weights", "Xavier, head 0", "mixed, head 0")
    writes(
        "vit", "are one matrix, whose Xavier bound is :math:`\\sqrt 2` times smaller"
    )
    writes("vit", "leaves attention's last matrix to PyTorch, as this page's class")
    ours = create_model("vit_small_8")
    theirs = models.VisionTransformer(32, 16, 2, 4, 128, 512)
    assert (type(ours.head), kinds(theirs.heads)) == (nn.Linear, ["Linear"])
    assert zero(ours.head)
    assert zero(theirs.heads)
    assert all(xavier(layer.weight) for layer in parts(ours.blocks))
    alone, joined = (6 / (192 + 192)) ** 0.5, ours.blocks[0].attention.qkv.weight
    assert uniform(joined, alone / 2**0.5)
    block = theirs.encoder.layers[0]
    attention = block.self_attention
    drawn = [attention.in_proj_weight, *(layer.weight for layer in parts(block.mlp))]
    assert all(map(xavier, drawn))
    assert uniform(attention.out_proj.weight, 128**-0.5)  # PyTorch's
    assert "nn.init." not in source("vit")


def test_vits_training():
    says("vit", "augmentation", "{}, flip", "the same, RandAugment,", *MIXED)
    says("vit", "betas", "0.9, 0.999", "0.9, 0.999")
    says("vit", "weights used", "the last", "their average")
    here = Recipe(**plan.load("short").records()["vit_small_8"][0].recipe)
    optimizer = train.make_optimizer(meta(create_model, "vit_small_8"), here)
    assert optimizer.defaults["betas"] == (0.9, 0.999)
    for kind in (Adam, AdamW):
        assert signature(kind).parameters["betas"].default == (0.9, 0.999)
    assert here.ema == 0
    ramp = torch.arange(80).mul(3).byte().expand(64, 3, 80, 80)
    batches = train.Batches(Split(ramp, torch.zeros(64).long()), here)
    x = batches.augment(ramp, 64, torch.rand(64, 6))
    assert 16 < (x[:, 0, 0, 0] > x[:, 0, 0, -1]).sum() < 48  # mirrored


def test_linformers_recipes_and_first_weights(framed):
    says("linformer", "pictures", "normalised", "normalised")
    says("linformer", "first weights", "ViT's, head 0", "ViT's, head 0")
    says("linformer", "positions", "N(0, 0.02²)", "N(0, 0.02²)")
    pair = [planned("interludes", f"linformer_{k}") for k in ("article", "modern")]
    assert [run["recipe"].schedule for run in pair] == ["constant", "cosine"]
    assert [run["recipe"].weight_decay for run in pair] == [0, 0.05]
    for run in pair:
        model = create_model(run["model"], num_classes=2, **run["options"].built())
        assert zero(model.head)
        assert all(xavier(layer.weight) for layer in parts(model.blocks))
        assert normal(model.positions, 0.02)
    plain = Recipe(batch_size=2, image_size=32, augment="none")
    ((x, _),) = train.Batches(framed.train, plain).epoch(0)
    assert torch.equal(x, normalize(framed.train.images))  # two equal pictures


def test_fine_tunings_plan():
    says("finetuning", "weights from", "five other classes")
    says("finetuning", "body's rate", "0, {} or 1 of the head's")
    says("finetuning", "pixels", "{}, as before")
    before, ours = planned("finetuning", "vit_pretrained"), recipe_for("vit_small_8")
    ways = [planned("finetuning", f"vit_{w}_200") for w in ("frozen", "slow", "free")]
    assert [run["recipe"].backbone_lr for run in ways] == [0, 0.1, 1]
    for run in ways:
        assert run["options"].weights == "finetuning-vit_pretrained-0"
        assert len({*before["options"].classes, *run["options"].classes}) == 10
        assert len(run["options"].classes) == 5
        for name in ("optimizer", "lr", "schedule", "weight_decay", "clip_norm"):
            assert getattr(run["recipe"], name) == getattr(ours, name)
        assert run["recipe"].image_size == before["recipe"].image_size


def test_a_new_head_of_the_old_shape_begins_at_zero(framed, tmp_path, monkeypatch):
    says("finetuning", "head", "linear, zero")

    def fit(network, *_, **__):
        assert zero(network.head)
        assert network.token.eq(1).all()
        raise KeyError("instead of training")

    old = create_model("vit_small_8", num_classes=2)
    for p in old.parameters():
        nn.init.ones_(p)
    torch.save(old.state_dict(), tmp_path / "old.pt")
    monkeypatch.setattr(train, "fit", fit)
    words = ["vit_small_8", "--data", "folder", "--root", f"{tmp_path}/data"]
    words += ["--batch-size", "2", "--weights", f"{tmp_path}/old.pt"]
    words += ["--out", f"{tmp_path}/runs"]
    with pytest.raises(KeyError, match="instead of training"):
        parse_train(commands.train, "vhist train", words)()
