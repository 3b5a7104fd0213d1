"""Every test here starts without shared data and with an empty cache of its own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
_GIVEN = os.environ.get("KGDRUG_DATA")  # before the tests take it away


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.delenv("KGDRUG_DATA", raising=False)
    monkeypatch.setenv("KGDRUG_CACHE", str(tmp_path_factory.getbasetemp() / "no cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The published data, which tests skip without: `KGDRUG_DATA`, else `../shared/data` beside the checkout."""
    folder = Path(_GIVEN) if _GIVEN else CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the published data: set KGDRUG_DATA, or put them into ../shared/data")
    return folder.resolve()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file below `tmp_path`, its folders with it."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file
