"""Short questions on the wire, answered without the routes: against these, and in all ways they may be sent."""

import asyncio
import gc
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import parse_headers
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import kgdrug
from kgdrug_api import Protocol, create_app
from kgdrug_api.app import Service
from kgdrug_api.gate import MOST_BYTES

QUESTION = {"disease": "asthma", "top": 3}


class Ways:
    """A service that runs, and which way each short question took: at once, or in turn with others."""

    server: uvicorn.Server
    port: int

    def __init__(self, service: Service) -> None:
        self.service, self.direct = service, service.direct
        self.taken: list[str] = []
        assert service.direct is not None
        at_once, in_turn = service.direct.at_once, service.direct.in_turn

        def watched_at_once(body: bytes) -> bytes | None:
            self.taken.append("at once")
            return at_once(body)

        async def watched_in_turn(body: bytes) -> bytes:
            self.taken.append("in turn")
            return await in_turn(body)

        service.direct.at_once, service.direct.in_turn = watched_at_once, watched_in_turn

    def counted(self, status: int) -> float:
        """How many questions were answered so."""
        labels = {"route": "/v1/predict", "method": "POST", "status": str(status)}
        return self.direct.measures.registry.get_sample_value("kgdrug_requests_total", labels) or 0.0


@contextmanager
def running(
    model: kgdrug.TrainedModel,
    change: Callable[[Service], object] = lambda service: None,
    most_bytes: int = MOST_BYTES,
    **config: Any,
) -> Iterator[Ways]:
    service = create_app(model, most_bytes=most_bytes)
    watched = Ways(service)
    change(service)
    with socket.create_server(("127.0.0.1", 0)) as place:
        words = {"log_level": "warning", "access_log": False} | config
        server = watched.server = uvicorn.Server(uvicorn.Config(service, http=Protocol, **words))
        watched.port = place.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([place],))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield watched
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def running_server(trained_run: kgdrug.Run) -> Iterator[Ways]:
    with running(trained_run.model) as ways:
        yield ways


@pytest.fixture
def server(running_server: Ways) -> Ways:
    """The service, which no connection asked last."""
    running_server.taken.clear()
    running_server.direct._last = None
    return running_server


def request(question: object = QUESTION, path: str = "/v1/predict", version: str = "1.1", **headers: str) -> bytes:
    """The bytes of a request; headers: words of a name with _ between."""
    body = json.dumps(question).encode()
    said = {"host": "here", "content-type": "application/json", "content-length": str(len(body))}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"POST {path} HTTP/{version}", *(f"{name}: {value}" for name, value in said.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """A connection to a server."""

    def __init__(self, opened: socket.socket) -> None:
        self.opened, self.send, self.read = opened, opened.sendall, opened.makefile("rb")

    def reply(self) -> tuple[int, dict]:
        """Status and JSON of the next reply."""
        status = int(self.read.readline().split()[1])
        length = parse_headers(self.read)["content-length"]
        return status, json.loads(self.read.read(int(length)))

    def closed(self) -> bool:
        """Whether the server has nothing more to say; waits for that."""
        return self.read.read(1) == b""


@contextmanager
def connected(server: Ways) -> Iterator[Connection]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as opened:
        connection = Connection(opened)
        with connection.read:
            yield connection


def until(holds: Callable[[], object]) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError


def ids(answered: dict) -> list[str]:
    return [one["id"] for one in answered["answers"]]


@pytest.fixture(scope="module")
def expected(trained_run: kgdrug.Run) -> list[str]:
    return [one.id for one in kgdrug.predict(trained_run.model, **QUESTION)]


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize(
    "question",
    [
        {"disease": "asthma"},
        {"disease": "asthma", "top": 1500},
        {"compound": "Metformin", "top": 3, "novel": True},
        {"disease": "asthma", "top": 3, "evidence": 2},
        {"disease": "asthma", "filters": {"approved": True, "exclude": ["Metformin"]}},
        {"disease": "asthma", "filters": {"only": ["nobody"]}},
        {"disease": "astma"},
        {},
        [],
        {f"f{i}": i for i in range(100)},
    ],
    ids=str,
)
def test_the_shorter_way_answers_as_the_routes_do(
    server: Ways, trained_run: kgdrug.Run, question: object, encoding: str
) -> None:
    headers = {"accept-encoding": encoding}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers) as client:
        first, again = (client.post("/v1/predict", json=question) for _ in range(2))
    assert "at once" in server.taken
    routed = TestClient(create_app(trained_run.model)).post("/v1/predict", json=question, headers=headers)
    for short in (first, again):
        assert (short.status_code, short.json()) == (routed.status_code, routed.json())
        told = dict(short.headers)
        assert told.pop("date").endswith("GMT")
        assert told.pop("server") == "uvicorn"
        assert {**told, "content-length": ""} == {**routed.headers, "content-length": ""}


def test_a_question_may_come_in_pieces(server: Ways, expected: list[str]) -> None:
    sent = request()
    with connected(server) as connection:
        for start in range(0, len(sent), 40):
            connection.send(sent[start : start + 40])
            time.sleep(0.005)
        status, told = connection.reply()
    assert (status, ids(told), server.taken) == (200, expected, ["in turn"])


def test_questions_sent_before_the_answers_come_are_answered_in_their_order(server: Ways) -> None:
    names = ["asthma", "hypertension", "migraine", "asthma"]
    with connected(server) as connection:
        other = request(["Metformin"], path="/v1/score")
        connection.send(b"".join(request({"disease": name, "top": 1}) for name in names) + other)
        told = [connection.reply() for _ in range(5)]
    assert [one["question"].removeprefix("? treats ") for _, one in told[:4]] == names
    assert told[4][0] == 422


def test_of_what_a_client_sends_ahead_no_more_than_one_is_answered_before_others(server: Ways) -> None:
    with connected(server) as connection:
        connection.send(request())
        connection.reply()
        connection.send(request() * 4)
        assert {connection.reply()[0] for _ in range(4)} == {200}
    assert server.taken == ["in turn", "at once", "in turn"]  # the others wait behind it, for the routes


@pytest.mark.parametrize("pause", [0.0, 1.6])
def test_who_sends_on_while_being_answered_is_not_taken_to_be_idle(trained_run: kgdrug.Run, pause: float) -> None:
    slow = request({**QUESTION, "evidence": 1})
    with running(trained_run.model, timeout_keep_alive=1) as quick, connected(quick) as connection:
        answer = quick.direct.in_turn

        async def late(body: bytes) -> bytes:
            await asyncio.sleep(0 if pause else 1.6)
            return await answer(body)

        connection.send(request())
        connection.reply()
        quick.direct.in_turn = late
        connection.send(request() + slow[:-9])
        time.sleep(pause)
        connection.send(slow[-9:])
        assert [connection.reply()[0] for _ in range(2)] == [200, 200]
        assert connection.closed()  # idle now


def test_a_question_behind_a_longer_request_waits_for_it(server: Ways, expected: list[str]) -> None:
    with connected(server) as connection:
        connection.send(request({"pairs": [["Metformin", "asthma"]]}, path="/v1/score") + request())
        scored, asked = connection.reply(), connection.reply()
    assert scored[1]["scores"][0]["id"]
    assert ids(asked[1]) == expected


@pytest.mark.parametrize(
    ("words", "direct"),
    [
        ({}, True),
        ({"accept_encoding": "identity"}, True),
        ({"connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAEAAEAAAAIAAAAB"}, True),
        ({"content_type": "application/json; charset=utf-8"}, False),
        ({"content_type": "text/plain"}, False),
        ({"content_type": "application/x-www-form-urlencoded"}, False),
        ({"version": "1.0", "connection": "keep-alive"}, False),
        ({"path": "/v1/predict#here"}, False),
    ],
    ids=str,
)
def test_a_question_is_the_same_however_it_is_sent(
    server: Ways, expected: list[str], words: dict[str, str], direct: bool
) -> None:
    with connected(server) as connection:
        connection.send(request(**words))
        status, told = connection.reply()
    assert (status, ids(told)) == (200, expected)
    assert bool(server.taken) == direct


def test_who_asks_for_another_protocol_is_answered_by_every_route_in_this_one(server: Ways) -> None:
    words = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2_settings": "AAEAAEAAAAIAAAAB"}
    pairs = {"pairs": [["Metformin", "asthma"]]}
    with connected(server) as connection:
        for headers in (words, {}):
            connection.send(request(pairs, path="/v1/score", **headers))
            status, told = connection.reply()
            assert (status, len(told["scores"])) == (200, 1)


@pytest.mark.parametrize("name", ["Upgrade", "UPGRADE"])
def test_no_line_of_a_body_is_taken_for_a_header(server: Ways, name: str) -> None:
    """As many bytes as it grew by would be another request."""
    hidden = b"GET /v1/models HTTP/1.1\r\nhost: here\r\n\r\n"
    body = f"\r\n{name}:".encode() * len(hidden) + hidden
    head = request(content_length=str(len(body))).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    with connected(server) as connection:
        for pieces in ([head, body], [head + body], [head[:30], head[30:] + body[:20], body[20:]]):
            for piece in pieces:
                connection.send(piece)
                time.sleep(0.05)
            connection.send(request())
            assert [connection.reply()[0] for _ in range(2)] == [422, 200]


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_body_of_another_method_is_no_question(server: Ways, method: str) -> None:
    with connected(server) as connection:
        connection.send(request().replace(b"POST", method.encode()))
        assert connection.reply()[0] == 405
    assert server.taken == []


def test_of_a_header_that_comes_twice_the_first_counts(server: Ways) -> None:
    twice = request().replace(b"content-length", b"content-type: text/plain\r\ncontent-length")
    with connected(server) as connection:
        connection.send(twice)
        assert connection.reply()[0] == 200
    assert server.taken == ["in turn"]


def test_a_question_in_chunks_is_read_by_the_routes(server: Ways, expected: list[str]) -> None:
    body = json.dumps(QUESTION).encode()
    response = httpx.post(
        f"http://127.0.0.1:{server.port}/v1/predict",
        content=iter([body[:9], body[9:]]),
        headers={"content-type": "application/json"},
    )
    assert (ids(response.json()), server.taken) == (expected, [])


def test_who_waits_to_be_told_to_send_is_told(server: Ways, expected: list[str]) -> None:
    sent = request(expect="100-continue")
    head, body = sent.split(b"\r\n\r\n")
    with connected(server) as connection:
        connection.send(head + b"\r\n\r\n")
        assert connection.read.readline().startswith(b"HTTP/1.1 100 ")
        connection.read.readline()
        connection.send(body)
        assert ids(connection.reply()[1]) == expected
    assert server.taken == []


def test_unknown_parameters_are_refused_as_by_the_route(server: Ways) -> None:
    with connected(server) as connection:
        connection.send(request(path="/v1/predict?top=3"))
        assert connection.reply()[0] == 422
    assert server.taken == []


def test_a_body_that_is_too_large_is_refused(trained_run: kgdrug.Run) -> None:
    with running(trained_run.model, most_bytes=30) as small, connected(small) as connection:
        connection.send(request())
        assert connection.reply()[0] == 413
        assert small.taken == []


def test_a_connection_is_closed_after_the_answer_for_whoever_wants_that(server: Ways, expected: list[str]) -> None:
    with connected(server) as connection:
        connection.send(request(connection="close"))
        head, _, body = connection.read.read().partition(b"\r\n\r\n")
    assert b"connection: close" in head
    assert ids(json.loads(body)) == expected
    assert server.taken == ["in turn"]


def test_who_asks_again_before_anybody_else_does_is_answered_at_once(server: Ways) -> None:
    with connected(server) as one, connected(server) as other:
        for connection in (one, one, one, other, one, other, other):
            connection.send(request())
            assert connection.reply()[0] == 200
    assert server.taken == ["in turn", "at once", "at once", "in turn", "in turn", "in turn", "at once"]


def test_what_takes_long_is_answered_in_turn_even_of_who_is_alone(server: Ways) -> None:
    with connected(server) as connection:
        for question in (QUESTION, {**QUESTION, "evidence": 1}):
            connection.send(request(question))
            assert connection.reply()[0] == 200
    assert server.taken == ["in turn", "at once", "in turn"]


def test_who_goes_away_while_sending_is_counted(server: Ways) -> None:
    before = server.counted(400)
    with connected(server) as connection:
        connection.send(request()[:-3])
    until(lambda: server.counted(400) == before + 1)
    assert server.taken == []


@pytest.mark.parametrize("abrupt", [False, True])
def test_who_goes_away_before_the_answer_harms_nobody(
    server: Ways, expected: list[str], monkeypatch: pytest.MonkeyPatch, abrupt: bool
) -> None:
    go, answer = threading.Event(), server.direct.in_turn

    async def late(body: bytes) -> bytes:
        await asyncio.to_thread(go.wait, 20)
        return await answer(body)

    before = server.counted(200)
    monkeypatch.setattr(server.direct, "in_turn", late)
    with connected(server) as gone:
        gone.send(request())
        until(lambda: server.direct._last is not None)
        if abrupt:  # by a reset
            gone.opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: not server.server.server_state.connections)
    go.set()
    until(lambda: server.counted(200) == before + 1)
    with connected(server) as connection:
        connection.send(request())
        assert ids(connection.reply()[1]) == expected


def test_who_does_not_read_is_waited_for(server: Ways) -> None:
    with connected(server) as connection:
        connection.opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(request())
        connection.reply()  # so that it is answered at once
        sent, count = request({"disease": "asthma", "top": 900}), 60
        sender = threading.Thread(target=connection.send, args=(sent * count,))
        sender.start()
        time.sleep(0.5)
        told = [connection.reply() for _ in range(count)]
        sender.join()
    assert {(status, len(answers["answers"])) for status, answers in told} == {(200, len(told[0][1]["answers"]))}


def test_whoever_sends_what_is_no_http_behind_a_question_is_told_so(
    server: Ways, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(server) as connection:
        connection.send(request() + request() + b"garbage\r\n\r\n")
        assert b"Invalid HTTP request received" in connection.read.read()
    until(lambda: not server.server.server_state.tasks)
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_a_service_that_ends_answers_first(trained_run: kgdrug.Run, expected: list[str]) -> None:
    go = threading.Event()
    with running(trained_run.model) as ending, connected(ending) as asking, connected(ending) as idle:
        answer = ending.direct.in_turn

        async def late(body: bytes) -> bytes:
            await asyncio.to_thread(go.wait, 20)
            return await answer(body)

        ending.direct.in_turn = late
        asking.send(request())
        until(lambda: ending.direct._last is not None)
        ending.server.should_exit = True
        assert idle.closed()
        go.set()
        assert ids(asking.reply()[1]) == expected
        assert asking.closed()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (kgdrug.KgdrugError("the scores are not numbers"), "the scores are not numbers"),
        (ZeroDivisionError("secret"), "unexpected ZeroDivisionError; the log of the service says more"),
    ],
)
def test_an_error_inside_is_told_to_the_log(
    server: Ways, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, told: str
) -> None:
    def fall(*given: object, **words: object) -> None:
        raise error

    monkeypatch.setattr(kgdrug, "question", fall)
    with connected(server) as connection:
        for _ in range(2):
            connection.send(request())
            status, problem = connection.reply()
            assert (status, problem["detail"]) == (500, told)
    assert server.taken == ["in turn", "at once"]
    assert caplog.text.count(f"Error: {error}") == 2


def test_who_must_stand_around_all_requests_stands_around_questions_too(trained_run: kgdrug.Run) -> None:
    def checked(service: Service) -> None:
        @service.middleware("http")
        async def refuse(asked: Request, call: object) -> Response:
            return JSONResponse({}, 401)

    with running(trained_run.model, checked) as service, connected(service) as connection:
        connection.send(request())
        assert connection.reply()[0] == 401
    assert service.taken == []


def test_who_handles_errors_handles_those_of_questions_too(trained_run: kgdrug.Run) -> None:
    def handled(service: Service) -> None:
        service.add_exception_handler(kgdrug.UnknownNameError, lambda asked, error: JSONResponse({}, 418))

    with running(trained_run.model, handled) as service, connected(service) as connection:
        connection.send(request({"disease": "astma"}))
        assert connection.reply()[0] == 418


@pytest.mark.parametrize("config", [{"access_log": True}, {"limit_concurrency": 50}, {"root_path": "/drugs"}], ids=str)
def test_what_only_uvicorn_does_is_done_by_the_routes(trained_run: kgdrug.Run, config: dict[str, object]) -> None:
    with running(trained_run.model, **config) as service, connected(service) as connection:
        connection.send(request())
        assert connection.reply()[0] == 200
    assert service.taken == []


def test_a_question_that_is_ended_is_no_error_in_the_log(
    trained_run: kgdrug.Run, caplog: pytest.LogCaptureFixture
) -> None:
    with running(trained_run.model, timeout_graceful_shutdown=1) as ending, connected(ending) as connection:

        async def never(body: bytes) -> bytes:
            await asyncio.sleep(60)
            raise AssertionError

        ending.direct.in_turn = never
        connection.send(request())
        until(lambda: ending.direct._last is not None)
        ending.server.should_exit = True
        assert connection.reply()[0] == 500
    assert "a question failed" not in caplog.text
