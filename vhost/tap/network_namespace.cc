#include "vhost/tap/network_namespace.h"

#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>

#include "vhost/unique_fd.h"

namespace pollux::vhost {
namespace {

constexpr std::size_t kReplyBytes = 32768;  // a link with all its attributes fits

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};

// Sends one request and hands each reply message to `callback` until the acknowledgement.
absl::Status Exchange(nlmsghdr* request, mnl_cb_t callback, void* data) {
  const std::unique_ptr<mnl_socket, CloseSocket> socket(
      mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return absl::ErrnoToStatus(errno, "netlink socket");
  }
  request->nlmsg_seq = 1;
  request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) {
    return absl::ErrnoToStatus(errno, "netlink request");
  }
  const auto reply = std::make_unique<std::array<char, kReplyBytes>>();
  int more = MNL_CB_OK;
  while (more == MNL_CB_OK) {
    const ssize_t n = mnl_socket_recvfrom(socket.get(), reply->data(), reply->size());
    more = n < 0 ? MNL_CB_ERROR
                 : mnl_cb_run(reply->data(), static_cast<std::size_t>(n), request->nlmsg_seq,
                              mnl_socket_get_portid(socket.get()), callback, data);
  }
  return more == MNL_CB_ERROR ? absl::ErrnoToStatus(errno, "netlink") : absl::OkStatus();
}

class LinkRequest {
 public:
  LinkRequest(std::uint16_t type, int index)
      : message_(mnl_nlmsg_put_header(bytes_.data())),
        info_(static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message_, sizeof(ifinfomsg)))) {
    message_->nlmsg_type = type;
    info_->ifi_family = AF_UNSPEC;
    info_->ifi_index = index;
  }
  [[nodiscard]] nlmsghdr* message() { return message_; }
  [[nodiscard]] ifinfomsg& info() { return *info_; }

 private:
  alignas(nlmsghdr) std::array<char, 1024> bytes_{};
  nlmsghdr* message_;
  ifinfomsg* info_;
};

int ReadLinkInfo(const nlattr* attribute, void* link) {
  if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND &&
      mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0) {
    static_cast<Link*>(link)->kind = mnl_attr_get_str(attribute);
  }
  return MNL_CB_OK;
}

int ReadLinkAttribute(const nlattr* attribute, void* data) {
  Link& link = *static_cast<Link*>(data);
  switch (mnl_attr_get_type(attribute)) {
    case IFLA_ADDRESS:
      if (mnl_attr_get_payload_len(attribute) == sizeof(link.mac)) {
        std::memcpy(&link.mac, mnl_attr_get_payload(attribute), sizeof(link.mac));
      }
      return MNL_CB_OK;
    case IFLA_MTU:
      link.mtu = mnl_attr_get_u32(attribute);
      return MNL_CB_OK;
    case IFLA_IFALIAS:
      link.alias = mnl_attr_get_str(attribute);
      return MNL_CB_OK;
    case IFLA_LINKINFO:
      return mnl_attr_parse_nested(attribute, ReadLinkInfo, data);
    default:
      return MNL_CB_OK;
  }
}

int ReadLink(const nlmsghdr* message, void* data) {
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  Link& link = *static_cast<Link*>(data);
  link.index = info->ifi_index;
  link.up = (info->ifi_flags & IFF_UP) != 0;
  link.running = (info->ifi_flags & IFF_RUNNING) != 0;
  return mnl_attr_parse(message, sizeof(*info), ReadLinkAttribute, data);
}

}  // namespace

absl::Status InNetworkNamespace(int fd, absl::FunctionRef<absl::Status()> work) {
  absl::Status status;
  std::thread([&] {
    status = setns(fd, CLONE_NEWNET) == 0 ? work()
                                          : absl::ErrnoToStatus(errno, "netns: cannot be entered");
  }).join();
  return status;
}

absl::Status InNetworkNamespace(const std::string& path, absl::FunctionRef<absl::Status()> work) {
  if (path.empty()) {
    return work();
  }
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    return absl::ErrnoToStatus(errno,
                               absl::StrFormat("netns: '%s' cannot be opened; is the pod gone, or "
                                               "the path not mounted for the switch?",
                                               path));
  }
  return InNetworkNamespace(fd.get(), work);
}

absl::StatusOr<std::optional<Link>> FindLink(const std::string& ifname) {
  LinkRequest request(RTM_GETLINK, 0);
  mnl_attr_put_strz(request.message(), IFLA_IFNAME, ifname.c_str());
  Link link;
  const absl::Status status = Exchange(request.message(), ReadLink, &link);
  if (status.ok()) {
    return link;
  }
  if (absl::IsNotFound(status)) {  // ENODEV
    return std::nullopt;
  }
  return status;
}

absl::Status ConfigureLink(int index, const LinkSettings& settings) {
  LinkRequest request(RTM_NEWLINK, index);
  request.info().ifi_flags = IFF_UP;
  request.info().ifi_change = IFF_UP;
  nlmsghdr* message = request.message();
  if (!settings.mac.is_zero()) {
    mnl_attr_put(message, IFLA_ADDRESS, sizeof(settings.mac), settings.mac.bytes.data());
  }
  mnl_attr_put_u32(message, IFLA_MTU, settings.mtu);
  mnl_attr_put_u32(message, IFLA_TXQLEN, settings.tx_queue_length);
  mnl_attr_put_strz(message, IFLA_IFALIAS, settings.alias.c_str());
  return Exchange(message, nullptr, nullptr);
}

}  // namespace pollux::vhost
