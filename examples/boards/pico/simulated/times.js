// How long the applications take on the Raspberry Pi Pico, with the compiler's floats and with those in assembly,
// by the simulator's cycles at 125 MHz: `npm run times`, two minutes. `npm run times -- all` runs the calibration
// to its last reading, with the floats in assembly: some minutes more.
//
// The simulator counts the cycles of every instruction, but none for what the flash cache misses.

import { bothWays } from "./images.js";
import { normals } from "./noise.js";
import { Pico } from "./pico.js";

/// Steps after each reading of the calibration, and how many readings there are.
const [STEPS, READINGS] = [2000, 54];
/// The readings whose times a line is drawn through.
const [FIRST, LAST] = [2, 10];

/// Times of the calibration's readings: [0] is the first's. Everything on the way takes its cycles.
function calibration(image, readings) {
  const pico = new Pico(image);
  const ends = [0];
  const hashes = [];
  pico.onLine = (line) => {
    if (line.startsWith("@langevin hash ")) {
      hashes.push(line);
      ends.push(pico.seconds);
    }
  };
  pico.run(() => hashes.length >= readings, 60 * readings);
  return { took: ends.slice(1).map((end, i) => end - ends[i]), seconds: ends[readings], hashes };
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

const short = new Map(
  Object.values(images).map((way) => [way, calibration(way.calibrate, LAST)]),
);
const [some, others] = [...short.values()].map(({ hashes }) => hashes.join("\n"));
if (some !== others) {
  throw new Error(`other bits:\n${some}\n${others}`);
}
row("`calibrate`: seconds to the second reading's report", 3, (way) => {
  const { took } = short.get(way);
  return took[0] + took[1];
});
row(`\`calibrate\`: steps a second, ${READINGS} readings in the window`, 0, (way) => {
  const { took } = short.get(way);
  // A step takes so much, and so much more for each reading.
  const slope = (took[LAST - 1] - took[FIRST - 1]) / (LAST - FIRST);
  return STEPS / (took[LAST - 1] + slope * (READINGS - LAST));
});
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

if (process.argv[2] === "all") {
  const { took, seconds } = calibration(images.assembly.calibrate, READINGS);
  const rate = STEPS / took[READINGS - 1];
  console.log(`all ${READINGS} readings: ${seconds.toFixed(1)} s; ${rate.toFixed(0)} steps a second in the last`);
}
