/* elf_symbols.c - hash tables, symbols and versions of a shared object: what the loader
 * follows from one place to the next must end, and end inside. */
#include "runtime/elf_private.h"

#include <stdio.h>
#include <string.h>

/* System V's table has words of 64 bits on one machine. */
#if defined(__s390x__)
typedef uint64_t hash_word;
#else
typedef uint32_t hash_word;
#endif

static uint32_t word_at(const unsigned char *table, uint64_t at) {
  uint32_t word;
  memcpy(&word, table + at, sizeof word);
  return word;
}

/* GNU's: 4 words (buckets, the first symbol, words of the filter, a shift), the filter, the
 * buckets, and a word a symbol whose lowest bit ends a chain.  Chains lie one after another. */
static int check_gnu_hash(const struct elf *o, uint64_t address, uint32_t *count,
                          struct note_refusal *why) {
  static const char unsound[] = "its hash table is not sound";
  uint64_t left;
  const unsigned char *table = elf_loaded(o, address, &left);
  if (!table || left < 16)
    return elf_damaged(unsound, why);
  uint32_t buckets = word_at(table, 0), first = word_at(table, 4), filter = word_at(table, 8);
  uint64_t at = 16 + (uint64_t)filter * 8, chains = at + (uint64_t)buckets * 4;
  uint32_t last = 0;
  if (buckets == 0 || filter == 0 || (filter & (filter - 1)) != 0 || chains > left)
    return elf_damaged(unsound, why);
  for (uint32_t i = 0; i < buckets; i++) {
    uint32_t bucket = word_at(table, at + (uint64_t)i * 4);
    if (bucket != 0 && bucket < first)
      return elf_damaged(unsound, why);
    last = bucket > last ? bucket : last;
  }
  if (last == 0) { /* then nothing says how many symbols it needs */
    snprintf(why->reason, sizeof why->reason, "it exports nothing");
    snprintf(why->help, sizeof why->help, "a plugin says TFM_PLUGIN(name, minor, descriptor) once");
    return -1;
  }
  for (uint64_t i = last;; i++) {
    uint64_t place = chains + (i - first) * 4;
    if (i >= UINT32_MAX || place + 4 > left)
      return elf_damaged(unsound, why);
    *count = (uint32_t)i + 1;
    if (word_at(table, place) & 1u)
      return 0;
  }
}

static hash_word hash_at(const unsigned char *table, uint64_t i) {
  hash_word word;
  memcpy(&word, table + i * sizeof word, sizeof word);
  return word;
}

/* System V's: 2 words (buckets, symbols), the buckets, and a word a symbol that names the next
 * of its chain, 0 at the end. */
static int check_hash(const struct elf *o, uint64_t address, uint32_t *count,
                      struct note_refusal *why) {
  static const char unsound[] = "its hash table is not sound";
  uint64_t left, steps = 0;
  const unsigned char *table = elf_loaded(o, address, &left);
  left /= sizeof(hash_word);
  if (!table || left < 2)
    return elf_damaged(unsound, why);
  uint64_t buckets = hash_at(table, 0), symbols = hash_at(table, 1);
  if (buckets == 0 || buckets > left - 2 || symbols > left - 2 - buckets)
    return elf_damaged(unsound, why);
  for (uint64_t i = 0; i < buckets; i++)
    for (uint64_t s = hash_at(table, 2 + i); s != 0; s = hash_at(table, 2 + buckets + s))
      if (s >= symbols || ++steps > symbols) /* each is in one chain, once */
        return elf_damaged(unsound, why);
  *count = (uint32_t)symbols;
  return 0;
}

static int check_symbol(const struct elf *o, const Elf64_Sym *s, struct note_refusal *why) {
  size_t length;
  unsigned type = ELF64_ST_TYPE(s->st_info);
  bool called = type == STT_FUNC || type == STT_GNU_IFUNC;
  if (!elf_string(o, s->st_name, &length))
    return elf_damaged("a symbol's name lies outside of its names", why);
  if (s->st_shndx == SHN_UNDEF || s->st_shndx >= SHN_LORESERVE || type == STT_TLS)
    return 0;
  if (called ? !elf_in_memory(o, s->st_value, 1, ELF_CODE) : !elf_in_image(o, s->st_value))
    return elf_damaged("a symbol lies outside of what it is a part of", why);
  return 0;
}

/* Is the file of that name one that it needs?  The loader takes for granted that it is. */
static bool is_needed(const struct elf *o, const char *file) {
  for (size_t i = 0; i < o->dynamic_count; i++) {
    Elf64_Dyn entry = elf_dynamic_at(o, i);
    size_t length;
    const char *name = entry.d_tag == DT_NEEDED ? elf_string(o, entry.d_un.d_val, &length) : NULL;
    if (name && strcmp(name, file) == 0)
      return true;
  }
  return false;
}

/* A step along a chain of versions, each `bytes` long: where the next is, 0 = that was all. */
struct steps {
  uint64_t left, taken;
};

static bool may_read(struct steps *steps, uint64_t at, uint64_t bytes) {
  return at <= steps->left && bytes <= steps->left - at && ++steps->taken <= steps->left / 8;
}

/* The versions that it needs of other files; last: the highest number of one. */
static int check_needed(const struct elf *o, uint64_t address, unsigned *last,
                        struct note_refusal *why) {
  static const char unsound[] = "its table of needed versions is not sound";
  struct steps steps = {0};
  const unsigned char *table = elf_loaded(o, address, &steps.left);
  size_t length;
  if (!table)
    return elf_damaged(unsound, why);
  Elf64_Verneed need = {.vn_next = 0};
  for (uint64_t at = 0;; at += need.vn_next) {
    if (!may_read(&steps, at, sizeof need))
      return elf_damaged(unsound, why);
    memcpy(&need, table + at, sizeof need);
    const char *file = elf_string(o, need.vn_file, &length);
    if (need.vn_version != VER_NEED_CURRENT || !file || !is_needed(o, file))
      return elf_damaged(unsound, why);
    Elf64_Vernaux one = {.vna_next = 0};
    for (uint64_t next = at + need.vn_aux;; next += one.vna_next) {
      if (!may_read(&steps, next, sizeof one))
        return elf_damaged(unsound, why);
      memcpy(&one, table + next, sizeof one);
      unsigned number = one.vna_other & 0x7fffu;
      *last = number > *last ? number : *last;
      if (!elf_string(o, one.vna_name, &length))
        return elf_damaged(unsound, why);
      if (one.vna_next == 0)
        break;
    }
    if (need.vn_next == 0)
      return 0;
  }
}

/* The versions that it has itself; the first name of each is its own. */
static int check_defined(const struct elf *o, uint64_t address, unsigned *last,
                         struct note_refusal *why) {
  static const char unsound[] = "its table of versions is not sound";
  struct steps steps = {0};
  const unsigned char *table = elf_loaded(o, address, &steps.left);
  size_t length;
  if (!table)
    return elf_damaged(unsound, why);
  Elf64_Verdef own = {.vd_next = 0};
  for (uint64_t at = 0;; at += own.vd_next) {
    Elf64_Verdaux name;
    if (!may_read(&steps, at, sizeof own))
      return elf_damaged(unsound, why);
    memcpy(&own, table + at, sizeof own);
    if (own.vd_version != VER_DEF_CURRENT || !may_read(&steps, at + own.vd_aux, sizeof name))
      return elf_damaged(unsound, why);
    memcpy(&name, table + at + own.vd_aux, sizeof name);
    unsigned number = own.vd_ndx & 0x7fffu;
    *last = number > *last ? number : *last;
    if (!elf_string(o, name.vda_name, &length))
      return elf_damaged(unsound, why);
    if (own.vd_next == 0)
      return 0;
  }
}

/* Each symbol's version is one that there is. */
static int check_versions(const struct elf *o, uint32_t symbols, struct note_refusal *why) {
  uint64_t need, own, of, left;
  unsigned last = 1; /* 0 and 1 are "local" and "global" */
  bool needs = elf_dynamic(o, DT_VERNEED, &need), has = elf_dynamic(o, DT_VERDEF, &own);
  if (!needs && !has)
    return elf_dynamic(o, DT_VERSYM, &of)
               ? elf_damaged("its symbols have versions that it does not name", why)
               : 0;
  if ((needs && check_needed(o, need, &last, why) != 0) ||
      (has && check_defined(o, own, &last, why) != 0))
    return -1;
  const unsigned char *table = elf_dynamic(o, DT_VERSYM, &of) ? elf_loaded(o, of, &left) : NULL;
  if (!table || left / 2 < symbols)
    return elf_damaged("its symbols have no versions", why);
  for (uint32_t i = 0; i < symbols; i++) {
    uint16_t number;
    memcpy(&number, table + (uint64_t)i * 2, sizeof number);
    if ((number & 0x7fffu) > last)
      return elf_damaged("a symbol's version is none of its versions", why);
  }
  return 0;
}

int elf_check_symbols(const struct elf *o, uint32_t *count, struct note_refusal *why) {
  uint64_t gnu, old, symbols, left;
  uint32_t named = 0;
  bool has_gnu = elf_dynamic(o, DT_GNU_HASH, &gnu), has_old = elf_dynamic(o, DT_HASH, &old);
  *count = 0;
  if ((!has_gnu && !has_old) || !elf_dynamic(o, DT_SYMTAB, &symbols))
    return elf_damaged("it has no symbols", why);
  if ((has_old && check_hash(o, old, count, why) != 0) ||
      (has_gnu && check_gnu_hash(o, gnu, &named, why) != 0))
    return -1;
  if (has_old && named > *count)
    return elf_damaged("its hash tables differ", why);
  *count = named > *count ? named : *count;
  const unsigned char *table = elf_loaded(o, symbols, &left);
  if (!table || left / sizeof(Elf64_Sym) < *count)
    return elf_damaged("its symbols lie outside of what is loaded", why);
  for (uint32_t i = 1; i < *count; i++) { /* 0 is none */
    Elf64_Sym symbol;
    memcpy(&symbol, table + (uint64_t)i * sizeof symbol, sizeof symbol);
    if (check_symbol(o, &symbol, why) != 0)
      return -1;
  }
  return check_versions(o, *count, why);
}
