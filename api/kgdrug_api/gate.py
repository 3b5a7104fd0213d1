"""What stands around the routes: limits and measures."""

import time
from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgdrug_api.problems import TooLargeError, of_error, problem_response

MOST_BYTES = 8_000_000  # of a request's body
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # counted by their names
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
