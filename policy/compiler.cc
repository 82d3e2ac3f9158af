#include "policy/compiler.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace pollux::policy {
namespace {

bool Covers(const net::IpPrefix& outer, const net::IpPrefix& inner) {
  return outer.address().is_v4() == inner.address().is_v4() && outer.length() <= inner.length() &&
         outer.Contains(inner.address());
}

bool Covers(const IpBlock& block, const net::IpPrefix& prefix) {
  return Covers(block.cidr, prefix) &&
         std::none_of(block.except.begin(), block.except.end(),
                      [&](const net::IpPrefix& except) { return Covers(except, prefix); });
}

const std::optional<std::vector<Rule>>& RulesOf(const Policy& policy, Direction direction) {
  return direction == Direction::kIngress ? policy.ingress : policy.egress;
}

template <typename Visit>
void ForEachRule(std::span<const Policy> policies, Visit visit) {
  for (const Policy& policy : policies) {
    for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
      const auto& rules = RulesOf(policy, direction);
      if (rules) {
        std::for_each(rules->begin(), rules->end(), visit);
      }
    }
  }
}

}  // namespace

// Keeps what Compile needs while it works.
class Compiler {
 public:
  Compiler(std::span<const Profile> profiles, std::span<const Policy> policies)
      : profiles_(profiles), policies_(policies) {}

  CompiledPolicies Run() {
    NumberCidrs();
    ClassifyPorts();
    compiled_.profiles_.resize(profiles_.size());
    NumberSets(Direction::kIngress);
    NumberSets(Direction::kEgress);
    std::vector<VerdictMap::Entry> entries;
    entries.reserve(entries_.size());
    for (const auto& [key, value] : entries_) {
      const auto& [set, pod, cidr, port] = key;
      entries.push_back({{set, pod, cidr, port}, value});
    }
    compiled_.verdicts_ = VerdictMap(entries);
    return std::move(compiled_);
  }

 private:
  using Key = std::tuple<PolicySet, std::uint32_t, std::uint32_t, PortClasses::Class>;
  // What the members of a set have in common. Rules for named ports of the subject mean another
  // port for each of its profiles that has other ports.
  using Membership = std::pair<std::vector<std::uint32_t>, decltype(Profile::named_ports)>;

  // One rule while its entries are written.
  struct Writing {
    PolicySet set;
    Direction direction;
    const Profile& subject;
    const Policy& policy;
    const Rule& rule;
    std::uint32_t number;
  };

  void NumberCidrs() {
    std::set<net::IpPrefix> prefixes;
    ForEachRule(policies_, [&](const Rule& rule) {
      for (const PeerMatch& peer : rule.peers) {
        if (const auto* block = std::get_if<IpBlock>(&peer)) {
          prefixes.insert(block->cidr);
          prefixes.insert(block->except.begin(), block->except.end());
        }
      }
    });
    for (const net::IpPrefix& prefix : prefixes) {
      const auto id = static_cast<std::uint32_t>(compiled_.cidrs_.size() + 1);
      compiled_.cidrs_.push_back({prefix, id});
    }
  }

  void ClassifyPorts() {
    std::vector<PortRange> ranges;
    std::set<std::pair<std::string, net::IpProtocol>> names;
    ForEachRule(policies_, [&](const Rule& rule) {
      for (const PortMatch& match : rule.ports) {
        if (const auto* range = std::get_if<PortRange>(&match)) {
          ranges.push_back(*range);
        } else {
          const auto& named = std::get<NamedPort>(match);
          names.emplace(named.name, named.protocol);
        }
      }
    });
    for (const Profile& profile : profiles_) {
      for (const auto& [name, number] : profile.named_ports) {
        if (names.contains(name)) {
          ranges.push_back({name.second, number, number});
        }
      }
    }
    compiled_.ports_ = PortClasses(ranges);
  }

  void NumberSets(Direction direction) {
    std::map<Membership, PolicySet> known;
    for (std::size_t i = 0; i < profiles_.size(); ++i) {
      Membership membership = MembershipOf(profiles_[i], direction);
      PolicySet set = kNoPolicySet;
      if (!membership.first.empty()) {
        const auto next = static_cast<PolicySet>(compiled_.sets_.size());
        const auto [at, is_new] = known.try_emplace(std::move(membership), next);
        set = at->second;
        if (is_new) {
          AddSet(at->first.first, profiles_[i], direction);
        }
      }
      CompiledPolicies::Sets& sets = compiled_.profiles_[i];
      (direction == Direction::kIngress ? sets.ingress : sets.egress) = set;
    }
  }

  [[nodiscard]] Membership MembershipOf(const Profile& profile, Direction direction) const {
    Membership membership;
    bool named = false;
    for (std::uint32_t i = 0; i < policies_.size(); ++i) {
      const Policy& policy = policies_[i];
      const auto& rules = RulesOf(policy, direction);
      if (!rules || policy.name_space != profile.name_space ||
          !policy.pods.Matches(profile.labels)) {
        continue;
      }
      membership.first.push_back(i);
      named = named || std::any_of(rules->begin(), rules->end(), [](const Rule& rule) {
                return std::any_of(rule.ports.begin(), rule.ports.end(), [](const PortMatch& port) {
                  return std::holds_alternative<NamedPort>(port);
                });
              });
    }
    if (named && direction == Direction::kIngress) {
      membership.second = profile.named_ports;
    }
    return membership;
  }

  void AddSet(const std::vector<std::uint32_t>& members, const Profile& subject,
              Direction direction) {
    CompiledPolicies::Set set{.policies = members};
    const auto number = static_cast<PolicySet>(compiled_.sets_.size());
    for (const std::uint32_t i : members) {
      const Policy& policy = policies_[i];
      (policy.audit ? set.isolates_audited : set.isolates) = true;
      const std::vector<Rule>& rules = *RulesOf(policy, direction);
      for (std::uint32_t r = 0; r < rules.size(); ++r) {
        const auto rule = static_cast<std::uint32_t>(compiled_.rules_.size());
        compiled_.rules_.push_back({i, r});
        Write({number, direction, subject, policy, rules[r], rule});
      }
    }
    compiled_.sets_.push_back(std::move(set));
  }

  void Write(const Writing& w) {
    if (w.rule.peers.empty()) {
      WritePorts(w, 0, 0, nullptr);
      if (w.direction == Direction::kEgress) {
        WriteNamedPortsOfAll(w);
      }
    }
    for (const PeerMatch& peer : w.rule.peers) {
      if (const auto* pods = std::get_if<PodPeers>(&peer)) {
        WritePods(w, *pods);
      } else {
        WriteBlock(w, std::get<IpBlock>(peer));
      }
    }
  }

  void WritePods(const Writing& w, const PodPeers& peers) {
    for (std::uint32_t i = 0; i < profiles_.size(); ++i) {
      const Profile& profile = profiles_[i];
      const bool in_namespace = peers.namespaces
                                    ? peers.namespaces->Matches(profile.namespace_labels)
                                    : profile.name_space == w.policy.name_space;
      if (in_namespace && peers.pods.Matches(profile.labels)) {
        WritePorts(w, i + 1, 0, &profile);
      }
    }
  }

  void WriteBlock(const Writing& w, const IpBlock& block) {
    for (const CompiledPolicies::Cidr& cidr : compiled_.cidrs_) {
      if (Covers(block, cidr.prefix)) {
        WritePorts(w, 0, cidr.id, nullptr);
      }
    }
  }

  // Everybody may be connected to at that name, which only pods have.
  void WriteNamedPortsOfAll(const Writing& w) {
    const bool named = std::any_of(w.rule.ports.begin(), w.rule.ports.end(), [](const auto& port) {
      return std::holds_alternative<NamedPort>(port);
    });
    for (std::uint32_t i = 0; named && i < profiles_.size(); ++i) {
      WritePorts(w, i + 1, 0, &profiles_[i]);
    }
  }

  // For one peer: `profile` is null if it is no pod.
  void WritePorts(const Writing& w, std::uint32_t pod, std::uint32_t cidr, const Profile* profile) {
    const Profile* target = w.direction == Direction::kIngress ? &w.subject : profile;
    if (w.rule.ports.empty()) {
      WriteEntry(w, {w.set, pod, cidr, PortClasses::kNone});
    }
    for (const PortMatch& match : w.rule.ports) {
      const std::optional<PortRange> range = Resolve(match, target);
      if (range) {
        const auto [first, last] = compiled_.ports_.ClassesOf(*range);
        for (PortClasses::Class c = first; c <= last; ++c) {
          WriteEntry(w, {w.set, pod, cidr, c});
        }
      }
    }
  }

  static std::optional<PortRange> Resolve(const PortMatch& match, const Profile* target) {
    if (const auto* range = std::get_if<PortRange>(&match)) {
      return *range;
    }
    const auto& named = std::get<NamedPort>(match);
    if (target == nullptr) {
      return std::nullopt;
    }
    const auto at = target->named_ports.find({named.name, named.protocol});
    if (at == target->named_ports.end()) {
      return std::nullopt;
    }
    return PortRange{named.protocol, at->second, at->second};
  }

  // The first rule that allows something is the one that is told.
  void WriteEntry(const Writing& w, const Key& key) {
    VerdictMap::Value& value = entries_[key];
    std::uint32_t& rule = w.policy.audit ? value.audited : value.enforced;
    rule = std::min(rule, w.number);
  }

  std::span<const Profile> profiles_;
  std::span<const Policy> policies_;
  CompiledPolicies compiled_;
  std::map<Key, VerdictMap::Value> entries_;
};

CompiledPolicies Compile(std::span<const Profile> profiles, std::span<const Policy> policies) {
  return Compiler(profiles, policies).Run();
}

std::span<const std::uint32_t> CompiledPolicies::PoliciesOf(PolicySet set) const {
  return sets_[set].policies;
}

Judgement CompiledPolicies::Judge(const Question& question) const {
  const Set& set = sets_[question.subject];
  if (!set.isolates && !set.isolates_audited) {
    return {};
  }
  const std::uint32_t pod = question.peer_profile ? *question.peer_profile + 1 : 0;
  const PortClasses::Class port = ports_.ClassOf(question.protocol, question.port);
  VerdictMap::Value found;
  const auto look = [&](std::uint32_t pod_part, std::uint32_t cidr_part) {
    for (const PortClasses::Class port_part : {PortClasses::kNone, port}) {
      const VerdictMap::Value value =
          verdicts_.Find({question.subject, pod_part, cidr_part, port_part});
      found.enforced = std::min(found.enforced, value.enforced);
      found.audited = std::min(found.audited, value.audited);
    }
  };
  look(0, 0);
  look(pod, 0);
  look(0, question.peer_cidr);
  Judgement judgement;
  judgement.allowed = !set.isolates || found.enforced != VerdictMap::kNoRule;
  if (found.enforced != VerdictMap::kNoRule) {
    judgement.rule = rules_[found.enforced];
  }
  judgement.audit_denies = judgement.allowed && set.isolates_audited &&
                           found.enforced == VerdictMap::kNoRule &&
                           found.audited == VerdictMap::kNoRule;
  return judgement;
}

}  // namespace pollux::policy
