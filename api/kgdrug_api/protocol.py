"""HTTP by uvicorn, with a shorter way for what most requests are: one short question.

Between a connection and a route lie a task, messages, middleware and a router, which take longer than an answer does.
What uvicorn does there, the shorter way does not: it writes no access log and knows no limit of concurrency and no path
before its own, so a server that is to have one of these answers by the routes alone.
"""

import asyncio
import gzip
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

import kgdrug
from kgdrug_api.gate import Measures
from kgdrug_api.problems import of_error, problem_response
from kgdrug_api.wire import LARGE, LEVEL, LONG, apart

log = logging.getLogger(__name__)
PATH = b"/v1/predict"
Reply = tuple[int, bytes, bytes, bool]  # status, content type, content, and whether that is compressed
IN_PARTS = {b"expect", b"transfer-encoding"}  # headers of a body that is waited for, or not as long as is said
UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class Direct:
    """What answers short questions, for all connections.

    at_once: the body that answers a body, or None where others should not wait for it; in_turn: the same together with
    what others ask; longest: bytes of a body that is short.
    """

    def __init__(
        self,
        at_once: Callable[[bytes], bytes | None],
        in_turn: Callable[[bytes], Awaitable[bytes]],
        measures: Measures,
        most_bytes: int,
    ) -> None:
        self.at_once, self.in_turn, self.measures = at_once, in_turn, measures
        self.longest = min(most_bytes, LARGE)
        self._last: Protocol | None = None

    def fits(self, said: dict[bytes, bytes]) -> bool:
        """Whether the headers of a request say that it is short, JSON, and sent as a whole."""
        length = said.get(b"content-length", b"")
        short = length.isdigit() and int(length) <= self.longest
        return short and said.get(b"content-type") == b"application/json" and not IN_PARTS & said.keys()

    def alone(self, connection: "Protocol") -> bool:
        """Whether the question before came by the same connection, whose answers come in turn."""
        before, self._last = self._last, connection
        return before is connection

    def forget(self, connection: "Protocol") -> None:
        """A connection that has ended."""
        if self._last is connection:
            self._last = None


class Asked:
    """A question on its way, where uvicorn keeps what it knows of a request."""

    def __init__(self, said: dict[bytes, bytes], keep_alive: bool) -> None:
        self.said, self.keep_alive, self.started = said, keep_alive, time.perf_counter()
        self.body = bytearray()
        # what uvicorn asks for, whether the next request may be answered, and tells, that nobody reads any more
        self.response_complete = self.disconnected = False
        self.message_event = self

    def set(self) -> None:
        """Nobody waits for the end of it."""


class Protocol(HttpToolsProtocol):
    """One connection to a service, whose `direct` answers questions where it has one; all else goes uvicorn's way."""

    cycle: Any

    def __init__(self, config: Config, *given: Any, **words: Any) -> None:
        super().__init__(config, *given, **words)
        plain = not (config.access_log or config.limit_concurrency or config.root_path)
        self.direct: Direct | None = getattr(config.app, "direct", None) if plain else None
        self._coming: Asked | None = None  # a question whose body is still to come
        self._in_body, self._at_once = False, True  # whether what comes is of a body; whether an answer may be made now

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio. Who goes away while sending is counted, as by the routes."""
        if self.direct is not None:
            self.direct.forget(self)
            if self._coming is not None:
                self._count(self._coming, 400)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio. Who asks for another protocol, as Java's client does for HTTP/2, gets none.

        httptools stops reading at such a header, and the body would be lost. It is taken for another where a head comes
        in one piece; never in a body, whose length was said.
        """
        self._at_once = True
        if not self._in_body and b"\r\nupgrade:" in data.lower():
            head, end, body = data.partition(b"\r\n\r\n")
            data = UPGRADE.sub(b"\r\nx-upgrade:", head) + end + body
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """See httptools. Here a short question is told from all else."""
        self._in_body = True
        self._unset_keepalive_if_required()  # an answer that was made at once, of the same piece, has set it
        asked = self._asked()
        if asked is None:
            super().on_headers_complete()
        else:
            self.cycle = self._coming = asked

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        if self._coming is None:
            super().on_body(body)
        else:
            self._coming.body += body

    def on_message_complete(self) -> None:
        """See httptools. A short question is answered at once if nobody else seems to ask now.

        Of one piece of what comes no more than one: others would wait for all that a client may send ahead.
        """
        self._in_body = False
        asked, self._coming = self._coming, None
        if asked is None or self.direct is None:
            super().on_message_complete()
            return
        content = None
        if self.direct.alone(self) and self._at_once:
            self._at_once = False
            try:
                content = self.direct.at_once(bytes(asked.body))
            except Exception as error:
                self._send(asked, _problem(asked, error))
                return
            if content is not None and not _large(asked, content):
                self._send(asked, _packed(asked, content))
                return
        task = self.loop.create_task(self._answer(asked, self.direct, content))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, asked: Asked, direct: Direct, content: bytes | None) -> None:
        """Answer a question together with what others ask; content: what the answer is, where it is known."""
        try:
            if content is None:
                content = await direct.in_turn(bytes(asked.body))
            reply = await apart(_large(asked, content), _packed, asked, content)
        except (Exception, asyncio.CancelledError) as error:
            reply = _problem(asked, error)
        self._send(asked, reply)

    def _asked(self) -> Asked | None:
        """The short question that this request is, as far as its headers say, if no other request is under way."""
        free = self.cycle is None or self.cycle.response_complete
        if self.direct is None or self.url != PATH or not free or self.parser.get_method() != b"POST":
            return None
        said = dict(reversed(self.headers))  # of a header that came twice the first counts, as by the routes
        if self.flow.write_paused or self.parser.get_http_version() != "1.1" or not self.direct.fits(said):
            return None
        return Asked(said, self.parser.should_keep_alive())

    def _send(self, asked: Asked, reply: Reply) -> None:
        """Write an answer, and let the next request of the connection come."""
        status, kind, content, zipped = reply
        lines = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            lines += name, b": ", value, b"\r\n"
        lines += b"content-type: ", kind, b"\r\ncontent-length: %d\r\n" % len(content)
        if zipped or len(content) >= LONG:
            lines.append(b"vary: Accept-Encoding\r\n")  # so caches are told
        if zipped:
            lines.append(b"content-encoding: gzip\r\n")
        if not asked.keep_alive:
            lines.append(b"connection: close\r\n")
        lines += b"\r\n", content
        asked.response_complete = True
        self._count(asked, status)
        if not self.transport.is_closing():
            self.transport.write(b"".join(lines))
            if not asked.keep_alive:
                self.transport.close()
        self.on_response_complete()

    def _count(self, asked: Asked, status: int) -> None:
        assert self.direct is not None
        self.direct.measures.answered(PATH.decode(), "POST", status, time.perf_counter() - asked.started)


def _zips(asked: Asked, content: bytes) -> bool:
    """Whether it is long, and whoever asked takes it compressed."""
    return len(content) >= LONG and b"gzip" in asked.said.get(b"accept-encoding", b"")


def _large(asked: Asked, content: bytes) -> bool:
    """Whether it takes so long to compress that others should not wait for it."""
    return len(content) > LARGE and _zips(asked, content)


def _packed(asked: Asked, content: bytes, status: int = 200, kind: bytes = b"application/json") -> Reply:
    """What is sent, compressed where that is wanted."""
    zipped = _zips(asked, content)
    return status, kind, gzip.compress(content, LEVEL, mtime=0) if zipped else content, zipped


def _problem(asked: Asked, error: BaseException) -> Reply:
    """What is sent where something went wrong; the log is told, but of what was only ended."""
    problem = of_error(error, PATH.decode())
    if problem.status == 500 and isinstance(error, Exception) and not isinstance(error, kgdrug.KgdrugError):
        log.error("a question failed", exc_info=error)
    return _packed(asked, bytes(problem_response(problem).body), problem.status, b"application/problem+json")
