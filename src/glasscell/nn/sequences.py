"""What a caller passes to a torch layer, checked and as rows and states of the engine; and back.

`lengths`, `reset` and packed batches say where the sequences of one call begin and end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import RNNBase
from torch.nn.utils.rnn import PackedSequence

from glasscell import cells
from glasscell.arrays import Array
from glasscell.engine.addresses import address_of
from glasscell.errors import DtypeError, ShapeError
from glasscell.nn.fallback import EMPTY, PLAIN, UNFIT, Reason, interpreted

__all__ = [
    "Layout",
    "initial_state",
    "misfit",
    "packs",
    "require_states_that_fit",
    "results",
    "rows_of",
]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where sequences begin and end in the rows that the engine is given.

    Args:
        lengths: (B,) int64 steps of each sequence, None: all T.
        reset: (T, B) bool, start again from the initial state before that step; None: never.
        batch_sizes: (T,) int64 of a `PackedSequence`, None: padded.
        sorted_indices: (B,) int64 of a `PackedSequence`, None: as in the batch.
        batch_first: Whether the module lays its output out as (B, T, ·).
        unbatched: Whether the module was called on one sequence without a batch axis.
    """

    lengths: Array | None = None
    reset: Array | None = None
    batch_sizes: Array | None = None
    sorted_indices: Array | None = None
    batch_first: bool = False
    unbatched: bool = False

    def steps(self, x: Tensor) -> int:
        """Give T of x."""
        return len(x) if self.batch_sizes is None else len(self.batch_sizes)

    def batch(self, x: Tensor) -> int:
        """Give B of x."""
        return x.shape[1] if self.batch_sizes is None else int(self.batch_sizes[0])

    def addresses(self) -> tuple[int, int, int]:
        """Give where lengths, reset and batch_sizes lie, contiguous; 0 for None."""
        return address_of(self.lengths), address_of(self.reset), address_of(self.batch_sizes)


def _lengths(lengths: Tensor | Sequence[int], steps: int, batch: int, unbatched: bool) -> Array:
    tensor = torch.as_tensor(lengths).detach().cpu()
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex or tensor.dtype is torch.bool:
        raise DtypeError(f"expected lengths as integers, got {tensor.dtype}; use lengths.long()")
    if unbatched and tensor.dim() == 0:
        tensor = tensor[None]
    if tuple(tensor.shape) != (batch,):
        raise ShapeError(f"expected lengths of shape (B,) = ({batch},), got {tuple(tensor.shape)}")
    array: Array = tensor.to(torch.int64).numpy().copy()
    if array.min(initial=0) < 0 or array.max(initial=0) > steps:
        raise ShapeError(
            f"expected lengths in 0 … T = {steps}, got {array.min()} … {array.max()}; "
            "pad the input to the longest sequence or correct the lengths"
        )
    return array


def _reset(reset: Tensor, steps: int, batch: int, batch_first: bool, unbatched: bool) -> Array:
    tensor = torch.as_tensor(reset).detach().cpu()
    if tensor.dtype is not torch.bool:
        raise DtypeError(f"expected reset as bool, got {tensor.dtype}; use reset.bool()")
    sizes = {"T": steps, "B": batch}
    letters = "T" if unbatched else "BT" if batch_first else "TB"
    expected = tuple(sizes[letter] for letter in letters)
    if tuple(tensor.shape) != expected:
        raise ShapeError(
            f"expected reset of shape ({', '.join(letters)}) = {expected}, got "
            f"{tuple(tensor.shape)}"
        )
    if unbatched:
        tensor = tensor[:, None]
    elif batch_first:
        tensor = tensor.transpose(0, 1)
    array: Array = np.array(tensor.numpy(), order="C")
    return array


def misfit(
    module: RNNBase, input: Tensor | PackedSequence, hx: Any, accepted: Sequence[torch.dtype]
) -> Reason | None:
    """Give the reason why the kernels do not take these arguments, None if they do.

    What is wrong with them is for torch's own checks to say.

    Args:
        module: Who is called.
        input: As passed to it.
        hx: As passed to it.
        accepted: Dtypes that the tensors may have.
    """
    batch: tuple[int, ...]
    if isinstance(input, PackedSequence):
        data, batch = input.data, (int(input.batch_sizes[0]),)
        if data.dim() != 2 or not packs(input):
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


def packs(sequence: PackedSequence) -> bool:
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
    states: Sequence[Any] = (hx,)
    extra = cells.of(module.mode).extra_states
    if extra:
        if not isinstance(hx, tuple | list) or len(hx) != 1 + extra:
            return False
        states = hx
    widths = (module.proj_size or module.hidden_size, *[module.hidden_size] * extra)
    return all(
        type(state) in PLAIN
        and state.shape == (sides, *batch, width)
        and state.is_cpu
        and state.dtype in accepted
        for state, width in zip(states, widths, strict=True)
    )


def require_states_that_fit(module: RNNBase, input: Any, hx: Any) -> None:
    """Check an LSTM's states for a `PackedSequence`, as torch does for padded inputs only.

    A layer with one state torch checks in both cases. Its LSTM would read beyond the ends of states
    that are too small, and give the rest of those that are too large as final states.

    Raises:
        RuntimeError: As torch's for a padded input.
    """
    packed = isinstance(input, PackedSequence) and len(input.batch_sizes) > 0
    pair = cells.of(module.mode).extra_states > 0
    if not packed or not pair or not isinstance(hx, tuple | list | Tensor):
        return
    lead = module.num_layers * (2 if module.bidirectional else 1), int(input.batch_sizes[0])
    widths = module.proj_size or module.hidden_size, module.hidden_size
    for k, (state, width) in enumerate(zip(hx, widths, strict=False)):
        if isinstance(state, Tensor):
            said = f"Expected hidden[{k}] size {{}}, got {{}}"
            module.check_hidden_size(state, (*lead, width), said)


def rows_of(
    module: RNNBase,
    input: Tensor | PackedSequence,
    lengths: Tensor | Sequence[int] | None,
    reset: Tensor | None,
) -> tuple[Tensor, Layout]:
    """Give the input as (T, B, I) or packed (N, I), a view, and where its sequences lie.

    Raises:
        ShapeError: Lengths and reset are not (B,) and (T, B), or (B, T) with batch_first; or a
            length is outside 0 … T.
        DtypeError: They are not integers and bool.
        RuntimeError: The call is being traced, which would fix them for ever.
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
    batch_first = module.batch_first
    if lengths is None and reset is None:
        return x, Layout(batch_first=batch_first, unbatched=unbatched)
    if torch.compiler.is_compiling() or interpreted() is not None:
        raise RuntimeError(
            "expected lengths and reset in a plain call only, got them under tracing, compilation "
            "or a torch.func transform; use a PackedSequence there"
        )
    steps, batch = x.shape[:2]
    layout = Layout(
        lengths=None if lengths is None else _lengths(lengths, steps, batch, unbatched),
        reset=None if reset is None else _reset(reset, steps, batch, batch_first, unbatched),
        batch_first=batch_first,
        unbatched=unbatched,
    )
    return x, layout


def initial_state(
    module: RNNBase, input: Tensor | PackedSequence, hx: Any
) -> tuple[Tensor | None, Tensor | None]:
    """Give h0 (L * D, B, P) and c0 (L * D, B, H) in the order of the rows; None for zeros."""
    if hx is None:
        return None, None
    states = hx if cells.of(module.mode).extra_states else (hx, None)
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
    """Undo `rows_of` and `initial_state` on what the layers gave."""
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
