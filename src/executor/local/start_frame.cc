#include "executor/local/start_frame.h"

#include <fmt/format.h>

#include <cstring>

#include "executor/wire.h"

namespace pipelined::executor {
namespace {

bool AppendText(std::string_view text, std::string* frame) {
  if (text.find('\0') != std::string_view::npos) return false;
  frame->append(text).push_back('\0');
  return true;
}

}  // namespace

Result<std::string> MakeStartFrame(const AttemptStart& start, const User* user, const std::string& output_path) {
  if (start.argv.empty()) return Error{ErrorCode::kInvalid, "the command is empty", ""};
  StartFrame head{};
  head.attempt = start.attempt.value;
  head.epoch = start.epoch;
  head.timeout_us = start.timeout.count();
  head.grace_ms = start.grace.count();
  head.args = static_cast<std::uint32_t>(start.argv.size());
  head.envs = static_cast<std::uint32_t>(start.env.size() + 1);
  std::vector<std::string_view> secrets;  // a NUL cannot be within a text that is passed on, nor in what it prints
  for (const std::string& secret : start.secrets) {
    if (!secret.empty() && secret.find('\0') == std::string::npos) secrets.push_back(secret);
  }
  head.secrets = static_cast<std::uint32_t>(secrets.size());
  head.input = start.input ? InputKind::kBytes : start.input_path.empty() ? InputKind::kNone : InputKind::kFile;
  head.input_size = start.input ? static_cast<std::uint32_t>(start.input->size()) : 0;
  head.umask = start.umask.value_or(StartFrame::kKeep);
  head.nice = start.nice.value_or(StartFrame::kKeep);
  if (user != nullptr) {
    head.switch_user = 1;
    head.uid = user->uid;
    head.gid = user->gid;
    head.groups = static_cast<std::uint32_t>(user->groups.size());
  }
  std::string frame(sizeof head, '\0');
  if (user != nullptr) {
    frame.append(reinterpret_cast<const char*>(user->groups.data()), user->groups.size() * sizeof(std::uint32_t));
  }
  bool clean = AppendText(start.working_dir.empty() ? "/" : start.working_dir, &frame) &&
               AppendText(start.log_path, &frame) && AppendText(start.input_path, &frame);
  for (const std::string& argument : start.argv) clean = clean && AppendText(argument, &frame);
  for (const auto& entry : start.env) clean = clean && AppendText(entry.first + "=" + entry.second, &frame);
  clean = clean && AppendText("PIPELINED_OUTPUT=" + output_path, &frame);
  for (const std::string_view secret : secrets) clean = clean && AppendText(secret, &frame);
  if (!clean) return Error{ErrorCode::kInvalid, "the command, its folder or its environment contains a NUL byte", ""};
  if (start.input) frame += *start.input;
  frame.resize(PadFrame(frame.size()));
  if (frame.size() > kMaxFrame) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("the command, its environment and its input are {} bytes long", frame.size()), ""};
  }
  head.head = FrameHead{static_cast<std::uint32_t>(frame.size()), FrameType::kStart};
  std::memcpy(frame.data(), &head, sizeof head);
  return frame;
}

}  // namespace pipelined::executor
