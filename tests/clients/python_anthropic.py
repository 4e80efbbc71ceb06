"""Anthropic's Python client."""

import anthropic

from serve import CITIES, CITY, ENDLESS, LONG, MESSAGES, MODEL, SHORT, URL, refused, serve

client = anthropic.Anthropic(base_url=URL, api_key="unused")
ask = {"model": MODEL, "messages": MESSAGES}
weather = {"name": "weather", "description": "The weather in a city.", "input_schema": CITY}


def models():
    assert [model.id for model in client.models.list()] == [MODEL]


def messages():
    answer = client.messages.create(**ask, max_tokens=SHORT)
    assert answer.content[0].text and answer.stop_reason in ("end_turn", "max_tokens")
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


def messages_stream():
    with client.messages.stream(**ask, max_tokens=SHORT) as streamed:
        assert len(list(streamed.text_stream)) > 3
        assert streamed.get_final_message().usage.output_tokens > 0


def messages_tools():
    answer = client.messages.create(**ask, max_tokens=LONG, tools=[weather], tool_choice={"type": "any"})
    call = next(block for block in answer.content if block.type == "tool_use")
    assert call.name == "weather" and call.input["city"] in CITIES


def count_tokens():
    assert client.messages.count_tokens(**ask).input_tokens > 0


def messages_retries():
    refused(anthropic.InternalServerError, lambda: client.messages.create(**ask, max_tokens=SHORT))


def messages_cancel():
    with client.messages.create(**ask, max_tokens=ENDLESS, stream=True) as events:
        next(iter(events))


serve(globals())
