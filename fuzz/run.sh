#!/usr/bin/env bash
# run.sh [SECONDS [LIBFUZZER OPTION...]]: fuzzes the public interface, for 30 seconds unless told otherwise.
# run.sh keep: takes into corpus/ the fifty of the inputs found so far that reach most.
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
    cp corpus/* target/corpus/
    rm -rf target/kept target/reached corpus
    mkdir target/kept corpus
    "$fuzzer" -merge=1 -use_counters=0 -verbosity=0 -merge_control_file=target/reached target/kept target/corpus
    # That file lists the inputs, and what each reaches. The one that adds most comes first, and so on.
    awk -v most=50 '
        /^(FT|STARTED|COV)/ {
            if ($1 == "FT") { $1 = ""; reaches[$2] = $0 }
            next
        }
        NR > 2 { name[count++] = $0 }
        END {
            while (kept++ < most) {
                best = 0
                for (input in reaches) {
                    # It adds no more than it did before.
                    if (input in gains && gains[input] <= best) continue
                    gain = 0
                    for (i = split(reaches[input], features); i > 1; i--) gain += !(features[i] in reached)
                    gains[input] = gain
                    if (gain > best) { best = gain; choice = input }
                }
                if (!best) break
                for (i = split(reaches[choice], features); i > 1; i--) reached[features[i]]
                delete reaches[choice]
                print name[choice]
            }
        }' target/reached | while read -r input; do cp "$input" corpus; done
else
    exec "$fuzzer" -max_total_time="$mode" -timeout=10 -max_len=4096 -len_control=0 \
        -print_final_stats=1 -artifact_prefix=target/ "$@" target/corpus corpus
fi
