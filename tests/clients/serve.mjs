// What the JavaScript clients have in common: the test writes a check's name on standard input, the client answers with a line of JSON.
//
//   CLIENT.mjs URL MODEL WAV
import { createInterface } from "node:readline";

export const [url, model, wav] = process.argv.slice(2);
export const baseURL = `${url}/v1`;
export const question = "Who can read this?";
export const messages = [{ role: "user", content: question }];
// A model of random weights ends only where it is told to. Where a grammar rules, the answer's end may be far away.
export const [short, long] = [16, 2000];
// More than an engine makes before it notices that its client left.
export const endless = 15000;

export const cities = ["Oslo", "Paris"];
export const city = { type: "object", properties: { city: { type: "string", enum: cities } }, required: ["city"], additionalProperties: false };
export const weather = { type: "function", function: { name: "weather", description: "The weather in a city.", parameters: city } };

export async function serve(checks) {
  for await (const line of createInterface({ input: process.stdin })) {
    let outcome = { passed: true };
    try {
      await checks[line.trim()]();
    } catch (error) {
      outcome = { passed: false, error: error.constructor.name, status: error.status ?? error.statusCode ?? null, message: `${error.message} ${error.responseBody ?? ""}` };
    }
    console.log(JSON.stringify(outcome));
  }
}
