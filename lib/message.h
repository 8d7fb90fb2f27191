/* message.h - what plugins say, handed to a caller's callback. */
#ifndef TFM_LIB_MESSAGE_H
#define TFM_LIB_MESSAGE_H

#include "tfm/tfm.h"

#include <pthread.h>

/* text of a TFM_LOG_ level as "warning: ..." or "note: ...", one at a time; message NULL, and
 * TFM_LOG_DEBUG, are heard by nobody. */
void message_send(tfm_message *message, void *arg, pthread_mutex_t *lock, int level,
                  const char *text);

#endif
