"""
Final thoughts
==============

Four architectures in one table: what they cost, what they know, what is only luck.

Each chapter told one step. What was missing until now is the comparison: the same
pictures, the same loop, the same ruler, and an error bar on everything. Nothing is
trained here. The page reads the records of the runs and counts layers, and on two CPU
cores it runs in under a minute. You will see

* one table and one figure for all four networks, with the article's results beside;
* which of their differences survive a test on the same pictures;
* who leads for a given amount of computing, and what each design stopped deciding by
  hand.
"""

# %%
# The table
# ---------
#
# A row joins three things: the network at the size of its paper, which is only
# counted; its small version for 64 pixels, which vhist trained and recorded on
# Imagenette :cite:p:`howard2019imagenette`; and the result of the article from which
# this book grew, as a number of right answers out of 3,925.

# sphinx_gallery_thumbnail_number = 1
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import NormalDist

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from vhist import plots
from vhist.runs import Run
from vhist.summary import Summary


@dataclass(frozen=True)
class Line:
    family: str
    year: int
    net: nn.Module  # as large as in the paper; shapes only, no weights
    full: Summary
    small: Summary
    run: Run
    article: float  # accuracy, from the closing test of the article's log

    @property
    def name(self):
        return plots.LABELS[self.family]

    @property
    def color(self):
        return plots.COLORS[self.family]


def line(family, year, full, image_size, small):
    with torch.device("meta"):
        net = vhist.create_model(full, num_classes=10)
    records = [r for r in vhist.runs.load_all() if r.name == f"{small}-imagenette"]
    run = max(records, key=lambda r: r.date)
    trained = vhist.create_model(small, **run.model_options)
    counted = vhist.summary(trained, run.recipe["image_size"])
    assert counted.parameters == run.parameters
    article = vhist.runs.ARTICLE[family] / run.data["val"]
    return Line(
        family, year, net, vhist.summary(net, image_size), counted, run, article
    )


lines = [
    line("alexnet", 2012, "alexnet", 227, "alexnet_small"),
    line("vgg", 2014, "vgg16", 224, "vgg_small"),
    line("resnet", 2015, "resnet34", 224, "resnet_small"),
    line("vit", 2020, "vit_b_16", 224, "vit_small_8"),
]

print(" " * 17 + "size of the paper      small version        accuracy in %      CPU")
head = ("", "year", "params", "mult-adds", "params", "mult-adds", "recorded", "article")
print("{:8}{:>5}{:>8}{:>11} {:>8}{:>11}{:>13}{:>10}{:>7}".format(*head, "min"))
for w in lines:
    full, small, run = w.full, w.small, w.run
    print(
        f"{w.name:8}{w.year:>5}{full.parameters / 1e6:7.1f}M{full.macs / 1e9:10.2f}G"
        f" {small.parameters / 1e6:7.2f}M{small.macs / 1e6:10.0f}M"
        f"{100 * run.accuracy:7.1f} ± {100 * run.standard_error:.1f}"
        f"{100 * w.article:10.1f}{run.cpu_seconds / 60:7.0f}"
    )

# %%
# A multiply-add is one product added to a sum, two FLOP. The ± is the binomial
# standard error, :math:`\sqrt{p(1-p)/n}`; CPU minutes are those of the whole run, its
# evaluations included.
#
# The two columns of accuracies answer different questions. The article trained the
# full networks on larger pictures for 200 epochs and more, all with one learning rate
# that never fell, and tested them with dropout or batch statistics still switched on.
# Ours are small and were tested in evaluation mode. Read down a column, not across.
#
# Reading down, size and work do not go together. Ratios between neighbours say it
# best:

for old, new in pairwise(lines):
    size = new.full.parameters / old.full.parameters
    work = new.full.macs / old.full.macs
    print(f"{old.name:>8} to {new.name:7} size x {size:5.2f}   work x {work:5.2f}")

# %%
# From AlexNet to VGG the work grew about six times more than the size; ResNet then
# gave most of both back; ViT took the lead in work with fewer parameters than VGG.
# So the axis matters, and the figure has three. Filled markers are the recorded small
# networks, hollow ones the article's full networks. For speed there is no hollow one:
# the logs of the article tell no times.


def speed(run):
    """Training pictures per second of processor time, evaluations included."""
    return run.data["train"] * run.recipe["epochs"] / run.cpu_seconds


fig, axes = plt.subplots(1, 3, figsize=(7.2, 3.7), sharey=True, layout="constrained")
for w in lines:
    xs = (w.small.parameters, w.small.macs, speed(w.run))
    for ax, x in zip(axes, xs, strict=True):
        y, bar = 100 * w.run.accuracy, 200 * w.run.standard_error
        ax.errorbar(x, y, yerr=bar, fmt="o", color=w.color, capsize=3, label=w.name)
    for ax, x in zip(axes, (w.full.parameters, w.full.macs), strict=False):
        ax.plot(x, 100 * w.article, "o", mfc="none", mec=w.color, mew=1.5)
for ax, label in zip(
    axes, ("parameters", "multiply-adds", "pictures per CPU second"), strict=True
):
    ax.set(xscale="log", xlabel=label)
    ax.grid(alpha=0.3)
axes[2].set_xscale("linear")
axes[2].set_xlim(0, 1.15 * max(speed(w.run) for w in lines))
axes[0].set_ylabel("accuracy on Imagenette (%)")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Filled: small networks recorded by vhist, ± 2 standard errors. Hollow: the"
    " article's full-size networks. Left and middle: what accuracy costs in size and"
    " work; right: how fast the small networks learn on a processor.",
    "Three charts with accuracy upward, against parameters, multiply-adds and speed."
    " Each architecture has one colour, a filled marker with an error bar for the small"
    " network, and in the first two charts a hollow marker far to the right for the"
    " full one.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Equal work is not equal speed. A processor likes large matrix products and dislikes
# many small steps, so the right panel need not repeat the middle one:

by_work = sorted(lines, key=lambda w: w.small.macs)
by_speed = sorted(lines, key=lambda w: -speed(w.run))
print("least work first:", ", ".join(w.name for w in by_work))
print("fastest first:   ", ", ".join(w.name for w in by_speed))

# %%
# Nor were all recipes the same. A comparison with one recipe for all would be a
# comparison of who likes that recipe. These are the fields that differ in the
# records:

recipes = [w.run.recipe for w in lines]
differing = [key for key in recipes[0] if len({str(r[key]) for r in recipes}) > 1]
print(f"{'':16}" + "".join(f"{w.name:>10}" for w in lines))
for key in differing:
    print(f"{key:16}" + "".join(f"{r[key]!s:>10}" for r in recipes))
print(f"{len(differing)} of {len(recipes[0])} fields differ")

# %%
# Whatever a ranking says, it says about a network *and* these lines.
#
# Which differences are real?
# ---------------------------
#
# The usual test compares two accuracies as if they came from different pictures. Ours
# come from the same ones, and the records hold every answer. A picture that both
# networks get right says nothing about their difference. Let :math:`b` pictures be
# solved only by the first and :math:`c` only by the second; if they were equally
# good, each of these would be the toss of a coin. Then
#
# .. math:: z = \frac{b - c}{\sqrt{b + c}}
#
# is nearly standard normal. This is McNemar's test :cite:p:`mcnemar1947`. There are
# six pairs, so each must pass a six times stricter threshold to keep the chance of
# any false alarm at 5 %.

pairs = list(combinations(lines, 2))
threshold = NormalDist().inv_cdf(1 - 0.05 / len(pairs) / 2)
labels = torch.tensor(lines[0].run.labels)
assert all(w.run.labels == lines[0].run.labels for w in lines)
right = {w.name: torch.tensor(w.run.predictions) == labels for w in lines}

tests = []
for one, two in pairs:
    b = int((right[one.name] & ~right[two.name]).sum())
    c = int((~right[one.name] & right[two.name]).sum())
    z = (b - c) / max(b + c, 1) ** 0.5
    tests.append((one, two, b, c))
    verdict = "differ" if abs(z) > threshold else "cannot be told apart"
    print(f"{one.name:>8} {b:4} : {c:<4} {two.name:7} z = {z:+6.2f}  {verdict}")
print(f"threshold for |z|: {threshold:.2f}")

# %%
# As a picture: the difference of the two accuracies, with an interval that is wide
# enough for six looks. Where it crosses zero, the order of the two is not settled.

fig, ax = plt.subplots(figsize=(7.2, 3.0), layout="constrained")
total = len(labels)
for row, (_, two, b, c) in enumerate(tests):
    gap = (c - b) / total
    spread = threshold * ((b + c) / total - gap**2) ** 0.5 / total**0.5
    ax.errorbar(
        *(100 * gap, row), xerr=100 * spread, fmt="o", color=two.color, capsize=3
    )
ax.axvline(0, color="#8c959f", linestyle=":")
ax.set(yticks=range(6), yticklabels=[f"{w.name} to {v.name}" for w, v, *_ in tests])
ax.invert_yaxis()
ax.set_xlabel("accuracy of the second minus the first, in points")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Differences between the recorded networks on the same pictures, with simultaneous"
    " 95 % intervals; colour is the second network's.",
    "Six horizontal intervals, one per pair of networks, around a dotted line at zero.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The test covers the choice of pictures. It does not cover the dice of training: with
# another seed the same network gets another accuracy. The number of seeds behind each
# row:

for w in lines:
    seeds = {
        r.recipe["seed"]
        for r in vhist.runs.load_all()
        if (r.model, r.data["name"]) == (w.run.model, w.run.data["name"])
    }
    print(f"{w.name:8} {len(seeds)} seed(s)")

# %%
# With one seed, a verdict above reads "these two trained networks differ", not "these
# two architectures differ". In the article's own ranking the first place rests on
# little more than one standard error, as the introduction computed from its logs.
#
# The stored answers tell one more thing: whether the networks fail on the same
# pictures.

solved = torch.stack(list(right.values())).sum(dim=0)
for k in range(5):
    print(f"solved by {k} of 4: {int((solved == k).sum()):5} pictures")
for w in lines:
    alone = int((right[w.name] & (solved == 1)).sum())
    print(f"{w.name:8} is the only one right on {alone} pictures")
expected = torch.tensor([1 - r.double().mean() for r in right.values()]).prod()
print(f"unsolved if errors were independent: {total * expected:.0f}")

# %%
# The last line is what four strangers would leave unsolved. The more the first line
# exceeds it, the more the networks share what makes a picture hard: a small object, an
# odd view, two classes in one frame. And whatever one network solves alone is why the
# competition was won by averages of several.
#
# Accuracy for a budget
# ---------------------
#
# A table shows the end of a run. The logs also show the way, so we can ask who leads
# after a given amount of computing. Time is processor time: what the clock showed at
# the end of an epoch, times the share of it that the run spent computing. The strip
# below the curves has the colour of whoever leads.


def minutes(run):
    """Processor time at the end of each epoch, in minutes."""
    return [e["seconds"] * run.cpu_seconds / run.seconds / 60 for e in run.log]


def so_far(run, budget):
    """Accuracy of the last epoch that ended within the budget, 0 if none did."""
    done = [i for i, t in enumerate(minutes(run)) if t <= budget]
    return run.log[done[-1]]["val_accuracy"] if done else 0.0


def ranking(budget):
    return sorted(lines, key=lambda w: -so_far(w.run, budget))


ends = sorted({t for w in lines for t in minutes(w.run)})
fig, (ax, strip) = plt.subplots(
    2, 1, figsize=(7.2, 3.9), sharex=True, height_ratios=(12, 1), layout="constrained"
)
for w in lines:
    times = minutes(w.run)
    accuracy = [100 * e["val_accuracy"] for e in w.run.log]
    ax.plot(times, accuracy, color=w.color, label=w.name)
    ax.plot(times[-1], accuracy[-1], "o", color=w.color)
    ax.plot([times[-1], ends[-1]], accuracy[-1:] * 2, ":", color=w.color)
for start, stop in pairwise(ends):
    strip.axvspan(start, stop, color=ranking(start)[0].color, linewidth=0)
ax.set_ylabel("accuracy (%)")
ax.grid(alpha=0.3)
ax.legend(loc="lower right")
strip.set(yticks=[], xlabel="processor time of training (minutes)")
strip.set_ylabel("leads", rotation=0, ha="right", va="center")
strip.spines[:].set_visible(False)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Accuracy on the validation pictures against processor time; a dot ends a run and"
    " the dotted line carries its result on. The strip shows who leads.",
    "Four curves of accuracy rising with processor time, one per architecture, above a"
    " coloured strip that names the leader at each moment.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# In numbers, for budgets that double up to the longest run:

for halvings in range(5, -1, -1):
    budget = ends[-1] / 2**halvings
    best, second = ranking(budget)[:2]
    lead = so_far(best.run, budget) - so_far(second.run, budget)
    if so_far(best.run, budget):
        print(
            f"{budget:6.1f} min: {best.name:8}{so_far(best.run, budget):6.1%}, "
            f"{100 * lead:4.1f} points before {second.name}"
        )
    else:
        print(f"{budget:6.1f} min: nobody has finished an epoch")

# %%
# One caution. Every run was planned for its own length, and its learning rate falls
# towards the planned end; the last rise of a curve is mostly that fall. A network
# stopped half way is worse than the same network planned for half the time. So the
# strip is fair to runs that have ended and a little unfair to the others.
#
# What changed and what stayed
# ----------------------------
#
# Papers stress what is new. The layers themselves tell both. For each network at the
# size of its paper, we ask for its kinds of layers and where its multiply-adds are.


def kinds(net, word):
    """Names of the layers that have a word in their class's name."""
    names = {type(layer).__name__ for layer in net.modules()}
    return ", ".join(sorted(n for n in names if word in n)) or "none"


for w in lines:
    convs = [m for m in w.net.modules() if isinstance(m, nn.Conv2d)]
    linears = [m for m in w.net.modules() if isinstance(m, nn.Linear)]
    windows = sorted({m.kernel_size[0] for m in convs}, reverse=True)
    by_conv = sum(r.macs for r in w.full.rows if r.kind == "Conv2d") / w.full.macs
    print(f"{w.name} ({w.year})")
    print(f"  layers with weights  {len(convs)} convolutions, {len(linears)} linear")
    print(f"  windows in pixels    {', '.join(map(str, windows))}")
    print(f"  work in convolutions {by_conv:.1%}")
    print(f"  normalisation        {kinds(w.net, 'Norm')}")
    print(f"  activation           {kinds(w.net, 'LU')}")
    print(f"  pooling              {kinds(w.net, 'Pool')}")
    assert linears[-1].out_features == 10

# %%
# *What changed.* The window went from eleven pixels to three and then to a whole
# patch that is looked at once. Normalisation moved from neighbouring channels
# to the batch and then to the single token. Pooling faded, and hidden linear layers
# left with ResNet and came back inside every block of ViT. Convolution did nearly all
# of the work in three networks and does next to none in the fourth.
#
# *What stayed.* Linear maps with a simple bend between them. One linear layer at the
# end that turns features into classes. Cross-entropy and stochastic gradients,
# momentum in some form, crops and flips. All four pass through the same
# :func:`vhist.fit`, and no line of it asks which one it has.
#
# Seen from the designer's chair, each step took a decision away:
#
# * **AlexNet** no longer decides the features. The price: a million labelled
#   pictures and two GPUs.
# * **VGG** no longer decides the shape of each layer. The price: more multiply-adds,
#   by the factor computed at the top of this page.
# * **ResNet** no longer decides how deep is too deep. The price: shortcuts, and
#   statistics of the batch that differ between training and test.
# * **ViT** no longer decides who is a neighbour of whom. The price: data, or
#   augmentation, to learn it from.
#
# The list of decisions did not simply shrink. ViT has a patch size, a width, a number
# of heads and a recipe with more knobs than AlexNet's. What moved is where knowledge
# sits: less in the drawing of the network, more in data and training. On ImageNet
# alone ViT-B/16 reached 77.91 %, after pre-training on 303 million pictures 84.15 %
# :cite:p:`dosovitskiy2020`; with a better recipe and no further picture the same
# network reached 81.8 % :cite:p:`touvron2021`.
#
# What came next
# --------------
#
# * **Swin** :cite:p:`liu2021` gives attention its neighbourhoods back: windows
#   that shift from layer to layer, and stages of falling resolution, as in VGG.
# * **DaViT** :cite:p:`ding2022` alternates such windows with attention between
#   *channels*, each of which sees the whole picture.
# * **ConvNeXt** :cite:p:`liu2022` walks the other way. It starts from a
#   ResNet and adopts ViT's habits one by one: patches at the entrance, few
#   activations, LayerNorm, GELU, the training recipe. It ends level with Swin and
#   contains no attention at all. The recipe alone was worth 2.7 points.
#
# After ten years the two lines met in the middle. Locality turned out to be useful,
# not sacred.
#
# Which should I use?
# -------------------
#
# First the part that can be computed: of our own four records, the most accurate, and
# every other that the test could not tell from it.

best = max(lines, key=lambda w: w.run.accuracy)
rivals = [
    (two if one is best else one).name
    for one, two, b, c in tests
    if best in (one, two) and (b - c) ** 2 <= threshold**2 * (b + c)
]
good = [w for w in lines if w.name in (best.name, *rivals)]
print(f"most accurate: {best.name}")
print(f"not told apart from it: {', '.join(rivals) or 'none'}")
print(f"cheapest of these: {min(good, key=lambda w: w.run.cpu_seconds).name}")

# %%
# That holds for ten easy classes, small pictures, some nine thousand of them and
# minutes of training. Beyond it, conditions decide:
#
# * *A pre-trained network exists for pictures like yours.* Take it, whatever its
#   architecture, and fine-tune. This outweighs every difference on this page.
# * *A few thousand pictures and no pre-training.* Start with a ResNet. Convolution
#   brings along what a ViT would have to learn :cite:p:`dosovitskiy2020`, and batch
#   normalisation forgives a clumsy learning rate :cite:p:`ioffe2015`.
# * *Millions of pictures, or a strong recipe and patience.* A ViT is a good choice,
#   and the natural one if text or sound must enter the same network
#   :cite:p:`steiner2021,beyer2022`.
# * *Large pictures.* Attention between all patches grows with the square of their
#   number. Use windows (Swin) or convolutions (ConvNeXt).
# * *Batches of one or two.* Avoid batch normalisation.
# * *AlexNet or VGG?* To learn from, and as baselines without any modern help. New
#   work rarely has a reason to start from them, though VGG's features live on in
#   losses that compare images.
#
# And measure: the error bar of your own test set is usually wider than the difference
# between two good architectures.
#
# What to remember
# ----------------
#
# * Size, work and speed are three axes. A network can win on one and lose on another.
# * Compare on the same pictures, count who solved what, and correct for the number of
#   comparisons. Then repeat with another seed.
# * A ranking belongs to a budget, a data set and a recipe.
# * Every step handed a decision from the designer to the data, and data had to pay.
#
# Exercises
# ---------
#
# 1. *Why is the paired test sharper than comparing two error bars?* Pictures that both
#    networks solve, or both miss, cancel in the difference. Only :math:`b + c` of them
#    remain as noise.
# 2. *Let the four networks vote. Is the majority better than the best of them?* Take
#    the ``predictions`` of the records, use ``torch.mode(dim=0)`` and test the result
#    against the best network in the same way. An average of probabilities would do
#    better than votes, but records keep answers only.
# 3. *Two networks have the same accuracy. Do they do the same?* No: it only says that
#    :math:`b = c`. Print :math:`b + c` for the closest pair above; that is on how many
#    pictures one of them is right and the other is wrong.
#
# Further reading
# ---------------
#
# :cite:t:`liu2022` for an ablation that changes one thing at a time,
# :cite:t:`steiner2021` for how data, augmentation and regularisation trade against
# each other, and :cite:t:`beyer2022` for how little it takes to train a plain ViT
# well.
