# bench/: what is measured, and how to run it again.
EXTRA_DIST += bench/README.md bench/compare_torch.py bench/configs
EXTRA_DIST += bench/tokenizers.py bench/tokenizer_start.py
