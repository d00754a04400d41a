"""
An atlas of errors
==================

Which pictures four architectures get wrong, together and alone, and what they answer.

An accuracy is a single number. It does not tell *which* pictures went wrong, or
whether a newer network repairs the errors of an older one or makes its own. The records
of this book keep every answer, so we can ask. Nothing is trained here; the page runs in
seconds on one processor core. You will see

* errors that are shared far beyond what the accuracies explain;
* a wall of pictures that every architecture misses;
* how much is luck: what another seed of the same architecture does;
* which classes are confused, and whether that changed from era to era;
* what one network solves alone.
"""

# %%
# Missed by one, missed by all?
# -----------------------------
#
# One trained network per architecture: its first long run, without :term:`mixed
# <mixup>` pictures. A record has an answer for each of Imagenette's validation pictures
# :cite:p:`howard2019imagenette`, always in the same order.
# :func:`vhist.atlas.val_files` knows their names.

# sphinx_gallery_thumbnail_number = 1
from itertools import combinations, product
from statistics import NormalDist, mean

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import LinearSegmentedColormap, to_rgba

from vhist import atlas, plan, plots

FILES = atlas.val_files()
long, short = (plan.load(name).records() for name in ("long", "short"))


def first(family):
    return next(seeds[0] for label, seeds in long.items() if label.startswith(family))


nets = {plots.LABELS[family]: first(family) for family in plots.COLORS}
names, runs = list(nets), list(nets.values())
classes, labels = runs[0].data["classes"], torch.tensor(runs[0].labels)
answers = torch.tensor([run.predictions for run in runs])  # networks x pictures
right, total = answers == labels, len(labels)
of_class = [labels == c for c in range(10)]

# %%
# Give each network a row and each picture a column, and paint a cell where the network
# is wrong. The second and the third panel have exactly as many errors in each row, but
# dealt out by lot. Columns are sorted, in each panel anew, by how many of the four are
# right.

torch.manual_seed(0)


def deal(groups):
    """Shuffle each network's errors within each group of pictures."""
    dealt = right.clone()
    for row in dealt:
        for group in groups:
            row[group] = row[group][torch.randperm(int(group.sum()))]
    return dealt


panels = {
    "the four networks": right,
    "their errors, dealt out within each class": deal(of_class),
    "their errors, dealt out over all classes": deal([labels >= 0]),
}
ink, grey = plots.INK["light"], "#8c959f"
paint = torch.tensor([to_rgba(plots.color_of(run.model)) for run in runs])
fig, axes = plt.subplots(3, 1, figsize=(7.2, 3.9), sharex=True, layout="constrained")
for ax, (title, r) in zip(axes, panels.items(), strict=True):
    order = (16 * r.sum(dim=0) + torch.tensor([8, 4, 2, 1]) @ r.long()).argsort()
    cells = paint[:, None] * ~r[:, order, None]  # transparent where right
    ax.imshow(cells, aspect="auto", interpolation="nearest")
    edges = r.sum(dim=0).bincount(minlength=5).cumsum(dim=0)  # none right, one, ...
    for edge in edges[:4]:
        ax.axvline(edge - 0.5, color=ink, linewidth=0.8)
    ax.text((edges[3] + total) / 2, 1.5, "all right", ha="center", va="center")
    ax.set_title(f"{title}: all miss {edges[0]} pictures", loc="left", fontsize=10)
    ax.set_yticks(range(4), names)
    ax.tick_params(axis="y", length=0)
axes[2].set_xlabel("pictures; between the lines none, one, two, three, four are right")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Who is wrong on which pictures. A column is a picture, coloured in the rows of the"
    " networks that get it wrong; lines separate pictures that none, one, two, three or"
    " all four get right. Each row has as much colour in all panels.",
    "Three panels with four rows of coloured bars. In the upper one a block at the left"
    " is coloured in all four rows, and well over half of the width is empty. In the"
    " other two that block is nearly gone and colour reaches much further right.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# If networks erred independently, the first panel would look like the third; if they
# only shared the hard classes, like the second. Instead there is a wide block on the
# left that all four miss, and much more on the right that all four solve. They stumble
# over the same pictures.
#
# These are the four:

print("          record                 pixels  CPU min  accuracy in %")
for name, run in nets.items():
    assert run.data["fingerprint"] == runs[0].data["fingerprint"]
    assert [classes[y] for y in run.labels] == list(map(atlas.class_of, FILES))
    assert all(run.labels[FILES.index(w["file"])] == w["label"] for w in run.most_wrong)
    print(
        f"{name:10}{run.name:24}{run.recipe['image_size']:5}{run.cpu_seconds / 60:9.0f}"
        f"{100 * run.accuracy:10.1f} ± {100 * run.standard_error:.1f}"
    )

# %%
# Networks, recipes and patience differ. Read this page for *which* errors there are,
# and less for how many.
#
# What dealing gives on average can be computed. If errors were independent, the chance
# that all fail would be the product of their error rates; class by class, every class
# has its own rates.

solved = right.sum(dim=0)


def by_chance(rates):
    """Chances that none, one, ... of some independent networks are right."""
    chances = torch.zeros(len(rates) + 1, dtype=torch.double)
    chances[0] = 1
    for p in rates:
        chances = (1 - p) * chances + p * chances.roll(1)
    return chances


counts = torch.bincount(solved, minlength=5)
independent = total * by_chance(right.double().mean(dim=1))
by_class = sum(m.sum() * by_chance(right[:, m].double().mean(dim=1)) for m in of_class)

for k in range(5):
    spread = (counts[k] * (1 - counts[k] / total)) ** 0.5
    print(
        f"solved by {k}: {counts[k]:5} ± {spread:2.0f}, independent: "
        f"{independent[k]:6.0f}, class by class: {by_class[k]:6.0f}"
    )
assert counts[0] > 3 * by_class[0]
assert counts[4] > 1.1 * by_class[4]
assert by_class[0] - independent[0] < 0.3 * (counts[0] - independent[0])

# %%
# Far more pictures than chance allows are missed by all, and far more are solved by
# all. That some classes are hard explains little of it. Classes do differ, but
# difficulty sits mostly in the single picture:

missed = torch.stack([(solved[m] == 0).double().mean() for m in of_class])
spread = (missed * (1 - missed) / labels.bincount()) ** 0.5
order = missed.argsort().tolist()

fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
bar = {"xerr": 200 * spread[order], "ecolor": ink, "color": grey}
ax.barh(range(10), 100 * missed[order], **bar)
ax.axvline(100 * by_class[0] / total, color="C0")
ax.set_yticks(range(10), [classes[c] for c in order])
ax.set_xlabel("missed by all four (% of the class)")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "The share of each class that all four miss, with two standard errors. The line is"
    " what independent errors would give, class by class, over all classes.",
    "Ten horizontal bars with error bars, one per class, that of gas pump the longest"
    " and that of English springer the shortest. All are far longer than the vertical"
    " line near zero.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The wall
# --------
#
# From the pictures that nobody gets right we draw two per class, by lot. The oddest
# ones would be more fun, but would say nothing about the others.

torch.manual_seed(0)


def some(chosen, count):
    """Numbers of pictures, drawn by lot from those chosen; None where too few."""
    found = chosen.nonzero().flatten()
    drawn = found[torch.randperm(len(found))[:count]]
    return drawn.sort().values.tolist() + [None] * (count - len(drawn))


wall = [i for c in range(10) for i in some((solved == 0) & (labels == c), 2)]
fig = atlas.gallery(wall, runs, columns=5)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Two pictures of each class that all four networks get wrong, drawn by lot. Above"
    " each the right class, below it who answered what. Tiles have file names; the"
    " pictures appear where the data set is at hand.",
    "A wall of twenty pictures that all four networks get wrong, two per class, or of"
    " tiles with the names of their files, each with one to four wrong answers below.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The repository holds no photographs. The wall shows them if ``VHIST_DATA`` names a
# copy of Imagenette when this script runs; otherwise, tiles name the files. Look for
# six reasons in such pictures: the object is small, or cut off, or seen from an odd
# angle; it is one of many things in the frame; the colours are unusual, or it is no
# plain photograph; or the label can be disputed. The first table says at how many
# pixels each network saw them.
#
# Would other random numbers have built another wall? The short runs can tell, for they
# have three seeds of each architecture, all at the same number of pixels:

hits = [torch.tensor([r.predictions for r in s]) == labels for s in short.values()]
walls = [int((~torch.stack(four)).all(dim=0).sum()) for four in product(*hits)]
always = int((~torch.cat(hits)).all(dim=0).sum())
print(f"short runs, one network of each: all four miss {min(walls)} to {max(walls)}")
print(f"all twelve miss {always}: {always / mean(walls):.0%} of a wall")
assert 0.6 < always / mean(walls) < 0.7
assert all(map(str.startswith, short, plots.COLORS))
assert len({run.recipe["image_size"] for s in short.values() for run in s}) == 1

# %%
# About two thirds of a wall stand whichever of the seeds we take; the rest is luck.
#
# Another seed is the ruler
# -------------------------
#
# Two networks of the same architecture and recipe disagree, too, if trained with other
# random numbers. That is the ruler for all other disagreement: only what exceeds it can
# be due to architecture or recipe. And part of any disagreement is forced, since
# networks of different accuracy cannot be right on the same pictures.
#
# To measure it we take Cohen's :term:`kappa` of being right or wrong, which
# :cite:t:`geirhos2020` call *error consistency*: 0 for independent errors, 1 for errors
# on the same pictures. How large it can be depends on the two error rates: it is
# largest if the better network errs only where the other does, too (exercise 2).
#
# Besides kappa and its share of the largest, the table has how many answers differ, how
# many must because the accuracies do, and how often two networks say the same about the
# pictures that all twelve miss.


def kappa(a, b, both):
    """Of two error rates and the share of pictures that both networks miss."""
    luck = a * b + (1 - a) * (1 - b)
    return (1 - a - b + 2 * both - luck) / (1 - luck)


twelve = [(k, run.predictions) for k, s in enumerate(short.values()) for run in s]
lost = ~torch.cat(hits).any(dim=0)  # pictures that all twelve miss
DIFFER, GAP, SAME, KAPPA, LIMIT, SHARE = range(6)  # columns
pairs = {}
for (i, p), (j, q) in combinations(twelve, 2):
    p, q = torch.tensor(p), torch.tensor(q)
    a, b = ((x != labels).double().mean() for x in (p, q))
    both = ((p != labels) & (q != labels)).double().mean()
    value, limit = kappa(a, b, both), kappa(a, b, min(a, b))
    shares = (p != q).double().mean(), abs(a - b), (p == q)[lost].double().mean()
    row = [*(100 * share for share in shares), value, limit, value / limit]
    pairs.setdefault((i, j), []).append(row)
pairs = {pair: torch.tensor(rows) for pair, rows in pairs.items()}

print("means over pairs        answers differ   all twelve wrong:        kappa")
print("                        in %  at least       same, in %          at most  share")
for (i, j), rows in sorted(pairs.items(), key=lambda p: p[0][0] != p[0][1]):
    differ, forced, same, value, limit, share = rows.mean(dim=0).tolist()
    who = f"{len(rows)} {names[i]}, {names[j] if i != j else 'other seed'}"
    print(
        f"{who:23}{differ:5.1f}{forced:10.1f}{same:16.1f}"
        f"{value:12.2f}{limit:6.2f}{share:7.2f}"
    )

# %%
# All pairs in one figure:

fig, axes = plt.subplots(
    1, 2, figsize=(7.2, 3.4), sharex=True, sharey=True, layout="constrained"
)
for (i, j), rows in pairs.items():
    one, other = (plots.color_of(runs[k].model) for k in (i, j))
    style = {"mfc": one, "markerfacecoloralt": other, "mec": "none", "ls": ""}
    style |= {"marker": "D" if i == j else "o", "fillstyle": "left", "ms": 7}
    axes[0].plot(rows[:, GAP], rows[:, LIMIT], "_", color=grey)
    axes[0].plot(rows[:, GAP], rows[:, KAPPA], **style)
    axes[1].plot(rows[:, GAP], rows[:, SHARE], **style)
axes[0].set(ylabel="kappa", ylim=(0, 1.03))
axes[0].text(3, 0.72, "another seed", va="center")
axes[0].text(11, 0.8, "largest possible", va="center")
axes[1].set_ylabel("share of the largest possible kappa")
for ax in axes:
    ax.set_xlabel("difference of the accuracies (points)")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "The 66 pairs of the twelve short runs. Diamonds: two seeds of one architecture;"
    " circles: two architectures, in the colours of both. Left, kappa, and as grey"
    " strokes the largest that the two accuracies allow; right, the one as a share of"
    " the other.",
    "Two panels of points. Left, the diamonds stand at the upper left, above all"
    " circles, which fall to the right as the grey strokes above them do. Right,"
    " diamonds and circles lie at about the same height, one cluster of circles"
    " slightly lower.",
)
# sphinx_gallery_end_ignore
plt.show()

twins = torch.cat([rows for (i, j), rows in pairs.items() if i == j])
assert twins[:, DIFFER].min() > 10
assert pairs[2, 3][:, SHARE].mean() > pairs[3, 3][:, SHARE].mean()
for (i, j), rows in pairs.items():
    if i != j:
        own = torch.cat((pairs[i, i], pairs[j, j]))
        assert rows[:, SAME].max() < own[:, SAME].min()
        assert rows[:, KAPPA].max() < twins[:, KAPPA].min()
        far = rows[:, SHARE].mean() < twins[:, SHARE].min()
        assert far == ((i, j) == (0, 3))  # AlexNet, ViT

# %%
# Is it architecture or luck? On the left the answer seems clear: *every* pair of the
# same architecture has a larger kappa than *every* pair of two. But the strokes fall,
# too, so most of the difference is one of accuracy. The share on the right has a plain
# meaning: of the better network's errors, how many the other one makes as well, beyond
# the rate at which it errs anyway. Measured so, seeds and architectures overlap; only
# AlexNet with ViT stays clearly below, and ViT is as close to ResNet as to another seed
# of itself. Accuracy aside, *which* pictures are missed depends little on the
# architecture.
#
# *What they are taken for* depends on it more. On the pictures that all twelve miss,
# none is better than another. There, networks of two architectures always give the same
# answer less often than two seeds of either. That is architecture, or its recipe.
# Still, even a twin gives another answer to every tenth picture or more. What one
# trained network does with a single picture is in good part luck.
#
# Wrong, and wrong alike
# ----------------------
#
# Back to the four long runs, pair by pair. Two good networks often agree simply because
# both are right, so each number is compared with luck: two networks that confuse as
# these do, but agree within a class only by chance. All we need is a table that counts,
# for each class, who answered what. The standard errors come from the same table: draw
# the same number of pictures from it, with replacement, compute again, and look at the
# spread. A drawn picture brings both answers along, so the comparison stays paired.


def joint(i, j):
    """Pictures per class, answer of network i and answer of network j."""
    cell = 100 * labels + 10 * answers[i] + answers[j]
    return torch.bincount(cell, minlength=1000).view(10, 10, 10).double()


def resample(table, times=500):
    dice = torch.distributions.Multinomial(int(table.sum()), table.flatten())
    return dice.sample((times,)).view(times, *table.shape)


def equal(table):
    """Share of equal answers, and how much that is more than luck."""
    n = table.sum(dim=(-3, -2, -1))
    one, two = table.sum(dim=-1), table.sum(dim=-2)  # class x answer
    luck = (one * two).sum(dim=-1) / one.sum(dim=-1).clamp(min=1)
    share = table.diagonal(dim1=-2, dim2=-1).sum(dim=(-2, -1)) / n
    return share, share - luck.sum(dim=-1) / n


wrong = 1 - torch.eye(10, dtype=torch.double)  # class x answer
both_wrong = wrong[:, :, None] * wrong[:, None, :]


def consistency(table):
    """Kappa, and its share of the largest possible one."""
    n = table.sum(dim=(-3, -2, -1))
    both = (table * both_wrong).sum(dim=(-3, -2, -1)) / n
    a = (table.sum(dim=-1) * wrong).sum(dim=(-2, -1)) / n  # error rates
    b = (table.sum(dim=-2) * wrong).sum(dim=(-2, -1)) / n
    value = kappa(a, b, both)
    return value, value / kappa(a, b, torch.minimum(a, b))


def agreement(table):
    astray = equal(table * both_wrong)
    return torch.stack((*equal(table), *astray, *consistency(table)), dim=-1)


def measure(i, j):
    table = joint(i, j)
    return 100 * agreement(table), 100 * agreement(resample(table)).std(dim=0)


couples = list(combinations(range(4), 2))
measured = {couple: measure(*couple) for couple in couples}
print("                equal   over luck    both wrong:   over luck     kappa      its")
print("                 in %               same, in %                            share")
for (i, j), (value, spread) in measured.items():
    print(
        f"{names[i]:8}{names[j]:8}{value[0]:5.1f}{value[1]:+7.1f} ± {spread[1]:.1f}"
        f"{value[2]:11.1f}{value[3]:+9.1f} ± {spread[3]:.1f}"
        f"{value[4] / 100:8.2f} ± {spread[4] / 100:.2f}"
        f"{value[5] / 100:7.2f} ± {spread[5] / 100:.2f}"
    )
    assert value[1] > 3 * spread[1]
    assert value[2] > 1.5 * (value[2] - value[3])
nearness = [value[5] for value, _ in measured.values()]
assert couples[nearness.index(max(nearness))] == (1, 2)  # VGG, ResNet
assert couples[nearness.index(min(nearness))] == (0, 3)  # AlexNet, ViT

# %%
# In the figure a marker has the colours of its two networks, and the grey dot on its
# line is what luck alone would give.

fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), sharey=True, layout="constrained")
for row, ((i, j), (value, spread)) in enumerate(measured.items()):
    left, other = (plots.color_of(runs[k].model) for k in (i, j))
    halves = {"mfc": left, "markerfacecoloralt": other, "mec": "none"}
    for ax, k in zip(axes, (0, 2), strict=True):
        ax.plot([value[k] - value[k + 1], value[k]], [row, row], color=grey)
        ax.plot(value[k] - value[k + 1], row, "o", color=grey, ms=5)
        bar = {"xerr": 2 * spread[k], "ecolor": ink, "zorder": 3}
        ax.errorbar(value[k], row, fmt="o", ms=10, fillstyle="left", **halves, **bar)
axes[0].set_yticks(range(6), [f"{names[i]}, {names[j]}" for i, j in couples])
axes[0].set(xlabel="equal answers (%)", xlim=(0, 100), ylim=(5.6, -0.6))
axes[1].set(xlabel="both wrong: the same answer (%)", xlim=(0, 100))
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "How often two networks give the same answer, over all pictures and over those"
    " that both get wrong, with two standard errors. Grey: what luck gives two"
    " networks with the same confusions.",
    "Two panels with a line for each of six pairs of networks; each line runs from a"
    " grey dot on the left to a two-coloured marker further right.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Networks that err together err *alike*. They share the training set and the test
# pictures, which may be why. Measured against the possible, VGG and ResNet are first,
# but only just; AlexNet and ViT are last. Nor is sharing errors peculiar to small
# networks: those for ImageNet agree, too, beyond what their accuracies explain
# :cite:p:`mania2019`, and convolutional ones are consistent in their errors whatever
# their architecture :cite:p:`geirhos2020`.
#
# What is taken for what
# ----------------------
#
# The :term:`confusion matrices <confusion matrix>` without the diagonal, in percent of
# each class and on one scale:

confusions = torch.tensor([run.confusion for run in runs]).double()
size = labels.bincount().double()
blank = torch.eye(10, dtype=torch.bool)
shares = (100 * confusions / size[:, None]).masked_fill(blank, torch.nan)
top = shares.nan_to_num().max()

fig, axes = plt.subplots(
    2, 2, figsize=(7.2, 6.6), sharex=True, sharey=True, layout="constrained"
)
for ax, name, share in zip(axes.flat, names, shares, strict=True):
    drawn = ax.imshow(share, vmin=0, vmax=top)
    ax.set_title(name)
    ax.set_xticks(range(10), classes, rotation=90, fontsize=8)
    ax.set_yticks(range(10), classes, fontsize=8)
    ax.spines[:].set_visible(False)
fig.colorbar(drawn, ax=axes, shrink=0.5, label="% of the class")
fig.supylabel("right class", fontsize=10)
fig.supxlabel("answer", fontsize=10)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "What each network takes for what, without the diagonal. In all four, the rows of"
    " chain saw and gas pump are the brightest.",
    "Four ten by ten matrices of right classes against answers, one per network, with"
    " a blank diagonal and a common colour scale.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Both directions of a pair together, as a share of each network's errors, so that the
# better network does not simply look paler:

errors = confusions * wrong
both = errors + errors.transpose(1, 2)
profile = 100 * both / errors.sum(dim=(1, 2), keepdim=True)
upper = profile.mean(dim=0).triu().flatten()
print(" " * 35 + "".join(f"{name:>9}" for name in names) + "   % of the errors")
for place in upper.argsort(descending=True)[:8].tolist():
    i, j = divmod(place, 10)
    row = "".join(f"{p:9.1f}" for p in profile[:, i, j])
    print(f"{classes[i]:>16} and {classes[j]:16}{row}")
fewest = errors.sum(dim=(1, 2)).min()
print(f"standard error of a 5: up to {100 * (0.05 * 0.95 / fewest) ** 0.5:.1f}")

# %%
# Most shares differ by little more than that from network to network.
#
# Do the eras show here? For two steps in time, here is how every cell changes, again in
# points of its share of the errors. With so many cells some move by chance. So a dot
# marks only those that pass a test made stricter by their number. Errors on the same
# pictures are counted as if they were independent, which is cautious: what is shared
# moves together. And one more question concerns the whole: how many of 100 errors would
# have to move to another cell? The ruler is, once more, another seed:

ways = [(0, 2), (2, 3)]  # AlexNet to ResNet, ResNet to ViT
strict = NormalDist().inv_cdf(1 - 0.05 / (90 * len(ways)) / 2)


def variance(count):
    """Of the share of each cell, cautious where it is rare."""
    p = (count + 1) / (count.sum() + 2)
    return p * (1 - p) / count.sum()


def moved(old, new):
    """How many of 100 errors are in another cell."""
    return 50 * (new / new.sum() - old / old.sum()).abs().sum().item()


tables = [[wrong * torch.tensor(r.confusion) for r in s] for s in short.values()]
seeds = [[moved(a, b) for a, b in combinations(t, 2)] for t in tables]
changes = {}
print("of 100 errors move    long runs   short, mean   another seed of either, mean")
for i, j in ways:
    old, new = errors[i], errors[j]
    change = new / new.sum() - old / old.sum()
    sure = change.abs() > strict * (variance(old) + variance(new)) ** 0.5
    changes[i, j] = 100 * change, sure
    step = [moved(a, b) for a, b in product(tables[i], tables[j])]
    print(
        f"{names[i] + ' to ' + names[j]:19}{moved(old, new):12.0f}{mean(step):14.0f}"
        f"{mean(seeds[i]):14.0f}{mean(seeds[j]):6.0f}"
    )
    assert min(step) > max(seeds[i] + seeds[j])
    assert mean(seeds[i] + seeds[j]) > 0.5 * mean(step)
    assert abs(old.sum() - new.sum()) > 2 * (old.sum() + new.sum()) ** 0.5

# %%
limit = max(change.abs().max() for change, _ in changes.values())
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.7), sharey=True, layout="constrained")
for ax, ((i, j), (change, sure)) in zip(axes, changes.items(), strict=True):
    old, new = (plots.color_of(runs[k].model) for k in (i, j))
    colors = LinearSegmentedColormap.from_list("change", [old, "#8c959f00", new])
    drawn = ax.imshow(change, cmap=colors, vmin=-limit, vmax=limit)
    ax.plot(*sure.nonzero().T.flip(0), "o", color="black", ms=4)
    ax.set_title(f"{names[i]} to {names[j]}")
    ax.set_xticks(range(10), classes, rotation=90, fontsize=8)
    ax.set_yticks(range(10), classes, fontsize=8)
    fig.colorbar(drawn, ax=ax, shrink=0.7, label="change (points)")
axes[0].set_ylabel("right class")
fig.supxlabel("answer", fontsize=9)
assert not any(sure.any() for _, sure in changes.values())
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "How the share of each confusion among all errors changed from one network to a"
    " later one. A cell has the colour of the network in which the confusion weighs"
    " more. A change beyond chance would have a black dot; none has.",
    "Two ten by ten matrices of right classes against answers, in the colours of the"
    " two networks compared; most cells are pale.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The eye finds patterns in any such carpet, and yet no single cell clearly changes. As
# a whole the errors do change their kind, a little. In the short runs both steps move
# more of them than another seed of either network ever does; but another seed moves
# more than half as many. The long runs have one seed each, and fewer errors, on which
# luck weighs more: there the step from AlexNet to ResNet moves no more than another
# seed might. Between eras the *number* of errors changed most.
#
# All four say the same
# ---------------------
#
# To some pictures all four give one and the same wrong answer. Networks with
# independent errors would rarely do that.

alike = (solved == 0) & (answers == answers[0]).all(dim=0)
habits = errors / errors.sum(dim=2, keepdim=True).clamp(min=1)
by_luck = habits.prod(dim=0).sum(dim=1)[labels[solved == 0]].mean()
nobody = int(counts[0])
share = alike.sum().item() / nobody
spread = (share * (1 - share) / nobody) ** 0.5
print(f"one and the same answer to {int(alike.sum())} of the {nobody} that all miss")
print(f"that is {share:.0%} ± {spread:.0%}; by luck {by_luck:.1%}")
assert share > 5 * by_luck

fig = atlas.gallery(some(alike, 8), runs, columns=4)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Pictures, drawn by lot, for which all four networks give the same wrong answer."
    " Above each the right class, below it the answer. Tiles have file names; the"
    " pictures appear where the data set is at hand.",
    "A grid of pictures, or tiles with file names, with the right class above and below"
    " each a wrong answer behind four squares in the colours of the four networks.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Ask of each: is the answer foolish, does it name the setting instead of the object, or
# would you have said the same? Where four networks agree against the label, the label
# deserves a look, too. :cite:t:`northcutt2021` estimate that in ImageNet's validation
# set at least six labels in a hundred are wrong, and :cite:t:`beyer2020` collected new
# ones, several for pictures that show several things. Neither counted Imagenette, and
# few of its validation pictures are among theirs, as file names show:

official = sum("ILSVRC2012_val" in file for file in FILES)
print(f"{official} of {total} are from ImageNet's own validation set")
assert official < total / 10

# %%
# The others are from its training set. A network that was pre-trained on ImageNet has
# seen them, with labels, and must not be tested on them.
#
# One against three
# -----------------
#
# What does ViT see that the others do not? Take the pictures that three networks miss,
# and count how many the fourth solves. And the reverse: of the pictures that three
# solve, how many does it miss?

print("           solves alone         misses alone     of its errors others solve")
for k, name in enumerate(names):
    others = solved - right[k].long()
    hard, easy = others == 0, others == 3
    share = right[k][hard].double().mean()
    spread = (share * (1 - share) / hard.sum()) ** 0.5
    helped = 1 - nobody / (~right[k]).sum()
    print(
        f"{name:8}{right[k][hard].sum():4} of {hard.sum()}:"
        f" {100 * share:4.1f} ± {100 * spread:.1f} %"
        f"{(~right[k][easy]).sum():8} of {easy.sum()}{helped:14.0%}"
    )
    assert helped > 0.6 or name in ("VGG", "ResNet")

# %%
# Is that many? A blind guess among ten classes would solve a tenth of the pictures that
# three miss. But the alternative to "ViT sees something else" is not a blind guess: it
# is another seed of a network that missed, which sees something else, too. So, in the
# short runs, for every choice of one network of each: of the pictures that three miss,
# how many does the fourth solve, and how many another seed of one of the three?

heading = "".join(f"{name:>9}" for name in names)
print(f"in %          solves alone    another seed of:{heading}")
for k, name in enumerate(names):
    rates = [[] for _ in names]
    for chosen in product(range(3), repeat=4):
        three = [hits[m][chosen[m]] for m in range(4) if m != k]
        hard = ~torch.stack(three).any(dim=0)
        for m, rate in enumerate(rates):
            fresh = [r for n, r in enumerate(hits[m]) if m == k or n != chosen[m]]
            rate += [100 * r[hard].double().mean().item() for r in fresh]
    alone, *ruler = mean(rates.pop(k)), *map(mean, rates)
    assert alone < max(ruler) or name == "ResNet"
    assert alone > 2 * max(ruler) or name != "ResNet"
    row = [f"{share:9.1f}" for share in ruler]
    row.insert(k, f"{'–':>9}")
    print(f"{name:12}{alone:14.1f}{'':20}{''.join(row)}")

# %%
# Only ResNet, the best of the four, solves more than another seed of each that missed,
# and far more. Another ResNet would solve more than ViT does, and likewise more than
# AlexNet or VGG does in its turn: what these three see alone needs no other
# architecture. Another seed of AlexNet or ViT even stays below a blind guess, for it
# errs where its twin errs.
#
# Here is a picture that each network alone gets right and, below it, one that it alone
# gets wrong:

alone = [i for r in right for i in some(r & (solved == 1), 1)]
lapses = [i for r in right for i in some(~r & (solved == 3), 1)]
fig = atlas.gallery(alone + lapses, runs, columns=4)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "A column for each network: above, a picture that it alone gets right; below, one"
    " that it alone gets wrong. Tiles have file names; the pictures appear where the"
    " data set is at hand.",
    "Two rows of four pictures, or tiles with file names, with the answers of the four"
    " networks below each. In the upper row one network has the right answer, in bold;"
    " in the lower row three have it.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# What to remember
# ----------------
# * Errors are shared, far beyond what accuracies and classes explain. Still, most of
#   a weak network's errors are solved by another.
# * Another seed is the ruler. Networks of different accuracy must disagree; measured
#   against what they can, most architectures share errors about as two seeds of one do.
#   What they answer instead differs more.
# * Networks that are wrong together pick the same wrong class far more often than luck
#   would.
# * A confusion matrix is full of chance. Compare shares of errors, and correct for the
#   number of cells.
# * Solving what others miss counts only beyond what another seed of them would solve.
# * Where all agree against a label, look at the label.
#
# Exercises
# ---------
# 1. *Let the four vote:* ``(answers.mode(dim=0).values == labels).double().mean()``. Is
#    the vote better than the best of them? Look at the accuracies and at kappa before
#    you run it.
#
#    .. dropdown:: Solution
#
#       No. It even seems clearly behind ResNet, but ``mode`` settles ties by class
#       number. With a vote and a half for ResNet, which then settles them, the two
#       cannot be told apart::
#
#          votes = torch.nn.functional.one_hot(answers).float()
#          votes[names.index("ResNet")] *= 1.5
#          print((votes.sum(dim=0).argmax(dim=1) == labels).double().mean())
#
#       A vote helps where voters are about equally good and err differently. Here one
#       is far better than the weakest, and errors are shared.
#
# 2. *Two networks are right on eight and on nine of ten pictures. How large can kappa
#    be?* Do it by hand, then ask ``kappa``.
#
#    .. dropdown:: Solution
#
#       On one of ten they must differ in being right, so they agree on 0.9 at most; by
#       luck it is 0.8·0.9 + 0.2·0.1 = 0.74. Kappa is at most 0.16 / 0.26 = 0.62:
#       networks of different accuracy cannot reach 1. ``kappa(0.2, 0.1, 0.1)`` agrees.
#
# 3. *Compare equal budgets:* put ``long = short`` after the line that loads them. Which
#    sentence of this page would you change?
#
#    .. dropdown:: Solution
#
#       Every number follows by itself, and most claims are asserted in their cells. One
#       stops the script: in the short runs not VGG and ResNet but AlexNet and VGG share
#       most of what their accuracies allow. Delete that assertion, and the rest holds.
#       One that is not asserted does not: at equal budgets the step from AlexNet to
#       ResNet is out of the reach of luck, and moves as many errors as that to ViT.
#
# 4. *Why were the pictures drawn by lot?*
#
#    .. dropdown:: Solution
#
#       A choice of the strangest shows how strange a picture can be. A sample shows
#       what an error usually looks like.
#
# 5. *Do networks without cropped and flipped pictures make different errors, or more of
#    them?* Guess, unfold; then compare ``predictions`` of the two records by class, as
#    the confusion differences above do.

plan.load("ablations").compare("alexnet", "alexnet_no_augmentation")

# %%
# .. dropdown:: What came out
#
#    Not more: clearly *fewer*. In nine epochs augmentation has nothing to prevent yet,
#    and training on whole pictures is probably quicker. Nor do they make errors of
#    clearly another kind: no cell of the confusions surely changes, and of 100 errors
#    hardly more move to another cell than between two seeds of AlexNet above. Hardly
#    any class gets worse, and none by much. One seed, few epochs.
#
# 6. *Does a network without positions confuse other classes?* It sees each picture as a
#    bag of patches. Name two classes that should suffer most before you unfold.

plan.load("ablations").compare("vit", "vit_no_positions", "vit_sincos")

# %%
# .. dropdown:: What came out
#
#    Without positions the network is hardly worse than with learned ones; fixed ones,
#    sines and cosines, are far ahead of both. Probably learned positions, which start
#    as noise, have hardly been learned in nine epochs, while fixed ones say from the
#    first step which patches are neighbours. Without positions fewer errors move to
#    another cell than between two seeds of ViT above. The English springer loses most,
#    at the edge of what luck makes of the worst of ten classes. One seed.
#
# Further reading
# ---------------
# :cite:t:`geirhos2020` measure the same consistency between networks and people;
# :cite:t:`mania2019` ask what shared errors mean for a test set that everybody uses.
# :cite:t:`russakovsky2015` compare the errors of a network with those of two patient
# human annotators, and :cite:t:`beyer2020` and :cite:t:`northcutt2021` ask what is left
# to measure once the labels are the problem.
