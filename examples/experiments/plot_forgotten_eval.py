"""
What happens if ``eval()`` is forgotten?
========================================

With batch normalisation, the answer to one picture then depends on its neighbours.
"""

# %%
# In training mode batch normalisation :cite:p:`ioffe2015` uses the mean and variance of
# the batch at hand, in evaluation mode stored ones. Forgetting ``net.eval()`` raises no
# error. A small :class:`vhist.models.ResNet` learns from 2,000 drawings and is then
# tested in evaluation mode by :func:`vhist.evaluate`; in training mode with batches of
# shuffled pictures; and in training mode with the pictures sorted by class. The long
# form is in the chapter :doc:`ResNet </chapters/plot_30_resnet>`.

import copy
from dataclasses import replace

import matplotlib.pyplot as plt
import torch
import vhist

data = vhist.load_dataset("sketchnette")
few = replace(data, train=data.train[:2000])
torch.manual_seed(0)
net = vhist.models.ResNet(
    blocks=(1, 1, 1), widths=(16, 32, 64), stem=(3, 2), stem_width=16
)
recipe = vhist.Recipe(
    epochs=3, batch_size=50, lr=4e-3, image_size=32, augment="none", warmup_epochs=0.5
)
vhist.fit(net, few, recipe, verbose=False)
x = vhist.data.normalize(vhist.data.resize(data.val.images, 32))
y = data.val.labels


@torch.no_grad()
def in_training_mode(order, batch=50):
    twin = copy.deepcopy(net).train()  # a copy: its stored values move in this mode
    return torch.cat([twin(x[chosen]).argmax(dim=1) for chosen in order.split(batch)])


evaluation = {  # a set: batches of 50 and of 99 give one and the same number
    vhist.evaluate(net, data.val, image_size=32, batch_size=n).accuracy
    for n in (50, 99)
}
orders = [*(torch.randperm(len(y)) for _ in range(5)), y.argsort()]  # the last, sorted
answers = [in_training_mode(order) for order in orders]
right = [a == y[order] for a, order in zip(answers, orders, strict=True)]
*shuffled, by_class = [r.float().mean().item() for r in right]
churches = answers[-1][y[orders[-1]] == 4].bincount(minlength=10).tolist()
print("evaluation mode            ", *(f"{a:.1%}" for a in evaluation))
print("training mode, shuffled    ", *(f"{a:.1%}" for a in shuffled))
print(f"training mode, class sorted {by_class:.1%}")
print("sorted, churches are taken for class 0 to 9:", *churches)

bars = {"evaluation": max(evaluation)}
bars |= {f"shuffled {i + 1}": a for i, a in enumerate(shuffled)} | {"sorted": by_class}
colors = ["C0", *["#8c959f"] * 5, "C1"]
fig, ax = plt.subplots(figsize=(7.2, 2.8), layout="constrained")
drawn = ax.bar(list(bars), [100 * a for a in bars.values()], color=colors)
ax.bar_label(drawn, fmt="%.1f")
ax.set(ylabel="accuracy (%)", ylim=(0, 100))
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "The same weights and pictures: evaluation mode, and training mode in six orders.",
    "Seven bars. Evaluation mode and five shuffled orders are alike, the shuffled ones"
    " a little different each time; the order sorted by class is far lower.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Shuffled batches look like the data, so the score is about the same, if a little
# different each time. In a batch of nothing but churches, what they have in common is
# normalised away, and they are taken for anything. Try ``batch=2``. (Now shuffled
# pictures suffer, too.)
