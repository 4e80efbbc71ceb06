// openai-node, as applications use it.
import { createReadStream } from "node:fs";
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { baseURL, cities, endless, long, messages, model, question, serve, short, wav, weather } from "./serve.mjs";

const client = new OpenAI({ baseURL, apiKey: "unused" });
const ask = { model, messages };

await serve({
  async models() {
    const names = [];
    for await (const one of client.models.list()) names.push(one.id);
    assert.deepEqual(names, [model]);
  },
  async chat() {
    const answer = await client.chat.completions.create({ ...ask, max_tokens: short });
    assert.ok(answer.choices[0].message.content);
    assert.ok(answer.usage.completion_tokens > 0);
  },
  async stream() {
    const chunks = [];
    for await (const chunk of await client.chat.completions.create({ ...ask, max_tokens: short, stream: true, stream_options: { include_usage: true } })) {
      chunks.push(chunk);
    }
    assert.ok(chunks.filter((chunk) => chunk.choices[0]?.delta?.content).length > 3, "in pieces, not at once");
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  },
  async tools() {
    const answer = await client.chat.completions.create({ ...ask, max_tokens: long, tools: [weather], tool_choice: "required" });
    const call = answer.choices[0].message.tool_calls[0].function;
    assert.ok(cities.includes(JSON.parse(call.arguments).city));
  },
  async named_tool() {
    const choice = { type: "function", function: { name: "weather" } };
    const answer = await client.chat.completions.create({ ...ask, max_tokens: short * 10, tools: [weather], tool_choice: choice });
    assert.equal(answer.choices[0].message.tool_calls[0].function.name, "weather");
  },
  async schema() {
    const format = zodResponseFormat(z.object({ city: z.enum(cities), warm: z.boolean() }), "weather");
    const answer = await client.chat.completions.parse({ ...ask, max_tokens: long, response_format: format });
    assert.ok(cities.includes(answer.choices[0].message.parsed.city));
  },
  async raw() {
    const { data, response } = await client.chat.completions.create({ ...ask, max_tokens: short }).withResponse();
    assert.equal(response.status, 200);
    assert.ok(data.choices[0].message.content);
  },
  async completions() {
    assert.ok((await client.completions.create({ model, prompt: question, max_tokens: short })).choices[0].text);
  },
  async responses() {
    assert.ok((await client.responses.create({ model, input: question, max_output_tokens: short })).output_text);
    const types = [];
    for await (const event of await client.responses.create({ model, input: question, max_output_tokens: short, stream: true })) types.push(event.type);
    assert.ok(["response.completed", "response.incomplete"].includes(types.at(-1)));
  },
  async embeddings() {
    const answer = await client.embeddings.create({ model, input: ["one", "another"] });
    assert.equal(answer.data.length, 2);
    assert.ok(answer.data[0].embedding.length > 1);
  },
  async transcription() {
    assert.ok((await client.audio.transcriptions.create({ model, file: createReadStream(wav) })).text);
  },
  async speech() {
    const spoken = await client.audio.speech.create({ model, voice: "alloy", input: question });
    assert.ok((await spoken.arrayBuffer()).byteLength > 0);
  },
  async images() {
    assert.ok((await client.images.generate({ model, prompt: question, response_format: "b64_json" })).data[0].b64_json);
  },
  async retries() {
    await assert.rejects(client.chat.completions.create({ ...ask, max_tokens: short }), OpenAI.InternalServerError);
  },
  async cancel() {
    const chunks = await client.chat.completions.create({ ...ask, max_tokens: endless, stream: true });
    for await (const chunk of chunks) {
      assert.ok(chunk);
      break;
    }
    chunks.controller.abort();
  },
});
