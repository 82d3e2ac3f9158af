#include "control/daemon/flag_line.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

namespace pollux::control {
namespace {

std::string Spelled(const std::string& flag) {
  return "--" + absl::StrReplaceAll(flag, {{"_", "-"}});
}

std::string Help(const Program& program) {
  std::string text(program.usage);
  std::size_t width = 0;
  for (const char* name : program.flags) {
    width = std::max(width, Spelled(name).size() + 2);
  }
  for (const char* name : program.flags) {
    const gflags::CommandLineFlagInfo info = gflags::GetCommandLineFlagInfoOrDie(name);
    const bool has_default =
        info.type != "bool" && !info.default_value.empty() && info.default_value != "-1";
    absl::StrAppend(&text, "  ", absl::StrFormat("%-*s", width, Spelled(name)), info.description,
                    has_default ? absl::StrCat(" (default: ", info.default_value, ")") : "", "\n");
  }
  return text + "  --help, --version\n";
}

// One flag of the line: its name, and its value if it came as --name=value.
struct Argument {
  explicit Argument(const std::string& text) {
    const std::size_t equals = text.find('=');
    name = absl::StrReplaceAll(text.substr(2, equals == std::string::npos ? equals : equals - 2),
                               {{"-", "_"}});
    if (equals != std::string::npos) {
      value = text.substr(equals + 1);
    }
  }
  std::string name;
  std::optional<std::string> value;
};

// Sets the flags; an error says what is wrong with which.
absl::Status SetFlags(const Program& program, const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].rfind("--", 0) != 0) {
      return absl::InvalidArgumentError(absl::StrCat("unexpected argument ", arguments[i]));
    }
    Argument argument(arguments[i]);
    if (std::ranges::find(program.flags, argument.name) == program.flags.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown flag ", Spelled(argument.name)));
    }
    const bool is_bool = gflags::GetCommandLineFlagInfoOrDie(argument.name.c_str()).type == "bool";
    if (!argument.value && !is_bool && i + 1 == arguments.size()) {
      return absl::InvalidArgumentError(Spelled(argument.name) + " needs a value");
    }
    const std::string value = argument.value ? *argument.value : is_bool ? "true" : arguments[++i];
    if (gflags::SetCommandLineOption(argument.name.c_str(), value.c_str()).empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Spelled(argument.name), ": ", value, " is not of its type"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

LineOutcome BadUsage(const Program& program, std::string_view what) {
  return {.run = false,
          .exit_code = 2,
          .text = absl::StrCat(std::string(program.name), ": ", std::string(what), "; see ",
                               std::string(program.name), " --help\n")};
}

LineOutcome ReadLine(const Program& program, int argc, const char* const* argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto has = [&](const char* flag) {
    return std::ranges::find(arguments, flag) != arguments.end();
  };
  if (has("--help") || has("-h")) {
    return {.run = false, .exit_code = 0, .text = Help(program)};
  }
  if (has("--version")) {
    return {
        .run = false,
        .exit_code = 0,
        .text = absl::StrCat(std::string(program.name), " ", std::string(program.version), "\n")};
  }
  const absl::Status status = SetFlags(program, arguments);
  return status.ok() ? LineOutcome{.run = true, .exit_code = 0, .text = {}}
                     : BadUsage(program, std::string(status.message()));
}

// Absolute, without a slash at its end.
absl::StatusOr<std::string> Directory(std::string_view flag, const std::string& value) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(value, error).lexically_normal();
  if (value.empty() || error) {
    return absl::InvalidArgumentError(absl::StrCat(
        std::string(flag), ": ", value.empty() ? "must not be empty" : error.message()));
  }
  return path.has_filename() ? path.string() : path.parent_path().string();
}

}  // namespace pollux::control
