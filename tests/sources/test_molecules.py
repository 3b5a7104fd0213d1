import subprocess
import sys

import numpy as np
import pytest

from kgdrug.graph import EntityType, KnowledgeGraph, Vocabulary
from kgdrug.sources.molecules import formula, readable, unreadable

# RDKit would log a line or several about each
NO_STRUCTURES = {
    "a carbon with five bonds": "C(C)(C)(C)(C)C",
    "an open ring": "C1CC",
    "no kekulé form": "c1cccc1",
    "no SMILES": "aspirin",
    "nothing": "",
    "a space": " ",
    "an accent": "é",
}


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CC(=O)Oc1ccccc1C(=O)O", "C9H8O4"),  # aspirin
        ("CN(C)C(=N)NC(=N)N", "C4H11N5"),  # metformin
        ("[Na+].[Cl-]", "ClNa"),
        ("OS(=O)(=O)O", "H2O4S"),
        ("O=C(O)CNBr", "C2H4BrNO2"),
    ],
)
def test_a_formula_names_carbon_hydrogen_and_then_the_others_by_the_alphabet(smiles, expected):
    assert formula(smiles) == expected


@pytest.mark.parametrize("smiles", NO_STRUCTURES.values(), ids=NO_STRUCTURES)
def test_what_rdkit_cannot_read_has_no_formula(smiles):
    assert formula(smiles) is None


def test_each_structure_is_said_to_be_readable_or_not():
    assert readable(["CCO", "C1CC", "c1ccccc1"]) == [True, False, True]
    assert readable(iter(NO_STRUCTURES.values())) == [False] * len(NO_STRUCTURES)
    assert readable([]) == []


def test_the_entities_of_a_graph_with_unreadable_structures_are_found():
    ids, smiles = [f"Compound::{i}" for i in range(4)], {3: "C1CC", 0: "CCO", 1: "aspirin"}
    graph = KnowledgeGraph(
        Vocabulary(ids), (EntityType("Compound", 0, 4),), (), np.empty((0, 3), np.int64), smiles=smiles
    )
    assert unreadable(graph) == [1, 3]


def test_rdkit_loads_when_it_is_used_and_stays_silent():
    code = (
        "import sys\n"
        "from kgdrug.sources import molecules\n"
        "assert 'rdkit' not in sys.modules\n"
        "assert molecules.formula('C1CC') is None\n"
        "assert 'rdkit' in sys.modules\n"
        "from rdkit.Chem import MolFromSmiles\n"
        "MolFromSmiles('C1CCC')\n"  # whoever asks RDKit himself still has its log
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert "C1CC'" not in done.stderr
    assert "C1CCC'" in done.stderr
