#include "control/services/claims.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace pollux::services {
namespace {

using Key = std::tuple<net::IpAddress, net::IpProtocol, std::uint16_t>;

struct Claim {
  Draft* draft;
  WantedFrontend* wanted;

  [[nodiscard]] Key key() const {
    return {wanted->config.ip, draft->config.protocol, wanted->config.port};
  }
  [[nodiscard]] bool IsStrongerThan(const Claim& other) const {
    return std::tie(wanted->source, draft->created) <
           std::tie(other.wanted->source, other.draft->created);
  }
};

const char* NameOf(net::IpProtocol protocol) {
  return protocol == net::IpProtocol::kTcp   ? "TCP"
         : protocol == net::IpProtocol::kUdp ? "UDP"
                                             : "SCTP";
}

void Report(const Draft& loser, const std::string& field, const std::string& text,
            kubernetes::ObjectProblems& problems) {
  problems.push_back({loser.kind, loser.object, field, text});
}

// Names come from objects' names and their ports'; whoever is second is not served.
void SettleNames(std::vector<Draft>& drafts, kubernetes::ObjectProblems& problems) {
  std::unordered_map<std::string_view, const Draft*> owners;
  for (Draft& draft : drafts) {
    const auto [owner, is_new] = owners.try_emplace(draft.config.name, &draft);
    if (!is_new) {
      Report(draft, draft.field, absl::StrCat("the name ", draft.config.name, " is not unique"),
             problems);
      draft.wanted.clear();
    }
  }
}

std::vector<Claim> ByStrength(std::vector<Draft>& drafts) {
  std::vector<Claim> claims;
  for (Draft& draft : drafts) {
    for (WantedFrontend& wanted : draft.wanted) {
      claims.push_back({&draft, &wanted});
    }
  }
  std::stable_sort(claims.begin(), claims.end(),
                   [](const Claim& a, const Claim& b) { return a.IsStrongerThan(b); });
  return claims;
}

std::string Taken(const Claim& claim, const Draft& owner) {
  return absl::StrCat(claim.wanted->config.ip.ToString(), " ", NameOf(claim.draft->config.protocol),
                      " port ", claim.wanted->config.port, " is taken by ", owner.kind, " ",
                      owner.object.first, "/", owner.object.second);
}

}  // namespace

void SettleClaims(std::vector<Draft>& drafts, kubernetes::ObjectProblems& problems) {
  SettleNames(drafts, problems);
  std::map<Key, const Draft*> owners;
  for (const Claim& claim : ByStrength(drafts)) {
    const auto [owner, is_new] = owners.try_emplace(claim.key(), claim.draft);
    if (is_new) {
      claim.draft->config.frontends.push_back(std::move(claim.wanted->config));
    } else if (owner->second != claim.draft) {  // else it is reachable there already
      Report(*claim.draft, claim.wanted->field, Taken(claim, *owner->second), problems);
    }
  }
  for (Draft& draft : drafts) {
    draft.wanted.clear();
  }
}

}  // namespace pollux::services
