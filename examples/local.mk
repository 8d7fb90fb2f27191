# examples/: a program that embeds libtfm, a third party's plugin.
