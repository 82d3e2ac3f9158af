// Reads the fields of an object of the API: what is wrong is named with its field.
// Threading: one thread.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_format.h>

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/state/field_error.h"
#include "dataplane/core/port_spec.h"
#include "dataplane/net/headers.h"

namespace pollux::control {

inline constexpr std::string_view kIpAddress = "an IP address";
inline constexpr std::string_view kPrefix = "a prefix (ADDRESS/LENGTH, host bits zero)";

// Reads the fields of one object and keeps the first error, so that reading goes on like a list.
class FieldReader {
 public:
  explicit FieldReader(std::string object) : object_(std::move(object)) {}

  void Fail(std::string_view field, std::string_view what) {
    if (status_.ok()) {
      status_ = FieldError(field, what, object_);
    }
  }

  // One of a few words; the first stands for an absent one.
  template <typename Value>
  Value ReadWord(std::string_view field, std::string_view text,
                 std::initializer_list<std::pair<std::string_view, Value>> words) {
    std::string known;
    for (const auto& [word, value] : words) {
      if (text == word) {
        return value;
      }
      absl::StrAppendFormat(&known, "%s\"%s\"", known.empty() ? "" : ", ", std::string(word));
    }
    if (!text.empty()) {
      Fail(field, absl::StrFormat("%s is none of %s", Quoted(text), known));
    }
    return words.begin()->second;
  }
  net::IpProtocol ReadProtocol(std::string_view field, std::string_view text) {
    return ReadWord<net::IpProtocol>(field, text,
                                     {{"tcp", net::IpProtocol::kTcp},
                                      {"udp", net::IpProtocol::kUdp},
                                      {"sctp", net::IpProtocol::kSctp}});
  }
  // Texts that are all addresses or prefixes: `field` without its index.
  template <typename Address, typename Texts>
  std::vector<Address> ReadAll(std::string_view field, const Texts& texts, std::string_view what) {
    std::vector<Address> addresses;
    for (const std::string& text : texts) {
      addresses.push_back(
          Read<Address>(absl::StrFormat("%s[%d]", field, addresses.size()), text, what));
    }
    return addresses;
  }

  // An address in text form; `what` says what it should be.
  template <typename Address>
  Address Read(std::string_view field, const std::string& text, std::string_view what) {
    const std::optional<Address> address = Address::Parse(text);
    if (!address) {
      Fail(field, absl::StrFormat("%s is not %s", Quoted(text), what));
    }
    return address.value_or(Address{});
  }

  // 0 stands for the default.
  std::uint16_t ReadNumber(std::string_view field, std::uint32_t value, std::uint16_t if_zero) {
    if (value > std::numeric_limits<std::uint16_t>::max()) {
      Fail(field, absl::StrFormat("%d is too large", value));
    }
    return value == 0 ? if_zero : static_cast<std::uint16_t>(value);
  }

  core::SocketMode ReadMode(std::string_view field, std::string_view text) {
    if (text != "client" && text != "server" && !text.empty()) {
      Fail(field, absl::StrFormat("%s is neither \"server\" nor \"client\"", Quoted(text)));
    }
    return text == "client" ? core::SocketMode::kClient : core::SocketMode::kServer;
  }

  // Absent stands for 0.
  std::uint32_t ReadOctal(std::string_view field, const std::string& text) {
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value, 8);
    if (!text.empty() && (error != std::errc{} || at != end)) {
      Fail(field, Quoted(text) + " is not an octal number such as 0660");
      return 0;
    }
    return value;
  }

  [[nodiscard]] const absl::Status& status() const { return status_; }

 private:
  const std::string object_;
  absl::Status status_;
};

}  // namespace pollux::control
