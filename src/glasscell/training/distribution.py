"""One network trained by several processes of a launcher, such as ``torchrun --nproc-per-node 2``.

Every process reads the data, makes every batch and keeps a copy of the network; of each batch it
runs its own share of the sequences. The gradient is the mean over all of them, so training gives
what one process gives up to the order of sums. The first process alone writes and speaks, and what
decides how training goes on (validation errors, Ctrl-C, a saved state) comes from it.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import torch

from glasscell.errors import GlasscellError

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: as long as the first may need to score or to write."""


class LostProcessError(GlasscellError, RuntimeError):
    """Another process of the launcher ended before the training was done."""


def rank() -> int:
    """Give the number of this process among those that a launcher started; 0 without one."""
    return int(os.environ.get("RANK", "0"))


def size() -> int:
    """Give how many processes a launcher started; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@cache
def device() -> torch.device:
    """Let Hugging Face accelerate choose where to train, and meet the other processes if any."""
    from accelerate import Accelerator, InitProcessGroupKwargs

    accelerator = Accelerator(kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])
    if size() > 1:
        # torch asks for it: a process that kept its group was once seen to abort as it ended
        # ("terminate called without an active exception", a run on two hosts).
        atexit.register(_leave)
    chosen: torch.device = accelerator.device
    return chosen


def _leave() -> None:
    """Part from the other processes."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def mean_gradient(parameters: Iterable[torch.nn.Parameter], weight: float, stop: bool) -> bool:
    """Put the mean of all processes' gradients in place of one's own.

    Args:
        parameters: Of the network; their gradients are means over this process's share.
        weight: What this share counts for, such as its sequences; 0: it had none.
        stop: Whether this process wants to stop.

    Returns:
        Whether any of them does; all hear the same.

    Raises:
        LostProcessError: One of them is gone.

    Notes:
        One sum over the processes a step. Every process gets the same bits, so their networks stay
        the same.
    """
    mine = [one for one in parameters if one.requires_grad]
    grads = [torch.zeros_like(one) if one.grad is None else one.grad for one in mine]
    there = [float(one.grad is not None) for one in mine]
    told = grads[0].new_tensor([weight, float(stop), *there])
    flat = torch.cat([*(grad.reshape(-1) * weight for grad in grads), told])
    _sum(flat)
    heads = flat[len(flat) - len(told) :]
    total, stopped, anywhere = float(heads[0]), bool(heads[1]), heads[2:] > 0
    at = 0
    for one, grad, known in zip(mine, grads, anywhere, strict=True):
        mean = (flat[at : at + grad.numel()] / max(total, 1e-30)).view_as(grad)
        # A parameter that no share reached keeps no gradient: Adam would move it for a zero.
        one.grad = mean if known else None
        at += grad.numel()
    return stopped


def total(*numbers: float) -> list[float]:
    """Give the sums over all processes."""
    if size() == 1:
        return list(numbers)
    summed = torch.tensor(numbers, dtype=torch.float64, device=_reachable())
    _sum(summed)
    return summed.tolist()


def from_first(data: bytes | None) -> bytes:
    """Give every process the bytes that the first one has; the others' own are not looked at."""
    if size() == 1:
        assert data is not None
        return data
    length = torch.tensor([len(data or b"")], device=_reachable())
    _broadcast(length)
    content = torch.zeros(int(length), dtype=torch.uint8, device=_reachable())
    if rank() == 0 and data:
        content.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    _broadcast(content)
    return bytes(content.cpu().numpy())


def number_from_first(value: float) -> float:
    """Give every process the number that the first one has."""
    return float(np.frombuffer(from_first(np.float64(value).tobytes()), np.float64)[0])


def same_weights(module: torch.nn.Module) -> None:
    """Give every process's module the first one's weights: other machines may round otherwise."""
    if size() > 1:
        for value in module.state_dict().values():
            _broadcast(value)


def _reachable() -> torch.device:
    """Where what is passed between processes has to lie: NCCL knows only its own GPU's memory."""
    mine = device()  # meets the others, so that there is a backend
    return mine if torch.distributed.get_backend() == "nccl" else torch.device("cpu")


def _sum(tensor: torch.Tensor) -> None:
    _together(torch.distributed.all_reduce, tensor)


def _broadcast(tensor: torch.Tensor) -> None:
    _together(torch.distributed.broadcast, tensor, src=0)


def _together(operation: Any, tensor: torch.Tensor, **options: Any) -> None:
    device()
    try:
        operation(tensor, **options)
    except RuntimeError as error:
        raise LostProcessError(
            f"another process of the launcher is gone ({str(error).splitlines()[0]:.120}); what "
            "was trained is kept, start all of them again with --resume"
        ) from error
