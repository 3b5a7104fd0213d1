"""What stands around the routes: limits, measures, and a shorter way for short questions."""

import gzip
import time
from collections.abc import Awaitable, Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import kgdrug
from kgdrug_api.problems import TooLargeError, of_error, problem_response
from kgdrug_api.wire import LARGE, LEVEL, LONG, apart

MOST_BYTES = 8_000_000  # of a request's body
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # counted by their names
IN_PARTS = {b"expect", b"transfer-encoding"}  # headers of a body that is waited for, or not as long as is said
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


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
        self._request(route, method if method in METHODS else "other", status).inc()
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

    answer: of such a body, and whether nobody else seems to ask now, the body that answers it; routes: the whole
    application, which has the route too, and where everything else goes.
    """

    def __init__(
        self, answer: Callable[[bytes, bool], Awaitable[bytes]], routes: ASGIApp, measures: Measures, most_bytes: int
    ) -> None:
        self.answer, self.routes, self.measures = answer, routes, measures
        self.client: tuple[str, int] | None = None  # who asked last
        self.longest = min(most_bytes, LARGE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        said = dict(scope["headers"])
        if not self._fits(said) or scope["query_string"]:
            await self.routes(scope, receive, send)
            return
        started, status, failed = time.perf_counter(), 500, None
        try:
            try:
                content = await self.answer(await self._body(receive), self._alone(scope.get("client")))
                kind, found = "application/json", 200
            except Exception as error:
                problem = of_error(error, scope["path"])
                response = problem_response(problem)
                content, kind, found = bytes(response.body), str(response.media_type), problem.status
                failed = error if problem.status == 500 and not isinstance(error, kgdrug.KgdrugError) else None
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
        if failed is not None:
            raise failed  # the server's log tells it

    def _fits(self, said: dict[bytes, bytes]) -> bool:
        """Whether the headers say that the body is short, and one question, which is sent as a whole."""
        length = said.get(b"content-length", b"")
        short = length.isdigit() and int(length) <= self.longest
        return short and said.get(b"content-type") == b"application/json" and not IN_PARTS & said.keys()

    def _alone(self, client: tuple[str, int] | None) -> bool:
        """Whether the question before came by the same connection, whose answers come in turn.

        What a proxy says of its clients has no port, and tells no two of them apart.
        """
        before, self.client = self.client, client
        return client is not None and client == before and client[1] != 0

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
