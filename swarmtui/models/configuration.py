"""What the user's own ``config.yaml`` says of models: providers that are added, or known ones that are changed.

The file is in the directory for configuration (``swarmtui doctor`` names it; ``SWARMTUI_HOME`` moves it)::

    models:
      acme: {base_url: https://llm.acme.example/v1, key_cmd: [pass, show, acme], worker: acme-small}
      deepseek: {prices: {deepseek-chat: {in: 0.28, out: 0.42}}}

It is the only place that may name a command which gives a key.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from swarmtui.models.catalog import Catalog, CatalogError, load_catalog
from swarmtui.safety.paths import places

FILE = "config.yaml"


def user_catalog(environ: Mapping[str, str] = os.environ) -> Catalog:
    """The catalogue with the user's own entries. Raises CatalogError with every problem in the file, each of which
    names it. The file is read again when it has changed."""
    path = places(environ).config / FILE
    try:
        found = path.stat()
    except FileNotFoundError:
        return load_catalog()
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {error.strerror}") from None
    safe = found.st_uid in (0, os.geteuid()) and not found.st_mode & stat.S_IWOTH
    return _catalog(path, found.st_mtime_ns, found.st_size, safe)


@lru_cache(maxsize=8)
def _catalog(path: Path, changed: int, size: int, safe: bool) -> Catalog:
    """The catalogue with what the file says as of when it `changed`."""
    from swarmtui.plan.problems import TaskError
    from swarmtui.plan.yaml_source import read_yaml

    try:
        text = path.read_bytes()
        if all(not line.strip() or line.lstrip().startswith(b"#") for line in text.splitlines()):
            return load_catalog()
        source, problems = read_yaml(text, str(path))
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {error.strerror}") from None
    except TaskError as error:
        raise CatalogError(str(error)) from None
    if problems:
        raise CatalogError("\n".join(map(str, problems)))
    models = source.data.get("models") if isinstance(source.data, dict) else source.data
    if models is None:
        return load_catalog()

    def place(*parts: str) -> str:
        line, column = source.at(parts)
        return f"{path}:{line}:{column}"

    if not isinstance(source.data, dict) or not isinstance(models, dict):
        raise CatalogError(f"{place('models')}: models must be a mapping of providers, as {{acme: {{base_url: …}}}}")
    try:
        catalog = load_catalog(models)
    except CatalogError as error:
        raise CatalogError("\n".join(f"{place(*_path(line))}: {line}" for line in str(error).splitlines())) from None
    commanding = [name for name in models if (provider := catalog.get(name)) and provider.key_cmd]
    if commanding and not safe:
        where = place("models", commanding[0], "key_cmd")
        raise CatalogError(f"{where}: others may write this file, so that its key_cmd is not run: chmod go-w {path}")
    return catalog


def _path(problem: str) -> list[str]:
    """The place in the file that a problem of the catalogue begins with: ``models.acme.base_url: …``."""
    return problem.partition(":")[0].split(".")
