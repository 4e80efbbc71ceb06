import litellm

answer = litellm.completion(
    api_base="http://127.0.0.1:8787/v1",
    api_key="unused",
    model="openai/openpcc-demo",
    max_tokens=100,
    messages=[{"role": "user", "content": "Who can read this?"}],
)
print(answer.choices[0].message.content)
