"""The page on which bookmarks come in and leave: with and without script, and accessible."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import bearer, get, new_tool, unique
from tests.e2e.browser.conftest import logged_in, visit
from tests.polling import wait_for

FILE = Path(__file__).parents[3] / "formats" / "files" / "firefox.html"


def tells(page: Any, words: str, *, script: bool) -> None:
    """Wait until the page of an import does: by itself or, without script, when one looks again."""
    told, again = page.get_by_role("status"), page.get_by_role("link", name="Look again")

    def says() -> bool:
        if not script and again.is_visible():
            again.click()
        return words in told.inner_text()

    wait_for(says, words)


@pytest.mark.parametrize("script", [True, False])
def test_a_file_is_imported_and_what_is_no_tool_is_shown(live_site, person, tmp_path, script):
    me, tool = unique("ada"), new_tool(live_site)
    file = tmp_path / "bookmarks.html"
    link = f'<DT><A HREF="http://localhost/tools/{tool}">A tool</A>\n</DL>'
    file.write_text(FILE.read_text().replace("</DL>\n", link, 1))
    context = logged_in(person(java_script_enabled=script), live_site, me)
    page = visit(context, f"{live_site.url}/bookmarks")
    page.get_by_role("link", name="Import and export").click()
    page.get_by_label("A file of bookmarks").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    tells(page, "4 bookmarks read. 1 tool bookmarked", script=script)
    rows = page.locator(".page-row")
    expect(rows).to_have_count(3)
    assert rows.get_by_role("link").all_inner_texts() == ["Example", "Bücher 書籍"]  # no `place:`
    rows.first.get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(2)
    kept = get(f"{live_site.url}/v1/me/bookmarks", headers=bearer(live_site, me)).json()
    assert [one["tool"] for one in kept["bookmarks"]] == [tool]
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert "Bücher" in Path(download.value.path()).read_text()
    assert page.said == []
