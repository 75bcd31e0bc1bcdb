"""What an observer is shown of a layer's two passes: views of their memory, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import Module

from glasscell.arrays import Array
from glasscell.nn.tensors import view_of
from glasscell.traces.layer import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glasscell.nn.call import Call, Result
    from glasscell.nn.observe import Observation

__all__ = ["link", "show", "tell"]

States = tuple[Tensor | None, Tensor | None]


def tell(
    call: Call, x: Tensor, initial: States, result: Result, tapes: Sequence[Tensor | None]
) -> list[Record]:
    """Show the observer one run, direction after direction.

    Args:
        call: What ran; its observation is not None.
        x: What the layer read.
        initial: h0 and c0 of all directions, None for zeros.
        result: What it gave.
        tapes: Of each direction, None for a cell without.
    """
    assert call.observation is not None
    assert call.module is not None
    made = []
    for d, place in enumerate(call.places):
        record = _record(call, d, x, initial, result, tapes[d])
        call.observation.observer.forward(call.module, place.suffix, record)
        made.append(record)
    return made


def _record(
    call: Call, d: int, x: Tensor, initial: States, result: Result, tape: Tensor | None
) -> Record:
    layout, size = call.layout, call.layers[0].output_size
    return Record(
        x=view_of(x),
        h0=_part(initial[0], d),
        c0=_part(initial[1], d),
        output=view_of(result[0])[..., d * size : (d + 1) * size],
        tape=None if tape is None else view_of(tape),
        h_n=view_of(result[1])[d].copy(),
        c_n=None if result[2] is None else view_of(result[2])[d].copy(),
        mode=call.mode,
        hidden_size=call.layers[0].hidden_size,
        batch_first=layout.batch_first,
        unbatched=layout.unbatched,
        lengths=layout.lengths,
        reset=layout.reset,
        batch_sizes=layout.batch_sizes,
        sorted_indices=layout.sorted_indices,
    )


def _part(states: Tensor | None, d: int) -> Array | None:
    # A copy: loops keep their state in one place and write the next one over it.
    return None if states is None else view_of(states)[d].copy()


def link(
    observation: Observation, module: Module, call: Call, initial: States, result: Result
) -> None:
    """Tell the observer from which earlier call of this layer its initial state was made.

    Args:
        observation: Who looks on.
        module: Who ran.
        call: What ran.
        initial: h0 and c0 of all directions as they came, with their graph.
        result: What it gave.
    """
    assert call.records is not None
    own = id(module)
    layer = observation.copies.get(own, own), call.places[0].suffix
    earlier = observation.origins.find(layer, initial)
    for record, before in zip(call.records, earlier or (), strict=False):
        observation.observer.follows(record, before)
    observation.origins.add(layer, result[1], call.records)


def show(call: Call, d: int, dy: Tensor, dh: Tensor, dc: Tensor | None) -> None:
    """Show the observer the derivatives that one direction's backward pass went through."""
    assert call.observation is not None
    assert call.module is not None
    assert call.records is not None
    size = call.layers[0].output_size
    call.observation.observer.backward(
        call.module,
        call.places[d].suffix,
        call.records[d],
        view_of(dy)[..., d * size : (d + 1) * size],
        view_of(dh),
        None if dc is None else view_of(dc),
    )
