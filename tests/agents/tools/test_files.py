import os
from pathlib import Path

import pytest

from swarmtui.agents.tools.files import WRITE_CHARS, list_files, read_file, search_files, write_file
from swarmtui.agents.tools.grep import MATCHES, Caught, Hunt, fits, hunt
from swarmtui.agents.tools.own_files import withheld
from swarmtui.safety.permissions import Effect
from tests.agents.tools.calling import called, context, refusal, text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "README.md").write_text("# Title\n\nA Needle here\n")
    (folder / "src" / "main.py").write_text("".join(f"line {n}\n" for n in range(1, 1001)))
    (folder / "src" / "deep" / "é.txt").write_text("needle\n")
    (folder / "data.bin").write_bytes(b"needle\0\1\2")
    (folder / ".env").write_text("KEY=needle-secret")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("needle token")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("needle outside")
    return folder


async def test_files_are_listed_without_what_holds_credentials(project: Path, tmp_path: Path) -> None:
    listing = await text(list_files(), tmp_path)
    assert listing.splitlines() == [
        "Files of the project:",
        "README.md (23 bytes)",
        "data.bin (9 bytes)",
        "src/main.py (8,893 bytes)",
        "src/deep/é.txt (7 bytes)",
    ]
    assert (await text(list_files(), tmp_path, pattern="src/**/*.py")).splitlines()[1:] == ["src/main.py (8,893 bytes)"]
    assert (await text(list_files(), tmp_path, path="src/deep")).splitlines()[1:] == ["src/deep/é.txt (7 bytes)"]
    assert (await text(list_files(), tmp_path, path=str(project / "src"), pattern="*.txt")).count("bytes") == 1
    assert await text(list_files(), tmp_path, pattern="*.none") == "There are no such files."
    assert "no such folder" in await refusal(list_files(), tmp_path, path="missing")


async def test_a_file_is_read_by_lines(project: Path, tmp_path: Path) -> None:
    whole = await text(read_file(), tmp_path, path="README.md")
    assert whole == "README.md, lines 1-3 of 3:\n1\t# Title\n2\t\n3\tA Needle here"
    part = await text(read_file(), tmp_path, path="./src/main.py", offset=999, limit=1)
    assert part == "./src/main.py, lines 999-999 of 1,000:\n999\tline 999\n(It goes on: read on with offset 1000.)"
    assert "line 500\n(It goes on: read on with offset 501.)" in await text(read_file(), tmp_path, path="src/main.py")
    assert "1,000 lines" in await refusal(read_file(), tmp_path, path="src/main.py", offset=1001)
    assert "no text file" in await refusal(read_file(), tmp_path, path="data.bin")
    (project / "empty").touch()
    assert await text(read_file(), tmp_path, path="empty") == "empty is empty."
    (project / "long").write_text("x" * 5000)
    assert (await text(read_file(), tmp_path, path="long")).endswith("x […]")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../outside/secret.txt",
            "/etc/passwd",
            "src/../../outside/secret.txt",
            "~/.bashrc",
            "link",
            "folder/secret.txt",
        ),
        *("src", "missing", "fifo", "", ".", "a\0b", "src/main.py/x", "\ud800", "x" * 5000, "/proc/self/environ"),
    ],
)
async def test_nothing_outside_the_project_is_read(path: str, project: Path, tmp_path: Path) -> None:
    (project / "link").symlink_to(tmp_path / "outside" / "secret.txt")
    (project / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(project / "fifo")
    said = await refusal(read_file(), tmp_path, path=path)
    assert "outside" not in said.replace(path, "")
    for tool in (list_files(), search_files()):
        given = {"query": "needle"} if tool.spec.name == "search_files" else {}
        assert "secret" not in (await called(tool, tmp_path, path=path, **given)).text.replace(path, "")


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env",
            ".ENV",
            "a/.env.local",
            ".git/config",
            "sub/.git/config",
            ".ssh/known_hosts",
            ".aws/config",
            "id_rsa",
        ),
        *(".netrc", "server.pem", "tls.key", "x/credentials.json", "prod.tfstate", ".npmrc", ".docker/config.json"),
        *("secrets.yaml", ".git"),
    ],
)
async def test_files_with_credentials_are_withheld(path: str, tmp_path: Path) -> None:
    file = tmp_path / "project" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("needle")
    assert "credentials" in await refusal(read_file(), tmp_path, path=path)
    assert "credentials" in await refusal(read_file(), tmp_path, path=f"./{path}")
    assert await text(search_files(), tmp_path, query="needle") == "Nothing was found."
    assert await text(list_files(), tmp_path) == "There are no such files."


@pytest.mark.parametrize(
    "path", [".env.example", ".github/workflows/ci.yml", ".gitignore", "src/environment.py", "key.py"]
)
def test_ordinary_files_are_not_withheld(path: str) -> None:
    assert not withheld(path)


@pytest.mark.parametrize("path", ["n\u202egnp.exe", "a\x1b[2J.txt", "a\nb.txt", "docs\u200b/a.md"])
async def test_no_file_is_written_whose_name_shows_as_another(tmp_path: Path, path: str) -> None:
    where = context(tmp_path)
    assert "cannot be seen" in await refusal(write_file(), where, path=path, content="x")
    assert not [one for one in tmp_path.rglob("*") if one.is_file()]


@pytest.mark.parametrize("path", ["Übersicht (2).md", "报告.md", "a b.txt"])
async def test_names_in_any_language_are_written(tmp_path: Path, path: str) -> None:
    where = context(tmp_path)
    await text(write_file(), where, path=path, content="x")
    assert path in await text(list_files(), where)


async def test_a_folder_with_more_than_one_project_is_not_read(tmp_path: Path) -> None:
    where = context(tmp_path, cwd=str(Path.home()))
    for tool, given in ((list_files(), {}), (read_file(), {"path": "x"}), (search_files(), {"query": "x"})):
        assert "more than one project" in await refusal(tool, where, **given)
    await text(write_file(), where, path="mine.txt", content="x")
    assert "mine.txt" in await text(list_files(), where)


async def test_text_is_found_with_its_place_whatever_its_case(project: Path, tmp_path: Path) -> None:
    found = await text(search_files(), tmp_path, query="NEEDLE")
    assert found.splitlines() == ["Files of the project:", "README.md:3: A Needle here", "src/deep/é.txt:1: needle"]
    narrowed = await text(search_files(), tmp_path, query="needle", pattern="*.txt", path="src")
    assert narrowed.splitlines()[1:] == ["src/deep/é.txt:1: needle"]
    many = await text(search_files(), tmp_path, query="line")
    assert many.count("main.py") == MATCHES
    assert "That is not all" in many


async def test_a_regex_is_found_with_its_place(project: Path, tmp_path: Path) -> None:
    found = await text(search_files(), tmp_path, query="[nN]eed(l)e|line 77$", regex=True)
    assert found.splitlines()[1:] == [
        "README.md:3: A Needle here",
        "src/main.py:77: line 77",
        "src/deep/é.txt:1: needle",
    ]
    assert await hunt(Hunt(str(project), ".", "absent", regex=True, pattern="")) == Caught((), whole=True)


async def test_a_query_that_is_no_regex_is_told(project: Path, tmp_path: Path) -> None:
    assert "no regular expression" in await refusal(search_files(), tmp_path, query="(", regex=True)
    assert "give a text" in await refusal(search_files(), tmp_path, query=" ")


async def test_a_regex_without_end_is_ended_and_what_was_found_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("aab\n" + "a" * 60 + "c\n")
    caught = await hunt(Hunt(str(tmp_path), ".", "(a|aa)+b", regex=True, pattern="", limit_s=0.4))
    assert (caught.lines, caught.whole) == (("a.txt:1: aab",), False)


@pytest.mark.parametrize(
    ("path", "pattern", "fit"),
    [
        ("a.py", "*.py", True),
        ("src/a.py", "*.py", True),
        ("src/a.py", "src/**/*.py", True),
        ("src/b/a.py", "src/**/*.py", True),
        ("src/a.py", "**/*.py", True),
        ("a.pyc", "*.py", False),
        ("lib/a.py", "src/*", False),
        ("a", "", True),
    ],
)
def test_patterns_are_those_of_shells(path: str, pattern: str, fit: bool) -> None:
    assert fits(path, pattern) is fit


async def test_what_an_agent_writes_is_its_own_and_lies_over_the_project(project: Path, tmp_path: Path) -> None:
    assert write_file().effect is Effect.NONE
    told = await text(write_file(), tmp_path, path="src/main.py", content="mine: needle é\n")
    assert told == "Wrote 16 bytes as src/main.py."
    assert await text(write_file(), tmp_path, path="src/main.py", content="more\n", append=True)
    assert (tmp_path / "attempt" / "files" / "src" / "main.py").read_text() == "mine: needle é\nmore\n"
    assert (project / "src" / "main.py").read_text().startswith("line 1\n")
    assert "1\tmine: needle é\n2\tmore" in await text(read_file(), tmp_path, path="/ws/src/main.py")
    assert (await text(list_files(), tmp_path)).startswith("Your own files:\nsrc/main.py (21 bytes)\n\nFiles of the")
    assert "src/main.py:1: mine: needle é" in await text(search_files(), tmp_path, query="needle")
    await text(write_file(), tmp_path, path=".env", content="A=1")
    assert "1\tA=1" in await text(read_file(), tmp_path, path=".env")


@pytest.mark.parametrize(
    "path", ["../x", "/tmp/x", "", ".", "a/../../x", "link/x", "link", "file", "loop/x", "fifo", "a\0"]
)
async def test_nothing_is_written_outside_the_agents_own_folder(path: str, tmp_path: Path) -> None:
    own, outside = tmp_path / "attempt" / "files", tmp_path / "outside"
    own.mkdir(parents=True)
    outside.mkdir()
    (outside / "target").write_text("before")
    (own / "link").symlink_to(outside)
    (own / "file").symlink_to(outside / "target")
    (own / "loop").symlink_to("loop")
    os.mkfifo(own / "fifo")
    await refusal(write_file(), tmp_path, path=path, content="after")
    assert [entry.name for entry in outside.iterdir()] == ["target"]
    assert (outside / "target").read_text() == "before"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["attempt", "outside", "project"]


async def test_what_is_too_large_is_not_written(tmp_path: Path) -> None:
    assert "at most" in await refusal(write_file(), tmp_path, path="x", content="x" * (WRITE_CHARS + 1))
    assert not (tmp_path / "attempt").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "path: give a text"),
        ({"path": 5}, "path: give a text"),
        ({"path": "x", "offset": "last"}, "offset: give a whole number from 1"),
        ({"path": "x", "offset": 0}, "offset: give a whole number from 1"),
        ({"path": "x", "offset": True}, "offset: give a whole number from 1"),
        ({"path": "x", "lines": 3}, "lines: read_file has no such argument; it has: path, offset, limit"),
    ],
)
async def test_arguments_that_do_not_fit_are_told(given: dict[str, object], told: str, tmp_path: Path) -> None:
    assert await refusal(read_file(), tmp_path, **given) == told
