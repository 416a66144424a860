"""Every block of docs/tutorial.md runs as it is written, in an empty folder, except the installation."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from web_server import free_port, request

TEXT = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text()
FILES = dict(re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]


def test_every_block_has_a_place_in_these_tests() -> None:
    assert len(re.findall(r"^```\w+$", TEXT, re.MULTILINE)) == len(FILES) + TEXT.count("```console")
    assert [command.split()[0] for command in COMMANDS] == [
        *["python3", ".", "pip", "export"],
        *["skilltree"] * 5,
        *["python", "curl", "curl", "curl", "curl"],
    ]


def test_the_tutorial_ends_with_a_running_application(tmp_path: Path) -> None:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PORT": str(port),
        "SKILLTREE_DATA": ".skilltree",
    }
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command.replace("localhost:8000", f"127.0.0.1:{port}")],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shown = [run(command) for command in COMMANDS if command.startswith("skilltree ")][-1]
    server = subprocess.Popen([sys.executable, "serve.py"], cwd=tmp_path, env=environment)
    try:
        wait_until_it_answers(port)
        tree, kinds, _, session = [json.loads(run(command)) for command in COMMANDS if command.startswith("curl ")]
        first = next(skill for skill in tree["skills"] if skill["name"] == "Flour and water")
        done = request(port, "POST", f"/skills/{first['id']}/completion", token=session["token"])
        me = request(port, "GET", "/me", token=session["token"])
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)

    assert "Kneading" in shown
    assert kinds == [{"kind": "KNOWLEDGE", "skills": 4}]
    assert {skill["name"] for skill in done.json()["unlocked"]} == {"Kneading", "Sourdough"}
    assert (me.status, me.json()["skillsCompleted"]) == (200, 1)


def wait_until_it_answers(port: int) -> None:
    end = time.monotonic() + 90
    while True:
        try:
            assert request(port, "GET", "/health/ready").status == 200
        except ConnectionError:
            assert time.monotonic() < end, "the application does not answer"
            time.sleep(0.2)
        else:
            return
