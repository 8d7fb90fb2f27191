/* elf_private.h - an ELF file as data: what elf.c, elf_symbols.c and elf_relocate.c read of it. */
#ifndef TFM_RUNTIME_ELF_PRIVATE_H
#define TFM_RUNTIME_ELF_PRIVATE_H

#include "runtime/note.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ELFv1 of 64-bit PowerPC calls by way of descriptors, which are data. */
#if defined(__powerpc64__) && _CALL_ELF != 2
enum { ELF_CODE = PF_R };
#else
enum { ELF_CODE = PF_R | PF_X };
#endif

/* Relocations of which only the places are written, newer than some elf.h. */
enum { ELF_RELRSZ = 35, ELF_RELR = 36, ELF_RELRENT = 37 };

struct elf {
  const unsigned char *data;
  size_t size;
  Elf64_Ehdr header;
  const unsigned char *dynamic; /* its dynamic section, up to DT_NULL */
  size_t dynamic_count;
};

/* -1, and "it is damaged: WHAT". */
int elf_damaged(const char *what, struct note_refusal *why);

Elf64_Phdr elf_segment(const struct elf *o, unsigned i);
/* The bytes of the file that are loaded to an address, and how many follow there; NULL =
 * nothing of the file is. */
const unsigned char *elf_loaded(const struct elf *o, uint64_t address, uint64_t *left);
/* `bytes` bytes of one segment, each of whose pages may be used so (PF_R, ...). */
bool elf_in_memory(const struct elf *o, uint64_t address, uint64_t bytes, uint32_t flags);
/* In a segment, or at its end. */
bool elf_in_image(const struct elf *o, uint64_t address);

Elf64_Dyn elf_dynamic_at(const struct elf *o, size_t i);
/* Of two entries of a tag the last counts, as for the loader. */
bool elf_dynamic(const struct elf *o, int64_t tag, uint64_t *value);
/* A text of the string table, its length without the NUL; NULL = there is none. */
const char *elf_string(const struct elf *o, uint64_t at, size_t *length);

/* Hash tables, symbols and versions: how many symbols there are, or -1 with why. */
int elf_check_symbols(const struct elf *o, uint32_t *count, struct note_refusal *why);
/* Relocations, and what is called when the object is loaded. */
int elf_check_relocations(const struct elf *o, uint32_t symbols, struct note_refusal *why);

#endif
