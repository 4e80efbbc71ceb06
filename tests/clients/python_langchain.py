"""LangChain's OpenAI integration for Python."""

import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from serve import BASE_URL, CITIES, CITY, ENDLESS, LONG, MODEL, QUESTION, SHORT, WEATHER, refused, serve


def model(max_tokens):
    return ChatOpenAI(base_url=BASE_URL, api_key="unused", model=MODEL, max_tokens=max_tokens)


def chat():
    answer = model(SHORT).invoke(QUESTION)
    assert answer.content and answer.usage_metadata["output_tokens"] > 0


def stream():
    assert len([piece for piece in model(SHORT).stream(QUESTION) if piece.content]) > 3


def tools():
    call = model(LONG).bind_tools([WEATHER], tool_choice="any").invoke(QUESTION).tool_calls[0]
    assert call["name"] == "weather" and call["args"]["city"] in CITIES


def schema():
    asked = {"title": "Weather", "description": "The weather in a city.", **CITY}
    assert model(LONG).with_structured_output(asked, method="json_schema").invoke(QUESTION)["city"] in CITIES


def embeddings():
    # It would send numbers of tokens of OpenAI's own models.
    client = OpenAIEmbeddings(base_url=BASE_URL, api_key="unused", model=MODEL, check_embedding_ctx_length=False)
    first, second = client.embed_documents(["one", "another"])
    assert len(first) == len(second) > 1


def retries():
    refused(openai.InternalServerError, lambda: model(SHORT).invoke(QUESTION))


def cancel():
    pieces = model(ENDLESS).stream(QUESTION)
    next(pieces)
    pieces.close()


serve(globals())
