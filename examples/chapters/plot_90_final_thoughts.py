"""
Final thoughts
==============

Four architectures in one table: what they cost, what they know, what is only luck.

Each chapter covered one step. What was missing until now is the comparison: the same
pictures, the same loop, the same ruler, and error bars on everything. Nothing is
trained here. The page reads the records of the runs and counts layers, and on two CPU
cores it runs in under a minute. You will see

* one table and one figure for all four networks, small and at full size, with the
  article's results alongside;
* which of their differences survive a test on the same pictures;
* who leads for a given amount of computing, and what each design stopped deciding by
  hand;
* how far each network can see, and how far it looks.
"""

# %%
# The table
# ---------
#
# Three plans stand behind it. A *plan* is a list of runs: short ones of small networks,
# long ones, and those of a GPU; ``vhist runs record short`` repeats the first.
# :doc:`All results </results>` names every machine.

# sphinx_gallery_thumbnail_number = 1
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from statistics import NormalDist

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from vhist import plots
from vhist.models import BasicBlock
from vhist.models.vit import Block
from vhist.runs import ARTICLE, Run, cost, mean_std, variant

plans = {name: vhist.plan.load(name) for name in ("short", "long", "gpu")}


@dataclass(eq=False)
class Line:
    family: str
    plan: str
    label: str  # in its plan
    runs: list[Run]  # one per seed

    def __post_init__(self):
        self.name, self.color = plots.LABELS[self.family], plots.COLORS[self.family]
        self.score, self.run = mean_std(self.runs), self.runs[0]
        what = variant(self.label, self.run)  # of two runs of one network
        self.which = f"{self.plan}, {what}" if what else self.plan
        self.minutes = sum(r.minutes for r in self.runs) / len(self.runs)
        self.speed = sum(r.pictures_per_second for r in self.runs) / len(self.runs)
        net = vhist.create_model(self.run.model, **self.run.model_options)
        self.macs = vhist.summary(net, self.run.recipe["image_size"]).macs


lines = [
    Line(family, name, label, runs)
    for family in plots.LABELS
    for name, plan in plans.items()
    for label, runs in plan.records().items()
    if runs[0].model.startswith(family)
]
judged = len(lines[0].run.labels)
article = {family: right / judged for family, right in ARTICLE.items()}

# %%
# Accuracy against what? Size and work do not go together, so the figure has four axes.
# For full networks it has two: GPU seconds are not CPU seconds, and the article's logs
# give no times.

PAPER = {  # year, model, side of its pictures
    "alexnet": (2012, "alexnet", 227),
    "vgg": (2014, "vgg16", 224),
    "resnet": (2015, "resnet34", 224),
    "vit": (2020, "vit_b_16", 224),
}
with torch.device("meta"):  # shapes only, no weights
    nets = {f: vhist.create_model(m, num_classes=10) for f, (_, m, _) in PAPER.items()}
full = {f: vhist.summary(nets[f], size) for f, (_, _, size) in PAPER.items()}

fig, axes = plt.subplots(2, 2, figsize=(7.2, 5.6), sharey=True, layout="constrained")
(size, work), (speed, time) = axes
marks = {"short": "o", "long": "D", "gpu": "s"}
small = [w for w in lines if not w.run.on_gpu]
for w in lines:
    y, bar = 100 * w.score.mean, 100 * w.score.error
    xs = [w.run.parameters / 1e6, w.macs / 1e9]
    if w in small:
        xs += [w.speed, w.minutes]
    for ax, x in zip(axes.flat, xs, strict=False):
        ax.errorbar(x, y, yerr=bar, fmt=marks[w.plan], color=w.color, capsize=3)
for f, counted in full.items():
    for ax, x in ((size, counted.parameters / 1e6), (work, counted.macs / 1e9)):
        ring = {"mfc": "none", "mec": plots.COLORS[f], "mew": 1.5, "ms": 11}
        ax.plot(x, 100 * article[f], "o", **ring)
size.set(xlabel="parameters (millions)", ylabel="accuracy (%)")
work.set(xlabel="multiply-adds per picture (billions)")
speed.set(xlabel="training pictures per CPU second", ylabel="accuracy (%)")
speed.set_xlim(0, 1.1 * max(w.speed for w in small))
time.set(xlabel="CPU minutes of the run")


def log_axis(ax, *ticks):
    """Make x logarithmic, with plain numbers at these places of each decade."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(plt.LogLocator(subs=ticks))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")


log_axis(size, 1, 2, 5)
log_axis(work, 1)
log_axis(time, 1, 2, 3, 5)
for ax in axes.flat:
    ax.grid(alpha=0.3)
grey = {"color": "#8c959f", "linestyle": "none"}
for f, name in plots.LABELS.items():
    size.plot([], [], "s", color=plots.COLORS[f], label=name)
for name, mark in marks.items():
    size.plot([], [], marker=mark, label=f"plan {name}", **grey)
size.plot([], [], marker="o", mfc="none", mew=1.5, label="article", **grey)
fig.legend(loc="outside upper center", ncols=8, columnspacing=0.8, handletextpad=0.1)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "What accuracy costs in size, work, speed and time. Filled: networks recorded by"
    " vhist, with the ± of the table, full size in plan gpu; of equal marks the lowest"
    " had the fewest epochs. Hollow: the article's.",
    "Four charts with accuracy upward, against parameters, multiply-adds, training"
    " pictures per CPU second and CPU minutes. Each architecture has one colour: a"
    " filled circle for plan short, a diamond for plan long, and in the upper two"
    " charts, far to the right, squares for plan gpu and a hollow circle for the"
    " article's network.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The same in numbers. Each row is one network under one plan, trained on Imagenette's
# photographs :cite:p:`howard2019imagenette`, squashed square: a small one on one core
# or two, or, in the plan gpu, one as large as in its paper. The ± is the standard
# deviation over three seeds (SD), or the binomial standard error
# :math:`\sqrt{p(1-p)/n}` (SE) where a row has only one. Beside it is what the article
# behind this book reports for the large network, and how far ours is ahead, in standard
# errors of the difference. VGG has batch normalisation in the plans long and gpu, none
# in plan short or in the article. *Mixed* rows learned from :term:`mixed <mixup>`
# pictures, as did *gpu, long* except AlexNet's; *no lrn* lacks AlexNet's normalisation.

head = ("", "plan", "px", "accuracy (%)", "article", "SE")
print("{:8}{:22}{:>4} {:15}{:>8}{:>6}".format(*head), end="")
print("{:>7}{:>7}{:>7}{:>8}".format("params", "m-adds", "img/s", "minutes"))
assert judged == 3925
for w in lines:
    p = article[w.family]
    gap = w.score.mean - p
    error = (w.score.standard_error**2 + p * (1 - p) / judged) ** 0.5
    print(
        f"{w.name:8}{w.which:22}{w.run.recipe['image_size']:>4} {w.score!s:15}"
        f"{100 * p:8.1f}{gap / error:+6.1f}{w.run.parameters / 1e6:6.1f}M"
        f"{w.macs / 1e9:6.2f}G{w.speed:7,.0f}{cost(w.runs).removesuffix(' min'):>8}"
    )
    assert 0.0035 < w.score.standard_error < 0.0085

lines[0].run

# %%
# *px* is the side of the pictures; a multiply-add is two FLOP. The last two columns
# cover whole runs, evaluations included: in processor time, as other work went on
# alongside, or, on a GPU, in clock minutes, compiling included. Devices differ.
#
# At :math:`n` = 3,925 one standard error is about half a point, a little more where
# fewer answers are right. Two SE may be luck with the pictures; more than three hardly
# are. But this is no contest of architectures. The article trained the full networks
# for 200 epochs or more, at a rate that, by its public code, never fell, and tested
# them with dropout or batch statistics switched on. Those of plan gpu learned for 20
# epochs, or for 80 or more. How far beyond the best small network of plan long do they
# get?

for w in (w for w in lines if w.plan == "gpu"):
    longer = [v for v in lines if (v.family, v.plan) == (w.family, "long")]
    best = max(longer, key=lambda v: v.score.mean)
    gap, epochs = w.score.mean - best.score.mean, len(w.run.log)
    z = vhist.runs.paired_z(w.run, best.run)
    print(f"{w.name:8}full size, {epochs:3} epochs: {100 * gap:+.1f} points", end=" ")
    print(f"(paired z {z:+.1f})")
    assert gap < 0.01 if epochs == 20 else 0 < gap < 0.08

vgg, resnet = (
    next(w for w in lines if (w.family, w.which) == (f, "gpu, long"))
    for f in ("vgg", "resnet")
)
gap, z = vgg.score.mean - resnet.score.mean, vhist.runs.paired_z(vgg.run, resnet.run)
work, time = vgg.macs / resnet.macs, vgg.minutes / resnet.minutes
assert len(vgg.run.log) == len(resnet.run.log)
print(f"VGG less ResNet in {len(vgg.run.log)} epochs: {100 * gap:+.1f} points", end=" ")
print(f"(paired z {z:+.1f}), work x {work:.1f}, time x {time:.1f}")
assert vgg is max(lines, key=lambda w: w.score.mean)
assert z > 3

# %%
# After 20 epochs, AlexNet and ViT are behind; after 80 or more, all are ahead, one
# AlexNet perhaps by luck. Epochs, pixels and mixing differ. The best row is VGG's,
# ahead of ResNet-34 at four times its work; another recipe, below, takes ResNet
# further.
#
# How did size and work grow, with AlexNet undivided?

for f, counted in full.items():
    size, work = f"{counted.parameters / 1e6:.1f}M", f"{counted.macs / 1e9:.2f}G"
    print(f"{plots.LABELS[f]:8}{PAPER[f][0]} {size:>7} params {work:>7} multiply-adds")
growth = {}
for old, new in pairwise(full):
    size = full[new].parameters / full[old].parameters
    work = full[new].macs / full[old].macs
    growth[new] = size, work
    step = f"{plots.LABELS[old]} to {plots.LABELS[new]}"
    print(f"{step:15} size x {size:5.2f}   work x {work:5.2f}")
assert 5 < growth["vgg"][1] / growth["vgg"][0] < 7
with torch.device("meta"):
    halves = vhist.summary(vhist.create_model("alexnet", groups=2), 227)
work, size = full["vgg"].macs / halves.macs, full["vgg"].parameters / halves.parameters
print(f"from the paper's AlexNet, in halves: size x {size:.2f}, work x {work:.2f}")
assert 8 < work / size < 10
assert max(growth["resnet"]) < 0.25
assert full["vit"].macs > full["vgg"].macs
assert full["vit"].parameters < full["vgg"].parameters

# %%
# From AlexNet to VGG the work grew by a factor about six times the size's, nine times
# from the paper's AlexNet, whose halves multiply less; ResNet then gave most of both
# back; ViT took the lead in work with fewer parameters than VGG.
#
# Is equal work equal speed? The multiply-adds of the forward pass per second of
# training:

short = [next(w for w in lines if (w.family, w.plan) == (f, "short")) for f in full]
rates = {w.name: w.macs * w.speed / 1e9 for w in short}
for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
    print(f"{name:8}{rate:5.1f} billion multiply-adds a second")
assert 1.15 < max(rates.values()) / min(rates.values()) < 1.5

# %%
# Not quite: speed follows work only roughly.
#
# Recipes differ, too: a shared one would reward whoever likes it. These fields differ
# between the runs of the short plan:

recipes = [asdict(vhist.Recipe(**w.run.recipe)) for w in short]
differing = [key for key in recipes[0] if len({str(r[key]) for r in recipes}) > 1]
print(f"{'':16}" + "".join(f"{w.name:>10}" for w in short))
for key in differing:
    print(f"{key:16}" + "".join(f"{r[key]!s:>10}" for r in recipes))
print(f"{len(differing)} of {len(recipes[0])} fields differ")

# %%
# A ranking ranks networks *and* these lines. What the optimizer :term:`Muon`
# :cite:p:`jordan2024` and the changes alongside it can move:

ours = vhist.plan.load("muon").records()
theirs = plans["gpu"].records()
for one, other in (
    ("resnet34_long", "resnet34_long"),
    ("vit_b_16_long", "vit_b_16_high_long"),
):
    (before,), (after,) = theirs[one], ours[other]
    print(f"{before.model:9}{before.recipe['optimizer']:6}{mean_std([before])}")
    print(f"{'':9}{after.recipe['optimizer']:6}{mean_std([after])}, also changed:")
    stages = vhist.runs.history(after)
    changed = [
        k for k, v in before.recipe.items() if any(v != r.recipe[k] for r in stages)
    ]
    epochs = len(before.log), sum(len(r.log) for r in stages)
    changed += ["positions"] * ("positions" in after.model_options)
    changed += ["first weights"] * bool(after.weights)
    others = ", ".join(k for k in changed if k not in ("optimizer", "epochs"))
    print(f"{'':15}{others}")
    print(f"{'':15}epochs, with those of the first weights: {epochs[0]}, {epochs[1]}")
    assert after.accuracy > before.accuracy + 0.02
(turned,) = ours["resnet34_long"]
gap, z = turned.accuracy - vgg.run.accuracy, vhist.runs.paired_z(turned, vgg.run)
print(f"ResNet with Muon less VGG: {100 * gap:+.1f} points", end=" ")
print(f"(paired z {z:+.1f}), {turned.minutes:.1f} GPU min for {vgg.minutes:.1f}")
assert 2 < z < 3
assert turned.minutes < vgg.minutes / 2

# %%
# Luck may explain that, and VGG-16 had neither Muon nor cutmix.
#
# The interludes learned from other pictures, so their rows stand apart: the
# :doc:`spatial transformer <plot_35_spatial_transformer>` on CIFAR-10, :doc:`Linformer
# <plot_45_linformer>` on cats and dogs, and :doc:`trained weights <plot_55_finetuning>`
# against random ones on a thousand pictures of five classes. Beside them: what their
# articles printed, Linformer's from 20,000 pictures. One seed of *stn_article* broke
# down.

sources = {"stn_article": "60.18", "linformer_article": "64.87"}
rows = dict(vhist.plan.load("interludes").records())
for label, runs in vhist.plan.load("finetuning").records().items():
    if label.endswith("_1000"):
        rows[label] = runs
print(
    f"{'':26}{'pictures':>8}{'seeds':>7}  {'accuracy (%)':16}{'one run':>12}  article"
)
for label, runs in rows.items():
    print(
        f"{label:26}{runs[0].data['train']:8,}{len(runs):7}  {mean_std(runs)!s:16}"
        f"{cost(runs):>12}  {sources.get(label, '')}"
    )
assert sources.keys() < rows.keys()

# %%
# Which differences are real?
# ---------------------------
#
# The usual test compares two accuracies as if they came from different pictures. Ours
# share them, and the records hold every answer. A picture that both networks get right
# says nothing about their difference. Let :math:`b` pictures be solved only by the
# first and :math:`c` only by the second; if both were equally good, each of these would
# be a coin toss. Then
#
# .. math:: z = \frac{b - c}{\sqrt{b + c}}
#
# is nearly standard normal. This is McNemar's test :cite:p:`mcnemar1947`. There are
# six pairs, so each may raise a false alarm six times less often, to keep the chance of
# one at 5 %. We test the first seeds of the short plan.

pairs = list(combinations(short, 2))
threshold = NormalDist().inv_cdf(1 - 0.05 / len(pairs) / 2)
labels = torch.tensor(short[0].run.labels)
assert all(w.run.labels == short[0].run.labels for w in short)
right = {w.name: torch.tensor(w.run.predictions) == labels for w in short}

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
# The test covers the choice of pictures, not the dice of training: with another seed
# the same network gets another accuracy. What the seeds say:

for w in short:
    said = ", ".join(f"{100 * r.accuracy:.1f}" for r in w.runs)
    print(f"{w.name:8}{w.score.n} seed(s): {said} %   {w.score}")
for one, two in pairs:
    if min(one.score.n, two.score.n) > 1:
        gap = 100 * (two.score.mean - one.score.mean)
        luck = 100 * sum(w.score.std**2 / w.score.n for w in (one, two)) ** 0.5
        print(f"{one.name:>8} to {two.name:8}{gap:+6.1f} points, luck ± {luck:.1f}")

# %%
# A verdict above reads "these two trained networks differ". These lines tell whether
# they would if each were trained again; the luck is one standard error. In the
# article's own ranking the first place rests on little more than one standard error, as
# the :doc:`introduction <plot_00_introduction>` computed from its logs.
#
# The answers also tell whether the networks fail on the same pictures.

solved = torch.stack(list(right.values())).sum(dim=0)
for k in range(5):
    print(f"solved by {k} of 4: {int((solved == k).sum()):5} pictures")
for w in short:
    alone = int((right[w.name] & (solved == 1)).sum())
    print(f"{w.name:8} is the only one right on {alone} pictures")
expected = torch.tensor([1 - r.double().mean() for r in right.values()]).prod()
print(f"unsolved if errors were independent: {judged * expected:.0f}")

# %%
# The last line is what strangers would leave unsolved. The more the first line
# exceeds it, the more the networks agree on which pictures are hard. A vote gains where
# the best errs and others agree; what one solves alone it mostly loses (exercise 2).
#
# Accuracy for a budget
# ---------------------
#
# A table shows the end of a run. The logs also show how it got there, so we can ask who
# leads after a given amount of processor time. The oldest logs have only clock time per
# epoch; for them the processor time of the whole run is shared out in proportion.
# Networks on a GPU and runs with Muon are not in this race.


def minutes(run):
    """Processor time at the end of each epoch."""
    if "cpu_seconds" in run.log[-1]:
        return [entry["cpu_seconds"] / 60 for entry in run.log]
    share = run.cpu_seconds / run.seconds
    return [entry["seconds"] * share / 60 for entry in run.log]


def track(line):
    """Minutes and accuracy after each epoch, means over the seeds."""
    seeds = [
        [(t, e["val_accuracy"]) for t, e in zip(minutes(r), r.log, strict=True)]
        for r in line.runs
    ]
    return torch.tensor(seeds).mean(dim=0).T


tracks = [(w, *track(w)) for w in small]


def ranking(budget):
    """Accuracy by its last epoch within the budget, and whose; the best first."""
    reached = {}
    for w, times, accuracy in tracks:
        done = accuracy[times <= budget]
        if len(done):
            reached[w.name] = max(reached.get(w.name, 0), done[-1].item())
    return sorted(((p, name) for name, p in reached.items()), reverse=True)


# %%
# A run that has ended keeps what it reached, and an architecture may choose the best of
# its runs: AlexNet has five, ViT three, the others two. Accuracy in percent, after some
# budgets:

assert [sum(w.family == f for w in small) for f in full] == [5, 2, 2, 3]
ends = sorted({t for _, times, _ in tracks for t in times.tolist()})
leads = []  # who, from, to, and whether by more than two standard errors
for start, stop in pairwise(ends):
    (first, name), (second, _) = [*ranking(start), (0.1, "guessing")][:2]
    error = ((first * (1 - first) + second * (1 - second)) / judged) ** 0.5
    leads.append((name, start, stop, first - second > 2 * error))

for budget in (2, 10, 30, 100):
    places = (f"{name} {100 * p:.1f}" for p, name in ranking(budget))
    print(f"{budget:4} minutes:  {',  '.join(places)}")
assert {name for name, *_ in leads} == {"VGG", "ResNet"}
assert leads[-1][0] == "ResNet"

# %%
# In the picture the strip shows who leads, faintly where a lead is less than two
# standard errors (unpaired: logs hold no answers) and may be luck.

colors = {plots.LABELS[f]: color for f, color in plots.COLORS.items()}
fig, (ax, strip) = plt.subplots(
    2, 1, figsize=(7.2, 4.2), sharex=True, height_ratios=(12, 1), layout="constrained"
)
for w, times, accuracy in tracks:
    style = "-" if w.plan == "short" else "--"
    ax.plot(times, 100 * accuracy, style, color=w.color)
    ax.plot(times[-1], 100 * accuracy[-1], "o" if style == "-" else "D", color=w.color)
    ax.plot([times[-1], ends[-1]], [100 * accuracy[-1]] * 2, ":", color=w.color)
for name, start, stop, clear in leads:
    alpha = 1 if clear else 0.3
    strip.axvspan(start, stop, color=colors[name], alpha=alpha, linewidth=0)
for name, color in colors.items():
    ax.plot([], [], color=color, label=name)
ax.plot([], [], "-", color="#8c959f", label="short plan")
ax.plot([], [], "--", color="#8c959f", label="long plan")
ax.set(ylabel="accuracy (%)")
log_axis(ax, 1, 2, 5)
ax.grid(alpha=0.3)
ax.legend(loc="lower right", ncols=3)
strip.set(yticks=[], xlabel="processor time of training (minutes)")
strip.set_ylabel("leads", rotation=0, ha="right", va="center")
strip.spines[:].set_visible(False)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Accuracy on the validation pictures against processor time; a mark ends a run and"
    " the dotted line carries its result on. The strip shows who leads, faintly where"
    " the lead is less than two standard errors.",
    "Curves of accuracy rising with processor time, one colour per architecture, solid"
    " for the short plan and dashed for the long one, above a strip in the colour of"
    " the leader at each moment.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Only VGG and ResNet ever lead, ResNet in the end. In plan long ResNet and AlexNet's
# mixed runs are in float32, often slower; processors differ. Every learning rate falls
# towards its planned end, and the last rise of a curve is mostly due to that fall: a
# network stopped half way is worse than one planned for half the time. So the strip is
# a little unfair to unfinished runs.
#
# What changed and what stayed
# ----------------------------
#
# Papers stress what is new. The layers themselves show both. For each network, at its
# paper's size, we ask which layers it has and where its multiply-adds are.


def kinds(net, word):
    """Names of the layers that have a word in their class's name."""
    names = {type(layer).__name__ for layer in net.modules()}
    return ", ".join(sorted(n for n in names if word in n)) or "none"


for f, net in nets.items():
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    linears = [m for m in net.modules() if isinstance(m, nn.Linear)]
    windows = sorted({m.kernel_size[0] for m in convs}, reverse=True)
    by_conv = sum(r.macs for r in full[f].rows if r.kind == "Conv2d") / full[f].macs
    print(f"{plots.LABELS[f]} ({PAPER[f][0]})")
    print(f"  layers with weights  {len(convs)} convolutions, {len(linears)} linear")
    print(f"  windows in pixels    {', '.join(map(str, windows))}")
    print(f"  work in convolutions {by_conv:.1%}")
    print(f"  normalisation        {kinds(net, 'Norm')}")
    print(f"  activation           {kinds(net, 'LU')}")
    print(f"  pooling              {kinds(net, 'Pool')}")
    assert linears[-1].out_features == 10
    assert by_conv < 0.05 if f == "vit" else by_conv > 0.9

# %%
# *What changed.* The window went from eleven pixels to three and then to a whole patch,
# looked at only once. Normalisation moved from neighbouring channels to the batch and
# then to the single token. Hidden linear layers went when ResNet came, and returned
# inside every block of ViT. Convolution did nearly all of the work in three networks
# and does next to none in the fourth.
#
# *What stayed.* Linear maps with a simple bend between them. One linear layer at the
# end that turns features into classes. :term:`Cross-entropy <cross-entropy>` and
# stochastic gradients, momentum in some form, crops and flips. All four pass through
# the same :func:`vhist.fit`, and no line of it asks which one it has.
#
# Seen from the designer's chair, each step took a decision away:
#
# * **AlexNet** no longer decides the features. The price: a million labelled
#   pictures and two GPUs.
# * **VGG** no longer decides the shape of each layer. The price: more multiply-adds,
#   by the factor computed at the top of this page.
# * **ResNet** no longer lets training limit the depth. The price: shortcuts, and
#   statistics of the batch that differ between training and test.
# * **ViT** no longer decides who is a neighbour of whom. The price: data, or
#   augmentation, to learn it from.
#
# The list of decisions did not simply shrink. ViT has a patch size, a width, a number
# of heads and a recipe with more knobs than AlexNet's. What moved is where knowledge
# sits: less in the design of the network, more in data and training. On ImageNet alone
# ViT-B/16 reached 77.91 %, after pre-training on 303 million pictures 84.15 %
# :cite:p:`dosovitskiy2020`; with a better recipe and no further picture the same
# network reached 81.8 % :cite:p:`touvron2021`.
#
# One ruler
# ---------
#
# What a layer *can* see follows from the design. For convolutions and poolings it is
# the :term:`receptive field`: each adds its kernel less one, times the pixels between
# neighbouring inputs. Attention has the whole picture. The gradient of a middle unit
# tells how far a layer looks: the mean distance of the pixels that it depends on from
# their centre, weighted by the gradient. For ViT there is also its :term:`attention
# distance` :cite:p:`dosovitskiy2020`, from the middle patch to what it looks at. Here
# are the untrained networks of the short plan; the side of the picture is 1.

torch.manual_seed(0)
drawn, _ = vhist.sketchnette.sketchnette(8, image_size=64)
x = vhist.data.normalize(drawn).requires_grad_()
pixels = torch.cartesian_prod(*2 * [torch.arange(64.0)])
WINDOWS, BLOCKS = (nn.Conv2d, nn.MaxPool2d), (BasicBlock, Block)


def ruler(net):
    """After each layer, or block: how far it can see and how far it looks, in sides."""
    outputs, found, seen, step = [], [], 1, 1
    for name, layer in net.named_modules():
        if isinstance(layer, WINDOWS + BLOCKS) and "downsample" not in name:
            layer.register_forward_hook(lambda *call: outputs.append(call))
    net.eval()(x)
    blocks = [b for b in net.modules() if isinstance(b, BasicBlock)]
    inside = {layer for block in blocks for layer in block.children()}
    for layer, _, y in outputs:
        if isinstance(layer, WINDOWS):
            sizes = layer.kernel_size, layer.stride
            kernel, stride = (v if isinstance(v, int) else v[0] for v in sizes)
            seen, step = seen + (kernel - 1) * step, step * stride
        elif isinstance(layer, Block):
            seen = 64
        if layer not in inside:
            n = y.shape[-1] // 2
            unit = y[:, 37] if y.ndim == 3 else y[:, :, n, n]  # 37: row 4, column 4
            (slope,) = torch.autograd.grad(unit.norm(), x, retain_graph=True)
            weight = slope.abs().sum(dim=(0, 1)).flatten()
            weight = weight / weight.sum()
            away = (pixels - weight @ pixels).norm(dim=1)
            found.append((seen / 64, (weight @ away).item() / 64))
    return torch.tensor(found).T


runs = {w.family: w.run for w in short}
fresh = {f: vhist.create_model(r.model, **r.model_options) for f, r in runs.items()}
can, looks = zip(*map(ruler, fresh.values()), strict=True)
# Picture, block, head, patch: from the patch of the unit above, without class token.
maps = vhist.inspect.attention_maps(fresh["vit"], x.detach())[..., 37, 1:]
places = pixels.view(64, 64, 2)[4::8, 4::8].reshape(64, 2)
apart = (places - places[36]).norm(dim=1) / 64
spread = (maps / maps.sum(dim=-1, keepdim=True) * apart).sum(dim=-1)

fig, (far, look) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
for ax, values in ((far, can), (look, looks)):
    for f, v in zip(fresh, values, strict=True):
        depth = torch.linspace(0, 1, len(v))
        ax.plot(depth, v, ".-", color=plots.COLORS[f], label=plots.LABELS[f])
depth = torch.linspace(0, 1, 7)[1:]
attended = spread.mean(dim=(0, 2))  # one for each block
look.plot(depth, attended, ":", color=plots.COLORS["vit"], label="ViT's attention")
even = {"color": "#8c959f", "alpha": 0.4, "lw": 5, "zorder": 1}
look.axhline(apart.mean(), label="even look", **even)
far.axhline(1, color="#8c959f", linestyle=":")
far.set(xlabel="depth (share of layers)", ylabel="side of what it can see")
look.set(xlabel="depth (share of layers)", ylabel="mean distance of its look")
fig.legend(*look.get_legend_handles_labels(), loc="outside upper center", ncols=6)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "How far layers can see, as they are built, and how far they look before training;"
    " in sides of the picture, from the first layer to the last before the classifier."
    " Grey: the whole picture, and an even look over it.",
    "Two charts over depth. Left, ResNet climbs to three sides, AlexNet and VGG to one"
    " and a half and one, ViT jumps to one at its first block. Right, ResNet stays flat"
    " near zero, the other three rise to about a quarter or more; ViT's attention is a"
    " level line at about two fifths, beside a grey one for an even look.",
)
# sphinx_gallery_end_ignore
plt.show()
_, _, resnet, vit = looks
assert can[2][-1] > 3
assert can[3][1] == 1
assert resnet[1:].max() < 1.2 * resnet[1] < 0.25 * vit[-1]
assert (attended - apart.mean()).abs().max() < 0.05

# %%
# VGG covers the picture only with its last layers; ResNet covers it three times over;
# ViT sees it all from the first block. But to be able to see is not to look. A fresh
# network looks less far than it can see, as :cite:t:`luo2016` found for convolutions,
# and ResNet no further than its first two layers do: each of its blocks starts as the
# identity, with a last norm of zeros. Only ViT's attention looks as far as an even look
# would. The design says what can be seen; initialisation and training decide what is:
# :doc:`in an experiment </experiments/plot_trained_field>` training more than doubles a
# small ResNet's gaze; without those zeros it is wide from the start.
#
# What came next
# --------------
#
# * **Swin** :cite:p:`liu2021` gives attention its neighbourhoods back: windows
#   that shift from layer to layer, and stages of falling resolution, as in VGG.
# * **DaViT** :cite:p:`ding2022` alternates such windows with attention between
#   *channels*, each of which sees the whole picture.
# * **ConvNeXt** :cite:p:`liu2022` goes the other way. It starts from a ResNet and
#   adopts ViT's habits one by one: patches at the entrance, few activations, LayerNorm,
#   GELU, the training recipe. It ends level with Swin or a little ahead, without
#   attention. The recipe alone was worth 2.7 points.
#
# Which should I use?
# -------------------
#
# First the part that can be computed: of the four of the short plan, the most accurate,
# and every other that the test could not tell from it.

best = max(short, key=lambda w: w.score.mean)
rivals = [
    (two if one is best else one).name
    for one, two, b, c in tests
    if best in (one, two) and (b - c) ** 2 <= threshold**2 * (b + c)
]
print(f"most accurate: {best.name}")
print(f"not told apart from it: {', '.join(rivals) or 'none'}")

# %%
# That holds for ten easy classes, small pictures, some nine thousand of them and
# minutes of training. Beyond that, it depends:
#
# * *A pre-trained network exists for pictures like yours.* Take it, whatever its
#   architecture, and fine-tune. Above, even weights that had seen few pictures brought
#   several points. Only do not test it on Imagenette, which is cut from ImageNet.
# * *A few thousand pictures and no pre-training.* Start with a ResNet. Convolution
#   brings along what a ViT would have to learn :cite:p:`dosovitskiy2020`, and batch
#   normalisation forgives a clumsy learning rate :cite:p:`ioffe2015`.
# * *Millions of pictures, or a strong recipe and patience.* A ViT is a good choice
#   :cite:p:`steiner2021,beyer2022`, and the natural one if text or sound must enter the
#   same network.
# * *Large pictures.* Attention between all patches grows with the square of their
#   number. Use windows (Swin) or convolutions (ConvNeXt).
# * *Batches of one or two.* Avoid batch normalisation :cite:p:`wu2018`.
# * *AlexNet or VGG?* To learn from, and as baselines without any modern help. New
#   work rarely has a reason to start from them, though VGG's features live on in
#   losses that compare images :cite:p:`johnson2016`.
#
# And measure: the error bar of your own test set may well be wider than the difference
# between two good architectures.
#
# Experiments
# -----------
# Claims of this page, each a script to copy and change:
#
# .. minigallery::
#
#    ../examples/experiments/plot_trained_field.py
#    ../examples/experiments/plot_weights_and_work.py
#
# What to remember
# ----------------
#
# * Size and work are two axes, and speed follows work only roughly.
# * Compare on the same pictures, count who solved what, and correct for the number of
#   comparisons. Then repeat with another seed.
# * A ranking belongs to a budget, a data set and a recipe.
# * Its design sets what a layer can see; initialisation and training, how far it looks.
# * Every step took a decision from the designer and had its price: data, work, or
#   statistics of the batch.
#
# Exercises
# ---------
#
# 1. *Why is the paired test sharper than comparing two error bars?*
#
#    .. dropdown:: Solution
#
#       Pictures that both networks solve, or both miss, cancel in the difference. Only
#       :math:`b + c` of them remain as noise.
#
# 2. *Let the four networks vote. Is the majority better than the best of them?*
#
#    .. dropdown:: Solution
#
#       With ``right`` and ``labels`` from above; half a vote more lets the best network
#       settle ties::
#
#          answers = torch.tensor([w.run.predictions for w in short])
#          votes = nn.functional.one_hot(answers).float()
#          best = max(range(4), key=lambda i: short[i].score.mean)
#          votes[best] *= 1.5
#          vote, top = votes.sum(dim=0).argmax(dim=1) == labels, right[short[best].name]
#          b, c = (vote & ~top).sum().item(), (~vote & top).sum().item()
#          print(vote.float().mean(), (b - c) / (b + c) ** 0.5)
#          print((vote & (solved == 1)).sum().item(), "of", (solved == 1).sum().item())
#
#       No: it stays behind. Of the pictures that one network solves alone it keeps few,
#       all of them the best one's. Averaged probabilities may do better, but records
#       keep answers only.
#
# 3. *Two networks have the same accuracy. Do they do the same?*
#
#    .. dropdown:: Solution
#
#       No: it only says that :math:`b = c`. Print :math:`b + c` for the closest pair
#       above; on so many pictures one of them is right and the other is wrong.
#
# 4. *Which invention was worth most?* Guess an order: ReLU for AlexNet, batch
#    normalisation for VGG, shortcuts for a deep ResNet, positions for ViT. Each line
#    below unfolds the runs in which it was taken away, or put in.

ablations = vhist.plan.load("ablations")
ablations.compare("alexnet", "alexnet_tanh", "alexnet_sigmoid")

# %%
ablations.compare("vgg", "vgg_batch_norm")

# %%
ablations.compare("resnet_deep", "resnet_deep_plain", "resnet_shallow")

# %%
ablations.compare("vit", "vit_no_positions", "vit_sincos")

# %%
# .. dropdown:: What came out
#
#    Without shortcuts the deep net learns far less. With a sigmoid AlexNet does not
#    learn from this start, which was made for ReLU; with tanh it learns less. Learned
#    positions are worth little so soon, fixed ones more; batch normalisation no more
#    than luck. One seed each, and epochs differ: a full order does not follow.
#
# 5. *And the recipe?* The networks of the plan short were also trained with the
#    article's recipe, for as many epochs. Is a recipe worth more than an architecture?
#    ``vhist.plan.load("article").records()`` has these runs, and
#    :func:`vhist.runs.paired_z` the test.
#
#    .. dropdown:: Solution
#
#       As accuracy there and here, and the paired test::
#
#          ours = vhist.plan.load("short").records()
#          for label, (there, *_) in vhist.plan.load("article").records().items():
#              here = ours[label][0]
#              z = vhist.runs.paired_z(here, there)
#              print(label, there.accuracy, here.accuracy, round(z, 1))
#
#       About as much, at this budget: the recipe moves each network about as far as the
#       networks lie apart under either recipe. Two things keep this from being a law:
#       the article gave its recipe six to eighteen times these epochs, and nobody tuned
#       its rate to these networks.
#
# Further reading
# ---------------
#
# :cite:t:`liu2022` for an ablation that changes one thing at a time,
# :cite:t:`steiner2021` for how data, augmentation and regularisation trade against
# each other, and :cite:t:`beyer2022` for how little it takes to train a plain ViT
# well.
