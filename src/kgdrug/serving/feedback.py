"""What people say of candidates, in one SQLite file."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from kgdrug.errors import KgdrugError, UsageError, did_you_mean
from kgdrug.graph import STATUSES
from kgdrug.graph.annotations import COLUMNS

# what a reader can find a candidate to be, besides what annotations say of a pair
OPINIONS = ("promising", "implausible")
JUDGEMENTS = (*STATUSES, *OPINIONS)
MOST_RANK = 2**63 - 1  # SQLite's largest whole number
AT_ONCE = 1000  # judgements that are read of the file together


@dataclass(frozen=True)
class Judgement:
    """One judgement on a pair. compound, disease: ids; judgement: one of JUDGEMENTS; by: who says so; model: the digest
    of the model whose answer was judged; rank: the place that it had there, 0 where none is given; at: when it was
    written, ISO 8601 in UTC.
    """

    compound: str
    disease: str
    judgement: str
    comment: str = ""
    by: str = ""
    model: str = ""
    rank: int = 0
    at: str = ""


_NAMES = [field.name for field in fields(Judgement)]


class Feedback:
    """Judgements in a file; each is on the disk when `add` returns."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self._rows = sqlite3.connect(path, check_same_thread=False)
            with self._lock, self._rows:
                self._rows.execute("PRAGMA journal_mode = WAL")
                kinds = ", ".join(f"{name} {'INTEGER' if name == 'rank' else 'TEXT'} NOT NULL" for name in _NAMES)
                self._rows.execute(f"CREATE TABLE IF NOT EXISTS feedback (id INTEGER PRIMARY KEY, {kinds})")
        except sqlite3.Error as error:
            raise KgdrugError(f"{path} cannot be used for feedback: {error}") from None

    def add(self, judgement: Judgement) -> Judgement:
        """Write a judgement down, with the time of now; what is written."""
        if judgement.judgement not in JUDGEMENTS:
            hint = did_you_mean(judgement.judgement, JUDGEMENTS)
            raise UsageError(f"unknown judgement {judgement.judgement!r}{hint} (one of {', '.join(JUDGEMENTS)})")
        if not 0 <= judgement.rank <= MOST_RANK:
            raise UsageError(f"rank is {judgement.rank}; give the candidate's place, or 0 where it has none")
        written = replace(judgement, at=datetime.now(UTC).isoformat(timespec="seconds"))
        places = ", ".join("?" * len(_NAMES))
        try:
            with self._lock, self._rows:
                self._rows.execute(f"INSERT INTO feedback ({', '.join(_NAMES)}) VALUES ({places})", astuple(written))
        except sqlite3.Error as error:
            raise KgdrugError(f"the judgement is not kept: {self.path}: {error}") from None
        except UnicodeEncodeError as error:
            raise UsageError(f"{error.object!r} holds half a character, which is no text; leave it out") from None
        return written

    def all(self, limit: int = -1, offset: int = 0) -> list[Judgement]:
        """Judgements, oldest first: so many (-1: all) after those that are left out at the beginning."""
        ask = f"SELECT {', '.join(_NAMES)} FROM feedback ORDER BY id LIMIT ? OFFSET ?"
        with self._lock:
            return [Judgement(*row) for row in self._rows.execute(ask, (limit, offset))]

    def __iter__(self) -> Iterator[Judgement]:
        """Every judgement, oldest first, of which few are in memory at once."""
        ask, last = f"SELECT id, {', '.join(_NAMES)} FROM feedback WHERE id > ? ORDER BY id LIMIT {AT_ONCE}", 0
        while True:
            with self._lock:
                rows = self._rows.execute(ask, (last,)).fetchall()
            yield from (Judgement(*row) for _, *row in rows)
            if len(rows) < AT_ONCE:
                return
            last = rows[-1][0]

    def __len__(self) -> int:
        """How many judgements there are."""
        with self._lock:
            (count,) = self._rows.execute("SELECT count(*) FROM feedback").fetchone()
            return int(count)

    def close(self) -> None:
        """Let the file go."""
        self._rows.close()


def as_annotations(judgements: Iterable[Judgement]) -> Iterator[tuple[str, ...]]:
    """Rows of a file of annotations, its header first; opinions, which no annotation has a status for, are left out."""
    yield COLUMNS
    for one in judgements:
        if one.judgement in STATUSES:
            source = f"judged by {one.by}" if one.by else "a reader's judgement"
            said = f"{source}: {one.comment}" if one.comment else source
            yield one.compound, one.disease, one.judgement, " ".join(said.split()), "", one.at[:10]
