"""The sources of settings: defaults < file < guacd.conf < arguments < environment.

The settings of a packager come before the file: a separate file (`GUACR_DEFAULTS_PATH`), and the
log level from the variable that guacd's image uses.

The file is TOML. An environment variable is named `GUACR_SECTION__KEY`; variables without the
double underscore are ignored, since container platforms set `GUACR_PORT` and the like.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from guacr.errors import SettingsError, shorten
from guacr.settings import guacd_conf
from guacr.settings.commands import Commands
from guacr.settings.models import Settings
from guacr.settings.types import Allowed, ProblemsError

CONFIG_VARIABLE = "GUACR_CONFIG_PATH"
DEFAULTS_VARIABLE = "GUACR_DEFAULTS_PATH"
GUACD_LEVEL_VARIABLES = ("GUACD_LOG_LEVEL", "LOG_LEVEL")
"""The variables of guacd's image, the old one and the current one; only guacd's values are used."""
DEFAULT_PATH = Path("/etc/guacr/guacr.toml")
"""Read if no other file is named, and if it exists."""
FILE_MAX = 4 << 20
"""Maximum bytes of a configuration file."""
ENVIRONMENT_PREFIX = "GUACR_"
ENVIRONMENT_DELIMITER = "__"

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Values from one source; `name` identifies it in errors."""

    name: str
    values: Values


class _Environment(Settings, BaseSettings):
    """The settings as pydantic-settings reads them from the environment."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=ENVIRONMENT_DELIMITER,
        enable_decoding=False,
    )


def load(
    config: Path | None = None,
    guacd_config: Path | None = None,
    arguments: Values | None = None,
    *,
    run_commands: bool = True,
) -> Settings:
    """Return the settings from every source; later sources take precedence.

    Args:
        config: the file; by default the one named by `GUACR_CONFIG_PATH`, else
            /etc/guacr/guacr.toml if it exists, else none.
        guacd_config: a guacd.conf to read, too.
        arguments: section → key → value, from the command line.
        run_commands: if False, secrets that commands print are random texts instead.

    Raises:
        SettingsError: one line for each problem: where, which key, and what is allowed.
    """
    sources = _packaged()
    path = config or config_path()
    if path is not None:
        sources.append(Source(str(path), read(path)))
    if guacd_config is not None:
        sources.append(Source(str(guacd_config), guacd_conf.read(guacd_config)))
    sources.append(Source("arguments", arguments or {}))
    sources.append(Source("environment", _environment()))
    return merge(sources, Commands(run=run_commands))


def overridden(arguments: Values) -> list[str]:
    """Return a sentence for each argument that an environment variable overrides."""
    environment = _environment()
    return [
        f"{section}.{key} is {shorten(str(environment[section][key]))} from the environment "
        f"({ENVIRONMENT_PREFIX}{section.upper()}{ENVIRONMENT_DELIMITER}{key.upper()}), "
        f"not {shorten(value)} from the flag"
        for section, keys in arguments.items()
        for key, value in keys.items()
        if key in environment.get(section, {}) and str(environment[section][key]) != value
    ]


def _packaged() -> list[Source]:
    sources: list[Source] = []
    if path := os.environ.get(DEFAULTS_VARIABLE):
        sources.append(Source(path, read(Path(path))))
    levels = [(name, os.environ.get(name, "").lower()) for name in GUACD_LEVEL_VARIABLES]
    return sources + [
        Source(name, {"log": {"level": level}})
        for name, level in levels
        if level in guacd_conf.LOG_LEVELS
    ]


def config_path() -> Path | None:
    """Return the configuration file to read if the command line names none.

    Raises:
        SettingsError: its directory cannot be searched.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named).expanduser()
    try:
        return DEFAULT_PATH if DEFAULT_PATH.exists() else None
    except OSError as error:
        raise SettingsError(
            f"{DEFAULT_PATH} cannot be searched for: {error.strerror}: let the daemon's account "
            "search its directory, or name a file with --config"
        ) from error


def read(path: Path) -> Values:
    """Read the TOML file at `path`.

    Raises:
        SettingsError: it cannot be read, or is not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.loads(file.read(FILE_MAX).decode())
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {_lower(str(error))}") from error
    except (ValueError, RecursionError) as error:  # from int() and nesting, not caught by tomllib
        raise SettingsError(
            f"{path} cannot be read: a number has too many digits, or a value is nested too deeply"
        ) from error


def merge(sources: Sequence[Source], commands: Commands | None = None) -> Settings:
    """Return the settings from `sources`, of which later ones take precedence; `commands` runs
    those that print secrets.

    Raises:
        SettingsError: one line for each problem.
    """
    values: dict[str, Any] = {}
    try:
        for source in sources:
            _merge_into(values, source.values)
        return Settings.model_validate(values, context=commands)
    except ValidationError as error:
        details = error.errors(include_url=False)
        lines = [line for detail in details for line in _sentences(detail, sources)]
    except RecursionError:  # dotted keys may be as long as the file
        lines = ["settings: a table is nested too deeply"]
    except UnicodeEncodeError:  # bytes of the environment; files are UTF-8, and so are arguments
        lines = ["environment: a value is not UTF-8"]
    raise SettingsError("\n".join(dict.fromkeys(lines)))


def _environment() -> Values:
    """Return the settings in the environment.

    Raises:
        SettingsError: a variable names an unknown section.
    """
    for variable in os.environ:
        section, delimiter, _ = variable.partition(ENVIRONMENT_DELIMITER)
        name = section.removeprefix(ENVIRONMENT_PREFIX).lower()
        if delimiter and section.startswith(ENVIRONMENT_PREFIX) and name not in _sections():
            raise SettingsError(f"environment: {variable} has no effect; {_known(())}")
    return EnvSettingsSource(_Environment)()


def _sections() -> Mapping[str, FieldInfo]:
    return Settings.model_fields


def _merge_into(target: dict[str, Any], values: Values) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge_into(target[key], value)
        else:
            target[key] = _copy(value)


def _copy(value: Any) -> Any:
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, Mapping) else value


# ---- pydantic's errors as sentences


def _sentences(detail: ErrorDetails, sources: Sequence[Source]) -> list[str]:
    error = detail.get("ctx", {}).get("error")
    if not isinstance(error, ProblemsError):
        return [_sentence(detail, sources)]
    single: list[ErrorDetails] = [{**detail, "ctx": {"error": one}} for one in error.problems]
    return [_sentence(one, sources) for one in single]


def _sentence(detail: ErrorDetails, sources: Sequence[Source]) -> str:
    path = tuple(part for part in detail["loc"] if isinstance(part, str))
    key = ".".join(path)
    where = _where(path, sources)
    if detail["type"] == "extra_forbidden":
        return f"{where}: setting {shorten(key)} is unknown; {_known(path[:-1])}"
    if detail["type"] == "missing":
        return f"{where}: {key} is missing"
    if detail["type"] == "value_error" and not path:  # about several sections
        return f"settings: {detail['ctx']['error']}"
    if detail["type"] == "value_error":
        return f"{where}: {key} {detail['ctx']['error']}"
    field = _field(path)
    if field is None:
        return f"{where}: {key} must be a table of settings"
    shown = "" if not field.repr else f", not {_shown(detail['input'])}"
    return f"{where}: {key} must be {allowed(field)}{shown}"


def _where(path: Sequence[str], sources: Sequence[Source]) -> str:
    """Return the source that contains the value at `path`, or else the innermost table around
    it."""
    for length in range(len(path), 0, -1):
        for source in reversed(sources):
            if _holds(source.values, path[:length]):
                return source.name
    return "settings"


def _holds(values: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True


def _model(path: Sequence[str]) -> type[BaseModel] | None:
    """Return the model of the table at `path`."""
    model: type[BaseModel] = Settings
    names = iter(path)
    for name in names:
        field = model.model_fields.get(name)
        if field is None:
            return None
        inner = field.annotation
        if get_origin(inner) is dict:
            inner = get_args(inner)[1]
            if next(names, None) is None:
                return None
        elif get_origin(inner) is tuple:  # a list of tables, unless of texts
            inner = get_args(inner)[0]
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return None
        model = inner
    return model


def _field(path: Sequence[str]) -> FieldInfo | None:
    """Return the field at `path`, unless it is a table of settings itself."""
    model = _model(path[:-1])
    field = model.model_fields.get(path[-1]) if model and path else None
    if field is None or get_origin(field.annotation) is tuple:
        return field
    return None if _model(path) is not None else field


def _known(path: Sequence[str]) -> str:
    """Return a clause with the keys of the table at `path`."""
    model = _model(path)
    names = ", ".join(model.model_fields) if model else ""
    if not path:
        return f"the sections are {names}"
    return f"{'.'.join(path)} has {names}"


def allowed(field: FieldInfo) -> str:
    """Describe the values that a setting accepts: "a whole number from 0 to 65535"."""
    kind = field.annotation
    for item in field.metadata:
        if isinstance(item, Allowed):
            return item.text
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if kind in _NUMBERS:
        return _NUMBERS[kind] + _range(field)
    if kind is str:
        return "a text" + _length(field)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "a table"
    return _KINDS.get(get_origin(kind) or kind, "a path")


_NUMBERS: dict[Any, str] = {int: "a whole number", float: "a number"}
_KINDS: dict[Any, str] = {
    bool: "true or false",
    tuple: "a list of texts",
    dict: "a table",
}


def _range(field: FieldInfo) -> str:
    low = next((item.ge for item in field.metadata if isinstance(item, Ge)), None)
    high = next((item.le for item in field.metadata if isinstance(item, Le)), None)
    return f" from {low} to {high}"


def _length(field: FieldInfo) -> str:
    low = next((item.min_length for item in field.metadata if isinstance(item, MinLen)), 0)
    high = next((item.max_length for item in field.metadata if isinstance(item, MaxLen)), None)
    return "" if high is None else f" of {low} to {high} characters"


def _shown(value: Any) -> str:
    return shorten(value) if isinstance(value, str) else shorten(repr(value)).strip("'\"")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
