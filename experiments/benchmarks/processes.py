"""A server as a tree of processes: started, asked until it answers, measured, and stopped to the last child.

Linux only. Whoever calls `running` must have no other children, as all of them are stopped.
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
GRACE = 10.0  # seconds from SIGTERM to SIGKILL


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], log: Path, grace: float = GRACE
) -> Iterator[subprocess.Popen[bytes]]:
    """The command's process, in the folder of its log; at the end no descendant is left, in whatever session."""
    # a child whose parent ends becomes this process's own, so that none is lost
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=dict(env), cwd=log.parent, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        stop_all(process, grace)


def descendants(of: int) -> list[int]:
    """The processes that a process started, and those that they started, until someone has waited for them."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            parent = path.read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(path.parent.name))
    found, look = [], [of]
    while look:
        look = [child for parent in look for child in children.get(parent, ())]
        found += look
    return found


def stop_all(process: subprocess.Popen[bytes], grace: float) -> None:
    """SIGTERM to the process and all its descendants, and after some seconds SIGKILL, until nothing is left."""
    started, told = time.perf_counter(), set()
    while left := descendants(os.getpid()):
        late = time.perf_counter() - started > grace
        for one in left if late else set(left) - told:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL if late else signal.SIGTERM)
        told.update(left)
        _reap(process)
        time.sleep(0.05)
    _reap(process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    process.poll()
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def peak_mb(of: int) -> dict[int, float]:
    """The most memory (resident set) that a process and each of its descendants held so far, in MB."""
    peaks = {}
    for process in [of, *descendants(of)]:
        with suppress(OSError, StopIteration):  # it ended meanwhile
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
            peaks[process] = next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) * 1024 / 1e6
    return peaks


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
