#include "control/agent/agent.h"

#include <absl/strings/str_cat.h>
#include <glog/logging.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

namespace pollux::agent {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often directory and switch are looked at, come what may.
constexpr milliseconds kPeriod{2000};
// Until the switch has what it should.
constexpr milliseconds kRetry{250};

constexpr const char* kInStep = "in step";
constexpr const char* kUnreachable = "unreachable: ";

api::ManifestFile ToProto(const kubernetes::ManifestDirectory::File& file) {
  api::ManifestFile proto;
  proto.set_name(file.name);
  proto.set_objects(static_cast<std::uint32_t>(file.objects));
  for (const kubernetes::ManifestProblem& problem : file.problems) {
    api::ManifestProblem* item = proto.add_problems();
    item->set_line(static_cast<std::uint32_t>(problem.line));
    item->set_field(problem.field);
    item->set_text(problem.text);
  }
  for (const std::string& kind : file.ignored) {
    proto.add_ignored(kind);
  }
  return proto;
}

std::string NameOf(const kubernetes::ObjectName& object) {
  return object.first.empty() ? object.second : absl::StrCat(object.first, "/", object.second);
}

api::Refusal ToProto(const kubernetes::ObjectProblem& problem) {
  api::Refusal refusal;
  refusal.set_kind(problem.kind);
  refusal.set_object(NameOf(problem.object));
  refusal.set_field(problem.field);
  refusal.set_text(problem.text);
  return refusal;
}

void Log(const std::string& directory, const kubernetes::ManifestDirectory::File& file) {
  for (const kubernetes::ManifestProblem& problem : file.problems) {
    LOG(WARNING) << directory << (file.name.empty() ? "" : "/") << file.name
                 << (problem.line > 0 ? absl::StrCat(":", problem.line) : "") << ": "
                 << (problem.field.empty() ? "" : problem.field + ": ") << problem.text;
  }
}

void Log(const kubernetes::ObjectProblem& problem) {
  LOG(WARNING) << problem.kind << " " << NameOf(problem.object) << ": " << problem.field << ": "
               << problem.text;
}

}  // namespace

Agent::Agent(const Options& options, SwitchClient& client, StatusBoard& board)
    : options_(options),
      board_(board),
      keeper_(client),
      watch_(options.manifests),
      directory_(options.manifests),
      desired_(options) {
  Tell("not told anything yet");
}

void Agent::Run() {
  do {
    Step();
  } while (watch_.Wait(told_ == kInStep ? kPeriod : kRetry));
}

void Agent::Step() {
  const Clock::time_point start = Clock::now();
  const bool changed = directory_.Scan();
  if (changed) {
    Read();
  }
  const std::string state = Bring();
  if (state != told_) {
    LOG(INFO) << "the switch is " << state;
    told_ = state;
  }
  health_server_.Serve(desired_.health_addresses(), desired_.health_checks(),
                       !state.starts_with(kUnreachable));
  Tell(state);
  if (changed) {
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
    board_.Change([&](api::GetAgentStatusReply& reply) {
      reply.mutable_items(0)->set_last_change_ms(static_cast<std::uint32_t>(took.count()));
    });
  }
}

void Agent::Read() {
  desired_.Update(directory_.cluster());
  for (const auto& file : directory_.files()) {
    Log(options_.manifests, file);
  }
  for (const kubernetes::ObjectProblem& problem : desired_.problems()) {
    Log(problem);
  }
}

std::string Agent::Bring() {
  if (const absl::Status status = keeper_.Check(); !status.ok()) {
    return absl::StrCat(kUnreachable, std::string(status.message()));
  }
  const absl::Status status = keeper_.Bring(desired_.state());
  if (status.ok()) {
    return kInStep;
  }
  return absl::StrCat(absl::IsUnavailable(status) ? kUnreachable : "refusing: ",
                      std::string(status.message()));
}

void Agent::Tell(const std::string& switch_state) {
  const control::Forwarding& forwarding = desired_.state().forwarding;
  api::AgentStatus status;
  status.set_version(POLLUX_VERSION);
  status.set_pid(static_cast<std::uint32_t>(getpid()));
  status.set_node(options_.node_name);
  status.set_source("manifests " + options_.manifests);
  for (const auto& file : directory_.files()) {
    *status.add_files() = ToProto(file);
  }
  for (const auto* problems : {&desired_.problems(), &health_server_.problems()}) {
    for (const kubernetes::ObjectProblem& problem : *problems) {
      *status.add_refusals() = ToProto(problem);
    }
  }
  status.set_services(static_cast<std::uint32_t>(forwarding.services.size()));
  status.set_workloads(static_cast<std::uint32_t>(forwarding.workloads.size()));
  status.set_policies(static_cast<std::uint32_t>(forwarding.policies.size()));
  status.set_switch_state(switch_state);
  board_.Change([&](api::GetAgentStatusReply& reply) {
    status.set_last_change_ms(reply.items().empty() ? 0 : reply.items(0).last_change_ms());
    reply.set_revision(keeper_.revision());
    reply.clear_items();
    *reply.add_items() = std::move(status);
  });
}

}  // namespace pollux::agent
