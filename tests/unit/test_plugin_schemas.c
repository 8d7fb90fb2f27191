/* What the package's plugins declare, as the compiler reads it. */
#include "base/arena.h"
#include "base/diag.h"
#include "compiler/schema.h"
#include "tests/op/test_host.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char *const plugins[] = {"attention", "elementwise", "embedding", "ffn",
                                      "masking",   "norm",        "pooling",   "shape"};

static bool serves(const tfm_plugin_desc *plugin, const char *op) {
  return plugin_kernel(plugin, op, "reference") != NULL;
}

START_TEST(test_schemas) {
  for (size_t i = 0; i < sizeof plugins / sizeof plugins[0]; i++) {
    const tfm_plugin_desc *plugin = plugin_open(plugins[i]);
    for (uint32_t j = 0; j < plugin->op_count; j++) {
      struct arena arena;
      struct diag diag;
      arena_init(&arena, 1 << 20);
      diag_init(&diag);
      const char *text = plugin->op[j]->schema;
      const struct op_schema *schema = schema_parse(&arena, &diag, plugins[i], text);
      ck_assert_msg(schema != NULL, "%s", text);
      ck_assert_msg(serves(plugin, schema->name), "%s", schema->name);
      ck_assert_str_ne(schema->doc, "");
      /* what the schema leaves open, infer says */
      bool open = schema->outputs_open;
      for (uint32_t k = 0; k < schema->output_count; k++)
        open = open || schema->output[k].infer;
      ck_assert_msg(open == (plugin->op[j]->infer != NULL), "%s", schema->name);
      diag_finish(&diag);
      arena_finish(&arena);
    }
  }
}
END_TEST

UNIT_MAIN("plugin schemas", test_schemas)
