"""`Recurrent`: any cell as a layer of torch, on the kernels that run its program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack
from weakref import ref

import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from glasscell.cells import Cell
from glasscell.cells.catalogue import mode_of
from glasscell.errors import CellError, DtypeError, ShapeError
from glasscell.nn import autograd, sequences, starts, torch_loop
from glasscell.nn.autocast import CASTABLE, low_precision
from glasscell.nn.call import Call, Result
from glasscell.nn.callers import warn_caller
from glasscell.nn.checkpoint import SETTING, Checkpoint, Setting, segment_length
from glasscell.nn.fallback import (
    MISSING,
    Reason,
    announce,
    keep_dynamo_out,
    leaf,
    operable,
    reason_to_leave,
)
from glasscell.nn.masks import draw
from glasscell.nn.names import ROLES, Place, Weights, fetch, places
from glasscell.nn.observe import current
from glasscell.nn.operators.any_cell import run_cells, suits_cells, told
from glasscell.nn.sequences import Layout

__all__ = ["Recurrent"]

Maybe = Tensor | None


class Options(TypedDict, total=False):
    """Arguments of a layer that have a name and no place."""

    init: str
    forget_bias: float | None
    lag: float | None
    device: Any
    dtype: Any
    checkpoint: Checkpoint


class Recurrent(Module):
    """A recurrent layer whose step is a `glasscell.cells.Cell`: one of ours, or your own.

    Parameters have torch's names: ``weight_ih_l0`` (G H, I), ``weight_hh_l0`` (G H, H),
    ``bias_ih_l0`` and ``bias_hh_l0`` (G H,), with the cell's G gates one below the other; and
    ``<vector>_l0`` (H,) for each of its vectors. A cell that is not ``recurrent="full"`` has
    neither ``weight_hh`` nor ``bias_hh``. Outside training masks are numbers, see `Cell`.

    Args:
        cell: A cell, or the class of one that takes no arguments.
        input_size: I, features of each step.
        hidden_size: H, units.
        num_layers: L, layers; default 1.
        bias: Whether the gates have biases; default True.
        batch_first: Sequences are (B, T, ·) rather than (T, B, ·); default False.
        dropout: Probability of dropping an element between layers in training; default 0.
        bidirectional: Each layer also reads the sequences from their ends; default False.
        init: What the parameters start from: "torch" (default), "orthogonal" or "chrono", see
            `glasscell.nn.starts.start`.
        forget_bias: Bias with which the gates start that keep the memory; default None, as `init`.
        lag: With "chrono", the longest lag of the data in steps.
        device: Of the parameters; default torch's. Only the CPU runs on glasscell's kernels.
        dtype: Of the parameters; default torch's. Only float32 and float64 run on the kernels.
        checkpoint: Trade time for training memory, as for `glasscell.nn.LSTM`; default None.

    Raises:
        CellError: The cell does not make sense; the message names the line of its step.
        ValueError, TypeError: Another argument does not; the message says what was expected.

    >>> from glasscell.cells import Cell, sigmoid, tanh
    >>> class Leaky(Cell):
    ...     gates = {"f": "forget", "g": "candidate"}
    ...     def step(self, a, h):
    ...         f, g = sigmoid(a.f), tanh(a.g)
    ...         return f * h + (1 - f) * g
    >>> layer = Recurrent(Leaky, 1, 1)
    >>> _ = layer.load_state_dict({k: torch.ones_like(w) for k, w in layer.state_dict().items()})
    >>> output, h_n = layer(torch.zeros(2, 1, 1))
    >>> output.flatten()
    tensor([0.1149, 0.2071], grad_fn=...)
    """

    checkpoint = Setting()
    proj_size = 0

    def __init__(
        self,
        cell: Cell | type[Cell],
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        self.cell = _cell(cell)
        self.mode = mode_of(self.cell)  # torch's name where it has kernels of its own
        self._told = told(self.mode, self.cell)
        _check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        _check_switches(bias=bias, batch_first=batch_first, bidirectional=bidirectional)
        _check_dropout(dropout, num_layers)
        if unknown := options.keys() - Options.__annotations__.keys():
            raise TypeError(
                f"expected options out of {', '.join(Options.__annotations__)}, got "
                f"{', '.join(sorted(unknown))}"
            )
        self.init, self.forget_bias = options.get("init", "torch"), options.get("forget_bias")
        self.lag, checkpoint = options.get("lag"), options.get("checkpoint")
        starts.check(self.cell, self.init, self.forget_bias, self.lag, bias=bias)
        segment_length(checkpoint, 1)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional = bidirectional
        self.__dict__[SETTING] = checkpoint
        # By layer, for calls that are traced: what a cell says of itself takes more than reading.
        self._names = tuple(
            tuple(name for place in layer for name in place.names if name is not None)
            for layer in self._places()
        )
        kind = {"device": options.get("device"), "dtype": options.get("dtype")}
        for index, layer in enumerate(self._places()):
            width = input_size if index == 0 else hidden_size * len(layer)
            for place in layer:
                for role, name in zip(self._roles(), place.names, strict=True):
                    if name is not None:
                        shape = self._shape(role, width)
                        made = torch.empty(shape, **kind)
                        self.register_parameter(self._stored(name), Parameter(made))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set all parameters as the constructor does, from torch's generator."""
        layers = [self._own(place) for layer in self._places() for place in layer]
        starts.start(self.cell, layers, self.init, self.forget_bias, self.lag)

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
    ) -> Any:
        """Run all layers over a batch of sequences.

        Args:
            input: (T, B, I), (B, T, I) with batch_first, (T, I) for one sequence, or a
                `PackedSequence`.
            hx: The states before, of shape (L * D, B, H) each, without B for one sequence: one
                tensor for a cell with one state, else a tuple in the order of its states. Default:
                what the cell starts from, zeros where it says nothing.
            lengths: (B,) integers in 0 … T in any order, the steps of each sequence. The output
                after them is zero; final states are those of the last step. Default: all T.
            reset: (T, B) bool, (B, T) with batch_first: start again from hx before that step, in
                both directions, as if a new sequence began there. Default: never.

        Returns:
            ``output, h_n`` for a cell with one state, else ``output, (h_n, c_n, …)`` in the order
            of its states, in torch's shapes.

        Raises:
            ShapeError: Input, states, lengths or reset do not fit.
            DtypeError: They are not of the parameters' dtype; lengths are not integers, or reset
                is not bool.
        """
        if torch.compiler.is_compiling():
            exporting = torch.compiler.is_exporting()
            if self._suits(input, hx) and not (exporting and torch.onnx.is_in_onnx_export()):
                return self._as_operators(input, hx, lengths, reset)  # type: ignore[arg-type]
            if not exporting:
                return _uncompiled(self, input, hx, lengths, reset)
        if isinstance(input, torch.fx.Proxy):
            return leaf(self, input, hx)
        layers = self._places()
        weights = [[fetch(self, place) for place in layer] for layer in layers]
        flat = [w for layer in weights for one in layer for w in one]
        data = input.data if isinstance(input, PackedSequence) else input
        reason = reason_to_leave(data, flat, sum(p.tensors for layer in layers for p in layer))
        low = _low_precision(data, flat)
        self._check_input(input, data, flat, low)
        if reason is MISSING:
            raise RuntimeError(
                "expected all parameters, got a layer of which one was deleted or set to None; "
                "assign it again"
            )
        self._check_vectors(layers)
        if reason is not None and operable(reason, data, self) and self._suits(input, hx):
            return self._as_operators(input, hx, lengths, reset)  # type: ignore[arg-type]
        x, layout = sequences.rows_of(self, input, lengths, reset)  # type: ignore[arg-type]
        states = self._initial(input, hx, x, layout.batch(x), low)
        if low is not None:
            x, states = x.float(), [None if s is None else s.float() for s in states]
        if reason is None and 0 in x.shape:
            reason = Reason("a size is zero", said=False)
        if reason is not None:
            announce(reason, "a plain loop of torch operations computes it", self)
        y, h_n, c_n = self._stack(x, states, weights, layout, fast=reason is None)
        return self._results(input, y, [h_n, *_apart(c_n, self.cell.extra_states)], low)

    def extra_repr(self) -> str:
        """Describe the layer as torch does its own."""
        defaults: dict[str, Any] = {
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
        }
        defaults |= {"bidirectional": False, "checkpoint": None, "init": "torch"}
        defaults |= {"forget_bias": None, "lag": None}
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, usual in defaults.items()
            if getattr(self, name) != usual
        ]
        return ", ".join([repr(self.cell), f"{self.input_size}, {self.hidden_size}", *changed])

    def __prepare_scriptable__(self) -> Module:
        """Say that `torch.jit.script` cannot compile a layer of any cell."""
        raise NotImplementedError(
            f"torch.jit.script: expected torch's own layers, got {type(self).__name__} of "
            f"{self.cell!r}; use torch.compile or torch.export"
        )

    def _places(self) -> tuple[tuple[Place, ...], ...]:
        program = self.cell.program
        full = self.cell.recurrent == "full"
        sizes = self.num_layers, self.bidirectional, self.bias
        return places(*sizes, False, program.vectors, full)

    def _roles(self) -> tuple[str, ...]:
        """What parameters are called without a suffix, in the order of `Place.names`."""
        place = places(1, False, True, True, self.cell.program.vectors)[0][0]
        return tuple(str(name).removesuffix("_l0") for name in place.names)

    def _shape(self, role: str, width: int) -> tuple[int, ...]:
        """Give the shape of a parameter of a layer that reads `width` features."""
        rows = self.cell.gate_count * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, width),
            "weight_hh": (rows, self.hidden_size),
        }
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        return shapes.get(role, (self.hidden_size,))

    def _own(self, place: Place) -> Mapping[str, Tensor]:
        """Give the parameters of one place as they are stored, by their names without suffix."""
        given = zip(self._roles(), place.names, strict=True)
        return {role: getattr(self, self._stored(name)) for role, name in given if name}

    def _stored(self, name: str) -> str:
        """Give the name of the parameter that another is made of: its own."""
        return name

    def _check_input(
        self, input: Any, data: Any, weights: Sequence[Maybe], low: torch.dtype | None
    ) -> None:
        if not isinstance(data, Tensor):
            raise DtypeError(f"input: expected a tensor, got {type(data).__name__}")
        wanted = "(N, I)" if isinstance(input, PackedSequence) else (
            "(B, T, I) or (T, I)" if self.batch_first else "(T, B, I) or (T, I)"
        )  # fmt: skip
        dims = (2,) if isinstance(input, PackedSequence) else (2, 3)
        if data.dim() not in dims or data.shape[-1] != self.input_size:
            raise ShapeError(
                f"input: expected {wanted} with I = {self.input_size}, got {tuple(data.shape)}"
            )
        if isinstance(input, PackedSequence) and not sequences.packs(input):
            raise ShapeError(
                "input: expected a PackedSequence of pack_padded_sequence or pack_sequence, got "
                f"one of {len(data)} rows with batch_sizes {input.batch_sizes.tolist()!r:.80}"
            )
        steps = data.shape[1 if self.batch_first and data.dim() == 3 else 0]
        if steps == 0 and not isinstance(input, PackedSequence):
            raise ShapeError(f"input: expected at least one step, got {tuple(data.shape)}")
        if low is None and any(w is not None and w.dtype is not data.dtype for w in weights):
            dtypes = {w.dtype for w in weights if w is not None}
            raise DtypeError(
                f"input: expected {' and '.join(sorted(map(str, dtypes)))}, the parameters' own, "
                f"got {data.dtype}; use input.to(layer.weight_ih_l0.dtype)"
            )

    def _check_vectors(self, layers: Sequence[Sequence[Place]]) -> None:
        """Refuse vectors of another shape, which someone assigned; matrices the engine checks."""
        for place in (place for layer in layers for place in layer):
            for name in place.names[len(ROLES) :]:
                shape = tuple(getattr(self, str(name)).shape)
                if shape != (self.hidden_size,):
                    raise RuntimeError(
                        f"expected {name} of shape (H,) = ({self.hidden_size},), got {shape}; "
                        "assign parameters of the shapes that the constructor makes"
                    )

    def _initial(
        self, input: Any, hx: Any, x: Tensor, batch: int, low: torch.dtype | None
    ) -> list[Maybe]:
        """Check the states before, and give them as (L * D, B, H) in the order of the rows."""
        names, sides = self._told.states, self.num_layers * (2 if self.bidirectional else 1)
        shape = (sides, batch, self.hidden_size)
        if hx is None:
            numbers = self._told.initial
            if not any(numbers):
                return [None] * len(names)
            return [x.new_full(shape, number) for number in numbers]
        given = [hx] if len(names) == 1 else hx
        if not isinstance(given, tuple | list) or len(given) != len(names):
            raise ShapeError(f"hx: expected a tuple of {', '.join(names)}, got {_said(given)}")
        unbatched = not isinstance(input, PackedSequence) and input.dim() == 2
        wanted = (sides, self.hidden_size) if unbatched else shape
        accepted = (x.dtype,) if low is None else CASTABLE
        for name, state in zip(names, given, strict=True):
            if not isinstance(state, Tensor) or tuple(state.shape) != wanted:
                letters = "(L * D, H)" if unbatched else "(L * D, B, H)"
                raise ShapeError(f"hx, {name}: expected {letters} = {wanted}, got {_said(state)}")
            if state.dtype not in accepted:
                raise DtypeError(f"hx, {name}: expected {x.dtype} as the input, got {state.dtype}")
            if (state.device, state.layout) != (x.device, x.layout):
                raise DtypeError(
                    f"hx, {name}: expected a tensor on {x.device} as the input, got one on "
                    f"{state.device}, {state.layout}"
                )
        order = input.sorted_indices if isinstance(input, PackedSequence) else None
        if order is not None:
            return [state.index_select(1, order) for state in given]
        return [state.unsqueeze(1) if unbatched else state for state in given]

    def _suits(self, input: Any, hx: Any) -> bool:
        """Tell whether the operators compute a call."""
        return suits_cells(input, hx, [w for own in self._by_layer() for w in own])

    def _as_operators(self, input: Tensor, hx: Any, lengths: Any, reset: Maybe) -> Any:
        """Run a call that is looked at as a program."""
        weights = self._by_layer()
        flat = [w for own in weights for w in own]
        low = _low_precision(input, flat)
        self._check_input(input, input, flat, low)
        return run_cells(self, input, hx, (lengths, reset), weights, low)

    def _by_layer(self) -> list[list[Any]]:
        """Give the parameters of each layer that are there, as they are now."""
        return [[self._read(name) for name in names] for names in self._names]

    def _read(self, name: str) -> Any:
        """Give a parameter by name, None where someone took it away."""
        return getattr(self, name, None)

    def _stack(
        self,
        x: Tensor,
        states: list[Maybe],
        weights: Sequence[Sequence[Weights]],
        layout: Layout,
        *,
        fast: bool,
    ) -> Result:
        """Run layer upon layer, with dropout between them in training."""
        layers = self._places()
        owner: ref[Module] = ref(self)
        observation = current(self) if fast else None
        h0, c0 = states[0], _together(states[1:])
        h_n, c_n = list[Tensor](), list[Tensor]()
        for index, (layer, own) in enumerate(zip(layers, weights, strict=True)):
            if index and self.training and self.dropout > 0:
                x = dropout(x, self.dropout, training=True)
            part = slice(index * len(layer), (index + 1) * len(layer))
            h = None if h0 is None else h0[part]
            c = None if c0 is None else c0[part]
            masks = self._masks(x, layout, len(layer))
            if fast:
                last = index + 1 == len(layers)
                call = Call(
                    owner, self.mode, layer, layout, observation, last, self.checkpoint, masks
                )
                x, h_1, c_1 = autograd.apply(call, own, x, h, c)
            else:
                x, h_1, c_1 = torch_loop.run_layer(self.mode, own, x, h, c, layout, masks)
            h_n.append(h_1)
            c_n += [] if c_1 is None else [c_1]
        return x, torch.cat(h_n), torch.cat(c_n) if c_n else None

    def _masks(self, x: Tensor, layout: Layout, directions: int) -> list[Tensor] | None:
        if not self.training or not self.cell.program.masks:
            return None
        sizes = layout.steps(x), layout.batch(x), self.hidden_size
        drawn = [draw(self.cell, *sizes, x) for _ in range(directions)]
        return [masks for masks in drawn if masks is not None]

    def _results(self, input: Any, y: Tensor, states: list[Tensor], low: torch.dtype | None) -> Any:
        """Give output and states as torch lays them out, low precision under autocast."""
        if low is not None:
            y, states = y.to(low), [states[0].to(low), *states[1:]]
        output: Tensor | PackedSequence = y
        if isinstance(input, PackedSequence):
            back = input.unsorted_indices
            output = PackedSequence(y, input.batch_sizes, input.sorted_indices, back)
            if back is not None:
                states = [state.index_select(1, back) for state in states]
        elif input.dim() == 2:
            output, states = y.squeeze(1), [state.squeeze(1) for state in states]
        elif self.batch_first:
            output = y.transpose(0, 1)
        return output, (states[0] if len(states) == 1 else tuple(states))


def _uncompiled(module: Recurrent, input: Any, hx: Any, lengths: Any, reset: Maybe) -> Any:
    """Break the graph, and call as without a compiler."""
    return Recurrent.forward(module, input, hx, lengths=lengths, reset=reset)


_uncompiled._torchdynamo_disable = True  # type: ignore[attr-defined]
keep_dynamo_out(_uncompiled)


def _cell(given: Any) -> Cell:
    """Give a cell whose step has been run once, so that its faults are told now."""
    made = given() if isinstance(given, type) and issubclass(given, Cell) else given
    if not isinstance(made, Cell):
        raise CellError(
            "cell: expected a glasscell.cells.Cell, or a class of one, got "
            f"{type(made).__name__}; write a class that extends Cell (docs/cells.md)"
        )
    _ = made.evaluation, made.reverse
    return made


def _check_sizes(**sizes: Any) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"{name}: expected a whole number, got {type(size).__name__}")
        if size < 1:
            raise ValueError(f"{name}: expected 1 or more, got {size}")


def _check_switches(**switches: Any) -> None:
    for name, switch in switches.items():
        if not isinstance(switch, bool):
            raise TypeError(f"{name}: expected True or False, got {switch!r}")


def _check_dropout(p: Any, num_layers: int) -> None:
    if not isinstance(p, int | float) or isinstance(p, bool) or not 0 <= p <= 1:
        raise ValueError(f"dropout: expected a probability from 0 to 1, got {p!r}")
    if p and num_layers == 1:
        warn_caller(
            f"dropout: expected more than one layer, between which it drops, got dropout={p} and "
            "num_layers=1; it does nothing"
        )


def _said(given: Any) -> str:
    """Say what came in place of states."""
    if isinstance(given, Tensor):
        return str(tuple(given.shape))
    if isinstance(given, tuple | list):
        return f"{len(given)} of them"
    return type(given).__name__


def _low_precision(data: Any, weights: Sequence[Maybe]) -> torch.dtype | None:
    """Give autocast's dtype where it would cast this call, None elsewhere."""
    first = next((w for w in weights if w is not None), None)
    if not isinstance(data, Tensor) or first is None:
        return None
    return low_precision(data, first)


def _together(states: Sequence[Maybe]) -> Maybe:
    """Give the states after the hidden one as the engine has them, see `Result`."""
    present = [state for state in states if state is not None]
    if not present:
        return None
    return present[0] if len(states) == 1 else torch.stack(present, 2)


def _apart(c_n: Maybe, count: int) -> Sequence[Tensor]:
    """Give the states after the hidden one each on its own."""
    if c_n is None:
        return ()
    return (c_n,) if count == 1 else c_n.unbind(2)
