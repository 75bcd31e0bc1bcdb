"""`LSTM` and `RNN`: torch's modules in all but the forward pass, which runs on our kernels."""

from __future__ import annotations

import torch

from glasscell.nn.layer_call import Recurrent

__all__ = ["LSTM", "RNN"]


class LSTM(Recurrent, torch.nn.LSTM):
    """`torch.nn.LSTM` on glasscell's kernels: same arguments, initial values, state_dict, errors.

    For every layer and direction, with σ the logistic function and * by element::

        i_t = σ(W_i [h_{t-1}, x_t] + b_i)        input gate
        f_t = σ(W_f [h_{t-1}, x_t] + b_f)        forget gate
        C̃_t = tanh(W_C [h_{t-1}, x_t] + b_C)     candidate
        o_t = σ(W_o [h_{t-1}, x_t] + b_o)        output gate
        C_t = f_t * C_{t-1} + i_t * C̃_t          cell state
        h_t = o_t * tanh(C_t)                    hidden state; W_hr h_t with proj_size

    Args:
        input_size: I, features of each step.
        hidden_size: H, units.
        num_layers: L, layers; default 1.
        bias: whether the gates have biases; default True.
        batch_first: sequences are (B, T, ·) rather than (T, B, ·); default False.
        dropout: probability of dropping an element between layers in training; default 0.
        bidirectional: each layer also reads the sequences from their ends; default False.
        proj_size: P, project the hidden state to this size; default 0, do not.
        device: of the parameters; default torch's. Only the CPU runs on glasscell's kernels.
        dtype: of the parameters; default torch's. Only float32 and float64 run on the kernels.
        checkpoint: trade time for training memory. True: keep a cell state every √T steps in place
            of every gate of every step, and run √T steps at a time again in the backward pass; or
            that number of steps. The same bits; at T = 1000 a fifth of the memory for a fifth more
            time. Default None, keep all. The attribute of this name may be set at any time.

    Notes:
        What differs from torch is in DIFFERENCES.md. Hochreiter, Schmidhuber 1997, Neural
        Computation 9(8); the forget gate: Gers, Schmidhuber, Cummins 2000, same journal, 12(10).
        Checkpoints: Chen, Xu, Zhang, Guestrin 2016, arXiv:1604.06174.

    >>> lstm = LSTM(1, 1)
    >>> _ = lstm.load_state_dict({name: torch.ones_like(w) for name, w in lstm.named_parameters()})
    >>> output, (h_n, c_n) = lstm(torch.zeros(2, 1, 1))
    >>> output.flatten()
    tensor([0.6083, 0.8726], grad_fn=...)
    >>> isinstance(lstm, torch.nn.LSTM)
    True
    """


class RNN(Recurrent, torch.nn.RNN):
    """`torch.nn.RNN` on glasscell's kernels: same arguments, initial values, state_dict, errors.

    ``h_t = tanh(W [h_{t-1}, x_t] + b)``, or relu in place of tanh.

    Args:
        input_size: I, features of each step.
        hidden_size: H, units.
        num_layers: L, layers; default 1.
        nonlinearity: "tanh" (default) or "relu".
        bias: whether there is a bias; default True.
        batch_first: sequences are (B, T, ·) rather than (T, B, ·); default False.
        dropout: probability of dropping an element between layers in training; default 0.
        bidirectional: each layer also reads the sequences from their ends; default False.
        device: of the parameters; default torch's. Only the CPU runs on glasscell's kernels.
        dtype: of the parameters; default torch's. Only float32 and float64 run on the kernels.
        checkpoint: accepted as for an `LSTM`, and without effect: the outputs are all that an RNN's
            backward pass needs.

    Notes:
        What differs from torch is in DIFFERENCES.md. Elman 1990, Cognitive Science 14(2).

    >>> rnn = RNN(1, 1, nonlinearity="relu")
    >>> _ = rnn.load_state_dict({name: torch.ones_like(w) for name, w in rnn.named_parameters()})
    >>> rnn(torch.ones(2, 1, 1))[0].flatten()
    tensor([3., 6.], grad_fn=...)
    """
