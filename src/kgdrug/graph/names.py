"""An index over names: which are a text, begin with it at any of their words, hold its words, or resemble it.

Of 100,000 names and 15,000 synonyms a look-up takes 0.2 ms for a word or an id, and 1.5 to 2 ms where few names or none
begin with the text, 5 ms at the 95th percentile and 7 at the most. The index is made in 0.4 s when first needed, and
takes 36 MB (one core of a Xeon of 2023, `experiments/benchmarks/names.py`). Words
are in one sorted array and found by bisection. For typos rapidfuzz over all names took 240 to 540 ms with its WRatio,
and 8 to 20 ms with a plain ratio and a cutoff; so it sees only the few hundred that share the most trigrams. All is
numpy over one text of all names: dictionaries of Python's own strings took more memory than everything here.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
Int32 = NDArray[np.int32]

CANDIDATES = 300  # spellings that share most trigrams with a text, and are compared with it letter by letter
LEAST_SHARED = 1 / 8  # of the text's trigrams; a spelling that shares no more of them is no candidate
LEAST_ALIKE, SURELY_ALIKE = 65.0, 75.0  # of 100: what is less like a text never resembles it, or only without better
FAR = 25.0  # so much less than the best does not resemble it either, unless SURELY_ALIKE
ONE_EDIT = 10.0  # more where one typo explains all
LETTERS_A_TYPO = 3  # of the text, for each edit that makes it a part of what it resembles; one edit is always allowed
SO_ALIKE = 85.0  # what is so much like the text resembles it whatever the edits
_LOOKED_AT = 30  # spellings of which the edits are counted at once
_KEY = 8  # bytes of a word that its place in the order is by
_PIECE = 1 << 14  # spellings whose trigrams are sorted at once
_END = ord("\n")  # stands before the first spelling and behind each
# letters, in lower case, and digits are kept, all else that ASCII has is a space; other bytes are parts of letters
_PLAIN = bytes(
    c if c >= 128 or c == _END else ord(chr(c).lower()) if chr(c).isalnum() else ord(" ") for c in range(256)
)
_LETTERS = np.zeros(256, np.uint16)  # 0: between words
_LETTERS[list(b"abcdefghijklmnopqrstuvwxyz0123456789")] = np.arange(1, 37)
_LETTERS[128:] = 1 + np.arange(128) % 36
_CODES = 37**3


def folded(text: str) -> bytes:
    """Lower case without accents, as UTF-8; words stand one space apart, whatever was between them.

    `Sjögren's  Syndrome` is `sjogren s syndrome`.
    """
    return b" ".join(_without_accents(text).encode().translate(_PLAIN).split())


def _without_accents(text: str) -> str:
    """The text as it is where it is ASCII; elsewhere its letters, in lower case."""
    if text.isascii():
        return text
    return re.sub(r"[^\x00-\x7f]", _without_accent, unicodedata.normalize("NFKD", text.casefold()).casefold())


def _without_accent(match: re.Match[str]) -> str:
    letter = match.group()
    return letter if letter.isalnum() else "" if unicodedata.combining(letter) else " "


class Names:
    """The spellings of entities, each a row: names by entity, then synonyms, then ids that are not the name.

    What it needs is made when first asked for, the order of words apart from the trigrams. `among` says which of the
    `n` entities count, `(n,)`; without it all do.
    """

    def __init__(self, ids: Sequence[str], names: Sequence[str], synonyms: Mapping[int, Sequence[str]]) -> None:
        others = [(i, text) for i, texts in synonyms.items() for text in texts]
        unlike = [i for i, (entity, name) in enumerate(zip(ids, names, strict=True)) if entity != name]
        spellings = [*names, *(text for _, text in others), *(ids[i] for i in unlike)]
        self._entity = np.array([*range(len(names)), *(i for i, _ in others), *unlike], np.int32)
        self._first_id = len(names) + len(others)
        lines = "\n".join(["", *(_without_accents(s.replace("\n", " ")) for s in spellings), ""])
        text = np.frombuffer(lines.encode().translate(_PLAIN), np.uint8)
        text = text[~_spaces(text, after=True)]
        self._padded = np.concatenate([text[~_spaces(text, after=False)], np.zeros(_KEY, np.uint8)])
        self._text = self._padded[:-_KEY]
        self._ends = np.flatnonzero(self._text == _END).astype(np.int32)  # row i: ends[i] + 1 to ends[i + 1]
        self._shortest = np.argsort(np.diff(self._ends[: len(names) + 1]), kind="stable").astype(np.int32)
        self._place = np.empty(len(names), np.int32)  # of an entity among the names, the shortest first
        self._place[self._shortest] = np.arange(len(names), dtype=np.int32)
        nothing = np.empty(0, np.int32)
        self._last: tuple[bytes, tuple[Int32, Int32]] = (
            b"",
            (nothing, nothing),
        )  # one search asks for a text several times

    def spelled(self, text: str) -> list[int]:
        """Entities of which a spelling is the text but for case, accents and signs, ascending."""
        wanted = folded(text)
        if wanted:
            starts = self._begun(wanted)[0]
            whole = (self._text[starts - 1] == _END) & (self._text[starts + len(wanted)] == _END)
            rows = np.searchsorted(self._ends, starts[whole]) - 1
        else:
            rows = np.flatnonzero(np.diff(self._ends) == 1)
        return sorted(set(self._entity[rows].tolist()))

    def ending(self, text: str) -> list[int]:
        """Entities of which a spelling ends with the text, from the beginning of a word on, ascending."""
        wanted = folded(text)
        if not wanted:
            return []
        starts = self._begun(wanted)[0]
        starts = starts[self._text[starts + len(wanted)] == _END]
        return sorted(set(self._entity[np.searchsorted(self._ends, starts) - 1].tolist()))

    def beginning(self, text: str, limit: int, among: NDArray[np.bool_] | None = None) -> list[int]:
        """Entities of which a spelling has a word where the text begins; the text may go on over further words.

        First those whose name begins so, then those with a word of the name or of a synonym, then those by a part of
        their id; among each the shortest name first, then the lowest index.
        """
        wanted, n = folded(text), len(self._place)
        if not wanted or limit < 1:
            return []
        merits = self._begun(wanted)[1]
        if among is not None:
            merits = merits[among[self._shortest[merits % n]]]
        best = limit
        while True:  # an entity may have several such words
            best = min(4 * best, len(merits))
            top = np.sort(np.partition(merits, best - 1)[:best] if best < len(merits) else merits)
            entities = list(dict.fromkeys(self._shortest[top % n].tolist()))
            if len(entities) >= limit or best == len(merits):
                return entities[:limit]

    def holding(self, text: str, limit: int, among: NDArray[np.bool_] | None = None) -> list[int]:
        """Entities of whose name and synonyms words begin as each word of the text does, in any order.

        The shortest name first, then the lowest index. Nothing where the text is one word: that is `beginning`.
        """
        wanted, n = dict.fromkeys(folded(text).split()), len(self._place)
        if len(wanted) < 2 or limit < 1:
            return []
        holds = np.ones(n, np.bool_) if among is None else among[self._shortest]  # by place
        for word in sorted(wanted, key=len, reverse=True):
            merits = self._begun(word)[1]
            has = np.zeros(n, np.bool_)
            has[merits[merits < 2 * n] % n] = True  # those above are of ids
            holds &= has
            if not holds.any():
                return []
        found: list[int] = self._shortest[np.flatnonzero(holds)[:limit]].tolist()
        return found

    def resembling(self, text: str, limit: int, among: NDArray[np.bool_] | None = None) -> list[int]:
        """Entities of which a spelling is like the text, the most alike first, then the shortest name, then by index.

        The measure is the mean of two shares of letters that text and spelling have in common, in order: of the letters
        of both, and of the text's alone, so that a text may be unfinished; with ONE_EDIT more where no more than one
        letter is missing, too many, another, or swapped with its neighbour. Against the mean of rapidfuzz's ratio and
        partial ratio, and against WRatio, it was both the fastest and the best at finding mistyped names again. It is
        taken of the CANDIDATES spellings with the highest Jaccard index of trigrams. Letters in common may lie
        scattered over a long name, so one that is not SO_ALIKE must hold the text, but for typos; see `_edits`.
        """
        from rapidfuzz import process  # 10 ms that only a search takes
        from rapidfuzz.distance import OSA, LCSseq

        wanted = folded(text)
        rows = self._sharing(wanted, among)
        if not len(rows) or limit < 1:
            return []
        spellings = [self._text[1 + self._ends[row] : self._ends[row + 1]].tobytes().decode() for row in rows]
        asked = wanted.decode()
        common = process.cdist([asked], spellings, scorer=LCSseq.similarity, dtype=np.int32)[0]
        lengths = np.array([len(spelling) for spelling in spellings])
        alike = 50 * (2 * common / (len(asked) + lengths) + common / len(asked))
        alike[process.cdist([asked], spellings, scorer=OSA.distance, score_cutoff=1, dtype=np.int32)[0] < 2] += ONE_EDIT
        enough = np.flatnonzero(alike >= np.clip(alike.max() - FAR, LEAST_ALIKE, SURELY_ALIKE))
        entities = self._entity[rows[enough]]
        order = np.lexsort((self._place[entities], -alike[enough]))
        found: dict[int, None] = {}
        for start in range(0, len(order), _LOOKED_AT):  # those that are told are most often among the first
            best = order[start : start + _LOOKED_AT]
            edits = _edits(asked, [spellings[i] for i in enough[best]])
            near = (edits <= max(1, len(asked) // LETTERS_A_TYPO)) | (alike[enough[best]] >= SO_ALIKE)
            found |= dict.fromkeys(entities[best[near]].tolist())
            if len(found) >= limit:
                break
        return list(found)[:limit]

    def _begun(self, wanted: bytes) -> tuple[Int32, Int32]:
        """Where the words start that a text begins at, and their merits."""
        before, found = self._last
        if before != wanted:
            found = self._looked_up(wanted)
            self._last = wanted, found
        return found

    def _looked_up(self, wanted: bytes) -> tuple[Int32, Int32]:
        keys, starts, merits = self._words
        low, high = _key_range(wanted[:_KEY])
        found = slice(np.searchsorted(keys, low), np.searchsorted(keys, high, "right"))
        starts, merits = starts[found], merits[found]
        for place in range(_KEY, len(wanted), _KEY):
            if not len(starts):
                break
            keys = self._keys(starts + place)  # no text goes on past the end of a row
            low, high = _key_range(wanted[place : place + _KEY])
            same = (keys >= low) & (keys <= high)
            starts, merits = starts[same], merits[same]
        return starts, merits

    def _keys(self, places: Int32) -> NDArray[np.uint64]:
        """The bytes from each place `(w,)` on as a number."""
        windows = np.lib.stride_tricks.sliding_window_view(self._padded, _KEY)
        return windows[places].view(">u8")[:, 0].astype(np.uint64)

    @cached_property
    def _words(self) -> tuple[NDArray[np.uint64], Int32, Int32]:
        """Of each word `(w,)`, in order: its first bytes as a number, where it starts, and its merit, best first.

        A merit is `tier * n + place`, so that the entity is known by it.
        """
        text, n = self._text, len(self._place)
        gap = text <= ord(" ")
        starts = 1 + np.flatnonzero(gap[:-1] & ~gap[1:]).astype(np.int32)
        rows = np.searchsorted(self._ends, starts) - 1
        tiers = np.where(rows >= self._first_id, 2, (rows >= n) | (self._ends[rows] + 1 < starts))
        merits = (tiers * n + self._place[self._entity[rows]]).astype(np.int32)
        keys = self._keys(starts)
        order = np.argsort(keys)
        return keys[order], starts[order], merits[order]

    def _sharing(self, wanted: bytes, among: NDArray[np.bool_] | None) -> Int:
        """Up to CANDIDATES rows, ascending, that share the most trigrams with a text."""
        bounds, postings, sizes = self._trigrams
        codes = np.unique(_trigrams(np.frombuffer(b"\n" + wanted + b"\n", np.uint8))[0])
        if not len(codes):
            return np.empty(0, np.int64)
        shared = np.bincount(np.concatenate([postings[bounds[c] : bounds[c + 1]] for c in codes]), minlength=len(sizes))
        rows = np.flatnonzero(shared > LEAST_SHARED * len(codes))
        if among is not None:
            rows = rows[among[self._entity[rows]]]
        if len(rows) > CANDIDATES:
            common = shared[rows]
            # the lower row wins a tie, so that the rows do not depend on how numpy sorts
            apart = common / (len(codes) + sizes[rows] - common) - 1e-12 * rows
            rows = np.sort(rows[np.argpartition(-apart, CANDIDATES)[:CANDIDATES]])
        return rows

    @cached_property
    def _trigrams(self) -> tuple[Int32, Int32, Int32]:
        """Where the rows of each code begin and end, the rows that have it, ascending, and how many codes a row has.

        Of an id only the last word counts: what stands before it, its type, it shares with thousands.
        """
        rows = len(self._entity)
        gap = self._text <= ord(" ")
        last_gap = np.flatnonzero(gap)
        least = self._ends[:-1].copy()
        least[self._first_id :] = last_gap[np.searchsorted(last_gap, self._ends[1 + self._first_id :]) - 1]
        pieces = []
        for start in range(0, rows, _PIECE):
            ends = self._ends[start : start + _PIECE + 1]
            codes, places = _trigrams(self._text[ends[0] : ends[-1] + 1])
            row = np.repeat(np.arange(start, start + len(ends) - 1, dtype=np.int32), np.diff(ends))[places - 1]
            kept = places + ends[0] > least[row]
            codes, row = codes[kept], row[kept]
            order = np.argsort(codes, kind="stable")  # the rows of each code still ascend
            codes, row = codes[order], row[order]
            new = np.ones(len(codes), np.bool_)
            new[1:] = (codes[1:] != codes[:-1]) | (row[1:] != row[:-1])
            pieces.append((codes[new], row[new]))
        counts = [np.bincount(codes, minlength=_CODES) for codes, _ in pieces]
        bounds = np.concatenate([[0], np.cumsum(sum(counts, np.zeros(_CODES, np.int64)))]).astype(np.int32)
        postings = np.empty(bounds[-1], np.int32)
        free = bounds[:-1].copy()
        for (codes, row), count in zip(pieces, counts, strict=True):
            postings[(free - np.cumsum(count) + count)[codes] + np.arange(len(codes))] = row
            free += count
        return bounds, postings, np.bincount(postings, minlength=rows).astype(np.int32)


def _key_range(beginning: bytes) -> tuple[np.uint64, np.uint64]:
    """The least and the greatest key of what begins so, with up to `_KEY` bytes."""
    low, high = (int.from_bytes(beginning.ljust(_KEY, pad), "big") for pad in (b"\0", b"\xff"))
    return np.uint64(low), np.uint64(high)


def _edits(text: str, spellings: Sequence[str]) -> Int:
    """How many edits make the text a part of each spelling, `(s,)`: as it stands, or its words apart, in any order.

    A part begins where a word does, and is as long as the text or the word, or one letter shorter or longer.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    starts = [(i, spelling[k:]) for i, spelling in enumerate(spellings) for k in _word_starts(spelling)]
    of, rests = [i for i, _ in starts], [rest for _, rest in starts]

    def least(wanted: str) -> Int:
        n, edits = len(wanted), np.full(len(spellings), len(wanted))
        parts = [rest[:length] for length in (n - 1, n, n + 1) for rest in rests]
        np.minimum.at(edits, of * 3, process.cdist([wanted], parts, scorer=OSA.distance, dtype=np.int32)[0])
        return edits

    words = text.split()
    whole = least(text)
    return whole if len(words) < 2 else np.minimum(whole, sum(map(least, words), np.zeros_like(whole)))


def _word_starts(spelling: str) -> list[int]:
    return [0, *(k + 1 for k, letter in enumerate(spelling) if letter == " ")]


def _spaces(text: NDArray[np.uint8], after: bool) -> NDArray[np.bool_]:
    """Which bytes are a space that stands after a space or a line end, or else before a line end."""
    spare: NDArray[np.bool_] = text == ord(" ")
    if after:
        spare[1:] &= text[:-1] <= ord(" ")
    else:
        spare[:-1] &= text[1:] == _END
    return spare


def _trigrams(text: NDArray[np.uint8]) -> tuple[NDArray[np.uint16], Int]:
    """Codes of a text's trigrams and the places of their middle letters, `(g,)` each; then of the initials of words.

    A trigram has a letter in the middle and may begin or end between words; an initial finds a short word whose every
    trigram a typo has changed.
    """
    letters = _LETTERS[text]
    inner = letters[1:-1] > 0
    initial = inner & (letters[:-2] == 0)
    codes = (letters[:-2] * np.uint16(37) + letters[1:-1]) * np.uint16(37) + letters[2:]
    places = [1 + np.flatnonzero(inner), 1 + np.flatnonzero(initial)]
    return np.concatenate([codes[inner], letters[1:-1][initial]]), np.concatenate(places)
