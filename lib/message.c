/* message.c - what plugins say, handed to a caller's callback. */
#include "lib/message.h"

#include "tfm/plugin.h"

#include <stdbool.h>
#include <stdio.h>

void message_send(tfm_message *message, void *arg, pthread_mutex_t *lock, int level,
                  const char *text) {
  if (!message || level <= TFM_LOG_DEBUG)
    return;
  bool warning = level >= TFM_LOG_WARNING;
  char line[1100];
  snprintf(line, sizeof line, "%s: %s", warning ? "warning" : "note", text);
  pthread_mutex_lock(lock);
  message(arg, warning, line);
  pthread_mutex_unlock(lock);
}
