// The Raspberry Pi Pico in rp2040js, as far as the applications use it: runs an image, hears its serial
// port, sees its heater, and sets the voltages that it converts.

import { RP2040, GPIOPinState } from "rp2040js";

const FLASH = 0x10000000;
/// Where the second boot stage, which only sets up the flash chip, jumps to.
const VECTORS = FLASH + 0x100;
const HEATER = 15;
/// A cycle at 125 MHz.
const CYCLE_NANOSECONDS = 8;
/// What the memory is full of at the start.
const PAINT = 0xa5;
/// Its end, where the stack begins.
const TOP = 256 * 1024;
/// The converter's channel of the pin GP26, and the one of the chip's own thermometer.
export const GP26 = 0;
export const CHIP = 4;

/// What an ELF file loads: [address, bytes], one for each segment.
export function segments(elf) {
  const loaded = [];
  const [start, size, count] = [elf.readUInt32LE(28), elf.readUInt16LE(42), elf.readUInt16LE(44)];
  for (let at = start; at < start + size * count; at += size) {
    const [type, offset, , address, length] = [0, 4, 8, 12, 16].map((i) => elf.readUInt32LE(at + i));
    if (type === 1 && length > 0) {
      loaded.push([address, elf.subarray(offset, offset + length)]);
    }
  }
  return loaded;
}

/// The ring oscillator's random bit, which rp2040js does not have: from a generator of known seed.
class RingOscillator {
  constructor(state) {
    this.state = state;
  }
  readUint32(offset) {
    if (offset !== 0x1c) {
      return 0xffffffff;
    }
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state & 1;
  }
  writeUint32Atomic() {}
}

export class Pico {
  /// Cycles in which it was not asleep.
  #busy = 0;
  /// Every line that came out of the serial port.
  lines = [];
  #line = "";

  /// An ELF file's bytes in the flash, and the state that the oscillator starts with.
  constructor(image, oscillator = 1) {
    const chip = new RP2040();
    const quiet = () => {};
    chip.logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    chip.peripherals[0x40060] = new RingOscillator(oscillator);
    chip.sram.fill(PAINT);
    for (const [address, bytes] of segments(image)) {
      chip.flash.set(bytes, address - FLASH);
    }
    chip.core.VTOR = VECTORS;
    chip.core.reset();
    chip.onBreak = (code) => {
      throw new Error(`stopped at a breakpoint, ${code}: ${this.lines.at(-1)}`);
    };
    chip.uart[0].onByte = (byte) => {
      if (byte === 10) {
        this.lines.push(this.#line);
        this.onLine(this.#line);
        this.#line = "";
      } else if (byte !== 13) {
        this.#line += String.fromCharCode(byte);
      }
    };
    const { adc } = chip;
    adc.onADCRead = (channel) => {
      adc.channelValues[channel] = this.code(channel);
      adc.currentChannel = channel;
      adc.sampleAlarm.schedule(adc.sampleTime * 1000);
    };
    this.chip = chip;
  }

  /// What the converter finds on a channel: 0 to 4095.
  code(_channel) {
    return 0;
  }

  onLine(_line) {}

  get heating() {
    return this.chip.gpio[HEATER].value === GPIOPinState.High;
  }

  /// Simulated time since the start.
  get seconds() {
    return this.chip.clock.nanos * 1e-9;
  }

  /// How much of that it was not asleep.
  get busySeconds() {
    return this.#busy * CYCLE_NANOSECONDS * 1e-9;
  }

  /// Bytes of stack that were used: down to the first kilobyte that nothing was written to.
  get stack() {
    const { sram } = this.chip;
    let lowest = TOP;
    for (let at = TOP - 1; at > lowest - 1024; at--) {
      lowest = sram[at] === PAINT ? lowest : at;
    }
    return TOP - lowest;
  }

  /// Runs until `done()`, asked now and then; an error after so many seconds of simulated time.
  run(done, seconds) {
    const { core, clock } = this.chip;
    const end = this.seconds + seconds;
    while (!done()) {
      if (this.seconds > end) {
        throw new Error(`nothing after ${seconds} s; last line: ${this.lines.at(-1)}`);
      }
      for (let i = 0; i < 10_000; i++) {
        if (core.waiting) {
          // Asleep until the next alarm; an interrupt that is pending already wakes the real core too.
          if (core.pendingInterrupts & core.enabledInterrupts) {
            core.waiting = false;
          } else if (clock.nanosToNextAlarm > 0) {
            clock.tick(clock.nanosToNextAlarm);
          } else {
            break;
          }
        } else {
          const cycles = core.executeInstruction();
          this.#busy += cycles;
          clock.tick(cycles * CYCLE_NANOSECONDS);
        }
      }
    }
  }
}
