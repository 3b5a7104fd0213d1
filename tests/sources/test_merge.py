import itertools
from collections import Counter
from dataclasses import replace

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph, Metaedge, Vocabulary, drop_licences
from kgdrug.graph.annotations import Annotation
from kgdrug.sources import from_pandas, merge_graphs, read_mapping

Entity = tuple[str, str, str]
Fact = tuple[str, str, str, str]  # head, metaedge, relation, tail


def graph_of(
    name: str, entities: list[Entity], facts: list[Fact], licence: str = "", smiles: dict[str, str] | None = None
) -> KnowledgeGraph:
    table = pandas.DataFrame(entities, columns=["id", "name", "type"])
    table["smiles"] = [(smiles or {}).get(i, "") for i in table["id"]]
    graph = from_pandas(pandas.DataFrame(facts, columns=["head", "metaedge", "relation", "tail"]), table, name)
    return replace(graph, metaedges=tuple(replace(e, licence=licence) for e in graph.metaedges))


def triples_of(graph: KnowledgeGraph) -> set[tuple[str, ...]]:
    """Each triple in words: head, type of head, relation, tail, type of tail."""
    ids = graph.entities.ids
    kinds = [(e.head_type, e.relation, e.tail_type) for e in graph.metaedges]
    return {(ids[h], *kinds[r], ids[t]) for h, r, t in graph.triples.tolist()}


HETIONET = graph_of(
    "hetionet",
    [("Compound::DB00331", "Metformin", "Compound"), ("Disease::DOID:9352", "type 2 diabetes mellitus", "Disease")],
    [("Compound::DB00331", "CtD", "treats", "Disease::DOID:9352")],
    "CC0 1.0",
    {"Compound::DB00331": "CN(C)C(=N)NC(=N)N"},
)
CLINIC = graph_of(
    "clinic",
    [
        ("CHEBI:6801", "metformin", "drug"),
        ("MONDO:5148", "type 2 diabetes", "disease"),
        ("CHEBI:15365", "aspirin", "drug"),
    ],
    [("CHEBI:6801", "CtD", "treats", "MONDO:5148"), ("CHEBI:6801", "CrC", "resembles", "CHEBI:15365")],
    "CC BY 4.0",
)
TYPES = {"drug": "Compound", "disease": "Disease"}
PAIRS = [("DRUGBANK:DB00331", "CHEBI:6801"), ("MONDO:5148", "DOID:9352"), ("CHEBI:15365", "CHEBI:0")]


def test_graphs_join_by_equivalent_ids_and_the_first_graph_is_believed():
    merged, report = merge_graphs([HETIONET, CLINIC], PAIRS, TYPES)
    assert triples_of(merged) == {
        ("Compound::DB00331", "Compound", "treats", "Disease", "Disease::DOID:9352"),
        ("Compound::DB00331", "Compound", "resembles", "Compound", "CHEBI:15365"),
    }
    assert merged.name == "hetionet+clinic"
    assert merged.entities.names == ("aspirin", "Metformin", "type 2 diabetes mellitus")
    assert merged.smiles == {1: "CN(C)C(=N)NC(=N)N"}
    assert merged.treats == ("CtD",)
    assert merged.made["sources"] == ["hetionet", "clinic"]
    assert (report.graphs, report.entities, report.triples) == (("hetionet", "clinic"), (2, 1), (1, 1))
    assert (report.joined, report.equivalent, report.shared, report.metaedges) == (2, 2, 1, ("CtD",))
    assert sorted(str(clash.text) for clash in report.clashes) == [
        "Compound::DB00331: 'Metformin' is kept, clinic has 'metformin'",
        "Disease::DOID:9352: 'type 2 diabetes mellitus' is kept, clinic has 'type 2 diabetes'",
    ]


def test_the_id_and_name_of_the_earlier_graph_are_kept():
    merged, _ = merge_graphs([CLINIC, HETIONET], PAIRS, TYPES)
    assert merged.entities.ids == ("CHEBI:15365", "CHEBI:6801", "MONDO:5148")
    assert merged.entities.names == ("aspirin", "metformin", "type 2 diabetes")
    assert merged.smiles == {1: "CN(C)C(=N)NC(=N)N"}, "what the first graph does not know, the second says"


def test_synonyms_of_all_graphs_are_kept_and_names_that_give_way_become_synonyms():
    def told(graph: KnowledgeGraph, synonyms: dict[int, list[str]]) -> KnowledgeGraph:
        return replace(graph, entities=Vocabulary(graph.entities.ids, graph.entities.names, synonyms=synonyms))

    hetionet = told(HETIONET, {0: ["Glucophage", "a|b"], 1: ["T2DM"]})
    clinic = told(CLINIC, {CLINIC.find("type 2 diabetes"): ["t2dm", "NIDDM"], CLINIC.find("aspirin"): ["ASA"]})
    merged, _ = merge_graphs([hetionet, clinic], PAIRS, TYPES)
    assert merged.entities.names == ("aspirin", "Metformin", "type 2 diabetes mellitus")
    assert merged.entities.synonyms == {0: ("ASA",), 1: ("Glucophage", "a|b"), 2: ("T2DM", "NIDDM", "type 2 diabetes")}
    assert merged.digest == merge_graphs([HETIONET, CLINIC], PAIRS, TYPES)[0].digest


def test_licences_of_one_metaedge_are_joined():
    merged, _ = merge_graphs([HETIONET, CLINIC], PAIRS, TYPES)
    assert {e.abbreviation: e.licence for e in merged.metaedges} == {"CtD": "CC0 1.0; CC BY 4.0", "CrC": "CC BY 4.0"}
    again, _ = merge_graphs([merged, HETIONET])
    assert {e.abbreviation: e.licence for e in again.metaedges}["CtD"] == "CC0 1.0; CC BY 4.0"


def test_facts_under_no_licence_do_not_pass_under_the_licence_of_others():
    silent = replace(CLINIC, metaedges=tuple(replace(e, licence="") for e in CLINIC.metaedges))
    for graphs in ([HETIONET, silent], [silent, HETIONET]):
        merged, _ = merge_graphs(graphs, PAIRS, TYPES)
        assert {e.abbreviation: set(e.licence.split("; ")) for e in merged.metaedges} == {
            "CtD": {"CC0 1.0", "none stated"},
            "CrC": {""},
        }
        with pytest.raises(UsageError, match="nothing would be left"):
            drop_licences(merged, ["unstated"])


def test_without_a_mapping_graphs_join_by_equal_ids_alone():
    merged, report = merge_graphs([HETIONET, CLINIC], rename_types=TYPES)
    assert (len(merged.entities), report.joined, report.shared) == (5, 0, 0)
    assert report.metaedges == ("CtD",), "a metaedge is one where its types are"
    merged, report = merge_graphs([HETIONET, CLINIC])
    assert {e.abbreviation for e in merged.metaedges} == {"CtD:Compound-Disease", "CtD:drug-disease", "CrC"}
    assert merged.treats == ("CtD:Compound-Disease", "CtD:drug-disease")
    assert report.metaedges == ()


def test_a_graph_merged_with_itself_is_the_same():
    for graph in (HETIONET, CLINIC):
        merged, report = merge_graphs([graph, graph])
        assert merged.digest == graph.digest
        assert (report.entities[1], report.triples[1], report.clashes) == (0, 0, ())
        assert (report.joined, report.equivalent) == (len(graph.entities), 0)


def test_one_abbreviation_of_two_relations_becomes_two_metaedges():
    other = graph_of("x", [("a", "", "Compound"), ("b", "", "Disease")], [("a", "CtD", "tickles", "b")])
    merged, _ = merge_graphs([HETIONET, other])
    assert sorted((e.abbreviation, e.relation) for e in merged.metaedges) == [
        ("CtD:tickles:Compound-Disease", "tickles"),
        ("CtD:treats:Compound-Disease", "treats"),
    ]
    assert merged.treats == ("CtD:treats:Compound-Disease",)


def test_an_entity_of_two_types_keeps_the_first_and_its_facts_follow():
    one = graph_of("one", [("x", "", "Gene"), ("y", "", "Gene")], [("x", "r", "r", "y")])
    other = graph_of(
        "other", [("x", "", "Protein"), ("z", "", "Protein")], [("x", "r", "r", "z"), ("z", "r", "r", "z")]
    )
    merged, report = merge_graphs([one, other])
    assert triples_of(merged) == {
        ("x", "Gene", "r", "Gene", "y"),
        ("x", "Gene", "r", "Protein", "z"),
        ("z", "Protein", "r", "Protein", "z"),
    }
    assert [(c.kind, c.text) for c in report.clashes] == [("type", "x: 'Gene' is kept, other has 'Protein'")]


def test_structures_that_differ_clash():
    one, other = (
        graph_of(name, [("x", "", "C"), ("y", "", "C")], [("x", "r", "r", "y")], smiles={"x": smiles})
        for name, smiles in (("one", "CC"), ("other", "CN"))
    )
    merged, report = merge_graphs([one, other])
    assert merged.smiles == {0: "CC"}
    assert [(c.kind, c.text) for c in report.clashes] == [("smiles", "x: 'CC' is kept, other has 'CN'")]


def test_a_name_that_is_only_the_id_gives_way_and_is_no_clash():
    one = graph_of("one", [("x", "", "C"), ("y", "", "C")], [("x", "r", "r", "y")])
    other = graph_of("other", [("x", "Aspirin", "C"), ("y", "", "C")], [("x", "r", "r", "y")])
    for graphs in ([one, other], [other, one]):
        merged, report = merge_graphs(graphs)
        assert (merged.entities.names, report.clashes) == (("Aspirin", "y"), ())


def test_two_ids_of_one_graph_that_a_mapping_joins_are_one_and_reported():
    one = graph_of(
        "one", [("x", "", "C"), ("y", "", "C"), ("z", "", "C")], [("x", "r", "r", "y"), ("z", "r", "r", "y")]
    )
    merged, report = merge_graphs([one], [("z", "x")])
    assert triples_of(merged) == {("x", "C", "r", "C", "y")}
    assert [(c.kind, c.text) for c in report.clashes] == [("ids of one graph", "x: one tells x, z apart")]
    assert (report.joined, report.shared) == (0, 0)


def test_equivalents_are_followed_along_a_chain_even_through_an_id_that_no_graph_has():
    graphs = [graph_of(i, [(i, "", "C"), (f"{i}2", "", "C")], [(i, "r", "r", f"{i}2")]) for i in "abcd"]
    merged, report = merge_graphs(graphs, [("d", "nowhere"), ("c", "b"), ("nowhere", "c")])
    assert set(merged.entities.ids) == {"a", "b", "a2", "b2", "c2", "d2"}
    assert (report.joined, report.equivalent) == (1, 1)


def test_the_prefix_of_a_curie_is_the_same_in_any_case_and_nothing_else_is():
    graphs = [
        graph_of(
            "one", [("DrugBank:DB1", "", "C"), ("DrugBank:db1", "", "C")], [("DrugBank:DB1", "r", "r", "DrugBank:db1")]
        ),
        graph_of("other", [("x", "", "C"), ("X", "", "C")], [("x", "r", "r", "X")]),
    ]
    merged, report = merge_graphs(graphs, [("DRUGBANK:DB1", "x")])
    assert triples_of(merged) == {
        ("DrugBank:DB1", "C", "r", "C", "DrugBank:db1"),
        ("DrugBank:DB1", "C", "r", "C", "X"),
    }
    assert (report.joined, report.clashes) == (1, ())


def test_ids_that_no_pair_names_stay_apart_even_where_their_curies_are_one():
    other = graph_of("other", [("DRUGBANK:DB00331", "", "Compound"), ("q", "", "Compound")], [("q", "r", "r", "q")])
    assert merge_graphs([HETIONET, other], [("q", "nothing")])[1].joined == 0
    merged, report = merge_graphs([HETIONET, other], [("DRUGBANK:DB00331", "Compound::DB00331")])
    assert (report.joined, "DRUGBANK:DB00331" in merged.entities) == (1, False)


def test_annotations_survive_under_the_ids_that_are_kept():
    trial, refuted = (Annotation(0, 1, status, "NCT1", "CC0 1.0") for status in ("trial", "refuted"))
    one = replace(HETIONET, annotations=(trial,))
    index = CLINIC.entities.index
    both = [replace(a, compound=index("CHEBI:6801"), disease=index("MONDO:5148")) for a in (trial, refuted)]
    merged, _ = merge_graphs([one, replace(CLINIC, annotations=tuple(both))], PAIRS, TYPES)
    ids = merged.entities.ids
    assert [(ids[a.compound], ids[a.disease], a.status) for a in merged.annotations] == [
        ("Compound::DB00331", "Disease::DOID:9352", "refuted"),
        ("Compound::DB00331", "Disease::DOID:9352", "trial"),
    ]


def test_treatments_that_one_graph_names_are_treatments_of_both():
    silent = replace(CLINIC, treats=())
    for graphs in ([HETIONET, silent], [silent, HETIONET]):
        assert merge_graphs(graphs, PAIRS, TYPES)[0].treats == ("CtD",)
    assert merge_graphs([replace(HETIONET, treats=()), silent], PAIRS, TYPES)[0].treats == ()


def test_types_that_are_renamed_alike_become_one():
    merged, _ = merge_graphs([CLINIC], rename_types={"drug": "thing", "disease": "thing"})
    assert [(t.name, len(t)) for t in merged.entity_types] == [("thing", 3)]
    with pytest.raises(
        UsageError, match="no graph has the entity type 'drag' to be renamed; the types are disease, drug"
    ):
        merge_graphs([CLINIC], rename_types={"drag": "Compound"})


Kind = tuple[str, str]  # abbreviation without types, relation


def kind_of(e: Metaedge) -> Kind:
    plain = e.abbreviation.removesuffix(f":{e.head_type}-{e.tail_type}")
    return plain if plain == e.relation else plain.removesuffix(f":{e.relation}"), e.relation


def kept_ids(graphs: list[KnowledgeGraph], pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The id that each id gives way to, by adding pairs to groups until nothing changes.

    An id of another type than the group's is of another group, and breaks no chain.
    """
    order = list(dict.fromkeys(itertools.chain(*(g.entities.ids for g in graphs))))
    types: dict[str, str] = {}
    for graph in graphs:
        for i, entity in enumerate(graph.entities.ids):
            types.setdefault(entity, graph.type_of(i).name)
    kept = {}
    for i in order:
        group = {i}
        for _ in pairs:
            group |= {word for pair in pairs if group & set(pair) for word in pair}
        kept[i] = min((j for j in group & set(order) if types[j] == types[i]), key=order.index)
    return kept


def test_a_merge_is_the_union_of_the_triples_under_the_ids_that_are_kept(random_graphs):
    @settings(max_examples=50, deadline=None)
    @given(st.lists(random_graphs, min_size=1, max_size=3), st.data())
    def check(graphs, data):
        # an id without a colon has no CURIE but itself, so that a pair names one id
        words = ["nowhere", *sorted({i for g in graphs for i in g.entities.ids if ":" not in i})]
        pairs = data.draw(st.lists(st.tuples(*[st.sampled_from(words)] * 2), max_size=3))
        kept, types, union = kept_ids(graphs, pairs), {}, []
        for graph in graphs:
            for t in graph.entity_types:
                for i in graph.entities.ids[t.start : t.stop]:
                    types.setdefault(kept[i], t.name)
            ids = [kept[i] for i in graph.entities.ids]
            union.append({(ids[h], kind_of(graph.metaedges[r]), ids[t]) for h, r, t in graph.triples.tolist()})
        merged, report = merge_graphs(graphs, pairs)
        ids = merged.entities.ids
        found = [(ids[h], kind_of(merged.metaedges[r]), ids[t]) for h, r, t in merged.triples.tolist()]
        assert sorted(found) == sorted(set().union(*union))
        assert {i: merged.type_of(n).name for n, i in enumerate(ids)} == types
        new = [part - set().union(*union[:i]) for i, part in enumerate(union)]
        assert report.triples == tuple(map(len, new))
        assert report.shared == sum(map(len, union)) - len(found)
        bearers = Counter(i for graph in graphs for i in {kept[i] for i in graph.entities.ids})
        assert report.joined == sum(count > 1 for count in bearers.values())
        assert sum(report.entities) == len(types)
        treatments = {
            (kind_of(e), types[kept[graph.entities.ids[h]]], types[kept[graph.entities.ids[t]]])
            for graph in graphs
            for h, r, t in graph.triples.tolist()
            if (e := graph.metaedges[r]).abbreviation in graph.treats
        }
        assert treatments == {
            (kind_of(e), e.head_type, e.tail_type) for e in merged.metaedges if e.abbreviation in merged.treats
        }
        assert len({e.abbreviation for e in merged.metaedges}) == merged.relations

    check()


def test_the_facts_of_graphs_that_share_nothing_do_not_depend_on_their_order(random_graphs):
    @settings(max_examples=30, deadline=None)
    @given(random_graphs, random_graphs)
    def check(one, other):
        entities = type(other.entities)([f"x{i}" for i in other.entities.ids], other.entities.names)
        other = replace(other, entities=entities)
        if set(one.entities.ids) & set(other.entities.ids):
            return
        forward, backward = merge_graphs([one, other])[0], merge_graphs([other, one])[0]
        assert forward.digest == backward.digest
        assert forward.treats == backward.treats

    check()


def typed(name: str, types: dict[str, str]) -> KnowledgeGraph:
    """A graph whose entities, each of its type, all stand in one ring."""
    ids = list(types)
    ring = zip(ids, [*ids[1:], ids[0]], strict=True)
    return graph_of(name, [(i, "", t) for i, t in types.items()], [(a, "r", "r", b) for a, b in ring])


HEADACHE = typed("hetionet", {"Disease::MESH:D006973": "Disease", "Symptom::D006973": "Symptom"})


def test_a_mapping_joins_only_entities_of_one_type():
    one, other = typed("one", {"a": "Gene", "b": "Gene"}), typed("other", {"x": "Protein", "y": "Protein"})
    merged, report = merge_graphs([one, other], [("a", "x"), ("b", "nowhere")])
    assert (len(merged.entities), report.joined, report.mapping) == (4, 0, (0, 2))
    assert [(c.kind, c.text) for c in report.clashes] == [
        ("types of a mapping", "a (Gene) and x (Protein) are not of one type, and stay apart")
    ]
    _, report = merge_graphs([one, other], [("a", "x"), ("b", "nowhere")], {"Protein": "Gene"})
    assert (report.joined, report.mapping, report.clashes) == (1, (1, 1), ())


@pytest.mark.parametrize(("kind", "kept"), [("Disease", "Disease::MESH:D006973"), ("Symptom", "Symptom::D006973")])
def test_a_word_that_names_entities_of_two_types_joins_the_one_whose_type_fits(kind, kept):
    merged, report = merge_graphs([HEADACHE, typed("other", {"X:1": kind})], [("MESH:D006973", "X:1")])
    assert (len(merged.entities), report.joined, report.clashes, report.mapping) == (2, 1, (), (1, 0))
    assert f"{kept} r {kept}" in {f"{h} {r} {t}" for h, _, r, _, t in triples_of(merged)}, (
        "the other graph's only fact is about itself"
    )


def test_a_word_that_fits_two_entities_of_one_type_joins_neither():
    twice = typed("twice", {"Disease::MESH:D1": "Disease", "Disease::mesh:D1": "Disease"})
    merged, report = merge_graphs([twice, typed("other", {"X:1": "Disease"})], [("MESH:D1", "X:1")])
    assert (len(merged.entities), report.mapping) == (3, (0, 1))
    assert [c.kind for c in report.clashes] == ["ambiguous mapping"]
    assert "Disease::MESH:D1, Disease::mesh:D1 of twice" in report.clashes[0].text
    exact = typed("exact", {"Disease::MESH:D1": "Disease", "MESH:D1": "Disease"})
    merged, report = merge_graphs([exact, typed("other", {"X:1": "Disease"})], [("MESH:D1", "X:1")])
    assert (set(merged.entities.ids), report.clashes) == ({"Disease::MESH:D1", "MESH:D1"}, ())


def test_what_was_left_out_of_graphs_is_summed_and_their_forms_are_kept():
    one, other = (
        replace(HETIONET, made={"sources": [s], "form": f, "duplicates": n, "bad_lines": {"columns": n}})
        for s, f, n in (("a", "tables", 2), ("b", "kgx", 3))
    )
    both = merge_graphs([one, other])[0]
    assert both.made == {
        "sources": ["a", "b"], "forms": ["tables", "kgx"], "merged": 2, "duplicates": 5, "bad_lines": {"columns": 5},
    }  # fmt: skip
    assert merge_graphs([both, one])[0].made["forms"] == ["tables", "kgx"]
    assert merge_graphs([one], rename_types={"Compound": "drug"})[0].made == one.made


SSSOM = """\
# curie_map:
#   DRUGBANK: https://go.drugbank.com/drugs/
subject_id\tsubject_label\tpredicate_id\tobject_id\tpredicate_modifier\tmapping_justification
DRUGBANK:DB1\tAspirin\tskos:exactMatch\tCHEBI:1\t\tsemapv:ManualMappingCuration
DRUGBANK:DB2\tMetformin\tskos:closeMatch\tCHEBI:2\t\tsemapv:LexicalMatching
DRUGBANK:DB3\tx\tskos:exactMatch\tCHEBI:3\tNot\tsemapv:ManualMappingCuration
DRUGBANK:DB4\tx\towl:equivalentClass\tCHEBI:4
DRUGBANK:DB5\tx\tskos:broadMatch\tCHEBI:5\t\t
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_mapping_gives_its_exact_pairs_and_counts_the_others(write, ending):
    path = write("ids.sssom.tsv", "\ufeff" + SSSOM.replace("\n", ending))
    assert read_mapping(path) == ([("DRUGBANK:DB1", "CHEBI:1"), ("DRUGBANK:DB4", "CHEBI:4")], 3)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (SSSOM + "DRUGBANK:DB6\tx\n", 9, "2 fields, one of them needed and not there"),
        (SSSOM + "\tx\tskos:exactMatch\tCHEBI:6\n", 9, "one of them needed and not there"),
        (SSSOM.replace("predicate_id", "predicate"), 3, "is no SSSOM table: its header lacks predicate_id"),
        ("# only\n#comments\n", None, "holds only comments"),
        ("", None, "is empty"),
        (SSSOM.replace("Aspirin", "Sj\udcf6gren"), 4, "is not UTF-8 text"),
        (SSSOM.replace("Aspirin", "\0"), 4, "holds a NUL"),
    ],
)
def test_a_mapping_that_is_none_is_named_with_its_line(write, content, line, message):
    path = write("ids.sssom.tsv", content.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInputError, match=message) as caught:
        read_mapping(path)
    assert (caught.value.file, caught.value.line) == (path, line)


def test_a_mapping_that_is_missing_is_named(tmp_path):
    with pytest.raises(BadInputError, match="is missing"):
        read_mapping(tmp_path / "ids.tsv")
