# examples/: a program that embeds libtfm, a third party's plugin, one that
# fuses an op of it, and one whose op keeps a state.
# Built by nobody but its reader, and by a test against an installed copy.
embedexampledir = $(docdir)/examples/embed
dist_embedexample_DATA = examples/embed/embed.c examples/embed/Makefile

pluginexampledir = $(docdir)/examples/plugin
dist_pluginexample_DATA = examples/plugin/acme.c examples/plugin/Makefile \
  examples/plugin/capped.tfm
fusionexampledir = $(docdir)/examples/fusion
dist_fusionexample_DATA = examples/fusion/line.c examples/fusion/Makefile
recurrenceexampledir = $(docdir)/examples/recurrence
dist_recurrenceexample_DATA = examples/recurrence/gated.c examples/recurrence/Makefile \
  examples/recurrence/recall.tfm
script_tests += tests/docs/plugin.sh
