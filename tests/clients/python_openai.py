"""openai-python, as applications use it."""

import json

import openai
import pydantic
from typing import Literal

from serve import BASE_URL, CITIES, ENDLESS, LONG, MESSAGES, MODEL, QUESTION, SHORT, WAV, WEATHER, refused, serve

client = openai.OpenAI(base_url=BASE_URL, api_key="unused")
ask = {"model": MODEL, "messages": MESSAGES}


class Weather(pydantic.BaseModel):
    city: Literal["Oslo", "Paris"]
    warm: bool


def models():
    assert [model.id for model in client.models.list()] == [MODEL]


def chat():
    answer = client.chat.completions.create(**ask, max_tokens=SHORT)
    assert answer.choices[0].message.content and answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0


def stream():
    chunks = list(client.chat.completions.create(**ask, max_tokens=SHORT, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(pieces) > 3, "in pieces, not at once"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in ("stop", "length")
    assert chunks[-1].usage.completion_tokens > 0


def tools():
    answer = client.chat.completions.create(**ask, max_tokens=LONG, tools=[WEATHER], tool_choice="required")
    call = answer.choices[0].message.tool_calls[0].function
    assert call.name == "weather" and json.loads(call.arguments)["city"] in CITIES
    with client.chat.completions.stream(**ask, max_tokens=LONG, tools=[WEATHER], tool_choice="required") as streamed:
        call = streamed.get_final_completion().choices[0].message.tool_calls[0].function
    assert call.name == "weather" and json.loads(call.arguments)["city"] in CITIES


def named_tool():
    choice = {"type": "function", "function": {"name": "weather"}}
    answer = client.chat.completions.create(**ask, max_tokens=SHORT * 10, tools=[WEATHER], tool_choice=choice)
    assert answer.choices[0].message.tool_calls[0].function.name == "weather"


def schema():
    answer = client.chat.completions.parse(**ask, max_tokens=LONG, response_format=Weather)
    assert answer.choices[0].message.parsed.city in CITIES


def raw():
    answer = client.chat.completions.with_raw_response.create(**ask, max_tokens=SHORT)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")
    assert answer.parse().choices[0].message.content


def completions():
    assert client.completions.create(model=MODEL, prompt=QUESTION, max_tokens=SHORT).choices[0].text
    assert len(list(client.completions.create(model=MODEL, prompt=QUESTION, max_tokens=SHORT, stream=True))) > 3


def responses():
    answer = client.responses.create(model=MODEL, input=QUESTION, max_output_tokens=SHORT)
    assert answer.output_text and answer.usage.output_tokens > 0
    streamed = client.responses.create(model=MODEL, input=QUESTION, max_output_tokens=SHORT, stream=True)
    assert [event.type for event in streamed][-1] in ("response.completed", "response.incomplete")


def embeddings():
    answer = client.embeddings.create(model=MODEL, input=["one", "another"])
    first, second = (item.embedding for item in answer.data)
    assert len(first) == len(second) > 1 and first != second


def transcription():
    with open(WAV, "rb") as file:
        assert client.audio.transcriptions.create(model=MODEL, file=file, language="en").text


def speech():
    assert client.audio.speech.create(model=MODEL, voice="alloy", input=QUESTION).content


def images():
    assert client.images.generate(model=MODEL, prompt=QUESTION, response_format="b64_json").data[0].b64_json


def retries():
    refused(openai.InternalServerError, lambda: client.chat.completions.create(**ask, max_tokens=SHORT))


def cancel():
    with client.chat.completions.create(**ask, max_tokens=ENDLESS, stream=True) as chunks:
        next(iter(chunks))


serve(globals())
