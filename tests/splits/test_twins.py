import numpy as np
import pytest

from kgdrug.graph import EntityType, KnowledgeGraph, Vocabulary
from kgdrug.splits.twins import SAME_KEY, SAME_NAME, SAME_SKELETON, Twins, find_alike, plain_name, twins_among


def find_twins(graph, types):
    return twins_among(find_alike(graph, types))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Vitamin B-12", "vitamin B12"),
        ("Sjögren's syndrome", "Sjogrens Syndrome"),
        ("5-fluorouracil", "5 Fluorouracil"),
        ("Crohn\u2019s disease", "Crohn's disease"),
        ("(\u2212)-limonene", "(-)-limonene"),
        ("CD4\u2212 T cell", "cd4- T-cell"),
        ("CD4\u207a T cell", "CD4+ T cell"),
        ("non\u2011small cell", "non\u2013small-cell"),
        ("under_score", "underscore"),
    ],
)
def test_spellings_of_one_name_are_alike(one, other):
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2,4-dinitrophenol", "24-dinitrophenol"),
        ("(+)-limonene", "(-)-limonene"),
        ("diabetes type 1", "diabetes type 2"),
        ("interleukin 1-2", "interleukin 12"),
        ("HER2+", "HER2-"),
        ("HER2+", "HER2"),
        ("CD4+ T cell", "CD4- T cell"),
        ("CD4+ T cell", "CD4\u2212 T cell"),
        ("Rh+", "Rh\u2212"),
        ("ER+/PR-", "ER-/PR+"),
    ],
)
def test_names_of_two_things_are_not(one, other):
    assert plain_name(one) != plain_name(other)


def test_twins_share_a_structure_or_a_name_within_their_type():
    names = ["Lactic acid", "Milk acid", "L-lactate", "Ethanol", "Alcohol", "c5", "C 5", "alcohol", "d1"]
    ids = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "d0", "d1"]
    smiles = {0: "CC(O)C(=O)O", 1: "OC(C)C(O)=O", 2: "C[C@H](O)C(=O)O", 3: "CCO", 4: "not a structure"}
    graph = KnowledgeGraph(
        Vocabulary(ids, names),
        (EntityType("Compound", 0, 7), EntityType("Disease", 7, 9)),
        (),
        np.empty((0, 3), np.int64),
        smiles=smiles,
    )
    assert find_twins(graph, ["Compound", "Disease"]) == [
        Twins(0, 1, SAME_KEY),
        Twins(0, 2, SAME_SKELETON),
        Twins(1, 2, SAME_SKELETON),
    ]  # "c5" is the id of c5, no name; alcohol is a compound and a disease
    assert find_twins(graph, ["Disease"]) == []


def test_names_alone_make_twins_where_there_is_no_structure():
    graph = KnowledgeGraph(
        Vocabulary(["d0", "d1", "d2"], ["Hay fever", "hay-fever", "asthma"]),
        (EntityType("Disease", 0, 3),),
        (),
        np.empty((0, 3), np.int64),
    )
    assert find_twins(graph, ["Disease"]) == [Twins(0, 1, SAME_NAME)]


def test_one_name_counts_more_than_a_skeleton():
    graph = KnowledgeGraph(
        Vocabulary(["c0", "c1"], ["Lactic acid", "lactic acid"]),
        (EntityType("Compound", 0, 2),),
        (),
        np.empty((0, 3), np.int64),
        smiles={0: "C[C@@H](O)C(=O)O", 1: "C[C@H](O)C(=O)O"},
    )
    assert find_twins(graph, ["Compound"]) == [Twins(0, 1, SAME_NAME)]
