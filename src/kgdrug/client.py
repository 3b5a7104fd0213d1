"""A service asked from Python: the words and the types of the library, over HTTP.

An answer is what the same function of `kgdrug` gives where the model is at hand. Requests that may be repeated are
tried again where that helps, and what was looked up before is asked for by its entity tag.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from email.utils import parsedate_to_datetime
from random import uniform
from threading import Lock
from time import monotonic, sleep, time
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
import numpy as np
import orjson

from kgdrug import __version__
from kgdrug.errors import KgdrugError, ServiceError, UsageError
from kgdrug.graph import Metaedge
from kgdrug.models.arrays import Floats
from kgdrug.ranking.described import Answer
from kgdrug.ranking.filters import NO_FILTERS, Filters
from kgdrug.ranking.scoring import pair_or_triple
from kgdrug.records import from_record, to_json, whole_lines

if TYPE_CHECKING:
    from kgdrug.ranking import Explanation, Neighbour, Similar
    from kgdrug.serving import Judgement

MOST_QUESTIONS, MOST_BYTES = 10_000, 4_000_000  # of one request; half of what a service takes
KINDS = {2: "pairs", 3: "triples"}  # of rows that are scored, by their length
MOST_NAMES = 100  # in one address: proxies seldom take more than 8 kB of it
KEPT, KEPT_BYTES = 64, 500_000  # answers that are remembered, and how large each may be
BUSY = (429, 502, 503, 504)  # statuses that pass
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_WAIT = 0.25, 8.0, 60.0  # seconds; the last, that a service may ask to wait
HERE = ("127.0.0.1", "::1", "localhost")  # where packing answers costs the service a third more, and saves nothing
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entity:
    """What a search finds."""

    id: str
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a service has loaded. score: of its members, or `ensemble` where these have several; candidates:
    what its test ranks are among, `typed` or `all` entities; test: metrics on its test triples; dimension: numbers per
    entity, None of a model that has no vectors; version: as `NAME/VERSION`, where it was loaded from the registry;
    member_scores: the score of each member; licences: of what it learned from, each with the metaedges under it;
    licences_besides: of metaedges that training left out; probability_means: what a probability is of, None without
    calibration; note: what all answers are for, and not.
    """

    name: str
    source: str
    digest: str
    score: str
    members: int
    calibrated: bool
    dimension: int | None
    graph: str
    graph_digest: str
    entities: int
    triples: int
    candidates: str
    test: dict[str, float | None]
    version: str | None = None
    member_scores: tuple[str, ...] = ()
    licences: dict[str, list[str]] = field(default_factory=dict)
    licences_besides: dict[str, list[str]] = field(default_factory=dict)
    probability_means: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """That a service answers, and the model that does where none is named, see `ModelInfo`; empty where none does."""

    status: str
    model: str
    model_digest: str
    model_version: str | None = None


class Client:
    """A kgdrug service. Threads may share one.

    url: where it is, with the path of a proxy where there is one; token: sent as `Authorization: Bearer`; model: name,
    version, source or digest of the model that is asked where a call names none; timeout: seconds without a sign of the
    service, None for ever; retries: how often a request is repeated; transport: an httpx transport, say for tests.

    Raises ServiceError where the service refuses, KgdrugError where nothing answers, or something that is not kgdrug.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        model: str | None = None,
        timeout: float | None = 30.0,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url, self.model, self.timeout, self.retries = url.rstrip("/"), model, timeout, max(0, retries)
        headers = {"user-agent": f"kgdrug/{__version__}"}
        if token is not None:
            if not (token.isascii() and token.isprintable()):
                raise UsageError("the token holds a line end, or another sign that cannot be sent")
            headers["authorization"] = f"Bearer {token}"
        try:
            known = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise UsageError(f"{url} is no address: {error}") from None
        if known.scheme not in ("http", "https") or not known.host:
            raise UsageError(f"{url} is no address of a service; give one such as http://127.0.0.1:8000")
        if known.host in HERE:
            headers["accept-encoding"] = "identity"
        waits = httpx.Timeout(timeout, connect=5.0 if timeout is None else min(5.0, timeout))
        self._http = httpx.Client(base_url=known, headers=headers, timeout=waits, transport=transport)
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._lock = Lock()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    # questions

    def predict(
        self,
        *,
        head: str | None = None,
        tail: str | None = None,
        relation: str | None = None,
        disease: str | None = None,
        compound: str | None = None,
        top: int = 20,
        offset: int = 0,
        novel: bool = False,
        filters: Filters = NO_FILTERS,
        evidence: int = 0,
        model: str | None = None,
    ) -> list[Answer]:
        """Ranked answers to one question; see `kgdrug.predict`. offset: how many to leave out at the beginning."""
        given = {"head": head, "tail": tail, "relation": relation, "disease": disease, "compound": compound}
        wanted = {"top": top, "offset": offset, "novel": novel, "filters": filters, "model": model or self.model}
        wanted |= {"evidence": evidence} if evidence else {}  # an older service does not know of it
        return self._read(list[Answer], self._post("/v1/predict", _sent({**given, **wanted})), "answers")

    def predict_many(
        self, questions: Iterable[Mapping[str, Any]], *, model: str | None = None
    ) -> Iterator[list[Answer] | ServiceError]:
        """The answers to each question, in their order, as they come; the problem of one that cannot be asked is in its
        place.

        questions: the words of `predict`, such as `{"disease": "asthma", "top": 5}`. They are sent 10,000 at a time,
        and no more are kept. A stream that breaks off goes on with the first question that has no answer yet.
        """
        own = {"model": model or self.model}
        for parcel in _parcels((to_json(own | _words(*given)) for given in enumerate(questions)), len):
            yield from self._answers(parcel)

    def explain(
        self,
        *,
        compound: str | None = None,
        disease: str | None = None,
        head: str | None = None,
        tail: str | None = None,
        relation: str | None = None,
        metapaths: int = 12,
        per_metapath: int = 3,
        model: str | None = None,
    ) -> "Explanation":
        """Why a candidate ranks where it does; see `kgdrug.explain`."""
        from kgdrug.ranking import Explanation

        pair = {"compound": compound, "disease": disease, "head": head, "tail": tail, "relation": relation}
        return self._get(Explanation, "/v1/explain", model, **pair, metapaths=metapaths, paths=per_metapath)

    def score(self, rows: Iterable[Sequence[str]], *, model: str | None = None) -> list[Answer]:
        """What is said of each pair `(compound, disease)` or triple `(head, relation, tail)`; see `kgdrug.score`.

        Pairs and triples may stand in any order. They are sent 10,000 at a time.
        """
        given = [pair_or_triple(place, row) for place, row in enumerate(rows)]
        found: dict[int, Answer] = {}
        for length, kind in KINDS.items():
            places = (place for place, row in enumerate(given) if len(row) == length)
            for parcel in _parcels(places, lambda place: len(to_json({"row": given[place]}))):
                body = {kind: [given[place] for place in parcel], "model": model or self.model}
                answers = self._read(list[Answer], self._post("/v1/score", body), "scores")
                found |= zip(parcel, answers, strict=True)
        return [found[place] for place in range(len(given))]

    # what is in a graph and a model

    def relations(self, *, model: str | None = None) -> list[Metaedge]:
        """The metaedges that can be asked over."""
        return self._get(list[Metaedge], "/v1/relations", model)

    def search(
        self, text: str, *, type: str | None = None, limit: int = 10, offset: int = 0, model: str | None = None
    ) -> list[Entity]:
        """Entities whose id or name is, starts with, or resembles the text, best first. type: of these alone."""
        return self._get(list[Entity], "/v1/entities", model, search=text, type=type, limit=limit, offset=offset)

    def entity(self, name: str, *, model: str | None = None) -> dict[str, Any]:
        """What is known of an entity, by id or name; see `kgdrug.about_entity`."""
        return self._get(dict[str, Any], f"/v1/entities/{_part(name)}", model)

    def neighbours(
        self, name: str, relation: str | None = None, limit: int = 100, offset: int = 0, *, model: str | None = None
    ) -> "list[Neighbour]":
        """The facts of an entity, in either direction; see `kgdrug.neighbours`."""
        from kgdrug.ranking import Neighbour

        path = f"/v1/entities/{_part(name)}/neighbours"
        return self._get(list[Neighbour], path, model, relation=relation, limit=limit, offset=offset)

    def similar(self, name: str, top: int = 20, by: str | None = None, *, model: str | None = None) -> "list[Similar]":
        """Entities of its type that are like it; see `kgdrug.similar`."""
        from kgdrug.ranking import Similar

        return self._get(list[Similar], "/v1/similar", model, entity=name, top=top, by=by)

    def vectors(self, names: Sequence[str], *, member: int | None = None, model: str | None = None) -> Floats:
        """What a table model has learnt about entities, by id or name; `(k, d)` float32.

        member: whose, from 0; where several have vectors it must be said.
        """
        names = [names] if isinstance(names, str) else list(names)
        rows: list[list[float]] = []
        for start in range(0, len(names), MOST_NAMES):
            part = names[start : start + MOST_NAMES]
            some = self._get(list[_Vector], "/v1/vectors", model, entity=part, member=member)
            rows += [one.vector for one in some]
        return np.array(rows, np.float32).reshape(len(rows), -1 if rows else 0)

    def molecule_svg(
        self, name: str, width: int = 300, height: int = 200, highlight: str | None = None, *, model: str | None = None
    ) -> str:
        """The structure of an entity as SVG; the atoms of a SMARTS pattern are marked. See `kgdrug.draw`."""
        path = f"/v1/molecules/{_part(name)}.svg"
        model = model or self.model
        return self._look(path, width=width, height=height, highlight=highlight, model=model).decode()

    # models and judgements

    def models(self) -> list[ModelInfo]:
        """The models that answer; the first where none is named."""
        return self._read(list[ModelInfo], self._look("/v1/models"), "models")

    def load(self, source: str, name: str | None = None) -> ModelInfo:
        """Load a model that the service can read: a folder, NAME@ALIAS, NAME/VERSION or runs:ID. Needs the token."""
        body = {"source": source, "name": name}
        return self._read(ModelInfo, self._post("/v1/models", body, repeatable=False))

    def unload(self, name: str) -> ModelInfo:
        """Take a model away. Needs the token."""
        request = self._http.build_request("DELETE", f"/v1/models/{_part(name)}")
        return self._read(ModelInfo, self._send(request, repeatable=False).content)

    def judge(
        self,
        compound: str,
        disease: str,
        judgement: str,
        *,
        comment: str = "",
        by: str = "",
        rank: int = 0,
        model: str | None = None,
    ) -> "Judgement":
        """Keep a judgement on a candidate; see `kgdrug.Judgement`. rank: the place that it had."""
        from kgdrug.serving import Judgement

        said = {"compound": compound, "disease": disease, "judgement": judgement, "comment": comment, "by": by}
        body = said | {"rank": rank, "model": model or self.model}
        return self._read(Judgement, self._post("/v1/feedback", body, repeatable=False))

    def judgements(self, limit: int | None = None, offset: int = 0) -> "list[Judgement]":
        """The judgements that were kept, oldest first; without a limit all of them."""
        from kgdrug.serving import Judgement

        found: list[Judgement] = []
        while limit is None or len(found) < limit:
            some = MOST_QUESTIONS if limit is None else min(MOST_QUESTIONS, limit - len(found))
            body = self._look("/v1/feedback", limit=some, offset=offset + len(found))
            page = self._read(list[Judgement], body)
            found += page
            if len(page) < some:
                break
        return found

    # the service itself

    def health(self) -> Health:
        """Whether the service answers."""
        return self._read(Health, self._look("/health"))

    def wait_until_ready(self, seconds: float = 60.0) -> Health:
        """Wait for a service that is being started."""
        end = monotonic() + seconds
        while True:
            left = max(0.1, end - monotonic())
            request = self._http.build_request("GET", "/ready", timeout=min(left, self.timeout or left))
            try:
                return self._read(Health, self._send(request, retries=0).content)
            except KgdrugError as error:
                if monotonic() >= end:
                    raise KgdrugError(f"not ready after {seconds:g} s: {error}") from None
            sleep(min(0.2, left))

    # requests

    def _get(self, kind: type[T], path: str, model: str | None, **words: object) -> T:
        return self._read(kind, self._look(path, **words, model=model or self.model))

    def _look(self, path: str, **words: object) -> bytes:
        """The body of an answer; one that was kept is asked for by its tag, and taken from here where it holds."""
        given = {name: word for name, word in words.items() if word is not None}
        address = f"{path}?{urlencode(given, doseq=True, errors='replace')}" if given else path
        with self._lock:
            tag, kept = self._kept.get(address, ("", b""))
        response = self._send(self._http.build_request("GET", address, headers={"if-none-match": tag} if tag else {}))
        if response.status_code != 304:
            tag, kept = response.headers.get("etag", ""), response.content
        if tag and len(kept) <= KEPT_BYTES:
            with self._lock:
                self._kept[address] = tag, kept
                self._kept.move_to_end(address)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return kept

    def _post(self, path: str, body: Mapping[str, Any], repeatable: bool = True) -> bytes:
        headers = {"content-type": "application/json"}
        request = self._http.build_request("POST", path, content=to_json(body), headers=headers)
        return self._send(request, repeatable=repeatable).content

    def _send(
        self, request: httpx.Request, repeatable: bool = True, stream: bool = False, retries: int | None = None
    ) -> httpx.Response:
        """The response, if it is none that refuses. What may not be repeated is sent again only if it never left.

        Who waited for an answer in vain does not ask again: the service may be at work on it.
        """
        retries = self.retries if retries is None else retries
        for attempt in range(retries + 1):
            try:
                response = self._http.send(request, stream=stream)
            except httpx.RequestError as error:
                again = isinstance(error, UNSENT) or (repeatable and not isinstance(error, httpx.TimeoutException))
                if attempt == retries or not again:
                    raise self._silence(error) from error
                wait = _pause(attempt)
            else:
                if response.is_success or response.status_code == 304:
                    return response
                wait = _pause(attempt, response.headers.get("retry-after"))
                again = repeatable and response.status_code in BUSY and wait <= LONGEST_WAIT
                if attempt == retries or not again:
                    raise self._refusal(response)
                response.close()
            sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _answers(self, lines: deque[bytes]) -> Iterator[list[Answer] | ServiceError]:
        """Of questions that one request holds; of more requests, where the service takes no such large one."""
        broken = 0
        while lines:
            request = self._http.build_request(
                "POST", "/v1/predict", content=b"\n".join(lines), headers={"content-type": "application/jsonl"}
            )
            asked, reason = len(lines), "it ended early"
            try:
                with closing(self._send(request, stream=True)) as response:
                    for line in whole_lines(response.iter_bytes()):
                        answered = self._answer(line)
                        lines.popleft()
                        yield answered
            except ServiceError as error:
                if error.status != 413:
                    raise
                if asked == 1:
                    yield error
                    return
                whole = list(lines)
                for half in (whole[: asked // 2], whole[asked // 2 :]):
                    yield from self._answers(deque(half))
                return
            except httpx.RequestError as error:
                if isinstance(error, httpx.TimeoutException) and len(lines) == asked:
                    raise self._silence(error) from error
                reason = str(error) or type(error).__name__
            if lines:
                broken = 0 if len(lines) < asked else broken + 1
                if broken > self.retries:
                    raise KgdrugError(f"the answers of {self.url} break off again and again: {reason}")
                sleep(_pause(broken))

    def _answer(self, line: bytes) -> list[Answer] | ServiceError:
        if line.startswith(b'{"problem":'):
            return _problem(self._read(dict[str, Any], line, "problem"))
        return self._read(list[Answer], line, "answers")

    def _read(self, kind: type[T], body: bytes, within: str | None = None) -> T:
        try:
            record = orjson.loads(body)
            return from_record(kind, record if within is None else record[within])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            hint = "is a kgdrug service there, of the same version?"
            raise KgdrugError(f"{self.url} answered what kgdrug {__version__} cannot read: {hint}") from error

    def _refusal(self, response: httpx.Response) -> ServiceError:
        """What a response says that is no success; not only kgdrug refuses, also a proxy, or whatever else is there."""
        with closing(response):
            response.read()
        if response.headers.get("content-type", "").startswith("application/problem+json"):
            problem = _problem(self._read(dict[str, Any], response.content))
            if problem.title not in ("Not Found", "Method Not Allowed"):  # a route is missing: not what was asked for
                return problem
        title = response.reason_phrase or "no reason"
        there = f" and points to {response.headers['location']}" if response.is_redirect else ""
        detail = f"{response.url} answered {response.status_code} {title}{there}: is a kgdrug service at {self.url}?"
        return ServiceError(response.status_code, title, detail)

    def _silence(self, error: httpx.RequestError) -> KgdrugError:
        if isinstance(error, UNSENT):
            hint = "start one with kgdrug serve MODEL, or give the address of another"
            return KgdrugError(f"no service answers at {self.url} ({error or type(error).__name__}); {hint}")
        if isinstance(error, httpx.TimeoutException):
            seconds = error.request.extensions["timeout"]["read"]
            return KgdrugError(f"{self.url} gave no answer within {seconds:g} s; ask for less, or set timeout")
        return KgdrugError(f"{self.url} broke off without an answer: {error or type(error).__name__}")


# what goes over the wire


@dataclass(frozen=True, slots=True)
class _Vector:
    vector: list[float]


def _problem(record: Mapping[str, Any]) -> ServiceError:
    """The error that a problem is (RFC 9457); those of others may leave parts out."""
    title, detail = record.get("title", "Failed"), record.get("detail", "")
    return ServiceError(record.get("status", 500), title, detail, record.get("close_matches", ()))


def _part(name: str) -> str:
    """A name as a part of an address."""
    return quote(name, safe="", errors="replace")


def _words(place: int, question: object) -> dict[str, Any]:
    """The words of a question, which came in this place; a UsageError where it has none."""
    if not isinstance(question, Mapping):
        raise UsageError(f'questions[{place}] is {question!r}; give the words of predict, as {{"disease": "asthma"}}')
    return _sent(question)


def _sent(question: Mapping[str, Any]) -> dict[str, Any]:
    """The words of a question as a service takes them: filters without those that were not given, or none."""
    words, filters = dict(question), question.get("filters")
    if isinstance(filters, Filters):
        given = {one.name: getattr(filters, one.name) for one in fields(filters)}
        words["filters"] = {name: value for name, value in given.items() if value != getattr(NO_FILTERS, name)} or None
    return words


def _parcels(items: Iterable[T], size: Callable[[T], int]) -> Iterator[deque[T]]:
    """As many as one request may hold, each of so many bytes."""
    parcel: deque[T] = deque()
    total = 0
    for item in items:
        own = size(item)
        if parcel and (len(parcel) == MOST_QUESTIONS or total + own > MOST_BYTES):
            yield parcel
            parcel, total = deque(), 0
        parcel.append(item)
        total += own + 1
    if parcel:
        yield parcel


def _pause(attempt: int, asked: str | None = None) -> float:
    """Seconds before another attempt: those that `Retry-After` says, else twice as many each time, less up to half."""
    if asked is not None:
        if asked.strip().isdecimal():
            return float(asked)
        try:
            return max(0.0, parsedate_to_datetime(asked).timestamp() - time())
        except ValueError:  # neither seconds nor a date
            pass
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**attempt) * uniform(0.5, 1.0)
