"""Somebody new finds nothing in the browser of what the page before left there."""

import pytest

from tests.e2e.browser.conftest import NewPage, shown
from tests.e2e.browser.stage import Stage

RUN = """new Promise((resolve) => {
  const script = Object.assign(document.createElement("script"), { src: "/version.js" });
  script.onload = () => resolve(self.version);
  document.head.append(script);
})"""
LEFT = {
    "a cookie": ("document.cookie = 'left=1; max-age=600'", "document.cookie !== ''"),
    "a word of the origin": ("localStorage.left = 1", "'left' in localStorage"),
    "a word of the window": ("sessionStorage.left = 1", "'left' in sessionStorage"),
    "a name of the window": ("window.name = 'left'", "window.name !== ''"),
    "a database": (
        """new Promise((resolve) => {
          const asked = indexedDB.open("left");
          asked.onsuccess = () => resolve(asked.result.close());
        })""",
        "indexedDB.databases().then(({ length }) => length > 0)",
    ),
    "a cache": (
        "caches.open('left').then(() => null)",
        "caches.keys().then(({ length }) => length > 0)",
    ),
    "a worker": (
        """navigator.serviceWorker.register("/version.js")
          .then(() => navigator.serviceWorker.ready).then(() => null)""",
        "navigator.serviceWorker.getRegistrations().then(({ length }) => length > 0)",
    ),
    "a file": (
        "fetch('/version.js').then((file) => file.text())",
        """fetch("/version.js", { mode: "same-origin", cache: "only-if-cached" })
          .then(({ ok }) => ok, () => false)""",
    ),
    "a script": (RUN, f"{RUN}.then((version) => version === 1)"),
}
"""By what is left: how to leave it, and how to see that it is there."""


@pytest.mark.parametrize("left", LEFT)
def test_somebody_new_finds_nothing(newcomer: NewPage, stranger: Stage, left: str):
    stranger.pages["/"] = "<!doctype html><title>A page</title>", ""
    stranger.scripts["/version.js"] = b"self.version = 1"
    leave, find = LEFT[left]
    page = shown(newcomer(stranger.url), stranger.url)
    page.evaluate(leave)
    stranger.scripts["/version.js"] = b"self.version = 2"
    assert page.evaluate(find)
    page = shown(newcomer(stranger.url), stranger.url)
    assert not page.evaluate(find)
    assert page.context.pages == [page]
