"""A whole recurrent network, all layers and directions: `torch.nn.LSTM` without torch.

The state has torch's form: h_n (D * L, B, P), for an LSTM the pair of it and c_n (D * L, B, H).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glasscell import cells as gates
from glasscell import engine
from glasscell.arrays import Array
from glasscell.cells import parameters
from glasscell.cells.compact import StoredWeights, storage_of
from glasscell.cells.parameters import Config
from glasscell.engine import arguments, stack
from glasscell.errors import DtypeError, GlasscellError, ShapeError, WeightFormatError
from glasscell.model.nodes.base import Call, Plan
from glasscell.model.nodes.compressed import stored_layers
from glasscell.model.nodes.fields import Fields, Tensors, refuse
from glasscell.model.nodes.stepping import RecurrentStep, State

__all__ = ["Recurrent", "State", "build_recurrent"]


@dataclass(frozen=True, eq=False)
class Recurrent:
    """All layers and directions of one LSTM or RNN.

    Args:
        name: Dotted name of the torch module, "" for the root.
        config: What the network is.
        dtype: float32 or float64.
        layers: Packed weights, in the order of `Config.suffixes`.
    """

    name: str
    config: Config
    dtype: np.dtype[Any]
    layers: tuple[engine.PackedLayer, ...]

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

    def run(self, x: Array, call: Call) -> Array:
        """Run whole sequences, laid out as the layer's own `batch_first` says."""
        layout = "TH" if not call.batched else "BTH" if self.config.batch_first else "TBH"
        y = {"TH": lambda: x[:, None], "BTH": lambda: x.swapaxes(0, 1)}.get(layout, lambda: x)()
        initial = self.unpack_state(call.state.get(self.name), y.shape[1], call.batched)
        if len(self.layers) > 1 and not self.config.bidirectional and call.traces is None:
            y = self._run_stack(y, layout, initial, call)
        else:
            last: list[engine.LayerRun] = []
            for layer in range(self.config.num_layers):
                y = self._run_layer(layer, y, layout, initial, call, last)
            h = np.stack([run.h_n for run in last])
            cells = [run.c_n for run in last if run.c_n is not None]
            call.final[self.name] = self._pack_state(
                h, np.stack(cells) if cells else None, call.batched
            )
        return y[:, 0] if layout == "TH" else y.swapaxes(0, 1) if layout == "BTH" else y

    def _output(self, x: Array, layout: str) -> Array:
        # Allocated as the caller will see it, so that what follows reads contiguous memory.
        steps, batch = x.shape[:2]
        if layout != "BTH":
            return np.empty((steps, batch, self.writes), self.dtype)
        return np.empty((batch, steps, self.writes), self.dtype).swapaxes(0, 1)

    def _run_stack(
        self, x: Array, layout: str, initial: tuple[Array | None, Array | None], call: Call
    ) -> Array:
        run = stack.forward(
            self.layers,
            x,
            *initial,
            lengths=call.lengths,
            reset=call.reset,
            out=self._output(x, layout),
        )
        call.final[self.name] = self._pack_state(run.h_n, run.c_n, call.batched)
        return run.output

    def _run_layer(
        self,
        layer: int,
        x: Array,
        layout: str,
        initial: tuple[Array | None, Array | None],
        call: Call,
        last: list[engine.LayerRun],
    ) -> Array:
        width = self.config.output_size
        output = self._output(x, layout)
        for direction in range(self.config.directions):
            place = layer * self.config.directions + direction
            h0, c0 = (None if part is None else part[place] for part in initial)
            run = engine.forward(
                self.layers[place],
                x,
                h0,
                c0,
                reverse=bool(direction),
                lengths=call.lengths,
                reset=call.reset,
                out=output[..., direction * width : (direction + 1) * width],
                tape=call.traces is not None,
            )
            last.append(run)
            if call.traces is not None:
                self._trace(place, x, run, h0, c0, layout, call)
        return output

    def _trace(
        self,
        place: int,
        x: Array,
        run: engine.LayerRun,
        h0: Array | None,
        c0: Array | None,
        layout: str,
        call: Call,
    ) -> None:
        # The views are inspect's, one floor up; only a traced run asks for them.
        from glasscell.traces.layer import LayerTrace
        from glasscell.traces.layout import from_kernel

        assert call.traces is not None
        tape: dict[str, Any] = dict.fromkeys(gates.TAPE)
        if run.tape is not None:
            units = run.tape[..., : self.config.hidden_size]
            tape = {
                gate: from_kernel(units[..., k, :], layout) for k, gate in enumerate(gates.TAPE)
            }
        suffix = self.config.suffixes()[place]
        call.traces[f"{self.name}.{suffix}" if self.name else suffix] = LayerTrace(
            **tape,
            hidden=from_kernel(run.output, layout),
            mode=self.config.mode,
            reverse=suffix.endswith("_reverse"),
            layout=layout,
            initial_hidden=h0,
            initial_cell=c0,
            lengths=call.lengths,
            reset=call.reset,
            x=from_kernel(x, layout),
        )

    def unpack_state(
        self, state: State | None, batch: int, batched: bool
    ) -> tuple[Array | None, Array | None]:
        """Check an initial state and give it as (D * L, B, ·) arrays, None for zeros."""
        if state is None:
            return None, None
        places, config = len(self.layers), self.config
        widths = [config.output_size] + [config.hidden_size] * (config.mode == "LSTM")
        lead = (places, batch) if batched else (places,)
        shapes = [(*lead, width) for width in widths]
        parts = self._check_state(state, shapes)
        parts = parts if batched else [part[:, None] for part in parts]
        return parts[0], parts[1] if len(parts) == 2 else None

    def _check_state(self, state: Any, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        parts = [state] if len(shapes) == 1 else state
        if not isinstance(parts, (tuple, list)) or len(parts) != len(shapes):
            raise ShapeError(
                f"expected the state of LSTM {self.name!r} as a pair (h, c), "
                f"got {type(state).__name__}; give what an earlier run returned"
            )
        names = ("h", "c")
        return [
            self._check_part(f"state {name} of {self.name!r}", part, shape)
            for name, part, shape in zip(names, parts, shapes, strict=False)
        ]

    def _check_part(self, what: str, part: Any, shape: tuple[int, ...]) -> Array:
        try:
            array = np.asarray(part)
        except ValueError:
            raise ShapeError(
                f"expected {what} as one array of shape {shape}, got {type(part).__name__} of "
                "arrays that do not stack; an RNN's state is h alone, an LSTM's the pair (h, c)"
            ) from None
        letters = "(D * L, B, ·)" if len(shape) == 3 else "(D * L, ·) as x has no batch axis"
        if array.shape != shape:
            raise ShapeError(f"expected {what} of shape {letters} = {shape}, got {array.shape}")
        if array.dtype != self.dtype:
            raise DtypeError(f"expected {what} as {self.dtype}, got {array.dtype}; convert it")
        return np.ascontiguousarray(array)

    def _pack_state(self, h: Array, c: Array | None, batched: bool) -> State:
        """Give the last states (D * L, B, ·) in torch's form."""
        h = h if batched else h[:, 0]
        if c is None:
            return h
        return h, c if batched else c[:, 0]

    def plan(self, source: Array, plan: Plan) -> Array:
        """Advance the state by one step, from one fixed buffer into another."""
        if self.config.bidirectional:
            raise ShapeError(
                f"expected a network that reads forwards only, but layer {self.name!r} is "
                "bidirectional: it needs the end of the sequence before its first output; use run"
            )
        stepper = RecurrentStep(self, source)
        plan.recurrent[self.name] = stepper
        plan.steps.append(stepper.step)
        return stepper.sink


def build_recurrent(fields: Fields, tensors: Tensors, kind: str) -> Recurrent:
    """Build an LSTM or RNN from the fields of `Config`, storage (if compressed) and weights."""
    prefix, stored = fields.prefix(), fields.optional_text("storage")
    try:
        config = Config(**fields.rest())
    except (WeightFormatError, TypeError) as error:
        refuse(fields.path, str(error))
    if (config.mode == "LSTM") != (kind == "LSTM"):
        refuse(fields.path, f"expected the mode of an {kind}, got {config.mode!r}")
    # A layer has two arrays at least: refuse before a claimed size is worked with.
    if config.num_layers * config.directions * 2 > len(tensors):
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
    return Recurrent(name, config, dtype, tuple(packed))


def _pack(
    mode: str, layer: parameters.LayerWeights | StoredWeights, storage: str | None
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
