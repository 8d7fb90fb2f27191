# graph/: the op graph; knows base only.
noinst_LTLIBRARIES += libgraph.la
libgraph_la_SOURCES =
