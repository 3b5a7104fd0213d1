"""What is worked out once is made once, whoever comes, and is forgotten in order."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest

from kgdrug.trained.memory import Memory


def test_those_that_were_used_last_stay() -> None:
    memory = Memory(most=2)
    for key in ("a", "b", "a", "c"):
        assert memory.of(key, lambda key=key: key.upper()) == key.upper()
    assert [key in memory for key in "abc"] == [True, False, True]


def test_large_ones_are_forgotten_sooner_but_the_newest_stays() -> None:
    memory = Memory(size=1979)
    memory.of("small", lambda: 0)
    memory.of("array", lambda: np.zeros(100))
    memory.of(("names",) * 130, lambda: 1)
    assert ["small" in memory, "array" in memory] == [False, True]
    memory.of("vast", lambda: np.zeros(1000))
    assert ["array" in memory, "vast" in memory] == [False, True]


def test_without_limits_all_stay() -> None:
    memory = Memory()
    for key in range(1000):
        memory.of(key, lambda: None)
    assert all(key in memory for key in range(1000))


def test_what_several_want_at_once_one_makes_and_the_others_wait() -> None:
    memory, made, begin, go_on = Memory(), [], Barrier(9), Event()

    def make() -> object:
        made.append(1)
        go_on.wait(10)
        return object()

    def ask(_: int) -> object:
        begin.wait(10)
        return memory.of("key", make)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, i) for i in range(8)]
        begin.wait(10)
        assert "key" not in memory
        assert memory.of("other", lambda: 1) == 1, "who wants something else does not wait"
        go_on.set()
        assert len({id(one.result()) for one in asked}) == 1
    assert len(made) == 1
    assert "key" in memory


def test_an_error_is_not_remembered() -> None:
    memory = Memory(most=1)
    memory.of("a", lambda: 1)

    def fail() -> int:
        raise KeyError("b")

    for _ in range(2):
        with pytest.raises(KeyError, match="b"):
            memory.of("b", fail)
    assert ["a" in memory, "b" in memory] == [True, False]
    assert memory.of("b", lambda: 2) == 2
