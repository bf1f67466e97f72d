"""`manage.py up`: broker, web and workers of one machine as one process tree.

Needs neither the database nor Django; the command `up` passes it what the settings say.
"""

import base64
import contextlib
import http.client
import os
import secrets
import socket
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ens_project import embedded
from ens_project.console import Console
from ens_project.data_directory import keep_secret, running_variables, sole_user
from ens_project.processes import Failed, Program, StopRequested, Supervisor, describe_status
from events.client import local_host, local_url

ROOT = Path(__file__).resolve().parent.parent
# Equal to REDIS_URL exactly when that is the server which `up` starts itself.
EMBEDDED_URL = "ENS_EMBEDDED_VALKEY_URL"

WEB_STOP, WORKER_STOP, RECEIVER_STOP, BROKER_STOP = 1, 2, 3, 4
# Longer than the workers' own soft shutdown (35 s), so that requests in flight can end.
WORKER_GRACE_S = 45.0
READY_TIMEOUT_S = 60.0


class CannotStart(Exception):
    """The tree can not be started; the text is one line for the person at the terminal."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to start. `environ` is the whole environment of the children."""

    data_dir: Path
    host: str
    port: int
    web_processes: int
    workers: int
    demo: bool
    allowed_hosts: tuple[str, ...]
    environ: Mapping[str, str]


# --- Before the settings are read ----------------------------------------------------------


def prepare_environment(argv: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Complete the environment of the command `up` before the settings read it.

    With `--demo` missing secrets are made once and kept in the data directory.
    Without it nothing is invented but the address and password of the embedded Valkey.
    Any other command joins the `up --demo` that runs on its data directory, if there is one.
    Raises SystemExit with one line when the data directory can not be used.
    """
    data_dir = Path(environ.get("ENS_DATA_DIR") or ROOT / "var").resolve()
    arguments = argv[2:] if argv[1:2] == ["up"] else None
    if arguments is None:
        for name, value in running_variables(data_dir).items():
            _default(environ, name, value)
    elif not {"-h", "--help"}.intersection(arguments):
        try:
            _complete(data_dir, environ, demo="--demo" in arguments)
        except OSError as error:
            raise SystemExit(
                f"The data directory {data_dir} can not be used ({error.strerror}):"
                " set ENS_DATA_DIR to a directory that this user may write."
            ) from None


def _complete(data_dir: Path, environ: MutableMapping[str, str], *, demo: bool) -> None:
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    environ["ENS_DATA_DIR"] = str(data_dir)
    if demo:
        environ["ENS_DEMO"] = "1"
        _default(environ, "ENS_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
        _default(environ, "ENS_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128")
        # The terminal belongs to the demo's own lines; a line for each request would hide them.
        _default(environ, "ENS_LOG_LEVEL", "WARNING")
        fernet_key = base64.urlsafe_b64encode(os.urandom(32)).decode()
        _keep(data_dir, environ, "ENS_SECRET_KEY", secrets.token_urlsafe(50))
        _keep(data_dir, environ, "ENS_ENCRYPTION_KEYS", fernet_key)
    environ.pop(EMBEDDED_URL, None)
    if not environ.get("REDIS_URL"):
        password = keep_secret(data_dir, "VALKEY_PASSWORD", secrets.token_hex(32))
        valkey = embedded.Valkey(
            data_dir=data_dir / "valkey", password=password, port=embedded.free_port()
        )
        environ["REDIS_URL"] = environ[EMBEDDED_URL] = valkey.url


def _default(environ: MutableMapping[str, str], name: str, value: str) -> None:
    environ[name] = environ.get(name) or value


def _keep(data_dir: Path, environ: MutableMapping[str, str], name: str, candidate: str) -> None:
    if not environ.get(name):
        environ[name] = keep_secret(data_dir, name, candidate)


# --- The tree ------------------------------------------------------------------------------


def supervise(plan: Plan, console: Console) -> int:
    """Run the tree until a signal (0) or until it can not go on (1), and stop it in order.

    Raises DirectoryInUse, or CannotStart when the port is taken or no broker is found.
    """
    status = 0
    with sole_user(plan.data_dir, _shared(plan)), Supervisor(console, cwd=ROOT) as supervisor:
        _require_free_port(plan)
        try:
            _raise_tree(plan, supervisor)
            supervisor.serve()
        except Failed as reason:
            supervisor.say(str(reason))
            status = 1
        except StopRequested:
            pass
        supervisor.stop()
        supervisor.say("Stopped.")
    return status


def _raise_tree(plan: Plan, supervisor: Supervisor) -> None:
    if valkey := _embedded_valkey(plan):
        supervisor.start(
            Program(
                name="broker",
                argv=_broker_argv(valkey),
                env=plan.environ,
                stop_order=BROKER_STOP,
            )
        )
        if not supervisor.wait_for(valkey.answers, timeout_s=READY_TIMEOUT_S):
            raise Failed("The broker does not answer.")
    _run_step(supervisor, _manage(plan, "migrate", "--verbosity=0", "--no-input"))
    if plan.demo:
        _run_step(supervisor, _manage(plan, "seed_demo"))
        receiver = _manage(plan, "demo_receiver", name="receiver", stop_order=RECEIVER_STOP)
        supervisor.start(receiver)
    # Workers take longer to start than the web, and the first event should find them.
    for number in range(1, plan.workers + 1):
        supervisor.start(worker_program(plan, number))
    supervisor.start(web_program(plan))
    address = local_url(plan.host, plan.port)
    if not supervisor.wait_for(lambda: is_ready(plan), timeout_s=READY_TIMEOUT_S):
        supervisor.say(f"{address}/readyz does not answer 200 yet; see the lines above.")
        return
    supervisor.say(f"Ready on {address} (Ctrl-C stops everything).")
    if plan.demo and (status := supervisor.run(_manage(plan, "show_demo", verbatim=True))):
        supervisor.say(f"The demo could not be shown ({describe_status(status)}).")


def _run_step(supervisor: Supervisor, program: Program) -> None:
    if status := supervisor.run(program):
        raise Failed(f"{program.name} failed ({describe_status(status)}).")


def _embedded_valkey(plan: Plan) -> embedded.Valkey | None:
    url = plan.environ.get("REDIS_URL", "")
    if not url or url != plan.environ.get(EMBEDDED_URL):
        return None
    parts = urlsplit(url)
    return embedded.Valkey(
        data_dir=plan.data_dir / "valkey", password=parts.password or "", port=parts.port or 0
    )


def _broker_argv(valkey: embedded.Valkey) -> tuple[str, ...]:
    try:
        return valkey.argv()
    except embedded.EmbeddedError as error:
        raise CannotStart(str(error)) from error


def _manage(
    plan: Plan, *command: str, name: str = "", stop_order: int = 0, verbatim: bool = False
) -> Program:
    return Program(
        name=name or command[0],
        argv=(sys.executable, "manage.py", *command),
        env=plan.environ,
        stop_order=stop_order,
        verbatim=verbatim,
    )


def web_program(plan: Plan) -> Program:
    options = {
        "bind": f"[{plan.host}]:{plan.port}" if ":" in plan.host else f"{plan.host}:{plan.port}",
        "worker-class": "gthread",
        "threads": "8",
        "workers": str(plan.web_processes),
        "graceful-timeout": "8",
        "log-level": "warning",
    }
    return Program(
        name="web",
        argv=(
            *(sys.executable, "-m", "gunicorn", "ens_project.wsgi:application"),
            *(f"--{name}={value}" for name, value in options.items()),
            "--no-control-socket",
        ),
        env=plan.environ,
        stop_order=WEB_STOP,
    )


def worker_program(plan: Plan, number: int) -> Program:
    return Program(
        name=f"worker{number}",
        argv=(
            *(sys.executable, "-m", "celery", "--quiet", "-A", "ens_project", "worker"),
            *("-P", "gevent", "-c", "1000", "-n", f"worker{number}@%h"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        env=plan.environ,
        stop_order=WORKER_STOP,
        grace_s=WORKER_GRACE_S,
    )


# --- The address and the data directory ----------------------------------------------------


def is_ready(plan: Plan) -> bool:
    """Whether the web answers /readyz with 200."""
    names = [name.lstrip(".") for name in plan.allowed_hosts if name != "*"]
    connection = http.client.HTTPConnection(local_host(plan.host), plan.port, timeout=2)
    with contextlib.closing(connection):
        try:
            connection.request(
                "GET", "/readyz", headers={"Host": names[0] if names else "localhost"}
            )
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def _require_free_port(plan: Plan) -> None:
    family = socket.AF_INET6 if ":" in plan.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((plan.host, plan.port))
        except OSError as error:
            raise CannotStart(
                f"{plan.host}:{plan.port} can not be listened on ({error.strerror}):"
                " stop what uses it, or set ENS_PORT (and ENS_HOST) to another."
            ) from error


def _shared(plan: Plan) -> dict[str, str]:
    """The variables by which another command joins this installation.

    The secrets of an installation that is no demo are never written down.
    """
    names = {"REDIS_URL"} if _embedded_valkey(plan) else set()
    if plan.demo:
        names = {name for name in plan.environ if name.startswith("ENS_")}
        names |= {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"} & plan.environ.keys()
    return {name: plan.environ[name] for name in names}
