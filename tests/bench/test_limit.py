"""The roofline: its formula by hand, and rates that are really measured."""

from __future__ import annotations

import numpy as np
import pytest

from bench_fakes import LIMITS
from glasscell import _core
from glasscell.bench.cases import Case
from glasscell.bench.limit import bound, probe
from glasscell.bench.machine import Cache, caches, cpus_for


def least(task, *sizes, **more):
    return bound(Case("LSTM", task, task, *sizes, **more), LIMITS)


def test_a_live_step_reads_both_matrices_once():
    assert least("step", 1, 1, 32, 32) == (16 * 32 * 64 / 8e11, "L1")
    assert least("step", 1, 1, 128, 128) == (16 * 128 * 256 / 4e11, "L2")
    assert least("step", 1, 1, 512, 512) == (16 * 512 * 1024 / 2e11, "L3")
    assert least("step", 1, 1, 2048, 2048) == (16 * 2048 * 4096 / 4e10, "DRAM")


def test_weights_in_fewer_bytes_are_read_sooner_and_from_nearer():
    assert least("step", 1, 1, 512, 512, weights="bfloat16") == (8 * 512 * 1024 / 2e11, "L3")
    assert least("step", 1, 1, 256, 256, weights="int8") == (4 * 256 * 512 / 4e11, "L2")


def test_a_sequence_reads_the_recurrent_matrix_in_every_step_and_training_twice():
    once = 100 * 16 * 256 * 256 / 2e11
    assert least("inference", 100, 1, 8, 256) == (once, "L3")
    assert least("training", 100, 1, 8, 256) == (2 * once, "L3")
    assert least("trace", 100, 1, 8, 256) == (once, "L3")
    rnn = bound(Case("RNN", "inference", "inference", 100, 1, 8, 256), LIMITS)
    assert rnn == (100 * 4 * 256 * 256 / 4e11, "L2")


def test_a_batch_is_bound_by_its_products():
    case = Case("LSTM", "inference", "inference", 100, 32, 128, 128)
    assert bound(case, LIMITS) == (case.flop / 2e12, "FMA")


def test_a_read_burst_reads_whole_vectors_so_many_times():
    data = np.ones(1000, np.float32)
    once = _core.read_burst(data, 1)
    assert 0 < once <= 4000
    assert _core.read_burst(data, 3) == 3 * once
    assert _core.read_burst(data[:1], 5) in (0, 20)
    with pytest.raises(ValueError, match="contiguous"):
        _core.read_burst(data[::2], 1)


def test_a_machine_is_measured_level_by_level(monkeypatch):
    monkeypatch.setattr("glasscell.bench.limit.SECONDS", 0.002)
    limits = probe(2, [Cache("L1", 1 << 14, 2), Cache("L2", 1 << 17, 1)])
    assert [level.name for level in limits.levels] == ["L1", "L2", "DRAM"]
    assert [level.bytes for level in limits.levels] == [1 << 15, 1 << 17, float("inf")]
    assert all(level.bytes_per_s > 1e6 for level in limits.levels)
    assert limits.flop_per_s > 1e6
    assert limits.level(1 << 15).name == "L1"
    assert limits.level((1 << 17) + 1).name == "DRAM"


@pytest.fixture
def system(tmp_path):
    """Two cores of two threads each: CPUs 0 and 2, 1 and 3."""
    for cpu, siblings in ((0, "0,2"), (1, "1,3"), (2, "0,2"), (3, "1,3")):
        for index, (level, kind, size, shared) in enumerate(
            [(1, "Data", "48K", siblings), (1, "Instruction", "32K", siblings),
             (2, "Unified", "1024K", siblings), (3, "Unified", "32M", "0-3")]
        ):  # fmt: skip
            folder = tmp_path / f"cpu{cpu}/cache/index{index}"
            folder.mkdir(parents=True)
            for name, text in (("level", level), ("type", kind), ("size", size)):
                (folder / name).write_text(f"{text}\n")
            (folder / "shared_cpu_list").write_text(f"{shared}\n")
        (tmp_path / f"cpu{cpu}/topology").mkdir()
        (tmp_path / f"cpu{cpu}/topology/thread_siblings_list").write_text(f"{siblings}\n")
    return tmp_path


def test_caches_are_counted_as_often_as_the_cpus_have_them(system):
    assert caches((0, 1), 2, system) == (
        ("L1", 48 << 10, 2), ("L2", 1 << 20, 2), ("L3", 32 << 20, 1)
    )  # fmt: skip
    assert [cache.instances for cache in caches((0, 2), 2, system)] == [1, 1, 1]


def test_caches_that_no_one_lists_are_assumed(tmp_path):
    assert [c.name for c in caches((0,), 3, tmp_path)] == ["L1", "L2", "L3"]
    assert [c.instances for c in caches((), 3, tmp_path)] == [3, 3, 1]


def test_threads_get_a_core_each_before_they_share_one(system, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert cpus_for(2, system) == (0, 1)
    assert cpus_for(3, system) == (0, 1, 2)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {2, 3}, raising=False)
    assert cpus_for(1, system) == (2,)
    monkeypatch.delattr("os.sched_getaffinity")
    assert cpus_for(2, system) == ()
