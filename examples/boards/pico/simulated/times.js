// How long the applications take on the Raspberry Pi Pico, with the compiler's floats and with those in assembly,
// by the simulator's cycles at 125 MHz: `npm run times`, two minutes.
//
// The simulator counts the cycles of every instruction, but none for what the flash cache misses.

import { bothWays } from "./images.js";
import { normals } from "./noise.js";
import { Pico } from "./pico.js";

/// Seconds and log of the calibration, of which every byte takes its time, too.
function calibration(image) {
  const pico = new Pico(image);
  pico.run(() => pico.lines.at(-1)?.startsWith("means of the coordinates"), 60);
  return { seconds: pico.seconds, log: pico.lines.join("\n") };
}

/// Busy seconds between one conversion and the next: average and longest, of so many after the first hundred.
function ticks(image, conversions, code) {
  const pico = new Pico(image);
  const noise = normals(1);
  const busy = [];
  let before = 0;
  pico.code = (_channel) => {
    busy.push(pico.busySeconds - before);
    before = pico.busySeconds;
    return code(noise, pico);
  };
  pico.run(() => busy.length > 100 + conversions, 60);
  const counted = busy.slice(100);
  return [counted.reduce((sum, x) => sum + x) / counted.length, Math.max(...counted)];
}

/// A thermometer on a warm body, a little noisy.
const body = (noise) => Math.round(((0.5 + 0.01 * (33 + 0.05 * noise())) / 3.3) * 4096);
/// The chip's own thermometer.
const chip = (noise) => Math.round(900 + 2 * noise());

const images = bothWays({ SEED: "7" });
const rows = [];
const row = (name, digits, value) => {
  const [compiler, assembly] = [value(images.compiler), value(images.assembly)];
  const ratio = assembly / compiler;
  rows.push(`| ${name} | ${compiler.toFixed(digits)} | ${assembly.toFixed(digits)} | ${ratio.toFixed(2)} |`);
};

const calibrations = new Map(
  Object.values(images).map((way) => [way, calibration(way.calibrate)]),
);
const [some, others] = [...calibrations.values()].map(({ log }) => log);
if (some !== others) {
  throw new Error(`other bits:\n${some}\n${others}`);
}
row("`calibrate`: seconds to the answer, log included", 2, (way) => calibrations.get(way).seconds);
const milliseconds = (name, application, conversions, code) => {
  const both = new Map(
    Object.values(images).map((way) => [way, ticks(way[application], conversions, code)]),
  );
  row(`${name}, on average: ms`, 3, (way) => 1e3 * both.get(way)[0]);
  row(`${name}, at most: ms`, 3, (way) => 1e3 * both.get(way)[1]);
};
milliseconds("`filter`: a tick and its record", "filter", 400, body);
milliseconds("`sensor`: a reading and its report", "sensor", 100, chip);

console.log("| | compiler's floats | softfloat-armv6m | ratio |\n|---|--:|--:|--:|");
console.log(rows.join("\n"));
