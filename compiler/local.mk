# compiler/: from a model file to a graph; knows base and graph.
noinst_LTLIBRARIES += libcompiler.la
libcompiler_la_SOURCES = \
  compiler/ast.c compiler/ast.h compiler/ast_build.h compiler/ast_parse.c compiler/ast_parts.c \
  compiler/codes.def compiler/codes.h \
  compiler/compile.h \
  compiler/dump.c \
  compiler/format.c \
  compiler/layout.c compiler/lex.h compiler/words.c \
  compiler/schema.c compiler/schema.h \
  compiler/source.c compiler/source.h \
  compiler/summary.c \
  compiler/syntax.c compiler/syntax.h

# The scanner and the parser are made in the build tree and are in no archive.
nodist_libcompiler_la_SOURCES = compiler/parse.c compiler/parse.h compiler/lex.c
EXTRA_DIST += compiler/parse.y compiler/lex.l
BUILT_SOURCES += compiler/parse.h
CLEANFILES += compiler/parse.c compiler/parse.h compiler/lex.c

compiler/parse.c: compiler/parse.y
	$(AM_V_GEN)$(MKDIR_P) compiler && \
	  $(BISON) -Wall -Wcex -Werror --header=compiler/parse.h -o $@ $<
compiler/parse.h: compiler/parse.c
	@test -f $@ || { rm -f compiler/parse.c; $(MAKE) $(AM_MAKEFLAGS) compiler/parse.c; }
compiler/lex.c: compiler/lex.l
	$(AM_V_GEN)$(MKDIR_P) compiler && $(FLEX) -o $@ $<
