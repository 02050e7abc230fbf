"""Who may look, from where, and what every answer says of itself."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from harness.kept import Store
from serve.servers import serving_runs

from vestige.errors import RecordError
from vestige.serve.gate import Gate, Names, is_loopback
from vestige.serve.key import Key
from vestige.web import limits

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path
    from typing import Any

    from serve.servers import Serving
    from starlette.types import Receive, Scope, Send

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens there
PAGES = ("/", "/compare", "/runs/00000000", "/runs/00000000/live.json", "/runs/00000000/stdout", "/nothing")


def test_without_the_key_nothing_is_shown(served: Serving) -> None:
    with served.stranger() as stranger:
        for path in PAGES:
            answer = stranger.get(path)
            assert answer.status_code == 403, path
            assert "step" not in answer.text
            assert "set-cookie" not in answer.headers


def test_the_token_is_exchanged_for_a_cookie_that_no_script_reads(served: Serving) -> None:
    with served.stranger() as stranger:
        answer = stranger.get(f"/?{served.key.query}")
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"vestige-{served.port}=")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert served.key.token not in cookie + answer.text
        assert 'content="0; url=/"' in answer.text
        assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("token", ["", "x", "ü", "\udcff", "' or 1", "0" * 5000])
def test_another_token_opens_nothing(served: Serving, token: str) -> None:
    quoted = httpx.QueryParams({"token": token.encode("utf-8", "surrogateescape").decode("latin-1")})
    with served.stranger() as stranger:
        answer = stranger.get(f"/?{quoted}")
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["", "x", "0" * 43])
def test_another_cookie_opens_nothing(served: Serving, cookie: str) -> None:
    assert httpx.get(served.url, headers={"Cookie": f"vestige-{served.port}={cookie}"}).status_code == 403


def test_the_cookie_of_another_server_opens_nothing(served: Serving) -> None:
    other = Key(served.port)
    assert httpx.get(served.url, headers={"Cookie": other.set_cookie().partition(";")[0]}).status_code == 403
    assert served.key.token != other.token != other.cookie != served.key.cookie


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.", "", "[::2]"]
)
def test_a_name_that_was_bent_to_us_is_refused(served: Serving, host: str) -> None:
    """DNS rebinding: the browser believes that it talks to the other site."""
    answer = served.client.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert served.client.get(f"/?{served.key.query}", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9999", "LOCALHOST", "[::1]:8710"])
def test_the_end_of_a_tunnel_may_have_another_port(served: Serving, host: str) -> None:
    assert served.client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_scripts_of_other_pages_are_refused(served: Serving, origin: str) -> None:
    assert served.client.get("/", headers={"Origin": origin}).status_code == 403


def test_our_own_pages_may_ask(served: Serving) -> None:
    ours = {"Origin": served.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert served.client.get("/", headers=ours).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
def test_links_frames_and_pictures_of_other_pages_are_refused(served: Serving, site: str) -> None:
    for path in ("/", "/style.css", "/serve.js"):
        assert served.client.get(path, headers={"Sec-Fetch-Site": site}).status_code == 403


def test_the_address_itself_may_come_from_anywhere(served: Serving) -> None:
    """A terminal in a browser, the file that `--open` makes: who has the token has the key."""
    with served.stranger() as stranger:
        asked = stranger.get(f"/?{served.key.query}", headers={"Sec-Fetch-Site": "cross-site"})
        assert asked.status_code == 200
        assert "set-cookie" in asked.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_can_be_changed(served: Serving, method: str) -> None:
    for path in ("/", "/runs/00000000"):
        answer = served.client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"


def test_every_answer_protects_itself(served: Serving, store: Store) -> None:
    run = f"/runs/{store.ids[0]}"
    with served.stranger() as stranger:
        answers = [served.client.get(path) for path in (*PAGES, run, f"{run}/lineage", "/style.css", "/serve.js")]
        answers += [stranger.get("/"), served.client.post("/"), served.client.head("/")]
    for answer in answers:
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/style.css/../../../pyproject.toml",
        "/runs/..%2f..%2fetc",
        "/runs/%2Fetc",
        "/runs/last",
        "/runs/last~1",
        "/runs/.",
        "/runs/0000000%00",
        "/runs/%ff%fe",
        "/runs/ID/record.json",
        "/runs/ID/events.jsonl",
        "/runs/ID/..%2frecord.json",
        "/runs/ID/stdout%00",
        "/runs/" + "0" * 9,
        "/runs/" + "a" * 8000,
        "//etc/passwd",
        "/static/page.js",
    ],
)
def test_no_path_reaches_the_files(served: Serving, store: Store, path: str) -> None:
    request = f"GET {path.replace('ID', store.ids[0])} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    cookie = f"Cookie: {served.key.name}={served.key.cookie}\r\n\r\n"
    answer = served.talk((request + cookie).encode())
    assert int(answer.split()[1]) in (400, 404)
    assert b"root:" not in answer
    assert b"schema" not in answer


def test_compare_takes_ids_alone(served: Serving, store: Store) -> None:
    for path in ("/compare", "/over"):
        for words in ("/etc/passwd", "last", "", str(store.path)):
            assert served.client.get(path, params={"run": [store.ids[0], words]}).status_code == 404
        assert served.client.get(path, params={"run": store.ids[:1]}).status_code == 400
        assert served.client.get(path, params={"run": store.ids[:20]}).status_code == 400


def test_what_scripts_ask_for_is_refused_in_one_form(served: Serving) -> None:
    answer = served.client.get("/runs/00000000/live.json")
    assert answer.status_code == 404
    assert set(json.loads(answer.text)["error"]) == {"code", "message"}


def test_what_is_sent_has_limits(served: Serving) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    assert b" 431 " in served.talk(head + b"X: " + b"y" * limits.HEAD_BYTES).partition(b"\r\n")[0]
    assert b" 400 " in served.talk(b"\x16\x03\x01\x02\x00\r\n\r\n").partition(b"\r\n")[0]
    assert "more than 1000 letters" in served.client.get("/", params={"where": "x" * 1001}).text


def test_by_which_names_it_may_be_called() -> None:
    assert "192.0.2.1" not in Names("127.0.0.1")
    assert "127.0.0.2" in Names("127.0.0.2")
    beyond = Names("node7.example", beyond=True)
    assert "node7.example" in beyond
    assert "192.0.2.1" in beyond
    assert "evil.example" not in beyond
    assert "evil.example" not in Names(EVERYWHERE, beyond=True)


def test_an_unreadable_record_is_a_page_in_words(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = store.run()
    with serving_runs(store.runs) as served:
        (store.folder(run) / "record.json").write_bytes(b'{"schema":"vestige.record/1","id":"<script>"}')
        answer = served.client.get(f"/runs/{run}")
    assert answer.status_code == 422
    assert "is damaged or foreign" in answer.text
    assert "<script>" not in answer.text.partition("<main")[2].partition("</main>")[0]


def test_what_fails_in_the_middle_of_a_page_is_not_answered_twice() -> None:
    """A second head after the first would be an error of the server's, and hide what went wrong."""
    sent: list[str] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    async def page(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RecordError("a line is cut")

    key = Key(8000)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"",
             "headers": [(b"host", b"localhost"), (b"cookie", f"{key.name}={key.cookie}".encode())]}  # fmt: skip
    gate = Gate(page, names=Names("localhost"), key=key)
    with pytest.raises(RecordError, match="a line is cut"):
        asyncio.run(gate(scope, cast("Receive", None), send))
    assert sent == ["http.response.start"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_what_only_this_machine_reaches(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", [EVERYWHERE, "192.0.2.1", "::", "x", ""])
def test_what_others_reach(host: str) -> None:
    assert not is_loopback(host)
