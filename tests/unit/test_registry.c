/* Plugins built on the spot, whole and broken in every way that is checked. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp, realpath */
#endif
#include "runtime/note.h"
#include "runtime/registry.h"
#include "tests/unit/runtime_ops.h"

#include <elf.h>
#include <sys/wait.h>

static const char source[] =
    "#include <tfm/plugin.h>\n"
    "#ifndef MINOR\n#define MINOR 0\n#endif\n"
    "#ifndef NAME\n#define NAME \"acme\"\n#endif\n"
    "#ifndef CORE\n#define CORE 0\n#endif\n"
    "static tfm_status run(const tfm_host *h, const void *i, const tfm_run *r) {\n"
    "  (void)h; (void)i; (void)r; return TFM_OK; }\n"
    "static tfm_status init(const tfm_host *h) {\n"
    "#ifdef BAD_INIT\n  return h->fail(h, \"no licence for %s\", h->version);\n"
    "#else\n  h->log(h, TFM_LOG_INFO, \"%s begins\", NAME); return TFM_OK;\n#endif\n}\n"
    "static const tfm_op_desc op = {.struct_size = sizeof op, .version = 1,\n"
    "  .schema = \"## Fast.\\n## op not(this)\\n op flash(x: [...]) -> [...]\"};\n"
    "static const tfm_kernel_desc kernel = {.struct_size = sizeof kernel, .op_min = 1,\n"
    "  .op_max = 1, .op = \"acme.flash\", .name = \"reference\", .device = \"cpu\",\n"
    "  .flags = TFM_KERNEL_REFERENCE, .run = run};\n"
    "static const tfm_op_desc *const ops[] = {&op};\n"
    "static const tfm_kernel_desc *const kernels[] = {&kernel};\n"
    "static const tfm_plugin_desc acme = {.struct_size = sizeof acme, .name = NAME,\n"
    "  .core = CORE, .version = \"1.2\", .schema_major = 2, .op_count = 1, .kernel_count = 1, .op "
    "= ops,\n"
    "  .kernel = kernels, .init = init};\n"
    "#ifdef NO_NOTE\n"
    "TFM_EXPORT const tfm_plugin_desc *tfm_plugin_v1(void);\n"
    "const tfm_plugin_desc *tfm_plugin_v1(void) { return &acme; }\n"
    "#else\n"
    "TFM_PLUGIN(NAME, MINOR, &acme)\n"
    "#endif\n";

/* DIR/NAME.so from the source above; flags for the compiler. */
static void build(const char *dir, const char *name, const char *flags) {
  const char *cc = getenv("CC"), *root = getenv("TFM_SRCDIR");
  struct buffer command;
  test_write(dir, "acme.c", source, sizeof source - 1);
  buffer_init(&command);
  buffer_printf(&command,
                "%s -std=c11 -fPIC -shared -fvisibility=hidden -Wl,-z,defs -I'%s/include' %s "
                "-o '%s/%s.so' '%s/acme.c' && chmod 755 '%s/%s.so'",
                cc && *cc ? cc : "cc", root ? root : ".", flags, dir, name, dir, dir, name);
  int status = system(command.data);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", command.data);
  buffer_finish(&command);
}

static struct file_bytes read_so(const char *dir, const char *name) {
  struct file_bytes bytes;
  char *path = file_join(dir, name);
  CHECK_OK(file_read(path, 1 << 24, TFM_ERROR_RUN, &bytes, err));
  free(path);
  return bytes;
}

static tfm_plugin_note *note_in(struct file_bytes *so) {
  for (size_t i = 0; i + sizeof(tfm_plugin_note) <= so->size; i += 4) {
    tfm_plugin_note note;
    memcpy(&note, so->data + i, sizeof note);
    if (note.magic == TFM_NOTE_MAGIC && memcmp(note.owner, "tfm", 4) == 0)
      return (tfm_plugin_note *)(void *)(so->data + i);
  }
  ck_abort_msg("no note");
  return NULL;
}

static struct registry *open_one(const char *dir) {
  struct registry *registry;
  CHECK_OK(registry_open(&dir, 1, NULL, NULL, &registry, err));
  return registry;
}

/* The directory's acme.so is refused, saying this somewhere. */
static void check_refused(const char *dir, const char *plugin, const char *says) {
  struct registry *registry = open_one(dir);
  struct tfm_error err = {0};
  size_t count;
  const struct registry_refusal *refusal = registry_refusals(registry, &count);
  ck_assert_uint_eq(count, 1);
  ck_assert_str_eq(refusal->plugin, plugin);
  ck_assert_ptr_nonnull(refusal->reason);
  ck_assert_ptr_null(registry_find_op(registry, "acme.flash"));
  ck_assert_ptr_null(registry_find_plugin(registry, "acme"));
  error_set(&err, TFM_ERROR_PLUGIN, "unknown op");
  registry_note_missing(registry, "acme.flash", &err);
  if (strcmp(plugin, "acme") == 0)
    ck_assert_msg(strstr(err.notes, says) && strstr(err.notes, refusal->file), "%s", err.notes);
  else
    ck_assert_msg(strstr(refusal->reason, says) ||
                      (refusal->expected && strstr(refusal->expected, says)),
                  "%s", refusal->reason);
  registry_close(registry);
}

START_TEST(test_good) {
  char *dir = test_dir(), *other = test_dir();
  size_t count;
  build(dir, "acme", "");
  build(other, "acme", "");
  test_write(dir, "README", "no plugin", 9);
  test_write(dir, ".hidden.so", "no plugin", 9);
  const char *dirs[] = {"/nonexistent", dir, dir, other};
  struct registry *registry;
  CHECK_OK(registry_open(dirs, 4, NULL, NULL, &registry, err));
  const struct registry_op *op = registry_find_op(registry, "acme.flash");
  ck_assert_ptr_nonnull(op);
  ck_assert_str_eq(op->plugin->desc->version, "1.2");
  ck_assert_ptr_null(registry_find_op(registry, "flash"));
  ck_assert_ptr_nonnull(registry_find_plugin(registry, "acme"));
  ck_assert_uint_eq(registry_plugin_count(registry), 1);
  const struct registry_kernel *kernel = registry_kernels(registry, "acme.flash", &count);
  ck_assert_uint_eq(count, 1);
  ck_assert_str_eq(kernel->desc->name, "reference");
  ck_assert_ptr_null(registry_kernels(registry, "acme.flas", &count));
  ck_assert_str_eq(registry_op_names(registry, &count)[0], "acme.flash");
  const struct registry_refusal *refusal = registry_refusals(registry, &count);
  ck_assert_uint_eq(count, 1); /* the other directory's */
  ck_assert(refusal->shadowed);
  registry_close(registry);
  test_remove(dir);
  test_remove(other);
}
END_TEST

START_TEST(test_notes) {
  char *dir = test_dir();
  build(dir, "acme", "");
  struct file_bytes so = read_so(dir, "acme.so");
  tfm_plugin_note *note = note_in(&so), good = *note;
  test_write(dir, "other.so", so.data, so.size);
  char *path = file_join(dir, "acme.so");
  remove(path);
  check_refused(dir, "other", "another name");
  char *second = file_join(dir, "other.so");
  remove(second);

  note->abi_major = 2;
  test_write(dir, "acme.so", so.data, so.size);
  check_refused(dir, "acme", "expected: ABI major 1\nfound: ABI major 2\nhelp: build it against");
  *note = good;
  note->abi_minor = TFM_ABI_MINOR + 1;
  test_write(dir, "acme.so", so.data, so.size);
  check_refused(dir, "acme", "needs a newer tfm");
  *note = good;
  note->magic = 1;
  test_write(dir, "acme.so", so.data, so.size);
  check_refused(dir, "acme", "note is damaged");
  *note = good;
  memset(note->name, 'x', sizeof note->name);
  test_write(dir, "acme.so", so.data, so.size);
  check_refused(dir, "acme", "another name");
  *note = good;
  note->descsz = UINT32_MAX;
  test_write(dir, "acme.so", so.data, so.size);
  check_refused(dir, "acme", "no plugin note");
  free(second);
  free(path);
  file_bytes_finish(&so);
  test_remove(dir);
}
END_TEST

START_TEST(test_files) {
  char *dir = test_dir();
  build(dir, "acme", "");
  struct file_bytes so = read_so(dir, "acme.so");
  Elf64_Ehdr *elf = (Elf64_Ehdr *)(void *)so.data, good = *elf;
  elf->e_machine = EM_SPARCV9;
  test_write(dir, "acme.so", so.data, so.size);
  check_refused(dir, "acme", "another machine");
  *elf = good;
  elf->e_ident[EI_CLASS] = ELFCLASS32;
  test_write(dir, "acme.so", so.data, so.size);
  check_refused(dir, "acme", "another machine");
  *elf = good;
  elf->e_type = ET_REL;
  test_write(dir, "acme.so", so.data, so.size);
  check_refused(dir, "acme", "not a shared object");
  *elf = good;
  test_write(dir, "acme.so", so.data, 40);
  check_refused(dir, "acme", "not an ELF file");
  test_write(dir, "acme.so", "#!/bin/sh\n", 10);
  check_refused(dir, "acme", "not an ELF file");
  test_write(dir, "acme.so", "", 0);
  check_refused(dir, "acme", "not an ELF file");
  build(dir, "acme", "-DNO_NOTE");
  check_refused(dir, "acme", "no plugin note");
  build(dir, "acme", "-DBAD_INIT");
  check_refused(dir, "acme", "init: no licence for 0.1.0");
  build(dir, "acme", "-DMINOR=77");
  check_refused(dir, "acme", "ABI 1.77");
  file_bytes_finish(&so);
  test_remove(dir);

  dir = test_dir();
  char *path = file_join(dir, "acme.so");
  ck_assert_int_eq(mkdir(path, 0755), 0);
  check_refused(dir, "acme", "not a regular file");
  free(path);
  test_remove(dir);
}
END_TEST

/* Cut at every byte of what matters and flipped there: refused or read, and
 * nothing outside is touched. */
START_TEST(test_damage) {
  char *dir = test_dir();
  build(dir, "acme", "-s");
  struct file_bytes so = read_so(dir, "acme.so");
  unsigned char *copy = malloc(so.size);
  struct note_refusal why;
  tfm_plugin_note note;
  for (size_t size = 0; size < so.size; size += size < 2048 ? 1 : 101) {
    unsigned char *exact = malloc(size + 1); /* so that a sanitizer sees the end */
    memcpy(exact, so.data, size);
    note_check_bytes(exact, size, "acme", &note, &why);
    free(exact);
  }
  for (size_t at = 0; at < 2048 && at < so.size; at++)
    for (int value = 0; value < 256; value += 51) {
      memcpy(copy, so.data, so.size);
      copy[at] = (unsigned char)value;
      note_check_bytes(copy, so.size, "acme", &note, &why);
    }
  free(copy);
  ck_assert_int_eq(note_check_bytes((const unsigned char *)so.data, so.size, "acme", &note, &why),
                   0);
  ck_assert_str_eq(note.name, "acme");
  file_bytes_finish(&so);
  test_remove(dir);
}
END_TEST

START_TEST(test_trust) {
  char *dir = test_dir();
  build(dir, "acme", "");
  char *path = file_join(dir, "acme.so");
  chmod(path, 0777);
  check_refused(dir, "acme", "can be changed by everybody");
  chmod(path, 0755);
  chmod(dir, 0777);
  check_refused(dir, "acme", "chmod go-w");
  chmod(dir, 01777); /* sticky, as /tmp is */
  struct registry *registry = open_one(dir);
  ck_assert_ptr_nonnull(registry_find_op(registry, "acme.flash"));
  registry_close(registry);
  if (getuid() == 0 && chown(path, 12345, 12345) == 0)
    check_refused(dir, "acme", "belongs to another user");
  free(path);
  test_remove(dir);
}
END_TEST

/* -Ofast links code that sets flush-to-zero when it is loaded. */
START_TEST(test_fp_environment) {
  char *dir = test_dir();
  volatile float tiny = 1e-40f;
  build(dir, "acme", "-Ofast");
  struct registry *registry = open_one(dir);
  ck_assert_ptr_nonnull(registry_find_op(registry, "acme.flash"));
  volatile float same = tiny * 1.0f;
  ck_assert(same == tiny && same > 0);
  registry_close(registry);
  test_remove(dir);
}
END_TEST

/* ------------------------------------------------------------ descriptors */

struct grown_plugin {
  tfm_plugin_desc desc;
  uint64_t tail[2];
};

static void check_added(const tfm_plugin_desc *desc, const char *says) {
  struct registry *registry = open_one("/nonexistent");
  if (says)
    CHECK_FAILS(registry_add(registry, "it.so", desc, err), TFM_ERROR_PLUGIN, says);
  else
    CHECK_OK(registry_add(registry, "it.so", desc, err));
  registry_close(registry);
}

START_TEST(test_descriptors) {
  static struct grown_plugin grown;
  tfm_plugin_desc plugin = test_plugin;
  plugin.struct_size = 8;
  check_added(&plugin, "size that no version");
  grown.desc = test_plugin;
  grown.desc.struct_size = sizeof grown;
  check_added(&grown.desc, NULL); /* a tail of zeros */
  grown.tail[1] = 1;
  check_added(&grown.desc, "does not know");
  grown.desc.struct_size = sizeof grown.desc;
  check_added(&grown.desc, NULL);
  plugin = test_plugin;
  plugin.name = "Up";
  check_added(&plugin, "another name");
  plugin.name = NULL;
  check_added(&plugin, "another name");
  plugin = test_plugin;
  plugin.abi_minor = 5;
  check_added(&plugin, "newer tfm");
  plugin = test_plugin;
  plugin.op = NULL;
  check_added(&plugin, "not sound");
  plugin = test_plugin;
  tfm_op_desc op = test_op_add;
  tfm_kernel_desc kernel = test_k_add;
  plugin.op = (const tfm_op_desc *const[]){&op};
  plugin.kernel = (const tfm_kernel_desc *const[]){&kernel};
  plugin.op_count = plugin.kernel_count = 1;
  check_added(&plugin, NULL);
  op.schema = "opadd(x) -> x";
  check_added(&plugin, "no schema that begins");
  op.schema = "op 9(x) -> x";
  check_added(&plugin, "no schema that begins");
  op = test_op_add;
  op.version = 0;
  check_added(&plugin, "version 0");
  op.version = 1;
  kernel.run = NULL;
  check_added(&plugin, "incomplete");
  kernel = test_k_add;
  kernel.struct_size = 16;
  check_added(&plugin, "size that no version");
  plugin.op = (const tfm_op_desc *const[]){NULL};
  check_added(&plugin, "NULL");
}
END_TEST

START_TEST(test_two_meanings) {
  struct registry *registry = test_registry();
  tfm_plugin_desc plugin = {.struct_size = sizeof plugin, .name = "twin", .core = 1, .op_count = 1};
  tfm_op_desc op = test_op_add;
  plugin.op = (const tfm_op_desc *const[]){&op};
  CHECK_OK(registry_add(registry, "twin.so", &plugin, err)); /* says the same */
  op.schema = "op add(a: [...]) -> [...]";
  plugin.name = "third";
  CHECK_FAILS(registry_add(registry, "third.so", &plugin, err), TFM_ERROR_PLUGIN,
              "version 1, as in test.so\nfound: version 1, with another schema");
  plugin.core = 0; /* third.add is another op */
  CHECK_OK(registry_add(registry, "third.so", &plugin, err));
  ck_assert_ptr_nonnull(registry_find_op(registry, "third.add"));
  size_t count;
  const char *const *names = registry_op_names(registry, &count);
  for (size_t i = 1; i < count; i++)
    ck_assert_int_lt(strcmp(names[i - 1], names[i]), 0);
  registry_close(registry);
}
END_TEST

/* A role is of one op, of the package's. */
START_TEST(test_roles) {
  struct registry *registry = test_registry();
  tfm_op_desc op = {.struct_size = sizeof op, .version = 1, .role = TFM_ROLE_UNIT};
  tfm_plugin_desc plugin = {.struct_size = sizeof plugin, .name = "unit", .core = 1, .op_count = 1};
  plugin.op = (const tfm_op_desc *const[]){&op};
  op.schema = "op unit(x: [...]) -> [...]";
  CHECK_OK(registry_add(registry, "unit.so", &plugin, err));
  ck_assert_uint_eq(registry_role(registry, "unit"), TFM_ROLE_UNIT);
  ck_assert_uint_eq(registry_role(registry, "add"), TFM_ROLE_NONE);
  ck_assert_uint_eq(registry_role(registry, "units"), TFM_ROLE_NONE);
  plugin.name = "again";
  CHECK_OK(registry_add(registry, "again.so", &plugin, err)); /* the same op */
  op.schema = "op length_one(x: [...]) -> [...]";
  CHECK_FAILS(registry_add(registry, "again.so", &plugin, err), TFM_ERROR_PLUGIN,
              "expected: one op for role 11: `unit`, of unit.so");
  op.role = TFM_ROLE_SCALE;
  tfm_op_desc twin = op;
  twin.schema = "op twice(x: [...]) -> [...]";
  plugin.op = (const tfm_op_desc *const[]){&op, &twin};
  plugin.op_count = 2;
  CHECK_FAILS(registry_add(registry, "again.so", &plugin, err), TFM_ERROR_PLUGIN,
              "`twice` has a role that another op has");
  twin.role = TFM_ROLES;
  CHECK_FAILS(registry_add(registry, "again.so", &plugin, err), TFM_ERROR_PLUGIN,
              "`twice` has a role that this tfm does not know");
  twin.role = TFM_ROLE_NONE;
  plugin.core = 0;
  CHECK_FAILS(registry_add(registry, "again.so", &plugin, err), TFM_ERROR_PLUGIN,
              "`again.length_one` claims a role");
  op.role = TFM_ROLE_NONE;
  CHECK_OK(registry_add(registry, "again.so", &plugin, err));
  registry_close(registry);
}
END_TEST

START_TEST(test_dirs) {
  struct registry_dirs dirs;
  const char *first[] = {"given"};
  setenv("TFM_PLUGIN_PATH", "/a:relative::/b", 1);
  setenv("XDG_DATA_HOME", "/data", 1);
  CHECK_OK(registry_default_dirs(first, 1, &dirs, err));
  ck_assert_uint_eq(dirs.count, 5);
  ck_assert_str_eq(dirs.path[0], "given");
  ck_assert_str_eq(dirs.path[1], "/a");
  ck_assert_str_eq(dirs.path[2], "/b");
  ck_assert_str_eq(dirs.path[3], "/data/tfm/plugins");
  ck_assert_int_eq(dirs.path[4][0], '/');
  registry_dirs_finish(&dirs);
  unsetenv("TFM_PLUGIN_PATH");
  unsetenv("XDG_DATA_HOME");
  setenv("HOME", "/home/me", 1);
  CHECK_OK(registry_default_dirs(NULL, 0, &dirs, err));
  ck_assert_uint_eq(dirs.count, 2);
  ck_assert_str_eq(dirs.path[0], "/home/me/.local/share/tfm/plugins");
  registry_dirs_finish(&dirs);

  struct registry *registry = open_one("/nonexistent");
  struct tfm_error err = {0};
  error_set(&err, TFM_ERROR_PLUGIN, "unknown op");
  registry_note_missing(registry, "layer_norm", &err);
  ck_assert_str_eq(err.notes, "searched: /nonexistent");
  registry_close(registry);
}
END_TEST

/* The package's own plugins, where they are built. */
START_TEST(test_package) {
  const char *dir = getenv("TFM_PLUGIN_DIR");
  size_t count;
  if (!dir)
    return;
  struct registry *registry = open_one(dir);
  const struct registry_refusal *refusal = registry_refusals(registry, &count);
  ck_assert_msg(count == 0, "%s: %s", refusal->file, refusal->reason);
  static const char *const ops[] = {"attention", "embedding", "ffn", "layer_norm", "linear"};
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
    ck_assert_msg(registry_find_op(registry, ops[i]) != NULL, "%s in %s", ops[i], dir);
  const char *const *names = registry_op_names(registry, &count);
  for (size_t i = 0; i < count; i++) {
    size_t kernels;
    const struct registry_kernel *kernel = registry_kernels(registry, names[i], &kernels);
    bool reference = false;
    for (size_t k = 0; k < kernels; k++)
      reference = reference || (kernel[k].desc->flags & TFM_KERNEL_REFERENCE);
    ck_assert_msg(reference, "%s has no reference kernel", names[i]);
  }
  /* Each role is there: what needs one would else be refused, or go unsaid. */
  bool role[TFM_ROLES] = {true};
  for (size_t i = 0; i < count; i++)
    role[registry_role(registry, names[i])] = true;
  for (unsigned i = 0; i < TFM_ROLES; i++)
    ck_assert_msg(role[i], "no op has role %u", i);
  registry_close(registry);
}
END_TEST

/* Cut anywhere, it is refused before the loader sees it, which would end the process. */
START_TEST(test_cut) {
  char *dir = test_dir();
  build(dir, "acme", "");
  struct file_bytes so = read_so(dir, "acme.so");
  for (size_t size = 0; size < so.size; size += size < 1024 ? 16 : 509) {
    test_write(dir, "acme.so", so.data, size);
    check_refused(dir, "acme", size < 64 ? "not an ELF file" : "cut off, or damaged");
  }
  test_write(dir, "acme.so", so.data, so.size - 1);
  check_refused(dir, "acme", "cut off, or damaged");
  file_bytes_finish(&so);
  test_remove(dir);
}
END_TEST

/* Every number of the headers and of the dynamic section, changed: what is not refused is
 * loaded, and nothing dies of it. */
START_TEST(test_wrong_tables) {
  char *dir = test_dir();
  build(dir, "acme", "-s");
  struct file_bytes so = read_so(dir, "acme.so");
  Elf64_Ehdr elf;
  unsigned refused = 0, tried = 0;
  memcpy(&elf, so.data, sizeof elf);
  for (unsigned i = 0; i < elf.e_phnum; i++) {
    Elf64_Phdr s;
    memcpy(&s, so.data + elf.e_phoff + i * sizeof s, sizeof s);
    for (size_t at = 0; s.p_type == PT_DYNAMIC && at < s.p_filesz; at += sizeof(Elf64_Dyn)) {
      char *value = so.data + s.p_offset + at + 8, keep[8];
      int64_t tag;
      tfm_plugin_note note;
      struct note_refusal why;
      memcpy(&tag, value - 8, sizeof tag);
      if (tag != DT_STRTAB && tag != DT_SYMTAB && tag != DT_RELA && tag != DT_STRSZ &&
          tag != DT_RELASZ && tag != DT_GNU_HASH && tag != DT_INIT_ARRAY)
        continue;
      memcpy(keep, value, sizeof keep);
      memset(value, 0x7f, sizeof keep);
      refused +=
          note_check_bytes((const unsigned char *)so.data, so.size, "acme", &note, &why) != 0;
      tried++;
      memcpy(value, keep, sizeof keep);
    }
  }
  ck_assert_uint_ge(tried, 5);
  ck_assert_uint_eq(refused, tried);
  file_bytes_finish(&so);
  test_remove(dir);
}
END_TEST

/* The loader would take a library from wherever the program was started. */
START_TEST(test_relative) {
  char *dir = test_dir();
  build(dir, "acme", "-Wl,-rpath,lib");
  check_refused(dir, "acme", "in the current directory: `lib`");
  build(dir, "acme", "-Wl,-rpath,/usr/lib:");
  check_refused(dir, "acme", "in the current directory: `/usr/lib:`");
  build(dir, "acme", "-Wl,--disable-new-dtags,-rpath,/a:.");
  check_refused(dir, "acme", "in the current directory: `/a:.`");
  build(dir, "other", "-DNAME='\"other\"' -Wl,-soname,sub/libother.so");
  struct buffer flags;
  buffer_init(&flags);
  buffer_printf(&flags, "-Wl,--no-as-needed '%s/other.so'", dir);
  char *other = test_dir();
  build(other, "acme", flags.data);
  check_refused(other, "acme", "in the current directory: `sub/libother.so`");
  build(other, "acme", "-Wl,-rpath,/usr/lib:'$ORIGIN'/lib");
  struct registry *registry = open_one(other);
  ck_assert_ptr_nonnull(registry_find_op(registry, "acme.flash"));
  registry_close(registry);
  buffer_finish(&flags);
  test_remove(dir);
  test_remove(other);
}
END_TEST

START_TEST(test_refused_hides_nothing) {
  char *dir = test_dir(), *other = test_dir();
  const char *dirs[] = {dir, other};
  struct registry *registry;
  size_t count;
  test_write(dir, "acme.so", "#!/bin/sh\n", 10);
  build(other, "acme", "");
  CHECK_OK(registry_open(dirs, 2, NULL, NULL, &registry, err));
  ck_assert_ptr_nonnull(registry_find_op(registry, "acme.flash"));
  const struct registry_refusal *refusal = registry_refusals(registry, &count);
  ck_assert_uint_eq(count, 1);
  ck_assert(!refusal->shadowed);
  registry_close(registry);
  test_remove(dir);
  test_remove(other);
}
END_TEST

/* What a registry says, one text after another. */
static void keep_log(void *arg, int level, const char *text) {
  buffer_printf(arg, "%d %s\n", level, text);
}

/* A bare name, and the names of the package's plugins, are the package's. */
START_TEST(test_package_first) {
  char *dir = test_dir();
  const char *dirs[] = {dir, getenv("TFM_PLUGIN_DIR")};
  struct registry *registry;
  struct buffer said;
  if (!dirs[1])
    return;
  buffer_init(&said);
  build(dir, "norm", "-DNAME='\"norm\"'");
  build(dir, "acme", "-DCORE=1");
  CHECK_OK(registry_open(dirs, 2, keep_log, &said, &registry, err));
  ck_assert_ptr_nonnull(registry_find_op(registry, "layer_norm"));
  ck_assert_ptr_null(registry_find_op(registry, "norm.flash"));
  ck_assert_ptr_null(registry_find_op(registry, "flash"));
  ck_assert_msg(strstr(buffer_text(&said), "norm.so is not used: ") != NULL, "%s", said.data);
  size_t count, core = 0;
  const struct registry_refusal *refusal = registry_refusals(registry, &count);
  for (size_t i = 0; i < count; i++)
    core += strstr(refusal[i].reason, "claims bare names") != NULL;
  ck_assert_uint_eq(core, 1);
  registry_close(registry);
  buffer_finish(&said);
  test_remove(dir);
}
END_TEST

/* Once a process, and its words go to whoever opens. */
START_TEST(test_init_once) {
  char *dir = test_dir();
  const char *dirs[] = {dir};
  struct buffer said;
  buffer_init(&said);
  build(dir, "acme", "");
  for (int i = 0; i < 3; i++) {
    struct registry *registry;
    CHECK_OK(registry_open(dirs, 1, keep_log, &said, &registry, err));
    ck_assert_ptr_nonnull(registry_find_op(registry, "acme.flash"));
    registry_close(registry);
  }
  ck_assert_str_eq(said.data, "1 acme begins\n");
  buffer_finish(&said);
  test_remove(dir);
}
END_TEST

/* ---- a file whose tables do not fit ---- */

static Elf64_Phdr *segment_of(struct file_bytes *so, uint32_t type) {
  Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)so->data;
  Elf64_Phdr *segment = (Elf64_Phdr *)(void *)(so->data + header->e_phoff);
  for (unsigned i = 0; i < header->e_phnum; i++)
    if (segment[i].p_type == type)
      return &segment[i];
  ck_abort_msg("no segment of type %u", type);
  return NULL;
}

/* In the file, as the sections say. */
static Elf64_Dyn *dynamic_of(struct file_bytes *so, int64_t tag) {
  Elf64_Dyn *entry = (Elf64_Dyn *)(void *)(so->data + segment_of(so, PT_DYNAMIC)->p_offset);
  while (entry->d_tag != tag) {
    ck_assert_int_ne(entry->d_tag, DT_NULL);
    entry++;
  }
  return entry;
}

static void no_headers(struct file_bytes *so) {
  ((Elf64_Ehdr *)(void *)so->data)->e_phnum = 0;
}
static void far_segments(struct file_bytes *so) {
  ((Elf64_Ehdr *)(void *)so->data)->e_phoff = so->size - 8;
}
static void far_sections(struct file_bytes *so) {
  ((Elf64_Ehdr *)(void *)so->data)->e_shoff = so->size - 8;
}
static void no_memory(struct file_bytes *so) {
  segment_of(so, PT_LOAD)->p_memsz = 0;
}
static void no_load(struct file_bytes *so) {
  Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)so->data;
  Elf64_Phdr *segment = (Elf64_Phdr *)(void *)(so->data + header->e_phoff);
  for (unsigned i = 0; i < header->e_phnum; i++)
    if (segment[i].p_type == PT_LOAD)
      segment[i].p_type = PT_NULL;
}
static void no_dynamic(struct file_bytes *so) {
  segment_of(so, PT_DYNAMIC)->p_type = PT_NULL;
}
static void far_dynamic(struct file_bytes *so) {
  segment_of(so, PT_DYNAMIC)->p_vaddr = UINT64_C(1) << 40;
}
static void endless_dynamic(struct file_bytes *so) {
  segment_of(so, PT_DYNAMIC)->p_filesz = 2 * sizeof(Elf64_Dyn);
}
static void no_size(struct file_bytes *so) {
  dynamic_of(so, DT_STRSZ)->d_tag = DT_DEBUG;
}
static void far_table(struct file_bytes *so) {
  dynamic_of(so, DT_SYMTAB)->d_un.d_ptr = UINT64_C(1) << 40;
}
static void far_name(struct file_bytes *so) {
  dynamic_of(so, DT_INIT)->d_tag = DT_NEEDED; /* an address is no place in a table of names */
  dynamic_of(so, DT_NEEDED)->d_un.d_val = UINT64_C(1) << 40;
}

/* The first segment that is loaded with these permissions. */
static Elf64_Phdr *load_of(struct file_bytes *so, uint32_t flags) {
  Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)so->data;
  Elf64_Phdr *segment = (Elf64_Phdr *)(void *)(so->data + header->e_phoff);
  for (unsigned i = 0; i < header->e_phnum; i++)
    if (segment[i].p_type == PT_LOAD && (segment[i].p_flags & flags) == flags)
      return &segment[i];
  ck_abort_msg("no segment with flags %u", flags);
  return NULL;
}
/* What is loaded to the address that a tag names; the tables are where they are in the file. */
static void *table_of(struct file_bytes *so, int64_t tag) {
  return so->data + dynamic_of(so, tag)->d_un.d_ptr;
}
static Elf64_Rela *relocation_of(struct file_bytes *so, uint32_t type) {
  Elf64_Rela *one = table_of(so, DT_RELA);
  while (ELF64_R_TYPE(one->r_info) != type)
    one++;
  return one;
}
static void over_segment(struct file_bytes *so) {
  load_of(so, PF_R | PF_W)->p_vaddr = load_of(so, PF_R | PF_X)->p_vaddr;
}
static void no_read(struct file_bytes *so) {
  load_of(so, PF_R | PF_X)->p_flags = PF_X;
}
static void far_notes(struct file_bytes *so) {
  segment_of(so, PT_NOTE)->p_vaddr = UINT64_C(1) << 40;
}
static void large_threads(struct file_bytes *so) {
  *segment_of(so, PT_GNU_STACK) =
      (Elf64_Phdr){.p_type = PT_TLS, .p_memsz = UINT64_C(1) << 40, .p_align = 8};
}
static void far_protected(struct file_bytes *so) {
  segment_of(so, PT_GNU_RELRO)->p_memsz = UINT64_C(1) << 30;
}
static void two_dynamics(struct file_bytes *so) {
  *segment_of(so, PT_GNU_STACK) = *segment_of(so, PT_DYNAMIC);
}
static void fixed_dynamic(struct file_bytes *so) {
  load_of(so, PF_R | PF_W)->p_flags = PF_R;
  segment_of(so, PT_GNU_RELRO)->p_type = PT_NULL;
}
static void no_table(struct file_bytes *so) {
  dynamic_of(so, DT_INIT_ARRAY)->d_tag = DT_DEBUG;
}
static void half_table(struct file_bytes *so) {
  dynamic_of(so, DT_RELAENT)->d_tag = DT_DEBUG;
}
static void other_entries(struct file_bytes *so) {
  dynamic_of(so, DT_RELAENT)->d_un.d_val = 16;
}
static void no_hash(struct file_bytes *so) {
  dynamic_of(so, DT_GNU_HASH)->d_tag = DT_DEBUG;
}
static void no_buckets(struct file_bytes *so) {
  memset(table_of(so, DT_GNU_HASH), 0, 4);
}
static void odd_filter(struct file_bytes *so) {
  memset((char *)table_of(so, DT_GNU_HASH) + 8, 3, 1);
}
static void endless_chain(struct file_bytes *so) {
  uint32_t *hash = table_of(so, DT_GNU_HASH);
  size_t chains = 4 + 2 * hash[2] + hash[0];
  const char *end = so->data + load_of(so, PF_R)->p_filesz;
  for (uint32_t *word = hash + chains; (char *)(word + 1) <= end; word++)
    *word &= ~1u;
}
static void empty_hash(struct file_bytes *so) {
  uint32_t *hash = table_of(so, DT_GNU_HASH);
  memset(hash + 4 + 2 * hash[2], 0, 4 * hash[0]);
}
static void far_symbol_name(struct file_bytes *so) {
  ((Elf64_Sym *)table_of(so, DT_SYMTAB))[1].st_name = 1 << 20;
}
/* tfm_plugin_v1, which is the last */
static void not_code(struct file_bytes *so) {
  uint32_t *hash = table_of(so, DT_GNU_HASH);
  ((Elf64_Sym *)table_of(so, DT_SYMTAB))[hash[1]].st_value = 8;
}
static void far_version(struct file_bytes *so) {
  ((Elf64_Verneed *)table_of(so, DT_VERNEED))->vn_aux = 1 << 30;
}
static void unneeded_version(struct file_bytes *so) {
  ((Elf64_Verneed *)table_of(so, DT_VERNEED))->vn_file = 0;
}
static void round_versions(struct file_bytes *so) {
  Elf64_Verneed *need = table_of(so, DT_VERNEED);
  ((Elf64_Vernaux *)(void *)((char *)need + need->vn_aux))->vna_next = 1u << 31;
}
static void no_such_version(struct file_bytes *so) {
  ((uint16_t *)table_of(so, DT_VERSYM))[1] = 77;
}
static void no_versions(struct file_bytes *so) {
  dynamic_of(so, DT_VERSYM)->d_tag = DT_DEBUG;
}
static void unnamed_versions(struct file_bytes *so) {
  dynamic_of(so, DT_VERNEED)->d_tag = DT_DEBUG;
  dynamic_of(so, DT_VERNEEDNUM)->d_tag = DT_DEBUG;
}
static void far_write(struct file_bytes *so) {
  ((Elf64_Rela *)table_of(so, DT_RELA))->r_offset = 0;
}
static void far_pointer(struct file_bytes *so) {
  relocation_of(so, ELF64_R_TYPE(((Elf64_Rela *)table_of(so, DT_RELA))->r_info))->r_addend =
      INT64_C(1) << 40;
}
static void no_such_symbol(struct file_bytes *so) {
  Elf64_Rela *one = table_of(so, DT_RELA);
  one->r_info |= UINT64_C(9999) << 32;
}
static void twice(struct file_bytes *so) {
  Elf64_Rela *one = table_of(so, DT_RELA);
  one[1].r_offset = one[0].r_offset;
}
static void half_relocation(struct file_bytes *so) {
  dynamic_of(so, DT_RELASZ)->d_un.d_val -= 8;
}
static void many_relative(struct file_bytes *so) {
  dynamic_of(so, DT_RELACOUNT)->d_un.d_val = 1 << 20;
}
static void data_called(struct file_bytes *so) {
  dynamic_of(so, DT_FINI)->d_un.d_ptr = 0;
}
static void data_called_first(struct file_bytes *so) {
  Elf64_Rela *one = table_of(so, DT_RELA);
  while (one->r_offset != dynamic_of(so, DT_INIT_ARRAY)->d_un.d_ptr)
    one++;
  one->r_addend = 0;
}
#if defined(__x86_64__)
static void odd_kind(struct file_bytes *so) {
  Elf64_Rela *one = relocation_of(so, R_X86_64_GLOB_DAT);
  one->r_info = ELF64_R_INFO(ELF64_R_SYM(one->r_info), R_X86_64_COPY);
}
static void not_named(struct file_bytes *so) {
  Elf64_Rela *one = relocation_of(so, R_X86_64_GLOB_DAT);
  one->r_info = R_X86_64_GLOB_DAT;
}
static void data_asked(struct file_bytes *so) {
  Elf64_Rela *one = relocation_of(so, R_X86_64_GLOB_DAT);
  one->r_info = R_X86_64_IRELATIVE;
}
static void no_threads(struct file_bytes *so) {
  Elf64_Rela *one = relocation_of(so, R_X86_64_GLOB_DAT);
  one->r_info = R_X86_64_TPOFF64;
}
#endif

START_TEST(test_damaged_tables) {
  static const struct {
    void (*damage)(struct file_bytes *so);
    const char *says;
  } row[] = {
    {no_headers, "it has no program headers"},
    {far_segments, "the table of its segments ends beyond the file"},
    {far_sections, "the table of its sections ends beyond the file"},
    {no_memory, "a segment has no sound size"},
    {no_load, "it has nothing to load"},
    {no_dynamic, "it has no dynamic section"},
    {far_dynamic, "its dynamic section is not loaded"},
    {endless_dynamic, "its dynamic section has no end"},
    {no_size, "a table of its dynamic section has no size"},
    {far_table, "a table of its dynamic section lies outside of what is loaded"},
    {far_name, "a name in its dynamic section lies outside of it"},
    {over_segment, "a segment lies over the one before"},
    {no_read, "a segment cannot be read"},
    {far_notes, "a segment that the loader reads is not loaded"},
    {large_threads, "what each thread has of it has no sound size"},
    {far_protected, "what is to be made read-only is not a part of its data"},
    {two_dynamics, "it has two dynamic sections"},
    {fixed_dynamic, "its dynamic section cannot be written to"},
    {no_table, "a size in its dynamic section is of no table"},
    {half_table, "its dynamic section says a table by halves"},
    {other_entries, "the entries of a table have another size or kind"},
    {no_hash, "it has no symbols"},
    {no_buckets, "its hash table is not sound"},
    {odd_filter, "its hash table is not sound"},
    {endless_chain, "its hash table is not sound"},
    {empty_hash, "it exports nothing"},
    {far_symbol_name, "a symbol's name lies outside of its names"},
    {not_code, "a symbol lies outside of what it is a part of"},
    {far_version, "its table of needed versions is not sound"},
    {unneeded_version, "its table of needed versions is not sound"},
    {round_versions, "its table of needed versions is not sound"},
    {no_such_version, "a symbol's version is none of its versions"},
    {no_versions, "its symbols have no versions"},
    {unnamed_versions, "its symbols have versions that it does not name"},
    {far_write, "a relocation writes outside of its data"},
    {far_pointer, "a relocation points out of it"},
    {no_such_symbol, "a relocation's symbol is none of its symbols"},
    {twice, "two relocations write to one place"},
    {half_relocation, "its relocations end in the middle of one"},
    {many_relative, "it counts more relocations by itself than there are"},
    {data_called, "what is called when it is loaded is no code"},
    {data_called_first, "what is called when it is loaded is no code"},
#if defined(__x86_64__)
    {odd_kind, "a relocation of a kind that no plugin has"},
    {not_named, "a relocation by a symbol has none, or one without has one"},
    {data_asked, "a relocation calls what is no code"},
    {no_threads, "a relocation is of what each thread has of it, which is nothing"},
#endif
  };
  char *dir = test_dir();
  build(dir, "acme", "-Wl,--no-as-needed"); /* the C library: versions */
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct file_bytes so = read_so(dir, "acme.so");
    struct note_refusal why = {0};
    tfm_plugin_note note;
    row[i].damage(&so);
    int status = note_check_bytes((const unsigned char *)so.data, so.size, "acme", &note, &why);
    ck_assert_msg(status == -1 && strstr(why.reason, row[i].says), "%d: %s, not %s", status,
                  why.reason, row[i].says);
    free(so.data);
  }
  test_remove(dir);
}
END_TEST

UNIT_MAIN("registry", test_good, test_notes, test_files, test_damage, test_trust,
          test_fp_environment, test_descriptors, test_two_meanings, test_roles, test_dirs,
          test_package, test_cut, test_wrong_tables, test_relative, test_refused_hides_nothing,
          test_package_first, test_init_once, test_damaged_tables)
