"""Dependencies and packaging: what the project declares, what it imports, and whether the two agree.

deptry compares imports with declared dependencies, ruff checks pyproject.toml against the standard. deptry is given
the declared dependencies alone, in a file of our own, so that the project's settings for it silence nothing. It knows
the import name of a package that is installed here and else takes the package's own name; so an import that is
declared nowhere is told only as far as no declared package could be what provides it.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from analysis import Finding, Project, about_project, fact, finding_of, plural, require, ruff, rules_of, run

_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.lock")
_CI = (
    ".github/workflows",
    ".gitlab-ci.yml",
    ".circleci",
    "azure-pipelines.yml",
    ".travis.yml",
    "Jenkinsfile",
    "tox.ini",
)
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_IMPORT_NAMES = {  # packages whose import name is another and that are often met
    "attrs": "attr|attrs",
    "beautifulsoup4": "bs4",
    "cython": "Cython",
    "django": "django",
    "djangorestframework": "rest_framework",
    "gitpython": "git",
    "google-api-python-client": "googleapiclient",
    "importlib-metadata": "importlib_metadata",
    "mysqlclient": "MySQLdb",
    "opencv-python": "cv2",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "protobuf": "google",
    "psycopg2-binary": "psycopg2",
    "pycryptodome": "Crypto",
    "pycryptodomex": "Cryptodome",
    "pygobject": "gi",
    "pyjwt": "jwt",
    "pymupdf": "fitz|pymupdf",
    "pynacl": "nacl",
    "pyopenssl": "OpenSSL",
    "pyqt5": "PyQt5",
    "pyqt6": "PyQt6",
    "pyserial": "serial",
    "pysocks": "socks|sockshandler",
    "python-dateutil": "dateutil",
    "python-dotenv": "dotenv",
    "python-jose": "jose",
    "python-magic": "magic",
    "python-slugify": "slugify",
    "pytz": "pytz",
    "pywin32": "win32api|win32con|win32gui|pythoncom|pywintypes|win32com",
    "pyyaml": "yaml|_yaml",
    "pyzmq": "zmq",
    "ruamel-yaml": "ruamel",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "setuptools": "setuptools|pkg_resources",
}


def dependencies(project: Project) -> Iterator[Finding]:
    """Facts of the project and findings on how it is packaged."""
    yield from _files_of(project.root)
    path = project.root / "pyproject.toml"
    if path.is_file() and not path.is_symlink():
        for diagnostic in ruff(project, ["pyproject.toml"], rules_of("packaging")):
            yield finding_of(diagnostic, "packaging")
    data = _toml(path)
    declared, optional = _declared(project.root, data)
    yield from _metadata(project.root, data, declared, optional)
    if "dependencies" in _strings(_table(data, "project").get("dynamic")) and not declared:
        yield fact("dependencies are computed when the package is built: not checked", "dynamic-dependencies")
    elif declared or optional or data.get("project"):
        yield from _compared(project, declared, optional)


# -- what is declared -----------------------------------------------------------------------------------------


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # what is wrong with it, ruff tells
        return {}


def _table(value: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _declared(root: Path, data: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Requirements needed to run, and those of extras and of development."""
    project, poetry = _table(data, "project"), _table(data, "tool", "poetry")
    needed = _strings(project.get("dependencies"))
    needed += [name for name in _table(poetry, "dependencies") if name.lower() != "python"]
    for path in [root / "requirements.txt", *sorted(root.glob("requirements/*.txt"))[:20]]:
        if path.is_file() and not path.is_symlink():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            needed += [line.split("#")[0].strip() for line in lines if re.match(r"\s*[A-Za-z0-9]", line)]
    options, extras = _setup_cfg(root / "setup.cfg")
    needed += options
    optional = [
        *extras,
        *(entry for group in _table(project, "optional-dependencies").values() for entry in _strings(group)),
    ]
    optional += [entry for group in _table(data, "dependency-groups").values() for entry in _strings(group)]
    optional += [name for group in _table(poetry, "group").values() for name in _table(group, "dependencies")]
    optional += list(_table(poetry, "dev-dependencies"))
    return needed, optional


def _setup_cfg(path: Path) -> tuple[list[str], list[str]]:
    """What setup.cfg requires to run, and for extras."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return [], []
    needed = parser.get("options", "install_requires", fallback="").splitlines()
    extras = dict(parser["options.extras_require"]).values() if parser.has_section("options.extras_require") else ()
    return (
        [line.strip() for line in needed if _NAME.match(line)],
        [line.strip() for group in extras for line in group.splitlines() if _NAME.match(line)],
    )


def _metadata(root: Path, data: dict[str, Any], declared: list[str], optional: list[str]) -> Iterator[Finding]:
    project = _table(data, "project") or _table(data, "tool", "poetry")
    if not project:
        if not declared and (root / "setup.py").is_file():
            told = "packaging is described in setup.py alone, which a review does not execute: dependencies not checked"
            yield fact(told, "setup-py", "packaging")
        elif not declared:
            yield fact(
                "no pyproject.toml with metadata and no requirements.txt: dependencies not checked", "no-metadata"
            )
        return
    known = [f"{name} {project[name]}" for name in ("name", "version") if isinstance(project.get(name), str)]
    backend = _table(data, "build-system").get("build-backend")
    known += [f"built by {backend}"] if isinstance(backend, str) else []
    python = project.get("requires-python") or _table(project, "dependencies").get("python")
    known += [f"Python {python}"] if isinstance(python, str) else []
    if known:
        yield fact("package: " + ", ".join(known), "package", "packaging")
    if python is None and "requires-python" not in _strings(project.get("dynamic")):
        message = "pyproject.toml does not say which Python the project needs (requires-python)"
        yield {**about_project(message, "no-requires-python", "low", "packaging"), "path": "pyproject.toml", "line": 1}
    unbounded = [name for entry in declared if re.fullmatch(r"[A-Za-z0-9._-]+(\[[^\]]*\])?", name := entry.strip())]
    told = f"{plural(len(declared), 'dependency').replace('dependencys', 'dependencies')} to run"
    told += f", {len(unbounded):,} of them in any version" if unbounded else ""
    yield fact(f"{told}; {len(optional):,} in extras and groups", "dependencies", "dependencies")


def _files_of(root: Path) -> Iterator[Finding]:
    names = {path.name.lower() for path in root.iterdir()}
    locks = [name for name in _LOCKS if name.lower() in names]
    checks = [name for name in _CI if (root / name).exists()]
    yield fact(
        f"lock file: {', '.join(locks) or 'none'}; continuous integration: {', '.join(checks) or 'none found'}", "files"
    )
    packaged = bool(names & {"pyproject.toml", "setup.py", "setup.cfg"})
    if packaged and not any(name.startswith("readme") for name in names):
        yield about_project("there is no README", "no-readme", "low", "documentation")
    if packaged and not any(re.match(r"licen[sc]e|copying|copyright|unlicense|notice", name) for name in names):
        yield about_project("there is no licence file", "no-licence", "low", "packaging")


# -- what is imported -----------------------------------------------------------------------------------------


def _compared(project: Project, declared: list[str], optional: list[str]) -> Iterator[Finding]:
    """deptry's comparison of the sources with what is declared."""
    require("deptry")
    own = _own_names(project)
    unused: list[str] = []
    missing: list[dict[str, Any]] = []
    for issue in _deptry(project, declared, optional):
        code, module = issue["error"]["code"], issue["module"]
        if code == "DEP002":
            unused.append(module)
        elif code in ("DEP001", "DEP003") and module not in own:
            missing.append(issue)
        elif code == "DEP005":
            yield _in_file(project, module, "DEP005", f"`{module}` is part of Python and still a dependency", "low")
    # a declared package that nothing seems to import may be what provides an import by another name
    needed = {name.lower() for entry in declared if (match := _NAME.match(entry)) and (name := match[1])}
    doubtful = [name for name in unused if name.lower() in needed]
    yield from _undeclared(project, missing, doubtful)
    for name in doubtful:
        told = f"no source file imports a module named after the dependency `{name}`"
        yield _in_file(project, name, "DEP002", f"{told}; a plugin or a command may still be needed", "info")


def _deptry(project: Project, declared: list[str], optional: list[str]) -> list[dict[str, Any]]:
    names = [re.split(r"[;@\s]", entry.strip())[0] for entry in (*declared, *optional)]
    valid = [name for name in names if re.match(r"[A-Za-z0-9]", name)]
    mapping = ",".join(f"{package}={modules}" for package, modules in _IMPORT_NAMES.items())
    with tempfile.TemporaryDirectory() as folder:
        config, output = Path(folder, "pyproject.toml"), Path(folder, "issues.json")
        config.write_text(f'[project]\nname = "reviewed"\nversion = "0"\ndependencies = {json.dumps(valid)}\n', "utf-8")
        argv = ["deptry", str(project.root), "--config", str(config), "--json-output", str(output), "--no-ansi"]
        run([*argv, "--ignore-notebooks", "--package-module-name-map", mapping])
        issues: list[dict[str, Any]] = json.loads(output.read_text(encoding="utf-8"))
    sources = {str(project.root / path): path for path in project.sources}
    for issue in issues:
        issue["path"] = sources.get(str((project.root / str(issue["location"]["file"])).resolve()))
    return [issue for issue in issues if issue["path"] or issue["error"]["code"] in ("DEP002", "DEP005")]


def _own_names(project: Project) -> set[str]:
    """Every name by which a module or folder of the project could be imported."""
    return {
        part.removesuffix(".py")
        for path in (*project.sources, *project.tests, *project.extras)
        for part in path.split("/")
    }


def _undeclared(project: Project, missing: list[dict[str, Any]], doubtful: list[str]) -> Iterator[Finding]:
    by_module: dict[str, list[tuple[str, int]]] = {}
    for issue in missing:
        place = (issue["path"], issue["location"]["line"])
        if place[1] not in _guarded(project, place[0]):
            by_module.setdefault(issue["module"], []).append(place)
    for module, places in sorted(by_module.items()):
        (path, line), *others = places
        message = f"`{module}` is imported but not declared as a dependency"
        if doubtful:
            message += f", unless one of these provides it: {', '.join(doubtful[:5])}"
        yield {
            "path": path,
            "line": line,
            "severity": "low" if doubtful else "medium",
            "rule": "DEP001",
            "message": message,
            "tool": "deptry",
            "category": "dependencies",
            "related": [{"path": other, "line": row} for other, row in others],
        }


def _guarded(project: Project, path: str) -> set[int]:
    """Lines of a file in which an import may fail: within try … except ImportError, if …, or a function.

    What is imported only under a condition or when a function is called is an optional dependency by intention.
    """
    try:
        tree = ast.parse("\n".join(project.lines(path)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.Try) and any(map(_catches_imports, node.handlers))
        ):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    caught: Iterable[ast.expr] = (
        handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type or ast.Name("Exception")]
    )
    return any(isinstance(kind, ast.Name) and kind.id in _IMPORT_ERRORS for kind in caught)


def _in_file(project: Project, name: str, rule: str, message: str, severity: str) -> Finding:
    """A finding at the line of pyproject.toml, or else requirements.txt, that names the dependency."""
    pattern = re.compile(rf"(^|[\"'\s\[]){re.escape(name)}($|[\"'\s\[<>=!~;,])", re.IGNORECASE)
    for file in ("pyproject.toml", "requirements.txt"):
        if (project.root / file).is_file():
            for row, line in enumerate(project.lines(file), 1):
                if pattern.search(line):
                    place = {"path": file, "line": row, "tool": "deptry"}
                    return {**about_project(message, rule, severity, "dependencies"), **place}
    return {**about_project(message, rule, severity, "dependencies"), "tool": "deptry"}


result = list(dependencies(Project.load(globals()["inputs"]["inventory"])))
