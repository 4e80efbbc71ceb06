"""LlamaIndex's client of servers like OpenAI's."""

import openai
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from typing import Literal

from serve import BASE_URL, CITIES, LONG, MODEL, QUESTION, SHORT, refused, serve

question = [ChatMessage(role="user", content=QUESTION)]


def model(max_tokens):
    return OpenAILike(api_base=BASE_URL, api_key="unused", model=MODEL, is_chat_model=True, is_function_calling_model=True, max_tokens=max_tokens)


def weather(city: Literal["Oslo", "Paris"]) -> str:
    """The weather in a city."""
    return city


def chat():
    assert model(SHORT).chat(question).message.content


def stream():
    assert len([piece for piece in model(SHORT).stream_chat(question) if piece.delta]) > 3


def tools():
    client = model(LONG)
    answer = client.chat_with_tools([FunctionTool.from_defaults(weather)], user_msg=QUESTION, tool_required=True)
    call = client.get_tool_calls_from_response(answer)[0]
    assert call.tool_name == "weather" and call.tool_kwargs["city"] in CITIES


def completions():
    client = OpenAILike(api_base=BASE_URL, api_key="unused", model=MODEL, is_chat_model=False, max_tokens=SHORT)
    assert client.complete(QUESTION).text


def embeddings():
    client = OpenAILikeEmbedding(api_base=BASE_URL, api_key="unused", model_name=MODEL)
    assert len(client.get_text_embedding_batch(["one", "another"])) == 2


def retries():
    refused(openai.InternalServerError, lambda: model(SHORT).chat(question))


serve(globals())
