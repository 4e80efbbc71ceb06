from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8787/v1", api_key="unused")

answer = client.chat.completions.create(
    model="openpcc-demo",
    max_tokens=100,
    messages=[{"role": "user", "content": "Who can read this?"}],
)
print(answer.choices[0].message.content)
