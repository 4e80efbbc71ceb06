"""The clients that people use, through the whole private path, to a real vLLM that generates: the cells of tests/e2e/test_clients.py."""

from client_runs import beyond, client_tests, environment, programs, seen, wav  # noqa: F401  pytest's fixtures

test_client, test_the_document_says_what_was_seen = client_tests({"vllm": "generating"})
