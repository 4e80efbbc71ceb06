"""Starts llama.cpp's own HTTP server in this process, on a free loopback port, until SIGTERM.

    llama_server.py MODEL.gguf NAME [share]

`share`: with its prompt cache on, as it is by default, so that a test can see what the node makes of that.
Prints its URL on standard output once it listens. NAME is what /v1/models calls the model.
"""

import signal
import sys

import xllamacpp


def parameters(model, name, cache="off"):
    wanted = xllamacpp.CommonParams()
    wanted.model.path = model
    wanted.model_alias = {name}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.n_ctx = 32768
    wanted.n_parallel = 2
    wanted.cpuparams.n_threads = 1
    wanted.warmup = False
    # --no-cache-prompt, without which one user's cached prefixes serve the next: the node refuses such paths.
    wanted.cache_prompt = cache == "share"
    wanted.cache_ram_mib = 0
    wanted.endpoint_metrics = True
    wanted.endpoint_slots = False
    wanted.endpoint_props = False
    wanted.use_jinja = True
    # It goes on answering everything else.
    if cache != "share":
        wanted.embedding = True
        wanted.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return wanted


def main():
    # Blocked before the server starts its threads, so that the signal waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = xllamacpp.Server(parameters(*sys.argv[1:]))
    print(server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
