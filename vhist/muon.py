"""Muon: momentum for matrices, every direction of it made equally long."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalize"]

# Coefficients of a polynomial that brings singular values in (0, 1] near 1 (Jordan et
# al. 2024).
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)


def orthogonalize(
    matrices: Tensor, steps: int = 5, *, dtype: torch.dtype | None = None
) -> Tensor:
    """Replace the singular values of matrices by values near 1; directions stay.

    A matrix U S Vᵀ becomes about U Vᵀ, by matrix products alone (the Newton-Schulz
    iteration), as a singular value decomposition would be slow.

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
        As for other optimizers, each with its own ``"weight_decay"``, or AdamW's 0.01.
        Those with ``"matrices": True`` are trained by Muon.
    lr : float
    momentum : float
    nesterov : bool
        Look ahead with the momentum.
    dtype : torch.dtype, optional
        For :func:`orthogonalize`.
    cuda_graph : bool
        On a GPU, record the work on the matrices once as a CUDA graph: its kernels are
        many and short, and starting them takes longer than they do.

    Raises
    ------
    ValueError
        If no group says whether it has matrices, or one of them is a vector; if a step
        is to be replayed, but the matrices are not on a GPU.

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
        cuda_graph: bool = False,
    ) -> None:
        super().__init__(groups, lr, fused=True)
        # AdamW's kernel unscales gradients and skips infinite ones; ours does not, so
        # GradScaler has to do so before the step.
        self._step_supports_amp_scaling = False
        self.momentum, self.nesterov, self.dtype = momentum, nesterov, dtype
        self.cuda_graph = cuda_graph
        self._graphs: dict[int, _Graph] = {}
        if not any("matrices" in g for g in self.param_groups):
            raise ValueError(
                "no group says whether it has 'matrices': all would be trained by AdamW"
            )
        turned = [
            p for g in self.param_groups if g.get("matrices") for p in g["params"]
        ]
        if any(p.ndim < 2 for p in turned):
            raise ValueError("a group of 'matrices' has a vector in it: AdamW takes it")
        if cuda_graph and not all(p.is_cuda for p in turned):
            raise ValueError(
                "Muon replays its step on a GPU only: leave out cuda_graph"
            )

    def __getstate__(self) -> dict[str, Any]:
        own = {
            k: getattr(self, k) for k in ("momentum", "nesterov", "dtype", "cuda_graph")
        }
        return super().__getstate__() | own | {"_graphs": {}}  # of other memory

    def __setstate__(self, state: dict[str, Any]) -> None:
        # AdamW's own would look in every parameter's state for its count of steps.
        torch.optim.Optimizer.__setstate__(self, state)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters by their gradients; those of matrices are freed."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for i, group in enumerate(self.param_groups):
            matrices = [p for p in group["params"] if p.grad is not None]
            if group.get("matrices") and matrices:
                ahead = self._momentum(matrices)
                lr, decay = group["lr"], group["weight_decay"]
                if self.cuda_graph and i in self._graphs:
                    self._graphs[i].run(matrices, ahead, lr, decay)
                else:
                    _turn(matrices, ahead, lr, decay, self.dtype)
                    # What a first call sets up is not to be recorded.
                    if self.cuda_graph:
                        self._graphs[i] = _Graph(matrices, ahead, self.dtype)
        super().step()
        return loss

    def _momentum(self, matrices: list[Tensor]) -> list[Tensor]:
        """Mix the gradients into the momentum; return what is to be turned."""
        for p in matrices:
            if not self.state[p]:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        means = [self.state[p]["momentum_buffer"] for p in matrices]
        gradients = [p.grad for p in matrices]
        torch._foreach_lerp_(means, gradients, 1 - self.momentum)
        for p in matrices:
            p.grad = None  # AdamW passes these over
        if not self.nesterov:
            return means
        return list(torch._foreach_lerp(gradients, means, self.momentum))


def _turn(
    matrices: list[Tensor],
    ahead: list[Tensor],
    lr: float | Tensor,
    decay: float | Tensor,
    dtype: torch.dtype | None,
) -> None:
    """Update matrices by their turned (orthogonalised) momentum."""
    torch._foreach_mul_(matrices, 1 - lr * decay)
    # Those of one shape all at once: a GPU has more to do at a time.
    alike: dict[torch.Size, list[int]] = {}
    for i, p in enumerate(matrices):
        alike.setdefault(p.shape, []).append(i)
    for shape, places in alike.items():
        # Columns in the order of channels_last, as filters lie in memory: their order
        # does not matter to the product of a matrix with its transpose.
        columns = (*range(2, len(shape)), 1)
        steps = torch.stack([ahead[i].permute(0, *columns) for i in places])
        turned = orthogonalize(steps.flatten(2), dtype=dtype)
        # Its numbers have a root mean square of 1 / sqrt(max(rows, columns)), those of
        # AdamW's steps one of about 0.2.
        length = 0.2 * max(turned.shape[1:]) ** 0.5
        turned = turned.to(steps.dtype).mul_(lr * -length).view_as(steps)
        back = (0, turned.ndim - 2, *range(1, turned.ndim - 2))
        torch._foreach_add_(
            [matrices[i] for i in places], [step.permute(back) for step in turned]
        )


class _Graph:
    """The work on the matrices of a group, recorded as a CUDA graph.

    A replay reads and writes the same memory: that of the matrices, of a copy of their
    momentum, of the learning rate and the decay.
    """

    def __init__(
        self, matrices: list[Tensor], ahead: list[Tensor], dtype: torch.dtype | None
    ) -> None:
        self.matrices, device = matrices, matrices[0].device
        self.ahead = [torch.empty_like(m) for m in ahead]
        self.lr, self.decay = (torch.zeros((), device=device) for _ in range(2))
        self.graph = torch.cuda.CUDAGraph()
        # A stream of that GPU: PyTorch's own is of the first that was in use.
        stream = torch.cuda.Stream(device)
        with torch.cuda.graph(self.graph, stream=stream):
            _turn(matrices, self.ahead, self.lr, self.decay, dtype)

    def run(
        self, matrices: list[Tensor], ahead: list[Tensor], lr: float, decay: float
    ) -> None:
        """Change the matrices."""
        if [*map(id, matrices)] != [*map(id, self.matrices)]:
            raise RuntimeError(
                "Muon's step was recorded for other parameters: give all of them a "
                "gradient at each step, or leave out cuda_graph"
            )
        torch._foreach_copy_(self.ahead, ahead)
        self.lr.fill_(lr)
        self.decay.fill_(decay)
        self.graph.replay()
