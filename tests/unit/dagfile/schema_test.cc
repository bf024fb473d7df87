// The schema of DAG files against the tables that the loader reads with, and against files that load.
#include "pipelined/dagfile/schema.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "dagfile/document.h"
#include "dagfile/schema_table.h"
#include "dagfile/text.h"
#include "dagfile/values.h"
#include "pipelined/schema/json.h"
#include "pipelined/schema/json_schema.h"

namespace pipelined {
namespace {

namespace fs = std::filesystem;

std::vector<Value> DocumentsOf(const std::string& text) {
  const LoadLimits limits;
  dagfile::Reporter reporter("test", 10);
  std::vector<Value> values;
  for (const dagfile::SourceText& source : dagfile::SplitDocuments({"test", text, 1})) {
    const auto document = dagfile::Document::Parse(source, limits, reporter);
    if (document != nullptr) values.push_back(dagfile::ToValue(document->root()));
  }
  return values;
}

std::string Faults(const Value& document) {
  std::string text;
  for (const SchemaViolation& violation : ValidateSchema(DagFileSchema(), document))
    text += violation.path + ": " + violation.message + "\n";
  return text;
}

TEST(DagFileSchema, DescribesEveryKeyThatIsRead) {
  for (const dagfile::KeyPlace& place : dagfile::KeyPlaces()) {
    for (const dagfile::KeyRow& row : place.keys) {
      const bool later = row.key == dagfile::Key::kLater && row.no_op.empty();
      EXPECT_EQ(dagfile::Describe(place.name, row.name) != nullptr, !later) << place.name << " " << row.name;
    }
  }
}

TEST(DagFileSchema, EveryDescriptionIsJson) {
  for (const dagfile::KeyDescription& row : dagfile::kKeyDescriptions) {
    EXPECT_TRUE(row.schema.starts_with("@") || ParseJson(row.schema)) << row.name;
    EXPECT_FALSE(row.meaning.empty() || row.meaning.ends_with('.')) << row.name;
  }
}

TEST(DagFileSchema, FilesThatLoadFitIt) {
  int documents = 0;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(std::string(PIPELINED_SOURCE_DIR) + "/dags")) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".yaml" || name == "defaults.yaml") continue;
    if (entry.path().parent_path().filename().string().starts_with("_")) continue;  // task templates
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    for (const Value& document : DocumentsOf(text.str())) {
      EXPECT_EQ(Faults(document), "") << entry.path();
      ++documents;
    }
  }
  EXPECT_GE(documents, 20);
}

TEST(DagFileSchema, MistakesDoNot) {
  for (const char* text :
       {"tasks: {a: {bsh: x}}", "tasks: {a: {bash: x, retries: -1}}", "tasks: {a: {bash: x, retries: soon}}",
        "schedle: x\ntasks: {a: {bash: x}}", "tasks: [a]", "overlap: no\ntasks: {a: {bash: x}}",
        "schedule: {evry: 5m}\ntasks: {a: {bash: x}}", "tasks: {a: {bash: x, on_success: {chanel: y}}}"}) {
    EXPECT_NE(Faults(DocumentsOf(text).at(0)), "") << text;
  }
}

}  // namespace
}  // namespace pipelined
