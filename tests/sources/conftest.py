"""Every test here starts without shared data and with an empty cache of its own."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.graph.annotations import STATUSES, Annotation

CHECKOUT = Path(__file__).parents[2]
_GIVEN = os.environ.get("KGDRUG_DATA")  # before the tests take it away


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.delenv("KGDRUG_DATA", raising=False)
    monkeypatch.setenv("KGDRUG_CACHE", str(tmp_path_factory.getbasetemp() / "no cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The published data, which tests skip without: `KGDRUG_DATA`, else `../shared/data` beside the checkout."""
    folder = Path(_GIVEN) if _GIVEN else CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the published data: set KGDRUG_DATA, or put them into ../shared/data")
    return folder.resolve()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file below `tmp_path`, its folders with it."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


ODD = ["Metformin", "metformin", "Sjögren's syndrome", "a, b", 'the "best", so far', '"', "x:y", "A>B", "猫", " blank "]
ODD += ["NA", "null", "1", "01", "1.0", "#", "a;b", "a|b", "<&>", "\u2028", "-", "\\", "'", "{}", "Ⅷ", "é", "e\u0301"]


@pytest.fixture(scope="session")
def random_graphs() -> st.SearchStrategy[KnowledgeGraph]:
    """Small graphs with odd ids and names, which are unique within a type but for case.

    Each metaedge has a triple; several may share a relation; some entities have no triple. Structures, licences,
    treatments and annotations may be there or not.
    """
    word = st.one_of(st.sampled_from(ODD), st.text("abA :>,\"'é", min_size=1, max_size=4))

    @st.composite
    def draw_graph(draw: st.DrawFn) -> KnowledgeGraph:
        types = sorted(draw(st.sets(st.sampled_from(["Compound", "Disease", "Gene", 'odd, "type"']), min_size=1)))
        by_type = [sorted(draw(st.sets(word, min_size=1, max_size=4))) for _ in types]
        ids = [i for words in by_type for i in words]
        if len(set(ids)) < len(ids) or draw(st.booleans()):
            ids = [f"{t}::{i}" for t, words in zip(types, by_type, strict=True) for i in words]
        names = [n for words in by_type for n in draw(st.permutations(words))]
        starts = np.cumsum([0, *map(len, by_type)]).tolist()
        entity_types = tuple(EntityType(t, starts[i], starts[i + 1]) for i, t in enumerate(types))
        kind = st.tuples(st.sampled_from(["treats", "is, a", "r"]), *[st.sampled_from(entity_types)] * 2)
        kinds = draw(st.sets(kind, min_size=1, max_size=5))
        shared = [relation for relation, _, _ in kinds]
        about = st.sampled_from(["", "CC0 1.0", "CC BY-NC 4.0", 'a, "b"; c'])
        metaedges, facts = [], []
        for relation, head_type, tail_type in sorted(kinds, key=str):
            pair = f"{relation}:{head_type.name}-{tail_type.name}"
            own = pair if shared.count(relation) > 1 else draw(st.sampled_from([relation, pair, relation + ">"]))
            e = Metaedge(own, head_type.name, relation, tail_type.name, *(draw(about) for _ in range(3)))
            metaedges.append(e)
            ends = st.tuples(st.sampled_from(head_type.range), st.sampled_from(tail_type.range))
            facts += [(e.abbreviation, *end) for end in draw(st.sets(ends, min_size=1, max_size=4))]
        metaedges.sort(key=lambda e: e.abbreviation)
        place = {e.abbreviation: i for i, e in enumerate(metaedges)}
        rows = sorted((place[name], head, tail) for name, head, tail in facts)
        entity = st.integers(0, len(ids) - 1)
        annotation = st.builds(Annotation, entity, entity, st.sampled_from(STATUSES), about, about, about)
        return KnowledgeGraph(
            Vocabulary(ids, names),
            entity_types,
            tuple(metaedges),
            np.array([(h, r, t) for r, h, t in rows], np.int64).reshape(-1, 3),
            tuple(sorted(name for name in place if draw(st.booleans()))),
            "graph",
            draw(st.dictionaries(entity, st.sampled_from(["CC(=O)O", "[Na+].[Cl-]", "C/C=C\\C"]), max_size=3)),
            tuple(sorted(draw(st.sets(annotation, max_size=3)))),
        )

    return draw_graph()
