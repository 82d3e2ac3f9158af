// From policies and pods to verdicts.
//
// Theory: the sides of a question become numbers, so that its answer costs a few looks into one
// hashed map however many policies there are.
//   subject  the pods that the same policies select (in one direction) share a policy set
//   peer     a pod is its profile; any address is also its longest prefix among those that rules
//            name, which is inside a block, or an exception of it, as a whole
//   port     a class of ports that no rule tells apart
// A rule writes one entry for each combination that it allows; what it leaves open (any peer, any
// port) is 0 in the key. So a question has two answers for the port (its class, any) times three
// for the peer (its profile, its prefix, any): six looks.
// Threading: Compile is pure; what it makes is immutable, for any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "policy/policy.h"
#include "policy/port_classes.h"
#include "policy/verdict_map.h"

namespace pollux::policy {

enum class Direction : std::uint8_t { kIngress, kEgress };

// Of a pod, in one direction.
using PolicySet = std::uint32_t;
inline constexpr PolicySet kNoPolicySet = 0;  // no policy selects it: everything is allowed

struct Question {
  PolicySet subject = kNoPolicySet;
  std::optional<std::uint32_t> peer_profile;  // where the peer is a pod
  std::uint32_t peer_cidr = 0;                // CompiledPolicies::cidrs by the peer's address
  net::IpProtocol protocol{};
  std::uint16_t port = 0;  // where the connection goes to; of TCP, UDP and SCTP
};

struct Judgement {
  bool allowed = true;
  std::optional<RuleRef> rule;  // that allows it; none where nothing isolates, or where denied
  // An audited policy would deny what is allowed.
  bool audit_denies = false;
};

class CompiledPolicies {
 public:
  struct Sets {
    PolicySet ingress = kNoPolicySet;
    PolicySet egress = kNoPolicySet;
  };
  struct Cidr {
    net::IpPrefix prefix;
    std::uint32_t id;  // from 1
  };

  // By profile, in the order of Compile's argument.
  [[nodiscard]] const std::vector<Sets>& profiles() const { return profiles_; }
  // For a longest-prefix match; no prefix twice.
  [[nodiscard]] const std::vector<Cidr>& cidrs() const { return cidrs_; }
  // The policies of a set, by their place in Compile's argument; who denies, if it isolates.
  [[nodiscard]] std::span<const std::uint32_t> PoliciesOf(PolicySet set) const;
  [[nodiscard]] Judgement Judge(const Question& question) const;
  [[nodiscard]] const VerdictMap& verdicts() const { return verdicts_; }

 private:
  friend class Compiler;
  struct Set {
    std::vector<std::uint32_t> policies;
    bool isolates = false;
    bool isolates_audited = false;
  };

  std::vector<Sets> profiles_;
  std::vector<Cidr> cidrs_;
  std::vector<Set> sets_{Set{}};  // by number
  std::vector<RuleRef> rules_;    // by the numbers in the map
  PortClasses ports_;
  VerdictMap verdicts_;
};

CompiledPolicies Compile(std::span<const Profile> profiles, std::span<const Policy> policies);

}  // namespace pollux::policy
