"""One live sequence through a model, one step a call, the state kept inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.model.nodes import Plan, RecurrentStep, inputs

if TYPE_CHECKING:
    from glasscell.model.model import Model

__all__ = ["Stream"]


class Stream:
    """A model going through one sequence step by step; made by `Model.stream`.

    The outputs are, to the bit, those of `Model.run` on the whole sequence.

    Args:
        model: A model that reads forwards only.

    Notes:
        All buffers are made here, once: a step of a recurrent network allocates nothing. One stream
        serves one thread at a time; different streams of one model may run at the same time.

    >>> from glasscell.model.model import Model
    >>> tree = {"type": "RNN", "mode": "RNN_RELU", "input_size": 1, "hidden_size": 1,
    ...         "num_layers": 1, "bias": False, "batch_first": False, "bidirectional": False,
    ...         "proj_size": 0, "weights": ""}
    >>> one = np.ones((1, 1))
    >>> stream = Model(tree, {"weight_ih_l0": one, "weight_hh_l0": one}).stream()
    >>> [float(stream.step(np.array([x]))[0]) for x in (1.0, 2.0, 3.0)]
    [1.0, 3.0, 6.0]
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._dtype, self._width = model.dtype, model.input_size
        self._x: Array = (
            np.zeros((1, 1), np.int64)
            if self._width is None
            else np.zeros((1, 1, self._width), self._dtype)
        )
        self._plan = Plan()
        sink = model.root.plan(self._x, self._plan)
        self._y: Array = sink[0, 0]
        self._y.flags.writeable = False
        parts = self._plan.keeping.values() if len(self._plan.steps) == 1 else ()
        lone = [part for part in parts if isinstance(part, RecurrentStep)]
        # A lone recurrent network needs none of the steps between: its stepper is called directly.
        self._direct = next((layer.stepper.step for layer in lone), None)
        for layer in lone:
            self._y = layer.stepper.output
            self._y.flags.writeable = False

    def step(self, x_t: npt.ArrayLike) -> Array:
        """Advance by one step.

        Args:
            x_t: (I,) of the model's dtype; one integer if the model begins with an Embedding.

        Returns:
            The model's output at this step: a read-only view of the stream's own buffer, which the
            next call overwrites. Copy what you want to keep.

        Raises:
            ShapeError: x_t has the wrong shape.
            DtypeError: x_t has the wrong dtype.
            DataError: The index is outside the Embedding.
        """
        if self._direct is not None:
            try:
                return self._direct(x_t)  # type: ignore[arg-type]
            except (TypeError, ValueError):
                pass  # not a contiguous (I,) array of the dtype: converted or explained below
        x = inputs.check_input(x_t, self._dtype, self._width, "(I,)")
        if x.shape != self._x.shape[2:]:
            raise ShapeError(f"expected x_t of shape {self._x.shape[2:]}, one step, got {x.shape}")
        self._x[0, 0] = x
        for step in self._plan.steps:
            step()
        return self._y

    def reset(self) -> None:
        """Begin a new sequence: set the state to what the cell starts from, zeros by default."""
        for part in self._plan.keeping.values():
            part.hold()

    @property
    def state(self) -> Any:
        """The state, in the form of `Run.state` for one sequence without a batch axis: a copy.

        Setting it, from `Run.state` or from another stream, copies too.
        """
        parts = {name: part.state for name, part in self._plan.keeping.items()}
        return inputs.join_state(parts, self._model.keepers)

    @state.setter
    def state(self, state: Any) -> None:
        parts = inputs.split_state(state, self._model.keepers)
        keeping = self._plan.keeping
        held = {
            name: keeping[name].network.unpack_state(part, 1, False) for name, part in parts.items()
        }
        self.reset()
        for name, part in held.items():
            keeping[name].hold(*part)
