"""What is refused by the head of a request alone."""

from typing import Any

import pytest

from multifleet.api.answers import Answer, Refused
from multifleet.api.guard import Caller, check_head
from multifleet.api.inflow import Head
from multifleet.api.routes import Asked, Route, Routes
from tests.api.served import Served

JSON = "application/json"


async def answer(asked: Asked) -> Answer:
    return Answer(200, b"")


ROUTES = Routes(
    [
        Route("POST", "/note", answer, owner_only=True, body_limit=100, content_types=frozenset({JSON})),
        Route("GET", "/notes", answer, owner_only=True),
        Route("POST", "/frames", answer, owner_only=False, body_limit=100, content_types=frozenset({"a/b"})),
        Route("GET", "/health", answer, owner_only=False),
    ]
)
OWNER = Caller("127.0.0.1", unix=False, proved=True, port=8855)
STRANGER = Caller("10.0.0.9", unix=False, proved=False, port=8855)
UNIX = Caller("unix", unix=True, proved=True, port=0)


def check(
    caller: Caller = OWNER,
    method: str = "POST",
    target: str = "/note",
    chunked: bool = False,
    **headers: str | None,
) -> str:
    """ "own" or "stranger" where the request passes, else the status and code of the refusal."""
    given: dict[str, Any] = {"Host": "127.0.0.1:8855"}
    given |= {"Content-Type": JSON} if method == "POST" else {}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = Head(method, target, {n.lower(): v for n, v in given.items() if v is not None}, chunked, last=False)
    try:
        passed = check_head(ROUTES, caller, head, lambda header: header == "Bearer right")
    except Refused as refused:
        return f"{refused.status} {refused.code}"
    return "own" if passed.own else "stranger"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8855", "LOCALHOST", "[::1]:8855", "127.0.0.1:9999"])
def test_operations_are_served_under_the_names_of_loopback(host: str) -> None:
    assert check(Host=host) == "own"


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.1:8855", "localhost.evil.example", "127.0.0.1.nip.io", None])
def test_operations_are_refused_under_any_other_name(host: str | None) -> None:
    assert check(Host=host) == "421 wrong_host"


def test_operations_are_served_under_the_loopback_address_that_was_connected_to_and_no_other_one() -> None:
    caller = OWNER._replace(address="127.0.0.2")
    assert check(caller, Host="127.0.0.2:8855") == check(caller, Host="localhost") == "own"
    assert check(caller, Host="127.0.0.2:8855", Origin="http://127.0.0.2:8855") == "own"
    assert check(caller, Host="127.0.0.3") == check(Host="127.0.0.2") == "421 wrong_host"
    assert check(caller, Origin="http://127.0.0.3:8855") == "403 foreign_origin"
    assert check(Origin="http://127.0.0.2:8855") == "403 foreign_origin"
    assert check(OWNER._replace(address="192.0.2.7"), Host="192.0.2.7") == "421 wrong_host"


@pytest.mark.parametrize("host", ["mac2.local:8855", "10.0.0.1", "[fe80::1]:8855"])
def test_peers_may_use_any_name(host: str) -> None:
    assert check(STRANGER, target="/frames", Content_Type="a/b", Host=host) == "stranger"


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "", "[::1", "host:port", "a:123456"])
def test_what_is_no_host_is_refused_everywhere(host: str) -> None:
    assert check(method="GET", target="/health", Host=host) == "400 bad_request"


def test_on_the_unix_socket_the_host_is_free() -> None:
    assert check(UNIX, Host="daemon") == check(UNIX, Host=None) == "own"


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://127.0.0.1:1", "http://localhost", "file://"]
)
@pytest.mark.parametrize("target", ["/note", "/frames", "/health"])
def test_pages_of_other_origins_are_refused_everywhere(origin: str, target: str) -> None:
    assert check(target=target, Origin=origin) == "403 foreign_origin"


def test_our_own_pages_may_ask() -> None:
    assert check(Origin="http://127.0.0.1:8855") == check(Origin="http://localhost:8855") == "own"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_reads_that_a_page_of_another_site_makes_are_refused(site: str) -> None:
    assert check(method="GET", target="/notes", Sec_Fetch_Site=site) == "403 foreign_origin"
    assert check(method="GET", target="/notes", Sec_Fetch_Site="none") == "own"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None, "jso"]
)
def test_writes_are_refused_in_every_type_that_a_form_can_send(kind: str | None) -> None:
    assert check(Content_Type=kind) == "415 wrong_type"


def test_a_content_type_may_have_parameters() -> None:
    assert check(Content_Type="Application/JSON; charset=utf-8") == "own"


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity", "", "deflate, gzip"])
def test_encoded_bodies_are_refused(encoding: str) -> None:
    assert check(Content_Encoding=encoding) == "415 encoded"
    assert check(STRANGER, target="/frames", Content_Type="a/b", Content_Encoding=encoding) == "415 encoded"


def test_an_announced_body_over_the_limit_is_refused() -> None:
    assert check(Content_Length="100") == "own"
    assert check(Content_Length="101") == check(Content_Length="9" * 30) == "413 too_large"


def test_reading_takes_no_body() -> None:
    assert check(method="GET", target="/notes", Content_Length="1") == "400 bad_request"
    assert check(method="GET", target="/notes", chunked=True) == "400 bad_request"


def test_who_did_not_prove_to_be_the_user_may_not_ask() -> None:
    assert check(STRANGER) == check(STRANGER, method="GET", target="/notes") == "401 not_owner"
    assert check(STRANGER, Authorization="Bearer wrong") == "401 not_owner"


def test_a_token_proves_it_too() -> None:
    assert check(STRANGER, Authorization="Bearer right") == "own"


def test_proof_under_a_foreign_name_counts_for_nothing() -> None:
    assert check(method="GET", target="/health", Host="rebound.example") == "stranger"


@pytest.mark.parametrize("target", ["http://127.0.0.1/note", "*", "note", "//note", "/note/", "/ä", "/note%00"])
def test_only_the_path_as_it_is_written_leads_to_an_operation(target: str) -> None:
    assert check(target=target).split()[0] in {"400", "404"}


async def test_a_preflight_gets_no_permission(served: Served) -> None:
    reply = await served.ask(
        "OPTIONS", "/note", Content_Type=None, Content_Length=None, Access_Control_Request_Method="POST"
    )
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert not [name for name in reply.headers if name.startswith("access-control")]


async def test_each_refusal_is_counted_and_logged_once(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    reply = await served.ask("POST", "/note", b"{}", Host="evil.example")
    assert (reply.status, reply.code) == (421, "wrong_host")
    assert served.counted("http_wrong_host") == 1
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "http_wrong_host remote=127.0.0.1 status=421"
