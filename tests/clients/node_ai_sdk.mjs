// Vercel's AI SDK with its provider for servers like OpenAI's.
import assert from "node:assert/strict";
import { embedMany, generateObject, generateText, streamText, tool } from "ai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";
import { baseURL, cities, endless, long, model, question, serve, short } from "./serve.mjs";

const provider = createOpenAICompatible({ name: "openpcc", baseURL, apiKey: "unused", supportsStructuredOutputs: true });
const ask = { model: provider(model), prompt: question };
const weather = tool({ description: "The weather in a city.", inputSchema: z.object({ city: z.enum(cities) }) });

await serve({
  async chat() {
    const answer = await generateText({ ...ask, maxOutputTokens: short });
    assert.ok(answer.text);
    assert.ok(answer.usage.outputTokens > 0);
  },
  async stream() {
    let pieces = 0;
    for await (const piece of streamText({ ...ask, maxOutputTokens: short }).textStream) pieces += piece ? 1 : 0;
    assert.ok(pieces > 3, "in pieces, not at once");
  },
  async tools() {
    const answer = await generateText({ ...ask, maxOutputTokens: long, tools: { weather }, toolChoice: "required" });
    assert.ok(cities.includes(answer.toolCalls[0].input.city));
  },
  async schema() {
    const answer = await generateObject({ ...ask, maxOutputTokens: long, schema: z.object({ city: z.enum(cities), warm: z.boolean() }) });
    assert.ok(cities.includes(answer.object.city));
  },
  async embeddings() {
    const answer = await embedMany({ model: provider.embeddingModel(model), values: ["one", "another"] });
    assert.equal(answer.embeddings.length, 2);
  },
  async retries() {
    await assert.rejects(generateText({ ...ask, maxOutputTokens: short }));
  },
  async cancel() {
    const stop = new AbortController();
    for await (const piece of streamText({ ...ask, maxOutputTokens: endless, abortSignal: stop.signal }).textStream) {
      assert.ok(piece);
      stop.abort();
    }
  },
});
