// pipectl schema.
#include <fmt/format.h>

#include "cli/commands.h"
#include "pipelined/dagfile/schema.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {

void AddSchemaCommand(CLI::App& app, Program& program) {
  CLI::App* schema = AddCommand(app, "schema", "Print the JSON Schema of DAG files, for editors; needs no server",
                                "pipectl schema > dag.schema.json");
  AddOutputOption(*schema, program);
  schema->callback([&program] {
    const auto format = OutputFormat(program.global);
    if (!format) return program.Fail(format.error());
    PrintObject(*format == Layout::kYaml ? Layout::kYaml : Layout::kJson, DagFileSchema());
  });
}

}  // namespace pipelined::cli
