"""A node that starts its engine itself, and what is left of an engine's processes."""

import contextlib
import json
import os
import pathlib
import signal

from harness import Deployment, faulty_engine, post, wait_until

PREFIX = "the quick brown fox jumps over the lazy dog " * 20


class Started:
    """A deployment of one node, which has started its engine."""

    def __init__(self, service, model, start_s):
        self.service, self.model, self.start_s = service, model, start_s

    def ask(self, path="/v1/chat/completions", **body):
        return post(self.service.url, path, {"model": self.model, "max_tokens": 1, "messages": [{"role": "user", "content": PREFIX}], **body})

    def wait_ready(self):
        wait_until(lambda: self.service.ready("node-1"), self.start_s, "the node has started its engine")
        # A node that began anew has new keys, which the others have to learn.
        wait_until(lambda: self.ask()[0] == 200, 60, "requests are answered")

    def engine(self):
        """The engine's process: the node's child."""
        node = self.service.pid("node-1")
        children = [pid for pid, (parent, group, _) in processes().items() if parent == node and group == pid]
        return children[0] if len(children) == 1 else None


def processes():
    """{process: (its parent, its group, its state)}"""
    out = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent, group = (entry / "stat").read_text().rpartition(") ")[2].split()[:3]
                out[int(entry.name)] = int(parent), int(group), state
    return out


def group_of(leader):
    """The processes of a group that run; one that only waits for its parent's look is gone."""
    return {pid for pid, (_, group, state) in processes().items() if group == leader and state != "Z"}


@contextlib.contextmanager
def started_engine(folder, kind, model, command, port, start_s, environment=None):
    """`openpcc up` starts no engines but its own, so one of those stands where the node's will be, until the node is told to start that."""
    listen = f"http://127.0.0.1:{port}"
    stand_in = contextlib.ExitStack()
    stand_in.enter_context(faulty_engine(folder, "1ms", "1ms", "--model", model, listen=listen))
    with stand_in, Deployment(folder / "up", nodes=1, engines=[listen], model=model, environment=environment) as service:
        stand_in.close()
        config = service.folder / "config/node-1.toml"
        told = f"engine_kind = {json.dumps(kind)}\nengine_command = {json.dumps(command)}\nengine_output = {json.dumps(str(folder / 'engine.out'))}\n"
        before = config.read_text()
        config.write_text(before.replace('engine_kind = "openai"\n', told))
        assert config.read_text() != before
        old = service.pid("node-1")
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: service.pid("node-1") not in (None, old), 10, "the node begins anew")
        started = Started(service, model, start_s)
        started.wait_ready()
        yield started
        leader = started.engine()
    wait_until(lambda: not group_of(leader), 30, "nothing is left of the engine after its node ended")


def kill_the_engine(started, processes_min=1):
    """Its first process alone is killed; everything that belonged to it goes, and another begins."""
    old = started.engine()
    assert len(group_of(old)) >= processes_min
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: not started.service.ready("node-1"), 5, "the node is not ready")
    wait_until(lambda: not group_of(old), 5, "nothing is left of the engine")
    started.wait_ready()
    assert started.engine() not in (None, old)
    assert "engine_restarted" in (started.service.folder / "log/node-1.log").read_text()


def kill_the_node(started):
    leader = started.engine()
    started.service.kill("node-1")
    wait_until(lambda: not group_of(leader), 30, "the engine went with its node")
