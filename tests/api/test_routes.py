"""Finding what a path leads to."""

import pytest

from multifleet.api.answers import Answer, Refused
from multifleet.api.routes import Asked, Route, Routes


async def answer(asked: Asked) -> Answer:
    return Answer(200, b"")


def route(method: str, path: str) -> Route:
    return Route(method, path, answer, owner_only=True)


ROUTES = Routes(
    [route("GET", "/trace/{id}"), route("GET", "/seats"), route("POST", "/seats"), route("GET", "/a/{b}/c")]
)


def test_a_path_is_found_as_it_is_written() -> None:
    assert ROUTES.find("POST", "/seats")[0].method == "POST"


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/trace/1", {"id": "1"}),
        ("/trace/a%20b", {"id": "a b"}),
        ("/trace/%2e%2e%2fx", {"id": "../x"}),
        ("/a/x/c", {"b": "x"}),
    ],
)
def test_the_parts_of_a_path_are_named_and_decoded(path: str, parts: dict[str, str]) -> None:
    assert ROUTES.find("GET", path)[1] == parts


@pytest.mark.parametrize(
    "path", ["/", "", "/trace", "/trace/", "/trace/1/2", "/trace/%ff", "/a//c", "/SEATS", "/seats/"]
)
def test_any_other_path_is_unknown(path: str) -> None:
    with pytest.raises(Refused) as caught:
        ROUTES.find("GET", path)
    assert caught.value.status == 404


@pytest.mark.parametrize(("path", "takes"), [("/seats", "GET, POST"), ("/trace/1", "GET")])
def test_a_wrong_method_is_told_the_right_ones(path: str, takes: str) -> None:
    with pytest.raises(Refused) as caught:
        ROUTES.find("DELETE", path)
    assert (caught.value.status, caught.value.allow) == (405, takes)


def test_the_same_route_twice_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        Routes([route("GET", "/a"), route("GET", "/a")])
