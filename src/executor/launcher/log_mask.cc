#include "executor/launcher/log_mask.h"

#include <cstdlib>
#include <cstring>

namespace pipelined::executor {
namespace {

constexpr char kStars[] = "***";

}  // namespace

LogMask::~LogMask() {
  std::free(held_);
  std::free(forms_);
}

void LogMask::Append(const char* data, std::size_t size) {
  if (count_ == 0) return log_.Append(data, size);
  if (!Prepare() || !Reserve(size_ + size)) return;  // out of memory: rather no output than a secret
  std::memcpy(held_ + size_, data, size);
  size_ += size;
  const std::size_t passed = Pass(false);
  size_ -= passed;
  std::memmove(held_, held_ + passed, size_);
}

void LogMask::Finish() {
  if (size_ > 0) Pass(true);
  size_ = 0;
}

bool LogMask::Prepare() {
  if (forms_ != nullptr) return true;
  forms_ = static_cast<Form*>(std::malloc(count_ * sizeof(Form)));
  if (forms_ == nullptr) return false;
  Form* last[256] = {};
  const char* text = texts_;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const auto byte = static_cast<unsigned char>(*text);
    forms_[i] = {text, std::strlen(text), nullptr};
    if (last[byte] == nullptr) {
      first_[byte] = &forms_[i];
    } else {
      last[byte]->next = &forms_[i];
    }
    last[byte] = &forms_[i];
    text += forms_[i].size + 1;
  }
  return true;
}

bool LogMask::Reserve(std::size_t size) {
  if (size <= room_) return true;
  auto* more = static_cast<char*>(std::realloc(held_, size));
  if (more == nullptr) return false;
  held_ = more;
  room_ = size;
  return true;
}

// Writes what is held, up to where a secret may have begun. How much that was.
std::size_t LogMask::Pass(bool last) {
  std::size_t written = 0, at = 0;
  while (at < size_) {
    if (first_[static_cast<unsigned char>(held_[at])] == nullptr) {
      ++at;
      continue;
    }
    std::size_t length = 0;
    const Match match = At(held_ + at, size_ - at, last, &length);
    if (match == Match::kBegun) break;
    if (match == Match::kNone) {
      ++at;
      continue;
    }
    if (at > written) log_.Append(held_ + written, at - written);
    log_.Append(kStars, sizeof kStars - 1);
    at += length;
    written = at;
  }
  if (at > written) log_.Append(held_ + written, at - written);
  return at;
}

LogMask::Match LogMask::At(const char* data, std::size_t size, bool last, std::size_t* length) const {
  for (const Form* form = first_[static_cast<unsigned char>(*data)]; form != nullptr; form = form->next) {
    const std::size_t known = form->size < size ? form->size : size;
    if (std::memcmp(form->text, data, known) != 0) continue;
    if (known == form->size) {
      *length = known;
      return Match::kWhole;
    }
    if (!last) return Match::kBegun;
  }
  return Match::kNone;
}

}  // namespace pipelined::executor
