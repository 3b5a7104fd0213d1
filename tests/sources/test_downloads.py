"""Downloads from a real server on this machine, which may drop, cut short, redirect, and send other bytes."""

import gzip
import hashlib
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from rich.console import Console

from kgdrug.cli import screen
from kgdrug.errors import BadInputError, KgdrugError, UnknownNameError
from kgdrug.sources import FORMS, cache_folder, downloads, find_dataset, get_dataset, load_graph, transfer
from kgdrug.sources.downloads import DATASETS, Dataset, RemoteFile
from kgdrug.sources.transfer import CHUNK, PAUSES

CONTENT = b"".join(b"Gene::%d\tINS\tGene\n" % i for i in range(9_000))
OTHER = CONTENT.replace(b"INS", b"SIN")
HALF = 3 * CHUNK  # a connection that drops may lose what is not a whole chunk yet
assert HALF < len(CONTENT) < 2 * HALF

Reply = Callable[["Handler"], None]


@dataclass
class Asked:
    """A request, and the bytes of content that were sent for it."""

    path: str
    range: str | None
    if_range: str | None
    encoding: str | None
    sent: int = 0


class Handler(BaseHTTPRequestHandler):
    asked: Asked

    def do_GET(self) -> None:
        headers = (self.headers.get(name) for name in ("Range", "If-Range", "Accept-Encoding"))
        self.asked = Asked(self.path, *headers)
        self.server.owner.asked.append(self.asked)
        self.server.owner.replies.get(self.path, lambda h: h.send_error(404))(self)

    def answer(self, status: int, content: bytes = b"", **headers: object) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": len(content)} | headers).items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.asked.sent = len(content)
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class Server:
    """Replies by path, and what was asked for."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[Asked] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.owner = self
        self.address = f"http://127.0.0.1:{self.http.server_port}"

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    @property
    def ranges(self) -> list[str | None]:
        return [asked.range for asked in self.asked]

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, in seconds, which are noted and not made."""
    pauses: list[float] = []
    monkeypatch.setattr(transfer, "time", SimpleNamespace(sleep=pauses.append))
    return pauses


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    yield server
    server.stop()
    thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KGDRUG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def sum_of(content: bytes, kind: str = "sha256") -> str:
    return f"{kind}:{hashlib.new(kind, content).hexdigest()}"


@pytest.fixture
def publish(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a data set `toy` of files by name; each has the SHA-256 of its content, or the checksum given."""

    def add(
        files: dict[str, bytes],
        checksum: str | None = "sha256",
        unpack: tuple[str, ...] = (),
        form: str = "hetionet",
    ) -> None:
        remote = tuple(
            RemoteFile(
                name,
                f"{server.address}/{name}",
                sum_of(content, checksum) if checksum in ("sha256", "md5") else checksum,
                unpack,
            )
            for name, content in files.items()
        )
        monkeypatch.setitem(DATASETS, "toy", Dataset("toy", "a toy", "CC0 1.0", remote, form))
        server.replies |= {f"/{name}": gives(content) for name, content in files.items()}

    return add


def gives(
    content: bytes,
    etag: str | None = '"1"',
    changed: str | None = None,
    ranges: bool = True,
    stops: Sequence[int] = (),
) -> Reply:
    """A file as a web server gives it: whole, or from a byte on where the version is the one of If-Range.

    The connection drops after so many bytes of the first answers.
    """
    left = list(stops)

    def reply(handler: Handler) -> None:
        start, about = 0, {"ETag": etag, "Last_Modified": changed}
        if handler.asked.range and ranges and handler.asked.if_range in (None, etag, changed):
            start = int(re.fullmatch(r"bytes=(\d+)-", handler.asked.range)[1])
            about["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if start and start >= len(content):
            handler.answer(416, Content_Range=f"bytes */{len(content)}")
            return
        rest = content[start:]
        sent = rest[: left.pop(0)] if left else rest
        handler.answer(206 if start else 200, sent, **about | {"Content_Length": len(rest)})

    return reply


def one_by_one(*replies: Reply) -> Reply:
    """Each reply once, the last one ever after."""
    left = list(replies)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


def fails(status: int, **headers: object) -> Reply:
    return lambda handler: handler.answer(status, **headers)


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


class Bar:
    """What a download tells of itself."""

    def __init__(self, name: str) -> None:
        self.name, self.starts, self.done, self.steps, self.closed = name, [], 0, 0, []

    def start(self, done: int, total: int | None) -> None:
        self.starts.append((done, total))
        self.done = done

    def update(self, n: int) -> None:
        assert not self.closed
        self.done += n
        self.steps += 1

    def close(self, whole: bool) -> None:
        self.closed.append(whole)


class StoppedByHand(Bar):
    """Ctrl-C when HALF has come."""

    def update(self, n: int) -> None:
        super().update(n)
        if self.done == HALF:
            raise KeyboardInterrupt


def get_half() -> None:
    """A download of `toy` that is stopped by hand when HALF has come."""
    with pytest.raises(KeyboardInterrupt):
        get_dataset("toy", StoppedByHand)


# What comes, and into which place


def test_a_data_set_comes_into_the_cache_with_its_bytes(publish, server, cache):
    publish({"nodes.tsv": CONTENT, "edges.sif.gz": gzip.compress(CONTENT)})
    folder = get_dataset("toy")
    assert folder == cache / "toy" == cache_folder() / "toy"
    assert (folder / "nodes.tsv").read_bytes() == CONTENT
    assert gzip.decompress((folder / "edges.sif.gz").read_bytes()) == CONTENT
    assert files(cache) == ["toy/edges.sif.gz", "toy/nodes.tsv"]
    assert server.paths == ["/nodes.tsv", "/edges.sif.gz"]


@pytest.mark.parametrize("checksum", ["sha256", "md5"])
def test_what_is_in_the_cache_is_not_fetched_again(publish, server, checksum):
    publish({"nodes.tsv": CONTENT}, checksum)
    get_dataset("toy")
    server.stop()
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT


@pytest.mark.parametrize("checksum", ["sha256", "md5", None])
def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(publish, server, checksum):
    publish({"nodes.tsv": CONTENT, "other.tsv": b"other"}, checksum)
    folder = get_dataset("toy")
    server.asked.clear()
    (folder / "nodes.tsv").write_bytes(CONTENT[:-1])
    get_dataset("toy")
    assert (folder / "nodes.tsv").read_bytes() == CONTENT
    assert server.paths == ["/nodes.tsv"]


def test_a_damaged_file_that_cannot_be_fetched_again_is_not_taken_for_the_data_set(publish, server, cache):
    publish({"nodes.tsv": CONTENT})
    (get_dataset("toy") / "nodes.tsv").write_bytes(CONTENT[:-1])
    server.replies.clear()
    with pytest.raises(KgdrugError, match="404"):
        get_dataset("toy")
    assert files(cache) == []


def test_what_came_before_a_failure_is_kept(publish, server, cache):
    publish({"first.tsv": b"first", "second.tsv": b"second"})
    del server.replies["/second.tsv"]
    with pytest.raises(KgdrugError):
        get_dataset("toy")
    assert files(cache) == ["toy/first.tsv"]


def test_a_file_of_no_bytes_is_a_file(publish):
    publish({"nodes.tsv": b""})
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == b""


def test_an_unknown_data_set_names_those_there_are(publish):
    publish({"nodes.tsv": CONTENT})
    with pytest.raises(UnknownNameError, match=r"unknown data set 'hetio'; did you mean hetionet"):
        get_dataset("hetio")
    with pytest.raises(UnknownNameError, match=r"unknown data set 'ogbl'; choose from hetionet.* primekg, .*toy$"):
        get_dataset("ogbl")


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_place(publish, cache):
    publish({"nodes.tsv": CONTENT})
    cache.write_text("a file where the folder should be")
    with pytest.raises(KgdrugError, match=re.escape(f"{cache}/toy/nodes.tsv: ")):
        get_dataset("toy")


def test_the_cache_is_the_systems_own_where_none_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("KGDRUG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().name.lower() == "kgdrug"


# Progress


def test_progress_is_shown_for_each_file_up_to_its_size(publish):
    publish({"nodes.tsv": CONTENT, "other.tsv": b"other"})
    bars = []

    def progress(name: str) -> Bar:
        bars.append(Bar(name))
        return bars[-1]

    get_dataset("toy", progress)
    assert [(bar.name, bar.starts, bar.done, bar.closed) for bar in bars] == [
        ("nodes.tsv", [(0, len(CONTENT))], len(CONTENT), [True]),
        ("other.tsv", [(0, 5)], 5, [True]),
    ]
    assert bars[0].steps == -(-len(CONTENT) // CHUNK), "a bar that moves once shows nothing"
    get_dataset("toy", progress)
    assert len(bars) == 2, "what is not downloaded has no bar"


def test_the_bar_of_a_resumed_download_starts_where_it_stopped(publish, server):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = gives(CONTENT, stops=(HALF,))
    bar = Bar("nodes.tsv")
    get_dataset("toy", lambda name: bar)
    assert bar.starts == [(0, len(CONTENT)), (HALF, len(CONTENT))]
    assert bar.done == len(CONTENT)


@pytest.mark.parametrize("reply", [fails(404), gives(OTHER)], ids=["absent", "other"])
def test_the_bar_is_closed_and_not_as_whole_when_the_download_fails(publish, server, reply):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = reply
    bar = Bar("nodes.tsv")
    with pytest.raises(KgdrugError):
        get_dataset("toy", lambda name: bar)
    assert bar.closed == [False]


# A download that goes on where it stopped


def test_after_a_drop_the_next_try_asks_for_the_byte_where_it_stopped(publish, server):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = gives(CONTENT, stops=(HALF, CHUNK))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-", f"bytes={HALF + CHUNK}-"]
    assert [asked.if_range for asked in server.asked] == [None, '"1"', '"1"']
    assert [asked.sent for asked in server.asked] == [HALF, CHUNK, len(CONTENT) - HALF - CHUNK]


def test_a_drop_amid_a_chunk_loses_no_more_than_that_chunk(publish, server):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = gives(CONTENT, stops=(HALF + 1000,))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges[1] in {f"bytes={HALF}-", f"bytes={HALF + 1000}-"}


def test_a_download_that_was_stopped_by_hand_goes_on_in_the_next_call(publish, server, cache):
    publish({"nodes.tsv": CONTENT})
    get_half()
    assert (cache / "toy/nodes.tsv.part").read_bytes() == CONTENT[:HALF]
    assert not (cache / "toy/nodes.tsv").exists()
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert server.asked[1].sent == len(CONTENT) - HALF
    assert files(cache) == ["toy/nodes.tsv"]


PROCESS = """
import os, signal, sys
from kgdrug.sources.downloads import DATASETS, Dataset, RemoteFile, get_dataset

name, url, checksum, dies_at = sys.argv[1:]
DATASETS["toy"] = Dataset("toy", "a toy", "CC0 1.0", (RemoteFile(name, url, checksum),))

class Bar:
    def __init__(self, name): self.done = 0
    def start(self, done, total): self.done = done
    def update(self, n):
        self.done += n
        if self.done == int(dies_at):
            os.kill(os.getpid(), signal.SIGKILL)
    def close(self, whole): pass

print(get_dataset("toy", Bar))
"""


def process(server: Server, dies_at: int = -1) -> subprocess.CompletedProcess[str]:
    """A process of its own that downloads `toy`, and is killed when so much has come."""
    words = ["nodes.tsv", f"{server.address}/nodes.tsv", sum_of(CONTENT), str(dies_at)]
    return subprocess.run([sys.executable, "-c", PROCESS, *words], capture_output=True, text=True, env=os.environ)


def test_a_download_whose_process_was_killed_goes_on_in_a_new_process(publish, server, cache):
    publish({"nodes.tsv": CONTENT})
    assert process(server, dies_at=HALF).returncode == -signal.SIGKILL
    came = (cache / "toy/nodes.tsv.part").stat().st_size
    assert came > 0
    assert find_dataset("toy") is None
    done = process(server)
    assert (done.returncode, done.stdout.strip()) == (0, str(cache / "toy")), done.stderr
    assert (cache / "toy/nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={came}-"]


def test_a_whole_download_that_was_stopped_before_its_check_is_not_fetched_again(publish, server, monkeypatch):
    publish({"nodes.tsv": CONTENT})

    def stopped(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(downloads, "checksum", stopped)
        with pytest.raises(KeyboardInterrupt):
            get_dataset("toy")
    server.asked.clear()
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.asked == []


def test_a_server_without_ranges_sends_the_whole_file_again(publish, server):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = gives(CONTENT, ranges=False, stops=(HALF,))
    bar = Bar("nodes.tsv")
    assert (get_dataset("toy", lambda name: bar) / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert server.asked[1].sent == len(CONTENT)
    assert bar.starts == [(0, len(CONTENT))] * 2


def test_a_file_that_changed_between_tries_is_fetched_from_its_beginning(publish, server):
    publish({"nodes.tsv": CONTENT})
    old, new = gives(OTHER, '"old"', stops=(HALF,)), gives(CONTENT, '"new"', stops=(CHUNK,))
    server.replies["/nodes.tsv"] = one_by_one(old, new)
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert [(asked.range, asked.if_range) for asked in server.asked] == [
        (None, None),
        (f"bytes={HALF}-", '"old"'),
        (f"bytes={CHUNK}-", '"new"'),
    ]


def shifted(handler: Handler) -> None:
    handler.answer(206, CONTENT[HALF + 1 :], Content_Range=f"bytes {HALF + 1}-{len(CONTENT) - 1}/{len(CONTENT)}")


def longer(handler: Handler) -> None:
    handler.answer(206, CONTENT[HALF:], Content_Range=f"bytes {HALF}-{len(CONTENT)}/{len(CONTENT) + 1}")


def renamed(handler: Handler) -> None:
    span = f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}"
    handler.answer(206, OTHER[HALF:], Content_Range=span, ETag='"2"')


def nowhere(handler: Handler) -> None:
    handler.answer(206, CONTENT[HALF:])


def packed(handler: Handler) -> None:
    span = f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}"
    handler.answer(206, gzip.compress(CONTENT[HALF:]), Content_Range=span, Content_Encoding="gzip")


@pytest.mark.parametrize("answer", [shifted, longer, renamed, nowhere, packed, fails(416)])
def test_an_answer_that_is_not_the_rest_of_the_same_file_starts_it_again(publish, server, pauses, answer):
    publish({"nodes.tsv": CONTENT})
    get_half()
    server.replies["/nodes.tsv"] = one_by_one(answer, gives(CONTENT))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-", None]
    assert pauses == []


def test_a_part_that_is_longer_than_the_file_is_fetched_again(publish, server):
    publish({"nodes.tsv": CONTENT[:1000]})
    server.replies["/nodes.tsv"] = gives(CONTENT, etag=None)
    get_half()
    server.replies["/nodes.tsv"] = gives(CONTENT[:1000], etag=None)
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT[:1000]
    assert server.ranges == [None, f"bytes={HALF}-", None]


def test_a_server_that_sends_less_than_the_rest_is_asked_for_what_follows(publish, server):
    publish({"nodes.tsv": CONTENT})
    get_half()

    def a_chunk(handler: Handler) -> None:
        span = f"bytes {HALF}-{HALF + CHUNK - 1}/{len(CONTENT)}"
        handler.answer(206, CONTENT[HALF : HALF + CHUNK], Content_Range=span, ETag='"1"')

    server.replies["/nodes.tsv"] = one_by_one(a_chunk, gives(CONTENT))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-", f"bytes={HALF + CHUNK}-"]


def test_a_weak_etag_is_no_proof_of_the_same_bytes_but_a_date_is(publish, server):
    publish({"nodes.tsv": CONTENT}, checksum=None)
    noon = "Wed, 04 Mar 2026 12:00:00 GMT"
    server.replies["/nodes.tsv"] = gives(CONTENT, etag='W/"1"', changed=noon, stops=(HALF,))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert [(asked.range, asked.if_range) for asked in server.asked] == [(None, None), (f"bytes={HALF}-", noon)]


@pytest.mark.parametrize(("checksum", "then"), [("sha256", f"bytes={HALF}-"), (None, None)])
def test_two_ends_that_nothing_holds_together_are_joined_only_where_a_checksum_would_tell(
    publish, server, checksum, then
):
    publish({"nodes.tsv": CONTENT}, checksum)
    server.replies["/nodes.tsv"] = gives(CONTENT, etag='W/"1"', stops=(HALF,))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert [(asked.range, asked.if_range) for asked in server.asked] == [(None, None), (then, None)]


def test_a_part_of_another_address_is_not_gone_on_with(publish, server, monkeypatch):
    publish({"nodes.tsv": CONTENT})
    get_half()
    moved = replace(DATASETS["toy"].files[0], url=f"{server.address}/moved.tsv")
    monkeypatch.setitem(DATASETS, "toy", replace(DATASETS["toy"], files=(moved,)))
    server.replies["/moved.tsv"] = gives(CONTENT)
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert [(asked.path, asked.range) for asked in server.asked] == [("/nodes.tsv", None), ("/moved.tsv", None)]


@pytest.mark.parametrize("note", [None, "", "[]", '{"url": 1}', "{"])
def test_a_part_without_its_note_is_fetched_again(publish, server, cache, note):
    publish({"nodes.tsv": CONTENT})
    get_half()
    path = cache / "toy/nodes.tsv.part.json"
    path.unlink() if note is None else path.write_text(note)
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, None]
    assert files(cache) == ["toy/nodes.tsv"]


# What is tried again, and what is not


def closes(handler: Handler) -> None:
    """The connection ends without an answer."""


def cut_short(handler: Handler) -> None:
    handler.answer(200, CONTENT[:HALF], Content_Length=len(CONTENT))


def chunks_that_stop(handler: Handler) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.close_connection = True
    chunk = b"%x\r\n%s\r\n" % (HALF, CONTENT[:HALF])
    handler.answer(200, chunk, Content_Length=None, Transfer_Encoding="chunked")


PASSING = {"closes": closes, "cut short": cut_short, "chunks that stop": chunks_that_stop}
PASSING |= {str(status): fails(status) for status in (429, 500, 502, 503, 504)}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING.keys())
def test_a_failure_that_may_pass_is_tried_again(publish, server, pauses, failure):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = one_by_one(failure, failure, gives(CONTENT))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.paths == ["/nodes.tsv"] * 3
    assert pauses == list(PAUSES[:2])


def test_an_answer_that_is_long_in_coming_is_asked_for_again(publish, server, pauses, monkeypatch):
    publish({"nodes.tsv": CONTENT})
    get, asked = requests.get, []

    def slow_at_first(url: str, **more: object) -> requests.Response:
        asked.append(more["timeout"])
        if len(asked) == 1:
            raise requests.ReadTimeout("Read timed out.")
        return get(url, **more)

    monkeypatch.setattr(requests, "get", slow_at_first)
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert asked == [transfer.TIMEOUT] * 2, "without a timeout it would wait for ever"
    assert pauses == [PAUSES[0]]


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING.keys())
def test_the_pauses_grow_and_the_tries_end(publish, server, cache, pauses, failure):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = failure
    with pytest.raises(KgdrugError, match=rf"{server.address}/nodes\.tsv: .*check the network.*KGDRUG_DATA"):
        get_dataset("toy")
    assert pauses == sorted(set(pauses)) == list(PAUSES)
    assert len(server.asked) == len(PAUSES) + 1
    assert not (cache / "toy/nodes.tsv").exists()


def test_a_download_that_gets_further_with_each_try_has_as_many_as_it_needs(publish, server, pauses):
    content = bytes(range(256)) * (CHUNK // 256) * (2 * len(PAUSES))
    publish({"nodes.tsv": content})
    server.replies["/nodes.tsv"] = gives(content, stops=(CHUNK,) * (2 * len(PAUSES) - 1))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == content
    assert pauses == [PAUSES[0]] * (2 * len(PAUSES) - 1)
    assert sum(asked.sent for asked in server.asked) == len(content)


def test_a_download_that_fails_for_good_says_how_much_came_and_goes_on_later(publish, server, cache):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = one_by_one(gives(CONTENT, stops=(HALF,)), fails(503))
    with pytest.raises(KgdrugError, match=rf"503 .*which goes on after the {HALF:,} bytes that came"):
        get_dataset("toy")
    assert (cache / "toy/nodes.tsv.part").stat().st_size == HALF
    server.replies["/nodes.tsv"] = gives(CONTENT)
    server.asked.clear()
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [f"bytes={HALF}-"]


@pytest.mark.parametrize(("asked", "pause"), [("7", 7), ("0", PAUSES[0]), ("100000", 60), ("tomorrow", PAUSES[0])])
def test_a_server_that_asks_to_wait_is_waited_for_but_not_for_ever(publish, server, pauses, asked, pause):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = one_by_one(fails(429, Retry_After=asked), gives(CONTENT))
    get_dataset("toy")
    assert pauses == [pause]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_final_and_names_the_address(publish, server, cache, pauses, status):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = fails(status)
    with pytest.raises(KgdrugError, match=rf"^{server.address}/nodes\.tsv: {status} .*has moved.*KGDRUG_DATA"):
        get_dataset("toy")
    assert (len(server.asked), pauses) == (1, [])
    assert files(cache) == []


@pytest.mark.parametrize("status", [204, 206, 416])
def test_an_answer_to_another_question_is_final(publish, server, status):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = fails(status)
    with pytest.raises(KgdrugError, match=f"nodes.tsv: {status} "):
        get_dataset("toy")
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_fails_at_once_and_names_address_and_way_out(publish, server, cache, pauses):
    publish({"nodes.tsv": CONTENT})
    server.stop()
    expected = rf"^{server.address}/nodes\.tsv: no answer \(Connection refused\); check the network and run this again"
    with pytest.raises(KgdrugError, match=expected + ", or set KGDRUG_DATA to a folder that holds toy/$"):
        get_dataset("toy")
    assert pauses == []
    assert files(cache) == []


def test_a_server_that_goes_away_amid_a_download_is_waited_for(publish, server, cache, pauses):
    publish({"nodes.tsv": CONTENT})

    def last_words(handler: Handler) -> None:
        server.http.socket.close()  # nothing is let in any more
        cut_short(handler)

    server.replies["/nodes.tsv"] = last_words
    with pytest.raises(KgdrugError, match=f"goes on after the {HALF:,} bytes"):
        get_dataset("toy")
    assert pauses == list(PAUSES)


# Redirects, and what happens to bytes on their way


def moved(to: str) -> Reply:
    return fails(302, Location=to)


def test_a_redirect_is_followed_and_takes_the_range_along(publish, server):
    publish({"nodes.tsv": CONTENT})
    server.replies["/elsewhere"] = gives(CONTENT, stops=(HALF,))
    server.replies["/nodes.tsv"] = moved("/elsewhere")
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.paths == ["/nodes.tsv", "/elsewhere"] * 2
    assert server.ranges == [None, None, f"bytes={HALF}-", f"bytes={HALF}-"]


def test_a_redirect_in_a_circle_is_final(publish, server, cache, pauses):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = moved("/nodes.tsv")
    with pytest.raises(KgdrugError, match=rf"{server.address}/nodes\.tsv: .*30 redirects"):
        get_dataset("toy")
    assert (pauses, files(cache)) == ([], [])


def test_a_redirect_to_what_is_not_there_is_final(publish, server):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = moved("/elsewhere")
    with pytest.raises(KgdrugError, match=rf"{server.address}/nodes\.tsv: 404"):
        get_dataset("toy")
    assert server.paths == ["/nodes.tsv", "/elsewhere"]


def test_a_page_to_log_in_is_not_taken_for_the_file(publish, server, cache):
    publish({"nodes.tsv": CONTENT})
    server.replies |= {"/nodes.tsv": moved("/login"), "/login": gives(b"<html>who are you?</html>")}
    with pytest.raises(KgdrugError, match="not the published file"):
        get_dataset("toy")
    assert files(cache) == []


def test_the_file_is_asked_for_as_it_is(publish, server):
    publish({"nodes.tsv": CONTENT})
    get_dataset("toy")
    assert server.asked[0].encoding == "identity"


def test_a_file_that_the_server_packs_on_the_way_arrives_unpacked_and_is_never_joined(publish, server):
    publish({"nodes.tsv": CONTENT})
    small = gzip.compress(CONTENT)

    def reply(handler: Handler, end: int | None = None) -> None:
        handler.answer(200, small[:end], Content_Length=len(small), Content_Encoding="gzip", ETag='"1"')

    server.replies["/nodes.tsv"] = one_by_one(lambda handler: reply(handler, len(small) // 2), reply)
    bar = Bar("nodes.tsv")
    assert (get_dataset("toy", lambda name: bar) / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, None]
    assert bar.starts == [(0, None)] * 2


def test_a_file_whose_length_the_server_does_not_say_arrives(publish, server):
    publish({"nodes.tsv": CONTENT})
    server.replies["/nodes.tsv"] = lambda handler: handler.answer(200, CONTENT, Content_Length=None)
    bar = Bar("nodes.tsv")
    assert (get_dataset("toy", lambda name: bar) / "nodes.tsv").read_bytes() == CONTENT
    assert bar.starts == [(0, None)]


# Checksums, published and recorded


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_file_with_another_checksum_is_an_error_that_names_both_and_does_not_stay(publish, server, cache, kind):
    publish({"nodes.tsv": CONTENT}, kind)
    server.replies["/nodes.tsv"] = gives(OTHER)
    with pytest.raises(KgdrugError) as failed:
        get_dataset("toy")
    for word in (f"{server.address}/nodes.tsv", sum_of(CONTENT, kind), sum_of(OTHER, kind), "again", "KGDRUG_DATA"):
        assert word in str(failed.value)
    assert files(cache) == []
    assert len(server.asked) == 1


def test_a_part_that_went_bad_is_found_out_and_the_next_call_starts_again(publish, server, cache):
    publish({"nodes.tsv": CONTENT})
    get_half()
    (cache / "toy/nodes.tsv.part").write_bytes(OTHER[:HALF])
    with pytest.raises(KgdrugError, match="not the published file"):
        get_dataset("toy")
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-", None]


@pytest.fixture
def on_the_fourth_of_march(monkeypatch):
    monkeypatch.setattr(downloads, "date", SimpleNamespace(today=lambda: date(2026, 3, 4)))


def test_a_checksum_that_nobody_publishes_is_recorded_at_the_first_download(
    publish, server, cache, on_the_fourth_of_march
):
    publish({"nodes.tsv": CONTENT, "other.tsv": b"other"}, checksum=None)
    folder = get_dataset("toy")
    assert json.loads((folder / "checksums.json").read_text()) == {
        name: {
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "url": f"{server.address}/{name}",
            "date": "2026-03-04",
        }
        for name, content in (("nodes.tsv", CONTENT), ("other.tsv", b"other"))
    }
    assert files(cache) == ["toy/checksums.json", "toy/nodes.tsv", "toy/other.tsv"]


def test_a_published_checksum_is_not_recorded(publish, cache):
    publish({"nodes.tsv": CONTENT}, "md5")
    get_dataset("toy")
    assert files(cache) == ["toy/nodes.tsv"]


def test_a_file_that_lies_in_the_cache_already_is_recorded_as_it_is(publish, server, cache):
    publish({"nodes.tsv": CONTENT}, checksum=None)
    (cache / "toy").mkdir(parents=True)
    (cache / "toy/nodes.tsv").write_bytes(CONTENT)
    get_dataset("toy")
    assert server.asked == []
    recorded = json.loads((cache / "toy/checksums.json").read_text())
    assert recorded["nodes.tsv"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def changed(publish, server, on_the_fourth_of_march) -> Path:
    """The folder of a data set whose recorded file is gone, and which the publisher has changed."""
    publish({"nodes.tsv": CONTENT, "other.tsv": b"other"}, checksum=None)
    folder = get_dataset("toy")
    (folder / "nodes.tsv").unlink()
    server.replies["/nodes.tsv"] = gives(OTHER, '"2"')
    return folder


def test_a_file_that_is_not_the_recorded_one_is_an_error_that_says_since_when_and_what_to_do(changed, server):
    with pytest.raises(KgdrugError) as failed:
        get_dataset("toy")
    words = (f"{server.address}/nodes.tsv", "recorded on 2026-03-04", sum_of(CONTENT), sum_of(OTHER), "the publisher")
    for word in (*words, f"to accept it, delete nodes.tsv from {changed / 'checksums.json'}"):
        assert word in str(failed.value)
    assert files(changed) == ["checksums.json", "other.tsv"]


@pytest.mark.parametrize("whole", [False, True])
def test_the_publishers_new_file_is_accepted_when_the_record_is_deleted(changed, whole):
    path = changed / "checksums.json"
    records = json.loads(path.read_text())
    other = records["other.tsv"]
    del records["nodes.tsv"]
    path.unlink() if whole else path.write_text(json.dumps(records))
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == OTHER
    recorded = json.loads(path.read_text())
    assert recorded["nodes.tsv"]["sha256"] == hashlib.sha256(OTHER).hexdigest()
    assert recorded["other.tsv"] == other


@pytest.mark.parametrize("text", ["", "[]", '{"nodes.tsv": {"sha256": "a"}}', '{"nodes.tsv": 3}'])
def test_a_list_of_checksums_that_cannot_be_read_is_an_error_and_not_an_empty_one(changed, text):
    (changed / "checksums.json").write_text(text)
    with pytest.raises(BadInputError, match=r"checksums\.json: is no list of checksums .*delete it"):
        get_dataset("toy")


# Archives

INSIDE = {"./drkg.tsv": b"the facts", "./embed/a.npy": b"a", "./embed/deep/b.npy": b"b", "./glossary.tsv": b"unwanted"}
WANTED = ("embed", "drkg.tsv")
UNPACKED = ["drkg.tsv", "embed/a.npy", "embed/deep/b.npy"]


def tar_of(contents: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for folder in ("./", "./embed/"):
            info = tarfile.TarInfo(folder)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for info in others:
            tar.addfile(info)
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def zip_of(contents: dict[str, bytes], kinds: dict[str, int] | None = None) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("top")
        for name, content in contents.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = ((kinds or {}).get(name, stat.S_IFREG) | 0o644) << 16
            archive.writestr(info, content)
    return packed.getvalue()


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.fixture
def publish_tar(publish):
    """Makes a data set `toy` of a tar archive without a published checksum, in DRKG's form."""
    return lambda archive, checksum=None: publish({"toy.tar.gz": archive}, checksum, WANTED, "drkg")


def unpacked(folder: Path) -> dict[str, bytes]:
    """What lies in a data set's folder but the archive and what is noted of it."""
    noted = ("toy.tar.gz", "toy.tar.gz.unpacked.json", "toy.zip", "toy.zip.unpacked.json", "checksums.json")
    return {name: (folder / name).read_bytes() for name in files(folder) if name not in noted}


def test_what_is_wanted_of_a_tar_archive_is_unpacked_beside_it(publish_tar):
    publish_tar(tar_of(INSIDE))
    folder = get_dataset("toy")
    assert unpacked(folder) == {name: INSIDE[f"./{name}"] for name in UNPACKED}
    assert find_dataset("toy") == folder


def test_what_is_wanted_of_a_zip_archive_is_unpacked_beside_it(publish):
    inside = {"top/nodes.csv": b"n", "top/edges.csv": b"e", "top/TN_edges.csv": b"t", "nodes.csv": b"another"}
    publish({"toy.zip": zip_of(inside)}, None, ("top/nodes.csv", "top/edges.csv"))
    assert unpacked(get_dataset("toy")) == {"top/nodes.csv": b"n", "top/edges.csv": b"e"}


def test_what_was_unpacked_is_not_unpacked_or_fetched_again(publish_tar, server):
    publish_tar(tar_of(INSIDE))
    folder = get_dataset("toy")
    before = {name: (folder / name).stat().st_ino for name in files(folder)}
    server.stop()
    get_dataset("toy")
    assert {name: (folder / name).stat().st_ino for name in files(folder)} == before
    (folder / "toy.tar.gz").unlink()  # the archive is not needed any more
    get_dataset("toy")
    assert unpacked(folder) == {name: INSIDE[f"./{name}"] for name in UNPACKED}


@pytest.mark.parametrize("name", UNPACKED)
@pytest.mark.parametrize("content", [b"damaged", None])
def test_an_unpacked_file_that_was_damaged_or_lost_is_unpacked_again(publish_tar, server, name, content):
    publish_tar(tar_of(INSIDE))
    folder = get_dataset("toy")
    server.stop()
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    get_dataset("toy")
    assert unpacked(folder) == {name: INSIDE[f"./{name}"] for name in UNPACKED}


def test_a_new_archive_takes_the_place_of_all_that_the_old_one_held(publish_tar, server):
    publish_tar(tar_of(INSIDE))
    folder = get_dataset("toy")
    for name in ("toy.tar.gz", "checksums.json"):
        (folder / name).unlink()
    server.replies["/toy.tar.gz"] = gives(tar_of({"drkg.tsv": b"new", "embed/c.npy": b"c"}))
    get_dataset("toy")
    assert unpacked(folder) == {"drkg.tsv": b"new", "embed/c.npy": b"c"}


def test_the_archive_of_a_newer_data_set_is_unpacked_where_the_older_one_was(publish_tar):
    publish_tar(tar_of(INSIDE), "sha256")
    folder = get_dataset("toy")
    publish_tar(tar_of({"drkg.tsv": b"new", "embed/c.npy": b"c"}), "sha256")
    get_dataset("toy")
    assert unpacked(folder) == {"drkg.tsv": b"new", "embed/c.npy": b"c"}


def test_more_that_is_wanted_of_the_same_archive_is_unpacked(publish, publish_tar):
    publish_tar(tar_of(INSIDE))
    get_dataset("toy")
    publish({"toy.tar.gz": tar_of(INSIDE)}, None, ("glossary.tsv", *WANTED), "drkg")
    assert sorted(unpacked(get_dataset("toy"))) == sorted([*UNPACKED, "glossary.tsv"])


HOSTILE_TARS = {
    "a way up": tar_of(INSIDE | {"embed/../../../evil": b"evil"}),
    "a way up and down": tar_of(INSIDE | {"embed/../embed/a.npy": b"evil"}),
    "a link out of the folder": tar_of(INSIDE, link("embed/evil", "../../..")),
    "a link within the folder": tar_of(INSIDE, link("embed/evil", "a.npy")),
    "a hard link": tar_of(INSIDE, link("embed/evil", "../../secret", tarfile.LNKTYPE)),
    "a folder that is a link": tar_of(INSIDE, link("embed", "..")),
    "a pipe": tar_of(INSIDE, link("embed/evil", "", tarfile.FIFOTYPE)),
}


@pytest.mark.parametrize("archive", HOSTILE_TARS.values(), ids=HOSTILE_TARS.keys())
def test_a_hostile_tar_archive_is_refused_and_nothing_of_it_is_left(publish_tar, tmp_path, archive):
    (tmp_path / "secret").write_text("mine")
    publish_tar(archive)
    with pytest.raises(BadInputError, match=r"toy\.tar\.gz: holds '\.?/?embed.*', which is no plain file"):
        get_dataset("toy")
    assert files(tmp_path) == ["secret"]
    assert (tmp_path / "secret").read_text() == "mine"
    assert find_dataset("toy") is None


HOSTILE_ZIPS = {
    "a way up": zip_of({"top/a.csv": b"a", "top/../../../evil": b"evil"}),
    "a link": zip_of({"top/a.csv": b"a", "top/evil": b"../../.."}, {"top/evil": stat.S_IFLNK}),
    "a pipe": zip_of({"top/a.csv": b"a", "top/evil": b""}, {"top/evil": stat.S_IFIFO}),
}


@pytest.mark.parametrize("archive", HOSTILE_ZIPS.values(), ids=HOSTILE_ZIPS.keys())
def test_a_hostile_zip_archive_is_refused_and_nothing_of_it_is_left(publish, tmp_path, archive):
    publish({"toy.zip": archive}, None, ("top",))
    with pytest.raises(BadInputError, match=r"toy\.zip: holds 'top/.*evil', which is no plain file"):
        get_dataset("toy")
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["../evil", "../../drkg.tsv", "/evil", "/drkg.tsv", "{outside}/evil", "evil"])
def test_what_is_not_wanted_of_an_archive_is_written_nowhere(publish, publish_tar, tmp_path, name):
    evil = {name.format(outside=tmp_path): b"evil"}
    publish_tar(tar_of(evil | INSIDE))
    assert unpacked(get_dataset("toy")) == {name: INSIDE[f"./{name}"] for name in UNPACKED}
    publish({"toy.zip": zip_of(evil | {"drkg.tsv": b"facts", "embed/a": b"a"})}, None, WANTED, "drkg")
    assert unpacked(get_dataset("toy")) == {"drkg.tsv": b"facts", "embed/a": b"a"}
    assert not any("evil" in name for name in files(tmp_path))


def damaged(archive: bytes, at: int) -> bytes:
    return archive[:at] + bytes([archive[at] ^ 255]) + archive[at + 1 :]


LARGE = tar_of(INSIDE | {"./embed/large.npy": CONTENT})
PLAIN = gzip.decompress(LARGE)
BROKEN = {
    "of other bytes": damaged(LARGE, len(LARGE) // 2),  # they unpack, but gzip's checksum is another
    "of bytes that mean nothing": gzip.compress(PLAIN[:50_000]) + damaged(gzip.compress(PLAIN[50_000:]), 20),
    "cut short": tar_of(INSIDE | {"./embed/large": os.urandom(50_000)})[:30_000],
    "no archive": b"<html>maintenance</html>",
    "of nothing": b"",
    "without the facts": tar_of({"embed/a.npy": b"a"}),
}


@pytest.mark.parametrize("archive", BROKEN.values(), ids=BROKEN.keys())
def test_an_archive_that_cannot_be_unpacked_is_neither_kept_nor_recorded(publish_tar, server, cache, archive):
    publish_tar(archive)
    with pytest.raises(BadInputError, match=r"toy\.tar\.gz: (cannot be unpacked: .|has no drkg\.tsv)"):
        get_dataset("toy")
    assert files(cache) == []
    server.replies["/toy.tar.gz"] = gives(tar_of(INSIDE))
    assert sorted(unpacked(get_dataset("toy"))) == UNPACKED


ZIP = zip_of({"top/a.csv": b"abcdefgh" * 1000})
BROKEN_ZIPS = {
    "damaged": damaged(ZIP, ZIP.index(b"top/a.csv") + 12),
    "cut short": ZIP[:-10],
    "locked": damaged(ZIP, ZIP.rindex(b"PK\1\2") + 8),  # the flags of the last file in the list
}


@pytest.mark.parametrize("archive", BROKEN_ZIPS.values(), ids=BROKEN_ZIPS.keys())
def test_a_broken_zip_archive_is_neither_kept_nor_recorded(publish, cache, archive):
    publish({"toy.zip": archive}, None, ("top",))
    with pytest.raises(BadInputError, match=r"toy\.zip: cannot be unpacked"):
        get_dataset("toy")
    assert files(cache) == []


def test_an_archive_with_its_published_checksum_that_lacks_something_is_kept(publish_tar, cache):
    publish_tar(tar_of({"embed/a.npy": b"a"}), "sha256")
    with pytest.raises(BadInputError, match=r"has no drkg\.tsv"):
        get_dataset("toy")
    assert files(cache) == ["toy/toy.tar.gz"]


def test_unpacking_that_is_stopped_leaves_nothing_to_be_taken_for_the_data_set(publish_tar, server, monkeypatch):
    publish_tar(tar_of(INSIDE))
    extract, seen = tarfile.TarFile.extract, []

    def stopped(tar: tarfile.TarFile, member: tarfile.TarInfo, *rest: object, **more: object) -> None:
        seen.append(member.name)
        if len(seen) == 3:
            raise KeyboardInterrupt
        extract(tar, member, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "extract", stopped)
        with pytest.raises(KeyboardInterrupt):
            get_dataset("toy")
    assert len(seen) == 3
    assert unpacked(cache_folder() / "toy") == {}
    assert find_dataset("toy") is None
    server.stop()
    assert sorted(unpacked(get_dataset("toy"))) == UNPACKED


@pytest.mark.parametrize("again", [False, True], ids=["the first time", "over what is damaged"])
def test_what_was_unpacked_is_known_by_its_last_file_only_when_all_is_there(publish_tar, monkeypatch, again):
    publish_tar(tar_of(INSIDE))
    if again:
        (get_dataset("toy") / "embed/a.npy").write_bytes(b"damaged")
    rename = Path.rename

    def stopped(path: Path, target: Path) -> Path:
        if path.name == "drkg.tsv":
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stopped)
        with pytest.raises(KeyboardInterrupt):
            get_dataset("toy")
    assert sorted(unpacked(cache_folder() / "toy")) == ["embed/a.npy", "embed/deep/b.npy"]
    assert find_dataset("toy") is None
    assert sorted(unpacked(get_dataset("toy"))) == UNPACKED


def test_what_a_killed_process_left_of_its_unpacking_is_swept_away(publish_tar, cache):
    publish_tar(tar_of(INSIDE))
    left = cache / "toy/toy.tar.gz.unpacking/embed/junk.npy"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"junk")
    assert sorted(unpacked(get_dataset("toy"))) == UNPACKED


# The data sets


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_says_where_it_comes_from_and_what_it_is(name):
    dataset = DATASETS[name]
    assert dataset.name == name
    assert dataset.form in FORMS
    assert dataset.licence
    for file in dataset.files:
        assert file.url.startswith("https://")
        assert file.checksum is None or re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", file.checksum)


KINDS = ("Anatomy", "Biological Process", "Cellular Component", "Compound", "Disease", "Gene", "Molecular Function",
         "Pathway", "Pharmacologic Class", "Side Effect", "Symptom")  # fmt: skip
PRIMEKG = """\
relation,display_relation,x_index,x_id,x_type,x_name,x_source,y_index,y_id,y_type,y_name,y_source
indication,indication,0,DB1,drug,aspirin,DrugBank,1,2,disease,pain,MONDO
indication,indication,1,2,disease,pain,MONDO,0,DB1,drug,aspirin,DrugBank
"""
SMALL = {  # what the publishers' files hold, on a small scale
    "hetionet": {
        "hetionet-v1.0-nodes.tsv": ("id\tname\tkind\n" + "".join(f"{k}::1\t{k} one\t{k}\n" for k in KINDS)).encode(),
        "hetionet-v1.0-edges.sif.gz": gzip.compress(b"source\tmetaedge\ttarget\nCompound::1\tCtD\tDisease::1\n"),
    },
    "drkg": {
        "drkg.tar.gz": tar_of(
            {
                "./drkg.tsv": b"Compound::DB1\tDRUGBANK::treats::Compound:Disease\tDisease::MESH:D1\n",
                "./embed/entities.tsv": b"Compound::DB1\t0\n",
            }
        )
    },
    "primekg": {"kg.csv": PRIMEKG.encode()},
    "openbiolink": {
        "HQ_DIR.zip": zip_of(
            {
                "HQ_DIR/graph_files/nodes.csv": b"PUBCHEM:1\tDRUG\nDOID:1\tDIS\n",
                "HQ_DIR/graph_files/edges.csv": b"DOID:1\tDIS_DRUG\tPUBCHEM:1\t900\tCTD\n",
                "HQ_DIR/train_test_data/train_sample.csv": b"large",
            }
        )
    },
}


@pytest.mark.parametrize("name", DATASETS)
def test_a_downloaded_data_set_is_loaded_by_its_name(name, server, monkeypatch):
    dataset, small = DATASETS[name], SMALL[name]
    assert [file.name for file in dataset.files] == list(small)
    with pytest.raises(KgdrugError, match=f"kgdrug data get {name}"):
        load_graph(name)
    server.replies |= {f"/{file}": gives(content) for file, content in small.items()}
    remote = tuple(replace(f, url=f"{server.address}/{f.name}", checksum=None) for f in dataset.files)
    monkeypatch.setitem(DATASETS, name, replace(dataset, files=remote))
    assert get_dataset(name) == find_dataset(name)
    graph = load_graph(name)
    assert len(graph.triples) == 1
    facts = graph.metaedges[graph.triples[0, 1]]
    assert (facts.head_type, facts.tail_type) in {("Compound", "Disease"), ("drug", "disease"), ("DRUG", "DIS")}
    assert (facts.licence, facts.version) != ("", "")
    assert not list(cache_folder().rglob("*train_sample*"))


# By hand


NODES, EDGES = SMALL["hetionet"].values()


@pytest.fixture
def toy(publish) -> None:
    publish({"hetionet-v1.0-nodes.tsv": NODES, "hetionet-v1.0-edges.sif.gz": EDGES})


def test_a_data_set_is_got_with_a_line_for_each_file_and_then_found(toy, kgdrug_command, server, cache):
    lines = f"hetionet-v1.0-nodes.tsv: {len(NODES)} bytes downloaded\n"
    lines += f"hetionet-v1.0-edges.sif.gz: {len(EDGES)} bytes downloaded\n"
    done = kgdrug_command("data", "get", "toy")
    assert (done.code, done.out, done.err) == (0, f"toy is in {cache / 'toy'}\n", lines)
    server.stop()
    done = kgdrug_command("data", "get", "toy")
    assert (done.code, done.out, done.err) == (0, f"toy is in {cache / 'toy'}\n", "")


def test_a_command_repairs_what_is_damaged_in_the_cache(toy, kgdrug_command, cache):
    kgdrug_command("data", "get", "toy")
    (cache / "toy/hetionet-v1.0-nodes.tsv").write_bytes(b"id\tname\tkind\n")
    done = kgdrug_command("data", "get", "toy")
    assert (done.code, done.err) == (0, f"hetionet-v1.0-nodes.tsv: {len(NODES)} bytes downloaded\n")
    assert (cache / "toy/hetionet-v1.0-nodes.tsv").read_bytes() == NODES


def test_the_folder_of_kgdrug_data_comes_before_any_download(toy, kgdrug_command, server, tmp_path, monkeypatch):
    monkeypatch.setenv("KGDRUG_DATA", str(tmp_path / "data"))
    (tmp_path / "data/toy").mkdir(parents=True)
    for name, content in SMALL["hetionet"].items():
        (tmp_path / "data/toy" / name).write_bytes(content)
    done = kgdrug_command("data", "get", "toy")
    assert (done.code, done.out, done.err) == (0, f"toy is in {tmp_path / 'data/toy'}\n", "")
    assert server.asked == []
    assert len(load_graph("toy").triples) == 1
    (tmp_path / "data/toy/hetionet-v1.0-nodes.tsv").unlink()
    assert kgdrug_command("data", "get", "toy").out == f"toy is in {cache_folder() / 'toy'}\n"


def test_without_a_network_one_line_names_the_address_and_the_way_out(toy, kgdrug_command, server):
    server.stop()
    done = kgdrug_command("data", "get", "toy")
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch(rf"kgdrug: {server.address}/hetionet-v1\.0-nodes\.tsv: .*KGDRUG_DATA.*toy/\n", done.err)


def test_a_command_that_is_stopped_by_hand_goes_on_when_it_is_run_again(publish, kgdrug_command, server, monkeypatch):
    publish({"nodes.tsv": CONTENT})

    @contextmanager
    def impatient() -> Iterator[type[Bar]]:
        yield StoppedByHand

    with monkeypatch.context() as patch:
        patch.setattr("kgdrug.cli.graphs.download_bars", impatient)
        done = kgdrug_command("data", "get", "toy")
    assert (done.code, done.out) == (130, "")
    assert done.err == "kgdrug: stopped by hand; the same command goes on where this stopped\n"
    assert kgdrug_command("data", "get", "toy").err == f"nodes.tsv: {len(CONTENT) / 1000:.1f} kB downloaded\n"
    assert server.ranges == [None, f"bytes={HALF}-"]


def test_a_terminal_is_shown_bytes_speed_and_time_left_of_what_is_still_to_come(monkeypatch):
    now = [0.0]
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120, get_time=lambda: now[0])
    monkeypatch.setattr(screen, "err", terminal)
    with screen.download_bars() as bar:
        shown = bar("kg.csv")
        shown.start(500_000_000, 1_000_000_000)
        for _ in range(4):
            now[0] += 1
            shown.update(50_000_000)
    last = next(line for line in reversed(re.split("[\r\n]", terminal.file.getvalue())) if "kg.csv" in line)
    for word in ("0.7/1.0 GB", "50.0 MB/s", "0:00:06"):
        assert word in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last)
