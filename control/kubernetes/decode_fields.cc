#include "control/kubernetes/decode_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string_view>

namespace pollux::kubernetes {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;
constexpr std::uint32_t kMaxPort = 65535;

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && IsLowerAlnum(text.front()) &&
         IsLowerAlnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return IsLowerAlnum(c) || c == '-' || c == '.'; });
}

Labels DecodeMap(const Field& field, std::size_t max_value) {
  Labels labels;
  field.ForEachMember([&](const std::string& key, const Field& value) {
    if (!value.present()) {
      value.Fail("is null, not a string");
    }
    std::string text = value.Text();
    if (text.size() > max_value) {
      value.Fail(absl::StrCat("is longer than ", max_value, " bytes"));
    }
    labels.emplace(key, std::move(text));
  });
  return labels;
}

LabelRequirement DecodeRequirement(const Field& field) {
  using Operator = LabelRequirement::Operator;
  LabelRequirement requirement;
  requirement.key = field["key"].Text();
  if (requirement.key.empty()) {
    field["key"].Fail("is missing");
  }
  if (!field["operator"].present()) {
    field["operator"].Fail("is missing");
  }
  requirement.op =
      DecodeWord<Operator>(field["operator"], {{"In", Operator::kIn},
                                               {"NotIn", Operator::kNotIn},
                                               {"Exists", Operator::kExists},
                                               {"DoesNotExist", Operator::kDoesNotExist}});
  const Field values = field["values"];
  values.ForEach([&](const Field& value) { requirement.values.push_back(value.Text()); });
  const bool wants_values = requirement.op == Operator::kIn || requirement.op == Operator::kNotIn;
  if (wants_values == requirement.values.empty()) {
    values.Fail(wants_values ? "is empty, but In and NotIn need values"
                             : "is given, but Exists and DoesNotExist take none");
  }
  return requirement;
}

}  // namespace

std::string DecodeName(const Field& field) {
  std::string name = field.Text();
  if (!field.present()) {
    field.Fail("is missing");
  } else if (!IsName(name)) {
    field.Fail(absl::StrCat("\"", name.substr(0, kMaxName), "\" is not a name (RFC 1123)"));
  }
  return name;
}

std::string DecodeNamespace(const Field& metadata) {
  const Field field = metadata["namespace"];
  return field.present() ? DecodeName(field) : "default";
}

Labels DecodeLabels(const Field& field) { return DecodeMap(field, kMaxLabel); }

Labels DecodeAnnotations(const Field& field) {
  constexpr std::size_t kMaxAnnotations = 256 << 10;
  return DecodeMap(field, kMaxAnnotations);
}

LabelSelector DecodeSelector(const Field& field) {
  LabelSelector selector{.match_labels = DecodeLabels(field["matchLabels"]),
                         .match_expressions = {}};
  field["matchExpressions"].ForEach([&](const Field& expression) {
    selector.match_expressions.push_back(DecodeRequirement(expression));
  });
  return selector;
}

net::IpProtocol DecodeProtocol(const Field& field) {
  return DecodeWord<net::IpProtocol>(field, {{"TCP", net::IpProtocol::kTcp},
                                             {"UDP", net::IpProtocol::kUdp},
                                             {"SCTP", net::IpProtocol::kSctp}});
}

std::uint16_t DecodePort(const Field& field) {
  return static_cast<std::uint16_t>(field.Number(1, kMaxPort, "a port"));
}

std::uint16_t DecodeRequiredPort(const Field& field) {
  if (!field.present()) {
    field.Fail("is missing");
  }
  return DecodePort(field);
}

IntOrString DecodePortOrName(const Field& field) {
  if (field.present() && field.json().is_string()) {
    const std::string name = field.Text();
    if (name.empty() || !IsName(name)) {
      field.Fail(absl::StrCat("\"", name.substr(0, kMaxLabel), "\" is not a port's name"));
    }
    return name;
  }
  return DecodePort(field);
}

net::IpAddress DecodeAddress(const Field& field) {
  const std::string text = field.Text();
  const auto address = net::IpAddress::Parse(text);
  if (!address) {
    field.Fail(absl::StrCat("\"", text.substr(0, kMaxLabel), "\" is not an IP address"));
  }
  return address.value_or(net::IpAddress{});
}

net::IpPrefix DecodeCidr(const Field& field) {
  const std::string text = field.Text();
  const auto parsed = net::InterfaceAddress::Parse(text);
  if (!parsed || text.find('/') == std::string::npos) {
    field.Fail(absl::StrCat("\"", text.substr(0, kMaxLabel), "\" is not a CIDR"));
    return {};
  }
  return parsed->subnet();
}

std::vector<net::IpAddress> DecodeAddresses(const Field& field) {
  std::vector<net::IpAddress> addresses;
  field.ForEach([&](const Field& item) { addresses.push_back(DecodeAddress(item)); });
  return addresses;
}

}  // namespace pollux::kubernetes
