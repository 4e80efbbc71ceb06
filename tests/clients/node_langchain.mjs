// LangChain's OpenAI integration for JavaScript.
import assert from "node:assert/strict";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { baseURL, cities, city, endless, long, model, question, serve, short, weather } from "./serve.mjs";

const chatModel = (maxTokens, more = {}) => new ChatOpenAI({ model, apiKey: "unused", configuration: { baseURL }, maxTokens, ...more });

await serve({
  async chat() {
    assert.ok((await chatModel(short).invoke(question)).content);
  },
  async stream() {
    let pieces = 0;
    for await (const piece of await chatModel(short).stream(question)) pieces += piece.content ? 1 : 0;
    assert.ok(pieces > 3, "in pieces, not at once");
  },
  async tools() {
    const answer = await chatModel(long).bindTools([weather], { tool_choice: "any" }).invoke(question);
    assert.ok(cities.includes(answer.tool_calls[0].args.city));
  },
  async schema() {
    const asking = chatModel(long).withStructuredOutput({ title: "Weather", ...city }, { name: "weather", method: "jsonSchema" });
    assert.ok(cities.includes((await asking.invoke(question)).city));
  },
  async embeddings() {
    const client = new OpenAIEmbeddings({ model, apiKey: "unused", configuration: { baseURL } });
    assert.equal((await client.embedDocuments(["one", "another"])).length, 2);
  },
  async retries() {
    // By default six, with pauses that take more than a minute.
    await assert.rejects(chatModel(short, { maxRetries: 1 }).invoke(question));
  },
  async cancel() {
    const stop = new AbortController();
    try {
      for await (const piece of await chatModel(endless).stream(question, { signal: stop.signal })) {
        assert.ok(piece);
        stop.abort();
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  },
});
