# bench/: what is measured, and how to run it again.
docbenchdir = $(docdir)/bench
dist_docbench_DATA = bench/README.md
EXTRA_DIST += bench/compare_torch.py bench/configs
EXTRA_DIST += bench/turns.sh bench/overhead/run.sh bench/overhead/nop.c bench/overhead/nop.tfm
EXTRA_DIST += bench/tokenizers.py bench/tokenizer_start.py

# Run by hand: see its head.
noinst_PROGRAMS += bench/ragged
bench_ragged_SOURCES = bench/ragged.c
bench_ragged_LDADD = libtfm.la
