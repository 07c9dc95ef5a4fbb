// The applications' images for the Raspberry Pi Pico, built.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../../", import.meta.url));

export function run(command, args, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", ...options });
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/// The images by their names, with further variables (a seed) and options (features).
export function build(variables, options = []) {
  const cargo = join(root, ".ci/firmware-cargo");
  const args = ["build", "-q", "--release", "--locked", "--bins", "--target", "thumbv6m-none-eabi"];
  const messages = run(cargo, [...args, ...options, "--message-format", "json"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { FIRMWARE_TARGET_DIR: join(root, "target/boards"), ...process.env, ...variables },
    maxBuffer: 2 ** 28,
  });
  const built = messages.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return Object.fromEntries(
    built.filter((m) => m.executable).map((m) => [m.target.name, readFileSync(m.executable)]),
  );
}

/// The images with the compiler's floats and with those in assembly.
export const bothWays = (variables) => ({
  compiler: build(variables, ["--no-default-features"]),
  assembly: build(variables),
});
