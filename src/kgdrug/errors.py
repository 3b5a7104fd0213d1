"""What a user can meet. Every message says what came, where, and what would do instead."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its name where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def close_words(word: str, words: Iterable[str], cutoff: float = 0.5) -> list[str]:
    """The words that resemble a word most, in any case, best first; at most three."""
    folded = {w.casefold(): w for w in words}
    return [folded[w] for w in difflib.get_close_matches(word.casefold(), folded, 3, cutoff)]


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean …?` with the closest of the words, or nothing."""
    close = close_words(word, words)
    return f"; did you mean {close[0]}?" if close else ""


class KgdrugError(Exception):
    """The task failed; the message is one or two plain lines. Exit code 1."""

    exit_code = 1

    def __str__(self) -> str:
        """The message, with half characters, which no terminal or file takes, as escapes."""
        return super().__str__().encode("utf-8", "backslashreplace").decode()


class UsageError(KgdrugError):
    """What was asked for cannot be: a wrong setting, name, or place. Exit code 2."""

    exit_code = 2


class AbsentError(UsageError):
    """What was asked about is known, but what is wanted of it is not there."""


class UnknownNameError(UsageError):
    """Nothing goes by this id or name. close: perhaps what was meant; choices: all there are, told if none is close."""

    def __init__(
        self, kind: str, name: str, close: Sequence[str] = (), within: str = "", choices: Sequence[str] = ()
    ) -> None:
        self.kind, self.name, self.close = kind, name, tuple(close or close_words(name, choices))
        text = f"unknown {kind} {name!r}" + (f" in {within}" if within else "")
        if self.close:
            text += "; did you mean " + ", ".join(self.close) + "?"
        elif choices:
            text += "; choose from " + ", ".join(choices)
        super().__init__(text)


class AmbiguousNameError(UsageError):
    """Several entities go by this name; the message lists their ids."""

    def __init__(self, kind: str, name: str, matches: Sequence[str]) -> None:
        self.kind, self.name, self.matches = kind, name, tuple(matches)
        super().__init__(f"{kind} {name!r} is ambiguous; give one of these ids: " + ", ".join(matches))


class BadInputError(KgdrugError):
    """A file does not hold what it should."""

    def __init__(self, file: str | Path, message: str, line: int | None = None) -> None:
        self.file, self.line, self.message = Path(file), line, message
        super().__init__(f"{file}{'' if line is None else f', line {line}'}: {message}")


class ServiceError(KgdrugError):
    """A service refused. status: of HTTP; title, detail: what, and why; close_matches: perhaps what was meant."""

    def __init__(self, status: int, title: str, detail: str, close_matches: Sequence[str] = ()) -> None:
        self.status, self.title, self.detail, self.close_matches = status, title, detail, tuple(close_matches)
        super().__init__(detail or title)
