// Runs an image of `benches/cost` on the simulator's core and prints its rows, counted in cycles: `node measure.js IMAGE`.
//
// The image counts with SysTick, whose ticks are the core's cycles here.

import { readFileSync } from "node:fs";
import { RP2040 } from "rp2040js";
import { segments } from "./pico.js";

const SEMIHOSTING = 0xab;
const [OPEN, CLOSE, WRITE, EXIT, EXIT_EXTENDED] = [0x01, 0x02, 0x05, 0x18, 0x20];
const SYSTICK_VALUE = 0x18;
const STACK = 0x20040000;

const chip = new RP2040();
const quiet = () => {};
chip.logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const { core, ppb } = chip;

// The image is linked to address 0: it takes the place of the boot ROM.
const memory = Buffer.alloc(2 ** 20);
for (const [address, bytes] of segments(readFileSync(process.argv[2]))) {
  bytes.copy(memory, address);
}
memory.writeUInt32LE(STACK, 0);
chip.bootrom = new Uint32Array(memory.buffer, memory.byteOffset, memory.length / 4);

const readUint32 = ppb.readUint32.bind(ppb);
ppb.readUint32 = (offset) => (offset === SYSTICK_VALUE ? -core.cycles & 0xffffff : readUint32(offset));

let status;
chip.onBreak = (code) => {
  const [operation, block] = core.registers;
  const argument = (i) => chip.readUint32(block + 4 * i);
  if (code !== SEMIHOSTING) {
    throw new Error(`stopped at a breakpoint, ${code}`);
  } else if (operation === OPEN) {
    core.registers[0] = 1;
  } else if (operation === CLOSE) {
    core.registers[0] = 0;
  } else if (operation === WRITE) {
    const [start, length] = [argument(1), argument(2)];
    process.stdout.write(Buffer.from(Array.from({ length }, (_, i) => chip.readUint8(start + i))));
    core.registers[0] = 0;
  } else if (operation === EXIT || operation === EXIT_EXTENDED) {
    status = operation === EXIT_EXTENDED ? argument(1) : 0;
  } else {
    throw new Error(`no semihosting operation ${operation}`);
  }
};

core.reset();
while (status === undefined) {
  core.executeInstruction();
}
process.exitCode = status;
