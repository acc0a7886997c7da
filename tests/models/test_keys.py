"""Where keys come from, in which order, what is said when there is none; and that they are nowhere else."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from swarmtui.models import keys as module
from swarmtui.models.catalog import Catalog, Quirks, load_catalog
from swarmtui.models.chat import ChatRequest, Message, ModelError, complete
from swarmtui.models.discover import make_model, unusable
from swarmtui.models.keys import FoundKeys, Keys
from swarmtui.models.net import Net
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.safety.redact import Secret
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.exits import wait_for_an_exit
from swarmtui.workers.orphans import start_time
from tests.fakes.llm import FakeLLM

HERE = "https://llm.acme.example/v1"
REF = ModelRef("acme", "m", base_url=HERE, api_key_env="ACME_API_KEY")
KEY = "sk-canary-0123456789abcdef"

_KEYRING = """
from pathlib import Path
def get_password(service, name):
    import keyring.errors
    if (Path(__file__).parent / "broken").exists():
        raise keyring.errors.NoKeyringError("no backend")
    return {("swarmtui", "acme"): "from-the-keyring"}.get((service, name))
"""


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "keyring_installed", lambda: False)


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A keyring that has a key for acme."""
    package = tmp_path / "keyring"
    package.mkdir()
    (package / "__init__.py").write_text(_KEYRING)
    (package / "errors.py").write_text(
        "class KeyringError(Exception): pass\nclass NoKeyringError(KeyringError, RuntimeError): pass\n"
    )
    known = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] == "keyring"}
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "keyring_installed", lambda: True)
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        del sys.modules[name]
    sys.modules.update(known)


def catalog(*command: str, **more: JSON) -> Catalog:
    entry = {"base_url": HERE, "key_env": "ACME_API_KEY", **more}
    return load_catalog({"acme": {**entry, "key_cmd": list(command)} if command else entry})


def saying(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"print({' '.join(words)!r})")


async def key_of(ref: ModelRef = REF, *, environ: dict[str, str] | None = None, known: Catalog | None = None) -> str:
    found = await Keys(environ or {}, known or catalog()).key(ref, Quirks())
    assert found is not None
    return found.reveal()


async def refused(*, known: Catalog, environ: dict[str, str] | None = None, limit_s: float = 30.0) -> ErrorInfo:
    with pytest.raises(ModelError) as raised:
        await Keys(environ or {}, known, command_s=limit_s).key(REF, Quirks())
    info = raised.value.info
    assert info.kind is ErrorKind.REFUSED
    assert "\n" not in info.message
    return info


async def test_the_environment_goes_before_the_keyring_and_that_before_the_command(keyring: Path) -> None:
    known = catalog(*saying("from-the-command"))
    assert await key_of(environ={"ACME_API_KEY": " from-the-environment\n"}, known=known) == "from-the-environment"
    assert await key_of(known=known) == "from-the-keyring"
    (keyring / "broken").touch()
    assert await key_of(known=known) == "from-the-command"


async def test_the_command_sees_the_users_environment_and_only_its_first_line_counts() -> None:
    script = "import os, sys; print(os.environ['WHERE'] + '-key'); print('more'); print('noise', file=sys.stderr)"
    assert await key_of(environ={"WHERE": "here"}, known=catalog(sys.executable, "-c", script)) == "here-key"


async def test_no_shell_reads_the_command() -> None:
    script = "import sys; print('-'.join(sys.argv[1:]))"
    known = catalog(sys.executable, "-c", script, "$(id)", ";", "`id`")
    assert await key_of(known=known) == "$(id)-;-`id`"


async def test_a_thousand_calls_ask_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"open({str(count)!r}, 'a').write('x'); print('the-key')"
    known, found = catalog(sys.executable, "-c", script), FoundKeys()
    got = await asyncio.gather(*(Keys({}, known, found).key(REF, Quirks()) for _ in range(1000)))
    assert {key.reveal() for key in got if key} == {"the-key"}
    assert count.read_text() == "x"
    assert found.secrets() == (Secret("the-key"),)
    assert "the-key" not in repr(vars(found))


async def test_a_command_that_fails_is_told_in_one_line_and_not_asked_again_at_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"import sys; open({str(count)!r}, 'a').write('x'); sys.exit('gpg: no\\nsecret key')"
    keys = Keys({}, catalog(sys.executable, "-c", script))
    for _ in range(3):
        with pytest.raises(ModelError, match="ended with code 1: gpg: no secret key"):
            await keys.key(REF, Quirks())
    assert count.read_text() == "x"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("/nowhere/at/all",), "cannot be run: No such file"),
        ((sys.executable, "-c", "pass"), "printed no key"),
        ((sys.executable, "-c", "print('two words')"), "characters that no key has"),
        ((sys.executable, "-c", "print('x' * 10**6, end='')"), ""),
        (("a\0b",), "cannot be run"),
    ],
)
async def test_what_may_be_wrong_with_a_command(command: tuple[str, ...], said: str) -> None:
    if said:
        assert said in (await refused(known=catalog(*command))).message
    else:
        assert len(await key_of(known=catalog(*command))) == 64 * 1024


async def test_what_a_command_started_and_that_never_ends_is_ended_though_the_command_has(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    inner = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    outer = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {inner!r}])"
    told = await refused(known=catalog(sys.executable, "-c", outer), limit_s=1.0)
    assert "gave no key within 1 s" in told.message
    assert not pid.exists() or await _ended(int(pid.read_text()))


async def _ended(pid: int) -> bool:
    await asyncio.to_thread(wait_for_an_exit, (pid,), 30.0)
    return start_time(pid) is None


async def test_neither_keyring_nor_command_is_asked_for_an_address_that_is_not_the_providers(keyring: Path) -> None:
    known = catalog(*saying("from-the-command"))
    for elsewhere in ("https://evil.example/v1", HERE + "/x", None):
        ref = ModelRef("acme", "m", base_url=elsewhere, api_key_env="ACME_API_KEY")
        with pytest.raises(ModelError, match="ACME_API_KEY is not set"):
            await Keys({}, known).key(ref, Quirks())


@pytest.mark.parametrize("key", ["", "sk-\u2026", "two words", "sk\nx"])
async def test_a_missing_or_impossible_key_is_refused_by_the_name_of_its_variable_and_never_quoted(key: str) -> None:
    told = (await refused(known=catalog(), environ={"ACME_API_KEY": key})).message
    assert "ACME_API_KEY" in told
    assert not key or key not in told


async def test_what_to_do_about_a_missing_key_is_what_works_here(
    keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = load_catalog({"acme": {"base_url": HERE, "key_env": "ACME_API_KEY"}})
    (keyring / "broken").touch()
    assert "`keyring set swarmtui acme`" in (await refused(known=other)).message
    monkeypatch.setattr(module, "keyring_installed", lambda: False)
    assert "key_cmd" in (await refused(known=other)).message


async def test_a_provider_that_needs_no_key_gets_none() -> None:
    assert await Keys({}, catalog()).key(REF, Quirks(key_optional=True)) is None


def test_only_a_key_that_surely_is_not_there_is_told_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ACME_API_KEY is not set" in unusable([REF], {}, catalog())[0]
    assert "characters" in unusable([REF], {"ACME_API_KEY": "a b"}, catalog())[0]
    assert unusable([REF], {}, catalog("pass", "show", "acme")) == []
    monkeypatch.setattr(module, "keyring_installed", lambda: True)
    assert unusable([REF], {}, catalog()) == []


async def test_a_key_from_a_command_is_sent_and_in_no_message(llm: FakeLLM) -> None:
    from tests.fakes.llm import Status

    known = load_catalog({"acme": {"base_url": llm.base_url, "key_env": "ACME_API_KEY", "key_cmd": [*saying(KEY)]}})
    ref = ModelRef("acme", "m", base_url=llm.base_url, api_key_env="ACME_API_KEY")
    async with Net() as net:
        model = make_model(ref, net, {}, known)
        await complete(model, ChatRequest(ref, (Message("user", "x"),)))
        assert llm.ledger[0].headers["authorization"] == f"Bearer {KEY}"
        llm.will(Status(400, body={"error": {"message": f"you sent {KEY}"}}))
        with pytest.raises(ModelError) as raised:
            await complete(model, ChatRequest(ref, (Message("user", "x"),)))
        assert KEY not in json.dumps([raised.value.info.message, repr(raised.value), repr(vars(model))])
        assert [key.reveal() for key in net.found_keys.secrets()] == [KEY]


# -- over which networks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["https://llm.example/v1", "http://127.0.0.1:8000/v1", "http://gpu-box:8000/v1", "http://10.0.0.5/v1",
     "http://100.64.0.9/v1", "http://gpu.lan/v1", "http://[fd00::1]/v1"],
)  # fmt: skip
async def test_a_key_is_sent_over_https_and_within_the_users_own_networks(address: str) -> None:
    ref = ModelRef("custom", "m", base_url=address, api_key_env="MINE")
    assert await Keys({"MINE": KEY}, catalog()).key(ref, Quirks()) == Secret(KEY)


@pytest.mark.parametrize("address", ["http://llm.example/v1", "HTTP://8.8.8.8/v1", "http://[2606:4700::1]/v1"])
async def test_a_key_is_not_sent_where_anybody_on_the_way_can_read_it(address: str) -> None:
    ref = ModelRef("custom", "m", base_url=address, api_key_env="MINE")
    with pytest.raises(ModelError, match="by http, where anybody on the way reads it: use https") as refused:
        await Keys({"MINE": KEY}, catalog()).key(ref, Quirks())
    assert refused.value.info.kind is ErrorKind.REFUSED
    assert unusable([ref], {"MINE": KEY}, catalog()) == [refused.value.info.message]
    assert await Keys({}, catalog()).key(ref, Quirks(key_optional=True)) is None


async def test_what_the_users_own_configuration_says_is_done() -> None:
    plain = catalog(base_url="http://llm.acme.example/v1")
    ref = ModelRef("acme", "m", base_url="http://llm.acme.example/v1", api_key_env="ACME_API_KEY")
    assert await Keys({"ACME_API_KEY": KEY}, plain).key(ref, Quirks()) == Secret(KEY)
    with pytest.raises(ModelError, match="by http"):
        await Keys({"AWS_SECRET": KEY}, plain).key(replace(ref, api_key_env="AWS_SECRET"), Quirks())
