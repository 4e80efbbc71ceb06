from llama_index.core.base.llms.types import ChatMessage
from llama_index.llms.openai_like import OpenAILike

model = OpenAILike(
    api_base="http://127.0.0.1:8787/v1",
    api_key="unused",
    model="openpcc-demo",
    is_chat_model=True,
    max_tokens=100,
    max_retries=0,
)
print(model.chat([ChatMessage(role="user", content="Who can read this?")]).message.content)
