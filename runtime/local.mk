# runtime/: from a graph and a checkpoint to logits; knows base and graph.
noinst_LTLIBRARIES += libruntime.la
libruntime_la_SOURCES =
