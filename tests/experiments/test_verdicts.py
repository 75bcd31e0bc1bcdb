"""The thresholds in use are those that the experiment tried, and it found them good enough."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from glasscell.inspect.verdict import findings, judge

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
        "REACH": judge.REACH,
        "GROWN": judge.GROWN,
        "MEMORY": findings.MEMORY,
        "STUCK": findings.STUCK,
        "STUCK_PART": findings.STUCK_PART,
        "HOLDS": findings.HOLDS,
        "IGNORES": findings.IGNORES,
        "SHUT": findings.SHUT,
        **{f"DEAD {mode}": share for mode, share in findings.DEAD.items()},
    }
    assert all(row["between them"] for row in RESULT["thresholds, on even seeds"].values())


@pytest.mark.parametrize("fault", RESULT["table, on odd seeds"])
def test_the_verdict_is_right_in_49_of_50_networks_it_was_not_set_on(fault: str) -> None:
    row = RESULT["table, on odd seeds"][fault]
    assert row["networks"] >= 50
    assert row["right"] >= 0.98 * row["networks"]
    assert fault.removesuffix(" in part") in ("healthy", *findings.ORDER)


def test_every_kind_of_fault_but_those_of_the_profile_was_planted() -> None:
    planted = set(RESULT["table, on odd seeds"])
    assert set(findings.ORDER) - planted == {"short"}
    assert RESULT["growth by a factor below 1"] == 0


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


def test_what_is_left_of_another_past_tells_a_latch_from_a_network_that_forgets(
    checks: ModuleType,
) -> None:
    network = torch.nn.Module()
    network.recurrent = torch.nn.RNN(1, 2)
    x = torch.zeros(12, 4, 1)
    x[0, :, 0] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    with torch.no_grad():
        for parameter in network.recurrent.parameters():
            parameter.zero_()
        network.recurrent.weight_ih_l0.fill_(1.0)
        network.recurrent.weight_hh_l0.copy_(0.1 * torch.eye(2))
        assert checks.left(network, x, 10) == pytest.approx(1e-10, rel=0.5)
        network.recurrent.weight_hh_l0.copy_(3.0 * torch.eye(2))
        assert checks.left(network, x, 10) == pytest.approx(1.0, abs=0.4)
        assert checks.growth(network, x, 10) < 1e-4


def test_whether_a_layer_hears_its_input_and_how_far_gates_open_come_from_the_equations(
    checks: ModuleType,
) -> None:
    network, x = torch.nn.Module(), torch.randn(9, 2, 1)
    network.recurrent = torch.nn.LSTM(1, 4, 2)
    with torch.no_grad():
        assert checks.deaf(network, x) > 0
        assert checks.widest(network, x, "input") > 0.1
        network.recurrent.weight_ih_l1.zero_()
        assert checks.deaf(network, x) == 0
        network.recurrent.bias_ih_l1[:4] = -20.0
        assert checks.widest(network, x, "input") < 1e-6
        assert checks.widest(network, x, "output") > 0.1
        network.recurrent.bias_ih_l0[8:12] = 20.0
        assert checks.flat_share(network, x, "candidate") == 1
        assert checks.flat_share(network, x, "cell") < 1


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
