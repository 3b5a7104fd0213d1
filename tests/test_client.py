"""A service asked from Python: what comes back is the library's own, whatever the network does."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

import kgdrug
from kgdrug.client import Entity, Health
from kgdrug.models.arrays import ArrayTable
from kgdrug_api import create_app
from kgdrug_api.schemas import MOST_QUESTIONS

ADDRESS = "http://kgdrug.test"
NAMES = ["asthma", "hypertension", "migraine", "type 2 diabetes mellitus", "epilepsy syndrome"]
METFORMIN = "CN(C)C(=N)NC(=N)N"


class InProcess(httpx.BaseTransport):
    """A service without a network, and the statuses and sizes of what it answered."""

    def __init__(self, app: Any) -> None:
        self.app = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.answered: list[tuple[int, int]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answer() -> tuple[httpx.Response, bytes]:
            response = await self.app.handle_async_request(request)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            return response, b"".join([part async for part in response.stream])

        response, body = asyncio.run(answer())
        self.answered.append((response.status_code, len(body)))
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(body))


class Troubled:
    """A service behind a network that fails as it is told to, request by request, and how many lines came in each.

    A trouble is what to answer instead, or after how many bytes of an answer the connection ends.
    """

    def __init__(self, app: Any) -> None:
        self.app, self.troubles, self.lines = app, list[tuple[int, dict[str, str]] | int | None](), list[int]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        trouble, sent, body = (self.troubles.pop(0) if self.troubles else None), 0, bytearray()

        async def receive_some() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            if not message.get("more_body") and body:
                self.lines.append(len(body.splitlines()))
                body.clear()
            return message

        async def send_some(message: Any) -> None:
            nonlocal sent
            part = message.get("body", b"")
            if isinstance(trouble, int) and sent + len(part) >= trouble:
                await send({**message, "body": part[: trouble - sent], "more_body": True})
                await asyncio.sleep(0.05)  # what was sent arrives
                raise ConnectionAbortedError
            sent += len(part)
            await send(message)

        if isinstance(trouble, tuple):
            status, headers = trouble
            encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": encoded})
            await send({"type": "http.response.body"})
        else:
            await self.app(scope, receive_some, send_some)


def serve(app: Any, port: int) -> tuple[uvicorn.Server, threading.Thread]:
    """A real server in a thread of this process, on its way up."""
    config = uvicorn.Config(app, port=port, log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    return server, thread


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def model(trained_run: kgdrug.Run) -> kgdrug.ServedModel:
    served = kgdrug.open_model(str(trained_run.folder)).served
    smiles = {served.graph.entities.find("Metformin"): METFORMIN}
    return replace(served, graph=replace(served.graph, smiles=smiles))


@pytest.fixture(scope="module")
def service(model: kgdrug.ServedModel, tmp_path_factory: pytest.TempPathFactory) -> Any:
    feedback = tmp_path_factory.mktemp("client") / "said.db"
    models = kgdrug.LoadedModels([kgdrug.LoadedModel("small", "", model)])
    service = create_app(models, admin_token="sesame", feedback=feedback)
    service.warm_up()
    return service


@pytest.fixture
def transport(service: Any) -> InProcess:
    return InProcess(service)


@pytest.fixture
def client(transport: InProcess) -> Iterator[kgdrug.Client]:
    with kgdrug.Client(ADDRESS, token="sesame", transport=transport) as client:
        yield client


@pytest.fixture(scope="module")
def network(service: Any) -> Iterator[tuple[str, Troubled]]:
    """The address of a real server, and the network before it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    troubled = Troubled(service)
    server, thread = serve(troubled, port)
    kgdrug.Client(f"http://127.0.0.1:{port}").wait_until_ready(30)
    yield f"http://127.0.0.1:{port}", troubled
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def troubled(network: tuple[str, Troubled]) -> Troubled:
    network[1].troubles.clear()
    network[1].lines.clear()
    return network[1]


@pytest.fixture
def online(network: tuple[str, Troubled], troubled: Troubled) -> Iterator[kgdrug.Client]:
    """A client of the real server."""
    with kgdrug.Client(network[0]) as client:
        yield client


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client would have waited, in seconds; it does not."""
    waited: list[float] = []
    monkeypatch.setattr("kgdrug.client.sleep", waited.append)
    return waited


def failing(*troubles: httpx.Response | type[Exception], then: Any = None) -> tuple[httpx.MockTransport, list[str]]:
    """A service that fails in these ways, one after the other, then answers; and the methods it was asked by."""
    ahead, asked = list(troubles), list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if not ahead:
            return httpx.Response(200, json={"answers": []} if then is None else then)
        trouble = ahead.pop(0)
        if isinstance(trouble, httpx.Response):
            return trouble
        raise trouble("as told")

    return httpx.MockTransport(answer), asked


def shown(answers: list[kgdrug.Answer] | kgdrug.ServiceError) -> list[tuple[Any, ...]]:
    """Answers without their scores, whose last digit depends on what was asked beside."""
    assert isinstance(answers, list), answers
    return [(answer.rank, answer.id, answer.known, answer.annotations, answer.terms) for answer in answers]


# what comes back

QUESTIONS: list[dict[str, Any]] = [
    {"tail": "type 2 diabetes mellitus", "relation": "CtD", "top": 10, "novel": True},
    {"head": "METFORMIN", "relation": "treats"},
    {"disease": "Disease::DOID:2841", "top": 3},
    {"compound": "salbutamol", "novel": True},
    {"tail": "ACE", "relation": "CbG", "top": 10_000},
    {"disease": "asthma", "filters": kgdrug.Filters(targets=("ADRB2",), exclude=("Salmeterol",))},
    {"disease": "asthma", "filters": kgdrug.Filters(approved=True)},
    {"compound": "Metformin", "top": 5, "evidence": 2},
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_are_the_librarys_own(
    client: kgdrug.Client, model: kgdrug.ServedModel, question: dict[str, Any]
) -> None:
    answers = client.predict(**question)
    assert answers == kgdrug.predict(model, **question)
    assert answers
    assert client.predict(**{**question, "top": 2}, offset=1) == answers[1:3]


def test_a_list_that_came_out_empty_is_no_wish_for_all(client: kgdrug.Client) -> None:
    for filters in ({"only": []}, kgdrug.Filters(only=())):
        (answered,) = client.predict_many([{"disease": "asthma", "filters": filters}])
        assert isinstance(answered, kgdrug.ServiceError)
        assert "filters.only is empty" in answered.detail
    (answered,) = client.predict_many([{"disease": "asthma", "filters": kgdrug.Filters()}])
    assert answered == client.predict(disease="asthma")


def test_many_questions_are_answered_as_the_library_answers_them(
    client: kgdrug.Client, model: kgdrug.ServedModel
) -> None:
    asked = [{"disease": name, "top": np.int64(5)} for name in NAMES]
    questions = [kgdrug.question(model.graph, disease=name) for name in NAMES]
    assert list(client.predict_many(asked)) == list(kgdrug.answer_all(model, questions, 5))
    alone = [client.predict(**question) for question in QUESTIONS]
    assert [shown(one) for one in client.predict_many(iter(QUESTIONS))] == [shown(one) for one in alone]
    assert list(client.predict_many([])) == []


def test_explanations_are_the_librarys_own(client: kgdrug.Client, model: kgdrug.ServedModel) -> None:
    pair: dict[str, Any] = {"compound": "Salbutamol", "disease": "asthma"}
    explained = client.explain(**pair)
    assert explained == kgdrug.explain(model, **pair)
    assert explained.evidence
    triple: dict[str, Any] = {
        "head": "Metformin",
        "relation": "CtD",
        "tail": "asthma",
        "metapaths": 2,
        "per_metapath": 1,
    }
    assert client.explain(**triple) == kgdrug.explain(model, **triple)
    unseen = client.explain(compound="Sucralfate", disease="asthma")
    assert unseen == kgdrug.explain(model, compound="Sucralfate", disease="asthma")
    assert "Sucralfate" in unseen.warnings[0]


def test_entities_are_found_and_told_as_in_the_library(client: kgdrug.Client, model: kgdrug.ServedModel) -> None:
    graph = model.graph
    assert client.search("metphormin")[0] == Entity("Compound::DB00331", "Metformin", "Compound")
    assert [e.id for e in client.search("a", type="Disease", limit=3, offset=1)] == [
        graph.entities.ids[i] for i in graph.entities.search("a", 4, [graph.entity_type("Disease").range])[1:]
    ]
    assert client.relations() == list(graph.metaedges)
    assert client.neighbours("asthma") == kgdrug.neighbours(model, "asthma")
    assert client.neighbours("asthma", "DaG", limit=1) == kgdrug.neighbours(model, "asthma", "DaG", 1)
    assert client.molecule_svg("Metformin", 200, highlight="C=N") == kgdrug.draw(
        model, "Metformin", 200, highlight="C=N"
    )


def test_an_entity_is_told_as_in_the_library(client: kgdrug.Client, model: kgdrug.ServedModel) -> None:
    assert client.entity("asthma") == kgdrug.about_entity(model, "asthma")


def test_likenesses_are_the_librarys_own(client: kgdrug.Client, model: kgdrug.ServedModel) -> None:
    likenesses = kgdrug.similar(model, "asthma", 3)
    assert client.similar("asthma", 3) == likenesses
    assert len(likenesses) == 3


def test_vectors_are_those_of_the_model_to_the_bit_however_many(
    client: kgdrug.Client, model: kgdrug.ServedModel, transport: InProcess
) -> None:
    names = list(model.graph.entities.ids) * 8
    vectors = client.vectors(names)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, np.tile(model.table, (8, 1)))
    assert len(transport.answered) == -(-len(names) // 100)
    np.testing.assert_array_equal(client.vectors("asthma"), model.table[[model.graph.entities.find("asthma")]])
    assert client.vectors([]).shape == (0, 0)


def test_whose_vectors_are_wanted_may_be_said(client: kgdrug.Client) -> None:
    np.testing.assert_array_equal(client.vectors(["asthma"], member=0), client.vectors(["asthma"]))
    with pytest.raises(kgdrug.ServiceError, match="there is no member 1 with vectors"):
        client.vectors(["asthma"], member=1)


def test_models_come_and_go(client: kgdrug.Client, model: kgdrug.ServedModel, trained_run: kgdrug.Run) -> None:
    health = Health("ok", "small", model.digest)
    assert client.health() == client.wait_until_ready() == health
    loaded = client.load(str(trained_run.folder), "second")
    assert (loaded.name, loaded.score, loaded.dimension) == ("second", "complex", 16)
    assert client.models()[1] == loaded
    assert client.models()[0].test == model.metrics["both"]
    assert client.models()[0].member_scores == (client.models()[0].score,)
    about = kgdrug.about_model(model)
    assert (client.models()[0].licences, client.models()[0].note) == (about["licences"], about["note"])
    assert client.unload("second") == loaded
    assert client.unload(client.load(str(trained_run.folder), "of/two words?").name).name == "of/two words?"
    assert [one.name for one in client.models()] == ["small"]


def test_a_judgement_comes_back_as_it_is_kept(client: kgdrug.Client, model: kgdrug.ServedModel) -> None:
    judgement = client.judge("metformin", "asthma", "implausible", comment="no sense", by="A. B.", rank=3)
    assert judgement == kgdrug.Judgement(
        "Compound::DB00331", "Disease::DOID:2841", "implausible", "no sense", "A. B.", model.digest, 3, judgement.at
    )
    assert client.judgements() == [judgement]
    assert client.judgements(offset=1) == []


def test_all_judgements_come_however_many_a_page_holds(
    model: kgdrug.ServedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgdrug.client.MOST_QUESTIONS", 400)
    said = kgdrug.Feedback(tmp_path / "said.db")
    for number in range(1203):
        said.add(kgdrug.Judgement(f"Compound::{number}", "Disease::1", "trial"))
    client = kgdrug.Client(ADDRESS, transport=InProcess(create_app(model, feedback=tmp_path / "said.db")))
    kept = said.all()
    assert client.judgements() == kept
    assert client.judgements(900, 2) == kept[2:902]
    assert client.judgements(2, 1202) == kept[1202:]
    assert client.judgements(0) == []


def test_a_model_is_named_once_for_all_calls_or_call_by_call(service: Any) -> None:
    client = kgdrug.Client(ADDRESS, model="small", transport=InProcess(service))
    assert client.predict(disease="asthma") == client.predict(disease="asthma", model="small")
    calls: list[Callable[[], object]] = [
        lambda: client.predict(disease="asthma", model="third"),
        lambda: client.search("asthma", model="third"),
        lambda: client.judge("Metformin", "asthma", "trial", model="third"),
    ]
    for call in calls:
        with pytest.raises(kgdrug.ServiceError, match="unknown model 'third'; choose from small"):
            call()
    asked = [{"disease": "asthma"}, {"disease": "asthma", "model": "small"}]
    refused, answered = client.predict_many(asked, model="third")
    assert isinstance(refused, kgdrug.ServiceError)
    assert isinstance(answered, list)


@pytest.mark.parametrize("name", ["a/b", "what?", "50%", "C#", "naïve", "a+b c", "\ud800", "x" * 501, ".."])
def test_a_name_arrives_as_it_was_given(client: kgdrug.Client, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: client.entity(name),
        lambda: client.vectors([name]),
        lambda: client.predict(disease=name),
    ]
    for call in calls:
        with pytest.raises(kgdrug.ServiceError) as refused:
            call()
        assert refused.value.status in (404, 422)
        if name.isprintable() and len(name) < 500 and name != "..":
            assert repr(name) in refused.value.detail


# what is refused


def test_an_unknown_name_is_refused_in_the_librarys_words(client: kgdrug.Client, model: kgdrug.ServedModel) -> None:
    with pytest.raises(kgdrug.UnknownNameError) as own:
        kgdrug.predict(model, disease="astma")
    with pytest.raises(kgdrug.ServiceError) as refused:
        client.predict(disease="astma")
    assert str(refused.value) == str(own.value)
    assert (refused.value.status, refused.value.title) == (404, "Unknown disease")
    assert refused.value.close_matches == own.value.close


def test_a_question_that_cannot_be_asked_has_its_problem_in_its_place(client: kgdrug.Client) -> None:
    fine: dict[str, Any] = {"disease": "asthma"}
    asked = [fine, {"disease": "astma"}, fine | {"topp": 1}, {"disease": "\ud800"}, fine]
    first, unknown, misspelt, half, last = client.predict_many(asked)
    assert first == last
    assert isinstance(unknown, kgdrug.ServiceError)
    assert (unknown.status, unknown.close_matches[0]) == (404, "asthma (Disease::DOID:2841)")
    assert isinstance(misspelt, kgdrug.ServiceError)
    assert "did you mean top?" in str(misspelt)
    assert isinstance(half, kgdrug.ServiceError)


@pytest.mark.parametrize("wrong", [3, "asthma", None, ["disease", "asthma"]])
def test_what_is_no_question_is_named_with_its_place(client: kgdrug.Client, wrong: Any) -> None:
    message = re.escape(f"questions[2] is {wrong!r}; give the words of predict, as ") + r"\{\"disease\": \"asthma\"\}"
    with pytest.raises(kgdrug.UsageError, match=message):
        list(client.predict_many([{"disease": "asthma"}, {"disease": "pain"}, wrong]))


def test_answers_are_packed_but_on_the_own_machine() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200, json={"answers": []})

    for url in (ADDRESS, "http://localhost:8000"):
        kgdrug.Client(url, transport=httpx.MockTransport(answer)).predict(disease="asthma")
    assert "gzip" in asked[0]
    assert asked[1] == "identity"


def test_what_is_no_json_is_named_before_anything_is_sent(client: kgdrug.Client, transport: InProcess) -> None:
    with pytest.raises(kgdrug.UsageError, match="Ellipsis is nothing that can be sent"):
        client.predict(disease="asthma", top=...)  # type: ignore[arg-type]
    assert transport.answered == []


@pytest.mark.parametrize("token", [None, "wrong"])
def test_only_the_administrator_loads_and_unloads(service: Any, token: str | None) -> None:
    client = kgdrug.Client(ADDRESS, token=token, transport=InProcess(service))
    calls: list[Callable[[], object]] = [lambda: client.load("/nowhere"), lambda: client.unload("small")]
    for call in calls:
        with pytest.raises(kgdrug.ServiceError) as refused:
            call()
        assert refused.value.status == 403


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost", "ftp://there", "http://", "http://x:port", ""])
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    with pytest.raises(kgdrug.UsageError, match="no address"):
        kgdrug.Client(url)


def test_a_token_with_a_line_end_is_said_at_once_and_not_shown() -> None:
    with pytest.raises(kgdrug.UsageError, match="line end") as refused:
        kgdrug.Client(token="sesame\n")
    assert "sesame" not in str(refused.value)
    assert "sesame" not in repr(kgdrug.Client(token="sesame"))


def test_where_nothing_listens_the_address_is_named(free_port: int, pauses: list[float]) -> None:
    with kgdrug.Client(f"http://127.0.0.1:{free_port}") as client:
        with pytest.raises(kgdrug.KgdrugError, match=rf"no service answers at http://127\.0\.0\.1:{free_port} \("):
            client.health()
        with pytest.raises(kgdrug.KgdrugError, match="no service answers at"):
            list(client.predict_many([{"disease": "asthma"}]))
    assert len(pauses) == 6


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx.Response(200, text="<html>welcome</html>"), "answered what kgdrug"),
        (httpx.Response(200, json={"status": "ok"}), "answered what kgdrug"),
        (httpx.Response(200, json=["ok"]), "answered what kgdrug"),
        (httpx.Response(404, json={"detail": "Not Found"}), "answered 404 Not Found: is a kgdrug service at"),
        (httpx.Response(302, headers={"location": "https://x.test/login"}), "302 Found and points to https://x.test"),
    ],
)
def test_what_is_not_kgdrug_is_said_not_to_be(response: httpx.Response, message: str) -> None:
    transport, _ = failing(response)
    with pytest.raises(kgdrug.KgdrugError, match=message) as refused:
        kgdrug.Client(ADDRESS, transport=transport).health()
    assert ADDRESS in str(refused.value)


def test_a_route_that_a_service_has_not_is_named(transport: InProcess) -> None:
    for url in (f"{ADDRESS}/docs", f"{ADDRESS}/docs/"):
        with pytest.raises(kgdrug.ServiceError, match=f"{ADDRESS}/docs/health answered 404 Not Found: is a kgdrug"):
            kgdrug.Client(url, transport=transport).health()


def test_a_service_may_have_a_path_before_its_own(service: Any) -> None:
    proxy = Starlette(routes=[Mount("/drugs", service)])
    client = kgdrug.Client(f"{ADDRESS}/drugs", transport=InProcess(proxy))
    assert client.search("Disease::DOID:2841")[0].name == "asthma"
    assert client.predict(disease="asthma")


def test_a_problem_of_another_service_may_leave_parts_out() -> None:
    problem = httpx.Response(400, json={"title": "Bad"}, headers={"content-type": "application/problem+json"})
    with pytest.raises(kgdrug.ServiceError, match="Bad"):
        kgdrug.Client(ADDRESS, transport=failing(problem)[0]).health()


# what is tried again

PASSING = [httpx.Response(status) for status in (429, 502, 503, 504)]
BROKEN = [httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError]
UNSENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]
LASTING = [httpx.ReadTimeout, *(httpx.Response(status) for status in (400, 404, 422, 500))]


@pytest.mark.parametrize("trouble", [*PASSING, *BROKEN, *UNSENT])
def test_what_passes_is_tried_again(trouble: Any, pauses: list[float]) -> None:
    transport, asked = failing(trouble, trouble, trouble)
    assert kgdrug.Client(ADDRESS, transport=transport).predict(disease="asthma") == []
    assert asked == ["POST"] * 4
    transport, asked = failing(trouble, trouble, trouble)
    with pytest.raises(kgdrug.KgdrugError):
        kgdrug.Client(ADDRESS, retries=2, transport=transport).predict(disease="asthma")
    assert asked == ["POST"] * 3
    assert len(pauses) == 5


@pytest.mark.parametrize("trouble", LASTING)
def test_what_lasts_is_not_tried_again(trouble: Any, pauses: list[float]) -> None:
    transport, asked = failing(trouble)
    with pytest.raises(kgdrug.KgdrugError):
        kgdrug.Client(ADDRESS, transport=transport).predict(disease="asthma")
    assert (len(asked), pauses) == (1, [])


@pytest.mark.parametrize("trouble", [*PASSING, *BROKEN])
def test_what_changes_something_is_sent_once_unless_it_never_left(trouble: Any, pauses: list[float]) -> None:
    calls: list[Callable[[kgdrug.Client], object]] = [
        lambda client: client.judge("Metformin", "asthma", "trial"),
        lambda client: client.load("models/mine"),
        lambda client: client.unload("mine"),
    ]
    for call in calls:
        transport, asked = failing(httpx.ConnectError, trouble)
        with pytest.raises(kgdrug.KgdrugError):
            call(kgdrug.Client(ADDRESS, transport=transport))
        assert len(asked) == 2
    assert len(pauses) == 3


def test_pauses_grow_and_no_two_clients_keep_step(pauses: list[float]) -> None:
    for _ in range(20):
        transport, _ = failing(*[httpx.ConnectError] * 8)
        kgdrug.Client(ADDRESS, retries=8, transport=transport).predict(disease="asthma")
    waited = np.array(pauses).reshape(20, 8)
    longest = np.minimum(8, 0.25 * 2.0 ** np.arange(8))
    assert (waited <= longest).all()
    assert (waited >= longest / 2).all()
    assert (waited.std(0) > 0).all()


def test_a_service_says_how_long_to_wait(pauses: list[float]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    troubles = [httpx.Response(503, headers={"retry-after": text}) for text in ("7", later, "soon")]
    kgdrug.Client(ADDRESS, transport=failing(*troubles)[0]).predict(disease="asthma")
    assert pauses[0] == 7
    assert 25 < pauses[1] <= 30
    assert pauses[2] <= 1


def test_who_is_told_to_wait_too_long_is_told_so(pauses: list[float]) -> None:
    transport, asked = failing(httpx.Response(503, headers={"retry-after": "3600"}))
    with pytest.raises(kgdrug.ServiceError, match="503"):
        kgdrug.Client(ADDRESS, transport=transport).predict(disease="asthma")
    assert (len(asked), pauses) == (1, [])


def test_a_service_that_takes_too_long_is_not_asked_twice(free_port: int) -> None:
    with (
        socket.create_server(("127.0.0.1", free_port)),
        kgdrug.Client(f"http://127.0.0.1:{free_port}", timeout=0.2) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(kgdrug.KgdrugError, match=r"no answer within 0\.2 s"):
            client.health()
    assert time.monotonic() - begun < 2


def test_a_real_server_that_is_busy_is_asked_again(
    online: kgdrug.Client, troubled: Troubled, model: kgdrug.ServedModel, pauses: list[float]
) -> None:
    troubled.troubles += [(503, {"retry-after": "2"}), (429, {}), 40]
    assert online.predict(disease="asthma") == kgdrug.predict(model, disease="asthma")
    assert pauses[0] == 2
    assert len(pauses) == 3


def test_a_service_that_is_being_started_is_waited_for(service: Any, free_port: int) -> None:
    with kgdrug.Client(f"http://127.0.0.1:{free_port}") as client:
        with pytest.raises(kgdrug.KgdrugError, match=r"not ready after 0\.3 s: no service answers"):
            client.wait_until_ready(0.3)
        started: list[tuple[uvicorn.Server, threading.Thread]] = []
        timer = threading.Timer(0.5, lambda: started.append(serve(service, free_port)))
        timer.start()
        assert client.wait_until_ready(30).status == "ok"
    timer.join()
    ((server, thread),) = started
    server.should_exit = True
    thread.join(10)


# what was looked up before


def test_an_answer_that_was_kept_comes_without_its_body(client: kgdrug.Client, transport: InProcess) -> None:
    first = client.search("asthma")
    assert client.search("asthma") == first
    assert client.search("asthm") == first
    assert [(status, size == 0) for status, size in transport.answered] == [(200, False), (304, True), (200, False)]


def test_what_was_kept_is_not_changed_by_its_readers(client: kgdrug.Client) -> None:
    first = client.entity("asthma")
    first["name"] = "changed"
    assert client.entity("asthma")["name"] == "asthma"


def test_a_model_that_changed_is_asked_anew(transport: InProcess, model: kgdrug.ServedModel) -> None:
    client = kgdrug.Client(ADDRESS, transport=transport)
    before = client.vectors(["asthma"])
    (member,) = model.members
    assert isinstance(member, ArrayTable)
    retrained = replace(model, members=[replace(member, entity=member.entity + 1)], digest="other")
    transport.app = httpx.ASGITransport(create_app(retrained))
    np.testing.assert_array_equal(client.vectors(["asthma"]), before + 1)


def test_few_answers_are_kept_the_latest_ones(transport: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgdrug.client.KEPT", 2)
    client = kgdrug.Client(ADDRESS, transport=transport)
    for name in ("asthma", "migraine", "asthma", "hypertension", "asthma", "migraine"):
        client.search(name)
    assert [status for status, _ in transport.answered] == [200, 200, 304, 200, 304, 200]


def test_large_answers_are_not_kept(transport: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgdrug.client.KEPT_BYTES", 10)
    client = kgdrug.Client(ADDRESS, transport=transport)
    assert client.search("asthma") == client.search("asthma")
    assert [status for status, _ in transport.answered] == [200, 200]


def test_threads_may_share_a_client(
    online: kgdrug.Client, model: kgdrug.ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgdrug.client.KEPT", 2)  # they take each other's away
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda name: online.search(name)[0].name, NAMES * 20))
    assert found == NAMES * 20


# many questions


def test_as_many_questions_go_at_once_as_the_service_takes() -> None:
    assert kgdrug.client.MOST_QUESTIONS == MOST_QUESTIONS


def test_no_more_questions_are_read_than_one_request_holds(
    online: kgdrug.Client, troubled: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgdrug.client.MOST_QUESTIONS", 40)
    read = 0

    def questions() -> Iterator[dict[str, Any]]:
        nonlocal read
        for read in range(1, 101):
            yield {"disease": NAMES[read % 5], "top": 1}

    for answered, _ in enumerate(online.predict_many(questions())):
        assert read - answered <= 41
    assert read == 100
    assert troubled.lines == [40, 40, 20]


@pytest.mark.parametrize(("packed", "size"), [("gzip", 2000), ("identity", 8000)])
def test_a_stream_that_breaks_goes_on_with_the_next_question(
    network: tuple[str, Troubled], troubled: Troubled, pauses: list[float], packed: str, size: int
) -> None:
    asked: list[dict[str, Any]] = [{"disease": name, "top": 1 + number % 20} for number, name in enumerate(NAMES * 20)]
    with kgdrug.Client(network[0]) as client:
        client._http.headers["accept-encoding"] = packed
        whole = list(client.predict_many(asked))
        troubled.troubles += [(503, {}), size, size, 0, size, size]
        answers = list(client.predict_many(asked))
        alone = [client.predict(**question) for question in asked[:10]]
    assert [shown(one) for one in answers] == [shown(one) for one in whole]
    assert [shown(one) for one in answers[:10]] == [shown(one) for one in alone]
    _, first, second, third, fourth, fifth, last, *_ = troubled.lines
    assert 100 == first > second > third == fourth > fifth > last > 0
    assert len(pauses) == 6


def test_a_stream_that_breaks_again_and_again_is_given_up_after_what_came(
    network: tuple[str, Troubled], troubled: Troubled, pauses: list[float]
) -> None:
    with kgdrug.Client(network[0]) as client:
        client._http.headers["accept-encoding"] = "identity"
        troubled.troubles += [2000] + [0] * 10
        answers: list[object] = []
        with pytest.raises(kgdrug.KgdrugError, match="break off again and again"):
            answers.extend(client.predict_many([{"disease": name, "top": 2} for name in NAMES * 5]))
    assert 0 < len(answers) < 25
    assert len(troubled.lines) == 5


def test_a_stream_that_stalls_before_its_first_answer_is_not_asked_for_again(pauses: list[float]) -> None:
    class Stalling(httpx.SyncByteStream):
        def __init__(self, body: bytes) -> None:
            self.body = body

        def __iter__(self) -> Iterator[bytes]:
            yield self.body
            raise httpx.ReadTimeout("as told")

    answer = b'{"answers":[]}\n'
    transport, asked = failing(httpx.Response(200, stream=Stalling(answer)), httpx.Response(200, stream=Stalling(b"")))
    answers = kgdrug.Client(ADDRESS, transport=transport).predict_many([{"disease": "asthma"}] * 3)
    assert next(answers) == []
    with pytest.raises(kgdrug.KgdrugError, match="no answer within 30 s"):
        next(answers)
    assert (len(asked), len(pauses)) == (2, 1)


def test_who_wants_no_more_answers_stops(online: kgdrug.Client, troubled: Troubled) -> None:
    answers = online.predict_many({"disease": "asthma"} for _ in range(20_000))
    assert len([next(answers) for _ in range(3)]) == 3
    answers.close()  # type: ignore[attr-defined]
    assert online.predict(disease="asthma")


def test_a_service_that_takes_less_is_asked_in_smaller_parts(model: kgdrug.ServedModel) -> None:
    transport = InProcess(create_app(model, most_bytes=500))
    large = {"disease": "asthma", "filters": kgdrug.Filters(exclude=tuple(["Metformin"] * 100))}
    asked = [{"disease": name, "top": 3} for name in NAMES * 8]
    asked.insert(7, large)
    answers = list(kgdrug.Client(ADDRESS, transport=transport).predict_many(asked))
    refused = answers.pop(7)
    assert isinstance(refused, kgdrug.ServiceError)
    assert refused.status == 413
    expected = [shown(kgdrug.predict(model, disease=name, top=3)) for name in NAMES]
    assert [shown(one) for one in answers] == expected * 8


def test_requests_stay_smaller_than_a_service_takes(
    client: kgdrug.Client, transport: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgdrug.client.MOST_BYTES", 200)
    assert len(list(client.predict_many([{"disease": "asthma", "top": 1}] * 10))) == 10
    assert len(transport.answered) == 2


def test_a_line_ends_where_json_says_so() -> None:
    answers = [asdict(kgdrug.Answer(1, "x", name, "Gene", 1.0, 2.0, 3.0)) for name in ("a\u2028b", "c\x85d", "e")]
    body = "".join(json.dumps({"answers": [answer]}, ensure_ascii=False) + "\n" for answer in answers)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    found = list(kgdrug.Client(ADDRESS, transport=transport).predict_many([{"head": "x"}] * 3))
    assert [one[0].name for one in found if isinstance(one, list)] == ["a\u2028b", "c\x85d", "e"]


def test_the_client_loads_neither_torch_nor_pandas() -> None:
    code = "import sys, kgdrug.client; print(*{'torch', 'pandas', 'mlflow', 'rdkit', 'fastapi'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_what_the_documentation_tells_to_type_works(
    network: tuple[str, Troubled], troubled: Troubled, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "service.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    client = kgdrug.Client
    monkeypatch.setattr(kgdrug, "Client", lambda: client(network[0]))
    exec(script, {})
    assert "Salbutamol" in capsys.readouterr().out


def test_scores_are_the_librarys_own(client: kgdrug.Client, model: kgdrug.TrainedModel) -> None:
    pairs = [("Metformin", "asthma"), ("Salbutamol", "asthma")]
    assert client.score(pairs) == kgdrug.score(model, pairs)
    triples = [("Enalapril", "CbG", "ACE")]
    assert client.score(triples) == kgdrug.score(model, triples)
    assert client.score([]) == []


def test_scores_of_pairs_among_triples_come_in_the_order_of_their_rows(
    client: kgdrug.Client, model: kgdrug.ServedModel, transport: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("Metformin", "asthma"), ("Enalapril", "CbG", "ACE"), ("Salbutamol", "asthma"), ("asthma", "DaG", "ADRB2")]
    assert client.score(rows) == kgdrug.score(model, rows)
    assert len(transport.answered) == 2
    monkeypatch.setattr("kgdrug.client.MOST_QUESTIONS", 1)
    assert client.score(iter(rows)) == kgdrug.score(model, rows)
    assert len(transport.answered) == 2 + 4
    with pytest.raises(kgdrug.UsageError, match=r"rows\[1\] is \('Metformin',\); give a pair"):
        client.score([("Metformin", "asthma"), ("Metformin",)])
    assert len(transport.answered) == 2 + 4


def test_rows_are_scored_in_requests_that_stay_smaller_than_a_service_takes(
    model: kgdrug.ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgdrug.client.MOST_BYTES", 400)
    transport = InProcess(create_app(model, most_bytes=500))
    rows = [("Metformin", "asthma")] * 40
    assert kgdrug.Client(ADDRESS, transport=transport).score(rows) == kgdrug.score(model, rows)
    assert 40 / 20 < len(transport.answered) < 10
