/* hub.c - a name, checked letter by letter before it becomes a path. */
#include "lib/hub.h"

#include "base/buffer.h"
#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { PART_MAX = 96, REVISION_MAX = 255, REF_LIMIT = 256, LISTED_MAX = 8 };

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* One folder's name: letters and, within, '.' and '-', but never "--" or "..",
 * which the cache's own names are made with. */
static bool is_part(const char *text, size_t length) {
  if (length == 0 || length > PART_MAX || !is_letter(text[0]) || !is_letter(text[length - 1]))
    return false;
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (!is_letter(c) && c != '.' && c != '-')
      return false;
    if (!is_letter(c) && c == text[i + 1])
      return false;
  }
  return true;
}

/* Parts with slashes between them: "main", "refs/pr/1". */
static bool is_revision(const char *text) {
  if (strlen(text) > REVISION_MAX)
    return false;
  for (;;) {
    size_t length = strcspn(text, "/");
    if (!is_part(text, length))
      return false;
    if (!text[length])
      return true;
    text += length + 1;
  }
}

/* How long is the name before '@'? */
static size_t name_length(const char *text) {
  return strcspn(text, "@");
}

bool hub_is_name(const char *text) {
  size_t length = name_length(text), org = strcspn(text, "/@");
  if (text[length] && !is_revision(text + length + 1))
    return false;
  if (org == length)
    return is_part(text, length);
  return is_part(text, org) && is_part(text + org + 1, length - org - 1);
}

/* ------------------------------------------------------------------- places */

/* An environment variable's directory, "~" put in, then what is under it. */
static bool put_dir(struct buffer *out, const char *value, const char *under) {
  const char *home = getenv("HOME");
  if (!value || !*value)
    return false;
  if (value[0] == '~' && (value[1] == '/' || !value[1])) {
    if (!home)
      return false;
    buffer_puts(out, home);
    value++;
  }
  buffer_printf(out, "%s%s", value, under);
  return true;
}

/* The cache's folder for the model of that name; "" if no variable says where. */
static void put_folder(struct buffer *out, const char *name) {
  size_t length = name_length(name), org = strcspn(name, "/@");
  buffer_init(out);
  if (!put_dir(out, getenv("HF_HUB_CACHE"), "") && !put_dir(out, getenv("HF_HOME"), "/hub") &&
      !put_dir(out, getenv("XDG_CACHE_HOME"), "/huggingface/hub") &&
      !put_dir(out, getenv("HOME"), "/.cache/huggingface/hub"))
    return;
  buffer_puts(out, "/models--");
  buffer_append(out, name, org);
  if (org < length) {
    buffer_puts(out, "--");
    buffer_append(out, name + org + 1, length - org - 1);
  }
}

/* The names in a folder as a list of some, for messages. */
static void note_names(const char *folder, const char *under, struct tfm_error *err) {
  char *path = file_join(folder, under);
  DIR *handle = path ? opendir(path) : NULL;
  struct dirent *entry;
  struct buffer list;
  size_t count = 0;
  buffer_init(&list);
  while (handle && (entry = readdir(handle)))
    if (entry->d_name[0] != '.' && count++ < LISTED_MAX)
      buffer_printf(&list, "%s%s", count > 1 ? ", " : "", entry->d_name);
  error_note(err, "found: %s: %s%s", under, count ? buffer_text(&list) : "none",
             count > LISTED_MAX ? ", ..." : "");
  buffer_finish(&list);
  if (handle)
    closedir(handle);
  free(path);
}

/* ---------------------------------------------------------------- snapshots */

/* What refs/REVISION says, into commit; "" if there is no such file. */
static int read_ref(const char *folder, const char *revision, struct buffer *commit,
                    struct tfm_error *err) {
  struct buffer path;
  struct file_bytes bytes = {0};
  int status = 0;
  buffer_init(&path);
  buffer_printf(&path, "%s/refs/%s", folder, revision);
  if (path.failed)
    status = error_oom(err);
  else if (file_exists(path.data))
    status = file_read(path.data, REF_LIMIT, TFM_ERROR_CHECKPOINT, &bytes, err);
  if (status == 0 && bytes.data) {
    size_t length = strcspn(bytes.data, " \t\r\n");
    if (bytes.data[length + strspn(bytes.data + length, " \t\r\n")] || !is_part(bytes.data, length))
      status = error_set(err, TFM_ERROR_CHECKPOINT, "`%s` does not name a snapshot", path.data);
    else
      buffer_append(commit, bytes.data, length);
  }
  file_bytes_finish(&bytes);
  buffer_finish(&path);
  return status;
}

static int find_snapshot(const char *folder, const char *name, const char *revision, char **out,
                         struct tfm_error *err) {
  struct buffer commit, path;
  buffer_init(&commit);
  buffer_init(&path);
  int status = read_ref(folder, revision, &commit, err);
  /* A commit is its own name; a branch or a tag never names a folder. */
  if (status == 0 && !commit.length)
    buffer_puts(&commit, strchr(revision, '/') ? "." : revision);
  buffer_printf(&path, "%s/snapshots/%s", folder, buffer_text(&commit));
  if (status == 0 && (commit.failed || path.failed))
    status = error_oom(err);
  if (status == 0 && strcmp(commit.data, ".") != 0 && file_is_directory(path.data)) {
    *out = buffer_take(&path);
  } else if (status == 0) {
    size_t length = name_length(name);
    status = error_set(err, TFM_ERROR_CHECKPOINT,
                       "the Hugging Face cache has `%.*s`, but not its revision `%s`", (int)length,
                       name, revision);
    error_note(err, "searched: %s", folder);
    note_names(folder, "refs", err);
    note_names(folder, "snapshots", err);
    error_note(err,
               "help: name one of these, %.*s@REVISION, or fetch it: hf download %.*s "
               "--revision %s",
               (int)length, name, (int)length, name, revision);
  }
  buffer_finish(&commit);
  buffer_finish(&path);
  return status;
}

/* Behind what an address of the hub begins with; NULL = it is none. */
static const char *behind_host(const char *text) {
  static const char *const scheme[] = {"https://", "http://", "hf://"};
  static const char *const host[] = {"huggingface.co/", "www.huggingface.co/", "hf.co/"};
  for (size_t i = 0; i < sizeof scheme / sizeof *scheme; i++)
    if (strncmp(text, scheme[i], strlen(scheme[i])) == 0) {
      text += strlen(scheme[i]);
      if (scheme[i][2] == ':')
        return text;
      break;
    }
  for (size_t i = 0; i < sizeof host / sizeof *host; i++)
    if (strncmp(text, host[i], strlen(host[i])) == 0)
      return text + strlen(host[i]);
  return NULL;
}

char *hub_plain(const char *text) {
  const char *at = behind_host(text);
  struct buffer out;
  if (!at || !*at || file_exists(text) || file_is_directory(text))
    return strdup(text);
  size_t org = strcspn(at, "/?#"), name = 0;
  if (at[org] == '/')
    name = strcspn(at + org + 1, "/?#");
  buffer_init(&out);
  buffer_append(&out, at, name ? org + 1 + name : org);
  const char *rest = at + (name ? org + 1 + name : org);
  if (strncmp(rest, "/tree/", 6) == 0 && rest[6])
    buffer_printf(&out, "@%.*s", (int)strcspn(rest + 6, "/?#"), rest + 6);
  return buffer_take(&out);
}

int hub_find(const char *name, char **out, struct tfm_error *err) {
  struct buffer folder;
  size_t length = name_length(name);
  int status = 0;
  *out = NULL;
  put_folder(&folder, name);
  if (folder.failed)
    status = error_oom(err);
  else if (folder.length && file_is_directory(folder.data))
    status = find_snapshot(folder.data, name, name[length] ? name + length + 1 : "main", out, err);
  buffer_finish(&folder);
  return status;
}

void hub_note_missing(const char *name, struct tfm_error *err) {
  struct buffer folder;
  size_t length = name_length(name);
  put_folder(&folder, name);
  if (folder.length)
    error_note(err, "searched: %s", buffer_text(&folder));
  else
    error_note(err, "searched: no Hugging Face cache: HOME is not set");
  error_note(err, "help: tfm fetches nothing; if it is a model of huggingface.co: hf download %.*s",
             (int)length, name);
  buffer_finish(&folder);
}
