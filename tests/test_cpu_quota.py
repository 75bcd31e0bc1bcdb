"""How many CPUs a call may use: the affinity of the moment, and the quotas of nested cgroups."""

from __future__ import annotations

import os

import pytest

from glasscell import _core, engine, threads


def quota(tmp_path, groups, files):
    """Lay out a tree of cgroups and ask for the quota of a process in it."""
    root = tmp_path / "cgroup"
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
    listing = tmp_path / "self"
    listing.write_text(groups, encoding="ascii")
    return _core.cpu_quota(str(root), str(listing))


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 0)],
)
def test_version_two_in_a_container_that_sees_its_own_group_as_the_root(tmp_path, text, cpus):
    assert quota(tmp_path, "0::/\n", {"cpu.max": text}) == cpus


def test_the_least_quota_of_a_group_and_those_around_it_counts(tmp_path):
    files = {
        "user.slice/cpu.max": "300000 100000",
        "user.slice/job.scope/cpu.max": "max 100000",
        "user.slice/other.scope/cpu.max": "100000 100000",
    }
    assert quota(tmp_path, "0::/user.slice/job.scope\n", files) == 3
    assert quota(tmp_path, "0::/user.slice/other.scope\n", files) == 1
    assert quota(tmp_path, "0::/elsewhere\n", files) == 0


@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
def test_version_one(tmp_path, controllers):
    groups = f"5:memory:/docker/x\n4:{controllers}:/docker/x\n1:name=systemd:/docker/x\n0::/\n"
    limit = {"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"}
    assert quota(tmp_path, groups, limit) == 3  # a container: the group's own path is not mounted
    own = {"cpu/docker/x/cpu.cfs_quota_us": "100000", "cpu/docker/x/cpu.cfs_period_us": "100000"}
    assert quota(tmp_path, groups, limit | own) == 1
    free = {"cpu/cpu.cfs_quota_us": "-1", "cpu/docker/x/cpu.cfs_quota_us": "-1"}
    assert quota(tmp_path, groups, limit | own | free) == 0


@pytest.mark.parametrize(
    "text", ["", "nonsense", "nonsense 100000", "max", "100000 0", "-5 100000"]
)
def test_what_cannot_be_read_is_no_limit(tmp_path, text):
    assert quota(tmp_path, "0::/\nnonsense\n", {"cpu.max": text}) == 0
    assert _core.cpu_quota(str(tmp_path / "nowhere"), str(tmp_path / "nothing")) == 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_the_affinity_of_the_moment_counts(monkeypatch):
    monkeypatch.setattr(threads, "_threads", 0)
    monkeypatch.delenv("GLASSCELL_NUM_THREADS", raising=False)
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert engine.get_num_threads() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert engine.get_num_threads() <= len(before)
