"""The one door to RDKit: what a structure, written as SMILES, says.

RDKit loads when a function here is first called. What it would log about a structure that it cannot read is not shown.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph

if TYPE_CHECKING:
    from rdkit.Chem import Mol

RADIUS, BITS = 2, 2048  # of the fingerprints
MOST_LETTERS, MOST_DOTS = 1000, 2  # of a SMARTS: with more, some take minutes to search for
_ONES = np.array([byte.bit_count() for byte in range(256)], np.uint8)


class Molecules:
    """Structures that are kept as RDKit read them, once, when they are first asked about.

    smiles: such as those of a graph's compounds. Stands for them in `fingerprints` and `matches`: 1,552 structures
    take 1 s to read and hold 50 MB.
    """

    def __init__(self, smiles: Iterable[str]) -> None:
        self.smiles = tuple(smiles)

    def __len__(self) -> int:
        return len(self.smiles)

    @cached_property
    def read(self) -> tuple["Mol | None", ...]:
        """RDKit's molecules, None where it cannot read the structure."""
        return tuple(map(_molecule, self.smiles))


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


def fingerprints(smiles: Iterable[str] | Molecules) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Packed Morgan fingerprints of radius 2 and 2,048 bits, and which structures RDKit could read.

    Returns `(k, 256)` bytes, in which bit `i` is `byte[i // 8] >> i % 8 & 1`, and `(k,)`. A structure that cannot be
    read is a row of zeros; no other row is. Stereoisomers have the same bits (extended-connectivity fingerprints:
    Rogers and Hahn 2010, doi 10.1021/ci100050t).
    """
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
    from rdkit.DataStructs import BitVectToBinaryText

    generator, none = GetMorganGenerator(radius=RADIUS, fpSize=BITS), bytes(BITS // 8)
    rows = [BitVectToBinaryText(generator.GetFingerprint(one)) if one else none for one in _molecules(smiles)]
    bits = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), BITS // 8)
    return bits, np.any(bits, axis=1)


def tanimoto(one: NDArray[np.uint8], many: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How alike one packed fingerprint, `(w,)`, is to many, `(k, w)`: bits of both by bits of either; `(k,)`.

    It is 0 where neither has a bit: nothing is known of a structure that cannot be read.
    """
    if one.dtype != np.uint8 or many.dtype != np.uint8 or many.shape[1:] != one.shape:
        one_is, many_are = (f"{bits.dtype} {bits.shape}" for bits in (one, many))
        raise ValueError(f"fingerprints are {one_is} and {many_are}, not uint8 (w,) and uint8 (k, w)")
    both = _set_bits(many & one)
    either = _set_bits(many) + _set_bits(one) - both
    alike = np.zeros(len(many), np.float32)
    np.divide(both, either, out=alike, where=either > 0)
    return alike


def matches(smiles: Iterable[str] | Molecules, smarts: str) -> NDArray[np.bool_]:
    """Which structures have the substructure that a SMARTS says, `(k,)`; one that cannot be read has none.

    A text that is no SMARTS is a UsageError, as is one of more than 1,000 letters, or of more than three parts with
    dots between them.
    """
    from rdkit import rdBase

    patterns = _patterns(smarts)
    with rdBase.BlockLogs():
        return np.array([one is not None and _has(one, patterns) for one in _molecules(smiles)], np.bool_)


def drawing(smiles: str, width: int = 300, height: int = 200, highlight: str | None = None) -> str | None:
    """A structure as the text of an `<svg>` element, in pixels; None where RDKit cannot read it.

    highlight: a SMARTS; wherever it matches, its atoms and bonds have a coloured ground. It is to stand inside a page:
    the text is ASCII without an XML header, the ground is transparent, and what would be black has the page's
    `currentColor`. The same structure has the same drawing.
    """
    if width < 1 or height < 1:
        raise UsageError(f"a drawing cannot be {width} pixels wide and {height} high")
    patterns = [] if highlight is None else _patterns(highlight)
    molecule = _molecule(smiles)
    if molecule is None:
        return None
    from rdkit import rdBase
    from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2DSVG, PrepareAndDrawMolecule

    with rdBase.BlockLogs():
        atoms, bonds = _matched(molecule, patterns[-1]) if patterns and _has(molecule, patterns) else ([], [])
        drawn = MolDraw2DSVG(width, height)
        drawn.drawOptions().clearBackground = False  # type: ignore[assignment]
        PrepareAndDrawMolecule(drawn, molecule, highlightAtoms=atoms, highlightBonds=bonds)
        drawn.FinishDrawing()
    text = drawn.GetDrawingText()
    return text[text.index("<svg") :].replace("#000000", "currentColor")


def _molecules(smiles: Iterable[str] | Molecules) -> Iterable["Mol | None"]:
    return smiles.read if isinstance(smiles, Molecules) else map(_molecule, smiles)


def _patterns(smarts: str) -> list["Mol"]:
    """The pattern that a SMARTS says, and before it each of its parts, where it has several.

    Nearly all molecules that lack the whole lack a part, which is found out at once; to try all ways of putting the
    parts beside each other took up to 8 s a molecule.
    """
    if len(smarts) > MOST_LETTERS:
        raise UsageError(f"a SMARTS has at most {MOST_LETTERS:,} letters; this one has {len(smarts):,}")
    if smarts.count(".") > MOST_DOTS:
        raise UsageError(f"a SMARTS has at most {MOST_DOTS + 1} parts with dots between them: {smarts!r}")
    from rdkit import rdBase
    from rdkit.Chem import GetMolFrags, MolFromSmarts

    with rdBase.BlockLogs():
        pattern = MolFromSmarts(smarts.strip()) if len(smarts.split()) == 1 else None  # RDKit reads up to a space
        if pattern is None or not pattern.GetNumAtoms():
            raise UsageError(f"{smarts!r} is no SMARTS that RDKit can read")
        parts = GetMolFrags(pattern, asMols=True, sanitizeFrags=False)
    return [*parts, pattern] if len(parts) > 1 else [pattern]


def _has(molecule: "Mol", patterns: Iterable["Mol"]) -> bool:
    return all(molecule.HasSubstructMatch(pattern) for pattern in patterns)


def _matched(molecule: "Mol", pattern: "Mol") -> tuple[list[int], list[int]]:
    """The atoms and the bonds of all matches, ascending."""
    atoms, bonds = set(), set()
    for match in molecule.GetSubstructMatches(pattern):
        atoms.update(match)
        for bond in pattern.GetBonds():
            ends = match[bond.GetBeginAtomIdx()], match[bond.GetEndAtomIdx()]
            bonds.add(molecule.GetBondBetweenAtoms(*ends).GetIdx())
    return sorted(atoms), sorted(bonds)


def _set_bits(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many bits are set, along the last axis."""
    if hasattr(np, "bitwise_count"):
        words = bits if bits.shape[-1] % 8 else np.ascontiguousarray(bits).view(np.uint64)
        each = np.bitwise_count(words)
    else:  # numpy 1
        each = _ONES[bits]
    counts: NDArray[np.int64] = each.sum(-1, dtype=np.int64)
    return counts


def _molecule(smiles: str) -> "Mol | None":
    from rdkit import rdBase
    from rdkit.Chem import MolFromSmiles

    with rdBase.BlockLogs():
        molecule = MolFromSmiles(smiles)
    return molecule if molecule is not None and molecule.GetNumAtoms() else None
