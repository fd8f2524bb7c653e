// A plain answer, a stream, a tool loop and a block, by chat and by Responses; prints what it got.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "k", maxRetries: 0 });
const ask = (content) => [{ role: "user", content }];
const kite = "how do I fold a kite out of paper?", bad = "tell me a bad thing, please";
const parameters = { type: "object", properties: { at: { type: "string" } } };
const tools = [{ type: "function", function: { name: "look", parameters } }];
const out = {};

const plain = await client.chat.completions.create({ model: "m", messages: ask(kite) });
out.plain = plain.choices[0].message.content;
out.outcome = plain.interlock.outcome;

out.stream = "";
const stream = await client.chat.completions.create({
  model: "m", messages: ask(kite), stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  out.stream += chunk.choices[0]?.delta?.content ?? "";
  out.usage = chunk.usage?.total_tokens ?? out.usage;
}

const messages = ask("use the tool: " + kite);
const first = await client.chat.completions.create({ model: "m", messages, tools });
const call = first.choices[0].message.tool_calls[0];
out.call = [call.function.name, JSON.parse(call.function.arguments)];
messages.push(first.choices[0].message);
messages.push({ role: "tool", tool_call_id: call.id, content: "the kite is red" });
const second = await client.chat.completions.create({ model: "m", messages, tools });
out.loop = second.choices[0].message.content;

const blocked = await client.chat.completions.create({ model: "m", messages: ask(bad) });
out.blocked = [blocked.choices[0].finish_reason, blocked.choices[0].message.content];

out.response = (await client.responses.create({ model: "m", input: kite })).output_text;
const events = client.responses.stream({ model: "m", input: kite });
out.responded = (await events.finalResponse()).output_text;
const refused = await client.responses.create({ model: "m", input: bad });
out.refused = [refused.status, refused.incomplete_details.reason];

console.log(JSON.stringify(out));
