#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# GPT-2 124M by the papers' presets, scaled down to minutes of two cores: SGD, SignSGD, Muon and AdamW on the same tokens,
# with the noise monitor on. docs/pretraining.md is made from its folders by page.py.
#   bench/pretraining/run.sh PROGRAM TEXT_FOLDER OUT
set -euo pipefail
program=$1 text=$2 out=$3
mkdir -p "$out"
[[ -d $out/shards ]] || "$program" tokenize --data "$text" --tokenizer gpt2 --out "$out/shards"
[[ -d $out/probe ]] || "$program" probe --model gpt2-124m --data "$out/shards" --batch 4 --context 64 --steps 80 \
  --optimizers sgd,signsgd,muon,adamw --seed 42 --threads 2 --out "$out/probe"
for preset in sgd-paper signsgd-paper heavy-tail-paper-muon heavy-tail-paper-adamw; do
  "$program" train --preset "$preset" --data "$out/shards" --out "$out/$preset" --steps 80 --batch 4 --micro-batch 1 \
    --context 256 --monitor 5 --evaluate-every 10 --checkpoint-every 40 --keep-checkpoints 1 --seed 42 --threads 2
done
