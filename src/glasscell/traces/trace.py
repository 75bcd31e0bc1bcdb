"""All layers of a model while it ran, by name: what `glasscell.trace` yields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glasscell.arrays import Array
from glasscell.traces import pictures
from glasscell.traces.chain import Joined, last_chain, link_calls
from glasscell.traces.layer import LayerTrace

__all__ = ["Trace"]


class Trace(Mapping[str, LayerTrace]):
    """Layer name to `LayerTrace`, filled while the model runs: what `glasscell.trace` yields.

    Names are the module's dotted name and torch's suffix: "encoder.l0", "encoder.l1_reverse", or
    "l0" where the model itself is the layer; a cell such as `LSTMCell` goes by its dotted name
    alone ("cell" where it is the model). Of a layer that ran several times in the block the last
    run is shown, together with the runs before it that passed it their state: a loop is one
    sequence. `calls` has all runs, and where some are not shown, `repr` says so.

    Args:
        known: Dotted names of all recurrent modules of the model, for error messages.

    Notes:
        Which call passed its state to which is read off torch's graph where there is one, else off
        the numbers, see `traces.chain`. What is put together along time is a copy. Gates and states
        are always those that each call computed. What the loop does to the state between two calls
        is in `LayerTrace.lengths` and `starts` (sequences that end or begin, under a padding mask
        or as the batch shrinks or grows), `LayerTrace.anew` (episodes that begin anew) and
        `LayerTrace.shown.altered` (all else).
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._known = tuple(known)
        self._calls: dict[str, list[LayerTrace]] = {}
        self._follows: dict[str, list[int | None]] = {}
        self._cells: set[str] = set()
        self._shown: dict[str, tuple[int, LayerTrace]] = {}

    @property
    def calls(self) -> Mapping[str, tuple[LayerTrace, ...]]:
        """Layer name to every run in the block, the first one first; every step of a cell."""
        return {name: tuple(calls) for name, calls in self._calls.items()}

    def add(self, name: str, run: LayerTrace, cell: bool = False) -> int:
        """Append one run of one layer.

        Args:
            name: The layer's name.
            run: What it did.
            cell: Whether it was one step of a cell such as LSTMCell.

        Returns:
            Its index in `calls`.
        """
        calls = self._calls.setdefault(name, [])
        calls.append(run)
        self._follows.setdefault(name, []).append(None)
        if cell:
            self._cells.add(name)
        return len(calls) - 1

    def link(self, name: str, later: int, earlier: int) -> None:
        """Say which call of a layer another one of its calls got its state from.

        Args:
            name: The layer's name.
            later: Index of a call.
            earlier: Index of the call that it continues.
        """
        if earlier < later:
            self._follows[name][later] = earlier

    def joined(self, name: str, reached: Sequence[bool] | None = None) -> tuple[list[int], Joined]:
        """Find the last sequence of a layer: the calls that passed their state on, one to the next.

        Args:
            name: The layer's name.
            reached: See `traces.chain.last_chain`.

        Returns:
            Indices of its calls, and these put together.
        """
        calls = self._calls[name]
        links, presumed = link_calls(calls, self._follows[name], name in self._cells)
        chain = last_chain(links, reached)
        return chain, Joined([calls[k] for k in chain], len(calls), presumed)

    def __getitem__(self, name: str) -> LayerTrace:
        calls = self._calls.get(name)
        if calls is None:
            raise KeyError(self._unknown(name))
        count, shown = self._shown.get(name, (0, calls[0]))
        if count != len(calls):
            shown = self.joined(name)[1].trace()
            self._shown[name] = len(calls), shown
        return shown

    def __iter__(self) -> Iterator[str]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def to_html(
        self,
        x: Any = None,
        *,
        layers: Sequence[str] | None = None,
        title: str = "",
        lang: str = "en",
    ) -> str:
        """Give the inspect page of what was traced: one HTML text that opens offline.

        Args:
            x: What the model read, (T, B, I), (B, T, I) or (T, I), array or tensor, to be drawn
                above its gates; default not shown.
            layers: Names of the layers to show, all of one length; default all.
            title: The page's heading.
            lang: "en" or "zh"; the page has a switch.

        Returns:
            HTML. No gradients: `glasscell.report.page.collect` measures those too.

        Raises:
            ValueError: Nothing ran in the block yet.
            ShapeError: The layers ran over different numbers of steps, or `x` over others.
        """
        return pictures.page(self, x, layers, title, lang)

    def plot(
        self,
        layers: Sequence[str] | str | None = None,
        *,
        sequence: int = 0,
        ax: Any = None,
        **options: Any,
    ) -> Array:
        """Draw the gate walls of the layers side by side; needs matplotlib.

        Args:
            layers: A name, or several; default all.
            sequence: Which one of the batch; default 0.
            ax: One Axes for each quantity and layer; default a new pyplot figure.
            **options: As `glasscell.report.plots.gate_walls` takes them.

        Returns:
            (quantities, layers) array of Axes.
        """
        return pictures.panels("gate_walls", self, layers, sequence=sequence, ax=ax, **options)

    def _repr_html_(self) -> str | None:
        return pictures.inline(self) if self else None

    def __repr__(self) -> str:
        parts = ((name, self[name].shown) for name in self)
        return f"Trace({', '.join(f'{name}: {one}' if one else name for name, one in parts)})"

    def __str__(self) -> str:
        lines = [f"{name}  {self[name]}" for name in self]
        return "\n".join(lines) or "nothing ran in the block yet"

    def _unknown(self, name: str) -> str:
        ran = ", ".join(self) or "none"
        text = f"expected a layer that ran in the block ({ran}), got {name!r}"
        module = name if name in self._known else name.rpartition(".")[0]
        if not self._calls:
            text += "; call the model inside the block"
        if module in self._known and not any(key.rpartition(".")[0] == module for key in self):
            text += (
                "; the model has that module, but our kernels did not run it here (not called, a "
                "forward of its own, half precision, another device)"
            )
        return text
