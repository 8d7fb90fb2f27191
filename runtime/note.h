/* note.h - what can be said of a plugin's file without running any of it.
 *
 * dlopen runs constructors, so who owns the file and whether it is a plugin
 * at all is settled before, by reading the ELF file as data. */
#ifndef TFM_RUNTIME_NOTE_H
#define TFM_RUNTIME_NOTE_H

#include "tfm/plugin.h"

#include <stddef.h>

/* Why a file was refused.  Texts are escaped by whoever shows them. */
struct note_refusal {
  char reason[512], expected[256], found[256], help[512]; /* "" = nothing to say */
};

/* The file and every directory above it: owned by root or this user, and
 * writable by nobody else.  A sticky directory (/tmp) and a group that is the
 * owner's alone are fine.  0, or -1 with why. */
int note_check_trust(const char *path, struct note_refusal *why);

/* A shared object for this machine with a plugin note of this major.  name
 * is what the note must say.  0, or -1 with why. */
int note_check_file(const char *path, const char *name, tfm_plugin_note *note,
                    struct note_refusal *why);

/* The same on bytes in memory. */
int note_check_bytes(const unsigned char *data, size_t size, const char *name,
                     tfm_plugin_note *note, struct note_refusal *why);

#endif
