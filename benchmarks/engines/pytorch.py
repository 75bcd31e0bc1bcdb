"""PyTorch's own layers: inference_mode, equal threads; LSTMCell for one step."""

from __future__ import annotations

import torch

from benchmarks.cases import Case
from benchmarks.engines import Run, cell_run, training_run

NAME = "torch"


def prepare(case: Case, weights: torch.nn.Module, x: torch.Tensor, threads: int) -> Run | None:
    torch.set_num_threads(threads)
    module = (torch.nn.LSTM if case.mode == "LSTM" else torch.nn.RNN)(case.I, case.H)
    module.load_state_dict(weights.state_dict())
    if case.task == "training":
        return training_run(module, x)
    if case.task == "trace":
        return _gates_by_hand(module, x)
    if case.task in ("step", "cell"):  # torch's fastest way to take one step is the cell
        return cell_run(torch.nn.LSTMCell(case.I, case.H), weights, x)

    def infer() -> torch.Tensor:
        with torch.inference_mode():
            return module(x)[0]

    return Run(infer, lambda: infer().numpy())


def _gates_by_hand(module: torch.nn.Module, x: torch.Tensor) -> Run:
    """What people write to get the gates: the cell's equations in a loop over time."""
    w_hh, hidden = module.weight_hh_l0, module.hidden_size

    def gates() -> torch.Tensor:
        with torch.inference_mode():
            from_x = x @ module.weight_ih_l0.T + (module.bias_ih_l0 + module.bias_hh_l0)
            h = c = torch.zeros(x.shape[1], hidden)
            forget = []
            for a in from_x:
                i, f, g, o = (a + h @ w_hh.T).chunk(4, 1)
                f = f.sigmoid()
                c = f * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                forget.append(f)
            return torch.stack(forget)

    return Run(gates, lambda: gates().numpy())
