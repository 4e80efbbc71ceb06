import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: "http://127.0.0.1:8787", apiKey: "unused" });

const answer = await client.messages.create({
  model: "openpcc-demo",
  max_tokens: 100,
  messages: [{ role: "user", content: "Who can read this?" }],
});
console.log(answer.content[0].text);
