// spawn_yardstick COUNT IN_FLIGHT COMMAND [ARGUMENT]...: starts COMMAND COUNT times with bare posix_spawn, IN_FLIGHT at
// a time, and prints the seconds from the first start to the last end. What an orchestrator cannot beat.
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

double Now() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: spawn_yardstick COUNT IN_FLIGHT COMMAND [ARGUMENT]...\n");
    return 2;
  }
  const int count = atoi(argv[1]), in_flight = atoi(argv[2]);
  const double begin = Now();
  int started = 0, ended = 0;
  while (ended < count) {
    while (started < count && started - ended < in_flight) {
      pid_t pid = 0;
      if (posix_spawn(&pid, argv[3], nullptr, nullptr, argv + 3, environ) != 0) {
        perror(argv[3]);
        return 1;
      }
      ++started;
    }
    int status = 0;
    if (waitpid(-1, &status, 0) < 0 || status != 0) {
      fprintf(stderr, "%s failed\n", argv[3]);
      return 1;
    }
    ++ended;
  }
  printf("%.6f\n", Now() - begin);
  return 0;
}
