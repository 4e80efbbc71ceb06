"""curl, with what each endpoint takes and gives."""

import json
import subprocess

from serve import CITIES, LONG, MESSAGES, MODEL, QUESTION, SHORT, URL, WAV, WEATHER, serve


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status_code = status


def curl(path, *arguments):
    done = subprocess.run(["curl", "-sSN", "--max-time", "60", "-w", "%{stderr}%{http_code}", URL + path, *arguments], capture_output=True, check=True)
    status = int(done.stderr)
    if status != 200:
        raise Refused(status, done.stdout.decode())
    return done.stdout


def post(path, **body):
    return curl(path, "--json", json.dumps({"model": MODEL, **body}))


def chat():
    assert json.loads(post("/v1/chat/completions", messages=MESSAGES, max_tokens=SHORT))["choices"][0]["message"]["content"]


def stream():
    events = post("/v1/chat/completions", messages=MESSAGES, max_tokens=SHORT, stream=True)
    assert events.count(b"data: ") > 3 and events.endswith(b"data: [DONE]\n\n")


def tools():
    answer = json.loads(post("/v1/chat/completions", messages=MESSAGES, max_tokens=LONG, tools=[WEATHER], tool_choice="required"))
    assert json.loads(answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])["city"] in CITIES


def completions():
    assert json.loads(post("/v1/completions", prompt=QUESTION, max_tokens=SHORT))["choices"][0]["text"]


def responses():
    assert json.loads(post("/v1/responses", input=QUESTION, max_output_tokens=SHORT))["output"]
    events = post("/v1/responses", input=QUESTION, max_output_tokens=SHORT, stream=True)
    assert b"event: response.output_text.delta" in events and (b"event: response.completed" in events or b"event: response.incomplete" in events)


def messages():
    assert json.loads(post("/v1/messages", messages=MESSAGES, max_tokens=SHORT))["content"][0]["text"]


def messages_stream():
    events = post("/v1/messages", messages=MESSAGES, max_tokens=SHORT, stream=True)
    assert b"event: content_block_delta" in events and b"event: message_stop" in events


def count_tokens():
    assert json.loads(post("/v1/messages/count_tokens", messages=MESSAGES))["input_tokens"] > 0


def embeddings():
    assert len(json.loads(post("/v1/embeddings", input=["one", "another"]))["data"]) == 2


def score():
    assert json.loads(post("/v1/score", text_1="one", text_2=["one", "another"]))["data"]


def rerank():
    assert json.loads(post("/v1/rerank", query="one", documents=["one", "another"]))["results"]


def tokenize():
    # vLLM's name of the text and llama.cpp's.
    tokens = json.loads(post("/tokenize", prompt=QUESTION, content=QUESTION))["tokens"]
    told = json.loads(post("/detokenize", tokens=tokens))
    assert QUESTION in (told.get("prompt"), told.get("content"))


def transcription():
    assert json.loads(curl("/v1/audio/transcriptions", "-F", f"model={MODEL}", "-F", f"file=@{WAV}"))["text"]


def translation():
    assert json.loads(curl("/v1/audio/translations", "-F", f"model={MODEL}", "-F", f"file=@{WAV}"))["text"]


def speech():
    assert post("/v1/audio/speech", input=QUESTION, voice="alloy", response_format="wav").startswith(b"RIFF")


def images():
    assert json.loads(post("/v1/images/generations", prompt=QUESTION, response_format="b64_json"))["data"][0]["b64_json"]


serve(globals())
