"""The recurrence as a plain loop of torch operations: slow, differentiable as often as one likes.

Second derivatives go through here, and so do `lengths` and `reset` where the kernels cannot run
(another device, half precision). Same arguments and results as one layer of `autograd.apply`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from glasscell import cells
from glasscell.nn.call import Result
from glasscell.nn.names import Weights
from glasscell.nn.sequences import Layout

__all__ = ["run_layer"]


def run_layer(
    mode: str,
    weights: Sequence[Weights],
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    layout: Layout,
) -> Result:
    """Run one layer in all its directions.

    Args:
        mode: "LSTM", "RNN_TANH" or "RNN_RELU".
        weights: Of each direction.
        x: (T, B, I), or (N, I) with `layout.batch_sizes`.
        h0: (D, B, P), None for zeros.
        c0: (D, B, H), None for zeros and for an RNN.
        layout: Where sequences begin and end.

    Returns:
        output (T, B, D * P) or (N, D * P), h_n (D, B, P), c_n (D, B, H) or None.

    >>> w, one = torch.full((1, 1), 0.5), torch.ones(2, 1, 1)
    >>> run_layer("RNN_RELU", [(w, w, None, None, None)], one, None, None, Layout())[0].flatten()
    tensor([0.5000, 0.7500])
    """
    rows = None
    alive, start = _masks(layout, x)
    if layout.batch_sizes is not None:
        rows, alive = _packed_rows(layout, x)
        x = x.new_zeros((*alive.shape[:2], x.shape[-1])).index_put(rows, x)
    results = [
        _run_direction(
            mode,
            w,
            x,
            None if h0 is None else h0[d],
            None if c0 is None else c0[d],
            alive,
            start,
            reverse=d == 1,
        )
        for d, w in enumerate(weights)
    ]
    output = torch.cat([output for output, _, _ in results], dim=-1)
    if rows is not None:
        output = output[rows]
    h_n = torch.stack([h for _, h, _ in results])
    return output, h_n, torch.stack([c for _, _, c in results]) if mode == "LSTM" else None


def _masks(layout: Layout, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Say which steps exist and before which ones the state starts again, (T, B, 1) each."""
    alive = start = None
    if layout.lengths is not None:
        lengths = torch.from_numpy(layout.lengths).to(x.device)
        alive = (torch.arange(len(x), device=x.device)[:, None] < lengths)[..., None]
    if layout.reset is not None:
        start = torch.from_numpy(layout.reset).to(x.device)[..., None]
    return alive, start


def _packed_rows(layout: Layout, x: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Say at which (t, b) each packed row stands, and which of all (t, b) exist."""
    sizes = torch.from_numpy(layout.batch_sizes).to(x.device)
    steps = torch.arange(len(sizes), device=x.device).repeat_interleave(sizes)
    first = (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    batch = torch.arange(int(sizes[0]), device=x.device)
    alive = (batch < sizes[:, None])[..., None]
    return (steps, torch.arange(len(steps), device=x.device) - first), alive


def _run_direction(
    mode: str,
    weights: Weights,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    alive: Tensor | None,
    start: Tensor | None,
    *,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    assert w_ih is not None
    assert w_hh is not None
    if h0 is None:
        h0 = x.new_zeros((x.shape[1], w_hh.shape[1]))
    if c0 is None:
        c0 = x.new_zeros((x.shape[1], w_hh.shape[0] // 4)) if mode == "LSTM" else h0
    if reverse and start is not None:
        # Read from the end, a sequence starts again at the last step of each piece.
        start = torch.cat([start[1:], torch.zeros_like(start[:1])])
    from_x = linear(x, w_ih, b_ih)
    h, c, outputs = h0, c0, []
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        if start is not None:
            # Steps beyond the end must not restart a state that is already final.
            here = start[t] if alive is None else start[t] & alive[t]
            h, c = torch.where(here, h0, h), torch.where(here, c0, c)
        new_h, new_c = _step(mode, from_x[t] + linear(h, w_hh, b_hh), c, w_hr)
        if alive is None:
            h, c = new_h, new_c
            outputs.append(h)
        else:
            h, c = torch.where(alive[t], new_h, h), torch.where(alive[t], new_c, c)
            outputs.append(torch.where(alive[t], new_h, torch.zeros_like(new_h)))
    return torch.stack(outputs[::-1] if reverse else outputs), h, c


def _step(mode: str, z: Tensor, c: Tensor, w_hr: Tensor | None) -> tuple[Tensor, Tensor]:
    """Go from the gates' arguments (B, 4H) or (B, H) and the cell state to the next state."""
    if mode == "RNN_TANH":
        return torch.tanh(z), c
    if mode == "RNN_RELU":
        return torch.relu(z), c
    gate = dict(zip(cells.TORCH, z.chunk(4, dim=1), strict=True))
    kept = torch.sigmoid(gate["forget"]) * c
    c = kept + torch.sigmoid(gate["input"]) * torch.tanh(gate["candidate"])
    h = torch.sigmoid(gate["output"]) * torch.tanh(c)
    return h if w_hr is None else linear(h, w_hr), c
