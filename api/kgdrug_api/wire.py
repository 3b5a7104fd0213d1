"""How requests come in and answers go out: sizes, times, entity tags."""

import gzip
import hashlib
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import kgdrug
from kgdrug_api.complaints import did_you_mean, short
from kgdrug_api.problems import TooLargeError, of_error, problem_response

T = TypeVar("T")
MOST_BYTES = 8_000_000  # of a request's body
LONG = 1000  # bytes of an answer that is compressed for whoever takes that
LEVEL = (
    1  # of gzip: 2.5 MB become 401 kB in 15 ms, where 6 makes 334 kB in 37 and 9 makes 322 kB in 89; 5 kB 1.3 or 1.2 kB
)
LARGE = 64_000  # bytes of a body that is read by a thread
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def body_of(schema: str, **others: Any) -> dict[str, Any]:
    """What OpenAPI says of a body that a route reads itself, whatever it is said to be."""
    json = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"requestBody": {"required": True, "content": {**json, **others}}}


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]  # of a request, for a route that a thread answers


async def only_known(request: Request) -> None:
    """Refuse parameters that a route of questions has none of; those that watch the service may be sent any."""
    route = request.scope["route"]
    if request.scope["query_string"] and route.path.startswith("/v1/"):
        known = [parameter.alias for parameter in route.dependant.query_params]
        for name in request.query_params:
            if name not in known:
                raise kgdrug.UsageError(f"unknown parameter {short(name)}{did_you_mean(name, known)}")


async def apart(large: bool, call: Callable[..., T], *given: Any) -> T:
    """The result of a call, which a thread makes where it is so large that others should not wait for it."""
    return await run_in_threadpool(call, *given) if large else call(*given)


def json_response(content: Any, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """JSON of mappings, lists, plain values and dataclasses."""
    return Response(json_of(content), status, headers, "application/json")


def json_of(content: Any) -> bytes:
    """What `json_response` sends."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def tagged(request: Request, of: str, make: Callable[[], Response]) -> Response:
    """A response that is the same as long as the model is: 304 for who has it already.

    of: the model's digest, and what else is told of the model. The tag is of that, the version of kgdrug, and the
    address asked for, so nothing is made for a request that it fits. `*` fits whatever there is, which has to be made.
    """
    whole = f"{kgdrug.__version__} {of} {request.url.path}?{request.url.query}"
    tag = f'W/"{hashlib.sha256(whole.encode()).hexdigest()[:24]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    wanted = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    response = None if tag in wanted else make()
    if response is None or "*" in wanted:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


class Measures:
    """Counts and times of requests, for Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "kgdrug_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "kgdrug_request_seconds", "Seconds from a request to the end of its answer.", ("route",),
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.questions = Counter(
            "kgdrug_questions", "Questions answered, by model.", ("model",), registry=self.registry
        )
        # looking one of them up by its labels takes longer than counting
        self._request: Callable[[str, str, int], Counter] = cache(self.requests.labels)
        self._time: Callable[[str], Histogram] = cache(self.seconds.labels)
        self._question: Callable[[str], Counter] = cache(self.questions.labels)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._request(route, method, status).inc()
        self._time(route).observe(seconds)

    def asked(self, model: str) -> None:
        """Count a question."""
        self._question(model).inc()


class Gate:
    """Refuses bodies that are too large, and measures every request."""

    def __init__(self, app: ASGIApp, measures: Measures, most_bytes: int = MOST_BYTES) -> None:
        self.app, self.measures, self.most_bytes = app, measures, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, came = time.perf_counter(), 500, 0

        async def receive_some() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self.most_bytes:
                raise TooLargeError(f"the body is larger than {self.most_bytes:,} bytes; send it in parts")
            return message

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            length = next((value for key, value in scope["headers"] if key == b"content-length"), b"0")
            if length.isdigit() and int(length) > self.most_bytes:
                error = TooLargeError(f"the body is larger than {self.most_bytes:,} bytes; send it in parts")
                response = problem_response(of_error(error, scope["path"]))
                await response(scope, receive, send_and_look)
            else:
                await self.app(scope, receive_some, send_and_look)
        finally:
            # a route of Starlette's own leaves no word of itself, and has no parameters here
            route = getattr(scope.get("route"), "path", scope["path"] if "endpoint" in scope else "other")
            self.measures.answered(str(route), scope["method"], status, time.perf_counter() - started)


class Direct:
    """One route without a router, for what most requests are: a short body of JSON.

    answer: of such a body the body that answers it; routes: the whole application, which has the route too, and where
    everything else goes.
    """

    def __init__(
        self, answer: Callable[[bytes], Awaitable[bytes]], routes: ASGIApp, measures: Measures, most_bytes: int
    ) -> None:
        self.answer, self.routes, self.measures = answer, routes, measures
        self.most_bytes = min(most_bytes, LARGE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        said = dict(scope["headers"])
        if not self._short(said) or scope["query_string"]:
            await self.routes(scope, receive, send)
            return
        started, status, failed = time.perf_counter(), 500, None
        try:
            try:
                content, kind, found = await self.answer(await self._body(receive)), "application/json", 200
            except Exception as error:
                problem = problem_response(of_error(error, scope["path"]))
                content, kind, found, failed = bytes(problem.body), str(problem.media_type), problem.status_code, error
            headers = [(b"content-type", kind.encode())]
            if len(content) >= LONG:
                headers.append((b"vary", b"Accept-Encoding"))  # so caches are told
                if b"gzip" in said.get(b"accept-encoding", b""):
                    content = await apart(len(content) > LARGE, _zipped, content)
                    headers.append((b"content-encoding", b"gzip"))
            headers.append((b"content-length", str(len(content)).encode()))
            status = found
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})
        finally:
            self.measures.answered(scope["path"], scope["method"], status, time.perf_counter() - started)
        if failed is not None and not isinstance(failed, kgdrug.KgdrugError | ValidationError | ClientDisconnect):
            raise failed  # the server's log tells it

    def _short(self, said: dict[bytes, bytes]) -> bool:
        """Whether the headers say that the body is short, and one question; who waits to be asked for it is not."""
        length = said.get(b"content-length", b"")
        short = length.isdigit() and int(length) <= self.most_bytes
        return short and said.get(b"content-type") == b"application/json" and b"expect" not in said

    async def _body(self, receive: Receive) -> bytes:
        """The whole of it, which servers hold to the length that it was said to have."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body, more = body + message.get("body", b""), message.get("more_body", False)
        return body


def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, LEVEL, mtime=0)
