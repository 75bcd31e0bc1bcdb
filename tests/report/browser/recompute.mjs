// Runs program.js (and tree.js) outside a browser: reads a case as JSON, writes every array it computes.
import { readFileSync } from "node:fs";

const [folder, path] = process.argv.slice(2);
const source = ["network/program.js", "network/tree.js"].map((name) => readFileSync(`${folder}/${name}`, "utf8").replace('"use strict";', ""));
const { Recurrent, Tree } = new Function(`"use strict";${source.join("\n")};return { Recurrent, Tree };`)();

const decode = (value) => {
  if (value && value.f32) return new Float32Array(Uint8Array.from(Buffer.from(value.f32, "base64")).buffer);
  if (Array.isArray(value)) return value.map(decode);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, decode(v)]));
  return value;
};
const encode = (value) => {
  if (value instanceof Float32Array) return { f32: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, encode(v)]));
  return value;
};

const given = decode(JSON.parse(readFileSync(path, "utf8")));
for (const edit of Object.values(given.edits || {})) if (edit.units) edit.units = new Set(edit.units);
const weights = { layer: (name) => given.layers[name], free: (name) => given.arrays[name] ?? null };
const results = {
  activations: () => ({ sigmoid: given.x.map((v) => Recurrent.sigmoid(v)), tanh: given.x.map((v) => Recurrent.tanh(v)), exp: given.x.map((v) => Recurrent.exp(v)), log_sigmoid: given.x.map((v) => Recurrent.logSigmoid(v)) }),
  network: () => Recurrent.finish(Recurrent.networkSteps(given.levels, given.x, given.T, given.edits)),
  tree: () => Recurrent.finish(Tree.steps(given.tree, weights, given.x, given.T, given.edits)),
};
process.stdout.write(JSON.stringify(encode(results[given.kind]())));
