"""Ids of entities, their names, and the way from what a person types to an index."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

from rapidfuzz import fuzz, process, utils

from kgdrug.errors import AmbiguousNameError, UnknownNameError


class Vocabulary:
    """Ids by index and indices by id, with a display name for each id.

    An index is the row of the entity in every table of the project.
    """

    def __init__(self, ids: Iterable[str], names: Iterable[str] | None = None, kind: str = "entity") -> None:
        self.ids: tuple[str, ...] = tuple(ids)
        self.names: tuple[str, ...] = self.ids if names is None else tuple(names)
        self.kind = kind
        if len(self.names) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but {len(self.names)} names")

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

    @cached_property
    def _spellings(self) -> dict[str, list[int]]:
        """Indices by case-folded id and by case-folded name."""
        spellings: dict[str, list[int]] = defaultdict(list)
        for i, (entity, name) in enumerate(zip(self.ids, self.names, strict=True)):
            for spelling in {entity.casefold(), name.casefold()}:
                spellings[spelling].append(i)
        return dict(spellings)

    def check(self) -> None:
        """ValueError where an id stands twice; otherwise that shows at the first look-up."""
        _ = self._index

    @cached_property
    def _folded_ids(self) -> list[str]:
        return [i.casefold() for i in self.ids]

    @cached_property
    def _folded_names(self) -> list[str]:
        return [utils.default_process(name) for name in self.names]

    def __contains__(self, entity: object) -> bool:
        return entity in self._index

    def index(self, entity: str) -> int:
        """The index of an exact id."""
        try:
            return self._index[entity]
        except KeyError:
            raise UnknownNameError(self.kind, entity, self.close_matches(entity)) from None

    def find(self, text: str, among: Sequence[range] | None = None, kind: str | None = None) -> int:
        """The index of the entity with this id or name, case-insensitive.

        among: only indices within these ranges count (say, the compounds); kind: what the error calls the entity.
        An exact id wins over names; a name borne by several entities raises AmbiguousNameError.
        """
        kind, text = kind or self.kind, text.strip()
        inside = range(len(self)) if among is None else None
        ranges = [inside] if inside is not None else list(among or ())
        if text in self._index and _within(self._index[text], ranges):
            return self._index[text]
        matches = [i for i in self._spellings.get(text.casefold(), []) if _within(i, ranges)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise AmbiguousNameError(kind, text, [self.label(i) for i in matches])
        raise UnknownNameError(kind, text, self.close_matches(text, among=among))

    def search(self, text: str, limit: int = 10, among: Sequence[range] | None = None) -> list[int]:
        """Indices of entities whose id or name is, starts with, or resembles the text, best first."""
        folded, ranges = text.strip().casefold(), [range(len(self))] if among is None else list(among)
        exact = [i for i in self._spellings.get(folded, []) if _within(i, ranges)]
        starts = (i for of in (self.names, self.ids) for r in ranges for i in r if of[i].casefold().startswith(folded))
        found = dict.fromkeys(exact)
        for i in starts:
            if len(found) >= limit:
                break
            found.setdefault(i)
        if len(found) < limit:
            found |= dict.fromkeys(self._resembling(text, limit, ranges))
        return list(found)[:limit]

    def close_matches(self, text: str, limit: int = 3, among: Sequence[range] | None = None) -> list[str]:
        """Labels, as `name (id)`, of the entities that resemble the text most."""
        return [self.label(i) for i in self._resembling(text, limit, [range(len(self))] if among is None else among)]

    def label(self, index: int) -> str:
        """`name (id)`, or the id alone where it is its own name."""
        entity, name = self.ids[index], self.names[index]
        return entity if name == entity else f"{name} ({entity})"

    def _resembling(self, text: str, limit: int, ranges: Sequence[range]) -> list[int]:
        folded = self._folded_names
        wanted = utils.default_process(text)
        inside = sorted({i for r in ranges for i in r})
        # a short name that is a part of the text, such as a gene symbol, is not like it
        long_enough = {i: folded[i] for i in inside if 2 * len(folded[i]) >= len(wanted)}
        by_name = process.extract(wanted, long_enough, scorer=fuzz.WRatio, processor=None, limit=limit, score_cutoff=60)
        by_id = process.extract(
            text.strip().casefold(),
            {i: self._folded_ids[i] for i in inside},
            scorer=fuzz.ratio,
            processor=None,
            limit=limit,
            score_cutoff=90,
        )
        found = sorted([*by_name, *by_id], key=lambda f: -f[1])
        return list(dict.fromkeys(int(i) for _, _, i in found))[:limit]


def _within(index: int, ranges: Sequence[range]) -> bool:
    return any(index in r for r in ranges)
