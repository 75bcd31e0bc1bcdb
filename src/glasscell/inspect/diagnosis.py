"""What ails a network: the findings of all its layers, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from glasscell.inspect.findings import ORDER, Finding, faults
from glasscell.inspect.flow import LayerFlow, observed
from glasscell.inspect.sentences import say
from glasscell.inspect.trace import LayerTrace

if TYPE_CHECKING:
    import torch

__all__ = ["Diagnosis", "diagnose", "examine"]


class Diagnosis(Sequence[Finding]):
    """Findings of all layers, the worst first; print it for the sentences and the advice.

    Args:
        findings: in any order.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = sorted(findings, key=lambda one: ORDER.index(one.kind))

    @property
    def good(self) -> bool:
        """Whether nothing needs to change, for all that is known of the task."""
        return all(one.good or one.assumed for one in self)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of fault that were found, `assumed` ones too, each once, the worst first."""
        return tuple(dict.fromkeys(one.kind for one in self if not one.good))

    def said(self, lang: str = "en") -> str:
        """Say all findings, then each piece of advice once with the layers that it is for.

        What is a fault only if the task needs all the steps there are comes under that condition.

        Args:
            lang: "en" or "zh"; default "en".
        """
        lines = [f"{one.layer} {one.text(lang)}" for one in self if not one.assumed]
        assumed = [f"{one.layer} {one.text(lang)}" for one in self if one.assumed]
        lines += [say("assumed", lang), *assumed] if assumed else []
        for text in dict.fromkeys(one.advice(lang) for one in self if one.change_this):
            names = dict.fromkeys(one.layer for one in self if one.advice(lang) == text)
            lines.append(say("advice for", lang, names=", ".join(names)) + text)
        return "\n".join(lines)

    def as_json(self) -> list[dict[str, Any]]:
        """Give plain values for a page, see `Finding.as_json`."""
        return [one.as_json() for one in self]

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> list[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | list[Finding]:
        return self._findings[index]

    def __len__(self) -> int:
        return len(self._findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    def __repr__(self) -> str:
        return f"Diagnosis({', '.join(f'{one.layer}: {one.kind}' for one in self)})"

    def __str__(self) -> str:
        return self.said()


def diagnose(
    flow: Mapping[str, LayerFlow], traces: Mapping[str, LayerTrace], lag: int | None = None
) -> Diagnosis:
    """Name what is wrong with a network, from what was measured.

    Args:
        flow: of `glasscell.gradient_flow`.
        traces: of `glasscell.trace`, on the same data; layers that are in both are judged.
        lag: how many steps back the task needs; default all there are, and what depends on that
            is marked `assumed`.

    Returns:
        `Diagnosis`.
    """
    layers = [name for name in flow if name in traces]
    return Diagnosis(
        [one for name in layers for one in faults(flow[name], traces[name], lag, name)]
    )


def examine(
    model: torch.nn.Module,
    x: Any,
    loss: Callable[[Any], torch.Tensor],
    lag: int | None = None,
) -> Diagnosis:
    """Run a network forwards and back once, and name what is wrong with it.

    Args:
        model: any torch module with LSTM or RNN layers, ours or torch's own, on the CPU.
        x: what the model is called with; a tuple is several positional arguments.
        loss: callable on the model's output that returns a scalar tensor.
        lag: how many steps back the task needs; default all there are, and what depends on that
            is marked `assumed`: a network need not remember that long.

    Returns:
        `Diagnosis`; print it.

    Raises:
        TypeError: as `glasscell.gradient_flow`.
        ValueError: as there.
        RuntimeError: as there.

    Notes:
        Leaves the model as it was, see `glasscell.gradient_flow`. Thresholds were set on one half
        of the networks of experiments/verdicts.py and tried on the other.

    >>> import torch
    >>> model = torch.nn.LSTM(1, 3)
    >>> large = [parameter.data.mul_(1000) for parameter in model.parameters()]
    >>> found = examine(model, torch.randn(20, 4, 1), lambda out: out[0][-1].sum())
    >>> found.kinds[0]
    'saturated'
    >>> print(found)
    l0 is saturated: ...% of the values of its input gates, output gates and candidates lie ...
    """
    recorder, _ = observed(model, x, loss)
    return Diagnosis(
        [
            one
            for name, (flow, trace) in recorder.measured().items()
            for one in faults(flow, trace, lag, name)
        ]
    )
