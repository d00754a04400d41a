"""
Local response normalisation: which alpha?
==========================================

Busy neighbours damp a channel, and PyTorch's 1e-4 is a fifth of the paper's.
"""

# %%
# AlexNet :cite:p:`krizhevsky2012` divides a channel :math:`a_i` by
# :math:`(2 + \alpha \sum_j a_j^2)^{0.75}`; the sum runs over the :math:`n = 5` channels
# nearest to it, at the same pixel. The paper prints :math:`\alpha = 10^{-4}`. PyTorch
# divides :math:`\alpha` by :math:`n` first, as the code of 2012 did
# :cite:p:`krizhevsky2012code`.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`. To try:
# ``strong = 1.0``. What is left of the competition when the numbers are small?

import matplotlib.pyplot as plt
import torch
from torch.nn import functional as F

torch.manual_seed(0)
strong = 100.0  # activity of a channel; pixels of 2012 went up to 255


def printed(x, alpha=1e-4, n=5):
    """The formula as it stands in the paper, for x of shape (pictures, c, h, w)."""
    padded = F.pad(x * x, (0, 0, 0, 0, n // 2, n // 2))  # no channels beyond the ends
    return x / (2 + alpha * padded.unfold(1, n, 1).sum(dim=-1)) ** 0.75


def torchs(x, alpha):
    return F.local_response_norm(x, 5, alpha=alpha, beta=0.75, k=2.0)


x = 50 * torch.randn(4, 96, 13, 13).relu()
largest_difference = {a: (torchs(x, a) - printed(x)).abs().max() for a in (1e-4, 5e-4)}
for alpha, difference in largest_difference.items():
    print(f"PyTorch with alpha={alpha:.0e}: up to {difference:.0e} from the formula")

# %%
# Now one channel of activity ``strong``, in the middle, and more and more neighbours
# that are as active as it is.

curves = {"the printed formula": [], "PyTorch, 1e-4": [], "PyTorch, 5e-4": []}
for neighbours in ((), (1,), (1, 3), (0, 1, 3), (0, 1, 3, 4)):
    x = torch.zeros(1, 5, 1, 1)
    x[0, [2, *neighbours]] = strong
    outputs = printed(x), torchs(x, 1e-4), torchs(x, 5e-4)
    for values, y in zip(curves.values(), outputs, strict=True):
        values.append(y[0, 2].item())

fig, ax = plt.subplots(figsize=(6.0, 3.0), layout="constrained")
for (name, values), style in zip(curves.items(), ("-", "o-", "s"), strict=True):
    ax.plot(values, style, label=name)
    print(f"{name:20}", *(f"{value:7.3g}" for value in values))
ax.set(xlabel="active neighbours", ylabel=f"what is left of {strong:g}")
ax.set(ylim=0, xticks=range(5))
ax.legend()
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Company costs activity. PyTorch's layer follows the formula if alpha is 0.0005.",
    "Output against the number of active neighbours: two curves that coincide and fall"
    " steeply, and one above them that falls less.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The code of 2012 divided, so ``alpha=1e-4`` in PyTorch, and the default of
# :class:`vhist.models.AlexNet`, do what it did; for the formula as printed set 5e-4.
