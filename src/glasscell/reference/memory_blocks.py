"""The network of 1997 and its truncated gradient, one equation a line.

Memory blocks of S cells share an input gate and an output gate, and every gate hears the cells and
the gates of the step before. There is no forget gate: a cell keeps what it has. Hochreiter and
Schmidhuber (1997), "Long Short-Term Memory", appendix A.1; with forget gates Gers, Schmidhuber and
Cummins (2000), "Learning to Forget".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell.arrays import Array
from glasscell.reference.lstm_equations import sigmoid


@dataclass(frozen=True, kw_only=True)
class BlockSizes:
    """What a network of memory blocks is made of.

    Args:
        inputs: I.
        blocks: Memory blocks; each has one gate of a kind.
        cells_per_block: S.
        outputs: O.
        input_gate: Whether there are input gates; without them y_in is 1.
        output_gate: Whether there are output gates.
        forget_gate: Whether there are forget gates, which 1997 did not have.
    """

    inputs: int
    blocks: int
    cells_per_block: int
    outputs: int
    input_gate: bool = True
    output_gate: bool = True
    forget_gate: bool = False

    @property
    def cells(self) -> int:
        """K, cells of all blocks."""
        return self.blocks * self.cells_per_block

    @property
    def units(self) -> int:
        """U: rows of the hidden weights: cells, input gates, output gates, forget gates."""
        return self.cells + 3 * self.blocks

    @property
    def sources(self) -> int:
        """M: what a hidden unit hears: the inputs, all hidden units a step ago, and 1."""
        return self.inputs + self.units + 1

    @property
    def output_sources(self) -> int:
        """What an output hears: the cells, the inputs, and 1."""
        return self.cells + self.inputs + 1


@dataclass(frozen=True, eq=False)
class BlockState:
    """What a network of memory blocks carries from one step to the next.

    Args:
        cells: (K,) cell states s.
        activations: (U,) what cells and gates gave.
        by_cell: (K, M) derivatives of s by the weights of the cell's own input.
        by_input: (K, M) the same by those of its input gate.
        by_forget: (K, M) the same by those of its forget gate.
    """

    cells: Array
    activations: Array
    by_cell: Array
    by_input: Array
    by_forget: Array

    @classmethod
    def zero(cls, sizes: BlockSizes) -> BlockState:
        """Begin a sequence."""
        K, M = sizes.cells, sizes.sources
        return cls(
            np.zeros(K), np.zeros(sizes.units), np.zeros((K, M)), np.zeros((K, M)), np.zeros((K, M))
        )


@dataclass(frozen=True, eq=False)
class BlockStep:
    """What one step computed, for `truncated_gradient`.

    Args:
        state: The state after it.
        output: (O,) answers.
        heard: (M,) what the hidden units heard.
        heard_by_output: (K + I + 1,) what the outputs heard.
        squashed: (K,) h of the cell states.
    """

    state: BlockState
    output: Array
    heard: Array
    heard_by_output: Array
    squashed: Array


def block_step(
    sizes: BlockSizes, hidden: Array, output: Array, x: Array, state: BlockState
) -> BlockStep:
    """Take one step.

    Args:
        sizes: What the network is made of.
        hidden: (U, M) weights of cells and gates.
        output: (O, K + I + 1) weights of the outputs.
        x: (I,) input.
        state: The state before.

    Returns:
        What the step computed.

    >>> sizes = BlockSizes(inputs=1, blocks=1, cells_per_block=1, outputs=1)
    >>> W, V = np.zeros((4, 6)), np.zeros((1, 3))
    >>> W[0, 0] = 1.0  # the cell hears the input; both gates stand at 1/2
    >>> block_step(sizes, W, V, np.ones(1), BlockState.zero(sizes)).state.cells.round(4)
    array([0.4621])
    """
    K, n, S = sizes.cells, sizes.blocks, sizes.cells_per_block
    z = np.concatenate([x, state.activations, [1.0]])
    y = sigmoid(hidden @ z)
    y_in = y[K : K + n] if sizes.input_gate else np.ones(n)
    y_out = y[K + n : K + 2 * n] if sizes.output_gate else np.ones(n)
    y_forget = y[K + 2 * n :] if sizes.forget_gate else np.ones(n)
    i, o, f = (np.repeat(gate, S) for gate in (y_in, y_out, y_forget))
    g = 4 * y[:K] - 2
    g_slope = 4 * y[:K] * (1 - y[:K])
    s = f * state.cells + i * g
    h = 2 * sigmoid(s) - 1
    by_cell = f[:, None] * state.by_cell + np.outer(i * g_slope, z)
    by_input = f[:, None] * state.by_input + np.outer(g * i * (1 - i), z)
    by_forget = f[:, None] * state.by_forget + np.outer(state.cells * f * (1 - f), z)
    heard = np.concatenate([o * h, x, [1.0]])
    activations = np.concatenate([o * h, y_in, y_out, y_forget])
    after = BlockState(s, activations, by_cell, by_input, by_forget)
    return BlockStep(after, sigmoid(output @ heard), z, heard, h)


def truncated_gradient(
    sizes: BlockSizes, output: Array, step: BlockStep, target: Array
) -> tuple[Array, Array]:
    """Give the descent direction of half the squared error of a step, truncated as in 1997.

    An error passes an output gate and a cell state, and from the state goes back in time by the
    state alone: what gates and cells heard is taken as given.

    Args:
        sizes: What the network is made of.
        output: (O, K + I + 1) weights of the outputs.
        step: What the step computed.
        target: (O,) what was asked for; NaN where nothing was.

    Returns:
        Directions (U, M) and (O, K + I + 1): weights plus a rate times these learn.
    """
    K, n, S = sizes.cells, sizes.blocks, sizes.cells_per_block
    error = np.where(np.isnan(target), 0.0, target - step.output)
    delta = error * step.output * (1 - step.output)
    arriving = output[:, :K].T @ delta
    y_out = step.state.activations[K + n : K + 2 * n]
    at_gate = y_out * (1 - y_out) * (step.squashed * arriving).reshape(n, S).sum(axis=1)
    at_state = np.repeat(y_out, S) * (1 - step.squashed**2) / 2 * arriving
    direction = np.zeros((sizes.units, sizes.sources))
    direction[:K] = at_state[:, None] * step.state.by_cell
    direction[K : K + n] = _by_block(at_state[:, None] * step.state.by_input, n)
    direction[K + n : K + 2 * n] = np.outer(at_gate, step.heard)
    direction[K + 2 * n :] = _by_block(at_state[:, None] * step.state.by_forget, n)
    return direction, np.outer(delta, step.heard_by_output)


def _by_block(of_cells: Array, blocks: int) -> Array:
    summed: Array = of_cells.reshape(blocks, -1, of_cells.shape[1]).sum(axis=1)
    return summed
