// The field types that several kinds share: names, labels, ports, protocols, addresses.
// Threading: pure functions.
#pragma once

#include <absl/strings/str_cat.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "control/kubernetes/field.h"
#include "control/kubernetes/network_policy.h"
#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::kubernetes {

// A required name in the form of a DNS subdomain (RFC 1123).
std::string DecodeName(const Field& field);
// metadata.namespace, "default" if absent.
std::string DecodeNamespace(const Field& metadata);
Labels DecodeLabels(const Field& field);
Labels DecodeAnnotations(const Field& field);
LabelSelector DecodeSelector(const Field& field);
net::IpProtocol DecodeProtocol(const Field& field);  // TCP if absent
std::uint16_t DecodePort(const Field& field);        // 0 if absent
std::uint16_t DecodeRequiredPort(const Field& field);
IntOrString DecodePortOrName(const Field& field);
net::IpAddress DecodeAddress(const Field& field);
net::IpPrefix DecodeCidr(const Field& field);  // clears host bits, as Kubernetes does
std::vector<net::IpAddress> DecodeAddresses(const Field& field);

// One of a few words; the first is the default.
template <typename Value>
Value DecodeWord(const Field& field, std::initializer_list<std::pair<const char*, Value>> words) {
  if (!field.present()) {
    return words.begin()->second;
  }
  const std::string text = field.Text();
  std::string known;
  for (const auto& [word, value] : words) {
    if (text == word) {
      return value;
    }
    absl::StrAppend(&known, known.empty() ? "" : ", ", word);
  }
  field.Fail(absl::StrCat("\"", text.substr(0, 128), "\" is none of ", known));
  return words.begin()->second;
}

}  // namespace pollux::kubernetes
