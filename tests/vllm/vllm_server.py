"""How a real vLLM on the CPU is started, with a model of random weights."""

import contextlib
import os
import pathlib
import re
import subprocess
import time

from harness import ENDLESS, free_port, get, wait_until

MODEL = "random-weights"
# Besides what a node tells an engine that it starts. One thread: threads that wait for each other make times that say little.
ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
               "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "VLLM_HOST_IP": "127.0.0.1",
               "TORCH_COMPILE_DISABLE": "1"}  # or the first request with logprobs compiles for most of a minute
# Calls of tools after their schema, whatever the request says: random weights would not keep to it by themselves.
GENERATING = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--tool-strict-level", "parameter")
POOLING = ("--runner", "pooling", "--convert", "embed")
START_S = 400


def vllm_command(folder, port, *arguments):
    python = os.environ["OPENPCC_VLLM_PYTHON"]
    if not (folder / "model").exists():
        subprocess.run([python, pathlib.Path(__file__).parent / "make_model.py", folder / "model"], check=True)
    return [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder / "model"), "--served-model-name", MODEL, "--host", "127.0.0.1",
            "--port", str(port), "--dtype", "bfloat16", "--max-model-len", "16384", "--max-num-seqs", "16", "--enforce-eager", *arguments]


class VllmEngine:
    def __init__(self, listen):
        self.listen = listen

    def metric(self, name):
        """A metric of vLLM's, summed over its labels."""
        text = get(self.listen + "/metrics")[1].decode()
        return sum(float(value) for value in re.findall(rf"^vllm:{re.escape(name)}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))

    @contextlib.contextmanager
    def endless(self):
        """As the other engines'; the model never ends by itself. Yields what waits until the engine works on nothing."""
        before = self.metric("generation_tokens_total")

        def stopped():
            wait_until(lambda: self.metric("num_requests_running") == 0, 10, "the engine stops")
            assert self.metric("generation_tokens_total") < before + ENDLESS / 2, "it went on after its client had left"

        yield stopped


@contextlib.contextmanager
def vllm(folder, *arguments):
    """Starts vLLM and yields it once it is well."""
    with free_port() as port, open(folder / "vllm.log", "wb") as log:
        command = vllm_command(folder, port, "--enable-prompt-tokens-details", *arguments)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | ENVIRONMENT
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        engine = VllmEngine(f"http://127.0.0.1:{port}")

        def healthy():
            assert process.poll() is None, (folder / "vllm.log").read_text(errors="replace")[-4000:]
            try:
                return get(engine.listen + "/health")[0] == 200
            except OSError:
                time.sleep(0.5)
                return False

        try:
            wait_until(healthy, START_S, "vLLM is up")
            yield engine
        finally:
            process.terminate()
            process.wait(timeout=60)
