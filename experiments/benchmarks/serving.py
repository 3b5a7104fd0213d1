"""The service under load: one task in one fresh process, which prints a line of JSON.

    python experiments/benchmarks/serving.py make GRAPH FOLDER
    python experiments/benchmarks/serving.py measure FOLDER SERVER [setting=value ...]
    python experiments/benchmarks/serving.py filtered FOLDER
    python experiments/benchmarks/serving.py explain FOLDER

Everyone has the same model, a table of random numbers for a graph of Hetionet's shape: quality is no matter here. The
question is that for the best 20 of all compounds for a disease, with names and known facts, all diseases in turn.
Servers run with OMP_NUM_THREADS=1: a product of this size is too small for two threads, and wrk needs the other core.
"""

import http.client
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
from processes import free_ports, peak_mb, running
from servers import KGDRUG, SERVERS, TOP, Server
from tasks import main, result
from wrk import load

if TYPE_CHECKING:
    from kgdrug import TrainedModel

PATIENCE = 120.0  # seconds that a server has until it answers
PAIRS = 500  # to explain, half of them treatments
Shown = list[Any]  # id, name, metaedges of known facts


@dataclass(frozen=True)
class Running:
    """A server that answers. own: a folder for files about it; process: the one that was started."""

    server: Server
    port: int
    own: Path
    process: int


def make(graph: str, out: str, *, dim: int = 200, seed: int = 0) -> None:
    """Of a built graph: `model`, a trained-model folder; `content`, the same for peers; questions and their answers.

    Numbers are sixteenths, so that sums are exact and all servers rank alike, in whatever order they add.
    """
    import torch

    import kgdrug
    from kgdrug.config import SplitConfig, experiment_from

    made, folder, random = kgdrug.load_graph(graph), Path(out), np.random.default_rng(seed)
    rows = len(made.entities), 2 * made.relations
    tables = [torch.from_numpy(random.integers(-16, 17, (n, dim)).astype(np.float32) / 16) for n in rows]
    said = {"name": "serving", "graph": {"source": graph}, "model": {"score": "complex", "dimension": dim}}
    split = kgdrug.split_graph(made, SplitConfig())
    model = kgdrug.TrainedModel([kgdrug.TableModel("complex", *tables)], split, experiment_from(said, "serving.py"))
    (folder / "model").mkdir(parents=True)
    kgdrug.save_trained(model, folder / "model")
    write_content(model, folder / "content")
    ids, compounds, diseases = made.entities.ids, *(made.entity_type(name).range for name in ("Compound", "Disease"))
    for name, filters in (("expected", kgdrug.Filters()), ("filtered", kgdrug.Filters(approved=True))):
        expected = {}
        for i in diseases:
            answers = kgdrug.predict(model, disease=ids[i], top=TOP, filters=filters)
            expected[ids[i]] = [shown(a.id, a.name, [fact.metaedge for fact in a.known]) for a in answers]
        _write(folder / f"{name}.json", expected)
    treated = split.train[np.isin(split.train[:, 1], made.treatment_relations)][:, [0, 2]]
    others = np.stack([random.choice(compounds, PAIRS // 2), random.choice(diseases, PAIRS // 2)], 1)
    pairs = random.permutation(np.concatenate([random.permutation(treated)[: PAIRS // 2], others]))
    _write(folder / "pairs.json", [[ids[compound], ids[disease]] for compound, disease in pairs.tolist()])
    result.update(entities=rows[0], compounds=len(compounds), diseases=len(diseases))


def write_content(model: "TrainedModel", folder: Path) -> None:
    """What `serving_peers/content.py` reads: the model's tables, compounds, diseases and what is known of each pair."""
    import kgdrug

    graph, (table,), (treats,) = model.graph, model.members, model.graph.treatment_relations
    assert isinstance(table, kgdrug.TableModel)
    compounds, diseases = (graph.entity_type(name) for name in ("Compound", "Disease"))
    ids, names, known = graph.entities.ids, graph.entities.names, {}
    for i in diseases.range:
        everything = kgdrug.predict(model, disease=ids[i], top=len(compounds.range))
        known[ids[i]] = {
            graph.entities.index(a.id) - compounds.start: [asdict(fact) for fact in a.known]
            for a in everything
            if a.known
        }
    folder.mkdir()
    np.save(folder / "entity.npy", table.entity.numpy())
    np.save(folder / "relation.npy", table.relation[treats + graph.relations].numpy())
    about = {
        "type": compounds.name,
        "candidates": [compounds.start, compounds.stop],
        "ids": [ids[i] for i in compounds.range],
        "names": [names[i] for i in compounds.range],
        "diseases": {ids[i]: i for i in diseases.range},
        "known": known,
    }
    _write(folder / "about.json", about)


def measure(
    made: str,
    name: str,
    *,
    connections: tuple[int, ...] = (1, 16),
    seconds: int = 4,
    warm_up: int = 2,
    **settings: Any,
) -> None:
    """One server from its start to its end: ready, all answers as expected, then under load of so many connections.

    peak_mb: the sum over its processes, of which each counts what it shares.
    """
    server = SERVERS[name]
    with serving(server, Path(made), **settings) as up:
        questions, url = checked(server, up, Path(made) / "expected.json"), f"http://127.0.0.1:{up.port}{server.path}"
        load(url, questions, 16, warm_up)
        for c in connections:
            result[f"c{c}"] = vars(load(url, questions, c, seconds))
        peaks = peak_mb(up.process)
    result.update(peak_mb=sum(peaks.values()), processes=len(peaks), settings=server.settings | settings)


def filtered(made: str, *, times: int = 8, seconds: int = 1) -> None:
    """Questions for compounds that treat something alone, and for all, in turn: kgdrug alone knows how to.

    share: the median of the rate of the one as a part of the other's, each of two loads that follow each other.
    """
    of_treating = replace(KGDRUG, ask=lambda disease: {"disease": disease, "top": TOP, "filters": {"approved": True}})
    with serving(KGDRUG, Path(made)) as up:
        url = f"http://127.0.0.1:{up.port}{KGDRUG.path}"
        every, some = (
            checked(KGDRUG, up, Path(made) / "expected.json"),
            checked(of_treating, up, Path(made) / "filtered.json"),
        )
        load(url, every, 16, 2)
        for c in (1, 16):
            rates = [[load(url, asked, c, seconds).per_second for asked in (every, some)] for _ in range(times)]
            everything, less = np.array(rates).T
            result[f"c{c}"] = {
                "per_second": float(np.median(less)),
                "of_all_per_second": float(np.median(everything)),
                "share": float(np.median(less / everything)),
            }
        peaks = peak_mb(up.process)
    result.update(peak_mb=sum(peaks.values()), settings=KGDRUG.settings)


def checked(server: Server, up: Running, due: Path) -> Path:
    """A file of questions, one a line, to a server that gave each the answers that were due."""
    expected = _read(due)
    for disease, answer in expected.items():
        status, reply = post(server, up.port, disease)
        if status != 200 or answers(reply) != answer:
            raise SystemExit(f"{server.title} answers {disease} with {status} {reply!r}, not with {answer}")
    questions = up.own / f"{due.stem}.jsonl"
    questions.write_text("".join(f"{json.dumps(server.ask(disease))}\n" for disease in expected), encoding="utf-8")
    return questions


def explain(made: str, *, limit: float = 10) -> None:
    """Explanations of many pairs, each asked for once, one after the other; `there`: whether the service has them.

    limit: seconds of asking.
    """
    taken: list[float] = []
    with serving(KGDRUG, Path(made)) as up:
        connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=PATIENCE)
        for compound, disease in _read(Path(made) / "pairs.json"):
            path = f"/v1/explain?{urlencode({'compound': compound, 'disease': disease})}"
            asked = time.perf_counter()
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            taken.append(time.perf_counter() - asked)
            if response.status == 404 and len(taken) == 1:
                result.update(there=False)
                return
            if response.status != 200:
                raise SystemExit(f"kgdrug: {response.status} for GET {path}: {body[:500]!r}")
            json.loads(body)
            if sum(taken) > limit:
                break
        peaks = peak_mb(up.process)
    p50, p95 = (1000 * np.percentile(taken, [50, 95])).tolist()
    result.update(there=True, p50=p50, p95=p95, first=1000 * taken[0], pairs=len(taken), peak_mb=sum(peaks.values()))


@contextmanager
def serving(server: Server, made: Path, **settings: Any) -> Iterator[Running]:
    """A server that answers; `seconds` count from its start to its first answer. If all fails its log is shown."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # who ends us ends the server too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        own, log = Path(folder), Path(folder) / "log"
        launch = server.launch(made, own, port, **settings)
        # numpy chooses its kernels itself, and peers have nothing of ours on their path
        without = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONPATH")
        env = {name: value for name, value in os.environ.items() if name not in without}
        env |= {"OMP_NUM_THREADS": "1", "PATH": f"{server.python.parent}{os.pathsep}{env['PATH']}", **launch.env}
        first = next(iter(_read(made / "expected.json")))
        try:
            started = time.perf_counter()
            with running(launch.command, env, log) as process:
                while (came := post(server, port, first))[0] != 200:
                    if process.poll() is not None:
                        raise SystemExit(f"{server.title} ended with {process.returncode}")
                    if time.perf_counter() - started > PATIENCE:
                        raise SystemExit(f"{server.title} does not answer; the last that came is {came}")
                    time.sleep(0.05)
                result["seconds"] = time.perf_counter() - started
                yield Running(server, port, own, process.pid)
        except BaseException:
            print(log.read_text(errors="replace")[-2000:], file=sys.stderr)
            raise


def post(server: Server, port: int, disease: str) -> tuple[int, bytes]:
    """What the server replies to a question about a disease: HTTP's status and the body; 0 where nothing came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        body = json.dumps(server.ask(disease)).encode()
        connection.request("POST", server.path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error).encode()
    finally:
        connection.close()


def answers(reply: bytes) -> list[Shown]:
    """The answers of a reply, best first, as far as all servers give them."""
    return [shown(a["id"], a["name"], [fact["metaedge"] for fact in a["known"]]) for a in json.loads(reply)["answers"]]


def shown(entity: str, name: str, known: list[str]) -> Shown:
    """What all servers have to say of one answer: its id, its name and the metaedges that it is known by."""
    return [entity, name, sorted(known)]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main({"make": make, "measure": measure, "filtered": filtered, "explain": explain})
