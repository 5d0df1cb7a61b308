// SPDX-License-Identifier: GPL-2.0-only
// onnxruntime.mjs MODEL INPUT OUTPUT...: run an ONNX model of an s8 matrix "q".
// INPUT holds its elements; prints a line of numbers for each OUTPUT.
import { readFileSync } from "node:fs";
import ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
const [model, input, columns, ...outputs] = process.argv.slice(2);
const session = await ort.InferenceSession.create(readFileSync(model));
const q = new Int8Array(readFileSync(input));
const dims = [q.length / Number(columns), Number(columns)];
const results = await session.run({ q: new ort.Tensor("int8", q, dims) });
for (const output of outputs)
	console.log(Array.from(results[output].data).join(" "));
