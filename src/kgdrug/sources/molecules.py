"""The one door to RDKit: what a structure, written as SMILES, says.

RDKit loads when a function here is first called. What it would log about a structure that it cannot read is not shown.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kgdrug.graph import KnowledgeGraph

if TYPE_CHECKING:
    from rdkit.Chem import Mol


def formula(smiles: str) -> str | None:
    """The Hill formula, such as `C9H8O4`; None where RDKit cannot read the structure.

    RDKit names hydrogen before the other elements without carbon too, where Hill would keep to the alphabet.
    """
    molecule = _molecule(smiles)
    if molecule is None:
        return None
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    return CalcMolFormula(molecule)


def readable(smiles: Iterable[str]) -> list[bool]:
    """Whether RDKit can read each structure; one without any atom counts as not read."""
    return [_molecule(one) is not None for one in smiles]


def inchikeys(smiles: Iterable[str]) -> list[str | None]:
    """The InChIKey of each structure; None where there is none.

    Its first 14 letters, the skeleton, stand for formula and connections alone: stereoisomers share them.
    """
    from rdkit import rdBase
    from rdkit.Chem import MolToInchiKey

    with rdBase.BlockLogs():
        molecules = (_molecule(one) for one in smiles)
        return [MolToInchiKey(one) or None if one else None for one in molecules]  # type: ignore[no-untyped-call]


def unreadable(graph: KnowledgeGraph) -> list[int]:
    """The entities of a graph that have a structure which RDKit cannot read, ascending."""
    entities = sorted(graph.smiles)
    return [i for i, read in zip(entities, readable(graph.smiles[i] for i in entities), strict=True) if not read]


def _molecule(smiles: str) -> "Mol | None":
    from rdkit import rdBase
    from rdkit.Chem import MolFromSmiles

    with rdBase.BlockLogs():
        molecule = MolFromSmiles(smiles)
    return molecule if molecule is not None and molecule.GetNumAtoms() else None
