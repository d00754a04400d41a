"""
How good is a mean of batch accuracies?
=======================================

Wrong as soon as the last batch is short; if pictures come sorted, always one way.
"""

# %%
# Many loops take the accuracy of each batch and, at the end, the mean of them. The last
# batch is smaller, yet counts as much as any other. The :doc:`guide to ViT
# </chapters/plot_55_finetuning>` did this, on 75 pictures in batches of 32, sorted by
# class. Suppose that a network has one answer to everything: what would be printed?
# :func:`vhist.evaluate` counts pictures instead. It belongs to the chapter
# :doc:`Reading a log </chapters/plot_80_reading_a_log>`.

import matplotlib.pyplot as plt
import torch

counts = {"pizza": 25, "steak": 19, "sushi": 31}
labels = torch.arange(3).repeat_interleave(torch.tensor(list(counts.values())))


def mean_of_batches(right, size):
    """Accuracy as many loops compute it; right has shape (..., pictures)."""
    batches = right.float().split(size, dim=-1)
    return torch.stack([batch.mean(dim=-1) for batch in batches]).mean(dim=0)


printed, true = {}, {}
for answer, name in enumerate(counts):
    right = labels == answer
    printed[name] = mean_of_batches(right, 32).item()
    true[name] = right.float().mean().item()
    print(f"always {name}: prints {printed[name]:.4f}, right are {true[name]:.4f}")

# %%
# The guide's log shows just these three values, eight times in ten. That it stood for a
# network with one answer is likely, but a log does not prove it.
#
# Does shuffling help? Here are all sizes of batch, sorted and in a thousand orders, for
# the answer sushi.

torch.manual_seed(0)
right = labels == 2
orders = torch.rand(1000, 75).argsort(dim=1)
sizes = range(1, 76)
sorted_error = [mean_of_batches(right, n).item() - true["sushi"] for n in sizes]
shuffled = torch.stack([mean_of_batches(right[orders], n) for n in sizes])
spread = shuffled.std(dim=1)
bias = shuffled.mean(dim=1) - true["sushi"]
print(f"shuffled, on average: off by {100 * bias.abs().max():.1f} points at most")
print(f"a single order: standard deviation up to {100 * spread.max():.1f} points")

fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
style = {"color": "#8c959f", "alpha": 0.5, "linewidth": 0}
style |= {"label": "shuffled, two standard deviations"}
ax.fill_between(sizes, -200 * spread, 200 * spread, **style)
ax.plot(sizes, [100 * e for e in sorted_error], color="C0", label="sorted")
ax.axhline(0, color="#8c959f", linewidth=0.8)
ax.set(xlabel="pictures in a batch", ylabel="error (points)")
ax.legend(loc="upper left")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Mean of batches minus true accuracy, for 75 pictures and one answer to all.",
    "A line that is zero where the size of the batch divides 75, and elsewhere jumps up"
    " to large errors; around zero a band that opens at the same sizes.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Both are right where the size divides 75. Elsewhere a shuffled order is fair on
# average, and still noise that nobody asked for. Count the right answers, and divide
# once, at the end. For which sizes is a batch of one picture left over? (2, 37 and
# 74.)
