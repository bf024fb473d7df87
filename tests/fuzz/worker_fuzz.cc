// What servers and other processes may say to the worker: frames and journal lines, addresses, headers, pointers, URLs.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pipelined/executor/worker_protocol.h"
#include "pipelined/schema/json.h"
#include "worker/http_answer.h"
#include "worker/http_request.h"
#include "worker/json_pointer.h"
#include "worker/mail_text.h"

using namespace pipelined;

// No header may be made of two lines.
static void CheckOneLine(const std::string& text) {
  if (text.find('\n') != std::string::npos && text.find("\r\n ") == std::string::npos) __builtin_trap();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0: {
      std::string buffer = text;
      worker::TakeFrames(buffer, [](const Value&) {});
      break;
    }
    case 1:
      worker::ReadLine(text);
      break;
    case 2:
      if (const auto address = worker::ParseAddress(text)) CheckOneLine(worker::FormatAddress(*address));
      break;
    case 3:
      if (const auto header = worker::EncodeHeader(text)) CheckOneLine(*header);
      break;
    case 4:
      if (const auto spec = ParseJson(text)) {
        if (const auto request = worker::MakeRequest(*spec)) {
          for (const auto& [name, value] : request->headers) CheckOneLine(name + value);
        }
        worker::ReadMail(*spec).ok();
      }
      break;
    default:
      worker::FindByPointer(Value(Value::Map{{"a", Value::List{1, 2}}}), text);
      worker::Judge(Value(Value::Map{{"output", Value::Map{{"x", "/a"}}}}), 200, text);
      worker::ShowUrl(text);
  }
  return 0;
}
