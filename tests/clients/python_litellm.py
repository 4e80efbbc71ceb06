"""LiteLLM as a library."""

import json

import litellm

from serve import BASE_URL, CITIES, ENDLESS, LONG, MESSAGES, MODEL, SHORT, WEATHER, refused, serve

litellm.telemetry = False
# Otherwise it prints advice on standard output when something fails.
litellm.suppress_debug_info = True
place = {"model": "openai/" + MODEL, "api_base": BASE_URL, "api_key": "unused"}


def chat():
    answer = litellm.completion(**place, messages=MESSAGES, max_tokens=SHORT)
    assert answer.choices[0].message.content and answer.usage.completion_tokens > 0


def stream():
    assert len([c for c in litellm.completion(**place, messages=MESSAGES, max_tokens=SHORT, stream=True) if c.choices[0].delta.content]) > 3


def tools():
    answer = litellm.completion(**place, messages=MESSAGES, max_tokens=LONG, tools=[WEATHER], tool_choice="required")
    assert json.loads(answer.choices[0].message.tool_calls[0].function.arguments)["city"] in CITIES


def embeddings():
    assert len(litellm.embedding(**place, input=["one", "another"], encoding_format="float").data) == 2


def retries():
    refused(litellm.InternalServerError, lambda: litellm.completion(**place, messages=MESSAGES, max_tokens=SHORT))


def cancel():
    chunks = litellm.completion(**place, messages=MESSAGES, max_tokens=ENDLESS, stream=True)
    next(iter(chunks))
    chunks.completion_stream.close()


serve(globals())
