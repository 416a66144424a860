"""When ``/health/ready`` says no. Each case runs with the async and the sync pool."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from skilltree import Settings
from skilltree.contrib.asgi import AsgiDatabase
from skilltree.contrib.problems import NotReady
from skilltree.contrib.wsgi import WsgiDatabase
from skilltree.errors import SchemaOutdated, ServerUnavailable, SkillTreeError


def ask_async(settings: Settings) -> SkillTreeError | None:
    async def ask() -> SkillTreeError | None:
        installed = AsgiDatabase(settings)
        try:
            await installed.ready()
        except SkillTreeError as error:
            return error
        finally:
            await installed._database.close()
        return None

    return asyncio.run(ask())


def ask_sync(settings: Settings) -> SkillTreeError | None:
    installed = WsgiDatabase(settings)
    try:
        installed.ready()
    except SkillTreeError as error:
        return error
    finally:
        installed._database.close()
    return None


both = pytest.mark.parametrize("ask", [ask_async, ask_sync])
Ask = Callable[[Settings], SkillTreeError | None]


@both
def test_a_migrated_database_is_ready_and_an_empty_one_is_not(ask: Ask, migrated_url: str, empty_url: str) -> None:
    assert ask(Settings(url=f"{migrated_url} user=skilltree_app")) is None
    assert isinstance(ask(Settings(url=empty_url)), SchemaOutdated)


@both
def test_an_absent_server_and_an_unfit_role_are_not_ready(ask: Ask, migrated_url: str) -> None:
    assert isinstance(ask(Settings(url="host=/nowhere dbname=none")), ServerUnavailable)
    unfit = ask(Settings(url=f"{migrated_url} options='-c session_replication_role=replica'"))
    assert isinstance(unfit, NotReady)
    assert isinstance(unfit.__cause__, SkillTreeError)


async def test_an_async_probe_does_not_wait_for_a_connection(migrated_url: str) -> None:
    installed = AsgiDatabase(Settings(url=migrated_url, max_size=1, ready_timeout=0.1))
    async with installed.opened():
        async with (await installed.database()).transaction():
            started = time.monotonic()
            with pytest.raises(NotReady):
                await installed.ready()
            assert time.monotonic() - started < 2

        await installed.ready()
        assert (await installed.database()).statistics()["lent"] == 0


def test_a_sync_probe_does_not_wait_for_a_connection(migrated_url: str) -> None:
    installed = WsgiDatabase(Settings(url=migrated_url, max_size=1, ready_timeout=0.1))
    with installed.database().transaction():
        started = time.monotonic()
        with ThreadPoolExecutor(3) as probes:
            asked = [probes.submit(installed.ready) for _ in range(3)]
        assert [type(one.exception()) for one in asked] == [NotReady] * 3
        assert time.monotonic() - started < 2

    until = time.monotonic() + 5
    while installed.database().statistics()["lent"] and time.monotonic() < until:
        time.sleep(0.01)
    installed.ready()
    installed.database().close()


def test_a_process_that_was_forked_after_a_probe_has_a_pool_and_a_probe_of_its_own(migrated_url: str) -> None:
    program = f"""
import os
from skilltree import Settings
from skilltree.contrib.wsgi import WsgiDatabase

installed = WsgiDatabase(Settings(url={migrated_url!r}))
installed.ready()
child = os.fork()
installed.ready()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
