"""Many processes, one training: each takes a share of every batch.

``torchrun --nproc-per-node N -m vhist train ...`` starts N processes, each with a
rank; :func:`processes` brings them together. A single process is a team of one,
so the training loop has no second form.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vhist import _launch

__all__ = ["Team", "local_first", "processes"]


@dataclass(frozen=True)
class Team:
    """The processes that train one network.

    Attributes
    ----------
    rank : int
        This process's number; 0 is the one that prints and writes.
    size : int
        Number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> "Team":
        """Return the team that this process belongs to: of one, outside of torchrun."""
        if not (dist.is_available() and dist.is_initialized()):
            return cls()
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def share(self, n: int) -> slice:
        """Return which of ``n`` rows are this process's.

        Shares differ by at most one, and together they cover every row once.
        """
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return the model, its gradients averaged over the team by ``backward``."""
        return DistributedDataParallel(model) if self.size > 1 else model

    def no_sync(self, model: nn.Module, *, unless: bool) -> AbstractContextManager:
        """Return a context in which gradients stay with their process, unless told.

        So for all parts of a batch but the last: their sum is exchanged once.
        """
        if not unless and isinstance(model, DistributedDataParallel):
            return model.no_sync()
        return nullcontext()

    def any(self, *flags: bool) -> list[bool]:
        """Return for each flag whether it is set in any process."""
        if self.size == 1:
            return list(flags)
        # A tensor on the CPU goes through gloo: no waiting for the GPU.
        votes = torch.tensor(flags, dtype=torch.uint8)
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return [bool(v) for v in votes.tolist()]

    def gather(self, part: Tensor) -> Tensor:
        """Stack the equally shaped tensors of all processes: (...) -> (size, ...)."""
        if self.size == 1:
            return part[None]
        parts = [torch.empty_like(part) for _ in range(self.size)]
        dist.all_gather(parts, part)
        return torch.stack(parts)

    def assemble(self, part: Tensor, n: int) -> Tensor:
        """Put the shares of ``n`` rows together, in order, in every process."""
        if self.size == 1:
            return part
        whole = part.new_zeros(n, *part.shape[1:])
        whole[self.share(n)] = part
        dist.all_reduce(whole)  # every other addend is zero: exact
        return whole

    def broadcast_buffers(self, model: nn.Module) -> None:
        """Give every process the running statistics of the first."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)


@contextmanager
def processes(device: str) -> Iterator[torch.device]:
    """Join the processes that torchrun started, if it did.

    Parameters
    ----------
    device : str
        ``cpu``, or ``cuda``: then each process takes its own GPU.

    Yields
    ------
    torch.device
        Where this process computes.

    Raises
    ------
    ValueError
        If there are more processes than GPUs.
    ConnectionError
        If another process of the team ended or cannot be reached.
    """
    mine = torch.device(device)
    if "WORLD_SIZE" not in os.environ:
        if mine.type == "cuda" and mine.index is not None:
            torch.cuda.set_device(mine)
        yield mine
        return
    if mine.type == "cuda":
        wanted, gpus = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
        if wanted > gpus:
            raise ValueError(
                f"{wanted} processes, but only {gpus} GPUs: lower --nproc-per-node"
            )
        mine = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(mine)
    backend = "cpu:gloo,cuda:nccl" if mine.type == "cuda" else "gloo"
    with _lost_neighbour():
        dist.init_process_group(backend)
        try:
            yield mine
        finally:
            dist.destroy_process_group()


@contextmanager
def local_first() -> Iterator[None]:
    """Let the first process of each machine do something before the others do it."""
    team, first = Team.current(), _launch.is_first(here=True)
    if not first:
        team.any(False)  # waits for all
    yield
    if first:
        team.any(False)


@contextmanager
def _lost_neighbour() -> Iterator[None]:
    """Say in one line what gloo and nccl say in many."""
    try:
        yield
    except RuntimeError as error:
        words = ("gloo", "NCCL", "Connection", "connection", "peer", "TCPStore")
        if not any(word in str(error) for word in words):
            raise
        raise ConnectionError(
            f"process {os.environ.get('RANK', '?')} lost another process of this run, "
            "whose own message tells why; start again with --resume"
        ) from error
