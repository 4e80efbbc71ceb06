#!/usr/bin/env python3
"""An OpenAI-compatible engine whose answers come from a source of text with times: model.py's, or a test's own.

It is for measuring what an answer's sizes and times reveal, and knows just enough of the API for that: chat completions, streamed and whole.
Each token is an event, as engines write them; the tokens of one step are written at once.
"""

import argparse
import asyncio
import json
import pathlib
import zlib

MODEL = "topic-chain"
CREATED = 1700000000


def read_prompts(folder):
    """{topic: [prompt]} of a folder of files TOPIC.txt with a prompt a line."""
    return {path.stem: [line for line in path.read_text().splitlines() if line.strip()] for path in sorted(pathlib.Path(folder).glob("*.txt"))}


class TopicSource:
    """Answers each known prompt on its topic. Others, such as a node's own questions, get a topic that their bytes decide."""

    def __init__(self, model, prompts):
        self.model, self.topics = model, sorted(prompts)
        self.topic_of = {prompt: topic for topic, lines in prompts.items() for prompt in lines}

    def __call__(self, prompt, seed):
        topic = self.topic_of.get(prompt) or self.topics[zlib.crc32(prompt.encode()) % len(self.topics)]
        return self.model.answer(topic, prompt, seed).steps


def event(model, delta, finish=None):
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    body = {"id": f"chatcmpl-{0:032x}", "object": "chat.completion.chunk", "created": CREATED, "model": model, "choices": [choice]}
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def whole(model, text, tokens):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": "stop"}
    body = {"id": f"chatcmpl-{0:032x}", "object": "chat.completion", "created": CREATED, "model": model, "choices": [choice],
            "usage": {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}}
    return json.dumps(body).encode()


class Connection:
    """One connection of HTTP/1.1, request after request."""

    def __init__(self, source, model, reader, writer):
        self.source, self.model, self.reader, self.writer = source, model, reader, writer

    async def serve(self):
        try:
            while head := await self.reader.readuntil(b"\r\n\r\n"):
                start, *lines = head.decode("latin-1").split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await self.reader.readexactly(int(fields.get("content-length", "0")))
                await self.answer(*start.split(" ")[:2], body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        finally:
            self.writer.close()

    async def answer(self, method, path, body):
        if (method, path) == ("GET", "/v1/models"):
            self.send("200 OK", json.dumps({"object": "list", "data": [{"id": self.model, "object": "model"}]}).encode())
        elif (method, path) != ("POST", "/v1/chat/completions"):
            self.send("404 Not Found", b'{"error":{"message":"not served","type":"invalid_request_error"}}')
        else:
            asked = json.loads(body)
            steps = self.source(asked["messages"][-1]["content"], asked.get("seed", 0))
            await (self.stream(steps) if asked.get("stream") else self.complete(steps))

    def send(self, status, body):
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)

    async def complete(self, steps):
        await asyncio.sleep(sum(seconds for seconds, _ in steps))
        tokens = [token for _, step in steps for token in step]
        self.send("200 OK", whole(self.model, "".join(tokens), len(tokens)))

    async def stream(self, steps):
        clock = asyncio.get_running_loop().time
        self.writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n")
        due, first = clock(), event(self.model, {"role": "assistant", "content": ""})
        for seconds, tokens in steps:
            due += seconds  # of the whole answer: a late step does not make the later ones late
            await asyncio.sleep(due - clock())
            for piece in [first, *(event(self.model, {"content": token}) for token in tokens)]:
                if piece:
                    self.write_chunk(piece)
            first = b""
        for piece in (event(self.model, {}, "stop"), b"data: [DONE]\n\n"):
            self.write_chunk(piece)
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    def write_chunk(self, piece):
        self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))


async def start(source, model=MODEL):
    """Serves on a free port of loopback; returns the asyncio server."""

    async def serve(reader, writer):
        await Connection(source, model, reader, writer).serve()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


def main():
    import model as topic_model  # here, so that a test's own source needs no tokenizer

    parser = argparse.ArgumentParser(description="Serve answers of model.py; prints its address once it listens.")
    parser.add_argument("--texts", required=True, help="folder of texts, one file a topic")
    parser.add_argument("--prompts", required=True, help="folder of prompts, one file TOPIC.txt a topic")
    parser.add_argument("--draft", type=int, default=topic_model.DRAFT_MAX, help="tokens that a step may bring besides its own")
    parser.add_argument("--one-length", action="store_true", help="no topic's answers are longer than others'")
    parser.add_argument("--model", default=MODEL, help="the name to go by")
    options = parser.parse_args()
    prompts = read_prompts(options.prompts)
    source = TopicSource(topic_model.TopicModel(options.texts, sorted(prompts), options.draft, options.one_length), prompts)

    async def serve():
        server = await start(source, options.model)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
