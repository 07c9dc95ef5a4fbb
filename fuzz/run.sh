#!/usr/bin/env bash
# run.sh [SECONDS [LIBFUZZER OPTION...]]: fuzzes the public interface, for 30 seconds unless told otherwise.
# run.sh keep: takes into corpus/ the fewest of the inputs found so far that reach all code they reach.
#
# The stable compiler instruments for coverage by itself; libFuzzer comes with the libfuzzer-sys crate, which
# needs a C++ compiler. New inputs stay in target/corpus, what fails in target/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mode=${1:-30}
shift || true
export CARGO_TARGET_DIR=$PWD/target
target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
    cargo build --quiet --release --target "$target"
fuzzer=target/$target/release/api
mkdir -p corpus target/corpus
if [[ $mode == keep ]]; then
    rm -rf target/kept
    mkdir target/kept
    "$fuzzer" -set_cover_merge=1 -use_counters=0 -verbosity=0 target/kept corpus target/corpus
    rm -rf corpus
    mv target/kept corpus
else
    exec "$fuzzer" -max_total_time="$mode" -timeout=10 -max_len=1024 -len_control=0 \
        -print_final_stats=1 -artifact_prefix=target/ "$@" target/corpus corpus
fi
