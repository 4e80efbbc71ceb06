"""A real vLLM that its node starts: it is several processes, and none of them may stay behind."""

from harness import cached_tokens, free_port
from started_engine import kill_the_engine, kill_the_node, started_engine
from vllm_server import ENVIRONMENT, MODEL, START_S, vllm_command


def test_an_engine_that_is_killed_is_started_again_and_goes_with_its_node(no_other, tmp_path):
    with free_port() as port:
        command = vllm_command(tmp_path, port)
        with started_engine(tmp_path, "vllm", MODEL, command, port, START_S, environment=ENVIRONMENT) as started:
            kill_the_engine(started, processes_min=2)
            for _ in range(2):
                status, answer = started.ask()
            assert status == 200 and not cached_tokens(answer)
            kill_the_node(started)
