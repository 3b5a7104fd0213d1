import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import DataStructs
from rdkit.Chem import MolFromSmiles, rdFingerprintGenerator

from kgdrug.errors import UsageError
from kgdrug.graph import EntityType, KnowledgeGraph, Vocabulary
from kgdrug.sources import molecules
from kgdrug.sources.molecules import (
    Molecules,
    drawing,
    fingerprints,
    formula,
    matches,
    readable,
    tanimoto,
    unreadable,
)

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
DRUGS = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "flurbiprofen": "CC(C(=O)O)c1ccc(c(F)c1)-c1ccccc1",
    "metformin": "CN(C)C(=N)NC(=N)N",
    "mercaptopurine salt": "S=c1[nH]cnc2nc[nH]c12.CC(=O)O",
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
        "assert not {'rdkit', 'polars', 'pooch'} & set(sys.modules)\n"
        "assert molecules.formula('C1CC') is None\n"
        "assert 'rdkit' in sys.modules\n"
        "from rdkit.Chem import MolFromSmiles\n"
        "MolFromSmiles('C1CCC')\n"  # whoever asks RDKit himself still has its log
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert "C1CC'" not in done.stderr
    assert "C1CCC'" in done.stderr


def test_a_fingerprint_is_rdkit_s_own_and_packed():
    bits, read = fingerprints(DRUGS.values())
    assert (bits.dtype, bits.shape) == (np.uint8, (len(DRUGS), 256))
    assert read.all()
    for row, smiles in zip(bits, DRUGS.values(), strict=True):
        on = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint(MolFromSmiles(smiles))
        assert [i for i in range(2048) if row[i // 8] >> i % 8 & 1] == list(on.GetOnBits())


def test_a_structure_that_cannot_be_read_is_a_row_of_zeros():
    bits, read = fingerprints(["CCO", *NO_STRUCTURES.values(), "C"])
    assert read.tolist() == [True, *[False] * len(NO_STRUCTURES), True]
    assert bits.any(1).tolist() == read.tolist()
    bits, read = fingerprints([])
    assert (bits.shape, read.shape) == ((0, 256), (0,))


def test_stereoisomers_have_one_fingerprint():
    bits, _ = fingerprints(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "NCC(=O)O"])
    assert (bits[0] == bits[1]).all()
    assert (bits[0] != bits[2]).any()


def test_similarity_is_what_rdkit_says():
    bits, _ = fingerprints(DRUGS.values())
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    theirs = [generator.GetFingerprint(MolFromSmiles(smiles)) for smiles in DRUGS.values()]
    for own, their in zip(bits, theirs, strict=True):
        expected = [DataStructs.TanimotoSimilarity(their, other) for other in theirs]
        assert tanimoto(own, bits).tolist() == np.array(expected, np.float32).tolist()
    place = {name: i for i, name in enumerate(DRUGS)}
    alike = tanimoto(bits[place["ibuprofen"]], bits)
    assert alike[place["ibuprofen"]] == 1 > alike[place["flurbiprofen"]] > alike[place["metformin"]]


@pytest.mark.parametrize("numpy_1", [False, True])
def test_similarity_is_that_of_the_sets_of_bits(numpy_1, monkeypatch):
    if numpy_1:
        monkeypatch.delattr(np, "bitwise_count", raising=False)

    @settings(deadline=None)
    @given(st.integers(0, 20), st.integers(1, 17), st.integers(0, 2**32 - 1))
    def check(k, width, seed):
        chance = np.random.default_rng(seed)
        rows = chance.integers(0, 256, (k + 1, width), np.uint8) & chance.integers(0, 256, (k + 1, width), np.uint8)
        rows[chance.random(k + 1) < 0.2] = 0
        one, many = rows[0], rows[1:]
        sets = [set(np.flatnonzero(np.unpackbits(row))) for row in rows]
        expected = [len(sets[0] & s) / len(sets[0] | s) if sets[0] | s else 0 for s in sets[1:]]
        found = tanimoto(one, many)
        assert found.dtype == np.float32
        assert found.tolist() == np.array(expected, np.float32).tolist()
        turned = tanimoto(one, np.asfortranarray(many))  # rows that do not lie in one piece
        assert turned.tolist() == found.tolist()

    check()


def test_nothing_is_like_a_structure_that_cannot_be_read():
    bits, _ = fingerprints(["aspirin", "CCO", "metformin"])
    assert tanimoto(bits[0], bits).tolist() == [0, 0, 0]
    assert tanimoto(bits[1], bits).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("one", "many"),
    [
        (np.zeros(256, np.uint8), np.zeros((3, 255), np.uint8)),
        (np.zeros(256, np.uint8), np.zeros(256, np.uint8)),
        (np.zeros((1, 256), np.uint8), np.zeros((3, 256), np.uint8)),
        (np.zeros(256, np.uint8), np.zeros((3, 256), np.int64)),
        (np.zeros(256, np.float32), np.zeros((3, 256), np.uint8)),
    ],
)
def test_fingerprints_of_another_width_or_kind_are_refused(one, many):
    with pytest.raises(ValueError, match=r"not uint8 \(w,\) and uint8 \(k, w\)"):
        tanimoto(one, many)


@pytest.mark.parametrize(
    ("smarts", "names"),
    [
        ("C(=O)[OH]", {"aspirin", "ibuprofen", "flurbiprofen", "mercaptopurine salt"}),
        ("c1ccccc1", {"aspirin", "ibuprofen", "flurbiprofen"}),
        ("[F,Cl]", {"flurbiprofen"}),
        ("[$(N=C(N)N)]", {"metformin"}),
        ("C(=O)O.c", {"aspirin", "ibuprofen", "flurbiprofen", "mercaptopurine salt"}),
        ("C(=O)O.C(=O)O", {"aspirin"}),  # both at once
        ("C1.C1O", set(DRUGS) - {"metformin"}),  # bonded, for all the dot
        ("C(=O)O.[Xe]", set()),
        (" [Xe] ", set()),
    ],
)
def test_a_substructure_is_found_where_it_is(smarts, names):
    found = matches(DRUGS.values(), smarts)
    assert found.dtype == np.bool_
    assert {name for name, has in zip(DRUGS, found, strict=True) if has} == names


def test_a_structure_that_cannot_be_read_has_no_substructure():
    assert not matches(NO_STRUCTURES.values(), "*").any()
    assert matches([], "*").shape == (0,)


@pytest.mark.parametrize(
    ("smarts", "message"),
    [
        *((text, "is no SMARTS that RDKit can read") for text in ("", " ", "C(", "C1CC", "[", "phenyl", "é", "\0")),
        ("C C", "'C C' is no SMARTS that RDKit can read"),  # RDKit would read the first word
        ("C" * 1001, "a SMARTS has at most 1,000 letters; this one has 1,001"),
        ("*.*.*.*", "a SMARTS has at most 3 parts with dots between them: '*.*.*.*'"),
    ],
)
def test_what_is_no_smarts_is_refused_and_shown(smarts, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        matches(["CCO"], smarts)
    with pytest.raises(UsageError, match=re.escape(message)):
        drawing("CCO", highlight=smarts)


def test_molecules_are_read_once(monkeypatch):
    smiles = [*DRUGS.values(), *NO_STRUCTURES.values()]
    expected = fingerprints(smiles), matches(smiles, "c1ccccc1"), matches(smiles, "[#7]")
    asked = []
    monkeypatch.setattr(molecules, "_molecule", lambda one, read=molecules._molecule: asked.append(one) or read(one))
    kept = Molecules(iter(smiles))
    assert (len(kept), asked) == (len(smiles), [])
    bits, read = fingerprints(kept)
    assert (bits == expected[0][0]).all()
    assert (read == expected[0][1]).all()
    assert (matches(kept, "c1ccccc1") == expected[1]).all()
    assert (matches(kept, "[#7]") == expected[2]).all()
    assert asked == smiles


def svg(text):
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return root


def shapes(root, name):
    return list(root.iter(f"{{http://www.w3.org/2000/svg}}{name}"))


def atoms_of(elements):
    return {int(number) for e in elements for number in re.findall(r"atom-(\d+)", e.get("class", ""))}


def test_a_drawing_is_one_svg_element_of_the_size_that_was_asked_for():
    for width, height in ((300, 200), (90, 400), (1, 1)):
        root = svg(drawing(DRUGS["aspirin"], width, height))
        assert (root.get("width"), root.get("height")) == (f"{width}px", f"{height}px")
        assert root.get("viewBox") == f"0 0 {width} {height}"
    bonds = {e.get("class").split()[0] for e in shapes(root, "path") if e.get("class", "").startswith("bond-")}
    assert len(bonds) == 13


def test_a_drawing_can_stand_inside_any_page():
    for smiles in (*DRUGS.values(), "[Na+].[Cl-]", "C", "[13CH4]", "*CC", "F[C@H](Cl)Br", "C/C=C\\C"):
        text = drawing(smiles)
        assert text.startswith("<svg")
        assert text.isascii()
        assert "<?xml" not in text
        assert shapes(svg(text), "rect") == []  # no ground
        assert "#000000" not in text
        assert "currentColor" in text


def test_the_same_structure_has_the_same_drawing():
    first = drawing(DRUGS["aspirin"])
    drawing(DRUGS["metformin"], highlight="N")
    assert drawing(DRUGS["aspirin"]) == first
    code = f"from kgdrug.sources.molecules import drawing; print(drawing({DRUGS['aspirin']!r}), end='')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == first


def test_the_atoms_and_bonds_of_a_pattern_are_highlighted():
    plain, marked = (svg(drawing("CC(=O)Oc1ccccc1C(=O)O", highlight=smarts)) for smarts in (None, "C(=O)O"))
    assert shapes(plain, "ellipse") == []
    # the ester is atoms 1 to 3, the acid 10 to 12
    assert atoms_of(shapes(marked, "ellipse")) == {1, 2, 3, 10, 11, 12}
    grounds = [e for e in shapes(marked, "path") if "#FF7F7F" in e.get("style", "")]
    assert {frozenset(atoms_of([e])) for e in grounds} == {
        frozenset(ends) for ends in ((1, 2), (1, 3), (10, 11), (10, 12))
    }
    assert drawing("CCO", highlight="[Xe]") == drawing("CCO", highlight="C.[Xe]") == drawing("CCO")


@pytest.mark.parametrize("smiles", NO_STRUCTURES.values(), ids=NO_STRUCTURES)
def test_what_rdkit_cannot_read_has_no_drawing(smiles):
    assert drawing(smiles) is None
    assert drawing(smiles, highlight="C") is None


@pytest.mark.parametrize(("width", "height"), [(0, 200), (300, 0), (-5, 100)])
def test_a_drawing_without_a_size_is_refused(width, height):
    with pytest.raises(UsageError, match=f"cannot be {width} pixels wide and {height} high"):
        drawing("CCO", width, height)
