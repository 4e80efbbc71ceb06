import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8787/v1", apiKey: "unused" });

const answer = await client.chat.completions.create({
  model: "openpcc-demo",
  max_tokens: 100,
  messages: [{ role: "user", content: "Who can read this?" }],
});
console.log(answer.choices[0].message.content);
