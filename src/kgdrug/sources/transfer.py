"""A download that goes on where it stopped, and the checksum of what came.

Read before: PyKEEN and PyTorch Geometric, which start a broken download again.
"""

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kgdrug.errors import KgdrugError, first_line

if TYPE_CHECKING:
    import requests

PAUSES = (1, 2, 4, 8, 16)  # seconds; one more before each try after one that brought nothing new
LONGEST_PAUSE = 60  # seconds that a server may ask to be left alone for
TIMEOUT = (10, 60)  # seconds to connect, and until the next bytes come
CHUNK = 1 << 15  # bytes
_log = logging.getLogger(__name__)


class ProgressBar(Protocol):
    """What is shown of the download of one file, in bytes."""

    def start(self, done: int, total: int | None) -> None:
        """A try begins: so much is there already, of so much; None where the server doesn't say."""

    def update(self, n: int) -> None:
        """So much more has come."""

    def close(self, whole: bool) -> None:
        """The last call: whether the file is there, whole and checked."""


def checksum(path: Path, like: str = "sha256") -> str:
    """The checksum of a file, of the same kind as another one."""
    import pooch

    kind = like.partition(":")[0]
    return f"{kind}:{pooch.file_hash(str(path), alg=kind)}"


def write_whole_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a file that is there whole or not at all."""
    writing = path.with_name(path.name + ".writing")
    writing.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    writing.replace(path)


@dataclass(frozen=True)
class _Beginning:
    """What a server said of the file that a `.part` is the beginning of; it lies beside the part.

    validator: what If-Range takes, a strong ETag or a date, None where the server gave neither; size: bytes of the
    whole, None where it didn't say.
    """

    url: str
    validator: str | None
    size: int | None


class _PassingError(Exception):
    """A try that failed in a way that another may not.

    pause: seconds that the server asks to wait; reached: whether there was a server at all.
    """

    def __init__(self, what: str, pause: int = 0, reached: bool = True) -> None:
        super().__init__(what)
        self.pause, self.reached = pause, reached


def download(url: str, part: Path, checked: bool, bar: ProgressBar | None) -> None:
    """Download into `part`, going on with what is there; tried again until PAUSES tries in a row bring nothing new.

    checked: whether the checksum is known, which would tell if the two ends were of different files. A server that
    isn't there, or was there and fails for good, is a KgdrugError, and what came is kept.
    """
    furthest, failures = _kept(url, part, checked), 0
    while True:
        try:
            return _try(url, part, checked, bar)
        except _PassingError as error:
            kept = _kept(url, part, checked)
            failures = 1 if kept > furthest else failures + 1
            furthest = max(furthest, kept)
            never_reached = failures == 1 and not error.reached
            if never_reached or failures > len(PAUSES):
                goes_on = f", which goes on after the {kept:,} bytes that came" if kept else ""
                raise _failure(url, part, str(error), f"check the network and run this again{goes_on}") from error
            pause = max(PAUSES[failures - 1], error.pause)
            _log.info("%s: %s; trying again in %d s", url, error, pause)
            time.sleep(pause)


def _try(url: str, part: Path, checked: bool, bar: ProgressBar | None) -> None:
    """Ask once for what `part` lacks, and write it there; a _PassingError where another try may do better."""
    import requests

    beginning, offset = _beginning(url, part, checked), _kept(url, part, checked)
    if beginning is not None and offset and offset == beginning.size:
        return
    with _ask(url, part, offset, beginning) as response:
        if response.status_code == 200:
            offset, beginning = 0, _begin(url, part, response)
        elif not _continues(response, beginning, offset):
            forget(part)
            _try(url, part, checked, bar)
            return
        total = beginning.size if beginning else None
        if bar is not None:
            bar.start(offset, total)
        try:
            _write_body(response, part, bar)
        except requests.RequestException as error:
            raise _PassingError(f"the connection dropped after {_of(part, total)}") from error
    if total is not None and _size(part) < total:
        raise _PassingError(f"the server sent only {_of(part, total)}")


def _ask(url: str, part: Path, offset: int, beginning: _Beginning | None) -> "requests.Response":
    """The answer to a request for a file from a byte on: 200, or where there is an offset 206 or 416; body unread."""
    import requests

    headers = {"Accept-Encoding": "identity"}  # so that sizes and offsets are those of the file
    if offset and beginning is not None:
        headers["Range"] = f"bytes={offset}-"
        if beginning.validator is not None:
            headers["If-Range"] = beginning.validator
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    except (requests.ConnectionError, requests.Timeout) as error:
        dropped = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
        causes = list(_causes(error))
        reached = isinstance(error, requests.ReadTimeout) or any(isinstance(cause, dropped) for cause in causes)
        why = getattr(causes[-1], "strerror", None) or first_line(causes[-1])
        raise _PassingError(f"no answer ({why})", reached=reached) from error
    except requests.RequestException as error:
        raise _failure(url, part, first_line(error), "look whether it has moved") from error
    if response.status_code == 200 or (offset and response.status_code in (206, 416)):
        return response
    response.close()
    status = f"{response.status_code} {response.reason}"
    if response.status_code == 429 or response.status_code >= 500:
        asked = response.headers.get("Retry-After", "")
        raise _PassingError(status, min(int(asked), LONGEST_PAUSE) if asked.isdecimal() else 0)
    raise _failure(url, part, status, "look whether the file has moved")


def _begin(url: str, part: Path, response: "requests.Response") -> _Beginning | None:
    """Empty the part for an answer with the whole file, and note what it is the beginning of.

    None, and no note, where the server packs the body on its way: then bytes can't be counted.
    """
    forget(part)
    part.touch()
    if "Content-Encoding" in response.headers:
        return None
    length = response.headers.get("Content-Length", "")
    beginning = _Beginning(url, _validator(response), int(length) if length.isdecimal() else None)
    write_whole_json(_note(part), asdict(beginning))
    return beginning


def _continues(response: "requests.Response", beginning: _Beginning | None, offset: int) -> bool:
    """Whether an answer is the rest, from this byte on, of the same file."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if beginning is None or span is None or response.status_code != 206 or "Content-Encoding" in response.headers:
        return False
    same_size = beginning.size is None or span[2] in ("*", str(beginning.size))
    same_version = beginning.validator is None or _validator(response) in (None, beginning.validator)
    return int(span[1]) == offset and same_size and same_version


def _validator(response: "requests.Response") -> str | None:
    """What If-Range takes: the ETag where it is a strong one, else the date of the last change."""
    etag: str | None = response.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")


def _write_body(response: "requests.Response", part: Path, bar: ProgressBar | None) -> None:
    """Append the body to the part as it comes."""
    with part.open("ab") as out:
        for chunk in response.iter_content(CHUNK):
            out.write(chunk)
            if bar is not None:
                bar.update(len(chunk))


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _beginning(url: str, part: Path, checked: bool) -> _Beginning | None:
    """The note beside a part that a try can go on from; None where there is no such part."""
    try:
        beginning = _Beginning(**json.loads(_note(part).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return beginning if beginning.url == url and (beginning.validator is not None or checked) else None


def _kept(url: str, part: Path, checked: bool) -> int:
    """The bytes that a try needn't ask for again."""
    return _size(part) if _beginning(url, part, checked) else 0


def forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _of(part: Path, total: int | None) -> str:
    return f"{_size(part):,} bytes" if total is None else f"{_size(part):,} of {total:,} bytes"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came of, the first cause last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _failure(url: str, part: Path, what: str, advice: str) -> KgdrugError:
    return KgdrugError(f"{url}: {what}; {advice}, or set KGDRUG_DATA to a folder that holds {part.parent.name}/")
