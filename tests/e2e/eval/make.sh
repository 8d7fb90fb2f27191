#!/bin/sh
# make.sh - what transformers says of each of the cases: rewrites expected.jsonl.
# Needs Python with torch and transformers; make check only reads the file.
cd "$(dirname "$0")/../../fixtures" || exit 1
while read -r model data options; do
  eval "python3 ../../tools/train_reference/evaluate.py $model --data ../e2e/eval/$data $options" || exit 1
done <../e2e/eval/cases >../e2e/eval/expected.jsonl.new
mv ../e2e/eval/expected.jsonl.new ../e2e/eval/expected.jsonl
