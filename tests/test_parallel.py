"""A parallel run: what is run in turn, what is told at its end, and what two processes share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from tests import site
from tests.running.parallel import SLOW, UNITS, by_unit, unit_of

ROOT = Path(__file__).parent.parent
CONFTEST = 'pytest_plugins = ["tests.running.figures", "tests.running.parallel"]'
TEST = """
def test_it(measured):
    measured("a figure of {name}")
"""
TAKES = """
from tests import site
site.PORTS = [{port}]
site.free_port()
"""


def test_every_folder_of_a_unit_is_there():
    for _, folders in UNITS:
        assert all((ROOT / folder).is_dir() for folder in folders)


def test_the_tests_of_a_unit_are_begun_together_and_the_slow_ones_first():
    ids = [f"{path.relative_to(ROOT)}::test_it" for path in (ROOT / "tests").rglob("test_*.py")]
    units = [unit_of(nodeid) for nodeid in sorted(ids, key=by_unit)]
    changes = [unit for before, unit in zip(["", *units], units, strict=False) if unit != before]
    assert len(changes) == len(set(changes))
    assert changes[: len(UNITS)] == [name for name, _ in UNITS]
    slow = [unit.startswith(SLOW) for unit in changes[len(UNITS) :]]
    assert slow == sorted(slow, reverse=True)
    assert all(any(unit.startswith(name) for unit in changes) for name in SLOW)


@pytest.mark.parametrize("parallel", [[], ["-n", "2", "--dist", "loadscope"]])
def test_figures_of_all_processes_are_told_at_the_end(tmp_path, parallel):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name in ("one", "other"):
        (tmp_path / f"test_{name}.py").write_text(TEST.format(name=name))
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    told = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, *parallel, "test_one.py", "test_other.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "a figure of one\na figure of other\n" in told.stdout


def test_two_processes_do_not_get_the_same_port(monkeypatch):
    port = site.free_port()
    monkeypatch.setattr(site, "PORTS", [port])
    with pytest.raises(RuntimeError):
        site.free_port()
    other = subprocess.run(
        [sys.executable, "-c", TAKES.format(port=port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "no free port" in other.stderr


def test_two_suites_share_a_valkey_and_each_test_has_keys_of_its_own(own_valkey):
    file, some = "tests/contract/test_a_read_model_store.py", "redis and not busy and not nothing"
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", file, "-k", some]
    folder = Path(own_valkey.addresses.redis_owner_url.removeprefix("unix://owner@")).parent
    env = os.environ | {"VOTES_TEST_VALKEY": str(folder)}
    suites = [
        subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [suite.communicate(timeout=120)[0] for suite in suites]
    assert [suite.returncode for suite in suites] == [0, 0], told
    with Redis.from_url(own_valkey.addresses.redis_owner_url) as redis:
        prefixes = {key.decode().partition(":")[0] for key in redis.scan_iter()}
    assert len(prefixes) == 2 * int(told[0].rpartition(" passed")[0].split()[-1])
    assert all(prefix.startswith("test-") for prefix in prefixes)
