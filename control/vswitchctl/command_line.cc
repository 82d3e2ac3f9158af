#include "control/vswitchctl/command_line.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include <algorithm>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/words.h"

#include <CLI/CLI.hpp>

namespace pollux::ctl {
namespace {

constexpr const char* kAbout =
    "The command line of vswitchd, the switch of a node.\n"
    "Exit status: 0 done, 1 failed (the message says why), 2 bad usage.";
constexpr const char* kGlobalFlags =
    "Flags of every command: --run-dir DIR or --server ADDRESS, -o table|json|yaml;\n"
    "see vswitchctl --help.";

// Help without what the parser thinks of types: the value's name, and what is required.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() {
    column_width(kColumn);
    label("SUBCOMMAND", "COMMAND");
    label("OPTIONS", "FLAGS");
    label("Positionals", "Arguments");
  }

  std::string make_description(const CLI::App* app) const override {
    return Wrap(app->get_description(), kWidth) + "\n\n";
  }
  // In the list of commands: the first sentence.
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string help = command->get_description();
    std::stringstream out;
    CLI::detail::format_help(out, command->get_name(),
                             Wrap(help.substr(0, help.find('\n')), kWidth - kColumn), kColumn);
    return out.str();
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return absl::StrCat(option->get_option_text().empty() ? "" : " ", option->get_option_text());
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const bool said = option->get_required() && !option->get_positional();
    return Wrap(absl::StrCat(said ? "(required) " : "", option->get_description()),
                kWidth - kColumn);
  }

 private:
  static constexpr std::size_t kWidth = 100;
  static constexpr std::size_t kColumn = 32;
};

struct GlobalFlags {
  std::string run_dir = "/run/pollux";
  std::string server;
  std::string tls_cert, tls_key, tls_ca;
  std::optional<Format> format;
};

// Every noun and flag, and where the parser leaves what it found.
class Parser {
 public:
  Parser() : app_(kAbout, "vswitchctl") {
    app_.formatter(std::make_shared<HelpFormatter>());
    app_.option_defaults()->group("Flags");
    app_.set_help_flag("-h,--help", "prints this and exits");
    app_.set_version_flag("--version", "vswitchctl " POLLUX_VERSION,
                          "prints the version and exits");
    app_.fallthrough();
    app_.footer(kGlobalFlags);  // inherited by what is added from here on
    AddGlobalFlags();
    for (const auto add :
         {AddStatusNoun, AddPortNoun, AddEndpointNoun, AddRouteNoun, AddServiceNoun, AddPolicyNoun,
          AddNeighbourNoun, AddFlowNoun, AddDropsNoun, AddStatsNoun, AddTraceNoun, AddCaptureNoun,
          AddWhyNoun, AddConfigNoun, AddWatchNoun, AddAgentNoun}) {
      add(app_, chosen_);
    }
    app_.require_subcommand(1);
    app_.footer("vswitchctl COMMAND --help tells more.");
  }

  CommandLine Parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());
    try {
      app_.parse(arguments);
    } catch (const CLI::CallForHelp&) {
      return {.text = app_.help()};
    } catch (const CLI::CallForVersion& version) {
      return {.text = absl::StrCat(version.what(), "\n")};
    } catch (const CLI::ParseError& error) {
      return BadUsage(Explain(error));
    }
    CommandLine line{.action = chosen_.action, .address = {}, .format = flags_.format};
    const std::string problem = FillAddress(&line.address);
    return problem.empty() ? line : BadUsage(problem);
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> AllHelp() const {
    std::vector<std::pair<std::string, std::string>> pages;
    AppendHelp(app_, app_.get_name(), "", &pages);
    return pages;
  }

 private:
  void AddGlobalFlags() {
    const Flag run_dir = AddText(app_, "--run-dir", "DIR",
                                 "of vswitchd on this machine; the socket is DIR/vswitchd.sock "
                                 "(default: /run/pollux)",
                                 [this](const std::string& dir) { flags_.run_dir = dir; });
    AddText(app_, "--server", "ADDRESS", "instead: HOST:PORT with mutual TLS, or unix:PATH",
            [this](const std::string& server) { flags_.server = server; })
        .Excludes(run_dir);
    AddText(app_, "--tls-cert", "FILE", "with --server HOST:PORT: our certificate (PEM)",
            [this](const std::string& file) { flags_.tls_cert = file; });
    AddText(app_, "--tls-key", "FILE", "with --server HOST:PORT: its private key (PEM)",
            [this](const std::string& file) { flags_.tls_key = file; });
    AddText(app_, "--tls-ca", "FILE",
            "with --server HOST:PORT: the authority of the switch's certificate (PEM)",
            [this](const std::string& file) { flags_.tls_ca = file; });
    AddText(app_, "-o,--output", "table|json|yaml",
            "form of the answer; json is protobuf's, {\"revision\", \"items\"}; streams print one "
            "JSON document per line (default: table)",
            [this](const std::string& format) {
              flags_.format = format == "json"   ? Format::kJson
                              : format == "yaml" ? Format::kYaml
                                                 : Format::kTable;
            })
        .OneOf({"table", "json", "yaml"});
  }

  // What is wrong with the flags that say where the switch is; empty: nothing.
  std::string FillAddress(Address* address) const {
    const bool any_tls =
        !flags_.tls_cert.empty() || !flags_.tls_key.empty() || !flags_.tls_ca.empty();
    const bool all_tls =
        !flags_.tls_cert.empty() && !flags_.tls_key.empty() && !flags_.tls_ca.empty();
    const bool tcp = !flags_.server.empty() && !absl::StartsWith(flags_.server, "unix:");
    if (tcp && !all_tls) {
      return "--server HOST:PORT needs --tls-cert, --tls-key and --tls-ca";
    }
    if (tcp && flags_.server.find(':') == std::string::npos) {
      return absl::StrCat("--server: \"", flags_.server, "\" is neither HOST:PORT nor unix:PATH");
    }
    if (!tcp && any_tls) {
      return "--tls-cert, --tls-key and --tls-ca are for --server HOST:PORT";
    }
    *address =
        tcp ? Address{.host_port = flags_.server,
                      .tls_cert = flags_.tls_cert,
                      .tls_key = flags_.tls_key,
                      .tls_ca = flags_.tls_ca}
            : Address{.socket = flags_.server.empty() ? flags_.run_dir + "/vswitchd.sock"
                                                      : flags_.server.substr(5),
                      .agent_socket = flags_.server.empty() ? flags_.run_dir + "/agent.sock" : ""};
    return "";
  }

  // The noun or verb that the line got to.
  [[nodiscard]] const CLI::App* Reached() const {
    const CLI::App* reached = &app_;
    while (!reached->get_subcommands().empty()) {
      reached = reached->get_subcommands().front();
    }
    return reached;
  }

  static std::string PathOf(const CLI::App* app) {
    return app->get_parent() == nullptr ? app->get_name()
                                        : PathOf(app->get_parent()) + " " + app->get_name();
  }

  static std::vector<std::string> CommandsOf(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands({})) {
      names.push_back(command->get_name());
    }
    return names;
  }

  [[nodiscard]] std::vector<std::string> FlagsOf(const CLI::App* app) const {
    std::vector<std::string> names;
    for (const CLI::App* from = app; from != nullptr; from = from->get_parent()) {
      for (const CLI::Option* option : from->get_options()) {
        for (const std::string& name : option->get_lnames()) {
          names.push_back("--" + name);
        }
      }
    }
    return names;
  }

  // In words, without the name of the command.
  [[nodiscard]] std::string Explain(const CLI::ParseError& error) const {
    const CLI::App* reached = Reached();
    const std::vector<std::string> commands = CommandsOf(*reached);
    const std::vector<std::string> extra = app_.remaining(true);
    if (!commands.empty() && !extra.empty() && !absl::StartsWith(extra.front(), "-")) {
      return absl::StrCat("there is no ", extra.front(), Suggestion(extra.front(), commands),
                          "; there is ", absl::StrJoin(commands, ", "));
    }
    if (!extra.empty() && absl::StartsWith(extra.front(), "-")) {
      return absl::StrCat("unknown flag ", extra.front(),
                          Suggestion(extra.front(), FlagsOf(reached)));
    }
    if (!commands.empty()) {
      return absl::StrCat("a command is missing: ", absl::StrJoin(commands, ", "));
    }
    if (!extra.empty()) {
      return absl::StrCat("unexpected argument ", extra.front());
    }
    return ExplainFlag(error);
  }

  [[nodiscard]] static std::string ExplainFlag(const CLI::ParseError& error) {
    const std::string what = error.what();
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ArgumentMismatch)) {
      return what.substr(0, what.find(':')) + " needs a value";
    }
    const bool flag = absl::StartsWith(what, "-");
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && !flag) {
      return what + ", in front of flags that take several values";
    }
    return what;
  }

  [[nodiscard]] CommandLine BadUsage(const std::string& what) const {
    const std::string path = PathOf(Reached());
    return {.exit_code = 2,
            .text = absl::StrCat(path, ": ", absl::StrReplaceAll(what, {{"\n", " "}}), "; see ",
                                 path, " --help\n")};
  }

  static void AppendHelp(const CLI::App& app, const std::string& path, const std::string& parent,
                         std::vector<std::pair<std::string, std::string>>* pages) {
    pages->emplace_back(path, app.help(parent));
    for (const CLI::App* command : app.get_subcommands({})) {
      AppendHelp(*command, path + " " + command->get_name(), path, pages);
    }
  }

  CLI::App app_;
  GlobalFlags flags_;
  Chosen chosen_;
};

}  // namespace

CommandLine ParseCommandLine(const std::vector<std::string>& arguments) {
  return Parser().Parse(arguments);
}

std::vector<std::pair<std::string, std::string>> AllHelp() { return Parser().AllHelp(); }

}  // namespace pollux::ctl
