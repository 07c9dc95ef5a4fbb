// Cycles of the float routines in rp2040js: `npm run routines`, after `softfloat-armv6m/check.sh figures` has built the
// images with the compiler's and with those of softfloat-armv6m. Operands as there: exponents within 4, any sign.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RP2040 } from "rp2040js";
import { root, run } from "./images.js";
import { normals } from "./noise.js";

const CALLS = 1000;
const RETURN = 0x20000100;

/// Runs a routine of an image and gives the cycles of a call, its return included.
function cycles(image, symbols, name, operands) {
  const chip = new RP2040();
  chip.logger = { debug() {}, info() {}, warn() {}, error() {} };
  // The images are linked to address 0: they take the place of the boot ROM.
  chip.bootrom = new Uint32Array(image.buffer.slice(image.byteOffset, image.byteOffset + image.length));
  const { core } = chip;
  let total = 0;
  for (let call = 0; call < CALLS; call++) {
    [core.registers[0], core.registers[1]] = operands();
    core.SP = 0x20001000;
    core.LR = RETURN | 1;
    core.PC = symbols[name] & ~1;
    while (core.PC !== RETURN) {
      total += core.executeInstruction();
    }
  }
  return total / CALLS;
}

/// An ELF file's first 64 kB of memory, and its symbols' addresses.
function load(path) {
  const elf = readFileSync(path);
  const memory = Buffer.alloc(65536);
  const [start, size, count] = [elf.readUInt32LE(28), elf.readUInt16LE(42), elf.readUInt16LE(44)];
  for (let at = start; at < start + size * count; at += size) {
    const [type, offset, , address, length] = [0, 4, 8, 12, 16].map((i) => elf.readUInt32LE(at + i));
    if (type === 1 && address + length <= memory.length) {
      elf.copy(memory, address, offset, offset + length);
    }
  }
  const lines = run("arm-none-eabi-nm", [path]).split("\n");
  const symbols = lines.map((line) => line.split(" ")).map(([at, , name]) => [name, parseInt(at, 16)]);
  return [memory, Object.fromEntries(symbols)];
}

const random = normals(1);
/// A whole number below `most`, from the normals' digits.
const below = (most) => Math.floor(Math.abs(random() * 1e6)) % most;
const float = (low, exponents) =>
  (below(2) * 2 ** 31 + (low + below(exponents)) * 2 ** 23 + below(2 ** 12) * 2 ** 11 + below(2 ** 11)) >>> 0;
const operands = {
  floats: () => [float(125, 5), float(125, 5)],
  positive: () => [(float(125, 5) << 1) >>> 1, 0],
  integers: () => [float(0, 256) >> below(31), 0],
  rounded: () => [float(127, 24), 0],
};

const [compiler, here] = ["compiler", "replaced"].map((name) =>
  load(join(root, "target/softfloat-armv6m-images", name)),
);
console.log("| | compiler: cycles | here: cycles |\n|---|--:|--:|");
for (const [name, kind] of [
  ["__aeabi_fadd", "floats"],
  ["__aeabi_fsub", "floats"],
  ["__aeabi_fmul", "floats"],
  ["__aeabi_fdiv", "floats"],
  ["__aeabi_fcmplt", "floats"],
  ["__aeabi_fcmple", "floats"],
  ["__aeabi_fcmpeq", "floats"],
  ["__aeabi_i2f", "integers"],
  ["__aeabi_ui2f", "integers"],
  ["__aeabi_f2iz", "rounded"],
  ["__aeabi_f2uiz", "rounded"],
  ["__aeabi_lmul", "floats"],
]) {
  const [before, after] = [compiler, here].map(([memory, symbols]) =>
    cycles(memory, symbols, name, operands[kind]).toFixed(0),
  );
  console.log(`| \`${name}\` | ${before} | ${after} |`);
}
const [memory, symbols] = here;
const rootCycles = cycles(memory, symbols, "__softfloat_armv6m_sqrt", operands.positive).toFixed(0);
console.log(`| \`sqrt\` | | ${rootCycles} |`);
