#include "scheduler/expansions.h"

#include "scheduler/try_templates.h"

namespace pipelined {

Result<std::shared_ptr<const Expansion>> Evaluate(const Mapping& mapping, const LaunchRequest& request,
                                                  const LaunchOptions& options) {
  const auto templates = TryTemplates::Make(request, options);
  if (!templates) return templates.error();
  return Expansion::Make(mapping.expand, [&](const std::string& text, const std::string& place) {
    return (*templates)->Evaluate(text, place);
  });
}

Result<std::vector<std::pair<TaskNo, std::vector<std::string>>>> NameInstances(
    const Dag& dag, const std::shared_ptr<const Expansion>& expansion, std::uint32_t mapping, LaunchRequest request,
    const LaunchOptions& options) {
  std::vector<std::pair<TaskNo, std::vector<std::string>>> all;
  request.expansion = expansion;
  for (const TaskNo task : dag.mappings[mapping].tasks) {
    const std::string& text = dag.mapped[dag.tasks[task].mapped - 1].map_index_template;
    if (text.empty()) continue;
    std::vector<std::string> names;
    request.task = task;
    for (std::uint64_t index = 0; index < expansion->size(); ++index) {
      request.attempt.map_index = static_cast<std::int32_t>(index);
      const auto templates = TryTemplates::Make(request, options);
      if (!templates) return templates.error();
      auto name = (*templates)->Render(text, "map_index_template");
      if (!name) return name.error();
      names.push_back(std::move(*name));
    }
    all.emplace_back(task, std::move(names));
  }
  return all;
}

}  // namespace pipelined
