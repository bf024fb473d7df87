#include "cli/live/run_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "cli/runs/instance_name.h"
#include "cli/live/live_view.h"
#include "cli/output/output.h"
#include "cli/output/table.h"

namespace pipelined::cli {
namespace {

constexpr std::size_t kTailLines = 8;

bool IsEnd(const std::string& state) {
  return state == "success" || state == "failed" || state == "skipped" || state == "upstream_failed" ||
         state == "removed";
}

std::string StateOf(const Value& task) {
  const std::string state = TextOf(task, "state");
  return state.empty() ? "none" : state;
}

double Number(const Value* value) {
  return value != nullptr && value->is_number() ? value->number() : -1;
}

double Elapsed(const Value& task, Instant now) {
  const auto start = ParseInstant(TextOf(task, "start"));
  const auto end = ParseInstant(TextOf(task, "end"));
  if (!start) return 0;
  return std::max(0.0, static_cast<double>(((end ? *end : now) - *start).count()) / 1e6);
}

// A task, or a group of tasks, or a mapped task with its instances.
struct Node {
  std::string label;
  const Value* task = nullptr;
  std::vector<std::unique_ptr<Node>> children;
  int total = 0, ended = 0, bad = 0, active = 0;

  std::map<std::string, Node*> groups;  // of the children

  Node& Add(const std::string& name) {
    children.push_back(std::make_unique<Node>());
    children.back()->label = name;
    return *children.back();
  }
  Node& Group(const std::string& name) {
    Node*& group = groups[name];
    if (group == nullptr) group = &Add(name);
    return *group;
  }
  bool IsGroup() const { return task == nullptr; }
};

// How many tasks have ids that begin so: a dot makes a group only where two share what is before it.
std::map<std::string, int> Prefixes(const Value::List& tasks) {
  std::map<std::string, int> counts;
  std::string last;
  for (const Value& task : tasks) {
    const std::string id = TextOf(task, "task_id");
    if (id == last) continue;  // another instance of it
    last = id;
    for (std::size_t dot = id.find('.'); dot != std::string::npos; dot = id.find('.', dot + 1))
      ++counts[id.substr(0, dot)];
  }
  return counts;
}

void Count(Node& node) {
  if (node.task != nullptr) {
    const std::string state = StateOf(*node.task);
    node.total = 1;
    node.ended = IsEnd(state) ? 1 : 0;
    node.bad = state == "failed" || state == "upstream_failed" ? 1 : 0;
    node.active = state == "running" || state == "deferred" || state == "up_for_retry" ? 1 : 0;
  }
  for (const auto& child : node.children) {
    Count(*child);
    node.total += child->total;
    node.ended += child->ended;
    node.bad += child->bad;
    node.active += child->active;
  }
}

Node Plant(const Value::List& tasks) {
  const auto prefixes = Prefixes(tasks);
  Node root;
  for (const Value& task : tasks) {
    const std::string id = TextOf(task, "task_id");
    Node* at = &root;
    for (std::size_t dot = id.find('.'); dot != std::string::npos; dot = id.find('.', dot + 1)) {
      if (prefixes.at(id.substr(0, dot)) > 1) at = &at->Group(id.substr(0, dot) + ".");
    }
    const Value* index = task.Find("map_index");
    if (index != nullptr && index->is_int() && index->integer() >= 0) at = &at->Group(id + "[]");
    at->Add(InstanceName(task)).task = &task;
  }
  Count(root);
  return root;
}

// --- lines

struct Line {
  std::string name, state, rest;
  int weight = 0;  // what goes first when there is no room is what has the least
};

class Painter {
 public:
  Painter(const Value& previous, const TreeOptions& options) : previous_(previous), options_(options) {}

  void Walk(const Node& node, std::size_t depth) {
    for (const auto& child : node.children) {
      lines_.push_back(child->IsGroup() ? OfGroup(*child, depth) : OfTask(*child, depth));
      Walk(*child, depth + 1);
    }
  }

  // At most `room` lines; the last says how many are missing.
  std::vector<std::string> Take(std::size_t room) {
    std::size_t missing = 0;
    if (lines_.size() > room) {
      std::vector<int> weights;
      for (const Line& line : lines_) weights.push_back(line.weight);
      std::sort(weights.begin(), weights.end(), std::greater<>());
      const std::size_t shown = room > 1 ? room - 1 : 0;
      const int least = shown == 0 ? weights.front() + 1 : weights[shown - 1];
      std::size_t equal = shown - static_cast<std::size_t>(std::count_if(weights.begin(), weights.end(),
                                                                         [&](int weight) { return weight > least; }));
      std::erase_if(lines_, [&](const Line& line) {
        const bool keep = line.weight > least || (line.weight == least && equal > 0);
        if (keep && line.weight == least) --equal;
        missing += keep ? 0 : 1;
        return !keep;
      });
    }
    std::size_t name_width = 0;
    for (const Line& line : lines_) name_width = std::max(name_width, Width(line.name));
    state_width_ = 0;
    for (const Line& line : lines_) state_width_ = std::max(state_width_, Width(line.state));
    name_width = std::min(name_width, std::max<std::size_t>(options_.width / 2, 12));
    std::vector<std::string> texts;
    for (const Line& line : lines_) texts.push_back(Paint(line, name_width));
    if (missing > 0 && room > 0) texts.push_back(Shortened(fmt::format("  … {} more", missing), options_.width));
    return texts;
  }

 private:
  static std::string Indented(const std::string& name, std::size_t depth) {
    return std::string(2 * (depth + 1), ' ') + name;
  }

  static Line OfGroup(const Node& node, std::size_t depth) {
    const double share = node.total == 0 ? 1 : static_cast<double>(node.ended) / node.total;
    const bool is_mapped = node.label.ends_with("[]");
    const std::string name = node.label.substr(0, node.label.size() - (is_mapped ? 2 : 1));
    std::string rest = fmt::format("{} {}/{}", Bar(share, 10), node.ended, node.total);
    if (node.bad > 0) rest += fmt::format(", {} failed", node.bad);
    return {Indented(name, depth), "", rest, node.bad > 0 || node.active > 0 ? 4 : node.ended == node.total ? 1 : 2};
  }

  Line OfTask(const Node& node, std::size_t depth) const {
    const Value& task = *node.task;
    const std::string state = StateOf(task);
    Line line{Indented(node.label, depth), state == "none" ? "-" : state, "", 0};
    const Value* tried = task.Find("try_number");
    if (tried != nullptr && tried->is_int() && tried->integer() > 1)
      line.rest = fmt::format("(try {}) ", tried->integer());
    const double elapsed = Elapsed(task, options_.now);
    if (!TextOf(task, "start").empty()) line.rest += Clock(Micros(static_cast<std::int64_t>(elapsed * 1e6)));
    if (state == "running") {
      const double before = Number(previous_.Find(TextOf(task, "task_id")));
      if (before > 0.5) line.rest += " " + Bar(std::min(elapsed / before, 1.0), 10);
    }
    const bool is_hot = state == "running" || state == "deferred" || state == "failed" || state == "up_for_retry";
    line.weight = is_hot ? 5 : state == "none" || state == "scheduled" || state == "queued" ? 1 : 0;
    if (state == "upstream_failed") line.weight = 2;
    return line;
  }

  std::string Paint(const Line& line, std::size_t name_width) const {
    const std::string name = Shortened(line.name, name_width);
    const std::string before = name + std::string(name_width - Width(name) + 2, ' ');
    const bool both = !line.state.empty() && !line.rest.empty();
    const std::string after = both ? std::string(state_width_ - Width(line.state) + 2, ' ') + line.rest : line.rest;
    if (Width(before) + Width(line.state) + Width(after) > options_.width)
      return Shortened(before + line.state + after, options_.width);
    return before + ColouredState(line.state, options_.colour) + after;
  }

  const Value& previous_;
  const TreeOptions& options_;
  std::vector<Line> lines_;
  std::size_t state_width_ = 0;
};

// Counts by state, in the order in which they matter.
std::string Summary(const Value::List& tasks) {
  static constexpr const char* kOrder[] = {"running",      "deferred", "success",   "failed", "upstream_failed",
                                           "up_for_retry", "skipped",  "scheduled", "queued", "none"};
  std::map<std::string, int> counts;
  for (const Value& task : tasks) ++counts[StateOf(task)];
  std::string text;
  for (const char* state : kOrder) {
    if (const auto found = counts.find(state); found != counts.end())
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", found->second, state);
  }
  return text;
}

std::string Foot(const Value& run, const Value::List& tasks, const Value& previous, const Value& previous_duration,
                 Instant now) {
  const auto ended = std::count_if(tasks.begin(), tasks.end(), [](const Value& task) { return IsEnd(StateOf(task)); });
  const double share = tasks.empty() ? 1 : static_cast<double>(ended) / static_cast<double>(tasks.size());
  std::string text = fmt::format("{} {:.0f}%  {}", Bar(share, 30), share * 100, Summary(tasks));
  const double left = SecondsLeft(tasks, previous, previous_duration, now);
  if (!IsEnd(TextOf(run, "state")) && left > 0.5)
    text += fmt::format("  about {} left", Clock(Micros(static_cast<std::int64_t>(left * 1e6))));
  return text;
}

std::vector<std::string> Tail(const LogTail& tail, const TreeOptions& options) {
  std::vector<std::string> lines;
  if (tail.lines.empty() || options.height < 10) return lines;
  const std::size_t most = std::min(kTailLines, options.height / 3);
  lines.push_back(Shortened(fmt::format("the log of {} ends:", tail.task), options.width));
  for (std::size_t at = tail.lines.size() - std::min(tail.lines.size(), most); at < tail.lines.size(); ++at) {
    std::string text = tail.lines[at];
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
    lines.push_back(Shortened("  | " + text, options.width));
  }
  return lines;
}

}  // namespace

double SecondsLeft(const Value::List& tasks, const Value& previous, const Value& previous_duration, Instant now) {
  if (!previous.is_map() || previous.map().empty()) return -1;
  double whole = 0, left = 0;
  for (const Value& task : tasks) {
    const double took = std::max(Number(previous.Find(TextOf(task, "task_id"))), 0.0);
    whole += took;
    if (IsEnd(StateOf(task))) continue;
    left += StateOf(task) == "running" ? std::max(took - Elapsed(task, now), 0.0) : took;
  }
  // Tasks ran beside one another: what is left takes its share of how long that run took as a whole.
  const double duration = previous_duration.is_number() ? previous_duration.number() : whole;
  return whole > 0 ? left / whole * std::min(duration, whole) : -1;
}

std::vector<std::string> RunTree(const Value& progress, const Value& previous, const Value& previous_duration,
                                 const LogTail& tail, const TreeOptions& options) {
  static const Value kNoRun{Value::Map{}};
  static const Value::List kNoTasks;
  const Value* run = progress.Find("run");
  const Value* listed = progress.Find("tasks");
  if (run == nullptr) run = &kNoRun;
  const Value::List& tasks = listed != nullptr && listed->is_list() ? listed->list() : kNoTasks;
  const auto start = ParseInstant(TextOf(*run, "start_date"));
  const auto end = ParseInstant(TextOf(*run, "end_date"));
  const std::string state = TextOf(*run, "state");
  const std::string head = fmt::format("{} {}", TextOf(*run, "dag_id"), TextOf(*run, "dag_run_id"));
  const std::string passed = start ? "  " + Clock((end ? *end : options.now) - *start) : "";
  std::vector<std::string> lines;
  const std::size_t head_room =
      options.width > state.size() + passed.size() + 2 ? options.width - state.size() - passed.size() - 2 : 0;
  lines.push_back(Shortened(head, head_room) + "  " + ColouredState(state, options.colour) + passed);
  const std::vector<std::string> below = Tail(tail, options);
  Painter painter(previous, options);
  painter.Walk(Plant(tasks), 0);
  const std::size_t taken = 2 + below.size() + 1;  // head, foot, and the line that the cursor is on
  for (std::string& line : painter.Take(options.height > taken ? options.height - taken : 1))
    lines.push_back(std::move(line));
  lines.push_back(Shortened(Foot(*run, tasks, previous, previous_duration, options.now), options.width));
  lines.insert(lines.end(), below.begin(), below.end());
  return lines;
}

}  // namespace pipelined::cli
