"""Muon: momentum for matrices, every direction of it made equally long."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalize"]

# Of the polynomial that brings singular values in (0, 1] near 1 (Jordan et al. 2024).
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)


def orthogonalize(
    matrices: Tensor, steps: int = 5, *, dtype: torch.dtype | None = None
) -> Tensor:
    """Replace the singular values of matrices by ones near 1; directions stay.

    For a matrix U S Vᵀ that is about U Vᵀ, found by products of matrices alone, the
    Newton-Schulz iteration, where a singular value decomposition would be slow.

    Parameters
    ----------
    matrices : Tensor of shape (..., rows, columns)
    steps : int
        Of the iteration. After five, singular values above a hundredth of the norm
        are between 0.6 and 1.3.
    dtype : torch.dtype, optional
        To compute in, that of the matrices if not given. bfloat16 is precise enough,
        and several times as fast where the device multiplies such matrices.

    Returns
    -------
    Tensor of shape (..., rows, columns), of that type
    """
    a, b, c = _POLYNOMIAL
    rows, columns = matrices.shape[-2:]
    x = matrices.to(dtype).reshape(-1, rows, columns)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    if rows > columns:  # the smaller of the two products
        x = x.mT
    for _ in range(steps):  # x <- a x + (b s + c s²) x with s = x xᵀ
        square = x @ x.mT
        square = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, square, x, beta=a)
    if rows > columns:
        x = x.mT
    return x.reshape(matrices.shape)


class Muon(torch.optim.AdamW):
    """Muon for matrices and filters, AdamW for all other parameters.

    A filter counts as the matrix of its outputs and everything it sees. Each step of a
    matrix is its momentum, orthogonalised [1]_ and scaled to the length that AdamW's
    steps have [2]_: both take the same learning rate and weight decay.

    Parameters
    ----------
    groups : iterable of dict
        As for other optimizers. Those with ``"matrices": True`` are trained by Muon.
    lr : float
    momentum : float
    nesterov : bool
        Look ahead with the momentum.
    dtype : torch.dtype, optional
        For :func:`orthogonalize`.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
       2024, https://kellerjordan.github.io/posts/muon/.
    .. [2] J. Liu et al., "Muon is Scalable for LLM Training", 2025, arXiv:2502.16982,
       section 2.2.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        *,
        nesterov: bool = True,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(groups, lr, fused=True)
        self.momentum, self.nesterov, self.dtype = momentum, nesterov, dtype

    def __setstate__(self, state: dict[str, Any]) -> None:
        # AdamW's own would look in every parameter's state for its count of steps.
        torch.optim.Optimizer.__setstate__(self, state)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by their gradients; those of matrices are let go."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group.get("matrices"):
                alike: dict[torch.Size, list[Tensor]] = {}
                for p in group["params"]:
                    if p.grad is not None:
                        alike.setdefault(p.shape, []).append(p)
                for matrices in alike.values():
                    self._turn(matrices, group["lr"], group["weight_decay"])
        super().step()
        return loss

    def _turn(self, matrices: list[Tensor], lr: float, decay: float) -> None:
        """Change matrices of one shape, all at once: a GPU has more to do at a time."""
        for p in matrices:
            if not self.state[p]:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        means = [self.state[p]["momentum_buffer"] for p in matrices]
        gradients = [p.grad for p in matrices]
        torch._foreach_lerp_(means, gradients, 1 - self.momentum)
        if self.nesterov:
            ahead = torch._foreach_lerp(gradients, means, self.momentum)
        else:
            ahead = means
        # Columns in the order of channels_last, as filters lie in memory: theirs does
        # not matter to a product of a matrix with its transpose.
        columns = (*range(2, matrices[0].ndim), 1)
        steps = torch.stack([m.permute(0, *columns) for m in ahead])
        turned = orthogonalize(steps.flatten(2), dtype=self.dtype)
        # Its numbers have a root mean square of 1 / sqrt(max(rows, columns)), those of
        # AdamW's steps one of about 0.2.
        length = 0.2 * max(turned.shape[1:]) ** 0.5
        turned = turned.to(steps.dtype).mul_(-lr * length).view_as(steps)
        torch._foreach_mul_(matrices, 1 - lr * decay)
        back = (0, turned.ndim - 2, *range(1, turned.ndim - 2))
        torch._foreach_add_(matrices, [step.permute(back) for step in turned])
        for p in matrices:
            p.grad = None  # AdamW passes these over
