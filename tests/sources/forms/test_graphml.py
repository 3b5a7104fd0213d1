import bz2
import gzip
import lzma
import tempfile
from dataclasses import replace
from pathlib import Path

import networkx
import pandas
import pytest
import zstandard
from hypothesis import given, settings

from kgdrug.errors import BadInputError
from kgdrug.graph import Vocabulary, to_networkx
from kgdrug.sources import Reading, from_networkx, from_pandas, load_graph, write_graph

PACK = {".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
KEYS = """\
<key id="t" for="node" attr.name="type" attr.type="string"/>
<key id="n" for="node" attr.name="name" attr.type="string"/>
<key id="m" for="edge" attr.name="metaedge" attr.type="string"/>
<key id="r" for="edge" attr.name="relation" attr.type="string"/>
<key id="licence" for="graph" attr.name="licence" attr.type="string"/>
<key id="treats" for="graph" attr.name="treats" attr.type="string"/>
"""
NODES = """\
<node id="DB1"><data key="t">Compound</data><data key="n">Aspirin</data></node>
<node id="1"><data key="t">Disease</data></node>
"""
EDGES = '<edge source="DB1" target="1"><data key="m">CtD</data><data key="r">treats</data></edge>\n'


def graphml(nodes: str = NODES, edges: str = EDGES, keys: str = KEYS, data: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
        f'{keys}<graph id="G" edgedefault="directed">\n{data}{nodes}{edges}</graph>\n</graphml>\n'
    )


def test_nodes_and_edges_are_read_by_the_names_of_their_data(write, facts_of):
    graph = load_graph(write("mine.graphml", graphml()))
    assert facts_of(graph) == {("DB1", "CtD", "1")}
    assert (graph.entities.names, graph.treats, graph.name) == (("Aspirin", "1"), ("CtD",), "mine")
    assert [t.name for t in graph.entity_types] == ["Compound", "Disease"]


def test_a_default_counts_where_a_node_or_edge_has_no_data(write):
    keys = KEYS.replace('"type" attr.type="string"/>', '"type" attr.type="string"><default>Gene</default></key>')
    keys = keys.replace('"metaedge" attr.type="string"/>', '"metaedge" attr.type="string"><default>GiG</default></key>')
    nodes = '<node id="1"/><node id="DB1"><data key="t">Compound</data></node>'
    graph = load_graph(write("mine.graphml", graphml(nodes, '<edge source="1" target="1"/>', keys)))
    assert [(t.name, len(t)) for t in graph.entity_types] == [("Compound", 1), ("Gene", 1)]
    assert [graph.text(triple) for triple in graph.triples] == ["1 GiG 1"]


@pytest.mark.parametrize(
    ("edge", "metaedge", "relation"),
    [
        ('<data key="m">CtD</data>', "CtD", "CtD"),
        ('<data key="r">treats</data>', "treats", "treats"),
        ('<data key="label">heals</data>', "heals", "heals"),
        ("", "e1", "e1"),
    ],
)
def test_an_edge_is_named_by_the_first_data_that_names_it_or_else_its_id(write, edge, metaedge, relation):
    graph = load_graph(write("mine.graphml", graphml(edges=f'<edge id="e1" source="DB1" target="1">{edge}</edge>')))
    assert [(e.abbreviation, e.relation) for e in graph.metaedges] == [(metaedge, relation)]


@pytest.mark.parametrize(
    ("said", "licence"), [('{"CtD": "CC0 1.0"}', "CC0 1.0"), ('{"CbG": "x", "CtD": 3}', ""), ("CC BY 4.0", "CC BY 4.0")]
)
def test_the_graph_says_the_licence_of_each_metaedge_or_of_all(write, said, licence):
    graph = load_graph(write("mine.graphml", graphml(data=f'<data key="licence">{said}</data>')))
    assert [e.licence for e in graph.metaedges] == [licence]


def test_treats_of_the_graph_counts_and_one_that_is_no_list_is_an_error(write):
    assert load_graph(write("none.graphml", graphml(data='<data key="treats">[]</data>'))).treats == ()
    for text in ("CtD", '{"CtD": 1}', "3"):
        with pytest.raises(BadInputError, match="treats of the graph should be a JSON list"):
            load_graph(write("mine.graphml", graphml(data=f'<data key="treats">{text}</data>')))


@pytest.mark.parametrize(
    ("nodes", "edges", "kind", "message"),
    [
        ("<node/>", "", "node", "record 3 of nodes: has no id"),
        (
            '<node id="1"><data key="t">Symptom</data></node>',
            "",
            "id twice",
            "the id '1' is a Symptom here and a Disease",
        ),
        ("", '<edge source="DB1" target="1"/>', "edge", "record 2 of edges (DB1 to 1): names no relation"),
        ("", '<edge source="DB1"><data key="m">CtD</data></edge>', "edge", "names no source or target"),
        (
            "",
            '<edge source="DB1" target="9"><data key="m">CtD</data></edge>',
            "unknown entity",
            "record 2 of edges: unknown entity '9'",
        ),
    ],
)
def test_a_record_that_does_not_fit_is_named_or_set_aside(write, nodes, edges, kind, message):
    path = write("bad.graphml", graphml(NODES + nodes, EDGES + edges))
    with pytest.raises(BadInputError) as caught:
        load_graph(path)
    assert message in str(caught.value)
    assert caught.value.file == path
    reading = Reading(skip_bad_lines=True)
    graph = load_graph(path, reading=reading)
    assert [(bad.file, bad.kind) for bad in reading.bad_lines] == [(str(path), kind)]
    assert graph.digest == load_graph(write("good.graphml", graphml())).digest


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (graphml().replace("</graph>", "</graf>"), 13, "mismatched tag"),
        (graphml()[: len(graphml()) // 2], 7, r"unclosed token|no element"),
        ("head\trelation\ttail\n", 1, r"not well-formed|syntax error"),
        (graphml().replace("Aspirin", "Sj\udcf6gren"), 10, "not well-formed"),
        (graphml().replace("Aspirin", "\x01"), 10, "not well-formed"),
        (graphml().replace("Aspirin", "&nbsp;"), 10, "undefined entity"),
        (graphml().replace("UTF-8", "klingon"), 1, "unknown encoding"),
    ],
)
@pytest.mark.parametrize("skip", [False, True])
def test_broken_xml_is_named_with_its_line(write, content, line, message, skip):
    path = write("bad.graphml", content.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInputError, match=message) as caught:
        load_graph(path, reading=Reading(skip))
    assert (caught.value.file, caught.value.line) == (path, line)


@pytest.mark.parametrize(
    ("nodes", "edges", "lacks"), [("", EDGES, "node"), (NODES, "", "edge"), ("<node/>", EDGES, "node")]
)
def test_a_file_without_a_node_or_an_edge_is_an_error(write, nodes, edges, lacks):
    with pytest.raises(BadInputError, match=f"holds no GraphML {lacks} that fits"):
        load_graph(write("mine.graphml", graphml(nodes, edges)), reading=Reading(skip_bad_lines=True))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_an_encoding_that_xml_declares_is_read(write, encoding):
    text = graphml().replace("Aspirin", "Sjögren").replace("UTF-8", encoding.removesuffix("-sig"))
    graph = load_graph(write("mine.graphml", text.encode(encoding)))
    assert "Sjögren" in graph.entities.names


@pytest.mark.parametrize("ending", PACK)
def test_a_packed_file_is_read_and_one_cut_short_is_named(write, ending):
    packed = PACK[ending](graphml().encode())
    path = write("mine.graphml" + ending, packed)
    assert load_graph(path).digest == load_graph(write("mine.graphml", graphml())).digest
    for damage, message in (
        (packed[:-12], "is cut short"),
        (packed[:6] + b"x" * 40, "cannot be unpacked|is cut short"),
    ):
        path.write_bytes(damage)
        with pytest.raises(BadInputError, match=message) as caught:
            load_graph(path)
        assert caught.value.file == path


def test_entities_that_name_each_other_do_not_fill_the_memory(write):
    laughs = '<!DOCTYPE graphml [<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)
    )
    text = graphml(NODES.replace("Aspirin", "&a11;")).replace("<graphml", laughs + "]><graphml", 1)
    with pytest.raises(BadInputError, match="is not XML"):
        load_graph(write("mine.graphml", text))


@pytest.mark.parametrize("word", ["a\x01b", "a\nb", "a\ufffe", "a\x00"])
@pytest.mark.parametrize("what", ["id", "name", "metaedge", "graph"])
def test_what_xml_has_no_room_for_is_refused(tmp_path, word, what):
    graph = from_pandas(pandas.DataFrame([("a", "r", "b")], columns=["head", "metaedge", "tail"]))
    changed = {
        "id": lambda: replace(graph, entities=Vocabulary((word, "b"))),
        "name": lambda: replace(graph, entities=Vocabulary(("a", "b"), (word, "b"))),
        "metaedge": lambda: replace(graph, metaedges=(replace(graph.metaedges[0], abbreviation=word),)),
        "graph": lambda: replace(graph, name=word),
    }[what]()
    with pytest.raises(BadInputError, match="GraphML has no room for the control character in"):
        write_graph(changed, tmp_path / "out.graphml", "graphml")
    assert not any(tmp_path.iterdir())


def test_networkx_reads_what_is_written_and_what_networkx_writes_is_read(random_graphs):
    @settings(max_examples=30, deadline=None)
    @given(random_graphs)
    def check(graph):
        expected = to_networkx(graph)
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = Path(folder) / "ours.graphml", Path(folder) / "theirs.graphml"
            write_graph(graph, ours, "graphml")
            read = networkx.read_graphml(ours, force_multigraph=True)
            networkx.write_graphml(expected, theirs)
            again = load_graph(theirs)
        assert dict(read.nodes(data=True)) == dict(expected.nodes(data=True))
        assert sorted((h, t, sorted(d.items())) for h, t, d in read.edges(data=True)) == sorted(
            (h, t, sorted(d.items())) for h, t, d in expected.edges(data=True)
        )
        assert from_networkx(read).digest == graph.digest
        assert (again.digest, again.entities.names, again.smiles) == (
            graph.digest,
            graph.entities.names,
            graph.smiles,
        )

    check()
