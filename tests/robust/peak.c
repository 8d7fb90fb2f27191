/* peak.c - run a program and say how much memory it took at its most.
 *
 *     peak FILE PROGRAM ARGUMENT...     FILE gets it, in KiB
 *
 * What is resident counts: the heap, and the pages of mapped files that were read.
 * Exits as the program does; 128 and the signal's number if one ended it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct rusage usage;
  int status;
  FILE *file = argc > 2 ? fopen(argv[1], "w") : NULL;
  if (file == NULL)
    return 99;
  pid_t pid = vfork(); /* no copy of this process, whose size would count too */
  if (pid == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
    return 99;
  fprintf(file, "%ld\n", usage.ru_maxrss);
  fclose(file);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
