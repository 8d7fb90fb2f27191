/* hub.h - models by name in the cache that Hugging Face's programs keep.
 *
 *     $HF_HUB_CACHE/                            or $HF_HOME/hub, or
 *       models--ORG--MODEL/                     ~/.cache/huggingface/hub
 *         refs/main           "0f1e...", the name of a snapshot
 *         snapshots/0f1e.../  config.json, *.safetensors: links into ../../blobs
 *
 * ORG/MODEL, or MODEL alone, is the snapshot that refs/main names;
 * ORG/MODEL@REVISION that of a branch, a tag or a commit.  Nothing is fetched. */
#ifndef TFM_LIB_HUB_H
#define TFM_LIB_HUB_H

#include "base/error.h"

#include <stdbool.h>

/* Could it be a name: "org/model", "model", each with "@revision"? */
bool hub_is_name(const char *text);

/* The snapshot of a name, on the heap.  0 and NULL: the cache has nothing of
 * that model.  An error: it has the model, but not the revision. */
int hub_find(const char *name, char **out, struct tfm_error *err);

/* Notes for a name that is nowhere: where was looked, and what to do. */
void hub_note_missing(const char *name, struct tfm_error *err);

/* "https://huggingface.co/org/model/tree/REV", "hf.co/org/model" -> "org/model@REV", on the
 * heap; any other text as it is.  NULL = out of memory. */
char *hub_plain(const char *text);

#endif
