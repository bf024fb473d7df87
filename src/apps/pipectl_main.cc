#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "pipelined/cli/pipectl.h"

int main(int argc, char** argv) {
  const int code = pipelined::RunPipectl(argc, argv);
  std::cout.flush();
  std::fflush(nullptr);
  // Not exit(): the threads of cpprestsdk may still be at a connection while what they use, OpenSSL's state above all,
  // is destroyed.
  std::_Exit(code);
}
