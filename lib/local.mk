# lib/: libtfm, the joint between compiler and runtime, and the public headers.
dist_tfminclude_HEADERS += include/tfm/plugin.h include/tfm/tfm.h include/tfm/types.h

lib_LTLIBRARIES += libtfm.la
noinst_LTLIBRARIES += libjoint.la
libjoint_la_SOURCES = lib/tfm.c lib/open.c lib/pass.c lib/sides.c lib/source.c lib/error.c lib/model.h \
  lib/caller.c lib/caller.h lib/model.c lib/engine.c lib/engine.h lib/context.c lib/context.h \
  lib/message.c lib/message.h lib/conversation.c lib/conversation.h lib/keep.c lib/steps.c \
  lib/paths.c lib/paths.h lib/paths_file.c lib/rows.c lib/rows.h lib/result.c lib/result.h \
  lib/dump.c lib/dump_file.c lib/dump.h lib/inspect.c lib/compare.c lib/compare.h lib/attention.c lib/attention.h lib/task.c lib/task.h lib/generate.c lib/fill_mask.c \
  lib/classify.c lib/qa.c lib/embed.c lib/embed_sparse.c lib/score.c lib/tokenize.c \
  lib/show.c lib/fault.c lib/generation.c lib/generation.h lib/generation_private.h \
  lib/generation_logits.c lib/generation_answer.c lib/generation_config.c lib/group.c lib/group.h lib/span.c lib/span.h lib/window.c lib/window.h \
  lib/stop_text.c lib/stop_text.h lib/token_score.c lib/token_score.h \
  lib/hub.c lib/hub.h lib/match.c lib/vocabulary.c lib/weights.c
# what a directory of sentence-transformers says
libjoint_la_SOURCES += lib/module_file.c lib/module_file.h lib/modules.c lib/modules.h \
  lib/modules_settings.c lib/link.c lib/link.h lib/rerank.c lib/embedder.c lib/prompt.c lib/prompt.h
# decoding policies: a row of policy.def and a file each
libjoint_la_SOURCES += lib/decode/decode.c lib/decode/decode.h lib/decode/policy.def lib/decode/greedy.c \
  lib/decode/sample.c lib/decode/beam.c lib/decode/rules.c lib/decode/rules.h lib/head.c lib/head.h \
  lib/generation_keys.c lib/generation_keys.h
libjoint_la_CPPFLAGS = $(AM_CPPFLAGS) -DTFM_VERSION='"$(PACKAGE_VERSION)"'
libtfm_la_SOURCES =
libtfm_la_LIBADD = libjoint.la $(rooms) $(rooms_libs)
libtfm_la_LDFLAGS = $(AM_LDFLAGS) -version-info 1:0:0 -export-symbols-regex '^tfm_'

# The tasks, through tfm.h, on a model whose logits are known beforehand.
task_tests = tests/unit/test_task_qa tests/unit/test_task_fill_mask tests/unit/test_task_classify \
  tests/unit/test_task_generate tests/unit/test_task_matrix tests/unit/test_task_score
task_tests += tests/unit/test_refused_calls
unit_tests += $(task_tests)
noinst_HEADERS += tests/unit/foretold.h
tests_unit_test_task_qa_LDADD = libtfm.la $(CHECK_LIBS) $(LIBM)
tests_unit_test_task_fill_mask_LDADD = libtfm.la $(CHECK_LIBS) $(LIBM)
tests_unit_test_task_classify_LDADD = libtfm.la $(CHECK_LIBS) $(LIBM)
tests_unit_test_task_generate_LDADD = libtfm.la $(CHECK_LIBS) $(LIBM)
tests_unit_test_task_matrix_LDADD = libtfm.la $(CHECK_LIBS) $(LIBM)
tests_unit_test_task_score_LDADD = libtfm.la $(CHECK_LIBS) $(LIBM)
tests_unit_test_refused_calls_LDADD = libtfm.la $(CHECK_LIBS) $(LIBM)
