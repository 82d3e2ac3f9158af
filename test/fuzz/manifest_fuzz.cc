// A manifest of any bytes, and what the agent makes of it. What must hold:
//  - what is wrong with it is told in words, at lines that it has;
//  - what can be had of it are services whose names, and whose addresses with their ports, are
//    unique, as the switch demands, and policies that compile;
//  - the same again is the same object, so nothing is sent or compiled for nothing.
//
// Input: 1 byte (odd: JSON), then the text.
#include <glog/logging.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>

#include "control/kubernetes/manifest.h"
#include "control/policies/translate.h"
#include "control/services/translate.h"
#include "policy/compiler.h"
#include "test/fuzz/input.h"

namespace pollux {
namespace {

kubernetes::Manifest Read(bool json, const std::string& text) {
  kubernetes::Manifest manifest =
      kubernetes::ReadManifest(json ? "fuzzed.json" : "fuzzed.yaml", text);
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  for (const kubernetes::ManifestProblem& problem : manifest.problems) {
    CHECK(!problem.text.empty());
    CHECK(problem.line >= 0 && problem.line <= lines) << problem.line << ": " << problem.text;
  }
  return manifest;
}

void CheckProblems(const kubernetes::ObjectProblems& problems) {
  for (const kubernetes::ObjectProblem& problem : problems) {
    CHECK(!problem.kind.empty() && !problem.text.empty());
  }
}

void CheckServices(const kubernetes::Cluster& cluster) {
  const services::Options here{.node_name = "here",
                               .node_addresses = {net::IpAddress::Parse("10.1.0.1").value(),
                                                  net::IpAddress::Parse("fd00::1").value()},
                               .nodeport_addresses = {},
                               .pod_cidrs = {net::IpPrefix::Parse("10.1.0.0/16").value()},
                               .allow_external_ips = true};
  const services::Translation translation = services::Translate(cluster, here);
  CheckProblems(translation.problems);
  std::set<std::string> names;
  std::set<std::tuple<net::IpAddress, net::IpProtocol, std::uint16_t>> places;
  for (const auto& service : translation.services) {
    CHECK(names.insert(service->name).second) << service->name << " twice";
    for (const core::FrontendConfig& frontend : service->frontends) {
      CHECK(places.insert({frontend.ip, service->protocol, frontend.port}).second)
          << service->name << ": " << frontend.ip.ToString() << " twice";
    }
  }
  const services::Translation again = services::Translate(cluster, here, translation.services);
  CHECK(again.services == translation.services);
  CHECK(again.health_checks == translation.health_checks);
}

void CheckPolicies(const kubernetes::Cluster& cluster) {
  const policies::Translation translation = policies::Translate(cluster);
  CheckProblems(translation.problems);
  for (const policies::PodIdentity& pod : translation.pods) {
    CHECK_LT(pod.profile, translation.input->profiles.size());
  }
  policy::Compile(translation.input->profiles, translation.input->policies);
  CHECK(policies::Translate(cluster, translation.input).input == translation.input);
}

}  // namespace
}  // namespace pollux

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pollux;
  fuzz::Input input(data, size);
  const bool json = (input.Take<std::uint8_t>() & 1) != 0;
  const auto rest = input.TakeRest();
  const std::string text(reinterpret_cast<const char*>(rest.data()), rest.size());
  const kubernetes::Manifest manifest = Read(json, text);
  CheckServices(manifest.objects);
  CheckPolicies(manifest.objects);
  return 0;
}
