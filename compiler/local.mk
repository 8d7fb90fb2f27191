# compiler/: from a model file to a graph; knows base and graph.
noinst_LTLIBRARIES += libcompiler.la
libcompiler_la_SOURCES =

# The scanner and the parser are made in the build tree and are in no archive.
# To build them: list compiler/parse.y and compiler/lex.l in EXTRA_DIST, the
# three products in nodist_libcompiler_la_SOURCES, parse.h in BUILT_SOURCES.
CLEANFILES += compiler/parse.c compiler/parse.h compiler/lex.c

compiler/parse.c: compiler/parse.y
	$(AM_V_GEN)$(MKDIR_P) compiler && \
	  $(BISON) -Wall -Wcex -Werror --header=compiler/parse.h -o $@ $<
compiler/parse.h: compiler/parse.c
	@test -f $@ || { rm -f compiler/parse.c; $(MAKE) $(AM_MAKEFLAGS) compiler/parse.c; }
compiler/lex.c: compiler/lex.l
	$(AM_V_GEN)$(MKDIR_P) compiler && $(FLEX) -o $@ $<
