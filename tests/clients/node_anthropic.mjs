// Anthropic's TypeScript client.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { cities, city, endless, long, messages, model, serve, short, url } from "./serve.mjs";

const client = new Anthropic({ baseURL: url, apiKey: "unused" });
const ask = { model, messages };
const weather = { name: "weather", description: "The weather in a city.", input_schema: city };

await serve({
  async models() {
    const names = [];
    for await (const one of client.models.list()) names.push(one.id);
    assert.deepEqual(names, [model]);
  },
  async messages() {
    const answer = await client.messages.create({ ...ask, max_tokens: short });
    assert.ok(answer.content[0].text);
    assert.ok(answer.usage.output_tokens > 0);
  },
  async messages_stream() {
    let pieces = 0;
    const streamed = client.messages.stream({ ...ask, max_tokens: short }).on("text", () => pieces++);
    const whole = await streamed.finalMessage();
    assert.ok(pieces > 3, "in pieces, not at once");
    assert.ok(whole.usage.output_tokens > 0);
  },
  async messages_tools() {
    const answer = await client.messages.create({ ...ask, max_tokens: long, tools: [weather], tool_choice: { type: "any" } });
    const call = answer.content.find((block) => block.type === "tool_use");
    assert.ok(cities.includes(call.input.city));
  },
  async count_tokens() {
    assert.ok((await client.messages.countTokens(ask)).input_tokens > 0);
  },
  async messages_retries() {
    await assert.rejects(client.messages.create({ ...ask, max_tokens: short }), Anthropic.InternalServerError);
  },
  async messages_cancel() {
    const events = await client.messages.create({ ...ask, max_tokens: endless, stream: true });
    for await (const event of events) {
      assert.ok(event);
      break;
    }
    events.controller.abort();
  },
});
