# tests/differential/: tokenizers against Hugging Face's, run by hand: it needs Python.
EXTRA_DIST += tests/differential/run tests/differential/pieces tests/differential/real.py \
  tests/differential/strings.py tests/differential/tfm.py tests/differential/trained.py
