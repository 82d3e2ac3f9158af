// vswitchctl config: everything at once, out and in.
#include <absl/strings/str_cat.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "control/vswitchctl/changes.h"
#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/config_file.h"
#include "control/vswitchctl/document.h"

namespace pollux::ctl {
namespace {

struct ApplyFlags {
  std::string file;
  bool sync = false;
  bool dry_run = false;
};

absl::Status Dump(Session& session, const api::GetConfigRequest& request) {
  const absl::StatusOr<api::GetConfigReply> reply = session.api.GetConfig(request);
  if (reply.ok()) {
    // For people as well: what is printed is meant to be taken back.
    session.output.Print(*reply, [&](std::ostream& out) { out << ToYaml(*reply); });
  }
  return reply.status();
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  if (path == "-") {
    return std::string{std::istreambuf_iterator<char>(std::cin), {}};
  }
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return file ? absl::StatusOr<std::string>(std::move(text))
              : absl::NotFoundError("cannot be read");
}

absl::StatusOr<api::ApplyReply> Send(Api& api, const ConfigFile& config, const ApplyFlags& flags) {
  if (flags.sync) {
    api::SyncRequest request;
    request.mutable_items()->Assign(config.objects.begin(), config.objects.end());
    request.set_dry_run(flags.dry_run);
    return api.Sync(request);
  }
  api::ApplyRequest request;
  request.mutable_put()->Assign(config.objects.begin(), config.objects.end());
  request.set_dry_run(flags.dry_run);
  return api.Apply(request);
}

absl::Status In(const std::string& file, const absl::Status& status) {
  return {status.code(),
          absl::StrCat(file == "-" ? "standard input" : file, ": ", status.message())};
}

absl::Status Apply(Session& session, const ApplyFlags& flags) {
  const absl::StatusOr<std::string> text = ReadText(flags.file);
  const absl::StatusOr<ConfigFile> config = text.ok() ? ParseConfig(*text) : text.status();
  if (!config.ok()) {
    return In(flags.file, config.status());
  }
  for (const auto& [owner, count] : config->left_out) {
    session.notes << "left out: " << count << " object(s) of owner \"" << owner << "\"\n";
  }
  const absl::StatusOr<api::ApplyReply> reply = Send(session.api, *config, flags);
  if (!reply.ok()) {
    const bool about_the_file =
        absl::IsInvalidArgument(reply.status()) || absl::IsFailedPrecondition(reply.status());
    return about_the_file ? In(flags.file, reply.status()) : reply.status();
  }
  session.output.Print(*reply, [&](std::ostream& out) {
    PrintChanges(*reply, out);
    out << (flags.dry_run ? "dry run: nothing was changed\n" : "");
  });
  return absl::OkStatus();
}

}  // namespace

void AddConfigNoun(CLI::App& app, Chosen& chosen) {
  CLI::App& noun = AddNoun(app, "config", "Everything that is configured, out and in");
  const auto request = std::make_shared<api::GetConfigRequest>();
  CLI::App& dump = AddVerb(noun, "dump",
                           "Prints everything as it is configured\n"
                           "As `config apply` takes it: in YAML, or in JSON with -o json.",
                           chosen, [request](Session& session) { return Dump(session, *request); });
  AddText(dump, "--owner", "cli|agent|switch", "only objects of this owner (default: all)",
          [=](const std::string& owner) { request->set_owner(owner); })
      .OneOf({"cli", "agent", "switch"});

  const auto flags = std::make_shared<ApplyFlags>();
  CLI::App& apply = AddVerb(noun, "apply",
                            "Configures what a file says, all or nothing, and shows what changed\n"
                            "The file is JSON or YAML as `config dump` prints it. What exists is "
                            "replaced; objects of other "
                            "owners in the file are left out.",
                            chosen, [flags](Session& session) { return Apply(session, *flags); });
  AddText(apply, "FILE", "", "path of the file; - is standard input", [=](const std::string& file) {
    flags->file = file;
  }).Required();
  AddSwitch(apply, "--sync", "removes objects of owner \"cli\" that the file does not mention",
            [=] { flags->sync = true; });
  AddSwitch(apply, "--dry-run", "checks the file and shows what would change",
            [=] { flags->dry_run = true; });
}

}  // namespace pollux::ctl
