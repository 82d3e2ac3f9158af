#include "control/vswitchctl/command.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>

#include "control/vswitchctl/units.h"

#include <CLI/CLI.hpp>

namespace pollux::ctl {
namespace {

[[noreturn]] void Reject(const std::string& flag, const std::string& value,
                         const std::string& what) {
  throw CLI::ValidationError(absl::StrCat(flag, ": \"", value, "\" is ", what));
}

std::string NameOf(const std::string& flag) { return flag.substr(flag.find(',') + 1); }

CLI::App& AddCommand(CLI::App& parent, const std::string& name, const std::string& help) {
  CLI::App& command = *parent.add_subcommand(name, help);
  command.group("Commands");
  command.get_help_ptr()->group("Flags");
  return command;
}

}  // namespace

CLI::App& AddNoun(CLI::App& app, const std::string& name, const std::string& help) {
  CLI::App& noun = AddCommand(app, name, help);
  noun.require_subcommand(1);
  return noun;
}

CLI::App& AddVerb(CLI::App& parent, const std::string& name, const std::string& help,
                  Chosen& chosen, Action action, Check check) {
  CLI::App& verb = AddCommand(parent, name, help);
  verb.callback([&chosen, action = std::move(action), check = std::move(check)] {
    if (const std::optional<std::string> wrong = check ? check() : std::nullopt) {
      throw CLI::ValidationError(*wrong);
    }
    chosen.action = action;
  });
  return verb;
}

Flag Flag::Required() {
  option_->required();
  return *this;
}

Flag Flag::OneOf(const std::vector<std::string>& values) {
  option_->check([values](const std::string& value) {
    return std::find(values.begin(), values.end(), value) != values.end()
               ? std::string()
               : absl::StrCat("\"", value, "\" is not one of ", absl::StrJoin(values, ", "));
  });
  return *this;
}

Flag Flag::Needs(Flag other) {
  option_->needs(other.option_);
  return *this;
}

Flag Flag::Excludes(Flag other) {
  option_->excludes(other.option_);
  return *this;
}

Flag AddText(CLI::App& verb, const std::string& name, const std::string& value,
             const std::string& help, std::function<void(const std::string&)> set) {
  const auto checked = [name, set = std::move(set)](const std::string& text) {
    if (text.empty()) {
      Reject(NameOf(name), text, "empty");
    }
    set(text);
  };
  return Flag(verb.add_option_function<std::string>(name, checked, help)->option_text(value));
}

Flag AddTexts(CLI::App& verb, const std::string& name, const std::string& value,
              const std::string& help, std::function<void(const std::string&)> add) {
  const auto add_all = [name, add = std::move(add)](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (text.empty()) {
        Reject(NameOf(name), text, "empty");
      }
      add(text);
    }
  };
  return Flag(verb.add_option_function<std::vector<std::string>>(name, add_all, help)
                  ->delimiter(',')
                  ->option_text(absl::StrCat(value, value.empty() ? "" : " ", "...")));
}

Flag AddNumber(CLI::App& verb, const std::string& name, const std::string& help,
               std::function<void(std::uint32_t)> set) {
  return AddText(verb, name, "N", help, [name, set = std::move(set)](const std::string& text) {
    std::uint32_t number = 0;
    if (!absl::SimpleAtoi(text, &number)) {
      Reject(NameOf(name), text, "no number from 0 to 4294967295");
    }
    set(number);
  });
}

Flag AddDuration(CLI::App& verb, const std::string& name, const std::string& help,
                 std::function<void(std::chrono::milliseconds)> set) {
  return AddText(verb, name, "DURATION", help,
                 [name, set = std::move(set)](const std::string& text) {
                   const std::optional<std::chrono::milliseconds> duration = ParseDuration(text);
                   if (!duration) {
                     Reject(NameOf(name), text, "no duration such as 500ms, 10s or 2m");
                   }
                   set(*duration);
                 });
}

Flag AddSwitch(CLI::App& verb, const std::string& name, const std::string& help,
               std::function<void()> set) {
  return Flag(verb.add_flag_callback(name, std::move(set), help));
}

void AddWatch(CLI::App& verb, std::function<void(std::uint32_t)> set_interval_ms) {
  constexpr std::uint32_t kDefaultMs = 1000;
  const Flag watch = AddSwitch(verb, "--watch", "again and again, with rates, until interrupted",
                               [set_interval_ms] { set_interval_ms(kDefaultMs); });
  AddDuration(verb, "--interval", "how often, at least 100ms (default: 1s)",
              [set_interval_ms](std::chrono::milliseconds interval) {
                set_interval_ms(static_cast<std::uint32_t>(interval.count()));
              })
      .Needs(watch);
}

}  // namespace pollux::ctl
