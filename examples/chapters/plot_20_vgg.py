"""
VGG, 2014: depth as a plan
==========================

Two people fixed nearly every choice in a network, varied its depth, and counted what
that was worth.

After AlexNet everybody knew that deep networks win, but not which choices mattered.
What was missing was a rule for building a deeper network. This page needs no GPU; its
first run also draws its data set.

You will see

* how two small filters look as far as one large one, for less;
* what first weights do to the signal of many layers;
* how three small networks, averaged, beat the best of them.
"""
# %%
# The year's problem
# ------------------
#
# AlexNet :cite:p:`krizhevsky2012` was a bag of decisions: filters of 11, 5 and 3
# pixels, two sizes of stride, a normalisation across channels, two half-networks on two
# graphics cards. The next two years turned its knobs, such as the size of the first
# filter :cite:p:`zeiler2014`, often several at once. When the error fell, it was
# hard to say which change had done it.
#
# Karen Simonyan and Andrew Zisserman, in Oxford's Visual Geometry Group, asked a
# narrower question :cite:p:`simonyan2014`. Fix everything: filters have 3x3 pixels,
# every pooling halves the picture, every network ends in the same three
# :term:`fully connected layers <fully connected layer>`. Then vary the number of
# convolutions, from 8 to 16.
#
# At the ILSVRC-2014 competition :cite:p:`russakovsky2015` seven of their networks
# together reached 7.3 % :term:`top-5 error`: how often the right class was not among
# five guesses. GoogLeNet :cite:p:`szegedy2014` was ahead with 6.7 %, but VGG's design
# fits in a sentence.
#
# The network
# -----------
#
# A configuration says how many convolutions precede each of five poolings. One box per
# layer with weights:

# sphinx_gallery_thumbnail_number = 4
from dataclasses import replace
import math

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from vhist import plots

CONFIGURATIONS = {  # the paper's letters
    "A": (1, 1, 2, 2, 2),
    "B": (2, 2, 2, 2, 2),
    "D": (2, 2, 3, 3, 3),  # known as VGG-16
    "E": (2, 2, 4, 4, 4),  # known as VGG-19
}
WIDTHS = (64, 128, 256, 512, 512)

fig, ax = plt.subplots(figsize=(7.2, 2.3), layout="constrained")
for y, convs in enumerate(CONFIGURATIONS.values()):
    place = 0.0
    for width, count in (*zip(WIDTHS, convs, strict=True), (4096, 2), (10, 1)):
        color = plots.COLORS["vgg"] if width in WIDTHS else "#8c959f"
        alpha = 0.2 + width / 1500 if width in WIDTHS else 0.2
        for _ in range(count):
            ax.barh(y, 0.92, left=place, color=color, alpha=alpha)
            ax.text(place + 0.46, y, width, ha="center", va="center", fontsize=8)
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
    "pooling, and three fully connected layers (grey), the last for ten classes.",
    "Four rows of boxes for the configurations A, B, D and E. Channels grow from 64 to "
    "512 over five groups; the rows get longer because groups gain boxes. Each row "
    "ends with grey boxes 4096, 4096 and 10.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The unit of the family is a **stage**: some 3x3 convolutions, each with its ReLU, then
# a max-pooling that halves height and width.


def stage(channels, width, count):
    layers = []
    for _ in range(count):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.MaxPool2d(2))


stage(3, 64, 2)(torch.zeros(1, 3, 224, 224)).shape

# %%
# Padding by one pixel keeps the size, pooling halves it: 224 became 112. So a stage can
# hold any number of convolutions; the rest does not notice.
#
# Small filters, stacked
# ----------------------
#
# The :term:`receptive field` is the patch of the picture that one unit depends on.
# Ask the gradient how far two stacked 3x3 convolutions look: it should answer 5x5; for
# three, 7x7.

looks = {"one 3x3": [3], "two 3x3": [3, 3], "one 5x5": [5]}
looks |= {"three 3x3": [3, 3, 3], "one 7x7": [7]}
fig, axes = plt.subplots(1, 5, figsize=(7.2, 2.05), layout="compressed")
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
    "64 channels, random weights. Yellow is large, dark purple zero; each map has its "
    "own scale.",
    "Five heat maps. Two stacked 3x3 convolutions light up a 5x5 square like one 5x5 "
    "convolution does, three a 7x7 square like one 7x7 does. The stacks are brighter "
    "in the middle, the single filters are flat.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Same reach, and the paper's two arguments follow. For c channels a 7x7 convolution
# needs 49c² weights and three 3x3 ones need 27c², with three ReLUs where there was one.
# The figure adds that a single filter looks evenly, while a stack prefers its middle,
# because more paths lead there :cite:p:`luo2016`.
#
# The whole network
# -----------------
#
# Five stages and three fully connected layers:


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
# VGG-16 beside AlexNet: a bar per layer with weights; height is the side of its output,
# shade its channels, both logarithmic. PyTorch's ``meta`` device stores no numbers.

with torch.device("meta"):
    before = vhist.summary(vhist.create_model("alexnet"), 227)
    after = vhist.summary(VGG(CONFIGURATIONS["D"]), 224)
fig = plots.architecture({"AlexNet": before, "VGG-16": after})
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "From AlexNet to VGG-16: twice the layers, and pictures that stay large longer.",
    "Two rows of bars that get shorter from left to right. AlexNet's eight begin at 55"
    " pixels; VGG's sixteen begin at 224 and halve in five steps.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Two networks in one
# -------------------
#
# The layer table of VGG-16, one row per stage. A :term:`multiply-add` is one product
# added to a sum.

with torch.device("meta"):
    full = {name: VGG(convs) for name, convs in CONFIGURATIONS.items()}
table = vhist.summary(full["D"], 224)
table.collapse(2)

# %%
# The stages have the multiply-adds, and the first fully connected layer alone has more
# weights than everything else together.
#
# The paper has six configurations :cite:p:`simonyan2014`. A-LRN is A with AlexNet's
# normalisation, which has no weights; C is D with the last filters of three stages
# shrunk to 1x1. Beside each are the reported errors of one network at one test scale
# (its table 3), in percent, for one guess and for five. *S* is the shorter side of a
# training picture before the crop of 224, *Q* that of a test picture, in pixels.

with torch.device("meta"):
    full["C"] = VGG(CONFIGURATIONS["D"])
    for block, width in zip(full["C"].features[2:], WIDTHS[2:], strict=True):
        block[4] = nn.Conv2d(width, width, 1)  # the third convolution of the stage
published = {
    "A": ("29.6 / 10.4", "", ""),
    "A-LRN": ("29.7 / 10.5", "", ""),
    "B": ("28.7 /  9.9", "", ""),
    "C": ("28.1 /  9.4", "28.1 /  9.3", "27.3 /  8.8"),
    "D": ("27.0 /  8.8", "26.8 /  8.7", "25.6 /  8.1"),
    "E": ("27.3 /  9.0", "26.9 /  8.7", "25.5 /  8.0"),
}
line = "{:5}  {:>6}  {:>10}  {:>8}  {:>13}{:>13}{:>13}{:>17}"
head = ("", "layers", "parameters", "in convs", "multiply-adds")
print("Counted for 10 classes; errors of the paper, for 1,000:")
print(line.format(*head, "S=Q=256", "S=Q=384", "S varied, Q=384"))
for name, errors in published.items():
    t = vhist.summary(full[name.removesuffix("-LRN")], 224)
    layers = sum(part.parameters > 0 for part in t.rows)
    conv = t.collapse(1).rows[0].parameters / t.parameters
    counted = f"{t.parameters / 1e6:.1f} M", f"{conv:.1%}", f"{t.macs / 1e9:.1f} G"
    print(line.format(name, layers, *counted, *errors))

# %%
# From A to E the number of weights hardly moves, the work more than doubles, and the
# error falls: depth was bought with work, and brought a wider view (below). The
# normalisation bought nothing. C, as deep as D, lags behind it: layers should look
# around, say the authors, but C also has fewer weights. At a fixed scale the step from
# D to E did not pay. **Scale jittering**, S drawn between 256 and 512 for each picture,
# took C, D and E further at the same Q.
#
# Per layer, and beside AlexNet:

with torch.device("meta"):  # groups=2: wired as on the two graphics cards
    alexnet = vhist.create_model("alexnet", groups=2)
    vgg = vhist.create_model("vgg16")  # like ours, its layers named
sizes = {"alexnet": 227, "vgg": 224}
rows = {}
for name, model in (("alexnet", alexnet), ("vgg", vgg)):
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
share = sum(row.macs for row in rows["vgg"] if ".fc" in row.name) / table.macs
print(f"VGG-16 has {weight:.1f} times AlexNet's weights, {work:.0f} times its work;")
print(f"its fully connected layers do {share:.1%} of that work")
assert weight < 3 < 15 < work
assert share < 0.02

# %%
# "About twice AlexNet's parameters", as VGG is often introduced, is right but
# misleading: the work grew far more.
#
# How far a network sees
# ----------------------
#
# A kernel k pixels wide widens the receptive field by k - 1 steps; a step is the
# product of all strides before it. Counted up to the head:


def receptive_field(model):
    field, step = 1, 1
    for layer in model.features.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            field += (torch.tensor(layer.kernel_size).max().item() - 1) * step
            step *= torch.tensor(layer.stride).max().item()
    return field


print(f"AlexNet: {receptive_field(alexnet)} pixels")
for name in sorted(full):
    print(f"VGG {name}: {receptive_field(full[name])} pixels")
assert (receptive_field(alexnet), receptive_field(full["D"])) == (195, 212)
assert receptive_field(full["C"]) == receptive_field(full["B"])

# %%
# .. admonition:: A common slip: VGG's small filters reduced the receptive field
#
#    Per filter, yes; per stack, no. With 3x3 alone VGG-16 sees slightly more than
#    AlexNet with its 11x11 start, and nearly the whole of its 224 pixels. C has D's
#    depth and sees no further than B.
#
# First weights, and many layers
# ------------------------------
#
# A stack of layers multiplies. If each layer changes the size of the signal by a factor
# g, fifty layers change it by :math:`g^{50}`, and the gradient fares likewise on its
# way back. A unit adds up :math:`n_\mathrm{in}` inputs (:term:`fan-in`), and each input
# feeds :math:`n_\mathrm{out}` units: in a k by k convolution :math:`k^2` times its
# input channels and :math:`k^2` times its output channels, respectively. If the weights
# have mean 0 and variance :math:`\sigma^2`, and a ReLU has halved the power of their
# input, then
#
# .. math:: g = \sigma \sqrt{n_\mathrm{in} / 2}.
#
# Glorot and Bengio :cite:p:`glorot2010` had looked at this for tanh and proposed
# :math:`\sigma^2 = 2 / (n_\mathrm{in} + n_\mathrm{out})`. Without the ReLU's half, and
# with equal fans, this gives g = 1. In 2015 He and others :cite:p:`he2015delving` made
# up for the half: :math:`\sigma^2 = 2 / n_\mathrm{in}`. Fifty layers should show the
# difference.

width, depth = 512, 50
he = math.sqrt(2 / width)
scales = {"N(0, 0.01²)": 0.01, "Glorot": math.sqrt(1 / width)}
scales |= {"He": he, "1.5 x He": 1.5 * he}
sizes = {}
for name, scale in scales.items():
    torch.manual_seed(0)
    x, sizes[name] = torch.randn(256, width), []
    for _ in range(depth):
        x = torch.relu(x @ (scale * torch.randn(width, width)))
        sizes[name].append(x.square().mean().sqrt().item())
    formula = (scale * math.sqrt(width / 2)) ** depth
    print(f"{name:12} after {depth} layers: {sizes[name][-1]:.1e}", end=" ")
    print(f"(by the formula {formula:.1e})")

assert sizes["Glorot"][-1] < 1e-6 < 0.2 < sizes["He"][-1] < 2
assert sizes["N(0, 0.01²)"][-1] == 0
assert sizes["1.5 x He"][-1] > 1e7

# %%
# Only He's rule keeps the signal near its size. With AlexNet's N(0, 0.01²) its squares
# fall below what float32 can hold, to exactly zero.
#
# .. admonition:: A common slip: Glorot's variance grows with the fans
#
#    The rule is often read as a variance "scaled by fan-in and fan-out". It is
#    *divided* by their sum: each unit adds up more products in a wider layer, so each
#    weight has to be smaller.
#
# VGG drew its weights with a variance of 1e-2, so N(0, 0.1²). What does that do in the
# convolutions of configuration E? The pictures are this book's own Sketchnette, the ten
# classes of Imagenette :cite:p:`howard2019imagenette` drawn by code.

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
styles = {"N(0, 0.01²)": "C3", "N(0, 0.1²)": "C3--", "Glorot": "C1", "He": "C0"}
styles |= {"1.5 x He": "C0--"}
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), layout="constrained")
for name, values in sizes.items():
    left.semilogy(range(1, depth + 1), values, styles[name], label=name)
for name, values in in_e.items():
    right.semilogy(range(1, 17), values, styles[name], label=name)
left.set(title="fifty layers, width 512", xlabel="layer", ylabel="size of the signal")
left.set_ylim(1e-14, 1e14)
right.set(title="the convolutions of VGG-19", xlabel="convolution")
right.set(ylim=(1e-14, 1e14), xticks=(1, 4, 8, 12, 16))
left.legend(fontsize=8)
right.legend(fontsize=8)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "He's rule keeps the signal near its size. Left, noise goes in, and a curve has "
    "the same factor at each layer. Right, drawings go in, and a fixed deviation has a "
    "larger factor where there are more channels.",
    "Two plots with logarithmic axes. Left, over 50 layers: He stays level near 1, "
    "Glorot falls steadily to 1e-8, 0.01 falls off the plot, 1.5 times He rises to "
    "1e9. Right, over VGG-19's 16 convolutions: He stays level, Glorot falls to about "
    "1e-3, 0.01 to 1e-8, and 0.1 rises to almost 1e8.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The paper's own 0.1 makes E's signal *explode*. How large is it after the last
# convolution of each configuration?

for name, values in in_all.items():
    print(f"{name}: {values[-1]:.0e} after {len(values)} convolutions")
assert in_all["E"][-1] > 1e3 * in_all["A"][-1]
assert in_e["N(0, 0.01²)"][-1] < 1e-6 < 0.3 < in_e["He"][-1] < 5

# %%
# E's signal starts out thousands of times larger than A's. But A's has grown, too, and
# A trained: size alone does not decide. We do not try E. The authors wrote that a bad
# start can stall a deep network, and took a detour. They trained A, shallow enough to
# start at random, and copied its first four convolutions and its three fully connected
# layers into the deeper networks. The rest was drawn afresh, and everything was
# trained.
#
# Later they noted that with Glorot's rule skipping the detour is *possible*; the paper
# prints no comparison.
#
# Training three
# --------------
#
# Now some learn: three networks of the class above with 6, 7 and 9 weight layers, on
# half of Sketchnette at 32 pixels, four passes each.

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
# With one seed each the order says little about depth.
#
# The detour, tried
# -----------------
#
# The shallowest of the three can stand in for A. Three networks of 15 layers see the
# same forty batches: one drawn from the paper's N(0, 0.1²); the same with the first
# convolution of each stage and the fully connected layers copied; one by He's rule, as
# a control. Which beat :math:`\ln 10`, the loss of guessing?


def fifteen_layers(draw, donor=None):
    net = VGG((4, 4, 4), widths=(16, 32, 64), size=32, hidden=128, dropout=0.2)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            draw(layer.weight)
    if donor is not None:
        net.classifier.load_state_dict(donor.classifier.state_dict())
        for block, other in zip(net.features, donor.features, strict=True):
            block[0].load_state_dict(other[0].state_dict())
    return net


def last_losses(net, batches=40):
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    losses = []
    for pick in torch.randperm(len(few.train)).split(25)[:batches]:
        x = vhist.data.normalize(vhist.data.resize(few.train.images[pick], 32))
        loss = nn.functional.cross_entropy(net(x), few.train.labels[pick])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return sum(losses[-10:]) / 10


ends = []
for name, donor in (("N(0, 0.1²)", None), ("N(0, 0.1²)", nets[6]), ("He", None)):
    torch.manual_seed(0)
    net = fifteen_layers(draws[name], donor)
    ends.append(last_losses(net))
    copied = "" if donor is None else "some layers copied"
    print(f"{name:10}  {copied:18}  loss {ends[-1]:.2f}")
fans = [p[0].numel() for p in net.parameters() if p.ndim > 1]
factor = math.prod(0.1 * math.sqrt(n / 2) for n in fans)
print(f"{len(fans)} layers of N(0, 0.1²) multiply a signal by about {factor:.1f}")
drawn, warm, control = ends
assert max(abs(drawn - math.log(10)), abs(control - math.log(10))) < 0.2
assert warm < min(drawn, control) - 0.2
assert 1 < factor < 10

# %%
# Only the copied layers help. But forty batches are too few for He's start as well, the
# donor had been trained on hundreds, and in so narrow a network 0.1 is no bad scale.
# This shows a warm start, not a cure for a bad one.
#
# Asking all of them
# ------------------
#
# For the competition the authors averaged networks of different depth, trained at
# different scales: their :term:`softmax` outputs, class by class. Networks that err on
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
fig, ax = plt.subplots(figsize=(7.2, 2.7), layout="constrained")
for (layers, log), style in zip(logs.items(), (":", "--", "-"), strict=True):
    percent = [100 * entry["val_accuracy"] for entry in log.log]
    label = f"{layers} layers"
    ax.plot(range(1, 5), percent, style, color=plots.COLORS["vgg"], label=label)
ax.plot(4, 100 * accuracy[3], "o", color="C2", label="average of the three")
ax.set(xlabel="epoch", ylabel="validation accuracy (%)", xticks=range(1, 5))
ax.legend()
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Three networks learn; at the end, the average of their softmax outputs.",
    "Three rising curves of validation accuracy over four epochs, and a point above "
    "the last values of all three.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The average wins, for three times the work per picture. In the paper an average of two
# networks (6.8 % top-5 error on the test set) beat the best single one (7.0 %), and
# also the seven that had been submitted (7.3 %, without crops).
#
# Any size, any place
# -------------------
#
# AlexNet had averaged its answers to ten crops of each test picture. VGG's authors read
# their fully connected layers as convolutions instead. The first has a matrix of shape
# (hidden, channels · side²) and looks at all places of the last map; as a filter of
# shape (hidden, channels, side, side) it computes the same sums. The next two become
# 1x1.


def dense(net, side):
    layers = [net.features]
    for fc, k in zip(net.classifier[::3], (side, 1, 1), strict=True):
        conv = nn.Conv2d(fc.in_features // k**2, fc.out_features, k)
        conv.weight.data = fc.weight.data.view(conv.weight.shape)
        conv.bias.data = fc.bias.data
        layers += [conv, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


anywhere = dense(nets[9].eval(), side=4)
shown, labels = data.val.images[:300], data.val.labels[:300]
shares = {}
with torch.no_grad():
    for size in (32, 40, 48):
        x = vhist.data.normalize(vhist.data.resize(shown, size))
        maps = anywhere(x)
        if size == 32:
            assert torch.allclose(maps.flatten(1), nets[9](x), atol=1e-4)
        right_there = maps.mean(dim=(2, 3)).argmax(dim=1) == labels
        shares[size] = right_there.float().mean().item()
        places = f"{maps.shape[2]}x{maps.shape[3]} places"
        print(f"{size} pixels: {places}, {shares[size]:.1%} right")
assert shares[48] < shares[32] - 0.05

# %%
# At the training size the two networks agree. On larger pictures the new one gives a
# map of class scores, one answer for each place of its window, and the authors averaged
# it. That costs far less than crops. But our network has seen drawings at 32 pixels
# only, and at 48 it errs more often. Networks trained with scale jittering gained from
# an average over three scales Q.
#
# .. dropdown:: How the paper tested, in full
#
#    One scale: Q = S, or Q = 384 where S was drawn between 256 and 512. Several scales:
#    Q = 256, 384 and 512 for those, answers averaged. Both the picture and its mirror
#    image were always used. Crops see zeros beyond their edge, dense maps see the rest
#    of the picture; the two err a little differently, and the average of both was best
#    :cite:p:`simonyan2014`.
#
# A look inside
# -------------
#
# Does the class come to the surface stage by stage? Describe each drawing by the
# averages of 16 channels, all that the first stage has, and give it the class whose
# average description is nearest.

places = [f"features.{i}.3" for i in range(3)]  # the last ReLU of each stage


def channel_means(net, split):
    x = vhist.data.normalize(vhist.data.resize(split.images, 32))
    maps = vhist.inspect.activations(net, x, places)
    return [found.mean(dim=(2, 3))[:, :16] for found in maps.values()]


torch.manual_seed(0)
fresh = VGG((2, 2, 2), widths=(16, 32, 64), size=32, hidden=128)
reads = {}
for name, net in {"trained": nets[9], "untrained": fresh}.items():
    reads[name] = []
    pairs = zip(
        channel_means(net, few.train), channel_means(net, data.val), strict=True
    )
    for train, val in pairs:
        spread, labels = train.std(dim=0) + 1e-6, few.train.labels
        centres = torch.stack([train[labels == c].mean(dim=0) for c in range(10)])
        answer = torch.cdist(val / spread, centres / spread).argmin(dim=1)
        reads[name].append((answer == data.val.labels).float().mean().item())
    print(
        f"{name:10} after stages 1, 2, 3:", *(f"{share:.1%}" for share in reads[name])
    )
assert reads["trained"][2] > reads["trained"][0] + 0.1
assert max(reads["untrained"]) < reads["trained"][0]

# %%
# It does, once trained, though the loss looks at the last layer only.
#
# On photographs
# --------------
#
# A larger sister learned from Imagenette's photographs; what follows is read from its
# records. The ± is the standard deviation over seeds (SD) or, with a single seed, the
# standard error over pictures (SE).

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

run

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
    "first, percent of each class (row) that was given each answer (column).",
    "Above, validation accuracy in percent against the epoch. Below, a ten by ten "
    "matrix of percentages, right answers on the diagonal.",
)
# sphinx_gallery_end_ignore
plt.show()

names = seen["classes"]
mistakes = torch.tensor(run.confusion).fill_diagonal_(0)
i, j = divmod(mistakes.argmax().item(), len(names))
print(f"most frequent mistake: {names[i]} taken for {names[j]}, {mistakes[i, j]} times")

# %%
# The article that this book grew from :cite:p:`khazaei2024` trained VGG-16 itself, at
# 224 pixels, for 200 epochs. Its log has two tests of the final weights, on what it
# calls "10000 test images":

n = len(run.labels)
for logged in (86.08916473388672, 85.73248291015625):
    k = round(logged / 100 * n)
    p = k / n
    print(f"{logged:.4f} % = {k:,} of {n:,}, ± {math.sqrt(p * (1 - p) / n):.2%}")
    assert abs(100 * p - logged) < 1e-5 < abs(logged * 100 - round(logged * 100))

# %%
# Both are whole counts out of 3,925 pictures, neither out of ten thousand. The same
# weights gave two answers, probably because the article's code never switches dropout
# off. It comes one place early there, so half the features and half the first hidden
# layer were missing. The second answer is a landmark, not a rival: pixels, weights and
# training differ from those of our small network.
#
# More pixels, more time and later habits take ours further, with batch normalisation,
# then with :term:`Muon` :cite:p:`jordan2024`, another optimizer:

for name in ("long", "muon"):
    (longer,) = vhist.plan.load(name).records()["vgg_small_bn"]
    times = longer.cpu_seconds / run.cpu_seconds
    print(longer.command)
    print(f"{vhist.runs.mean_std([longer])} % after {len(longer.log)} epochs,", end=" ")
    print(f"in {times:.1f} times the first run's time, {longer.device}")
    assert longer.accuracy > run.accuracy

# %%
# And VGG-16 at full size, with batch normalisation and less dropout, for a tenth of the
# article's 200 epochs, and for four tenths with :term:`mixed <mixup>` pictures: one
# seed each, on a GPU in bfloat16.

landmark = vhist.runs.ARTICLE["vgg"] / n
for label in ("vgg16_bn", "vgg16_bn_long"):
    (big,) = vhist.plan.load("gpu").records()[label]
    print(big.command)
    print(
        f"{vhist.runs.mean_std([big])} % after {len(big.log)} epochs,"
        f" {big.seconds:.0f} seconds on one {big.device}"
    )
    ahead = big.accuracy - landmark
    error = math.hypot(big.standard_error, (landmark * (1 - landmark) / n) ** 0.5)
    print(f"to the article's {landmark:.2%}: {100 * ahead:+.2f} points,", end=" ")
    print(f"{ahead / error:+.1f} SE")
    assert -1 < ahead / error < 2 if label == "vgg16_bn" else ahead / error > 8

# %%
# Level or slightly ahead at first: less than two standard errors prove nothing. Then
# far ahead. Normalisation, recipe and a test without dropout all differ from the
# article's, so none alone can claim credit.
#
# Four GPUs, one gradient
# -----------------------
#
# AlexNet had split the *network* over two cards. VGG split the *batch* over four: each
# had all weights and a quarter of the pictures. A loss that is a mean over pictures has
# a gradient that is a mean too, so the quarters' gradients, averaged, are the whole
# batch's.

torch.manual_seed(0)
net = VGG((1, 1, 1), widths=(8, 16, 32), size=32, hidden=48, dropout=0.0)
x = vhist.data.normalize(vhist.data.resize(few.train.images[:64], 32))


def gradient(x, labels):
    loss = nn.functional.cross_entropy(net(x), labels)
    grads = torch.autograd.grad(loss, list(net.parameters()))
    return torch.cat([g.flatten() for g in grads])


alone = gradient(x, few.train.labels[:64])
quarters = zip(x.split(16), few.train.labels[:64].split(16), strict=True)
together = torch.stack([gradient(*quarter) for quarter in quarters]).mean(dim=0)
difference = ((together - alone).norm() / alone.norm()).item()
print(f"relative difference {difference:.0e}")
assert difference < 1e-5

# %%
# The paper reports the same result as on one card, 3.75 times faster
# :cite:p:`simonyan2014`. Today each GPU gets a process of its own, and gradients are
# averaged while the backward pass still runs::
#
#     torchrun --nproc-per-node 4 -m vhist train vgg16 --data imagenette
#
# For what is exact there, and what is not, see :doc:`Stop, resume, spread </training>`.
# The article used ``nn.DataParallel``: one process, which copies the weights to all
# cards in each step. It works, but PyTorch advises against it.
#
# Paper, here, torchvision
# ------------------------
#
# Is our class the library's network? At full size we compare shapes, at small size
# answers.

with torch.device("meta"):
    for letter, name in zip("ABDE", ("vgg11", "vgg13", "vgg16", "vgg19"), strict=True):
        pair = full[letter], vhist.create_model(name)
        ours, library = ([p.shape for p in net.parameters()] for net in pair)
        assert ours == library

twin = vhist.models.vgg_small(image_size=32, widths=(8, 16, 32, 64), hidden=48)
weights = zip(small.state_dict(), twin.state_dict().values(), strict=True)
small.load_state_dict(dict(weights))
x = torch.randn(4, 3, 32, 32)
difference = (small.eval()(x) - twin.eval()(x)).abs().max().item()
assert difference < 1e-5
print(f"largest difference of the logits: {difference:.1e}")

# %%
# Both agree. In training, the library's dropout comes earlier. What else differs? The
# paper's network is D; "here" is the small one of the records.

from torchvision.models import VGG16_Weights
from torchvision.models import vgg16 as torchvision_vgg16

with torch.device("meta"):
    recorded = vhist.create_model(run.model, **run.model_options)
    trio = (VGG(CONFIGURATIONS["D"], classes=1000), recorded, torchvision_vgg16())
shapes = [[p.shape for p in net.parameters()] for net in trio]
assert shapes[0] == shapes[2]
counts = [f"{sum(map(math.prod, found)):,}" for found in shapes]
convs = [sum(len(shape) == 4 for shape in found) for found in shapes]
assert counts[1] == f"{run.parameters:,}"
published_weights = VGG16_Weights.IMAGENET1K_V1
theirs_error = 100 - published_weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
area = " to ".join(f"{share:g}" for share in choices["crop_area"])
warm = f"{choices['warmup_epochs']:g} epoch"
augment = choices["augment"].replace("_", " ")
lines = [
    ("", "paper", "here", "torchvision"),
    ("parameters", *counts),
    ("convolutions", *convs),
    ("classes", *(found[-1].numel() for found in shapes)),
    ("first weights", "via A; later Glorot", "Glorot", "He; FC N(0, 0.01²)"),
    ("dropout", "after hidden", "before hidden", "after hidden"),
    ("pictures", "1.3 million", f"{seen['train']:,}", "1.3 million"),
    ("input", "224 px", f"{choices['image_size']} px", "224 px"),
    ("augmentation", "crop, flip, colour", f"{augment}, flip", "resized crop, flip"),
    ("  of scale", "S in 256...512", f"area {area}", "area 0.08 to 1"),
    ("optimizer", "SGD, momentum 0.9", choices["optimizer"], "SGD, momentum 0.9"),
    ("learning rate", "0.01", f"{choices['lr']:g}", "0.01"),
    ("  its course", "/10, three times", choices["schedule"], "/10 every 30 epochs"),
    ("  warm-up", "none", warm, "none"),
    ("batch", "256 on four GPUs", f"{choices['batch_size']}", "256 on eight GPUs"),
    ("weight decay", "0.0005", f"{choices['weight_decay']:g}", "0.0001"),
    ("label smoothing", "none", f"{choices['label_smoothing']:g}", "none"),
    ("clipping at norm", "none", f"{choices['clip_norm']:g}", "none"),
    ("epochs", "74, 2 to 3 weeks", f"{choices['epochs']}", "90"),
    ("test", "dense, one or more Q", "one view", "one crop"),
    ("top-1 error, ImageNet", "25.6 %", "not trained on it", f"{theirs_error:.1f} %"),
]
for line in lines:
    print("{:22}{!s:22}{!s:24}{}".format(*line))

# %%
# The paper's column is from its sections 3 and 4 :cite:p:`simonyan2014`, torchvision's
# from its `training script
# <https://github.com/pytorch/vision/tree/main/references/classification>`_ and from the
# card of its weights. D has torchvision's shapes; little else agrees.
#
# .. dropdown:: Why they differ
#
#    * *First weights:* Glorot's rule is the authors' own second thought; torchvision
#      took what was published a year later.
#    * *Dropout:* the library has it where the article behind this book has it.
#    * *Optimizer, course, smoothing, clipping:* later habits, for a run of minutes.
#    * *Layers, pictures, input, epochs:* one core instead of four cards. A crop that
#      varies in area does what the paper's S did.
#    * *Test:* one view, so that the four architectures of this book are judged alike.
#      The paper's and torchvision's errors differ by their tests, too.
#
# What came next
# --------------
#
# Two doors stood open. One was the :term:`head`: replace it by an average over the
# picture :cite:p:`lin2013` and most of the weights are gone. The other was depth.
# Better first weights :cite:p:`he2015delving` and batch normalisation
# :cite:p:`ioffe2015` soon let deeper networks start. They started, and did worse. That
# is the next chapter.
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
# * VGG is one rule and five numbers: convolutions per stage.
# * Stacked 3x3 filters see as far as one large filter, with fewer weights and more
#   nonlinearities.
# * Weights live in the fully connected layers, work in the convolutions.
# * A deep stack multiplies: first weights decide how large a signal arrives.
#
# Exercises
# ---------
#
# 1. *Glorot's rule with gain* :math:`\sqrt 2` *and He's rule: when do they agree?* The
#    gain multiplies :math:`\sigma`. Check your answer on a convolution from 64 to 128
#    channels.
#
#    .. dropdown:: Solution
#
#       When a layer has as many outputs as inputs:
#       :math:`2 \cdot 2 / (n + n) = 2 / n`. From 64 to 128 channels Glorot's variance
#       is two thirds of He's::
#
#          conv = nn.Conv2d(64, 128, 3)
#          gain = nn.init.calculate_gain("relu")
#          nn.init.xavier_uniform_(conv.weight, gain=gain)
#          print(conv.weight.var().item() / (2 / (9 * 64)))
#
# 2. *Give VGG-16 an average over the last 7x7 map and one linear layer.* How many
#    weights are left for ten classes?
#
#    .. dropdown:: Solution
#
#       The convolutions' 14,714,688 and the head's 512 · 10 + 10 = 5,130, together a
#       ninth of what there was.
#
# 3. *Start the nine-layer network above with N(0, 0.1²).* Does it explode?
#
#    .. dropdown:: Solution
#
#       No. Its factors :math:`0.1 \sqrt{n/2}` run from 0.4 (27 inputs) to 2.3 (1,024
#       inputs), and the nine of them multiply to about one. It learns. What makes E's
#       signal explode is width times depth.
#
# 4. *How many places of a square picture with Q = 384 does VGG-16 answer for,
#    densely?* And how far apart are they?
#
#    .. dropdown:: Solution
#
#       Five poolings make 384 / 32 = 12 columns, and a window of 7 has 12 - 7 + 1 = 6
#       places in each direction: 36 answers, 32 pixels apart. One crop is one answer.
#
# 5. *Does batch normalisation help a VGG that starts anyway?* It came a year later
#    :cite:p:`ioffe2015` and is the only change in this pair of runs on photographs.
#    Think of what it does to the factor g, and of six convolutions, not sixteen.
#    Predict the sign and the size. Then unfold.

vhist.plan.load("ablations").compare("vgg", "vgg_batch_norm")

# %%
# .. dropdown:: What came out
#
#    After twelve epochs the two cannot be told apart. The normalised network was far
#    ahead after the first of them; then the other caught up. Six convolutions with
#    Glorot's start keep g near enough to one, so there is probably little to repair.
#    And both runs share one recipe: a higher learning rate, which batch normalisation
#    is said to permit, was not tried. One seed; a small gain may well be there.
#
# 6. *Are three 3x3 layers better than one 7x7?* Both networks have four stages, half as
#    wide, with batch normalisation, and see equally far. One has three layers and three
#    ReLUs where the other has one and, as long as the channels stay the same, 27
#    weights where it has 49. Which of these matters at 64 pixels, within a dozen
#    epochs? Predict, then unfold.

vhist.plan.load("ablations").compare("vgg_three_3x3", "vgg_one_7x7")

# %%
# .. dropdown:: What came out
#
#    The single 7x7 is not worse. It is slightly ahead, by more than the luck of these
#    pictures (z is that of a :term:`paired test`), though one seed is no proof.
#    Probably four convolutions are quicker to train than twelve: it led clearly after
#    the first epoch. Nor are weights saved here: the first layer of each stage doubles
#    the channels, so the 7x7 sits on the thinner side, and the two networks are nearly
#    the same size. The paper's own check came out the other way: 5x5 layers in place of
#    pairs of 3x3 did worse, on ImageNet and trained to the end :cite:p:`simonyan2014`.
#
# Further reading
# ---------------
#
# :cite:t:`simonyan2014` has its best page in table 1. :cite:t:`glorot2010` and
# :cite:t:`he2015delving` are the two halves of the story of first weights, and
# :cite:t:`luo2016` measures how much of a receptive field is really used.
