#include "runtime/elf.h"

#include "tfm/plugin.h"

#include <elf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#define MACHINE      EM_X86_64
#define MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define MACHINE      EM_AARCH64
#define MACHINE_NAME "aarch64"
#elif defined(__riscv)
#define MACHINE      EM_RISCV
#define MACHINE_NAME "riscv"
#elif defined(__powerpc64__)
#define MACHINE      EM_PPC64
#define MACHINE_NAME "ppc64"
#elif defined(__s390x__)
#define MACHINE      EM_S390
#define MACHINE_NAME "s390x"
#elif defined(__loongarch64)
#define MACHINE      258
#define MACHINE_NAME "loongarch"
#else
#error "which ELF machine is this?"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_MARK ELFDATA2LSB
#else
#define BYTE_ORDER_MARK ELFDATA2MSB
#endif

#define SAY(field, ...) snprintf(why->field, sizeof why->field, __VA_ARGS__)

struct object {
  const unsigned char *data;
  size_t size;
  Elf64_Ehdr header;
};

static int check_header(const struct object *o, struct note_refusal *why) {
  if (o->size < sizeof o->header || memcmp(o->data, ELFMAG, SELFMAG) != 0) {
    SAY(reason, "it is not an ELF file");
    SAY(help, "build it as a shared object (cc -shared -fPIC)");
    return -1;
  }
  if (o->data[EI_CLASS] != ELFCLASS64 || o->data[EI_DATA] != BYTE_ORDER_MARK ||
      o->header.e_machine != MACHINE) {
    SAY(reason, "it is built for another machine");
    SAY(expected, "64-bit ELF for " MACHINE_NAME);
    SAY(found, "ELF class %u, byte order %u, machine %u", o->data[EI_CLASS], o->data[EI_DATA],
        o->header.e_machine);
    SAY(help, "build it on this kind of machine");
    return -1;
  }
  if (o->header.e_type != ET_DYN) {
    SAY(reason, "it is not a shared object");
    SAY(help, "build it with cc -shared -fPIC");
    return -1;
  }
  return 0;
}

/* [at, at + bytes) of the file, which what is. */
static int check_inside(const struct object *o, uint64_t at, uint64_t bytes, const char *what,
                        struct note_refusal *why) {
  if (at <= o->size && bytes <= o->size - at)
    return 0;
  SAY(reason, "it is cut off, or damaged: %s ends beyond the file", what);
  SAY(expected, "%" PRIu64 " bytes from byte %" PRIu64 " on", bytes, at);
  SAY(found, "a file of %zu bytes", o->size);
  SAY(help, "build or copy it again");
  return -1;
}

static int damaged(const char *what, struct note_refusal *why) {
  SAY(reason, "it is damaged: %s", what);
  SAY(help, "build or copy it again");
  return -1;
}

static Elf64_Phdr segment_at(const struct object *o, unsigned i) {
  Elf64_Phdr segment;
  memcpy(&segment, o->data + o->header.e_phoff + (uint64_t)i * sizeof segment, sizeof segment);
  return segment;
}

static int check_segments(const struct object *o, struct note_refusal *why) {
  const Elf64_Ehdr *h = &o->header;
  bool loads = false;
  if (h->e_phnum == 0 || h->e_phentsize != sizeof(Elf64_Phdr))
    return damaged("it has no program headers", why);
  if (check_inside(o, h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr),
                   "the table of its segments", why) != 0)
    return -1;
  for (unsigned i = 0; i < h->e_phnum; i++) {
    Elf64_Phdr s = segment_at(o, i);
    if (s.p_type == PT_NULL || s.p_type == PT_GNU_STACK)
      continue;
    if (check_inside(o, s.p_offset, s.p_filesz, "a segment", why) != 0)
      return -1;
    if (s.p_type == PT_LOAD && (s.p_filesz > s.p_memsz || s.p_vaddr > UINT64_MAX - s.p_memsz))
      return damaged("a segment has no sound size", why);
    loads = loads || s.p_type == PT_LOAD;
  }
  if (!loads)
    return damaged("it has nothing to load", why);
  /* No loader reads the sections; but they come last, so they show a file that was cut. */
  return h->e_shoff ? check_inside(o, h->e_shoff, (uint64_t)h->e_shnum * h->e_shentsize,
                                   "the table of its sections", why)
                    : 0;
}

/* The bytes of the file that are loaded to an address, and how many follow there; NULL =
 * nothing of the file is. */
static const unsigned char *loaded(const struct object *o, uint64_t address, uint64_t *left) {
  for (unsigned i = 0; i < o->header.e_phnum; i++) {
    Elf64_Phdr s = segment_at(o, i);
    if (s.p_type != PT_LOAD || address < s.p_vaddr || address - s.p_vaddr >= s.p_filesz)
      continue;
    *left = s.p_filesz - (address - s.p_vaddr);
    return o->data + s.p_offset + (address - s.p_vaddr);
  }
  return NULL;
}

/* What the dynamic section says, by tag. */
struct dynamic {
  const unsigned char *entry;
  size_t count;
};

static Elf64_Dyn dynamic_at(const struct dynamic *d, size_t i) {
  Elf64_Dyn entry;
  memcpy(&entry, d->entry + i * sizeof entry, sizeof entry);
  return entry;
}

static bool dynamic_find(const struct dynamic *d, int64_t tag, uint64_t *value) {
  for (size_t i = 0; i < d->count; i++)
    if (dynamic_at(d, i).d_tag == tag) {
      *value = dynamic_at(d, i).d_un.d_val;
      return true;
    }
  return false;
}

static int find_dynamic(const struct object *o, struct dynamic *out, struct note_refusal *why) {
  for (unsigned i = 0; i < o->header.e_phnum; i++) {
    Elf64_Phdr s = segment_at(o, i);
    uint64_t left;
    if (s.p_type != PT_DYNAMIC)
      continue;
    out->entry = loaded(o, s.p_vaddr, &left); /* where the loader reads it */
    if (!out->entry || left < s.p_filesz)
      return damaged("its dynamic section is not loaded", why);
    for (out->count = 0; (out->count + 1) * sizeof(Elf64_Dyn) <= s.p_filesz; out->count++)
      if (dynamic_at(out, out->count).d_tag == DT_NULL)
        return 0;
    return damaged("its dynamic section has no end", why);
  }
  return damaged("it has no dynamic section", why);
}

/* Tables that the loader reads, and where their sizes stand; size 0 = it has none of its own. */
static const struct {
  int64_t tag, size;
} tables[] = {{DT_STRTAB, DT_STRSZ},
              {DT_SYMTAB, 0},
              {DT_HASH, 0},
              {DT_GNU_HASH, 0},
              {DT_RELA, DT_RELASZ},
              {DT_REL, DT_RELSZ},
              {DT_JMPREL, DT_PLTRELSZ},
              {DT_INIT_ARRAY, DT_INIT_ARRAYSZ},
              {DT_FINI_ARRAY, DT_FINI_ARRAYSZ},
              {DT_INIT, 0},
              {DT_FINI, 0},
              {DT_VERSYM, 0},
              {DT_VERNEED, 0},
              {DT_VERDEF, 0}};

static int check_tables(const struct object *o, const struct dynamic *d, struct note_refusal *why) {
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    uint64_t address, bytes = 1, left;
    if (!dynamic_find(d, tables[i].tag, &address))
      continue;
    if (tables[i].size && !dynamic_find(d, tables[i].size, &bytes))
      return damaged("a table of its dynamic section has no size", why);
    if (bytes > 0 && (!loaded(o, address, &left) || left < bytes))
      return damaged("a table of its dynamic section lies outside of what is loaded", why);
  }
  return 0;
}

/* "/a:$ORIGIN/b"; an entry that is empty is the current directory. */
static bool is_absolute_path(const char *text, size_t length) {
  for (size_t at = 0; at <= length;) {
    size_t part = 0;
    while (at + part < length && text[at + part] != ':')
      part++;
    bool origin = (part >= 7 && memcmp(text + at, "$ORIGIN", 7) == 0) ||
                  (part >= 9 && memcmp(text + at, "${ORIGIN}", 9) == 0);
    if (!origin && (part == 0 || text[at] != '/'))
      return false;
    at += part + 1;
  }
  return true;
}

/* A text of the string table, its length without the NUL. */
static const char *string_at(const struct object *o, const struct dynamic *d, uint64_t at,
                             size_t *length) {
  uint64_t address, left;
  if (!dynamic_find(d, DT_STRTAB, &address) || address > UINT64_MAX - at)
    return NULL;
  const unsigned char *text = loaded(o, address + at, &left);
  const unsigned char *end = text ? memchr(text, '\0', left) : NULL;
  *length = end ? (size_t)(end - text) : 0;
  return end ? (const char *)text : NULL;
}

static int check_names(const struct object *o, const struct dynamic *d, struct note_refusal *why) {
  for (size_t i = 0; i < d->count; i++) {
    Elf64_Dyn entry = dynamic_at(d, i);
    bool path = entry.d_tag == DT_RPATH || entry.d_tag == DT_RUNPATH;
    bool library =
        entry.d_tag == DT_NEEDED || entry.d_tag == DT_AUXILIARY || entry.d_tag == DT_FILTER;
    size_t length;
    if (!path && !library)
      continue;
    const char *text = string_at(o, d, entry.d_un.d_val, &length);
    if (!text)
      return damaged("a name in its dynamic section lies outside of it", why);
    if (path ? is_absolute_path(text, length)
             : !memchr(text, '/', length) || is_absolute_path(text, length))
      continue;
    SAY(reason, "the loader would look for %s in the current directory: `%.300s`",
        path ? "its libraries" : "a library", text);
    SAY(expected, "%s",
        path ? "directories that begin with / or $ORIGIN"
             : "a library's bare name, or a path that begins with /");
    SAY(help, "link it with %s", path ? "-Wl,-rpath and a whole path" : "-lNAME");
    return -1;
  }
  return 0;
}

int elf_check(const unsigned char *data, size_t size, struct note_refusal *why) {
  struct object object = {.data = data, .size = size};
  struct dynamic dynamic;
  if (size >= sizeof object.header)
    memcpy(&object.header, data, sizeof object.header);
  if (check_header(&object, why) != 0 || check_segments(&object, why) != 0 ||
      find_dynamic(&object, &dynamic, why) != 0 || check_tables(&object, &dynamic, why) != 0)
    return -1;
  return check_names(&object, &dynamic, why);
}
