"""Starts llama.cpp's own HTTP server in this process, on loopback, until SIGTERM. The options are those of its llama-server.

Prints its URL on standard output once it listens. Without --no-cache-prompt its prompt cache is on, as it is by default.
"""

import argparse
import signal

import xllamacpp


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True, help="what /v1/models calls the model")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--no-cache-prompt", action="store_true")
    parser.add_argument("--metrics", action="store_true")
    parser.add_argument("--embeddings", action="store_true", help="it goes on answering everything else")
    return parser.parse_args()


def parameters(wanted_by_user):
    wanted = xllamacpp.CommonParams()
    wanted.model.path = wanted_by_user.model
    wanted.model_alias = {wanted_by_user.alias}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = wanted_by_user.port
    wanted.n_ctx = 32768
    wanted.n_parallel = 2
    wanted.cpuparams.n_threads = 1
    wanted.warmup = False
    # Otherwise one user's cached prefixes serve the next: the node refuses paths on which that is so.
    wanted.cache_prompt = not wanted_by_user.no_cache_prompt
    wanted.cache_ram_mib = 0
    wanted.endpoint_metrics = wanted_by_user.metrics
    wanted.endpoint_slots = False
    wanted.endpoint_props = False
    wanted.use_jinja = True
    if wanted_by_user.embeddings:
        wanted.embedding = True
        wanted.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return wanted


def main():
    # Blocked before the server starts its threads, so that the signal waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = xllamacpp.Server(parameters(options()))
    print(server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
