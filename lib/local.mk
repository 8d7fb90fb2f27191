# lib/: libtfm, the joint between compiler and runtime, and the public headers.
dist_tfminclude_HEADERS += include/tfm/plugin.h include/tfm/tfm.h

lib_LTLIBRARIES += libtfm.la
libtfm_la_SOURCES =
libtfm_la_LIBADD = $(rooms) $(rooms_libs)
libtfm_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -export-symbols-regex '^tfm_'
