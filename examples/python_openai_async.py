import asyncio

from openai import AsyncOpenAI


async def main():
    async with AsyncOpenAI(base_url="http://127.0.0.1:8787/v1", api_key="unused") as client:
        chunks = await client.chat.completions.create(
            model="openpcc-demo",
            max_tokens=100,
            messages=[{"role": "user", "content": "Who can read this?"}],
            stream=True,
        )
        async for chunk in chunks:
            if chunk.choices:
                print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()


asyncio.run(main())
