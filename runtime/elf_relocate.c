/* elf_relocate.c - what the loader writes into a shared object, and calls in it.
 *
 * A relocation says: write there, in this way, with this symbol or this address.  The loader
 * does as it says.  Here: each writes to data of the object, no two to one place, and an
 * address that is called lies in code. */
#include "runtime/elf_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the relocations of this machine are called; -1 = any may come. */
#if defined(__x86_64__)
enum { RELATIVE = R_X86_64_RELATIVE, BY_CALL = R_X86_64_IRELATIVE };
static const int known[] = {R_X86_64_NONE,      R_X86_64_64,       R_X86_64_GLOB_DAT,
                            R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE, R_X86_64_DTPMOD64,
                            R_X86_64_DTPOFF64,  R_X86_64_TPOFF64,  R_X86_64_SIZE64,
                            R_X86_64_TLSDESC,   R_X86_64_IRELATIVE};
static const int named[] = {R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT};
static const int of_threads[] = {R_X86_64_DTPMOD64, R_X86_64_DTPOFF64, R_X86_64_TPOFF64,
                                 R_X86_64_TLSDESC};
#elif defined(__aarch64__)
enum { RELATIVE = R_AARCH64_RELATIVE, BY_CALL = R_AARCH64_IRELATIVE };
static const int known[] = {R_AARCH64_NONE,       R_AARCH64_ABS64,     R_AARCH64_GLOB_DAT,
                            R_AARCH64_JUMP_SLOT,  R_AARCH64_RELATIVE,  R_AARCH64_TLS_DTPMOD,
                            R_AARCH64_TLS_DTPREL, R_AARCH64_TLS_TPREL, R_AARCH64_TLSDESC,
                            R_AARCH64_IRELATIVE};
static const int named[] = {R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT};
static const int of_threads[] = {R_AARCH64_TLS_DTPMOD, R_AARCH64_TLS_DTPREL, R_AARCH64_TLS_TPREL,
                                 R_AARCH64_TLSDESC};
#else
#if defined(__riscv)
enum { RELATIVE = R_RISCV_RELATIVE, BY_CALL = -1 };
#elif defined(__powerpc64__)
enum { RELATIVE = R_PPC64_RELATIVE, BY_CALL = -1 };
#elif defined(__s390x__)
enum { RELATIVE = R_390_RELATIVE, BY_CALL = -1 };
#else
enum { RELATIVE = 3, BY_CALL = -1 }; /* LoongArch's */
#endif
static const int known[] = {-1}, named[] = {-2}, of_threads[] = {-2};
#endif

enum { NONE = 0, WIDTH = 8 };

#define IS_OF(list, type) is_of(list, sizeof list / sizeof *list, type)
static bool is_of(const int *list, size_t count, uint32_t type) {
  for (size_t i = 0; i < count; i++)
    if (list[i] == (int)type || list[i] == -1)
      return true;
  return false;
}

/* Where is written; by itself: an address of the object, `to`. */
struct place {
  uint64_t at, to;
  bool itself;
};

struct places {
  struct place *place;
  size_t count, room;
};

static int add(const struct elf *o, struct places *list, struct place place,
               struct note_refusal *why) {
  if (!elf_in_memory(o, place.at, WIDTH, PF_R | PF_W))
    return elf_damaged("a relocation writes outside of its data", why);
  if (place.itself && !elf_in_image(o, place.to))
    return elf_damaged("a relocation points out of it", why);
  if (list->count == list->room) {
    if (list->count > o->size / WIDTH) /* there are no more places */
      return elf_damaged("two relocations write to one place", why);
    size_t room = list->room ? 2 * list->room : 256;
    struct place *grown = realloc(list->place, room * sizeof *grown);
    if (!grown) {
      snprintf(why->reason, sizeof why->reason, "there is no memory to look at it");
      return -1;
    }
    list->place = grown;
    list->room = room;
  }
  list->place[list->count++] = place;
  return 0;
}

static bool has_threads(const struct elf *o) {
  for (unsigned i = 0; i < o->header.e_phnum; i++)
    if (elf_segment(o, i).p_type == PT_TLS)
      return true;
  return false;
}

static int check_one(const struct elf *o, const Elf64_Rela *r, uint32_t symbols,
                     struct places *list, struct note_refusal *why) {
  uint32_t type = (uint32_t)ELF64_R_TYPE(r->r_info), symbol = (uint32_t)ELF64_R_SYM(r->r_info);
  struct place place = {r->r_offset, (uint64_t)r->r_addend, type == RELATIVE};
  if (type == NONE)
    return 0;
  if (!IS_OF(known, type))
    return elf_damaged("a relocation of a kind that no plugin has", why);
  if (symbol >= symbols && symbol != 0)
    return elf_damaged("a relocation's symbol is none of its symbols", why);
  if ((place.itself || (int)type == BY_CALL) ? symbol != 0 : IS_OF(named, type) && symbol == 0)
    return elf_damaged("a relocation by a symbol has none, or one without has one", why);
  if (symbol == 0 && IS_OF(of_threads, type) && !has_threads(o))
    return elf_damaged("a relocation is of what each thread has of it, which is nothing", why);
  if ((int)type == BY_CALL && !elf_in_memory(o, place.to, 1, ELF_CODE))
    return elf_damaged("a relocation calls what is no code", why);
  return add(o, list, place, why);
}

/* DT_RELA or DT_JMPREL, whose size stands in `size`; the first `relative` are by itself. */
static int check_table(const struct elf *o, int64_t tag, int64_t size, uint64_t relative,
                       uint32_t symbols, struct places *list, struct note_refusal *why) {
  uint64_t address, bytes, left;
  if (!elf_dynamic(o, tag, &address) || !elf_dynamic(o, size, &bytes) || bytes == 0)
    return 0;
  if (bytes % sizeof(Elf64_Rela) != 0)
    return elf_damaged("its relocations end in the middle of one", why);
  const unsigned char *table = elf_loaded(o, address, &left); /* all of it: elf.c has looked */
  for (uint64_t i = 0; i < bytes / sizeof(Elf64_Rela); i++) {
    Elf64_Rela one;
    memcpy(&one, table + i * sizeof one, sizeof one);
    if (i < relative && ELF64_R_TYPE(one.r_info) != RELATIVE)
      return elf_damaged("it counts more relocations by itself than there are", why);
    if (check_one(o, &one, symbols, list, why) != 0)
      return -1;
  }
  return 0;
}

/* A place whose contents are the address. */
static int add_written(const struct elf *o, uint64_t at, struct places *list,
                       struct note_refusal *why) {
  uint64_t left, to;
  const unsigned char *there = elf_loaded(o, at, &left);
  if (!there || left < sizeof to)
    return elf_damaged("a relocation writes outside of its data", why);
  memcpy(&to, there, sizeof to);
  return add(o, list, (struct place){at, to, true}, why);
}

/* DT_RELR: an even word is a place; an odd one says which of the 63 words behind it are. */
static int check_packed(const struct elf *o, struct places *list, struct note_refusal *why) {
  uint64_t address, bytes, left, next = 0;
  if (!elf_dynamic(o, ELF_RELR, &address) || !elf_dynamic(o, ELF_RELRSZ, &bytes) || bytes == 0)
    return 0;
  const unsigned char *table = elf_loaded(o, address, &left);
  for (uint64_t i = 0; i < bytes / WIDTH; i++) {
    uint64_t word;
    memcpy(&word, table + i * WIDTH, WIDTH);
    if (!(word & 1u)) {
      if (add_written(o, word, list, why) != 0)
        return -1;
      next = word + WIDTH;
      continue;
    }
    for (uint64_t at = next; (word >>= 1) != 0; at += WIDTH)
      if ((word & 1u) && add_written(o, at, list, why) != 0)
        return -1;
    next += 63 * WIDTH;
  }
  return 0;
}

static int compare(const void *a, const void *b) {
  uint64_t x = ((const struct place *)a)->at, y = ((const struct place *)b)->at;
  return (x > y) - (x < y);
}

/* A table of functions, each of which the loader calls: each is written by a relocation, and
 * is code of the object where it is known. */
static int check_calls(const struct elf *o, int64_t tag, int64_t size, const struct places *list,
                       struct note_refusal *why) {
  uint64_t address, bytes;
  if (!elf_dynamic(o, tag, &address) || !elf_dynamic(o, size, &bytes))
    return 0;
  for (uint64_t at = 0; at < bytes; at += WIDTH) {
    struct place key = {address + at, 0, false};
    const struct place *found =
        list->count ? bsearch(&key, list->place, list->count, sizeof key, compare) : NULL;
    if (bytes % WIDTH != 0 || !found ||
        (found->itself && !elf_in_memory(o, found->to, 1, ELF_CODE)))
      return elf_damaged("what is called when it is loaded is no code", why);
  }
  return 0;
}

static int check_places(const struct elf *o, struct places *list, struct note_refusal *why) {
  static const int64_t called[] = {DT_INIT, DT_FINI};
  uint64_t address;
  if (list->count > 0)
    qsort(list->place, list->count, sizeof *list->place, compare);
  for (size_t i = 1; i < list->count; i++)
    if (list->place[i].at - list->place[i - 1].at < WIDTH)
      return elf_damaged("two relocations write to one place", why);
  for (size_t i = 0; i < sizeof called / sizeof *called; i++)
    if (elf_dynamic(o, called[i], &address) && !elf_in_memory(o, address, 1, ELF_CODE))
      return elf_damaged("what is called when it is loaded is no code", why);
  if (check_calls(o, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, list, why) != 0)
    return -1;
  return check_calls(o, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, list, why);
}

int elf_check_relocations(const struct elf *o, uint32_t symbols, struct note_refusal *why) {
  struct places list = {0};
  uint64_t relative = 0;
  elf_dynamic(o, DT_RELACOUNT, &relative);
  int status = check_table(o, DT_RELA, DT_RELASZ, relative, symbols, &list, why);
  if (status == 0)
    status = check_table(o, DT_JMPREL, DT_PLTRELSZ, 0, symbols, &list, why);
  if (status == 0)
    status = check_packed(o, &list, why);
  if (status == 0)
    status = check_places(o, &list, why);
  free(list.place);
  return status;
}
