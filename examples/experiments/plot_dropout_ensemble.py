"""
Dropout: one network for four thousand
======================================

Twelve hidden units have 4,096 sub-networks; half strength is their average, in a way.
"""

# %%
# Dropout :cite:p:`srivastava2014` silences each hidden unit with probability one half.
# At test time all are on, at half strength. (PyTorch doubles those that survive in
# training instead.) Is that an average over all sub-networks? With twelve units we can
# ask every one, first with only the last layer behind the units, then with a layer of
# ReLUs in between.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`. To try:
# ``units = 4``. Does the left figure depend on it?

import matplotlib.pyplot as plt
import torch

torch.manual_seed(0)
units, classes = 12, 10
hidden, extra = torch.randn(units), torch.randn(units, units) / units**0.5
weight = torch.randn(units, classes)
masks = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * units)

networks = {
    "dropout before the last layer": lambda x: x @ weight,
    "a ReLU layer in between": lambda x: (x @ extra).relu() @ weight,
}
answers = {}
for name, network in networks.items():
    logs = network(masks * hidden).log_softmax(dim=1)  # a row for each sub-network
    answers[name] = {
        "geometric mean": logs.mean(dim=0).softmax(dim=0),  # scaled to sum 1
        "arithmetic mean": logs.exp().mean(dim=0),
        "all at half strength": network(hidden / 2).softmax(dim=0),
    }

# %%
# There are two ways to average probabilities. The geometric mean, scaled to sum to one,
# comes from the mean of their logarithms.

differences = {}
fig, axes = plt.subplots(
    1, 2, figsize=(7.2, 3.0), layout="constrained", sharex=True, sharey=True
)
for ax, (name, averages) in zip(axes, answers.items(), strict=True):
    for (how, p), sign in zip(averages.items(), ("s", "_", "x"), strict=True):
        ax.plot(p, sign, label=how, markersize=8)
        differences[name, how] = (p - averages["all at half strength"]).abs().max()
        if how != "all at half strength":  # from itself it does not differ
            print(f"{name:30} {how:16} differs by {differences[name, how]:.0e}")
    ax.set(title=name, xlabel="class", xticks=range(classes))
axes[0].set(ylabel="probability")
axes[0].legend(fontsize=8)
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Left, crosses sit in the squares: half strength is the geometric mean. Right, it"
    " is not.",
    "Two panels of marks for ten classes. Left, crosses and squares coincide, dashes"
    " do not; right, the three lie apart in some classes.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Exactly the geometric mean, to rounding: up to the softmax everything is linear in the
# mask, and so is the mean of logarithms. The arithmetic mean, that of a committee, is
# something else. With a ReLU on the way half strength is neither. Try other seeds: is
# it nearer to the one or to the other? (Now to the one, now to the other.)
