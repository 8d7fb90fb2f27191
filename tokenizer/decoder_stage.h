/* decoder_stage.h - what decoders are made of; for decoder.c and its parts only. */
#ifndef TFM_TOKENIZER_DECODER_STAGE_H
#define TFM_TOKENIZER_DECODER_STAGE_H

#include "tokenizer/decoder.h"

/* Pass a string, or a fragment of one, to the stage after `stage`. */
int decoder_pass(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                 struct tfm_error *err);
/* A whole string from the stage's out. */
int decoder_pass_buffer(struct decoding *decoding, size_t stage, struct buffer *text,
                        struct tfm_error *err);

/* For stages that need strings whole: work gets each; last: no other follows. */
typedef int (*decoder_whole)(struct decoding *decoding, size_t stage, struct slice text, bool last,
                             struct tfm_error *err);
/* Hold a fragment; one that begins a string gives the string before it to work. */
int decoder_gather(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                   decoder_whole work, struct tfm_error *err);
/* Give what is held to work, if there is any. */
int decoder_release(struct decoding *decoding, size_t stage, decoder_whole work, bool last,
                    struct tfm_error *err);

extern const struct decoder_type decoder_wordpiece, decoder_ctc, decoder_bpe;

#endif
