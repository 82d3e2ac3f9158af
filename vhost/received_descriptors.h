// The descriptors that a peer sends with a message, and the end of a socket that they came through.
//
// Whatever arrives must be closed some day, and even that may wait for the peer: the last close of
// a TCP socket lingers for as long as its sender chose (SO_LINGER), any close of a FUSE file asks
// whoever serves it. The same happens when the kernel drops descriptors that nobody took: cut off
// for want of room, or unread in a socket that is closed. Ports need eventfds and shared memory
// only, whose close waits for nobody. So everything is taken, everything else is refused, and
// threads that do nothing but that close it.
// Threading: any thread.
#pragma once

#include <absl/status/status.h>
#include <sys/socket.h>

#include <cstddef>
#include <vector>

#include "vhost/unique_fd.h"

namespace pollux::vhost {

// Of control data with as many descriptors as a message may have (SCM_MAX_FD of Linux).
inline constexpr std::size_t kControlBytes = CMSG_SPACE(253 * sizeof(int));

// Appends what recvmsg brought. InvalidArgument: one was neither an eventfd nor shared memory; it
// is not among `fds`.
absl::Status TakeDescriptors(msghdr& received, std::vector<UniqueFd>& fds);

// Ends a connected Unix socket: for the peer at once, here without waiting for what was not read.
void CloseConnection(UniqueFd socket);

}  // namespace pollux::vhost
