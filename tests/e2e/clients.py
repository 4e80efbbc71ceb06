"""Which client is asked to do what of which engine, and what an engine cannot do: the one table behind the tests of clients (client_runs.py) and
docs/clients.md.

    python3 tests/e2e/clients.py     prints the tables of docs/clients.md
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Engine:
    title: str
    part: str  # of ./dev test
    checks: tuple = ()  # none: all


# vLLM serves chat or embeddings: two servers.
ENGINES = {
    "demo": Engine("Demo engine", "e2e"),
    "llama.cpp": Engine("llama.cpp", "e2e"),
    "vllm": Engine("vLLM, generating", "vllm"),
    "vllm-pooling": Engine("vLLM, pooling", "vllm", ("models", "chat", "completions", "embeddings", "score", "rerank", "tokenize")),
}

# What a check asks for. Two checks of one endpoint are two uses of it.
ENDPOINTS = {
    "example": "the example above",
    "models": "`GET /v1/models`",
    "chat": "`/v1/chat/completions`",
    "stream": "… streamed",
    "tools": "… a tool that must be called",
    "named_tool": "… one tool by name",
    "schema": "… JSON after a schema",
    "raw": "… with the raw response",
    "cancel": "… and the stream is closed",
    "retries": "… and the engine fails",
    "completions": "`/v1/completions`",
    "responses": "`/v1/responses`",
    "messages": "`/v1/messages`",
    "messages_stream": "… streamed",
    "messages_tools": "… a tool that must be called",
    "messages_cancel": "… and the stream is closed",
    "messages_retries": "… and the engine fails",
    "count_tokens": "`/v1/messages/count_tokens`",
    "embeddings": "`/v1/embeddings`",
    "score": "`/v1/score`",
    "rerank": "`/v1/rerank`",
    "tokenize": "`/tokenize`, `/detokenize`",
    "transcription": "`/v1/audio/transcriptions`",
    "translation": "`/v1/audio/translations`",
    "speech": "`/v1/audio/speech`",
    "images": "`/v1/images/generations`",
}

# Only the demo engine fails when a test wants it to.
DEMO_ONLY = ("retries", "messages_retries")


@dataclasses.dataclass(frozen=True)
class Client:
    program: str  # in tests/clients/, and its example in examples/
    checks: tuple
    python: str = ""  # the variable that names its Python, where it has one of its own
    executions: int = 1  # of a request that fails, with the client's own settings
    chats: int = 1  # requests that its check `chat` sends side by side
    example: str = ""  # where its name is not the program's

    @property
    def example_file(self):
        return self.example or self.program


CHAT = ("chat", "stream", "tools", "cancel", "retries")
MESSAGES = ("models", "messages", "messages_stream", "messages_tools", "messages_cancel", "messages_retries", "count_tokens")
OPENAI = ("models", *CHAT, "named_tool", "schema", "raw", "completions", "responses", "embeddings", "transcription", "speech", "images")

CLIENTS = {
    "openai-python": Client("python_openai.py", OPENAI),
    "openai-python-async": Client("python_openai_async.py", (*CHAT, "embeddings", "transcription"), chats=4),
    "openai-node": Client("node_openai.mjs", OPENAI),
    "anthropic-python": Client("python_anthropic.py", MESSAGES),
    "anthropic-typescript": Client("node_anthropic.mjs", MESSAGES),
    "ai-sdk": Client("node_ai_sdk.mjs", (*CHAT, "schema", "embeddings"), executions=3),
    "langchain-python": Client("python_langchain.py", (*CHAT, "schema", "embeddings"), "OPENPCC_LANGCHAIN_PYTHON"),
    "langchain-js": Client("node_langchain.mjs", (*CHAT, "schema", "embeddings"), executions=2),
    "llamaindex": Client("python_llamaindex.py", ("chat", "stream", "tools", "retries", "completions", "embeddings"), "OPENPCC_LLAMAINDEX_PYTHON", executions=3),
    "litellm": Client("python_litellm.py", (*CHAT, "embeddings"), "OPENPCC_LITELLM_PYTHON"),
    "curl": Client("curl.py", ("chat", "stream", "tools", "completions", "responses", "messages", "messages_stream", "count_tokens", "embeddings", "score",
                               "rerank", "tokenize", "transcription", "translation", "speech", "images"), example="curl.sh"),
}


@dataclasses.dataclass(frozen=True)
class Refusal:
    """What an engine answers to what it cannot do; the client must get that as the API's error."""

    status: int
    message: str
    reason: str


NO_PATH = "it has no such path"
NOT_POOLING = "it was started for a model that generates: another server pools"
NO_SUCH_MODEL = "it has the path only for models that can do it"
REFUSALS = {
    ("llama.cpp", "named_tool"): Refusal(500, "does not match the expected", "it takes the choice of one tool for a free choice, and random weights call none"),
    ("llama.cpp", "transcription"): Refusal(501, "does not support audio input", "the model takes text alone"),
    ("llama.cpp", "translation"): Refusal(404, "File Not Found", NO_PATH),
    ("llama.cpp", "speech"): Refusal(404, "File Not Found", NO_PATH),
    ("llama.cpp", "images"): Refusal(404, "File Not Found", NO_PATH),
    ("llama.cpp", "score"): Refusal(404, "File Not Found", NO_PATH),
    ("llama.cpp", "rerank"): Refusal(501, "does not support reranking", "it was started for embeddings"),
    **{("vllm", check): Refusal(404, "Not Found", NOT_POOLING) for check in ("embeddings", "score", "rerank")},
    **{("vllm", check): Refusal(404, "Not Found", NO_SUCH_MODEL) for check in ("transcription", "translation", "speech", "images")},
    **{("vllm-pooling", check): Refusal(404, "Not Found", "it was started for embeddings") for check in ("chat", "completions")},
}


# What no engine is asked, because of what a node promises or is: the status and the rule of the refusal, and what to do instead.
KEEPS = "send the whole conversation each time: a node keeps nothing"
FETCHES = "send a `data:` URL: a node makes no connections for you"
NONE = "nothing"
UNSUPPORTED = {
    "responses that are kept: `previous_response_id`": (400, "node.filter.state", KEEPS),
    "`conversation`": (400, "node.filter.state", KEEPS),
    "`background`": (400, "node.filter.state", "wait for the answer"),
    "`GET /v1/responses/{id}`": (400, "client.proxy.method", KEEPS),
    "URLs of images and other media": (400, "node.filter.media", FETCHES),
    "tools that are servers elsewhere": (400, "node.filter.media", "call them in the application"),
    "files: sending one": (404, "client.proxy.path", "send content in the request"),
    "files: listing them": (400, "client.proxy.method", NONE),
    "batches": (404, "client.proxy.path", "send the requests one by one, several at once"),
    "realtime: its WebSocket": (400, "client.proxy.method", NONE),
    "fine-tuning, and any other path that is not in the tables": (404, "node.filter.path", NONE),
    "a model that no verified node serves": (404, "client.unknown_model", "`GET /v1/models` lists those that are"),
}


def is_asked(engine, check):
    only = ENGINES[engine].checks
    return (not only or check in only) and (engine == "demo" or check not in DEMO_ONLY)


def cells():
    """Yields (client, engine, check) for everything that is run."""
    for client, about in CLIENTS.items():
        for engine in ENGINES:
            for check in ("example", *about.checks):
                if is_asked(engine, check):
                    yield client, engine, check


def name_of(client, engine, check):
    """What `-k` knows a cell by."""
    return f"{client}-{engine}-{check}"


def words(engine, client, check):
    about = CLIENTS[client]
    if (client, engine, check) not in set(cells()):
        return ""
    refusal = REFUSALS.get((engine, check))
    if refusal:
        return str(refusal.status)
    if check.endswith("retries"):
        return "one error" if about.executions == 1 else f"{about.executions} tries"
    return "yes"


def table(engine):
    lines = ["| check | | " + " | ".join(CLIENTS) + " |", "|---|---|" + "---|" * len(CLIENTS)]
    for check, endpoint in ENDPOINTS.items():
        row = [words(engine, client, check) for client in CLIENTS]
        if any(row):
            lines.append(f"| `{check}` | {endpoint} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def documented(text, engine):
    """Reads a document's table: {(client, engine, check): word}."""
    lines = iter(text.partition(f"\n{ENGINES[engine].title}:\n\n")[2].splitlines())
    columns = [word.strip() for word in next(lines).split("|")[3:-1]]
    next(lines)
    out = {}
    for line in lines:
        if not line:
            break
        _, check, _, *row, _ = (word.strip() for word in line.split("|"))
        out |= {(client, engine, check.strip("`")): word for client, word in zip(columns, row, strict=True) if word}
    return out


def refusals():
    lines = ["| engine | check | status | why |", "|---|---|---|---|"]
    lines += [f"| {engine} | `{check}` | {refusal.status} | {refusal.reason} |" for (engine, check), refusal in REFUSALS.items()]
    return "\n".join(lines)


def unsupported():
    lines = ["| | status | `code` | instead |", "|---|---|---|---|"]
    lines += [f"| {what} | {status} | `{rule}` | {instead} |" for what, (status, rule, instead) in UNSUPPORTED.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    for one, about in ENGINES.items():
        print(f"{about.title}:\n\n{table(one)}\n")
    print(f"{refusals()}\n\n{unsupported()}")
