# plugins/: one folder a plugin, built as plugins/NAME.la, so that the build
# tree has them all in plugins/.libs.
plugin_LTLIBRARIES += \
  plugins/attention.la \
  plugins/elementwise.la \
  plugins/embedding.la \
  plugins/ffn.la \
  plugins/masking.la \
  plugins/norm.la \
  plugins/pooling.la \
  plugins/shape.la

plugins_common = \
  plugins/common/kernel.h \
  plugins/common/simd.h \
  plugins/common/vec.h \
  plugins/common/vec_avx2.h \
  plugins/common/vec_avx512.h \
  plugins/common/vec_base.h \
  plugins/common/vmath.h \
  plugins/common/weights.h

plugins_attention_la_SOURCES = $(plugins_common) \
  plugins/attention/attention.c \
  plugins/attention/attention.h \
  plugins/attention/attention_fast.h \
  plugins/attention/bias.c \
  plugins/attention/bias.h \
  plugins/attention/fast_avx2.c \
  plugins/attention/fast_avx512.c \
  plugins/attention/fast_base.c \
  plugins/attention/mask.c \
  plugins/attention/mask.h \
  plugins/attention/plugin.c \
  plugins/attention/rope.c \
  plugins/attention/rope.h \
  plugins/attention/rope_fast.h \
  plugins/attention/rope_scaling.c \
  plugins/attention/sinusoid.c
plugins_attention_la_CPPFLAGS = $(plugin_cppflags)
plugins_attention_la_CFLAGS = $(plugin_cflags)
plugins_attention_la_LDFLAGS = $(plugin_ldflags)
plugins_attention_la_LIBADD = $(LIBM)

plugins_elementwise_la_SOURCES = $(plugins_common) \
  plugins/elementwise/constant.c \
  plugins/elementwise/elementwise.c \
  plugins/elementwise/elementwise.h \
  plugins/elementwise/function.c \
  plugins/elementwise/ops.def \
  plugins/elementwise/pair.c \
  plugins/elementwise/pair.h \
  plugins/elementwise/reduce.c \
  plugins/elementwise/plugin.c
plugins_elementwise_la_CPPFLAGS = $(plugin_cppflags)
plugins_elementwise_la_CFLAGS = $(plugin_cflags)
plugins_elementwise_la_LDFLAGS = $(plugin_ldflags)
plugins_elementwise_la_LIBADD = $(LIBM)

plugins_embedding_la_SOURCES = $(plugins_common) \
  plugins/embedding/embedding.c \
  plugins/embedding/embedding.h \
  plugins/embedding/plugin.c
plugins_embedding_la_CPPFLAGS = $(plugin_cppflags)
plugins_embedding_la_CFLAGS = $(plugin_cflags)
plugins_embedding_la_LDFLAGS = $(plugin_ldflags)
plugins_embedding_la_LIBADD = $(LIBM)

plugins_ffn_la_SOURCES = $(plugins_common) \
  plugins/ffn/activation.c \
  plugins/ffn/activation.h \
  plugins/ffn/activations.h \
  plugins/ffn/activations_avx2.c \
  plugins/ffn/activations_avx512.c \
  plugins/ffn/activations_base.c \
  plugins/ffn/expert_ffn.c \
  plugins/ffn/ffn.c \
  plugins/ffn/ffn.h \
  plugins/ffn/gated_ffn.c \
  plugins/ffn/linear.c \
  plugins/ffn/matmul.c \
  plugins/ffn/naive.c \
  plugins/ffn/ops.def \
  plugins/ffn/top_k.c \
  plugins/ffn/plugin.c
plugins_ffn_la_CPPFLAGS = $(plugin_cppflags)
plugins_ffn_la_CFLAGS = $(plugin_cflags)
plugins_ffn_la_LDFLAGS = $(plugin_ldflags)
plugins_ffn_la_LIBADD = $(LIBM)

plugins_masking_la_SOURCES = $(plugins_common) \
  plugins/masking/biases.c \
  plugins/masking/masks.c \
  plugins/masking/masks.h \
  plugins/masking/plugin.c
plugins_masking_la_CPPFLAGS = $(plugin_cppflags)
plugins_masking_la_CFLAGS = $(plugin_cflags)
plugins_masking_la_LDFLAGS = $(plugin_ldflags)
plugins_masking_la_LIBADD = $(LIBM)

plugins_norm_la_SOURCES = $(plugins_common) \
  plugins/norm/l2_normalize.c \
  plugins/norm/layer_norm.c \
  plugins/norm/norm.c \
  plugins/norm/norm.h \
  plugins/norm/ops.def \
  plugins/norm/plugin.c \
  plugins/norm/rms_norm.c \
  plugins/norm/rows.h \
  plugins/norm/rows_avx2.c \
  plugins/norm/rows_avx512.c \
  plugins/norm/rows_base.c
plugins_norm_la_CPPFLAGS = $(plugin_cppflags)
plugins_norm_la_CFLAGS = $(plugin_cflags)
plugins_norm_la_LDFLAGS = $(plugin_ldflags)
plugins_norm_la_LIBADD = $(LIBM)

plugins_pooling_la_SOURCES = $(plugins_common) \
  plugins/pooling/plugin.c \
  plugins/pooling/pool.c \
  plugins/pooling/pooling.c \
  plugins/pooling/pooling.h
plugins_pooling_la_CPPFLAGS = $(plugin_cppflags)
plugins_pooling_la_CFLAGS = $(plugin_cflags)
plugins_pooling_la_LDFLAGS = $(plugin_ldflags)
plugins_pooling_la_LIBADD = $(LIBM)

plugins_shape_la_SOURCES = $(plugins_common) \
  plugins/shape/plugin.c \
  plugins/shape/concat.c \
  plugins/shape/reshape.c \
  plugins/shape/select.c \
  plugins/shape/split.c \
  plugins/shape/shape.h
plugins_shape_la_CPPFLAGS = $(plugin_cppflags)
plugins_shape_la_CFLAGS = $(plugin_cflags)
plugins_shape_la_LDFLAGS = $(plugin_ldflags)
plugins_shape_la_LIBADD = $(LIBM)

noinst_HEADERS += tests/unit/rope_reference.h

# Each plugin is tested through its .so, in a host of the tests' own.
unit_tests += \
  tests/unit/test_plugin_attention \
  tests/unit/test_plugin_experts \
  tests/unit/test_plugin_ffn \
  tests/unit/test_plugin_norm \
  tests/unit/test_plugin_parts \
  tests/unit/test_plugin_rope \
  tests/unit/test_plugin_schemas
op_tests = \
  tests/op/attention_case.c tests/op/attention_case.h \
  tests/op/test_host.c tests/op/test_host.h \
  tests/op/test_tensor.c tests/op/test_tensor.h
tests_unit_test_plugin_attention_SOURCES = tests/unit/test_plugin_attention.c $(op_tests)
tests_unit_test_plugin_experts_SOURCES = tests/unit/test_plugin_experts.c $(op_tests)
tests_unit_test_plugin_ffn_SOURCES = tests/unit/test_plugin_ffn.c $(op_tests)
tests_unit_test_plugin_norm_SOURCES = tests/unit/test_plugin_norm.c $(op_tests)
tests_unit_test_plugin_parts_SOURCES = tests/unit/test_plugin_parts.c $(op_tests)
tests_unit_test_plugin_rope_SOURCES = tests/unit/test_plugin_rope.c $(op_tests)
tests_unit_test_plugin_schemas_SOURCES = tests/unit/test_plugin_schemas.c $(op_tests)

# A plugin is opened by its .so; the .la that libtool installs is of no use.
install-data-hook:
	@for la in $(plugin_LTLIBRARIES); do \
	  rm -f "$(DESTDIR)$(plugindir)/`basename $$la`"; done
	@$(srcdir)/docs/installed.sh '$(DESTDIR)$(docdir)' '$(DESTDIR)$(pkgconfigdir)/tfm.pc' \
	  'prefix=$(prefix)' 'exec_prefix=$(exec_prefix)' 'libdir=$(libdir)' 'includedir=$(includedir)' \
	  'datarootdir=$(datarootdir)' 'datadir=$(datadir)' 'plugindir=$(plugindir)' 'modeldir=$(modeldir)'
EXTRA_DIST += docs/installed.sh
uninstall-hook:
	@for la in $(plugin_LTLIBRARIES); do \
	  rm -f "$(DESTDIR)$(plugindir)/`basename $$la .la`.so"; done
