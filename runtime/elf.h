/* elf.h - is a shared object whole, and does it ask the loader for nothing that depends on
 * where a program is started?
 *
 * The dynamic loader trusts a file: it maps what the program headers name and follows the
 * dynamic section, and a file that was cut ends the process by SIGBUS.  All of that is looked
 * at here, as data, before the loader sees it. */
#ifndef TFM_RUNTIME_ELF_H
#define TFM_RUNTIME_ELF_H

#include "runtime/note.h"

#include <stddef.h>
#include <stdint.h>

/* A shared object for this machine, each segment and each table of the dynamic section inside
 * of it, and no library or search path that is relative.  0, or -1 with why. */
int elf_check(const unsigned char *data, size_t size, struct note_refusal *why);

#endif
