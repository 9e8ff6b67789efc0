"""The wheel alone is the whole program."""

import subprocess
import sys
from pathlib import Path

from tests.site import site

ROOT = Path(__file__).parents[2]
WHERE = "import votes, workers; print(votes.__file__, workers.__file__)"


def test_the_wheel_installed_outside_the_checkout_serves_the_demo(tmp_path, monkeypatch):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, installed], check=True)
    monkeypatch.chdir(tmp_path)
    with site(anew=True, PYTHONPATH=str(installed)) as running:
        where = subprocess.run(
            [
                sys.executable,
                "-c",
                "import votes, workers; print(votes.__file__, workers.__file__)",
            ],
            env=running.env,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        assert all(Path(path).is_relative_to(installed) for path in where)
        checked = running.votes("verify")
        assert checked.returncode == 0, checked.stderr
