#include "pipelined/cli/pipectl.h"

int main(int argc, char** argv) {
  return pipelined::RunPipectl(argc, argv);
}
