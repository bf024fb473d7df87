// pipectl, the command line: a client of the REST API, and the authoring commands that need no server.
#pragma once

namespace pipelined {

// The whole program; the result is its exit code (see Exit in src/cli/shell/exit_code.h).
int RunPipectl(int argc, char** argv);

}  // namespace pipelined
