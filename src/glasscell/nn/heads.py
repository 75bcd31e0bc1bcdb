"""`sLSTM`: the layer of xLSTM, whose units mix within heads alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from glasscell.cells.slstm import SLSTM
from glasscell.nn.cell_layer import Recurrent

__all__ = ["sLSTM"]


class sLSTM(Recurrent):  # noqa: N801 (the paper's name)
    """The sLSTM of xLSTM (Beck et al. 2024, arXiv:2405.04517), trained on the CPU's kernels.

    The equations are those of `glasscell.cells.SLSTM`, with exponential gates, normaliser and
    stabiliser. A head's units read the hidden states of that head alone: R is block-diagonal. The
    parameter ``blocks_hh_l0`` has the blocks, (heads, 4 H / heads, H / heads), rows of i, f, z, o
    in each; ``weight_hh_l0`` (4 H, H) is made of them whenever it is read.

    Args:
        input_size: I, features of each step.
        hidden_size: H, units, of all heads together.
        heads: Among how many the units are split; must divide H; default 1.
        forget: Forget gate "sigmoid" (default) or "exp".
        **options: As for `Recurrent`, from num_layers on.

    Raises:
        ValueError: heads does not divide H; else as `Recurrent`.

    Notes:
        States are h, c, n and m: ``output, (h_n, c_n, n_n, m_n)``. The kernel multiplies with the
        whole of R, zeros included, so more heads are not faster. The paper's block around the cell
        (convolution, group norm, projections) is not part of the layer.

    >>> layer = sLSTM(3, 4, heads=2)
    >>> layer.blocks_hh_l0.shape, layer.weight_hh_l0.shape
    (torch.Size([2, 8, 2]), torch.Size([16, 4]))
    >>> output, states = layer(torch.zeros(5, 1, 3))
    >>> output.shape, len(states)
    (torch.Size([5, 1, 4]), 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 1,
        forget: str = "sigmoid",
        **options: Any,
    ) -> None:
        if not isinstance(heads, int) or heads < 1 or hidden_size % heads:
            raise ValueError(
                f"heads: expected a number that divides hidden_size = {hidden_size}, got {heads!r}"
            )
        self.__dict__["heads"] = heads  # before Module's own constructor, for the shapes
        super().__init__(SLSTM(forget), input_size, hidden_size, **options)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"{super().extra_repr()}, heads={self.heads}"

    def _shape(self, role: str, width: int) -> tuple[int, ...]:
        rows, *others = super()._shape(role, width)
        if role != "weight_hh":
            return rows, *others
        size = self.hidden_size // self.heads
        return self.heads, rows // self.heads, size

    def _stored(self, name: str) -> str:
        return name.replace("weight_hh", "blocks_hh")

    def __getattr__(self, name: str) -> Any:
        """Give R as one matrix, and what `torch.nn.Module` gives."""
        if name.startswith("weight_hh_"):
            return self._whole(getattr(self, self._stored(name)))
        return super().__getattr__(name)

    def _read(self, name: str) -> Any:
        own = super()._read(self._stored(name))
        return self._whole(own) if name.startswith("weight_hh_") and own is not None else own

    def _whole(self, blocks: Tensor) -> Tensor:
        if self.heads == 1:
            return blocks[0]
        size, gates = self.hidden_size // self.heads, self.cell.gate_count
        each = blocks.view(self.heads, gates, size, size).permute(1, 2, 3, 0)
        whole = torch.diag_embed(each, dim1=1, dim2=3)  # (gates, heads, size, heads, size)
        return whole.view(gates * self.hidden_size, self.hidden_size)
