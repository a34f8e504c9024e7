"""What a process may use, where a container has less than the machine."""

from __future__ import annotations

import pytest

from reactor.server.workers import cgroups as module


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of 64 processors, whose files the test writes."""
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda pid: range(64), raising=False)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("cpu_", "cpu.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return module.processors(str(tmp_path))

    return write


def test_without_a_quota_it_is_the_affinity(machine, monkeypatch):
    assert machine(proc__self__cgroup="0::/\n") == 64
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda pid: range(3))
    assert machine() == 3


def test_a_quota_of_the_group(machine):
    text = "200000 100000\n"
    assert machine(proc__self__cgroup="0::/a\n", sys__fs__cgroup__a__cpu_max=text) == 2


def test_a_part_of_a_processor_is_one(machine):
    text = "150000 100000\n"
    assert machine(proc__self__cgroup="0::/a\n", sys__fs__cgroup__a__cpu_max=text) == 2
    assert machine(sys__fs__cgroup__a__cpu_max="10000 100000\n") == 1


def test_a_quota_of_any_group_above(machine):
    found = machine(
        proc__self__cgroup="0::/a/b/c\n",
        sys__fs__cgroup__a__cpu_max="300000 100000\n",
        sys__fs__cgroup__a__b__cpu_max="max 100000\n",
        sys__fs__cgroup__a__b__c__cpu_max="400000 100000\n",
    )
    assert found == 3


def test_in_a_container_whose_own_group_is_the_root(machine):
    found = machine(
        proc__self__cgroup="0::/../../system.slice/x\n",
        sys__fs__cgroup__cpu_max="200000 100000\n",
    )
    assert found == 2


def test_version_1(machine):
    found = machine(
        proc__self__cgroup="3:memory:/a\n4:cpu,cpuacct:/a\n",
        **{
            "sys__fs__cgroup__cpu,cpuacct__a__cpu_cfs_quota_us": "500000\n",
            "sys__fs__cgroup__cpu,cpuacct__a__cpu_cfs_period_us": "100000\n",
        },
    )
    assert found == 5
    assert machine(**{"sys__fs__cgroup__cpu,cpuacct__a__cpu_cfs_quota_us": "-1\n"}) == 64


@pytest.mark.parametrize("text", ["", "max", "0 0\n", "200000 0\n", "nonsense here\n"])
def test_what_is_no_quota_bounds_nothing(machine, text):
    assert machine(proc__self__cgroup="0::/a\n", sys__fs__cgroup__a__cpu_max=text) == 64


def test_this_machine_has_one():
    assert module.processors() >= 1


def killed(machine, tmp_path, **files):
    machine(**files)
    return module.killed_for_memory(str(tmp_path))


def test_who_was_killed_for_memory(machine, tmp_path):
    assert killed(machine, tmp_path, proc__self__cgroup="0::/a\n") == 0
    text = "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\n"
    (tmp_path / "sys/fs/cgroup/a").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/a/memory.events").write_text(text)
    assert module.killed_for_memory(str(tmp_path)) == 3
