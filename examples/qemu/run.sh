#!/usr/bin/env bash
# run.sh IMAGE [ARGUMENT...]: runs a firmware image on the emulated machine of its target,
# or on $MACHINE.
set -euo pipefail
image=$1
shift
emulator=(qemu-system-arm)
case $image in
*/thumbv6m-none-eabi/*) machine=mps2-an385 ;;
*/thumbv7m-none-eabi/*) machine=mps2-an385 ;;
*/thumbv7em-none-eabihf/*) machine=mps2-an386 ;;
*/thumbv8m.main-none-eabihf/*) machine=mps2-an505 ;;
*/riscv32imac-unknown-none-elf/*)
    machine=virt
    emulator=(qemu-system-riscv32 -bios none)
    ;;
*) echo "run.sh: no machine for $image" >&2 && exit 2 ;;
esac
config=enable=on,target=native,arg=$(basename "$image")
for argument in "$@"; do
    config+=",arg=$argument"
done
exec "${emulator[@]}" -M "${MACHINE:-$machine}" -nographic -monitor none -serial none \
    -semihosting-config "$config" -kernel "$image" </dev/null
