"""A recurrent network, all layers and directions: `torch.nn.LSTM` without torch, whole or by step.

The state has torch's form: h_n (D * L, B, P), for an LSTM the pair of it and c_n (D * L, B, H). A
cell with more states has them all, in its order; inside, S > 1 states beside h are one array
(D * L, B, S, H).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from glasscell import engine
from glasscell.arrays import Array
from glasscell.cells import Cell, parameters
from glasscell.cells.compact import StoredWeights, storage_of
from glasscell.cells.parameters import Config
from glasscell.engine import arguments
from glasscell.errors import CellError, DtypeError, GlasscellError, ShapeError, WeightFormatError
from glasscell.model.nodes.base import Call, Plan
from glasscell.model.nodes.compressed import kind_of, stored_layers
from glasscell.model.nodes.fields import Fields, Tensors, refuse
from glasscell.traces.layer import Record
from glasscell.traces.layout import to_time_major

__all__ = ["Recurrent", "RecurrentStep", "State", "build_recurrent"]

State: TypeAlias = Array | tuple[Array, ...]
"""h_n of a cell with one state, (h_n, c_n) of an LSTM, a tuple of all of any other."""


@dataclass(frozen=True, eq=False)
class Recurrent:
    """All layers and directions of one recurrent network.

    Args:
        name: Dotted name of the torch module, "" for the root.
        config: What the network is.
        dtype: float32 or float64.
        layers: Packed weights, in the order of `Config.suffixes`.
        vectors: Of each of them, a letter to (H,).
    """

    name: str
    config: Config
    dtype: np.dtype[Any]
    layers: tuple[engine.PackedLayer, ...]
    vectors: tuple[Mapping[str, Array], ...]

    @property
    def storage(self) -> str:
        """What the weights are kept as: "float32", "float64", "bfloat16" or "int8"."""
        return self.layers[0].storage

    @property
    def reads(self) -> int:
        """I."""
        return self.config.input_size

    @property
    def writes(self) -> int:
        """D * P."""
        return self.config.directions * self.config.output_size

    @property
    def names(self) -> list[str]:
        """Name of each layer and direction, as in a trace: "encoder.l0", "encoder.l0_reverse"."""
        return [f"{self.name}.{end}" if self.name else end for end in self.config.suffixes()]

    def run(self, x: Array, call: Call) -> Array:
        """Run whole sequences, laid out as the layer's own `batch_first` says."""
        layout = "TH" if not call.batched else "BTH" if self.config.batch_first else "TBH"
        x = to_time_major(x, layout)
        initial = self.unpack_state(call.state.get(self.name), x.shape[1], call.batched)
        if len(self.layers) > 1 and not self.config.bidirectional and call.records is None:
            y = self._output(x, layout)
            run = engine.forward_stack(
                self.layers, x, *initial, lengths=call.lengths, reset=call.reset, out=y
            )
            last_h, last_c = run.h_n, run.c_n
        else:
            y, last_h, last_c = self._run_layers(x, layout, initial, call)
        call.final[self.name] = self.pack_state(last_h, last_c, call.batched)
        return y[:, 0] if layout == "TH" else y.swapaxes(0, 1) if layout == "BTH" else y

    def _output(self, x: Array, layout: str) -> Array:
        # Allocated as the caller will see it, so that what follows reads contiguous memory.
        steps, batch = x.shape[:2]
        if layout != "BTH":
            return np.empty((steps, batch, self.writes), self.dtype)
        return np.empty((batch, steps, self.writes), self.dtype).swapaxes(0, 1)

    def _run_layers(
        self, x: Array, layout: str, initial: tuple[Array | None, Array | None], call: Call
    ) -> tuple[Array, Array, Array | None]:
        """Run one layer and direction after another; give the output and the last h and c."""
        runs: list[engine.LayerRun] = []
        y, width = x, self.config.output_size
        for _ in range(self.config.num_layers):
            x, y = y, self._output(y, layout)
            for direction in range(self.config.directions):
                place = len(runs)
                h0, c0 = (None if part is None else part[place] for part in initial)
                run = engine.forward(
                    self.layers[place],
                    x,
                    h0,
                    c0,
                    reverse=bool(direction),
                    lengths=call.lengths,
                    reset=call.reset,
                    # Not np.split, which takes 10 µs.
                    out=y[..., direction * width : (direction + 1) * width],
                    tape=call.records is not None,
                )
                runs.append(run)
                if call.records is not None:
                    call.records[self.names[place]] = Record(
                        x=x,
                        h0=h0,
                        c0=c0,
                        output=run.output,
                        tape=run.tape,
                        h_n=run.h_n,
                        c_n=run.c_n,
                        mode=self.config.mode,
                        hidden_size=self.config.hidden_size,
                        batch_first=self.config.batch_first,
                        unbatched=not call.batched,
                        lengths=call.lengths,
                        reset=call.reset,
                    )
        cells = [run.c_n for run in runs if run.c_n is not None]
        return y, np.stack([run.h_n for run in runs]), np.stack(cells) if cells else None

    def unpack_state(
        self, state: State | None, batch: int, batched: bool
    ) -> tuple[Array | None, Array | None]:
        """Check an initial state and give it as (D * L, B, ·) arrays, None for zeros."""
        if state is None:
            return self.initial_state(batch)
        lead = (len(self.layers), batch) if batched else (len(self.layers),)
        widths = [self.config.output_size] + [self.config.hidden_size] * self._more
        parts = self._check_state(state, [(*lead, width) for width in widths])
        h, *others = parts if batched else [part[:, None] for part in parts]
        if not others:
            return h, None
        return h, others[0] if len(others) == 1 else np.stack(others, axis=2)

    def initial_state(self, batch: int) -> tuple[Array | None, Array | None]:
        """Give what the cell starts from by itself, None for zeros."""
        if not any(self._starts):
            return None, None
        h, c = self.empty_state(batch)
        first, *others = self._starts
        h[...] = first
        if c is not None:
            # (S, 1) against (..., S, H); a single state has no axis of its own.
            c[...] = others[0] if self._more == 1 else np.asarray(others)[:, None]
        return h, c

    @cached_property
    def _starts(self) -> tuple[float, ...]:
        """What each state starts from by itself."""
        cell = self.config.cell
        return tuple(cell.initial.get(letter, 0.0) for letter in cell.states)

    @property
    def _more(self) -> int:
        """S, states beside the hidden one."""
        return len(self._starts) - 1

    def _check_state(self, state: Any, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        parts = state if self._more else [state]
        letters = tuple(self.config.cell.states)
        if not isinstance(parts, (tuple, list)) or len(parts) != len(shapes):
            raise ShapeError(
                f"expected the state of {self._called} as {_form(letters)}, "
                f"got {_said(state)}; give what an earlier run returned"
            )
        return [
            self._check_part(f"state {letter} of {self.name!r}", part, shape)
            for letter, part, shape in zip(letters, parts, shapes, strict=True)
        ]

    @property
    def _called(self) -> str:
        return f"{self.config.cell_name} {self.name!r}"

    def _check_part(self, what: str, part: Any, shape: tuple[int, ...]) -> Array:
        try:
            array = np.asarray(part)
        except ValueError:
            raise ShapeError(
                f"expected {what} as one array of shape {shape}, got {type(part).__name__} of "
                f"arrays that do not stack; the state of {self._called} is "
                f"{_form(tuple(self.config.cell.states))}"
            ) from None
        letters = "(D * L, B, ·)" if len(shape) == 3 else "(D * L, ·) as x has no batch axis"
        if array.shape != shape:
            raise ShapeError(f"expected {what} of shape {letters} = {shape}, got {array.shape}")
        if array.dtype != self.dtype:
            raise DtypeError(f"expected {what} as {self.dtype}, got {array.dtype}; convert it")
        return np.ascontiguousarray(array)

    def empty_state(self, batch: int) -> tuple[Array, Array | None]:
        """Make room for h (D * L, B, P), and for c (D * L, B, H), (D * L, B, S, H) or None."""
        lead, H = (len(self.layers), batch), self.config.hidden_size
        h = np.empty((*lead, self.config.output_size), self.dtype)
        if not self._more:
            return h, None
        return h, np.empty((*lead, H) if self._more == 1 else (*lead, self._more, H), self.dtype)

    def pack_state(self, h: Array, c: Array | None, batched: bool) -> State:
        """Give states (D * L, B, ·) in torch's form."""
        if not batched:
            h, c = h[:, 0], None if c is None else c[:, 0]
        if c is None:
            return h
        if self._more == 1:
            return h, c
        return (h, *(np.ascontiguousarray(part) for part in np.moveaxis(c, -2, 0)))

    def plan(self, source: Array, plan: Plan) -> Array:
        """Advance the state by one step, from one fixed buffer into another."""
        if self.config.bidirectional:
            raise ShapeError(
                f"expected a network that reads forwards only, but layer {self.name!r} is "
                "bidirectional: it needs the end of the sequence before its first output; use run"
            )
        stepper = RecurrentStep(self, source)
        plan.keeping[self.name] = stepper
        plan.steps.append(stepper.step)
        return stepper.sink


class RecurrentStep:
    """One sequence going through a `Recurrent` step by step; keeps the state.

    Args:
        network: Its weights; must not be bidirectional.
        source: (1, 1, I) buffer that each step reads.
    """

    def __init__(self, network: Recurrent, source: Array) -> None:
        self.network = network
        self.stepper = engine.stepper(network.layers)
        self._x: Array = source[0, 0]
        self.sink: Array = self.stepper.output[None, None]
        self.hold()

    def hold(self, h: Array | None = None, c: Array | None = None) -> None:
        """Set the state to a copy of h (L, 1, P) and c (L, 1, ·); default the cell's own start."""
        if h is None and c is None:
            h, c = self.network.initial_state(1)
        self.stepper.set_state(
            None if h is None else np.ascontiguousarray(h[:, 0]),
            None if c is None else np.ascontiguousarray(c[:, 0]),
        )

    def step(self) -> None:
        """Read `source`, advance every layer, write `sink`."""
        self.stepper.step(self._x)

    @property
    def state(self) -> State:
        """A copy of the state: h (L, P), or the tuple with c (L, H) and so on."""
        h, c = self.network.empty_state(1)
        self.stepper.get_state(h[:, 0], None if c is None else c[:, 0])
        return self.network.pack_state(h, c, batched=False)


def _form(letters: tuple[str, ...]) -> str:
    """Say how a state is given."""
    if len(letters) == 1:
        return f"{letters[0]} alone"
    return f"{'the pair' if len(letters) == 2 else 'the tuple'} ({', '.join(letters)})"


def _said(state: Any) -> str:
    several = isinstance(state, (tuple, list))
    return f"{type(state).__name__} of {len(state)}" if several else type(state).__name__


def build_recurrent(fields: Fields, tensors: Tensors, kind: str) -> Recurrent:
    """Build a recurrent network from its `Config`, storage (if compressed) and weights."""
    prefix, stored = fields.prefix(), fields.optional_text("storage")
    try:
        config = Config.from_description(fields.rest())
        least = 2 if config.cell.recurrent == "full" else 1
    except (WeightFormatError, CellError) as error:
        refuse(fields.path, str(error))
    if kind_of(config) != kind:
        refuse(fields.path, f"expected the mode of a node of type {kind}, got {config.cell_name!r}")
    # A layer has its matrices at least: refuse before a claimed size is worked with.
    if config.num_layers * config.directions * least > len(tensors):
        refuse(fields.path, f"num_layers {config.num_layers}: the weights file has fewer layers")
    arrays = tensors.under(prefix, fields.path)
    try:
        layers: Sequence[parameters.LayerWeights | StoredWeights] = (
            parameters.from_state_dict(config, arrays, prefix)
            if stored is None
            else stored_layers(config, arrays, prefix, stored)
        )
    except GlasscellError as error:
        refuse(fields.path, str(error))
    packed = []
    for suffix, layer in zip(config.suffixes(), layers, strict=True):
        try:
            packed.append(_pack(config.mode, layer, tensors.storage))
        except GlasscellError as error:
            refuse(fields.path, f"{suffix}: {error}")
    name, dtype = prefix.removesuffix("."), arguments.dtype_of(packed[0])
    vectors = tuple(layer.vectors for layer in layers)
    return Recurrent(name, config, dtype, tuple(packed), vectors)


def _pack(
    mode: str | Cell, layer: parameters.LayerWeights | StoredWeights, storage: str | None
) -> engine.PackedLayer:
    """Pack one layer as `storage`, or as it is if that is None."""
    now = storage_of(layer.weight_ih.dtype)
    if storage is None or storage == now:
        return engine.pack(mode, layer)
    if now != "float32":
        raise DtypeError(
            f"expected recurrent weights in float32 to keep them as {storage}, got {now}; load the "
            "model as it is, or one that was saved in float32"
        )
    return engine.pack(mode, layer, storage)
