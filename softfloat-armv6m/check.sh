#!/usr/bin/env bash
# The proof of this crate, on an emulated Cortex-M0: `./check.sh short` takes a minute or two, `./check.sh release`
# more than an hour, `./check.sh figures` prints the instructions of a call.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/proof"
mode=${1:-short}
root=$(cd ../.. && pwd)
export FIRMWARE_TARGET_DIR=${FIRMWARE_TARGET_DIR:-$root/target/softfloat-armv6m}
images=$FIRMWARE_TARGET_DIR-images
mkdir -p "$images"

# image NAME [OPTION...]: builds the firmware, and keeps it under that name.
image() {
    local name=$1
    shift
    "$root/.ci/firmware-cargo" build -q --release --locked --target thumbv6m-none-eabi \
        --message-format json-render-diagnostics "$@" >"$images/built"
    cp "$(sed -n 's|.*"executable":"\([^"]*\)".*|\1|p' "$images/built")" "$images/$name"
}

host() {
    CARGO_TARGET_DIR=$FIRMWARE_TARGET_DIR-host cargo run -q --release --locked -- "$@"
}

# linked NAME: the image has this crate's functions, once each, and none of the compiler's.
linked() {
    local symbols name count
    symbols=$(arm-none-eabi-nm "$images/$1")
    for name in fadd fsub frsub fmul fdiv fcmplt fcmple fcmpeq fcmpge fcmpgt fcmpun i2f ui2f f2iz f2uiz lmul; do
        count=$(grep -c " T __aeabi_$name\$" <<<"$symbols" || true)
        [[ $count == 1 ]] || { echo "$1: $count of __aeabi_$name"; return 1; }
    done
    if grep -E '(add|sub|mul|div)sf3|_aeabi_f.*compiler_builtins|compiler_builtins.*float' <<<"$symbols"; then
        echo "$1: the compiler's floats are linked too"
        return 1
    fi
}

image compiler
image replaced --features replace
linked replaced
if linked compiler >/dev/null; then
    echo "the compiler's own image passes as this crate's"
    exit 1
fi
host figures "$images/compiler" "$images/replaced"
[[ $mode == figures ]] && exit

# Without link-time optimisation, and with several units of code: the same functions.
CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 image units --features replace
linked units

image mutants --features replace,mutants
host mutants "$images/mutants"

# Where it is not Armv6-M there is nothing, and that compiles.
(cd .. && CARGO_TARGET_DIR=$FIRMWARE_TARGET_DIR-host cargo clippy -q --all-targets -- -D warnings && cargo fmt --check)
cargo fmt --check

case $mode in
short) host check "$images/replaced" 4 some ;;
release) host check "$images/replaced" 96 all ;;
*) echo "usage: check.sh [short|release|figures]" >&2 && exit 2 ;;
esac
