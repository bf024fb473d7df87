// What nobody may see of a text: secrets that were read, in the forms in which programs write them.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace pipelined {

// `text` with "***" in the place of each of `forms`, which are as of SecretMask::Forms().
std::string Masked(std::string text, const std::vector<std::string>& forms);

class SecretMask {
 public:
  // Shorter ones are not masked: they would hide half of every log, and tell where they stand.
  static constexpr std::size_t kShortest = 5;  // bytes, as Airflow

  void Add(const std::string& secret);

  std::string Apply(std::string text) const { return Masked(std::move(text), Forms()); }

  // What is replaced: each secret as it is, escaped for JSON, for a URL, and quoted for a shell; of one with blanks
  // at an end also what is between them, of one with several lines also each of them. The longest first.
  std::vector<std::string> Forms() const;

  bool empty() const { return forms_.empty(); }

 private:
  void AddForm(std::string form);
  void AddForms(const std::string& secret);
  std::set<std::string> forms_;
};

}  // namespace pipelined
