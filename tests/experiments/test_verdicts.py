"""The thresholds in use are those that the experiment tried, and it found them good enough."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from glasscell.inspect import findings, verdict

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
RESULT = json.loads((EXPERIMENTS / "results" / "verdicts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        import checks
    finally:
        sys.path.remove(str(EXPERIMENTS))
    return checks


def test_the_thresholds_in_use_are_those_of_the_result() -> None:
    tried = {name: row["in use"] for name, row in RESULT["thresholds, on even seeds"].items()}
    assert tried == {
        "REACH": verdict.REACH,
        "GROWN": verdict.GROWN,
        "MEMORY": findings.MEMORY,
        "STUCK": findings.STUCK,
        **{f"DEAD {mode}": share for mode, share in findings.DEAD.items()},
    }
    assert all(row["between them"] for row in RESULT["thresholds, on even seeds"].values())


@pytest.mark.parametrize("fault", RESULT["table, on odd seeds"])
def test_the_verdict_is_right_in_19_of_20_networks_it_was_not_set_on(fault: str) -> None:
    row = RESULT["table, on odd seeds"][fault]
    assert row["networks"] >= 50
    assert row["right"] >= 0.95 * row["networks"]
    assert fault in ("healthy", *findings.ORDER)


def test_a_planted_fault_is_confirmed_by_what_happens_to_a_small_change(checks: ModuleType) -> None:
    network = torch.nn.Module()
    network.recurrent = torch.nn.RNN(1, 6, nonlinearity="relu")
    with torch.no_grad():
        for parameter in network.recurrent.parameters():
            parameter.zero_()
        network.recurrent.weight_hh_l0.copy_(1.5 * torch.eye(6))
        network.recurrent.bias_ih_l0.fill_(1.0)
    found = checks.growth(network, torch.zeros(12, 3, 1), 8)
    assert found == pytest.approx(1.5**8, rel=1e-4)


def test_what_forget_gates_keep_and_what_is_flat_come_from_the_equations(
    checks: ModuleType,
) -> None:
    network = torch.nn.Module()
    network.recurrent = torch.nn.LSTM(1, 4)
    with torch.no_grad():
        for parameter in network.recurrent.parameters():
            parameter.zero_()
        assert checks.kept(network, torch.zeros(9, 2, 1), 5) == pytest.approx(0.5**5)
        assert checks.flat_share(network, torch.zeros(9, 2, 1)) == 0
        network.recurrent.bias_ih_l0[:4] = 5.0
        assert checks.flat_share(network, torch.zeros(9, 2, 1)) == pytest.approx(1 / 3)
