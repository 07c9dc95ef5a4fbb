// The images for the Raspberry Pi Pico, run in rp2040js: `npm ci && npm test`.
//
// The voltages are known here, so that it is known what the applications have to find. Everything is of fixed
// seed: a test passes always or never. That it can fail: with three codes added to each conversion by the
// firmware the sensor's offset is 5.1 standard deviations off, with the heater taken for a tenth stronger the
// filter's resistance 4.4, with a digit of a reading changed in the log the host has other bits, and with a digit changed in the
// README or a line left out the last test names the quote.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { bothWays, build, root, run } from "./images.js";
import { normals } from "./noise.js";
import { CHIP, GP26, Pico } from "./pico.js";

/// Where the logs are left.
const logs = join(root, "target/simulated");

let images;
let compiler;
let unseeded;
before(() => {
  mkdirSync(logs, { recursive: true });
  unseeded = build({});
  ({ compiler, assembly: images } = bothWays({ SEED: "7" }));
});

/// What this run has left in files.
const output = [];

/// Leaves text in a file, and gives its path.
function save(text, name) {
  const file = join(logs, name);
  writeFileSync(file, text);
  output.push(text);
  return file;
}

const saveLog = (pico, name) => save(pico.lines.join("\n") + "\n", `${name}.log`);

/// Plays the board's recording again on the host: the bits have to be the same there.
function replay(pico, application) {
  const log = saveLog(pico, application);
  const cargo = ["run", "-q", "--release", "--example", "replay", "--", log];
  const out = run("cargo", cargo, { cwd: root });
  assert.match(out, new RegExp(`^${application}, seed 7, `));
  assert.match(out, /^same bits/m);
  save(out, `${application}.replay`);
}

/// A stack of a few kilobytes would do, most of it for the state on its way to where it stays.
function stackSuffices(pico) {
  assert.ok(pico.stack < 8192, `${pico.stack} bytes of stack`);
  console.log(`${pico.stack} bytes of stack`);
}

/// Numbers of a line such as `10 readings: a, b = [1, 2], sd [0.1, 0.2]; alarm`.
function parse(line) {
  const found = /^(\d+) .* = \[(.*)\], sd \[(.*)\](?:; (.*))?$/.exec(line);
  const list = (text) => text.split(", ").map(Number);
  return (
    found && { count: +found[1], mean: list(found[2]), sd: list(found[3]), alarm: found[4] ?? "none" }
  );
}

/// The reports so far: at each alarm's beginning and end, and now and then.
const reports = (pico) => pico.lines.map(parse).filter(Boolean);
const latest = (pico) => parse(pico.lines.at(-1)) ?? { count: 0 };

/// What was fed is within the 99 % interval of each marginal.
function holds(report, truth) {
  truth.forEach((value, i) => {
    const off = (value - report.mean[i]) / report.sd[i];
    assert.ok(
      Math.abs(off) < 2.576,
      `after ${report.count}, number ${i}: ${report.mean[i]}, sd ${report.sd[i]}; fed ${value}`,
    );
  });
}

test("calibrate: the host's bits", () => {
  const pico = new Pico(images.calibrate);
  pico.run(() => pico.lines.at(-1)?.startsWith("means of the coordinates"), 10);
  assert.equal(reports(pico).at(-1).count, 54);
  stackSuffices(pico);
  replay(pico, "calibrate");
});

test("calibrate: with the compiler's floats the same bits, in more than twice the time", () => {
  const [slow, fast] = [compiler, images].map(({ calibrate }) => {
    const pico = new Pico(calibrate);
    pico.run(() => latest(pico).count === 2, 10);
    return pico;
  });
  assert.deepEqual(slow.lines, fast.lines);
  const ratio = fast.seconds / slow.seconds;
  assert.ok(ratio < 0.46, `${ratio} of the time`);
  console.log(`${ratio.toFixed(3)} of the time`);
});

test("sensor: offset, slope and noise are what was fed; faults raise the alarm and are survived", () => {
  const pico = new Pico(images.sensor);
  const noise = normals(1);
  const [SLOPE, SD, STEP] = [0.05, 2, 100];
  // Readings from which on the sensor is healthy, or not.
  const phases = [
    [0, "none"],
    [240, "rail", 0],
    [250, "rail", 4095],
    [260, "none"],
    [420, "stuck", 917],
    [450, "none"],
    [610, "surprise"],
    [770, "end"],
  ];
  const phase = (k) => phases.findLast(([start]) => start <= k);
  const truth = (k) => 900 + SLOPE * k + (k >= 610 ? STEP : 0);
  let k = -1;
  pico.code = (channel) => {
    assert.equal(channel, CHIP);
    k += 1;
    return phase(k)[2] ?? Math.round(truth(k) + SD * noise());
  };
  // At ten readings a second.
  pico.run(() => latest(pico).count >= 770, 78);

  const all = reports(pico);
  for (const [index, [start, alarm]] of phases.slice(0, -1).entries()) {
    const end = phases[index + 1][0];
    const during = all.filter(({ count }) => count > start && count <= end);
    // The alarm comes, and at the end of a healthy phase there is none.
    if (alarm !== "none") {
      assert.ok(during.some((report) => report.alarm === alarm), `no ${alarm} after ${start}`);
    }
    if (alarm === "none" || alarm === "surprise") {
      const last = during.findLast(({ count }) => count % 10 === 0);
      assert.equal(last.alarm, "none", `after ${last.count}`);
      // A code is a rounded voltage.
      holds(last, [truth(last.count - 1), SLOPE, Math.hypot(SD, Math.sqrt(1 / 12))]);
    }
  }
  stackSuffices(pico);
  replay(pico, "sensor");
});

test("filter: time constant and resistance are those of the body; a dead sensor raises the alarm and is survived", () => {
  const pico = new Pico(images.filter);
  const noise = normals(2);
  const [TAU, R, AMBIENT, WATTS] = [8, 12, 21, 25 / 12];
  // Ticks without a reading, and with the same one.
  const [missing, stuck] = [
    [2400, 2500],
    [2700, 2900],
  ];
  // The readings before the first tick are for the ambient.
  let tick = -65;
  let since = 0;
  let above = 0;
  let code;
  const temperatures = [];
  pico.code = (channel) => {
    assert.equal(channel, GP26);
    tick += 1;
    // Since the last tick the heater was as it is now; draughts come and go.
    const [now, power] = [pico.seconds, pico.heating ? WATTS : 0];
    if (tick > 0) {
      above += (R * power - above) * (1 - Math.exp((since - now) / TAU)) + 0.02 * noise();
    }
    since = now;
    temperatures[tick] = AMBIENT + above;
    const is = ([start, end]) => tick >= start && tick < end;
    if (is(missing)) {
      // No heat without a thermometer.
      assert.ok(tick === missing[0] || !pico.heating, `heating at tick ${tick}`);
      return 0;
    }
    if (!is(stuck)) {
      const volts = 0.5 + 0.01 * (AMBIENT + above + 0.05 * noise());
      code = Math.round((volts / 3.3) * 4096);
    }
    return code;
  };
  // At fifty ticks a second.
  pico.run(() => latest(pico).count >= 5400, 110);

  const all = reports(pico);
  for (const [[start, end], alarm] of [
    [missing, "no reading"],
    [stuck, "stuck"],
  ]) {
    const during = all.filter(({ count }) => count > start && count <= end);
    assert.ok(during.some((report) => report.alarm === alarm), `no ${alarm} after ${start}`);
  }
  for (const end of [2400, 5400]) {
    const report = all.find(({ count }) => count === end);
    assert.equal(report.alarm, "none");
    holds(report, [TAU, R]);
  }
  // The temperature is the body's, with the sensor and without; but a stuck one is believed for two seconds.
  for (const [end, most] of [
    [2400, 0.5],
    [2500, 0.5],
    [2700, 0.5],
    [2900, 2],
    [5400, 0.5],
  ]) {
    const line = pico.lines.find((line) => line.startsWith(`${end} ticks: `));
    const off = parseFloat(line.split(": ")[1]) - temperatures[end - 1];
    assert.ok(Math.abs(off) < most, `after ${end} ticks: off by ${off} K`);
  }
  stackSuffices(pico);
  replay(pico, "filter");
});

test("filter: without a thermometer there is an alarm, and the prior", () => {
  const pico = new Pico(images.filter);
  pico.run(() => latest(pico).count >= 250, 6);
  saveLog(pico, "nothing-wired");
  assert.equal(pico.lines[0], "the thermometer says nothing");
  for (const { alarm, mean, sd } of reports(pico)) {
    assert.equal(alarm, "no reading");
    mean.forEach((value, i) => assert.ok(value > 5 && value < 20 && sd[i] > 1, `${mean}, sd ${sd}`));
  }
});

test("without a seed it is the chip's noise", () => {
  const seeds = [1, 2, 3].map((state) => {
    const pico = new Pico(unseeded.sensor, state);
    pico.run(() => pico.lines.length > 0, 1);
    return /^@langevin start sensor ([0-9a-f]{16});$/.exec(pico.lines[0])[1];
  });
  assert.equal(new Set(seeds).size, 3, `${seeds}`);
});

test("what the boards' README quotes is in this run's output", () => {
  const readme = readFileSync(join(root, "examples/boards/README.md"), "utf8");
  const text = readme.replaceAll(/^```.*?^```/gms, "");
  const blocks = text.match(/(?<=\n\n)(?: {4}.*\n)+/g).map((block) => block.replaceAll(/^ {4}/gm, ""));
  // The Pico has no magnetometer: another test compares the compass's lines.
  const others = /^(cd|cargo|picotool|stty|qemu-system-riscv32) |^\d+ readings: x, y, z/;
  const quotes = blocks.filter((block) => !others.test(block));
  // The lines of a recording are left out here and there; whatever else is, `...` stands for.
  const texts = output.flatMap((text) => [text, text.replaceAll(/^@langevin .*\n/gm, "")]);
  for (const piece of quotes.flatMap((quote) => quote.split(/^\.\.\.\n/m))) {
    assert.ok(texts.some((text) => `\n${text}`.includes(`\n${piece}`)), `not in the output:\n${piece}`);
  }
  // Each application, nothing wired, a replay.
  assert.ok(quotes.length >= 5, `${quotes.length} quotes`);
});
