"""
Introduction
============

Four networks, ten classes, one ruler: why this book looks back, and how it measures.

Attention, residual connections and normalisation look arbitrary when they are met
all at once. They were not found all at once. Each answered something that had not
worked the year before, and they are easiest to learn in that order.

This page trains nothing larger than a linear classifier; on two CPU cores it runs in
under a minute. You will see

* how four networks read one picture, and their story with its sizes and errors;
* how to read a training log until it says how many pictures were tested;
* the pictures this book learns from, and what a linear classifier makes of them.
"""

# %%
# Four ways to read a picture
# ---------------------------
#
# A convolution sees a few pixels; one after it sees a few of those, and so more of the
# picture. Each square below is what a unit in the middle can see, one convolution
# later. AlexNet and VGG reach the whole picture only with their linear layers, ResNet
# half way. In a Vision Transformer each of 14 x 14 patches compares itself with every
# other at once.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from vhist import plots
from vhist.sketchnette import CLASSES, sketchnette


def sides(model):
    """Side of what a unit can see, in pixels, after each convolution."""
    found, seen, step = [], 1, 1
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d) and "downsample" not in name:
            sizes = layer.kernel_size, layer.stride
            kernel, stride = (v if isinstance(v, int) else v[0] for v in sizes)
            seen, step = seen + (kernel - 1) * step, step * stride
            if isinstance(layer, nn.Conv2d):
                found.append(seen)
    return found


names = {
    "alexnet": "AlexNet, 2012",
    "vgg16": "VGG-16, 2014",
    "resnet34": "ResNet-34, 2015",
    "vit_b_16": "ViT-B/16, 2020",
}
with torch.device("meta"):  # no numbers, only shapes
    squares = {name: sides(vhist.create_model(name)) for name in names}
dog = sketchnette(2, image_size=224)[0][1].permute(1, 2, 0) / 255  # chw -> hwc
patches = torch.cartesian_prod(*2 * [torch.arange(8, 224, 16)]).tolist()

fig, axes = plt.subplots(2, 2, figsize=(4.6, 4.9), layout="constrained")
for ax, (name, title) in zip(axes.flat, names.items(), strict=True):
    ax.imshow(0.55 * dog + 0.45)  # paler, under the lines
    style = {"ec": plots.color_of(name), "fc": "none", "lw": 1.5}
    for side in squares[name]:
        ax.add_patch(plt.Rectangle(2 * [112 - side / 2], side, side, **style))
    ax.set(title=title, xlim=(0, 224), ylim=(224, 0))
    ax.set_axis_off()
for x, y in patches:
    ax.add_patch(plt.Rectangle((x - 8, y - 8), 16, 16, ec="white", fc="none", lw=0.5))
    ax.plot((104, x), (104, y), color=plots.COLORS["vit"], linewidth=0.7)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "What a unit in the middle can see after each convolution, in a picture of 224"
    " pixels. ResNet's later squares are larger than the picture. ViT's one convolution"
    " cuts the patches; the lines are its first attention.",
    "One drawing of a dog, four times. On the first, five nested squares in large"
    " steps; on the second thirteen in smaller steps; on the third squares up to the"
    " frame; on the fourth a grid of patches, with a line from the middle one to each.",
)
# sphinx_gallery_end_ignore
plt.show()
for name, found in squares.items():
    short = sum(side < 224 for side in found)
    print(f"{name:9} {short:2} of {len(found):2} convolutions see less than all of it")
assert sum(side < 224 for side in squares["resnet34"]) < 0.5 * len(squares["resnet34"])

# %%
# Larger steps, more steps, a way round each pair of steps, no steps at all: why in that
# order?
#
# Four steps
# ----------
#
# * **2012, AlexNet** :cite:p:`krizhevsky2012`. Until then the best entries of the
#   ImageNet competition described pictures by features that people had designed, and
#   learned only what came after. Missing: a net large enough to learn all of it, and a
#   way to train one before the money or the patience ran out.
# * **2014, VGG** :cite:p:`simonyan2014`. AlexNet combined many choices, most of them
#   worth a point or so. Missing: a rule. VGG has one: 3x3 convolutions, and more of
#   them.
# * **2015, ResNet** :cite:p:`he2015resnet`. More of them stopped helping: deeper
#   :term:`plain <plain network>` nets had a higher error even on their training
#   pictures. Missing: a way to let a layer do nothing.
# * **2020, ViT** :cite:p:`dosovitskiy2020`. All three look at small neighbourhoods
#   first. Text had moved to attention, where every word sees every other
#   :cite:p:`vaswani2017`. Missing: proof that large pictures can be read that way, as
#   small ones had been :cite:p:`cordonnier2020`.
#
# The story has a longer prologue. LeNet-5 read digits with learned convolutions in 1998
# :cite:p:`lecun1998`. What it lacked first was pictures, and ImageNet brought them
# eleven years later :cite:p:`deng2009,russakovsky2015`.
#
# Here is that story as a table. Errors are the papers' own, in percent of ImageNet's
# validation pictures. Sizes are not copied: vhist builds each network on PyTorch's
# ``meta`` device, where arrays have shapes but no contents, and counts.
# :term:`Multiply-adds <multiply-add>` are those for one picture of 224 pixels (AlexNet:
# 227).

from typing import NamedTuple


class Net(NamedTuple):
    year: int
    name: str
    top1: float  # error of a single net, in percent
    top5: float | None
    parameters: int
    macs: int
    source: str


def counted(build, image_size=224, **options):
    """Parameters and multiply-adds of a network with ImageNet's 1,000 classes."""
    with torch.device("meta"):
        table = vhist.summary(build(num_classes=1000, **options), image_size)
    return table.parameters, table.macs


m = vhist.models
huge = {"patch_size": 14, "width": 1280, "depth": 32, "heads": 16, "hidden": 5120}
vit_b, vit_h = counted(m.vit_b_16), counted(m.vit.VisionTransformer, **huge)
resnet34 = counted(m.resnet34, conv_bias=False)
resnet152 = counted(m.resnet152, version="v1")  # the paper's, not torchvision's
# fmt: off
nets = [
    Net(2012, "AlexNet", 40.7, 18.2, *counted(m.alexnet, 227, groups=2),
        "krizhevsky2012"),
    Net(2014, "VGG-16", 25.6, 8.1, *counted(m.vgg16), "simonyan2014"),
    Net(2015, "ResNet-34", 24.52, 7.46, *resnet34, "he2015resnet"),
    Net(2015, "ResNet-152", 21.43, 5.71, *resnet152, "he2015resnet"),
    Net(2020, "ViT-B/16", 100 - 77.91, None, *vit_b, "dosovitskiy2020"),
    Net(2020, "ViT-H/14 + JFT", 100 - 88.55, None, *vit_h, "dosovitskiy2020"),
    Net(2021, "DeiT-B", 100 - 81.8, None, *vit_b, "touvron2021"),
]
# fmt: on
print(f"year  net{'top-1':>17}{'top-5':>7}{'parameters':>13}{'mult.-adds':>12}  source")
for n in nets:
    top5 = "-" if n.top5 is None else f"{n.top5:.1f}"
    print(f"{n.year:<6}{n.name:14}{n.top1:6.1f}{top5:>7}{n.parameters:13,}", end="")
    print(f"{n.macs / 1e9:10.2f} G  {n.source}")
_, tested = counted(lambda **options: m.vit_b_16(image_size=384, **options), 384)
print(f"ViT-B/16 on 384 pixels: {tested / vit_b[1]:.1f} times the multiply-adds")
assert round(tested / vit_b[1]) == 3

# %%
# *Top-1 error* counts a picture as wrong when the first guess is wrong, :term:`top-5
# <top-5 error>` when none of five guesses is right. The competition used top-5; the
# paper on ViT no longer reports it. Competition entries, scored on test pictures, often
# averaged several nets, so they get their own marker below: AlexNet's 15.3 % is seven
# nets, against 26.2 % for the best entry with designed features
# :cite:p:`krizhevsky2012`; VGG's 7.3 % is seven nets as well, and lost to GoogLeNet's
# 6.7 % :cite:p:`simonyan2014,szegedy2014`; ResNet's 3.57 % is six nets
# :cite:p:`he2015resnet`. LeNet-5 has 60,000 parameters and 340,908 connections
# :cite:p:`lecun1998`, drawn as multiply-adds; its errors are on digits, so they are not
# shown.

contest = [(2012, 26.2), (2012, 15.3), (2014, 7.3), (2014, 6.7), (2015, 3.57)]
events = {1998: "LeNet-5", 2009: "ImageNet", 2017: "Transformer"}
lenet = (1998, 60_000, 340_908)
family = {"A": "alexnet", "V": "vgg", "R": "resnet", "D": "vit"}


def color(net):
    return plots.color_of("vit" if net.name[:3] == "ViT" else family[net.name[0]])


places = {"AlexNet": (0, -12), "VGG-16": (0, 11)}  # below, above; else to the right


def name(ax, text, x, y):
    move = places.get(text, (9, 0))
    side = {"ha": "left" if move[0] else "center", "va": "center"}
    ax.annotate(text, (x, y), xytext=move, textcoords="offset points", **side)


fig, (top, middle, bottom) = plt.subplots(
    3, 1, figsize=(7.2, 7.6), sharex=True, height_ratios=(3, 2, 3), layout="constrained"
)
for n in nets:
    top.plot(n.year, n.top1, "o", color=color(n), markersize=8)
    name(top, n.name, n.year, n.top1)
    if n.top5 is not None:
        top.plot(n.year, n.top5, "s", color=color(n), markersize=6)
    for ax, size in ((middle, n.parameters), (bottom, n.macs)):
        ax.plot(n.year, size, "o", color=color(n), markersize=8)
        if n.name != "ViT-B/16":  # DeiT-B is the same network a year later
            name(ax, n.name, n.year, size)
for ax, size in zip((middle, bottom), lenet[1:], strict=True):
    ax.plot(lenet[0], size, "o", color="#8c959f", markersize=8)
    name(ax, "LeNet-5", lenet[0], size)
    ax.set(yscale="log")
    ax.minorticks_off()
top.plot(*zip(*contest, strict=True), "D", mfc="none", mec="#8c959f", ls="none")
for year, event in events.items():
    top.axvline(year, 0.6, color="#8c959f", linestyle=":", linewidth=1)
    top.text(year + 0.15, 49, event, va="top")
for marker, label in (("o", "top-1, one net"), ("s", "top-5, one net")):
    top.plot([], [], marker, color="#8c959f", label=label)
top.plot([], [], "D", mfc="none", mec="#8c959f", label="top-5, competition entry")
top.legend(loc="lower left", bbox_to_anchor=(0.05, 0))
top.set(ylim=(0, 50), ylabel="error on ImageNet (%)")
middle.set(ylim=(2e4, 3e9), ylabel="parameters")
bottom.set(xlim=(1997, 2027.5), ylim=(1e5, 1e12), xlabel="year")
bottom.set_ylabel("multiply-adds per picture")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Fourteen years without a point, then four architectures in eight. The best error"
    " falls from step to step, a single network's need not; neither parameters nor work"
    " rise steadily. The dot left of DeiT-B is ViT-B/16.",
    "Three charts over the years 1998 to 2021. Top: error on ImageNet, falling from"
    " AlexNet in 2012 via VGG to ResNet; of two Vision Transformers of 2020 only the"
    " larger lies lower. Middle: number of"
    " parameters, and bottom: multiply-adds per picture, both on logarithmic axes;"
    " VGG-16 is above both ResNets in both, ViT-H/14 is by far the highest.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Two warnings come with the picture. The papers tested differently (ten crops, one
# scale, larger inputs for ViT), so differences of a point or two mean little. And
# ViT-B/16, which saw only ImageNet, is no better than ImageNet's deepest ResNet of five
# years earlier, though at the size it was tested at, 384 pixels, it does three times
# the work drawn here. The lowest circle had first seen JFT-300M, a private collection
# whose name gives its size in pictures. The last point, DeiT-B, is ViT-B/16 again,
# parameter for parameter, trained on ImageNet alone with smaller inputs and a better
# recipe :cite:p:`touvron2021`. Progress was never the architecture alone.

by_name = {n.name: n for n in nets}
assert by_name["VGG-16"].parameters > 2 * by_name["ResNet-152"].parameters
assert by_name["VGG-16"].macs > by_name["ResNet-152"].macs
assert by_name["ViT-B/16"].top1 > by_name["ResNet-152"].top1
growth = by_name["ViT-H/14 + JFT"].parameters / by_name["AlexNet"].parameters
print(f"ViT-H/14 has {growth:.1f} times the parameters of AlexNet")
gain = by_name["ViT-B/16"].top1 - by_name["DeiT-B"].top1
print(f"the same network, another recipe, smaller inputs: {gain:.1f} points")

# %%
# What were they trained on, and for how long? Papers say it in passing, or not at all.
# Device-days are days times devices. They measure neither patience nor work, since
# devices became much faster in between.

# fmt: off
training = [  # net, devices, how many, days each from and to, source
    ("LeNet-5", "processor, 200 MHz", 1, 2, 3, "lecun1998"),
    ("AlexNet", "GTX 580 with 3 GB", 2, 5, 6, "krizhevsky2012"),
    ("VGG-16", "Titan Black with 6 GB", 4, 14, 21, "simonyan2014"),
    ("ViT-H/14 + JFT", "TPU v3 core", 1, 2500, 2500, "dosovitskiy2020"),
    ("DeiT-B", "GPU of one machine", 8, 53 / 24, 53 / 24, "touvron2021"),
]
# fmt: on
for name, device, number, low, high, source in training:
    days = number * (low + high) / 2
    print(f"{name:16}{number} x {device:24}{days:8,.1f} device-days  {source}")

# %%
# ResNet's paper says how many steps it took but not how many days. For the largest ViT
# the paper gives only the product, core-days; nobody waited nearly seven years.
#
# The pictures: Imagenette
# ------------------------
#
# The article that this book grew out of, *vision-hist* :cite:p:`khazaei2024`, trains
# all four networks on Imagenette :cite:p:`howard2019imagenette`, ten classes of
# ImageNet that are easy to tell apart.
# Its logs print the accuracy twice per network: in the last epoch and once more at
# the end. Each time they say "on the 10000 test images".
#
# That sentence can be checked with nothing but the eight numbers. An accuracy is
# :math:`k/n`, a count over a count. So we try every :math:`n` up to 20,000 and ask
# how far the eight numbers are from the nearest fraction with that denominator. If
# the sentence is true, the distance is zero at 10,000.

printed = {
    "AlexNet": (78.216552734375, 78.01273345947266),
    "VGG": (86.08916473388672, 85.73248291015625),
    "ResNet": (86.36942291259766, 86.64967346191406),
    "ViT": (69.29936218261719, 68.84075927734375),
}
percent = torch.tensor([a for pair in printed.values() for a in pair]).double()
n = torch.arange(1, 20_001).double().view(-1, 1)
misfit = (100 * (percent * n / 100).round() / n - percent).abs().amax(dim=1)
fits = [i + 1 for i in range(len(misfit)) if misfit[i] < 1e-4]
print("denominators that fit all eight:", fits)
print(f"largest distance at 10,000: {misfit[9_999]:.4f} points")
assert fits == [3925, 7850, 11775, 15700, 19625]

# %%
# Only 3,925 fits, and its multiples, which give the same fractions. The number of
# tested pictures was 3,925, Imagenette's validation split; the "10000" was typed into
# the program and never computed. From here on an accuracy has a count behind it, and a
# count has an error bar: if a network is right on a picture with probability :math:`p`,
# the share of right answers scatters around :math:`p` with the binomial :term:`standard
# error` :math:`\sqrt{p(1-p)/n}`.

right = (percent * fits[0] / 100).round().long().view(4, 2)
p = right[:, 1] / fits[0]  # the closing test
error = (p * (1 - p) / fits[0]).sqrt()
for name, (first, last), e in zip(printed, right.tolist(), error, strict=True):
    share = last / fits[0]
    print(
        f"{name:8} {first} then {last} right, {last - first:+3}:"
        f"  {share:.2%} ± {100 * e:.2f}"
    )
z = (p[2] - p[1]) / (error[1] ** 2 + error[2] ** 2).sqrt()
print(f"ResNet against VGG: {100 * (p[2] - p[1]):.2f} points, z = {z:.2f}")
assert 1.1 < z < 1.3

# %%
# Two things were hidden in those lines. ResNet's lead over VGG is little more than its
# own standard error. This ratio is :math:`z`; by custom :math:`|z|` should exceed 2. So
# the article's winner may be lucky; a sharper, paired test needs answers that the log
# lacks. And each network's two counts differ although nothing was learned between them:
# the same weights gave two answers. More on that below.

fig, (left, side) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
left.plot(n, misfit, ".", markersize=1.5, color="#8c959f", rasterized=True)
left.plot(fits, misfit[[f - 1 for f in fits]], "o", color="C0", markersize=5)
left.set(yscale="log", xlabel="denominator n", ylabel="worst distance (points)")
left.set(xlim=(0, 20_500))
for y, (name, e) in enumerate(zip(printed, error, strict=True)):
    side.errorbar(
        *(100 * p[y], y), xerr=200 * e, fmt="o", color=plots.COLORS[name.lower()]
    )
side.set(yticks=range(4), yticklabels=printed, ylim=(3.6, -0.6))
side.set(xlabel="accuracy (%), ± 2 standard errors")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Left: of 20,000 denominators only the multiples of 3,925 (violet) explain the"
    " eight printed accuracies. Right: what the article measured, with error bars.",
    "Left: a cloud of points on a logarithmic axis, with five isolated points far"
    " below it at equal distances. Right: four accuracies with error bars; those of"
    " VGG and ResNet overlap, AlexNet is clearly lower and ViT lowest.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The intervals of VGG and ResNet overlap, the others stand apart. Eight numbers said
# more than their author knew.
#
# This book compares the four on the same two splits. Each run leaves a *record* that
# names its data, so the sizes below are read, not remembered.

run = vhist.runs.load("short-resnet_small-0")
per_class = torch.tensor(run.labels).bincount()
print(f"{run.data['train']:,} training and {run.data['val']:,} validation pictures")
for name, count in zip(run.data["classes"], per_class.tolist(), strict=True):
    print(f"{name:18} {count} validation pictures")
assert len(run.labels) == fits[0]

# %%
# .. admonition:: A common slip: a pre-trained network, tested on Imagenette
#
#    Imagenette cannot judge a network that was pre-trained on ImageNet. Of its 3,925
#    validation files, 3,791 come from ImageNet's *training* set, with their labels;
#    only 134, called ``ILSVRC2012_val_...``, are from ImageNet's own validation set. No
#    recorded run of this book starts from ImageNet's weights.
#
# The pictures: Sketchnette
# -------------------------
#
# A page that trains while the site is built must not wait for a download, so vhist
# has a second data set: the same ten classes, drawn by code. Every picture has its
# own pose, palette, line style, background, clutter, light and noise. Colours are
# chosen without looking at the class, so that colour alone does not give it away.
# The four pictures in each panel below are what the code draws for one class.

drawn, _ = sketchnette(40, image_size=112)  # picture i shows class i % 10
panels = drawn.view(2, 2, 10, 3, 112, 112).permute(2, 3, 0, 4, 1, 5)
fig = plots.images(panels.reshape(10, 3, 224, 224), CLASSES)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Sketchnette: Imagenette's ten classes, four drawings of each.",
    "Ten panels of four drawings each: fish, dogs, cassette players, chain saws,"
    " churches, French horns, garbage trucks, gas pumps, golf balls and parachutes, in"
    " changing colours, sizes and styles on patterned backgrounds.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Is that a fair exercise or a toy? The usual test is a *linear classifier*: per class,
# one weighted sum of pixel values. It can use colour and place, but no shape that
# moves. On a good exercise it should beat guessing, and still fail on most. We train
# one on all 4,000 pictures, scaled to 32 pixels.

from vhist.data import normalize, resize

data = vhist.load_dataset("sketchnette", image_size=64)
seen, new = (normalize(resize(s.images, 32)).flatten(1) for s in (data.train, data.val))

torch.manual_seed(0)
linear = nn.Linear(seen.shape[1], 10)
nn.init.zeros_(linear.weight)  # so that whatever we draw below was learned
optimizer = torch.optim.AdamW(linear.parameters(), lr=3e-4, weight_decay=0.05)
for _ in range(300):
    chosen = torch.randint(len(seen), (256,))
    loss = nn.functional.cross_entropy(linear(seen[chosen]), data.train.labels[chosen])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()

answers = linear(new).argmax(dim=1)
on_new = (answers == data.val.labels).double().mean().item()
on_seen = (linear(seen).argmax(dim=1) == data.train.labels).double().mean().item()
print(f"{on_seen:.1%} of the training pictures, {on_new:.1%} of new ones; chance 10 %")
assert 0.2 < on_new < min(0.5, on_seen - 0.05)

# %%
# Better than chance, far from solved, and already worse on new pictures than on those
# it has seen: the classifier has begun to learn them by heart. Its weights can be
# drawn, for there are as many per class as a picture has numbers.

templates = linear.weight.detach().view(10, 3, 32, 32)
templates = 127.5 * (1 + templates / templates.abs().amax(dim=(1, 2, 3), keepdim=True))
hits = torch.zeros(10).index_add(0, data.val.labels, (answers == data.val.labels) + 0.0)
shares = 100 * hits / data.val.labels.bincount()
titles = [f"{c}\n{s:.0f} %" for c, s in zip(CLASSES, shares, strict=True)]
fig = plots.images(templates, titles)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "What the linear classifier adds up for each class (grey: no weight), and how many"
    " of the new pictures of that class it gets right.",
    "Ten blurred coloured squares, one per class. The ghosts of a disc, a canopy with"
    " cords and a coil can be made out; most of the rest is speckle.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The golf ball's ghost is a disc in the middle, the parachute's a canopy. A template is
# one picture for a whole class, so it can only be a smear of all poses. What is missing
# is finding a part wherever it appears, and that is what a convolution does.
# Sketchnette replaces Imagenette in one respect only: it shows within seconds whether
# something learns. How well it learns is measured on photographs.
#
# How this book measures
# ----------------------
#
# Four rules, each with its reason.
#
# **Evaluation mode.** :term:`Dropout <dropout>` removes random units during training,
# and batch normalisation uses the neighbours in the :term:`batch`. In :term:`evaluation
# mode` every unit stays and averages from training are used. A test needs it, or the
# answer to a picture changes from one call or batch to the next. Very probably this
# made the article's counts differ: its public code never calls ``eval()``.

net = vhist.create_model("alexnet_small", num_classes=10)
x = normalize(data.val.images[:8])
for mode in (net.train, net.eval):
    mode()
    with torch.no_grad():
        same = torch.equal(net(x), net(x))
    print(f"{mode.__name__:6} mode: two calls agree exactly: {same}")
assert same

# %%
# **The last epoch.** The best :term:`epoch` of a run is chosen by looking at the
# validation pictures, so it flatters. Below, for the records of two :term:`plans
# <plan>`, the accuracy of the last epoch and what picking the best one would have
# added.

plans = [vhist.plan.load(name).records() for name in ("short", "long")]
runs = [run for plan in plans for seeds in plan.values() for run in seeds]
for r in runs:
    best = max(entry["val_accuracy"] for entry in r.log)
    gain = 100 * (best - r.accuracy)
    print(f"{r.name:38} last {r.accuracy:7.2%}   best epoch {gain:+.2f} points")

# %%
# **Records.** Each run leaves a :term:`record`. Whatever a page says about a long run
# is read from a file that came out of that run: how it was started, on what, for how
# long, and the answer to every single validation picture. From the answers the accuracy
# can be counted again.

recount = sum(a == b for a, b in zip(run.predictions, run.labels, strict=True))
print(f"command      {run.command}")
print(f"data         {run.data['name']}, fingerprint {run.data['fingerprint']}")
print(f"machine      {run.device}, {run.threads} thread(s)")
print(f"software     {run.versions}")
print(f"recipe       {run.recipe['epochs']} epochs, seed {run.recipe['seed']}, ...")
print(f"accuracy     {run.accuracy:.4f} ± {run.standard_error:.4f} by the log")
print(f"             {recount / len(run.labels):.4f} counted from the answers")
print(f"last epoch   {run.log[-1]}")
print(f"most wrong   {run.most_wrong[0]['file']}")

# %%
# The *fingerprint* is a checksum over all picture files: same digits, same data. The
# standard error covers the choice of pictures and nothing else.
#
# **Seeds.** A second run with another :term:`seed` gives another accuracy, and the
# error bar above does not contain that. So the seed is part of the record, and a
# ranking that rests on one seed says so. How many there are:

for name, plan in zip(("short", "long"), plans, strict=True):
    for label, seeds in plan.items():
        print(f"{name:6}{label:32} {len(seeds)} seed(s)")

# %%
# What it costs
# -------------
#
# Every chapter is a script that needs neither GPU nor internet. Most train a small
# network on Sketchnette while you wait, in about a minute on two CPU cores. The
# recorded runs took longer, on the machine named in the record:

for r in sorted(runs, key=lambda r: r.cpu_seconds):
    print(f"{r.name:38} {r.cpu_seconds / 60:6.1f} CPU-minutes  {r.device}")
print(f"all together {sum(r.cpu_seconds for r in runs) / 3600:.1f} CPU-hours")

# %%
# A laptop can repeat all of these. That is by design. The networks on these pages are
# small versions: the same kinds of layers, but fewer of them (AlexNet keeps all), fewer
# channels, and inputs of 64 pixels, in some long runs 96 to 160. The full ones are
# built, counted and compared with their papers. No page trains one; the chapters report
# runs that were recorded on a GPU.

print(f"{'small version':16}{'parameters':>12}{'multiply-adds':>16}")
for name in ("alexnet_small", "vgg_small", "resnet_small", "vit_small_8"):
    s = vhist.summary(vhist.create_model(name, num_classes=10), 64)
    print(f"{name:16}{s.parameters:12,}{s.macs:16,}")

# %%
# Experiments
# -----------
# Claims of this page in their smallest form, each a script to copy and change:
#
# .. minigallery::
#
#    ../examples/experiments/plot_counting.py
#    ../examples/experiments/plot_denominators.py
#
# What to remember
# ----------------
#
# * Each network answers a failure of the one before: learn the features, find a rule,
#   make depth trainable, drop the neighbourhood.
# * Data and training changed along with architecture. A timeline of errors mixes all
#   three.
# * An accuracy is a count over a count. Ask for both, and for the error bar.
# * A test uses evaluation mode, the last epoch, and more than one seed if a ranking
#   hangs on it.
#
# Exercises
# ---------
#
# 1. *How many test pictures would make ResNet's lead over VGG significant?*
#
#    .. dropdown:: Solution
#
#       The standard error falls as :math:`1/\sqrt n`, so :math:`z` grows as
#       :math:`\sqrt n`: multiply 3,925 by :math:`(2/z)^2`, which is nearly three times
#       the pictures.
#
# 2. *One log line reads "88.14229583740234 %" for the last training batch. What was
#    the size of that batch?*
#
#    .. dropdown:: Solution
#
#       Scan the denominators up to 256 as above. Only one fits: 253, with 223 right,
#       and 253 is what remains of 9,469 after 36 batches of 256.
#
# 3. *Train the linear classifier on 16 pixels instead of 32.* It has a quarter of the
#    weights. Which of its two accuracies will suffer?
#
#    .. dropdown:: Solution
#
#       That on the training pictures: it remembers less. On new pictures it does no
#       worse, for what it can use there is coarse colour and place.
#
# 4. *How much of the distance from AlexNet to ResNet-152 had VGG covered, and at what
#    price?* Compute both from the table ``nets``.
#
#    .. dropdown:: Solution
#
#       With the cells of this page::
#
#          a, v, r = (by_name[n] for n in ("AlexNet", "VGG-16", "ResNet-152"))
#          print((a.top1 - v.top1) / (a.top1 - r.top1))
#          print(v.macs / a.macs, r.macs / v.macs)
#
#       More than three quarters of the distance, for about twenty times the
#       multiply-adds. The last quarter came with *less* work per picture than VGG's.
#
# 5. *What if nobody calls* ``eval()`` *in the test, or if every picture is shown as it
#    is?* Two runs answer that, each with one thing changed: dropout left on in the
#    test, and no cropping and flipping. The z is that of a :term:`paired test`. Predict
#    for each whether the training loss, the accuracy or both will move, and in which
#    direction. Then unfold.

vhist.plan.load("ablations").compare(
    "alexnet", "alexnet_dropout_in_evaluation", "alexnet_no_augmentation"
)

# %%
# .. dropdown:: What came out
#
#    With dropout left on in the test, the training loss is the same in every epoch,
#    since nothing was changed in training. The accuracy is a little lower: the same
#    weights, asked in another mode, so another seed cannot explain it.
#
#    Without cropping and flipping both move. The loss falls, as it must: whole pictures
#    are easier. But the accuracy *rises*. In nine epochs there is no memorising for
#    augmentation to prevent, so it probably only slows the network down. One seed, and
#    no forecast for longer training.
#
# Further reading
# ---------------
#
# The competition and its data are described by :cite:t:`russakovsky2015`, whose section
# 5.1 tells what came before learned features and how it ended. The introduction of
# :cite:t:`krizhevsky2012` is still the most readable page of the field.
