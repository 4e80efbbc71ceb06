"""openai-python's asynchronous client."""

import asyncio
import json

import openai

from serve import BASE_URL, CITIES, ENDLESS, LONG, MESSAGES, MODEL, QUESTION, SHORT, WAV, WEATHER, serve

ask = {"model": MODEL, "messages": MESSAGES}


async def chat(client):
    answers = await asyncio.gather(*(client.chat.completions.create(**ask, max_tokens=SHORT) for _ in range(4)))
    assert all(answer.choices[0].message.content for answer in answers)


async def stream(client):
    chunks = [chunk async for chunk in await client.chat.completions.create(**ask, max_tokens=SHORT, stream=True)]
    assert len(chunks) > 3 and chunks[-1].choices[0].finish_reason in ("stop", "length")


async def tools(client):
    answer = await client.chat.completions.create(**ask, max_tokens=LONG, tools=[WEATHER], tool_choice="required")
    call = answer.choices[0].message.tool_calls[0].function
    assert json.loads(call.arguments)["city"] in CITIES


async def embeddings(client):
    answer = await client.embeddings.create(model=MODEL, input=[QUESTION])
    assert len(answer.data[0].embedding) > 1


async def transcription(client):
    with open(WAV, "rb") as file:
        assert (await client.audio.transcriptions.create(model=MODEL, file=file)).text


async def retries(client):
    try:
        await client.chat.completions.create(**ask, max_tokens=SHORT)
    except openai.InternalServerError:
        return
    raise AssertionError("no error")


async def cancel(client):
    chunks = await client.chat.completions.create(**ask, max_tokens=ENDLESS, stream=True)
    await anext(aiter(chunks))
    await chunks.close()


async def with_client(check):
    async with openai.AsyncOpenAI(base_url=BASE_URL, api_key="unused") as client:
        await check(client)


serve({check.__name__: lambda check=check: asyncio.run(with_client(check))
       for check in (chat, stream, tools, embeddings, transcription, retries, cancel)})
