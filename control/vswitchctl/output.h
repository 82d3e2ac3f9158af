// What a command prints on stdout: one answer, or an answer again and again, in the form that -o
// asked for.
// Threading: one thread.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <optional>
#include <ostream>

namespace pollux::ctl {

enum class Format { kTable, kJson, kYaml };

class Output {
 public:
  // Writes the answer for people.
  using ForPeople = std::function<void(std::ostream&)>;

  Output(std::ostream& out, std::optional<Format> format, bool is_terminal = false)
      : out_(out), format_(format), is_terminal_(is_terminal) {}

  [[nodiscard]] bool for_people() const {
    return format_.value_or(Format::kTable) == Format::kTable;
  }

  [[nodiscard]] bool is_terminal() const { return is_terminal_; }
  // For answers in a format of their own.
  std::ostream& bytes() { return out_; }

  void Print(const google::protobuf::Message& reply, const ForPeople& for_people);
  // One of a stream: JSON on one line, YAML as a document of its own; written out at once. False:
  // nobody reads any more.
  bool PrintNext(const google::protobuf::Message& message, const ForPeople& for_people);

 private:
  std::ostream& out_;
  const std::optional<Format> format_;
  const bool is_terminal_;
};

}  // namespace pollux::ctl
