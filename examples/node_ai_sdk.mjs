import { generateText } from "ai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const provider = createOpenAICompatible({ name: "openpcc", baseURL: "http://127.0.0.1:8787/v1", apiKey: "unused" });

const { text } = await generateText({
  model: provider("openpcc-demo"),
  maxOutputTokens: 100,
  maxRetries: 0,
  prompt: "Who can read this?",
});
console.log(text);
