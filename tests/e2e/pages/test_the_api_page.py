"""The page of the API says what the description says, each operation and each shape of it."""

import shlex

import pytest

from tests.e2e.asking import get
from tests.e2e.pages.reading import attribute, named, one, page, words


@pytest.fixture(scope="module")
def document(live_site):
    return get(f"{live_site.url}/openapi.json").json()


def test_every_operation_is_there_with_all_that_it_takes_and_answers(http, document):
    tree = page(http, "/docs")
    common = one(tree, "section", aria_labelledby="everywhere")
    anywhere = [words(label) for label in named(common, "dt")]
    assert "500" in anywhere
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            told = one(tree, "article", aria_labelledby=said["operationId"])
            assert words(one(told, "p", class_="address")) == f"{method.upper()} {path}"
            labels = [words(label) for label in named(told, "dt")]
            taken = [parameter["name"] for parameter in said.get("parameters", ())]
            answers = sorted(status for status in said["responses"] if status != "default")
            assert {*anywhere} <= {*answers}
            assert labels == taken + [status for status in answers if status not in anywhere]
            assert words(told).startswith(said["summary"])


def test_every_shape_is_there_and_every_reference_leads_to_one(http, document):
    tree = page(http, "/docs")
    for name, schema in document["components"]["schemas"].items():
        told = one(tree, "article", aria_labelledby=f"schema-{name}")
        assert [words(label) for label in named(told, "dt")] == list(schema["properties"])
    ids = {element.get("id") for element in tree.iter()}
    links = [attribute(link, "href") for link in named(tree, "a")]
    parts = {link.removeprefix("#") for link in links if link.startswith("#")}
    assert len(parts) > 50
    assert parts <= ids


def test_its_commands_are_requests(live_site, http, document):
    tree = page(http, "/docs")
    for methods in document["paths"].values():
        for method, said in methods.items():
            told = one(tree, "article", aria_labelledby=said["operationId"])
            command = shlex.split("".join(named(told, "pre")[0].itertext()))
            assert command[:3] == ["curl", "-X", method.upper()]
            assert command[3].startswith(live_site.url)
            assert "{" not in command[3]
            assert bool({"-d", "--data-binary"} & {*command}) == ("requestBody" in said)


def test_it_loads_nothing_from_elsewhere(http):
    tree = page(http, "/docs")
    pointers = ("canonical", "alternate")
    links = [link for link in named(tree, "link") if link.get("rel") not in pointers]
    loaded = [e.get("src") or attribute(e, "href") for e in (*named(tree, "script"), *links)]
    assert loaded
    assert not [link for link in loaded if link.startswith("http")]


def test_there_is_no_other_page_of_the_api(http):
    for path in ("/schema", "/schema/swagger", "/docs/redoc", "/v1/schema"):
        assert http.get(path).status_code == 404
