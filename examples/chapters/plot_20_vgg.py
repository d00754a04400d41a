"""
VGG, 2014: depth as a plan
==========================

Two people fixed every choice in a network but one, its depth, and counted what
depth was worth.

After AlexNet everybody knew that deep networks win, and nobody knew which of their
many choices had done it. What was missing was a rule for building a deeper one.
On two CPU cores this page runs in under a minute; the first run also draws its
pictures.

You will see

* how two small filters look as far as one large one, for less;
* why nineteen layers could not simply be switched on;
* three small networks vote and beat the best of them.
"""
# %%
# The year's problem
# ------------------
#
# AlexNet :cite:p:`krizhevsky2012` was a bag of decisions: filters of 11, 5 and 3
# pixels, two sizes of stride, a normalisation across channels, two half-networks on
# two graphics cards. It won by a wide margin, and the next two years went into turning
# its knobs: a smaller first filter here :cite:p:`zeiler2014`, denser windows there.
# Often several were turned at once, and when the error fell, one could not say which
# of them had done it.
#
# Karen Simonyan and Andrew Zisserman, in Oxford's Visual Geometry Group,
# asked a narrower question :cite:p:`simonyan2014`. Fix everything: filters have 3x3
# pixels, every pooling halves the picture, every network ends in the same three fully
# connected layers. Then change one thing, the number of convolutions, from 8 to 16.
# They also tried AlexNet's normalisation once, saw the error on the first guess go
# from 29.6 to 29.7 %, and dropped it.
#
# At the ILSVRC-2014 competition :cite:p:`russakovsky2015` their seven networks
# reached 7.3 % top-5 error: so often the right class was not among five guesses.
# GoogLeNet :cite:p:`szegedy2014` was ahead with 6.7 %. VGG's design is the one that
# fits in a sentence.
#
# The network
# -----------
#
# The whole family is short enough to write down. Its unit is a **stage**: some 3x3
# convolutions, each with its ReLU, then a max-pooling that halves height and width.

# sphinx_gallery_thumbnail_number = 2
from dataclasses import replace
import math

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from vhist import plots


def stage(channels, width, count):
    layers = []
    for _ in range(count):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.MaxPool2d(2))


stage(3, 64, 2)(torch.zeros(1, 3, 224, 224)).shape

# %%
# Padding by one pixel keeps the size, pooling halves it: 224 became 112. So the
# convolutions in a stage can be counted freely, and the rest of the network does not
# notice. Five stages and three fully connected layers are the network; a tuple of
# five numbers says which one. The letters are the paper's.

CONFIGURATIONS = {
    "A": (1, 1, 2, 2, 2),
    "B": (2, 2, 2, 2, 2),
    "D": (2, 2, 3, 3, 3),  # known as VGG-16
    "E": (2, 2, 4, 4, 4),  # known as VGG-19
}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    def __init__(
        self, convs, widths=WIDTHS, size=224, hidden=4096, classes=10, dropout=0.5
    ):
        super().__init__()
        inputs = (3, *widths[:-1])
        self.features = nn.Sequential(*map(stage, inputs, widths, convs))
        side = size // 2 ** len(convs)
        self.classifier = nn.Sequential(
            *(nn.Linear(widths[-1] * side**2, hidden), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(hidden, classes),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)  # Glorot's rule, see below
                nn.init.zeros_(layer.bias)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


small = VGG((1, 1, 2, 2), widths=(8, 16, 32, 64), size=32, hidden=48)
small(torch.zeros(2, 3, 32, 32)).shape

# %%
# The four configurations side by side, one box per layer with weights:

fig, ax = plt.subplots(figsize=(7.2, 2.3), layout="constrained")
for y, convs in enumerate(CONFIGURATIONS.values()):
    place = 0.0
    for width, count in (*zip(WIDTHS, convs, strict=True), (4096, 2), (10, 1)):
        color = plots.COLORS["vgg"] if width in WIDTHS else "#8c959f"
        for _ in range(count):
            ax.barh(y, 0.92, left=place, color=color, alpha=0.2 + width % 4096 / 1500)
            ax.text(place + 0.46, y, width, ha="center", va="center", fontsize=7)
            place += 1
        place += 0.35 if width in WIDTHS else 0
ax.set_yticks(range(4), CONFIGURATIONS)
ax.set(xticks=[], ylabel="configuration")
ax.invert_yaxis()
ax.spines[:].set_visible(False)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "From left to right: convolutions (green, with their channels), a gap for each "
    "pooling, and three fully connected layers (grey).",
    "Four rows of boxes for the configurations A, B, D and E. Channels grow from 64 to "
    "512 over five groups; the rows get longer because groups gain boxes. Each row "
    "ends with grey boxes 4096, 4096 and 10.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Is this the library's network, and the one that other people mean by the name? At
# full size it has so many weights that it is built on PyTorch's ``meta`` device,
# which knows shapes and stores no numbers. At small size the weights are real, so
# the two can be given the same ones and asked the same question.

with torch.device("meta"):
    full = {name: VGG(convs) for name, convs in CONFIGURATIONS.items()}
    names = ("vgg11", "vgg13", "vgg16", "vgg19")
    theirs = [vhist.create_model(name) for name in names]
for mine, library in zip(full.values(), theirs, strict=True):
    shapes = [[p.shape for p in model.parameters()] for model in (mine, library)]
    assert shapes[0] == shapes[1]

twin = vhist.models.vgg_small(image_size=32, widths=(8, 16, 32, 64), hidden=48)
weights = zip(small.state_dict(), twin.state_dict().values(), strict=True)
small.load_state_dict(dict(weights))
x = torch.randn(4, 3, 32, 32)
difference = (small.eval()(x) - twin.eval()(x)).abs().max().item()
assert difference < 1e-5
print(f"largest difference of the logits: {difference:.1e}")

# %%
# Every array has the same shape at full size, and the answers are the same.
#
# Two networks in one
# -------------------
#
# The layer table of configuration D, VGG-16, one row per stage. A *multiply-add* is
# one product added to a sum; some papers count it as two operations.

table = vhist.summary(full["D"], 224)
table.collapse(2)

# %%
# Read the two right columns against each other. They hardly overlap. The stages
# have the multiply-adds, and the first fully connected layer alone has more weights
# than everything else together. All four configurations, with the best error the
# paper reports for one network at one test scale (table 3 of the paper):

published = {"A": 10.4, "B": 9.9, "D": 8.1, "E": 8.0}  # top-5 error in %
print("     layers  parameters  multiply-adds  convolutions' share  paper's error")
for name, model in full.items():
    t = vhist.summary(model, 224)
    layers = sum(row.parameters > 0 for row in t.rows)
    conv, dense = t.collapse(1).rows
    print(
        f"{name:3}  {layers:6}  {t.parameters / 1e6:8.1f} M  {t.macs / 1e9:11.1f} G  "
        f"{conv.parameters / t.parameters:6.1%} of weights  "
        f"{published[name]:10.1f} %"
    )

# %%
# From A to E the number of weights hardly moves, the work more than doubles, and the
# error falls: depth was bought with work. The last step bought almost nothing. One
# caution: C, D and E were also trained at mixed picture scales, so not all of the fall
# is depth. The missing C is D with three filters shrunk to 1x1, equally deep and worse
# (8.8 %): extra layers must also look around.
#
# Per layer, and beside AlexNet:

with torch.device("meta"):  # groups=2: wired as on the two graphics cards
    alexnet = vhist.create_model("alexnet", groups=2)
sizes = {"alexnet": 227, "vgg": 224}
rows = {}
for name, model in (("alexnet", alexnet), ("vgg", theirs[2])):
    found = vhist.summary(model, sizes[name]).rows
    rows[name] = [row for row in found if row.parameters]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 4.2), sharey="col", layout="constrained")
for pair, (name, layers) in zip(axes, rows.items(), strict=True):
    ticks = [row.name.split(".")[1].removeprefix("conv") for row in layers]
    for ax, what, unit in zip(pair, ("parameters", "macs"), (1e6, 1e9), strict=True):
        values = [getattr(row, what) / unit for row in layers]
        ax.bar(ticks, values, color=plots.COLORS[name])
        ax.tick_params(axis="x", rotation=90)
        kind = "M weights" if what == "parameters" else "G multiply-adds"
        ax.set_title(f"{plots.LABELS[name]}: {sum(values):.3g} {kind}")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Weights (left) live in the fully connected layers, work (right) in the "
    "convolutions. The two networks share each scale: millions, and billions.",
    "Four bar charts. Left, parameters per layer: in AlexNet and VGG-16 one bar, fc6, "
    "towers over the others. Right, multiply-adds per layer: AlexNet's bars are "
    "low beside VGG-16's convolutions, and VGG-16's fully connected layers are barely "
    "visible beside them.",
)
# sphinx_gallery_end_ignore
plt.show()
weight, work = (
    sum(getattr(row, what) for row in rows["vgg"])
    / sum(getattr(row, what) for row in rows["alexnet"])
    for what in ("parameters", "macs")
)
dense = sum(row.macs for row in rows["vgg"] if ".fc" in row.name) / table.macs
print(f"VGG-16 has {weight:.1f} times AlexNet's weights, {work:.0f} times its work;")
print(f"its fully connected layers do {dense:.1%} of that work")
assert weight < 3 < 15 < work
assert dense < 0.02

# %%
# "About twice AlexNet's parameters", as VGG is often introduced, is right and
# misleading. Nor do smaller filters make a smaller network: per layer they do, but
# the head outweighs them all. Without it VGG-16 would be a small model, an
# observation that later networks acted on.
#
# Small filters, stacked
# ----------------------
#
# It is sometimes said that VGG reduced the receptive field, the patch of the picture
# that one unit depends on. Per filter, yes; per stack, no. If we ask the gradient
# how far the middle unit of two stacked 3x3 convolutions looks, it should answer
# 5x5, and for three 7x7.

looks = {"one 3x3": [3], "two 3x3": [3, 3], "one 5x5": [5]}
looks |= {"three 3x3": [3, 3, 3], "one 7x7": [7]}
fig, axes = plt.subplots(1, 5, figsize=(7.2, 2.05), layout="constrained")
torch.manual_seed(0)
for ax, (name, sizes) in zip(axes, looks.items(), strict=True):
    convs = [nn.Conv2d(64, 64, k, padding=k // 2, bias=False) for k in sizes]
    x = torch.randn(16, 64, 11, 11, requires_grad=True)
    net = nn.Sequential(*[part for conv in convs for part in (conv, nn.ReLU())])
    net(x)[:, :, 5, 5].sum().backward()
    seen = x.grad.abs().mean(dim=(0, 1))
    weights = sum(conv.weight.numel() for conv in convs)
    side = (seen.amax(dim=0) > 0).sum().item()
    assert side == 1 + sum(k - 1 for k in sizes)
    ax.imshow(seen)
    ax.set_title(f"{name}\nsees {side}x{side}\n{weights:,} weights", fontsize=9)
    ax.set_axis_off()
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Which input pixels move one output unit, and how much: mean size of the gradient, "
    "64 channels, random weights.",
    "Five heat maps. Two stacked 3x3 convolutions light up a 5x5 square like one 5x5 "
    "convolution does, three a 7x7 square like one 7x7 does. The stacks are brighter "
    "in the middle, the single filters are flat.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Same reach. For C channels a 7x7 convolution needs 49C² weights and three 3x3
# ones need 27C², and on the way there are three ReLUs where there was one. These are
# the paper's two arguments. The picture adds an observation: the single filters look
# evenly, the stack prefers its middle, because more paths lead there
# :cite:p:`luo2016`.
#
# And the whole network? Walk through it: a layer with kernel k widens the field by
# k - 1 steps, and a step is as long as all strides before it multiplied.


def receptive_field(model):
    field, step = 1, 1
    for layer in model.features.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            field += (torch.tensor(layer.kernel_size).max().item() - 1) * step
            step *= torch.tensor(layer.stride).max().item()
    return field


print(f"AlexNet: {receptive_field(alexnet)} pixels")
for name, model in full.items():
    print(f"VGG {name}: {receptive_field(model)} pixels")
assert (receptive_field(alexnet), receptive_field(full["D"])) == (195, 212)

# %%
# With 3x3 filters alone VGG-16 sees slightly more of the picture than AlexNet with
# its 11x11 start, and nearly the whole of its 224 pixels.
#
# Nineteen layers that would not start
# ------------------------------------
#
# A stack of layers multiplies. If each layer changes the size of the signal by a
# factor g, fifty layers change it by :math:`g^{50}`, and so does the gradient on its
# way back. With a layer of n inputs and weights of variance :math:`\sigma^2`, ReLU
# halves the power, so
#
# .. math:: g = \sigma \sqrt{n / 2}.
#
# Glorot and Bengio :cite:p:`glorot2010` had looked at this for tanh and proposed
# :math:`\sigma^2 = 2 / (n_\mathrm{in} + n_\mathrm{out})`: the more connections, the
# *smaller* the weights. Without the ReLU's half this gives 1. He and others
# :cite:p:`he2015delving` put the half back a year after VGG:
# :math:`\sigma^2 = 2 / n_\mathrm{in}`. Fifty layers should show the difference.

width, depth = 512, 50
he = math.sqrt(2 / width)
scales = {"N(0, 0.01²)": 0.01, "Glorot": math.sqrt(1 / width)}
scales |= {"He": he, "1.5 x He": 1.5 * he}
sizes = {}
torch.manual_seed(0)
for name, scale in scales.items():
    x, sizes[name] = torch.randn(256, width), []
    for _ in range(depth):
        x = torch.relu(x @ (scale * torch.randn(width, width)))
        sizes[name].append(x.square().mean().sqrt().item())
    print(f"{name:12} after {depth} layers: {sizes[name][-1]:.1e}")

assert sizes["Glorot"][-1] < 1e-6 < 0.2 < sizes["He"][-1] < 2
assert sizes["N(0, 0.01²)"][-1] == 0
assert sizes["1.5 x He"][-1] > 1e7

# %%
# Only one of four survives. Half as much again is far too much, and with AlexNet's
# N(0, 0.01²) the signal falls below what float32 can write, to exactly zero.
#
# VGG has fewer layers, and they are convolutions. The paper drew its weights with a
# variance of 1e-2, so N(0, 0.1²). What would that do to a Sketchnette picture in the
# convolutions of configuration E? (Sketchnette is this book's own data set:
# Imagenette's ten classes :cite:p:`howard2019imagenette`, drawn by code.)

data = vhist.load_dataset("sketchnette", image_size=64)
pictures = vhist.data.normalize(data.val.images[:2])
draws = {
    "N(0, 0.01²)": lambda w: nn.init.normal_(w, std=0.01),
    "N(0, 0.1²)": lambda w: nn.init.normal_(w, std=0.1),
    "Glorot": nn.init.xavier_normal_,
    "He": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
}


@torch.no_grad()
def signal(convs, draw):
    """Standard deviation of what each convolution puts out, before its ReLU."""
    torch.manual_seed(0)
    features = nn.Sequential(*map(stage, (3, *WIDTHS[:-1]), WIDTHS, convs))
    x, sizes = pictures, []
    for layer in (part for block in features for part in block):
        if isinstance(layer, nn.Conv2d):
            draw(layer.weight)
            nn.init.zeros_(layer.bias)
            sizes.append(layer(x).std().item())
        x = layer(x)
    return sizes


in_e = {name: signal(CONFIGURATIONS["E"], draw) for name, draw in draws.items()}
in_all = {c: signal(convs, draws["N(0, 0.1²)"]) for c, convs in CONFIGURATIONS.items()}

# %%
palette = {"N(0, 0.01²)": "#E69F00", "N(0, 0.1²)": "#D55E00", "Glorot": "#56B4E9"}
palette |= {"He": "#009E73", "1.5 x He": "#CC79A7"}
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), layout="constrained")
for name, values in sizes.items():
    left.semilogy(range(1, depth + 1), values, color=palette[name], label=name)
for name, values in in_e.items():
    right.semilogy(range(1, 17), values, color=palette[name], label=name)
left.set(title="fifty layers, width 512", xlabel="layer", ylabel="size of the signal")
left.set_ylim(1e-14, 1e14)
right.set(title="the convolutions of VGG-19", xlabel="convolution")
right.set(ylim=(1e-14, 1e14), xticks=(1, 4, 8, 12, 16))
left.legend(fontsize=8)
right.legend(fontsize=8)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "The same picture, the same layers, different first weights. He's rule keeps the "
    "signal at its size; the others fade or explode by a constant factor per layer.",
    "Two plots with logarithmic axes. Left, over 50 layers: He stays level near 1, "
    "Glorot falls steadily to 1e-8, 0.01 falls off the plot, 1.5 times He rises to "
    "1e9. Right, over VGG-19's 16 convolutions: He stays level, Glorot falls to about "
    "1e-3, 0.01 to 1e-8, and 0.1 rises to almost 1e8.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# On a logarithmic axis these are nearly straight lines: a constant factor per layer,
# apart from the narrow first ones. The paper's own 0.1 makes E *explode*. Its last
# convolution in each configuration:

for name, values in in_all.items():
    print(f"{name}: {values[-1]:.0e} after {len(values)} convolutions")
assert in_all["E"][-1] > 1e3 * in_all["A"][-1]
assert in_e["N(0, 0.01²)"][-1] < 1e-6 < 0.3 < in_e["He"][-1] < 5

# %%
# E starts from a signal thousands of times larger than A does. The authors wrote that
# a bad start can stall a deep network, and took a detour: they trained A, shallow
# enough to survive its first weights, copied its first four convolutions and its
# three fully connected layers into the deeper networks, and drew only the rest
# afresh. Later they found that with Glorot's rule it is *possible* to do without.
# They did not say that the result is the same; the paper prints no comparison.
#
# Glorot's line falls too. Over sixteen convolutions that is bearable. The fifty
# layers on the left show why it would not be for long.
#
# Training three
# --------------
#
# Now let some learn: three networks of the class above with 6, 7 and 9 weight
# layers, on half of Sketchnette at 32 pixels, a few passes each.

few = replace(data, train=data.train[:2000])
recipe = vhist.Recipe(
    epochs=4, batch_size=25, lr=2e-3, image_size=32, augment="none", clip_norm=1.0
)
nets, logs = {}, {}
for seed, convs in enumerate(((1, 1, 1), (1, 1, 2), (2, 2, 2))):
    torch.manual_seed(seed)
    net = VGG(convs, widths=(16, 32, 64), size=32, hidden=128, dropout=0.2)
    layers = sum(convs) + 3
    nets[layers], logs[layers] = net, vhist.fit(net, few, recipe, verbose=False)
    print(f"{layers} layers: {logs[layers].accuracy:.1%} of unseen drawings right")
assert min(log.accuracy for log in logs.values()) > 0.45

# %%
# Chance would be one in ten. Read no law of depth into the order: so few passes favour
# whoever starts quickly, and one seed decides little.
#
# Asking all of them
# ------------------
#
# For the competition the authors averaged networks of different depth, trained at
# different scales: their softmax outputs, class by class. Networks that err on
# different pictures should correct each other.

answers = [vhist.evaluate(net, data.val, image_size=32) for net in nets.values()]
together = torch.stack([a.logits.softmax(dim=1) for a in answers]).mean(dim=0)
right = [a.predictions == a.labels for a in answers]
right.append(together.argmax(dim=1) == data.val.labels)
accuracy = [r.float().mean().item() for r in right]

best = right[max(range(3), key=lambda i: accuracy[i])]
fixed, broken = (right[3] & ~best).sum().item(), (best & ~right[3]).sum().item()
print(f"average of the three {accuracy[3]:.1%}, best of them {max(accuracy[:3]):.1%}")
print(f"against the best one: {fixed} pictures corrected, {broken} spoiled")
assert accuracy[3] > max(accuracy[:3])
assert accuracy[3] > sum(accuracy[:3]) / 3 + 0.02

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), layout="constrained")
for (layers, log), style in zip(logs.items(), (":", "--", "-"), strict=True):
    epochs, values = zip(
        *[(e["epoch"], e["val_accuracy"]) for e in log.log], strict=True
    )
    percent = [100 * v for v in values]
    left.plot(
        epochs, percent, style, color=plots.COLORS["vgg"], label=f"{layers} layers"
    )
left.set(xlabel="epoch", ylabel="validation accuracy (%)", xticks=range(1, 5))
left.legend()
labels = [*(f"{layers} layers" for layers in nets), "average"]
bars = right.bar(labels, [100 * a for a in accuracy], color=plots.COLORS["vgg"])
for bar in bars[:3]:
    bar.set_alpha(0.5)
right.bar_label(bars, fmt="%.1f")
right.set_ylim(0, 105)
right.tick_params(axis="x", labelsize=9)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Three networks learn (left); the average of their softmax outputs against each of "
    "them (right, last epoch).",
    "Left, three rising curves of validation accuracy over four epochs. Right, four "
    "bars: the three networks in pale green and, higher than each, their average in "
    "full green.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The average wins with no training at all, for three times the work per picture. In
# the paper two networks averaged (6.8 % top-5 error on the test set) beat the best
# single one (7.0 %), and also the seven that had been submitted (7.3 %).
#
# A look inside
# -------------
#
# What has the nine-layer network made of a picture at the end of each stage? For
# each depth, the eight channels that vary most:

net = nets[9]
picture = data.val.images[4:5]
x = vhist.data.normalize(vhist.data.resize(picture, 32))
places = [f"features.{i}.3" for i in range(3)]  # the last ReLU of each stage
maps = vhist.inspect.activations(net, x, places)
fig, axes = plt.subplots(3, 9, figsize=(7.2, 2.7), layout="constrained")
for row, (i, found) in zip(axes, enumerate(maps.values()), strict=True):
    chosen = found[0].flatten(1).std(dim=1).argsort(descending=True)[:8]
    row[0].imshow(picture[0].permute(1, 2, 0))
    for ax, channel in zip(row[1:], found[0][chosen], strict=True):
        ax.imshow(channel)
    row[1].set_title(f"stage {i + 1}, {found.shape[-1]} pixels", fontsize=9, loc="left")
for ax in axes.flat:
    ax.set_axis_off()
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "A drawn church and the feature maps above it: from edges at full size to a few "
    "coarse spots.",
    "Three rows, each with a small drawing of a church at the left and eight "
    "activation maps. Upper row: sharp outlines of the picture. Middle: coarser "
    "parts. Lower: eight by eight blocks with few active places.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The maps lose the picture and should gain the class. A test of that: describe each
# picture by its channels' means at one depth, and give it the class whose average
# description is nearest.


def nearest_class(place):
    means = []
    for split in (few.train, data.val):
        x = vhist.data.normalize(vhist.data.resize(split.images, 32))
        features = vhist.inspect.activations(net, x, [place])[place]
        means.append(features.mean(dim=(2, 3)))
    train, val = means
    spread = train.std(dim=0) + 1e-6
    centres = torch.stack([train[few.train.labels == c].mean(dim=0) for c in range(10)])
    answer = torch.cdist(val / spread, centres / spread).argmin(dim=1)
    return (answer == data.val.labels).float().mean().item()


reads = [nearest_class(place) for place in places]
for i, share in enumerate(reads):
    print(f"class read off the mean channels of stage {i + 1}: {share:.1%}")
assert reads[2] > reads[0] + 0.15

# %%
# What the first stage says on average about a picture hardly names it. Stage by
# stage the class comes to the surface, with nobody having asked the lower stages
# for it.
#
# On photographs
# --------------
#
# A larger sister was trained on the photographs of Imagenette
# :cite:p:`howard2019imagenette`, and its records stored. All that follows is read from
# them. Behind ± stands the standard deviation over seeds (SD) or, with a single seed,
# the standard error over pictures (SE).

runs = vhist.plan.load("short").records()["vgg_small"]
run = runs[0]
seen, choices = run.data, run.recipe
print(run.command)
print(
    f"{run.model}: {run.parameters:,} weights, {len(run.labels):,} pictures to judge,"
)
print(f"{seen['train']:,} to learn from, {choices['image_size']} pixels")
print(f"{choices['epochs']} epochs, {choices['optimizer']}, lr {choices['lr']:g}")
print(f"{run.cpu_seconds:,.0f} CPU-seconds, {run.threads} thread(s), {run.device}")
print(f"accuracy in %: {vhist.runs.mean_std(runs)}, {len(runs)} seed(s)")

# %%
fig, axes = plt.subplots(
    *(2, 1), figsize=(7.2, 7.0), height_ratios=(1, 2.2), layout="constrained"
)
plots.curves(runs, ax=axes[0])
plots.confusion(run, ax=axes[1])
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "The recorded runs: accuracy over the epochs, one curve per seed; and, for the "
    "first, per cent of each class (row) that was given each answer (column).",
    "Above, validation accuracy in per cent against the epoch. Below, a ten by ten "
    "matrix of percentages, right answers on the diagonal.",
)
# sphinx_gallery_end_ignore
plt.show()

names = seen["classes"]
mistakes = torch.tensor(run.confusion).fill_diagonal_(0)
i, j = divmod(mistakes.argmax().item(), len(names))
print(f"most frequent mistake: {names[i]} taken for {names[j]}, {mistakes[i, j]} times")
print("the pictures with the largest loss:")
for row in run.most_wrong[:5]:
    label, guess = names[row["label"]], names[row["prediction"]]
    print(f"  {label}, taken for {guess} ({row['probability']:.0%}): {row['file']}")

# %%
# The article that this book grew from trained VGG-16 itself, at 224 pixels, for 200
# epochs. Its log evaluates the final weights twice, on "10000 test images" it says:

n = len(run.labels)
for logged in (86.08916473388672, 85.73248291015625):
    k = round(logged / 100 * n)
    p = k / n
    print(f"{logged:.4f} % = {k:,} of {n:,}, ± {math.sqrt(p * (1 - p) / n):.2%}")
    assert abs(100 * p - logged) < 1e-5 < abs(logged * 100 - round(logged * 100))

# %%
# So it was Imagenette's validation split: of ten thousand pictures neither percentage
# is a whole number. The second one is what the article calls its result, and the same
# weights had just given the first. A network does not change its mind between two
# evaluations unless something random is still at work: here dropout, which the
# article's code never switches off. It stands one place early there, so the number was
# measured with half of the features and half of the first hidden layer missing. By the
# same code the learning rate stayed constant, because its schedule counted epochs and
# waited for 2,000. Set beside our small network it is a landmark and no contest: other
# pixels, other weights, other training.
#
# Paper, here, torchvision
# ------------------------

from torchvision.models import vgg16 as torchvision_vgg16

with torch.device("meta"):
    pair = (VGG(CONFIGURATIONS["D"], classes=1000), torchvision_vgg16())
mine, other = ([p.shape for p in net.parameters()] for net in pair)
assert mine == other
count = f"{sum(shape.numel() for shape in mine):,}"
lines = [
    ("", "paper", "here", "torchvision"),
    ("weights, 1000 classes", count, count, count),
    ("first weights", "via A; later Glorot", "Glorot", "He; FC N(0, 0.01²)"),
    ("dropout", "after hidden", "after; vhist: before", "after hidden"),
    ("input", "224 px", f"{choices['image_size']} px", "224 px"),
    ("optimiser", "SGD, momentum 0.9", choices["optimizer"], "SGD, momentum 0.9"),
    ("batch", "256 on four GPUs", f"{choices['batch_size']}, one device", "256"),
    ("epochs", "74, 2 to 3 weeks", str(choices["epochs"]), "90"),
]
for line in lines:
    print("{:23}{:22}{:22}{}".format(*line))

# %%
# Shapes and counts agree everywhere; starts and training do not. Of the four GPUs each
# took a quarter of every batch, and the gradients were averaged: the same result as on
# one card, 3.75 times faster. AlexNet had split the *network*; VGG split the data.
#
# What came next
# --------------
#
# Two doors stood open. One was the head: replace it by an average over the picture
# :cite:p:`lin2013` and most of the weights are gone. The other was depth. The last step
# from 16 to 19 layers had brought next to nothing, and better first weights
# :cite:p:`he2015delving` and batch normalisation :cite:p:`ioffe2015` soon let deeper
# networks start. They started, and did worse. That is the next chapter.
#
# Experiments
# -----------
# Claims of this page in their smallest form, each a script to copy and change:
#
# .. minigallery::
#
#    ../examples/experiments/plot_ensemble.py
#    ../examples/experiments/plot_first_weights.py
#    ../examples/experiments/plot_receptive_field.py
#    ../examples/experiments/plot_weights_and_work.py
#
# What to remember
# ----------------
#
# * VGG is one rule, and a tuple of five numbers.
# * Stacked 3x3 filters see as far as one large filter, with fewer weights and more
#   nonlinearities.
# * Weights live in the fully connected layers, work in the convolutions.
# * A deep stack multiplies: first weights decide whether it starts.
#
# Exercises
# ---------
#
# 1. *Glorot's rule with gain* :math:`\sqrt 2` *and He's rule: when are they one?* When
#    a layer has as many outputs as inputs: :math:`2 \cdot 2 / (n + n) = 2 / n`. For a
#    convolution from 64 to 128 channels Glorot's variance is two thirds of He's.
# 2. *Give VGG-16 an average over the last 7x7 map and one linear layer. How many
#    weights are left for ten classes?* The convolutions' 14,714,688 and the head's
#    512 · 10 + 10 = 5,130: a ninth.
# 3. *Start the nine-layer network above with N(0, 0.1²). Does it explode?* No. Its
#    factors :math:`0.1 \sqrt{n/2}` run from 0.4 (27 inputs) to 2.3 (1,024 inputs), and
#    the nine of them multiply to about one. It learns. What exploded E was width times
#    depth.
#
# Further reading
# ---------------
#
# :cite:t:`simonyan2014` has its best page in table 1. :cite:t:`glorot2010` and
# :cite:t:`he2015delving` are the two halves of the story of first weights, and
# :cite:t:`luo2016` measures how much of a receptive field is really used.
