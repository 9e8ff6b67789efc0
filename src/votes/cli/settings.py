"""Settings of a command: the environment, completed with the servers of a data directory."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from votes import embedded
from votes.config import Config, ConfigError, load, unknown_names
from votes.embedded import Addresses
from votes.engine.ports import Unavailable
from votes.logs import set_up_logs

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="VOTES_DATA_DIR",
    default=None,
    help="Where the embedded servers keep their data.  [default: ./.data]",
)
SECRETS_FILE = "secrets.json"
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


logger = structlog.get_logger("votes")


class _Secrets(Struct, frozen=True):
    secret_key: str
    jwt_secret: str


def from_environment(data_dir: Path | None = None) -> Config:
    """The settings, with logs set up. Raises `ConfigError`."""
    config = load(os.environ)
    set_up_logs(config.log)
    for name, nearest in unknown_names(os.environ).items():
        logger.warning("not a setting", name=name, nearest=nearest)
    return replace(config, data_dir=data_dir) if data_dir is not None else config


def completed(config: Config, addresses: Addresses) -> Config:
    """The settings with the embedded servers where no URL is set."""
    if config.postgres_url is None:
        config = replace(config, postgres_url=addresses.app_url, migration_url=addresses.owner_url)
    if config.redis_url is None:
        config = replace(config, redis_url=addresses.redis_url)
        config = replace(config, queue_url=config.queue_url or addresses.queue_url)
    return config


@contextmanager
def with_servers(
    purpose: str, data_dir: Path | None, *, redis: bool = True, make: bool = False
) -> Iterator[Config]:
    """Settings with running servers: those of the environment, of a running `votes up`, or servers
    started here until the end of the context. `redis` is False where only the log is needed.

    With `make` a missing data directory is made, and that is said. Otherwise one is not: raises
    `ConfigError`, for a command that reads has nothing to read there.
    """
    config = from_environment(data_dir)
    postgres, redis = config.postgres_url is None, redis and config.redis_url is None
    if not postgres and not redis:
        with outages_named(config):
            yield config
        return
    if not embedded.is_data_dir(config.data_dir):
        where = config.data_dir.resolve()
        if not make:
            raise ConfigError(f"VOTES_DATA_DIR: {where} has no data of votes; try --data-dir")
        click.echo(f"new data directory: {where}", err=True)
    with (
        outages_named(config),
        embedded.running(config.data_dir, purpose, postgres=postgres, redis=redis) as addresses,
    ):
        yield completed(config, addresses)


@contextmanager
def outages_named(config: Config) -> Iterator[None]:
    """Add the name of the variable to the error of a server that does not respond."""
    try:
        yield
    except Unavailable as error:
        for name in ("postgres", "redis"):
            if str(error).lower().startswith(name) and getattr(config, f"{name}_url"):
                raise Unavailable(f"VOTES_{name.upper()}_URL: {error}") from error
        raise


def with_secrets(config: Config) -> Config:
    """The settings, with the data directory's secrets where none are set."""
    stored = stored_secrets(config.data_dir)
    if not config.secret_keys:
        config = replace(config, secret_keys=(stored.secret_key.encode(),))
    if config.jwt_secret is None and config.jwks_url is None:
        config = replace(config, jwt_secret=stored.jwt_secret)
    return config


def has_secrets(data_dir: Path) -> bool:
    """Whether the data directory has secrets of its own."""
    return (data_dir / SECRETS_FILE).is_file()


def is_own_secret(config: Config) -> bool:
    """Whether only `votes token` signs users' tokens, with the secret of the data directory."""
    try:
        return config.jwt_secret == _read_secrets(config.data_dir).jwt_secret
    except (OSError, ConfigError):
        return False


def _read_secrets(data_dir: Path) -> _Secrets:
    path = data_dir / SECRETS_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Secrets)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def stored_secrets(data_dir: Path) -> _Secrets:
    path = data_dir / SECRETS_FILE
    try:
        return _read_secrets(data_dir)
    except FileNotFoundError:
        made = _Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.encode(made))
    try:
        os.link(draft, path)  # the first process wins
    except FileExistsError:
        return stored_secrets(data_dir)
    finally:
        draft.unlink()
    return made


def environment(config: Config) -> dict[str, str]:
    """The environment of a child process with these settings: of those that hold a secret, only
    what is set here; without unknown `VOTES_` names."""
    ours: dict[str, Any] = {
        "VOTES_POSTGRES_URL": config.postgres_url,
        "VOTES_MIGRATION_URL": config.migration_url,
        "VOTES_REDIS_URL": config.redis_url,
        "VOTES_QUEUE_URL": config.queue_url,
        "VOTES_DATA_DIR": str(config.data_dir),
        "VOTES_SECRET_KEYS": ",".join(key.decode() for key in config.secret_keys),
        "VOTES_JWT_SECRET": config.jwt_secret,
        "VOTES_OIDC_CLIENT_SECRET": config.oidc_client_secret,
        "VOTES_SMTP_URL": config.smtp_url,
        "VOTES_PUBLIC_URL": config.public_url,
        "VOTES_DEMO_LOGIN": "on" if config.demo_login else None,
        "VOTES_SAMPLES": "on" if config.samples else None,
    }
    without = {*unknown_names(os.environ), *ours}
    given = {name: value for name, value in os.environ.items() if name not in without}
    return given | {name: value for name, value in ours.items() if value}
