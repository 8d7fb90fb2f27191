/* note.c - who may change a file, and what it says of itself: the notes of an ELF file, by
 * its program headers; nothing of it is run or mapped executable.
 *
 * A PT_NOTE segment is a row of notes, each
 *     namesz descsz type   three u32
 *     name                 namesz bytes, padded to 4
 *     desc                 descsz bytes, padded to 4                       */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* realpath, S_ISVTX */
#endif
#include "runtime/note.h"

#include "base/file.h"
#include "runtime/elf.h"

#include <elf.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOTES_MAX = 1000, NAMES_MAX = 4096 };

#define SAY(field, ...) snprintf(why->field, sizeof why->field, __VA_ARGS__)

/* ------------------------------------------------------------------- trust */

/* Is the group the owner's own, as Debian and Fedora give to each user?  Its
 * name is the user's and nobody else is in it. */
static bool is_private_group(uid_t owner, gid_t group) {
  char user_names[NAMES_MAX], group_names[NAMES_MAX];
  struct passwd user, *found_user = NULL;
  struct group members, *found_group = NULL;
  if (getpwuid_r(owner, &user, user_names, sizeof user_names, &found_user) != 0 || !found_user ||
      getgrgid_r(group, &members, group_names, sizeof group_names, &found_group) != 0 ||
      !found_group)
    return false;
  if (strcmp(user.pw_name, members.gr_name) != 0)
    return false;
  for (char **name = members.gr_mem; *name; name++)
    if (strcmp(*name, user.pw_name) != 0)
      return false;
  return true;
}

static int check_one(const char *path, const struct stat *st, struct note_refusal *why) {
  bool others = st->st_mode & S_IWOTH, group = st->st_mode & S_IWGRP;
  if (st->st_uid != 0 && st->st_uid != geteuid()) {
    SAY(reason, "`%s` belongs to another user", path);
    SAY(expected, "owner root or %lu", (unsigned long)geteuid());
    SAY(found, "owner %lu", (unsigned long)st->st_uid);
    SAY(help, "a plugin is native code: install it as root or as yourself");
    return -1;
  }
  if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX))
    return 0;
  if (group && is_private_group(st->st_uid, st->st_gid))
    group = false;
  if (others || group) {
    SAY(reason, "`%s` can be changed by %s", path, others ? "everybody" : "its group");
    SAY(expected, "writable by its owner only");
    SAY(found, "mode %04o", (unsigned)(st->st_mode & 07777));
    SAY(help, "chmod go-w '%s'", path);
    return -1;
  }
  return 0;
}

int note_check_trust(const char *path, struct note_refusal *why) {
  struct stat st;
  *why = (struct note_refusal){0};
  char *real = realpath(path, NULL);
  if (!real || stat(real, &st) != 0) {
    SAY(reason, "it cannot be opened: %s", strerror(errno));
    free(real);
    return -1;
  }
  int status = 0;
  if (!S_ISREG(st.st_mode)) {
    SAY(reason, "it is not a regular file");
    status = -1;
  } else {
    status = check_one(real, &st, why);
  }
  for (char *slash = strrchr(real, '/'); status == 0 && slash; slash = strrchr(real, '/')) {
    bool root = slash == real;
    slash[root ? 1 : 0] = '\0';
    if (stat(real, &st) != 0) {
      SAY(reason, "`%s` cannot be read: %s", real, strerror(errno));
      status = -1;
    } else {
      status = check_one(real, &st, why);
    }
    if (root)
      break;
  }
  free(real);
  return status;
}

/* --------------------------------------------------------------------- ELF */

/* The plugin's note in a row of notes. */
static bool find_in(const unsigned char *data, size_t size, tfm_plugin_note *note) {
  size_t at = 0;
  for (unsigned n = 0; n < NOTES_MAX && size - at >= 12; n++) {
    uint32_t part[3];
    memcpy(part, data + at, sizeof part);
    uint64_t name = ((uint64_t)part[0] + 3) & ~UINT64_C(3);
    uint64_t desc = ((uint64_t)part[1] + 3) & ~UINT64_C(3);
    if (name + desc > size - at - 12)
      return false;
    if (part[0] == 4 && part[1] == 48 && part[2] == TFM_NOTE_TYPE &&
        memcmp(data + at + 12, "tfm", 4) == 0) {
      memcpy(note, data + at, sizeof *note);
      return true;
    }
    at += 12 + (size_t)(name + desc);
  }
  return false;
}

/* data: what elf_check has passed. */
static bool find_note(const unsigned char *data, tfm_plugin_note *note) {
  Elf64_Ehdr header;
  memcpy(&header, data, sizeof header);
  for (unsigned i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    uint64_t at = (uint64_t)i * sizeof segment;
    memcpy(&segment, data + header.e_phoff + at, sizeof segment);
    if (segment.p_type != PT_NOTE)
      continue;
    if (find_in(data + segment.p_offset, (size_t)segment.p_filesz, note))
      return true;
  }
  return false;
}

static int check_note(const tfm_plugin_note *note, const char *name, struct note_refusal *why) {
  if (note->magic != TFM_NOTE_MAGIC) {
    SAY(reason, "its plugin note is damaged");
    SAY(expected, "magic %08x", TFM_NOTE_MAGIC);
    SAY(found, "%08x", note->magic);
    return -1;
  }
  if (note->abi_major != TFM_ABI_MAJOR) {
    SAY(reason, "it is built for another plugin ABI");
    SAY(expected, "ABI major %u", TFM_ABI_MAJOR);
    SAY(found, "ABI major %u", note->abi_major);
    SAY(help, "build it against the tfm/plugin.h of this tfm");
    return -1;
  }
  if (note->abi_minor > TFM_ABI_MINOR) {
    SAY(reason, "it needs a newer tfm");
    SAY(expected, "ABI %u.%u or older", TFM_ABI_MAJOR, TFM_ABI_MINOR);
    SAY(found, "ABI %u.%u", note->abi_major, note->abi_minor);
    SAY(help, "update tfm, or use an older version of the plugin");
    return -1;
  }
  if (!memchr(note->name, '\0', sizeof note->name) || strcmp(note->name, name) != 0) {
    SAY(reason, "its file has another name than the plugin");
    SAY(expected, "%.*s.so", (int)sizeof note->name, note->name);
    SAY(found, "%s.so", name);
    SAY(help, "rename the file");
    return -1;
  }
  return 0;
}

int note_check_bytes(const unsigned char *data, size_t size, const char *name,
                     tfm_plugin_note *note, struct note_refusal *why) {
  *why = (struct note_refusal){0};
  if (elf_check(data, size, why) != 0)
    return -1;
  if (!find_note(data, note)) {
    SAY(reason, "it has no plugin note");
    SAY(expected, "an ELF note of owner `tfm`");
    SAY(help, "a plugin says TFM_PLUGIN(name, minor, descriptor) once");
    return -1;
  }
  return check_note(note, name, why);
}

int note_check_file(const char *path, const char *name, tfm_plugin_note *note,
                    struct note_refusal *why) {
  struct file_map map;
  struct tfm_error err = {0};
  *why = (struct note_refusal){0};
  if (file_map(path, TFM_ERROR_PLUGIN, &map, &err) != 0) {
    SAY(reason, "%.500s", err.message);
    return -1;
  }
  int status = note_check_bytes(map.data, map.size, name, note, why);
  file_unmap(&map);
  return status;
}
