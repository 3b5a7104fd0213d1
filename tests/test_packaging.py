"""The built wheel, installed into an empty environment, away from the checkout."""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KGDRUG", "MLFLOW", "COVERAGE"))}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_runs_the_demo_in_an_empty_environment(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("kgdrug-*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty/bin/python"
    run(python, "-m", "pip", "install", "-q", "--no-compile", "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)

    home = tmp_path / "home"
    home.mkdir()
    output = run(tmp_path / "empty/bin/kgdrug", "demo", cwd=home, HOME=str(home))

    assert "? treats hypertension" in output
    assert "CtD (train)" in output
    assert "baseline degree" in output
    assert (home / "mlflow.db").is_file()
    (model,) = (home / "models").iterdir()
    assert (model / "manifest.json").is_file()
    help_text = run(tmp_path / "empty/bin/kgdrug", "--help", cwd=home, HOME=str(home))
    assert "predict" in help_text
