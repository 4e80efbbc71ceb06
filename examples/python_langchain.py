from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="http://127.0.0.1:8787/v1", api_key="unused", model="openpcc-demo", max_tokens=100)

print(model.invoke("Who can read this?").content)
