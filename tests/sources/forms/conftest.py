"""For the tests of all forms: real rows of the published ones, graphs with odd ids, files with a few bytes changed."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from kgdrug.errors import BadInputError
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.sources import FORMS, Reading

Files = Mapping[str, str | bytes]

DATA = Path(__file__).with_name("data")
RELATIONS = ("treats", "indication", "binds", "is a", 'says "so"', "a>b", "part:of", "résout")
ABBREVIATIONS = (
    "CtD",
    "Gr>G",
    "GpBP",
    "x::y",
    "treats",
    "a>b:Gene-Gene",
    "part:of",
    "p:Compound-Gene",
    "says, so",
    "é",
)


@pytest.fixture(scope="session")
def published() -> Callable[[str], dict[str, str]]:
    """Name and content of the files of a form: a few real rows, as they are published."""
    return lambda form: {path.name: path.read_text("utf-8") for path in sorted((DATA / form).iterdir())}


@pytest.fixture(scope="session")
def put() -> Callable[[str, Files, Path], Path]:
    """Writes the files of a form into a folder; gives the path that is read."""

    def put_files(form: str, files: Files, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder if FORMS[form].folder else folder / next(iter(files))

    return put_files


@pytest.fixture
def bad_line(published, put, tmp_path) -> Callable[..., None]:
    """Checks what becomes of one bad line among good ones, in one file of a form."""

    def check(form: str, name: str, line: int, text: str | bytes, kind: str, message: str) -> None:
        """The text as this line (from 1, others move down) is refused with a message, or set aside as of a kind."""
        good = published(form)
        lines = good[name].encode().splitlines(keepends=True)
        lines.insert(line - 1, (text.encode() if isinstance(text, str) else text) + b"\n")
        path = put(form, good | {name: b"".join(lines)}, tmp_path / "bad")
        file = path if path.is_file() else path / name
        with pytest.raises(BadInputError) as caught:
            FORMS[form].read(path, Reading())
        assert (caught.value.file, caught.value.line) == (file, line)
        assert message in str(caught.value)
        reading = Reading(skip_bad_lines=True)
        graph = FORMS[form].read(path, reading)
        assert [(bad.file, bad.line, bad.kind) for bad in reading.bad_lines] == [(str(file), line, kind)]
        assert message in reading.bad_lines[0].message
        expected = FORMS[form].read(put(form, good, tmp_path / "good"), Reading())
        assert graph.digest == expected.digest
        assert graph.entities.names == expected.entities.names
        assert graph.metaedges == expected.metaedges

    return check


@pytest.fixture(scope="session")
def facts_of() -> Callable[[KnowledgeGraph], set[tuple[str, str, str]]]:
    """The triples of a graph as head id, abbreviation and tail id."""

    def facts(graph: KnowledgeGraph) -> set[tuple[str, str, str]]:
        ids = graph.entities.ids
        return {(ids[h], graph.metaedges[r].abbreviation, ids[t]) for h, r, t in graph.triples.tolist()}

    return facts


@pytest.fixture(scope="session")
def odd_graphs(random_graphs: st.SearchStrategy[KnowledgeGraph]) -> st.SearchStrategy[KnowledgeGraph]:
    """Random graphs whose ids are CURIEs, `Type::x` or plain, near to each other, and whose relations are odd."""
    known = [
        "DB1",
        "db1",
        "1",
        "HP:1",
        "DRUGBANK:DB1",
        "MESH:1",
        "NCBIGene:1",
        "Compound::Compound::1",
        ":",
        "a:",
        ":a",
    ]
    typed = st.builds("{}::{}".format, st.sampled_from(["Compound", "Disease", "Gene"]), st.sampled_from(known))
    an_id = st.one_of(st.sampled_from(known), typed, st.text("aß \"',;:|>&<é\u2028猫", min_size=1, max_size=4))

    @st.composite
    def draw_graph(draw: st.DrawFn) -> KnowledgeGraph:
        graph = draw(random_graphs)
        ids = draw(st.lists(an_id, min_size=len(graph.entities), max_size=len(graph.entities), unique=True))
        ids = [i for t in graph.entity_types for i in sorted(ids[t.start : t.stop])]
        n = graph.relations
        short = sorted(draw(st.lists(st.sampled_from(ABBREVIATIONS), min_size=n, max_size=n, unique=True)))
        metaedges = tuple(
            replace(e, abbreviation=name, relation=draw(st.sampled_from(RELATIONS)))
            for e, name in zip(graph.metaedges, short, strict=True)
        )
        treats = tuple(name for name in short if draw(st.booleans()))
        entities = Vocabulary(ids, graph.entities.names)
        return replace(graph, entities=entities, metaedges=metaedges, treats=treats, annotations=())

    return draw_graph()


@pytest.fixture(scope="session")
def damaged() -> Callable[[bytes, random.Random], bytes]:
    """The content of a file with some bytes flipped, deleted, doubled or put in, or with its end cut off."""

    def damage(content: bytes, chance: random.Random) -> bytes:
        put_in = [b"\t", b"\n", b",", b'"', b"\0", b"\r", b"\xff", b"{", b"]", b":", b"\\ud800", b"\\u0000", b"1e999"]
        for _ in range(chance.randint(1, 3)):
            start = chance.randrange(len(content) + 1)
            stop = min(len(content), start + chance.choice([1, 1, 2, 10, 100]))
            piece = content[start:stop]
            flipped = bytes(byte ^ 1 << chance.randrange(8) for byte in piece)
            changed = chance.choice(
                [b"", piece * 2, flipped, chance.choice(put_in), piece[:-1] + chance.choice(put_in)]
            )
            content = content[:start] + changed + content[stop:]
        return content[: chance.randrange(len(content) + 1)] if chance.random() < 0.1 else content

    return damage


@pytest.fixture(scope="session")
def medicine() -> KnowledgeGraph:
    """A graph of no published form: names, a structure, an entity without a triple, licences, ids of three kinds."""
    return KnowledgeGraph(
        Vocabulary(
            ["Compound::DB00331", "Compound::DB00945", "DOID:9352", "3630"],
            ["Metformin", "Aspirin", "type 2 diabetes mellitus", "INS"],
        ),
        (EntityType("Compound", 0, 2), EntityType("Disease", 2, 3), EntityType("Gene", 3, 4)),
        (
            Metaedge("CtD", "Compound", "treats", "Disease", "CC0 1.0", "textbook", "2"),
            Metaedge("linked:Disease-Gene", "Disease", "linked", "Gene", "CC BY 4.0", "atlas"),
        ),
        np.array([[0, 0, 2], [2, 1, 3]], np.int64),
        ("CtD",),
        smiles={1: "CC(=O)Oc1ccccc1C(=O)O"},
    )
