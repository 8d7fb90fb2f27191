# tools/: the programs, over tfm.h alone.
bin_PROGRAMS += tools/tfmrun tools/tfmc tools/tfmbench tools/tfmeval
bin_PROGRAMS += tools/tfm-tokenize

# All of libtfm: a program is one file, which runs from where it is and starts without a
# search for the library.
tools_tfm = libjoint.la $(rooms) $(rooms_libs)

# Manners, and the options that the programs have alike.
tools_shared = tools/cli.c tools/cli.h tools/options.c tools/options.h \
  tools/option_tasks.c tools/common.c tools/common.h \
  tools/completion.c tools/completion.h

tools_tfmrun_SOURCES = tools/tfmrun.c tools/run.h tools/run_options.c tools/settle.c tools/lines.c tools/lines.h \
  tools/rank.c tools/window.c tools/stream.c tools/stream.h \
  tools/compare.c tools/compare.h tools/attention.c tools/attention.h tools/session.c \
  tools/output.c tools/output.h tools/check.c tools/check.h $(tools_shared)
nodist_tools_tfmrun_SOURCES = tools/attention_page.h
tools_tfmrun_LDADD = $(tools_tfm) $(JANSSON_LIBS) $(LIBM)
# The page as a list of its lines.
tools/attention_page.h: tools/attention_page.html
	@$(MKDIR_P) tools
	$(AM_V_GEN)(echo 'static const char *const attention_page[] = {'; \
	  sed 's/[\\"]/\\&/g; s/.*/"&\\n",/' $(srcdir)/tools/attention_page.html; \
	  echo '0};') >$@.part && mv $@.part $@
BUILT_SOURCES += tools/attention_page.h
CLEANFILES += tools/attention_page.h
EXTRA_DIST += tools/attention_page.html
tools_tfmc_SOURCES = tools/tfmc.c $(tools_shared)
tools_tfmc_LDADD = $(tools_tfm)
tools_tfmbench_SOURCES = tools/tfmbench.c $(tools_shared)
tools_tfmbench_LDADD = $(tools_tfm) $(JANSSON_LIBS)
tools_tfmeval_SOURCES = tools/tfmeval.c tools/eval.c tools/eval.h tools/eval_tokens.c \
  tools/eval_labels.c $(tools_shared)
tools_tfmeval_LDADD = $(tools_tfm) $(JANSSON_LIBS) $(LIBM)
tools_tfm_tokenize_SOURCES = tools/tfm_tokenize.c tools/stream.c tools/stream.h $(tools_shared)
tools_tfm_tokenize_LDADD = $(tools_tfm)

bin_PROGRAMS += tools/tfm-weights tools/tfm-inspect
tools_tfm_inspect_SOURCES = tools/tfm_inspect.c $(tools_shared)
tools_tfm_inspect_LDADD = $(tools_tfm)
tools_tfm_weights_SOURCES = tools/tfm_weights.c tools/check.c tools/check.h $(tools_shared)
tools_tfm_weights_LDADD = $(tools_tfm) $(JANSSON_LIBS)

# What transformers gives, for tfmrun --compare.
EXTRA_DIST += tools/reference.py

# How the checkpoints of models/ were made; tests/parity reads the prompts.
EXTRA_DIST += tools/train_reference/prompts.tsv tools/train_reference/samples tools/train_reference/train \
  tools/train_reference/corpus.py tools/train_reference/curves.py tools/train_reference/evaluate.py \
  tools/train_reference/expected.py tools/train_reference/held_out.py \
  tools/train_reference/make_vocabularies.py tools/train_reference/measure.py \
  tools/train_reference/network.py tools/train_reference/train_bert.py \
  tools/train_reference/train_gpt.py tools/train_reference/training.py \
  tools/train_reference/tune_bert.py tools/train_reference/vocabulary.py
