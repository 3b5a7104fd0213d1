"""Ids of entities, their names, and the way from what a person types to an index."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kgdrug.biolink.curies import SEVEN_DIGITS, SPELLINGS, curie
from kgdrug.errors import AmbiguousNameError, UnknownNameError
from kgdrug.graph.names import Names

# prefixes of CURIEs as Biolink spells them, by what is written for them, in lower case
_SPELLED = {p.casefold(): p for p in (*SEVEN_DIGITS, *SPELLINGS.values())}
_SPELLED |= {spelling.casefold(): prefix for spelling, prefix in SPELLINGS.items()}


class OtherKindError(UnknownNameError):
    """Somebody goes by this name, but none of those that were asked for.

    others: who does; close: perhaps who was meant of those that were asked for; instead: how to ask about the others.
    """

    def __init__(
        self, kind: str, name: str, others: Sequence[str], close: Sequence[str] = (), instead: str = ""
    ) -> None:
        super().__init__(kind, name, close)
        self.others = tuple(others)
        meant = f"; did you mean {', '.join(self.close)}?" if self.close else ""
        self.args = (f"unknown {kind} {name!r}: that is {' or '.join(others)}{instead}{meant}",)


class Vocabulary:
    """Ids by index and indices by id, with a display name for each id, and other names where they are known.

    An index is the row of the entity in every table of the project. synonyms: by index; a blank one is left out, and
    one that is, in any case, the id, the name or an earlier one.
    """

    def __init__(
        self,
        ids: Iterable[str],
        names: Iterable[str] | None = None,
        kind: str = "entity",
        synonyms: Mapping[int, Iterable[str]] | None = None,
    ) -> None:
        self.ids: tuple[str, ...] = tuple(ids)
        self.names: tuple[str, ...] = self.ids if names is None else tuple(names)
        self.kind = kind
        if len(self.names) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but {len(self.names)} names")
        self.synonyms: dict[int, tuple[str, ...]] = {}
        for i, texts in sorted((synonyms or {}).items()):
            if not 0 <= i < len(self.ids):
                raise ValueError(f"synonyms of number {i}, but {len(self.ids)} ids")
            said = dict.fromkeys(["", self.ids[i].casefold(), self.names[i].casefold()], "")
            for text in map(str.strip, texts):
                said.setdefault(text.casefold(), text)
            if others := tuple(filter(None, said.values())):
                self.synonyms[i] = others

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} of kind {self.kind})"

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _index(self) -> dict[str, int]:
        index = {entity: i for i, entity in enumerate(self.ids)}
        if len(index) != len(self.ids):
            seen: set[str] = set()
            twice = next(i for i in self.ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            raise ValueError(f"the {self.kind} id {twice!r} stands twice")
        return index

    def check(self) -> None:
        """ValueError where an id stands twice; otherwise that shows at the first look-up."""
        _ = self._index

    @cached_property
    def _searched(self) -> Names:
        return Names(self.ids, self.names, self.synonyms)

    def __contains__(self, entity: object) -> bool:
        return entity in self._index

    def index(self, entity: str) -> int:
        """The index of an exact id."""
        try:
            return self._index[entity]
        except KeyError:
            raise UnknownNameError(self.kind, entity, self.close_matches(entity)) from None

    def find(self, text: str, among: Sequence[range] | None = None, kind: str | None = None) -> int:
        """The index of the entity with this id, name or synonym, case-insensitive; see `meant`.

        among: only indices within these ranges count (say, the compounds); kind: what the error calls the entity.
        What several entities go by raises AmbiguousNameError; of what is known outside the ranges alone, the error says
        what it is, with those within them that a word of it names, and the close matches.
        """
        kind, text = kind or self.kind, text.strip()
        found = self.meant(text, among)
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousNameError(kind, text, [self.label(i) for i in found])
        if others := [] if among is None else self.meant(text):
            words = [self.label(i) for word in text.split() for i in self._called(word)[0] if _within(i, among or ())]
            close = list(dict.fromkeys([*words, *self.close_matches(text, among=among)]))
            raise OtherKindError(kind, text, [self.label(i) for i in others[:3]], close[:3])
        raise UnknownNameError(kind, text, self.close_matches(text, among=among))

    def meant(self, text: str, among: Sequence[range] | None = None) -> list[int]:
        """Indices of the entities that a text means, ascending: several where it does not tell them apart.

        An exact id wins over ids and names in any case, those over synonyms, those over bare ids (`DB00331` of
        `Compound::DB00331`), and those over CURIEs (`DRUGBANK:DB00331`). Of several, the one whose bare id is written
        just so is meant.
        """
        text = text.strip()
        ranges = [range(len(self))] if among is None else among
        if text in self._index and _within(self._index[text], ranges):
            return [self._index[text]]
        called, known_as = ([i for i in found if _within(i, ranges)] for found in self._called(text))
        found = called or known_as
        if not found:
            found = [i for i in self._of_bare_id(text) if _within(i, ranges)] or [
                i for i in self._of_curie(text) if _within(i, ranges)
            ]
        exact = [i for i in found if _bare(self.ids[i]) == text] if len(found) > 1 else found
        return exact if len(exact) == 1 else found

    def search(self, text: str, limit: int = 10, among: Sequence[range] | None = None) -> list[int]:
        """Indices of the entities that a text, finished or not, may mean, best first.

        First those whose id, name, synonym, bare id or CURIE it is, in this order; then those whose name begins with
        it, those with a word of the name or of a synonym that does, and those with a part of the id that does (`DB003`
        of `Compound::DB00331`), of each the shortest name first, in any case and with or without accents and signs;
        then those that hold its words in another order; last, where nobody goes by it, those that resemble it. What
        stands equal otherwise stands by index. Names says how long it takes.
        """
        stripped, inside = text.strip(), self._inside(among)
        exact = [self._index[stripped]] if stripped in self._index else []
        for called in self._called(stripped):
            exact += called
        exact += self._of_bare_id(stripped) + self._of_curie(stripped)
        found = dict.fromkeys(i for i in exact if inside is None or inside[i])
        known = bool(found)
        for look in (self._searched.beginning, self._searched.holding, self._searched.resembling):
            if len(found) < limit and not (known and look == self._searched.resembling):
                found |= dict.fromkeys(look(text, limit, inside))
        return list(found)[:limit]

    def close_matches(self, text: str, limit: int = 3, among: Sequence[range] | None = None) -> list[str]:
        """Labels, as `name (id)`, of the entities that hold all words of the text, or else resemble it most."""
        inside = self._inside(among)
        found = dict.fromkeys(self._searched.holding(text, limit, inside))
        found |= dict.fromkeys(self._searched.resembling(text, limit, inside))
        return [self.label(i) for i in list(found)[:limit]]

    def label(self, index: int) -> str:
        """`name (id)`, or the id alone where it is its own name."""
        entity, name = self.ids[index], self.names[index]
        return entity if name == entity else f"{name} ({entity})"

    def _of_bare_id(self, text: str) -> list[int]:
        """Entities whose id without its type the text is, in any case, ascending."""
        said = text.casefold()
        return [i for i in self._searched.ending(text) if _bare(self.ids[i]).casefold() == said]

    def _of_curie(self, text: str) -> list[int]:
        """Entities whose CURIE the text is, in any case, ascending; see `biolink.curie`."""
        prefix, colon, local = text.partition(":")
        if not prefix or not colon or not local or local.startswith(":"):
            return []
        wanted = _folded(f"{prefix}:{local}", "")
        spellings = {local, local.lstrip("0"), wanted.partition(":")[2]}  # PrimeKG leaves zeros out
        near = {i for spelling in spellings for i in self._searched.ending(spelling)}
        return sorted(i for i in near if _folded(self.ids[i], self.ids[i].partition("::")[0]) == wanted)

    def _called(self, text: str) -> tuple[list[int], list[int]]:
        """Entities whose id or name is the text, in any case, and those of which a synonym is; ascending."""
        said, spelled = text.casefold(), self._searched.spelled(text)
        called = [i for i in spelled if said in (self.ids[i].casefold(), self.names[i].casefold())]
        return called, [i for i in spelled if said in map(str.casefold, self.synonyms.get(i, ()))]

    def _inside(self, among: Sequence[range] | None) -> NDArray[np.bool_] | None:
        """Which entities are within the ranges, `(n,)`; None where all are."""
        if among is None:
            return None
        inside = np.zeros(len(self), np.bool_)
        for r in among:
            inside[r.start : r.stop : r.step] = True
        return inside


def _folded(entity: str, entity_type: str) -> str:
    """The CURIE of an entity in lower case, whatever the case of its prefix: `Mondo:5148` is `mondo:0005148`."""
    prefix, colon, local = entity.removeprefix(f"{entity_type}::").partition(":")
    known = _SPELLED.get(prefix.casefold())
    return curie(f"{known}:{local}" if known and colon else entity, entity_type).casefold()


def _bare(entity: str) -> str:
    """An id without its type; empty where it has none."""
    return entity.partition("::")[2]


def _within(index: int, ranges: Sequence[range]) -> bool:
    return any(index in r for r in ranges)


def join_synonyms(texts: Iterable[str]) -> str:
    r"""Texts as one, `|` between them; a `|` within one is written `\|`, a backslash `\\`."""
    return "|".join(re.sub(r"([\\|])", r"\\\1", text) for text in texts)


def split_synonyms(text: str) -> list[str]:
    """What `join_synonyms` put together; a backslash before another character is itself."""
    return [re.sub(r"\\([\\|])", r"\1", piece) for piece in re.findall(r"(?:\\[\\|]|[^|])+", text)]
