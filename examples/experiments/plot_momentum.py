"""
What does momentum do to a gradient?
====================================

It is a filter: steady gradients are amplified ten times, alternating ones halved.
"""

# %%
# With momentum :cite:p:`polyak1964` each step is the new gradient plus 0.9 of the last
# step. To know a filter, engineers feed it a single pulse. So do we: a gradient of one,
# then zeros, and what :class:`torch.optim.SGD` does with it.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`. To try:
# ``momentum = 0.99``, or ``nesterov=True`` in the optimizer.

from math import log

import matplotlib.pyplot as plt
import torch
from torch import nn

momentum = 0.9
steps = 2 * round(10 / (1 - momentum))  # enough for the answer to fade


def walk(gradients):
    """The steps that a weight makes, down the given gradients, at a rate of 1."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=momentum)
    places = [0.0]
    for gradient in gradients:
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
        places.append(weight.item())
    return -torch.tensor(places, dtype=torch.float64).diff()


pulse = [1.0] + [0.0] * (steps - 1)
response = walk(pulse)
total = response.sum().item()
half_life = log(0.5) / log(response[2] / response[1])
first = ", ".join(f"{step:.3f}" for step in response[:4])
print(f"the pulse is answered by {first} ..., in all {total:.2f}")
print(f"half of the answer is gone after every {half_life:.2f} steps")

# %%
# Any sequence of gradients is a sum of pulses, and of waves. The Fourier transform of
# the answer says how much each wave is amplified.

gain = torch.fft.rfft(response).abs()
waves = torch.fft.rfftfreq(steps)  # per step; 0.5 changes its sign at every step
steady = walk([1.0] * steps)[-1].item()
alternating = walk([1.0, -1.0] * (steps // 2))[-1].abs().item()
print(f"a gradient of 1 for ever: steps of {steady:.2f}")
print(f"1, -1, 1, -1, ...: steps of {alternating:.2f}")
noise = response.norm().item()  # of independent pulses, the squares add up
print(f"noise of deviation 1: steps of deviation {noise:.2f}")

fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
left.stem(response[:40], markerfmt=".", basefmt=" ")
left.set(xlabel="step", title="answer to one pulse")
right.semilogy(waves, gain)
right.axhline(1, color="#8c959f", linestyle=":")
right.set(xlabel="frequency (waves per step)", title="amplification")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "The powers of 0.9, and what they do to waves: slow ones pass and grow.",
    "Left, stems that decay from one. Right, a curve that falls from ten to one half.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# A *low-pass filter*, of the kind called IIR, since its answer never quite ends. What
# changes its sign at every step is damped. Noise that is drawn anew for each batch is
# not: it grows, by :math:`1 / \sqrt{1 - 0.9^2}`. But what is steady grows by ten, and
# stands out more. The price: rates with and without momentum are not comparable.
