import { ChatOpenAI } from "@langchain/openai";

const model = new ChatOpenAI({
  configuration: { baseURL: "http://127.0.0.1:8787/v1" },
  apiKey: "unused",
  model: "openpcc-demo",
  maxTokens: 100,
  maxRetries: 0,
});
console.log((await model.invoke("Who can read this?")).content);
