# compiler/: from a model file to a graph; knows base and graph.
noinst_LTLIBRARIES += libcompiler.la
libcompiler_la_SOURCES = \
  compiler/arithmetic.c compiler/arithmetic.h \
  compiler/ast.c compiler/ast.h \
  compiler/ast_build.c compiler/ast_build.h \
  compiler/ast_fusion.c \
  compiler/ast_parse.c \
  compiler/ast_parts.c \
  compiler/attr.c compiler/attr.h \
  compiler/batch.c compiler/batch.h \
  compiler/budget.c compiler/budget.h \
  compiler/call.c compiler/call.h \
  compiler/cell.c compiler/cell.h \
  compiler/check.c compiler/check.h \
  compiler/checkpoint.c compiler/checkpoint.h \
  compiler/codes.def compiler/codes.h \
  compiler/compile.c compiler/compile.h \
  compiler/compiler.c compiler/compiler.h \
  compiler/compute.c compiler/compute.h \
  compiler/config.c compiler/config.h \
  compiler/constant.c compiler/constant.h \
  compiler/constraint.c compiler/constraint.h \
  compiler/declared.c compiler/declared.h \
  compiler/dump.c \
  compiler/eval.c compiler/eval.h \
  compiler/expand.c compiler/expand.h \
  compiler/feed.c compiler/feed.h \
  compiler/format.c compiler/format.h \
  compiler/frame.c compiler/frame.h \
  compiler/function.c compiler/function.def compiler/function.h \
  compiler/fusion.c compiler/fusion.h \
  compiler/harmless.def \
  compiler/head.c compiler/head.h \
  compiler/infer.c compiler/infer.h \
  compiler/ir.c compiler/ir.h \
  compiler/kept.c compiler/kept.h \
  compiler/layout.c \
  compiler/lex.h \
  compiler/limit.c compiler/limit.h \
  compiler/list.c compiler/list.h \
  compiler/lower.c compiler/lower.h \
  compiler/match.c compiler/match.h \
  compiler/mention.c compiler/mention.h \
  compiler/missing.c compiler/missing.h \
  compiler/model.c compiler/model.h \
  compiler/names.c compiler/names.h \
  compiler/naming.c compiler/naming.h \
  compiler/node.c compiler/node.h \
  compiler/op_call.h \
  compiler/options.h \
  compiler/origin.c compiler/origin.h \
  compiler/report.c compiler/report.h \
  compiler/schema.c compiler/schema.h \
  compiler/source.c compiler/source.h \
  compiler/state.c compiler/state.h \
  compiler/summary.c \
  compiler/syntax.c compiler/syntax.h \
  compiler/task.c compiler/task.h \
  compiler/tensor.c compiler/tensor.h \
  compiler/tensor_view.c compiler/tensor_view.h \
  compiler/tokens.c compiler/tokens.h \
  compiler/types.c compiler/types.h \
  compiler/typing.c compiler/typing.h \
  compiler/uncalled.c compiler/uncalled.h \
  compiler/unread.c compiler/unread.h \
  compiler/unused.c compiler/unused.h \
  compiler/value.c compiler/value.h \
  compiler/weight.c compiler/weight.h \
  compiler/weight_expr.c compiler/weight_expr.h \
  compiler/weight_function.c compiler/weight_function.h \
  compiler/when.c compiler/when.h \
  compiler/words.c

# The scanner and the parser are made in the build tree and are in no archive.
nodist_libcompiler_la_SOURCES = compiler/parse.c compiler/parse.h compiler/lex.c
EXTRA_DIST += compiler/parse.y compiler/lex.l
BUILT_SOURCES += compiler/parse.h
compiler/ast_parse.lo compiler/ast_parts.lo compiler/dump.lo compiler/format.lo \
compiler/layout.lo compiler/lex.lo compiler/syntax.lo compiler/words.lo: compiler/parse.h
CLEANFILES += compiler/parse.c compiler/parse.h compiler/lex.c

compiler/parse.c: compiler/parse.y
	$(AM_V_GEN)$(MKDIR_P) compiler && \
	  $(BISON) -Wall -Wcex -Werror --header=compiler/parse.h -o $@ $<
compiler/parse.h: compiler/parse.c
	@test -f $@ || { rm -f compiler/parse.c; $(MAKE) $(AM_MAKEFLAGS) compiler/parse.c; }
compiler/lex.c: compiler/lex.l
	$(AM_V_GEN)$(MKDIR_P) compiler && $(FLEX) -o $@ $<

unit_tests += \
  tests/unit/test_compile \
  tests/unit/test_compile_errors \
  tests/unit/test_format \
  tests/unit/test_parse \
  tests/unit/test_schema \
  tests/unit/test_source

# Golden files: what the compiler makes of a text, TFM_GOLDEN=write rewrites.
EXTRA_DIST += tests/error tests/unit/compiling.h tests/unit/text_file.h \
  tests/lang/bert.ast tests/lang/bert.tokens \
  tests/lang/gpt2.ast tests/lang/gpt2.tokens \
  tests/lang/llama.ast tests/lang/llama.tokens \
  tests/lang/bert.graph tests/lang/bert.fused.graph \
  tests/lang/gpt2.graph tests/lang/gpt2.fused.graph \
  tests/lang/llama.graph tests/lang/llama.fused.graph \
  tests/lang/pair.tfm tests/lang/pair.graph \
  tests/lang/forms.ast tests/lang/forms.fmt tests/lang/forms.tfm tests/lang/forms.tokens \
  tests/lang/bad/character.tfm tests/lang/bad/character.txt \
  tests/lang/bad/declaration.tfm tests/lang/bad/declaration.txt \
  tests/lang/bad/newline.tfm tests/lang/bad/newline.txt \
  tests/lang/bad/scope.tfm tests/lang/bad/scope.txt \
  tests/lang/bad/statement.tfm tests/lang/bad/statement.txt \
  tests/lang/bad/unclosed.tfm tests/lang/bad/unclosed.txt \
  tests/lang/bad/version.tfm tests/lang/bad/version.txt \
  tests/lang/mistakes/base.tfm tests/lang/mistakes/mistakes.txt
