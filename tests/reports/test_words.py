from dataclasses import replace

import numpy as np
import pytest

from kgdrug import EntityType, KnowledgeGraph, Metaedge, Vocabulary, describe
from kgdrug.reports import overview
from kgdrug.reports.words import plain


def graph(*triples, **more):
    """Seven things, two of which share a name, and what joins them."""
    return KnowledgeGraph(
        Vocabulary(map(str, range(7)), ["one", "twin", "twin", "3", "4", "5", "6"]),
        (EntityType("Thing", 0, 7),),
        (Metaedge("TaT", "Thing", "above", "Thing", "CC0 1.0"), Metaedge("TbT", "Thing", "below", "Thing")),
        np.empty((0, 3), np.int64),
        **more,
    ).with_triples(np.array(triples, np.int64))


TRIPLES = [(0, 0, 1), (1, 0, 0), (0, 1, 1), (0, 0, 2), (3, 0, 4), (4, 0, 4)]


def said(described, unreadable=0):
    return overview(describe(described), unreadable)


def test_components_beyond_the_largest_are_named_where_they_are_more_than_one_entity():
    assert said(graph(*TRIPLES))["components"] == ["4; the largest has 3 of 7 entities, the next 2; 2 isolated"]
    assert said(graph((0, 0, 1)))["components"] == ["6; the largest has 2 of 7 entities; 5 isolated"]


def test_duplicates_are_told_one_kind_a_line():
    assert said(graph(*TRIPLES, made={"duplicates": 1234}))["duplicates"] == [
        "1,234 dropped when the graph was read; 1 triple of an entity with itself",
        "1 name borne by several entities of a type: twin (2 Thing)",
        "pairs both ways round: TaT 1",
        "1 pair under several metaedges: TaT + TbT 1",
    ]
    clean = replace(graph((0, 0, 1)), entities=Vocabulary(map(str, range(7))))
    assert said(clean)["duplicates"] == ["not counted when the graph was read; 0 triples of an entity with itself"]


@pytest.mark.parametrize(
    ("smiles", "unreadable", "line"),
    [
        ({}, 0, "none known"),
        ({0: "C", 1: "O"}, 0, "2 of 7 Thing; RDKit reads all"),
        ({0: "C", 1: "?"}, 1, "2 of 7 Thing; RDKit cannot read 1"),
    ],
)
def test_structures_are_counted_and_those_that_cannot_be_read(smiles, unreadable, line):
    assert said(graph(smiles=smiles), unreadable)["structures"] == [line]


def test_treatments_are_told_from_both_sides():
    assert said(graph(*TRIPLES, treats=("TaT",)))["treatments"] == [
        "5 triples of TaT, 5 pairs",
        "4 of 7 diseases have any, 3 exactly one; per disease median 1, most 2 (4 2, one 1, twin 1, …)",
        "4 of 7 compounds have any, 3 exactly one; per compound median 1, most 2 (one 2, twin 1, 3 1, …)",
    ]
    assert said(graph(*TRIPLES))["treatments"] == ["none: no metaedge of the graph means treatment"]
    assert said(graph(treats=("TaT",)))["treatments"] == ["0 triples of TaT, 0 pairs"]


def test_licences_have_their_share_and_none_is_made_up():
    assert said(graph(*TRIPLES))["licences"] == ["CC0 1.0: 5 (83.3%); not stated: 1 (16.7%)"]


def test_a_graph_without_anything_has_words_too():
    empty = KnowledgeGraph(Vocabulary([]), (), (), np.empty((0, 3), np.int64))
    lines = said(empty)
    assert lines["components"] == ["none: the graph has no entities"]
    assert (lines["hubs"], lines["annotations"], lines["made"]) == (["none"], ["none"], ["not noted"])


def test_how_a_graph_was_made_is_told_in_words():
    made = {"sources": ["hetionet", "drkg"], "bad_lines": {"columns": 3}, "duplicates": 12345}
    assert said(graph(made=made))["made"] == ["sources hetionet, drkg; bad lines columns 3; duplicates 12,345"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a", "a"),
        (1234, "1,234"),
        (True, "True"),
        ([], "none"),
        ({}, "none"),
        (None, "None"),
        ({"a": ["b", 1]}, "a b, 1"),
    ],
)
def test_values_of_json_become_words(value, words):
    assert plain(value) == words
