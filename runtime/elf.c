#include "runtime/elf.h"

#include "runtime/elf_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static int check_header(const struct elf *o, struct note_refusal *why) {
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
static int check_inside(const struct elf *o, uint64_t at, uint64_t bytes, const char *what,
                        struct note_refusal *why) {
  if (at <= o->size && bytes <= o->size - at)
    return 0;
  SAY(reason, "it is cut off, or damaged: %s ends beyond the file", what);
  SAY(expected, "%" PRIu64 " bytes from byte %" PRIu64 " on", bytes, at);
  SAY(found, "a file of %zu bytes", o->size);
  SAY(help, "build or copy it again");
  return -1;
}

int elf_damaged(const char *what, struct note_refusal *why) {
  SAY(reason, "it is damaged: %s", what);
  SAY(help, "build or copy it again");
  return -1;
}

Elf64_Phdr elf_segment(const struct elf *o, unsigned i) {
  Elf64_Phdr segment;
  memcpy(&segment, o->data + o->header.e_phoff + (uint64_t)i * sizeof segment, sizeof segment);
  return segment;
}

/* Segments follow each other, no two on one page: the loader maps each over what is there. */
static int check_load(const Elf64_Phdr *s, uint64_t *end, struct note_refusal *why) {
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  if (s->p_filesz > s->p_memsz || s->p_vaddr > UINT64_MAX / 2 || s->p_memsz > UINT64_MAX / 2)
    return elf_damaged("a segment has no sound size", why);
  if ((s->p_flags & PF_R) == 0)
    return elf_damaged("a segment cannot be read", why);
  if ((s->p_vaddr & ~(page - 1)) < *end)
    return elf_damaged("a segment lies over the one before", why);
  *end = (s->p_vaddr + s->p_memsz + page - 1) & ~(page - 1);
  return 0;
}

/* Within what may be written to; some linkers say where the last page ends. */
static bool is_of_data(const struct elf *o, const Elf64_Phdr *part) {
  for (unsigned i = 0; i < o->header.e_phnum; i++) {
    Elf64_Phdr s = elf_segment(o, i);
    uint64_t spare = s.p_align > 1 && s.p_align <= 1 << 21 ? s.p_align - 1 : 0;
    if (s.p_type == PT_LOAD && (s.p_flags & PF_W) && part->p_vaddr >= s.p_vaddr &&
        part->p_vaddr - s.p_vaddr <= s.p_memsz &&
        part->p_memsz <= s.p_memsz - (part->p_vaddr - s.p_vaddr) + spare)
      return true;
  }
  return false;
}

/* What the loader reads or protects by a segment's address. */
static int check_other(const struct elf *o, const Elf64_Phdr *s, struct note_refusal *why) {
  enum { TLS_MAX = 1 << 20 }; /* of each thread */
  uint64_t left;
  bool there = s->p_filesz == 0 || (elf_loaded(o, s->p_vaddr, &left) && left >= s->p_filesz);
  switch (s->p_type) {
  case PT_PHDR:
  case PT_NOTE:
  case PT_GNU_PROPERTY:
    return there && s->p_memsz <= s->p_filesz
               ? 0
               : elf_damaged("a segment that the loader reads is not loaded", why);
  case PT_TLS:
    return there && s->p_filesz <= s->p_memsz && s->p_memsz <= TLS_MAX && s->p_align <= TLS_MAX &&
                   (s->p_align & (s->p_align - 1)) == 0
               ? 0
               : elf_damaged("what each thread has of it has no sound size", why);
  case PT_GNU_RELRO:
    return is_of_data(o, s)
               ? 0
               : elf_damaged("what is to be made read-only is not a part of its data", why);
  default:
    return 0;
  }
}

static int check_segments(const struct elf *o, struct note_refusal *why) {
  const Elf64_Ehdr *h = &o->header;
  uint64_t end = 0;
  if (h->e_phnum == 0 || h->e_phentsize != sizeof(Elf64_Phdr))
    return elf_damaged("it has no program headers", why);
  if (check_inside(o, h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr),
                   "the table of its segments", why) != 0)
    return -1;
  for (unsigned i = 0; i < h->e_phnum; i++) {
    Elf64_Phdr s = elf_segment(o, i);
    if (s.p_type == PT_NULL || s.p_type == PT_GNU_STACK)
      continue;
    if (check_inside(o, s.p_offset, s.p_filesz, "a segment", why) != 0 ||
        (s.p_type == PT_LOAD && check_load(&s, &end, why) != 0))
      return -1;
  }
  if (end == 0)
    return elf_damaged("it has nothing to load", why);
  for (unsigned i = 0; i < h->e_phnum; i++) {
    Elf64_Phdr s = elf_segment(o, i);
    if (check_other(o, &s, why) != 0)
      return -1;
  }
  /* No loader reads the sections; but they come last, so they show a file that was cut. */
  return h->e_shoff ? check_inside(o, h->e_shoff, (uint64_t)h->e_shnum * h->e_shentsize,
                                   "the table of its sections", why)
                    : 0;
}

const unsigned char *elf_loaded(const struct elf *o, uint64_t address, uint64_t *left) {
  for (unsigned i = 0; i < o->header.e_phnum; i++) {
    Elf64_Phdr s = elf_segment(o, i);
    if (s.p_type != PT_LOAD || address < s.p_vaddr || address - s.p_vaddr >= s.p_filesz)
      continue;
    *left = s.p_filesz - (address - s.p_vaddr);
    return o->data + s.p_offset + (address - s.p_vaddr);
  }
  return NULL;
}

bool elf_in_memory(const struct elf *o, uint64_t address, uint64_t bytes, uint32_t flags) {
  for (unsigned i = 0; i < o->header.e_phnum; i++) {
    Elf64_Phdr s = elf_segment(o, i);
    if (s.p_type == PT_LOAD && (s.p_flags & flags) == flags && address >= s.p_vaddr &&
        address - s.p_vaddr <= s.p_memsz && bytes <= s.p_memsz - (address - s.p_vaddr))
      return true;
  }
  return false;
}

bool elf_in_image(const struct elf *o, uint64_t address) {
  return elf_in_memory(o, address, 0, PF_R);
}

Elf64_Dyn elf_dynamic_at(const struct elf *o, size_t i) {
  Elf64_Dyn entry;
  memcpy(&entry, o->dynamic + i * sizeof entry, sizeof entry);
  return entry;
}

bool elf_dynamic(const struct elf *o, int64_t tag, uint64_t *value) {
  for (size_t i = o->dynamic_count; i-- > 0;)
    if (elf_dynamic_at(o, i).d_tag == tag) {
      *value = elf_dynamic_at(o, i).d_un.d_val;
      return true;
    }
  return false;
}

static int find_dynamic(struct elf *o, struct note_refusal *why) {
  for (unsigned i = 0; i < o->header.e_phnum; i++) {
    Elf64_Phdr s = elf_segment(o, i);
    uint64_t left;
    if (s.p_type != PT_DYNAMIC)
      continue;
    if (o->dynamic)
      return elf_damaged("it has two dynamic sections", why);
    o->dynamic = elf_loaded(o, s.p_vaddr, &left); /* where the loader reads it */
    if (!o->dynamic || left < s.p_filesz)
      return elf_damaged("its dynamic section is not loaded", why);
    /* it writes there, unless the segment says that it may not */
    if ((s.p_flags & PF_W) && !elf_in_memory(o, s.p_vaddr, s.p_filesz, PF_W))
      return elf_damaged("its dynamic section cannot be written to", why);
    while ((o->dynamic_count + 1) * sizeof(Elf64_Dyn) <= s.p_filesz &&
           elf_dynamic_at(o, o->dynamic_count).d_tag != DT_NULL)
      o->dynamic_count++;
    if ((o->dynamic_count + 1) * sizeof(Elf64_Dyn) > s.p_filesz)
      return elf_damaged("its dynamic section has no end", why);
  }
  return o->dynamic ? 0 : elf_damaged("it has no dynamic section", why);
}

/* Tables that the loader reads, and where their sizes stand; size 0 = it has none of its own.
 * with: what else stands there, if the table does, and what it is; 0 = nothing, or anything. */
static const struct {
  int64_t tag, size, with;
  uint64_t is;
} tables[] = {{DT_STRTAB, DT_STRSZ, 0, 0},
              {DT_SYMTAB, 0, DT_SYMENT, sizeof(Elf64_Sym)},
              {DT_HASH, 0, 0, 0},
              {DT_GNU_HASH, 0, 0, 0},
              {DT_RELA, DT_RELASZ, DT_RELAENT, sizeof(Elf64_Rela)},
              {DT_REL, DT_RELSZ, DT_RELENT, sizeof(Elf64_Rel)},
              {ELF_RELR, ELF_RELRSZ, ELF_RELRENT, sizeof(uint64_t)},
              {DT_JMPREL, DT_PLTRELSZ, DT_PLTREL, DT_RELA},
              {DT_INIT_ARRAY, DT_INIT_ARRAYSZ, 0, 0},
              {DT_FINI_ARRAY, DT_FINI_ARRAYSZ, 0, 0},
              {DT_VERSYM, 0, 0, 0},
              {DT_VERNEED, 0, DT_VERNEEDNUM, 0},
              {DT_VERDEF, 0, DT_VERDEFNUM, 0}};

static int check_tables(const struct elf *o, struct note_refusal *why) {
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    uint64_t address, bytes = 1, value, left;
    bool there = elf_dynamic(o, tables[i].tag, &address);
    if (tables[i].size && elf_dynamic(o, tables[i].size, &bytes) != there)
      return elf_damaged(there ? "a table of its dynamic section has no size"
                               : "a size in its dynamic section is of no table",
                         why);
    if (tables[i].with && elf_dynamic(o, tables[i].with, &value) != there)
      return elf_damaged("its dynamic section says a table by halves", why);
    if (!there)
      continue;
    if (tables[i].is && value != tables[i].is)
      return elf_damaged("the entries of a table have another size or kind", why);
    if (bytes > 0 && (!elf_loaded(o, address, &left) || left < bytes))
      return elf_damaged("a table of its dynamic section lies outside of what is loaded", why);
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

const char *elf_string(const struct elf *o, uint64_t at, size_t *length) {
  uint64_t address, size, left;
  if (!elf_dynamic(o, DT_STRTAB, &address) || !elf_dynamic(o, DT_STRSZ, &size) || at >= size)
    return NULL;
  const unsigned char *text = elf_loaded(o, address + at, &left);
  const unsigned char *end = text ? memchr(text, '\0', size - at) : NULL;
  *length = end ? (size_t)(end - text) : 0;
  return end ? (const char *)text : NULL;
}

static int check_names(const struct elf *o, struct note_refusal *why) {
  for (size_t i = 0; i < o->dynamic_count; i++) {
    Elf64_Dyn entry = elf_dynamic_at(o, i);
    bool path = entry.d_tag == DT_RPATH || entry.d_tag == DT_RUNPATH;
    bool library =
        entry.d_tag == DT_NEEDED || entry.d_tag == DT_AUXILIARY || entry.d_tag == DT_FILTER;
    size_t length;
    if (!path && !library && entry.d_tag != DT_SONAME)
      continue;
    const char *text = elf_string(o, entry.d_un.d_val, &length);
    if (!text)
      return elf_damaged("a name in its dynamic section lies outside of it", why);
    if (entry.d_tag == DT_SONAME ||
        (path ? is_absolute_path(text, length)
              : !memchr(text, '/', length) || is_absolute_path(text, length)))
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
  struct elf o = {.data = data, .size = size};
  uint32_t symbols;
  if (size >= sizeof o.header)
    memcpy(&o.header, data, sizeof o.header);
  if (check_header(&o, why) != 0 || check_segments(&o, why) != 0 || find_dynamic(&o, why) != 0 ||
      check_tables(&o, why) != 0 || check_names(&o, why) != 0 ||
      elf_check_symbols(&o, &symbols, why) != 0)
    return -1;
  return elf_check_relocations(&o, symbols, why);
}
