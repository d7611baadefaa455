"""The script that sets everything up: harmless to run again, and plain about what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
BARE = ("bash", "dirname", "env", "id", "uname")


def setup(*arguments: str, path: str | None = None, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"PATH": path} if path else {})
    return subprocess.run(
        [str(root / "tools/setup"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def copied(folder: Path) -> Path:
    (folder / "tools").mkdir()
    shutil.copy(ROOT / "tools/setup", folder / "tools/setup")
    return folder


def bare_path(folder: Path) -> str:
    """A PATH with a shell and next to nothing else."""
    folder.mkdir()
    for name in BARE:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


def test_a_machine_that_has_node_is_left_as_it_is() -> None:
    done = setup("node")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_machine_without_python_or_packages_is_told_what_to_install(tmp_path: Path) -> None:
    done = setup("python", "requirements.lock", path=bare_path(tmp_path / "bin"), root=copied(tmp_path))
    assert done.returncode == 1
    assert "please install: python3" in done.stderr


def test_a_machine_without_chromium_is_told_so(tmp_path: Path) -> None:
    done = setup("chromium", path=bare_path(tmp_path / "bin"), root=copied(tmp_path))
    assert done.returncode == 1
    assert "please install: chromium" in done.stderr
