"""What one layer in one direction saw and did in one call, for whoever looks on."""

from __future__ import annotations

from dataclasses import dataclass

from glasscell.arrays import Array

__all__ = ["Record"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """What one layer in one direction saw and did in one call.

    x is a view of what the caller passed; the rest is the record's own.

    Sequences are time-major, (T, B, ·), whatever the module's `batch_first`; those of a
    `PackedSequence` are (N, ·), the rows of all steps, with `batch_sizes`.

    Args:
        x: (T, B, I) or (N, I), what the layer read.
        h0: (B, P) initial hidden state, None for zeros.
        c0: (B, H) initial cell state, None for zeros and for an RNN.
        output: (T, B, P) or (N, P), the hidden state of every step.
        tape: (T, B, 5, Hp) or (N, 5, Hp) for an LSTM, Hp >= H: along axis -2 the input gate, forget
            gate, candidate, output gate and cell state; None for an RNN.
        h_n: (B, P) last hidden state.
        c_n: (B, H) last cell state, None for an RNN.
        mode: "LSTM", "RNN_TANH" or "RNN_RELU".
        hidden_size: H.
        batch_first: whether the module lays its own output out as (B, T, ·).
        unbatched: whether the module was called on one sequence without a batch axis.
        batch_sizes: (T,) of a `PackedSequence`, else None.
        lengths: (B,) as given to the module, else None.
        reset: (T, B) as given to the module, time-major, else None.
        sorted_indices: (B,) of a `PackedSequence`: row b here is sequence sorted_indices[b] of the
            batch; None when they agree.
    """

    x: Array
    h0: Array | None
    c0: Array | None
    output: Array
    tape: Array | None
    h_n: Array
    c_n: Array | None
    mode: str
    hidden_size: int
    batch_first: bool = False
    unbatched: bool = False
    batch_sizes: Array | None = None
    lengths: Array | None = None
    reset: Array | None = None
    sorted_indices: Array | None = None
