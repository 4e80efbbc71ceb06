from anthropic import Anthropic

client = Anthropic(base_url="http://127.0.0.1:8787", api_key="unused")

answer = client.messages.create(
    model="openpcc-demo",
    max_tokens=100,
    messages=[{"role": "user", "content": "Who can read this?"}],
)
print(answer.content[0].text)
