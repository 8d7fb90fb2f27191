# plugins/: one folder a plugin, built as plugins/NAME.la, so that the build
# tree has them all in plugins/.libs:
#   plugin_LTLIBRARIES += plugins/norm.la
#   plugins_norm_la_SOURCES = plugins/norm/plugin.c ...
#   plugins_norm_la_CPPFLAGS = $(plugin_cppflags)
#   plugins_norm_la_CFLAGS = $(plugin_cflags)
#   plugins_norm_la_LDFLAGS = $(plugin_ldflags)
#   plugins_norm_la_LIBADD = $(LIBM)

# A plugin is opened by its .so; the .la that libtool installs is of no use.
install-data-hook:
	@for la in $(plugin_LTLIBRARIES); do \
	  rm -f "$(DESTDIR)$(plugindir)/`basename $$la`"; done
uninstall-hook:
	@for la in $(plugin_LTLIBRARIES); do \
	  rm -f "$(DESTDIR)$(plugindir)/`basename $$la .la`.so"; done
