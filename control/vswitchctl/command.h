// How a noun declares its verbs: flags that fill a request, and what is done with it.
//
// A verb's flags write straight into the message that is sent; the action runs later, once, if the
// line names that verb. The switch checks what values mean and names the field; here is checked
// what only the line can get wrong.
// CLI11 is behind this header: it costs seconds in every file that includes it.
// Threading: main thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/vswitchctl/api.h"
#include "control/vswitchctl/output.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not our name
class App;
class Option;
}  // namespace CLI

namespace pollux::ctl {

// What an action works with.
struct Session {
  Api& api;
  Output& output;
  std::ostream& notes;  // stderr: what is not part of the answer
};

using Action = std::function<absl::Status(Session&)>;

// Where the parser leaves what the line asks for.
struct Chosen {
  Action action;
};

// A noun of the command line; it wants one verb.
CLI::App& AddNoun(CLI::App& app, const std::string& name, const std::string& help);
// What is wrong with a line whose flags are all known; nothing if it is right.
using Check = std::function<std::optional<std::string>()>;
// A verb, or a noun that is one; `action` is what it does.
CLI::App& AddVerb(CLI::App& parent, const std::string& name, const std::string& help,
                  Chosen& chosen, Action action, Check check = nullptr);

// A flag or a positional argument that was declared.
class Flag {
 public:
  explicit Flag(CLI::Option* option) : option_(option) {}
  Flag Required();
  Flag OneOf(const std::vector<std::string>& values);
  Flag Needs(Flag other);
  Flag Excludes(Flag other);

 private:
  CLI::Option* option_;
};

// `name`: "--flag", or "NAME" for a positional argument; `value`: the name of the flag's value.
Flag AddText(CLI::App& verb, const std::string& name, const std::string& value,
             const std::string& help, std::function<void(const std::string&)> set);
// May be repeated, and have several values separated by commas or spaces.
Flag AddTexts(CLI::App& verb, const std::string& name, const std::string& value,
              const std::string& help, std::function<void(const std::string&)> add);
Flag AddNumber(CLI::App& verb, const std::string& name, const std::string& help,
               std::function<void(std::uint32_t)> set);
Flag AddDuration(CLI::App& verb, const std::string& name, const std::string& help,
                 std::function<void(std::chrono::milliseconds)> set);
// Without a value.
Flag AddSwitch(CLI::App& verb, const std::string& name, const std::string& help,
               std::function<void()> set);

// --watch and --interval, which say how often a request is answered.
void AddWatch(CLI::App& verb, std::function<void(std::uint32_t)> set_interval_ms);

// The action of a request that is a message, for one call and one way to show the answer.
template <typename Request, typename Reply>
Action Ask(std::shared_ptr<const Request> request,
           absl::StatusOr<Reply> (Api::*call)(const Request&),
           void (*show)(const Reply&, std::ostream&)) {
  return [=](Session& session) {
    const absl::StatusOr<Reply> reply = (session.api.*call)(*request);
    if (reply.ok()) {
      session.output.Print(*reply, [&](std::ostream& out) { show(*reply, out); });
    }
    return reply.status();
  };
}

// Likewise for a stream.
template <typename Request, typename Message>
Action Follow(std::shared_ptr<const Request> request,
              absl::Status (Api::*call)(const Request&, const Api::Each<Message>&),
              void (*show)(const Message&, std::ostream&)) {
  return [=](Session& session) {
    return (session.api.*call)(*request, [&](const Message& message) {
      return session.output.PrintNext(message, [&](std::ostream& out) { show(message, out); });
    });
  };
}

}  // namespace pollux::ctl
