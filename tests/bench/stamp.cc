// stamp LABEL: appends "LABEL nanoseconds\n" (CLOCK_MONOTONIC at the start of main) to the file named by $STAMP_FILE,
// with one write.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const char* path = getenv("STAMP_FILE");
  const int fd = path == nullptr ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
  if (fd < 0 || argc < 2) return 1;
  char line[256];
  const int size = snprintf(line, sizeof line, "%s %lld\n", argv[1], now.tv_sec * 1000000000LL + now.tv_nsec);
  return size > 0 && size < static_cast<int>(sizeof line) && write(fd, line, static_cast<size_t>(size)) == size ? 0 : 1;
}
