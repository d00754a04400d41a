"""
Reading a training log
======================

A few printed lines, taken at their word, and what they give away against their will.

Every number in a paper was once a line that scrolled by. When the machine has gone
quiet, nobody can ask it again; what is missing then is a way to check the line. It
takes less than you think. This page cross-examines the last lines of four training
runs, first with arithmetic alone, then with two small networks that are trained here
and now. On two CPU cores it runs in well under a minute. You will learn from the lines

* how many pictures were tested, and how many the networks learned from;
* that something random was still switched on during the test;
* what they cannot tell, and what a log should hold instead.
"""

# %%
# The witness
# -----------
# The article is *vision-hist* :cite:p:`khazaei2024`. It trains AlexNet, VGG-16,
# ResNet-34 and ViT-B/16 on Imagenette :cite:p:`howard2019imagenette`, and prints the
# end of each run. AlexNet's ends like this:
#
# .. code-block:: text
#
#    Epoch: 400  Step: 14790  Loss: 0.1283  Acc: 96.484375 %
#    Epoch: 400  Step: 14800  Loss: 0.1370  Acc: 96.04743957519531 %
#    Accuracy of the network on the 10000 test images: 78.216552734375 %
#    training complete
#    testing on cuda
#    Accuracy of the network on the 10000 test images: 78.01273345947266 %
#
# Before you read on: one statement in it cannot be true. Which one, and how do you see
# that without a computer?
#
# An accuracy is a count over a count. Of 10,000 pictures each is worth 0.01 %, so 78.21
# and 78.22 are possible but nothing between. Single precision may add a tail of
# rounding, as in 78.22000122, but never makes 78.2165. So the number of pictures was
# different. Let us ask all four runs, each of which prints two such lines.

# sphinx_gallery_thumbnail_number = 1
import copy
import math

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

import vhist
from vhist import plan, plots

tests = {  # accuracy in %: after the last epoch, and once more at the very end
    "alexnet": (78.216552734375, 78.01273345947266),
    "vgg": (86.08916473388672, 85.73248291015625),
    "resnet": (86.36942291259766, 86.64967346191406),
    "vit": (69.29936218261719, 68.84075927734375),
}


def sieve(percents, tolerance, largest=20_000):
    """Denominators that fit the first accuracy, the first two, the first three..."""
    n = torch.arange(1, largest + 1).double()
    fits, left = torch.ones(largest, dtype=torch.bool), []
    for percent in percents:
        nearest = 100 * (percent * n / 100).round() / n
        fits = fits & ((nearest - percent).abs() < tolerance)
        left.append(n[fits].int().tolist())
    return left


# %%
# Each accuracy is a sieve: only those numbers of pictures fall through for which some
# whole number of right answers gives it. To watch the sieves at work we first coarsen
# them and believe only four decimals.

VIOLET, GREY = "C0", "#8c959f"
percents = [percent for pair in tests.values() for percent in pair]
left = sieve(percents, 0.00005)
for percent, numbers in zip(percents, left, strict=True):
    print(f"{percent:8.4f} %  leaves {len(numbers):5} of 20,000 denominators")
print("the last ones:", left[-1])
assert left[-1] == [3925 * k for k in range(1, 6)]
assert 10_000 not in left[0]
assert [n for n in left[0] if abs(n - 10_000) < 100] == [9_902, 10_003]
assert len(left[1]) == 8

fig, ax = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
for n in left[-1]:
    ax.axvline(n, color=VIOLET, linewidth=4, alpha=0.3)
    ax.text(n, -0.75, f"{n:,}", color=VIOLET, ha="center")
ax.axvline(10_000, color=GREY, linestyle=":")
ax.text(9_900, 5.5, "the log:\n10,000", ha="right", va="center", size=9)
for row, numbers in enumerate(left):
    color = list(plots.COLORS.values())[row // 2]
    width = 2 if row else 0.7  # the first row is crowded
    ax.plot(numbers, [row] * len(numbers), "|", color=color, markersize=12, mew=width)
names = [f"{plots.LABELS[name]} {p:.2f}" for name in tests for p in tests[name]]
ax.set_yticks(range(8), names)
ax.set(ylim=(7.6, -1.2), xlim=(0, 20_400), xlabel="number of tested pictures")
ax.xaxis.set_major_formatter("{x:,.0f}")
ax.spines["left"].set_visible(False)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Which numbers of pictures are possible? Every row keeps what fits its accuracy and"
    " all above it, to four decimals. In the end only multiples of 3,925 are left. The"
    " stroke of the first row that meets the dotted line is 10,003; 10,000 is not among"
    " them.",
    "Eight rows of vertical strokes over the numbers up to 20,000. The first row is"
    " crowded, the second has eight strokes, none of them near 10,000, and from the"
    " third on there are five at equal distances.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The claim falls at the first sieve. What is left is 3,925, the size of Imagenette's
# validation split, and its multiples, which give the same fractions. The "10000" was
# not counted; in the article's public code it is a constant. The :doc:`introduction
# <plot_00_introduction>` found it from all the digits of all eight. How many of them
# are really needed?

for tolerance in (5e-3, 5e-4, 5e-5, 2e-5):
    counts = [len(numbers) for numbers in sieve(percents, tolerance)]
    print(f"± {tolerance:.0e}:", *(f"{count:6}" for count in counts))
total = 3925
right = {m: [round(p / 100 * total) for p in pair] for m, pair in tests.items()}
assert len(sieve(percents, 2e-5)[1]) == 5
assert {m: last for m, (_, last) in right.items()} == vhist.runs.ARTICLE

# %%
# With all the digits of single precision two lines are enough; with two decimals even
# eight are not. *Printed digits are evidence.* In psychology, published means are
# tested in this way, and many turn out to be impossible :cite:p:`brown2017`.
#
# What did it learn from?
# -----------------------
# The lines above the tests report single batches of the training. They are fractions
# as well, with a smaller denominator. Four lines per run are printed, ten steps apart.

batches = {
    "alexnet": (93.75, 92.1875, 96.484375, 96.04743957519531),
    "vgg": (94.140625, 91.40625, 92.578125, 94.07115173339844),
    "resnet": (95.3125, 95.703125, 94.921875, 94.07115173339844),
    "vit": (88.28125, 83.984375, 88.28125, 88.14229583740234),
}
fig, ax = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
for row, (model, lines) in enumerate(batches.items()):
    for i, percent in enumerate(lines):
        (sizes,) = sieve([percent], 2e-5, largest=256)
        color, sign = plots.COLORS[model], "o" if i < 3 else "D"
        ax.plot(sizes, [5 * row + i] * len(sizes), sign, color=color, markersize=4)
        assert sizes[-1] == (256 if i < 3 else 253)
        assert i < 3 or sizes == [253]
ax.set_yticks([5 * r + 1.5 for r in range(4)], [plots.LABELS[m] for m in batches])
ax.tick_params(axis="y", length=0)
ax.set(xlabel="pictures in the batch", ylim=(19, -1), xlim=(0, 262))
ax.set_xticks(range(0, 257, 32))
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Batch sizes up to 256 that fit each training accuracy, four lines per run. Three"
    " lines have 256 in common; the last (diamond) fits 253 and nothing else.",
    "Four groups of four rows of dots. In each group the dots of the first three rows"
    " stand at multiples of some power of two and all end at 256; the fourth row has a"
    " single dot at 253.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Batches of 256, as the article says, and in every run the last printed one has 253.
# So the last line is the short batch at the end of an epoch. That gives the size of the
# training set, for the log also numbers epochs and steps:

ends = {"alexnet": (400, 14_800), "vgg": (200, 7_400)}
ends |= {"resnet": (200, 7_400), "vit": (200, 7_400)}
for model, (epochs, steps) in ends.items():
    per_epoch, rest = divmod(steps, epochs)
    learned_from = 256 * (per_epoch - 1) + 253
    print(
        f"{plots.LABELS[model]:8} {steps:6,} steps / {epochs} = {per_epoch} per epoch"
    )
    assert rest == 0
print(f"36 batches of 256 and one of 253: {learned_from:,} pictures")

run = plan.load("short").records()["resnet_small"][0]
print(f"our own record of Imagenette:     {run.data['train']:,} pictures")
assert learned_from == run.data["train"]

# %%
# To the last picture. And a contradiction: above the log of AlexNet the article lists
# its settings, with 200 epochs. The steps say 400. Whatever was listed there is not
# what was run, and we should trust the other settings a little less, too. Nor is "Acc"
# the training accuracy: it is that of one batch of random crops, with a standard error
# of more than a point.
#
# One network, two answers
# ------------------------
# The two tests of a run have nothing between them but the words "training complete".
# The weights are the same, and so are the pictures.

for model, (first, last) in right.items():
    print(f"{plots.LABELS[model]:8} {first} right, then {last}: {last - first:+}")
    assert abs(last - first) >= 8

# %%
# A network is a function. Why should it change its answer? There are three suspects:
# rounding, since a GPU adds in an order that varies; random crops, if the tests used
# them; and layers that behave differently during training. We train two small networks,
# one with *dropout* :cite:p:`srivastava2014`, one with *batch normalisation*
# :cite:p:`ioffe2015`, and test each of them again and again.

data = vhist.load_dataset("sketchnette")
parts = (data.train[:2000], data.val)
x, new_x = (vhist.data.normalize(vhist.data.resize(p.images, 16)) for p in parts)
y, new_y = (p.labels for p in parts)


def conv(channels, width, norm):
    middle = [nn.BatchNorm2d(width)] if norm else []
    layers = [nn.Conv2d(channels, width, 3, padding=1), *middle, nn.ReLU()]
    return [*layers, nn.MaxPool2d(2)]


def trained(dropout=0.0, norm=False, epochs=8):
    torch.manual_seed(0)
    head = [nn.Linear(32 * 4 * 4, 64), nn.ReLU(), nn.Dropout(dropout)]
    layers = [*conv(3, 16, norm), *conv(16, 32, norm), nn.Flatten(), *head]
    net = nn.Sequential(*layers, nn.Linear(64, 10))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(len(y)).split(50):
            loss = F.cross_entropy(net(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net


@torch.no_grad()
def count(net, order):
    """Right answers to the new pictures, asked in batches of 50."""
    net = copy.deepcopy(net)  # a test in training mode moves the running statistics
    return sum(
        int((net(new_x[c]).argmax(1) == new_y[c]).sum()) for c in order.split(50)
    )


dropped, normed = trained(dropout=0.5), trained(norm=True)

# %%
# ``net.train()`` and ``net.eval()`` switch between the two behaviours. Eight tests in
# training mode, three in evaluation mode, each with the pictures in a new order or
# always in the same one:

same = torch.arange(len(new_y))
counts = {}
for name, net in (("dropout", dropped), ("batch norm", normed)):
    for mode, times in ((net.train, 8), (net.eval, 3)):
        mode()
        for how in ("same order", "new order"):
            orders = [
                same if how == "same order" else torch.randperm(len(same))
                for _ in range(times)
            ]
            key = f"{name}, {mode.__name__}, {how}"
            counts[key] = [count(net, order) for order in orders]
            print(f"{key:30}", *counts[key])

fig, ax = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
for row, (key, results) in enumerate(counts.items()):
    shift = [row + 0.08 * (i - (len(results) - 1) / 2) for i in range(len(results))]
    color = VIOLET if "eval" in key else GREY
    ax.plot(results, shift, "o", color=color, markersize=4)
ax.set_yticks(range(len(counts)), counts)
ax.set(xlabel=f"right answers of {len(same):,}", ylim=(len(counts) - 0.4, -0.6))
ax.grid(axis="x", alpha=0.3)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Every dot is a test of the same weights on the same pictures. Dots in a column are"
    " answers that can be repeated; a cloud is a network that is still throwing dice.",
    "Eight rows of dots. Dropout in training mode gives two clouds far to the left of"
    " two columns in evaluation mode. Batch normalisation in training mode gives a"
    " column when the order is the same and a cloud when it is new; in evaluation mode"
    " two columns at one place.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
for name in ("dropout", "batch norm"):
    evaluated = {n for key in counts if f"{name}, eval" in key for n in counts[key]}
    assert len(evaluated) == 1  # whatever the order
    assert len(set(counts[f"{name}, train, new order"])) > 1
assert len(set(counts["dropout, train, same order"])) > 1
assert len(set(counts["batch norm, train, same order"])) == 1
assert max(counts["dropout, train, new order"]) < min(
    counts["dropout, eval, new order"]
)

with torch.no_grad():
    single = dropped(new_x).argmax(1)  # in evaluation mode, in float32
    for bits, kind in ((53, torch.float64), (11, torch.float16), (8, torch.bfloat16)):
        other = copy.deepcopy(dropped).to(kind)(new_x.to(kind)).argmax(1)
        changed = int((single != other).sum())
        print(f"{bits:2} bits instead of 24 change {changed} of {len(same):,} answers")
        assert changed <= (10 if bits == 8 else 3)

# %%
# The first suspect has an alibi. A GPU that rounds the inputs of its convolutions
# (TF32) keeps 11 bits, and those change fewer answers than the log needs, two to five
# in a thousand. Only 8 bits would come near. Dropout in training mode does what the log
# shows, and it also costs accuracy, since every answer is given with half of the hidden
# units missing. Batch normalisation in training mode answers by the company a picture
# keeps, and need not be worse for it; :doc:`the chapter on ResNet <plot_30_resnet>`
# looks more closely. With the same batches it repeats itself; so, if it was batch
# normalisation, the article's two tests of ResNet had different batches.
#
# The second suspect, crops, cannot be ruled out by the log. Here the article's
# repository helps. Test pictures are only resized, but they are shuffled; the first
# test splits every batch over two GPUs, the closing one does not; and nowhere is
# ``eval()`` called. With this code all four headline accuracies were measured in
# training mode, and those of AlexNet, VGG and ViT are probably too low. By how much, no
# log can say: our network is different, and so is its gap.
#
# .. admonition:: A common slip
#
#    The article's code does write ``with torch.no_grad():`` around its tests, as many
#    do who believe that this is the switch. It saves memory, because nothing is kept
#    for gradients; dropout and batch normalisation do not notice it. A test needs both:
#    ``net.eval()`` and ``torch.no_grad()``. :func:`vhist.evaluate` does both and
#    restores the mode afterwards.
#
# The learning rate that never fell
# ---------------------------------
# According to its settings the article divides the learning rate of 0.0001 by ten at
# regular intervals: ``StepLR`` with a step size of 2,000 for AlexNet and VGG, of 1,000
# for the others. Steps of what? PyTorch counts calls of ``scheduler.step()``, so
# everything depends on its place. The formula is short enough to try both.

step_size = {"alexnet": 2000, "vgg": 2000, "resnet": 1000, "vit": 1000}


def rate(calls, size):
    return 1e-4 * 0.1 ** (calls // size)


optimizer = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=1e-4)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.1)
for calls in range(10):  # is the formula PyTorch's?
    assert math.isclose(scheduler.get_last_lr()[0], rate(calls, 3))
    optimizer.step()
    scheduler.step()

print("rate of the last step, if the scheduler is called once per")
for model, (epochs, steps) in ends.items():
    by_epoch, by_batch = (rate(n - 1, step_size[model]) for n in (epochs, steps))
    print(f"{plots.LABELS[model]:8} epoch: {by_epoch:.0e}   batch: {by_batch:.0e}")
    assert by_epoch == 1e-4
    assert math.isclose(by_batch, 1e-7 if model == "vgg" else 1e-11)

# %%
# Up to a ten-millionfold fall, or none at all. A weight has about seven digits in
# single precision, and Adam's steps are about as long as the learning rate
# :cite:p:`kingma2015`. Which steps would a weight of 0.01 notice?

weight = torch.tensor(0.01)
for small in (1e-7, 1e-8, 1e-9, 1e-10, 1e-11):
    print(f"0.01 - {small:.0e} differs from 0.01: {bool(weight - small != weight)}")
assert weight - 1e-7 != weight
assert weight - 1e-11 == weight
too_small = (torch.nextafter(weight, torch.tensor(1.0)) - weight).item() / 2

fig, ax = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
for model, (_, steps) in ends.items():
    dashes = (0, (5, 5)) if model in ("vgg", "vit") else "-"  # they lie on another
    style = {"color": plots.COLORS[model], "linestyle": dashes, "linewidth": 2}
    values = [rate(i, step_size[model]) for i in range(steps)]
    ax.semilogy(values, **style, label=f"{plots.LABELS[model]}, per batch")
ax.axhline(1e-4, color=GREY, linewidth=4, alpha=0.5, label="all four, per epoch")
ax.axhspan(1e-12, too_small, color=GREY, alpha=0.2, linewidth=0)
ax.text(14_800, 2e-12, "lost on a weight of 0.01", ha="right")
ax.set(xlabel="training step", ylabel="learning rate", ylim=(1e-12, 1e-3))
ax.legend(loc="lower left")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Two readings of the same settings. Called once per epoch, the schedule never gets"
    " to its first drop. Called once per batch, it ends where steps are rounded away,"
    " except for VGG.",
    "Learning rates on a logarithmic axis against training steps. A wide horizontal"
    " line stays at the top; four staircases descend from it by a factor of ten per"
    " stair, those of AlexNet, ResNet and ViT into a shaded zone at the bottom.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Both readings agree with every printed line, so the text alone cannot decide. The
# repository does. There ``scheduler.step()`` stands in the loop over epochs: the rate
# was 0.0001 from the first step to the last. That is strong evidence, not proof, since
# the state of a repository need not be that of a run: there AlexNet has a step size of
# 500, not the 2,000 of the text. But its run had 400 epochs, too few for either.
#
# One column in the log, the learning rate, would have settled it, and would have shown
# its author that the schedule did nothing.
#
# .. admonition:: A common slip: a schedule in epochs, stepped in batches
#
#    Or the other way round, as here. A scheduler has no idea what an epoch is; it
#    counts its calls. Write the unit into the name of the setting (``step_epochs``),
#    log the rate that was used, and look at the last line.
#
# Weight decay that was nearly off
# --------------------------------
# The same small rate has a second victim. At every step PyTorch's AdamW takes away a
# share of every weight, learning rate times decay; in the paper
# :cite:p:`loshchilov2019` only the schedule's factor multiplies the decay. With 0.0001
# and 0.01 PyTorch's share is a millionth. How much of a weight is left at the end, if
# nothing else moves it?

w = nn.Parameter(torch.ones(1, dtype=torch.float64))
w.grad = torch.zeros_like(w)
optimizer = torch.optim.AdamW([w], lr=1e-4, weight_decay=0.01)
for _ in range(100):
    optimizer.step()
assert math.isclose(w.item(), (1 - 1e-6) ** 100, rel_tol=1e-12)

for steps in (7_400, 14_800):
    print(f"article, {steps:6,} steps: {(1 - 1e-6) ** steps:.2%} left")
steps = 90 * 1_200_000 / 128  # AlexNet's paper: epochs, pictures, batch
mean_rate = sum(0.01 * 0.1**k for k in range(4)) / 4  # four phases, taken as equal
exponent = steps * mean_rate * 0.0005 / (1 - 0.9)  # momentum makes ten steps of one
print(f"AlexNet's own recipe: exp(-{exponent:.1f}), or {math.exp(-exponent):.4%} left")
assert 11 < exponent < 13
assert (1 - 1e-6) ** 14_800 > 0.98

# %%
# The figures in the last lines are those of :cite:t:`krizhevsky2012`: about 90 epochs
# over 1.2 million pictures, batches of 128, a rate of 0.01 that was lowered three
# times, a decay of 0.0005, momentum 0.9. That the four phases were equally long is our
# assumption, and it need not be exact. There, a weight must be constantly renewed to
# stay alive; in the article, decay takes at most one and a half percent in the whole
# run. A setting that is listed need not be at work.
#
# Is the ranking real?
# --------------------
# Last, the claim that matters: ResNet first, VGG second. If a network is right on a
# picture with probability :math:`p`, the accuracy on :math:`n` pictures has the
# standard error :math:`\sqrt{p(1-p)/n}`; for the difference of two, the squares add up.


def z(one, two, test):
    """Difference of two accuracies in standard errors."""
    p, q = right[one][test] / total, right[two][test] / total
    return (p - q) / ((p * (1 - p) + q * (1 - q)) / total) ** 0.5


for one, two in (("vgg", "alexnet"), ("resnet", "vgg")):
    pair = f"{plots.LABELS[one]} before {plots.LABELS[two]}"
    print(
        f"{pair:20} z = {z(one, two, 0):.2f}, in the closing test {z(one, two, 1):.2f}"
    )
assert z("vgg", "alexnet", 1) > 8
assert z("resnet", "vgg", 0) < 0.5 < 1.1 < z("resnet", "vgg", 1) < 1.3

fig, ax = plt.subplots(figsize=(7.2, 2.6), layout="constrained")
for row, (model, both) in enumerate(right.items()):
    for test, shift in ((0, -0.14), (1, 0.14)):
        p = both[test] / total
        bar = 200 * (p * (1 - p) / total) ** 0.5
        style = {"mfc": "none"} if test == 0 else {}
        where = (100 * p, row + shift)
        ax.errorbar(*where, xerr=bar, fmt="o", color=plots.COLORS[model], **style)
ax.set_yticks(range(4), [plots.LABELS[model] for model in right])
ax.set(ylim=(3.5, -0.5), xlabel="accuracy (%), ± 2 standard errors")
ax.grid(axis="x", alpha=0.3)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "The article's results with error bars: hollow, the test after the last epoch;"
    " filled, the closing test of the same weights.",
    "Four rows with two intervals each. Those of VGG and ResNet overlap, the hollow"
    " ones almost wholly;"
    " AlexNet lies clearly to the left of them, ViT far to the left.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# VGG's lead over AlexNet is far beyond the luck of the pictures. ResNet's over VGG is
# little more than one standard error, where custom asks for two. And dice that should
# not have been there have a say in it: one test earlier, with the same weights, the
# lead was 11 pictures and not 36.
#
# All networks saw the same pictures, so a paired test would be sharper
# :cite:p:`mcnemar1947`: of the pictures that exactly one of two networks gets right,
# who gets how many? But that needs the answers, and the log has only their sum. With
# :math:`b` pictures solved by ResNet alone and :math:`c` by VGG alone we know
# :math:`b - c = 36` and not :math:`b + c`, so :math:`z = (b - c)/\sqrt{b + c}` is open:

b_minus_c = right["resnet"][1] - right["vgg"][1]
most = 2 * total - right["resnet"][1] - right["vgg"][1]  # no error in common
print(f"b + c from {b_minus_c} to {most}:", end=" ")
print(f"z from {b_minus_c**0.5:.2f} down to {b_minus_c / most**0.5:.2f}")
assert b_minus_c**0.5 > 5
assert b_minus_c / most**0.5 < 1.2

labels = torch.tensor(run.labels)
ours = (run, plan.load("short").records()["vgg_small"][0])
assert ours[1].labels == run.labels
solved = [torch.tensor(r.predictions) == labels for r in ours]
one_only = int((solved[0] ^ solved[1]).sum())
p, q = (s.double().mean().item() for s in solved)
by_chance = total * (p * (1 - q) + q * (1 - p))
print(f"our own VGG and ResNet: b + c = {one_only}, by chance {by_chance:.0f}")
assert one_only < 0.9 * by_chance

# %%
# Six standard errors or one, from one log! In the last line a record answers what the
# log could not: our two networks often fail on the same pictures, so they differ on
# fewer than two strangers would. :doc:`Final thoughts <plot_90_final_thoughts>` tests
# all pairs of our networks in this way. And none of these tests knows what another seed
# would have brought; only more runs do :cite:p:`bouthillier2021`.
#
# What a log should hold
# ----------------------
# Every run in this book leaves a record. These are the facts of one:

last = run.log[-1]
record = {
    "command": run.command,
    "code": f"commit {run.commit or 'unknown'}",
    "versions": ", ".join(f"{name} {v}" for name, v in run.versions.items()),
    "machine": f"{run.device}, {run.threads} thread(s)",
    "data": f"{run.data['name']}, fingerprint {run.data['fingerprint']}",
    "seed": run.recipe["seed"],
    "last line": {k: last[k] for k in ("epoch", "lr", "train_loss", "val_accuracy")},
    "answers": f"{len(run.predictions):,}, each of them kept",
}
for key, value in record.items():
    print(f"{key:10} {value}")

# %%
# Does our own log survive the cross-examination? Every accuracy of every epoch must be
# a whole number of pictures, and the last one must be what the kept answers add up to.

lines = 0
for r in vhist.runs.load_all():
    answers = zip(r.predictions, r.labels, strict=True)
    hits = [e["val_accuracy"] * len(r.labels) for e in r.log]
    assert all(abs(h - round(h)) < 0.01 for h in hits)  # logged to six digits
    assert round(hits[-1]) == sum(a == b for a, b in answers)
    lines += len(hits)
print(f"{lines} lines of {len(vhist.runs.list_runs())} records: all whole, all add up")

# %%
# **Ten questions to a log**
#
# 1. *On how many pictures?* Counted by the program, not typed by its author.
# 2. *On which?* If they were looked at after each epoch, they are validation pictures,
#    whatever the line calls them. The article has no others, and neither have we.
# 3. *Does a second test of the same weights give the same answer?*
# 4. *Is it the last epoch, or the best of all that were looked at?*
# 5. *How many steps, of how many pictures each?* Multiply, and compare with the data.
# 6. *What was the learning rate at the end?* As used, not as set.
# 7. *Which command and which settings?* Written by the run, not copied beside it.
# 8. *Which code, which versions, which machine?*
# 9. *Which seed, and how many of them?*
# 10. *How sure?* An error bar; better, the answers themselves.
#
# The article's log answers 4 and 5, and 1 and 3 against its will. A record answers all
# ten: 3 by naming its code, which tests in evaluation mode, and the second half of 9
# together with the records of other seeds.
#
# Experiments
# -----------
# Claims of this page in their smallest form, each a script to copy and change:
#
# .. minigallery::
#
#    ../examples/experiments/plot_average_of_averages.py
#    ../examples/experiments/plot_denominators.py
#    ../examples/experiments/plot_schedule_unit.py
#    ../examples/experiments/plot_two_answers.py
#
# What to remember
# ----------------
# * An accuracy is a fraction. Its digits betray the denominator.
# * The same weights must give the same answer. If not, something random is live.
# * ``no_grad`` is not ``eval``, and a scheduler counts calls, not what you meant.
# * Log what was used, not what was set.
# * Say which part is arithmetic, which is evidence, and which is guessing. The log gave
#   us the first, the repository the second.
#
# Exercises
# ---------
# 1. *A report says 91.3 % on 40 pictures. Is that possible?* Run
#    ``sieve([91.3], 0.05, 40)``.
#
#    .. dropdown:: Solution
#
#       No. The only number up to 40 that fits is 23, with 21 right; of 40 pictures, 36
#       right are 90 % and 37 are 92.5 %.
#
# 2. *Run* ``sieve(percents, 0.005)``. *Why does every number from 10,000 on remain?*
#
#    .. dropdown:: Solution
#
#       Above it neighbouring fractions are less than 0.01 points apart, and one is
#       always near enough. Rounding to two decimals would have hidden everything.
#
# 3. *Put the scheduler into the loop over batches. After how many epochs of 37 steps
#    would ResNet's rate be lost on a weight of 0.01?*
#
#    .. dropdown:: Solution
#
#       Print ``rate(37 * e, 1000)`` until it is below ``too_small``: the sixth drop
#       does it, after 6,000 steps, in epoch 163 of 200.
#
# 4. *Let dropout vote.* Add up the ``softmax`` of twenty passes of ``dropped`` in
#    training mode and count again. How much of the loss comes back?
#
#    .. dropdown:: Solution
#
#       Most of it: the dice cancel, and what remains is close to evaluation mode, which
#       stands for the mean over all of them.
#
# 5. *The same slip, on purpose.* One recorded AlexNet was tested with dropout left on,
#    after every epoch and at the end; its training did not differ. Predict: does its
#    training loss change, and by how much does its accuracy fall? Then unfold.

plan.load("ablations").compare("alexnet", "alexnet_dropout_in_evaluation")

# %%
# .. dropdown:: What came out
#
#    The training loss is the very same number, in every epoch. Both runs have the same
#    seed and take the same steps, and the dice thrown while testing do not touch the
#    training. The accuracy falls by a little, yet by more than chance: most answers
#    survive the dice, and of those that change sides more are lost than won. For the
#    article this hints at the direction but is no correction: its network is different.
#
# 6. *What is the article's recipe worth?* A constant rate and large batches are the
#    settings that this log gave away. :func:`vhist.recipe.recipe_for` has them as a
#    family, and the plan ``article`` trains our small networks with them, for as many
#    epochs as the plan ``short``. Guess what each network loses, in points, then look.

article, ours = (plan.load(name).records() for name in ("article", "short"))
for label in article:
    there, here = article[label][0], ours[label][0]
    print(f"{label:16}{there.accuracy:7.1%} there {here.accuracy:7.1%} here", end="")
    print(f"   z = {vhist.runs.paired_z(here, there):+.1f}")

# %%
# .. dropdown:: What came out
#
#    For every architecture the article's recipe is far behind ours at equal epochs. Its
#    networks have not memorised too much, they have learned too little: their training
#    loss is higher, though ours pays for smoothed labels, and still falling. At a
#    constant 1e-4 the steps are short, batches four times as large leave only a quarter
#    of them, crops down to less than a tenth of a picture make each harder, and the ViT
#    has a dropout of 0.5 after most of its linear layers.
#
#    The pairs cannot say how much each of these costs, because two such runs differ in
#    more than one setting; for ResNet even in the optimizer. Nor do they judge the
#    article's own runs, which had six to eighteen times the epochs. And the machines
#    differ: these runs were made on a GPU, whose convolutions may round float32, ours
#    on a CPU.
#
# Further reading
# ---------------
# :cite:t:`brown2017` is the sieve at work on a whole field. :cite:t:`bouthillier2021`
# measure what seeds, data and settings contribute to the spread of results, and
# :cite:t:`pineau2021` tell how a conference came to ask its authors for a checklist.
