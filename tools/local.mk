# tools/: one file a program, over tfm.h alone; cli is what they share.
bin_PROGRAMS += tools/tfmrun tools/tfmc tools/tfmbench tools/tfmeval
bin_PROGRAMS += tools/tfm-tokenize

tools_tfmrun_SOURCES = tools/tfmrun.c tools/output.c tools/output.h tools/check.c tools/check.h \
  tools/cli.c tools/cli.h
tools_tfmrun_LDADD = libtfm.la $(JANSSON_LIBS)
tools_tfmc_SOURCES = tools/tfmc.c tools/cli.c tools/cli.h
tools_tfmc_LDADD = libtfm.la
tools_tfmbench_SOURCES = tools/tfmbench.c tools/cli.c tools/cli.h
tools_tfmbench_LDADD = libtfm.la $(JANSSON_LIBS)
tools_tfmeval_SOURCES = tools/tfmeval.c tools/eval.c tools/eval.h tools/eval_tokens.c \
  tools/eval_labels.c tools/cli.c tools/cli.h
tools_tfmeval_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
tools_tfm_tokenize_SOURCES = tools/tfm_tokenize.c tools/stream.c tools/stream.h tools/cli.c tools/cli.h
tools_tfm_tokenize_LDADD = libtfm.la

bin_PROGRAMS += tools/tfm-weights
tools_tfm_weights_SOURCES = tools/tfm_weights.c tools/check.c tools/check.h tools/cli.c tools/cli.h
tools_tfm_weights_LDADD = libtfm.la $(JANSSON_LIBS)
