"""docs/frontend.md is true: its snippets are run, and its hashes are those of this release."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.asking import get, request
from votes.site.assets import asset_url, sri

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "frontend.md").read_text()
API = "https://votes.example.com"


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_script_and_its_integrity_are_those_of_this_release(live_site):
    script = snippets("html")[0]
    assert f'src="{API}{asset_url("elements/elements.js")}"' in script
    assert f'integrity="{sri("elements/elements.js")}"' in script
    served = get(live_site.url + asset_url("elements/elements.js"))
    assert served.is_success
    assert "immutable" in served.headers["cache-control"]
    told = get(f"{live_site.url}/elements.json").json()
    assert told == {
        "script": asset_url("elements/elements.js"),
        "integrity": sri("elements/elements.js"),
    }


def test_the_address_and_the_integrity_are_written_into_it(tmp_path):
    old = re.sub(r"/static/\w+/", "/static/0000/", re.sub('sha384-[^"]+', "sha384-old", TEXT))
    assert old != TEXT
    page = tmp_path / "frontend.md"
    page.write_text(old)
    subprocess.run([sys.executable, DOCS / "pin_elements.py", page], check=True)
    assert page.read_text() == TEXT


def test_one_address_leads_to_whatever_release_runs(live_site):
    assert f"`{API}/elements.js`" in TEXT
    answer = get(f"{live_site.url}/elements.js", headers={"Origin": "https://elsewhere.test"})
    assert answer.status_code == 302
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["location"] == asset_url("elements/elements.js")


@pytest.mark.skipif(shutil.which("curl") is None, reason="NO curl: THE DOCS ARE NOT TESTED")
def test_the_commands_run(live_site, tmp_path):
    visitor = request("POST", f"{live_site.url}/v1/visitors").json()["token"]
    user = live_site.token("ada")["Authorization"].removeprefix("Bearer ")
    for command in snippets("sh"):
        done = subprocess.run(
            ["bash", "-euc", command.replace(API, live_site.url).replace("curl -s", "curl -sf")],
            cwd=tmp_path,
            env=live_site.env | {"TOKEN": visitor, "USER_TOKEN": user},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, command
    assert '"vote":"ship"' in done.stdout


def test_the_python_runs_as_the_same_voter_each_time(live_site, tmp_path):
    (program,) = snippets("python")
    printed = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program.replace(API, live_site.url)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout.split())
    assert len(printed[0]) == 3
    assert printed[0] == printed[1]
