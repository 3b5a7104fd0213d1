"""The first signal asks, the second does as usual."""

import signal
import threading
from collections.abc import Iterator

import pytest

from kgdrug.training import stop_on_signals


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_ctrl_c_only_asks_and_the_second_ends_at_once() -> None:
    with stop_on_signals() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        assert stop.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_after_the_block_signals_do_what_they_did_before() -> None:
    seen: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    with pytest.raises(ZeroDivisionError), stop_on_signals() as stop:
        raise ZeroDivisionError
    signal.raise_signal(signal.SIGTERM)
    assert (stop.signal, seen) == (None, [signal.SIGTERM])
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a background job of a shell script
    with stop_on_signals() as stop:
        signal.raise_signal(signal.SIGINT)
        assert not stop()


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    came: list[object] = []

    def work() -> None:
        with stop_on_signals() as stop:
            came.extend([stop(), signal.getsignal(signal.SIGINT)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert came == [False, signal.default_int_handler]
