"""torch's own cases for its recurrent modules, from the lists that its tests are made of."""

from __future__ import annotations

import sys
import types
import unittest
from importlib import import_module
from typing import Any

import pytest
import torch

import glasscell.nn

# torch's lists stand beside tools of its tests, which want this package and are not used here.
sys.modules.setdefault("expecttest", types.SimpleNamespace(TestCase=unittest.TestCase))

KINDS = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")
_MODULES = import_module("torch.testing._internal.common_modules").module_db
_LISTED = {info.module_cls.__name__: info for info in _MODULES}


def _cases() -> list[Any]:
    made = []
    for kind in KINDS:
        for training in (True, False):
            info = _LISTED[kind]
            given = info.module_inputs_func(
                info, device="cpu", dtype=torch.float64, requires_grad=False, training=training
            )
            made += [
                pytest.param(kind, one, id=f"{kind} {k} {one.desc}") for k, one in enumerate(given)
            ]
    return made


def _made(kind: str, case: Any, library: Any) -> Any:
    torch.manual_seed(1)
    given = case.constructor_input
    return getattr(library, kind)(*given.args, **given.kwargs).double()


def _tensors(result: Any) -> list[torch.Tensor]:
    if isinstance(result, torch.nn.utils.rnn.PackedSequence):
        return [result.data]
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result for tensor in _tensors(part)]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.filterwarnings("ignore:dropout option adds dropout")
@pytest.mark.parametrize(("kind", "case"), _cases())
def test_what_torch_tests_its_modules_with_gives_torchs_results(kind: str, case: Any) -> None:
    given, found = case.forward_input, []
    for library in (torch.nn, glasscell.nn):
        module = _made(kind, case, library)
        torch.manual_seed(2)
        results = _tensors(module(*given.args, **given.kwargs))
        loss = sum(result.pow(2).sum() for result in results)
        found.append([*results, *torch.autograd.grad(loss, list(module.parameters()))])
    assert len(found[0]) == len(found[1])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
