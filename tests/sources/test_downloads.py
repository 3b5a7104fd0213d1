"""Downloads from a real server on this machine."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pooch
import pytest

from kgdrug.errors import KgdrugError, UnknownNameError
from kgdrug.sources import cache_folder, get_dataset, load_graph
from kgdrug.sources.downloads import DATASETS, Dataset, RemoteFile

CONTENT = b"id\tname\tkind\n" + b"Gene::1\tINS\tGene\n" * 20_000
Reply = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Replies by path, and the paths that were asked for."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                server.replies.get(self.path, lambda h: h.send_error(404))(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))  # between its tries
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KGDRUG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def publish(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a data set `toy` of files by name; each has the SHA-256 of its content."""

    def add(**files: bytes) -> None:
        names = {name: name.replace("__", "-").replace("_", ".") for name in files}
        remote = tuple(
            RemoteFile(names[key], f"{server.address}/{names[key]}", hashlib.sha256(content).hexdigest())
            for key, content in files.items()
        )
        monkeypatch.setitem(DATASETS, "toy", Dataset("toy", "a toy", "CC0 1.0", remote))
        server.replies |= {f"/{names[key]}": sends(content) for key, content in files.items()}

    return add


def sends(content: bytes, of: int | None = None, **headers: str) -> Reply:
    """A reply with this content, which claims to be `of` bytes long."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if of is None else of))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return reply


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


class Bar:
    """What pooch asks of a progress bar, and what it did with it."""

    def __init__(self, name: str) -> None:
        self.name, self.total, self.done, self.steps, self.closed = name, 0, 0, 0, False

    def update(self, n: int) -> None:
        assert not self.closed
        self.done += n
        self.steps += 1

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.closed = True


def test_a_data_set_comes_into_the_cache_with_its_bytes(publish, server, cache):
    publish(nodes_tsv=CONTENT, edges_sif_gz=gzip.compress(CONTENT))
    folder = get_dataset("toy")
    assert folder == cache / "toy" == cache_folder() / "toy"
    assert (folder / "nodes.tsv").read_bytes() == CONTENT
    assert gzip.decompress((folder / "edges.sif.gz").read_bytes()) == CONTENT
    assert files(cache) == ["toy/edges.sif.gz", "toy/nodes.tsv"]
    assert sorted(server.asked) == ["/edges.sif.gz", "/nodes.tsv"]


def test_what_is_in_the_cache_is_not_fetched_again(publish, server):
    publish(nodes_tsv=CONTENT)
    get_dataset("toy")
    server.asked.clear()
    server.replies.clear()
    get_dataset("toy")
    assert server.asked == []


def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(publish, server):
    publish(nodes_tsv=CONTENT, other_tsv=b"other")
    folder = get_dataset("toy")
    server.asked.clear()
    (folder / "nodes.tsv").write_bytes(CONTENT[:-1])
    get_dataset("toy")
    assert (folder / "nodes.tsv").read_bytes() == CONTENT
    assert server.asked == ["/nodes.tsv"]


def test_progress_is_shown_for_each_file_up_to_its_size(publish):
    publish(nodes_tsv=CONTENT, other_tsv=b"other")
    bars = []

    def progress(name: str) -> Bar:
        bars.append(Bar(name))
        return bars[-1]

    get_dataset("toy", progress)
    assert [(bar.name, bar.total, bar.done, bar.closed) for bar in bars] == [
        ("nodes.tsv", len(CONTENT), len(CONTENT), True),
        ("other.tsv", 5, 5, True),
    ]
    assert bars[0].steps > 10, "a bar that moves once shows nothing"


def test_a_file_with_another_checksum_is_an_error_and_does_not_stay(publish, server, cache):
    publish(nodes_tsv=CONTENT)
    server.replies["/nodes.tsv"] = sends(CONTENT[:-1] + b"X")
    with pytest.raises(KgdrugError, match=rf"{server.address}/nodes\.tsv: .*KGDRUG_DATA"):
        get_dataset("toy")
    assert files(cache) == []


def test_the_bar_is_closed_when_the_download_fails(publish, server):
    publish(nodes_tsv=CONTENT)
    server.replies.clear()
    bars = []
    with pytest.raises(KgdrugError):
        get_dataset("toy", lambda name: bars.append(Bar(name)) or bars[0])
    assert bars[0].closed


@pytest.mark.parametrize("status", [404, 403, 500, 503])
def test_an_error_of_the_server_is_an_error_that_names_the_address(publish, server, cache, status):
    publish(nodes_tsv=CONTENT)
    server.replies["/nodes.tsv"] = lambda handler: handler.send_error(status)
    with pytest.raises(KgdrugError, match=rf"{server.address}/nodes\.tsv: {status}.*check the network"):
        get_dataset("toy")
    assert files(cache) == []


def test_a_server_that_is_not_there_is_an_error(publish, server, cache):
    publish(nodes_tsv=CONTENT)
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(KgdrugError, match="check the network and try again"):
        get_dataset("toy")
    assert files(cache) == []


def test_a_connection_that_always_drops_halfway_is_an_error_and_leaves_nothing(publish, server, cache):
    publish(nodes_tsv=CONTENT)
    server.replies["/nodes.tsv"] = sends(CONTENT[: len(CONTENT) // 2], of=len(CONTENT))
    with pytest.raises(KgdrugError, match=rf"{server.address}/nodes\.tsv"):
        get_dataset("toy")
    assert files(cache) == []
    assert len(server.asked) > 1, "one dropped connection is worth another try"


def test_a_connection_that_drops_once_is_tried_again(publish, server):
    publish(nodes_tsv=CONTENT)
    replies = iter([sends(CONTENT[:1000], of=len(CONTENT)), sends(CONTENT)])
    server.replies["/nodes.tsv"] = lambda handler: next(replies)(handler)
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.asked == ["/nodes.tsv"] * 2


def test_what_came_before_a_failure_is_kept(publish, server, cache):
    publish(first_tsv=b"first", second_tsv=b"second")
    del server.replies["/second.tsv"]
    with pytest.raises(KgdrugError):
        get_dataset("toy")
    assert files(cache) == ["toy/first.tsv"]


def test_a_redirect_is_followed(publish, server):
    publish(nodes_tsv=CONTENT)
    server.replies["/elsewhere"] = server.replies["/nodes.tsv"]

    def moved(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.replies["/nodes.tsv"] = moved
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT
    assert server.asked == ["/nodes.tsv", "/elsewhere"]


def test_a_file_that_the_server_packs_on_the_way_arrives_unpacked(publish, server):
    publish(nodes_tsv=CONTENT)
    server.replies["/nodes.tsv"] = sends(gzip.compress(CONTENT), Content_Encoding="gzip")
    assert (get_dataset("toy") / "nodes.tsv").read_bytes() == CONTENT


def test_an_unknown_data_set_names_those_there_are(publish):
    publish(nodes_tsv=CONTENT)
    with pytest.raises(UnknownNameError, match="unknown data set 'hetio'; did you mean hetionet, toy"):
        get_dataset("hetio")


def test_a_downloaded_data_set_is_loaded_by_its_name(publish, server):
    kinds = "Anatomy,Biological Process,Cellular Component,Compound,Disease,Gene,Molecular Function,Pathway"
    kinds += ",Pharmacologic Class,Side Effect,Symptom"
    nodes = "id\tname\tkind\n" + "".join(f"{kind}::1\t{kind} one\t{kind}\n" for kind in kinds.split(","))
    edges = "source\tmetaedge\ttarget\nCompound::1\tCtD\tDisease::1\n"
    publish(
        **{"hetionet__v1_0__nodes_tsv": nodes.encode(), "hetionet__v1_0__edges_sif_gz": gzip.compress(edges.encode())}
    )
    with pytest.raises(KgdrugError, match="kgdrug data get toy"):
        load_graph("toy")
    assert files(get_dataset("toy")) == ["hetionet-v1.0-edges.sif.gz", "hetionet-v1.0-nodes.tsv"]
    graph = load_graph("toy")
    assert [graph.text(t) for t in graph.triples] == ["Compound one treats Disease one"]


def test_the_cache_is_the_systems_own_where_none_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("KGDRUG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().name.lower() == "kgdrug"
