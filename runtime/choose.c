/* choose.c - rank the kernels of a node's op. */
#include "runtime/accept.h"
#include "runtime/cpu.h"
#include "runtime/registry_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPU_FEATURES = 256 };

/* The kernel that "op=kernel,op=kernel" names for op; its length, 0 = none. */
static size_t override_for(const char *overrides, const char *op, const char **kernel) {
  size_t length = strlen(op);
  for (const char *at = overrides; at && *at;) {
    size_t item = strcspn(at, ",");
    if (item > length && memcmp(at, op, length) == 0 && at[length] == '=') {
      *kernel = at + length + 1;
      return item - length - 1;
    }
    at += item + (at[item] == ',');
  }
  return 0;
}

static bool has_cpu(const struct registry_policy *policy, const tfm_kernel_desc *kernel) {
  for (unsigned i = 0; i < 4; i++)
    if (kernel->cpu_need[i] & ~policy->cpu[i])
      return false;
  return true;
}

bool registry_may_run(const struct registry_policy *policy, const char *op, uint32_t version,
                      const tfm_kernel_desc *kernel) {
  const char *name = NULL;
  size_t length = override_for(policy->overrides, op, &name);
  if (length > 0 && (strlen(kernel->name) != length || memcmp(kernel->name, name, length) != 0))
    return false;
  return strcmp(kernel->device, "cpu") == 0 && version >= kernel->op_min &&
         version <= kernel->op_max && has_cpu(policy, kernel) &&
         (!policy->reference_only || kernel->flags & TFM_KERNEL_REFERENCE);
}

/* Why the kernel cannot serve the node, or NULL with *match set. */
static const char *judge(const struct registry_policy *policy, const tfm_host *host,
                         const tfm_node *node, uint32_t version, const tfm_kernel_desc *kernel,
                         int32_t *match) {
  *match = 0;
  if (strcmp(kernel->device, "cpu") != 0)
    return "it is for another device";
  if (version < kernel->op_min || version > kernel->op_max)
    return "it serves other versions of the op";
  if (policy->reference_only && !(kernel->flags & TFM_KERNEL_REFERENCE))
    return "only reference kernels are wanted";
  if (!has_cpu(policy, kernel))
    return "this processor lacks a feature that it needs";
  const char *format = accept_judge(kernel, node);
  if (format)
    return format;
  *match = kernel->match ? kernel->match(host, node) : 1;
  return *match > 0 ? NULL : "it does not take this node";
}

static bool better(const struct registry_candidate *a, const struct registry_candidate *b) {
  if (!a->lost != !b->lost)
    return !a->lost;
  if (a->match != b->match)
    return a->match > b->match;
  if (a->kernel->desc->score != b->kernel->desc->score)
    return a->kernel->desc->score > b->kernel->desc->score;
  return strcmp(a->kernel->desc->name, b->kernel->desc->name) < 0;
}

static int no_kernel(const tfm_node *node, const struct registry_candidate *out, size_t count,
                     struct tfm_error *err) {
  error_set(err, TFM_ERROR_PLUGIN, "no kernel can run `%s` (op `%s`)", node->name, node->op);
  for (size_t i = 0; i < count; i++)
    error_note(err, "found: kernel `%s` of %s: %s", out[i].kernel->desc->name,
               out[i].kernel->plugin->file, out[i].lost);
  if (count == 0)
    error_note(err, "help: install a plugin with a kernel for it");
  return -1;
}

static int unknown_override(const tfm_node *node, const char *name, size_t length,
                            const struct registry_candidate *out, size_t count,
                            struct tfm_error *err) {
  error_set(err, TFM_ERROR_PLUGIN, "op `%s` has no kernel `%.*s`, which was asked for", node->op,
            (int)length, name);
  for (size_t i = 0; i < count; i++)
    error_note(err, "found: kernel `%s` of %s", out[i].kernel->desc->name,
               out[i].kernel->plugin->file);
  return -1;
}

/* Only the named kernel stays in the race. */
static int apply_override(const char *name, size_t length, const tfm_node *node,
                          struct registry_candidate *out, size_t count, struct tfm_error *err) {
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    const char *own = out[i].kernel->desc->name;
    bool is = strlen(own) == length && memcmp(own, name, length) == 0;
    found = found || is;
    if (!is && !out[i].lost)
      out[i].lost = "another one was asked for";
  }
  return found ? 0 : unknown_override(node, name, length, out, count, err);
}

int registry_rank(const struct registry *registry, const struct registry_policy *policy,
                  const tfm_host *host, const tfm_node *node, uint32_t op_version,
                  struct registry_candidate out[REGISTRY_CANDIDATES], size_t *count,
                  struct tfm_error *err) {
  size_t kernels;
  const struct registry_kernel *kernel = registry_kernels(registry, node->op, &kernels);
  const char *name = NULL;
  *count = kernels < REGISTRY_CANDIDATES ? kernels : REGISTRY_CANDIDATES;
  for (size_t i = 0; i < *count; i++) {
    out[i] = (struct registry_candidate){.kernel = &kernel[i]};
    out[i].lost = judge(policy, host, node, op_version, kernel[i].desc, &out[i].match);
  }
  size_t length = override_for(policy->overrides, node->op, &name);
  if (length > 0 && apply_override(name, length, node, out, *count, err) != 0)
    return -1;
  int racing = 0;
  for (size_t i = 0; i < *count; i++) {
    racing += !out[i].lost;
    for (size_t j = i; j > 0 && better(&out[j], &out[j - 1]); j--) {
      struct registry_candidate swap = out[j];
      out[j] = out[j - 1];
      out[j - 1] = swap;
    }
  }
  return racing > 0 ? racing : no_kernel(node, out, *count, err);
}
