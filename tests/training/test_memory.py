"""Freed memory is kept where glibc can be told to, and nothing breaks elsewhere."""

import ctypes
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from kgdrug.training import keep_freed_memory


def libc(mallopt: Callable[[int, int], int]) -> Callable[[str], SimpleNamespace]:
    return lambda name: SimpleNamespace(mallopt=mallopt)


def test_both_of_glibcs_thresholds_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {}

    def mallopt(parameter: int, value: int) -> int:
        told[parameter] = value
        return 1

    monkeypatch.setattr(ctypes, "CDLL", libc(mallopt))
    assert keep_freed_memory() is True
    assert set(told) == {-1, -3}  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    assert min(told.values()) > 2**20


def test_without_glibc_memory_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert keep_freed_memory() is False
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())  # another libc, without mallopt
    assert keep_freed_memory() is False


def test_a_glibc_that_refuses_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", libc(lambda parameter, value: 0))
    assert keep_freed_memory() is False
