"""From what a caller passes to a torch layer to rows and states of the engine, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import RNNBase
from torch.nn.utils.rnn import PackedSequence

from glasscell.errors import ShapeError
from glasscell.nn.fallback import EMPTY, PLAIN, UNFIT, Reason
from glasscell.nn.sequences import Layout, layout_of

__all__ = ["initial_state", "misfit", "require_states_that_fit", "results", "rows"]


def misfit(
    module: RNNBase, input: Tensor | PackedSequence, hx: Any, accepted: Sequence[torch.dtype]
) -> Reason | None:
    """Give the reason why the kernels do not take these arguments, None if they do.

    What is wrong with them is for torch's own checks to say.

    Args:
        module: who is called.
        input: as passed to it.
        hx: as passed to it.
        accepted: dtypes that the tensors may have.
    """
    batch: tuple[int, ...]
    if isinstance(input, PackedSequence):
        data, batch = input.data, (int(input.batch_sizes[0]),)
        if data.dim() != 2 or not _packs(input):
            return UNFIT
    else:
        data, dim = input, input.dim()
        if dim not in (2, 3):
            return UNFIT
        first = dim == 3 and module.batch_first
        batch = (data.shape[0 if first else 1],) if dim == 3 else ()
        if data.shape[1 if first else 0] == 0:
            return UNFIT
    if data.dtype not in accepted or data.shape[-1] != module.input_size:
        return UNFIT
    if hx is not None and not _state_fits(module, hx, batch, accepted):
        return UNFIT
    return EMPTY if batch == (0,) else None


def _packs(sequence: PackedSequence) -> bool:
    """Whether a `PackedSequence`, which anyone can make by hand, is one."""
    sizes = sequence.batch_sizes
    if sizes.dim() != 1 or sizes.dtype is not torch.int64 or not sizes.is_cpu or not len(sizes):
        return False
    steps = sizes.numpy()
    falls = bool((steps[1:] <= steps[:-1]).all())
    return falls and bool(steps[-1] > 0) and int(steps.sum()) == len(sequence.data)


def _state_fits(
    module: RNNBase, hx: Any, batch: tuple[int, ...], accepted: Sequence[torch.dtype]
) -> bool:
    sides = module.num_layers * (2 if module.bidirectional else 1)
    widths: tuple[int, ...] = (module.proj_size or module.hidden_size,)
    states: Sequence[Any] = (hx,)
    if module.mode == "LSTM":
        if not isinstance(hx, tuple | list) or len(hx) != 2:
            return False
        widths, states = (*widths, module.hidden_size), hx
    return all(
        type(state) in PLAIN
        and state.shape == (sides, *batch, width)
        and state.is_cpu
        and state.dtype in accepted
        for state, width in zip(states, widths, strict=True)
    )


def require_states_that_fit(module: RNNBase, input: Any, hx: Any) -> None:
    """Check an LSTM's states for a `PackedSequence`, as torch does for padded inputs only.

    Its own forward would read beyond the ends of states that are too small, and give the rest of
    those that are too large as final states.

    Raises:
        RuntimeError: as torch's for a padded input.
    """
    packed = isinstance(input, PackedSequence) and len(input.batch_sizes) > 0
    if not packed or module.mode != "LSTM" or not isinstance(hx, tuple | list | Tensor):
        return
    lead = module.num_layers * (2 if module.bidirectional else 1), int(input.batch_sizes[0])
    widths = module.proj_size or module.hidden_size, module.hidden_size
    for k, (state, width) in enumerate(zip(hx, widths, strict=False)):
        if isinstance(state, Tensor):
            said = f"Expected hidden[{k}] size {{}}, got {{}}"
            module.check_hidden_size(state, (*lead, width), said)


def rows(
    module: RNNBase,
    input: Tensor | PackedSequence,
    lengths: Tensor | Sequence[int] | None,
    reset: Tensor | None,
) -> tuple[Tensor, Layout]:
    """Give the input as (T, B, I) or packed (N, I), a view, and where its sequences lie.

    Raises:
        ShapeError, DtypeError: lengths or reset do not fit it.
    """
    if isinstance(input, PackedSequence):
        if lengths is not None or reset is not None:
            raise ShapeError(
                "expected lengths and reset with a padded input, got them with a PackedSequence; "
                "it has its own lengths, and for reset pad it with pad_packed_sequence"
            )
        order = None if input.sorted_indices is None else input.sorted_indices.cpu().numpy()
        sizes = input.batch_sizes.contiguous().numpy()
        return input.data, Layout(batch_sizes=sizes, sorted_indices=order)
    unbatched = input.dim() == 2
    first = module.batch_first and not unbatched
    x = input.unsqueeze(1) if unbatched else input.transpose(0, 1) if first else input
    steps, batch = x.shape[:2]
    layout = layout_of(
        steps, batch, lengths, reset, batch_first=module.batch_first, unbatched=unbatched
    )
    return x, layout


def initial_state(
    module: RNNBase, input: Tensor | PackedSequence, hx: Any
) -> tuple[Tensor | None, Tensor | None]:
    """Give h0 (L * D, B, P) and c0 (L * D, B, H) in the order of the rows; None for zeros."""
    if hx is None:
        return None, None
    states = hx if module.mode == "LSTM" else (hx, None)
    if isinstance(input, PackedSequence):
        order = input.sorted_indices
        if order is not None:
            states = [None if s is None else s.index_select(1, order) for s in states]
    elif input.dim() == 2:
        states = [None if s is None else s.unsqueeze(1) for s in states]
    return states[0], states[1]


def results(
    module: RNNBase, y: Tensor, h_n: Tensor, c_n: Tensor | None, input: Tensor | PackedSequence
) -> Any:
    """Undo `rows` and `initial_state` on what the layers gave."""
    output: Tensor | PackedSequence = y
    if isinstance(input, PackedSequence):
        back = input.unsorted_indices
        output = PackedSequence(y, input.batch_sizes, input.sorted_indices, back)
        if back is not None:
            h_n = h_n.index_select(1, back)
            c_n = None if c_n is None else c_n.index_select(1, back)
    elif input.dim() == 2:
        output, h_n = y.squeeze(1), h_n.squeeze(1)
        c_n = None if c_n is None else c_n.squeeze(1)
    elif module.batch_first:
        output = y.transpose(0, 1)
    return (output, h_n) if c_n is None else (output, (h_n, c_n))
