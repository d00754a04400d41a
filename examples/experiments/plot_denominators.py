"""
How many pictures were tested?
==============================

Eight accuracies, printed with all their digits, give away their denominator.
"""

# %%
# The logs of the article *vision-hist* :cite:p:`khazaei2024` say "on the 10000 test
# images". But an accuracy is a count over a count, :math:`k/n`. So we try every
# :math:`n` and ask how far the eight accuracies are from the nearest fractions.
#
# This belongs to the chapter :doc:`Reading a log </chapters/plot_80_reading_a_log>`. To
# try: round the accuracies to two decimals, ``percents = (percents * 100).round() /
# 100``, and set ``near`` to 0.005. What do they give away then? (Nothing: half of all
# numbers fit.)

import matplotlib.pyplot as plt
import torch

from vhist import plots

tests = {  # in %: after the last epoch, and again at the very end
    "alexnet": (78.216552734375, 78.01273345947266),
    "vgg": (86.08916473388672, 85.73248291015625),
    "resnet": (86.36942291259766, 86.64967346191406),
    "vit": (69.29936218261719, 68.84075927734375),
}
near = 2e-5  # single precision has about seven digits
percents = torch.tensor(list(tests.values()), dtype=torch.float64).flatten()
n = torch.arange(1, 20_001, dtype=torch.float64)[:, None]
nearest = 100 * (percents * n / 100).round() / n
misfit = (nearest - percents).abs().amax(dim=1)  # of the worst of the eight, for each n
fits = (1 + (misfit < near).nonzero().flatten()).tolist()
print(f"{len(fits)} denominators fit:", *fits[:10])
missed = f"{misfit[9_999]:.4f} points, {fits[0]:,} by {misfit[fits[0] - 1]:.0e}"
print(f"10,000 misses by {missed}")

fig, ax = plt.subplots(figsize=(7.2, 3.0), layout="constrained")
ax.semilogy(n, misfit, ".", markersize=1.5, color="#8c959f", rasterized=True)
ax.semilogy(fits, misfit[[f - 1 for f in fits]], "o", color="C0")
ax.axvline(10_000, color="#8c959f", linestyle=":")
ax.set(xlabel="denominator", ylabel="worst distance (points)", xlim=(0, 20_500))
ax.xaxis.set_major_formatter("{x:,.0f}")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "A few denominators (violet) fit far better than all others. The dotted"
    " line is the number in the log.",
    "A falling cloud of dots on a logarithmic axis, and far below it single points at"
    " equal distances.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Only one number fits, and its multiples, which are the same fractions. With it the
# percentages become counts, and counts have error bars: the standard error of a share
# :math:`p` is :math:`\sqrt{p(1-p)/n}`. The book keeps the closing counts in
# :data:`vhist.runs.ARTICLE`.

total = fits[0]
right = {m: [round(p / 100 * total) for p in pair] for m, pair in tests.items()}
error = {}
for model, (first, last) in right.items():
    p = last / total
    error[model] = (p * (1 - p) / total) ** 0.5
    print(
        f"{plots.LABELS[model]:8} {first} right, then {last} of {total:,}:"
        f" {p:.2%} ± {100 * error[model]:.2f}"
    )
lead = (right["resnet"][1] - right["vgg"][1]) / total
z = lead / (error["resnet"] ** 2 + error["vgg"] ** 2) ** 0.5
print(f"ResNet leads VGG by {z:.2f} standard errors")

# %%
# Less than two: by these logs ResNet's lead may be luck. The formula treats the two as
# tested on different pictures; a paired test would be sharper, but needs the single
# answers. What :doc:`two answers </experiments/plot_two_answers>` to one question mean
# is another story.
